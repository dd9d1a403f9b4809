//! Acts: steps that somebody took, written once, from which every status is derived.
//!
//! An act follows another only if it names it, directly or through others (architecture 3); no
//! clock orders them. What a set of acts amounts to is each record type's own rule.

use std::collections::{BTreeMap, BTreeSet};

use crate::header::Header;
use crate::ids::{ActId, ChangeHash, DeviceId, Digest, DocId, OrgId, RecordId, Salt};
use crate::record::Fields;
use crate::roles::{OrgRole, PersonRole};

/// A step that somebody took (行为), as it is written under its id.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct Act {
    /// The hash of everything else that the act says, see [`Act::content_id`].
    #[n(0)]
    pub id: ActId,
    /// The id of the action, `application.submit`.
    #[n(1)]
    pub kind: String,
    /// The record that the step was about.
    #[n(2)]
    pub subject: RecordId,
    /// Who took it, as the membership log spells the name.
    #[n(3)]
    pub person: String,
    /// At which device; must be the one whose tag the writing actor bears.
    #[n(4)]
    pub device: DeviceId,
    /// When, by the writer's clock, RFC 3339: a claim, shown and never judged.
    #[n(5)]
    pub at: String,
    /// The position of the membership log that the writer had seen.
    #[n(6)]
    pub position: u64,
    /// The acts on the same subject that the writer had seen and no other of them had named.
    #[n(7)]
    pub after: Vec<ActId>,
    /// The version that was judged, for acts that judge one.
    #[n(8)]
    pub judged: Option<Reference>,
    /// What the step says beyond that: a frozen copy, an outcome, a reason.
    #[n(9)]
    pub body: Fields,
    /// Salt of the digest over `body`, for acts that freeze a version.
    #[n(10)]
    pub salt: Option<Salt>,
}

/// A version of something in another document (architecture 3, "reference").
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct Reference {
    /// The document it stands in.
    #[n(0)]
    pub document: DocId,
    /// The heads of that document when it was read.
    #[n(1)]
    pub heads: Vec<ChangeHash>,
    /// The salted digest of the fields that were judged.
    #[n(2)]
    pub digest: Digest,
}

/// Returns the salted digest of the canonical form of some fields: what a decision pins.
///
/// CBOR of the map with its keys in the order of their text, after the salt.
pub fn fields_digest(salt: Salt, fields: &Fields) -> Digest {
    let bytes = minicbor::to_vec(fields).expect("fields encode into memory");
    Digest::over(&[b"onex/fields/1", salt.as_bytes(), &bytes])
}

impl Act {
    /// Returns the id that these contents have: nobody can put another act under it, neither a
    /// colleague in the same document nor somebody else in his own, and no ring of acts that name
    /// each other can be made.
    pub fn content_id(&self) -> ActId {
        let bytes = minicbor::to_vec(Self { id: ActId([0; 16]), ..self.clone() });
        let bytes = bytes.expect("an act encodes into memory");
        ActId(Digest::over(&[b"onex/act/1", &bytes]).half())
    }

    /// Returns the act under the id that its contents have.
    pub fn identified(self) -> Self {
        Self { id: self.content_id(), ..self }
    }

    /// Returns the digest of the version that this act froze.
    pub fn frozen_digest(&self) -> Option<Digest> {
        self.salt.map(|salt| fields_digest(salt, &self.body))
    }

    /// Returns the text that the act says under a key.
    pub fn says(&self, key: &str) -> Option<&str> {
        self.body.get(key).and_then(crate::value::Value::as_text)
    }
}

/// An act together with where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The act.
    pub act: Act,
    /// The document it stands in; its owner is the organisation that took the step.
    pub header: Header,
    /// The Lamport counter of its operation.
    pub born: u64,
}

impl Found {
    /// The organisation that took the step.
    pub fn org(&self) -> OrgId {
        self.header.owner
    }
}

/// What the membership log says about who may do what; a plain fact to rules.
pub trait Authority {
    /// The role of an organisation.
    fn org_role(&self, org: OrgId) -> Option<OrgRole>;
    /// The organisation that the hub is.
    fn hub(&self) -> OrgId;
    /// The newest position of the log that is known here.
    fn position(&self) -> u64;
    /// The organisation of a device that is or was a member.
    fn org_of(&self, device: DeviceId) -> Option<OrgId>;
    /// Whether a person held a role at a device at a position of the log.
    fn holds(&self, device: DeviceId, person: &str, role: PersonRole, position: u64) -> bool;
    /// How many devices an organisation had at a position of the log.
    fn device_count(&self, org: OrgId, position: u64) -> usize;
    /// The hub device that gives filing numbers and receipts (parameter filing_allocator).
    fn allocator(&self) -> DeviceId;
}

/// The order among acts on one subject: who had seen whom.
pub struct Causality<'a> {
    acts: BTreeMap<ActId, &'a Found>,
    ordered: Vec<&'a Found>,
    positions: BTreeMap<ActId, u64>,
}

impl<'a> Causality<'a> {
    /// Takes the acts on one subject, and the newest position of the membership log known here.
    ///
    /// The same act from two documents counts once.
    pub fn new(found: impl IntoIterator<Item = &'a Found>, known: u64) -> Self {
        let acts: BTreeMap<ActId, &Found> =
            found.into_iter().map(|found| (found.act.id, found)).collect();
        let ordered = order(&acts);
        let positions = positions(&ordered, known);
        Self { acts, ordered, positions }
    }

    /// The acts, by id.
    pub fn acts(&self) -> impl Iterator<Item = &'a Found> + '_ {
        self.acts.values().copied()
    }

    /// Everything that an act names in `after`, directly or through others.
    pub fn ancestors(&self, id: ActId) -> BTreeSet<ActId> {
        let mut ancestors = self.named_by([id]);
        ancestors.remove(&id);
        ancestors
    }

    /// Whether the later act names the earlier one, directly or through others.
    pub fn follows(&self, later: ActId, earlier: ActId) -> bool {
        later != earlier && self.ancestors(later).contains(&earlier)
    }

    /// Everything that some acts name, directly or through others: what came before one of them.
    pub fn named_by(&self, ids: impl IntoIterator<Item = ActId>) -> BTreeSet<ActId> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<ActId> = ids.into_iter().flat_map(|id| self.after(id)).copied().collect();
        while let Some(next) = open.pop() {
            if seen.insert(next) {
                open.extend_from_slice(self.after(next));
            }
        }
        seen
    }

    /// The acts that none of the others names: what the next act must name.
    pub fn heads(&self) -> Vec<ActId> {
        let named: BTreeSet<ActId> =
            self.acts.values().flat_map(|found| found.act.after.iter().copied()).collect();
        self.acts.keys().copied().filter(|id| !named.contains(id)).collect()
    }

    /// The acts in an order in which each comes after those that it names, concurrent ones by id.
    pub fn ordered(&self) -> Vec<&'a Found> {
        self.ordered.clone()
    }

    /// The position of the membership log at which an act is judged: its own claim, raised to
    /// that of every act it names, so that nobody claims an older log than he can have seen.
    ///
    /// Nothing for an act that claims more of the log than is known here: it cannot be judged yet.
    /// Such a claim raises nobody else's, so that a made-up one harms only its own act.
    pub fn position(&self, id: ActId) -> Option<u64> {
        self.positions.get(&id).copied()
    }

    fn after(&self, id: ActId) -> &'a [ActId] {
        self.acts.get(&id).map_or(&[], |found| &found.act.after)
    }
}

/// Each act after those that it names; in a ring, which only forgers make, the lowest id first.
fn order<'a>(acts: &BTreeMap<ActId, &'a Found>) -> Vec<&'a Found> {
    let mut named: BTreeMap<ActId, BTreeSet<ActId>> = BTreeMap::new();
    let mut namers: BTreeMap<ActId, Vec<ActId>> = BTreeMap::new();
    for (id, found) in acts {
        let here = |other: &&ActId| *other != id && acts.contains_key(other);
        let before: BTreeSet<ActId> = found.act.after.iter().filter(here).copied().collect();
        before.iter().for_each(|other| namers.entry(*other).or_default().push(*id));
        named.insert(*id, before);
    }
    let mut ready: BTreeSet<ActId> =
        named.iter().filter(|(_, before)| before.is_empty()).map(|(id, _)| *id).collect();
    let mut ordered = Vec::with_capacity(acts.len());
    while let Some(id) = ready.pop_first().or_else(|| named.keys().next().copied()) {
        named.remove(&id);
        ordered.push(acts[&id]);
        for namer in namers.remove(&id).unwrap_or_default() {
            if let Some(before) = named.get_mut(&namer) {
                before.remove(&id);
                if before.is_empty() {
                    ready.insert(namer);
                }
            }
        }
    }
    ordered
}

fn positions(ordered: &[&Found], known: u64) -> BTreeMap<ActId, u64> {
    let mut raised: BTreeMap<ActId, u64> = BTreeMap::new();
    let mut judged = BTreeMap::new();
    for found in ordered {
        let act = &found.act;
        let possible = act.position <= known;
        let named = act.after.iter().filter_map(|id| raised.get(id)).copied().max();
        let position = named.unwrap_or(0).max(if possible { act.position } else { 0 });
        raised.insert(act.id, position);
        if possible {
            judged.insert(act.id, position);
        }
    }
    judged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::PLAN;
    use crate::ids::NetworkId;

    fn found(id: u8, after: &[u8], position: u64) -> Found {
        let act = Act {
            id: ActId([id; 16]),
            kind: "application.submit".to_owned(),
            subject: RecordId([0; 16]),
            person: "王芳".to_owned(),
            device: DeviceId([1; 16]),
            at: "2026-04-18T10:02:11+08:00".to_owned(),
            position,
            after: after.iter().map(|id| ActId([*id; 16])).collect(),
            judged: None,
            body: Fields::new(),
            salt: None,
        };
        Found { act, header: PLAN.of(NetworkId([0; 16]), OrgId([2; 16]), 2026), born: 0 }
    }

    #[test]
    fn an_act_follows_only_what_it_names() {
        let acts = [found(3, &[], 1), found(2, &[3], 1), found(1, &[2], 1), found(9, &[3], 1)];
        let causality = Causality::new(&acts, 20);
        let id = |n| ActId([n; 16]);
        assert!(causality.follows(id(1), id(3)));
        assert!(!causality.follows(id(9), id(2)), "concurrent");
        assert_eq!(causality.heads(), [id(1), id(9)]);
        let order: Vec<u8> = causality.ordered().iter().map(|found| found.act.id.0[0]).collect();
        assert_eq!(order, [3, 2, 1, 9]);
    }

    #[test]
    fn acts_that_name_each_other_in_a_ring_still_have_an_order() {
        let acts = [found(1, &[2], 1), found(2, &[1], 1), found(3, &[3], 1)];
        let causality = Causality::new(&acts, 20);
        assert_eq!(causality.ordered().len(), 3);
        assert!(causality.follows(ActId([1; 16]), ActId([2; 16])));
    }

    #[test]
    fn nobody_claims_an_older_log_than_what_he_names() {
        let acts = [found(1, &[], 7), found(2, &[1], 2)];
        assert_eq!(Causality::new(&acts, 20).position(ActId([2; 16])), Some(7));
    }

    #[test]
    fn nobody_claims_a_log_that_does_not_exist() {
        let acts = [found(1, &[], u64::MAX), found(2, &[1], 2), found(3, &[2], 5)];
        let positions = |known| {
            let causality = Causality::new(&acts, known);
            [1, 2, 3].map(|id| causality.position(ActId([id; 16])))
        };
        assert_eq!(positions(4), [None, Some(2), None]);
        assert_eq!(positions(5), [None, Some(2), Some(5)]);
    }
}
