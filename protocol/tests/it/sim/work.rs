//! What people do: records made, altered and removed, registers, acts, in the documents that
//! their organisation owns.

use std::collections::BTreeMap;

use onex_crdt::act::Act;
use onex_crdt::document::{Authorship, Change, Document, REMOVED, TouchKey, Write};
use onex_crdt::header::Header;
use onex_crdt::ids::{ActId, Actor, DocId, RecordId};
use onex_crdt::record::Record;
use onex_crdt::records::attendance::Attendance;
use onex_crdt::records::contact::Contact;
use onex_crdt::roles::PersonRole;
use onex_crdt::value::Value;

use crate::node::Node;
use crate::province::*;
use crate::random::Random;

/// The actors of a process: drawn at its first write to a document, never stored.
pub type Actors = BTreeMap<DocId, Actor>;

/// How many forms are saved one after another.
pub const EDITS_AT_ONCE: u64 = 6;

/// Writes something into a document and seals it; returns the change and who wrote it, if anything
/// was new.
pub fn edit(
    node: &mut Node,
    actors: &mut Actors,
    header: &Header,
    random: &mut Random,
    seconds: i64,
) -> Option<(Change, &'static str)> {
    let mut document = node.store.document(header);
    let (fresh, second) = (random.bytes(), random.percent(25));
    let own = device(node.seed);
    let position = node.membership.position();
    let may = second && node.membership.holds(own, SECOND, PersonRole::Admin, position);
    let person = if may { SECOND } else { person_at(node.seed) };
    let actor = *actors.entry(document.id()).or_insert_with(|| Actor::new(own, fresh));
    let author = Authorship {
        action: "contact.edit".to_owned(),
        person: person.to_owned(),
        at_seconds: seconds,
        batch: None,
        undoes: None,
        source: None,
    };
    let write = chosen(&document, node, person, random, seconds);
    let change = document.write(actor, &author, &[write]).expect("a good write")?;
    let seal = seal_at(&document, node.seed, &change, position);
    node.store.written(document, &change, Some(seal));
    Some((change, person))
}

fn chosen(
    document: &Document,
    node: &Node,
    person: &str,
    random: &mut Random,
    seconds: i64,
) -> Write {
    let choice = random.below(100);
    let id = RecordId(random.bytes());
    let text = Value::Text(format!("甲{}", random.below(1000)));
    let number = random.below(4);
    let present = random.next();
    if choice >= 85 {
        return act(node, person, id, seconds);
    }
    if choice >= 70 {
        // The same few ids everywhere, as a natural key gives them.
        let id = RecordId([number as u8; 16]);
        return Write::Register { kind: Attendance::KIND, id, key: "mark", value: Some(text) };
    }
    let records: Vec<_> = document
        .everything()
        .into_iter()
        .filter_map(|key| match key {
            TouchKey::Record(kind, id) if kind == Contact::KIND.key => Some(id),
            _ => None,
        })
        .collect();
    let kind = Contact::KIND;
    match records.get((present % (records.len() as u64 + 3)) as usize) {
        Some(id) if number == 3 => {
            let (key, value) = (REMOVED.to_owned(), Some(Value::Bool(choice.is_multiple_of(2))));
            Write::Set { kind, id: *id, key, value }
        }
        Some(id) => {
            let key = ["name", "post", "phone"][number as usize].to_owned();
            Write::Set { kind, id: *id, key, value: Some(text) }
        }
        None => {
            let fields = BTreeMap::from([("name".to_owned(), text)]);
            Write::Create { kind, id, fields }
        }
    }
}

fn act(node: &Node, person: &str, subject: RecordId, seconds: i64) -> Write {
    let act = Act {
        id: ActId([0; 16]),
        kind: "contact.confirm".to_owned(),
        subject,
        person: person.to_owned(),
        device: device(node.seed),
        at: format!("{seconds}"),
        position: node.membership.position(),
        after: Vec::new(),
        judged: None,
        body: BTreeMap::new(),
        salt: None,
    };
    Write::Act(act.identified())
}
