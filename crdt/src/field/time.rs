//! Days and moments, in the proleptic Gregorian calendar.
//!
//! No clock is read here and no time zone is known: an offset comes with the text or the caller.

mod term;

use std::fmt;

use super::text::code_clean;
use super::{Field, FieldError, FieldType, Shape};
use crate::value::Value;

pub use term::{ClockTime, Grade, Term};

/// A day of the years 1900-2199, stored as `YYYY-MM-DD`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// Reads `2026-04-30`, `2026/4/30`, `2026.4.30`, `2026年4月30日` or `20260430`.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let text = code_clean(text)?;
        let (year, month, day) = date_parts(&text).ok_or(FieldError::Date)?;
        Self::new(year, month, day).ok_or(FieldError::Date)
    }

    /// Returns the day, or nothing when the calendar has none or the year is out of bounds.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 if leap(year) => 29,
            2 => 28,
            1..=12 => 31,
            _ => return None,
        };
        let real = (1900..=2199).contains(&year) && (1..=days).contains(&day);
        real.then_some(Self { year, month, day })
    }

    /// Returns the day so many days after 1970-01-01, or nothing when its year is out of bounds.
    pub fn from_days(days: i64) -> Option<Self> {
        if !(DAYS_MIN..=DAYS_MAX).contains(&days) {
            return None;
        }
        // Days since 0000-03-01: the leap day then ends a year, and months have a simple rule.
        let day_of_era = days + DAYS_TO_EPOCH;
        let (era, rest) = (day_of_era / DAYS_PER_ERA, day_of_era % DAYS_PER_ERA);
        let year_of_era = (rest - rest / 1_460 + rest / 36_524 - rest / 146_096) / 365;
        let day_of_year = rest - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = (month_from_march + 2) % 12 + 1;
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        Self::new(year as u16, month as u8, day as u8)
    }

    /// Returns how many days after 1970-01-01 the day is.
    pub fn days_since_epoch(self) -> i64 {
        days_from_civil(self.year as i64, self.month as i64, self.day as i64)
    }

    /// The year, 1900-2199.
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month, 1-12.
    pub fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, 1-31.
    pub fn day(self) -> u8 {
        self.day
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Shows the year only, as the mask of a birth date does: a date must not reach a log.
impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Date({:04}-**-**)", self.year)
    }
}

impl Field for Date {
    const TYPE: FieldType = FieldType {
        name: "date",
        shape: Shape::Date,
        parse: |text| Self::parse(text).map(|parsed| parsed.to_value()),
    };

    fn to_value(&self) -> Value {
        Value::Text(self.to_string())
    }

    fn from_value(value: &Value) -> Option<Self> {
        let text = value.as_text()?;
        Self::parse(text).ok().filter(|date| date.to_string() == text)
    }
}

/// A moment to the second with the offset of the clock that told it (RFC 3339).
///
/// Ordered by the moment, then by the offset. It is what a writer's clock claimed, no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    seconds: i64,
    offset_minutes: i16,
}

impl Moment {
    /// Reads `2026-06-18T09:30:00+08:00` or `…Z`; fractions and leap seconds are refused.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let text = code_clean(text)?.to_ascii_uppercase();
        moment_parts(&text).ok_or(FieldError::Form { form: MOMENT_FORM })
    }

    /// Returns the moment so many seconds after 1970-01-01T00:00:00Z, as a clock at this offset
    /// shows it; nothing when its day is outside 1900-2199 or the offset a day or more.
    pub fn from_unix(seconds: i64, offset_minutes: i32) -> Option<Self> {
        if !(-1439..=1439).contains(&offset_minutes) {
            return None;
        }
        let local = seconds.checked_add(i64::from(offset_minutes) * 60)?;
        Date::from_days(local.div_euclid(DAY_SECONDS))?;
        Some(Self { seconds, offset_minutes: offset_minutes as i16 })
    }

    /// Returns the seconds since 1970-01-01T00:00:00Z.
    pub fn unix_seconds(self) -> i64 {
        self.seconds
    }

    /// Returns the minutes by which its clock was ahead of UTC.
    pub fn offset_minutes(self) -> i32 {
        i32::from(self.offset_minutes)
    }

    /// Returns the day that its clock showed.
    pub fn date(self) -> Date {
        Date::from_days(self.local_seconds().div_euclid(DAY_SECONDS))
            .expect("a moment is made only with a day within bounds")
    }

    fn local_seconds(self) -> i64 {
        self.seconds + i64::from(self.offset_minutes) * 60
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = self.local_seconds().rem_euclid(DAY_SECONDS);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let sign = if self.offset_minutes < 0 { '-' } else { '+' };
        let offset = self.offset_minutes.unsigned_abs();
        write!(f, "{}T{hour:02}:{minute:02}:{second:02}", self.date())?;
        write!(f, "{sign}{:02}:{:02}", offset / 60, offset % 60)
    }
}

impl Field for Moment {
    const TYPE: FieldType = FieldType {
        name: "datetime",
        shape: Shape::DateTime,
        parse: |text| Self::parse(text).map(|parsed| parsed.to_value()),
    };

    fn to_value(&self) -> Value {
        Value::Text(self.to_string())
    }

    fn from_value(value: &Value) -> Option<Self> {
        let text = value.as_text()?;
        Self::parse(text).ok().filter(|moment| moment.to_string() == text)
    }
}

fn leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn date_parts(text: &str) -> Option<(u16, u8, u8)> {
    let (year, month, day) = if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        (&text[..4], &text[4..6], &text[6..])
    } else {
        let (year, rest) = text.split_at_checked(4)?;
        let separators = [("-", "-"), ("/", "/"), (".", "."), ("年", "月")];
        let (month, day) = separators.iter().find_map(|(first, second)| {
            rest.strip_prefix(first).and_then(|rest| rest.split_once(second))
        })?;
        let day =
            if rest.starts_with('年') { day.strip_suffix('日').unwrap_or(day) } else { day };
        (year, month, day)
    };
    Some((digits(year, 4)?, digits(month, 2)? as u8, digits(day, 2)? as u8))
}

fn moment_parts(text: &str) -> Option<Moment> {
    let (date, rest) = text.split_at_checked(10)?;
    let (time, offset) = rest.split_at_checked(9)?;
    let (hour, minute) = time.strip_prefix('T')?.split_once(':')?;
    let (minute, second) = minute.split_once(':')?;
    let (hour, minute, second) =
        (two_digits(hour, 23)?, two_digits(minute, 59)?, two_digits(second, 59)?);
    let date = Date::parse(date).ok().filter(|parsed| parsed.to_string() == date)?;
    let offset = offset_parts(offset)?;
    let local = date.days_since_epoch() * DAY_SECONDS + hour * 3600 + minute * 60 + second;
    Moment::from_unix(local - offset * 60, offset as i32)
}

fn offset_parts(text: &str) -> Option<i64> {
    if text == "Z" {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hour, minute) = text.strip_prefix(['+', '-'])?.split_once(':')?;
    Some(sign * (two_digits(hour, 23)? * 60 + two_digits(minute, 59)?))
}

fn two_digits(text: &str, max: u16) -> Option<i64> {
    let number = digits(text, 2).filter(|number| text.len() == 2 && *number <= max)?;
    Some(i64::from(number))
}

fn digits(text: &str, most: usize) -> Option<u16> {
    let plain = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// The days from 1970-01-01 to a day, negative before.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + day_of_year - DAYS_TO_EPOCH
}

const MOMENT_FORM: &str = "YYYY-MM-DDTHH:MM:SS+08:00";
const DAY_SECONDS: i64 = 86_400;
/// The days of 400 Gregorian years.
const DAYS_PER_ERA: i64 = 146_097;
/// The days from 0000-03-01 to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_468;
const DAYS_MIN: i64 = days_from_civil(1900, 1, 1);
const DAYS_MAX: i64 = days_from_civil(2199, 12, 31);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: Option<&str>) {
        let found = Date::parse(input).ok().map(|date| date.to_string());
        assert_eq!(found.as_deref(), expected, "{input}");
    }

    fn check_moment(input: &str, expected: Option<(i64, &str)>) {
        let found = Moment::parse(input).ok();
        let found = found.map(|moment| (moment.unix_seconds(), moment.to_string()));
        let expected = expected.map(|(seconds, text)| (seconds, text.to_owned()));
        assert_eq!(found, expected, "{input}");
    }

    #[test]
    fn dates_in_every_form() {
        for text in
            ["2026-04-30", "2026/4/30", "2026.4.30", "2026年4月30日", "20260430", "2026-4-30"]
        {
            check(text, Some("2026-04-30"));
        }
        check(" ２０２６－０４－３０\u{3000}", Some("2026-04-30"));
        check("2026年4月30", Some("2026-04-30"));
    }

    #[test]
    fn only_days_of_the_calendar() {
        check("2024-02-29", Some("2024-02-29"));
        check("2000-02-29", Some("2000-02-29"));
        check("1900-01-01", Some("1900-01-01"));
        check("2199-12-31", Some("2199-12-31"));
        for text in ["2023-02-29", "1900-02-29", "2100-02-29", "2026-04-31", "2026-13-01"] {
            check(text, None);
        }
        for text in ["2026-00-01", "2026-01-00", "1899-12-31", "2200-01-01", "26-04-30"] {
            check(text, None);
        }
        for text in ["2026-4/30", "2026430", "2026-04-30 08:00", "２０２六-1-1", "年月日", "2026-"]
        {
            check(text, None);
        }
        for text in ["2026-04-030", "2026-+4-30", "四月三十", "2026-04-30日", "\u{202e}20260430"]
        {
            check(text, None);
        }
        check(&"2".repeat(1 << 20), None);
    }

    #[test]
    fn days_count_from_the_epoch() {
        for (text, days) in [("1970-01-01", 0), ("1969-12-31", -1), ("2000-03-01", 11_017)] {
            let date = Date::parse(text).expect("a day");
            assert_eq!(date.days_since_epoch(), days);
        }
        let mut before = None;
        for days in DAYS_MIN..=DAYS_MAX {
            let date = Date::from_days(days).expect("within bounds");
            assert_eq!(date.days_since_epoch(), days);
            assert!(before < Some(date), "{date}");
            before = Some(date);
        }
        assert_eq!(before, Date::new(2199, 12, 31));
        for days in [DAYS_MIN - 1, DAYS_MAX + 1, i64::MIN, i64::MAX] {
            assert_eq!(Date::from_days(days), None);
        }
    }

    #[test]
    fn moments_have_an_offset_and_whole_seconds() {
        let morning = "2026-06-18T09:30:00+08:00";
        check_moment(morning, Some((1_781_746_200, morning)));
        check_moment("2026-06-18t01:30:00z", Some((1_781_746_200, "2026-06-18T01:30:00+00:00")));
        check_moment("1970-01-01T00:00:00-00:00", Some((0, "1970-01-01T00:00:00+00:00")));
        check_moment("1969-12-31T20:59:59-03:30", Some((1799, "1969-12-31T20:59:59-03:30")));
        for text in ["2026-06-18T09:30:00", "2026-06-18T09:30:00.5Z", "2026-06-18T24:00:00Z"] {
            check_moment(text, None);
        }
        for text in ["2026-06-18T09:60:00Z", "2026-06-18T09:30:60Z", "2026-06-18 09:30:00Z"] {
            check_moment(text, None);
        }
        for text in ["2026-06-31T09:30:00Z", "2026-06-18T09:30:00+24:00", "2026/06/18T09:30:00Z"] {
            check_moment(text, None);
        }
        for text in ["2026-06-18T9:30:00+8:00", "日日日日日日日日", "2026-06-18T09:30:00+0800"]
        {
            check_moment(text, None);
        }
    }

    #[test]
    fn moments_know_their_local_day() {
        let late = Moment::from_unix(1_781_746_200 + 15 * 3600, 480).expect("within bounds");
        assert_eq!(late.date(), Date::new(2026, 6, 19).expect("a day"));
        assert_eq!(late.offset_minutes(), 480);
        let earlier = Moment::from_unix(1_781_746_200, 0).expect("within bounds");
        assert!(earlier < late);
        for (seconds, offset) in [(i64::MAX, 480), (i64::MIN, -480), (0, 1440), (7_258_118_400, 0)]
        {
            assert_eq!(Moment::from_unix(seconds, offset), None);
        }
    }

    #[test]
    fn stored_dates_have_one_form() {
        let stored = |text: &str| Value::Text(text.to_owned());
        assert!(Date::from_value(&stored("2026-04-30")).is_some());
        assert!(Date::from_value(&stored("2026-4-30")).is_none());
        assert!(Moment::from_value(&stored("2026-06-18T01:30:00Z")).is_none());
        assert_eq!(format!("{:?}", Date::new(2004, 2, 29)), "Some(Date(2004-**-**))");
    }
}
