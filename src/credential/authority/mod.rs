//! The box's own certificate authority: it vouches for the box on the LAN, and for the terminals that were paired with it.
//!
//! Invariants: the key never leaves its file and this room; nothing issued may issue in its turn; a key without its
//! certificate gets one anew, a certificate without its key never gets another key in silence, because every terminal trusts the
//! old one; a certificate for a terminal lives a day at most, so that whatever is copied from a terminal soon is worthless.

mod files;
mod issue;
mod request;
mod tls;
mod verifier;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use rcgen::{Issuer, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier;

use super::secret::SecretError;
use crate::fault::Code;
pub use issue::{ServerCertificate, dns_names};
pub use tls::Shown;

/// The authority's certificate, in the state directory.
pub const AUTHORITY_FILE: &str = "authority.pem";
/// The authority's private key, in the state directory; mode 0600.
pub const AUTHORITY_KEY_FILE: &str = "authority.key";

/// The box's own certificate authority.
pub struct Authority {
    der: CertificateDer<'static>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// Why the authority cannot be used, or would not sign.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// One of its files is there and cannot be read.
    #[error("the authority's files cannot be read")]
    File(#[source] SecretError),
    /// Its files cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The certificate is there, its key is not.
    #[error("{0} is missing, its certificate is there: restore both from the backup")]
    KeyMissing(PathBuf),
    /// A file holds something else.
    #[error("{0} does not hold what engawa wrote there")]
    Unreadable(PathBuf),
    /// Certificate and key are not a pair.
    #[error("the authority's certificate and key do not belong together")]
    Mismatch,
    /// A terminal's request for a certificate is not PKCS#10, is signed by another key, or its key is of a kind or size that is not taken.
    #[error("the request for a certificate is not acceptable: {0}")]
    Request(&'static str),
    /// A name, terminal id or time that does not fit into a certificate.
    #[error("{0} does not fit into a certificate")]
    Name(String),
    /// The cryptography refused to work.
    #[error("a certificate cannot be made")]
    Crypto(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl AuthorityError {
    /// What people are told.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Request(_) => Code::RequestCsr,
            _ => Code::AuthorityUnusable,
        }
    }
}

impl From<rcgen::Error> for AuthorityError {
    fn from(error: rcgen::Error) -> Self {
        Self::Crypto(Box::new(error))
    }
}

impl Authority {
    /// Longest life of a terminal's certificate.
    pub const LONGEST_CLIENT: Duration = Duration::from_secs(86_400);
    /// Life of the box's own certificate on the LAN. Browsers refuse more than 397 days.
    pub const SERVER_LIFE: Duration = Duration::from_secs(90 * 86_400);
    /// How far a certificate reaches into the past: clocks of an office differ.
    pub const EARLIER: Duration = Duration::from_secs(600);

    /// Reads the authority of a state directory. Where there is none, makes one that lasts for 20 years from `now`.
    ///
    /// # Errors
    /// `File`, `Write`, `KeyMissing`, `Unreadable`, `Mismatch` and `Crypto` of [`AuthorityError`].
    pub fn open_or_make(directory: &Path, now: Timestamp) -> Result<Self, AuthorityError> {
        files::open_or_make(directory, now)
    }

    /// Reads the authority's certificate alone: PEM and fingerprint; `None` when there is none yet.
    ///
    /// # Errors
    /// `File` and `Unreadable` of [`AuthorityError`].
    pub fn certificate_in(directory: &Path) -> Result<Option<(String, String)>, AuthorityError> {
        Ok(files::certificate(directory)?.map(|(pem, der)| (pem, fingerprint(&der))))
    }

    /// Its certificate, in PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// SHA-256 over its certificate, as people compare it: pairs of capital hexadecimal digits with colons.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.der)
    }

    /// A fresh key and a certificate of it for the box itself, for names (DNS) and addresses. The chain ends with the authority, so that
    /// who knows only the fingerprint finds the certificate that goes with it.
    ///
    /// # Errors
    /// `Name` and `Crypto` of [`AuthorityError`].
    pub fn server_certificate(
        &self,
        names: &[String],
        addresses: &[std::net::IpAddr],
        now: Timestamp,
    ) -> Result<ServerCertificate, AuthorityError> {
        issue::server(self, names, addresses, now)
    }

    /// A certificate (PEM) for the terminal `terminal`, for the public key of a PKCS#10 request (PEM) and for nothing else of it: from
    /// [`Authority::EARLIER`] before `now` for `lasts`, at most [`Authority::LONGEST_CLIENT`].
    ///
    /// # Errors
    /// `Request`, `Name` and `Crypto` of [`AuthorityError`].
    pub fn client_certificate(
        &self,
        csr_pem: &str,
        terminal: &str,
        now: Timestamp,
        lasts: Duration,
    ) -> Result<String, AuthorityError> {
        issue::client(self, &request::public_key(csr_pem)?, terminal, now, lasts)
    }

    /// Whom a certificate that [`Authority::client_verifier`] let through was issued to, and its first and last moment; `None` for anything that is
    /// no terminal's certificate. Who issued it is not asked here.
    #[must_use]
    pub fn terminal_of(der: &[u8]) -> Option<(String, Timestamp, Timestamp)> {
        issue::terminal_of(der)
    }

    /// The serial number of a certificate in DER, which no other certificate of this authority has.
    #[must_use]
    pub fn serial_of(der: &[u8]) -> Option<Vec<u8>> {
        issue::serial_of(der)
    }

    /// The serial number of a certificate in PEM.
    #[must_use]
    pub fn serial_of_pem(pem: &str) -> Option<Vec<u8>> {
        use rustls::pki_types::pem::PemObject as _;
        issue::serial_of(&CertificateDer::from_pem_slice(pem.as_bytes()).ok()?)
    }

    /// TLS 1.3 towards the LAN: shows `shown`, and asks for a terminal's certificate as [`Authority::client_verifier`] does.
    ///
    /// # Errors
    /// `Crypto` of [`AuthorityError`].
    pub fn server_config(&self, shown: Arc<Shown>) -> Result<rustls::ServerConfig, AuthorityError> {
        tls::config(self, shown)
    }

    /// Lets TLS peers in that show no certificate, or a terminal's one of this authority **of whatever time**.
    ///
    /// # Errors
    /// `Crypto` of [`AuthorityError`].
    pub fn client_verifier(&self) -> Result<Arc<dyn ClientCertVerifier>, AuthorityError> {
        verifier::of(&self.der)
    }
}

/// SHA-256 over a certificate in DER: pairs of capital hexadecimal digits with colons.
#[must_use]
pub fn fingerprint(der: &[u8]) -> String {
    let pairs: Vec<_> = digest(&SHA256, der).as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("fingerprint", &self.fingerprint()).finish_non_exhaustive()
    }
}
