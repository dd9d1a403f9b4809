//! Passphrases on the screen, and what is written down when masked fields are shown.

use onex_crdt::roles::PersonRole::{Admin, Coordinator};

use crate::core::backend::BackendError;
use crate::core::commands::Does;
use crate::core::load::{Message, Task};
use crate::core::lock::Lock;
use crate::core::model::{Model, Welcome};
use crate::core::story::training::with_training;
use crate::core::story::{Driver, Fake, RAILWAY, world};
use crate::core::update;
use crate::core::welcome::FOUND;
use crate::i18n::Lang;
use crate::view::screens::hints;

#[test]
fn a_passphrase_opens_the_node_before_anything_is_read() {
    let mut model = Model::new(Lang::Zh, Some(Welcome::Locked(None)));
    let press = |model: &mut Model, key: &str| update::key(model, key.parse().expect(key));
    assert!(update::start(&mut model).is_empty() && update::tick(&model).is_empty());
    assert!(press(&mut model, "Enter").is_empty(), "nothing is typed");
    // Letters that are keys elsewhere are the passphrase's.
    ["?", ":", "1", "/", "口", "q"].iter().for_each(|key| drop(press(&mut model, key)));
    assert!(model.overlay.is_none());
    assert_eq!(model.lock.as_ref().map(Lock::length), Some(6));
    assert!(matches!(press(&mut model, "Enter")[..], [Task::Unlock(_)]));
    assert!(press(&mut model, "Enter").is_empty(), "it is being tried");
    let failed = |id: &str| Message::NotEntered(BackendError::Failed(id.to_owned()));
    update::message(&mut model, failed("failure-wrong-passphrase"));
    assert_eq!(model.lock.as_ref().and_then(|lock| lock.said), Some("lock-wrong"));
    assert!(model.form.is_none() && model.welcome == Some(Welcome::Locked(None)));
    update::paste(&mut model, "别的口令");
    press(&mut model, "Esc");
    assert_eq!(model.lock.as_ref().map(Lock::length), Some(0), "Esc empties the field");
    update::paste(&mut model, "对的口令");
    assert!(matches!(press(&mut model, "Enter")[..], [Task::Unlock(_)]));
    let tasks = update::message(&mut model, Message::Entered);
    assert!(model.lock.is_none() && model.welcome.is_none() && !tasks.is_empty());
}

/// What Esc is said to do, if anything.
fn esc(model: &Model) -> Option<String> {
    hints(model).into_iter().find(|hint| hint.keys == "Esc").map(|hint| hint.text)
}

#[test]
fn esc_is_hinted_as_what_it_does() {
    let cases = [
        ("the first step", Welcome::Keys, None, None),
        ("which role", Welcome::Role { selected: 0 }, None, Some("返回")),
        ("existing keys", Welcome::Locked(None), Some(Lock::existing()), Some("清空")),
        ("new keys", Welcome::Locked(Some(0)), Some(Lock::new_one()), Some("返回")),
        ("the inviter's answer", Welcome::Waiting(None), None, None),
    ];
    for (name, welcome, lock, expected) in cases {
        let mut model = Model::new(Lang::Zh, Some(welcome));
        model.lock = lock;
        assert_eq!(esc(&model).as_deref(), expected, "{name}");
    }
}

#[test]
fn the_first_use_asks_for_a_passphrase_where_nothing_else_keeps_the_keys() {
    let mut model = Model::new(Lang::Zh, Some(Welcome::Keys));
    model.wants_lock = true;
    let press = |model: &mut Model, key: &str| update::key(model, key.parse().expect(key));
    ["Enter", "Down", "Down", "Enter"].iter().for_each(|key| drop(press(&mut model, key)));
    assert_eq!(model.welcome, Some(Welcome::Locked(Some(2))));
    press(&mut model, "Esc");
    assert_eq!(model.welcome, Some(Welcome::Role { selected: 2 }));
    press(&mut model, "Enter");
    for _ in 0..2 {
        update::paste(&mut model, "八个字的一句口令");
        assert!(model.form.is_none());
        let tasks = press(&mut model, "Enter");
        assert_eq!(tasks.len(), usize::from(model.form.is_some()));
        if let [task] = &tasks[..] {
            assert!(matches!(task, Task::Guard(Some(_))));
        }
    }
    assert_eq!(model.form.as_ref().map(|form| form.action.id), Some(FOUND.id));
    ["Esc", "Enter"].iter().for_each(|key| drop(press(&mut model, key)));
    assert!(model.form.is_some(), "it is asked once");
}

#[test]
fn a_form_with_masked_fields_is_written_down_when_it_opens() {
    let mut driver = Driver::new(
        Fake::new(with_training(world()), RAILWAY, "王芳", &[Coordinator, Admin]),
        Lang::Zh,
        (80, 24),
    );
    driver.press("3 Tab");
    assert!(driver.fake.world().opened.is_empty(), "lists are masked");
    let learner = driver.model.training.learners.current().expect("a learner").id;
    let edit = onex_crdt::registry::action("learner.edit").expect("there is one");
    let tasks = update::does(&mut driver.model, Does::Act(edit));
    driver.settle(tasks);
    assert!(driver.model.form.is_some());
    let opened = driver.fake.world().opened.clone();
    let [(id, keys)] = &opened[..] else { panic!("one line: {opened:?}") };
    assert_eq!(*id, learner);
    assert!(keys.contains(&"name".to_owned()) && keys.contains(&"id_number".to_owned()));
}
