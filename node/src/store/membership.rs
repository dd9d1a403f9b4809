//! The membership log as it is stored, and statements that wait to be sequenced.

use rusqlite::{Connection, params};

use onex_protocol::membership::{Entry, Membership};
use onex_protocol::statement::{SignedStatement, Statement};

use super::{StoreError, meta, set_meta};

/// The key of the root's version in the table of odds and ends.
const ROOT: &str = "root";
const DAMAGED: StoreError = StoreError::Damaged { what: "membership log" };

/// Returns the membership log; nothing before the node has joined a network.
pub fn load(connection: &Connection) -> Result<Option<Membership>, StoreError> {
    let entries = entries_from(connection, 0)?;
    if entries.is_empty() {
        return Ok(None);
    }
    Membership::replay(entries).map(Some).map_err(|_| DAMAGED)
}

/// The newest position that is stored.
pub fn position(connection: &Connection) -> Result<Option<u64>, StoreError> {
    let newest: Option<i64> =
        connection.query_row("select max(position) from membership", [], |row| row.get(0))?;
    Ok(newest.map(|position| position as u64))
}

/// The stored entries from a position on.
pub fn entries_from(connection: &Connection, position: u64) -> Result<Vec<Entry>, StoreError> {
    let mut statement = connection
        .prepare_cached("select bytes from membership where position >= ? order by position")?;
    let rows = statement.query_map([position as i64], |row| row.get::<_, Vec<u8>>(0))?;
    let mut entries = Vec::new();
    for bytes in rows {
        entries.push(Entry::from_bytes(&bytes?).map_err(|_| DAMAGED)?);
    }
    Ok(entries)
}

/// The version of the root at the end of the stored log: when it moves, entries that were stored
/// may be gone.
pub fn root_version(connection: &Connection) -> Result<u64, StoreError> {
    let bytes = meta(connection, ROOT)?;
    Ok(bytes.and_then(|bytes| bytes.try_into().ok()).map_or(1, u64::from_be_bytes))
}

/// Stores an entry that was verified; a proposal that it sequences is done. A rotation of the root
/// drops what was stored at its place and after it.
///
/// # Errors
/// When another entry has the position: two entries for one position would be a fork.
pub fn put(connection: &Connection, entry: &Entry) -> Result<(), StoreError> {
    let held = || entries_from(connection, entry.position);
    if let Statement::Rotate(rotation) = &entry.statement.body
        && held()?.first() != Some(entry)
    {
        let sql = "delete from membership where position >= ?";
        connection.execute(sql, [entry.position as i64])?;
        set_meta(connection, ROOT, &rotation.version.to_be_bytes())?;
    }
    let mut statement = connection
        .prepare_cached("insert or ignore into membership (position, bytes) values (?, ?)")?;
    let added = statement.execute(params![entry.position as i64, entry.to_bytes()])?;
    if added == 0 && held()?.first() != Some(entry) {
        return Err(DAMAGED);
    }
    let digest = entry.statement.digest();
    connection.execute("delete from proposal where digest = ?", [digest.0.as_slice()])?;
    Ok(())
}

/// Stores a statement of this device that the hub has yet to sequence.
pub fn propose(connection: &Connection, statement: &SignedStatement) -> Result<(), StoreError> {
    connection.execute(
        "insert or ignore into proposal (digest, bytes) values (?, ?)",
        params![statement.digest().0.as_slice(), statement.to_bytes()],
    )?;
    Ok(())
}

/// Statements that the hub has yet to sequence.
pub fn proposals(connection: &Connection) -> Result<Vec<SignedStatement>, StoreError> {
    let mut statement = connection.prepare_cached("select bytes from proposal order by number")?;
    let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
    let mut proposals = Vec::new();
    for bytes in rows {
        proposals.push(SignedStatement::from_bytes(&bytes?).map_err(|_| DAMAGED)?);
    }
    Ok(proposals)
}

/// Forgets a statement that can no longer be sequenced.
pub fn drop_proposal(
    connection: &Connection,
    statement: &SignedStatement,
) -> Result<(), StoreError> {
    let digest = statement.digest();
    connection.execute("delete from proposal where digest = ?", [digest.0.as_slice()])?;
    Ok(())
}
