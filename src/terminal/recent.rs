//! Records of credentials, read a moment ago: what lets in is looked up for every request, and changes hardly ever.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;

/// How long a record may be taken from memory: a burst of 64 clients costs one query, not 64.
pub const CACHE_FOR: Duration = Duration::from_secs(2);
/// Records remembered at once; far more than a facility has programs or terminals.
const CACHE_SIZE: usize = 1024;
/// How fine "last used" is. Finer would mean a disk write for every request.
const TOUCH_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// The records of one kind, by id.
pub(super) struct Recent<I, R> {
    clock: Clock,
    kept: Mutex<HashMap<I, Kept<R>, RandomState>>,
    /// Held while a record is fetched, so that one client asks the store and the others wait for its answer.
    fetching: tokio::sync::Mutex<()>,
}

struct Kept<R> {
    record: Arc<R>,
    since: Duration,
    /// Somebody notes its use.
    noted: bool,
}

impl<I: Clone + Eq + Hash, R> Recent<I, R> {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, kept: Mutex::default(), fetching: tokio::sync::Mutex::default() }
    }

    /// The record of that id, from memory or by `fetch`. What is not there is asked for each time.
    pub(super) async fn of<E>(
        &self,
        id: &I,
        fetch: impl AsyncFnOnce() -> Result<Option<R>, E>,
    ) -> Result<Option<Arc<R>>, E> {
        if let Some(record) = self.remembered(id) {
            return Ok(Some(record));
        }
        // Boxed: what is seldom done is not to be carried along by every request.
        Box::pin(self.fetched(id, fetch)).await
    }

    async fn fetched<E>(&self, id: &I, fetch: impl AsyncFnOnce() -> Result<Option<R>, E>) -> Result<Option<Arc<R>>, E> {
        let _fetching = self.fetching.lock().await;
        if let Some(record) = self.remembered(id) {
            return Ok(Some(record));
        }
        let found = fetch().await?.map(Arc::new);
        if let Some(record) = &found {
            self.remember(id.clone(), Arc::clone(record));
        }
        Ok(found)
    }

    /// Changes a record in the store by `change` and forgets it here. A fetch under way could put the record of before back after it was
    /// forgotten, so there is none meanwhile.
    pub(super) async fn changed<T>(&self, id: &I, change: impl AsyncFnOnce() -> T) -> T {
        let _fetching = self.fetching.lock().await;
        let done = change().await;
        self.kept(|kept| kept.remove(id));
        done
    }

    /// The time to be noted as that of the last use of a record that says `last`; `None` when that is within the hour, or somebody else
    /// notes it. To be written beside the request: a credential must work on a read-only or a slow disk.
    pub(super) fn used(&self, id: &I, last: Option<Timestamp>) -> Option<Timestamp> {
        let now = self.clock.latest();
        // A time that lies ahead was written while the clock was wrong.
        if last.is_some_and(|last| now.duration_since(last).abs() < TOUCH_EVERY) {
            return None;
        }
        let noted = self.kept(|kept| kept.get_mut(id).is_none_or(|kept| mem::replace(&mut kept.noted, true)));
        (!noted).then_some(now)
    }

    fn remembered(&self, id: &I) -> Option<Arc<R>> {
        let now = self.clock.elapsed();
        self.kept(|kept| {
            kept.get(id).filter(|kept| now.saturating_sub(kept.since) < CACHE_FOR).map(|kept| Arc::clone(&kept.record))
        })
    }

    fn remember(&self, id: I, record: Arc<R>) {
        let since = self.clock.elapsed();
        self.kept(|kept| {
            if kept.len() >= CACHE_SIZE {
                kept.clear();
            }
            kept.insert(id, Kept { record, since, noted: false });
        });
    }

    fn kept<T>(&self, work: impl FnOnce(&mut HashMap<I, Kept<R>, RandomState>) -> T) -> T {
        work(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
