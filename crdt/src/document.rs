//! Documents from inside: records and entries in one Automerge document, written and read.
//!
//! Nothing foreign comes in here unvouched (`foreign`), and nothing here knows of signatures.

mod deed;
mod read;
mod touch;
mod undo;
mod write;

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use automerge::transaction::{CommitOptions, Transactable as _};
use automerge::{ActorId, Automerge, ObjId, ObjType, ROOT, ReadDoc as _, TextEncoding};

use crate::effective::ChangeFacts;
use crate::header::Header;
use crate::ids::{Actor, ChangeHash, DocId, RecordId};
use crate::record::RecordKind;

pub use deed::Deed;
pub use touch::TouchKey;
pub use undo::{Later, Undoing};
pub use write::{Authorship, Write};

/// One Automerge document with its header.
#[derive(Clone)]
pub struct Document {
    header: Header,
    automerge: Automerge,
    /// The one change of the genesis.
    genesis: ChangeHash,
}

/// A change that this device has just written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its hash.
    pub hash: ChangeHash,
    /// The changes that it follows.
    pub deps: Vec<ChangeHash>,
    /// The actor that wrote it.
    pub actor: Actor,
    /// Its number among those of the actor, from 1.
    pub seq: u64,
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
}

/// The register that hides a record; nothing is ever deleted.
pub const REMOVED: &str = "removed";
/// The register that says that the making of a record was undone.
pub const UNDONE: &str = "undone";
const RECORDS: &str = "records";
const ENTRIES: &str = "entries";
/// The operation counters by which the genesis makes its two collections.
pub(crate) const GENESIS_RECORDS: u64 = 1;
pub(crate) const GENESIS_ENTRIES: u64 = 2;

impl Document {
    /// Returns the document that holds nothing but its genesis, computed from the header alone.
    ///
    /// Every device makes the same genesis, so that a root collection is never made twice; it is
    /// never sent. New record types need no new genesis.
    pub fn genesis(header: Header) -> Self {
        let mut automerge = Automerge::new_with_encoding(TextEncoding::UnicodeCodePoint)
            .with_actor(ActorId::from(header.id().0.as_slice()));
        let mut transaction = automerge.transaction();
        for collection in [RECORDS, ENTRIES] {
            transaction
                .put_object(ROOT, collection, ObjType::Map)
                .expect("a new document takes a root collection");
        }
        let (change, _) = transaction.commit_with(CommitOptions::default().with_time(0));
        let genesis = hash_from(&change.expect("it has two operations"));
        Self { header, automerge, genesis }
    }

    /// Returns the document of a snapshot.
    ///
    /// # Errors
    /// When the bytes are not a document that this header's genesis began.
    pub fn load(header: Header, snapshot: &[u8]) -> Result<Self, DocumentError> {
        let automerge = Automerge::load_with_options(
            snapshot,
            automerge::LoadOptions::new().text_encoding(TextEncoding::UnicodeCodePoint),
        )
        .map_err(|_| DocumentError::Snapshot)?;
        let genesis = Self::genesis(header.clone()).genesis;
        let document = Self { header, automerge, genesis };
        if document.holds(&genesis) { Ok(document) } else { Err(DocumentError::Snapshot) }
    }

    /// Whether nothing was written on top of the genesis.
    pub fn is_genesis(&self) -> bool {
        self.heads() == [self.genesis]
    }

    /// The change that every document of this header begins with.
    pub fn genesis_change(&self) -> ChangeHash {
        self.genesis
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The id.
    pub fn id(&self) -> DocId {
        self.header.id()
    }

    /// The hashes of the changes that no other follows, sorted.
    pub fn heads(&self) -> Vec<ChangeHash> {
        let mut heads: Vec<_> = self.automerge.get_heads().iter().map(hash_from).collect();
        heads.sort_unstable();
        heads
    }

    /// Returns the compacted form, genesis included.
    pub fn save(&self) -> Vec<u8> {
        self.automerge
            .save_with_options(automerge::SaveOptions { deflate: true, retain_orphans: false })
    }

    /// Whether a change is part of the document.
    pub fn holds(&self, hash: &ChangeHash) -> bool {
        self.automerge.get_change_meta_by_hash(&hash_into(hash)).is_some()
    }

    /// Whether a change stands below another one: whoever sealed the newer has seen the older.
    ///
    /// No change stands below itself, and none that is not here below or above anything. Costs as
    /// much as there are changes that the newer one does not follow.
    pub fn is_ancestor(&self, older: &ChangeHash, newer: &ChangeHash) -> bool {
        let outside = || self.automerge.get_changes_meta(&[hash_into(newer)]);
        older != newer
            && self.holds(older)
            && self.holds(newer)
            && outside().iter().all(|change| hash_from(&change.hash) != *older)
    }

    /// The changes that stand below some of its changes, each with the highest of the numbers that
    /// those above it were given. Costs one look at every change, however many there are to look
    /// below.
    pub fn below(&self, heads: &[(ChangeHash, u64)]) -> BTreeMap<ChangeHash, u64> {
        let metas = self.automerge.get_changes_meta(&[]).into_iter();
        let deps: BTreeMap<_, _> = metas.map(|meta| (meta.hash, meta.deps)).collect();
        let (mut heads, mut below) = (heads.to_vec(), BTreeMap::new());
        heads.sort_unstable_by_key(|(_, number)| Reverse(*number));
        for (head, number) in heads {
            let mut open = vec![hash_into(&head)];
            while let Some(hash) = open.pop() {
                for dep in deps.get(&hash).into_iter().flatten() {
                    if let Entry::Vacant(place) = below.entry(hash_from(dep)) {
                        place.insert(number);
                        open.push(*dep);
                    }
                }
            }
        }
        below
    }

    /// What must be known of every change to judge it, the genesis left out.
    pub fn facts(&self) -> BTreeMap<ChangeHash, ChangeFacts> {
        let genesis = self.genesis_actor();
        let metas = self.automerge.get_changes_meta(&[]);
        let facts = metas.into_iter().map(|meta| ChangeFacts {
            hash: hash_from(&meta.hash),
            deps: meta.deps.iter().map(hash_from).collect(),
            actor: Actor::from_slice(meta.actor.to_bytes()).unwrap_or(genesis),
            seq: meta.seq,
        });
        facts.filter(|facts| facts.actor != genesis).map(|facts| (facts.hash, facts)).collect()
    }

    /// Returns the document that holds some of its changes only, each after those that it follows.
    ///
    /// # Errors
    /// When they do not follow from the genesis alone.
    pub fn of_changes(&self, changes: &[ChangeHash]) -> Result<Self, DocumentError> {
        let mut document = Self::genesis(self.header.clone());
        let bytes = changes.iter().filter_map(|hash| self.change(hash)).map(|it| it.bytes);
        document.replay(&bytes.collect::<Vec<_>>())?;
        Ok(document)
    }

    /// Applies changes that this store itself admitted or wrote before, each after those that it
    /// follows.
    ///
    /// # Errors
    /// When they do not follow from what is here; nothing is applied then.
    pub fn replay(&mut self, changes: &[Vec<u8>]) -> Result<(), DocumentError> {
        let parsed: Result<Vec<_>, _> =
            changes.iter().map(|bytes| automerge::Change::from_bytes(bytes.clone())).collect();
        let parsed = parsed.map_err(|_| DocumentError::Change)?;
        let mut known: BTreeSet<ChangeHash> = BTreeSet::new();
        for change in &parsed {
            let held = |hash: &ChangeHash| known.contains(hash) || self.holds(hash);
            if !change.deps().iter().map(hash_from).all(|hash| held(&hash)) {
                return Err(DocumentError::Change);
            }
            known.insert(hash_from(&change.hash()));
        }
        self.automerge.apply_changes(parsed).map_err(|_| DocumentError::Change)?;
        Ok(())
    }

    /// Returns a change of the document.
    pub fn change(&self, hash: &ChangeHash) -> Option<Change> {
        self.automerge.get_change_by_hash(&hash_into(hash)).map(|change| change_from(&change))
    }

    /// Returns the changes that somebody with these heads lacks, without the genesis, each after
    /// those that it follows. Heads that are unknown here count as nothing.
    pub fn changes_since(&self, heads: &[ChangeHash]) -> Vec<Change> {
        let known: Vec<_> = heads.iter().filter(|hash| self.holds(hash)).map(hash_into).collect();
        let genesis = self.genesis_actor();
        self.automerge
            .get_changes(&known)
            .iter()
            .map(change_from)
            .filter(|change| change.actor != genesis)
            .collect()
    }

    fn genesis_actor(&self) -> Actor {
        Actor(self.header.id().0)
    }

    pub(crate) fn automerge(&self) -> &Automerge {
        &self.automerge
    }

    pub(crate) fn with_automerge(&self, automerge: Automerge) -> Self {
        Self { header: self.header.clone(), automerge, genesis: self.genesis }
    }

    fn collection(&self, name: &str) -> Result<ObjId, DocumentError> {
        match self.automerge.get(ROOT, name)? {
            Some((_, object)) => Ok(object),
            None => Err(DocumentError::Snapshot),
        }
    }
}

fn record_key(kind: &RecordKind, id: RecordId) -> String {
    format!("{}/{id}", kind.key)
}

pub(crate) fn change_from(change: &automerge::Change) -> Change {
    Change {
        hash: hash_from(&change.hash()),
        deps: change.deps().iter().map(hash_from).collect(),
        actor: Actor::from_slice(change.actor_id().to_bytes()).unwrap_or(Actor([0; 16])),
        seq: change.seq(),
        bytes: change.raw_bytes().to_vec(),
    }
}

pub(crate) fn hash_from(hash: &automerge::ChangeHash) -> ChangeHash {
    ChangeHash(hash.0)
}

pub(crate) fn hash_into(hash: &ChangeHash) -> automerge::ChangeHash {
    automerge::ChangeHash(hash.0)
}

/// Why a document could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The bytes are no document, or one with another genesis.
    #[error("the snapshot is not a document of this header")]
    Snapshot,
    /// A stored change does not follow from the others.
    #[error("a stored change does not fit its document")]
    Change,
    /// The record that was to be set does not exist.
    #[error("no such record in the document")]
    NoRecord,
    /// The record or act that was to be made exists already.
    #[error("the record or act exists already")]
    Exists,
    /// More in one change than other nodes admit.
    #[error("the change is larger than other nodes admit")]
    TooLarge,
    /// Automerge refused.
    #[error("automerge: {0}")]
    Automerge(String),
}

impl From<automerge::AutomergeError> for DocumentError {
    fn from(error: automerge::AutomergeError) -> Self {
        Self::Automerge(error.to_string())
    }
}
