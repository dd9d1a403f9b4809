//! The audit log (审计): who opened, revealed, exported, imported and signed what.
//!
//! Ids and keys only, never a value. Each line carries a digest over the line before it, so that
//! none can be altered, left out or put in between without every later one telling. Whoever has
//! the store's key could write the whole log anew: it is not signed, and not sent anywhere.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use onex_crdt::ids::{DeviceId, Digest, RecordId};

use super::StoreError;

/// One line of the log, as it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When, RFC 3339.
    pub at: String,
    /// Who.
    pub person: String,
    /// At which device.
    pub device: DeviceId,
    /// What was done: `open`, `reveal`, `export`, `import`, `sign`.
    pub what: String,
    /// The key of the kind of the records.
    pub kind: String,
    /// The records.
    pub ids: Vec<RecordId>,
    /// The keys of the fields; of a signing the id of the action.
    pub fields: Vec<String>,
}

/// A line with its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// Its number; the first one is 1, and none is left out.
    pub position: u64,
    /// The digest over the line before it and over its fields.
    pub digest: Digest,
    /// What it says.
    pub entry: AuditEntry,
}

impl AuditLine {
    /// The id that lists show: the first half of the digest.
    pub fn id(&self) -> RecordId {
        RecordId(self.digest.half())
    }
}

/// Adds a line.
pub fn put(connection: &Connection, entry: &AuditEntry) -> Result<(), StoreError> {
    let sql = "select position, digest from audit order by position desc limit 1";
    let end = |row: &Row<'_>| Ok((position_of(row)?, digest_of(row, 1)?));
    let last = connection.prepare_cached(sql)?.query_row([], end).optional()?;
    let (last, previous) = last.unwrap_or((0, Digest([0; 32])));
    let position = last + 1;
    let digest = digest(&previous, position, entry);
    connection.prepare_cached(INSERT)?.execute(params![
        position as i64,
        entry.at,
        entry.person,
        entry.device.0.as_slice(),
        entry.what,
        entry.kind,
        entry.ids.iter().flat_map(|id| id.0).collect::<Vec<u8>>(),
        entry.fields.join(","),
        digest.0.as_slice(),
    ])?;
    Ok(())
}

/// Every line, oldest first.
pub fn all(connection: &Connection) -> Result<Vec<AuditLine>, StoreError> {
    let mut statement = connection.prepare_cached(SELECT)?;
    let mut rows = statement.query([])?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        lines.push(line(row)?);
    }
    Ok(lines)
}

/// Returns the position of the first line that is not what was written there, or is missing; nothing
/// when the whole log holds.
pub fn verify(connection: &Connection) -> Result<Option<u64>, StoreError> {
    let sql = "select seq from sqlite_sequence where name = 'audit'";
    let written = connection.query_row(sql, [], position_of).optional()?.unwrap_or(0);
    let mut statement = connection.prepare_cached(SELECT)?;
    let mut rows = statement.query([])?;
    let mut chain = Chain::new(written);
    while let Some(row) = rows.next()? {
        // A line that does not read is as broken as one that reads otherwise.
        if !line(row).is_ok_and(|line| chain.takes(&line)) {
            return Ok(Some(chain.next));
        }
    }
    Ok(chain.missing())
}

/// A chain as far as it holds.
struct Chain {
    next: u64,
    previous: Digest,
    written: u64,
}

impl Chain {
    fn new(written: u64) -> Self {
        Self { next: 1, previous: Digest([0; 32]), written }
    }

    fn takes(&mut self, line: &AuditLine) -> bool {
        let expected = digest(&self.previous, self.next, &line.entry);
        if line.position != self.next || line.digest != expected {
            return false;
        }
        (self.next, self.previous) = (self.next + 1, expected);
        true
    }

    /// The first position after the end that was written once.
    fn missing(&self) -> Option<u64> {
        (self.next <= self.written).then_some(self.next)
    }
}

/// Chains the lines of a store of before there were digests.
pub(super) fn chain(connection: &Connection) -> Result<(), StoreError> {
    let mut previous = Digest([0; 32]);
    let sql = "update audit set digest = ? where position = ?";
    for line in all(connection)? {
        previous = digest(&previous, line.position, &line.entry);
        connection.execute(sql, params![previous.0.as_slice(), line.position as i64])?;
    }
    Ok(())
}

fn digest(previous: &Digest, position: u64, entry: &AuditEntry) -> Digest {
    let AuditEntry { at, person, device, what, kind, ids, fields } = entry;
    let ids: Vec<u8> = ids.iter().flat_map(|id| id.0).collect();
    let fields = fields.join(",");
    let texts = [at, person, what, kind, &fields].map(String::as_bytes);
    let mut hashed = Vec::new();
    for part in texts.into_iter().chain([device.0.as_slice(), &ids]) {
        // The length before each part: no two lines have the same bytes.
        hashed.extend((part.len() as u64).to_be_bytes());
        hashed.extend(part);
    }
    Digest::over(&[DOMAIN, &previous.0, &position.to_be_bytes(), &hashed])
}

fn position_of(row: &Row<'_>) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(0)?.unsigned_abs())
}

/// The digest in a column; one that is no digest is none, and no line continues it.
fn digest_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Digest> {
    let bytes: Vec<u8> = row.get(column)?;
    Ok(bytes.try_into().map_or(Digest([0; 32]), Digest))
}

fn line(row: &Row<'_>) -> Result<AuditLine, StoreError> {
    let device = DeviceId::from_slice(row.get_ref(3)?.as_blob()?);
    let ids = row.get_ref(6)?.as_blob()?.chunks_exact(RecordId::BYTES);
    let fields: String = row.get(7)?;
    let entry = AuditEntry {
        at: row.get(1)?,
        person: row.get(2)?,
        device: device.ok_or(StoreError::Damaged { what: "device" })?,
        what: row.get(4)?,
        kind: row.get(5)?,
        ids: ids.filter_map(RecordId::from_slice).collect(),
        fields: fields.split(',').filter(|key| !key.is_empty()).map(str::to_owned).collect(),
    };
    Ok(AuditLine { position: position_of(row)?, digest: digest_of(row, 8)?, entry })
}

const SELECT: &str = "select position, at, person, device, what, kind, ids, fields, digest
     from audit order by position";
const INSERT: &str =
    "insert into audit (position, at, person, device, what, kind, ids, fields, digest)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?)";
/// What the digest of a line begins with; its number is the version of the layout.
const DOMAIN: &[u8] = b"onex/audit/1\0";

#[cfg(test)]
mod tests;
