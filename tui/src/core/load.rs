//! What workers do with what they are asked. Runs on their threads, over any `Backend`.
//!
//! What they are asked stands in `task`, what they bring back in `answer`. Nothing here knows a
//! screen or a sentence: rows go to the model, which words them when drawn.

mod answer;
mod lists;
pub mod roster;
mod task;
pub mod today;
mod training;

use std::collections::BTreeMap;
use std::path::PathBuf;

use onex_crdt::action::Given;
use onex_crdt::field::Shape;
use onex_crdt::field::time::Moment;
use onex_crdt::ids::{OrgId, RecordId};
use onex_crdt::record::{Record, RecordKind, Row};
use onex_crdt::records::application::Application;
use onex_crdt::records::conflict::CHOOSE;
use onex_crdt::records::contact::Contact;
use onex_crdt::records::organisation::Organisation;
use onex_crdt::registry;
use onex_crdt::value::Value;
use onex_node::api::{Asking, History, Peer, Query};
use onex_node::home::{write_new_secret, write_secret};
use onex_node::import;
use onex_node::undoing::What;

use crate::core::backend::{Answered, Backend, BackendError};
use crate::core::jobs::Work;
pub use crate::core::load::answer::{
    Done, Due, Loaded, Message, OrganisationPage, Rows, Unfinished,
};
pub use crate::core::load::lists::{ListOf, Many, Window};
use crate::core::load::lists::{act_many, facets, rows};
pub use crate::core::load::task::{Slot, Task, Want};
use crate::core::people::PeoplePage;
use crate::core::settle::{self, SettlePage};
use crate::core::undo::{LEFT_SHOWN_MAX, LeftRecord, TakeBack, UndoReport};

/// Records that rows name, by id: a screen shows their names.
pub type Known = BTreeMap<RecordId, (&'static RecordKind, Row)>;

/// Carries a task out and sends what comes of it; joining, founding and opening are not among
/// them, they make the backend.
pub fn perform(backend: &dyn Backend, task: Task, send: &dyn Fn(Message)) {
    send(match task {
        Task::Load { want, generation } => {
            let loaded = load(backend, &want);
            Message::Loaded { slot: want.slot(), generation, loaded }
        }
        Task::Act { action, ids, given } => {
            Message::Acted(action, backend.act(action, &ids, &given))
        }
        Task::ActMany { action, many, into, given } => {
            Message::Acted(action, act_many(backend, action, many, into, given))
        }
        Task::Reveal { kind, id } => {
            let secret = kind.fields.iter().filter(|field| field.secret);
            let keys: Vec<&str> = secret.map(|field| field.key).collect();
            Message::Revealed(id, backend.reveal(kind, id, &keys))
        }
        Task::Opened { kind, id, keys } => Message::Opened(backend.opened(kind, id, &keys)),
        Task::Invite { org, file } => Message::Invited(invite(backend, org, file)),
        Task::Confirm { digits } => Message::Confirmed(backend.device_confirm(&digits)),
        Task::Draft { key, texts } => {
            let texts = texts.into_iter().map(|(field, text)| (field.to_owned(), text)).collect();
            Message::Drafted(key, backend.draft(key.0, key.1, &texts))
        }
        Task::Choose { choices } => Message::Chosen(choose(backend, &choices)),
        Task::Folder { path } => {
            let found = roster::folder(&path);
            Message::Folder { path, found }
        }
        Task::ReadTable { roster, source } => {
            let read = roster::read(backend, roster, &source);
            Message::TableRead(read.map(|read| read.map(|(name, draft)| (name, Box::new(draft)))))
        }
        Task::MatchTable { version, draft } => {
            let mut draft = Box::new(import::Draft::clone(&draft));
            let matched = backend.import_match(&mut draft).map(|()| draft);
            Message::TableMatched(version, matched)
        }
        Task::Job { id, work, stop } => {
            let progress = |done, total| {
                send(Message::Progress { job: id, done: done as u64, total: Some(total as u64) });
                !stop.is_asked()
            };
            Message::Ended(id, job(backend, work, &progress))
        }
        Task::Look => Message::Version(backend.version()),
        Task::Found { .. } | Task::Join { .. } | Task::Guard(_) | Task::Unlock(_) => return,
    });
}

/// Picks in one conflict after the other; those before one that is refused stay settled.
fn choose(backend: &dyn Backend, choices: &[Given]) -> Answered<usize> {
    for given in choices {
        backend.act(&CHOOSE, &[], given)?;
    }
    Ok(choices.len())
}

fn job(
    backend: &dyn Backend,
    work: Work,
    progress: &dyn Fn(usize, usize) -> bool,
) -> Answered<Done> {
    match work {
        Work::Sync { peer } => backend.sync(peer).map(Done::Synced),
        Work::Undo { what, also } => {
            undo(backend, what, &also).map(|report| Done::Undone(Box::new(report)))
        }
        Work::Import { draft, class } => {
            backend.import(&draft, class, progress).map(Done::Imported)
        }
    }
}

/// Takes something back and reads what is shown of the records that were left alone.
fn undo(backend: &dyn Backend, what: TakeBack, also: &[RecordId]) -> Answered<UndoReport> {
    let named = match what {
        TakeBack::Last => What::Last,
        TakeBack::Undoing => What::LastUndoing,
        TakeBack::Batch(batch) => What::Named(batch.to_string()),
    };
    let undone = backend.undo(&named, also)?;
    let (mut left, mut known) = (Vec::new(), Known::new());
    for (number, record) in undone.left.iter().cloned().enumerate() {
        let is_shown = number < LEFT_SHOWN_MAX;
        let history = is_shown.then(|| backend.history(record.kind, record.id).ok()).flatten();
        if let Some(history) = &history {
            known.insert(record.id, (record.kind, history.row.clone()));
        }
        left.push(LeftRecord::of(record, history.as_ref()));
    }
    Ok(UndoReport { what, undone, left, known })
}

fn invite(backend: &dyn Backend, org: OrgId, file: PathBuf) -> Answered<PathBuf> {
    // Said whole: who chose no folder does not know where the program was started.
    let file = std::path::absolute(&file).unwrap_or(file);
    let failed =
        |error: std::io::Error| BackendError::Failed(format!("{}: {error}", file.display()));
    write_new_secret(&file, b"").map_err(failed)?;
    let written = backend
        .invite(org)
        .and_then(|invited| write_secret(&file, invited.text.as_bytes()).map_err(failed));
    match written {
        Ok(()) => Ok(file),
        Err(error) => {
            let _ = std::fs::remove_file(&file);
            Err(error)
        }
    }
}

/// Reads what is wanted, and the records that it names.
fn load(backend: &dyn Backend, want: &Want) -> Answered<(Loaded, Known)> {
    let mut known = Known::new();
    let loaded = match want {
        Want::Overview => {
            let version = backend.version()?;
            let (status, asking) = (Box::new(backend.status()?), backend.asking()?);
            Loaded::Overview { status, asking, version }
        }
        Want::Today => {
            let due = today::due(backend, &mut known)?;
            Loaded::Today(due, today::progress(backend)?)
        }
        Want::Rows(list, window) => {
            let rows = rows(backend, *list, window)?;
            know_all(backend, list.kind(), &rows.rows, &mut known)?;
            Loaded::Rows(rows)
        }
        Want::Line(id) => {
            let history = backend.history(Application::KIND, *id)?;
            know_all(backend, Application::KIND, std::slice::from_ref(&history.row), &mut known)?;
            for step in &history.steps {
                know(backend, Organisation::KIND, step.org_id.into(), &mut known)?;
            }
            Loaded::Line(Box::new(history))
        }
        Want::Organisation(id) => Loaded::Organisation(Box::new(organisation(backend, *id)?)),
        Want::Class(id) => Loaded::Class(Box::new(training::class(backend, *id, &mut known)?)),
        Want::Learner(id) => {
            Loaded::Learner(Box::new(training::learner(backend, *id, &mut known)?))
        }
        Want::Pair([one, other]) => {
            let one = training::learner(backend, *one, &mut known)?;
            Loaded::Pair(Box::new([one, training::learner(backend, *other, &mut known)?]))
        }
        Want::Seats(id) => Loaded::Seats(*id, training::seats(backend, *id, &mut known)?),
        Want::Sync => {
            let conflicts = backend.conflicts()?;
            for conflict in &conflicts {
                know(backend, conflict.kind, conflict.record_id, &mut known)?;
            }
            let asking = backend.asking()?;
            know_asking(backend, &asking, &mut known)?;
            Loaded::Sync(conflicts, asking)
        }
        Want::People => {
            let page = PeoplePage::read(backend)?;
            for (kind, id) in page.names() {
                know(backend, kind, id, &mut known)?;
            }
            Loaded::People(Box::new(page))
        }
        Want::Picks(kind, text) => Loaded::Picks(picks(backend, kind, text, &mut known)?),
        Want::Drafts => Loaded::Drafts(backend.drafts()?),
        Want::Settle(kind, id) => {
            Loaded::Settle(Box::new(settle_page(backend, kind, *id, &mut known)?))
        }
        Want::Edited(kind, id) => Loaded::Edited(edited(backend, kind, *id, &mut known)?),
        Want::Facets(kind, key) => Loaded::Facets(facets(backend, kind, key, &mut known)?),
    };
    Ok((loaded, known))
}

/// When a line was last asked about, by the college's clock.
pub fn submitted_at(history: &History) -> Option<Moment> {
    let asks = |kind: &str| matches!(kind, "application.submit" | "application.withdraw");
    history.steps.iter().rev().find(|step| asks(&step.kind)).map(|step| step.at)
}

fn organisation(backend: &dyn Backend, id: RecordId) -> Answered<OrganisationPage> {
    let Some(row) = backend.row(Organisation::KIND, id)? else {
        return Err(BackendError::Failed(String::new()));
    };
    let own = Query { limit: Some(PAGE_MAX), ..Query::all(Contact::KIND) };
    let own = own.with("org_id", Value::Bytes(id.0.to_vec()));
    let contacts = backend.list(&own.with("state", Value::Text("active".into())))?.rows;
    let mut devices = backend.devices()?;
    devices.retain(|device| RecordId::from(device.org_id) == id);
    Ok(OrganisationPage { row, contacts, devices })
}

fn picks(backend: &dyn Backend, kind: &str, text: &str, known: &mut Known) -> Answered<Vec<Row>> {
    let Some(kind) = registry::kind(kind) else {
        return Ok(Vec::new());
    };
    let text = (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let mut query = Query { text, limit: Some(PICKS_MAX), ..Query::all(kind) };
    let state = match kind.key {
        "cert_level" => Some("listed"),
        "call" | "class" => Some("open"),
        "organisation" | "learner" => Some("active"),
        _ => None,
    };
    if let Some(state) = state {
        query = query.with("state", Value::Text(state.to_owned()));
    }
    let rows = backend.list(&query)?.rows;
    know_all(backend, kind, &rows, known)?;
    known.extend(rows.iter().map(|row| (row.id, (kind, row.clone()))));
    Ok(rows)
}

fn edited(
    backend: &dyn Backend,
    kind: &str,
    id: RecordId,
    known: &mut Known,
) -> Answered<Option<Row>> {
    let Some(kind) = registry::kind(kind) else {
        return Ok(None);
    };
    let row = backend.row(kind, id)?;
    if let Some(row) = &row {
        know_all(backend, kind, std::slice::from_ref(row), known)?;
        known.insert(id, (kind, row.clone()));
    }
    Ok(row)
}

/// A record in conflict, with the records that its values name.
fn settle_page(
    backend: &dyn Backend,
    kind: &str,
    id: RecordId,
    known: &mut Known,
) -> Answered<SettlePage> {
    let row = edited(backend, kind, id, known)?;
    let mut conflicts = backend.conflicts()?;
    conflicts.retain(|conflict| conflict.record_id == id && conflict.kind.key == kind);
    for conflict in &conflicts {
        let of = conflict.kind.field(&conflict.field).map(|field| field.ty.shape);
        let Some(Shape::Id(of)) = of else { continue };
        let values = conflict.values.iter().filter_map(|value| value.value.as_ref());
        let ids = values.filter_map(|value| value.as_bytes().and_then(RecordId::from_slice));
        for (kind, id) in ids.filter_map(|id| Some((registry::kind(of)?, id))) {
            know(backend, kind, id, known)?;
        }
    }
    let history = registry::kind(kind).and_then(|kind| backend.history(kind, id).ok());
    let before = history.map(|history| settle::before(&history, &conflicts)).unwrap_or_default();
    Ok(SettlePage { row, conflicts, before })
}

fn know_asking(backend: &dyn Backend, asking: &[Asking], known: &mut Known) -> Answered<()> {
    asking
        .iter()
        .try_for_each(|asking| know(backend, Organisation::KIND, asking.org_id.into(), known))
}

/// Reads every record that rows of a kind name, and the organisations that those name.
fn know_all(
    backend: &dyn Backend,
    kind: &'static RecordKind,
    rows: &[Row],
    known: &mut Known,
) -> Answered<()> {
    for row in rows {
        for field in kind.fields {
            if let Shape::Id(of) = field.ty.shape
                && let (Some(of), Some(id)) = (registry::kind(of), row.id_of(field.key))
            {
                know(backend, of, id, known)?;
            }
        }
    }
    Ok(())
}

fn know(
    backend: &dyn Backend,
    kind: &'static RecordKind,
    id: RecordId,
    known: &mut Known,
) -> Answered<()> {
    if !known.contains_key(&id)
        && let Some(row) = backend.row(kind, id)?
    {
        known.insert(id, (kind, row));
    }
    Ok(())
}

/// Returns the peer that was heard of last.
pub fn last_contact(peers: &[Peer]) -> Option<Moment> {
    peers.iter().filter_map(|peer| peer.last_sync).max_by_key(|at| at.unix_seconds())
}

/// After this many days a contact counts as doubtful (contract, `contact_fresh_days`).
pub const CONTACT_FRESH_DAYS: i64 = 180;
const PAGE_MAX: usize = 100;
const PICKS_MAX: usize = 50;
