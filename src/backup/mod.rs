//! Backups, and the beginning of another box from one (docs/backup.md).
//!
//! A backup is an age file that holds a tar: `manifest.json`, `manifest.sig`, then the parts that the manifest names with their size
//! and SHA-256, in its order. What must be believed of it comes first, so that nothing is written before it is known who signed.
//!
//! Invariants: a backup leaves the box encrypted and signed only; the recovery key is never on the box, only its public half; what
//! lies unencrypted on the way (a copy of the database, in which person data is sealed) lies in the state directory, without a name
//! while it is read, and is removed at the next start if the process died before; a box that was restored sends nothing until a
//! person has confirmed it. Memory does not depend on the size.

mod key;
mod make;
mod manifest;
mod sign;
mod target;
mod unpack;

pub use key::{Recipient, RecoveryKey};
pub use make::{Backups, Config, LAST, Prepared, RECIPIENT, sweep};
pub use manifest::{Manifest, Part};
pub use sign::{BoxKey, Signer};
pub use target::Target;
pub use unpack::unpack;

use crate::credential::seal::SealError;
use crate::fault::Code;
use crate::store::StoreError;

/// The database's part.
pub const DATABASE: &str = "engawa.db";
/// The part with the master keys: a key file.
pub const MASTER_KEY: &str = "master.key";
/// Small files of the state directory that are part of a backup where they are there.
pub const SMALL_FILES: [&str; 3] = ["authority.pem", "authority.key", "anchors"];
/// The fact that holds the epoch: zero on a new box, and on a restored one the time of its restoring in seconds since 1970, so
/// that of two restored boxes the later one has the higher epoch.
pub const EPOCH: &str = "box.epoch";

/// Why there is no backup, or none was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Nobody has made a recovery key.
    #[error("there is no recovery key")]
    NoRecipient,
    /// There is one, and it was not said that it shall be replaced.
    #[error("there is a recovery key")]
    RecipientPresent,
    /// It is mistyped, or of another backup.
    #[error("the recovery key does not open it")]
    WrongKey,
    /// The file is not what a box wrote, or not all of it.
    #[error("not a whole backup: {0}")]
    Unusable(&'static str),
    /// Somebody else signed it, or it was changed.
    #[error("the backup is not signed by the box expected; it names {0}")]
    Signature(String),
    /// A backup is being made.
    #[error("a backup is being made")]
    Busy,
    /// There is no room for a copy of the database.
    #[error("no room for a copy of the database")]
    NoRoom,
    /// A file could not be read or written.
    #[error("file")]
    File(#[from] std::io::Error),
    /// The database could not be copied or read.
    #[error("database")]
    Store(#[from] StoreError),
    /// A key could not be made or read.
    #[error("key")]
    Seal(#[from] SealError),
}

impl BackupError {
    /// What people are told.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::NoRecipient => Code::BackupKeyMissing,
            Self::RecipientPresent => Code::BackupKeyPresent,
            Self::WrongKey => Code::BackupKeyWrong,
            Self::Unusable(_) => Code::BackupUnusable,
            Self::Signature(_) => Code::BackupSignature,
            Self::Busy => Code::GatewayBusy,
            Self::NoRoom => Code::StorageFull,
            Self::File(error) => match error.kind() {
                std::io::ErrorKind::StorageFull => Code::StorageFull,
                std::io::ErrorKind::ReadOnlyFilesystem => Code::StorageReadOnly,
                _ => Code::StorageBroken,
            },
            Self::Store(error) => error.code(),
            Self::Seal(_) => Code::SecretMissing,
        }
    }
}
