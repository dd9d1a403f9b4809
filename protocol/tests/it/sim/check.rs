//! What must hold in a simulated province: after every message, and once it has healed.

use std::collections::{BTreeMap, BTreeSet};

use onex_crdt::document::{Document, TouchKey};
use onex_crdt::header::Header;
use onex_crdt::ids::{ChangeHash, DocId};
use onex_crdt::registry;
use onex_protocol::cbor;
use onex_protocol::machine::PeerId;
use onex_protocol::message::{Message, Origin};
use onex_protocol::scope::Party;

use super::layout::Layout;
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
    /// part of a repair. The membership log is for everybody, with the frontiers in it.
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
            Message::Statements(_) | Message::Proposals(_) | Message::Welcome(_) => return 0,
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
            assert!(round < ROUNDS_MAX, "seed {seed}: no agreement after {round} rounds");
        }
        self.compare();
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

    /// Every two nodes hold the same of what both may read, and everything is there.
    fn compare(&mut self) {
        let seed = self.seed;
        let mut states: BTreeMap<DocId, (usize, State)> = BTreeMap::new();
        for index in self.honest() {
            let site = &self.sites[index];
            assert!(!site.node.is_busy(), "seed {seed}: node {index} is not at rest");
            for (id, document) in &site.node.store.documents {
                let state = State::of(document, &site.node.store.seals[id]);
                let (first, expected) = states.entry(*id).or_insert((index, state.clone()));
                let header = document.header();
                let differs = || format!("seed {seed}: {first} and {index} differ in {header:?}");
                assert!(
                    *expected == state,
                    "{}\n{expected:?}\n{state:?}\n{:?} {:?} {:?}",
                    differs(),
                    site.node.store.open,
                    site.node.store.quarantine,
                    site.node.store.own.device
                );
                self.totals.compared += 1;
            }
        }
        let headers = self.layout.headers();
        for (hash, known) in self.changes.iter().filter(|(_, known)| known.holders != 0) {
            let header = headers[&known.document];
            for site in &self.sites {
                let store = &site.node.store;
                let held = || store.documents.get(&known.document).is_some_and(|it| it.holds(hash));
                let missing = store.party().may_read(header) && !held();
                assert!(!missing, "seed {seed}: {} lacks {hash} of {header:?}", site.node.seed);
            }
        }
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

/// What two nodes must have alike of a document.
#[derive(Clone, PartialEq, Eq, Debug)]
struct State {
    heads: Vec<ChangeHash>,
    seals: BTreeSet<ChangeHash>,
    content: String,
}

impl State {
    fn of(document: &Document, seals: &[onex_protocol::seal::Seal]) -> Self {
        let seals = seals.iter().map(|seal| seal.head).collect();
        Self { heads: document.heads(), seals, content: content(document) }
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
