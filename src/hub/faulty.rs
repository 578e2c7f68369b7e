//! What the hub did not like about evidence of who somebody is.

use super::port::Refusal;
use crate::fault::Code;

/// The part of the evidence.
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

impl Faulty {
    /// By the member of the request that the refusal names. The names are the hub's; its numbers differ from hub to hub.
    #[must_use]
    pub fn of(refusal: &Refusal) -> Self {
        let mut fields = refusal.errors.iter().filter_map(|error| error.field.as_deref());
        let part = |field: &str| match field.trim_start_matches('/').split('/').next().unwrap_or_default() {
            "challenge_id" => Some(Self::Challenge),
            "certificate" => Some(Self::Certificate),
            "signature" => Some(Self::Signature),
            "staff_ids" => Some(Self::Witnesses),
            "insurer_number" | "insured_number" => Some(Self::Person),
            _ => None,
        };
        fields.find_map(part).unwrap_or(Self::Other)
    }

    /// The code under which people see it.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::Challenge => Code::ChallengeSpent,
            Self::Certificate => Code::CardCertificateRefused,
            Self::Signature => Code::CardSignatureInvalid,
            Self::Witnesses => Code::WitnessesRefused,
            Self::Person => Code::PersonUnknown,
            Self::Other => Code::HubRefused,
        }
    }
}
