//! The log of rows that changed: whoever keeps something of the projection in memory, in whatever
//! process, catches up by it.
//!
//! Local and short: who has fallen further behind reads everything again.

use rusqlite::{Connection, params};

use onex_crdt::record::RecordKind;

use super::StoreError;

/// Notes that a row was written or taken away.
pub fn put(connection: &Connection, kind: &RecordKind, number: i64) -> Result<(), StoreError> {
    let mut insert =
        connection.prepare_cached("insert into row_change (kind, number) values (?, ?)")?;
    insert.execute(params![kind.key, number])?;
    Ok(())
}

/// The place of the newest change.
pub fn newest(connection: &Connection) -> Result<i64, StoreError> {
    let mut statement = connection.prepare_cached("select max(position) from row_change")?;
    let newest: Option<i64> = statement.query_row([], |row| row.get(0))?;
    Ok(newest.unwrap_or_default())
}

/// The same, where the projection may never have been made yet.
pub(super) fn newest_if_any(connection: &Connection) -> Result<i64, StoreError> {
    if connection.table_exists(None, "row_change")? { newest(connection) } else { Ok(0) }
}

/// Begins a new log at a place that no older one had.
pub(super) fn begin(connection: &Connection, position: i64) -> Result<(), StoreError> {
    connection
        .execute("insert into row_change (position, kind, number) values (?, '', 0)", [position])?;
    Ok(())
}

/// The numbers of the rows of a kind that changed after a place; nothing when the log no longer
/// reaches back so far, or when they are more than `most`.
pub fn since(
    connection: &Connection,
    kind: &RecordKind,
    position: i64,
    most: usize,
) -> Result<Option<Vec<i64>>, StoreError> {
    let oldest: Option<i64> = connection
        .prepare_cached("select min(position) from row_change")?
        .query_row([], |row| row.get(0))?;
    if oldest.is_none_or(|oldest| oldest > position + 1) || newest(connection)? < position {
        return Ok(None);
    }
    let mut statement = connection.prepare_cached(
        "select distinct number from row_change where position > ? and kind = ? limit ?",
    )?;
    let values = params![position, kind.key, most as i64 + 1];
    let numbers = statement.query_map(values, |row| row.get(0))?;
    let numbers: Vec<i64> = numbers.collect::<Result<_, _>>()?;
    Ok((numbers.len() <= most).then_some(numbers))
}

/// Forgets old changes; the newest stays, so that no place is used twice.
pub fn trim(connection: &Connection) -> Result<(), StoreError> {
    let oldest = newest(connection)? - CHANGES_KEPT;
    connection.prepare_cached("delete from row_change where position <= ?")?.execute([oldest])?;
    Ok(())
}

/// Changes that are kept: many more than anybody catches up with one by one.
const CHANGES_KEPT: i64 = 10_000;
