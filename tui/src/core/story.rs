//! A node that is not one: the story of stage A (scenario.md) in memory, for the tests of screens.
//!
//! Rows are read by the field types themselves. Rules are simulated only as far as the story goes.

pub mod people;
pub mod places;
pub mod training;

use std::cell::RefCell;
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
use onex_crdt::records::undo::UNDO;
use onex_crdt::roles::{OrgRole, PersonRole};
use onex_crdt::value::Value;
use onex_node::api::*;
use onex_node::import;
use onex_node::importing::Saved;
use onex_node::undoing::What;

use crate::core::backend::{Answered, Backend, BackendError};
use crate::core::keys::Key;
use crate::core::load::{Task, perform};
use crate::core::model::Model;
use crate::core::update;
use crate::i18n::Lang;

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

impl Backend for Fake {
    fn me(&self) -> Answered<Me> {
        Ok(self.me.clone())
    }

    fn status(&self) -> Answered<Status> {
        let world = self.world();
        let peer = Peer {
            org_id: HUB.into(),
            name: "陕西省1+X证书试点项目办".into(),
            device: DeviceId([0x9c; 16]),
            address: Some("127.0.0.1:40311".into()),
            last_sync: Some(moment("2026-04-20T09:40:00+08:00")),
            equal: true,
        };
        Ok(Status {
            me: self.me.clone(),
            membership_position: 14,
            hub_position: 14,
            unsent: Unsent::default(),
            peers: vec![peer],
            conflicts: world.conflicts.len(),
            quarantine: 0,
            stale: 0,
            waiting: Vec::new(),
            documents: 41,
            records: 1380,
            bytes: 2_310_144,
            keys: Keeping::File,
            health: Health::default(),
        })
    }

    fn list(&self, query: &Query) -> Answered<List> {
        let mut world = self.world();
        if let Some(what) = &world.fails {
            return Err(BackendError::Failed(what.clone()));
        }
        let rows = world.rows.get(query.kind.key).cloned().unwrap_or_default();
        let fits = |row: &Row| {
            let text = query.text.as_deref().unwrap_or_default();
            query.conditions.iter().all(|one| {
                let same = query.conditions.iter().filter(|other| other.key == one.key);
                same.into_iter().any(|c| row.fields.get(&c.key) == Some(&c.value))
            }) && onex_crdt::search::text(query.kind, &row.fields).contains(text)
        };
        let mut rows: Vec<Row> = rows.into_iter().filter(fits).collect();
        if let Some((key, descending)) = &query.order {
            rows.sort_by(|one, other| one.fields.get(key).cmp(&other.fields.get(key)));
            if *descending {
                rows.reverse();
            }
        }
        let total = rows.len();
        let limit = query.limit.unwrap_or(usize::MAX);
        let rows: Vec<Row> = rows.into_iter().skip(query.offset).take(limit).collect();
        world.listed = world.listed.max(rows.len());
        Ok(List { total, rows })
    }

    fn row(&self, kind: &'static RecordKind, id: RecordId) -> Answered<Option<Row>> {
        let world = self.world();
        let rows = world.rows.get(kind.key);
        Ok(rows.and_then(|rows| rows.iter().find(|row| row.id == id).cloned()))
    }

    fn facets(&self, kind: &'static RecordKind, key: &str) -> Answered<Vec<(Value, usize)>> {
        let mut values: BTreeMap<Value, usize> = BTreeMap::new();
        for row in self.world().rows.get(kind.key).into_iter().flatten() {
            if let Some(value) = row.fields.get(key) {
                *values.entry(value.clone()).or_default() += 1;
            }
        }
        Ok(values.into_iter().collect())
    }

    fn history(&self, kind: &'static RecordKind, id: RecordId) -> Answered<History> {
        let row = self.row(kind, id)?.ok_or(BackendError::Failed("gone".into()))?;
        let steps = self.world().steps.get(&id).cloned().unwrap_or_default();
        Ok(History { row, steps, difference: None })
    }

    fn act(
        &self,
        action: &'static Action,
        ids: &[RecordId],
        given: &Given,
    ) -> Answered<Vec<Answer>> {
        let mut guard = self.world();
        let world = &mut *guard;
        if let Some(what) = world.fails.take() {
            return Err(BackendError::Failed(what));
        }
        if let Some(done) = training::act(world, &self.me.person, action, ids, given) {
            return Ok(done);
        }
        world.version += 1;
        if action.id == "conflict.choose" {
            return settled(world, given);
        }
        let rows = world.rows.get_mut(action.kind.map_or("", |kind| kind.key)).expect("a kind");
        let made = RecordId([0x40 + u8::try_from(rows.len()).expect("few"); 16]);
        if ids.is_empty() {
            rows.push(Row { id: made, ..Row::default() });
        }
        if let [_, _, ..] = ids {
            drop(guard);
            let each = ids.iter().map(|id| self.act(action, &[*id], given));
            return each.collect::<Result<Vec<_>, _>>().map(|answers| answers.concat());
        }
        let id = ids.first().copied().unwrap_or(made);
        let row = rows.iter_mut().find(|row| row.id == id).expect("a row of the story");
        let mut said = step(action.id, NOW, self.me.org_id.into(), &self.me.person);
        if let Some(most) = too_many(row, given) {
            rows.retain(|row| !row.fields.is_empty());
            let reason = Reason::MoreThan { limit: "enrolled_students", most };
            return self.refuse(action, reason, "planned_students");
        }
        match action.id {
            "application.decide" => {
                if !decide(row, &mut said, given, &self.me.person) {
                    return self.refuse(action, Reason::SamePerson, "");
                }
            }
            _ => {
                for (key, value) in given {
                    row.set(key, value.clone());
                }
                let state = match action.id {
                    "application.submit" => "submitted",
                    "application.withdraw" => "withdrawn",
                    "application.add" => "draft",
                    _ => row.state().unwrap_or_default(),
                };
                let state = state.to_owned();
                row.set_text("state", state);
                row.set_id("college_id", self.me.org_id);
                derive(row, &levels());
            }
        }
        let answer =
            Answer { id, state: row.state().map(str::to_owned), pending_act: None, undone: None };
        world.steps.entry(id).or_default().push(said);
        Ok(vec![answer])
    }

    fn resolved(&self) -> Answered<Vec<Resolved>> {
        Ok(self.world().resolved.clone())
    }

    fn duplicates(&self) -> Answered<Vec<Duplicate>> {
        Ok(self.world().duplicates.clone())
    }

    fn opened(&self, _: &'static RecordKind, id: RecordId, keys: &[&str]) -> Answered<()> {
        self.world().opened.push((id, keys.iter().map(ToString::to_string).collect()));
        Ok(())
    }

    fn reveal(&self, _: &'static RecordKind, id: RecordId, _: &[&str]) -> Answered<()> {
        if let Some(what) = self.world().fails.take() {
            return Err(BackendError::Failed(what));
        }
        self.world().looked_at.push(id);
        Ok(())
    }

    fn undo(&self, what: &What, also: &[RecordId]) -> Answered<Undone> {
        let mut world = self.world();
        world.version += 1;
        match world.undos.iter().position(|undo| undo.what == *what && undo.also == also) {
            Some(at) => Ok(world.undos.remove(at).undone),
            None => self.refuse(&UNDO, Reason::NothingToUndo, ""),
        }
    }

    fn import_match(&self, draft: &mut import::Draft) -> Answered<()> {
        let rows = self.world().rows.get("learner").cloned().unwrap_or_default();
        let mut known = import::Known::default();
        for row in rows {
            let text = |key: &str| row.text(key).map(str::to_owned);
            let learner = import::KnownLearner {
                id: row.id,
                name: text("name"),
                id_number: text("id_number"),
                is_active: true,
            };
            known.by_id_number.extend(text("id_number").map(|number| (number, learner.clone())));
            known.by_student_no.extend(text("student_no").map(|number| (number, learner)));
        }
        draft.match_with(known);
        Ok(())
    }

    fn import(
        &self,
        draft: &import::Draft,
        _: Option<RecordId>,
        progress: &dyn Fn(usize, usize) -> bool,
    ) -> Answered<Saved> {
        let mut world = self.world();
        world.version += 1;
        if let Some(what) = world.fails.take() {
            return Err(BackendError::Failed(what));
        }
        if !progress(1, 1) {
            return Err(BackendError::Failed("failure-stopped".into()));
        }
        let mut ids = Vec::new();
        let rows = world.rows.entry("learner").or_default();
        for (at, planned) in draft.planned().into_iter().enumerate() {
            let at = u8::try_from(at).expect("few");
            let id = planned.id.unwrap_or(RecordId([0x60 + at; 16]));
            let mut row = Row { id, ..Row::default() };
            for (key, value) in planned.given {
                row.set(&key, value);
            }
            row.set_text("state", "active");
            rows.retain(|known| known.id != id);
            rows.push(row);
            ids.push(id);
        }
        Ok(Saved { batch: Some(IMPORTED), ids })
    }

    fn conflicts(&self) -> Answered<Vec<Conflict>> {
        Ok(self.world().conflicts.clone())
    }

    fn devices(&self) -> Answered<Vec<DeviceRow>> {
        Ok(self.world().devices.clone())
    }

    fn invitations(&self) -> Answered<Vec<InvitationRow>> {
        Ok(self.world().invitations.clone())
    }

    fn quarantine(&self) -> Answered<Vec<Quarantined>> {
        Ok(self.world().held.clone())
    }

    fn asking(&self) -> Answered<Vec<Asking>> {
        Ok(self.world().asking.clone())
    }

    fn invite(&self, _: OrgId) -> Answered<Invited> {
        let (text, code) = ("onex-invite/1\n".into(), "BSF-5WQ".into());
        Ok(Invited { id: RecordId([0xe2; 16]), text, code, address: None })
    }

    fn device_confirm(&self, digits: &str) -> Answered<()> {
        self.world().asking.retain(|asking| asking.digits != digits);
        Ok(())
    }

    fn sync(&self, _: Option<DeviceId>) -> Answered<SyncReport> {
        Ok(SyncReport::default())
    }

    fn draft(
        &self,
        action: &str,
        subject: Option<RecordId>,
        texts: &BTreeMap<String, String>,
    ) -> Answered<Option<Moment>> {
        let mut world = self.world();
        world.version += 1;
        let drafts = world.drafts.entry(self.me.person.clone()).or_default();
        drafts.retain(|draft| (draft.action.as_str(), draft.subject) != (action, subject));
        if texts.is_empty() {
            return Ok(None);
        }
        let (action, texts, at) = (action.to_owned(), texts.clone(), moment(NOW));
        drafts.insert(0, Draft { action, subject, at, texts });
        Ok(Some(at))
    }

    fn drafts(&self) -> Answered<Vec<Draft>> {
        Ok(Fake::drafts(self))
    }

    fn version(&self) -> Answered<u64> {
        Ok(self.world().version)
    }
}

/// The interface with its workers on one thread: a key is done when nothing is under way.
pub struct Driver {
    pub model: Model,
    pub fake: Fake,
    /// Keys pressed so far.
    pub keys: usize,
}

impl Driver {
    pub fn new(fake: Fake, lang: Lang, size: (u16, u16)) -> Driver {
        let mut driver = Driver { model: Model::new(lang, None), fake, keys: 0 };
        driver.model.size = size;
        let tasks = update::start(&mut driver.model);
        driver.settle(tasks);
        driver
    }

    /// Lets the workers do tasks, and what comes of them, to the end.
    pub fn settle(&mut self, tasks: Vec<Task>) {
        let mut tasks = tasks;
        while !tasks.is_empty() {
            let messages = RefCell::new(Vec::new());
            for task in tasks.drain(..) {
                perform(&self.fake, task, &|message| messages.borrow_mut().push(message));
            }
            for message in messages.into_inner() {
                tasks.extend(update::message(&mut self.model, message));
            }
        }
    }

    /// Presses keys named as in the table, separated by spaces.
    pub fn press(&mut self, keys: &str) -> &mut Driver {
        for key in keys.split(' ') {
            let key: Key = key.parse().unwrap_or_else(|error| panic!("{error}"));
            self.keys += 1;
            let tasks = update::key(&mut self.model, key);
            self.settle(tasks);
        }
        self
    }

    /// Ends the program as Ctrl+Q does, once the workers have done what is left.
    pub fn end(&mut self) {
        let tasks = update::finish(&mut self.model);
        self.settle(tasks);
    }

    /// Types a text letter by letter, as an input method commits it.
    pub fn write(&mut self, text: &str) -> &mut Driver {
        for letter in text.chars() {
            self.keys += 1;
            let tasks = update::key(&mut self.model, Key::char(letter));
            self.settle(tasks);
        }
        self
    }

    /// Pastes a text in one piece.
    pub fn paste(&mut self, text: &str) -> &mut Driver {
        let tasks = update::paste(&mut self.model, text);
        self.settle(tasks);
        self
    }

    /// Puts the focus of the form on a field.
    pub fn focus(&mut self, key: &str) -> &mut Driver {
        let form = self.model.form.as_mut().expect("a form is open");
        let at = form.fields.iter().position(|field| field.key == key).expect(key);
        form.focus(at);
        self
    }

    /// Changes who sits at the screen; the interface is opened anew.
    pub fn as_person(&mut self, fake: Fake) -> &mut Driver {
        *self = Driver::new(fake, self.model.look.lang, self.model.size);
        self
    }
}
