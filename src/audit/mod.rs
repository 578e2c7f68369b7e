//! The trail: one record an act, chained by hash over all facilities of the box (docs/audit.md).
//!
//! Invariants: records are only ever added; an act that the trail does not hold is not answered; no record holds person data.
