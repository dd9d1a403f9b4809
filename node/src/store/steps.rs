//! Steps: which changes belong to which batch, and which batches were undone.
//!
//! Read from what changes say of themselves; a change of before batches has no step.

use rusqlite::{Connection, OptionalExtension, params};

use onex_crdt::document::Document;
use onex_crdt::ids::{BatchId, ChangeHash, DeviceId, DocId};

use super::StoreError;

/// One change of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The change.
    pub hash: ChangeHash,
    /// Its document.
    pub doc: DocId,
    /// The batch that it undoes, where it does.
    pub undoes: Option<BatchId>,
    /// Who wrote it.
    pub person: String,
    /// With which action.
    pub action: String,
}

/// Notes the step of a change at its place in the local log.
pub fn put(
    connection: &Connection,
    document: &Document,
    hash: ChangeHash,
    position: i64,
) -> Result<(), StoreError> {
    let Some((actor, author)) = document.authorship(&hash) else { return Ok(()) };
    let Some(batch) = author.batch else { return Ok(()) };
    let mut insert = connection.prepare_cached(
        "insert or replace into step
           (hash, doc, position, batch, undoes, tag, person, action, at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    insert.execute(params![
        hash.0.as_slice(),
        document.id().0.as_slice(),
        position,
        batch.0.as_slice(),
        author.undoes.map(|undoes| undoes.0.to_vec()),
        actor.tag().as_slice(),
        author.person,
        author.action,
        author.at_seconds
    ])?;
    Ok(())
}

/// Notes the steps of a whole document again.
pub fn refill(connection: &Connection, document: &Document) -> Result<(), StoreError> {
    let mut statement =
        connection.prepare_cached("select position, hash from log where doc = ?")?;
    let mut rows = statement.query([document.id().0.as_slice()])?;
    while let Some(row) = rows.next()? {
        let hash = ChangeHash::from_slice(row.get_ref(1)?.as_blob()?);
        let hash = hash.ok_or(StoreError::Damaged { what: "hash" })?;
        put(connection, document, hash, row.get(0)?)?;
    }
    Ok(())
}

/// The changes of a batch, in the order in which they came.
pub fn of_batch(connection: &Connection, batch: BatchId) -> Result<Vec<Step>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select hash, doc, undoes, person, action from step where batch = ? order by position",
    )?;
    let mut rows = statement.query([batch.0.as_slice()])?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        let hash = ChangeHash::from_slice(row.get_ref(0)?.as_blob()?);
        let doc = DocId::from_slice(row.get_ref(1)?.as_blob()?);
        let (Some(hash), Some(doc)) = (hash, doc) else {
            return Err(StoreError::Damaged { what: "step" });
        };
        let undoes: Option<Vec<u8>> = row.get(2)?;
        let undoes = undoes.and_then(|bytes| BatchId::from_slice(&bytes));
        steps.push(Step { hash, doc, undoes, person: row.get(3)?, action: row.get(4)? });
    }
    Ok(steps)
}

/// The batch of a change.
pub fn batch_of(connection: &Connection, hash: ChangeHash) -> Result<Option<BatchId>, StoreError> {
    let mut statement = connection.prepare_cached("select batch from step where hash = ?")?;
    let found: Option<Vec<u8>> =
        statement.query_row([hash.0.as_slice()], |row| row.get(0)).optional()?;
    Ok(found.and_then(|bytes| BatchId::from_slice(&bytes)))
}

/// The batches that begin with these hex digits, at most two.
pub fn batches_with_prefix(
    connection: &Connection,
    prefix: &str,
) -> Result<Vec<BatchId>, StoreError> {
    let mut statement = connection
        .prepare_cached("select distinct batch from step where hex(batch) like ? limit 2")?;
    let rows = statement.query_map([format!("{prefix}%")], |row| row.get::<_, Vec<u8>>(0))?;
    let found = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(found.iter().filter_map(|bytes| BatchId::from_slice(bytes)).collect())
}

/// Whether a batch was undone, and that was not undone again.
pub fn is_undone(connection: &Connection, batch: BatchId) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("select distinct batch from step where undoes = ?")?;
    let rows = statement.query_map([batch.0.as_slice()], |row| row.get::<_, Vec<u8>>(0))?;
    for bytes in rows.collect::<Result<Vec<_>, _>>()? {
        let undoing = BatchId::from_slice(&bytes).ok_or(StoreError::Damaged { what: "step" })?;
        if undoing != batch && !is_undone(connection, undoing)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a person may take back next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// The last thing that was done.
    Done,
    /// The last undoing.
    Undone,
}

/// The newest batch of a person at a device that still stands.
pub fn newest_own(
    connection: &Connection,
    device: DeviceId,
    person: &str,
    last: Last,
) -> Result<Option<BatchId>, StoreError> {
    let condition = match last {
        Last::Done => "undoes is null",
        Last::Undone => "undoes is not null",
    };
    let mut statement = connection.prepare_cached(&format!(
        "select batch from step where tag = ? and person = ? and {condition}
         order by position desc limit {BATCHES_LOOKED_AT}"
    ))?;
    let tag = device.tag();
    let rows =
        statement.query_map(params![tag.as_slice(), person], |row| row.get::<_, Vec<u8>>(0))?;
    let mut seen = None;
    for bytes in rows {
        let batch = BatchId::from_slice(&bytes?).ok_or(StoreError::Damaged { what: "step" })?;
        if seen != Some(batch) && !is_undone(connection, batch)? {
            return Ok(Some(batch));
        }
        seen = Some(batch);
    }
    Ok(None)
}

/// Changes that are looked through for a batch that still stands.
const BATCHES_LOOKED_AT: usize = 1000;
