//! Facilities of which something is in the store and that the settings do not name. Nobody serves them, and yet what is kept of them ends
//! as it would if somebody did: what people left open after a day, what has come to an end with its retention. What is unfinished waits.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tracing::Instrument as _;

use super::DAY;
use super::desk::span;
use crate::audit::Draft;
use crate::clock::Clock;
use crate::config::Loaded;
use crate::credential::seal::Keyring;
use crate::exchange;
use crate::fault::{Code, crash};
use crate::inbox;
use crate::order;
use crate::outbox::Forgetting;
use crate::store::{DropFact, SetFact, ShutFacility, Store, StoreError, fact_name};

const HOUR: Duration = Duration::from_secs(3600);
/// After a failure.
const SOON: Duration = Duration::from_secs(600);

/// The fact that tells, in milliseconds since 1970, since when a facility has been missing in the settings.
const SINCE: &str = "gone.since";

/// Keeps house for facilities that are gone.
pub struct Gone {
    store: Store,
    keys: Arc<Keyring>,
    clock: Clock,
    served: BTreeSet<String>,
    exchange: Option<PathBuf>,
    retention_days: AtomicU16,
}

/// What of the settings it goes by.
#[derive(Clone, Debug)]
pub struct Config {
    /// The facilities that others keep house for.
    pub served: BTreeSet<String>,
    /// The folder that holds one folder for each facility.
    pub exchange: Option<PathBuf>,
    /// Days for which what has ended is kept.
    pub retention_days: u16,
}

impl From<&Loaded> for Config {
    fn from(settings: &Loaded) -> Self {
        Self {
            served: order::set(settings.facilities().map(|own| own.facility.number.clone())),
            exchange: settings.config.exchange.directory.clone(),
            retention_days: settings.config.state.retention_days,
        }
    }
}

impl Gone {
    /// Of every facility in `store` that is not served.
    #[must_use]
    pub fn new(config: Config, (store, keys): (Store, Arc<Keyring>), clock: Clock) -> Self {
        let Config { served, exchange, retention_days } = config;
        Self { store, keys, clock, served, exchange, retention_days: AtomicU16::new(retention_days) }
    }

    /// Takes up another retention.
    pub(super) fn reconfigure(&self, retention_days: u16) {
        self.retention_days.store(retention_days, Ordering::SeqCst);
    }

    /// Whoever is served is not gone. To be on stable storage before anybody is: the next absence has a day of its own, whatever becomes of
    /// this start. True when nothing was left over.
    pub async fn welcome(&self) -> bool {
        let mut well = true;
        for facility in &self.served {
            if let Err(error) = self.is_back(facility).await {
                tracing::warn!(%error, code = %error.code(), "a facility that is back: the note that it was gone stays");
                well = false;
            }
        }
        well
    }

    /// Looks at once and then every hour, until told to stop.
    pub(super) async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut last = self.clock.elapsed();
        let mut forward = false;
        loop {
            let well = self.look(forward, || !*stop.borrow()).await;
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(if well { HOUR } else { SOON }) => {}
            }
            // What failed is tried again before an hour has passed.
            let now = self.clock.elapsed();
            forward = now.saturating_sub(last) >= HOUR;
            if forward {
                last = now;
            }
        }
    }

    /// Looks once at every facility that is gone, while `on` says to go on. `forward`: an hour has passed since the last look. True when
    /// everything could be done; what could not is in the log.
    pub async fn look(&self, forward: bool, on: impl Fn() -> bool + Send + Sync) -> bool {
        crash::point("gone.looking");
        let kept = match self.store.facilities_kept().await {
            Ok(kept) => kept,
            Err(error) => {
                tracing::warn!(%error, code = %error.code(), "facilities that are gone: not looked for");
                return false;
            }
        };
        // Once more, for a disk that could not be written to at the start.
        let mut well = self.welcome().await;
        for facility in kept.iter().filter(|number| !self.served.contains(*number)) {
            if !on() {
                return true;
            }
            let done = async {
                match self.keep(facility, forward, &on).await {
                    Ok(()) => true,
                    Err(code) => {
                        tracing::warn!(%code, "a facility that is gone: what is to be forgotten of it is still there");
                        false
                    }
                }
            };
            well &= done.instrument(span(facility)).await;
        }
        well
    }

    async fn keep(&self, facility: &str, forward: bool, on: impl Fn() -> bool + Send) -> Result<(), Code> {
        let retention = DAY * u32::from(self.retention_days.load(Ordering::SeqCst));
        let now = self.clock.now();
        let own = Forgetting { store: &self.store, clock: &self.clock, facility };
        let mut ended = 0;
        if self.is_long_gone(facility).await.map_err(|error| error.code())? {
            let told = Draft::own(facility, "facility.gone").done_at(now).to_line();
            let shut = ShutFacility { facility: facility.to_owned(), at: now.as_millisecond(), told };
            ended += self.store.write(shut).await.map_err(|error| error.code())?;
            ended += own.tokens(&self.keys).await.map_err(|error| error.code)?;
        }
        let pieces = own.leftovers(|_| false).await.map_err(|error| error.code)?;
        if ended + pieces > 0 {
            tracing::info!(ended, pieces, "a facility that is gone: what people left open has ended");
            self.store.forget_log().await.map_err(|error| error.code())?;
        }
        let documents = own.ended(retention, forward, on).await.map_err(|error| error.code)?;
        let received = inbox::forget((&self.store, &self.clock), facility, retention, || ()).await;
        let received = received.map_err(|error| error.code())?;
        let notes = exchange::forget(&self.store, self.exchange.as_deref(), facility).await;
        let notes = notes.map_err(|error| error.code())?;
        if documents + received + notes > 0 {
            tracing::info!(documents, received, notes, "a facility that is gone: its retention has ended");
        }
        Ok(())
    }

    /// Whether a facility has been gone for a day: a mistyped number is put right before that. Notes when it was first missed. A clock
    /// that cannot be right, or that was set back, begins no day and ends none.
    async fn is_long_gone(&self, facility: &str) -> Result<bool, StoreError> {
        if self.clock.today_in_japan().is_none() {
            return Ok(false);
        }
        let (name, now) = (fact_name(SINCE, facility), self.clock.now().as_millisecond());
        let since: Option<i64> = self.store.fact(&name).await?.and_then(|text| text.parse().ok());
        match since.filter(|&since| since <= now) {
            Some(since) => Ok(u128::from((now - since).unsigned_abs()) >= DAY.as_millis()),
            None => {
                self.store.write(SetFact { name, value: now.to_string() }).await?;
                Ok(false)
            }
        }
    }

    async fn is_back(&self, facility: &str) -> Result<(), StoreError> {
        let name = fact_name(SINCE, facility);
        if self.store.fact(&name).await?.is_some() {
            self.store.write(DropFact { name }).await?;
        }
        Ok(())
    }
}
