//! The box's side of TLS on the LAN: TLS 1.3 only, with the certificate that is shown at the moment.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert, ServerSessionMemoryCache};
use rustls::sign::CertifiedKey;

use super::{Authority, AuthorityError};

/// Sessions that are remembered for resumption. A resumed one brings the certificate that it began with, and its time is looked at
/// for each request as ever.
const SESSIONS: usize = 1024;

/// The certificate that the box shows on the LAN. It can be replaced at any time; connections that are open keep the old one.
#[derive(Debug)]
pub struct Shown(RwLock<Arc<CertifiedKey>>);

impl Shown {
    /// Begins with `key`.
    #[must_use]
    pub fn new(key: Arc<CertifiedKey>) -> Arc<Self> {
        Arc::new(Self(RwLock::new(key)))
    }

    /// Shows `key` from the next handshake on.
    pub fn replace(&self, key: Arc<CertifiedKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = key;
    }
}

impl ResolvesServerCert for Shown {
    /// One certificate for all names: whoever asks by address sends none.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

pub(super) fn config(authority: &Authority, shown: Arc<Shown>) -> Result<ServerConfig, AuthorityError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| AuthorityError::Crypto(Box::new(error)))?
        .with_client_cert_verifier(authority.client_verifier()?)
        .with_cert_resolver(shown);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    // 0-RTT stays off: its data could be replayed.
    config.max_early_data_size = 0;
    Ok(config)
}
