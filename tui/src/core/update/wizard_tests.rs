//! A roster is imported key by key: mended, mapped, saved, taken back.

use onex_crdt::ids::BatchId;
use onex_crdt::record::Record;
use onex_crdt::records::learner::Learner;
use onex_crdt::roles::PersonRole::{Admin, Coordinator};
use onex_node::api::{Left, Undone};
use onex_node::undoing::What;

use crate::core::keys::{Code, Key};
use crate::core::load::Due;
use crate::core::load::roster::NoRoster;
use crate::core::model::Notice;
use crate::core::problem::Unusable;
use crate::core::story::{Driver, Fake, IMPORTED, RAILWAY, RIGHT_NUMBER, ROSTER, ToldUndo, world};
use crate::core::update;
use crate::i18n::Lang;

fn coordinator() -> Driver {
    let fake = Fake::new(world(), RAILWAY, "王芳", &[Coordinator, Admin]);
    Driver::new(fake, Lang::Zh, (80, 24))
}

fn wizard(driver: &Driver) -> &crate::core::wizard::Wizard {
    driver.model.wizard.as_ref().expect("an import is under way")
}

/// What is wrong in the marked line: row and column.
fn wrong(driver: &Driver) -> Option<(u32, String)> {
    let line = wizard(driver).line()?;
    let problem = wizard(driver).problem(line)?;
    Some((problem.row, problem.column.clone().unwrap_or_default()))
}

#[test]
fn a_pasted_roster_is_mended_row_by_row_and_saved() {
    let mut driver = coordinator();
    driver.press("Ctrl+P").paste(&ROSTER.replace('\n', "\r"));
    assert_eq!(wizard(&driver).step, crate::core::wizard::Step::Columns);
    driver.press("F2");
    assert_eq!(wrong(&driver), Some((3, "身份证号".into())), "what is wrong stands first");
    driver.press("Enter Ctrl+U").write(RIGHT_NUMBER).press("Enter");
    assert_eq!(wrong(&driver), Some((4, "身份证号".into())), "the next one follows");
    driver.press("F2 F2");
    let learners = || driver.fake.world().rows["learner"].len();
    assert_eq!(learners(), 3);
    assert!(matches!(driver.model.notice, Some(Notice::Imported { count: 3, rejected: 1 })));
    assert_eq!(wrong(&driver), Some((4, "身份证号".into())), "it waits to be mended");

    driver.press("Esc Esc Esc");
    assert!(!driver.model.wizard_open);
    let due = driver.model.today.clone().expect("read");
    assert!(due.iter().any(|due| matches!(due, Due::Import { rejected: 1, .. })));
    driver.press("Ctrl+P");
    assert!(matches!(driver.model.notice, Some(Notice::Said(_, "notice-import-goes-on"))));
    driver.paste("姓名\t身份证号\n甲\t1\n");
    assert!(matches!(driver.model.notice, Some(Notice::Said(_, "notice-import-drops"))));
    assert_eq!(wizard(&driver).lines().len(), 4, "the first one is still here");
    driver.press("Ctrl+Q");
    assert!(!driver.model.finished, "it would be gone");
    driver.press("F2 F2 Delete Esc Esc Esc");
    assert!(driver.model.wizard.is_none(), "nothing is left to be saved");
}

#[test]
fn columns_are_mapped_by_hand() {
    let mut driver = coordinator();
    driver.press("Ctrl+P F6");
    for letter in "学生\t身份证号\t学号\n张小娜\t1\t2301\n".chars() {
        let key = match letter {
            '\n' => Key::plain(Code::Enter),
            '\t' => Key::plain(Code::Tab),
            letter => Key::char(letter),
        };
        update::key(&mut driver.model, key);
    }
    driver.press("F2");
    let target = |driver: &Driver| {
        let draft = wizard(driver).draft.clone().expect("read");
        draft.columns()[0].target.map(|target| target.key)
    };
    assert_eq!(target(&driver), None);
    driver.press("F4 Down Enter");
    assert_eq!(target(&driver), Some("name"));
    driver.press("F4 Up Up Enter");
    assert_eq!(target(&driver), None);
    driver.press("Esc Esc");
    assert!(matches!(driver.model.notice, Some(Notice::Said(_, "notice-import-kept"))));
}

#[test]
fn a_roster_that_could_not_be_saved_is_still_there() {
    let mut driver = coordinator();
    driver.press("Ctrl+P").paste(ROSTER).press("F2 F2");
    driver.fake.world().fails = Some("磁盘已满".into());
    driver.press("F2");
    assert!(matches!(driver.model.notice, Some(Notice::Failed(_))));
    assert!(wizard(&driver).job.is_none());
    driver.press("F2");
    assert!(matches!(driver.model.notice, Some(Notice::Imported { count: 2, rejected: 2 })));
}

#[test]
fn files_are_found_by_completion() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("名单")).expect("a folder");
    std::fs::write(at("名单").join("电气2301.csv"), ROSTER.replace('\t', ",")).expect("written");
    std::fs::write(at("名单").join("notes.doc"), "x").expect("written");
    let mut driver = coordinator();
    driver.model.import_folder = format!("{}/", folder.path().display());
    driver.press("Ctrl+P").write("名").press("Tab Tab Enter");
    assert_eq!(wizard(&driver).name, "电气2301.csv");
    driver.press("Esc");
    driver.paste(&format!("\"{}\"", at("名单").join("notes.doc").display())).press("Enter Enter");
    let failed = Some(NoRoster::Unusable(Unusable::NoHeader));
    assert_eq!(wizard(&driver).failed, failed);
}

/// What is saved, would be saved, and cannot be.
fn counts(driver: &Driver) -> (usize, usize, usize) {
    let wizard = wizard(driver);
    let tally = wizard.draft.as_ref().expect("read").tally();
    (wizard.done.len(), tally.added + tally.updated, tally.rejected)
}

/// After a part was saved, the keys of undoing are about that part, and the rows follow.
#[test]
fn what_was_saved_in_part_is_taken_back_where_it_was_saved() {
    let mut driver = coordinator();
    driver.press("Ctrl+P").paste(ROSTER).press("F2 Ctrl+Z");
    assert_eq!(counts(&driver), (0, 2, 2), "nothing is saved, nothing is taken back");
    driver.press("F2 F2");
    assert_eq!(counts(&driver), (2, 0, 2));
    let rows = driver.fake.world().rows["learner"].clone();
    let records: Vec<_> = rows.iter().map(|row| (Learner::KIND, row.id)).collect();
    let batch = |byte| BatchId([byte; 16]);
    let told = |what: What, of, batch, undone: &[_], left| ToldUndo {
        what,
        also: Vec::new(),
        undone: Undone { of, batch, action: "learner.add".into(), undone: undone.to_vec(), left },
    };
    let left = || vec![Left { kind: Learner::KIND, id: records[0].1, since: vec!["phone".into()] }];
    let import = || What::Named(IMPORTED.to_string());
    driver.fake.world().undos = vec![
        told(import(), IMPORTED, Some(batch(2)), &records, Vec::new()),
        told(What::LastUndoing, batch(2), Some(batch(3)), &records, Vec::new()),
        told(import(), IMPORTED, None, &[], left()),
        told(import(), IMPORTED, Some(batch(4)), &records[1..], left()),
    ];
    driver.press("Ctrl+Z");
    assert_eq!(counts(&driver), (0, 2, 2), "they can be saved again");
    driver.press("Ctrl+Y");
    assert_eq!(counts(&driver), (2, 0, 2), "they are saved after all");
    driver.press("Ctrl+Z Esc");
    assert_eq!(counts(&driver), (2, 0, 2), "everything was left");
    driver.press("Ctrl+Z Esc");
    assert_eq!(counts(&driver), (1, 1, 2), "one was left, and stays saved");
}
