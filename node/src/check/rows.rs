//! The rows of the projection, each computed anew and compared with what is stored.
//!
//! By pages: there may be more rows than memory.

use rusqlite::Connection;

use onex_crdt::ids::RecordId;
use onex_crdt::record::{RecordKind, Row};
use onex_crdt::registry;
use onex_crdt::view::Touch;
use onex_protocol::membership::Membership;

use super::{Bad, CheckReport, Part, Progress};
use crate::store::view::SqlView;
use crate::store::{StoreError, check as raw, documents, projection};

/// Compares every row with what its sources and acts say.
pub fn check(
    connection: &Connection,
    membership: &Membership,
    report: &mut CheckReport,
    progress: Progress<'_>,
) {
    let due = documents::rows_due(connection);
    if report.read(Part::Projection, due) {
        // The next start computes them all.
        return;
    }
    let all = documents::counts(connection);
    let (_, all) = report.read(Part::Projection, all);
    for kind in registry::KINDS {
        let compared = stored(connection, membership, kind, report, &mut |part, at| {
            progress(part, at, all);
        });
        report.read(Part::Projection, compared);
        let right = raw::counts_right(connection, kind);
        if !report.read(Part::Projection, right.map(Some)).unwrap_or(true) {
            let detail = kind.key.to_owned();
            report.bad(Part::Projection, Bad { what: "count", detail, ..Bad::default() });
        }
    }
    let strays = raw::strays(connection);
    if report.read(Part::Projection, strays) > 0 {
        report.bad(Part::Projection, Bad { what: "stray", ..Bad::default() });
    }
    let missing = missing(connection, membership, report);
    report.read(Part::Projection, missing);
}

/// The rows that are there are right, and found by the right text.
fn stored(
    connection: &Connection,
    membership: &Membership,
    kind: &'static RecordKind,
    report: &mut CheckReport,
    progress: &mut dyn FnMut(Part, usize),
) -> Result<(), StoreError> {
    let mut last = i64::MIN;
    loop {
        let page = raw::rows_after(connection, kind, last)?;
        let Some(newest) = page.last() else { return Ok(()) };
        last = newest.number;
        for raw::StoredRow { row, text, .. } in page {
            report.count(Part::Projection, 1);
            let computed = derive(connection, membership, kind, row.id)?;
            let Some(computed) = computed else {
                wrong(report, kind, row.id, "row_extra");
                continue;
            };
            let found_by = raw::search_text(kind, &computed);
            if projection::as_stored(kind, computed) != row {
                wrong(report, kind, row.id, "row");
            } else if text.as_deref() != Some(found_by.as_str()) {
                wrong(report, kind, row.id, "search");
            }
        }
        progress(Part::Projection, report.part(Part::Projection).count);
    }
}

/// Every row that sources and acts give is there.
fn missing(
    connection: &Connection,
    membership: &Membership,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    let mut last = i64::MIN;
    while let Some((newest, touches)) = raw::touches_after(connection, last)? {
        missing_of(connection, membership, &touches, report)?;
        last = newest;
    }
    for touches in raw::act_touches(connection)?.chunks(TOUCHES_AT_ONCE) {
        missing_of(connection, membership, touches, report)?;
    }
    Ok(())
}

/// Acts that are looked at together.
const TOUCHES_AT_ONCE: usize = 500;

fn missing_of(
    connection: &Connection,
    membership: &Membership,
    touches: &[Touch],
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    let view = SqlView::new(connection, membership);
    let mut result = Ok(());
    registry::recompute(&view, touches, |kind, id| {
        if result.is_err() {
            return;
        }
        result = raw::has_row(connection, kind, id).map(|there| {
            if !there && (kind.derive)(&view, id).is_some() {
                wrong(report, kind, id, "row_missing");
            }
        });
    });
    result?;
    view.finish()
}

fn derive(
    connection: &Connection,
    membership: &Membership,
    kind: &RecordKind,
    id: RecordId,
) -> Result<Option<Row>, StoreError> {
    let view = SqlView::new(connection, membership);
    let row = (kind.derive)(&view, id);
    view.finish()?;
    Ok(row)
}

fn wrong(report: &mut CheckReport, kind: &RecordKind, id: RecordId, what: &'static str) {
    let row = Some((kind.key.to_owned(), id));
    report.bad(Part::Projection, Bad { row, what, ..Bad::default() });
}
