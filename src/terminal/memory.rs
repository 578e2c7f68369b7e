//! Keys that last as long as the process, for tests and for trying things out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{BoxFuture, ready};
use jiff::Timestamp;

use super::{KeyId, KeyRecord, KeyStore, StoreFailure};

/// A [`KeyStore`] in memory; clones share their content.
#[derive(Clone, Default)]
pub struct MemoryKeys {
    records: Arc<Mutex<BTreeMap<KeyId, KeyRecord>>>,
    lookups: Arc<AtomicUsize>,
}

impl MemoryKeys {
    /// How often [`KeyStore::find`] was called.
    #[must_use]
    pub fn lookups(&self) -> usize {
        self.lookups.load(Ordering::Relaxed)
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<KeyId, KeyRecord>) -> T) -> T {
        work(&mut self.records.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl KeyStore for MemoryKeys {
    fn add(&self, record: KeyRecord) -> BoxFuture<'_, Result<(), StoreFailure>> {
        self.with(|records| records.insert(record.id.clone(), record));
        Box::pin(ready(Ok(())))
    }

    fn find(&self, id: KeyId) -> BoxFuture<'_, Result<Option<KeyRecord>, StoreFailure>> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        Box::pin(ready(Ok(self.with(|records| records.get(&id).cloned()))))
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<KeyRecord>, StoreFailure>> {
        let mut all: Vec<_> = self.with(|records| records.values().cloned().collect());
        all.sort_by_key(|record| record.created_at);
        Box::pin(ready(Ok(all)))
    }

    fn revoke(&self, id: KeyId, at: Timestamp) -> BoxFuture<'_, Result<bool, StoreFailure>> {
        let found = self.with(|records| match records.get_mut(&id) {
            Some(record) => {
                record.revoked_at.get_or_insert(at);
                true
            }
            None => false,
        });
        Box::pin(ready(Ok(found)))
    }

    fn touch(&self, id: KeyId, at: Timestamp) -> BoxFuture<'_, Result<(), StoreFailure>> {
        self.with(|records| {
            if let Some(record) = records.get_mut(&id) {
                record.last_used_at = Some(at);
            }
        });
        Box::pin(ready(Ok(())))
    }
}
