//! Whose turn it is, and how long a turn takes.

use std::time::Duration;

use super::types::Terminal;
use crate::order::SmallMap;

/// One measured lease counts for a quarter.
const WEIGHT: u32 = 4;

/// Tags of the waiting. See the machine.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The greatest tag served.
    reached: u64,
    /// The last tag with which each terminal was served, where `reached` has not passed it.
    last: SmallMap<Terminal, u64>,
    seq: u64,
    lease: Duration,
}

impl Order {
    pub(super) fn new(assumed_lease: Duration) -> Self {
        Self { reached: 0, last: SmallMap::new(), seq: 0, lease: assumed_lease }
    }

    /// The tag and the arrival number of a request; `waiting` is the greatest tag with which its terminal waits. What it gave
    /// up leaves no trace: it would fall behind with every request that it does not wait for to the end.
    pub(super) fn stamp(&mut self, terminal: &Terminal, waiting: Option<u64>) -> (u64, u64) {
        let last = self.last.get(terminal).copied().max(waiting);
        let tag = last.map_or(self.reached, |last| self.reached.max(last + 1));
        self.seq += 1;
        (tag, self.seq)
    }

    pub(super) fn served(&mut self, terminal: &Terminal, tag: u64) {
        self.reached = self.reached.max(tag);
        let last = self.last.get_or_insert(terminal.clone(), tag);
        *last = tag.max(*last);
        // A terminal whose last tag lies behind starts like a newcomer; so the map holds no more than have waited lately.
        let reached = self.reached;
        self.last.retain(|_, last| *last >= reached);
    }

    /// Takes a finished lease into the estimate.
    pub(super) fn measured(&mut self, lease: Duration) {
        self.lease = (self.lease * (WEIGHT - 1) + lease) / WEIGHT;
    }

    /// How long a lease takes, by the last ones.
    pub(super) const fn lease(&self) -> Duration {
        self.lease
    }
}
