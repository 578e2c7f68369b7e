//! Why something about people was refused.

use std::time::Duration;

use super::password::Weakness;
use crate::credential::seal::SealError;
use crate::fault::Code;
use crate::store::StoreError;

/// Why an account, a password or a log-in was refused.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// User and password do not fit, or the account may not come in; nobody is told which.
    #[error("user and password do not open an account")]
    Refused,
    /// Too many wrong passwords at this terminal.
    #[error("log-in with this user is closed at this terminal")]
    Locked {
        /// For so long.
        wait: Duration,
    },
    /// The password is not taken.
    #[error("the password is too weak: {0:?}")]
    Weak(Weakness),
    /// There is an account of that user.
    #[error("the user is taken")]
    Taken,
    /// The user id at the hub is another account's, or the facility's own.
    #[error("the user id at the hub is taken")]
    HubUserTaken,
    /// Everything goes out as the facility's user.
    #[error("nobody goes out as himself here")]
    StaffLoginOff,
    /// One more password was let through to the hub not long ago.
    #[error("another try was given not long ago")]
    TrySpent {
        /// The next may be given after so long.
        wait: Duration,
    },
    /// There is no way to the facility's hub, or what it said of earlier log-ins cannot be read or written.
    #[error("log-ins at the hub cannot be changed: {0}")]
    Hub(Code),
    /// There is no such account.
    #[error("there is no such account")]
    Absent,
    /// More people want to log in than the box can look at.
    #[error("too many log-ins at once")]
    Busy,
    /// The store failed.
    #[error("accounts cannot be read or written")]
    Store(#[from] StoreError),
    /// A name cannot be sealed or opened.
    #[error("a name cannot be sealed or opened")]
    Seal(#[from] SealError),
    /// The random source or the password hash failed.
    #[error("a password cannot be hashed")]
    Hash,
}

impl PeopleError {
    /// The catalogue's code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Refused => Code::LoginRefused,
            Self::Locked { .. } => Code::LoginLocked,
            Self::Weak(_) => Code::PasswordWeak,
            Self::Taken => Code::StaffExists,
            Self::HubUserTaken => Code::HubUserTaken,
            Self::StaffLoginOff => Code::HubStaffLoginOff,
            Self::TrySpent { .. } => Code::HubTrySpent,
            Self::Hub(code) => *code,
            Self::Absent => Code::RequestNotFound,
            Self::Busy => Code::GatewayBusy,
            Self::Store(error) => error.code(),
            Self::Seal(_) => Code::StorageBroken,
            Self::Hash => Code::GatewayInternal,
        }
    }
}
