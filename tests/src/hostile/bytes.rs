//! Changes taken apart byte by byte, to be put together wrongly.
//!
//! The format is Automerge's: <https://automerge.org/automerge-binary-format-spec/>. Whether a
//! change is right is nobody's question here.

use sha2::{Digest as _, Sha256};

/// A change in its parts; columns are `(id << 4 | deflated << 3 | type, bytes)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawChange {
    /// The type of the chunk: 1 is a change, 2 a deflated one.
    pub kind: u8,
    /// The changes that it follows.
    pub deps: Vec<[u8; 32]>,
    /// Who says to have written it.
    pub actor: Vec<u8>,
    /// Its number among those of the actor.
    pub seq: u64,
    /// The counter of its first operation.
    pub start: u64,
    /// When it says to have been written.
    pub time: i64,
    /// What it says of itself.
    pub message: Vec<u8>,
    /// Other actors that its operations name.
    pub others: Vec<Vec<u8>>,
    /// Its operations, column by column.
    pub columns: Vec<(u64, Vec<u8>)>,
    /// What follows the columns.
    pub extra: Vec<u8>,
}

/// The columns of objects, keys, actions, values and predecessors.
pub const OBJECT_ACTOR: u64 = 1;
/// The counters of objects.
pub const OBJECT_COUNTER: u64 = 2;
/// The keys of maps.
pub const KEY_STRING: u64 = 21;
/// Whether an operation inserts.
pub const INSERT: u64 = 52;
/// What an operation does.
pub const ACTION: u64 = 66;
/// Kind and length of each value.
pub const VALUE_META: u64 = 86;
/// The bytes of all values.
pub const VALUE_RAW: u64 = 87;
/// How many values each operation replaces.
pub const PREDECESSOR_GROUP: u64 = 112;
/// Every column that a change may have.
pub const COLUMNS: [u64; 12] = [
    OBJECT_ACTOR,
    OBJECT_COUNTER,
    17,
    19,
    KEY_STRING,
    INSERT,
    ACTION,
    VALUE_META,
    VALUE_RAW,
    PREDECESSOR_GROUP,
    113,
    115,
];

impl RawChange {
    /// Takes an honest change apart; nothing where the bytes are none.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(body_of(bytes)?);
        let deps = (0..reader.unsigned()?)
            .map(|_| reader.take(32)?.try_into().ok())
            .collect::<Option<Vec<[u8; 32]>>>()?;
        let actor = reader.prefixed()?;
        let (seq, start, time) = (reader.unsigned()?, reader.unsigned()?, reader.signed()?);
        let message = reader.prefixed()?;
        let others =
            (0..reader.unsigned()?).map(|_| reader.prefixed()).collect::<Option<Vec<_>>>()?;
        let named = (0..reader.unsigned()?)
            .map(|_| Some((reader.unsigned()?, reader.unsigned()?)))
            .collect::<Option<Vec<_>>>()?;
        let columns = named
            .into_iter()
            .map(|(specification, length)| {
                Some((specification, reader.take(usize::try_from(length).ok()?)?.to_vec()))
            })
            .collect::<Option<Vec<_>>>()?;
        let extra = reader.0.to_vec();
        Some(Self { kind: 1, deps, actor, seq, start, time, message, others, columns, extra })
    }

    /// Returns the change with these bytes in a column.
    #[must_use]
    pub fn with(mut self, specification: u64, data: Vec<u8>) -> Self {
        self.columns.retain(|(own, _)| *own != specification);
        self.columns.push((specification, data));
        self.columns.sort();
        self
    }

    /// Returns what stands in a column; nothing where there is none.
    pub fn column(&self, specification: u64) -> Vec<u8> {
        let column = self.columns.iter().find(|(own, _)| *own == specification);
        column.map(|(_, data)| data.clone()).unwrap_or_default()
    }

    /// Returns what stands in the chunk.
    pub fn body(&self) -> Vec<u8> {
        let mut body = unsigned(self.deps.len() as u64);
        self.deps.iter().for_each(|dep| body.extend(dep));
        body.extend(prefixed(&self.actor));
        body.extend(unsigned(self.seq));
        body.extend(unsigned(self.start));
        body.extend(signed(self.time));
        body.extend(prefixed(&self.message));
        body.extend(unsigned(self.others.len() as u64));
        self.others.iter().for_each(|other| body.extend(prefixed(other)));
        body.extend(unsigned(self.columns.len() as u64));
        for (specification, data) in &self.columns {
            body.extend(unsigned(*specification));
            body.extend(unsigned(data.len() as u64));
        }
        self.columns.iter().for_each(|(_, data)| body.extend(data));
        body.extend(&self.extra);
        body
    }

    /// Returns the change as it is sent, with a right checksum.
    pub fn bytes(&self) -> Vec<u8> {
        chunk(self.kind, &self.body())
    }
}

/// Returns a chunk with the right magic, checksum and length.
pub fn chunk(kind: u8, body: &[u8]) -> Vec<u8> {
    let hashed = [vec![kind], prefixed(body)].concat();
    let checksum = &Sha256::digest(&hashed)[..4];
    [&MAGIC, checksum, &hashed].concat()
}

/// Returns what stands in a chunk.
pub fn body_of(chunk: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(chunk.get(9..)?);
    let length = reader.unsigned()?;
    (reader.0.len() as u64 == length).then_some(reader.0)
}

/// Returns an unsigned LEB128 number.
pub fn unsigned(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Returns a signed LEB128 number.
pub fn signed(mut number: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = number as u8 & 0x7f;
        number >>= 7;
        let done = (number == 0 && byte & 0x40 == 0) || (number == -1 && byte & 0x40 != 0);
        bytes.push(if done { byte } else { byte | 0x80 });
        if done {
            return bytes;
        }
    }
}

/// Returns bytes with their number in front.
pub fn prefixed(data: &[u8]) -> Vec<u8> {
    [unsigned(data.len() as u64), data.to_vec()].concat()
}

/// Returns a run of one value, as run-length encoded columns have it.
pub fn run(length: i64, value: u64) -> Vec<u8> {
    [signed(length), unsigned(value)].concat()
}

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];

/// Reads what this program itself has written.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn prefixed(&mut self) -> Option<Vec<u8>> {
        let length = usize::try_from(self.unsigned()?).ok()?;
        self.take(length).map(<[u8]>::to_vec)
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let mut value = 0i64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= i64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let negative = byte & 0x40 != 0 && shift + 7 < 64;
                return Some(if negative { value | -1 << (shift + 7) } else { value });
            }
        }
        None
    }
}
