//! Every way of tampering with the log is found, at the place where it was done.

use std::path::Path;

use onex_crdt::ids::{DeviceId, RecordId};

use super::*;
use crate::store::Store;

fn entry(number: u8) -> AuditEntry {
    AuditEntry {
        at: format!("2026-04-01T09:00:{number:02}+08:00"),
        person: "王芳".to_owned(),
        device: DeviceId([7; 16]),
        what: "reveal".to_owned(),
        kind: "learner".to_owned(),
        ids: vec![RecordId([number; 16]), RecordId([0xff; 16])],
        fields: vec!["name".to_owned(), "id_number".to_owned()],
    }
}

fn store(folder: &Path) -> Store {
    let store = Store::open(&folder.join("store.db"), &[1; 32]).expect("opens");
    (1..=5).for_each(|number| put(store.read(), &entry(number)).expect("put"));
    store
}

#[test]
fn an_untouched_log_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = Store::open(&folder.path().join("empty.db"), &[1; 32]).expect("opens");
    assert_eq!(verify(empty.read()).expect("reads"), None);
    let store = store(folder.path());
    assert_eq!(verify(store.read()).expect("reads"), None);
    let lines = all(store.read()).expect("reads");
    assert_eq!(lines.iter().map(|line| line.position).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(lines[2].entry, entry(3));
}

#[test]
fn tampering_is_found_where_it_was_done() {
    for (sql, broken) in [
        ("update audit set person = '李强' where position = 3", 3),
        ("update audit set at = '2026-04-02T09:00:01+08:00' where position = 1", 1),
        ("update audit set device = zeroblob(16) where position = 5", 5),
        ("update audit set what = 'export' where position = 2", 2),
        ("update audit set kind = 'contact' where position = 4", 4),
        ("update audit set ids = substr(ids, 1, 16) where position = 4", 4),
        ("update audit set ids = substr(ids, 1, 20) where position = 4", 4),
        ("update audit set fields = 'name' where position = 2", 2),
        ("update audit set digest = x'' where position = 2", 2),
        ("update audit set digest = zeroblob(32) where position = 5", 5),
        ("delete from audit where position = 1", 1),
        ("delete from audit where position = 3", 3),
        ("delete from audit where position = 5", 5),
        ("delete from audit", 1),
        ("update audit set position = 9 where position = 5", 5),
        (
            "insert into audit select 6, at, person, device, what, kind, ids, fields, digest
          from audit where position = 5",
            6,
        ),
        // What was moved from one field into the next one is noticed too.
        ("update audit set person = '王', what = '芳reveal' where position = 3", 3),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path());
        store.read().execute(sql, []).expect("tampers");
        assert_eq!(verify(store.read()).expect("reads"), Some(broken), "{sql}");
    }
}

/// A line that was altered and whose digest was made anew breaks the line after it.
#[test]
fn a_new_digest_does_not_help() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    let lines = all(store.read()).expect("reads");
    let altered = AuditEntry { person: "李强".to_owned(), ..entry(3) };
    let digest = digest(&lines[1].digest, 3, &altered);
    let sql = "update audit set person = '李强', digest = ? where position = 3";
    store.read().execute(sql, [digest.0.as_slice()]).expect("tampers");
    assert_eq!(verify(store.read()).expect("reads"), Some(4));
}

#[test]
fn a_log_of_before_is_chained() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    store.read().execute("update audit set digest = x''", []).expect("as it was");
    assert_eq!(verify(store.read()).expect("reads"), Some(1));
    chain(store.read()).expect("chains");
    assert_eq!(verify(store.read()).expect("reads"), None);
    put(store.read(), &entry(6)).expect("put");
    assert_eq!(verify(store.read()).expect("reads"), None);
}
