//! How often each key was seen, and with which bytes, counted apart from what came of it.

use std::collections::{BTreeSet, HashMap};

use super::Key;

/// Counts by key.
#[derive(Default)]
pub(crate) struct Seen(HashMap<Key, Sightings>);

/// One key's requests.
#[derive(Default)]
pub(crate) struct Sightings {
    pub(crate) count: u64,
    pub(crate) bodies: BTreeSet<String>,
}

impl Seen {
    pub(crate) fn note(&mut self, key: Key, sha256: String) {
        let sightings = self.0.entry(key).or_default();
        sightings.count += 1;
        sightings.bodies.insert(sha256);
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.0.keys()
    }

    pub(crate) fn of(&self, key: &Key) -> Option<&Sightings> {
        self.0.get(key)
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.values().map(|s| s.count).sum()
    }
}
