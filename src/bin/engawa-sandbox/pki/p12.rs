//! PKCS#12 as OpenSSL 3 reads it without its legacy provider: PBES2 with AES-256, MAC with SHA-256.

use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, LocalKeyId, MacAlgorithm, PrivateKey, PrivateKeyChain,
};

use super::Issued;
use crate::cli::Failure;

/// OpenSSL's own default: the passphrase lies beside the file, so more rounds would guard nothing.
const ROUNDS: u32 = 2048;

/// Key, certificate and CA under one passphrase.
pub(super) fn pack(issued: &Issued, passphrase: &str) -> Result<Vec<u8>, Failure> {
    let mut chain = Vec::new();
    for der in &issued.chain_der {
        chain.push(Certificate::from_der(der)?);
    }
    let key = PrivateKey::from_der(&issued.key_der)?;
    let entry = PrivateKeyChain::new(LocalKeyId::from(b"facility".to_vec()), key, chain);
    let mut store = KeyStore::new();
    store.add_entry("facility", KeyStoreEntry::PrivateKeyChain(entry));
    let packed = store
        .writer(passphrase)
        .encryption_algorithm(EncryptionAlgorithm::PbeWithHmacSha256AndAes256)
        .encryption_iterations(ROUNDS)
        .mac_algorithm(MacAlgorithm::HmacSha256)
        .mac_iterations(ROUNDS)
        .write()?;
    Ok(packed)
}
