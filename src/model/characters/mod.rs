//! Which characters a destination can hold, and what a sender may choose for those it cannot.
//!
//! Invariant: nothing here changes a text. A [`Repertoire`] finds clusters it cannot hold and proposes candidates; only a
//! sender's stated substitution replaces anything.

mod candidates;
mod cluster;
mod jisx0213;

pub use candidates::{candidates, listed};
pub use cluster::{Cluster, clusters};

use super::shift_jis;

/// A destination's set of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repertoire {
    /// JIS X 0213:2012 with ASCII: what the hub takes. 髙 and 𠮷 are outside it.
    JisX0213,
    /// Windows code page 932: what CSV files for Japanese Windows take. 髙 is inside it.
    Cp932,
}

impl Repertoire {
    /// True when every character of `text` survives the way to the destination unchanged.
    #[must_use]
    pub fn holds(self, text: &str) -> bool {
        // Most texts are plain: decide by character first, and look at clusters only where a mark needs its base.
        text.chars().all(|c| self.holds_alone(c)) || self.first_unsupported(text).is_none()
    }

    /// The first cluster the destination cannot hold.
    #[must_use]
    pub fn first_unsupported(self, text: &str) -> Option<Cluster<'_>> {
        clusters(text).find(|cluster| !self.holds_cluster(cluster.text))
    }

    /// The clusters the destination cannot hold, each once, in the order of the text.
    #[must_use]
    pub fn unsupported(self, text: &str) -> Vec<Cluster<'_>> {
        if text.chars().all(|c| self.holds_alone(c)) {
            return Vec::new();
        }
        let mut found: Vec<Cluster<'_>> = Vec::new();
        for cluster in clusters(text).filter(|cluster| !self.holds_cluster(cluster.text)) {
            if found.iter().all(|known| known.text != cluster.text) {
                found.push(cluster);
            }
        }
        found
    }

    fn holds_cluster(self, cluster: &str) -> bool {
        self == Self::JisX0213 && jisx0213::is_combined(cluster) || cluster.chars().all(|c| self.holds_alone(c))
    }

    fn holds_alone(self, c: char) -> bool {
        // A line break is no character of either set; every format that carries text can carry it.
        c == '\n'
            || match self {
                Self::JisX0213 => jisx0213::holds(c),
                Self::Cp932 => cp932_holds(c),
            }
    }
}

fn cp932_holds(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    shift_jis::code(c).is_some()
}
