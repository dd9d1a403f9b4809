//! What goes wrong in a simulated province, when, and how it is put right at the end.

use onex_protocol::machine::PeerId;

use super::clock::DAY_MS;
use super::world::{Backup, Happening, Known, World};

/// How much of what happens in a run.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// How often somebody sits down to save one form or a few.
    pub edits: u64,
    pub dials: u64,
    pub partitions: u64,
    pub offline: u64,
    pub restarts: u64,
    pub restores: u64,
    pub cuts: u64,
    /// One of so many steps of a machine ends in the middle.
    pub crash_one_in: u64,
    pub wrong_clocks: bool,
    /// Most bad devices, and how often one of them does something.
    pub bad: u64,
    pub misdeeds: u64,
}

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// The nodes fall into two halves that do not hear each other.
    Partition,
    /// One node is not heard by another.
    OneWay,
    /// A node has no network for up to two days.
    Offline,
    Restart,
    Backup,
    /// A node goes on from an older copy of its disk.
    Restore,
    Cut,
    /// A bad device does something that no honest one does.
    Misdeed,
}

/// Days of a run.
pub const DAYS: u64 = 5;
/// How long people work on each of them, in milliseconds.
const WORKDAY_MS: u64 = 90_000;

impl World {
    /// Fills the queue with the days' work and faults.
    pub fn plan(&mut self) {
        let profile = self.profile;
        let faults = [
            (profile.partitions, Fault::Partition),
            (profile.partitions, Fault::OneWay),
            (profile.offline, Fault::Offline),
            (profile.restarts, Fault::Restart),
            (profile.restores, Fault::Backup),
            (profile.restores, Fault::Restore),
            (profile.cuts, Fault::Cut),
            (profile.misdeeds, Fault::Misdeed),
        ];
        for (count, fault) in faults {
            (0..count).for_each(|_| self.plan_one(Happening::Fault(fault)));
        }
        (0..profile.edits).for_each(|_| self.plan_one(Happening::Edit));
        for node in 0..self.sites.len() {
            (0..profile.dials).for_each(|_| self.plan_one(Happening::Dial(node)));
        }
        for day in 0..DAYS {
            for tick in 1..=WORKDAY_MS / 15_000 {
                self.schedule(day * DAY_MS + tick * 15_000, Happening::Tick);
            }
        }
    }

    fn plan_one(&mut self, happening: Happening) {
        let day = self.faults.below(DAYS) * DAY_MS;
        let time_ms = day + self.faults.below(WORKDAY_MS);
        self.schedule(time_ms, happening);
    }

    pub fn fault(&mut self, fault: Fault) {
        let index = self.faults.below(self.sites.len() as u64) as usize;
        let long_ms = match self.faults.percent(30) {
            true => DAY_MS + self.faults.below(DAY_MS),
            false => self.faults.below(60_000),
        };
        match fault {
            Fault::Partition => {
                let halves = self.faults.next();
                self.totals.partitions += 1;
                let side = |node: usize| halves >> node & 1;
                let nodes = 0..self.sites.len();
                let pairs = nodes.clone().flat_map(|one| nodes.clone().map(move |it| (one, it)));
                for pair in pairs.filter(|(one, other)| side(*one) != side(*other)) {
                    self.block(pair, long_ms);
                }
            }
            Fault::OneWay => {
                let other = self.faults.below(self.sites.len() as u64) as usize;
                if index != other {
                    self.totals.one_way += 1;
                    self.block((index, other), long_ms);
                }
            }
            Fault::Offline => {
                self.totals.days_offline += long_ms / DAY_MS;
                self.sites[index].offline_ms = self.time_ms + long_ms;
            }
            Fault::Restart => {
                self.totals.restarts += 1;
                self.restart(index);
            }
            Fault::Backup => {
                let site = &mut self.sites[index];
                let (store, membership) = (site.node.store.clone(), site.node.membership.clone());
                site.backups.push(Backup { store, membership, actors: site.actors.clone() });
            }
            Fault::Restore => self.restore(index),
            Fault::Misdeed => self.misdeed(),
            Fault::Cut => {
                let peers: Vec<PeerId> = self.connections.keys().copied().collect();
                if let Some(peer) = self.faults.pick(&peers).copied() {
                    self.cut(peer);
                }
            }
        }
    }

    fn block(&mut self, pair: (usize, usize), long_ms: u64) {
        let until = self.blocked.entry(pair).or_default();
        *until = (*until).max(self.time_ms + long_ms);
    }

    /// A node goes on from its oldest backup; one that has none from an empty disk.
    fn restore(&mut self, index: usize) {
        let with_backup = |at: &usize| !self.sites[*at].backups.is_empty();
        let Some(index) =
            Some(index).filter(with_backup).or_else(|| (0..self.sites.len()).find(with_backup))
        else {
            return;
        };
        let site = &mut self.sites[index];
        let backup = site.backups.remove(0);
        site.node.store = backup.store;
        site.node.membership = backup.membership;
        self.restart(index);
        self.totals.restores += 1;
        self.watch.forget(index);
        for Known { holders, .. } in self.changes.values_mut() {
            *holders &= !(1 << index);
        }
        self.noticed(index, 0);
    }

    /// Ends all faults: everybody hears everybody, nothing more goes wrong.
    pub fn heal(&mut self) {
        self.healed = true;
        self.time_ms = self.time_ms.max(DAYS * DAY_MS);
        self.blocked.clear();
        for (index, site) in self.sites.iter_mut().enumerate() {
            site.offline_ms = if self.bad.contains(&index) { u64::MAX } else { 0 };
        }
        let peers: Vec<_> = self.connections.keys().copied().collect();
        peers.into_iter().for_each(|peer| self.cut(peer));
        self.run();
    }
}
