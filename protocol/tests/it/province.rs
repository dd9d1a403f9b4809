//! The organisations, devices and documents that the tests are about.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use onex_crdt::document::{Authorship, Change, Document, Write};
use onex_crdt::ids::{Actor, DeviceId, NetworkId, OrgId, RecordId};
use onex_crdt::record::Record;
use onex_crdt::records::contact::Contact;
use onex_crdt::roles::{OrgRole, PersonRole};
use onex_crdt::value::Value;
use onex_protocol::key::SigningKey;
use onex_protocol::membership::Membership;
use onex_protocol::seal::{Seal, SealBody};
use onex_protocol::statement::{Frontier, RemovalReason, Root, Statement};

pub const HUB: OrgId = OrgId([0xa1; 16]);
pub const COLLEGE: OrgId = OrgId([0xb2; 16]);
pub const OTHER: OrgId = OrgId([0xc3; 16]);
pub const THIRD: OrgId = OrgId([0xc4; 16]);
pub const EVALUATOR: OrgId = OrgId([0xd5; 16]);
/// Seeds of devices: the hub's first one sequences the log, the college has two.
pub const HUB_1: u8 = 1;
pub const COLLEGE_1: u8 = 11;
pub const COLLEGE_2: u8 = 12;
pub const OTHER_1: u8 = 21;
pub const EVALUATOR_1: u8 = 31;
pub const THIRD_1: u8 = 71;
/// A device that is in nobody's log.
pub const STRANGER: u8 = 99;
pub const YEAR: u16 = 2026;

/// Every key and its device: making one costs more than most of what the tests do with it.
static KEYS: LazyLock<Vec<(SigningKey, DeviceId)>> = LazyLock::new(|| {
    let key = |seed| SigningKey::from_seed(&[seed; 32]);
    (0..=u8::MAX).map(|seed| (key(seed), key(seed).device())).collect()
});

pub fn key(seed: u8) -> SigningKey {
    KEYS[usize::from(seed)].0.clone()
}

pub fn device(seed: u8) -> DeviceId {
    KEYS[usize::from(seed)].1
}

pub fn org_of(seed: u8) -> (OrgId, OrgRole) {
    match seed {
        HUB_1..=9 => (HUB, OrgRole::Hub),
        COLLEGE_1..=19 | 40..=69 => (COLLEGE, OrgRole::College),
        OTHER_1..=29 => (OTHER, OrgRole::College),
        THIRD_1..=79 => (THIRD, OrgRole::College),
        _ => (EVALUATOR, OrgRole::Evaluator),
    }
}

/// A further person at a device.
pub const SECOND: &str = "李强";

fn root(nonce: u8) -> Root {
    Root {
        nonce: [nonce; 16],
        org: HUB,
        name: "省项目办".to_owned(),
        region: "610000".to_owned(),
        hub_key: key(HUB_1).public(),
        person: person_at(HUB_1).to_owned(),
    }
}

/// The log that begins the network of the tests.
pub fn found() -> Membership {
    Membership::found(&key(HUB_1), root(0x11)).expect("a good root")
}

/// The log of all organisations and devices.
pub fn membership() -> Membership {
    let mut membership = found();
    let organisation =
        |org, role| Statement::AddOrganisation { org, role, name: "某机构".to_owned() };
    let statements = [
        (HUB_1, organisation(COLLEGE, OrgRole::College)),
        (HUB_1, organisation(OTHER, OrgRole::College)),
        (HUB_1, organisation(EVALUATOR, OrgRole::Evaluator)),
        (HUB_1, device_add(COLLEGE, COLLEGE_1)),
        (COLLEGE_1, device_add(COLLEGE, COLLEGE_2)),
        (HUB_1, device_add(OTHER, OTHER_1)),
        (HUB_1, device_add(EVALUATOR, EVALUATOR_1)),
        (COLLEGE_1, role_grant(COLLEGE_2)),
    ];
    statements.into_iter().for_each(|(seed, body)| say(&mut membership, seed, body));
    membership
}

/// The log of another network.
pub fn another_network() -> Membership {
    Membership::found(&key(HUB_1), root(0x22)).expect("a good root")
}

pub fn network() -> NetworkId {
    membership().network()
}

pub fn device_add(org: OrgId, seed: u8) -> Statement {
    Statement::AddDevice { org, key: key(seed).public(), person: "王芳".to_owned() }
}

/// The person at a device.
pub fn person_at(seed: u8) -> &'static str {
    if org_of(seed).0 == HUB { "郝敏" } else { "王芳" }
}

/// Who is at an organisation's second device may write as well.
pub fn role_grant(seed: u8) -> Statement {
    let (device, person) = (device(seed), person_at(seed).to_owned());
    Statement::GrantRole { device, person, role: PersonRole::Coordinator }
}

pub fn device_remove(seed: u8) -> Statement {
    let reason = RemovalReason::Left;
    Statement::RemoveDevice { device: device(seed), reason, frontier: Frontier::default() }
}

/// Appends a statement of a device to a log.
pub fn say(membership: &mut Membership, seed: u8, body: Statement) {
    let statement = membership.propose(&key(seed), body);
    let entry = membership.sequence(&key(HUB_1), statement).expect("an allowed statement");
    membership.append(entry).expect("it is next");
}

/// Writes a contact with this name, as one change of a device.
pub fn write(document: &mut Document, seed: u8, record: u32, name: &str) -> Change {
    write_as(document, seed, record, name, person_at(seed))
}

/// The same, by somebody.
pub fn write_as(
    document: &mut Document,
    seed: u8,
    record: u32,
    name: &str,
    person: &str,
) -> Change {
    let mut id = [seed; 16];
    id[..4].copy_from_slice(&record.to_be_bytes());
    let fields = BTreeMap::from([("name".to_owned(), Value::Text(name.to_owned()))]);
    let create = Write::Create { kind: Contact::KIND, id: RecordId(id), fields };
    let author = Authorship {
        action: "contact.add".to_owned(),
        person: person.to_owned(),
        at_seconds: 1_780_000_000,
        batch: None,
        undoes: None,
        source: None,
    };
    let actor = Actor::new(device(seed), u64::from(record).to_be_bytes());
    document.write(actor, &author, &[create]).expect("a good write").expect("something is new")
}

pub fn seal(document: &Document, seed: u8, change: &Change) -> Seal {
    seal_at(document, seed, change, 7)
}

/// The seal of a device that has seen this position of the log.
pub fn seal_at(document: &Document, seed: u8, change: &Change, membership_position: u64) -> Seal {
    let body = SealBody {
        network: document.header().network,
        document: document.id(),
        head: change.hash,
        actor: change.actor,
        seq: change.seq,
        membership_position,
    };
    Seal::make(&key(seed), body)
}
