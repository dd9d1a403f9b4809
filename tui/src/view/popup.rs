//! The one box a screen may show: border, title, cleared inside.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Widget};

use crate::view::clear::ClearWide;
use crate::view::text::{Pen, cut};
use crate::view::theme::{Look, Role};

/// Returns a box of at most this size in the middle of `within`.
pub fn centred(within: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(within.width), height.min(within.height));
    let x = within.x + (within.width - width) / 2;
    Rect::new(x, within.y + (within.height - height) / 2, width, height)
}

/// Clears `area`, draws its border and title, and returns the inside, one blank column in on
/// both sides; it may be empty.
pub fn draw_box(area: Rect, title: &str, buffer: &mut Buffer, look: Look) -> Rect {
    let area = area.intersection(buffer.area);
    ClearWide.render(area, buffer);
    if area.width < 2 || area.height < 2 {
        return Rect::new(area.x, area.y, 0, 0);
    }
    Block::bordered().style(look.style(Role::Rule)).render(area, buffer);
    if !title.is_empty() && area.width > 6 {
        let title = format!(" {} ", cut(title, area.width - 6));
        let line = Rect::new(area.x + 2, area.y, area.width - 4, 1);
        Pen::new(buffer, line).write(&title, look.style(Role::Heading));
    }
    let side = if area.width > 3 { 2 } else { 1 };
    Rect::new(area.x + side, area.y + 1, area.width - 2 * side, area.height - 2)
}

/// Returns the first of `total` entries to show in `room` rows so that `selected` is seen.
pub fn first_shown(selected: usize, total: usize, room: u16) -> usize {
    let room = usize::from(room);
    selected.saturating_sub(room / 2).min(total.saturating_sub(room))
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn a_box_over_hanzi_keeps_its_border() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 3));
        for y in 0..3 {
            buffer.set_string(0, y, "江城职业技术", Style::new());
        }
        let inside = draw_box(Rect::new(3, 0, 6, 3), "", &mut buffer, Look::default());
        assert_eq!(inside, Rect::new(5, 1, 2, 1));
        let lines = ["江 ┌────┐ 术", "江 │    │ 术", "江 └────┘ 术"];
        assert_eq!(buffer, Buffer::with_lines(lines));
    }

    #[test]
    fn the_selected_entry_is_shown() {
        for (selected, total, room, expected) in
            [(0, 10, 4, 0), (5, 10, 4, 3), (9, 10, 4, 6), (1, 2, 4, 0), (3, 4, 0, 3), (0, 0, 0, 0)]
        {
            assert_eq!(first_shown(selected, total, room), expected);
        }
    }
}
