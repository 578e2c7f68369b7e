//! Issuing: a CA and what it signs.

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use time::OffsetDateTime;

use crate::cli::Failure;

/// From when to when a certificate is valid.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(super) from: OffsetDateTime,
    pub(super) to: OffsetDateTime,
}

impl Span {
    pub(crate) fn new(now: Timestamp, from: jiff::Span, to: jiff::Span) -> Result<Self, Failure> {
        let at = |span| -> Result<OffsetDateTime, Failure> {
            Ok(OffsetDateTime::from_unix_timestamp(now.checked_add::<jiff::Span>(span)?.as_second())?)
        };
        Ok(Self { from: at(from)?, to: at(to)? })
    }
}

/// A certificate with its key and chain.
pub(crate) struct Issued {
    pub(super) chain_pem: String,
    pub(super) key_pem: String,
    pub(super) key_der: Vec<u8>,
    pub(super) chain_der: Vec<Vec<u8>>,
}

/// A certification authority.
pub(crate) struct Authority {
    pub(super) pem: String,
    der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new(name: &str, now: Timestamp) -> Result<Self, Failure> {
        let hour = 3600;
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = OffsetDateTime::from_unix_timestamp(now.as_second() - 4 * 365 * 24 * hour)?;
        params.not_after = OffsetDateTime::from_unix_timestamp(now.as_second() + 20 * 365 * 24 * hour)?;
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let (pem, der) = (certificate.pem(), certificate.der().to_vec());
        Ok(Self { pem, der, issuer: Issuer::new(params, key) })
    }

    pub(super) fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    pub(super) fn server(&self, names: &[String], span: Span) -> Result<Issued, Failure> {
        let mut params = CertificateParams::new(names.to_vec())?;
        params.distinguished_name.push(DnType::CommonName, "engawa sandbox hub (fictitious)");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params, span)
    }

    pub(super) fn client(&self, number: &str, kind: &str, span: Span) -> Result<Issued, Failure> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::OrganizationalUnitName, kind);
        params.distinguished_name.push(DnType::CommonName, number);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params, span)
    }

    fn issue(&self, mut params: CertificateParams, span: Span) -> Result<Issued, Failure> {
        params.not_before = span.from;
        params.not_after = span.to;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued {
            chain_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            key_der: key.serialized_der().to_vec(),
            chain_der: vec![certificate.der().to_vec(), self.der.clone()],
        })
    }
}
