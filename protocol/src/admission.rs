//! Admission: what becomes of the changes and seals of one document that somebody sent.
//!
//! Pure: the caller holds the document and stores the outcome. Nothing is decided by the order of
//! arrival: what counts follows from all that is known of the document and from the log.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};
use onex_crdt::document::{Change, Deed, Document};
use onex_crdt::effective::{ChangeFacts, Effective, Exclusion, Facts, Tag, effective};
use onex_crdt::foreign::{ForeignBytes, ForeignError, Parsed};
use onex_crdt::header::Header;
use onex_crdt::ids::{Actor, ChangeHash, DocId};

use crate::judgement::{Rights, claim, log_facts, seal_verdict, unclaimed};
use crate::membership::Membership;
use crate::seal::{SEAL_BYTES_MAX, Seal, newest};

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

/// Bytes of a hash in a message.
pub const HASH_BYTES: usize = 34;

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
    /// The changes, and the heads of seals, among these that the sender keeps apart itself and
    /// shows: whoever refuses them too agrees with it, so that no refusal is told.
    #[n(3)]
    pub apart: Vec<ChangeHash>,
}

impl DocumentBatch {
    /// Returns a batch of a document in which nothing travels.
    pub fn empty(header: Header) -> Self {
        let (changes, seals, apart) = (Vec::new(), Vec::new(), Vec::new());
        Self { header, changes, seals, apart }
    }

    /// Bytes of its changes and seals, nearly.
    pub fn bytes(&self) -> usize {
        let changes: usize = self.changes.iter().map(Vec::len).sum();
        changes + self.seals.len() * SEAL_BYTES_MAX + self.apart.len() * HASH_BYTES
    }

    /// Adds what is kept apart here and travels with the document; bytes that no one can read do
    /// not.
    pub fn show(&mut self, apart: impl IntoIterator<Item = Refused>) {
        for refused in apart {
            let Some(change) = refused.change else { continue };
            match is_change(&refused.bytes) {
                true => self.changes.push(refused.bytes),
                false => self.seals.extend(Seal::from_bytes(&refused.bytes).ok()),
            }
            self.apart.push(change);
        }
    }

    /// Returns the document's id.
    pub fn id(&self) -> DocId {
        self.header.id()
    }
}

/// What a batch makes of a document.
pub struct Admission {
    /// The document with what counts.
    pub document: Document,
    /// The changes that are new in it, each after those that it follows.
    pub new: Vec<Change>,
    /// The changes that were in it and do not count any more; they are among `refused` too.
    pub gone: Vec<Change>,
    /// The live seals from now on, those stored before included.
    pub seals: Vec<Seal>,
    /// What is kept apart.
    pub refused: Vec<Refused>,
    /// Actors with two changes under one number, where the log has not chosen yet.
    pub forks: Vec<Forked>,
    shown: BTreeSet<ChangeHash>,
}

impl Admission {
    /// What a person, or the sender, is told of what is kept apart: nothing of what the sender
    /// keeps apart too; a seal only where it is not that of a change that is told.
    pub fn told(&self) -> impl Iterator<Item = &Refused> {
        let changes = self.refused.iter().filter(|it| is_change(&it.bytes));
        let changes: BTreeSet<_> = changes.map(|it| it.change).collect();
        let is_told = move |it: &&Refused| is_change(&it.bytes) || !changes.contains(&it.change);
        let is_new = |it: &&Refused| it.change.is_none_or(|hash| !self.shown.contains(&hash));
        self.refused.iter().filter(is_new).filter(is_told)
    }
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

/// An actor that was seen with two changes under one number, and the last change of the branch that
/// this side chooses, if it is for it to say: what it had first (R6); the longer one where both came
/// at once, of equally long ones that with the smaller hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forked {
    /// The actor.
    pub actor: Actor,
    /// The number of the last change.
    pub seq: u64,
    /// Its hash.
    pub head: ChangeHash,
}

/// Whether what is kept apart for this reason travels with its document all the same: it shows a
/// fork, or stands between a seal and the changes below its head that count.
pub fn travels(reason: &str) -> bool {
    [FORK, NO_RIGHT, MISSING_DEPENDENCY].contains(&reason)
}

/// What is known of a document before a batch comes.
#[derive(Clone, Copy)]
pub struct Held<'a> {
    /// The document, its genesis where nothing is here.
    pub document: &'a Document,
    /// Its live seals, which were verified when they came.
    pub seals: &'a [Seal],
    /// The changes and seals of it that are kept apart.
    pub apart: &'a [Refused],
    /// Whether the membership log has grown since those were judged.
    pub log_grew: bool,
}

/// Judges a batch of one document and returns what to store.
///
/// What was kept apart before is judged again with it, so that the outcome follows from all that
/// is known and not from the order in which it came; bytes that could not be applied are not tried
/// again. An empty batch judges after the log has grown. One bad change takes along only those
/// that depend on it. Each seal that is not live is verified once; a bad change costs one more
/// application per halving of the list.
pub fn admit(mut held: Held<'_>, batch: DocumentBatch, membership: &Membership) -> Admission {
    let Held { document, apart, .. } = held;
    if let Some(reason) = header_fault(document, &batch.header, membership) {
        let (document, seals) = (document.clone(), held.seals.to_vec());
        let (new, gone, forks) = (Vec::new(), Vec::new(), Vec::new());
        let (refused, shown) = (all_refused(batch, reason), BTreeSet::new());
        return Admission { document, new, gone, seals, refused, forks, shown };
    }
    let DocumentBatch { header, changes, mut seals, apart: shown } = batch;
    if held.log_grew {
        // A rotation may have dropped what a seal rests on.
        seals.extend(held.seals.iter().cloned());
        held.seals = &[];
    }
    let mut outcome = Outcome::new(held);
    let mut parsed = outcome.parse(changes);
    outcome.came.extend(parsed.keys().copied().chain(seals.iter().map(|seal| seal.head)));
    let known = apart.iter().filter(|refused| refused.change.is_some());
    let (known, sealed): (Vec<_>, Vec<_>) = known.partition(|refused| is_change(&refused.bytes));
    seals.extend(sealed.iter().filter_map(|refused| Seal::from_bytes(&refused.bytes).ok()));
    parsed.extend(outcome.parse(known.iter().map(|refused| refused.bytes.clone()).collect()));
    let in_document = document.facts();
    let mut changes = in_document.clone();
    changes.extend(parsed.values().map(|change| (change.hash(), facts(change))));
    let genesis = Document::genesis(header.clone()).heads();
    let mut known = log_facts(&header, changes, &genesis, membership);
    let verdict = |seal: &Seal| seal_verdict(seal, &header, &known.changes, membership);
    let verdicts: Vec<_> = seals.iter().map(verdict).collect();
    let all = held.seals.iter().map(|seal| (seal, Ok(())));
    let all = all.chain(seals.iter().zip(verdicts.iter().copied()));
    known.claims = all.filter_map(|(seal, it)| claim(seal, it, &header, membership)).collect();
    let rights = Rights::new(&header, membership, &known);
    known.denied = denied(held, &in_document, &rights);
    let judged = effective(&known);
    let mut gaps: BTreeMap<Tag, bool> = BTreeMap::new();
    let mut gap = |tag| *gaps.entry(tag).or_insert_with(|| has_gap(&known, tag));
    for (hash, exclusion) in &judged.excluded {
        let actor = known.changes[hash].actor;
        let exclusion = match exclusion {
            Exclusion::NoSeal if gap(actor.tag()) => Exclusion::MissingDependency,
            Exclusion::NoSeal => unclaimed(actor, header.owner, membership),
            other => *other,
        };
        outcome.refuse(*hash, exclusion.reason());
    }
    let ordered: Vec<_> =
        judged.order.iter().filter_map(|hash| parsed.get(hash)).cloned().collect();
    let kept = kept(document, &judged);
    let admitted = outcome.apply(kept, &ordered, &|hash, deed| rights.permits(hash, deed));
    let live = outcome.seals(&admitted, seals, verdicts);
    Admission {
        document: admitted,
        new: outcome.new,
        gone: gone(document, &in_document, &judged),
        seals: live,
        refused: outcome.refused,
        forks: forks(document, &known, &judged),
        shown: shown.into_iter().collect(),
    }
}

/// Whether a refusal leaves the document open between the two: it then stays out of the
/// fingerprints of both and is not sent again by a repair, until a newer change of it is taken.
///
/// What merely lacks a dependency is not open, and closes what was open before, unless the whole
/// document was sent: the sums then differ, and the repair brings the dependency. Nor is a fork:
/// whoever has heard of both branches holds the same as we do.
pub fn refusal_opens(reason: &str, in_repair: bool) -> bool {
    in_repair || ![MISSING_DEPENDENCY, FORK].contains(&reason)
}

struct Outcome<'a> {
    held: Held<'a>,
    /// The changes, and the heads of the seals, that came with the batch.
    came: BTreeSet<ChangeHash>,
    /// The bytes of every change that could be read.
    bytes: BTreeMap<ChangeHash, Vec<u8>>,
    new: Vec<Change>,
    refused: Vec<Refused>,
}

type Permits<'a> = &'a dyn Fn(&ChangeHash, &Deed) -> bool;

impl<'a> Outcome<'a> {
    fn new(held: Held<'a>) -> Self {
        let (came, bytes) = (BTreeSet::new(), BTreeMap::new());
        Self { held, came, bytes, new: Vec::new(), refused: Vec::new() }
    }

    /// Reads the changes that the document does not hold.
    fn parse(&mut self, changes: Vec<Vec<u8>>) -> BTreeMap<ChangeHash, Parsed> {
        let mut parsed = BTreeMap::new();
        for bytes in changes {
            match ForeignBytes(bytes.clone()).parse() {
                Ok(change) if self.held.document.holds(&change.hash()) => {}
                Ok(change) => {
                    self.bytes.insert(change.hash(), bytes);
                    parsed.insert(change.hash(), change);
                }
                Err(error) => self.keep_apart(None, bytes, error.reason()),
            }
        }
        parsed
    }

    fn refuse(&mut self, change: ChangeHash, reason: &'static str) {
        let held = || self.held.document.change(&change).map(|change| change.bytes);
        let bytes = self.bytes.remove(&change).or_else(held).unwrap_or_default();
        self.keep_apart(Some(change), bytes, reason);
    }

    /// What is apart for the same reason already is told again only if it came again.
    fn keep_apart(&mut self, change: Option<ChangeHash>, bytes: Vec<u8>, reason: &'static str) {
        let refused = Refused { change, bytes, reason };
        let came = change.is_none_or(|change| self.came.contains(&change));
        if came || !self.held.apart.contains(&refused) {
            self.refused.push(refused);
        }
    }

    /// Why a change is not tried again: it was, and nothing has changed that could matter.
    fn tried(&self, change: &ChangeHash) -> Option<&'static str> {
        let before = self.held.apart.iter().find(|refused| refused.change == Some(*change))?;
        let matters = match before.reason {
            "malformed" | "failed_to_apply" => false,
            // What came may be the head of the frontier below which it lies.
            NO_RIGHT => self.held.log_grew || !self.came.is_empty(),
            _ => true,
        };
        (!matters).then_some(before.reason)
    }

    /// Applies as many of the changes as can be; they are in the order of their dependencies.
    fn apply(&mut self, document: Document, changes: &[Parsed], permits: Permits<'_>) -> Document {
        let mut ready: Vec<&Parsed> = Vec::new();
        let mut hashes = BTreeSet::new();
        for change in changes {
            let here = |dep: &ChangeHash| hashes.contains(dep) || document.holds(dep);
            match self.tried(&change.hash()) {
                Some(reason) => self.refuse(change.hash(), reason),
                None if !change.deps().iter().all(here) => {
                    self.refuse(change.hash(), MISSING_DEPENDENCY);
                }
                None => {
                    hashes.insert(change.hash());
                    ready.push(change);
                }
            }
        }
        if ready.is_empty() {
            return document;
        }
        let list: Vec<_> = ready.iter().map(|change| (*change).clone().vouched()).collect();
        let denied = RefCell::new(BTreeSet::new());
        let asked = |hash: &ChangeHash, deed: &Deed| {
            permits(hash, deed) || {
                denied.borrow_mut().insert(*hash);
                false
            }
        };
        match document.admit(&list, &asked) {
            Ok((admitted, new)) => {
                self.new.extend(new);
                admitted
            }
            Err(ForeignError::NotPermitted) => {
                let denied = denied.into_inner();
                denied.iter().for_each(|hash| self.refuse(*hash, NO_RIGHT));
                let rest = ready.iter().filter(|change| !denied.contains(&change.hash()));
                let rest: Vec<_> = rest.map(|change| (*change).clone()).collect();
                self.apply(document, &rest, permits)
            }
            Err(error) if ready.len() == 1 => {
                self.refuse(ready[0].hash(), error.reason());
                document
            }
            Err(_) => {
                let ready: Vec<_> = ready.into_iter().cloned().collect();
                let (older, newer) = ready.split_at(ready.len() / 2);
                let document = self.apply(document, older, permits);
                self.apply(document, newer, permits)
            }
        }
    }

    /// The live seals: those stored and those that came, as far as their heads count.
    fn seals(
        &mut self,
        document: &Document,
        arriving: Vec<Seal>,
        verdicts: Vec<Result<(), Exclusion>>,
    ) -> Vec<Seal> {
        let (mut seals, beyond): (Vec<Seal>, Vec<Seal>) =
            self.held.seals.iter().cloned().partition(|seal| document.holds(&seal.head));
        for seal in beyond {
            self.seal_refuse(&seal, MISSING_DEPENDENCY);
        }
        for (seal, verdict) in arriving.into_iter().zip(verdicts) {
            self.seal_keep(document, &mut seals, seal, verdict);
        }
        seals
    }

    /// Keeps a good seal whose head counts. A bad one is told unless its head was told already.
    fn seal_keep(
        &mut self,
        document: &Document,
        seals: &mut Vec<Seal>,
        seal: Seal,
        verdict: Result<(), Exclusion>,
    ) {
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
            Err(exclusion) => exclusion.reason(),
        };
        self.seal_refuse(&seal, reason);
    }

    /// A seal over a change that is kept apart is kept with it, for the same reason: it may be
    /// what vouches for the change one day.
    fn seal_refuse(&mut self, seal: &Seal, reason: &'static str) {
        let mut all = self.refused.iter().chain(self.held.apart);
        let of_head = all.find(|it| it.change == Some(seal.head) && is_change(&it.bytes));
        let reason = of_head.map_or(reason, |refused| refused.reason);
        self.keep_apart(Some(seal.head), seal.to_bytes(), reason);
    }
}

/// Whether something is not here that may lie between a good seal of a device and changes of its
/// own: then nobody can tell yet that they have none. What others claim to build on is no gap.
fn has_gap(known: &Facts, tag: Tag) -> bool {
    let good = known.claims.iter().filter(|claim| claim.tag == tag && claim.verdict.is_ok());
    let heads: Vec<_> = good.flat_map(|claim| claim.heads.iter().copied()).collect();
    let below = known.ancestry(&heads);
    let deps = below.iter().flat_map(|hash| &known.changes[hash].deps);
    let missing =
        |hash: &ChangeHash| !known.changes.contains_key(hash) && !known.genesis.contains(hash);
    heads.iter().chain(deps).any(missing)
}

/// Held changes by people who have lost the right to make them.
fn denied(
    held: Held<'_>,
    in_document: &BTreeMap<ChangeHash, ChangeFacts>,
    rights: &Rights<'_>,
) -> BTreeSet<ChangeHash> {
    let narrowed =
        in_document.values().filter(|change| held.log_grew || rights.is_narrowed(change.actor));
    let permitted = |hash: &ChangeHash| {
        held.document.deed(hash).is_some_and(|deed| rights.permits(hash, &deed))
    };
    narrowed.map(|change| change.hash).filter(|hash| !permitted(hash)).collect()
}

/// The changes of the document that do not count any more.
fn gone(
    document: &Document,
    held: &BTreeMap<ChangeHash, ChangeFacts>,
    judged: &Effective,
) -> Vec<Change> {
    let excluded = held.keys().filter(|hash| judged.excluded.contains_key(hash));
    excluded.filter_map(|hash| document.change(hash)).collect()
}

/// The document without what does not count any more.
fn kept(document: &Document, judged: &Effective) -> Document {
    if !judged.excluded.keys().any(|hash| document.holds(hash)) {
        return document.clone();
    }
    let kept: Vec<_> = judged.order.iter().filter(|hash| document.holds(hash)).copied().collect();
    document.of_changes(&kept).expect("each came with those that it follows when it was admitted")
}

fn forks(document: &Document, known: &Facts, judged: &Effective) -> Vec<Forked> {
    let last = |actor: Actor, changes: &mut dyn Iterator<Item = &ChangeFacts>| {
        let own = changes.filter(|change| change.actor == actor);
        own.map(|change| (change.seq, Reverse(change.hash))).max()
    };
    let forked = |(actor, number): (&Actor, &u64)| {
        let mut held = known.changes.values().filter(|change| document.holds(&change.hash));
        let first = last(*actor, &mut held).filter(|(seq, _)| seq >= number);
        let beyond = judged.excluded.iter().filter(|(_, why)| **why == Exclusion::Fork);
        let longest = || last(*actor, &mut beyond.map(|(hash, _)| &known.changes[hash]));
        let (seq, Reverse(head)) = first.or_else(longest)?;
        Some(Forked { actor: *actor, seq, head })
    };
    judged.forks.iter().filter_map(forked).collect()
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

/// Whether bytes that are kept apart are those of a change; a seal begins otherwise.
pub fn is_change(bytes: &[u8]) -> bool {
    bytes.starts_with(&CHANGE_MAGIC)
}

/// How every change begins in Automerge's format.
pub const CHANGE_MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];

fn facts(change: &Parsed) -> ChangeFacts {
    ChangeFacts {
        hash: change.hash(),
        deps: change.deps().to_vec(),
        actor: change.actor(),
        seq: change.seq(),
    }
}

/// The reason of a change that builds on one that is not here or does not count.
pub const MISSING_DEPENDENCY: &str = "missing_dependency";
const WRONG_OWNER: &str = "wrong_owner";
/// The reason of a change whose number another one bears.
pub const FORK: &str = "fork";
