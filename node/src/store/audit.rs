//! The audit log (审计): who looked at masked fields or took them out of the store.
//!
//! Ids and keys only, never a value. It is local; chaining it is not here yet.

use rusqlite::{Connection, params};

use onex_crdt::ids::{DeviceId, RecordId};

use super::StoreError;

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When, RFC 3339.
    pub at: String,
    /// Who.
    pub person: String,
    /// At which device.
    pub device: DeviceId,
    /// What was done: `reveal`, `export`, `import`.
    pub what: String,
    /// The key of the kind of the records.
    pub kind: String,
    /// The records.
    pub ids: Vec<RecordId>,
    /// The keys of the fields.
    pub fields: Vec<String>,
}

/// Adds a line.
pub fn put(connection: &Connection, entry: &AuditEntry) -> Result<(), StoreError> {
    let ids: Vec<u8> = entry.ids.iter().flat_map(|id| id.0).collect();
    connection.execute(
        "insert into audit (at, person, device, what, kind, ids, fields)
         values (?, ?, ?, ?, ?, ?, ?)",
        params![
            entry.at,
            entry.person,
            entry.device.0.as_slice(),
            entry.what,
            entry.kind,
            ids,
            entry.fields.join(",")
        ],
    )?;
    Ok(())
}

/// Every line, oldest first.
pub fn all(connection: &Connection) -> Result<Vec<AuditEntry>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select at, person, device, what, kind, ids, fields from audit order by position",
    )?;
    let mut rows = statement.query([])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let device = DeviceId::from_slice(row.get_ref(2)?.as_blob()?);
        let ids = row.get_ref(5)?.as_blob()?.chunks_exact(RecordId::BYTES);
        let fields: String = row.get(6)?;
        entries.push(AuditEntry {
            at: row.get(0)?,
            person: row.get(1)?,
            device: device.ok_or(StoreError::Damaged { what: "device" })?,
            what: row.get(3)?,
            kind: row.get(4)?,
            ids: ids.filter_map(RecordId::from_slice).collect(),
            fields: fields.split(',').filter(|key| !key.is_empty()).map(str::to_owned).collect(),
        });
    }
    Ok(entries)
}
