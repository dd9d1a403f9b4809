//! The demo's learners, who do not exist, and the tables in which a school office would send them.
//!
//! Only plain values: nothing is drawn from a clock, and no file is written here. Numbers begin
//! with 610199, which was never assigned to a place, and the check character is right.

use onex_crdt::field::code::resident_check;
use onex_crdt::field::time::Date;

use super::reference::{Gender, People};

/// The header of every table that the demo makes up.
pub const COLUMNS: [&str; 11] = [
    "学号",
    "姓名",
    "性别",
    "身份证号",
    "手机号码",
    "院系",
    "专业代码",
    "专业名称",
    "年级",
    "班级",
    "学历层次",
];

/// A row of such a table.
pub type TableRow = [String; COLUMNS.len()];

/// Where some columns stand.
pub mod column {
    /// 姓名.
    pub const NAME: usize = 1;
    /// 身份证号.
    pub const ID_NUMBER: usize = 3;
}

/// A major, as classes and student numbers are named after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Major {
    /// The code of the national catalogue (专业代码).
    pub code: &'static str,
    /// The name.
    pub name: &'static str,
    /// What class names begin with.
    pub short: &'static str,
    /// The department that teaches it.
    pub department: &'static str,
    /// Two digits of student numbers.
    pub digits: u32,
}

/// An administrative class (行政班): major, year of entry, number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchoolClass {
    /// What it studies.
    pub major: Major,
    /// The year of entry, two digits.
    pub grade: u32,
    /// Its number among those of major and year.
    pub number: u32,
}

impl SchoolClass {
    /// The name, 铁供2401.
    pub fn name(&self) -> String {
        format!("{}{:02}{:02}", self.major.short, self.grade, self.number)
    }
}

/// Hands out learners, each once: no two have a number or a student number alike.
#[derive(Debug, Default)]
pub struct Registrar {
    serial: u32,
}

impl Registrar {
    /// Makes up the learner who has a seat in a class.
    pub fn next(&mut self, people: &mut People, class: &SchoolClass, seat: u32) -> TableRow {
        let name = people.next_name();
        self.named(&name.text, name.gender, class, seat)
    }

    /// Makes up everything but the name.
    pub fn named(
        &mut self,
        name: &str,
        gender: Gender,
        class: &SchoolClass,
        seat: u32,
    ) -> TableRow {
        let id_number = self.next_id_number(gender);
        let SchoolClass { major, grade, number } = class;
        [
            format!("{grade:02}{:02}{number:02}{seat:02}", major.digits),
            name.to_owned(),
            if gender == Gender::Male { "男" } else { "女" }.to_owned(),
            id_number,
            format!("1990000{:04}", self.serial % PHONES),
            major.department.to_owned(),
            major.code.to_owned(),
            major.name.to_owned(),
            format!("20{grade:02}"),
            class.name(),
            "高职".to_owned(),
        ]
    }

    /// The next number: days of birth and the sequence of a day are gone through in an order in
    /// which none comes twice.
    pub fn next_id_number(&mut self, gender: Gender) -> String {
        let day = self.serial * DAY_STEP % DAYS;
        let sequence = self.serial / DAYS * 2 + u32::from(gender == Gender::Male);
        self.serial += 1;
        let first = Date::new(2004, 9, 1).expect("a constant day");
        let born = Date::from_days(first.days_since_epoch() + i64::from(day));
        let born = born.expect("within a few years of the first").to_string().replace('-', "");
        let body = format!("610199{born}{sequence:03}");
        let check = resident_check(&body).expect("17 digits");
        format!("{body}{check}")
    }
}

/// A table with its header, every cell text.
pub fn table(rows: &[TableRow]) -> Vec<Vec<String>> {
    let header = COLUMNS.map(str::to_owned).to_vec();
    std::iter::once(header).chain(rows.iter().map(|row| row.to_vec())).collect()
}

/// A table as a text with commas; no cell of the demo needs quotes.
pub fn commas(rows: &[TableRow]) -> String {
    let lines = table(rows).into_iter().map(|row| row.join(",") + "\r\n");
    lines.collect()
}

/// Days of birth: three years of school leavers.
const DAYS: u32 = 1_096;
/// From one day of birth to the next; shares no factor with their count.
const DAY_STEP: u32 = 619;
/// Numbers of the block 199 0000 xxxx.
const PHONES: u32 = 10_000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use onex_crdt::field::code::ResidentId;

    use super::*;

    const CLASS: SchoolClass = SchoolClass {
        major: Major {
            code: "500103",
            name: "铁道供电技术",
            short: "铁供",
            department: "供电系",
            digits: 10,
        },
        grade: 24,
        number: 1,
    };

    #[test]
    fn no_number_comes_twice_and_all_are_right() {
        let (mut registrar, mut people) = (Registrar::default(), People::new(1));
        let mut numbers = BTreeSet::new();
        for seat in 0..3_000 {
            let row = registrar.next(&mut people, &CLASS, seat);
            let number = ResidentId::parse(&row[column::ID_NUMBER]).expect("a right number");
            assert!((2004..=2007).contains(&number.birth_date().year()), "{row:?}");
            assert_eq!(number.is_male(), row[2] == "男");
            assert!(row[4].len() == 11 && row[4].starts_with("1990000"), "{row:?}");
            assert!(numbers.insert(row[column::ID_NUMBER].clone()), "{row:?} twice");
        }
    }

    #[test]
    fn a_table_has_a_header_and_its_rows() {
        let mut registrar = Registrar::default();
        let row = registrar.named("张伟", Gender::Male, &CLASS, 1);
        assert_eq!(row[..3], ["24100101", "张伟", "男"]);
        assert_eq!(row[9], "铁供2401");
        let text = commas(&[row]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("学号,姓名,") && lines[1].starts_with("24100101,张伟,"));
    }
}
