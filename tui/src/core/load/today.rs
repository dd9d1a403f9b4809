//! What is due and what is broken, most urgent first, and how far the term has come.
//!
//! Nothing is remembered: each time it is found anew in the lists.

use onex_crdt::field::time::{Date, Moment};
use onex_crdt::ids::RecordId;
use onex_crdt::record::{Record, Row};
use onex_crdt::records::application::Application;
use onex_crdt::records::attendance::actions::MARK;
use onex_crdt::records::attendance::{Attendance, Meeting};
use onex_crdt::records::class::Class;
use onex_crdt::records::class::enrolment::Enrolment;
use onex_crdt::records::contact::Contact;
use onex_crdt::records::membership::DEVICE_INVITE;
use onex_crdt::records::organisation::Organisation;
use onex_crdt::registry;
use onex_crdt::roles::{OrgRole, PersonRole};
use onex_crdt::value::Value;
use onex_node::api::{Me, Query, Status};

use crate::core::backend::{Answered, Backend};
use crate::core::load::lists::queue;
use crate::core::load::{
    CONTACT_FRESH_DAYS, Due, Known, PAGE_MAX, Unfinished, know, know_all, know_asking,
};
use crate::core::settle::disputes;

/// How far the training of a term has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The term, as its classes write it.
    pub term: String,
    /// Classes that were not cancelled.
    pub classes: usize,
    /// Places of learners in them.
    pub people: usize,
    /// How many of those have confirmed.
    pub confirmed: usize,
    /// Hours taught and planned, in tenths.
    pub taught: i64,
    /// See `taught`.
    pub planned: i64,
}

/// What is due, in the order in which it is shown.
pub fn due(backend: &dyn Backend, known: &mut Known) -> Answered<Vec<Due>> {
    let status = backend.status()?;
    let me = &status.me;
    let mut due: Vec<Due> = Vec::new();
    let asking = backend.asking()?;
    know_asking(backend, &asking, known)?;
    due.extend(asking.into_iter().map(Due::Asking));
    let is_college = me.org_role == OrgRole::College;
    if is_college {
        lines_due(backend, "state", "returned", Due::Returned, &mut due)?;
    }
    let conflicts = backend.conflicts()?;
    for conflict in &conflicts {
        know(backend, conflict.kind, conflict.record_id, known)?;
    }
    due.extend(disputes(&conflicts).into_iter().map(Due::Conflict));
    if me.org_role == OrgRole::Hub {
        due.extend(queue(backend, None, &[])?.into_iter().map(hub_due));
    }
    if is_college {
        duplicates_due(backend, &mut due, known)?;
    }
    held_due(backend, me, &mut due)?;
    role_due(backend, me, &mut due)?;
    due.extend(unfinished(backend, known)?.into_iter().map(Due::Unfinished));
    if is_college {
        college_due(backend, me, &mut due)?;
    }
    for item in &due {
        if let Some(row) = item.line() {
            know_all(backend, Application::KIND, std::slice::from_ref(row), known)?;
        }
    }
    unsent_due(&status, &mut due);
    contacts_due(backend, me, &mut due)?;
    Ok(due)
}

fn hub_due((row, since): (Row, Option<Moment>)) -> Due {
    if row.fields.contains_key("pending_act") {
        Due::Second(row, since)
    } else if row.fields.contains_key("pending_request") {
        Due::Request(row, since)
    } else {
        Due::Submitted(row, since)
    }
}

/// Learners with one number; of more than two the first ones, the others come when they are one.
fn duplicates_due(backend: &dyn Backend, due: &mut Vec<Due>, known: &mut Known) -> Answered<()> {
    for duplicate in backend.duplicates()? {
        if let [one, other, ..] = duplicate.records[..] {
            know(backend, duplicate.kind, one, known)?;
            know(backend, duplicate.kind, other, known)?;
            due.push(Due::Duplicate([one, other], duplicate.field));
        }
    }
    Ok(())
}

fn lines_due(
    backend: &dyn Backend,
    key: &str,
    value: &str,
    of: fn(Row) -> Due,
    due: &mut Vec<Due>,
) -> Answered<()> {
    let query = Query { limit: Some(PAGE_MAX), ..Query::all(Application::KIND) };
    let rows = backend.list(&query.with(key, Value::Text(value.to_owned())))?.rows;
    due.extend(rows.into_iter().map(of));
    Ok(())
}

/// What a college has to do: lines that it writes, sheets of its classes, lines that wait.
fn college_due(backend: &dyn Backend, me: &Me, due: &mut Vec<Due>) -> Answered<()> {
    lines_due(backend, "state", "draft", Due::Draft, due)?;
    let open = Query { limit: Some(PAGE_MAX), ..Query::all(Class::KIND) };
    let mut open = backend.list(&open.with("state", Value::Text("open".into())))?.rows;
    open.sort_by_key(|class| class.text("name").map(str::to_owned));
    let mut meetings = Vec::new();
    for class in &open {
        let meeting = unmarked(backend, class, me.now.date())?;
        meetings.extend(meeting.map(|meeting| (class.clone(), meeting)));
    }
    meetings.sort_by_key(|(_, meeting)| meeting.text("held_on").map(str::to_owned));
    due.extend(meetings.into_iter().map(|(class, meeting)| Due::Meeting(class, meeting)));
    for class in open {
        let of_class = places_of(&[class.id]).with("learner_confirmed", Value::Bool(false));
        let enrolled = of_class.with("state", Value::Text("enrolled".into()));
        let waiting = backend.list(&enrolled)?.total;
        if waiting > 0 {
            due.push(Due::Unconfirmed(class, waiting));
        }
    }
    lines_due(backend, "pending_request", "change", Due::Requested, due)?;
    lines_due(backend, "pending_request", "withdrawal", Due::Requested, due)
}

/// The earliest meeting of a class, today at the latest, of which no attendance is recorded.
fn unmarked(backend: &dyn Backend, class: &Row, today: Date) -> Answered<Option<Row>> {
    if class.int("enrolled_count").unwrap_or(0) == 0 {
        return Ok(None);
    }
    let meetings = Query { limit: Some(MEETINGS_MAX), ..Query::all(Meeting::KIND) };
    let meetings = meetings.with("class_id", Value::Bytes(class.id.0.to_vec()));
    let mut meetings = backend.list(&meetings)?.rows;
    let day = |row: &Row| row.text("held_on").unwrap_or_default().to_owned();
    meetings.retain(|row| day(row) <= today.to_string());
    meetings.sort_by_key(day);
    for meeting in meetings {
        let marks = Query { limit: Some(0), ..Query::all(Attendance::KIND) };
        let marks = marks.with("meeting_id", Value::Bytes(meeting.id.0.to_vec()));
        if backend.list(&marks)?.total == 0 {
            return Ok(Some(meeting));
        }
    }
    Ok(None)
}

/// The places of some classes, to be counted.
fn places_of(classes: &[RecordId]) -> Query {
    let query = Query { limit: Some(0), ..Query::all(Enrolment::KIND) };
    let of = |query: Query, id: &RecordId| query.with("class_id", Value::Bytes(id.0.to_vec()));
    classes.iter().fold(query, of)
}

/// How far the newest term of a college has come; nothing where there is no class.
pub fn progress(backend: &dyn Backend) -> Answered<Option<Progress>> {
    if backend.me()?.org_role != OrgRole::College {
        return Ok(None);
    }
    let all = Query { limit: Some(PAGE_MAX), ..Query::all(Class::KIND) };
    let all = Query { order: Some(("term".to_owned(), true)), ..all };
    let mut classes = backend.list(&all)?.rows;
    classes.retain(|class| class.state() != Some("cancelled"));
    let term = |row: &Row| row.text("term").unwrap_or_default().to_owned();
    let Some(newest) = classes.iter().map(term).max() else { return Ok(None) };
    classes.retain(|class| term(class) == newest);
    let ids: Vec<RecordId> = classes.iter().map(|class| class.id).collect();
    let states = ["enrolled", "completed", "incomplete"];
    let with = |query: Query, state: &&str| query.with("state", Value::Text((*state).to_owned()));
    let places = states.iter().fold(places_of(&ids), with);
    let sum = |key: &str| classes.iter().filter_map(|class| class.int(key)).sum();
    Ok(Some(Progress {
        term: newest,
        classes: classes.len(),
        people: backend.list(&places)?.total,
        confirmed: backend.list(&places.with("learner_confirmed", Value::Bool(true)))?.total,
        taught: sum("taught_hours"),
        planned: sum("plan_hours"),
    }))
}

/// Work that was kept apart, for whoever can adopt it.
fn held_due(backend: &dyn Backend, me: &Me, due: &mut Vec<Due>) -> Answered<()> {
    if !me.roles.contains(&PersonRole::Admin) {
        return Ok(());
    }
    let held = backend.quarantine()?;
    let waits = held.iter().filter(|held| held.adoptable).count();
    due.extend((waits > 0).then_some(Due::Held(waits)));
    Ok(())
}

/// A role without which nothing can be begun, for whoever can grant it: the first person of an
/// organisation has none but the admin's.
fn role_due(backend: &dyn Backend, me: &Me, due: &mut Vec<Due>) -> Answered<()> {
    let needed = match me.org_role {
        OrgRole::Hub => PersonRole::Officer,
        OrgRole::College => PersonRole::Coordinator,
        OrgRole::Evaluator => PersonRole::Manager,
        OrgRole::Observer => return Ok(()),
    };
    if !me.device_active || !me.roles.contains(&PersonRole::Admin) {
        return Ok(());
    }
    let devices = backend.devices()?;
    let mut own = devices.iter().filter(|device| device.active && device.org_id == me.org_id);
    let has = own.any(|device| device.persons.iter().any(|(_, roles)| roles.contains(&needed)));
    due.extend((!has).then_some(Due::NoRole(needed)));
    Ok(())
}

fn unsent_due(status: &Status, due: &mut Vec<Due>) {
    let unsent = &status.unsent;
    if unsent.changes > 0 && !status.peers.is_empty() {
        due.push(Due::Unsent(unsent.changes, unsent.oldest));
    }
}

/// Forms that were begun, the newest first; one that this program has no longer is left out.
fn unfinished(backend: &dyn Backend, known: &mut Known) -> Answered<Vec<Unfinished>> {
    let mut unfinished = Vec::new();
    for draft in backend.drafts()? {
        let Some(action) = registry::action(&draft.action) else { continue };
        // The sheet of a meeting is kept under the meeting.
        let kind = match action.id {
            id if id == MARK.id => Some(Meeting::KIND),
            id if id == DEVICE_INVITE.id => Some(Organisation::KIND),
            _ => action.kind,
        };
        if let (Some(kind), Some(id)) = (kind, draft.subject) {
            know(backend, kind, id, known)?;
            let class = known.get(&id).and_then(|(_, row)| row.id_of("class_id"));
            class.map_or(Ok(()), |class| know(backend, Class::KIND, class, known))?;
        }
        unfinished.push(Unfinished { action, subject: draft.subject, at: draft.at });
    }
    Ok(unfinished)
}

/// Own contacts that nobody has touched or confirmed for `CONTACT_FRESH_DAYS` (R86).
fn contacts_due(backend: &dyn Backend, me: &Me, due: &mut Vec<Due>) -> Answered<()> {
    let own = Query { limit: Some(PAGE_MAX), ..Query::all(Contact::KIND) };
    let own = own.with("org_id", Value::Bytes(me.org_id.0.to_vec()));
    for row in backend.list(&own.with("state", Value::Text("active".into())))?.rows {
        let touched = backend.history(Contact::KIND, row.id)?.steps;
        let newest = touched.iter().map(|step| step.at.date().days_since_epoch()).max();
        let confirmed = row.text("confirmed_on").and_then(|text| Date::parse(text).ok());
        let fresh = newest.max(confirmed.map(Date::days_since_epoch));
        let age = fresh.map(|day| me.now.date().days_since_epoch() - day);
        if let (Some(day), Some(age)) = (fresh.and_then(Date::from_days), age)
            && age > CONTACT_FRESH_DAYS
        {
            due.push(Due::Contact(row, day));
        }
    }
    Ok(())
}

/// More meetings than any class has.
const MEETINGS_MAX: usize = 1000;
