//! The rows of a roster: what is wrong first, and under the list the marked row cell by cell.

use onex_node::import::{Draft, Fate};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::model::Model;
use crate::core::problem::{Words, label, problem_words};
use crate::core::wizard::{Line, Wizard};
use crate::view::frame::draw_rule;
use crate::view::input::draw_input;
use crate::view::popup::first_shown;
use crate::view::screens::below;
use crate::view::text::{Pen, cell_width, cut, fit, put, wrap};
use crate::view::theme::{HERE, Mark, Role};

use super::{tally, top};

/// Draws the list and the marked row; the cursor stands on the line, or in the cell being mended.
pub fn draw(
    model: &Model,
    wizard: &Wizard,
    draft: &Draft,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let look = model.look;
    put(buffer, top(area), &format!(" {}", tally(model, wizard, draft)), look.style(Role::Heading));
    let area = below(area, 1);
    let detail_rows = DETAIL_ROWS.min(area.height / 2);
    let list = Rect { height: area.height - detail_rows, ..area };
    let lines = wizard.lines();
    let first = first_shown(wizard.at, lines.len(), list.height);
    let mut cursor = None;
    for (place, at) in list.rows().zip(first..lines.len()) {
        let is_marked = at == wizard.at;
        draw_line(model, wizard, draft, lines[at], is_marked, place, buffer);
        if is_marked {
            cursor = Some(place.as_position());
        }
    }
    let detail = below(area, list.height);
    draw_rule(top(detail), buffer, look);
    let line = lines.get(wizard.at)?;
    draw_detail(model, wizard, draft, *line, below(detail, 1), buffer).or(cursor)
}

/// `第 7 行  张三  证件号码  校验位应为 1；对照证件改正`.
fn draw_line(
    model: &Model,
    wizard: &Wizard,
    draft: &Draft,
    line: Line,
    is_marked: bool,
    area: Rect,
    buffer: &mut Buffer,
) {
    let look = model.look;
    let Some(entry) = draft.rows().get(line.row) else { return };
    let (mark, text) = match (wizard.problem(line), entry.fate()) {
        (Some(wrong), _) => {
            let column = label(look.lang, wrong);
            let Words { what, next } = problem_words(look.lang, wrong);
            (Mark::Problem, format!("{column}  {what}  {next}"))
        }
        (None, Fate::LeftOut) if wizard.done.contains(&line.row) => {
            (Mark::Good, look.tr("import-saved", &[]))
        }
        (None, Fate::LeftOut) => (Mark::Absent, look.tr("import-left-out", &[])),
        (None, Fate::Update(_)) => (Mark::Working, look.tr("import-updates", &[])),
        (None, _) => (Mark::Good, look.tr("import-adds", &[])),
    };
    let role = if is_marked { Role::Selected } else { Role::Plain };
    let here = if is_marked { HERE } else { " " };
    put(buffer, area, "", look.style(role));
    let mut pen = Pen::new(buffer, area);
    let number = entry.number.to_string();
    let row = look.tr("import-row", &[("row", number.as_str().into())]);
    let name = fit(entry.name().unwrap_or("-"), NAME_WIDTH);
    pen.write(&format!(" {here} {} {name} ", fit(&row, ROW_WIDTH)), look.style(role));
    let style = look.style(mark.role());
    let style = if is_marked { style.patch(look.style(role)) } else { style };
    pen.write(&format!("{} {}", mark.glyph(), text), style);
}

/// What is wrong in whole sentences, and the cells of the row around the marked one.
fn draw_detail(
    model: &Model,
    wizard: &Wizard,
    draft: &Draft,
    line: Line,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let look = model.look;
    let mut area = area;
    if let Some(wrong) = wizard.problem(line) {
        let Words { what, next } = problem_words(look.lang, wrong);
        let lines = wrap(&format!("{what}。{next}。"), area.width.saturating_sub(2));
        for (line, place) in lines.iter().take(2).zip(area.rows()) {
            put(buffer, place, &format!(" {line}"), look.style(Role::Attention));
        }
        area = below(area, u16::try_from(lines.len().min(2)).unwrap_or(2));
    }
    let columns = draft.columns();
    let shown = usize::from(area.height).max(1);
    let first = first_shown(wizard.cell, columns.len(), area.height);
    let width = columns.iter().map(|column| cell_width(&column.header)).max().unwrap_or(0);
    let width = width.clamp(4, HEADER_WIDTH_MAX).min(area.width / 3);
    let mut cursor = None;
    for (place, at) in area.rows().zip(first..columns.len()).take(shown) {
        let is_marked = at == wizard.cell;
        let role = if is_marked { Role::Accent } else { Role::Plain };
        let here = if is_marked { HERE } else { " " };
        let mut pen = Pen::new(buffer, place);
        pen.write(&format!(" {here} {} ", fit(&columns[at].header, width)), look.style(role));
        if let (true, Some(input)) = (is_marked, &wizard.input) {
            pen.write("▏", look.style(Role::Accent));
            let field = Rect { x: pen.x(), width: pen.room(), ..place };
            cursor = draw_input(input, field, buffer, look.style(Role::Plain));
        } else {
            let text = draft.text(line.row, at);
            let role = if is_marked { Role::Selected } else { Role::Plain };
            pen.write(&cut(&text, pen.room()), look.style(role));
        }
    }
    cursor
}

const DETAIL_ROWS: u16 = 9;
const NAME_WIDTH: u16 = 10;
const ROW_WIDTH: u16 = 9;
const HEADER_WIDTH_MAX: u16 = 20;
