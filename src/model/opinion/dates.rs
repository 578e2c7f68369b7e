//! Dates of the form: exact ones, and the rough ones of an onset.

use jiff::civil::Date;
use serde_json::{Map, Value, json};

/// An onset as far as it is known. Gregorian; `approximate` says whether 頃 is printed behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartialDate {
    /// 不詳.
    Unknown,
    /// The year only.
    Year {
        /// 1868 to 9999.
        year: i16,
        /// 頃.
        approximate: bool,
    },
    /// Year and month.
    Month {
        /// 1868 to 9999.
        year: i16,
        /// 1 to 12.
        month: i8,
        /// 頃.
        approximate: bool,
    },
    /// The day.
    Day {
        /// The day itself, 1868 or later.
        date: Date,
        /// 頃.
        approximate: bool,
    },
}

/// The oldest year a form can mean: Meiji 1.
const FIRST_YEAR: i16 = 1868;
/// The names a rough date may have.
pub(super) const PARTS: [&str; 5] = ["precision", "year", "month", "day", "approximate"];

impl PartialDate {
    /// Reads the object form; `None` when a part is missing, superfluous, or no such day exists.
    pub(super) fn parse(object: &Map<String, Value>) -> Option<Self> {
        let stated = |name| object.get(name).filter(|value: &&Value| !value.is_null());
        let approximate = match stated("approximate") {
            None => false,
            Some(value) => value.as_bool()?,
        };
        let parts = [stated("year"), stated("month"), stated("day")];
        let year =
            |value: &Value| value.as_i64().and_then(|year| i16::try_from(year).ok()).filter(|y| *y >= FIRST_YEAR);
        let small = |value: &Value| value.as_i64().and_then(|part| i8::try_from(part).ok());
        match (stated("precision")?.as_str()?, parts) {
            ("unknown", [None, None, None]) if !approximate => Some(Self::Unknown),
            ("year", [Some(y), None, None]) => {
                Some(Self::Year { year: year(y).filter(|year| *year <= 9999)?, approximate })
            }
            ("month", [Some(y), Some(m), None]) => {
                let first = Date::new(year(y)?, small(m)?, 1).ok()?;
                Some(Self::Month { year: first.year(), month: first.month(), approximate })
            }
            ("day", [Some(y), Some(m), Some(d)]) => {
                Some(Self::Day { date: Date::new(year(y)?, small(m)?, small(d)?).ok()?, approximate })
            }
            _ => None,
        }
    }

    pub(super) fn to_value(self) -> Value {
        let (mut value, approximate) = match self {
            Self::Unknown => (json!({"precision": "unknown"}), false),
            Self::Year { year, approximate } => (json!({"precision": "year", "year": year}), approximate),
            Self::Month { year, month, approximate } => {
                (json!({"precision": "month", "year": year, "month": month}), approximate)
            }
            Self::Day { date, approximate } => (
                json!({"precision": "day", "year": date.year(), "month": date.month(), "day": date.day()}),
                approximate,
            ),
        };
        if let Some(object) = value.as_object_mut().filter(|_| approximate) {
            object.insert("approximate".to_owned(), Value::Bool(true));
        }
        value
    }

    /// The first day it can mean; `None` for 不詳.
    #[must_use]
    pub fn earliest(self) -> Option<Date> {
        match self {
            Self::Unknown => None,
            Self::Year { year, .. } => Date::new(year, 1, 1).ok(),
            Self::Month { year, month, .. } => Date::new(year, month, 1).ok(),
            Self::Day { date, .. } => Some(date),
        }
    }
}

/// Reads `YYYY-MM-DD`, and nothing else.
pub(super) fn parse_date(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10
        && bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 4 | 7) { *byte == b'-' } else { byte.is_ascii_digit() });
    let part = |from: usize, to: usize| text.get(from..to);
    if !shaped {
        return None;
    }
    let date = Date::new(part(0, 4)?.parse().ok()?, part(5, 7)?.parse().ok()?, part(8, 10)?.parse().ok()?).ok()?;
    (date.year() >= FIRST_YEAR).then_some(date)
}

/// Full years of age on a day; 0 before birth.
#[must_use]
pub fn age_on(birth: Date, day: Date) -> u16 {
    let before_birthday = (day.month(), day.day()) < (birth.month(), birth.day());
    let years = i32::from(day.year()) - i32::from(birth.year()) - i32::from(before_birthday);
    u16::try_from(years).unwrap_or(0)
}
