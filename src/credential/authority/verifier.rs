//! Who may shake hands on the LAN: whoever shows no certificate, or a terminal's one of this box.
//!
//! Time is left to the door, on purpose. A certificate lives a day; a terminal that was switched off over the weekend has to
//! reach `POST /v1/terminal/certificate` with the one that ran out, and a terminal with a wrong clock has to be told so in words, not by
//! an alert of TLS. So a certificate is verified **as of its own first moment**: signature, issuer, purpose and form are
//! judged here, once a connection, and whether it is in force is judged for each request, which has to be done there anyway: a
//! connection may outlive the certificate that opened it. Whoever uses the certificate of a peer must therefore look at its time.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::{Authority, AuthorityError};

pub(super) fn of(authority: &CertificateDer<'static>) -> Result<Arc<dyn ClientCertVerifier>, AuthorityError> {
    let broken = |error: Box<dyn std::error::Error + Send + Sync>| AuthorityError::Crypto(error);
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone()).map_err(|error| broken(error.into()))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let chain = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).allow_unauthenticated();
    Ok(Arc::new(Terminals { chain: chain.build().map_err(|error| broken(error.into()))? }))
}

#[derive(Debug)]
struct Terminals {
    chain: Arc<dyn ClientCertVerifier>,
}

impl ClientCertVerifier for Terminals {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// Names this authority alone: a browser that holds other certificates does not ask its user to choose one.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let bad = Error::InvalidCertificate(CertificateError::BadEncoding);
        let (_, from, _) = Authority::terminal_of(end_entity).ok_or(bad.clone())?;
        let from = u64::try_from(from.as_second()).map_err(|_| bad)?;
        let its_own = UnixTime::since_unix_epoch(Duration::from_secs(from));
        // No intermediates: this authority has none.
        self.chain.verify_client_cert(end_entity, &[], its_own)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
