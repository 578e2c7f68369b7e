//! A kept document as a stream of the bytes that were taken in. The last piece is let go only when the hash over all is
//! the one taken then: a damaged document reaches the hub as a broken request, never as another document.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_lc_rs::digest;
use bytes::Bytes;
use futures_util::stream::{self, TryStreamExt as _};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};

use super::PIECE;
use crate::credential::seal::{Keyring, Opener, SealError};
use crate::store::{Store, StoreError};

/// The bytes of a document, piece by piece. An error means that they are not all there.
pub type Body = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// What is known of a kept document beside its pieces.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// The document.
    pub id: &'a [u8],
    /// Master key that sealed it.
    pub key_id: &'a str,
    /// Salt of its data key.
    pub salt: &'a [u8],
    /// Its length in octets.
    pub length: i64,
    /// SHA-256 of it.
    pub sha256: &'a [u8],
}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
enum BodyError {
    #[error("reading a piece")]
    Store(#[from] StoreError),
    #[error("opening a piece")]
    Seal(#[from] SealError),
    #[error("a piece is missing")]
    Missing,
    #[error("the bytes are not those taken in")]
    Hash,
}

/// Set when the kept bytes turn out not to be what was taken in.
#[derive(Clone, Debug, Default)]
pub struct Damage(Arc<AtomicBool>);

impl Damage {
    /// They did.
    pub fn report(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether they did.
    #[must_use]
    pub fn found(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

struct Reading {
    store: Store,
    id: Vec<u8>,
    opener: Opener,
    hash: digest::Context,
    expected: Vec<u8>,
    n: u32,
    last: u32,
}

/// Opens a kept document.
///
/// # Errors
/// [`SealError`] when its key is not loaded or what is known of it is damaged.
pub fn open(store: &Store, keys: &Keyring, kept: Kept<'_>, damage: Damage) -> Result<Body, SealError> {
    let id = <[u8; 16]>::try_from(kept.id).map_err(|_| SealError::Damaged)?;
    let opener = keys.opener(kept.key_id, kept.salt, id)?;
    let length = u64::try_from(kept.length).map_err(|_| SealError::Damaged)?;
    let last = u32::try_from(length.saturating_sub(1) / PIECE as u64).map_err(|_| SealError::Damaged)?;
    let reading = Reading {
        store: store.clone(),
        id: kept.id.to_vec(),
        opener,
        hash: digest::Context::new(&digest::SHA256),
        expected: kept.sha256.to_vec(),
        n: 0,
        last,
    };
    let pieces = stream::try_unfold(reading, |mut reading| async move {
        Ok(reading.next().await?.map(|piece| (Frame::data(piece), reading)))
    });
    let pieces = pieces.map_err(move |error: BodyError| {
        if !matches!(error, BodyError::Store(_)) {
            damage.report();
        }
        Box::new(error) as Box<dyn std::error::Error + Send + Sync>
    });
    Ok(StreamBody::new(pieces).boxed_unsync())
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        if self.n > self.last {
            return Ok(None);
        }
        let last = self.n == self.last;
        let mut piece = self.store.piece(&self.id, self.n).await?.ok_or(BodyError::Missing)?;
        self.opener.open(&mut piece, last)?;
        self.hash.update(&piece);
        if last && self.hash.clone().finish().as_ref() != self.expected.as_slice() {
            return Err(BodyError::Hash);
        }
        self.n += 1;
        Ok(Some(piece.into()))
    }
}
