//! What the rules of several record types have in common.

use crate::act::{Authority, Causality, Found};
use crate::action::{Action, Desk, Reason, Refusal};
use crate::header::{DocumentKind, Header};
use crate::ids::{OrgId, RecordId};
use crate::record::{Record as _, RecordKind, Row};
use crate::roles::PersonRole;
use crate::view::{Source, Touch, View};

/// Returns what the documents of those hold of a record who may speak for it: of the organisation
/// that its id begins with. Organisations' own records have the organisation's id. A record whose
/// making was undone is held by nobody.
pub fn sources(view: &dyn View, kind: &RecordKind, id: RecordId) -> Vec<Source> {
    let mut sources = view.sources(kind, id);
    if *kind != *super::organisation::Organisation::KIND {
        sources.retain(|source| id.is_of(source.header.owner));
    }
    sources.retain(|source| !source.undone);
    sources
}

/// Returns what the documents of one kind hold of a record.
pub fn source_in(
    view: &dyn View,
    kind: &RecordKind,
    id: RecordId,
    document: &DocumentKind,
) -> Option<Source> {
    sources(view, kind, id).into_iter().find(|source| source.header.kind == document.key)
}

/// Returns what an organisation's own document of one kind holds of a record. Whoever else writes
/// under the same id speaks for nobody.
pub fn source_of(
    view: &dyn View,
    kind: &RecordKind,
    id: RecordId,
    document: &DocumentKind,
    owner: OrgId,
) -> Option<Source> {
    let own = |source: &Source| source.header.kind == document.key && source.header.owner == owner;
    sources(view, kind, id).into_iter().find(own)
}

/// Returns the row of a record that stands in one document, with nothing derived yet.
pub fn row_of(id: RecordId, source: &Source) -> Row {
    Row {
        id,
        fields: source.fields.clone(),
        conflict: source.conflict.clone(),
        stale: false,
        born: source.born,
    }
}

/// The header of the document in which a record of the acting organisation stands.
pub fn home(desk: &Desk, kind: &RecordKind, id: RecordId) -> Result<Header, Refusal> {
    let sources = sources(desk.view, kind, id);
    let mut own: Vec<Source> =
        sources.into_iter().filter(|source| source.header.owner == desk.who.org).collect();
    // A document about this very record is its home, whatever stands in others.
    own.sort_by_key(|source| source.header.key != Some(id));
    match own.into_iter().next() {
        Some(source) => Ok(source.header),
        None => desk.refuse(Reason::UnknownRecord, Some("id")),
    }
}

/// The rows that are touched when records of their own kind are, and nothing else.
pub fn itself(kind: &RecordKind, touch: &Touch) -> Vec<RecordId> {
    touch.record(kind).into_iter().collect()
}

/// The acts on a record by one action that stand in one document and count, in order.
pub fn acts_of<'a>(
    view: &dyn View,
    found: &'a [Found],
    action: &Action,
    document: &Header,
) -> Vec<&'a Found> {
    let own = found.iter().filter(|found| found.header == *document);
    let causality = causality(view, own);
    let mut acts = causality.ordered();
    acts.retain(|found| {
        found.act.kind == action.id && counts(view.authority(), &causality, found, action)
    });
    acts
}

/// The record that a field of another one names, as its documents hold it.
pub fn named_in_source(
    view: &dyn View,
    kind: &RecordKind,
    id: RecordId,
    key: &str,
) -> Option<RecordId> {
    let sources = sources(view, kind, id);
    let mut values = sources.iter().filter_map(|source| source.fields.get(key));
    values.find_map(|value| value.as_bytes().and_then(RecordId::from_slice))
}

/// Ids of rows.
pub fn ids(rows: Vec<Row>) -> Vec<RecordId> {
    rows.into_iter().map(|row| row.id).collect()
}

/// Whether an organisation has a device, and so enters its own records.
pub fn has_node(desk: &Desk, org: OrgId) -> bool {
    let authority = desk.view.authority();
    authority.device_count(org, authority.position()) > 0
}

/// The order among the acts on a subject that are at hand.
pub fn causality<'a>(view: &dyn View, found: impl IntoIterator<Item = &'a Found>) -> Causality<'a> {
    Causality::new(found, view.authority().position())
}

/// Whether an act counts: its person held, at that device, a role that its action asks for, and
/// its organisation is one that may, at the position of the membership log the act is judged at.
pub fn counts(
    authority: &dyn Authority,
    causality: &Causality,
    found: &Found,
    action: &Action,
) -> bool {
    let act = &found.act;
    let position = causality.position(act.id);
    let (Some(position), Some(role)) = (position, authority.org_role(found.org())) else {
        return false;
    };
    let holds = |role: &PersonRole| authority.holds(act.device, &act.person, *role, position);
    authority.org_of(act.device) == Some(found.org())
        && action.who.iter().any(|(org, roles)| *org == role && roles.iter().any(holds))
}
