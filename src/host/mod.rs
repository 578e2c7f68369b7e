//! The machine underneath: systemd, sockets, signals, the state directory's lock, free space, memory.
//!
//! Invariants: nothing here knows what engawa does; everything works, or does nothing, without systemd.

mod directory;
mod lock;
mod machine;
mod names;
mod notify;
mod quiet;
mod signals;
mod sockets;

use std::path::PathBuf;

pub use directory::private_directory;
pub use lock::StateLock;
pub use machine::{core_dumps_off, free_space, rss_bytes};
pub use names::{addresses, host_name, networks};
pub use notify::Notifier;
pub use quiet::{Typed, typed_unseen};
pub use signals::{Signal, Signals};
pub use sockets::{Inherited, bind_lan, bind_tcp, bind_unix, inherited};

use crate::fault::Code;

/// What the machine would not do.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Another process holds the state directory.
    #[error("{path} is in use by another process")]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// A live process serves the Unix socket already.
    #[error("{path} is served by another process")]
    SocketInUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something that is no socket stands where the Unix socket belongs; it is left alone.
    #[error("{path} is not a socket")]
    NotASocket {
        /// The file.
        path: PathBuf,
    },
    /// A directory may be entered by others.
    #[error("{path} has mode {mode:o}; others must not be able to enter it")]
    NotPrivate {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A passed file descriptor is of no use.
    #[error("the socket passed by systemd cannot be used")]
    Inherited(#[source] std::io::Error),
    /// The operating system refused.
    #[error("cannot {what}")]
    System {
        /// What was tried, with its object.
        what: String,
        /// The refusal.
        #[source]
        source: std::io::Error,
    },
}

impl HostError {
    fn system(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        |source| Self::System { what, source }
    }

    /// What people are told.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Locked { .. } | Self::SocketInUse { .. } => Code::StateLocked,
            Self::System { source, .. } => match source.kind() {
                std::io::ErrorKind::ReadOnlyFilesystem => Code::StorageReadOnly,
                std::io::ErrorKind::StorageFull => Code::StorageFull,
                _ => Code::GatewayInternal,
            },
            Self::NotASocket { .. } | Self::NotPrivate { .. } | Self::Inherited(_) => Code::ConfigInvalid,
        }
    }
}
