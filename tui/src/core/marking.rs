//! Who came to a meeting: the sheet of a whole class, for the keyboard.
//!
//! Everybody is there until somebody says otherwise. What is recorded already is shown; only what
//! was never recorded, or differs now, is saved, so that nobody signs a colleague's marks.

use std::collections::BTreeMap;

use onex_crdt::field::Field;
use onex_crdt::ids::RecordId;
use onex_crdt::record::Row;
use onex_crdt::records::attendance::Mark;
use onex_crdt::search;

/// The sheet of a meeting.
#[derive(Debug, Clone, Default)]
pub struct Marking {
    /// The meeting.
    pub meeting: RecordId,
    /// The class by name, once it has been read.
    pub seats: Option<Vec<Seat>>,
    /// Index of the marked seat.
    pub at: usize,
    /// What was typed to jump to a name.
    pub jump: String,
    /// Whether the sheet is on its way to the disk.
    pub is_sending: bool,
}

/// One learner of the sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// The learner.
    pub learner: RecordId,
    /// Their name.
    pub name: String,
    /// What is recorded of them at this meeting.
    pub recorded: Option<Row>,
    /// What the sheet says.
    pub mark: Mark,
}

impl Seat {
    /// Returns a seat as it is recorded; whoever is not is there.
    pub fn new(learner: RecordId, name: &str, recorded: Option<Row>) -> Seat {
        let mark = recorded.as_ref().and_then(recorded_mark).unwrap_or(Mark::Present);
        Seat { learner, name: name.to_owned(), recorded, mark }
    }

    /// Whether two markers differ about it.
    pub fn differs(&self) -> bool {
        self.recorded.as_ref().is_some_and(|row| row.state() == Some("differing"))
    }

    /// Whether saving records something of it.
    pub fn is_new(&self) -> bool {
        self.recorded.as_ref().and_then(recorded_mark) != Some(self.mark)
    }

    /// Whether somebody said something else than is recorded, or than everybody begins with.
    pub fn is_touched(&self) -> bool {
        let before = self.recorded.as_ref().and_then(recorded_mark).unwrap_or(Mark::Present);
        before != self.mark
    }

    /// Whether what was typed is in the name, or begins its pinyin or its initials.
    fn fits(&self, typed: &str) -> bool {
        let spelt = search::spellings(&self.name);
        self.name.to_lowercase().contains(typed) || spelt.iter().any(|s| s.starts_with(typed))
    }
}

fn recorded_mark(row: &Row) -> Option<Mark> {
    row.fields.get("mark").and_then(Mark::from_value)
}

impl Marking {
    /// Returns the sheet of a meeting before it has been read.
    pub fn new(meeting: RecordId) -> Marking {
        Marking { meeting, ..Marking::default() }
    }

    /// The seats; none while they are read.
    pub fn seats(&self) -> &[Seat] {
        self.seats.as_deref().unwrap_or_default()
    }

    /// The marked seat.
    pub fn current(&self) -> Option<&Seat> {
        self.seats().get(self.at)
    }

    /// Takes what was read; what the person said stays said.
    pub fn take(&mut self, mut seats: Vec<Seat>) {
        let said: BTreeMap<RecordId, Mark> = self.said();
        for seat in &mut seats {
            if let Some(mark) = said.get(&seat.learner) {
                seat.mark = *mark;
            }
        }
        self.at = self.at.min(seats.len().saturating_sub(1));
        self.seats = Some(seats);
    }

    /// What the person has said and not saved.
    pub fn said(&self) -> BTreeMap<RecordId, Mark> {
        let touched = self.seats().iter().filter(|seat| seat.is_touched());
        touched.map(|seat| (seat.learner, seat.mark)).collect()
    }

    /// What saving would record.
    pub fn new_marks(&self) -> Vec<(RecordId, Mark)> {
        let new = self.seats().iter().filter(|seat| seat.is_new());
        new.map(|seat| (seat.learner, seat.mark)).collect()
    }

    /// How many have a mark.
    pub fn count(&self, mark: Mark) -> usize {
        self.seats().iter().filter(|seat| seat.mark == mark).count()
    }

    /// Moves the mark.
    pub fn step(&mut self, by: isize) {
        self.jump.clear();
        self.at = self.at.saturating_add_signed(by).min(self.seats().len().saturating_sub(1));
    }

    /// Gives the marked seat a mark; the same one again takes it back.
    pub fn mark(&mut self, mark: Mark) {
        self.jump.clear();
        let at = self.at;
        if let Some(seat) = self.seats.as_mut().and_then(|seats| seats.get_mut(at)) {
            seat.mark = if seat.mark == mark { Mark::Present } else { mark };
        }
    }

    /// Gives the marked seat the next mark.
    pub fn cycle(&mut self) {
        self.jump.clear();
        let at = self.at;
        if let Some(seat) = self.seats.as_mut().and_then(|seats| seats.get_mut(at)) {
            let place = Mark::ALL.iter().position(|mark| *mark == seat.mark).unwrap_or(0);
            seat.mark = Mark::ALL[(place + 1) % Mark::ALL.len()];
        }
    }

    /// Jumps to the first name that fits what has been typed: hanzi, pinyin, initials, or the
    /// number before the name. What fits nothing begins anew.
    pub fn jump(&mut self, letter: char) {
        self.jump.extend(letter.to_lowercase());
        if !self.jump_to() {
            self.jump.clear();
            self.jump.extend(letter.to_lowercase());
            if !self.jump_to() {
                self.jump.clear();
            }
        }
    }

    /// Takes the last typed character back.
    pub fn unjump(&mut self) {
        self.jump.pop();
        self.jump_to();
    }

    fn jump_to(&mut self) -> bool {
        let seats = self.seats();
        let number = self.jump.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let found = match number {
            Some(number) => (number < seats.len()).then_some(number),
            None if self.jump.is_empty() => None,
            None => seats.iter().position(|seat| seat.fits(&self.jump)),
        };
        self.at = found.unwrap_or(self.at);
        found.is_some()
    }
}

/// How a class of some size is laid out in a window: rows to a column, and columns that are seen.
pub fn shape(size: (u16, u16)) -> (usize, usize) {
    let width = if size.0 >= RAIL_WINDOW_WIDTH_MIN { size.0 - RAIL_WIDTH } else { size.0 };
    let rows = usize::from(size.1.saturating_sub(CHROME_ROWS)).max(1);
    (rows, usize::from(width / SEAT_WIDTH).max(1))
}

/// Cells that a seat takes: number, name, mark.
pub const SEAT_WIDTH: u16 = 26;
/// Rows of a window that no seat has: bars, rule, title, counts, message, hints.
const CHROME_ROWS: u16 = 8;
const RAIL_WINDOW_WIDTH_MIN: u16 = 110;
const RAIL_WIDTH: u16 = 17;
