//! What a request shows of who sends it: certificate, cookie, key; none is believed yet.

use axum::http::Method;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::request::Parts;

use super::caller::Peer;
use super::problem::Failure;
use crate::fault::Code;
use crate::terminal::{self, ClientCertificate};

/// The credentials of a request.
pub(super) struct Shown<'r> {
    /// A client certificate; it may have run out.
    pub(super) certificate: Option<&'r ClientCertificate>,
    /// The value of a browser's cookie.
    pub(super) cookie: Option<&'r str>,
    /// What stands after `Bearer`.
    pub(super) key: Option<&'r str>,
}

impl<'r> Shown<'r> {
    /// Looks for them.
    ///
    /// # Errors
    /// `AUTH_INVALID` when one is there twice or unreadable, or a cookie comes on a way where none is given out; `ORIGIN_FOREIGN` when a cookie
    /// would change something and it is not the box's own page that asks.
    pub(super) fn of(parts: &'r Parts, peer: &'r Peer) -> Result<Self, Failure> {
        let certificate = match peer {
            Peer::Lan { certificate, .. } => certificate.as_deref(),
            _ => None,
        };
        let cookie = cookie(parts, terminal::COOKIE)?;
        if cookie.is_some() {
            if !matches!(peer, Peer::Lan { .. }) {
                return Err(Code::AuthInvalid.into());
            }
            let reads = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
            if !reads && !from_own_page(parts) {
                return Err(Code::OriginForeign.into());
            }
        }
        Ok(Self { certificate, cookie, key: key(parts)? })
    }
}

/// The value of a cookie; empty ones do not count.
///
/// # Errors
/// `AUTH_INVALID` when it is there twice, or the header is unreadable.
pub(super) fn cookie<'r>(parts: &'r Parts, name: &str) -> Result<Option<&'r str>, Failure> {
    let mut found = None;
    for header in parts.headers.get_all(COOKIE) {
        let header = header.to_str().map_err(|_| Code::AuthInvalid)?;
        let pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
        for (_, value) in pairs.filter(|(own, value)| *own == name && !value.is_empty()) {
            if found.replace(value).is_some() {
                return Err(Code::AuthInvalid.into());
            }
        }
    }
    Ok(found)
}

/// Whether a page that this box itself served sends the request.
pub(super) fn from_own_page(parts: &Parts) -> bool {
    let one = |name| {
        let mut values = parts.headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok())
    };
    let host = parts.uri.authority().map(|authority| authority.as_str()).or_else(|| one(HOST));
    let origin = one(ORIGIN).and_then(|origin| origin.strip_prefix("https://"));
    // A browser leaves the port of https out of both, other programs may not.
    let bare = |place: &str| place.strip_suffix(":443").unwrap_or(place).to_ascii_lowercase();
    matches!((host, origin), (Some(host), Some(origin)) if bare(host) == bare(origin))
}

fn key(parts: &Parts) -> Result<Option<&str>, Failure> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = str::from_utf8(value.as_bytes()).ok();
            Ok(Some(text.and_then(bearer).ok_or(Code::AuthInvalid)?))
        }
        (Some(_), Some(_)) => Err(Code::AuthInvalid.into()),
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim_matches(' '))
}
