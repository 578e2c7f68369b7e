//! Whose turn it is: what is nearly due goes first, whoever sent it; the rest goes round the senders, each in the order of
//! its due dates. So a sender with ten thousand documents delays nobody's single one, and no date is missed for politeness.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::kind::{EachKind, Kind};

/// Documents due within so many days, or overdue, go before all others.
const PRESSING_DAYS: i64 = 3;

/// A submission that may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate<Id> {
    /// Its id.
    pub id: Id,
    /// What it is.
    pub kind: Kind,
    /// Facility and sender: whom fairness counts.
    pub lane: String,
    /// Statutory date, days since 1970.
    pub due: i64,
    /// Order of acceptance.
    pub seq: i64,
}

/// How many may start.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// Altogether.
    pub free: usize,
    /// Of each kind.
    pub each: EachKind<usize>,
}

impl Places {
    /// Whether there is none.
    #[must_use]
    pub fn none(&self) -> bool {
        self.free == 0 || self.each.all().all(|places| *places == 0)
    }

    /// Those of a kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> usize {
        self.free.min(*self.each.of(kind))
    }

    fn take(&mut self, kind: Kind) {
        self.free = self.free.saturating_sub(1);
        let own = self.each.of_mut(kind);
        *own = own.saturating_sub(1);
    }
}

/// Remembers who was served when. Bounded by the number of senders with something queued.
#[derive(Debug, Default)]
pub struct Turns {
    served: HashMap<String, u64>,
    turn: u64,
}

impl Turns {
    /// Picks as many of `candidates` as there are places, in the order in which they go; `today` in days since 1970.
    #[must_use]
    pub fn pick<Id: Clone>(
        &mut self,
        candidates: &[Candidate<Id>],
        mut places: Places,
        today: i64,
    ) -> Vec<Candidate<Id>> {
        self.served.retain(|lane, _| candidates.iter().any(|candidate| &candidate.lane == lane));
        let mut rest: Vec<&Candidate<Id>> = candidates.iter().collect();
        let mut picked = Vec::with_capacity(places.free.min(rest.len()));
        loop {
            let may_go = rest.iter().enumerate().filter(|(_, candidate)| places.of(candidate.kind) > 0);
            let next = may_go.min_by_key(|(_, candidate)| self.rank(candidate, today));
            let Some((index, _)) = next else { break };
            let candidate = rest.swap_remove(index);
            places.take(candidate.kind);
            self.turn += 1;
            self.served.insert(candidate.lane.clone(), self.turn);
            picked.push(candidate.clone());
        }
        picked
    }

    fn rank<Id>(&self, candidate: &Candidate<Id>, today: i64) -> (u64, i64, i64) {
        let pressing = candidate.due - today <= PRESSING_DAYS;
        let served = self.served.get(&candidate.lane).copied().unwrap_or(0);
        // Zero ranks before every turn ever served.
        (if pressing { 0 } else { served + 1 }, candidate.due, candidate.seq)
    }
}

/// The day that is today in Japan, in days since 1970-01-01.
#[must_use]
pub fn day_in_japan(now: Timestamp) -> i64 {
    day_number(now.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(9))).date())
}

/// Days since 1970-01-01.
#[must_use]
pub fn day_number(date: Date) -> i64 {
    let epoch = Date::constant(1970, 1, 1);
    epoch.until(date).map_or(0, |span| i64::from(span.get_days()))
}

/// The date of a day number.
#[must_use]
pub fn date_of(day: i64) -> Date {
    let days = jiff::SignedDuration::from_hours(day.saturating_mul(24));
    Date::constant(1970, 1, 1).saturating_add(days)
}
