//! The authority's two files. The key is written first: a certificate can be made anew from it, a key never.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use jiff::Timestamp;
use rcgen::{Issuer, KeyPair};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use super::super::secret::{SecretError, read_file};
use super::{AUTHORITY_FILE, AUTHORITY_KEY_FILE, Authority, AuthorityError, issue};

/// Most that one of the files holds, in bytes.
const LIMIT: u64 = 16 << 10;

pub(super) fn open_or_make(directory: &Path, now: Timestamp) -> Result<Authority, AuthorityError> {
    let key_path = directory.join(AUTHORITY_KEY_FILE);
    let known = certificate(directory)?;
    let key = match (key(&key_path)?, &known) {
        (Some(key), _) => key,
        (None, Some(_)) => return Err(AuthorityError::KeyMissing(key_path)),
        (None, None) => make_key(&key_path)?,
    };
    let (pem, der) = match known {
        Some(known) => known,
        None => make_certificate(directory, &key, now)?,
    };
    belong_together(&der, &key)?;
    let issuer = Issuer::from_ca_cert_der(&der, key)?;
    Ok(Authority { der, pem, issuer })
}

/// The certificate, if there is one: PEM and DER.
pub(super) fn certificate(directory: &Path) -> Result<Option<(String, CertificateDer<'static>)>, AuthorityError> {
    let path = directory.join(AUTHORITY_FILE);
    // Public: whoever may enter the directory may read it.
    let Some(bytes) = there(read_file(&path, true, LIMIT))? else { return Ok(None) };
    let unreadable = || AuthorityError::Unreadable(path.clone());
    let pem = String::from_utf8(bytes.to_vec()).map_err(|_| unreadable())?;
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| unreadable())?;
    Ok(Some((pem, der.into_owned())))
}

fn key(path: &Path) -> Result<Option<KeyPair>, AuthorityError> {
    let Some(bytes) = there(read_file(path, false, LIMIT))? else { return Ok(None) };
    let unreadable = || AuthorityError::Unreadable(path.to_owned());
    let pem = std::str::from_utf8(&bytes).map_err(|_| unreadable())?;
    KeyPair::from_pem(pem).map(Some).map_err(|_| unreadable())
}

fn make_key(path: &Path) -> Result<KeyPair, AuthorityError> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let pem = Zeroizing::new(key.serialize_pem());
    write(path, pem.as_bytes())?;
    Ok(key)
}

fn make_certificate(
    directory: &Path,
    key: &KeyPair,
    now: Timestamp,
) -> Result<(String, CertificateDer<'static>), AuthorityError> {
    let certificate = issue::authority(key, now)?;
    let pem = certificate.pem();
    write(&directory.join(AUTHORITY_FILE), pem.as_bytes())?;
    Ok((pem, certificate.into()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), AuthorityError> {
    write_new(path, bytes).map_err(|source| AuthorityError::Write { path: path.to_owned(), source })
}

/// `None` for a file that is not there.
fn there(read: Result<Zeroizing<Vec<u8>>, SecretError>) -> Result<Option<Zeroizing<Vec<u8>>>, AuthorityError> {
    match read {
        Ok(bytes) => Ok(Some(bytes)),
        Err(SecretError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(AuthorityError::File(error)),
    }
}

fn belong_together(der: &CertificateDer<'static>, key: &KeyPair) -> Result<(), AuthorityError> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|_| AuthorityError::Mismatch)?;
    let signer = any_supported_type(&key).map_err(|_| AuthorityError::Mismatch)?;
    CertifiedKey::new(vec![der.clone()], signer).keys_match().map_err(|_| AuthorityError::Mismatch)
}

/// The file appears whole or not at all, mode 0600, and never in place of another. A draft that a crash left behind is removed first, not
/// written over: it may be a second name of a file that is in use.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::hard_link(&draft, path)?;
    fs::remove_file(&draft)?;
    fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}
