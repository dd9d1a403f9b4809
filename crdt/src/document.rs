//! Documents from inside: records and entries in one Automerge document, written and read.
//!
//! Nothing foreign comes in here unvouched (`foreign`), and nothing here knows of signatures.

mod undo;

use std::collections::{BTreeMap, BTreeSet};

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{
    ActorId, Automerge, ObjId, ObjType, Prop, ROOT, ReadDoc, ScalarValue, TextEncoding, ValueRef,
    iter::MapRangeItem, legacy::Key,
};

use crate::act::{Act, Found};
use crate::field::Shape;
use crate::foreign::exported;
use crate::header::Header;
use crate::ids::{ActId, Actor, BatchId, ChangeHash, DocId, RecordId};
use crate::record::{Fields, RecordKind};
use crate::value::Value;
use crate::view::{Source, Touch};

pub use undo::{Later, Undoing};

/// One Automerge document with its header.
#[derive(Clone)]
pub struct Document {
    header: Header,
    automerge: Automerge,
}

/// One thing to be written into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// A new record.
    Create {
        /// Its kind.
        kind: &'static RecordKind,
        /// Its id.
        id: RecordId,
        /// Its values.
        fields: Fields,
    },
    /// A new value of one field; no value clears it.
    Set {
        /// The kind of the record.
        kind: &'static RecordKind,
        /// The record.
        id: RecordId,
        /// The key of the field, or `REMOVED`.
        key: String,
        /// The value.
        value: Option<Value>,
    },
    /// A new value of one field of a record with a natural id, which two devices may make at
    /// once: each field is a register of its own and none hides another.
    Register {
        /// The kind of the record.
        kind: &'static RecordKind,
        /// The record.
        id: RecordId,
        /// The key of the field.
        key: &'static str,
        /// The value.
        value: Option<Value>,
    },
    /// A new act.
    Act(Act),
}

impl Write {
    /// What this touches in its document.
    pub fn touch(&self) -> TouchKey {
        match self {
            Write::Create { kind, id, .. }
            | Write::Set { kind, id, .. }
            | Write::Register { kind, id, .. } => TouchKey::Record(kind.key.to_owned(), *id),
            Write::Act(act) => TouchKey::Act(act.id),
        }
    }
}

/// Who writes, and why: what a change says of itself besides its operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorship {
    /// The id of the action.
    pub action: String,
    /// The person at the device.
    pub person: String,
    /// The writer's clock in seconds since 1970: a claim.
    pub at_seconds: i64,
    /// The batch that the change belongs to; older changes name none.
    pub batch: Option<BatchId>,
    /// The batch that this one undoes.
    pub undoes: Option<BatchId>,
}

impl Authorship {
    /// The text that a change carries.
    fn message(&self) -> String {
        let mut message = format!("{}\n{}", self.action, self.person);
        for batch in [self.batch, self.undoes].into_iter().flatten() {
            message.push_str(&format!("\n{batch}"));
        }
        message
    }

    /// Reads the text that a change carries, and its time.
    fn read(message: &str, at_seconds: i64) -> Option<Self> {
        let mut lines = message.split('\n');
        let (action, person) = (lines.next()?.to_owned(), lines.next()?.to_owned());
        let mut batch = || lines.next().and_then(|line| line.parse().ok());
        let (batch, undoes) = (batch(), batch());
        Some(Self { action, person, at_seconds, batch, undoes })
    }
}

/// A change that this device has just written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its hash.
    pub hash: ChangeHash,
    /// The changes that it follows.
    pub deps: Vec<ChangeHash>,
    /// The actor that wrote it.
    pub actor: Actor,
    /// Its number among those of the actor, from 1.
    pub seq: u64,
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
}

/// The register that hides a record; nothing is ever deleted.
pub const REMOVED: &str = "removed";
/// The register that says that the making of a record was undone.
pub const UNDONE: &str = "undone";
const RECORDS: &str = "records";
const ENTRIES: &str = "entries";
/// The operation counters by which the genesis makes its two collections.
pub(crate) const GENESIS_RECORDS: u64 = 1;
pub(crate) const GENESIS_ENTRIES: u64 = 2;

impl Document {
    /// Returns the document that holds nothing but its genesis, computed from the header alone.
    ///
    /// Every device makes the same genesis, so that a root collection is never made twice; it is
    /// never sent. New record types need no new genesis.
    pub fn genesis(header: Header) -> Self {
        let mut automerge = Automerge::new_with_encoding(TextEncoding::UnicodeCodePoint)
            .with_actor(ActorId::from(header.id().0.as_slice()));
        let mut transaction = automerge.transaction();
        for collection in [RECORDS, ENTRIES] {
            transaction
                .put_object(ROOT, collection, ObjType::Map)
                .expect("a new document takes a root collection");
        }
        transaction.commit_with(CommitOptions::default().with_time(0));
        Self { header, automerge }
    }

    /// Returns the document of a snapshot.
    ///
    /// # Errors
    /// When the bytes are not a document that this header's genesis began.
    pub fn load(header: Header, snapshot: &[u8]) -> Result<Self, DocumentError> {
        let automerge = Automerge::load_with_options(
            snapshot,
            automerge::LoadOptions::new().text_encoding(TextEncoding::UnicodeCodePoint),
        )
        .map_err(|_| DocumentError::Snapshot)?;
        let document = Self { header, automerge };
        let genesis = Self::genesis(document.header.clone()).heads();
        let begun = genesis.iter().all(|hash| document.holds(hash));
        if begun { Ok(document) } else { Err(DocumentError::Snapshot) }
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The id.
    pub fn id(&self) -> DocId {
        self.header.id()
    }

    /// The hashes of the changes that no other follows, sorted.
    pub fn heads(&self) -> Vec<ChangeHash> {
        let mut heads: Vec<_> = self.automerge.get_heads().iter().map(hash_from).collect();
        heads.sort_unstable();
        heads
    }

    /// Returns the compacted form, genesis included.
    pub fn save(&self) -> Vec<u8> {
        self.automerge
            .save_with_options(automerge::SaveOptions { deflate: true, retain_orphans: false })
    }

    /// Whether a change is part of the document.
    pub fn holds(&self, hash: &ChangeHash) -> bool {
        self.automerge.get_change_meta_by_hash(&hash_into(hash)).is_some()
    }

    /// Whether a change stands below another one: whoever sealed the newer has seen the older.
    ///
    /// No change stands below itself, and none that is not here below or above anything. Costs as
    /// much as there are changes that the newer one does not follow.
    pub fn is_ancestor(&self, older: &ChangeHash, newer: &ChangeHash) -> bool {
        let outside = || self.automerge.get_changes_meta(&[hash_into(newer)]);
        older != newer
            && self.holds(older)
            && self.holds(newer)
            && outside().iter().all(|change| hash_from(&change.hash) != *older)
    }

    /// Applies changes that this store itself admitted or wrote before, each after those that it
    /// follows.
    ///
    /// # Errors
    /// When they do not follow from what is here; nothing is applied then.
    pub fn replay(&mut self, changes: &[Vec<u8>]) -> Result<(), DocumentError> {
        let parsed: Result<Vec<_>, _> =
            changes.iter().map(|bytes| automerge::Change::from_bytes(bytes.clone())).collect();
        let parsed = parsed.map_err(|_| DocumentError::Change)?;
        let mut known: BTreeSet<ChangeHash> = BTreeSet::new();
        for change in &parsed {
            let held = |hash: &ChangeHash| known.contains(hash) || self.holds(hash);
            if !change.deps().iter().map(hash_from).all(|hash| held(&hash)) {
                return Err(DocumentError::Change);
            }
            known.insert(hash_from(&change.hash()));
        }
        self.automerge.apply_changes(parsed).map_err(|_| DocumentError::Change)?;
        Ok(())
    }

    /// Writes some things as one change.
    ///
    /// Returns nothing when every value is already there.
    ///
    /// # Errors
    /// When a record that is to be set does not exist, one that is to be made or an act does, or
    /// the change is too large to be admitted elsewhere (256 KiB, 20,000 operations): larger work
    /// is several changes. The document is unchanged then.
    pub fn write(
        &mut self,
        actor: Actor,
        author: &Authorship,
        writes: &[Write],
    ) -> Result<Option<Change>, DocumentError> {
        let before = self.clone();
        let written = self.write_unchecked(actor, author, writes);
        match &written {
            Ok(Some(change)) if crate::foreign::is_too_large(&change.bytes) => {
                *self = before;
                Err(DocumentError::TooLarge)
            }
            Err(_) => {
                *self = before;
                written
            }
            Ok(_) => written,
        }
    }

    fn write_unchecked(
        &mut self,
        actor: Actor,
        author: &Authorship,
        writes: &[Write],
    ) -> Result<Option<Change>, DocumentError> {
        let records = self.collection(RECORDS)?;
        let entries = self.collection(ENTRIES)?;
        self.automerge.set_actor(ActorId::from(actor.as_bytes()));
        let mut transaction = self.automerge.transaction();
        for write in writes {
            write_one(&mut transaction, &records, &entries, write)?;
        }
        let options =
            CommitOptions::default().with_message(author.message()).with_time(author.at_seconds);
        let (hash, _) = transaction.commit_with(options);
        Ok(hash.and_then(|hash| self.change(&hash_from(&hash))))
    }

    /// Returns a change of the document.
    pub fn change(&self, hash: &ChangeHash) -> Option<Change> {
        self.automerge.get_change_by_hash(&hash_into(hash)).map(|change| change_from(&change))
    }

    /// Returns the changes that somebody with these heads lacks, without the genesis, each after
    /// those that it follows. Heads that are unknown here count as nothing.
    pub fn changes_since(&self, heads: &[ChangeHash]) -> Vec<Change> {
        let known: Vec<_> = heads.iter().filter(|hash| self.holds(hash)).map(hash_into).collect();
        let genesis = self.genesis_actor();
        self.automerge
            .get_changes(&known)
            .iter()
            .map(change_from)
            .filter(|change| change.actor != genesis)
            .collect()
    }

    fn genesis_actor(&self) -> Actor {
        Actor(self.header.id().0)
    }

    /// What the changes touched that came after some heads.
    ///
    /// Read from their operations: a difference between two states would not show a value that
    /// lost against a concurrent one, and with it not the conflict.
    pub fn touched(&self, before: &[ChangeHash]) -> BTreeSet<TouchKey> {
        let Ok(records) = self.collection(RECORDS) else {
            return BTreeSet::new();
        };
        let known: Vec<_> = before.iter().filter(|hash| self.holds(hash)).map(hash_into).collect();
        self.touched_by(&records, self.automerge.get_changes(&known))
    }

    /// What some changes of the document touched.
    pub fn touched_in(&self, changes: &[ChangeHash]) -> BTreeSet<TouchKey> {
        let Ok(records) = self.collection(RECORDS) else {
            return BTreeSet::new();
        };
        let found = changes.iter().map(hash_into);
        let found = found.filter_map(|hash| self.automerge.get_change_by_hash(&hash));
        self.touched_by(&records, found.collect())
    }

    fn touched_by(&self, records: &ObjId, changes: Vec<automerge::Change>) -> BTreeSet<TouchKey> {
        let mut touched = BTreeSet::new();
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
                            let key = self.key_in(records, &object).unwrap_or_default();
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
    fn is_collection(&self, object: &ObjId) -> bool {
        matches!(object, ObjId::Id(counter, actor, _)
            if [GENESIS_RECORDS, GENESIS_ENTRIES].contains(counter)
                && actor.to_bytes() == self.genesis_actor().0)
    }

    /// The key under which a collection holds an object, even one that lost against another.
    fn key_in(&self, collection: &ObjId, object: &ObjId) -> Option<String> {
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

    pub(crate) fn automerge(&self) -> &Automerge {
        &self.automerge
    }

    pub(crate) fn with_automerge(&self, automerge: Automerge) -> Self {
        Self { header: self.header.clone(), automerge }
    }

    fn collection(&self, name: &str) -> Result<ObjId, DocumentError> {
        match self.automerge.get(ROOT, name)? {
            Some((_, object)) => Ok(object),
            None => Err(DocumentError::Snapshot),
        }
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

fn write_one(
    transaction: &mut Transaction<'_>,
    records: &ObjId,
    entries: &ObjId,
    write: &Write,
) -> Result<(), DocumentError> {
    match write {
        Write::Create { kind, id, fields } => {
            let key = record_key(kind, *id);
            if transaction.get(records, &key)?.is_some() {
                return Err(DocumentError::Exists);
            }
            let value = automerge::hydrate::Value::Map(record_map(kind, fields));
            transaction.batch_create_object(records, key, &value, false)?;
        }
        Write::Set { kind, id, key, value } => {
            let Some((_, record)) = transaction.get(records, record_key(kind, *id))? else {
                return Err(DocumentError::NoRecord);
            };
            put(transaction, &record, key, value)?;
        }
        Write::Register { kind, id, key, value } => {
            let key = format!("{}/{key}", record_key(kind, *id));
            put(transaction, records, &key, value)?;
        }
        Write::Act(act) => {
            let key = act.id.to_string();
            if transaction.get(entries, &key)?.is_some() {
                return Err(DocumentError::Exists);
            }
            let bytes = minicbor::to_vec(act).expect("an act encodes into memory");
            transaction.put(entries, key, ScalarValue::Bytes(bytes))?;
        }
    }
    Ok(())
}

/// Puts a value under a key.
///
/// Where several values are concurrent and the one that Automerge shows is put, it would write no
/// value but delete the others: nobody admits that, and a colleague's write at the same time
/// would then replace what was chosen without a word. Something else is put first, so that the
/// choice is a value of its own.
fn put(
    transaction: &mut Transaction<'_>,
    object: &ObjId,
    key: &str,
    value: &Option<Value>,
) -> Result<(), DocumentError> {
    let scalar = value.as_ref().map_or(ScalarValue::Null, scalar_from);
    let shown = transaction.get(object, key)?;
    let same = shown.is_some_and(|(value, _)| value.as_scalar() == Some(&scalar));
    if same && transaction.get_all(object, key)?.len() > 1 {
        let other = if scalar.is_null() { ScalarValue::Boolean(true) } else { ScalarValue::Null };
        transaction.put(object, key, other)?;
    }
    transaction.put(object, key, scalar)?;
    Ok(())
}

fn record_key(kind: &RecordKind, id: RecordId) -> String {
    format!("{}/{id}", kind.key)
}

fn record_map(kind: &RecordKind, fields: &Fields) -> automerge::hydrate::Map {
    let stored = kind.stored().filter_map(|field| {
        let value = fields.get(field.key)?;
        Some((field.key, automerge::hydrate::Value::Scalar(scalar_from(value))))
    });
    stored.collect::<std::collections::HashMap<_, _>>().into()
}

/// A list is stored as one text, an item a line: items have no line breaks.
fn scalar_from(value: &Value) -> ScalarValue {
    match value {
        Value::Text(text) => ScalarValue::Str(text.as_str().into()),
        Value::Int(number) => ScalarValue::Int(*number),
        Value::Bool(flag) => ScalarValue::Boolean(*flag),
        Value::Bytes(bytes) => ScalarValue::Bytes(bytes.clone()),
        Value::List(items) => ScalarValue::Str(items.join("\n").into()),
    }
}

fn value_from(scalar: &ScalarValue, shape: &Shape) -> Option<Value> {
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

fn change_from(change: &automerge::Change) -> Change {
    Change {
        hash: hash_from(&change.hash()),
        deps: change.deps().iter().map(hash_from).collect(),
        actor: Actor::from_slice(change.actor_id().to_bytes()).unwrap_or(Actor([0; 16])),
        seq: change.seq(),
        bytes: change.raw_bytes().to_vec(),
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

pub(crate) fn hash_from(hash: &automerge::ChangeHash) -> ChangeHash {
    ChangeHash(hash.0)
}

pub(crate) fn hash_into(hash: &ChangeHash) -> automerge::ChangeHash {
    automerge::ChangeHash(hash.0)
}

/// Why a document could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The bytes are no document, or one with another genesis.
    #[error("the snapshot is not a document of this header")]
    Snapshot,
    /// A stored change does not follow from the others.
    #[error("a stored change does not fit its document")]
    Change,
    /// The record that was to be set does not exist.
    #[error("no such record in the document")]
    NoRecord,
    /// The record or act that was to be made exists already.
    #[error("the record or act exists already")]
    Exists,
    /// More in one change than other nodes admit.
    #[error("the change is larger than other nodes admit")]
    TooLarge,
    /// Automerge refused.
    #[error("automerge: {0}")]
    Automerge(String),
}

impl From<automerge::AutomergeError> for DocumentError {
    fn from(error: automerge::AutomergeError) -> Self {
        Self::Automerge(error.to_string())
    }
}
