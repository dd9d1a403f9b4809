//! How things look: styles by meaning, state marks, and stand-ins for doubtful glyphs.
//!
//! The terminal's own colours are kept; a state is always a mark and a word, colour comes third.
//! `DIM` is never used: several consoles ignore or over-darken it.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

use crate::i18n::{Arg, Lang, tr};

/// What every widget needs to know about the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The colours in use.
    pub scheme: Scheme,
    /// The language of every sentence.
    pub lang: Lang,
}

impl Look {
    /// Returns the style of a role.
    pub fn style(self, role: Role) -> Style {
        self.scheme.style(role)
    }

    /// Returns a sentence in the language of the screen.
    pub fn tr(self, id: &str, args: &[(&str, Arg<'_>)]) -> String {
        tr(self.lang, id, args)
    }
}

/// The set of colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// Cyan accent; green, yellow and red states.
    #[default]
    Colour,
    /// Blue and orange instead of green and yellow.
    ColourBlind,
    /// Bold, underline and reverse only; also for `NO_COLOR`.
    Mono,
}

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Ordinary text, in the terminal's own colours.
    Plain,
    /// A title: of the screen, a box or a column.
    Heading,
    /// What has the focus: the current tab, the focused field, ticks.
    Accent,
    /// The name of a key, in hints and help.
    Key,
    /// Lines and borders.
    Rule,
    /// The row or entry under the selection.
    Selected,
    /// The part of a text that fits the search.
    Match,
    /// A state that is passed, done or saved.
    Good,
    /// A state that somebody should look at.
    Attention,
    /// A state that has failed or is wrong.
    Problem,
}

impl Scheme {
    /// Returns the style of a role in this scheme.
    pub fn style(self, role: Role) -> Style {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        match (self, role) {
            (_, Role::Plain | Role::Rule) => plain,
            (_, Role::Heading) => bold,
            (_, Role::Selected) => plain.add_modifier(Modifier::REVERSED),
            (Scheme::Mono, Role::Accent | Role::Key | Role::Attention) => bold,
            (Scheme::Mono, Role::Match) => plain.add_modifier(Modifier::UNDERLINED),
            (Scheme::Mono, Role::Good) => plain,
            (Scheme::Mono, Role::Problem) => bold.add_modifier(Modifier::UNDERLINED),
            (_, Role::Accent | Role::Match) => bold.fg(Color::Cyan),
            (_, Role::Key) => plain.fg(Color::Cyan),
            (Scheme::Colour, Role::Good) => plain.fg(Color::Green),
            (Scheme::Colour, Role::Attention) => plain.fg(Color::Yellow),
            (Scheme::Colour, Role::Problem) => plain.fg(Color::Red),
            (Scheme::ColourBlind, Role::Good) => plain.fg(Color::Blue),
            (Scheme::ColourBlind, Role::Attention) => plain.fg(Color::Indexed(208)),
            (Scheme::ColourBlind, Role::Problem) => bold.fg(Color::Red),
        }
    }
}

/// A state mark: one cell in every terminal, never an ambiguous glyph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Passed, done, saved.
    Good,
    /// Look at this.
    Attention,
    /// Due today.
    Due,
    /// Failed, wrong.
    Problem,
    /// In progress.
    Working,
    /// Nothing there, offline.
    Absent,
    /// Data is moving.
    Syncing,
}

impl Mark {
    /// Returns the glyph, one cell wide.
    pub fn glyph(self) -> &'static str {
        match self {
            Mark::Good => "✓",
            Mark::Attention => "!",
            Mark::Due => "⚠",
            Mark::Problem => "✗",
            Mark::Working => "~",
            Mark::Absent => "-",
            Mark::Syncing => "⇅",
        }
    }

    /// Returns how the mark and its word are drawn; offline is calm, not red.
    pub fn role(self) -> Role {
        match self {
            Mark::Good => Role::Good,
            Mark::Attention | Mark::Due => Role::Attention,
            Mark::Problem => Role::Problem,
            Mark::Working | Mark::Absent | Mark::Syncing => Role::Plain,
        }
    }
}

/// Marks the selected entry.
pub const HERE: &str = "▸";
/// Marks something that can be opened, or a column sorted downwards.
pub const OPEN: &str = "▾";
/// Marks a column sorted upwards.
pub const UPWARDS: &str = "▴";

/// Which glyphs the terminal can be trusted with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Glyphs {
    /// Ambiguous glyphs take one cell, as ratatui thinks.
    #[default]
    Unicode,
    /// They take two (GBK consoles): ASCII stands in.
    Safe,
}

impl Glyphs {
    /// Replaces the doubtful glyphs of a finished frame; the last step of drawing.
    ///
    /// Works on the buffer, so data is covered as well as lines and bars. Greek and Cyrillic
    /// letters, also ambiguous, have no stand-in and stay. A QR code must be drawn after this.
    pub fn settle(self, buffer: &mut Buffer) {
        if self == Glyphs::Unicode {
            return;
        }
        for cell in &mut buffer.content {
            if let Some(safe) = stand_in(cell.symbol()) {
                cell.set_symbol(safe);
            }
        }
    }
}

/// Returns the one-cell ASCII form of an ambiguous glyph (UAX #11, class A) that we draw.
fn stand_in(symbol: &str) -> Option<&'static str> {
    Some(match symbol {
        "─" | "—" | "–" => "-",
        "│" | "▏" | "▎" | "▍" | "▌" => "|",
        "┌" | "┐" | "└" | "┘" | "┬" | "┴" | "├" | "┤" | "┼" => "+",
        "…" => "~",
        "·" => ".",
        "×" => "x",
        "÷" => "/",
        "±" => "+",
        "°" => "'",
        "“" | "”" => "\"",
        "‘" | "’" => "'",
        "←" => "<",
        "→" => ">",
        "↑" => "^",
        "↓" => "v",
        "█" | "■" | "●" | "▉" | "▊" | "▋" => "#",
        "░" | "▒" | "▓" | "□" | "○" => ".",
        "▁" | "▂" | "▃" | "▄" => "_",
        "▅" | "▆" | "▇" => "=",
        "※" | "★" | "☆" => "*",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::*;

    const MARKS: [Mark; 7] = [
        Mark::Good,
        Mark::Attention,
        Mark::Due,
        Mark::Problem,
        Mark::Working,
        Mark::Absent,
        Mark::Syncing,
    ];

    #[test]
    fn states_differ_without_colour() {
        for (at, mark) in MARKS.iter().enumerate() {
            assert!(MARKS[..at].iter().all(|other| other.glyph() != mark.glyph()));
            assert!(stand_in(mark.glyph()).is_none(), "{mark:?} is never ambiguous");
        }
    }

    #[test]
    fn mono_has_no_colour() {
        for mark in MARKS {
            let style = Scheme::Mono.style(mark.role());
            assert_eq!((style.fg, style.bg), (None, None), "{mark:?}");
        }
        let selected = Scheme::Mono.style(Role::Selected);
        assert!(selected.add_modifier.contains(Modifier::REVERSED));
    }

    #[test]
    fn doubtful_glyphs_are_replaced_cell_by_cell() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 14, 1));
        buffer.set_string(0, 0, "┌─张…│→ ✓ ··█", Style::new());
        Glyphs::Unicode.settle(&mut buffer);
        assert_eq!(buffer, Buffer::with_lines(["┌─张…│→ ✓ ··█ "]));
        Glyphs::Safe.settle(&mut buffer);
        assert_eq!(buffer, Buffer::with_lines(["+-张~|> ✓ ..# "]));
    }
}
