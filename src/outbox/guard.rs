//! The door: new work is refused while the disk is nearly full or the store does not work; accepted work goes on.

use std::sync::Arc;
use std::time::Duration;

use super::view::OutboxError;
use crate::clock::Clock;
use crate::fault::Code;
use crate::store::Store;

/// Octets free on the file system that holds the state; `None` when nobody can say.
pub type FreeSpace = Arc<dyn Fn() -> Option<u64> + Send + Sync>;

/// Watches the room that is left.
#[derive(Clone)]
pub struct Guard {
    /// Asks the file system.
    pub free_space: FreeSpace,
    /// Octets below which nothing new is taken in.
    pub min_free: u64,
    /// How long finished documents are kept.
    pub retention: Duration,
    /// The time.
    pub clock: Clock,
}

impl Guard {
    /// Whether there is room for new work.
    ///
    /// What was forgotten leaves room inside the database file, which counts; but a quarter of the minimum has to be free
    /// outside it, where the write-ahead log grows.
    pub async fn has_room(&self, store: &Store) -> bool {
        match (self.free_space)() {
            None => true,
            Some(free) if free >= self.min_free => true,
            Some(free) if free < self.min_free / 4 => false,
            Some(free) => free.saturating_add(store.free_inside().await.unwrap_or(0)) >= self.min_free,
        }
    }

    /// Lets a new document in.
    ///
    /// # Errors
    /// `STORAGE_FULL` with a forecast, or the store's standing failure when it is one that trying does not mend.
    pub(super) async fn admit(&self, store: &Store, facility: &str) -> Result<(), OutboxError> {
        if !self.has_room(store).await {
            let retry_after = Some(self.forecast(store, facility).await);
            return Err(OutboxError { code: Code::StorageFull, retry_after, earlier: None, source: None });
        }
        match store.writer_status().failing {
            Some(code @ (Code::StorageBroken | Code::StorageReadOnly)) => Err(code.into()),
            _ => Ok(()),
        }
    }
}

impl Guard {
    /// Seconds until it is worth asking again: room comes back when the facility's oldest finished document reaches the end of its
    /// retention, or when an operator makes some; so an hour at least, a day at most.
    async fn forecast(&self, store: &Store, facility: &str) -> u64 {
        let oldest = store.oldest_finished(facility).await.ok().flatten();
        let ends = oldest.map(|at| at.saturating_add(i64::try_from(self.retention.as_millis()).unwrap_or(i64::MAX)));
        let wait = ends.map_or(0, |ends| ends.saturating_sub(self.clock.now().as_millisecond()) / 1000);
        u64::try_from(wait).unwrap_or(0).clamp(3600, 86_400)
    }
}
