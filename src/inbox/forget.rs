//! What an inbox forgets of a facility's rows. It needs no running inbox: a facility that the settings do not name has none.

use std::time::Duration;

use crate::audit::forgotten;
use crate::clock::Clock;
use crate::store::{PruneReceived, Store, StoreError, fact_name};

/// Units forgotten in one transaction hold at most so many octets, so that no acceptance waits long behind it.
const FORGET_OCTETS: i64 = 16 * 1024 * 1024;
/// The facility's clock by which things are forgotten; its outbox moves it, slower than a wall clock can jump.
const FORGET_CLOCK: &str = "retention.clock";

/// Forgets what a person opened longer ago than `retention`, and tells how much; `step` is called after every transaction. What
/// nobody has opened is never forgotten.
///
/// # Errors
/// [`StoreError`] when the store cannot be read or written.
pub async fn forget(
    (store, clock): (&Store, &Clock),
    facility: &str,
    retention: Duration,
    step: impl Fn() + Send,
) -> Result<u64, StoreError> {
    let known = store.fact(&fact_name(FORGET_CLOCK, facility)).await?.and_then(|value| value.parse::<i64>().ok());
    let Some(known) = known else { return Ok(0) };
    let kept = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
    let before = known.min(clock.now().as_millisecond()).saturating_sub(kept);
    let mut gone = 0;
    loop {
        let told = Some(forgotten("received", clock.now()));
        let prune = PruneReceived { facility: facility.to_owned(), before, octets: FORGET_OCTETS, told };
        match store.write(prune).await? {
            0 => break,
            more => gone += more,
        }
        step();
    }
    if gone > 0 {
        store.forget_log().await?;
    }
    Ok(gone)
}
