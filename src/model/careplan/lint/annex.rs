//! 第7表 (サービス利用票別表): details, subtotals and the grand total of every user.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use super::digest::Digests;
use super::file::{Facts, View};
use super::finding::{Finding, Findings};
use super::record::columns;
use super::rule::Rule;
use crate::model::careplan::layout::{FileKind, Item};
use crate::model::careplan::value;

columns! {
    /// The columns of table 7.
    Columns {
        provider_office_code service_code units discounted_rate discounted_units times_or_days service_units_amount
        benefit_management_units level_limit_over_units level_limit_within_units
        covered_cost_total insurance_claim_amount user_charge_covered
        short_stay_days_to_previous_month short_stay_planned_days_this_month short_stay_days_cumulative over_30_days_flag
    }
}

static COLUMNS: LazyLock<Columns> = LazyLock::new(|| Columns::of(FileKind::SlipAnnex));

/// The items whose grand total is the sum of the details.
const SUMMED: [&str; 8] = [
    "service_units_amount",
    "benefit_management_units",
    "level_limit_over_units",
    "level_limit_within_units",
    "covered_cost_total",
    "insurance_claim_amount",
    "user_charge_covered",
    "user_charge_full",
];

static SUMMED_ITEMS: LazyLock<Vec<&'static Item>> =
    LazyLock::new(|| SUMMED.iter().filter_map(|name| FileKind::SlipAnnex.item(name)).collect());

const GRAND_TOTAL: &[u8] = b"999999";
const GRAND_TOTAL_OFFICE: &[u8] = b"9999999999";

/// True for the code of a subtotal or the grand total.
pub(super) fn is_sum(code: &[u8]) -> bool {
    code == GRAND_TOTAL || matches!(code.get(2..), Some(b"AAAA" | b"EEEE" | b"ZZZZ"))
}

/// One value for each summed item; `None` when a row has it empty or wrong.
type Amounts = [Option<i64>; SUMMED.len()];

/// What is known of one service kind of one user.
struct Kind {
    line: u64,
    details: u32,
    detail_sums: Amounts,
    /// True when there is a subtotal of any sort, and of the one inside the limit.
    subtotal: bool,
    within: bool,
    subtotal_sums: Amounts,
}

impl Kind {
    const fn new(line: u64) -> Self {
        let zero = [Some(0); SUMMED.len()];
        Self { line, details: 0, detail_sums: zero, subtotal: false, within: false, subtotal_sums: zero }
    }
}

fn add(sums: &mut Amounts, values: &Amounts) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum = sum.zip(*value).map(|(sum, value)| sum + value);
    }
}

/// What is known of one user.
struct User {
    line: u64,
    kinds: BTreeMap<[u8; 2], Kind>,
    /// The grand total: its line and its values.
    total: Option<(u64, Amounts)>,
}

/// All users of the file.
#[derive(Default)]
pub(super) struct Annex(Digests<User>);

impl Annex {
    pub(super) fn add(&mut self, view: &View<'_, '_>, user: u64, facts: &mut Facts, findings: &mut Findings) {
        let columns = &*COLUMNS;
        let code = view.get(columns.service_code);
        if code.is_empty() {
            return;
        }
        amounts(view, code, findings);
        let new = || User { line: view.line(), kinds: BTreeMap::new(), total: None };
        let values = || {
            let mut values = [None; SUMMED.len()];
            for (value, item) in values.iter_mut().zip(SUMMED_ITEMS.iter()) {
                *value = value::number(view.get(item.number));
            }
            values
        };
        let known = self.0.entry(user).or_insert_with(new);
        if code == GRAND_TOTAL {
            if known.total.replace((view.line(), values())).is_some() {
                findings.push(view.finding(Rule::TotalRepeated));
            }
            if let Some(within) = value::number(view.get(columns.level_limit_within_units)) {
                facts.units.insert(user, (within, view.line()));
            }
            return;
        }
        let Some(Ok(kind)) = code.get(..2).map(<[u8; 2]>::try_from) else { return };
        let kind = known.kinds.entry(kind).or_insert_with(|| Kind::new(view.line()));
        if is_sum(code) {
            kind.subtotal = true;
            kind.within |= code.ends_with(b"AAAA");
            add(&mut kind.subtotal_sums, &values());
        } else {
            kind.details += 1;
            add(&mut kind.detail_sums, &values());
        }
    }

    /// What can be said when all rows were seen.
    pub(super) fn finish(&self, file: &Arc<str>, findings: &mut Findings) {
        let mut users: Vec<&User> = self.0.values().collect();
        users.sort_by_key(|user| user.line);
        for user in users {
            subtotals(user, file, findings);
            let Some((line, values)) = &user.total else {
                findings.push(Finding::new(Rule::TotalMissing, file).at(user.line));
                continue;
            };
            let (details, mixed) = user.sums();
            for (((item, value), details), mixed) in SUMMED_ITEMS.iter().zip(values).zip(details).zip(mixed) {
                let Some((value, sum)) = value.zip(details.or(mixed)) else { continue };
                if ![details, mixed].contains(&Some(value)) {
                    let finding = Finding::new(Rule::TotalDiffers, file).at(*line).item(item);
                    findings.push(finding.shown(Some(value.to_string())).detail(sum));
                }
            }
        }
    }
}

impl User {
    /// The sums of the details, and those of the subtotals where a kind has them.
    fn sums(&self) -> (Amounts, Amounts) {
        let zero = [Some(0); SUMMED.len()];
        let (mut details, mut mixed) = (zero, zero);
        for kind in self.kinds.values() {
            add(&mut details, &kind.detail_sums);
            add(&mut mixed, if kind.subtotal { &kind.subtotal_sums } else { &kind.detail_sums });
        }
        (details, mixed)
    }
}

fn subtotals(user: &User, file: &Arc<str>, findings: &mut Findings) {
    for (code, kind) in &user.kinds {
        let rule = match (kind.details, kind.within) {
            (0, _) => Rule::SubtotalStray,
            (2.., false) => Rule::SubtotalMissing,
            _ => continue,
        };
        findings.push(Finding::new(rule, file).at(kind.line).detail(String::from_utf8_lossy(code)));
    }
}

/// The values of one row.
fn amounts(view: &View<'_, '_>, code: &[u8], findings: &mut Findings) {
    let columns = &*COLUMNS;
    let office = view.get(columns.provider_office_code);
    if !office.is_empty() && (code == GRAND_TOTAL) != (office == GRAND_TOTAL_OFFICE) {
        findings.push(view.about(Rule::TotalOffice, columns.provider_office_code));
    }
    let number = |column: usize| value::number(view.get(column));
    if is_sum(code) {
        if number(columns.units).is_some_and(|units| units != 0) {
            findings.push(view.about(Rule::SubtotalUnits, columns.units));
        }
        for column in [columns.discounted_rate, columns.discounted_units] {
            if view.filled(column) {
                findings.push(view.about(Rule::SubtotalRate, column));
            }
        }
    } else {
        let units = number(columns.discounted_units).or_else(|| value::signed(view.get(columns.units)));
        let wanted = units.zip(number(columns.times_or_days)).map(|(units, times)| units.saturating_mul(times));
        if let (Some(wanted), Some(stated)) = (wanted, number(columns.service_units_amount))
            && wanted != stated
        {
            findings.push(view.about(Rule::AmountDiffers, columns.service_units_amount).detail(wanted));
        }
    }
    splits(view, findings);
    short_stay(view, findings);
}

fn splits(view: &View<'_, '_>, findings: &mut Findings) {
    let columns = &*COLUMNS;
    let splits = [
        (
            Rule::LimitSplit,
            columns.benefit_management_units,
            columns.level_limit_over_units,
            columns.level_limit_within_units,
        ),
        (Rule::CostSplit, columns.covered_cost_total, columns.insurance_claim_amount, columns.user_charge_covered),
    ];
    for (rule, whole, one, other) in splits {
        let [whole_value, one, other] = [whole, one, other].map(|column| value::number(view.get(column)));
        if let (Some(whole_value), Some(one), Some(other)) = (whole_value, one, other)
            && whole_value != one + other
        {
            findings.push(view.about(rule, whole).detail(format!("{one} + {other} ≠ {whole_value}")));
        }
    }
}

fn short_stay(view: &View<'_, '_>, findings: &mut Findings) {
    let columns = &*COLUMNS;
    let [before, planned, sum] = [
        columns.short_stay_days_to_previous_month,
        columns.short_stay_planned_days_this_month,
        columns.short_stay_days_cumulative,
    ]
    .map(|column| value::number(view.get(column)));
    if let (Some(before), Some(planned), Some(sum)) = (before, planned, sum)
        && before + planned != sum
    {
        let column = columns.short_stay_days_cumulative;
        findings.push(view.about(Rule::ShortStaySum, column).detail(format!("{before} + {planned} ≠ {sum}")));
    }
    if view.get(columns.over_30_days_flag) == b"1" && sum.is_some_and(|sum| sum <= 30) {
        findings.push(view.about(Rule::ShortStayFlag, columns.over_30_days_flag));
    }
}
