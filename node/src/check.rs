//! The check of a node (检查): whether everything that is stored still is what was stored.
//!
//! Reads one document or one page of rows at a time, under one read transaction: other processes
//! work on. Only looks; what is to be done about damage stands in `repair`.

pub(crate) mod document;
mod rows;

use std::path::Path;

use rusqlite::Connection;

use onex_crdt::ids::{DocId, RecordId};
use onex_protocol::membership::{Entry, Membership};

use crate::error::NodeError;
use crate::home::{Home, Passphrase};
use crate::presence;
use crate::store::{StoreError, check as raw};

/// What is checked, in this order (contract, `onex check`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The pages of the file, each authenticated, and the trees that they make.
    Database,
    /// Every change: its SHA-256, our own parser, that it applies, that it can be sent.
    Changes,
    /// Every live seal against the membership log; its head is held.
    Seals,
    /// The membership log, replayed: hashes and signatures.
    Membership,
    /// Every snapshot; heads and fingerprint of every document.
    Snapshots,
    /// Every row, computed anew, and what it is computed from.
    Projection,
    /// The audit log: each line goes on from the one before.
    Audit,
}

impl Part {
    /// Every part, in the order of the answer.
    pub const ALL: [Self; 7] = [
        Self::Database,
        Self::Changes,
        Self::Seals,
        Self::Membership,
        Self::Snapshots,
        Self::Projection,
        Self::Audit,
    ];

    /// The id that `--json` prints.
    pub fn id(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Changes => "changes",
            Self::Seals => "seals",
            Self::Membership => "membership",
            Self::Snapshots => "snapshots",
            Self::Projection => "projection",
            Self::Audit => "audit",
        }
    }
}

/// Something that is not as it was stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bad {
    /// The document that it is in.
    pub document: Option<DocId>,
    /// The row that it is, with the key of its kind.
    pub row: Option<(String, RecordId)>,
    /// What is wrong: the id of a sentence.
    pub what: &'static str,
    /// Where exactly, for those who look after the computer.
    pub detail: String,
}

/// What became of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The part.
    pub part: Part,
    /// Whether it could be made at all: what does not read cannot be looked at.
    pub made: bool,
    /// How many things were looked at.
    pub count: usize,
    /// What is wrong, the first `BAD_MAX` of it.
    pub bad: Vec<Bad>,
}

impl Checked {
    /// Whether nothing is wrong; nothing where that is not known.
    pub fn is_ok(&self) -> Option<bool> {
        match (self.bad.is_empty(), self.made) {
            (false, _) => Some(false),
            (true, made) => made.then_some(true),
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// Documents here.
    pub documents: usize,
    /// Changes here.
    pub changes: usize,
    /// The parts, in the order of `Part::ALL`.
    pub checks: Vec<Checked>,
}

impl CheckReport {
    fn new() -> Self {
        let part = |part| Checked { part, made: true, count: 0, bad: Vec::new() };
        Self { documents: 0, changes: 0, checks: Part::ALL.map(part).into() }
    }

    /// Whether everything could be looked at, and nothing is wrong.
    pub fn is_ok(&self) -> bool {
        self.checks.iter().all(|check| check.is_ok() == Some(true))
    }

    /// What became of a part.
    pub fn part(&self, part: Part) -> &Checked {
        &self.checks[part as usize]
    }

    /// Notes what could not be looked at, since something else does not read.
    fn not_made(&mut self, parts: &[Part]) {
        parts.iter().for_each(|part| self.checks[*part as usize].made = false);
    }

    fn count(&mut self, part: Part, more: usize) {
        self.checks[part as usize].count += more;
    }

    fn bad(&mut self, part: Part, bad: Bad) {
        let list = &mut self.checks[part as usize].bad;
        if list.len() < BAD_MAX {
            list.push(bad);
        }
    }

    /// Notes damage in a document.
    fn document(&mut self, part: Part, id: DocId, what: &'static str, detail: impl ToString) {
        let detail = detail.to_string();
        self.bad(part, Bad { document: Some(id), row: None, what, detail });
    }

    /// Notes something that does not read, and goes on without it.
    fn read<T: Default>(&mut self, part: Part, result: Result<T, StoreError>) -> T {
        result.unwrap_or_else(|error| {
            self.bad(part, Bad { what: UNREADABLE, detail: told(&error), ..Bad::default() });
            T::default()
        })
    }
}

/// Most findings that one part names: who has more has lost the disk.
pub const BAD_MAX: usize = 1000;

/// What is told of the work: the part, what is done of it and what there is.
pub type Progress<'a> = &'a mut dyn FnMut(Part, usize, usize);

/// Checks the node that lives in a folder. Nobody needs to stop for it.
///
/// # Errors
/// When no node lives there, or its keys cannot be read; damage is in the report.
pub fn check(
    folder: &Path,
    passphrase: Option<&Passphrase>,
    progress: Progress<'_>,
) -> Result<CheckReport, NodeError> {
    let home = Home::new(folder);
    if !home.is_node() {
        return Err(NodeError::NoNode { folder: folder.display().to_string() });
    }
    let keys = home.unlock(passphrase).map_err(|error| NodeError::keys(&home, error))?;
    let mut report = CheckReport::new();
    match raw::open(&home.database(), &keys.store) {
        Ok(connection) => whole(&connection, &mut report, progress),
        Err(error) => {
            report.count(Part::Database, 1);
            report.read(Part::Database, Err::<(), _>(error));
            report.not_made(&WITHIN);
        }
    }
    if report.part(Part::Database).bad.is_empty() {
        presence::looked_at(folder).map_err(|source| NodeError::folder(folder, source))?;
    }
    Ok(report)
}

/// Checks an open database.
pub(crate) fn whole(connection: &Connection, report: &mut CheckReport, progress: Progress<'_>) {
    progress(Part::Database, 0, 1);
    report.count(Part::Database, 1);
    for detail in raw::pages_twice(connection) {
        report.bad(Part::Database, Bad { what: PAGE, detail, ..Bad::default() });
    }
    let reading = connection.unchecked_transaction().map_err(StoreError::from);
    let Some(reading) = report.read(Part::Database, reading.map(Some)) else {
        return report.not_made(&WITHIN);
    };
    progress(Part::Membership, 0, 1);
    let membership = membership(&reading, report);
    let ids = raw::document_ids(&reading);
    if ids.is_err() {
        report.not_made(&[Part::Changes, Part::Seals]);
    }
    let ids = report.read(Part::Snapshots, ids);
    for (at, id) in ids.iter().enumerate() {
        progress(Part::Changes, at, ids.len());
        document::check(&reading, *id, membership.as_ref(), report);
    }
    log(&reading, report);
    audit(&reading, report);
    report.documents = ids.len();
    report.changes = report.part(Part::Changes).count;
    match &membership {
        Some(membership) => rows::check(&reading, membership, report, progress),
        // Who took part, and so what counts, is not known.
        None => report.not_made(&[Part::Seals, Part::Projection]),
    }
}

/// Whether the marks of the local log follow from its entries.
fn log(connection: &Connection, report: &mut CheckReport) {
    let broken = crate::store::log::first_broken(connection);
    if let Some(position) = report.read(Part::Changes, broken) {
        let detail = position.to_string();
        report.bad(Part::Changes, Bad { what: "log_mark", detail, ..Bad::default() });
    }
}

/// Whether a line of the audit log was altered or is missing.
fn audit(connection: &Connection, report: &mut CheckReport) {
    let lines = raw::audit_lines(connection);
    let lines = report.read(Part::Audit, lines);
    report.count(Part::Audit, lines);
    let broken = crate::store::audit::verify(connection);
    if let Some(position) = report.read(Part::Audit, broken) {
        let detail = position.to_string();
        report.bad(Part::Audit, Bad { what: "audit", detail, ..Bad::default() });
    }
}

/// Replays the log, entry by entry; returns it as far as it holds.
fn membership(connection: &Connection, report: &mut CheckReport) -> Option<Membership> {
    let entries = raw::entries(connection);
    let entries = report.read(Part::Membership, entries);
    report.count(Part::Membership, entries.len());
    let mut log: Option<Membership> = None;
    for (position, entry) in entries {
        if let Err(detail) = append(&mut log, position, entry) {
            let detail = format!("{position}: {detail}");
            report.bad(Part::Membership, Bad { what: ENTRY, detail, ..Bad::default() });
            break;
        }
    }
    if log.is_none() && report.part(Part::Membership).bad.is_empty() {
        let detail = "0".to_owned();
        report.bad(Part::Membership, Bad { what: ENTRY, detail, ..Bad::default() });
    }
    log
}

/// Takes the next stored entry; says why it does not follow.
pub(crate) fn append(
    log: &mut Option<Membership>,
    position: i64,
    entry: Option<Entry>,
) -> Result<(), String> {
    let entry = entry.filter(|entry| entry.position as i64 == position);
    let entry = entry.ok_or("unreadable")?;
    match log {
        None => *log = Some(Membership::open(entry).map_err(|error| error.to_string())?),
        Some(log) => log.append(entry).map_err(|error| error.to_string())?,
    }
    Ok(())
}

/// What an error and its causes say.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, error| format!("{text}: {error}"))
}

/// What is within the file: where that does not open, nothing of it is known.
const WITHIN: [Part; 6] =
    [Part::Changes, Part::Seals, Part::Membership, Part::Snapshots, Part::Projection, Part::Audit];
/// A page is not as it was written.
const PAGE: &str = "page";
/// A row does not read.
const UNREADABLE: &str = "unreadable";
/// An entry of the membership log does not follow from those before.
const ENTRY: &str = "entry";
