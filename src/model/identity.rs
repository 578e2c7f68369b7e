//! Whom the hub is shown, and by what: the ways of identifying a person (本人確認) as types that only sound input can become.
//!
//! Everything here that speaks of a person is person data and has no text form.

use zeroize::Zeroizing;

use super::numbers::{InsuredNumber, InsurerNumber};

/// Longest user id of a staff member, in characters.
const STAFF_ID: usize = 64;

/// What the hub is shown of a person.
pub enum Evidence {
    /// The card's signature over the hub's challenge, made with the holder's PIN.
    Pin {
        /// 利用者証明用 certificate, DER.
        certificate: Vec<u8>,
        /// RSA PKCS#1 v1.5 over the DigestInfo of SHA-256 of the challenge.
        signature: Vec<u8>,
    },
    /// What two members of staff stand for.
    Witnessed(Witnessed),
}

/// Evidence that two members of staff stand for. It needs nothing of the hub's, so it can be recorded while the line is
/// down and shown later.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Witnessed {
    /// The face was compared with the card's photograph.
    Visual {
        /// 利用者証明用 certificate of the card, DER in base64.
        certificate: String,
        /// Who compared.
        witnesses: Witnesses,
    },
    /// A document was looked at; there is no card.
    Document {
        /// Which.
        kind: DocumentKind,
        /// 保険者番号 on the document.
        insurer_number: String,
        /// 被保険者番号 on the document.
        insured_number: String,
        /// Who looked.
        witnesses: Witnesses,
    },
}

impl Witnessed {
    /// The face compared with the photograph of the card whose certificate this is.
    #[must_use]
    pub fn visual(certificate: &[u8], witnesses: Witnesses) -> Self {
        use base64::Engine as _;
        Self::Visual { certificate: base64::engine::general_purpose::STANDARD.encode(certificate), witnesses }
    }

    /// A document that was looked at.
    #[must_use]
    pub fn document(
        kind: DocumentKind,
        insurer: &InsurerNumber,
        insured: &InsuredNumber,
        witnesses: Witnesses,
    ) -> Self {
        Self::Document {
            kind,
            insurer_number: insurer.as_str().to_owned(),
            insured_number: insured.as_str().to_owned(),
            witnesses,
        }
    }

    /// The way, without what it says of the person.
    #[must_use]
    pub const fn method(&self) -> Method {
        match self {
            Self::Visual { .. } => Method::Visual,
            Self::Document { .. } => Method::Document,
        }
    }
}

/// How a person was identified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By card and PIN.
    Pin,
    /// By card and face.
    Visual,
    /// By a document.
    Document,
}

impl Method {
    /// As it stands on the wire and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pin => "pin",
            Self::Visual => "visual",
            Self::Document => "document",
        }
    }
}

/// Two different members of staff, by their user ids at the hub.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Witnesses([String; 2]);

impl Witnesses {
    /// Two user ids; `None` when they are the same, or one is not 1 to 64 printable ASCII characters without spaces.
    #[must_use]
    pub fn parse(one: &str, other: &str) -> Option<Self> {
        let plain = |id: &str| (1..=STAFF_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        (plain(one) && plain(other) && one != other).then(|| Self([one.to_owned(), other.to_owned()]))
    }

    /// The two ids.
    #[must_use]
    pub const fn ids(&self) -> &[String; 2] {
        &self.0
    }
}

/// A document that says who a person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentKind {
    /// 介護保険被保険者証.
    CareInsuranceCard,
    /// 資格確認書 of the health insurance.
    HealthInsuranceCertificate,
    /// 運転免許証 or 運転経歴証明書.
    DriversLicence,
    /// 旅券.
    Passport,
    /// 在留カード or 特別永住者証明書.
    ResidenceCard,
    /// 身体障害者手帳, 療育手帳 or 精神障害者保健福祉手帳.
    DisabilityHandbook,
}

impl DocumentKind {
    /// As it stands on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CareInsuranceCard => "care-insurance-card",
            Self::HealthInsuranceCertificate => "health-insurance-certificate",
            Self::DriversLicence => "drivers-licence",
            Self::Passport => "passport",
            Self::ResidenceCard => "residence-card",
            Self::DisabilityHandbook => "disability-handbook",
        }
    }
}

/// How sure the hub is of a person.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// By a document.
    Low,
    /// By card and face.
    Substantial,
    /// By card and PIN.
    High,
}

/// A person as the hub knows them. Person data and a secret: no text form.
#[derive(Clone)]
pub struct Person {
    /// Stands for the person in later calls to the hub. A secret.
    pub token: Zeroizing<String>,
    /// Until when the token serves, by the hub's clock.
    pub expires_at: jiff::Timestamp,
    /// 保険者番号.
    pub insurer_number: String,
    /// 被保険者番号.
    pub insured_number: String,
    /// How sure the hub is.
    pub assurance: Assurance,
}
