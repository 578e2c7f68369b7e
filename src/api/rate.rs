//! How often one address may ask: a bucket of tokens for each, in bounded memory. All addresses of an IPv6 /64 together have a bucket as
//! well, some times as large: one machine can take on as many of them as it likes, and the whole office may be in it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::terminal::pairing::{NEARBY, network};

/// Addresses that are told apart. An office has dozens; a flood from more than these shares one bucket, and those known
/// before it keep their own.
const MOST: usize = 4096;
/// Between two clearings of buckets that are full again.
const SWEEP: Duration = Duration::from_secs(1);

/// A rate for each address.
#[derive(Debug)]
pub struct Rate(Mutex<Both>);

#[derive(Debug)]
struct Both {
    addresses: Buckets,
    networks: Buckets,
}

#[derive(Debug)]
struct Buckets {
    per_second: f64,
    by_address: HashMap<IpAddr, Bucket>,
    others: Bucket,
    swept: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Duration,
}

impl Rate {
    /// So many in a second, in the mean, and twice as many at once.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        let most = f64::from(per_second.max(1));
        let nearby = f64::from(u32::try_from(NEARBY).unwrap_or(u32::MAX));
        Self(Mutex::new(Both { addresses: Buckets::new(most), networks: Buckets::new(most * nearby) }))
    }

    /// Takes one token of `address` at the monotonic time `now`.
    ///
    /// # Errors
    /// The whole seconds until there is one again, at least 1.
    pub fn take(&self, address: IpAddr, now: Duration) -> Result<(), u64> {
        let mut both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(network) = network(address) else { return both.addresses.take(address, now) };
        // Looked at first, so that a flood from address after address of one network leaves nothing behind; taken from last, so that one
        // address that asks too often uses up nothing of the others'.
        both.networks.look(network, now)?;
        both.addresses.take(address, now)?;
        both.networks.take(network, now)
    }

    /// How many addresses are told apart.
    #[must_use]
    pub fn known(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).addresses.by_address.len()
    }
}

impl Buckets {
    fn new(per_second: f64) -> Self {
        let others = Bucket { tokens: per_second * 2.0, at: Duration::ZERO };
        Self { per_second, by_address: HashMap::new(), others, swept: Duration::ZERO }
    }

    /// Whether there is a token, without taking it.
    fn look(&self, address: IpAddr, now: Duration) -> Result<(), u64> {
        let bucket = match self.by_address.get(&address) {
            None if self.by_address.len() < MOST => return Ok(()),
            bucket => bucket.unwrap_or(&self.others),
        };
        enough(bucket.filled(self.per_second, now), self.per_second)
    }

    fn take(&mut self, address: IpAddr, now: Duration) -> Result<(), u64> {
        self.sweep(now);
        let full = Bucket { tokens: burst(self.per_second), at: now };
        let bucket = match self.by_address.len() < MOST {
            true => self.by_address.entry(address).or_insert(full),
            false => self.by_address.get_mut(&address).unwrap_or(&mut self.others),
        };
        let tokens = bucket.filled(self.per_second, now);
        let enough = enough(tokens, self.per_second);
        *bucket = Bucket { tokens: if enough.is_ok() { tokens - 1.0 } else { tokens }, at: now };
        enough
    }

    /// A full bucket says nothing that a new one would not say.
    fn sweep(&mut self, now: Duration) {
        if self.by_address.len() < MOST || now.saturating_sub(self.swept) < SWEEP {
            return;
        }
        self.swept = now;
        let per_second = self.per_second;
        self.by_address.retain(|_, bucket| bucket.filled(per_second, now) < burst(per_second));
    }
}

impl Bucket {
    fn filled(self, per_second: f64, now: Duration) -> f64 {
        let since = now.saturating_sub(self.at).as_secs_f64();
        (self.tokens + since * per_second).min(burst(per_second))
    }
}

fn burst(per_second: f64) -> f64 {
    per_second * 2.0
}

fn enough(tokens: f64, per_second: f64) -> Result<(), u64> {
    if tokens >= 1.0 {
        return Ok(());
    }
    Err(Duration::from_secs_f64((1.0 - tokens) / per_second).as_secs() + 1)
}
