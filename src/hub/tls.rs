//! The TLS policy: TLS 1.3 only, the operator's CA only, always with the facility's certificate.

use std::error::Error;
use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};

use super::client::LineFault;
use super::config::HubSetupError;
use crate::clock::Clock;
use crate::credential::FacilityCertificate;

/// What is spoken to the hub: of the two that it takes, the one that needs less of a small box.
pub(super) const ALPN: &[u8] = b"http/1.1";

/// The client side of the link. 0-RTT stays off: its data could be replayed.
pub(super) fn client_config(
    ca_pem: &[u8],
    certificate: &FacilityCertificate,
    clock: Clock,
) -> Result<ClientConfig, HubSetupError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(ClockTime(clock)))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(HubSetupError::Certificate)?
        .with_root_certificates(pinned(ca_pem)?)
        .with_client_auth_cert(certificate.chain().to_vec(), certificate.key())
        .map_err(HubSetupError::Certificate)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

/// How many certificates a CA file holds that can be trusted; `client_config` reads it in the same way.
///
/// # Errors
/// [`HubSetupError::Ca`] when there is none, or one that cannot be read.
pub fn check_ca(ca_pem: &[u8]) -> Result<usize, HubSetupError> {
    Ok(pinned(ca_pem)?.len())
}

pub(super) fn pinned(ca_pem: &[u8]) -> Result<RootCertStore, HubSetupError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem) {
        let certificate = certificate.map_err(|_| HubSetupError::Ca(None))?;
        roots.add(certificate).map_err(|error| HubSetupError::Ca(Some(error)))?;
    }
    if roots.is_empty() { Err(HubSetupError::Ca(None)) } else { Ok(roots) }
}

/// Certificates are judged by the injected clock, like everything else.
#[derive(Debug)]
pub(super) struct ClockTime(pub(super) Clock);

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
    }
}

/// The TLS failure inside an I/O error, if it is one.
pub(super) fn fault_of(error: &io::Error) -> Option<LineFault> {
    let inner: &(dyn Error + 'static) = error.get_ref()?;
    if let Some(nested) = inner.downcast_ref::<io::Error>() {
        return fault_of(nested);
    }
    inner.downcast_ref::<rustls::Error>().map(judge)
}

/// Whether an alert says that the certificate shown is not taken, whenever it comes.
pub(super) const fn refuses_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::BadCertificate
            | AlertDescription::NoCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateRequired
            | AlertDescription::UnknownCA
            | AlertDescription::DecryptError
    )
}

/// A certificate alert ends the handshake on the hub's side, also when TLS 1.3 lets the client write before it arrives:
/// nothing sent on such a connection is ever processed.
fn judge(error: &rustls::Error) -> LineFault {
    match error {
        rustls::Error::AlertReceived(alert) => match alert {
            AlertDescription::CertificateExpired => LineFault::OwnCertificateExpired,
            AlertDescription::AccessDenied => LineFault::OwnCertificateRefused,
            alert if refuses_certificate(*alert) => LineFault::OwnCertificateRefused,
            AlertDescription::CloseNotify | AlertDescription::UserCanceled | AlertDescription::InternalError => {
                LineFault::Cut
            }
            _ => LineFault::Untrusted,
        },
        // The box's clock is behind more often than a hub's certificate is early; that heals when the time is set.
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => LineFault::NotYetTrusted,
        _ => LineFault::Untrusted,
    }
}
