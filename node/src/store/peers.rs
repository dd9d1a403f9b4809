//! Peers: where they listen, and how far each side has the other's log.

use rusqlite::{Connection, OptionalExtension, Row, params};

use onex_crdt::ids::{ChangeHash, DeviceId, OrgId};
use onex_protocol::key::PublicKey;

use super::StoreError;

/// What is known of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPeer {
    /// Its device.
    pub device: DeviceId,
    /// The device's key.
    pub key: PublicKey,
    /// Its organisation.
    pub org: OrgId,
    /// Where it listens, `host:port`.
    pub address: Option<String>,
    /// The position of its log that was last taken here.
    pub taken: u64,
    /// The hash of the entry there.
    pub taken_hash: Option<ChangeHash>,
    /// The position of the log here that it last acknowledged.
    pub given: u64,
    /// When both last agreed on who has what, RFC 3339.
    pub last_sync: Option<String>,
    /// Whether both then had the same.
    pub equal: bool,
}

const COLUMNS: &str = "device, key, org, address, taken, taken_hash, given, last_sync, equal";

/// Makes a peer known, or learns where it listens now.
pub fn put(
    connection: &Connection,
    key: &PublicKey,
    org: OrgId,
    address: Option<&str>,
) -> Result<(), StoreError> {
    connection.execute(
        "insert into peer (device, key, org, address) values (?1, ?2, ?3, ?4)
         on conflict do update set address = coalesce(?4, address)",
        params![key.device().0.as_slice(), key.0.as_slice(), org.0.as_slice(), address],
    )?;
    Ok(())
}

/// Returns a peer.
pub fn get(connection: &Connection, device: DeviceId) -> Result<Option<StoredPeer>, StoreError> {
    let sql = format!("select {COLUMNS} from peer where device = ?");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row([device.0.as_slice()], read).optional()?)
}

/// Every peer, by device.
pub fn all(connection: &Connection) -> Result<Vec<StoredPeer>, StoreError> {
    let sql = format!("select {COLUMNS} from peer order by device");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_map([], read)?.collect::<Result<_, _>>()?)
}

/// Notes how far a peer's log was taken.
pub fn set_taken(
    connection: &Connection,
    device: DeviceId,
    position: u64,
    hash: Option<ChangeHash>,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("update peer set taken = ?, taken_hash = ? where device = ?")?
        .execute(params![position as i64, hash.map(|h| h.0.to_vec()), device.0.as_slice()])?;
    Ok(())
}

/// Notes how far a peer has the log here.
pub fn set_given(
    connection: &Connection,
    device: DeviceId,
    position: u64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("update peer set given = ? where device = ?")?
        .execute(params![position as i64, device.0.as_slice()])?;
    Ok(())
}

/// Notes the end of a sync.
pub fn set_synced(
    connection: &Connection,
    device: DeviceId,
    at: &str,
    equal: bool,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("update peer set last_sync = ?, equal = ? where device = ?")?
        .execute(params![at, equal, device.0.as_slice()])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<StoredPeer> {
    let bytes = |at| row.get::<_, Vec<u8>>(at);
    let key: [u8; 32] = bytes(1)?.try_into().unwrap_or([0; 32]);
    Ok(StoredPeer {
        device: DeviceId::from_slice(&bytes(0)?).unwrap_or(DeviceId([0; 16])),
        key: PublicKey(key),
        org: OrgId::from_slice(&bytes(2)?).unwrap_or(OrgId([0; 16])),
        address: row.get(3)?,
        taken: row.get::<_, i64>(4)? as u64,
        taken_hash: row.get::<_, Option<Vec<u8>>>(5)?.and_then(|h| ChangeHash::from_slice(&h)),
        given: row.get::<_, i64>(6)? as u64,
        last_sync: row.get(7)?,
        equal: row.get(8)?,
    })
}
