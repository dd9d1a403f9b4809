//! Steps: which changes belong to which batch, and which batches were undone.
//!
//! Read from what changes say of themselves; a change of before batches has no step. Whoever writes
//! a change can claim any batch: what belongs together is of one device, and undoings count only in
//! a document of the batch.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use onex_crdt::document::Document;
use onex_crdt::ids::{BatchId, ChangeHash, DeviceId, DocId};
use onex_crdt::records::undo::UNDOINGS_DEEP;

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
    /// The tag of the device that wrote it.
    pub tag: Vec<u8>,
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
        "select hash, doc, undoes, tag, person, action from step
         where batch = ? order by position",
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
        let (tag, person, action) = (row.get(3)?, row.get(4)?, row.get(5)?);
        steps.push(Step { hash, doc, undoes, tag, person, action });
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

/// The batches that begin or end with these hex digits, at most two.
pub fn batches_meant_by(connection: &Connection, digits: &str) -> Result<Vec<BatchId>, StoreError> {
    let sql =
        "select distinct batch from step where hex(batch) like ? or hex(batch) like ? limit 2";
    let mut statement = connection.prepare_cached(sql)?;
    let ends = [format!("{digits}%"), format!("%{digits}")];
    let rows = statement.query_map(ends, |row| row.get::<_, Vec<u8>>(0))?;
    let found = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(found.iter().filter_map(|bytes| BatchId::from_slice(bytes)).collect())
}

/// Whether a batch of a device was undone, and that was not undone again.
pub fn is_undone(connection: &Connection, batch: BatchId, tag: &[u8]) -> Result<bool, StoreError> {
    let mut known = BTreeMap::new();
    undone_within(connection, &(batch.0.to_vec(), tag.to_vec()), UNDOINGS_DEEP, &mut known)
}

/// A batch and the tag of the device that wrote it.
type Written = (Vec<u8>, Vec<u8>);

/// Forgers can make rings of undoings and chains without end: each is looked at once, and no
/// deeper than honest ones reach.
fn undone_within(
    connection: &Connection,
    written: &Written,
    depth: usize,
    known: &mut BTreeMap<Written, bool>,
) -> Result<bool, StoreError> {
    if let Some(undone) = known.get(written) {
        return Ok(*undone);
    }
    known.insert(written.clone(), false);
    if depth == 0 {
        return Ok(false);
    }
    let mut statement = connection.prepare_cached(
        "select distinct batch, tag from step as undoing where undoes = ?1 and exists
           (select 1 from step where batch = ?1 and tag = ?2 and doc = undoing.doc)",
    )?;
    let rows = statement.query_map([&written.0, &written.1], |row| {
        Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?))
    })?;
    for undoing in rows.collect::<Result<Vec<_>, _>>()? {
        if undoing.0 != written.0 && !undone_within(connection, &undoing, depth - 1, known)? {
            known.insert(written.clone(), true);
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
        if seen != Some(batch) && !is_undone(connection, batch, &tag)? {
            return Ok(Some(batch));
        }
        seen = Some(batch);
    }
    Ok(None)
}

/// Changes that are looked through for a batch that still stands.
const BATCHES_LOOKED_AT: usize = 1000;

#[cfg(test)]
mod tests {
    use super::super::{KEY_BYTES, Store};
    use super::*;

    const TAG: [u8; 8] = [1; 8];
    const FORGER: [u8; 8] = [9; 8];

    /// A step: its batch, the batch that it undoes, the document, who wrote it.
    type Noted = (u8, Option<u8>, u8, [u8; 8]);

    fn filled(steps: impl IntoIterator<Item = (u32, Noted)>) -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store =
            Store::open(&folder.path().join("store.db"), &[7; KEY_BYTES]).expect("a store");
        let transaction = store.write().expect("a transaction");
        for (number, (batch, undoes, doc, tag)) in steps {
            let hash = number.to_be_bytes().repeat(8);
            let values = params![
                hash,
                vec![doc; 16],
                number,
                vec![batch; 16],
                undoes.map(|undoes| vec![undoes; 16]),
                tag.as_slice(),
            ];
            let sql =
                "insert into step (hash, doc, position, batch, undoes, tag, person, action, at)
                values (?, ?, ?, ?, ?, ?, '王芳', 'learner.edit', 0)";
            transaction.execute(sql, values).expect("a step");
        }
        transaction.commit().expect("committed");
        (folder, store)
    }

    #[track_caller]
    fn check(steps: &[Noted], undone: bool) {
        let (_folder, store) = filled((1..).zip(steps.iter().copied()));
        let found = is_undone(store.read(), BatchId([1; 16]), &TAG).expect("it reads");
        assert_eq!(found, undone, "{steps:?}");
    }

    #[test]
    fn an_undoing_counts_until_it_is_undone() {
        check(&[(1, None, 5, TAG)], false);
        check(&[(1, None, 5, TAG), (2, Some(1), 5, TAG)], true);
        check(&[(1, None, 5, TAG), (2, Some(1), 5, TAG), (3, Some(2), 5, TAG)], false);
    }

    #[test]
    fn what_forgers_claim_elsewhere_undoes_nothing() {
        check(&[(1, None, 5, TAG), (2, Some(1), 6, FORGER)], false);
        check(&[(1, None, 5, TAG), (1, None, 6, FORGER), (2, Some(1), 6, FORGER)], false);
    }

    #[test]
    fn rings_and_long_chains_of_undoings_have_an_end() {
        let ring = [(2, Some(1)), (3, Some(2)), (2, Some(3)), (1, Some(1))];
        let ring = ring.map(|(batch, undoes)| (batch, undoes, 5, FORGER));
        let steps: Vec<Noted> = [(1, None, 5, TAG)].into_iter().chain(ring).collect();
        check(&steps, true);
        let chain = (1..=255_u8).map(|batch| (batch, batch.checked_sub(1), 5, TAG));
        let (_folder, store) = filled((1..).zip(chain));
        is_undone(store.read(), BatchId([1; 16]), &TAG).expect("it has an end");
    }
}
