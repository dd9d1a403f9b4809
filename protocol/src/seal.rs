//! Seals: by one signature over a document's head a device vouches for its own changes below it.
//!
//! Roles of persons, forks of an actor and the frontier of a removal are not judged here.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};
use onex_crdt::ids::{Actor, ChangeHash, DeviceId, DocId, NetworkId, OrgId};

use crate::cbor::{self, CborError};
use crate::key::{Algorithm, Domain, PublicKey, Signature, SigningKey};
use crate::membership::Membership;

/// Most bytes of a seal.
pub const SEAL_BYTES_MAX: usize = 256;
/// Most seals that are kept of one device for one document (architecture 4).
pub const SEALS_LIVE_MAX: usize = 16;

/// What a device seals; the device itself follows from the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealBody {
    /// The network.
    pub network: NetworkId,
    /// The document.
    pub document: DocId,
    /// The device's newest change in it.
    pub head: ChangeHash,
    /// The actor of that change, one of the device's.
    pub actor: Actor,
    /// Its number among the actor's changes, from 1.
    pub seq: u64,
    /// The last position of the membership log that the device had.
    pub membership_position: u64,
}

/// A sealed head (trust C1).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Seal {
    /// How it is signed.
    #[n(0)]
    pub algorithm: Algorithm,
    /// The network.
    #[n(1)]
    pub network: NetworkId,
    /// The document.
    #[n(2)]
    pub document: DocId,
    /// The device's newest change in it.
    #[n(3)]
    pub head: ChangeHash,
    /// The device.
    #[n(4)]
    pub device: DeviceId,
    /// The actor of the head.
    #[n(5)]
    pub actor: Actor,
    /// The head's number among the actor's changes.
    #[n(6)]
    pub seq: u64,
    /// The last position of the membership log that the device had.
    #[n(7)]
    pub membership_position: u64,
    /// The device's signature over all of the above.
    #[n(8)]
    pub signature: Signature,
}

impl Seal {
    /// Seals a head.
    pub fn make(key: &SigningKey, body: SealBody) -> Self {
        let SealBody { network, document, head, actor, seq, membership_position } = body;
        let mut seal = Self {
            algorithm: Algorithm::Ed25519,
            network,
            document,
            head,
            device: key.device(),
            actor,
            seq,
            membership_position,
            signature: Signature([0; 64]),
        };
        seal.signature = key.sign(Domain::Seal, &seal.signed_bytes());
        seal
    }

    /// Whether the device, which holds this key, made the seal, for an actor of its own.
    #[must_use]
    pub fn verify(&self, key: &PublicKey) -> bool {
        key.device() == self.device
            && self.actor.tag() == self.device.tag()
            && key.verify(Domain::Seal, &self.signed_bytes(), &self.signature)
    }

    /// Returns the encoding, as it is stored and sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Reads an encoding of at most 256 bytes. Nothing is verified yet.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CborError> {
        cbor::decode_exact(bytes, SEAL_BYTES_MAX)
    }

    fn signed_bytes(&self) -> Vec<u8> {
        cbor::encode(&(
            self.algorithm,
            self.network,
            self.document,
            self.head,
            self.device,
            self.actor,
            self.seq,
            self.membership_position,
        ))
    }
}

/// What must be known of a change to judge whether it is vouched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeFacts {
    /// Its hash.
    pub hash: ChangeHash,
    /// The changes that it names as its predecessors.
    pub deps: Vec<ChangeHash>,
    /// Who wrote it, as it says.
    pub actor: Actor,
    /// Its number among the actor's changes, from 1.
    pub seq: u64,
}

/// Changes and seals of one document that arrived together.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// The document.
    pub document: DocId,
    /// The organisation that owns it.
    pub owner: OrgId,
    /// The changes, in any order.
    pub changes: &'a [ChangeFacts],
    /// The seals, in any order; those kept from earlier may be among them.
    pub seals: &'a [Seal],
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdicts {
    /// The changes that count and were not known, each after those it depends on.
    pub vouched: Vec<ChangeHash>,
    /// The changes that are kept apart, each with its reason.
    pub refused: BTreeMap<ChangeHash, Refusal>,
    /// What became of each seal, in the order given; only good ones are worth keeping.
    pub seals: Vec<Result<(), Refusal>>,
}

/// Judges the changes of a batch: which of them a device of the owner vouches for.
///
/// A change counts if a good seal of the device whose tag its actor bears has it in its ancestry,
/// and all its dependencies are known or count. So a colleague's change under somebody's seal, or
/// one under a stolen tag, does not count. `known` tells the changes that were admitted before:
/// they stay so, and the walk along the ancestry ends at them.
///
/// A seal that names a position of the log which is not here yet is refused as `UnknownDevice`;
/// judged again once the log is here, it may count.
///
/// The result does not depend on the order of changes and seals. Each seal is verified once, each
/// change visited at most four times per device of the owner.
pub fn vouched(
    batch: &Batch<'_>,
    known: &dyn Fn(&ChangeHash) -> bool,
    membership: &Membership,
) -> Verdicts {
    let facts: Facts<'_> = batch
        .changes
        .iter()
        .filter(|change| !known(&change.hash))
        .map(|change| (change.hash, change))
        .collect();
    let mut seals: Vec<_> =
        batch.seals.iter().map(|seal| seal_judge(seal, batch, &facts, membership)).collect();
    let of_owner = |seal: &Seal| {
        membership.device(seal.device).is_some_and(|device| device.org == batch.owner)
    };
    let claims = claims(batch.seals.iter().zip(&seals).filter(|(seal, _)| of_owner(seal)), &facts);
    let own = |change: &ChangeFacts| match claims.get(&change.hash) {
        Some(claim) => *claim,
        None => Err(unclaimed(change.actor, batch.owner, membership)),
    };
    let (vouched, refused) = in_order(&facts, known, &own);
    for (seal, verdict) in batch.seals.iter().zip(&mut seals) {
        let counts = facts.contains_key(&seal.head) && !refused.contains_key(&seal.head);
        if verdict.is_ok() && !counts && !known(&seal.head) {
            *verdict = Err(Refusal::MissingDependency);
        }
    }
    Verdicts { vouched, refused, seals }
}

/// Returns the seals to keep of those stored and a good one that arrives.
///
/// Of two seals of one device for one document the newer replaces the older only if its ancestry
/// contains the older head: `is_ancestor(older, newer)`. Otherwise both are kept, since it is a
/// restored backup or a fork. At most 16 are live: a further one is refused, not exchanged, so that
/// no order of arrival selects. Seals of other devices and documents stay as they are.
pub fn newest(
    stored: &[Seal],
    incoming: Seal,
    is_ancestor: impl Fn(&ChangeHash, &ChangeHash) -> bool,
) -> Result<Vec<Seal>, SealError> {
    let beside = |seal: &Seal| seal.document == incoming.document && seal.device == incoming.device;
    let rank = |seal: &Seal| (seal.membership_position, seal.signature);
    let covers = |newer: &Seal, older: &Seal| match newer.head == older.head {
        true => rank(newer) >= rank(older),
        false => is_ancestor(&older.head, &newer.head),
    };
    if stored.iter().any(|seal| beside(seal) && covers(seal, &incoming)) {
        return Ok(stored.to_vec());
    }
    let mut kept: Vec<_> =
        stored.iter().filter(|seal| !(beside(seal) && covers(&incoming, seal))).cloned().collect();
    if kept.iter().filter(|seal| beside(seal)).count() >= SEALS_LIVE_MAX {
        return Err(SealError::TooMany { document: incoming.document, device: incoming.device });
    }
    kept.push(incoming);
    Ok(kept)
}

type Facts<'a> = BTreeMap<ChangeHash, &'a ChangeFacts>;

/// Judges a seal by itself; whether its head is here is seen later.
fn seal_judge(
    seal: &Seal,
    batch: &Batch<'_>,
    facts: &Facts<'_>,
    membership: &Membership,
) -> Result<(), Refusal> {
    if seal.network != membership.network() || seal.document != batch.document {
        return Err(Refusal::BadSeal);
    }
    let device = membership.device(seal.device).ok_or(Refusal::UnknownDevice)?;
    if device.org != batch.owner {
        return Err(Refusal::WrongOwner);
    }
    let of_its_head = |head: &&ChangeFacts| head.actor == seal.actor && head.seq == seal.seq;
    if !facts.get(&seal.head).is_none_or(of_its_head) || !seal.verify(&device.key) {
        return Err(Refusal::BadSeal);
    }
    let removed = device.removed_at.is_some_and(|at| at <= seal.membership_position);
    match membership.was_active(seal.device, seal.membership_position) {
        true => Ok(()),
        false if removed => Err(Refusal::RemovedDevice),
        false => Err(Refusal::UnknownDevice),
    }
}

/// Returns for each change the best verdict among the seals of its own device that cover it.
fn claims<'a>(
    seals: impl Iterator<Item = (&'a Seal, &'a Result<(), Refusal>)>,
    facts: &Facts<'_>,
) -> BTreeMap<ChangeHash, Result<(), Refusal>> {
    let mut heads: BTreeMap<_, Vec<ChangeHash>> = BTreeMap::new();
    for (seal, verdict) in seals {
        heads.entry((seal.device, *verdict)).or_default().push(seal.head);
    }
    let mut claims = BTreeMap::new();
    for ((device, verdict), heads) in heads {
        for change in ancestry(heads, facts) {
            if change.actor.tag() == device.tag() {
                let claim = claims.entry(change.hash).or_insert(verdict);
                *claim = verdict.min(*claim);
            }
        }
    }
    claims
}

/// Returns the changes of a batch that are at or below some heads.
fn ancestry<'a>(heads: Vec<ChangeHash>, facts: &Facts<'a>) -> Vec<&'a ChangeFacts> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    let mut waiting = heads;
    while let Some(hash) = waiting.pop() {
        if let Some(change) = facts.get(&hash)
            && seen.insert(hash)
        {
            waiting.extend(&change.deps);
            found.push(*change);
        }
    }
    found
}

/// Returns why a change counts for nothing that no seal of its device covers.
fn unclaimed(actor: Actor, owner: OrgId, membership: &Membership) -> Refusal {
    let has_tag = |(id, _): (DeviceId, _)| id.tag() == actor.tag();
    if membership.devices_of(owner).any(has_tag) {
        Refusal::NoSeal
    } else if membership.devices().any(has_tag) {
        Refusal::WrongOwner
    } else {
        Refusal::UnknownDevice
    }
}

/// Goes through the changes from the oldest on; what depends on a refused or missing one is
/// refused. Among changes that do not depend on each other the smaller hash comes first.
fn in_order(
    facts: &Facts<'_>,
    known: &dyn Fn(&ChangeHash) -> bool,
    own: &dyn Fn(&ChangeFacts) -> Result<(), Refusal>,
) -> (Vec<ChangeHash>, BTreeMap<ChangeHash, Refusal>) {
    let mut open: BTreeMap<ChangeHash, usize> = BTreeMap::new();
    let mut dependents: BTreeMap<ChangeHash, Vec<ChangeHash>> = BTreeMap::new();
    for change in facts.values() {
        let inside: Vec<_> = change.deps.iter().filter(|dep| facts.contains_key(dep)).collect();
        open.insert(change.hash, inside.len());
        inside.iter().for_each(|dep| dependents.entry(**dep).or_default().push(change.hash));
    }
    let mut ready: BTreeSet<_> =
        open.iter().filter(|(_, count)| **count == 0).map(|(hash, _)| *hash).collect();
    let mut order = Vec::new();
    let mut counting = BTreeSet::new();
    // What a circle of hashes, which cannot be made, would leave over stays refused.
    let mut refused: BTreeMap<_, _> =
        facts.keys().map(|hash| (*hash, Refusal::MissingDependency)).collect();
    while let Some(hash) = ready.pop_first() {
        let change = facts[&hash];
        let whole = change.deps.iter().all(|dep| counting.contains(dep) || known(dep));
        match own(change).and(if whole { Ok(()) } else { Err(Refusal::MissingDependency) }) {
            Ok(()) => {
                refused.remove(&hash);
                counting.insert(hash);
                order.push(hash);
            }
            Err(refusal) => {
                refused.insert(hash, refusal);
            }
        }
        for dependent in dependents.get(&hash).into_iter().flatten() {
            let count = open.get_mut(dependent).expect("every change of the batch has a count");
            *count -= 1;
            if *count == 0 {
                ready.insert(*dependent);
            }
        }
    }
    (order, refused)
}

/// Why a change or a seal is kept apart. Of several reasons the first in this order is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    /// The device had been removed at the position that its seal names.
    #[error("the device was removed")]
    RemovedDevice,
    /// No such device, or not at the position that its seal names.
    #[error("the device is not known")]
    UnknownDevice,
    /// The seal is forged, of another document or network, or does not fit its head.
    #[error("the seal does not hold")]
    BadSeal,
    /// The device is not one of the owner's.
    #[error("the device belongs to another organisation")]
    WrongOwner,
    /// No seal of the device has the change in its ancestry.
    #[error("no seal covers the change")]
    NoSeal,
    /// A dependency, or the head of a seal, is not here or was refused itself.
    #[error("a dependency is missing or refused")]
    MissingDependency,
}

impl Refusal {
    /// The id of the reason, as `list quarantine` prints it (contract).
    pub fn reason(self) -> &'static str {
        match self {
            Self::RemovedDevice => "removed_device",
            Self::UnknownDevice => "unknown_device",
            Self::BadSeal => "bad_seal",
            Self::WrongOwner => "wrong_owner",
            Self::NoSeal => "no_seal",
            Self::MissingDependency => "missing_dependency",
        }
    }
}

/// Why a good seal cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The device has as many seals that do not contain each other as are kept.
    #[error("device {device} has {SEALS_LIVE_MAX} live seals for document {document}")]
    TooMany {
        /// The document.
        document: DocId,
        /// The device.
        device: DeviceId,
    },
}

#[cfg(test)]
mod tests;
