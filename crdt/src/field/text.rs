//! Text in the forms that people give it: lines, remarks, addresses; names and lists below.
//!
//! Every text is NFC, trimmed (U+3000 too) and free of control and direction characters. Whether
//! a name exists, is unique or belongs to somebody is no question of its form, so not asked here.

mod list;
mod name;

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

use super::{Field, FieldError, FieldType, Shape};
use crate::value::Value;

pub use list::{NamedItems, Several, TextList};
pub(crate) use list::{items_split, list_from_value};
pub use name::{CertificateName, OrgName, PersonName, Pinyin};

/// A single line of MIN to MAX characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    /// Reads a line; line breaks inside are refused.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        line_clean(text).and_then(|line| length_check(line, MIN, MAX)).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> Field for Text<MIN, MAX> {
    const TYPE: FieldType = FieldType {
        name: "text",
        shape: Shape::Text,
        parse: |text| Self::parse(text).map(|parsed| parsed.to_value()),
    };

    fn to_value(&self) -> Value {
        Value::Text(self.0.clone())
    }

    fn from_value(value: &Value) -> Option<Self> {
        text_from_value(value, Self::parse, Self::as_str)
    }
}

impl<const MIN: usize, const MAX: usize> fmt::Debug for Text<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} characters)", self.0.chars().count())
    }
}

/// Several lines of at most MAX characters together; breaks are `\n`, a tab becomes a space.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LongText<const MAX: usize>(String);

impl<const MAX: usize> LongText<MAX> {
    /// Reads lines ended by `\n`, `\r\n` or `\r`.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let lines = text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', " ");
        let lines = nfc_trimmed(&lines)?;
        if lines.chars().any(|c| c != '\n' && is_refused(c)) {
            return Err(FieldError::Characters);
        }
        length_check(lines, 1, MAX).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> Field for LongText<MAX> {
    const TYPE: FieldType = FieldType {
        name: "text",
        shape: Shape::Text,
        parse: |text| Self::parse(text).map(|parsed| parsed.to_value()),
    };

    fn to_value(&self) -> Value {
        Value::Text(self.0.clone())
    }

    fn from_value(value: &Value) -> Option<Self> {
        text_from_value(value, Self::parse, Self::as_str)
    }
}

impl<const MAX: usize> fmt::Debug for LongText<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LongText({} characters)", self.0.chars().count())
    }
}

/// Declares a type of text that a function brings into its only form, or refuses.
///
/// The function must give its own result back unchanged: stored text in another form is not of
/// the type. `Debug` does not show the text, which may be personal.
macro_rules! text_field {
    ($(#[$meta:meta])* $name:ident, $normalise:path) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Reads what a person or a file gave and brings it into the stored form.
            pub fn parse(text: &str) -> Result<Self, $crate::field::FieldError> {
                $normalise(text).map(Self)
            }

            /// The stored form.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl $crate::field::Field for $name {
            const TYPE: $crate::field::FieldType = $crate::field::FieldType {
                name: "text",
                shape: $crate::field::Shape::Text,
                parse: |text| Self::parse(text).map(|parsed| parsed.to_value()),
            };

            fn to_value(&self) -> $crate::value::Value {
                $crate::value::Value::Text(self.0.clone())
            }

            fn from_value(value: &$crate::value::Value) -> Option<Self> {
                $crate::field::text::text_from_value(value, Self::parse, Self::as_str)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({} characters)", stringify!($name), self.0.chars().count())
            }
        }
    };
}
pub(crate) use text_field;

text_field!(
    /// An e-mail address: one @ with something on both sides, at most 254 characters.
    Email,
    email
);
text_field!(
    /// A version of a standard or a scheme, `2.0`, `2021版`: 1-20 letters, digits, hanzi, `.-_`.
    Version,
    version
);

/// Returns a text in NFC, trimmed, without control or direction characters.
pub(crate) fn line_clean(text: &str) -> Result<String, FieldError> {
    let line = nfc_trimmed(text)?;
    if line.chars().any(is_refused) { Err(FieldError::Characters) } else { Ok(line) }
}

/// Returns a cleaned line whose full-width letters, digits and signs are ASCII, for codes.
pub(crate) fn code_clean(text: &str) -> Result<String, FieldError> {
    line_clean(&text.chars().map(ascii_of).collect::<String>())
}

/// Returns the text when its number of characters lies within the bounds.
pub(crate) fn length_check(text: String, min: usize, max: usize) -> Result<String, FieldError> {
    let found = text.chars().count();
    if (min..=max).contains(&found) {
        Ok(text)
    } else {
        Err(FieldError::Length { min, max, found })
    }
}

/// Returns the typed form of a stored text, unless the type would store it otherwise.
pub(crate) fn text_from_value<T>(
    value: &Value,
    parse: fn(&str) -> Result<T, FieldError>,
    as_str: fn(&T) -> &str,
) -> Option<T> {
    let text = value.as_text()?;
    parse(text).ok().filter(|parsed| as_str(parsed) == text)
}

/// Tells whether a character is a hanzi, rare ones of planes 2 and 3 included.
pub(crate) fn is_hanzi(c: char) -> bool {
    matches!(c,
        '\u{3005}' | '\u{3007}'
        | '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{2FFFD}'
        | '\u{30000}'..='\u{3FFFD}')
}

fn nfc_trimmed(text: &str) -> Result<String, FieldError> {
    let text: String = text.nfc().collect();
    match text.trim() {
        "" => Err(FieldError::Missing),
        trimmed => Ok(trimmed.to_owned()),
    }
}

/// Controls, what turns the direction of writing, what is invisible or no character, and U+FFFD,
/// which stands where a wrong encoding lost something.
fn is_refused(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FDD0}'..='\u{FDEF}'
            | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFD}'
            | '\u{E0000}'..='\u{E007F}')
        || u32::from(c) & 0xFFFE == 0xFFFE
}

/// Joiners and variation selectors: fine in an emoji, a disguise in a name.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

fn ascii_of(c: char) -> char {
    match c {
        '！'..='～' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '\u{3000}' => ' ',
        _ => c,
    }
}

fn email(text: &str) -> Result<String, FieldError> {
    let address = length_check(code_clean(text)?, 3, 254)?;
    let refused = |c: char| c.is_whitespace() || is_hidden(c) || ",;<>()[]\\\"，、；".contains(c);
    if address.chars().any(refused) {
        return Err(FieldError::Characters);
    }
    match address.split_once('@') {
        Some((local, domain))
            if !local.is_empty() && !domain.is_empty() && !domain.contains('@') =>
        {
            Ok(address)
        }
        _ => Err(FieldError::Form { form: "name@domain" }),
    }
}

fn version(text: &str) -> Result<String, FieldError> {
    let version = code_clean(text)?;
    if !version.chars().all(|c| c.is_ascii_alphanumeric() || is_hanzi(c) || "._-".contains(c)) {
        return Err(FieldError::Characters);
    }
    length_check(version, 1, 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::FieldError as E;

    pub(super) fn check<T: Field>(input: &str, expected: Result<&str, E>) {
        let found = (T::TYPE.parse)(input);
        let found = found.map(|value| value.as_text().map(str::to_owned).unwrap_or_default());
        assert_eq!(found, expected.map(str::to_owned), "{}", input.escape_unicode());
    }

    pub(super) fn length<T>(min: usize, max: usize, found: usize) -> Result<T, E> {
        Err(E::Length { min, max, found })
    }

    #[test]
    fn a_line_is_trimmed_composed_and_bounded() {
        check::<Text<1, 4>>("\u{3000} 中文\t\n", Ok("中文"));
        check::<Text<1, 4>>("Cafe\u{301}", Ok("Café"));
        check::<Text<1, 4>>("Ｑ１", Ok("Ｑ１"));
        check::<Text<2, 4>>("一", length(2, 4, 1));
        check::<Text<2, 4>>("一二三四五", length(2, 4, 5));
        check::<Text<1, 4>>("\u{3000}", Err(E::Missing));
    }

    #[test]
    fn hostile_characters_are_refused() {
        for c in ["\0", "\u{1b}[2J", "\n", "\u{202e}", "\u{200f}", "\u{2067}", "\u{feff}"] {
            check::<Text<1, 40>>(&format!("a{c}b"), Err(E::Characters));
        }
        for c in ["\u{85}", "\u{2028}", "\u{fffe}", "\u{1ffff}", "\u{fffd}", "\u{e0041}"] {
            check::<Text<1, 40>>(&format!("a{c}b"), Err(E::Characters));
        }
        check::<LongText<40>>("a\u{202e}b", Err(E::Characters));
        check::<OrgName>("学\u{200d}校", Err(E::Characters));
        check::<PersonName>("王\u{e0100}芳", Err(E::Characters));
    }

    #[test]
    fn a_megabyte_is_refused_by_its_length() {
        let megabyte = "文".repeat(350_000);
        check::<Text<1, 100>>(&megabyte, length(1, 100, 350_000));
        check::<LongText<20_000>>(&megabyte, length(1, 20_000, 350_000));
        check::<PersonName>(&megabyte, length(2, 50, 350_000));
        let marks = format!("a{}", "\u{301}".repeat(500_000));
        check::<Text<1, 100>>(&marks, length(1, 100, 500_000));
    }

    #[test]
    fn long_text_keeps_its_lines() {
        check::<LongText<20>>(" 一\r\n二\r\t三\n ", Ok("一\n二\n 三"));
        check::<LongText<2>>("一二三", length(1, 2, 3));
        check::<LongText<2>>("\r\n", Err(E::Missing));
    }

    #[test]
    fn an_address_has_one_at() {
        check::<Email>(" zhao＠example．edu.cn", Ok("zhao@example.edu.cn"));
        for address in ["zhao", "@example.cn", "zhao@", "a@b@c"] {
            check::<Email>(address, Err(E::Form { form: "name@domain" }));
        }
        check::<Email>("a b@c.cn", Err(E::Characters));
        check::<Email>("a@c.cn;b@c.cn", Err(E::Characters));
    }

    #[test]
    fn versions_are_short_and_plain() {
        check::<Version>("Ｖ2.0", Ok("V2.0"));
        check::<Version>("2021版", Ok("2021版"));
        check::<Version>("2.0/1", Err(E::Characters));
        check::<Version>("123456789012345678901", length(1, 20, 21));
    }

    #[test]
    fn stored_text_of_another_form_is_not_of_the_type() {
        let stored = |text: &str| Value::Text(text.to_owned());
        assert!(OrgName::from_value(&stored("联想（北京）有限公司")).is_some());
        assert!(OrgName::from_value(&stored("联想(北京)有限公司")).is_none());
        assert!(Text::<1, 9>::from_value(&stored(" a")).is_none());
    }

    #[test]
    fn debug_keeps_personal_data_to_itself() {
        let name = PersonName::parse("欧阳静").expect("a name");
        assert_eq!(format!("{name:?}"), "PersonName(3 characters)");
    }
}
