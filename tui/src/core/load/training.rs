//! Reading classes, learners and the sheets of meetings, each with what belongs to it.

use std::collections::BTreeMap;

use onex_crdt::field::Field;
use onex_crdt::ids::RecordId;
use onex_crdt::record::{Record, RecordKind, Row};
use onex_crdt::records::attendance::{Attendance, Mark, Meeting};
use onex_crdt::records::class::Class;
use onex_crdt::records::class::enrolment::Enrolment;
use onex_crdt::records::conflict::CHOOSE;
use onex_crdt::records::learner::Learner;
use onex_crdt::records::organisation::Organisation;
use onex_crdt::value::Value;
use onex_node::api::Query;

use crate::core::backend::{Answered, Backend, BackendError};
use crate::core::load::{Known, know, know_all};
use crate::core::marking::Seat;
use crate::core::training::{Came, ClassPage, LearnerPage};

/// Reads a class with roster and meetings.
pub fn class(backend: &dyn Backend, id: RecordId, known: &mut Known) -> Answered<ClassPage> {
    let row = found(backend, Class::KIND, id)?;
    know_all(backend, Class::KIND, std::slice::from_ref(&row), known)?;
    let places = roster(backend, id, known)?;
    let mut meetings = of(backend, Meeting::KIND, "class_id", id)?;
    meetings.sort_by(|one, other| when(other).cmp(&when(one)));
    let mut counted = BTreeMap::new();
    for meeting in &meetings {
        counted.insert(meeting.id, came(backend, meeting.id)?);
    }
    Ok(ClassPage { row, places, meetings, came: counted })
}

/// Counts who came to a meeting without reading the marks.
fn came(backend: &dyn Backend, meeting: RecordId) -> Answered<Came> {
    let query = Query { limit: Some(0), ..Query::all(Attendance::KIND) };
    let query = query.with("meeting_id", Value::Bytes(meeting.0.to_vec()));
    let recorded = backend.list(&query)?.total;
    let there = [Mark::Present, Mark::Late];
    let query = there.iter().fold(query, |query, mark| query.with("mark", mark.to_value()));
    Ok(Came { recorded, there: backend.list(&query)?.total })
}

fn when(meeting: &Row) -> (Option<&str>, Option<&str>, u64) {
    (meeting.text("held_on"), meeting.text("starts_at"), meeting.born)
}

/// The places of a class by student number and pinyin; those taken out stand last.
fn roster(backend: &dyn Backend, class: RecordId, known: &mut Known) -> Answered<Vec<Row>> {
    let mut places = of(backend, Enrolment::KIND, "class_id", class)?;
    know_all(backend, Enrolment::KIND, &places, known)?;
    places.sort_by_cached_key(|place| {
        let learner = place.id_of("learner_id").and_then(|id| known.get(&id));
        let text = |key: &str| learner.and_then(|(_, row)| row.text(key)).map(str::to_owned);
        (is_removed(place), text("student_no"), text("pinyin"), place.id)
    });
    Ok(places)
}

fn is_removed(place: &Row) -> bool {
    place.state() == Some("removed")
}

/// Reads a learner with history and classes.
pub fn learner(backend: &dyn Backend, id: RecordId, known: &mut Known) -> Answered<LearnerPage> {
    found(backend, Learner::KIND, id)?;
    let history = backend.history(Learner::KIND, id)?;
    know_all(backend, Learner::KIND, std::slice::from_ref(&history.row), known)?;
    for step in &history.steps {
        know(backend, Organisation::KIND, step.org_id.into(), known)?;
    }
    let mut places = of(backend, Enrolment::KIND, "learner_id", id)?;
    places.sort_by(|one, other| other.text("enrolled_on").cmp(&one.text("enrolled_on")));
    know_all(backend, Enrolment::KIND, &places, known)?;
    let mut resolved = Vec::new();
    if history.steps.iter().any(|step| step.kind == CHOOSE.id) {
        resolved = backend.resolved()?;
        resolved.retain(|resolved| resolved.conflict.record_id == id);
    }
    Ok(LearnerPage { history, places, resolved })
}

/// Reads the sheet of a meeting: who is in its class, and what is recorded of them.
pub fn seats(backend: &dyn Backend, meeting: RecordId, known: &mut Known) -> Answered<Vec<Seat>> {
    let row = found(backend, Meeting::KIND, meeting)?;
    know_all(backend, Meeting::KIND, std::slice::from_ref(&row), known)?;
    let Some(class) = row.id_of("class_id") else { return Ok(Vec::new()) };
    known.insert(meeting, (Meeting::KIND, row));
    let marks = of(backend, Attendance::KIND, "meeting_id", meeting)?.into_iter();
    let marks = marks.filter_map(|mark| Some((mark.id_of("learner_id")?, mark)));
    let mut marks: BTreeMap<RecordId, Row> = marks.collect();
    let places = roster(backend, class, known)?.into_iter().filter(|place| !is_removed(place));
    let seats = places.filter_map(|place| {
        let learner = place.id_of("learner_id")?;
        let name = place.text("learner_name").unwrap_or_default();
        Some(Seat::new(learner, name, marks.remove(&learner)))
    });
    Ok(seats.collect())
}

fn found(backend: &dyn Backend, kind: &'static RecordKind, id: RecordId) -> Answered<Row> {
    let row = backend.row(kind, id)?;
    row.ok_or_else(|| BackendError::Failed("failure-unknown".to_owned()))
}

/// The rows of a kind that name a record.
fn of(
    backend: &dyn Backend,
    kind: &'static RecordKind,
    key: &str,
    id: RecordId,
) -> Answered<Vec<Row>> {
    let query = Query { limit: Some(BELONGING_MAX), ..Query::all(kind) };
    Ok(backend.list(&query.with(key, Value::Bytes(id.0.to_vec())))?.rows)
}

/// A class has at most 400 places, and never as many meetings.
const BELONGING_MAX: usize = 1000;
