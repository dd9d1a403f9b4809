//! Pictures of the screens with the story of stage A, and any data in any window.

use onex_crdt::record::Record;
use onex_crdt::records::application::Application;
use onex_crdt::roles::PersonRole::{Admin, Coordinator, Lead, Manager, Officer};
use proptest::prelude::*;
use ratatui::buffer::{Buffer, CellWidth};
use ratatui::layout::Rect;

use crate::core::jobs::{Ending, Work};
use crate::core::lock::Lock;
use crate::core::model::{Model, Welcome};
use crate::core::story::people::with_people;
use crate::core::story::places::PLACES;
use crate::core::story::training::with_training;
use crate::core::story::{
    CRRC, Driver, Fake, HUB, RAILWAY, RAILWAY_LINE, ROSTER, TAX_LINE, asking, conflict, line,
    masked_conflicts, undo_with_one_left, world,
};
use crate::core::wizard::{Folder, FolderEntry};
use crate::i18n::{Lang, families};
use crate::view::screens::draw;
use crate::view::shot::{shot, visible};

/// Makes who sits there, with what he has.
type Who = fn() -> Fake;

/// Who sits there, and the keys that lead to the picture.
fn check(name: &str, fake: Who, keys: &str) {
    check_after(name, fake, keys, |_| {});
}

/// Who sits there, the keys, and what happens after them.
fn check_after(name: &str, fake: Who, keys: &str, happens: fn(&mut Driver)) {
    for (lang, tongue) in [(Lang::Zh, "zh"), (Lang::En, "en")] {
        for (width, height) in [(80, 24), (120, 40)] {
            let mut driver = Driver::new(fake(), lang, (width, height));
            driver.press(keys);
            happens(&mut driver);
            let picture = shot(width, height, |area, buffer| draw(&driver.model, area, buffer));
            insta::assert_snapshot!(format!("screen_{name}_{tongue}_{width}x{height}"), picture);
        }
    }
}

fn college() -> Fake {
    let mut all = world();
    all.conflicts.push(conflict());
    let lines = all.rows.get_mut("application").expect("lines");
    lines[0].set_text("state", "returned");
    lines[0].set_text("reason", "缺师资培训人数");
    let mut draft = line(TAX_LINE, RAILWAY, crate::core::story::TAX_LEVEL, "draft");
    draft.set("planned_students", None);
    lines[1] = draft;
    Fake::new(all, RAILWAY, "王芳", &[Coordinator, Admin])
}

fn hub() -> Fake {
    let mut all = world();
    all.asking.push(asking());
    let lines = all.rows.get_mut("application").expect("lines");
    lines[0].set_text("pending_act", "application.decide");
    Fake::new(all, HUB, "孙涛", &[Officer, Lead])
}

fn evaluator() -> Fake {
    let mut all = world();
    all.rows.get_mut("application").expect("lines").retain(|row| row.id == RAILWAY_LINE);
    Fake::new(all, CRRC, "陈刚", &[Manager, Admin])
}

fn trainer() -> Fake {
    Fake::new(with_training(world()), RAILWAY, "王芳", &[Coordinator, Admin])
}

fn nothing() -> Fake {
    let mut all = world();
    all.rows.get_mut("application").expect("lines").clear();
    all.rows.get_mut("contact").expect("contacts").clear();
    Fake::new(all, RAILWAY, "王芳", &[Coordinator])
}

#[test]
fn the_college_s_screens() {
    check("college_today", college, "1");
    check("college_lines", college, "2");
    check("college_form", college, "2 Enter");
    check("college_submit", college, "2 F7 F2");
    check("college_empty", nothing, "2");
    check("college_calm", nothing, "1");
}

#[test]
fn the_hub_s_screens() {
    check("hub_today", hub, "1");
    check("hub_lines", hub, "2");
    check("hub_line", hub, "2 Enter");
    check("hub_return", hub, "2 F7 F4");
    check("hub_palette", hub, "2 F10");
    check("hub_help", hub, "2 F1");
    check("evaluator_lines", evaluator, "2");
}

#[test]
fn the_other_screens() {
    check("directory", hub, "0");
    check("directory_find", hub, "0 铁");
    check("directory_sort", hub, "0 Ctrl+O Down Right");
    check("directory_filter", hub, "0 Ctrl+F Enter Down Enter");
    check("directory_chips", hub, "0 Ctrl+F Enter Down Enter Esc Space Space");
    check("hub_lines_ticked", hub, "2 Space");
    check("organisation", college, "0 Down Enter");
    check("sync", college, "-");
    check("sync_asking", hub, "-");
    check("settings", college, "=");
}

/// A sync that has run for four seconds, and one that is over.
fn works(driver: &mut Driver) {
    let begin = |model: &mut Model, now| model.jobs.begin(Work::Sync { peer: None }, now);
    begin(&mut driver.model, 0);
    driver.model.jobs.end(1, Ending::Done, 3_000);
    begin(&mut driver.model, 5_000);
    driver.model.jobs.progress(2, 63, Some(100));
    driver.model.clock = 9_000;
}

/// The college and the hub after a laptop was stolen.
fn peopled() -> Fake {
    let mut all = with_people(world());
    all.asking.push(asking());
    Fake::new(all, RAILWAY, "王芳", &[Coordinator, Admin])
}

fn hub_peopled() -> Fake {
    Fake::new(with_people(world()), HUB, "孙涛", &[Officer, Lead])
}

/// The laptop itself: it heard that it was removed.
fn removed() -> Fake {
    let mut fake = Fake::new(world(), RAILWAY, "李强", &[Coordinator]);
    fake.me.device_active = false;
    fake
}

#[test]
fn devices_and_people_are_seen() {
    check("people", peopled, "0 F9 Down Down");
    check("people_hub", hub_peopled, "0 F9");
    check("people_confirm", peopled, "0 F9 Enter");
    check("people_grant", peopled, "0 F9 Down Down F7");
    check("people_cancel", peopled, "0 F9 Down Delete");
    check("people_remove", peopled, "0 F9 Down Down Down Delete");
    check("people_adopt", peopled, "0 F9 End Up Enter");
    check("people_calm", nothing, "0 F9");
    check("people_removed", removed, "0 F9");
    check("sync_removed", removed, "-");
}

#[test]
fn long_work_is_seen() {
    check_after("job_line", college, "1", works);
    check_after("job_list", college, "F6 2 Ctrl+R F12", works);
    check("job_none", nothing, "Ctrl+G");
}

/// A college with two records in conflict.
fn disputed() -> Fake {
    let fake = college();
    fake.world().conflicts.extend(masked_conflicts());
    fake
}

#[test]
fn conflicts_are_shown_side_by_side() {
    check("settle", disputed, "- Down Enter Right Space Down Right");
    check("settle_whole", disputed, "- Down Enter F6 Right Right Space");
    check("settle_other", disputed, "- Enter F4 Ctrl+U 9 5");
    check("sync_disputes", disputed, "-");
}

/// A college that undoes something of which a colleague has mended a part.
fn undone() -> Fake {
    let fake = college();
    undo_with_one_left(&mut fake.world());
    fake
}

#[test]
fn what_an_undo_left_is_asked_about() {
    check("undo_left", undone, "2 Ctrl+Z Space");
    check("undo_said", undone, "2 Ctrl+Z");
}

#[test]
fn a_roster_is_imported_step_by_step() {
    check_after("import_source", nothing, "Ctrl+P", |driver| {
        let wizard = driver.model.wizard.as_mut().expect("open");
        let entry = |name: &str, is_folder| FolderEntry { name: name.into(), is_folder };
        let entries = vec![entry("2026春", true), entry("电气2301.xlsx", false)];
        wizard.folder = Some(Folder { path: "/home/wang/名单/".into(), entries });
        wizard.failed = None;
        wizard.go_to("/home/wang/名单/");
    });
    check_after("import_columns", nothing, "Ctrl+P", |driver| {
        driver.paste(ROSTER);
    });
    check_after("import_field", nothing, "Ctrl+P", |driver| {
        driver.paste(ROSTER).press("Down Down Down Down F4");
    });
    check_after("import_rows", nothing, "Ctrl+P", |driver| {
        driver.paste(ROSTER).press("F2");
    });
    check_after("import_cell", nothing, "Ctrl+P", |driver| {
        driver.paste(ROSTER).press("F2 Enter");
    });
    check_after("import_summary", nothing, "Ctrl+P", |driver| {
        driver.paste(ROSTER).press("F2 F2");
    });
    check_after("import_paste", nothing, "Ctrl+P F6", |driver| {
        driver.paste(ROSTER);
    });
}

#[test]
fn today_says_what_is_due_in_training() {
    check("today_training", trainer, "1");
}

#[test]
fn a_form_that_was_begun_is_offered() {
    check_after("college_unfinished", nothing, "2 F6", |driver| {
        driver.focus("major_name").write("铁道供电").press("Esc 1");
    });
    check_after("college_restored", nothing, "2 F6", |driver| {
        driver.focus("major_name").write("铁道供电").press("Esc F6");
    });
}

#[test]
fn the_screens_of_training() {
    check("training_classes", trainer, "3");
    check("training_learners", trainer, "3 Tab");
    check("training_learners_ticked", trainer, "3 Tab Space Down Space");
    check("training_learner", trainer, "3 Tab Enter");
    check("training_learner_shown", trainer, "3 Tab Enter F8 F8");
    check("training_learner_history", trainer, "3 Tab Down Down Enter F8 F8 PageDown");
    check("training_class", trainer, "3 Enter");
    check("training_meetings", trainer, "3 Enter Tab");
    check("training_pick", trainer, "3 Enter F6 Space Down Space");
    check("training_enrol", trainer, "3 Enter F6 Space Enter");
    check("training_sheet", trainer, "3 Enter Tab F8 Down F6 Down F7 Right F8");
    check("training_sheet_recorded", trainer, "3 Enter Tab Down F8 8");
    check("training_pair", trainer, "3 Tab Space Down Space F8 Right");
    check("training_meeting_form", trainer, "3 Enter Tab F6");
    check("training_no_classes", nothing, "3");
    check("training_no_learners", nothing, "3 Tab");
}

/// A step before the first screen, and what was typed in it.
fn check_before(name: &str, welcome: Welcome, typed: fn(&mut Model)) {
    for (lang, tongue) in [(Lang::Zh, "zh"), (Lang::En, "en")] {
        let mut model = Model::new(lang, Some(welcome.clone()));
        typed(&mut model);
        let picture = shot(80, 24, |area, buffer| draw(&model, area, buffer));
        assert!(!picture.contains("秘密"), "{name}: what is typed is not shown");
        insta::assert_snapshot!(format!("screen_{name}_{tongue}_80x24"), picture);
    }
}

#[test]
fn the_first_use() {
    check_before("welcome_keys", Welcome::Keys, |_| {});
    check_before("welcome_role", Welcome::Role { selected: 2 }, |_| {});
    check_before("welcome_digits", Welcome::Waiting(Some("4821 0937".into())), |_| {});
}

#[test]
fn a_passphrase_is_asked_for() {
    check_before("lock_existing", Welcome::Locked(None), |model| {
        model.lock.as_mut().expect("it is locked").paste("秘密的口令");
    });
    check_before("lock_new", Welcome::Locked(Some(0)), |model| {
        model.lock.insert(Lock::new_one()).paste("秘密");
    });
    check_before("lock_unprotected", Welcome::Locked(Some(0)), |model| {
        model.lock.insert(Lock::new_one()).enter();
    });
}

#[test]
fn no_sentence_is_missing_on_any_screen() {
    let people: [(&str, Who); 7] = [
        ("college", college),
        ("hub", hub),
        ("evaluator", evaluator),
        ("trainer", trainer),
        ("peopled", peopled),
        ("removed", removed),
        ("undone", undone),
    ];
    let families = families();
    let mut missing = Vec::new();
    for (who, fake) in people {
        let fake = fake();
        for keys in PLACES {
            for lang in [Lang::Zh, Lang::En] {
                let mut driver = Driver::new(fake.clone(), lang, (120, 40));
                driver.press(keys);
                let picture = shot(120, 40, |area, buffer| draw(&driver.model, area, buffer));
                let shown = families.iter().filter(|family| picture.contains(family.as_str()));
                missing.extend(shown.map(|id| format!("{id} for {who} after {keys} in {lang:?}")));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// A world whose every text is this one.
fn hostile(mut fake: Fake, text: &str) -> Fake {
    fake.me.org_name = text.into();
    fake.me.person = text.into();
    let mut all = fake.world();
    for rows in all.rows.values_mut() {
        for row in rows {
            for key in HOSTILE_KEYS {
                row.set_text(key, text);
            }
        }
    }
    let mut broken = conflict();
    broken.kind = Application::KIND;
    broken.values[0].person = text.into();
    all.conflicts.insert(0, broken);
    let mut more = masked_conflicts();
    more[0].values[0].value = Some(onex_crdt::value::Value::Text(text.into()));
    all.conflicts.extend(more);
    undo_with_one_left(&mut all);
    for device in &mut all.devices {
        device.persons[0].0 = text.into();
    }
    drop(all);
    fake
}

const HOSTILE_KEYS: [&str; 12] = [
    "name",
    "certificate_name",
    "major_name",
    "reason",
    "filing_no",
    "learner_name",
    "class_name",
    "student_no",
    "marked_by",
    "teacher",
    "topic",
    "room",
];

/// A place, and somebody who has something there.
fn any_place() -> impl Strategy<Value = (Who, &'static str)> {
    let there = |keys: &&'static str| -> (Who, &'static str) {
        match keys {
            keys if keys.starts_with('3') => (trainer, keys),
            keys if keys.contains("F9") => (peopled, keys),
            keys => (hub, keys),
        }
    };
    prop::sample::select(PLACES.iter().chain(&DEEPER).map(there).collect::<Vec<_>>())
}

/// Places that look like another one until somebody has much to see.
const DEEPER: [&str; 8] = [
    "0 铁",
    "2 Ctrl+F Enter Enter",
    "3 Tab Ctrl+A",
    "3 Tab Ctrl+F Enter",
    "3 Enter Tab F8 End F6",
    "F7 F12",
    "- Enter PageDown F6 F4",
    "0 F9 End F8",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn any_names_fit_any_window(
        width in 20u16..=200,
        height in 5u16..=60,
        text in prop_oneof![
            "[一-龥]{0,12}", "[\u{20000}-\u{2a6df}]{1,9}", "\\PC{0,30}", Just("司马".repeat(60)),
            Just("\u{202e}\u{1b}[2J👩\u{200d}🏫\n\t".to_owned()), Just("ﾊﾞ각🇨🇳👍🏽".to_owned()),
        ],
        (fake, keys) in any_place(),
        english in any::<bool>(),
    ) {
        let lang = if english { Lang::En } else { Lang::Zh };
        let mut driver = Driver::new(hostile(fake(), &text), lang, (width, height));
        driver.press(keys);
        let window = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(window);
        let cursor = draw(&driver.model, window, &mut buffer);
        prop_assert!(cursor.is_none_or(|cursor| window.contains(cursor)));
        for cells in buffer.content.chunks(width.into()) {
            let sum: usize = visible(cells).map(|(_, cell)| usize::from(cell.cell_width())).sum();
            prop_assert_eq!(sum, usize::from(width));
        }
    }
}
