//! Devices and people of the story, and changes that were kept apart.

use onex_crdt::document::Write;
use onex_crdt::ids::{DeviceId, DocId, RecordId};
use onex_crdt::record::Record;
use onex_crdt::records::contact::Contact;
use onex_crdt::roles::PersonRole::{Admin, Coordinator, Lead, Officer, Teacher};
use onex_crdt::value::Value;
use onex_node::api::{DeviceRow, InvitationRow, Quarantined};

use super::{CRRC, HUB, RAILWAY, World, moment};

/// The college's device in the directory.
pub fn devices() -> Vec<DeviceRow> {
    let persons = vec![("王芳".into(), vec![Coordinator, Admin])];
    let last_sync = Some(moment("2026-04-20T09:40:00+08:00"));
    let (id, org_id) = (DeviceId([0x41; 16]), RAILWAY.into());
    vec![DeviceRow { id, org_id, persons, joined_at: 4, last_sync, active: true }]
}

/// What the stolen laptop wrote: another number of a contact.
fn late() -> Write {
    let value = Some(Value::Text("13900000099".into()));
    let (kind, id) = (Contact::KIND, RecordId([0x55; 16]));
    Write::Set { kind, id, key: "phone".into(), value }
}

/// A province in which a laptop was stolen: two more devices of the college, the hub's and an
/// evaluator's, an invitation, and work of the stolen laptop.
pub fn with_people(mut world: World) -> World {
    let device =
        |byte, org: RecordId, person: &str, roles: &[_], joined_at, active: bool| DeviceRow {
            id: DeviceId([byte; 16]),
            org_id: org.into(),
            persons: vec![(person.into(), roles.to_vec())],
            joined_at,
            last_sync: active.then(|| moment("2026-04-20T09:12:00+08:00")),
            active,
        };
    world.devices.extend([
        device(0x9c, HUB, "郝敏", &[Lead, Admin], 0, true),
        device(0x9d, HUB, "孙涛", &[Officer], 2, true),
        device(0x6e, RAILWAY, "李强", &[Teacher], 6, false),
        device(0x77, RAILWAY, "周敏", &[], 9, true),
        device(0xd5, CRRC, "陈刚", &[Admin], 8, true),
    ]);
    world.invitations.push(InvitationRow {
        id: RecordId([0xe3; 16]),
        org_id: RAILWAY.into(),
        expires_on: "2026-04-27".into(),
        code: "BSF-5WQ-JYB-SF5-WQJ-YBS-F5W-QJY-BSS".into(),
        address: Some("10.1.2.3:40312".into()),
    });
    let held = |byte, kind: &str, reason: &str, at, adoptable: bool| Quarantined {
        id: RecordId([byte; 16]),
        document: DocId([byte; 16]),
        document_kind: kind.into(),
        owner_id: RAILWAY.into(),
        change: None,
        device: adoptable.then_some(DeviceId([0x6e; 16])),
        person: adoptable.then(|| "李强".into()),
        records: adoptable.then(|| vec![RecordId([0x55; 16])]),
        adoptable,
        writes: adoptable.then(late).into_iter().collect(),
        reason: reason.into(),
        received_from: DeviceId([0x77; 16]),
        received_at: moment(at),
        state: "held".into(),
    };
    world.held.extend([
        held(0x01, "organisation", "removed_device", "2026-04-20T09:00:00+08:00", true),
        held(0x02, "class", "no_seal", "2026-04-20T09:01:00+08:00", false),
    ]);
    world
}
