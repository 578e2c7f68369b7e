//! The recovery key: an X25519 key of age. Its secret half exists on a sheet of paper; a checksum is part of its form.

use std::fmt;
use std::str::FromStr;

use age::secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::{BackupError, BoxKey};

/// The secret half.
pub struct RecoveryKey(age::x25519::Identity);

/// The public half, to which backups are encrypted.
#[derive(Clone)]
pub struct Recipient(age::x25519::Recipient);

const SIGNED_BY: &str = "# signed by:";

impl RecoveryKey {
    /// A fresh key.
    #[must_use]
    pub fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// Reads the key from a sheet, typed or scanned: lines that begin with `#` are passed over, upper and lower case are the same,
    /// and blanks may stand anywhere.
    ///
    /// # Errors
    /// [`BackupError::WrongKey`] when a letter is wrong, missing or too many.
    pub fn parse(sheet: &str) -> Result<Self, BackupError> {
        let lines = sheet.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        let mut key = Zeroizing::new(String::with_capacity(sheet.len()));
        lines.flat_map(str::chars).filter(|c| !c.is_whitespace()).for_each(|c| key.push(c.to_ascii_uppercase()));
        age::x25519::Identity::from_str(&key).map(Self).map_err(|_| BackupError::WrongKey)
    }

    /// The box that a sheet names as the signer of its backups.
    #[must_use]
    pub fn signer_of(sheet: &str) -> Option<BoxKey> {
        sheet.lines().find_map(|line| line.trim().strip_prefix(SIGNED_BY)?.trim().parse().ok())
    }

    /// The public half.
    #[must_use]
    pub fn recipient(&self) -> Recipient {
        Recipient(self.0.to_public())
    }

    /// What is printed for the safe; as a file it is an identity file of `age`.
    #[must_use]
    pub fn sheet(&self, facility: &str, made_at: jiff::Timestamp, signed_by: &str) -> Zeroizing<String> {
        let secret = self.0.to_string();
        Zeroizing::new(format!(
            "# engawa 復旧キー / recovery key\n# facility: {facility}\n# made: {made_at}\n# public key: {}\n\
             {SIGNED_BY} {signed_by}\n{}\n",
            self.recipient(),
            secret.expose_secret()
        ))
    }

    pub(super) fn identity(&self) -> &age::x25519::Identity {
        &self.0
    }
}

impl Recipient {
    pub(super) fn age(&self) -> &age::x25519::Recipient {
        &self.0
    }
}

impl FromStr for Recipient {
    type Err = BackupError;

    fn from_str(text: &str) -> Result<Self, BackupError> {
        age::x25519::Recipient::from_str(text).map(Self).map_err(|_| BackupError::WrongKey)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
