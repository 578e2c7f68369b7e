//! What storage failures mean for the people concerned.

use std::io::ErrorKind;
use std::path::Path;

use crate::fault::Code;

/// A failure of the store, with its source for the log.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full; nothing was written.
    #[error("storage is full")]
    Full(#[source] sqlx::Error),
    /// The file system or the database is read-only.
    #[error("storage is read-only")]
    ReadOnly(#[source] sqlx::Error),
    /// An I/O error, a damaged database or a failing disk.
    #[error("storage is broken")]
    Broken(#[source] sqlx::Error),
    /// A statement failed for a reason that lies in the statement or its data.
    #[error("statement failed")]
    Statement(#[source] sqlx::Error),
    /// The database was written by a newer engawa.
    #[error("database has schema {found}, this engawa knows {known}")]
    TooNew {
        /// Schema version found.
        found: i64,
        /// Newest version known.
        known: i64,
    },
    /// The writer has stopped or its queue is full.
    #[error("the writer is not taking work")]
    Busy,
    /// The group of writes failed; the cause was reported with another member of the group.
    #[error("the group commit failed: {0}")]
    Group(Code),
}

impl StoreError {
    /// The catalogue's code for it.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Full(_) => Code::StorageFull,
            Self::ReadOnly(_) => Code::StorageReadOnly,
            Self::Broken(_) | Self::TooNew { .. } => Code::StorageBroken,
            Self::Statement(_) => Code::GatewayInternal,
            Self::Busy => Code::GatewayBusy,
            Self::Group(code) => *code,
        }
    }

    /// SQLite calls it an I/O error, or cannot open its files, when a file system has turned read-only under it (as ext4 does
    /// when it meets damage), or has no room for its index. Whoever stands before the box should read which of them it is.
    pub(super) fn told_apart(self, directory: &Path) -> Self {
        let Self::Broken(error) = self else { return self };
        match probe(directory).map_err(|error| error.kind()) {
            Err(ErrorKind::ReadOnlyFilesystem) => Self::ReadOnly(error),
            Err(ErrorKind::StorageFull) => Self::Full(error),
            _ => Self::Broken(error),
        }
    }
}

/// Writes a little and takes it away again. A file system's flags do not say that it has turned read-only after damage.
fn probe(directory: &Path) -> std::io::Result<()> {
    let file = directory.join("engawa.probe");
    let written = std::fs::write(&file, [0; 1 << 16]);
    // Left behind it would be written over next time.
    let _ = std::fs::remove_file(&file);
    written
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        // SQLite primary result codes (https://sqlite.org/rescode.html); the low byte of the extended code.
        let primary = match &error {
            sqlx::Error::Database(database) => {
                database.code().and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff)
            }
            sqlx::Error::Io(_) => return Self::Broken(error),
            sqlx::Error::PoolTimedOut => return Self::Busy,
            _ => None,
        };
        match primary {
            Some(13) => Self::Full(error),
            Some(8) => Self::ReadOnly(error),
            Some(10 | 11 | 14 | 26) => Self::Broken(error),
            Some(5 | 6) => Self::Busy,
            _ => Self::Statement(error),
        }
    }
}
