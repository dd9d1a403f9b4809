//! What Enter and the action keys open: records, pages, forms; and how a form is sent.

use onex_crdt::action::{Action, Given, Subject};
use onex_crdt::field::Field;
use onex_crdt::ids::{OrgId, RecordId};
use onex_crdt::record::{Record, RecordKind, Row};
use onex_crdt::records::application::actions::{ADD, DECIDE, EDIT, SUBMIT, WITHDRAW};
use onex_crdt::records::application::{Application, Outcome};
use onex_crdt::records::attendance::actions::{MARK, MEETING_ADD};
use onex_crdt::records::class::actions as class;
use onex_crdt::records::organisation::Organisation;
use onex_crdt::records::{contact, membership, organisation};
use onex_crdt::roles::OrgRole;
use onex_crdt::value::Value;
use onex_node::api::Asking;
use onex_node::import::Roster;

use crate::core::backend::BackendError;
use crate::core::commands::Does;
use crate::core::form::{FormState, OUTCOME, SUBJECT, Stage};
use crate::core::list::Ticks;
use crate::core::load::{Due, Many, Task, Unfinished, Want};
use crate::core::model::{Model, Notice, Screen, Welcome};
use crate::core::settle::disputes;
use crate::core::update::{go, list_want, lock, people, setting, settle, sync, training, wizard};
use crate::core::welcome::{FOUND, JOIN};
use crate::view::theme::Mark;

/// How many answers the first use asks to choose from.
pub const ROLES: usize = 3;

/// Opens what is marked on the screen.
pub fn marked(model: &mut Model) -> Vec<Task> {
    if model.welcome.is_some() {
        return welcome_next(model);
    }
    match model.screen {
        Screen::Today => today(model),
        Screen::Lines if model.line_open => act(model, &EDIT),
        Screen::Lines => line(model),
        Screen::Directory if model.people_open => people::enter(model),
        Screen::Directory if model.page_open => act(model, &contact::EDIT),
        Screen::Directory => match model.directory.current().map(|row| row.id) {
            Some(id) => page(model, id),
            None => Vec::new(),
        },
        Screen::Training => training::enter(model),
        Screen::Sync => sync_entry(model),
        Screen::Settings => {
            let does = [Does::Language, Does::Glyphs, Does::Colours];
            setting(model, does[model.settings_at.min(does.len() - 1)]);
            Vec::new()
        }
    }
}

fn today(model: &mut Model) -> Vec<Task> {
    let due = model.today.as_ref().and_then(|due| due.get(model.today_at)).cloned();
    match due {
        None => Vec::new(),
        Some(Due::Returned(row) | Due::Draft(row)) => {
            let mut tasks = go(model, Screen::Lines);
            model.lines.selected_id = Some(row.id);
            tasks.extend(form(model, &EDIT, Some((Application::KIND, &row)), None));
            tasks
        }
        Some(Due::Contact(row, _)) => {
            let org = model.me().map(|me| RecordId::from(me.org_id));
            model.contact_wanted = Some(row.id);
            org.map_or_else(Vec::new, |org| page(model, org))
        }
        Some(Due::Asking(asking)) => {
            let tasks = go(model, Screen::Sync);
            confirm(model, &asking);
            tasks
        }
        Some(Due::Conflict(dispute)) => {
            let mut tasks = go(model, Screen::Sync);
            tasks.extend(settle::open(model, dispute.kind, dispute.record, None));
            tasks
        }
        Some(Due::Unfinished(begun)) => unfinished(model, begun),
        Some(Due::Meeting(class, meeting)) => training::sheet_of(model, class.id, meeting.id),
        Some(Due::Unconfirmed(class, _)) => training::unconfirmed(model, class.id),
        Some(Due::Import { .. }) => wizard::open(model, Roster::Learner, None),
        Some(Due::Duplicate(ids, _)) => training::pair(model, ids),
        Some(Due::Unsent(..)) => go(model, Screen::Sync),
        Some(Due::Held(_)) => people::show_held(model),
        Some(Due::NoRole(_)) => people::show_own(model),
        Some(due) => due.line().map(|row| row.id).map_or_else(Vec::new, |id| line_page(model, id)),
    }
}

/// Opens a form that was begun, with what was written in it.
fn unfinished(model: &mut Model, begun: Unfinished) -> Vec<Task> {
    let Unfinished { action, subject, .. } = begun;
    if let Some(meeting) = subject.filter(|_| action.id == MARK.id) {
        let class = model.known.get(&meeting).and_then(|(_, row)| row.id_of("class_id"));
        return class.map_or_else(Vec::new, |class| training::sheet_of(model, class, meeting));
    }
    let kept = model.drafts.get(&(action.id, subject));
    let outcome = kept.and_then(|kept| kept.texts.get(OUTCOME)).cloned();
    let outcome = outcome.and_then(|text| Outcome::from_value(&Value::Text(text)));
    let mut form = new_form(action, subject, outcome);
    let (Some(kind), Some(id)) = (action.kind, subject) else {
        open(model, form);
        return Vec::new();
    };
    form.stage = Stage::Loading;
    model.form = Some(form);
    vec![model.ask(Want::Edited(kind.key, id))]
}

/// A line that its college is still writing opens as a form, another one as a page.
fn line(model: &mut Model) -> Vec<Task> {
    let Some(row) = model.lines.current().cloned() else { return Vec::new() };
    let writes = matches!(row.state(), Some("draft" | "returned" | "withdrawn"));
    if writes && model.may(&EDIT) {
        return form(model, &EDIT, Some((Application::KIND, &row)), None);
    }
    line_page(model, row.id)
}

fn line_page(model: &mut Model, id: RecordId) -> Vec<Task> {
    if model.line.as_ref().is_some_and(|line| line.row.id != id) {
        model.line = None;
    }
    let mut tasks =
        if model.screen == Screen::Lines { Vec::new() } else { go(model, Screen::Lines) };
    model.lines.selected_id = Some(id);
    model.line_open = true;
    model.scroll = 0;
    tasks.push(model.ask(Want::Line(id)));
    tasks
}

fn page(model: &mut Model, id: RecordId) -> Vec<Task> {
    if model.page.as_ref().is_some_and(|page| page.row.id != id) {
        model.page = None;
        model.contact_at = 0;
    }
    let is_there = model.screen == Screen::Directory;
    let mut tasks = if is_there { Vec::new() } else { go(model, Screen::Directory) };
    model.page_open = true;
    tasks.push(model.ask(Want::Organisation(id)));
    tasks
}

fn sync_entry(model: &mut Model) -> Vec<Task> {
    let at = model.sync_at;
    if let Some(asking) = model.asking.get(at).cloned() {
        confirm(model, &asking);
        return Vec::new();
    }
    let at = at - model.asking.len();
    let all = disputes(&model.conflicts);
    if let Some(dispute) = all.get(at) {
        return settle::open(model, dispute.kind, dispute.record, None);
    }
    let at = at - all.len();
    let peer = model.status.as_ref().and_then(|status| status.peers.get(at));
    let device = peer.map(|peer| peer.device);
    device.map_or_else(Vec::new, |device| sync(model, Some(device)))
}

/// Asks whether the digits are the same on both screens.
pub fn confirm(model: &mut Model, asking: &Asking) {
    let mut form = FormState::new(&membership::DEVICE_CONFIRM, None, &["digits", "out"]);
    form.preset.insert("digits".into(), Some(Value::Text(asking.digits.clone())));
    form.effect = Some("effect-confirm");
    form.reason = Some(format!("{}   {}", asking.person, asking.digits));
    model.form = Some(form);
}

/// What is ticked in the list of the screen.
pub fn ticked(model: &Model) -> Option<Many> {
    let list = model.list().filter(|list| list.ticked() > 0)?;
    Some(match &list.ticks {
        Ticks::Only(ids) => Many::Ids(ids.iter().copied().collect()),
        Ticks::AllBut(ids) => Many::AllBut {
            want: Box::new(list_want(model)?),
            except: ids.clone(),
            count: list.ticked(),
        },
    })
}

/// Opens the form of an action on everything that is ticked; no value is filled in.
fn act_many(model: &mut Model, mut form: FormState, many: Many) -> Vec<Task> {
    form.effect = None;
    form.many = Some(many);
    open(model, form);
    Vec::new()
}

/// Opens the form of an action on what is ticked, else on what is marked.
pub fn act(model: &mut Model, action: &'static Action) -> Vec<Task> {
    if action.subject == Subject::Takes
        && let Some(many) = training::ticked_for(model, action).or_else(|| ticked(model))
    {
        let mut form = new_form(action, None, None);
        if action.id == SUBMIT.id {
            form.require("endorsed_by");
        }
        return act_many(model, form, many);
    }
    let likely = match action.id {
        id if id == MEETING_ADD.id => training::meeting_form(model),
        id if id == class::OPEN.id => Some(training::class_form(model)),
        _ => None,
    };
    if let Some(form) = likely {
        open(model, form);
        return Vec::new();
    }
    let marked = model.subject_of(action).zip(action.kind).map(|(row, kind)| (kind, row.clone()));
    let marked = marked.filter(|_| action.subject == Subject::Takes);
    if action.subject == Subject::Takes && marked.is_none() {
        return Vec::new();
    }
    form(model, action, marked.as_ref().map(|(kind, row)| (*kind, row)), None)
}

/// Opens the form of a decision on what is marked.
pub fn decide(model: &mut Model, outcome: Outcome) -> Vec<Task> {
    if let Some(many) = ticked(model) {
        let form = new_form(&DECIDE, None, Some(outcome));
        return act_many(model, form, many);
    }
    let Some((kind, row)) = model.subject().map(|(kind, row)| (kind, row.clone())) else {
        return Vec::new();
    };
    form(model, &DECIDE, Some((kind, &row)), Some(outcome))
}

/// Opens the form that invites a device of the marked organisation.
pub fn invite(model: &mut Model) -> Vec<Task> {
    let own = model.me().filter(|_| model.people_open).map(|me| RecordId::from(me.org_id));
    let row = match (model.page_open, &model.page) {
        _ if own.is_some() => own.and_then(|own| model.known.get(&own)).map(|(_, row)| row),
        (true, Some(page)) => Some(&page.row),
        _ => model.directory.current(),
    };
    let Some(row) = row.cloned() else { return Vec::new() };
    let mut form = new_form(&membership::DEVICE_INVITE, Some(row.id), None);
    form.effect = Some("effect-invite");
    if let Some(field) = form.field_mut("out") {
        field.text = format!("{}.onex", row.text("short_code").unwrap_or("invitation"));
    }
    model.known.insert(row.id, (Organisation::KIND, row));
    open(model, form);
    Vec::new()
}

fn form(
    model: &mut Model,
    action: &'static Action,
    marked: Option<(&'static RecordKind, &Row)>,
    outcome: Option<Outcome>,
) -> Vec<Task> {
    let mut form = new_form(action, marked.map(|(_, row)| row.id), outcome);
    if let Some((kind, row)) = marked {
        model.known.insert(row.id, (kind, row.clone()));
        dress(&mut form, outcome, row);
    }
    if action.id == SUBMIT.id {
        form.require("endorsed_by");
    }
    people::dress(model, &mut form);
    open(model, form);
    opened(model).into_iter().collect()
}

/// The task that writes down what the open form shows of a record's masked fields, if it does.
fn opened(model: &Model) -> Option<Task> {
    let form = model.form.as_ref()?;
    let (kind, id) = (form.action.kind?, form.subject?);
    let is_secret = |key: &str| kind.field(key).is_some_and(|field| field.secret);
    let shown = form.fields.iter().filter(|field| !field.original.is_empty());
    let keys: Vec<_> = shown.map(|field| field.key).filter(|key| is_secret(key)).collect();
    (!keys.is_empty()).then_some(Task::Opened { kind, id, keys })
}

/// Puts a record into its form: its values, why it came back, what will happen.
fn dress(form: &mut FormState, outcome: Option<Outcome>, row: &Row) {
    if outcome.is_none() {
        form.fill(row);
        if matches!(row.state(), Some("returned" | "rejected")) {
            form.reason = row.text("reason").map(str::to_owned);
        }
    }
    form.effect = form.effect.or(effect(form.action, outcome, row));
}

/// The form of an action, without what is asked for elsewhere.
fn new_form(
    action: &'static Action,
    subject: Option<RecordId>,
    outcome: Option<Outcome>,
) -> FormState {
    let leave_out: &[&str] = match (action.id, outcome) {
        (id, _) if id == ADD.id || id == EDIT.id => &["endorsed_by", "endorsement_ref", "call_id"],
        (_, Some(Outcome::Filed)) => &[OUTCOME, "reason"],
        (_, Some(_)) => &[OUTCOME, "quota"],
        (id, _) if id == membership::DEVICE_INVITE.id => &["role", "org_id"],
        _ => &[],
    };
    let mut form = FormState::new(action, subject, leave_out);
    if action.id == organisation::ADD.id
        && let Some(role) = form.field_mut("role")
    {
        role.hidden = vec![OrgRole::Hub.id()];
    }
    if let Some(outcome) = outcome {
        form.preset.insert(OUTCOME.into(), Some(outcome.to_value()));
        if !matches!(outcome, Outcome::Filed | Outcome::Withdrawn) {
            form.require("reason");
        }
        if let Some(field) = form.field_mut("reason") {
            field.ready = &["reason-teachers", "reason-numbers", "reason-budget"];
        }
    }
    form
}

/// The sentence that says what will happen.
fn effect(action: &Action, outcome: Option<Outcome>, row: &Row) -> Option<&'static str> {
    let is_filed = row.state() == Some("filed");
    let signed = row.fields.contains_key("pending_act");
    match (action.id, outcome) {
        (_, Some(Outcome::Filed)) if signed => Some("effect-file-second"),
        (_, Some(Outcome::Filed)) => Some("effect-file-first"),
        (_, Some(Outcome::Returned)) => Some("effect-return"),
        (_, Some(Outcome::Rejected)) => Some("effect-reject"),
        (_, Some(Outcome::Withdrawn)) => Some("effect-grant"),
        (_, Some(Outcome::Cancelled)) => Some("effect-cancel"),
        (id, _) if id == SUBMIT.id && is_filed => Some("effect-submit-change"),
        (id, _) if id == SUBMIT.id => Some("effect-submit"),
        (id, _) if id == WITHDRAW.id && is_filed => Some("effect-withdraw-filed"),
        (id, _) if id == WITHDRAW.id => Some("effect-withdraw"),
        (id, _) if id == contact::CONFIRM.id => Some("effect-contact-confirm"),
        (id, _) if id == class::CONFIRM.id => Some("effect-class-confirm"),
        (id, _) if id == class::REMOVE.id => Some("effect-class-remove"),
        (id, _) if id == class::CLOSE.id => Some("effect-class-close"),
        (id, _) if id == class::CANCEL.id => Some("effect-class-cancel"),
        _ => None,
    }
}

/// Puts a form on the screen with the draft that was left.
pub fn open(model: &mut Model, mut form: FormState) {
    let kept = model.drafts.get(&form.draft_key());
    if let Some(kept) = kept.filter(|_| !form.marked) {
        form.restore(&kept.texts);
        model.notice = Some(Notice::Said(Mark::Working, "notice-draft-restored"));
    } else {
        form.focus(form.focused);
    }
    model.form = Some(form);
}

/// Takes the row of a form that waited for it.
pub fn edited(model: &mut Model, row: Option<Row>) -> Vec<Task> {
    let loading = model.form.take_if(|form| form.stage == Stage::Loading);
    let Some(mut form) = loading else { return Vec::new() };
    let Some(row) = row else {
        model.notice = Some(Notice::Said(Mark::Attention, "notice-gone"));
        return Vec::new();
    };
    form.stage = Stage::Filling;
    let outcome = form.preset.get(OUTCOME).cloned().flatten();
    let outcome = outcome.and_then(|outcome| Outcome::from_value(&outcome));
    dress(&mut form, outcome, &row);
    open(model, form);
    opened(model).into_iter().collect()
}

/// Leaves a form; its draft stays.
pub fn leave_form(model: &mut Model) {
    let Some(form) = model.form.take() else { return };
    if form.stage == Stage::Sending {
        model.form = Some(form);
        return;
    }
    if model.drafts.contains(&form.draft_key()) {
        model.notice = Some(Notice::Said(Mark::Working, "notice-draft-kept"));
    }
    if model.welcome.is_some() {
        model.welcome = Some(Welcome::Role { selected: 0 });
    }
}

/// Checks the form and sends it.
pub fn send(model: &mut Model) -> Vec<Task> {
    let Some(form) = &mut model.form else { return Vec::new() };
    if matches!(form.stage, Stage::Sending | Stage::Loading) {
        return Vec::new();
    }
    let Some(mut given) = form.collect() else {
        model.notice = Some(Notice::Said(Mark::Problem, "notice-form-wrong"));
        return Vec::new();
    };
    let text = |given: &Given, key: &str| {
        let value = given.get(key).cloned().flatten();
        value.and_then(|value| value.as_text().map(str::to_owned)).unwrap_or_default()
    };
    let asked = given.remove(SUBJECT).flatten();
    let asked = asked.and_then(|id| id.as_bytes().and_then(RecordId::from_slice));
    let ids: Vec<RecordId> = form.subject.or(asked).into_iter().collect();
    let task = match form.action.id {
        id if id == JOIN.id => {
            model.welcome = Some(Welcome::Waiting(None));
            let address = Some(text(&given, "address")).filter(|address| !address.is_empty());
            Task::Join { invitation: text(&given, "file"), address, person: text(&given, "person") }
        }
        id if id == FOUND.id => {
            model.welcome = Some(Welcome::Waiting(None));
            Task::Found {
                name: text(&given, "name"),
                region: text(&given, "region"),
                person: text(&given, "person"),
            }
        }
        id if id == membership::DEVICE_CONFIRM.id => {
            Task::Confirm { digits: text(&given, "digits") }
        }
        id if id == membership::DEVICE_INVITE.id => Task::Invite {
            org: OrgId::from(form.subject.unwrap_or_default()),
            file: text(&given, "out").into(),
        },
        _ if given.is_empty() && form.action.id.ends_with(".edit") => {
            model.form = None;
            model.notice = Some(Notice::Said(Mark::Absent, "notice-unchanged"));
            return Vec::new();
        }
        _ => match form.many.clone() {
            Some(many) => {
                let into = form.into.zip(ids.first().copied());
                Task::ActMany { action: form.action, many, into, given }
            }
            None => Task::Act { action: form.action, ids, given },
        },
    };
    form.stage = Stage::Sending;
    if model.welcome.is_some() {
        let sent = form.draft_key();
        model.drafts.retain_only(Some(sent));
        model.form = None;
    }
    vec![task]
}

fn welcome_next(model: &mut Model) -> Vec<Task> {
    match model.welcome {
        Some(Welcome::Keys) => model.welcome = Some(Welcome::Role { selected: 0 }),
        Some(Welcome::Role { selected }) if model.wants_lock => lock::ask_new(model, selected),
        Some(Welcome::Role { selected }) => role_form(model, selected),
        Some(Welcome::Locked(_)) => return lock::enter(model),
        Some(Welcome::Asked | Welcome::Waiting(_)) | None => {}
    }
    Vec::new()
}

/// Opens the form for what the device is to be.
pub fn role_form(model: &mut Model, selected: usize) {
    let action = if selected == ROLES - 1 { &FOUND } else { &JOIN };
    model.welcome = Some(Welcome::Asked);
    open(model, FormState::new(action, None, &[]));
}

/// There is still no node: the form comes back with its texts.
pub fn not_entered(model: &mut Model, error: BackendError) -> Vec<Task> {
    if model.lock.is_some() {
        lock::refused(model, error);
        return Vec::new();
    }
    let is_founding = model.drafts.contains(&(FOUND.id, None));
    let mut form = FormState::new(if is_founding { &FOUND } else { &JOIN }, None, &[]);
    if let Some(kept) = model.drafts.get(&form.draft_key()) {
        form.restore(&kept.texts);
    }
    let notice = match error {
        BackendError::Refused(refusal) => {
            form.refused(refusal.clone());
            Notice::Refused(refusal)
        }
        BackendError::Failed(text) => {
            form.stage = Stage::Failed(text.clone());
            Notice::Failed(text)
        }
    };
    model.welcome = Some(Welcome::Asked);
    model.form = Some(form);
    model.notice = Some(notice);
    Vec::new()
}
