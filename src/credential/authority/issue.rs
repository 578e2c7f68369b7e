//! What the authority signs: itself, the box, and terminals.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PublicKeyData as _, SanType, SerialNumber, SubjectPublicKeyInfo,
};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::{Authority, AuthorityError, fingerprint};

/// Life of the authority: terminals have to be paired anew after it, so it outlives the box.
const AUTHORITY_LIFE: Duration = Duration::from_secs(20 * 366 * 86_400);
/// 2026-01-01. Since then the authority is valid, whatever the box's clock says: a box without a battery may think at its first start that it is 1970.
const FIRST_SECOND: i64 = 1_767_225_600;
/// Most names and addresses in a certificate; the rest of a strange machine's are left out.
const MOST_NAMES: usize = 100;

/// A certificate for the box, with its key.
#[derive(Clone, Debug)]
pub struct ServerCertificate {
    /// For the TLS library.
    pub key: Arc<CertifiedKey>,
    /// Its first moment.
    pub valid_from: Timestamp,
    /// Its last moment.
    pub valid_until: Timestamp,
}

impl ServerCertificate {
    /// Left of its life when it is due to be made anew.
    const RENEW: Duration = Duration::from_secs(30 * 86_400);

    /// Whether it is in force at `now`, and for a month more. A box whose clock was wrong when it was made needs another as well.
    #[must_use]
    pub fn lasts(&self, now: Timestamp) -> bool {
        let soon = now.saturating_add(Self::RENEW).unwrap_or(Timestamp::MAX);
        self.valid_from <= now && soon < self.valid_until
    }
}

/// The names (DNS) of a certificate in DER, in lower case, without those with a wildcard.
#[must_use]
pub fn dns_names(der: &[u8]) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return Vec::new() };
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let names = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) if !name.contains('*') => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    names.collect()
}

/// The authority itself. It names itself after its key, so that two boxes in one office are told apart.
pub(super) fn authority(key: &KeyPair, now: Timestamp) -> Result<Certificate, AuthorityError> {
    let print = fingerprint(&key.subject_public_key_info()).replace(':', "");
    let mut params = params(&format!("engawa authority {}", print.get(..8).unwrap_or_default()))?;
    let begin = Timestamp::from_second(FIRST_SECOND).unwrap_or(now);
    params.not_before = moment(begin)?;
    params.not_after = moment(begin.max(now).saturating_add(AUTHORITY_LIFE).unwrap_or(Timestamp::MAX))?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // A browser that trusts this authority shall trust it with nothing but TLS.
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params.self_signed(key)?)
}

pub(super) fn server(
    authority: &Authority,
    names: &[String],
    addresses: &[IpAddr],
    now: Timestamp,
) -> Result<ServerCertificate, AuthorityError> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let mut params = params(names.first().map_or("engawa", String::as_str))?;
    for name in names.iter().take(MOST_NAMES) {
        let name = name.as_str().try_into().map_err(|_| AuthorityError::Name(name.clone()))?;
        params.subject_alt_names.push(SanType::DnsName(name));
    }
    params.subject_alt_names.extend(addresses.iter().take(MOST_NAMES).copied().map(SanType::IpAddress));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let (valid_from, valid_until) = span(&mut params, now, Authority::SERVER_LIFE)?;
    let certificate = params.signed_by(&key, &authority.issuer)?;
    let private = PrivateKeyDer::try_from(key.serialize_der())
        .map_err(|error| AuthorityError::Crypto(error.into()))
        .and_then(|key| any_supported_type(&key).map_err(|error| AuthorityError::Crypto(Box::new(error))))?;
    let chain = vec![certificate.into(), authority.der.clone()];
    Ok(ServerCertificate { key: Arc::new(CertifiedKey::new(chain, private)), valid_from, valid_until })
}

pub(super) fn client(
    authority: &Authority,
    key: &SubjectPublicKeyInfo,
    terminal: &str,
    now: Timestamp,
    lasts: Duration,
) -> Result<String, AuthorityError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if terminal.is_empty() || terminal.len() > 64 || !terminal.bytes().all(plain) {
        return Err(AuthorityError::Name("the terminal's id".to_owned()));
    }
    let mut params = params(terminal)?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    span(&mut params, now, lasts.min(Authority::LONGEST_CLIENT))?;
    Ok(params.signed_by(key, &authority.issuer)?.pem())
}

pub(super) fn serial_of(der: &[u8]) -> Option<Vec<u8>> {
    Some(X509Certificate::from_der(der).ok()?.1.raw_serial().to_vec())
}

pub(super) fn terminal_of(der: &[u8]) -> Option<(String, Timestamp, Timestamp)> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let usage = certificate.extended_key_usage().ok()??;
    if !usage.value.client_auth {
        return None;
    }
    let mut names = certificate.subject().iter_common_name();
    let terminal = names.next()?.as_str().ok()?.to_owned();
    let time = |at: x509_parser::time::ASN1Time| Timestamp::from_second(at.timestamp()).ok();
    let validity = certificate.validity();
    Some((terminal, time(validity.not_before)?, time(validity.not_after)?))
}

/// What all certificates share. The serial number is random: the library's own would be the same for each renewal of a key.
fn params(common_name: &str) -> Result<CertificateParams, AuthorityError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let mut serial = [0; 16];
    aws_lc_rs::rand::fill(&mut serial).map_err(|_| AuthorityError::Crypto("no random numbers".into()))?;
    // Positive, and never shorter than the others.
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn span(
    params: &mut CertificateParams,
    now: Timestamp,
    lasts: Duration,
) -> Result<(Timestamp, Timestamp), AuthorityError> {
    let far = |at: Result<Timestamp, jiff::Error>| at.map_err(|_| AuthorityError::Name("the time".to_owned()));
    let (from, until) = (far(now.checked_sub(Authority::EARLIER))?, far(now.checked_add(lasts))?);
    (params.not_before, params.not_after) = (moment(from)?, moment(until)?);
    Ok((from, until))
}

/// Whole seconds: certificates know no others.
fn moment(at: Timestamp) -> Result<OffsetDateTime, AuthorityError> {
    OffsetDateTime::from_unix_timestamp(at.as_second()).map_err(|_| AuthorityError::Name("the time".to_owned()))
}
