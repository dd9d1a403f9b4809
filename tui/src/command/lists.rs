//! `onex list` and `onex show`.

use onex_crdt::ids::RecordId;
use onex_crdt::record::{RecordKind, Row};
use onex_node::api::{Compare, Conflict, Query, Step};
use onex_node::{Node, NodeError};
use serde_json::Value as Json;

use super::{Failure, Output, given, tables};
use crate::core::clean::clean;
use crate::core::refusal::{act_title, outcome_word, source_words};
use crate::i18n::{Arg, Lang, tr};
use crate::json::{self, Secrets};

/// What `onex list` is given.
pub struct Asked {
    pub kind: String,
    pub conditions: Vec<String>,
    pub text: Option<String>,
    pub limit: Option<usize>,
    pub csv: bool,
    pub reveal: bool,
}

/// Lists records, or one of the lists of what is no record.
pub fn list(lang: Lang, node: &Node, asked: &Asked) -> Result<Output, Failure> {
    if let Some(rows) = special(lang, node, asked).transpose() {
        return special_list(lang, rows?, asked);
    }
    let kind = given::kind(lang, &asked.kind, OTHER_LISTS)?;
    let conditions = asked.conditions.iter();
    let conditions = conditions.map(|text| given::condition(lang, node, kind, text));
    let query = Query {
        conditions: conditions.collect::<Result<_, _>>()?,
        text: asked.text.clone(),
        limit: asked.limit,
        ..Query::all(kind)
    };
    let list = node.list(&query).map_err(|error| Failure::of(lang, error))?;
    let secrets = secrets(lang, node, ("reveal", asked.reveal), kind, &list.rows)?;
    let text = if asked.csv {
        tables::csv(secrets, kind, &list.rows)
    } else {
        let total = total(lang, list.total, list.rows.len());
        format!("{}\n{total}", tables::table(secrets, lang, kind, &list.rows))
    };
    Ok(Output::done(json::list(secrets, kind, &list), text))
}

/// Whether secret fields of some rows are shown; if so, it has been written down who looked.
pub fn secrets(
    lang: Lang,
    node: &Node,
    (what, reveal): (&str, bool),
    kind: &RecordKind,
    rows: &[Row],
) -> Result<Secrets, Failure> {
    if !reveal {
        return Ok(Secrets::Masked);
    }
    let ids: Vec<RecordId> = rows.iter().map(|row| row.id).collect();
    let fields: Vec<&str> =
        kind.fields.iter().filter(|field| field.secret).map(|field| field.key).collect();
    node.audit(what, kind.key, &ids, &fields).map_err(|error| Failure::of(lang, error))?;
    Ok(Secrets::Revealed)
}

fn total(lang: Lang, total: usize, shown: usize) -> String {
    let count = ("count", Arg::Count(total as u64));
    if total == shown {
        tr(lang, "command-total", &[count])
    } else {
        tr(lang, "command-shown", &[count, ("shown", Arg::Count(shown as u64))])
    }
}

/// The lists of what is no record.
const OTHER_LISTS: &[&str] =
    &["audit", "conflict", "duplicate", "quarantine", "device", "parameter"];

/// The rows of a list of what is no record, or nothing when the name is none of these.
fn special(lang: Lang, node: &Node, asked: &Asked) -> Result<Option<Vec<Json>>, Failure> {
    let resolved = asked.conditions.iter().any(|condition| condition == "state=resolved");
    let chinese = lang == Lang::Zh;
    let rows = match asked.kind.as_str() {
        "audit" => node.audits().map(|all| all.iter().map(json::audited).collect()),
        "conflict" if resolved => {
            let all = node.resolved().map_err(|error| Failure::of(lang, error))?;
            let open: Vec<&Conflict> = all.iter().map(|resolved| &resolved.conflict).collect();
            let secrets = conflict_secrets(lang, node, asked.reveal, &open)?;
            Ok(all.iter().map(|resolved| json::resolved(secrets, resolved, chinese)).collect())
        }
        "duplicate" => node.duplicates().map(|all| all.iter().map(json::duplicate).collect()),
        "conflict" => {
            let all = node.conflicts().map_err(|error| Failure::of(lang, error))?;
            let secrets =
                conflict_secrets(lang, node, asked.reveal, &all.iter().collect::<Vec<_>>())?;
            Ok(all.iter().map(|conflict| json::conflict(secrets, conflict, chinese)).collect())
        }
        "quarantine" => {
            node.quarantine().map(|all| all.iter().map(json::quarantined).collect::<Vec<_>>())
        }
        "device" => node.devices().map(|all| all.iter().map(json::device).collect()),
        "parameter" => node.allocator().map(json::parameters),
        _ => return Ok(None),
    };
    rows.map(Some).map_err(|error| Failure::of(lang, error))
}

/// Whether secret values in conflict are shown; if so, it has been written down who looked.
fn conflict_secrets(
    lang: Lang,
    node: &Node,
    reveal: bool,
    conflicts: &[&Conflict],
) -> Result<Secrets, Failure> {
    if !reveal {
        return Ok(Secrets::Masked);
    }
    for conflict in conflicts {
        let audited =
            node.audit("reveal", conflict.kind.key, &[conflict.record_id], &[&conflict.field]);
        audited.map_err(|error| Failure::of(lang, error))?;
    }
    Ok(Secrets::Revealed)
}

fn special_list(lang: Lang, mut rows: Vec<Json>, asked: &Asked) -> Result<Output, Failure> {
    if asked.csv {
        return Err(Failure::usage(lang, "command-no-csv", &asked.kind));
    }
    for text in &asked.conditions {
        let condition = given::split_condition(text);
        let Some((key, Compare::Equal, wanted)) = condition else {
            return Err(Failure::usage(lang, "command-no-condition", text));
        };
        rows.retain(|row| row.get(key).is_some_and(|value| plain(value) == wanted));
    }
    if let Some(text) = &asked.text {
        rows.retain(|row| row.to_string().contains(text.as_str()));
    }
    let all = rows.len();
    rows.truncate(asked.limit.unwrap_or(all));
    let total = total(lang, all, rows.len());
    let text = if rows.is_empty() { total } else { format!("{}\n{total}", objects(&rows)) };
    Ok(Output::done(json::list_of(&asked.kind, all, rows), text))
}

/// Objects as a table: the keys of the first are the header.
fn objects(rows: &[Json]) -> String {
    let Some(Json::Object(first)) = rows.first() else {
        return String::new();
    };
    // What a person needs of what was kept apart fits into a line; `--json` has all of it.
    let is_kept = first.contains_key("received_from");
    let left_out = |key: &str| is_kept && ["document", "owner_id", "change"].contains(&key);
    let keys: Vec<String> = first.keys().filter(|key| !left_out(key)).cloned().collect();
    let line = |row: &Json| keys.iter().map(|key| clean(&plain(&row[key]))).collect();
    tables::aligned(&std::iter::once(keys.clone()).chain(rows.iter().map(line)).collect::<Vec<_>>())
}

/// A value without brackets and quotation marks; nothing for `null`.
fn plain(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Json::Object(fields) => fields.values().map(plain).collect::<Vec<_>>().join(": "),
        other => other.to_string(),
    }
}

/// Shows one record, with or without its history.
pub fn show(
    lang: Lang,
    node: &Node,
    kind: &str,
    id: &str,
    (history, reveal): (bool, bool),
) -> Result<Output, Failure> {
    let kind = given::kind(lang, kind, &[])?;
    let failed = |error: NodeError| Failure::of(lang, error);
    let id = node.find_id(kind, id).map_err(failed)?;
    let found = node.row(kind, id).map_err(failed)?;
    let history = if history { Some(node.history(kind, id).map_err(failed)?) } else { None };
    let Some(row) = found.or(history.as_ref().map(|history| history.row.clone())) else {
        return Err(Failure::unknown(lang, "id"));
    };
    let secrets = secrets(lang, node, ("reveal", reveal), kind, std::slice::from_ref(&row))?;
    let text = tables::record(secrets, lang, kind, &row);
    let Some(history) = history else {
        return Ok(Output::done(json::record(secrets, kind, &row), text));
    };
    let value = json::history(secrets, kind, &history);
    let text = format!("{text}\n\n{}", steps(secrets, lang, kind, &history.steps));
    Ok(Output::done(value, text))
}

/// The steps of a history as lines: when, who, what, why, and what it changed.
fn steps(secrets: Secrets, lang: Lang, kind: &RecordKind, steps: &[Step]) -> String {
    let lines = steps.iter().map(|step| {
        let changed = step.changed.iter().filter_map(|(key, old, new)| {
            let field = kind.field(key)?;
            let [old, new] = [old, new]
                .map(|value| json::text(secrets, field, value.as_ref(), lang == Lang::Zh));
            Some(format!("{} {old} → {new}", if lang == Lang::Zh { field.zh } else { field.en }))
        });
        let outcome = step.outcome.as_ref().map(|outcome| outcome_word(lang, outcome));
        let source = step.source.as_ref();
        let source = source.map(|one| source_words(lang, one.person.as_deref(), one.device));
        let why = [outcome, step.reason.clone(), source].into_iter().flatten();
        let words: Vec<String> = why.chain(changed).collect();
        let who = clean(&step.person);
        vec![step.at.to_string(), who, act_title(lang, &step.kind), clean(&words.join("；"))]
    });
    tables::aligned(&lines.collect::<Vec<_>>())
}
