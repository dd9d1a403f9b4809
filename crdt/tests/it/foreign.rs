//! What peers send that no honest node writes: each refused, none of it felt by the document.

use automerge::legacy::{Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, ExpandedChange, ObjType, ScalarValue};
use onex_crdt::act::Act;
use onex_crdt::document::{Authorship, Document, Write};
use onex_crdt::foreign::{
    CHANGE_BYTES_MAX, CHANGE_OPERATIONS_MAX, Faults, ForeignBytes, ForeignError,
    OPERATION_COUNTER_MAX,
};
use onex_crdt::header::ORGANISATION;
use onex_crdt::ids::{Actor, ChangeHash, OrgId, RecordId};
use onex_crdt::record::{Fields, Record};
use onex_crdt::records::contact::Contact;
use onex_crdt::records::organisation::Organisation;
use onex_crdt::value::Value;

use crate::province::{NETWORK, device_of};

pub const ORG: OrgId = OrgId([2; 16]);
pub const CONTACT: RecordId = RecordId([3; 16]);

pub fn actor(name: &str) -> Actor {
    Actor::new(device_of(name), [1; 8])
}

fn author() -> Authorship {
    Authorship {
        action: "contact.add".into(),
        person: "王芳".into(),
        at_seconds: 1_775_016_000,
        batch: None,
        undoes: None,
        source: None,
    }
}

fn contact(name: &str) -> Fields {
    let text = |text: &str| Value::Text(text.to_owned());
    [("name".to_owned(), text(name)), ("phone".to_owned(), text("13900000021"))].into()
}

pub fn create(id: u8) -> Write {
    Write::Create { kind: Contact::KIND, id: RecordId([id; 16]), fields: contact("王芳") }
}

pub fn rename(name: &str) -> Write {
    let value = Some(Value::Text(name.to_owned()));
    Write::Set { kind: Contact::KIND, id: CONTACT, key: "name".to_owned(), value }
}

pub fn leader(name: &str) -> Write {
    let value = Some(Value::Text(name.to_owned()));
    Write::Register { kind: Organisation::KIND, id: ORG.into(), key: "leader_name", value }
}

pub fn act() -> Act {
    Act {
        id: onex_crdt::ids::ActId([0; 16]),
        kind: "contact.confirm".to_owned(),
        subject: CONTACT,
        person: "王芳".to_owned(),
        device: device_of("xatl-1"),
        at: "2026-04-01T12:00:00+08:00".to_owned(),
        position: 4,
        after: Vec::new(),
        judged: None,
        body: Fields::new(),
        salt: None,
    }
    .identified()
}

/// A document with a contact, a leader and an act, by one device.
pub fn base() -> Document {
    let mut document = Document::genesis(ORGANISATION.of(NETWORK, ORG, 2026));
    let writes = [create(3), leader("李院长"), Write::Act(act())];
    document.write(actor("xatl-1"), &author(), &writes).expect("within the limits");
    document
}

/// The bytes of an honest change on top of a document, by another device.
pub fn honest(document: &Document, writes: &[Write]) -> Vec<u8> {
    let mut copy = document.clone();
    let written = copy.write(actor("xatl-2"), &author(), writes).expect("within the limits");
    written.expect("something was written").bytes
}

/// An honest renaming of the contact, altered before its hash is taken.
fn forge(document: &Document, alter: impl FnOnce(&mut ExpandedChange)) -> Vec<u8> {
    let bytes = honest(document, &[rename("汪芳")]);
    let change = automerge::Change::from_bytes(bytes).expect("an honest change");
    let mut expanded = change.decode();
    alter(&mut expanded);
    automerge::Change::from(expanded).raw_bytes().to_vec()
}

pub fn admit(document: &Document, changes: &[Vec<u8>]) -> Result<Document, ForeignError> {
    let mut vouched = Vec::new();
    for bytes in changes {
        vouched.push(ForeignBytes(bytes.clone()).parse()?.vouched());
    }
    let admitted = document.admit(&vouched, &|_, _| true);
    admitted.map(|(document, _)| document).map_err(|faults| first(&faults))
}

fn first(faults: &Faults) -> ForeignError {
    faults.values().next().copied().unwrap_or(ForeignError::FailedToApply)
}

/// Asserts that bytes are refused and that the document is as before.
pub fn check(document: &Document, bytes: Vec<u8>, expected: ForeignError) {
    let before = document.save();
    assert_eq!(admit(document, &[bytes]).err(), Some(expected));
    assert!(document.save() == before, "the document was altered");
}

/// The only operation of a forged change.
fn operation(change: &mut ExpandedChange) -> &mut Op {
    &mut change.operations[0]
}

fn collection(document: &Document, counter: u64) -> ObjectId {
    ObjectId::Id(OpId::new(counter, &ActorId::from(document.id().as_bytes())))
}

fn records(document: &Document) -> ObjectId {
    collection(document, 1)
}

fn entries(document: &Document) -> ObjectId {
    collection(document, 2)
}

fn text(text: &str) -> OpType {
    OpType::Put(ScalarValue::Str(text.into()))
}

fn bytes() -> OpType {
    OpType::Put(ScalarValue::Bytes(vec![1, 2, 3]))
}

/// The operation of the first change that stands under a key, counted as it was written.
fn written(document: &Document, wanted: &str) -> OpId {
    let first = document.changes_since(&[])[0].bytes.clone();
    let change = automerge::Change::from_bytes(first).expect("our own change").decode();
    let at = change.operations.iter().position(|op| matches!(&op.key, Key::Map(k) if k == wanted));
    let at = at.expect("it was written") as u64;
    OpId::new(change.start_op.get() + at, &change.actor_id)
}

#[test]
fn an_honest_change_is_taken() {
    let document = base();
    for writes in [&[rename("汪芳")][..], &[leader("赵院长"), create(9)], &[create(8)]] {
        let bytes = honest(&document, writes);
        let admitted = admit(&document, std::slice::from_ref(&bytes)).expect("it is honest");
        assert_eq!(admitted.heads(), [ForeignBytes(bytes).parse().expect("honest").hash()]);
    }
    check_untouched(forge(&document, |_| ()));
}

/// A change that was taken apart and put together again is the same change.
fn check_untouched(bytes: Vec<u8>) {
    assert!(bytes == honest(&base(), &[rename("汪芳")]));
}

/// An id or a digest in a field is stored as bytes, as an entry is, and is no entry.
#[test]
fn bytes_in_a_field_are_taken() {
    let document = base();
    let (kind, key) = (Organisation::KIND, "leader_post");
    let value = Some(Value::Bytes(vec![9; 16]));
    let bytes = honest(&document, &[Write::Register { kind, id: ORG.into(), key, value }]);
    assert!(admit(&document, &[bytes]).is_ok());
}

/// The reasons of the contract's quarantine list that are found here.
#[test]
fn every_reason_is_one_of_the_contract() {
    let check = |error: ForeignError, reason: &str| assert_eq!(error.reason(), reason);
    check(ForeignError::Malformed, "malformed");
    check(ForeignError::TooLarge, "too_large");
    check(ForeignError::MissingDependency, "missing_dependency");
    check(ForeignError::Overwrites, "malformed");
    check(ForeignError::NotPermitted, "no_right");
    check(ForeignError::FailedToApply, "failed_to_apply");
}

#[test]
fn two_writes_of_one_key_in_one_change_are_taken() {
    let document = base();
    let bytes = honest(&document, &[rename("汪芳"), rename("黄芳"), create(9)]);
    let admitted = admit(&document, &[bytes]).expect("it is honest");
    let source = admitted.source(Contact::KIND, CONTACT).expect("the contact is there");
    assert_eq!(source.fields["name"], Value::Text("黄芳".to_owned()));
}

#[test]
fn changes_may_come_in_any_order_within_a_batch() {
    let mut document = base();
    let before = document.clone();
    for at in 0..5 {
        let actor = actor(["xatl-2", "xatl-3"][at % 2]);
        document.write(actor, &author(), &[rename(&format!("王芳{at}"))]).expect("small");
    }
    let mut changes: Vec<_> = document.changes_since(&before.heads());
    changes.reverse();
    let bytes: Vec<_> = changes.iter().map(|change| change.bytes.clone()).collect();
    assert_eq!(admit(&before, &bytes).expect("all there").heads(), document.heads());
    assert_eq!(admit(&before, &bytes[..4]).err(), Some(ForeignError::MissingDependency));
    let twice = [bytes.clone(), bytes].concat();
    assert_eq!(admit(&before, &twice).expect("all there").heads(), document.heads());
}

#[test]
fn entries_are_written_once() {
    let document = base();
    let key = act().id.to_string();
    let entry = written(&document, &key);
    let put = |pred: Vec<OpId>, action: OpType| {
        let (key, object) = (key.clone(), entries(&document));
        forge(&document, |change| {
            let op = operation(change);
            (op.obj, op.key, op.action) = (object, Key::Map(key.as_str().into()), action);
            op.pred = pred.into();
        })
    };
    check(&document, put(vec![entry.clone()], bytes()), ForeignError::Overwrites);
    check(&document, put(vec![entry.clone()], OpType::Delete), ForeignError::Overwrites);
    check(&document, put(vec![], OpType::Make(ObjType::Map)), ForeignError::Overwrites);
    check(&document, put(vec![], text("无")), ForeignError::Overwrites);
    let beside = admit(&document, &[put(vec![], bytes())]).expect("it replaces nothing");
    assert!(beside.act(act().id).is_some_and(|found| found.act == act()), "and hides nothing");
}

#[test]
fn nothing_is_deleted() {
    let document = base();
    let delete = |object: &ObjectId, key: &str| {
        let pred = vec![written(&document, key)];
        forge(&document, |change| {
            let op = operation(change);
            (op.obj, op.key, op.action) = (object.clone(), Key::Map(key.into()), OpType::Delete);
            op.pred = pred.into();
        })
    };
    let name = forge(&document, |change| operation(change).action = OpType::Delete);
    check(&document, name, ForeignError::Overwrites);
    let record = format!("contact/{CONTACT}");
    check(&document, delete(&records(&document), &record), ForeignError::Overwrites);
    let register = format!("organisation/{ORG}/leader_name");
    check(&document, delete(&records(&document), &register), ForeignError::Overwrites);
}

#[test]
fn the_root_and_foreign_shapes_are_out_of_reach() {
    let document = base();
    let alter = |alter: &dyn Fn(&mut Op)| {
        forge(&document, |change| {
            operation(change).pred = Vec::new().into();
            alter(operation(change));
        })
    };
    let refused = |change: &dyn Fn(&mut Op)| {
        check(&document, alter(change), ForeignError::Overwrites);
    };
    refused(&|op| op.obj = ObjectId::Root);
    refused(&|op| {
        (op.obj, op.key, op.action) =
            (ObjectId::Root, Key::Map("records".into()), OpType::Make(ObjType::Map));
    });
    for shape in [ObjType::List, ObjType::Text, ObjType::Table] {
        refused(&|op| {
            let key = format!("contact/{}", RecordId([9; 16]));
            (op.obj, op.key) = (records(&document), Key::Map(key.as_str().into()));
            op.action = OpType::Make(shape);
        });
    }
    refused(&|op| op.action = OpType::Make(ObjType::Map));
    refused(&|op| op.action = OpType::Put(ScalarValue::counter(1)));
    refused(&|op| op.action = OpType::Put(ScalarValue::F64(f64::NAN)));
    refused(&|op| op.action = OpType::Put(ScalarValue::Timestamp(1)));
    refused(&|op| op.action = OpType::Increment(1));
    for key in ["contact", "contact/", "/", "contact/zz", "contact/03/name", ""] {
        refused(&|op| {
            (op.obj, op.key) = (records(&document), Key::Map(key.into()));
        });
        refused(&|op| {
            (op.obj, op.key) = (records(&document), Key::Map(key.into()));
            op.action = OpType::Make(ObjType::Map);
        });
    }
    let upper = format!("contact/{}", RecordId([0xab; 16])).to_uppercase();
    refused(&|op| {
        (op.obj, op.key) = (records(&document), Key::Map(upper.as_str().into()));
        op.action = OpType::Make(ObjType::Map);
    });
    let record = format!("contact/{CONTACT}");
    refused(&|op| (op.obj, op.key) = (records(&document), Key::Map(record.as_str().into())));
    refused(&|op| op.obj = ObjectId::Id(OpId::new(77, &ActorId::from([9; 16].as_slice()))));
}

/// An operation that names as replaced what stands under another key hides it, in Automerge.
#[test]
fn a_write_replaces_only_values_of_its_own_key() {
    let document = base();
    let name = |pred: Vec<OpId>| forge(&document, |c| operation(c).pred = pred.into());
    let phone = written(&document, "phone");
    let entry = written(&document, &act().id.to_string());
    let record = written(&document, &format!("contact/{CONTACT}"));
    for pred in [phone, entry, record.clone()] {
        check(&document, name(vec![pred]), ForeignError::Overwrites);
    }
    let register = |pred: Vec<OpId>| {
        let key = format!("organisation/{ORG}/leader_post");
        forge(&document, |change| {
            let op = operation(change);
            (op.obj, op.key) = (records(&document), Key::Map(key.as_str().into()));
            op.pred = pred.into();
        })
    };
    check(&document, register(vec![record]), ForeignError::Overwrites);
    assert!(admit(&document, &[register(vec![])]).is_ok());
}

/// What a change names must be among its ancestors, or it means another thing on every node.
#[test]
fn a_write_reaches_only_what_its_author_had_seen() {
    let document = base();
    let mut ahead = document.clone();
    let change = ahead.write(actor("xatl-3"), &author(), &[create(9), rename("黄芳")]);
    let change = change.expect("small").expect("something was written");
    let other = automerge::Change::from_bytes(change.bytes).expect("our own").decode();
    let unseen = |op: usize| OpId::new(other.start_op.get() + op as u64, &other.actor_id);
    let into_unseen = forge(&document, |c| {
        operation(c).obj = ObjectId::Id(unseen(0));
        operation(c).pred = Vec::new().into();
    });
    check(&ahead, into_unseen, ForeignError::Overwrites);
    let last = other.operations.len() - 1;
    let replacing_unseen = forge(&document, |c| operation(c).pred = vec![unseen(last)].into());
    check(&ahead, replacing_unseen, ForeignError::Overwrites);
    assert!(admit(&ahead, &[forge(&document, |_| ())]).is_ok(), "concurrent, and honest");
}

#[test]
fn a_change_continues_those_it_follows() {
    let document = base();
    let forged = |alter: &dyn Fn(&mut ExpandedChange)| forge(&document, alter);
    let start = |to: u64| forged(&|change| change.start_op = to.try_into().expect("not zero"));
    let right = forged(&|_| ());
    let right = automerge::Change::from_bytes(right).expect("honest").start_op().get();
    for wrong in [1, right - 1, right + 1, 1 << 20, OPERATION_COUNTER_MAX - 2] {
        check(&document, start(wrong), ForeignError::Malformed);
    }
    for wrong in [OPERATION_COUNTER_MAX - 1, (1 << 32) - 2] {
        check(&document, start(wrong), ForeignError::Malformed);
    }
    check(&document, forged(&|change| change.seq = 2), ForeignError::Malformed);
    let first = ActorId::from(actor("xatl-1").as_bytes());
    check(&document, forged(&|change| change.actor_id = first.clone()), ForeignError::Malformed);
    let missing = automerge::ChangeHash([9; 32]);
    check(&document, forged(&|c| c.deps.push(missing)), ForeignError::MissingDependency);
    check(&document, forged(&|change| change.deps.clear()), ForeignError::Malformed);
}

/// One device that writes two changes of one number: the second is refused, in either order.
#[test]
fn a_fork_is_refused() {
    let document = base();
    let [one, other] = ["汪芳", "黄芳"].map(|name| honest(&document, &[rename(name)]));
    for [first, second] in [[&one, &other], [&other, &one]] {
        let ahead = admit(&document, std::slice::from_ref(first)).expect("honest");
        check(&ahead, second.clone(), ForeignError::Malformed);
        let both = [first.clone(), second.clone()];
        assert_eq!(admit(&document, &both).err(), Some(ForeignError::Malformed));
    }
}

/// An actor that leaves out its own last change when it names what it follows.
#[test]
fn an_actor_follows_itself() {
    let mut document = base();
    let before = document.clone();
    document.write(actor("xatl-2"), &author(), &[rename("黄芳")]).expect("small");
    let skipping = forge(&before, |change| change.seq = 2);
    check(&document, skipping, ForeignError::Malformed);
}

#[test]
fn what_its_person_may_not_do_is_named_and_not_taken() {
    let document = base();
    let bytes = honest(&document, &[rename("汪芳")]);
    let vouched = [ForeignBytes(bytes).parse().expect("honest").vouched()];
    let hash = vouched[0].parsed().hash();
    let faults = document.admit(&vouched, &|asked, _| *asked != hash).err();
    assert_eq!(faults, Some(Faults::from([(hash, ForeignError::NotPermitted)])));
    assert!(document.admit(&vouched, &|asked, _| *asked == hash).is_ok());
}

#[test]
fn our_own_writes_obey_the_same_limits() {
    let document = base();
    let refused = |writes: &[Write]| {
        let mut copy = document.clone();
        let error = copy.write(actor("xatl-2"), &author(), writes).err();
        assert!(copy.save() == document.save(), "the document was altered");
        error
    };
    use onex_crdt::document::DocumentError::{Exists, NoRecord, TooLarge};
    let ids = 0..CHANGE_OPERATIONS_MAX as u128 / 3 + 1;
    let many: Vec<Write> = ids
        .map(|id| Write::Create {
            kind: Contact::KIND,
            id: RecordId(id.to_be_bytes()),
            fields: contact("王芳"),
        })
        .collect();
    assert_eq!(refused(&many), Some(TooLarge));
    let long = Write::Set {
        kind: Contact::KIND,
        id: CONTACT,
        key: "post".to_owned(),
        value: Some(Value::Text("长".repeat(CHANGE_BYTES_MAX / 3))),
    };
    assert_eq!(refused(&[long]), Some(TooLarge));
    assert_eq!(refused(&[rename("汪芳"), create(3)]), Some(Exists));
    assert_eq!(refused(&[rename("汪芳"), Write::Act(act())]), Some(Exists));
    let nobody = Write::Set {
        kind: Contact::KIND,
        id: RecordId([77; 16]),
        key: "name".to_owned(),
        value: None,
    };
    assert_eq!(refused(&[rename("汪芳"), nobody]), Some(NoRecord));
    let mut copy = document.clone();
    assert_eq!(copy.write(actor("xatl-2"), &author(), &[]), Ok(None));
}

#[test]
fn what_is_held_already_is_no_news() {
    let document = base();
    let own: Vec<Vec<u8>> =
        document.changes_since(&[]).into_iter().map(|change| change.bytes).collect();
    let vouched: Vec<_> = own
        .iter()
        .map(|bytes| ForeignBytes(bytes.clone()).parse().expect("honest").vouched())
        .collect();
    let (same, new) = document.admit(&vouched, &|_, _| true).expect("nothing is wrong with it");
    assert!(new.is_empty() && same.heads() == document.heads());
    let heads: Vec<ChangeHash> = document.heads();
    assert!(document.changes_since(&heads).is_empty());
}
