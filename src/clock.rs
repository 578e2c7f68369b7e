//! Injected time. No other file asks the operating system what time it is, so that a test can move the clock by weeks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

/// The day the hub opened. A clock that shows an earlier day is wrong.
const FIRST_DAY: Date = Date::constant(2026, 4, 1);

/// A source of wall-clock and monotonic time; cheap to clone.
///
/// Besides the hands it knows a time that has surely been ([`Clock::witness`]), from which the monotonic clock counts on. Ends of
/// credentials are judged by the later of both ([`Clock::latest`]), so that setting the clock back revives none; and no wrong hand that
/// points ahead is ever taken for a time that has been, so that putting it right lets everybody in again.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
    been: Arc<Mutex<Option<Been>>>,
    /// Whoever was heard last told another time.
    contradicted: Arc<AtomicBool>,
}

/// By so much the clocks of two machines may differ.
const APART: SignedDuration = SignedDuration::from_hours(1);

/// A time that has been, and what the monotonic clock said then.
#[derive(Clone, Copy, Debug)]
struct Been {
    at: Timestamp,
    elapsed: Duration,
}

#[derive(Clone, Debug)]
enum Source {
    System(std::time::Instant),
    Manual(Arc<Mutex<Hands>>),
}

#[derive(Clone, Copy, Debug)]
struct Hands {
    wall: Timestamp,
    elapsed: Duration,
}

impl Clock {
    /// The machine's own clock.
    #[must_use]
    #[allow(clippy::disallowed_methods)]
    pub fn system() -> Self {
        Self::of(Source::System(std::time::Instant::now()))
    }

    /// A clock that stands still at `start` until [`Clock::advance`] moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        let hands = Hands { wall: start, elapsed: Duration::ZERO };
        Self::of(Source::Manual(Arc::new(Mutex::new(hands))))
    }

    fn of(source: Source) -> Self {
        Self { source, been: Arc::default(), contradicted: Arc::default() }
    }

    /// Wall-clock time. It may jump; use it for dates people see, never for time-outs.
    #[must_use]
    #[allow(clippy::disallowed_methods)]
    pub fn now(&self) -> Timestamp {
        match &self.source {
            Source::System(_) => Timestamp::now(),
            Source::Manual(hands) => hands.lock().unwrap_or_else(PoisonError::into_inner).wall,
        }
    }

    /// The wall clock, or the time that has surely been, whichever is later: by this the ends of what lets people in are judged.
    #[must_use]
    pub fn latest(&self) -> Timestamp {
        let now = self.now();
        self.has_been().map_or(now, |been| been.max(now))
    }

    /// The time that has surely been: what was witnessed, and what the monotonic clock counted since. `None` before the first witness.
    #[must_use]
    pub fn has_been(&self) -> Option<Timestamp> {
        let been = (*self.been.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(been.at.saturating_add(self.elapsed().saturating_sub(been.elapsed)).unwrap_or(Timestamp::MAX))
    }

    /// Takes note that it was `at`, by a word that can be relied on: never by this machine's wall clock alone. An earlier time than is
    /// known changes nothing.
    pub fn witness(&self, at: Timestamp) {
        if self.has_been().is_none_or(|been| been < at) {
            let been = Been { at, elapsed: self.elapsed() };
            *self.been.lock().unwrap_or_else(PoisonError::into_inner) = Some(been);
        }
    }

    /// Takes note of the time that a peer tells whose word is good. Where both clocks agree, the earlier one has surely been; where they do
    /// not, one of them is wrong and neither is believed. True when this is the first word that contradicts.
    pub fn hear(&self, told: Timestamp) -> bool {
        let now = self.now();
        let apart = told.duration_since(now).abs() > APART;
        if !apart {
            self.witness(told.min(now));
        }
        !self.contradicted.swap(apart, Ordering::Relaxed) && apart
    }

    /// Whether the wall clock cannot be right: it is behind a time that has been, or a peer told another one.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        let behind = self.has_been().is_some_and(|been| been.duration_since(self.now()) > APART);
        behind || self.contradicted.load(Ordering::Relaxed)
    }

    /// The date in Japan; `None` while the clock cannot be right (a box without battery wakes up in 1970): then nothing may
    /// be refused for lying in the future.
    #[must_use]
    pub fn today_in_japan(&self) -> Option<Date> {
        day_in_japan(self.now())
    }

    /// The date in Japan by [`Clock::latest`]; `None` while neither can be right.
    #[must_use]
    pub fn latest_day_in_japan(&self) -> Option<Date> {
        day_in_japan(self.latest())
    }

    /// How long until the date of [`Clock::latest_day_in_japan`] changes, at least a millisecond.
    #[must_use]
    pub fn until_next_day_in_japan(&self) -> Duration {
        const DAY: i64 = 86_400_000;
        const AHEAD: i64 = 9 * 3_600_000;
        let since = self.latest().as_millisecond().saturating_add(AHEAD).rem_euclid(DAY);
        Duration::from_millis(DAY.saturating_sub(since).unsigned_abs().max(1))
    }

    /// Time since the clock was made; never goes back.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        match &self.source {
            Source::System(start) => start.elapsed(),
            Source::Manual(hands) => hands.lock().unwrap_or_else(PoisonError::into_inner).elapsed,
        }
    }

    /// How long until the next beat: multiples of `period` since the clock was made. Whoever only looks from time to time waits for
    /// it, so that all of them wake the processor together. Never nothing.
    #[must_use]
    pub fn until_beat(&self, period: Duration) -> Duration {
        let since = self.elapsed().as_nanos().checked_rem(period.as_nanos()).unwrap_or(0);
        period.saturating_sub(Duration::from_nanos(u64::try_from(since).unwrap_or(0)))
    }

    /// Moves a manual clock forward; a system clock is not impressed.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(hands) = &self.source {
            let mut hands = hands.lock().unwrap_or_else(PoisonError::into_inner);
            hands.wall = hands.wall.saturating_add(by).unwrap_or(Timestamp::MAX);
            hands.elapsed += by;
        }
    }

    /// Sets the wall clock of a manual clock, as somebody at the machine may; the monotonic one goes on as it was.
    pub fn set(&self, wall: Timestamp) {
        if let Source::Manual(hands) = &self.source {
            hands.lock().unwrap_or_else(PoisonError::into_inner).wall = wall;
        }
    }
}

/// The date in Japan at a time; `None` for one that no clock that was ever set can show.
#[must_use]
pub fn day_in_japan(at: Timestamp) -> Option<Date> {
    let japan = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
    Some(at.to_zoned(japan).date()).filter(|today| *today >= FIRST_DAY)
}
