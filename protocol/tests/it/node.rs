//! One node: the machine over its store, with every effect carried out as a real node must.
//!
//! What goes out of the node is handed back; lines, clocks and faults are the caller's.

use std::collections::{BTreeMap, VecDeque};

use onex_crdt::document::Document;
use onex_crdt::header::Header;
use onex_crdt::ids::DeviceId;
use onex_crdt::roles::OrgRole;
use onex_protocol::admission::Forked;
use onex_protocol::machine::{Effect, Event, JoinAnswer, Machine, Now, Own, PeerId, Report};
use onex_protocol::membership::Membership;
use onex_protocol::message::{LogPosition, Origin};
use onex_protocol::statement::{SignedStatement, Statement};

use crate::province::*;
use crate::store::Store;

pub struct Node {
    pub seed: u8,
    pub store: Store,
    pub membership: Membership,
    machine: Machine,
    inbox: VecDeque<Event>,
    /// The last report per connection.
    pub reports: BTreeMap<PeerId, Report>,
    /// Codes with which connections were closed here.
    pub closed: Vec<u32>,
    pub joining: Vec<PeerId>,
    records: u32,
}

/// What an effect sends out of the node, or lets it know.
pub enum Outgoing {
    Nothing,
    Message { peer: PeerId, bytes: Vec<u8> },
    Close { peer: PeerId },
    Acknowledged { device: DeviceId, upto: LogPosition },
}

impl Node {
    pub fn new(seed: u8, membership: Membership) -> Self {
        let (org, role) = org_of(seed);
        let own = Own { device: device(seed), org, role, network: membership.network() };
        Self {
            seed,
            store: Store::new(own),
            machine: Machine::new(own, membership.clone()),
            membership,
            inbox: VecDeque::new(),
            reports: BTreeMap::new(),
            closed: Vec::new(),
            joining: Vec::new(),
            records: 0,
        }
    }

    /// Writes a contact into a document and seals it; tells the machine.
    pub fn author(&mut self, header: &Header, name: &str) {
        let (document, change) = self.write(header, name);
        let sealed = seal(&document, self.seed, &change);
        self.store.written(document, &change, Some(sealed));
        self.event(Event::Authored);
    }

    /// Writes without a seal, as no honest node does.
    pub fn author_unsealed(&mut self, header: &Header, name: &str) {
        let (document, change) = self.write(header, name);
        self.store.written(document, &change, None);
    }

    fn write(&mut self, header: &Header, name: &str) -> (Document, onex_crdt::document::Change) {
        self.records += 1;
        let mut document = self.store.document(header);
        let change = write(&mut document, self.seed, self.records, name);
        (document, change)
    }

    pub fn event(&mut self, event: Event) {
        self.inbox.push_back(event);
    }

    /// Takes the oldest event that waits.
    pub fn next(&mut self) -> Option<Event> {
        self.inbox.pop_front()
    }

    pub fn is_busy(&self) -> bool {
        !self.inbox.is_empty()
    }

    /// How many events wait.
    pub fn waiting(&self) -> usize {
        self.inbox.len()
    }

    /// Whether such an event waits.
    pub fn awaits(&self, event: impl Fn(&Event) -> bool) -> bool {
        self.inbox.iter().any(event)
    }

    /// Starts anew with what is on the disk.
    pub fn restart(&mut self) {
        self.machine = Machine::new(self.store.own, self.membership.clone());
        self.inbox.clear();
    }

    pub fn report(&self) -> &Report {
        self.reports.values().next_back().expect("a session was finished")
    }

    /// Lets the machine take an event. Each effect is to be carried out, in the order given.
    pub fn handle(&mut self, now: Now, event: Event) -> Vec<Effect> {
        self.machine.handle(now, event)
    }

    pub fn carry_out(&mut self, effect: Effect) -> Outgoing {
        match effect {
            Effect::Send { peer, bytes } => return Outgoing::Message { peer, bytes },
            Effect::Ask { peer, query } => {
                let answer = self.store.answer(query);
                self.event(Event::Answer { peer, answer });
            }
            Effect::Admit { peer, device, documents, upto, origin } => {
                let in_repair = origin == Origin::Repair;
                let log = &self.membership;
                let admitted = self.store.admit(device, documents, upto, in_repair, log);
                let grew = admitted.changes > 0;
                self.event(Event::Admitted { peer, admitted });
                if grew {
                    self.event(Event::Authored);
                }
                self.duties_do();
            }
            Effect::Taken { device, upto } => {
                self.store.taken.insert(device, upto);
                self.store.writes += 1;
            }
            Effect::TakeStatements { entries, .. } => {
                let from = self.membership.position() + 1;
                let mut entries = entries.into_iter();
                entries.try_for_each(|entry| self.membership.append(entry)).expect("verified");
                self.log_grew(from);
            }
            Effect::Sequence { statements } => {
                self.sequence(statements);
                let log = Box::new(self.membership.clone());
                self.event(Event::MembershipChanged(log));
            }
            Effect::Acknowledged { device, upto, opened, closed } => {
                self.store.acknowledged(device, upto, &opened, &closed);
                return Outgoing::Acknowledged { device, upto };
            }
            Effect::Withheld { device, documents } => {
                self.store.withheld.extend(documents.into_iter().map(|id| (device, id)));
            }
            Effect::Joining { peer, .. } => {
                self.joining.push(peer);
                let inviter_key = key(self.seed).public();
                let answer = JoinAnswer::Pending { inviter_key, proof: [0x1f; 32] };
                self.event(Event::JoinAnswered { peer, answer });
            }
            Effect::Recovering { peer, statement } => self.recover(peer, *statement),
            Effect::Close { peer, code, .. } | Effect::Closed { peer, code, .. } => {
                self.closed.push(code);
                return Outgoing::Close { peer };
            }
            Effect::Finished { peer, report } => {
                self.reports.insert(peer, report);
            }
        }
        Outgoing::Nothing
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

    /// Signs statements and hands them to the sequencer, or gives them their places.
    pub fn propose(&mut self, bodies: Vec<Statement>) {
        let sign = |body| self.membership.propose(&key(self.seed), body);
        let statements: Vec<_> = bodies.into_iter().map(sign).collect();
        if statements.is_empty() {
            return;
        }
        if self.membership.sequencer() == self.store.own.device {
            self.sequence(statements);
            let log = Box::new(self.membership.clone());
            return self.event(Event::MembershipChanged(log));
        }
        self.store.proposals.extend(statements.iter().cloned());
        self.event(Event::Proposed(statements));
    }

    fn sequence(&mut self, statements: Vec<SignedStatement>) {
        let from = self.membership.position() + 1;
        for statement in statements {
            let entry = self.membership.sequence(&key(self.seed), statement);
            let Ok(entry) = entry else { continue };
            self.membership.append(entry).expect("it is next");
        }
        self.log_grew(from);
    }

    /// What follows from entries of the log from a position on: documents are judged again.
    fn log_grew(&mut self, from: u64) {
        if from > self.membership.position() {
            return;
        }
        let log = &self.membership;
        self.store.proposals.retain(|statement| log.check(statement).is_ok());
        if self.store.rejudge(log, from) {
            self.event(Event::Authored);
        }
        self.duties_do();
    }

    /// Judges everything again that is kept apart, by the log as it is.
    pub fn rejudge(&mut self) {
        self.log_grew(1);
    }

    /// Says what the log waits for from this device: what it held of somebody who was cut off, and
    /// which branch of a fork counts. For documents that the hub reads its first device says so.
    fn duties_do(&mut self) {
        let (log, own) = (&self.membership, self.store.own);
        let sequencer = log.sequencer() == own.device;
        let mut bodies = Vec::new();
        for cut in log.cuts() {
            let org = log.device(cut.device).map(|device| device.org);
            let ours = org == Some(own.org) && own.org != HUB && cut.device != own.device;
            if sequencer && !cut.has_spoken(true) || ours && !cut.has_spoken(false) {
                let frontier = self.store.frontier(cut.device, HUB);
                bodies.push(Statement::SetFrontier { cut: cut.position, frontier });
            }
        }
        for (document, fork) in &self.store.forks {
            let held = self.store.documents.get(document);
            let header = held.map(Document::header);
            let hub_reads = header.is_some_and(|it| it.may_read(HUB, OrgRole::Hub));
            let ours = header.is_some_and(|it| it.owner == own.org);
            let device = log.devices().find(|(id, _)| id.tag() == fork.actor.tag());
            if let Some((device, _)) = device
                && (if hub_reads { sequencer } else { ours })
            {
                let (document, Forked { actor, seq, head }) = (*document, *fork);
                bodies.push(Statement::Resolve { device, document, actor, seq, head });
            }
        }
        self.store.forks.clear();
        let said = |body: &Statement| {
            self.store.proposals.iter().any(|statement| same_duty(&statement.body, body))
        };
        bodies.retain(|body| !said(body));
        let active = self.membership.device(own.device).is_some_and(|device| device.active);
        if active {
            self.propose(bodies);
        }
    }
}

fn same_duty(one: &Statement, other: &Statement) -> bool {
    use Statement::{Resolve, SetFrontier};
    match (one, other) {
        (SetFrontier { cut, .. }, SetFrontier { cut: other, .. }) => cut == other,
        (Resolve { actor, document, .. }, Resolve { actor: other, document: there, .. }) => {
            (actor, document) == (other, there)
        }
        _ => false,
    }
}
