//! The sheet of a meeting: the whole class in columns, and how many came.

use onex_crdt::record::{Record, Row};
use onex_crdt::records::attendance::{Attendance, Mark as Came, Meeting};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::marking::{Marking, SEAT_WIDTH, Seat, shape};
use crate::core::model::Model;
use crate::view::screens::draw_text;
use crate::view::text::{Pen, fit, fit_right, put};
use crate::view::theme::{HERE, Look, Mark, Role};
use crate::view::words;

/// Draws the sheet; the cursor stands on the marked seat.
pub fn draw(model: &Model, marking: &Marking, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = model.look;
    let mut lines = area.rows();
    let title = format!(" {}", title(model, marking));
    put(buffer, lines.next()?, &title, look.style(Role::Heading));
    let counts = lines.next_back()?;
    let detail = lines.next_back()?;
    let grid = Rect { y: area.y + 1, height: area.height.saturating_sub(3), ..area };
    let Some(seats) = &marking.seats else {
        draw_text(&[(look.tr("notice-reading", &[]), Role::Plain)], 0, grid, buffer, model);
        return None;
    };
    if seats.is_empty() {
        draw_text(&[(look.tr("class-nobody", &[]), Role::Plain)], 0, grid, buffer, model);
        return None;
    }
    put(buffer, detail, &format!(" {}", detail_text(model, marking)), look.style(Role::Plain));
    draw_counts(model, marking, counts, buffer);
    draw_seats(model, marking, seats, grid, buffer)
}

fn draw_seats(
    model: &Model,
    marking: &Marking,
    seats: &[Seat],
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let (rows, columns) = shape(model.size);
    let rows = rows.min(area.height.into()).max(1);
    let columns = columns.min(usize::from(area.width / SEAT_WIDTH)).max(1);
    let first = (marking.at / rows).saturating_sub(columns - 1) * rows;
    let mut cursor = None;
    for (at, seat) in seats.iter().enumerate().skip(first).take(rows * columns) {
        let (column, row) = ((at - first) / rows, (at - first) % rows);
        let x = area.x + u16::try_from(column).unwrap_or(0) * SEAT_WIDTH;
        let y = area.y + u16::try_from(row).unwrap_or(0);
        let place = Rect { x, y, width: SEAT_WIDTH.min(area.right() - x), height: 1 };
        draw_seat(model, at, seat, at == marking.at, place, buffer);
        if at == marking.at {
            cursor = Some(place.as_position());
        }
    }
    cursor
}

fn draw_seat(
    model: &Model,
    at: usize,
    seat: &Seat,
    is_marked: bool,
    place: Rect,
    buffer: &mut Buffer,
) {
    let look = model.look;
    let style = |role| {
        let style = look.style(role);
        if is_marked { style.patch(look.style(Role::Selected)) } else { style }
    };
    let here = if is_marked { HERE } else { " " };
    let (glyph, role) = match sign(seat) {
        Some(mark) => (mark.glyph(), mark.role()),
        None => (" ", Role::Plain),
    };
    let changed = if seat.is_touched() { "*" } else { " " };
    let word = match seat.differs() && !seat.is_touched() {
        true => look.tr("marking-differs", &[]),
        false => came(look, seat.mark),
    };
    let mut pen = Pen::new(buffer, place);
    pen.write(&format!("{here}{} ", fit_right(&(at + 1).to_string(), 3)), style(Role::Plain));
    let width = place.width.saturating_sub(WORD_WIDTH + SEAT_SIGNS_WIDTH);
    pen.write(&format!("{} ", fit(&seat.name, width)), style(Role::Plain));
    pen.write(&format!("{glyph} {}{changed}", fit(&word, WORD_WIDTH)), style(role));
}

/// The sign of a seat; none where everybody begins and nothing is recorded yet.
fn sign(seat: &Seat) -> Option<Mark> {
    if seat.differs() && !seat.is_touched() {
        return Some(Mark::Due);
    }
    match seat.mark {
        Came::Present => seat.recorded.as_ref().map(|_| Mark::Good),
        Came::Late | Came::LeftEarly => Some(Mark::Attention),
        Came::Leave => Some(Mark::Absent),
        Came::Absent => Some(Mark::Problem),
    }
}

/// The word for a mark, short enough for a seat.
fn came(look: Look, mark: Came) -> String {
    let id = match mark {
        Came::Present => "mark-present",
        Came::Late => "mark-late",
        Came::LeftEarly => "mark-early",
        Came::Leave => "mark-leave",
        Came::Absent => "mark-absent",
    };
    look.tr(id, &[])
}

/// Class, day, hours, and who has recorded the sheet.
fn title(model: &Model, marking: &Marking) -> String {
    let look = model.look;
    let meeting = model.known.get(&marking.meeting).map(|(_, row)| row);
    let class = meeting.map(|row| words::name_at(model, row, "class_id")).unwrap_or_default();
    let shown = |key: &str| {
        let value = meeting.and_then(|row| row.fields.get(key));
        value.map(|value| words::changed(model, Meeting::KIND, key, Some(value)))
    };
    let day = shown("held_on").unwrap_or_default();
    let hours = shown("hours").unwrap_or_default();
    let title = look.tr(
        "marking-title",
        &[
            ("class", class.as_str().into()),
            ("day", day.as_str().into()),
            ("hours", hours.as_str().into()),
        ],
    );
    match recorded_by(marking) {
        names if names.is_empty() => format!("{title}  {}", look.tr("marking-new", &[])),
        names => {
            let who = names.join("、");
            format!("{title}  {}", look.tr("marking-recorded", &[("who", who.as_str().into())]))
        }
    }
}

fn recorded_by(marking: &Marking) -> Vec<&str> {
    let rows = marking.seats().iter().filter_map(|seat| seat.recorded.as_ref());
    let mut names: Vec<&str> = rows.filter_map(|row| row.text("marked_by")).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The marked seat: what is recorded of it, by whom and when; or what was typed to find it.
fn detail_text(model: &Model, marking: &Marking) -> String {
    let look = model.look;
    let Some(seat) = marking.current() else { return String::new() };
    let recorded = seat.recorded.as_ref().map(|row| recorded_text(model, row));
    let (typed, how) = match marking.jump.as_str() {
        "" => (None, Some(look.tr("marking-jump", &[]))),
        typed => (Some(look.tr("marking-typed", &[("text", typed.into())])), None),
    };
    let parts = [Some(seat.name.clone()), typed, recorded, how];
    parts.into_iter().flatten().collect::<Vec<_>>().join("  ")
}

/// Every mark that stands, with who and when; the newest alone where all agree.
fn recorded_text(model: &Model, row: &Row) -> String {
    let look = model.look;
    let all = row.fields.get("all_marks").and_then(|value| value.as_list()).unwrap_or_default();
    let worded = |item: &String| {
        let mut parts = item.split('\t');
        let (mark, who, at) = (parts.next()?, parts.next()?, parts.next()?);
        let mark = Came::ALL.iter().find(|known| known.id() == mark)?;
        let at = at.get(11..16).unwrap_or_default();
        Some(format!("{} {who} {at}", came(look, *mark)))
    };
    if row.state() == Some("differing") && !all.is_empty() {
        let all = all.iter().filter_map(worded).collect::<Vec<_>>().join(" / ");
        return look.tr("marking-both", &[("all", all.as_str().into())]);
    }
    let shown = |key: &str| words::changed(model, Attendance::KIND, key, row.fields.get(key));
    let who = row.text("marked_by").unwrap_or_default();
    let at = row.text("marked_at").and_then(|at| at.get(5..16)).unwrap_or_default();
    let args = [
        ("mark", shown("mark")),
        ("who", who.to_owned()),
        ("at", at.replace('T', " ")),
        ("source", shown("source")),
    ];
    let args: Vec<_> = args.iter().map(|(key, text)| (*key, text.as_str().into())).collect();
    look.tr("marking-was", &args)
}

fn draw_counts(model: &Model, marking: &Marking, area: Rect, buffer: &mut Buffer) {
    let look = model.look;
    let mut pen = Pen::new(buffer, area);
    for mark in Came::ALL {
        let count = marking.count(*mark);
        let role = match (mark, count) {
            (_, 0) | (Came::Present, _) => Role::Plain,
            _ => Role::Attention,
        };
        pen.write(&format!(" {} {count} ", came(look, *mark)), look.style(role));
    }
    let total = look.tr("marking-total", &[("count", (marking.seats().len() as u64).into())]);
    pen.write(&format!("  {total}"), look.style(Role::Heading));
    let unsaved = marking.new_marks().len() as u64;
    if unsaved > 0 {
        let text = look.tr("marking-unsaved", &[("count", unsaved.into())]);
        pen.write(&format!("  {text}"), look.style(Role::Accent));
    }
}

/// The longest word for a mark, in either language.
const WORD_WIDTH: u16 = 7;
/// Mark, number, sign, change, and a blank after number, name and sign.
const SEAT_SIGNS_WIDTH: u16 = 9;
