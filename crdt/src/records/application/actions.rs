//! What a college and the hub do with an application line. Requirements 2.3, R91, R92.

use crate::action::{Action, Desk, FieldsGiven, Param, Reason, Refusal, Run, Says, Subject, Undo};
use crate::field::number::{Count, Year};
use crate::field::text::LongText;
use crate::field::{Field, FieldError};
use crate::header::{APPLICATION, PLAN};
use crate::ids::RecordId;
use crate::record::{Fields, Record, Row};
use crate::roles::OrgRole::{College, Hub};
use crate::roles::PersonRole::{Coordinator, Lead, Leader, Officer};
use crate::value::Value;

use super::status::Status;
use super::{Application, ApplicationState, Line, Outcome, PendingRequest, line, open_call};
use crate::records::call::{Call, CallRef};
use crate::records::certificate::CertLevel;
use crate::records::shared;

/// Begins a line as a draft; a call that is closed may be named, and the line is late then.
pub const ADD: Action = Action {
    id: "application.add",
    zh: "新增申报项",
    en: "Add application line",
    who: &[(College, &[Coordinator])],
    kind: Some(Application::KIND),
    subject: Subject::Makes,
    fields: FieldsGiven::Except(&["year", "call_id"]),
    params: &[Param::optional("call_id", "申报通知", "call", <CallRef as Field>::TYPE)],
    from: &[],
    undo: Undo::Edit,
    run: Run::Rule(add),
};

/// Alters the draft; nothing is sent until it is submitted.
pub const EDIT: Action = Action {
    id: "application.edit",
    zh: "修改申报项",
    en: "Edit line",
    subject: Subject::Takes,
    fields: FieldsGiven::Except(&["year", "call_id", "cert_level_id"]),
    params: &[],
    from: &["draft", "submitted", "returned", "filed", "withdrawn"],
    undo: Undo::Edit,
    run: Run::Rule(edit),
    ..ADD
};

/// Sends a frozen copy of the draft to the hub and the evaluator.
pub const SUBMIT: Action = Action {
    id: "application.submit",
    zh: "提交申报项",
    en: "Submit line",
    who: &[(College, &[Coordinator, Leader])],
    fields: FieldsGiven::Only(&["endorsed_by", "endorsement_ref"]),
    from: &["draft", "submitted", "returned", "withdrawn", "filed"],
    undo: Undo::By("application.withdraw"),
    run: Run::Rule(submit),
    ..EDIT
};

/// Takes a line back; a filed one only asks the hub for it.
pub const WITHDRAW: Action = Action {
    id: "application.withdraw",
    zh: "撤回申报项",
    en: "Withdraw line",
    fields: FieldsGiven::None,
    params: &[Param::optional("reason", "理由", "reason", <LongText<400> as Field>::TYPE)],
    from: &["submitted", "returned", "filed"],
    undo: Undo::By("application.submit"),
    run: Run::Rule(withdraw),
    ..SUBMIT
};

/// The hub decides on the newest version; filing takes two persons, one of them lead.
///
/// A line that was returned or rejected only while the college sent a newer version: that one has
/// not been judged, and needs a decision of its own (requirements 2.0.1).
pub const DECIDE: Action = Action {
    id: "application.decide",
    zh: "审核备案",
    en: "Decide on line",
    who: &[(Hub, &[Officer, Lead])],
    fields: FieldsGiven::None,
    params: &[
        Param::required("outcome", "决定", "outcome", <Outcome as Field>::TYPE),
        Param::optional("reason", "理由", "reason", <LongText<400> as Field>::TYPE),
        Param::optional("quota", "备案人数", "filed quota", <Count<1, 100_000> as Field>::TYPE),
    ],
    from: &["submitted", "returned", "rejected", "filed"],
    undo: Undo::No,
    run: Run::Rule(decide),
    ..EDIT
};

fn add(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let named = desk.named_row(Call::KIND, "call_id")?;
    let Some(call) = named.or_else(|| open_call(desk.view)) else {
        return desk.refuse(Reason::NoOpenCall, Some("call_id"));
    };
    let level = desk.named_row(CertLevel::KIND, "cert_level_id")?;
    check_listed(desk, level.as_ref())?;
    let year = call.fields.get("year").cloned();
    let college = Value::Bytes(desk.who.org.0.to_vec());
    let mine = desk.view.rows_where(Application::KIND, "college_id", &college);
    let level = desk.given_value("cert_level_id");
    let taken = mine.iter().any(|row| {
        row.fields.get("cert_level_id") == level && row.fields.get("year") == year.as_ref()
    });
    desk.ensure(!taken, Reason::Duplicate, Some("cert_level_id"))?;
    let mut fields = desk.given_fields();
    fields.insert("call_id".to_owned(), Value::Bytes(call.id.0.to_vec()));
    fields.extend(year.map(|year| ("year".to_owned(), year)));
    check_numbers(desk, &fields)?;
    let year = fields.get("year").and_then(Year::from_value).map_or(0, |year| year.number());
    let header = desk.own(&PLAN, year as u16);
    let id = desk.fresh_id();
    desk.create(header, id, fields);
    Ok(id)
}

/// A line needs a level on the hub's list (R21).
fn check_listed(desk: &Desk, level: Option<&Row>) -> Result<(), Refusal> {
    let listed = level.is_some_and(|row| row.state() == Some("listed"));
    desk.ensure(listed, Reason::NotListed, Some("cert_level_id"))
}

/// Planned students are among those enrolled, trained teachers among the teachers (2.3, 5.6).
fn check_numbers(desk: &Desk, fields: &Fields) -> Result<(), Refusal> {
    let number = |key: &str| fields.get(key).and_then(Value::as_int);
    for (key, limit) in
        [("planned_students", "enrolled_students"), ("teachers_trained", "teachers")]
    {
        if let (Some(value), Some(most)) = (number(key), number(limit)) {
            desk.ensure(value <= most, Reason::MoreThan { limit, most }, Some(key))?;
        }
    }
    Ok(())
}

/// The line of `id=`, of the own college.
fn own_line(desk: &Desk) -> Result<(Row, Line), Refusal> {
    let row = desk.subject_row()?;
    match line(desk.view, row.id) {
        Some(line) if line.college == desk.who.org && line.draft.is_some() => Ok((row, line)),
        _ => desk.refuse(Reason::UnknownRecord, Some("id")),
    }
}

fn edit(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let (row, line) = own_line(desk)?;
    let mut after = row.fields.clone();
    after.retain(|key, _| !desk.is_given(key));
    after.extend(desk.given_fields());
    check_numbers(desk, &after)?;
    let draft = line.draft.expect("own_line asked for it");
    desk.set_given(draft.header, &row)?;
    Ok(row.id)
}

fn submit(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let (row, line) = own_line(desk)?;
    if let Some(key) = row.conflict.iter().find(|key| is_critical(key)) {
        return desk.refuse(Reason::InConflict, Some(key));
    }
    let draft = line.draft.expect("own_line asked for it");
    let mut body = draft.fields.clone();
    body.extend(desk.given_fields());
    let missing = Reason::Invalid(FieldError::Missing);
    for field in Application::KIND.stored().filter(|field| field.required) {
        desk.ensure(body.contains_key(field.key), missing.clone(), Some(field.key))?;
    }
    desk.ensure(body.contains_key("endorsed_by"), missing, Some("endorsed_by"))?;
    check_numbers(desk, &body)?;
    let level = row.id_of("cert_level_id").and_then(|id| desk.view.row(CertLevel::KIND, id));
    check_listed(desk, level.as_ref())?;
    let found = desk.view.acts(row.id);
    let newest = found.iter().find(|found| Some(found.act.id) == line.status.newest);
    let same = newest.is_some_and(|newest| newest.act.body == body);
    desk.ensure(!(same && is_before_the_hub(&line.status)), Reason::NothingChanged, None)?;
    let salt = newest.and_then(|found| found.act.salt).unwrap_or(desk.fresh_salt());
    desk.set_given(draft.header.clone(), &row)?;
    let header = submission_header(desk, &row)?;
    desk.act(header, row.id, Says { body, salt: Some(salt), ..Says::default() });
    Ok(row.id)
}

fn is_critical(key: &str) -> bool {
    Application::KIND.field(key).is_some_and(|field| field.critical)
}

/// Whether the newest version is in the hub's hands or filed, so that sending it again says
/// nothing. After a return it does, and it takes a wish to withdraw back.
fn is_before_the_hub(status: &Status) -> bool {
    match status.state {
        Some(ApplicationState::Submitted) => true,
        Some(ApplicationState::Filed) => {
            status.pending_request == Some(PendingRequest::Change)
                || (status.pending_request.is_none() && !status.changed_since_decision)
        }
        _ => false,
    }
}

/// The header of the document that a line's submissions stand in.
fn submission_header(desk: &Desk, row: &Row) -> Result<crate::header::Header, Refusal> {
    match (row.id_of("evaluator_id"), row.int("year")) {
        (Some(evaluator), Some(year)) => {
            Ok(desk.towards(&APPLICATION, evaluator.into(), year as u16))
        }
        _ => desk.refuse(Reason::NotListed, Some("cert_level_id")),
    }
}

fn withdraw(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let (row, line) = own_line(desk)?;
    let asked = line.status.pending_request == Some(PendingRequest::Withdrawal);
    desk.ensure(!asked, Reason::AlreadyDecided, None)?;
    let header = submission_header(desk, &row)?;
    let reason = desk.given_value("reason").cloned();
    desk.act(header, row.id, Says::nothing().with("reason", reason));
    Ok(row.id)
}

fn decide(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let row = desk.subject_row()?;
    let Some(line) = line(desk.view, row.id) else {
        return desk.refuse(Reason::UnknownRecord, Some("id"));
    };
    let outcome: Outcome = desk.given("outcome").expect("required, so given");
    check_undecided(desk, &line)?;
    match outcome {
        Outcome::Filed => check_filing(desk, &row, &line)?,
        Outcome::Withdrawn => {
            let asked = line.status.pending_request == Some(PendingRequest::Withdrawal);
            let reason = Reason::State {
                state: row.state().unwrap_or_default().to_owned(),
                from: &["withdrawn"],
            };
            desk.ensure(asked, reason, Some("outcome"))?;
        }
        Outcome::Returned | Outcome::Rejected | Outcome::Cancelled => {
            let missing = Reason::Invalid(FieldError::Missing);
            desk.ensure(desk.given_value("reason").is_some(), missing, Some("reason"))?;
        }
    }
    let (Some(digest), Some(submitted)) = (line.status.newest_digest, &line.submitted_in) else {
        return desk.refuse(Reason::UnknownRecord, Some("id"));
    };
    let judged = Some(desk.reference(submitted, digest));
    let mut says = Says { judged, ..Says::default() }
        .with("outcome", Some(outcome.to_value()))
        .with("reason", desk.given_value("reason").cloned());
    if outcome == Outcome::Filed {
        let planned = line.fields.get("planned_students").cloned();
        says = says.with("quota", desk.given_value("quota").cloned().or(planned));
    }
    line.tell(desk, DECIDE.id, row.id, says);
    Ok(row.id)
}

/// A version that was returned or rejected is the college's, not the hub's.
fn check_undecided(desk: &Desk, line: &Line) -> Result<(), Refusal> {
    use ApplicationState::{Rejected, Returned};
    let state = line.status.state.unwrap_or(ApplicationState::Draft);
    let decided = matches!(state, Returned | Rejected) && !line.status.changed_since_decision;
    let reason = Reason::State { state: state.id().to_owned(), from: &["submitted", "filed"] };
    desk.ensure(!decided, reason, None)
}

/// Filing needs an agreement in force, and a second person who is another one (R72, 2.24).
fn check_filing(desk: &Desk, row: &Row, line: &Line) -> Result<(), Refusal> {
    desk.ensure(
        row.fields.contains_key("agreement_id"),
        Reason::NoAgreement,
        Some("agreement_id"),
    )?;
    let level = row.id_of("cert_level_id").and_then(|id| desk.view.row(CertLevel::KIND, id));
    check_listed(desk, level.as_ref())?;
    let filed =
        line.status.filed_digest.is_some() && line.status.filed_digest == line.status.newest_digest;
    desk.ensure(!filed, Reason::AlreadyDecided, Some("outcome"))?;
    check_second(desk, row, line)
}

/// A second person is another one at another device, and one of the two is lead; the lead of a
/// hub with one device needs nobody.
fn check_second(desk: &Desk, row: &Row, line: &Line) -> Result<(), Refusal> {
    let authority = desk.view.authority();
    let leads = desk.who.roles.contains(&Lead);
    let alone = authority.device_count(desk.who.org, authority.position()) == 1;
    if alone && leads {
        return Ok(());
    }
    let found = desk.view.acts(row.id);
    let causality = shared::causality(desk.view, &found);
    let waits = |id| causality.acts().find(|found| found.act.id == id);
    let Some(first) = line.status.awaits_second.and_then(waits) else {
        return Ok(());
    };
    let act = &first.act;
    let same = act.person == desk.who.person || act.device == desk.who.device;
    desk.ensure(!same, Reason::SamePerson, None)?;
    let position = causality.position(act.id).unwrap_or_default();
    let first_leads = authority.holds(act.device, &act.person, Lead, position);
    desk.ensure(first_leads || leads, Reason::NeedsRole(Lead), None)
}
