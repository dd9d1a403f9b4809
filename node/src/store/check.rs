//! What a check reads: raw rows, each by itself, so that one that is damaged hides no other.
//!
//! Nothing is altered here, and nothing judged but whether a page, a row or a column reads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row as SqlRow, params};

use onex_crdt::act::Found;
use onex_crdt::ids::{ActId, ChangeHash, DocId, RecordId};
use onex_crdt::record::{RecordKind, Row};
use onex_crdt::search;
use onex_crdt::view::{Source, Touch};
use onex_protocol::membership::Entry;
use onex_protocol::seal::Seal;

use super::view::{SourceBody, encode};
use super::{BUSY_WAIT, KEY_BYTES, StoreError, documents, projection, set_key};

/// Opens a database that is there, as it is: nothing is made, migrated or built anew.
pub fn open(path: &Path, key: &[u8; KEY_BYTES]) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    set_key(&connection, key)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "cell_size_check", "on")?;
    connection.pragma_update(None, "trusted_schema", "off")?;
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(connection)
}

/// What is wrong with the pages of the file, in SQLite's words; nothing when all is well.
///
/// Every page is authenticated first: a flipped bit inside a row is invisible to SQLite itself
/// (trust 0.5). That reads the file alone, past the log: what a power cut has torn there while the
/// log was copied into it stands whole in the log, and is copied again before.
pub fn pages(connection: &Connection) -> Vec<String> {
    checkpoint(connection);
    let mut wrong = lines(connection, "pragma cipher_integrity_check");
    wrong.extend(lines(connection, "pragma quick_check").into_iter().filter(|line| line != "ok"));
    wrong.truncate(WRONG_PAGES_MAX);
    wrong
}

/// Copies the log into the file as far as nobody needs it. Where that fails, for want of room or
/// for what is damaged, the pages tell.
fn checkpoint(connection: &Connection) {
    let copied = connection.query_row("pragma wal_checkpoint(passive)", [], |_| Ok(()));
    if let Err(error) = copied {
        tracing::warn!(%error, "the log was not copied into the database");
    }
}

/// The same, looked at twice: a page that another process writes at this moment may look torn, and
/// what is wrong once must be wrong again.
pub fn pages_twice(connection: &Connection) -> Vec<String> {
    match pages(connection) {
        wrong if wrong.is_empty() || is_interrupted(&wrong) => wrong,
        _ => pages(connection),
    }
}

/// Whether the reading was cut short, so that what was found says nothing.
pub fn is_interrupted(wrong: &[String]) -> bool {
    wrong.iter().any(|line| line == "interrupted")
}

/// More lines than this say nothing more.
const WRONG_PAGES_MAX: usize = 100;

/// What a pragma answers; an error is one of the lines.
fn lines(connection: &Connection, sql: &str) -> Vec<String> {
    let read = || -> rusqlite::Result<Vec<String>> {
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.take(WRONG_PAGES_MAX).collect()
    };
    read().unwrap_or_else(|error| vec![error.to_string()])
}

/// The ids of every document that anything is stored of.
pub fn document_ids(connection: &Connection) -> Result<BTreeSet<DocId>, StoreError> {
    let mut ids = BTreeSet::new();
    for table in ["head", "snapshot", "chunk", "seal"] {
        let mut statement = connection.prepare(&format!("select distinct doc from {table}"))?;
        let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
        for bytes in rows {
            ids.extend(DocId::from_slice(&bytes?));
        }
    }
    Ok(ids)
}

/// The row of a document in `head`, as it is stored.
pub struct RawHead {
    /// The header.
    pub header: Vec<u8>,
    /// The heads, one after the other.
    pub heads: Vec<u8>,
    /// The digest of heads and seals.
    pub fingerprint: Vec<u8>,
}

/// Returns the row of a document in `head`.
pub fn head(connection: &Connection, id: DocId) -> Result<Option<RawHead>, StoreError> {
    let mut statement =
        connection.prepare_cached("select header, heads, fingerprint from head where doc = ?")?;
    let head = statement.query_row([id.0.as_slice()], |row| {
        Ok(RawHead { header: row.get(0)?, heads: row.get(1)?, fingerprint: row.get(2)? })
    });
    Ok(head.optional()?)
}

/// Returns the snapshot of a document.
pub fn snapshot(connection: &Connection, id: DocId) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = connection.prepare_cached("select bytes from snapshot where doc = ?")?;
    Ok(statement.query_row([id.0.as_slice()], |row| row.get(0)).optional()?)
}

/// The loose changes of a document by their numbers, and whether that were all: after a damaged
/// page the rest is read from the other end.
pub fn chunks(connection: &Connection, id: DocId) -> (BTreeMap<i64, Vec<u8>>, bool) {
    let mut found = BTreeMap::new();
    for order in ["asc", "desc"] {
        let sql = format!("select number, bytes from chunk where doc = ? order by number {order}");
        let read = connection.prepare_cached(&sql).and_then(|mut statement| {
            let mut rows = statement.query([id.0.as_slice()])?;
            while let Some(row) = rows.next()? {
                found.insert(row.get(0)?, row.get(1)?);
            }
            Ok(())
        });
        if read.is_ok() {
            return (found, order == "asc");
        }
    }
    (found, false)
}

/// The newest loose changes of a document.
pub fn newest_chunks(
    connection: &Connection,
    id: DocId,
    most: usize,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut statement = connection
        .prepare_cached("select bytes from chunk where doc = ? order by number desc limit ?")?;
    let rows = statement.query_map(params![id.0.as_slice(), most as i64], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The changes of a document that stand in the local log.
pub fn logged(connection: &Connection, id: DocId) -> Result<BTreeSet<ChangeHash>, StoreError> {
    let mut statement = connection.prepare_cached("select hash from log where doc = ?")?;
    let rows = statement.query_map([id.0.as_slice()], |row| row.get::<_, Vec<u8>>(0))?;
    let hashes = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(hashes.iter().filter_map(|hash| ChangeHash::from_slice(hash)).collect())
}

/// The live seals of a document; nothing stands for one that does not read.
pub fn seals(connection: &Connection, id: DocId) -> Result<Vec<Option<Seal>>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select device, head, bytes from seal where doc = ? order by device, head",
    )?;
    let rows = statement.query_map([id.0.as_slice()], |row| {
        Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, Vec<u8>>(2)?))
    })?;
    let mut seals = Vec::new();
    for row in rows {
        let (device, head, bytes) = row?;
        let named = |seal: &Seal| seal.device.0[..] == device[..] && seal.head.0[..] == head[..];
        seals.push(Seal::from_bytes(&bytes).ok().filter(named));
    }
    Ok(seals)
}

/// The entries of the membership log by their positions; nothing stands for one that does not read.
pub fn entries(connection: &Connection) -> Result<BTreeMap<i64, Option<Entry>>, StoreError> {
    let mut statement = connection.prepare("select position, bytes from membership")?;
    let rows =
        statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
    let mut entries = BTreeMap::new();
    for row in rows {
        let (position, bytes) = row?;
        entries.insert(position, Entry::from_bytes(&bytes).ok());
    }
    Ok(entries)
}

/// The sources of a document, each with what is stored of it.
pub fn sources(
    connection: &Connection,
    id: DocId,
) -> Result<BTreeMap<(String, RecordId), Vec<u8>>, StoreError> {
    let mut statement =
        connection.prepare_cached("select kind, id, body from source where doc = ?")?;
    let rows = statement
        .query_map([id.0.as_slice()], |row| Ok(((row.get(0)?, record_id(row, 1)?), row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What is to be stored of a source.
pub fn source_body(source: Source) -> Vec<u8> {
    encode(&SourceBody::of(source))
}

/// An act as the projection stores it: kind, subject, position, born, body.
pub type StoredAct = (String, RecordId, i64, i64, Vec<u8>);

/// The acts of a document.
pub fn acts(connection: &Connection, id: DocId) -> Result<BTreeMap<ActId, StoredAct>, StoreError> {
    let mut statement = connection
        .prepare_cached("select id, kind, subject, position, born, body from act where doc = ?")?;
    let rows = statement.query_map([id.0.as_slice()], |row| {
        let act = (row.get(1)?, record_id(row, 2)?, row.get(3)?, row.get(4)?, row.get(5)?);
        Ok((ActId(record_id(row, 0)?.0), act))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What is to be stored of an act.
pub fn act_stored(found: &Found) -> StoredAct {
    let act = &found.act;
    (act.kind.clone(), act.subject, act.position as i64, found.born as i64, encode(act))
}

fn record_id(row: &SqlRow<'_>, at: usize) -> rusqlite::Result<RecordId> {
    Ok(RecordId::from_slice(row.get_ref(at)?.as_blob()?).unwrap_or_default())
}

/// How many sources and acts stand in the projection of documents that are not here.
pub fn strays(connection: &Connection) -> Result<usize, StoreError> {
    let mut strays = 0;
    for table in ["source", "act"] {
        let sql = format!("select count(*) from {table} where doc not in (select doc from head)");
        strays += connection.query_row(&sql, [], |row| row.get::<_, i64>(0))?;
    }
    Ok(strays as usize)
}

/// How many lines the audit log has.
pub fn audit_lines(connection: &Connection) -> Result<usize, StoreError> {
    let lines: i64 = connection.query_row("select count(*) from audit", [], |row| row.get(0))?;
    Ok(lines as usize)
}

/// A row of a kind as it is stored, with the text that searches find it by.
pub struct StoredRow {
    /// Its number.
    pub number: i64,
    /// The row.
    pub row: Row,
    /// The text.
    pub text: Option<String>,
}

/// A page of the rows of a kind after a number.
pub fn rows_after(
    connection: &Connection,
    kind: &RecordKind,
    number: i64,
) -> Result<Vec<StoredRow>, StoreError> {
    let (columns, table) = (projection::columns(kind), projection::table(kind));
    let find = projection::find_table(kind);
    let mut statement = connection.prepare_cached(&format!(
        "select {columns}, number, (select text from {find} where {find}.number = {table}.number)
         from {table} where number > ? order by number limit {PAGE_ROWS}"
    ))?;
    let after = kind.fields.len() + 4;
    let rows = statement.query_map([number], |row| {
        let (number, text) = (row.get(after)?, row.get(after + 1)?);
        Ok(StoredRow { number, row: projection::read(kind, row)?, text })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Rows that are compared at a time.
const PAGE_ROWS: usize = 500;

/// The text that searches are to find a row by.
pub fn search_text(kind: &RecordKind, row: &Row) -> String {
    search::text(kind, &row.fields)
}

/// Whether there is a row.
pub fn has_row(
    connection: &Connection,
    kind: &RecordKind,
    id: RecordId,
) -> Result<bool, StoreError> {
    let sql = format!("select 1 from {} where id = ?", projection::table(kind));
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.exists(params![id.0.as_slice()])?)
}

/// A page of what rows are computed from: sources after a number.
pub fn touches_after(
    connection: &Connection,
    number: i64,
) -> Result<Option<(i64, Vec<Touch>)>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "select number, kind, id from source where number > ? order by number limit {PAGE_ROWS}"
    ))?;
    let rows = statement.query_map([number], |row| {
        Ok((row.get(0)?, Touch::Record { kind: row.get(1)?, id: record_id(row, 2)? }))
    })?;
    let rows = rows.collect::<Result<Vec<(i64, Touch)>, _>>()?;
    let last = rows.last().map(|(number, _)| *number);
    Ok(last.map(|last| (last, rows.into_iter().map(|(_, touch)| touch).collect())))
}

/// Every act as something that rows are computed from.
pub fn act_touches(connection: &Connection) -> Result<Vec<Touch>, StoreError> {
    documents::touched_acts(connection, 0)
}

/// Whether the rows of a kind are counted right, state by state.
pub fn counts_right(connection: &Connection, kind: &RecordKind) -> Result<bool, StoreError> {
    let state = kind
        .field("state")
        .map_or("''".to_owned(), |state| format!("coalesce({}, '')", projection::column(state)));
    let sql = format!(
        "select {state} as state, count(*) from {} group by state",
        projection::table(kind)
    );
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as usize)))?;
    let there: BTreeMap<String, usize> = rows.collect::<Result<_, _>>()?;
    let counted = projection::counts(connection, kind)?;
    Ok(there == counted.into_iter().filter(|(_, rows)| *rows > 0).collect())
}
