//! Answers to the sync machine, read from the narrow tables: where the log stands, what is new,
//! what both sides should have alike.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use onex_crdt::header::{DOCUMENT_KINDS, Header};
use onex_crdt::ids::{ChangeHash, DeviceId, Digest, DocId};
use onex_protocol::admission::DocumentBatch;
use onex_protocol::machine::{Answer, Own, Query, Reader};
use onex_protocol::message::{BATCH_DOCUMENTS_MAX, DOCUMENT_BYTES_MAX, LogPosition};
use onex_protocol::repair::{Known, compare};
use onex_protocol::scope::{Fingerprints, Party, Scope};

use super::documents::{self, Cache};
use super::view::decode;
use super::{StoreError, log, membership, peers, quarantine};

/// Answers a question of the sync machine.
pub fn answer(
    connection: &Connection,
    cache: &mut Cache,
    own: Own,
    query: Query,
) -> Result<Answer, StoreError> {
    let mine = Party { org: own.org, role: own.role };
    let sums = |device, party| fingerprints(connection, device, mine, party);
    match query {
        Query::State { device, party } => Ok(Answer::State {
            log: log::end(connection)?,
            taken: peers::get(connection, device)?.map_or(LogPosition::START, |peer| peer.taken),
            fingerprints: party.map_or(Ok(Fingerprints::default()), |party| sums(device, party))?,
            proposals: membership::proposals(connection)?,
        }),
        Query::Delta { reader, since, bytes_aim } => {
            let (documents, upto, more) = delta(connection, cache, reader, since, bytes_aim)?;
            let fingerprints = sums(reader.device, reader.party)?;
            Ok(Answer::Delta { documents, upto, more, fingerprints })
        }
        Query::States { reader, scopes } => {
            let open = peers::refusals(connection, reader.device)?;
            let mut states = Vec::new();
            for (header, scope, state) in common(connection, mine, reader.party)? {
                let id = header.id();
                if scopes.contains(&scope) && !open.contains(&id) {
                    states.push((id, state));
                }
            }
            Ok(Answer::States(states))
        }
        Query::Heads { reader, documents, bytes_aim } => {
            let (mut heads, mut shown, mut bytes) = (Vec::new(), Vec::new(), 0);
            for id in documents {
                let Some(header) = readable(connection, mine, reader, id)? else { continue };
                let stored = documents::stored_heads(connection, id)?.unwrap_or_default();
                heads.push((id, Known::Heads(stored)));
                if bytes < bytes_aim && quarantine::has_evidence(connection, id)? {
                    let batch = batch(connection, &header, Vec::new())?;
                    bytes += batch.bytes();
                    shown.push(batch);
                }
            }
            Ok(Answer::Heads { heads, documents: shown })
        }
        Query::Missing { reader, documents, bytes_aim } => {
            missing(connection, cache, (mine, reader), &documents, bytes_aim)
        }
    }
}

/// Every document here that both parties may read, with its state, by id.
fn common(
    connection: &Connection,
    mine: Party,
    other: Party,
) -> Result<Vec<(Header, Scope, Digest)>, StoreError> {
    let mut statement =
        connection.prepare_cached("select header, fingerprint from head order by doc")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let header: Header = decode(row.get_ref(0)?.as_blob()?, "header")?;
        let state = Digest::from_slice(row.get_ref(1)?.as_blob()?);
        let state = state.ok_or(StoreError::Damaged { what: "fingerprint" })?;
        if let Some(scope) = Scope::of(&header, mine, other) {
            found.push((header, scope, state));
        }
    }
    Ok(found)
}

fn fingerprints(
    connection: &Connection,
    device: DeviceId,
    mine: Party,
    other: Party,
) -> Result<Fingerprints, StoreError> {
    let open = peers::refusals(connection, device)?;
    let mut sums = Fingerprints::default();
    for (header, scope, state) in common(connection, mine, other)? {
        let id = header.id();
        if open.contains(&id) {
            continue;
        }
        match scope {
            Scope::Public => sums.public.add(&id, &state),
            Scope::Province => sums.province.add(&id, &state),
            Scope::Pair(..) => sums.pair.add(&id, &state),
        }
    }
    Ok(sums)
}

/// The documents with something new after a place in the log, urgent kinds first.
fn delta(
    connection: &Connection,
    cache: &mut Cache,
    reader: Reader,
    since: LogPosition,
    bytes_aim: usize,
) -> Result<(Vec<DocumentBatch>, LogPosition, bool), StoreError> {
    let since = if log::stands(connection, since)? { since.position } else { 0 };
    let mut statement = connection.prepare_cached(
        "select doc, min(position) as first from log
         where position > ? and (origin is null or origin <> ?) group by doc order by first",
    )?;
    let device = reader.device.0;
    let mut rows = statement.query(params![since as i64, device.as_slice()])?;
    let (mut batches, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let id = DocId::from_slice(row.get_ref(0)?.as_blob()?);
        let id = id.ok_or(StoreError::Damaged { what: "id" })?;
        // Of some nothing counts any more.
        let header = documents::header(connection, id)?;
        let Some(header) = header.filter(|header| reader.party.may_read(header)) else { continue };
        if bytes >= bytes_aim || batches.len() == BATCH_DOCUMENTS_MAX {
            let first: i64 = row.get(1)?;
            let upto = log::before(connection, first)?;
            return Ok((urgent_first(batches), upto, true));
        }
        let document = cache.load(connection, &header)?;
        let hashes = new_hashes(connection, id, since, reader.device)?;
        let changes = hashes.iter().filter_map(|hash| document.change(hash));
        let batch =
            batch(connection, document.header(), changes.map(|change| change.bytes).collect())?;
        bytes += batch.bytes();
        batches.push(batch);
    }
    Ok((urgent_first(batches), log::end(connection)?, false))
}

fn new_hashes(
    connection: &Connection,
    id: DocId,
    since: u64,
    skip: DeviceId,
) -> Result<Vec<ChangeHash>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select hash from log where doc = ? and position > ?
           and (origin is null or origin <> ?) order by position",
    )?;
    let values = params![id.0.as_slice(), since as i64, skip.0.as_slice()];
    let rows = statement.query_map(values, |row| row.get::<_, Vec<u8>>(0))?;
    let hashes = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(hashes.iter().filter_map(|hash| ChangeHash::from_slice(hash)).collect())
}

/// The header of a document that is here, if both may read it.
fn readable(
    connection: &Connection,
    mine: Party,
    reader: Reader,
    id: DocId,
) -> Result<Option<Header>, StoreError> {
    let header = documents::header(connection, id)?;
    Ok(header.filter(|header| Scope::of(header, mine, reader.party).is_some()))
}

/// What a reader lacks of documents of which it told what it has.
fn missing(
    connection: &Connection,
    cache: &mut Cache,
    (mine, reader): (Party, Reader),
    asked: &[(DocId, Known)],
    bytes_aim: usize,
) -> Result<Answer, StoreError> {
    let (mut batches, mut tell, mut covered, mut bytes) = (Vec::new(), Vec::new(), 0, 0);
    for (id, known) in asked {
        if bytes >= bytes_aim {
            break;
        }
        covered += 1;
        let document = match readable(connection, mine, reader, *id)? {
            Some(header) => Some(cache.load(connection, &header)?),
            None => None,
        };
        let comparison = compare(document.as_ref(), known);
        tell.extend(comparison.tell.map(|known| (*id, known)));
        let Some(document) = document else { continue };
        // Evidence of a fork goes even while it is not known what else is missing: whoever has it
        // holds less, and the other one must come to the same.
        let is_missing = comparison.missing.is_some();
        if is_missing || quarantine::has_evidence(connection, *id)? {
            let batch =
                batch(connection, document.header(), comparison.missing.unwrap_or_default())?;
            bytes += batch.bytes();
            batches.push(batch);
        }
    }
    Ok(Answer::Missing { documents: batches, tell, covered })
}

/// Puts together what is sent of a document, whatever the reason to send it.
fn batch(
    connection: &Connection,
    header: &Header,
    changes: Vec<Vec<u8>>,
) -> Result<DocumentBatch, StoreError> {
    let (id, header) = (header.id(), header.clone());
    let seals = documents::seals(connection, id)?;
    let mut batch = DocumentBatch { changes, seals, ..DocumentBatch::empty(header) };
    let room = DOCUMENT_BYTES_MAX.saturating_sub(batch.bytes());
    batch.show(quarantine::evidence(connection, id, room)?);
    Ok(batch)
}

/// Small and urgent kinds go first (architecture 6).
fn urgent_first(mut batches: Vec<DocumentBatch>) -> Vec<DocumentBatch> {
    let place = |batch: &DocumentBatch| {
        DOCUMENT_KINDS.iter().position(|kind| kind.key == batch.header.kind)
    };
    batches.sort_by_key(place);
    batches
}

/// Forgets what the outbox holds of documents that a peer may read, up to a place in the log that
/// it has acknowledged. A place in another log says nothing of this one, and no place anything of
/// what was too large to be sent.
pub fn acknowledged(
    connection: &Connection,
    (device, party): (DeviceId, Party),
    upto: LogPosition,
) -> Result<(), StoreError> {
    if !log::stands(connection, upto)? {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(
        "select distinct outbox.doc from outbox join log on log.hash = outbox.hash
           and log.doc = outbox.doc where log.position <= ? and not exists
             (select 1 from withheld where withheld.device = ? and withheld.doc = outbox.doc)",
    )?;
    let values = params![upto.position as i64, device.0.as_slice()];
    let rows = statement.query_map(values, |row| row.get::<_, Vec<u8>>(0))?;
    for doc in rows.collect::<Result<Vec<_>, _>>()? {
        let id = DocId::from_slice(&doc).ok_or(StoreError::Damaged { what: "id" })?;
        let header = documents::header(connection, id)?;
        if header.is_some_and(|header| party.may_read(&header)) {
            connection.execute(
                "delete from outbox where doc = ?1 and hash in
                   (select hash from log where doc = ?1 and position <= ?2)",
                params![doc, upto.position as i64],
            )?;
        }
    }
    Ok(())
}

/// The heads and state of every document here, to be compared with another store's.
pub fn states(connection: &Connection) -> Result<BTreeMap<DocId, (Header, Digest)>, StoreError> {
    let mut statement = connection.prepare("select header, fingerprint from head")?;
    let mut rows = statement.query([])?;
    let mut states = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let header: Header = decode(row.get_ref(0)?.as_blob()?, "header")?;
        let state = Digest::from_slice(row.get_ref(1)?.as_blob()?);
        let state = state.ok_or(StoreError::Damaged { what: "fingerprint" })?;
        states.insert(header.id(), (header, state));
    }
    Ok(states)
}

#[cfg(test)]
mod tests {
    use super::super::{KEY_BYTES, Store};
    use super::*;
    use onex_crdt::document::Document;
    use onex_crdt::header::CLASS;
    use onex_crdt::ids::{NetworkId, OrgId, RecordId};
    use onex_crdt::roles::OrgRole;

    /// Documents in which nothing counts any more have no bytes, and still end a batch.
    #[test]
    fn a_delta_has_no_more_documents_than_a_batch() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.db");
        let mut store = Store::open(&path, &[7; KEY_BYTES]).expect("a store");
        let college = OrgId([2; 16]);
        let transaction = store.write().expect("a transaction");
        for number in 0..=BATCH_DOCUMENTS_MAX as u128 {
            let id = RecordId(number.to_be_bytes());
            let document = Document::genesis(CLASS.about(NetworkId([7; 16]), college, id));
            let origin = documents::Origin::Private;
            documents::save(&transaction, &document, &[], &[], origin).expect("saved");
            let gone = ChangeHash([3; 32]);
            log::append(&transaction, document.id(), gone, None).expect("logged");
        }
        let party = Party { org: college, role: OrgRole::College };
        let reader = Reader { device: DeviceId([5; 16]), party };
        let part = |since| {
            let cache = &mut Cache::default();
            let (documents, upto, more) =
                delta(&transaction, cache, reader, since, usize::MAX).expect("readable");
            (documents.len(), upto, more)
        };
        let (count, upto, more) = part(LogPosition::START);
        assert_eq!((count, more), (BATCH_DOCUMENTS_MAX, true));
        let (rest, _, more) = part(upto);
        assert_eq!((rest, more), (1, false));
    }
}
