//! Repair: which documents of two stores differ, by negentropy, and which changes of one are
//! missing.
//!
//! Pure: who says what when is the machine's matter (`machine`), and documents are the store's.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};
use negentropy::{Id, Negentropy, NegentropyStorageVector, PROTOCOL_VERSION};
use onex_crdt::document::{Change, Document};
use onex_crdt::ids::{Actor, ChangeHash, Digest, DocId};

use crate::scope::term;

/// Bytes that a message of the comparison should come close to; it may have `RANGE_BYTES_MAX` more.
pub const RECONCILE_BYTES_AIM: usize = 64 * 1024;
/// Most bytes of a message of the comparison: the last range of one is written to its end.
pub const RECONCILE_BYTES_MAX: usize = RECONCILE_BYTES_AIM + RANGE_BYTES_MAX;
/// Most bytes of one range of a comparison: 31 items, or 16 sums with their bounds.
const RANGE_BYTES_MAX: usize = 2 * 1024;

/// What somebody has of a document.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Known {
    /// Nothing that counts: the whole document is missing.
    #[n(0)]
    Nothing,
    /// These heads, and all that stands below them.
    #[n(1)]
    Heads(#[n(0)] Vec<ChangeHash>),
    /// The changes of every actor up to these.
    #[n(2)]
    Clock(#[n(0)] Vec<Reached>),
}

/// How far an actor's changes are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Reached {
    /// The actor.
    #[n(0)]
    pub actor: Actor,
    /// The number of its last change that is known.
    #[n(1)]
    pub seq: u64,
    /// Eight bytes of the hash of that change: a fork has other ones under the same number.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub mark: [u8; 8],
}

/// The first bytes of the item of a document in a state; enough to find it among one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct ItemMark(#[cbor(with = "minicbor::bytes")] pub [u8; 8]);

/// What a node does about a document of which somebody told what he has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The changes that he lacks, each after those that it follows; `None` while that is not
    /// known. Where it is known and empty the live seals may still be missing.
    pub missing: Option<Vec<Vec<u8>>>,
    /// What to tell of the own document, because he has, or may have, what is missing here.
    pub tell: Option<Known>,
}

/// Compares a document, if it is here, with what somebody else has of it.
pub fn compare(document: Option<&Document>, known: &Known) -> Comparison {
    let Some(document) = document else {
        return Comparison { missing: None, tell: Some(Known::Nothing) };
    };
    let bytes = |changes: Vec<Change>| changes.into_iter().map(|change| change.bytes).collect();
    match known {
        Known::Nothing => {
            Comparison { missing: Some(bytes(document.changes_since(&[]))), tell: None }
        }
        Known::Heads(heads) if heads.iter().all(|head| document.holds(head)) => {
            let own = document.heads();
            let only_seals_differ = own.iter().all(|head| heads.contains(head));
            let missing = Some(bytes(document.changes_since(heads)));
            Comparison { missing, tell: only_seals_differ.then_some(Known::Heads(own)) }
        }
        Known::Heads(_) => {
            let clock = clock(&document.changes_since(&[]));
            Comparison { missing: None, tell: Some(Known::Clock(clock)) }
        }
        Known::Clock(theirs) => {
            let changes = document.changes_since(&[]);
            let own = clock(&changes);
            let tell = reaches_beyond(theirs, &own).then_some(Known::Clock(own));
            Comparison { missing: Some(bytes(beyond(changes, theirs))), tell }
        }
    }
}

/// How far each actor's changes are here, by actor.
fn clock(changes: &[Change]) -> Vec<Reached> {
    let mut last: BTreeMap<Actor, Reached> = BTreeMap::new();
    for change in changes {
        let reached = Reached { actor: change.actor, seq: change.seq, mark: mark(&change.hash) };
        let newest = last.entry(change.actor).or_insert(reached);
        if change.seq > newest.seq {
            *newest = reached;
        }
    }
    last.into_values().collect()
}

/// The changes that a clock does not cover. Where an actor has another change under the number
/// that it names, that actor has forked and all its changes are among them.
fn beyond(changes: Vec<Change>, clock: &[Reached]) -> Vec<Change> {
    let reached: BTreeMap<Actor, Reached> = clock.iter().map(|it| (it.actor, *it)).collect();
    let is_other = |change: &&Change| {
        let named = reached.get(&change.actor).filter(|named| named.seq == change.seq);
        named.is_some_and(|named| named.mark != mark(&change.hash))
    };
    let forked: BTreeSet<Actor> = changes.iter().filter(is_other).map(|it| it.actor).collect();
    let is_covered = |change: &Change| {
        reached.get(&change.actor).is_some_and(|named| change.seq <= named.seq)
            && !forked.contains(&change.actor)
    };
    changes.into_iter().filter(|change| !is_covered(change)).collect()
}

/// Whether one clock names something that the other one does not cover.
fn reaches_beyond(one: &[Reached], other: &[Reached]) -> bool {
    let other: BTreeMap<Actor, Reached> = other.iter().map(|it| (it.actor, *it)).collect();
    one.iter().any(|it| match other.get(&it.actor) {
        Some(own) => it.seq > own.seq || (it.seq == own.seq && it.mark != own.mark),
        None => true,
    })
}

fn mark(hash: &ChangeHash) -> [u8; 8] {
    hash.0[..8].try_into().expect("a hash has more bytes")
}

/// The documents of some scopes with their states, to be compared with another node's.
///
/// An item's time is the first 63 bits of the document's id, so that both nodes' versions of a
/// document stand side by side; its id is the term of the document in a fingerprint.
pub(crate) struct ItemSet {
    storage: NegentropyStorageVector,
    documents: BTreeMap<[u8; 32], DocId>,
    ids: BTreeSet<DocId>,
}

/// What a comparison has found.
#[derive(Default)]
pub(crate) struct Differing {
    /// Documents here that the peer has not, or not in this state.
    pub here: BTreeSet<DocId>,
    /// Items of the peer that are not here.
    pub there: BTreeSet<ItemMark>,
}

impl ItemSet {
    /// Returns the set of these documents.
    pub fn new(states: &[(DocId, Digest)]) -> Self {
        let mut storage = NegentropyStorageVector::with_capacity(states.len());
        let mut documents = BTreeMap::new();
        for (document, state) in states {
            let item = term(document, state);
            let half = document.0[..8].try_into().expect("an id has more bytes");
            let time = u64::from_be_bytes(half) >> 1;
            storage.insert(time, Id::from_byte_array(item)).expect("it is not sealed yet");
            documents.insert(item, *document);
        }
        storage.seal().expect("it is not sealed yet");
        let ids = states.iter().map(|(document, _)| *document).collect();
        Self { storage, documents, ids }
    }

    /// The first message of whoever begins.
    pub fn begin(&self) -> Vec<u8> {
        self.side().initiate().expect("it is initiated once")
    }

    /// The answer to a message of whoever began.
    ///
    /// # Errors
    /// When the message cannot be read.
    pub fn answer(&self, message: &[u8]) -> Result<Vec<u8>, negentropy::Error> {
        version_check(message)?;
        self.side().reconcile(message)
    }

    /// Takes an answer, notes what it shows to differ, and returns the next message, if one is
    /// needed.
    ///
    /// # Errors
    /// When the answer cannot be read.
    pub fn go_on(
        &self,
        answer: &[u8],
        differing: &mut Differing,
    ) -> Result<Option<Vec<u8>>, negentropy::Error> {
        version_check(answer)?;
        let mut side = self.side();
        side.set_initiator();
        let (mut here, mut there) = (Vec::new(), Vec::new());
        let next = side.reconcile_with_ids(answer, &mut here, &mut there)?;
        let own = here.iter().filter_map(|id| self.documents.get(id.as_bytes()));
        differing.here.extend(own);
        differing.there.extend(there.iter().map(|id| item_mark(id.as_bytes())));
        Ok(next)
    }

    /// Whether a document is in the set.
    pub fn holds(&self, document: &DocId) -> bool {
        self.ids.contains(document)
    }

    /// The documents with items that begin like these.
    pub fn named<'a>(&'a self, marks: &'a [ItemMark]) -> impl Iterator<Item = DocId> + 'a {
        marks.iter().filter_map(|mark| {
            let mut from = [0; 32];
            from[..8].copy_from_slice(&mark.0);
            let (item, document) = self.documents.range(from..).next()?;
            (item_mark(item) == *mark).then_some(*document)
        })
    }

    fn side(&self) -> Negentropy<'_, NegentropyStorageVector> {
        Negentropy::borrowed(&self.storage, RECONCILE_BYTES_AIM as u64)
            .expect("the aim is above the least that negentropy takes")
    }
}

/// Another version would be answered with an offer of ours, which ends in nothing found.
fn version_check(message: &[u8]) -> Result<(), negentropy::Error> {
    match message.first() {
        Some(version) if u64::from(*version) == PROTOCOL_VERSION => Ok(()),
        _ => Err(negentropy::Error::UnsupportedProtocolVersion),
    }
}

fn item_mark(item: &[u8; 32]) -> ItemMark {
    ItemMark(item[..8].try_into().expect("an item has more bytes"))
}

#[cfg(test)]
mod tests;
