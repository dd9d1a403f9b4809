//! Damage, repair, backups and the outbox log, with real files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use onex_crdt::ids::hex_encode;
use onex_crdt::record::Record;
use onex_crdt::records::contact::Contact;
use onex_crdt::records::organisation::Organisation;
use onex_node::api::Query;
use onex_node::backup::{BackupError, Restored, Unlocking, restore};
use onex_node::check::{CheckReport, Part, check};
use onex_node::home::{Guard, Home, Passphrase};
use onex_node::repair::{Repaired, repair};
use onex_node::store::copy;
use onex_node::upkeep::DatabaseState;
use onex_node::{Node, NodeError};
use rusqlite::Connection;
use tempfile::TempDir;

use super::handle::{COLLEGE, act, clock, hub};

/// A hub with an organisation and a contact, closed.
fn closed() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let node = hub(folder.path());
    let device = node.me().expect("me").device.to_string();
    act(&node, "role.grant", &[("device", &device), ("person", "郝敏"), ("role", "officer")])
        .expect("an admin grants roles");
    act(&node, "organisation.add", COLLEGE).expect("added");
    contact(&node, "13900000021");
    folder
}

fn contact(node: &Node, phone: &str) -> String {
    let values = [("name", "王芳"), ("duty", "coordinator"), ("phone", phone)];
    act(node, "contact.add", &values).expect("added")
}

fn open(folder: &TempDir) -> Node {
    Node::open(folder.path(), clock()).expect("the node opens")
}

fn contacts(node: &Node) -> usize {
    node.list(&Query::all(Contact::KIND)).expect("a list").total
}

fn database(folder: &TempDir) -> PathBuf {
    Home::new(folder.path()).database()
}

/// The database as somebody with its key sees it.
fn raw(folder: &TempDir) -> Connection {
    let keys = Home::new(folder.path()).keys().expect("keys in files");
    let connection = Connection::open(database(folder)).expect("a file");
    let key = hex_encode(&keys.store);
    connection.pragma_update(None, "key", format!("x'{key}'")).expect("a key");
    connection
}

fn checked(folder: &TempDir) -> CheckReport {
    check(folder.path(), None, &mut |_, _, _| {}).expect("it can be looked at")
}

fn repaired(folder: &TempDir) -> Repaired {
    let (_, repaired) = repair(folder.path(), None, &mut |_, _, _| {}).expect("it can be mended");
    repaired.expect("there was damage")
}

fn found(report: &CheckReport) -> Vec<(&'static str, &'static str)> {
    let all = report
        .checks
        .iter()
        .flat_map(|check| check.bad.iter().map(|bad| (check.part.id(), bad.what)));
    let mut all: Vec<_> = all.collect();
    all.dedup();
    all
}

/// Damages a store by a statement; the check must name it, and the repair must end it.
#[track_caller]
fn check_damage(sql: &str, expected: (&'static str, &'static str)) {
    let folder = closed();
    assert_eq!(found(&checked(&folder)), [], "whole before");
    raw(&folder).execute_batch(sql).expect(sql);
    let report = checked(&folder);
    assert!(found(&report).contains(&expected), "{sql}: {:?}", found(&report));
    let documents = report.documents;
    repaired(&folder);
    let report = checked(&folder);
    assert!(report.documents <= documents && report.is_ok(), "{sql}: {:?}", found(&report));
    let node = open(&folder);
    assert!(node.me().is_ok(), "{sql}");
    if expected.0 == "projection" {
        assert_eq!(contacts(&node), 1, "{sql}: the lists follow from the documents");
    }
}

#[test]
fn every_kind_of_damage_is_named_and_mended() {
    let seal_of_contacts = "update seal set bytes = (select bytes from seal s2
        where s2.doc <> seal.doc limit 1) where doc = (select min(doc) from seal)";
    for (sql, expected) in [
        ("update chunk set bytes = x'00' where number = 1", ("changes", "change")),
        ("update chunk set bytes = zeroblob(0) where number = 1", ("changes", "change")),
        ("delete from chunk where number = 1", ("changes", "dependency")),
        ("delete from log where position = 2", ("changes", "log")),
        ("delete from log where position = 2", ("changes", "log_mark")),
        ("update log set mark = zeroblob(8) where position = 2", ("changes", "log_mark")),
        (seal_of_contacts, ("seals", "seal")),
        ("delete from head where doc = (select min(doc) from head)", ("snapshots", "head_missing")),
        ("update head set heads = zeroblob(32)", ("snapshots", "heads")),
        ("update head set fingerprint = zeroblob(32)", ("snapshots", "fingerprint")),
        ("update head set header = zeroblob(9)", ("snapshots", "header")),
        ("insert into snapshot select doc, x'0102' from head", ("snapshots", "snapshot")),
        ("update source set body = zeroblob(4)", ("projection", "source")),
        ("delete from source where kind = 'contact'", ("projection", "source")),
        ("update row_organisation set f_name = '某'", ("projection", "row")),
        ("delete from row_contact", ("projection", "row_missing")),
        ("update find_contact set text = ''", ("projection", "search")),
        ("update row_count set rows = rows + 1", ("projection", "count")),
        (
            "insert into source (kind, id, doc, body)
             select kind, id, zeroblob(16), body from source limit 1",
            ("projection", "stray"),
        ),
    ] {
        check_damage(sql, expected);
    }
}

#[test]
fn an_altered_line_of_the_audit_log_is_named_and_stays_named() {
    let folder = closed();
    let lines = raw(&folder).query_row("select max(position) from audit", [], |row| row.get(0));
    let last: i64 = lines.expect("something was signed");
    raw(&folder)
        .execute("update audit set person = '李强' where position = ?", [last])
        .expect("sql");
    let (report, repaired) = repair(folder.path(), None, &mut |_, _, _| {}).expect("looked at");
    assert_eq!((found(&report), repaired), (vec![("audit", "audit")], None));
    assert_eq!(report.part(Part::Audit).bad[0].detail, last.to_string());
}

#[test]
fn a_cut_membership_log_is_named_and_kept_as_far_as_it_holds() {
    let folder = closed();
    raw(&folder)
        .execute("update membership set bytes = zeroblob(80) where position = 1", [])
        .expect("damaged");
    let report = checked(&folder);
    assert!(found(&report).contains(&("membership", "entry")), "{:?}", found(&report));
    repaired(&folder);
    assert!(open(&folder).status().expect("status").health.restored);
    raw(&folder).execute("delete from membership", []).expect("nothing is left");
    let gone = repair(folder.path(), None, &mut |_, _, _| {});
    assert!(matches!(gone, Err(NodeError::NotRepairable)), "{gone:?}");
}

/// Wherever a bit of the file is flipped, the check says so, and the repair leaves a node that
/// opens, or says that there is nothing to be had; the damaged file stays.
#[test]
fn no_flipped_bit_goes_unseen() {
    let whole = closed();
    let node = open(&whole);
    node.backup_daily().expect("a backup").expect("it is due");
    drop(node);
    let bytes = fs::read(database(&whole)).expect("a file");
    let pages = bytes.len() / PAGE_BYTES;
    for page in (0..pages).step_by(pages / FLIPS) {
        let folder = tempfile::tempdir().expect("a folder");
        copy_home(whole.path(), folder.path());
        let mut altered = bytes.clone();
        altered[page * PAGE_BYTES + 1000] ^= 4;
        fs::write(database(&folder), &altered).expect("written");
        let report = checked(&folder);
        assert!(!report.part(Part::Database).bad.is_empty(), "page {page}");
        let done = repaired(&folder);
        let aside = done.aside.expect("the damaged file is kept");
        assert_eq!(fs::read(&aside).expect("it is there"), altered, "page {page}");
        let report = checked(&folder);
        assert!(report.is_ok(), "page {page}: {:?}", found(&report));
        let node = open(&folder);
        assert_eq!(contacts(&node), 1, "page {page}: the backup has what the page had");
        assert_eq!(node.list(&Query::all(Organisation::KIND)).expect("a list").total, 2);
    }
}

/// Pages in which a bit is flipped.
const FLIPS: usize = 12;
const PAGE_BYTES: usize = 4096;

/// What a power cut has torn in the file while the log was copied into it stands whole in the log.
#[test]
fn torn_pages_that_stand_in_the_log_are_no_damage() {
    let (folder, cut) = (closed(), tempfile::tempdir().expect("a folder"));
    let node = open(&folder);
    contact(&node, "13900000022");
    copy_home(folder.path(), cut.path());
    drop(node);
    let log = fs::read(copy::beside(&database(&cut), "-wal")).expect("the log is not copied yet");
    let mut bytes = fs::read(database(&cut)).expect("a file");
    let frames = log[WAL_HEAD_BYTES..].chunks_exact(FRAME_HEAD_BYTES + PAGE_BYTES);
    let numbers = frames.map(|frame| u32::from_be_bytes(frame[..4].try_into().expect("a number")));
    let ends: BTreeSet<_> = numbers.map(|number| number as usize * PAGE_BYTES).collect();
    let torn: Vec<_> = ends.into_iter().filter(|end| *end <= bytes.len()).collect();
    assert!(torn.len() > 10, "{torn:?}");
    torn.iter().for_each(|end| bytes[end - PAGE_BYTES / 2..end - 1000].fill(0));
    fs::write(database(&cut), bytes).expect("written");
    assert!(checked(&cut).is_ok(), "{:?}", found(&checked(&cut)));
    assert_eq!(contacts(&open(&cut)), 2);
}

const WAL_HEAD_BYTES: usize = 32;
const FRAME_HEAD_BYTES: usize = 24;

fn copy_home(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            fs::create_dir_all(&to).expect("made");
            copy_home(&path, &to);
        } else {
            fs::copy(path, to).expect("copied");
        }
    }
}

#[test]
fn a_repair_needs_the_home_to_itself() {
    let folder = closed();
    raw(&folder).execute("update row_contact set f_name = '某'", []).expect("damaged");
    let node = open(&folder);
    let refused = repair(folder.path(), None, &mut |_, _, _| {});
    assert!(matches!(refused, Err(NodeError::InUse)), "{refused:?}");
    drop(node);
    assert_eq!(repaired(&folder).aside, None, "only the lists were made anew");
}

/// What stands in something that does not read was not looked at: nothing is said to be whole of
/// which nobody knows anything.
#[test]
fn a_check_does_not_call_whole_what_it_cannot_read() {
    let folder = closed();
    raw(&folder).execute_batch("alter table head rename to elsewhere").expect("renamed");
    let report = checked(&folder);
    let ok = |report: &CheckReport, part: Part| report.part(part).is_ok();
    assert_eq!(found(&report)[0], ("snapshots", "unreadable"));
    assert_eq!(ok(&report, Part::Database), Some(true), "its pages are whole");
    assert_eq!((ok(&report, Part::Changes), report.changes), (None, 0));
    assert_eq!(ok(&report, Part::Seals), None);
    assert!(!report.is_ok());
    let folder = closed();
    fs::write(database(&folder), [0x5a; 1 << 16]).expect("written");
    let report = checked(&folder);
    for part in Part::ALL {
        assert_ne!(ok(&report, part), Some(true), "{part:?}: {:?}", found(&report));
    }
    assert_eq!(ok(&report, Part::Database), Some(false));
}

#[test]
fn a_backup_restores_its_own_home_and_keeps_what_was_added_since() {
    let folder = closed();
    let file = folder.path().join("b.onexbak");
    let node = open(&folder);
    node.backup(&file, None).expect("written");
    contact(&node, "13900000022");
    let photo = [&[0xFF, 0xD8, 0xFF][..], &[7; 30_000]].concat();
    let digest = node.keep_photo(&photo).expect("a photo");
    node.draft_put("contact.add", None, &[("name".to_owned(), "李强".to_owned())].into())
        .expect("a draft");
    let in_use = restore(folder.path(), &file, &Unlocking::default(), &Guard::File);
    assert!(matches!(in_use, Err(NodeError::InUse)), "{in_use:?}");
    drop(node);
    let restored = restore(folder.path(), &file, &Unlocking::default(), &Guard::File);
    let Ok(Restored::Home { aside: Some(aside), .. }) = restored else { panic!("{restored:?}") };
    assert!(aside.exists());
    let node = open(&folder);
    assert_eq!(contacts(&node), 2, "nobody else has the newer one");
    assert_eq!(node.drafts().expect("drafts").len(), 1);
    assert!(node.file(digest).expect("readable") == Some(photo), "the photo is there");
    drop(node);
    assert!(checked(&folder).is_ok(), "{:?}", found(&checked(&folder)));
}

#[test]
fn a_backup_gives_nothing_away_and_opens_for_nobody_else() {
    let folder = closed();
    let file = folder.path().join("b.onexbak");
    let node = open(&folder);
    let written = node.backup(&file, None).expect("written");
    let bytes = fs::read(&file).expect("it is there");
    assert_eq!(bytes.len() as u64, written.bytes);
    let keys = Home::new(folder.path()).keys().expect("keys");
    for secret in [&keys.device[..], &keys.store[..], "王芳".as_bytes(), b"13900000021"] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
    let other = tempfile::tempdir().expect("a folder");
    let restored = restore(other.path(), &file, &Unlocking::default(), &Guard::File);
    let refused = matches!(restored, Err(NodeError::Backup(BackupError::OtherHome)));
    assert!(refused, "{restored:?}");
    // Restoring wants the home for itself.
    drop(node);
    for (at, expected) in [
        (0, "the file is no backup"),
        (bytes.len() / 2, "the backup is damaged"),
        (bytes.len() - 3, "the backup is damaged"),
    ] {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        fs::write(&file, altered).expect("written");
        let restored = restore(folder.path(), &file, &Unlocking::default(), &Guard::File);
        let Err(NodeError::Backup(error)) = &restored else { panic!("{restored:?}") };
        assert_eq!(error.to_string(), expected, "byte {at}");
    }
    let node = open(&folder);
    fs::write(&file, "no backup").expect("written");
    let other = node.backup(&file, None);
    assert!(other.is_err(), "what is no backup is not overwritten");
}

#[test]
fn a_passphrase_opens_a_backup_elsewhere_for_a_new_device() {
    let folder = closed();
    let file = folder.path().join("b.onexbak");
    let passphrase = |text: &str| Passphrase::new(text.to_owned().into()).expect("a text");
    let right = passphrase("备份口令");
    open(&folder).backup(&file, Some(&right)).expect("written");
    let other = tempfile::tempdir().expect("a folder");
    let with = |passphrase| Unlocking { home: None, backup: Some(passphrase) };
    let other_text = passphrase("别的");
    let wrong = restore(other.path(), &file, &with(&other_text), &Guard::File);
    assert!(matches!(wrong, Err(NodeError::Backup(BackupError::Keys(_)))), "{wrong:?}");
    let restored = restore(other.path(), &file, &with(&right), &Guard::File);
    assert!(matches!(restored, Ok(Restored::Waiting { .. })), "{restored:?}");
    assert!(!Node::exists(other.path()), "it has no device yet");
}

#[test]
fn fourteen_daily_backups_are_kept() {
    let folder = closed();
    let node = open(&folder);
    let backups = folder.path().join("backups");
    fs::create_dir_all(&backups).expect("made");
    for day in 1..=20 {
        fs::write(backups.join(format!("2026-03-{day:02}.onexbak")), "").expect("written");
    }
    assert!(node.backup_daily().expect("a backup").is_some());
    assert!(node.backup_daily().expect("looked").is_none(), "once a day");
    let mut names: Vec<_> = fs::read_dir(&backups)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names.len(), 14);
    assert_eq!(names.last().map(String::as_str), Some("2026-04-01.onexbak"));
    assert_eq!(node.status().expect("status").health.backup.as_deref(), Some("2026-04-01"));
}

/// The names in a home that a backup makes while it is written.
fn left(folder: &TempDir) -> Vec<String> {
    let folders = [folder.path().to_owned(), folder.path().join("backups")];
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| name.contains(".backup") || name.contains(".new")).collect()
}

#[test]
fn backups_at_the_same_time_are_all_good() {
    let folder = closed();
    let node = open(&folder);
    let files: Vec<_> = ["a", "a", "b", "c"].map(|name| folder.path().join(name)).into();
    let backups: Vec<_> = std::thread::scope(|scope| {
        let begun = files.iter().map(|file| scope.spawn(|| node.backup(file, None)));
        let begun: Vec<_> = begun.collect();
        begun.into_iter().map(|thread| thread.join().expect("it ends")).collect()
    });
    assert!(backups.iter().all(Result::is_ok), "{backups:?}");
    assert_eq!(left(&folder), Vec::<String>::new());
    drop(node);
    for file in &files {
        let restored = restore(folder.path(), file, &Unlocking::default(), &Guard::File);
        assert!(matches!(restored, Ok(Restored::Home { .. })), "{restored:?}");
        assert_eq!(contacts(&open(&folder)), 1);
    }
}

#[test]
fn what_a_backup_that_was_cut_off_has_left_is_taken_away() {
    let folder = closed();
    fs::create_dir_all(folder.path().join("backups")).expect("made");
    for name in ["store.db.backup-0123", "store.db.backup-0123-wal", "backups/x.onexbak.new-0123"] {
        fs::write(folder.path().join(name), "half").expect("written");
    }
    let first = open(&folder);
    assert_eq!(left(&folder), Vec::<String>::new());
    fs::write(folder.path().join("store.db.backup-4567"), "under way").expect("written");
    let second = open(&folder);
    assert_eq!(left(&folder), ["store.db.backup-4567"], "not while somebody may write it");
    drop((first, second));
}

#[test]
fn an_end_that_was_none_is_noticed_and_looked_into() {
    let folder = closed();
    fs::write(folder.path().join("open-of-one-that-was-killed"), "").expect("written");
    let node = open(&folder);
    assert_eq!(node.database_state(), DatabaseState::Due);
    node.look_after().expect("looked");
    assert_eq!(node.database_state(), DatabaseState::Good);
    drop(node);
    fs::write(folder.path().join("open-of-one-that-was-killed"), "").expect("written");
    let mut bytes = fs::read(database(&folder)).expect("a file");
    let end = bytes.len() - 100;
    bytes[end] ^= 1;
    fs::write(database(&folder), bytes).expect("written");
    if let Ok(node) = Node::open(folder.path(), clock()) {
        node.look_after().expect("looked");
        assert_eq!(node.database_state(), DatabaseState::Damaged);
    }
}
