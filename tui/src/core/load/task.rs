//! What workers are asked. Plain values; what is done with them stands in `load`.

use std::path::PathBuf;
use std::sync::Arc;

use onex_crdt::action::{Action, Given};
use onex_crdt::ids::{OrgId, RecordId};
use onex_crdt::record::RecordKind;
use onex_node::home::Passphrase;
use onex_node::import::{self, Roster};

use crate::core::form::{Draft, DraftKey};
use crate::core::jobs::{JobId, Stop, Work};
use crate::core::load::lists::{ListOf, Many, Window};
use crate::core::load::roster::TableSource;

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
