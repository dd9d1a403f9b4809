//! Scopes and fingerprints: whether two nodes hold the same, told in a few bytes.
//!
//! Sums are kept by the store, one per scope; nothing here reads a document. Documents with an open
//! refusal between two nodes are taken out of the pair's sums by the store too.

use minicbor::{Decode, Encode};
use onex_crdt::header::{Header, Readers};
use onex_crdt::ids::{ChangeHash, DeviceId, Digest, DocId, OrgId};
use onex_crdt::roles::OrgRole;

/// A set of documents that two organisations may both read. No document is in two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(flat)]
pub enum Scope {
    /// What everyone may read.
    #[n(0)]
    Public,
    /// What every enrolled organisation may read.
    #[n(1)]
    Province,
    /// What else these two may both read; the smaller id first, of one organisation twice the same.
    #[n(2)]
    Pair(#[n(0)] OrgId, #[n(1)] OrgId),
}

/// An organisation with its role, as far as reading goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Party {
    /// The organisation.
    pub org: OrgId,
    /// Its role.
    pub role: OrgRole,
}

impl Party {
    /// Whether the organisation may read a document.
    pub fn may_read(self, header: &Header) -> bool {
        header.may_read(self.org, self.role)
    }
}

impl Scope {
    /// Returns the scope that a document is in between two organisations; none when one of them may
    /// not read it.
    pub fn of(header: &Header, one: Party, other: Party) -> Option<Self> {
        if !(one.may_read(header) && other.may_read(header)) {
            return None;
        }
        Some(match header.kind()?.readers {
            Readers::Public => Self::Public,
            Readers::Province => Self::Province,
            Readers::Parties | Readers::Owner | Readers::Hub => Self::pair(one.org, other.org),
        })
    }

    /// Returns the three scopes between two organisations, in the order of `ScopeDigests`.
    pub fn between(one: OrgId, other: OrgId) -> [Self; 3] {
        [Self::Public, Self::Province, Self::pair(one, other)]
    }

    /// Returns the scope of what two organisations share with few others.
    pub fn pair(one: OrgId, other: OrgId) -> Self {
        Self::Pair(one.min(other), one.max(other))
    }
}

/// The sum of a set of documents: 256 bit, wrapping, so that documents come and go singly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Adds a document in a state (`document_digest`).
    pub fn add(&mut self, document: &DocId, state: &Digest) {
        let term = term(document, state);
        let mut carry = 0;
        for (sum, byte) in self.0.iter_mut().zip(term) {
            let total = u16::from(*sum) + u16::from(byte) + carry;
            *sum = total as u8;
            carry = total >> 8;
        }
    }

    /// Takes a document out that was added in this state.
    pub fn remove(&mut self, document: &DocId, state: &Digest) {
        let term = term(document, state);
        let mut borrow = 0;
        for (sum, byte) in self.0.iter_mut().zip(term) {
            let total = 0x100 + i32::from(*sum) - i32::from(byte) - borrow;
            *sum = total as u8;
            borrow = i32::from(total < 0x100);
        }
    }

    /// Returns half the SHA-256 of the sum, as it is sent: a shorter sum would be easier to hit.
    pub fn digest(&self) -> [u8; 16] {
        Digest::over(&[DOMAIN, &self.0]).half()
    }
}

/// The sums of the three scopes between two organisations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fingerprints {
    /// Over the public documents.
    pub public: Fingerprint,
    /// Over the documents of the province.
    pub province: Fingerprint,
    /// Over what else the two may both read.
    pub pair: Fingerprint,
}

impl Fingerprints {
    /// Returns what is sent of them.
    pub fn digests(&self) -> ScopeDigests {
        ScopeDigests([self.public, self.province, self.pair].map(|sum| ScopeDigest(sum.digest())))
    }
}

/// The digests of three sums: public, province, pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct ScopeDigests(pub [ScopeDigest; 3]);

/// The digest of one sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct ScopeDigest(#[cbor(with = "minicbor::bytes")] pub [u8; 16]);

impl ScopeDigests {
    /// Returns the scopes in which two nodes differ.
    pub fn differing(&self, other: &Self, scopes: [Scope; 3]) -> Vec<Scope> {
        let pairs = self.0.iter().zip(&other.0).zip(scopes);
        pairs.filter(|((one, other), _)| one != other).map(|(_, scope)| scope).collect()
    }
}

/// Returns the digest of a document's state: its heads, and who sealed which head.
///
/// The order of both does not matter. Two seals of one device over one head count once, since
/// nodes may briefly hold different ones.
pub fn document_digest(heads: &[ChangeHash], seals: &[(DeviceId, ChangeHash)]) -> Digest {
    let (mut heads, mut seals) = (heads.to_vec(), seals.to_vec());
    heads.sort_unstable();
    seals.sort_unstable();
    seals.dedup();
    let count = (heads.len() as u64).to_be_bytes();
    let mut parts: Vec<&[u8]> = vec![STATE_DOMAIN, &count];
    parts.extend(heads.iter().map(ChangeHash::as_bytes));
    parts.extend(seals.iter().flat_map(|(device, head)| [device.as_bytes(), head.as_bytes()]));
    Digest::over(&parts)
}

/// What a document in a state adds to a sum; also what stands for it in a comparison (`repair`).
pub(crate) fn term(document: &DocId, state: &Digest) -> [u8; 32] {
    Digest::over(&[DOMAIN, document.as_bytes(), state.as_bytes()]).0
}

const DOMAIN: &[u8] = b"onex/fingerprint/1";
const STATE_DOMAIN: &[u8] = b"onex/state/1";

#[cfg(test)]
mod tests {
    use super::*;
    use onex_crdt::header::{AGREEMENT, APPLICATION, DECISIONS, DIRECTORY, ORGANISATION, PLAN};
    use onex_crdt::ids::NetworkId;

    const NETWORK: NetworkId = NetworkId([1; 16]);
    const COLLEGE: Party = Party { org: OrgId([2; 16]), role: OrgRole::College };
    const OTHER: Party = Party { org: OrgId([3; 16]), role: OrgRole::College };
    const EVALUATOR: Party = Party { org: OrgId([4; 16]), role: OrgRole::Evaluator };
    const HUB: Party = Party { org: OrgId([5; 16]), role: OrgRole::Hub };

    fn check(header: &Header, one: Party, other: Party, expected: Option<Scope>) {
        assert_eq!(Scope::of(header, one, other), expected, "{header:?}");
        assert_eq!(Scope::of(header, other, one), expected, "{header:?}");
    }

    #[test]
    fn a_document_is_in_at_most_one_scope() {
        let (college, evaluator) = (COLLEGE.org, EVALUATOR.org);
        check(&DIRECTORY.of(NETWORK, HUB.org, 2026), COLLEGE, OTHER, Some(Scope::Public));
        check(&ORGANISATION.of(NETWORK, college, 2026), HUB, OTHER, Some(Scope::Province));
        let plan = PLAN.of(NETWORK, college, 2026);
        check(&plan, COLLEGE, COLLEGE, Some(Scope::Pair(college, college)));
        check(&plan, COLLEGE, HUB, None);
        let application = APPLICATION.between(NETWORK, college, evaluator, 2026);
        check(&application, COLLEGE, EVALUATOR, Some(Scope::Pair(college, evaluator)));
        check(&application, HUB, COLLEGE, Some(Scope::Pair(college, HUB.org)));
        check(&application, HUB, EVALUATOR, Some(Scope::Pair(evaluator, HUB.org)));
        check(&application, COLLEGE, OTHER, None);
        let agreement = AGREEMENT.between(NETWORK, evaluator, OTHER.org, 2026);
        check(&agreement, EVALUATOR, COLLEGE, None);
        let decisions = DECISIONS.between(NETWORK, HUB.org, college, 2026);
        check(&decisions, HUB, COLLEGE, Some(Scope::Pair(college, HUB.org)));
        check(&decisions, COLLEGE, EVALUATOR, None);
    }

    #[test]
    fn sums_take_and_give_back_in_any_order() {
        let (a, b) = (DocId([1; 16]), DocId([2; 16]));
        let state = |n| Digest([n; 32]);
        let mut one = Fingerprint::default();
        for n in 0..200 {
            one.add(&a, &state(n));
        }
        one.add(&b, &state(9));
        let mut other = Fingerprint([0xff; 32]);
        other.add(&b, &state(9));
        for n in (0..200).rev() {
            other.add(&a, &state(n));
        }
        assert_ne!(one, other, "they began differently");
        for n in 0..200 {
            one.remove(&a, &state(n));
            other.remove(&a, &state(n));
        }
        one.remove(&b, &state(9));
        other.remove(&b, &state(9));
        assert_eq!((one, other), (Fingerprint::default(), Fingerprint([0xff; 32])));
    }

    #[test]
    fn a_state_is_heads_and_who_sealed_them() {
        let (hash, device) = (|n| ChangeHash([n; 32]), |n| DeviceId([n; 16]));
        let heads = [hash(1), hash(2)];
        let seals = [(device(1), hash(1)), (device(2), hash(2))];
        let digest = document_digest(&heads, &seals);
        let turned = document_digest(&[heads[1], heads[0]], &[seals[1], seals[0], seals[1]]);
        assert_eq!(turned, digest);
        assert_ne!(document_digest(&heads, &seals[..1]), digest);
        assert_ne!(document_digest(&heads[..1], &seals), digest);
        assert_ne!(document_digest(&heads, &[(device(2), hash(1)), seals[1]]), digest);
    }

    #[test]
    fn the_scopes_that_differ_are_named() {
        let scopes = Scope::between(COLLEGE.org, HUB.org);
        let mut sums = Fingerprints::default();
        let before = sums.digests();
        assert_eq!(before.differing(&before, scopes), []);
        sums.pair.add(&DocId([1; 16]), &Digest([1; 32]));
        assert_eq!(sums.digests().differing(&before, scopes), [scopes[2]]);
        sums.public.add(&DocId([1; 16]), &Digest([1; 32]));
        assert_eq!(before.differing(&sums.digests(), scopes), [scopes[0], scopes[2]]);
    }
}
