//! What the facility proves itself with: secrets read from files, the facility's certificate, the box's own authority on the LAN,
//! and the sealing of stored bodies.
//!
//! Invariants: a secret comes from a file or from systemd's credentials directory, never from a setting's value or the
//! environment; it is wiped from memory when dropped and has no readable `Debug`; a certificate that loads has a key that
//! fits it.

mod authority;
mod certificate;
pub mod key_file;
mod problem;
pub mod seal;
mod secret;
pub mod token;

pub use authority::{
    AUTHORITY_FILE, AUTHORITY_KEY_FILE, Authority, AuthorityError, ServerCertificate, Shown, dns_names, fingerprint,
};
pub use certificate::{CertificateError, CertificateKind, CertificateSource, FacilityCertificate};
pub use key_file::KeyFile;
pub use problem::{CertificateProblem, EXPIRY_NOTICE_DAYS};
pub use secret::{Secret, SecretError, SecretSource};
pub use token::{Token, TokenError};
