//! Field types: how the text that a person or a file gives becomes a value, and back.
//!
//! Validation lives here and nowhere else; a value that exists has passed it. No sentence for
//! people is written here: a `FieldError` holds data, the interface finds the words.

pub mod code;
pub mod number;
pub mod text;
pub mod time;

use crate::value::Value;

/// What a type of field is, for everything generic.
#[derive(Debug, Clone, Copy)]
pub struct FieldType {
    /// The type as `fields.csv` names it, `text`, `int`, `id:certificate`.
    pub name: &'static str,
    /// How values are stored, compared and printed.
    pub shape: Shape,
    /// Reads what a person, a file or the command line gave; never called with an empty text.
    pub parse: fn(&str) -> Result<Value, FieldError>,
}

/// How the values of a type are stored, compared and printed.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// `Value::Text`, printed as it is.
    Text,
    /// `Value::Int`, a JSON number.
    Int,
    /// `Value::Int` of tenths (1) or hundredths (2), a JSON string with as many decimals.
    Decimal(u32),
    /// `Value::Bool`.
    Bool,
    /// `Value::Text`, `YYYY-MM-DD`.
    Date,
    /// `Value::Text`, RFC 3339 with offset and seconds.
    DateTime,
    /// `Value::Text`, the id of one of these.
    Choice(&'static [Choice]),
    /// `Value::Int`, the number that stands first in the id of one of these.
    NumberedChoice(&'static [Choice]),
    /// `Value::List`, of texts.
    List,
    /// `Value::List`, of the ids of these.
    ChoiceList(&'static [Choice]),
    /// `Value::List`, of record ids of this kind, as hex.
    IdList(&'static str),
    /// `Value::List`, of texts that each have these parts between tabs; JSON objects.
    Parts(&'static [&'static str]),
    /// `Value::Bytes`, 16 of them: the id of a record of this kind.
    Id(&'static str),
    /// `Value::Bytes`, 32 of them.
    Digest,
}

impl Shape {
    /// Whether values are lists.
    pub fn is_list(&self) -> bool {
        matches!(self, Shape::List | Shape::ChoiceList(_) | Shape::IdList(_) | Shape::Parts(_))
    }

    /// Whether a value is stored like those of this shape; what it holds is the type's matter.
    pub fn fits(&self, value: &Value) -> bool {
        match self {
            Shape::Text | Shape::Date | Shape::DateTime | Shape::Choice(_) => {
                matches!(value, Value::Text(_))
            }
            Shape::Int | Shape::Decimal(_) | Shape::NumberedChoice(_) => {
                matches!(value, Value::Int(_))
            }
            Shape::Bool => matches!(value, Value::Bool(_)),
            Shape::List | Shape::ChoiceList(_) | Shape::IdList(_) | Shape::Parts(_) => {
                matches!(value, Value::List(_))
            }
            Shape::Id(_) => matches!(value, Value::Bytes(bytes) if bytes.len() == 16),
            Shape::Digest => matches!(value, Value::Bytes(bytes) if bytes.len() == 32),
        }
    }
}

/// One value of an enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// What is stored and printed as JSON.
    pub id: &'static str,
    /// The official term, which input may give too.
    pub zh: &'static str,
    /// The English label.
    pub en: &'static str,
}

/// A type whose values a field of a record can hold.
pub trait Field: Sized {
    /// The type, for everything generic.
    const TYPE: FieldType;

    /// Returns the stored form.
    fn to_value(&self) -> Value;

    /// Returns the typed form of a stored value, or nothing when it is not of this type.
    fn from_value(value: &Value) -> Option<Self>;
}

/// What a record may have in the place of a field: a value, or perhaps one.
pub trait Slot: Sized {
    /// The type, for everything generic.
    const TYPE: FieldType;
    /// Whether a record without it is incomplete.
    const REQUIRED: bool;

    /// Returns the stored form, if there is a value.
    fn to_slot(&self) -> Option<Value>;

    /// Returns the typed form, or nothing when a required value is absent or of another type.
    fn from_slot(value: Option<&Value>) -> Option<Self>;
}

impl<T: Field> Slot for T {
    const TYPE: FieldType = T::TYPE;
    const REQUIRED: bool = true;

    fn to_slot(&self) -> Option<Value> {
        Some(self.to_value())
    }

    fn from_slot(value: Option<&Value>) -> Option<Self> {
        value.and_then(T::from_value)
    }
}

impl<T: Field> Slot for Option<T> {
    const TYPE: FieldType = T::TYPE;
    const REQUIRED: bool = false;

    fn to_slot(&self) -> Option<Value> {
        self.as_ref().map(Field::to_value)
    }

    fn from_slot(value: Option<&Value>) -> Option<Self> {
        match value {
            None => Some(None),
            Some(value) => T::from_value(value).map(Some),
        }
    }
}

/// Returns what a person reads: names of choices, decimals, 是 or yes, digits of ids.
///
/// The type's `parse` reads it back. A value of another shape is shown as it is stored.
pub fn show(shape: &Shape, value: &Value, chinese: bool) -> String {
    match (shape, value) {
        (Shape::Choice(choices), Value::Text(id)) => choice_show(choices, id, chinese),
        (Shape::NumberedChoice(choices), Value::Int(number)) => {
            let number = number.to_string();
            let found = choices.iter().find(|choice| leading_number(choice.id) == number);
            found.map_or(number.clone(), |choice| choice_show(choices, choice.id, chinese))
        }
        (Shape::Decimal(places), Value::Int(units)) => number::decimal_format(*units, *places),
        (Shape::ChoiceList(choices), Value::List(items)) => {
            let names: Vec<String> =
                items.iter().map(|id| choice_show(choices, id, chinese)).collect();
            items_show(&names, chinese)
        }
        (_, Value::Text(text)) => text.clone(),
        (_, Value::Int(number)) => number.to_string(),
        (_, Value::Bool(flag)) => {
            let [yes, no] = if chinese { ["是", "否"] } else { ["yes", "no"] };
            if *flag { yes } else { no }.to_owned()
        }
        (_, Value::Bytes(bytes)) => crate::ids::hex_encode(bytes),
        (Shape::Parts(_), Value::List(items)) => {
            let items: Vec<String> = items.iter().map(|item| item.replace('\t', " ")).collect();
            items_show(&items, chinese)
        }
        (_, Value::List(items)) => items_show(items, chinese),
    }
}

fn choice_show(choices: &[Choice], id: &str, chinese: bool) -> String {
    let found = choices.iter().find(|choice| choice.id == id);
    found.map_or(id, |choice| if chinese { choice.zh } else { choice.en }).to_owned()
}

fn items_show(items: &[String], chinese: bool) -> String {
    items.join(if chinese { "、" } else { ", " })
}

fn leading_number(id: &str) -> &str {
    id.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default()
}

/// Declares an enum whose values have an id and a Chinese and an English name.
///
/// After the braces may follow `read by FUNCTION`, which then takes the place of `choice_parse`.
macro_rules! choices {
    ($(#[$meta:meta])* $name:ident { $($values:tt)+ }) => {
        $crate::field::choices! {
            $(#[$meta])* $name { $($values)+ } read by $crate::field::choice_parse
        }
    };
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $id:literal $zh:literal $en:literal,)+ } read by $parse:path) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vmeta])* #[doc = $zh] $variant,)+ }

        impl $name {
            /// Every value, in the order of the definition.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];
            /// Id and names of every value, in the same order.
            pub const CHOICES: &'static [$crate::field::Choice] =
                &[$($crate::field::Choice { id: $id, zh: $zh, en: $en },)+];

            /// The id that is stored and printed.
            pub fn id(self) -> &'static str {
                Self::CHOICES[self as usize].id
            }

            /// Returns the value with this id.
            pub fn from_id(id: &str) -> Option<Self> {
                Self::CHOICES.iter().position(|choice| choice.id == id).map(|at| Self::ALL[at])
            }
        }

        impl $crate::field::Field for $name {
            const TYPE: $crate::field::FieldType = $crate::field::FieldType {
                name: "enum",
                shape: $crate::field::Shape::Choice(Self::CHOICES),
                parse: |text| $parse(text, Self::CHOICES),
            };

            fn to_value(&self) -> $crate::value::Value {
                $crate::value::Value::Text(self.id().to_owned())
            }

            fn from_value(value: &$crate::value::Value) -> Option<Self> {
                value.as_text().and_then(Self::from_id)
            }
        }
    };
}
pub(crate) use choices;

/// Returns the stored form of an enum given by id, Chinese or English name.
pub(crate) fn choice_parse(text: &str, choices: &'static [Choice]) -> Result<Value, FieldError> {
    let text = text.trim();
    choices
        .iter()
        .find(|choice| choice.id == text || choice.zh == text || choice.en == text)
        .map(|choice| Value::Text(choice.id.to_owned()))
        .ok_or(FieldError::UnknownChoice { choices })
}

/// Why a text is no value of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// Nothing was given where something must be.
    #[error("a value is required")]
    Missing,
    /// Too few or too many characters.
    #[error("between {min} and {max} characters are allowed, {found} were given")]
    Length {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
        /// Characters given.
        found: usize,
    },
    /// A character that values of this type never have.
    #[error("a character is not allowed here")]
    Characters,
    /// Not a number, or not with so many decimals.
    #[error("a number with at most {decimals} decimals is expected")]
    Number {
        /// Decimals allowed.
        decimals: u32,
    },
    /// A number outside its bounds; both in the unit of the value (tenths, hundredths).
    #[error("the number is out of bounds")]
    Range {
        /// Smallest value, as a person writes it.
        min: String,
        /// Largest value, as a person writes it.
        max: String,
    },
    /// No such day, or another form than `YYYY-MM-DD`.
    #[error("no such date")]
    Date,
    /// A check character that does not fit the others.
    #[error("the check character does not fit")]
    CheckDigit {
        /// The character that would fit.
        expected: char,
    },
    /// Another form than the standard prescribes.
    #[error("not of the form {form}")]
    Form {
        /// The form, `1 + 10 digits`.
        form: &'static str,
    },
    /// None of the values of an enum.
    #[error("not one of the values of the enum")]
    UnknownChoice {
        /// The values there are.
        choices: &'static [Choice],
    },
    /// A code that its standard does not list.
    #[error("the code is not listed")]
    UnknownCode,
    /// No id, or not of a record that is known here.
    #[error("no such record")]
    UnknownRecord,
    /// Something that must not take part: a technical school (技工学校).
    #[error("excluded from the pilot")]
    Excluded,
}

impl FieldError {
    /// The code that import problems and interface texts go by.
    pub fn code(&self) -> &'static str {
        match self {
            FieldError::Missing => "missing",
            FieldError::Length { .. } => "length",
            FieldError::Characters => "characters",
            FieldError::Number { .. } => "number",
            FieldError::Range { .. } => "range",
            FieldError::Date => "bad_date",
            FieldError::CheckDigit { .. } => "check_digit",
            FieldError::Form { .. } => "form",
            FieldError::UnknownChoice { .. } => "unknown_value",
            FieldError::UnknownCode => "unknown_code",
            FieldError::UnknownRecord => "unknown_record",
            FieldError::Excluded => "excluded",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::code::*;
    use super::number::*;
    use super::text::*;
    use super::time::*;
    use super::*;
    use crate::roles::PersonRole;

    /// A value that was read is shown in both languages, read again, stored and taken out again.
    fn round_trip<T: Field>(input: &str) -> Result<bool, TestCaseError> {
        let Ok(value) = (T::TYPE.parse)(input) else {
            return Ok(false);
        };
        for chinese in [true, false] {
            let shown = show(&T::TYPE.shape, &value, chinese);
            prop_assert!(
                (T::TYPE.parse)(&shown).as_ref() == Ok(&value),
                "{} reads {}",
                shown,
                input
            );
        }
        let typed = T::from_value(&value).map(|typed| typed.to_value());
        prop_assert!(typed.as_ref() == Some(&value), "not taken out again: {}", input);
        Ok(true)
    }

    macro_rules! round_trips {
        ($($name:ident: $type:ty = $pattern:literal;)+) => {
            proptest! {
                $(#[test]
                fn $name(good in $pattern) {
                    prop_assert!(round_trip::<$type>(&good)?, "refused: {}", good.escape_unicode());
                })+
            }

            proptest! {
                #[test]
                fn no_text_panics(any in any::<String>(), close in "[-0-9０-９年月日号〔〕:,、;@A-Za-z. \u{300}-\u{303}\u{3000}文証が*]{0,40}") {
                    $(round_trip::<$type>(&any)?;
                    round_trip::<$type>(&close)?;)+
                }
            }
        };
    }

    round_trips! {
        texts: Text<1, 40> = "[ -~一-龥é文]{0,38}[a-z一-龥]";
        long_texts: LongText<90> = "[a-z一-龥\\n\\r\\t ]{0,80}[a-z]";
        org_names: OrgName = "[一-龥A-ZＡ-Ｚ()（）+]{2,60}";
        person_names: PersonName = "[一-龥𠀀-𪛟]{1,20}[·•・][一-龥𪜀-𫜴 ]{0,20}[一-龥]";
        latin_names: PersonName = "[A-Za-zÀ-Öà-ö]{2,10}([ '’-][A-Za-zＡ-Ｚ]{1,10}){0,2}";
        certificate_names: CertificateName = "[*]?[一-龥A-Za-z() ]{0,40}[一-龥](职业技能等级证书|)";
        emails: Email = "[a-z0-9._+-]{1,20}@[a-z0-9.-]{1,20}";
        versions: Version = "[Vv]?[0-9]{1,3}[.][0-9]{1,3}版?";
        text_lists: TextList = "[a-z一-龥]{1,9}([,，、;；] ?[a-z一-龥]{1,9}){0,5}";
        named_items: NamedItems = "A1[:：][a-z一-龥:]{0,9}文([,，、;；]A2[:：][一-龥]{1,9})?";
        sets: Several<PersonRole> = "(lead|教务|teacher)([,、](officer|院校协调员)){0,2}";
        counts: Count<-99, 99_999> = "-?[0-9]{1,2}|[０-９]{1,4}";
        decimals: Decimal1<-999, 9_999> = "-?[0-9]{1,2}([.][0-9])?";
        amounts: Money = "[0-9]{1,9}([.．][0-9]{1,2})?";
        percents: Percent = "[1-9][0-9]?|100";
        years: Year = "20[2-9][0-9]|2019";
        flags: Flag = "true|false|是|否|[yYnN]|yes|NO";
        months: Months = "([1-9]|1[0-2])月?([,、]([1-9]|1[0-2])){0,9}";
        dates: Date = "(19|20|21)[0-9]{2}-(0?[1-9]|1[0-2])-(0?[1-9]|1[0-9]|2[0-8])";
        moments: Moment = "20[0-9]{2}-0[1-9]-[12][0-8]T[01][0-9]:[0-5][0-9]:[0-5][0-9](Z|[+-](0[0-9]|1[0-9]):[0-5][0-9])";
        mobiles: Mobile = "([+]86 ?)?1[0-9]{2}[- ]?[0-9]{4}[- ]?[0-9]{4}";
        school_codes: SchoolCode = "(41610|36610|42110|93650)[0-9]{5}";
        region_codes: RegionCode = "61010[234]|610[1-9]00|44[0-9]{4}|６１０３２２";
        major_codes: MajorCode = "[0-9０-９]{6}([A-Za-z]|TK|)";
        short_codes: ShortCode = "[0-9]{5}|[Zz][0-9]{4}|[0-9A-HJ-NP-RTUWXY]{4}";
        document_numbers: DocumentNo = "[一-龥]{1,20}[〔(（【\\[](19[5-9]|20[0-9])[0-9][〕)）】\\]]0?[1-9][0-9]{0,3}号";
        college_types: CollegeType = "高职|中职|open_university|applied undergraduate";
        units: ReportingUnit = "610[1-9]00|61XX01|韩城市|Fugu|Xi'an";
        levels: Level = "[123]|[１２３]|初级|中级|高级|junior|ADVANCED";
        digests: FileDigest = "[0-9a-fA-F]{64}";
        blobs: Blob = "[0-9a-f]{64}";
        references: OrgRef = "[0-9a-fA-F]{32}";
        reference_lists: OrgRefs = "[0-9a-fA-F]{32}([,、，][0-9a-f]{32}){0,3}";
    }

    proptest! {
        #[test]
        fn credit_codes(body in "[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{9}") {
            let check = check_character(&body).expect("17 characters of the alphabet");
            let code = format!("{body}{check}");
            prop_assert!(round_trip::<Uscc>(&code)?, "refused: {}", code);
            round_trip::<Uscc>(&body)?;
        }
    }

    fn check(shape: Shape, value: Value, zh: &str, en: &str) {
        assert_eq!([show(&shape, &value, true), show(&shape, &value, false)], [zh, en]);
    }

    #[test]
    fn values_are_shown_to_people() {
        let text = |text: &str| Value::Text(text.to_owned());
        let list = |items: [&str; 2]| Value::List(items.map(str::to_owned).to_vec());
        let roles = PersonRole::CHOICES;
        check(Shape::Text, text("6"), "6", "6");
        check(Shape::Int, Value::Int(-6), "-6", "-6");
        check(Shape::Decimal(1), Value::Int(865), "86.5", "86.5");
        check(Shape::Decimal(2), Value::Int(30_000), "300.00", "300.00");
        check(Shape::Bool, Value::Bool(true), "是", "yes");
        check(Shape::Bool, Value::Bool(false), "否", "no");
        check(Shape::Date, text("2026-04-30"), "2026-04-30", "2026-04-30");
        check(Shape::Choice(roles), text("academic"), "教务", "academic office");
        check(Shape::Choice(roles), text("king"), "king", "king");
        check(Shape::NumberedChoice(Level::CHOICES), Value::Int(2), "中级", "intermediate");
        check(Shape::NumberedChoice(Level::CHOICES), Value::Int(9), "9", "9");
        check(Shape::List, list(["甲", "乙"]), "甲、乙", "甲, 乙");
        check(
            Shape::ChoiceList(roles),
            list(["academic", "king"]),
            "教务、king",
            "academic office, king",
        );
        check(Shape::Id("learner"), Value::Bytes(vec![1, 0xab]), "01ab", "01ab");
        check(Shape::Digest, Value::Bytes(vec![0; 2]), "0000", "0000");
        check(Shape::Bool, text("?"), "?", "?");
    }
}
