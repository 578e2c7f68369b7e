//! Short numbers in place of values: what is kept of a record for comparing it with others.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher};
use std::sync::LazyLock;

use foldhash::quality::RandomState;

/// Drawn anew in every process, so that no file can be made to slow it down.
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// A short number in place of a value or a combination of values. Two that differ give the same number once in 2^64.
pub(super) fn digest(parts: &[&[u8]]) -> u64 {
    SEED.hash_one(parts)
}

/// Something for each digest.
pub(super) type Digests<V> = HashMap<u64, V, BuildHasherDefault<AsItIs>>;
/// Digests that were met.
pub(super) type Met = HashSet<u64, BuildHasherDefault<AsItIs>>;

/// A digest is as good as a hash: it need not be hashed again.
#[derive(Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, digest: u64) {
        self.0 = digest;
    }

    fn write(&mut self, bytes: &[u8]) {
        // Only digests are hashed. Whatever else came would still be told apart.
        self.0 = digest(&[&self.0.to_be_bytes(), bytes]);
    }
}
