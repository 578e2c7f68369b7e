//! Secrets and the facility's certificate.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use engawa::credential::{
    CertificateError, CertificateKind, CertificateProblem, CertificateSource, FacilityCertificate, Secret, SecretError,
    SecretSource,
};
use engawa::fault::Code;
use jiff::Timestamp;
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use rcgen::{CertificateParams, DnType, KeyPair};

fn write(path: &Path, content: &[u8], mode: u32) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn secrets_are_named_never_written_into_settings() {
    assert_eq!(SecretSource::parse("/etc/x").unwrap(), SecretSource::File("/etc/x".into()));
    assert_eq!(SecretSource::parse("credential:hub").unwrap(), SecretSource::Credential("hub".into()));
    for bad in ["hunter2", "", "credential:", "credential:../x", "credential:a/b", "relative/file"] {
        assert!(matches!(SecretSource::parse(bad), Err(SecretError::Name)), "{bad}");
    }
}

#[test]
fn secret_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s");
    let source = SecretSource::File(file.clone());
    let read = || source.read_from(None);

    assert!(matches!(read(), Err(SecretError::Read { .. })));
    for (content, expected) in [("p w", "p w"), ("pw\n", "pw"), ("pw\r\n", "pw"), ("pw\n\n", "pw\n"), (" pw ", " pw ")]
    {
        write(&file, content.as_bytes(), 0o600);
        assert_eq!(read().unwrap().text().unwrap(), expected);
    }
    write(&file, b"raw\n", 0o600);
    assert_eq!(source.read_binary().unwrap().bytes(), b"raw\n");
    assert!(!format!("{:?}", read().unwrap()).contains("raw"));

    for empty in ["", "\n"] {
        write(&file, empty.as_bytes(), 0o600);
        assert!(matches!(read(), Err(SecretError::Empty(_))));
    }
    write(&file, &[b'x'; 5000], 0o600);
    assert!(matches!(read(), Err(SecretError::TooLarge { .. })));
    assert!(matches!(SecretSource::File(folder.path().into()).read_from(None), Err(SecretError::NotAFile(_))));

    for (mode, fine) in [(0o400, true), (0o640, true), (0o644, false), (0o620, false), (0o606, false)] {
        write(&file, b"pw", mode);
        assert_eq!(read().is_ok(), fine, "{mode:o}");
        fs::remove_file(&file).unwrap();
    }
    // The credentials directory vouches for what is in it.
    write(&file, b"pw\n", 0o444);
    let named = SecretSource::Credential("s".to_owned());
    assert_eq!(named.read_from(Some(folder.path())).unwrap().text().unwrap(), "pw");
    assert!(source.read_from(Some(folder.path())).is_ok());
    assert!(matches!(named.read_from(None), Err(SecretError::NoCredentialsDirectory(_))));
}

fn params(facility: &str, unit: Option<&str>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, facility);
    if let Some(unit) = unit {
        params.distinguished_name.push(DnType::OrganizationalUnitName, unit);
    }
    params.not_before = rcgen::date_time_ymd(2026, 4, 1);
    params.not_after = rcgen::date_time_ymd(2029, 4, 1);
    params
}

fn pair(facility: &str, unit: Option<&str>) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    (params(facility, unit).self_signed(&key).unwrap(), key)
}

fn certificate(facility: &str, unit: Option<&str>) -> FacilityCertificate {
    let (certificate, key) = pair(facility, unit);
    FacilityCertificate::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
}

fn pkcs12(passphrase: &str) -> Vec<u8> {
    let (leaf, key) = pair("1312345678", Some("iryo"));
    let chain = PrivateKeyChain::new(
        "id",
        PrivateKey::from_der(&key.serialize_der()).unwrap(),
        [Certificate::from_der(leaf.der()).unwrap()],
    );
    let mut store = KeyStore::new();
    store.add_entry("facility", KeyStoreEntry::PrivateKeyChain(chain));
    store.writer(passphrase).encryption_iterations(10).mac_iterations(10).write().unwrap()
}

fn codes(certificate: &FacilityCertificate, now: &str, expected: Option<&str>) -> Vec<Code> {
    let now: Timestamp = now.parse().unwrap();
    certificate.check(now, expected).iter().map(CertificateProblem::code).collect()
}

#[test]
fn each_problem_has_its_own_sentence() {
    let good = certificate("1312345678", Some("kaigo-hoken"));
    assert_eq!((good.facility(), good.kind()), ("1312345678", &CertificateKind::KaigoHoken));
    let mine = Some("1312345678");
    assert_eq!(codes(&good, "2026-11-22T00:00:00Z", mine), []);
    assert_eq!(codes(&good, "2026-03-01T00:00:00Z", mine), [Code::CertificateNotYetValid]);
    assert_eq!(codes(&good, "2029-04-02T00:00:00Z", mine), [Code::CertificateExpired]);
    assert_eq!(codes(&good, "2029-01-02T00:00:00Z", mine), [Code::CertificateExpiring]);
    assert_eq!(codes(&good, "2028-12-01T00:00:00Z", mine), []);
    assert_eq!(codes(&good, "2026-11-22T00:00:00Z", Some("1399999999")), [Code::CertificateWrongFacility]);
    for unit in [None, Some("online-claim")] {
        let wrong = certificate("1312345678", unit);
        assert_eq!(codes(&wrong, "2026-11-22T00:00:00Z", mine), [Code::CertificateWrongKind]);
    }
    for unit in ["kaigo-dx", "iryo"] {
        assert_eq!(codes(&certificate("1312345678", Some(unit)), "2026-11-22T00:00:00Z", mine), []);
    }

    let at = "2029-04-02T00:00:00Z".parse().unwrap();
    let problems = certificate("1399999999", Some("online-claim")).check(at, mine);
    let sentences: Vec<_> = problems.iter().map(CertificateProblem::en).collect();
    assert_eq!(sentences.len(), 3);
    assert!(sentences[0].contains("online-claim") && sentences[1].contains("1399999999"));
    assert!(sentences[2].contains("2029-04-01"), "{}", sentences[2]);
    assert!(problems.iter().all(|problem| problem.ja().contains('。') && !problem.is_warning()));
}

#[test]
fn pkcs12_and_pem_load_or_say_why_not() {
    let archive = pkcs12("パスフレーズ");
    let loaded = FacilityCertificate::from_pkcs12(&archive, &Secret::from("パスフレーズ")).unwrap();
    assert_eq!((loaded.facility(), loaded.kind()), ("1312345678", &CertificateKind::Iryo));
    assert!(!format!("{loaded:?}").contains("key"));

    let error = FacilityCertificate::from_pkcs12(&archive, &Secret::from("wrong")).unwrap_err();
    assert_eq!(error.code(), Code::CertificateUnreadable);
    assert!(FacilityCertificate::from_pkcs12(b"junk", &Secret::from("x")).is_err());

    let ((one, key), (_, other)) = (pair("1", None), pair("2", None));
    let load = |chain: &str, key: &str| FacilityCertificate::from_pem(chain.as_bytes(), key.as_bytes());
    assert!(load(&one.pem(), &key.serialize_pem()).is_ok());
    assert!(matches!(load(&one.pem(), &other.serialize_pem()), Err(CertificateError::KeyMismatch(_))));
    assert!(matches!(load("", &key.serialize_pem()), Err(CertificateError::Pem(_))));
    assert!(matches!(load(&one.pem(), ""), Err(CertificateError::Pem(_))));
}

#[test]
fn certificate_files() {
    let folder = tempfile::tempdir().unwrap();
    let (file, passphrase) = (folder.path().join("c.p12"), folder.path().join("passphrase"));
    let source = CertificateSource::Pkcs12 { file: file.clone(), passphrase: SecretSource::File(passphrase.clone()) };
    let code = || FacilityCertificate::load(&source).unwrap_err().code();
    assert_eq!(code(), Code::CertificateMissing);
    write(&file, &pkcs12("x"), 0o644);
    assert_eq!(code(), Code::SecretMissing);
    write(&passphrase, b"x\n", 0o600);
    assert!(FacilityCertificate::load(&source).is_ok());
    write(&file, &vec![0; 300 * 1024], 0o644);
    assert_eq!(code(), Code::CertificateUnreadable);
}
