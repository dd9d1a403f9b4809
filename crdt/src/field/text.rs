//! Text in the forms that people give it: names, addresses, lists, remarks.
//!
//! Every text is NFC, trimmed (U+3000 too) and free of control and direction characters. Whether
//! a name exists, is unique or belongs to somebody is no question of its form, so not asked here.

use std::collections::BTreeMap;
use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

use super::{Choice, Field, FieldError, FieldType, Shape};
use crate::value::Value;

/// A single line of MIN to MAX characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    /// Reads a line; line breaks inside are refused.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        line_clean(text)
            .and_then(|line| length_check(line, MIN, MAX))
            .map(Self)
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
        let lines = text
            .replace("\r\n", "\n")
            .replace('\r', "\n")
            .replace('\t', " ");
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
    /// The full name of an organisation: 2-60 characters, no spaces, brackets （）. Requirements 2.1.
    OrgName,
    org_name
);
text_field!(
    /// The name of a person: 2-50 hanzi and `·`, or Latin letters. Requirements 2.4.
    ///
    /// Spaces between hanzi, which rosters use to align names, are dropped.
    PersonName,
    person_name
);
text_field!(
    /// The name of a certificate with its suffix 职业技能等级证书, at most 80 characters.
    ///
    /// Asterisks and spaces beside hanzi are dropped, brackets are （）. Requirements 2.2.
    CertificateName,
    certificate_name
);
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

/// Several texts of 1-200 characters, in the order given, none twice.
///
/// Items are separated by a comma, a semicolon (full-width too), `、` or a line break.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextList(Vec<String>);

impl TextList {
    /// Reads the items; nothing but separators is `Missing`.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let items = items_split(text)?;
        let items = items
            .into_iter()
            .map(|item| length_check(item, 1, ITEM_CHARACTERS_MAX));
        items.collect::<Result<_, _>>().map(Self)
    }

    /// The texts, at least one.
    pub fn items(&self) -> &[String] {
        &self.0
    }
}

impl Field for TextList {
    const TYPE: FieldType = FieldType {
        name: "list",
        shape: Shape::List,
        parse: |text| Self::parse(text).map(|parsed| parsed.to_value()),
    };

    fn to_value(&self) -> Value {
        Value::List(self.0.clone())
    }

    fn from_value(value: &Value) -> Option<Self> {
        list_from_value(value, Self::parse)
    }
}

impl fmt::Debug for TextList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextList({})", self.0.len())
    }
}

/// Items `code:name`, in the order given, no code twice: assessed units, further majors.
///
/// Separators are those of `TextList`; the colon may be full-width. A code has 1-20 characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamedItems(Vec<String>);

impl NamedItems {
    /// Reads the items; two names for one code are refused.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let mut names = BTreeMap::new();
        let mut items = Vec::new();
        for item in items_split(text)? {
            let (code, name) = named_item(&item)?;
            match names.get(&code) {
                None => items.push(format!("{code}:{name}")),
                Some(earlier) if *earlier == name => continue,
                Some(_) => {
                    return Err(FieldError::Form {
                        form: NAMED_ITEM_FORM,
                    });
                }
            }
            names.insert(code, name);
        }
        Ok(Self(items))
    }

    /// The code and the name of every item, at least one.
    pub fn items(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|item| item.split_once(':'))
    }
}

impl Field for NamedItems {
    const TYPE: FieldType = FieldType {
        name: "list",
        shape: Shape::List,
        parse: |text| Self::parse(text).map(|parsed| parsed.to_value()),
    };

    fn to_value(&self) -> Value {
        Value::List(self.0.clone())
    }

    fn from_value(value: &Value) -> Option<Self> {
        list_from_value(value, Self::parse)
    }
}

impl fmt::Debug for NamedItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NamedItems({})", self.0.len())
    }
}

/// A set of values of an enum made with `choices!`, in the order of its definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Several<T>(Vec<T>);

impl<T: Field + Ord> Several<T> {
    /// Reads ids or names, separated as in a `TextList`.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let choices = choices_of(T::TYPE.shape);
        let one = |item: String| {
            let value = (T::TYPE.parse)(&item)?;
            T::from_value(&value).ok_or(FieldError::UnknownChoice { choices })
        };
        let mut items: Vec<T> = items_split(text)?
            .into_iter()
            .map(one)
            .collect::<Result<_, _>>()?;
        items.sort();
        items.dedup();
        Ok(Self(items))
    }

    /// The values, at least one.
    pub fn items(&self) -> &[T] {
        &self.0
    }
}

impl<T: Field + Ord> Field for Several<T> {
    const TYPE: FieldType = FieldType {
        name: "list",
        shape: Shape::ChoiceList(choices_of(T::TYPE.shape)),
        parse: |text| Self::parse(text).map(|parsed| parsed.to_value()),
    };

    fn to_value(&self) -> Value {
        let id = |item: &T| item.to_value().as_text().map(str::to_owned);
        Value::List(self.0.iter().filter_map(id).collect())
    }

    fn from_value(value: &Value) -> Option<Self> {
        list_from_value(value, Self::parse)
    }
}

const fn choices_of(shape: Shape) -> &'static [Choice] {
    match shape {
        Shape::Choice(choices) => choices,
        _ => &[],
    }
}

/// Returns a text in NFC, trimmed, without control or direction characters.
pub(crate) fn line_clean(text: &str) -> Result<String, FieldError> {
    let line = nfc_trimmed(text)?;
    if line.chars().any(is_refused) {
        Err(FieldError::Characters)
    } else {
        Ok(line)
    }
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

/// Returns the cleaned items of a list, none empty, none twice; `Missing` when there is none.
pub(crate) fn items_split(text: &str) -> Result<Vec<String>, FieldError> {
    let text = nfc_trimmed(text)?;
    let mut seen = std::collections::BTreeSet::new();
    let mut items = Vec::new();
    for part in text
        .split([',', '，', '、', ';', '；', '\n'])
        .filter(|part| !blank(part))
    {
        let item = line_clean(part)?;
        if seen.insert(item.clone()) {
            items.push(item);
        }
    }
    match items.len() {
        0 => Err(FieldError::Missing),
        1..=ITEMS_MAX => Ok(items),
        found => Err(FieldError::Length {
            min: 1,
            max: ITEMS_MAX,
            found,
        }),
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

/// Returns the typed form of a stored list, unless the type would store it otherwise.
///
/// Joining the items and reading them again also catches a separator hidden inside an item.
pub(crate) fn list_from_value<T: Field>(
    value: &Value,
    parse: fn(&str) -> Result<T, FieldError>,
) -> Option<T> {
    parse(&value.as_list()?.join(","))
        .ok()
        .filter(|parsed| parsed.to_value() == *value)
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

fn blank(text: &str) -> bool {
    text.trim().is_empty()
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

/// The form of letters, digits and brackets in names of organisations and certificates.
fn name_character(c: char) -> char {
    match c {
        '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => ascii_of(c),
        '(' => '（',
        ')' => '）',
        _ => c,
    }
}

fn org_name(text: &str) -> Result<String, FieldError> {
    let name = line_clean(&text.chars().map(name_character).collect::<String>())?;
    if name.chars().any(|c| c.is_whitespace() || is_hidden(c)) {
        return Err(FieldError::Characters);
    }
    length_check(name, 2, 60)
}

fn person_name(text: &str) -> Result<String, FieldError> {
    let name: String = code_clean(text)?
        .chars()
        .map(person_name_character)
        .collect();
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let name = if name.chars().any(is_hanzi) {
        name.replace(' ', "")
    } else {
        name
    };
    let letter: fn(char) -> bool = if name.chars().any(is_hanzi) {
        is_hanzi
    } else {
        is_latin
    };
    let between = |c| {
        if name.chars().any(is_hanzi) {
            c == '·'
        } else {
            " -'".contains(c)
        }
    };
    let allowed = name.chars().all(|c| letter(c) || between(c));
    if !allowed || !name.starts_with(letter) || !name.ends_with(letter) || name.contains("··") {
        return Err(FieldError::Characters);
    }
    length_check(name, 2, 50)
}

fn person_name_character(c: char) -> char {
    match c {
        '•' | '‧' | '・' | '･' | '∙' | '⋅' => '·',
        '‘' | '’' | 'ʼ' => '\'',
        '‐' | '‑' => '-',
        _ => c,
    }
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic()
        || matches!(c, '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}') && !"×÷".contains(c)
}

fn certificate_name(text: &str) -> Result<String, FieldError> {
    let name = text
        .chars()
        .filter(|c| !"*＊".contains(*c))
        .map(name_character);
    let name = line_clean(&name.collect::<String>())?;
    if name.chars().any(is_hidden) {
        return Err(FieldError::Characters);
    }
    let name = words_joined(&name);
    let stem = [CERTIFICATE_SUFFIX, "职业技能等级"]
        .iter()
        .find_map(|end| name.strip_suffix(end));
    match stem.unwrap_or(&name) {
        "" => Err(FieldError::Missing),
        stem => length_check(format!("{stem}{CERTIFICATE_SUFFIX}"), 9, 80),
    }
}

/// Keeps spaces between Latin words only.
fn words_joined(text: &str) -> String {
    let mut joined = String::new();
    for word in text.split_whitespace() {
        let inside_latin = joined.ends_with(|c: char| c.is_ascii_alphanumeric())
            && word.starts_with(|c: char| c.is_ascii_alphanumeric());
        joined.push_str(if inside_latin { " " } else { "" });
        joined.push_str(word);
    }
    joined.nfc().collect()
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
        _ => Err(FieldError::Form {
            form: "name@domain",
        }),
    }
}

fn version(text: &str) -> Result<String, FieldError> {
    let version = code_clean(text)?;
    if !version
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || is_hanzi(c) || "._-".contains(c))
    {
        return Err(FieldError::Characters);
    }
    length_check(version, 1, 20)
}

fn named_item(item: &str) -> Result<(String, String), FieldError> {
    let form = FieldError::Form {
        form: NAMED_ITEM_FORM,
    };
    let (code, name) = item.split_once([':', '：']).ok_or(form.clone())?;
    if blank(code) || blank(name) {
        return Err(form);
    }
    let code = length_check(code_clean(code)?, 1, 20)?;
    if code.contains([':', ',', ';']) {
        return Err(form);
    }
    Ok((
        code,
        length_check(line_clean(name)?, 1, ITEM_CHARACTERS_MAX)?,
    ))
}

const CERTIFICATE_SUFFIX: &str = "职业技能等级证书";
const NAMED_ITEM_FORM: &str = "code:name";

/// Most items of a list: every college, evaluator and certificate level fits many times.
const ITEMS_MAX: usize = 2000;

/// Most characters of one item of a list.
const ITEM_CHARACTERS_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::FieldError as E;

    fn check<T: Field>(input: &str, expected: Result<&str, E>) {
        let found = (T::TYPE.parse)(input);
        let found = found.map(|value| value.as_text().map(str::to_owned).unwrap_or_default());
        assert_eq!(
            found,
            expected.map(str::to_owned),
            "{}",
            input.escape_unicode()
        );
    }

    fn check_list<T: Field>(input: &str, expected: Result<&[&str], E>) {
        let expected = expected
            .map(|items| Value::List(items.iter().map(|item| (*item).to_owned()).collect()));
        assert!((T::TYPE.parse)(input) == expected, "{input}");
    }

    fn length<T>(min: usize, max: usize, found: usize) -> Result<T, E> {
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
        for c in [
            "\0",
            "\u{1b}[2J",
            "\n",
            "\u{202e}",
            "\u{200f}",
            "\u{2067}",
            "\u{feff}",
        ] {
            check::<Text<1, 40>>(&format!("a{c}b"), Err(E::Characters));
        }
        for c in [
            "\u{85}",
            "\u{2028}",
            "\u{fffe}",
            "\u{1ffff}",
            "\u{fffd}",
            "\u{e0041}",
        ] {
            check::<Text<1, 40>>(&format!("a{c}b"), Err(E::Characters));
        }
        check::<LongText<40>>("a\u{202e}b", Err(E::Characters));
        check::<OrgName>("学\u{200d}校", Err(E::Characters));
        check::<TextList>("a,b\u{200f}c", Err(E::Characters));
        check::<PersonName>("王\u{e0100}芳", Err(E::Characters));
    }

    #[test]
    fn a_megabyte_is_refused_by_its_length() {
        let megabyte = "文".repeat(350_000);
        check::<Text<1, 100>>(&megabyte, length(1, 100, 350_000));
        check::<LongText<20_000>>(&megabyte, length(1, 20_000, 350_000));
        check::<PersonName>(&megabyte, length(2, 50, 350_000));
        check::<TextList>(&megabyte, length(1, 200, 350_000));
        let numbers: Vec<String> = (0..100_000).map(|number| number.to_string()).collect();
        check::<TextList>(&numbers.join(","), length(1, 2000, 100_000));
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
    fn names_of_organisations_have_one_form() {
        check::<OrgName>("联想(北京)有限公司", Ok("联想（北京）有限公司"));
        check::<OrgName>(
            "\u{3000}ＴＣＬ科技集团股份有限公司 ",
            Ok("TCL科技集团股份有限公司"),
        );
        check::<OrgName>("陕西省1+X证书试点项目办", Ok("陕西省1+X证书试点项目办"));
        check::<OrgName>("西安 职业技术学院", Err(E::Characters));
        check::<OrgName>("西安\u{3000}职业技术学院", Err(E::Characters));
        check::<OrgName>("校", length(2, 60, 1));
        check::<OrgName>(&"校".repeat(61), length(2, 60, 61));
    }

    #[test]
    fn names_of_persons_are_hanzi_or_latin() {
        for name in [
            "欧阳静",
            "张䶮",
            "李㛃",
            "周𬭚",
            "吴𫝎",
            "阿依古丽·买买提",
            "王〇",
        ] {
            check::<PersonName>(name, Ok(name));
        }
        for dot in ['•', '‧', '・', '･', '\u{387}'] {
            check::<PersonName>(&format!("阿里{dot}木"), Ok("阿里·木"));
        }
        check::<PersonName>("张\u{3000}三 ", Ok("张三"));
        check::<PersonName>("O’Neil  Anne-Marie", Ok("O'Neil Anne-Marie"));
        check::<PersonName>("Ａｎｎａ Zoë", Ok("Anna Zoë"));
        check::<PersonName>("王", length(2, 50, 1));
        for name in [
            "王?",
            "王？芳",
            "王\u{fffd}",
            "王1",
            "·王芳",
            "王··芳",
            "王芳·",
            "张Anna",
            "-Li",
        ] {
            check::<PersonName>(name, Err(E::Characters));
        }
    }

    #[test]
    fn names_of_certificates_end_alike() {
        let full = "轨道交通电气设备装调职业技能等级证书";
        for name in ["轨道交通电气设备装调", "*轨道交通电气设备装调＊", full] {
            check::<CertificateName>(name, Ok(full));
        }
        check::<CertificateName>("智能财税职业技能等级", Ok("智能财税职业技能等级证书"));
        check::<CertificateName>(
            "建筑信息模型(BIM)",
            Ok("建筑信息模型（BIM）职业技能等级证书"),
        );
        check::<CertificateName>("Web 前端开发", Ok("Web前端开发职业技能等级证书"));
        check::<CertificateName>(
            "Adobe After Effects",
            Ok("Adobe After Effects职业技能等级证书"),
        );
        check::<CertificateName>("职业技能等级证书", Err(E::Missing));
        check::<CertificateName>("**", Err(E::Missing));
        check::<CertificateName>(&"长".repeat(73), length(9, 80, 81));
    }

    #[test]
    fn an_address_has_one_at() {
        check::<Email>(" zhao＠example．edu.cn", Ok("zhao@example.edu.cn"));
        for address in ["zhao", "@example.cn", "zhao@", "a@b@c"] {
            check::<Email>(
                address,
                Err(E::Form {
                    form: "name@domain",
                }),
            );
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
    fn lists_keep_order_and_drop_doubles() {
        check_list::<TextList>("b，a、 c ;b；\n\u{37e},d", Ok(&["b", "a", "c", "d"]));
        check_list::<TextList>(" ，、", Err(E::Missing));
        assert!(TextList::from_value(&Value::List(vec!["a,b".to_owned()])).is_none());
        assert!(TextList::from_value(&Value::List(vec![])).is_none());
        assert!(TextList::from_value(&Value::Text("a".to_owned())).is_none());
    }

    #[test]
    fn named_items_have_a_code_each() {
        check_list::<NamedItems>(
            "A1： 理论，A２:实操:二、A1:理论",
            Ok(&["A1:理论", "A2:实操:二"]),
        );
        for items in ["A1", "A1:", ":x", "A1:x,A1:y"] {
            check_list::<NamedItems>(items, Err(E::Form { form: "code:name" }));
        }
        let items = NamedItems::parse("500103:城市轨道,500107:道路").expect("two items");
        assert_eq!(
            items.items().collect::<Vec<_>>(),
            [("500103", "城市轨道"), ("500107", "道路")]
        );
    }

    #[test]
    fn sets_take_ids_and_names() {
        use crate::roles::PersonRole;
        check_list::<Several<PersonRole>>("教务, lead、academic", Ok(&["lead", "academic"]));
        let choices = PersonRole::CHOICES;
        check_list::<Several<PersonRole>>("lead,king", Err(E::UnknownChoice { choices }));
        let unsorted = Value::List(vec!["academic".to_owned(), "lead".to_owned()]);
        assert!(Several::<PersonRole>::from_value(&unsorted).is_none());
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
