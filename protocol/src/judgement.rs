//! Judgement: what seals and the membership log come to, as plain facts for the effective set.
//!
//! Signatures are verified here, each once. Bytes are not read and nothing is applied.

use std::collections::{BTreeMap, BTreeSet};

use onex_crdt::document::Deed;
use onex_crdt::effective::{ChangeFacts, Claim, Exclusion, Facts};
use onex_crdt::header::Header;
use onex_crdt::ids::{Actor, ChangeHash, DeviceId, OrgId};
use onex_crdt::rights::may_do;
use onex_crdt::roles::PersonRole;

use crate::membership::Membership;
use crate::seal::Seal;

/// Judges a seal by itself: whether its device may vouch for something in the document.
///
/// Whether its head is here, and counts, is seen later. A seal that names a position of the log
/// which is not here yet is refused as `UnknownDevice`; judged again with that log it may count.
pub fn seal_verdict(
    seal: &Seal,
    header: &Header,
    changes: &BTreeMap<ChangeHash, ChangeFacts>,
    membership: &Membership,
) -> Result<(), Exclusion> {
    if seal.network != membership.network() || seal.document != header.id() {
        return Err(Exclusion::BadSeal);
    }
    let device = membership.device(seal.device).ok_or(Exclusion::UnknownDevice)?;
    if device.org != header.owner {
        return Err(Exclusion::WrongOwner);
    }
    let of_its_head = |head: &ChangeFacts| head.actor == seal.actor && head.seq == seal.seq;
    if !changes.get(&seal.head).is_none_or(of_its_head) || !seal.verify(&device.key) {
        return Err(Exclusion::BadSeal);
    }
    let removed = device.removed_at.is_some_and(|at| at <= seal.membership_position);
    match membership.was_active(seal.device, seal.membership_position) {
        true => Ok(()),
        false if removed => Err(Exclusion::RemovedDevice),
        false => Err(Exclusion::UnknownDevice),
    }
}

/// Returns what the log says of a document: who was cut off where, with the seals that vouch for
/// what stays, and which branches count.
pub fn log_facts(
    header: &Header,
    changes: BTreeMap<ChangeHash, ChangeFacts>,
    genesis: &[ChangeHash],
    membership: &Membership,
) -> Facts {
    let mut facts =
        Facts { changes, genesis: genesis.iter().copied().collect(), ..Facts::default() };
    for cut in of_owner(header.owner, membership).filter(|cut| cut.term.is_none()) {
        let Some(seals) = cut.seals(header, membership.hub()) else { continue };
        facts.cuts.insert(cut.device.tag(), seals.iter().map(|seal| seal.head).collect());
        for seal in seals {
            let verdict = seal_verdict(seal, header, &facts.changes, membership);
            facts.claims.extend(claim(seal, verdict, header, membership));
        }
    }
    facts.resolved = membership.resolved(header).collect();
    facts
}

/// Returns what a seal claims, if its device is one of the owner's.
pub fn claim(
    seal: &Seal,
    verdict: Result<(), Exclusion>,
    header: &Header,
    membership: &Membership,
) -> Option<Claim> {
    membership.device(seal.device).filter(|device| device.org == header.owner)?;
    Some(Claim { tag: seal.device.tag(), heads: vec![seal.head], verdict })
}

/// Returns why a change counts for nothing that no seal of its device covers.
pub fn unclaimed(actor: Actor, owner: OrgId, membership: &Membership) -> Exclusion {
    let has_tag = |(id, _): (DeviceId, _)| id.tag() == actor.tag();
    if membership.devices_of(owner).any(has_tag) {
        Exclusion::NoSeal
    } else if membership.devices().any(has_tag) {
        Exclusion::WrongOwner
    } else {
        Exclusion::UnknownDevice
    }
}

fn of_owner(
    owner: OrgId,
    membership: &Membership,
) -> impl Iterator<Item = &crate::membership::Cut> {
    let of = move |device| membership.device(device).is_some_and(|device| device.org == owner);
    membership.cuts().filter(move |cut| of(cut.device))
}

/// Who may do what in one document, as far as the log tells.
pub struct Rights<'a> {
    header: &'a Header,
    membership: &'a Membership,
    /// By the position that took a role away: what of the work in it stays. Not among them are
    /// those of which the side that reads the document has not said what it held.
    kept: BTreeMap<u64, BTreeSet<ChangeHash>>,
}

impl<'a> Rights<'a> {
    /// Takes the facts of every known change.
    pub fn new(header: &'a Header, membership: &'a Membership, facts: &Facts) -> Self {
        let terms = of_owner(header.owner, membership).filter(|cut| cut.term.is_some());
        let kept = terms.filter_map(|cut| {
            let heads = cut.heads(header, membership.hub())?;
            Some((cut.position, facts.ancestry(&heads)))
        });
        Self { header, membership, kept: kept.collect() }
    }

    /// Whether the person that a change names had a right to what it does: a role that was his at
    /// some position of the log and was not taken away before the change was held (trust R3).
    pub fn permits(&self, change: &ChangeHash, deed: &Deed) -> bool {
        let owner = self.header.owner;
        let device = self.membership.devices_of(owner).find(|(id, _)| id.tag() == deed.actor.tag());
        let org = self.membership.organisation(owner);
        let (Some((device, _)), Some(org), Some(person)) = (device, org, &deed.person) else {
            return false;
        };
        let holds = |role: PersonRole| {
            self.membership.ends(device, person, role).any(|end| {
                let kept = end.and_then(|position| self.kept.get(&position));
                kept.is_none_or(|kept| kept.contains(change))
            })
        };
        may_do(deed, org.role, &holds)
    }

    /// Whether a device, or a person there, has lost a role in a way that matters here.
    pub fn is_narrowed(&self, actor: Actor) -> bool {
        let cuts = of_owner(self.header.owner, self.membership);
        let of_actor = |cut: &&crate::membership::Cut| cut.device.tag() == actor.tag();
        cuts.filter(of_actor).any(|cut| self.kept.contains_key(&cut.position))
    }
}

#[cfg(test)]
mod tests;
