//! What the orders of one batch leave in the audit log: one line per action that signs, or one per
//! kind that was imported.
//!
//! Every line of a deed is written in the transaction of the deed. Looking, opening and exporting
//! are noted where they are asked for, by `Node::audit`.

use std::collections::BTreeMap;

use rusqlite::Connection;

use onex_crdt::action::{Action, Who};
use onex_crdt::ids::RecordId;
use onex_crdt::records::undo::UNDO;

use crate::api::Undone;
use crate::engine::Order;
use crate::store::StoreError;
use crate::store::audit::{AuditEntry, put};

/// As what a batch is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Each action that is more than an edit.
    Signing,
    /// Everything, as one import.
    Import,
}

/// The actions of a batch, in the order in which its records come.
pub(crate) struct Audit {
    deed: Deed,
    actions: Vec<&'static Action>,
}

impl Audit {
    /// Nothing so far.
    pub fn of(deed: Deed) -> Self {
        Self { deed, actions: Vec::new() }
    }

    /// Notes orders that are about to be carried out.
    pub fn orders(&mut self, orders: &[Order]) {
        self.actions.extend(orders.iter().map(|order| order.action));
    }

    /// Writes the lines, in the transaction of the batch; `ids` are the records of the orders.
    pub fn put(
        &self,
        transaction: &Connection,
        who: &Who,
        ids: &[RecordId],
    ) -> Result<(), StoreError> {
        let mut lines: BTreeMap<(&str, &str), Vec<RecordId>> = BTreeMap::new();
        for (action, id) in self.actions.iter().zip(ids) {
            let kind = action.kind.map_or("", |kind| kind.key);
            match self.deed {
                Deed::Import => lines.entry((kind, "")).or_default().push(*id),
                Deed::Signing if signs(action) => {
                    lines.entry((kind, action.id)).or_default().push(*id);
                }
                Deed::Signing => {}
            }
        }
        let what = match self.deed {
            Deed::Signing => "sign",
            Deed::Import => "import",
        };
        for ((kind, action), ids) in lines {
            line(transaction, who, what, kind, ids, action)?;
        }
        Ok(())
    }
}

/// Writes down what an undoing took back, a line per kind.
pub(crate) fn undone(
    transaction: &Connection,
    who: &Who,
    undone: &Undone,
) -> Result<(), StoreError> {
    let mut kinds: BTreeMap<&str, Vec<RecordId>> = BTreeMap::new();
    for (kind, id) in &undone.undone {
        kinds.entry(kind.key).or_default().push(*id);
    }
    for (kind, ids) in kinds {
        line(transaction, who, "sign", kind, ids, UNDO.id)?;
    }
    Ok(())
}

/// Writes down that an action was taken whose effect is no record's: on the membership log, on an
/// invitation, on a conflict. In the transaction that takes it.
pub(crate) fn signed(
    transaction: &Connection,
    who: &Who,
    action: &Action,
    id: RecordId,
) -> Result<(), StoreError> {
    let kind = action.kind.map_or("", |kind| kind.key);
    line(transaction, who, "sign", kind, vec![id], action.id)
}

/// Writes down a deed that stands in no table of actions, with the command that does it: a step of
/// the root's ceremony, the use of a recovery key. In the transaction that does it.
pub(crate) fn ceremony(
    transaction: &Connection,
    who: &Who,
    deed: &str,
    id: RecordId,
) -> Result<(), StoreError> {
    line(transaction, who, "sign", "", vec![id], deed)
}

/// `onex root apply`: on the device that sequences from then on.
pub(crate) const ROOT_APPLY: &str = "root.apply";
/// `onex root go-on`: on the device that does not wait for others any more.
pub(crate) const ROOT_GO_ON: &str = "root.go_on";
/// `onex recovery new`: on the organisation.
pub(crate) const RECOVERY_NEW: &str = "recovery.new";
/// `onex recovery use`: on the device whose person is an admin by it.
pub(crate) const RECOVERY_USE: &str = "recovery.use";
/// `onex recovery reset`: on the organisation.
pub(crate) const RECOVERY_RESET: &str = "recovery.reset";

fn line(
    transaction: &Connection,
    who: &Who,
    what: &str,
    kind: &str,
    ids: Vec<RecordId>,
    action: &str,
) -> Result<(), StoreError> {
    let entry = AuditEntry {
        at: who.now.to_string(),
        person: who.person.clone(),
        device: who.device,
        what: what.to_owned(),
        kind: kind.to_owned(),
        ids,
        fields: (!action.is_empty()).then(|| action.to_owned()).into_iter().collect(),
    };
    put(transaction, &entry)
}

/// Whether an action is a step that somebody answers for, and not only writes fields: the history
/// of the record has those.
fn signs(action: &Action) -> bool {
    !action.id.ends_with(".add") && !action.id.ends_with(".edit")
}
