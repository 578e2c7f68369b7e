//! Whether another look into the database could find anything that the last one did not: a box that does nothing should not wake its
//! processor for answers that it has.

use std::time::Duration;

use super::Store;
use crate::clock::Clock;

/// However quiet it is, somebody looks again after so long.
pub const LONGEST: Duration = Duration::from_secs(300);

/// For whoever looks from time to time for what there is to do. Made from what the last look found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lull(Option<Last>);

#[derive(Clone, Copy, Debug)]
struct Last {
    look: Look,
    /// Milliseconds since 1970.
    until: i64,
}

/// A look that begins.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Groups committed before it.
    commits: u64,
    /// Milliseconds since 1970.
    at: i64,
    /// Monotonic time.
    elapsed: Duration,
}

impl Look {
    /// To be made before anything is read: what is committed meanwhile makes another look worth it.
    #[must_use]
    pub fn begin(store: &Store, clock: &Clock) -> Self {
        Self::after(store.commits(), clock)
    }

    /// When it begins, by the wall clock: milliseconds since 1970. What ripens from then on is not passed over by it.
    #[must_use]
    pub const fn at(&self) -> i64 {
        self.at
    }

    /// The same after so many commits.
    #[must_use]
    pub fn after(commits: u64, clock: &Clock) -> Self {
        Self { commits, at: clock.now().as_millisecond(), elapsed: clock.elapsed() }
    }
}

impl Lull {
    /// The look found nothing to do before `until` (milliseconds since 1970), or at no time.
    pub fn found_nothing(&mut self, look: Look, until: Option<i64>) {
        self.0 = Some(Last { look, until: until.unwrap_or(i64::MAX) });
    }

    /// Something happened of which the database does not tell.
    pub fn end(&mut self) {
        self.0 = None;
    }

    /// How long the waiting time lasts that ends first; `None` where there is none.
    #[must_use]
    pub fn left(&self, look: Look) -> Option<Duration> {
        let until = self.0.map(|last| last.until).filter(|until| *until < i64::MAX)?;
        Some(Duration::from_millis(u64::try_from(until.saturating_sub(look.at)).unwrap_or(0)))
    }

    /// Whether a look that begins would find what the last one found: nothing was committed since, no waiting time has ended, and the
    /// wall clock was not set back, by which waiting times are judged anew.
    #[must_use]
    pub fn lasts(&self, look: Look) -> bool {
        self.0.is_some_and(|last| {
            last.look.commits == look.commits
                && (last.look.at..last.until).contains(&look.at)
                && look.elapsed.saturating_sub(last.look.elapsed) < LONGEST
        })
    }
}
