//! What time it has been, kept over restarts.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::StartError;
use crate::clock::Clock;
use crate::store::{SetFact, Store};

/// How often the time that has been is noted.
const NOTE_TIME: Duration = Duration::from_secs(600);
/// The fact that holds a time that has been, in milliseconds since 1970.
pub const BEEN: &str = "clock.been";

/// Notes of the clock in the store, so that a restart does not forget what time it has been.
pub(super) struct TimeKeeper {
    store: Store,
    clock: Clock,
    noted: Mutex<Option<Duration>>,
}

impl TimeKeeper {
    pub(super) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock, noted: Mutex::default() }
    }

    /// Tells the clock what is known from earlier.
    pub(super) async fn recall(&self) -> Result<(), StartError> {
        let known = self.store.fact(BEEN).await?;
        if let Some(at) = known.and_then(|text| Timestamp::from_millisecond(text.parse().ok()?).ok()) {
            self.clock.witness(at);
        }
        Ok(())
    }

    /// Notes the time, at most every ten minutes unless it is the last one.
    pub(super) fn note(&self, last: bool) {
        let now = self.clock.elapsed();
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let due = noted.is_none_or(|noted| now.saturating_sub(noted) >= NOTE_TIME);
        let Some(been) = self.clock.has_been().filter(|_| due || last) else { return };
        *noted = Some(now);
        let value = been.as_millisecond().to_string();
        self.store.write_later(SetFact { name: BEEN.to_owned(), value });
    }
}
