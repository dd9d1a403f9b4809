//! Peers: where they listen, and how far each side has the other's log.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, Row, params};

use onex_crdt::ids::{DeviceId, DocId, OrgId};
use onex_protocol::key::PublicKey;
use onex_protocol::message::LogPosition;

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
    /// The place in its log up to which it was taken here.
    pub taken: LogPosition,
    /// When both last agreed on who has what, RFC 3339.
    pub last_sync: Option<String>,
    /// Whether both then had the same.
    pub equal: bool,
}

const COLUMNS: &str = "device, key, org, address, taken, taken_mark, last_sync, equal";

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
    upto: LogPosition,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("update peer set taken = ?, taken_mark = ? where device = ?")?
        .execute(params![upto.position as i64, upto.mark.as_slice(), device.0.as_slice()])?;
    Ok(())
}

/// Opens or closes the refusals between a peer and this node: documents that both leave out of
/// what they compare.
///
/// Beyond `REFUSALS_PER_DEVICE_MAX` none is noted. Whoever has one more than the other side counts
/// the document in, sees that the sums differ, and repairs it once more with the next connection:
/// what counts where does not hang on these.
pub fn set_refusals(
    connection: &Connection,
    device: DeviceId,
    accepted: impl IntoIterator<Item = DocId>,
    refused: &[(DocId, &'static str)],
) -> Result<(), StoreError> {
    let mut close =
        connection.prepare_cached("delete from refusal where device = ? and doc = ?")?;
    for id in accepted {
        close.execute(params![device.0.as_slice(), id.0.as_slice()])?;
    }
    if refused.is_empty() {
        return Ok(());
    }
    let mut count = connection.prepare_cached("select count(*) from refusal where device = ?")?;
    let noted: i64 = count.query_row([device.0.as_slice()], |row| row.get(0))?;
    let mut room = REFUSALS_PER_DEVICE_MAX.saturating_sub(noted as usize);
    let mut open = connection
        .prepare_cached("insert or ignore into refusal (device, doc, reason) values (?, ?, ?)")?;
    for (id, reason) in refused {
        if room == 0 {
            break;
        }
        room -= open.execute(params![device.0.as_slice(), id.0.as_slice(), reason])?;
    }
    Ok(())
}

/// Most open refusals between a device and this node that are noted.
const REFUSALS_PER_DEVICE_MAX: usize = 10_000;

/// Closes every refusal: with a longer membership log all of it is judged again.
pub fn refusals_close(connection: &Connection) -> Result<(), StoreError> {
    connection.execute("delete from refusal", [])?;
    Ok(())
}

/// The documents with an open refusal between a peer and this node.
pub fn refusals(connection: &Connection, device: DeviceId) -> Result<BTreeSet<DocId>, StoreError> {
    let mut statement =
        connection.prepare_cached("select distinct doc from refusal where device = ?")?;
    let rows = statement.query_map([device.0.as_slice()], |row| row.get::<_, Vec<u8>>(0))?;
    let ids = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(ids.iter().filter_map(|bytes| DocId::from_slice(bytes)).collect())
}

/// Notes documents that are too large to be sent to a peer.
pub fn withhold(
    connection: &Connection,
    device: DeviceId,
    documents: &[DocId],
) -> Result<(), StoreError> {
    let sql = "insert or ignore into withheld (device, doc) values (?, ?)";
    let mut insert = connection.prepare_cached(sql)?;
    for id in documents {
        insert.execute(params![device.0.as_slice(), id.0.as_slice()])?;
    }
    Ok(())
}

/// Notes that a peer holds the same, however it came by what was too large to be sent. What it has
/// refused it was not asked about.
pub fn withhold_nothing(connection: &Connection, device: DeviceId) -> Result<(), StoreError> {
    let mut delete = connection.prepare_cached(
        "delete from withheld where device = ? and not exists (select 1 from refusal
           where refusal.device = withheld.device and refusal.doc = withheld.doc)",
    )?;
    delete.execute([device.0.as_slice()])?;
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
    let mark = row.get::<_, Option<Vec<u8>>>(5)?.and_then(|mark| mark.try_into().ok());
    let mark = mark.unwrap_or(LogPosition::START.mark);
    Ok(StoredPeer {
        device: DeviceId::from_slice(&bytes(0)?).unwrap_or(DeviceId([0; 16])),
        key: PublicKey(key),
        org: OrgId::from_slice(&bytes(2)?).unwrap_or(OrgId([0; 16])),
        address: row.get(3)?,
        taken: LogPosition { position: row.get::<_, i64>(4)? as u64, mark },
        last_sync: row.get(6)?,
        equal: row.get(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{KEY_BYTES, Store};
    use super::*;

    const PEER: DeviceId = DeviceId([5; 16]);

    fn documents(range: std::ops::Range<usize>) -> impl Iterator<Item = DocId> {
        range.map(|number| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&number.to_be_bytes());
            DocId(id)
        })
    }

    fn refused(range: std::ops::Range<usize>) -> Vec<(DocId, &'static str)> {
        documents(range).map(|id| (id, "no_seal")).collect()
    }

    fn noted(store: &Store, device: DeviceId) -> usize {
        refusals(store.read(), device).expect("readable").len()
    }

    #[test]
    fn of_a_device_so_many_refusals_are_noted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.db");
        let mut store = Store::open(&path, &[7; KEY_BYTES]).expect("a store");
        let mut set = |device, accepted, refused: &[_]| {
            let transaction = store.write().expect("a transaction");
            set_refusals(&transaction, device, documents(accepted), refused).expect("noted");
            transaction.commit().expect("stored");
            noted(&store, device)
        };
        let max = REFUSALS_PER_DEVICE_MAX;
        assert_eq!(set(PEER, 0..0, &refused(0..max - 1)), max - 1);
        assert_eq!(set(PEER, 0..0, &refused(max - 2..max + 10)), max, "one was there, one fits");
        assert_eq!(set(PEER, 0..0, &refused(2 * max..3 * max)), max);
        assert_eq!(set(DeviceId([6; 16]), 0..0, &refused(0..3)), 3, "another has its own");
        assert_eq!(set(PEER, 0..10, &refused(2 * max..3 * max)), max, "what is closed gives room");
    }
}
