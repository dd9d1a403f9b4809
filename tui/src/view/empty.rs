//! An empty list: says why it is empty and what to do next.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::view::text::{cell_width, cut, fit_centre, put, wrap};
use crate::view::theme::{HERE, Look, Role};

/// What stands in place of an empty list.
#[derive(Clone, Copy, Debug)]
pub struct EmptyState<'a> {
    /// What is not here.
    pub title: &'a str,
    /// Why, and when it will be; `\n` starts a new line.
    pub reason: &'a str,
    /// What can be done instead.
    pub choices: &'a [String],
    /// Index of the marked choice.
    pub selected: usize,
}

impl EmptyState<'_> {
    /// Draws it in the middle of `area`; returns the place of the marked choice.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer, look: Look) -> Option<Position> {
        let area = area.intersection(buffer.area);
        let reason = wrap(self.reason, area.width.saturating_sub(8).min(REASON_WIDTH_MAX));
        let height = reason.len() + self.choices.len() + 3;
        let above = usize::from(area.height).saturating_sub(height) / 2;
        let mut lines = area.rows().skip(above);
        put(buffer, lines.next()?, &fit_centre(self.title, area.width), look.style(Role::Heading));
        lines.next();
        for text in &reason {
            let line = lines.next()?;
            put(buffer, line, &fit_centre(text, area.width), look.style(Role::Plain));
        }
        lines.next();
        let widest = self.choices.iter().map(|choice| cell_width(choice)).max().unwrap_or(0) + 2;
        let width = widest.min(area.width);
        let left = area.x + (area.width - width) / 2;
        let mut cursor = None;
        for (at, (choice, line)) in self.choices.iter().zip(lines).enumerate() {
            let is_selected = at == self.selected;
            let here = if is_selected { HERE } else { " " };
            let role = if is_selected { Role::Selected } else { Role::Plain };
            let place = Rect { x: left, width, ..line };
            put(buffer, place, &cut(&format!("{here} {choice}"), width), look.style(role));
            if is_selected {
                cursor = Some(place.as_position());
            }
        }
        cursor
    }
}

const REASON_WIDTH_MAX: u16 = 72;
