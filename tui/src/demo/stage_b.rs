//! Stage B of the story: learners, a class, and two persons who work on them apart (B1 to B11).
//!
//! Being offline is told by not syncing the college's second device: it calls the first. Every
//! state that the story tells is checked at the nodes that it names.

use std::collections::BTreeMap;

use onex_crdt::ids::RecordId;
use onex_crdt::record::{Record, RecordKind};
use onex_crdt::records::attendance::{Attendance, attendance_id};
use onex_crdt::records::class::Class;
use onex_crdt::records::class::enrolment::enrolment_id;
use onex_crdt::records::learner::Learner;
use onex_crdt::value::Value;
use onex_node::api::{Conflict, Query};

use super::learners::{Registrar, SchoolClass, TableRow, column, commas, table};
use super::province::Province;
use super::reference::Gender;
use super::teaching::{self, POWER_SUPPLY};
use super::{DemoError, ensure, stage_a};

/// Both devices of the railway college.
const BOTH: &[&str] = &["xatl-1", "xatl-2"];

/// The administrative class of the story.
const CLASS: SchoolClass = SchoolClass { major: POWER_SUPPLY, grade: 24, number: 1 };
/// Learners in it.
const SEATS: u32 = 45;

/// Learners whom the story names, in the order of their seats.
const NAMED: [(&str, Gender); 7] = [
    ("张伟", Gender::Male),
    ("刘洋", Gender::Male),
    ("李娜", Gender::Female),
    ("陈静", Gender::Female),
    ("杨帆", Gender::Female),
    ("赵磊", Gender::Male),
    ("欧阳静", Gender::Female),
];

/// The learners that later steps speak of.
struct Known {
    named: BTreeMap<&'static str, RecordId>,
    /// The whole administrative class, by seat.
    all: Vec<RecordId>,
}

/// Tells stage B; `learners` others learn beside those of the story.
pub fn tell(
    province: &mut Province,
    known: &stage_a::Known,
    learners: u32,
) -> Result<(), DemoError> {
    let mut registrar = Registrar::default();
    colleague(province)?;
    teaching::tell(province, &mut registrar, &known.levels, learners)?;
    province.wait_until("2026-05-11T09:00:00+08:00");
    let level = known.levels["装调 2"];
    let known = roster(province, &mut registrar)?;
    two_fields(province, &known)?;
    two_names(province, &known)?;
    one_person_twice(province, &mut registrar)?;
    let class = class(province, &known, level)?;
    two_marks(province, &known, class)?;
    removal(province, &known, class)?;
    wrong_import(province, &mut registrar)
}

/// The college's second device, of the teacher.
fn colleague(province: &mut Province) -> Result<(), DemoError> {
    let roles = ["teacher", "coordinator", "academic", "leader", "invigilator"];
    province.join("B0", "xatl-1", "xatl-2", None, "李强")?;
    province.grant("B0", "xatl-1", "xatl-2", &roles)?;
    province.settle("B0", BOTH)
}

/// B1 and B2: a roster with four bad rows, and again once they are mended.
fn roster(province: &mut Province, registrar: &mut Registrar) -> Result<Known, DemoError> {
    let before = count(province, "B1", "xatl-1")?;
    let mended: Vec<TableRow> = (1..=SEATS)
        .map(|seat| match NAMED.get(seat as usize - 1) {
            Some((name, gender)) => registrar.named(name, *gender, &CLASS, seat),
            None => registrar.next(&mut province.people, &CLASS, seat),
        })
        .collect();
    let bytes = workbook("B1", &spoilt(&mended))?;
    let first = province.import("B1", "xatl-1", "roster.xlsx", &bytes)?;
    ensure("B1", first.rows == 46 && first.added == 42, &first)?;
    let codes = ["scientific_notation", "check_digit", "duplicate_in_file", "missing"];
    ensure("B1", first.problems == codes, &first)?;
    province.sync("B1", "xatl-2")?;
    expect_count(province, "B1", before + 42)?;

    let bytes = workbook("B2", &mended)?;
    let again = province.import("B2", "xatl-1", "roster-mended.xlsx", &bytes)?;
    ensure("B2", again.added == 3 && again.problems.is_empty(), &again)?;
    province.sync("B2", "xatl-2")?;
    expect_count(province, "B2", before + SEATS as usize)?;

    let numbers = mended.iter().map(|row| &row[column::ID_NUMBER]);
    let all = numbers.map(|number| learner_numbered(province, "B2", number));
    let all: Vec<RecordId> = all.collect::<Result<_, _>>()?;
    let named = NAMED.iter().zip(&all).map(|((name, _), id)| (*name, *id)).collect();
    Ok(Known { named, all })
}

/// The roster as the school office sent it: one number was rounded by a spreadsheet, one has a
/// wrong check character, one person stands there twice, and one has no name.
fn spoilt(mended: &[TableRow]) -> Vec<TableRow> {
    let mut rows = mended.to_vec();
    rows[8][column::ID_NUMBER] = "6.10199E+17".to_owned();
    let number = &mut rows[20][column::ID_NUMBER];
    let wrong = if number.ends_with('0') { "1" } else { "0" };
    number.replace_range(17.., wrong);
    rows[40][column::NAME].clear();
    let twice = rows[4].clone();
    rows.insert(30, twice);
    rows
}

fn workbook(step: &'static str, rows: &[TableRow]) -> Result<Vec<u8>, DemoError> {
    let bytes = onex_node::table::write::xlsx("名册", &table(rows));
    bytes.map_err(|error| DemoError::step(step, &error))
}

/// How many learners a node shows.
fn count(province: &Province, step: &'static str, node: &'static str) -> Result<usize, DemoError> {
    let query = Query { limit: Some(1), ..Query::all(Learner::KIND) };
    let list = province.node(node).list(&query).map_err(|error| DemoError::step(step, &error))?;
    Ok(list.total)
}

fn expect_count(province: &Province, step: &'static str, expected: usize) -> Result<(), DemoError> {
    for node in BOTH {
        let found = count(province, step, node)?;
        ensure(step, found == expected, &format!("{found} learners at {node}, not {expected}"))?;
    }
    Ok(())
}

/// The learner with a number, at the first device.
fn learner_numbered(
    province: &Province,
    step: &'static str,
    number: &str,
) -> Result<RecordId, DemoError> {
    let query = Query::all(Learner::KIND).with("id_number", Value::Text(number.to_owned()));
    let list = province.node("xatl-1").list(&query);
    let list = list.map_err(|error| DemoError::step(step, &error))?;
    match list.rows.as_slice() {
        [row] => Ok(row.id),
        rows => Err(DemoError::step(step, &format!("{} learners have one number", rows.len()))),
    }
}

/// B3: two fields of one learner, edited apart.
fn two_fields(province: &mut Province, known: &Known) -> Result<(), DemoError> {
    let learner = known.named["张伟"];
    let id = learner.to_string();
    let phone = "19900009001";
    province.step("B3", "xatl-1", "learner.edit", &[("id", &id), ("phone", phone)])?;
    province.step("B3", "xatl-2", "learner.edit", &[("id", &id), ("class_name", "铁供2402")])?;
    province.sync("B3", "xatl-2")?;
    for node in BOTH {
        let row = province.row("B3", node, Learner::KIND, learner)?;
        let kept = (row.text("phone"), row.text("class_name"));
        ensure("B3", kept == (Some(phone), Some("铁供2402")), &format!("lost at {node}"))?;
        ensure("B3", row.conflict.is_empty(), &"there is a conflict")?;
    }
    Ok(())
}

/// B4 and B5: one name, changed differently: shown, chosen, and the other value stays in the
/// history.
fn two_names(province: &mut Province, known: &Known) -> Result<(), DemoError> {
    let learner = known.named["欧阳静"];
    let id = learner.to_string();
    province.step("B4", "xatl-1", "learner.edit", &[("id", &id), ("name", "欧阳婧")])?;
    province.step("B4", "xatl-2", "learner.edit", &[("id", &id), ("name", "欧阳菁")])?;
    province.sync("B4", "xatl-2")?;
    let conflict = only_conflict(province, "B4", Learner::KIND, learner, "name")?;
    let written: Vec<&str> = conflict.values.iter().map(|one| one.person.as_str()).collect();
    let both = written.contains(&"王芳") && written.contains(&"李强") && written.len() == 2;
    ensure("B4", both, &written.join(", "))?;
    let blocks = &crate::json::conflict(crate::json::Secrets::Masked, &conflict, true)["blocks"];
    ensure("B4", blocks[0] == "registration.submit", blocks)?;

    choose(province, "B5", &conflict, "欧阳婧", "已核对身份证")?;
    for node in BOTH {
        let row = province.row("B5", node, Learner::KIND, learner)?;
        ensure("B5", row.text("name") == Some("欧阳婧"), &format!("another name at {node}"))?;
        let history = province.node(node).history(Learner::KIND, learner);
        let history = history.map_err(|error| DemoError::step("B5", &error))?;
        let mut changed = history.steps.iter().flat_map(|step| &step.changed);
        let stays =
            changed.any(|(_, _, new)| new.as_ref().and_then(Value::as_text) == Some("欧阳菁"));
        ensure("B5", stays, &format!("the other name is lost at {node}"))?;
    }
    Ok(())
}

/// The one open conflict, which both devices must show alike.
fn only_conflict(
    province: &Province,
    step: &'static str,
    kind: &RecordKind,
    record: RecordId,
    field: &str,
) -> Result<Conflict, DemoError> {
    let mut shown = Vec::new();
    for node in BOTH {
        let conflicts = province.node(node).conflicts();
        shown.push(conflicts.map_err(|error| DemoError::step(step, &error))?);
    }
    ensure(step, shown[0] == shown[1], &"both devices show other conflicts")?;
    let [conflict] = <[Conflict; 1]>::try_from(shown.remove(0))
        .map_err(|all| DemoError::step(step, &format!("{} conflicts", all.len())))?;
    let is_it = *conflict.kind == *kind && conflict.record_id == record && conflict.field == field;
    ensure(step, is_it, &format!("a conflict in {}", conflict.field))?;
    Ok(conflict)
}

/// Chooses a value at the second device; the first hears of it.
fn choose(
    province: &mut Province,
    step: &'static str,
    conflict: &Conflict,
    value: &str,
    reason: &str,
) -> Result<(), DemoError> {
    let is_it = |text: Option<&Value>| text.and_then(Value::as_text) == Some(value);
    let at = conflict.values.iter().position(|one| is_it(one.value.as_ref()));
    let choice = at.map(|at| (at + 1).to_string()).unwrap_or_default();
    let id = conflict.id.to_string();
    let given = [("id", id.as_str()), ("choice", choice.as_str()), ("reason", reason)];
    province.step(step, "xatl-2", "conflict.choose", &given)?;
    province.sync(step, "xatl-2")?;
    for node in BOTH {
        let open = province.node(node).conflicts();
        let open = open.map_err(|error| DemoError::step(step, &error))?.len();
        ensure(step, open == 0, &format!("{open} conflicts at {node}"))?;
    }
    Ok(())
}

/// B6: one person, entered at both devices, becomes one.
fn one_person_twice(province: &mut Province, registrar: &mut Registrar) -> Result<(), DemoError> {
    let number = registrar.next_id_number(Gender::Male);
    let given = [
        ("name", "何平"),
        ("id_type", "resident_id"),
        ("id_number", &number),
        ("phone", "19900009002"),
        ("learner_kind", "social"),
    ];
    let kept = province.step("B6", "xatl-1", "learner.add", &given)?;
    let from = province.step("B6", "xatl-2", "learner.add", &given)?;
    province.sync("B6", "xatl-2")?;
    for node in BOTH {
        let pairs = province.node(node).duplicates();
        let pairs = pairs.map_err(|error| DemoError::step("B6", &error))?;
        let pair =
            pairs.iter().any(|one| one.records.contains(&kept) && one.records.contains(&from));
        ensure("B6", pair && pairs.len() == 1, &format!("{} pairs at {node}", pairs.len()))?;
    }
    let ids = [kept.to_string(), from.to_string()];
    let given = [("id", ids[0].as_str()), ("from", ids[1].as_str())];
    province.step("B6", "xatl-1", "learner.merge", &given)?;
    province.sync("B6", "xatl-2")?;
    province.expect("B6", BOTH, "learner", kept, &[("state", "active")])?;
    let merged = [("state", "merged"), ("merged_into_id", ids[0].as_str())];
    province.expect("B6", BOTH, "learner", from, &merged)
}

/// B7: the class of the story, with thirty learners; its standard is pinned.
fn class(province: &mut Province, known: &Known, level: RecordId) -> Result<RecordId, DemoError> {
    let level = level.to_string();
    let given = [
        ("name", "装调中级1班"),
        ("cert_level_id", level.as_str()),
        ("class_type", "intensive"),
        ("term", "2026-1"),
        ("starts_on", "2026-05-11"),
        ("plan_hours", "48"),
        ("teachers", "李强"),
    ];
    let class = province.step("B7", "xatl-1", "class.open", &given)?;
    let (id, learners) = (class.to_string(), joined(&known.all[..ENROLLED]));
    let given = [("id", id.as_str()), ("learner_id", learners.as_str())];
    province.step("B7", "xatl-1", "class.enrol", &given)?;
    province.sync("B7", "xatl-2")?;
    let expected = [("state", "open"), ("enrolled_count", "30")];
    province.expect("B7", BOTH, "class", class, &expected)?;
    let pinned = province.row("B7", "xatl-2", Class::KIND, class)?.id_of("standard_id");
    ensure("B7", pinned.is_some(), &"no standard is pinned")?;
    Ok(class)
}

/// Learners of the story's class.
const ENROLLED: usize = 30;

/// B8 and B9: the teacher marks one learner absent, the coordinator has his note of absence.
fn two_marks(province: &mut Province, known: &Known, class: RecordId) -> Result<(), DemoError> {
    let meeting = meet(province, "B8", class, "2026-05-12")?;
    let absent = known.all[ENROLLED - 1];
    let except = format!("{absent}:absent");
    mark(
        province,
        "B8",
        "xatl-2",
        meeting,
        &known.all[..ENROLLED],
        &[("mark", "present"), ("except", &except)],
    )?;
    province.sync("B8", "xatl-2")?;
    let of_meeting =
        Query::all(Attendance::KIND).with("meeting_id", Value::Bytes(meeting.0.to_vec()));
    for node in BOTH {
        let marks = province.node(node).list(&of_meeting);
        let marks = marks.map_err(|error| DemoError::step("B8", &error))?;
        let present = marks.rows.iter().filter(|row| row.text("mark") == Some("present")).count();
        let shown = (marks.total, present);
        ensure("B8", shown == (ENROLLED, ENROLLED - 1), &format!("{shown:?} marks at {node}"))?;
    }

    mark(province, "B9", "xatl-1", meeting, &[absent], &[("mark", "leave")])?;
    province.sync("B9", "xatl-2")?;
    let id = attendance_id(province.org("xatl-1")?, meeting, absent);
    province.expect("B9", BOTH, "attendance", id, &[("state", "differing")])?;
    let conflict = only_conflict(province, "B9", Attendance::KIND, id, "mark")?;
    choose(province, "B9", &conflict, "leave", "有请假条")?;
    province.expect("B9", BOTH, "attendance", id, &[("state", "decided"), ("mark", "leave")])?;
    for node in BOTH {
        let row = province.row("B9", node, Attendance::KIND, id)?;
        let marks = row.fields.get("all_marks").and_then(Value::as_list).unwrap_or_default();
        ensure("B9", marks.len() == 2, &format!("{} marks at {node}", marks.len()))?;
    }
    Ok(())
}

fn meet(
    province: &mut Province,
    step: &'static str,
    class: RecordId,
    on: &str,
) -> Result<RecordId, DemoError> {
    let class = class.to_string();
    let given =
        [("class_id", class.as_str()), ("held_on", on), ("hours", "4"), ("teacher", "李强")];
    province.step(step, "xatl-2", "meeting.add", &given)
}

fn mark(
    province: &mut Province,
    step: &'static str,
    node: &'static str,
    meeting: RecordId,
    learners: &[RecordId],
    marks: &[(&str, &str)],
) -> Result<(), DemoError> {
    let (meeting, learners) = (meeting.to_string(), joined(learners));
    let mut given = vec![("meeting_id", meeting.as_str()), ("learner_id", learners.as_str())];
    given.extend(marks);
    province.step(step, node, "attendance.mark", &given).map(|_| ())
}

/// B10: a learner is taken out of the class while the teacher marks him at the next meeting.
fn removal(province: &mut Province, known: &Known, class: RecordId) -> Result<(), DemoError> {
    let learner = known.all[ENROLLED - 2];
    let place = enrolment_id(province.org("xatl-1")?, class, learner);
    let id = place.to_string();
    let given = [("id", id.as_str()), ("reason", "转专业")];
    province.step("B10", "xatl-1", "class.remove", &given)?;
    let meeting = meet(province, "B10", class, "2026-05-13")?;
    let here = &known.all[..ENROLLED];
    mark(province, "B10", "xatl-2", meeting, here, &[("mark", "present")])?;
    province.sync("B10", "xatl-2")?;
    let expected = [("state", "removed"), ("attendance_kept", "true")];
    province.expect("B10", BOTH, "enrolment", place, &expected)?;
    province.expect("B10", BOTH, "class", class, &[("enrolled_count", "29")])
}

/// B11: twenty learners of a wrong file are taken back; the one whom the teacher has edited since
/// is asked about.
fn wrong_import(province: &mut Province, registrar: &mut Registrar) -> Result<(), DemoError> {
    let before = count(province, "B11", "xatl-1")?;
    let wrong = SchoolClass { number: 9, ..CLASS };
    let rows: Vec<TableRow> =
        (1..=WRONG).map(|seat| registrar.next(&mut province.people, &wrong, seat)).collect();
    let bytes = onex_node::table::write::gb18030(&commas(&rows));
    let imported = province.import("B11", "xatl-1", "wrong.csv", &bytes)?;
    ensure("B11", imported.added == WRONG as usize, &imported)?;
    province.sync("B11", "xatl-2")?;
    let edited = learner_numbered(province, "B11", &rows[11][column::ID_NUMBER])?;
    let id = edited.to_string();
    let given = [("id", id.as_str()), ("class_name", "铁供2403")];
    province.step("B11", "xatl-2", "learner.edit", &given)?;
    province.sync("B11", "xatl-2")?;
    let batch = imported.batch.map(|batch| batch.to_string()).unwrap_or_default();
    let answers = province.answers("B11", "xatl-1", "undo", &[("id", &batch)])?;
    let undone = answers.into_iter().find_map(|answer| answer.undone);
    let undone = undone.ok_or_else(|| DemoError::step("B11", &"nothing was undone"))?;
    let left: Vec<RecordId> = undone.left.iter().map(|left| left.id).collect();
    let expected = undone.undone.len() == WRONG as usize - 1 && left == [edited];
    ensure("B11", expected, &format!("{} undone, {} asked", undone.undone.len(), left.len()))?;
    province.settle("B11", BOTH)?;
    expect_count(province, "B11", before + 1)
}

/// Rows of the wrong file.
const WRONG: u32 = 20;

fn joined(ids: &[RecordId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
