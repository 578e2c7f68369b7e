//! Why the hub does not know a person, and under which code people see it.

use jiff::Timestamp;

use crate::fault::Code;
use crate::hub::{HubError, Refusal, Scope, Trouble};

/// What the hub did not like about the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Faulty {
    /// The challenge was used, or is too old.
    Challenge,
    /// The card's certificate: revoked, expired, or not of the card's CA.
    Certificate,
    /// The signature does not verify.
    Signature,
    /// The two are not different members of this facility's staff.
    Witnesses,
    /// Nobody is insured under these numbers.
    Person,
    /// The hub named no part that is known here.
    Other,
}

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

    /// The hub's refusal, by the member of the request it names. The names are the hub's; its numbers differ from hub to hub.
    pub(super) fn refused(refusal: Refusal) -> Self {
        if refusal.code != Code::HubRefused {
            return Self::NotPermitted(refusal.code);
        }
        let fields = || refusal.errors.iter().filter_map(|error| error.field.as_deref());
        let part = |field: &str| match field.trim_start_matches('/').split('/').next().unwrap_or_default() {
            "challenge_id" => Some(Faulty::Challenge),
            "certificate" => Some(Faulty::Certificate),
            "signature" => Some(Faulty::Signature),
            "staff_ids" => Some(Faulty::Witnesses),
            "insurer_number" | "insured_number" => Some(Faulty::Person),
            _ => None,
        };
        let part = fields().find_map(part).unwrap_or(Faulty::Other);
        Self::Refused { part, errors: refusal.errors, trace_id: refusal.trace_id }
    }

    /// The code under which people see it.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Offline(trouble) => trouble.code,
            Self::NotPermitted(code) => *code,
            Self::Refused { part, .. } => match part {
                Faulty::Challenge => Code::ChallengeSpent,
                Faulty::Certificate => Code::CardCertificateRefused,
                Faulty::Signature => Code::CardSignatureInvalid,
                Faulty::Witnesses => Code::WitnessesRefused,
                Faulty::Person => Code::PersonUnknown,
                Faulty::Other => Code::HubRefused,
            },
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
