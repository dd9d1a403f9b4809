//! What workers bring back: messages, what was read, what is due. Plain values.

use std::collections::BTreeMap;
use std::path::PathBuf;

use onex_crdt::action::Action;
use onex_crdt::field::time::{Date, Moment};
use onex_crdt::ids::RecordId;
use onex_crdt::record::Row;
use onex_crdt::roles::PersonRole;
use onex_crdt::value::Value;
use onex_node::api::{
    Answer, Asking, Conflict, DeviceRow, Draft as StoredDraft, History, Status, SyncReport,
};
use onex_node::import;
use onex_node::importing::Saved;

use crate::core::backend::{Answered, BackendError};
use crate::core::form::DraftKey;
use crate::core::jobs::JobId;
use crate::core::load::Known;
use crate::core::load::roster::NoRoster;
use crate::core::load::task::Slot;
use crate::core::load::today::Progress;
use crate::core::marking::Seat;
use crate::core::people::PeoplePage;
use crate::core::settle::{Dispute, SettlePage};
use crate::core::training::{ClassPage, LearnerPage};
use crate::core::undo::UndoReport;
use crate::core::wizard::Folder;

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
