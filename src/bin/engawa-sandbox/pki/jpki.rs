//! The two CAs of the cards, one for each key, as the real 公的個人認証 has them: a certificate of the wrong one is refused.

use std::fs::{self, OpenOptions};
use std::path::Path;

use jiff::Timestamp;
use nix::fcntl::{Flock, FlockArg};
use rcgen::string::PrintableString;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256, RsaKeySize, SanType, SerialNumber,
};
use time::OffsetDateTime;

use super::Span;
use crate::cli::Failure;
use crate::folder::{private, public};

/// What a key on a card is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// 利用者証明用.
    Authentication,
    /// 署名用.
    Signature,
}

impl Purpose {
    /// The file under `pki/`, without its ending.
    fn file(self) -> &'static str {
        match self {
            Self::Authentication => "jpki-ca",
            Self::Signature => "jpki-sign-ca",
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Authentication => "JPKI for user authentication (fictitious)",
            Self::Signature => "JPKI for digital signature (fictitious)",
        }
    }
}

/// The CA of one kind of key.
pub(crate) struct CardAuthority {
    purpose: Purpose,
    issuer: Issuer<'static, KeyPair>,
}

/// What a certificate says.
pub(crate) struct Subject {
    pub(crate) common_name: String,
    pub(crate) serial: Vec<u8>,
    /// otherName: object identifier and text.
    pub(crate) names: Vec<(Vec<u64>, String)>,
    pub(crate) span: Span,
}

/// A fresh key with its certificate.
pub(crate) struct CardKey {
    pub(crate) key_pkcs8: Vec<u8>,
    pub(crate) certificate_pem: String,
}

impl CardAuthority {
    /// Reads a CA under `DIR/pki`, or makes it. Several processes may ask at once.
    pub(crate) fn open(dir: &Path, purpose: Purpose, now: Timestamp) -> Result<Self, Failure> {
        let pki = dir.join("pki");
        fs::create_dir_all(&pki)?;
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(pki.join("jpki.lock"))?;
        let _alone = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, e)| e)?;
        let pem = pki.join(format!("{}.pem", purpose.file()));
        let key = pki.join(format!("{}.key", purpose.file()));
        if !pem.exists() {
            let (certificate, fresh) = made(purpose, now)?;
            private(&key, fresh.serialize_pem())?;
            public(&pem, certificate)?;
        }
        let text = fs::read_to_string(&pem)?;
        let issuer = Issuer::from_ca_cert_pem(&text, KeyPair::from_pem(&fs::read_to_string(&key)?)?)?;
        Ok(Self { purpose, issuer })
    }

    /// A new RSA-2048 key and its certificate.
    pub(crate) fn issue(&self, subject: Subject) -> Result<CardKey, Failure> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = name(self.purpose, Some(&subject.common_name))?;
        params.serial_number = Some(SerialNumber::from(subject.serial));
        params.not_before = subject.span.from;
        params.not_after = subject.span.to;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        if self.purpose == Purpose::Signature {
            params.key_usages.push(KeyUsagePurpose::ContentCommitment);
        }
        let named = |(oid, text): (Vec<u64>, String)| SanType::OtherName((oid, text.into()));
        params.subject_alt_names = subject.names.into_iter().map(named).collect();
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(CardKey { key_pkcs8: key.serialized_der().to_vec(), certificate_pem: certificate.pem() })
    }
}

fn made(purpose: Purpose, now: Timestamp) -> Result<(String, KeyPair), Failure> {
    const YEAR: i64 = 365 * 24 * 3600;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = name(purpose, None)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = OffsetDateTime::from_unix_timestamp(now.as_second() - 10 * YEAR)?;
    params.not_after = OffsetDateTime::from_unix_timestamp(now.as_second() + 20 * YEAR)?;
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    Ok((params.self_signed(&key)?.pem(), key))
}

fn name(purpose: Purpose, common: Option<&str>) -> Result<DistinguishedName, Failure> {
    let mut name = DistinguishedName::new();
    name.push(DnType::CountryName, DnValue::PrintableString(PrintableString::try_from("JP")?));
    name.push(DnType::OrganizationName, "JPKI");
    name.push(DnType::OrganizationalUnitName, purpose.unit());
    if let Some(common) = common {
        name.push(DnType::CommonName, common);
    }
    Ok(name)
}

/// The one certificate of a PEM file.
pub(crate) fn der(pem: &str) -> Result<Vec<u8>, Failure> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    Ok(CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|e| format!("{e:?}"))?.to_vec())
}
