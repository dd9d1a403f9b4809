//! One document as it is stored: changes, snapshot, seals, and what the projection keeps of it.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::Connection;

use onex_crdt::document::{Document, TouchKey};
use onex_crdt::foreign::ForeignBytes;
use onex_crdt::header::Header;
use onex_crdt::ids::{ChangeHash, DocId};
use onex_crdt::registry;
use onex_protocol::membership::Membership;
use onex_protocol::scope::document_digest;
use onex_protocol::seal::Seal;

use super::{Bad, CheckReport, Part, UNREADABLE};
use crate::store::check as raw;
use crate::store::view::decode;

/// Checks a document of which something is stored.
pub fn check(
    connection: &Connection,
    id: DocId,
    membership: Option<&Membership>,
    report: &mut CheckReport,
) {
    let head = raw::head(connection, id);
    let Some(head) = report.read(Part::Snapshots, head) else {
        return report.document(Part::Snapshots, id, "head_missing", "");
    };
    let header = decode::<Header>(&head.header, "header").ok().filter(|header| header.id() == id);
    let Some(header) = header else {
        return report.document(Part::Snapshots, id, "header", "");
    };
    let seals = raw::seals(connection, id);
    let seals = report.read(Part::Seals, seals);
    let Some(document) = document(connection, header, report) else { return };
    changes(connection, &document, report);
    let good = check_seals(&document, seals, membership, report);
    let flat: Vec<u8> = document.heads().iter().flat_map(|hash| hash.0).collect();
    if flat != head.heads {
        report.document(Part::Snapshots, id, "heads", "");
    } else if let Some(good) = good {
        let sealed: Vec<_> = good.iter().map(|seal| (seal.device, seal.head)).collect();
        if document_digest(&document.heads(), &sealed).0[..] != head.fingerprint[..] {
            report.document(Part::Snapshots, id, "fingerprint", "");
        }
    }
    sources(connection, &document, report);
}

/// The document of what is stored; nothing where it cannot be had.
fn document(connection: &Connection, header: Header, report: &mut CheckReport) -> Option<Document> {
    let id = header.id();
    let snapshot = raw::snapshot(connection, id);
    let snapshot = match snapshot {
        Ok(snapshot) => snapshot,
        Err(error) => {
            report.document(Part::Snapshots, id, UNREADABLE, super::told(&error));
            return None;
        }
    };
    report.count(Part::Snapshots, usize::from(snapshot.is_some()));
    let Some(mut document) = begun(header, snapshot.as_deref()) else {
        report.document(Part::Snapshots, id, "snapshot", "");
        return None;
    };
    let (chunks, all) = raw::chunks(connection, id);
    if !all {
        report.document(Part::Changes, id, UNREADABLE, "");
    }
    let mut good = Vec::new();
    let loose = chunks.len();
    for (number, bytes) in chunks {
        match ForeignBytes(bytes.clone()).parse() {
            Ok(_) => good.push(bytes),
            Err(_) => report.document(Part::Changes, id, "change", number),
        }
    }
    if good.len() == loose && all && !replay(&mut document, &good) {
        report.document(Part::Changes, id, "dependency", "");
    }
    Some(document)
}

/// The document of a snapshot, or the genesis. What is damaged may break Automerge.
pub(crate) fn begun(header: Header, snapshot: Option<&[u8]>) -> Option<Document> {
    let begun = move || match snapshot {
        Some(bytes) => Document::load(header, bytes).ok(),
        None => Some(Document::genesis(header)),
    };
    catch_unwind(AssertUnwindSafe(begun)).ok().flatten()
}

/// Applies loose changes; on failure the document is as it was.
pub(crate) fn replay(document: &mut Document, changes: &[Vec<u8>]) -> bool {
    let mut copy = document.clone();
    let applied = catch_unwind(AssertUnwindSafe(|| copy.replay(changes).is_ok()));
    let applied = applied.unwrap_or(false);
    if applied {
        *document = copy;
    }
    applied
}

/// Every change once more through our own parser, which recomputes its hash; each is in the log,
/// from which it is sent.
fn changes(connection: &Connection, document: &Document, report: &mut CheckReport) {
    let id = document.id();
    let logged = raw::logged(connection, id);
    let logged: BTreeSet<ChangeHash> = report.read(Part::Changes, logged);
    let changes = document.changes_since(&[]);
    report.count(Part::Changes, changes.len());
    for change in changes {
        let hash = change.hash;
        match ForeignBytes(change.bytes).parse() {
            Ok(parsed) if parsed.hash() == hash => {}
            _ => report.document(Part::Changes, id, "change", hash),
        }
        if !logged.contains(&hash) {
            report.document(Part::Changes, id, "log", hash);
        }
    }
}

/// Every seal: the signature of a device of the owner over a head that is held. Returns them when
/// all of them read.
fn check_seals(
    document: &Document,
    seals: Vec<Option<Seal>>,
    membership: Option<&Membership>,
    report: &mut CheckReport,
) -> Option<Vec<Seal>> {
    let id = document.id();
    report.count(Part::Seals, seals.len());
    for seal in &seals {
        match seal {
            None => report.document(Part::Seals, id, "seal", ""),
            Some(seal) => {
                if let Some(what) = seal_fault(document, seal, membership) {
                    report.document(Part::Seals, id, what, seal.device);
                }
            }
        }
    }
    seals.into_iter().collect()
}

/// Why a seal does not hold.
pub(crate) fn seal_fault(
    document: &Document,
    seal: &Seal,
    membership: Option<&Membership>,
) -> Option<&'static str> {
    let head = document.change(&seal.head);
    let fits = head.is_some_and(|head| head.actor == seal.actor && head.seq == seal.seq);
    if !fits || seal.document != document.id() {
        return Some("seal_head");
    }
    let membership = membership?;
    let Some(device) = membership.device(seal.device) else { return Some("seal_device") };
    let of_owner = device.org == document.header().owner && seal.network == membership.network();
    if !of_owner || !membership.was_active(seal.device, seal.membership_position) {
        return Some("seal_device");
    }
    (!seal.verify(&device.key)).then_some("seal")
}

/// What the projection keeps of the document, beside what the document holds.
fn sources(connection: &Connection, document: &Document, report: &mut CheckReport) {
    let id = document.id();
    let sources = raw::sources(connection, id);
    let mut sources = report.read(Part::Projection, sources);
    let acts = raw::acts(connection, id);
    let mut acts = report.read(Part::Projection, acts);
    let mut bad = |row, what| {
        let bad = Bad { document: Some(id), row: Some(row), what, detail: String::new() };
        report.bad(Part::Projection, bad);
    };
    for key in document.everything() {
        match key {
            TouchKey::Record(key, record) => {
                let Some(kind) = registry::kind(&key) else { continue };
                let Some(source) = document.source(kind, record) else { continue };
                let stored = sources.remove(&(key.clone(), record));
                if stored.as_ref() != Some(&raw::source_body(source)) {
                    bad((key, record), "source");
                }
            }
            TouchKey::Act(act) => {
                let Some(found) = document.act(act) else { continue };
                if acts.remove(&act).as_ref() != Some(&raw::act_stored(&found)) {
                    bad((found.act.kind, onex_crdt::ids::RecordId(act.0)), "act");
                }
            }
        }
    }
    sources.into_keys().for_each(|row| bad(row, "source"));
    for (act, stored) in acts {
        bad((stored.0, onex_crdt::ids::RecordId(act.0)), "act");
    }
}
