//! Seals: by one signature over a document's head a device vouches for its own changes below it.
//!
//! What that comes to for changes is judged elsewhere (`judgement`).

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};
use onex_crdt::ids::{Actor, ChangeHash, DeviceId, DocId, NetworkId};

use crate::cbor::{self, CborError};
use crate::key::{Algorithm, Domain, PublicKey, Signature, SigningKey};

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

/// Returns the seals to keep of those stored and a good one that arrives.
///
/// Of two seals of one device for one document the newer replaces the older only if its ancestry
/// contains the older head, `is_ancestor(older, newer)`, and its position is no earlier: what was
/// vouched for since a grant stays so. Otherwise both are kept, since it is a restored backup or a
/// fork. At most 16 are live: a further one is refused, not exchanged, so that
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
        false => {
            newer.membership_position >= older.membership_position
                && is_ancestor(&older.head, &newer.head)
        }
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

/// Divides the good seals of one document whose heads count: those that are live, in the order
/// given, and those that have no room among them.
///
/// Live are those that `newest` would keep, whatever the order of arrival; of more than 16 of one
/// device those with the smallest heads. `below` names the changes below some heads, each with the
/// highest position of those above it: it is asked once a device, so that very many seals cost no
/// more looks at the document.
pub fn live(
    seals: Vec<Seal>,
    below: impl Fn(&[(ChangeHash, u64)]) -> BTreeMap<ChangeHash, u64>,
) -> (Vec<Seal>, Vec<Seal>) {
    let rank = |seal: &Seal| (seal.membership_position, seal.signature);
    let mut of: BTreeMap<DeviceId, BTreeMap<ChangeHash, _>> = BTreeMap::new();
    for seal in &seals {
        let best = of.entry(seal.device).or_default().entry(seal.head).or_insert(rank(seal));
        *best = rank(seal).max(*best);
    }
    for heads in of.values_mut().filter(|heads| heads.len() > 1) {
        let placed: Vec<_> = heads.iter().map(|(head, (position, _))| (*head, *position)).collect();
        let covered = below(&placed);
        heads
            .retain(|head, (position, _)| covered.get(head).is_none_or(|above| *above < *position));
    }
    let (mut kept, mut seen) = (seals, BTreeSet::new());
    kept.retain(|seal| {
        let is_best = of[&seal.device].get(&seal.head) == Some(&rank(seal));
        is_best && seen.insert((seal.device, seal.head))
    });
    kept.into_iter().partition(|seal| {
        let beyond = of[&seal.device].keys().nth(SEALS_LIVE_MAX);
        beyond.is_none_or(|beyond| seal.head < *beyond)
    })
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
