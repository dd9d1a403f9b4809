//! A log that was restored and grew anew is another one, at whatever place it is compared.

use onex_crdt::document::{Authorship, Document, Write};
use onex_crdt::header::{CLASS, Header};
use onex_crdt::ids::{Actor, NetworkId, OrgId, RecordId};
use onex_crdt::record::{Fields, Record};
use onex_crdt::records::class::Class;
use onex_crdt::roles::OrgRole;
use onex_protocol::machine::{Answer, Own, Query, Reader};
use onex_protocol::scope::Party;

use super::super::documents::{self, Cache, Origin};
use super::super::{KEY_BYTES, Store, outbox, sync};
use super::*;

const NETWORK: NetworkId = NetworkId([7; 16]);
const COLLEGE: OrgId = OrgId([2; 16]);
const COLLEAGUE: DeviceId = DeviceId([5; 16]);

/// A store in which a class was made in each of these documents, in this order.
struct Filled {
    _folder: tempfile::TempDir,
    store: Store,
}

fn header(number: u8) -> Header {
    CLASS.about(NETWORK, COLLEGE, RecordId([number; 16]))
}

fn write(store: &Store, number: u8) {
    let mut document = Document::genesis(header(number));
    let author = Authorship {
        action: "class.add".to_owned(),
        person: "王芳".to_owned(),
        at_seconds: 0,
        batch: None,
        undoes: None,
        source: None,
    };
    let (kind, id) = (Class::KIND, RecordId([number; 16]));
    let writes = [Write::Create { kind, id, fields: Fields::new() }];
    let change = document.write(Actor([number; 16]), &author, &writes).expect("it is written");
    let change = [change.expect("it is new")];
    let at = "2026-04-01T09:00:00+08:00";
    documents::save(store.read(), &document, &change, &[], Origin::Own(at)).expect("saved");
}

fn filled(documents: &[u8]) -> Filled {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("store.db"), &[7; KEY_BYTES]).expect("a store");
    documents.iter().for_each(|number| write(&store, *number));
    Filled { _folder: folder, store }
}

fn own_end(filled: &Filled) -> LogPosition {
    end(filled.store.read()).expect("readable")
}

/// The documents that a colleague's device is sent after a place.
fn sent(filled: &Filled, since: LogPosition) -> Vec<u8> {
    let party = Party { org: COLLEGE, role: OrgRole::College };
    let own = Own { device: DeviceId([1; 16]), org: COLLEGE, role: party.role, network: NETWORK };
    let query =
        Query::Delta { reader: Reader { device: COLLEAGUE, party }, since, bytes_aim: usize::MAX };
    let answer = sync::answer(filled.store.read(), &mut Cache::default(), own, query);
    let Ok(Answer::Delta { documents, upto, .. }) = answer else { panic!("it is a delta") };
    assert_eq!(upto, own_end(filled));
    let number = |id| (1..=9).find(|number| header(*number).id() == id).expect("one of those");
    let mut numbers: Vec<_> = documents.iter().map(|batch| number(batch.id())).collect();
    numbers.sort_unstable();
    numbers
}

fn unsent(filled: &Filled) -> usize {
    outbox::hashes(filled.store.read()).expect("readable").len()
}

fn acknowledge(filled: &Filled, upto: LogPosition) {
    let party = Party { org: COLLEGE, role: OrgRole::College };
    sync::acknowledged(filled.store.read(), (COLLEAGUE, party), upto).expect("written");
}

#[test]
fn a_cursor_of_before_a_restore_is_nobodys() {
    let before = filled(&[1, 2, 3]);
    let taken = own_end(&before);
    assert!(sent(&before, taken).is_empty(), "the colleague has it all");
    // Restored as it was after the first one: the last entry is the same again, at its place.
    let restored = filled(&[1, 4, 3]);
    let end = own_end(&restored);
    assert_eq!(end.position, taken.position);
    assert_eq!(sent(&restored, taken), [1, 3, 4]);
    acknowledge(&restored, taken);
    assert_eq!(unsent(&restored), 3, "what another log had says nothing of this one");
    let behind = filled(&[1, 4]);
    assert_eq!(sent(&behind, taken), [1, 4], "a place that it has not come to");
    acknowledge(&behind, taken);
    assert_eq!(unsent(&behind), 2);
    acknowledge(&restored, end);
    assert_eq!(unsent(&restored), 0);
}

#[test]
fn a_cursor_of_what_both_have_is_good() {
    let (short, long) = (filled(&[1, 2]), filled(&[1, 2, 3]));
    assert_eq!(sent(&long, own_end(&short)), [3]);
    assert_eq!(sent(&long, LogPosition::START), [1, 2, 3]);
}

#[test]
fn a_log_of_before_is_chained() {
    let store = filled(&[1, 2, 3]).store;
    let right = end(store.read()).expect("readable");
    assert_eq!(first_broken(store.read()).expect("readable"), None);
    store.read().execute("update log set mark = x''", []).expect("as it was");
    assert_eq!(first_broken(store.read()).expect("readable"), Some(1));
    chain(store.read()).expect("chained");
    assert_eq!(first_broken(store.read()).expect("readable"), None);
    assert_eq!(end(store.read()).expect("readable"), right);
}

#[test]
fn what_was_taken_away_is_noticed_and_gives_other_places() {
    let store = filled(&[1, 2, 3]).store;
    let before = end(store.read()).expect("readable");
    store.read().execute("delete from log where position = 1", []).expect("taken away");
    assert_eq!(first_broken(store.read()).expect("readable"), Some(2));
    chain(store.read()).expect("chained");
    assert_eq!(first_broken(store.read()).expect("readable"), None);
    assert!(!stands(store.read(), before).expect("readable"));
    jump(store.read(), 1 << 20).expect("jumps");
    write(&store, 4);
    assert_eq!(end(store.read()).expect("readable").position, 3 + (1 << 20) + 1);
    assert_eq!(first_broken(store.read()).expect("readable"), None);
}
