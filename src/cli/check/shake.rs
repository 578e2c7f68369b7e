//! A TLS handshake with the box itself, from which only is learnt whether somebody answers. Nothing is said over the connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// On the machine itself nothing takes longer.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// What became of it.
pub(super) enum Shaken {
    /// So many certificates were shown.
    Shown(usize),
    /// Nobody is there, or says nothing.
    Silent(String),
    /// Somebody is there who does not speak TLS.
    NotTls(String),
}

pub(super) async fn shake(address: SocketAddr) -> Shaken {
    let shaking = tokio::time::timeout(PATIENCE, begin(address)).await;
    shaking.unwrap_or_else(|_| Shaken::Silent(format!("{} s", PATIENCE.as_secs())))
}

async fn begin(address: SocketAddr) -> Shaken {
    let stream = match TcpStream::connect(address).await {
        Ok(stream) => stream,
        Err(error) => return Shaken::Silent(error.to_string()),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let anyone = Arc::new(Anyone(Arc::clone(&provider)));
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = match config {
        Ok(config) => config.dangerous().with_custom_certificate_verifier(anyone).with_no_client_auth(),
        Err(error) => return Shaken::Silent(error.to_string()),
    };
    match TlsConnector::from(Arc::new(config)).connect(ServerName::from(address.ip()), stream).await {
        Ok(stream) => Shaken::Shown(stream.get_ref().1.peer_certificates().map_or(0, <[_]>::len)),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Shaken::NotTls(error.to_string()),
        Err(error) => Shaken::Silent(error.to_string()),
    }
}

/// Takes whatever is shown: the names and dates of the certificate are judged from its file.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
