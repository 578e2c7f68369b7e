//! What an outbox forgets of a facility's rows. It needs no running outbox: a facility that the settings do not name has none.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::{OutboxError, identification};
use crate::audit::forgotten;
use crate::clock::Clock;
use crate::credential::seal::Keyring;
use crate::fault::crash;
use crate::store::{DropSpool, Prune, SetFact, Store, fact_name};

/// Documents forgotten in one transaction hold at most so many octets, so that no acceptance waits long behind it.
const FORGET_OCTETS: i64 = 16 * 1024 * 1024;
/// The clock by which things are forgotten goes forward at most so far an hour: a wall clock that jumps ahead by years gives
/// people two weeks to notice before it costs a record, and a box that was off for months catches up in days. Each facility has its
/// own: several would drive one clock several times as fast.
const FORGET_STEP: i64 = 25 * 3600 * 1000;
const FORGET_CLOCK: &str = "retention.clock";

/// One facility's rows, of which some are to be forgotten.
#[derive(Clone, Copy)]
pub struct Forgetting<'a> {
    /// Where they stand.
    pub store: &'a Store,
    /// By which they end.
    pub clock: &'a Clock,
    /// Whose they are.
    pub facility: &'a str,
}

impl Forgetting<'_> {
    /// Forgets what was finished longer ago than `retention`, while `on` says to go on; tells how many. What is not finished stays,
    /// however old. `forward`: an hour has passed since the last time.
    ///
    /// # Errors
    /// [`OutboxError`] when the store cannot be read or written.
    pub async fn ended(
        self,
        retention: Duration,
        forward: bool,
        on: impl Fn() -> bool + Send,
    ) -> Result<u64, OutboxError> {
        let kept = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
        let before = self.time(forward).await?.saturating_sub(kept);
        let told = forgotten("submission", self.clock.now());
        let mut gone = 0;
        while on() {
            let facility = self.facility.to_owned();
            let prune = Prune { facility, before, octets: FORGET_OCTETS, told: Some(told.clone()) };
            match self.store.write(prune).await? {
                0 => break,
                more => gone += more,
            }
            crash::point("outbox.forgot");
        }
        // A reader in the way ends soon; the log is written over before long all the same.
        if gone > 0 && !self.store.forget_log().await? {
            tracing::info!("outbox: the log of the database still holds what was forgotten; it is taken out later");
        }
        Ok(gone)
    }

    /// The time by which things are forgotten. A start does not move it forward, or a box that starts again and again under a
    /// wrong clock would forget in an hour.
    async fn time(self, forward: bool) -> Result<i64, OutboxError> {
        let now = self.clock.now().as_millisecond();
        let name = fact_name(FORGET_CLOCK, self.facility);
        let known = self.store.fact(&name).await?.and_then(|value| value.parse::<i64>().ok());
        let time = known.map_or(now, |known| now.min(known.saturating_add(if forward { FORGET_STEP } else { 0 })));
        self.store.write(SetFact { name, value: time.to_string() }).await?;
        Ok(time)
    }

    /// Drops the pieces of whatever is not coming in, one document at a time: they may be large. Tells how many pieces.
    ///
    /// # Errors
    /// [`OutboxError`] when the store cannot be read or written.
    pub async fn leftovers(self, comes_in: impl Fn(Uuid) -> bool + Send) -> Result<u64, OutboxError> {
        let mut pieces = 0;
        // What begins to come in after this look is not among them.
        for body in self.store.spooled(self.facility).await? {
            if Uuid::from_slice(&body).is_ok_and(&comes_in) {
                continue;
            }
            pieces += self.store.write(DropSpool { bodies: vec![body] }).await?;
        }
        Ok(pieces)
    }

    /// Takes every token that the hub gave for a person out of what is kept, whether or not it has expired; tells how many. What lies
    /// under a master key that is not loaded stays.
    ///
    /// # Errors
    /// [`OutboxError`] when the store cannot be read or written.
    pub async fn tokens(self, keys: &Keyring) -> Result<u64, OutboxError> {
        let mut gone = 0;
        loop {
            let few =
                identification::forget_tokens(self.store, keys, self.facility, (Timestamp::MAX, u16::MAX)).await?;
            if few == 0 {
                return Ok(gone);
            }
            gone += few;
        }
    }
}
