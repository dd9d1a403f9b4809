//! A disk that loses or spoils something, and backups that are older than what was said since: the
//! province mends it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use onex_crdt::document::{Change, Document};
use onex_crdt::header::Header;
use onex_crdt::ids::hex_encode;
use onex_crdt::record::Record;
use onex_crdt::records::contact::Contact;
use onex_node::NodeError;
use onex_node::api::Query;
use onex_node::backup::{Unlocking, restore};
use onex_node::check::check;
use onex_node::home::{Guard, Home};
use onex_node::repair::repair;
use rusqlite::Connection;

use super::province::Province;

fn contact(province: &Province, phone: &str) {
    let values = [("name", "王芳"), ("duty", "coordinator"), ("phone", phone)];
    province.act("xatl-1", "contact.add", None, &values);
}

fn contacts(province: &Province, node: &'static str) -> usize {
    province.node(node).list(&Query::all(Contact::KIND)).expect("a list").total
}

fn unsent(province: &Province) -> usize {
    province.node("xatl-1").status().expect("status").unsent.changes
}

/// The database of a closed node.
fn raw(home: &Path) -> Connection {
    let home = Home::new(home);
    let keys = home.keys().expect("keys in files");
    let connection = Connection::open(home.database()).expect("a file");
    let key = hex_encode(&keys.store);
    connection.pragma_update(None, "key", format!("x'{key}'")).expect("a key");
    connection
}

/// Every change that a closed node stores.
fn changes(home: &Path) -> Vec<Change> {
    let connection = raw(home);
    let sql = "select header, (select bytes from snapshot where snapshot.doc = head.doc), doc
        from head";
    let mut statement = connection.prepare(sql).expect("it reads");
    let mut rows = statement.query([]).expect("it reads");
    let mut changes = Vec::new();
    while let Some(row) = rows.next().expect("it reads") {
        let header: Vec<u8> = row.get(0).expect("a header");
        let header: Header = minicbor::decode(&header).expect("a header");
        let snapshot: Option<Vec<u8>> = row.get(1).expect("a snapshot");
        let mut document = match snapshot {
            Some(bytes) => Document::load(header, &bytes).expect("it loads"),
            None => Document::genesis(header),
        };
        let doc: Vec<u8> = row.get(2).expect("an id");
        let sql = "select bytes from chunk where doc = ? order by number";
        let mut statement = connection.prepare(sql).expect("it reads");
        let chunks = statement.query_map([doc], |row| row.get(0)).expect("it reads");
        let chunks: Vec<Vec<u8>> = chunks.collect::<Result<_, _>>().expect("they read");
        document.replay(&chunks).expect("they apply");
        changes.extend(document.changes_since(&[]));
    }
    changes
}

/// Both devices hold the same of what both may read, and no actor has said two things at once.
#[track_caller]
fn check_alike(province: Province, one: &'static str, other: &'static str) {
    let states = |name| {
        let states = province.node(name).document_states().expect("states");
        states.into_iter().map(|(header, state)| (header.id(), state)).collect::<BTreeMap<_, _>>()
    };
    let (mine, theirs) = (states(one), states(other));
    let common: BTreeSet<_> = mine.keys().filter(|id| theirs.contains_key(id)).collect();
    assert!(!common.is_empty());
    for id in common {
        assert_eq!(mine[id], theirs[id], "{id}");
    }
    let homes = [province.home(one), province.home(other)];
    let _folder = province.stop();
    let mut said = BTreeMap::new();
    for change in homes.iter().flat_map(|home| changes(home)) {
        let first = said.entry((change.actor, change.seq)).or_insert(change.hash);
        assert_eq!(*first, change.hash, "an actor counts on where it was");
    }
    for home in homes {
        let report = check(&home, None, &mut |_, _, _| {}).expect("it can be looked at");
        assert!(report.is_ok(), "{report:?}");
    }
}

fn backed_up(province: &Province, name: &'static str) -> PathBuf {
    let file = province.folder.path().join("b.onexbak");
    province.node(name).backup(&file, None).expect("written");
    file
}

#[test]
fn an_older_backup_over_a_node_that_has_synced_since_loses_nothing() {
    let mut province = Province::college();
    let file = backed_up(&province, "xatl-1");
    contact(&province, "13900000021");
    province.sync("xatl-1");
    contact(&province, "13900000022");
    assert_eq!(unsent(&province), 1);
    province.close("xatl-1");
    let home = province.home("xatl-1");
    restore(&home, &file, &Unlocking::default(), &Guard::File).expect("restored");
    province.reopen("xatl-1");
    assert!(unsent(&province) >= 1, "what nobody has is still to be sent");
    contact(&province, "13900000023");
    province.settle();
    assert_eq!(contacts(&province, "xatl-1"), 3);
    assert_eq!(contacts(&province, "hub-1"), 3);
    assert_eq!(unsent(&province), 0);
    check_alike(province, "xatl-1", "hub-1");
}

/// The same where the disk has kept nothing but the backup and the outbox log.
#[test]
fn the_outbox_log_carries_unsent_work_over_the_loss_of_the_database() {
    let mut province = Province::college();
    let file = backed_up(&province, "xatl-1");
    contact(&province, "13900000021");
    province.sync("xatl-1");
    contact(&province, "13900000022");
    province.close("xatl-1");
    let home = province.home("xatl-1");
    fs::remove_file(Home::new(&home).database()).expect("it is lost");
    restore(&home, &file, &Unlocking::default(), &Guard::File).expect("restored");
    province.reopen("xatl-1");
    province.settle();
    // What followed from changes that had yet to come back is taken at the next start.
    province.close("xatl-1");
    province.reopen("xatl-1");
    province.settle();
    assert_eq!(contacts(&province, "xatl-1"), 2);
    assert_eq!(contacts(&province, "hub-1"), 2);
    assert_eq!(unsent(&province), 0);
    let log = fs::metadata(home.join("outbox.log")).expect("it is there");
    assert_eq!(log.len(), 0, "everything in it was acknowledged");
    check_alike(province, "xatl-1", "hub-1");
}

/// The hub stores what was sent, and the line breaks before its acknowledgement is heard.
#[test]
fn what_a_peer_has_is_not_unsent_though_its_word_was_lost() {
    let mut province = Province::college();
    contact(&province, "13900000021");
    province.close("xatl-1");
    let home = province.home("xatl-1");
    let keep = "create table kept as select * from outbox";
    raw(&home).execute_batch(keep).expect("written");
    province.reopen("xatl-1");
    province.sync("xatl-1");
    assert_eq!(unsent(&province), 0);
    province.close("xatl-1");
    let unheard = "insert into outbox select * from kept; drop table kept";
    raw(&home).execute_batch(unheard).expect("written");
    province.reopen("xatl-1");
    assert_eq!(unsent(&province), 1);
    province.sync("xatl-1");
    assert_eq!(unsent(&province), 0, "its greeting says that it has everything");
    let log = fs::metadata(home.join("outbox.log")).expect("it is there");
    assert_eq!(log.len(), 0);
}

/// A power cut in which a lying disk loses the last commits: what was shown as saved comes back.
#[test]
fn commits_that_the_disk_has_lost_come_back() {
    let mut province = Province::college();
    contact(&province, "13900000021");
    province.close("xatl-1");
    let home = province.home("xatl-1");
    let before = fs::read(Home::new(&home).database()).expect("a file");
    province.reopen("xatl-1");
    contact(&province, "13900000022");
    province.close("xatl-1");
    fs::write(Home::new(&home).database(), before).expect("it is as it was");
    province.reopen("xatl-1");
    assert_eq!(contacts(&province, "xatl-1"), 2);
    assert_eq!(unsent(&province), 2);
    province.settle();
    assert_eq!(contacts(&province, "hub-1"), 2);
    check_alike(province, "xatl-1", "hub-1");
}

#[test]
fn damaged_documents_come_back_from_a_peer() {
    let mut province = Province::college();
    contact(&province, "13900000021");
    province.settle();
    province.close("xatl-1");
    let home = province.home("xatl-1");
    raw(&home)
        .execute_batch(
            "delete from snapshot; update chunk set bytes = zeroblob(40) where number = 1;
             update seal set bytes = zeroblob(40);",
        )
        .expect("everything is damaged");
    let (report, repaired) = repair(&home, None, &mut |_, _, _| {}).expect("it can be mended");
    assert!(!report.is_ok());
    assert!(!repaired.expect("there was damage").missing.is_empty());
    province.reopen("xatl-1");
    province.settle();
    assert_eq!(contacts(&province, "xatl-1"), 1);
    check_alike(province, "xatl-1", "hub-1");
}

#[test]
fn a_restored_sequencer_waits_for_the_longest_log() {
    let mut province = Province::college();
    let file = backed_up(&province, "hub-1");
    let device = province.node("xatl-2").me().expect("me").device.to_string();
    let grant = |role: &'static str| {
        [("device", device.clone()), ("person", "李强".to_owned()), ("role", role.to_owned())]
    };
    let granted = |province: &Province, role| {
        let values = grant(role);
        let values: Vec<_> = values.iter().map(|(key, value)| (*key, value.as_str())).collect();
        province.try_act("xatl-1", "role.grant", None, &values)
    };
    granted(&province, "leader").expect("proposed");
    province.settle();
    let position = |province: &Province, name| {
        province.node(name).status().expect("status").membership_position
    };
    let before = position(&province, "hub-2");
    province.close("hub-1");
    let home = province.home("hub-1");
    fs::remove_file(Home::new(&home).database()).expect("it is lost");
    restore(&home, &file, &Unlocking::default(), &Guard::File).expect("restored");
    province.reopen("hub-1");
    assert!(position(&province, "hub-1") < before, "the backup is older");
    let hub = province.node("hub-1").me().expect("me").device.to_string();
    let values = [("device", hub.as_str()), ("person", "郝敏"), ("role", "lead")];
    let refused = province.try_act("hub-1", "role.remove", None, &values);
    assert!(matches!(refused, Err(NodeError::NotCaughtUp)), "{refused:?}");
    province.sync("hub-2");
    assert_eq!(position(&province, "hub-1"), before);
    assert!(!province.node("hub-1").status().expect("status").health.restored);
    granted(&province, "finance").expect("proposed");
    province.settle();
    assert!(position(&province, "hub-1") > before, "it gives places again");
    assert_eq!(position(&province, "xatl-1"), position(&province, "hub-1"));
    check_alike(province, "hub-1", "hub-2");
}
