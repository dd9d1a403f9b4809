//! The one text layer: widths in cells, fitting, wrapping. Everything drawn passes through here.
//!
//! It counts as ratatui's buffer counts, grapheme by grapheme, so a padded text fills exactly
//! the cells it claims. Ambiguous glyphs count 1; terminals where they are 2 get other glyphs
//! (`theme::Glyphs`).

use ratatui::buffer::{Buffer, CellWidth};
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;

pub use crate::core::clean::clean;

/// Returns the number of cells `text` takes; control characters take none.
pub fn cell_width(text: &str) -> u16 {
    graphemes(text).fold(0, |sum, (_, width)| sum.saturating_add(width))
}

/// Returns what the buffer would draw of `text`: each visible grapheme with its cells (1 or more).
pub fn graphemes(text: &str) -> impl Iterator<Item = (&str, u16)> {
    text.graphemes(true)
        .filter(|grapheme| !grapheme.contains(char::is_control))
        .map(|grapheme| (grapheme, grapheme.cell_width()))
        .filter(|(_, width)| *width > 0)
}

/// Returns `text` in exactly `width` cells: cleaned, cut with `…`, padded on the right.
pub fn fit(text: &str, width: u16) -> String {
    let mut out = cut(text, width);
    pad(&mut out, width);
    out
}

/// Returns `text` in exactly `width` cells, padded on the left: for numbers.
pub fn fit_right(text: &str, width: u16) -> String {
    let cut = cut(text, width);
    spaces(width.saturating_sub(cell_width(&cut))) + &cut
}

/// Returns `text` in exactly `width` cells, in the middle.
pub fn fit_centre(text: &str, width: u16) -> String {
    let cut = cut(text, width);
    let mut out = spaces(width.saturating_sub(cell_width(&cut)) / 2) + &cut;
    pad(&mut out, width);
    out
}

/// Returns `text` in at most `width` cells, cut at a grapheme and ended with `…` if it was longer.
pub fn cut(text: &str, width: u16) -> String {
    let text = clean(text);
    if cell_width(&text) <= width {
        return text;
    }
    if width == 0 {
        return String::new();
    }
    let mut out = head(&text, width - 1);
    out.push('…');
    out
}

/// Returns `text` in at most `width` cells with the middle left out: for identifiers and paths.
pub fn cut_middle(text: &str, width: u16) -> String {
    let text = clean(text);
    if cell_width(&text) <= width || width == 0 {
        return cut(&text, width);
    }
    let front = head(&text, width / 2);
    let tail_width = width - 1 - cell_width(&front);
    let all: Vec<(&str, u16)> = graphemes(&text).collect();
    let mut used = 0;
    let kept = all.iter().rev().take_while(|(_, cells)| {
        used += cells;
        used <= tail_width
    });
    let start = all.len() - kept.count();
    let back: String = all[start..].iter().map(|(grapheme, _)| *grapheme).collect();
    format!("{front}…{back}")
}

/// Returns `text` on lines of at most `width` cells; `\n` starts a new line.
///
/// Breaks between hanzi and at spaces, inside a Latin word only if it is longer than a line,
/// never before closing marks such as `，。）》”` nor after opening ones such as `（《“` unless
/// nothing else fits (GB/T 15834-2011, 5.1).
pub fn wrap(text: &str, width: u16) -> Vec<String> {
    if width == 0 {
        return Vec::new();
    }
    text.split('\n').flat_map(|line| wrap_line(&clean(line), width)).collect()
}

/// Writes `text` into one row of `area`, filling its width; outside the buffer nothing happens.
pub fn put(buffer: &mut Buffer, area: Rect, text: &str, style: Style) {
    let mut pen = Pen::new(buffer, area);
    let room = pen.room();
    pen.write(&fit(text, room), style);
}

/// Writes pieces of text one after the other into the first row of an area, and never beyond it.
pub struct Pen<'a> {
    buffer: &'a mut Buffer,
    x: u16,
    y: u16,
    right: u16,
}

impl<'a> Pen<'a> {
    /// Returns a pen at the left end of the first row of `area`, cut to what the buffer has.
    pub fn new(buffer: &'a mut Buffer, area: Rect) -> Pen<'a> {
        let inside = area.intersection(buffer.area);
        let right = if inside.is_empty() { inside.x } else { inside.right() };
        Pen { buffer, x: inside.x, y: inside.y, right }
    }

    /// Returns the cells left on the row.
    pub fn room(&self) -> u16 {
        self.right.saturating_sub(self.x)
    }

    /// Returns the column where the next piece starts.
    pub fn x(&self) -> u16 {
        self.x
    }

    /// Writes `text`, cut with `…` when the row ends.
    pub fn write(&mut self, text: &str, style: Style) {
        let room = self.room();
        if room == 0 {
            return;
        }
        let text = cut(text, room);
        (self.x, _) = self.buffer.set_stringn(self.x, self.y, &text, room.into(), style);
    }

    /// Writes `text` in exactly `width` cells, or in what is left of the row.
    pub fn write_fit(&mut self, text: &str, width: u16, style: Style) {
        let width = width.min(self.room());
        self.write(&fit(text, width), style);
    }
}

fn head(text: &str, width: u16) -> String {
    let mut used = 0u16;
    let taken = graphemes(text).take_while(|(_, cells)| {
        used = used.saturating_add(*cells);
        used <= width
    });
    taken.map(|(grapheme, _)| grapheme).collect()
}

fn pad(text: &mut String, width: u16) {
    let missing = width.saturating_sub(cell_width(text));
    text.push_str(&spaces(missing));
}

fn spaces(count: u16) -> String {
    " ".repeat(count.into())
}

fn wrap_line(line: &str, width: u16) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    for chunk in chunks(line) {
        let used = cell_width(&current);
        if used.saturating_add(cell_width(chunk.trim_end())) <= width {
            current.push_str(chunk);
            continue;
        }
        if !current.is_empty() {
            lines.push(std::mem::take(&mut current).trim_end().into());
        }
        current = chunk.into();
        while cell_width(current.trim_end()) > width {
            let (full, rest) = split_hard(&current, width);
            lines.push(full);
            current = rest;
        }
    }
    lines.push(current.trim_end().into());
    lines
}

/// Cuts a chunk that is longer than a line; a glyph wider than the whole line becomes `…`.
fn split_hard(chunk: &str, width: u16) -> (String, String) {
    let full = head(chunk, width);
    if !full.is_empty() {
        let rest = chunk[full.len()..].into();
        return (full, rest);
    }
    let first = chunk.graphemes(true).next().map_or(0, str::len);
    ("…".into(), chunk[first..].into())
}

/// Splits a line where it may be broken; spaces stay at the end of their chunk.
fn chunks(line: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut previous: Option<&str> = None;
    for (at, grapheme) in line.grapheme_indices(true) {
        if previous.is_some_and(|before| may_break(before, grapheme)) {
            out.push(&line[start..at]);
            start = at;
        }
        previous = Some(grapheme);
    }
    out.push(&line[start..]);
    out
}

fn may_break(before: &str, after: &str) -> bool {
    if after == " " || opens(before) || closes(after) {
        return false;
    }
    before == " " || before.cell_width() > 1 || after.cell_width() > 1
}

fn opens(grapheme: &str) -> bool {
    grapheme.chars().next().is_some_and(|letter| "（《〈【〔「『“‘([{".contains(letter))
}

fn closes(grapheme: &str) -> bool {
    grapheme
        .chars()
        .next()
        .is_some_and(|letter| "，。！？；：、）》〉】〕」』”’…—～·％,.!?;:)]}%".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_fit(text: &str, width: u16, expected: &str) {
        assert_eq!(fit(text, width), expected);
        assert_eq!(cell_width(expected), width);
    }

    #[track_caller]
    fn check_wrap(text: &str, width: u16, expected: &[&str]) {
        assert_eq!(wrap(text, width), expected);
    }

    #[test]
    fn widths_count_cells() {
        for (text, expected) in [
            ("", 0),
            ("a", 1),
            ("张", 2),
            ("张𫝎伟", 6),
            ("👩\u{200d}🏫", 2),
            ("✓", 1),
            ("─…", 2),
            ("e\u{301}", 1),
            ("\u{1b}", 0),
            ("\u{301}", 0),
            // Two on a terminal; ratatui adds one that unicode-width 0.2.3 already counts.
            ("ﾊﾞ", 3),
        ] {
            assert_eq!(cell_width(text), expected, "{text:?}");
        }
    }

    #[test]
    fn text_fits_exactly() {
        check_fit("张三", 6, "张三  ");
        check_fit("张三", 4, "张三");
        check_fit("欧阳小娜", 6, "欧阳… ");
        check_fit("欧阳小娜", 5, "欧阳…");
        check_fit("张", 1, "…");
        check_fit("张", 0, "");
        check_fit("a\tb\u{7}", 4, "a b ");
        check_fit("👩\u{200d}🏫x", 2, "… ");
        assert_eq!(fit_right("86.5", 6), "  86.5");
        assert_eq!(fit_right("张三李四", 5), "张三…");
        assert_eq!(fit_centre("张", 5), " 张  ");
    }

    #[test]
    fn identifiers_lose_their_middle() {
        for (text, width, expected) in [
            ("2026-31-004417", 14, "2026-31-004417"),
            ("2026-31-004417", 9, "2026…4417"),
            ("江城职业技术学院", 9, "江城…学院"),
            ("江城职业技术学院", 8, "江城…院"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
        ] {
            assert_eq!(cut_middle(text, width), expected);
            assert!(cell_width(expected) <= width);
        }
    }

    #[test]
    fn lines_break_as_chinese_does() {
        check_wrap("江城职业技术学院", 8, &["江城职业", "技术学院"]);
        check_wrap("今天有四件事，一件", 12, &["今天有四件", "事，一件"]);
        check_wrap("今天（周一）交", 6, &["今天", "（周", "一）交"]);
        check_wrap("他说“好”。走", 6, &["他说", "“好”。", "走"]);
        check_wrap("Web前端 开发 ok", 6, &["Web前", "端 开", "发 ok"]);
        check_wrap("hello world", 5, &["hello", "world"]);
        check_wrap("abcdefgh", 3, &["abc", "def", "gh"]);
        check_wrap("a\n\nb", 9, &["a", "", "b"]);
        check_wrap("张三", 1, &["…", "…", ""]);
        check_wrap("，，，", 4, &["，，", "，"]);
        check_wrap("张三", 0, &[]);
        check_wrap("", 5, &[""]);
    }

    #[test]
    fn a_pen_stays_in_its_area() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 2));
        let mut pen = Pen::new(&mut buffer, Rect::new(1, 0, 4, 9));
        pen.write("张", Style::new());
        assert_eq!((pen.x(), pen.room()), (3, 2));
        pen.write("三四", Style::new());
        assert_eq!(pen.room(), 1);
        put(&mut buffer, Rect::new(0, 7, 6, 1), "out", Style::new());
        put(&mut buffer, Rect::new(4, 1, 9, 1), "abc", Style::new());
        assert_eq!(buffer, Buffer::with_lines([" 张…  ", "    a…"]));
    }
}
