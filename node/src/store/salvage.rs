//! Saving what can be read: rows out of one database into a new one, past pages that do not read.
//!
//! Documents are judged elsewhere; here rows are carried. The projection is never carried: the new
//! store makes it anew.

use std::collections::BTreeSet;

use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use onex_crdt::document::Document;
use onex_crdt::ids::{ChangeHash, DocId};
use onex_protocol::seal::Seal;

use super::{StoreError, check, documents, log};

/// Tables that are filled from documents, or that hold documents, which are carried one by one.
/// Open refusals are between two nodes as they were; both find them again.
const NOT_CARRIED: [&str; 11] = [
    "head",
    "snapshot",
    "chunk",
    "seal",
    "membership",
    "refusal",
    "source",
    "act",
    "about",
    "step",
    "meta",
];
/// How the names of the projection's other tables begin.
const PROJECTED: [&str; 3] = ["row_", "find_", "sqlite_"];
/// What a node is told once and nothing else knows.
const META_CARRIED: [&str; 2] = ["person", "listen"];

/// Carries every table over that holds what only this node knows, but some. Says whether all was
/// read.
pub fn carry(from: &Connection, to: &Connection, but: &[&str]) -> Result<bool, StoreError> {
    let mut whole = true;
    for table in tables(to)?.into_iter().filter(|table| !but.contains(&table.as_str())) {
        whole &= carry_table(from, to, &table)?;
    }
    for key in META_CARRIED {
        match super::meta(from, key) {
            Ok(Some(value)) => super::set_meta(to, key, &value)?,
            Ok(None) => {}
            Err(_) => whole = false,
        }
    }
    Ok(whole)
}

fn tables(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement =
        connection.prepare("select name from sqlite_schema where type = 'table'")?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut tables = names.collect::<Result<Vec<_>, _>>()?;
    tables.retain(|name| {
        !NOT_CARRIED.contains(&name.as_str())
            && PROJECTED.iter().all(|begin| !name.starts_with(begin))
    });
    Ok(tables)
}

/// Carries the rows of a table that are not there yet. At a page that does not read the rest is
/// read from the other end.
pub fn carry_table(from: &Connection, to: &Connection, table: &str) -> Result<bool, StoreError> {
    let there = columns(from, table).unwrap_or_default();
    let mut both = columns(to, table)?;
    both.retain(|column| there.contains(column));
    if both.is_empty() {
        return Ok(there.is_empty());
    }
    let (names, marks) = (both.join(", "), vec!["?"; both.len()].join(", "));
    let sql = format!("insert or ignore into {table} ({names}) values ({marks})");
    let mut insert = to.prepare(&sql)?;
    let order = match from.prepare(&format!("select rowid from {table} limit 0")) {
        Ok(_) => "rowid".to_owned(),
        Err(_) => key(from, table).unwrap_or_else(|_| both[0].clone()),
    };
    for direction in ["asc", "desc"] {
        let sql = format!("select {names} from {table} order by {order} {direction}");
        if carry_rows(from, &sql, both.len(), &mut insert)? {
            return Ok(direction == "asc");
        }
    }
    Ok(false)
}

/// Carries rows until one does not read; says whether there was none such.
fn carry_rows(
    from: &Connection,
    sql: &str,
    width: usize,
    insert: &mut rusqlite::Statement<'_>,
) -> Result<bool, StoreError> {
    let Ok(mut statement) = from.prepare(sql) else { return Ok(false) };
    let Ok(mut rows) = statement.query([]) else { return Ok(false) };
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(true),
            Err(_) => return Ok(false),
        };
        let values = (0..width).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>();
        let Ok(values) = values else { return Ok(false) };
        insert.execute(params_from_iter(values))?;
    }
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare("select name from pragma_table_info(?)")?;
    let names = statement.query_map([table], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

fn key(connection: &Connection, table: &str) -> Result<String, StoreError> {
    let sql = "select name from pragma_table_info(?) where pk > 0 order by pk limit 1";
    Ok(connection.query_row(sql, [table], |row| row.get(0))?)
}

/// The ids of the documents in a damaged database, as far as they read.
pub fn document_ids(connection: &Connection) -> BTreeSet<DocId> {
    let mut ids = BTreeSet::new();
    for table in ["head", "snapshot", "chunk", "seal", "log", "outbox", "source"] {
        for order in ["asc", "desc"] {
            let sql = format!("select doc from {table} order by 1 {order}");
            let read = connection.prepare(&sql).and_then(|mut statement| {
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    ids.extend(DocId::from_slice(row.get_ref(0)?.as_blob()?));
                }
                Ok(())
            });
            if read.is_ok() {
                break;
            }
        }
    }
    ids
}

/// Writes a whole document in the place of what is there of it; changes that the local log does
/// not have come to its end.
pub fn put_document(
    connection: &Connection,
    document: &Document,
    seals: &[Seal],
) -> Result<(), StoreError> {
    let id = document.id();
    documents::forget(connection, id)?;
    connection.execute(
        "insert into snapshot (doc, bytes) values (?, ?)",
        params![id.0.as_slice(), document.save()],
    )?;
    documents::save(connection, document, &[], seals, documents::Origin::Private)?;
    let logged = check::logged(connection, id)?;
    for change in document.changes_since(&[]) {
        if !logged.contains(&change.hash) {
            log::append(connection, id, change.hash, None)?;
        }
    }
    let held = |hash: &ChangeHash| document.holds(hash);
    for gone in logged.iter().filter(|hash| !held(hash)) {
        connection.execute(
            "delete from log where doc = ? and hash = ?",
            params![id.0.as_slice(), gone.0.as_slice()],
        )?;
    }
    Ok(())
}

/// Forgets what the local log and the outbox name and nothing holds.
pub fn prune(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch(
        "delete from log where doc not in (select doc from head);
         delete from outbox where not exists
           (select 1 from log where log.doc = outbox.doc and log.hash = outbox.hash);",
    )?;
    Ok(())
}

/// Ends invitations that are open in an older copy: each may have been used since.
pub fn end_invitations(connection: &Connection) -> Result<(), StoreError> {
    let sql = "update invitation set state = 'cancelled' where state in ('open', 'asked')";
    connection.execute(sql, [])?;
    Ok(())
}

/// The unacknowledged changes of an outbox, for another store to carry on with.
pub fn outbox_documents(connection: &Connection) -> BTreeSet<DocId> {
    let read = || -> rusqlite::Result<Vec<Vec<u8>>> {
        let mut statement = connection.prepare("select distinct doc from outbox")?;
        statement.query_map([], |row| row.get(0))?.collect()
    };
    let docs = read().unwrap_or_default();
    docs.iter().filter_map(|doc| DocId::from_slice(doc)).collect()
}
