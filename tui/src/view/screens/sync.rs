//! 同步: devices that ask, conflicts with both values, peers and what is unsent.

use onex_node::api::{Conflict, Status};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::model::Model;
use crate::core::settle::disputes;
use crate::view::screens::people;
use crate::view::text::{Pen, wrap};
use crate::view::theme::{HERE, Mark, Role};
use crate::view::words;

/// One line, and which entry it begins.
pub type Entry = (String, Role, Option<usize>);

/// Draws the screen; the cursor stands on the marked entry.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = model.look;
    let Some(status) = &model.status else {
        Pen::new(buffer, area).write(&look.tr("notice-reading", &[]), look.style(Role::Plain));
        return None;
    };
    draw_entries(model, lines(model, status), model.sync_at, area, buffer)
}

/// Draws lines of which some begin an entry, so far down that the marked one is seen.
pub fn draw_entries(
    model: &Model,
    lines: Vec<Entry>,
    at: usize,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let look = model.look;
    let width = area.width.saturating_sub(4);
    let lines: Vec<Entry> = lines
        .into_iter()
        .flat_map(|(text, role, entry)| {
            let pieces = wrap(&text, width).into_iter().enumerate();
            pieces.map(move |(at, line)| (line, role, entry.filter(|_| at == 0)))
        })
        .collect();
    let marked = lines.iter().position(|(_, _, entry)| *entry == Some(at));
    let room = usize::from(area.height);
    let first =
        marked.map_or(0, |at| at.saturating_sub(room / 2)).min(lines.len().saturating_sub(room));
    let mut cursor = None;
    for ((text, role, entry), line) in lines.iter().skip(first).zip(area.rows()) {
        let is_marked = *entry == Some(at);
        let role = if is_marked { Role::Selected } else { *role };
        let here = if is_marked { HERE } else { " " };
        Pen::new(buffer, line).write(&format!(" {here} {text}"), look.style(role));
        if is_marked {
            cursor = Some(line.as_position());
        }
    }
    cursor
}

fn lines(model: &Model, status: &Status) -> Vec<Entry> {
    let look = model.look;
    let mut lines: Vec<Entry> =
        if status.me.device_active { Vec::new() } else { people::removed(model) };
    lines.push((unsent(model, status), Role::Heading, None));
    let mut entry = 0;
    let section = |lines: &mut Vec<Entry>, id: &str| {
        lines.push((String::new(), Role::Plain, None));
        lines.push((look.tr(id, &[]), Role::Heading, None));
    };
    if !model.asking.is_empty() {
        section(&mut lines, "people-asking");
    }
    for asking in &model.asking {
        lines.push((people::asking(model, asking), Role::Attention, Some(entry)));
        entry += 1;
    }
    section(&mut lines, "sync-conflict-list");
    if model.conflicts.is_empty() {
        lines.push((look.tr("sync-no-conflicts", &[]), Role::Plain, None));
    }
    for dispute in disputes(&model.conflicts) {
        for (at, conflict) in dispute.conflicts.iter().enumerate() {
            lines.extend(conflict_lines(model, conflict, (at == 0).then_some(entry)));
        }
        entry += 1;
    }
    section(&mut lines, "sync-peers");
    if status.peers.is_empty() {
        lines.push((look.tr("sync-no-peers", &[]), Role::Plain, None));
    }
    for peer in &status.peers {
        let (mark, seen) = match peer.last_sync {
            Some(at) if peer.equal => (Mark::Good, words::moment(at)),
            Some(at) => (Mark::Working, words::moment(at)),
            None => (Mark::Absent, look.tr("sync-never", &[])),
        };
        let address = peer.address.clone().unwrap_or_default();
        let text = format!("{} {}  {seen}  {address}", mark.glyph(), peer.name);
        lines.push((text, mark.role(), Some(entry)));
        entry += 1;
    }
    lines
}

fn unsent(model: &Model, status: &Status) -> String {
    let look = model.look;
    match (status.unsent.changes, status.unsent.oldest) {
        (0, _) => look.tr("sync-all-sent", &[]),
        (changes, oldest) => {
            let since = oldest.map(|at| words::age(look, model.now(), at)).unwrap_or_default();
            let args = [("count", (changes as u64).into()), ("since", since.as_str().into())];
            look.tr("due-unsent-count", &args)
        }
    }
}

/// The field, then each value with who wrote it and when.
fn conflict_lines(model: &Model, conflict: &Conflict, entry: Option<usize>) -> Vec<Entry> {
    let title = words::name(model, conflict.record_id);
    let label = words::label(model.look.lang, conflict.kind, &conflict.field);
    let mut lines = vec![(format!("! {title}  {label}"), Role::Attention, entry)];
    for value in &conflict.values {
        let shown = words::changed(model, conflict.kind, &conflict.field, value.value.as_ref());
        let at = words::moment(value.at);
        lines.push((format!("    {shown}  ·  {} {at}", value.person), Role::Plain, None));
    }
    lines
}
