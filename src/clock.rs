//! Injected time. No other file asks the operating system what time it is, so that a test can move the clock by weeks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

/// The day the hub opened. A clock that shows an earlier day is wrong.
const FIRST_DAY: Date = Date::constant(2026, 4, 1);

/// A source of wall-clock and monotonic time; cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Source);

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
        Self(Source::System(std::time::Instant::now()))
    }

    /// A clock that stands still at `start` until [`Clock::advance`] moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        let hands = Hands { wall: start, elapsed: Duration::ZERO };
        Self(Source::Manual(Arc::new(Mutex::new(hands))))
    }

    /// Wall-clock time. It may jump; use it for dates people see, never for time-outs.
    #[must_use]
    #[allow(clippy::disallowed_methods)]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System(_) => Timestamp::now(),
            Source::Manual(hands) => hands.lock().unwrap_or_else(PoisonError::into_inner).wall,
        }
    }

    /// The date in Japan; `None` while the clock cannot be right (a box without battery wakes up in 1970): then nothing may
    /// be refused for lying in the future.
    #[must_use]
    pub fn today_in_japan(&self) -> Option<Date> {
        let japan = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
        Some(self.now().to_zoned(japan).date()).filter(|today| *today >= FIRST_DAY)
    }

    /// Time since the clock was made; never goes back.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Source::System(start) => start.elapsed(),
            Source::Manual(hands) => hands.lock().unwrap_or_else(PoisonError::into_inner).elapsed,
        }
    }

    /// Moves a manual clock forward; a system clock is not impressed.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(hands) = &self.0 {
            let mut hands = hands.lock().unwrap_or_else(PoisonError::into_inner);
            hands.wall = hands.wall.saturating_add(by).unwrap_or(Timestamp::MAX);
            hands.elapsed += by;
        }
    }
}
