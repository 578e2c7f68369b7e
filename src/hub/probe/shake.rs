//! The handshake, by the policy of the link, and what the other side showed in it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::shown::Shown;
use crate::clock::Clock;
use crate::credential::FacilityCertificate;
use crate::hub::config::HubSetupError;
use crate::hub::tls::{ALPN, ClockTime, pinned, refuses_certificate};

/// Two ways there and back, and the hub's arithmetic.
const SHAKE: Duration = Duration::from_secs(8);

/// Why there is no TLS with the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsFault {
    /// Somebody else's certificate.
    Foreign(Option<Shown>),
    /// The hub's own, ended.
    Expired(Option<Shown>),
    /// The hub's own, not begun.
    NotYetValid(Option<Shown>),
    /// Of another name.
    OtherName(Option<Shown>),
    /// No TLS 1.3.
    Old,
    /// Nothing came.
    Silent,
    /// Something else came.
    NotSpoken,
    /// Broken off.
    Cut,
    /// Our certificate was refused.
    OwnRefused,
    /// Our certificate has expired, by the hub's clock.
    OwnExpired,
}

/// What is shown to the hub, and whom it is believed.
pub struct Shaking {
    ca_pem: Vec<u8>,
    certificate: Option<FacilityCertificate>,
    clock: Clock,
}

impl Shaking {
    /// Without a certificate the other side can still be judged.
    #[must_use]
    pub const fn new(ca_pem: Vec<u8>, certificate: Option<FacilityCertificate>, clock: Clock) -> Self {
        Self { ca_pem, certificate, clock }
    }

    /// One handshake with `host` at `address`, and no more.
    ///
    /// # Errors
    /// [`HubSetupError`] when the CA or our certificate cannot be used.
    pub async fn shake(&self, address: SocketAddr, host: &str) -> Result<Result<(), TlsFault>, HubSetupError> {
        let (config, seen) = self.config(None)?;
        let connector = TlsConnector::from(Arc::new(config));
        let Ok(name) = ServerName::try_from(host.to_owned()) else { return Err(HubSetupError::Address) };
        let shaking = async {
            let tcp = TcpStream::connect(address).await?;
            connector.connect(name, tcp).await
        };
        Ok(match timeout(SHAKE, shaking).await {
            Err(_) => Err(TlsFault::Silent),
            Ok(Err(error)) => Err(judge(&error, seen.get().cloned())),
            Ok(Ok(_)) => Ok(()),
        })
    }

    /// The link's policy with an eye on what is shown. With `at`, certificates are judged as of that time: nothing that matters
    /// may go over such a connection.
    pub(super) fn config(&self, at: Option<Timestamp>) -> Result<(ClientConfig, Arc<OnceLock<Shown>>), HubSetupError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let roots = Arc::new(pinned(&self.ca_pem)?);
        let inner = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
        let inner = inner.map_err(|_| HubSetupError::Ca(None))?;
        let shown = Arc::<OnceLock<Shown>>::default();
        let watching = Watching { inner, at: at.map(unix), shown: Arc::clone(&shown) };
        let config = ClientConfig::builder_with_details(provider, Arc::new(ClockTime(self.clock.clone())))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(HubSetupError::Certificate)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(watching));
        let mut config = match &self.certificate {
            None => config.with_no_client_auth(),
            Some(own) => {
                config.with_client_auth_cert(own.chain().to_vec(), own.key()).map_err(HubSetupError::Certificate)?
            }
        };
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok((config, shown))
    }

    /// Whether the hub would be asked for more than a handshake.
    #[must_use]
    pub const fn has_certificate(&self) -> bool {
        self.certificate.is_some()
    }

    /// By which time everything is judged.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }
}

fn unix(at: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.as_second()).unwrap_or(0)))
}

/// Verifies as the link does, and keeps what was shown.
#[derive(Debug)]
struct Watching {
    inner: Arc<WebPkiServerVerifier>,
    at: Option<UnixTime>,
    shown: Arc<OnceLock<Shown>>,
}

impl ServerCertVerifier for Watching {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Shown::read(end_entity);
        if let Some(shown) = &shown {
            let _ = self.shown.set(shown.clone());
        }
        let verify = |at| self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, at);
        let judged = verify(self.at.unwrap_or(now));
        match (&judged, shown) {
            // A device in between may hold an old certificate, too: whose it is comes before when it held.
            (Err(error), Some(shown)) if is_about_time(error) => match verify(unix(shown.within())) {
                Err(other) if !is_about_time(&other) => Err(other),
                _ => judged,
            },
            _ => judged,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

const fn is_about_time(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. }
        )
    )
}

/// What ended the handshake.
fn judge(error: &io::Error, shown: Option<Shown>) -> TlsFault {
    let mut inner = error.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static));
    while let Some(cause) = inner {
        if let Some(error) = cause.downcast_ref::<Error>() {
            return judge_tls(error, shown);
        }
        inner = cause.source();
    }
    TlsFault::Cut
}

fn judge_tls(error: &Error, shown: Option<Shown>) -> TlsFault {
    match error {
        Error::InvalidCertificate(why) => match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsFault::Expired(shown),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => TlsFault::NotYetValid(shown),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsFault::OtherName(shown)
            }
            _ => TlsFault::Foreign(shown),
        },
        Error::PeerIncompatible(_) => TlsFault::Old,
        Error::AlertReceived(alert) => match alert {
            AlertDescription::ProtocolVersion
            | AlertDescription::HandshakeFailure
            | AlertDescription::InsufficientSecurity => TlsFault::Old,
            AlertDescription::UnrecognisedName => TlsFault::OtherName(shown),
            AlertDescription::CertificateExpired => TlsFault::OwnExpired,
            AlertDescription::CloseNotify | AlertDescription::UserCanceled | AlertDescription::InternalError => {
                TlsFault::Cut
            }
            alert if refuses_certificate(*alert) => TlsFault::OwnRefused,
            // Nothing has been shown of ours when the handshake is ended by these: a device on the way does not bear it.
            _ => TlsFault::Old,
        },
        // Octets that are no record at all.
        Error::InvalidMessage(_) | Error::PeerSentOversizedRecord | Error::InappropriateMessage { .. } => {
            TlsFault::NotSpoken
        }
        _ => TlsFault::Cut,
    }
}
