//! Undoing at the handle: which batch is meant, and what came of it. C33.
//!
//! How it is done is the engine's matter.

use onex_crdt::action::{Given, Reason, Refusal};
use onex_crdt::ids::{ActId, BatchId, RecordId, SHORT_DIGITS};
use onex_crdt::records::undo::UNDO;
use onex_crdt::value::Value;
use onex_crdt::view::View;
use rusqlite::Connection;

use crate::api::{Answer, Undone};
use crate::audit;
use crate::engine::{Engine, EngineError};
use crate::error::NodeError;
use crate::handle::Node;
use crate::store::steps::{self, Last};
use crate::store::view::SqlView;

/// What is to be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The own last batch that stands.
    Last,
    /// The own last undoing that stands: what was undone is there again.
    LastUndoing,
    /// The batch with this id, or the one that an act with this id belongs to; the first or
    /// last eight digits of a batch's id will do.
    Named(String),
}

impl Node {
    /// Takes a batch back; records of `also` even where they were changed since.
    ///
    /// # Errors
    /// When there is nothing of it to take back, or the person may not.
    pub fn undo(&self, what: &What, also: &[RecordId]) -> Result<Undone, NodeError> {
        let mut writer = self.writer()?;
        let who = self.who(&writer)?;
        let done = writer.commit(|engine, transaction, membership| {
            let own = |last| {
                let found = steps::newest_own(transaction, who.device, &who.person, last)?;
                found.ok_or(EngineError::from(refusal(Reason::NothingToUndo, None)))
            };
            let batch = match what {
                What::Last => own(Last::Done)?,
                What::LastUndoing => own(Last::Undone)?,
                What::Named(text) => {
                    let view = SqlView::new(transaction, membership);
                    let found = named(transaction, engine, &view, text)?;
                    view.finish()?;
                    found.ok_or(refusal(Reason::UnknownRecord, Some("id")))?
                }
            };
            let done = engine.undo(transaction, membership, &who, batch, also)?;
            audit::undone(transaction, &who, &done)?;
            Ok(done)
        })?;
        drop(writer);
        self.shared.changed();
        Ok(done)
    }

    /// The action `undo` with its parameters.
    pub(crate) fn undo_given(&self, given: &Given) -> Result<Answer, NodeError> {
        let text = |key: &str| given.get(key).and_then(Option::as_ref).and_then(Value::as_text);
        let what = text("id").map_or(What::Last, |id| What::Named(id.to_lowercase()));
        let separators = |c: char| c == ',' || c == '，' || c.is_whitespace();
        let also = text("also").unwrap_or_default().split(separators);
        let also = also
            .filter(|id| !id.is_empty())
            .map(|id| id.parse().map_err(|_| refusal(Reason::UnknownRecord, Some("also"))));
        let also: Vec<RecordId> = also.collect::<Result<_, _>>()?;
        let undone = self.undo(&what, &also)?;
        let id = RecordId(undone.batch.unwrap_or(undone.of).0);
        Ok(Answer { id, state: None, pending_act: None, undone: Some(undone) })
    }
}

fn refusal(reason: Reason, field: Option<&str>) -> Refusal {
    Refusal::new(&UNDO, reason, field)
}

/// The batch that an id means: its own, the beginning or end of it, or an act's.
fn named(
    connection: &Connection,
    engine: &mut Engine,
    view: &SqlView<'_>,
    text: &str,
) -> Result<Option<BatchId>, EngineError> {
    let digits = text.chars().all(|c| c.is_ascii_hexdigit());
    if !digits || text.len() < SHORT_DIGITS {
        return Ok(None);
    }
    if let [batch] = steps::batches_meant_by(connection, text)?.as_slice() {
        return Ok(Some(*batch));
    }
    let act: Option<ActId> = text.parse().ok();
    let Some(found) = act.and_then(|act| view.act(act)) else { return Ok(None) };
    let document = engine.document(connection, &found.header)?;
    match document.change_of_act(found.act.id) {
        Some(hash) => Ok(steps::batch_of(connection, hash)?),
        None => Ok(None),
    }
}
