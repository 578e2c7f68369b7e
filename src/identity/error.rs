//! Why the hub does not know a person, and under which code people see it.

use jiff::Timestamp;

use crate::fault::Code;
use crate::hub::{Faulty, HubError, Refusal, Scope, Trouble};

/// Why a person was not identified at the hub.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// No answer that counts: the line, the hub or the box's own set-up.
    #[error("the hub was not reached: {}", .0.code)]
    Offline(Trouble),
    /// The hub judged and refused.
    #[error("the hub refused the evidence: {part:?}")]
    Refused {
        /// Which part it did not like.
        part: Faulty,
        /// The hub's own errors.
        errors: Vec<HubError>,
        /// The hub's trace id, for support.
        trace_id: Option<String>,
    },
    /// The hub does not permit it to this account or facility.
    #[error("the hub does not permit it: {0}")]
    NotPermitted(Code),
}

impl From<Trouble> for IdentityError {
    fn from(trouble: Trouble) -> Self {
        // A refused challenge arrives as trouble, and waiting does not change it.
        match trouble.code {
            Code::HubNotPermitted | Code::HubNoConsent | Code::HubRecipientAbsent | Code::HubRefused => {
                Self::NotPermitted(trouble.code)
            }
            _ => Self::Offline(trouble),
        }
    }
}

impl IdentityError {
    /// Nobody waited for the hub any longer.
    #[must_use]
    pub fn given_up() -> Self {
        Self::Offline(Trouble::of(Code::HubTimeout, Scope::Hub))
    }

    /// The hub's refusal, by what it did not like.
    pub(super) fn refused(refusal: Refusal) -> Self {
        if refusal.code != Code::HubRefused {
            return Self::NotPermitted(refusal.code);
        }
        Self::Refused { part: Faulty::of(&refusal), errors: refusal.errors, trace_id: refusal.trace_id }
    }

    /// The code under which people see it.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Offline(trouble) => trouble.code,
            Self::NotPermitted(code) => *code,
            Self::Refused { part, .. } => part.code(),
        }
    }

    /// Whether what two members of staff stand for can be recorded and shown to the hub later: it has not judged, and will.
    #[must_use]
    pub const fn may_wait(&self) -> bool {
        match self {
            Self::Offline(trouble) => !matches!(trouble.code, Code::HubNotOffered),
            Self::Refused { .. } | Self::NotPermitted(_) => false,
        }
    }

    /// How long the hub asked to be left alone, in seconds, seen from `now`.
    #[must_use]
    pub fn retry_after(&self, now: Timestamp) -> Option<u64> {
        let Self::Offline(trouble) = self else { return None };
        let until = trouble.until.and_then(|until| u64::try_from(until.as_second() - now.as_second()).ok());
        trouble.retry_after.map(|wait| wait.as_secs()).max(until)
    }
}
