//! Judgement: what seals and the membership log come to, as plain facts for the effective set.
//!
//! Signatures are verified here, each once. Bytes are not read and nothing is applied.

use std::collections::{BTreeMap, BTreeSet};

use onex_crdt::document::Deed;
use onex_crdt::effective::{ChangeFacts, Claim, Exclusion, Facts, Tag};
use onex_crdt::header::Header;
use onex_crdt::ids::{Actor, ChangeHash, DeviceId, OrgId};
use onex_crdt::rights::may_do;
use onex_crdt::roles::PersonRole;

use crate::membership::{Membership, Term};
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
    let (tag, position) = (seal.device.tag(), seal.membership_position);
    Some(Claim { tag, heads: vec![seal.head], position, verdict })
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
    /// By the position that gave a role again: what the device has vouched for since.
    since: BTreeMap<u64, BTreeSet<ChangeHash>>,
}

impl<'a> Rights<'a> {
    /// Takes the facts of every known change.
    pub fn new(header: &'a Header, membership: &'a Membership, facts: &Facts) -> Self {
        let terms = of_owner(header.owner, membership).filter(|cut| cut.term.is_some());
        let kept = terms.filter_map(|cut| {
            let heads = cut.heads(header, membership.hub())?;
            Some((cut.position, facts.ancestry(&heads)))
        });
        let kept = kept.collect();
        let is_owners = |device| membership.device(device).is_some_and(|it| it.org == header.owner);
        let again = membership.granted_again().filter(|(device, _)| is_owners(*device));
        let since = again.map(|(device, from)| (from, vouched_since(facts, device.tag(), from)));
        let since = since.collect();
        Self { header, membership, kept, since }
    }

    /// Whether the person that a change names had a right to what it does: a role that was his at
    /// some position of the log and was not taken away before the change was held (trust R3). A
    /// role that he is given again is no right to what he did without it: of that term is only what
    /// his device vouches for with a position that has the grant. Of the first term is everything,
    /// since a rotation may drop a grant, which is then said once more at a later position.
    pub fn permits(&self, change: &ChangeHash, deed: &Deed) -> bool {
        let owner = self.header.owner;
        let device = self.membership.devices_of(owner).find(|(id, _)| id.tag() == deed.actor.tag());
        let org = self.membership.organisation(owner);
        let (Some((device, _)), Some(org), Some(person)) = (device, org, &deed.person) else {
            return false;
        };
        let is_of = |term: &Term| {
            let kept = term.until.and_then(|position| self.kept.get(&position));
            let since = self.since.get(&term.from).filter(|_| term.is_again);
            [kept, since].into_iter().flatten().all(|changes| changes.contains(change))
        };
        let holds = |role: PersonRole| self.membership.terms(device, person, role).any(is_of);
        may_do(deed, org.role, &holds)
    }

    /// Whether a device, or a person there, has lost a role in a way that matters here.
    pub fn is_narrowed(&self, actor: Actor) -> bool {
        let cuts = of_owner(self.header.owner, self.membership);
        let of_actor = |cut: &&crate::membership::Cut| cut.device.tag() == actor.tag();
        cuts.filter(of_actor).any(|cut| self.kept.contains_key(&cut.position))
    }
}

/// What good claims of a device cover that were made at a position or later.
fn vouched_since(facts: &Facts, tag: Tag, from: u64) -> BTreeSet<ChangeHash> {
    let is_since = |it: &&Claim| it.tag == tag && it.verdict.is_ok() && it.position >= from;
    let claims = facts.claims.iter().filter(is_since);
    let heads: Vec<_> = claims.flat_map(|claim| claim.heads.iter().copied()).collect();
    facts.ancestry(&heads)
}

#[cfg(test)]
mod tests;
