//! Admission: what becomes of the changes and seals of one document that somebody sent.
//!
//! Pure: the caller holds the document and stores the outcome. Nothing is decided by the order of
//! arrival: what counts follows from all that is known of the document and from the log.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};
use onex_crdt::document::{Change, Deed, Document};
use onex_crdt::effective::{ChangeFacts, Effective, Exclusion, Facts, Tag, effective};
pub use onex_crdt::foreign::CHANGE_MAGIC;
use onex_crdt::foreign::{self, ForeignBytes, ForeignError, Vouched};
use onex_crdt::header::Header;
use onex_crdt::ids::{Actor, ChangeHash, DocId};

use crate::judgement::{Rights, claim, log_facts, seal_verdict, unclaimed};
use crate::membership::Membership;
use crate::seal::{SEAL_BYTES_MAX, Seal, live};

/// Most changes of one document that are judged together: all parts of a batch are, since a seal
/// may come with the last one. A document of a year has some thousand.
pub const DOCUMENT_CHANGES_MAX: usize = 20_000;
/// Most seals of one document that are judged together: those of 32 devices with as many as may
/// be live of each. Every one costs a verification.
pub const DOCUMENT_SEALS_MAX: usize = 512;

/// Every reason for which something is kept apart (contract, "list quarantine").
pub const REASONS: &[&str] = &[
    MALFORMED,
    TOO_LARGE,
    MISSING_DEPENDENCY,
    "no_seal",
    "bad_seal",
    "unknown_device",
    "removed_device",
    WRONG_OWNER,
    NO_RIGHT,
    FORK,
    "not_listed",
    FAILED_TO_APPLY,
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

    /// Adds what is kept apart here and travels with the document, as much as a receiver judges.
    pub fn show(&mut self, apart: impl IntoIterator<Item = Refused>) {
        for refused in apart.into_iter().filter(travels) {
            let Some(change) = refused.change else { continue };
            match Seal::from_bytes(&refused.bytes) {
                Ok(seal) if self.seals.len() < DOCUMENT_SEALS_MAX => self.seals.push(seal),
                Err(_) if self.changes.len() < DOCUMENT_CHANGES_MAX => {
                    self.changes.push(refused.bytes);
                }
                _ => continue,
            }
            self.apart.push(change);
        }
    }

    /// Returns the document's id.
    pub fn id(&self) -> DocId {
        self.header.id()
    }

    fn is_too_large(&self) -> bool {
        self.changes.len() > DOCUMENT_CHANGES_MAX
            || self.seals.len() > DOCUMENT_SEALS_MAX
            || self.apart.len() > DOCUMENT_CHANGES_MAX + DOCUMENT_SEALS_MAX
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
    /// The new changes that were kept apart here before. Whoever may read the document is owed them,
    /// whoever it was that sent what made them count: the peer may never have had them.
    pub back: BTreeSet<ChangeHash>,
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

/// Whether what is kept apart travels with its document all the same: it shows a fork, or stands
/// between a seal and the changes below its head that count, for whatever reason it does not count
/// itself. Bytes that could not even be read do not, nor does what nobody vouches for.
pub fn travels(refused: &Refused) -> bool {
    let was_read = refused.change.is_some();
    match refused.reason {
        FORK | NO_RIGHT | MISSING_DEPENDENCY => true,
        MALFORMED | FAILED_TO_APPLY => was_read,
        _ => false,
    }
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
    let document = held.document;
    if let Some(reason) = batch_fault(document, &batch, membership) {
        let (document, seals) = (document.clone(), held.seals.to_vec());
        let (new, gone, forks) = (Vec::new(), Vec::new(), Vec::new());
        let (refused, back, shown) = (all_refused(batch, reason), BTreeSet::new(), BTreeSet::new());
        return Admission { document, new, gone, seals, refused, forks, back, shown };
    }
    let DocumentBatch { header, changes, seals, apart: shown } = batch;
    let mut outcome = Outcome::new(held, !changes.is_empty() || !seals.is_empty());
    let mut arriving = Arriving::default();
    seals.into_iter().for_each(|seal| arriving.take(seal, Came::Now));
    let mut known = document.facts();
    outcome.parse(changes, &mut known);
    for refused in held.apart {
        match Seal::from_bytes(&refused.bytes) {
            Ok(seal) => arriving.take(seal, Came::Before),
            Err(_) => outcome.parse_apart(refused, &mut known),
        }
    }
    if held.log_grew {
        // A rotation may have dropped what a seal rests on.
        held.seals.iter().for_each(|seal| arriving.take(seal.clone(), Came::Before));
        held.seals = &[];
        outcome.held = held;
    }
    let mut known = log_facts(&header, known, &[document.genesis_change()], membership);
    let verdict = |seal: &Seal| seal_verdict(seal, &header, &known.changes, membership);
    let verdicts: Vec<_> = arriving.seals.iter().map(|(seal, _)| verdict(seal)).collect();
    let all = held.seals.iter().map(|seal| (seal, Ok(())));
    let all = all.chain(arriving.seals.iter().map(|(seal, _)| seal).zip(verdicts.iter().copied()));
    let claims = all.filter_map(|(seal, it)| claim(seal, it, &header, membership));
    let claims: Vec<_> = claims.collect();
    known.claims.extend(claims);
    let rights = Rights::new(&header, membership, &known);
    known.denied = denied(held, &known, &rights);
    let judged = effective(&known);
    let (gone, forks) = (gone(document, &judged), forks(document, &known, &judged));
    outcome.refuse_excluded(&judged, &known, membership);
    drop(known);
    let ordered = judged.order.iter().filter(|hash| !document.holds(hash));
    let ordered: Vec<_> = ordered.filter_map(|hash| outcome.vouched(hash)).collect();
    let kept = kept(document, &judged);
    let admitted = outcome.apply(kept, ordered, &|hash, deed| rights.permits(hash, deed));
    let seals = outcome.seals(&admitted, arriving, verdicts);
    let Outcome { new, refused, before, .. } = outcome;
    let back = new.iter().map(|it| it.hash).filter(|hash| before.contains_key(hash)).collect();
    let shown = shown.into_iter().collect();
    Admission { document: admitted, new, gone, seals, refused, forks, back, shown }
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

/// Whether something came with the batch, or was here before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    Now,
    Before,
}

/// The seals to be verified, each once.
#[derive(Default)]
struct Arriving {
    seals: Vec<(Seal, Came)>,
    known: BTreeSet<Vec<u8>>,
}

impl Arriving {
    fn take(&mut self, seal: Seal, came: Came) {
        if self.known.insert(seal.to_bytes()) {
            self.seals.push((seal, came));
        }
    }
}

/// The bytes of a change that the document does not hold: those that came are moved, never copied.
enum Bytes<'a> {
    Now(Vec<u8>),
    Before(&'a [u8]),
}

struct Outcome<'a> {
    held: Held<'a>,
    /// Whether anything came with the batch.
    came: bool,
    /// The changes that were apart before, with the reason.
    before: BTreeMap<ChangeHash, &'static str>,
    /// The bytes of every change that could be read and is not in the document.
    bytes: BTreeMap<ChangeHash, Bytes<'a>>,
    /// The bytes of those among them that were here before and are tried once more.
    tried: BTreeMap<ChangeHash, &'a [u8]>,
    new: Vec<Change>,
    refused: Vec<Refused>,
    /// The changes that are kept apart, with the reason.
    reasons: BTreeMap<ChangeHash, &'static str>,
}

type Permits<'a> = &'a dyn Fn(&ChangeHash, &Deed) -> bool;

impl<'a> Outcome<'a> {
    fn new(held: Held<'a>, came: bool) -> Self {
        let of_change = |refused: &&Refused| is_change(&refused.bytes);
        let before = held.apart.iter().filter(of_change);
        let before = before.filter_map(|refused| Some((refused.change?, refused.reason))).collect();
        let (bytes, tried, reasons) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { held, came, before, bytes, tried, new: Vec::new(), refused: Vec::new(), reasons }
    }

    /// Reads the changes that came and that the document does not hold.
    fn parse(&mut self, changes: Vec<Vec<u8>>, known: &mut BTreeMap<ChangeHash, ChangeFacts>) {
        self.refused.reserve_exact(changes.len());
        for bytes in changes {
            match foreign::read(&bytes) {
                Ok(facts) if self.is_here(&facts.hash, known) => {}
                Ok(facts) => {
                    self.bytes.insert(facts.hash, Bytes::Now(bytes));
                    known.insert(facts.hash, facts);
                }
                Err(error) => {
                    let reason = error.reason();
                    self.refused.push(Refused { change: None, bytes, reason });
                }
            }
        }
    }

    /// Reads a change that was apart before.
    fn parse_apart(&mut self, refused: &'a Refused, known: &mut BTreeMap<ChangeHash, ChangeFacts>) {
        if let Ok(facts) = foreign::read(&refused.bytes)
            && !self.is_here(&facts.hash, known)
        {
            self.bytes.insert(facts.hash, Bytes::Before(&refused.bytes));
            known.insert(facts.hash, facts);
        }
    }

    fn is_here(&self, hash: &ChangeHash, known: &BTreeMap<ChangeHash, ChangeFacts>) -> bool {
        known.contains_key(hash) || self.held.document.holds(hash)
    }

    /// Keeps apart what does not count.
    fn refuse_excluded(&mut self, judged: &Effective, known: &Facts, membership: &Membership) {
        let owner = self.held.document.header().owner;
        let mut unsealed: BTreeMap<Tag, Exclusion> = BTreeMap::new();
        for (hash, exclusion) in &judged.excluded {
            let actor = known.changes[hash].actor;
            let of_tag = || match has_gap(known, actor.tag()) {
                true => Exclusion::MissingDependency,
                false => unclaimed(actor, owner, membership),
            };
            let exclusion = match exclusion {
                Exclusion::NoSeal => *unsealed.entry(actor.tag()).or_insert_with(of_tag),
                other => *other,
            };
            self.refuse(*hash, exclusion.reason());
        }
    }

    /// Keeps a change apart. What was so before for the same reason is told again only if it came
    /// again.
    fn refuse(&mut self, change: ChangeHash, reason: &'static str) {
        self.reasons.insert(change, reason);
        let told = self.before.get(&change) == Some(&reason);
        let bytes = match self.bytes.remove(&change) {
            Some(Bytes::Now(bytes)) => bytes,
            Some(Bytes::Before(_)) if told => return,
            Some(Bytes::Before(bytes)) => bytes.to_vec(),
            None => self.held.document.change(&change).map(|it| it.bytes).unwrap_or_default(),
        };
        self.refused.push(Refused { change: Some(change), bytes, reason });
    }

    /// Takes a change that counts, unless it was tried before and nothing has changed that could
    /// matter.
    fn vouched(&mut self, change: &ChangeHash) -> Option<Vouched> {
        let tried = self.before.get(change).filter(|reason| match **reason {
            MALFORMED | FAILED_TO_APPLY => true,
            // What came may be the head of the frontier below which it lies.
            NO_RIGHT => !self.held.log_grew && !self.came,
            _ => false,
        });
        if let Some(reason) = tried {
            self.refuse(*change, reason);
            return None;
        }
        let bytes = match self.bytes.remove(change)? {
            Bytes::Now(bytes) => bytes,
            Bytes::Before(bytes) => {
                self.tried.insert(*change, bytes);
                bytes.to_vec()
            }
        };
        ForeignBytes(bytes).parse().ok().map(foreign::Parsed::vouched)
    }

    /// Keeps a change apart that could not be applied.
    fn turn_away(&mut self, change: Vouched, reason: &'static str) {
        let parsed = change.into_parsed();
        let hash = parsed.hash();
        let bytes = match self.tried.remove(&hash) {
            Some(bytes) => Bytes::Before(bytes),
            None => Bytes::Now(parsed.into_bytes()),
        };
        self.bytes.insert(hash, bytes);
        self.refuse(hash, reason);
    }

    /// Applies as many of the changes as can be; they are in the order of their dependencies.
    fn apply(
        &mut self,
        document: Document,
        changes: Vec<Vouched>,
        permits: Permits<'_>,
    ) -> Document {
        let mut ready = Vec::with_capacity(changes.len());
        let mut hashes = BTreeSet::new();
        for change in changes {
            let here = |dep: &ChangeHash| hashes.contains(dep) || document.holds(dep);
            if change.parsed().deps().iter().all(here) {
                hashes.insert(change.parsed().hash());
                ready.push(change);
            } else {
                self.turn_away(change, MISSING_DEPENDENCY);
            }
        }
        if ready.is_empty() {
            return document;
        }
        match document.admit(&ready, permits) {
            Ok((admitted, new)) => {
                self.new.extend(new);
                admitted
            }
            // Automerge tripped over something among them: it is looked for by halves.
            Err(faults) if faults.is_empty() && ready.len() > 1 => {
                let newer = ready.split_off(ready.len() / 2);
                let document = self.apply(document, ready, permits);
                self.apply(document, newer, permits)
            }
            Err(faults) => {
                let is_alone = faults.is_empty();
                let mut rest = Vec::with_capacity(ready.len());
                for change in ready {
                    let fault = faults.get(&change.parsed().hash()).copied();
                    match fault.or(is_alone.then_some(ForeignError::FailedToApply)) {
                        Some(fault) => self.turn_away(change, fault.reason()),
                        None => rest.push(change),
                    }
                }
                self.apply(document, rest, permits)
            }
        }
    }

    /// The live seals: those stored and those that came, as far as their heads count.
    fn seals(
        &mut self,
        document: &Document,
        arriving: Arriving,
        verdicts: Vec<Result<(), Exclusion>>,
    ) -> Vec<Seal> {
        let held = self.held.seals.iter().map(|seal| ((seal.clone(), Came::Before), Ok(())));
        let came = arriving.seals.iter().filter(|(_, came)| *came == Came::Now);
        let came: BTreeSet<_> = came.map(|(seal, _)| seal.to_bytes()).collect();
        let (mut good, mut refused) = (Vec::new(), Vec::new());
        for ((seal, _), verdict) in held.chain(arriving.seals.into_iter().zip(verdicts)) {
            match verdict {
                Ok(()) if document.holds(&seal.head) => good.push(seal),
                Ok(()) => refused.push((seal, MISSING_DEPENDENCY)),
                Err(exclusion) => refused.push((seal, exclusion.reason())),
            }
        }
        let (live, beyond) = live(good, |heads| document.below(heads));
        refused.extend(beyond.into_iter().map(|seal| (seal, FORK)));
        let before = self.held.apart.iter().filter(|refused| !is_change(&refused.bytes));
        let before: BTreeMap<_, _> = before.map(|it| (&it.bytes[..], it.reason)).collect();
        for (seal, reason) in refused {
            let bytes = seal.to_bytes();
            let told = before.get(&bytes[..]) == Some(&self.seal_reason(&seal, reason));
            if came.contains(&bytes) || !told {
                self.seal_refuse(&seal, reason);
            }
        }
        live
    }

    /// A seal over a change that is kept apart is kept with it, for the same reason: it may be
    /// what vouches for the change one day.
    fn seal_reason(&self, seal: &Seal, reason: &'static str) -> &'static str {
        self.reasons.get(&seal.head).copied().unwrap_or(reason)
    }

    fn seal_refuse(&mut self, seal: &Seal, reason: &'static str) {
        let reason = self.seal_reason(seal, reason);
        self.refused.push(Refused { change: Some(seal.head), bytes: seal.to_bytes(), reason });
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
fn denied(held: Held<'_>, known: &Facts, rights: &Rights<'_>) -> BTreeSet<ChangeHash> {
    let changes = known.changes.values().filter(|change| held.document.holds(&change.hash));
    let narrowed = changes.filter(|change| held.log_grew || rights.is_narrowed(change.actor));
    let permitted = |hash: &ChangeHash| {
        held.document.deed(hash).is_some_and(|deed| rights.permits(hash, &deed))
    };
    narrowed.map(|change| change.hash).filter(|hash| !permitted(hash)).collect()
}

/// The changes of the document that do not count any more.
fn gone(document: &Document, judged: &Effective) -> Vec<Change> {
    judged.excluded.keys().filter_map(|hash| document.change(hash)).collect()
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
    let (mut first, mut longest) = (BTreeMap::new(), BTreeMap::new());
    for change in known.changes.values().filter(|it| judged.forks.contains_key(&it.actor)) {
        let beyond = judged.excluded.get(&change.hash) == Some(&Exclusion::Fork);
        let last = match document.holds(&change.hash) {
            true => first.entry(change.actor),
            false if beyond => longest.entry(change.actor),
            false => continue,
        };
        let own = (change.seq, Reverse(change.hash));
        last.and_modify(|last| *last = own.max(*last)).or_insert(own);
    }
    let forked = |(actor, number): (&Actor, &u64)| {
        let first = first.get(actor).filter(|(seq, _)| seq >= number);
        let (seq, Reverse(head)) = *first.or_else(|| longest.get(actor))?;
        Some(Forked { actor: *actor, seq, head })
    };
    judged.forks.iter().filter_map(forked).collect()
}

/// Returns why nothing of a batch is taken: it is larger than may be, or of a document that nobody
/// may have.
fn batch_fault(
    document: &Document,
    batch: &DocumentBatch,
    membership: &Membership,
) -> Option<&'static str> {
    let fault = header_fault(document, &batch.header, membership);
    fault.or(batch.is_too_large().then_some(TOO_LARGE))
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

/// Every change of a batch, and as many of its seals as would have been judged.
fn all_refused(batch: DocumentBatch, reason: &'static str) -> Vec<Refused> {
    let change = |bytes: Vec<u8>| {
        let change = foreign::read(&bytes).ok().map(|facts| facts.hash);
        Refused { change, bytes, reason }
    };
    let seal = |seal: Seal| {
        let (change, bytes) = (Some(seal.head), seal.to_bytes());
        Refused { change, bytes, reason }
    };
    let seals = batch.seals.into_iter().take(DOCUMENT_SEALS_MAX).map(seal);
    batch.changes.into_iter().map(change).chain(seals).collect()
}

/// Whether bytes that are kept apart are those of a change; a seal begins otherwise.
pub fn is_change(bytes: &[u8]) -> bool {
    bytes.starts_with(&CHANGE_MAGIC)
}

/// The reason of a change that builds on one that is not here or does not count.
pub const MISSING_DEPENDENCY: &str = "missing_dependency";
const WRONG_OWNER: &str = "wrong_owner";
/// The reason of a change whose number another one bears.
pub const FORK: &str = "fork";
const MALFORMED: &str = "malformed";
/// The reason of what is larger than may be.
pub(crate) const TOO_LARGE: &str = "too_large";
const FAILED_TO_APPLY: &str = "failed_to_apply";
