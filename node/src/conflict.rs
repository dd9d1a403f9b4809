//! Conflicts: which fields have several values, which had, and how a person chooses. C2, C3, C8.
//!
//! A choice is written with the action's right of whoever may edit the record; nothing chooses by
//! itself.

use onex_crdt::act::{Authority as _, Found};
use onex_crdt::action::{Action, Desk, Given, Reason, Refusal, Who};
use onex_crdt::document::{Document, Write};
use onex_crdt::field::number::Count;
use onex_crdt::field::time::Moment;
use onex_crdt::field::{Field, FieldError};
use onex_crdt::header::Header;
use onex_crdt::ids::{Actor, DeviceId, Digest, OrgId, RecordId};
use onex_crdt::record::{Record, RecordKind};
use onex_crdt::records::attendance::{self, Attendance, Marks};
use onex_crdt::records::conflict::{CHOOSE, Choice};
use onex_crdt::records::learner::Learner;
use onex_crdt::records::undo;
use onex_crdt::registry;
use onex_crdt::value::Value;
use onex_crdt::view::View;
use onex_protocol::membership::Membership;
use rusqlite::Connection;

use crate::api::{Answer, Conflict, ConflictValue, Duplicate, Resolved};
use crate::audit;
use crate::engine::{Engine, EngineError};
use crate::error::NodeError;
use crate::handle::{Node, Writer};
use crate::store::view::{Log, SqlView};
use crate::store::{StoreError, query};

impl Node {
    /// The open conflicts.
    pub fn conflicts(&self) -> Result<Vec<Conflict>, NodeError> {
        let mut writer = self.writer()?;
        let Writer { store, engine, membership, .. } = &mut *writer;
        Ok(open(store.read(), engine, membership)?)
    }

    /// The conflicts that somebody ended, each with what stood there before.
    pub fn resolved(&self) -> Result<Vec<Resolved>, NodeError> {
        let mut writer = self.writer()?;
        let Writer { store, engine, membership, .. } = &mut *writer;
        let mut resolved = Vec::new();
        for found in query::acts_of_kind(store.read(), CHOOSE.id)? {
            if !stands(store.read(), membership, &found)? {
                continue;
            }
            let document = engine.document(store.read(), &found.header)?;
            let act = &found.act;
            let Some(choice) = Choice::of(act) else { continue };
            let Some(kind) = registry::kind(&choice.kind) else { continue };
            let seen = document.change_of_act(act.id).and_then(|hash| document.change(&hash));
            let heads = seen.map(|change| change.deps).unwrap_or_default();
            let values = match *kind == *Attendance::KIND {
                true => marks_before(store.read(), membership, act.subject, &act.after)?,
                false => {
                    let field = &choice.field;
                    let values = document.concurrent_at(kind, act.subject, field, Some(&heads));
                    written(&document, membership, values)
                }
            };
            resolved.push(Resolved {
                conflict: Conflict {
                    id: choice.conflict,
                    kind,
                    record_id: act.subject,
                    field: choice.field,
                    values,
                },
                chosen: choice.value,
                person: act.person.clone(),
                at: Moment::parse(&act.at).unwrap_or_else(|_| claimed(0)),
                reason: choice.reason,
            });
        }
        Ok(resolved)
    }

    /// Learners of the own register that have one number (C3).
    pub fn duplicates(&self) -> Result<Vec<Duplicate>, NodeError> {
        let reader = self.reader();
        let mut found = Vec::new();
        for field in ["id_number", "student_no"] {
            for records in query::alike(reader.read(), Learner::KIND, field, "active")? {
                let known = |other: &Duplicate| other.records == records;
                if !found.iter().any(known) {
                    found.push(Duplicate { kind: Learner::KIND, field, records });
                }
            }
        }
        Ok(found)
    }

    /// Ends a conflict with one of its values or another one (`conflict.choose`).
    pub(crate) fn choose_given(&self, given: &Given) -> Result<Answer, NodeError> {
        let refuse = |reason, field: &str| Refusal::new(&CHOOSE, reason, Some(field));
        let text = |key: &str| {
            let value = given.get(key).and_then(Option::as_ref).and_then(Value::as_text);
            value.map(str::to_owned)
        };
        let wanted = text("id").unwrap_or_default();
        let mut writer = self.writer()?;
        let who = self.who(&writer)?;
        let record = writer.commit(|engine, transaction, membership| {
            let open = open(transaction, engine, membership)?;
            let mut named = open.iter().filter(|one| one.id.is_meant_by(&wanted));
            let unknown = refuse(Reason::UnknownRecord, "id");
            let (Some(conflict), None) = (named.next(), named.next()) else {
                return Err(unknown.into());
            };
            let value = chosen(conflict, given)?;
            let reason = text("reason");
            let writes = choose(transaction, membership, &who, conflict, value, reason)?;
            engine.write_as(transaction, membership, &who, &CHOOSE, writes)?;
            audit::signed(transaction, &who, &CHOOSE, conflict.id)?;
            Ok(conflict.id)
        })?;
        drop(writer);
        self.shared.changed();
        Ok(Answer {
            id: record,
            state: Some("resolved".to_owned()),
            pending_act: None,
            undone: None,
        })
    }
}

/// The value that was chosen by its number, or given instead.
fn chosen(conflict: &Conflict, given: &Given) -> Result<Option<Value>, Refusal> {
    let refuse = |reason, field: &str| Refusal::new(&CHOOSE, reason, Some(field));
    let given = |key: &str| given.get(key).and_then(Option::as_ref);
    if let Some(choice) = given("choice").and_then(Count::<1, 1000>::from_value) {
        let at = usize::try_from(choice.number() - 1).unwrap_or(usize::MAX);
        let value = conflict.values.get(at).map(|one| one.value.clone());
        return value.ok_or_else(|| refuse(Reason::Invalid(FieldError::UnknownCode), "choice"));
    }
    let Some(text) = given("value").and_then(Value::as_text) else {
        return Err(refuse(Reason::NoChoice, "choice"));
    };
    let field = conflict.kind.field(&conflict.field);
    let parsed = field.map(|field| (field.ty.parse)(text));
    let parsed = parsed.unwrap_or(Err(FieldError::UnknownRecord));
    parsed.map(Some).map_err(|error| refuse(Reason::Invalid(error), "value"))
}

/// What ends a conflict: the value, and an act that says who chose it among which.
fn choose(
    connection: &Connection,
    membership: &Membership,
    who: &Who,
    conflict: &Conflict,
    value: Option<Value>,
    reason: Option<String>,
) -> Result<Vec<(Header, Write)>, EngineError> {
    let refuse = |reason| Refusal::new(&CHOOSE, reason, None);
    let Conflict { kind, record_id, field, .. } = conflict;
    let may = editing(kind, field).is_some_and(|action| action.may(who.org_role, &who.roles));
    if !may {
        return Err(refuse(Reason::NoRight).into());
    }
    let view = SqlView::new(connection, membership);
    let given = Given::new();
    let mut fresh = crate::clock::random::<16>;
    let mut desk = Desk::new(&CHOOSE, who, &view, &given, &mut fresh);
    let choice = Choice {
        conflict: conflict.id,
        kind: kind.key.to_owned(),
        field: field.clone(),
        value: value.clone(),
        reason,
    };
    let mut writes = Vec::new();
    let header = if **kind == *Attendance::KIND {
        let acts = view.acts(*record_id);
        acts.into_iter().map(|found| found.header).find(|header| header.owner == who.org)
    } else {
        let source = view.sources(kind, *record_id).into_iter();
        let source = source.into_iter().find(|source| source.header.owner == who.org);
        source.map(|source| {
            let (id, key) = (*record_id, field.clone());
            writes.push((source.header.clone(), Write::Set { kind, id, key, value }));
            source.header
        })
    };
    let header = header.ok_or(refuse(Reason::UnknownRecord))?;
    desk.act(header, *record_id, choice.says());
    writes.extend(desk.into_writes());
    view.finish()?;
    Ok(writes)
}

/// The action by which a field of a kind is written.
fn editing(kind: &RecordKind, field: &str) -> Option<&'static Action> {
    if *kind == *Attendance::KIND {
        return Some(&attendance::actions::MARK);
    }
    let edits = |action: &&&Action| {
        action.kind.is_some_and(|of| *of == *kind)
            && action.id.ends_with(".edit")
            && action.field_params().any(|param| param.key == field)
    };
    registry::ACTIONS.iter().find(edits).copied()
}

/// The open conflicts of a store.
fn open(
    connection: &Connection,
    engine: &mut Engine,
    membership: &Membership,
) -> Result<Vec<Conflict>, StoreError> {
    let mut conflicts = Vec::new();
    for kind in registry::KINDS.iter().copied() {
        for (id, keys) in query::conflicts(connection, kind)? {
            let view = SqlView::new(connection, membership);
            if *kind == *Attendance::KIND {
                conflicts
                    .extend(Marks::of(&view, id).map(|marks| differing(membership, id, &marks)));
                view.finish()?;
                continue;
            }
            let sources = view.sources(kind, id);
            view.finish()?;
            for source in sources.into_iter().filter(|source| !source.undone) {
                let document = engine.document(connection, &source.header)?;
                let open = keys.iter().filter(|key| source.conflict.contains(key));
                conflicts.extend(open.map(|key| several(&document, membership, kind, id, key)));
            }
        }
    }
    Ok(conflicts)
}

fn several(
    document: &Document,
    membership: &Membership,
    kind: &'static RecordKind,
    record_id: RecordId,
    key: &str,
) -> Conflict {
    let values = document.concurrent(kind, record_id, key);
    let mut parts: Vec<Vec<u8>> = vec![record_id.0.to_vec(), key.as_bytes().to_vec()];
    parts.extend(values.iter().map(|(_, hash)| hash.0.to_vec()));
    let id = conflict_id(&parts);
    let values = written(document, membership, values);
    Conflict { id, kind, record_id, field: key.to_owned(), values }
}

fn conflict_id(parts: &[Vec<u8>]) -> RecordId {
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    RecordId(Digest::over(&parts).half())
}

/// Values with who wrote them, where and when.
fn written(
    document: &Document,
    membership: &Membership,
    values: Vec<(Option<Value>, onex_crdt::ids::ChangeHash)>,
) -> Vec<ConflictValue> {
    let values = values.into_iter().map(|(value, hash)| {
        let written = document.authorship(&hash);
        let actor = written.as_ref().map(|(actor, _)| *actor);
        let author = written.map(|(_, author)| author);
        ConflictValue {
            value,
            device: actor.and_then(|a| device_of(membership, document.header().owner, a)),
            person: author.as_ref().map(|author| author.person.clone()).unwrap_or_default(),
            at: claimed(author.map_or(0, |author| author.at_seconds)),
        }
    });
    values.collect()
}

/// Marks of one learner in which markers differ.
fn differing(membership: &Membership, record_id: RecordId, marks: &Marks) -> Conflict {
    let rivals = marks.rivals();
    let field = "mark";
    let mut parts: Vec<Vec<u8>> = vec![record_id.0.to_vec(), field.as_bytes().to_vec()];
    parts.extend(rivals.iter().map(|mark| mark.act.0.to_vec()));
    let values = rivals.iter().map(|mark| of_mark(membership, mark)).collect();
    let id = conflict_id(&parts);
    Conflict { id, kind: Attendance::KIND, record_id, field: field.to_owned(), values }
}

fn of_mark(membership: &Membership, mark: &attendance::OneMark) -> ConflictValue {
    ConflictValue {
        value: Some(mark.mark.to_value()),
        person: mark.person.clone(),
        device: Log(membership).org_of(mark.device).map(|_| mark.device),
        at: Moment::parse(&mark.at).unwrap_or_else(|_| claimed(0)),
    }
}

/// Whether a choice is one of the record's own organisation, by somebody who could make it.
fn stands(
    connection: &Connection,
    membership: &Membership,
    found: &Found,
) -> Result<bool, StoreError> {
    let view = SqlView::new(connection, membership);
    let acts = view.acts(found.act.subject);
    let standing = undo::standing(&view, &acts, &found.header);
    let stands = standing.iter().any(|standing| standing.act.id == found.act.id);
    view.finish()?;
    Ok(stands && found.act.subject.is_of(found.header.owner))
}

/// The marks that somebody who chose had seen.
fn marks_before(
    connection: &Connection,
    membership: &Membership,
    id: RecordId,
    after: &[onex_crdt::ids::ActId],
) -> Result<Vec<ConflictValue>, StoreError> {
    let view = SqlView::new(connection, membership);
    let found = view.acts(id);
    let position = view.authority().position();
    let causality = onex_crdt::act::Causality::new(&found, position);
    let mut seen = causality.named_by(after.iter().copied());
    seen.extend(after);
    let all = Marks::of(&view, id).map(|marks| marks.all).unwrap_or_default();
    view.finish()?;
    let seen = all.iter().filter(|mark| seen.contains(&mark.act));
    Ok(seen.map(|mark| of_mark(membership, mark)).collect())
}

/// A time that a change claims, at +08:00; claims beyond any calendar show as 1970.
pub(crate) fn claimed(seconds: i64) -> Moment {
    const BEIJING_MINUTES: i32 = 480;
    Moment::from_unix(seconds, BEIJING_MINUTES)
        .or(Moment::from_unix(0, BEIJING_MINUTES))
        .expect("1970 is a moment")
}

/// The device of an organisation that an actor belongs to.
pub(crate) fn device_of(membership: &Membership, org: OrgId, actor: Actor) -> Option<DeviceId> {
    membership.devices_of(org).map(|(id, _)| id).find(|id| id.tag() == actor.tag())
}
