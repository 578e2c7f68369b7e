//! The people of a month, and the services they are to get. Codes and units look like those of 2024; no table is claimed.

use jiff::civil::Date;
use jiff::civil::Weekday::{self, Friday, Monday, Saturday, Thursday, Tuesday, Wednesday};
use jiff::{Span, ToSpan};

use crate::digest::Dice;
use crate::world::{Facility, Person};

/// A person with services.
pub(super) struct Case {
    pub(super) person: Person,
    pub(super) level: &'static Level,
    /// 給付率, in percent.
    pub(super) rate: u32,
    /// 認定日; the certification is valid for three years from the next first.
    pub(super) certified_on: Date,
    pub(super) services: Vec<Service>,
}

impl Case {
    /// Whether an office, counted from 0, gives any of the services.
    pub(super) fn uses(&self, office: usize) -> bool {
        self.services.iter().any(|service| service.office == office)
    }
}

/// 要介護状態区分.
pub(super) struct Level {
    pub(super) code: &'static str,
    /// 区分支給限度基準額, in units.
    pub(super) limit: u32,
    day_care: (&'static str, u32),
}

const LEVELS: [Level; 5] = [
    Level { code: "21", limit: 16_765, day_care: ("151341", 658) },
    Level { code: "22", limit: 19_705, day_care: ("151342", 777) },
    Level { code: "23", limit: 27_048, day_care: ("151343", 900) },
    Level { code: "24", limit: 30_938, day_care: ("151344", 1_023) },
    Level { code: "25", limit: 36_217, day_care: ("151345", 1_148) },
];

/// One service, by the same office at the same time of day, on some days.
pub(super) struct Service {
    /// The office, counted from 0.
    pub(super) office: usize,
    pub(super) code: &'static str,
    pub(super) units: u32,
    /// From and to; none for what has no time.
    pub(super) time: Option<(&'static str, &'static str)>,
    pub(super) days: Vec<Date>,
    pub(super) equipment: Option<Equipment>,
}

/// 福祉用具.
pub(super) struct Equipment {
    pub(super) tais: &'static str,
    pub(super) name: &'static str,
    /// 明細判別コード: counts what has the same code and units.
    pub(super) detail: Option<u8>,
}

/// What can be rented. The two handrails have the same code and units.
const RENTAL: [(&str, u32, &str, &str, Option<u8>); 5] = [
    ("171003", 950, "99001-000101", "見本 特殊寝台 一式", None),
    ("171001", 600, "99001-000205", "見本 車いす 軽量", None),
    ("171007", 250, "99002-000011", "例示 手すり 玄関", Some(1)),
    ("171007", 250, "99002-000012", "例示 手すり 廊下", Some(2)),
    ("171009", 200, "99003-000031", "仮設 歩行器", None),
];

/// The cases of all these people; each office has somebody, and nobody has two offices of one service kind.
pub(super) fn cases(seed: u64, people: Vec<Person>, offices: &[Facility], month: Date) -> Vec<Case> {
    // Other dice than those of the people, from the same seed.
    let mut dice = Dice::new(seed ^ 0x6361_7265);
    let one = |(n, person)| case(n, person, offices, month, &mut dice);
    people.into_iter().enumerate().map(one).collect()
}

fn case(n: usize, person: Person, offices: &[Facility], month: Date, dice: &mut Dice) -> Case {
    let level = &LEVELS[dice.below(LEVELS.len())];
    let rate = [90, 90, 90, 80, 70][dice.below(5)];
    let days_ago = i64::try_from(40 + dice.below(900)).unwrap_or(40);
    let mut services: Vec<Service> = Vec::new();
    let mut kinds: Vec<&str> = Vec::new();
    let first = n % offices.len().max(1);
    // The office that nobody is without, then some of the others.
    let order = std::iter::once(first).chain((0..offices.len()).filter(|office| *office != first));
    for (office, kind) in order.filter_map(|at| Some((at, offices.get(at)?.service_kind.as_str()))) {
        if !kinds.contains(&kind) && (office == first || dice.hits(0.35)) {
            kinds.push(kind);
            services.extend(services_of(kind, office, level, month, dice));
        }
    }
    services.sort_by_key(|service| service.office);
    Case { person, level, rate, certified_on: before(month, days_ago.days()), services }
}

fn services_of(kind: &str, office: usize, level: &Level, month: Date, dice: &mut Dice) -> Vec<Service> {
    let visits = |code, units, time, weekdays: &[Weekday]| {
        let days = days(month).filter(|day| weekdays.contains(&day.weekday())).collect();
        Service { office, code, units, time: Some(time), days, equipment: None }
    };
    match kind {
        "11" => {
            let mornings = [&[Monday, Thursday][..], &[Tuesday, Friday], &[Monday, Wednesday, Friday]][dice.below(3)];
            let mut all = vec![visits("111211", 387, ("0800", "0900"), mornings)];
            if dice.hits(0.5) {
                all.push(visits("117211", 179, ("1730", "1810"), &[Saturday]));
            }
            all
        }
        "13" => vec![visits("131211", 823, ("1100", "1200"), &[Wednesday])],
        "15" => {
            let weekdays = [&[Monday, Thursday][..], &[Tuesday, Friday], &[Tuesday, Thursday, Saturday]][dice.below(3)];
            let (code, units) = level.day_care;
            // An add-on takes the time of its base service.
            let time = ("0930", "1640");
            let mut all = vec![visits(code, units, time, weekdays)];
            if dice.hits(0.7) {
                all.push(visits("155301", 40, time, weekdays));
            }
            all
        }
        _ => rented(office, month, dice),
    }
}

/// Rented things stand on the first day, without a time.
fn rented(office: usize, month: Date, dice: &mut Dice) -> Vec<Service> {
    let start = dice.below(RENTAL.len());
    let taken = RENTAL.iter().cycle().skip(start).take(1 + dice.below(3));
    let twice = |taken: &[&(&str, u32, &str, &str, Option<u8>)], code| {
        taken.iter().filter(|(other, ..)| *other == code).count() > 1
    };
    let taken: Vec<_> = taken.collect();
    let one = |(code, units, tais, name, detail): &&(&'static str, u32, &'static str, &'static str, Option<u8>)| {
        let detail = detail.filter(|_| twice(&taken, *code));
        let equipment = Some(Equipment { tais, name, detail });
        Service { office, code, units: *units, time: None, days: vec![month], equipment }
    };
    taken.iter().map(one).collect()
}

/// Every day of a month.
fn days(month: Date) -> impl Iterator<Item = Date> {
    month.series(1.day()).take_while(move |day| day.month() == month.month())
}

fn before(date: Date, span: Span) -> Date {
    date.checked_sub(span).unwrap_or(date)
}
