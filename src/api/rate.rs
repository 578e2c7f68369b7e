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
pub(super) struct Rate {
    addresses: Mutex<Buckets>,
    networks: Mutex<Buckets>,
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
    pub(super) fn new(per_second: u32) -> Self {
        let most = f64::from(per_second.max(1));
        let nearby = f64::from(u32::try_from(NEARBY).unwrap_or(u32::MAX));
        Self { addresses: Mutex::new(Buckets::new(most)), networks: Mutex::new(Buckets::new(most * nearby)) }
    }

    /// Takes one token of `address` at the monotonic time `now`.
    ///
    /// # Errors
    /// The whole seconds until there is one again, at least 1.
    pub(super) fn take(&self, address: IpAddr, now: Duration) -> Result<(), u64> {
        let take = |buckets: &Mutex<Buckets>, address| {
            buckets.lock().unwrap_or_else(PoisonError::into_inner).take(address, now)
        };
        take(&self.addresses, address)?;
        network(address).map_or(Ok(()), |network| take(&self.networks, network))
    }
}

impl Buckets {
    fn new(per_second: f64) -> Self {
        let others = Bucket { tokens: per_second * 2.0, at: Duration::ZERO };
        Self { per_second, by_address: HashMap::new(), others, swept: Duration::ZERO }
    }

    fn take(&mut self, address: IpAddr, now: Duration) -> Result<(), u64> {
        let (per_second, burst) = (self.per_second, self.per_second * 2.0);
        let filled = |bucket: Bucket| {
            let since = now.saturating_sub(bucket.at).as_secs_f64();
            (bucket.tokens + since * per_second).min(burst)
        };
        if self.by_address.len() >= MOST && now.saturating_sub(self.swept) >= SWEEP {
            self.swept = now;
            // A full bucket says nothing that a new one would not say.
            self.by_address.retain(|_, bucket| filled(*bucket) < burst);
        }
        let room = self.by_address.len() < MOST;
        let bucket = match self.by_address.get_mut(&address) {
            Some(bucket) => bucket,
            None if room => self.by_address.entry(address).or_insert(Bucket { tokens: burst, at: now }),
            None => &mut self.others,
        };
        *bucket = Bucket { tokens: filled(*bucket), at: now };
        if bucket.tokens < 1.0 {
            let wait = Duration::from_secs_f64((1.0 - bucket.tokens) / per_second);
            return Err(wait.as_secs() + 1);
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}
