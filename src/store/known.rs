//! What was read a moment ago, for questions that are asked with every request: how the gateway is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::StoreError;
use crate::clock::Clock;

/// For so long a database that could be read counts as readable.
const READABLE: Duration = Duration::from_millis(250);

/// Answers that hold until something is committed.
#[derive(Debug)]
pub(super) struct Known {
    /// Submissions by facility and state.
    pub(super) counted: SinceCommit<Vec<(String, String, i64)>>,
    /// Facilities with a copied terminal.
    pub(super) copied: SinceCommit<Vec<String>>,
    /// When what a facility has waiting for longest was accepted.
    pub(super) oldest: ByFacility<Option<i64>>,
    /// How many units nobody of a facility has opened, and since when the oldest is known.
    pub(super) unopened: ByFacility<(i64, Option<i64>)>,
    /// Since when a facility has waited for a unit longest, and why it is not here.
    pub(super) awaited: ByFacility<Option<(i64, Option<String>)>>,
    readable: Mutex<Option<Duration>>,
    clock: Clock,
}

impl Known {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            counted: SinceCommit::default(),
            copied: SinceCommit::default(),
            oldest: ByFacility::default(),
            unopened: ByFacility::default(),
            awaited: ByFacility::default(),
            readable: Mutex::default(),
            clock,
        }
    }

    /// Proves by `read` that the database can be read, unless that was proven just now. A failure is never kept.
    pub(super) async fn proven(&self, read: impl Future<Output = Result<(), StoreError>>) -> Result<(), StoreError> {
        let now = self.clock.elapsed();
        let proven = *self.readable.lock().unwrap_or_else(PoisonError::into_inner);
        if proven.is_some_and(|at| now.saturating_sub(at) < READABLE) {
            return Ok(());
        }
        let read = read.await;
        *self.readable.lock().unwrap_or_else(PoisonError::into_inner) = read.is_ok().then_some(now);
        read
    }
}

/// One answer, and after how many commits it was read.
#[derive(Debug)]
pub(super) struct SinceCommit<T>(Mutex<Option<(u64, T)>>);

impl<T> Default for SinceCommit<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> SinceCommit<T> {
    /// The answer as it is after `commits`, read only where it is not known.
    pub(super) async fn get(
        &self,
        commits: u64,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, answer)) = known.filter(|(after, _)| *after == commits) {
            return Ok(answer);
        }
        let answer = read.await?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((commits, answer.clone()));
        Ok(answer)
    }
}

/// The same for each facility.
#[derive(Debug)]
pub(super) struct ByFacility<T>(Mutex<BTreeMap<String, Arc<SinceCommit<T>>>>);

impl<T> Default for ByFacility<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> ByFacility<T> {
    /// What is known of a facility. Facilities are few, and none is forgotten.
    pub(super) fn of(&self, facility: &str) -> Arc<SinceCommit<T>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(facility.to_owned()).or_default())
    }
}
