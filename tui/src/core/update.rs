//! What happens: keys and pasted text change the model and ask for tasks.
//!
//! Pure, and it waits for nothing. What an entry of the table opens stands in
//! `open`, what workers bring back in `answers`.

mod answers;
pub mod lists;
pub mod lock;
#[cfg(test)]
mod lock_tests;
mod open;
mod people;
mod settle;
#[cfg(test)]
mod tests;
pub mod training;
#[cfg(test)]
mod training_tests;
mod undo;
mod wizard;
#[cfg(test)]
mod wizard_tests;

use crate::core::commands::{At, Command, Does, command_of, offered, places};
use crate::core::form::{FormState, Popup, Stage, Widget};
use crate::core::input::{Edited, TextInput};
use crate::core::jobs::Work;
use crate::core::keys::{Key, Typed};
use crate::core::load::{ListOf, Task, Want};
use crate::core::menu::Menu;
use crate::core::model::{Model, Notice, Overlay, Screen, Welcome};
use crate::core::sheet::Sheet;
use crate::core::wizard::Wizard;
use crate::i18n::Lang;
use crate::view::theme::{Glyphs, Mark, Scheme};

pub use answers::message;

/// Returns the tasks with which the interface begins.
pub fn start(model: &mut Model) -> Vec<Task> {
    if model.welcome.is_some() { Vec::new() } else { begin(model) }
}

/// Reads what the person left behind, and the first screen.
fn begin(model: &mut Model) -> Vec<Task> {
    let mut tasks = vec![model.ask(Want::Drafts)];
    tasks.extend(reload(model));
    tasks
}

/// Returns what is to be written before the program may end.
pub fn finish(model: &mut Model) -> Vec<Task> {
    draft_keep(model);
    model.drafts.write()
}

/// Asks whether the store changed; for the clock of the loop.
pub fn tick(model: &Model) -> Vec<Task> {
    if model.welcome.is_some() { Vec::new() } else { vec![Task::Look] }
}

/// Takes the new size of the window.
pub fn resize(model: &mut Model, columns: u16, rows: u16) -> Vec<Task> {
    model.size = (columns, rows);
    if model.welcome.is_some() { Vec::new() } else { moved(model) }
}

/// Applies a key; what was said of the one before goes from the screen.
pub fn key(model: &mut Model, key: Key) -> Vec<Task> {
    model.notice = None;
    let tasks = key_apply(model, key);
    model.note();
    tasks
}

fn key_apply(model: &mut Model, key: Key) -> Vec<Task> {
    if key != Key::ctrl('c') && key != Key::ctrl('q') {
        model.leaving = false;
    }
    if let Some(tasks) = typed(model, key) {
        return tasks;
    }
    let command_key = match key.in_list() {
        Typed::Find(_) => return find_begin(model, key),
        Typed::Command(command) => command,
    };
    let Some(command) = command_of(model, command_key) else {
        // Where no digit leads to a screen, a number begins a search too.
        let picks = places(model).contains(&At::Pick);
        let begins = |letter: char| letter.is_alphabetic() || (picks && letter.is_numeric());
        let letter = command_key.text().is_some_and(begins);
        return if letter { find_begin(model, key) } else { Vec::new() };
    };
    let tasks = does(model, command.does);
    if let Some(Overlay::Sheet(sheet)) = &mut model.overlay {
        sheet.opened_by(command_key);
    }
    tasks
}

/// Inserts pasted text where text is typed; a line end in it does nothing.
pub fn paste(model: &mut Model, text: &str) -> Vec<Task> {
    model.notice = None;
    paste_apply(model, text)
}

fn paste_apply(model: &mut Model, text: &str) -> Vec<Task> {
    if let Some(Overlay::Palette { query, selected }) = &mut model.overlay {
        query.paste(text);
        *selected = 0;
        return Vec::new();
    }
    if let Some(Overlay::Sheet(Sheet::Values { query, selected, .. })) = &mut model.overlay {
        query.paste(text);
        *selected = 0;
        return Vec::new();
    }
    if let Some(form) = &mut model.form {
        if form.popup.is_some() {
            form.popup_paste(text, model.look.lang);
            return picks_ask(model);
        }
        if form.is_typed() && form.stage != Stage::Sending {
            form.paste(text);
            draft_keep(model);
        }
        return Vec::new();
    }
    if let Some(lock) = &mut model.lock {
        lock.paste(text);
        return Vec::new();
    }
    if model.wizard_open {
        return wizard::paste(model, text);
    }
    if model.settle.is_some() {
        settle::paste(model, text);
        return Vec::new();
    }
    let list = model.list_mut().filter(|list| list.finding);
    let Some(list) = list else { return Vec::new() };
    let input = list.find.get_or_insert_with(|| TextInput::new("", FIND_CHARS_MAX));
    input.paste(text);
    list.restart();
    list_ask(model)
}

/// Offers a key to the text that has the focus; nothing when the key is not the text's.
fn typed(model: &mut Model, key: Key) -> Option<Vec<Task>> {
    if let Some(overlay) = &mut model.overlay {
        if let Overlay::Sheet(_) = overlay {
            return lists::typed(model, key);
        }
        let Overlay::Palette { query, selected } = overlay else { return None };
        let edited = query.key(key);
        if edited == Edited::Text {
            *selected = 0;
        }
        return (edited != Edited::NotMine).then(Vec::new);
    }
    if model.form.is_some() {
        return form_typed(model, key);
    }
    if let Some(lock) = &mut model.lock {
        return lock.key(key).then(Vec::new);
    }
    if let Some(tasks) = training::typed(model, key) {
        return Some(tasks);
    }
    if model.wizard_open {
        return wizard::typed(model, key);
    }
    if model.settle.is_some() {
        return settle::typed(model, key);
    }
    let list = model.list_mut().filter(|list| list.finding)?;
    let edited = list.find.as_mut()?.key(key);
    if edited == Edited::Text {
        list.restart();
        return Some(list_ask(model));
    }
    (edited != Edited::NotMine).then(Vec::new)
}

fn form_typed(model: &mut Model, key: Key) -> Option<Vec<Task>> {
    let form = model.form.as_mut()?;
    if matches!(form.stage, Stage::Sending | Stage::Loading) {
        return key.text().is_some().then(Vec::new);
    }
    let lang = model.look.lang;
    if form.popup.is_some() {
        if key.text().is_some_and(char::is_whitespace) && form.popup_ticks() {
            form.popup_take(lang);
            draft_keep(model);
            return Some(Vec::new());
        }
        return match form.popup_key(key, lang) {
            Edited::NotMine => None,
            Edited::Text => Some(picks_ask(model)),
            Edited::Cursor | Edited::Nothing => Some(Vec::new()),
        };
    }
    if form.is_typed() {
        let edited = form.key(key);
        draft_keep(model);
        return (edited != Edited::NotMine).then(Vec::new);
    }
    if key.text().is_some_and(|letter| form.searches(letter)) {
        form.open();
        form.popup_key(key, lang);
        return Some(picks_ask(model));
    }
    None
}

/// Begins a search with the character that was typed.
fn find_begin(model: &mut Model, key: Key) -> Vec<Task> {
    let covered = model.form.is_some() || model.settle.is_some() || model.undo_page.is_some();
    let covered = covered || model.welcome.is_some() || model.wizard_open;
    if covered || model.overlay.is_some() {
        return Vec::new();
    }
    let Some(list) = model.list_mut() else { return Vec::new() };
    // What was searched for before is not added to; `/` opens it again.
    let before = list.find.take().filter(|_| list.finding);
    let mut input = before.unwrap_or_else(|| TextInput::new("", FIND_CHARS_MAX));
    input.key(key);
    list.find = Some(input);
    list.finding = true;
    list.restart();
    list_ask(model)
}

/// Does what an entry of the table says.
pub fn does(model: &mut Model, does: Does) -> Vec<Task> {
    let is_page = model.form.is_none() && model.overlay.is_none();
    let on_page = |model: &mut Model| {
        let done = undo::does(model, does).or_else(|| wizard::does(model, does));
        done.or_else(|| settle::does(model, does))
    };
    if let Some(tasks) = is_page.then(|| on_page(model)).flatten() {
        return tasks;
    }
    match does {
        Does::Move(by) => step(model, by),
        Does::Pages(pages) => step(model, pages * isize::try_from(model.shown()).unwrap_or(1)),
        Does::Open => enter(model),
        Does::Back => back(model),
        Does::Go(screen) => go(model, screen),
        Does::Palette | Does::Help | Does::Jobs | Does::StopJob => {
            overlay(model, does);
            Vec::new()
        }
        Does::Language | Does::Glyphs | Does::Colours => {
            setting(model, does);
            Vec::new()
        }
        Does::SyncNow => sync(model, None),
        Does::Repaint => {
            model.repaint = true;
            Vec::new()
        }
        Does::Quit => {
            leave(model, Leaving::AtOnce);
            Vec::new()
        }
        Does::Interrupt => {
            leave(model, Leaving::Twice);
            Vec::new()
        }
        Does::Find => {
            if let Some(list) = model.list_mut() {
                list.find.get_or_insert_with(|| TextInput::new("", FIND_CHARS_MAX));
                list.finding = true;
            }
            Vec::new()
        }
        Does::Sort | Does::Filter | Does::Turn | Does::Tick | Does::TickAll => {
            list_does(model, does);
            Vec::new()
        }
        Does::Unchip => lists::unchip(model),
        Does::Train(does) => training::does(model, does),
        Does::Act(action) => open::act(model, action),
        Does::Decide(outcome) => open::decide(model, outcome),
        Does::Invite => open::invite(model),
        Does::People | Does::RemoveMarked => people::does(model, does),
        Does::Send => open::send(model),
        Does::TakeBack(what) => undo::begin(model, what),
        Does::Import(roster) => wizard::open(model, roster, None),
        Does::Side(_) | Does::Pick | Does::Whole | Does::Beside(_) => Vec::new(),
        Does::Complete | Does::PasteField | Does::LeaveOut | Does::Sheet => Vec::new(),
        Does::Choices => {
            let kind = model.form.as_mut().and_then(|form| form.open());
            if kind.is_some() { picks_ask(model) } else { Vec::new() }
        }
        Does::Swap => {
            if let Some(form) = &mut model.form {
                form.swap();
            }
            draft_keep(model);
            model.drafts.write()
        }
    }
}

/// Opens something over the screen, or does something in it.
fn overlay(model: &mut Model, does: Does) {
    match does {
        Does::Palette => {
            let query = TextInput::new("", FIND_CHARS_MAX);
            model.overlay = Some(Overlay::Palette { query, selected: 0 });
        }
        Does::Jobs => model.overlay = Some(Overlay::Jobs { selected: 0 }),
        Does::StopJob => {
            if let Some(Overlay::Jobs { selected }) = model.overlay {
                model.jobs.stop_at(selected);
            }
        }
        _ => model.overlay = Some(Overlay::Help { scroll: 0 }),
    }
}

fn list_does(model: &mut Model, does: Does) {
    match does {
        Does::Sort => lists::sort(model),
        Does::Filter => lists::filter(model),
        Does::Turn => lists::turn(model),
        Does::Tick => lists::tick(model),
        _ => lists::tick_all(model),
    }
}

fn setting(model: &mut Model, does: Does) {
    match does {
        Does::Language => {
            model.look.lang = if model.look.lang == Lang::Zh { Lang::En } else { Lang::Zh };
        }
        Does::Glyphs => {
            model.glyphs = match model.glyphs {
                Glyphs::Unicode => Glyphs::Safe,
                Glyphs::Safe => Glyphs::Unicode,
            };
        }
        _ => {
            model.look.scheme = match model.look.scheme {
                Scheme::Colour => Scheme::ColourBlind,
                Scheme::ColourBlind => Scheme::Mono,
                Scheme::Mono => Scheme::Colour,
            };
        }
    }
}

fn go(model: &mut Model, screen: Screen) -> Vec<Task> {
    training::keep(model);
    if model.screen == Screen::Training && screen == Screen::Training {
        model.training.pages.clear();
    }
    settle::put_aside(model);
    model.undo_page = None;
    model.wizard_open = false;
    model.screen = screen;
    model.line_open = false;
    model.page_open = false;
    model.people_open = false;
    model.scroll = 0;
    reload(model)
}

fn sync(model: &mut Model, peer: Option<onex_crdt::ids::DeviceId>) -> Vec<Task> {
    if model.is_syncing() {
        return Vec::new();
    }
    vec![model.jobs.begin(Work::Sync { peer }, model.clock)]
}

fn step(model: &mut Model, by: isize) -> Vec<Task> {
    if let Some(overlay) = &mut model.overlay {
        match overlay {
            Overlay::Sheet(_) => lists::step(model, by),
            Overlay::Jobs { selected } => {
                let last = (model.jobs.all().len() + model.notices.len()).saturating_sub(1);
                *selected = selected.saturating_add_signed(by).min(last);
            }
            Overlay::Help { scroll } => *scroll = scroll.saturating_add_signed(by).min(SCROLL_MAX),
            Overlay::Palette { .. } => {
                let last = palette_entries(model).len().saturating_sub(1);
                if let Some(Overlay::Palette { selected, .. }) = &mut model.overlay {
                    *selected = selected.saturating_add_signed(by).min(last);
                }
            }
        }
        return Vec::new();
    }
    if let Some(form) = &mut model.form {
        if form.popup.is_some() {
            form.popup_step(by);
            return Vec::new();
        }
        form.step(by);
        draft_keep(model);
        return model.drafts.write();
    }
    if let Some(welcome) = &mut model.welcome {
        if let Welcome::Role { selected } = welcome {
            *selected = selected.saturating_add_signed(by).min(open::ROLES - 1);
        }
        return Vec::new();
    }
    if model.screen == Screen::Training && training::step(model, by) {
        return Vec::new();
    }
    let stepped = |at: usize, len: usize| at.saturating_add_signed(by).min(len.saturating_sub(1));
    match model.screen {
        Screen::Today => {
            model.today_at = stepped(model.today_at, model.today.as_ref().map_or(0, Vec::len));
        }
        Screen::Lines if model.line_open => {
            model.scroll = model.scroll.saturating_add_signed(by).min(SCROLL_MAX);
        }
        Screen::Directory if model.people_open => people::step(model, by),
        Screen::Directory if model.page_open => {
            let contacts = model.page.as_ref().map_or(0, |page| page.contacts.len());
            model.contact_at = stepped(model.contact_at, contacts);
        }
        Screen::Sync => model.sync_at = stepped(model.sync_at, model.sync_len()),
        Screen::Settings => model.settings_at = stepped(model.settings_at, SETTINGS),
        Screen::Lines | Screen::Training | Screen::Directory => {
            if let Some(list) = model.list_mut() {
                list.step(by);
            }
            return moved(model);
        }
    }
    Vec::new()
}

/// Asks for what the mark now needs: rows around it, its detail in a wide window.
fn moved(model: &mut Model) -> Vec<Task> {
    let shown = model.shown();
    let covered = model.list().is_none_or(|list| list.covers(shown));
    let mut tasks = if covered { Vec::new() } else { list_ask(model) };
    tasks.extend(detail_ask(model));
    tasks
}

fn list_ask(model: &mut Model) -> Vec<Task> {
    list_want(model).map(|want| model.ask(want)).into_iter().collect()
}

/// The window of the screen's list around its mark.
fn list_want(model: &Model) -> Option<Want> {
    let (of, list) = match model.screen {
        Screen::Lines => (ListOf::Lines, &model.lines),
        Screen::Directory => (ListOf::Directory, &model.directory),
        Screen::Training => (training::list_of(model), model.training.list()?),
        Screen::Today | Screen::Sync | Screen::Settings => return None,
    };
    Some(Want::Rows(of, list.window(model.shown())))
}

fn detail_ask(model: &mut Model) -> Option<Task> {
    if !model.is_wide() {
        return None;
    }
    match model.screen {
        Screen::Lines if !model.line_open => {
            let id = model.lines.current()?.id;
            let is_here = model.line.as_ref().is_some_and(|line| line.row.id == id);
            (!is_here).then(|| model.ask(Want::Line(id)))
        }
        Screen::Directory if !model.page_open && !model.people_open => {
            let id = model.directory.current()?.id;
            let is_here = model.page.as_ref().is_some_and(|page| page.row.id == id);
            (!is_here).then(|| model.ask(Want::Organisation(id)))
        }
        Screen::Training => training::detail_want(model).map(|want| model.ask(want)),
        _ => None,
    }
}

/// Reads everything that is on the screen.
pub fn reload(model: &mut Model) -> Vec<Task> {
    let mut tasks = vec![model.ask(Want::Overview)];
    match model.screen {
        Screen::Today => tasks.push(model.ask(Want::Today)),
        Screen::Lines | Screen::Directory => tasks.extend(list_ask(model)),
        Screen::Training => tasks.extend(training::ask(model)),
        Screen::Sync => tasks.push(model.ask(Want::Sync)),
        Screen::Settings => {}
    }
    if model.screen == Screen::Directory && model.people_open {
        tasks.push(model.ask(Want::People));
    }
    let settling = model.settle.as_ref().map(|settle| (settle.kind.key, settle.record));
    tasks.extend(settling.map(|(kind, id)| model.ask(Want::Settle(kind, id))));
    let line = model.line.as_ref().map(|line| line.row.id);
    if let Some(id) = line.filter(|_| model.screen == Screen::Lines) {
        tasks.push(model.ask(Want::Line(id)));
    }
    let page = model.page.as_ref().map(|page| page.row.id);
    if let Some(id) = page.filter(|_| model.screen == Screen::Directory) {
        tasks.push(model.ask(Want::Organisation(id)));
    }
    tasks
}

fn enter(model: &mut Model) -> Vec<Task> {
    if let Some(Overlay::Palette { selected, .. }) = &model.overlay {
        let command = palette_entries(model).get(*selected).map(|(command, _)| *command);
        model.overlay = None;
        return command.map_or_else(Vec::new, |command| does(model, command.does));
    }
    if let Some(Overlay::Sheet(_)) = &model.overlay {
        return lists::take(model);
    }
    if let Some(form) = &mut model.form {
        if form.popup.is_some() {
            form.popup_take(model.look.lang);
            draft_keep(model);
        }
        return model.drafts.write();
    }
    if let Some(list) = model.list_mut().filter(|list| list.finding) {
        list.finding = false;
        return Vec::new();
    }
    open::marked(model)
}

/// One step back; texts stay where they were typed.
fn back(model: &mut Model) -> Vec<Task> {
    if model.overlay.take().is_some() {
        return Vec::new();
    }
    if let Some(form) = &mut model.form {
        if form.popup.take().is_none() {
            draft_keep(model);
            open::leave_form(model);
        }
        return model.drafts.write();
    }
    if model.lock.is_some() {
        lock::back(model);
        return Vec::new();
    }
    if let Some(welcome) = &mut model.welcome {
        *welcome = Welcome::Keys;
        return Vec::new();
    }
    if let Some(tasks) = lists::back(model) {
        return tasks;
    }
    if let Some(tasks) = training::back(model) {
        return tasks;
    }
    if std::mem::take(&mut model.people_open) {
        return reload(model);
    }
    if model.line_open || model.page_open {
        model.line_open = false;
        model.page_open = false;
        return reload(model);
    }
    if model.screen == Screen::Today { Vec::new() } else { go(model, Screen::Today) }
}

/// How willingly a key ends the program.
#[derive(PartialEq, Eq)]
enum Leaving {
    /// When pressed once, unless a job would be stopped.
    AtOnce,
    /// When pressed twice.
    Twice,
}

/// Leaves; what is not saved yet is there at the next start, but a job would not go on and a roster
/// lives no longer than the program.
fn leave(model: &mut Model, leaving: Leaving) {
    let runs = model.jobs.running().next().map(|job| job.title);
    let loses = model.wizard.as_ref().is_some_and(Wizard::is_unfinished);
    let asks = runs.is_some() || loses || leaving == Leaving::Twice;
    model.finished = model.leaving || !asks;
    if model.finished {
        model.jobs.stop_all();
        return;
    }
    model.leaving = true;
    model.notice = Some(match runs {
        Some(title) => Notice::Of(Mark::Attention, "notice-jobs-run", model.look.tr(title, &[])),
        None if loses => Notice::Said(Mark::Attention, "notice-import-lost"),
        None => Notice::Said(Mark::Attention, "notice-again-to-leave"),
    });
}

fn draft_keep(model: &mut Model) {
    let kept = |form: &&FormState| form.many.is_none() && !form.marked;
    let Some(form) = model.form.as_ref().filter(kept) else { return };
    if form.stage != Stage::Loading {
        model.drafts.keep(form.draft_key(), form.draft());
    }
}

fn picks_ask(model: &mut Model) -> Vec<Task> {
    let Some(form) = &model.form else { return Vec::new() };
    let kind = match form.current().map(|field| field.widget()) {
        Some(Widget::Record(kind) | Widget::Records(kind)) => kind,
        _ => return Vec::new(),
    };
    let Some(Popup::Records { query, .. }) = &form.popup else { return Vec::new() };
    let text = query.value().to_owned();
    vec![model.ask(Want::Picks(kind, text))]
}

/// Returns what the palette shows: each entry with the graphemes of its title to mark.
pub fn palette_entries(model: &Model) -> Vec<(Command, Vec<usize>)> {
    let Some(Overlay::Palette { query, .. }) = &model.overlay else { return Vec::new() };
    let offered = offered(model);
    let titles: Vec<String> =
        offered.iter().map(|command| command.title(model.look.lang)).collect();
    let found = Menu::new(titles.iter().map(String::as_str)).find(query.value());
    found.into_iter().map(|hit| (offered[hit.entry], hit.graphemes)).collect()
}

/// How many entries 设置 has.
pub const SETTINGS: usize = 3;
const FIND_CHARS_MAX: usize = 60;
const SCROLL_MAX: usize = 10_000;
