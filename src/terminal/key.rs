//! The shape of an API key: `engawa_<id>_<secret>`.
//!
//! The id is public: it names the key in lists and logs. The secret is 256 random bits in hexadecimal, so that neither
//! part holds the separator and a double click selects the whole.

use std::fmt;

use aws_lc_rs::{constant_time, digest, rand};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::model::hex;

const PREFIX: &str = "engawa_";
const ID_BYTES: usize = 6;
const SECRET_BYTES: usize = 32;

/// The public part of a key: twelve lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(String);

impl KeyId {
    /// Reads an id; `None` if it is not of the form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_hex(text, ID_BYTES).then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A whole key, as the sender's software holds it. Not printable: its `Debug` shows the id only.
pub struct ApiKey {
    id: KeyId,
    secret: SecretString,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The system's random source failed; nothing secret can be made on this machine.
#[derive(Debug, thiserror::Error)]
#[error("the system's random source failed")]
pub struct NoRandomness;

impl ApiKey {
    /// A new random key.
    ///
    /// # Errors
    /// `NoRandomness` if the system's random source fails.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut id = [0; ID_BYTES];
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        rand::fill(&mut id).and_then(|()| rand::fill(secret.as_mut())).map_err(|_| NoRandomness)?;
        Ok(Self { id: KeyId(hex(&id)), secret: SecretString::from(hex(secret.as_ref())) })
    }

    /// Reads a key as it stands after `Bearer `; `None` if it is not of the form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let id = KeyId::parse(id)?;
        is_hex(secret, SECRET_BYTES).then(|| Self { id, secret: SecretString::from(secret) })
    }

    /// The public part.
    #[must_use]
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The text to hand to the sender, once.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}_{}", self.id, self.secret.expose_secret()))
    }

    /// What the store keeps of the secret.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(self.secret.expose_secret())
    }
}

/// SHA-256 of a key's secret.
///
/// A slow password hash would add nothing: the secret is 256 uniformly random bits, so there is no dictionary to try, and
/// a search of the hash is as hopeless as a search of the secret. A fast hash keeps the check off the accept path.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    pub(super) fn of(secret: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
        Self(hash)
    }

    /// A hash read back from the store.
    #[must_use]
    pub const fn from_stored(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn to_stored(self) -> [u8; 32] {
        self.0
    }

    /// Whether both are the same, in a time that does not depend on where they differ.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

pub(super) fn is_hex(text: &str, bytes: usize) -> bool {
    text.len() == 2 * bytes && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
