//! Changes and seals that were kept apart, each with its reason: they are judged again with
//! whatever comes later, and shown to a person.

use std::collections::BTreeSet;

use rusqlite::{Connection, Row, params};

use onex_crdt::header::Header;
use onex_crdt::ids::{ChangeHash, DeviceId, Digest, DocId, OrgId, RecordId};
use onex_protocol::admission::{
    CHANGE_MAGIC, FORK, HASH_BYTES, REASONS, Refused, is_change, travels,
};
use onex_protocol::message::DOCUMENT_BYTES_MAX;
use onex_protocol::seal::SEAL_BYTES_MAX;

use super::view::{decode, encode};
use super::{StoreError, documents};

/// What was kept apart.
#[derive(Debug, Clone)]
pub struct Held {
    /// The hash of its bytes.
    pub id: RecordId,
    /// The header of the document.
    pub header: Header,
    /// The change, or the head of the seal, where it could be read.
    pub change: Option<ChangeHash>,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Why.
    pub reason: String,
    /// What the change does, where that could be read.
    pub content: Option<Content>,
    /// Who sent it; the own device for what counted here before.
    pub received_from: DeviceId,
    /// When, RFC 3339.
    pub received_at: String,
    /// `held`, or `adopted`.
    pub state: String,
}

impl Held {
    /// Whether an admin of an organisation can write it again as his own: it was read, and nobody
    /// has done so yet.
    pub fn is_adoptable(&self, own: OrgId) -> bool {
        self.content.is_some() && self.state == "held" && self.header.owner == own
    }
}

/// What a change that was kept apart does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The first bytes of its device.
    pub tag: [u8; 8],
    /// The person that it names.
    pub person: String,
    /// The records that it touches.
    pub records: Vec<RecordId>,
}

/// Most changes that are kept apart of one peer, and most bytes (trust C3); it is told of every
/// refusal all the same, and still has what it sent.
const HELD_PER_PEER_MAX: i64 = 1000;
const HELD_BYTES_PER_PEER_MAX: i64 = 4 * 1024 * 1024;

/// Keeps something apart; the same bytes once only, with the newest reason, as far as there
/// is room.
pub fn put(
    connection: &Connection,
    header: &Header,
    refused: &Refused,
    content: Option<&Content>,
    (from, room): (DeviceId, &mut Room),
    at: &str,
) -> Result<(), StoreError> {
    let id = Digest::over(&[&header.id().0, &refused.bytes]).half();
    let again = connection
        .prepare_cached("update quarantine set reason = ?2 where id = ?1")?
        .execute(params![id.as_slice(), refused.reason])?;
    if again > 0 || !room.takes(refused.bytes.len()) {
        return Ok(());
    }
    let mut insert = connection.prepare_cached(
        "insert into quarantine (id, doc, header, change, bytes, reason, tag, person, records,
           received_from, received_at, state)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'held')",
    )?;
    insert.execute(params![
        id.as_slice(),
        header.id().0.as_slice(),
        encode(header),
        refused.change.map(|hash| hash.0.to_vec()),
        refused.bytes,
        refused.reason,
        content.map(|content| content.tag.to_vec()),
        content.map(|content| content.person.as_str()),
        content.map(|content| content.records.iter().flat_map(|id| id.0).collect::<Vec<u8>>()),
        from.0.as_slice(),
        at
    ])?;
    Ok(())
}

/// How much more is kept apart of one peer.
pub struct Room {
    changes: i64,
    bytes: i64,
}

impl Room {
    /// What counted here before is always kept.
    pub const UNBOUNDED: Self = Self { changes: i64::MAX, bytes: i64::MAX };

    /// The room that is left to a peer.
    pub fn of(connection: &Connection, peer: DeviceId) -> Result<Self, StoreError> {
        let sql = "select count(*), coalesce(sum(length(bytes)), 0) from quarantine
                   where received_from = ?";
        let mut statement = connection.prepare_cached(sql)?;
        let (kept, bytes): (i64, i64) =
            statement.query_row([peer.0.as_slice()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (changes, bytes) = (HELD_PER_PEER_MAX - kept, HELD_BYTES_PER_PEER_MAX - bytes);
        Ok(Self { changes, bytes })
    }

    /// The room that is left for what travels with a document, whoever sent it: its writers alone
    /// can fill that, and what somebody else has heaped up does not make a fork be forgotten. What
    /// counted here before takes none of it.
    pub fn of_evidence(
        connection: &Connection,
        doc: DocId,
        own: DeviceId,
    ) -> Result<Self, StoreError> {
        let sql = "select count(*), coalesce(sum(length(bytes)), 0) from quarantine
                   where doc = ? and received_from <> ? and change not null
                     and reason in ('fork', 'no_right', 'missing_dependency', 'malformed',
                       'failed_to_apply')";
        let mut statement = connection.prepare_cached(sql)?;
        let (kept, bytes): (i64, i64) = statement
            .query_row([doc.0.as_slice(), own.0.as_slice()], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let (changes, bytes) = (EVIDENCE_MAX - kept, EVIDENCE_BYTES_MAX as i64 - bytes);
        Ok(Self { changes, bytes })
    }

    /// Takes up the room of one change; says whether there was any left.
    fn takes(&mut self, bytes: usize) -> bool {
        let had = self.changes > 0 && self.bytes > 0;
        if had {
            self.changes -= 1;
            self.bytes = self.bytes.saturating_sub_unsigned(bytes as u64);
        }
        had
    }
}

/// What is kept apart of a document, as admission takes it; in the same order at every node.
pub fn of(connection: &Connection, doc: DocId) -> Result<Vec<Refused>, StoreError> {
    let mut statement = connection
        .prepare_cached("select change, bytes, reason from quarantine where doc = ? order by id")?;
    let mut rows = statement.query([doc.0.as_slice()])?;
    let mut apart = Vec::new();
    while let Some(row) = rows.next()? {
        let change: Option<Vec<u8>> = row.get(0)?;
        let reason: String = row.get(2)?;
        let reason = REASONS.iter().find(|known| **known == reason);
        apart.push(Refused {
            change: change.and_then(|hash| ChangeHash::from_slice(&hash)),
            bytes: row.get(1)?,
            reason: reason.copied().ok_or(StoreError::Damaged { what: "reason" })?,
        });
    }
    Ok(apart)
}

/// The changes and seals of a document that must travel with it: what shows a fork, and what
/// stands between a seal and the changes below its head that count. As much as there is room for,
/// forks first: what somebody has heaped up must not keep the document itself from its readers.
pub fn evidence(
    connection: &Connection,
    doc: DocId,
    bytes_max: usize,
) -> Result<Vec<Refused>, StoreError> {
    let mut apart = of(connection, doc)?;
    apart.retain(travels);
    apart.sort_by_key(|refused| refused.reason != FORK);
    let mut bytes = 0;
    let mut has_room = |refused: &Refused| {
        bytes += refused.bytes.len().max(SEAL_BYTES_MAX) + HASH_BYTES;
        bytes <= bytes_max.min(EVIDENCE_BYTES_MAX)
    };
    let count = apart.iter().take_while(|refused| has_room(refused)).count();
    apart.truncate(count);
    Ok(apart)
}

/// Whether something of a document must travel with it.
pub fn has_evidence(connection: &Connection, doc: DocId) -> Result<bool, StoreError> {
    Ok(!evidence(connection, doc, EVIDENCE_BYTES_MAX)?.is_empty())
}

/// Most bytes of a document that are kept apart and travel with it: half of what a receiver holds.
const EVIDENCE_BYTES_MAX: usize = DOCUMENT_BYTES_MAX / 2;
/// Most changes and seals of a document that are kept apart because they travel with it.
const EVIDENCE_MAX: i64 = 10_000;

/// Lets go of what counts now.
pub fn release(connection: &Connection, doc: DocId, bytes: &[u8]) -> Result<(), StoreError> {
    let id = Digest::over(&[&doc.0, bytes]).half();
    let mut delete = connection.prepare_cached("delete from quarantine where id = ?")?;
    delete.execute([id.as_slice()])?;
    Ok(())
}

/// Notes that the content of a change was written again.
pub fn adopted(connection: &Connection, change: ChangeHash) -> Result<(), StoreError> {
    connection
        .prepare_cached("update quarantine set state = 'adopted' where change = ?")?
        .execute([change.0.as_slice()])?;
    Ok(())
}

/// The documents of which something is kept apart.
pub fn documents(connection: &Connection) -> Result<Vec<Header>, StoreError> {
    let mut statement = connection.prepare_cached("select header from quarantine group by doc")?;
    documents::decoded(statement.query([])?)
}

/// Everything that was kept apart, the oldest first; a seal only where its change is not.
pub fn all(connection: &Connection) -> Result<Vec<Held>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select id, header, change, bytes, reason, tag, person, records, received_from,
           received_at, state
         from quarantine order by received_at, id",
    )?;
    let mut rows = statement.query([])?;
    let mut held = Vec::new();
    while let Some(row) = rows.next()? {
        held.push(read(row)?);
    }
    let changes: BTreeSet<_> =
        held.iter().filter(|it| is_change(&it.bytes)).map(|it| it.change).collect();
    held.retain(|it| is_change(&it.bytes) || !changes.contains(&it.change));
    Ok(held)
}

fn read(row: &Row<'_>) -> Result<Held, StoreError> {
    let change: Option<Vec<u8>> = row.get(2)?;
    let (tag, person): (Option<Vec<u8>>, Option<String>) = (row.get(5)?, row.get(6)?);
    let records: Option<Vec<u8>> = row.get(7)?;
    let records = records.unwrap_or_default();
    let tag = tag.and_then(|tag| tag.try_into().ok());
    let ids = records.chunks_exact(RecordId::BYTES).filter_map(RecordId::from_slice).collect();
    Ok(Held {
        id: RecordId::from_slice(row.get_ref(0)?.as_blob()?).unwrap_or_default(),
        header: decode(row.get_ref(1)?.as_blob()?, "header")?,
        change: change.and_then(|hash| ChangeHash::from_slice(&hash)),
        bytes: row.get(3)?,
        reason: row.get(4)?,
        content: tag.zip(person).map(|(tag, person)| Content { tag, person, records: ids }),
        received_from: DeviceId::from_slice(row.get_ref(8)?.as_blob()?)
            .unwrap_or(DeviceId([0; 16])),
        received_at: row.get(9)?,
        state: row.get(10)?,
    })
}

/// What a change does that was kept apart here, where it could be read.
pub fn content(connection: &Connection, change: ChangeHash) -> Result<Option<Content>, StoreError> {
    let mut statement = connection
        .prepare_cached("select tag, person from quarantine where change = ? and tag not null")?;
    let mut rows = statement.query([change.0.as_slice()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let tag: Vec<u8> = row.get(0)?;
    let tag = tag.try_into().map_err(|_| StoreError::Damaged { what: "tag" })?;
    Ok(Some(Content { tag, person: row.get(1)?, records: Vec::new() }))
}

/// How many changes are held.
pub fn count(connection: &Connection) -> Result<usize, StoreError> {
    let sql = "select count(*) from quarantine as held where state = 'held'
                 and (substr(bytes, 1, 4) = ?1 or not exists (select 1 from quarantine as other
                   where other.change = held.change and substr(other.bytes, 1, 4) = ?1))";
    let count: i64 = connection.query_row(sql, [CHANGE_MAGIC], |row| row.get(0))?;
    Ok(count as usize)
}

#[cfg(test)]
mod tests {
    use super::super::{KEY_BYTES, Store};
    use super::*;
    use onex_crdt::header::CLASS;
    use onex_crdt::ids::NetworkId;

    fn header() -> Header {
        CLASS.about(NetworkId([7; 16]), OrgId([2; 16]), RecordId([3; 16]))
    }

    /// A store in which changes of a MiB are kept apart, each a day after the one before.
    fn kept(changes: &[(u8, &'static str)]) -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.db");
        let store = Store::open(&path, &[7; KEY_BYTES]).expect("a store");
        for (day, (number, reason)) in changes.iter().enumerate() {
            let bytes = [&CHANGE_MAGIC[..], &vec![*number; 1 << 20]].concat();
            let refused = Refused { change: Some(ChangeHash([*number; 32])), bytes, reason };
            let (mut room, at) = (Room::UNBOUNDED, format!("2026-04-{:02}", day + 1));
            let from = (DeviceId([5; 16]), &mut room);
            put(store.read(), &header(), &refused, None, from, &at).expect("kept");
        }
        (folder, store)
    }

    fn travelling(store: &Store, bytes_max: usize) -> Vec<Option<ChangeHash>> {
        let evidence = evidence(store.read(), header().id(), bytes_max).expect("readable");
        evidence.iter().map(|refused| refused.change).collect()
    }

    /// Whatever came first, nodes show each other the same, forks before all, within a bound.
    #[test]
    fn what_travels_is_bounded_and_the_same_everywhere() {
        let mut changes = vec![(1, "missing_dependency"), (2, FORK), (3, FORK), (9, "no_seal")];
        changes.extend((4..9).map(|number| (number, "no_right")));
        let (_one_folder, one) = kept(&changes);
        changes.reverse();
        let (_other_folder, other) = kept(&changes);
        let all = travelling(&one, usize::MAX);
        assert_eq!(all, travelling(&other, usize::MAX));
        assert_eq!(all.len(), 3, "4 MiB, and each has some bytes more than one");
        let forks = [2, 3].map(|number| Some(ChangeHash([number; 32])));
        assert!(forks.iter().all(|fork| all[..2].contains(fork)), "{all:?}");
        assert_eq!(travelling(&one, 1 << 20), [], "the document has the room");
        assert_eq!(travelling(&one, (1 << 20) + 100), all[..1]);
    }
}
