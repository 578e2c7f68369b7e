//! The journal's vocabulary.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::identity::Assertion;
use super::plans::{Acked, Dispatched};
use super::{HubError, MunicipalState};
use crate::world::{Municipality, Request};

/// One change of the hub's memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// The hub was started.
    Started { at: Timestamp },
    /// The clock was moved.
    Clock { offset_ms: i64 },
    /// A request with a key arrived with this body, whatever became of it.
    Seen { facility: String, key: Uuid, sha256: String },
    /// An opinion was filed: *the* effect.
    Filed(Box<Filed>),
    /// An opinion was refused for good.
    Refused(Box<Refused>),
    /// The municipality moved on with an opinion.
    Moved { receipt_number: String, state: MunicipalState, at: Timestamp, reason: Option<String> },
    /// A staff account changed.
    Account { user_id: String, failures: u32, locked_until: Option<Timestamp>, password: Option<String> },
    /// An insurer changed.
    Municipality(Municipality),
    /// An insurer asked for another opinion.
    Requested(Request),
    /// A care plan was sent or registered: *the* effect. A unit that was sent lies on the disk already.
    Dispatched(Box<Dispatched>),
    /// The recipient said how far it is with a unit.
    Acked(Box<Acked>),
    /// A facility joined or left.
    Participation { facility: String, takes_part: bool },
    /// Cursors given so far are no good any more.
    CursorsExpired,
    /// A person was identified.
    Asserted(Box<Assertion>),
    /// A card's certificate was revoked, or that was taken back.
    Revoked { serial: String, revoked: bool },
}

impl Event {
    /// Whether somebody is told of it, so that it has to be on the disk first.
    pub(crate) fn needs_sync(&self) -> bool {
        matches!(self, Self::Filed(_) | Self::Refused(_) | Self::Asserted(_) | Self::Dispatched(_) | Self::Acked(_))
    }
}

/// A write as it was asked for: by whom, under which key, with what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) facility: String,
    pub(crate) key: Uuid,
    /// The call by its name in faults; an ack with the unit's id behind it.
    #[serde(default = "opinions")]
    pub(crate) call: String,
    pub(crate) at: Timestamp,
    pub(crate) trace_id: String,
    pub(crate) body_sha256: String,
    pub(crate) canonical_sha256: String,
    #[serde(default)]
    pub(crate) length: u64,
}

fn opinions() -> String {
    "opinions".to_owned()
}

/// What is kept of an opinion: what it was, not what it said.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Filed {
    #[serde(flatten)]
    pub(crate) asked: Asked,
    /// As whom; empty in records of an earlier sandbox.
    #[serde(default)]
    pub(crate) user_id: String,
    pub(crate) receipt_number: String,
    pub(crate) insurer_number: String,
    pub(crate) request_number: String,
    pub(crate) attachments: u64,
}

/// A final refusal, remembered under the key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Refused {
    #[serde(flatten)]
    pub(crate) asked: Asked,
    pub(crate) errors: Vec<HubError>,
}
