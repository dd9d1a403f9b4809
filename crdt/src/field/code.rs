//! Codes that a standard, a ministry or the hub prescribes, and the enums that go with them.
//!
//! A code is checked by its own characters only: whether anybody bears it, and who, is a rule.

mod reference;
mod region;
mod resident;
mod school;
mod uscc;

pub use reference::{Blob, FileDigest, OrgRef, OrgRefs};
pub(crate) use reference::{id_list, record_id_parse, record_ids_parse, record_ref};
pub use region::RegionCode;
pub use resident::{IdNumber, ResidentId, resident_check};
pub use school::SchoolCode;
pub use uscc::{Uscc, check_character};

use super::text::{code_clean, text_field};
use super::{Choice, Field, FieldError, FieldType, Shape, choices};
use crate::value::Value;

text_field!(
    /// A mobile number, 1 and ten digits. Requirements 2.1.
    ///
    /// Spaces, hyphens and a leading +86 are dropped.
    Mobile,
    mobile
);
text_field!(
    /// The code of a major (专业代码): six digits, or six and a letter, upper case.
    ///
    /// The undergraduate catalogue also has the two letters TK. Requirements 5.6.
    MajorCode,
    major_code
);
text_field!(
    /// The short code that the hub gives: a college's or an evaluator's. Requirements 2.3, 2.10.
    ///
    /// A college has its national five digits or Z and four digits; an evaluator has four
    /// characters of the GB 32100 alphabet.
    ShortCode,
    short_code
);
text_field!(
    /// The number of a document (文号), `陕教职办〔2019〕6号`, in the brackets 〔〕.
    DocumentNo,
    document_no
);

impl ShortCode {
    /// Tells whether the code has the form of a college's.
    pub fn is_college(&self) -> bool {
        self.as_str().len() == 5
    }
}

choices! {
    /// What a college is (院校类型). Requirements R14, R43; a technical school is `Excluded`.
    CollegeType {
        HigherVocational = "higher_vocational" "高职" "higher vocational",
        SecondaryVocational = "secondary_vocational" "中职" "secondary vocational",
        VocationalUndergraduate = "vocational_undergraduate" "本科层次职教试点" "vocational undergraduate",
        AppliedUndergraduate = "applied_undergraduate" "应用型本科" "applied undergraduate",
        OpenUniversity = "open_university" "国家开放大学" "open university",
    }
    read by college_type_parse
}

choices! {
    /// A unit that reports to the province (报送单位). Requirements R83, Appendix A.
    ReportingUnit {
        Xian = "610100" "西安市" "Xi'an",
        Tongchuan = "610200" "铜川市" "Tongchuan",
        Baoji = "610300" "宝鸡市" "Baoji",
        Xianyang = "610400" "咸阳市" "Xianyang",
        Weinan = "610500" "渭南市" "Weinan",
        Yanan = "610600" "延安市" "Yan'an",
        Hanzhong = "610700" "汉中市" "Hanzhong",
        Yulin = "610800" "榆林市" "Yulin",
        Ankang = "610900" "安康市" "Ankang",
        Shangluo = "611000" "商洛市" "Shangluo",
        Yangling = "610403" "杨凌示范区" "Yangling",
        Xixian = "61XX01" "西咸新区" "Xixian New Area",
        Hancheng = "610581" "韩城市" "Hancheng",
        Shenmu = "610881" "神木市" "Shenmu",
        Fugu = "610822" "府谷县" "Fugu",
    }
}

impl ReportingUnit {
    /// Returns the code of the prefecture that the unit counts in for coverage (Appendix A).
    pub fn prefecture(self) -> &'static str {
        match self {
            Self::Yangling => Self::Xianyang.id(),
            Self::Xixian => Self::Xian.id(),
            Self::Hancheng => Self::Weinan.id(),
            Self::Shenmu | Self::Fugu => Self::Yulin.id(),
            prefecture => prefecture.id(),
        }
    }
}

/// A level of a certificate (等级), 1-3 from the lowest; never the reversed digit of 人社.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// 初级
    Junior = 1,
    /// 中级
    Intermediate = 2,
    /// 高级
    Advanced = 3,
}

impl Level {
    /// Every level, ascending.
    pub const ALL: &'static [Self] = &[Self::Junior, Self::Intermediate, Self::Advanced];
    /// Number and names of every level, in the same order.
    pub const CHOICES: &'static [Choice] = &[
        Choice { id: "1", zh: "初级", en: "junior" },
        Choice { id: "2", zh: "中级", en: "intermediate" },
        Choice { id: "3", zh: "高级", en: "advanced" },
    ];

    /// Reads the number or a name.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let text = code_clean(text)?.to_ascii_lowercase();
        let named = |choice: &Choice| [choice.id, choice.zh, choice.en].contains(&text.as_str());
        match Self::CHOICES.iter().position(named) {
            Some(at) => Ok(Self::ALL[at]),
            None => Err(FieldError::UnknownChoice { choices: Self::CHOICES }),
        }
    }

    /// Returns the level with this number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.iter().copied().find(|level| level.number() == number)
    }

    /// The number, 1-3.
    pub fn number(self) -> i64 {
        self as i64
    }

    /// The Chinese name.
    pub fn zh(self) -> &'static str {
        Self::CHOICES[self as usize - 1].zh
    }
}

impl Field for Level {
    const TYPE: FieldType = FieldType {
        name: "enum",
        shape: Shape::NumberedChoice(Self::CHOICES),
        parse: |text| Self::parse(text).map(|parsed| parsed.to_value()),
    };

    fn to_value(&self) -> Value {
        Value::Int(self.number())
    }

    fn from_value(value: &Value) -> Option<Self> {
        value.as_int().and_then(Self::from_number)
    }
}

/// Returns a cleaned code in upper case, without spaces and hyphens.
fn code_compact(text: &str) -> Result<String, FieldError> {
    let dropped = |c: char| c.is_whitespace() || "-‐‑–—".contains(c);
    let code: String = code_clean(text)?.chars().filter(|c| !dropped(*c)).collect();
    Ok(code.to_ascii_uppercase())
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn mobile(text: &str) -> Result<String, FieldError> {
    let number = code_compact(text)?;
    let number = number.strip_prefix("+86").unwrap_or(&number);
    if number.len() == 11 && number.starts_with('1') && all_digits(number) {
        Ok(number.to_owned())
    } else {
        Err(FieldError::Form { form: "1 + 10 digits" })
    }
}

fn major_code(text: &str) -> Result<String, FieldError> {
    let code = code_clean(text)?.to_ascii_uppercase();
    let letters = code.get(..6).filter(|digits| all_digits(digits)).map(|_| &code[6..]);
    match letters.map(str::as_bytes) {
        Some([] | [b'A'..=b'Z'] | b"TK") => Ok(code),
        _ => Err(FieldError::Form { form: "6 digits, perhaps a letter" }),
    }
}

fn short_code(text: &str) -> Result<String, FieldError> {
    let code = code_clean(text)?.to_ascii_uppercase();
    let college = code.len() == 5 && all_digits(code.strip_prefix('Z').unwrap_or(&code));
    let evaluator = code.len() == 4 && code.chars().all(uscc::is_of_alphabet);
    if college || evaluator {
        Ok(code)
    } else {
        Err(FieldError::Form { form: "5 digits, Z + 4 digits, or 4 of 0-9 A-Y without I O S V" })
    }
}

fn document_no(text: &str) -> Result<String, FieldError> {
    let text = code_clean(text)?;
    let number: String = text.chars().filter(|c| *c != ' ').map(document_bracket).collect();
    document_parts(&number)
        .map(|(office, year, number)| format!("{office}〔{year}〕{number}号"))
        .ok_or(FieldError::Form { form: "陕教职办〔2019〕6号" })
}

fn document_bracket(c: char) -> char {
    match c {
        '[' | '(' | '【' | '〖' | '❲' => '〔',
        ']' | ')' | '】' | '〗' | '❳' => '〕',
        _ => c,
    }
}

fn document_parts(text: &str) -> Option<(&str, u32, u32)> {
    let (office, rest) = text.split_once('〔')?;
    let (year, rest) = rest.split_once('〕')?;
    let number = rest.strip_suffix('号')?;
    let named = |c: char| c.is_ascii_alphanumeric() || c == '+' || super::text::is_hanzi(c);
    let office_fits = (1..=20).contains(&office.chars().count()) && office.chars().all(named);
    let digits_fit = year.len() == 4 && (1..=5).contains(&number.len());
    if !office_fits || !digits_fit || !all_digits(year) || !all_digits(number) {
        return None;
    }
    let (year, number) = (year.parse().ok()?, number.parse().ok()?);
    ((1949..=2199).contains(&year) && number > 0).then_some((office, year, number))
}

fn college_type_parse(text: &str, choices: &'static [Choice]) -> Result<Value, FieldError> {
    let text = code_clean(text)?;
    let lower = text.to_ascii_lowercase();
    if EXCLUDED_TYPES.iter().any(|excluded| lower.contains(excluded)) {
        return Err(FieldError::Excluded);
    }
    super::choice_parse(&text, choices)
}

/// Words that mark a technical school, whose certificates are another ministry's (R14).
const EXCLUDED_TYPES: &[&str] =
    &["技工", "技师学院", "technician", "technical_school", "technical school"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::FieldError as E;

    fn check<T: Field>(input: &str, expected: Result<&str, E>) {
        let found = (T::TYPE.parse)(input);
        let found = found.map(|value| value.as_text().map(str::to_owned).unwrap_or_default());
        assert_eq!(found, expected.map(str::to_owned), "{}", input.escape_unicode());
    }

    fn form<T>(form: &'static str) -> Result<T, E> {
        Err(E::Form { form })
    }

    #[test]
    fn mobile_numbers() {
        for text in
            ["19900001234", "+86 199-0000-1234", "１９９ ００００ １２３４", "＋8619900001234"]
        {
            check::<Mobile>(text, Ok("19900001234"));
        }
        for text in ["1990000123", "199000012345", "29900001234", "1990000123a", "8619900001234"] {
            check::<Mobile>(text, form("1 + 10 digits"));
        }
        check::<Mobile>("\u{202d}19900001234\u{202c}", Err(E::Characters));
        check::<Mobile>(&"1".repeat(1 << 20), form("1 + 10 digits"));
        check::<Mobile>(" ", Err(E::Missing));
    }

    #[test]
    fn majors() {
        check::<MajorCode>("５００103", Ok("500103"));
        check::<MajorCode>("080910t", Ok("080910T"));
        check::<MajorCode>("080911TK", Ok("080911TK"));
        for text in ["50010", "5001031", "50010A", "500103KT", "500103ABC", "城市轨道", "一二"]
        {
            check::<MajorCode>(text, form("6 digits, perhaps a letter"));
        }
    }

    #[test]
    fn short_codes_of_both_kinds() {
        let wrong = "5 digits, Z + 4 digits, or 4 of 0-9 A-Y without I O S V";
        for code in ["13945", "Z0001", "CRRC", "LJKJ", "XAUD", "1234"] {
            check::<ShortCode>(code, Ok(code));
        }
        check::<ShortCode>("ｃｒｒｃ ", Ok("CRRC"));
        for code in ["ZZ001", "139", "139455", "A0001", "VIVO", "Z001", "CRR"] {
            check::<ShortCode>(code, form(wrong));
        }
        let is_college = |code| ShortCode::parse(code).map(|code| code.is_college());
        assert_eq!(is_college("Z0001"), Ok(true));
        assert_eq!(is_college("CRRC"), Ok(false));
    }

    #[test]
    fn document_numbers_have_one_form() {
        for text in [
            "陕教职办〔2019〕6号",
            "陕教职办[2019]6号",
            "陕教职办（２０１９）6号",
            "陕教职办 〔2019〕 06 号",
        ] {
            check::<DocumentNo>(text, Ok("陕教职办〔2019〕6号"));
        }
        check::<DocumentNo>("教职成厅函〔2020〕11号", Ok("教职成厅函〔2020〕11号"));
        for text in ["陕教职办〔2019〕6", "〔2019〕6号", "陕教职办2019 6号", "陕教职办〔19〕6号"]
        {
            check::<DocumentNo>(text, form("陕教职办〔2019〕6号"));
        }
        for text in [
            "陕教职办〔2019〕0号",
            "陕教职办〔2019〕号",
            "陕教职办〔2019〕6号号",
            "陕教“办〔2019〕6号",
        ] {
            check::<DocumentNo>(text, form("陕教职办〔2019〕6号"));
        }
    }

    #[test]
    fn technical_schools_take_no_part() {
        check::<CollegeType>("中职\u{3000}", Ok("secondary_vocational"));
        check::<CollegeType>("open_university", Ok("open_university"));
        for text in
            ["技工学校", "高级技工学校", "技师学院", "Technician School", "technical_school"]
        {
            check::<CollegeType>(text, Err(E::Excluded));
        }
        check::<CollegeType>("大学", Err(E::UnknownChoice { choices: CollegeType::CHOICES }));
    }

    #[test]
    fn units_count_in_their_prefecture() {
        use ReportingUnit as U;
        let cases = [(U::Yangling, "610400"), (U::Hancheng, "610500"), (U::Shenmu, "610800")];
        let more = [(U::Fugu, "610800"), (U::Xixian, "610100"), (U::Shangluo, "611000")];
        for (unit, prefecture) in cases.into_iter().chain(more) {
            assert_eq!(unit.prefecture(), prefecture);
        }
        assert_eq!(U::ALL.len(), 15);
        assert!(U::ALL.iter().all(|unit| unit.prefecture().ends_with("00")));
        check::<ReportingUnit>("西咸新区 ", Ok("61XX01"));
    }

    #[test]
    fn levels_are_numbers() {
        for text in ["2", "２", "中级", "Intermediate"] {
            assert_eq!(Level::parse(text), Ok(Level::Intermediate));
        }
        let unknown = Err(E::UnknownChoice { choices: Level::CHOICES });
        for text in ["0", "4", "三级", "大专"] {
            assert_eq!(Level::parse(text), unknown);
        }
        assert_eq!((Level::Advanced.number(), Level::Advanced.zh()), (3, "高级"));
        assert_eq!(Level::from_value(&Value::Int(0)), None);
        assert_eq!(Level::from_value(&Value::Text("1".to_owned())), None);
    }
}
