//! The public lists that the demo enters, and the made-up people of its story.
//!
//! Nothing here is drawn from a clock or the system's randomness: one seed gives one cast. Nothing
//! is written to a node either; who enters which row is the story's business. Where the lists come
//! from stands in `docs/reference-data.md`.

use std::collections::BTreeSet;

use pinyin::ToPinyin as _;

/// A college of the public list, as `organisation.add` takes it (requirements 2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollegeRow {
    /// The full name (机构名称).
    pub name: String,
    /// The hub's code of the college: the national five digits, else `Z` and four digits in the
    /// order of the list.
    pub short_code: String,
    /// The ten digits of the ministry (学校标识码); none where no source states them.
    pub school_code: Option<String>,
    /// The id of the college type; none for universities that are no pilot type.
    pub college_type: Option<&'static str>,
    /// Where the campus lies: six digits of GB/T 2260.
    pub region_code: String,
    /// Which of the 15 reporting units it belongs to (报送单位, requirements appendix A).
    pub reporting_unit: &'static str,
}

/// An evaluation organisation (培训评价组织), as `organisation.add` takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluatorRow {
    /// The full name (机构名称).
    pub name: String,
    /// Four characters of the GB 32100 alphabet.
    pub short_code: String,
    /// The selection batch, 1 or 2; none where no source states it.
    pub batch: Option<u8>,
}

/// A certificate (职业技能等级证书), as `certificate.add` and `cert_level.add` take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRow {
    /// The full name with its suffix.
    pub name: String,
    /// The name of its evaluation organisation, a name of [`evaluators`].
    pub evaluator: String,
    /// The batch, 1 or 2; none where no source states it.
    pub batch: Option<u8>,
    /// The levels that a source shows, ascending; empty means "none seen", not "none offered".
    pub levels: Vec<LevelRow>,
}

/// One level of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelRow {
    /// 1 初级, 2 中级, 3 高级.
    pub level: u8,
    /// The opaque id of the national register (国家平台等级编号), where a source shows it.
    pub national_id: Option<String>,
}

/// Every college of the list, in its order: 109 rows.
pub fn colleges() -> Vec<CollegeRow> {
    let mut unnumbered = 0;
    rows(COLLEGES, |[name, moe_code, gb5_code, level, city_code, campus_code]| {
        let region_code = filled(campus_code).unwrap_or(city_code);
        CollegeRow {
            name: name.to_owned(),
            short_code: filled(gb5_code).map(str::to_owned).unwrap_or_else(|| {
                unnumbered += 1;
                format!("Z{unnumbered:04}")
            }),
            school_code: filled(moe_code).map(str::to_owned),
            college_type: college_type(level),
            region_code: region_code.to_owned(),
            reporting_unit: reporting_unit(region_code).expect("the list lies in the province"),
        }
    })
}

/// The colleges without the two that the story enters by hand (step A1): 107 rows.
pub fn directory_colleges() -> Vec<CollegeRow> {
    let mut rows = colleges();
    rows.retain(|row| !STORY_COLLEGES.contains(&row.name.as_str()));
    rows
}

/// Every evaluation organisation of batches 1 and 2, and the story's own: 16 rows.
pub fn evaluators() -> Vec<EvaluatorRow> {
    let mut taken = STORY_EVALUATORS.map(|(_, code)| code.to_owned()).into();
    rows(EVALUATORS, |[name, batch]| EvaluatorRow {
        name: name.to_owned(),
        short_code: evaluator_short_code(name, &mut taken),
        batch: batch.parse().ok(),
    })
}

/// The evaluation organisations without the three that the story enters (step A1): 13 rows.
pub fn directory_evaluators() -> Vec<EvaluatorRow> {
    let mut rows = evaluators();
    rows.retain(|row| STORY_EVALUATORS.iter().all(|(name, _)| *name != row.name));
    rows
}

/// Every certificate of batches 1 and 2, and the story's own: 17 rows.
pub fn certificates() -> Vec<CertificateRow> {
    rows(CERTIFICATES, |[name, evaluator, batch, seen_1, seen_2, seen_3, id_1, id_2, id_3]| {
        let levels = [(1, seen_1, id_1), (2, seen_2, id_2), (3, seen_3, id_3)];
        CertificateRow {
            name: name.to_owned(),
            evaluator: evaluator.to_owned(),
            batch: batch.parse().ok(),
            levels: (levels.into_iter())
                .filter(|(_, seen, _)| *seen == "Y")
                .map(|(level, _, id)| LevelRow {
                    level,
                    national_id: filled(id).map(str::to_owned),
                })
                .collect(),
        }
    })
}

/// The certificates without those that the story enters (steps A2 and A3): 14 rows.
pub fn directory_certificates() -> Vec<CertificateRow> {
    let mut rows = certificates();
    rows.retain(|row| !STORY_CERTIFICATES.contains(&row.name.as_str()));
    rows
}

/// Returns the college type (R14, R43) that a level of the public list stands for.
///
/// A university is none of the pilot's types until somebody says which; that stays blank.
pub fn college_type(level: &str) -> Option<&'static str> {
    match level {
        "高职" => Some("higher_vocational"),
        "中职" => Some("secondary_vocational"),
        "职业本科" => Some("vocational_undergraduate"),
        _ => None,
    }
}

/// Returns the reporting unit (R83) of a GB/T 2260 code, or nothing outside the province.
///
/// A place that reports by itself is its own unit, any other belongs to its prefecture. No code
/// leads to 西咸新区, which has none.
pub fn reporting_unit(region_code: &str) -> Option<&'static str> {
    let unit = |code: &str| REPORTING_UNITS.into_iter().find(|unit| *unit == code);
    unit(region_code).or_else(|| unit(&format!("{}00", region_code.get(..4)?)))
}

/// The names that made-up people are put together from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Surnames with their weight, bearers in a million.
    pub surnames: Vec<(String, u64)>,
    /// Given names of men.
    pub given_male: Vec<String>,
    /// Given names of women.
    pub given_female: Vec<String>,
}

/// Every name of the list: 158 surnames, 117 and 134 given names.
pub fn names() -> Names {
    let table = rows(NAMES, |row: [&str; 4]| row.map(str::to_owned));
    let given = |gender: &str| {
        let of_gender = table.iter().filter(|[kind, of, ..]| kind == "given" && of == gender);
        of_gender.map(|[_, _, value, _]| value.clone()).collect()
    };
    let surnames = table.iter().filter(|[kind, ..]| kind == "surname");
    Names {
        surnames: surnames
            .map(|[_, _, value, weight]| (value.clone(), weight.parse().unwrap_or(RARE_WEIGHT)))
            .collect(),
        given_male: given("M"),
        given_female: given("F"),
    }
}

/// The sex of a made-up person, as GB/T 2261.1 counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gender {
    /// 男, code 1.
    Male,
    /// 女, code 2.
    Female,
}

/// The name of somebody who does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeUpName {
    /// Surname and given name without a space, 2 to 4 characters.
    pub text: String,
    /// Which list the given name was taken from.
    pub gender: Gender,
}

/// A source of people who do not exist: the same seed gives the same people in the same order.
///
/// No name is given twice, nor one that the story speaks of, while unused ones can be found.
#[derive(Clone, Debug)]
pub struct People {
    names: Names,
    surname_weight: u64,
    used: BTreeSet<String>,
    state: u64,
    mobile: u64,
}

impl People {
    /// Starts the sequence of a seed.
    pub fn new(seed: u64) -> Self {
        let names = names();
        let surname_weight = names.surnames.iter().map(|(_, weight)| weight).sum();
        let used = STORY_PEOPLE.split(' ').map(str::to_owned).collect();
        let mut people = Self { names, surname_weight, used, state: seed, mobile: 0 };
        people.mobile = people.below(MOBILE_COUNT);
        people
    }

    /// Makes up the next name; half of them are men's.
    pub fn next_name(&mut self) -> MadeUpName {
        let mut name = self.any_name();
        for _ in 0..NAME_DRAWS_MAX {
            if self.used.insert(name.text.clone()) {
                break;
            }
            name = self.any_name();
        }
        name
    }

    /// Makes up the next mobile number: 11 digits, no two alike among 100 million.
    ///
    /// Mobile numbers open with 13 to 19, while what opens with 10 are service codes: the number
    /// has the shape that forms ask for (1 and ten digits) and cannot be a person's.
    pub fn next_mobile(&mut self) -> String {
        self.mobile = (self.mobile + MOBILE_STEP) % MOBILE_COUNT;
        format!("100{:08}", self.mobile)
    }

    /// Draws a name that may have been given before.
    fn any_name(&mut self) -> MadeUpName {
        let at = self.below(self.surname_weight);
        let surname = weighted(&self.names.surnames, at).to_owned();
        let gender = if self.below(2) == 0 { Gender::Male } else { Gender::Female };
        let count = self.given(gender).len() as u64;
        let at = self.below(count) as usize;
        MadeUpName { text: surname + &self.given(gender)[at], gender }
    }

    /// The given names of one sex.
    fn given(&self, gender: Gender) -> &[String] {
        match gender {
            Gender::Male => &self.names.given_male,
            Gender::Female => &self.names.given_female,
        }
    }

    /// Draws a number under the bound, by scaling and not by a remainder that favours low ones.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(splitmix64(&mut self.state)) * u128::from(bound)) >> 64) as u64
    }
}

/// Moves the state on and returns 64 well mixed bits (Steele, Lea, Flood 2014, SplitMix).
fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Returns the entry that a point on the sum of all weights falls into.
fn weighted(entries: &[(String, u64)], mut at: u64) -> &str {
    for (value, weight) in entries {
        if at < *weight {
            return value;
        }
        at -= weight;
    }
    entries.last().map_or("", |(value, _)| value)
}

/// Returns a code of four characters that is not taken yet, and takes it.
///
/// The initials of the name, as far as the alphabet has them, are tried first; then its last
/// character counts up.
fn evaluator_short_code(name: &str, taken: &mut BTreeSet<String>) -> String {
    if let Some((_, code)) = STORY_EVALUATORS.iter().find(|(story, _)| *story == name) {
        return (*code).to_owned();
    }
    let mut code: String = name.chars().filter_map(initial).take(4).collect();
    while code.len() < 4 {
        code.push('0');
    }
    let stem = code[..3].to_owned();
    let further = CODE_ALPHABET.chars().map(|last| format!("{stem}{last}"));
    std::iter::once(code)
        .chain(further)
        .find(|code| taken.insert(code.clone()))
        .expect("the list has fewer names than the alphabet has characters")
}

/// Returns the upper-case initial of a character, or nothing if codes cannot hold it.
fn initial(character: char) -> Option<char> {
    let letter = match character.to_pinyin() {
        Some(pinyin) => pinyin.first_letter().chars().next()?,
        None => character,
    };
    Some(letter.to_ascii_uppercase()).filter(|letter| CODE_ALPHABET.contains(*letter))
}

/// Returns the text unless it is empty.
fn filled(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// Reads each row after the header. The tables are part of the program, so a test vouches for them.
fn rows<T, const N: usize>(table: &str, mut read: impl FnMut([&str; N]) -> T) -> Vec<T> {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let records = reader.records().map(|record| record.expect("a carried table is well-formed"));
    records
        .map(|record| {
            let cells: Vec<&str> = record.iter().collect();
            read(cells.try_into().expect("a carried table has the columns its reader names"))
        })
        .collect()
}

const COLLEGES: &str = include_str!("../../data/colleges.csv");
const EVALUATORS: &str = include_str!("../../data/evaluators.csv");
const CERTIFICATES: &str = include_str!("../../data/certificates.csv");
const NAMES: &str = include_str!("../../data/names.csv");

/// What step A1 enters; both stand in the public list.
const STORY_COLLEGES: [&str; 2] = ["西安铁路职业技术学院", "咸阳职业技术学院"];

/// What step A1 enters, with the codes that the story gives.
const STORY_EVALUATORS: [(&str, &str); 3] = [
    ("中国中车集团有限公司", "CRRC"),
    ("中联集团教育科技有限公司", "LJKJ"),
    ("北京新奥时代科技有限责任公司", "XAUD"),
];

/// What steps A2 and A3 enter.
const STORY_CERTIFICATES: [&str; 3] = [
    "轨道交通电气设备装调职业技能等级证书",
    "智能财税职业技能等级证书",
    "工业机器人操作与运维职业技能等级证书",
];

/// Everybody whom the story names, so that no learner is made up as their namesake.
const STORY_PEOPLE: &str = "郝敏 孙涛 王芳 李强 周敏 陈刚 吴静 冯杰 钱立 高峰 何平 张伟 刘洋 李娜 \
    陈静 杨帆 赵磊 欧阳静 欧阳婧 欧阳菁";

/// Codes of the 15 reporting units: ten prefectures and those addressed directly.
const REPORTING_UNITS: [&str; 15] = [
    "610100", "610200", "610300", "610400", "610500", "610600", "610700", "610800", "610900",
    "611000", "610403", "61XX01", "610581", "610881", "610822",
];

/// The alphabet of GB 32100: no I, O, S, V, Z.
const CODE_ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/// The weight of a surname whose share the source does not state, bearers in a million.
const RARE_WEIGHT: u64 = 500;

/// How often a used name is drawn anew before a namesake is accepted.
const NAME_DRAWS_MAX: usize = 200;

/// How many numbers of one prefix there are.
const MOBILE_COUNT: u64 = 100_000_000;

/// From one number to the next; shares no factor with their count, so that all come up once.
const MOBILE_STEP: u64 = 61_803_399;

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that codes are as many as rows, all different, all of the length.
    fn check_codes<'a>(codes: impl Iterator<Item = &'a str>, rows: usize, length: usize) {
        let codes: Vec<&str> = codes.collect();
        let distinct: BTreeSet<&str> = codes.iter().copied().collect();
        assert_eq!((codes.len(), distinct.len()), (rows, rows), "{codes:?}");
        for code in codes {
            assert_eq!(code.len(), length, "{code}");
            assert!(code.chars().all(|character| character.is_ascii_alphanumeric()), "{code}");
        }
    }

    #[test]
    fn every_college_has_a_code_and_a_place() {
        let colleges = colleges();
        check_codes(colleges.iter().map(|row| row.short_code.as_str()), 109, 5);
        check_codes(colleges.iter().filter_map(|row| row.school_code.as_deref()), 97, 10);
        for row in &colleges {
            let region = row.region_code.as_str();
            assert!(REPORTING_UNITS.contains(&region) && region != "61XX01", "{row:?}");
        }
    }

    #[test]
    fn a_college_is_read_as_the_list_says() {
        let college = |name: &str| {
            colleges().into_iter().find(|row| row.name == name).expect("it is in the list")
        };
        let check = |name: &str, expected: (&str, Option<&str>, Option<&str>, &str, &str)| {
            let row = college(name);
            let (code, school, kind) = (&*row.short_code, row.school_code, row.college_type);
            let read = (code, school.as_deref(), kind, &*row.region_code, row.reporting_unit);
            assert_eq!(read, expected, "{name}");
        };
        let higher = Some("higher_vocational");
        check("西安铁路职业技术学院", ("13945", Some("4161013945"), higher, "610100", "610100"));
        check("咸阳职业技术学院", ("13946", Some("4161013946"), higher, "610400", "610400"));
        check("杨凌职业技术学院", ("10966", Some("4161010966"), higher, "610403", "610403"));
        check("神木职业技术学院", ("14650", Some("4161014650"), higher, "610881", "610881"));
        check("陕西机电职业技术学院", ("Z0001", Some("4261050084"), higher, "610300", "610300"));
        let secondary = Some("secondary_vocational");
        check("咸阳市秦都区职业教育中心", ("Z0013", None, secondary, "610400", "610400"));
        check("西安交通大学", ("10698", Some("4161010698"), None, "610100", "610100"));
        let vocational = Some("vocational_undergraduate");
        check("西安汽车职业大学", ("13738", Some("4161013738"), vocational, "610100", "610100"));
    }

    #[test]
    fn a_region_code_leads_to_its_reporting_unit() {
        let check = |code, expected| assert_eq!(reporting_unit(code), expected, "{code}");
        check("610100", Some("610100"));
        check("610113", Some("610100"));
        check("610403", Some("610403"));
        check("610404", Some("610400"));
        check("610581", Some("610581"));
        check("610822", Some("610822"));
        check("610824", Some("610800"));
        check("110000", None);
        check("61", None);
        check("", None);
        check("杨凌示范", None);
    }

    #[test]
    fn evaluators_have_codes_of_the_alphabet() {
        let evaluators = evaluators();
        check_codes(evaluators.iter().map(|row| row.short_code.as_str()), 16, 4);
        for row in &evaluators {
            assert!(row.short_code.chars().all(|code| CODE_ALPHABET.contains(code)), "{row:?}");
        }
        for (name, code) in STORY_EVALUATORS {
            let row = evaluators.iter().find(|row| row.name == name);
            assert_eq!(row.map(|row| row.short_code.as_str()), Some(code));
        }
    }

    #[test]
    fn a_taken_code_counts_up() {
        let mut taken = BTreeSet::new();
        let mut check = |name: &str, expected: &str| {
            assert_eq!(evaluator_short_code(name, &mut taken), expected, "{name}");
        };
        check("北京博导前程", "BJBD");
        check("北京博大", "BJB0");
        check("北京博达", "BJB1");
        check("智联", "L000");
        check("中国中车集团有限公司", "CRRC");
    }

    #[test]
    fn certificates_name_their_evaluators_and_levels() {
        let certificates = certificates();
        let evaluators: BTreeSet<String> = evaluators().into_iter().map(|row| row.name).collect();
        let named: BTreeSet<String> =
            certificates.iter().map(|row| row.evaluator.clone()).collect();
        assert_eq!(named, evaluators);
        let check = |name: &str, batch: Option<u8>, levels: &[(u8, Option<&str>)]| {
            let full = format!("{name}职业技能等级证书");
            let row = certificates.iter().find(|row| row.name == full).expect("it is listed");
            let seen: Vec<_> =
                row.levels.iter().map(|row| (row.level, row.national_id.as_deref())).collect();
            assert_eq!((row.batch, seen.as_slice()), (batch, levels), "{name}");
        };
        check("轨道交通电气设备装调", None, &[(2, None)]);
        check("智能财税", Some(2), &[(1, None), (2, None), (3, None)]);
        let robots = &[(2, Some("1183616855860850690")), (3, Some("1183617195461062657"))];
        check("工业机器人操作与运维", Some(2), robots);
        check("物流管理", Some(1), &[]);
    }

    #[test]
    fn the_directory_leaves_out_what_the_story_enters() {
        assert_eq!(colleges().len() - directory_colleges().len(), STORY_COLLEGES.len());
        assert_eq!(evaluators().len() - directory_evaluators().len(), STORY_EVALUATORS.len());
        let rest = directory_certificates();
        assert_eq!(certificates().len() - rest.len(), STORY_CERTIFICATES.len());
        let evaluators = directory_evaluators();
        for row in rest {
            assert!(evaluators.iter().any(|other| other.name == row.evaluator), "{row:?}");
            assert!(matches!(row.batch, Some(1 | 2)), "{row:?}");
        }
    }

    #[test]
    fn given_names_go_by_sex() {
        let names = names();
        let check = |name: &str, male: bool, female: bool| {
            let has = |list: &[String]| list.iter().any(|given| given == name);
            assert_eq!(
                (has(&names.given_male), has(&names.given_female)),
                (male, female),
                "{name}"
            );
        };
        check("建国", true, false);
        check("桂花", false, true);
        check("李", false, false);
        let mut people = People::new(5);
        for _ in 0..200 {
            let name = people.next_name();
            assert!(people.given(name.gender).iter().any(|given| name.text.ends_with(given)));
        }
        assert_eq!(names.surnames.len(), 158);
        assert!(names.surnames.contains(&("李".to_owned(), 78_610)));
        assert!(names.surnames.contains(&("欧阳".to_owned(), RARE_WEIGHT)));
    }

    #[test]
    fn a_seed_gives_the_same_people() {
        let cast = |seed| {
            let mut people = People::new(seed);
            std::array::from_fn::<_, 20, _>(|_| (people.next_name(), people.next_mobile()))
        };
        assert_eq!(cast(1), cast(1));
        assert_ne!(cast(1), cast(2));
    }

    #[test]
    fn people_are_distinct_and_made_up() {
        let mut people = People::new(7);
        let mut names: BTreeSet<String> = STORY_PEOPLE.split(' ').map(str::to_owned).collect();
        let mut mobiles = BTreeSet::new();
        for _ in 0..5_000 {
            let name = people.next_name().text;
            assert!((2..=4).contains(&name.chars().count()), "{name}");
            assert!(names.insert(name.clone()), "{name} twice");
            let mobile = people.next_mobile();
            assert!(mobile.len() == 11 && mobile.starts_with("100"), "{mobile}");
            assert!(mobiles.insert(mobile.clone()), "{mobile} twice");
        }
    }

    #[test]
    fn common_surnames_are_common() {
        let mut people = People::new(3);
        let drawn: Vec<String> = (0..2_000).map(|_| people.next_name().text).collect();
        let share = |surname: &str| drawn.iter().filter(|name| name.starts_with(surname)).count();
        assert!(share("李") > 80 && share("李") < 240, "{}", share("李"));
        assert!(share("祁") < 20, "{}", share("祁"));
    }
}
