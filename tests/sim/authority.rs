//! The box's own authority: what it signs, what it refuses to sign, and whom its verifier lets in.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use engawa::credential::{AUTHORITY_FILE, AUTHORITY_KEY_FILE, Authority, AuthorityError};
use engawa::fault::Code;
use jiff::Timestamp;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use x509_parser::prelude::{FromDer as _, X509Certificate};

const DAY: Duration = Duration::from_secs(86_400);

fn now() -> Timestamp {
    "2026-11-22T09:00:00Z".parse().unwrap()
}

fn made() -> (tempfile::TempDir, Authority) {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::open_or_make(directory.path(), now()).unwrap();
    (directory, authority)
}

fn csr(key: &KeyPair) -> String {
    // Everything that a greedy terminal could ask for.
    let mut params = CertificateParams::new(vec!["engawa.local".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "somebody-else");
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.serialize_request(key).unwrap().pem().unwrap()
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn verify(authority: &Authority, certificate: &CertificateDer<'_>, at: Timestamp) -> bool {
    let verifier = authority.client_verifier().unwrap();
    let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.as_second()).unwrap()));
    verifier.verify_client_cert(certificate, &[], at).is_ok()
}

#[test]
fn an_authority_stays_itself_and_keeps_its_key_private() {
    let (directory, first) = made();
    let second = Authority::open_or_make(directory.path(), now() + DAY).unwrap();
    assert_eq!(first.pem(), second.pem());
    assert_eq!(first.fingerprint(), second.fingerprint());
    assert_eq!(first.fingerprint().len(), 32 * 3 - 1);
    let read = Authority::certificate_in(directory.path()).unwrap();
    assert_eq!(read, Some((first.pem().to_owned(), first.fingerprint())));
    let mode = |name| std::fs::metadata(directory.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(AUTHORITY_KEY_FILE), 0o600);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2, "no drafts are left");
    let (_elsewhere, other) = made();
    assert_ne!(first.fingerprint(), other.fingerprint());
}

#[test]
fn a_key_without_its_certificate_gets_one_and_a_certificate_without_its_key_does_not() {
    let (directory, first) = made();
    let at = |name: &str| directory.path().join(name);
    std::fs::remove_file(at(AUTHORITY_FILE)).unwrap();
    // What a power cut may leave behind: another name of the key, where a draft belongs.
    std::fs::hard_link(at(AUTHORITY_KEY_FILE), at("authority.pem.draft")).unwrap();
    let again = Authority::open_or_make(directory.path(), now()).unwrap();
    let client = again.client_certificate(&csr(&KeyPair::generate().unwrap()), "t", now(), DAY).unwrap();
    assert!(verify(&first, &der(&client), now()), "the key is the same");

    let key = std::fs::read(at(AUTHORITY_KEY_FILE)).unwrap();
    std::fs::remove_file(at(AUTHORITY_KEY_FILE)).unwrap();
    let error = Authority::open_or_make(directory.path(), now()).unwrap_err();
    assert!(matches!(error, AuthorityError::KeyMissing(_)), "{error}");
    assert_eq!(error.code(), Code::AuthorityUnusable);

    let (other, _) = made();
    std::fs::copy(other.path().join(AUTHORITY_KEY_FILE), at(AUTHORITY_KEY_FILE)).unwrap();
    let error = Authority::open_or_make(directory.path(), now()).unwrap_err();
    assert!(matches!(error, AuthorityError::Mismatch), "{error}");

    std::fs::write(at(AUTHORITY_KEY_FILE), key).unwrap();
    std::fs::set_permissions(at(AUTHORITY_KEY_FILE), std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = Authority::open_or_make(directory.path(), now()).unwrap_err();
    assert!(matches!(error, AuthorityError::File(_)), "{error}");
}

#[test]
fn the_authority_is_valid_whatever_the_clock_says_at_the_first_start() {
    for now in ["1970-01-01T00:00:10Z", "2026-11-22T09:00:00Z", "2044-01-01T00:00:00Z"] {
        let now: Timestamp = now.parse().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::open_or_make(directory.path(), now).unwrap();
        let der = der(authority.pem());
        let (_, parsed) = X509Certificate::from_der(&der).unwrap();
        assert!(parsed.validity().not_before.timestamp() <= 1_775_001_600, "2026-04-01");
        let end = parsed.validity().not_after.timestamp();
        assert!(end > 1_775_001_600 + 19 * 365 * 86_400 && end > now.as_second() + 19 * 365 * 86_400);
        assert!(parsed.is_ca());
        assert_eq!(parsed.basic_constraints().unwrap().unwrap().value.path_len_constraint, Some(0));
    }
}

#[test]
fn the_box_gets_its_names_and_addresses_and_a_short_life() {
    let (_directory, authority) = made();
    let names = ["engawa.local".to_owned(), "engawa".to_owned()];
    let addresses = ["192.168.1.10".parse().unwrap(), "fe80::1".parse().unwrap()];
    let made = authority.server_certificate(&names, &addresses, now()).unwrap();
    assert_eq!(made.key.cert.len(), 2);
    let (_, leaf) = X509Certificate::from_der(&made.key.cert[0]).unwrap();
    let sans = leaf.subject_alternative_name().unwrap().unwrap();
    assert_eq!(sans.value.general_names.len(), 4);
    assert!(!leaf.is_ca());
    assert!(made.valid_until.duration_since(made.valid_from).as_hours() < 397 * 24);
    assert!(made.valid_from < now());
    assert!(!verify(&authority, &made.key.cert[0], now()), "the box is no terminal");
    assert_eq!(Authority::terminal_of(&made.key.cert[0]), None);
    assert!(made.lasts(now()) && made.lasts(now() + DAY * 59));
    assert!(!made.lasts(now() + DAY * 61), "made anew while it is still good for a month");
    assert!(!made.lasts(now() - DAY), "the clock was ahead when it was made");
    assert_eq!(engawa::credential::dns_names(&made.key.cert[0]), names);
    assert_ne!(authority.server_certificate(&names, &[], now()).unwrap().key.cert[0], made.key.cert[0]);
}

#[test]
fn nothing_of_a_request_counts_but_its_key() {
    let (_directory, authority) = made();
    let key = KeyPair::generate().unwrap();
    let pem = authority.client_certificate(&csr(&key), "0198-terminal", now(), DAY * 30).unwrap();
    let certificate = der(&pem);
    let (_, parsed) = X509Certificate::from_der(&certificate).unwrap();
    assert!(!parsed.is_ca());
    assert!(parsed.subject_alternative_name().unwrap().is_none());
    let usage = parsed.extended_key_usage().unwrap().unwrap();
    assert!(usage.value.client_auth && !usage.value.server_auth);
    let (terminal, from, until) = Authority::terminal_of(&certificate).unwrap();
    assert_eq!(terminal, "0198-terminal");
    assert_eq!(until, now() + DAY, "a day at most");
    assert_eq!(from, now() - Authority::EARLIER);
    let serial = |pem: &str| X509Certificate::from_der(&der(pem)).unwrap().1.raw_serial().to_vec();
    let again = authority.client_certificate(&csr(&key), "0198-terminal", now(), DAY).unwrap();
    assert_ne!(serial(&pem), serial(&again), "a renewal is another certificate");
}

#[test]
fn requests_that_prove_nothing_or_have_a_weak_key_are_refused() {
    let (_directory, authority) = made();
    let refused = |csr: &str| {
        let error = authority.client_certificate(csr, "t", now(), DAY).unwrap_err();
        assert!(matches!(error, AuthorityError::Request(_)), "{error}");
        assert_eq!(error.code(), Code::RequestCsr);
    };
    refused("");
    refused("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n");
    refused(authority.pem());
    refused(&"-----BEGIN CERTIFICATE REQUEST-----\n".repeat(1000));
    for kind in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        let good = csr(&KeyPair::generate_for(kind).unwrap());
        let certificate = authority.client_certificate(&good, "t", now(), DAY).unwrap();
        assert!(verify(&authority, &der(&certificate), now()));
        // One bit of the signature, which stands at the end.
        let mut broken =
            rustls::pki_types::CertificateSigningRequestDer::from_pem_slice(good.as_bytes()).unwrap().to_vec();
        *broken.last_mut().unwrap() ^= 1;
        refused(&pem_of(&broken));
        broken.push(0);
        refused(&pem_of(&broken));
    }
    refused(&csr(&KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap()));
    refused(include_str!("../fixtures/lan/rsa-1024.csr"));
    for id in ["", "a b", "a\nb", "端末", &"x".repeat(65)] {
        let error = authority.client_certificate(&csr(&KeyPair::generate().unwrap()), id, now(), DAY).unwrap_err();
        assert!(matches!(error, AuthorityError::Name(_)), "{error}");
    }
}

fn pem_of(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE REQUEST-----\n{text}\n-----END CERTIFICATE REQUEST-----\n")
}

#[test]
fn the_verifier_judges_everything_but_the_time() {
    let (_directory, authority) = made();
    let key = KeyPair::generate().unwrap();
    let certificate = der(&authority.client_certificate(&csr(&key), "t", now(), DAY).unwrap());
    for at in [now(), now() + DAY * 400, now() - DAY * 400] {
        assert!(verify(&authority, &certificate, at), "time is the door's business");
    }
    let (_elsewhere, other) = made();
    assert!(!verify(&other, &certificate, now()), "another box's terminal");
    let mut forged = certificate.to_vec();
    *forged.last_mut().unwrap() ^= 1;
    assert!(!verify(&authority, &forged.into(), now()));
    assert!(!verify(&authority, &der(authority.pem()), now()), "the authority is no terminal");

    let verifier = authority.client_verifier().unwrap();
    assert!(verifier.offer_client_auth() && !verifier.client_auth_mandatory());
    assert_eq!(verifier.root_hint_subjects().len(), 1);
}

/// A terminal's certificate has no right to sign; a chain that pretends otherwise leads nowhere.
#[test]
fn a_terminal_cannot_vouch_for_another() {
    let (_directory, authority) = made();
    let key = KeyPair::generate().unwrap();
    let own = der(&authority.client_certificate(&csr(&key), "t", now(), DAY).unwrap());
    let issuer = Issuer::from_ca_cert_der(&own, key).unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "u");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let forged = params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
    let verifier = authority.client_verifier().unwrap();
    let at = UnixTime::since_unix_epoch(Duration::from_secs(1_795_000_000));
    assert!(verifier.verify_client_cert(forged.der(), &[own], at).is_err());
}

#[test]
fn without_a_directory_there_is_no_authority() {
    let error = Authority::open_or_make(Path::new("/nonexistent/engawa"), now()).unwrap_err();
    assert!(matches!(error, AuthorityError::Write { .. }), "{error}");
}
