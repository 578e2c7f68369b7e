//! One value: its length, its form, its code.

use super::LengthReading;
use super::file::Spot;
use super::plan::Codes;
use super::rule::Rule;
use super::text;
use crate::model::careplan::codes::{Scope, VersionState};
use crate::model::careplan::layout::{Condition, Doubt, Length, LengthUnit, Need, Type};
use crate::model::careplan::{FileKind, FileName, cp932, value};
use crate::model::numbers::{OfficeNumberCheck, check_digit, check_office_number};

/// Looks at one value, without its quotes; true when it is right and can be used by other rules.
pub(super) fn check(spot: &mut Spot<'_, '_>, content: &[u8], codes: &Codes) -> bool {
    if content.is_empty() {
        return empty(spot);
    }
    if !text::check(spot, content) {
        return false;
    }
    match spot.item.kind {
        Type::Text | Type::Kana => return true,
        Type::Image => return image(spot, content),
        Type::Unused => {
            spot.say(Rule::ItemUnused);
            return true;
        }
        Type::Phone => return phone(spot, content),
        _ => {}
    }
    if zeros_for_nothing(spot, content) {
        return true;
    }
    let Some((rule, detail)) = written(spot, content).or_else(|| wrong(spot, content, codes)) else {
        return true;
    };
    if spot.item.doubt == Doubt::Meaning {
        spot.say_value(Rule::ValueDoubtful, content, "");
        return true;
    }
    spot.say_value(rule, content, &detail);
    rule.severity() == super::Severity::Advice
}

fn empty(spot: &mut Spot<'_, '_>) -> bool {
    if spot.item.need == Need::Required {
        let unsure = spot.item.doubt == Doubt::Need;
        spot.say(if unsure { Rule::ItemExpected } else { Rule::ItemRequired });
    }
    true
}

/// The supplement writes zeros where a date or a month does not apply.
fn zeros_for_nothing(spot: &Spot<'_, '_>, content: &[u8]) -> bool {
    matches!(spot.item.condition, Condition::ZeroWithPlan | Condition::ZeroWithSlip)
        && content.iter().all(|byte| *byte == b'0')
        && Some(content.len()) == spot.item.length.map(|length| length.max)
}

type Wrong = (Rule, String);

fn plain(rule: Rule) -> Option<Wrong> {
    Some((rule, String::new()))
}

/// What can go wrong with any value that is not free text.
fn written(spot: &Spot<'_, '_>, content: &[u8]) -> Option<Wrong> {
    if !content.is_ascii() {
        return plain(Rule::ValueFullWidth);
    }
    if content.first() == Some(&b' ') || content.last() == Some(&b' ') {
        return plain(Rule::ValueSpaces);
    }
    spreadsheet(spot, content)
}

/// Marks of a spreadsheet: `1.23E+09`, `="0123"`, `10.0`, `2026/4/1`.
fn spreadsheet(spot: &Spot<'_, '_>, content: &[u8]) -> Option<Wrong> {
    let exponent = content.windows(2).any(|pair| matches!(pair, b"E+" | b"e+"));
    let formula = content.starts_with(b"=");
    let decimal = spot.item.kind != Type::Price
        && content.strip_suffix(b".0").is_some_and(value::is_digits)
        && !matches!(spot.item.kind, Type::Entry);
    let mark = if exponent {
        "E+"
    } else if formula {
        "="
    } else if decimal {
        ".0"
    } else {
        return None;
    };
    Some((Rule::ValueSpreadsheet, mark.to_owned()))
}

fn wrong(spot: &mut Spot<'_, '_>, content: &[u8], codes: &Codes) -> Option<Wrong> {
    match spot.item.kind {
        Type::Version => version(spot, content),
        Type::Insurer => insurer(content).or_else(|| length(spot, content)),
        Type::Insured => insured(content).or_else(|| length(spot, content)),
        Type::Office => office(spot, content),
        Type::Code => code(content, codes, spot),
        Type::Date => date(content),
        Type::Month => value::month(content).is_none().then_some((Rule::MonthInvalid, String::new())),
        Type::Time => {
            matches!(value::time(content), None | Some(value::Time::None)).then_some((Rule::TimeInvalid, String::new()))
        }
        Type::TimeOrNone => value::time(content).is_none().then_some((Rule::TimeInvalid, String::new())),
        Type::Days => {
            let right = content.len() == 31 && content.iter().all(|byte| matches!(byte, b'0' | b'1'));
            (!right).then_some((Rule::DaysInvalid, String::new()))
        }
        Type::Number => number(spot, content, value::is_digits(content)),
        Type::Signed => signed(spot, content),
        Type::Price => value::price(content)
            .is_none()
            .then_some((Rule::PriceInvalid, String::new()))
            .or_else(|| length(spot, content)),
        Type::Ordinal => ordinal(spot, content),
        Type::Service => service(spot, content),
        Type::RowCode => row_code(spot, content),
        Type::Equipment => (!is_equipment(content)).then_some((Rule::EquipmentShape, String::new())),
        Type::Branch => {
            length(spot, content).or_else(|| (!value::is_digits(content)).then_some((Rule::BranchShape, String::new())))
        }
        Type::Entry => length(spot, content),
        Type::Postal => (!is_postal(content)).then_some((Rule::PostalShape, String::new())),
        Type::Text | Type::Kana | Type::Image | Type::Phone | Type::Unused => None,
    }
}

fn length(spot: &mut Spot<'_, '_>, content: &[u8]) -> Option<Wrong> {
    let Length { max, exact, .. } = spot.item.length?;
    if let Doubt::Length { printed } = spot.item.doubt {
        let least = printed.unwrap_or(max);
        return (content.len() > least).then(|| (Rule::LengthDoubtful, least.to_string()));
    }
    if exact && content.len() != max {
        return Some((Rule::LengthExact, max.to_string()));
    }
    (content.len() > max).then(|| (Rule::LengthTooLong, max.to_string()))
}

fn version(spot: &Spot<'_, '_>, content: &[u8]) -> Option<Wrong> {
    if content == spot.plan.current {
        return None;
    }
    let codes = &spot.plan.settings.codes;
    let rule = match codes.version(content) {
        Some(VersionState::Current) => return None,
        Some(VersionState::Tolerated) => Rule::VersionTolerated,
        Some(VersionState::Old) => Rule::VersionOld,
        None => Rule::VersionUnknown,
    };
    Some((rule, codes.version_to_write().to_owned()))
}

fn insurer(content: &[u8]) -> Option<Wrong> {
    if !value::is_digits(content) {
        return plain(Rule::NumberInvalid);
    }
    let (payload, last) = (content.get(..5)?, content.get(5..6)?);
    let digit = std::str::from_utf8(payload).ok().and_then(check_digit)?;
    (content.len() == 6 && value::number(last) != Some(i64::from(digit)))
        .then_some((Rule::InsurerCheckDigit, String::new()))
}

fn insured(content: &[u8]) -> Option<Wrong> {
    let digits = content.strip_prefix(b"H").unwrap_or(content);
    (!value::is_digits(digits)).then_some((Rule::InsuredShape, String::new()))
}

fn office(spot: &mut Spot<'_, '_>, content: &[u8]) -> Option<Wrong> {
    if let Some(wrong) = length(spot, content) {
        return Some(wrong);
    }
    // The office of the grand total of table 7 and of its fixed item is no office.
    if spot.kind == FileKind::SlipAnnex && content == b"9999999999" {
        return None;
    }
    match check_office_number(std::str::from_utf8(content).unwrap_or_default()) {
        OfficeNumberCheck::Right => None,
        OfficeNumberCheck::Shape => plain(Rule::OfficeShape),
        OfficeNumberCheck::CheckDigit => plain(Rule::OfficeCheckDigit),
    }
}

fn code(content: &[u8], codes: &Codes, spot: &Spot<'_, '_>) -> Option<Wrong> {
    if codes.holds(content) {
        return (spot.item.codes == "service_kind").then(|| kind(spot, content)).flatten();
    }
    let zero = [b"0", content].concat();
    if codes.holds(&zero) && value::is_digits(content) {
        return plain(Rule::CodeZeroDropped);
    }
    plain(Rule::CodeUnknown)
}

fn date(content: &[u8]) -> Option<Wrong> {
    if content.len() != 8 || !value::is_digits(content) {
        return plain(Rule::DateShape);
    }
    match value::date(content) {
        None => plain(Rule::DateInvalid),
        Some(date) => (!(1900..2100).contains(&date.year())).then_some((Rule::DateImplausible, String::new())),
    }
}

fn number(spot: &mut Spot<'_, '_>, content: &[u8], right: bool) -> Option<Wrong> {
    if right { length(spot, content) } else { plain(Rule::NumberInvalid) }
}

fn signed(spot: &mut Spot<'_, '_>, content: &[u8]) -> Option<Wrong> {
    let wrong = number(spot, content, value::signed(content).is_some());
    wrong.or_else(|| content.starts_with(b"-").then_some((Rule::NumberNegative, String::new())))
}

fn ordinal(spot: &mut Spot<'_, '_>, content: &[u8]) -> Option<Wrong> {
    let right = value::number(content).is_some_and(|number| number >= 1);
    // The annex of the preventive plan prints its running numbers as free text.
    if spot.item.doubt == Doubt::Need && (!right || content.len() > 2) {
        return plain(Rule::ValueDoubtful);
    }
    if !right || (content.len() > 2 && spot.item.doubt == Doubt::None) {
        return plain(Rule::OrdinalInvalid);
    }
    length(spot, content)
}

fn service(spot: &mut Spot<'_, '_>, content: &[u8]) -> Option<Wrong> {
    let alphanumeric = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
    if content.len() != 6 || !content.iter().all(alphanumeric) {
        return plain(Rule::ServiceShape);
    }
    kind(spot, content.get(..2)?)
}

fn row_code(spot: &mut Spot<'_, '_>, content: &[u8]) -> Option<Wrong> {
    if content == b"999999" { None } else { service(spot, content) }
}

fn kind(spot: &Spot<'_, '_>, kind: &[u8]) -> Option<Wrong> {
    if spot.plan.exchanged.holds(kind) {
        return None;
    }
    let rule = match spot.plan.settings.codes.scope(kind) {
        Some(Scope::In) => return None,
        Some(Scope::Out | Scope::NameOnly) => Rule::ServiceOutOfScope,
        None => Rule::ServiceKindUnknown,
    };
    Some((rule, String::from_utf8_lossy(kind).into_owned()))
}

fn is_equipment(content: &[u8]) -> bool {
    content.len() == 12
        && content.iter().enumerate().all(|(at, byte)| if at == 5 { *byte == b'-' } else { byte.is_ascii_digit() })
}

fn is_postal(content: &[u8]) -> bool {
    content.len() == 8
        && content.iter().enumerate().all(|(at, byte)| if at == 3 { *byte == b'-' } else { byte.is_ascii_digit() })
}

/// A telephone number: its unit of length is open, and it has no form.
fn phone(spot: &mut Spot<'_, '_>, content: &[u8]) -> bool {
    let Some(length) = spot.item.length else { return true };
    let (bytes, characters) = (content.len(), cp932::glyphs(content).count());
    let open = length.unit == LengthUnit::Unstated;
    let (longest, shortest) = match spot.plan.settings.lengths {
        LengthReading::Characters if open => (characters, characters),
        LengthReading::Either if open => (bytes, characters),
        _ => (bytes, bytes),
    };
    if shortest > length.max {
        spot.say_value(Rule::LengthTooLong, content, &length.max.to_string());
        return false;
    }
    if longest > length.max {
        spot.say_value(Rule::LengthUnit, content, &length.max.to_string());
    }
    if !content.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'(' | b')')) {
        spot.say(Rule::PhoneShape);
    }
    true
}

fn image(spot: &mut Spot<'_, '_>, content: &[u8]) -> bool {
    let name = std::str::from_utf8(content).ok().and_then(|name| FileName::parse(name).ok());
    if name.is_none_or(|name| name.kind != FileKind::BaseImage) {
        spot.say(Rule::ImageName);
    }
    true
}
