//! What tests of the register, the classes and the undoing have in common: made-up learners, a
//! class of theirs, and what two devices of one college show.

use std::collections::BTreeMap;

use onex_crdt::action::Given;
use onex_crdt::field::code::resident_check;
use onex_crdt::ids::{BatchId, OrgId, RecordId};
use onex_crdt::record::{Record, RecordKind, Row};
use onex_crdt::records::attendance::{Attendance, attendance_id};
use onex_crdt::records::class::enrolment::{Enrolment, enrolment_id};
use onex_crdt::records::learner::Learner;
use onex_crdt::registry;
use onex_node::Node;
use onex_node::api::{History, Query};
use onex_node::engine::Order;
use onex_tui::json::{self, Secrets};

use super::province::Province;

/// Both devices of the college.
pub const BOTH: [&str; 2] = ["xatl-1", "xatl-2"];

/// Returns the number of a made-up person: of a prefix that was never assigned, checked right.
pub fn id_number(sequence: u32) -> String {
    let body = format!("61019920040101{sequence:03}");
    let check = resident_check(&body).expect("17 digits");
    format!("{body}{check}")
}

/// The parameters of a learner.
fn learner(name: &str, sequence: u32) -> Vec<(&'static str, String)> {
    vec![
        ("name", name.to_owned()),
        ("id_type", "resident_id".to_owned()),
        ("id_number", id_number(sequence)),
        ("phone", format!("1990000{sequence:04}")),
        ("learner_kind", "student".to_owned()),
        ("class_name", "铁供2401".to_owned()),
    ]
}

/// Puts a learner on the register at a device.
pub fn add(province: &Province, node: &'static str, name: &str, sequence: u32) -> RecordId {
    let values = learner(name, sequence);
    let values: Vec<(&str, &str)> = values.iter().map(|(key, v)| (*key, v.as_str())).collect();
    province.act(node, "learner.add", None, &values)
}

/// Puts many learners on the register as one batch, as an import does.
pub fn add_many(
    province: &Province,
    node: &'static str,
    sequences: std::ops::Range<u32>,
) -> (BatchId, Vec<RecordId>) {
    let action = registry::action("learner.add").expect("the action exists");
    let orders: Vec<Order> = sequences
        .map(|sequence| {
            let values = learner("误导入", sequence).into_iter();
            let read = |(key, text): (&str, String)| {
                (key.to_owned(), action.read(key, &text).expect("the value is right"))
            };
            let given: Given = values.map(read).collect();
            Order { action, id: None, given }
        })
        .collect();
    province.node(node).act_many(&[&orders]).expect("allowed")
}

/// Opens the class 装调中级1班 at the first device.
pub fn open_class(province: &Province) -> RecordId {
    let level = province.level("crrc-1").to_string();
    let values = [
        ("name", "装调中级1班"),
        ("cert_level_id", level.as_str()),
        ("class_type", "intensive"),
        ("term", "2026-1"),
        ("starts_on", "2026-04-10"),
        ("plan_hours", "48"),
        ("teachers", "李强"),
    ];
    province.act("xatl-1", "class.open", None, &values)
}

/// Puts learners into a class.
pub fn enrol(province: &Province, node: &'static str, class: RecordId, learners: &[RecordId]) {
    province.act(node, "class.enrol", Some(class), &[("learner_id", &joined(learners))]);
}

/// Adds a meeting of four hours.
pub fn meet(province: &Province, node: &'static str, class: RecordId, on: &str) -> RecordId {
    let class = class.to_string();
    let values =
        [("class_id", class.as_str()), ("held_on", on), ("hours", "4"), ("teacher", "李强")];
    province.act(node, "meeting.add", None, &values)
}

/// Marks learners at a meeting.
pub fn mark(
    province: &Province,
    node: &'static str,
    meeting: RecordId,
    learners: &[RecordId],
    mark: &str,
) {
    let (meeting, learners) = (meeting.to_string(), joined(learners));
    let values =
        [("meeting_id", meeting.as_str()), ("learner_id", learners.as_str()), ("mark", mark)];
    province.act(node, "attendance.mark", None, &values);
}

fn joined(ids: &[RecordId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// A college whose two devices have a class of so many learners and its first meeting.
pub struct Taught {
    pub province: Province,
    pub class: RecordId,
    pub meeting: RecordId,
    pub learners: Vec<RecordId>,
}

/// Opens a class of so many learners, known to both devices, with one meeting.
pub fn taught(count: u32) -> Taught {
    let province = Province::college();
    let class = open_class(&province);
    let learners: Vec<RecordId> =
        (1..=count).map(|sequence| add(&province, "xatl-1", "张伟", sequence)).collect();
    enrol(&province, "xatl-1", class, &learners);
    let meeting = meet(&province, "xatl-1", class, "2026-04-12");
    province.sync("xatl-2");
    Taught { province, class, meeting, learners }
}

/// The railway college.
pub fn college(province: &Province) -> OrgId {
    province.node("xatl-1").me().expect("me").org_id
}

/// The row of a record at a node, which has it.
pub fn row(
    province: &Province,
    node: &'static str,
    kind: &'static RecordKind,
    id: RecordId,
) -> Row {
    let row = province.node(node).row(kind, id).expect("readable");
    row.unwrap_or_else(|| panic!("{node} has no such {}", kind.key))
}

/// A learner's row.
pub fn learner_row(province: &Province, node: &'static str, id: RecordId) -> Row {
    row(province, node, Learner::KIND, id)
}

/// The place of a learner in a class.
pub fn place(taught: &Taught, node: &'static str, learner: RecordId) -> Row {
    let id = enrolment_id(college(&taught.province), taught.class, learner);
    row(&taught.province, node, Enrolment::KIND, id)
}

/// The mark of a learner at a meeting.
pub fn marked(
    province: &Province,
    node: &'static str,
    meeting: RecordId,
    learner: RecordId,
) -> Row {
    let id = attendance_id(college(province), meeting, learner);
    row(province, node, Attendance::KIND, id)
}

/// The history of a record.
pub fn history(
    province: &Province,
    node: &'static str,
    kind: &'static RecordKind,
    id: RecordId,
) -> History {
    province.node(node).history(kind, id).expect("a history")
}

/// What a node lists of every kind, as `onex list KIND --json --reveal` prints it.
pub fn lists(node: &Node) -> BTreeMap<&'static str, String> {
    let list = |kind: &&'static RecordKind| {
        let list = node.list(&Query::all(kind)).expect("readable");
        (kind.key, json::list(Secrets::Revealed, kind, &list).to_string())
    };
    registry::KINDS.iter().map(list).collect()
}

/// Checks that both devices list the same of every kind and have the same documents.
pub fn check_alike(province: &Province) {
    let [one, other] = BOTH.map(|name| province.node(name).clone());
    let (here, there) = (lists(&one), lists(&other));
    for (kind, list) in &here {
        assert_eq!(list, &there[kind], "{kind}");
    }
    assert!(onex_tui::demo::converged(&[one, other]).expect("readable"));
}
