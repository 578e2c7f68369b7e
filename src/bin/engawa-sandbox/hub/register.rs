//! The register of cards: which certificate belongs to whom. It is what lies under `DIR/cards/`, read at each question, so
//! that a card made a moment ago is known.

use std::fs;
use std::path::Path;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use jiff::Timestamp;
use serde::Deserialize;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::HubError;
use crate::pki::jpki::der;

const SHA256_WITH_RSA: &str = "1.2.840.113549.1.1.11";

/// A holder, as `card.json` has it.
#[derive(Deserialize)]
pub(crate) struct Holder {
    pub(crate) insurer_number: String,
    pub(crate) insured_number: String,
    auth_serial: Option<String>,
    #[serde(default)]
    pub(crate) revoked: bool,
}

/// A certificate that is what it should be, but for revocation.
pub(crate) struct CardCertificate {
    /// Lower-case hexadecimal.
    pub(crate) serial: String,
    /// RSA, as PKCS#1 has it.
    key: Vec<u8>,
    pub(crate) holder: Holder,
}

impl CardCertificate {
    /// Checks issuer, signature, dates by the hub's clock, and that somebody is known by it.
    pub(crate) fn check(dir: &Path, bytes: &[u8], now: Timestamp) -> Result<Self, HubError> {
        let refused = |code, message: &str| HubError::new(code, message).at("/certificate");
        let foreign = || refused("E2303", "利用者証明用の証明書ではありません");
        let (rest, certificate) = X509Certificate::from_der(bytes).map_err(|_| foreign())?;
        let authority = fs::read_to_string(dir.join("pki/jpki-ca.pem")).ok().and_then(|pem| der(&pem).ok());
        let authority = authority.ok_or_else(foreign)?;
        let (_, authority) = X509Certificate::from_der(&authority).map_err(|_| foreign())?;
        let by_us = certificate.issuer().as_raw() == authority.subject().as_raw()
            && certificate.signature_algorithm.algorithm.to_id_string() == SHA256_WITH_RSA
            && UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &authority.public_key().subject_public_key.data)
                .verify(certificate.tbs_certificate.as_ref(), &certificate.signature_value.data)
                .is_ok();
        if !by_us || !rest.is_empty() || certificate.is_ca() {
            return Err(foreign());
        }
        let (from, to) = (certificate.validity().not_before.timestamp(), certificate.validity().not_after.timestamp());
        if !(from..=to).contains(&now.as_second()) {
            return Err(refused("E2304", "証明書の有効期間外です"));
        }
        let serial = certificate.tbs_certificate.serial.to_str_radix(16);
        let holder = holder(dir, &serial).ok_or_else(|| refused("E2307", "この証明書の持ち主が見つかりません"))?;
        Ok(Self { serial, key: certificate.public_key().subject_public_key.data.to_vec(), holder })
    }

    /// PKCS#1 v1.5 with SHA-256 over the challenge.
    pub(crate) fn verifies(&self, challenge: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.key).verify(challenge, signature).is_ok()
    }
}

fn holder(dir: &Path, serial: &str) -> Option<Holder> {
    let cards = fs::read_dir(dir.join("cards")).ok()?;
    let read = |at: &Path| serde_json::from_slice::<Holder>(&fs::read(at.join("card.json")).ok()?).ok();
    cards.flatten().filter_map(|card| read(&card.path())).find(|holder| holder.auth_serial.as_deref() == Some(serial))
}
