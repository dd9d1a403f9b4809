//! The command palette: a query and what fits it, with its kind and its key.
//!
//! The search is `core::menu`; what an entry does is the action table's.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::input::TextInput;
use crate::view::input::draw_input;
use crate::view::popup::{draw_box, first_shown};
use crate::view::text::{Pen, cell_width, fit, fit_right, graphemes, put};
use crate::view::theme::{HERE, Look, Role};

/// One action that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaletteEntry {
    /// A word for what it does: open, export, apply, help.
    pub kind: String,
    /// What it is called; `graphemes` counts in this text.
    pub title: String,
    /// Grapheme indices of the title to highlight, ascending.
    pub graphemes: Vec<usize>,
    /// The key that does the same, or nothing.
    pub key: String,
}

/// The palette as it is drawn.
#[derive(Clone, Debug)]
pub struct Palette<'a> {
    /// What has been typed, with its cursor.
    pub query: &'a TextInput,
    /// The actions that fit, best first; may be empty.
    pub entries: &'a [PaletteEntry],
    /// Index of the entry under the selection.
    pub selected: usize,
}

impl Palette<'_> {
    /// Draws the palette over a screen and returns where the hardware cursor belongs.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer, look: Look) -> Option<Position> {
        let area = place(area);
        let inside = draw_box(area, &look.tr("palette-title", &[]), buffer, look);
        let mut lines = inside.rows();
        let query = lines.next()?;
        let cursor = self.draw_query(query, buffer, look);
        if let Some(foot) = lines.next_back() {
            let args = [("count", (self.entries.len() as u64).into())];
            put(buffer, foot, &look.tr("palette-foot", &args), look.style(Role::Plain));
        }
        let list = Rect {
            y: inside.y + inside.height.min(2),
            height: inside.height.saturating_sub(4),
            ..inside
        };
        if self.entries.is_empty() {
            put(buffer, list, &look.tr("palette-none", &[]), look.style(Role::Plain));
            return cursor;
        }
        let first = first_shown(self.selected, self.entries.len(), list.height);
        for (line, at) in list.rows().zip(first..self.entries.len()) {
            self.draw_entry(at, line, buffer, look);
        }
        cursor
    }

    fn draw_query(&self, line: Rect, buffer: &mut Buffer, look: Look) -> Option<Position> {
        if line.width < 2 {
            return None;
        }
        put(buffer, Rect { width: 1, ..line }, "▏", look.style(Role::Accent));
        let field = Rect { x: line.x + 1, width: line.width - 1, ..line };
        draw_input(self.query, field, buffer, look.style(Role::Plain))
    }

    fn draw_entry(&self, at: usize, line: Rect, buffer: &mut Buffer, look: Look) {
        let entry = &self.entries[at];
        let is_selected = at == self.selected;
        let style = |role| {
            let style = look.style(role);
            if is_selected { style.patch(look.style(Role::Selected)) } else { style }
        };
        let kinds = self.entries.iter().map(|entry| cell_width(&entry.kind)).max().unwrap_or(0);
        let key_width = cell_width(&entry.key).min(line.width / 3);
        let mut pen = Pen::new(buffer, line);
        pen.write(if is_selected { HERE } else { " " }, style(Role::Plain));
        pen.write(&format!(" {}  ", fit(&entry.kind, kinds.min(10))), style(Role::Plain));
        let title_width = pen.room().saturating_sub(key_width + 2);
        let title = fit(&entry.title, title_width);
        for (at, (grapheme, _)) in graphemes(&title).enumerate() {
            let is_match = entry.graphemes.binary_search(&at).is_ok() && grapheme != "…";
            pen.write(grapheme, style(if is_match { Role::Match } else { Role::Plain }));
        }
        pen.write("  ", style(Role::Plain));
        pen.write(&fit_right(&entry.key, key_width), style(Role::Key));
    }
}

/// Returns the palette's box: as wide as half of a wide window, a little above the middle.
fn place(area: Rect) -> Rect {
    let width = (area.width * 5 / 8).clamp(50, 76).min(area.width);
    let height = (area.height / 2).clamp(8, 18).min(area.height);
    let y = area.y + (area.height - height) / 3;
    Rect::new(area.x + (area.width - width) / 2, y, width, height)
}
