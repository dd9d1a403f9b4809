//! Which screens there are: a line of tabs, or a rail on the left of wide windows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::i18n::grouped;
use crate::view::text::{Pen, cell_width, fit, fit_right, put};
use crate::view::theme::{HERE, Look, Role};

/// One screen that exists. Screens without work have no tab, and the others keep their digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tab {
    /// The key that opens it: `1`..`9`, `0`, `-`, `=`.
    pub digit: char,
    /// The name of the screen, in the language shown.
    pub title: String,
    /// How many things wait there; 0 shows nothing.
    pub badge: u64,
}

/// Draws ` 1今日 2申报[3培训]4考核`; where that is too long, only the current tab has a title.
pub fn draw_tabs(tabs: &[Tab], current: Option<char>, area: Rect, buffer: &mut Buffer, look: Look) {
    let needed = tabs.iter().fold(2, |sum: u16, tab| sum.saturating_add(tab_width(tab)));
    let mut pen = Pen::new(buffer, area);
    let mut was_current = false;
    for (at, tab) in tabs.iter().enumerate() {
        let is_current = current == Some(tab.digit);
        let gap = match (at, was_current, is_current) {
            (0, _, true) => " [",
            (_, true, _) => "]",
            (_, _, true) => "[",
            _ => " ",
        };
        pen.write(gap, look.style(Role::Plain));
        let role = if is_current { Role::Accent } else { Role::Plain };
        pen.write(&tab.digit.to_string(), look.style(role));
        if is_current || needed <= area.width {
            pen.write(&tab.title, look.style(role));
        }
        was_current = is_current;
    }
    if was_current {
        pen.write("]", look.style(Role::Plain));
    }
}

/// Draws the rail with its right border in the last column of `area`.
pub fn draw_rail(tabs: &[Tab], current: Option<char>, area: Rect, buffer: &mut Buffer, look: Look) {
    if area.width < 2 {
        return;
    }
    let inner = Rect { width: area.width - 1, ..area };
    let border = Rect { x: area.right() - 1, width: 1, ..area };
    for row in border.rows() {
        put(buffer, row, "│", look.style(Role::Rule));
    }
    let mut rows = inner.rows().skip(1);
    for (at, tab) in tabs.iter().enumerate() {
        let opens_group = !tab.digit.is_ascii_digit() && at > 0;
        if opens_group && tabs[at - 1].digit.is_ascii_digit() {
            rows.next();
        }
        let Some(row) = rows.next() else { return };
        draw_rail_tab(tab, current == Some(tab.digit), row, buffer, look);
    }
    draw_rail_foot(rows, buffer, look);
}

fn draw_rail_tab(tab: &Tab, is_current: bool, row: Rect, buffer: &mut Buffer, look: Look) {
    let badge = if tab.badge == 0 { String::new() } else { grouped(tab.badge) };
    let badge_width = cell_width(&badge).max(2);
    let role = if is_current { Role::Accent } else { Role::Plain };
    let here = if is_current { HERE } else { " " };
    let title_width = row.width.saturating_sub(badge_width + 2);
    let name = fit(&format!("{here}{} {}", tab.digit, tab.title), title_width);
    let mut pen = Pen::new(buffer, row);
    pen.write(&name, look.style(role));
    pen.write(&fit_right(&badge, badge_width), look.style(Role::Attention));
}

fn draw_rail_foot(rows: impl Iterator<Item = Rect>, buffer: &mut Buffer, look: Look) {
    let rows: Vec<Rect> = rows.collect();
    let foot = [
        look.tr("rail-jump", &[]),
        look.tr("rail-jump-keys", &[]),
        String::new(),
        look.tr("rail-find", &[]),
        look.tr("rail-find-how", &[]),
    ];
    if rows.len() <= foot.len() + 1 {
        return;
    }
    for (row, text) in rows[rows.len() - foot.len() - 1..].iter().zip(foot) {
        put(buffer, *row, &format!(" {text}"), look.style(Role::Plain));
    }
}

fn tab_width(tab: &Tab) -> u16 {
    2 + cell_width(&tab.title)
}
