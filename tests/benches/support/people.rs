//! Made-up learners: names with the frequencies of real ones, numbers of a region that is nobody's.

use onex_crdt::action::{Action, Given};
use onex_crdt::field::code::resident_check;
use onex_crdt::field::time::Date;
use onex_crdt::records::learner::actions::ADD;
use onex_node::engine::Order;

/// The values of a learner, as a person would type them.
pub struct Person {
    pub values: Vec<(&'static str, String)>,
}

/// The learner with a number; the same number is always the same learner.
pub fn person(number: usize) -> Person {
    let draw = |salt: u64| scattered(number as u64, salt) as usize;
    let surname = SURNAMES[weighted(draw(1))];
    let given = match draw(2) % 10 {
        0..3 => GIVEN[draw(3) % GIVEN.len()].to_owned(),
        _ => format!("{}{}", GIVEN[draw(3) % GIVEN.len()], GIVEN[draw(4) % GIVEN.len()]),
    };
    // Registers come class by class, and so do their numbers.
    let class_number = number / CLASS_LEARNERS;
    let (major_code, major, short) = MAJORS[class_number % MAJORS.len()];
    let year = 2022 + class_number / MAJORS.len() % 4;
    let class = format!("{short}{}{:02}", year % 100, 1 + class_number / MAJORS.len() / 4);
    let values = vec![
        ("name", format!("{surname}{given}")),
        ("id_type", "resident_id".to_owned()),
        ("id_number", id_number(number)),
        ("ethnicity", ["汉族", "汉族", "汉族", "回族", "满族"][draw(8) % 5].to_owned()),
        ("phone", format!("139{:08}", number)),
        ("learner_kind", "student".to_owned()),
        ("department", format!("{}学院", &major[..major.len() - 6])),
        ("major_code", major_code.to_owned()),
        ("major_name", major.to_owned()),
        ("grade", year.to_string()),
        ("class_name", class),
        ("student_no", format!("{year}{number:07}")),
        ("education_level", "高职".to_owned()),
        ("address", format!("西安市未央区{}路{}号", ROADS[draw(9) % ROADS.len()], draw(10) % 300)),
    ];
    Person { values }
}

/// The order that puts a learner on the register.
pub fn order(number: usize) -> Order {
    Order { action: &ADD, id: None, given: given(&ADD, &person(number).values) }
}

fn given(action: &Action, values: &[(&'static str, String)]) -> Given {
    let read = |(key, text): &(&'static str, String)| {
        let value = action.read(key, text);
        ((*key).to_owned(), value.unwrap_or_else(|reason| panic!("{key}={text}: {reason:?}")))
    };
    values.iter().map(read).collect()
}

/// Days of birth times numbers of a day: as many as there can be learners of one region.
fn id_number(number: usize) -> String {
    const BIRTHS_FROM: &str = "2001-01-01";
    const DAYS: usize = 2400;
    let first = Date::parse(BIRTHS_FROM).expect("a date").days_since_epoch();
    let born = Date::from_days(first + (number % DAYS) as i64).expect("a date");
    let digits = born.to_string().replace('-', "");
    let body = format!("610199{digits}{:03}", number / DAYS);
    let check = resident_check(&body).expect("17 digits");
    format!("{body}{check}")
}

/// A number that looks drawn and is always the same (splitmix64).
pub fn scattered(number: u64, salt: u64) -> u64 {
    let mut z = number.wrapping_add(salt << 40).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) >> 1
}

/// Few surnames are those of most people.
fn weighted(drawn: usize) -> usize {
    let at = (drawn % 10_000) as f64 / 10_000.0;
    ((at * at) * SURNAMES.len() as f64) as usize
}

/// Learners of a class.
const CLASS_LEARNERS: usize = 45;
const SURNAMES: [&str; 40] = [
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "郭",
    "何", "高", "林", "罗", "郑", "梁", "谢", "宋", "唐", "许", "韩", "冯", "邓", "曹", "彭", "曾",
    "肖", "田", "董", "袁", "潘", "欧阳", "司马", "上官",
];
const GIVEN: [&str; 48] = [
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明",
    "超", "秀", "霞", "平", "刚", "桂", "英", "华", "玉", "萍", "红", "玲", "建", "国", "文", "斌",
    "宇", "浩", "凯", "健", "俊", "帆", "雪", "梅", "婷", "欣", "怡", "晨", "子", "轩", "梓", "涵",
];
const MAJORS: [(&str, &str, &str); 8] = [
    ("500103", "铁道供电技术", "供电"),
    ("510203", "软件技术", "软件"),
    ("530302", "大数据与会计", "会计"),
    ("460305", "工业机器人技术", "机器人"),
    ("500211", "汽车检测与维修技术", "汽修"),
    ("520201", "护理专业技术", "护理"),
    ("440501", "工程造价", "造价"),
    ("530701", "电子商务", "电商"),
];
const ROADS: [&str; 6] = ["凤城二", "未央", "太华北", "文景", "朱宏", "北辰"];
