//! What commands print as JSON: the shapes of the data contract, key by key.
//!
//! Secret fields are masked unless a caller, who must have written an audit entry, asks for them
//! revealed. Nothing is printed here.

use onex_crdt::action::{Action, Subject};
use onex_crdt::field::number::decimal_format;
use onex_crdt::field::time::Moment;
use onex_crdt::field::{Choice, Shape, show};
use onex_crdt::ids::{DeviceId, Digest, hex_encode};
use onex_crdt::record::{FieldDef, RecordKind, Row};
use onex_crdt::records::application::{Application, actions::SUBMIT};
use onex_crdt::records::class::enrolment::COMPLETION_PERCENT;
use onex_crdt::roles::PersonRole;
use onex_crdt::value::Value;
use onex_crdt::{record::Record, registry};
use onex_node::api::{
    Answer, AuditLine, Conflict, DeviceRow, Duplicate, History, Left, List, Me, Peer, PeerReport,
    Quarantined, Resolved, Status, Step, SyncReport, Traffic, Unsent,
};
use serde_json::{Map, Value as Json, json};

use crate::core::load::CONTACT_FRESH_DAYS;
use crate::core::mask;
use crate::core::refusal::Explained;

/// Whether secret fields are shown (contract, "Masks").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// Masks stand in their place.
    Masked,
    /// As they are; whoever asks for it has written an audit entry.
    Revealed,
}

/// Returns one value of a field: secret ones masked, absent ones `null`, absent lists `[]`.
pub fn value(secrets: Secrets, field: &FieldDef, value: Option<&Value>) -> Json {
    let shape = &field.ty.shape;
    let Some(value) = value else {
        return if shape.is_list() { json!([]) } else { Json::Null };
    };
    if field.secret && secrets == Secrets::Masked {
        return mask::masked(field, value).map_or(Json::Null, Json::String);
    }
    match (shape, value) {
        (Shape::Decimal(places), Value::Int(units)) => decimal_format(*units, *places).into(),
        (_, Value::Text(text)) => text.as_str().into(),
        (_, Value::Int(number)) => (*number).into(),
        (_, Value::Bool(flag)) => (*flag).into(),
        (_, Value::Bytes(bytes)) => hex_encode(bytes).into(),
        (Shape::Parts(names), Value::List(items)) => {
            items.iter().map(|item| parts(names, item)).collect()
        }
        (_, Value::List(items)) => items.as_slice().into(),
    }
}

/// The parts of one item of a list by their names.
fn parts(names: &[&str], item: &str) -> Json {
    let parts = names.iter().zip(item.split('\t'));
    Json::Object(parts.map(|(name, part)| ((*name).to_owned(), part.into())).collect())
}

/// Returns one row with every key of its kind, in the order of the definition.
pub fn row(secrets: Secrets, kind: &RecordKind, row: &Row) -> Json {
    let mut object = Map::new();
    object.insert("id".to_owned(), row.id.to_string().into());
    object.insert("conflict".to_owned(), row.conflict.as_slice().into());
    object.insert("stale".to_owned(), row.stale.into());
    for field in kind.fields {
        object.insert(field.key.to_owned(), value(secrets, field, row.fields.get(field.key)));
    }
    Json::Object(object)
}

/// Returns a list of rows.
pub fn list(secrets: Secrets, kind: &RecordKind, list: &List) -> Json {
    let rows = list.rows.iter().map(|found| row(secrets, kind, found)).collect();
    list_of(kind.key, list.total, rows)
}

/// Returns a list of what is no record: conflicts, quarantine, devices, parameters.
pub fn list_of(kind: &str, total: usize, rows: Vec<Json>) -> Json {
    json!({ "kind": kind, "total": total, "rows": rows })
}

/// Returns the answer to an action that made one record or concerned one.
pub fn answer(action: &Action, answer: &Answer) -> Json {
    let mut object = Map::new();
    object.insert("id".to_owned(), answer.id.to_string().into());
    object.insert("state".to_owned(), answer.state.clone().into());
    let has = |kind: &RecordKind| kind.field("pending_act").is_some();
    if action.subject != Subject::Makes && action.kind.is_some_and(has) {
        object.insert("pending_act".to_owned(), answer.pending_act.clone().into());
    }
    if let Some(undone) = &answer.undone {
        object.insert("id".to_owned(), undone.batch.map(|batch| batch.to_string()).into());
        object.insert("undone".to_owned(), undone.undone.len().into());
        object.insert("asked".to_owned(), undone.left.iter().map(left).collect());
        object.insert("action".to_owned(), undone.action.as_str().into());
    }
    Json::Object(object)
}

/// A record that an undoing left alone, with what was changed since.
fn left(left: &Left) -> Json {
    json!({ "kind": left.kind.key, "id": left.id.to_string(), "since": left.since })
}

/// Returns the answers to an action on several records.
pub fn answers(action: &Action, given: &[Answer]) -> Json {
    let rows: Vec<Json> = given.iter().map(|one| answer(action, one)).collect();
    json!({ "rows": rows })
}

/// Returns a refusal.
pub fn refused(said: &Explained) -> Json {
    json!({ "refused": explained(said) })
}

/// Returns the sentences of a refusal and its field.
pub fn explained(said: &Explained) -> Json {
    json!({ "what": said.what, "why": said.why, "do": said.next, "field": said.field })
}

/// Returns who uses the node, for commands that make one.
pub fn me(me: &Me) -> Json {
    json!({
        "org": {
            "id": me.org_id.to_string(),
            "name": me.org_name,
            "role": me.org_role.id(),
            "state": me.org_state,
        },
        "person": me.person,
        "roles": roles(&me.roles),
        "device": {
            "id": me.device.to_string(),
            "state": device_state(me.device_active),
        },
        "network": me.network.to_string(),
    })
}

/// Returns the state of a node.
pub fn status(status: &Status) -> Json {
    let waiting = status.waiting.iter().map(|waiting| {
        json!({ "kind": waiting.kind, "id": waiting.id.to_string(), "for": waiting.action })
    });
    let peers = status.peers.iter().map(peer);
    let rest = json!({
        "membership": {
            "position": status.membership_position,
            "hub_position": status.hub_position,
        },
        "unsent": unsent(&status.unsent),
        "peers": peers.collect::<Vec<_>>(),
        "conflicts": status.conflicts,
        "quarantine": status.quarantine,
        "stale": status.stale,
        "waiting": waiting.collect::<Vec<_>>(),
        "store": {
            "documents": status.documents,
            "records": status.records,
            "bytes": status.bytes,
        },
        "keys": status.keys.id(),
        "health": {
            "database": status.health.database.id(),
            "room": status.health.room.id(),
            "backup": status.health.backup,
            "restored": status.health.restored,
        },
    });
    joined(me(&status.me), rest)
}

/// Returns the keys of one object, then those of another.
fn joined(first: Json, second: Json) -> Json {
    match (first, second) {
        (Json::Object(mut first), Json::Object(second)) => {
            first.extend(second);
            Json::Object(first)
        }
        (first, _) => first,
    }
}

fn unsent(unsent: &Unsent) -> Json {
    json!({
        "changes": unsent.changes,
        "documents": unsent.documents,
        "oldest": unsent.oldest.as_ref().map(Moment::to_string),
    })
}

fn peer(peer: &Peer) -> Json {
    json!({
        "org_id": peer.org_id.to_string(),
        "name": peer.name,
        "device": peer.device.to_string(),
        "address": peer.address,
        "last_sync": peer.last_sync.as_ref().map(Moment::to_string),
        "equal": peer.equal,
    })
}

/// Returns what a sync led to.
pub fn sync(report: &SyncReport) -> Json {
    let peers: Vec<Json> = report.peers.iter().map(peer_report).collect();
    json!({ "peers": peers, "unsent": unsent(&report.unsent) })
}

fn peer_report(report: &PeerReport) -> Json {
    let refused = report.refused.iter();
    let refused = refused
        .map(|(document, reason)| json!({ "document": document.to_string(), "reason": reason }));
    json!({
        "org_id": report.peer.org_id.to_string(),
        "name": report.peer.name,
        "device": report.peer.device.to_string(),
        "reached": report.reached,
        "round_trips": report.round_trips,
        "sent": traffic(&report.sent),
        "received": traffic(&report.received),
        "quarantined": report.quarantined,
        "refused": refused.collect::<Vec<_>>(),
        "equal": report.equal,
        "error": report.error,
    })
}

fn traffic(traffic: &Traffic) -> Json {
    json!({
        "documents": traffic.documents,
        "changes": traffic.changes,
        "bytes": traffic.bytes,
    })
}

/// Returns one record.
pub fn record(secrets: Secrets, kind: &RecordKind, found: &Row) -> Json {
    json!({ "kind": kind.key, "row": row(secrets, kind, found) })
}

/// Returns one record with every step that led to it.
pub fn history(secrets: Secrets, kind: &RecordKind, history: &History) -> Json {
    let steps: Vec<Json> = history.steps.iter().map(|one| step(secrets, kind, one)).collect();
    json!({
        "kind": kind.key,
        "row": row(secrets, kind, &history.row),
        "history": steps,
        "difference": history.difference.as_ref().map(|changed| changes(secrets, kind, changed)),
    })
}

fn step(secrets: Secrets, kind: &RecordKind, step: &Step) -> Json {
    let after: Vec<String> = step.after.iter().map(ToString::to_string).collect();
    json!({
        "id": step.act.map(|act| act.to_string()).or(step.change.clone()),
        "type": step.kind,
        "at": step.at.to_string(),
        "org_id": step.org_id.to_string(),
        "person": step.person,
        "device": step.device.map(|device| device.to_string()),
        "after": after,
        "digest": step.digest.map(|digest| digest.to_string()),
        "changed": changes(secrets, kind, &step.changed),
        "reason": step.reason,
        "outcome": step.outcome,
        "here": "sealed",
        "source": step.source.as_ref().map(|source| json!({
            "change": source.change,
            "person": source.person,
            "device": source.device.map(|device| device.to_string()),
        })),
    })
}

fn changes(
    secrets: Secrets,
    kind: &RecordKind,
    changed: &[(String, Option<Value>, Option<Value>)],
) -> Json {
    let pairs = changed.iter().filter_map(|(key, old, new)| {
        let field = kind.field(key)?;
        Some((
            key.clone(),
            json!([value(secrets, field, old.as_ref()), value(secrets, field, new.as_ref())]),
        ))
    });
    Json::Object(pairs.collect())
}

/// Returns an open conflict; choices are counted from 1.
pub fn conflict(secrets: Secrets, conflict: &Conflict, chinese: bool) -> Json {
    let field = conflict.kind.field(&conflict.field);
    let values = conflict.values.iter().enumerate().map(|(at, one)| {
        json!({
            "choice": at + 1,
            "value": field.map_or(Json::Null, |field| value(secrets, field, one.value.as_ref())),
            "person": one.person,
            "device": one.device.map(|device| device.to_string()),
            "at": one.at.to_string(),
        })
    });
    json!({
        "id": conflict.id.to_string(),
        "kind": conflict.kind.key,
        "record_id": conflict.record_id.to_string(),
        "field": conflict.field,
        "label": field.map(|field| if chinese { field.zh } else { field.en }),
        "critical": field.is_some_and(|field| field.critical),
        "blocks": blocked(conflict.kind),
        "values": values.collect::<Vec<_>>(),
        "state": "open",
        "chosen": null,
        "person": null,
        "reason": null,
    })
}

/// Returns a conflict that somebody ended, with what was chosen, by whom and why.
pub fn resolved(secrets: Secrets, resolved: &Resolved, chinese: bool) -> Json {
    let mut object = conflict(secrets, &resolved.conflict, chinese);
    let field = resolved.conflict.kind.field(&resolved.conflict.field);
    object["state"] = "resolved".into();
    object["chosen"] =
        field.map_or(Json::Null, |field| value(secrets, field, resolved.chosen.as_ref()));
    object["person"] = resolved.person.as_str().into();
    object["reason"] = resolved.reason.clone().into();
    object
}

/// Returns records that seem to be one and the same (C3).
pub fn duplicate(duplicate: &Duplicate) -> Json {
    let records: Vec<String> = duplicate.records.iter().map(ToString::to_string).collect();
    json!({
        "id": records.first(),
        "kind": duplicate.kind.key,
        "field": duplicate.field,
        "records": records,
        "state": "open",
    })
}

/// The actions that a conflict in a record of the kind stops. Those of later stages are named
/// already: whoever settles a name should know what it is for.
fn blocked(kind: &RecordKind) -> &'static [&'static str] {
    match kind.key {
        key if key == Application::KIND.key => &[SUBMIT.id],
        "learner" => &["registration.submit"],
        _ => &[],
    }
}

/// Returns a change that was kept apart.
pub fn quarantined(held: &Quarantined) -> Json {
    let records = held.records.as_ref();
    let records = records.map(|ids| ids.iter().map(ToString::to_string).collect::<Vec<_>>());
    json!({
        "id": held.id.to_string(),
        "document": held.document.to_string(),
        "document_kind": held.document_kind,
        "owner_id": held.owner_id.to_string(),
        "change": held.change,
        "device": held.device.map(|device| device.to_string()),
        "person": held.person,
        "reason": held.reason,
        "records": records,
        "received_from": held.received_from.to_string(),
        "received_at": held.received_at.to_string(),
        "adoptable": held.adoptable,
        "state": held.state,
    })
}

/// Returns a line of the audit log.
pub fn audited(line: &AuditLine) -> Json {
    let entry = &line.entry;
    let ids: Vec<String> = entry.ids.iter().map(ToString::to_string).collect();
    json!({
        "id": line.id().to_string(),
        "at": entry.at,
        "person": entry.person,
        "device": entry.device.to_string(),
        "what": entry.what,
        "kind": entry.kind,
        "ids": ids,
        "fields": entry.fields,
    })
}

/// Returns a device of the network.
pub fn device(device: &DeviceRow) -> Json {
    let persons = device.persons.iter();
    let persons = persons.map(|(person, held)| json!({ "person": person, "roles": roles(held) }));
    json!({
        "id": device.id.to_string(),
        "org_id": device.org_id.to_string(),
        "persons": persons.collect::<Vec<_>>(),
        "joined_on": null,
        "last_sync": device.last_sync.as_ref().map(Moment::to_string),
        "state": device_state(device.active),
    })
}

fn device_state(active: bool) -> &'static str {
    if active { "active" } else { "removed" }
}

/// Returns the parameters: the documented defaults, and the device that gives filing numbers.
pub fn parameters(allocator: DeviceId) -> Vec<Json> {
    // The same everywhere but the last (contract, "Other lists").
    let all = [
        ("publicity_days", "5".to_owned()),
        ("completion_percent", COMPLETION_PERCENT.to_string()),
        ("contact_fresh_days", CONTACT_FRESH_DAYS.to_string()),
        ("report_due_weekday", "1".to_owned()),
        ("absence_charged", "true".to_owned()),
        ("filing_allocator", allocator.to_string()),
    ];
    let row = |(key, value): (&str, String)| {
        let id = Digest::over(&[b"onex/parameter/1", key.as_bytes()]).half();
        json!({ "id": hex_encode(&id), "key": key, "value": value })
    };
    all.into_iter().map(row).collect()
}

/// Returns every action with its parameters, for `onex do --list`.
pub fn actions() -> Json {
    let actions: Vec<Json> = registry::ACTIONS.iter().map(|action| action_of(action)).collect();
    json!({ "actions": actions })
}

fn action_of(action: &Action) -> Json {
    let makes = action.subject == Subject::Makes;
    let own = action.params.iter().map(|param| (param.key, param.ty, param.required));
    let fields = action.field_params().map(|field| (field.key, field.ty, makes && field.required));
    let parameters = own.chain(fields).map(|(key, ty, required)| {
        json!({ "key": key, "type": ty.name, "required": required, "values": choice_ids(&ty.shape) })
    });
    let who = action.who.iter().map(|(org, any)| json!({ "org": org.id(), "roles": roles(any) }));
    json!({
        "action": action.id,
        "zh": action.zh,
        "en": action.en,
        "kind": action.kind.map(|kind| kind.key),
        "takes_id": action.subject == Subject::Takes,
        "who": who.collect::<Vec<_>>(),
        "from_states": action.from,
        "parameters": parameters.collect::<Vec<_>>(),
    })
}

fn choice_ids(shape: &Shape) -> Vec<&'static str> {
    let choices: &[Choice] = match shape {
        Shape::Choice(choices) | Shape::NumberedChoice(choices) | Shape::ChoiceList(choices) => {
            choices
        }
        _ => &[],
    };
    choices.iter().map(|choice| choice.id).collect()
}

fn roles(roles: &[PersonRole]) -> Vec<&'static str> {
    roles.iter().map(|role| role.id()).collect()
}

/// Returns a value as a person reads it in a list: masked, in words, without what has no text.
pub fn text(secrets: Secrets, field: &FieldDef, value: Option<&Value>, chinese: bool) -> String {
    match value {
        None => String::new(),
        Some(value) if field.secret && secrets == Secrets::Masked => {
            mask::masked(field, value).unwrap_or_default()
        }
        Some(value) => show(&field.ty.shape, value, chinese),
    }
}

#[cfg(test)]
mod tests;
