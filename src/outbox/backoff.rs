//! Pauses between attempts: decorrelated jitter, so that a thousand boxes that lost the same line do not come back at the
//! same second.

use std::time::Duration;

use rand::{Rng, RngExt as _};

/// Bounds of the pauses. It cannot be made with bounds that make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    min: Duration,
    max: Duration,
}

/// The bounds make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("back-off bounds: the minimum must be positive and not above the maximum")]
pub struct NonsenseBounds;

/// No hub is obeyed when it asks for a longer silence than this at a time.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);

impl Backoff {
    /// Pauses from `min` to `max`.
    ///
    /// # Errors
    /// [`NonsenseBounds`] when `min` is zero or above `max`.
    pub const fn new(min: Duration, max: Duration) -> Result<Self, NonsenseBounds> {
        if min.is_zero() || min.as_nanos() > max.as_nanos() { Err(NonsenseBounds) } else { Ok(Self { min, max }) }
    }

    /// The longest pause of its own making.
    #[must_use]
    pub const fn max(&self) -> Duration {
        self.max
    }

    /// The pause after one of `previous` length: random between the minimum and three times the previous one. A
    /// `Retry-After` is a floor, up to a day, with a little jitter on top.
    #[must_use]
    pub fn next(&self, previous: Duration, retry_after: Option<Duration>, rng: &mut impl Rng) -> Duration {
        let ceiling = previous.saturating_mul(3).clamp(self.min, self.max);
        let own = between(self.min, ceiling, rng);
        match retry_after {
            None => own,
            Some(asked) => {
                let asked = asked.min(RETRY_AFTER_MAX);
                asked.saturating_add(between(Duration::ZERO, self.min, rng)).max(own)
            }
        }
    }
}

fn between(low: Duration, high: Duration, rng: &mut impl Rng) -> Duration {
    let (low, high) = (millis(low), millis(high));
    Duration::from_millis(rng.random_range(low..=high.max(low)))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
