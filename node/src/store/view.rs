//! What rules may see, read from the tables.
//!
//! A view cannot fail towards a rule; an error is remembered, and whoever made the view must ask
//! for it before anything is committed.

use std::cell::RefCell;

use rusqlite::{Connection, OptionalExtension, params};

use onex_crdt::act::{Act, Authority, Found};
use onex_crdt::header::Header;
use onex_crdt::ids::{ActId, ChangeHash, DeviceId, DocId, OrgId, RecordId};
use onex_crdt::record::{Fields, RecordKind, Row};
use onex_crdt::roles::{OrgRole, PersonRole};
use onex_crdt::value::Value;
use onex_crdt::view::{Source, View};
use onex_protocol::membership::Membership;

use super::{StoreError, projection};

/// The tables as a rule sees them.
pub struct SqlView<'a> {
    connection: &'a Connection,
    authority: Log<'a>,
    failed: RefCell<Option<StoreError>>,
}

impl<'a> SqlView<'a> {
    /// Returns the view of a connection, which is usually inside a transaction.
    pub fn new(connection: &'a Connection, membership: &'a Membership) -> Self {
        Self { connection, authority: Log(membership), failed: RefCell::new(None) }
    }

    /// Returns the error that reading met, if it met one.
    pub fn finish(self) -> Result<(), StoreError> {
        self.failed.into_inner().map_or(Ok(()), Err)
    }

    fn or_default<T: Default>(&self, result: Result<T, StoreError>) -> T {
        result.unwrap_or_else(|error| {
            self.failed.borrow_mut().get_or_insert(error);
            T::default()
        })
    }

    fn read_sources(&self, kind: &RecordKind, id: RecordId) -> Result<Vec<Source>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "select head.header, source.body from source join head on head.doc = source.doc
             where source.kind = ? and source.id = ? order by source.doc",
        )?;
        let mut rows = statement.query(params![kind.key, id.0.as_slice()])?;
        let mut sources = Vec::new();
        while let Some(row) = rows.next()? {
            let header: Header = decode(row.get_ref(0)?.as_blob()?, "header")?;
            let body: SourceBody = decode(row.get_ref(1)?.as_blob()?, "source")?;
            sources.push(body.with(header));
        }
        Ok(sources)
    }

    fn read_acts(&self, sql: &str, id: &[u8; 16]) -> Result<Vec<Found>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([id.as_slice()])?;
        let mut acts = Vec::new();
        while let Some(row) = rows.next()? {
            let header: Header = decode(row.get_ref(0)?.as_blob()?, "header")?;
            let act: Act = decode(row.get_ref(1)?.as_blob()?, "act")?;
            acts.push(Found { act, header, born: row.get::<_, i64>(2)? as u64 });
        }
        Ok(acts)
    }

    fn read_count(&self, document: DocId, kind: &RecordKind) -> Result<usize, StoreError> {
        let sql = "select count(*) from source where doc = ? and kind = ?";
        let mut statement = self.connection.prepare_cached(sql)?;
        let count: i64 =
            statement.query_row(params![document.0.as_slice(), kind.key], |row| row.get(0))?;
        Ok(count as usize)
    }

    fn read_heads(&self, document: DocId) -> Result<Vec<ChangeHash>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("select heads from head where doc = ?")?;
        let heads: Option<Vec<u8>> =
            statement.query_row([document.0.as_slice()], |row| row.get(0)).optional()?;
        Ok(heads.map(|bytes| hashes(&bytes)).unwrap_or_default())
    }
}

impl View for SqlView<'_> {
    fn sources(&self, kind: &RecordKind, id: RecordId) -> Vec<Source> {
        self.or_default(self.read_sources(kind, id))
    }

    fn row(&self, kind: &RecordKind, id: RecordId) -> Option<Row> {
        self.or_default(projection::get(self.connection, kind, id))
    }

    fn rows_where(&self, kind: &RecordKind, key: &str, value: &Value) -> Vec<Row> {
        let Some(field) = kind.field(key) else { return Vec::new() };
        let condition = format!("{} = ?", projection::column(field));
        let values = [value.clone()];
        self.or_default(projection::select(self.connection, kind, &condition, &values))
    }

    fn rows(&self, kind: &RecordKind) -> Vec<Row> {
        self.or_default(projection::select(self.connection, kind, "true", &[]))
    }

    fn acts(&self, subject: RecordId) -> Vec<Found> {
        self.or_default(self.read_acts(ACTS_ON, &subject.0))
    }

    fn act(&self, id: ActId) -> Option<Found> {
        self.or_default(self.read_acts(ACT, &id.0)).into_iter().next()
    }

    fn count(&self, document: DocId, kind: &RecordKind) -> usize {
        self.or_default(self.read_count(document, kind))
    }

    fn heads(&self, document: DocId) -> Vec<ChangeHash> {
        self.or_default(self.read_heads(document))
    }

    fn authority(&self) -> &dyn Authority {
        &self.authority
    }
}

/// The acts on a subject, and those that speak of it besides their own.
const ACTS_ON: &str = "select head.header, found.body, found.born from (
      select id, doc, body, born from act where subject = ?1
      union all
      select act.id, act.doc, act.body, act.born
        from about join act on act.id = about.act and act.doc = about.doc
        where about.subject = ?1
    ) found join head on head.doc = found.doc order by found.id, found.doc";
/// An act, once for each document that it stands in.
const ACT: &str = "select head.header, act.body, act.born
    from act join head on head.doc = act.doc where act.id = ?1 order by act.doc";

/// The membership log as plain facts.
pub struct Log<'a>(pub &'a Membership);

impl Authority for Log<'_> {
    fn org_role(&self, org: OrgId) -> Option<OrgRole> {
        self.0.organisation(org).map(|org| org.role)
    }

    fn hub(&self) -> OrgId {
        self.0.hub()
    }

    fn position(&self) -> u64 {
        self.0.position()
    }

    fn org_of(&self, device: DeviceId) -> Option<OrgId> {
        self.0.device(device).map(|device| device.org)
    }

    fn holds(&self, device: DeviceId, person: &str, role: PersonRole, position: u64) -> bool {
        self.0.holds(device, person, role, position)
    }

    fn device_count(&self, org: OrgId, position: u64) -> usize {
        self.0.device_count(org, position)
    }

    fn allocator(&self) -> DeviceId {
        self.0.sequencer()
    }
}

/// What the table of sources keeps besides kind, id and document.
#[derive(minicbor::Encode, minicbor::Decode)]
pub struct SourceBody {
    #[n(0)]
    fields: Fields,
    #[n(1)]
    conflict: Vec<String>,
    #[n(2)]
    removed: bool,
    #[n(3)]
    born: u64,
    #[n(4)]
    undone: bool,
}

impl SourceBody {
    /// Returns what is kept of a source.
    pub fn of(source: Source) -> Self {
        let Source { fields, conflict, removed, born, undone, .. } = source;
        Self { fields, conflict, removed, born, undone }
    }

    fn with(self, header: Header) -> Source {
        let Self { fields, conflict, removed, born, undone } = self;
        Source { header, fields, conflict, removed, born, undone }
    }
}

/// Decodes a stored value.
pub fn decode<'b, T: minicbor::Decode<'b, ()>>(
    bytes: &'b [u8],
    what: &'static str,
) -> Result<T, StoreError> {
    minicbor::decode(bytes).map_err(|_| StoreError::Damaged { what })
}

/// Encodes a value for a column.
pub fn encode<T: minicbor::Encode<()>>(value: &T) -> Vec<u8> {
    minicbor::to_vec(value).expect("encoding into memory does not fail")
}

/// Splits a column of hashes.
pub fn hashes(bytes: &[u8]) -> Vec<ChangeHash> {
    bytes.chunks_exact(ChangeHash::BYTES).filter_map(ChangeHash::from_slice).collect()
}
