//! Why a terminal could not be paired, let in or changed.

use super::Caller;
use super::inventory::Kind;
use super::key::NoRandomness;
use super::keys::StoreFailure;
use crate::credential::AuthorityError;
use crate::fault::Code;
use crate::store::StoreError;

/// Why a terminal could not be paired, let in or changed.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// It shows nothing that this box gave out, or its secret is wrong.
    #[error("no terminal of this box")]
    Unknown,
    /// It was revoked.
    #[error("the terminal was revoked")]
    Revoked,
    /// It was not used for thirty days.
    #[error("the terminal was not used for long")]
    Dormant,
    /// Its certificate was copied: an older one was to be renewed. Who it was, for the trail.
    #[error("the terminal's certificate was copied")]
    Copied(Box<Caller>),
    /// Its certificate has run out; it may be renewed.
    #[error("the terminal's certificate has run out")]
    Expired,
    /// The code is wrong, used or late; nobody is told which.
    #[error("no open window has that code")]
    Refused,
    /// Too many wrong codes from that address; the seconds until it may try again.
    #[error("too many wrong codes from that address")]
    Locked(u64),
    /// The window is for a terminal of this kind, and the request is not one of it.
    #[error("the window is for the kind {}", .0.name())]
    Kind(Kind),
    /// The LAN is not listened to, or the authority cannot be used.
    #[error("there is no authority")]
    NoLan,
    /// As many windows are open as may be.
    #[error("too many windows are open")]
    Windows,
    /// There is no terminal or window of that id.
    #[error("there is no such terminal or window")]
    Absent,
    /// The authority would not sign.
    #[error("no certificate can be issued")]
    Authority(#[from] AuthorityError),
    /// The store failed.
    #[error("terminals cannot be read or written")]
    Store(#[from] StoreFailure),
    /// Nothing secret can be made.
    #[error("no secret can be made")]
    Randomness(#[from] NoRandomness),
}

impl From<StoreError> for TerminalError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

impl TerminalError {
    /// The catalogue's code. Unknown and revoked ones are told apart in the trail only.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Unknown | Self::Revoked => Code::AuthInvalid,
            Self::Dormant => Code::TerminalDormant,
            Self::Copied(_) => Code::TerminalCopied,
            Self::Expired => Code::TerminalCertificateExpired,
            Self::Refused => Code::PairingRefused,
            Self::Locked(_) => Code::PairingLocked,
            Self::Kind(_) => Code::PairingKind,
            Self::NoLan => Code::LanOff,
            Self::Windows => Code::PairingWindows,
            Self::Absent => Code::RequestNotFound,
            Self::Authority(error) => error.code(),
            Self::Store(failure) => failure.code,
            Self::Randomness(_) => Code::GatewayInternal,
        }
    }
}
