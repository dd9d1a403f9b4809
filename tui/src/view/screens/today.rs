//! 今日: what is due, most urgent first. Enter leads to the record itself.

use onex_crdt::record::Record;
use onex_crdt::records::contact::Contact;
use onex_crdt::records::learner::Learner;
use onex_node::api::Conflict;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::load::Due;
use crate::core::model::Model;
use crate::view::popup::first_shown;
use crate::view::screens::below;
use crate::view::text::{Pen, fit, put, wrap};
use crate::view::theme::{HERE, Mark, Role};
use crate::view::words;

/// Draws the screen; the cursor stands on the marked entry.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = model.look;
    let Some(due) = &model.today else {
        put(buffer, area, &format!(" {}", look.tr("notice-reading", &[])), look.style(Role::Plain));
        return None;
    };
    let name = model.me().map(|me| me.person.clone()).unwrap_or_default();
    let args = [("name", name.as_str().into()), ("count", (due.len() as u64).into())];
    let greeting = look.tr(if due.is_empty() { "today-nothing" } else { "today-count" }, &args);
    put(
        buffer,
        Rect { height: area.height.min(1), ..area },
        &format!(" {greeting}"),
        look.style(Role::Heading),
    );
    let area = below(area, 2);
    if due.is_empty() {
        let lines = wrap(&look.tr("today-next", &[]), area.width.saturating_sub(4));
        for (line, place) in lines.iter().zip(area.rows()) {
            put(buffer, place, &format!("   {line}"), look.style(Role::Plain));
        }
        return None;
    }
    let first = first_shown(model.today_at, due.len(), area.height);
    let mut cursor = None;
    for (at, line) in (first..due.len()).zip(area.rows()) {
        let selected = at == model.today_at;
        draw_due(model, &due[at], selected, line, buffer);
        if selected {
            cursor = Some(line.as_position());
        }
    }
    cursor
}

fn draw_due(model: &Model, due: &Due, selected: bool, line: Rect, buffer: &mut Buffer) {
    let look = model.look;
    let (mark, kind, what, does) = worded(model, due);
    let style = |role| {
        let style = look.style(role);
        if selected { style.patch(look.style(Role::Selected)) } else { style }
    };
    put(buffer, line, "", style(Role::Plain));
    let mut pen = Pen::new(buffer, line);
    let here = if selected { HERE } else { " " };
    pen.write(&format!(" {here} "), style(Role::Plain));
    pen.write(&format!("{} ", mark.glyph()), style(mark.role()));
    pen.write(&format!("{} ", fit(&look.tr(kind, &[]), KIND_WIDTH)), style(Role::Plain));
    let does = look.tr(does, &[]);
    let width = pen.room().saturating_sub(DOES_WIDTH + 2);
    pen.write(&fit(&what, width), style(Role::Plain));
    pen.write(&format!("  {}", fit(&does, DOES_WIDTH)), style(Role::Key));
}

/// Mark, kind, what it is, what Enter does.
fn worded(model: &Model, due: &Due) -> (Mark, &'static str, String, &'static str) {
    let look = model.look;
    let line = |row| {
        let college = words::name_at(model, row, "college_id");
        format!("{}  {college}", words::certificate(look, row))
    };
    let since = |row, at: &Option<_>| match at {
        Some(at) => format!("{}  {}", line(row), words::age(look, model.now(), *at)),
        None => line(row),
    };
    match due {
        Due::Asking(asking) => {
            let org = words::name(model, asking.org_id.into());
            let what = format!("{} {org}  {}", asking.person, asking.digits);
            (Mark::Due, "due-asking", what, "does-compare")
        }
        Due::Conflict(dispute) => {
            let title = words::name(model, dispute.record);
            let label =
                |conflict: &Conflict| words::label(look.lang, dispute.kind, &conflict.field);
            let fields: Vec<String> = dispute.conflicts.iter().map(label).collect();
            let what = format!("{title}  {}", fields.join(" "));
            (Mark::Attention, "due-conflict", what, "does-choose")
        }
        Due::Duplicate([one, other], field) => {
            let label = words::label(look.lang, Learner::KIND, field);
            let (one, other) = (words::name(model, *one), words::name(model, *other));
            let args = [
                ("one", one.as_str().into()),
                ("other", other.as_str().into()),
                ("field", label.as_str().into()),
            ];
            (Mark::Attention, "due-duplicate", look.tr("due-duplicate-of", &args), "does-merge")
        }
        Due::Returned(row) => {
            let reason = row.text("reason").unwrap_or_default();
            let what = format!("{}：{reason}", words::certificate(look, row));
            (Mark::Attention, "due-returned", what, "does-mend")
        }
        Due::Draft(row) => {
            (Mark::Working, "due-draft", words::certificate(look, row), "does-continue")
        }
        Due::Requested(row) => {
            (Mark::Working, "due-requested", words::certificate(look, row), "does-look")
        }
        Due::Submitted(row, at) => {
            (Mark::Attention, "due-submitted", since(row, at), "does-review")
        }
        Due::Second(row, at) => (Mark::Due, "due-second", since(row, at), "does-sign"),
        Due::Request(row, at) => {
            let asked = row.fields.get("pending_request");
            let kind = onex_crdt::records::application::Application::KIND;
            let asked = words::changed(model, kind, "pending_request", asked);
            (Mark::Attention, "due-request", format!("{asked}  {}", since(row, at)), "does-review")
        }
        Due::Unfinished(begun) => {
            let title = words::action(look, begun.action.id);
            let of = begun.subject.map(|id| words::name(model, id)).unwrap_or_default();
            let what = format!("{title}  {of}  {}", words::age(look, model.now(), begun.at));
            (Mark::Working, "due-unfinished", what, "does-continue")
        }
        Due::Contact(row, day) => {
            let name = words::title(model, Contact::KIND, row);
            let day = day.to_string();
            let args = [("name", name.as_str().into()), ("day", day.as_str().into())];
            (Mark::Attention, "due-contact", look.tr("due-contact-old", &args), "does-confirm")
        }
        Due::Unsent(count, oldest) => {
            let since = oldest.map(|at| words::age(look, model.now(), at)).unwrap_or_default();
            let args = [("count", (*count as u64).into()), ("since", since.as_str().into())];
            (Mark::Syncing, "due-unsent", look.tr("due-unsent-count", &args), "does-sync")
        }
    }
}

const KIND_WIDTH: u16 = 12;
const DOES_WIDTH: u16 = 10;
