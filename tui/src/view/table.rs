//! A list of records, drawn from the window of rows that is on the screen.
//!
//! ratatui's own `Table` wants every row (5.2 s a frame at half a million). This one is given
//! the visible rows, where they begin and how many there are; it asks nobody for more.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::i18n::grouped;
use crate::view::text::{Pen, cell_width, cut, fit, fit_right, put};
use crate::view::theme::{HERE, Look, Mark, OPEN, Role, UPWARDS};

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What stands above the column.
    pub title: String,
    /// The cells it asks for.
    pub width: ColumnWidth,
    /// The side its text stands on.
    pub align: Align,
    /// Whether it may be left out in a narrow window.
    pub keep: Keep,
    /// The order this column gives the list; none if it gives none.
    pub sorted: Option<Sorted>,
}

/// How wide a column is, in cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnWidth {
    /// Exactly this.
    Fixed(u16),
    /// At least this, and an equal part of what the others leave.
    AtLeast(u16),
}

/// On which side a column's text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// For words.
    Left,
    /// For numbers.
    Right,
}

/// What becomes of a column in a narrow window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Drawn in every window.
    Always,
    /// Left out, the rightmost first.
    IfRoom,
}

/// The order a column gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sorted {
    /// Smallest first.
    Upwards,
    /// Largest first.
    Downwards,
}

/// One row of the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// Asked for and not here yet: drawn as its number and `⋯`.
    Loading,
    /// One cell for each column; missing ones are blank.
    Ready {
        /// In the order of the columns.
        cells: Vec<Cell>,
        /// Whether the person has ticked this row.
        ticked: bool,
    },
}

/// What stands in one column of one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// The state before the text; it colours the cell.
    pub mark: Option<Mark>,
    /// The text as written for people; cut to the column.
    pub text: String,
}

/// A list and where we are in it.
#[derive(Clone, Debug)]
pub struct Table<'a> {
    /// The columns from left to right.
    pub columns: &'a [Column],
    /// The rows from `offset` on; more than fit are not drawn, fewer are drawn as loading.
    pub rows: &'a [Row],
    /// The place of `rows[0]` among all.
    pub offset: u64,
    /// How many rows the whole list has.
    pub total: u64,
    /// The place of the selected row among all.
    pub selected: Option<u64>,
    /// How many are ticked in the whole list.
    pub ticked: u64,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell { mark: None, text: text.into() }
    }
}

impl Table<'_> {
    /// Draws titles, rows and position line; returns the place of the selected row, where a
    /// screen reader wants the cursor.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer, look: Look) -> Option<Position> {
        let area = area.intersection(buffer.area);
        let widths = column_widths(self.columns, area.width.saturating_sub(PREFIX_WIDTH));
        let mut lines = area.rows();
        self.draw_titles(lines.next()?, &widths, buffer, look);
        let foot = lines.next_back();
        let mut cursor = None;
        for (line, at) in lines.zip(self.offset..self.total) {
            let row = usize::try_from(at - self.offset).ok().and_then(|at| self.rows.get(at));
            if self.selected == Some(at) {
                cursor = Some(line.as_position());
            }
            self.draw_row(row.unwrap_or(&Row::Loading), at, line, &widths, buffer, look);
        }
        if let Some(foot) = foot {
            self.draw_foot(foot, buffer, look);
        }
        cursor
    }

    fn draw_titles(&self, line: Rect, widths: &[u16], buffer: &mut Buffer, look: Look) {
        let mut pen = Pen::new(buffer, line);
        pen.write_fit("", PREFIX_WIDTH, look.style(Role::Plain));
        for (column, width) in self.columns.iter().zip(widths).filter(|(_, width)| **width > 0) {
            let sorted = match column.sorted {
                Some(Sorted::Upwards) => UPWARDS,
                Some(Sorted::Downwards) => OPEN,
                None => "",
            };
            let title = cut(&column.title, width.saturating_sub(cell_width(sorted))) + sorted;
            pen.write(&aligned(&title, *width, column.align), look.style(Role::Heading));
            pen.write(" ", look.style(Role::Plain));
        }
    }

    fn draw_row(
        &self,
        row: &Row,
        at: u64,
        line: Rect,
        widths: &[u16],
        buffer: &mut Buffer,
        look: Look,
    ) {
        let is_selected = self.selected == Some(at);
        let style = |role| {
            let style = look.style(role);
            if is_selected { style.patch(look.style(Role::Selected)) } else { style }
        };
        let ticked = matches!(row, Row::Ready { ticked: true, .. });
        put(buffer, line, "", style(Role::Plain));
        let mut pen = Pen::new(buffer, line);
        pen.write(if is_selected { HERE } else { " " }, style(Role::Plain));
        let (tick, role) = if ticked { ("✓", Role::Accent) } else { ("", Role::Plain) };
        pen.write_fit(tick, PREFIX_WIDTH - 1, style(role));
        let Row::Ready { cells, .. } = row else {
            pen.write(&format!("{} ⋯", grouped(at.saturating_add(1))), style(Role::Plain));
            return;
        };
        for ((column, width), cell) in self.columns.iter().zip(widths).zip(cells) {
            if *width == 0 {
                continue;
            }
            let (text, role) = match cell.mark {
                Some(mark) => (format!("{} {}", mark.glyph(), cell.text), mark.role()),
                None => (cell.text.clone(), Role::Plain),
            };
            pen.write(&aligned(&text, *width, column.align), style(role));
            pen.write(" ", style(Role::Plain));
        }
    }

    fn draw_foot(&self, line: Rect, buffer: &mut Buffer, look: Look) {
        let row = self.selected.map_or(0, |at| at.saturating_add(1));
        let args = [("row", row.into()), ("total", self.total.into())];
        let mut pen = Pen::new(buffer, line);
        pen.write(&format!("  {}", look.tr("table-position", &args)), look.style(Role::Plain));
        if self.ticked > 0 {
            let ticked = look.tr("table-ticked", &[("count", self.ticked.into())]);
            pen.write(&format!("   {ticked}"), look.style(Role::Accent));
        }
    }
}

/// Returns how many records a table of this height shows: all rows but titles and position.
pub fn records_shown(height: u16) -> u16 {
    height.saturating_sub(2)
}

/// Returns the offset that shows `selected` and differs least from `offset`.
pub fn offset_for(selected: u64, offset: u64, total: u64, shown: u16) -> u64 {
    let shown = u64::from(shown).max(1);
    let least = selected.saturating_sub(shown - 1);
    offset.clamp(least, selected.max(least)).min(total.saturating_sub(shown))
}

/// Returns each column's width in `available` cells, one cell between columns; 0 means left out.
pub fn column_widths(columns: &[Column], available: u16) -> Vec<u16> {
    let mut shown = vec![true; columns.len()];
    while needed(columns, &shown) > available.into() {
        let spare =
            (0..columns.len()).rev().find(|at| shown[*at] && columns[*at].keep == Keep::IfRoom);
        let Some(at) = spare else { break };
        shown[at] = false;
    }
    let free = u32::from(available).saturating_sub(needed(columns, &shown));
    let growing = |at: &usize| shown[*at] && matches!(columns[*at].width, ColumnWidth::AtLeast(_));
    let parts = u32::try_from((0..columns.len()).filter(growing).count()).unwrap_or(u32::MAX);
    let mut left = free;
    let mut parts_left = parts;
    (0..columns.len())
        .map(|at| {
            let base = width_min(&columns[at]);
            if !shown[at] || !growing(&at) {
                return if shown[at] { base } else { 0 };
            }
            let share = left / parts_left.max(1);
            left -= share;
            parts_left -= 1;
            base.saturating_add(u16::try_from(share).unwrap_or(u16::MAX))
        })
        .collect()
}

fn needed(columns: &[Column], shown: &[bool]) -> u32 {
    let widths = columns.iter().zip(shown).filter(|(_, shown)| **shown);
    widths.map(|(column, _)| u32::from(width_min(column)) + 1).sum::<u32>().saturating_sub(1)
}

fn width_min(column: &Column) -> u16 {
    match column.width {
        ColumnWidth::Fixed(width) | ColumnWidth::AtLeast(width) => width,
    }
}

fn aligned(text: &str, width: u16, align: Align) -> String {
    match align {
        Align::Left => fit(text, width),
        Align::Right => fit_right(text, width),
    }
}

/// Selection, tick, two blanks.
const PREFIX_WIDTH: u16 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn column(width: ColumnWidth, keep: Keep) -> Column {
        Column { title: "列".into(), width, align: Align::Left, keep, sorted: None }
    }

    #[track_caller]
    fn check_widths(available: u16, expected: [u16; 4]) {
        let columns = [
            column(ColumnWidth::Fixed(5), Keep::Always),
            column(ColumnWidth::AtLeast(8), Keep::Always),
            column(ColumnWidth::Fixed(6), Keep::IfRoom),
            column(ColumnWidth::AtLeast(4), Keep::IfRoom),
        ];
        assert_eq!(column_widths(&columns, available), expected);
    }

    #[test]
    fn columns_share_what_is_left() {
        check_widths(26, [5, 8, 6, 4]);
        check_widths(31, [5, 10, 6, 7]);
        check_widths(25, [5, 12, 6, 0]);
        check_widths(20, [5, 14, 0, 0]);
        check_widths(3, [5, 8, 0, 0]);
        assert_eq!(column_widths(&[], 9), Vec::<u16>::new());
    }

    #[test]
    fn the_window_follows_the_selection() {
        for (selected, offset, total, shown, expected) in [
            (0, 0, 100, 10, 0),
            (9, 0, 100, 10, 0),
            (10, 0, 100, 10, 1),
            (5, 20, 100, 10, 5),
            (99, 0, 100, 10, 90),
            (2, 2, 5, 10, 0),
            (0, 0, 0, 0, 0),
            (3, 0, 9, 0, 3),
        ] {
            assert_eq!(offset_for(selected, offset, total, shown), expected);
        }
    }
}
