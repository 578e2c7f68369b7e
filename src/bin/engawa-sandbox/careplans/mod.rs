//! `engawa-sandbox careplans`: a month's care plan files as care software would write them, from the standard's own words.
//!
//! [`case`] makes up the users and what they get, [`slip`] writes tables 6 and results, [`annex`] table 7 and the supplement,
//! [`csv`] names and encodes. The same seed, month and stamp give the same files.

mod annex;
mod case;
mod csv;
mod slip;

use std::fs;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::ToSpan;
use jiff::civil::{Date, DateTime};

use crate::cli::Failure;
use crate::clock::Clock;
use crate::world::{Facility, Person, World, clients};
use case::Case;

pub(crate) use csv::File;

/// The service offices in the order in which they are taken. The last one does not take part.
const OFFICES: [&str; 5] = ["dx", "day-care", "nursing", "rental", "absent"];
/// Who makes the plans.
const PLANNER: &str = "office";
/// 居宅介護支援.
const PLANNING: &str = "43";

/// What to write, and where.
#[derive(Args, Clone, Debug)]
pub(crate) struct CareplansArgs {
    /// Folder for the files; made if absent
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How many people get services
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=9_000))]
    users: u16,
    /// How many service offices, in this order: dx, day-care, nursing, rental, absent
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=5))]
    offices: u16,
    /// The service month, YYYYMM [default: the last one]
    #[arg(long, value_parser = month)]
    month: Option<Date>,
    /// ファイル連番 of the first unit, YYYYMMDDHHMMSS; each further unit is a second later [default: the time now]
    #[arg(long, value_parser = stamp)]
    stamp: Option<DateTime>,
    /// Decides people, services and days
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What is written
    #[arg(long, value_enum, default_value_t = What::Plans)]
    what: What,
    /// Only what goes to, or comes from, this service office
    #[arg(long, value_name = "OFFICE", value_parser = OFFICES)]
    only: Option<String>,
}

/// A side of the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// From `office` to each service office: UPPLAN, UPSIKYU, UPHOSOKU
    Plans,
    /// From each service office to `office`: UPJSK
    Results,
}

fn month(text: &str) -> Result<Date, String> {
    Date::strptime("%Y%m%d", format!("{text}01")).map_err(|_| format!("{text:?} is no month such as 202605"))
}

fn stamp(text: &str) -> Result<DateTime, String> {
    let read = DateTime::strptime("%Y%m%d%H%M%S", text).ok().filter(|_| text.len() == 14);
    read.ok_or_else(|| format!("{text:?} is no time such as 20260425101500"))
}

/// Writes the files; a line about each unit.
pub(crate) fn run(args: &CareplansArgs) -> Result<String, Failure> {
    let now = Clock::default().local();
    let world = World::new(args.seed, now.date());
    let month = args.month.map_or_else(|| month_before(now.date()), Ok)?;
    let made = Month::new(&world, usize::from(args.users), usize::from(args.offices), month)?;
    let units = made.units(args.what, args.stamp.unwrap_or(now))?;
    fs::create_dir_all(&args.out).map_err(|e| format!("{}: {e}", args.out.display()))?;
    let mut told = Vec::new();
    for unit in units.iter().filter(|unit| args.only.as_ref().is_none_or(|only| *only == unit.office.folder)) {
        for file in &unit.files {
            let path = args.out.join(&file.name);
            fs::write(&path, &file.bytes).map_err(|e| format!("{}: {e}", path.display()))?;
        }
        let (number, name, users) = (&unit.office.number, &unit.office.name, unit.users);
        told.push(format!("{} files, {users} people: {number} {name}", unit.files.len()));
    }
    Ok(told.join("\n"))
}

/// The first day of the month before.
pub(crate) fn month_before(day: Date) -> Result<Date, Failure> {
    Ok(day.first_of_month().checked_sub(1.month())?)
}

/// Everything of a service month: the people, and what they are to get.
pub(crate) struct Month {
    pub(crate) first: Date,
    seed: u64,
    planner: Facility,
    offices: Vec<Facility>,
    cases: Vec<Case>,
}

/// Files that go together, all of one stamp.
pub(crate) struct Unit {
    /// The service office, which receives plans and sends results.
    pub(crate) office: Facility,
    pub(crate) files: Vec<File>,
    /// How many people the unit is about.
    pub(crate) users: usize,
}

impl Month {
    /// Makes up so many people with services of the first so many offices.
    pub(crate) fn new(world: &World, users: usize, offices: usize, first: Date) -> Result<Self, Failure> {
        let named = |folder: &str| {
            let found = world.facilities.iter().find(|f| f.folder == folder).cloned();
            found.ok_or_else(|| Failure::from(format!("world.json has no facility {folder:?}")))
        };
        let offices = OFFICES.into_iter().take(offices).map(named).collect::<Result<Vec<_>, _>>()?;
        let people: Vec<Person> = clients(world.seed, users, &world.municipalities);
        let cases = case::cases(world.seed, people, &offices, first);
        Ok(Self { first, seed: world.seed, planner: named(PLANNER)?, offices, cases })
    }

    /// Who gets the services.
    pub(crate) fn people(&self) -> impl Iterator<Item = &Person> {
        self.cases.iter().map(|case| &case.person)
    }

    /// One unit for each office; the stamps are a second apart.
    pub(crate) fn units(&self, what: What, stamp: DateTime) -> Result<Vec<Unit>, Failure> {
        let mut units = Vec::new();
        for (n, office) in self.offices.iter().enumerate() {
            let stamp = stamp.checked_add(i64::try_from(n)?.seconds())?;
            // Only who has to do with the office, but with the services of all.
            let theirs: Vec<&Case> = self.cases.iter().filter(|case| case.uses(n)).collect();
            if theirs.is_empty() {
                continue;
            }
            let files = match what {
                What::Plans => self.plans(office, &theirs, stamp)?,
                What::Results => vec![self.results(n, office, &theirs, stamp)?],
            };
            units.push(Unit { office: office.clone(), files, users: theirs.len() });
        }
        Ok(units)
    }

    fn plans(&self, office: &Facility, cases: &[&Case], stamp: DateTime) -> Result<Vec<File>, Failure> {
        let file = |prefix, rows| {
            let (from, to) = ((&self.planner, PLANNING), (office, office.service_kind.as_str()));
            csv::file(prefix, self.first, from, to, stamp, rows)
        };
        let made = stamp.date();
        Ok(vec![
            file("UPPLAN", slip::plan(self.first, made, &self.planner, &self.offices, cases))?,
            file("UPSIKYU", annex::annex(self.first, made, &self.planner, &self.offices, cases))?,
            file("UPHOSOKU", annex::supplement(self.first, &self.planner, cases))?,
        ])
    }

    fn results(&self, n: usize, office: &Facility, cases: &[&Case], stamp: DateTime) -> Result<File, Failure> {
        let rows = slip::results(self.first, stamp.date(), &self.planner, (n, office), cases, self.seed);
        let (from, to) = ((office, office.service_kind.as_str()), (&self.planner, PLANNING));
        csv::file("UPJSK", self.first, from, to, stamp, rows)
    }
}
