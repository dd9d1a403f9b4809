//! What changes touched: records and acts, by key.

use std::collections::BTreeSet;

use automerge::legacy::Key;
use automerge::{ObjId, Prop, ROOT, ReadDoc as _};

use super::{Document, ENTRIES, GENESIS_ENTRIES, GENESIS_RECORDS, RECORDS, hash_into};
use crate::foreign::exported;
use crate::ids::{ActId, ChangeHash, RecordId};
use crate::view::Touch;

impl Document {
    /// What the changes touched that came after some heads.
    ///
    /// Read from their operations: a difference between two states would not show a value that
    /// lost against a concurrent one, and with it not the conflict.
    pub fn touched(&self, before: &[ChangeHash]) -> BTreeSet<TouchKey> {
        let known: Vec<_> = before.iter().filter(|hash| self.holds(hash)).map(hash_into).collect();
        self.touched_by(&self.automerge.get_changes(&known))
    }

    /// What some changes of the document touched.
    pub fn touched_in(&self, changes: &[ChangeHash]) -> BTreeSet<TouchKey> {
        let found = changes.iter().map(hash_into);
        let found = found.filter_map(|hash| self.automerge.get_change_by_hash(&hash));
        self.touched_by(&found.collect::<Vec<_>>())
    }

    pub(super) fn touched_by(&self, changes: &[automerge::Change]) -> BTreeSet<TouchKey> {
        let mut touched = BTreeSet::new();
        let Ok(records) = self.collection(RECORDS) else {
            return touched;
        };
        // The operations of one record stand together; finding its key costs more than they do.
        let mut last: Option<(ObjId, String)> = None;
        for change in changes {
            for operation in change.decode().operations {
                let object = exported(&operation.obj);
                let key = match &operation.key {
                    _ if object == ROOT => continue,
                    Key::Map(key) if self.is_collection(&object) => key.to_string(),
                    _ => match &last {
                        Some((of, key)) if *of == object => key.clone(),
                        _ => {
                            let key = self.key_in(&records, &object).unwrap_or_default();
                            last.insert((object, key)).1.clone()
                        }
                    },
                };
                touched.extend(record_touch(&key).or_else(|| entry_touch(&key)));
            }
        }
        touched
    }

    /// Whether an object is one of the two that the genesis made.
    pub(super) fn is_collection(&self, object: &ObjId) -> bool {
        matches!(object, ObjId::Id(counter, actor, _)
            if [GENESIS_RECORDS, GENESIS_ENTRIES].contains(counter)
                && actor.to_bytes() == self.genesis_actor().0)
    }

    /// The key under which a collection holds an object, even one that lost against another.
    pub(super) fn key_in(&self, collection: &ObjId, object: &ObjId) -> Option<String> {
        let parent = self.automerge.parents(object).ok()?.next()?;
        match parent.prop {
            Prop::Map(key) if parent.obj == *collection => Some(key),
            _ => None,
        }
    }

    /// Everything that the document holds, for building a projection anew.
    pub fn everything(&self) -> BTreeSet<TouchKey> {
        let mut keys = BTreeSet::new();
        if let Ok(records) = self.collection(RECORDS) {
            keys.extend(self.automerge.keys(&records).filter_map(|key| record_touch(&key)));
        }
        if let Ok(entries) = self.collection(ENTRIES) {
            keys.extend(self.automerge.keys(&entries).filter_map(|key| entry_touch(&key)));
        }
        keys
    }
}

/// What a change touched inside a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum TouchKey {
    /// A record, by kind and id.
    Record(String, RecordId),
    /// An entry.
    Act(ActId),
}

impl TouchKey {
    /// Returns the record that was touched, for rules; acts need their document.
    pub fn record(&self) -> Option<Touch> {
        match self {
            TouchKey::Record(kind, id) => Some(Touch::Record { kind: kind.clone(), id: *id }),
            TouchKey::Act(_) => None,
        }
    }
}

fn record_touch(key: &str) -> Option<TouchKey> {
    let (kind, rest) = key.split_once('/')?;
    let id = rest.split_once('/').map_or(rest, |(id, _)| id);
    Some(TouchKey::Record(kind.to_owned(), id.parse().ok()?))
}

fn entry_touch(key: &str) -> Option<TouchKey> {
    key.parse().ok().map(TouchKey::Act)
}
