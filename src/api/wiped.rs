//! Answers that name a person or hold what stands for one: written once, into memory that is wiped when it has been sent.

use std::io::Write;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;
use zeroize::Zeroizing;

use super::problem::Failure;
use crate::fault::Code;

/// Counts what would be written.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, piece: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.saturating_add(piece.len());
        Ok(piece.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The value as JSON, with status 200, not to be kept by anyone on its way.
///
/// # Errors
/// `GATEWAY_INTERNAL` if it cannot be written.
pub(super) fn wiped(value: &impl Serialize) -> Result<Response, Failure> {
    let mut response = Response::new(Body::from(json(value)?));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn json(value: &impl Serialize) -> Result<Bytes, Failure> {
    // A buffer that grows leaves what it held behind, so its size is found first.
    let mut length = Length(0);
    let failed = |_| Failure::from(Code::GatewayInternal);
    serde_json::to_writer(&mut length, value).map_err(failed)?;
    let mut whole = Zeroizing::new(Vec::with_capacity(length.0));
    serde_json::to_writer(&mut *whole, value).map_err(failed)?;
    Ok(Bytes::from_owner(whole))
}
