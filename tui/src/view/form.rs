//! A form: why it came back, its fields with their state, help for the focused one, what is left.
//!
//! Checks and drafts are the screen's; this draws what it is told. Inputs stay off the last line
//! of the window, where candidate boxes cover them: the frame keeps two lines below.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::input::TextInput;
use crate::view::input::draw_input;
use crate::view::popup::{draw_box, first_shown};
use crate::view::text::{Pen, cell_width, fit_right, put, wrap};
use crate::view::theme::{HERE, Look, Mark, Role};

/// One field as it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What the field is called; cut at 24 cells or a third of the width.
    pub label: String,
    /// The value as written for people; empty is shown as not filled in.
    pub value: String,
    /// What the last check said, drawn right of the value.
    pub state: FieldState,
    /// Why it is asked, an example; shown while the field has the focus.
    pub help: String,
}

/// What the last check said about a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldState {
    /// How the check ended; none before it or where nothing is to be said.
    pub mark: Option<Mark>,
    /// What is wrong and what to do, or a note; may be empty.
    pub text: String,
}

/// The open list of a field's choices.
#[derive(Clone, Copy, Debug)]
pub struct Choices<'a> {
    /// The texts to choose from, in the order drawn.
    pub options: &'a [String],
    /// Index of the option under the selection.
    pub selected: usize,
    /// What is searched for among them; drawn once it is more than nothing, or the list is long.
    pub query: &'a TextInput,
}

/// A form and where we are in it.
#[derive(Clone, Debug)]
pub struct Form<'a> {
    /// The return reason or another warning above the fields.
    pub reason: Option<&'a str>,
    /// The fields from top to bottom; as many as fit around the focused one are drawn.
    pub fields: &'a [Field],
    /// Index of the field with the focus.
    pub focused: usize,
    /// The text being edited in the focused field; none for a field that is chosen.
    pub input: Option<&'a TextInput>,
    /// The open list of the focused field, if it is open.
    pub choices: Option<Choices<'a>>,
    /// How many fields still keep it from being submitted.
    pub missing: u64,
}

impl Form<'_> {
    /// Draws the form and returns where the hardware cursor belongs.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer, look: Look) -> Option<Position> {
        let mut area = area.intersection(buffer.area);
        if let Some(reason) = self.reason {
            area = below(area, draw_reason(reason, area, buffer, look));
        }
        let (fields, foot) = self.split(area);
        self.draw_foot(foot, buffer, look);
        let first = first_shown(self.focused, self.fields.len(), fields.height);
        let columns = Columns::of(self.fields, fields.width);
        let mut cursor = None;
        let mut anchor = None;
        for (line, at) in fields.rows().zip(first..self.fields.len()) {
            let value = columns.value(line);
            let place = self.draw_field(at, line, &columns, buffer, look);
            if at == self.focused {
                (cursor, anchor) = (place, Some(value));
            }
        }
        if let (Some(choices), Some(anchor)) = (self.choices, anchor) {
            cursor = draw_choices(choices, anchor, buffer, look).or(cursor);
        }
        cursor
    }

    /// Returns the rows of the fields and those below: help, then the count of what is left.
    fn split(&self, area: Rect) -> (Rect, Rect) {
        let help = match area.height {
            0..8 => 0,
            8..14 => 2,
            _ => HELP_ROWS_MAX + 1,
        };
        let foot_height = (help + 1).min(area.height);
        let room = area.height - foot_height;
        let wanted = u16::try_from(self.fields.len()).unwrap_or(u16::MAX);
        let fields = Rect { height: wanted.min(room), ..area };
        (fields, Rect { height: foot_height, ..below(area, fields.height) })
    }

    fn draw_field(
        &self,
        at: usize,
        line: Rect,
        columns: &Columns,
        buffer: &mut Buffer,
        look: Look,
    ) -> Option<Position> {
        let field = &self.fields[at];
        let is_focused = at == self.focused;
        let role = if is_focused { Role::Accent } else { Role::Plain };
        let mut pen = Pen::new(buffer, line);
        pen.write(if is_focused { " " } else { "   " }, look.style(Role::Plain));
        if is_focused {
            pen.write(HERE, look.style(Role::Accent));
            pen.write(" ", look.style(Role::Plain));
        }
        pen.write(&fit_right(&field.label, columns.label), look.style(role));
        let value = columns.value(line);
        let cursor = self.draw_value(field, is_focused, value, buffer, look);
        let note = columns.note(line);
        let mut pen = Pen::new(buffer, note);
        if let Some(mark) = field.state.mark {
            pen.write(mark.glyph(), look.style(mark.role()));
            pen.write(" ", look.style(Role::Plain));
        }
        let note_role = field.state.mark.map_or(Role::Plain, Mark::role);
        pen.write(&field.state.text, look.style(note_role));
        cursor
    }

    fn draw_value(
        &self,
        field: &Field,
        is_focused: bool,
        area: Rect,
        buffer: &mut Buffer,
        look: Look,
    ) -> Option<Position> {
        if area.is_empty() {
            return None;
        }
        let text = Rect { x: area.x + 1, width: area.width - 1, ..area };
        if let (true, Some(input)) = (is_focused, self.input) {
            put(buffer, Rect { width: 1, ..area }, "▏", look.style(Role::Accent));
            return draw_input(input, text, buffer, look.style(Role::Plain));
        }
        let unfilled = look.tr("form-unfilled", &[]);
        let value = if field.value.is_empty() { &unfilled } else { &field.value };
        let role = if is_focused { Role::Selected } else { Role::Plain };
        put(buffer, text, value, look.style(role));
        is_focused.then(|| text.as_position())
    }

    /// The help of the focused field begins with its whole message, which may be cut beside it.
    fn draw_foot(&self, area: Rect, buffer: &mut Buffer, look: Look) {
        let mut lines = area.rows();
        if let Some(last) = lines.next_back() {
            let role = if self.missing == 0 { Role::Good } else { Role::Plain };
            let mut pen = Pen::new(buffer, last);
            pen.write(&format!("   {}", self.progress(look)), look.style(role));
        }
        let Some(field) = self.fields.get(self.focused) else {
            return;
        };
        lines.next();
        let message = match field.state.mark {
            Some(Mark::Problem | Mark::Attention | Mark::Due) => field.state.text.as_str(),
            _ => "",
        };
        let gap = if message.is_empty() || field.help.is_empty() { "" } else { "\n" };
        let text = format!("{message}{gap}{}", field.help);
        for (line, place) in wrap(&text, area.width.saturating_sub(6)).iter().zip(lines) {
            let mut pen = Pen::new(buffer, place);
            pen.write(&format!("   {line}"), look.style(Role::Plain));
        }
    }

    fn progress(&self, look: Look) -> String {
        let left = match self.missing {
            0 => look.tr("form-complete", &[]),
            missing => look.tr("form-missing", &[("count", missing.into())]),
        };
        let at = self.focused.saturating_add(1).min(self.fields.len()) as u64;
        let args = [("field", at.into()), ("total", (self.fields.len() as u64).into())];
        format!("{left}   {}", look.tr("form-position", &args))
    }
}

/// Where label, value and note stand on a line.
struct Columns {
    label: u16,
    value: u16,
}

impl Columns {
    fn of(fields: &[Field], width: u16) -> Columns {
        let longest = fields.iter().map(|field| cell_width(&field.label)).max().unwrap_or(0);
        let label = longest.clamp(4, LABEL_WIDTH_MAX).min(width / 3);
        let free = width.saturating_sub(PREFIX_WIDTH + label + 2);
        Columns { label, value: free.saturating_mul(11) / 20 }
    }

    /// Returns the value's cells; the first is the bar of the text field.
    fn value(&self, line: Rect) -> Rect {
        let right = right_of(line, PREFIX_WIDTH + self.label + 1);
        Rect { width: right.width.min(self.value), ..right }
    }

    fn note(&self, line: Rect) -> Rect {
        right_of(line, PREFIX_WIDTH + self.label + 2 + self.value)
    }
}

/// Draws the reason and returns the rows used, the blank one after it included.
fn draw_reason(reason: &str, area: Rect, buffer: &mut Buffer, look: Look) -> u16 {
    let lines = wrap(reason, area.width.saturating_sub(6));
    let shown = area.rows().zip(lines.iter().take(REASON_ROWS_MAX));
    let mut used = 0;
    for (place, line) in shown {
        let lead = if used == 0 { format!(" {} ", Mark::Due.glyph()) } else { "   ".into() };
        let mut pen = Pen::new(buffer, place);
        pen.write(&lead, look.style(Role::Attention));
        pen.write(line, look.style(Role::Attention));
        used += 1;
    }
    (used + 1).min(area.height)
}

/// Draws the choices below the field, or above it where there is more room.
fn draw_choices(
    choices: Choices<'_>,
    anchor: Rect,
    buffer: &mut Buffer,
    look: Look,
) -> Option<Position> {
    let screen = buffer.area;
    let none = look.tr("picker-none", &[]);
    let count = u16::try_from(choices.options.len()).unwrap_or(u16::MAX).max(1);
    let searched = count > CHOICE_ROWS_MAX || !choices.query.value().is_empty();
    let wanted = count.min(CHOICE_ROWS_MAX) + 2 + u16::from(searched);
    let under = screen.bottom().saturating_sub(anchor.bottom());
    let over = anchor.y.saturating_sub(screen.y);
    let (y, height) = if under >= wanted || under >= over {
        (anchor.bottom(), wanted.min(under))
    } else {
        (anchor.y - wanted.min(over), wanted.min(over))
    };
    let texts = choices.options.iter().map(String::as_str).chain([choices.query.value()]);
    let texts = texts.chain(choices.options.is_empty().then_some(none.as_str()));
    let longest = texts.map(cell_width).max().unwrap_or(0);
    let width = longest.saturating_add(6).min(screen.right().saturating_sub(anchor.x));
    let mut inside = draw_box(Rect::new(anchor.x, y, width, height), "", buffer, look);
    let mut cursor = None;
    if searched && inside.height > 1 && inside.width > 1 {
        let line = Rect { height: 1, ..inside };
        put(buffer, Rect { width: 1, ..line }, "▏", look.style(Role::Accent));
        let place = Rect { x: line.x + 1, width: line.width - 1, ..line };
        cursor = draw_input(choices.query, place, buffer, look.style(Role::Plain));
        inside = below(inside, 1);
    }
    if choices.options.is_empty() {
        put(buffer, inside, &none, look.style(Role::Plain));
    }
    let first = first_shown(choices.selected, choices.options.len(), inside.height);
    for (line, at) in inside.rows().zip(first..choices.options.len()) {
        let is_selected = at == choices.selected;
        let (here, role) = if is_selected { (HERE, Role::Selected) } else { (" ", Role::Plain) };
        put(buffer, line, &format!("{here} {}", choices.options[at]), look.style(role));
        if is_selected {
            cursor = cursor.or(Some(line.as_position()));
        }
    }
    cursor
}

fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

fn right_of(area: Rect, cells: u16) -> Rect {
    let cells = cells.min(area.width);
    Rect { x: area.x + cells, width: area.width - cells, ..area }
}

const PREFIX_WIDTH: u16 = 3;
const LABEL_WIDTH_MAX: u16 = 24;
const HELP_ROWS_MAX: u16 = 4;
const REASON_ROWS_MAX: usize = 3;
const CHOICE_ROWS_MAX: u16 = 8;
