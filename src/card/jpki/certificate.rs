//! The holder's certificate, as far as it is looked at here: the hub judges it.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use jiff::Timestamp;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::card::error::CardError;

/// 利用者証明用電子証明書: its bytes, and what of it matters here.
#[derive(Clone, PartialEq, Eq)]
pub struct HolderCertificate {
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// When it begins to be valid.
    pub not_before: Timestamp,
    /// When it ends to be valid.
    pub not_after: Timestamp,
    /// The key, as PKCS #1 wants it.
    key: Vec<u8>,
}

/// A certificate names one person; so the text names nothing of it.
impl std::fmt::Debug for HolderCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HolderCertificate").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

/// The beginning of 1950: no certificate can say an earlier moment in the form that RFC 5280 asks for.
const EARLIEST: Timestamp = Timestamp::constant(-631_152_000, 0);

/// Reads a certificate.
///
/// # Errors
/// When it is no X.509 certificate to its last byte, its key is not RSA, or it was damaged on its way so that it is valid at no
/// time that can be.
pub fn parse(der: &[u8]) -> Result<HolderCertificate, CardError> {
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| CardError::Certificate)?;
    let key = certificate.public_key();
    let rsa = key.algorithm.algorithm == x509_parser::oid_registry::OID_PKCS1_RSAENCRYPTION;
    if !rest.is_empty() || !rsa {
        return Err(CardError::Certificate);
    }
    let validity = certificate.validity();
    let time = |seconds| Timestamp::from_second(seconds).map_err(|_| CardError::Certificate);
    let not_before = time(validity.not_before.timestamp())?;
    let not_after = time(validity.not_after.timestamp())?;
    if not_before < EARLIEST || not_after < not_before {
        return Err(CardError::Certificate);
    }
    Ok(HolderCertificate { der: der.to_vec(), not_before, not_after, key: key.subject_public_key.data.to_vec() })
}

impl HolderCertificate {
    /// SHA-256 over the certificate: which card this is, by its own word.
    #[must_use]
    pub fn identity(&self) -> [u8; 32] {
        let mut identity = [0; 32];
        identity.copy_from_slice(digest::digest(&digest::SHA256, &self.der).as_ref());
        identity
    }

    /// Whole days left; negative when it has expired.
    #[must_use]
    pub fn days_left(&self, now: Timestamp) -> i64 {
        (self.not_after.as_second() - now.as_second()).div_euclid(24 * 3600)
    }

    /// Whether `signature` (RSA, PKCS #1 v1.5, SHA-256) over `message` is by this certificate's key.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.key).verify(message, signature).is_ok()
    }
}
