//! How often a password may be tried. Pure: time comes in, nothing goes out.
//!
//! A try is counted before the password is looked at, so that tries side by side are no more than tries in a row. Counted is by
//! facility, terminal and user: who tries at one terminal closes nothing at another, and a user who does not exist is counted like one
//! who does. A terminal at which very many users were tried in vain takes no further ones.

use std::collections::BTreeMap;
use std::time::Duration;

/// Wrong passwords until log-in is closed.
pub const TRIES: u32 = 5;
/// For how long the first time; each further time twice as long.
pub const FIRST: Duration = Duration::from_secs(5 * 60);
/// For how long at most.
pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// After so long without a try, nothing is remembered.
pub const FORGOTTEN: Duration = LONGEST;
/// Users remembered at one terminal; far more than an office has people.
pub const USERS: usize = 64;

/// What is known of tries in vain.
#[derive(Debug, Default)]
pub struct Lockout {
    known: BTreeMap<(String, String), BTreeMap<String, Tries>>,
}

/// Where a password is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Desk<'a> {
    /// The facility. Another one may have a user of the same name, who is somebody else.
    pub facility: &'a str,
    /// The id of the terminal.
    pub terminal: &'a str,
}

impl Desk<'_> {
    fn key(self) -> (String, String) {
        (self.facility.to_owned(), self.terminal.to_owned())
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    wrong: u32,
    times_closed: u32,
    closed_until: Duration,
    last: Duration,
}

impl Tries {
    fn forgotten(&self, now: Duration) -> bool {
        now >= self.closed_until.max(self.last).saturating_add(FORGOTTEN)
    }
}

impl Lockout {
    /// Somebody wants to try a password at `desk`; `now` never goes back. The try counts as a wrong one until
    /// [`Lockout::right`] says otherwise.
    ///
    /// # Errors
    /// For how long no try is taken.
    pub fn begin(&mut self, now: Duration, desk: Desk<'_>, user: &str) -> Result<(), Duration> {
        self.forget(now);
        let users = self.known.entry(desk.key()).or_default();
        if !users.contains_key(user) && users.len() >= USERS {
            return Err(FIRST);
        }
        let tries = users.entry(user.to_owned()).or_default();
        if now < tries.closed_until {
            return Err(tries.closed_until.saturating_sub(now));
        }
        tries.last = now;
        tries.wrong += 1;
        if tries.wrong >= TRIES {
            let longer = 1_u32.checked_shl(tries.times_closed).unwrap_or(u32::MAX);
            tries.closed_until = now.saturating_add(FIRST.saturating_mul(longer).min(LONGEST));
            tries.times_closed = tries.times_closed.saturating_add(1).min(31);
            tries.wrong = 0;
        }
        Ok(())
    }

    /// The password was right: nothing was tried in vain.
    pub fn right(&mut self, desk: Desk<'_>, user: &str) {
        if let Some(users) = self.known.get_mut(&desk.key()) {
            users.remove(user);
        }
    }

    /// The facility's account has a new password from an administrator: whoever could not remember the old one begins anew.
    pub fn pardon(&mut self, facility: &str, user: &str) {
        for (_, users) in self.known.iter_mut().filter(|((own, _), _)| own == facility) {
            users.remove(user);
        }
    }

    /// A try that was counted never took place: the box was too busy to look.
    pub fn undo(&mut self, desk: Desk<'_>, user: &str) {
        let Some(tries) = self.known.get_mut(&desk.key()).and_then(|users| users.get_mut(user)) else { return };
        if tries.wrong > 0 {
            tries.wrong -= 1;
        } else if tries.times_closed > 0 {
            tries.times_closed -= 1;
            tries.wrong = TRIES - 1;
            tries.closed_until = Duration::ZERO;
        }
    }

    fn forget(&mut self, now: Duration) {
        for users in self.known.values_mut() {
            users.retain(|_, tries| !tries.forgotten(now));
        }
        self.known.retain(|_, users| !users.is_empty());
    }
}
