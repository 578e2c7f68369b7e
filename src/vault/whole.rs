//! A document that is in memory as a whole.

use aws_lc_rs::digest;
use http_body_util::BodyExt as _;
use zeroize::Zeroizing;

use super::{Damage, Kept, PIECE, open};
use crate::credential::seal::{Keyring, SealError, TAG_BYTES};
use crate::store::Store;

/// A document as it is to be kept.
pub struct SealedWhole {
    /// Master key that sealed it.
    pub key_id: String,
    /// Salt of its data key.
    pub salt: Vec<u8>,
    /// Its length in octets.
    pub length: i64,
    /// SHA-256 of it.
    pub sha256: [u8; 32],
    /// Its sealed pieces in order, never none.
    pub pieces: Vec<Vec<u8>>,
}

/// Why a kept document cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Its key is not loaded.
    #[error("opening a document")]
    Seal(#[from] SealError),
    /// Its pieces are not what was taken in.
    #[error("the document is damaged")]
    Damaged(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Storage cannot be read at this moment.
    #[error("reading a document")]
    Unread(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Seals a document under `id`.
///
/// # Errors
/// [`SealError::Cipher`] when the random generator or the cipher fails.
pub fn seal_whole(keys: &Keyring, id: [u8; 16], bytes: &[u8]) -> Result<SealedWhole, SealError> {
    let mut sealer = keys.sealer(id)?;
    let count = bytes.len().div_ceil(PIECE).max(1);
    let mut pieces = Vec::with_capacity(count);
    for n in 0..count {
        let part = bytes.get(n * PIECE..).unwrap_or_default();
        let part = part.get(..PIECE).unwrap_or(part);
        let mut piece = Vec::with_capacity(part.len() + TAG_BYTES);
        piece.extend_from_slice(part);
        sealer.seal(&mut piece, n + 1 == count)?;
        pieces.push(piece);
    }
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    Ok(SealedWhole {
        key_id: sealer.key_id().to_owned(),
        salt: sealer.salt().to_vec(),
        length: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        sha256,
        pieces,
    })
}

/// Reads a kept document into memory, which is wiped when it is dropped.
///
/// # Errors
/// [`VaultError`].
pub async fn read_whole(store: &Store, keys: &Keyring, kept: Kept<'_>) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let damage = Damage::default();
    let mut body = open(store, keys, kept, damage.clone())?;
    let mut whole = Zeroizing::new(Vec::with_capacity(usize::try_from(kept.length).unwrap_or(0)));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match damage.found() {
            true => VaultError::Damaged(error),
            false => VaultError::Unread(error),
        })?;
        whole.extend_from_slice(&frame.into_data().unwrap_or_default());
    }
    Ok(whole)
}
