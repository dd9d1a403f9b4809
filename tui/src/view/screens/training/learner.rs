//! A learner: facts, every class they are or were in, and how the record came to be.

use onex_crdt::record::{FieldDef, Record, Row};
use onex_crdt::records::class::Class;
use onex_crdt::records::class::enrolment::Enrolment;
use onex_crdt::records::learner::Learner;
use onex_crdt::value::Value;
use onex_node::api::{Resolved, Step};

use crate::core::model::Model;
use crate::core::training::{LearnerPage, Reveal};
use crate::view::screens::training::learner_mark;
use crate::view::theme::{Mark, Role};
use crate::view::words;

/// Returns the lines of the page; that it is being read while it is not here.
pub fn lines(model: &Model, page: Option<&LearnerPage>, reveal: Reveal) -> Vec<(String, Role)> {
    let look = model.look;
    let Some(page) = page else {
        return vec![(look.tr("notice-reading", &[]), Role::Plain)];
    };
    let row = &page.history.row;
    let mark = learner_mark(row);
    let state = words::state(look, Learner::KIND, row);
    let mut lines = vec![
        (row.text("name").unwrap_or_default().to_owned(), Role::Heading),
        (format!("{} {state}", mark.glyph()), mark.role()),
    ];
    let own = |field: &&FieldDef| !matches!(field.key, "name" | "state");
    for field in Learner::KIND.fields.iter().filter(own) {
        if let Some(value) = row.fields.get(field.key) {
            let label = words::label(look.lang, Learner::KIND, field.key);
            let shown = shown(model, field, value, reveal);
            if row.conflict.iter().any(|key| key == field.key) {
                let mark = Mark::Attention.glyph();
                let line = format!("{mark} {label}  {shown}  {}", look.tr("form-conflict", &[]));
                lines.push((line, Role::Attention));
            } else {
                lines.push((format!("{label}  {shown}"), Role::Plain));
            }
        }
    }
    lines.push((String::new(), Role::Plain));
    lines.push((look.tr("learner-classes", &[]), Role::Heading));
    if page.places.is_empty() {
        lines.push((look.tr("learner-no-classes", &[]), Role::Plain));
    }
    lines.extend(page.places.iter().map(|place| (place_text(model, place), Role::Plain)));
    lines.push((String::new(), Role::Plain));
    lines.push((look.tr("line-history", &[]), Role::Heading));
    for step in page.history.steps.iter().rev() {
        lines.extend(step_text(model, step, reveal));
        let ended = page.resolved.iter().find(|resolved| ends(step, resolved));
        lines.extend(ended.map(|resolved| resolved_text(model, resolved, reveal)));
    }
    lines
}

/// Whether a step is the choice that ended a conflict.
fn ends(step: &Step, resolved: &Resolved) -> bool {
    let conflict = step.says.get("conflict").and_then(Value::as_text);
    conflict == Some(resolved.conflict.id.to_string().as_str())
}

/// Both values with who wrote them, and the one that was chosen.
fn resolved_text(model: &Model, resolved: &Resolved, reveal: Reveal) -> (String, Role) {
    let look = model.look;
    let field = Learner::KIND.field(&resolved.conflict.field);
    let side = |value: &Option<Value>| match (field, value) {
        (Some(field), Some(value)) => shown(model, field, value, reveal),
        _ => "-".to_owned(),
    };
    let values = resolved.conflict.values.iter();
    let values = values.map(|v| format!("{} {}", side(&v.value), v.person)).collect::<Vec<_>>();
    let label = words::label(look.lang, Learner::KIND, &resolved.conflict.field);
    let (values, chosen) = (values.join(" / "), side(&resolved.chosen));
    let args = [
        ("field", label.as_str().into()),
        ("values", values.as_str().into()),
        ("chosen", chosen.as_str().into()),
    ];
    (format!("  {}", look.tr("learner-resolved", &args)), Role::Plain)
}

fn shown(model: &Model, field: &FieldDef, value: &Value, reveal: Reveal) -> String {
    match reveal {
        Reveal::Shown => words::whole(model, field, value),
        Reveal::Masked | Reveal::Asked => words::value(model, field, value),
    }
}

/// The class, the hours attended of those planned, where the learner stands in it.
fn place_text(model: &Model, place: &Row) -> String {
    let look = model.look;
    let class = place.id_of("class_id").and_then(|id| model.known.get(&id)).map(|(_, row)| row);
    let name = class.and_then(|row| row.text("name")).unwrap_or_default();
    let plan = class.and_then(|row| row.fields.get("plan_hours"));
    let hours = words::changed(
        model,
        Enrolment::KIND,
        "attended_hours",
        place.fields.get("attended_hours"),
    );
    let plan = words::changed(model, Class::KIND, "plan_hours", plan);
    let state = words::state(look, Enrolment::KIND, place);
    format!("{name}  {hours}/{plan}  {state}")
}

/// What was done, by whom and when, with every value that was changed.
fn step_text(model: &Model, step: &Step, reveal: Reveal) -> Vec<(String, Role)> {
    let look = model.look;
    let what = words::action(look, &step.kind);
    let mut lines =
        vec![(format!("{} {what}  {}", words::moment(step.at), step.person), Role::Plain)];
    for (key, old, new) in &step.changed {
        let label = words::label(look.lang, Learner::KIND, key);
        let side = |side: &Option<Value>| match (Learner::KIND.field(key), side) {
            (Some(field), Some(value)) => shown(model, field, value, reveal),
            _ => "-".to_owned(),
        };
        let (old, new) = (side(old), side(new));
        lines.push((format!("  {label}  {old} → {new}"), Role::Plain));
    }
    if let Some(reason) = &step.reason {
        lines.push((format!("  {reason}"), Role::Plain));
    }
    lines.extend(words::source(look, step).map(|source| (format!("  {source}"), Role::Plain)));
    lines
}
