//! Who made a backup: an Ed25519 key, derived from the secret of the box. A restored box has the same.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use bech32::{Bech32m, Hrp};
use zeroize::Zeroizing;

use super::BackupError;
use crate::credential::seal::{BoxSecret, SealError};

const LENGTH: usize = 32;
const PREFIX: Hrp = Hrp::parse_unchecked("engawabox");
/// What is signed begins with this, so that a signature of the key says nothing in another place.
const CONTEXT: &[u8] = b"engawa backup manifest v1\n";

/// The secret half.
pub struct Signer(Ed25519KeyPair);

/// The public half: `engawabox1…`, with a checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoxKey([u8; LENGTH]);

impl Signer {
    /// The key of the box.
    ///
    /// # Errors
    /// [`BackupError::Seal`].
    pub fn of(secret: &BoxSecret) -> Result<Self, BackupError> {
        let seed = Zeroizing::new(secret.derive("backup signature")?);
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).map_err(|_| SealError::Cipher)?;
        Ok(Self(pair))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> BoxKey {
        let mut bytes = [0; LENGTH];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        BoxKey(bytes)
    }

    pub(super) fn sign(&self, manifest: &[u8]) -> Vec<u8> {
        self.0.sign(&[CONTEXT, manifest].concat()).as_ref().to_vec()
    }
}

impl BoxKey {
    pub(super) fn signed(&self, manifest: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(&[CONTEXT, manifest].concat(), signature).is_ok()
    }
}

impl fmt::Display for BoxKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bech32::encode_to_fmt::<Bech32m, _>(f, PREFIX, &self.0).map_err(|_| fmt::Error)
    }
}

impl FromStr for BoxKey {
    type Err = BackupError;

    fn from_str(text: &str) -> Result<Self, BackupError> {
        let wrong = || BackupError::Signature(String::new());
        let (prefix, bytes) = bech32::decode(text.trim()).map_err(|_| wrong())?;
        let bytes = bytes.try_into().map_err(|_| wrong())?;
        if prefix == PREFIX { Ok(Self(bytes)) } else { Err(wrong()) }
    }
}
