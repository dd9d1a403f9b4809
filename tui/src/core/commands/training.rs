//! The entries of 培训. F6, F7 and F8 keep their meaning within a list or a part of a page.

use onex_crdt::action::Action;
use onex_crdt::records::attendance::Mark;
use onex_crdt::records::attendance::actions::{MARK, MEETING_ADD, MEETING_EDIT};
use onex_crdt::records::class::actions::{CANCEL, CLOSE, CONFIRM, EDIT, ENROL, OPEN, REMOVE};
use onex_crdt::records::learner::actions as learner;

use crate::core::commands::{At, Command, Does, act, can, entry, keys, when};
use crate::core::model::Model;
use crate::core::training::{Area, Page, Part};
use crate::core::update::training::{Train, subject_of, ticked_for, ticked_pair};

/// Returns where the person is in 培训, the innermost place first.
pub fn places(model: &Model) -> Vec<At> {
    match (model.training.page(), model.training.part) {
        (None, Part::Classes) => vec![At::Classes, At::List],
        (None, Part::Learners) => vec![At::Learners, At::List],
        (Some(Page::Class { area: Area::Roster, .. }), _) => vec![At::Roster, At::Class, At::List],
        (Some(Page::Class { .. }), _) => vec![At::Meetings, At::Class, At::List],
        (Some(Page::Learner { .. }), _) => vec![At::Learner],
        (Some(Page::Pick { .. }), _) => vec![At::Pick, At::List],
        (Some(Page::Marking(_)), _) => vec![At::Marking],
        (Some(Page::Pair { .. }), _) => vec![At::Pair],
    }
}

fn class_can(model: &Model, action: &Action) -> bool {
    let row = model.training.subjects().into_iter().find(|(kind, _)| kind.key == "class");
    row.is_some_and(|(_, row)| row.state() == Some("open")) && model.may(action)
}

fn place_can(model: &Model, action: &Action) -> bool {
    let is_ticked = ticked_for(model, action).is_some();
    (is_ticked && model.may(action))
        || (model.training.ticked_places().is_none() && can(model, action))
}

fn can_enrol(model: &Model) -> bool {
    let list = model.training.list();
    model.may(&ENROL) && list.is_some_and(|list| list.current().is_some() || list.ticked() > 0)
}

fn differs(model: &Model) -> bool {
    let marking = model.training.marking();
    marking.and_then(|marking| marking.current()).is_some_and(|seat| seat.differs())
}

fn can_mark(model: &Model) -> bool {
    model.may(&MARK) && model.training.marking().is_some_and(|open| !open.is_sending)
}

fn can_edit_learner(model: &Model) -> bool {
    subject_of(model, &learner::EDIT).is_some_and(|row| row.state() == Some("active"))
        && model.may(&learner::EDIT)
}

const fn train(id: &'static str, text: &'static str, at: At, does: Train) -> Command {
    entry(id, text, at, Does::Train(does))
}

const fn mark(id: &'static str, text: &'static str, mark: Mark) -> Command {
    when(can_mark, train(id, text, At::Marking, Train::Mark(mark)))
}

/// What can be done in 培训.
pub static COMMANDS: &[Command] = &[
    // Classes.
    keys(&["Enter"], 1, entry("classes-open", "cmd-open", At::Classes, Does::Open)),
    keys(&["F6"], 3, act(&OPEN, At::Classes, |model| model.may(&OPEN))),
    keys(&["F7"], 4, act(&EDIT, At::Classes, |model| can(model, &EDIT))),
    keys(&["F8"], 5, act(&CLOSE, At::Classes, |model| can(model, &CLOSE))),
    act(&CANCEL, At::Classes, |model| can(model, &CANCEL)),
    keys(&["Tab"], 0, train("classes-part", "training-learners", At::Classes, Train::Part)),
    // Learners.
    keys(&["Enter"], 1, entry("learners-open", "cmd-open", At::Learners, Does::Open)),
    keys(&["F6"], 3, act(&learner::ADD, At::Learners, |model| model.may(&learner::ADD))),
    keys(
        &["F7"],
        4,
        when(can_enrol, train("learners-enrol", "cmd-enrol", At::Learners, Train::Enrol)),
    ),
    keys(
        &["F8"],
        5,
        when(
            |model| ticked_pair(model).is_some() && model.may(&learner::MERGE),
            train("learners-pair", "cmd-pair", At::Learners, Train::Pair),
        ),
    ),
    keys(&["Tab"], 0, train("learners-part", "training-classes", At::Learners, Train::Part)),
    // One learner.
    keys(
        &["Enter"],
        1,
        when(can_edit_learner, entry("learner-edit", "cmd-edit", At::Learner, Does::Open)),
    ),
    keys(&["Up"], 2, entry("learner-up", "cmd-scroll", At::Learner, Does::Move(-1))),
    keys(&["Down"], 2, entry("learner-down", "cmd-scroll", At::Learner, Does::Move(1))),
    keys(&["F8"], 4, train("learner-reveal", "cmd-reveal", At::Learner, Train::Reveal)),
    keys(&["PageUp"], 0, entry("learner-page-up", "cmd-page-up", At::Learner, Does::Pages(-1))),
    keys(
        &["PageDown"],
        0,
        entry("learner-page-down", "cmd-page-down", At::Learner, Does::Pages(1)),
    ),
    // One class.
    keys(&["Enter"], 1, entry("roster-open", "cmd-open", At::Roster, Does::Open)),
    keys(
        &["F6"],
        3,
        when(
            |model| class_can(model, &ENROL),
            train("roster-pick", "cmd-enrol", At::Roster, Train::Pick),
        ),
    ),
    keys(&["F7"], 4, act(&REMOVE, At::Roster, |model| place_can(model, &REMOVE))),
    keys(&["F8"], 5, act(&CONFIRM, At::Roster, |model| place_can(model, &CONFIRM))),
    keys(&["Space"], 6, train("roster-tick", "cmd-tick", At::Roster, Train::Tick)),
    keys(&["Ctrl+A"], 0, train("roster-all", "cmd-all", At::Roster, Train::TickAll)),
    keys(
        &["Enter", "F8"],
        1,
        when(
            |model| class_can(model, &MARK),
            train("meetings-sheet", "cmd-sheet", At::Meetings, Train::Sheet),
        ),
    ),
    keys(&["F6"], 3, act(&MEETING_ADD, At::Meetings, |model| class_can(model, &MEETING_ADD))),
    keys(&["F7"], 4, act(&MEETING_EDIT, At::Meetings, |model| can(model, &MEETING_EDIT))),
    keys(&["Tab"], 0, train("class-area", "cmd-area", At::Class, Train::Area)),
    act(&EDIT, At::Class, |model| can(model, &EDIT)),
    act(&CLOSE, At::Class, |model| can(model, &CLOSE)),
    act(&CANCEL, At::Class, |model| can(model, &CANCEL)),
    // Learners for a class.
    keys(&["F6", "Enter"], 1, when(can_enrol, train("pick", "cmd-enrol", At::Pick, Train::Enrol))),
    keys(&["Esc"], 10, entry("pick-back", "cmd-back", At::Pick, Does::Back)),
    // The sheet of a meeting.
    keys(
        &["F2", "Ctrl+S"],
        1,
        when(can_mark, train("save", "cmd-save-sheet", At::Marking, Train::Save)),
    ),
    keys(&["F6"], 2, mark("mark-absent", "mark-absent", Mark::Absent)),
    keys(&["F7"], 3, mark("mark-leave", "mark-leave", Mark::Leave)),
    keys(&["F8"], 4, mark("mark-late", "mark-late", Mark::Late)),
    keys(&["F9"], 5, mark("mark-early", "mark-early", Mark::LeftEarly)),
    keys(&["Space"], 6, when(can_mark, train("mark-next", "cmd-cycle", At::Marking, Train::Cycle))),
    keys(
        &["Enter"],
        1,
        when(differs, entry("marking-differs", "cmd-differs", At::Marking, Does::Open)),
    ),
    keys(&["Up"], 0, entry("marking-up", "cmd-up", At::Marking, Does::Move(-1))),
    keys(&["Down"], 0, entry("marking-down", "cmd-down", At::Marking, Does::Move(1))),
    keys(&["Left"], 0, train("marking-left", "cmd-left", At::Marking, Train::Column(-1))),
    keys(&["Right"], 0, train("marking-right", "cmd-right", At::Marking, Train::Column(1))),
    keys(&["Home"], 0, entry("marking-home", "cmd-home", At::Marking, Does::Move(isize::MIN + 1))),
    keys(&["End"], 0, entry("marking-end", "cmd-end", At::Marking, Does::Move(isize::MAX))),
    keys(&["Backspace"], 0, train("marking-unjump", "cmd-unjump", At::Marking, Train::Unjump)),
    keys(&["Esc"], 10, entry("marking-back", "cmd-leave-form", At::Marking, Does::Back)),
    // Two records of one person.
    keys(&["F2"], 1, train("pair-merge", "cmd-merge", At::Pair, Train::Merge)),
    keys(&["Left", "Right", "Tab"], 2, train("pair-turn", "cmd-turn-pair", At::Pair, Train::Turn)),
    keys(&["Up"], 3, entry("pair-up", "cmd-scroll", At::Pair, Does::Move(-1))),
    keys(&["Down"], 3, entry("pair-down", "cmd-scroll", At::Pair, Does::Move(1))),
    keys(&["Esc"], 10, entry("pair-back", "cmd-back", At::Pair, Does::Back)),
];
