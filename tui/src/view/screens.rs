//! The screens: each draws the model into the area that the frame leaves.
//!
//! They change nothing; what has the text cursor returns its place.

mod directory;
mod form;
mod jobs;
mod lines;
mod lists;
mod people;
mod settle;
mod sync;
mod today;
mod training;
mod undo;
mod welcome;
mod wizard;

use onex_crdt::action::{Run, Undo};
use onex_crdt::records::attendance::actions::MARK;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::commands::{At, Command, Does, commands_here, table};
use crate::core::load::last_contact;
use crate::core::model::{Model, Notice as Said, Overlay, Screen, Welcome};
use crate::core::refusal::explain;
use crate::core::update::palette_entries;
use crate::core::wizard::Wizard;
use crate::i18n::Lang;
use crate::view::frame::{Notice, ScreenFrame};
use crate::view::help::Help;
use crate::view::hints::Hint;
use crate::view::palette::{Palette, PaletteEntry};
use crate::view::rail::Tab;
use crate::view::text::{Pen, wrap};
use crate::view::theme::{Mark, Role};
use crate::view::words;

/// Draws everything and returns where the hardware cursor belongs.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let area = area.intersection(buffer.area);
    let (sync_mark, sync_text) = sync_state(model);
    let (message_mark, message) = message(model);
    let title = model.look.tr("program", &[]);
    let (organisation, person) = (organisation(model), person(model));
    let hints = hints(model);
    let tabs = tabs(model);
    let frame = ScreenFrame {
        title: &title,
        organisation: &organisation,
        person: &person,
        sync: Notice { mark: sync_mark, text: &sync_text },
        tabs: &tabs,
        current: model.welcome.is_none().then_some(model.screen.digit()),
        message: Some(Notice { mark: message_mark, text: &message }),
        hints: &hints,
    };
    let inside = frame.draw(area, buffer, model.look);
    let mut cursor = inside.and_then(|inside| body(model, inside, buffer));
    if inside.is_some() {
        cursor = overlay(model, area, buffer, cursor);
    }
    model.glyphs.settle(buffer);
    cursor
}

fn body(model: &Model, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    if let Some(state) = &model.form {
        return form::draw(model, state, area, buffer);
    }
    if let Some(lock) = &model.lock {
        return welcome::locked(model, lock, area, buffer);
    }
    if let Some(welcome) = &model.welcome {
        return welcome::draw(model, welcome, area, buffer);
    }
    if let Some(page) = &model.undo_page {
        return undo::draw(model, page, area, buffer);
    }
    if let Some(open) = model.wizard.as_ref().filter(|_| model.wizard_open) {
        return wizard::draw(model, open, area, buffer);
    }
    if let Some(open) = &model.settle {
        return settle::draw(model, open, area, buffer);
    }
    match model.screen {
        Screen::Today => today::draw(model, area, buffer),
        Screen::Lines => lines::draw(model, area, buffer),
        Screen::Training => training::draw(model, area, buffer),
        Screen::Directory if model.people_open => people::draw(model, area, buffer),
        Screen::Directory => directory::draw(model, area, buffer),
        Screen::Sync => sync::draw(model, area, buffer),
        Screen::Settings => welcome::settings(model, area, buffer),
    }
}

fn overlay(
    model: &Model,
    area: Rect,
    buffer: &mut Buffer,
    below: Option<Position>,
) -> Option<Position> {
    let lang = model.look.lang;
    match &model.overlay {
        None => below,
        Some(Overlay::Palette { query, selected }) => {
            let entries: Vec<PaletteEntry> = palette_entries(model)
                .into_iter()
                .map(|(command, graphemes)| PaletteEntry {
                    kind: kind_word(model, &command),
                    title: command.title(lang),
                    graphemes,
                    key: command.key_label(lang),
                })
                .collect();
            Palette { query, entries: &entries, selected: *selected }.draw(area, buffer, model.look)
        }
        Some(Overlay::Sheet(sheet)) => lists::draw_sheet(model, sheet, area, buffer),
        Some(Overlay::Jobs { selected }) => {
            jobs::draw(model, *selected, area, buffer);
            None
        }
        Some(Overlay::Help { scroll }) => {
            let (here, anywhere) = help_lines(model);
            let place = place(model);
            Help { place: &place, here: &here, anywhere: &anywhere, scroll: *scroll }
                .draw(area, buffer, model.look);
            None
        }
    }
}

fn kind_word(model: &Model, command: &Command) -> String {
    let id = match command.does {
        Does::Go(_) | Does::People => "kind-open",
        Does::Act(_) | Does::Decide(_) | Does::Invite | Does::RemoveMarked => "kind-do",
        _ => "kind-program",
    };
    model.look.tr(id, &[])
}

/// What the place is called in the help.
fn place(model: &Model) -> String {
    match (&model.form, &model.welcome) {
        (Some(form), _) => match model.look.lang {
            Lang::Zh => form.action.zh.into(),
            Lang::En => form.action.en.into(),
        },
        (None, Some(Welcome::Locked(_))) => model.look.tr("screen-locked", &[]),
        (None, Some(_)) => model.look.tr("screen-welcome", &[]),
        (None, None) => model.look.tr(model.screen.title(), &[]),
    }
}

fn keys_label(command: &Command, lang: Lang) -> String {
    let labels: Vec<String> = command.keys().map(|key| key.label(lang)).collect();
    labels.join(" ")
}

/// The lines of the help: what is bound in this place, and what is bound everywhere.
pub fn help_lines(model: &Model) -> (Vec<Hint>, Vec<Hint>) {
    let lang = model.look.lang;
    let below = commands_below(model);
    let line = |command: &&'static Command| Hint {
        keys: keys_label(command, lang),
        text: command.title(lang),
    };
    let wide = |command: &&&'static Command| matches!(command.at, At::Anywhere | At::Page);
    let here = below.iter().filter(|command| !wide(command)).map(line).collect();
    (here, below.iter().filter(wide).map(line).collect())
}

/// The entries that are bound under the help.
fn commands_below(model: &Model) -> Vec<&'static Command> {
    let places = crate::core::commands::places_below(model);
    let of = |at| table().filter(move |c: &&Command| c.at == at && (c.when)(model));
    places.into_iter().flat_map(of).filter(|command| !command.keys.is_empty()).collect()
}

/// The hint bar, in the order of the table's ranks.
pub fn hints(model: &Model) -> Vec<Hint> {
    let lang = model.look.lang;
    let mut commands: Vec<&Command> =
        commands_here(model).into_iter().filter(|command| command.hint > 0).collect();
    commands.sort_by_key(|command| command.hint);
    let mut hints: Vec<Hint> = Vec::new();
    for command in commands {
        let text = match command.does {
            Does::Move(1 | -1) if command.at == At::Help => model.look.tr("cmd-scroll", &[]),
            Does::Move(1 | -1) if CHOOSES.contains(&command.at) => model.look.tr("cmd-choose", &[]),
            _ => command.title(lang),
        };
        match hints.last_mut() {
            Some(last) if last.text == text => last.keys.push_str(&command.key_label(lang)),
            _ => hints.push(Hint { keys: command.key_label(lang), text }),
        }
    }
    hints
}

/// Places where one of several is marked.
const CHOOSES: [At; 5] = [At::List, At::Palette, At::Popup, At::Sheet, At::Jobs];

fn tabs(model: &Model) -> Vec<Tab> {
    if model.welcome.is_some() {
        return Vec::new();
    }
    let badge = |screen| match screen {
        Screen::Today => model.today.as_ref().map_or(0, Vec::len),
        Screen::Lines if model.lines.is_queue() => model.lines.total(),
        Screen::Sync => {
            model.status.as_ref().map_or(0, |status| status.conflicts) + model.asking.len()
        }
        _ => 0,
    };
    let tab = |screen: Screen| Tab {
        digit: screen.digit(),
        title: model.look.tr(screen.title(), &[]),
        badge: badge(screen) as u64,
    };
    model.screens().into_iter().map(tab).collect()
}

fn organisation(model: &Model) -> String {
    model.me().map_or_else(String::new, |me| me.org_name.clone())
}

fn person(model: &Model) -> String {
    let Some(me) = model.me() else { return String::new() };
    let role = me.roles.first().map(|role| {
        let choice = &onex_crdt::roles::PersonRole::CHOICES[*role as usize];
        if model.look.lang == Lang::Zh { choice.zh } else { choice.en }
    });
    format!("{} {}", me.person, role.unwrap_or_default()).trim_end().to_owned()
}

/// Synced? Offline is said calmly.
fn sync_state(model: &Model) -> (Mark, String) {
    let look = model.look;
    let Some(status) = &model.status else {
        return match model.welcome {
            Some(Welcome::Locked(None)) => (Mark::Absent, look.tr("sync-locked", &[])),
            Some(_) => (Mark::Absent, look.tr("sync-not-joined", &[])),
            None => (Mark::Working, look.tr("sync-starting", &[])),
        };
    };
    if !status.me.device_active {
        return (Mark::Problem, look.tr("sync-removed", &[]));
    }
    if model.is_syncing() {
        return (Mark::Syncing, look.tr("sync-running", &[]));
    }
    if status.conflicts > 0 {
        let count = [("count", (status.conflicts as u64).into())];
        return (Mark::Attention, look.tr("sync-conflicts", &count));
    }
    if status.unsent.changes > 0 && !status.peers.is_empty() {
        let count = [("count", (status.unsent.changes as u64).into())];
        return (Mark::Syncing, look.tr("sync-unsent", &count));
    }
    let Some(at) = last_contact(&status.peers) else {
        return (Mark::Absent, look.tr("sync-never", &[]));
    };
    let minutes = (status.me.now.unix_seconds() - at.unix_seconds()) / 60;
    if minutes > OFFLINE_MINUTES {
        let ago = if minutes < 48 * 60 {
            let hours = u64::try_from(minutes / 60).unwrap_or(0);
            look.tr("age-hours", &[("hours", hours.into())])
        } else {
            words::age(look, model.now(), at)
        };
        return (Mark::Absent, look.tr("sync-offline", &[("ago", ago.as_str().into())]));
    }
    let at = words::moment(at);
    (Mark::Good, look.tr("sync-done", &[("at", at.as_str().into())]))
}

/// The status line: the last thing that happened, else whether everything is saved.
fn message(model: &Model) -> (Mark, String) {
    let look = model.look;
    let sending =
        model.form.as_ref().is_some_and(|form| form.stage == crate::core::form::Stage::Sending);
    if sending {
        return (Mark::Working, look.tr("notice-saving", &[]));
    }
    if let Some(notice) = &model.notice {
        return said(model, notice);
    }
    match jobs::status(model) {
        Some(running) => running,
        None if model.welcome == Some(Welcome::Locked(None)) => {
            (Mark::Absent, look.tr("notice-locked", &[]))
        }
        None if matches!(model.welcome, Some(Welcome::Waiting(_))) => {
            (Mark::Working, look.tr("notice-waiting", &[]))
        }
        None if model.welcome.is_some() => (Mark::Good, look.tr("notice-welcome", &[])),
        None if model.wizard_open && model.wizard.as_ref().is_some_and(Wizard::is_unfinished) => {
            (Mark::Working, look.tr("notice-import-unsaved", &[]))
        }
        None if is_unsaved(model) => (Mark::Working, look.tr("notice-unsaved", &[])),
        None if !model.drafts.is_empty() => {
            let count = [("count", (model.drafts.len() as u64).into())];
            (Mark::Working, look.tr("notice-drafts", &count))
        }
        None if model.status.is_none() => (Mark::Working, look.tr("notice-reading", &[])),
        None if model.me().is_some_and(|me| !me.device_active) => {
            (Mark::Problem, look.tr("notice-removed", &[]))
        }
        None => (Mark::Good, look.tr("notice-saved", &[])),
    }
}

/// Something that happened, in words.
fn said(model: &Model, notice: &Said) -> (Mark, String) {
    let look = model.look;
    match notice {
        Said::Said(mark, id) => (*mark, look.tr(id, &[])),
        Said::Of(mark, id, what) => (*mark, look.tr(id, &[("what", what.as_str().into())])),
        Said::Done(action) => {
            let title = words::action(look, action.id);
            // Statements of the membership log are no batch: another one takes them back.
            let is_statement = matches!((&action.run, action.undo), (Run::Node, Undo::By(_)));
            let id = match action.undo {
                Undo::By(_) | Undo::Edit if !is_statement => "notice-done-undo",
                _ => "notice-done",
            };
            (Mark::Good, look.tr(id, &[("what", title.as_str().into())]))
        }
        Said::Undone(report) => undo::said(model, report),
        Said::Imported { count, rejected: 0 } => {
            (Mark::Good, look.tr("notice-imported", &[("count", (*count as u64).into())]))
        }
        Said::Imported { count, rejected } => {
            let args = [("count", (*count as u64).into()), ("rejected", (*rejected as u64).into())];
            (Mark::Attention, look.tr("notice-imported-some", &args))
        }
        Said::Refused(refusal) => (Mark::Problem, explain(look.lang, refusal).line(look.lang)),
        Said::Failed(text) => (Mark::Problem, failure(model, text)),
    }
}

/// Whether something was typed into the form that is open.
fn is_unsaved(model: &Model) -> bool {
    let marking =
        model.training.marking().filter(|_| model.screen == Screen::Training && model.may(&MARK));
    model.form.as_ref().is_some_and(|form| model.drafts.contains(&form.draft_key()))
        || marking.is_some_and(|marking| !marking.new_marks().is_empty())
}

/// A failure as a sentence; a text that is no id of one is shown as it is.
fn failure(model: &Model, text: &str) -> String {
    let what = model.look.tr(text, &[]);
    model.look.tr("notice-failed", &[("what", what.as_str().into())])
}

/// Writes lines of text from the top, leaving out those scrolled away; tells how many rows the
/// whole text takes.
fn draw_text(
    lines: &[(String, Role)],
    scroll: usize,
    area: Rect,
    buffer: &mut Buffer,
    model: &Model,
) -> u16 {
    let width = area.width.saturating_sub(2);
    let wrapped = lines
        .iter()
        .flat_map(|(text, role)| wrap(text, width).into_iter().map(move |line| (line, *role)));
    let wrapped: Vec<(String, Role)> = wrapped.collect();
    let last = wrapped.len().saturating_sub(usize::from(area.height));
    for ((line, role), place) in wrapped.iter().skip(scroll.min(last)).zip(area.rows()) {
        Pen::new(buffer, place).write(&format!(" {line}"), model.look.style(*role));
    }
    u16::try_from(wrapped.len()).unwrap_or(u16::MAX)
}

/// Splits an area into the left part and the right one behind a rule, where there is room.
fn split(model: &Model, area: Rect, buffer: &mut Buffer) -> (Rect, Option<Rect>) {
    if !model.is_wide() || area.width < DETAIL_WIDTH * 2 {
        return (area, None);
    }
    let left = Rect { width: area.width - DETAIL_WIDTH, ..area };
    let rule = Rect { x: left.right(), width: 1, ..area };
    for line in rule.rows() {
        Pen::new(buffer, line).write("│", model.look.style(Role::Rule));
    }
    (left, Some(Rect { x: rule.right(), width: DETAIL_WIDTH - 1, ..area }))
}

/// Cuts the first rows off an area.
fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

const OFFLINE_MINUTES: i64 = 60;
const DETAIL_WIDTH: u16 = 40;
