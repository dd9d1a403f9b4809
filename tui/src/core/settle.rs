//! A record whose fields were written differently by two people: the values side by side, and what
//! a person picks (architecture 3, "Conflicts are shown").
//!
//! Nothing is picked beforehand, not even the newest: a clock decides nothing.

use std::collections::BTreeMap;

use onex_crdt::action::Given;
use onex_crdt::field::Shape;
use onex_crdt::ids::RecordId;
use onex_crdt::record::{FieldDef, RecordKind, Row};
use onex_crdt::value::Value;
use onex_node::api::{Conflict, History};

use crate::core::form::text_of;
use crate::core::input::TextInput;

/// A record with its open conflicts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// The kind of the record.
    pub kind: &'static RecordKind,
    /// The record.
    pub record: RecordId,
    /// Its fields in conflict.
    pub conflicts: Vec<Conflict>,
}

/// What is read of a record that is to be settled.
#[derive(Debug, Clone)]
pub struct SettlePage {
    /// The record, if it is still there.
    pub row: Option<Row>,
    /// Its fields in conflict.
    pub conflicts: Vec<Conflict>,
    /// What stood in a field before people wrote differently, where that is known.
    pub before: BTreeMap<String, Value>,
}

/// The page on which a person picks.
#[derive(Clone)]
pub struct Settle {
    /// The kind of the record.
    pub kind: &'static RecordKind,
    /// The record.
    pub record: RecordId,
    /// The record as it stands, once it is here.
    pub row: Option<Row>,
    /// Its fields in conflict.
    pub fields: Vec<Disputed>,
    /// Index of the marked field.
    pub at: usize,
    /// Index of the marked value in it.
    pub side: usize,
    /// Whether personal data is shown whole.
    pub whole: bool,
    /// Another value for the marked field, while it is typed.
    pub input: Option<TextInput>,
    /// Whether the choices are being carried out.
    pub sending: bool,
}

/// A field in conflict.
#[derive(Debug, Clone)]
pub struct Disputed {
    /// Its values, with who wrote them.
    pub conflict: Conflict,
    /// What stood there before.
    pub before: Option<Value>,
    /// What was picked.
    pub picked: Option<Pick>,
}

/// What a person picked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// One of the values.
    Side(usize),
    /// None of them but this.
    Other(Value),
}

/// Returns conflicts by record, in the order in which the records come first.
pub fn disputes(conflicts: &[Conflict]) -> Vec<Dispute> {
    let mut disputes: Vec<Dispute> = Vec::new();
    for conflict in conflicts {
        let (kind, record) = (conflict.kind, conflict.record_id);
        let known = disputes.iter_mut().find(|d| d.record == record && d.kind.key == kind.key);
        match known {
            Some(dispute) => dispute.conflicts.push(conflict.clone()),
            None => disputes.push(Dispute { kind, record, conflicts: vec![conflict.clone()] }),
        }
    }
    disputes
}

/// Returns what stood in each field before the first of its concurrent values was written, as far
/// as all writers saw the same there.
pub fn before(history: &History, conflicts: &[Conflict]) -> BTreeMap<String, Value> {
    let old = |conflict: &Conflict| {
        let wrote = |key: &str, new: &Option<Value>, at| {
            key == conflict.field
                && conflict.values.iter().any(|value| value.value == *new && value.at == at)
        };
        let mut seen = history.steps.iter().flat_map(|step| {
            let changed = step.changed.iter();
            changed.filter(|(key, _, new)| wrote(key, new, step.at)).map(|(_, old, _)| old.clone())
        });
        let first = seen.next()?;
        first.filter(|first| seen.all(|old| old.as_ref() == Some(first)))
    };
    conflicts.iter().filter_map(|c| Some((c.field.clone(), old(c)?))).collect()
}

impl Settle {
    /// Returns the page of a record before anything of it is here.
    pub fn new(kind: &'static RecordKind, record: RecordId) -> Self {
        Self {
            kind,
            record,
            row: None,
            fields: Vec::new(),
            at: 0,
            side: 0,
            whole: false,
            input: None,
            sending: false,
        }
    }

    /// Takes what was read; picks stay where the values are the same as before.
    pub fn take(&mut self, page: SettlePage) {
        let known = std::mem::take(&mut self.fields);
        let marked = known.get(self.at).map(|field| field.conflict.field.clone());
        let fields = page.conflicts.into_iter().map(|conflict| {
            let same = known.iter().find(|known| known.conflict.id == conflict.id);
            let picked = same.and_then(|known| known.picked.clone());
            let before = page.before.get(&conflict.field).cloned();
            Disputed { conflict, before, picked }
        });
        self.fields = fields.collect();
        self.row = page.row;
        let of_marked = |field: &Disputed| Some(&field.conflict.field) == marked.as_ref();
        self.at = self.fields.iter().position(of_marked).unwrap_or(0);
        let side_max = self.values().saturating_sub(1);
        self.side = self.side.min(side_max);
        if self.current().is_none() {
            self.input = None;
        }
    }

    /// The marked field.
    pub fn current(&self) -> Option<&Disputed> {
        self.fields.get(self.at)
    }

    /// How many values the marked field has.
    fn values(&self) -> usize {
        self.current().map_or(0, |field| field.conflict.values.len())
    }

    /// Marks another field.
    pub fn step(&mut self, by: isize) {
        let last = self.fields.len().saturating_sub(1);
        self.at = self.at.saturating_add_signed(by).min(last);
        self.side = match self.current().and_then(|field| field.picked.as_ref()) {
            Some(Pick::Side(side)) => *side,
            _ => self.side.min(self.values().saturating_sub(1)),
        };
    }

    /// Marks another value of the field.
    pub fn turn(&mut self, by: isize) {
        let last = self.values().saturating_sub(1);
        self.side = self.side.saturating_add_signed(by).min(last);
    }

    /// Picks the marked value, or takes the pick back.
    pub fn pick(&mut self) {
        let picked = Some(Pick::Side(self.side));
        if let Some(field) = self.fields.get_mut(self.at) {
            field.picked = if field.picked == picked { None } else { picked };
        }
    }

    /// Begins to type another value.
    pub fn type_other(&mut self) {
        let Some((field, current)) = self.definition().zip(self.current()) else { return };
        if matches!(field.ty.shape, Shape::Id(_) | Shape::IdList(_) | Shape::Digest) {
            return;
        }
        let shown = match &current.picked {
            Some(Pick::Other(value)) => Some(value.clone()),
            _ => current.conflict.values.get(self.side).and_then(|value| value.value.clone()),
        };
        let text = shown.map(|value| text_of(&field.ty.shape, &value)).unwrap_or_default();
        self.input = Some(TextInput::new(&text, OTHER_CHARS_MAX));
    }

    /// Takes what was typed; false when it is no value of the field.
    pub fn take_other(&mut self) -> bool {
        let Some((field, input)) = self.definition().zip(self.input.as_ref()) else { return false };
        let Ok(value) = (field.ty.parse)(input.value().trim()) else { return false };
        if let Some(field) = self.fields.get_mut(self.at) {
            let same =
                field.conflict.values.iter().position(|known| known.value.as_ref() == Some(&value));
            field.picked = Some(same.map_or(Pick::Other(value), Pick::Side));
        }
        self.input = None;
        true
    }

    /// The definition of the marked field.
    pub fn definition(&self) -> Option<&'static FieldDef> {
        self.kind.field(&self.current()?.conflict.field)
    }

    /// How many fields have a pick.
    pub fn picked(&self) -> usize {
        self.fields.iter().filter(|field| field.picked.is_some()).count()
    }

    /// Returns what is to be given for each field with a pick: the conflict and its choice.
    pub fn choices(&self) -> Vec<Given> {
        let given = |field: &Disputed| {
            let (key, value) = match field.picked.as_ref()? {
                Pick::Side(side) => ("choice", Value::Int(i64::try_from(*side).ok()? + 1)),
                Pick::Other(value) => {
                    let shape = &self.kind.field(&field.conflict.field)?.ty.shape;
                    ("value", Value::Text(text_of(shape, value)))
                }
            };
            let id = Value::Text(field.conflict.id.to_string());
            Some(
                [("id", id), (key, value)].map(|(key, value)| (key.to_owned(), Some(value))).into(),
            )
        };
        self.fields.iter().filter_map(given).collect()
    }

    /// Returns the value that a field will have: what was picked.
    pub fn result<'a>(&self, field: &'a Disputed) -> Option<Option<&'a Value>> {
        match field.picked.as_ref()? {
            Pick::Side(side) => Some(field.conflict.values.get(*side)?.value.as_ref()),
            Pick::Other(value) => Some(Some(value)),
        }
    }
}

/// Longer than any field that two people write at once.
const OTHER_CHARS_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::story::conflict;

    fn page(conflicts: Vec<Conflict>) -> SettlePage {
        SettlePage { row: None, conflicts, before: BTreeMap::new() }
    }

    fn settle() -> Settle {
        let conflict = conflict();
        let mut settle = Settle::new(conflict.kind, conflict.record_id);
        settle.take(page(vec![conflict]));
        settle
    }

    fn given(settle: &Settle) -> Vec<Given> {
        let drop_id = |mut given: Given| given.remove("id").map(|_| given);
        settle.choices().into_iter().filter_map(drop_id).collect()
    }

    #[test]
    fn nothing_is_picked_until_a_person_picks() {
        let mut settle = settle();
        assert_eq!((settle.picked(), settle.choices().len()), (0, 0));
        settle.turn(5);
        settle.pick();
        assert_eq!(given(&settle), [Given::from([("choice".into(), Some(Value::Int(2)))])]);
        settle.pick();
        assert_eq!(settle.picked(), 0, "the same again takes it back");
    }

    #[test]
    fn another_value_is_read_by_the_field() {
        let mut settle = settle();
        settle.type_other();
        assert_eq!(settle.input.as_ref().map(TextInput::value), Some("90"));
        settle.input = Some(TextInput::new("九十五", 9));
        assert!(!settle.take_other() && settle.input.is_some());
        settle.input = Some(TextInput::new("95", 9));
        assert!(settle.take_other());
        let text = Some(Value::Text("95".into()));
        assert_eq!(given(&settle), [Given::from([("value".into(), text)])]);
        settle.input = Some(TextInput::new("100", 9));
        assert!(settle.take_other());
        assert_eq!(settle.fields[0].picked, Some(Pick::Side(1)), "one of the two after all");
    }

    #[test]
    fn a_third_value_asks_anew() {
        let mut settle = settle();
        settle.pick();
        settle.take(page(vec![conflict()]));
        assert_eq!(settle.picked(), 1, "read again, nothing new");
        let newer = Conflict { id: RecordId([0xc1; 16]), ..conflict() };
        settle.take(page(vec![newer]));
        assert_eq!(settle.picked(), 0);
    }

    #[test]
    fn conflicts_are_gathered_by_record() {
        let other = Conflict { record_id: RecordId([0x77; 16]), ..conflict() };
        let more = Conflict { field: "grade".into(), ..conflict() };
        let disputes = disputes(&[conflict(), other, more]);
        assert_eq!(disputes.iter().map(|d| d.conflicts.len()).collect::<Vec<_>>(), [2, 1]);
    }
}
