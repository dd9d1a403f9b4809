//! The sync machine: two nodes that write, connect, lose the line, and a line that alters,
//! repeats and makes up messages. The input is a program of such steps.
//!
//! Whatever came over the line, no node stops, and what each holds stays whole; where the line
//! altered nothing, both hold the same in the end.

use std::collections::VecDeque;

use onex_crdt::document::Document;
use onex_crdt::header::{DIRECTORY, Header, ORGANISATION};
use onex_crdt::ids::{Actor, OrgId};
use onex_crdt::record::Record as _;
use onex_crdt::records::contact::Contact;
use onex_crdt::roles::OrgRole;
use onex_crdt::value::Value;
use onex_protocol::machine::{Effect, Event, Machine, Now, Own, PeerId, Side};
use onex_protocol::membership::Membership;
use onex_protocol::message::Origin;
use onex_protocol::seal::{Seal, SealBody};

use crate::hostile::office::{COLLEGE, HUB, YEAR, key, membership, write};
use store::Store;

#[path = "../../../protocol/tests/it/store.rs"]
#[allow(dead_code, reason = "the protocol's own tests use the rest of it")]
mod store;

thread_local! {
    static LOG: Membership = membership();
}

/// Most steps until the two are at rest.
const STEPS_MAX: usize = 20_000;
/// Most messages of one connection that wait.
const WAITING_MAX: usize = 64;

/// Runs a program; a step is two bytes.
pub fn run(data: &[u8]) {
    let mut pair = Pair::new();
    for step in data.chunks_exact(2).take(512) {
        pair.step(step[0], step[1]);
    }
    pair.rest();
    pair.hang_up();
    pair.connect(0);
    pair.rest();
    let [hub, college] = &pair.nodes;
    for node in [hub, college] {
        for document in node.store.documents.values() {
            let loaded = Document::load(document.header().clone(), &document.save());
            assert_eq!(loaded.expect("it is whole").heads(), document.heads());
        }
    }
    if pair.honest {
        let shared = hub.store.shared(college.store.party());
        assert_eq!(shared, college.store.shared(hub.store.party()));
    }
}

/// Programs that get far: sync both ways, a cut, a message altered, one said again.
pub fn seeds() -> Vec<Vec<u8>> {
    let go_on = [1, 0].repeat(60);
    let write = [4, 0, 4, 1, 4, 0];
    let live = [&write[..], &[0, 0], &go_on, &write, &go_on].concat();
    let cut = [&write[..], &[0, 1], &go_on[..12], &[7, 0, 0, 0], &go_on].concat();
    let altered = [&write[..], &[0, 1], &go_on[..8], &[5, 40], &go_on].concat();
    let again = [&write[..], &[0, 1], &go_on[..40], &[6, 3, 6, 4], &go_on].concat();
    vec![live, cut, altered, again]
}

struct Node {
    seed: u8,
    store: Store,
    membership: Membership,
    machine: Machine,
    inbox: VecDeque<Event>,
    written: u8,
}

impl Node {
    fn new(seed: u8, org: OrgId, role: OrgRole) -> Self {
        let membership = LOG.with(Membership::clone);
        let own = Own { device: key(seed).device(), org, role, network: membership.network() };
        Self {
            seed,
            store: Store::new(own),
            machine: Machine::new(own, membership.clone()),
            membership,
            inbox: VecDeque::new(),
            written: 0,
        }
    }

    /// Writes a contact and seals it.
    fn author(&mut self, header: &Header) {
        self.written = self.written.wrapping_add(1);
        let device = key(self.seed);
        let mut document = self.store.document(header);
        let fields = [("name".to_owned(), Value::Text("王芳".to_owned()))].into();
        let id = onex_crdt::ids::RecordId([self.written; 16]);
        let create = onex_crdt::document::Write::Create { kind: Contact::KIND, id, fields };
        let held = document.source(Contact::KIND, id).is_some();
        if held {
            return;
        }
        let change = write(&mut document, Actor::new(device.device(), [1; 8]), &[create]);
        let body = SealBody {
            network: header.network,
            document: header.id(),
            head: change.hash,
            actor: change.actor,
            seq: change.seq,
            membership_position: self.membership.position(),
        };
        self.store.written(document, &change, Some(Seal::make(&device, body)));
        self.inbox.push_back(Event::Authored);
    }
}

struct Pair {
    nodes: [Node; 2],
    /// What is under way to each of the two, over the newest connection.
    lines: [VecDeque<Vec<u8>>; 2],
    peer: PeerId,
    connected: bool,
    /// Every message that was sent, to be said again.
    said: Vec<Vec<u8>>,
    /// Whether the line has altered nothing.
    honest: bool,
    now: Now,
}

impl Pair {
    fn new() -> Self {
        let nodes = [Node::new(1, HUB, OrgRole::Hub), Node::new(11, COLLEGE, OrgRole::College)];
        Self {
            nodes,
            lines: [VecDeque::new(), VecDeque::new()],
            peer: PeerId(0),
            connected: false,
            said: Vec::new(),
            honest: true,
            now: Now(0),
        }
    }

    fn step(&mut self, what: u8, how: u8) {
        match what % 8 {
            0 => self.connect(usize::from(how % 2)),
            4 => self.author(usize::from(how % 2)),
            5 => self.alter(how),
            6 => self.say_again(how),
            7 if how.is_multiple_of(2) => self.hang_up(),
            7 => {
                self.now.0 += u64::from(how) * 1_000;
                self.handle(usize::from(how / 2 % 2), Event::Tick);
            }
            _ => drop(self.go_on(usize::from(how))),
        }
    }

    fn author(&mut self, at: usize) {
        let network = self.nodes[at].membership.network();
        let header = match at {
            0 => DIRECTORY.of(network, HUB, YEAR),
            _ => ORGANISATION.of(network, COLLEGE, YEAR),
        };
        self.nodes[at].author(&header);
    }

    /// Connects the two anew; what was connected before is told so first.
    fn connect(&mut self, caller: usize) {
        self.hang_up();
        self.peer.0 += 1;
        self.connected = true;
        let devices = [1, 0].map(|other: usize| key(self.nodes[other].seed).device());
        for (at, device) in devices.into_iter().enumerate() {
            let side = if at == caller { Side::Caller } else { Side::Called };
            self.nodes[at].inbox.push_back(Event::Connected { peer: self.peer, device, side });
        }
    }

    fn hang_up(&mut self) {
        self.lines.iter_mut().for_each(VecDeque::clear);
        if std::mem::take(&mut self.connected) {
            let peer = self.peer;
            self.nodes.iter_mut().for_each(|node| {
                node.inbox.push_back(Event::Disconnected { peer });
            });
        }
    }

    /// Alters a message that is under way, or makes one up.
    fn alter(&mut self, how: u8) {
        self.honest = false;
        let line = &mut self.lines[usize::from(how % 2)];
        match line.front_mut() {
            Some(bytes) if !bytes.is_empty() => {
                let at = usize::from(how) * 7 % bytes.len();
                bytes[at] ^= 1 << (how % 8);
            }
            _ if self.connected => line.push_back(vec![1, 0, how, how]),
            _ => {}
        }
    }

    fn say_again(&mut self, how: u8) {
        let Some(bytes) = self.said.get(usize::from(how)).cloned() else { return };
        self.honest = false;
        let line = &mut self.lines[usize::from(how % 2)];
        if self.connected && line.len() < WAITING_MAX {
            line.push_back(bytes);
        }
    }

    /// Lets the two go on until nothing is left to do.
    fn rest(&mut self) {
        for at in 0..STEPS_MAX {
            if !self.go_on(at) {
                return;
            }
        }
        panic!("the two do not come to rest");
    }

    /// Does one thing that is due; returns whether there was any.
    fn go_on(&mut self, first: usize) -> bool {
        for at in [first % 2, (first + 1) % 2] {
            if let Some(event) = self.nodes[at].inbox.pop_front() {
                self.handle(at, event);
                return true;
            }
            if let Some(bytes) = self.lines[at].pop_front() {
                self.handle(at, Event::Received { peer: self.peer, bytes });
                return true;
            }
        }
        false
    }

    fn handle(&mut self, at: usize, event: Event) {
        for effect in self.nodes[at].machine.handle(self.now, event) {
            self.carry_out(at, effect);
        }
    }

    fn carry_out(&mut self, at: usize, effect: Effect) {
        let node = &mut self.nodes[at];
        match effect {
            Effect::Send { peer, bytes } if peer == self.peer && self.connected => {
                self.said.push(bytes.clone());
                self.lines[1 - at].push_back(bytes);
            }
            Effect::Ask { peer, query } => {
                let answer = node.store.answer(query);
                node.inbox.push_back(Event::Answer { peer, answer });
            }
            Effect::Admit { peer, device, documents, upto, origin } => {
                let (in_repair, log) = (origin == Origin::Repair, &node.membership);
                let admitted = node.store.admit(device, documents, upto, in_repair, log);
                let grew = admitted.changes > 0;
                node.inbox.push_back(Event::Admitted { peer, admitted });
                node.inbox.extend(grew.then_some(Event::Authored));
            }
            Effect::Taken { device, upto } => drop(node.store.taken.insert(device, upto)),
            Effect::TakeStatements { entries, .. } => {
                let mut entries = entries.into_iter();
                entries.try_for_each(|it| node.membership.append(it)).expect("verified");
            }
            Effect::Sequence { .. } => {
                let log = Box::new(node.membership.clone());
                node.inbox.push_back(Event::MembershipChanged(log));
            }
            Effect::Acknowledged { device, upto, opened, closed } => {
                node.store.acknowledged(device, upto, &opened, &closed);
            }
            Effect::Close { peer, .. } | Effect::Closed { peer, .. }
                if peer == self.peer && self.connected =>
            {
                // What was said before the close still arrives.
                self.connected = false;
                self.nodes[1 - at].inbox.push_back(Event::Disconnected { peer });
            }
            _ => {}
        }
    }
}
