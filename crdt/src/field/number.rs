//! Numbers: counts, tenths, hundredths, years, months, yes and no.
//!
//! Nothing is a float and nothing is rounded: a decimal too many is refused (contract, Numbers).

use super::text::{code_clean, items_split, list_from_value};
use super::{Choice, Field, FieldError, FieldType, Shape};
use crate::value::Value;

/// A whole number from MIN to MAX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Count<const MIN: i64, const MAX: i64>(i64);

/// A share in percent, 1-100.
pub type Percent = Count<1, 100>;

/// A calendar year that the pilot can have, 2019-2099.
pub type Year = Count<2019, 2099>;

impl<const MIN: i64, const MAX: i64> Count<MIN, MAX> {
    /// Reads a whole number, full-width digits too.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        bounded(decimal_parse(text, 0)?, MIN, MAX, 0).map(Self)
    }

    /// Returns the number as one of this type, or nothing when it is out of bounds.
    pub fn new(number: i64) -> Option<Self> {
        (MIN..=MAX).contains(&number).then_some(Self(number))
    }

    /// The number.
    pub fn number(self) -> i64 {
        self.0
    }
}

impl<const MIN: i64, const MAX: i64> Field for Count<MIN, MAX> {
    const TYPE: FieldType = FieldType {
        name: "int",
        shape: Shape::Int,
        parse: |text| Self::parse(text).map(|parsed| parsed.to_value()),
    };

    fn to_value(&self) -> Value {
        Value::Int(self.0)
    }

    fn from_value(value: &Value) -> Option<Self> {
        value.as_int().and_then(Self::new)
    }
}

/// A number with one decimal, from MIN to MAX tenths: scores, hours, credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal1<const MIN: i64, const MAX: i64>(i64);

impl<const MIN: i64, const MAX: i64> Decimal1<MIN, MAX> {
    /// Reads a number with one decimal or none.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        bounded(decimal_parse(text, 1)?, MIN, MAX, 1).map(Self)
    }

    /// Returns so many tenths as one of this type, or nothing when they are out of bounds.
    pub fn from_tenths(tenths: i64) -> Option<Self> {
        (MIN..=MAX).contains(&tenths).then_some(Self(tenths))
    }

    /// The number in tenths.
    pub fn tenths(self) -> i64 {
        self.0
    }
}

impl<const MIN: i64, const MAX: i64> Field for Decimal1<MIN, MAX> {
    const TYPE: FieldType = FieldType {
        name: "decimal1",
        shape: Shape::Decimal(1),
        parse: |text| Self::parse(text).map(|parsed| parsed.to_value()),
    };

    fn to_value(&self) -> Value {
        Value::Int(self.0)
    }

    fn from_value(value: &Value) -> Option<Self> {
        value.as_int().and_then(Self::from_tenths)
    }
}

/// An amount in yuan of at least 0.00 and less than ten billion, kept in fen (hundredths).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

impl Money {
    /// Reads an amount with at most two decimals.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        bounded(decimal_parse(text, 2)?, 0, MONEY_MAX, 2).map(Self)
    }

    /// Returns so many hundredths as an amount, or nothing when they are out of bounds.
    pub fn from_hundredths(hundredths: i64) -> Option<Self> {
        (0..=MONEY_MAX).contains(&hundredths).then_some(Self(hundredths))
    }

    /// The amount in hundredths of a yuan.
    pub fn hundredths(self) -> i64 {
        self.0
    }
}

impl Field for Money {
    const TYPE: FieldType = FieldType {
        name: "money",
        shape: Shape::Decimal(2),
        parse: |text| Self::parse(text).map(|parsed| parsed.to_value()),
    };

    fn to_value(&self) -> Value {
        Value::Int(self.0)
    }

    fn from_value(value: &Value) -> Option<Self> {
        value.as_int().and_then(Self::from_hundredths)
    }
}

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flag(pub bool);

impl Flag {
    /// What an unreadable input is answered with.
    pub const CHOICES: &'static [Choice] =
        &[Choice { id: "true", zh: "是", en: "yes" }, Choice { id: "false", zh: "否", en: "no" }];

    /// Reads true/false, 是/否, yes/no or y/n, in any case.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        match code_clean(text)?.to_ascii_lowercase().as_str() {
            "true" | "是" | "yes" | "y" => Ok(Self(true)),
            "false" | "否" | "no" | "n" => Ok(Self(false)),
            _ => Err(FieldError::UnknownChoice { choices: Self::CHOICES }),
        }
    }
}

impl Field for Flag {
    const TYPE: FieldType = FieldType {
        name: "bool",
        shape: Shape::Bool,
        parse: |text| Self::parse(text).map(|parsed| parsed.to_value()),
    };

    fn to_value(&self) -> Value {
        Value::Bool(self.0)
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(flag) => Some(Self(*flag)),
            _ => None,
        }
    }
}

/// Months of a year, 1-12, ascending, none twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Months(Vec<u8>);

impl Months {
    /// Reads numbers, each perhaps followed by 月, separated as in a `TextList`.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let month = |item: String| {
            let number = decimal_parse(item.strip_suffix('月').unwrap_or(&item), 0)?;
            bounded(number, 1, 12, 0).map(|number| number as u8)
        };
        let mut months: Vec<u8> =
            items_split(text)?.into_iter().map(month).collect::<Result<_, _>>()?;
        months.sort_unstable();
        months.dedup();
        Ok(Self(months))
    }

    /// The months, at least one.
    pub fn months(&self) -> &[u8] {
        &self.0
    }
}

impl Field for Months {
    const TYPE: FieldType = FieldType {
        name: "list",
        shape: Shape::List,
        parse: |text| Self::parse(text).map(|parsed| parsed.to_value()),
    };

    fn to_value(&self) -> Value {
        Value::List(self.0.iter().map(u8::to_string).collect())
    }

    fn from_value(value: &Value) -> Option<Self> {
        list_from_value(value, Self::parse)
    }
}

/// Returns a number of units, each 10^-`places`, as text with exactly so many decimals.
pub fn decimal_format(units: i64, places: u32) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let places = places as usize;
    let digits = format!("{:0>width$}", units.unsigned_abs(), width = places + 1);
    let (whole, decimals) = digits.split_at(digits.len() - places);
    let point = if places == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{decimals}")
}

/// Returns how many units of 10^-`places` a text is; decimals may be left out, not added.
///
/// What does not fit an `i64` becomes its smallest or largest value, so that a check of bounds
/// refuses it.
pub fn decimal_parse(text: &str, places: u32) -> Result<i64, FieldError> {
    let number = FieldError::Number { decimals: places };
    let text = code_clean(text)?;
    let (negative, digits) = match text.strip_prefix(['-', '−']) {
        Some(rest) => (true, rest),
        None => (false, text.as_str()),
    };
    let (whole, decimals) = match digits.split_once('.') {
        Some((_, "")) => return Err(number),
        Some(parts) => parts,
        None => (digits, ""),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(decimals) {
        return Err(number);
    }
    let missing = (places as usize).checked_sub(decimals.len()).ok_or(number)?;
    let padding = std::iter::repeat_n(b'0', missing);
    let digits = whole.bytes().chain(decimals.bytes()).chain(padding);
    Ok(digits.fold(0_i64, |sum, byte| {
        let digit = i64::from(byte - b'0');
        sum.saturating_mul(10).saturating_add(if negative { -digit } else { digit })
    }))
}

fn bounded(units: i64, min: i64, max: i64, places: u32) -> Result<i64, FieldError> {
    if (min..=max).contains(&units) {
        return Ok(units);
    }
    Err(FieldError::Range { min: decimal_format(min, places), max: decimal_format(max, places) })
}

/// 9,999,999,999.99 yuan: more than the budget of any province's pilot, and sums cannot overflow.
const MONEY_MAX: i64 = 999_999_999_999;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::FieldError as E;

    fn check<T: Field>(input: &str, expected: Result<i64, E>) {
        assert_eq!((T::TYPE.parse)(input), expected.map(Value::Int), "{input}");
    }

    fn range<T>(min: &str, max: &str) -> Result<T, E> {
        Err(E::Range { min: min.to_owned(), max: max.to_owned() })
    }

    const NUMBER: [E; 3] =
        [E::Number { decimals: 0 }, E::Number { decimals: 1 }, E::Number { decimals: 2 }];

    #[test]
    fn whole_numbers() {
        check::<Count<-5, 100_000>>("１２ ", Ok(12));
        check::<Count<-5, 100_000>>("007", Ok(7));
        check::<Count<-5, 100_000>>("-5", Ok(-5));
        check::<Count<-5, 100_000>>("-6", range("-5", "100000"));
        check::<Count<-5, 100_000>>("100001", range("-5", "100000"));
        check::<Count<-5, 100_000>>("99999999999999999999", range("-5", "100000"));
        check::<Percent>("0", range("1", "100"));
        check::<Year>("2018", range("2019", "2099"));
        check::<Year>("2099", Ok(2099));
        for text in ["12.0", "1e3", "1,000", "+1", "一", "1 2", "-", "--1", "0x10", ".", "1."] {
            check::<Count<-5, 100_000>>(text, Err(NUMBER[0].clone()));
        }
        check::<Count<-5, 100_000>>("1\u{202e}2", Err(E::Characters));
        check::<Count<-5, 100_000>>(&"9".repeat(1 << 20), range("-5", "100000"));
        check::<Count<-5, 100_000>>(" ", Err(E::Missing));
    }

    #[test]
    fn one_decimal_and_no_more() {
        check::<Decimal1<0, 1000>>("86.5", Ok(865));
        check::<Decimal1<0, 1000>>("８６．５", Ok(865));
        check::<Decimal1<0, 1000>>("60", Ok(600));
        check::<Decimal1<0, 1000>>("100.0", Ok(1000));
        check::<Decimal1<0, 1000>>("100.1", range("0.0", "100.0"));
        check::<Decimal1<0, 1000>>("-0.1", range("0.0", "100.0"));
        for text in ["86.55", "86.50", ".5", "86.", "8.6.5"] {
            check::<Decimal1<0, 1000>>(text, Err(NUMBER[1].clone()));
        }
    }

    #[test]
    fn money_is_in_hundredths() {
        check::<Money>("300", Ok(30_000));
        check::<Money>("0.5", Ok(50));
        check::<Money>("0.05", Ok(5));
        check::<Money>("-0.01", range("0.00", "9999999999.99"));
        check::<Money>("10000000000", range("0.00", "9999999999.99"));
        check::<Money>("1.234", Err(NUMBER[2].clone()));
        assert!(Money::from_value(&Value::Int(-1)).is_none());
    }

    #[test]
    fn decimals_are_printed_in_full() {
        let cases = [(0, 1, "0.0"), (5, 2, "0.05"), (-5, 1, "-0.5"), (12_345, 2, "123.45")];
        for (units, places, expected) in cases {
            assert_eq!(decimal_format(units, places), expected);
            assert_eq!(decimal_parse(expected, places), Ok(units));
        }
        assert_eq!(decimal_format(7, 0), "7");
        for units in [i64::MIN, i64::MAX] {
            assert_eq!(decimal_parse(&decimal_format(units, 2), 2), Ok(units));
        }
    }

    #[test]
    fn flags_in_three_ways() {
        for (yes, no) in [("true", "false"), ("是", "否"), ("Ｙ", "n"), ("YES", "No")] {
            assert_eq!(Flag::parse(yes), Ok(Flag(true)));
            assert_eq!(Flag::parse(no), Ok(Flag(false)));
        }
        let unknown = Err(E::UnknownChoice { choices: Flag::CHOICES });
        assert_eq!(Flag::parse("1"), unknown);
        assert_eq!(Flag::parse("maybe"), unknown);
    }

    #[test]
    fn months_ascend() {
        let months = Months::parse("12月、３，6;3月").expect("months");
        assert_eq!(months.months(), [3, 6, 12]);
        assert_eq!(Months::parse("0"), range("1", "12"));
        assert_eq!(Months::parse("13"), range("1", "12"));
        assert_eq!(Months::parse("六"), Err(NUMBER[0].clone()));
        assert!(Months::from_value(&Value::List(vec!["03".to_owned()])).is_none());
    }
}
