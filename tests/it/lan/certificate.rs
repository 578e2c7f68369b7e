//! The box's certificate while the box changes, and certificates of terminals.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use engawa::credential::Authority;
use jiff::Timestamp;
use rcgen::{CertificateParams, KeyPair};

use super::kit::{HERE, Office, PATIENCE, s_client};
use crate::support::until;

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn the_certificate_follows_the_names_without_a_restart() {
    let office = Office::open();
    let unknown = office.curl_name("karte.example", "/v1/health");
    assert_eq!(unknown.exit, 60, "not in the certificate yet: {unknown:?}");
    let mut open = office.tls(HERE, None).unwrap();
    office.reload(|text| text.replace("[lan]", "[lan]\nnames = [\"karte.example\"]"));
    until("the new name", PATIENCE, || (office.curl_name("karte.example", "/v1/health").status == 200).then_some(()));
    open.write_all(b"GET /v1/health HTTP/1.1\r\nHost: karte.example\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    let _ = open.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 200"), "a connection that is open stays: {answer}");
    office.reload(|text| text.replace("karte.example", "other.example"));
    until("the old name to go", PATIENCE, || {
        (office.curl_name("karte.example", "/v1/health").exit == 60).then_some(())
    });
    let stale = office.raw("GET /v1/health HTTP/1.1\r\nHost: karte.example\r\nConnection: close\r\n\r\n");
    assert!(stale.starts_with("HTTP/1.1 421"), "{stale}");
}

#[test]
fn a_certificate_from_elsewhere_is_shown_in_place_of_the_own_one_and_a_broken_one_is_named() {
    let office = Office::open();
    let at = |name: &str| office.gateway.dir().join(name);
    let (file, key_file) = (at("vendor.pem"), at("vendor.key"));
    let write = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(&file, certificate.pem()).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        std::fs::set_permissions(&key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    };
    write("vendor.example");
    let settings = format!("[lan]\ncertificate_file = {file:?}\ncertificate_key_file = {key_file:?}");
    office.reload(|text| text.replace("[lan]", &settings));
    let shown = |name: &str| {
        s_client(&office, &["-showcerts"]).1.contains(&format!("DNS:{name}")) || {
            let (_, chain) = s_client(&office, &["-showcerts"]);
            chain.contains("rcgen self signed cert")
        }
    };
    until("the vendor's certificate", PATIENCE, || shown("vendor.example").then_some(()));
    let named = super::kit::curl(
        &file,
        &format!("https://vendor.example:{}/v1/health", office.lan.port()),
        &["--resolve", &format!("vendor.example:{}:127.0.0.1", office.lan.port())],
    );
    assert_eq!(named.status, 200, "{named:?}");
    assert!(named.header("strict-transport-security").is_some_and(|value| value.starts_with("max-age=")), "{named:?}");

    std::fs::write(&file, "nonsense").unwrap();
    office.reload(str::to_owned);
    let part = || office.gateway.get("/v1/health").json()["parts"]["lan"].clone();
    until("the trouble to be named", PATIENCE, || (part()["reason"] == "LAN_CERTIFICATE").then_some(()));
    assert!(shown("vendor.example"), "the last good one is still shown");
    let said = office.gateway.run(&["check", "--offline"]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("FAIL  lan  lan.certificate_file  LAN_CERTIFICATE"), "{said}");

    office.reload(|text| text.replace(&settings, "[lan]"));
    until("the own certificate", PATIENCE, || (office.curl("/v1/health", &[]).status == 200).then_some(()));
    until("the trouble to end", PATIENCE, || (part()["status"] == "ok").then_some(()));
}

#[test]
fn a_terminal_is_let_in_by_its_certificate_whatever_its_time_and_a_stranger_by_his_is_not() {
    let office = Office::open();
    let now = now();
    let authority = Authority::open_or_make(office.gateway.state(), now).unwrap();
    let key = KeyPair::generate().unwrap();
    let csr = CertificateParams::new(Vec::new()).unwrap().serialize_request(&key).unwrap().pem().unwrap();
    let health = |certificate: &str, key: &KeyPair| -> std::io::Result<String> {
        let mut stream = office.tls(HERE, Some((certificate, key)))?;
        stream.write_all(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        if answer.is_empty() { Err(read.err().unwrap_or(std::io::ErrorKind::UnexpectedEof.into())) } else { Ok(answer) }
    };
    for from in [now, now - DAY * 3] {
        let certificate = authority.client_certificate(&csr, "terminal-1", from, DAY).unwrap();
        let answer = health(&certificate, &key).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Authority::open_or_make(elsewhere.path(), now).unwrap();
    let foreign = other.client_certificate(&csr, "terminal-1", now, DAY).unwrap();
    let refused = health(&foreign, &key);
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(office.curl("/v1/health", &[]).status, 200);
}

#[allow(clippy::disallowed_methods)] // The gateway is another process, which lives in the machine's time.
fn now() -> Timestamp {
    Timestamp::now()
}
