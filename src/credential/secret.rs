//! Secrets from files: `/an/absolute/path`, or `credential:NAME` for a file in `$CREDENTIALS_DIRECTORY`.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretSlice};
use zeroize::Zeroizing;

use crate::fault::Code;

/// Where a secret is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// A file that only its owner may read.
    File(PathBuf),
    /// The name of a file in the directory that systemd names in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

/// Bytes that are wiped when dropped and never printed.
#[derive(Clone)]
pub struct Secret(SecretSlice<u8>);

/// Why a secret could not be read. No variant holds any of its content.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The setting is neither an absolute path nor `credential:NAME`.
    #[error("a secret is named by an absolute path or by credential:NAME")]
    Name,
    /// `credential:NAME` was asked for, but the process was started without credentials.
    #[error("no credentials directory: start under systemd with LoadCredential={0}:… or name a file")]
    NoCredentialsDirectory(String),
    /// The file could not be opened or read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Not a regular file.
    #[error("{0} is not a regular file")]
    NotAFile(PathBuf),
    /// Others than its owner may read or change it.
    #[error("{path} has mode {mode:04o}: others may read or change it; use chmod 0600")]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Nothing in it.
    #[error("{0} is empty")]
    Empty(PathBuf),
    /// Larger than any secret.
    #[error("{path} is larger than {limit} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// A passphrase or password that is not text.
    #[error("the secret is not UTF-8 text")]
    NotText,
}

impl SecretError {
    /// What people are told.
    #[must_use]
    pub const fn code(&self) -> Code {
        Code::SecretMissing
    }
}

impl SecretSource {
    /// The most a secret may hold, in bytes.
    pub const LIMIT: u64 = 4096;

    /// Reads the notation of the settings: an absolute path, or `credential:NAME`.
    ///
    /// # Errors
    /// [`SecretError::Name`] for anything else, so that a password typed into the settings is refused, not used.
    pub fn parse(setting: &str) -> Result<Self, SecretError> {
        match setting.strip_prefix("credential:") {
            Some(name) if is_plain_name(name) => Ok(Self::Credential(name.to_owned())),
            None if Path::new(setting).is_absolute() => Ok(Self::File(PathBuf::from(setting))),
            _ => Err(SecretError::Name),
        }
    }

    /// Reads a password or passphrase; one trailing line break is dropped.
    ///
    /// # Errors
    /// Every [`SecretError`].
    pub fn read(&self) -> Result<Secret, SecretError> {
        self.read_from(credentials_directory().as_deref())
    }

    /// Reads a binary key: nothing is dropped from it.
    ///
    /// # Errors
    /// Every [`SecretError`].
    pub fn read_binary(&self) -> Result<Secret, SecretError> {
        let (path, trusted) = self.locate(credentials_directory().as_deref())?;
        read_file(&path, trusted, Self::LIMIT).map(Secret::from)
    }

    /// As [`SecretSource::read`], with the credentials directory given.
    ///
    /// # Errors
    /// Every [`SecretError`].
    pub fn read_from(&self, credentials: Option<&Path>) -> Result<Secret, SecretError> {
        let (path, trusted) = self.locate(credentials)?;
        let mut bytes = read_file(&path, trusted, Self::LIMIT)?;
        if bytes.ends_with(b"\n") {
            bytes.pop();
            if bytes.ends_with(b"\r") {
                bytes.pop();
            }
        }
        if bytes.is_empty() { Err(SecretError::Empty(path)) } else { Ok(Secret::from(bytes)) }
    }

    /// The file, and whether its directory vouches for its permissions.
    fn locate(&self, credentials: Option<&Path>) -> Result<(PathBuf, bool), SecretError> {
        match self {
            Self::File(path) => Ok((path.clone(), credentials.is_some_and(|trusted| path.starts_with(trusted)))),
            Self::Credential(name) => match credentials {
                Some(directory) if is_plain_name(name) => Ok((directory.join(name), true)),
                Some(_) => Err(SecretError::Name),
                None => Err(SecretError::NoCredentialsDirectory(name.clone())),
            },
        }
    }
}

/// The environment names only the directory; systemd made it readable by this service alone.
fn credentials_directory() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from).filter(|path| path.is_absolute())
}

fn is_plain_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}

/// Reads a small private file. `trusted`: its directory is private, so its own mode does not matter.
pub(super) fn read_file(path: &Path, trusted: bool, limit: u64) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let failed = |source| SecretError::Read { path: path.to_owned(), source };
    // Looked at before it is opened: opening a FIFO would wait for its other end.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(SecretError::NotAFile(path.to_owned()));
    }
    let file = File::open(path).map_err(failed)?;
    let facts = file.metadata().map_err(failed)?;
    if !trusted {
        check_mode(path, facts.permissions().mode() & 0o7777)?;
    }
    if facts.len() > limit {
        return Err(SecretError::TooLarge { path: path.to_owned(), limit });
    }
    // Room for all of it at once: a growing buffer would leave unwiped copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1)));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() as u64 {
        0 => Err(SecretError::Empty(path.to_owned())),
        length if length > limit => Err(SecretError::TooLarge { path: path.to_owned(), limit }),
        _ => Ok(bytes),
    }
}

/// Group-readable is common where a service group holds the key, so it is only warned of.
fn check_mode(path: &Path, mode: u32) -> Result<(), SecretError> {
    if mode & 0o027 != 0 {
        return Err(SecretError::TooOpen { path: path.to_owned(), mode });
    }
    if mode & 0o040 != 0 {
        tracing::warn!(path = %path.display(), mode = format_args!("{mode:04o}"), "secret file is readable by its group");
    }
    Ok(())
}

impl Secret {
    /// The bytes. Do not keep, print or log them.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.expose_secret()
    }

    /// The secret as text.
    ///
    /// # Errors
    /// [`SecretError::NotText`] when it is not UTF-8.
    pub fn text(&self) -> Result<&str, SecretError> {
        std::str::from_utf8(self.bytes()).map_err(|_| SecretError::NotText)
    }
}

impl From<Zeroizing<Vec<u8>>> for Secret {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(SecretSlice::from(bytes.to_vec()))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(SecretSlice::from(text.as_bytes().to_vec()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}
