//! What goes wrong in a simulated province, when, and how it is put right at the end.

use onex_crdt::roles::PersonRole;
use onex_protocol::machine::{ACK_MS_MAX, PeerId};
use onex_protocol::statement::{RemovalReason, Statement};

use super::clock::DAY_MS;
use super::world::{Backup, Happening, World};
use crate::province::*;

/// How much of what happens in a run.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// How often somebody sits down to save one form or a few.
    pub sittings: u64,
    pub dials: u64,
    pub partitions: u64,
    pub offline: u64,
    pub restarts: u64,
    pub restores: u64,
    pub cuts: u64,
    /// One of so many steps of a machine ends in the middle.
    pub crash_one_in: u64,
    pub wrong_clocks: bool,
    /// How often a device, or a role of a person, is removed.
    pub removals: u64,
    /// How often a running state goes on from a copy: with the same actors.
    pub resumes: u64,
    /// Most bad devices, and how often one of them does something.
    pub bad: u64,
    pub misdeeds: u64,
}

impl Profile {
    /// Whether something may come not to count.
    pub fn is_judged(&self) -> bool {
        self.bad + self.removals + self.resumes > 0
    }
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
    /// A running state goes on from an older copy: with the same actors.
    Resume,
    /// An admin removes a device of his organisation, which may remove him at the same time.
    Removal,
    /// An admin takes a person's role away, or gives it again.
    RoleTurn,
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
            (profile.resumes, Fault::Backup),
            (profile.resumes, Fault::Resume),
            (profile.removals, Fault::Removal),
            (2 * profile.removals, Fault::RoleTurn),
            (profile.misdeeds, Fault::Misdeed),
        ];
        for (count, fault) in faults {
            (0..count).for_each(|_| self.plan_one(Happening::Fault(fault)));
        }
        (0..profile.sittings).for_each(|_| self.plan_one(Happening::Edit));
        for node in 0..self.sites.len() {
            (0..profile.dials).for_each(|_| self.plan_one(Happening::Dial(node)));
        }
        for day in 0..DAYS {
            for tick in 0..=WORKDAY_MS / 15_000 {
                self.schedule(day * DAY_MS + tick * 15_000, Happening::Tick);
            }
            self.schedule(day * DAY_MS + WORKDAY_MS + 2 * ACK_MS_MAX, Happening::Evening);
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
                let (store, actors) = (site.node.store.clone(), site.actors.clone());
                site.backups.push(Backup { store, actors });
            }
            Fault::Restore | Fault::Resume => self.restore(index, fault),
            Fault::Removal => self.removal(index),
            Fault::RoleTurn => self.role_turn(index),
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

    /// A node goes on from its oldest backup, if it has one. The membership log is not set back:
    /// a hub that is restored asks its peers for it before it signs anything.
    fn restore(&mut self, index: usize, fault: Fault) {
        let with_backup = |at: &usize| !self.sites[*at].backups.is_empty();
        let mut nodes = (index..self.sites.len()).chain(0..index);
        let Some(index) = nodes.find(with_backup) else {
            return;
        };
        let site = &mut self.sites[index];
        let backup = site.backups.remove(0);
        site.node.store = backup.store;
        self.restart(index);
        match fault {
            Fault::Resume => {
                self.totals.resumes += 1;
                self.sites[index].actors = backup.actors;
            }
            _ => self.totals.restores += 1,
        }
        self.disk_exchanged(index);
        self.sites[index].node.rejudge();
        self.noticed(index);
    }

    /// Another device of the same organisation that may be removed, as this one sees it.
    fn mate(&mut self, index: usize) -> Option<usize> {
        let log = &self.sites[index].node.membership;
        let org = self.sites[index].node.store.own.org;
        let active = |at: &usize| {
            let own = self.sites[*at].node.store.own;
            own.org == org && log.device(own.device).is_some_and(|device| device.active)
        };
        let mates: Vec<_> =
            (1..self.sites.len()).filter(|at| *at != index).filter(active).collect();
        self.faults.pick(&mates).copied().filter(|_| active(&index))
    }

    fn removal(&mut self, index: usize) {
        let Some(mate) = self.mate(index) else {
            return;
        };
        self.totals.removals += 1;
        self.remove(index, mate);
        if index != 0 && self.faults.percent(40) {
            self.totals.mutual += 1;
            self.remove(mate, index);
        }
    }

    fn remove(&mut self, by: usize, mate: usize) {
        let device = self.sites[mate].node.store.own.device;
        let node = &mut self.sites[by].node;
        let (reason, frontier) = (RemovalReason::Lost, node.store.frontier(device, HUB));
        node.propose(vec![Statement::RemoveDevice { device, reason, frontier }]);
        self.noticed(by);
    }

    /// Takes the role of the second person at a mate's device away, or gives it again.
    fn role_turn(&mut self, index: usize) {
        let Some(mate) = self.mate(index) else {
            return;
        };
        let device = self.sites[mate].node.store.own.device;
        let node = &mut self.sites[index].node;
        let (person, role) = (SECOND.to_owned(), PersonRole::Admin);
        let position = node.membership.position();
        let statement = match node.membership.holds(device, SECOND, role, position) {
            true => {
                self.totals.role_cuts += 1;
                let frontier = node.store.frontier(device, HUB);
                Statement::RemoveRole { device, person, role, frontier }
            }
            false => {
                self.totals.regrants += 1;
                Statement::GrantRole { device, person, role }
            }
        };
        node.propose(vec![statement]);
        self.noticed(index);
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
