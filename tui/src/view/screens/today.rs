//! 今日: what is due, most urgent first. Enter leads to the record itself.

use onex_crdt::field::time::Moment;
use onex_crdt::record::Record;
use onex_crdt::records::class::Class;
use onex_crdt::records::contact::Contact;
use onex_crdt::records::learner::Learner;
use onex_crdt::roles::PersonRole;
use onex_node::api::Conflict;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::load::Due;
use crate::core::model::Model;
use crate::i18n::Lang;
use crate::view::frame::draw_section;
use crate::view::popup::first_shown;
use crate::view::screens::below;
use crate::view::screens::jobs::bar;
use crate::view::text::{Pen, fit, put, wrap};
use crate::view::theme::{HERE, Mark, Role};
use crate::view::words;

/// Draws the screen; the cursor stands on the marked entry.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = model.look;
    let Some(due) = &model.today else {
        put(buffer, area, &format!(" {}", look.tr("notice-reading", &[])), look.style(Role::Plain));
        return None;
    };
    let name = model.me().map(|me| me.person.clone()).unwrap_or_default();
    let args = [("name", name.as_str().into()), ("count", (due.len() as u64).into())];
    let greeting = look.tr(if due.is_empty() { "today-nothing" } else { "today-count" }, &args);
    put(
        buffer,
        Rect { height: area.height.min(1), ..area },
        &format!(" {greeting}"),
        look.style(Role::Heading),
    );
    let area = below(area, 2);
    if due.is_empty() {
        let lines = wrap(&look.tr("today-next", &[]), area.width.saturating_sub(4));
        for (line, place) in lines.iter().zip(area.rows()) {
            put(buffer, place, &format!("   {line}"), look.style(Role::Plain));
        }
        let used = u16::try_from(lines.len() + 1).unwrap_or(u16::MAX);
        draw_progress(model, below(area, used), buffer);
        return None;
    }
    let has_room = model.progress.is_some() && area.height > PROGRESS_ROWS * 2;
    let room = area.height - if has_room { PROGRESS_ROWS } else { 0 };
    let list = Rect { height: room.min(u16::try_from(due.len()).unwrap_or(u16::MAX)), ..area };
    if has_room {
        draw_progress(model, below(area, list.height + 1), buffer);
    }
    let first = first_shown(model.today_at, due.len(), list.height);
    let mut cursor = None;
    for (at, line) in (first..due.len()).zip(list.rows()) {
        let selected = at == model.today_at;
        draw_due(model, &due[at], selected, line, buffer);
        if selected {
            cursor = Some(line.as_position());
        }
    }
    cursor
}

fn draw_due(model: &Model, due: &Due, selected: bool, line: Rect, buffer: &mut Buffer) {
    let look = model.look;
    let (mark, kind, what, does) = worded(model, due);
    let style = |role| {
        let style = look.style(role);
        if selected { style.patch(look.style(Role::Selected)) } else { style }
    };
    put(buffer, line, "", style(Role::Plain));
    let mut pen = Pen::new(buffer, line);
    let here = if selected { HERE } else { " " };
    pen.write(&format!(" {here} "), style(Role::Plain));
    pen.write(&format!("{} ", mark.glyph()), style(mark.role()));
    pen.write(&format!("{} ", fit(&look.tr(kind, &[]), KIND_WIDTH)), style(Role::Plain));
    let does = look.tr(does, &[]);
    let width = pen.room().saturating_sub(DOES_WIDTH + 2);
    pen.write(&fit(&what, width), style(Role::Plain));
    pen.write(&format!("  {}", fit(&does, DOES_WIDTH)), style(Role::Key));
}

/// Mark, kind, what it is, what Enter does.
type Worded = (Mark, &'static str, String, &'static str);

/// An application line in words, what was kept apart, or a role that nobody has.
fn worded_line(model: &Model, due: &Due) -> Worded {
    let look = model.look;
    let line = |row| {
        let college = words::name_at(model, row, "college_id");
        format!("{}  {college}", words::certificate(look, row))
    };
    let since = |row, at: &Option<_>| match at {
        Some(at) => format!("{}  {}", line(row), words::age(look, model.now(), *at)),
        None => line(row),
    };
    match due {
        Due::Returned(row) => {
            let reason = row.text("reason").unwrap_or_default();
            let what = format!("{}：{reason}", words::certificate(look, row));
            (Mark::Attention, "due-returned", what, "does-mend")
        }
        Due::Draft(row) => {
            (Mark::Working, "due-draft", words::certificate(look, row), "does-continue")
        }
        Due::Submitted(row, at) => {
            (Mark::Attention, "due-submitted", since(row, at), "does-review")
        }
        Due::Second(row, at) => (Mark::Due, "due-second", since(row, at), "does-sign"),
        Due::Request(row, at) => {
            let asked = row.fields.get("pending_request");
            let kind = onex_crdt::records::application::Application::KIND;
            let asked = words::changed(model, kind, "pending_request", asked);
            (Mark::Attention, "due-request", format!("{asked}  {}", since(row, at)), "does-review")
        }
        Due::Held(count) => {
            let args = [("count", (*count as u64).into())];
            (Mark::Attention, "due-held", look.tr("due-held-count", &args), "does-look")
        }
        Due::NoRole(role) => {
            let choice = &PersonRole::CHOICES[*role as usize];
            let role = if look.lang == Lang::Zh { choice.zh } else { choice.en };
            let what = look.tr("due-no-role-of", &[("role", role.into())]);
            (Mark::Attention, "due-no-role", what, "does-grant")
        }
        _ => {
            let what = due.line().map(|row| words::certificate(look, row)).unwrap_or_default();
            (Mark::Working, "due-requested", what, "does-look")
        }
    }
}

/// Something that is due, in words.
fn worded(model: &Model, due: &Due) -> Worded {
    let look = model.look;
    match due {
        Due::Asking(asking) => {
            let org = words::name(model, asking.org_id.into());
            let what = format!("{} {org}  {}", asking.person, asking.digits);
            (Mark::Due, "due-asking", what, "does-compare")
        }
        Due::Conflict(dispute) => {
            let title = words::name(model, dispute.record);
            let label =
                |conflict: &Conflict| words::label(look.lang, dispute.kind, &conflict.field);
            let fields: Vec<String> = dispute.conflicts.iter().map(label).collect();
            let what = format!("{title}  {}", fields.join(" "));
            (Mark::Attention, "due-conflict", what, "does-choose")
        }
        Due::Duplicate([one, other], field) => {
            let label = words::label(look.lang, Learner::KIND, field);
            let (one, other) = (words::name(model, *one), words::name(model, *other));
            let args = [
                ("one", one.as_str().into()),
                ("other", other.as_str().into()),
                ("field", label.as_str().into()),
            ];
            (Mark::Attention, "due-duplicate", look.tr("due-duplicate-of", &args), "does-merge")
        }
        Due::Meeting(class, meeting) => {
            let name = words::title(model, Class::KIND, class);
            let day = meeting.text("held_on").unwrap_or_default();
            let args = [("name", name.as_str().into()), ("day", day.into())];
            (Mark::Attention, "due-meeting", look.tr("due-meeting-of", &args), "does-mark")
        }
        Due::Unconfirmed(class, count) => {
            let name = words::title(model, Class::KIND, class);
            let args = [("name", name.as_str().into()), ("count", (*count as u64).into())];
            (Mark::Attention, "due-unconfirmed", look.tr("due-unconfirmed-of", &args), "does-see")
        }
        Due::Unfinished(begun) => {
            let title = words::action(look, begun.action.id);
            let of = begun.subject.map(|id| words::name(model, id)).unwrap_or_default();
            let what = format!("{title}  {of}  {}", words::age(look, model.now(), begun.at));
            (Mark::Working, "due-unfinished", what, "does-continue")
        }
        Due::Import { name, rows, rejected } => {
            let args = [
                ("name", name.as_str().into()),
                ("rows", (*rows as u64).into()),
                ("rejected", (*rejected as u64).into()),
            ];
            let mark = if *rejected > 0 { Mark::Attention } else { Mark::Working };
            (mark, "due-import", look.tr("due-import-rows", &args), "does-continue")
        }
        Due::Contact(row, day) => {
            let name = words::title(model, Contact::KIND, row);
            let day = day.to_string();
            let args = [("name", name.as_str().into()), ("day", day.as_str().into())];
            (Mark::Attention, "due-contact", look.tr("due-contact-old", &args), "does-confirm")
        }
        Due::Unsent(count, oldest) => worded_unsent(model, *count, *oldest),
        due => worded_line(model, due),
    }
}

/// Changes that nobody has yet; a device that was removed sends them no more.
fn worded_unsent(model: &Model, count: usize, oldest: Option<Moment>) -> Worded {
    let look = model.look;
    let since = oldest.map(|at| words::age(look, model.now(), at)).unwrap_or_default();
    let args = [("count", (count as u64).into()), ("since", since.as_str().into())];
    if model.me().is_some_and(|me| !me.device_active) {
        let what = look.tr("due-unsent-removed", &args[..1]);
        return (Mark::Problem, "due-unsent-never", what, "does-look");
    }
    let now = model.now().map_or(0, Moment::unix_seconds);
    let waits = oldest.is_some_and(|at| now - at.unix_seconds() > UNSENT_LONG_SECONDS);
    let mark = if waits { Mark::Attention } else { Mark::Syncing };
    (mark, "due-unsent", look.tr("due-unsent-count", &args), "does-sync")
}

/// Draws how far the training of the term has come, where there is room below what is due.
fn draw_progress(model: &Model, area: Rect, buffer: &mut Buffer) {
    let look = model.look;
    let Some(progress) = &model.progress else { return };
    let zh = look.lang == Lang::Zh;
    let term = Class::KIND.field("term").map(|field| {
        let term = onex_crdt::value::Value::Text(progress.term.clone());
        onex_crdt::field::show(&field.ty.shape, &term, zh)
    });
    let term = term.unwrap_or_default();
    let title = look.tr("today-progress", &[("term", term.as_str().into())]);
    draw_section(&title, Rect { height: area.height.min(1), ..area }, buffer, look);
    let percent = |done: u64, of: u64| done.min(of) * 100 / of.max(1);
    let hours = |tenths: i64| onex_crdt::field::number::decimal_format(tenths, 1);
    let (taught, planned) = (hours(progress.taught), hours(progress.planned));
    let [people, confirmed] = [progress.people, progress.confirmed].map(|count| count as u64);
    let number = |tenths: i64| u64::try_from(tenths).unwrap_or(0);
    let args = [
        ("classes", (progress.classes as u64).into()),
        ("people", people.into()),
        ("confirmed", confirmed.into()),
        ("taught", taught.as_str().into()),
        ("planned", planned.as_str().into()),
    ];
    let bars = [
        ("today-training", percent(number(progress.taught), number(progress.planned))),
        ("today-confirmed", percent(confirmed, people)),
    ];
    for ((id, percent), line) in bars.into_iter().zip(below(area, 1).rows()) {
        let label = fit(&look.tr(id, &[]), LABEL_WIDTH);
        let mut pen = Pen::new(buffer, line);
        pen.write(&format!(" {label} "), look.style(Role::Plain));
        pen.write(&bar(percent, BAR_WIDTH), look.style(Role::Accent));
        let said = look.tr(&format!("{id}-of"), &args);
        pen.write(&format!(" {percent}%  {said}"), look.style(Role::Plain));
    }
}

const LABEL_WIDTH: u16 = 9;
const BAR_WIDTH: u16 = 24;
/// The title and two bars, with a blank line above.
const PROGRESS_ROWS: u16 = 4;
/// Changes that wait longer than a day are worth a look: somewhere the network is missing.
const UNSENT_LONG_SECONDS: i64 = 24 * 60 * 60;
const KIND_WIDTH: u16 = 12;
const DOES_WIDTH: u16 = 10;
