//! What a teacher and a coordinator do with a class, key by key.

use onex_crdt::field::time::Date;
use onex_crdt::record::{Record, Row};
use onex_crdt::records::attendance::Mark;
use onex_crdt::records::learner::Learner;
use onex_crdt::roles::PersonRole::{Admin, Coordinator, Teacher};
use onex_crdt::value::Value;
use onex_node::api::Duplicate;

use crate::core::form::Stage;
use crate::core::list::Ticks;
use crate::core::load::Due;
use crate::core::model::{Notice, Screen};
use crate::core::story::training::{CLASS, LAST_WEEK, TODAY, learner_id, name, with_training};
use crate::core::story::{CRRC, Driver, Fake, RAILWAY, conflict, world};
use crate::core::training::{Page, Part, Reveal};
use crate::core::update::training::term_of;
use crate::i18n::Lang;

const SIZE: (u16, u16) = (80, 24);

fn teacher() -> Driver {
    let fake = Fake::new(with_training(world()), RAILWAY, "吴老师", &[Teacher]);
    Driver::new(fake, Lang::Zh, SIZE)
}

fn coordinator() -> Driver {
    let roles = [Coordinator, Admin];
    Driver::new(Fake::new(with_training(world()), RAILWAY, "王芳", &roles), Lang::Zh, SIZE)
}

/// What is recorded of the meeting that is today.
fn marks(driver: &Driver) -> Vec<Row> {
    let rows = driver.fake.world().rows["attendance"].clone();
    rows.into_iter().filter(|row| row.id_of("meeting_id") == Some(TODAY)).collect()
}

fn places(driver: &Driver, state: &str) -> usize {
    let rows = driver.fake.world().rows["enrolment"].clone();
    rows.iter().filter(|row| row.state() == Some(state)).count()
}

#[test]
fn forty_six_are_marked_with_two_absent_in_ten_keys() {
    let mut driver = teacher();
    driver.press("3 Enter");
    let before = driver.keys;
    driver.press("Tab F8").write("ouy").press("F6").write("12").press("F6 F2");
    assert_eq!(driver.keys - before, 10, "from the class to the sheet on the disk");
    let marks = marks(&driver);
    assert_eq!(marks.len(), 46, "the whole class");
    let absent: Vec<_> =
        marks.iter().filter(|row| row.text("mark") == Some("absent")).cloned().collect();
    let mut ids: Vec<_> = absent.iter().filter_map(|row| row.id_of("learner_id")).collect();
    ids.sort_unstable();
    assert_eq!(ids, [learner_id(4), learner_id(11)], "{} and {}", name(4), name(11));
    assert_eq!(driver.fake.world().sheets, 1, "one act");
    assert!(matches!(driver.model.training.page(), Some(Page::Class { .. })), "back at the class");
    assert!(driver.model.drafts.is_empty());
}

#[test]
fn keys_of_the_sheet_survive_an_input_method() {
    let mut driver = teacher();
    driver.press("3 Enter Tab Enter");
    let mark =
        |driver: &Driver| driver.model.training.marking().and_then(|m| m.current()).map(|s| s.mark);
    for (key, expected) in
        [("F7", Mark::Leave), ("F8", Mark::Late), ("F9", Mark::LeftEarly), ("F6", Mark::Absent)]
    {
        driver.press(key);
        assert_eq!(mark(&driver), Some(expected), "{key}");
    }
    driver.press("F6");
    assert_eq!(mark(&driver), Some(Mark::Present), "the same key takes it back");
    driver.write("\u{3000}");
    assert_eq!(mark(&driver), Some(Mark::Late), "a full-width blank is the next mark");
    driver.write("欧阳").press("Space");
    let seat = driver.model.training.marking().and_then(|m| m.current()).cloned();
    assert_eq!(seat.map(|seat| seat.name), Some(name(4)));
    driver.press("Right Right Up Home");
    assert_eq!(driver.model.training.marking().map(|marking| marking.at), Some(0));
    assert_eq!(driver.model.screen, Screen::Training, "no digit leads away");
}

#[test]
fn an_unsaved_sheet_is_not_lost() {
    let mut driver = teacher();
    driver.press("3 Enter Tab F8 Down F6 Esc");
    assert_eq!(driver.model.drafts.len(), 1);
    driver.press("1 3 F8");
    let marking = driver.model.training.marking().expect("open again");
    assert_eq!(marking.count(Mark::Absent), 1);
    driver.fake.world().fails = Some("磁盘已满".into());
    driver.press("F2");
    assert!(matches!(driver.model.notice, Some(Notice::Failed(_))));
    driver.press("F2");
    assert_eq!(marks(&driver).len(), 46);
    assert!(driver.model.drafts.is_empty());
}

#[test]
fn only_what_differs_is_recorded_again() {
    let mut driver = coordinator();
    driver.press("3 Enter Tab Down F8");
    let marking = driver.model.training.marking().expect("the recorded sheet");
    assert_eq!((marking.meeting, marking.count(Mark::Absent)), (LAST_WEEK, 1));
    driver.press("F2");
    assert!(matches!(driver.model.notice, Some(Notice::Said(_, "notice-unchanged"))));
    driver.write("1").press("F8 F2");
    let rows = driver.fake.world().rows["attendance"].clone();
    let own: Vec<_> = rows.iter().filter(|row| row.text("marked_by") == Some("王芳")).collect();
    assert_eq!(own.len(), 1, "nobody signs a colleague's marks");
    assert_eq!(own[0].id_of("learner_id"), Some(learner_id(0)));
}

#[test]
fn a_differing_mark_leads_to_the_conflict() {
    let mut driver = coordinator();
    let row = driver.fake.world().rows["attendance"][7].id;
    let mut broken = conflict();
    broken.record_id = row;
    driver.fake.world().conflicts.extend([conflict(), broken]);
    driver.press("3 Enter Tab Down F8").write("8").press("Enter");
    assert_eq!((driver.model.screen, driver.model.sync_at), (Screen::Sync, 1));
    driver.press("3");
    assert!(driver.model.training.marking().is_some(), "the sheet is still there");
}

#[test]
fn learners_are_picked_into_a_class() {
    let mut driver = coordinator();
    driver.press("3 Enter F6").write("司马").press("Enter");
    assert!(driver.model.list().is_some_and(|list| list.total() == 4));
    driver.press("Ctrl+U").write("2024047").press("Enter Space");
    driver.press("/ Ctrl+U").write("2024048").press("Enter Space Enter F2");
    assert_eq!(places(&driver, "enrolled"), 48);
    assert!(matches!(driver.model.training.page(), Some(Page::Class { .. })));
    driver.press("F7").write("转专业").press("F2");
    assert_eq!(places(&driver, "removed"), 1);
    driver.press("Home F8 F2");
    let rows = driver.fake.world().rows["enrolment"].clone();
    let next = rows.iter().find(|row| row.id_of("learner_id") == Some(learner_id(1)));
    assert!(next.is_some_and(|place| place.is("learner_confirmed")));
}

#[test]
fn ticked_learners_go_into_a_class_from_the_list() {
    let mut driver = coordinator();
    driver.press("3 Tab /").write("2024047").press("Enter Space F7");
    driver.focus("subject").write("gd").press("Enter F2");
    assert_eq!(places(&driver, "enrolled"), 47);
    assert_eq!(driver.model.training.learners.ticks, Ticks::none());
}

#[test]
fn two_records_of_one_person_become_one() {
    let mut driver = coordinator();
    driver.press("3 Tab");
    assert_eq!(driver.model.training.part, Part::Learners);
    driver.press("Space Down Space F8 Right F2");
    let rows = driver.fake.world().rows["learner"].clone();
    let merged: Vec<_> = rows.iter().filter(|row| row.state() == Some("merged")).collect();
    assert_eq!(merged.len(), 1);
    assert_eq!(merged[0].id, learner_id(0), "the other one is kept");
    assert!(driver.model.training.page().is_none());
}

#[test]
fn a_new_meeting_has_what_is_likely() {
    let mut driver = coordinator();
    driver.press("3 Enter Tab F6");
    let form = driver.model.form.as_ref().expect("the form of a meeting");
    let text = |key: &str| form.fields.iter().find(|f| f.key == key).map(|f| f.text.clone());
    assert_eq!(text("held_on").as_deref(), Some("2026-04-20"));
    assert_eq!(
        (text("hours").as_deref(), text("teacher").as_deref()),
        (Some("4.0"), Some("周老师"))
    );
    assert_eq!(text("class_id"), None, "the class is known");
    driver.press("F2");
    let rows = driver.fake.world().rows["meeting"].clone();
    let class = Some(&Value::Bytes(CLASS.0.to_vec()));
    assert_eq!(rows.last().and_then(|row| row.fields.get("class_id")), class);
}

#[test]
fn a_new_class_begins_today_in_the_term_of_the_day() {
    let mut driver = coordinator();
    driver.press("3 F6");
    let text = |driver: &Driver, key: &str| {
        let form = driver.model.form.as_ref().expect("the form of a class");
        form.fields.iter().find(|f| f.key == key).map(|f| f.text.clone())
    };
    assert_eq!(text(&driver, "starts_on").as_deref(), Some("2026-04-20"));
    assert_eq!(text(&driver, "term").as_deref(), Some("2026-1"));
    for (day, term) in
        [("2027-01-31", "2026-2"), ("2027-02-01", "2027-1"), ("2026-08-01", "2026-2")]
    {
        assert_eq!(term_of(Date::parse(day).expect("a day")), term, "{day}");
    }
}

#[test]
fn a_form_refused_keeps_what_was_chosen() {
    let mut driver = coordinator();
    driver.press("3 Enter F6").write("2024047").press("Enter Space Enter");
    driver.fake.world().fails = Some("磁盘已满".into());
    driver.press("F2");
    let form = driver.model.form.as_ref().expect("still open");
    assert_eq!(form.stage, Stage::Failed("磁盘已满".into()));
    driver.press("F2");
    assert_eq!(places(&driver, "enrolled"), 47);
}

#[test]
fn evaluators_train_nobody() {
    let fake = Fake::new(with_training(world()), CRRC, "陈刚", &[Admin]);
    let mut driver = Driver::new(fake, Lang::Zh, SIZE);
    driver.press("3");
    assert_eq!(driver.model.screen, Screen::Today);
    assert!(!driver.model.screens().contains(&Screen::Training));
}

#[test]
fn personal_data_is_shown_after_it_is_written_down() {
    let mut driver = coordinator();
    driver.press("3 Tab Enter F8");
    assert!(driver.fake.world().looked_at.is_empty(), "it asks first");
    let reveal = |driver: &Driver| match driver.model.training.page() {
        Some(Page::Learner { reveal, .. }) => *reveal,
        _ => panic!("the page of a learner"),
    };
    driver.fake.world().fails = Some("磁盘已满".into());
    driver.press("F8");
    assert_eq!(reveal(&driver), Reveal::Asked, "what is not written down is not shown");
    driver.press("F8");
    assert_eq!(reveal(&driver), Reveal::Shown);
    assert_eq!(driver.fake.world().looked_at.len(), 1);
    driver.press("Esc Enter");
    assert_eq!(reveal(&driver), Reveal::Masked, "masked again on the next look");
}

#[test]
fn records_of_one_person_are_found_from_today() {
    let mut driver = coordinator();
    driver.fake.world().duplicates.push(Duplicate {
        kind: Learner::KIND,
        field: "id_number",
        records: vec![learner_id(1), learner_id(2)],
    });
    driver.press("0 1");
    let due = driver.model.today.as_ref().expect("read");
    let at = due.iter().position(|due| matches!(due, Due::Duplicate(..))).expect("it is due");
    driver.model.today_at = at;
    driver.press("Enter F2");
    let rows = driver.fake.world().rows["learner"].clone();
    let merged: Vec<_> = rows.iter().filter(|row| row.state() == Some("merged")).collect();
    assert_eq!(merged.len(), 1);
    assert_eq!(merged[0].id, learner_id(2), "the first one is kept unless the other is chosen");
}

#[test]
fn a_whole_roster_is_confirmed_at_once() {
    let mut driver = coordinator();
    driver.press("3 Enter Ctrl+A F8");
    let many = driver.model.form.as_ref().and_then(|form| form.many.clone());
    assert_eq!(many.map(|many| many.count()), Some(3), "those who have not confirmed yet");
    driver.press("F2");
    let rows = driver.fake.world().rows["enrolment"].clone();
    assert!(rows.iter().all(|place| place.is("learner_confirmed")));
    assert!(driver.model.training.ticked_places().is_none());
    driver.press("Space Space Esc");
    assert!(driver.model.training.ticked_places().is_none(), "Esc takes ticks away first");
    assert!(matches!(driver.model.training.page(), Some(Page::Class { .. })));
    driver.press("Home Space Space F7").write("转专业").press("F2");
    assert_eq!(places(&driver, "removed"), 2);
}

#[test]
fn an_unsaved_sheet_is_found_from_today() {
    let mut driver = teacher();
    driver.press("3 Enter Tab F8 Down F6 Esc");
    let mut driver = Driver::new(driver.fake.clone(), Lang::Zh, SIZE);
    let due = driver.model.today.clone().expect("read");
    let at = due.iter().position(|due| matches!(due, Due::Unfinished(_))).expect("it is due");
    driver.model.today_at = at;
    driver.press("Enter");
    let marking = driver.model.training.marking().expect("the sheet");
    assert_eq!((marking.meeting, marking.count(Mark::Absent)), (TODAY, 1));
}
