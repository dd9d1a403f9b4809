//! The effective set: which of the known changes of a document count. Trust B3.
//!
//! A pure function over plain facts: equal facts give an equal set, whatever the order in which
//! they arrived. Signatures, roles and the bytes of changes are judged elsewhere; what they come
//! to is among the facts.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{Actor, ChangeHash};

/// What must be known of a change.
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

/// The first bytes of every actor of a device.
pub type Tag = [u8; 8];

/// Heads that a device vouches for, and whether its word counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The device.
    pub tag: Tag,
    /// The heads: everything of the device's own at or below them is claimed.
    pub heads: Vec<ChangeHash>,
    /// Why the claim does not count, if it does not.
    pub verdict: Result<(), Exclusion>,
}

/// Everything that is known of the changes of one document.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Every known change, the genesis left out.
    pub changes: BTreeMap<ChangeHash, ChangeFacts>,
    /// The heads of the genesis, which always count.
    pub genesis: BTreeSet<ChangeHash>,
    /// What devices vouch for.
    pub claims: Vec<Claim>,
    /// Devices that were removed, with the heads up to which their work stays.
    pub cuts: BTreeMap<Tag, Vec<ChangeHash>>,
    /// Forked actors with the number and the hash of the last change of the branch that counts.
    pub resolved: BTreeMap<Actor, (u64, ChangeHash)>,
    /// Changes whose person had lost the right to make them.
    pub denied: BTreeSet<ChangeHash>,
}

/// Which changes count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effective {
    /// Those that do, each after those that it depends on.
    pub order: Vec<ChangeHash>,
    /// Those that do not, each with its reason.
    pub excluded: BTreeMap<ChangeHash, Exclusion>,
    /// Actors with two changes under one number, and that number; resolved ones left out.
    pub forks: BTreeMap<Actor, u64>,
}

/// Judges every known change.
///
/// A change counts if
/// * a good claim of the device whose tag its actor bears covers it (R1, R2), or the frontier of
///   its removal does, which the membership log vouches for;
/// * it lies at or below the frontier, if its device was removed (R4);
/// * its person was not denied it (R3);
/// * no other change has its actor and number, nor any that the actor numbered before it; after a
///   resolution it lies at or below the branch that was chosen (R5, R6);
/// * the actor's change before it counts, and so does everything that it depends on (R2, R7).
///
/// Costs a few visits per change and device. Of changes that do not depend on each other the one
/// with the smaller hash comes first.
pub fn effective(facts: &Facts) -> Effective {
    let claims = facts.claimed();
    let own = |hash: &ChangeHash| claims.get(hash).copied().unwrap_or(Err(Exclusion::NoSeal));
    let mut verdicts: BTreeMap<_, _> =
        facts.changes.keys().map(|hash| (*hash, own(hash))).collect();
    let forks = facts.forks_cut(&mut verdicts);
    // After the forks: whether a denied change was held before must not alter what a fork is.
    for hash in &facts.denied {
        if let Some(verdict) = verdicts.get_mut(hash) {
            let why = verdict.err().map_or(Exclusion::NoRight, |why| why.min(Exclusion::NoRight));
            *verdict = Err(why);
        }
    }
    let (order, excluded) = facts.in_order(&verdicts);
    Effective { order, excluded, forks }
}

impl Facts {
    /// Returns the known changes at or below some heads.
    pub fn ancestry(&self, heads: &[ChangeHash]) -> BTreeSet<ChangeHash> {
        let mut seen = BTreeSet::new();
        let mut open = heads.to_vec();
        while let Some(hash) = open.pop() {
            if let Some(change) = self.changes.get(&hash)
                && seen.insert(hash)
            {
                open.extend(&change.deps);
            }
        }
        seen
    }

    /// The best verdict among the claims that cover each change, the cuts considered.
    fn claimed(&self) -> BTreeMap<ChangeHash, Result<(), Exclusion>> {
        let log = self.cuts.iter().map(|(tag, heads)| (*tag, heads.clone()));
        let log = log.map(|(tag, heads)| Claim { tag, heads, verdict: Ok(()) });
        let mut heads: BTreeMap<(Tag, Result<(), Exclusion>), Vec<ChangeHash>> = BTreeMap::new();
        for claim in self.claims.iter().cloned().chain(log) {
            heads.entry((claim.tag, claim.verdict)).or_default().extend(claim.heads);
        }
        let mut claims: BTreeMap<ChangeHash, Result<(), Exclusion>> = BTreeMap::new();
        for ((tag, verdict), heads) in heads {
            let covered = self.ancestry(&heads);
            for hash in covered.into_iter().filter(|hash| self.changes[hash].actor.tag() == tag) {
                let claim = claims.entry(hash).or_insert(verdict);
                *claim = verdict.min(*claim);
            }
        }
        for (tag, heads) in &self.cuts {
            let kept = self.ancestry(heads);
            let of_device = |hash: &ChangeHash| self.changes[hash].actor.tag() == *tag;
            let beyond =
                claims.iter_mut().filter(|(hash, _)| of_device(hash) && !kept.contains(hash));
            beyond.for_each(|(_, claim)| *claim = Err(Exclusion::RemovedDevice));
        }
        claims
    }

    /// Excludes what lies beyond forks; returns those that are not resolved.
    fn forks_cut(
        &self,
        verdicts: &mut BTreeMap<ChangeHash, Result<(), Exclusion>>,
    ) -> BTreeMap<Actor, u64> {
        let mut by_actor: BTreeMap<Actor, BTreeMap<u64, Vec<ChangeHash>>> = BTreeMap::new();
        for (hash, _) in verdicts.iter().filter(|(_, verdict)| verdict.is_ok()) {
            let change = &self.changes[hash];
            by_actor.entry(change.actor).or_default().entry(change.seq).or_default().push(*hash);
        }
        let mut forks = BTreeMap::new();
        for (actor, numbers) in by_actor {
            let forked = numbers.iter().find(|(_, hashes)| hashes.len() > 1).map(|(seq, _)| *seq);
            let resolved = self.resolved.get(&actor);
            let branch = resolved.map(|(_, head)| self.ancestry(&[*head])).unwrap_or_default();
            let counts = |seq: u64, hash: &ChangeHash| match resolved {
                Some(_) if !branch.is_empty() => branch.contains(hash),
                Some((last, _)) => seq < *last && forked.is_none_or(|fork| seq < fork),
                None => forked.is_none_or(|fork| seq < fork),
            };
            for (seq, hashes) in &numbers {
                for hash in hashes.iter().filter(|hash| !counts(*seq, hash)) {
                    verdicts.insert(*hash, Err(Exclusion::Fork));
                }
            }
            if let (Some(seq), None) = (forked, resolved) {
                forks.insert(actor, seq);
            }
        }
        forks
    }

    /// Goes through the changes from the oldest on; what depends on one that does not count does
    /// not count.
    fn in_order(
        &self,
        verdicts: &BTreeMap<ChangeHash, Result<(), Exclusion>>,
    ) -> (Vec<ChangeHash>, BTreeMap<ChangeHash, Exclusion>) {
        let mut open: BTreeMap<ChangeHash, usize> = BTreeMap::new();
        let mut dependents: BTreeMap<ChangeHash, Vec<ChangeHash>> = BTreeMap::new();
        for change in self.changes.values() {
            let inside: BTreeSet<_> =
                change.deps.iter().filter(|dep| self.changes.contains_key(dep)).collect();
            open.insert(change.hash, inside.len());
            inside.iter().for_each(|dep| dependents.entry(**dep).or_default().push(change.hash));
        }
        let mut ready: BTreeSet<_> =
            open.iter().filter(|(_, count)| **count == 0).map(|(hash, _)| *hash).collect();
        let mut order = Vec::new();
        let (mut counting, mut numbers) = (self.genesis.clone(), BTreeSet::new());
        // What a circle of hashes, which cannot be made, would leave over stays excluded.
        let mut excluded: BTreeMap<_, _> =
            self.changes.keys().map(|hash| (*hash, Exclusion::MissingDependency)).collect();
        while let Some(hash) = ready.pop_first() {
            let change = &self.changes[&hash];
            let first = change.seq <= 1;
            let whole = change.deps.iter().all(|dep| counting.contains(dep))
                && (first || numbers.contains(&(change.actor, change.seq - 1)));
            match verdicts[&hash].and(whole.then_some(()).ok_or(Exclusion::MissingDependency)) {
                Ok(()) => {
                    excluded.remove(&hash);
                    counting.insert(hash);
                    numbers.insert((change.actor, change.seq));
                    order.push(hash);
                }
                Err(exclusion) => {
                    excluded.insert(hash, exclusion);
                }
            }
            for dependent in dependents.get(&hash).into_iter().flatten() {
                let count = open.get_mut(dependent).expect("every change has a count");
                *count -= 1;
                if *count == 0 {
                    ready.insert(*dependent);
                }
            }
        }
        (order, excluded)
    }
}

/// Why a change does not count. Of several reasons the first in this order is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Exclusion {
    /// It lies beyond the frontier of its device's removal, or was sealed after it.
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
    /// The person has no role for it, or had lost it.
    #[error("the person has no right to it")]
    NoRight,
    /// Two changes bear one number of an actor, and this one does not lie on the branch that counts.
    #[error("the device signed two changes under one number")]
    Fork,
    /// No seal of the device has the change in its ancestry.
    #[error("no seal covers the change")]
    NoSeal,
    /// A dependency is not here or does not count itself.
    #[error("a dependency is missing or does not count")]
    MissingDependency,
}

impl Exclusion {
    /// The id of the reason, as `list quarantine` prints it (contract).
    pub fn reason(self) -> &'static str {
        match self {
            Self::RemovedDevice => "removed_device",
            Self::UnknownDevice => "unknown_device",
            Self::BadSeal => "bad_seal",
            Self::WrongOwner => "wrong_owner",
            Self::NoRight => "no_right",
            Self::Fork => "fork",
            Self::NoSeal => "no_seal",
            Self::MissingDependency => "missing_dependency",
        }
    }
}

#[cfg(test)]
mod tests;
