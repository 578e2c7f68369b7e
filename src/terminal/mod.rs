//! Who is asking: API keys, paired terminals, and the authenticated caller that every request carries as an explicit value.
//!
//! ```text
//!  window ──right code──► terminal ──30 days unused──► dormant ──an administrator──► terminal
//!  (pairing)               │  certificate ≤ 24 h, renewed     │
//!                          │  or a cookie                     │
//!                          └───────────── revoked ◄───────────┘
//! ```
//!
//! Invariants: a secret (of a key, of a cookie, a pairing code) exists in full only in the answer that creates it and with whom it
//! was made for; the store holds its hash. What was revoked stops working at once in this process, also for what runs
//! ([`Revocations`]), and within [`CACHE_FOR`] if it was revoked by other means. A code opens one window once, and never whose
//! five tries were spent. A [`Caller`] is made here and nowhere else, and is passed on by value: no room looks up "the current
//! user".

mod certificate;
mod code;
mod error;
mod inventory;
mod key;
mod keys;
mod pair;
pub mod pairing;
mod recent;
mod revoked;
mod rights;
mod stored;
mod terminals;
pub mod words;

use std::net::IpAddr;

use jiff::Timestamp;

pub use certificate::ClientCertificate;
pub use code::{CodeForm, CodeHash, PairingCode};
pub use error::TerminalError;
pub use inventory::{Kind, State, TerminalId, TerminalRecord, WindowRecord};
pub use key::{ApiKey, KeyId, SecretHash};
pub use keys::{KeyError, KeyRecord, KeyStore, Keys, NewKey, StoreFailure};
pub use pair::{NewWindow, Offer, Opened, Paired};
pub use recent::CACHE_FOR;
pub use revoked::{LOOK_EVERY, Listener, Revocations};
pub use rights::Rights;
pub use terminals::{Certificate, Config, Terminals};

/// The cookie of a browser's terminal. Its prefix makes browsers keep it to this very host, over TLS.
pub const COOKIE: &str = "__Host-engawa-terminal";

/// One damaged row must not hide those that are to be revoked.
fn readable<T>(rows: impl Iterator<Item = Result<T, StoreFailure>>) -> Vec<T> {
    let logged = |failure: &StoreFailure| {
        let source = failure.source.as_deref().map(ToString::to_string);
        tracing::warn!(code = %failure.code, source, "a terminal or window is left out");
    };
    rows.filter_map(|row| row.inspect_err(logged).ok()).collect()
}

/// Who makes a request, established once at the door and passed on by value from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Stable id of the credential: an API key's or a terminal's public part, or `local` for an administrator on the Unix socket.
    pub id: String,
    /// What sort of credential it is.
    pub credential: Credential,
    /// Whether it is a browser's cookie: then a person has to log in as well.
    pub browser: bool,
    /// Who has logged in at it, or whom it is bound to.
    pub person: Option<Person>,
    /// The address it came from; `None` on the Unix socket.
    pub from: Option<IpAddr>,
    /// The facility (事業所) on whose behalf the caller acts.
    pub facility: String,
    /// What it may do.
    pub rights: Rights,
    /// When what it showed is good for nothing any longer: the end of its certificate; `None`: no end of its own.
    pub until: Option<Timestamp>,
}

/// The sorts of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The kernel's word on the Unix socket.
    Local,
    /// An API key.
    Key,
    /// A paired terminal: its client certificate or its cookie.
    Terminal,
}

impl Credential {
    /// Its name in the trail.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Key => "key",
            Self::Terminal => "terminal",
        }
    }
}

/// The person behind a request, as far as rooms have to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// What is typed at log-in; no name.
    pub user: String,
    /// The name of the role; empty where nobody has looked it up.
    pub role: &'static str,
}

impl Person {
    /// The person to whom a credential is bound; the staff's room knows the role.
    #[must_use]
    pub fn bound(user: String) -> Self {
        Self { user, role: "" }
    }
}

/// One right of a credential.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Right {
    /// Submit opinions and care plans.
    Submit,
    /// Read the state of submissions and the events.
    Read,
    /// Cancel, retry, send on paper.
    Manage,
    /// Read the care plans that other offices sent.
    Receive,
    /// Use the card readers: sessions, identification, the four items.
    Card,
    /// Send a vendor's own card commands through the filter.
    CardApdu,
    /// Keys and other administration.
    Admin,
}

impl Right {
    /// Every right, from the smallest to the greatest.
    pub const ALL: [Self; 7] =
        [Self::Submit, Self::Read, Self::Manage, Self::Receive, Self::Card, Self::CardApdu, Self::Admin];

    /// The name on the wire and in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Read => "read",
            Self::Manage => "manage",
            Self::Receive => "receive",
            Self::Card => "card",
            Self::CardApdu => "card-apdu",
            Self::Admin => "admin",
        }
    }

    /// The right of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.name() == name)
    }
}

impl Caller {
    /// The administrator of this machine, known by the kernel's word on the Unix socket (root, or the daemon's own user).
    #[must_use]
    pub fn local(facility: &str) -> Self {
        Self {
            id: "local".to_owned(),
            credential: Credential::Local,
            browser: false,
            person: None,
            from: None,
            facility: facility.to_owned(),
            rights: Right::ALL.iter().collect(),
            until: None,
        }
    }

    /// Whether the caller holds `right`.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.rights.contains(right)
    }
}
