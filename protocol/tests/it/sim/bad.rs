//! Devices whose owner wants harm: what they put on the line, beside what an honest node would.
//!
//! A bad device has a real key, and is in the log; what a stranger may do is not tried here.

use std::mem::swap;

use onex_crdt::document::{Authorship, Change, Document, Write};
use onex_crdt::header::Header;
use onex_crdt::ids::{Actor, DocId, RecordId};
use onex_crdt::record::Record;
use onex_crdt::records::contact::Contact;
use onex_protocol::admission::DocumentBatch;
use onex_protocol::message::{Batch, End, LogPosition, Message, Origin};
use onex_protocol::seal::{Seal, SealBody};

use super::lines::Item;
use super::world::{Backup, World};
use crate::province::*;

/// Misdeeds, by what a receiver must hold against them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Misdeed {
    /// A change without a seal.
    Unsealed,
    /// A seal that was made for another document, or over another head.
    ForeignSeal,
    /// A change that bears a colleague's tag, under the own seal.
    StolenTag,
    /// A change in the place of a colleague's next one.
    PoisonedSlot,
    /// A change in a document of somebody else.
    ForeignOwner,
    /// Bytes that are no change, or one too large.
    Bomb,
    /// Something that was sent before.
    Replay,
    /// An entry of the membership log that nobody signed.
    ForgedLog,
    /// From now on one set of changes for some readers and another for others.
    TwoFaces,
}

use Misdeed::*;

const MISDEEDS: [Misdeed; 10] = [
    Unsealed,
    ForeignSeal,
    StolenTag,
    PoisonedSlot,
    ForeignOwner,
    Bomb,
    Replay,
    ForgedLog,
    TwoFaces,
    TwoFaces,
];

impl World {
    /// One of the bad devices does one of its misdeeds to whomever it is connected with.
    pub fn misdeed(&mut self) {
        let bad: Vec<usize> = self.bad.iter().copied().collect();
        let misdeed = *self.faults.pick(&MISDEEDS).expect("there are some");
        let Some(index) = self.faults.pick(&bad).copied() else {
            return;
        };
        self.totals.misdeeds += 1;
        let org = self.sites[index].node.store.own.org;
        let owners: Vec<_> = self.layout.documents.keys().copied().collect();
        let other = *self.faults.pick(&owners).expect("there are owners");
        let owner = if misdeed == ForeignOwner { other } else { org };
        let headers = &self.layout.documents[&owner];
        let header = self.faults.pick(headers).expect("every organisation has documents").clone();
        match misdeed {
            TwoFaces => self.face_turn(index),
            Replay => {
                if let Some(bytes) = self.faults.pick(&self.batches).cloned() {
                    self.inject(index, bytes);
                }
            }
            ForgedLog => {
                let mut entries = self.sites[index].node.membership.entries_from(1).to_vec();
                entries.iter_mut().for_each(|entry| entry.position += 1);
                self.inject(index, Message::Statements(entries).encode().bytes);
            }
            _ => {
                let document = self.bad_document(index, misdeed, &header);
                let upto = LogPosition { position: 1 << 40, mark: self.faults.bytes() };
                let (end, origin) = (End::More, Origin::Delta);
                let batch = Batch { documents: vec![document], upto, end, origin };
                self.inject(index, Message::Batch(batch).encode().bytes);
            }
        }
    }

    fn bad_document(&mut self, index: usize, misdeed: Misdeed, header: &Header) -> DocumentBatch {
        let store = &self.sites[index].node.store;
        let seed = self.sites[index].node.seed;
        let mut document = store.document(header);
        let written = document.changes_since(&[]);
        let others = written.iter().filter(|change| change.actor.tag() != device(seed).tag());
        let slot = others.max_by_key(|change| change.seq).map(|change| change.actor);
        let colleague = self
            .layout
            .devices
            .iter()
            .copied()
            .find(|other| *other != seed && org_of(*other).0 == header.owner);
        let fresh = self.faults.bytes();
        let actor = match misdeed {
            PoisonedSlot => slot.unwrap_or(Actor::new(device(seed), fresh)),
            StolenTag => Actor::new(device(colleague.unwrap_or(seed)), fresh),
            _ => Actor::new(device(seed), fresh),
        };
        let change =
            write_badly(&mut document, actor, RecordId(self.faults.bytes()), person_at(seed));
        let mut seals = store.seals.get(&header.id()).cloned().unwrap_or_default();
        let own = |seal: &Seal| seal.device == device(seed);
        seals.retain(|seal| !own(seal));
        let position = self.sites[index].node.membership.position();
        let body = SealBody {
            network: header.network,
            document: header.id(),
            head: change.hash,
            actor: change.actor,
            seq: change.seq,
            membership_position: position,
        };
        match misdeed {
            Unsealed | Bomb => {}
            ForeignSeal if fresh[0].is_multiple_of(2) => {
                let document = DocId(self.faults.bytes());
                seals.push(Seal::make(&key(seed), SealBody { document, ..body }));
            }
            ForeignSeal => {
                seals.push(Seal::make(&key(seed), SealBody { seq: body.seq + 1, ..body }))
            }
            _ => seals.push(Seal::make(&key(seed), body)),
        }
        let mut changes: Vec<_> = written.into_iter().map(|change| change.bytes).collect();
        changes.push(match misdeed {
            Bomb => self.bomb(change.bytes),
            _ => change.bytes,
        });
        DocumentBatch { changes, seals, ..DocumentBatch::empty(header.clone()) }
    }

    fn bomb(&mut self, change: Vec<u8>) -> Vec<u8> {
        let mut bytes = change;
        match self.faults.below(3) {
            0 => bytes.resize(300_000, 0x7f),
            1 => bytes[8] = 2,
            _ => {
                let at = self.faults.below(bytes.len() as u64) as usize;
                bytes[at] ^= 1 << self.faults.below(8);
            }
        }
        bytes
    }

    /// Sends bytes into every connection of a device.
    fn inject(&mut self, index: usize, bytes: Vec<u8>) {
        let of_it = self.connections.iter().filter(|(_, it)| it.ends.contains(&index));
        let peers: Vec<_> = of_it.map(|(peer, _)| *peer).collect();
        for peer in peers {
            self.send(index, peer, Item::Message(bytes.clone()));
        }
    }

    /// Puts the other of two states forward, which go on from one beginning with the same actors:
    /// at first both write in one document.
    fn face_turn(&mut self, index: usize) {
        let headers = &self.layout.documents[&self.sites[index].node.store.own.org];
        let header = self.faults.pick(headers).expect("every organisation has documents");
        let is_first = self.sites[index].face.is_none();
        if is_first {
            self.edit_in(index, header);
            let site = &mut self.sites[index];
            let (store, actors) = (site.node.store.clone(), site.actors.clone());
            site.face = Some(Backup { store, actors });
            self.edit_in(index, header);
        }
        let site = &mut self.sites[index];
        let face = site.face.as_mut().expect("made above");
        swap(&mut site.node.store, &mut face.store);
        swap(&mut site.actors, &mut face.actors);
        let actors = site.actors.clone();
        self.restart(index);
        self.sites[index].actors = actors;
        self.disk_exchanged(index);
        if is_first {
            self.edit_in(index, header);
        }
    }
}

fn write_badly(document: &mut Document, actor: Actor, id: RecordId, person: &str) -> Change {
    let kind = Contact::KIND;
    let fields = std::collections::BTreeMap::new();
    let author = Authorship {
        action: "contact.add".to_owned(),
        person: person.to_owned(),
        at_seconds: 0,
        batch: None,
        undoes: None,
        source: None,
    };
    let written = document.write(actor, &author, &[Write::Create { kind, id, fields }]);
    written.expect("a good write").expect("something is new")
}
