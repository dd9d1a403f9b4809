//! Everything the interface knows at one moment. Plain data: `update` changes it, `view` draws it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use onex_crdt::action::{Action, Refusal};
use onex_crdt::field::time::Moment;
use onex_crdt::ids::RecordId;
use onex_crdt::record::{Record, RecordKind, Row};
use onex_crdt::records::application::Application;
use onex_crdt::records::contact::Contact;
use onex_crdt::records::organisation::Organisation;
use onex_crdt::roles::{OrgRole, PersonRole};
use onex_node::api::{Asking, Conflict, History, Me, Status};

use crate::core::drafts::Drafts;
use crate::core::form::FormState;
use crate::core::input::TextInput;
use crate::core::jobs::Jobs;
use crate::core::list::{ListSpec, ListState};
use crate::core::load::today::Progress;
use crate::core::load::{Due, Known, OrganisationPage, Slot, Task, Want};
use crate::core::lock::Lock;
use crate::core::people::PeoplePage;
use crate::core::settle::{Settle, disputes};
use crate::core::sheet::Sheet;
use crate::core::training::Training;
use crate::core::undo::{UndoPage, UndoReport};
use crate::core::update::training::subject_of;
use crate::core::wizard::{Step, Wizard};
use crate::i18n::Lang;
use crate::view::theme::{Glyphs, Look, Mark, Scheme};

/// A screen with a digit of its own. Digits keep their meaning; screens to come have theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Screen {
    /// 今日
    Today,
    /// 申报
    Lines,
    /// 培训
    Training,
    /// 机构
    Directory,
    /// 同步
    Sync,
    /// 设置
    Settings,
}

impl Screen {
    /// Every screen there is, in the order of the tabs.
    pub const ALL: [Screen; 6] = [
        Screen::Today,
        Screen::Lines,
        Screen::Training,
        Screen::Directory,
        Screen::Sync,
        Screen::Settings,
    ];

    /// Returns the key that opens it.
    pub fn digit(self) -> char {
        match self {
            Screen::Today => '1',
            Screen::Lines => '2',
            Screen::Training => '3',
            Screen::Directory => '0',
            Screen::Sync => '-',
            Screen::Settings => '=',
        }
    }

    /// Returns the id of its title.
    pub fn title(self) -> &'static str {
        match self {
            Screen::Today => "screen-today",
            Screen::Lines => "screen-lines",
            Screen::Training => "screen-training",
            Screen::Directory => "screen-directory",
            Screen::Sync => "screen-sync",
            Screen::Settings => "screen-settings",
        }
    }
}

/// Everything the interface knows.
pub struct Model {
    /// Language and colours.
    pub look: Look,
    /// Glyphs that the terminal can be trusted with.
    pub glyphs: Glyphs,
    /// The window in cells: columns, rows.
    pub size: (u16, u16),
    /// The first use, while there is no node yet.
    pub welcome: Option<Welcome>,
    /// The passphrase that is being typed.
    pub lock: Option<Lock>,
    /// Whether one is to be asked for before a node is made.
    pub wants_lock: bool,
    /// The node's state, once it has answered.
    pub status: Option<Status>,
    /// Devices that ask to be let in.
    pub asking: Vec<Asking>,
    /// The version of the store that was read last.
    pub version: Option<u64>,
    /// The screen that is open.
    pub screen: Screen,
    /// What is due, once it has been read.
    pub today: Option<Vec<Due>>,
    /// How far the term has come, for a college with classes.
    pub progress: Option<Progress>,
    /// The marked entry of 今日.
    pub today_at: usize,
    /// The list of 申报.
    pub lines: ListState,
    /// The line whose history is here.
    pub line: Option<History>,
    /// Whether the line fills the page.
    pub line_open: bool,
    /// Lines scrolled away in it.
    pub scroll: usize,
    /// Everything of 培训.
    pub training: Training,
    /// The list of 机构.
    pub directory: ListState,
    /// The organisation that is here.
    pub page: Option<OrganisationPage>,
    /// Whether it fills the page.
    pub page_open: bool,
    /// The marked contact in it.
    pub contact_at: usize,
    /// The contact to mark once the organisation is here.
    pub contact_wanted: Option<RecordId>,
    /// The record whose conflict is to be marked once the conflicts are here.
    pub conflict_wanted: Option<RecordId>,
    /// Devices and people, once they have been read.
    pub people: Option<PeoplePage>,
    /// Whether they fill the page.
    pub people_open: bool,
    /// The marked entry of them.
    pub people_at: usize,
    /// Open conflicts.
    pub conflicts: Vec<Conflict>,
    /// The marked entry of 同步.
    pub sync_at: usize,
    /// The marked entry of 设置.
    pub settings_at: usize,
    /// The record in conflict that is open.
    pub settle: Option<Settle>,
    /// Others in which something was picked and not confirmed yet.
    pub settles: Vec<Settle>,
    /// A roster on its way, also while its page is closed.
    pub wizard: Option<Wizard>,
    /// Whether that page is open.
    pub wizard_open: bool,
    /// The folder from which something was imported last; empty before.
    pub import_folder: String,
    /// What an undoing left alone, until somebody has looked at it.
    pub undo_page: Option<UndoPage>,
    /// Whether the last undoing took nothing back.
    pub undone_nothing: bool,
    /// The form that is open.
    pub form: Option<FormState>,
    /// What lies over everything.
    pub overlay: Option<Overlay>,
    /// The last thing that happened.
    pub notice: Option<Notice>,
    /// Texts of forms that were left or are open.
    pub drafts: Drafts,
    /// Records that rows name.
    pub known: Known,
    /// Long work.
    pub jobs: Jobs,
    /// How many milliseconds the program runs.
    pub clock: u64,
    /// What happened before, the newest first.
    pub notices: VecDeque<Noted>,
    /// Ctrl+C was pressed once.
    pub leaving: bool,
    /// The program ends.
    pub finished: bool,
    /// The whole window is to be drawn anew.
    pub repaint: bool,
    generation: u64,
    asked: BTreeMap<Slot, u64>,
}

/// The first use: no node yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Welcome {
    /// The keys and the display check.
    Keys,
    /// Who are you?
    Role {
        /// Index of the marked answer.
        selected: usize,
    },
    /// A form is open.
    Asked,
    /// A passphrase is asked for: for existing keys, or for those of a node that is to be made, with
    /// the index of the answer that led here.
    Locked(Option<usize>),
    /// Waiting; while joining, the digits to compare once they are here.
    Waiting(Option<String>),
}

/// What lies over everything.
#[derive(Clone)]
pub enum Overlay {
    /// What do you want to do?
    Palette {
        /// What is typed.
        query: TextInput,
        /// Index of the marked entry.
        selected: usize,
    },
    /// How the open list is ordered and filtered.
    Sheet(Sheet),
    /// Jobs and what happened before.
    Jobs {
        /// Index of the marked entry: jobs first, then what happened.
        selected: usize,
    },
    /// Help.
    Help {
        /// Lines scrolled away.
        scroll: usize,
    },
}

/// The last thing that happened, worded when it is drawn.
#[derive(Clone)]
pub enum Notice {
    /// A sentence of `i18n`.
    Said(Mark, &'static str),
    /// A sentence of `i18n` with one value, `what`.
    Of(Mark, &'static str, String),
    /// An action was done and is on the disk.
    Done(&'static Action),
    /// Something was taken back.
    Undone(Box<UndoReport>),
    /// Rows of a roster were saved, others were not.
    Imported {
        /// How many were saved.
        count: usize,
        /// How many have something wrong.
        rejected: usize,
    },
    /// An action was refused.
    Refused(Refusal),
    /// The system failed.
    Failed(String),
}

/// Something that happened before.
#[derive(Clone)]
pub struct Noted {
    /// What.
    pub notice: Notice,
    /// When, by the node's clock; nothing while there is no node.
    pub at: Option<Moment>,
}

impl Model {
    /// Returns the model of a program that starts; `welcome` where there is no node yet.
    pub fn new(lang: Lang, welcome: Option<Welcome>) -> Model {
        Model {
            look: Look { lang, scheme: Scheme::default() },
            glyphs: Glyphs::default(),
            size: (80, 24),
            lock: matches!(welcome, Some(Welcome::Locked(None))).then(Lock::existing),
            welcome,
            wants_lock: false,
            status: None,
            asking: Vec::new(),
            version: None,
            screen: Screen::Today,
            today: None,
            progress: None,
            today_at: 0,
            lines: ListState::new(&LINES),
            line: None,
            line_open: false,
            scroll: 0,
            training: Training::new(),
            directory: ListState::new(&DIRECTORY),
            page: None,
            page_open: false,
            contact_at: 0,
            contact_wanted: None,
            conflict_wanted: None,
            people: None,
            people_open: false,
            people_at: 0,
            conflicts: Vec::new(),
            sync_at: 0,
            settings_at: 0,
            settle: None,
            settles: Vec::new(),
            wizard: None,
            wizard_open: false,
            import_folder: String::new(),
            undo_page: None,
            undone_nothing: false,
            form: None,
            overlay: None,
            notice: None,
            drafts: Drafts::default(),
            known: Known::new(),
            jobs: Jobs::default(),
            clock: 0,
            notices: VecDeque::new(),
            leaving: false,
            finished: false,
            repaint: false,
            generation: 0,
            asked: BTreeMap::new(),
        }
    }

    /// Returns the task that reads something; answers to earlier ones for its slot are void.
    pub fn ask(&mut self, want: Want) -> Task {
        self.generation += 1;
        self.asked.insert(want.slot(), self.generation);
        Task::Load { want, generation: self.generation }
    }

    /// Whether an answer is the one that is waited for.
    pub fn is_asked(&self, slot: Slot, generation: u64) -> bool {
        self.asked.get(&slot) == Some(&generation)
    }

    /// Who uses the node, once it has answered.
    pub fn me(&self) -> Option<&Me> {
        self.status.as_ref().map(|status| &status.me)
    }

    /// The role of the organisation.
    pub fn role(&self) -> Option<OrgRole> {
        self.me().map(|me| me.org_role)
    }

    /// Whether a sync runs.
    pub fn is_syncing(&self) -> bool {
        self.jobs.runs("job-sync")
    }

    /// Keeps what has just happened for the list of what happened before.
    pub fn note(&mut self) {
        let Some(notice) = self.notice.clone() else { return };
        self.notices.push_front(Noted { notice, at: self.now() });
        self.notices.truncate(NOTICES_MAX);
    }

    /// The node's clock when it last answered.
    pub fn now(&self) -> Option<Moment> {
        self.me().map(|me| me.now)
    }

    /// Whether the person may take an action at all.
    pub fn may(&self, action: &Action) -> bool {
        let Some(me) = self.me() else { return false };
        let roles: BTreeSet<PersonRole> = me.roles.iter().copied().collect();
        me.device_active && action.may(me.org_role, &roles)
    }

    /// Whether the window has room for a list and its detail.
    pub fn is_wide(&self) -> bool {
        self.size.0 >= DETAIL_WINDOW_WIDTH_MIN
    }

    /// How many rows a list shows at most in this window.
    pub fn shown(&self) -> usize {
        usize::from(self.size.1).saturating_sub(CHROME_ROWS).max(4)
    }

    /// Where the person stands in the import whose page is open.
    pub fn import_step(&self) -> Option<Step> {
        self.wizard.as_ref().filter(|_| self.wizard_open).map(|wizard| wizard.step)
    }

    /// The list of the open screen.
    pub fn list(&self) -> Option<&ListState> {
        match self.screen {
            Screen::Lines if !self.line_open => Some(&self.lines),
            Screen::Training => self.training.list(),
            Screen::Directory if !self.page_open && !self.people_open => Some(&self.directory),
            _ => None,
        }
    }

    /// The list of the open screen, to be changed.
    pub fn list_mut(&mut self) -> Option<&mut ListState> {
        match self.screen {
            Screen::Lines if !self.line_open => Some(&mut self.lines),
            Screen::Training => self.training.list_mut(),
            Screen::Directory if !self.page_open && !self.people_open => Some(&mut self.directory),
            _ => None,
        }
    }

    /// The record that an action on the open screen would take.
    pub fn subject(&self) -> Option<(&'static RecordKind, &Row)> {
        match self.screen {
            Screen::Lines => {
                let row = match self.line_open {
                    true => self.line.as_ref().map(|line| &line.row),
                    false => self.lines.current(),
                };
                row.map(|row| (Application::KIND, row))
            }
            Screen::Directory if self.people_open => None,
            Screen::Directory if self.page_open => {
                let page = self.page.as_ref()?;
                page.contacts.get(self.contact_at).map(|row| (Contact::KIND, row))
            }
            Screen::Directory => self.directory.current().map(|row| (Organisation::KIND, row)),
            Screen::Today => match self.today.as_ref()?.get(self.today_at)? {
                Due::Contact(row, _) => Some((Contact::KIND, row)),
                due => due.line().map(|row| (Application::KIND, row)),
            },
            Screen::Training => self.training.subjects().into_iter().next(),
            Screen::Sync | Screen::Settings => None,
        }
    }

    /// The record that this action would take: a page of 培训 has several kinds.
    pub fn subject_of(&self, action: &Action) -> Option<&Row> {
        if self.screen == Screen::Training {
            return subject_of(self, action);
        }
        self.subject().filter(|(kind, _)| action.kind == Some(kind)).map(|(_, row)| row)
    }

    /// The screens that there are for the organisation; evaluators train nobody.
    pub fn screens(&self) -> Vec<Screen> {
        let trains = self.role() != Some(OrgRole::Evaluator);
        let all = Screen::ALL.into_iter();
        all.filter(|screen| *screen != Screen::Training || trains).collect()
    }

    /// The entries of 同步: devices that ask, then records in conflict, then peers.
    pub fn sync_len(&self) -> usize {
        let peers = self.status.as_ref().map_or(0, |status| status.peers.len());
        self.asking.len() + disputes(&self.conflicts).len() + peers
    }
}

/// The list of 申报.
pub static LINES: ListSpec = ListSpec {
    kind: Application::KIND,
    sorts: &["state", "certificate_name", "level", "planned_students", "filing_no", "year"],
    filters: &["state", "certificate_name", "level", "college_id", "evaluator_id", "year"],
    begins: &[],
};
/// The list of 机构.
pub static DIRECTORY: ListSpec = ListSpec {
    kind: Organisation::KIND,
    sorts: &["name", "short_code", "role", "region_code", "state"],
    filters: &["role", "state", "college_type", "reporting_unit", "region_code"],
    begins: &[],
};
/// Rows of a window that no list has: bars, rule, titles, search, position, message, hints.
const CHROME_ROWS: usize = 9;
/// Things that happened before, as far as they are remembered.
const NOTICES_MAX: usize = 200;
/// A narrower window shows list and detail one after the other (tui.md 5.4).
pub const DETAIL_WINDOW_WIDTH_MIN: u16 = 120;
