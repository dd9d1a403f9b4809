//! One cell: what stands there, cleaned of what spreadsheets and typing leave behind.
//!
//! What the text means is `check`'s matter.

use crate::table::Cell;

use super::Mark;

/// How a cell is cleaned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A number of a document or a person: letters and digits, as many as it has.
    Identity,
    /// Digits and letters of a code.
    Code,
    /// Words.
    Words,
}

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Empty,
    /// A number that lost its last digits.
    Lost,
    /// A formula without a value.
    Error,
    /// Text, and what was put right in it.
    Text(String, Option<Mark>),
}

/// Returns what stands in a cell, cleaned.
pub fn found(cell: Option<&Cell>, form: Form) -> Found {
    match cell {
        None => Found::Empty,
        Some(Cell::Error) => Found::Error,
        Some(Cell::Number(number)) if form == Form::Identity && !keeps_digits(*number) => {
            Found::Lost
        }
        Some(Cell::Text(text)) => cleaned(text, form),
        Some(other) => Found::Text(other.text(), None),
    }
}

/// Whether a number in a cell still has every digit that was typed.
fn keeps_digits(number: f64) -> bool {
    (0.0..EXACT_END).contains(&number) && number.fract() == 0.0
}

/// Returns typed or stored text, cleaned.
pub fn cleaned(text: &str, form: Form) -> Found {
    let trimmed = text.trim_matches(is_blank);
    let unquoted =
        trimmed.trim_start_matches(['\'', '’', '‘', '`', '＇']).trim_start_matches(is_blank);
    let mut marks = Vec::new();
    if unquoted.len() < trimmed.len() {
        marks.push(Mark::ApostropheRemoved);
    }
    if trimmed.len() < text.trim_matches(['\r', '\n']).len() {
        marks.push(Mark::WhitespaceTrimmed);
    }
    let text = match form {
        Form::Words => unquoted.to_owned(),
        Form::Identity | Form::Code => {
            let wide = unquoted.chars().any(|c| c != ascii_of(c) && ascii_of(c).is_alphanumeric());
            if wide {
                marks.push(Mark::FullwidthNormalised);
            }
            let plain: String = unquoted.chars().map(ascii_of).collect();
            let close: String = plain.chars().filter(|c| !is_blank(*c)).collect();
            if close.len() < plain.len() {
                marks.push(Mark::WhitespaceTrimmed);
            }
            without_decimal(close)
        }
    };
    if form == Form::Identity && is_scientific(&text) {
        return Found::Lost;
    }
    if text.is_empty() {
        return Found::Empty;
    }
    let text = match form {
        Form::Identity if text.ends_with('x') && text.len() == 18 => {
            marks.push(Mark::LowercaseX);
            text.to_uppercase()
        }
        _ => text,
    };
    let first = [
        Mark::FullwidthNormalised,
        Mark::ApostropheRemoved,
        Mark::LowercaseX,
        Mark::WhitespaceTrimmed,
    ];
    let mark = first.into_iter().find(|mark| marks.contains(mark));
    Found::Text(text, mark)
}

/// `19900001234.0`, as programs write a number that they kept with decimals.
fn without_decimal(text: String) -> String {
    match text.strip_suffix(".0") {
        Some(whole) if !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit()) => {
            whole.to_owned()
        }
        _ => text,
    }
}

/// Text like `6.10199E+17`.
fn is_scientific(text: &str) -> bool {
    let Some((number, power)) = text.split_once(['e', 'E']) else { return false };
    let power = power.strip_prefix('+').unwrap_or(power);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    whole.len() == 1 && digits(whole) && digits(decimals) && digits(power) && power.len() <= 3
}

/// Spaces of every width, and marks that cannot be seen.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{FEFF}')
}

/// The plain form of a full-width letter, digit or sign.
pub fn ascii_of(c: char) -> char {
    match c {
        '！'..='～' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '\u{3000}' => ' ',
        _ => c,
    }
}

/// A spreadsheet keeps 15 digits of a number.
const EXACT_END: f64 = 1e15;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, form: Form, expected: &str, mark: Option<Mark>) {
        assert_eq!(cleaned(text, form), Found::Text(expected.to_owned(), mark), "{text:?}");
    }

    #[test]
    fn what_typing_leaves_behind_is_put_right() {
        let number = "610199200407255951";
        check(number, Form::Identity, number, None);
        check("'610199200407255951", Form::Identity, number, Some(Mark::ApostropheRemoved));
        check("610199 200407255951\u{3000}", Form::Identity, number, Some(Mark::WhitespaceTrimmed));
        check("６１０１９９200407255951", Form::Identity, number, Some(Mark::FullwidthNormalised));
        let x = "61019920070425199X";
        check("61019920070425199x", Form::Identity, x, Some(Mark::LowercaseX));
        check("'６1019920070425199ｘ", Form::Identity, x, Some(Mark::FullwidthNormalised));
        check("梁武\u{3000}", Form::Words, "梁武", Some(Mark::WhitespaceTrimmed));
        check("西安（北）", Form::Words, "西安（北）", None);
        check("19900001234.0", Form::Code, "19900001234", None);
        check(
            "\u{202d}19900001234\u{202c}",
            Form::Code,
            "19900001234",
            Some(Mark::WhitespaceTrimmed),
        );
        assert_eq!(cleaned(" \u{3000}", Form::Words), Found::Empty);
        assert_eq!(cleaned("'", Form::Identity), Found::Empty);
    }

    #[test]
    fn numbers_that_lost_digits_are_known() {
        for text in ["6.10199E+17", "6.1e17", "６．1E+17", "6E+17"] {
            assert_eq!(cleaned(text, Form::Identity), Found::Lost, "{text}");
        }
        for text in ["E12345678", "61E+17", "6.1E+", "20230101E1"] {
            assert!(matches!(cleaned(text, Form::Identity), Found::Text(..)), "{text}");
        }
        let number = |number: f64| found(Some(&Cell::Number(number)), Form::Identity);
        assert_eq!(number(6.10199200608159e17), Found::Lost);
        assert_eq!(number(20225303020101.0), Found::Text("20225303020101".to_owned(), None));
        assert_eq!(number(1.5), Found::Lost);
        assert_eq!(found(Some(&Cell::Error), Form::Words), Found::Error);
        assert_eq!(found(None, Form::Words), Found::Empty);
    }
}
