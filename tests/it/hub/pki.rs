//! A PKI of the moment: nothing here outlives the test.

use std::sync::Arc;

use engawa::credential::FacilityCertificate;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

pub(super) const FACILITY: &str = "1312345678";

pub(super) struct Ca {
    pub(super) pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// What is odd about a server certificate.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Server {
    Good,
    Expired,
    Future,
    WrongName,
}

impl Ca {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "test CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self { pem: certificate.pem(), der: certificate.der().clone(), issuer: Issuer::new(params, key) }
    }

    /// Valid from 2026-04-01 for three years.
    pub(super) fn facility(&self, unit: &str) -> FacilityCertificate {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, FACILITY);
        params.distinguished_name.push(DnType::OrganizationalUnitName, unit);
        params.not_before = rcgen::date_time_ymd(2026, 4, 1);
        params.not_after = rcgen::date_time_ymd(2029, 4, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        FacilityCertificate::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
    }

    /// A server under this CA that trusts the clients of `clients`. It takes either protocol, and rather the newer.
    pub(super) fn server(&self, kind: Server, clients: &Self) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let name = if kind == Server::WrongName { "other.example" } else { "localhost" };
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.not_before, params.not_after) = match kind {
            Server::Expired => (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2021, 1, 1)),
            Server::Future => (rcgen::date_time_ymd(2035, 1, 1), rcgen::date_time_ymd(2036, 1, 1)),
            Server::Good | Server::WrongName => (rcgen::date_time_ymd(2025, 1, 1), rcgen::date_time_ymd(2034, 1, 1)),
        };
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(clients.der.clone()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }
}
