//! 第7表（サービス利用票別表）, 37 items, and 利用者補足情報, 63 items.
//!
//! Table 7 of a person: the services of each office with a subtotal where there are several, then the grand total. Amounts
//! stand on the subtotal, or on the only row. What exceeds the limit of the care level is the last offices', and the
//! user's to pay.

use jiff::ToSpan;
use jiff::civil::Date;

use super::case::{Case, Service};
use super::csv::{day, empty, month, text};
use super::slip::{VERSION, equipment};
use crate::world::{Facility, Person};

/// Office of the grand total, and of item 34.
const NOBODY: &str = "9999999999";
/// Service code of the grand total.
const TOTAL: &str = "999999";

/// What a row says in items 17 to 29.
#[derive(Clone, Copy, Default)]
struct Amounts {
    units: u32,
    over: u32,
    cost: u32,
    claim: u32,
    full: u32,
}

impl Amounts {
    /// What so many units come to, `over` of them outside the limit. The price is in hundredths of a yen.
    fn of(units: u32, over: u32, price: u32, rate: u32) -> Self {
        let cost = units.saturating_sub(over) * price / 100;
        Self { units, over, cost, claim: cost * rate / 100, full: over * price / 100 }
    }

    fn add(&mut self, other: &Self) {
        self.units += other.units;
        self.over += other.over;
        self.cost += other.cost;
        self.claim += other.claim;
        self.full += other.full;
    }
}

/// What stands alike in all rows of a person.
struct Sheet<'a> {
    first: Date,
    made: Date,
    planner: &'a Facility,
    person: &'a Person,
}

/// What a row is of: office, name and code, and on rows of a service its equipment.
struct Head<'a> {
    office: (&'a str, &'a str),
    code: String,
    equipment: [String; 3],
}

/// The rows of table 7.
pub(super) fn annex(
    first: Date,
    made: Date,
    planner: &Facility,
    offices: &[Facility],
    cases: &[&Case],
) -> Vec<Vec<String>> {
    let of = |case: &&Case| Sheet { first, made, planner, person: &case.person }.person_rows(case, offices);
    cases.iter().flat_map(of).collect()
}

impl Sheet<'_> {
    fn person_rows(&self, case: &Case, offices: &[Facility]) -> Vec<Vec<String>> {
        let parts: Vec<(&Facility, Vec<&Service>)> = offices
            .iter()
            .enumerate()
            .map(|(n, office)| (office, case.services.iter().filter(|service| service.office == n).collect()))
            .filter(|(_, services): &(_, Vec<&Service>)| !services.is_empty())
            .collect();
        let (mut rows, mut total, mut left) = (Vec::new(), Amounts::default(), case.level.limit);
        for (office, services) in parts {
            let units = services.iter().map(|service| amount(service)).sum();
            let within = left.min(units);
            left -= within;
            let price = price(&case.person.insurer_number, &office.service_kind);
            let amounts = Amounts::of(units, units - within, price, case.rate);
            total.add(&amounts);
            rows.extend(self.office_rows(case, office, &services, (amounts, price)));
        }
        let head =
            Head { office: (NOBODY, ""), code: TOTAL.to_owned(), equipment: [String::new(), String::new(), text("")] };
        rows.push(self.row(&head, None, Some((total, None)), case.rate));
        rows
    }

    fn office_rows(
        &self,
        case: &Case,
        office: &Facility,
        services: &[&Service],
        (amounts, price): (Amounts, u32),
    ) -> Vec<Vec<String>> {
        let money = Some((amounts, Some(price)));
        let alone = services.len() == 1;
        let named = (office.number.as_str(), office.name.as_str());
        let detail = |service: &&Service| {
            let head = Head { office: named, code: service.code.to_owned(), equipment: equipment(service) };
            self.row(&head, Some(service), money.filter(|_| alone), case.rate)
        };
        let mut rows: Vec<_> = services.iter().map(detail).collect();
        if !alone {
            let nothing = [String::new(), String::new(), text("")];
            let head = Head { office: named, code: format!("{}AAAA", office.service_kind), equipment: nothing };
            rows.push(self.row(&head, None, money, case.rate));
        }
        rows
    }

    /// A row of a service, or of a sum where there is none.
    fn row(
        &self,
        head: &Head<'_>,
        service: Option<&Service>,
        money: Option<(Amounts, Option<u32>)>,
        rate: u32,
    ) -> Vec<String> {
        let times = service.map_or(0, |service| service.days.len());
        let units = service.map_or_else(|| money.map_or(0, |(sum, _)| sum.units), amount);
        let mut row = vec![
            VERSION.to_owned(),
            self.person.insurer_number.clone(),
            self.person.insured_number.clone(),
            day(self.made),
            month(self.first),
            text(head.office.1),
            head.office.0.to_owned(),
            // サテライト枝番.
            String::new(),
            head.code.clone(),
        ];
        row.extend(head.equipment.clone());
        row.push(service.map_or(0, |service| service.units).to_string());
        // 割引後率, 割引後単位数: nothing is discounted.
        row.extend(empty(2));
        row.extend([times.to_string(), units.to_string()]);
        row.extend(money.map_or_else(|| empty(12).collect(), |(sum, price)| amounts(&sum, price, rate)));
        // Days of short stay: none before, none planned, none in all; not over 30.
        row.extend(["0", "0", "0", "0", NOBODY].map(str::to_owned));
        row.extend(empty(1));
        row.push(self.planner.number.clone());
        row.extend(empty(1));
        row
    }
}

/// Units of a service in the month.
fn amount(service: &Service) -> u32 {
    service.units * u32::try_from(service.days.len()).unwrap_or(0)
}

/// Items 18 to 29. The grand total has neither price nor rate.
fn amounts(sum: &Amounts, price: Option<u32>, rate: u32) -> Vec<String> {
    let within = sum.units - sum.over;
    vec![
        sum.units.to_string(),
        // By service kind nothing is limited here.
        String::new(),
        String::new(),
        sum.over.to_string(),
        within.to_string(),
        price.map(|price| format!("{}.{:02}", price / 100, price % 100)).unwrap_or_default(),
        sum.cost.to_string(),
        price.map(|_| rate.to_string()).unwrap_or_default(),
        sum.claim.to_string(),
        String::new(),
        (sum.cost - sum.claim).to_string(),
        sum.full.to_string(),
    ]
}

/// 単位数単価 in hundredths of a yen: by place and kind, for rental always 10 yen.
fn price(insurer: &str, kind: &str) -> u32 {
    match (insurer, kind) {
        ("999995", "11" | "13") => 1_042,
        ("999995", "15") => 1_027,
        _ => 1_000,
    }
}

/// The rows of the supplement, one for each person.
pub(super) fn supplement(first: Date, planner: &Facility, cases: &[&Case]) -> Vec<Vec<String>> {
    cases.iter().map(|case| person(first, planner, case)).collect()
}

fn person(first: Date, planner: &Facility, case: &Case) -> Vec<String> {
    let person = &case.person;
    let starts = case.certified_on.last_of_month().tomorrow().unwrap_or(case.certified_on);
    let ends = starts.checked_add(3.years()).and_then(|date| date.yesterday()).unwrap_or(starts);
    let mut row = vec![
        VERSION.to_owned(),
        person.insurer_number.clone(),
        person.insured_number.clone(),
        // Beside tables 6 and 7 there is no date of the plan.
        "00000000".to_owned(),
        text(&katakana(&person.kana)),
        text(&person.name),
        if person.sex == "male" { "1" } else { "2" }.to_owned(),
        day(person.birth_date),
        "999-0001".to_owned(),
        text("架空県架空市見本町１丁目１番１号"),
        text(""),
        "099-000-0001".to_owned(),
        day(case.certified_on),
        day(starts),
        day(ends),
        // 認定済.
        "2".to_owned(),
        String::new(),
        case.level.code.to_owned(),
        case.level.limit.to_string(),
    ];
    // Nine frames of limits by service kind, and their sum.
    row.extend(empty(37));
    row.extend(["0", "0"].map(str::to_owned));
    row.extend(empty(1));
    row.extend([planner.number.clone(), planner.number.clone()]);
    row.extend(empty(1));
    row.push(month(first));
    row
}

fn katakana(hiragana: &str) -> String {
    let one = |c: char| match c {
        'ぁ'..='ゖ' => u32::from(c).checked_add(0x60).and_then(char::from_u32).unwrap_or(c),
        other => other,
    };
    hiragana.chars().map(one).collect()
}
