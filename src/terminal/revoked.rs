//! Word that somebody may have lost their way in.
//!
//! One number is watched: it grows with every revocation, and whoever works in somebody's name asks then whether they still stand. So nothing
//! has to be kept of who is at work, nothing can be missed, and a revocation costs one look at a record for each request that runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// How often whoever works in somebody's name asks anyway: for what ends by time.
pub const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Tells of revocations; cheap to clone.
#[derive(Clone, Debug)]
pub struct Revocations(Arc<watch::Sender<u64>>);

impl Default for Revocations {
    fn default() -> Self {
        Self(Arc::new(watch::channel(0).0))
    }
}

impl Revocations {
    /// Tells that a key, a terminal or a person was shut out. The record has to say so by then.
    pub fn announce(&self) {
        self.0.send_modify(|number| *number = number.wrapping_add(1));
    }

    /// Listens from here on.
    #[must_use]
    pub fn listen(&self) -> Listener {
        Listener(self.0.subscribe())
    }
}

/// One who listens.
#[derive(Clone, Debug)]
pub struct Listener(watch::Receiver<u64>);

impl Listener {
    /// Returns when it is time to ask whether somebody still stands: after a revocation, or after [`LOOK_EVERY`].
    pub async fn due(&mut self) {
        tokio::select! {
            changed = self.0.changed() => {
                if changed.is_err() {
                    // Nobody is left who could tell.
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}
