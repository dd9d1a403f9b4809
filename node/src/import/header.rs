//! Where the header of a roster stands: after titles, on one row or two.
//!
//! A row is a header when its cells name fields; which cells are rows of data is `row`'s matter.

use super::alias::{self, Fit};
use super::{Roster, Target};
use crate::table::{Cell, Row, Sheet};

/// The header of a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its first row.
    pub first_row: u32,
    /// Its last row: another one where a title stands over several columns.
    pub last_row: u32,
    /// How many fields it names.
    pub recognised: usize,
    /// Place of the first row after it, among the rows of the sheet.
    pub after: usize,
    /// Every column that has a header.
    pub columns: Vec<Named>,
}

/// A column with its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The place in the sheet.
    pub at: u16,
    /// The header as it stands there.
    pub header: String,
    /// The place of the target that it names.
    pub target: Option<usize>,
    /// Whether it names a target that another column names better.
    pub repeated: bool,
}

impl Header {
    /// Finds the header of a sheet: the rows that name the most fields, the first of equals.
    pub fn find(roster: Roster, targets: &[Target], sheet: &Sheet) -> Option<Self> {
        let mut best: Option<Self> = None;
        for at in 0..sheet.rows.len().min(ROWS_LOOKED_AT) {
            let top = &sheet.rows[at];
            let bottom = sheet.rows.get(at + 1).filter(|row| row.number == top.number + 1);
            let single = Self::of(targets, at, top, None);
            let double = bottom.map(|bottom| Self::of(targets, at, top, Some(bottom)));
            for header in std::iter::once(single).chain(double) {
                let better = best.as_ref().is_none_or(|best| best.recognised < header.recognised);
                if better && header.names_enough(roster, targets) {
                    best = Some(header);
                }
            }
        }
        // A title over a header on one row adds nothing to it: the shorter one counts.
        let best = best?;
        let shorter =
            sheet.rows.get(best.after - 1).map(|row| Self::of(targets, best.after - 1, row, None));
        let shorter = shorter
            .filter(|shorter| shorter.recognised == best.recognised && !best.names_more(shorter));
        Some(shorter.unwrap_or(best))
    }

    /// Whether there is a column that only this header names, by a word and not by a title.
    fn names_more(&self, other: &Self) -> bool {
        let more =
            self.columns.iter().filter(|named| other.columns.iter().all(|o| o.at != named.at));
        more.into_iter().any(|named| named.header.chars().count() <= WORD_CHARACTERS_MAX)
    }

    fn of(targets: &[Target], at: usize, top: &Row, bottom: Option<&Row>) -> Self {
        let mut columns = Vec::new();
        let mut fits = Vec::new();
        let lines = lines(top, bottom);
        for (column, over, under) in lines.into_iter().take(COLUMNS_LOOKED_AT) {
            let joined = format!("{over}{under}");
            let (header, found) = match (over.as_str(), under.as_str()) {
                (text, "") | ("", text) => (text.to_owned(), alias::target(targets, text)),
                (_, under) => match alias::target(targets, &joined) {
                    Some(found) => (joined, Some(found)),
                    None => match alias::target(targets, under) {
                        Some(found) => (under.to_owned(), Some(found)),
                        None => (joined, None),
                    },
                },
            };
            fits.push(found.map(|(_, fit)| fit));
            let target = found.map(|(target, _)| target);
            columns.push(Named { at: column, header, target, repeated: false });
        }
        settle(&mut columns, &fits);
        Self {
            first_row: top.number,
            last_row: bottom.unwrap_or(top).number,
            recognised: columns.iter().filter(|column| column.target.is_some()).count(),
            after: at + 1 + usize::from(bottom.is_some()),
            columns,
        }
    }

    fn names_enough(&self, roster: Roster, targets: &[Target]) -> bool {
        let named = |keys: &[&str]| {
            let found = self.columns.iter().filter_map(|column| column.target);
            found.map(|at| targets[at].key).any(|key| keys.contains(&key))
        };
        match roster {
            Roster::Learner => self.recognised >= 2 && named(&["name", "id_number"]),
            Roster::Enrolment => named(&["student_no", "id_number"]),
        }
    }
}

/// Each column with its text on the first and on the second row.
///
/// A title over several columns stands in the first of them; it counts for those after it.
fn lines(top: &Row, bottom: Option<&Row>) -> Vec<(u16, String, String)> {
    let text = |cell: Option<&Cell>| match cell {
        Some(Cell::Text(text)) => text.trim().to_owned(),
        Some(cell) => cell.text(),
        None => String::new(),
    };
    let Some(bottom) = bottom else {
        return top.cells().map(|(at, cell)| (at, text(Some(cell)), String::new())).collect();
    };
    let mut columns: Vec<u16> = top.cells().chain(bottom.cells()).map(|(at, _)| at).collect();
    columns.sort_unstable();
    columns.dedup();
    let mut over = String::new();
    let mut lines = Vec::new();
    for at in columns {
        let under = text(bottom.cell(at));
        if let Some(cell) = top.cell(at) {
            over = text(Some(cell));
        } else if under.is_empty() {
            continue;
        }
        // A cell merged downwards says the same twice.
        let under = if under == over { String::new() } else { under };
        lines.push((at, over.clone(), under));
    }
    lines
}

/// Gives each target to the column that names it best, the first of equals.
fn settle(columns: &mut [Named], fits: &[Option<Fit>]) {
    for at in 0..columns.len() {
        let Some(target) = columns[at].target else { continue };
        let rivals = (0..columns.len()).filter(|other| columns[*other].target == Some(target));
        let best = rivals.max_by_key(|other| (fits[*other], std::cmp::Reverse(*other)));
        if best != Some(at) {
            columns[at].target = None;
            columns[at].repeated = true;
        }
    }
}

/// Columns that are looked at; no roster has as many.
const COLUMNS_LOOKED_AT: usize = 400;
/// A longer text over an empty cell is a title.
const WORD_CHARACTERS_MAX: usize = 8;
/// Rows in which a header is looked for: titles and explanations before it are shorter.
const ROWS_LOOKED_AT: usize = 60;
