//! What is wrong in a roster, and what was put right in it, as sentences.
//!
//! What the type of a field says is said as in a form; the rest is said here.

use onex_node::import::{Code, Mark, Other, Problem};

use crate::core::refusal::explain_field;
use crate::i18n::{Lang, tr};

/// Returns what is wrong and what to do about it.
pub fn problem(lang: Lang, problem: &Problem) -> (String, String) {
    let id = match (problem.code, problem.of, &problem.error) {
        (Code::DuplicateInFile, Some(Other::Row(row)), _) => {
            let row = row.to_string();
            let args = [("row", row.as_str().into())];
            return (
                tr(lang, "roster-duplicate-in-file", &args),
                tr(lang, "roster-duplicate-in-file-do", &args),
            );
        }
        (Code::ScientificNotation, ..) => "scientific-notation",
        (Code::TruncatedId, ..) => "truncated-id",
        (Code::IdChars, ..) => "id-chars",
        (Code::FormulaError, ..) => "formula-error",
        (Code::DuplicateInFile, ..) => "duplicate",
        (Code::DuplicateInStore, ..) => "duplicate-in-store",
        (Code::NameChars, _, None) => "name-chars",
        (Code::Missing, _, None) => "missing",
        (_, _, Some(error)) => return explain_field(lang, error),
        (Code::CheckDigit, ..) => "check-digit",
        (Code::BadDate, ..) => "bad-date",
        (Code::Phone, ..) => "phone",
        (Code::UnknownValue, ..) => "unknown-value",
    };
    (tr(lang, &format!("roster-{id}"), &[]), tr(lang, &format!("roster-{id}-do"), &[]))
}

/// Returns what was put right, or looks odd.
pub fn warning(lang: Lang, mark: Mark) -> String {
    tr(lang, &format!("roster-{}", mark.id().replace('_', "-")), &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) {
        assert!(!text.is_empty() && !text.starts_with("roster-"), "{text}");
    }

    #[test]
    fn everything_has_its_sentences_in_both_languages() {
        for lang in [Lang::Zh, Lang::En] {
            for code in Code::ALL {
                for of in [None, Some(Other::Row(5))] {
                    let field = "id_number";
                    let (column, value, error) = (None, None, None);
                    let wrong = Problem { row: 7, column, field, code: *code, value, of, error };
                    let (what, next) = problem(lang, &wrong);
                    said(&what);
                    said(&next);
                }
            }
            Mark::ALL.iter().for_each(|mark| said(&warning(lang, *mark)));
        }
    }
}
