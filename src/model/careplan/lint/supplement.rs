//! 利用者補足情報: its two zeros, the limits, the days of short stay.

use std::sync::LazyLock;

use super::file::View;
use super::finding::Findings;
use super::record::columns;
use super::rule::Rule;
use crate::model::careplan::layout::{Condition, FileKind};
use crate::model::careplan::{MonthPart, value};

columns! {
    /// The columns of the supplement.
    Columns {
        care_plan_date target_month care_level benefit_limit_units
        short_stay_days_to_previous_month short_stay_days_cumulative
    }
}

static COLUMNS: LazyLock<Columns> = LazyLock::new(|| Columns::of(FileKind::Supplement));

/// The four columns of each of the nine frames: kind, limit, total, over.
static FRAMES: LazyLock<Vec<Vec<usize>>> = LazyLock::new(|| {
    let items = FileKind::Supplement.items();
    let frame = |wanted| items.iter().filter(move |item| item.condition == Condition::Frame(wanted));
    (1..=9).map(|number| frame(number).map(|item| item.number).collect()).collect()
});

pub(super) fn check(view: &View<'_, '_>, findings: &mut Findings) {
    link(view, findings);
    limits(view, findings);
    frames(view, findings);
}

/// Beside tables 1 to 3 there is no month, beside tables 6 and 7 no plan date.
fn link(view: &View<'_, '_>, findings: &mut Findings) {
    let columns = &*COLUMNS;
    let Some(part) = view.name.and_then(|name| name.month) else { return };
    let (date, month) = (view.get(columns.care_plan_date), view.get(columns.target_month));
    let (date_right, month_right, wanted) = match part {
        MonthPart::Zero => {
            (value::date(date).is_some(), month == b"000000", ["YYYYMMDD".to_owned(), "000000".to_owned()])
        }
        MonthPart::Month(wanted) => {
            (date == b"00000000", value::month(month) == Some(wanted), ["00000000".to_owned(), wanted.to_string()])
        }
    };
    let [wanted_date, wanted_month] = wanted;
    if !date_right && !date.is_empty() {
        findings.push(view.about(Rule::SupplementLink, columns.care_plan_date).detail(wanted_date));
    }
    if !month_right && !month.is_empty() {
        findings.push(view.about(Rule::SupplementLink, columns.target_month).detail(wanted_month));
    }
}

fn limits(view: &View<'_, '_>, findings: &mut Findings) {
    let columns = &*COLUMNS;
    let limit = value::number(view.get(columns.benefit_limit_units));
    let usual = view.plan.settings.codes.benefit_limit(view.get(columns.care_level));
    if let (Some(limit), Some(usual)) = (limit, usual)
        && limit != usual
    {
        findings.push(view.about(Rule::BenefitLimit, columns.benefit_limit_units).detail(usual));
    }
    let before = value::number(view.get(columns.short_stay_days_to_previous_month));
    let sum = value::number(view.get(columns.short_stay_days_cumulative));
    if let (Some(before), Some(sum)) = (before, sum)
        && sum < before
    {
        let column = columns.short_stay_days_cumulative;
        findings.push(view.about(Rule::ShortStaySum, column).detail(format!("{sum} < {before}")));
    }
}

fn frames(view: &View<'_, '_>, findings: &mut Findings) {
    let mut kinds: Vec<&[u8]> = Vec::new();
    let mut gap = false;
    for frame in FRAMES.iter() {
        let [kind, limit, total, over] = frame.as_slice() else { continue };
        if !frame.iter().any(|column| view.filled(*column)) {
            gap = true;
            continue;
        }
        if std::mem::take(&mut gap) {
            findings.push(view.about(Rule::FrameGap, *kind));
        }
        for column in frame.iter().filter(|column| !view.filled(**column)) {
            findings.push(view.about(Rule::FrameIncomplete, *column));
        }
        let code = view.get(*kind);
        if !code.is_empty() && kinds.contains(&code) {
            findings.push(view.about(Rule::FrameRepeated, *kind));
        }
        kinds.push(code);
        let number = |column: &usize| value::number(view.get(*column));
        if let (Some(limit), Some(total), Some(stated)) = (number(limit), number(total), number(over)) {
            let wanted = (total - limit).max(0);
            if stated != wanted {
                findings.push(view.about(Rule::FrameOver, *over).detail(wanted));
            }
        }
    }
}
