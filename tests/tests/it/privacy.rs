//! Only who may read a document is ever sent it: looked for in opened stores and on the wire.

use std::path::Path;
use std::sync::{Arc, Mutex};

use onex_crdt::document::Document;
use onex_crdt::header::Header;
use onex_crdt::ids::{DocId, RecordId};
use onex_protocol::message::Message;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::province::Province;
use super::register::{BOTH, add, enrol, id_number, mark, meet, open_class};

const OWN_CONTACT: &str = "欧阳明远";
const DRAFT_CONTACT: &str = "司徒清和";
const LEARNER: &str = "诸葛青云";
const ROOM: &str = "实训楼三层甲";

/// Everything that a store holds, as one run of bytes: every column of every table, and every
/// change of every document, decompressed.
fn everything_in(home: &Path) -> Vec<u8> {
    let key = std::fs::read(home.join("store.key")).expect("the key");
    let connection = Connection::open(home.join("store.db")).expect("the database");
    let key = format!("x'{}'", onex_crdt::ids::hex_encode(&key));
    connection.pragma_update(None, "key", key).expect("the key fits");
    let mut all = Vec::new();
    let sql = "select name from sqlite_master where type = 'table'";
    let mut statement = connection.prepare(sql).expect("a schema");
    let tables = statement.query_map([], |row| row.get::<_, String>(0)).expect("tables");
    for table in tables.map(|table| table.expect("a name")) {
        dump(&connection, &table, &mut all);
    }
    for (header, snapshot) in documents(&connection) {
        let mut document = match snapshot {
            Some(bytes) => Document::load(header.clone(), &bytes).expect("a snapshot"),
            None => Document::genesis(header.clone()),
        };
        document.replay(&chunks(&connection, header.id())).expect("loose changes");
        for change in document.changes_since(&[]) {
            all.extend(change.bytes);
        }
    }
    all
}

fn dump(connection: &Connection, table: &str, all: &mut Vec<u8>) {
    let mut statement = connection.prepare(&format!("select * from {table}")).expect("a table");
    let columns = statement.column_count();
    let mut rows = statement.query([]).expect("rows");
    while let Some(row) = rows.next().expect("a row") {
        for at in 0..columns {
            match row.get_ref(at).expect("a column") {
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => all.extend_from_slice(bytes),
                _ => {}
            }
            all.push(0);
        }
    }
}

fn documents(connection: &Connection) -> Vec<(Header, Option<Vec<u8>>)> {
    let sql = "select head.header, snapshot.bytes from head
               left join snapshot on snapshot.doc = head.doc";
    let mut statement = connection.prepare(sql).expect("tables");
    let rows = statement.query_map([], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?)));
    let rows = rows.expect("rows").map(|row| row.expect("a row"));
    rows.map(|(header, bytes)| (minicbor::decode(&header).expect("a header"), bytes)).collect()
}

fn chunks(connection: &Connection, id: DocId) -> Vec<Vec<u8>> {
    let sql = "select bytes from chunk where doc = ? order by number";
    let mut statement = connection.prepare(sql).expect("a table");
    let rows = statement.query_map([id.0.as_slice()], |row| row.get(0)).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

fn holds(all: &[u8], needle: &[u8]) -> bool {
    all.windows(needle.len()).any(|window| window == needle)
}

/// Every message of one college, decompressed, its documents' ids beside their headers.
fn record(province: &Province, node: &'static str) -> Arc<Mutex<Vec<u8>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let written = Arc::clone(&heard);
    province.node(node).tap(move |_, _, bytes| {
        let (message, _) = Message::decode(bytes).expect("nodes speak the protocol");
        let mut heard = written.lock().expect("nobody panicked");
        if let Message::Batch(batch) = &message {
            for document in &batch.documents {
                heard.extend(document.header.id().0);
                heard.extend(document.changes.iter().flatten());
            }
        }
        heard.extend(minicbor::to_vec(&message).expect("encodes"));
    });
    heard
}

#[test]
fn a_college_never_receives_what_another_college_writes() {
    let province = Province::pilot();
    let heard = record(&province, "xyzy-1");
    let control = record(&province, "xatl-1");
    let line = province.line("xatl-1", "crrc-1", OWN_CONTACT);
    let draft_of_other = province.draft("xyzy-1", "zljy-1", DRAFT_CONTACT);
    province.settle();
    province.act("hub-2", "application.decide", Some(line), &[("outcome", "filed")]);
    province.sync("hub-2");
    province.act("hub-1", "application.decide", Some(line), &[("outcome", "filed")]);
    province.settle();
    let wire = |heard: &Arc<Mutex<Vec<u8>>>| heard.lock().expect("nobody panicked").clone();
    let (heard, control) = (wire(&heard), wire(&control));
    let folder = province.stop();
    let owner = everything_in(&folder.path().join("xatl-1"));
    let other = everything_in(&folder.path().join("xyzy-1"));
    let hub = everything_in(&folder.path().join("hub-1"));
    let names = [OWN_CONTACT.as_bytes(), line.0.as_slice()];
    for needle in names {
        assert!(holds(&owner, needle), "the control: its owner holds it");
        assert!(holds(&hub, needle), "the hub reads it");
        assert!(holds(&control, needle), "the control: it went over its owner's wire");
        assert!(!holds(&other, needle), "another college's store");
        assert!(!holds(&heard, needle), "another college's wire");
    }
    check_drafts(draft_of_other, &other, [&owner, &hub, &heard]);
}

/// Learners and classes stay with their college: neither another college's store nor the hub's nor
/// the evaluator's holds any of it, and no wire of theirs carried it.
#[test]
fn learners_and_classes_never_leave_their_college() {
    let mut province = Province::pilot();
    province.colleague();
    let others = ["hub-1", "hub-2", "xyzy-1", "crrc-1", "zljy-1"];
    let heard = others.map(|name| record(&province, name));
    let control = record(&province, "xatl-2");
    let class = open_class(&province);
    province.act("xatl-1", "class.edit", Some(class), &[("room", ROOM)]);
    let learner = add(&province, "xatl-1", LEARNER, 21);
    enrol(&province, "xatl-1", class, &[learner]);
    let meeting = meet(&province, "xatl-1", class, "2026-04-12");
    province.settle();
    mark(&province, "xatl-2", meeting, &[learner], "present");
    province.settle();
    let wires: Vec<Vec<u8>> =
        heard.iter().map(|heard| heard.lock().expect("nobody panicked").clone()).collect();
    let control = control.lock().expect("nobody panicked").clone();
    let folder = province.stop();
    let store = |name: &str| everything_in(&folder.path().join(name));
    let owners = BOTH.map(store);
    let stores = others.map(store);
    let number = id_number(21);
    let mut needles: Vec<Vec<u8>> =
        [LEARNER, &number, ROOM].map(|text| text.as_bytes().to_vec()).to_vec();
    // Keys of records are written as digits.
    needles.extend([class, meeting, learner].map(|id| id.to_string().into_bytes()));
    for needle in &needles {
        assert!(owners.iter().all(|all| holds(all, needle)), "the control: both devices hold it");
        assert!(holds(&control, needle), "the control: it went over its owner's wire");
        assert!(stores.iter().all(|all| !holds(all, needle)), "another organisation's store");
        assert!(wires.iter().all(|all| !holds(all, needle)), "another organisation's wire");
    }
    for id in [class, meeting, learner] {
        assert!(owners.iter().all(|all| holds(all, &id.0)), "the control: in tables as bytes");
        assert!(stores.iter().chain(&wires).all(|all| !holds(all, &id.0)), "nobody else");
    }
}

/// A draft stays with its college: not even the hub has it, and no wire carried it.
fn check_drafts(draft: RecordId, owner: &[u8], others: [&[u8]; 3]) {
    for needle in [DRAFT_CONTACT.as_bytes(), draft.0.as_slice()] {
        assert!(holds(owner, needle), "the control: its owner holds it");
        for other in others {
            assert!(!holds(other, needle), "nobody else does");
        }
    }
}
