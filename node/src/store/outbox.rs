//! What is unacknowledged, as the outbox log wants it: changes of this device with their seals.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};

use onex_crdt::ids::{ChangeHash, DocId};

use super::StoreError;

/// The unacknowledged changes that came into the local log after a place, by document and in the
/// order in which they were made.
pub fn after(
    connection: &Connection,
    position: i64,
) -> Result<BTreeMap<DocId, Vec<ChangeHash>>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select log.doc, log.hash from log join outbox on outbox.hash = log.hash
           and outbox.doc = log.doc where log.position > ? order by log.position",
    )?;
    let mut rows = statement.query([position])?;
    let mut found: BTreeMap<DocId, Vec<ChangeHash>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let doc = DocId::from_slice(row.get_ref(0)?.as_blob()?);
        let hash = ChangeHash::from_slice(row.get_ref(1)?.as_blob()?);
        if let (Some(doc), Some(hash)) = (doc, hash) {
            found.entry(doc).or_default().push(hash);
        }
    }
    Ok(found)
}

/// Every unacknowledged change.
pub fn hashes(connection: &Connection) -> Result<BTreeSet<ChangeHash>, StoreError> {
    let mut statement = connection.prepare_cached("select hash from outbox")?;
    let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
    let hashes = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(hashes.iter().filter_map(|hash| ChangeHash::from_slice(hash)).collect())
}

/// Whether everything was acknowledged.
pub fn is_empty(connection: &Connection) -> Result<bool, StoreError> {
    Ok(!connection.prepare_cached("select 1 from outbox limit 1")?.exists([])?)
}

/// Whether a change stands in the local log.
pub fn is_logged(connection: &Connection, id: DocId, hash: ChangeHash) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("select 1 from log where doc = ? and hash = ?")?;
    Ok(statement.exists(params![id.0.as_slice(), hash.0.as_slice()])?)
}
