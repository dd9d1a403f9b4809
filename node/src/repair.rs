//! Repair of a damaged store (修复): a new database of everything that can still be read.
//!
//! Nothing is deleted: the damaged file stays beside the new one. What is kept are whole documents
//! or their earlier states, of this file, of the newest backup and of the outbox log; the rest
//! comes from peers, who see at the next sync that the sums differ. What nobody else may read and
//! neither file holds any more is lost.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use onex_crdt::document::Document;
use onex_crdt::header::Header;
use onex_crdt::ids::DocId;
use onex_protocol::membership::{Entry, Membership};
use onex_protocol::seal::{Seal, live};

use crate::backup;
use crate::check::document::{begun, replay, seal_fault};
use crate::check::{self, CheckReport, Part, Progress};
use crate::clock::random;
use crate::error::NodeError;
use crate::home::{Home, Keys, Passphrase};
use crate::presence::{self, Alone};
use crate::space;
use crate::store::view::decode;
use crate::store::{self, Store, StoreError, check as raw, copy, log, membership, salvage};

/// What a repair came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repaired {
    /// The damaged file, where it was put.
    pub aside: Option<PathBuf>,
    /// Documents that are here again.
    pub documents: usize,
    /// Documents of which nothing, or not the newest, could be read: peers have them, or nobody.
    pub missing: Vec<DocId>,
}

/// Repairs the node that lives in a folder, if it is damaged; nobody else may have it open.
/// Returns what was found before, and what was done.
///
/// # Errors
/// When somebody has it open, the disk has not the room for a second file, or the beginning of the
/// membership log is neither in the file nor in a backup: then the node must be restored or join
/// again.
pub fn repair(
    folder: &Path,
    passphrase: Option<&Passphrase>,
    progress: Progress<'_>,
) -> Result<(CheckReport, Option<Repaired>), NodeError> {
    let report = check::check(folder, passphrase, progress)?;
    let damaged = |part: &Part| !report.part(*part).bad.is_empty();
    // A line that is gone from the audit log is gone, and stays named.
    if Part::ALL.iter().all(|part| *part == Part::Audit || !damaged(part)) {
        return Ok((report, None));
    }
    let home = Home::new(folder);
    let keys = home.unlock(passphrase).map_err(|error| NodeError::keys(&home, error))?;
    let alone = Alone::new(&home).map_err(|source| NodeError::folder(folder, source))?;
    let _alone = alone.ok_or(NodeError::InUse)?;
    let besides = [Part::Projection, Part::Audit];
    let only_lists = Part::ALL.iter().all(|part| besides.contains(part) || !damaged(part));
    let repaired = match only_lists {
        true => lists_anew(&home, &keys)?,
        false => rebuild(&home, &keys, &report)?,
    };
    presence::looked_at(folder).map_err(|source| NodeError::folder(folder, source))?;
    Ok((report, Some(repaired)))
}

/// Has the projection made anew where the documents are whole.
fn lists_anew(home: &Home, keys: &Keys) -> Result<Repaired, NodeError> {
    let mut store = Store::open(&home.database(), &keys.store)?;
    let transaction = store.write()?;
    store::forget_projection(&transaction)?;
    transaction.commit().map_err(StoreError::from)?;
    fill(&home.database(), &keys.store)?;
    Ok(Repaired::default())
}

/// Makes the projection of a store that has none, rows and all.
fn fill(path: &Path, key: &[u8; 32]) -> Result<(), StoreError> {
    let mut store = Store::open(path, key)?;
    let membership = membership::load(store.read())?;
    let membership = membership.ok_or(StoreError::Damaged { what: "membership log" })?;
    let transaction = store.write()?;
    let view = store::view::SqlView::new(&transaction, &membership);
    store::documents::fill_rows(&transaction, &view)?;
    view.finish()?;
    transaction.commit()?;
    store.close()
}

/// Puts a new database in the place of a damaged one.
fn rebuild(home: &Home, keys: &Keys, report: &CheckReport) -> Result<Repaired, NodeError> {
    let database = home.database();
    space::need_copy(&database).map_err(StoreError::from)?;
    let new = copy::beside(&database, ".new");
    copy::remove(&new).map_err(StoreError::from)?;
    let damaged = raw::open(&database, &keys.store);
    let saved = backup::newest(home, keys);
    let sources: Vec<&Connection> =
        damaged.iter().chain(saved.iter().map(|it| &it.connection)).collect();
    let mut store = Store::open(&new, &keys.store)?;
    let transaction = store.write()?;
    for source in damaged.iter() {
        salvage::carry(source, &transaction, &[])?;
    }
    for source in saved.iter() {
        // Places in an older log are those of other entries, after a repair or a restore.
        salvage::carry(&source.connection, &transaction, &["log", "outbox"])?;
    }
    let log = sources.iter().map(|source| longest(source)).max_by_key(Vec::len);
    let log = log.filter(|log| !log.is_empty()).ok_or(NodeError::NotRepairable)?;
    for entry in &log {
        membership::put(&transaction, entry)?;
    }
    let mut repaired = Repaired::default();
    let ids: BTreeSet<DocId> =
        sources.iter().flat_map(|source| salvage::document_ids(source)).collect();
    for id in ids {
        let kept = keep(&transaction, &sources, id)?;
        repaired.documents += usize::from(kept.is_some());
        if kept != Some(true) {
            repaired.missing.push(id);
        }
    }
    salvage::prune(&transaction)?;
    set_back(&transaction)?;
    let lost = [Part::Database, Part::Membership];
    let is_behind = lost.iter().any(|part| !report.part(*part).bad.is_empty());
    store::set_restored(&transaction, is_behind)?;
    store::forget_projection(&transaction)?;
    transaction.commit().map_err(StoreError::from)?;
    store.close()?;
    drop((damaged, saved));
    copy::verify(&new, &keys.store)?;
    fill(&new, &keys.store)?;
    let aside = copy::free_name(&database, "damaged");
    copy::swap(&new, &database, &aside).map_err(StoreError::from)?;
    repaired.aside = Some(aside);
    Ok(repaired)
}

/// Lets a store that is older than the node, or not whole, go on safely: beyond places of its log
/// that peers know, with marks of what is in it now, and without invitations that may have been
/// used.
pub(crate) fn set_back(connection: &Connection) -> Result<(), StoreError> {
    let [a, b, c, d, e] = random::<5>();
    let distance = i64::from_be_bytes([0, 0, 1, a, b, c, d, e]);
    log::chain(connection)?;
    log::jump(connection, distance)?;
    salvage::end_invitations(connection)
}

/// The entries of the membership log that follow from its root.
pub(crate) fn longest(connection: &Connection) -> Vec<Entry> {
    let mut log: Option<Membership> = None;
    for (position, entry) in raw::entries(connection).unwrap_or_default() {
        if check::append(&mut log, position, entry).is_err() {
            break;
        }
    }
    log.map(|log| log.entries_from(0).to_vec()).unwrap_or_default()
}

/// Writes what the sources hold of a document together. Says whether it is the newest that was
/// here; nothing where nothing could be read.
fn keep(to: &Connection, sources: &[&Connection], id: DocId) -> Result<Option<bool>, StoreError> {
    let found = sources.iter().filter_map(|source| gather(source, id));
    let Some(gathered) = found.reduce(Gathered::joined) else { return Ok(None) };
    salvage::put_document(to, &gathered.document, &gathered.seals)?;
    Ok(Some(gathered.whole))
}

/// What one file holds of a document.
pub(crate) struct Gathered {
    pub document: Document,
    pub seals: Vec<Seal>,
    /// Whether it is all that was noted to be there.
    pub whole: bool,
}

impl Gathered {
    /// Both together.
    pub fn joined(self, other: Self) -> Self {
        let Self { mut document, seals, whole } = self;
        let more = other.document.changes_since(&document.heads()).into_iter();
        let more = more.filter(|change| !document.holds(&change.hash));
        let more: Vec<_> = more.map(|change| change.bytes).collect();
        replay(&mut document, &more);
        let seals = seals.into_iter().chain(other.seals).collect();
        let (seals, _) = live(seals, |heads| document.below(heads));
        Self { document, seals, whole: whole || other.whole }
    }
}

/// Reads what a file holds of a document: its newest state, or an earlier one.
pub(crate) fn gather(connection: &Connection, id: DocId) -> Option<Gathered> {
    let head = raw::head(connection, id).ok().flatten()?;
    let header = decode::<Header>(&head.header, "header").ok().filter(|it| it.id() == id)?;
    let snapshot = raw::snapshot(connection, id);
    let mut whole = snapshot.is_ok();
    let mut document = match begun(header.clone(), snapshot.unwrap_or_default().as_deref()) {
        Some(document) => document,
        None => {
            whole = false;
            Document::genesis(header)
        }
    };
    let (chunks, all) = raw::chunks(connection, id);
    let chunks: Vec<Vec<u8>> = chunks.into_values().collect();
    if !replay(&mut document, &chunks) {
        whole = false;
        for chunk in chunks {
            replay(&mut document, &[chunk]);
        }
    }
    let flat: Vec<u8> = document.heads().iter().flat_map(|hash| hash.0).collect();
    whole &= all && flat == head.heads;
    // Of a fork whose branches were never held there is the genesis alone.
    if document.is_genesis() && !whole {
        return None;
    }
    let seals = raw::seals(connection, id).unwrap_or_default();
    let seals: Vec<Seal> = seals.into_iter().flatten().collect();
    let seals = seals.into_iter().filter(|seal| seal_fault(&document, seal, None).is_none());
    let seals = seals.collect();
    Some(Gathered { document, seals, whole })
}
