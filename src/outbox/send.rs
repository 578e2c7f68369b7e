//! How each kind of thing leaves.

use jiff::Timestamp;

use super::kind::Kind;
use super::{Inner, identification};
use crate::hub::{Delivery, HubPort, Outcome};
use crate::vault::Damage;

/// What came of a sending.
pub(super) struct Sent {
    /// How it ended.
    pub outcome: Outcome,
    /// What the hub told; recorded together with the end.
    pub told: Option<Told>,
}

/// What the hub told when it took something.
#[derive(Clone)]
pub(super) struct Told {
    /// Sealed.
    pub sealed: Vec<u8>,
    /// Until when the secret in it serves; then it is [taken out](super::housekeeping).
    pub serves_until: Timestamp,
}

/// Hands one thing to the hub. Never fails: every failure is an [`Outcome`].
pub(super) async fn send<H: HubPort>(inner: &Inner, hub: &H, kind: Kind, delivery: Delivery, damage: &Damage) -> Sent {
    match kind {
        Kind::Opinion => Sent { outcome: hub.deliver(delivery).await, told: None },
        Kind::CarePlan => Sent { outcome: hub.deliver_care_plan(delivery).await, told: None },
        Kind::Identification => identification::show(inner, hub, delivery, damage).await,
    }
}
