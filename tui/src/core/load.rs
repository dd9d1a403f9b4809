//! What workers are asked and what they bring back. Runs on their threads, over any `Backend`.
//!
//! Nothing here knows a screen or a sentence: rows go to the model, which words them when drawn.

mod lists;
pub mod roster;
pub mod today;
mod training;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use onex_crdt::action::{Action, Given};
use onex_crdt::field::Shape;
use onex_crdt::field::time::{Date, Moment};
use onex_crdt::ids::{OrgId, RecordId};
use onex_crdt::record::{Record, RecordKind, Row};
use onex_crdt::records::application::Application;
use onex_crdt::records::conflict::CHOOSE;
use onex_crdt::records::contact::Contact;
use onex_crdt::records::organisation::Organisation;
use onex_crdt::registry;
use onex_crdt::roles::PersonRole;
use onex_crdt::value::Value;
use onex_node::api::{
    Answer, Asking, Conflict, DeviceRow, Draft as StoredDraft, History, Peer, Query, Status,
    SyncReport,
};
use onex_node::home::{Passphrase, write_new_secret, write_secret};
use onex_node::import::{self, Roster};
use onex_node::importing::Saved;
use onex_node::undoing::What;

use crate::core::backend::{Answered, Backend, BackendError};
use crate::core::form::{Draft, DraftKey};
use crate::core::jobs::{JobId, Stop, Work};
pub use crate::core::load::lists::{ListOf, Many, Window};
use crate::core::load::lists::{act_many, facets, rows};
use crate::core::load::roster::{NoRoster, TableSource};
use crate::core::load::today::Progress;
use crate::core::marking::Seat;
use crate::core::people::PeoplePage;
use crate::core::settle::{self, Dispute, SettlePage};
use crate::core::training::{ClassPage, LearnerPage};
use crate::core::undo::{LEFT_SHOWN_MAX, LeftRecord, TakeBack, UndoReport};
use crate::core::wizard::Folder;

/// Something for a worker.
#[derive(Clone)]
pub enum Task {
    /// Read; the newest generation of a slot wins.
    Load {
        /// What to read.
        want: Want,
        /// The generation, which comes back with the answer.
        generation: u64,
    },
    /// Carry an action out.
    Act {
        /// The action.
        action: &'static Action,
        /// Records it takes, or none.
        ids: Vec<RecordId>,
        /// What is given.
        given: Given,
    },
    /// Carry an action out on rows that were ticked, for all or for none.
    ActMany {
        /// The action.
        action: &'static Action,
        /// Records it takes.
        many: Many,
        /// The parameter that names them and the record that the action takes, where it takes
        /// another one.
        into: Option<(&'static str, RecordId)>,
        /// What is given.
        given: Given,
    },
    /// Write down that somebody looks at what is masked of a record.
    Reveal {
        /// Its kind.
        kind: &'static RecordKind,
        /// The record.
        id: RecordId,
    },
    /// Write down that a form shows what is masked of a record.
    Opened {
        /// Its kind.
        kind: &'static RecordKind,
        /// The record.
        id: RecordId,
        /// The keys of the fields.
        keys: Vec<&'static str>,
    },
    /// Write an invitation into a file.
    Invite {
        /// The organisation.
        org: OrgId,
        /// Where to write.
        file: PathBuf,
    },
    /// Let a device in.
    Confirm {
        /// The digits that both screens show.
        digits: String,
    },
    /// Long work, which tells how far it has come.
    Job {
        /// Its number.
        id: JobId,
        /// What it does.
        work: Work,
        /// Asks it to stop.
        stop: Stop,
    },
    /// Keep the texts of a form; none forgets them.
    Draft {
        /// The form.
        key: DraftKey,
        /// Its texts.
        texts: Draft,
    },
    /// Pick in conflicts.
    Choose {
        /// Each conflict with what was picked.
        choices: Vec<Given>,
    },
    /// Read what can be chosen in the folder of a path.
    Folder {
        /// The path.
        path: String,
    },
    /// Read a table and find the roster in it.
    ReadTable {
        /// What is to be imported.
        roster: Roster,
        /// The table.
        source: TableSource,
    },
    /// Compare a roster with the register.
    MatchTable {
        /// Its state, which comes back with the answer.
        version: u64,
        /// The roster.
        draft: Arc<import::Draft>,
    },
    /// Ask whether the store changed.
    Look,
    /// Found a network (first use).
    Found {
        /// The hub's name.
        name: String,
        /// Its region, six digits.
        region: String,
        /// The person.
        person: String,
    },
    /// Join a network (first use).
    Join {
        /// The invitation: a file, or a code.
        invitation: String,
        /// The inviter's address, with a code.
        address: Option<String>,
        /// The person.
        person: String,
    },
    /// Keep the keys of the node that is to be made under a passphrase, or under none (first use).
    Guard(Option<Passphrase>),
    /// Open the node whose keys are under a passphrase.
    Unlock(Passphrase),
}

/// What to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// Who, status, devices that ask, version.
    Overview,
    /// What is due.
    Today,
    /// A window of a list.
    Rows(ListOf, Window),
    /// An application line with its history.
    Line(RecordId),
    /// An organisation with contacts and devices.
    Organisation(RecordId),
    /// A class with roster and meetings.
    Class(RecordId),
    /// A learner with history and classes.
    Learner(RecordId),
    /// Two learners to be compared.
    Pair([RecordId; 2]),
    /// The sheet of a meeting.
    Seats(RecordId),
    /// Conflicts and devices that ask.
    Sync,
    /// Devices and people.
    People,
    /// Records that an id field may name.
    Picks(&'static str, String),
    /// The row that a form alters.
    Edited(&'static str, RecordId),
    /// The values that rows of a kind have under a key.
    Facets(&'static str, &'static str),
    /// What the person has begun to write.
    Drafts,
    /// A record in conflict.
    Settle(&'static str, RecordId),
}

/// The place that an answer fills; a newer question to it makes older answers void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// See `Want::Overview`; the others likewise.
    Overview,
    /// What is due.
    Today,
    /// A list.
    Rows(ListOf),
    /// One line.
    Line,
    /// One organisation.
    Organisation,
    /// A class.
    Class,
    /// A learner.
    Learner,
    /// Two learners.
    Pair,
    /// A sheet.
    Seats,
    /// Conflicts.
    Sync,
    /// Devices and people.
    People,
    /// Records to pick from.
    Picks,
    /// The row of a form.
    Edited,
    /// Values to filter by.
    Facets,
    /// What was begun.
    Drafts,
    /// A record in conflict.
    Settle,
}

impl Want {
    /// Returns the slot that the answer fills.
    pub fn slot(&self) -> Slot {
        match self {
            Want::Overview => Slot::Overview,
            Want::Today => Slot::Today,
            Want::Rows(list, _) => Slot::Rows(*list),
            Want::Line(_) => Slot::Line,
            Want::Organisation(_) => Slot::Organisation,
            Want::Class(_) => Slot::Class,
            Want::Learner(_) => Slot::Learner,
            Want::Pair(_) => Slot::Pair,
            Want::Seats(_) => Slot::Seats,
            Want::Sync => Slot::Sync,
            Want::People => Slot::People,
            Want::Picks(..) => Slot::Picks,
            Want::Edited(..) => Slot::Edited,
            Want::Facets(..) => Slot::Facets,
            Want::Drafts => Slot::Drafts,
            Want::Settle(..) => Slot::Settle,
        }
    }
}

/// What a worker says when it is done.
#[derive(Clone)]
pub enum Message {
    /// The answer to a `Load`, with records that it names.
    Loaded {
        /// The slot.
        slot: Slot,
        /// The generation asked for.
        generation: u64,
        /// What was read.
        loaded: Answered<(Loaded, Known)>,
    },
    /// An action was carried out or refused.
    Acted(&'static Action, Answered<Vec<Answer>>),
    /// It is written down that somebody looks at a record, or not.
    Revealed(RecordId, Answered<()>),
    /// It is written down that a form shows what is masked, or not.
    Opened(Answered<()>),
    /// An invitation was written, or not.
    Invited(Answered<PathBuf>),
    /// A device was let in, or not.
    Confirmed(Answered<()>),
    /// The texts of a form were kept at that time, or forgotten, or neither.
    Drafted(DraftKey, Answered<Option<Moment>>),
    /// So many conflicts were settled, or not.
    Chosen(Answered<usize>),
    /// What can be chosen in the folder of a path, or why nothing.
    Folder {
        /// The path.
        path: String,
        /// What was found.
        found: Result<Folder, NoRoster>,
    },
    /// A roster was read, or why not.
    TableRead(Answered<Result<(String, Box<import::Draft>), NoRoster>>),
    /// A roster was compared with the register.
    TableMatched(u64, Answered<Box<import::Draft>>),
    /// A job has come so far.
    Progress {
        /// The job.
        job: JobId,
        /// How much is done.
        done: u64,
        /// How much there is, where that is known.
        total: Option<u64>,
    },
    /// A job ended.
    Ended(JobId, Answered<Done>),
    /// The version of the store.
    Version(Answered<u64>),
    /// The digits to be compared while joining.
    Digits(String),
    /// There is a node now.
    Entered,
    /// There is still none.
    NotEntered(BackendError),
    /// A worker died; its words are for the log and the status line.
    WorkerLost(String),
}

/// What a job led to.
#[derive(Debug, Clone)]
pub enum Done {
    /// A sync.
    Synced(SyncReport),
    /// An undoing.
    Undone(Box<UndoReport>),
    /// An import.
    Imported(Saved),
}

/// What was read.
#[derive(Debug, Clone)]
pub enum Loaded {
    /// Who, how it stands, who asks, the store's version.
    Overview {
        /// The state of the node.
        status: Box<Status>,
        /// Devices that ask.
        asking: Vec<Asking>,
        /// The version of the store.
        version: u64,
    },
    /// What is due, most urgent first, and how far the term has come.
    Today(Vec<Due>, Option<Progress>),
    /// Rows of a list.
    Rows(Rows),
    /// A line.
    Line(Box<History>),
    /// An organisation.
    Organisation(Box<OrganisationPage>),
    /// A class.
    Class(Box<ClassPage>),
    /// A learner.
    Learner(Box<LearnerPage>),
    /// Two learners.
    Pair(Box<[LearnerPage; 2]>),
    /// The sheet of a meeting.
    Seats(RecordId, Vec<Seat>),
    /// Conflicts and devices that ask.
    Sync(Vec<Conflict>, Vec<Asking>),
    /// Devices and people.
    People(Box<PeoplePage>),
    /// Rows to pick from.
    Picks(Vec<Row>),
    /// The row of a form; nothing when it is gone.
    Edited(Option<Row>),
    /// Values with the number of rows that have each.
    Facets(Vec<(Value, usize)>),
    /// What the person has begun to write.
    Drafts(Vec<StoredDraft>),
    /// A record in conflict.
    Settle(Box<SettlePage>),
}

/// A window of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rows {
    /// The place of the first row.
    pub offset: usize,
    /// How many rows match.
    pub total: usize,
    /// The rows.
    pub rows: Vec<Row>,
    /// When lines were submitted, for those of which it is asked.
    pub since: BTreeMap<RecordId, Moment>,
}

/// An organisation with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganisationPage {
    /// The organisation.
    pub row: Row,
    /// Its contacts in office.
    pub contacts: Vec<Row>,
    /// Its devices.
    pub devices: Vec<DeviceRow>,
}

/// Something that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// A device asks to be let in.
    Asking(Asking),
    /// Fields of a record have several values.
    Conflict(Dispute),
    /// Two records have one number, the one under this key.
    Duplicate([RecordId; 2], &'static str),
    /// The hub sent a line back.
    Returned(Row),
    /// A draft was never submitted.
    Draft(Row),
    /// The college asked for something and waits.
    Requested(Row),
    /// A line waits for the hub since then.
    Submitted(Row, Option<Moment>),
    /// A line waits for a second person since then.
    Second(Row, Option<Moment>),
    /// A college asks for a change or a withdrawal of a filed line.
    Request(Row, Option<Moment>),
    /// Nobody has recorded who came to a meeting of a class.
    Meeting(Row, Row),
    /// So many learners of a class have not confirmed.
    Unconfirmed(Row, usize),
    /// A form was begun and not saved.
    Unfinished(Unfinished),
    /// A roster waits to be saved.
    Import {
        /// What it is called.
        name: String,
        /// How many rows wait.
        rows: usize,
        /// How many of them have something wrong.
        rejected: usize,
    },
    /// A contact was last confirmed long ago.
    Contact(Row, Date),
    /// So many changes were kept apart that an admin can adopt.
    Held(usize),
    /// Nobody of the organisation has the role that its daily work takes.
    NoRole(PersonRole),
    /// Changes that no peer has yet.
    Unsent(usize, Option<Moment>),
}

/// A form that was begun and not saved.
#[derive(Debug, Clone, Copy)]
pub struct Unfinished {
    /// What it is for.
    pub action: &'static Action,
    /// The record that the action takes.
    pub subject: Option<RecordId>,
    /// When it was last written.
    pub at: Moment,
}

impl PartialEq for Unfinished {
    fn eq(&self, other: &Self) -> bool {
        (self.action.id, self.subject, self.at) == (other.action.id, other.subject, other.at)
    }
}

impl Eq for Unfinished {}

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

impl Due {
    /// Returns the application line that it is about.
    pub fn line(&self) -> Option<&Row> {
        match self {
            Due::Returned(row) | Due::Draft(row) | Due::Requested(row) => Some(row),
            Due::Submitted(row, _) | Due::Second(row, _) | Due::Request(row, _) => Some(row),
            Due::Asking(_)
            | Due::Unfinished(_)
            | Due::Import { .. }
            | Due::Meeting(..)
            | Due::Unconfirmed(..)
            | Due::Conflict(_)
            | Due::Duplicate(..)
            | Due::Contact(..)
            | Due::Held(_)
            | Due::NoRole(_)
            | Due::Unsent(..) => None,
        }
    }
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
