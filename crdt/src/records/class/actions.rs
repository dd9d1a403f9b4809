//! What a college does with its classes. Requirements 2.5, R18, R21, R40, C9.
//!
//! Meetings and attendance stand in `attendance`.

use std::collections::BTreeSet;

use crate::action::{Action, Desk, FieldsGiven, Param, Reason, Refusal, Run, Says, Subject, Undo};
use crate::field::code::id_list;
use crate::field::number::{Count, Flag};
use crate::field::text::LongText;
use crate::field::{Field, FieldError};
use crate::header::CLASS;
use crate::ids::RecordId;
use crate::record::{Fields, Record, Row};
use crate::records::certificate::CertLevel;
use crate::records::learner::Learner;
use crate::records::shared;
use crate::roles::OrgRole::{self, College};
use crate::roles::PersonRole::{self, Coordinator, Teacher};
use crate::value::Value;

use super::Class;
use super::enrolment::{Enrolment, enrolment_id};

const COORDINATORS: &[(OrgRole, &[PersonRole])] = &[(College, &[Coordinator])];
/// Who keeps roster and attendance.
pub const TEACHERS: &[(OrgRole, &[PersonRole])] = &[(College, &[Coordinator, Teacher])];

id_list! {
    /// Several learners.
    LearnerRefs => "learner"
}

/// Opens a class for a listed level and pins its current standard (C26).
pub const OPEN: Action = Action {
    id: "class.open",
    zh: "开班",
    en: "Open class",
    who: COORDINATORS,
    kind: Some(Class::KIND),
    subject: Subject::Makes,
    fields: FieldsGiven::Except(&["standard_id"]),
    params: &[],
    from: &[],
    undo: Undo::Edit,
    run: Run::Rule(open),
};

/// Alters a class; level and standard stay.
pub const EDIT: Action = Action {
    id: "class.edit",
    zh: "修改班级",
    en: "Edit class",
    who: TEACHERS,
    subject: Subject::Takes,
    fields: FieldsGiven::Except(&["cert_level_id", "standard_id"]),
    from: &["open"],
    run: Run::Rule(edit),
    ..OPEN
};

/// Puts learners into a class.
pub const ENROL: Action = Action {
    id: "class.enrol",
    zh: "入班",
    en: "Enrol learners",
    fields: FieldsGiven::None,
    params: &[
        Param::required("learner_id", "学员", "learners", <LearnerRefs as Field>::TYPE),
        Param::optional("learner_confirmed", "本人确认", "confirmed", <Flag as Field>::TYPE),
    ],
    run: Run::Rule(enrol),
    ..EDIT
};

/// Records that the learner himself chose this certificate (R40).
pub const CONFIRM: Action = Action {
    id: "class.confirm",
    zh: "记录本人确认",
    en: "Record learner's confirmation",
    kind: Some(Enrolment::KIND),
    fields: FieldsGiven::None,
    from: &["enrolled"],
    run: Run::Rule(confirm),
    ..EDIT
};

/// Takes a learner out of a class; attendance is kept (C9).
pub const REMOVE: Action = Action {
    id: "class.remove",
    zh: "移出班级",
    en: "Remove from class",
    who: COORDINATORS,
    params: &[Param::required("reason", "理由", "reason", <LongText<400> as Field>::TYPE)],
    run: Run::Rule(remove),
    ..CONFIRM
};

/// Ends a class: whoever attended enough has completed it.
pub const CLOSE: Action = Action {
    id: "class.close",
    zh: "结班",
    en: "Close class",
    who: COORDINATORS,
    fields: FieldsGiven::None,
    run: Run::Rule(|desk| say(desk, Says::nothing())),
    ..EDIT
};

/// Ends a class that does not take place.
pub const CANCEL: Action = Action {
    id: "class.cancel",
    zh: "取消班级",
    en: "Cancel class",
    params: &[Param::required("reason", "理由", "reason", <LongText<400> as Field>::TYPE)],
    undo: Undo::No,
    run: Run::Rule(|desk| {
        let reason = desk.given_value("reason").cloned();
        say(desk, Says::nothing().with("reason", reason))
    }),
    ..CLOSE
};

fn open(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let level = desk.named_row(CertLevel::KIND, "cert_level_id")?.expect("required, so given");
    let listed = level.state() == Some("listed");
    desk.ensure(listed, Reason::NotListed, Some("cert_level_id"))?;
    let Some(standard) = level.fields.get("standard_id").cloned() else {
        return desk.refuse(Reason::NoStandard, Some("cert_level_id"));
    };
    let mut fields = desk.given_fields();
    fields.insert("standard_id".to_owned(), standard);
    check(desk, &fields, None)?;
    let id = desk.fresh_id();
    let header = CLASS.about(desk.who.network, desk.who.org, id);
    desk.create(header, id, fields);
    Ok(id)
}

fn edit(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let row = desk.subject_row()?;
    let header = shared::home(desk, Class::KIND, row.id)?;
    let mut after = row.fields.clone();
    after.retain(|key, _| !desk.is_given(key));
    after.extend(desk.given_fields());
    check(desk, &after, Some(&row))?;
    desk.set_given(header, &row)?;
    Ok(row.id)
}

/// The name is unique in college and term, a class ends after its start, and what bears credits
/// says how many (requirements 2.5, R79).
fn check(desk: &Desk, fields: &Fields, row: Option<&Row>) -> Result<(), Refusal> {
    let name = fields.get("name").cloned().unwrap_or(Value::Bool(false));
    let same = desk.view.rows_where(Class::KIND, "name", &name);
    let taken = same.iter().any(|other| {
        Some(other.id) != row.map(|row| row.id)
            && other.fields.get("term") == fields.get("term")
            && other.state() != Some("cancelled")
    });
    desk.ensure(!taken, Reason::Duplicate, Some("name"))?;
    let ends = fields.get("ends_on");
    let ordered = ends.is_none_or(|ends| fields.get("starts_on").is_none_or(|s| s <= ends));
    desk.ensure(ordered, Reason::EndsBeforeStart, Some("ends_on"))?;
    let bears = fields.get("credit_bearing") == Some(&Value::Bool(true));
    let missing = Reason::Invalid(FieldError::Missing);
    desk.ensure(!bears || fields.contains_key("credits"), missing, Some("credits"))?;
    let enrolled = row.and_then(|row| row.int("enrolled_count")).unwrap_or_default();
    check_room(desk, fields, enrolled, "capacity")
}

fn check_room(desk: &Desk, fields: &Fields, count: i64, key: &str) -> Result<(), Refusal> {
    let capacity = fields.get("capacity").and_then(Count::<1, 400>::from_value);
    match capacity.map(Count::number) {
        Some(most) if count > most => {
            desk.refuse(Reason::MoreThan { limit: "capacity", most }, Some(key))
        }
        _ => Ok(()),
    }
}

fn enrol(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let row = desk.subject_row()?;
    let header = shared::home(desk, Class::KIND, row.id)?;
    let given: LearnerRefs = desk.given("learner_id").expect("required, so given");
    let mut learners: BTreeSet<RecordId> = BTreeSet::new();
    for id in given.ids() {
        let Some(learner) = desk.view.row(Learner::KIND, id) else {
            return desk.refuse(Reason::UnknownRecord, Some("learner_id"));
        };
        let state = learner.state().unwrap_or_default().to_owned();
        let reason = Reason::State { state: state.clone(), from: &["active"] };
        desk.ensure(state == "active", reason, Some("learner_id"))?;
        let place = desk.view.row(Enrolment::KIND, enrolment_id(desk.who.org, row.id, id));
        if place.is_none_or(|place| place.state() == Some("removed")) {
            learners.insert(id);
        }
    }
    desk.ensure(!learners.is_empty(), Reason::NothingChanged, Some("learner_id"))?;
    let enrolled = row.int("enrolled_count").unwrap_or_default() + learners.len() as i64;
    check_room(desk, &row.fields, enrolled, "learner_id")?;
    let learners = Value::List(learners.iter().map(ToString::to_string).collect());
    let confirmed = desk.given_value("learner_confirmed").cloned();
    let says = Says::nothing()
        .with("learner_id", Some(learners))
        .with("learner_confirmed", confirmed)
        .with("enrolled_on", Some(desk.who.today().to_value()));
    desk.act(header, row.id, says);
    Ok(row.id)
}

/// The header of the class of a place that `id=` named.
fn class_header(desk: &Desk, row: &Row) -> Result<crate::header::Header, Refusal> {
    match row.id_of("class_id") {
        Some(class) => shared::home(desk, Class::KIND, class),
        None => desk.refuse(Reason::UnknownRecord, Some("id")),
    }
}

fn confirm(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let row = desk.subject_row()?;
    desk.ensure(!row.is("learner_confirmed"), Reason::NothingChanged, None)?;
    let header = class_header(desk, &row)?;
    desk.act(header, row.id, Says::nothing());
    Ok(row.id)
}

fn remove(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let row = desk.subject_row()?;
    let header = class_header(desk, &row)?;
    let reason = desk.given_value("reason").cloned();
    desk.act(header, row.id, Says::nothing().with("reason", reason));
    Ok(row.id)
}

fn say(desk: &mut Desk, says: Says) -> Result<RecordId, Refusal> {
    let row = desk.subject_row()?;
    let header = shared::home(desk, Class::KIND, row.id)?;
    desk.act(header, row.id, says);
    Ok(row.id)
}
