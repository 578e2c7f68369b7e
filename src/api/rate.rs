//! How often one address may ask: a bucket of tokens for each, in bounded memory.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Addresses that are told apart. An office has dozens; a flood from more than these shares one bucket, and those known
/// before it keep their own.
const MOST: usize = 4096;
/// Between two clearings of buckets that are full again.
const SWEEP: Duration = Duration::from_secs(1);

/// A rate for each address.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: f64,
    buckets: Mutex<Buckets>,
}

#[derive(Debug)]
struct Buckets {
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
        let per_second = f64::from(per_second.max(1));
        let others = Bucket { tokens: per_second * 2.0, at: Duration::ZERO };
        Self { per_second, buckets: Mutex::new(Buckets { by_address: HashMap::new(), others, swept: Duration::ZERO }) }
    }

    /// Takes one token of `address` at the monotonic time `now`.
    ///
    /// # Errors
    /// The whole seconds until there is one again, at least 1.
    pub(super) fn take(&self, address: IpAddr, now: Duration) -> Result<(), u64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.by_address.len() >= MOST && now.saturating_sub(buckets.swept) >= SWEEP {
            buckets.swept = now;
            // A full bucket says nothing that a new one would not say.
            buckets.by_address.retain(|_, bucket| self.filled(*bucket, now) < self.burst());
        }
        let Buckets { by_address, others, .. } = &mut *buckets;
        let room = by_address.len() < MOST;
        let bucket = match by_address.get_mut(&address) {
            Some(bucket) => bucket,
            None if room => by_address.entry(address).or_insert(Bucket { tokens: self.burst(), at: now }),
            None => others,
        };
        bucket.tokens = self.filled(*bucket, now);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            let wait = Duration::from_secs_f64((1.0 - bucket.tokens) / self.per_second);
            return Err(wait.as_secs() + 1);
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    fn burst(&self) -> f64 {
        self.per_second * 2.0
    }

    fn filled(&self, bucket: Bucket, now: Duration) -> f64 {
        let since = now.saturating_sub(bucket.at).as_secs_f64();
        (bucket.tokens + since * self.per_second).min(self.burst())
    }
}
