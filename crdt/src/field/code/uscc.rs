//! The unified social credit code (统一社会信用代码, GB 32100-2015).
//!
//! Its alphabet leaves out I O S V Z, so a letter's value is not its place in A-Z: samples on the
//! web that forget it accept wrong codes. The organisation code inside is not checked by itself.

use super::{all_digits, code_compact};
use crate::field::FieldError;
use crate::field::text::text_field;

text_field!(
    /// A unified social credit code: 18 characters, the last a check character (GB 32100-2015).
    Uscc,
    uscc
);

/// Returns the check character over at most 17 characters of the GB 32100 alphabet.
///
/// Nothing when there are more or others. A local credential number uses it over 13.
pub fn check_character(body: &str) -> Option<char> {
    let values: Option<Vec<usize>> = body.chars().map(|c| ALPHABET.find(c)).collect();
    let values = values.filter(|values| values.len() <= WEIGHTS.len())?;
    let sum: usize = values.iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum();
    ALPHABET.chars().nth((31 - sum % 31) % 31)
}

pub(super) fn is_of_alphabet(c: char) -> bool {
    ALPHABET.contains(c)
}

fn uscc(text: &str) -> Result<String, FieldError> {
    let code = code_compact(text)?;
    if code.chars().count() != 18 {
        return Err(FieldError::Form { form: USCC_FORM });
    }
    if !code.chars().all(is_of_alphabet) {
        return Err(FieldError::Characters);
    }
    if !all_digits(&code[2..8]) {
        return Err(FieldError::Form { form: USCC_FORM });
    }
    match check_character(&code[..17]) {
        Some(expected) if !code.ends_with(expected) => Err(FieldError::CheckDigit { expected }),
        _ => Ok(code),
    }
}

const USCC_FORM: &str = "18 characters, the third to the eighth digits";
const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
/// 3^i mod 31 (GB 32100-2015, table 2).
const WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: Result<&str, FieldError>) {
        let found = Uscc::parse(input);
        assert_eq!(found.as_ref().map(Uscc::as_str), expected.as_ref().copied(), "{input}");
    }

    #[test]
    fn published_vectors() {
        check("91350100M000100Y43", Ok("91350100M000100Y43"));
        check("91350100M000100Y4Z", Err(FieldError::Characters));
        check("91350100M000100Y4X", Err(FieldError::CheckDigit { expected: '3' }));
    }

    #[test]
    fn letters_do_not_count_by_their_place_in_the_latin_alphabet() {
        let latin = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let body = "91350100M000100Y4";
        let values = body.chars().filter_map(|c| latin.find(c));
        let sum: usize = values.zip(WEIGHTS).map(|(value, weight)| value * weight).sum();
        let trap = latin.chars().nth(sum % 31);
        assert_ne!(trap, Some('3'));
        assert_eq!(check_character(body), Some('3'));
    }

    #[test]
    fn any_one_wrong_character_is_found() {
        let code = "91350100M000100Y43";
        for at in (0..2).chain(8..18) {
            for c in ALPHABET.chars().filter(|c| !code[at..].starts_with(*c)) {
                let wrong = format!("{}{c}{}", &code[..at], &code[at + 1..]);
                let found = Uscc::parse(&wrong);
                assert!(matches!(found, Err(FieldError::CheckDigit { .. })), "{wrong}");
            }
        }
    }

    #[test]
    fn other_forms() {
        check("９１３５０１００ｍ０００１００ｙ４３", Ok("91350100M000100Y43"));
        check(" 9135 0100-M000100Y-43\u{3000}", Ok("91350100M000100Y43"));
        for text in ["91350100M000100Y4", "91350100M000100Y433", "9135A100M000100Y43", "信用代码"]
        {
            check(text, Err(FieldError::Form { form: USCC_FORM }));
        }
        check("91350100M000100Y4三", Err(FieldError::Characters));
        check("91350100M000100Y4\u{202e}3", Err(FieldError::Characters));
        check(&"9".repeat(1 << 20), Err(FieldError::Form { form: USCC_FORM }));
        assert_eq!(check_character("S"), None);
        assert_eq!(check_character(&"1".repeat(18)), None);
    }
}
