//! What rules may see: rows, sources and acts, as plain facts.
//!
//! The store implements it over its tables, tests over maps. A view never fails towards a rule;
//! a store that cannot read remembers its error and refuses the transaction.

use crate::act::{Authority, Found};
use crate::header::Header;
use crate::ids::{ActId, ChangeHash, DocId, RecordId};
use crate::record::{Fields, RecordKind, Row};
use crate::value::Value;

/// What one document holds of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The document.
    pub header: Header,
    /// One value per key; where several are concurrent, Automerge's choice among them.
    pub fields: Fields,
    /// Keys with more than one distinct concurrent value.
    pub conflict: Vec<String>,
    /// Hidden by a `removed` register.
    pub removed: bool,
    /// Its making was undone: no row shows it any more.
    pub undone: bool,
    /// The Lamport counter of the record's first operation.
    pub born: u64,
}

/// What rules may see of a node.
pub trait View {
    /// What the documents here hold of a record, in the order of document ids.
    fn sources(&self, kind: &RecordKind, id: RecordId) -> Vec<Source>;
    /// The projected row of a record.
    fn row(&self, kind: &RecordKind, id: RecordId) -> Option<Row>;
    /// The projected rows with a value under a key, by id.
    fn rows_where(&self, kind: &RecordKind, key: &str, value: &Value) -> Vec<Row>;
    /// Every projected row of a kind, by id.
    fn rows(&self, kind: &RecordKind) -> Vec<Row>;
    /// Every act on a subject, each as often as it stands in a document here.
    fn acts(&self, subject: RecordId) -> Vec<Found>;
    /// An act by its id.
    fn act(&self, id: ActId) -> Option<Found>;
    /// How many records of a kind a document here holds, undone ones too.
    fn count(&self, document: DocId, kind: &RecordKind) -> usize;
    /// The heads of a document here; none when it does not exist yet.
    fn heads(&self, document: DocId) -> Vec<ChangeHash>;
    /// What the membership log says.
    fn authority(&self) -> &dyn Authority;
}

/// Something that a change touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touch {
    /// A record in some document.
    Record {
        /// The key of its kind.
        kind: String,
        /// The record.
        id: RecordId,
    },
    /// An act.
    Act {
        /// The act.
        id: ActId,
        /// The id of the action.
        kind: String,
        /// What it was about.
        subject: RecordId,
    },
}

impl Touch {
    /// Returns the record, where one of this kind was touched.
    pub fn record(&self, of: &RecordKind) -> Option<RecordId> {
        match self {
            Touch::Record { kind, id } if kind == of.key => Some(*id),
            _ => None,
        }
    }

    /// Returns act and subject, where an act whose action begins like this was touched.
    pub fn act(&self, prefix: &str) -> Option<(ActId, RecordId)> {
        match self {
            Touch::Act { id, kind, subject } if kind.starts_with(prefix) => Some((*id, *subject)),
            _ => None,
        }
    }
}
