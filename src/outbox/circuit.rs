//! A circuit of one kind's way to the hub: while it is open none of them knocks; then one tries for all.
//!
//! It counts in monotonic time, so a clock that is set by years neither opens nor keeps it shut.

use std::time::Duration;

use rand::Rng;

use super::backoff::Backoff;
use crate::fault::Code;

/// Whether the hub may be spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// As much as there is to say.
    Closed,
    /// Not before `until`.
    Open {
        /// Why.
        reason: Code,
        /// Monotonic time.
        until: Duration,
        /// The pause that ends then, the base of the next one.
        pause: Duration,
        /// The hub asked for this pause: nobody may cut it short.
        named: bool,
    },
    /// One is trying.
    Probing {
        /// Why it was open.
        reason: Code,
        /// The last pause.
        pause: Duration,
        /// Something changed since it began: should it fail, the next one may try at once.
        again: bool,
    },
}

/// How long the next pause shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// As the back-off says.
    Own,
    /// At least so long: only an operator can help, and his word cuts it short.
    Slow(Duration),
    /// At least so long, because the hub asked for it; nobody cuts it short.
    Named(Duration),
}

impl Circuit {
    /// How many may start at `elapsed` when `free` places are free.
    #[must_use]
    pub fn admits(&self, elapsed: Duration, free: usize) -> usize {
        match self {
            Self::Closed => free,
            Self::Open { until, .. } if *until <= elapsed => free.min(1),
            Self::Open { .. } | Self::Probing { .. } => 0,
        }
    }

    /// Something was started.
    pub fn started(&mut self) {
        if let Self::Open { reason, pause, .. } = *self {
            *self = Self::Probing { reason, pause, again: false };
        }
    }

    /// The hub answered like a hub.
    pub fn answered(&mut self) {
        *self = Self::Closed;
    }

    /// What was started said nothing about the hub (it was the document's own trouble, or was called off).
    pub fn undecided(&mut self, elapsed: Duration) {
        if let Self::Probing { reason, pause, .. } = *self {
            *self = Self::Open { reason, until: elapsed, pause, named: false };
        }
    }

    /// The hub could not be spoken to. Failures of submissions that started before the circuit opened do not lengthen it,
    /// unless the hub asked for a longer pause with one of them.
    pub fn failed(&mut self, reason: Code, elapsed: Duration, wish: Pause, backoff: &Backoff, rng: &mut impl Rng) {
        let (previous, again) = match *self {
            Self::Closed => (Duration::ZERO, false),
            Self::Probing { pause, again, .. } => (pause, again),
            Self::Open { ref mut until, ref mut named, .. } => {
                if let Pause::Named(asked) = wish {
                    let asked = backoff.next(Duration::ZERO, Some(asked), rng);
                    *until = (*until).max(elapsed.saturating_add(asked));
                    *named = true;
                }
                return;
            }
        };
        let named = matches!(wish, Pause::Named(_));
        let at_least = match wish {
            Pause::Own => None,
            Pause::Slow(pause) | Pause::Named(pause) => Some(pause),
        };
        let pause = backoff.next(previous, at_least, rng);
        let until = if again && !named { elapsed } else { elapsed.saturating_add(pause) };
        *self = Self::Open { reason, until, pause: pause.min(backoff.max()), named };
    }

    /// Something changed that may have put it right: the next one may try at once, unless the hub itself named the time.
    pub fn reconsider(&mut self, elapsed: Duration) {
        match self {
            Self::Open { until, named: false, .. } => *until = elapsed,
            // The one on its way may have begun with what was wrong.
            Self::Probing { again, .. } => *again = true,
            Self::Open { .. } | Self::Closed => {}
        }
    }

    /// Why it is open, if it is.
    #[must_use]
    pub const fn reason(&self) -> Option<Code> {
        match self {
            Self::Closed => None,
            Self::Open { reason, .. } | Self::Probing { reason, .. } => Some(*reason),
        }
    }

    /// When the next one may try, in monotonic time.
    #[must_use]
    pub const fn opens_at(&self) -> Option<Duration> {
        match self {
            Self::Open { until, .. } => Some(*until),
            Self::Closed | Self::Probing { .. } => None,
        }
    }
}
