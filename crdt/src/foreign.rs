//! Foreign bytes on their way to a document: `ForeignBytes -> Parsed -> Vouched -> Change`.
//!
//! Only what stands here turns one into the next. Signatures are judged by the layer above, which
//! alone calls `Parsed::vouched`; this crate checks form, limits and that the bytes apply.

mod operations;

pub(crate) use operations::exported;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use sha2::{Digest as _, Sha256};

use crate::document::{Change, Deed, Document, change_from, hash_from};
use crate::effective::ChangeFacts;
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
/// Most values that the operations of one change may replace together.
pub const CHANGE_PREDECESSORS_MAX: u64 = 4 * CHANGE_OPERATIONS_MAX;
/// Most bytes of one key: `kind/id/field` is shorter. A run of one key costs its length each time.
pub const KEY_BYTES_MAX: u64 = 256;

/// Bytes that a peer sent as a change.
pub struct ForeignBytes(pub Vec<u8>);

/// A change whose header was read and is within every limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    facts: ChangeFacts,
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
        Ok(Parsed { facts: read(&self.0)?, bytes: self.0 })
    }
}

/// Reads the header of a change as `ForeignBytes::parse` does, and leaves the bytes where they are.
///
/// # Errors
/// When the bytes are no single uncompressed change, or beyond a limit.
pub fn read(bytes: &[u8]) -> Result<ChangeFacts, ForeignError> {
    if bytes.len() > CHANGE_BYTES_MAX {
        return Err(ForeignError::TooLarge);
    }
    let body = Reader { bytes, at: 0 }.chunk()?;
    let hash: [u8; 32] = Sha256::digest(&bytes[8..]).into();
    if bytes[4..8] != hash[..4] {
        return Err(ForeignError::Malformed);
    }
    let (deps, actor, seq) = Reader { bytes: body, at: 0 }.change_header()?;
    Ok(ChangeFacts { hash: ChangeHash(hash), deps, actor, seq })
}

impl Parsed {
    /// The hash of the change.
    pub fn hash(&self) -> ChangeHash {
        self.facts.hash
    }

    /// The changes that it follows.
    pub fn deps(&self) -> &[ChangeHash] {
        &self.facts.deps
    }

    /// The actor that it claims to be written by.
    pub fn actor(&self) -> Actor {
        self.facts.actor
    }

    /// Its number among those of the actor, from 1.
    pub fn seq(&self) -> u64 {
        self.facts.seq
    }

    /// Returns the bytes as they came.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Marks the change as vouched for: to be called by whoever verified a seal over it.
    pub fn vouched(self) -> Vouched {
        Vouched(self)
    }
}

impl Vouched {
    /// The change, for whoever does not take it after all.
    pub fn into_parsed(self) -> Parsed {
        self.0
    }

    /// The change.
    pub fn parsed(&self) -> &Parsed {
        &self.0
    }
}

impl Document {
    /// Takes vouched changes in: applied, saved and loaded on a copy first, under `catch_unwind`,
    /// so that bytes which Automerge trips over reach neither the document nor the disk.
    ///
    /// Returns the changed document and the changes in it that were new; `self` is unaltered.
    ///
    /// # Errors
    /// When a change does not follow from what is here, does what no writer may or what its person
    /// may not (`permits`), or does not survive the copy. The others may be tried without those.
    pub fn admit(
        &self,
        changes: &[Vouched],
        permits: &dyn Fn(&ChangeHash, &Deed) -> bool,
    ) -> Result<(Document, Vec<Change>), Faults> {
        let fresh: Vec<&Parsed> =
            changes.iter().map(Vouched::parsed).filter(|c| !self.holds(&c.hash())).collect();
        // What reads the copy is held too: it may be the first to trip over what Automerge took.
        let judged = || {
            let (admitted, applied) = self.quarantine_apply(&fresh)?;
            let judge = |change: &automerge::Change| {
                let hash = hash_from(&change.hash());
                match admitted.deed_of(change).filter(|_| admitted.holds(&hash)) {
                    None => Some((hash, ForeignError::MissingDependency)),
                    Some(deed) if permits(&hash, &deed) => None,
                    Some(_) => Some((hash, ForeignError::NotPermitted)),
                }
            };
            let faults: Faults = applied.iter().filter_map(judge).collect();
            match faults.is_empty() {
                true => Ok((admitted, applied.iter().map(change_from).collect())),
                false => Err(faults),
            }
        };
        catch_unwind(AssertUnwindSafe(judged)).unwrap_or(Err(Faults::new()))
    }

    /// One bad change costs no further application: it is passed over, and what follows it.
    fn quarantine_apply(&self, fresh: &[&Parsed]) -> Result<Applied, Faults> {
        let mut history = History::of(self.automerge());
        let mut copy = self.automerge().clone();
        let genesis = automerge::ActorId::from(self.id().as_bytes());
        let (mut faults, mut applied) = (Faults::new(), Vec::with_capacity(fresh.len()));
        for parsed in in_order(fresh) {
            let change = match checked(parsed, &mut history, &copy, &genesis) {
                Ok(change) => change,
                Err(error) => {
                    faults.insert(parsed.hash(), error);
                    continue;
                }
            };
            if copy.apply_changes([change.clone()]).is_err() {
                faults.insert(parsed.hash(), ForeignError::FailedToApply);
                return Err(faults);
            }
            applied.push(change);
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let document = self.with_automerge(copy);
        let loaded = Document::load(self.header().clone(), &document.save());
        match loaded.is_ok_and(|loaded| loaded.heads() == document.heads()) {
            true => Ok((document, applied)),
            false => Err(faults),
        }
    }
}

/// A document, and the changes that were applied to it, in their order.
type Applied = (Document, Vec<automerge::Change>);

/// Which changes are at fault, each with its reason; none of them where only all together fail.
pub type Faults = BTreeMap<ChangeHash, ForeignError>;

/// Reads a change whole and checks it against what it follows; adds it to the history.
fn checked(
    parsed: &Parsed,
    history: &mut History,
    copy: &automerge::Automerge,
    genesis: &automerge::ActorId,
) -> Result<automerge::Change, ForeignError> {
    let change =
        automerge::Change::from_bytes(parsed.bytes.clone()).map_err(|_| ForeignError::Malformed)?;
    let expanded = change.decode();
    let canonical = automerge::Change::from(expanded.clone());
    if hash_from(&canonical.hash()) != parsed.hash() {
        return Err(ForeignError::Malformed);
    }
    let step = history.step(&change)?;
    operations::check(copy, genesis, &expanded)?;
    history.extend(&change, step);
    // What is kept has one form, whatever the sender packed.
    Ok(canonical)
}

/// The changes each after those of the same batch that it follows; what follows itself stays out.
fn in_order<'a>(fresh: &[&'a Parsed]) -> Vec<&'a Parsed> {
    let mut waiting: BTreeMap<ChangeHash, &Parsed> = fresh.iter().map(|c| (c.hash(), *c)).collect();
    let mut ordered = Vec::with_capacity(waiting.len());
    for parsed in fresh {
        let mut open = vec![parsed.hash()];
        while let Some(hash) = open.last() {
            let Some(parsed) = waiting.get(hash) else {
                open.pop();
                continue;
            };
            let before = open.len();
            open.extend(parsed.deps().iter().filter(|dep| waiting.contains_key(dep)));
            if open.len() == before {
                ordered.extend(waiting.remove(&parsed.hash()));
                open.pop();
            }
        }
    }
    ordered
}

/// How the changes of a document follow each other: what a new one must continue.
struct History {
    changes: BTreeMap<automerge::ChangeHash, Step>,
    by_seq: BTreeMap<(automerge::ActorId, u64), automerge::ChangeHash>,
}

struct Step {
    deps: Vec<automerge::ChangeHash>,
    max_op: u64,
}

impl History {
    fn of(automerge: &automerge::Automerge) -> Self {
        let mut history = Self { changes: BTreeMap::new(), by_seq: BTreeMap::new() };
        for meta in automerge.get_changes_meta(&[]) {
            history.by_seq.insert((meta.actor.clone().into_owned(), meta.seq), meta.hash);
            history.changes.insert(meta.hash, Step { deps: meta.deps, max_op: meta.max_op });
        }
        history
    }

    /// Checks that a change follows from those before: its operations are numbered on from theirs
    /// and it comes after the last one of its actor (trust C4). A gap in either would freeze the
    /// document for everybody who writes after it.
    fn step(&self, change: &automerge::Change) -> Result<Step, ForeignError> {
        let steps: Option<Vec<&Step>> =
            change.deps().iter().map(|hash| self.changes.get(hash)).collect();
        let steps = steps.ok_or(ForeignError::MissingDependency)?;
        let max_op = steps.iter().map(|step| step.max_op).max().unwrap_or_default();
        let follows = change.start_op().get() == max_op + 1;
        let actor = change.actor_id().clone();
        let previous = change.seq().checked_sub(1).filter(|seq| *seq > 0);
        let continues = previous.is_none_or(|seq| {
            let own = self.by_seq.get(&(actor.clone(), seq));
            own.is_some_and(|own| self.is_before(*own, change.deps()))
        });
        let unused = !self.by_seq.contains_key(&(actor, change.seq()));
        if !follows || !continues || !unused || steps.is_empty() {
            return Err(ForeignError::Malformed);
        }
        Ok(Step { deps: change.deps().to_vec(), max_op: change.max_op() })
    }

    fn extend(&mut self, change: &automerge::Change, step: Step) {
        self.by_seq.insert((change.actor_id().clone(), change.seq()), change.hash());
        self.changes.insert(change.hash(), step);
    }

    fn is_before(&self, earlier: automerge::ChangeHash, deps: &[automerge::ChangeHash]) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = deps.to_vec();
        while let Some(hash) = open.pop() {
            if hash == earlier {
                return true;
            }
            if seen.insert(hash) {
                open.extend(self.changes.get(&hash).into_iter().flat_map(|step| &step.deps));
            }
        }
        false
    }
}

/// Whether a change of our own is beyond what other nodes admit.
pub(crate) fn is_too_large(bytes: &[u8]) -> bool {
    read(bytes) == Err(ForeignError::TooLarge)
}

/// Reads Automerge's change format: <https://automerge.org/automerge-binary-format-spec/>.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// How every change begins.
pub const CHANGE_MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const CHUNK_CHANGE: u8 = 1;
/// The columns that our operations have, as `id << 4 | type`; a deflated one has bit 8 besides.
const COLUMNS: [u64; 12] = [
    COLUMN_OBJECT | TYPE_ACTOR,
    COLUMN_OBJECT | TYPE_INTEGER,
    COLUMN_KEY | TYPE_ACTOR,
    COLUMN_KEY | TYPE_DELTA,
    COLUMN_KEY | TYPE_STRING,
    COLUMN_INSERT | TYPE_BOOLEAN,
    COLUMN_ACTION | TYPE_INTEGER,
    COLUMN_VALUE | TYPE_META,
    COLUMN_VALUE | TYPE_RAW,
    COLUMN_PREDECESSOR | TYPE_GROUP,
    COLUMN_PREDECESSOR | TYPE_ACTOR,
    COLUMN_PREDECESSOR | TYPE_DELTA,
];
const COLUMN_OBJECT: u64 = 0;
const COLUMN_KEY: u64 = 1 << 4;
const COLUMN_INSERT: u64 = 3 << 4;
const COLUMN_ACTION: u64 = 4 << 4;
const COLUMN_VALUE: u64 = 5 << 4;
const COLUMN_PREDECESSOR: u64 = 7 << 4;
const TYPE_GROUP: u64 = 0;
const TYPE_ACTOR: u64 = 1;
const TYPE_INTEGER: u64 = 2;
const TYPE_DELTA: u64 = 3;
const TYPE_BOOLEAN: u64 = 4;
const TYPE_STRING: u64 = 5;
const TYPE_META: u64 = 6;
const TYPE_RAW: u64 = 7;
const TYPE_MASK: u64 = 7;

impl<'a> Reader<'a> {
    /// Reads magic, checksum, type and length; returns the body, which must end the bytes.
    fn chunk(&mut self) -> Result<&'a [u8], ForeignError> {
        if self.take(4)? != CHANGE_MAGIC {
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

    /// Reads the columns; returns the number of operations. What they hold is counted from run
    /// lengths without unrolling them, so that no few bytes stand for more than is admitted.
    fn columns(&mut self) -> Result<u64, ForeignError> {
        let count = self.unsigned()?;
        let mut columns = Vec::new();
        for _ in 0..count {
            let specification = self.unsigned()?;
            let ascending = columns.last().is_none_or(|(last, _)| *last < specification);
            if !ascending || !COLUMNS.contains(&specification) {
                return Err(ForeignError::Malformed);
            }
            columns.push((specification, self.unsigned()?));
        }
        let mut operations = 0;
        for (specification, length) in columns {
            let length = usize::try_from(length).map_err(|_| ForeignError::Malformed)?;
            let values = Reader { bytes: self.take(length)?, at: 0 }.column(specification)?;
            if specification == COLUMN_ACTION | TYPE_INTEGER {
                operations = values;
            }
        }
        Ok(operations)
    }

    /// Reads one column and returns how many values it stands for.
    fn column(&mut self, specification: u64) -> Result<u64, ForeignError> {
        let kind = specification & TYPE_MASK;
        let (values, sum) = match kind {
            TYPE_RAW => return Ok(0),
            TYPE_BOOLEAN => (self.booleans()?, 0),
            TYPE_STRING => self.run_lengths(|reader| {
                let length = reader.unsigned()?;
                if length > KEY_BYTES_MAX {
                    return Err(ForeignError::TooLarge);
                }
                reader.take(length as usize).map(|_| 0)
            })?,
            TYPE_GROUP => self.run_lengths(Reader::unsigned)?,
            _ => self.run_lengths(|reader| reader.unsigned().map(|_| 0))?,
        };
        let of_predecessors = specification & !TYPE_MASK == COLUMN_PREDECESSOR;
        let most = match kind {
            TYPE_ACTOR | TYPE_DELTA if of_predecessors => CHANGE_PREDECESSORS_MAX,
            _ => CHANGE_OPERATIONS_MAX,
        };
        if values > most || sum > CHANGE_PREDECESSORS_MAX {
            return Err(ForeignError::TooLarge);
        }
        Ok(values)
    }

    /// Reads a column of runs to its end; returns how many values it stands for, and the sum of
    /// what `value` makes of them.
    fn run_lengths(
        &mut self,
        value: impl Fn(&mut Self) -> Result<u64, ForeignError>,
    ) -> Result<(u64, u64), ForeignError> {
        let (mut total, mut sum) = (0u64, 0u64);
        while self.at < self.bytes.len() {
            let run = self.signed()?;
            let length = match run {
                0 => self.unsigned()?,
                1.. => {
                    sum = sum.saturating_add(value(self)?.saturating_mul(run.unsigned_abs()));
                    run.unsigned_abs()
                }
                _ => {
                    for _ in 0..run.unsigned_abs() {
                        sum = sum.saturating_add(value(self)?);
                    }
                    run.unsigned_abs()
                }
            };
            total = total.saturating_add(length);
        }
        Ok((total, sum))
    }

    fn booleans(&mut self) -> Result<u64, ForeignError> {
        let mut total = 0u64;
        while self.at < self.bytes.len() {
            total = total.saturating_add(self.unsigned()?);
        }
        Ok(total)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], ForeignError> {
        #[cfg(test)]
        tests::step();
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
    /// An operation that no writer has: it replaces an entry, deletes, or reaches elsewhere. Told
    /// from what it follows alone, so that nothing that comes later could make it right.
    #[error("does what no writer may: replaces an entry, deletes, or reaches elsewhere")]
    Overwrites,
    /// Its person has no role for what it does.
    #[error("its person has no right to what it does")]
    NotPermitted,
    /// Automerge could not apply, save or load it.
    #[error("could not be applied")]
    FailedToApply,
}

impl ForeignError {
    /// The reason as the quarantine lists it (contract, "list quarantine").
    pub fn reason(self) -> &'static str {
        match self {
            ForeignError::Malformed | ForeignError::Overwrites => "malformed",
            ForeignError::TooLarge => "too_large",
            ForeignError::MissingDependency => "missing_dependency",
            ForeignError::NotPermitted => "no_right",
            ForeignError::FailedToApply => "failed_to_apply",
        }
    }
}

#[cfg(test)]
mod tests;
