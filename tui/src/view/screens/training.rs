//! 培训: the lists of classes and learners; their pages stand beside.
//!
//! Names are shown whole here, a roster without them is none; numbers and addresses are masked.

mod class;
mod learner;
mod marking;
mod pair;

use onex_crdt::record::{Record, Row as Rec};
use onex_crdt::records::class::Class;
use onex_crdt::records::learner::Learner;
use onex_crdt::roles::OrgRole;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::list::ListState;
use crate::core::model::Model;
use crate::core::training::{Page, Part, Reveal};
use crate::view::empty::EmptyState;
use crate::view::screens::lists::{column, draw_bars, draw_list};
use crate::view::screens::{below, draw_text, split};
use crate::view::table::{Align, Cell, Column, ColumnWidth, Keep, Row, Table, offset_for};
use crate::view::text::{Pen, put};
use crate::view::theme::{Mark, Role};
use crate::view::words;

/// Draws the list, or the page that is open.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    match model.training.page() {
        None => lists(model, area, buffer),
        Some(Page::Pick { class, list }) => pick(model, list, *class, area, buffer),
        Some(Page::Class { id, area: part, place, meeting, .. }) => {
            let at = class::At { part: *part, place: *place, meeting: *meeting };
            class::draw(model, *id, at, area, buffer)
        }
        Some(Page::Learner { id, scroll, reveal }) => {
            let lines = learner::lines(model, model.training.learner_of(*id), *reveal);
            draw_text(&lines, *scroll, area, buffer, model);
            None
        }
        Some(Page::Marking(marking)) => marking::draw(model, marking, area, buffer),
        Some(Page::Pair { ids, kept, scroll }) => {
            pair::draw(model, *ids, *kept, *scroll, area, buffer);
            None
        }
    }
}

/// Which of the two lists is shown: `[班级] 学员`.
fn draw_parts(model: &Model, area: Rect, buffer: &mut Buffer) {
    let look = model.look;
    let mut pen = Pen::new(buffer, area);
    for (part, id) in [(Part::Classes, "training-classes"), (Part::Learners, "training-learners")] {
        let title = look.tr(id, &[]);
        if model.training.part == part {
            pen.write(&format!(" [{title}]"), look.style(Role::Heading));
        } else {
            pen.write(&format!("  {title} "), look.style(Role::Plain));
        }
    }
    pen.write("   Tab", look.style(Role::Key));
    pen.write(&format!(" {}", look.tr("cmd-part", &[])), look.style(Role::Plain));
}

fn lists(model: &Model, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let training = &model.training;
    let list = training.list()?;
    draw_parts(model, Rect { height: area.height.min(1), ..area }, buffer);
    let (area, right) = split(model, below(area, 1), buffer);
    let (area, find) = draw_bars(model, list, area, buffer);
    if let (Some(right), Some(row)) = (right, list.current()) {
        let lines = match training.part {
            Part::Classes => class::lines(model, training.class_of(row.id)),
            Part::Learners => learner::lines(model, training.learner_of(row.id), Reveal::Masked),
        };
        draw_text(&lines, 0, right, buffer, model);
    }
    if list.rows.is_some() && list.total() == 0 {
        return empty(model, list, area, buffer).and(find);
    }
    let row = match training.part {
        Part::Classes => {
            let columns = class_columns(model, list);
            draw_list(model, list, &columns, area, buffer, |row| class_cells(model, row))
        }
        Part::Learners => {
            let columns = learner_columns(model, list);
            draw_list(model, list, &columns, area, buffer, |row| learner_cells(model, row))
        }
    };
    find.or(row)
}

fn empty(model: &Model, list: &ListState, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = model.look;
    let is_college = model.role() == Some(OrgRole::College);
    let (title, reason) = match (list.is_narrowed(), model.training.part) {
        (true, _) => ("lines-none-found", "training-none-found-why"),
        (false, Part::Learners) => ("training-no-learners", "training-no-learners-why"),
        (false, Part::Classes) if is_college => ("training-no-classes", "training-no-classes-why"),
        (false, Part::Classes) => ("training-no-classes", "training-no-classes-hub"),
    };
    let (title, reason) = (look.tr(title, &[]), look.tr(reason, &[]));
    EmptyState { title: &title, reason: &reason, choices: &[], selected: 0 }
        .draw(area, buffer, look)
}

/// Learners to be put into a class.
fn pick(
    model: &Model,
    list: &ListState,
    class: onex_crdt::ids::RecordId,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let look = model.look;
    let page = model.training.class_of(class);
    let name = page.and_then(|page| page.row.text("name")).unwrap_or_default();
    let title = look.tr("training-pick", &[("class", name.into())]);
    let heading = Rect { height: area.height.min(1), ..area };
    put(buffer, heading, &format!(" {title}"), look.style(Role::Heading));
    let (area, find) = draw_bars(model, list, below(area, 1), buffer);
    if list.rows.is_some() && list.total() == 0 {
        let title = look.tr("lines-none-found", &[]);
        let reason = look.tr("training-no-learners-why", &[]);
        return EmptyState { title: &title, reason: &reason, choices: &[], selected: 0 }
            .draw(area, buffer, look)
            .and(find);
    }
    let columns = learner_columns(model, list);
    let places = model.training.class_of(class).map(|page| page.places.as_slice());
    let is_in = |row: &Rec| {
        let mut places = places.unwrap_or_default().iter();
        places.any(|place| {
            place.id_of("learner_id") == Some(row.id) && place.state() != Some("removed")
        })
    };
    find.or(draw_list(model, list, &columns, area, buffer, |row| {
        let mut cells = learner_cells(model, row);
        if is_in(row) {
            cells[1] = Cell { mark: Some(Mark::Absent), text: look.tr("training-is-in", &[]) };
        }
        cells
    }))
}

fn class_columns(model: &Model, list: &ListState) -> Vec<Column> {
    use ColumnWidth::{AtLeast, Fixed};
    let column = |of, width, align, keep| column(model, list, of, width, align, keep);
    vec![
        column(("column-state", "state"), Fixed(8), Align::Left, Keep::Always),
        column(("column-class", "name"), AtLeast(14), Align::Left, Keep::Always),
        column(("column-people", "enrolled_count"), Fixed(6), Align::Right, Keep::Always),
        column(("column-hours", "taught_hours"), Fixed(11), Align::Right, Keep::Always),
        column(("column-certificate", "cert_level_id"), AtLeast(14), Align::Left, Keep::IfRoom),
        column(("column-dates", "starts_on"), Fixed(11), Align::Left, Keep::IfRoom),
    ]
}

fn class_cells(model: &Model, row: &Rec) -> Vec<Cell> {
    let state =
        Cell { mark: Some(class_mark(row)), text: words::state(model.look, Class::KIND, row) };
    let people = row.int("enrolled_count").unwrap_or_default().to_string();
    let texts = [
        row.text("name").unwrap_or_default().to_owned(),
        people,
        hours(model, row),
        level_name(model, row),
        dates(row),
    ];
    std::iter::once(state).chain(texts.iter().map(|text| Cell::from(text.as_str()))).collect()
}

/// Hours taught of those planned: `12.0/64.0`.
fn hours(model: &Model, row: &Rec) -> String {
    let (taught, plan) = (shown(model, row, "taught_hours"), shown(model, row, "plan_hours"));
    format!("{taught}/{plan}")
}

fn shown(model: &Model, row: &Rec, key: &str) -> String {
    words::changed(model, Class::KIND, key, row.fields.get(key))
}

/// The certificate with its level, without the evaluator.
fn level_name(model: &Model, row: &Rec) -> String {
    let level = row.id_of("cert_level_id").and_then(|id| model.known.get(&id));
    level.map_or_else(String::new, |(_, level)| words::certificate(model.look, level))
}

/// `03-02~06-26`: the year stands in the term.
fn dates(row: &Rec) -> String {
    let day = |key: &str| row.text(key).and_then(|date| date.get(5..)).unwrap_or_default();
    format!("{}~{}", day("starts_on"), day("ends_on"))
}

fn class_mark(row: &Rec) -> Mark {
    match row.state() {
        Some("open") => Mark::Working,
        Some("completed") => Mark::Good,
        _ => Mark::Absent,
    }
}

fn learner_columns(model: &Model, list: &ListState) -> Vec<Column> {
    use ColumnWidth::{AtLeast, Fixed};
    let column = |of, width, keep| column(model, list, of, width, Align::Left, keep);
    vec![
        column(("column-name", "pinyin"), AtLeast(8), Keep::Always),
        column(("column-state", "state"), Fixed(8), Keep::Always),
        column(("column-class-name", "class_name"), AtLeast(8), Keep::Always),
        column(("column-student-no", "student_no"), Fixed(12), Keep::Always),
        column(("column-id-number", "id_number"), Fixed(18), Keep::IfRoom),
        column(("column-phone", "phone"), Fixed(11), Keep::IfRoom),
    ]
}

fn learner_cells(model: &Model, row: &Rec) -> Vec<Cell> {
    let mark = learner_mark(row);
    let state = Cell { mark: Some(mark), text: words::state(model.look, Learner::KIND, row) };
    let text = |key: &str| Cell::from(row.text(key).unwrap_or_default());
    let masked = |key: &str| {
        let value = Learner::KIND.field(key).zip(row.fields.get(key));
        let value = value.map(|(field, value)| words::value(model, field, value));
        Cell::from(value.unwrap_or_default().as_str())
    };
    let number = [masked("id_number"), masked("phone")];
    let known = [text("name"), state, text("class_name"), text("student_no")];
    known.into_iter().chain(number).collect()
}

fn learner_mark(row: &Rec) -> Mark {
    match row.state() {
        _ if !row.conflict.is_empty() => Mark::Attention,
        Some("active" | "graduated") => Mark::Good,
        _ => Mark::Absent,
    }
}

/// Draws rows that are all here, around the marked one; each with whether it is ticked.
fn draw_rows(
    model: &Model,
    columns: &[Column],
    rows: &[(Vec<Cell>, bool)],
    selected: Option<usize>,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let shown = crate::view::table::records_shown(area.height);
    let total = rows.len() as u64;
    let at = selected.unwrap_or(0) as u64;
    let offset = offset_for(at, at.saturating_sub(u64::from(shown / 2)), total, shown);
    let from = usize::try_from(offset).unwrap_or(0).min(rows.len());
    let ready =
        |(cells, ticked): &(Vec<Cell>, bool)| Row::Ready { cells: cells.clone(), ticked: *ticked };
    let ticked = rows.iter().filter(|(_, ticked)| *ticked).count() as u64;
    let window: Vec<Row> = rows[from..].iter().take(shown.into()).map(ready).collect();
    let selected = selected.map(|at| at as u64).filter(|_| total > 0);
    Table { columns, rows: &window, offset, total, selected, ticked }.draw(area, buffer, model.look)
}

/// A column of rows that are all here.
fn plain(model: &Model, title: &str, width: ColumnWidth, align: Align, keep: Keep) -> Column {
    Column { title: model.look.tr(title, &[]), width, align, keep, sorted: None }
}
