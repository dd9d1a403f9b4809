//! What is around every screen: top bar, tabs or rail, rule, message line, hint line.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::view::hints::{Hint, draw_hints};
use crate::view::rail::{Tab, draw_rail, draw_tabs};
use crate::view::text::{Pen, cell_width, put, wrap};
use crate::view::theme::{Look, Mark, Role};

/// Everything around a screen.
#[derive(Clone, Debug)]
pub struct ScreenFrame<'a> {
    /// The program's name.
    pub title: &'a str,
    /// The organisation this node belongs to; may be empty.
    pub organisation: &'a str,
    /// Who sits here and as what; may be empty.
    pub person: &'a str,
    /// Saved? Synced?
    pub sync: Notice<'a>,
    /// The screens that exist, in the order drawn; may be empty.
    pub tabs: &'a [Tab],
    /// The digit of the tab shown, if a tab is shown.
    pub current: Option<char>,
    /// The last thing that happened.
    pub message: Option<Notice<'a>>,
    /// The keys of this place, the most needed first; those that do not fit are left out.
    pub hints: &'a [Hint],
}

/// A mark and its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice<'a> {
    /// The state, as one glyph before the words.
    pub mark: Mark,
    /// The words; cut where the line ends.
    pub text: &'a str,
}

impl ScreenFrame<'_> {
    /// Draws the frame and returns the area left for the screen; in a window under 60x16 it
    /// draws the advice to enlarge it and returns nothing.
    ///
    /// From 110 columns a rail replaces the tab line. Under 24 rows the message, when there is
    /// one, stands in the hint line.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer, look: Look) -> Option<Rect> {
        if area.width < WIDTH_MIN || area.height < HEIGHT_MIN {
            draw_too_small(area, buffer, look);
            return None;
        }
        self.draw_top(row(area, 0), buffer, look);
        let has_rail = area.width >= RAIL_WINDOW_WIDTH_MIN && !self.tabs.is_empty();
        let top = if has_rail { 2 } else { 3 };
        let bottom = self.draw_bottom(area, buffer, look);
        let height = area.height - top - bottom;
        let body = Rect { y: area.y + top, height, ..area };
        if !has_rail {
            draw_tabs(self.tabs, self.current, row(area, 1), buffer, look);
            draw_rule(row(area, 2), buffer, look);
            return Some(body);
        }
        draw_rule(row(area, 1), buffer, look);
        let corner = Rect { x: area.x + RAIL_WIDTH - 1, width: 1, ..row(area, 1) };
        put(buffer, corner, "┬", look.style(Role::Rule));
        let rail = Rect { width: RAIL_WIDTH, ..body };
        draw_rail(self.tabs, self.current, rail, buffer, look);
        Some(Rect { x: body.x + RAIL_WIDTH, width: body.width - RAIL_WIDTH, ..body })
    }

    fn draw_top(&self, area: Rect, buffer: &mut Buffer, look: Look) {
        let sync = format!("{} {}", self.sync.mark.glyph(), self.sync.text);
        let sync_width = cell_width(&sync).min(area.width / 2);
        let name = match self.organisation {
            "" => format!(" {}", self.title),
            organisation => format!(" {} · {organisation}", self.title),
        };
        let free = area.width.saturating_sub(cell_width(&name) + sync_width + 2);
        // The role is left out before the name is.
        let name_alone = self.person.split(' ').next().unwrap_or_default();
        let fits = |person: &&str| !person.is_empty() && cell_width(person) + 4 <= free;
        let person = [self.person, name_alone].into_iter().find(fits);
        let right = person.map_or(0, |person| cell_width(person) + 3);
        let left_width = area.width.saturating_sub(right + sync_width + 2);
        let mut pen = Pen::new(buffer, area);
        pen.write_fit(&name, left_width, look.style(Role::Heading));
        pen.write(" ", look.style(Role::Plain));
        if let Some(person) = person {
            pen.write(&format!("{person}   "), look.style(Role::Plain));
        }
        pen.write_fit(&sync, sync_width, look.style(self.sync.mark.role()));
    }

    /// Draws the message and hint lines and returns how many rows they take.
    fn draw_bottom(&self, area: Rect, buffer: &mut Buffer, look: Look) -> u16 {
        let last = row(area, area.height - 1);
        let is_low = area.height < MESSAGE_WINDOW_HEIGHT_MIN;
        match self.message {
            Some(message) if is_low => draw_notice(message, last, buffer, look),
            Some(message) => {
                draw_notice(message, row(area, area.height - 2), buffer, look);
                draw_hints(self.hints, last, buffer, look);
            }
            None => draw_hints(self.hints, last, buffer, look),
        }
        if is_low { 1 } else { 2 }
    }
}

/// Draws ` ✓ words` into a row.
pub fn draw_notice(notice: Notice<'_>, area: Rect, buffer: &mut Buffer, look: Look) {
    let mut pen = Pen::new(buffer, area);
    pen.write(&format!(" {} ", notice.mark.glyph()), look.style(notice.mark.role()));
    pen.write(notice.text, look.style(Role::Plain));
}

/// Draws a rule over a whole row.
pub fn draw_rule(area: Rect, buffer: &mut Buffer, look: Look) {
    put(buffer, area, &"─".repeat(area.width.into()), look.style(Role::Rule));
}

/// Draws ` ── title ─────`, the heading of a group.
pub fn draw_section(title: &str, area: Rect, buffer: &mut Buffer, look: Look) {
    let mut pen = Pen::new(buffer, area);
    pen.write(" ── ", look.style(Role::Rule));
    pen.write(title, look.style(Role::Heading));
    pen.write(" ", look.style(Role::Rule));
    let rest = "─".repeat(pen.room().into());
    pen.write(&rest, look.style(Role::Rule));
}

fn draw_too_small(area: Rect, buffer: &mut Buffer, look: Look) {
    let sizes = [WIDTH_MIN, HEIGHT_MIN, area.width, area.height].map(u64::from);
    let args = ["width_min", "height_min", "width", "height"];
    let args: Vec<_> = args.into_iter().zip(sizes.map(Into::into)).collect();
    let mut text = vec![look.tr("window-small", &args), String::new()];
    text.push(look.tr("window-enlarge", &[]));
    text.push(look.tr("window-calm", &[]));
    let inner = Rect { x: area.x + area.width.min(2), width: area.width.saturating_sub(4), ..area };
    let lines = wrap(&text.join("\n"), inner.width);
    let above = usize::from(inner.height).saturating_sub(lines.len()) / 2;
    for (line, place) in lines.iter().zip(inner.rows().skip(above)) {
        put(buffer, place, line, look.style(Role::Plain));
    }
}

fn row(area: Rect, at: u16) -> Rect {
    Rect { y: area.y + at, height: 1, ..area }
}

/// The smallest window that screens are drawn in.
pub const WIDTH_MIN: u16 = 60;
/// The lowest window that screens are drawn in.
pub const HEIGHT_MIN: u16 = 16;
const RAIL_WINDOW_WIDTH_MIN: u16 = 110;
const RAIL_WIDTH: u16 = 17;
const MESSAGE_WINDOW_HEIGHT_MIN: u16 = 24;
