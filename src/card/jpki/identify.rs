//! PIN and signature: who the holder is.

use aws_lc_rs::digest;
use jiff::Timestamp;

use super::{CardKind, HolderCertificate, free_certificate, log_out, may_sign_documents, open, read_selected, select};
use crate::card::apdu::{Command, JpkiFile};
use crate::card::channel::{Attempt, Channel, exchange};
use crate::card::error::CardError;
use crate::card::pin::IdentityPin;
use crate::card::verify::{Floor, tries_left, verify};

/// What the card did with a challenge. The signature fits the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// What it is.
    pub kind: CardKind,
    /// The holder's certificate.
    pub certificate: HolderCertificate,
    /// RSA, PKCS #1 v1.5, over the SHA-256 of the challenge.
    pub signature: Vec<u8>,
    /// Tries left after it.
    pub tries_left: u8,
}

/// Signs `challenge`: certificate, tries left, PIN, signature, check, log-out. The application is closed again on every path
/// that opened it, so that the PIN opens nothing for the next program.
///
/// `known` is the card's identity where the session knows it; `now` is `None` while the clock cannot be right, and then no
/// certificate counts as expired.
///
/// # Errors
/// As [`CardError`] says; [`CardError::spent`] tells what it cost.
pub fn identify(
    channel: &mut dyn Channel,
    attempt: Attempt,
    pin: IdentityPin,
    floor: Floor,
    challenge: &[u8],
    known: Option<[u8; 32]>,
    now: Option<Timestamp>,
) -> Result<Signed, CardError> {
    let kind = open(channel)?;
    let free = free_certificate(channel)?;
    // Nothing is spent on a card that cannot serve.
    if let Some(certificate) = &free {
        usable(certificate, known, now)?;
    }
    select(channel, JpkiFile::Pin)?;
    match verify(channel, attempt, pin.0, floor) {
        Err(CardError::PinBlocked { spent: false }) if !may_sign_documents(channel)? => {
            return Err(CardError::WithoutPin);
        }
        Err(error) => {
            // Whether a PIN was taken whose answer was lost, nobody knows.
            if error.pin_sent() {
                log_out(channel);
            }
            return Err(error);
        }
        Ok(()) => {}
    }
    let signed = after_pin(channel, kind, free, challenge, known, now);
    log_out(channel);
    signed
}

fn after_pin(
    channel: &mut dyn Channel,
    kind: CardKind,
    free: Option<HolderCertificate>,
    challenge: &[u8],
    known: Option<[u8; 32]>,
    now: Option<Timestamp>,
) -> Result<Signed, CardError> {
    let certificate = match free {
        Some(certificate) => certificate,
        None => {
            let certificate = behind_pin(channel)?;
            usable(&certificate, known, now)?;
            certificate
        }
    };
    select(channel, JpkiFile::Key)?;
    let signature = sign(channel, challenge)?;
    if !certificate.verifies(challenge, &signature) {
        return Err(CardError::SignatureInvalid);
    }
    select(channel, JpkiFile::Pin)?;
    let tries_left = tries_left(channel)?;
    Ok(Signed { kind, certificate, signature, tries_left })
}

fn behind_pin(channel: &mut dyn Channel) -> Result<HolderCertificate, CardError> {
    select(channel, JpkiFile::Certificate)?;
    let der = read_selected(channel)?.ok_or(CardError::Answer("certificate"))?;
    super::parse_certificate(&der)
}

fn usable(certificate: &HolderCertificate, known: Option<[u8; 32]>, now: Option<Timestamp>) -> Result<(), CardError> {
    if known.is_some_and(|known| known != certificate.identity()) {
        return Err(CardError::Exchanged);
    }
    match now {
        Some(now) if now > certificate.not_after => Err(CardError::Expired),
        _ => Ok(()),
    }
}

fn sign(channel: &mut dyn Channel, challenge: &[u8]) -> Result<Vec<u8>, CardError> {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, challenge).as_ref());
    let answer = exchange(channel, &Command::sign(hash))?;
    match answer.status {
        0x9000 => Ok(answer.data.to_vec()),
        status => Err(CardError::Status { step: "sign", status }),
    }
}
