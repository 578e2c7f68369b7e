//! When a password may be sent: a pure machine over durable facts, so that the hub never locks the account because of us.
//!
//! Rules: a refused password is never sent again; a locked account is left alone until its end; a login whose outcome is
//! unknown may have been a failed one, so at most [`Policy::unknown_limit`] of them go out in [`Policy::unknown_window`]. Where anybody
//! may guess, a refused password counts as such a one for [`Policy::refused_window`]; once in that time an administrator may say that the
//! hub's count has begun anew, and one refusal counts on alone ([`Lockout::another_try`]). An attempt is written down *before* it is made,
//! so a crash in the middle leaves it counted.

use std::time::Duration;

use aws_lc_rs::hmac;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::order;

/// More refused passwords than anybody tries by hand.
const REFUSED_KEPT: usize = 256;
/// Attempts beyond the limit are never made, so few are ever on record.
const ATTEMPTS_KEPT: usize = 16;

/// How careful logins are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Logins with unknown outcome that may go out within the window. The hub is taken to lock after three failures.
    pub unknown_limit: usize,
    /// The window.
    pub unknown_window: Duration,
    /// So long a refused password counts within the same limit; zero: not at all, for whoever changes it does so on the box.
    pub refused_window: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self { unknown_limit: 2, unknown_window: Duration::from_secs(30 * 60), refused_window: Duration::ZERO }
    }
}

/// Keyed fingerprints of a user id, and of it with its password. They say nothing without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    user: String,
    credentials: String,
}

impl Account {
    /// Fingerprints under `key`.
    #[must_use]
    pub fn new(key: &[u8; 32], user_id: &str, password: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        let tag = |purpose: &[u8], secret: &[u8]| {
            let mut context = hmac::Context::with_key(&key);
            context.update(purpose);
            // The length keeps "ab"+"c" and "a"+"bc" apart.
            context.update(&(user_id.len() as u64).to_be_bytes());
            context.update(user_id.as_bytes());
            context.update(secret);
            context.sign().as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        Self { user: tag(b"engawa hub user", b""), credentials: tag(b"engawa hub login", password) }
    }
}

impl Account {
    /// Names the user among others, without telling who it is.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }
}

/// Whether a login may go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Yes.
    Allowed,
    /// Never with this password.
    Refused,
    /// The account is locked.
    Locked {
        /// Until then.
        until: Timestamp,
    },
    /// Too many logins with unknown outcome.
    Cautious {
        /// Until then.
        until: Timestamp,
    },
}

/// What an order for another try came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnotherTry {
    /// One more password may be sent, from [`Lockout::permit`]'s time on.
    Given,
    /// Refused passwords stand in nobody's way.
    NotNeeded,
    /// There was one not long ago.
    Spent {
        /// The next may be given from then on.
        until: Timestamp,
    },
}

/// An order for another try, and how it stands then.
#[derive(Clone, Copy, Debug)]
pub struct Tried {
    /// What it came to.
    pub order: AnotherTry,
    /// The password that is there was refused: it is never sent again, and another is wanted.
    pub refused: bool,
    /// No password is sent before, where that is known.
    pub waits_until: Option<Timestamp>,
}

/// How a login ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Tokens were given.
    Accepted,
    /// E1002.
    Refused,
    /// E1003.
    Locked {
        /// The account's end of lock.
        until: Timestamp,
    },
    /// The hub certainly did not look at the password.
    NotJudged,
    /// The hub may have looked at it.
    Unknown,
}

/// The facts, as they are remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lockout {
    /// Attempts without a known outcome, oldest first.
    attempts: Vec<Attempt>,
    /// Credentials that were refused.
    refused: Vec<String>,
    /// When whose password was refused, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refusals: Vec<Attempt>,
    /// When whose user was given another try, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tries: Vec<Attempt>,
    locks: Vec<Lock>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attempt {
    user: String,
    at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lock {
    user: String,
    noted: Timestamp,
    until: Timestamp,
}

impl Lockout {
    /// Reads what was remembered. A record that cannot be read is taken for the worst that heals by itself: attempts just
    /// made, as many as are allowed.
    #[must_use]
    pub fn restore(remembered: Option<&str>, account: &Account, policy: &Policy, now: Timestamp) -> Self {
        let Some(text) = remembered else { return Self::default() };
        serde_json::from_slice(text.as_bytes()).unwrap_or_else(|_| {
            let attempt = Attempt { user: account.user.clone(), at: now };
            Self { attempts: vec![attempt; policy.unknown_limit.min(ATTEMPTS_KEPT)], ..Self::default() }
        })
    }

    /// What to remember.
    #[must_use]
    pub fn record(&self) -> String {
        // Strings and times always serialize; an unreadable record is handled with caution by `restore`.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether a login may go out at `now`.
    pub fn permit(&mut self, account: &Account, policy: &Policy, now: Timestamp) -> Permit {
        if self.has_refused(account) { Permit::Refused } else { self.permit_another(account, policy, now) }
    }

    /// Whether the hub refused this very password.
    #[must_use]
    pub fn has_refused(&self, account: &Account) -> bool {
        self.refused.contains(&account.credentials)
    }

    /// As [`Lockout::permit`], of a password of the same user that was not refused.
    pub fn permit_another(&mut self, account: &Account, policy: &Policy, now: Timestamp) -> Permit {
        self.forget_what_is_over(policy, now);
        if let Some(lock) = self.locks.iter().find(|lock| lock.user == account.user) {
            return Permit::Locked { until: lock.until };
        }
        let ends = |attempts: &[Attempt], window| {
            let mine = attempts.iter().filter(|attempt| attempt.user == account.user);
            mine.map(|attempt| later(attempt.at, window)).collect::<Vec<_>>()
        };
        let mut mine = ends(&self.attempts, policy.unknown_window);
        mine.extend(ends(&self.refusals, policy.refused_window));
        order::sort(&mut mine);
        let spare = mine.len().checked_sub(policy.unknown_limit).and_then(|over| mine.get(over));
        match spare {
            Some(&until) => Permit::Cautious { until },
            None if policy.unknown_limit == 0 => Permit::Cautious { until: later(now, policy.unknown_window) },
            None => Permit::Allowed,
        }
    }

    /// Lets one password more be sent for the account's user, whose refused ones are as many as are sent in [`Policy::refused_window`].
    ///
    /// Whoever orders it knows that somebody has logged in as that user since, so that the hub counts from nothing. Should that be wrong,
    /// all refusals but the newest go on counting for [`Policy::unknown_window`], as log-ins do of which nobody knows whether they failed,
    /// and the newest for its whole time: no order lets more failures out within one window than there would be without. One a
    /// [`Policy::refused_window`], unless the hub lets the user in or locks it meanwhile: either begins the hub's count anew.
    pub fn another_try(&mut self, account: &Account, policy: &Policy, now: Timestamp) -> AnotherTry {
        self.forget_what_is_over(policy, now);
        let refused = self.refusals.iter().filter(|refusal| refusal.user == account.user).count();
        if refused < policy.unknown_limit.max(1) {
            return AnotherTry::NotNeeded;
        }
        if let Some(given) = self.tries.iter().find(|given| given.user == account.user) {
            return AnotherTry::Spent { until: later(given.at, policy.refused_window) };
        }
        let newest = self.refusals.iter().rposition(|refusal| refusal.user == account.user);
        let mut at = 0..;
        let older = self.refusals.extract_if(.., |refusal| at.next() != newest && refusal.user == account.user);
        self.attempts.extend(older);
        order::sort_by_key(&mut self.attempts, |attempt| attempt.at);
        keep_newest(&mut self.attempts, ATTEMPTS_KEPT);
        self.tries.push(Attempt { user: account.user.clone(), at: now });
        keep_newest(&mut self.tries, ATTEMPTS_KEPT);
        AnotherTry::Given
    }

    /// Writes an attempt down. Has to be on stable storage before the password goes out.
    pub fn begin(&mut self, account: &Account, now: Timestamp) {
        self.attempts.push(Attempt { user: account.user.clone(), at: now });
        keep_newest(&mut self.attempts, ATTEMPTS_KEPT);
    }

    /// Writes down how the attempt ended.
    pub fn finish(&mut self, account: &Account, verdict: Verdict, now: Timestamp) {
        match verdict {
            Verdict::Unknown => {}
            Verdict::NotJudged => {
                if let Some(at) = self.attempts.iter().rposition(|attempt| attempt.user == account.user) {
                    self.attempts.remove(at);
                }
            }
            Verdict::Accepted => self.clear(account),
            Verdict::Refused => {
                // The refusal says what this attempt was, not what became of the unknown ones: they stay counted.
                self.finish(account, Verdict::NotJudged, now);
                self.refusals.push(Attempt { user: account.user.clone(), at: now });
                keep_newest(&mut self.refusals, ATTEMPTS_KEPT);
                if !self.refused.contains(&account.credentials) {
                    self.refused.push(account.credentials.clone());
                    keep_newest(&mut self.refused, REFUSED_KEPT);
                }
            }
            Verdict::Locked { until } => {
                // The lock's end starts the hub's count anew.
                self.clear(account);
                self.locks.push(Lock { user: account.user.clone(), noted: now, until });
            }
        }
    }

    fn clear(&mut self, account: &Account) {
        self.attempts.retain(|attempt| attempt.user != account.user);
        self.refusals.retain(|attempt| attempt.user != account.user);
        self.tries.retain(|given| given.user != account.user);
        self.locks.retain(|lock| lock.user != account.user);
    }

    fn forget_what_is_over(&mut self, policy: &Policy, now: Timestamp) {
        self.forget_the_future(now);
        self.locks.retain(|lock| lock.until > now);
        self.attempts.retain(|attempt| later(attempt.at, policy.unknown_window) > now);
        for list in [&mut self.refusals, &mut self.tries] {
            list.retain(|attempt| later(attempt.at, policy.refused_window) > now);
        }
    }

    /// A clock that was ahead and was set right must not stretch a wait: what lies in the future counts from `now`.
    fn forget_the_future(&mut self, now: Timestamp) {
        for attempt in self.attempts.iter_mut().chain(&mut self.refusals).chain(&mut self.tries) {
            attempt.at = attempt.at.min(now);
        }
        for lock in self.locks.iter_mut().filter(|lock| lock.noted > now) {
            let wait = lock.until.duration_since(lock.noted);
            lock.until = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
            lock.noted = now;
        }
    }
}

fn keep_newest<T>(list: &mut Vec<T>, most: usize) {
    list.drain(..list.len().saturating_sub(most));
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
