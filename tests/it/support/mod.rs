//! What several tests need: sandbox and gateway as processes, a client, waiting for conditions.
#![allow(dead_code)]

use std::time::{Duration, Instant};

pub(crate) mod curl;
pub(crate) mod gateway;
pub(crate) mod http;
pub(crate) mod pcscd;
pub(crate) mod sandbox;
pub(crate) mod vcard;
pub(crate) mod volume;

/// Looks until there is something to see, and panics when `within` is over.
#[allow(clippy::disallowed_methods)] // Waiting on other processes is in the machine's time.
pub(crate) fn until<T>(what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(start.elapsed() < within, "waited {within:?} in vain for {what}");
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(25));
    }
}
