//! Draws a text field and says where the hardware cursor belongs.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;

use crate::core::input::TextInput;
use crate::view::text::{cell_width, clean, graphemes, put};

/// Draws the field into the first row of `area`, scrolled so that the cursor shows, free cells
/// filled with `_`; returns the cursor's place, or nothing when the area has no cell.
pub fn draw_input(
    input: &TextInput,
    area: Rect,
    buffer: &mut Buffer,
    style: Style,
) -> Option<Position> {
    let area = area.intersection(buffer.area);
    if area.is_empty() {
        return None;
    }
    let (shown, cursor) = visible(input, area.width);
    let free = area.width.saturating_sub(cell_width(&shown));
    put(buffer, area, &(shown + &"_".repeat(free.into())), style);
    Some(Position::new(area.x + cursor, area.y))
}

/// Returns what of the field fits in `width` cells and the cell of the cursor in it.
///
/// The text scrolls only when the cursor would leave the right end, where one cell is kept for
/// it (two while it stands on a wide character).
pub fn visible(input: &TextInput, width: u16) -> (String, u16) {
    let (before, after) = input.halves();
    let (before, after) = (clean(before), clean(after));
    let under = graphemes(&after).next().map_or(1, |(_, cells)| cells);
    let room = width.saturating_sub(under.max(1));
    let mut start = 0;
    let mut cursor = cell_width(&before);
    // Every grapheme, also one without a cell: a mark that combines with nothing has bytes.
    for grapheme in before.graphemes(true) {
        if cursor <= room {
            break;
        }
        start += grapheme.len();
        cursor -= cell_width(grapheme);
    }
    let mut shown = String::new();
    let mut used = 0;
    let rest = before[start.min(before.len())..].to_owned() + &after;
    for (grapheme, cells) in graphemes(&rest) {
        if used + cells > width {
            break;
        }
        used += cells;
        shown.push_str(grapheme);
    }
    (shown, cursor.min(width.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::keys::{Code, Key};

    #[track_caller]
    fn check(value: &str, lefts: usize, width: u16, expected: (&str, u16)) {
        let mut input = TextInput::new(value, 100);
        for _ in 0..lefts {
            input.key(Key::plain(Code::Left));
        }
        let (shown, cursor) = visible(&input, width);
        assert_eq!((shown.as_str(), cursor), expected);
    }

    #[test]
    fn the_cursor_is_always_in_view() {
        check("张𫝎伟", 0, 10, ("张𫝎伟", 6));
        check("张𫝎伟", 0, 7, ("张𫝎伟", 6));
        check("张𫝎伟", 0, 6, ("𫝎伟", 4));
        check("张𫝎伟", 1, 6, ("张𫝎伟", 4));
        check("张𫝎伟", 3, 3, ("张", 0));
        check("abcdef", 0, 4, ("def", 3));
        check("abcdef", 2, 4, ("bcde", 3));
        check("\u{301}张王李", 0, 3, ("李", 2));
        check("张", 0, 1, ("", 0));
        check("", 0, 0, ("", 0));
    }

    #[test]
    fn the_cursor_has_a_place_in_the_buffer() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
        let area = Rect::new(1, 0, 6, 1);
        let place = draw_input(&TextInput::new("张", 9), area, &mut buffer, Style::new());
        assert_eq!(place, Some(Position::new(3, 0)));
        assert_eq!(buffer, Buffer::with_lines([" 张____ "]));
        let nowhere = Rect::new(9, 0, 4, 1);
        assert_eq!(draw_input(&TextInput::new("张", 9), nowhere, &mut buffer, Style::new()), None);
    }
}
