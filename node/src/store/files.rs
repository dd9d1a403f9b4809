//! Files by the hash of their bytes.

use onex_crdt::ids::Digest;
use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;

/// Keeps a file; one that is there already stays.
pub fn put(connection: &Connection, digest: Digest, bytes: &[u8]) -> Result<(), StoreError> {
    let mut insert =
        connection.prepare_cached("insert or ignore into blob (digest, bytes) values (?, ?)")?;
    insert.execute(params![digest.0.as_slice(), bytes])?;
    Ok(())
}

/// Returns a file.
pub fn get(connection: &Connection, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = connection.prepare_cached("select bytes from blob where digest = ?")?;
    Ok(statement.query_row([digest.0.as_slice()], |row| row.get(0)).optional()?)
}
