//! The effective set: which of the known changes of a document count. Trust B3.
//!
//! A pure function over plain facts: equal facts give an equal set, whatever the order in which
//! they arrived. Signatures, roles and the bytes of changes are judged elsewhere; what they come
//! to is among the facts.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

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
    /// The position of the membership log that the device had when it made the claim, as it says.
    pub position: u64,
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
    /// Forked actors with the last change of the branch that counts.
    pub resolved: BTreeMap<Actor, ChangeHash>,
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
/// * a good claim of the device whose tag its actor bears covers it (R1, R2);
/// * it lies at or below the frontier, if its device was removed (R4): the frontier only limits. It
///   claims nothing by itself, or whoever may remove a device could put work into its name that it
///   never sealed; the log has the device's own seals beside it, which are claims like others;
/// * its person was not denied it (R3);
/// * no other change has its actor and number, nor any that the actor numbered before it; after a
///   resolution it lies at or below the branch that was chosen (R5, R6). A resolution for a branch
///   of which the last change is not claimed is none: it may be beyond the frontier of a removal,
///   and then not everybody has it;
/// * the actor's change before it counts, and so does everything that it depends on (R2, R7).
///
/// Costs a few visits per change and device, and some hundred bytes per change. Of changes that do
/// not depend on each other the one with the smaller hash comes first.
pub fn effective(facts: &Facts) -> Effective {
    let graph = Graph::of(facts);
    let mut verdicts = graph.claimed();
    let forks = graph.forks_cut(&mut verdicts);
    // After the forks: whether a denied change was held before must not alter what a fork is.
    for place in facts.denied.iter().filter_map(|hash| graph.place(hash)) {
        let why =
            verdicts[place].err().map_or(Exclusion::NoRight, |why| why.min(Exclusion::NoRight));
        verdicts[place] = Err(why);
    }
    let order = graph.in_order(&mut verdicts);
    let excluded = graph.changes.iter().zip(verdicts);
    let excluded = excluded.filter_map(|(change, verdict)| Some((change.hash, verdict.err()?)));
    Effective { order, excluded: excluded.collect(), forks }
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
}

type Verdict = Result<(), Exclusion>;

/// The known changes, numbered in the order of their hashes, so that a hostile batch of very many
/// takes a few bytes for each.
struct Graph<'a> {
    facts: &'a Facts,
    changes: Vec<&'a ChangeFacts>,
    /// The places of all dependencies that are known, those of one change after another's.
    deps: Vec<u32>,
    /// Where those of each change end.
    deps_end: Vec<u32>,
}

impl<'a> Graph<'a> {
    fn of(facts: &'a Facts) -> Self {
        let changes: Vec<_> = facts.changes.values().collect();
        let (deps, deps_end) = (Vec::new(), Vec::with_capacity(changes.len()));
        let mut graph = Self { facts, changes, deps, deps_end };
        for at in 0..graph.changes.len() {
            let change = graph.changes[at];
            let known: Vec<_> = change.deps.iter().filter_map(|dep| graph.place(dep)).collect();
            graph.deps.extend(known.into_iter().map(|place| place as u32));
            graph.deps_end.push(graph.deps.len() as u32);
        }
        graph
    }

    fn place(&self, hash: &ChangeHash) -> Option<usize> {
        self.changes.binary_search_by(|change| change.hash.cmp(hash)).ok()
    }

    fn deps_of(&self, place: usize) -> impl Iterator<Item = usize> + '_ {
        let from = place.checked_sub(1).map_or(0, |before| self.deps_end[before]);
        let places = &self.deps[from as usize..self.deps_end[place] as usize];
        places.iter().map(|place| *place as usize)
    }

    /// For each change whether it lies at or below one of these heads.
    fn below<'h>(&self, heads: impl IntoIterator<Item = &'h ChangeHash>) -> Vec<bool> {
        let mut seen = vec![false; self.changes.len()];
        let mut open: Vec<_> = heads.into_iter().filter_map(|head| self.place(head)).collect();
        while let Some(place) = open.pop() {
            if !std::mem::replace(&mut seen[place], true) {
                open.extend(self.deps_of(place));
            }
        }
        seen
    }

    fn is_of(&self, place: usize, tag: Tag) -> bool {
        self.changes[place].actor.tag() == tag
    }

    /// The best verdict among the claims that cover each change, the cuts considered.
    fn claimed(&self) -> Vec<Verdict> {
        let mut heads: BTreeMap<(Tag, Verdict), Vec<&ChangeHash>> = BTreeMap::new();
        for claim in &self.facts.claims {
            heads.entry((claim.tag, claim.verdict)).or_default().extend(&claim.heads);
        }
        let mut verdicts = vec![Err(Exclusion::NoSeal); self.changes.len()];
        for ((tag, verdict), heads) in heads {
            let below = self.below(heads);
            for place in (0..below.len()).filter(|place| below[*place] && self.is_of(*place, tag)) {
                verdicts[place] = verdict.min(verdicts[place]);
            }
        }
        for (tag, heads) in &self.facts.cuts {
            let kept = self.below(heads);
            for place in (0..kept.len()).filter(|place| !kept[*place] && self.is_of(*place, *tag)) {
                if verdicts[place] != Err(Exclusion::NoSeal) {
                    verdicts[place] = Err(Exclusion::RemovedDevice);
                }
            }
        }
        verdicts
    }

    /// Excludes what lies beyond forks; returns those that are not resolved.
    fn forks_cut(&self, verdicts: &mut [Verdict]) -> BTreeMap<Actor, u64> {
        let claimed = (0..verdicts.len()).filter(|place| verdicts[*place].is_ok());
        let number = |place: usize| (self.changes[place].actor, self.changes[place].seq);
        let mut numbers: Vec<_> = claimed.collect();
        numbers.sort_unstable_by_key(|place| number(*place));
        let mut forks = BTreeMap::new();
        for own in numbers.chunk_by(|a, b| number(*a).0 == number(*b).0) {
            let actor = number(own[0]).0;
            let twins = own.windows(2).find(|pair| number(pair[0]) == number(pair[1]));
            let forked = twins.map(|pair| number(pair[0]).1);
            let resolved = self.facts.resolved.get(&actor);
            let is_claimed =
                |head: &&ChangeHash| own.iter().any(|it| self.changes[*it].hash == **head);
            let head = resolved.filter(is_claimed);
            let branch = head.map(|head| self.below([head]));
            let counts = |place: usize| match &branch {
                Some(branch) => branch[place],
                None => forked.is_none_or(|fork| number(place).1 < fork),
            };
            for place in own.iter().filter(|place| !counts(**place)) {
                verdicts[*place] = Err(Exclusion::Fork);
            }
            if let (Some(seq), None) = (forked, resolved) {
                forks.insert(actor, seq);
            }
        }
        forks
    }

    /// Goes through the changes from the oldest on and returns those that count; what depends on
    /// one that does not count does not count.
    fn in_order(&self, verdicts: &mut [Verdict]) -> Vec<ChangeHash> {
        let (dependents, dependents_end) = self.dependents();
        let mut open: Vec<_> = (0..verdicts.len()).map(|at| self.deps_of(at).count()).collect();
        let mut ready: BinaryHeap<_> =
            (0..open.len()).filter(|place| open[*place] == 0).map(Reverse).collect();
        let mut order = Vec::new();
        // What a circle of hashes, which cannot be made, would leave over does not count either.
        let (mut visited, mut numbers) = (vec![false; open.len()], BTreeSet::new());
        while let Some(Reverse(place)) = ready.pop() {
            visited[place] = true;
            let change = self.changes[place];
            let counts = |dep: &ChangeHash| {
                let known = self.place(dep).map(|place| verdicts[place].is_ok());
                known.unwrap_or_else(|| self.facts.genesis.contains(dep))
            };
            let whole = change.deps.iter().all(counts)
                && (change.seq <= 1 || numbers.contains(&(change.actor, change.seq - 1)));
            if verdicts[place].is_ok() && !whole {
                verdicts[place] = Err(Exclusion::MissingDependency);
            }
            if verdicts[place].is_ok() {
                numbers.insert((change.actor, change.seq));
                order.push(change.hash);
            }
            let from = place.checked_sub(1).map_or(0, |before| dependents_end[before]);
            for dependent in &dependents[from as usize..dependents_end[place] as usize] {
                let dependent = *dependent as usize;
                open[dependent] -= 1;
                if open[dependent] == 0 {
                    ready.push(Reverse(dependent));
                }
            }
        }
        for place in (0..visited.len()).filter(|place| !visited[*place]) {
            verdicts[place] = Err(Exclusion::MissingDependency);
        }
        order
    }

    /// The places of the changes that depend on each, and where those of each end.
    fn dependents(&self) -> (Vec<u32>, Vec<u32>) {
        let mut ends = vec![0; self.changes.len()];
        self.deps.iter().for_each(|dep| ends[*dep as usize] += 1);
        let mut sum = 0;
        for end in &mut ends {
            // First where those of the change begin; filling moves that to where they end.
            sum += std::mem::replace(end, sum);
        }
        let mut dependents = vec![0; self.deps.len()];
        for place in 0..self.changes.len() {
            for dep in self.deps_of(place) {
                dependents[ends[dep] as usize] = place as u32;
                ends[dep] += 1;
            }
        }
        (dependents, ends)
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
