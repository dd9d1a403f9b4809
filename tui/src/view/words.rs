//! Records, values, states and times in the words of a screen.
//!
//! Personal data is masked here, as the contract masks it; a form and an opened organisation show
//! it whole.

use onex_crdt::field::time::Moment;
use onex_crdt::field::{Shape, show};
use onex_crdt::ids::RecordId;
use onex_crdt::record::{FieldDef, RecordKind, Row};
use onex_crdt::value::Value;
use onex_node::api::Step;

use crate::core::mask;
use crate::core::model::Model;
use crate::core::refusal::source_words;
use crate::i18n::Lang;
use crate::view::theme::{Look, Mark};

/// Returns the name of a record that is known here, else its short id.
pub fn name(model: &Model, id: RecordId) -> String {
    match model.known.get(&id) {
        Some((kind, row)) => title(model, kind, row),
        None => id.short(),
    }
}

/// Returns the name of the record under a key; empty where there is none.
pub fn name_at(model: &Model, row: &Row, key: &str) -> String {
    row.id_of(key).map_or_else(String::new, |id| name(model, id))
}

/// Returns what a record is called: a certificate with its level, a level with its evaluator.
pub fn title(model: &Model, kind: &RecordKind, row: &Row) -> String {
    let text = |key: &str| row.text(key).unwrap_or_default();
    match kind.key {
        "application" => certificate(model.look, row),
        "cert_level" => {
            let evaluator = name_at(model, row, "evaluator_id");
            let (name, level) = (text("certificate_name"), level(model.look, row));
            format!("{name}·{level}·{evaluator}")
        }
        "meeting" => format!("{} {}", name_at(model, row, "class_id"), text("held_on")),
        "standard" => text("version").to_owned(),
        "enrolment" => text("learner_name").to_owned(),
        "attendance" => name_at(model, row, "learner_id"),
        _ => {
            let found = ["name", "title", "certificate_name"].iter().find_map(|key| row.text(key));
            found.map_or_else(|| row.id.short(), str::to_owned)
        }
    }
}

/// Returns `证书(等级)` of a row that has both; the suffix that all of them share is left out.
pub fn certificate(look: Look, row: &Row) -> String {
    let name = row.text("certificate_name").unwrap_or_default();
    let name = name.strip_suffix("职业技能等级证书").filter(|n| !n.is_empty()).unwrap_or(name);
    format!("{name}({})", level(look, row))
}

/// Returns the word for the level of a row.
pub fn level(look: Look, row: &Row) -> String {
    let shape = Shape::NumberedChoice(onex_crdt::field::code::Level::CHOICES);
    row.fields.get("level").map_or_else(String::new, |v| show(&shape, v, look.lang == Lang::Zh))
}

/// Returns a value as people read it: names for ids, masks for personal data.
pub fn value(model: &Model, field: &FieldDef, value: &Value) -> String {
    if field.secret {
        return mask::masked(field, value).unwrap_or_default();
    }
    whole(model, field, value)
}

/// Returns a value whole, personal data too: where somebody must tell two apart.
pub fn whole(model: &Model, field: &FieldDef, value: &Value) -> String {
    if let (Shape::Id(_), Some(id)) =
        (field.ty.shape, value.as_bytes().and_then(RecordId::from_slice))
    {
        return name(model, id);
    }
    show(&field.ty.shape, value, model.look.lang == Lang::Zh)
}

/// Returns a changed value, `-` for none.
pub fn changed(model: &Model, kind: &RecordKind, key: &str, now: Option<&Value>) -> String {
    match (kind.field(key), now) {
        (Some(field), Some(now)) => value(model, field, now),
        _ => "-".into(),
    }
}

/// Returns what a key of a kind is called.
pub fn label(lang: Lang, kind: &RecordKind, key: &str) -> String {
    let field = kind.field(key);
    field.map_or(key, |field| if lang == Lang::Zh { field.zh } else { field.en }).to_owned()
}

/// Returns the mark of a state of an application line.
pub fn state_mark(row: &Row) -> Mark {
    match row.state() {
        Some("filed") if row.fields.contains_key("pending_request") => Mark::Attention,
        Some("filed") => Mark::Good,
        Some("returned") => Mark::Attention,
        Some("rejected" | "cancelled") => Mark::Problem,
        Some("draft" | "submitted") => Mark::Working,
        _ => Mark::Absent,
    }
}

/// Returns the word for the state of a row.
pub fn state(look: Look, kind: &RecordKind, row: &Row) -> String {
    crate::core::refusal::state_word(look.lang, Some(kind), row.state().unwrap_or_default())
}

/// Returns `11-20 16:02`, as the writer's clock showed it.
pub fn moment(at: Moment) -> String {
    let text = at.to_string();
    match (text.get(5..10), text.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time}"),
        _ => text,
    }
}

/// Returns how long ago something was, in whole days.
pub fn age(look: Look, now: Option<Moment>, at: Moment) -> String {
    let Some(now) = now else { return moment(at) };
    let days = now.date().days_since_epoch() - at.date().days_since_epoch();
    match u64::try_from(days) {
        Ok(0) | Err(_) => look.tr("age-today", &[]),
        Ok(1) => look.tr("age-yesterday", &[]),
        Ok(days) => look.tr("age-days", &[("days", days.into())]),
    }
}

/// Whose work a step writes again, if it does.
pub fn source(look: Look, step: &Step) -> Option<String> {
    let source = step.source.as_ref()?;
    Some(source_words(look.lang, source.person.as_deref(), source.device))
}

/// Returns the title of an action, or the id of one that this build does not know.
pub fn action(look: Look, id: &str) -> String {
    crate::core::refusal::act_title(look.lang, id)
}
