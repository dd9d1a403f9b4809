//! What an entry of the action table is, and how one is written.

use onex_crdt::action::Action;
use onex_crdt::field::Choice;
use onex_crdt::records::application::Outcome;
use onex_node::import::Roster;

use crate::core::keys::Key;
use crate::core::model::{Model, Screen};
use crate::core::undo::TakeBack;
use crate::core::update::training::Train;
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

pub(super) const fn entry(id: &'static str, text: &'static str, at: At, does: Does) -> Command {
    Command { id, title: Title::Text(text), keys: &[], at, when: always, does, hint: 0 }
}

pub(super) const fn keys(keys: &'static [&'static str], hint: u8, command: Command) -> Command {
    Command { keys, hint, ..command }
}

pub(super) const fn when(when: fn(&Model) -> bool, command: Command) -> Command {
    Command { when, ..command }
}

pub(super) const fn act(action: &'static Action, at: At, when: fn(&Model) -> bool) -> Command {
    let title = Title::Action(action);
    Command { id: action.id, title, keys: &[], at, when, does: Does::Act(action), hint: 0 }
}

pub(super) const fn decide(outcome: Outcome, at: At, when: fn(&Model) -> bool) -> Command {
    let choice = &Outcome::CHOICES[outcome as usize];
    let (title, does) = (Title::Choice(choice), Does::Decide(outcome));
    Command { id: choice.id, title, keys: &[], at, when, does, hint: 0 }
}

pub(super) fn always(_: &Model) -> bool {
    true
}
