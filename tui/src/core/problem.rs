//! Problems and warnings of a roster as sentences: what is wrong with a cell, and what to do.
//!
//! The codes and their data are the node's; nothing is checked here. Values are masked.

use onex_crdt::field::FieldError;
use onex_crdt::value::Value;
use onex_node::import::{Code, Mark, Other, Problem, Roster};
use onex_node::table::TableError;

use crate::core::mask;
use crate::core::refusal::explain_field;
use crate::i18n::{Arg, Lang, tr};

/// What is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// What is wrong.
    pub what: String,
    /// What to do; the contract's `do`.
    pub next: String,
}

/// Why a file is no roster at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// It cannot be read as a table.
    Table(TableError),
    /// No row of it is a header that is known.
    NoHeader,
}

impl Unusable {
    /// The code of the contract.
    pub fn code(self) -> &'static str {
        match self {
            Unusable::Table(TableError::TooLarge) => "too_large",
            _ => "unreadable",
        }
    }

    /// What is wrong with the file, and what to do.
    pub fn words(self, lang: Lang) -> Words {
        words(lang, self.id(), &[])
    }

    fn id(self) -> &'static str {
        match self {
            Unusable::Table(TableError::TooLarge) => "too-large",
            Unusable::Table(TableError::Empty) => "empty",
            Unusable::Table(TableError::Password) => "password",
            Unusable::Table(TableError::WebPage) => "web-page",
            Unusable::Table(TableError::NoTable) => "no-table",
            Unusable::Table(TableError::Damaged) => "damaged",
            Unusable::NoHeader => "no-header",
        }
    }
}

/// Returns what is wrong with a cell, and what to do.
pub fn problem_words(lang: Lang, problem: &Problem) -> Words {
    let plain = |id| words(lang, id, &[]);
    match problem.code {
        Code::CheckDigit => match problem.error {
            Some(FieldError::CheckDigit { expected }) => {
                let expected = expected.to_string();
                words(lang, "check-digit", &[("expected", Arg::Text(&expected))])
            }
            _ => plain("id-chars"),
        },
        Code::ScientificNotation => plain("scientific-notation"),
        Code::TruncatedId => {
            let found = problem.value.as_deref().unwrap_or_default().chars().count();
            words(lang, "truncated-id", &[("found", Arg::Count(found as u64))])
        }
        Code::IdChars => plain("id-chars"),
        Code::FormulaError => plain("formula-error"),
        Code::DuplicateInFile => {
            let row = match problem.of {
                Some(Other::Row(row)) => row.to_string(),
                _ => String::new(),
            };
            words(lang, "duplicate-in-file", &[("row", Arg::Text(&row))])
        }
        Code::DuplicateInStore => plain("duplicate-in-store"),
        Code::Missing => {
            let label = label(lang, problem);
            words(lang, "missing", &[("field", Arg::Text(&label))])
        }
        Code::BadDate if problem.key == "id_number" => plain("bad-birth"),
        Code::BadDate => plain("bad-date"),
        Code::NameChars => plain("name-chars"),
        Code::Phone => plain("phone"),
        Code::UnknownValue => match &problem.error {
            Some(error) => {
                let (what, next) = explain_field(lang, error);
                Words { what, next }
            }
            None => plain("unknown-learner"),
        },
    }
}

fn words(lang: Lang, id: &str, args: &[(&str, Arg)]) -> Words {
    Words {
        what: tr(lang, &format!("problem-{id}"), args),
        next: tr(lang, &format!("mend-{id}"), args),
    }
}

/// What the column is called: as in the file, else as the register calls it.
pub fn label(lang: Lang, problem: &Problem) -> String {
    let label = || {
        let all = Roster::ALL.into_iter().flat_map(Roster::targets);
        let target = all.into_iter().find(|target| target.key == problem.key);
        target.map(|target| if lang == Lang::Zh { target.field.zh } else { target.field.en })
    };
    let header = problem.column.as_ref().map(|header| header.split_whitespace().collect());
    header.unwrap_or_else(|| label().unwrap_or(problem.key).to_owned())
}

/// What stands in the cell, masked where it is personal.
pub fn value(problem: &Problem) -> Option<String> {
    let text = problem.value.as_ref()?;
    let targets = Roster::ALL.into_iter().flat_map(Roster::targets);
    let target = targets.into_iter().find(|target| target.key == problem.key)?;
    if !target.field.secret {
        return Some(text.clone());
    }
    mask::masked(target.field, &Value::Text(text.clone()))
}

/// What a warning is called.
pub fn mark_word(lang: Lang, mark: Mark) -> String {
    tr(lang, &format!("mark-{}", mark.id().replace('_', "-")), &[])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn problem(code: Code, key: &'static str) -> Problem {
        Problem {
            row: 7,
            column: Some("证件\n号码".to_owned()),
            key,
            field: key,
            code,
            value: Some("610199200407255952".to_owned()),
            of: Some(Other::Row(5)),
            error: match code {
                Code::CheckDigit => Some(FieldError::CheckDigit { expected: '1' }),
                _ => None,
            },
        }
    }

    #[test]
    fn every_code_has_its_sentences_in_both_languages() {
        for lang in [Lang::Zh, Lang::En] {
            let mut seen = BTreeSet::new();
            let cells = Code::ALL.iter().map(|code| problem_words(lang, &problem(*code, "phone")));
            let tables = [
                TableError::TooLarge,
                TableError::Empty,
                TableError::Password,
                TableError::WebPage,
                TableError::NoTable,
                TableError::Damaged,
            ];
            let files = tables.into_iter().map(Unusable::Table).chain([Unusable::NoHeader]);
            let files = files.map(|unusable| unusable.words(lang));
            let birth = problem_words(lang, &problem(Code::BadDate, "id_number"));
            for said in cells.chain(files).chain([birth]) {
                for text in [&said.what, &said.next] {
                    let is_id = text.starts_with("problem-") || text.starts_with("mend-");
                    assert!(!is_id && !text.contains(['{', '$']), "{text}");
                }
                assert!(seen.insert(said.what.clone()), "twice: {}", said.what);
            }
            let marks: BTreeSet<String> =
                Mark::ALL.iter().map(|mark| mark_word(lang, *mark)).collect();
            assert_eq!(marks.len(), Mark::ALL.len());
            assert!(marks.iter().all(|word| !word.starts_with("mark-")), "{marks:?}");
        }
    }

    #[test]
    fn a_cell_is_named_and_its_value_masked() {
        let wrong = problem(Code::CheckDigit, "id_number");
        assert_eq!(problem_words(Lang::Zh, &wrong).what, "校验位应为 1");
        assert_eq!(label(Lang::Zh, &wrong), "证件号码");
        assert_eq!(value(&wrong).as_deref(), Some("**************5952"));
        let open = Problem { column: None, ..problem(Code::UnknownValue, "student_no") };
        assert_eq!(label(Lang::En, &open), "student number");
        assert_eq!(value(&open), open.value);
    }
}
