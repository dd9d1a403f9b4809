//! Clears an area for a popup, with the halves of wide glyphs that reach into it.
//!
//! ratatui 0.30.2 leaves such a half at the left border (ratatui #2526); this goes once that is
//! released.

use ratatui::buffer::{Buffer, CellWidth};
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

/// Like `ratatui::widgets::Clear`, and blanks a glyph that starts left of the area and ends in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClearWide;

impl Widget for ClearWide {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        if area.is_empty() {
            return;
        }
        for y in area.rows().map(|row| row.y) {
            let reach = GLYPH_CELLS_MAX.min(area.x - buffer.area.x);
            for back in 1..=reach {
                let cell = &mut buffer[(area.x - back, y)];
                if cell.cell_width() > back {
                    cell.set_symbol(" ");
                }
            }
        }
        for position in area.positions() {
            buffer[position].reset();
        }
    }
}

/// No grapheme that names or sentences hold is wider; a longer one only smears by a cell.
const GLYPH_CELLS_MAX: u16 = 4;

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    #[track_caller]
    fn check(text: &str, area: Rect, expected: &str) {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
        buffer.set_string(0, 0, text, Style::new());
        ClearWide.render(area, &mut buffer);
        assert_eq!(buffer, Buffer::with_lines([expected]));
    }

    #[test]
    fn no_half_glyph_stays() {
        check("江城职业", Rect::new(3, 0, 2, 1), "江    业");
        check("江城职业", Rect::new(2, 0, 4, 1), "江    业");
        check("x江城职y", Rect::new(2, 0, 2, 1), "x    职y");
        check("abcdefgh", Rect::new(3, 0, 2, 1), "abc  fgh");
        check("江城职业", Rect::new(0, 0, 1, 1), "  城职业");
        check("江城职业", Rect::new(9, 0, 3, 1), "江城职业");
    }
}
