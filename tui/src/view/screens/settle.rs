//! A record in conflict: per field what stood there and each value with who wrote it, when and where
//! (mockup D).

use onex_crdt::record::FieldDef;
use onex_crdt::value::Value;
use onex_node::api::ConflictValue;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::model::Model;
use crate::core::settle::{Disputed, Pick, Settle, disputes};
use crate::view::frame::draw_rule;
use crate::view::input::draw_input;
use crate::view::screens::below;
use crate::view::text::{Pen, cut, fit, put, wrap};
use crate::view::theme::{HERE, Role};
use crate::view::words;

/// Draws the page; the cursor stands on the marked value, or in the one that is typed.
pub fn draw(model: &Model, settle: &Settle, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = model.look;
    put(buffer, top(area), &heading(model, settle), look.style(Role::Heading));
    let area = below(area, 2);
    if settle.fields.is_empty() {
        put(
            buffer,
            top(area),
            &format!(" {}", look.tr("notice-reading", &[])),
            look.style(Role::Plain),
        );
        return None;
    }
    let columns = Columns::of(settle, area.width);
    titles(model, &columns, area, buffer);
    let foot_rows = FOOT_ROWS.min(area.height.saturating_sub(2 + FIELD_ROWS));
    let rows = below(area, 2);
    let rows = Rect { height: rows.height.saturating_sub(foot_rows), ..rows };
    let shown = usize::from(rows.height / FIELD_ROWS).max(1);
    let first = settle.at.saturating_sub(shown / 2).min(settle.fields.len().saturating_sub(shown));
    let mut cursor = None;
    for (number, at) in (first..settle.fields.len()).take(shown).enumerate() {
        let rows =
            below(rows, u16::try_from(number).unwrap_or(u16::MAX).saturating_mul(FIELD_ROWS));
        let place = Rect { height: rows.height.min(FIELD_ROWS), ..rows };
        cursor = field(model, settle, at, &columns, place, buffer).or(cursor);
    }
    let used = u16::try_from(settle.fields.len().min(shown)).unwrap_or(u16::MAX);
    let foot = below(area, (2 + used.saturating_mul(FIELD_ROWS)).min(area.height));
    draw_foot(model, settle, foot, buffer);
    cursor
}

fn heading(model: &Model, settle: &Settle) -> String {
    let all = disputes(&model.conflicts);
    let at = all.iter().position(|dispute| dispute.record == settle.record);
    let named = settle.fields.iter().find(|field| field.conflict.field == "name");
    let before = named.and_then(|field| field.before.as_ref());
    let title = match (&settle.row, before) {
        // A name that is disputed is no name to call the record by.
        (_, Some(before)) => shown(model, settle, settle.kind.field("name"), Some(before)),
        (Some(row), _) => words::title(model, settle.kind, row),
        (None, _) => words::name(model, settle.record),
    };
    let args = [
        ("at", at.map_or(1, |at| at as u64 + 1).into()),
        ("total", (all.len().max(1) as u64).into()),
        ("title", title.as_str().into()),
        ("count", (settle.fields.len() as u64).into()),
    ];
    format!(" {}", model.look.tr("settle-heading", &args))
}

/// Where the columns stand: label, what was there, so many values.
struct Columns {
    label: u16,
    before: u16,
    value: u16,
    count: usize,
}

impl Columns {
    fn of(settle: &Settle, width: u16) -> Columns {
        let most = settle.fields.iter().map(|field| field.conflict.values.len()).max().unwrap_or(0);
        let label = 12.min(width / 5);
        let before = if width >= 70 { 14 } else { 0 };
        let room = width.saturating_sub(label + before + 2);
        let count = usize::from(room / VALUE_WIDTH_MIN).clamp(1, most.max(1));
        let value = room / u16::try_from(count).unwrap_or(1);
        Columns { label, before, value, count }
    }

    /// Which values of a field are shown where not all fit: those around the marked or picked one.
    fn shown(&self, settle: &Settle, at: usize) -> std::ops::Range<usize> {
        let field = &settle.fields[at];
        let side = match &field.picked {
            _ if at == settle.at => settle.side,
            Some(Pick::Side(side)) => *side,
            _ => 0,
        };
        let first = side.saturating_sub(self.count - 1);
        first..(first + self.count).min(field.conflict.values.len())
    }

    fn value(&self, area: Rect, column: usize) -> Rect {
        let at = u16::try_from(column).unwrap_or(0);
        let cells = (1 + self.label + self.before).saturating_add(at.saturating_mul(self.value));
        let cells = cells.min(area.width);
        let width = (area.width - cells).min(self.value);
        Rect { x: area.x + cells, width, ..area }
    }
}

fn titles(model: &Model, columns: &Columns, area: Rect, buffer: &mut Buffer) {
    let look = model.look;
    let mut pen = Pen::new(buffer, top(area));
    let before = if columns.before > 0 { look.tr("settle-before", &[]) } else { String::new() };
    let text = format!(
        " {}{}  {}",
        fit(&look.tr("settle-field", &[]), columns.label),
        fit(&before, columns.before),
        look.tr("settle-values", &[]),
    );
    pen.write(&text, look.style(Role::Heading));
    draw_rule(top(below(area, 1)), buffer, look);
}

fn field(
    model: &Model,
    settle: &Settle,
    at: usize,
    columns: &Columns,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let look = model.look;
    let disputed = &settle.fields[at];
    let definition = settle.kind.field(&disputed.conflict.field);
    let is_marked = at == settle.at;
    let label = words::label(look.lang, settle.kind, &disputed.conflict.field);
    let mut pen = Pen::new(buffer, top(area));
    let role = if is_marked { Role::Accent } else { Role::Plain };
    pen.write(&format!(" {}", fit(&label, columns.label)), look.style(role));
    let before =
        disputed.before.as_ref().map(|value| shown(model, settle, definition, Some(value)));
    pen.write(
        &fit(&cut(&before.unwrap_or_default(), columns.before.saturating_sub(1)), columns.before),
        look.style(Role::Plain),
    );
    let sides = columns.shown(settle, at);
    if sides.len() < disputed.conflict.values.len() {
        let count = disputed.conflict.values.len() as u64;
        let text = look.tr("settle-count", &[("count", count.into())]);
        let place = Rect { width: columns.label.min(area.width), ..top(below(area, 1)) };
        put(buffer, place, &format!(" {text}"), look.style(Role::Plain));
    }
    let mut cursor = None;
    for (column, side) in sides.enumerate() {
        let place = columns.value(area, column);
        let place = Rect { width: place.width.saturating_sub(1), ..place };
        let is_here = is_marked && side == settle.side;
        draw_value(model, settle, (at, side), place, buffer);
        if is_here && !place.is_empty() {
            cursor = Some(place.as_position());
        }
    }
    other(model, settle, disputed, is_marked, below(area, 3), buffer).or(cursor)
}

/// One of the values, and under it who wrote it, when, and at which device.
fn draw_value(
    model: &Model,
    settle: &Settle,
    (at, side): (usize, usize),
    area: Rect,
    buffer: &mut Buffer,
) {
    let look = model.look;
    let disputed = &settle.fields[at];
    let value = &disputed.conflict.values[side];
    let definition = settle.kind.field(&disputed.conflict.field);
    let text = shown(model, settle, definition, value.value.as_ref());
    let tick = if disputed.picked == Some(Pick::Side(side)) { "(✓)" } else { "( )" };
    let is_here = at == settle.at && side == settle.side;
    let (here, role) = if is_here { (HERE, Role::Selected) } else { (" ", Role::Plain) };
    put(buffer, top(area), &format!("{here} {tick} {text}"), look.style(role));
    let written = [format!("{} {}", value.person, words::moment(value.at)), device(model, value)];
    for (line, text) in below(area, 1).rows().zip(written) {
        put(buffer, line, &format!("      {text}"), look.style(Role::Plain));
    }
}

/// Another value than those: the one that is typed, or the one that was.
fn other(
    model: &Model,
    settle: &Settle,
    disputed: &Disputed,
    is_marked: bool,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let look = model.look;
    let label = look.tr("settle-other", &[]);
    let mut pen = Pen::new(buffer, top(area));
    if let (true, Some(input)) = (is_marked, &settle.input) {
        pen.write(&format!("   {label} "), look.style(Role::Accent));
        pen.write("▏", look.style(Role::Accent));
        let field = Rect { x: pen.x(), width: pen.room(), ..top(area) };
        return draw_input(input, field, buffer, look.style(Role::Plain));
    }
    if let Some(Pick::Other(value)) = &disputed.picked {
        let definition = settle.kind.field(&disputed.conflict.field);
        let text = shown(model, settle, definition, Some(value));
        pen.write(&format!("   (✓) {label} {text}"), look.style(Role::Accent));
    }
    None
}

fn device(model: &Model, value: &ConflictValue) -> String {
    let look = model.look;
    let own = model.me().map(|me| me.device);
    let Some(device) = value.device else { return String::new() };
    if Some(device) == own {
        return look.tr("settle-here", &[]);
    }
    look.tr("settle-device", &[("device", device.short().as_str().into())])
}

/// A value in words: masked, unless the person asked for it whole.
fn shown(
    model: &Model,
    settle: &Settle,
    definition: Option<&FieldDef>,
    value: Option<&Value>,
) -> String {
    let Some((definition, value)) = definition.zip(value) else { return "-".into() };
    if settle.whole {
        words::whole(model, definition, value)
    } else {
        words::value(model, definition, value)
    }
}

/// What the record will be, what was merged without asking, and what to do when unsure.
fn draw_foot(model: &Model, settle: &Settle, area: Rect, buffer: &mut Buffer) {
    let look = model.look;
    let results = settle.fields.iter().filter_map(|field| {
        let value = settle.result(field)?;
        let definition = settle.kind.field(&field.conflict.field);
        let label = words::label(look.lang, settle.kind, &field.conflict.field);
        Some(format!("{label} {}", shown(model, settle, definition, value)))
    });
    let results: Vec<String> = results.collect();
    let result = if results.is_empty() { look.tr("settle-none", &[]) } else { results.join("  ") };
    let others = settle.kind.stored().count().saturating_sub(settle.fields.len()) as u64;
    let mut lines = vec![
        (look.tr("settle-result", &[("what", result.as_str().into())]), Role::Accent),
        (look.tr("settle-rest", &[("count", others.into())]), Role::Plain),
    ];
    if !settle.whole && settle.fields.iter().any(|field| is_secret(settle, field)) {
        lines.insert(0, (look.tr("settle-masked", &[]), Role::Attention));
    }
    lines.push((look.tr("settle-unsure", &[]), Role::Plain));
    let width = area.width.saturating_sub(2);
    let wrapped = lines
        .iter()
        .flat_map(|(text, role)| wrap(text, width).into_iter().map(move |line| (line, *role)));
    for ((line, role), place) in wrapped.zip(area.rows()) {
        put(buffer, place, &format!(" {line}"), look.style(role));
    }
}

fn is_secret(settle: &Settle, field: &Disputed) -> bool {
    settle.kind.field(&field.conflict.field).is_some_and(|field| field.secret)
}

fn top(area: Rect) -> Rect {
    Rect { height: area.height.min(1), ..area }
}

/// Value, writer, device, and another value or nothing.
const FIELD_ROWS: u16 = 4;
const FOOT_ROWS: u16 = 5;
const VALUE_WIDTH_MIN: u16 = 24;
