//! The code of a school (学校标识码), ten digits `AA BB CCCCCC`: type, province, school.
//!
//! Only types that can take part in the pilot are known. The code carries no check digit.

use super::region::province_name;
use super::{all_digits, code_compact};
use crate::field::FieldError;
use crate::field::text::text_field;

text_field!(
    /// A school code of a college: its type 36, 41, 42 or 93. Requirements 2.1, Appendix A.
    SchoolCode,
    school_code
);

impl SchoolCode {
    /// Returns the five digits of the national list, which a regular college (41) has.
    pub fn national5(&self) -> Option<&str> {
        self.as_str().starts_with(REGULAR_COLLEGE).then(|| &self.as_str()[5..])
    }
}

fn school_code(text: &str) -> Result<String, FieldError> {
    let code = code_compact(text)?;
    if code.len() != 10 || !all_digits(&code) {
        return Err(FieldError::Form { form: "10 digits" });
    }
    if !TYPES.contains(&&code[..2]) || province_name(&code[2..]).is_none() {
        return Err(FieldError::UnknownCode);
    }
    if code.starts_with(REGULAR_COLLEGE) && !code[4..].starts_with('0') {
        return Err(FieldError::Form { form: "41, province, 0 + 5 digits" });
    }
    Ok(code)
}

/// 普通高等学校
const REGULAR_COLLEGE: &str = "41";
/// 中等职业学校, 普通高等学校, 成人高等学校, 中等职业培训机构
const TYPES: [&str; 4] = ["36", REGULAR_COLLEGE, "42", "93"];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: Result<(&str, Option<&str>), FieldError>) {
        let found = SchoolCode::parse(input);
        let found = found.as_ref().map(|code| (code.as_str(), code.national5()));
        assert_eq!(found, expected.as_ref().copied(), "{input}");
    }

    #[test]
    fn codes_of_colleges() {
        check("4161013945", Ok(("4161013945", Some("13945"))));
        check("４１６１０１３９４６ ", Ok(("4161013946", Some("13946"))));
        check("41 61 013945", Ok(("4161013945", Some("13945"))));
        check("4261050084", Ok(("4261050084", None)));
        check("3661000123", Ok(("3661000123", None)));
        check("9365000123", Ok(("9365000123", None)));
    }

    #[test]
    fn other_codes() {
        check("", Err(FieldError::Missing));
        for text in ["416101394", "41610139455", "41610139X5", "4110", "学校"] {
            check(text, Err(FieldError::Form { form: "10 digits" }));
        }
        for text in ["2161013945", "4199013945", "4100013945"] {
            check(text, Err(FieldError::UnknownCode));
        }
        check("4161113945", Err(FieldError::Form { form: "41, province, 0 + 5 digits" }));
        check("41610139\u{200f}45", Err(FieldError::Characters));
    }
}
