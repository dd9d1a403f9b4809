//! A form of an action: its effect, its fields, the lists over them.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use onex_crdt::ids::RecordId;

use crate::core::form::{FormField, FormState, Left, Popup, Stage, Widget};
use crate::core::model::Model;
use crate::core::refusal::{explain, explain_field, explain_why};
use crate::i18n::Lang;
use crate::view::form::{Choices, Field, FieldState, Form};
use crate::view::input::draw_input;
use crate::view::popup::{centred, draw_box, first_shown};
use crate::view::screens::{below, failure, people};
use crate::view::text::{Pen, cell_width, put, wrap};
use crate::view::theme::{HERE, Mark, Role};
use crate::view::words;

/// Draws the form and returns where the hardware cursor belongs.
pub fn draw(model: &Model, state: &FormState, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = model.look;
    let title = if look.lang == Lang::Zh { state.action.zh } else { state.action.en };
    let subject = match &state.many {
        Some(many) => look.tr("form-many", &[("count", (many.count() as u64).into())]),
        None => state.subject.map(|id| words::name(model, id)).unwrap_or_default(),
    };
    let (subject, about) = people::about(model, state).unwrap_or((subject, Vec::new()));
    let heading = format!(" {title}  {subject}");
    put(buffer, Rect { height: area.height.min(1), ..area }, &heading, look.style(Role::Heading));
    draft_state(model, state, area, buffer);
    let mut area = below(area, 1);
    if state.stage == Stage::Loading {
        put(buffer, area, &format!(" {}", look.tr("notice-reading", &[])), look.style(Role::Plain));
        return None;
    }
    if let Some(effect) = state.effect {
        area = paragraph(model, &look.tr(effect, &[]), Role::Plain, area, buffer);
    }
    for (line, place) in about.iter().zip(area.rows()) {
        put(buffer, place, &format!("   {line}"), look.style(Role::Accent));
    }
    if !about.is_empty() {
        area = below(area, u16::try_from(about.len() + 1).unwrap_or(u16::MAX));
    }
    let left = match state.left {
        Left::Nothing => None,
        Left::Restored => Some("form-restored"),
        Left::Aside(_) => Some("form-aside"),
    };
    if let Some(left) = left {
        area = paragraph(model, &look.tr(left, &[]), Role::Accent, area, buffer);
    }
    if state.fields.is_empty() {
        return confirmation(model, state, area, buffer);
    }
    let fields: Vec<Field> = state.fields.iter().map(|field| worded(model, state, field)).collect();
    let options = options(model, state);
    let choices = match (&options, &state.popup) {
        (Some(options), Some(Popup::Listed { query, selected, .. })) => {
            Some(Choices { options, selected: *selected, query })
        }
        _ => None,
    };
    let reason = reason(model, state);
    let form = Form {
        reason: reason.as_deref(),
        fields: &fields,
        focused: state.focused,
        input: state.is_typed().then_some(&state.input),
        choices,
        missing: state.missing() as u64,
    };
    let cursor = form.draw(area, buffer, look);
    match &state.popup {
        Some(Popup::Records { query, found, selected }) => {
            let found = found.as_deref();
            let picker = Picker { model, state, query, found, selected: *selected };
            picker.draw(buffer.area, buffer)
        }
        _ => cursor,
    }
}

/// Draws on the right of the heading whether what was typed is kept.
fn draft_state(model: &Model, state: &FormState, area: Rect, buffer: &mut Buffer) {
    let look = model.look;
    let Some(kept) = model.drafts.get(&state.draft_key()) else { return };
    let Some(at) = kept.written else { return };
    let at = words::moment(at);
    let text = format!(" {} ", look.tr("form-draft-kept", &[("at", at.as_str().into())]));
    let width = cell_width(&text).min(area.width);
    let place = Rect { x: area.right() - width, width, height: area.height.min(1), ..area };
    put(buffer, place, &text, look.style(Role::Plain));
}

/// A form without fields: what will happen, and how to say yes.
fn confirmation(
    model: &Model,
    state: &FormState,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let mut area = area;
    if let Some(reason) = reason(model, state) {
        area = paragraph(model, &reason, Role::Accent, area, buffer);
    }
    paragraph(model, &model.look.tr("form-confirm", &[]), Role::Plain, area, buffer);
    None
}

fn paragraph(model: &Model, text: &str, role: Role, area: Rect, buffer: &mut Buffer) -> Rect {
    let lines = wrap(text, area.width.saturating_sub(6));
    for (line, place) in lines.iter().zip(area.rows()) {
        Pen::new(buffer, place).write(&format!("   {line}"), model.look.style(role));
    }
    below(area, u16::try_from(lines.len() + 1).unwrap_or(u16::MAX))
}

/// What stands above the fields: a refusal, a failure, else why the record came back.
fn reason(model: &Model, state: &FormState) -> Option<String> {
    let look = model.look;
    match &state.stage {
        Stage::Refused(refusal) => Some(explain(look.lang, refusal).line(look.lang)),
        Stage::Failed(text) => Some(failure(model, text)),
        _ => {
            let reason = state.reason.as_deref()?;
            if state.action.id.starts_with("device.") {
                return Some(reason.to_owned());
            }
            Some(look.tr("form-returned", &[("reason", reason.into())]))
        }
    }
}

fn worded(model: &Model, state: &FormState, field: &FormField) -> Field {
    let look = model.look;
    let refusal = match &state.stage {
        Stage::Refused(refusal) if refusal.field.as_deref() == Some(field.key) => Some(refusal),
        _ => None,
    };
    let state = if let Some(refusal) = refusal {
        FieldState { mark: Some(Mark::Problem), text: explain_why(look.lang, refusal) }
    } else if let Some(error) = field.error.as_ref().filter(|_| field.visited) {
        FieldState { mark: Some(Mark::Problem), text: explain_field(look.lang, error).0 }
    } else if field.conflict {
        FieldState { mark: Some(Mark::Attention), text: look.tr("form-conflict", &[]) }
    } else if field.text.is_empty() {
        let id = if field.required { "form-required" } else { "form-optional" };
        FieldState { mark: None, text: look.tr(id, &[]) }
    } else if field.read().is_ok() {
        FieldState { mark: Some(Mark::Good), text: String::new() }
    } else {
        FieldState { mark: None, text: String::new() }
    };
    Field {
        label: field.label(look.lang).to_owned(),
        value: shown(model, field),
        state,
        help: help(model, field),
    }
}

/// The value as people read it; ids by the names of their records.
fn shown(model: &Model, field: &FormField) -> String {
    match field.widget() {
        Widget::Record(_) => {
            field.text.parse::<RecordId>().map_or(field.text.clone(), |id| words::name(model, id))
        }
        Widget::Records(_) => {
            let ids = field.text.split(',').filter_map(|id| id.parse::<RecordId>().ok());
            let names: Vec<String> = ids.map(|id| words::name(model, id)).collect();
            names.join(" ")
        }
        _ => field.shown(model.look.lang),
    }
}

fn help(model: &Model, field: &FormField) -> String {
    let id = match field.widget() {
        Widget::Text if !field.ready.is_empty() => "form-help-ready",
        Widget::Text if field.key.starts_with("region") => "form-help-region",
        Widget::Text => match field.ty.name {
            "date" => "form-help-date",
            "int" => "form-help-int",
            "money" => "form-help-money",
            _ => "form-help-text",
        },
        Widget::One(_) => "form-help-one",
        Widget::Several(_) | Widget::Records(_) => "form-help-several",
        Widget::Record(_) => "form-help-record",
    };
    let next = field.error.as_ref().map(|error| explain_field(model.look.lang, error).1);
    next.unwrap_or_else(|| model.look.tr(id, &[]))
}

/// The open list of choices or ready-made texts, as far as they fit what is typed.
fn options(model: &Model, state: &FormState) -> Option<Vec<String>> {
    let field = state.current()?;
    let Popup::Listed { fitting, .. } = state.popup.as_ref()? else { return None };
    let words = field.listed(model.look.lang);
    let tick = |at: usize| match field.widget() {
        Widget::Several(choices) => {
            if state.is_picked(choices.get(at).map_or("", |choice| choice.id)) {
                "✓ "
            } else {
                "  "
            }
        }
        _ => "",
    };
    let worded = |at: &usize| Some(format!("{}{}", tick(*at), words.get(*at)?));
    Some(fitting.iter().filter_map(worded).collect())
}

/// The box in which a record is searched.
struct Picker<'a> {
    model: &'a Model,
    state: &'a FormState,
    query: &'a crate::core::input::TextInput,
    found: Option<&'a [onex_crdt::record::Row]>,
    selected: usize,
}

impl Picker<'_> {
    fn draw(&self, area: Rect, buffer: &mut Buffer) -> Option<Position> {
        let look = self.model.look;
        let field = self.state.current()?;
        let window = centred(area, PICKER_WIDTH, area.height.saturating_sub(6).max(6));
        let inside = draw_box(window, field.label(look.lang), buffer, look);
        let mut lines = inside.rows();
        let line = lines.next()?;
        if line.width < 2 {
            return None;
        }
        put(buffer, Rect { width: 1, ..line }, "▏", look.style(Role::Accent));
        let place = Rect { x: line.x + 1, width: line.width - 1, ..line };
        let cursor = draw_input(self.query, place, buffer, look.style(Role::Plain));
        let list = below(inside, 2);
        let Some(found) = self.found.filter(|found| !found.is_empty()) else {
            let id = if self.found.is_some() { "picker-none" } else { "notice-reading" };
            put(buffer, list, &look.tr(id, &[]), look.style(Role::Plain));
            return cursor;
        };
        let kind = match field.widget() {
            Widget::Record(kind) | Widget::Records(kind) => onex_crdt::registry::kind(kind)?,
            _ => return cursor,
        };
        let first = first_shown(self.selected, found.len(), list.height);
        for (line, at) in list.rows().zip(first..found.len()) {
            let row = &found[at];
            let (here, role) =
                if at == self.selected { (HERE, Role::Selected) } else { (" ", Role::Plain) };
            let tick = if self.state.is_picked(&row.id.to_string()) { "✓" } else { " " };
            let title = words::title(self.model, kind, row);
            put(buffer, line, &format!("{here}{tick} {title}"), look.style(role));
        }
        cursor
    }
}

const PICKER_WIDTH: u16 = 64;
