//! Admission: what becomes of the changes and seals of one document that somebody sent.
//!
//! Pure: the caller holds the document and stores the outcome. The frontier of a removed device,
//! adoption out of the quarantine, and which of two changes that share an actor's number is the
//! right one are not decided here.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};
use onex_crdt::document::{Change, Document};
use onex_crdt::foreign::{ForeignBytes, Parsed};
use onex_crdt::header::Header;
use onex_crdt::ids::{ChangeHash, DocId};

use crate::membership::Membership;
use crate::seal::{Batch, ChangeFacts, Refusal, Seal, newest, vouched};

/// Every reason for which something is kept apart (contract, "list quarantine").
pub const REASONS: &[&str] = &[
    "malformed",
    "too_large",
    MISSING_DEPENDENCY,
    "no_seal",
    "bad_seal",
    "unknown_device",
    "removed_device",
    WRONG_OWNER,
    NO_RIGHT,
    FORK,
    "not_listed",
    "failed_to_apply",
];

/// The reason of a document that its sender or its receiver may not have.
pub const NO_RIGHT: &str = "no_right";

/// Changes and seals of one document that travel together.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DocumentBatch {
    /// The document's header; its id is the header's hash.
    #[n(0)]
    pub header: Header,
    /// The changes, in any order; the genesis is never among them.
    #[cbor(n(1), with = "crate::message::byte_strings")]
    pub changes: Vec<Vec<u8>>,
    /// The sender's live seals.
    #[n(2)]
    pub seals: Vec<Seal>,
}

impl DocumentBatch {
    /// Returns the document's id.
    pub fn id(&self) -> DocId {
        self.header.id()
    }
}

/// What a batch makes of a document.
pub struct Admission {
    /// The document with what was admitted.
    pub document: Document,
    /// The changes that are new in it, each after those that it follows.
    pub new: Vec<Change>,
    /// The live seals from now on, those stored before included.
    pub seals: Vec<Seal>,
    /// What is kept apart.
    pub refused: Vec<Refused>,
}

/// A change or a seal that is kept apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The change, or the head of the seal; nothing where the bytes could not be read.
    pub change: Option<ChangeHash>,
    /// The bytes as they came.
    pub bytes: Vec<u8>,
    /// Why, one of `REASONS`.
    pub reason: &'static str,
}

/// Judges a batch of one document and returns what to store.
///
/// What is here already is passed over. One bad change takes along only those that depend on it.
/// `document` is what is held now, its genesis where nothing is; `stored_seals` are its live ones.
/// Each seal is verified once; a bad change costs one more application per halving of the list.
pub fn admit(
    document: &Document,
    stored_seals: &[Seal],
    batch: DocumentBatch,
    membership: &Membership,
) -> Admission {
    if let Some(reason) = header_fault(document, &batch.header, membership) {
        let refused = all_refused(batch, reason);
        let (document, seals) = (document.clone(), stored_seals.to_vec());
        return Admission { document, new: Vec::new(), seals, refused };
    }
    let mut outcome = Outcome::default();
    let mut parsed = outcome.parse(batch.changes);
    let facts: Vec<_> = parsed.values().map(facts).collect();
    let owner = batch.header.owner;
    let judged = Batch { document: document.id(), owner, changes: &facts, seals: &batch.seals };
    let verdicts = vouched(&judged, &|hash| document.holds(hash), membership);
    for (hash, refusal) in &verdicts.refused {
        outcome.refuse(*hash, refusal.reason());
    }
    let ordered: Vec<_> = verdicts.vouched.iter().filter_map(|hash| parsed.remove(hash)).collect();
    let document = outcome.apply(document.clone(), &ordered);
    let mut seals = stored_seals.to_vec();
    for (seal, verdict) in batch.seals.into_iter().zip(verdicts.seals) {
        outcome.seal_keep(&document, &mut seals, seal, verdict);
    }
    Admission { document, new: outcome.new, seals, refused: outcome.refused }
}

/// Whether a refusal leaves the document open between the two: it then stays out of the
/// fingerprints of both and is not sent again by a repair, until a newer change of it is taken.
///
/// What merely lacks a dependency is not open, and closes what was open before, unless the whole
/// document was sent: the sums then differ, and the repair brings the dependency.
pub fn refusal_opens(reason: &str, in_repair: bool) -> bool {
    in_repair || reason != MISSING_DEPENDENCY
}

#[derive(Default)]
struct Outcome {
    /// The bytes of every change that could be read.
    bytes: BTreeMap<ChangeHash, Vec<u8>>,
    new: Vec<Change>,
    refused: Vec<Refused>,
}

impl Outcome {
    fn parse(&mut self, changes: Vec<Vec<u8>>) -> BTreeMap<ChangeHash, Parsed> {
        let mut parsed = BTreeMap::new();
        for bytes in changes {
            match ForeignBytes(bytes.clone()).parse() {
                Ok(change) => {
                    self.bytes.insert(change.hash(), bytes);
                    parsed.insert(change.hash(), change);
                }
                Err(error) => {
                    self.refused.push(Refused { change: None, bytes, reason: error.reason() })
                }
            }
        }
        parsed
    }

    fn refuse(&mut self, change: ChangeHash, reason: &'static str) {
        let bytes = self.bytes.remove(&change).unwrap_or_default();
        self.refused.push(Refused { change: Some(change), bytes, reason });
    }

    /// Applies as many of the changes as can be; they are in the order of their dependencies.
    fn apply(&mut self, document: Document, changes: &[Parsed]) -> Document {
        let mut ready: Vec<&Parsed> = Vec::new();
        let mut hashes = BTreeSet::new();
        for change in changes {
            let here = |dep: &ChangeHash| hashes.contains(dep) || document.holds(dep);
            match change.deps().iter().all(here) {
                true => {
                    hashes.insert(change.hash());
                    ready.push(change);
                }
                false => self.refuse(change.hash(), MISSING_DEPENDENCY),
            }
        }
        if ready.is_empty() {
            return document;
        }
        let list: Vec<_> = ready.iter().map(|change| (*change).clone().vouched()).collect();
        match document.admit(&list) {
            Ok((admitted, new)) => {
                self.new.extend(new);
                admitted
            }
            Err(error) if ready.len() == 1 => {
                self.refuse(ready[0].hash(), error.reason());
                document
            }
            Err(_) => {
                let ready: Vec<_> = ready.into_iter().cloned().collect();
                let (older, newer) = ready.split_at(ready.len() / 2);
                let document = self.apply(document, older);
                self.apply(document, newer)
            }
        }
    }

    /// Keeps a good seal whose head is here. A bad one is told unless its head was told already.
    fn seal_keep(
        &mut self,
        document: &Document,
        seals: &mut Vec<Seal>,
        seal: Seal,
        verdict: Result<(), Refusal>,
    ) {
        let head = Some(seal.head);
        let reason = match verdict {
            Ok(()) if document.holds(&seal.head) => {
                let is_ancestor =
                    |older: &ChangeHash, newer: &ChangeHash| document.is_ancestor(older, newer);
                match newest(seals, seal.clone(), is_ancestor) {
                    Ok(kept) => {
                        *seals = kept;
                        return;
                    }
                    Err(_) => FORK,
                }
            }
            Ok(()) => MISSING_DEPENDENCY,
            Err(refusal) => refusal.reason(),
        };
        if self.refused.iter().all(|refused| refused.change != head) {
            self.refused.push(Refused { change: head, bytes: seal.to_bytes(), reason });
        }
    }
}

/// Returns why a document with this header is not taken at all. A kind that this program does not
/// know and one that nobody may have get the same answer.
fn header_fault(
    document: &Document,
    header: &Header,
    membership: &Membership,
) -> Option<&'static str> {
    let role = |org| membership.organisation(org).map(|organisation| organisation.role);
    if header.network != membership.network() || document.header() != header {
        return Some(WRONG_OWNER);
    }
    let Some(kind) = header.kind() else {
        return Some(NO_RIGHT);
    };
    match (header.is_sound(role), role(header.owner)) {
        (true, _) => None,
        (false, Some(owner)) if kind.owners.contains(&owner) => Some(NO_RIGHT),
        (false, _) => Some(WRONG_OWNER),
    }
}

fn all_refused(batch: DocumentBatch, reason: &'static str) -> Vec<Refused> {
    let change = |bytes: Vec<u8>| {
        let hash = ForeignBytes(bytes.clone()).parse().ok().map(|parsed| parsed.hash());
        Refused { change: hash, bytes, reason }
    };
    batch.changes.into_iter().map(change).collect()
}

fn facts(change: &Parsed) -> ChangeFacts {
    ChangeFacts {
        hash: change.hash(),
        deps: change.deps().to_vec(),
        actor: change.actor(),
        seq: change.seq(),
    }
}

const MISSING_DEPENDENCY: &str = "missing_dependency";
const WRONG_OWNER: &str = "wrong_owner";
const FORK: &str = "fork";
