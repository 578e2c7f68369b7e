//! A terminal's request for a certificate (PKCS#10). Only its public key is taken: a name, a purpose or a time that it asks for
//! would be the terminal's word on what it is.

use rcgen::SubjectPublicKeyInfo;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519,
};
use x509_parser::prelude::{FromDer as _, X509CertificationRequest};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo as Parsed;

use super::AuthorityError;

/// Most that a request holds, in bytes. One of an RSA key of 4096 bits has about 2000.
const LIMIT: usize = 16 << 10;

/// The key of a request whose signature proves that the sender has the private half.
pub(super) fn public_key(pem: &str) -> Result<SubjectPublicKeyInfo, AuthorityError> {
    let wrong = AuthorityError::Request;
    if pem.len() > LIMIT {
        return Err(wrong("too large"));
    }
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).map_err(|_| wrong("not PEM"))?;
    if !matches!(pem.label.as_str(), "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST") {
        return Err(wrong("not a request for a certificate"));
    }
    let parsed = X509CertificationRequest::from_der(&pem.contents);
    let (rest, request) = parsed.map_err(|_| wrong("not PKCS#10"))?;
    if !rest.is_empty() {
        return Err(wrong("something follows it"));
    }
    let key = &request.certification_request_info.subject_pki;
    if !is_taken(key) {
        return Err(wrong("the key has to be ECDSA P-256 or P-384, Ed25519, or RSA of 2048 to 4096 bits"));
    }
    request.verify_signature().map_err(|_| wrong("not signed by its own key"))?;
    SubjectPublicKeyInfo::from_der(key.raw).map_err(|_| wrong("the key cannot be read"))
}

/// Kinds and sizes that the TLS library verifies; larger RSA keys would be work for nothing.
fn is_taken(key: &Parsed<'_>) -> bool {
    let kind = &key.algorithm.algorithm;
    if *kind == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = key.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
        return curve.is_some_and(|curve| curve == OID_EC_P256 || curve == OID_NIST_EC_P384);
    }
    let rsa = || match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => (2048..=4096).contains(&rsa.key_size()),
        _ => false,
    };
    *kind == OID_SIG_ED25519 || (*kind == OID_PKCS1_RSAENCRYPTION && rsa())
}
