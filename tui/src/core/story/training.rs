//! A class of the story: forty-six learners, two meetings, and rules as far as screens need them.

use onex_crdt::action::{Action, Given};
use onex_crdt::ids::RecordId;
use onex_crdt::record::{Record, Row};
use onex_crdt::records::attendance::{Attendance, Mark, Meeting};
use onex_crdt::records::class::Class;
use onex_crdt::records::class::enrolment::Enrolment;
use onex_crdt::records::learner::Learner;
use onex_crdt::value::Value;
use onex_node::api::{Answer, Conflict, ConflictValue, Resolved, Step};

use super::{RAILWAY, RAILWAY_LEVEL, World, row, step};

/// The class of the story.
pub const CLASS: RecordId = RecordId([0x70; 16]);
/// Its meeting that nobody has recorded yet.
pub const TODAY: RecordId = RecordId([0x72; 16]);
/// Its meeting that two people have recorded.
pub const LAST_WEEK: RecordId = RecordId([0x71; 16]);
const STANDARD: RecordId = RecordId([0x92; 16]);

const FAMILY: [&str; 12] =
    ["王", "李", "张", "刘", "欧阳", "陈", "杨", "赵", "司马", "周", "𫝎", "孙"];
const GIVEN: [&str; 8] = ["芳", "伟", "娜", "小静", "磊", "洋", "敏", "一帆"];

/// The id of a learner.
pub fn learner_id(at: usize) -> RecordId {
    RecordId([0xd0, u8::try_from(at).expect("few"), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
}

/// The id of a place in the class, or of a mark at a meeting.
fn pair_id(first: u8, at: usize) -> RecordId {
    RecordId([first, u8::try_from(at).expect("few"), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2])
}

/// A name of the story.
pub fn name(at: usize) -> String {
    format!("{}{}", FAMILY[at % FAMILY.len()], GIVEN[(at / 3) % GIVEN.len()])
}

fn learner(at: usize) -> Row {
    let (name, number) = (name(at), format!("{:03}", at + 1));
    let class = if at.is_multiple_of(2) { "供电2401" } else { "供电2402" };
    let day = format!("2005{:02}{:02}", at % 12 + 1, at % 27 + 1);
    let digits = format!("610199{day}{number}");
    let check = onex_crdt::field::code::resident_check(&digits).expect("17 digits");
    let fields = [
        ("name", name.as_str()),
        ("id_type", "resident_id"),
        ("id_number", &format!("{digits}{check}")),
        ("phone", &format!("13900000{number}")),
        ("learner_kind", "student"),
        ("major_name", "铁道供电技术"),
        ("grade", "2024"),
        ("class_name", class),
        ("student_no", &format!("2024{number}")),
        ("state", "active"),
    ];
    let mut row = row(Learner::KIND, learner_id(at), &fields);
    let spelt = onex_crdt::search::syllables(&name).unwrap_or_default().join(" ");
    row.set_text("pinyin", spelt);
    row
}

fn place(at: usize) -> Row {
    let fields = [
        ("class_id", CLASS.to_string()),
        ("learner_id", learner_id(at).to_string()),
        ("learner_name", name(at)),
        ("learner_confirmed", (at > 2).to_string()),
        ("enrolled_on", "2026-03-02".to_owned()),
        ("attended_hours", "4.0".to_owned()),
        ("attendance_kept", "false".to_owned()),
        ("state", "enrolled".to_owned()),
    ];
    let fields = fields.each_ref().map(|(key, text)| (*key, text.as_str()));
    row(Enrolment::KIND, pair_id(0xd1, at), &fields)
}

fn meeting(id: RecordId, day: &str) -> Row {
    let class = CLASS.to_string();
    let fields = [
        ("class_id", class.as_str()),
        ("held_on", day),
        ("starts_at", "08:30"),
        ("hours", "4"),
        ("topic", "接触网检修"),
        ("teacher", "周老师"),
    ];
    row(Meeting::KIND, id, &fields)
}

fn recorded(meeting: RecordId, at: usize, mark: Mark, person: &str) -> Row {
    let (meeting, learner) = (meeting.to_string(), learner_id(at).to_string());
    let fields = [
        ("meeting_id", meeting.as_str()),
        ("learner_id", &learner),
        ("mark", mark.id()),
        ("source", "screen"),
        ("marked_at", "2026-04-13T12:05:00+08:00"),
        ("state", "marked"),
    ];
    let mut row = row(Attendance::KIND, pair_id(0xd2, at), &fields);
    row.set_text("marked_by", person);
    row.set("all_marks", Some(Value::List(vec![line(mark, person)])));
    row
}

fn line(mark: Mark, person: &str) -> String {
    format!("{}\t{person}\t2026-04-13T12:05:00+08:00", mark.id())
}

/// Adds the class to what the nodes of the story hold.
pub fn with_training(mut world: World) -> World {
    let ids = [RAILWAY_LEVEL.to_string(), STANDARD.to_string()];
    let class = row(
        Class::KIND,
        CLASS,
        &[
            ("name", "轨道供电中级2班"),
            ("cert_level_id", ids[0].as_str()),
            ("standard_id", &ids[1]),
            ("class_type", "intensive"),
            ("term", "2026-1"),
            ("starts_on", "2026-03-02"),
            ("ends_on", "2026-06-26"),
            ("plan_hours", "64"),
            ("taught_hours", "4"),
            ("teachers", "周老师,吴老师"),
            ("room", "实训楼 302"),
            ("capacity", "50"),
            ("enrolled_count", "46"),
            ("state", "open"),
        ],
    );
    let mut marks: Vec<Row> =
        (0..46).map(|at| recorded(LAST_WEEK, at, Mark::Present, "周老师")).collect();
    marks[4] = recorded(LAST_WEEK, 4, Mark::Absent, "周老师");
    let both = vec![line(Mark::Present, "周老师"), line(Mark::Leave, "王芳")];
    marks[7].set("all_marks", Some(Value::List(both)));
    marks[7].set_text("state", "differing");
    marks[7].conflict.push("mark".to_owned());
    let rows = [
        ("learner", (0..48).map(learner).collect()),
        ("class", vec![class]),
        ("enrolment", (0..46).map(place).collect()),
        ("meeting", vec![meeting(LAST_WEEK, "2026-04-13"), meeting(TODAY, "2026-04-20")]),
        ("attendance", marks),
    ];
    world.rows.extend(rows);
    with_choice(&mut world);
    world
}

/// Two people wrote the third learner's name differently, and one of them chose.
fn with_choice(world: &mut World) {
    let id = RecordId([0xc8; 16]);
    let edit = |person: &str, at: &str, name: &str| {
        let mut step = step("edit", at, RAILWAY, person);
        step.changed = vec![("name".to_owned(), None, Some(Value::Text(name.to_owned())))];
        step
    };
    let mut chose = step("conflict.choose", "2026-04-02T09:30:00+08:00", RAILWAY, "王芳");
    chose.says.insert("conflict".to_owned(), Value::Text(id.to_string()));
    chose.reason = Some("与身份证一致".to_owned());
    let steps = vec![
        edit("周老师", "2026-04-01T08:12:00+08:00", "章芳"),
        edit("王芳", "2026-04-01T08:15:00+08:00", "张芳"),
        chose,
    ];
    let value = |step: &Step, name: &str| ConflictValue {
        value: Some(Value::Text(name.to_owned())),
        person: step.person.clone(),
        device: None,
        at: step.at,
    };
    world.resolved.push(Resolved {
        conflict: Conflict {
            id,
            kind: Learner::KIND,
            record_id: learner_id(2),
            field: "name".to_owned(),
            values: vec![value(&steps[0], "章芳"), value(&steps[1], "张芳")],
        },
        chosen: Some(Value::Text("张芳".to_owned())),
        person: "王芳".to_owned(),
        at: steps[2].at,
        reason: steps[2].reason.clone(),
    });
    world.steps.insert(learner_id(2), steps);
}

/// Carries an action of 培训 out; nothing when it is none.
pub fn act(
    world: &mut World,
    person: &str,
    action: &Action,
    ids: &[RecordId],
    given: &Given,
) -> Option<Vec<Answer>> {
    let text = |key: &str| given.get(key).cloned().flatten();
    let answers: Vec<(RecordId, Option<String>)> = match action.id {
        "attendance.mark" => {
            mark(world, person, given);
            vec![(RecordId::default(), Some("marked".to_owned()))]
        }
        "class.enrol" => {
            let learners = text("learner_id")?.as_list()?.to_vec();
            enrol(world, *ids.first()?, &learners);
            vec![(*ids.first()?, Some("open".to_owned()))]
        }
        "class.remove" | "class.confirm" | "learner.merge" | "learner.leave" | "learner.remove" => {
            ids.iter().map(|id| (*id, settle(world, action.id, *id, given))).collect()
        }
        _ => return None,
    };
    world.version += 1;
    let subject = ids.first().copied().unwrap_or_default();
    world.steps.entry(subject).or_default().push(step(
        action.id,
        "2026-04-20T09:41:00+08:00",
        RAILWAY,
        person,
    ));
    let answer = |(id, state)| Answer { id, state, pending_act: None, undone: None };
    Some(answers.into_iter().map(answer).collect())
}

fn mark(world: &mut World, person: &str, given: &Given) {
    let list = |key: &str| {
        let value = given.get(key).cloned().flatten();
        value.and_then(|value| value.as_list().map(<[String]>::to_vec)).unwrap_or_default()
    };
    let except = list("except");
    let meeting = given["meeting_id"].as_ref().and_then(Value::as_bytes).expect("given");
    let meeting = RecordId::from_slice(meeting).expect("an id");
    for learner in list("learner_id") {
        let said = except.iter().find_map(|item| item.strip_prefix(&format!("{learner}:")));
        let mark = said.and_then(Mark::from_id).unwrap_or(Mark::Present);
        let at = (0..48).find(|at| learner_id(*at).to_string() == learner).expect("of the story");
        let marks = world.rows.get_mut("attendance").expect("marks");
        let of = |row: &Row| {
            row.id_of("meeting_id") == Some(meeting)
                && row.id_of("learner_id") == Some(learner_id(at))
        };
        marks.retain(|row| !of(row));
        marks.push(recorded(meeting, at, mark, person));
    }
    world.sheets += 1;
}

fn enrol(world: &mut World, class: RecordId, learners: &[String]) {
    for learner in learners {
        let at = (0..48).find(|at| learner_id(*at).to_string() == *learner).expect("of the story");
        let places = world.rows.get_mut("enrolment").expect("places");
        places.retain(|row| row.id != pair_id(0xd1, at));
        let mut place = place(at);
        place.set_id("class_id", class);
        places.push(place);
    }
}

/// Returns the state that a row is in afterwards.
fn settle(world: &mut World, action: &str, id: RecordId, given: &Given) -> Option<String> {
    let value = |key: &str| given.get(key).cloned().flatten();
    let (kind, id, state) = match action {
        "class.remove" => ("enrolment", id, Some("removed".to_owned())),
        "class.confirm" => ("enrolment", id, None),
        "learner.merge" => {
            let from = value("from").and_then(|from| RecordId::from_slice(from.as_bytes()?));
            ("learner", from.expect("given"), Some("merged".to_owned()))
        }
        "learner.leave" => {
            let outcome = value("outcome").and_then(|text| text.as_text().map(str::to_owned));
            ("learner", id, outcome)
        }
        _ => ("learner", id, Some("removed".to_owned())),
    };
    let rows = world.rows.get_mut(kind).expect("rows");
    let row = rows.iter_mut().find(|row| row.id == id).expect("of the story");
    match state {
        Some(state) => row.set_text("state", state),
        None => row.set("learner_confirmed", Some(Value::Bool(true))),
    }
    row.state().map(str::to_owned)
}
