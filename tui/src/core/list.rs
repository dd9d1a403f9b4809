//! The one list of every screen: search, order, filter chips, ticks, and a window of rows.
//!
//! It never holds the whole list: what is ticked are ids, or all but some ids. What a key does to
//! it is `update::lists`'.

use std::collections::BTreeSet;

use onex_crdt::ids::RecordId;
use onex_crdt::record::{RecordKind, Row};
use onex_crdt::value::Value;
use onex_node::api::{Compare, Condition};

use crate::core::input::TextInput;
use crate::core::load::{Rows, Window};

/// What a list is of, and how it may be ordered and filtered.
#[derive(Debug, PartialEq, Eq)]
pub struct ListSpec {
    /// The record type.
    pub kind: &'static RecordKind,
    /// Keys that it can be ordered by.
    pub sorts: &'static [&'static str],
    /// Keys that it can be filtered by, none of them personal data.
    pub filters: &'static [&'static str],
    /// Keys that it is filtered by from the beginning, each by the id of one choice.
    pub begins: &'static [(&'static str, &'static str)],
}

/// The order that a person chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// The key.
    pub key: &'static str,
    /// Largest first.
    pub descending: bool,
}

/// A filter: only rows with one of these values under the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chip {
    /// The key, or `QUEUE`.
    pub key: &'static str,
    /// The values; `QUEUE` has none.
    pub values: Vec<Value>,
}

/// The chip that leaves only lines that wait for the hub; no key of a record.
pub const QUEUE: &str = "queue";

/// Rows that a person has ticked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ticks {
    /// These.
    Only(BTreeSet<RecordId>),
    /// Every row that matches, but not these.
    AllBut(BTreeSet<RecordId>),
}

/// A list of which only a window is here.
#[derive(Debug, Clone)]
pub struct ListState {
    /// What it is of.
    pub spec: &'static ListSpec,
    /// What it is searched for; there is a line for it while it is open or holds something.
    pub find: Option<TextInput>,
    /// Whether keys go to that line.
    pub finding: bool,
    /// Another order than the kind's own.
    pub order: Option<Order>,
    /// What it is filtered by.
    pub chips: Vec<Chip>,
    /// What is ticked.
    pub ticks: Ticks,
    /// The place of the marked row.
    pub selected: usize,
    /// The record there, which the mark follows when the list changes.
    pub selected_id: Option<RecordId>,
    /// The rows that are here, once some are.
    pub rows: Option<Rows>,
}

impl Chip {
    /// Returns the chip of one choice.
    pub fn of(key: &'static str, id: &str) -> Chip {
        Chip { key, values: vec![Value::Text(id.to_owned())] }
    }
}

impl ListState {
    /// Returns the list before anything has been read.
    pub fn new(spec: &'static ListSpec) -> ListState {
        let begins = spec.begins.iter().map(|(key, id)| Chip::of(key, id));
        ListState {
            spec,
            find: None,
            finding: false,
            order: None,
            chips: begins.collect(),
            ticks: Ticks::none(),
            selected: 0,
            selected_id: None,
            rows: None,
        }
    }

    /// Returns the marked row, if it is here.
    pub fn current(&self) -> Option<&Row> {
        let rows = self.rows.as_ref()?;
        rows.rows.get(self.selected.checked_sub(rows.offset)?)
    }

    /// Returns how many rows there are.
    pub fn total(&self) -> usize {
        self.rows.as_ref().map_or(0, |rows| rows.total)
    }

    /// Returns what is searched for.
    pub fn text(&self) -> Option<String> {
        self.find.as_ref().map(|input| input.value().trim().to_owned()).filter(|t| !t.is_empty())
    }

    /// Whether somebody searches or filters it, so that rows may be missing.
    pub fn is_narrowed(&self) -> bool {
        self.text().is_some() || self.chips.iter().any(|chip| self.is_added(chip))
    }

    /// Whether a chip is one that somebody added: the list does not begin with it.
    pub fn is_added(&self, chip: &Chip) -> bool {
        let begins = self.spec.begins.iter().any(|(key, id)| *chip == Chip::of(key, id));
        chip.key != QUEUE && !begins
    }

    /// Whether it shows only what waits for the hub.
    pub fn is_queue(&self) -> bool {
        self.chips.iter().any(|chip| chip.key == QUEUE)
    }

    /// Returns how many rows are ticked.
    pub fn ticked(&self) -> usize {
        self.ticks.count(self.total())
    }

    /// Returns the window around the mark: the page it is on, and one before and after.
    pub fn window(&self, shown: usize) -> Window {
        let shown = shown.max(1);
        let offset = self.selected.saturating_sub(shown + shown / 2);
        let of = |chip: &Chip, value: &Value| Condition {
            key: chip.key.to_owned(),
            compare: Compare::Equal,
            value: value.clone(),
        };
        let conditions =
            self.chips.iter().flat_map(|chip| chip.values.iter().map(move |value| of(chip, value)));
        Window {
            queue: self.is_queue(),
            text: self.text(),
            conditions: conditions.collect(),
            order: self.order.map(|order| (order.key.to_owned(), order.descending)),
            offset,
            limit: shown * 3,
        }
    }

    /// Whether the page around the mark is here.
    pub fn covers(&self, shown: usize) -> bool {
        let Some(rows) = &self.rows else { return false };
        let first = self.selected.saturating_sub(shown);
        let last = (self.selected + shown).min(rows.total);
        rows.offset <= first && last <= rows.offset + rows.rows.len()
    }

    /// Takes rows that were read; the mark stays on its record.
    pub fn take(&mut self, rows: Rows) {
        let by_id = self.selected_id.and_then(|id| rows.rows.iter().position(|row| row.id == id));
        if let Some(at) = by_id {
            self.selected = rows.offset + at;
        }
        self.selected = self.selected.min(rows.total.saturating_sub(1));
        self.rows = Some(rows);
        self.selected_id = self.current().map(|row| row.id).or(self.selected_id);
    }

    /// Moves the mark.
    pub fn step(&mut self, by: isize) {
        let last = self.total().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(by).min(last);
        self.selected_id = self.current().map(|row| row.id);
    }

    /// Begins at the top, because other rows or another order are asked for. "All that match"
    /// would mean other rows now, so such ticks are taken away.
    pub fn restart(&mut self) {
        self.selected = 0;
        self.selected_id = None;
        if matches!(self.ticks, Ticks::AllBut(_)) {
            self.ticks = Ticks::none();
        }
    }

    /// Puts a value among those that a key is filtered by, or takes it out again.
    pub fn toggle(&mut self, key: &'static str, value: &Value) {
        match self.chips.iter_mut().find(|chip| chip.key == key) {
            None => self.chips.push(Chip { key, values: vec![value.clone()] }),
            Some(chip) => match chip.values.iter().position(|known| known == value) {
                Some(at) => drop(chip.values.remove(at)),
                None => chip.values.push(value.clone()),
            },
        }
        self.chips.retain(|chip| chip.key == QUEUE || !chip.values.is_empty());
        self.restart();
    }

    /// Whether a key is filtered by a value.
    pub fn is_filtered(&self, key: &str, value: &Value) -> bool {
        self.chips.iter().any(|chip| chip.key == key && chip.values.contains(value))
    }

    /// Shows only what waits for the hub, or everything again.
    pub fn toggle_queue(&mut self) {
        match self.chips.iter().position(|chip| chip.key == QUEUE) {
            Some(at) => drop(self.chips.remove(at)),
            None => self.chips.insert(0, Chip { key: QUEUE, values: Vec::new() }),
        }
        self.rows = None;
        self.restart();
    }
}

impl Ticks {
    /// Returns no ticks.
    pub fn none() -> Ticks {
        Ticks::Only(BTreeSet::new())
    }

    /// Whether a row is ticked.
    pub fn has(&self, id: RecordId) -> bool {
        match self {
            Ticks::Only(ids) => ids.contains(&id),
            Ticks::AllBut(ids) => !ids.contains(&id),
        }
    }

    /// Returns how many of `total` rows are ticked.
    pub fn count(&self, total: usize) -> usize {
        match self {
            Ticks::Only(ids) => ids.len(),
            Ticks::AllBut(ids) => total.saturating_sub(ids.len()),
        }
    }

    /// Ticks a row, or takes its tick away.
    pub fn toggle(&mut self, id: RecordId) {
        let (Ticks::Only(ids) | Ticks::AllBut(ids)) = self;
        if !ids.remove(&id) {
            ids.insert(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use onex_crdt::record::Record;
    use onex_crdt::records::organisation::Organisation;

    use super::*;

    static SPEC: ListSpec = ListSpec {
        kind: Organisation::KIND,
        sorts: &["name"],
        filters: &["role", "state"],
        begins: &[],
    };

    fn id(at: u8) -> RecordId {
        RecordId([at; 16])
    }

    #[track_caller]
    fn check(toggles: &[u8], all: bool, total: usize, expected: usize) {
        let mut ticks = if all { Ticks::AllBut(BTreeSet::new()) } else { Ticks::none() };
        toggles.iter().for_each(|at| ticks.toggle(id(*at)));
        assert_eq!(ticks.count(total), expected, "{toggles:?} of {total}, all: {all}");
        let odd = toggles.iter().filter(|at| **at == 1).count() % 2 == 1;
        assert_eq!(ticks.has(id(1)), odd != all);
    }

    #[test]
    fn ticks_are_counted_without_the_rows() {
        check(&[], false, 500_000, 0);
        check(&[1, 2], false, 500_000, 2);
        check(&[1, 2, 1], false, 9, 1);
        check(&[], true, 500_000, 500_000);
        check(&[1, 2], true, 500_000, 499_998);
        check(&[1, 1], true, 3, 3);
        check(&[1, 2], true, 1, 0);
    }

    #[test]
    fn chips_become_conditions() {
        let mut list = ListState::new(&SPEC);
        let (college, hub) = (Value::Text("college".into()), Value::Text("hub".into()));
        list.toggle("role", &college);
        list.toggle("state", &Value::Text("active".into()));
        list.toggle("role", &hub);
        let keys = |list: &ListState| {
            list.window(5).conditions.iter().map(|c| c.key.clone()).collect::<Vec<_>>()
        };
        assert_eq!(keys(&list), ["role", "role", "state"]);
        assert!(list.is_filtered("role", &hub) && list.is_narrowed() && !list.is_queue());
        list.toggle("role", &hub);
        list.toggle("role", &college);
        assert_eq!(keys(&list), ["state"], "a chip without values is gone");
        list.toggle_queue();
        assert_eq!((list.is_queue(), keys(&list)), (true, vec!["state".to_owned()]));
    }

    #[test]
    fn all_that_match_are_not_ticked_when_others_match() {
        let mut list = ListState::new(&SPEC);
        list.ticks.toggle(id(1));
        list.toggle("state", &Value::Bool(true));
        assert_eq!(list.ticked(), 1, "ids stay ticked");
        list.ticks = Ticks::AllBut(BTreeSet::new());
        list.toggle("state", &Value::Bool(true));
        assert_eq!(list.ticks, Ticks::none());
    }
}
