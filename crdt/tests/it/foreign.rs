//! What peers send that no honest node writes: each refused, none of it felt by the document.

use automerge::legacy::{Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, ExpandedChange, ObjType, ScalarValue};
use onex_crdt::act::Act;
use onex_crdt::document::{Authorship, Document, Write};
use onex_crdt::foreign::{
    CHANGE_BYTES_MAX, CHANGE_DEPS_MAX, CHANGE_OPERATIONS_MAX, CHANGE_PREDECESSORS_MAX, Faults,
    ForeignBytes, ForeignError, KEY_BYTES_MAX, MESSAGE_BYTES_MAX, OPERATION_COUNTER_MAX, read,
};
use onex_crdt::header::ORGANISATION;
use onex_crdt::ids::{Actor, ChangeHash, OrgId, RecordId};
use onex_crdt::record::{Fields, Record};
use onex_crdt::records::contact::Contact;
use onex_crdt::records::organisation::Organisation;
use onex_crdt::value::Value;
use sha2::{Digest as _, Sha256};

use crate::province::{NETWORK, device_of};

const ORG: OrgId = OrgId([2; 16]);
const CONTACT: RecordId = RecordId([3; 16]);

fn actor(name: &str) -> Actor {
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

fn create(id: u8) -> Write {
    Write::Create { kind: Contact::KIND, id: RecordId([id; 16]), fields: contact("王芳") }
}

fn rename(name: &str) -> Write {
    let value = Some(Value::Text(name.to_owned()));
    Write::Set { kind: Contact::KIND, id: CONTACT, key: "name".to_owned(), value }
}

fn leader(name: &str) -> Write {
    let value = Some(Value::Text(name.to_owned()));
    Write::Register { kind: Organisation::KIND, id: ORG.into(), key: "leader_name", value }
}

fn act() -> Act {
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
fn base() -> Document {
    let mut document = Document::genesis(ORGANISATION.of(NETWORK, ORG, 2026));
    let writes = [create(3), leader("李院长"), Write::Act(act())];
    document.write(actor("xatl-1"), &author(), &writes).expect("within the limits");
    document
}

/// The bytes of an honest change on top of a document, by another device.
fn honest(document: &Document, writes: &[Write]) -> Vec<u8> {
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

fn admit(document: &Document, changes: &[Vec<u8>]) -> Result<Document, ForeignError> {
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
fn check(document: &Document, bytes: Vec<u8>, expected: ForeignError) {
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

/// A change taken apart byte by byte, to be put together wrongly.
#[derive(Clone)]
struct Raw {
    kind: u8,
    deps: Vec<[u8; 32]>,
    actor: Vec<u8>,
    seq: u64,
    start: u64,
    message: Vec<u8>,
    others: Vec<Vec<u8>>,
    columns: Vec<(u64, Vec<u8>)>,
    extra: Vec<u8>,
}

impl Raw {
    /// One write of a register that nobody wrote before.
    fn register(document: &Document) -> Self {
        let key = format!("organisation/{ORG}/leader_post");
        let genesis = document.id().as_bytes().to_vec();
        let head = document.heads()[0];
        let mut string = vec![0x7f];
        string.extend(unsigned(key.len() as u64));
        string.extend(key.as_bytes());
        Self {
            kind: 1,
            deps: vec![head.0],
            actor: actor("xatl-2").as_bytes().to_vec(),
            seq: 1,
            start: automerge_max_op(document) + 1,
            message: "organisation.edit\n王芳".into(),
            others: vec![genesis],
            columns: vec![
                (1, vec![0x7f, 1]),
                (2, vec![0x7f, 1]),
                (21, string),
                (52, vec![1]),
                (66, vec![0x7f, 1]),
                (86, vec![0x7f, 0x36]),
                (87, b"abc".to_vec()),
                (112, vec![0x7f, 0]),
            ],
            extra: Vec::new(),
        }
    }

    fn column(mut self, specification: u64, data: Vec<u8>) -> Self {
        self.columns.retain(|(own, _)| *own != specification);
        self.columns.push((specification, data));
        self.columns.sort();
        self
    }

    fn body(&self) -> Vec<u8> {
        let mut body = unsigned(self.deps.len() as u64);
        self.deps.iter().for_each(|dep| body.extend(dep));
        body.extend(prefixed(&self.actor));
        body.extend(unsigned(self.seq));
        body.extend(unsigned(self.start));
        body.push(0);
        body.extend(prefixed(&self.message));
        body.extend(unsigned(self.others.len() as u64));
        self.others.iter().for_each(|other| body.extend(prefixed(other)));
        body.extend(unsigned(self.columns.len() as u64));
        for (specification, data) in &self.columns {
            body.extend(unsigned(*specification));
            body.extend(unsigned(data.len() as u64));
        }
        self.columns.iter().for_each(|(_, data)| body.extend(data));
        body.extend(&self.extra);
        body
    }

    fn bytes(&self) -> Vec<u8> {
        chunk(self.kind, &self.body())
    }
}

fn automerge_max_op(document: &Document) -> u64 {
    let last = document.changes_since(&[]).pop().expect("a change");
    automerge::Change::from_bytes(last.bytes).expect("our own").max_op()
}

fn unsigned(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn signed(mut number: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = number as u8 & 0x7f;
        number >>= 7;
        let done = (number == 0 && byte & 0x40 == 0) || (number == -1 && byte & 0x40 != 0);
        bytes.push(if done { byte } else { byte | 0x80 });
        if done {
            return bytes;
        }
    }
}

fn prefixed(data: &[u8]) -> Vec<u8> {
    [unsigned(data.len() as u64), data.to_vec()].concat()
}

/// A chunk with the right magic, checksum and length.
fn chunk(kind: u8, body: &[u8]) -> Vec<u8> {
    let hashed = [vec![kind], prefixed(body)].concat();
    let checksum = &Sha256::digest(&hashed)[..4];
    [&[0x85, 0x6f, 0x4a, 0x83], checksum, &hashed].concat()
}

/// A run of one value, as run-length encoded columns have it.
fn run(length: i64, value: u64) -> Vec<u8> {
    [signed(length), unsigned(value)].concat()
}

#[test]
fn a_change_made_by_hand_is_taken() {
    let document = base();
    let raw = Raw::register(&document);
    let admitted = admit(&document, &[raw.bytes()]).expect("it is well formed");
    let source = admitted.source(Organisation::KIND, ORG.into()).expect("the organisation");
    assert_eq!(source.fields["leader_post"], Value::Text("abc".to_owned()));
}

/// What the layer above judges and stores is what stood in the bytes.
#[test]
fn what_is_parsed_is_what_was_sent() {
    let document = base();
    let raw = Raw { seq: 300, ..Raw::register(&document) };
    let parsed = ForeignBytes(raw.bytes()).parse().expect("well formed");
    assert_eq!((parsed.seq(), parsed.actor()), (300, actor("xatl-2")));
    assert_eq!(parsed.deps(), document.heads());
    assert_eq!(parsed.into_bytes(), raw.bytes());
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
fn only_single_plain_changes_are_parsed() {
    let document = base();
    let raw = Raw::register(&document);
    let malformed = |bytes: Vec<u8>| check(&document, bytes, ForeignError::Malformed);
    malformed(Vec::new());
    malformed(b"onex".to_vec());
    malformed(document.save());
    for kind in [0, 2, 3, 4, 255] {
        malformed(Raw { kind, ..raw.clone() }.bytes());
    }
    let many: Vec<Write> = (10..40).map(create).collect();
    let long = honest(&document, &many);
    let mut change = automerge::Change::from_bytes(long.clone()).expect("our own");
    let deflated = change.bytes().into_owned();
    assert_ne!(deflated, long);
    malformed(deflated);
    let good = raw.bytes();
    for at in 0..good.len() {
        malformed(good[..at].to_vec());
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        malformed(flipped);
    }
    malformed([good.clone(), vec![0]].concat());
    malformed([good.clone(), good].concat());
    malformed(Raw { extra: vec![0], ..raw.clone() }.bytes());
    malformed(Raw { extra: b"author".to_vec(), ..raw }.bytes());
}

#[test]
fn headers_are_within_their_limits() {
    let document = base();
    let raw = Raw::register(&document);
    let refused = |raw: Raw, error| check(&document, raw.bytes(), error);
    for length in [0, 8, 15, 17, 32, 255] {
        refused(Raw { actor: vec![7; length], ..raw.clone() }, ForeignError::Malformed);
        refused(Raw { others: vec![vec![7; length]], ..raw.clone() }, ForeignError::Malformed);
    }
    let deps = |count: u64| Raw { deps: vec![[9; 32]; count as usize], ..raw.clone() };
    refused(deps(CHANGE_DEPS_MAX), ForeignError::MissingDependency);
    refused(deps(CHANGE_DEPS_MAX + 1), ForeignError::TooLarge);
    refused(Raw { seq: 0, ..raw.clone() }, ForeignError::Malformed);
    refused(Raw { start: 0, ..raw.clone() }, ForeignError::Malformed);
    for start in [OPERATION_COUNTER_MAX, 1 << 32, u64::MAX] {
        refused(Raw { start, ..raw.clone() }, ForeignError::Malformed);
    }
    // What follows from the document is asked later; the header alone is enough for these.
    let header = |seq, start| read(&Raw { seq, start, ..raw.clone() }.bytes()).map(|_| ());
    assert_eq!(header(0, 1), Err(ForeignError::Malformed));
    assert_eq!(header(1, 0), Err(ForeignError::Malformed));
    assert_eq!(header(1, OPERATION_COUNTER_MAX - 1), Err(ForeignError::Malformed));
    assert_eq!(header(1, OPERATION_COUNTER_MAX - 2), Ok(()));
    let two = raw.clone().column(66, run(2, 1));
    let two = Raw { start: OPERATION_COUNTER_MAX - 2, ..two };
    assert_eq!(read(&two.bytes()), Err(ForeignError::Malformed), "the last one is beyond");
    let message = |bytes: u64| Raw { message: vec![b'x'; bytes as usize], ..raw.clone() };
    assert!(admit(&document, &[message(MESSAGE_BYTES_MAX).bytes()]).is_ok());
    refused(message(MESSAGE_BYTES_MAX + 1), ForeignError::TooLarge);
    refused(Raw { message: vec![0xff; 4], ..raw.clone() }, ForeignError::Malformed);
    let long = raw.clone().column(87, vec![b'x'; CHANGE_BYTES_MAX]);
    refused(long, ForeignError::TooLarge);
    refused(raw.clone().column(66 | 8, vec![0x7f, 1]), ForeignError::Malformed);
    refused(raw.clone().column(148, vec![1]), ForeignError::Malformed);
    refused(raw.clone().column(3 << 8, vec![1]), ForeignError::Malformed);
    let mut twice = raw.clone();
    twice.columns.insert(4, (66, run(1 << 40, 1)));
    refused(twice, ForeignError::Malformed);
    let mut turned = raw;
    turned.columns.reverse();
    refused(turned, ForeignError::Malformed);
}

/// A few bytes that stand for very much: 135 of them stopped a node (trust 0.4).
#[test]
fn run_lengths_are_counted_before_they_are_unrolled() {
    let document = base();
    let raw = Raw::register(&document);
    let bombs = [1 << 20, 1 << 31, 1 << 40, i64::MAX];
    let columns = [1, 2, 17, 19, 66, 86, 113, 115];
    for length in bombs {
        for column in columns {
            let bomb = raw.clone().column(column, run(length, 1)).bytes();
            assert!(bomb.len() < 300);
            check(&document, bomb, ForeignError::TooLarge);
            let nulls = [vec![0], unsigned(length as u64)].concat();
            check(&document, raw.clone().column(column, nulls).bytes(), ForeignError::TooLarge);
        }
        let insert = raw.clone().column(52, unsigned(length as u64));
        check(&document, insert.bytes(), ForeignError::TooLarge);
        let predecessors = raw.clone().column(112, run(1, length as u64));
        check(&document, predecessors.bytes(), ForeignError::TooLarge);
        let many = raw.clone().column(112, run(20_000, length as u64 / 20_000));
        check(&document, many.bytes(), ForeignError::TooLarge);
        let literal = raw.clone().column(66, signed(-length));
        check(&document, literal.bytes(), ForeignError::Malformed);
    }
    let operations = |count: i64| raw.clone().column(66, run(count, 1));
    check(&document, operations(CHANGE_OPERATIONS_MAX as i64 + 1).bytes(), ForeignError::TooLarge);
    check(&document, operations(CHANGE_OPERATIONS_MAX as i64).bytes(), ForeignError::Malformed);
    let long = vec![b'k'; KEY_BYTES_MAX as usize + 1];
    let key = [signed(10_000), prefixed(&long)].concat();
    check(&document, raw.column(21, key).bytes(), ForeignError::TooLarge);
}

/// Nodes that differed in a limit would not hold the same documents: to change one is a change of
/// format.
#[test]
fn the_limits_are_those_of_the_format() {
    let bytes = (CHANGE_BYTES_MAX, MESSAGE_BYTES_MAX, KEY_BYTES_MAX);
    assert_eq!(bytes, (262_144, 1_024, 256));
    assert_eq!((CHANGE_OPERATIONS_MAX, CHANGE_PREDECESSORS_MAX), (20_000, 80_000));
    assert_eq!((CHANGE_DEPS_MAX, OPERATION_COUNTER_MAX), (64, 2_147_483_648));
}

/// The last size that is read, and the first that is not. Whether columns fit each other is asked
/// later.
#[test]
fn a_limit_is_the_last_that_is_taken() {
    let raw = Raw::register(&base());
    let check = |raw: Raw, is_read: bool| {
        let found = read(&raw.bytes()).map(|_| ());
        assert_eq!(found, if is_read { Ok(()) } else { Err(ForeignError::TooLarge) });
    };
    let values = |bytes: usize| raw.clone().column(87, vec![b'x'; bytes]);
    let other = values(CHANGE_BYTES_MAX / 2).bytes().len() - CHANGE_BYTES_MAX / 2;
    let most = [
        (CHANGE_OPERATIONS_MAX, &[1, 2, 17, 19, 66, 86, 112][..]),
        (CHANGE_PREDECESSORS_MAX, &[113, 115][..]),
    ];
    for past in [0, 1] {
        check(values(CHANGE_BYTES_MAX - other + past), past == 0);
        let past = past as u64;
        for (most, columns) in most {
            for column in columns {
                let zeros = run((most + past) as i64, 0);
                check(raw.clone().column(*column, zeros), past == 0);
                let nulls = [vec![0], unsigned(most + past)].concat();
                check(raw.clone().column(*column, nulls), past == 0);
            }
        }
        check(raw.clone().column(52, unsigned(CHANGE_OPERATIONS_MAX + past)), past == 0);
        let key = [signed(-1), prefixed(&vec![b'k'; (KEY_BYTES_MAX + past) as usize])].concat();
        check(raw.clone().column(21, key), past == 0);
        let each = (CHANGE_OPERATIONS_MAX + past) as usize;
        let literal = [signed(-(each as i64)), vec![1; each]].concat();
        check(raw.clone().column(66, literal), past == 0);
        let many = run(1, CHANGE_PREDECESSORS_MAX + past);
        check(raw.clone().column(112, many), past == 0);
    }
}

/// Bytes that were altered at random and given a right checksum: refused or taken, but felt by
/// nobody else. The seed is fixed; each mutation can be found again by its number.
#[test]
fn mutations_stop_nobody() {
    let document = base();
    let second = Write::Act(Act { position: 9, device: device_of("xatl-2"), ..act() }.identified());
    let many: Vec<Write> = (10..40).map(create).collect();
    let seeds = [
        honest(&document, &[rename("汪芳")]),
        honest(&document, &[leader("赵院长"), create(9)]),
        honest(&document, &[second, rename("黄芳"), rename("汪芳")]),
        honest(&document, &many),
        Raw::register(&document).bytes(),
    ];
    let bodies = seeds.map(|bytes| {
        let body = (10..13).map(|at| bytes[at..].to_vec()).find(|body| chunk(1, body) == bytes);
        body.expect("magic, checksum, type, a length of one to three bytes")
    });
    let mut random = Random(42);
    let before = document.save();
    let (mut parsed, mut taken) = (0, 0);
    for _ in 0..20_000 {
        let mut body = bodies[random.next() as usize % bodies.len()].clone();
        for _ in 0..=random.next() % 3 {
            mutate(&mut body, &mut random);
        }
        let Ok(change) = ForeignBytes(chunk(1, &body)).parse() else { continue };
        parsed += 1;
        if let Ok((admitted, _)) = document.admit(&[change.vouched()], &|_, _| true) {
            taken += 1;
            admitted.everything();
            admitted.source(Contact::KIND, CONTACT);
            admitted.touched(&document.heads());
            let original = admitted.act(act().id).map(|found| found.act);
            assert_eq!(original, Some(act()), "an act was altered");
        }
    }
    assert!(document.save() == before, "the document was altered");
    assert!(parsed > 1_000 && taken > 10, "{parsed} parsed, {taken} taken: hardly a test");
}

/// SplitMix64: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 32) as u32
    }
}

fn mutate(body: &mut Vec<u8>, random: &mut Random) {
    let at = random.next() as usize % body.len().max(1);
    let byte = random.next() as u8;
    match random.next() % 6 {
        0 => body[at] ^= 1 << (byte % 8),
        1 => body[at] = byte,
        2 => body.insert(at, byte),
        3 if body.len() > 1 => drop(body.remove(at)),
        4 => body[at] = [0, 1, 2, 0x7e, 0x7f, 0x80, 0xff][byte as usize % 7],
        _ => {
            let end = (at + 1 + byte as usize % 8).min(body.len());
            let copied = body[at..end].to_vec();
            let to = random.next() as usize % body.len();
            body.splice(to..to, copied);
        }
    }
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
