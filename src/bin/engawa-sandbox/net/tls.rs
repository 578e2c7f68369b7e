//! TLS 1.3 and nothing older; a client certificate of our CA is demanded. No session tickets, so that every connection
//! shows its certificate.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::AttributeTypeAndValue;

use super::Identity;
use crate::cli::Failure;
use crate::clock::Clock;
use crate::digest::sha256;
use crate::pki::SERVERS;

/// A server configuration for every certificate the hub can show.
pub(crate) struct Certificates {
    shown: HashMap<&'static str, Arc<ServerConfig>>,
    refusing: Arc<ServerConfig>,
}

impl Certificates {
    /// Reads `pki/`.
    pub(crate) fn load(dir: &Path, clock: &Clock) -> Result<Self, Failure> {
        let pki = dir.join("pki");
        let mut shown = HashMap::new();
        for name in SERVERS {
            shown.insert(name, config(&pki, name, "ca.pem", clock)?);
        }
        Ok(Self { shown, refusing: config(&pki, "server", "foreign-ca.pem", clock)? })
    }

    /// The configuration that shows a certificate, the usual one by default.
    pub(super) fn showing(&self, name: Option<&str>) -> Arc<ServerConfig> {
        let found = name.and_then(|name| self.shown.get(name)).or_else(|| self.shown.get("server"));
        Arc::clone(found.unwrap_or(&self.refusing))
    }

    /// The configuration that trusts no facility.
    pub(super) fn refusing(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.refusing)
    }
}

fn config(pki: &Path, name: &str, trusted: &str, clock: &Clock) -> Result<Arc<ServerConfig>, Failure> {
    let provider: Arc<CryptoProvider> = Arc::new(default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pki.join(trusted))?)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?;
    let chain = CertificateDer::pem_file_iter(pki.join(format!("{name}.pem")))?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(pki.join(format!("{name}.key")))?;
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(clock.clone()))
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// Facility, kind and fingerprint of a client certificate.
pub(super) fn identity(der: &CertificateDer<'_>) -> Option<Identity> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let text =
        |attribute: Option<&AttributeTypeAndValue<'_>>| attribute.and_then(|a| a.as_str().ok()).map(str::to_owned);
    let subject = certificate.subject();
    Some(Identity {
        facility: text(subject.iter_common_name().next())?,
        kind: text(subject.iter_organizational_unit().next()).unwrap_or_default(),
        fingerprint: sha256(der),
    })
}
