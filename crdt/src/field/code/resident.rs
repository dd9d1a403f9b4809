//! Numbers of identity documents: the citizen number of GB 11643, and others by their form.
//!
//! The region prefix is not looked up: codes retire, people keep their number. Whether the number
//! is anybody's is not asked either.

use super::{all_digits, code_compact};
use crate::field::FieldError;
use crate::field::text::{length_check, text_field};
use crate::field::time::Date;

text_field!(
    /// The number of an identity document (证件号码): letters and digits, upper case, no spaces.
    ///
    /// What a resident's number must fulfil besides is [`ResidentId`]'s matter, since it depends
    /// on the type of the document. Requirements 2.4, 5.2.
    IdNumber,
    id_number
);

text_field!(
    /// A citizen's number (公民身份号码, GB 11643-1999): 17 digits and a check character, with a
    /// day of birth that exists; or the 15 digits of before 1999, which have no check character.
    ResidentId,
    resident_id
);

impl ResidentId {
    /// The day of birth that the number holds; old numbers are of the 20th century.
    pub fn birth_date(&self) -> Date {
        birth_date(self.as_str()).expect("a number without a day of birth is not made")
    }

    /// Whether the number is a man's: the last digit of the sequence is odd.
    pub fn is_male(&self) -> bool {
        let at = if self.is_old() { 14 } else { 16 };
        self.as_str().as_bytes().get(at).is_some_and(|digit| digit % 2 == 1)
    }

    /// Whether the number has the 15 digits of before 1999.
    pub fn is_old(&self) -> bool {
        self.as_str().len() == OLD_DIGITS
    }
}

/// Returns the check character over the first 17 digits of a citizen's number (GB 11643, 4.2).
///
/// Nothing when there are not 17 digits in front.
pub fn resident_check(number: &str) -> Option<char> {
    let digits = number.get(..WEIGHTS.len()).filter(|digits| all_digits(digits))?;
    let sum: usize =
        digits.bytes().zip(WEIGHTS).map(|(digit, weight)| usize::from(digit - b'0') * weight).sum();
    CHECK_CHARACTERS.chars().nth(sum % CHECK_CHARACTERS.len())
}

fn id_number(text: &str) -> Result<String, FieldError> {
    let text = text.trim_start_matches(['\'', '\u{2019}', '\u{2018}', '`']);
    let number = code_compact(text)?;
    if !number.chars().all(|c| c.is_ascii_alphanumeric() || "()".contains(c)) {
        return Err(FieldError::Characters);
    }
    length_check(number, 5, 30)
}

fn resident_id(text: &str) -> Result<String, FieldError> {
    let number = id_number(text)?;
    let digits = number.strip_suffix('X').filter(|_| number.len() == DIGITS).unwrap_or(&number);
    if !all_digits(digits) {
        return Err(FieldError::Characters);
    }
    if number.len() != DIGITS && number.len() != OLD_DIGITS {
        return Err(FieldError::Form { form: RESIDENT_FORM });
    }
    birth_date(&number)?;
    match resident_check(&number) {
        Some(expected) if number.len() == DIGITS && !number.ends_with(expected) => {
            Err(FieldError::CheckDigit { expected })
        }
        _ => Ok(number),
    }
}

fn birth_date(number: &str) -> Result<Date, FieldError> {
    let (century, day) = match number.len() {
        OLD_DIGITS => ("19", &number[6..12]),
        _ => ("", &number[6..14]),
    };
    let day = format!("{century}{day}");
    Date::parse(&format!("{}-{}-{}", &day[..4], &day[4..6], &day[6..]))
}

const DIGITS: usize = 18;
const OLD_DIGITS: usize = 15;
const RESIDENT_FORM: &str = "18 characters";
const CHECK_CHARACTERS: &str = "10X98765432";
/// 2^(18-i) mod 11 (GB 11643, table 1).
const WEIGHTS: [usize; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: Result<&str, FieldError>) {
        let found = ResidentId::parse(input);
        assert_eq!(found.as_ref().map(ResidentId::as_str), expected.as_ref().copied(), "{input}");
    }

    #[test]
    fn numbers_have_a_check_character_and_a_day_of_birth() {
        check("11010519491231002X", Ok("11010519491231002X"));
        check("11010519491231002x", Ok("11010519491231002X"));
        check("'１１０１０５19491231002x\u{3000}", Ok("11010519491231002X"));
        check("440308199901101512", Ok("440308199901101512"));
        check("110105194912310021", Err(FieldError::CheckDigit { expected: 'X' }));
        check("610102199003070011", Err(FieldError::CheckDigit { expected: '6' }));
        check("610199200402300019", Err(FieldError::Date));
        check("61019920040401002", Err(FieldError::Form { form: RESIDENT_FORM }));
        check("61019920040401X021", Err(FieldError::Characters));
        check("6.10199E+17", Err(FieldError::Characters));
        check("610199900401002", Ok("610199900401002"));
        check("", Err(FieldError::Missing));
    }

    #[test]
    fn a_number_tells_birth_and_sex() {
        let number = ResidentId::parse("11010519491231002X").expect("the sample of the standard");
        assert_eq!(number.birth_date().to_string(), "1949-12-31");
        assert!(!number.is_male() && !number.is_old());
        let old = ResidentId::parse("610199900401003").expect("an old number");
        assert_eq!(old.birth_date().to_string(), "1990-04-01");
        assert!(old.is_male() && old.is_old());
    }

    #[test]
    fn numbers_of_other_documents_have_letters_and_digits() {
        for (input, expected) in [("e 1234 5678", "E12345678"), ("H12345678", "H12345678")] {
            let found = IdNumber::parse(input);
            assert_eq!(found.as_ref().map(IdNumber::as_str), Ok(expected));
        }
        assert_eq!(IdNumber::parse("E1234?678"), Err(FieldError::Characters));
        assert!(IdNumber::parse("E1").is_err());
    }
}
