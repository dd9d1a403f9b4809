//! A province in virtual time: nodes, the connections between them, and a queue of what happens.
//!
//! What goes wrong is `faults`' matter, what must hold `check`'s.

use std::collections::{BTreeMap, BTreeSet};

use onex_crdt::header::Header;
use onex_crdt::ids::{ChangeHash, Digest, DocId};
use onex_protocol::machine::{Event, PeerId, Side};

use super::check::Watch;
use super::clock::Clock;
use super::faults::{Fault, Profile};
use super::layout::{Layout, layout};
use super::lines::{Connection, Connections, Item};
use super::totals::Totals;
use super::work::{Actors, EDITS_AT_ONCE, edit};
use crate::node::{Node, Outgoing};
use crate::province::SECOND;
use crate::random::Random;
use crate::store::Store;

/// A computer with its node.
pub struct Site {
    pub node: Node,
    pub clock: Clock,
    /// Actors of the running process.
    pub actors: Actors,
    /// Which process runs: a number for each start.
    pub run: u64,
    /// Without a network until then.
    pub offline_ms: u64,
    pub backups: Vec<Backup>,
    /// How much of its log is known here, and how often it will be woken.
    pub noticed: usize,
    pub wakes: usize,
    /// The other of two states that a bad device shows.
    pub face: Option<Backup>,
}

/// A copy of everything that a node has on its disk, and of what its process had in memory.
pub struct Backup {
    pub store: Store,
    pub actors: Actors,
}

/// What waits for its time.
#[derive(Debug, Clone, Copy)]
pub enum Happening {
    /// A node takes up what waits in it.
    Wake(usize),
    Deliver {
        peer: PeerId,
        line: usize,
    },
    Cut(PeerId),
    /// An end notices that its connection is gone.
    Gone {
        node: usize,
        peer: PeerId,
        run: u64,
    },
    Dial(usize),
    Edit,
    Fault(Fault),
    Tick,
    /// Everything has come to rest: nobody may still wait for somebody.
    Evening,
}

/// What is known of a change by whoever sees the whole province.
pub struct Known {
    pub document: DocId,
    /// The nodes that have it on their disk, a bit each.
    pub holders: u16,
}

pub struct World {
    pub seed: u64,
    pub layout: &'static Layout,
    pub profile: Profile,
    pub sites: Vec<Site>,
    pub time_ms: u64,
    pub connections: Connections,
    /// From which node to which nothing arrives, and until when.
    pub blocked: BTreeMap<(usize, usize), u64>,
    pub changes: BTreeMap<ChangeHash, Known>,
    /// Changes of the second person at a device, who may lose his role.
    pub seconds: BTreeSet<ChangeHash>,
    pub totals: Totals,
    pub watch: Watch,
    /// Every message: when, from which node to which, over which connection.
    pub sent: Vec<(u64, usize, usize, PeerId, Vec<u8>)>,
    /// The nodes whose owner wants harm.
    pub bad: BTreeSet<usize>,
    /// Batches that they have sent.
    pub batches: Vec<Vec<u8>>,
    /// The hash over everything that was sent and done, where it is asked for.
    pub trace: Option<Digest>,
    /// Whether faults are over.
    pub healed: bool,
    pub faults: Random,
    queue: BTreeMap<(u64, u64), Happening>,
    queued: u64,
    work: Random,
    delays: Random,
    peers: u64,
}

impl World {
    pub fn new(seed: u64, profile: Profile) -> Self {
        let layout = layout(seed);
        let mut clocks = Random::stream(seed, 1);
        let site = |device: &u8| Site {
            node: Node::new(*device, layout.membership.clone()),
            clock: if profile.wrong_clocks { Clock::wrong(&mut clocks) } else { Clock::Right },
            actors: Actors::new(),
            run: 0,
            offline_ms: 0,
            backups: Vec::new(),
            noticed: 0,
            wakes: 0,
            face: None,
        };
        let sites: Vec<_> = layout.devices.iter().map(site).collect();
        let mut choice = Random::stream(seed, 5);
        let count = profile.bad.min(choice.below(profile.bad + 1) + 1);
        let bad = (0..count).map(|_| 1 + choice.below(sites.len() as u64 - 1) as usize).collect();
        let totals = Totals { runs: 1, devices: sites.len() as u64, ..Totals::default() };
        Self {
            seed,
            layout,
            profile,
            watch: Watch::new(layout, sites.len()),
            sites,
            time_ms: 0,
            connections: Connections::new(),
            blocked: BTreeMap::new(),
            changes: BTreeMap::new(),
            seconds: BTreeSet::new(),
            totals,
            sent: Vec::new(),
            bad,
            batches: Vec::new(),
            trace: None,
            healed: false,
            faults: Random::stream(seed, 2),
            queue: BTreeMap::new(),
            queued: 0,
            work: Random::stream(seed, 3),
            delays: Random::stream(seed, 4),
            peers: 0,
        }
    }

    pub fn schedule(&mut self, time_ms: u64, happening: Happening) {
        self.queued += 1;
        self.queue.insert((time_ms, self.queued), happening);
    }

    /// Goes on until nothing waits any more.
    pub fn run(&mut self) {
        let mut steps = 0;
        while let Some(((time_ms, _), happening)) = self.queue.pop_first() {
            steps += 1;
            assert!(steps < 400_000, "the province does not come to rest");
            self.time_ms = time_ms;
            self.happen(happening);
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Wake(index) => {
                self.sites[index].wakes -= 1;
                if let Some(event) = self.sites[index].node.next() {
                    self.handle(index, event);
                }
            }
            Happening::Deliver { peer, line } => self.deliver(peer, line),
            Happening::Cut(peer) => self.cut(peer),
            Happening::Gone { node, peer, run } => {
                if self.sites[node].run == run {
                    self.handle(node, Event::Disconnected { peer });
                }
            }
            Happening::Dial(caller) => self.dial(caller),
            Happening::Edit => self.edit(),
            Happening::Fault(fault) => self.fault(fault),
            Happening::Tick => {
                (0..self.sites.len()).for_each(|index| self.handle(index, Event::Tick));
            }
            Happening::Evening => self.evening(),
        }
    }

    /// Lets a machine take an event and carries out what follows, unless the process dies first.
    pub fn handle(&mut self, index: usize, event: Event) {
        let site = &mut self.sites[index];
        let refused = site.node.store.refusals;
        let effects = site.node.handle(site.clock.now(self.time_ms), event);
        let dies_after = match !self.healed && self.faults.below(self.profile.crash_one_in) == 0 {
            true => self.faults.below(effects.len() as u64 + 1) as usize,
            false => usize::MAX,
        };
        let dies = effects.len() > dies_after;
        for effect in effects.into_iter().take(dies_after) {
            if let Some(trace) = self.trace {
                let text = format!("{} {index} {effect:?}", self.time_ms);
                self.trace = Some(Digest::over(&[&trace.0, text.as_bytes()]));
            }
            let outgoing = self.sites[index].node.carry_out(effect);
            self.go_out(index, outgoing);
        }
        self.totals.refusals += self.sites[index].node.store.refusals - refused;
        self.noticed(index);
        if dies {
            self.totals.crashes += 1;
            self.restart(index);
        }
    }

    /// Remembers who has the changes that a node's log has gained, and sees to what waits in it.
    pub fn noticed(&mut self, index: usize) {
        let site = &mut self.sites[index];
        let left = std::mem::take(&mut site.node.store.left);
        site.actors.retain(|document, actor| !left.contains(&(*document, *actor)));
        let from = site.noticed;
        let log = site.node.store.log.get(from..).unwrap_or_default();
        site.noticed += log.len();
        for entry in log.iter().filter(|_| !self.bad.contains(&index)) {
            let document = entry.document;
            let known = self.changes.entry(entry.change);
            known.or_insert(Known { document, holders: 0 }).holders |= 1 << index;
        }
        if self.profile.resumes > 0 && !self.bad.contains(&index) {
            self.actors_left(index, from);
        }
        while self.sites[index].wakes < self.sites[index].node.waiting() {
            self.sites[index].wakes += 1;
            // A disk is quick, and now and then very slow.
            let slow = if self.delays.percent(2) { 3000 } else { 20 };
            let time_ms = self.time_ms + self.delays.below(slow);
            self.schedule(time_ms, Happening::Wake(index));
        }
    }

    /// An actor of the running process that comes back from elsewhere was copied with it: it is
    /// left to the copy.
    fn actors_left(&mut self, index: usize, from: usize) {
        let Site { node, actors, .. } = &mut self.sites[index];
        let foreign = node.store.log.iter().skip(from).filter(|entry| entry.origin.is_some());
        for entry in foreign {
            let document = node.store.documents.get(&entry.document);
            let change = document.and_then(|document| document.change(&entry.change));
            if change.is_some_and(|it| actors.get(&entry.document) == Some(&it.actor)) {
                actors.remove(&entry.document);
            }
        }
    }

    /// A node's disk is another one from now on.
    pub fn disk_exchanged(&mut self, index: usize) {
        self.watch.forget(index);
        self.sites[index].noticed = 0;
        self.changes.values_mut().for_each(|known| known.holders &= !(1 << index));
        self.noticed(index);
    }

    fn go_out(&mut self, index: usize, outgoing: Outgoing) {
        match outgoing {
            Outgoing::Nothing => {}
            Outgoing::Message { peer, bytes } => {
                self.totals.messages += 1;
                self.totals.bytes += bytes.len() as u64;
                let connection = self.connections.get(&peer);
                let Some(connection) = connection else {
                    self.totals.losses += 1;
                    return;
                };
                let to = connection.ends[1 - connection.line_of(index)];
                let reader = self.sites[to].node.store.party();
                self.sent.push((self.time_ms, index, to, peer, bytes.clone()));
                if self.bad.contains(&index) {
                    self.batches.push(bytes.clone());
                } else {
                    self.totals.repairs += self.watch.message(self.seed, &bytes, reader);
                }
                self.send(index, peer, Item::Message(bytes));
            }
            Outgoing::Close { peer } => self.send(index, peer, Item::End),
            Outgoing::Acknowledged { device, upto } => {
                let place = self.sites.iter().position(|site| site.node.store.own.device == device);
                let peer = place.expect("a device of this province");
                self.acknowledged(index, peer, upto.position);
            }
        }
    }

    pub fn send(&mut self, from: usize, peer: PeerId, item: Item) {
        let slow = if self.delays.percent(10) { 4000 } else { 400 };
        let delay = 5 + self.delays.below(slow);
        let Some(connection) = self.connections.get_mut(&peer) else {
            return;
        };
        let at = connection.line_of(from);
        let line = &mut connection.lines[at];
        line.items.push_back(item);
        line.last_ms = line.last_ms.max(self.time_ms + delay);
        let time_ms = line.last_ms;
        self.schedule(time_ms, Happening::Deliver { peer, line: at });
    }

    fn deliver(&mut self, peer: PeerId, at: usize) {
        let Some(connection) = self.connections.get_mut(&peer) else {
            return;
        };
        let (from, to) = (connection.ends[at], connection.ends[1 - at]);
        let line = &mut connection.lines[at];
        let until_ms = self.blocked.get(&(from, to)).copied().unwrap_or_default();
        line.dead |= until_ms > self.time_ms
            || self.sites[from].offline_ms > self.time_ms
            || self.sites[to].offline_ms > self.time_ms;
        let item = line.items.pop_front();
        if line.dead {
            self.totals.losses += u64::from(matches!(item, Some(Item::Message(_))));
            if !std::mem::replace(&mut connection.doomed, true) {
                let time_ms = self.time_ms + 2_000 + self.delays.below(6_000);
                self.schedule(time_ms, Happening::Cut(peer));
            }
            return;
        }
        match item {
            None => {}
            Some(Item::Open) => self.connected(to, from, peer, Side::Called),
            Some(Item::Message(bytes)) => self.handle(to, Event::Received { peer, bytes }),
            Some(Item::End) => {
                self.connections.remove(&peer);
                self.handle(to, Event::Disconnected { peer });
            }
        }
    }

    /// Breaks a connection; each end notices in its own time.
    pub fn cut(&mut self, peer: PeerId) {
        let Some(connection) = self.connections.remove(&peer) else {
            return;
        };
        self.totals.losses += connection.under_way() as u64;
        for node in connection.ends {
            let time_ms = self.time_ms + self.delays.below(4_000);
            let run = self.sites[node].run;
            self.schedule(time_ms, Happening::Gone { node, peer, run });
        }
    }

    pub fn connect(&mut self, caller: usize, called: usize) -> PeerId {
        self.peers += 1;
        let peer = PeerId(self.peers);
        let same = |connection: &&Connection| {
            connection.ends.contains(&caller) && connection.ends.contains(&called)
        };
        self.totals.doubles += u64::from(self.connections.values().any(|it| same(&it)));
        self.connections.insert(peer, Connection::new(caller, called));
        self.send(caller, peer, Item::Open);
        self.connected(caller, called, peer, Side::Caller);
        peer
    }

    fn connected(&mut self, index: usize, other: usize, peer: PeerId, side: Side) {
        let device = self.sites[other].node.store.own.device;
        self.handle(index, Event::Connected { peer, device, side });
    }

    /// A node calls another one: the hub mostly, or a colleague.
    fn dial(&mut self, caller: usize) {
        let count = self.sites.len() as u64;
        let org = |index: usize| self.sites[index].node.store.own.org;
        let mates: Vec<_> =
            (0..self.sites.len()).filter(|it| *it != caller && org(*it) == org(caller)).collect();
        let called = match self.faults.below(10) {
            0..5 => 0,
            5..8 => self.faults.pick(&mates).copied().unwrap_or(0),
            _ => self.faults.below(count) as usize,
        };
        let (lasts_ms, breaks) = (1000 + self.faults.below(40_000), self.faults.percent(70));
        let open = |from, to| self.blocked.get(&(from, to)).is_none_or(|it| *it <= self.time_ms);
        let on = |index: usize| self.sites[index].offline_ms <= self.time_ms;
        if caller == called || !on(caller) || !on(called) {
            return;
        }
        if open(caller, called) && open(called, caller) {
            let peer = self.connect(caller, called);
            if breaks {
                self.schedule(self.time_ms + lasts_ms, Happening::Cut(peer));
            }
        }
    }

    fn edit(&mut self) {
        let index = self.work.below(self.sites.len() as u64) as usize;
        let headers = &self.layout.documents[&self.sites[index].node.store.own.org];
        let header = self.work.pick(headers).expect("every organisation has documents");
        self.edit_in(index, header);
    }

    /// Somebody saves a few forms in a document.
    pub fn edit_in(&mut self, index: usize, header: &Header) {
        let site = &mut self.sites[index];
        let seconds = site.clock.seconds(self.time_ms);
        let Site { node, actors, .. } = site;
        // One form is saved after another.
        for _ in 0..EDITS_AT_ONCE {
            let written = edit(node, actors, header, &mut self.work, seconds);
            self.totals.edits += u64::from(written.is_some());
            self.seconds.extend(written.filter(|it| it.1 == SECOND).map(|it| it.0.hash));
        }
        node.event(Event::Authored);
        self.noticed(index);
    }

    /// Starts a node anew: what was not on the disk is gone, its connections too.
    pub fn restart(&mut self, index: usize) {
        let site = &mut self.sites[index];
        site.node.restart();
        site.actors.clear();
        site.run += 1;
        let of_it = |(_, it): &(&PeerId, &Connection)| it.ends.contains(&index);
        let peers: Vec<_> = self.connections.iter().filter(of_it).map(|(peer, _)| *peer).collect();
        peers.into_iter().for_each(|peer| self.cut(peer));
    }

    /// The nodes that are still in the log, and mean well.
    pub fn honest(&self) -> Vec<usize> {
        let log = &self.sites[0].node.membership;
        let active = |index: &usize| {
            let device = self.sites[*index].node.store.own.device;
            log.device(device).is_some_and(|device| device.active)
        };
        (0..self.sites.len()).filter(|it| !self.bad.contains(it)).filter(active).collect()
    }

    /// What a peer has acknowledged it holds, unless it was refused.
    fn acknowledged(&mut self, index: usize, peer: usize, position: u64) {
        if self.bad.contains(&index) || self.bad.contains(&peer) {
            return;
        }
        let from = self.watch.acknowledged_from(index, peer, position);
        let (ours, theirs) = (&self.sites[index].node.store, &self.sites[peer].node.store);
        let mut acknowledged = 0;
        for entry in &ours.log[from..position as usize] {
            let id = entry.document;
            let Some(document) = ours.documents.get(&id) else { continue };
            let readable =
                theirs.party().may_read(document.header()) && document.holds(&entry.change);
            if readable && entry.origin != Some(theirs.own.device) {
                let held = self.changes[&entry.change].holders & 1 << peer != 0;
                let kept_apart = || theirs.keeps_apart(&id, &entry.change);
                let who = || {
                    let (change, origin) = (entry.change, entry.origin);
                    let talk =
                        format!("{change} of {origin:?}, {index} to {peer}, up to {position}");
                    let of = self.told_of(document.header());
                    format!("{talk}\n{of}\n{}", self.talk(&[index, peer]))
                };
                let seed = self.seed;
                assert!(held || kept_apart(), "seed {seed}: acknowledged and lost: {}", who());
                acknowledged += 1;
            }
        }
        self.totals.acknowledged += acknowledged;
    }
}
