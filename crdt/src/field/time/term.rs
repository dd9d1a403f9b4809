//! Times of a school: year of entry, term, time of day.
//!
//! No calendar is kept here: whether a term has begun is not asked.

use crate::field::FieldError;
use crate::field::text::{code_clean, text_field};

text_field!(
    /// A year of entry (年级, 入学年份): four digits. Requirements 5.2.
    ///
    /// A final 级 or 年 is dropped.
    Grade,
    grade
);

text_field!(
    /// A term (学期), `2026-1` for spring or `2026-2` for autumn. Requirements 2.5.
    Term,
    term
);

text_field!(
    /// A time of day, `08:30`. Requirements 2.5.
    ClockTime,
    clock_time
);

impl Grade {
    /// The year of entry.
    pub fn year(&self) -> u16 {
        self.as_str().parse().unwrap_or_default()
    }
}

fn grade(text: &str) -> Result<String, FieldError> {
    let text = code_clean(text)?;
    let year = text.trim_end_matches(['级', '年', '届']).trim();
    let is_year = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
    if is_year && ("1950".."2200").contains(&year) {
        Ok(year.to_owned())
    } else {
        Err(FieldError::Form { form: "yyyy" })
    }
}

fn term(text: &str) -> Result<String, FieldError> {
    let text = code_clean(text)?;
    let form = Err(FieldError::Form { form: "yyyy-1 / yyyy-2" });
    let Some((year, half)) = text.split_once('-') else { return form };
    let Ok(year) = grade(year) else { return form };
    let half = half.trim();
    if ["1", "2"].contains(&half) { Ok(format!("{year}-{half}")) } else { form }
}

fn clock_time(text: &str) -> Result<String, FieldError> {
    let text = code_clean(text)?;
    let form = Err(FieldError::Form { form: "HH:MM" });
    let Some((hour, minute)) = text.split_once(':') else { return form };
    let part = |text: &str, end: u8| {
        let digits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<u8>().ok()).flatten().filter(|number| *number < end)
    };
    match (part(hour, 24), part(minute, 60)) {
        (Some(hour), Some(minute)) => Ok(format!("{hour:02}:{minute:02}")),
        _ => form,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(parse: fn(&str) -> Result<String, FieldError>, input: &str, expected: Option<&str>) {
        assert_eq!(parse(input).ok().as_deref(), expected, "{input}");
    }

    #[test]
    fn times_of_a_school_have_one_form() {
        check(grade, "２０２４级", Some("2024"));
        check(grade, "2024", Some("2024"));
        check(grade, "24", None);
        check(grade, "1024", None);
        check(term, "2026 - 1", Some("2026-1"));
        check(term, "2026-3", None);
        check(term, "2026", None);
        check(clock_time, "8:05", Some("08:05"));
        check(clock_time, "08：30", Some("08:30"));
        for bad in ["24:00", "8", "8:60", "+8:00", "008:00"] {
            check(clock_time, bad, None);
        }
    }
}
