//! Reading: records, registers, acts, and the changes that wrote them.
//!
//! Rows are derived elsewhere (`registry::recompute`); here is only what one document holds.

use std::collections::BTreeMap;

use automerge::iter::MapRangeItem;
use automerge::legacy::Key;
use automerge::{ObjId, ReadDoc as _, ScalarValue, ValueRef};

use super::{
    Authorship, Document, ENTRIES, RECORDS, REMOVED, UNDONE, hash_from, hash_into, record_key,
};
use crate::act::{Act, Found};
use crate::field::Shape;
use crate::foreign::exported;
use crate::ids::{ActId, Actor, ChangeHash, RecordId};
use crate::record::{Fields, RecordKind};
use crate::value::Value;
use crate::view::Source;

impl Document {
    /// Returns what the document holds of a record: its map, and its registers.
    pub fn source(&self, kind: &RecordKind, id: RecordId) -> Option<Source> {
        let records = self.collection(RECORDS).ok()?;
        let mut source = Source {
            header: self.header.clone(),
            fields: Fields::new(),
            conflict: Vec::new(),
            removed: false,
            undone: false,
            born: u64::MAX,
        };
        if let Ok(Some((_, object))) = self.automerge.get(&records, record_key(kind, id)) {
            source.born = counter(&object);
            for item in self.automerge.map_range(&object, ..) {
                self.read_field(&mut source, kind, &object, &item, &item.key);
            }
        }
        let prefix = format!("{}/", record_key(kind, id));
        for item in self.automerge.map_range(&records, prefix.clone()..) {
            let Some(key) = item.key.strip_prefix(&prefix) else {
                break;
            };
            source.born = source.born.min(counter(&item.id()));
            self.read_field(&mut source, kind, &records, &item, key);
        }
        source.conflict.sort_by_key(|key| kind.fields.iter().position(|field| field.key == *key));
        (source.born != u64::MAX).then_some(source)
    }

    fn read_field(
        &self,
        source: &mut Source,
        kind: &RecordKind,
        object: &ObjId,
        item: &MapRangeItem<'_>,
        key: &str,
    ) {
        let ValueRef::Scalar(scalar) = &item.value else {
            return;
        };
        let scalar = ScalarValue::from(scalar.clone());
        match key {
            REMOVED => source.removed = scalar == ScalarValue::Boolean(true),
            UNDONE => source.undone = scalar == ScalarValue::Boolean(true),
            _ => {}
        }
        let Some(field) = kind.field(key).filter(|field| !field.derived) else {
            return;
        };
        let shape = &field.ty.shape;
        if item.conflict && self.values(object, &item.key, shape, None).len() > 1 {
            source.conflict.push(field.key.to_owned());
        }
        if let Some(value) = value_from(&scalar, shape) {
            source.fields.insert(field.key.to_owned(), value);
        }
    }

    /// The distinct concurrent values of one field, in the record or its register,
    /// with the change that wrote each, sorted by change hash so that every device numbers them
    /// alike.
    pub fn concurrent(
        &self,
        kind: &RecordKind,
        id: RecordId,
        key: &str,
    ) -> Vec<(Option<Value>, ChangeHash)> {
        self.concurrent_at(kind, id, key, None)
    }

    /// The same as it was when these were the heads.
    pub fn concurrent_at(
        &self,
        kind: &RecordKind,
        id: RecordId,
        key: &str,
        heads: Option<&[ChangeHash]>,
    ) -> Vec<(Option<Value>, ChangeHash)> {
        let known = heads.is_none_or(|heads| heads.iter().all(|hash| self.holds(hash)));
        let Some(field) = kind.field(key).filter(|_| known) else {
            return Vec::new();
        };
        let Ok(records) = self.collection(RECORDS) else {
            return Vec::new();
        };
        let (record, shape) = (record_key(kind, id), &field.ty.shape);
        let register = self.values(&records, &format!("{record}/{key}"), shape, heads);
        match self.automerge.get(&records, record) {
            Ok(Some((_, object))) if register.is_empty() => self.values(&object, key, shape, heads),
            _ => register,
        }
    }

    fn values(
        &self,
        object: &ObjId,
        key: &str,
        shape: &Shape,
        heads: Option<&[ChangeHash]>,
    ) -> Vec<(Option<Value>, ChangeHash)> {
        let mut distinct: BTreeMap<Option<Value>, ChangeHash> = BTreeMap::new();
        let all = match heads {
            None => self.automerge.get_all(object, key),
            Some(heads) => {
                let heads: Vec<_> = heads.iter().map(hash_into).collect();
                self.automerge.get_all_at(object, key, &heads)
            }
        };
        for (value, op) in all.unwrap_or_default() {
            let value = value.as_scalar().and_then(|scalar| value_from(scalar, shape));
            let Some(hash) = self.automerge.hash_for_opid(&op) else {
                continue;
            };
            let hash = hash_from(&hash);
            let first = distinct.entry(value).or_insert(hash);
            *first = (*first).min(hash);
        }
        let mut values: Vec<_> = distinct.into_iter().collect();
        values.sort_by_key(|(_, hash)| *hash);
        values
    }

    /// Returns an act, where its id is that of its contents and its writer the device it names.
    pub fn act(&self, id: ActId) -> Option<Found> {
        let entries = self.collection(ENTRIES).ok()?;
        let values = self.automerge.get_all(entries, id.to_string()).ok()?;
        values.into_iter().find_map(|(value, op)| {
            let act: Act = match value.as_scalar()? {
                ScalarValue::Bytes(bytes) => minicbor::decode(bytes).ok()?,
                _ => return None,
            };
            let genuine = act.id == id && act.content_id() == id;
            let written = genuine && op_actor(&op) == Some(act.device.tag());
            written.then(|| Found { act, header: self.header.clone(), born: counter(&op) })
        })
    }

    /// The change that wrote an act.
    pub fn change_of_act(&self, id: ActId) -> Option<ChangeHash> {
        let entries = self.collection(ENTRIES).ok()?;
        let (_, op) = self.automerge.get(entries, id.to_string()).ok()??;
        self.automerge.hash_for_opid(&op).map(|hash| hash_from(&hash))
    }

    /// Who wrote a change, and when by his clock.
    pub fn authorship(&self, hash: &ChangeHash) -> Option<(Actor, Authorship)> {
        let change = self.automerge.get_change_meta_by_hash(&hash_into(hash))?;
        let author = Authorship::read(change.message.as_deref()?, change.timestamp)?;
        Some((Actor::from_slice(change.actor.to_bytes())?, author))
    }

    /// The values of a record before and after a change, for its history; the registers that hide
    /// it are among them.
    pub fn step(&self, kind: &RecordKind, id: RecordId, hash: &ChangeHash) -> (Fields, Fields) {
        let before = self.change(hash).map(|change| change.deps).unwrap_or_default();
        (self.fields_at(kind, id, &before), self.fields_at(kind, id, &[*hash]))
    }

    fn fields_at(&self, kind: &RecordKind, id: RecordId, heads: &[ChangeHash]) -> Fields {
        if !heads.iter().all(|hash| self.holds(hash)) {
            return Fields::new();
        }
        let heads: Vec<_> = heads.iter().map(hash_into).collect();
        let Ok(records) = self.collection(RECORDS) else {
            return Fields::new();
        };
        let record = record_key(kind, id);
        let object = self.automerge.get_at(&records, &record, &heads).ok().flatten();
        let value = |object: &ObjId, key: &str, shape: &Shape| {
            let (value, _) = self.automerge.get_at(object, key, &heads).ok()??;
            value_from(value.as_scalar()?, shape)
        };
        let hidden = [REMOVED, UNDONE].map(|key| (key, &Shape::Bool));
        kind.stored()
            .map(|field| (field.key, &field.ty.shape))
            .chain(hidden)
            .filter_map(|(key, shape)| {
                let within = object.as_ref().and_then(|(_, o)| value(o, key, shape));
                let value = value(&records, &format!("{record}/{key}"), shape).or(within)?;
                Some((key.to_owned(), value))
            })
            .collect()
    }

    /// The changes that wrote into a record, each after those that it follows.
    pub fn changes_of(&self, kind: &RecordKind, id: RecordId) -> Vec<ChangeHash> {
        let Ok(records) = self.collection(RECORDS) else {
            return Vec::new();
        };
        let record = record_key(kind, id);
        let (object, prefix) = (self.automerge.get(&records, &record), format!("{record}/"));
        let object = object.ok().flatten().map(|(_, object)| object);
        let changes = self.automerge.get_changes(&[]).into_iter().filter(|change| {
            change.decode().operations.iter().any(|operation| match &operation.key {
                Key::Map(key) => {
                    *key == *record
                        || key.starts_with(&prefix)
                        || object.as_ref() == Some(&exported(&operation.obj))
                }
                Key::Seq(_) => false,
            })
        });
        changes.map(|change| hash_from(&change.hash())).collect()
    }
}

pub(super) fn value_from(scalar: &ScalarValue, shape: &Shape) -> Option<Value> {
    match (scalar, shape) {
        (ScalarValue::Str(text), shape) if shape.is_list() => {
            (!text.is_empty()).then(|| Value::List(text.split('\n').map(str::to_owned).collect()))
        }
        (ScalarValue::Int(number), Shape::Int | Shape::Decimal(_) | Shape::NumberedChoice(_)) => {
            Some(Value::Int(*number))
        }
        (ScalarValue::Boolean(flag), Shape::Bool) => Some(Value::Bool(*flag)),
        (ScalarValue::Bytes(bytes), Shape::Id(_) | Shape::Digest) => {
            Some(Value::Bytes(bytes.clone()))
        }
        (
            ScalarValue::Str(text),
            Shape::Text | Shape::Date | Shape::DateTime | Shape::Choice(_),
        ) => Some(Value::Text(text.to_string())),
        _ => None,
    }
}

fn counter(object: &ObjId) -> u64 {
    match object {
        ObjId::Root => 0,
        ObjId::Id(counter, _, _) => *counter,
    }
}

fn op_actor(op: &ObjId) -> Option<[u8; 8]> {
    match op {
        ObjId::Root => None,
        ObjId::Id(_, actor, _) => Actor::from_slice(actor.to_bytes()).map(|actor| actor.tag()),
    }
}
