//! The rules of pairing, pure: windows that a code opens, and the lock against those who guess.
//!
//! ```text
//!  open ── right code ──► used
//!    ├──── ten minutes ──► over
//!    ├──── five wrong codes while it was open ──► worn out
//!    └──── an administrator ──► over
//! ```
//!
//! Sixty bits, five tries: a guesser's chance is 2⁻⁵⁷ a window, from however many addresses. The lock of an address only keeps one guesser
//! from wearing out window after window.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::code::CodeHash;

/// How long a window is open.
pub const OPEN_FOR: SignedDuration = SignedDuration::from_mins(10);
/// Wrong codes that a window bears.
pub const TRIES: u32 = 5;
/// Windows open at once on the box; an administrator does not serve more people at a time.
pub const WINDOWS: usize = 32;
/// Wrong codes after which an address is refused.
pub const WRONG: usize = 10;
/// Within how long, and for how long at most.
pub const MEMORY: Duration = Duration::from_secs(3600);
/// Addresses remembered. Beyond that the one with the fewest wrong codes is forgotten.
pub const ADDRESSES: usize = 4096;

/// What the rules have to know of a window.
#[derive(Clone, Debug)]
pub struct Window {
    /// Its id.
    pub id: String,
    /// Of its code.
    pub code: CodeHash,
    /// When it is over.
    pub ends_at: Timestamp,
    /// Wrong codes so far.
    pub wrong: u32,
    /// Whether its code was used.
    pub used: bool,
}

impl Window {
    /// Whether its code still opens it.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        !self.used && self.wrong < TRIES && now < self.ends_at
    }
}

/// The open window of a code. Every window is compared, whichever fits.
#[must_use]
pub fn window_of<'w>(windows: &'w [Window], code: &CodeHash, now: Timestamp) -> Option<&'w Window> {
    let mut found = None;
    for window in windows {
        if window.code.matches(code) && window.is_open(now) {
            found = Some(window);
        }
    }
    found
}

/// Who has sent wrong codes lately. Time is monotonic.
#[derive(Debug, Default)]
pub struct Locks(HashMap<IpAddr, Vec<Duration>>);

impl Locks {
    /// How long an address is refused from `now`; `None` when it may try.
    #[must_use]
    pub fn locked(&self, from: IpAddr, now: Duration) -> Option<Duration> {
        let tries = self.0.get(&neighbourhood(from))?;
        let recent: Vec<_> = tries.iter().filter(|at| now.saturating_sub(**at) < MEMORY).collect();
        // It may try again when the oldest of the last ten is an hour old.
        let oldest = recent.len().checked_sub(WRONG).and_then(|first| recent.get(first))?;
        Some(MEMORY.saturating_sub(now.saturating_sub(**oldest)))
    }

    /// Notes a wrong code.
    pub fn wrong(&mut self, from: IpAddr, now: Duration) {
        let from = neighbourhood(from);
        if !self.0.contains_key(&from) && self.0.len() >= ADDRESSES {
            self.forget(now);
        }
        let tries = self.0.entry(from).or_default();
        tries.retain(|at| now.saturating_sub(*at) < MEMORY);
        // No more are needed to know that it is locked.
        if tries.len() >= WRONG {
            tries.remove(0);
        }
        tries.push(now);
    }

    /// Forgets one that paired: a person who mistyped starts anew.
    pub fn right(&mut self, from: IpAddr) {
        self.0.remove(&neighbourhood(from));
    }

    /// How many addresses are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.0.len()
    }

    fn forget(&mut self, now: Duration) {
        self.0.retain(|_, tries| tries.last().is_some_and(|at| now.saturating_sub(*at) < MEMORY));
        while self.0.len() >= ADDRESSES {
            let least = self.0.iter().min_by_key(|(_, tries)| (tries.len(), tries.last().copied()));
            let Some(least) = least.map(|(address, _)| *address) else { return };
            self.0.remove(&least);
        }
    }
}

/// What counts as one address: of IPv6 the /64, in which one machine has as many addresses as it likes.
#[must_use]
pub fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() >> 64 << 64)),
        four @ IpAddr::V4(_) => four,
    }
}
