//! A class: facts, roster with the hours that each attended, meetings with who came.

use onex_crdt::ids::RecordId;
use onex_crdt::record::{FieldDef, Record, Row};
use onex_crdt::records::attendance::Meeting;
use onex_crdt::records::class::Class;
use onex_crdt::records::class::enrolment::Enrolment;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::model::Model;
use crate::core::training::{Area, ClassPage};
use crate::view::screens::training::{class_mark, dates, draw_rows, hours, level_name, plain};
use crate::view::screens::{below, draw_text};
use crate::view::table::{Align, Cell, Column, ColumnWidth, Keep};
use crate::view::text::{Pen, put, wrap};
use crate::view::theme::{Mark, Role};
use crate::view::words;

/// Where the person is on the page.
#[derive(Clone, Copy)]
pub struct At {
    /// Which part has the mark.
    pub part: Area,
    /// The marked place of the roster.
    pub place: usize,
    /// The marked meeting.
    pub meeting: usize,
}

/// Draws the page; in a narrow window only the part with the mark.
pub fn draw(
    model: &Model,
    id: RecordId,
    at: At,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let Some(page) = model.training.class_of(id) else {
        let reading = [(model.look.tr("notice-reading", &[]), Role::Plain)];
        draw_text(&reading, 0, area, buffer, model);
        return None;
    };
    let area = draw_facts(model, page, area, buffer);
    if !model.is_wide() {
        draw_parts(model, page, at.part, area, buffer);
        let area = below(area, 1);
        return match at.part {
            Area::Roster => draw_roster(model, page, Some(at.place), area, buffer),
            Area::Meetings => draw_meetings(model, page, Some(at.meeting), area, buffer),
        };
    }
    draw_parts(model, page, at.part, area, buffer);
    let area = below(area, 1);
    let left = Rect { width: area.width / 2, ..area };
    let right = Rect { x: left.right(), width: area.width - left.width, ..area };
    let in_roster = (at.part == Area::Roster).then_some(at.place);
    let in_meetings = (at.part == Area::Meetings).then_some(at.meeting);
    let roster = draw_roster(model, page, in_roster, left, buffer);
    let meetings = draw_meetings(model, page, in_meetings, right, buffer);
    if in_roster.is_some() { roster } else { meetings }
}

/// The title and what is most asked for, in a few lines.
fn draw_facts(model: &Model, page: &ClassPage, area: Rect, buffer: &mut Buffer) -> Rect {
    let look = model.look;
    let row = &page.row;
    let mark = class_mark(row);
    let mut pen = Pen::new(buffer, area);
    let name = row.text("name").unwrap_or_default();
    pen.write(&format!(" {name}  "), look.style(Role::Heading));
    let state = words::state(look, Class::KIND, row);
    pen.write(&format!("{} {state}", mark.glyph()), look.style(mark.role()));
    let shown = |key: &str| words::changed(model, Class::KIND, key, row.fields.get(key));
    let label = |key: &str| words::label(look.lang, Class::KIND, key);
    let people = match row.fields.contains_key("capacity") {
        true => format!("{}/{}", shown("enrolled_count"), shown("capacity")),
        false => shown("enrolled_count"),
    };
    let facts = [
        level_name(model, row),
        shown("class_type"),
        format!("{} {}", shown("term"), dates(row)),
        format!("{} {}", label("taught_hours"), hours(model, row)),
        format!("{} {people}", label("enrolled_count")),
        format!("{} {}", label("teachers"), shown("teachers")),
        row.text("room").unwrap_or_default().to_owned(),
    ];
    let facts = facts.into_iter().filter(|fact| !fact.is_empty()).collect::<Vec<_>>().join("  ");
    let lines = wrap(&facts, area.width.saturating_sub(2));
    let lines = &lines[..lines.len().min(FACT_LINES_MAX)];
    for (line, place) in lines.iter().zip(below(area, 1).rows()) {
        put(buffer, place, &format!(" {line}"), look.style(Role::Plain));
    }
    below(area, 1 + u16::try_from(lines.len()).unwrap_or(0))
}

fn draw_parts(model: &Model, page: &ClassPage, part: Area, area: Rect, buffer: &mut Buffer) {
    let look = model.look;
    let mut pen = Pen::new(buffer, area);
    let parts = [
        (Area::Roster, "class-roster", page.places.len()),
        (Area::Meetings, "class-meetings", page.meetings.len()),
    ];
    for (this, id, count) in parts {
        let title = look.tr(id, &[("count", (count as u64).into())]);
        if this == part {
            pen.write(&format!(" [{title}]"), look.style(Role::Heading));
        } else {
            pen.write(&format!("  {title} "), look.style(Role::Plain));
        }
    }
    pen.write("   Tab", look.style(Role::Key));
    pen.write(&format!(" {}", look.tr("cmd-part", &[])), look.style(Role::Plain));
}

fn draw_roster(
    model: &Model,
    page: &ClassPage,
    at: Option<usize>,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    if page.places.is_empty() {
        return nothing(model, "class-nobody", area, buffer);
    }
    use ColumnWidth::{AtLeast, Fixed};
    let columns: [Column; 6] = [
        plain(model, "column-name", AtLeast(8), Align::Left, Keep::Always),
        plain(model, "column-state", Fixed(8), Align::Left, Keep::Always),
        plain(model, "column-attended", Fixed(8), Align::Right, Keep::Always),
        plain(model, "column-confirmed", Fixed(8), Align::Left, Keep::Always),
        plain(model, "column-student-no", Fixed(12), Align::Left, Keep::IfRoom),
        plain(model, "column-class-name", AtLeast(8), Align::Left, Keep::IfRoom),
    ];
    let ticks = model.training.ticked_places();
    let is_ticked = |place: &Row| ticks.is_some_and(|ticks| ticks.contains(&place.id));
    let places = page.places.iter();
    let rows: Vec<(Vec<Cell>, bool)> =
        places.map(|place| (place_cells(model, place), is_ticked(place))).collect();
    draw_rows(model, &columns, &rows, at, area, buffer)
}

fn place_cells(model: &Model, place: &Row) -> Vec<Cell> {
    let look = model.look;
    let kind = Enrolment::KIND;
    let learner = place.id_of("learner_id").and_then(|id| model.known.get(&id));
    let of_learner = |key: &str| learner.and_then(|(_, row)| row.text(key)).unwrap_or_default();
    let mark = match place.state() {
        Some("enrolled" | "completed") => Mark::Good,
        Some("incomplete") => Mark::Attention,
        _ => Mark::Absent,
    };
    let state = match place.is("attendance_kept") {
        true => look.tr("class-kept", &[]),
        false => words::state(look, kind, place),
    };
    let attended =
        words::changed(model, kind, "attended_hours", place.fields.get("attended_hours"));
    let confirmed = match place.is("learner_confirmed") {
        true => Cell { mark: Some(Mark::Good), text: look.tr("class-confirmed", &[]) },
        false => Cell { mark: Some(Mark::Attention), text: look.tr("class-unconfirmed", &[]) },
    };
    vec![
        Cell::from(place.text("learner_name").unwrap_or_default()),
        Cell { mark: Some(mark), text: state },
        Cell::from(attended.as_str()),
        confirmed,
        Cell::from(of_learner("student_no")),
        Cell::from(of_learner("class_name")),
    ]
}

fn draw_meetings(
    model: &Model,
    page: &ClassPage,
    at: Option<usize>,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    if page.meetings.is_empty() {
        return nothing(model, "class-no-meetings", area, buffer);
    }
    use ColumnWidth::{AtLeast, Fixed};
    let columns: [Column; 5] = [
        plain(model, "column-date", Fixed(16), Align::Left, Keep::Always),
        plain(model, "column-class-hours", Fixed(5), Align::Right, Keep::Always),
        plain(model, "column-came", Fixed(9), Align::Left, Keep::Always),
        plain(model, "column-teacher", Fixed(8), Align::Left, Keep::IfRoom),
        plain(model, "column-topic", AtLeast(8), Align::Left, Keep::IfRoom),
    ];
    let meetings = page.meetings.iter();
    let rows: Vec<(Vec<Cell>, bool)> =
        meetings.map(|meeting| (meeting_cells(model, page, meeting), false)).collect();
    draw_rows(model, &columns, &rows, at, area, buffer)
}

fn meeting_cells(model: &Model, page: &ClassPage, meeting: &Row) -> Vec<Cell> {
    let text = |key: &str| meeting.text(key).unwrap_or_default();
    let when = format!("{} {}", text("held_on"), text("starts_at"));
    let hours = words::changed(model, Meeting::KIND, "hours", meeting.fields.get("hours"));
    let came = match page.came.get(&meeting.id) {
        Some(came) if came.recorded > 0 => {
            let mark = if came.there == came.recorded { Mark::Good } else { Mark::Attention };
            Cell { mark: Some(mark), text: format!("{}/{}", came.there, came.recorded) }
        }
        _ => Cell { mark: Some(Mark::Absent), text: model.look.tr("class-unmarked", &[]) },
    };
    vec![
        Cell::from(when.trim_end()),
        Cell::from(hours.as_str()),
        came,
        Cell::from(text("teacher")),
        Cell::from(text("topic")),
    ]
}

fn nothing(model: &Model, id: &str, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let lines = [(String::new(), Role::Plain), (model.look.tr(id, &[]), Role::Plain)];
    draw_text(&lines, 0, area, buffer, model);
    None
}

/// The class beside a list: every fact, and its newest meetings.
pub fn lines(model: &Model, page: Option<&ClassPage>) -> Vec<(String, Role)> {
    let look = model.look;
    let Some(page) = page else {
        return vec![(look.tr("notice-reading", &[]), Role::Plain)];
    };
    let mark = class_mark(&page.row);
    let state = words::state(look, Class::KIND, &page.row);
    let mut lines = vec![
        (page.row.text("name").unwrap_or_default().to_owned(), Role::Heading),
        (format!("{} {state}", mark.glyph()), mark.role()),
    ];
    let own = |field: &&FieldDef| !matches!(field.key, "name" | "state" | "cert_level_id");
    lines.push((level_name(model, &page.row), Role::Plain));
    for field in Class::KIND.fields.iter().filter(own) {
        if let Some(value) = page.row.fields.get(field.key) {
            let label = words::label(look.lang, Class::KIND, field.key);
            lines.push((format!("{label}  {}", words::value(model, field, value)), Role::Plain));
        }
    }
    lines.push((String::new(), Role::Plain));
    let count = [("count", (page.meetings.len() as u64).into())];
    lines.push((look.tr("class-meetings", &count), Role::Heading));
    for meeting in page.meetings.iter().take(MEETINGS_BESIDE) {
        let cells = meeting_cells(model, page, meeting);
        let texts: Vec<&str> = cells.iter().take(3).map(|cell| cell.text.as_str()).collect();
        lines.push((texts.join("  "), Role::Plain));
    }
    lines
}

const FACT_LINES_MAX: usize = 3;
const MEETINGS_BESIDE: usize = 12;
