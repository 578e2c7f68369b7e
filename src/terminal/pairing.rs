//! The rules of pairing, pure: windows that a code opens, and the lock against those who guess.
//!
//! ```text
//!  open ── right code ──► used
//!    ├──── ten minutes ──► over
//!    ├──── 65,536 wrong codes while it was open, by all together ──► worn out
//!    └──── an administrator ──► over
//! ```
//!
//! Who guesses has five tries in ten minutes, which is as long as a window is open; and one who takes on address after address meets the
//! bound of the network (IPv6) or of the windows. Sixty bits and 2¹⁶ tries: a chance of 2⁻⁴⁴ a window, from however many addresses. A
//! bound on all together that one machine could reach would let that machine keep everybody from pairing.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::code::CodeHash;

/// How long a window is open.
pub const OPEN_FOR: SignedDuration = SignedDuration::from_mins(10);
/// How far a clock may have been ahead when something was made that is taken afterwards.
pub(super) const EARLY: SignedDuration = SignedDuration::from_hours(1);
/// Wrong codes that a window bears, of all who try together.
pub const TRIES: u32 = 1 << 16;
/// Windows open at once on the box; an administrator does not serve more people at a time.
pub const WINDOWS: usize = 32;
/// Wrong codes after which an address is refused.
pub const WRONG: usize = 5;
/// Wrong codes after which all addresses of an IPv6 /64 are. One machine has as many of them as it likes, but the whole office may
/// stand in one as well.
pub const WRONG_NEARBY: usize = WRONG * NEARBY;
/// Within how long, and for how long at most.
pub const MEMORY: Duration = Duration::from_secs(600);
/// Addresses remembered, and as many networks. Beyond that the one with the fewest wrong codes is forgotten.
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
        // One from a clock that was ahead would be open for as long as the clock was wrong.
        let from_here = self.ends_at.duration_since(now) <= OPEN_FOR + EARLY;
        !self.used && self.wrong < TRIES && now < self.ends_at && from_here
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
pub struct Locks {
    addresses: Guesses,
    networks: Guesses,
}

/// When wrong codes came from each place.
#[derive(Debug, Default)]
struct Guesses(HashMap<IpAddr, Vec<Duration>>);

impl Locks {
    /// How long an address is refused from `now`; `None` when it may try.
    #[must_use]
    pub fn locked(&self, from: IpAddr, now: Duration) -> Option<Duration> {
        let own = self.addresses.locked(from.to_canonical(), WRONG, now);
        let nearby = network(from).and_then(|network| self.networks.locked(network, WRONG_NEARBY, now));
        own.max(nearby)
    }

    /// Notes a wrong code.
    pub fn wrong(&mut self, from: IpAddr, now: Duration) {
        self.addresses.note(from.to_canonical(), now);
        if let Some(network) = network(from) {
            self.networks.note(network, now);
        }
    }

    /// Forgets one that paired: a person who mistyped starts anew.
    pub fn right(&mut self, from: IpAddr) {
        self.addresses.0.remove(&from.to_canonical());
    }

    /// How many addresses are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.addresses.0.len()
    }
}

impl Guesses {
    fn locked(&self, from: IpAddr, most: usize, now: Duration) -> Option<Duration> {
        let tries = self.0.get(&from)?;
        let recent: Vec<_> = tries.iter().filter(|at| now.saturating_sub(**at) < MEMORY).collect();
        // It may try again when the oldest of the last ones is forgotten.
        let oldest = recent.len().checked_sub(most).and_then(|first| recent.get(first))?;
        Some(MEMORY.saturating_sub(now.saturating_sub(**oldest)))
    }

    fn note(&mut self, from: IpAddr, now: Duration) {
        if !self.0.contains_key(&from) && self.0.len() >= ADDRESSES {
            self.forget(now);
        }
        let tries = self.0.entry(from).or_default();
        tries.retain(|at| now.saturating_sub(*at) < MEMORY);
        tries.push(now);
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

/// How much more than one address a whole IPv6 /64 may do. One machine has as many addresses of it as it likes; the other machines of the
/// office may be in it as well.
pub const NEARBY: usize = 8;

/// The IPv6 /64 of an address; IPv4 has none.
#[must_use]
pub fn network(address: IpAddr) -> Option<IpAddr> {
    Some(neighbourhood(address)).filter(IpAddr::is_ipv6)
}

/// Where a machine stays though its address changes: of IPv6 the /64.
#[must_use]
pub fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() >> 64 << 64)),
        four @ IpAddr::V4(_) => four,
    }
}
