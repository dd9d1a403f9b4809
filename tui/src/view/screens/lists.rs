//! The one list as it is drawn: search line, chips, table, what to do with ticked rows, sheets.

use onex_crdt::record::Row as Record;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::commands::{Command, Does, commands_here};
use crate::core::list::{Chip, ListState, QUEUE};
use crate::core::model::Model;
use crate::core::sheet::Sheet;
use crate::core::update::lists::{facets, filters};
use crate::core::update::training::Train;
use crate::i18n::grouped;
use crate::view::input::draw_input;
use crate::view::popup::{centred, draw_box, first_shown};
use crate::view::screens::below;
use crate::view::table::{
    Align, Cell, Column, ColumnWidth, Keep, Row, Sorted, Table, offset_for, records_shown,
};
use crate::view::text::{Pen, cell_width, put};
use crate::view::theme::{HERE, OPEN, Role, UPWARDS};
use crate::view::words;

/// A column of a list: the id of its title, its key where the list can be ordered by it.
pub fn column(
    model: &Model,
    list: &ListState,
    (title, key): (&str, &str),
    width: ColumnWidth,
    align: Align,
    keep: Keep,
) -> Column {
    let sorted = list.order.filter(|order| order.key == key).map(|order| match order.descending {
        true => Sorted::Downwards,
        false => Sorted::Upwards,
    });
    Column { title: model.look.tr(title, &[]), width, align, keep, sorted }
}

/// Draws the search line and the chips, where there are any; returns what is left and the cursor.
pub fn draw_bars(
    model: &Model,
    list: &ListState,
    area: Rect,
    buffer: &mut Buffer,
) -> (Rect, Option<Position>) {
    let (area, cursor) = draw_find(model, list, area, buffer);
    if list.chips.is_empty() {
        return (area, cursor);
    }
    let look = model.look;
    let mut pen = Pen::new(buffer, area);
    pen.write(&format!(" {} ", look.tr("filter-chips", &[])), look.style(Role::Plain));
    for chip in &list.chips {
        pen.write(&format!(" {} ", chip_text(model, list, chip)), look.style(Role::Accent));
        pen.write("x ", look.style(Role::Key));
    }
    (below(area, 1), cursor)
}

fn chip_text(model: &Model, list: &ListState, chip: &Chip) -> String {
    if chip.key == QUEUE {
        return model.look.tr("filter-queue", &[]);
    }
    let field = list.spec.kind.field(chip.key);
    let values = chip.values.iter().filter_map(|v| Some(words::value(model, field?, v)));
    let label = words::label(model.look.lang, list.spec.kind, chip.key);
    format!("{label}={}", values.collect::<Vec<_>>().join("/"))
}

fn draw_find(
    model: &Model,
    list: &ListState,
    area: Rect,
    buffer: &mut Buffer,
) -> (Rect, Option<Position>) {
    let Some(input) = &list.find else { return (area, None) };
    let mut lines = area.rows();
    let Some(line) = lines.next() else { return (area, None) };
    let look = model.look;
    let mut pen = Pen::new(buffer, line);
    pen.write(&format!(" {} ", look.tr("cmd-find", &[])), look.style(Role::Plain));
    pen.write("▏", look.style(Role::Accent));
    let field = Rect { x: pen.x(), width: pen.room().min(FIND_WIDTH_MAX), ..line };
    let cursor = draw_input(input, field, buffer, look.style(Role::Plain));
    let rest = Rect { x: field.right(), width: line.right() - field.right(), ..line };
    let mut pen = Pen::new(buffer, rest);
    pen.write(&format!("  {}", look.tr("find-how", &[])), look.style(Role::Plain));
    (below(area, 1), cursor.filter(|_| list.finding))
}

/// Draws the window of a list that fits the area and returns the place of the mark.
pub fn draw_list(
    model: &Model,
    list: &ListState,
    columns: &[Column],
    area: Rect,
    buffer: &mut Buffer,
    cells: impl Fn(&Record) -> Vec<Cell>,
) -> Option<Position> {
    let ticked = list.ticked() as u64;
    let strip = u16::from(ticked > 0).min(area.height);
    let table_area = Rect { height: area.height - strip, ..area };
    let total = list.total() as u64;
    let shown = records_shown(table_area.height);
    let selected = list.selected as u64;
    let half = u64::from(shown / 2);
    let offset = offset_for(selected, selected.saturating_sub(half), total, shown);
    let known = list.rows.as_ref();
    let rows: Vec<Row> = (offset..total.min(offset + u64::from(shown)))
        .map(|at| {
            let row = known.and_then(|known| {
                let at = usize::try_from(at).ok()?.checked_sub(known.offset)?;
                known.rows.get(at)
            });
            row.map_or(Row::Loading, |row| Row::Ready {
                cells: cells(row),
                ticked: list.ticks.has(row.id),
            })
        })
        .collect();
    let table = Table { columns, rows: &rows, offset, total, selected: Some(selected), ticked };
    let cursor = table.draw(table_area, buffer, model.look);
    if strip > 0 {
        draw_strip(model, below(area, table_area.height), buffer);
    } else {
        draw_foot(model, table_area, buffer);
    }
    cursor
}

/// What can be done with the ticked rows, by the keys of the screen.
fn draw_strip(model: &Model, area: Rect, buffer: &mut Buffer) {
    let look = model.look;
    let takes = |command: &&&Command| match command.does {
        Does::Act(action) => action.subject == onex_crdt::action::Subject::Takes,
        Does::Decide(_) | Does::Train(Train::Enrol | Train::Pair) => true,
        _ => false,
    };
    let here = commands_here(model);
    let mut pen = Pen::new(buffer, area);
    for command in here.iter().filter(takes) {
        pen.write(&format!(" {}", command.key_label(look.lang)), look.style(Role::Key));
        pen.write(&format!(" {}  ", command.title(look.lang)), look.style(Role::Plain));
    }
    pen.write(" Esc", look.style(Role::Key));
    pen.write(&format!(" {}", look.tr("list-untick", &[])), look.style(Role::Plain));
}

/// Right of the position: how to tick, order and filter.
fn draw_foot(model: &Model, area: Rect, buffer: &mut Buffer) {
    let look = model.look;
    let is_shown =
        |command: &&&Command| matches!(command.does, Does::Tick | Does::Sort | Does::Filter);
    let here = commands_here(model);
    let hints = here
        .iter()
        .filter(is_shown)
        .map(|command| (command.key_label(look.lang), command.title(look.lang)));
    let hints: Vec<(String, String)> = hints.collect();
    let width: u16 = hints.iter().map(|(key, text)| cell_width(key) + cell_width(text) + 3).sum();
    let Some(foot) = area.rows().next_back() else { return };
    if area.height < 2 || foot.width < width + POSITION_WIDTH {
        return;
    }
    let mut pen = Pen::new(buffer, Rect { x: foot.right() - width, width, ..foot });
    for (key, text) in hints {
        pen.write(&key, look.style(Role::Key));
        pen.write(&format!(" {text}  "), look.style(Role::Plain));
    }
}

/// Draws a sheet over the list and returns where the hardware cursor belongs.
pub fn draw_sheet(
    model: &Model,
    sheet: &Sheet,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let list = model.list()?;
    let (look, kind) = (model.look, list.spec.kind);
    let (title, entries, selected) = match sheet {
        Sheet::Sort { selected, descending, .. } => {
            let way = if *descending { OPEN } else { UPWARDS };
            let own = std::iter::once(look.tr("sort-own", &[]));
            let keys = list.spec.sorts.iter().map(|key| words::label(look.lang, kind, key));
            let entries: Vec<String> = own
                .chain(keys)
                .enumerate()
                .map(|(at, text)| match at > 0 && at == *selected {
                    true => format!("{text} {way}"),
                    false => text,
                })
                .collect();
            (look.tr("cmd-sort", &[]), entries, *selected)
        }
        Sheet::Fields { selected, .. } => {
            let entries = filters(model).into_iter().map(|key| match key {
                QUEUE => format!("{} {}", tick(list.is_queue()), look.tr("filter-queue", &[])),
                key => {
                    let has = list.chips.iter().any(|chip| chip.key == key);
                    format!("{} {}", tick(has), words::label(look.lang, kind, key))
                }
            });
            (look.tr("cmd-filter", &[]), entries.collect(), *selected)
        }
        Sheet::Values { key, selected, .. } => {
            let entries =
                facets(model).unwrap_or_default().into_iter().map(|(value, count, of)| {
                    let tick = tick(list.is_filtered(key, &value));
                    format!("{tick} {of}  {}", grouped(count as u64))
                });
            (words::label(look.lang, kind, key), entries.collect(), *selected)
        }
    };
    let rows = u16::try_from(entries.len()).unwrap_or(u16::MAX).saturating_add(SHEET_FRAME);
    let window = centred(area, SHEET_WIDTH, rows.clamp(8, area.height.saturating_sub(4).max(8)));
    let inside = draw_box(window, &title, buffer, look);
    let (inside, cursor) = match sheet {
        Sheet::Values { query, .. } => {
            let line = Rect { height: inside.height.min(1), ..inside };
            let cursor = draw_input(query, line, buffer, look.style(Role::Plain));
            (below(inside, 2), cursor)
        }
        _ => (inside, None),
    };
    draw_entries(model, &entries, selected, inside, buffer).filter(|_| cursor.is_none()).or(cursor)
}

fn draw_entries(
    model: &Model,
    entries: &[String],
    selected: usize,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let look = model.look;
    if entries.is_empty() {
        let is_read = facets(model).is_some();
        let id = if is_read { "picker-none" } else { "notice-reading" };
        put(buffer, area, &look.tr(id, &[]), look.style(Role::Plain));
        return None;
    }
    let first = first_shown(selected, entries.len(), area.height);
    let mut cursor = None;
    for (line, at) in area.rows().zip(first..entries.len()) {
        let (here, role) = if at == selected { (HERE, Role::Selected) } else { (" ", Role::Plain) };
        put(buffer, line, &format!("{here} {}", entries[at]), look.style(role));
        if at == selected {
            cursor = Some(line.as_position());
        }
    }
    cursor
}

fn tick(is_ticked: bool) -> &'static str {
    if is_ticked { "✓" } else { " " }
}

const FIND_WIDTH_MAX: u16 = 36;
/// What the position in a long list takes on the left.
const POSITION_WIDTH: u16 = 30;
const SHEET_WIDTH: u16 = 46;
/// Border, search line and a blank one.
const SHEET_FRAME: u16 = 4;
