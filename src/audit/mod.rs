//! The trail: one record an act, chained by hash over all facilities of the box (docs/audit.md).
//!
//! ```text
//! an act ──▶ Act ──▶ Trail ──▶ the store's one writer: number and hash of the record before are found inside the transaction
//!                      ▲
//! durable events ──▶ Follower: records and its place in the log of events are one transaction
//! ```
//!
//! Invariants: records are only ever added, and their order is their number, whatever the wall clock says; a success that the
//! trail does not hold is not answered; no record holds person data: references, codes and what is typed at log-in, never a name.

mod anchor;
mod check;
mod export;
mod follow;
mod form;
mod pack;
mod page;
mod record;
mod trail;
mod verify;

pub use anchor::{Anchor, read_anchors};
pub use check::{CheckError, check_database, check_file};
pub use export::{ExportError, Month, Pack, export};
pub use follow::{Follower, OwnAct};
pub use pack::check_pack;
pub use record::{Act, Draft, Hash, Record, Result, forgotten};
pub use trail::{Trail, TrailError};
pub use verify::{Flaw, Sound, Verifier, Why};
