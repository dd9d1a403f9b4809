//! Places of learners in classes (入班). Requirements 2.5, R40, C9.
//!
//! A row is derived from acts on the class: one for each pair of class and learner. Whoever is put
//! in while a colleague takes him out stays in (add-wins).

use std::collections::BTreeSet;

use crate::act::{Act, Found};
use crate::field::choices;
use crate::field::number::{Decimal1, Flag};
use crate::field::text::PersonName;
use crate::field::time::Date;
use crate::ids::{ActId, OrgId, RecordId};
use crate::record::{Record, Row, record};
use crate::records::attendance::{self, Attendance, Meeting};
use crate::records::learner::{self, Learner, LearnerRef};
use crate::records::{shared, undo};
use crate::value::Value;
use crate::view::{Source, Touch, View};

use super::{Class, ClassRef, ClassState, class_of_act, source, state};

record! {
    /// A learner's place in a class (入班). Requirements 2.5.
    Enrolment = "enrolment" / "入班" / "enrolment"
    order [] rows derive, affected;
    class_id: ClassRef = "培训班" / "class";
    learner_id: LearnerRef = "学员" / "learner" aka "学号" | "证件号码";
    derive learner_name: PersonName = "姓名" / "name" [secret];
    learner_confirmed: Flag = "本人确认" / "confirmed by the learner";
    enrolled_on: Date = "入班日期" / "enrolled on";
    derive attended_hours: Decimal1<0, 1_000_000> = "出勤学时" / "hours attended";
    derive attendance_kept: Flag = "已移出仍有考勤" / "removed, attendance kept";
    derive state: EnrolmentState = "状态" / "state";
}

choices! {
    /// Where a learner stands in a class. C9.
    EnrolmentState {
        Enrolled = "enrolled" "在班" "enrolled",
        Removed = "removed" "已移出" "removed",
        Completed = "completed" "结业" "completed",
        Incomplete = "incomplete" "未结业" "incomplete",
    }
}

/// Hours attended in per cent of those planned from which a learner completes a class
/// (parameter completion_percent).
pub const COMPLETION_PERCENT: i64 = 60;

/// The id of the place of a learner in a class.
pub fn enrolment_id(owner: OrgId, class: RecordId, learner: RecordId) -> RecordId {
    RecordId::natural(owner, &[class, learner])
}

/// The learners that an act on a class puts in.
pub fn enrolled_by(act: &Act) -> Vec<RecordId> {
    let items = act.body.get("learner_id").and_then(Value::as_list).unwrap_or_default();
    items.iter().filter_map(|item| item.parse().ok()).collect()
}

/// The rows besides its subject that an act on a class is about.
pub fn about(act: &Act, owner: OrgId) -> Vec<RecordId> {
    let learners = enrolled_by(act).into_iter();
    learners.map(|learner| enrolment_id(owner, act.subject, learner)).collect()
}

/// What the acts on one place amount to.
struct Place {
    class: RecordId,
    /// The learner who was put in, and the one that he stands for after merges.
    entered: RecordId,
    learner: RecordId,
    source: Source,
    born: u64,
    is_removed: bool,
    confirmed: bool,
    enrolled_on: Option<Value>,
}

fn place(view: &dyn View, id: RecordId) -> Option<Place> {
    let found = view.acts(id);
    let names = |found: &Found| {
        let owner = found.header.owner;
        let mut learners = enrolled_by(&found.act).into_iter();
        let learner = learners.find(|l| enrolment_id(owner, found.act.subject, *l) == id)?;
        Some((found.act.subject, learner))
    };
    let (class, learner) = found.iter().find_map(names)?;
    let source = source(view, class)?;
    let standing = undo::standing(view, &found, &source.header);
    let enrols: Vec<&Found> =
        standing.iter().copied().filter(|found| names(found).is_some()).collect();
    let first = enrols.first()?;
    let causality = shared::causality(view, &found);
    let removed = standing.iter().filter(|found| found.act.kind == "class.remove");
    let seen = causality.named_by(removed.map(|found| found.act.id));
    let said = |found: &&Found| found.act.body.get("learner_confirmed") == Some(&Value::Bool(true));
    let confirms = standing.iter().any(|found| found.act.kind == "class.confirm");
    Some(Place {
        class,
        entered: learner,
        learner: learner::resolved(view, learner),
        born: first.born,
        is_removed: enrols.iter().all(|enrol| seen.contains(&enrol.act.id)),
        confirmed: confirms || enrols.iter().any(said),
        enrolled_on: enrols.iter().find_map(|found| found.act.body.get("enrolled_on").cloned()),
        source,
    })
}

fn derive(view: &dyn View, id: RecordId) -> Option<Row> {
    let place = place(view, id)?;
    let mut row = Row { id, born: place.born, ..Row::default() };
    row.set_id("class_id", place.class);
    row.set_id("learner_id", place.learner);
    let learner = view.row(Learner::KIND, place.learner);
    row.set("learner_name", learner.and_then(|row| row.fields.get("name").cloned()));
    row.set("learner_confirmed", Some(Value::Bool(place.confirmed)));
    row.set("enrolled_on", place.enrolled_on.clone());
    let (hours, kept) = attended(view, &place);
    row.set("attended_hours", Some(Value::Int(hours)));
    row.set("attendance_kept", Some(Value::Bool(place.is_removed && kept)));
    row.set_text("state", place_state(view, &place, hours).id());
    Some(row)
}

/// The hours that a learner attended in the class, and whether there is any mark.
fn attended(view: &dyn View, place: &Place) -> (i64, bool) {
    let meetings = view.rows_where(Meeting::KIND, "class_id", &of(place.class));
    let learners = BTreeSet::from([place.entered, place.learner]);
    let marks = learners
        .into_iter()
        .flat_map(|learner| view.rows_where(Attendance::KIND, "learner_id", &of(learner)));
    let marks: Vec<Row> = marks.collect();
    let mut hours = 0;
    let mut any = false;
    for meeting in &meetings {
        let own = marks.iter().filter(|mark| mark.id_of("meeting_id") == Some(meeting.id));
        let own: Vec<&Row> = own.collect();
        any |= !own.is_empty();
        if own.iter().any(|mark| attendance::is_there(mark.text("mark"))) {
            hours += meeting.int("hours").unwrap_or_default();
        }
    }
    (hours, any)
}

fn of(id: RecordId) -> Value {
    Value::Bytes(id.0.to_vec())
}

fn place_state(view: &dyn View, place: &Place, hours: i64) -> EnrolmentState {
    let class = state(view, &view.acts(place.class), &place.source);
    let planned = place.source.fields.get("plan_hours").and_then(Value::as_int).unwrap_or_default();
    match class {
        _ if place.is_removed => EnrolmentState::Removed,
        ClassState::Completed if hours * 100 >= planned * COMPLETION_PERCENT => {
            EnrolmentState::Completed
        }
        ClassState::Completed => EnrolmentState::Incomplete,
        ClassState::Open | ClassState::Cancelled => EnrolmentState::Enrolled,
    }
}

fn affected(view: &dyn View, touch: &Touch) -> Vec<RecordId> {
    let rows =
        |key: &str, id: RecordId| shared::ids(view.rows_where(Enrolment::KIND, key, &of(id)));
    if let Touch::Act { id, subject, .. } = touch {
        return affected_by_act(view, *id, *subject);
    }
    if let Some(meeting) = touch.record(Meeting::KIND) {
        let class = shared::named_in_source(view, Meeting::KIND, meeting, "class_id");
        return class.map(|class| rows("class_id", class)).unwrap_or_default();
    }
    let by_learner = touch.record(Learner::KIND).map(|learner| rows("learner_id", learner));
    by_learner
        .or(touch.record(Class::KIND).map(|class| rows("class_id", class)))
        .unwrap_or_default()
}

/// The places that an act changes; one that undoes another changes those of the other.
fn affected_by_act(view: &dyn View, act: ActId, subject: RecordId) -> Vec<RecordId> {
    let rows =
        |key: &str, id: RecordId| shared::ids(view.rows_where(Enrolment::KIND, key, &of(id)));
    let Some(found) = view.act(act) else { return Vec::new() };
    let owner = found.header.owner;
    let meant = undo::meant(found.act, |id| view.act(id).map(|found| found.act));
    match (meant.kind.as_str(), class_of_act(view, act)) {
        ("learner.merge", None) => {
            let into = meant.says("into").and_then(|into| into.parse().ok());
            let ends = [Some(subject), into].into_iter().flatten();
            // Where the other was merged further, places show whom that led to.
            let shown = ends.flat_map(|id| [id, learner::resolved(view, id)]);
            let shown: BTreeSet<RecordId> = shown.collect();
            shown.into_iter().flat_map(|learner| rows("learner_id", learner)).collect()
        }
        (_, None) => Vec::new(),
        ("class.enrol", _) => about(&meant, owner),
        ("class.confirm" | "class.remove", _) => vec![subject],
        ("attendance.mark", Some(class)) => {
            let learners = attendance::marked_by(&meant).into_iter();
            let of_class: BTreeSet<RecordId> = rows("class_id", class).into_iter().collect();
            learners
                .flat_map(|(learner, _)| {
                    // Places of others who were merged into him show him too.
                    let merged = rows("learner_id", learner).into_iter();
                    let merged = merged.filter(|place| of_class.contains(place));
                    merged.chain([enrolment_id(owner, class, learner)]).collect::<Vec<_>>()
                })
                .collect()
        }
        (_, Some(class)) => rows("class_id", class),
    }
}
