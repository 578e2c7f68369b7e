//! 第6表（サービス利用票）and results, which have one layout: a row for each day and service, 25 items.

use jiff::civil::Date;

use super::case::{Case, Service};
use super::csv::{day, empty, month, text};
use crate::digest::Dice;
use crate::world::Facility;

/// 202407 is what both tables of the standard give for edition 4.1.
pub(super) const VERSION: &str = "202407";
/// Who has made the plan.
const MANAGER: &str = "見本 計画";
/// Share of planned visits that did not happen.
const MISSED: f64 = 0.06;
/// Share of visits that began a quarter of an hour late.
const LATE: f64 = 0.1;

/// What stands alike in all rows of a file.
struct Sheet<'a> {
    first: Date,
    made: Date,
    planner: &'a Facility,
    /// 更新業者コード: who says so.
    by: &'a Facility,
}

/// The rows of a plan: all services of the people, whoever gives them.
pub(super) fn plan(
    first: Date,
    made: Date,
    planner: &Facility,
    offices: &[Facility],
    cases: &[&Case],
) -> Vec<Vec<String>> {
    let sheet = Sheet { first, made, planner, by: planner };
    let mut rows = Vec::new();
    for case in cases {
        for service in &case.services {
            let Some(office) = offices.get(service.office) else { continue };
            rows.extend(service.days.iter().map(|day| sheet.row(case, service, office, *day, service.time)));
        }
    }
    rows
}

/// The rows of an office's own results: less than planned, never more, and not always on time.
pub(super) fn results(
    first: Date,
    made: Date,
    planner: &Facility,
    (n, office): (usize, &Facility),
    cases: &[&Case],
    seed: u64,
) -> Vec<Vec<String>> {
    let sheet = Sheet { first, made, planner, by: office };
    let mut rows = Vec::new();
    for case in cases {
        // By day, so that an add-on shares the fate of its base service.
        let mut dice = Dice::new(seed ^ digits(&case.person.insured_number));
        let days: Vec<(bool, bool)> = (0..32).map(|_| (dice.hits(MISSED), dice.hits(LATE))).collect();
        for service in case.services.iter().filter(|service| service.office == n) {
            for day in &service.days {
                let (missed, late) =
                    usize::try_from(day.day()).ok().and_then(|at| days.get(at)).copied().unwrap_or_default();
                if service.time.is_none() || !missed {
                    let time = service.time.map(|(from, to)| if late { (later(from), later(to)) } else { (from, to) });
                    rows.push(sheet.row(case, service, office, *day, time));
                }
            }
        }
    }
    rows
}

/// A quarter of an hour later, for the hours that occur.
fn later(time: &'static str) -> &'static str {
    match time {
        "0800" => "0815",
        "0900" => "0915",
        "0930" => "0945",
        "1100" => "1115",
        "1200" => "1215",
        "1640" => "1655",
        "1730" => "1745",
        "1810" => "1825",
        other => other,
    }
}

fn digits(number: &str) -> u64 {
    number.parse().unwrap_or_default()
}

impl Sheet<'_> {
    fn row(
        &self,
        case: &Case,
        service: &Service,
        office: &Facility,
        on: Date,
        time: Option<(&str, &str)>,
    ) -> Vec<String> {
        let (from, to) = time.unwrap_or(("9999", "9999"));
        let person = &case.person;
        let mut row = vec![
            VERSION.to_owned(),
            person.insurer_number.clone(),
            person.insured_number.clone(),
            day(self.made),
            month(self.first),
            self.planner.number.clone(),
            text(MANAGER),
            service.units.to_string(),
            // 前月までの短期入所利用日数: nobody here stays anywhere.
            "0".to_owned(),
            day(on),
            // 日割対象日: nothing is billed by the day.
            String::new(),
            from.to_owned(),
            to.to_owned(),
            "1".to_owned(),
            service.code.to_owned(),
        ];
        row.extend(equipment(service));
        let detail = service.equipment.as_ref().and_then(|thing| thing.detail);
        row.extend([
            detail.map(|number| number.to_string()).unwrap_or_default(),
            office.number.clone(),
            text(&office.name),
            // サテライト枝番.
            String::new(),
            // ３０日超区分: 非該当.
            "0".to_owned(),
            self.by.number.clone(),
        ]);
        row.extend(empty(1));
        row
    }
}

/// TAISコード, 福祉用具届出コード, 用具名称.
pub(super) fn equipment(service: &Service) -> [String; 3] {
    let (tais, name) = service.equipment.as_ref().map_or(("", ""), |thing| (thing.tais, thing.name));
    [tais.to_owned(), String::new(), text(name)]
}
