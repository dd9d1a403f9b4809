//! What a college does with its learners. Requirements 2.4, R20, R104, C3.
//!
//! Registering them for an examination is not here.

use crate::action::{Action, Desk, FieldsGiven, Param, Reason, Refusal, Run, Says, Subject, Undo};
use crate::field::code::{IdNumber, Mobile, ResidentId};
use crate::field::text::LongText;
use crate::field::time::{Date, Grade};
use crate::field::{Field, FieldError, choices};
use crate::header::{Header, LEARNERS, PILOT_STUDENTS};
use crate::ids::RecordId;
use crate::record::{Fields, Record};
use crate::records::application::{Application, ApplicationRef};
use crate::records::shared;
use crate::roles::OrgRole::{self, College, Hub};
use crate::roles::PersonRole::{self, Coordinator, Officer, Teacher};
use crate::value::Value;

use super::{Gender, IdType, Learner, LearnerKind, LearnerRef, others_with};

const REGISTRARS: &[(OrgRole, &[PersonRole])] =
    &[(College, &[Coordinator, Teacher]), (Hub, &[Officer])];
const COORDINATORS: &[(OrgRole, &[PersonRole])] = &[(College, &[Coordinator])];

/// Puts a learner on the register. Sex and day of birth come from a resident's number.
pub const ADD: Action = Action {
    id: "learner.add",
    zh: "新增考生",
    en: "Add learner",
    who: REGISTRARS,
    kind: Some(Learner::KIND),
    subject: Subject::Makes,
    fields: FieldsGiven::Except(&["gender", "birth_date"]),
    params: &[
        Param::optional("gender", "性别", "gender", <Gender as Field>::TYPE),
        Param::optional("birth_date", "出生日期", "birth date", <Date as Field>::TYPE),
    ],
    from: &[],
    undo: Undo::Edit,
    run: Run::Rule(|desk| enter(desk, Needed::Everything)),
};

/// Puts a learner on the register who stands in somebody else's roster: what such a table lacks
/// keeps from registering for an examination, not from the register (contract, "missing").
///
/// Commands and forms know only `ADD`.
pub const ADD_FROM_ROSTER: Action = Action {
    fields: FieldsGiven::Except(LEFT_OPEN),
    params: &[
        Param::optional("id_number", "证件号码", "ID number", <IdNumber as Field>::TYPE),
        Param::optional("phone", "手机号码", "mobile", <Mobile as Field>::TYPE),
        Param::optional("gender", "性别", "gender", <Gender as Field>::TYPE),
        Param::optional("birth_date", "出生日期", "birth date", <Date as Field>::TYPE),
    ],
    run: Run::Rule(|desk| enter(desk, Needed::WhatThereIs)),
    ..ADD
};

/// What a roster may lack.
const LEFT_OPEN: &[&str] = &["id_number", "phone", "gender", "birth_date"];

/// Alters a learner; what others alter at the same time is kept, field by field (C1, C2).
pub const EDIT: Action = Action {
    id: "learner.edit",
    zh: "修改考生",
    en: "Edit learner",
    subject: Subject::Takes,
    fields: FieldsGiven::Except(&[]),
    params: &[],
    from: &["active"],
    run: Run::Rule(edit),
    ..ADD
};

/// Says that two records are of one person: the other one stands for this one from then on (C3).
pub const MERGE: Action = Action {
    id: "learner.merge",
    zh: "合并重复考生",
    en: "Merge learners",
    who: COORDINATORS,
    fields: FieldsGiven::None,
    params: &[Param::required(
        "from",
        "并入的考生",
        "learner to merge",
        <LearnerRef as Field>::TYPE,
    )],
    run: Run::Rule(merge),
    ..EDIT
};

choices! {
    /// How a learner left the college.
    Leaving {
        Graduated = "graduated" "毕业" "graduated",
        Left = "left" "离校" "left",
    }
}

/// Says that a learner has graduated or left.
pub const LEAVE: Action = Action {
    id: "learner.leave",
    zh: "毕业或离校",
    en: "Leave",
    params: &[Param::required("outcome", "去向", "outcome", <Leaving as Field>::TYPE)],
    run: Run::Rule(|desk| say(desk, "outcome")),
    ..MERGE
};

/// Takes a learner off the register; the record and its history stay.
pub const REMOVE: Action = Action {
    id: "learner.remove",
    zh: "移出考生",
    en: "Remove learner",
    params: &[Param::required("reason", "理由", "reason", <LongText<400> as Field>::TYPE)],
    run: Run::Rule(|desk| say(desk, "reason")),
    ..MERGE
};

/// Counts a learner in the quota of a filed line (R104).
pub const PILOT: Action = Action {
    id: "learner.pilot",
    zh: "计入备案人数",
    en: "Count in a filed quota",
    params: &[Param::required(
        "pilot_application_id",
        "备案的申报项",
        "filed line",
        <ApplicationRef as Field>::TYPE,
    )],
    run: Run::Rule(pilot),
    ..MERGE
};

/// What the identity of a person must have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needed {
    Everything,
    WhatThereIs,
}

fn enter(desk: &mut Desk, needed: Needed) -> Result<RecordId, Refusal> {
    let mut fields = desk.given_fields();
    for key in LEFT_OPEN {
        fields.extend(desk.given_value(key).map(|value| ((*key).to_owned(), value.clone())));
    }
    let identity = identity(desk, &mut fields, needed)?;
    check_unique(desk, &identity, None)?;
    let year = fields.get("grade").and_then(Grade::from_value).map(|grade| grade.year());
    let header = shelf(desk, year.unwrap_or(desk.who.today().year()));
    let id = desk.fresh_id();
    desk.create(header, id, fields);
    Ok(id)
}

fn edit(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let row = desk.subject_row()?;
    let header = shared::home(desk, Learner::KIND, row.id)?;
    let mut after = row.fields.clone();
    after.retain(|key, _| !desk.is_given(key));
    after.extend(desk.given_fields());
    let concerned = ["id_type", "id_number", "learner_kind", "gender", "birth_date"];
    if concerned.iter().any(|key| desk.is_given(key)) {
        for key in ["gender", "birth_date"] {
            if !desk.is_given(key) && is_resident(&after) {
                after.remove(key);
            }
        }
        let identity = identity(desk, &mut after, Needed::WhatThereIs)?;
        check_unique(desk, &identity, Some(row.id))?;
        for key in ["gender", "birth_date"] {
            desk.set(header.clone(), &row, key, after.get(key).cloned());
        }
    } else {
        check_unique(desk, &after, Some(row.id))?;
    }
    desk.set_given(header, &row)?;
    Ok(row.id)
}

fn is_resident(fields: &Fields) -> bool {
    fields.get("id_type").and_then(IdType::from_value) == Some(IdType::ResidentId)
}

/// Checks what belongs together in a person's identity and adds what follows from the number
/// (requirements 2.4). What was there before and is not touched is not judged again.
fn identity(desk: &Desk, fields: &mut Fields, needed: Needed) -> Result<Fields, Refusal> {
    let invalid = |error| Reason::Invalid(error);
    let number = fields.get("id_number").and_then(Value::as_text);
    if let Some(number) = number.filter(|_| is_resident(fields)) {
        let number = ResidentId::parse(number)
            .map_err(|error| Refusal::new(desk.action, invalid(error), Some("id_number")))?;
        let social = fields.get("learner_kind").and_then(LearnerKind::from_value)
            == Some(LearnerKind::Social);
        desk.ensure(social || !number.is_old(), Reason::OldNumber, Some("id_number"))?;
        let born = number.birth_date();
        desk.ensure(born <= desk.who.today(), invalid(FieldError::Date), Some("id_number"))?;
        let gender = if number.is_male() { Gender::Male } else { Gender::Female };
        follow(desk, fields, "gender", gender.to_value())?;
        follow(desk, fields, "birth_date", born.to_value())?;
    }
    for key in ["gender", "birth_date"] {
        let missing = invalid(FieldError::Missing);
        let is_there = fields.contains_key(key) || needed == Needed::WhatThereIs;
        desk.ensure(is_there, missing, Some(key))?;
    }
    let born = fields.get("birth_date").and_then(Date::from_value);
    let past = born.is_none_or(|born| born <= desk.who.today());
    desk.ensure(past, invalid(FieldError::Date), Some("birth_date"))?;
    Ok(fields.clone())
}

/// A value that follows from the number; another one that was given is refused.
fn follow(desk: &Desk, fields: &mut Fields, key: &str, value: Value) -> Result<(), Refusal> {
    let given = fields.get(key).is_none_or(|given| *given == value);
    desk.ensure(given, Reason::Differs { from: "id_number" }, Some(key))?;
    fields.insert(key.to_owned(), value);
    Ok(())
}

/// Number and student number are one person's in a college (C3).
fn check_unique(desk: &Desk, fields: &Fields, but: Option<RecordId>) -> Result<(), Refusal> {
    for key in ["id_number", "student_no"] {
        if but.is_none() || desk.is_given(key) {
            let others = others_with(desk.view, key, fields, but);
            desk.ensure(others.is_empty(), Reason::Duplicate, Some(key))?;
        }
    }
    Ok(())
}

/// The shard that this device fills now: the first of its own for the year with room.
fn shelf(desk: &mut Desk, year: u16) -> Header {
    let (network, org, device) = (desk.who.network, desk.who.org, desk.who.device);
    let shard = |part| LEARNERS.shard(network, org, year, (device, part));
    let is_full = |desk: &mut Desk, part| desk.count(&shard(part), Learner::KIND) >= SHARD_MAX;
    // Shards fill in order, so the full ones are the first ones.
    let mut step = 1;
    while is_full(desk, step - 1) {
        step *= 2;
    }
    let (mut full, mut open) = (step / 2, step);
    while full + 1 < open {
        let middle = full.midpoint(open);
        if is_full(desk, middle - 1) { full = middle } else { open = middle }
    }
    shard(open - 1)
}

/// Learners in one document (architecture 3, "learners").
pub const SHARD_MAX: usize = 400;

/// Leaves an act that says what was given under a key.
fn say(desk: &mut Desk, key: &str) -> Result<RecordId, Refusal> {
    let row = desk.subject_row()?;
    let header = shared::home(desk, Learner::KIND, row.id)?;
    let value = desk.given_value(key).cloned();
    desk.act(header, row.id, Says::nothing().with(key, value));
    Ok(row.id)
}

fn merge(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let kept = desk.subject_row()?;
    shared::home(desk, Learner::KIND, kept.id)?;
    let from = desk.named_row(Learner::KIND, "from")?.expect("required, so given");
    desk.ensure(from.id != kept.id, Reason::SameRecord, Some("from"))?;
    let state = from.state().unwrap_or_default().to_owned();
    desk.ensure(state == "active", Reason::State { state, from: MERGE.from }, Some("from"))?;
    let header = shared::home(desk, Learner::KIND, from.id)?;
    let into = Some(Value::Text(kept.id.to_string()));
    desk.act(header, from.id, Says::nothing().with("into", into));
    Ok(kept.id)
}

fn pilot(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let row = desk.subject_row()?;
    shared::home(desk, Learner::KIND, row.id)?;
    let key = "pilot_application_id";
    let line = desk.named_row(Application::KIND, key)?.expect("required, so given");
    let own = line.id_of("college_id") == Some(desk.who.org.into());
    desk.ensure(own, Reason::UnknownRecord, Some(key))?;
    let state = line.state().unwrap_or_default().to_owned();
    desk.ensure(state == "filed", Reason::State { state, from: &["filed"] }, Some(key))?;
    let there = row.id_of(key) == Some(line.id);
    desk.ensure(!there, Reason::NothingChanged, None)?;
    let counted = desk.view.rows_where(Learner::KIND, key, &Value::Bytes(line.id.0.to_vec()));
    let quota = line.int("planned_students").unwrap_or_default();
    let room = (counted.len() as i64) < quota;
    desk.ensure(room, Reason::MoreThan { limit: "planned_students", most: quota }, Some(key))?;
    let year = line.int("year").and_then(|year| u16::try_from(year).ok()).unwrap_or_default();
    let header = desk.towards(&PILOT_STUDENTS, desk.view.authority().hub(), year);
    let value = desk.given_value(key).cloned();
    desk.act(header, row.id, Says::nothing().with(key, value));
    Ok(row.id)
}
