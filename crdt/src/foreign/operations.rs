//! Which operations a foreign change may have: make a record, set one of its registers, put an
//! entry under a key that has none.
//!
//! Where an operation stands in a change's history is `foreign`'s matter.

use std::collections::{BTreeMap, BTreeSet};

use automerge::legacy::{Key, ObjectId, Op, OpId, OpType};
use automerge::{
    ActorId, Automerge, ChangeHash, ExpandedChange, ObjId, ObjType, ReadDoc, ScalarValue,
};

use super::ForeignError;
use crate::document::{GENESIS_ENTRIES, GENESIS_RECORDS};
use crate::ids::{ActId, RecordId};

/// Checks every operation of a change against the document that it follows from.
///
/// An operation names the values that it replaces. Automerge takes any; here they must be values
/// of the same key that the writer had seen, or a colleague's record, field or act could be
/// hidden by a write that seems to touch something else.
pub fn check(
    document: &Automerge,
    genesis: &ActorId,
    change: &ExpandedChange,
) -> Result<(), ForeignError> {
    let collection = |counter| ObjectId::Id(OpId::new(counter, genesis));
    let mut check = Check {
        document,
        deps: &change.deps,
        records: collection(GENESIS_RECORDS),
        entries: collection(GENESIS_ENTRIES),
        made: BTreeSet::new(),
        known: BTreeMap::new(),
        written: BTreeMap::new(),
    };
    for (at, operation) in change.operations.iter().enumerate() {
        let counter = change.start_op.get() + at as u64;
        let id = OpId::new(counter, &change.actor_id);
        if !check.is_allowed(id, operation) {
            return Err(ForeignError::Overwrites);
        }
    }
    Ok(())
}

struct Check<'a> {
    document: &'a Automerge,
    deps: &'a [ChangeHash],
    records: ObjectId,
    entries: ObjectId,
    /// Records that the change itself makes.
    made: BTreeSet<ObjectId>,
    /// Other objects that it names, and whether they are records.
    known: BTreeMap<ObjectId, bool>,
    /// What it writes itself, by object and key.
    written: BTreeMap<(ObjectId, String), BTreeSet<OpId>>,
}

impl Check<'_> {
    fn is_allowed(&mut self, id: OpId, operation: &Op) -> bool {
        let Key::Map(key) = &operation.key else {
            return false;
        };
        if operation.insert {
            return false;
        }
        let object = &operation.obj;
        let first = operation.pred.iter().next().is_none();
        let allowed = match &operation.action {
            OpType::Make(ObjType::Map) => {
                self.made.insert(ObjectId::Id(id.clone()));
                *object == self.records && first && is_record(key)
            }
            OpType::Put(ScalarValue::Bytes(_)) if *object == self.entries => {
                first && key.parse().is_ok_and(|id: ActId| id.to_string() == key.as_str())
            }
            OpType::Put(value) => {
                let within = if *object == self.records {
                    is_register(key)
                } else {
                    self.is_record_map(object)
                };
                within && is_stored(value) && (first || self.replaces_own_key(operation, key))
            }
            _ => false,
        };
        self.written.entry((object.clone(), key.to_string())).or_default().insert(id);
        allowed
    }

    fn is_record_map(&mut self, object: &ObjectId) -> bool {
        if self.made.contains(object) {
            return true;
        }
        if let Some(known) = self.known.get(object) {
            return *known;
        }
        let within = self.document.parents_at(exported(object), self.deps);
        let parent = within.ok().and_then(|mut parents| parents.next());
        let is_record =
            parent.is_some_and(|parent| parent.visible && parent.obj == exported(&self.records));
        self.known.insert(object.clone(), is_record);
        is_record
    }

    fn replaces_own_key(&self, operation: &Op, key: &str) -> bool {
        let own = self.written.get(&(operation.obj.clone(), key.to_owned()));
        let is_own = |id| own.is_some_and(|own| own.contains(id));
        if operation.pred.iter().all(is_own) {
            return true;
        }
        let seen = self.document.get_all_at(exported(&operation.obj), key, self.deps);
        let seen: BTreeSet<ObjId> =
            seen.unwrap_or_default().into_iter().map(|(_, id)| id).collect();
        operation
            .pred
            .iter()
            .all(|id| is_own(id) || seen.contains(&exported(&ObjectId::Id(id.clone()))))
    }
}

/// The object that a change means by an id of its own.
pub(crate) fn exported(object: &ObjectId) -> ObjId {
    match object {
        ObjectId::Root => ObjId::Root,
        ObjectId::Id(OpId(counter, actor)) => ObjId::Id(*counter, actor.clone(), 0),
    }
}

/// Whether a value is of a kind that fields have.
fn is_stored(value: &ScalarValue) -> bool {
    use ScalarValue::{Boolean, Bytes, Int, Null, Str};
    matches!(value, Boolean(_) | Bytes(_) | Int(_) | Null | Str(_))
}

/// Whether a key of the record collection is that of a record, `kind/id`, as it is printed.
fn is_record(key: &str) -> bool {
    key.split_once('/').is_some_and(|(kind, id)| {
        !kind.is_empty() && id.parse().is_ok_and(|parsed: RecordId| parsed.to_string() == id)
    })
}

/// Whether a key of the record collection is that of a register, `kind/id/field`.
fn is_register(key: &str) -> bool {
    key.rsplit_once('/').is_some_and(|(record, field)| !field.is_empty() && is_record(record))
}
