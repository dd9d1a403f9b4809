//! Foreign changes that were kept apart, each with its reason, until a person looks at them.

use rusqlite::{Connection, params};

use onex_crdt::header::Header;
use onex_crdt::ids::{ChangeHash, DeviceId, Digest, RecordId};
use onex_protocol::admission::Refused;

use super::StoreError;
use super::view::{decode, encode};

/// A change that was kept apart.
#[derive(Debug, Clone)]
pub struct Held {
    /// The hash of its bytes.
    pub id: RecordId,
    /// The header of the document.
    pub header: Header,
    /// The change, where it could be read.
    pub change: Option<ChangeHash>,
    /// Why.
    pub reason: String,
    /// Who sent it.
    pub received_from: DeviceId,
    /// When, RFC 3339.
    pub received_at: String,
    /// Held, adopted, released.
    pub state: String,
}

/// Most changes that are kept apart of one peer (trust C3); it is told of every refusal all the
/// same, and still has what it sent.
const HELD_PER_PEER_MAX: i64 = 1000;

/// Keeps a refused change apart; the same bytes once only.
pub fn put(
    connection: &Connection,
    header: &Header,
    refused: &Refused,
    from: DeviceId,
    at: &str,
) -> Result<(), StoreError> {
    let sql = "select count(*) from quarantine where received_from = ?";
    let kept: i64 =
        connection.prepare_cached(sql)?.query_row([from.0.as_slice()], |row| row.get(0))?;
    if kept >= HELD_PER_PEER_MAX {
        return Ok(());
    }
    let id = Digest::over(&[&header.id().0, &refused.bytes]).half();
    connection.execute(
        "insert or ignore into quarantine
           (id, doc, header, change, bytes, reason, received_from, received_at, state)
         values (?, ?, ?, ?, ?, ?, ?, ?, 'held')",
        params![
            id.as_slice(),
            header.id().0.as_slice(),
            encode(header),
            refused.change.map(|hash| hash.0.to_vec()),
            refused.bytes,
            refused.reason,
            from.0.as_slice(),
            at
        ],
    )?;
    Ok(())
}

/// Everything that was kept apart, the oldest first.
pub fn all(connection: &Connection) -> Result<Vec<Held>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select id, header, change, reason, received_from, received_at, state
         from quarantine order by received_at, id",
    )?;
    let mut rows = statement.query([])?;
    let mut held = Vec::new();
    while let Some(row) = rows.next()? {
        let change: Option<Vec<u8>> = row.get(2)?;
        held.push(Held {
            id: RecordId::from_slice(row.get_ref(0)?.as_blob()?).unwrap_or_default(),
            header: decode(row.get_ref(1)?.as_blob()?, "header")?,
            change: change.and_then(|hash| ChangeHash::from_slice(&hash)),
            reason: row.get(3)?,
            received_from: DeviceId::from_slice(row.get_ref(4)?.as_blob()?)
                .unwrap_or(DeviceId([0; 16])),
            received_at: row.get(5)?,
            state: row.get(6)?,
        });
    }
    Ok(held)
}

/// How many changes are held.
pub fn count(connection: &Connection) -> Result<usize, StoreError> {
    let sql = "select count(*) from quarantine where state = 'held'";
    Ok(connection.query_row(sql, [], |row| row.get::<_, i64>(0))? as usize)
}
