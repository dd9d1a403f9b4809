//! Two devices of one college over real QUIC: learners, classes, attendance, and what becomes of
//! work that was done at both while they were apart. C1, C2, C3, C8, C9, C29.

use onex_crdt::ids::RecordId;
use onex_crdt::record::Record;
use onex_crdt::records::class::Class;
use onex_crdt::records::class::enrolment::{Enrolment, enrolment_id};
use onex_crdt::records::learner::Learner;
use onex_crdt::value::Value;
use onex_node::Node;
use onex_node::api::Conflict;
use onex_node::clock::Clock;

use super::province::{Province, take};
use super::register::{
    BOTH, Taught, add, check_alike, college, enrol, history, learner_row, mark, marked, meet,
    open_class, place, row, taught,
};

/// The one conflict that both devices show, with the same number and the same values.
fn one_conflict(province: &Province) -> Conflict {
    let [here, there] = BOTH.map(|name| province.node(name).conflicts().expect("readable"));
    assert_eq!(here, there, "both number the values alike");
    let [conflict] = here.try_into().expect("one conflict");
    conflict
}

/// The values of a conflict with who wrote them.
fn texts(conflict: &Conflict) -> Vec<(&str, &str)> {
    let values = conflict.values.iter();
    let mut texts: Vec<(&str, &str)> =
        values.map(|one| (text(&one.value), one.person.as_str())).collect();
    texts.sort_unstable();
    texts
}

fn text(value: &Option<Value>) -> &str {
    value.as_ref().and_then(Value::as_text).unwrap_or_default()
}

/// Chooses the value at one device and lets the other hear of it.
fn choose(province: &Province, conflict: &Conflict, value: &str, reason: &str) {
    let at = conflict.values.iter().position(|one| text(&one.value) == value);
    let choice = (at.expect("one of the values") + 1).to_string();
    let id = conflict.id.to_string();
    let given = [("id", id.as_str()), ("choice", choice.as_str()), ("reason", reason)];
    province.act("xatl-2", "conflict.choose", None, &given);
    assert_eq!(province.node("xatl-1").conflicts().expect("readable").len(), 1, "not heard yet");
    province.sync("xatl-2");
    for name in BOTH {
        assert_eq!(province.node(name).conflicts().expect("readable"), [], "{name}");
        let resolved = province.node(name).resolved().expect("readable");
        assert_eq!(resolved.len(), 1, "{name}");
        assert_eq!(texts(&resolved[0].conflict), texts(conflict), "{name}");
        assert_eq!(text(&resolved[0].chosen), value, "{name}");
        assert_eq!(resolved[0].person, "李强");
        assert_eq!(resolved[0].reason.as_deref(), Some(reason));
    }
}

/// C1: different fields of one learner, edited apart, are both kept without a question.
#[test]
fn c1_two_fields_edited_apart_are_both_kept() {
    let province = Province::college();
    let id = add(&province, "xatl-1", "张伟", 1);
    province.sync("xatl-2");
    province.act("xatl-1", "learner.edit", Some(id), &[("phone", "19900000099")]);
    province.act("xatl-2", "learner.edit", Some(id), &[("class_name", "铁供2402")]);
    province.sync("xatl-2");
    for name in BOTH {
        let row = learner_row(&province, name, id);
        assert_eq!(row.text("phone"), Some("19900000099"), "{name}");
        assert_eq!(row.text("class_name"), Some("铁供2402"), "{name}");
        assert_eq!(province.node(name).conflicts().expect("readable"), [], "{name}");
    }
    check_alike(&province);
}

/// C2: both names are shown with who wrote them; a choice at one device ends it at the other, and
/// the history keeps both.
#[test]
fn c2_one_name_changed_twice_is_asked_about() {
    let province = Province::college();
    let id = add(&province, "xatl-1", "欧阳静", 1);
    province.sync("xatl-2");
    province.act("xatl-1", "learner.edit", Some(id), &[("name", "欧阳婧")]);
    province.act("xatl-2", "learner.edit", Some(id), &[("name", "欧阳菁")]);
    province.sync("xatl-2");
    let conflict = one_conflict(&province);
    assert_eq!((conflict.record_id, conflict.field.as_str()), (id, "name"));
    assert_eq!(texts(&conflict), [("欧阳婧", "王芳"), ("欧阳菁", "李强")]);
    let devices = BOTH.map(|name| Some(province.node(name).me().expect("me").device));
    assert!(conflict.values.iter().all(|one| devices.contains(&one.device)));
    choose(&province, &conflict, "欧阳婧", "身份证");
    for name in BOTH {
        let row = learner_row(&province, name, id);
        assert_eq!((row.text("name"), row.conflict.len()), (Some("欧阳婧"), 0), "{name}");
        let steps = history(&province, name, Learner::KIND, id).steps;
        for written in ["欧阳婧", "欧阳菁"] {
            let mut changed = steps.iter().flat_map(|step| &step.changed);
            let found = changed.any(|(key, _, new)| key == "name" && text(new) == written);
            assert!(found, "{name}: {written}");
        }
        assert!(steps.iter().any(|step| step.kind == "conflict.choose"), "{name}");
    }
    check_alike(&province);
}

/// C2: a choice covers the values that were seen: after a third one its number means nothing.
#[test]
fn c2_a_choice_among_other_values_is_refused() {
    let province = Province::college();
    let id = add(&province, "xatl-1", "欧阳静", 1);
    province.sync("xatl-2");
    province.act("xatl-1", "learner.edit", Some(id), &[("name", "欧阳婧")]);
    province.act("xatl-2", "learner.edit", Some(id), &[("name", "欧阳菁")]);
    province.sync("xatl-2");
    let old = one_conflict(&province).id.to_string();
    for (node, value) in [("xatl-1", "欧阳晶"), ("xatl-2", "欧阳青")] {
        let given = [("id", old.as_str()), ("value", value)];
        province.act(node, "conflict.choose", None, &given);
    }
    province.sync("xatl-2");
    let new = one_conflict(&province);
    assert_eq!(texts(&new), [("欧阳晶", "王芳"), ("欧阳青", "李强")]);
    assert_ne!(new.id.to_string(), old);
    let given = [("id", old.as_str()), ("choice", "1")];
    assert!(province.try_act("xatl-1", "conflict.choose", None, &given).is_err());
}

/// C3: one person entered at both devices is reported, becomes one, and can be two again.
#[test]
fn c3_one_person_entered_twice_becomes_one() {
    let province = Province::college();
    let class = open_class(&province);
    province.sync("xatl-2");
    let one = add(&province, "xatl-1", "何平", 1);
    let two = add(&province, "xatl-2", "何平", 1);
    enrol(&province, "xatl-2", class, &[two]);
    province.sync("xatl-2");
    let mut pair = [one, two];
    pair.sort_unstable();
    for name in BOTH {
        let duplicates = province.node(name).duplicates().expect("readable");
        let [duplicate] = duplicates.try_into().expect("one pair");
        assert_eq!((duplicate.field, duplicate.records.as_slice()), ("id_number", &pair[..]));
    }
    province.act("xatl-1", "learner.merge", Some(one), &[("from", &two.to_string())]);
    province.sync("xatl-2");
    let place =
        |name| row(&province, name, Enrolment::KIND, enrolment_id(college(&province), class, two));
    for name in BOTH {
        let states =
            [one, two].map(|id| learner_row(&province, name, id).state().map(str::to_owned));
        assert_eq!(states, ["active", "merged"].map(|state| Some(state.to_owned())), "{name}");
        assert_eq!(place(name).id_of("learner_id"), Some(one), "{name}: the place follows");
        assert_eq!(province.node(name).duplicates().expect("readable"), [], "{name}");
    }
    province.act("xatl-1", "undo", None, &[]);
    province.sync("xatl-2");
    for name in BOTH {
        assert_eq!(learner_row(&province, name, two).state(), Some("active"), "{name}");
        assert_eq!(place(name).id_of("learner_id"), Some(two), "{name}: and goes back");
    }
    check_alike(&province);
}

/// C8: the teacher's and the coordinator's mark differ; one is chosen, both are kept.
#[test]
fn c8_two_markers_differ_until_somebody_decides() {
    let Taught { province, meeting, learners, .. } = taught(2);
    mark(&province, "xatl-2", meeting, &learners, "absent");
    mark(&province, "xatl-1", meeting, &learners[..1], "leave");
    province.sync("xatl-2");
    let conflict = one_conflict(&province);
    assert_eq!(conflict.field, "mark");
    assert_eq!(texts(&conflict), [("absent", "李强"), ("leave", "王芳")]);
    choose(&province, &conflict, "leave", "有请假条");
    for name in BOTH {
        let row = marked(&province, name, meeting, learners[0]);
        assert_eq!((row.text("mark"), row.state()), (Some("leave"), Some("decided")), "{name}");
        let all = row.fields.get("all_marks").and_then(|value| value.as_list().map(<[_]>::len));
        assert_eq!(all, Some(2), "{name}: both marks are kept");
        assert_eq!(marked(&province, name, meeting, learners[1]).state(), Some("marked"));
    }
    check_alike(&province);
}

/// C9: whoever is taken out while a colleague marks him keeps the mark as evidence.
#[test]
fn c9_attendance_of_who_was_taken_out_is_kept() {
    let taught = taught(2);
    let Taught { province, class, meeting, learners } = &taught;
    let id = enrolment_id(college(province), *class, learners[0]);
    province.act("xatl-1", "class.remove", Some(id), &[("reason", "转专业")]);
    mark(province, "xatl-2", *meeting, learners, "present");
    province.sync("xatl-2");
    for name in BOTH {
        let removed = place(&taught, name, learners[0]);
        assert_eq!((removed.state(), removed.is("attendance_kept")), (Some("removed"), true));
        let stays = place(&taught, name, learners[1]);
        assert_eq!((stays.state(), stays.is("attendance_kept")), (Some("enrolled"), false));
        let class = row(province, name, Class::KIND, *class);
        assert_eq!(class.int("enrolled_count"), Some(1), "{name}");
    }
    check_alike(province);
}

/// C29: a clock that is a year slow orders nothing; what it claims is shown.
#[test]
fn c29_a_slow_clock_orders_nothing() {
    let Taught { province, meeting, learners, .. } = taught(1);
    let id = learners[0];
    mark(&province, "xatl-1", meeting, &learners, "absent");
    province.act("xatl-1", "learner.edit", Some(id), &[("name", "张维")]);
    province.sync("xatl-2");
    let at = onex_crdt::field::time::Moment::parse("2025-04-01T09:00:00+08:00");
    let slow = Node::open(&province.home("xatl-2"), Clock::story(at.expect("a moment")));
    let slow = slow.expect("several may hold one home");
    take(&slow, "learner.edit", Some(id), &[("name", "张炜")]).expect("allowed");
    let (at, who) = (meeting.to_string(), id.to_string());
    let values = [("meeting_id", at.as_str()), ("learner_id", who.as_str()), ("mark", "late")];
    take(&slow, "attendance.mark", None, &values).expect("allowed");
    province.sync("xatl-2");
    for name in BOTH {
        let row = learner_row(&province, name, id);
        assert_eq!((row.text("name"), row.conflict.len()), (Some("张炜"), 0), "{name}");
        let steps = history(&province, name, Learner::KIND, id).steps;
        let last = steps.last().expect("steps");
        assert!(last.at.to_string().starts_with("2025-"), "{name}: the claim is shown");
        assert_eq!(last.person, "李强");
        let row = marked(&province, name, meeting, id);
        let marks = row.fields.get("all_marks").and_then(Value::as_list).unwrap_or_default();
        assert_eq!(marks.len(), 2);
        assert!(marks[1].starts_with("late\t李强\t2025-"), "{name}: the one that saw the other");
    }
    check_alike(&province);
}

/// A colleague reads and edits the same class offline: nothing of either is lost.
#[test]
fn both_work_on_one_class_while_apart() {
    let taught = taught(3);
    let Taught { province, class, learners, .. } = &taught;
    let more = [("xatl-1", 4), ("xatl-2", 5)].map(|(node, n)| add(province, node, "刘洋", n));
    enrol(province, "xatl-1", *class, &more[..1]);
    enrol(province, "xatl-2", *class, &more[1..]);
    province.act("xatl-1", "class.edit", Some(*class), &[("room", "A101")]);
    province.act("xatl-2", "class.edit", Some(*class), &[("capacity", "40")]);
    let one = meet(province, "xatl-1", *class, "2026-04-13");
    let two = meet(province, "xatl-2", *class, "2026-04-14");
    mark(province, "xatl-1", one, learners, "present");
    mark(province, "xatl-2", two, learners, "late");
    province.sync("xatl-2");
    for name in BOTH {
        let class = row(province, name, Class::KIND, *class);
        assert_eq!((class.text("room"), class.int("capacity")), (Some("A101"), Some(40)));
        assert_eq!((class.int("enrolled_count"), class.int("taught_hours")), (Some(5), Some(120)));
        let hours: Vec<Option<i64>> =
            learners.iter().map(|id| place(&taught, name, *id).int("attended_hours")).collect();
        assert_eq!(hours, [Some(80); 3], "{name}");
        for learner in more {
            assert_eq!(place(&taught, name, learner).state(), Some("enrolled"), "{name}");
        }
    }
    check_alike(province);
}

/// The two devices need nobody else: the hub is gone, and they sync all the same.
#[test]
fn two_devices_of_a_college_sync_without_the_hub() {
    let mut province = Province::college();
    province.halt("hub-1");
    province.halt("hub-2");
    let id: RecordId = add(&province, "xatl-1", "张伟", 1);
    let device = province.node("xatl-1").me().expect("me").device;
    let report = province.node("xatl-2").sync(Some(device)).expect("reached");
    assert!(report.peers[0].reached && report.peers[0].equal, "{:?}", report.peers[0]);
    assert_eq!(learner_row(&province, "xatl-2", id).text("name"), Some("张伟"));
    assert_eq!(province.node("xatl-1").status().expect("status").unsent.changes, 0);
}

/// What a colleague has taken counts as sent, though he is gone as soon as he has said so.
#[test]
fn what_a_colleague_took_is_no_longer_unsent() {
    let province = Province::college();
    let id = add(&province, "xatl-1", "张伟", 1);
    for round in 0..20 {
        let phone = format!("199000001{round:02}");
        province.act("xatl-1", "learner.edit", Some(id), &[("phone", &phone)]);
        province.sync("xatl-2");
        let unsent = || province.node("xatl-1").status().expect("status").unsent.changes;
        // The word that it was taken may still be on its way up from the socket.
        let heard = (0..LOOKS_MAX).any(|_| {
            std::thread::yield_now();
            unsent() == 0
        });
        assert!(heard, "round {round}");
    }
}

/// How often it is looked whether something was heard: a second or more.
const LOOKS_MAX: u32 = 2_000;
