//! Asks the terminal how wide ambiguous glyphs are, once, before the input thread starts.

use std::io::{self, Write};

use ratatui::crossterm::cursor::{self, MoveToColumn};
use ratatui::crossterm::queue;
use ratatui::crossterm::terminal::{Clear, ClearType};

use crate::view::theme::Glyphs;

/// A terminal that can print and say where its cursor is.
pub trait CursorProbe {
    /// Prints `text` from the first column and returns the column after it.
    fn column_after(&mut self, text: &str) -> io::Result<u16>;
}

/// The terminal of this process. crossterm waits two seconds at most for its answer.
#[derive(Debug, Default)]
pub struct Console;

impl CursorProbe for Console {
    fn column_after(&mut self, text: &str) -> io::Result<u16> {
        let mut out = io::stdout();
        queue!(out, MoveToColumn(0))?;
        out.write_all(text.as_bytes())?;
        out.flush()?;
        let column = cursor::position().map(|(column, _)| column);
        queue!(out, MoveToColumn(0), Clear(ClearType::CurrentLine))?;
        out.flush()?;
        column
    }
}

/// Returns the glyphs to use. A terminal that does not answer, or answers nonsense, is taken to
/// be a common one, where ambiguous glyphs take one cell.
pub fn glyphs_probe(probe: &mut impl CursorProbe) -> Glyphs {
    let ambiguous = AMBIGUOUS.chars().count();
    match probe.column_after(AMBIGUOUS) {
        Ok(column) if (ambiguous + 1..=2 * ambiguous).contains(&column.into()) => Glyphs::Safe,
        Ok(_) | Err(_) => Glyphs::Unicode,
    }
}

/// A line, an ellipsis, a dot and a block: fonts may widen some and not others.
const AMBIGUOUS: &str = "─…●█";

#[cfg(test)]
mod tests {
    use super::*;

    struct Answer(Option<u16>);

    impl CursorProbe for Answer {
        fn column_after(&mut self, _: &str) -> io::Result<u16> {
            self.0.ok_or_else(|| io::ErrorKind::TimedOut.into())
        }
    }

    #[test]
    fn wide_glyphs_are_noticed() {
        for (answer, expected) in [
            (Some(4), Glyphs::Unicode),
            (Some(5), Glyphs::Safe),
            (Some(8), Glyphs::Safe),
            (Some(0), Glyphs::Unicode),
            (Some(60), Glyphs::Unicode),
            (None, Glyphs::Unicode),
        ] {
            assert_eq!(glyphs_probe(&mut Answer(answer)), expected, "{answer:?}");
        }
    }
}
