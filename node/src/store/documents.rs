//! Documents in the store: snapshots, loose changes, seals, the local log and the outbox.
//!
//! A document in memory is a cache of these rows; `head` says whether it is still right.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, params};

use onex_crdt::document::{Change, Document, TouchKey};
use onex_crdt::header::Header;
use onex_crdt::ids::{ActId, ChangeHash, DeviceId, DocId, RecordId};
use onex_crdt::records::undo::{UNDOINGS_DEEP, undone_act};
use onex_crdt::registry;
use onex_crdt::view::Touch;
use onex_protocol::scope::document_digest;
use onex_protocol::seal::Seal;

use super::view::{SourceBody, decode, encode, hashes};
use super::{StoreError, log, projection, steps};

/// Loose bytes above which a document is compacted, if its snapshot is smaller (architecture 5).
const LOOSE_BYTES_MAX: i64 = 16 * 1024;
/// Loose changes above which a document is compacted (architecture 5).
const LOOSE_CHANGES_MAX: i64 = 100;
/// Documents that stay in memory.
const CACHED_MAX: usize = 256;

/// Documents in memory, each right as long as its heads are those in the store.
#[derive(Default)]
pub struct Cache {
    documents: BTreeMap<DocId, Document>,
}

impl Cache {
    /// Returns a document as the store holds it; one that is not there yet is its genesis.
    pub fn load(
        &mut self,
        connection: &Connection,
        header: &Header,
    ) -> Result<Document, StoreError> {
        let id = header.id();
        let Some(heads) = stored_heads(connection, id)? else {
            return Ok(Document::genesis(header.clone()));
        };
        if let Some(document) = self.documents.get(&id)
            && document.heads() == heads
        {
            return Ok(document.clone());
        }
        let document = read(connection, header)?;
        self.keep(document.clone());
        Ok(document)
    }

    /// Keeps a document that was just written.
    pub fn keep(&mut self, document: Document) {
        if self.documents.len() >= CACHED_MAX {
            self.documents.pop_first();
        }
        self.documents.insert(document.id(), document);
    }
}

/// The heads of a document here, from the narrow table.
pub fn stored_heads(
    connection: &Connection,
    id: DocId,
) -> Result<Option<Vec<ChangeHash>>, StoreError> {
    let mut statement = connection.prepare_cached("select heads from head where doc = ?")?;
    let heads: Option<Vec<u8>> =
        statement.query_row([id.0.as_slice()], |row| row.get(0)).optional()?;
    Ok(heads.map(|bytes| hashes(&bytes)))
}

fn read(connection: &Connection, header: &Header) -> Result<Document, StoreError> {
    let id = header.id();
    let mut statement = connection.prepare_cached("select bytes from snapshot where doc = ?")?;
    let snapshot: Option<Vec<u8>> =
        statement.query_row([id.0.as_slice()], |row| row.get(0)).optional()?;
    let mut document = match snapshot {
        Some(bytes) => Document::load(header.clone(), &bytes)?,
        None => Document::genesis(header.clone()),
    };
    let mut statement =
        connection.prepare_cached("select bytes from chunk where doc = ? order by number")?;
    let chunks = statement.query_map([id.0.as_slice()], |row| row.get(0))?;
    document.replay(&chunks.collect::<Result<Vec<Vec<u8>>, _>>()?)?;
    Ok(document)
}

/// Every document here with its heads, by id.
pub fn headers(connection: &Connection) -> Result<Vec<Header>, StoreError> {
    let mut statement = connection.prepare_cached("select header from head order by doc")?;
    decoded(statement.query([])?)
}

/// Reads a column of headers.
pub(super) fn decoded(mut rows: rusqlite::Rows<'_>) -> Result<Vec<Header>, StoreError> {
    let mut headers = Vec::new();
    while let Some(row) = rows.next()? {
        headers.push(decode(row.get_ref(0)?.as_blob()?, "header")?);
    }
    Ok(headers)
}

/// The documents in which a device has sealed something, with its live seals.
pub fn sealed_by(
    connection: &Connection,
    device: DeviceId,
) -> Result<Vec<(Header, Vec<Seal>)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select head.header, seal.bytes from seal join head on head.doc = seal.doc
         where seal.device = ? order by seal.doc, seal.head",
    )?;
    let mut rows = statement.query([device.0.as_slice()])?;
    let mut sealed: Vec<(Header, Vec<Seal>)> = Vec::new();
    while let Some(row) = rows.next()? {
        let header: Header = decode(row.get_ref(0)?.as_blob()?, "header")?;
        let seal = Seal::from_bytes(row.get_ref(1)?.as_blob()?);
        let seal = seal.map_err(|_| StoreError::Damaged { what: "seal" })?;
        match sealed.last_mut().filter(|(last, _)| *last == header) {
            Some((_, seals)) => seals.push(seal),
            None => sealed.push((header, vec![seal])),
        }
    }
    Ok(sealed)
}

/// Stores a document in which some changes do not count any more, and fills its share of the
/// projection anew. Returns what a rule may have to look at again.
pub fn replace(
    connection: &Connection,
    before: &Document,
    after: &Document,
    gone: &[Change],
) -> Result<Vec<Touch>, StoreError> {
    let (id, doc) = (after.id(), after.id().0);
    put_snapshot(connection, after)?;
    for change in gone {
        let hash = change.hash.0;
        connection.execute("delete from step where hash = ?", [hash.as_slice()])?;
        connection
            .execute("delete from outbox where hash = ? and doc = ?", [&hash[..], &doc[..]])?;
    }
    let mut touches = touches_of(before);
    for table in ["source", "act", "about"] {
        connection.execute(&format!("delete from {table} where doc = ?"), [doc.as_slice()])?;
    }
    touches.extend(project_sources(connection, after, &after.everything())?);
    tracing::info!(document = %id, changes = gone.len(), "changes count no more");
    Ok(touches)
}

/// Takes away a document of which nothing counts any more: others may never have had it. Its
/// entries in the local log stay, and say nothing.
pub fn forget(connection: &Connection, id: DocId) -> Result<(), StoreError> {
    for table in ["head", "snapshot", "chunk", "seal"] {
        connection.execute(&format!("delete from {table} where doc = ?"), [id.0.as_slice()])?;
    }
    Ok(())
}

/// Everything in a document that a rule may read.
fn touches_of(document: &Document) -> Vec<Touch> {
    let touch = |key| match key {
        TouchKey::Record(kind, id) => Some(Touch::Record { kind, id }),
        TouchKey::Act(id) => document.act(id).map(|found| Touch::Act {
            id,
            kind: found.act.kind.clone(),
            subject: found.act.subject,
        }),
    };
    document.everything().into_iter().filter_map(touch).collect()
}

/// Returns the header of a document here.
pub fn header(connection: &Connection, id: DocId) -> Result<Option<Header>, StoreError> {
    let mut statement = connection.prepare_cached("select header from head where doc = ?")?;
    let bytes: Option<Vec<u8>> =
        statement.query_row([id.0.as_slice()], |row| row.get(0)).optional()?;
    bytes.map(|bytes| decode(&bytes, "header")).transpose()
}

/// Where new changes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin<'a> {
    /// This device wrote them, at this time by its clock, and somebody else may read them.
    Own(&'a str),
    /// This device wrote them for itself: nobody else may read them.
    Private,
    /// A peer sent them, but for those that were kept apart here: those are sent to it too.
    Peer(DeviceId, &'a BTreeSet<ChangeHash>),
}

/// Stores new changes of a document, and the seals that are live with them.
///
/// Changes of our own that others may read also enter the outbox.
pub fn save(
    connection: &Connection,
    document: &Document,
    new: &[Change],
    seals: &[Seal],
    origin: Origin<'_>,
) -> Result<(), StoreError> {
    let id = document.id();
    let mut chunk = connection.prepare_cached(
        "insert into chunk (doc, number, bytes)
         select ?1, coalesce(max(number), 0) + 1, ?2 from chunk where doc = ?1",
    )?;
    for change in new {
        chunk.execute(params![id.0.as_slice(), change.bytes])?;
        let peer = match origin {
            Origin::Own(at) => {
                put_outbox(connection, id, change.hash, at)?;
                None
            }
            Origin::Private => None,
            Origin::Peer(device, back) => Some(device).filter(|_| !back.contains(&change.hash)),
        };
        let position = log::append(connection, id, change.hash, peer)?;
        steps::put(connection, document, change.hash, position)?;
    }
    put_seals(connection, id, seals)?;
    let bytes: usize = new.iter().map(|change| change.bytes.len()).sum();
    put_head(connection, document, seals, new.len() as i64, bytes as i64)
}

fn put_outbox(
    connection: &Connection,
    id: DocId,
    hash: ChangeHash,
    at: &str,
) -> Result<(), StoreError> {
    let mut outbox = connection
        .prepare_cached("insert or ignore into outbox (hash, doc, at) values (?, ?, ?)")?;
    outbox.execute(params![hash.0.as_slice(), id.0.as_slice(), at])?;
    Ok(())
}

fn put_head(
    connection: &Connection,
    document: &Document,
    seals: &[Seal],
    more: i64,
    more_bytes: i64,
) -> Result<(), StoreError> {
    let heads = document.heads();
    let flat: Vec<u8> = heads.iter().flat_map(|hash| hash.0).collect();
    let sealed: Vec<(DeviceId, ChangeHash)> =
        seals.iter().map(|seal| (seal.device, seal.head)).collect();
    let print = document_digest(&heads, &sealed);
    let mut head = connection.prepare_cached(
        "insert into head (doc, header, heads, fingerprint, loose, loose_bytes)
         values (?1, ?2, ?3, ?4, ?5, ?6)
         on conflict do update set heads = ?3, fingerprint = ?4, loose = loose + ?5,
           loose_bytes = loose_bytes + ?6",
    )?;
    let id = document.id();
    let header = encode(document.header());
    head.execute(params![id.0.as_slice(), header, flat, print.0.as_slice(), more, more_bytes])?;
    Ok(())
}

/// The live seals of a document.
pub fn seals(connection: &Connection, id: DocId) -> Result<Vec<Seal>, StoreError> {
    let mut statement =
        connection.prepare_cached("select bytes from seal where doc = ? order by device, head")?;
    let rows = statement.query_map([id.0.as_slice()], |row| row.get::<_, Vec<u8>>(0))?;
    let mut seals = Vec::new();
    for bytes in rows {
        let damaged = |_| StoreError::Damaged { what: "seal" };
        seals.push(Seal::from_bytes(&bytes?).map_err(damaged)?);
    }
    Ok(seals)
}

fn put_seals(connection: &Connection, id: DocId, seals: &[Seal]) -> Result<(), StoreError> {
    connection.prepare_cached("delete from seal where doc = ?")?.execute([id.0.as_slice()])?;
    let mut insert = connection.prepare_cached(
        "insert or replace into seal (doc, device, head, bytes) values (?, ?, ?, ?)",
    )?;
    for seal in seals {
        let (device, head) = (seal.device.0.as_slice(), seal.head.0.as_slice());
        insert.execute(params![id.0.as_slice(), device, head, seal.to_bytes()])?;
    }
    Ok(())
}

/// Writes the projection's sources for what was touched in a document, and names what a rule may
/// have to look at again.
pub fn project_sources(
    connection: &Connection,
    document: &Document,
    touched: &BTreeSet<TouchKey>,
) -> Result<Vec<Touch>, StoreError> {
    let id = document.id();
    let mut touches = Vec::new();
    for key in touched {
        match key {
            TouchKey::Record(kind_key, record) => {
                let Some(kind) = registry::kind(kind_key) else { continue };
                let Some(source) = document.source(kind, *record) else { continue };
                let mut put = connection.prepare_cached(
                    "insert into source (kind, id, doc, body) values (?, ?, ?, ?)
                     on conflict do update set body = excluded.body",
                )?;
                let body = encode(&SourceBody::of(source));
                put.execute(params![kind.key, record.0.as_slice(), id.0.as_slice(), body])?;
                touches.push(Touch::Record { kind: kind_key.clone(), id: *record });
            }
            TouchKey::Act(act) => {
                let Some(found) = document.act(*act) else { continue };
                let mut put = connection.prepare_cached(
                    "insert or replace into act (id, doc, kind, subject, position, born, body)
                     values (?, ?, ?, ?, ?, ?, ?)",
                )?;
                let (kind, subject) = (found.act.kind.clone(), found.act.subject);
                put.execute(params![
                    act.0.as_slice(),
                    id.0.as_slice(),
                    kind,
                    subject.0.as_slice(),
                    found.act.position as i64,
                    found.born as i64,
                    encode(&found.act)
                ])?;
                put_about(connection, document, &found)?;
                touches.push(Touch::Act { id: *act, kind, subject });
                undoings_again(connection, document, found.act.id)?;
            }
        }
    }
    Ok(touches)
}

fn put_about(
    connection: &Connection,
    document: &Document,
    found: &onex_crdt::act::Found,
) -> Result<(), StoreError> {
    let other = |id| document.act(id).map(|found| found.act);
    let mut put = connection
        .prepare_cached("insert or ignore into about (subject, act, doc) values (?, ?, ?)")?;
    let subjects = registry::about(&found.act, found.header.owner, other).into_iter();
    // An undoing speaks of the act that it takes back as well, so that this one finds it.
    let undone = undone_act(&found.act).map(|act| RecordId(act.0));
    for subject in subjects.chain(undone) {
        let (act, doc) = (found.act.id.0, document.id().0);
        put.execute(params![subject.0.as_slice(), act.as_slice(), doc.as_slice()])?;
    }
    Ok(())
}

/// What undoings of an act speak of is known once that act is here: forgers write them before it.
fn undoings_again(
    connection: &Connection,
    document: &Document,
    act: ActId,
) -> Result<(), StoreError> {
    let mut statement =
        connection.prepare_cached("select act from about where subject = ? and doc = ?")?;
    let doc = document.id().0;
    let mut open = BTreeSet::from([act]);
    for _ in 0..UNDOINGS_DEEP {
        let mut next = BTreeSet::new();
        for act in open {
            let rows = statement.query_map([act.0.as_slice(), doc.as_slice()], |row| row.get(0))?;
            for bytes in rows.collect::<Result<Vec<Vec<u8>>, _>>()? {
                let found = ActId::from_slice(&bytes).and_then(|id| document.act(id));
                if let Some(found) = found.filter(|found| undone_act(&found.act) == Some(act)) {
                    put_about(connection, document, &found)?;
                    next.insert(found.act.id);
                }
            }
        }
        open = next;
    }
    Ok(())
}

/// Computes the rows anew that touches may have altered.
pub fn project_rows(
    connection: &Connection,
    view: &super::view::SqlView<'_>,
    touches: &[Touch],
) -> Result<(), StoreError> {
    let mut result = Ok(());
    registry::recompute(view, touches, |kind, id| {
        if result.is_err() {
            return;
        }
        result = match (kind.derive)(view, id) {
            Some(row) => projection::put(connection, kind, &row),
            None => projection::delete(connection, kind, id),
        };
    });
    result?;
    super::changes::trim(connection)
}

/// Fills empty sources from every document; the rows follow when the node opens.
pub fn reproject(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch(
        "delete from source; delete from act; delete from about; delete from step;",
    )?;
    super::set_meta(connection, ROWS_MISSING, b"1")?;
    for header in headers(connection)? {
        let document = read(connection, &header)?;
        project_sources(connection, &document, &document.everything())?;
        steps::refill(connection, &document)?;
    }
    Ok(())
}

/// Whether the rows are yet to be computed, after the tables were made anew.
pub fn rows_due(connection: &Connection) -> Result<bool, StoreError> {
    Ok(super::meta(connection, ROWS_MISSING)?.is_some())
}

/// Computes every row, if the tables were made anew.
pub fn fill_rows(
    connection: &Connection,
    view: &super::view::SqlView<'_>,
) -> Result<(), StoreError> {
    if !rows_due(connection)? {
        return Ok(());
    }
    let mut touches = touched_acts(connection, 0)?;
    let mut statement = connection.prepare("select distinct kind, id from source")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id = RecordId::from_slice(row.get_ref(1)?.as_blob()?);
        let id = id.ok_or(StoreError::Damaged { what: "id" })?;
        touches.push(Touch::Record { kind: row.get(0)?, id });
    }
    project_rows(connection, view, &touches)?;
    for kind in registry::KINDS {
        projection::make_list_indexes(connection, kind)?;
    }
    connection.execute("delete from meta where key = ?", [ROWS_MISSING])?;
    Ok(())
}

/// The acts that claim a position of the membership log from this one on: what a longer log may
/// make count.
pub fn touched_acts(connection: &Connection, position: u64) -> Result<Vec<Touch>, StoreError> {
    let mut statement = connection
        .prepare_cached("select distinct id, kind, subject from act where position >= ?")?;
    let mut rows = statement.query([position as i64])?;
    let mut touches = Vec::new();
    while let Some(row) = rows.next()? {
        let id = ActId::from_slice(row.get_ref(0)?.as_blob()?);
        let subject = RecordId::from_slice(row.get_ref(2)?.as_blob()?);
        let (Some(id), Some(subject)) = (id, subject) else {
            return Err(StoreError::Damaged { what: "id" });
        };
        touches.push(Touch::Act { id, kind: row.get(1)?, subject });
    }
    Ok(touches)
}

const ROWS_MISSING: &str = "rows_missing";

/// Folds loose changes into the snapshot where there are many; the new snapshot is read back
/// before anything is dropped.
pub fn compact(connection: &Connection, document: &Document) -> Result<(), StoreError> {
    let id = document.id();
    let (loose, bytes): (i64, i64) = connection.query_row(
        "select loose, loose_bytes from head where doc = ?",
        [id.0.as_slice()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let snapshot: i64 = connection
        .query_row("select length(bytes) from snapshot where doc = ?", [id.0.as_slice()], |row| {
            row.get(0)
        })
        .optional()?
        .unwrap_or_default();
    if loose <= LOOSE_CHANGES_MAX && bytes <= snapshot.max(LOOSE_BYTES_MAX) {
        return Ok(());
    }
    put_snapshot(connection, document)
}

/// Puts a snapshot in the place of everything that is stored of a document; it is read back before
/// anything is dropped.
fn put_snapshot(connection: &Connection, document: &Document) -> Result<(), StoreError> {
    let (doc, saved) = (document.id().0, document.save());
    if Document::load(document.header().clone(), &saved)?.heads() != document.heads() {
        return Err(StoreError::Damaged { what: "snapshot" });
    }
    let put = "insert or replace into snapshot (doc, bytes) values (?, ?)";
    connection.execute(put, params![doc.as_slice(), saved])?;
    connection.execute("delete from chunk where doc = ?", [doc.as_slice()])?;
    connection.execute("update head set loose = 0, loose_bytes = 0 where doc = ?", [&doc[..]])?;
    Ok(())
}

/// How many changes are not acknowledged, in how many documents, and when the oldest was made.
pub fn unsent(connection: &Connection) -> Result<(usize, usize, Option<String>), StoreError> {
    let sql = "select count(*), count(distinct doc), min(at) from outbox";
    let row = connection.query_row(sql, [], |row| {
        Ok((row.get::<_, i64>(0)? as usize, row.get::<_, i64>(1)? as usize, row.get(2)?))
    })?;
    Ok(row)
}

/// Documents and rows here.
pub fn counts(connection: &Connection) -> Result<(usize, usize), StoreError> {
    let documents: i64 = connection.query_row("select count(*) from head", [], |r| r.get(0))?;
    let mut records = 0;
    for kind in registry::KINDS {
        records += projection::count(connection, kind)?;
    }
    Ok((documents as usize, records))
}

#[cfg(test)]
mod tests {
    use super::super::{KEY_BYTES, Store};
    use super::*;
    use onex_crdt::act::Act;
    use onex_crdt::document::{Authorship, Write};
    use onex_crdt::header::CLASS;
    use onex_crdt::ids::{Actor, NetworkId, OrgId};
    use onex_crdt::record::Fields;
    use onex_crdt::value::Value;

    fn act(kind: &str, key: &str, value: Value) -> Act {
        let act = Act {
            id: ActId([0; 16]),
            kind: kind.to_owned(),
            subject: RecordId([2; 16]),
            person: "李强".to_owned(),
            device: DeviceId([1; 16]),
            at: "2026-04-12T09:00:00+08:00".to_owned(),
            position: 0,
            after: Vec::new(),
            judged: None,
            body: Fields::from([(key.to_owned(), value)]),
            salt: None,
        };
        act.identified()
    }

    fn about(connection: &Connection) -> Vec<(Vec<u8>, Vec<u8>)> {
        let sql = "select subject, act from about order by subject, act";
        let mut statement = connection.prepare(sql).expect("the table is there");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        rows.collect::<Result<_, _>>().expect("rows")
    }

    /// Undoings that come before what they undo are found all the same, as after a rebuild.
    #[test]
    fn an_undoing_before_its_act_speaks_of_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store =
            Store::open(&folder.path().join("store.db"), &[7; KEY_BYTES]).expect("a store");
        let learners = Value::List(vec![RecordId([3; 16]).to_string()]);
        let enrol = act("class.enrol", "learner_id", learners);
        let undo = act("undo", "act", Value::Text(enrol.id.to_string()));
        let redo = act("undo", "act", Value::Text(undo.id.to_string()));
        let header = CLASS.about(NetworkId([7; 16]), OrgId([2; 16]), RecordId([2; 16]));
        let mut document = Document::genesis(header);
        let author = Authorship {
            action: "undo".to_owned(),
            person: "李强".to_owned(),
            at_seconds: 0,
            batch: None,
            undoes: None,
            source: None,
        };
        let transaction = store.write().expect("a transaction");
        for act in [redo, undo, enrol] {
            let before = document.heads();
            let actor = Actor([1; 16]);
            let change = document.write(actor, &author, &[Write::Act(act)]).expect("it is written");
            let change = change.expect("it is new");
            save(&transaction, &document, &[change], &[], Origin::Private).expect("saved");
            project_sources(&transaction, &document, &document.touched(&before)).expect("known");
        }
        let step_by_step = about(&transaction);
        assert_eq!(step_by_step.len(), 5, "three of the place, two of acts");
        reproject(&transaction).expect("built anew");
        assert_eq!(about(&transaction), step_by_step);
    }
}
