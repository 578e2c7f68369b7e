//! Where the master keys are kept: a file with one key a line, 64 hexadecimal digits. The first line seals, every line opens.
//!
//! With a token the file holds the same lines, wrapped ([`super::token`]).
//!
//! Invariants: a key is on stable storage before anything is sealed with it; at every moment, also of a crash, the file under its name
//! holds every key that opens something; a draft that a crash left behind is never written into, because it may be a second name of the
//! file in use.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::seal::{Keyring, SealError};
use super::token::{self, Token, TokenError};
use crate::fault::crash;

/// The file of the master keys.
#[derive(Clone)]
pub struct KeyFile {
    path: PathBuf,
    /// Handed over by the service manager: what is written there is gone at the next start.
    given: bool,
    token: Option<Arc<Token>>,
}

impl KeyFile {
    /// The file at `path`; `given` when the service manager hands it over. With a token it is wrapped.
    #[must_use]
    pub fn new(path: PathBuf, given: bool, token: Option<Token>) -> Self {
        Self { path, given, token: token.map(Arc::new) }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the service manager hands it over.
    #[must_use]
    pub const fn is_given(&self) -> bool {
        self.given
    }

    /// Whether a token wraps it.
    #[must_use]
    pub const fn is_wrapped(&self) -> bool {
        self.token.is_some()
    }

    /// Reads the keys.
    ///
    /// # Errors
    /// [`SealError::File`] when it cannot be read, [`SealError::Malformed`] when a line is not a key, [`SealError::Token`].
    pub fn read(&self) -> Result<Keyring, SealError> {
        let text = Zeroizing::new(fs::read_to_string(&self.path).map_err(SealError::File)?);
        match (&self.token, token::is_wrapped(&text)) {
            (None, false) => Keyring::parse(&text),
            (Some(token), true) => Keyring::parse(&token.unwrap(&text)?),
            // A file in clear beside a token that is to guard it: somebody believes it to be wrapped.
            (Some(_), false) => Err(TokenError::NotWrapped.into()),
            (None, true) => Err(TokenError::NotNamed.into()),
        }
    }

    /// Makes the file, with one fresh key, mode 0600, on stable storage before this returns.
    ///
    /// # Errors
    /// [`SealError::File`] when the file exists already or cannot be written, [`SealError::Token`].
    pub fn create(&self) -> Result<Keyring, SealError> {
        let keys = Keyring::generate()?;
        let draft = self.draft(&keys)?;
        // A link is refused where the name is taken; a renaming would put out what is there.
        fs::hard_link(&draft, &self.path).and_then(|()| fs::remove_file(&draft)).map_err(SealError::File)?;
        self.settle()?;
        Ok(keys)
    }

    /// Puts these keys in place of those in the file; on stable storage before this returns.
    ///
    /// # Errors
    /// [`SealError::ReadOnly`] where this process may not write, [`SealError::File`], [`SealError::Token`].
    pub fn replace(&self, keys: &Keyring) -> Result<(), SealError> {
        if self.given {
            return Err(SealError::ReadOnly(io::ErrorKind::ReadOnlyFilesystem.into()));
        }
        let place = fs::canonicalize(&self.path).map_err(SealError::File)?;
        let there = Self { path: place, ..self.clone() };
        let draft = there.draft(keys).map_err(read_only)?;
        crash::point("master_key.drafted");
        fs::rename(&draft, &there.path).map_err(|error| read_only(SealError::File(error)))?;
        crash::point("master_key.placed");
        there.settle()
    }

    /// Removes what a crash left behind.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn sweep(&self) -> io::Result<()> {
        absent_is_fine(fs::remove_file(self.draft_path()))
    }

    fn draft_path(&self) -> PathBuf {
        let mut draft = self.path.clone().into_os_string();
        draft.push(".draft");
        draft.into()
    }

    fn draft(&self, keys: &Keyring) -> Result<PathBuf, SealError> {
        let draft = self.draft_path();
        let text = match &self.token {
            Some(token) => token.wrap(&keys.text())?,
            None => keys.text(),
        };
        let write = || {
            absent_is_fine(fs::remove_file(&draft))?;
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(SealError::File)?;
        Ok(draft)
    }

    /// The file's name is on stable storage too.
    fn settle(&self) -> Result<(), SealError> {
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::File::open(parent).and_then(|directory| directory.sync_all()).map_err(SealError::File)
    }
}

fn absent_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn read_only(error: SealError) -> SealError {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    match error {
        SealError::File(error) if matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem) => {
            SealError::ReadOnly(error)
        }
        error => error,
    }
}
