//! Deeds: what a change does, said in terms of people: to judge who may, and to write it again.
//!
//! Nothing is judged here (`rights`).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use automerge::legacy::{Key, ObjectId, Op, OpId, OpType};
use automerge::{ObjId, ObjType, ReadDoc as _, ScalarValue};

use super::read::value_from;
use super::{
    Authorship, Document, RECORDS, REMOVED, TouchKey, UNDONE, Write, hash_from, hash_into,
};
use crate::act::Act;
use crate::field::Shape;
use crate::foreign::exported;
use crate::ids::{ActId, Actor, ChangeHash, RecordId};
use crate::record::{Fields, RecordKind};
use crate::registry;
use crate::value::Value;

/// What a change does that somebody must have a right to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// Who wrote it.
    pub actor: Actor,
    /// The person that it names; nothing where it names none.
    pub person: Option<String>,
    /// The keys of the kinds of the records that it writes.
    pub kinds: BTreeSet<String>,
    /// The kinds of the acts that it writes: ids of actions.
    pub acts: BTreeSet<String>,
}

impl Document {
    /// Returns what a change of the document does.
    pub fn deed(&self, hash: &ChangeHash) -> Option<Deed> {
        self.deed_of(&self.automerge.get_change_by_hash(&hash_into(hash))?)
    }

    /// The same of a change that is at hand: to find one again costs a look at the whole document.
    pub(crate) fn deed_of(&self, change: &automerge::Change) -> Option<Deed> {
        let actor = Actor::from_slice(change.actor_id().to_bytes())?;
        let message = change.message().unwrap_or_default();
        let mut person = Authorship::read(message, change.timestamp()).map(|author| author.person);
        let (mut kinds, mut acts) = (BTreeSet::new(), BTreeSet::new());
        for key in self.touched_by(std::slice::from_ref(change)) {
            match key {
                TouchKey::Record(kind, _) => drop(kinds.insert(kind)),
                TouchKey::Act(id) => {
                    let Some(found) = self.act(id) else { continue };
                    // An act in somebody else's name is nobody's.
                    person = person.filter(|person| *person == found.act.person);
                    acts.insert(found.act.kind);
                }
            }
        }
        Some(Deed { actor, person, kinds, acts })
    }

    /// Returns the changes that write the content of another one again which was kept apart, each
    /// with that one.
    pub fn written_again(&self) -> BTreeMap<ChangeHash, ChangeHash> {
        let metas = self.automerge.get_changes_meta(&[]).into_iter();
        let sourced = metas.filter_map(|meta| {
            let author = Authorship::read(meta.message.as_deref()?, meta.timestamp)?;
            Some((hash_from(&meta.hash), author.source?))
        });
        sourced.collect()
    }

    /// Returns the acts that were written again after they had been kept apart, each with the
    /// change in which it had stood.
    pub fn acts_again(&self) -> BTreeMap<ActId, ChangeHash> {
        let mut again = BTreeMap::new();
        for (hash, source) in self.written_again() {
            let touched = self.touched_in(&[hash]).into_iter();
            again.extend(touched.filter_map(|key| match key {
                TouchKey::Act(id) => Some((id, source)),
                TouchKey::Record(..) => None,
            }));
        }
        again
    }

    /// Returns what a change of the document wrote, so that it can be written again elsewhere.
    ///
    /// Nothing where it has something that this program does not know.
    pub fn writes_of(&self, hash: &ChangeHash) -> Option<Vec<Write>> {
        let change = self.automerge.get_change_by_hash(&hash_into(hash))?.decode();
        let (made, places, writes) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let mut again = Again { document: self, made, places, writes };
        for (at, operation) in change.operations.iter().enumerate() {
            let id = OpId::new(change.start_op.get() + at as u64, &change.actor_id);
            again.take(ObjectId::Id(id), operation)?;
        }
        Some(again.writes)
    }
}

/// The writes of a change, as far as its operations were read.
struct Again<'a> {
    document: &'a Document,
    /// Where the records that the change makes stand among the writes.
    made: BTreeMap<ObjectId, usize>,
    /// Where the write of each field stands among them.
    places: BTreeMap<(&'static str, RecordId, String), usize>,
    writes: Vec<Write>,
}

impl Again<'_> {
    fn take(&mut self, id: ObjectId, operation: &Op) -> Option<()> {
        let Key::Map(key) = &operation.key else { return None };
        let object = exported(&operation.obj);
        match &operation.action {
            OpType::Make(ObjType::Map) => {
                let (kind, id_text) = key.split_once('/')?;
                let kind = registry::kind(kind)?;
                self.made.insert(id, self.writes.len());
                let fields = Fields::new();
                self.writes.push(Write::Create { kind, id: id_text.parse().ok()?, fields });
            }
            OpType::Put(ScalarValue::Bytes(bytes)) if key.len() == ACT_KEY_LENGTH => {
                let act: Act = minicbor::decode(bytes).ok()?;
                self.writes.push(Write::Act(act));
            }
            OpType::Put(scalar) if self.document.is_collection(&object) => {
                let mut parts = key.splitn(3, '/');
                let (kind, id, field) = (parts.next()?, parts.next()?, parts.next()?);
                let kind = registry::kind(kind)?;
                let (key, value) = (stored_key(kind, field)?, stored_value(kind, field, scalar)?);
                self.put(Write::Register { kind, id: id.parse().ok()?, key, value });
            }
            OpType::Put(scalar) => self.field(&operation.obj, &object, key, scalar)?,
            _ => return None,
        }
        Some(())
    }

    fn field(
        &mut self,
        id: &ObjectId,
        object: &ObjId,
        key: &str,
        scalar: &ScalarValue,
    ) -> Option<()> {
        if let Some(Write::Create { kind, fields, .. }) =
            self.made.get(id).and_then(|at| self.writes.get_mut(*at))
        {
            if let Some(value) = stored_value(kind, key, scalar)? {
                fields.insert(key.to_owned(), value);
            }
            return Some(());
        }
        let records = self.document.collection(RECORDS).ok()?;
        let record = self.document.key_in(&records, object)?;
        let (kind, record) = record.split_once('/')?;
        let (kind, record): (_, RecordId) = (registry::kind(kind)?, record.parse().ok()?);
        let value = stored_value(kind, key, scalar)?;
        self.put(Write::Set { kind, id: record, key: key.to_owned(), value });
        Some(())
    }

    /// Of several values of one field the last one counts.
    fn put(&mut self, write: Write) {
        let place = match &write {
            Write::Set { kind, id, key, .. } => (kind.key, *id, key.clone()),
            Write::Register { kind, id, key, .. } => (kind.key, *id, (*key).to_owned()),
            Write::Create { .. } | Write::Act(_) => return self.writes.push(write),
        };
        match self.places.entry(place) {
            Entry::Occupied(at) => self.writes[*at.get()] = write,
            Entry::Vacant(vacant) => {
                vacant.insert(self.writes.len());
                self.writes.push(write);
            }
        }
    }
}

/// Hexadecimal digits of an act's id, which is its key.
const ACT_KEY_LENGTH: usize = 32;

fn stored_key(kind: &'static RecordKind, key: &str) -> Option<&'static str> {
    let hidden = [REMOVED, UNDONE].into_iter().find(|hidden| *hidden == key);
    hidden.or_else(|| kind.field(key).filter(|field| !field.derived).map(|field| field.key))
}

/// The value under a key of a record; outer nothing where the kind has no such key.
fn stored_value(
    kind: &'static RecordKind,
    key: &str,
    scalar: &ScalarValue,
) -> Option<Option<Value>> {
    stored_key(kind, key)?;
    let shape = kind.field(key).map_or(&Shape::Bool, |field| &field.ty.shape);
    Some(value_from(scalar, shape))
}
