//! Where a secret is kept. This room never reads one.

use std::fmt;
use std::path::{Path, PathBuf};

const CREDENTIAL: &str = "credential:";

/// The place of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// An absolute path.
    File(PathBuf),
    /// The name of a systemd credential.
    Credential(String),
}

/// A credential was named, but the process was given no `$CREDENTIALS_DIRECTORY`.
#[derive(Debug, thiserror::Error)]
#[error("credential {0:?} is named in the settings, but there is no $CREDENTIALS_DIRECTORY")]
pub struct SecretPlaceUnknown(pub String);

/// `$CREDENTIALS_DIRECTORY`, where systemd puts credentials for this service.
#[must_use]
pub fn credentials_directory() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").filter(|value| !value.is_empty()).map(PathBuf::from)
}

impl SecretRef {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix(CREDENTIAL) {
            Some(name) => is_credential_name(name).then(|| Self::Credential(name.to_owned())),
            None => Path::new(text).is_absolute().then(|| Self::File(PathBuf::from(text))),
        }
    }

    /// The file to read, given [`credentials_directory`].
    ///
    /// # Errors
    /// When a credential is named and there is no directory for them.
    pub fn locate(&self, credentials: Option<&Path>) -> Result<PathBuf, SecretPlaceUnknown> {
        match (self, credentials) {
            (Self::File(path), _) => Ok(path.clone()),
            (Self::Credential(name), Some(directory)) => Ok(directory.join(name)),
            (Self::Credential(name), None) => Err(SecretPlaceUnknown(name.clone())),
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Credential(name) => write!(f, "{CREDENTIAL}{name}"),
        }
    }
}

fn is_credential_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && name.bytes().all(allowed)
}
