//! The help overlay: what the keys do here, what they do anywhere, what the marks mean.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::view::hints::Hint;
use crate::view::popup::{centred, draw_box};
use crate::view::text::{Pen, cell_width, fit, put, wrap};
use crate::view::theme::{Look, Mark, Role};

/// The help of one place; the lines come from the action table.
#[derive(Clone, Debug)]
pub struct Help<'a> {
    /// What the place is called.
    pub place: &'a str,
    /// What the keys do in this place; the left half.
    pub here: &'a [Hint],
    /// What the keys do in every place; the right half.
    pub anywhere: &'a [Hint],
    /// How many lines of keys are scrolled away.
    pub scroll: usize,
}

impl Help<'_> {
    /// Draws the help over a screen.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer, look: Look) {
        // The hint bar below says what the keys do in the help itself.
        let area = Rect { height: area.height.saturating_sub(1), ..area };
        let foot = foot(centred(area, WIDTH_MAX, area.height).width.saturating_sub(4), look);
        let keys = self.here.len().max(self.anywhere.len());
        let wanted = u16::try_from(keys + foot.len() + 7).unwrap_or(u16::MAX);
        let place = [("place", self.place.into())];
        let window = centred(area, WIDTH_MAX, wanted);
        let inside = draw_box(window, &look.tr("help-title", &place), buffer, look);
        let foot_rows = u16::try_from(foot.len()).unwrap_or(u16::MAX).saturating_add(3);
        let has_foot = inside.height > foot_rows + 4;
        let keys_height = inside.height - if has_foot { foot_rows } else { 0 };
        let half = inside.width / 2;
        let left = Rect { width: half.saturating_sub(1), height: keys_height, ..inside };
        let right = Rect { x: inside.x + half, width: inside.width - half, ..left };
        self.draw_half(&look.tr("help-here", &place), self.here, left, buffer, look);
        self.draw_half(&look.tr("help-anywhere", &[]), self.anywhere, right, buffer, look);
        if has_foot {
            let rest = Rect { y: inside.y + keys_height, height: foot_rows, ..inside };
            draw_foot(&foot, rest, buffer, look);
        }
    }

    fn draw_half(&self, title: &str, hints: &[Hint], area: Rect, buffer: &mut Buffer, look: Look) {
        let mut lines = area.rows();
        if let Some(line) = lines.next() {
            put(buffer, line, title, look.style(Role::Heading));
        }
        lines.next();
        let widest = hints.iter().map(|hint| cell_width(&hint.keys)).max().unwrap_or(0);
        let keys_width = widest.min(area.width / 2);
        for (line, hint) in lines.zip(hints.iter().skip(self.scroll)) {
            let mut pen = Pen::new(buffer, line);
            pen.write(&fit(&hint.keys, keys_width), look.style(Role::Key));
            pen.write("  ", look.style(Role::Plain));
            pen.write(&hint.text, look.style(Role::Plain));
        }
    }
}

fn foot(width: u16, look: Look) -> Vec<String> {
    let marks = [
        (Mark::Good, "help-marks-good"),
        (Mark::Attention, "help-marks-attention"),
        (Mark::Due, "help-marks-due"),
        (Mark::Problem, "help-marks-problem"),
        (Mark::Working, "help-marks-working"),
        (Mark::Absent, "help-marks-absent"),
        (Mark::Syncing, "help-marks-syncing"),
    ];
    let mut lines = vec![look.tr("help-marks", &[])];
    for (mark, id) in marks {
        let item = format!("  {} {}", mark.glyph(), look.tr(id, &[]));
        match lines.last_mut() {
            Some(line) if cell_width(line) + cell_width(&item) <= width => line.push_str(&item),
            _ => lines.push(item),
        }
    }
    lines.push(String::new());
    lines.extend(wrap(&look.tr("help-ime", &[]), width));
    lines
}

fn draw_foot(foot: &[String], area: Rect, buffer: &mut Buffer, look: Look) {
    let mut lines = area.rows();
    if let Some(last) = lines.next_back() {
        put(buffer, last, &look.tr("help-close", &[]), look.style(Role::Key));
    }
    lines.next();
    for (line, text) in lines.zip(foot) {
        put(buffer, line, text, look.style(Role::Plain));
    }
}

const WIDTH_MAX: u16 = 64;
