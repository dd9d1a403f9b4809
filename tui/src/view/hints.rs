//! The hint bar: at most eight keys, what this place needs first, cut by cells.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::view::text::{Pen, cell_width};
use crate::view::theme::{Look, Role};

/// One key and what it does here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// As `Key::label` writes it; several may share a hint (`↑↓`).
    pub keys: String,
    /// One or two words.
    pub text: String,
}

/// How much of a hint is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HintForm {
    /// Keys and words; in windows of 80 cells or more.
    KeysAndText,
    /// In windows under 80 cells.
    Keys,
}

impl HintForm {
    /// Returns the form for a line of `width` cells.
    pub fn for_width(width: u16) -> HintForm {
        if width < HINT_TEXT_WIDTH_MIN { HintForm::Keys } else { HintForm::KeysAndText }
    }
}

/// Draws the hints that fit into the first row of `area`, in the order given.
pub fn draw_hints(hints: &[Hint], area: Rect, buffer: &mut Buffer, look: Look) {
    let form = HintForm::for_width(area.width);
    let count = hints_that_fit(hints, area.width, form);
    let mut pen = Pen::new(buffer, area);
    for (at, hint) in hints[..count].iter().enumerate() {
        pen.write(if at == 0 { " " } else { "  " }, look.style(Role::Plain));
        pen.write(&hint.keys, look.style(Role::Key));
        if form == HintForm::KeysAndText {
            pen.write(&format!(" {}", hint.text), look.style(Role::Plain));
        }
    }
}

/// Returns how many hints fit whole in `width` cells, at most `HINTS_MAX`.
pub fn hints_that_fit(hints: &[Hint], width: u16, form: HintForm) -> usize {
    let mut used = 0u16;
    hints
        .iter()
        .take(HINTS_MAX)
        .enumerate()
        .take_while(|(at, hint)| {
            let text = match form {
                HintForm::KeysAndText => 1 + cell_width(&hint.text),
                HintForm::Keys => 0,
            };
            let gap = if *at == 0 { 1 } else { 2 };
            used = used.saturating_add(gap + cell_width(&hint.keys)).saturating_add(text);
            used <= width
        })
        .count()
}

/// More than this is not read.
pub const HINTS_MAX: usize = 8;
const HINT_TEXT_WIDTH_MIN: u16 = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(count: usize) -> Vec<Hint> {
        (0..count).map(|_| Hint { keys: "Enter".into(), text: "办理".into() }).collect()
    }

    #[test]
    fn whole_hints_are_kept() {
        for (count, width, form, expected) in [
            (3, 80, HintForm::KeysAndText, 3),
            (9, 200, HintForm::KeysAndText, 8),
            (3, 23, HintForm::KeysAndText, 2),
            (3, 22, HintForm::KeysAndText, 1),
            (3, 13, HintForm::Keys, 2),
            (3, 0, HintForm::Keys, 0),
            (0, 80, HintForm::Keys, 0),
        ] {
            assert_eq!(hints_that_fit(&hints(count), width, form), expected, "{count} in {width}");
        }
    }
}
