//! Values as the files write them: bytes to dates, months, times and numbers, strictly.

use jiff::civil::{Date, DateTime};

/// A service month, `YYYYMM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month {
    /// The Gregorian year.
    pub year: i16,
    /// 1 to 12.
    pub month: i8,
}

impl Month {
    /// How many days it has.
    #[must_use]
    pub fn days(self) -> i8 {
        Date::new(self.year, self.month, 1).map_or(31, Date::days_in_month)
    }

    /// True when the day lies in it.
    #[must_use]
    pub fn holds(self, date: Date) -> bool {
        date.year() == self.year && date.month() == self.month
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}{:02}", self.year, self.month)
    }
}

/// A time of day, `HHMM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Time {
    /// Minutes since midnight, 0 to 1439.
    Minutes(u16),
    /// 9999: a service shown without a time.
    None,
}

/// True when there is something, and nothing but the digits 0 to 9.
#[must_use]
pub fn is_digits(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit)
}

/// A number of at most 18 digits; `None` for anything else.
#[must_use]
pub fn number(bytes: &[u8]) -> Option<i64> {
    if !is_digits(bytes) || bytes.len() > 18 {
        return None;
    }
    Some(bytes.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

/// A number that may have a leading minus.
#[must_use]
pub fn signed(bytes: &[u8]) -> Option<i64> {
    match bytes.strip_prefix(b"-") {
        Some(rest) => number(rest).map(|value| -value),
        None => number(bytes),
    }
}

fn part(bytes: &[u8], from: usize, to: usize) -> Option<i16> {
    number(bytes.get(from..to)?).and_then(|value| i16::try_from(value).ok())
}

fn small(bytes: &[u8], from: usize, to: usize) -> Option<i8> {
    part(bytes, from, to).and_then(|value| i8::try_from(value).ok())
}

/// `YYYYMMDD`, a day of the Gregorian calendar from 1868 on.
#[must_use]
pub fn date(bytes: &[u8]) -> Option<Date> {
    if bytes.len() != 8 || !is_digits(bytes) {
        return None;
    }
    let year = part(bytes, 0, 4).filter(|year| *year >= 1868)?;
    Date::new(year, small(bytes, 4, 6)?, small(bytes, 6, 8)?).ok()
}

/// `YYYYMM`, from the year 2000 on, when care insurance began.
#[must_use]
pub fn month(bytes: &[u8]) -> Option<Month> {
    if bytes.len() != 6 || !is_digits(bytes) {
        return None;
    }
    let year = part(bytes, 0, 4).filter(|year| *year >= 2000)?;
    let month = small(bytes, 4, 6).filter(|month| (1..=12).contains(month))?;
    Some(Month { year, month })
}

/// `HHMM`, 0000 to 2359, or 9999.
#[must_use]
pub fn time(bytes: &[u8]) -> Option<Time> {
    if bytes == b"9999" {
        return Some(Time::None);
    }
    if bytes.len() != 4 || !is_digits(bytes) {
        return None;
    }
    let (hour, minute) = (part(bytes, 0, 2)?, part(bytes, 2, 4)?);
    (hour < 24 && minute < 60).then(|| Time::Minutes(u16::try_from(hour * 60 + minute).unwrap_or(0)))
}

/// `YYYYMMDDHHMMSS`, the stamp of file names (ファイル連番).
#[must_use]
pub fn stamp(bytes: &[u8]) -> Option<DateTime> {
    if bytes.len() != 14 || !is_digits(bytes) {
        return None;
    }
    let day = date(bytes.get(..8)?)?;
    let [hour, minute, second] = [small(bytes, 8, 10)?, small(bytes, 10, 12)?, small(bytes, 12, 14)?];
    // Second 60 would be taken as a leap second; no stamp means one.
    if second > 59 {
        return None;
    }
    DateTime::new(day.year(), day.month(), day.day(), hour, minute, second, 0).ok()
}

/// `99.99`: at most three digits before the point and two behind it; in hundredths.
#[must_use]
pub fn price(bytes: &[u8]) -> Option<i64> {
    let point = bytes.iter().position(|byte| *byte == b'.')?;
    let (whole, rest) = (bytes.get(..point)?, bytes.get(point + 1..)?);
    if whole.len() > 3 || rest.len() != 2 {
        return None;
    }
    Some(number(whole)? * 100 + number(rest)?)
}
