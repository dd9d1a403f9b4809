//! A roster from file to class: learners saved, put into a class, and taken back together.

use onex_crdt::field::time::Date;
use onex_crdt::ids::RecordId;
use onex_crdt::record::Record;
use onex_crdt::records::class::Class;
use onex_crdt::records::class::enrolment::Enrolment;
use onex_crdt::records::learner::Learner;
use onex_node::Node;
use onex_node::api::Query;
use onex_node::import::{Draft, Fate, Roster};
use onex_node::table::{read, read_pasted};
use onex_node::undoing::What;

use super::province::Province;

const FILE: &[u8] = include_bytes!("../../../node/tests/data/rosters/v11_duplicates.xlsx");

fn total(node: &Node, kind: &'static onex_crdt::record::RecordKind) -> usize {
    node.list(&Query::all(kind)).expect("a list").total
}

fn draft(node: &Node, roster: Roster, table: onex_node::table::Table) -> Draft {
    let today: Date = node.clock().now().date();
    let mut draft = Draft::new(roster, table, today).expect("a header is known");
    node.import_match(&mut draft).expect("a coordinator may");
    draft
}

fn enrolled(node: &Node, class: RecordId) -> i64 {
    let row = node.row(Class::KIND, class).expect("readable").expect("there");
    row.int("enrolled_count").expect("counted")
}

#[test]
fn a_roster_fills_a_class_and_is_taken_back() {
    let province = Province::pilot();
    let level = province.level("crrc-1").to_string();
    let values = [
        ("name", "装调中级2026春"),
        ("cert_level_id", level.as_str()),
        ("class_type", "课程融入"),
        ("term", "2026-1"),
        ("starts_on", "2026-04-10"),
        ("plan_hours", "40"),
        ("teachers", "刘洋"),
    ];
    let class = province.act("xatl-1", "class.open", None, &values);
    let node = province.node("xatl-1");
    let roster = draft(node, Roster::Learner, read(FILE).expect("a table"));
    let saved = node.import(&roster, Some(class), &mut |_, _| true).expect("saved");
    assert_eq!((total(node, Learner::KIND), enrolled(node, class)), (40, 40));
    // The same file again changes nothing, and nobody is put in twice.
    let again = draft(node, Roster::Learner, read(FILE).expect("a table"));
    node.import(&again, Some(class), &mut |_, _| true).expect("nothing new");
    assert_eq!((total(node, Learner::KIND), enrolled(node, class)), (40, 40));
    node.undo(&What::Named(saved.batch.expect("a batch").to_string()), &[]).expect("taken back");
    assert_eq!((total(node, Learner::KIND), enrolled(node, class)), (0, 0));
}

#[test]
fn learners_of_the_register_are_put_into_a_class() {
    let province = Province::pilot();
    let level = province.level("crrc-1").to_string();
    let values = [
        ("name", "装调中级2026春"),
        ("cert_level_id", level.as_str()),
        ("class_type", "课程融入"),
        ("term", "2026-1"),
        ("starts_on", "2026-04-10"),
        ("plan_hours", "40"),
        ("teachers", "刘洋"),
        ("capacity", "3"),
    ];
    let class = province.act("xatl-1", "class.open", None, &values);
    let node = province.node("xatl-1");
    let text = "姓名\t学号\n王芳\t1\n李强\t2\n张伟\t3\n赵云\t4";
    let roster = draft(node, Roster::Learner, read_pasted(text).expect("a table"));
    node.import(&roster, None, &mut |_, _| true).expect("saved");
    let text = "学号\t本人确认\n1\t是\n2\t\n9\t是";
    let places = draft(node, Roster::Enrolment, read_pasted(text).expect("a table"));
    let fates: Vec<bool> =
        places.rows().iter().map(|row| matches!(row.fate(), Fate::Update(_))).collect();
    assert_eq!(fates, [true, true, false]);
    node.import(&places, Some(class), &mut |_, _| true).expect("saved");
    let rows = node.list(&Query::all(Enrolment::KIND)).expect("a list").rows;
    let mut confirmed: Vec<(Option<&str>, bool)> =
        rows.iter().map(|row| (row.text("learner_name"), row.is("learner_confirmed"))).collect();
    confirmed.sort();
    assert_eq!(confirmed, [(Some("李强"), false), (Some("王芳"), true)]);
    let text = "学号\n1\n2\n3\n4";
    let many = draft(node, Roster::Enrolment, read_pasted(text).expect("a table"));
    assert!(node.import(&many, Some(class), &mut |_, _| true).is_err(), "there are three seats");
    assert_eq!(enrolled(node, class), 2);
}
