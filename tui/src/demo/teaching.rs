//! What goes on beside the story: learners, classes, meetings and attendance at both colleges.
//!
//! Nothing here is told by a step of the scenario; it is what makes the province worth looking at.

use std::collections::BTreeMap;

use onex_crdt::field::time::Date;
use onex_crdt::ids::RecordId;
use onex_crdt::record::Record;
use onex_crdt::records::learner::Learner;
use onex_crdt::value::Value;
use onex_node::api::Query;

use super::DemoError;
use super::learners::{Major, Registrar, SchoolClass, TableRow, commas};
use super::province::Province;

const STEP: &str = "B0";

/// A college as it teaches.
struct School {
    /// The node of the coordinator, where rosters come in and classes are opened.
    office: &'static str,
    /// The node at which attendance is marked.
    room: &'static str,
    majors: &'static [Major],
    /// What its classes are called before their number, and from which number.
    class_name: (&'static str, usize),
    /// The level that they train for, as stage A calls it.
    level: &'static str,
    teachers: &'static [&'static str],
}

const fn major(
    code: &'static str,
    name: &'static str,
    short: &'static str,
    department: &'static str,
    digits: u32,
) -> Major {
    Major { code, name, short, department, digits }
}

/// The major of the story's line and class.
pub const POWER_SUPPLY: Major = major("500103", "铁道供电技术", "铁供", "供电系", 10);

const RAILWAY: School = School {
    office: "xatl-1",
    room: "xatl-2",
    majors: &[
        major("500110", "铁道信号自动控制", "信号", "电务系", 11),
        major("500108", "动车组检修技术", "动检", "车辆系", 12),
        major("500606", "城市轨道交通运营管理", "城运", "运输系", 13),
        major("460301", "机电一体化技术", "机电", "机电系", 14),
    ],
    class_name: ("装调中级", 2),
    level: "装调 2",
    teachers: &["李强", "马建军", "田秀兰"],
};

const TAXES: School = School {
    office: "xyzy-1",
    room: "xyzy-1",
    majors: &[
        major("530302", "大数据与会计", "会计", "财经学院", 20),
        major("530301", "大数据与财务管理", "财管", "财经学院", 21),
        major("530605", "市场营销", "营销", "商学院", 22),
    ],
    class_name: ("智能财税初级", 1),
    level: "财税 1",
    teachers: &["周敏", "郭玉梅"],
};

/// One class with its learners.
struct Group {
    school_class: SchoolClass,
    seats: u32,
    class: Option<RecordId>,
    learners: Vec<RecordId>,
}

/// Lets both colleges teach as many learners as are asked for.
pub fn tell(
    province: &mut Province,
    registrar: &mut Registrar,
    levels: &BTreeMap<&'static str, RecordId>,
    count: u32,
) -> Result<(), DemoError> {
    let taxes = count * TAXES_PERCENT / 100;
    province.wait_until("2026-04-08T08:30:00+08:00");
    let mut railway = enrolled(province, registrar, &RAILWAY, levels, count - taxes)?;
    let mut taxes = enrolled(province, registrar, &TAXES, levels, taxes)?;
    province.sync(STEP, "xatl-2")?;
    for week in 0..WEEKS {
        province.wait_until(&format!("{}T17:30:00+08:00", day(week, 4)));
        for (school, groups) in [(&RAILWAY, &mut railway), (&TAXES, &mut taxes)] {
            taught(province, school, groups, week)?;
        }
    }
    for (school, groups) in [(&RAILWAY, &railway), (&TAXES, &taxes)] {
        close(province, school, groups)?;
    }
    province.sync(STEP, "xatl-2").map(|_| ())
}

/// Of a hundred learners so many are at the second college.
const TAXES_PERCENT: u32 = 40;
/// Seats of a class.
const SEATS: u32 = 40;
/// Weeks in which classes have met.
const WEEKS: u32 = 4;
/// Weeks that most classes take.
const TERM_WEEKS: u32 = 12;
/// Hours of a meeting.
const HOURS: u32 = 4;

/// A day of the weeks in which classes meet, of which the first begins on Monday, 13 April.
fn day(week: u32, weekday: u32) -> Date {
    let first = Date::new(2026, 4, 13).expect("a constant day");
    let days = first.days_since_epoch() + i64::from(week * 7 + weekday);
    Date::from_days(days).expect("a day of the same year")
}

/// Brings the rosters in, opens the classes, and puts the learners into them.
fn enrolled(
    province: &mut Province,
    registrar: &mut Registrar,
    school: &School,
    levels: &BTreeMap<&'static str, RecordId>,
    count: u32,
) -> Result<Vec<Group>, DemoError> {
    let mut groups = groups(school, count);
    let mut files: BTreeMap<u32, Vec<TableRow>> = BTreeMap::new();
    for group in &groups {
        let rows = files.entry(group.school_class.grade).or_default();
        for seat in 1..=group.seats {
            rows.push(registrar.next(&mut province.people, &group.school_class, seat));
        }
    }
    for (grade, rows) in &files {
        let file = format!("{}-20{grade}.csv", school.office);
        let bytes = onex_node::table::write::gb18030(&commas(rows));
        let imported = province.import(STEP, school.office, &file, &bytes)?;
        if imported.added != rows.len() {
            return Err(DemoError::step(STEP, &format!("{file}: {} rows", imported.added)));
        }
    }
    let openings: Vec<_> = groups
        .iter()
        .enumerate()
        .map(|(at, group)| opening(school, levels[school.level], at, group))
        .collect();
    let classes = province.many(STEP, school.office, "class.open", &openings)?;
    let mut places = Vec::new();
    for ((at, group), class) in groups.iter_mut().enumerate().zip(classes) {
        group.class = Some(class);
        group.learners = learners_of(province, school.office, &group.school_class.name())?;
        let confirmed = if at % 3 == 2 { "否" } else { "是" };
        places.push(vec![
            ("id", class.to_string()),
            ("learner_id", joined(&group.learners)),
            ("learner_confirmed", confirmed.to_owned()),
        ]);
    }
    province.many(STEP, school.office, "class.enrol", &places)?;
    Ok(groups)
}

/// Fills one class after the other; majors and years of entry take turns.
fn groups(school: &School, count: u32) -> Vec<Group> {
    let majors = school.majors.len();
    let group = |at: u32| {
        let turn = at as usize / majors;
        let (grade, number) = if turn.is_multiple_of(2) { (24, turn / 2) } else { (23, turn / 2) };
        let major = school.majors[at as usize % majors];
        let school_class = SchoolClass { major, grade, number: number as u32 + 1 };
        let seats = SEATS.min(count - at * SEATS);
        Group { school_class, seats, class: None, learners: Vec::new() }
    };
    (0..count.div_ceil(SEATS)).map(group).collect()
}

/// What a class is opened with. The first one is a short one, which ends within the story.
fn opening(
    school: &School,
    level: RecordId,
    at: usize,
    group: &Group,
) -> Vec<(&'static str, String)> {
    let (name, from) = school.class_name;
    let teacher = school.teachers[at % school.teachers.len()];
    let class_type = ["intensive", "integrated", "pre_exam"][at % 3];
    vec![
        ("name", format!("{name}{}班", from + at)),
        ("cert_level_id", level.to_string()),
        ("class_type", class_type.to_owned()),
        ("term", "2026-1".to_owned()),
        ("starts_on", day(0, 0).to_string()),
        ("ends_on", day(if at == 0 { WEEKS - 1 } else { TERM_WEEKS - 1 }, 4).to_string()),
        ("plan_hours", if at == 0 { WEEKS * HOURS } else { 48 }.to_string()),
        ("teachers", teacher.to_owned()),
        ("room", format!("{}{:03}", group.school_class.major.short, 101 + at)),
        ("capacity", SEATS.to_string()),
    ]
}

/// The learners of an administrative class, in the order of their records.
fn learners_of(
    province: &Province,
    node: &'static str,
    class_name: &str,
) -> Result<Vec<RecordId>, DemoError> {
    let query = Query::all(Learner::KIND).with("class_name", Value::Text(class_name.to_owned()));
    let list = province.node(node).list(&query).map_err(|error| DemoError::step(STEP, &error))?;
    Ok(list.rows.iter().map(|row| row.id).collect())
}

/// One week: every class that has not ended meets once, and whoever came is marked. The last
/// meeting of a class that goes on is planned and waits for its sheet.
fn taught(
    province: &mut Province,
    school: &School,
    groups: &[Group],
    week: u32,
) -> Result<(), DemoError> {
    let meets = |at: usize| at == 0 || week <= 1 + at as u32 % 3;
    let meeting: Vec<(usize, &Group)> =
        groups.iter().enumerate().filter(|(at, _)| meets(*at)).collect();
    let rows: Vec<_> =
        meeting.iter().map(|(at, group)| meeting_of(school, *at, group, week)).collect();
    let ids = province.many(STEP, school.room, "meeting.add", &rows)?;
    let mut sheets = Vec::new();
    for ((at, group), meeting) in meeting.iter().zip(ids) {
        let waits = *at > 0 && week == 1 + *at as u32 % 3;
        if !waits && !group.learners.is_empty() {
            sheets.push(sheet(province, meeting, &group.learners));
        }
    }
    province.many(STEP, school.room, "attendance.mark", &sheets).map(|_| ())
}

fn meeting_of(school: &School, at: usize, group: &Group, week: u32) -> Vec<(&'static str, String)> {
    let topics = ["识读电气图", "线路装接", "整机调试", "检查与交付"];
    let tax_topics = ["票据与凭证", "发票管理", "个税申报", "纳税申报与检查"];
    let topics = if school.office == RAILWAY.office { topics } else { tax_topics };
    vec![
        ("class_id", group.class.map(|id| id.to_string()).unwrap_or_default()),
        ("held_on", day(week, at as u32 % 5).to_string()),
        ("starts_at", if at.is_multiple_of(2) { "08:30" } else { "14:00" }.to_owned()),
        ("hours", HOURS.to_string()),
        ("topic", topics[week as usize % topics.len()].to_owned()),
        ("teacher", school.teachers[at % school.teachers.len()].to_owned()),
    ]
}

/// A sheet: everybody is present, but for a few.
fn sheet(
    province: &mut Province,
    meeting: RecordId,
    learners: &[RecordId],
) -> Vec<(&'static str, String)> {
    let mut except = Vec::new();
    for learner in learners {
        let mark = match province.people.below(100) {
            0..5 => "absent",
            5..10 => "leave",
            10..14 => "late",
            14 => "left_early",
            _ => continue,
        };
        except.push(format!("{learner}:{mark}"));
    }
    let mut row = vec![
        ("meeting_id", meeting.to_string()),
        ("learner_id", joined(learners)),
        ("mark", "present".to_owned()),
    ];
    if !except.is_empty() {
        row.push(("except", except.join(",")));
    }
    row
}

/// Ends the first class of a college: it has had its hours.
fn close(province: &mut Province, school: &School, groups: &[Group]) -> Result<(), DemoError> {
    let Some(class) = groups.first().and_then(|group| group.class) else { return Ok(()) };
    province.sync(STEP, school.room)?;
    province.step(STEP, school.office, "class.close", &[("id", &class.to_string())])?;
    province.expect(STEP, &[school.office], "class", class, &[("state", "completed")])
}

fn joined(ids: &[RecordId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_learner_has_a_seat_in_a_class_of_its_own_name() {
        for count in [0, 1, 40, 41, 180, 3_000] {
            let groups = groups(&RAILWAY, count);
            assert_eq!(groups.iter().map(|group| group.seats).sum::<u32>(), count);
            let names: std::collections::BTreeSet<String> =
                groups.iter().map(|group| group.school_class.name()).collect();
            assert_eq!(names.len(), groups.len(), "{count}");
            assert!(groups.iter().all(|group| (1..=SEATS).contains(&group.seats)));
        }
    }
}
