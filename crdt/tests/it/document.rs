//! Documents from inside: merging, conflicts, history, loading.

use std::collections::BTreeMap;

use onex_crdt::document::{Authorship, Change, Document, DocumentError, REMOVED, TouchKey, Write};
use onex_crdt::foreign::ForeignBytes;
use onex_crdt::header::{APPLICATION, Header, ORGANISATION, PLAN};
use onex_crdt::ids::{Actor, ChangeHash, OrgId, RecordId};
use onex_crdt::record::{Fields, Record};
use onex_crdt::records::contact::Contact;
use onex_crdt::records::organisation::Organisation;
use onex_crdt::value::Value;

use crate::province::{NETWORK, device_of};

const ORG: OrgId = OrgId([2; 16]);
const CONTACT: RecordId = RecordId([3; 16]);

fn header() -> Header {
    ORGANISATION.of(NETWORK, ORG, 2026)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn author(person: &str) -> Authorship {
    let action = "contact.edit".to_owned();
    let person = person.to_owned();
    Authorship {
        action,
        person,
        at_seconds: 1_775_016_000,
        batch: None,
        undoes: None,
        source: None,
    }
}

/// One device with its copy of a document.
#[derive(Clone)]
struct Device(Document, &'static str);

impl Device {
    fn write(&mut self, writes: &[Write]) -> Change {
        let actor = Actor::new(device_of(self.1), [0; 8]);
        let written = self.0.write(actor, &author(self.1), writes);
        written.expect("within the limits").expect("something was written")
    }

    fn set(&mut self, key: &str, value: Option<&str>) -> Change {
        let value = value.map(text);
        self.write(&[Write::Set { kind: Contact::KIND, id: CONTACT, key: key.to_owned(), value }])
    }

    fn register(&mut self, key: &'static str, value: &str) -> Change {
        let value = Some(text(value));
        self.write(&[Write::Register { kind: Organisation::KIND, id: ORG.into(), key, value }])
    }

    /// Takes what the other has; returns what it touched.
    fn take(&mut self, other: &Device) -> Vec<TouchKey> {
        let vouched: Vec<_> = other
            .0
            .changes_since(&self.0.heads())
            .into_iter()
            .map(|change| ForeignBytes(change.bytes).parse().expect("honest").vouched())
            .collect();
        let before = self.0.heads();
        (self.0, _) = self.0.admit(&vouched, &|_, _| true).expect("honest");
        self.0.touched(&before).into_iter().collect()
    }

    /// The fields of the contact and its keys in conflict.
    fn contact(&self) -> (BTreeMap<String, String>, Vec<String>) {
        let source = self.0.source(Contact::KIND, CONTACT).expect("the contact is there");
        let shown = source.fields.iter();
        let shown = shown.map(|(key, value)| (key.clone(), value.as_text().unwrap_or("?").into()));
        (shown.collect(), source.conflict)
    }

    fn field(&self, key: &str) -> Option<String> {
        self.contact().0.get(key).cloned()
    }
}

/// Two devices that hold one contact.
fn two() -> (Device, Device) {
    let mut one = Device(Document::genesis(header()), "xatl-1");
    let fields: Fields = [
        ("name".to_owned(), text("张敏")),
        ("duty".to_owned(), text("exam")),
        ("phone".to_owned(), text("13900000021")),
    ]
    .into();
    one.write(&[Write::Create { kind: Contact::KIND, id: CONTACT, fields }]);
    let other = Device(one.0.clone(), "xatl-2");
    (one, other)
}

/// Both devices take what the other has, and hold the same.
fn meet(one: &mut Device, other: &mut Device) -> Vec<TouchKey> {
    let touched = one.take(other);
    let also = other.take(one);
    assert_eq!(one.0.heads(), other.0.heads());
    assert_eq!(one.contact(), other.contact());
    let reloaded = Document::load(header(), &one.0.save()).expect("our own snapshot");
    assert_eq!(Device(reloaded, "xatl-1").contact(), one.contact());
    [touched, also].concat()
}

#[test]
fn every_device_makes_the_same_genesis() {
    let [one, other] = [Document::genesis(header()), Document::genesis(header())];
    assert_eq!(one.heads(), other.heads());
    assert_eq!(one.save(), other.save());
    assert!(one.changes_since(&[]).is_empty(), "it is never sent");
    let next = Document::genesis(PLAN.of(NETWORK, ORG, 2027));
    assert_ne!(one.heads(), next.heads());
    assert_eq!(one.source(Contact::KIND, CONTACT), None);
}

#[test]
fn the_genesis_stays_what_it_is() {
    let heads: Vec<String> =
        Document::genesis(header()).heads().iter().map(ChangeHash::to_string).collect();
    let expected = "3c80360e84b7dcb78a3038845f822a0a74078027419b06a248d1f749247f19a8";
    assert_eq!(heads, [expected], "documents that exist could no longer be loaded");
}

#[test]
fn a_document_made_on_two_devices_offline_is_one() {
    let mut one = Device(Document::genesis(header()), "xatl-1");
    let mut other = Device(Document::genesis(header()), "xatl-2");
    for (device, id) in [(&mut one, 3), (&mut other, 4)] {
        let fields = [("name".to_owned(), text(device.1))].into();
        device.write(&[Write::Create { kind: Contact::KIND, id: RecordId([id; 16]), fields }]);
    }
    meet(&mut one, &mut other);
    for (id, name) in [(3, "xatl-1"), (4, "xatl-2")] {
        let source = one.0.source(Contact::KIND, RecordId([id; 16])).expect("both are there");
        assert_eq!(source.fields["name"], text(name));
    }
}

/// C1.
#[test]
fn different_fields_are_both_kept() {
    let (mut one, mut other) = two();
    one.set("phone", Some("13900000022"));
    other.set("post", Some("教务处长"));
    meet(&mut one, &mut other);
    let (fields, conflict) = one.contact();
    assert_eq!((fields["phone"].as_str(), fields["post"].as_str()), ("13900000022", "教务处长"));
    assert!(conflict.is_empty());
}

/// C2.
#[test]
fn distinct_values_at_once_are_in_conflict_until_one_is_written() {
    let (mut one, mut other) = two();
    let mine = one.set("name", Some("张民"));
    let theirs = other.set("name", Some("章敏"));
    let touched = meet(&mut one, &mut other);
    let contact = TouchKey::Record("contact".to_owned(), CONTACT);
    assert_eq!(touched, [contact.clone(), contact.clone()], "both must compute the row anew");
    assert_eq!(one.contact().1, ["name"]);
    let mut expected = vec![(Some(text("张民")), mine.hash), (Some(text("章敏")), theirs.hash)];
    expected.sort_by_key(|(_, hash)| *hash);
    for device in [&one, &other] {
        assert_eq!(device.0.concurrent(Contact::KIND, CONTACT, "name"), expected);
    }
    let shown = one.field("name").expect("one of the two");
    other.set("name", Some(&shown));
    assert_eq!(meet(&mut one, &mut other), [contact], "the same value, but settled");
    assert!(one.contact().1.is_empty());
    assert_eq!(one.0.concurrent(Contact::KIND, CONTACT, "name").len(), 1);
}

/// The value chosen is one of its own: what a colleague writes meanwhile does not replace it.
#[test]
fn a_choice_against_a_new_value_is_a_conflict_again() {
    let (mut one, mut other) = two();
    one.set("post", Some("甲"));
    other.set("post", Some("乙"));
    meet(&mut one, &mut other);
    let shown = one.field("post").expect("one of the two");
    one.set("post", Some(&shown));
    other.set("post", Some("丙"));
    meet(&mut one, &mut other);
    assert_eq!(one.contact().1, ["post"]);
    let values = one.0.concurrent(Contact::KIND, CONTACT, "post");
    let values: Vec<_> = values.into_iter().filter_map(|(value, _)| value).collect();
    assert!(values.contains(&text(&shown)) && values.contains(&text("丙")));
}

#[test]
fn a_value_that_loses_is_felt_too() {
    for (first, second) in [("xatl-1", "xatl-2"), ("xatl-2", "xatl-1")] {
        let (mut one, mut other) = two();
        (one.1, other.1) = (first, second);
        one.set("post", Some("甲"));
        other.set("post", Some("乙"));
        assert_eq!(one.take(&other).len(), 1, "{second} into {first}");
        assert_eq!(one.contact().1, ["post"]);
    }
}

#[test]
fn equal_values_at_once_are_no_conflict() {
    let (mut one, mut other) = two();
    one.set("name", Some("张民"));
    other.set("name", Some("张民"));
    meet(&mut one, &mut other);
    assert!(one.contact().1.is_empty());
    assert_eq!(one.0.concurrent(Contact::KIND, CONTACT, "name").len(), 1);
    let mut third = Device(two().0.0, "xatl-3");
    third.set("name", Some("章敏"));
    one.take(&third);
    assert_eq!(one.contact().1, ["name"], "two of three agree");
    assert_eq!(one.0.concurrent(Contact::KIND, CONTACT, "name").len(), 2);
}

#[test]
fn clearing_against_writing_is_a_conflict() {
    let (mut one, mut other) = two();
    one.set("phone", None);
    other.set("phone", Some("13900000022"));
    meet(&mut one, &mut other);
    assert_eq!(one.contact().1, ["phone"]);
    let values = one.0.concurrent(Contact::KIND, CONTACT, "phone");
    assert!(values.iter().any(|(value, _)| value.is_none()));
    one.set("phone", None);
    meet(&mut one, &mut other);
    assert_eq!((other.field("phone"), other.contact().1), (None, Vec::new()));
}

#[test]
fn a_removed_record_is_hidden_and_keeps_what_others_wrote() {
    let (mut one, mut other) = two();
    one.write(&[Write::Set {
        kind: Contact::KIND,
        id: CONTACT,
        key: REMOVED.to_owned(),
        value: Some(Value::Bool(true)),
    }]);
    other.set("post", Some("处长"));
    meet(&mut one, &mut other);
    let source = one.0.source(Contact::KIND, CONTACT).expect("it is hidden, not gone");
    assert!(source.removed && source.conflict.is_empty());
    assert_eq!(source.fields["post"], text("处长"));
}

#[test]
fn registers_made_on_both_sides_keep_both() {
    let (mut one, mut other) = two();
    one.register("leader_name", "李院长");
    other.register("leader_post", "副院长");
    meet(&mut one, &mut other);
    let source = |device: &Device| device.0.source(Organisation::KIND, ORG.into()).expect("flat");
    assert_eq!(source(&one).fields.len(), 2);
    let first = one.register("leader_name", "赵院长").hash;
    let second = other.register("leader_name", "钱院长").hash;
    meet(&mut one, &mut other);
    assert_eq!(source(&other).conflict, ["leader_name"]);
    let values = other.0.concurrent(Organisation::KIND, ORG.into(), "leader_name");
    let mut hashes: Vec<ChangeHash> = values.iter().map(|(_, hash)| *hash).collect();
    hashes.sort();
    let mut expected = [first, second];
    expected.sort();
    assert_eq!(hashes, expected);
    other.register("leader_name", "钱院长");
    meet(&mut one, &mut other);
    assert!(source(&one).conflict.is_empty());
    assert!(one.field("name").is_some(), "records beside registers are untouched");
}

#[test]
fn history_tells_each_step_and_who_took_it() {
    let (mut one, mut other) = two();
    let made = one.0.changes_since(&[])[0].hash;
    let phone = one.set("phone", Some("13900000022")).hash;
    let named = other.set("name", Some("章敏")).hash;
    let led = one.register("leader_name", "李院长").hash;
    meet(&mut one, &mut other);
    let changed = |hash: &ChangeHash| {
        let (before, after) = one.0.step(Contact::KIND, CONTACT, hash);
        let changed = after.into_iter().filter(|(key, value)| before.get(key) != Some(value));
        changed.map(|(key, value)| (key, value.as_text().unwrap_or("?").to_owned())).collect()
    };
    let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let check = |hash: &ChangeHash, list: &[(&str, &str)]| {
        let changed: Vec<(String, String)> = changed(hash);
        assert_eq!(changed, pairs(list));
    };
    check(&made, &[("duty", "exam"), ("name", "张敏"), ("phone", "13900000021")]);
    check(&phone, &[("phone", "13900000022")]);
    check(&named, &[("name", "章敏")]);
    check(&led, &[]);
    let (before, after) = one.0.step(Organisation::KIND, ORG.into(), &led);
    assert!(before.is_empty());
    assert_eq!(after, [("leader_name".to_owned(), text("李院长"))].into());
    let (actor, written) = one.0.authorship(&named).expect("it says so");
    assert_eq!(actor.tag(), device_of("xatl-2").tag());
    assert_eq!(written, author("xatl-2"));
    let unknown = ChangeHash([9; 32]);
    assert_eq!(one.0.authorship(&unknown), None);
    assert_eq!(one.0.step(Contact::KIND, CONTACT, &unknown), (Fields::new(), Fields::new()));
}

#[test]
fn changes_since_are_what_somebody_lacks_in_order() {
    let (mut one, mut other) = two();
    let start = one.0.heads();
    one.set("phone", Some("13900000022"));
    other.set("name", Some("章敏"));
    let theirs = other.0.heads();
    one.take(&other);
    one.set("post", Some("处长"));
    let all = one.0.changes_since(&[]);
    assert_eq!(all.len(), 4);
    for (at, change) in all.iter().enumerate() {
        let before: Vec<ChangeHash> = all[..at].iter().map(|change| change.hash).collect();
        let genesis = Document::genesis(header()).heads();
        assert!(change.deps.iter().all(|dep| before.contains(dep) || genesis.contains(dep)));
        assert_eq!(one.0.change(&change.hash).as_ref(), Some(change));
    }
    assert_eq!(one.0.changes_since(&start).len(), 3);
    assert_eq!(one.0.changes_since(&theirs).len(), 2);
    assert!(one.0.changes_since(&one.0.heads()).is_empty());
    let unknown = [ChangeHash([9; 32]), theirs[0]];
    assert_eq!(one.0.changes_since(&unknown).len(), 2, "unknown heads count as nothing");
}

#[test]
fn load_takes_only_documents_of_the_header() {
    let (one, _) = two();
    let saved = one.0.save();
    assert!(Document::load(header(), &saved).is_ok());
    let others = [PLAN.of(NETWORK, ORG, 2026), APPLICATION.between(NETWORK, ORG, ORG, 2026)];
    for other in others {
        assert_eq!(Document::load(other, &saved).err(), Some(DocumentError::Snapshot));
    }
    for damaged in [&saved[..saved.len() - 1], &saved[1..], &[], b"SQLite format 3"] {
        assert_eq!(Document::load(header(), damaged).err(), Some(DocumentError::Snapshot));
    }
}

#[test]
fn replay_takes_what_follows_and_nothing_else() {
    let (mut one, _) = two();
    one.set("phone", Some("13900000022"));
    one.set("post", Some("处长"));
    let bytes: Vec<Vec<u8>> = one.0.changes_since(&[]).into_iter().map(|c| c.bytes).collect();
    let mut copy = Document::genesis(header());
    assert_eq!(copy.replay(&bytes[1..]), Err(DocumentError::Change));
    assert_eq!(copy.replay(&[b"nothing".to_vec()]), Err(DocumentError::Change));
    assert_eq!(copy.heads(), Document::genesis(header()).heads(), "nothing was applied");
    assert_eq!(copy.replay(&bytes), Ok(()));
    assert_eq!(copy.heads(), one.0.heads());
    assert_eq!(copy.replay(&bytes), Ok(()), "twice is once");
}

#[test]
fn every_kind_of_value_comes_back() {
    use onex_crdt::records::application::Application;
    let fields: Fields = [
        ("planned_students", Value::Int(90)),
        ("own_site", Value::Bool(false)),
        ("budget_other", Value::Int(1_800_000)),
        ("exam_months", Value::List(vec!["6".to_owned(), "11".to_owned()])),
        ("call_id", Value::Bytes(vec![4; 16])),
        ("education_level", text("undergraduate")),
        ("major_name", text("铁道供电技术")),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    let header = PLAN.of(NETWORK, ORG, 2026);
    let mut document = Document::genesis(header.clone());
    let create = Write::Create { kind: Application::KIND, id: CONTACT, fields: fields.clone() };
    let actor = Actor::new(device_of("xatl-1"), [0; 8]);
    document.write(actor, &author("王芳"), &[create]).expect("small");
    for document in [&document, &Document::load(header, &document.save()).expect("our own")] {
        let source = document.source(Application::KIND, CONTACT).expect("it is there");
        assert!(source.fields == fields);
        let key = TouchKey::Record("application".to_owned(), CONTACT);
        assert_eq!(document.everything(), [key].into());
    }
}

#[test]
fn derived_values_are_not_written() {
    let (mut one, _) = two();
    let fields = [("name".to_owned(), text("张敏")), ("state".to_owned(), text("removed"))].into();
    let id = RecordId([8; 16]);
    one.write(&[Write::Create { kind: Contact::KIND, id, fields }]);
    let source = one.0.source(Contact::KIND, id).expect("it is there");
    assert!(!source.fields.contains_key("state"));
}

/// Automerge's difference between two states does not show a value that lost against another; on
/// the device whose value won, the record would not have been looked at again.
#[test]
fn a_value_that_loses_touches_its_record_all_the_same() {
    let (mut one, mut other) = two();
    one.set("name", Some("张敏敏"));
    other.set("name", Some("章敏"));
    let contact = TouchKey::Record(Contact::KIND.key.to_owned(), CONTACT);
    for (device, from) in [(one.clone(), &other), (other.clone(), &one)] {
        let mut device = device;
        assert_eq!(device.take(from), std::slice::from_ref(&contact));
        assert_eq!(device.contact().1, ["name"]);
    }
}

/// What is shown stays the same while its own author takes the other value back, unaware.
#[test]
fn a_conflict_that_ends_unseen_is_felt_too() {
    let (mut one, mut other) = two();
    other.set("post", Some("甲"));
    let mut both = other.clone();
    for post in ["丙", "丁", "乙"] {
        one.set("post", Some(post));
    }
    both.take(&one);
    assert_eq!(both.contact().1, ["post"]);
    other.set("post", Some("乙"));
    assert_eq!(both.take(&other).len(), 1);
    assert!(both.contact().1.is_empty());
}

/// A document of so many contacts, and a change that renames each of them.
fn renamed(count: u16) -> (Document, Change) {
    let id = |at: u16| {
        let mut id = [7; 16];
        id[..2].copy_from_slice(&at.to_be_bytes());
        RecordId(id)
    };
    let mut device = Device(Document::genesis(header()), "xatl-1");
    let fields: Fields = [("name".to_owned(), text("张敏"))].into();
    let create = |at| Write::Create { kind: Contact::KIND, id: id(at), fields: fields.clone() };
    let all: Vec<_> = (0..count).collect();
    all.chunks(2_000).for_each(|some| {
        device.write(&some.iter().map(|at| create(*at)).collect::<Vec<_>>());
    });
    let before = device.0.clone();
    let rename = |at: u16| Write::Set {
        kind: Contact::KIND,
        id: id(at),
        key: "name".to_owned(),
        value: Some(text(&format!("张{at}"))),
    };
    let change = device.write(&all.iter().map(|at| rename(*at)).collect::<Vec<_>>());
    (before, change)
}

#[test]
fn a_change_of_many_fields_is_admitted_and_read_whole() {
    let (document, change) = renamed(8_000);
    let parsed = ForeignBytes(change.bytes.clone()).parse().expect("honest");
    let (admitted, _) = document.admit(&[parsed.vouched()], &|_, _| true).expect("honest");
    let writes = admitted.writes_of(&change.hash).expect("all of it is known");
    assert_eq!(writes.len(), 8_000);
}
