//! The way into the trail.

use super::record::Act;
use crate::fault::Code;
use crate::store::{AppendTrail, Store, StoreError};

/// The box's trail; cheap to clone.
#[derive(Clone, Debug)]
pub struct Trail(Store);

/// A record could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("the trail: {code}")]
pub struct TrailError {
    /// What the storage says.
    pub code: Code,
    /// What went wrong below.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl From<StoreError> for TrailError {
    fn from(error: StoreError) -> Self {
        Self { code: error.code(), source: Box::new(error) }
    }
}

impl Trail {
    /// The trail kept in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self(store)
    }

    /// Records acts in this order; when this returns they are on stable storage.
    ///
    /// # Errors
    /// [`TrailError`] when none of them is recorded.
    pub async fn record(&self, acts: Vec<Act>) -> Result<(), TrailError> {
        let lines = acts.into_iter().map(Act::to_line).collect();
        Ok(self.0.write(AppendTrail { lines, fact: None }).await?)
    }

    /// Number and line of the records after `after`, oldest first.
    ///
    /// # Errors
    /// [`TrailError`] when they cannot be read.
    pub async fn after(&self, after: i64, limit: u16) -> Result<Vec<(i64, String)>, TrailError> {
        let rows = self.0.trail_after(after, limit).await?;
        Ok(rows.into_iter().map(|row| (row.seq, row.record)).collect())
    }
}
