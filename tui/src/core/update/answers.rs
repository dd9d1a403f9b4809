//! What workers bring back: rows go into the model, endings are said, forms close.
//!
//! Pure, as `update` is; what a key does is not here.

use onex_crdt::ids::RecordId;
use onex_crdt::record::Record;
use onex_crdt::records::application::Application;
use onex_crdt::records::organisation;
use onex_crdt::roles::OrgRole;
use onex_node::api::{Answer, Closed, SyncReport};

use super::{
    begin, detail_ask, list_ask, lists, open, people, reload, settle, training, undo, wizard,
};
use crate::core::backend::{Answered, BackendError};
use crate::core::form::{Popup, Stage};
use crate::core::jobs::{Ending, JobId};
use crate::core::list::Ticks;
use crate::core::load::{Done, Known, ListOf, Loaded, Message, Slot, Task};
use crate::core::model::{Model, Notice, Welcome};
use crate::core::training::Part;
use crate::view::theme::Mark;

/// Takes a worker's message; what was said before stays, unless it says something itself.
pub fn message(model: &mut Model, message: Message) -> Vec<Task> {
    let before = model.notice.take();
    let tasks = message_take(model, message);
    match before.filter(|_| model.notice.is_none()) {
        Some(before) => model.notice = Some(before),
        None => model.note(),
    }
    tasks
}

fn message_take(model: &mut Model, message: Message) -> Vec<Task> {
    match message {
        Message::Loaded { slot, generation, loaded } => {
            if !model.is_asked(slot, generation) {
                return Vec::new();
            }
            match loaded {
                Ok((loaded, known)) => take(model, slot, loaded, known),
                Err(error) => {
                    failed(model, error);
                    Vec::new()
                }
            }
        }
        Message::Acted(action, answered) => acted(model, action, answered),
        Message::Revealed(id, answered) => {
            revealed(model, id, answered);
            Vec::new()
        }
        Message::Opened(answered) => {
            if let Err(error) = answered {
                // What cannot be written down is not shown.
                model.form = None;
                failed(model, error);
            }
            Vec::new()
        }
        Message::Invited(answered) => {
            let done = answered.map(|file| {
                let file = file.display().to_string();
                Notice::Of(Mark::Good, "notice-invited", file)
            });
            form_done(model, done)
        }
        Message::Confirmed(answered) => {
            form_done(model, answered.map(|()| Notice::Said(Mark::Good, "notice-let-in")))
        }
        Message::Drafted(key, answered) => {
            match answered {
                Ok(at) => at.into_iter().for_each(|at| model.drafts.written(&key, at)),
                Err(error) => failed(model, error),
            }
            Vec::new()
        }
        Message::Folder { .. } | Message::TableRead(_) | Message::TableMatched(..) => {
            wizard::message(model, message);
            Vec::new()
        }
        Message::Chosen(answered) => settle::chosen(model, answered),
        Message::Progress { job, done, total } => {
            model.jobs.progress(job, done, total);
            Vec::new()
        }
        Message::Ended(job, answered) => ended(model, job, answered),
        Message::Version(Ok(version)) if model.version != Some(version) => reload(model),
        Message::Version(_) => Vec::new(),
        Message::Digits(digits) => {
            model.welcome = model.welcome.take().map(|_| Welcome::Waiting(Some(digits)));
            Vec::new()
        }
        Message::Entered => entered(model),
        Message::NotEntered(error) => open::not_entered(model, error),
        Message::WorkerLost(what) => {
            failed(model, BackendError::Failed(what));
            Vec::new()
        }
    }
}

/// It is written down who looks at a record, or could not be.
fn revealed(model: &mut Model, id: RecordId, answered: Answered<()>) {
    match answered {
        Ok(()) => {
            training::revealed(model, id);
            settle::revealed(model, id);
        }
        Err(error) => failed(model, error),
    }
}

/// There is a node now, or the one there is was opened.
fn entered(model: &mut Model) -> Vec<Task> {
    model.welcome = None;
    model.form = None;
    model.drafts.retain_only(None);
    if model.lock.take().is_none() {
        model.notice = Some(Notice::Said(Mark::Good, "notice-entered"));
    }
    begin(model)
}

/// Notes how a job ended, and says it.
fn ended(model: &mut Model, job: JobId, answered: Answered<Done>) -> Vec<Task> {
    let ending = match &answered {
        Ok(_) => Ending::Done,
        Err(BackendError::Failed(id)) if id == STOPPED => Ending::Stopped,
        Err(_) => Ending::Failed,
    };
    model.jobs.end(job, ending, model.clock);
    if answered.is_err() {
        wizard::not_saved(model, job);
    }
    match answered {
        Ok(Done::Synced(report)) => model.notice = Some(sync_notice(&report)),
        Ok(Done::Undone(report)) => {
            let tasks = undo::done(model, *report);
            return [tasks, reload(model)].concat();
        }
        Ok(Done::Imported(saved)) => wizard::saved(model, &saved),
        Err(BackendError::Failed(id)) if OFFLINE.contains(&id.as_str()) => {
            model.notice = Some(Notice::Said(Mark::Absent, "notice-sync-nobody"));
        }
        Err(BackendError::Failed(id)) if id == STOPPED => {
            model.notice = Some(Notice::Said(Mark::Absent, "notice-stopped"));
        }
        Err(error) => failed(model, error),
    }
    reload(model)
}

fn sync_notice(report: &SyncReport) -> Notice {
    let closed = |why| report.peers.iter().any(|peer| peer.closed == Some(why));
    if closed(Closed::Removed) {
        return Notice::Said(Mark::Problem, "notice-removed");
    }
    if closed(Closed::Fork) {
        return Notice::Said(Mark::Problem, "notice-fork");
    }
    let reached = report.peers.iter().filter(|peer| peer.reached).count();
    match reached {
        0 => Notice::Said(Mark::Absent, "notice-sync-nobody"),
        _ => Notice::Of(Mark::Good, "notice-synced", reached.to_string()),
    }
}

pub(super) fn failed(model: &mut Model, error: BackendError) {
    if let Some(form) = &mut model.form
        && form.stage == Stage::Sending
    {
        match &error {
            BackendError::Refused(refusal) => form.refused(refusal.clone()),
            BackendError::Failed(text) => form.stage = Stage::Failed(text.clone()),
        }
    }
    model.notice = Some(match error {
        BackendError::Refused(refusal) => Notice::Refused(refusal),
        BackendError::Failed(text) => Notice::Failed(text),
    });
}

/// Closes the form that was sent, or says in it why not.
fn form_done(model: &mut Model, done: Answered<Notice>) -> Vec<Task> {
    match done {
        Ok(notice) => {
            if let Some(form) = model.form.take_if(|form| form.stage == Stage::Sending) {
                if let Some(list) = model.list_mut().filter(|_| form.many.is_some()) {
                    list.ticks = Ticks::none();
                }
                model.drafts.forget(form.draft_key());
            }
            model.notice = Some(notice);
            let mut tasks = model.drafts.write();
            tasks.extend(reload(model));
            tasks
        }
        Err(error) => {
            failed(model, error);
            Vec::new()
        }
    }
}

fn acted(
    model: &mut Model,
    action: &'static onex_crdt::action::Action,
    answered: Answered<Vec<Answer>>,
) -> Vec<Task> {
    let made = answered.as_ref().ok().and_then(|answers| answers.first()).map(|answer| answer.id);
    if made.is_some() && action.kind == Some(Application::KIND) {
        model.lines.selected_id = made;
        if model.role() == Some(OrgRole::Hub) {
            model.line_open = false;
            model.line = None;
        }
    }
    if made.is_some() && action.id == organisation::ADD.id {
        model.directory.selected_id = made;
    }
    training::acted(model, action, made);
    form_done(model, answered.map(|_| Notice::Done(action)))
}

fn take(model: &mut Model, slot: Slot, loaded: Loaded, known: Known) -> Vec<Task> {
    if model.known.len() > KNOWN_MAX {
        model.known.clear();
    }
    model.known.extend(known);
    match loaded {
        Loaded::Overview { status, asking, version } => {
            let is_first = model.status.is_none();
            model.status = Some(*status);
            model.asking = asking;
            model.version = Some(version);
            if is_first {
                if model.role() == Some(OrgRole::Hub) && !model.lines.is_queue() {
                    model.lines.toggle_queue();
                    model.training.part = Part::Learners;
                }
                return list_ask(model);
            }
        }
        Loaded::Today(mut due, progress) => {
            model.progress = progress;
            if let Some(import) = wizard::due(model) {
                let at = due.iter().position(wizard::waits_behind);
                due.insert(at.unwrap_or(due.len()), import);
            }
            model.today_at = model.today_at.min(due.len().saturating_sub(1));
            model.today = Some(due);
        }
        Loaded::Rows(rows) => {
            match slot {
                Slot::Rows(ListOf::Lines) => model.lines.take(rows),
                Slot::Rows(ListOf::Classes) => model.training.classes.take(rows),
                Slot::Rows(ListOf::Learners) => model.training.learners.take(rows),
                Slot::Rows(ListOf::Pick) => training::take_picks(model, rows),
                _ => model.directory.take(rows),
            }
            return detail_ask(model).into_iter().collect();
        }
        Loaded::Line(history) => model.line = Some(*history),
        Loaded::Organisation(page) => take_page(model, *page),
        Loaded::Sync(conflicts, asking) => {
            model.conflicts = conflicts;
            model.asking = asking;
            let wanted = model.conflict_wanted.take();
            let at = |id| model.conflicts.iter().position(|conflict| conflict.record_id == id);
            if let Some(at) = wanted.and_then(at) {
                model.sync_at = model.asking.len() + at;
            }
            model.sync_at = model.sync_at.min(model.sync_len().saturating_sub(1));
        }
        Loaded::People(page) => people::take(model, *page),
        Loaded::Picks(rows) => {
            let form = model.form.as_mut();
            if let Some(Popup::Records { found, selected, .. }) =
                form.and_then(|form| form.popup.as_mut())
            {
                *found = Some(rows);
                *selected = 0;
            }
        }
        Loaded::Class(page) => training::take_class(model, *page),
        Loaded::Learner(page) => model.training.learner = Some(*page),
        Loaded::Pair(pair) => model.training.pair = Some(*pair),
        Loaded::Seats(meeting, seats) => training::take_seats(model, meeting, seats),
        Loaded::Facets(values) => lists::found(model, values),
        Loaded::Edited(row) => return open::edited(model, row),
        Loaded::Settle(page) => return settle::take(model, *page),
        Loaded::Drafts(drafts) => model.drafts.restore(drafts),
    }
    Vec::new()
}

fn take_page(model: &mut Model, page: crate::core::load::OrganisationPage) {
    let wanted = model.contact_wanted.take();
    let at = |id: RecordId| page.contacts.iter().position(|contact| contact.id == id);
    if let Some(at) = wanted.and_then(at) {
        model.contact_at = at;
    }
    model.contact_at = model.contact_at.min(page.contacts.len().saturating_sub(1));
    model.page = Some(page);
}

/// What the node says when a job heeded that it was asked to stop.
const STOPPED: &str = "failure-stopped";
/// Failures of a sync that only mean that nobody is near: said calmly.
const OFFLINE: [&str; 3] = ["failure-no-peer", "failure-unreachable", "failure-network"];
const KNOWN_MAX: usize = 5_000;
