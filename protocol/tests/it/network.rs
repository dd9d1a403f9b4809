//! Lines between nodes: what is sent arrives in order per line, everything else in
//! an order that a seed decides.

use std::collections::{BTreeMap, VecDeque};

use onex_crdt::ids::DeviceId;
use onex_protocol::machine::{Event, Now, PeerId, Report, Side};
use onex_protocol::membership::Membership;
use onex_protocol::message::{Message, Origin};

use crate::node::{Node, Outgoing};
use crate::province::*;
use crate::random::Random;

/// One direction of a connection.
struct Line {
    to: usize,
    peer: PeerId,
    messages: VecDeque<Vec<u8>>,
    closing: bool,
}

/// A message that was sent: from which node, and its bytes.
pub struct Sent {
    pub from: u8,
    pub bytes: Vec<u8>,
}

pub struct Network {
    pub nodes: Vec<Node>,
    lines: BTreeMap<(usize, PeerId), Line>,
    random: Random,
    peers: u64,
    pub sent: Vec<Sent>,
    /// Whether what a peer acknowledged is looked for in its store.
    pub acks_checked: bool,
    /// The line breaks after this many messages have arrived.
    pub cut_after: Option<usize>,
    delivered: usize,
    muted: Option<u8>,
}

impl Network {
    /// A network of the devices with these seeds, all with the same log.
    pub fn new(seed: u64, devices: &[u8]) -> Self {
        Self::with(seed, devices.iter().map(|device| (*device, membership())).collect())
    }

    pub fn with(seed: u64, devices: Vec<(u8, Membership)>) -> Self {
        let nodes = devices.into_iter().map(|(seed, log)| Node::new(seed, log)).collect();
        Self {
            nodes,
            lines: BTreeMap::new(),
            random: Random::new(seed),
            peers: 0,
            sent: Vec::new(),
            acks_checked: true,
            cut_after: None,
            delivered: 0,
            muted: None,
        }
    }

    pub fn node(&mut self, seed: u8) -> &mut Node {
        self.nodes.iter_mut().find(|node| node.seed == seed).expect("a node of this network")
    }

    fn index(&self, seed: u8) -> usize {
        self.nodes.iter().position(|node| node.seed == seed).expect("a node of this network")
    }

    /// Lets one device call another.
    pub fn connect(&mut self, caller: u8, called: u8) {
        let (from, to) = (self.index(caller), self.index(called));
        self.peers += 1;
        let peer = PeerId(self.peers);
        for (here, there, side) in [(from, to, Side::Caller), (to, from, Side::Called)] {
            let line = Line { to: there, peer, messages: VecDeque::new(), closing: false };
            self.lines.insert((here, peer), line);
            let device = device(self.nodes[there].seed);
            self.nodes[here].event(Event::Connected { peer, device, side });
        }
    }

    /// Runs until nothing is left to do.
    pub fn run(&mut self) {
        for _ in 0..200_000 {
            let work = self.work();
            if work.is_empty() {
                return;
            }
            let choice = self.random.next() as usize % work.len();
            self.step(work[choice]);
        }
        panic!("the network does not come to rest");
    }

    /// Takes some steps.
    pub fn run_some(&mut self, steps: usize) {
        for _ in 0..steps {
            let work = self.work();
            if work.is_empty() {
                return;
            }
            let choice = self.random.next() as usize % work.len();
            self.step(work[choice]);
        }
    }

    /// How many batches and steps of comparisons were part of a repair.
    pub fn repairs(&self) -> usize {
        let repairs = |sent: &&Sent| match Message::decode(&sent.bytes).expect("a message").0 {
            Message::Batch(batch) => batch.origin != Origin::Delta,
            Message::Reconcile(_) => true,
            _ => false,
        };
        self.sent.iter().filter(repairs).count()
    }

    /// Calls, runs, and hangs up; returns the caller's report.
    pub fn sync(&mut self, caller: u8, called: u8) -> Report {
        self.connect(caller, called);
        self.run();
        self.hang_up();
        self.node(caller).report().clone()
    }

    /// Breaks every line; what was under way is lost.
    pub fn hang_up(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        lines.into_keys().for_each(|(node, peer)| {
            self.nodes[node].event(Event::Disconnected { peer });
        });
        self.run();
    }

    pub fn tick(&mut self, milliseconds: u64) {
        for index in 0..self.nodes.len() {
            self.handle(index, Now(milliseconds), Event::Tick);
        }
        self.run();
    }

    /// Sends bytes into the newest connection of a device, as it never would by itself.
    pub fn inject(&mut self, from: u8, bytes: Vec<u8>) {
        let index = self.index(from);
        let line = self.lines.iter_mut().rev().find(|((node, _), _)| *node == index);
        line.expect("a connection").1.messages.push_back(bytes);
    }

    /// Whether a device has a connection.
    pub fn is_connected(&self, seed: u8) -> bool {
        let index = self.index(seed);
        self.lines.keys().any(|(node, _)| *node == index)
    }

    /// From now on nothing that a device sends arrives.
    pub fn mute(&mut self, from: u8) {
        self.muted = Some(from);
    }

    fn work(&self) -> Vec<Work> {
        let nodes = self.nodes.iter().enumerate().filter(|(_, node)| node.is_busy());
        let busy = |line: &Line| line.closing || !line.messages.is_empty();
        let lines = self.lines.iter().filter(|(_, line)| busy(line));
        nodes
            .map(|(index, _)| Work::Inbox(index))
            .chain(lines.map(|(from, _)| Work::Line(*from)))
            .collect()
    }

    fn step(&mut self, work: Work) {
        let (to, event) = match work {
            Work::Inbox(index) => (index, self.nodes[index].next().expect("it is busy")),
            Work::Line(from) => {
                let line = self.lines.get_mut(&from).expect("it is there");
                let (to, peer) = (line.to, line.peer);
                // The other end learns of a connection before anything comes over it.
                let untold = |event: &Event| matches!(event, Event::Connected { peer: id, .. } if *id == peer);
                if self.nodes[to].awaits(untold) {
                    return;
                }
                match line.messages.pop_front() {
                    Some(bytes) => {
                        self.delivered += 1;
                        (to, Event::Received { peer, bytes })
                    }
                    None => {
                        self.lines.remove(&from);
                        self.lines.remove(&(to, peer));
                        (to, Event::Disconnected { peer })
                    }
                }
            }
        };
        self.handle(to, Now(0), event);
        if self.cut_after.is_some_and(|count| self.delivered >= count) {
            self.cut_after = None;
            let lines = std::mem::take(&mut self.lines);
            for (node, peer) in lines.into_keys() {
                self.nodes[node].event(Event::Disconnected { peer });
            }
        }
    }

    fn handle(&mut self, index: usize, now: Now, event: Event) {
        for effect in self.nodes[index].handle(now, event) {
            let outgoing = self.nodes[index].carry_out(effect);
            self.go_out(index, outgoing);
        }
    }

    fn go_out(&mut self, index: usize, outgoing: Outgoing) {
        let from = self.nodes[index].seed;
        match outgoing {
            Outgoing::Nothing => {}
            Outgoing::Message { peer, bytes } => {
                self.sent.push(Sent { from, bytes: bytes.clone() });
                let heard = self.muted != Some(from);
                if let Some(line) = self.lines.get_mut(&(index, peer)).filter(|_| heard) {
                    line.messages.push_back(bytes);
                }
            }
            Outgoing::Close { peer } => {
                if let Some(line) = self.lines.get_mut(&(index, peer)) {
                    line.closing = true;
                }
            }
            Outgoing::Acknowledged { device, upto } if self.acks_checked => {
                self.acknowledged_check(index, device, upto.position);
            }
            Outgoing::Acknowledged { .. } => {}
        }
    }

    /// What a peer has acknowledged it holds, unless it refused it.
    fn acknowledged_check(&self, index: usize, peer: DeviceId, position: u64) {
        let ours = &self.nodes[index].store;
        let other = self.nodes.iter().find(|node| device(node.seed) == peer).expect("a node");
        for entry in &ours.log[..position as usize] {
            let document = &ours.documents[&entry.document];
            let readable = other.store.party().may_read(document.header());
            let told = (peer, entry.document);
            if readable && !ours.open.contains(&told) && !ours.withheld.contains(&told) {
                let held = other.store.documents.get(&entry.document);
                assert!(
                    held.is_some_and(|held| held.holds(&entry.change)),
                    "acknowledged and lost"
                );
            }
        }
    }

    /// Whether two devices hold the same of what both may read.
    pub fn agree(&self, one: u8, other: u8) -> bool {
        let (one, other) = (&self.nodes[self.index(one)], &self.nodes[self.index(other)]);
        let ours = one.store.shared(other.store.party());
        ours == other.store.shared(one.store.party())
    }

    /// Messages by kind, in the order of sending, with the device that sent each.
    pub fn kinds(&self) -> Vec<(u8, &'static str)> {
        let kind = |bytes: &[u8]| match Message::decode(bytes).expect("a message").0 {
            Message::Hello(_) => "hello",
            Message::Want { .. } => "want",
            Message::Statements(_) => "statements",
            Message::Proposals(_) => "proposals",
            Message::Batch(_) => "batch",
            Message::Ack(_) => "ack",
            Message::Close { .. } => "close",
            Message::Join(_) => "join",
            Message::Pending { .. } => "pending",
            Message::Welcome(_) => "welcome",
            Message::Recover(_) => "recover",
            Message::Reconcile(_) => "reconcile",
            Message::Have(_) => "have",
        };
        self.sent.iter().map(|sent| (sent.from, kind(&sent.bytes))).collect()
    }
}

#[derive(Clone, Copy)]
enum Work {
    Inbox(usize),
    Line((usize, PeerId)),
}
