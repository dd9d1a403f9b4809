//! Learners, classes, attendance: the rules, and what two devices that are offline lead to.

use onex_crdt::act::Act;
use onex_crdt::action::Reason;
use onex_crdt::document::Write;
use onex_crdt::field::FieldError;
use onex_crdt::header::{CLASS, Header};
use onex_crdt::ids::{ActId, OrgId, RecordId};
use onex_crdt::record::{Fields, Record, Row};
use onex_crdt::records::attendance::{Attendance, attendance_id};
use onex_crdt::records::class::Class;
use onex_crdt::records::class::enrolment::{Enrolment, enrolment_id};
use onex_crdt::records::learner::Learner;
use onex_crdt::roles::OrgRole;
use onex_crdt::roles::PersonRole::{Admin, Coordinator, Manager, Teacher};
use onex_crdt::value::Value;
use onex_crdt::view::View;

use crate::province::{NETWORK, Province, Replica, Statement};

const COLLEGE: OrgId = OrgId([2; 16]);
const OTHER: OrgId = OrgId([3; 16]);
const EVALUATOR: OrgId = OrgId([4; 16]);

/// A college with two devices, another college, and a listed level of an evaluator.
fn province() -> (Province, RecordId) {
    let mut province = Province::found(11);
    for (org, role) in
        [(COLLEGE, OrgRole::College), (OTHER, OrgRole::College), (EVALUATOR, OrgRole::Evaluator)]
    {
        province.state(Statement::Org(org, role));
    }
    province.join("xatl-1", "王芳", COLLEGE, &[Coordinator, Admin]);
    province.join("xatl-2", "李强", COLLEGE, &[Teacher, Coordinator]);
    province.join("xyzy-1", "周敏", OTHER, &[Coordinator]);
    province.join("crrc-1", "陈刚", EVALUATOR, &[Manager]);
    let crrc = province.at("crrc-1");
    let evaluator = RecordId::from(EVALUATOR).to_string();
    let certificate = crrc.done(
        "certificate.add",
        None,
        &[("name", "轨道交通电气设备装调"), ("evaluator_id", &evaluator)],
    );
    let certificate = certificate.to_string();
    let level =
        crrc.done("cert_level.add", None, &[("certificate_id", &certificate), ("level", "2")]);
    let digest = "ab".repeat(32);
    crrc.done(
        "standard.publish",
        None,
        &[
            ("cert_level_id", &level.to_string()),
            ("version", "1.0"),
            ("effective_from", "2026-01-01"),
            ("units", "A1:接线,A2:调试"),
            ("document_digest", &digest),
        ],
    );
    province.sync("hub-2", "crrc-1");
    province.at("hub-2").done("listing.add", None, &[("cert_level_id", &level.to_string())]);
    province.sync("hub-1", "hub-2");
    province.sync_all();
    (province, level)
}

/// The parameters of a learner with a made-up number, and others besides or instead.
fn learner<'a>(id_number: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let plain = [
        ("name", "张伟"),
        ("id_type", "resident_id"),
        ("phone", "19900000021"),
        ("learner_kind", "student"),
        ("id_number", id_number),
    ];
    let given = |key: &str| more.iter().any(|(other, _)| *other == key);
    let plain = plain.into_iter().filter(|(key, _)| !given(key));
    plain.chain(more.iter().copied()).collect()
}

/// Numbers of the prefix that was never assigned, with right check characters.
const NUMBERS: [&str; 4] =
    ["610199200401010013", "610199200401010021", "61019920040101003X", "610199200401010056"];

fn row(replica: &Replica, id: RecordId) -> Row {
    replica.row(Learner::KIND, id).expect("there is a learner")
}

fn place(replica: &Replica, class: RecordId, learner: RecordId) -> Row {
    let id = enrolment_id(COLLEGE, class, learner);
    replica.row(Enrolment::KIND, id).expect("there is a place")
}

fn mark(replica: &Replica, meeting: RecordId, learner: RecordId) -> Row {
    let id = attendance_id(COLLEGE, meeting, learner);
    replica.row(Attendance::KIND, id).expect("there is a mark")
}

fn open(province: &mut Province, level: RecordId) -> RecordId {
    let level = level.to_string();
    province.at("xatl-1").done(
        "class.open",
        None,
        &[
            ("name", "装调中级1班"),
            ("cert_level_id", &level),
            ("class_type", "intensive"),
            ("term", "2026-1"),
            ("starts_on", "2026-04-10"),
            ("plan_hours", "48"),
            ("teachers", "李强"),
        ],
    )
}

/// A class with so many learners, known at both devices, and its first meeting.
fn taught(count: usize) -> (Province, RecordId, RecordId, Vec<RecordId>) {
    let (mut province, level) = province();
    let class = open(&mut province, level);
    let learners: Vec<RecordId> = NUMBERS[..count]
        .iter()
        .map(|number| province.at("xatl-1").done("learner.add", None, &learner(number, &[])))
        .collect();
    let ids: Vec<String> = learners.iter().map(ToString::to_string).collect();
    let xatl = province.at("xatl-1");
    xatl.done("class.enrol", Some(class), &[("learner_id", &ids.join(","))]);
    let meeting = xatl.done(
        "meeting.add",
        None,
        &[
            ("class_id", &class.to_string()),
            ("held_on", "2026-04-12"),
            ("hours", "4"),
            ("teacher", "李强"),
        ],
    );
    province.sync("xatl-1", "xatl-2");
    (province, class, meeting, learners)
}

fn say_mark(province: &mut Province, at: &str, meeting: RecordId, learner: RecordId, mark: &str) {
    province.at(at).done(
        "attendance.mark",
        None,
        &[
            ("meeting_id", &meeting.to_string()),
            ("learner_id", &learner.to_string()),
            ("mark", mark),
        ],
    );
}

#[test]
fn sex_and_birth_follow_from_the_number() {
    let (mut province, _) = province();
    let xatl = province.at("xatl-1");
    let id = xatl.done("learner.add", None, &learner("'６１０１９９２００４０１０１００１３", &[]));
    let added = row(xatl, id);
    assert_eq!(added.text("id_number"), Some(NUMBERS[0]));
    assert_eq!(added.text("gender"), Some("1"));
    assert_eq!(added.text("birth_date"), Some("2004-01-01"));
    assert_eq!(added.text("pinyin"), Some("zhang wei"));
    assert_eq!(added.state(), Some("active"));
    assert!(added.settled::<Learner>().is_some());
}

#[test]
fn a_wrong_learner_is_refused_at_its_field() {
    let (mut province, _) = province();
    let invalid = Reason::Invalid;
    let xatl = province.at("xatl-1");
    xatl.done("learner.add", None, &learner(NUMBERS[0], &[("student_no", "24001")]));
    let mut check = |number: &str, more: &[(&str, &str)], field: &str, reason: Reason| {
        let refused = xatl.refused("learner.add", None, &learner(number, more));
        assert_eq!(refused, (field.to_owned(), reason), "{number} {more:?}");
    };
    let check_digit = FieldError::CheckDigit { expected: '3' };
    check("610199200401010010", &[], "id_number", invalid(check_digit));
    check("610199200402300019", &[], "id_number", invalid(FieldError::Date));
    check("610199900401003", &[], "id_number", Reason::OldNumber);
    check(NUMBERS[1], &[("gender", "1")], "gender", Reason::Differs { from: "id_number" });
    check(NUMBERS[0], &[("name", "李娜")], "id_number", Reason::Duplicate);
    check(NUMBERS[1], &[("student_no", "24001")], "student_no", Reason::Duplicate);
    check("E12345678", &[("id_type", "passport")], "gender", invalid(FieldError::Missing));
    let social = [("learner_kind", "social")];
    xatl.done("learner.add", None, &learner("610199900401003", &social));
}

#[test]
fn a_shard_takes_as_many_as_it_may_and_no_more() {
    let (mut province, _) = province();
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    for number in 0..405 {
        let body = format!("6101992004010{:04}", 1000 + number);
        let sum: u32 =
            body.chars().zip(weights).map(|(c, w)| c.to_digit(10).unwrap_or_default() * w).sum();
        let check = "10X98765432".chars().nth(sum as usize % 11).expect("one of eleven");
        let number = format!("{body}{check}");
        province.at("xatl-1").done("learner.add", None, &learner(&number, &[("grade", "2024")]));
    }
    let xatl = province.at("xatl-1");
    let counts: Vec<usize> = xatl
        .documents
        .values()
        .filter(|document| document.header().kind == "learners")
        .map(|document| xatl.count(document.id(), Learner::KIND))
        .collect();
    let mut sorted = counts.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [5, 400]);
    let years: Vec<_> = xatl.documents.values().filter_map(|d| d.header().year).collect();
    assert!(years.contains(&2024));
}

/// C1: different fields of one learner, edited apart, are both kept without a question.
#[test]
fn c1_two_fields_of_one_learner() {
    let (mut province, _) = province();
    let id = province.at("xatl-1").done("learner.add", None, &learner(NUMBERS[0], &[]));
    province.sync("xatl-1", "xatl-2");
    province.at("xatl-1").done("learner.edit", Some(id), &[("phone", "19900000099")]);
    province.at("xatl-2").done("learner.edit", Some(id), &[("class_name", "铁供2401")]);
    province.sync("xatl-1", "xatl-2");
    for name in ["xatl-1", "xatl-2"] {
        let row = row(province.at(name), id);
        assert_eq!(row.text("phone"), Some("19900000099"));
        assert_eq!(row.text("class_name"), Some("铁供2401"));
        assert!(row.conflict.is_empty());
    }
    province.sync_all();
}

/// C2: a name that two persons change differently is in conflict, and nothing else is.
#[test]
fn c2_one_name_changed_twice() {
    let (mut province, _) = province();
    let of = learner(NUMBERS[1], &[("name", "欧阳静")]);
    let id = province.at("xatl-1").done("learner.add", None, &of);
    province.sync("xatl-1", "xatl-2");
    province.at("xatl-1").done("learner.edit", Some(id), &[("name", "欧阳婧")]);
    province.at("xatl-2").done("learner.edit", Some(id), &[("name", "欧阳菁")]);
    province.sync("xatl-1", "xatl-2");
    for name in ["xatl-1", "xatl-2"] {
        let row = row(province.at(name), id);
        assert_eq!(row.conflict, ["name"]);
        assert!(row.settled::<Learner>().is_none());
    }
    province.sync_all();
}

/// C3: two records of one person become one; what names the other one follows.
#[test]
fn c3_one_person_entered_twice() {
    let (mut province, level) = province();
    let class = open(&mut province, level);
    province.sync("xatl-1", "xatl-2");
    let one = province.at("xatl-1").done("learner.add", None, &learner(NUMBERS[0], &[]));
    let two = province.at("xatl-2").done("learner.add", None, &learner(NUMBERS[0], &[]));
    province.at("xatl-2").done("class.enrol", Some(class), &[("learner_id", &two.to_string())]);
    province.sync("xatl-1", "xatl-2");
    let xatl = province.at("xatl-1");
    let itself = xatl.refused("learner.merge", Some(one), &[("from", &one.to_string())]);
    assert_eq!(itself, ("from".to_owned(), Reason::SameRecord));
    xatl.done("learner.merge", Some(one), &[("from", &two.to_string())]);
    province.sync("xatl-1", "xatl-2");
    for name in ["xatl-1", "xatl-2"] {
        let replica = province.at(name);
        assert_eq!(row(replica, one).state(), Some("active"));
        let merged = row(replica, two);
        assert_eq!(merged.state(), Some("merged"));
        assert_eq!(merged.id_of("merged_into_id"), Some(one));
        let place = place(replica, class, two);
        assert_eq!(place.id_of("learner_id"), Some(one), "the place follows");
    }
    province.sync_all();
}

/// An act as a device can write it whatever its own rules say.
fn forged(replica: &Replica, kind: &str, subject: RecordId, body: &[(&str, String)]) -> Act {
    let body = body.iter().map(|(key, text)| ((*key).to_owned(), Value::Text(text.clone())));
    let act = Act {
        id: ActId([0; 16]),
        kind: kind.to_owned(),
        subject,
        person: replica.person.to_owned(),
        device: replica.device,
        at: "2026-04-12T09:00:00+08:00".to_owned(),
        position: replica.authority().position(),
        after: replica.acts(subject).iter().map(|found| found.act.id).collect(),
        judged: None,
        body: body.collect(),
        salt: None,
    };
    act.identified()
}

/// Writes things into a document without asking any rule.
fn write(province: &mut Province, at: &str, action: &str, writes: &[(Header, Write)]) {
    let replica = province.at(at);
    let touches = replica.write(action, writes);
    replica.project(&touches);
}

/// C3: hours of both records count, the place shows the one that stands, and taking the first of
/// two merges back shows it at once.
#[test]
fn a_merged_learner_is_marked_and_counted_under_the_other() {
    let (mut province, class, meeting, learners) = taught(1);
    let one = learners[0];
    say_mark(&mut province, "xatl-1", meeting, one, "present");
    let xatl = province.at("xatl-1");
    let two = xatl.done("learner.add", None, &learner(NUMBERS[1], &[]));
    let three = xatl.done("learner.add", None, &learner(NUMBERS[2], &[]));
    xatl.done("learner.merge", Some(two), &[("from", &one.to_string())]);
    let second = xatl.done(
        "meeting.add",
        None,
        &[
            ("class_id", &class.to_string()),
            ("held_on", "2026-04-13"),
            ("hours", "4"),
            ("teacher", "李强"),
        ],
    );
    say_mark(&mut province, "xatl-1", second, two, "present");
    province.check_projections();
    assert_eq!(place(province.at("xatl-1"), class, one).int("attended_hours"), Some(80));
    let xatl = province.at("xatl-1");
    xatl.done("learner.merge", Some(three), &[("from", &two.to_string())]);
    assert_eq!(place(xatl, class, one).id_of("learner_id"), Some(three));
    let merge = xatl.acts(one).into_iter().find(|found| found.act.kind == "learner.merge");
    let merge = merge.expect("it was merged");
    let undo = forged(xatl, "undo", one, &[("act", merge.act.id.to_string())]);
    write(&mut province, "xatl-1", "undo", &[(merge.header, Write::Act(undo))]);
    assert_eq!(place(province.at("xatl-1"), class, one).id_of("learner_id"), Some(one));
    province.sync_all();
}

/// What a device writes about a class into the document of another one hides nothing.
#[test]
fn nothing_is_hidden_from_another_classs_document() {
    let (mut province, class, meeting, learners) = taught(1);
    say_mark(&mut province, "xatl-1", meeting, learners[0], "present");
    province.sync("xatl-1", "xatl-2");
    let header = CLASS.about(NETWORK, COLLEGE, class);
    let before = header.id();
    let others = (0..=255).map(|key| Header { key: Some(RecordId([key; 16])), ..header.clone() });
    let other = others.into_iter().find(|header| header.id() < before).expect("half are smaller");
    let kind = Class::KIND;
    let fields = Fields::from([("name".to_owned(), Value::Text("另一班".to_owned()))]);
    let copy = Write::Create { kind, id: class, fields };
    let id = attendance_id(COLLEGE, meeting, learners[0]);
    let replica = province.at("xatl-2");
    let sheet = replica.acts(id)[0].act.id;
    let acts = (0..1000)
        .map(|reason| forged(replica, "class.close", id, &[("reason", reason.to_string())]));
    let acts: Vec<Act> = acts.collect();
    let smaller = acts.into_iter().find(|act| act.id < sheet).expect("half are smaller");
    let writes = [(other.clone(), copy), (other, Write::Act(smaller))];
    write(&mut province, "xatl-2", "class.open", &writes);
    province.sync("xatl-1", "xatl-2");
    for name in ["xatl-1", "xatl-2"] {
        let replica = province.at(name);
        let class = replica.row(Class::KIND, class).expect("the class is there");
        assert_eq!(class.text("name"), Some("装调中级1班"), "{name}");
        assert_eq!(mark(replica, meeting, learners[0]).text("mark"), Some("present"), "{name}");
    }
    province.sync_all();
}

#[test]
fn a_class_needs_a_listed_level_and_a_name_of_its_own() {
    let (mut province, level) = province();
    let class = open(&mut province, level);
    let xatl = province.at("xatl-1");
    let opened = xatl.row(Class::KIND, class).expect("a class");
    assert_eq!(opened.state(), Some("open"));
    assert!(opened.id_of("standard_id").is_some(), "the standard is pinned");
    let level = level.to_string();
    let again = [
        ("name", "装调中级1班"),
        ("cert_level_id", level.as_str()),
        ("class_type", "intensive"),
        ("term", "2026-1"),
        ("starts_on", "2026-04-10"),
        ("plan_hours", "48"),
        ("teachers", "李强"),
    ];
    let refused = xatl.refused("class.open", None, &again);
    assert_eq!(refused, ("name".to_owned(), Reason::Duplicate));
    let early = xatl.refused("class.edit", Some(class), &[("ends_on", "2026-04-01")]);
    assert_eq!(early, ("ends_on".to_owned(), Reason::EndsBeforeStart));
    let credits = xatl.refused("class.edit", Some(class), &[("credit_bearing", "是")]);
    assert_eq!(credits, ("credits".to_owned(), Reason::Invalid(FieldError::Missing)));
}

#[test]
fn a_class_takes_no_more_than_its_capacity() {
    let (mut province, level) = province();
    let class = open(&mut province, level);
    let xatl = province.at("xatl-1");
    xatl.done("class.edit", Some(class), &[("capacity", "1")]);
    let ids: Vec<String> = NUMBERS[..2]
        .iter()
        .map(|number| xatl.done("learner.add", None, &learner(number, &[])).to_string())
        .collect();
    let refused = xatl.refused("class.enrol", Some(class), &[("learner_id", &ids.join(","))]);
    let reason = Reason::MoreThan { limit: "capacity", most: 1 };
    assert_eq!(refused, ("learner_id".to_owned(), reason));
    xatl.done("class.enrol", Some(class), &[("learner_id", &ids[0])]);
    let again = xatl.refused("class.enrol", Some(class), &[("learner_id", &ids[0])]);
    assert_eq!(again, ("learner_id".to_owned(), Reason::NothingChanged));
}

#[test]
fn hours_are_those_of_the_meetings_that_a_learner_came_to() {
    let (mut province, class, meeting, learners) = taught(4);
    let xatl = province.at("xatl-1");
    let ids: Vec<String> = learners.iter().map(ToString::to_string).collect();
    let except = format!("{}:late,{}:absent,{}:早退", ids[1], ids[2], ids[3]);
    xatl.done(
        "attendance.mark",
        None,
        &[
            ("meeting_id", &meeting.to_string()),
            ("learner_id", &ids.join(",")),
            ("mark", "present"),
            ("except", &except),
        ],
    );
    let hours = |xatl: &Replica| -> Vec<Option<i64>> {
        learners.iter().map(|learner| place(xatl, class, *learner).int("attended_hours")).collect()
    };
    assert_eq!(hours(xatl), [Some(40), Some(40), Some(0), Some(0)]);
    assert_eq!(xatl.row(Class::KIND, class).and_then(|row| row.int("taught_hours")), Some(40));
    xatl.done("meeting.edit", Some(meeting), &[("hours", "2.5")]);
    assert_eq!(hours(xatl), [Some(25), Some(25), Some(0), Some(0)]);
    xatl.done("class.edit", Some(class), &[("plan_hours", "4")]);
    xatl.done("class.close", Some(class), &[]);
    let states: Vec<_> =
        learners.iter().map(|l| place(xatl, class, *l).state().map(str::to_owned)).collect();
    let [completed, incomplete] = ["completed", "incomplete"].map(|s| Some(s.to_owned()));
    assert_eq!(states, [&completed, &completed, &incomplete, &incomplete].map(Clone::clone));
    province.sync_all();
}

#[test]
fn a_meeting_keeps_to_its_class() {
    let (mut province, class, _, _) = taught(1);
    let xatl = province.at("xatl-1");
    let class = class.to_string();
    let mut check = |key: &str, value: &str| {
        let mut given = vec![("held_on", "2026-04-13"), ("hours", "4"), ("class_id", &class)];
        let teacher = if key == "teacher" { value } else { "李强" };
        given.push(("teacher", teacher));
        if key != "teacher" {
            given.push((key, value));
        }
        assert_eq!(xatl.refused("meeting.add", None, &given), (key.to_owned(), Reason::NotOfClass));
    };
    check("teacher", "高峰");
    check("unit_codes", "A1,Z9");
}

/// C8: whoever marks again supersedes himself; another person's other mark makes them differ.
#[test]
fn c8_two_markers_differ() {
    let (mut province, _, meeting, learners) = taught(1);
    let learner = learners[0];
    say_mark(&mut province, "xatl-2", meeting, learner, "absent");
    say_mark(&mut province, "xatl-2", meeting, learner, "late");
    let alone = mark(province.at("xatl-2"), meeting, learner);
    assert_eq!((alone.text("mark"), alone.state()), (Some("late"), Some("marked")));
    say_mark(&mut province, "xatl-1", meeting, learner, "leave");
    province.sync("xatl-1", "xatl-2");
    for name in ["xatl-1", "xatl-2"] {
        let row = mark(province.at(name), meeting, learner);
        assert_eq!(row.state(), Some("differing"));
        assert_eq!(row.conflict, ["mark"]);
        let all = row.fields.get("all_marks").and_then(|value| value.as_list().map(<[_]>::len));
        assert_eq!(all, Some(3), "every mark is kept");
    }
    say_mark(&mut province, "xatl-1", meeting, learner, "late");
    let agreed = mark(province.at("xatl-1"), meeting, learner);
    assert_eq!((agreed.text("mark"), agreed.state()), (Some("late"), Some("marked")));
    province.sync_all();
}

/// C9: whoever is taken out while a colleague marks him keeps the mark as evidence.
#[test]
fn c9_removed_while_marked() {
    let (mut province, class, meeting, learners) = taught(2);
    let id = enrolment_id(COLLEGE, class, learners[0]);
    province.at("xatl-1").done("class.remove", Some(id), &[("reason", "转专业")]);
    say_mark(&mut province, "xatl-2", meeting, learners[0], "present");
    province.sync("xatl-1", "xatl-2");
    for name in ["xatl-1", "xatl-2"] {
        let replica = province.at(name);
        let place = place(replica, class, learners[0]);
        assert_eq!(place.state(), Some("removed"));
        assert!(place.is("attendance_kept"));
        let class = replica.row(Class::KIND, class).expect("a class");
        assert_eq!(class.int("enrolled_count"), Some(1));
    }
    province.sync_all();
}

/// C9: put in again while a colleague takes him out: he stays.
#[test]
fn c9_enrolled_while_removed() {
    let (mut province, class, _, learners) = taught(1);
    let id = enrolment_id(COLLEGE, class, learners[0]);
    let learner = learners[0].to_string();
    province.at("xatl-1").done("class.remove", Some(id), &[("reason", "转专业")]);
    province.at("xatl-1").done("class.enrol", Some(class), &[("learner_id", &learner)]);
    province.at("xatl-2").done("class.remove", Some(id), &[("reason", "退学")]);
    province.sync("xatl-1", "xatl-2");
    for name in ["xatl-1", "xatl-2"] {
        assert_eq!(place(province.at(name), class, learners[0]).state(), Some("enrolled"));
    }
    province.sync_all();
}

/// C29: a clock that is a year slow orders nothing: what was seen before comes before.
#[test]
fn c29_a_slow_clock_orders_nothing() {
    let (mut province, _, meeting, learners) = taught(1);
    say_mark(&mut province, "xatl-1", meeting, learners[0], "absent");
    province.sync("xatl-1", "xatl-2");
    let xatl = province.at("xatl-2");
    xatl.person = "王芳";
    xatl.wait(-365);
    province.state(Statement::Grant(crate::province::device_of("xatl-2"), "王芳", Coordinator));
    say_mark(&mut province, "xatl-2", meeting, learners[0], "present");
    province.sync("xatl-1", "xatl-2");
    let row = mark(province.at("xatl-1"), meeting, learners[0]);
    assert_eq!((row.text("mark"), row.state()), (Some("present"), Some("marked")));
    assert!(row.text("marked_at").is_some_and(|at| at.starts_with("2025-")), "the claim is shown");
}

#[test]
fn nobody_else_receives_learners_or_classes() {
    let (mut province, class, _, learners) = taught(2);
    province.sync_all();
    for name in ["hub-1", "hub-2", "xyzy-1", "crrc-1"] {
        let replica = province.at(name);
        let kinds: Vec<&str> = replica.documents.values().map(|d| &*d.header().kind).collect();
        assert!(!kinds.contains(&"learners") && !kinds.contains(&"class"), "{name}");
        assert!(replica.row(Learner::KIND, learners[0]).is_none());
        assert!(replica.row(Class::KIND, class).is_none());
    }
    assert!(province.at("xatl-2").row(Class::KIND, class).is_some(), "the colleague does");
}
