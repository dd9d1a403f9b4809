//! The way of a roster into the register: a file or a pasted table, its columns, its rows with what
//! is wrong in them, what will be saved.
//!
//! What a cell means is `onex_node::import`'s matter; here is where a person stands in it. All of it
//! stays in memory until it is saved or somebody drops it.

use std::collections::BTreeSet;
use std::sync::Arc;

use onex_crdt::ids::{BatchId, RecordId};
use onex_node::api::Undone;
use onex_node::import::{Draft, Fate, Leaving, Problem, Roster};
use onex_node::importing::Saved;

use crate::core::input::TextInput;
use crate::core::jobs::JobId;
use crate::core::load::roster::NoRoster;

/// A roster on its way.
#[derive(Clone)]
pub struct Wizard {
    /// What is imported.
    pub roster: Roster,
    /// The class that learners are put into, where they are.
    pub class: Option<RecordId>,
    /// Where the person stands.
    pub step: Step,
    /// The file that is looked for.
    pub path: TextInput,
    /// The folder of that path, once it was read.
    pub folder: Option<Folder>,
    /// Index of the marked entry among those shown.
    pub entry: usize,
    /// What was pasted into the field for it, while that is open.
    pub pasted: Option<String>,
    /// Whether a table is being read.
    pub reading: bool,
    /// Why the last one could not be read.
    pub failed: Option<NoRoster>,
    /// What the table that is here is called.
    pub name: String,
    /// The roster, once one is here.
    pub draft: Option<Arc<Draft>>,
    /// Moves with each change, so that a comparison with the register of an older state is void.
    pub version: u64,
    /// Index of the marked column, or of the marked line among the rows.
    pub at: usize,
    /// Index of the marked cell of a row.
    pub cell: usize,
    /// Index of the marked field, while the list of fields is open.
    pub choice: Option<usize>,
    /// The text of the marked cell, while it is being mended.
    pub input: Option<TextInput>,
    /// The rows that are saved; they are left out of what is saved next.
    pub done: BTreeSet<usize>,
    /// What was saved from here, the last one at the end.
    pub parts: Vec<Part>,
    /// Whether dropping what is here was asked about.
    pub asked: bool,
    /// The job that saves it.
    pub job: Option<JobId>,
}

/// Where a person stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Choosing a file, or pasting.
    Source,
    /// Looking at the columns.
    Columns,
    /// Looking at the rows.
    Rows,
    /// Looking at what will be saved.
    Summary,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Step; 4] = [Step::Source, Step::Columns, Step::Rows, Step::Summary];
}

/// A folder with what can be chosen in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its path, with a separator at the end.
    pub path: String,
    /// Folders first, then files that may be tables.
    pub entries: Vec<FolderEntry>,
}

/// Something in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderEntry {
    /// Its name.
    pub name: String,
    /// Whether it is a folder.
    pub is_folder: bool,
}

/// Rows that were saved together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The batch that they are.
    pub batch: BatchId,
    /// Each row with its record.
    pub rows: Vec<(usize, RecordId)>,
    /// The undoing that has taken them back, while that stands.
    pub undoing: Option<BatchId>,
}

/// One line of the list of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Index of the row.
    pub row: usize,
    /// Index of the problem that the line is about, where the row has any.
    pub problem: Option<usize>,
}

impl Wizard {
    /// Returns the beginning of an import, in the folder where the last one was.
    pub fn new(roster: Roster, class: Option<RecordId>, folder: &str) -> Self {
        Self {
            roster,
            class,
            step: Step::Source,
            path: TextInput::new(folder, PATH_CHARS_MAX),
            folder: None,
            entry: 0,
            pasted: None,
            reading: false,
            failed: None,
            name: String::new(),
            draft: None,
            version: 0,
            at: 0,
            cell: 0,
            choice: None,
            input: None,
            done: BTreeSet::new(),
            parts: Vec::new(),
            asked: false,
            job: None,
        }
    }

    /// Puts another path into the field.
    pub fn go_to(&mut self, path: &str) {
        self.path = TextInput::new(path, PATH_CHARS_MAX);
        self.entry = 0;
    }

    /// Takes a pasted path: a whole one stands for what was there. File managers copy it in quotes.
    pub fn paste_path(&mut self, text: &str) {
        let path = text.trim().trim_matches(['"', '\'']);
        if is_whole(path) {
            self.go_to(path);
        } else {
            self.path.paste(path);
        }
        (self.entry, self.failed) = (0, None);
    }

    /// Begins the path anew where a whole one was typed behind the folder that stood there.
    pub fn begin_anew(&mut self) {
        let anew = whole_path(self.path.value()).map(str::to_owned);
        if let Some(path) = anew.filter(|_| self.path.halves().1.is_empty()) {
            self.go_to(&path);
        }
    }

    /// What can be chosen: what begins like the last part of the path.
    pub fn shown(&self) -> Vec<&FolderEntry> {
        let (before, begun) = split_path(self.path.value());
        let folder = self.folder.as_ref().filter(|folder| folder.path == before);
        let begun = begun.to_lowercase();
        let entries = folder.into_iter().flat_map(|folder| &folder.entries);
        let mut shown: Vec<&FolderEntry> =
            entries.filter(|entry| entry.name.to_lowercase().starts_with(&begun)).collect();
        shown.sort_by_key(|entry| entry.name.to_lowercase() != begun);
        shown
    }

    /// Completes the path as far as everything that is shown agrees.
    pub fn complete(&mut self) {
        let shown = self.shown();
        let Some(first) = shown.first() else { return };
        let mut common: String = first.name.clone();
        for entry in &shown {
            let same = common.chars().zip(entry.name.chars()).take_while(|(a, b)| a == b).count();
            common = common.chars().take(same).collect();
        }
        let (before, begun) = split_path(self.path.value());
        if common.chars().count() < begun.chars().count() {
            return;
        }
        let end = if shown.len() == 1 && first.is_folder { SEPARATOR } else { "" };
        let path = format!("{before}{common}{end}");
        self.go_to(&path);
    }

    /// The path of the marked entry, or the one that was typed; whether it is a folder.
    pub fn chosen(&self) -> (String, bool) {
        let (before, _) = split_path(self.path.value());
        match self.shown().get(self.entry) {
            Some(entry) if entry.is_folder => (format!("{before}{}{SEPARATOR}", entry.name), true),
            Some(entry) => (format!("{before}{}", entry.name), false),
            None => (self.path.value().to_owned(), false),
        }
    }

    /// Takes a roster that was read; the person looks at its columns next.
    pub fn take(&mut self, name: String, draft: Draft) {
        (self.name, self.draft) = (name, Some(Arc::new(draft)));
        self.version += 1;
        self.done.clear();
        self.parts.clear();
        (self.reading, self.failed, self.pasted, self.asked) = (false, None, None, false);
        self.go(Step::Columns);
    }

    /// Goes to a step.
    pub fn go(&mut self, step: Step) {
        self.step = step;
        (self.at, self.choice, self.input) = (0, None, None);
        self.cell_follow();
    }

    /// The roster, to be changed.
    pub fn draft_mut(&mut self) -> Option<&mut Draft> {
        self.version += 1;
        self.draft.as_mut().map(Arc::make_mut)
    }

    /// Whether rows wait here that nobody has saved.
    pub fn is_unfinished(&self) -> bool {
        self.draft.as_ref().is_some_and(|draft| draft.tally().rows > 0)
    }

    /// The lines of the list of rows: what is wrong first, then what will be saved, then what was
    /// left out.
    pub fn lines(&self) -> Vec<Line> {
        let Some(draft) = &self.draft else { return Vec::new() };
        let (mut wrong, mut good, mut out) = (Vec::new(), Vec::new(), Vec::new());
        for (row, entry) in draft.rows().iter().enumerate() {
            match entry.fate() {
                Fate::Rejected => {
                    let problems = entry.problems().enumerate();
                    wrong.extend(problems.map(|(at, _)| Line { row, problem: Some(at) }));
                }
                Fate::LeftOut => out.push(Line { row, problem: None }),
                Fate::Add | Fate::Update(_) => good.push(Line { row, problem: None }),
            }
        }
        wrong.extend(good);
        wrong.extend(out);
        wrong
    }

    /// The marked line.
    pub fn line(&self) -> Option<Line> {
        self.lines().get(self.at).copied()
    }

    /// The problem that a line is about.
    pub fn problem(&self, line: Line) -> Option<&Problem> {
        self.draft.as_ref()?.rows().get(line.row)?.problems().nth(line.problem?)
    }

    /// Marks another column, line or entry.
    pub fn step(&mut self, by: isize) {
        let count = match self.step {
            Step::Source => self.shown().len(),
            Step::Columns => self.draft.as_ref().map_or(0, |draft| draft.columns().len()),
            Step::Rows => self.lines().len(),
            Step::Summary => return,
        };
        let at = if self.step == Step::Source { &mut self.entry } else { &mut self.at };
        *at = at.saturating_add_signed(by).min(count.saturating_sub(1));
        self.cell_follow();
    }

    /// Marks another cell of the row.
    pub fn turn(&mut self, by: isize) {
        let last = self.draft.as_ref().map_or(0, |draft| draft.columns().len()).saturating_sub(1);
        self.cell = self.cell.saturating_add_signed(by).min(last);
    }

    /// The mark among the cells goes to the one that is wrong.
    fn cell_follow(&mut self) {
        if self.step != Step::Rows {
            return;
        }
        let column = self.line().and_then(|line| self.problem(line)?.column.clone());
        let columns = self.draft.as_ref().map(|draft| draft.columns()).unwrap_or_default();
        let wrong = columns.iter().position(|known| Some(&known.header) == column.as_ref());
        let mapped = || columns.iter().position(|known| known.target.is_some());
        self.cell = wrong.or_else(mapped).unwrap_or(0);
    }

    /// Opens the marked cell to be mended.
    pub fn mend(&mut self) {
        let Some((draft, line)) = self.draft.as_ref().zip(self.line()) else { return };
        let text = draft.text(line.row, self.cell);
        self.input = Some(TextInput::new(&text, CELL_CHARS_MAX));
    }

    /// Takes what was written into the cell. The mark stays on the row while that is wrong, else
    /// it is on the next one.
    pub fn mended(&mut self) {
        let Some((input, line)) = self.input.take().zip(self.line()) else { return };
        let cell = self.cell;
        if let Some(draft) = self.draft_mut() {
            draft.set(line.row, cell, input.value().trim());
        }
        self.rest(line.row);
    }

    /// Leaves the marked row out, or takes it in again.
    pub fn leave_out(&mut self) {
        let Some(line) = self.line().filter(|line| !self.done.contains(&line.row)) else { return };
        if let Some(draft) = self.draft_mut() {
            let out = draft.rows().get(line.row).is_some_and(|entry| entry.left_out);
            draft.leave_out(line.row, if out { Leaving::In } else { Leaving::Out });
        }
        self.rest(line.row);
    }

    fn rest(&mut self, row: usize) {
        let lines = self.lines();
        let same = lines.iter().position(|line| line.row == row && line.problem.is_some());
        self.at = same.unwrap_or(self.at).min(lines.len().saturating_sub(1));
        self.cell_follow();
    }

    /// Keeps the mark on a row after the lines have changed.
    pub fn keep_on(&mut self, row: Option<usize>) {
        let lines = self.lines();
        let same = lines.iter().position(|line| Some(line.row) == row);
        if self.step == Step::Rows {
            self.at = same.unwrap_or(self.at).min(lines.len().saturating_sub(1));
        }
    }

    /// Leaves out the rows that were saved; what is wrong waits to be mended.
    pub fn saved(&mut self, saved: &Saved) {
        self.job = None;
        let (mut new, mut known) = (Vec::new(), Vec::new());
        for (row, entry) in self.draft.iter().flat_map(|draft| draft.rows().iter().enumerate()) {
            match entry.fate() {
                Fate::Add => new.push(row),
                Fate::Update(_) => known.push(row),
                Fate::Rejected | Fate::LeftOut => {}
            }
        }
        let rows = [new, known].concat();
        self.rows_out(&rows, Leaving::Out);
        if let Some(batch) = saved.batch {
            let rows = rows.into_iter().zip(saved.ids.iter().copied()).collect();
            self.parts.push(Part { batch, rows, undoing: None });
        }
        self.go(Step::Rows);
    }

    /// The last part that is not taken back.
    pub fn last_saved(&self) -> Option<BatchId> {
        let standing = self.parts.iter().rfind(|part| part.undoing.is_none());
        standing.map(|part| part.batch)
    }

    /// Takes in what an undoing took back of what was saved from here, and leaves out what one
    /// brought back; false when it was about something else.
    pub fn undone(&mut self, undone: &Undone) -> bool {
        let is_of = |part: &&mut Part| part.batch == undone.of || part.undoing == Some(undone.of);
        let Some(part) = self.parts.iter_mut().find(is_of) else { return false };
        if undone.batch.is_none() {
            return false;
        }
        let is_left = |id: &RecordId| undone.left.iter().any(|left| left.id == *id);
        let rows = part.rows.iter().filter(|(_, id)| !is_left(id));
        let rows: Vec<usize> = rows.map(|(row, _)| *row).collect();
        let leaving = if part.batch == undone.of { Leaving::In } else { Leaving::Out };
        part.undoing = undone.batch.filter(|_| leaving == Leaving::In);
        let row = self.line().map(|line| line.row);
        self.rows_out(&rows, leaving);
        self.keep_on(row);
        true
    }

    /// Notes rows that are saved now, or no more.
    fn rows_out(&mut self, rows: &[usize], leaving: Leaving) {
        if let Some(draft) = self.draft_mut() {
            rows.iter().for_each(|row| draft.leave_out(*row, leaving));
        }
        for row in rows {
            match leaving {
                Leaving::Out => self.done.insert(*row),
                Leaving::In => self.done.remove(row),
            };
        }
    }
}

/// Returns a path as its folder, with the separator, and what was begun after it.
pub fn split_path(path: &str) -> (&str, &str) {
    path.split_at(path.rfind(is_separator).map_or(0, |at| at + 1))
}

/// Returns the whole path that stands behind a folder, if one does: it begins at separators in a
/// row, at `~` or at the letter of a drive.
fn whole_path(path: &str) -> Option<&str> {
    let behind = |(at, _): (usize, &str)| {
        let (before, rest) = (&path[..at], &path[at + 1..]);
        // A share's name begins with two separators.
        let is_folder = !before.is_empty() && !before.ends_with(is_separator);
        (is_folder && is_whole(rest)).then_some(rest)
    };
    path.rmatch_indices(is_separator).find_map(behind)
}

fn is_whole(path: &str) -> bool {
    let root = path.strip_prefix('~').or_else(|| {
        path.strip_prefix(|letter: char| letter.is_ascii_alphabetic())?.strip_prefix(':')
    });
    root.unwrap_or(path).starts_with(is_separator)
}

fn is_separator(letter: char) -> bool {
    letter == '/' || letter == std::path::MAIN_SEPARATOR
}

/// What stands between folders here.
pub const SEPARATOR: &str = std::path::MAIN_SEPARATOR_STR;
/// Longer than any path of the systems that we run on.
const PATH_CHARS_MAX: usize = 4096;
const CELL_CHARS_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, expected: &str) {
        let mut wizard = Wizard::new(Roster::Learner, None, typed);
        wizard.begin_anew();
        assert_eq!(wizard.path.value(), expected);
    }

    #[test]
    fn a_whole_path_begins_anew() {
        check("/root//", "/");
        check("/root//tmp/名单.xlsx", "/tmp/名单.xlsx");
        check("/root//tmp//名单.xlsx", "/名单.xlsx");
        check("/root/~/名单.xlsx", "~/名单.xlsx");
        check("C:/Users/d:/名单.xlsx", "d:/名单.xlsx");
        check("/root///server/share", "//server/share");
    }

    #[test]
    fn other_paths_stay() {
        for path in ["", "/", "//server/share", "~/a", "/root/~$a", "/root/~", "C:/a", "/a/b:c/d"] {
            check(path, path);
        }
    }

    #[test]
    fn what_is_edited_in_its_middle_stays() {
        let mut wizard = Wizard::new(Roster::Learner, None, "/root//a");
        wizard.path.key("Left".parse().expect("a key"));
        wizard.begin_anew();
        assert_eq!(wizard.path.value(), "/root//a");
    }
}
