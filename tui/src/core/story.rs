//! A node that is not one: the story of stage A (scenario.md) in memory, for the tests of screens.
//!
//! Rows are read by the field types themselves. Rules are simulated only as far as the story goes.

mod backend;
mod driver;
pub mod people;
pub mod places;
pub mod training;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use onex_crdt::action::{Action, Given, Reason, Refusal};
use onex_crdt::field::time::Moment;
use onex_crdt::ids::{BatchId, DeviceId, NetworkId, OrgId, RecordId};
use onex_crdt::record::{Record, RecordKind, Row};
use onex_crdt::records::application::Application;
use onex_crdt::records::certificate::CertLevel;
use onex_crdt::records::contact::Contact;
use onex_crdt::records::organisation::Organisation;
use onex_crdt::roles::{OrgRole, PersonRole};
use onex_crdt::value::Value;
use onex_node::api::*;
use onex_node::undoing::What;

use crate::core::backend::{Answered, BackendError};
pub use driver::Driver;

/// Ids of the story; the first byte tells them apart.
pub const HUB: RecordId = RecordId([0xa1; 16]);
pub const RAILWAY: RecordId = RecordId([0xb2; 16]);
pub const XIANYANG: RecordId = RecordId([0xb3; 16]);
pub const CRRC: RecordId = RecordId([0xc1; 16]);
pub const LIANJIE: RecordId = RecordId([0xc2; 16]);
pub const RAILWAY_LEVEL: RecordId = RecordId([0x90; 16]);
pub const TAX_LEVEL: RecordId = RecordId([0x91; 16]);
pub const RAILWAY_LINE: RecordId = RecordId([0x31; 16]);
pub const TAX_LINE: RecordId = RecordId([0x32; 16]);
const NOW: &str = "2026-04-20T09:41:00+08:00";

/// What all nodes of the story hold.
pub struct World {
    pub rows: BTreeMap<&'static str, Vec<Row>>,
    pub steps: BTreeMap<RecordId, Vec<Step>>,
    pub conflicts: Vec<Conflict>,
    pub asking: Vec<Asking>,
    pub devices: Vec<DeviceRow>,
    pub invitations: Vec<InvitationRow>,
    pub held: Vec<Quarantined>,
    pub version: u64,
    pub listed: usize,
    pub fails: Option<String>,
    pub sheets: usize,
    pub looked_at: Vec<RecordId>,
    pub opened: Vec<(RecordId, Vec<String>)>,
    pub drafts: BTreeMap<String, Vec<Draft>>,
    pub undos: Vec<ToldUndo>,
    pub resolved: Vec<Resolved>,
    pub duplicates: Vec<Duplicate>,
}

/// What an undoing will answer, once.
pub struct ToldUndo {
    pub what: What,
    pub also: Vec<RecordId>,
    pub undone: Undone,
}

/// One person at one device.
#[derive(Clone)]
pub struct Fake {
    pub world: Arc<Mutex<World>>,
    pub me: Me,
}

fn moment(text: &str) -> Moment {
    Moment::parse(text).expect("a moment of the story")
}

/// Returns a row whose values are read by the types of its kind; `id` keys take hex.
pub fn row(kind: &'static RecordKind, id: RecordId, fields: &[(&str, &str)]) -> Row {
    let mut row = Row { id, ..Row::default() };
    for (key, text) in fields {
        let field = kind.field(key).unwrap_or_else(|| panic!("{} has no {key}", kind.key));
        let value = (field.ty.parse)(text).unwrap_or_else(|error| panic!("{key}: {error:?}"));
        row.set(key, Some(value));
    }
    row
}

fn organisations() -> Vec<Row> {
    let org = |id, role, name, code, more: &[(&str, &str)]| {
        let fields = [("role", role), ("name", name), ("short_code", code), ("state", "active")];
        row(Organisation::KIND, id, &[&fields[..], more].concat())
    };
    let college = |unit| [("region_code", "610100"), ("reporting_unit", unit)];
    vec![
        org(HUB, "hub", "陕西省1+X证书试点项目办", "HUB0", &[("region_code", "610000")]),
        org(RAILWAY, "college", "西安铁路职业技术学院", "13945", &college("610100")),
        org(XIANYANG, "college", "咸阳职业技术学院", "13946", &college("610400")),
        org(CRRC, "evaluator", "中国中车集团有限公司", "CRRC", &[]),
        org(LIANJIE, "evaluator", "中联集团教育科技有限公司", "LJKJ", &[]),
    ]
}

fn levels() -> Vec<Row> {
    let level = |id: RecordId, name, level, evaluator: RecordId| {
        let evaluator = evaluator.to_string();
        let certificate = RecordId([0x80; 16]).to_string();
        let fields = [
            ("certificate_id", certificate.as_str()),
            ("certificate_name", name),
            ("level", level),
            ("evaluator_id", &evaluator),
            ("state", "listed"),
        ];
        row(CertLevel::KIND, id, &fields)
    };
    vec![
        level(RAILWAY_LEVEL, "轨道交通电气设备装调职业技能等级证书", "2", CRRC),
        level(TAX_LEVEL, "智能财税职业技能等级证书", "1", LIANJIE),
    ]
}

/// A complete line of a college.
pub fn line(id: RecordId, college: RecordId, level: RecordId, state: &str) -> Row {
    let (college, of) = (college.to_string(), level.to_string());
    let fields = [
        ("year", "2026"),
        ("college_id", college.as_str()),
        ("cert_level_id", &of),
        ("major_code", "500103"),
        ("major_name", "铁道供电技术"),
        ("education_level", "higher_vocational"),
        ("enrolled_students", "132"),
        ("planned_students", "90"),
        ("own_site", "true"),
        ("contact_name", "王芳"),
        ("contact_phone", "13900000021"),
        ("state", state),
    ];
    let mut row = row(Application::KIND, id, &fields);
    derive(&mut row, &levels());
    row
}

fn derive(row: &mut Row, levels: &[Row]) {
    let level = row.id_of("cert_level_id");
    if let Some(level) = levels.iter().find(|known| Some(known.id) == level) {
        for key in ["certificate_name", "level", "evaluator_id"] {
            row.set(key, level.fields.get(key).cloned());
        }
    }
}

fn step(kind: &str, at: &str, org: RecordId, person: &str) -> Step {
    Step {
        act: None,
        change: None,
        kind: kind.into(),
        at: moment(at),
        org_id: org.into(),
        person: person.into(),
        device: None,
        after: Vec::new(),
        digest: None,
        changed: Vec::new(),
        reason: None,
        outcome: None,
        says: Default::default(),
        source: None,
    }
}

/// The story before A10: two lines submitted.
pub fn world() -> World {
    let lines = vec![
        line(RAILWAY_LINE, RAILWAY, RAILWAY_LEVEL, "submitted"),
        line(TAX_LINE, XIANYANG, TAX_LEVEL, "submitted"),
    ];
    let contact = row(
        Contact::KIND,
        RecordId([0x55; 16]),
        &[
            ("org_id", &RAILWAY.to_string()),
            ("name", "王芳"),
            ("duty", "coordinator"),
            ("phone", "13900000021"),
            ("confirmed_on", "2025-09-01"),
            ("state", "active"),
        ],
    );
    let steps = BTreeMap::from([
        (
            RAILWAY_LINE,
            vec![step("application.submit", "2026-04-18T10:02:11+08:00", RAILWAY, "王芳")],
        ),
        (TAX_LINE, vec![step("application.submit", "2026-04-17T08:30:00+08:00", XIANYANG, "周敏")]),
    ]);
    let rows = BTreeMap::from([
        ("organisation", organisations()),
        ("cert_level", levels()),
        ("application", lines),
        ("contact", vec![contact]),
    ]);
    World {
        rows,
        steps,
        conflicts: Vec::new(),
        asking: Vec::new(),
        devices: people::devices(),
        invitations: Vec::new(),
        held: Vec::new(),
        version: 1,
        listed: 0,
        fails: None,
        opened: Vec::new(),
        sheets: 0,
        looked_at: Vec::new(),
        drafts: BTreeMap::new(),
        undos: Vec::new(),
        resolved: Vec::new(),
        duplicates: Vec::new(),
    }
}

/// The two values of A13 as a conflict.
pub fn conflict() -> Conflict {
    let value = |number, person: &str, at| ConflictValue {
        value: Some(Value::Int(number)),
        person: person.into(),
        device: None,
        at: moment(at),
    };
    Conflict {
        id: RecordId([0xc0; 16]),
        kind: Application::KIND,
        record_id: RAILWAY_LINE,
        field: "planned_students".into(),
        values: vec![
            value(90, "王芳", "2026-04-20T08:12:05+08:00"),
            value(100, "李强", "2026-04-20T08:15:40+08:00"),
        ],
    }
}

/// Two names of one contact person, which look alike under their masks; two phones; a third phone.
pub fn masked_conflicts() -> Vec<Conflict> {
    let value = |value: &str, person: &str, device, at| ConflictValue {
        value: Some(Value::Text(value.into())),
        person: person.into(),
        device: Some(DeviceId([device; 16])),
        at: moment(at),
    };
    let of = |id, field: &str, values| Conflict {
        id: RecordId([id; 16]),
        kind: Application::KIND,
        record_id: TAX_LINE,
        field: field.into(),
        values,
    };
    let (early, late) = ("2026-04-20T08:12:05+08:00", "2026-04-20T08:15:40+08:00");
    vec![
        of(
            0xd1,
            "contact_name",
            vec![value("王芳", "王芳", 0x6e, early), value("王方", "李强", 0x77, late)],
        ),
        of(
            0xd2,
            "contact_phone",
            vec![
                value("13900000021", "王芳", 0x6e, early),
                value("13900010021", "李强", 0x77, late),
                value("13900020021", "周敏", 0x78, late),
            ],
        ),
    ]
}

/// An undoing of twenty learners' worth of lines that leaves one, which a colleague has mended.
pub fn undo_with_one_left(world: &mut World) {
    let batch = |byte| BatchId([byte; 16]);
    let id = RAILWAY_LINE;
    let mut mended = step("edit", "2026-04-20T09:15:40+08:00", RAILWAY, "李强");
    let numbers = [90, 100].map(|number| Some(Value::Int(number)));
    let [old, new] = numbers;
    mended.changed = vec![("planned_students".into(), old, new)];
    world.steps.entry(id).or_default().push(mended);
    let undone = |of, by, count: u8, left| Undone {
        of,
        batch: Some(by),
        action: "application.add".into(),
        undone: (0..count).map(|at| (Application::KIND, RecordId([at; 16]))).collect(),
        left,
    };
    let left = Left { kind: Application::KIND, id, since: vec!["planned_students".into()] };
    let told = |what, also: &[RecordId], undone| ToldUndo { what, also: also.to_vec(), undone };
    world.undos = vec![
        told(What::Last, &[], undone(batch(1), batch(2), 19, vec![left])),
        told(What::Named(batch(1).to_string()), &[id], undone(batch(1), batch(3), 1, vec![])),
        told(What::LastUndoing, &[], undone(batch(3), batch(4), 1, vec![])),
    ];
}

/// The batch that an import is.
pub const IMPORTED: BatchId = BatchId([0x61; 16]);

/// A roster as it comes out of a spreadsheet: one number has a wrong check digit, one is not there.
pub const ROSTER: &str = "姓名\t身份证号\t手机号码\t学号\t寝室号\n\
    张小娜\t610199200401010021\t13900000021\t2301\t1-101\n\
    欧阳静\t610199200401020041\t13900000022\t2302\t1-102\n\
    李军\t\t13900000023\t2303\t1-103\n\
    赵敏\t610199200401040087\t13900000024\t2304\t1-104\n";
/// The right number of the second row.
pub const RIGHT_NUMBER: &str = "610199200401020043";

/// A device of the college that asks to be let in.
pub fn asking() -> Asking {
    Asking {
        id: RecordId([0xe1; 16]),
        org_id: RAILWAY.into(),
        person: "李强".into(),
        digits: "4821 0937".into(),
    }
}

impl Fake {
    /// Returns a person of the story at a device of their own.
    pub fn new(world: World, org: RecordId, person: &str, roles: &[PersonRole]) -> Fake {
        Fake { world: Arc::new(Mutex::new(world)), me: me(org, person, roles) }
    }

    /// Returns another person who works on the same records.
    pub fn beside(&self, org: RecordId, person: &str, roles: &[PersonRole]) -> Fake {
        Fake { world: self.world.clone(), me: me(org, person, roles) }
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no test panics inside")
    }

    /// What this person has begun to write.
    pub fn drafts(&self) -> Vec<Draft> {
        self.world().drafts.get(&self.me.person).cloned().unwrap_or_default()
    }

    fn refuse<T>(&self, action: &'static Action, reason: Reason, field: &str) -> Answered<T> {
        let field = (!field.is_empty()).then_some(field);
        Err(BackendError::Refused(Refusal::new(action, reason, field)))
    }
}

fn me(org: RecordId, person: &str, roles: &[PersonRole]) -> Me {
    let row = organisations().into_iter().find(|row| row.id == org).expect("of the story");
    let device: Vec<u8> = person.bytes().chain([7; 16]).take(16).collect();
    Me {
        org_id: OrgId::from(org),
        org_name: row.text("name").unwrap_or_default().into(),
        org_role: row.text("role").and_then(OrgRole::from_id).expect("a role"),
        org_state: Some("active".into()),
        person: person.into(),
        roles: roles.to_vec(),
        device: DeviceId::from_slice(&device).expect("16 bytes"),
        device_active: true,
        network: NetworkId([0x5f; 16]),
        now: moment(NOW),
    }
}

/// Decides on a line, unless it is the first person who would sign twice.
fn decide(row: &mut Row, said: &mut Step, given: &Given, person: &str) -> bool {
    let outcome = given["outcome"].as_ref().and_then(Value::as_text).expect("given");
    let first = row.text("pending_act").map(str::to_owned);
    if outcome == "filed" && first.as_deref() == Some(person) {
        return false;
    }
    said.outcome = Some(outcome.into());
    match (outcome, first) {
        ("filed", None) => row.set_text("pending_act", person),
        ("filed", Some(_)) => {
            row.set("pending_act", None);
            row.set_text("filing_no", "陕1X-2026-13946-001");
            row.set_text("state", "filed");
        }
        _ => {
            row.set("reason", given["reason"].clone());
            said.reason = row.text("reason").map(str::to_owned);
            row.set_text("state", outcome);
        }
    }
    true
}

/// Writes what was picked in a conflict, which is open no longer.
fn settled(world: &mut World, given: &Given) -> Answered<Vec<Answer>> {
    let id = given["id"].as_ref().and_then(Value::as_text).expect("given");
    let id: RecordId = id.parse().expect("an id");
    let at = world.conflicts.iter().position(|conflict| conflict.id == id).expect("it is open");
    let conflict = world.conflicts.remove(at);
    let value = match (given.get("choice"), given.get("value")) {
        (Some(Some(Value::Int(choice))), None) => {
            let at = usize::try_from(*choice - 1).expect("counted from one");
            conflict.values[at].value.clone()
        }
        (None, Some(Some(Value::Text(text)))) => {
            let field = conflict.kind.field(&conflict.field).expect("a field");
            Some((field.ty.parse)(text).expect("a value of it"))
        }
        _ => panic!("one of the two: {given:?}"),
    };
    let rows = world.rows.get_mut(conflict.kind.key).expect("a kind");
    let row = rows.iter_mut().find(|row| row.id == conflict.record_id).expect("a row");
    row.set(&conflict.field, value);
    Ok(vec![Answer { id, state: Some("resolved".into()), pending_act: None, undone: None }])
}

/// The number of students, where more are planned.
fn too_many(row: &Row, given: &Given) -> Option<i64> {
    let number = |key: &str| {
        let given = given.get(key).cloned().flatten();
        given.or(row.fields.get(key).cloned()).and_then(|value| value.as_int())
    };
    let most = number("enrolled_students")?;
    number("planned_students").filter(|planned| *planned > most).map(|_| most)
}
