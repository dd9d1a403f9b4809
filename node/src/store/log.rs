//! The local log: which change came into this store after which others. Cursors of peers name its
//! places, each with a mark that follows from every entry so far.
//!
//! What is sent of it is decided in `sync`.

use rusqlite::{Connection, OptionalExtension, Row, params};

use onex_crdt::ids::{ChangeHash, DeviceId, DocId};
use onex_protocol::message::LogPosition;

use super::StoreError;

/// The end of the log.
pub fn end(connection: &Connection) -> Result<LogPosition, StoreError> {
    before(connection, i64::MAX)
}

/// The last entry before a place; after a restore there are places that no entry has.
pub fn before(connection: &Connection, position: i64) -> Result<LogPosition, StoreError> {
    let mut statement = connection.prepare_cached(
        "select position, mark from log where position < ? order by position desc limit 1",
    )?;
    let found = statement.query_row([position], place).optional()?;
    Ok(found.unwrap_or(LogPosition::START))
}

/// Whether a place is one of this log, as far as that has the same entries before it.
pub fn stands(connection: &Connection, at: LogPosition) -> Result<bool, StoreError> {
    let Ok(position) = i64::try_from(at.position) else { return Ok(false) };
    let mut statement =
        connection.prepare_cached("select position, mark from log where position = ?")?;
    let found = statement.query_row([position], place).optional()?;
    Ok(found.unwrap_or(LogPosition::START) == at)
}

/// Adds a change to the end of the log; returns its position. Nothing stands for its origin where
/// it was written here.
pub fn append(
    connection: &Connection,
    document: DocId,
    change: ChangeHash,
    origin: Option<DeviceId>,
) -> Result<i64, StoreError> {
    // Beyond places that entries had which are gone, and beyond a jump.
    let sql = "select coalesce((select seq from sqlite_sequence where name = 'log'), 0) + 1";
    let position: i64 = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    let mark = end(connection)?.then(position.unsigned_abs(), &document, &change).mark;
    let mut insert = connection.prepare_cached(
        "insert into log (position, doc, hash, origin, mark) values (?, ?, ?, ?, ?)",
    )?;
    insert.execute(params![
        position,
        document.0.as_slice(),
        change.0.as_slice(),
        origin.map(|device| device.0.to_vec()),
        mark.as_slice(),
    ])?;
    Ok(position)
}

/// Begins the log anew far behind its end: peers who took more of it than is here must not take a
/// new entry for one that they know.
pub fn jump(connection: &Connection, distance: i64) -> Result<(), StoreError> {
    let sql = "update sqlite_sequence set seq = seq + ? where name = 'log'";
    if connection.execute(sql, [distance])? == 0 {
        let sql = "insert into sqlite_sequence (name, seq) values ('log', ?)";
        connection.execute(sql, [distance])?;
    }
    Ok(())
}

/// Gives every entry the mark that follows from those before it: in a log of before marks were
/// chained, and where entries were taken away. Right ones stay as they are.
pub fn chain(connection: &Connection) -> Result<(), StoreError> {
    let mut update = connection.prepare("update log set mark = ? where position = ?")?;
    walk(connection, |right, stored| {
        if stored != right {
            update.execute(params![right.mark.as_slice(), right.position as i64])?;
        }
        Ok(true)
    })
}

/// Returns the position of the first entry whose mark does not follow from those before it; a log
/// that an older program has left has none yet.
pub fn first_broken(connection: &Connection) -> Result<Option<u64>, StoreError> {
    let sql = "select 1 from pragma_table_info('log') where name = 'mark'";
    if !connection.prepare_cached(sql)?.exists([])? {
        return Ok(None);
    }
    let mut broken = None;
    walk(connection, |right, stored| {
        broken = (stored != right).then_some(right.position);
        Ok(broken.is_none())
    })?;
    Ok(broken)
}

/// Goes through the log with what each entry's place is to be and what is stored, until told to
/// stop.
fn walk(
    connection: &Connection,
    mut seen: impl FnMut(LogPosition, LogPosition) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    let sql = format!(
        "select position, mark, doc, hash from log where position > ? order by position
         limit {PAGE_ENTRIES}"
    );
    let mut statement = connection.prepare(&sql)?;
    let mut end = LogPosition::START;
    loop {
        let entry = |row: &Row<'_>| Ok((place(row)?, row.get::<_, Vec<u8>>(2)?, row.get(3)?));
        let entries = statement.query_map([end.position as i64], entry)?;
        let entries = entries.collect::<Result<Vec<(_, _, Vec<u8>)>, _>>()?;
        if entries.is_empty() {
            return Ok(());
        }
        for (stored, document, change) in entries {
            let named = DocId::from_slice(&document).zip(ChangeHash::from_slice(&change));
            let (document, change) = named.ok_or(StoreError::Damaged { what: "log" })?;
            end = end.then(stored.position, &document, &change);
            if !seen(end, stored)? {
                return Ok(());
            }
        }
    }
}

/// Entries that are looked at together.
const PAGE_ENTRIES: usize = 1000;

/// A place as it is stored; a mark that is none is one that nobody has.
fn place(row: &Row<'_>) -> rusqlite::Result<LogPosition> {
    let mark: Vec<u8> = row.get(1)?;
    let position = row.get::<_, i64>(0)?.unsigned_abs();
    Ok(LogPosition { position, mark: mark.try_into().unwrap_or_default() })
}

#[cfg(test)]
mod tests;
