//! The action table of the interface: one entry for each thing a person can do here.
//!
//! Keys, hint bar, palette and help all come from it; what an entry does is `update`'s. No entry
//! needs a letter, which an input method would keep for itself (tui.md, finding 1).

mod import;
mod item;
mod pages;
mod people;
mod training;

use onex_crdt::action::{Action, Run, Subject};
use onex_crdt::records::application::actions::DECIDE;
use onex_crdt::records::membership;
use onex_crdt::registry;

pub use crate::core::commands::item::{At, Command, Does, Title};
use crate::core::commands::item::{act, always, decide, entry, keys, when};
use crate::core::commands::pages::can;
use crate::core::keys::Key;
use crate::core::model::{Model, Overlay, Screen};
use crate::core::wizard::Step;

/// Returns where the person is, the innermost place first.
pub fn places(model: &Model) -> Vec<At> {
    match model.overlay {
        Some(Overlay::Palette { .. }) => return vec![At::Palette],
        Some(Overlay::Help { .. }) => return vec![At::Help],
        Some(Overlay::Sheet(_)) => return vec![At::Sheet],
        Some(Overlay::Jobs { .. }) => return vec![At::Jobs],
        None => {}
    }
    places_below(model)
}

/// Returns where the person is under palette and help.
pub fn places_below(model: &Model) -> Vec<At> {
    if let Some(form) = &model.form {
        let inner = if form.popup.is_some() { At::Popup } else { At::Form };
        return vec![inner, At::Anywhere];
    }
    if model.welcome.is_some() {
        return vec![At::Welcome, At::Anywhere];
    }
    if model.undo_page.is_some() {
        return vec![At::Undo, At::Anywhere];
    }
    if let Some(at) = import_place(model) {
        return vec![at, At::Anywhere];
    }
    if model.settle.is_some() {
        return vec![At::Settle, At::Anywhere];
    }
    let screen = match model.screen {
        Screen::Today => vec![At::Today, At::List],
        Screen::Lines if model.line_open => vec![At::Line],
        Screen::Lines => vec![At::Lines, At::List],
        Screen::Directory if model.people_open => vec![At::People, At::List],
        Screen::Directory if model.page_open => vec![At::Organisation, At::List],
        Screen::Directory => vec![At::Directory, At::List],
        Screen::Training => training::places(model),
        Screen::Sync => vec![At::Sync, At::List],
        Screen::Settings => vec![At::Settings, At::List],
    };
    let finds = model.list().is_some_and(|list| list.finding);
    let mut places: Vec<At> = if finds { vec![At::Find] } else { Vec::new() };
    places.extend(screen);
    let is_page = !matches!(places.first(), Some(At::Marking | At::Pair | At::Pick));
    if !finds && is_page {
        places.push(At::Page);
    }
    places.push(At::Anywhere);
    places
}

/// Returns every entry.
pub fn table() -> impl Iterator<Item = &'static Command> {
    let all = [pages::COMMANDS, import::COMMANDS, people::COMMANDS, training::COMMANDS];
    all.into_iter().flatten()
}

fn import_place(model: &Model) -> Option<At> {
    let step = model.import_step()?;
    let wizard = model.wizard.as_ref()?;
    Some(match step {
        Step::Source if wizard.pasted.is_some() => At::ImportPaste,
        Step::Source => At::ImportSource,
        Step::Columns if wizard.choice.is_some() => At::ImportTargets,
        Step::Columns => At::ImportColumns,
        Step::Rows if wizard.input.is_some() => At::ImportCell,
        Step::Rows => At::ImportRows,
        Step::Summary => At::ImportSummary,
    })
}

/// Returns the entry that a key stands for now.
pub fn command_of(model: &Model, key: Key) -> Option<&'static Command> {
    let places = places(model);
    let of = |at: At| {
        table().find(|command| {
            command.at == at && command.keys().any(|known| known == key) && (command.when)(model)
        })
    };
    places.into_iter().find_map(of)
}

/// Returns the entries whose keys are bound here, the innermost place first.
pub fn commands_here(model: &Model) -> Vec<&'static Command> {
    let places = places(model);
    let of = |at: At| table().filter(move |c| c.at == at && (c.when)(model));
    let all: Vec<&'static Command> = places.into_iter().flat_map(of).collect();
    let bound = |command: &&'static Command| {
        let mut keys = command.keys();
        keys.any(|key| command_of(model, key).is_some_and(|found| found.id == command.id))
    };
    all.into_iter().filter(bound).collect()
}

/// Returns what the palette offers: everything that can be done from the page below it.
pub fn offered(model: &Model) -> Vec<Command> {
    let on_page = |command: &&Command| match command.at {
        At::Palette | At::Help | At::Sheet | At::Jobs | At::Popup | At::Find => false,
        At::Form => model.form.is_some(),
        At::Welcome => model.welcome.is_some() && model.form.is_none(),
        At::Page => model.welcome.is_none(),
        at => at == At::Anywhere || bottom_places(model).contains(&at),
    };
    let is_step = |command: &&Command| !matches!(command.does, Does::Move(_) | Does::Pages(_));
    let ready = table().filter(|command| (command.when)(model));
    let mut offered: Vec<Command> = ready.filter(is_step).filter(on_page).copied().collect();
    if model.form.is_none() && model.welcome.is_none() {
        let others = registry::ACTIONS.iter().filter(|action| is_form(model, action));
        offered.extend(others.filter(|a| !has_entry(a)).map(|action| Command {
            id: action.id,
            title: Title::Action(action),
            keys: &[],
            at: At::Page,
            when: always,
            does: Does::Act(action),
            hint: 0,
        }));
    }
    offered
}

fn bottom_places(model: &Model) -> Vec<At> {
    if model.form.is_some() || model.welcome.is_some() {
        return Vec::new();
    }
    if model.undo_page.is_some() {
        return vec![At::Undo];
    }
    if let Some(at) = import_place(model) {
        return vec![at];
    }
    if model.settle.is_some() {
        return vec![At::Settle];
    }
    match model.screen {
        Screen::Today => vec![At::Today],
        Screen::Lines if model.line_open => vec![At::Line],
        Screen::Lines => vec![At::Lines],
        Screen::Directory if model.people_open => vec![At::People],
        Screen::Directory if model.page_open => vec![At::Organisation],
        Screen::Directory => vec![At::Directory],
        Screen::Training => training::places(model),
        Screen::Sync => vec![At::Sync],
        Screen::Settings => vec![At::Settings],
    }
}

/// Whether an action of the domain without an entry can be given by its form from here.
fn is_form(model: &Model, action: &Action) -> bool {
    let taken = model.subject_of(action).is_some_and(|row| {
        let state = row.state().unwrap_or_default();
        action.from.is_empty() || action.from.contains(&state)
    });
    let device_role = action.id.starts_with("role.");
    let runs = matches!(action.run, Run::Rule(_)) || device_role;
    runs && model.may(action) && (action.subject != Subject::Takes || taken)
}

fn has_entry(action: &Action) -> bool {
    table().any(|command| match command.does {
        Does::Act(own) => own.id == action.id,
        Does::Decide(_) => action.id == DECIDE.id,
        Does::Invite => action.id == membership::DEVICE_INVITE.id,
        Does::RemoveMarked => people::REMOVING.contains(&action.id),
        _ => false,
    })
}
