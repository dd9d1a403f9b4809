//! 培训: where a person is among classes, learners and their pages.
//!
//! Plain data; what keys do to it is `update::training`'s, the sheet of a meeting stands in
//! `core::marking`.

use std::collections::{BTreeMap, BTreeSet};

use onex_crdt::ids::RecordId;
use onex_crdt::record::{Record, RecordKind, Row};
use onex_crdt::records::attendance::Meeting;
use onex_crdt::records::class::Class;
use onex_crdt::records::class::enrolment::Enrolment;
use onex_crdt::records::learner::Learner;
use onex_node::api::{History, Resolved};

use crate::core::list::{ListSpec, ListState};
use crate::core::marking::Marking;

/// Everything of 培训.
pub struct Training {
    /// Which of its two lists is shown.
    pub part: Part,
    /// The list of classes.
    pub classes: ListState,
    /// The list of learners.
    pub learners: ListState,
    /// The pages that are open, the innermost last; it fills the screen.
    pub pages: Vec<Page>,
    /// Whether the next class that is read is to be marked at whoever has not confirmed.
    pub wants_unconfirmed: bool,
    /// The class that is here.
    pub class: Option<ClassPage>,
    /// The learner that is here.
    pub learner: Option<LearnerPage>,
    /// The two records that are here to be compared.
    pub pair: Option<[LearnerPage; 2]>,
}

/// The two lists of 培训.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// 班级
    Classes,
    /// 学员
    Learners,
}

/// A page that is open.
pub enum Page {
    /// A class with roster and meetings.
    Class {
        /// The class.
        id: RecordId,
        /// Which of the two has the mark.
        area: Area,
        /// The marked place of the roster.
        place: usize,
        /// The places that are ticked.
        ticks: BTreeSet<RecordId>,
        /// The marked meeting.
        meeting: usize,
    },
    /// A learner.
    Learner {
        /// The learner.
        id: RecordId,
        /// Lines scrolled away.
        scroll: usize,
        /// Whether personal data is shown whole.
        reveal: Reveal,
    },
    /// Learners to be put into a class.
    Pick {
        /// The class.
        class: RecordId,
        /// The learners to choose from.
        list: Box<ListState>,
    },
    /// Who came to a meeting.
    Marking(Box<Marking>),
    /// Two records of one person.
    Pair {
        /// Both.
        ids: [RecordId; 2],
        /// Index of the one that is kept.
        kept: usize,
        /// Lines scrolled away.
        scroll: usize,
    },
}

/// How much of a learner's personal data is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reveal {
    /// Masked.
    Masked,
    /// Masked; the key was pressed once, and what it means was said.
    Asked,
    /// Whole: it is written down who looked.
    Shown,
}

/// The parts of a class's page that have a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// Who is in the class.
    Roster,
    /// When it is taught.
    Meetings,
}

/// A class with everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassPage {
    /// The class.
    pub row: Row,
    /// Places of its roster: those who are in it by name, then those taken out.
    pub places: Vec<Row>,
    /// Its meetings, the newest first.
    pub meetings: Vec<Row>,
    /// Who came, by meeting.
    pub came: BTreeMap<RecordId, Came>,
}

/// How many came to a meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Came {
    /// Of how many it is recorded.
    pub recorded: usize,
    /// How many of them were there, some of them late.
    pub there: usize,
}

/// A learner with everything that belongs to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnerPage {
    /// The learner and how the record came to be.
    pub history: History,
    /// Places in classes, the newest first.
    pub places: Vec<Row>,
    /// Conflicts of the record that somebody ended.
    pub resolved: Vec<Resolved>,
}

/// The list of classes.
pub static CLASSES: ListSpec = ListSpec {
    kind: Class::KIND,
    sorts: &["name", "term", "starts_on", "enrolled_count", "taught_hours", "plan_hours", "state"],
    filters: &["state", "term", "class_type", "cert_level_id"],
    begins: &[],
};
/// The list of learners.
pub static LEARNERS: ListSpec = ListSpec {
    kind: Learner::KIND,
    sorts: &["pinyin", "class_name", "student_no", "grade", "major_name", "state"],
    filters: &["class_name", "grade", "major_name", "state", "learner_kind", "department"],
    begins: &[("state", "active")],
};

impl Training {
    /// Returns the screen before anything has been read.
    pub fn new() -> Training {
        Training {
            part: Part::Classes,
            classes: ListState::new(&CLASSES),
            learners: ListState::new(&LEARNERS),
            pages: Vec::new(),
            wants_unconfirmed: false,
            class: None,
            learner: None,
            pair: None,
        }
    }

    /// The page that fills the screen.
    pub fn page(&self) -> Option<&Page> {
        self.pages.last()
    }

    /// The page that fills the screen, to be changed.
    pub fn page_mut(&mut self) -> Option<&mut Page> {
        self.pages.last_mut()
    }

    /// The places of the roster that are ticked.
    pub fn ticked_places(&self) -> Option<&BTreeSet<RecordId>> {
        match self.page() {
            Some(Page::Class { area: Area::Roster, ticks, .. }) => {
                Some(ticks).filter(|ticks| !ticks.is_empty())
            }
            _ => None,
        }
    }

    /// The sheet that is open.
    pub fn marking(&self) -> Option<&Marking> {
        match self.page() {
            Some(Page::Marking(marking)) => Some(marking),
            _ => None,
        }
    }

    /// The sheet that is open, to be changed.
    pub fn marking_mut(&mut self) -> Option<&mut Marking> {
        match self.page_mut() {
            Some(Page::Marking(marking)) => Some(marking),
            _ => None,
        }
    }

    /// The list that is shown.
    pub fn list(&self) -> Option<&ListState> {
        match (self.page(), self.part) {
            (None, Part::Classes) => Some(&self.classes),
            (None, Part::Learners) => Some(&self.learners),
            (Some(Page::Pick { list, .. }), _) => Some(list),
            (Some(_), _) => None,
        }
    }

    /// The list that is shown, to be changed.
    pub fn list_mut(&mut self) -> Option<&mut ListState> {
        match (self.pages.last_mut(), self.part) {
            (None, Part::Classes) => Some(&mut self.classes),
            (None, Part::Learners) => Some(&mut self.learners),
            (Some(Page::Pick { list, .. }), _) => Some(list),
            (Some(_), _) => None,
        }
    }

    /// The class of a page, if it is here.
    pub fn class_of(&self, id: RecordId) -> Option<&ClassPage> {
        self.class.as_ref().filter(|class| class.row.id == id)
    }

    /// The learner of a page, if it is here.
    pub fn learner_of(&self, id: RecordId) -> Option<&LearnerPage> {
        self.learner.as_ref().filter(|learner| learner.history.row.id == id)
    }

    /// The records that an action could take here, one of a kind.
    pub fn subjects(&self) -> Vec<(&'static RecordKind, &Row)> {
        let mut subjects: Vec<(&'static RecordKind, &Row)> = Vec::new();
        match self.page() {
            Some(Page::Class { id, place, meeting, .. }) => {
                let Some(class) = self.class_of(*id) else { return subjects };
                subjects.push((Class::KIND, &class.row));
                subjects.extend(class.places.get(*place).map(|row| (Enrolment::KIND, row)));
                subjects.extend(class.meetings.get(*meeting).map(|row| (Meeting::KIND, row)));
            }
            Some(Page::Learner { id, .. }) => {
                let learner = self.learner_of(*id);
                subjects.extend(learner.map(|page| (Learner::KIND, &page.history.row)));
            }
            Some(Page::Pick { .. } | Page::Marking(_) | Page::Pair { .. }) => {}
            None => {
                let list = self.list();
                subjects.extend(list.and_then(|list| Some((list.spec.kind, list.current()?))));
            }
        }
        subjects
    }
}

impl Default for Training {
    fn default() -> Training {
        Training::new()
    }
}
