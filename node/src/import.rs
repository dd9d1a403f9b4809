//! Rosters that people bring: from a table to records that can be saved, problem by problem.
//!
//! A [`Draft`] is a plain value: a table, how its columns are understood, and what is wrong with
//! which cell. Nothing here opens a file, reads the store or writes; a wizard can hold a draft,
//! change it and look at it again:
//!
//! 1. [`table::read`](crate::table::read) or `read_pasted`, then [`Draft::new`]: finds sheet,
//!    header and rows, maps the columns, checks every cell.
//! 2. [`Draft::columns`] shows the mapping, [`Draft::targets`] what a column may be mapped to,
//!    [`Draft::map`] changes it, [`Draft::choose_sheet`] takes another sheet.
//! 3. [`Draft::rows`] shows the rows, [`Draft::set`] edits a cell in place, [`Draft::leave_out`]
//!    leaves a row out. Each checks again what it touches.
//! 4. `Node::import_match` tells the draft which of its numbers the store knows
//!    ([`Draft::numbers`], [`Draft::match_with`]): some rows become updates, some problems.
//! 5. [`Draft::problems`], [`Draft::warnings`] and [`Draft::tally`] say how it stands.
//! 6. `Node::import` saves the good rows ([`Draft::planned`]) as one batch.
//!
//! Problems are data; the interface finds the sentences. Values are true values: mask them.

mod alias;
mod cell;
mod check;
mod header;
mod row;

use std::collections::{BTreeMap, BTreeSet};

use onex_crdt::action::Given;
use onex_crdt::field::FieldError;
use onex_crdt::field::time::Date;
use onex_crdt::ids::RecordId;
use onex_crdt::record::{FieldDef, Record, RecordKind};
use onex_crdt::records::class::enrolment::Enrolment;
use onex_crdt::records::learner::Learner;

use crate::table::{Cell, Table};
use check::Checked;
use header::Header;

/// What can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roster {
    /// Learners for the register (考生).
    Learner,
    /// Places in a class for learners of the register (入班).
    Enrolment,
}

impl Roster {
    /// Every roster there is.
    pub const ALL: [Roster; 2] = [Roster::Learner, Roster::Enrolment];

    /// The kind of its records.
    pub fn kind(self) -> &'static RecordKind {
        match self {
            Roster::Learner => Learner::KIND,
            Roster::Enrolment => Enrolment::KIND,
        }
    }

    /// Returns the roster of a kind, or nothing when the kind cannot be imported.
    pub fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|roster| roster.kind().key == key)
    }

    /// What a column may be mapped to, in the order of the definition.
    pub fn targets(self) -> Vec<Target> {
        let learner = |key: &str| Learner::KIND.field(key).map(Target::new);
        match self {
            Roster::Learner => {
                let fields = Learner::KIND.stored().filter(|field| field.key != PHOTO);
                fields.map(Target::new).collect()
            }
            Roster::Enrolment => {
                let named = [("student_no", "learner_id"), ("id_number", "learner_id")];
                let named = named.into_iter().chain([("name", "learner_name")]);
                let named = named.filter_map(|(key, reported)| {
                    learner(key).map(|target| Target { reported, ..target })
                });
                let own = Enrolment::KIND.field("learner_confirmed");
                named.chain(own.map(Target::new)).collect()
            }
        }
    }
}

/// A photo is a file: its name in a table says nothing that could be stored.
const PHOTO: &str = "photo_digest";

/// Something that a column can be mapped to.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The key that `map` takes.
    pub key: &'static str,
    /// The field whose label is shown and whose type reads the cells.
    pub field: &'static FieldDef,
    /// The key of the record's own field, which problems name.
    pub reported: &'static str,
}

impl Target {
    fn new(field: &'static FieldDef) -> Self {
        Self { key: field.key, field, reported: field.key }
    }
}

/// A column of the sheet.
#[derive(Debug, Clone)]
pub struct Column {
    /// The place in the sheet, from 0.
    pub at: u16,
    /// The header as it stands in the file, line breaks kept.
    pub header: String,
    /// What it is mapped to.
    pub target: Option<Target>,
    /// Whether it is known to hold nothing to import: 序号.
    pub ignored: bool,
}

/// A row of the roster.
#[derive(Clone)]
pub struct Entry {
    /// The number that a spreadsheet shows.
    pub number: u32,
    /// Whether somebody chose to leave it out.
    pub left_out: bool,
    /// Place of the row in the sheet.
    at: usize,
    /// Cells that were edited.
    edited: BTreeMap<u16, String>,
    checked: Checked,
    /// Found by comparing with other rows and with the store.
    found: Vec<Problem>,
    known: Option<RecordId>,
}

impl Entry {
    /// What is wrong with the row, by column.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.checked.problems.iter().chain(&self.found)
    }

    /// What becomes of the row.
    pub fn fate(&self) -> Fate {
        match self.known {
            _ if self.left_out => Fate::LeftOut,
            _ if self.problems().next().is_some() => Fate::Rejected,
            Some(id) => Fate::Update(id),
            None => Fate::Add,
        }
    }

    /// The name in its stored form, where it could be read.
    pub fn name(&self) -> Option<&str> {
        self.checked.text("name")
    }

    /// The ID number in its stored form, where it could be read.
    pub fn id_number(&self) -> Option<&str> {
        self.checked.text("id_number")
    }
}

/// What becomes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// A new record.
    Add,
    /// The same name and number are in the store: this record is edited, or, for places in a
    /// class, put there.
    Update(RecordId),
    /// It has a problem.
    Rejected,
    /// Somebody chose to leave it out.
    LeftOut,
}

/// Something that keeps a row from being saved.
#[derive(Clone, PartialEq, Eq)]
pub struct Problem {
    /// The number of the row.
    pub row: u32,
    /// The header of the column, where the file has one.
    pub column: Option<String>,
    /// The key of the target that the column is mapped to.
    pub key: &'static str,
    /// The key of the record's own field.
    pub field: &'static str,
    /// What is wrong.
    pub code: Code,
    /// What stands in the cell, once cleaned; personal data. Nothing where the cell is empty or
    /// its true value lost.
    pub value: Option<String>,
    /// The other row or record.
    pub of: Option<Other>,
    /// What the type of the field says.
    pub error: Option<FieldError>,
}

/// Shows where, never what: a problem may be logged.
impl std::fmt::Debug for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "row {} {:?} {}", self.row, self.column, self.code.id())
    }
}

/// What a row agrees with and must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Other {
    /// A row higher up.
    Row(u32),
    /// A record in the store.
    Record(RecordId),
}

/// Declares codes with their ids.
macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $id:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$vmeta])* $variant,)+ }

        impl $name {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// What `--json` prints.
            pub fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)+ }
            }
        }
    };
}

codes! {
    /// What is wrong with a cell (contract, "Records").
    Code {
        /// The check character does not fit.
        CheckDigit = "check_digit",
        /// A number that lost its last digits.
        ScientificNotation = "scientific_notation",
        /// Too few characters.
        TruncatedId = "truncated_id",
        /// Characters that no such number has.
        IdChars = "id_chars",
        /// A formula without a value.
        FormulaError = "formula_error",
        /// The number stands higher up.
        DuplicateInFile = "duplicate_in_file",
        /// The number is another learner's.
        DuplicateInStore = "duplicate_in_store",
        /// Nothing where something must be.
        Missing = "missing",
        /// No such day.
        BadDate = "bad_date",
        /// Letters that names have not, or too few or too many.
        NameChars = "name_chars",
        /// No mobile number.
        Phone = "phone",
        /// None of the values there are, or not of the field's form.
        UnknownValue = "unknown_value",
    }
}

/// Something that was put right or looks odd; it stops no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The number of the row.
    pub row: u32,
    /// The header of the column, where it is about one.
    pub column: Option<String>,
    /// What it is.
    pub code: Mark,
}

codes! {
    /// What was put right or looks odd (contract, "Records").
    Mark {
        /// The sex differs from the ID number, which counts.
        SexMismatch = "sex_mismatch",
        /// The day of birth differs from the ID number, which counts.
        BirthMismatch = "birth_mismatch",
        /// The row is hidden; it is imported.
        HiddenRow = "hidden_row",
        /// A total or a signature, not a row.
        FooterSkipped = "footer_skipped",
        /// The value of the merged cell above was taken.
        MergedFill = "merged_fill",
        /// An apostrophe in front was dropped.
        ApostropheRemoved = "apostrophe_removed",
        /// Full-width digits and letters became plain ones.
        FullwidthNormalised = "fullwidth_normalised",
        /// Spaces were dropped.
        WhitespaceTrimmed = "whitespace_trimmed",
        /// A small x became a capital one.
        LowercaseX = "lowercase_x",
        /// An everyday word for a level: 大专 is 高职.
        LevelAlias = "level_alias",
        /// An everyday word for another value.
        ValueAlias = "value_alias",
        /// A blank row between others.
        BlankRow = "blank_row",
        /// The header repeated between the rows.
        HeaderRepeated = "header_repeated",
        /// A column that is not imported.
        UnknownColumn = "unknown_column",
        /// A second column for the same field, which is not imported.
        ColumnRepeated = "column_repeated",
        /// Another sheet holds a roster too; it is not imported.
        OtherSheet = "other_sheet",
    }
}

/// Why a table is no roster: no row of it is a header that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no header row is known")]
pub struct NoHeader;

/// What a draft wants to know of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    /// ID numbers.
    pub id_numbers: BTreeSet<String>,
    /// Student numbers.
    pub student_nos: BTreeSet<String>,
}

/// What the store knows of a draft's numbers.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Learners by ID number.
    pub by_id_number: BTreeMap<String, KnownLearner>,
    /// Learners by student number.
    pub by_student_no: BTreeMap<String, KnownLearner>,
}

/// A learner in the store.
#[derive(Clone, PartialEq, Eq)]
pub struct KnownLearner {
    /// The record.
    pub id: RecordId,
    /// The name.
    pub name: Option<String>,
    /// The ID number.
    pub id_number: Option<String>,
    /// Whether the record may be edited: neither graduated nor gone.
    pub is_active: bool,
}

impl std::fmt::Debug for KnownLearner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KnownLearner({})", self.id)
    }
}

/// How many rows there are of each fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Rows of the roster, those left out not counted.
    pub rows: usize,
    /// New records.
    pub added: usize,
    /// Records in the store that are edited.
    pub updated: usize,
    /// Rows with a problem.
    pub rejected: usize,
}

/// A row that can be saved.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The number of the row.
    pub row: u32,
    /// The record that is edited; a new one is made without it.
    pub id: Option<RecordId>,
    /// What is given.
    pub given: Given,
}

/// A roster on its way into the store.
#[derive(Clone)]
pub struct Draft {
    roster: Roster,
    today: Date,
    table: Table,
    sheet: usize,
    header: Header,
    targets: Vec<Target>,
    columns: Vec<Column>,
    entries: Vec<Entry>,
    /// Warnings about the sheet rather than a cell.
    notes: Vec<Warning>,
    known: Known,
}

impl Draft {
    /// Recognises a roster in a table; `today` is the last day somebody can be born.
    ///
    /// # Errors
    /// When no sheet has a header that is known.
    pub fn new(roster: Roster, table: Table, today: Date) -> Result<Self, NoHeader> {
        let targets = roster.targets();
        let sheets = table.sheets.iter().enumerate();
        let found = sheets.filter_map(|(at, sheet)| {
            Header::find(roster, &targets, sheet).map(|header| (at, header))
        });
        // Hidden sheets come last, then the header that says most, then the first sheet.
        let best = found.max_by_key(|(at, header)| {
            (!table.sheets[*at].hidden, header.recognised, std::cmp::Reverse(*at))
        });
        let (sheet, header) = best.ok_or(NoHeader)?;
        let mut draft = Self {
            roster,
            today,
            table,
            sheet,
            header,
            targets,
            columns: Vec::new(),
            entries: Vec::new(),
            notes: Vec::new(),
            known: Known::default(),
        };
        draft.lay_out();
        Ok(draft)
    }

    /// What is imported.
    pub fn roster(&self) -> Roster {
        self.roster
    }

    /// The table that the draft is made of.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The place of the sheet that is taken.
    pub fn sheet(&self) -> usize {
        self.sheet
    }

    /// The first row of the header and the last one: two where a title stands over several.
    pub fn header_rows(&self) -> (u32, u32) {
        (self.header.first_row, self.header.last_row)
    }

    /// What a column may be mapped to.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The columns of the sheet that have a header.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The rows of the roster: no titles, headers, blank rows, totals.
    pub fn rows(&self) -> &[Entry] {
        &self.entries
    }

    /// What stands in a cell of the draft, as a person reads it.
    pub fn text(&self, row: usize, column: usize) -> String {
        let (Some(entry), Some(column)) = (self.entries.get(row), self.columns.get(column)) else {
            return String::new();
        };
        match entry.edited.get(&column.at) {
            Some(text) => text.clone(),
            None => self.cell(entry, column).map_or_else(String::new, Cell::text),
        }
    }

    fn cell(&self, entry: &Entry, column: &Column) -> Option<&Cell> {
        self.table.sheets[self.sheet].rows.get(entry.at)?.cell(column.at)
    }

    /// Takes another sheet; edits and changes of the mapping are lost.
    ///
    /// # Errors
    /// When there is no header that is known on it; the draft stays as it is.
    pub fn choose_sheet(&mut self, sheet: usize) -> Result<(), NoHeader> {
        let page = self.table.sheets.get(sheet).ok_or(NoHeader)?;
        self.header = Header::find(self.roster, &self.targets, page).ok_or(NoHeader)?;
        self.sheet = sheet;
        self.lay_out();
        Ok(())
    }

    /// Maps a column to a target, or to nothing; another column of that target loses it.
    pub fn map(&mut self, column: usize, target: Option<&str>) {
        let target = target.and_then(|key| self.targets.iter().find(|target| target.key == key));
        let target = target.copied();
        for (at, other) in self.columns.iter_mut().enumerate() {
            let same = other.target.map(|target| target.key) == target.map(|target| target.key);
            if at == column {
                other.target = target;
            } else if same {
                other.target = None;
            }
        }
        self.check_all();
    }

    /// Edits a cell in place, as a person types it.
    pub fn set(&mut self, row: usize, column: usize, text: &str) {
        let Some(at) = self.columns.get(column).map(|column| column.at) else { return };
        let Some(entry) = self.entries.get_mut(row) else { return };
        entry.edited.insert(at, text.to_owned());
        self.check_row(row);
        self.compare();
    }

    /// Leaves a row out, or takes it in again.
    pub fn leave_out(&mut self, row: usize, out: Leaving) {
        if let Some(entry) = self.entries.get_mut(row) {
            entry.left_out = out == Leaving::Out;
            self.compare();
        }
    }

    /// The numbers that the store should be asked for.
    pub fn numbers(&self) -> Numbers {
        let mut numbers = Numbers::default();
        for entry in &self.entries {
            numbers.id_numbers.extend(entry.id_number().map(str::to_owned));
            numbers.student_nos.extend(entry.checked.text("student_no").map(str::to_owned));
        }
        numbers
    }

    /// Tells the draft what the store knows; ask again after cells were edited.
    pub fn match_with(&mut self, known: Known) {
        self.known = known;
        self.compare();
    }

    /// What is wrong, by row, then column.
    pub fn problems(&self) -> Vec<&Problem> {
        let rows = self.entries.iter().filter(|entry| !entry.left_out);
        let mut problems: Vec<&Problem> = rows.flat_map(Entry::problems).collect();
        problems.sort_by_key(|problem| (problem.row, self.place(problem.column.as_deref())));
        problems
    }

    /// What was put right or looks odd, by row, then column.
    pub fn warnings(&self) -> Vec<&Warning> {
        // Of a row that is not saved nothing was put right.
        let told = |entry: &&Entry, warning: &Warning| match entry.fate() {
            Fate::LeftOut => false,
            Fate::Rejected => warning.code == Mark::HiddenRow,
            Fate::Add | Fate::Update(_) => true,
        };
        let of_rows = self.entries.iter().flat_map(|entry| {
            entry.checked.warnings.iter().filter(move |warning| told(&entry, warning))
        });
        let of_columns = self.columns.iter().filter(|column| column.target.is_none());
        let unknown: BTreeSet<&str> = of_columns.map(|column| column.header.as_str()).collect();
        // A column that was mapped by hand is unknown no longer.
        let stands = |note: &&Warning| {
            let of_column = matches!(note.code, Mark::UnknownColumn | Mark::ColumnRepeated);
            !of_column || note.column.as_deref().is_some_and(|column| unknown.contains(column))
        };
        let notes = self.notes.iter().filter(stands);
        let mut warnings: Vec<&Warning> = notes.chain(of_rows).collect();
        warnings.sort_by_key(|warning| (warning.row, self.place(warning.column.as_deref())));
        warnings
    }

    /// The headers of the columns that are mapped to nothing.
    pub fn unknown_columns(&self) -> Vec<&str> {
        let unknown = |column: &&Column| column.target.is_none() && !column.ignored;
        self.columns.iter().filter(unknown).map(|column| column.header.as_str()).collect()
    }

    /// How many rows there are of each fate.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for entry in &self.entries {
            match entry.fate() {
                Fate::Add => tally.added += 1,
                Fate::Update(_) => tally.updated += 1,
                Fate::Rejected => tally.rejected += 1,
                Fate::LeftOut => continue,
            }
            tally.rows += 1;
        }
        tally
    }

    /// The rows that can be saved, with what is to be given for each.
    pub fn planned(&self) -> Vec<Planned> {
        let planned = self.entries.iter().enumerate().filter_map(|(at, entry)| {
            let (id, new) = match entry.fate() {
                Fate::Add => (None, true),
                Fate::Update(id) => (Some(id), false),
                Fate::Rejected | Fate::LeftOut => return None,
            };
            let values = self.read_row(at).1;
            let defaults = values.defaults.into_iter().filter(|_| new);
            let fields = values.fields.into_iter().chain(defaults);
            let given = fields.map(|(key, value)| (key, Some(value))).collect();
            Some(Planned { row: entry.number, id, given })
        });
        planned.collect()
    }

    fn place(&self, header: Option<&str>) -> Option<u16> {
        let column = self.columns.iter().find(|column| Some(column.header.as_str()) == header);
        column.map(|column| column.at)
    }
}

/// Whether a row is left out or taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// Not imported.
    Out,
    /// Imported.
    In,
}
