//! The action table of the interface: one entry for each thing a person can do here.
//!
//! Keys, hint bar, palette and help all come from it; what an entry does is `update`'s. No entry
//! needs a letter, which an input method would keep for itself (tui.md, finding 1).

mod import;
mod people;
mod training;

use onex_crdt::action::{Action, Run, Subject};
use onex_crdt::field::Choice;
use onex_crdt::records::application::Outcome;
use onex_crdt::records::application::actions::{ADD, DECIDE, EDIT, SUBMIT, WITHDRAW};
use onex_crdt::records::{contact, learner, membership, organisation};
use onex_crdt::registry;
use onex_crdt::roles::OrgRole;
use onex_node::import::Roster;

use crate::core::form::{Left, Widget};
use crate::core::keys::Key;
use crate::core::lock::{Asks, Lock};
use crate::core::model::{Model, Overlay, Screen, Welcome};
use crate::core::sheet::Sheet;
use crate::core::undo::TakeBack;
use crate::core::update::training::Train;
use crate::core::wizard::Step;
use crate::i18n::{Lang, tr};

/// One thing that a person can do.
#[derive(Clone, Copy)]
pub struct Command {
    /// What it is called in tests and logs.
    pub id: &'static str,
    /// Its title.
    pub title: Title,
    /// Its keys as `Key` reads them; the first is the one that is shown.
    pub keys: &'static [&'static str],
    /// Where its keys are bound.
    pub at: At,
    /// Whether it can be done now.
    pub when: fn(&Model) -> bool,
    /// What it does.
    pub does: Does,
    /// Its place in the hint bar; 0 keeps it out.
    pub hint: u8,
}

/// What an entry is called.
#[derive(Clone, Copy)]
pub enum Title {
    /// A text of `i18n`.
    Text(&'static str),
    /// As the action of the domain is.
    Action(&'static Action),
    /// As an outcome that it decides is.
    Choice(&'static Choice),
}

/// A place where keys are bound, the innermost first in `places`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// The palette.
    Palette,
    /// The help.
    Help,
    /// A sheet that orders or filters a list.
    Sheet,
    /// Jobs and what happened before.
    Jobs,
    /// A list over a field.
    Popup,
    /// A form.
    Form,
    /// A record in conflict.
    Settle,
    /// What an undoing left alone.
    Undo,
    /// The first step of an import.
    ImportSource,
    /// The field for a pasted table.
    ImportPaste,
    /// The columns of a roster.
    ImportColumns,
    /// The list of fields over a column.
    ImportTargets,
    /// The rows of a roster.
    ImportRows,
    /// A cell that is mended.
    ImportCell,
    /// What will be saved of a roster.
    ImportSummary,
    /// The first use.
    Welcome,
    /// The line of a search.
    Find,
    /// 今日.
    Today,
    /// The list of 申报.
    Lines,
    /// One line.
    Line,
    /// The list of 机构.
    Directory,
    /// One organisation.
    Organisation,
    /// Devices and people.
    People,
    /// The list of classes.
    Classes,
    /// The list of learners.
    Learners,
    /// One learner.
    Learner,
    /// One class.
    Class,
    /// Its roster.
    Roster,
    /// Its meetings.
    Meetings,
    /// Learners to be put into a class.
    Pick,
    /// The sheet of a meeting.
    Marking,
    /// Two records of one person.
    Pair,
    /// 同步.
    Sync,
    /// 设置.
    Settings,
    /// Every list.
    List,
    /// Every page with tabs, when no text is typed.
    Page,
    /// Everywhere.
    Anywhere,
}

/// What an entry does.
#[derive(Clone, Copy)]
pub enum Does {
    /// Moves the mark by rows.
    Move(isize),
    /// Moves the mark by pages.
    Pages(isize),
    /// Opens or does the marked entry.
    Open,
    /// One step back.
    Back,
    /// Opens a screen.
    Go(Screen),
    /// Opens the palette.
    Palette,
    /// Opens or closes the help.
    Help,
    /// Opens the list of jobs and of what happened before.
    Jobs,
    /// Asks the marked job to stop.
    StopJob,
    /// Changes the language.
    Language,
    /// Changes the glyph set.
    Glyphs,
    /// Changes the colours.
    Colours,
    /// Syncs with all.
    SyncNow,
    /// Draws everything anew.
    Repaint,
    /// Ends the program.
    Quit,
    /// Ends it when pressed twice.
    Interrupt,
    /// Opens the line of a search.
    Find,
    /// Opens the sheet that orders the list.
    Sort,
    /// Opens the sheet that filters the list.
    Filter,
    /// Turns the order of the sheet round.
    Turn,
    /// Ticks the marked row, or takes its tick away.
    Tick,
    /// Ticks every row that matches.
    TickAll,
    /// Takes the newest filter away.
    Unchip,
    /// Opens the form of an action.
    Act(&'static Action),
    /// Opens the form of a decision.
    Decide(Outcome),
    /// Invites a device of the marked organisation.
    Invite,
    /// Opens devices and people.
    People,
    /// Removes the marked device, or makes the marked invitation useless.
    RemoveMarked,
    /// Something of 培训.
    Train(Train),
    /// Sends the form.
    Send,
    /// Opens the list of the field.
    Choices,
    /// Opens the import of a roster.
    Import(Roster),
    /// Completes a path.
    Complete,
    /// Opens the field for a pasted table.
    PasteField,
    /// Leaves the marked row out, or takes it in again.
    LeaveOut,
    /// Takes the next sheet of a workbook.
    Sheet,
    /// Takes something back.
    TakeBack(TakeBack),
    /// Marks another of the values in conflict.
    Side(isize),
    /// Picks the marked value.
    Pick,
    /// Opens the record in conflict before or after this one.
    Beside(isize),
    /// Shows personal data whole, or masked again.
    Whole,
    /// Puts aside what was restored into the form, or brings it back.
    Swap,
}

impl Command {
    /// Returns the title.
    pub fn title(&self, lang: Lang) -> String {
        match self.title {
            Title::Text(id) => tr(lang, id, &[]),
            Title::Action(action) => if lang == Lang::Zh { action.zh } else { action.en }.into(),
            Title::Choice(choice) => if lang == Lang::Zh { choice.zh } else { choice.en }.into(),
        }
    }

    /// Returns the keys; every one in the table is a key (a test reads them all).
    pub fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        self.keys.iter().filter_map(|key| key.parse().ok())
    }

    /// Returns the key that is shown.
    pub fn key_label(&self, lang: Lang) -> String {
        self.keys().next().map_or_else(String::new, |key| key.label(lang))
    }
}

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
    let all = [COMMANDS, import::COMMANDS, people::COMMANDS, training::COMMANDS];
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

fn always(_: &Model) -> bool {
    true
}

/// Whether an action can be taken on what is ticked, else on what is marked.
fn can(model: &Model, action: &Action) -> bool {
    if let Some(list) = model.list().filter(|list| list.ticked() > 0) {
        return action.kind == Some(list.spec.kind) && model.may(action);
    }
    let Some(row) = model.subject_of(action) else { return false };
    let state = row.state().unwrap_or_default();
    (action.from.is_empty() || action.from.contains(&state)) && model.may(action)
}

fn can_decide(model: &Model) -> bool {
    can(model, &DECIDE)
}

fn can_grant(model: &Model) -> bool {
    let asked = |row: &onex_crdt::record::Row| row.text("pending_request") == Some("withdrawal");
    let ticks = model.list().is_some_and(|list| list.ticked() > 0);
    !ticks && can_decide(model) && model.subject().is_some_and(|(_, row)| asked(row))
}

fn own_page(model: &Model) -> bool {
    let own = model.me().map(|me| onex_crdt::ids::RecordId::from(me.org_id));
    model.page.as_ref().map(|page| page.row.id) == own
}

fn can_invite(model: &Model) -> bool {
    let row = match (model.page_open, &model.page) {
        (true, Some(page)) => Some(&page.row),
        _ => model.directory.current(),
    };
    let own = model.me().map(|me| onex_crdt::ids::RecordId::from(me.org_id));
    let of_hub = model.role() == Some(OrgRole::Hub);
    model.may(&membership::DEVICE_INVITE) && row.is_some_and(|row| of_hub || Some(row.id) == own)
}

fn finds(model: &Model) -> bool {
    model.list().is_some_and(|list| !list.finding)
}

fn has_choices(model: &Model) -> bool {
    let field = model.form.as_ref().and_then(|form| form.current());
    field.is_some_and(|field| !matches!(field.widget(), Widget::Text) || !field.ready.is_empty())
}

fn is_restored(model: &Model) -> bool {
    model.form.as_ref().is_some_and(|form| form.left == Left::Restored)
}

fn is_aside(model: &Model) -> bool {
    model.form.as_ref().is_some_and(|form| matches!(form.left, Left::Aside(_)))
}

fn can_stop(model: &Model) -> bool {
    let Some(Overlay::Jobs { selected }) = model.overlay else { return false };
    let job = model.jobs.all().get(selected);
    job.is_some_and(|job| job.can_stop && job.ended.is_none() && !job.is_stopping())
}

fn has_secret(model: &Model) -> bool {
    let fields = model.settle.iter().flat_map(|settle| {
        settle.fields.iter().filter_map(|field| settle.kind.field(&field.conflict.field))
    });
    fields.into_iter().any(|field| field.secret)
}

fn can_import(model: &Model) -> bool {
    model.may(&learner::actions::ADD)
}

fn has_due(model: &Model) -> bool {
    model.today.as_ref().is_some_and(|due| !due.is_empty())
}

fn has_list(model: &Model) -> bool {
    model.list().is_some()
}

fn has_chips(model: &Model) -> bool {
    model.list().is_some_and(|list| !list.chips.is_empty())
}

fn sorts(model: &Model) -> bool {
    matches!(model.overlay, Some(Overlay::Sheet(Sheet::Sort { .. })))
}

const fn entry(id: &'static str, text: &'static str, at: At, does: Does) -> Command {
    Command { id, title: Title::Text(text), keys: &[], at, when: always, does, hint: 0 }
}

const fn keys(keys: &'static [&'static str], hint: u8, command: Command) -> Command {
    Command { keys, hint, ..command }
}

const fn when(when: fn(&Model) -> bool, command: Command) -> Command {
    Command { when, ..command }
}

const fn act(action: &'static Action, at: At, when: fn(&Model) -> bool) -> Command {
    let title = Title::Action(action);
    Command { id: action.id, title, keys: &[], at, when, does: Does::Act(action), hint: 0 }
}

const fn decide(outcome: Outcome, at: At, when: fn(&Model) -> bool) -> Command {
    let choice = &Outcome::CHOICES[outcome as usize];
    let (title, does) = (Title::Choice(choice), Does::Decide(outcome));
    Command { id: choice.id, title, keys: &[], at, when, does, hint: 0 }
}

/// What can be done in the interface.
pub static COMMANDS: &[Command] = &[
    // Over everything.
    keys(&["Up"], 1, entry("palette-up", "cmd-up", At::Palette, Does::Move(-1))),
    keys(&["Down"], 2, entry("palette-down", "cmd-down", At::Palette, Does::Move(1))),
    keys(&["Enter"], 3, entry("palette-open", "cmd-do", At::Palette, Does::Open)),
    keys(
        &["Esc", "F10", "Ctrl+K"],
        4,
        entry("palette-close", "cmd-close", At::Palette, Does::Back),
    ),
    keys(&["Up"], 1, entry("help-up", "cmd-up", At::Help, Does::Move(-1))),
    keys(&["Down"], 2, entry("help-down", "cmd-down", At::Help, Does::Move(1))),
    keys(&["Esc", "F1", "Enter"], 3, entry("help-close", "cmd-close", At::Help, Does::Back)),
    keys(&["F3"], 4, entry("help-language", "cmd-language", At::Help, Does::Language)),
    keys(&["Up"], 1, entry("sheet-up", "cmd-up", At::Sheet, Does::Move(-1))),
    keys(&["Down"], 2, entry("sheet-down", "cmd-down", At::Sheet, Does::Move(1))),
    keys(
        &["Right", "Left"],
        3,
        when(sorts, entry("sheet-turn", "cmd-turn", At::Sheet, Does::Turn)),
    ),
    keys(&["Enter"], 4, entry("sheet-take", "cmd-take", At::Sheet, Does::Open)),
    keys(&["Esc"], 5, entry("sheet-close", "cmd-close", At::Sheet, Does::Back)),
    keys(&["Up"], 1, entry("jobs-up", "cmd-up", At::Jobs, Does::Move(-1))),
    keys(&["Down"], 2, entry("jobs-down", "cmd-down", At::Jobs, Does::Move(1))),
    keys(
        &["Delete", "F8"],
        3,
        when(can_stop, entry("jobs-stop", "cmd-stop-job", At::Jobs, Does::StopJob)),
    ),
    keys(&["Esc", "F12", "Ctrl+G"], 4, entry("jobs-close", "cmd-close", At::Jobs, Does::Back)),
    // Forms.
    keys(&["Up"], 1, entry("popup-up", "cmd-up", At::Popup, Does::Move(-1))),
    keys(&["Down"], 2, entry("popup-down", "cmd-down", At::Popup, Does::Move(1))),
    keys(&["Enter"], 3, entry("popup-take", "cmd-take", At::Popup, Does::Open)),
    keys(&["Esc", "F4", "Tab"], 4, entry("popup-close", "cmd-close", At::Popup, Does::Back)),
    keys(&["F2", "Ctrl+S"], 1, entry("form-send", "cmd-send", At::Form, Does::Send)),
    keys(&["Enter", "Tab", "Down"], 2, entry("form-next", "cmd-next", At::Form, Does::Move(1))),
    keys(&["Shift+Tab", "Up"], 3, entry("form-previous", "cmd-previous", At::Form, Does::Move(-1))),
    keys(
        &["F4", "Alt+Down", "Space"],
        4,
        when(has_choices, entry("form-choices", "cmd-choices", At::Form, Does::Choices)),
    ),
    keys(&["F8"], 6, when(is_restored, entry("form-anew", "cmd-form-anew", At::Form, Does::Swap))),
    keys(
        &["F8"],
        6,
        when(is_aside, entry("form-restore", "cmd-form-restore", At::Form, Does::Swap)),
    ),
    keys(&["PageDown"], 0, entry("form-page-down", "cmd-page-down", At::Form, Does::Pages(1))),
    keys(&["PageUp"], 0, entry("form-page-up", "cmd-page-up", At::Form, Does::Pages(-1))),
    keys(&["Esc"], 5, entry("form-leave", "cmd-leave-form", At::Form, Does::Back)),
    // A record in conflict.
    keys(&["Left"], 1, entry("settle-left", "cmd-side", At::Settle, Does::Side(-1))),
    keys(&["Right"], 1, entry("settle-right", "cmd-side", At::Settle, Does::Side(1))),
    keys(&["Up"], 2, entry("settle-up", "cmd-field", At::Settle, Does::Move(-1))),
    keys(&["Down"], 2, entry("settle-down", "cmd-field", At::Settle, Does::Move(1))),
    keys(&["Space"], 3, entry("settle-pick", "cmd-pick", At::Settle, Does::Pick)),
    keys(&["Enter"], 0, entry("settle-take", "cmd-pick-next", At::Settle, Does::Open)),
    keys(&["F2", "Ctrl+S"], 4, entry("settle-send", "cmd-settle", At::Settle, Does::Send)),
    keys(&["F4"], 5, entry("settle-other", "cmd-other-value", At::Settle, Does::Choices)),
    keys(&["F6"], 6, when(has_secret, entry("settle-whole", "cmd-whole", At::Settle, Does::Whole))),
    keys(&["F8", "Esc"], 7, entry("settle-later", "cmd-later", At::Settle, Does::Back)),
    keys(&["PageUp"], 0, entry("settle-before", "cmd-record-before", At::Settle, Does::Beside(-1))),
    keys(&["PageDown"], 0, entry("settle-after", "cmd-record-after", At::Settle, Does::Beside(1))),
    // What an undoing left alone.
    keys(&["Up"], 1, entry("undo-up", "cmd-choose", At::Undo, Does::Move(-1))),
    keys(&["Down"], 1, entry("undo-down", "cmd-choose", At::Undo, Does::Move(1))),
    keys(&["Space"], 2, entry("undo-tick", "cmd-undo-also", At::Undo, Does::Pick)),
    keys(&["F2", "Ctrl+S"], 3, entry("undo-send", "cmd-undo-ticked", At::Undo, Does::Send)),
    keys(&["Esc", "F8"], 4, entry("undo-leave", "cmd-undo-leave", At::Undo, Does::Back)),
    // First use.
    keys(
        &["Up"],
        2,
        when(has_roles, entry("welcome-up", "cmd-choose", At::Welcome, Does::Move(-1))),
    ),
    keys(
        &["Down"],
        2,
        when(has_roles, entry("welcome-down", "cmd-choose", At::Welcome, Does::Move(1))),
    ),
    keys(
        &["Enter"],
        1,
        when(goes_on, entry("welcome-next", "cmd-next-step", At::Welcome, Does::Open)),
    ),
    keys(&["Enter"], 1, when(unlocks, entry("lock-open", "cmd-open", At::Welcome, Does::Open))),
    keys(
        &["F9"],
        3,
        when(is_first, entry("welcome-glyphs", "cmd-glyphs", At::Welcome, Does::Glyphs)),
    ),
    keys(&["Esc"], 4, when(goes_back, entry("welcome-back", "cmd-back", At::Welcome, Does::Back))),
    keys(&["Esc"], 4, when(unlocks, entry("lock-clear", "cmd-clear", At::Welcome, Does::Back))),
    // A search.
    keys(&["Enter"], 1, entry("find-keep", "cmd-find-keep", At::Find, Does::Open)),
    keys(&["Esc"], 2, entry("find-clear", "cmd-find-clear", At::Find, Does::Back)),
    // 今日
    keys(&["Enter"], 1, when(has_due, entry("today-open", "cmd-do", At::Today, Does::Open))),
    // 申报
    keys(&["Enter"], 1, entry("lines-open", "cmd-open", At::Lines, Does::Open)),
    keys(&["F6"], 3, act(&ADD, At::Lines, |model| model.may(&ADD))),
    keys(&["F7"], 4, act(&SUBMIT, At::Lines, |model| can(model, &SUBMIT))),
    keys(&["F8"], 5, act(&WITHDRAW, At::Lines, |model| can(model, &WITHDRAW))),
    act(&EDIT, At::Lines, |model| can(model, &EDIT)),
    keys(&["F6"], 3, decide(Outcome::Filed, At::Lines, can_decide)),
    keys(&["F7"], 4, decide(Outcome::Returned, At::Lines, can_decide)),
    keys(&["F8"], 5, decide(Outcome::Rejected, At::Lines, can_decide)),
    decide(Outcome::Withdrawn, At::Lines, can_grant),
    decide(Outcome::Cancelled, At::Lines, can_decide),
    // One line.
    keys(
        &["Enter"],
        1,
        when(|model| can(model, &EDIT), entry("line-edit", "cmd-edit", At::Line, Does::Open)),
    ),
    keys(&["Up"], 2, entry("line-up", "cmd-scroll", At::Line, Does::Move(-1))),
    keys(&["Down"], 2, entry("line-down", "cmd-scroll", At::Line, Does::Move(1))),
    keys(&["PageUp"], 0, entry("line-page-up", "cmd-page-up", At::Line, Does::Pages(-1))),
    keys(&["PageDown"], 0, entry("line-page-down", "cmd-page-down", At::Line, Does::Pages(1))),
    keys(&["F7"], 4, act(&SUBMIT, At::Line, |model| can(model, &SUBMIT))),
    keys(&["F8"], 5, act(&WITHDRAW, At::Line, |model| can(model, &WITHDRAW))),
    keys(&["F6"], 3, decide(Outcome::Filed, At::Line, can_decide)),
    keys(&["F7"], 4, decide(Outcome::Returned, At::Line, can_decide)),
    keys(&["F8"], 5, decide(Outcome::Rejected, At::Line, can_decide)),
    decide(Outcome::Withdrawn, At::Line, can_grant),
    decide(Outcome::Cancelled, At::Line, can_decide),
    // 机构
    keys(&["Enter"], 1, entry("directory-open", "cmd-open", At::Directory, Does::Open)),
    keys(&["F6"], 3, act(&organisation::ADD, At::Directory, |model| model.may(&organisation::ADD))),
    keys(
        &["F8"],
        4,
        when(can_invite, entry("directory-invite", "cmd-invite", At::Directory, Does::Invite)),
    ),
    keys(
        &["Enter"],
        1,
        when(
            |model| own_page(model) && can(model, &contact::EDIT),
            entry("contact-edit", "cmd-edit", At::Organisation, Does::Open),
        ),
    ),
    keys(
        &["F6"],
        3,
        act(&contact::ADD, At::Organisation, |model| own_page(model) && model.may(&contact::ADD)),
    ),
    keys(
        &["F7"],
        4,
        act(&contact::CONFIRM, At::Organisation, |model| {
            own_page(model) && can(model, &contact::CONFIRM)
        }),
    ),
    keys(
        &["F8"],
        5,
        when(can_invite, entry("page-invite", "cmd-invite", At::Organisation, Does::Invite)),
    ),
    // 同步, 设置
    keys(&["Enter"], 1, entry("sync-open", "cmd-do", At::Sync, Does::Open)),
    keys(&["Enter"], 1, entry("settings-open", "cmd-change", At::Settings, Does::Open)),
    keys(&["F9"], 3, entry("settings-glyphs", "cmd-glyphs", At::Settings, Does::Glyphs)),
    entry("settings-colours", "cmd-colours", At::Settings, Does::Colours),
    // Lists and pages.
    keys(&["Up"], 2, entry("list-up", "cmd-up", At::List, Does::Move(-1))),
    keys(&["Down"], 2, entry("list-down", "cmd-down", At::List, Does::Move(1))),
    keys(&["PageUp"], 0, entry("list-page-up", "cmd-page-up", At::List, Does::Pages(-1))),
    keys(&["PageDown"], 0, entry("list-page-down", "cmd-page-down", At::List, Does::Pages(1))),
    keys(&["Home"], 0, entry("list-home", "cmd-home", At::List, Does::Move(isize::MIN + 1))),
    keys(&["End"], 0, entry("list-end", "cmd-end", At::List, Does::Move(isize::MAX))),
    keys(&["/"], 7, when(finds, entry("list-find", "cmd-find", At::List, Does::Find))),
    keys(&["Space"], 0, when(has_list, entry("list-tick", "cmd-tick", At::List, Does::Tick))),
    keys(&["Ctrl+A"], 0, when(has_list, entry("list-all", "cmd-all", At::List, Does::TickAll))),
    keys(&["Ctrl+O", "s"], 0, when(has_list, entry("list-sort", "cmd-sort", At::List, Does::Sort))),
    keys(
        &["Ctrl+F", "f"],
        0,
        when(has_list, entry("list-filter", "cmd-filter", At::List, Does::Filter)),
    ),
    keys(
        &["Delete"],
        0,
        when(has_chips, entry("list-unchip", "cmd-unchip", At::List, Does::Unchip)),
    ),
    keys(&["1"], 0, entry("go-today", "screen-today", At::Page, Does::Go(Screen::Today))),
    keys(&["2"], 0, entry("go-lines", "screen-lines", At::Page, Does::Go(Screen::Lines))),
    keys(
        &["3"],
        0,
        when(
            has_training,
            entry("go-training", "screen-training", At::Page, Does::Go(Screen::Training)),
        ),
    ),
    keys(
        &["0"],
        0,
        entry("go-directory", "screen-directory", At::Page, Does::Go(Screen::Directory)),
    ),
    keys(&["-"], 0, entry("go-sync", "screen-sync", At::Page, Does::Go(Screen::Sync))),
    keys(&["="], 0, entry("go-settings", "screen-settings", At::Page, Does::Go(Screen::Settings))),
    keys(
        &["Ctrl+P"],
        0,
        when(can_import, entry("import", "cmd-import", At::Page, Does::Import(Roster::Learner))),
    ),
    keys(&["Ctrl+Z"], 0, entry("undo", "cmd-undo", At::Page, Does::TakeBack(TakeBack::Last))),
    keys(&["Ctrl+Y"], 0, entry("redo", "cmd-redo", At::Page, Does::TakeBack(TakeBack::Undoing))),
    keys(&["Esc"], 10, entry("back", "cmd-back", At::Page, Does::Back)),
    // Everywhere.
    keys(&["F1", "?"], 8, entry("help", "cmd-help", At::Anywhere, Does::Help)),
    keys(&["F10", "Ctrl+K", ":"], 9, entry("palette", "cmd-palette", At::Anywhere, Does::Palette)),
    keys(&["F12", "Ctrl+G"], 0, entry("jobs", "cmd-jobs", At::Anywhere, Does::Jobs)),
    keys(&["F3"], 0, entry("language", "cmd-language", At::Anywhere, Does::Language)),
    keys(
        &["Ctrl+R"],
        0,
        when(has_node, entry("sync-now", "cmd-sync", At::Anywhere, Does::SyncNow)),
    ),
    keys(&["Ctrl+L"], 0, entry("repaint", "cmd-repaint", At::Anywhere, Does::Repaint)),
    keys(&["Ctrl+Q"], 11, entry("quit", "cmd-quit", At::Anywhere, Does::Quit)),
    keys(&["Ctrl+C"], 0, entry("interrupt", "cmd-interrupt", At::Anywhere, Does::Interrupt)),
];

fn has_training(model: &Model) -> bool {
    model.screens().contains(&Screen::Training)
}

fn has_node(model: &Model) -> bool {
    model.welcome.is_none()
}

/// Whether the passphrase of keys that are there is asked for: there is nothing to go back to.
fn unlocks(model: &Model) -> bool {
    matches!(model.lock, Some(Lock { asks: Asks::Existing, is_tried: false, .. }))
}

fn goes_on(model: &Model) -> bool {
    match &model.lock {
        Some(lock) => lock.asks != Asks::Existing && !lock.is_tried,
        None => !matches!(model.welcome, Some(Welcome::Waiting(_))),
    }
}

/// Whether this is the first step of the first use.
fn is_first(model: &Model) -> bool {
    matches!(model.welcome, Some(Welcome::Keys))
}

fn goes_back(model: &Model) -> bool {
    goes_on(model) && !is_first(model)
}

fn has_roles(model: &Model) -> bool {
    matches!(model.welcome, Some(Welcome::Role { .. }))
}
