//! What an undoing left alone: each record with who changed it since, and what.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::model::Model;
use crate::core::undo::{LeftRecord, TakeBack, UndoPage, UndoReport};
use crate::view::screens::below;
use crate::view::text::{put, wrap};
use crate::view::theme::{HERE, Mark, Role};
use crate::view::words;

/// Draws the page; the cursor stands on the marked record.
pub fn draw(model: &Model, page: &UndoPage, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = model.look;
    let action = words::action(look, &page.action);
    let args = [("what", action.as_str().into()), ("count", (page.left.len() as u64).into())];
    let heading = format!(" {}", look.tr("undo-heading", &args));
    put(buffer, Rect { height: area.height.min(1), ..area }, &heading, look.style(Role::Heading));
    let mut rest = below(area, 1);
    let lines = wrap(&look.tr("undo-how", &[]), area.width.saturating_sub(2));
    for (line, place) in lines.iter().zip(rest.rows()) {
        put(buffer, place, &format!(" {line}"), look.style(Role::Plain));
    }
    rest = below(rest, u16::try_from(lines.len() + 1).unwrap_or(u16::MAX));
    let shown = usize::from(rest.height / RECORD_ROWS).max(1);
    let first = page.at.saturating_sub(shown / 2).min(page.left.len().saturating_sub(shown));
    let mut cursor = None;
    for (at, left) in page.left.iter().enumerate().skip(first).take(shown) {
        let is_marked = at == page.at;
        let mut places = rest.rows();
        let Some(place) = places.next() else { break };
        let tick = if page.ticked.contains(&left.id) { "(✓)" } else { "( )" };
        let (here, role) = if is_marked { (HERE, Role::Selected) } else { (" ", Role::Plain) };
        let name = words::name(model, left.id);
        let text = format!(" {here} {tick} {name}   {}", writer(model, left));
        put(buffer, place, &text, look.style(role));
        if let Some(place) = places.next() {
            put(buffer, place, &format!("       {}", what(model, left)), look.style(Role::Plain));
        }
        if is_marked {
            cursor = Some(place.as_position());
        }
        rest = below(rest, RECORD_ROWS);
    }
    cursor
}

fn writer(model: &Model, left: &LeftRecord) -> String {
    let Some((person, at)) = &left.by else { return String::new() };
    let at = words::moment(*at);
    let args = [("person", person.as_str().into()), ("at", at.as_str().into())];
    model.look.tr("undo-changed-by", &args)
}

/// What was changed since: fields with both values, and steps by their titles.
fn what(model: &Model, left: &LeftRecord) -> String {
    let look = model.look;
    let mut parts: Vec<String> = Vec::new();
    for key in &left.since {
        let changed = left.changed.iter().find(|(changed, ..)| changed == key);
        parts.push(match (changed, left.kind.field(key)) {
            (Some((_, old, new)), _) => {
                let label = words::label(look.lang, left.kind, key);
                let value =
                    |value: &Option<_>| words::changed(model, left.kind, key, value.as_ref());
                format!("{label} {} → {}", value(old), value(new))
            }
            (None, Some(_)) => words::label(look.lang, left.kind, key),
            (None, None) => words::action(look, key),
        });
    }
    parts.join("，")
}

/// What was taken back, as the status line says it.
pub fn said(model: &Model, report: &UndoReport) -> (Mark, String) {
    let look = model.look;
    let action = words::action(look, &report.undone.action);
    let (undone, left) = (report.undone.undone.len() as u64, report.undone.left.len() as u64);
    let args = [("what", action.as_str().into()), ("count", undone.into()), ("left", left.into())];
    let id = match (report.what, report.undone.batch, left) {
        (TakeBack::Undoing, None, _) => "notice-redone-none",
        (TakeBack::Undoing, _, 0) => "notice-redone",
        (TakeBack::Undoing, ..) => "notice-redone-left",
        (_, None, _) => "notice-undone-none",
        (_, _, 0) => "notice-undone",
        _ => "notice-undone-left",
    };
    (if left == 0 { Mark::Good } else { Mark::Attention }, look.tr(id, &args))
}

/// Record, what was changed, a blank line.
const RECORD_ROWS: u16 = 3;
