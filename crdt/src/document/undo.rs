//! Undoing in a document: which writes take a batch's share of a record back.
//!
//! Nothing is unwritten: former values are written again, and a record that the batch made is
//! hidden. What somebody has changed since is left alone and named (C33).

use std::collections::BTreeSet;

use automerge::{ObjId, ReadDoc};

use super::read::value_from;
use super::{Document, REMOVED, UNDONE, Write, hash_from, hash_into, record_key};
use crate::field::Shape;
use crate::ids::{ChangeHash, RecordId};
use crate::record::RecordKind;
use crate::value::Value;

/// What taking a batch's share of one record back comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Undoing {
    /// What is to be written.
    pub writes: Vec<Write>,
    /// The keys that others have written since; nothing is to be written over them.
    pub left: Vec<String>,
}

/// What becomes of values that others have written since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Later {
    /// They stay.
    Stays,
    /// Somebody who has seen them takes them back as well.
    Goes,
}

impl Document {
    /// Returns what takes back what some changes of one batch, oldest first, did to a record.
    pub fn undo_record(
        &self,
        kind: &'static RecordKind,
        id: RecordId,
        batch: &[ChangeHash],
        later: Later,
    ) -> Undoing {
        let mut undoing = Undoing::default();
        let Ok(records) = self.collection(super::RECORDS) else { return undoing };
        let hashes: BTreeSet<ChangeHash> = batch.iter().copied().collect();
        let share = Share { document: self, batch, hashes: &hashes, later };
        let prefix = record_key(kind, id);
        if let Ok(Some((_, object))) = self.automerge.get(&records, &prefix) {
            if share.wrote(&object) {
                share.unmake(kind, id, &object, &mut undoing);
                return undoing;
            }
            for (key, shape) in keys(kind) {
                if let Some(value) = share.former(&object, key, key, &shape, &mut undoing.left) {
                    undoing.writes.push(Write::Set { kind, id, key: key.to_owned(), value });
                }
            }
        }
        for field in kind.stored() {
            let (key, shape) = (field.key, field.ty.shape);
            let register = format!("{prefix}/{key}");
            if let Some(value) = share.former(&records, &register, key, &shape, &mut undoing.left) {
                undoing.writes.push(Write::Register { kind, id, key, value });
            }
        }
        undoing
    }
}

/// The keys that a record's map can have.
fn keys(kind: &'static RecordKind) -> impl Iterator<Item = (&'static str, Shape)> {
    let hidden = [(REMOVED, Shape::Bool), (UNDONE, Shape::Bool)];
    kind.stored().map(|field| (field.key, field.ty.shape)).chain(hidden)
}

/// A batch's share of a document.
struct Share<'a> {
    document: &'a Document,
    batch: &'a [ChangeHash],
    hashes: &'a BTreeSet<ChangeHash>,
    later: Later,
}

impl Share<'_> {
    fn wrote(&self, op: &ObjId) -> bool {
        let hash = self.document.automerge.hash_for_opid(op);
        hash.is_some_and(|hash| self.hashes.contains(&hash_from(&hash)))
    }

    /// Hides a record that the batch made, unless somebody has written into it since.
    fn unmake(
        &self,
        kind: &'static RecordKind,
        id: RecordId,
        object: &ObjId,
        undoing: &mut Undoing,
    ) {
        let automerge = &self.document.automerge;
        let hidden = automerge.get(object, UNDONE).ok().flatten();
        if hidden.is_some_and(|(value, _)| value.as_bool() == Some(true)) {
            return;
        }
        for (key, _) in keys(kind).filter(|(key, _)| *key != UNDONE) {
            let all = automerge.get_all(object, key).unwrap_or_default();
            if all.iter().any(|(_, op)| !self.wrote(op)) {
                undoing.left.push(key.to_owned());
            }
        }
        if undoing.left.is_empty() || self.later == Later::Goes {
            undoing.left.clear();
            let (key, value) = (UNDONE.to_owned(), Some(Value::Bool(true)));
            undoing.writes.push(Write::Set { kind, id, key, value });
        }
    }

    /// The value that stood in the place of one that the batch wrote; nothing when the batch did
    /// not write there, or somebody else has since.
    fn former(
        &self,
        object: &ObjId,
        place: &str,
        key: &str,
        shape: &Shape,
        left: &mut Vec<String>,
    ) -> Option<Option<Value>> {
        let automerge = &self.document.automerge;
        let all = automerge.get_all(object, place).ok()?;
        if all.is_empty() {
            return None;
        }
        let before = self.value_at(object, place, shape, &self.before()?);
        if all.iter().all(|(_, op)| self.wrote(op)) {
            return Some(before);
        }
        let written =
            all.iter().any(|(_, op)| self.wrote(op)) || self.changed(object, place, shape);
        if written && self.later == Later::Goes {
            return Some(before);
        }
        if written {
            left.push(key.to_owned());
        }
        None
    }

    /// The heads before the batch's first change.
    fn before(&self) -> Option<Vec<ChangeHash>> {
        self.document.change(self.batch.first()?).map(|change| change.deps)
    }

    /// Whether the batch wrote another value than stood there, which another one hides by now.
    fn changed(&self, object: &ObjId, place: &str, shape: &Shape) -> bool {
        self.batch.iter().any(|hash| {
            let deps = self.document.change(hash).map(|change| change.deps).unwrap_or_default();
            let before = self.value_at(object, place, shape, &deps);
            before != self.value_at(object, place, shape, &[*hash])
        })
    }

    fn value_at(
        &self,
        object: &ObjId,
        place: &str,
        shape: &Shape,
        heads: &[ChangeHash],
    ) -> Option<Value> {
        let heads: Vec<_> = heads.iter().map(hash_into).collect();
        let (value, _) = self.document.automerge.get_at(object, place, &heads).ok()??;
        value_from(value.as_scalar()?, shape)
    }
}
