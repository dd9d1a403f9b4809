//! One row: every cell read by the type of its field, and what must agree within a person.
//!
//! What other rows and the store hold is compared in `row`.

use std::collections::BTreeMap;

use onex_crdt::field::code::{IdNumber, ResidentId};
use onex_crdt::field::time::Date;
use onex_crdt::field::{Field as _, FieldError, Shape};
use onex_crdt::record::Fields;
use onex_crdt::records::learner::{Gender, IdType, LearnerKind};
use onex_crdt::value::Value;

use super::cell::{self, Form, Found};
use super::{Code, Column, Draft, Entry, Mark, Problem, Roster, Target, Warning, alias};
use crate::table::Cell;

/// What a row came to by itself.
#[derive(Clone, Default)]
pub struct Checked {
    /// What is wrong, by column.
    pub problems: Vec<Problem>,
    /// What was put right or looks odd.
    pub warnings: Vec<Warning>,
    /// Name, ID number and student number, where they could be read.
    keys: BTreeMap<&'static str, String>,
}

impl Checked {
    /// Name, ID number or student number.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.keys.get(key).map(String::as_str)
    }
}

/// The values of a row.
#[derive(Default)]
pub struct Values {
    /// From its cells.
    pub fields: Fields,
    /// What a new record has where the file says nothing.
    pub defaults: Fields,
}

impl Draft {
    /// Reads a row: what is wrong with it, and its values.
    pub(super) fn read_row(&self, at: usize) -> (Checked, Values) {
        let mut reading = Reading::new(self, &self.entries[at]);
        match self.roster {
            Roster::Learner => reading.learner(self.today),
            Roster::Enrolment => reading.enrolment(),
        }
        reading.finish()
    }
}

/// A row while it is read.
struct Reading<'a> {
    row: u32,
    /// Column, target and what stands in the cell, by target.
    cells: BTreeMap<&'static str, (&'a Column, Target, Found)>,
    checked: Checked,
    values: Values,
}

impl<'a> Reading<'a> {
    fn new(draft: &'a Draft, entry: &Entry) -> Self {
        let mut reading = Self {
            row: entry.number,
            cells: BTreeMap::new(),
            checked: Checked::default(),
            values: Values::default(),
        };
        let sheet = &draft.table.sheets[draft.sheet];
        if sheet.rows.get(entry.at).is_some_and(|row| row.hidden) {
            reading.warn(None, Mark::HiddenRow);
        }
        for column in &draft.columns {
            let Some(target) = column.target else { continue };
            let form = form(&target);
            let found = match entry.edited.get(&column.at) {
                Some(text) => cell::cleaned(text, form),
                None => {
                    if sheet.filled.contains(&(entry.number, column.at)) {
                        reading.warn(Some(column), Mark::MergedFill);
                    }
                    day(draft.cell(entry, column), &target)
                        .unwrap_or_else(|| cell::found(draft.cell(entry, column), form))
                }
            };
            reading.cells.insert(target.key, (column, target, found));
        }
        reading
    }

    fn finish(mut self) -> (Checked, Values) {
        for key in ["name", "id_number", "student_no"] {
            if let Some(Value::Text(text)) = self.values.fields.get(key) {
                self.checked.keys.insert(key, text.clone());
            }
        }
        (self.checked, self.values)
    }

    fn warn(&mut self, column: Option<&Column>, code: Mark) {
        let column = column.map(|column| column.header.clone());
        self.checked.warnings.push(Warning { row: self.row, column, code });
    }

    fn problem(&mut self, key: &str, code: Code, value: Option<String>, error: Option<FieldError>) {
        let Some((column, target, _)) = self.cells.get(key) else { return };
        let column = Some(column.header.clone());
        let (key, field) = (target.key, target.reported);
        let problem = Problem { row: self.row, column, key, field, code, value, of: None, error };
        self.checked.problems.push(problem);
    }

    /// Takes the text of a cell, or says what is wrong with it; nothing where there is none.
    fn text(&mut self, key: &str) -> Option<String> {
        let (column, _, found) = self.cells.get(key)?;
        let column = *column;
        match found.clone() {
            Found::Text(text, mark) => {
                if let Some(mark) = mark {
                    self.warn(Some(column), mark);
                }
                Some(text)
            }
            Found::Empty => None,
            Found::Lost => {
                self.problem(key, Code::ScientificNotation, None, None);
                None
            }
            Found::Error => {
                self.problem(key, Code::FormulaError, None, None);
                None
            }
        }
    }

    /// Reads a cell by the type of its field and keeps the value.
    fn value(&mut self, key: &'static str) -> Option<Value> {
        let text = self.text(key)?;
        let (column, target, _) = self.cells.get(key)?;
        let (column, target) = (*column, *target);
        let read = (target.field.ty.parse)(&text).or_else(|error| {
            let official = alias::value(key, &text).ok_or(error)?;
            let level = key == "education_level";
            self.warn(Some(column), if level { Mark::LevelAlias } else { Mark::ValueAlias });
            (target.field.ty.parse)(official)
        });
        match read {
            Ok(value) => {
                self.values.fields.insert(key.to_owned(), value.clone());
                Some(value)
            }
            Err(error) => {
                self.problem(key, code_of(key, &error), Some(text), Some(error));
                None
            }
        }
    }

    fn is_empty(&self, key: &str) -> bool {
        matches!(self.cells.get(key), Some((_, _, Found::Empty)))
    }

    fn learner(&mut self, today: Date) {
        let kind = self.value("learner_kind").and_then(|value| LearnerKind::from_value(&value));
        let id_type = self.value("id_type").and_then(|value| IdType::from_value(&value));
        let told = |key: &str, cells: &BTreeMap<_, (&Column, Target, Found)>| {
            !matches!(cells.get(key), None | Some((_, _, Found::Empty)))
        };
        let type_is_wrong = id_type.is_none() && told("id_type", &self.cells);
        let social = kind == Some(LearnerKind::Social);
        for (key, missing) in [("learner_kind", kind.is_none()), ("id_type", id_type.is_none())] {
            let default = match key {
                "learner_kind" => LearnerKind::Student.to_value(),
                _ => IdType::ResidentId.to_value(),
            };
            if missing {
                self.values.defaults.insert(key.to_owned(), default);
            }
        }
        for key in ["name", "phone", "id_number"] {
            if self.is_empty(key) {
                self.problem(key, Code::Missing, None, Some(FieldError::Missing));
            }
        }
        if !social && self.is_empty("student_no") {
            self.problem("student_no", Code::Missing, None, Some(FieldError::Missing));
        }
        let resident = match id_type.unwrap_or(IdType::ResidentId) {
            _ if type_is_wrong => None,
            IdType::ResidentId => self.resident(social, today),
            _ => {
                self.other_number();
                None
            }
        };
        self.birth(resident.as_ref(), today);
        self.gender(resident.as_ref());
        let done = ["learner_kind", "id_type", "id_number", "birth_date", "gender"];
        let rest: Vec<&'static str> =
            self.cells.keys().copied().filter(|key| !done.contains(key)).collect();
        for key in rest {
            self.value(key);
        }
    }

    /// Reads a citizen's number (GB 11643).
    fn resident(&mut self, social: bool, today: Date) -> Option<ResidentId> {
        let key = "id_number";
        let text = self.text(key)?;
        let size = text.chars().count();
        let digits = text.strip_suffix('X').filter(|_| size == 18).unwrap_or(&text);
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        let code = match (size, ResidentId::parse(&text)) {
            _ if !is_number => Err((Code::IdChars, Some(FieldError::Characters))),
            (19.., _) => Err((Code::IdChars, None)),
            (15, Ok(_)) if !social => Err((Code::TruncatedId, None)),
            (15 | 18, Ok(number)) if number.birth_date() > today => {
                Err((Code::BadDate, Some(FieldError::Date)))
            }
            (15 | 18, Ok(number)) => Ok(number),
            (18, Err(error)) => Err((code_of(key, &error), Some(error))),
            (15, Err(error)) if social => Err((code_of(key, &error), Some(error))),
            _ => Err((Code::TruncatedId, None)),
        };
        match code {
            Ok(number) => {
                self.values.fields.insert(key.to_owned(), number.to_value());
                Some(number)
            }
            Err((code, error)) => {
                self.problem(key, code, Some(text), error);
                None
            }
        }
    }

    /// Reads the number of another document: only its form is known.
    fn other_number(&mut self) {
        let key = "id_number";
        let Some(text) = self.text(key) else { return };
        match IdNumber::parse(&text) {
            Ok(number) => {
                self.values.fields.insert(key.to_owned(), number.to_value());
            }
            Err(error) => {
                let short = matches!(error, FieldError::Length { min, found, .. } if found < min);
                let code = if short { Code::TruncatedId } else { Code::IdChars };
                self.problem(key, code, Some(text), Some(error));
            }
        }
    }

    /// The day of birth: a citizen's follows from the number.
    fn birth(&mut self, resident: Option<&ResidentId>, today: Date) {
        let key = "birth_date";
        let Some(text) = self.text(key) else { return };
        let born = resident.map(ResidentId::birth_date);
        let date = Date::parse(&text);
        let same_month = born.is_some_and(|born| month(&text) == Some((born.year(), born.month())));
        match date {
            Err(_) if same_month => {}
            Ok(date) if date <= today => match born {
                None => {
                    self.values.fields.insert(key.to_owned(), date.to_value());
                }
                Some(born) if born != date => self.warn_at(key, Mark::BirthMismatch),
                Some(_) => {}
            },
            _ => self.problem(key, Code::BadDate, Some(text), Some(FieldError::Date)),
        }
    }

    /// The sex: a citizen's follows from the number.
    fn gender(&mut self, resident: Option<&ResidentId>) {
        let key = "gender";
        let Some(value) = self.value(key) else { return };
        let Some(number) = resident else { return };
        self.values.fields.remove(key);
        let male = Gender::from_value(&value) == Some(Gender::Male);
        if male != number.is_male() {
            self.warn_at(key, Mark::SexMismatch);
        }
    }

    fn warn_at(&mut self, key: &str, mark: Mark) {
        if let Some((column, ..)) = self.cells.get(key) {
            self.warn(Some(*column), mark);
        }
    }

    fn enrolment(&mut self) {
        for key in ["student_no", "id_number", "name", "learner_confirmed"] {
            if key == "id_number" {
                self.other_number();
            } else {
                self.value(key);
            }
        }
        let named =
            ["student_no", "id_number"].into_iter().find(|key| self.cells.contains_key(key));
        let says = |key: &&str| !matches!(self.cells.get(*key), None | Some((_, _, Found::Empty)));
        let says_who = ["student_no", "id_number"].iter().any(says);
        if let (Some(key), false) = (named, says_who) {
            self.problem(key, Code::Missing, None, Some(FieldError::Missing));
        }
    }
}

/// How the cells of a target are cleaned.
fn form(target: &Target) -> Form {
    match target.key {
        "id_number" | "student_no" => Form::Identity,
        "phone" | "major_code" | "grade" | "email" | "birth_date" => Form::Code,
        _ => match target.field.ty.shape {
            Shape::Text => Form::Words,
            _ => Form::Code,
        },
    }
}

/// A day that a spreadsheet kept as a plain number, or a day where a text is wanted.
fn day(cell: Option<&Cell>, target: &Target) -> Option<Found> {
    let is_day = matches!(target.field.ty.shape, Shape::Date);
    match cell {
        Some(Cell::Number(number)) if is_day && SERIALS.contains(number) => {
            let date = crate::table::serial_date(*number, false)?;
            Some(Found::Text(date.to_string(), None))
        }
        _ => None,
    }
}

/// Reads a year and a month, `2004.05`, `200405`, `2004年5月`.
fn month(text: &str) -> Option<(u16, u8)> {
    let (year, rest) = text.split_at_checked(4)?;
    let rest = rest.trim_start_matches(['-', '/', '.', '年']).trim_end_matches('月');
    Some((year.parse().ok()?, rest.parse().ok()?))
}

/// The code of the contract for what the type of a field says.
fn code_of(key: &str, error: &FieldError) -> Code {
    match (key, error) {
        (_, FieldError::CheckDigit { .. }) => Code::CheckDigit,
        (_, FieldError::Date) => Code::BadDate,
        ("name", _) => Code::NameChars,
        ("phone", _) => Code::Phone,
        ("id_number", FieldError::Form { .. } | FieldError::Length { .. }) => Code::TruncatedId,
        ("id_number", _) => Code::IdChars,
        _ => Code::UnknownValue,
    }
}

/// Plain numbers that are a day of birth and no date written in digits: 1927 to 2064.
const SERIALS: std::ops::Range<f64> = 10_000.0..60_000.0;
