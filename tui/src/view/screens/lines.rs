//! 申报: the list of lines, and one line with everything that happened to it.

use onex_crdt::record::{Record, Row as Line};
use onex_crdt::records::application::Application;
use onex_crdt::roles::OrgRole;
use onex_node::api::{Changed, History, Step};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::model::Model;
use crate::core::refusal::outcome_word;
use crate::view::empty::EmptyState;
use crate::view::screens::lists::{column, draw_bars, draw_list};
use crate::view::screens::{below, draw_text, split};
use crate::view::table::{Align, Cell, Column, ColumnWidth, Keep};
use crate::view::text::put;
use crate::view::theme::Role;
use crate::view::words;

/// Draws the list, or the line that is open.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    if model.line_open {
        draw_line(model, model.scroll, area, buffer);
        return None;
    }
    let look = model.look;
    let heading = look.tr(if model.lines.is_queue() { "lines-queue" } else { "lines-all" }, &[]);
    put(
        buffer,
        Rect { height: area.height.min(1), ..area },
        &format!(" {heading}"),
        look.style(Role::Heading),
    );
    let (area, right) = split(model, below(area, 1), buffer);
    let (area, find) = draw_bars(model, &model.lines, area, buffer);
    if let Some(right) = right {
        draw_line(model, 0, right, buffer);
    }
    if model.lines.rows.is_some() && model.lines.total() == 0 {
        return empty(model, area, buffer).and(find);
    }
    let columns = columns(model);
    let row = draw_list(model, &model.lines, &columns, area, buffer, |row| cells(model, row));
    find.or(row)
}

fn empty(model: &Model, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = model.look;
    let (title, reason) = match (model.lines.is_narrowed(), model.role()) {
        (true, _) => ("lines-none-found", "lines-none-found-why"),
        (false, Some(OrgRole::Hub)) => ("lines-none-hub", "lines-none-hub-why"),
        (false, Some(OrgRole::College)) => ("lines-none-college", "lines-none-college-why"),
        (false, _) => ("lines-none", "lines-none-why"),
    };
    let (title, reason) = (look.tr(title, &[]), look.tr(reason, &[]));
    EmptyState { title: &title, reason: &reason, choices: &[], selected: 0 }
        .draw(area, buffer, look)
}

fn columns(model: &Model) -> Vec<Column> {
    use ColumnWidth::{AtLeast, Fixed};
    let column = |of, width, align, keep| column(model, &model.lines, of, width, align, keep);
    let state = column(("column-state", "state"), Fixed(12), Align::Left, Keep::Always);
    let certificate =
        column(("column-certificate", "certificate_name"), AtLeast(14), Align::Left, Keep::Always);
    let planned =
        column(("column-planned", "planned_students"), Fixed(6), Align::Right, Keep::Always);
    let number = column(("column-number", "filing_no"), AtLeast(12), Align::Left, Keep::IfRoom);
    if model.role() == Some(OrgRole::Hub) {
        let college =
            column(("column-college", "college_id"), AtLeast(12), Align::Left, Keep::Always);
        let age = column(("column-age", ""), Fixed(9), Align::Left, Keep::Always);
        let last = if model.lines.is_queue() { age } else { number };
        return vec![state, certificate, college, planned, last];
    }
    vec![state, certificate, planned, number]
}

fn cells(model: &Model, row: &Line) -> Vec<Cell> {
    let look = model.look;
    let mut state = words::state(look, Application::KIND, row);
    if row.fields.contains_key("pending_act") {
        state = look.tr("line-second", &[]);
    } else if let Some(request) = row.fields.get("pending_request") {
        state = words::changed(model, Application::KIND, "pending_request", Some(request));
    }
    let state = Cell { mark: Some(words::state_mark(row)), text: state };
    let certificate = Cell::from(words::certificate(look, row).as_str());
    let planned = row.int("planned_students").map(|number| number.to_string());
    let planned = Cell::from(planned.unwrap_or_default().as_str());
    if model.role() == Some(OrgRole::Hub) {
        let college = Cell::from(words::name_at(model, row, "college_id").as_str());
        let since = model.lines.rows.as_ref().and_then(|rows| rows.since.get(&row.id));
        let last = match (model.lines.is_queue(), since) {
            (true, Some(at)) => words::age(look, model.now(), *at),
            (true, None) => String::new(),
            (false, _) => row.text("filing_no").unwrap_or_default().to_owned(),
        };
        vec![state, certificate, college, planned, Cell::from(last.as_str())]
    } else {
        vec![state, certificate, planned, Cell::from(number(model, row).as_str())]
    }
}

/// The filing number, or what a draft lacks.
fn number(model: &Model, row: &Line) -> String {
    if let Some(number) = row.text("filing_no") {
        return number.to_owned();
    }
    let missing =
        Application::KIND.stored().filter(|f| f.required && !row.fields.contains_key(f.key));
    match (missing.count() as u64, row.conflict.len() as u64) {
        (_, conflicts) if conflicts > 0 => {
            model.look.tr("line-conflicts", &[("count", conflicts.into())])
        }
        (0, _) => String::new(),
        (missing, _) => model.look.tr("line-missing", &[("count", missing.into())]),
    }
}

fn draw_line(model: &Model, scroll: usize, area: Rect, buffer: &mut Buffer) {
    let wanted = if model.line_open { None } else { model.lines.current().map(|row| row.id) };
    let line = model.line.as_ref().filter(|line| wanted.is_none_or(|id| line.row.id == id));
    let lines = match line {
        Some(history) => line_text(model, history),
        None if model.lines.total() == 0 && !model.line_open => Vec::new(),
        None => vec![(model.look.tr("notice-reading", &[]), Role::Plain)],
    };
    draw_text(&lines, scroll, area, buffer, model);
}

/// Everything about a line: state, what to know first, what changed, fields, history.
fn line_text(model: &Model, history: &History) -> Vec<(String, Role)> {
    let (look, row) = (model.look, &history.row);
    let mark = words::state_mark(row);
    let state = words::state(look, Application::KIND, row);
    let mut lines = vec![
        (words::certificate(look, row), Role::Heading),
        (words::name_at(model, row, "college_id"), Role::Plain),
        (format!("{} {state}", mark.glyph()), mark.role()),
    ];
    if row.fields.contains_key("pending_act") {
        let first = history.steps.iter().rev().find(|step| step.kind == "application.decide");
        let who = first.map(|step| step.person.clone()).unwrap_or_default();
        lines.push((look.tr("line-second-of", &[("name", who.as_str().into())]), Role::Attention));
    }
    if row.stale {
        lines.push((look.tr("line-stale", &[]), Role::Attention));
    }
    if let Some(reason) = row.text("reason") {
        lines.push((look.tr("line-reason", &[("reason", reason.into())]), Role::Attention));
    }
    if let Some(changed) = newest_change(history) {
        lines.push((String::new(), Role::Plain));
        lines.push((look.tr("line-changed", &[]), Role::Heading));
        lines.extend(changed_text(model, changed));
    }
    lines.push((String::new(), Role::Plain));
    lines.push((look.tr("line-history", &[]), Role::Heading));
    for step in history.steps.iter().rev() {
        lines.extend(step_text(model, step));
    }
    lines.push((String::new(), Role::Plain));
    lines.push((look.tr("line-fields", &[]), Role::Heading));
    for field in Application::KIND.fields.iter().filter(|field| field.key != "state") {
        if let Some(value) = row.fields.get(field.key) {
            let label = words::label(look.lang, Application::KIND, field.key);
            lines.push((format!("{label}  {}", words::value(model, field, value)), Role::Plain));
        }
    }
    lines
}

/// What differs from the version decided on, else from the version submitted before.
fn newest_change(history: &History) -> Option<&Changed> {
    let submits: Vec<&Step> =
        history.steps.iter().filter(|step| step.kind == "application.submit").collect();
    let again = submits.last().filter(|_| submits.len() > 1).map(|step| &step.changed);
    history.difference.as_ref().or(again).filter(|changed| !changed.is_empty())
}

fn changed_text(model: &Model, changed: &Changed) -> Vec<(String, Role)> {
    let kind = Application::KIND;
    let line = |(key, old, new): &(String, _, _)| {
        let label = words::label(model.look.lang, kind, key);
        let old = words::changed(model, kind, key, Option::as_ref(old));
        let new = words::changed(model, kind, key, Option::as_ref(new));
        (format!("{label}  {old} → {new}"), Role::Accent)
    };
    changed.iter().map(line).collect()
}

fn step_text(model: &Model, step: &Step) -> Vec<(String, Role)> {
    let look = model.look;
    let outcome = step.outcome.as_ref().map(|outcome| outcome_word(look.lang, outcome));
    let what = outcome.unwrap_or_else(|| words::action(look, &step.kind));
    let org = words::name(model, step.org_id.into());
    let mut lines =
        vec![(format!("{} {what}  {} {org}", words::moment(step.at), step.person), Role::Plain)];
    if let Some(reason) = &step.reason {
        lines.push((format!("  {reason}"), Role::Plain));
    }
    lines.extend(words::source(look, step).map(|source| (format!("  {source}"), Role::Plain)));
    lines
}
