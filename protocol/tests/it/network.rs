//! Nodes and the lines between them: what is sent arrives in order per line, everything else in
//! an order that a seed decides.

use std::collections::{BTreeMap, VecDeque};

use onex_crdt::header::Header;
use onex_protocol::machine::{Effect, Event, JoinAnswer, Machine, Now, Own, PeerId, Report, Side};
use onex_protocol::membership::Membership;
use onex_protocol::message::{Message, Origin};
use onex_protocol::statement::SignedStatement;

use crate::province::*;
use crate::store::{LogEntry, Store};

pub struct Node {
    pub seed: u8,
    pub store: Store,
    pub membership: Membership,
    machine: Option<Machine>,
    inbox: VecDeque<Event>,
    /// The last report per connection.
    pub reports: BTreeMap<PeerId, Report>,
    /// Codes with which connections were closed here.
    pub closed: Vec<u32>,
    pub joining: Vec<PeerId>,
    records: u8,
}

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
    random: u64,
    peers: u64,
    pub sent: Vec<Sent>,
    /// Whether what a peer acknowledged is looked for in its store.
    pub acks_checked: bool,
    /// The line breaks after this many messages have arrived.
    pub cut_after: Option<usize>,
    delivered: usize,
    muted: Option<u8>,
}

impl Node {
    fn new(seed: u8, membership: Membership) -> Self {
        let (org, role) = org_of(seed);
        let own = Own { device: device(seed), org, role, network: membership.network() };
        Self {
            seed,
            store: Store::new(own),
            machine: Some(Machine::new(own, membership.clone())),
            membership,
            inbox: VecDeque::new(),
            reports: BTreeMap::new(),
            closed: Vec::new(),
            joining: Vec::new(),
            records: 0,
        }
    }

    /// Lets a device in by its organisation's recovery key.
    fn recover(&mut self, peer: PeerId, statement: SignedStatement) {
        let entry = self.membership.sequence(&key(self.seed), statement);
        let answer = match entry.and_then(|entry| self.membership.append(entry)) {
            Ok(()) => JoinAnswer::Welcome,
            Err(error) => JoinAnswer::Refused { reason: error.to_string() },
        };
        self.event(Event::MembershipChanged(Box::new(self.membership.clone())));
        self.event(Event::JoinAnswered { peer, answer });
    }

    /// Writes a contact into a document and seals it; tells the machine.
    pub fn author(&mut self, header: &Header, name: &str) {
        self.author_unsealed(header, name);
        let id = header.id();
        let document = &self.store.documents[&id];
        let head = self.store.log.last().expect("something was written").change;
        let change = document.change(&head).expect("it was just written");
        let incoming = seal(document, self.seed, &change);
        let is_ancestor = |older: &_, newer: &_| document.is_ancestor(older, newer);
        let stored = self.store.seals.remove(&id).unwrap_or_default();
        let kept = onex_protocol::seal::newest(&stored, incoming, is_ancestor);
        self.store.seals.insert(id, kept.expect("few enough"));
        self.inbox.push_back(Event::Authored);
    }

    /// Writes without a seal, as no honest node does.
    pub fn author_unsealed(&mut self, header: &Header, name: &str) {
        self.records += 1;
        let mut document = self.store.document(header);
        let change = write(&mut document, self.seed, self.records, name);
        let (id, change) = (header.id(), change.hash);
        self.store.documents.insert(id, document);
        self.store.seals.entry(id).or_default();
        self.store.log.push(LogEntry { document: id, change, origin: None });
    }

    pub fn event(&mut self, event: Event) {
        self.inbox.push_back(event);
    }

    /// Starts anew with what is on the disk.
    pub fn restart(&mut self) {
        self.machine = Some(Machine::new(self.store.own, self.membership.clone()));
        self.inbox.clear();
    }

    pub fn report(&self) -> &Report {
        self.reports.values().next_back().expect("a session was finished")
    }
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
            random: seed.wrapping_mul(2).wrapping_add(1),
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
            let choice = self.next() as usize % work.len();
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
            let choice = self.next() as usize % work.len();
            self.step(work[choice]);
        }
    }

    /// How many batches were part of a repair.
    pub fn repairs(&self) -> usize {
        let repairs = |sent: &&Sent| match Message::decode(&sent.bytes).expect("a message").0 {
            Message::Batch(batch) => batch.origin != Origin::Delta,
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

    /// From now on nothing that a device sends arrives.
    pub fn mute(&mut self, from: u8) {
        self.muted = Some(from);
    }

    fn next(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn work(&self) -> Vec<Work> {
        let nodes = self.nodes.iter().enumerate().filter(|(_, node)| !node.inbox.is_empty());
        let busy = |line: &Line| line.closing || !line.messages.is_empty();
        let lines = self.lines.iter().filter(|(_, line)| busy(line));
        nodes
            .map(|(index, _)| Work::Inbox(index))
            .chain(lines.map(|(from, _)| Work::Line(*from)))
            .collect()
    }

    fn step(&mut self, work: Work) {
        let (to, event) = match work {
            Work::Inbox(index) => {
                (index, self.nodes[index].inbox.pop_front().expect("it is not empty"))
            }
            Work::Line(from) => {
                let line = self.lines.get_mut(&from).expect("it is there");
                let (to, peer) = (line.to, line.peer);
                // The other end learns of a connection before anything comes over it.
                let untold = |event: &Event| matches!(event, Event::Connected { peer: id, .. } if *id == peer);
                if self.nodes[to].inbox.iter().any(untold) {
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
        let node = &mut self.nodes[index];
        let effects = node.machine.as_mut().expect("it runs").handle(now, event);
        effects.into_iter().for_each(|effect| self.carry_out(index, effect));
    }

    fn carry_out(&mut self, index: usize, effect: Effect) {
        let node = &mut self.nodes[index];
        match effect {
            Effect::Send { peer, bytes } => {
                self.sent.push(Sent { from: node.seed, bytes: bytes.clone() });
                let heard = self.muted != Some(node.seed);
                if let Some(line) = self.lines.get_mut(&(index, peer)).filter(|_| heard) {
                    line.messages.push_back(bytes);
                }
            }
            Effect::Ask { peer, query } => {
                let answer = node.store.answer(query);
                node.event(Event::Answer { peer, answer });
            }
            Effect::Admit { peer, device, documents, upto, repair } => {
                let in_repair = repair.is_some();
                let log = &node.membership;
                let admitted = node.store.admit(device, documents, upto, in_repair, log);
                let grew = admitted.changes > 0;
                node.event(Event::Admitted { peer, admitted });
                if grew {
                    node.event(Event::Authored);
                }
            }
            Effect::Taken { device, upto } => {
                node.store.taken.insert(device, upto);
                node.store.writes += 1;
            }
            Effect::TakeStatements { entries, .. } => {
                let mut entries = entries.into_iter();
                entries.try_for_each(|entry| node.membership.append(entry)).expect("verified");
            }
            Effect::Sequence { statements } => {
                for statement in statements {
                    let entry = node.membership.sequence(&key(node.seed), statement);
                    let Ok(entry) = entry else { continue };
                    node.membership.append(entry).expect("it is next");
                }
                let log = Box::new(node.membership.clone());
                node.event(Event::MembershipChanged(log));
            }
            Effect::Acknowledged { device, upto, opened, closed } => {
                node.store.acknowledged(device, upto, &opened, &closed);
                if self.acks_checked {
                    self.acknowledged_check(index, device, upto.position);
                }
            }
            Effect::Joining { peer, .. } => {
                node.joining.push(peer);
                let inviter_key = key(node.seed).public();
                let answer = JoinAnswer::Pending { inviter_key, proof: [0x1f; 32] };
                node.event(Event::JoinAnswered { peer, answer });
            }
            Effect::Recovering { peer, statement } => node.recover(peer, *statement),
            Effect::Close { peer, code, .. } => {
                node.closed.push(code);
                if let Some(line) = self.lines.get_mut(&(index, peer)) {
                    line.closing = true;
                }
            }
            Effect::Finished { peer, report } => {
                node.reports.insert(peer, report);
            }
        }
    }

    /// What a peer has acknowledged it holds, unless it refused it.
    fn acknowledged_check(&self, index: usize, peer: onex_crdt::ids::DeviceId, position: u64) {
        let ours = &self.nodes[index].store;
        let other = self.nodes.iter().find(|node| device(node.seed) == peer).expect("a node");
        for entry in &ours.log[..position as usize] {
            let document = &ours.documents[&entry.document];
            let readable = other.store.party().may_read(document.header());
            if readable && !ours.open.contains(&(peer, entry.document)) {
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
        };
        self.sent.iter().map(|sent| (sent.from, kind(&sent.bytes))).collect()
    }
}

#[derive(Clone, Copy)]
enum Work {
    Inbox(usize),
    Line((usize, PeerId)),
}
