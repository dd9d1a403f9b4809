//! Writing: what is meant becomes operations of one change.
//!
//! What may be written is not decided here (`action`), and nobody else's change comes this way.

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{ActorId, ObjId, ReadDoc as _, ScalarValue};

use super::{Change, Document, DocumentError, ENTRIES, RECORDS, TouchKey, hash_from, record_key};
use crate::act::Act;
use crate::ids::{Actor, BatchId, ChangeHash, RecordId};
use crate::record::{Fields, RecordKind};
use crate::value::Value;

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
    /// The change that was kept apart, whose content this one writes again.
    pub source: Option<ChangeHash>,
}

impl Authorship {
    /// The text that a change carries.
    fn message(&self) -> String {
        let text = |id: Option<String>| id.unwrap_or_default();
        let lines = [
            self.action.clone(),
            self.person.clone(),
            text(self.batch.map(|batch| batch.to_string())),
            text(self.undoes.map(|batch| batch.to_string())),
            text(self.source.map(|hash| hash.to_string())),
        ];
        lines.join("\n").trim_end_matches('\n').to_owned()
    }

    /// Reads the text that a change carries, and its time.
    pub(super) fn read(message: &str, at_seconds: i64) -> Option<Self> {
        let mut lines = message.split('\n');
        let (action, person) = (lines.next()?.to_owned(), lines.next()?.to_owned());
        let mut batch = || lines.next().and_then(|line| line.parse().ok());
        let (batch, undoes) = (batch(), batch());
        let source = lines.next().and_then(|line| line.parse().ok());
        Some(Self { action, person, at_seconds, batch, undoes, source })
    }
}

impl Document {
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
