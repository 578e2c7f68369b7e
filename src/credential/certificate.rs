//! The facility's certificate and key, from PKCS#12 (the form a person downloads) or a pair of PEM files.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use p12_keystore::Pkcs12Archive;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{AttributeTypeAndValue, FromDer as _, X509Certificate, X509Name};
use zeroize::Zeroizing;

use super::authority::ServerCertificate;
use super::secret::{Secret, SecretError, SecretSource, read_file};
use crate::fault::Code;

/// Where the certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// One PKCS#12 file (`.p12`, `.pfx`) and the passphrase that opens it.
    Pkcs12 {
        /// The file.
        file: PathBuf,
        /// Its passphrase.
        passphrase: SecretSource,
    },
    /// A PEM chain, leaf first, and a PEM key without passphrase.
    Pem {
        /// The chain.
        certificates: PathBuf,
        /// The key: a secret file, held to the permissions of one.
        key: SecretSource,
    },
}

/// The kind of certificate, from the subject's OU (hub contract, "Transport").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateKind {
    /// 介護保険証明書
    KaigoHoken,
    /// 介護DX証明書
    KaigoDx,
    /// A clinic's
    Iryo,
    /// Anything else, with the OU found; empty when there is none.
    Other(String),
}

/// A certificate chain with the key that fits it. The key leaves this room only towards TLS.
#[derive(Clone)]
pub struct FacilityCertificate {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<Zeroizing<PrivateKeyDer<'static>>>,
    facility: String,
    kind: CertificateKind,
    valid_from: Timestamp,
    valid_until: Timestamp,
}

/// Why a certificate could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The file is not there.
    #[error("the facility's certificate is missing")]
    Missing(#[source] SecretError),
    /// The file is there but cannot be used as one.
    #[error("the facility's certificate cannot be read")]
    File(#[source] SecretError),
    /// The passphrase or the key's file.
    #[error("a secret of the facility's certificate cannot be read")]
    Secret(#[source] SecretError),
    /// Wrong passphrase, damaged file or not PKCS#12.
    #[error("the PKCS#12 file cannot be opened with the passphrase given")]
    Pkcs12(#[source] p12_keystore::error::Error),
    /// Not PEM, or without the part named.
    #[error("no usable {0} in the PEM file")]
    Pem(&'static str),
    /// The certificate is not X.509 that can be parsed.
    #[error("the certificate is not valid X.509")]
    X509,
    /// The key's algorithm is unknown, or no certificate in the file belongs to the key.
    #[error("no certificate in the file fits the private key")]
    KeyMismatch(#[source] Option<rustls::Error>),
}

impl CertificateError {
    /// What people are told.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Missing(_) => Code::CertificateMissing,
            Self::Secret(_) => Code::SecretMissing,
            _ => Code::CertificateUnreadable,
        }
    }
}

impl CertificateKind {
    fn of(unit: &str) -> Self {
        match unit {
            "kaigo-hoken" => Self::KaigoHoken,
            "kaigo-dx" => Self::KaigoDx,
            "iryo" => Self::Iryo,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The OU that says it.
    #[must_use]
    pub fn unit(&self) -> &str {
        match self {
            Self::KaigoHoken => "kaigo-hoken",
            Self::KaigoDx => "kaigo-dx",
            Self::Iryo => "iryo",
            Self::Other(unit) => unit,
        }
    }
}

impl FacilityCertificate {
    /// The most a certificate file may hold, in bytes.
    pub const LIMIT: u64 = 256 * 1024;

    /// Reads the files named by `source`.
    ///
    /// # Errors
    /// Every [`CertificateError`].
    pub fn load(source: &CertificateSource) -> Result<Self, CertificateError> {
        match source {
            CertificateSource::Pkcs12 { file, passphrase } => {
                // The passphrase protects the key, so the file's own mode is not held against it.
                let archive = read_file(file, true, Self::LIMIT).map_err(CertificateError::reading)?;
                Self::from_pkcs12(&archive, &passphrase.read().map_err(CertificateError::Secret)?)
            }
            CertificateSource::Pem { certificates, key } => {
                let chain = read_file(certificates, true, Self::LIMIT).map_err(CertificateError::reading)?;
                Self::from_pem(&chain, key.read_binary().map_err(CertificateError::Secret)?.bytes())
            }
        }
    }

    /// From the bytes of a PKCS#12 file.
    ///
    /// # Errors
    /// `Secret`, `Pkcs12`, `X509` and `KeyMismatch` of [`CertificateError`].
    pub fn from_pkcs12(archive: &[u8], passphrase: &Secret) -> Result<Self, CertificateError> {
        let passphrase = passphrase.text().map_err(CertificateError::Secret)?;
        let archive = Pkcs12Archive::from_pkcs12(archive, passphrase).map_err(CertificateError::Pkcs12)?;
        let certificates = || archive.certs.iter().map(|bag| CertificateDer::from(bag.cert.as_der().to_vec()));
        for bag in &archive.keys {
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(bag.key.as_der().to_vec()));
            // Matched by the key itself: the bags' ids are optional and not every issuer writes them.
            let Some(leaf) = certificates().find(|leaf| fits(leaf, &key).is_ok()) else { continue };
            return Self::from_parts(chain_from(leaf, certificates().collect()), key);
        }
        Err(CertificateError::KeyMismatch(None))
    }

    /// From a PEM chain, leaf first, and a PEM key.
    ///
    /// # Errors
    /// `Pem`, `X509` and `KeyMismatch` of [`CertificateError`].
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<_, _>>()
            .map_err(|_| CertificateError::Pem("certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| CertificateError::Pem("private key"))?;
        Self::from_parts(chain, key)
    }

    fn from_parts(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, CertificateError> {
        let leaf = chain.first().ok_or(CertificateError::Pem("certificate"))?;
        fits(leaf, &key)?;
        let (_, parsed) = X509Certificate::from_der(leaf).map_err(|_| CertificateError::X509)?;
        let time = |at: x509_parser::time::ASN1Time| {
            Timestamp::from_second(at.timestamp()).map_err(|_| CertificateError::X509)
        };
        let (facility, unit) = subject(parsed.subject());
        let (valid_from, valid_until) = (time(parsed.validity().not_before)?, time(parsed.validity().not_after)?);
        Ok(Self {
            key: Arc::new(Zeroizing::new(key)),
            facility,
            kind: CertificateKind::of(&unit),
            valid_from,
            valid_until,
            chain,
        })
    }

    /// The facility's number: the subject's CN. Empty when the certificate has none.
    #[must_use]
    pub fn facility(&self) -> &str {
        &self.facility
    }

    /// The kind: the subject's OU.
    #[must_use]
    pub const fn kind(&self) -> &CertificateKind {
        &self.kind
    }

    /// First moment of its validity.
    #[must_use]
    pub const fn valid_from(&self) -> Timestamp {
        self.valid_from
    }

    /// Last moment of its validity.
    #[must_use]
    pub const fn valid_until(&self) -> Timestamp {
        self.valid_until
    }

    /// The chain, leaf first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The same as a certificate that this box shows to others; its subject is of no account then.
    ///
    /// # Errors
    /// `KeyMismatch` of [`CertificateError`], when the key cannot sign.
    pub fn for_server(&self) -> Result<ServerCertificate, CertificateError> {
        let signer = aws_lc_rs::sign::any_supported_type(&self.key);
        let signer = signer.map_err(|error| CertificateError::KeyMismatch(Some(error)))?;
        let key = Arc::new(CertifiedKey::new(self.chain.clone(), signer));
        Ok(ServerCertificate { key, valid_from: self.valid_from, valid_until: self.valid_until })
    }

    /// A copy of the key for TLS.
    #[must_use]
    pub fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }
}

impl std::fmt::Debug for FacilityCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FacilityCertificate")
            .field("facility", &self.facility)
            .field("kind", &self.kind)
            .field("valid_until", &self.valid_until)
            .finish_non_exhaustive()
    }
}

impl CertificateError {
    fn reading(error: SecretError) -> Self {
        match &error {
            SecretError::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Self::Missing(error),
            _ => Self::File(error),
        }
    }
}

/// Whether `key` is the key of `leaf`.
fn fits(leaf: &CertificateDer<'static>, key: &PrivateKeyDer<'static>) -> Result<(), CertificateError> {
    let mismatch = |error| CertificateError::KeyMismatch(Some(error));
    let signer = aws_lc_rs::sign::any_supported_type(key).map_err(mismatch)?;
    CertifiedKey::new(vec![leaf.clone()], signer).keys_match().map_err(mismatch)
}

/// The chain from `leaf` upwards, found by issuer names; certificates that do not belong to it are left out.
fn chain_from(leaf: CertificateDer<'static>, pool: Vec<CertificateDer<'static>>) -> Vec<CertificateDer<'static>> {
    let mut chain = vec![leaf];
    let mut pool: Vec<_> = pool.into_iter().filter(|other| !chain.contains(other)).collect();
    while let Some(at) = chain.last().and_then(|last| pool.iter().position(|other| issued(other, last))) {
        chain.push(pool.swap_remove(at));
    }
    chain
}

fn issued(issuer: &CertificateDer<'_>, leaf: &CertificateDer<'_>) -> bool {
    let (Ok((_, issuer)), Ok((_, leaf))) = (X509Certificate::from_der(issuer), X509Certificate::from_der(leaf)) else {
        return false;
    };
    issuer.subject().as_raw() == leaf.issuer().as_raw()
}

/// CN and OU; the first of each, empty when absent.
fn subject(name: &X509Name<'_>) -> (String, String) {
    let text = |part: Option<&AttributeTypeAndValue<'_>>| {
        part.and_then(|part| part.as_str().ok()).unwrap_or_default().to_owned()
    };
    (text(name.iter_common_name().next()), text(name.iter_organizational_unit().next()))
}
