//! Values of one record together.

use jiff::civil::Date;

use super::file::View;
use super::finding::Findings;
use super::rule::Rule;
use super::supplement;
use crate::model::careplan::layout::{Condition, FileKind, RowSort};
use crate::model::careplan::value::{self, Time};

/// Names the columns of items once: the field names are the items'.
macro_rules! columns {
    ($( #[$doc:meta] )* $name:ident { $( $item:ident )+ }) => {
        $( #[$doc] )*
        pub(super) struct $name { $( pub(super) $item: usize, )+ }

        impl $name {
            pub(super) fn of(kind: $crate::model::careplan::FileKind) -> Self {
                let column = |name| kind.item(name).map_or(0, |item| item.number);
                Self { $( $item: column(stringify!($item)), )+ }
            }
        }
    };
}
pub(super) use columns;

columns! {
    /// The columns of rules that hold for several kinds; 0 where a kind has no such item.
    Common {
        target_month care_plan_date first_care_plan_date first_plan_date user_birth_date
        limit_applies_from limit_applies_to certification_valid_from certification_valid_to
        service_date daily_rate_days service_start_time service_end_time activity_start_time activity_end_time
        service_code tais_code equipment_notification_code equipment_name detail_number
        provider_office_code service_kind updated_by_office_code certification_date
    }
}

/// The columns of a kind, and as bits those that a check looks at.
struct OfKind {
    columns: Common,
    periods: u128,
    times: u128,
    equipment: u128,
    month: u128,
}

static COMMON: std::sync::LazyLock<Vec<OfKind>> =
    std::sync::LazyLock::new(|| FileKind::ALL.iter().map(|kind| OfKind::new(*kind)).collect());

impl OfKind {
    fn new(kind: FileKind) -> Self {
        let columns = Common::of(kind);
        let c = &columns;
        Self {
            periods: bits(&[
                c.limit_applies_from,
                c.limit_applies_to,
                c.certification_valid_from,
                c.certification_valid_to,
                c.care_plan_date,
                c.first_care_plan_date,
                c.first_plan_date,
                c.user_birth_date,
                c.certification_date,
            ]),
            times: bits(&[c.service_start_time, c.service_end_time, c.activity_start_time, c.activity_end_time]),
            equipment: bits(&[
                c.service_code,
                c.tais_code,
                c.equipment_notification_code,
                c.equipment_name,
                c.detail_number,
            ]),
            month: bits(&[c.target_month, c.service_date, c.daily_rate_days]),
            columns,
        }
    }
}

/// Columns as bits by number; 0 stands for a column that the kind has not.
pub(super) fn bits(columns: &[usize]) -> u128 {
    columns.iter().filter(|column| **column > 0).fold(0, |bits, column| bits | 1 << column)
}

/// Checks that need not be made again.
#[derive(Clone, Copy)]
pub(super) enum Check {
    Periods,
    Times,
    Equipment,
    Month,
    Version,
    OneMonth,
}

/// Checks that found nothing in the record before: as long as the values stay, there is nothing to find.
#[derive(Default)]
pub(super) struct Quiet([bool; 6]);

impl Quiet {
    pub(super) fn check(&mut self, view: &View<'_, '_>, findings: &mut Findings) {
        let Some(kind) = COMMON.get(view.kind as usize) else { return };
        let columns = &kind.columns;
        let monthly = matches!(view.kind, FileKind::Slip | FileKind::Results);
        self.unless(Check::Periods, kind.periods, view, findings, |findings| periods(view, columns, findings));
        self.unless(Check::Times, kind.times, view, findings, |findings| times(view, columns, findings));
        if monthly || view.kind == FileKind::SlipAnnex {
            self.unless(Check::Equipment, kind.equipment, view, findings, |findings| {
                equipment(view, columns, findings);
            });
        }
        if monthly {
            self.unless(Check::Month, kind.month, view, findings, |findings| month(view, columns, findings));
        }
        match view.kind {
            FileKind::Plan1 | FileKind::Base => conditions(view, findings),
            FileKind::Supplement => supplement::check(view, findings),
            FileKind::Plan3 => row_sort(view, findings),
            FileKind::Results | FileKind::ResultsDelete => provider(view, columns, findings),
            _ => {}
        }
    }

    /// Makes a check of these columns, unless their values are right and it found nothing in them before.
    pub(super) fn unless(
        &mut self,
        at: Check,
        columns: u128,
        view: &View<'_, '_>,
        findings: &mut Findings,
        check: impl FnOnce(&mut Findings),
    ) {
        let Some(quiet) = self.0.get_mut(at as usize) else { return };
        if view.holds(columns, quiet) {
            return;
        }
        let before = findings.count();
        check(findings);
        *quiet &= findings.count() == before;
    }
}

fn date(view: &View<'_, '_>, column: usize) -> Option<Date> {
    value::date(view.get(column))
}

fn periods(view: &View<'_, '_>, columns: &Common, findings: &mut Findings) {
    let periods = [
        (columns.limit_applies_from, columns.limit_applies_to),
        (columns.certification_valid_from, columns.certification_valid_to),
    ];
    for (from, to) in periods {
        if let (Some(start), Some(end)) = (date(view, from), date(view, to))
            && end < start
        {
            findings.push(view.about(Rule::PeriodReversed, to).words("期間の始まり", "of the period"));
        }
    }
    let plan = if view.kind == FileKind::Supplement { 0 } else { columns.care_plan_date };
    let orders = [
        (columns.first_care_plan_date, plan),
        (columns.first_plan_date, plan),
        (columns.user_birth_date, columns.certification_valid_from),
        (columns.user_birth_date, columns.certification_date),
    ];
    for (early, late) in orders {
        if let (Some(first), Some(second)) = (date(view, early), date(view, late))
            && first > second
        {
            let item = view.kind.items().get(late - 1);
            let [ja, en] = item.map_or(["", ""], |item| [item.label, item.name]);
            findings.push(view.about(Rule::DateOrder, early).words(ja, en));
        }
    }
}

fn times(view: &View<'_, '_>, columns: &Common, findings: &mut Findings) {
    let pairs = [
        (columns.service_start_time, columns.service_end_time),
        (columns.activity_start_time, columns.activity_end_time),
    ];
    for (start, end) in pairs {
        match (value::time(view.get(start)), value::time(view.get(end))) {
            (Some(Time::None), Some(Time::Minutes(_))) | (Some(Time::Minutes(_)), Some(Time::None)) => {
                findings.push(view.about(Rule::TimeHalf, end));
            }
            (Some(Time::Minutes(from)), Some(Time::Minutes(to))) if to < from => {
                findings.push(view.about(Rule::TimeReversed, end));
            }
            _ => {}
        }
    }
}

/// Details that another item's value calls for.
fn conditions(view: &View<'_, '_>, findings: &mut Findings) {
    for item in view.kind.items() {
        let Condition::When { item: owner, value } = item.condition else { continue };
        let Some(owner) = view.kind.item(owner).filter(|owner| view.sure(owner.number)) else { continue };
        let rule = match (view.get(owner.number) == value.as_bytes(), view.filled(item.number)) {
            (true, false) => Rule::DetailMissing,
            (false, true) => Rule::DetailStray,
            _ => continue,
        };
        findings.push(view.about(rule, item.number).words(owner.label, owner.name));
    }
}

fn month(view: &View<'_, '_>, columns: &Common, findings: &mut Findings) {
    let Some(month) = value::month(view.get(columns.target_month)) else { return };
    if date(view, columns.service_date).is_some_and(|date| !month.holds(date)) {
        findings.push(view.about(Rule::DayOutsideMonth, columns.service_date).detail(month));
    }
    let days = usize::try_from(month.days()).unwrap_or(31);
    let beyond = view.get(columns.daily_rate_days).get(days..).unwrap_or_default();
    if beyond.contains(&b'1') {
        findings.push(view.about(Rule::DaysBeyondMonth, columns.daily_rate_days).detail(days));
    }
}

fn equipment(view: &View<'_, '_>, columns: &Common, findings: &mut Findings) {
    let code = view.get(columns.service_code);
    let codes = [columns.tais_code, columns.equipment_notification_code];
    let subtotal = view.kind == FileKind::SlipAnnex && super::annex::is_sum(code);
    let rental = matches!(code.get(..2), Some(b"17" | b"67")) && !subtotal;
    match (rental, codes.map(|column| view.filled(column))) {
        (true, [false, false]) => findings.push(view.about(Rule::EquipmentMissing, columns.tais_code)),
        (true, [true, true]) => {
            findings.push(view.about(Rule::EquipmentBoth, columns.equipment_notification_code));
        }
        _ => {}
    }
    if !rental && !code.is_empty() {
        let only = [codes[0], codes[1], columns.equipment_name, columns.detail_number];
        for column in only.into_iter().filter(|column| *column > 0 && view.filled(*column)) {
            findings.push(view.about(Rule::EquipmentStray, column));
        }
    }
}

/// Table 3: a row is of one of three sorts.
fn row_sort(view: &View<'_, '_>, findings: &mut Findings) {
    let columns = |wanted: RowSort| {
        let items = view.kind.items().iter().filter(move |item| item.condition == Condition::Row(wanted));
        items.map(|item| item.number)
    };
    let sorts = [RowSort::Service, RowSort::Activity, RowSort::Outside];
    let present: Vec<RowSort> =
        sorts.into_iter().filter(|sort| columns(*sort).any(|column| view.filled(column))).collect();
    match present.as_slice() {
        [] => findings.push(view.finding(Rule::RowSortNone)),
        [sort] => {
            for column in columns(*sort).filter(|column| !view.filled(*column)) {
                findings.push(view.about(Rule::RowSortIncomplete, column));
            }
        }
        [_, second, ..] => {
            let column = columns(*second).find(|column| view.filled(*column)).unwrap_or(0);
            findings.push(view.about(Rule::RowSortMixed, column));
        }
    }
}

/// Results come from the office that gave the service.
fn provider(view: &View<'_, '_>, columns: &Common, findings: &mut Findings) {
    let Some(name) = view.name else { return };
    let office = view.get(columns.provider_office_code);
    if !office.is_empty() && office != name.from.office.as_bytes() {
        findings.push(view.about(Rule::ProviderOther, columns.provider_office_code));
    }
    let column = if columns.service_code > 0 { columns.service_code } else { columns.service_kind };
    if let Some(kind) = view.get(column).get(..2)
        && kind != name.from.service_kind.as_bytes()
    {
        findings.push(view.about(Rule::ServiceKindOther, column).detail(String::from_utf8_lossy(kind)));
    }
    let updated = view.get(columns.updated_by_office_code);
    if !updated.is_empty() && updated != name.from.office.as_bytes() {
        findings.push(view.about(Rule::UpdatedByOther, columns.updated_by_office_code));
    }
}
