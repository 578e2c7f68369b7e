//! Obligations, and the rules that tie items of different sections together.

use jiff::civil::Date;

use super::choice::{
    DementiaDegree, FormVersion, NutritionStatus, OutdoorWalking, Presence, ShortTermMemory, SpecialResponse,
    SpecifiedDisease, WalkingAid,
};
use super::dates::{PartialDate, age_on};
use super::item::Item;
use super::problem::{Fill, ProblemCode, Severity};
use super::reader::Reader;
use super::table::Obligation;
use super::text::Tenths;

/// The lists whose emptiness says nothing, because the form has a box "none".
const LISTS_WITH_NONE: [Item; 3] = [Item::WalkingAids, Item::MedicalManagement, Item::ServiceCautions];

/// Reports what is missing from the form, and what is not on it. Where the version is not known, only what holds for both.
pub(super) fn obligations(r: &mut Reader<'_>) {
    for item in LISTS_WITH_NONE {
        r.drop_empty_list(item);
    }
    let form = r.form();
    for &item in Item::ALL {
        let row = item.row();
        let [until, from] = [FormVersion::Until202603, FormVersion::From202604].map(|form| row.obligation(form));
        let obligation = match form {
            Some(form) => row.obligation(form),
            None if until == from => until,
            None => continue,
        };
        match (obligation, r.stated(item)) {
            (Obligation::Required, false) => r.error(item, ProblemCode::ItemRequired),
            (Obligation::Expected, false) => r.warn(item, ProblemCode::ItemExpected),
            (Obligation::Absent, true) => r.error(item, ProblemCode::ItemNotInForm),
            _ => {}
        }
    }
}

/// Reports every rule across sections that the stated items break.
pub(super) fn across(r: &mut Reader<'_>, today: Date) {
    dates(r, today);
    onsets(r);
    age(r);
    contradictions(r);
    nutrition(r);
}

fn dates(r: &mut Reader<'_>, today: Date) {
    for item in [Item::EntryDate, Item::LastExamDate] {
        if r.peek_date(item).is_some_and(|date| date > today) {
            r.error(item, ProblemCode::DateFuture);
        }
    }
    let pairs = [
        (Item::LastExamDate, Item::LastExamDate, Item::EntryDate, Severity::Error),
        (Item::ApplicationDate, Item::ApplicationDate, Item::RequestDate, Severity::Warning),
        (Item::RequestDate, Item::RequestDate, Item::EntryDate, Severity::Warning),
        (Item::SentDate, Item::EntryDate, Item::SentDate, Severity::Warning),
    ];
    for (blamed, earlier, later, severity) in pairs {
        in_order(r, blamed, earlier, later, severity);
    }
    if !r.stated(Item::RequestDate) {
        in_order(r, Item::ApplicationDate, Item::ApplicationDate, Item::EntryDate, Severity::Warning);
    }
    if let (Some(birth), Some(entry)) = (r.peek_date(Item::BirthDate), r.peek_date(Item::EntryDate))
        && birth >= entry
    {
        order_problem(r, Item::BirthDate, Item::EntryDate, Severity::Error);
    }
}

fn in_order(r: &mut Reader<'_>, blamed: Item, earlier: Item, later: Item, severity: Severity) {
    if let (Some(first), Some(second)) = (r.peek_date(earlier), r.peek_date(later))
        && first > second
    {
        order_problem(r, blamed, if blamed == earlier { later } else { earlier }, severity);
    }
}

fn order_problem(r: &mut Reader<'_>, blamed: Item, other: Item, severity: Severity) {
    r.report(blamed, ProblemCode::DateOrder, severity, &Fill::item(blamed).with(other));
}

fn onsets(r: &mut Reader<'_>) {
    let Some(entry) = r.peek_date(Item::EntryDate) else { return };
    for item in [Item::Diagnosis1Onset, Item::Diagnosis2Onset, Item::Diagnosis3Onset] {
        let onset = r.value(item).and_then(|value| value.as_object()).and_then(PartialDate::parse);
        if onset.and_then(PartialDate::earliest).is_some_and(|earliest| earliest > entry) {
            order_problem(r, item, Item::EntryDate, Severity::Warning);
        }
    }
}

fn age(r: &mut Reader<'_>) {
    let (Some(birth), Some(entry)) = (r.peek_date(Item::BirthDate), r.peek_date(Item::EntryDate)) else { return };
    if birth >= entry {
        return;
    }
    let item = Item::SpecifiedDisease;
    match age_on(birth, entry) {
        ..40 => r.warn(Item::BirthDate, ProblemCode::AgeUnder40),
        40..65 => {
            let named = r.peek(item).is_some_and(|disease: SpecifiedDisease| disease != SpecifiedDisease::NotSpecified);
            if !named && r.unless_broken(item, true).is_some() {
                r.warn(item, ProblemCode::SpecifiedDisease);
            }
        }
        65..=130 => {}
        _ => {
            let fill = Fill::item(Item::Age).detail("40〜130", "40 to 130");
            r.report(Item::Age, ProblemCode::NumberImplausible, Severity::Warning, &fill);
        }
    }
}

fn contradictions(r: &mut Reader<'_>) {
    if r.peek(Item::DementiaDegree) == Some(DementiaDegree::Independent) {
        for (item, troubled) in [
            (Item::ShortTermMemory, r.peek(Item::ShortTermMemory) == Some(ShortTermMemory::Problem)),
            (Item::BpsdPresence, r.peek(Item::BpsdPresence) == Some(Presence::Present)),
        ] {
            if troubled {
                r.warn_with(Item::DementiaDegree, ProblemCode::DementiaContradiction, item);
            }
        }
    }
    let ulcer = r.value(Item::PressureUlcer).and_then(serde_json::Value::as_bool) == Some(true);
    if r.peek_ticked(Item::SpecialResponses, SpecialResponse::PressureUlcerCare) && !ulcer {
        r.warn(Item::PressureUlcer, ProblemCode::UlcerContradiction);
    }
    if r.peek(Item::OutdoorWalking) == Some(OutdoorWalking::NotDone)
        && r.peek_ticked(Item::WalkingAids, WalkingAid::Outdoors)
    {
        r.warn_with(Item::OutdoorWalking, ProblemCode::WalkingContradiction, Item::WalkingAids);
    }
}

fn nutrition(r: &mut Reader<'_>) {
    let measure = |item| r.value(item).and_then(serde_json::Value::as_f64).and_then(Tenths::nearest).map(Tenths::value);
    let (Some(height), Some(weight)) = (measure(Item::HeightCm), measure(Item::WeightKg)) else { return };
    let metres = height / 100.0;
    let thin = weight / (metres * metres) < 18.5;
    if thin && r.peek(Item::NutritionStatus) == Some(NutritionStatus::Good) {
        r.warn(Item::NutritionStatus, ProblemCode::NutritionDoubtful);
    }
}
