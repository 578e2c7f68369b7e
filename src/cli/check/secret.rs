//! Secrets, read as `serve` reads them.
//!
//! `credential:NAME` is handed over by systemd at the start. A shell has no such directory, so `check` looks where
//! `systemd/engawa.service` takes credentials from; what is not there, or only for root to read, cannot be judged.

use std::path::Path;

use crate::cli::credstore;
use crate::config::SecretRef;
use crate::credential::{Secret, SecretError, SecretSource};

/// What can be seen of a secret from here.
pub(super) enum Sight {
    Seen(Secret),
    /// `serve` would refuse it.
    Unusable(SecretError),
    /// Only systemd can see it, or only root.
    Hidden,
}

/// Reads a secret, given `$CREDENTIALS_DIRECTORY` where there is one.
pub(super) fn look(place: &SecretRef, credentials: Option<&Path>) -> Sight {
    let (source, directory) = match (place, credentials) {
        (SecretRef::File(path), _) => (SecretSource::File(path.clone()), credentials),
        (SecretRef::Credential(name), Some(_)) => (SecretSource::Credential(name.clone()), credentials),
        (SecretRef::Credential(name), None) => {
            (SecretSource::Credential(credstore::stored(name)), Some(Path::new(credstore::CLEAR)))
        }
    };
    match source.read_from(directory) {
        Ok(secret) => Sight::Seen(secret),
        Err(SecretError::Read { .. }) if is_hidden(place, credentials) => encrypted(place),
        Err(error) => Sight::Unusable(error),
    }
}

/// One that is encrypted for this machine, which root can open.
fn encrypted(place: &SecretRef) -> Sight {
    match place {
        SecretRef::Credential(name) => credstore::decrypt(name).map_or(Sight::Hidden, Sight::Seen),
        SecretRef::File(_) => Sight::Hidden,
    }
}

/// Whether a secret is systemd's to hand over, and this is not the service.
pub(super) fn is_hidden(place: &SecretRef, credentials: Option<&Path>) -> bool {
    matches!(place, SecretRef::Credential(_)) && credentials.is_none()
}
