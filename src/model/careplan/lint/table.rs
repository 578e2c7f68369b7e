//! The records of one file together. For every record a few digests are kept, for every user a line.

use std::sync::Arc;

use super::annex::Annex;
use super::digest::{Met, digest};
use super::file::{Facts, View};
use super::finding::{Finding, Findings};
use super::plan::Plan;
use super::record::{bits, columns};
use super::repeated::{Place, Repeated};
use super::rule::Rule;
use crate::model::careplan::codes::Scope;
use crate::model::careplan::layout::{Condition, FileKind};
use crate::model::careplan::{FileName, value};

columns! {
    /// The columns of the rules of this file; 0 where a kind has no such item.
    Columns {
        insurer_number insured_number target_month care_plan_date consultation_date
        need_no goal_no support_no support_plan_no service_no
        service_code units service_date detail_number provider_office_code satellite_branch
        times_per_day times_or_days benefit_limit_units family_diagram_file_name
    }
}

/// The numbers of a row of table 2 or of the annex of the preventive plan.
struct Numbered {
    plan: u64,
    numbers: [i64; 3],
}

pub(super) struct Table {
    kind: FileKind,
    pub(super) columns: Columns,
    rows: Repeated,
    numbers: Met,
    last: Option<Numbered>,
    /// Rental rows: user, code, units, office, day, detail number.
    rentals: Met,
    /// Users with an office code in some row, and among them those who have a service of the destination.
    coded: Met,
    related: Met,
    annex: Annex,
    user: OfColumns,
    keyed: OfColumns,
    served: OfColumns,
    /// Of the row's service: whether office and code are there, and whether it is a rental (17).
    serves: bool,
    rents: bool,
    /// What is still to be added to a service: rows of one service stand together.
    counting: Option<Counting>,
    provided: OfColumns,
}

/// What was worked out from some columns of the last record; it need not be as long as their values stay.
struct OfColumns {
    columns: u128,
    known: bool,
    digest: u64,
}

impl OfColumns {
    fn new(columns: &[usize]) -> Self {
        Self { columns: bits(columns), known: false, digest: 0 }
    }
}

/// How often a service was given in the rows read last, from a line on.
struct Counting {
    service: u64,
    times: i64,
    line: u64,
}

/// Kinds with one record for a person and a date or month.
const ONE_RECORD: [FileKind; 8] = [
    FileKind::Supplement,
    FileKind::Plan1,
    FileKind::Base,
    FileKind::Preventive,
    FileKind::PlanDelete,
    FileKind::SlipDelete,
    FileKind::BaseDelete,
    FileKind::PreventiveDelete,
];

impl Table {
    pub(super) fn new(kind: FileKind) -> Self {
        let columns = Columns::of(kind);
        let c = &columns;
        let user = [c.insurer_number, c.insured_number];
        let with = |more: &[usize]| OfColumns::new(&[&user, more].concat());
        Self {
            kind,
            user: with(&[]),
            keyed: with(&[c.care_plan_date, c.target_month, c.consultation_date]),
            served: with(&[c.provider_office_code, c.service_code]),
            serves: false,
            rents: false,
            counting: None,
            provided: with(&[c.provider_office_code]),
            columns,
            rows: Repeated::default(),
            numbers: Met::default(),
            last: None,
            rentals: Met::default(),
            coded: Met::default(),
            related: Met::default(),
            annex: Annex::default(),
        }
    }

    pub(super) fn add(&mut self, view: &View<'_, '_>, facts: &mut Facts, findings: &mut Findings) {
        let mut place = Place::SameUser;
        if !view.holds(self.user.columns, &mut self.user.known) {
            let [insurer, insured] = self.person(view);
            if insurer.is_empty() || insured.is_empty() {
                self.repeated(view, Place::Anywhere, findings);
                // Single values of this record may be known from here on, but nothing was worked out from them.
                for worked_out in [&mut self.user, &mut self.keyed, &mut self.served, &mut self.provided] {
                    worked_out.known = false;
                }
                return;
            }
            let user = digest(&[insurer, insured]);
            // That it is not known to hold does not make it another one.
            if user != self.user.digest || facts.users.is_empty() {
                self.user.digest = user;
                place = Place::Anywhere;
                facts.users.entry(user).or_insert_with(|| {
                    place = Place::NewUser;
                    view.line()
                });
            }
        }
        self.repeated(view, place, findings);
        let user = self.user.digest;
        self.key(view, facts, findings);
        match self.kind {
            FileKind::Plan2 => self.numbered(view, findings),
            FileKind::PreventiveAnnex => {
                self.numbered(view, findings);
            }
            FileKind::Slip | FileKind::Results => {
                self.service(view, user, self.columns.times_per_day, facts);
                if self.rents {
                    self.rental(view, user, findings);
                }
            }
            FileKind::SlipAnnex => {
                self.annex.add(view, user, facts, findings);
                if !super::annex::is_sum(view.get(self.columns.service_code)) {
                    self.service(view, user, self.columns.times_or_days, facts);
                }
            }
            FileKind::Supplement => {
                if let Some(limit) = value::number(view.get(self.columns.benefit_limit_units)) {
                    facts.units.insert(user, (limit, view.line()));
                }
            }
            FileKind::Base => {
                let image = view.get(self.columns.family_diagram_file_name);
                if !image.is_empty() {
                    facts.images.push((String::from_utf8_lossy(image).into_owned(), view.line()));
                }
            }
            _ => {}
        }
        if view.holds(self.provided.columns, &mut self.provided.known) {
            return;
        }
        let provider = view.get(self.columns.provider_office_code);
        if !provider.is_empty() {
            self.coded.insert(user);
        }
        if view.name.is_some_and(|name| name.to.office.as_bytes() == provider) {
            self.related.insert(user);
        }
    }

    fn person<'v>(&self, view: &View<'v, '_>) -> [&'v [u8]; 2] {
        [self.columns.insurer_number, self.columns.insured_number].map(|at| view.get(at))
    }

    fn repeated(&mut self, view: &View<'_, '_>, place: Place, findings: &mut Findings) {
        if self.rows.is(digest(&[view.record.raw()]), place) {
            findings.push(view.finding(Rule::RowRepeated));
        }
    }

    /// The record's key: the person and the date or month that is not zeros.
    fn key(&mut self, view: &View<'_, '_>, facts: &mut Facts, findings: &mut Findings) {
        let one = ONE_RECORD.contains(&self.kind);
        if view.holds(self.keyed.columns, &mut self.keyed.known) && !one {
            return;
        }
        let columns = &self.columns;
        let dates = [columns.care_plan_date, columns.target_month, columns.consultation_date].map(|at| view.get(at));
        let Some(date) = dates.into_iter().find(|date| date.iter().any(|byte| *byte != b'0')) else { return };
        let [insurer, insured] = self.person(view);
        let key = digest(&[insurer, insured, date]);
        let mut repeated = true;
        facts.keys.entry(key).or_insert_with(|| {
            repeated = false;
            view.line()
        });
        if repeated && one {
            findings.push(view.finding(Rule::KeyRepeated));
        }
    }

    fn numbered(&mut self, view: &View<'_, '_>, findings: &mut Findings) {
        let columns = &self.columns;
        let columns = match self.kind {
            FileKind::Plan2 => [columns.need_no, columns.goal_no, columns.support_no],
            _ => [columns.need_no, columns.support_plan_no, columns.service_no],
        };
        let plan = digest(&[view.get(2), view.get(3), view.get(self.columns.care_plan_date)]);
        let [Some(need), Some(middle), Some(last)] = columns.map(|at| value::number(view.get(at))) else {
            self.last = None;
            return;
        };
        let numbers = [need, middle, last];
        let parts = numbers.map(i64::to_be_bytes);
        let [a, b, c] = &parts;
        if !self.numbers.insert(digest(&[&plan.to_be_bytes(), a, b, c])) {
            findings.push(view.about(Rule::NumberRepeated, columns[2]).detail(format!("{need}-{middle}-{last}")));
        }
        if let Some(before) = self.last.as_ref().filter(|before| before.plan == plan) {
            if numbers < before.numbers {
                findings.push(view.about(Rule::OrderBroken, columns[0]));
            }
            let [same_need, same_middle, _] = [0, 1, 2].map(|at| before.numbers.get(..=at) == numbers.get(..=at));
            for item in view.kind.items() {
                let repeated = match item.condition {
                    Condition::First("need_no") => same_need,
                    Condition::First(_) => same_middle,
                    _ => false,
                };
                if repeated && view.filled(item.number) {
                    findings.push(view.about(Rule::FirstRowText, item.number));
                }
            }
        }
        self.last = Some(Numbered { plan, numbers });
    }

    /// Rental rows of the same code and units are told apart by the detail number.
    fn rental(&mut self, view: &View<'_, '_>, user: u64, findings: &mut Findings) {
        let columns = &self.columns;
        let rest = [columns.units, columns.provider_office_code, columns.service_date, columns.detail_number];
        let [units, office, day, number] = rest.map(|at| view.get(at));
        let code = view.get(columns.service_code);
        if !self.rentals.insert(digest(&[&user.to_be_bytes(), code, units, office, day, number])) {
            findings.push(view.about(Rule::DetailNumberMissing, columns.detail_number));
        }
    }

    fn service(&mut self, view: &View<'_, '_>, user: u64, times: usize, facts: &mut Facts) {
        let holds = view.holds(self.served.columns, &mut self.served.known);
        if !holds {
            let columns = &self.columns;
            let (office, code) = (view.get(columns.provider_office_code), view.get(columns.service_code));
            self.served.digest = digest(&[&user.to_be_bytes(), office, code]);
            self.serves = !office.is_empty() && !code.is_empty();
            self.rents = code.starts_with(b"17");
        }
        if self.serves
            && let Some(times) = value::number(view.get(times))
        {
            let service = self.served.digest;
            match &mut self.counting {
                Some(counting) if counting.service == service => counting.times += times,
                counting => note(counting.replace(Counting { service, times, line: view.line() }).as_ref(), facts),
            }
        }
        if self.kind == FileKind::Results {
            let branch = view.get(self.columns.satellite_branch);
            if !facts.branches.contains(branch) {
                facts.branches.insert(branch.to_vec());
            }
        }
    }

    /// What can be said when the last record was read.
    pub(super) fn finish(
        &mut self,
        name: Option<&FileName>,
        plan: &Plan<'_>,
        file: &Arc<str>,
        facts: &mut Facts,
        findings: &mut Findings,
    ) {
        note(self.counting.take().as_ref(), facts);
        self.annex.finish(file, findings);
        // Only an office that gives services can have nothing to do with a user: planners exchange whole plans.
        let destination = name.filter(|name| {
            let kind = plan.settings.codes.scope(name.to.service_kind.as_bytes());
            kind == Some(Scope::In) && matches!(name.kind, FileKind::Plan2 | FileKind::Slip | FileKind::SlipAnnex)
        });
        if destination.is_some() {
            let mut lines: Vec<u64> = {
                let unrelated = |user: &u64| self.coded.contains(user) && !self.related.contains(user);
                facts.users.iter().filter(|(user, _)| unrelated(user)).map(|(_, line)| *line).collect()
            };
            lines.sort_unstable();
            for line in lines {
                findings.push(Finding::new(Rule::DestinationUnrelated, file).at(line));
            }
        }
    }
}

fn note(counted: Option<&Counting>, facts: &mut Facts) {
    if let Some(Counting { service, times, line }) = counted {
        facts.services.entry(*service).or_insert((0, *line)).0 += times;
    }
}
