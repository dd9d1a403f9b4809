//! The rows of a roster: which are people, and what they must not have in common.
//!
//! Titles and totals, blank rows and repeated headers are no rows; each is told, not counted.

use std::collections::BTreeMap;

use super::cell::{Form, Found, found};
use super::check::Checked;
use super::header::Header;
use super::{
    Code, Column, Draft, Entry, KnownLearner, Mark, Other, Problem, Roster, Warning, alias,
};
use crate::table::{Cell, Row};

impl Draft {
    /// Lays the sheet out anew: columns, rows, and a check of every cell.
    pub(super) fn lay_out(&mut self) {
        let header = self.header.clone();
        self.notes = Vec::new();
        self.columns = Vec::new();
        for named in header.columns {
            let target = named.target.and_then(|at| self.targets.get(at)).copied();
            let ignored = target.is_none() && !named.repeated && alias::is_ignored(&named.header);
            let code = match (named.repeated, target.is_none() && !ignored) {
                (true, _) => Some(Mark::ColumnRepeated),
                (_, true) => Some(Mark::UnknownColumn),
                _ => None,
            };
            let row = header.first_row;
            let column = Some(named.header.clone());
            self.notes.extend(code.map(|code| Warning { row, column, code }));
            self.columns.push(Column { at: named.at, header: named.header, target, ignored });
        }
        self.entries = self.find_rows();
        self.find_other_sheets();
        self.check_all();
    }

    fn find_rows(&mut self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut blank = Blank::default();
        let rows = &self.table.sheets[self.sheet].rows;
        let mut notes = Vec::new();
        let mut last = self.header.last_row;
        for (at, row) in rows.iter().enumerate().skip(self.header.after) {
            blank.between(last, row.number);
            last = row.number;
            let note = |code| Warning { row: row.number, column: None, code };
            match self.sort(row) {
                Sort::Person => {
                    notes.append(&mut blank.rows);
                    entries.push(Entry {
                        number: row.number,
                        left_out: false,
                        at,
                        edited: BTreeMap::new(),
                        checked: Checked::default(),
                        found: Vec::new(),
                        known: None,
                    });
                }
                Sort::Blank => blank.rows.push(note(Mark::BlankRow)),
                Sort::Footer => notes.push(note(Mark::FooterSkipped)),
                Sort::Header => notes.push(note(Mark::HeaderRepeated)),
            }
        }
        self.notes.extend(notes);
        entries
    }

    fn sort(&self, row: &Row) -> Sort {
        let mapped = self.columns.iter().filter(|column| column.target.is_some());
        let mapped: Vec<&Column> = mapped.collect();
        let says = |column: &&&Column| row.cell(column.at).is_some();
        let identity = mapped.iter().filter(says).any(|column| {
            let key = column.target.map(|target| target.key);
            key == Some("id_number") && looks_like_number(row.cell(column.at))
        });
        if !identity && row.cells().next().is_some_and(|(_, cell)| is_footer(&cell.text())) {
            return Sort::Footer;
        }
        let repeats = |column: &&&Column| match row.cell(column.at) {
            Some(Cell::Text(text)) => alias::plain(text) == alias::plain(&column.header),
            _ => false,
        };
        match mapped.iter().filter(says).count() {
            0 => Sort::Blank,
            filled => {
                let same = mapped.iter().filter(repeats).count();
                if same >= 2 && same * 2 > filled { Sort::Header } else { Sort::Person }
            }
        }
    }

    fn find_other_sheets(&mut self) {
        let sheets = self.table.sheets.iter().enumerate();
        let others = sheets.filter(|(at, sheet)| *at != self.sheet && !sheet.hidden);
        let found = others.filter_map(|(_, sheet)| {
            let header = Header::find(self.roster, &self.targets, sheet)?;
            let row = header.first_row;
            let column = Some(sheet.name.clone());
            let has_rows = sheet.rows.len() > header.after;
            has_rows.then_some(Warning { row, column, code: Mark::OtherSheet })
        });
        let found: Vec<Warning> = found.collect();
        self.notes.extend(found);
    }

    /// Checks every row again.
    pub(super) fn check_all(&mut self) {
        (0..self.entries.len()).for_each(|at| self.check_row(at));
        self.compare();
    }

    /// Checks a row again.
    pub(super) fn check_row(&mut self, at: usize) {
        let (checked, _) = self.read_row(at);
        self.entries[at].checked = checked;
    }

    /// Compares the rows with each other and with what the store knows.
    pub(super) fn compare(&mut self) {
        let mut seen = Seen::default();
        for at in 0..self.entries.len() {
            self.entries[at].found = Vec::new();
            self.entries[at].known = None;
            if self.entries[at].left_out {
                continue;
            }
            let (found, known) = match self.roster {
                Roster::Learner => self.compare_learner(&self.entries[at], &mut seen),
                Roster::Enrolment => self.compare_enrolment(&self.entries[at], &mut seen),
            };
            self.entries[at].found = found;
            self.entries[at].known = known.map(|known| known.id);
        }
    }

    fn compare_learner(
        &self,
        entry: &Entry,
        seen: &mut Seen,
    ) -> (Vec<Problem>, Option<KnownLearner>) {
        let checked = &entry.checked;
        let (id_number, student_no) = (checked.text("id_number"), checked.text("student_no"));
        let mut found = Vec::new();
        let above = id_number.and_then(|number| seen.first(ID_NUMBER, number, entry.number));
        found.extend(above.map(|row| self.in_file(entry, ID_NUMBER, id_number, row)));
        let above_too = student_no.and_then(|number| seen.first(STUDENT_NO, number, entry.number));
        // A row that repeats another one wholly is told so once.
        let above_too = above_too.filter(|row| above != Some(*row));
        found.extend(above_too.map(|row| self.in_file(entry, STUDENT_NO, student_no, row)));
        let Some(name) = checked.text("name").filter(|_| found.is_empty()) else {
            return (found, None);
        };
        let same = |known: &KnownLearner| known.is_active && known.name.as_deref() == Some(name);
        let by_number = id_number.and_then(|number| self.known.by_id_number.get(number));
        let by_student_no = student_no.and_then(|number| self.known.by_student_no.get(number));
        let mut known = by_number.filter(|known| same(known));
        if let (Some(other), None) = (by_number, known) {
            found.push(self.in_store(entry, ID_NUMBER, id_number, other));
        }
        match by_student_no {
            Some(other)
                if by_number.is_none() && same(other) && {
                    id_number.is_none() || other.id_number.is_none()
                } =>
            {
                known = Some(other);
            }
            Some(other) if by_number.map(|known| known.id) != Some(other.id) => {
                found.push(self.in_store(entry, STUDENT_NO, student_no, other));
            }
            _ => {}
        }
        (found, known.cloned())
    }

    fn compare_enrolment(
        &self,
        entry: &Entry,
        seen: &mut Seen,
    ) -> (Vec<Problem>, Option<KnownLearner>) {
        let checked = &entry.checked;
        let (id_number, student_no) = (checked.text("id_number"), checked.text("student_no"));
        let by_number = id_number.map(|number| self.known.by_id_number.get(number));
        let by_student_no = student_no.map(|number| self.known.by_student_no.get(number));
        let active = |known: Option<&KnownLearner>| known.is_some_and(|known| known.is_active);
        let mut found = Vec::new();
        for (key, value, known) in
            [(STUDENT_NO, student_no, by_student_no), (ID_NUMBER, id_number, by_number)]
        {
            if known.is_some_and(|known| !active(known)) {
                found.push(self.problem(entry, key, Code::UnknownValue, value));
            }
        }
        let known = by_student_no.flatten().or(by_number.flatten());
        let (Some(known), true) = (known, found.is_empty()) else {
            return (found, None);
        };
        if by_number.flatten().is_some_and(|other| other.id != known.id) {
            found.push(self.problem(entry, ID_NUMBER, Code::UnknownValue, id_number));
        }
        let name = checked.text("name");
        if name.is_some_and(|name| known.name.as_deref() != Some(name)) {
            found.push(self.problem(entry, "name", Code::UnknownValue, name));
        }
        let key = if student_no.is_some() { STUDENT_NO } else { ID_NUMBER };
        let above = seen.first("learner", &known.id.to_string(), entry.number);
        found.extend(above.map(|row| self.in_file(entry, key, checked.text(key), row)));
        (found, Some(known.clone()))
    }

    fn in_file(&self, entry: &Entry, key: &'static str, value: Option<&str>, row: u32) -> Problem {
        let of = Some(Other::Row(row));
        Problem { of, ..self.problem(entry, key, Code::DuplicateInFile, value) }
    }

    fn in_store(
        &self,
        entry: &Entry,
        key: &'static str,
        value: Option<&str>,
        other: &KnownLearner,
    ) -> Problem {
        let of = Some(Other::Record(other.id));
        Problem { of, ..self.problem(entry, key, Code::DuplicateInStore, value) }
    }

    fn problem(
        &self,
        entry: &Entry,
        key: &'static str,
        code: Code,
        value: Option<&str>,
    ) -> Problem {
        let with = |column: &&Column| column.target.is_some_and(|target| target.key == key);
        let column = self.columns.iter().find(with);
        let target = self.targets.iter().find(|target| target.key == key);
        Problem {
            row: entry.number,
            column: column.map(|column| column.header.clone()),
            key,
            field: target.map_or(key, |target| target.reported),
            code,
            value: value.map(str::to_owned),
            of: None,
            error: None,
        }
    }
}

/// What a row of the sheet is.
enum Sort {
    Person,
    Blank,
    Footer,
    Header,
}

/// Blank rows that have not been told yet: those after the last person never are.
#[derive(Default)]
struct Blank {
    rows: Vec<Warning>,
}

impl Blank {
    /// Rows between two numbers hold nothing; of a large gap the first one is told.
    fn between(&mut self, last: u32, next: u32) {
        let first = last.saturating_add(1);
        let told = if next.saturating_sub(first) > GAP_TOLD_MAX { first + 1 } else { next };
        let note = |row| Warning { row, column: None, code: Mark::BlankRow };
        self.rows.extend((first..told).map(note));
    }
}

/// The first row with a value, by key and value.
#[derive(Default)]
struct Seen(BTreeMap<(&'static str, String), u32>);

impl Seen {
    /// Returns the first row with a value, or makes this one the first.
    fn first(&mut self, key: &'static str, value: &str, row: u32) -> Option<u32> {
        let first = *self.0.entry((key, value.to_owned())).or_insert(row);
        (first != row).then_some(first)
    }
}

/// Whether a cell holds something like a number of a document.
fn looks_like_number(cell: Option<&Cell>) -> bool {
    match found(cell, Form::Identity) {
        Found::Text(text, _) => text.chars().filter(char::is_ascii_digit).count() >= 6,
        Found::Lost => true,
        Found::Empty | Found::Error => false,
    }
}

/// Whether the first cell of a row says that it is a total, a signature or a note.
fn is_footer(text: &str) -> bool {
    let form = alias::plain(text);
    let after = |word: &str| form.strip_prefix(word).and_then(|rest| rest.chars().next());
    let counts = after("共").is_some_and(|c| c.is_ascii_digit());
    let page = form.starts_with('第') && form.contains('页');
    let noted = text.trim_start().starts_with("注：") || text.trim_start().starts_with("注:");
    counts || page || noted || FOOTERS.iter().any(|word| form.starts_with(word))
}

/// What the last rows of a table begin with.
const FOOTERS: &[&str] = &[
    "合计",
    "总计",
    "共计",
    "小计",
    "总人数",
    "人数合计",
    "制表",
    "填表",
    "填报",
    "审核",
    "审批",
    "复核",
    "负责人",
    "经办人",
    "经手人",
    "班主任",
    "辅导员",
    "联系人",
    "备注",
    "说明",
    "打印",
    "签字",
    "签名",
    "盖章",
    "单位负责人",
    "单位盖章",
    "以下空白",
    "以下无",
    "日期",
    "导出时间",
];

const ID_NUMBER: &str = "id_number";
const STUDENT_NO: &str = "student_no";
/// Of a gap longer than this only the beginning is told.
const GAP_TOLD_MAX: u32 = 100;
