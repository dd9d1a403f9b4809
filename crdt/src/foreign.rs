//! Foreign bytes on their way to a document: `ForeignBytes -> Parsed -> Vouched -> Change`.
//!
//! Only what stands here turns one into the next. Signatures are judged by the layer above, which
//! alone calls `Parsed::vouched`; this crate checks form, limits and that the bytes apply.

use std::panic::{AssertUnwindSafe, catch_unwind};

use automerge::legacy::{Key, ObjectId, OpId, OpType};
use sha2::{Digest as _, Sha256};

use crate::document::{Change, Document, GENESIS_ENTRIES, GENESIS_RECORDS, hash_from};
use crate::ids::{Actor, ChangeHash};

/// Most bytes of one change (trust C4).
pub const CHANGE_BYTES_MAX: usize = 256 * 1024;
/// Most operations of one change (trust C4).
pub const CHANGE_OPERATIONS_MAX: u64 = 20_000;
/// Most changes that one may follow (trust C4).
pub const CHANGE_DEPS_MAX: u64 = 64;
/// Operation counters stay below this (trust C4).
pub const OPERATION_COUNTER_MAX: u64 = 1 << 31;
/// Most bytes of what a change says of itself (action and person).
pub const MESSAGE_BYTES_MAX: u64 = 1024;

/// Bytes that a peer sent as a change.
pub struct ForeignBytes(pub Vec<u8>);

/// A change whose header was read and is within every limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    hash: ChangeHash,
    deps: Vec<ChangeHash>,
    actor: Actor,
    seq: u64,
    bytes: Vec<u8>,
}

/// A change whose author a seal vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched(Parsed);

impl ForeignBytes {
    /// Reads the header of a change, in one pass over the bytes and without Automerge.
    ///
    /// # Errors
    /// When the bytes are no single uncompressed change, or beyond a limit.
    pub fn parse(self) -> Result<Parsed, ForeignError> {
        if self.0.len() > CHANGE_BYTES_MAX {
            return Err(ForeignError::TooLarge);
        }
        let mut reader = Reader { bytes: &self.0, at: 0 };
        let body = reader.chunk()?;
        let hash: [u8; 32] = Sha256::digest(&self.0[8..]).into();
        if reader.bytes[4..8] != hash[..4] {
            return Err(ForeignError::Malformed);
        }
        let (deps, actor, seq) = Reader { bytes: body, at: 0 }.change_header()?;
        Ok(Parsed { hash: ChangeHash(hash), deps, actor, seq, bytes: self.0 })
    }
}

impl Parsed {
    /// The hash of the change.
    pub fn hash(&self) -> ChangeHash {
        self.hash
    }

    /// The changes that it follows.
    pub fn deps(&self) -> &[ChangeHash] {
        &self.deps
    }

    /// The actor that it claims to be written by.
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// Its number among those of the actor, from 1.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Marks the change as vouched for: to be called by whoever verified a seal over it.
    pub fn vouched(self) -> Vouched {
        Vouched(self)
    }
}

impl Document {
    /// Takes vouched changes in: applied, saved and loaded on a copy first, under `catch_unwind`,
    /// so that bytes which Automerge trips over reach neither the document nor the disk.
    ///
    /// Returns the changed document and the changes in it that were new; `self` is unaltered.
    ///
    /// # Errors
    /// When a change does not follow from what is here, overwrites an entry, or does not survive
    /// the copy.
    pub fn admit(&self, changes: &[Vouched]) -> Result<(Document, Vec<Change>), ForeignError> {
        let fresh: Vec<&Parsed> =
            changes.iter().map(|Vouched(parsed)| parsed).filter(|c| !self.holds(&c.hash)).collect();
        let before = self.heads();
        let admitted = catch_unwind(AssertUnwindSafe(|| self.quarantine_apply(&fresh)))
            .map_err(|_| ForeignError::FailedToApply)??;
        if admitted.heads() == before && !fresh.is_empty() {
            return Err(ForeignError::MissingDependency);
        }
        let new: Option<Vec<Change>> = fresh.iter().map(|c| admitted.change(&c.hash)).collect();
        new.map(|new| (admitted, new)).ok_or(ForeignError::MissingDependency)
    }

    fn quarantine_apply(&self, fresh: &[&Parsed]) -> Result<Document, ForeignError> {
        let failed = |_| ForeignError::FailedToApply;
        let mut copy = self.automerge().clone();
        for parsed in fresh {
            let change = automerge::Change::from_bytes(parsed.bytes.clone())
                .map_err(|_| ForeignError::Malformed)?;
            let canonical = automerge::Change::from(change.decode());
            if hash_from(&canonical.hash()) != parsed.hash {
                return Err(ForeignError::Malformed);
            }
            self.check_operations(&change)?;
            copy.apply_changes([change]).map_err(failed)?;
        }
        let document = self.with_automerge(copy);
        let loaded = Document::load(self.header().clone(), &document.save())
            .map_err(|_| ForeignError::FailedToApply)?;
        if loaded.heads() != document.heads() {
            return Err(ForeignError::FailedToApply);
        }
        Ok(document)
    }

    /// Allows the operations there are: make a record, set one of its registers, put an entry
    /// under a key that has none.
    fn check_operations(&self, change: &automerge::Change) -> Result<(), ForeignError> {
        let genesis = automerge::ActorId::from(self.id().as_bytes());
        let collection = |counter| ObjectId::Id(OpId::new(counter, &genesis));
        let (records, entries) = (collection(GENESIS_RECORDS), collection(GENESIS_ENTRIES));
        for operation in change.decode().operations {
            let fresh = operation.pred.iter().next().is_none();
            let allowed = match (&operation.obj, &operation.action) {
                _ if operation.insert => false,
                (ObjectId::Root, _) => false,
                (object, OpType::Make(automerge::ObjType::Map)) => *object == records && fresh,
                (object, OpType::Put(_)) if *object == entries => fresh,
                (object, OpType::Put(_)) if *object == records => is_register(&operation.key),
                (_, OpType::Put(_)) => true,
                _ => false,
            };
            if !allowed {
                return Err(ForeignError::Overwrites);
            }
        }
        Ok(())
    }
}

/// Whether a key of the record collection is that of a register, `kind/id/field`.
fn is_register(key: &Key) -> bool {
    matches!(key, Key::Map(key) if key.matches('/').count() == 2)
}

/// Whether a change of our own is beyond what other nodes admit.
pub(crate) fn is_too_large(bytes: &[u8]) -> bool {
    ForeignBytes(bytes.to_vec()).parse() == Err(ForeignError::TooLarge)
}

/// Reads Automerge's change format: <https://automerge.org/automerge-binary-format-spec/>.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const CHUNK_CHANGE: u8 = 1;
const COLUMN_DEFLATE_BIT: u64 = 8;
const COLUMN_ACTION: u64 = 4 << 4 | 2;

impl<'a> Reader<'a> {
    /// Reads magic, checksum, type and length; returns the body, which must end the bytes.
    fn chunk(&mut self) -> Result<&'a [u8], ForeignError> {
        if self.take(4)? != MAGIC {
            return Err(ForeignError::Malformed);
        }
        self.take(4)?;
        if self.take(1)? != [CHUNK_CHANGE] {
            return Err(ForeignError::Malformed);
        }
        let length = self.unsigned()?;
        let body = self.take(usize::try_from(length).map_err(|_| ForeignError::Malformed)?)?;
        if self.at == self.bytes.len() { Ok(body) } else { Err(ForeignError::Malformed) }
    }

    fn change_header(&mut self) -> Result<(Vec<ChangeHash>, Actor, u64), ForeignError> {
        let deps = self.unsigned()?;
        if deps > CHANGE_DEPS_MAX {
            return Err(ForeignError::TooLarge);
        }
        let deps: Result<Vec<_>, _> = (0..deps)
            .map(|_| self.take(32).map(|b| ChangeHash(b.try_into().expect("32 bytes taken"))))
            .collect();
        let actor = self.actor()?;
        let seq = self.unsigned()?;
        let start = self.unsigned()?;
        self.signed()?;
        let message = self.unsigned()?;
        if message > MESSAGE_BYTES_MAX {
            return Err(ForeignError::TooLarge);
        }
        self.take(message as usize)?;
        let others = self.unsigned()?;
        for _ in 0..others {
            self.actor()?;
        }
        let operations = self.columns()?;
        if operations > CHANGE_OPERATIONS_MAX {
            return Err(ForeignError::TooLarge);
        }
        let end = start.checked_add(operations).ok_or(ForeignError::Malformed)?;
        if seq == 0 || start == 0 || end >= OPERATION_COUNTER_MAX || self.at != self.bytes.len() {
            return Err(ForeignError::Malformed);
        }
        Ok((deps?, actor, seq))
    }

    fn actor(&mut self) -> Result<Actor, ForeignError> {
        let length = self.unsigned()?;
        if length != Actor::BYTES as u64 {
            return Err(ForeignError::Malformed);
        }
        Actor::from_slice(self.take(Actor::BYTES)?).ok_or(ForeignError::Malformed)
    }

    /// Reads the columns; returns the number of operations, counted from the run lengths of the
    /// action column without unrolling them.
    fn columns(&mut self) -> Result<u64, ForeignError> {
        let count = self.unsigned()?;
        let mut columns = Vec::new();
        for _ in 0..count {
            let specification = self.unsigned()?;
            if specification & COLUMN_DEFLATE_BIT != 0 {
                return Err(ForeignError::Malformed);
            }
            columns.push((specification, self.unsigned()?));
        }
        let mut operations = 0;
        for (specification, length) in columns {
            let length = usize::try_from(length).map_err(|_| ForeignError::Malformed)?;
            let data = self.take(length)?;
            if specification == COLUMN_ACTION {
                operations = Reader { bytes: data, at: 0 }.run_lengths()?;
            }
        }
        Ok(operations)
    }

    fn run_lengths(&mut self) -> Result<u64, ForeignError> {
        let mut total: u64 = 0;
        while self.at < self.bytes.len() {
            let run = self.signed()?;
            let values = match run {
                0 => {
                    total = total.saturating_add(self.unsigned()?);
                    continue;
                }
                1.. => 1,
                _ => run.unsigned_abs(),
            };
            total = total.saturating_add(run.unsigned_abs());
            for _ in 0..values {
                self.unsigned()?;
            }
        }
        Ok(total)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], ForeignError> {
        let end = self.at.checked_add(count).ok_or(ForeignError::Malformed)?;
        let taken = self.bytes.get(self.at..end).ok_or(ForeignError::Malformed)?;
        self.at = end;
        Ok(taken)
    }

    /// An unsigned LEB128 number, at most 64 bits.
    fn unsigned(&mut self) -> Result<u64, ForeignError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f).checked_shl(shift).ok_or(ForeignError::Malformed)?;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ForeignError::Malformed)
    }

    /// A signed LEB128 number, at most 64 bits.
    fn signed(&mut self) -> Result<i64, ForeignError> {
        let mut value = 0i64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= i64::from(byte & 0x7f).checked_shl(shift).ok_or(ForeignError::Malformed)?;
            if byte & 0x80 == 0 {
                let negative = byte & 0x40 != 0 && shift + 7 < 64;
                return Ok(if negative { value | -1i64 << (shift + 7) } else { value });
            }
        }
        Err(ForeignError::Malformed)
    }
}

/// Why foreign bytes did not become a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForeignError {
    /// Not a change in canonical form.
    #[error("not a change in canonical form")]
    Malformed,
    /// Beyond a limit.
    #[error("larger than is admitted")]
    TooLarge,
    /// A change that it follows is not here.
    #[error("a change that it follows is missing")]
    MissingDependency,
    /// An entry that was written before would be replaced.
    #[error("replaces an entry that is written once")]
    Overwrites,
    /// Automerge could not apply, save or load it.
    #[error("could not be applied")]
    FailedToApply,
}

impl ForeignError {
    /// The reason as the quarantine lists it (contract, "list quarantine").
    pub fn reason(self) -> &'static str {
        match self {
            ForeignError::Malformed => "malformed",
            ForeignError::TooLarge => "too_large",
            ForeignError::MissingDependency => "missing_dependency",
            ForeignError::Overwrites => "no_right",
            ForeignError::FailedToApply => "failed_to_apply",
        }
    }
}
