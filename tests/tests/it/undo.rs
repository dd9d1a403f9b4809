//! Undoing over real QUIC: what is taken back is taken back at every device, what others have
//! built on is asked about, and what others have heard cannot be unsaid. C33.

use onex_crdt::action::{Given, Reason};
use onex_crdt::ids::RecordId;
use onex_crdt::record::Record;
use onex_crdt::records::call::Call;
use onex_crdt::records::class::Class;
use onex_crdt::records::class::enrolment::Enrolment;
use onex_crdt::records::contact::Contact;
use onex_crdt::records::learner::Learner;
use onex_crdt::registry;
use onex_node::api::{Query, Undone};
use onex_node::engine::Order;
use onex_node::undoing::What;
use onex_node::{Node, NodeError};

use super::province::Province;
use super::register::{
    BOTH, Taught, add, add_many, check_alike, enrol, history, learner_row, lists, mark, meet,
    open_class, row, taught,
};

fn undo(node: &Node, what: &What, also: &[RecordId]) -> Undone {
    node.undo(what, also).expect("it can be undone")
}

fn named(batch: impl ToString) -> What {
    What::Named(batch.to_string())
}

/// Checks that every kind is listed as before, byte for byte.
fn check_lists(node: &Node, before: &std::collections::BTreeMap<&'static str, String>, what: &str) {
    for (kind, list) in lists(node) {
        assert_eq!(list, before[kind], "{what}: {kind}");
    }
}

fn refused(result: Result<Undone, NodeError>) -> Reason {
    match result {
        Err(NodeError::Refused(refusal)) => refusal.reason,
        other => panic!("it was not refused: {other:?}"),
    }
}

/// C33: nineteen of twenty are taken back, the one that a colleague has edited is asked about; it
/// can be taken back too, and everything can be brought back.
#[test]
fn c33_a_batch_that_a_colleague_has_edited() {
    let province = Province::college();
    add(&province, "xatl-1", "张伟", 1);
    province.sync("xatl-2");
    let xatl = province.node("xatl-1");
    let before = lists(xatl);
    let (batch, learners) = add_many(&province, "xatl-1", 101..121);
    province.sync("xatl-2");
    province.act("xatl-2", "learner.edit", Some(learners[7]), &[("phone", "19900000099")]);
    province.sync("xatl-2");
    let imported = lists(xatl);

    let first = undo(xatl, &named(batch), &[]);
    assert_eq!((first.undone.len(), first.left.len()), (19, 1));
    assert_eq!(
        (first.left[0].id, first.left[0].since.as_slice()),
        (learners[7], &["phone".to_owned()][..])
    );
    province.sync("xatl-2");
    check_alike(&province);
    let left = province.node("xatl-2").list(&Query::all(Learner::KIND)).expect("list");
    assert_eq!(left.total, 2, "the colleague has them no more");

    let second = undo(xatl, &named(batch), &[learners[7]]);
    assert_eq!(
        (second.undone.as_slice(), second.left.len()),
        (&[(Learner::KIND, learners[7])][..], 0)
    );
    province.sync("xatl-2");
    for name in BOTH {
        check_lists(province.node(name), &before, name);
        let history = history(&province, name, Learner::KIND, learners[7]);
        let kinds: Vec<&str> = history.steps.iter().map(|step| step.kind.as_str()).collect();
        assert_eq!(kinds, ["edit", "edit", "undo"], "{name}: the history has it all");
    }
    check_alike(&province);

    for undoing in [second, first] {
        undo(xatl, &named(undoing.batch.expect("it took something back")), &[]);
    }
    province.sync("xatl-2");
    for name in BOTH {
        check_lists(province.node(name), &imported, name);
    }
    assert_eq!(learner_row(&province, "xatl-2", learners[7]).text("phone"), Some("19900000099"));
    check_alike(&province);
}

/// An undoing of edits writes the former values again, but for those that a colleague has changed.
#[test]
fn edits_are_taken_back_field_by_field() {
    let province = Province::college();
    let id = add(&province, "xatl-1", "张伟", 1);
    province.sync("xatl-2");
    let values = [("phone", "19900000099"), ("class_name", "铁供2409")];
    province.act("xatl-1", "learner.edit", Some(id), &values);
    province.sync("xatl-2");
    province.act("xatl-2", "learner.edit", Some(id), &[("class_name", "铁供2410")]);
    province.sync("xatl-2");
    let undone = undo(province.node("xatl-1"), &What::Last, &[]);
    assert_eq!(undone.left.len(), 1);
    assert_eq!(undone.left[0].since, ["class_name"]);
    province.sync("xatl-2");
    for name in BOTH {
        let row = learner_row(&province, name, id);
        assert_eq!(row.text("phone"), Some("19900000001"), "{name}");
        assert_eq!(row.text("class_name"), Some("铁供2410"), "{name}");
    }
    check_alike(&province);
}

/// What a step of the training leads to is taken back at both devices, and comes back.
#[test]
fn steps_of_the_training_are_taken_back() {
    let Taught { province, class, meeting, learners } = taught(2);
    let another = add(&province, "xatl-1", "刘洋", 9);
    let another_meeting = meet(&province, "xatl-1", class, "2026-04-15");
    province.sync("xatl-2");
    let ids = learners.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let (another_id, learner) = (another.to_string(), learners[0]);
    let (meeting, next) = (meeting.to_string(), another_meeting.to_string());
    let level = province.level("crrc-1").to_string();
    type Step<'a> = (&'a str, Option<RecordId>, Vec<(&'a str, &'a str)>);
    let steps: Vec<Step> = vec![
        ("class.enrol", Some(class), vec![("learner_id", &another_id)]),
        (
            "attendance.mark",
            None,
            vec![("meeting_id", &meeting), ("learner_id", &ids), ("mark", "present")],
        ),
        (
            "attendance.mark",
            None,
            vec![("meeting_id", &next), ("learner_id", &ids), ("mark", "absent")],
        ),
        ("learner.leave", Some(learner), vec![("outcome", "graduated")]),
        ("learner.remove", Some(another), vec![("reason", "误登记")]),
        ("class.edit", Some(class), vec![("room", "A101")]),
        ("class.close", Some(class), vec![]),
        (
            "class.open",
            None,
            vec![
                ("name", "装调中级2班"),
                ("cert_level_id", &level),
                ("class_type", "intensive"),
                ("term", "2026-1"),
                ("starts_on", "2026-04-10"),
                ("plan_hours", "48"),
                ("teachers", "李强"),
            ],
        ),
    ];
    for (action, id, values) in steps {
        let xatl = province.node("xatl-1");
        let before = lists(xatl);
        province.act("xatl-1", action, id, &values);
        province.sync("xatl-2");
        let after = lists(province.node("xatl-2"));
        assert_ne!(before, after, "{action} leads to something");
        let undone = undo(xatl, &What::Last, &[]);
        province.sync("xatl-2");
        BOTH.iter().for_each(|name| check_lists(province.node(name), &before, action));
        let redone = undo(xatl, &What::LastUndoing, &[]);
        assert_eq!(redone.undone, undone.undone, "{action}: the same records are named");
        province.sync("xatl-2");
        BOTH.iter().for_each(|name| check_lists(province.node(name), &after, action));
        undo(xatl, &What::LastUndoing, &[]);
        province.sync("xatl-2");
        BOTH.iter().for_each(|name| check_lists(province.node(name), &before, action));
    }
    check_alike(&province);
}

/// A class in which a colleague has marked somebody since is asked about, not taken back.
#[test]
fn a_class_with_a_colleagues_sheet_stays() {
    let Taught { province, class, meeting, learners } = taught(1);
    let opening = history(&province, "xatl-1", Class::KIND, class);
    assert_eq!(opening.steps[0].kind, "edit");
    mark(&province, "xatl-2", meeting, &learners, "present");
    province.sync("xatl-2");
    let undone = undo(province.node("xatl-1"), &What::Last, &[]);
    assert_eq!(
        (undone.action.as_str(), undone.undone.len(), undone.left.len()),
        ("meeting.add", 0, 1)
    );
    assert_eq!(undone.left[0].since, ["attendance.mark"]);
    assert_eq!(undone.batch, None, "nothing is written, nothing can be brought back");
    assert_eq!(
        refused(province.node("xatl-1").undo(&What::LastUndoing, &[])),
        Reason::NothingToUndo
    );
    assert_eq!(row(&province, "xatl-2", Class::KIND, class).int("taught_hours"), Some(40));
}

/// Whoever a colleague has put into a class since, and a class for which he has planned, is asked
/// about: taken away, they would leave a place without a learner, a meeting without a class.
#[test]
fn what_a_colleague_has_built_on_stays() {
    let province = Province::college();
    let class = open_class(&province);
    province.sync("xatl-2");
    let meeting = meet(&province, "xatl-2", class, "2026-04-12");
    province.sync("xatl-2");
    let undone = undo(province.node("xatl-1"), &What::Last, &[]);
    assert_eq!((undone.undone.len(), undone.left[0].id), (0, class));
    assert_eq!(undone.left[0].since, ["meeting.add"]);

    let (batch, learners) = add_many(&province, "xatl-1", 101..104);
    province.sync("xatl-2");
    enrol(&province, "xatl-2", class, &learners[1..2]);
    mark(&province, "xatl-2", meeting, &learners[1..2], "present");
    province.sync("xatl-2");
    let undone = undo(province.node("xatl-1"), &named(batch), &[]);
    assert_eq!((undone.undone.len(), undone.left.len()), (2, 1));
    assert_eq!(undone.left[0].id, learners[1]);
    assert_eq!(undone.left[0].since, ["attendance.mark", "class.enrol"]);
    province.sync("xatl-2");
    assert_eq!(learner_row(&province, "xatl-2", learners[1]).state(), Some("active"));
    check_alike(&province);
}

/// Others' work is an admin's matter; whoever took the step may take it back himself.
#[test]
fn others_work_is_taken_back_by_an_admin_only() {
    let province = Province::college();
    let id = add(&province, "xatl-1", "张伟", 1);
    province.sync("xatl-2");
    province.act("xatl-1", "learner.edit", Some(id), &[("phone", "19900000099")]);
    province.sync("xatl-2");
    let colleague = province.node("xatl-2");
    let (batch, _) = add_many(&province, "xatl-1", 101..103);
    province.sync("xatl-2");
    assert_eq!(refused(colleague.undo(&named(batch), &[])), Reason::OthersWork);
    let (own, _) = add_many(&province, "xatl-2", 201..204);
    province.sync("xatl-2");
    let undone = undo(province.node("xatl-1"), &named(own), &[]);
    assert_eq!(undone.undone.len(), 3, "the admin may");
    province.sync("xatl-2");
    let list = colleague.list(&Query::all(Learner::KIND)).expect("list");
    assert_eq!(list.total, 3);
    let again = province.node("xatl-1").undo(&named(own), &[]);
    assert_eq!(refused(again), Reason::NothingToUndo);
    check_alike(&province);
}

/// Nobody writes into a document of another organisation, not even to take something back.
#[test]
fn what_another_organisation_did_is_left_alone() {
    let province = Province::college();
    let values = [("name", "周敏"), ("duty", "exam"), ("phone", "19900000031")];
    let contact = province.act("hub-1", "contact.add", None, &values);
    let action = registry::action("contact.edit").expect("the action exists");
    let phone = action.read("phone", "19900000032").expect("a number");
    let given = Given::from([("phone".to_owned(), phone)]);
    let order = Order { action, id: Some(contact), given };
    let (batch, _) = province.node("hub-1").act_many(&[&[order]]).expect("allowed");
    province.sync("xatl-1");
    let refused = refused(province.node("xatl-1").undo(&named(batch), &[]));
    assert_eq!(refused, Reason::NothingToUndo);
    let there = row(&province, "xatl-1", Contact::KIND, contact);
    assert_eq!(there.text("phone"), Some("19900000032"));
}

/// What others have heard is not undone; nor is what has no batch.
#[test]
fn what_cannot_be_undone_is_refused() {
    let province = Province::college();
    let class = open_class(&province);
    province.act("xatl-1", "class.cancel", Some(class), &[("reason", "人数不足")]);
    let xatl = province.node("xatl-1");
    assert_eq!(refused(xatl.undo(&What::Last, &[])), Reason::NotUndoable);
    let state = row(&province, "xatl-1", Class::KIND, class);
    assert_eq!(state.state(), Some("cancelled"));
    assert_eq!(refused(xatl.undo(&named("00000000"), &[])), Reason::UnknownRecord);
    let hub = province.node("hub-1");
    let call = hub.list(&Query::all(Call::KIND)).expect("list").rows[0].id;
    province.act("hub-1", "call.close", Some(call), &[]);
    assert_eq!(refused(hub.undo(&What::Last, &[])), Reason::NotUndoable);
    let places = xatl.list(&Query::all(Enrolment::KIND)).expect("list");
    assert_eq!(places.total, 0);
}
