//! What teachers do: plan meetings, mark who came. Requirements 2.5, R18, C8, C19.
//!
//! Choosing between markers who differ is `conflict`'s matter.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::{Action, Desk, FieldsGiven, Param, Reason, Refusal, Run, Says, Subject, Undo};
use crate::field::text::TextList;
use crate::field::{Field, FieldError};
use crate::ids::RecordId;
use crate::record::{Fields, Record, Row};
use crate::records::class::Class;
use crate::records::class::actions::{LearnerRefs, TEACHERS};
use crate::records::class::enrolment::{Enrolment, enrolment_id};
use crate::records::shared;
use crate::records::standard::Standard;
use crate::value::Value;

use super::{Attendance, Mark, MarkSource, Meeting, attendance_id};

/// Adds a date on which the class is taught.
pub const MEETING_ADD: Action = Action {
    id: "meeting.add",
    zh: "新增课次",
    en: "Add meeting",
    who: TEACHERS,
    kind: Some(Meeting::KIND),
    subject: Subject::Makes,
    fields: FieldsGiven::Except(&[]),
    params: &[],
    from: &[],
    undo: Undo::Edit,
    run: Run::Rule(add),
};

/// Alters a meeting; it stays with its class.
pub const MEETING_EDIT: Action = Action {
    id: "meeting.edit",
    zh: "修改课次",
    en: "Edit meeting",
    subject: Subject::Takes,
    fields: FieldsGiven::Except(&["class_id"]),
    run: Run::Rule(edit),
    ..MEETING_ADD
};

/// Marks learners at a meeting: all of `learner_id` alike, save those that `except` names. One
/// call is one sheet; a later one of the same person supersedes his earlier marks (C8).
pub const MARK: Action = Action {
    id: "attendance.mark",
    zh: "考勤",
    en: "Mark attendance",
    kind: Some(Attendance::KIND),
    fields: FieldsGiven::Only(&["meeting_id", "mark"]),
    params: &[
        Param::required("learner_id", "学员", "learners", <LearnerRefs as Field>::TYPE),
        Param::optional("except", "除外", "except", <TextList as Field>::TYPE),
        Param::optional("source", "来源", "source", <MarkSource as Field>::TYPE),
    ],
    run: Run::Rule(mark),
    ..MEETING_ADD
};

fn add(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let class = desk.named_row(Class::KIND, "class_id")?.expect("required, so given");
    let fields = desk.given_fields();
    check(desk, &class, &fields)?;
    let header = shared::home(desk, Class::KIND, class.id)?;
    let id = desk.fresh_id();
    desk.create(header, id, fields);
    Ok(id)
}

fn edit(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let row = desk.subject_row()?;
    let header = shared::home(desk, Meeting::KIND, row.id)?;
    let class = class_of(desk, &row, "id")?;
    let mut after = row.fields.clone();
    after.retain(|key, _| !desk.is_given(key));
    after.extend(desk.given_fields());
    check(desk, &class, &after)?;
    desk.set_given(header, &row)?;
    Ok(row.id)
}

fn class_of(desk: &Desk, meeting: &Row, field: &str) -> Result<Row, Refusal> {
    let class = meeting.id_of("class_id").and_then(|id| desk.view.row(Class::KIND, id));
    class.map_or_else(|| desk.refuse(Reason::UnknownRecord, Some(field)), Ok)
}

/// The class is open, the teacher one of its teachers, the units those of its pinned standard.
fn check(desk: &Desk, class: &Row, fields: &Fields) -> Result<(), Refusal> {
    let state = class.state().unwrap_or_default().to_owned();
    desk.ensure(state == "open", Reason::State { state, from: &["open"] }, Some("class_id"))?;
    let list = |value: Option<&Value>| -> Vec<String> {
        value.and_then(Value::as_list).unwrap_or_default().to_vec()
    };
    let teachers = list(class.fields.get("teachers"));
    let trainer = class.text("evaluator_trainer").map(str::to_owned);
    let teacher = fields.get("teacher").and_then(Value::as_text).unwrap_or_default().to_owned();
    let known = teachers.contains(&teacher) || trainer.as_ref() == Some(&teacher);
    desk.ensure(known, Reason::NotOfClass, Some("teacher"))?;
    let standard = class.id_of("standard_id").and_then(|id| desk.view.row(Standard::KIND, id));
    let units = standard.map(|row| list(row.fields.get("units"))).unwrap_or_default();
    let codes: BTreeSet<&str> =
        units.iter().map(|unit| unit.split(':').next().unwrap_or_default()).collect();
    let given = list(fields.get("unit_codes"));
    let all = given.iter().all(|code| codes.contains(code.as_str()));
    desk.ensure(all, Reason::NotOfClass, Some("unit_codes"))
}

fn mark(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let meeting = desk.named_row(Meeting::KIND, "meeting_id")?.expect("required, so given");
    let header = shared::home(desk, Meeting::KIND, meeting.id)?;
    let class = class_of(desk, &meeting, "meeting_id")?;
    let state = class.state().unwrap_or_default().to_owned();
    let open = state != "cancelled";
    desk.ensure(open, Reason::State { state, from: &["open"] }, Some("meeting_id"))?;
    let marks = given_marks(desk)?;
    let of_class = Value::Bytes(class.id.0.to_vec());
    let places = desk.view.rows_where(Enrolment::KIND, "class_id", &of_class);
    // A place of somebody who was merged shows the other one.
    let shown: BTreeSet<RecordId> =
        places.iter().filter_map(|place| place.id_of("learner_id")).collect();
    for learner in marks.keys() {
        let place = enrolment_id(desk.who.org, class.id, *learner);
        let known = shown.contains(learner) || places.iter().any(|row| row.id == place);
        desk.ensure(known, Reason::NotInClass, Some("learner_id"))?;
    }
    let first = *marks.keys().next().expect("a list of learners is never empty");
    let source = desk.given_value("source").cloned().unwrap_or(MarkSource::Screen.to_value());
    let mut says = Says::nothing().with("source", Some(source));
    for mark in Mark::ALL {
        let of_mark = marks.iter().filter(|(_, own)| *own == mark);
        let learners: Vec<String> = of_mark.map(|(learner, _)| learner.to_string()).collect();
        says = says.with(mark.id(), (!learners.is_empty()).then_some(Value::List(learners)));
    }
    desk.act(header, meeting.id, says);
    Ok(attendance_id(desk.who.org, meeting.id, first))
}

/// The marks of a sheet: the same for everybody, save for those that are named.
fn given_marks(desk: &Desk) -> Result<BTreeMap<RecordId, Mark>, Refusal> {
    let learners: LearnerRefs = desk.given("learner_id").expect("required, so given");
    let mark: Mark = desk.given("mark").expect("required, so given");
    let mut marks: BTreeMap<RecordId, Mark> =
        learners.ids().into_iter().map(|learner| (learner, mark)).collect();
    let except: Option<TextList> = desk.given("except");
    let items = except.as_ref().map(TextList::items).unwrap_or_default();
    for (learner, mark) in items.iter().filter_map(|item| item.split_once([':', '：'])) {
        let unknown = Reason::Invalid(FieldError::UnknownChoice { choices: Mark::CHOICES });
        let given = Mark::TYPE;
        let value = (given.parse)(mark).ok().and_then(|value| Mark::from_value(&value));
        let Some(value) = value else { return desk.refuse(unknown, Some("except")) };
        match learner.parse().ok().and_then(|id| marks.get_mut(&id)) {
            Some(place) => *place = value,
            None => return desk.refuse(Reason::UnknownRecord, Some("except")),
        }
    }
    Ok(marks)
}
