//! Importing at the handle: what the store knows of a roster, and saving its good rows.
//!
//! Recognising and checking a roster is `import`'s matter; the rules stay the actions' own.

use std::collections::BTreeSet;

use onex_crdt::action::{Action, Given, Reason, Refusal};
use onex_crdt::ids::{BatchId, RecordId};
use onex_crdt::record::{Record, Row};
use onex_crdt::records::class::actions::ENROL;
use onex_crdt::records::class::enrolment::{Enrolment, EnrolmentState};
use onex_crdt::records::learner::actions::{ADD_FROM_ROSTER, EDIT};
use onex_crdt::records::learner::{Learner, LearnerState};
use onex_crdt::value::Value;

use crate::api::Query;
use crate::audit::Deed;
use crate::engine::{EngineError, Order};
use crate::error::NodeError;
use crate::handle::{Node, PART_ORDERS};
use crate::import::{Draft, Known, KnownLearner, Roster};
use crate::store::query;

/// What an import saved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Saved {
    /// The batch under which it can be undone; nothing when no row was saved.
    pub batch: Option<BatchId>,
    /// The learners that were made, edited or put into the class, in the order of the rows: new
    /// ones first.
    pub ids: Vec<RecordId>,
}

impl Node {
    /// Tells a draft which of its numbers the store knows. Call it again after edits.
    ///
    /// # Errors
    /// When the person may not import, or the store fails.
    pub fn import_match(&self, draft: &mut Draft) -> Result<(), NodeError> {
        let action = match draft.roster() {
            Roster::Learner => &ADD_FROM_ROSTER,
            Roster::Enrolment => &ENROL,
        };
        let me = self.me()?;
        if !action.may(me.org_role, &me.roles.iter().copied().collect()) {
            return Err(Refusal::new(action, Reason::NoRight, None).into());
        }
        let numbers = draft.numbers();
        let mut known = Known::default();
        let reader = self.reader();
        for (key, texts, by) in [
            ("id_number", &numbers.id_numbers, &mut known.by_id_number),
            ("student_no", &numbers.student_nos, &mut known.by_student_no),
        ] {
            for text in texts {
                let rows = query::with_text(reader.read(), Learner::KIND, key, text)?;
                // Of several an active one counts: it is the one that is meant.
                let there = rows.iter().filter_map(learner).max_by_key(|known| known.is_active);
                by.extend(there.map(|known| (text.clone(), known)));
            }
        }
        drop(reader);
        draft.match_with(known);
        Ok(())
    }

    /// Saves the good rows of a draft in one transaction, as one batch; puts the learners into a
    /// class. `step` hears which of how many parts is about to be written and says whether to go
    /// on.
    ///
    /// # Errors
    /// `NodeError::Refused` when a rule does not allow it, `NodeError::Stopped` when `step` said
    /// no; then nothing is saved.
    pub fn import(
        &self,
        draft: &Draft,
        class: Option<RecordId>,
        step: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<Saved, NodeError> {
        let planned = draft.planned();
        if planned.is_empty() {
            return Ok(Saved::default());
        }
        let enrolled = class.map_or(Ok(BTreeSet::new()), |class| self.enrolled(class))?;
        if draft.roster() == Roster::Enrolment {
            let places = planned.iter().filter_map(|row| {
                Some((row.id?, row.given.get("learner_confirmed").cloned().flatten()))
            });
            let places: Vec<(RecordId, Option<Value>)> = places.collect();
            let orders = enrol_orders(class, &places, &enrolled);
            let batch = match orders.as_slice() {
                [] => None,
                orders => {
                    let parts = orders.chunks(1).map(Ok);
                    Some(self.carry_out_then(Deed::Import, parts, |_| Vec::new())?.0)
                }
            };
            return Ok(Saved { batch, ids: places.into_iter().map(|(id, _)| id).collect() });
        }
        let (new, known): (Vec<_>, Vec<_>) = planned.into_iter().partition(|row| row.id.is_none());
        let orders = |action: &'static Action, rows: Vec<crate::import::Planned>| -> Vec<Order> {
            rows.into_iter().map(|row| Order { action, id: row.id, given: row.given }).collect()
        };
        let (new, known) = (orders(&ADD_FROM_ROSTER, new), orders(&EDIT, known));
        let parts: Vec<&[Order]> =
            new.chunks(PART_ORDERS).chain(known.chunks(PART_ORDERS)).collect();
        let all = parts.len();
        let parts = parts
            .into_iter()
            .enumerate()
            .map(|(at, part)| if step(at + 1, all) { Ok(part) } else { Err(EngineError::Stopped) });
        let saved = new.len() + known.len();
        let (batch, mut ids) = self.carry_out_then(Deed::Import, parts, |ids| {
            let places: Vec<_> = ids.iter().map(|id| (*id, None)).collect();
            enrol_orders(class, &places, &enrolled)
        })?;
        ids.truncate(saved);
        Ok(Saved { batch: Some(batch), ids })
    }

    /// The learners who have a place in a class.
    fn enrolled(&self, class: RecordId) -> Result<BTreeSet<RecordId>, NodeError> {
        let of_class = Query::all(Enrolment::KIND).with("class_id", Value::Bytes(class.0.to_vec()));
        let rows = self.list(&of_class)?.rows;
        let there = |row: &&Row| row.state() != Some(EnrolmentState::Removed.id());
        Ok(rows.iter().filter(there).filter_map(|row| row.id_of("learner_id")).collect())
    }
}

/// The orders that put learners into a class, without those who are in it.
fn enrol_orders(
    class: Option<RecordId>,
    places: &[(RecordId, Option<Value>)],
    enrolled: &BTreeSet<RecordId>,
) -> Vec<Order> {
    let Some(class) = class else { return Vec::new() };
    let mut orders = Vec::new();
    let confirmed = Some(Value::Bool(true));
    for is_confirmed in [true, false] {
        let wanted = places
            .iter()
            .filter(|(id, said)| !enrolled.contains(id) && (*said == confirmed) == is_confirmed);
        let wanted: Vec<String> = wanted.map(|(id, _)| id.to_string()).collect();
        for ids in wanted.chunks(PLACES_MAX) {
            let mut given = Given::new();
            given.insert("learner_id".to_owned(), Some(Value::List(ids.to_vec())));
            if is_confirmed {
                given.insert("learner_confirmed".to_owned(), confirmed.clone());
            }
            orders.push(Order { action: &ENROL, id: Some(class), given });
        }
    }
    orders
}

/// What a draft needs to know of a learner; those merged or removed are none.
fn learner(row: &Row) -> Option<KnownLearner> {
    let state = row.state().and_then(LearnerState::from_id);
    if matches!(state, None | Some(LearnerState::Merged | LearnerState::Removed)) {
        return None;
    }
    let text = |key: &str| row.text(key).map(str::to_owned);
    Some(KnownLearner {
        id: row.id,
        name: text("name"),
        id_number: text("id_number"),
        is_active: state == Some(LearnerState::Active),
    })
}

/// Learners that one act puts into a class: a change of others holds at most 256 KiB.
const PLACES_MAX: usize = 1_000;
