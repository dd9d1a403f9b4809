//! What an undoing left alone because a colleague had changed it since: shown record by record, so
//! that a person can decide (C33).

use std::collections::BTreeSet;

use onex_crdt::field::time::Moment;
use onex_crdt::ids::{BatchId, RecordId};
use onex_crdt::record::RecordKind;
use onex_node::api::{Changed, History, Left, Undone};

use crate::core::load::Known;

/// What is to be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakeBack {
    /// The own last batch.
    Last,
    /// The own last undoing.
    Undoing,
    /// This batch, or what is left of it.
    Batch(BatchId),
}

/// What an undoing led to, with what is shown of the records that it left.
#[derive(Debug, Clone)]
pub struct UndoReport {
    /// What it was to take back.
    pub what: TakeBack,
    /// What it led to.
    pub undone: Undone,
    /// The records that it left.
    pub left: Vec<LeftRecord>,
    /// Records that are named.
    pub known: Known,
}

/// A record that an undoing left.
#[derive(Debug, Clone)]
pub struct LeftRecord {
    /// The kind of the record.
    pub kind: &'static RecordKind,
    /// The record.
    pub id: RecordId,
    /// The keys that were written since, and the ids of actions taken since.
    pub since: Vec<String>,
    /// Who changed it last, and when.
    pub by: Option<(String, Moment)>,
    /// What was changed.
    pub changed: Changed,
}

/// The page on which a person decides about them.
#[derive(Debug, Clone)]
pub struct UndoPage {
    /// The batch that was taken back.
    pub batch: BatchId,
    /// The action that was taken back.
    pub action: String,
    /// The records.
    pub left: Vec<LeftRecord>,
    /// Those that are to be taken back after all.
    pub ticked: BTreeSet<RecordId>,
    /// Index of the marked one.
    pub at: usize,
}

impl LeftRecord {
    /// Returns what is shown of a record: who wrote last into what the undoing would have taken
    /// back, and what he wrote.
    pub fn of(left: Left, history: Option<&History>) -> Self {
        let Left { kind, id, since } = left;
        let steps = history.map(|history| history.steps.as_slice()).unwrap_or_default();
        let touches = |key: &String| since.contains(key);
        let step = steps.iter().rev().find(|step| {
            since.contains(&step.kind) || step.changed.iter().any(|(key, ..)| touches(key))
        });
        let changed = step.map(|step| step.changed.clone()).unwrap_or_default();
        let changed = changed.into_iter().filter(|(key, ..)| touches(key)).collect();
        Self { kind, id, since, by: step.map(|step| (step.person.clone(), step.at)), changed }
    }
}

impl UndoPage {
    /// Returns the page of what an undoing left; nothing when it left nothing.
    pub fn of(report: &UndoReport) -> Option<Self> {
        (!report.left.is_empty()).then(|| Self {
            batch: report.undone.of,
            action: report.undone.action.clone(),
            left: report.left.clone(),
            ticked: BTreeSet::new(),
            at: 0,
        })
    }

    /// Marks another record.
    pub fn step(&mut self, by: isize) {
        self.at = self.at.saturating_add_signed(by).min(self.left.len().saturating_sub(1));
    }

    /// Ticks the marked record, or takes the tick back.
    pub fn tick(&mut self) {
        let Some(id) = self.left.get(self.at).map(|left| left.id) else { return };
        if !self.ticked.remove(&id) {
            self.ticked.insert(id);
        }
    }
}

/// Records of which more is shown than their names.
pub const LEFT_SHOWN_MAX: usize = 100;
