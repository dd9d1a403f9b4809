//! The rule of the effective set once more, as plainly as it can be said, over everything that
//! honest nodes know: what the real one must come to on each of them.
//!
//! Trust B3. Nothing is shared with `onex_crdt::effective`, and nothing here is quick.

use std::collections::{BTreeMap, BTreeSet};

use onex_crdt::foreign::{ForeignBytes, Parsed};
use onex_crdt::header::Header;
use onex_crdt::ids::{Actor, ChangeHash, DeviceId, DocId, OrgId};
use onex_crdt::roles::OrgRole;
use onex_protocol::membership::{Entry, Membership};
use onex_protocol::seal::Seal;
use onex_protocol::statement::{Frontier, Statement};

use crate::province::SECOND;

/// What is known of one document.
pub struct Model<'a> {
    header: &'a Header,
    membership: &'a Membership,
    changes: BTreeMap<ChangeHash, Parsed>,
    /// The seals of the owner's devices that hold, those in the log among them.
    good: Vec<Seal>,
    genesis: BTreeSet<ChangeHash>,
    /// The changes of people who may have lost their only role.
    seconds: &'a BTreeSet<ChangeHash>,
}

type Sealed = BTreeMap<DocId, Vec<Seal>>;

impl<'a> Model<'a> {
    pub fn new(
        header: &'a Header,
        membership: &'a Membership,
        (changes, seals): (impl Iterator<Item = &'a [u8]>, impl Iterator<Item = Seal>),
        genesis: &[ChangeHash],
        seconds: &'a BTreeSet<ChangeHash>,
    ) -> Self {
        let parsed = changes.filter_map(|bytes| ForeignBytes(bytes.to_vec()).parse().ok());
        let changes = parsed.map(|change| (change.hash(), change)).collect();
        let genesis = genesis.iter().copied().collect();
        let mut model = Self { header, membership, changes, good: Vec::new(), genesis, seconds };
        let in_log = model.owners().filter_map(|device| model.removal(device)).flatten();
        let all: BTreeMap<_, _> = seals.chain(in_log).map(|it| (it.to_bytes(), it)).collect();
        model.good = all.into_values().filter(|seal| model.is_good(seal)).collect();
        model
    }

    /// Every change that could be read.
    pub fn known(&self) -> BTreeSet<ChangeHash> {
        self.changes.keys().copied().collect()
    }

    /// The changes that count.
    pub fn effective(&self) -> BTreeSet<ChangeHash> {
        let own: BTreeSet<_> =
            self.changes.keys().copied().filter(|hash| self.counts_by_itself(hash)).collect();
        let mut own = self.forks_left_out(own);
        own.retain(|hash| self.may(hash));
        let mut effective = BTreeSet::new();
        loop {
            let here = |dep: &ChangeHash| effective.contains(dep) || self.genesis.contains(dep);
            let numbers: BTreeSet<_> = effective.iter().map(|hash| self.number(hash)).collect();
            let next: Vec<_> = own
                .iter()
                .filter(|hash| !effective.contains(*hash))
                .filter(|hash| self.changes[hash].deps().iter().all(here))
                .filter(|hash| {
                    let (actor, seq) = self.number(hash);
                    seq == 1 || numbers.contains(&(actor, seq - 1))
                })
                .copied()
                .collect();
            if next.is_empty() {
                return effective;
            }
            effective.extend(next);
        }
    }

    fn number(&self, hash: &ChangeHash) -> (Actor, u64) {
        (self.changes[hash].actor(), self.changes[hash].seq())
    }

    fn owners(&self) -> impl Iterator<Item = DeviceId> {
        let owner: OrgId = self.header.owner;
        self.membership.devices_of(owner).map(|(device, _)| device)
    }

    fn device(&self, hash: &ChangeHash) -> Option<DeviceId> {
        let tag = self.changes[hash].actor().tag();
        self.owners().find(|device| device.tag() == tag)
    }

    /// R3: within a time that the second person had his role, of a later one only what was sealed
    /// in it.
    fn may(&self, hash: &ChangeHash) -> bool {
        let Some(device) = self.device(hash).filter(|_| self.seconds.contains(hash)) else {
            return true;
        };
        let mut terms: Vec<(u64, Option<u64>)> = Vec::new();
        for entry in self.membership.entries_from(0) {
            match &entry.statement.body {
                Statement::GrantRole { device: it, person, .. }
                    if *it == device && person == SECOND =>
                {
                    terms.push((entry.position, None));
                }
                Statement::RemoveRole { device: it, .. } if *it == device => {
                    terms.last_mut().expect("granted before").1 = Some(entry.position);
                }
                _ => {}
            }
        }
        terms.iter().enumerate().any(|(at, (from, until))| {
            let since = |seal: &&Seal| seal.membership_position >= *from;
            let kept = until.and_then(|until| self.cut(|entry| entry.position == until));
            let below = |seal: &Seal| self.is_below(hash, &seal.head);
            kept.is_none_or(|seals| seals.iter().any(below))
                && (at == 0 || self.good(device).filter(since).any(below))
        })
    }

    /// R1, R2 and R4, without forks and dependencies.
    fn counts_by_itself(&self, hash: &ChangeHash) -> bool {
        let Some(device) = self.device(hash) else {
            return false;
        };
        let cut = self.removal(device);
        let below = |seals: &Vec<Seal>| seals.iter().any(|seal| self.is_below(hash, &seal.head));
        let claimed = self.good(device).any(|seal| self.is_below(hash, &seal.head));
        claimed && cut.as_ref().is_none_or(below)
    }

    fn removal(&self, device: DeviceId) -> Option<Vec<Seal>> {
        self.cut(|entry| match &entry.statement.body {
            Statement::RemoveDevice { device: it, .. } => *it == device,
            _ => false,
        })
    }

    fn good(&self, device: DeviceId) -> impl Iterator<Item = &Seal> {
        self.good.iter().filter(move |seal| seal.device == device)
    }

    fn is_good(&self, seal: &Seal) -> bool {
        let Some(device) = self.membership.device(seal.device) else {
            return false;
        };
        let fits = self
            .changes
            .get(&seal.head)
            .is_some_and(|head| (head.actor(), head.seq()) == (seal.actor, seal.seq));
        seal.document == self.header.id()
            && seal.network == self.header.network
            && fits
            && self.membership.was_active(seal.device, seal.membership_position)
            && seal.verify(&device.key)
    }

    fn is_below(&self, hash: &ChangeHash, head: &ChangeHash) -> bool {
        let (mut open, mut seen) = (vec![*head], BTreeSet::new());
        while let Some(at) = open.pop() {
            if at == *hash {
                return true;
            }
            if seen.insert(at) {
                open.extend(self.changes.get(&at).into_iter().flat_map(|it| it.deps()));
            }
        }
        false
    }

    /// R5 and R6.
    fn forks_left_out(&self, own: BTreeSet<ChangeHash>) -> BTreeSet<ChangeHash> {
        let resolved = self.resolved();
        let mut times: BTreeMap<(Actor, u64), u64> = BTreeMap::new();
        own.iter().for_each(|hash| *times.entry(self.number(hash)).or_default() += 1);
        let counts = |hash: &ChangeHash| {
            let (actor, seq) = self.number(hash);
            let forked = (1..=seq).any(|at| times.get(&(actor, at)).is_some_and(|n| *n > 1));
            match resolved.get(&actor) {
                Some(head) if own.contains(head) => self.is_below(hash, head),
                _ => !forked,
            }
        };
        own.iter().copied().filter(|hash| counts(hash)).collect()
    }

    /// Up to where the work of somebody who was cut off stays, as the side says that reads the
    /// document. What it has not named is cut off whole, once it has named everything.
    fn cut(&self, of: impl Fn(&Entry) -> bool) -> Option<Vec<Seal>> {
        let hub = self.membership.hub();
        let hub_reads = self.header.may_read(hub, OrgRole::Hub);
        let entries = self.membership.entries_from(0);
        let at = entries.iter().find(|entry| of(entry))?;
        let (mut said, mut is_whole) = (Sealed::new(), false);
        for entry in entries {
            let frontier: &Frontier = match &entry.statement.body {
                Statement::RemoveDevice { frontier, .. }
                | Statement::RemoveRole { frontier, .. }
                    if entry.position == at.position =>
                {
                    frontier
                }
                Statement::SetFrontier { cut, frontier } if *cut == at.position => frontier,
                _ => continue,
            };
            let signer = self.membership.device(entry.statement.signer);
            if signer.is_some_and(|it| it.org == hub) == hub_reads {
                is_whole |= !frontier.more;
                for seals in frontier.seals.chunk_by(|a, b| a.document == b.document) {
                    said.entry(seals[0].document).or_insert_with(|| seals.to_vec());
                }
            }
        }
        said.remove(&self.header.id()).or(is_whole.then(Vec::new))
    }

    fn resolved(&self) -> BTreeMap<Actor, ChangeHash> {
        let hub = self.membership.hub();
        let hub_reads = self.header.may_read(hub, OrgRole::Hub);
        let by_hub = |by| self.membership.device(by).is_some_and(|it| it.org == hub);
        let entries = self.membership.entries_from(0).iter();
        let resolved = entries.filter_map(|entry| match &entry.statement.body {
            Statement::Resolve { document, actor, head, .. }
                if *document == self.header.id() && by_hub(entry.statement.signer) == hub_reads =>
            {
                Some((*actor, *head))
            }
            _ => None,
        });
        resolved.collect()
    }
}
