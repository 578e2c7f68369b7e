//! What the room is told by its owner.

use std::time::Duration;

use crate::credential::{SecretError, SecretSource};
use crate::fault::Code;

use super::lockout::Policy;

/// Settings of the hub link.
#[derive(Clone)]
pub struct Config {
    /// `https://host[:port]`, without a path.
    pub base_url: String,
    /// The operator's CA, PEM; the only one that may vouch for the hub.
    pub ca_pem: Vec<u8>,
    /// The staff member's user id at the hub.
    pub user_id: String,
    /// The password that goes with it.
    pub password: SecretSource,
    /// The facility's number, where the settings name it: the certificate has to carry the same.
    pub facility: Option<String>,
    /// Keys the fingerprint under which a refused password is remembered; must stay the same over restarts.
    pub fingerprint_key: [u8; 32],
    /// Time-outs of one exchange.
    pub timeouts: Timeouts,
    /// How careful logins are.
    pub login: Policy,
}

/// Time-outs of one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name look-up, TCP and TLS together.
    pub connect: Duration,
    /// The longest pause in which not a byte of the request moves.
    pub stall: Duration,
    /// From the last byte of the request to the whole answer.
    pub answer: Duration,
    /// The whole exchange: 20 MiB on a slow line take minutes.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            answer: Duration::from_secs(60),
            whole: Duration::from_secs(15 * 60),
        }
    }
}

/// Why the link cannot be set up. Nothing here needs the network.
#[derive(Debug, thiserror::Error)]
pub enum HubSetupError {
    /// Not `https://host[:port]`.
    #[error("the hub's address has to be https://host[:port]")]
    Address,
    /// The CA file holds no usable certificate.
    #[error("the operator's CA file holds no usable certificate")]
    Ca(#[source] Option<rustls::Error>),
    /// TLS does not take the facility's certificate.
    #[error("the facility's certificate cannot be used for TLS")]
    Certificate(#[source] rustls::Error),
    /// The password cannot be read.
    #[error("the password for the hub cannot be read")]
    Password(#[source] SecretError),
}

impl HubSetupError {
    /// What people are told.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Address => Code::ConfigInvalid,
            Self::Ca(_) => Code::HubCaUnreadable,
            Self::Certificate(_) => Code::CertificateUnreadable,
            Self::Password(_) => Code::SecretMissing,
        }
    }
}
