//! What a coordinator and an officer do all day, key by key, on the story of stage A.

use onex_crdt::ids::RecordId;
use onex_crdt::record::{Record, Row};
use onex_crdt::records::application::Application;
use onex_crdt::roles::PersonRole::{Admin, Coordinator, Lead, Officer};
use onex_node::api::Undone;

use crate::core::commands::{At, Does, command_of, commands_here, offered, table};
use crate::core::form::Stage;
use crate::core::keys::{Code, Key};
use crate::core::load::{Done, Due, Message, Task};
use crate::core::model::{Model, Notice, Overlay, Screen, Welcome};
use crate::core::story::people::with_people;
use crate::core::story::places::PLACES;
use crate::core::story::training::with_training;
use crate::core::story::{
    Driver, Fake, HUB, RAILWAY, RAILWAY_LINE, TAX_LEVEL, TAX_LINE, XIANYANG, asking, conflict,
    masked_conflicts, undo_with_one_left, world,
};
use crate::core::update;
use crate::core::welcome::JOIN;
use crate::i18n::Lang;
use crate::view::screens::{help_lines, hints};

const SIZE: (u16, u16) = (80, 24);

fn coordinator() -> Driver {
    Driver::new(Fake::new(world(), RAILWAY, "王芳", &[Coordinator, Admin]), Lang::Zh, SIZE)
}

fn officer() -> Driver {
    Driver::new(Fake::new(world(), HUB, "孙涛", &[Officer]), Lang::Zh, SIZE)
}

/// The newest line of the story.
fn newest(driver: &Driver) -> Row {
    driver.fake.world().rows["application"].last().cloned().expect("lines")
}

fn fill_line(driver: &mut Driver) {
    driver.focus("cert_level_id").write("zncs").press("Enter");
    for (key, text) in [
        ("major_code", "500103"),
        ("major_name", "大数据与会计"),
        ("enrolled_students", "100"),
        ("planned_students", "120"),
        ("contact_name", "王芳"),
        ("contact_phone", "13900000021"),
    ] {
        driver.focus(key).write(text);
    }
    driver.focus("education_level").press("F4 Down Enter");
    driver.focus("own_site").press("Space Enter");
}

#[test]
fn a_coordinator_brings_a_line_to_the_hub_and_mends_it() {
    let mut driver = coordinator();
    driver.press("2 F6");
    fill_line(&mut driver);
    driver.press("F2");
    let form = driver.model.form.as_ref().expect("refused, so still open");
    assert!(matches!(form.stage, Stage::Refused(_)));
    assert_eq!(form.current().map(|field| field.key), Some("planned_students"));
    assert_eq!(form.missing(), 1, "a form that was refused is not ready");
    driver.press("Ctrl+U").write("80");
    assert!(driver.model.notice.is_none(), "what was refused is no longer there");
    driver.press("F2");
    assert!(driver.model.form.is_none() && driver.model.drafts.is_empty());
    let made = newest(&driver);
    assert_eq!((made.state(), made.id_of("cert_level_id")), (Some("draft"), Some(TAX_LEVEL)));
    assert_eq!(driver.model.lines.current().map(|row| row.id), Some(made.id));

    driver.press("F7 F2");
    assert!(driver.model.form.is_some(), "endorsed_by is missing");
    driver.write("李院长").press("F2");
    assert_eq!(newest(&driver).state(), Some("submitted"));
    assert_eq!(newest(&driver).text("endorsed_by"), Some("李院长"));

    let hub = driver.fake.beside(HUB, "孙涛", &[Officer]);
    let college = driver.fake.clone();
    driver.as_person(hub).press("2 Down Down F7").write("缺师资培训人数").press("F2");
    assert_eq!(newest(&driver).state(), Some("returned"));

    driver.as_person(college).press("Enter");
    let form = driver.model.form.as_ref().expect("Enter leads to the form of the returned line");
    assert_eq!(form.reason.as_deref(), Some("缺师资培训人数"));
    driver.focus("teachers_trained").write("3").press("F2 F7 F2");
    assert_eq!(
        (newest(&driver).state(), newest(&driver).int("teachers_trained")),
        (Some("submitted"), Some(3))
    );
}

#[test]
fn two_persons_of_the_hub_file_a_line() {
    let mut driver = officer();
    driver.press("2");
    let oldest = driver.model.lines.current().cloned().expect("a queue");
    assert_eq!(oldest.id_of("college_id"), Some(XIANYANG), "the oldest stands first");
    driver.press("F6");
    assert_eq!(driver.model.form.as_ref().and_then(|form| form.effect), Some("effect-file-first"));
    driver.press("F2 F6 F2");
    let form = driver.model.form.as_ref().expect("the same person is refused");
    assert_eq!(form.effect, Some("effect-file-second"));
    assert!(matches!(form.stage, Stage::Refused(_)));
    let lead = driver.fake.beside(HUB, "郝敏", &[Lead]);
    driver.as_person(lead).press("Enter F6 F2");
    assert_eq!(newest(&driver).state(), Some("filed"));
    assert!(matches!(driver.model.notice, Some(Notice::Done(_))));
}

#[test]
fn a_return_needs_a_reason_and_offers_three() {
    let mut driver = officer();
    driver.press("2 F7 F2");
    assert!(driver.model.form.is_some(), "no reason yet");
    driver.press("F4 Down Enter F2");
    assert!(driver.model.form.is_none());
    assert_eq!(newest(&driver).text("reason"), Some("计划试点人数与在校生数不符，请核对"));
}

#[test]
fn enter_never_submits_and_esc_loses_nothing() {
    let mut driver = coordinator();
    driver.press("2 F6").focus("major_name").write("铁道供电");
    let steps = vec!["Enter"; 60].join(" ");
    driver.press(&steps);
    assert!(driver.model.form.is_some());
    let lines = driver.fake.world().rows["application"].len();
    driver.press("Esc");
    assert!(driver.model.form.is_none());
    driver.press("F6");
    let form = driver.model.form.as_ref().expect("open again");
    assert_eq!(
        form.fields.iter().find(|f| f.key == "major_name").map(|f| f.text.as_str()),
        Some("铁道供电")
    );
    assert_eq!(driver.fake.world().rows["application"].len(), lines);
}

/// The text of a field in the form that is open.
fn text_of<'a>(driver: &'a Driver, key: &str) -> Option<&'a str> {
    let form = driver.model.form.as_ref()?;
    form.fields.iter().find(|field| field.key == key).map(|field| field.text.as_str())
}

/// Opens from 今日 what was begun.
fn go_on(driver: &mut Driver) {
    let due = driver.model.today.clone().expect("read");
    let at = due.iter().position(|due| matches!(due, Due::Unfinished(_))).expect("to go on with");
    for _ in 0..at {
        driver.press("Down");
    }
    driver.press("Enter");
}

#[test]
fn the_next_start_goes_on_with_what_was_typed() {
    let mut driver = coordinator();
    driver.press("2 F6").focus("major_name").write("铁道供电").press("Ctrl+Q");
    assert!(driver.model.finished, "nothing is asked, since nothing is lost");
    driver.end();
    let fake = driver.fake.clone();
    driver.as_person(fake);
    go_on(&mut driver);
    assert_eq!(text_of(&driver, "major_name"), Some("铁道供电"));
    assert!(driver.model.notice.is_some());

    driver.press("F8");
    assert_eq!(text_of(&driver, "major_name"), Some(""), "put aside");
    driver.press("F8");
    assert_eq!(text_of(&driver, "major_name"), Some("铁道供电"), "and back");
    driver.press("F8 Esc");
    assert!(driver.model.drafts.is_empty() && driver.fake.drafts().is_empty());
}

#[test]
fn a_draft_of_a_record_finds_its_record_again() {
    let mut driver = officer();
    driver.press("2 F7").write("缺师资").press("Esc");
    let fake = driver.fake.clone();
    driver.as_person(fake);
    go_on(&mut driver);
    let form = driver.model.form.as_ref().expect("the decision that was begun");
    assert_eq!((form.effect, form.draft().len()), (Some("effect-return"), 2));
    driver.write("人数").press("F2");
    assert!(driver.model.form.is_none() && driver.fake.drafts().is_empty());
    let returned = |row: &Row| row.text("reason") == Some("缺师资人数");
    assert!(driver.fake.world().rows["application"].iter().any(returned));
}

#[test]
fn leaving_asks_while_a_job_runs() {
    let mut driver = coordinator();
    let begin = |driver: &mut Driver| {
        let mut tasks = update::key(&mut driver.model, Key::ctrl('r'));
        let Some(Task::Job { id, stop, .. }) = tasks.pop() else { panic!("a sync is a job") };
        (id, stop)
    };
    let (id, stop) = begin(&mut driver);
    assert!(update::key(&mut driver.model, Key::ctrl('r')).is_empty(), "one at a time");
    driver.press("Ctrl+Q");
    assert!(!driver.model.finished);
    assert!(
        matches!(&driver.model.notice, Some(Notice::Of(_, "notice-jobs-run", what)) if what == "同步")
    );
    driver.press("Esc Ctrl+Q");
    assert!(!driver.model.finished, "another key between them begins anew");
    driver.press("Ctrl+Q");
    assert!(driver.model.finished && stop.is_asked());

    let mut driver = coordinator();
    let (id_again, _) = begin(&mut driver);
    assert_eq!(id, id_again);
    let report = Done::Synced(onex_node::api::SyncReport::default());
    update::message(&mut driver.model, Message::Ended(id_again, Ok(report)));
    driver.press("Ctrl+Q");
    assert!(driver.model.finished, "nothing runs any more");
}

#[test]
fn what_happened_can_be_read_again() {
    let mut driver = coordinator();
    driver.press("Ctrl+R");
    assert!(driver.model.notice.is_some());
    driver.press("Down");
    assert!(driver.model.notice.is_none(), "the next key clears the line");
    driver.press("F12 Down Down Down");
    assert_eq!((driver.model.jobs.all().len(), driver.model.notices.len()), (1, 1));
    assert!(matches!(driver.model.overlay, Some(Overlay::Jobs { selected: 1 })), "the last one");
    driver.press("Ctrl+G");
    assert!(driver.model.overlay.is_none());
}

#[test]
fn another_person_does_not_see_what_was_typed() {
    let mut driver = officer();
    driver.press("2 F7").write("缺师资").press("Esc");
    let lead = driver.fake.beside(HUB, "郝敏", &[Lead]);
    driver.as_person(lead).press("2 Down F7");
    assert_eq!(text_of(&driver, "reason"), Some(""));
}

#[test]
fn a_failure_keeps_the_form() {
    let mut driver = officer();
    driver.press("2 F6");
    driver.fake.world().fails = Some("磁盘已满".into());
    driver.press("F2");
    let form = driver.model.form.as_ref().expect("still open");
    assert_eq!(form.stage, Stage::Failed("磁盘已满".into()));
    driver.press("F2");
    assert!(driver.model.form.is_none());
}

#[test]
fn hanzi_and_pinyin_begin_a_search() {
    for text in ["咸阳", "xianyang", "xyzy"] {
        let mut driver = officer();
        driver.press("0").write(text);
        assert_eq!(driver.model.directory.total(), 1, "{text}");
        assert_eq!(driver.model.directory.current().map(|row| row.id), Some(XIANYANG));
        driver.press("Enter Enter");
        assert!(driver.model.page_open);
        driver.press("Esc Esc");
        assert_eq!(driver.model.directory.total(), 5, "Esc clears the search");
    }
}

#[test]
fn a_long_list_is_read_by_windows() {
    let mut driver = long_directory();
    driver.press("0 End");
    assert_eq!((driver.model.directory.selected, driver.model.directory.total()), (2004, 2005));
    assert!(driver.model.directory.current().is_some(), "the end is here");
    driver.press("PageUp PageUp Home");
    assert!(driver.model.directory.current().is_some());
    assert!(driver.fake.world().listed <= 100, "never the whole list");
}

#[test]
fn an_old_answer_is_dropped() {
    let mut driver = officer();
    driver.press("2");
    let old = driver.model.ask(crate::core::load::Want::Line(XIANYANG));
    let crate::core::load::Task::Load { generation, .. } = old else { panic!("a load") };
    driver.model.ask(crate::core::load::Want::Line(RAILWAY));
    let loaded = Err(crate::core::backend::BackendError::Failed("late".into()));
    let slot = crate::core::load::Slot::Line;
    update::message(&mut driver.model, Message::Loaded { slot, generation, loaded });
    assert!(driver.model.notice.is_none());
}

#[test]
fn asking_devices_and_conflicts_are_reached_from_today() {
    let mut all = world();
    all.asking.push(asking());
    all.conflicts.push(conflict());
    let mut driver =
        Driver::new(Fake::new(all, RAILWAY, "王芳", &[Coordinator, Admin]), Lang::Zh, SIZE);
    driver.press("Enter F2");
    assert!(driver.fake.world().asking.is_empty(), "the device is in");
    driver.press("1 Enter");
    let settle = driver.model.settle.as_ref().expect("the record of the conflict");
    let field = settle.current().map(|field| field.conflict.field.as_str());
    assert_eq!(field, Some("planned_students"));
}

#[test]
fn what_was_typed_about_one_device_never_stands_under_another() {
    let fake = Fake::new(with_people(world()), RAILWAY, "王芳", &[Coordinator, Admin]);
    let mut driver = Driver::new(fake, Lang::Zh, SIZE);
    let about = |driver: &Driver, key: &str| {
        let form = driver.model.form.as_ref().expect("a form");
        assert!(form.fields.iter().all(|field| field.key != key), "nobody types an id");
        form.preset_text(key).map(str::to_owned)
    };
    let role = |driver: &Driver| {
        driver.model.form.as_ref().and_then(|form| form.current()).map(|field| field.text.clone())
    };
    driver.press("0 F9 Down F7");
    assert_eq!(about(&driver, "device"), Some("41".repeat(16)));
    driver.press("F4 Enter");
    assert_eq!(role(&driver).as_deref(), Some("coordinator"), "those of a hub are not offered");
    driver.press("Esc Down F7");
    assert_eq!(about(&driver, "device"), Some("77".repeat(16)));
    assert_eq!(role(&driver).as_deref(), Some(""));
    driver.press("Esc Delete F4 Enter Esc");
    assert!(driver.model.drafts.is_empty());
    driver.press("Up Delete");
    assert_eq!(about(&driver, "id"), Some("41".repeat(16)));
    assert_eq!(role(&driver).as_deref(), Some(""));
}

#[test]
fn an_admin_without_anybody_for_the_daily_work_is_led_to_the_roles() {
    let all = with_people(world());
    let mut driver = Driver::new(Fake::new(all, HUB, "郝敏", &[Lead, Admin]), Lang::Zh, SIZE);
    let due = |driver: &Driver| driver.model.today.clone().unwrap_or_default();
    assert!(!due(&driver).contains(&Due::NoRole(Officer)), "somebody is");
    for device in &mut driver.fake.world().devices {
        device.persons.iter_mut().for_each(|(_, roles)| roles.retain(|role| *role != Officer));
    }
    driver.press("2 1");
    let at = due(&driver).iter().position(|due| *due == Due::NoRole(Officer)).expect("it is due");
    driver.model.today_at = at;
    driver.press("Enter");
    assert!(driver.model.people_open);
}

/// A coordinator whose college has two records in conflict.
fn disputed() -> Driver {
    let mut all = world();
    all.conflicts.push(conflict());
    all.conflicts.extend(masked_conflicts());
    Driver::new(Fake::new(all, RAILWAY, "王芳", &[Coordinator, Admin]), Lang::Zh, SIZE)
}

fn line_of(driver: &Driver, id: RecordId) -> Row {
    let world = driver.fake.world();
    world.rows["application"].iter().find(|row| row.id == id).cloned().expect("a line")
}

#[test]
fn conflicts_are_settled_record_by_record() {
    let mut driver = disputed();
    driver.press("- Enter F2");
    assert!(matches!(driver.model.notice, Some(Notice::Said(_, "notice-settle-nothing"))));
    driver.press("Right Space F2");
    assert_eq!(line_of(&driver, RAILWAY_LINE).int("planned_students"), Some(100));
    let settle = driver.model.settle.as_ref().expect("the other record follows");
    assert_eq!((settle.record, settle.fields.len()), (TAX_LINE, 2));
    driver.press("Right Enter F4 Ctrl+U").write("139").press("F2");
    assert!(matches!(driver.model.notice, Some(Notice::Said(_, "notice-settle-wrong"))));
    driver.press("Ctrl+U").write("13900030021").press("Enter F2");
    let line = line_of(&driver, TAX_LINE);
    let texts = [line.text("contact_name"), line.text("contact_phone")];
    assert_eq!(texts, [Some("王方"), Some("13900030021")]);
    assert!(driver.model.settle.is_none() && driver.fake.world().conflicts.is_empty());
}

#[test]
fn an_undo_names_what_it_did_and_asks_about_the_rest() {
    let mut driver = coordinator();
    undo_with_one_left(&mut driver.fake.world());
    driver.press("Ctrl+Z");
    let counts = |driver: &Driver| match &driver.model.notice {
        Some(Notice::Undone(report)) => (report.undone.undone.len(), report.undone.left.len()),
        _ => panic!("it says what it did"),
    };
    assert_eq!(counts(&driver), (19, 1));
    let page = driver.model.undo_page.as_ref().expect("the one that was left");
    let by = page.left[0].by.as_ref().map(|(person, _)| person.as_str());
    assert_eq!((by, page.left[0].changed.len()), (Some("李强"), 1));
    driver.press("F2");
    assert!(matches!(driver.model.notice, Some(Notice::Said(_, "notice-undo-nothing"))));
    driver.press("Space F2");
    assert_eq!(counts(&driver), (1, 0));
    assert!(driver.model.undo_page.is_none());
    driver.press("Ctrl+Y");
    assert_eq!(counts(&driver), (1, 0));
    driver.press("Ctrl+Z");
    assert!(matches!(driver.model.notice, Some(Notice::Refused(_))), "nothing is left to undo");
}

/// After an undoing that left everything, Ctrl+Y does not bring back what was undone before it,
/// unless that is asked for again.
#[test]
fn an_undo_that_left_everything_has_nothing_to_bring_back() {
    let mut driver = coordinator();
    undo_with_one_left(&mut driver.fake.world());
    let nothing = |undone: &mut Undone| (undone.batch, undone.undone) = (None, Vec::new());
    nothing(&mut driver.fake.world().undos[0].undone);
    driver.press("Ctrl+Z");
    assert!(driver.model.undo_page.is_some());
    driver.press("Esc Ctrl+Y");
    assert!(matches!(driver.model.notice, Some(Notice::Said(_, "notice-redo-nothing"))));
    driver.press("Ctrl+Y");
    assert!(matches!(driver.model.notice, Some(Notice::Undone(_))), "the one before it");
}

#[test]
fn whoever_looks_at_masked_values_is_written_down() {
    let mut driver = disputed();
    driver.press("- Down Enter");
    assert!(driver.model.settle.as_ref().is_some_and(|settle| !settle.whole));
    driver.press("F6");
    assert!(driver.model.settle.as_ref().is_some_and(|settle| settle.whole));
    assert_eq!(driver.fake.world().looked_at, [TAX_LINE]);
    driver.press("F6");
    assert!(driver.model.settle.as_ref().is_some_and(|settle| !settle.whole));
}

#[test]
fn today_leads_to_the_sheet_and_to_who_has_not_confirmed() {
    let fake = || Fake::new(with_training(world()), RAILWAY, "王芳", &[Coordinator, Admin]);
    let mut driver = Driver::new(fake(), Lang::Zh, SIZE);
    let due = driver.model.today.clone().expect("read");
    let at = |due: &[Due], is: fn(&Due) -> bool| due.iter().position(is).expect("it is due");
    for _ in 0..at(&due, |due| matches!(due, Due::Meeting(..))) {
        driver.press("Down");
    }
    driver.press("Enter");
    let meeting = driver.model.training.marking().map(|open| open.meeting);
    assert_eq!(meeting, Some(crate::core::story::training::TODAY), "nobody has recorded it");
    driver.press("Esc Esc Esc Esc");
    assert_eq!(driver.model.screen, Screen::Today);
    let mut driver = Driver::new(fake(), Lang::Zh, SIZE);
    for _ in 0..at(&due, |due| matches!(due, Due::Unconfirmed(_, 3))) {
        driver.press("Down");
    }
    driver.press("Enter");
    let class = driver.model.training.class.as_ref().expect("its class");
    let Some(crate::core::training::Page::Class { place, .. }) = driver.model.training.page()
    else {
        panic!("its page")
    };
    assert!(!class.places[*place].is("learner_confirmed"));
    let progress = driver.model.progress.as_ref().expect("a class");
    assert_eq!((progress.classes, progress.people, progress.confirmed), (1, 46, 43));
}

#[test]
fn what_was_picked_waits_until_later() {
    let mut driver = disputed();
    driver.press("- Down Enter Right Space F8");
    assert!(driver.model.settle.is_none());
    assert_eq!(driver.fake.world().conflicts.len(), 3, "nothing was carried out");
    driver.press("1 - Enter PageDown");
    let settle = driver.model.settle.as_ref().expect("the second record");
    assert_eq!((settle.record, settle.picked()), (TAX_LINE, 1));
    driver.fake.world().conflicts[1].id = RecordId([0xd3; 16]);
    driver.fake.world().version += 1;
    let tasks = update::tick(&driver.model);
    driver.settle(tasks);
    let settle = driver.model.settle.as_ref().expect("still there");
    assert_eq!(settle.picked(), 0, "a newer value asks anew");
    assert!(matches!(driver.model.notice, Some(Notice::Said(_, "notice-settle-newer"))));
    driver.press("Esc");
    assert!(driver.model.settle.is_none());
}

#[test]
fn the_first_use_asks_waits_and_begins() {
    let mut model = Model::new(Lang::Zh, Some(Welcome::Keys));
    let press = |model: &mut Model, key: &str| update::key(model, key.parse().expect(key));
    press(&mut model, "Enter");
    press(&mut model, "Enter");
    assert_eq!(model.form.as_ref().map(|form| form.action.id), Some(JOIN.id));
    update::paste(&mut model, "a.onex\n");
    press(&mut model, "Enter");
    update::paste(&mut model, "李强");
    let tasks = press(&mut model, "F2");
    assert!(
        matches!(&tasks[..], [crate::core::load::Task::Join { person, .. }] if person == "李强")
    );
    update::message(&mut model, Message::Digits("4821 0937".into()));
    assert_eq!(model.welcome, Some(Welcome::Waiting(Some("4821 0937".into()))));
    let error = crate::core::backend::BackendError::Failed("no answer".into());
    update::message(&mut model, Message::NotEntered(error));
    assert_eq!(model.form.as_ref().map(|form| form.fields[0].text.as_str()), Some("a.onex"));
    update::message(&mut model, Message::Entered);
    assert!(model.welcome.is_none() && model.form.is_none());
}

/// Shows every place that a person can be in, with how he came there.
fn everywhere(mut see: impl FnMut(&str, &Model)) {
    for (who, org, roles) in
        [("college", RAILWAY, [Coordinator, Admin]), ("hub", HUB, [Officer, Lead])]
    {
        for keys in PLACES {
            let mut all = with_people(with_training(world()));
            all.conflicts.push(conflict());
            undo_with_one_left(&mut all);
            let mut driver = Driver::new(Fake::new(all, org, "王芳", &roles), Lang::Zh, SIZE);
            see(&format!("{who}: {keys}"), &driver.press(keys).model);
        }
    }
    let before = [Welcome::Keys, Welcome::Role { selected: 0 }, Welcome::Locked(None)];
    for welcome in before {
        see(&format!("{welcome:?}"), &Model::new(Lang::Zh, Some(welcome)));
    }
}

#[test]
fn every_hinted_key_is_bound_and_every_bound_key_has_a_help_line() {
    everywhere(|place, model| {
        let (here, anywhere) = help_lines(model);
        let helped: Vec<&str> =
            here.iter().chain(&anywhere).flat_map(|hint| hint.keys.split(' ')).collect();
        for command in commands_here(model) {
            for key in command.keys() {
                let label = key.label(Lang::Zh);
                let is_helped = helped.contains(&label.as_str()) || model.overlay.is_some();
                assert!(is_helped, "{place}: {} {label}", command.id);
            }
            let label = command.key_label(Lang::Zh);
            let has_key = command.hint == 0 || command.keys().next().is_some();
            assert!(has_key, "{place}: {label}");
        }
        for hint in hints(model) {
            let is_written = !hint.keys.is_empty() && !hint.text.starts_with("cmd-");
            assert!(is_written, "{place}: {hint:?}");
        }
    });
}

#[test]
fn no_entry_needs_a_letter() {
    for command in table() {
        assert_eq!(command.keys().count(), command.keys.len(), "{}: keys are read", command.id);
        let letter = |key: &Key| key.text().is_some_and(char::is_alphabetic);
        let safe = command.keys().any(|key| !letter(&key));
        assert!(safe || command.keys.is_empty(), "{} has only letters", command.id);
    }
}

#[test]
fn what_has_no_key_is_in_the_palette() {
    for command in table().filter(|command| command.keys.is_empty()) {
        let palette =
            !matches!(command.at, At::Popup | At::Find | At::Palette | At::Help | At::Sheet);
        assert!(palette, "{}", command.id);
    }
    let mut driver = officer();
    driver.press("2");
    let ids: Vec<&str> = offered(&driver.model).iter().map(|command| command.id).collect();
    for id in ["filed", "returned", "cancelled", "organisation.add", "call.open", "language"] {
        assert!(ids.contains(&id), "{id} in {ids:?}");
    }
    driver.press("F10").write("djjg").press("Enter");
    assert_eq!(driver.model.form.as_ref().map(|form| form.action.id), Some("organisation.add"));
}

#[test]
fn full_width_keys_and_languages() {
    let mut driver = coordinator();
    driver.write("２");
    assert_eq!(driver.model.screen, Screen::Lines);
    driver.write("？");
    assert!(matches!(driver.model.overlay, Some(Overlay::Help { .. })));
    driver.press("F3 Esc");
    assert_eq!((driver.model.look.lang, driver.model.overlay.is_none()), (Lang::En, true));
    driver.press("Ctrl+C");
    assert!(!driver.model.finished);
    driver.press("Ctrl+C");
    assert!(driver.model.finished);
    let quit = command_of(&driver.model, Key::ctrl('q')).map(|command| command.does);
    assert!(matches!(quit, Some(Does::Quit)));
    assert!(command_of(&driver.model, Key::plain(Code::F(24))).is_none());
    assert!(Application::KIND.has_state());
}

/// A directory of two thousand colleges more.
fn long_directory() -> Driver {
    let mut all = world();
    let rows = all.rows.get_mut("organisation").expect("there are some");
    let like = rows[1].clone();
    rows.extend((0..2000u16).map(|at| {
        let [high, low] = at.to_be_bytes();
        let id = onex_crdt::ids::RecordId([0xee, high, low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        Row { id, ..like.clone() }
    }));
    Driver::new(Fake::new(all, HUB, "孙涛", &[Officer]), Lang::Zh, SIZE)
}

#[test]
fn all_that_match_are_ticked_without_being_read() {
    let mut driver = long_directory();
    driver.press("0 Ctrl+A");
    assert_eq!(driver.model.directory.ticked(), 2005);
    driver.press("Space").write("\u{3000}");
    assert_eq!(driver.model.directory.ticked(), 2003, "all but two");
    assert!(driver.fake.world().listed <= 100, "never the whole list");
    driver.press("Esc");
    assert_eq!((driver.model.directory.ticked(), driver.model.screen), (0, Screen::Directory));
    driver.press("Ctrl+A Ctrl+A");
    assert_eq!(driver.model.directory.ticked(), 0, "pressed twice, none");
}

#[test]
fn a_sheet_orders_the_list() {
    let mut driver = officer();
    let first = |driver: &Driver| {
        let row = driver.model.directory.rows.as_ref().and_then(|rows| rows.rows.first());
        row.and_then(|row| row.text("short_code")).map(str::to_owned)
    };
    driver.press("0 Ctrl+O Down Down Enter");
    assert_eq!(first(&driver).as_deref(), Some("13945"), "by short code");
    driver.press("s Right Enter");
    assert_eq!(first(&driver).as_deref(), Some("LJKJ"), "the other way round");
    driver.press("s Up Up Enter");
    assert_eq!(driver.model.directory.order, None, "as it was");
}

#[test]
fn a_letter_after_the_sheet_s_is_a_search() {
    let mut driver = officer();
    driver.press("0").write("shanxi");
    assert!(driver.model.overlay.is_none());
    assert_eq!(driver.model.directory.text().as_deref(), Some("shanxi"));
    driver.press("Esc Ctrl+F").write("x");
    assert!(matches!(driver.model.overlay, Some(Overlay::Sheet(_))), "opened by no letter");
}

#[test]
fn chips_narrow_the_list_and_go_again() {
    let mut driver = officer();
    driver.press("0 Ctrl+F Enter").write("pjzz").press("Enter");
    assert_eq!(driver.model.directory.total(), 2, "evaluators");
    driver.press("Ctrl+U").write("xmb").press("Enter Esc");
    assert_eq!(driver.model.directory.total(), 3, "evaluators and the hub");
    driver.press("Delete");
    assert_eq!(driver.model.directory.total(), 5);
    driver.press("f Down Enter Enter Esc Esc");
    assert_eq!((driver.model.directory.chips.len(), driver.model.screen), (0, Screen::Directory));
}

#[test]
fn the_hub_s_queue_is_a_chip() {
    let mut driver = officer();
    driver.fake.world().rows.get_mut("application").expect("lines")[0].set_text("state", "filed");
    driver.press("2");
    assert!(driver.model.lines.is_queue());
    assert_eq!(driver.model.lines.total(), 1);
    driver.press("Delete");
    assert_eq!((driver.model.lines.is_queue(), driver.model.lines.total()), (false, 2));
    driver.press("Ctrl+F Enter");
    assert_eq!((driver.model.lines.is_queue(), driver.model.lines.total()), (true, 1));
    driver.press("Ctrl+F Down Enter Down Enter Esc");
    assert_eq!(driver.model.lines.total(), 0, "a filed line does not wait");
    driver.press("Esc Esc");
    assert_eq!(driver.model.screen, Screen::Today, "the queue's chip stays");
}

#[test]
fn ticked_lines_are_decided_together() {
    let mut driver = officer();
    driver.press("2 Ctrl+A F7").write("缺师资培训人数").press("F2");
    assert!(driver.model.form.is_none());
    for row in &driver.fake.world().rows["application"] {
        assert_eq!((row.state(), row.text("reason")), (Some("returned"), Some("缺师资培训人数")));
    }
    assert_eq!(driver.model.lines.ticked(), 0, "what was done is no longer ticked");
}

#[test]
fn rows_that_nobody_saw_are_not_acted_on() {
    let mut driver = officer();
    driver.press("2 Ctrl+A F7").write("缺");
    let more = driver.fake.world().rows["application"][0].clone();
    let more = Row { id: XIANYANG, ..more };
    driver.fake.world().rows.get_mut("application").expect("lines").push(more);
    driver.press("F2");
    let form = driver.model.form.as_ref().expect("still open");
    assert_eq!(form.stage, Stage::Failed("failure-list-moved".into()));
    let rows = driver.fake.world().rows["application"].clone();
    assert!(rows.iter().all(|row| row.state() == Some("submitted")));
}
