//! A frame as readable text for snapshots: glyphs, styles, legend, cursor (tui.md 2.1).
//!
//! ratatui's own form adds a note for each wide cell and leaves the styles out.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell, CellWidth};
use ratatui::layout::{Position, Rect};

/// Draws on an empty screen and returns the picture of it.
///
/// The style layer has one letter for each cell, two for a wide glyph; the default style is `.`
/// and trailing ones are left out.
pub fn shot(
    width: u16,
    height: u16,
    draw: impl FnOnce(Rect, &mut Buffer) -> Option<Position>,
) -> String {
    let mut terminal =
        Terminal::new(TestBackend::new(width, height)).expect("a test backend cannot fail");
    let mut cursor = None;
    let drawn = terminal.draw(|frame| {
        cursor = draw(frame.area(), frame.buffer_mut());
        if let Some(position) = cursor {
            frame.set_cursor_position(position);
        }
    });
    drawn.expect("a test backend cannot fail");
    let backend = terminal.backend();
    assert_eq!(backend.cursor_visible(), cursor.is_some());
    let mut picture = glyph_layer(backend.buffer()).join("\n");
    picture.push_str("\n--- styles\n");
    picture.push_str(&style_layer(backend.buffer()));
    match cursor {
        Some(Position { x, y }) => picture.push_str(&format!("cursor=({x},{y}) visible")),
        None => picture.push_str("cursor hidden"),
    }
    picture
}

/// Returns each line's glyphs, without the cells that a wide glyph hides.
pub fn glyph_layer(buffer: &Buffer) -> Vec<String> {
    let lines = buffer.content.chunks(usize::from(buffer.area.width).max(1));
    lines.map(|cells| visible(cells).map(|(_, cell)| cell.symbol()).collect()).collect()
}

/// Returns the cells that are seen, with their columns.
pub fn visible(cells: &[Cell]) -> impl Iterator<Item = (usize, &Cell)> {
    let mut next = 0;
    cells.iter().enumerate().filter(move |(at, cell)| {
        let is_seen = *at >= next;
        if is_seen {
            next = at + usize::from(cell.cell_width().max(1));
        }
        is_seen
    })
}

fn style_layer(buffer: &Buffer) -> String {
    let mut legend: Vec<String> = Vec::new();
    let mut out = String::new();
    for cells in buffer.content.chunks(usize::from(buffer.area.width).max(1)) {
        let mut line = String::new();
        for (_, cell) in visible(cells) {
            let letter = letter_of(cell, &mut legend);
            line.extend(std::iter::repeat_n(letter, cell.cell_width().max(1).into()));
        }
        out.push_str(line.trim_end_matches('.'));
        out.push('\n');
    }
    for (letter, style) in ('a'..='z').zip(legend) {
        out.push_str(&format!("{letter} = {style}\n"));
    }
    out
}

fn letter_of(cell: &Cell, legend: &mut Vec<String>) -> char {
    let style = format!("{}/{}/{:?}", cell.fg, cell.bg, cell.modifier);
    if style == "Reset/Reset/NONE" {
        return '.';
    }
    let at = legend.iter().position(|known| *known == style).unwrap_or_else(|| {
        legend.push(style);
        legend.len() - 1
    });
    ('a'..='z').nth(at).expect("a screen has fewer than 26 styles")
}
