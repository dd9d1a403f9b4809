//! What must hold in a simulated province: after every message, and once it has healed.

use std::collections::{BTreeMap, BTreeSet};

use onex_crdt::document::{Document, TouchKey};
use onex_crdt::header::Header;
use onex_crdt::ids::{ChangeHash, DocId};
use onex_crdt::registry;
use onex_protocol::cbor;
use onex_protocol::machine::{Event, PeerId};
use onex_protocol::membership::Entry;
use onex_protocol::message::{Batch, Message, Origin};
use onex_protocol::scope::Party;
use onex_protocol::seal::Seal;
use onex_protocol::statement::Statement;

use super::layout::Layout;
use super::model::Model;
use super::world::World;

/// Looks at every message, and remembers what was acknowledged.
pub struct Watch {
    headers: BTreeMap<DocId, &'static Header>,
    /// Whether an id of a document begins with these two bytes.
    begins: Vec<bool>,
    /// Up to which place of its log each node was told by each other one that it holds it.
    acknowledged: Vec<Vec<usize>>,
}

impl Watch {
    pub fn new(layout: &'static Layout, nodes: usize) -> Self {
        let headers = layout.headers();
        let mut begins = vec![false; 1 << 16];
        headers.keys().for_each(|id| begins[begin(&id.0)] = true);
        Self { headers, begins, acknowledged: vec![vec![0; nodes]; nodes] }
    }

    /// Checks that a message names nothing that its receiver may not read; tells whether it is
    /// part of a repair. The membership log is for everybody, with the frontiers in it; an
    /// acknowledgement says no more than what was refused of what the receiver sent.
    pub fn message(&self, seed: u64, bytes: &[u8], reader: Party) -> u64 {
        let message = Message::decode(bytes).expect("an honest message").0;
        let mut repair = 0;
        match &message {
            Message::Batch(batch) => {
                repair = u64::from(batch.origin != Origin::Delta);
                for document in &batch.documents {
                    assert!(reader.may_read(&document.header), "seed {seed}: {document:?}");
                }
            }
            Message::Statements(_)
            | Message::Proposals(_)
            | Message::Welcome(_)
            | Message::Ack(_) => return 0,
            _ => {}
        }
        let plain = cbor::encode(&message);
        for window in plain.windows(DocId::BYTES).filter(|it| self.begins[begin(it)]) {
            let header = DocId::from_slice(window).and_then(|id| self.headers.get(&id));
            let allowed = header.is_none_or(|header| reader.may_read(header));
            assert!(allowed, "seed {seed}: {header:?} is named in {message:?}");
        }
        repair
    }

    /// Where the places begin that a peer acknowledges now.
    pub fn acknowledged_from(&mut self, node: usize, peer: usize, position: u64) -> usize {
        let before = &mut self.acknowledged[node][peer];
        let from = (*before).min(position as usize);
        *before = (*before).max(position as usize);
        from
    }

    /// A node's log is another one from now on.
    pub fn forget(&mut self, node: usize) {
        self.acknowledged[node].iter_mut().for_each(|place| *place = 0);
    }
}

fn begin(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

/// Rounds in which a healed province must have come to agree.
const ROUNDS_MAX: u64 = 4;

impl World {
    /// Lets everybody talk until all machines report that they are equal, and checks the whole.
    pub fn settle(&mut self) {
        let seed = self.seed;
        self.heal();
        for round in 1.. {
            self.totals.rounds += 1;
            if self.round() {
                break;
            }
            assert!(round < ROUNDS_MAX, "seed {seed}: no rest after {round}: {}", self.reports());
        }
        self.compare();
    }

    /// Long after the last message nobody closes a connection because nothing came: whoever waits
    /// then is owed something. Bad devices owe what they like.
    pub fn evening(&mut self) {
        let closed =
            |world: &Self| -> usize { world.sites.iter().map(|site| site.node.closed.len()).sum() };
        let before = closed(self);
        (0..self.sites.len()).for_each(|index| self.handle(index, Event::Tick));
        let waited = closed(self) > before && self.bad.is_empty() && !self.profile.wrong_clocks;
        assert!(!waited, "seed {}: somebody waits in vain", self.seed);
    }

    /// What some nodes said to each other.
    pub fn talk(&self, nodes: &[usize]) -> String {
        let mut lines = Vec::new();
        for (time_ms, from, to, peer, bytes) in &self.sent {
            if nodes.contains(from) && nodes.contains(to) {
                let text = match Message::decode(bytes).map(|(message, _)| message) {
                    Ok(Message::Batch(batch)) => batch_told(&batch),
                    other => format!("{other:?}"),
                };
                let end = text.char_indices().nth(600).map_or(text.len(), |(at, _)| at);
                lines.push(format!("  {time_ms} {peer:?} {from} to {to}: {}", &text[..end]));
            }
        }
        lines.join("\n")
    }

    /// Every device talks to the hub's first and to its colleagues; whether all were equal with
    /// nothing sent.
    fn round(&mut self) -> bool {
        let org = |world: &Self, index: usize| world.sites[index].node.store.own.org;
        let nodes = self.honest();
        let mut peers: Vec<(usize, PeerId)> = Vec::new();
        for (at, one) in nodes.iter().copied().enumerate() {
            for other in nodes[at + 1..].iter().copied() {
                if one == 0 || org(self, one) == org(self, other) {
                    peers.push((other, self.connect(other, one)));
                }
            }
        }
        self.run();
        let quiet = peers.iter().all(|(node, peer)| {
            let report = self.sites[*node].node.reports.get(peer);
            report.is_some_and(|it| it.equal && it.sent.documents + it.received.documents == 0)
        });
        let open: Vec<_> = self.connections.keys().copied().collect();
        open.into_iter().for_each(|peer| self.cut(peer));
        self.run();
        quiet
    }

    fn reports(&self) -> String {
        let lines = self.honest().into_iter().map(|index| {
            let last = self.sites[index].node.reports.iter().rev().take(3);
            let reports: Vec<_> = last.map(|it| format!("  {it:?}")).collect();
            format!("{index}\n{}", reports.join("\n"))
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Every two nodes hold the same of what both may read, and everything is there.
    fn compare(&mut self) {
        let seed = self.seed;
        let mut states: BTreeMap<DocId, (usize, State)> = BTreeMap::new();
        let mut compared = 0;
        for index in self.honest() {
            let site = &self.sites[index];
            assert!(!site.node.is_busy(), "seed {seed}: node {index} is not at rest");
            for (id, document) in &site.node.store.documents {
                let state = State::of(document, &site.node.store.seals[id], seed);
                let (first, expected) = states.entry(*id).or_insert((index, state.clone()));
                let header = document.header();
                let who = || {
                    let (of, talk) = (self.told_of(header), self.talk(&[*first, index]));
                    format!("seed {seed}: {first} and {index}: {of}\n{talk}")
                };
                assert!(*expected == state, "{}\n{expected:?}\n{state:?}", who());
                compared += 1;
            }
        }
        self.totals.compared += compared;
        let resolves = |entry: &&Entry| matches!(entry.statement.body, Statement::Resolve { .. });
        let log = &self.sites[0].node.membership;
        self.totals.forks += log.entries_from(0).iter().filter(resolves).count() as u64;
        let honest = self.honest();
        for (id, header) in self.layout.headers() {
            let (expected, known) = self.expected(header);
            for index in &honest {
                let store = &self.sites[*index].node.store;
                let document = store.documents.get(&id);
                let holds = |hash: &ChangeHash| document.is_some_and(|it| it.holds(hash));
                for hash in known.iter().filter(|_| store.party().may_read(header)) {
                    let counts = expected.contains(hash);
                    let place = || format!("{seed}: {hash} at {index}: {}", self.told_of(header));
                    assert_eq!(holds(hash), counts, "counts: {}", place());
                    let here =
                        self.changes.get(hash).is_some_and(|it| it.holders >> index & 1 == 1);
                    let apart = || store.keeps_apart(&id, hash);
                    assert!(counts || !here || apart(), "lost: {}", place());
                }
            }
            self.totals.excluded += (known.len() - expected.len()) as u64;
        }
    }

    /// What every node knows of a document, for whoever looks into a failure.
    pub fn told_of(&self, header: &Header) -> String {
        use Statement::{RemoveDevice, RemoveRole, Resolve, SetFrontier};
        let id = header.id();
        let log = &self.sites[0].node.membership;
        let mut told = vec![format!("{header:?} {id}; log {} bad {:?}", log.position(), self.bad)];
        for entry in log.entries_from(1) {
            let body = &entry.statement.body;
            if matches!(
                body,
                RemoveDevice { .. } | RemoveRole { .. } | Resolve { .. } | SetFrontier { .. }
            ) {
                told.push(format!("{} by {}: {body:?}", entry.position, entry.statement.signer));
            }
        }
        for (index, site) in self.sites.iter().enumerate() {
            let (node, store) = (&site.node, &site.node.store);
            let open: Vec<_> = store.open.iter().filter(|(_, it)| *it == id).collect();
            let (device, position) = (store.own.device, node.membership.position());
            told.push(format!("{index} {} {device} log {position} open {open:?}", node.seed));
            let document = store.documents.get(&id);
            for change in document.map(|it| it.changes_since(&[])).unwrap_or_default() {
                told.push(format!("  holds {} {} {}", change.hash, change.actor, change.seq));
            }
            for seal in store.seals.get(&id).into_iter().flatten() {
                told.push(format!("  seal {} by {}", seal.head, seal.device));
            }
            for apart in store.quarantine.get(&id).into_iter().flatten() {
                let seal = Seal::from_bytes(&apart.bytes).map(|seal| seal.device);
                told.push(format!("  apart {:?} {} {seal:?}", apart.change, apart.reason));
            }
        }
        for (hash, known) in self.changes.iter().filter(|(_, it)| it.document == id) {
            let second = self.seconds.contains(hash);
            told.push(format!("{hash} held by {:b} second {second}", known.holders));
        }
        told.join("\n")
    }

    /// What must count in a document, and everything that honest nodes know of it.
    fn expected(&self, header: &Header) -> (BTreeSet<ChangeHash>, BTreeSet<ChangeHash>) {
        let id = header.id();
        let of_it = self.changes.iter().filter(|(_, it)| it.document == id && it.holders != 0);
        let known: BTreeSet<ChangeHash> = of_it.map(|(hash, _)| *hash).collect();
        if !self.profile.is_judged() {
            return (known.clone(), known);
        }
        let (mut changes, mut seals) = (Vec::new(), Vec::new());
        for index in self.honest() {
            let store = &self.sites[index].node.store;
            let log = store.log.iter().filter(|entry| entry.document == id);
            changes.extend(log.map(|entry| &entry.bytes[..]));
            seals.extend(store.seals.get(&id).into_iter().flatten().cloned());
            for apart in store.quarantine.get(&id).into_iter().flatten() {
                match Seal::from_bytes(&apart.bytes) {
                    Ok(seal) => seals.push(seal),
                    Err(_) => changes.push(&apart.bytes[..]),
                }
            }
        }
        let genesis = [Document::genesis(header.clone()).genesis_change()];
        let log = &self.sites[0].node.membership;
        let (changes, seals) = (changes.into_iter(), seals.into_iter());
        let model = Model::new(header, log, (changes, seals), &genesis, &self.seconds);
        (model.effective(), model.known())
    }

    /// What all documents say, without what clocks said: equal for equal work.
    pub fn said(&self) -> BTreeMap<(usize, DocId), String> {
        let mut said = BTreeMap::new();
        for (index, site) in self.sites.iter().enumerate() {
            for (id, document) in &site.node.store.documents {
                said.insert((index, *id), content(document));
            }
        }
        said
    }
}

/// A batch in a few words.
fn batch_told(batch: &Batch) -> String {
    let told = batch.documents.iter().map(|it| {
        let (changes, seals, apart) = (it.changes.len(), it.seals.len(), it.apart.len());
        format!("{} {}: {changes} changes {seals} seals {apart} apart", it.id(), it.header.kind)
    });
    let documents = told.collect::<Vec<_>>().join(", ");
    format!("batch {:?} {:?} {:?} [{documents}]", batch.origin, batch.upto, batch.end)
}

/// What two nodes must have alike of a document.
#[derive(Clone, PartialEq, Eq, Debug)]
struct State {
    heads: Vec<ChangeHash>,
    seals: BTreeSet<ChangeHash>,
    content: String,
}

impl State {
    /// What a document says follows from its heads; it is looked at in some runs.
    fn of(document: &Document, seals: &[Seal], seed: u64) -> Self {
        let seals = seals.iter().map(|seal| seal.head).collect();
        let content = if seed % 8 == 1 { content(document) } else { String::new() };
        Self { heads: document.heads(), seals, content }
    }
}

/// Everything that a document says to a reader, without claimed times.
fn content(document: &Document) -> String {
    let mut said: Vec<String> = Vec::new();
    for key in document.everything() {
        match key {
            TouchKey::Record(kind, id) => {
                let kind = registry::kind(&kind).expect("a kind of this program");
                let source = document.source(kind, id).expect("it is there");
                let conflicts = source.conflict.iter().map(|key| {
                    let values = document.concurrent(kind, id, key).into_iter();
                    values.map(|(value, _)| value).collect::<BTreeSet<_>>()
                });
                let conflicts: Vec<_> = conflicts.collect();
                said.push(format!("{id} {:?} {} {conflicts:?}", source.fields, source.removed));
            }
            TouchKey::Act(id) => {
                let act = document.act(id).map(|found| (found.act.subject, found.act.device));
                said.push(format!("{act:?}"));
            }
        }
    }
    said.sort_unstable();
    said.join("\n")
}
