//! A terminal's certificate ends while its stream is open.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use engawa::clock::Clock;
use engawa::terminal::{Kind, NewWindow, Offer, Paired, PairingCode, Right};
use http_body_util::BodyExt as _;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::house::{FACILITY, House, PATIENCE, get, send};

/// TLS reads the house's clock.
#[derive(Debug)]
struct HouseTime(Clock);

impl rustls::time_provider::TimeProvider for HouseTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

async fn software(house: &House) -> (KeyPair, String) {
    let key = KeyPair::generate().unwrap();
    let new = NewWindow {
        facility: FACILITY.to_owned(),
        label: "受付".to_owned(),
        kind: Kind::Software,
        rights: BTreeSet::from([Right::Read]),
        person: None,
        networks: Vec::new(),
        opened_by: "local".to_owned(),
    };
    let opened = house.terminals.open_window(new).await.unwrap();
    let csr = CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let code = PairingCode::parse(&opened.code.signs()).unwrap();
    let offer = Offer { code, csr: Some(csr), browser: false, from: "127.0.0.1".parse().unwrap() };
    match house.terminals.pair(offer).await.unwrap().1 {
        Paired::Software { certificate, .. } => (key, certificate.pem),
        _ => panic!("no certificate"),
    }
}

async fn tls(house: &House, (key, pem): &(KeyPair, String)) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(house.authority.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let time = Arc::new(HouseTime(house.clock.clone()));
    let config = ClientConfig::builder_with_details(provider, time).with_safe_default_protocol_versions().unwrap();
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let own = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = config.with_root_certificates(roots).with_client_auth_cert(vec![certificate], own).unwrap();
    let stream = TcpStream::connect(house.lan).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn a_stream_ends_with_the_certificate_by_which_it_was_opened() {
    let house = House::open().await;
    let own = software(&house).await;
    let answer = send(tls(&house, &own).await, get("/v1/events", None)).await;
    assert_eq!(answer.status(), 200);
    let rest = tokio::spawn(answer.into_body().collect());
    house.clock.advance(Duration::from_secs(12 * 3600));
    let other = send(tls(&house, &own).await, get("/v1/submissions", None)).await;
    assert_eq!(other.status(), 200);
    assert!(!rest.is_finished(), "it ends too early");
    house.clock.advance(Duration::from_secs(12 * 3600 + 1));
    tokio::time::timeout(PATIENCE, rest).await.expect("the stream outlives the certificate").unwrap().ok();
    let late = send(tls(&house, &own).await, get("/v1/submissions", None)).await;
    assert_eq!(late.status(), 401);
}
