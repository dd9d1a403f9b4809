//! Lists that people type in one line: texts, items with a code, sets of an enum's values.
//!
//! A list is never empty: that is no value at all. Items cannot hold a separator.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{code_clean, length_check, line_clean, nfc_trimmed};
use crate::field::{Choice, Field, FieldError, FieldType, Shape};
use crate::value::Value;

/// Several texts of 1-200 characters, in the order given, none twice.
///
/// Items are separated by a comma, a semicolon (full-width too), `、` or a line break.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextList(Vec<String>);

impl TextList {
    /// Reads the items; nothing but separators is `Missing`.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let items = items_split(text)?;
        let items = items.into_iter().map(|item| length_check(item, 1, ITEM_CHARACTERS_MAX));
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
                    return Err(FieldError::Form { form: NAMED_ITEM_FORM });
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
        let mut items: Vec<T> =
            items_split(text)?.into_iter().map(one).collect::<Result<_, _>>()?;
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

/// Returns the cleaned items of a list, none empty, none twice; `Missing` when there is none.
pub(crate) fn items_split(text: &str) -> Result<Vec<String>, FieldError> {
    let text = nfc_trimmed(text)?;
    let mut seen = BTreeSet::new();
    let mut items = Vec::new();
    for part in text.split([',', '，', '、', ';', '；', '\n']).filter(|part| !blank(part)) {
        let item = line_clean(part)?;
        if seen.insert(item.clone()) {
            items.push(item);
        }
    }
    match items.len() {
        0 => Err(FieldError::Missing),
        1..=ITEMS_MAX => Ok(items),
        found => Err(FieldError::Length { min: 1, max: ITEMS_MAX, found }),
    }
}

/// Returns the typed form of a stored list, unless the type would store it otherwise.
///
/// Joining the items and reading them again also catches a separator hidden inside an item.
pub(crate) fn list_from_value<T: Field>(
    value: &Value,
    parse: fn(&str) -> Result<T, FieldError>,
) -> Option<T> {
    parse(&value.as_list()?.join(",")).ok().filter(|parsed| parsed.to_value() == *value)
}

const fn choices_of(shape: Shape) -> &'static [Choice] {
    match shape {
        Shape::Choice(choices) => choices,
        _ => &[],
    }
}

fn blank(text: &str) -> bool {
    text.trim().is_empty()
}

fn named_item(item: &str) -> Result<(String, String), FieldError> {
    let form = FieldError::Form { form: NAMED_ITEM_FORM };
    let (code, name) = item.split_once([':', '：']).ok_or(form.clone())?;
    if blank(code) || blank(name) {
        return Err(form);
    }
    let code = length_check(code_clean(code)?, 1, 20)?;
    if code.contains([':', ',', ';']) {
        return Err(form);
    }
    Ok((code, length_check(line_clean(name)?, 1, ITEM_CHARACTERS_MAX)?))
}

const NAMED_ITEM_FORM: &str = "code:name";

/// Most items of a list: every college, evaluator and certificate level fits many times.
const ITEMS_MAX: usize = 2000;

/// Most characters of one item of a list.
const ITEM_CHARACTERS_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::FieldError as E;

    fn check_list<T: Field>(input: &str, expected: Result<&[&str], E>) {
        let expected = expected
            .map(|items| Value::List(items.iter().map(|item| (*item).to_owned()).collect()));
        assert!((T::TYPE.parse)(input) == expected, "{input}");
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
        check_list::<NamedItems>("A1： 理论，A２:实操:二、A1:理论", Ok(&["A1:理论", "A2:实操:二"]));
        for items in ["A1", "A1:", ":x", "A1:x,A1:y"] {
            check_list::<NamedItems>(items, Err(E::Form { form: "code:name" }));
        }
        let items = NamedItems::parse("500103:城市轨道,500107:道路").expect("two items");
        assert_eq!(items.items().collect::<Vec<_>>(), [("500103", "城市轨道"), ("500107", "道路")]);
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
    fn a_megabyte_is_refused_by_its_length() {
        let length = |max, found| Err(E::Length { min: 1, max, found });
        check_list::<TextList>(&"文".repeat(350_000), length(200, 350_000));
        let numbers: Vec<String> = (0..100_000).map(|number| number.to_string()).collect();
        check_list::<TextList>(&numbers.join(","), length(2000, 100_000));
    }
}
