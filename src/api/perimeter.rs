//! What a request has to be before anybody asks who sent it: for this box (`Host`), from a page of this box (`Origin`), not one of too many.
//!
//! A browser sends requests for whatever page it shows. A page from elsewhere that has its own name resolve to this box (DNS
//! rebinding) is told by `Host`; one that simply asks across is told by `Origin` and `Sec-Fetch-Site`. Both count wherever a browser can
//! come: on the LAN and on the loopback port. The Unix socket is none of their business.

use std::collections::BTreeSet;
use std::mem;
use std::net::IpAddr;
use std::str::FromStr as _;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL, CONNECTION,
    CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, TRANSFER_ENCODING, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use ipnet::IpNet;

use super::Api;
use super::caller::{Connection, Peer};
use super::problem::{Failure, Place};
use super::rate::Rate;
use crate::fault::Code;

const PRIVATE_NETWORK_ASKED: HeaderName = HeaderName::from_static("access-control-request-private-network");
const PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Who may come over the network, and under which names the box is reached. Can be replaced while it serves.
#[derive(Debug)]
pub struct Perimeter {
    /// Read with every request, so without a lock that all processors would pass to and fro.
    reach: ArcSwap<Reach>,
    requests: Rate,
    connections: Rate,
}

/// See [`Perimeter`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Networks whose addresses the LAN's listener answers.
    pub networks: Vec<IpNet>,
    /// Names of the box, in lower case.
    pub names: BTreeSet<String>,
    /// Addresses of the box.
    pub addresses: BTreeSet<IpAddr>,
    /// Web origins, other than the box's own, whose pages may ask: `scheme://host[:port]` in lower case.
    pub origins: BTreeSet<String>,
    /// Whether browsers may be told to use the LAN's names over HTTPS alone. That holds for every port of a name: true only where the names
    /// are the box's alone. Those of its own authority are also the machine's, `localhost` among them, whose loopback port speaks HTTP.
    pub https_only: bool,
}

impl Reach {
    pub(super) fn answers(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// A page from elsewhere cannot make a browser say one of these.
    fn names(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
        match IpAddr::from_str(literal) {
            Ok(address) => address.is_loopback() || self.addresses.contains(&address),
            Err(_) => host == "localhost" || self.names.contains(&host),
        }
    }
}

impl Perimeter {
    /// With so many requests a second for each address of the LAN.
    #[must_use]
    pub fn new(reach: Reach, requests_per_second: u32) -> Self {
        Self {
            reach: ArcSwap::from_pointee(reach),
            requests: Rate::new(requests_per_second),
            // Whoever connects anew for each request shall meet the limit that tells how long to wait.
            connections: Rate::new(requests_per_second.saturating_mul(2)),
        }
    }

    /// Puts another in its place.
    pub fn replace(&self, reach: Reach) {
        self.reach.store(Arc::new(reach));
    }

    /// Who may come, at the moment.
    #[must_use]
    pub fn reach(&self) -> Arc<Reach> {
        self.reach.load_full()
    }

    /// Counts a connection of `address`.
    ///
    /// # Errors
    /// The seconds to wait.
    pub(super) fn connection(&self, address: IpAddr, now: Duration) -> Result<(), u64> {
        self.connections.take(address, now)
    }
}

impl Default for Perimeter {
    fn default() -> Self {
        Self::new(Reach::default(), 50)
    }
}

/// What a page from elsewhere gets to know.
enum Cors {
    /// Nothing: no page from elsewhere asked.
    None,
    /// The answer, because the settings list it.
    Listed(HeaderValue),
}

/// A request that came in, as far as its answer depends on where it came from.
pub(super) struct Visit {
    cors: Cors,
    /// Over the network, where browsers are; they are told to use HTTPS alone, or not.
    https_only: Option<bool>,
}

impl Visit {
    /// Looks at a request; where it is refused, or is a browser's question beforehand, the answer to it.
    pub(super) fn of(api: &Api, request: &Request, now: Duration) -> (Self, Option<Response>) {
        let peer = request.extensions().get::<Connection>().map(|connection| &connection.peer);
        let Some(peer @ (Peer::Network(_) | Peer::Lan { .. })) = peer else {
            return (Self { cors: Cors::None, https_only: None }, None);
        };
        let lan = matches!(peer, Peer::Lan { .. });
        let reach = api.config.perimeter.reach.load();
        let visit = |cors| Self { cors, https_only: Some(lan && reach.https_only) };
        match paced(api, peer, now).and_then(|()| judge(&reach, request, lan)) {
            Err(failure) => (visit(Cors::None), Some(refusal(failure))),
            Ok(cors @ Cors::Listed(_)) if is_preflight(request) => (visit(cors), Some(preflight(request.headers()))),
            Ok(cors) => (visit(cors), None),
        }
    }

    /// Says on the answer what browsers have to know.
    pub(super) fn leave(self, response: &mut Response) {
        let Some(https_only) = self.https_only else { return };
        if let Cors::Listed(origin) = self.cors {
            let headers = response.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.append(VARY, HeaderValue::from_static("origin"));
            headers.insert(
                ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static("x-correlation-id, retry-after, location, content-disposition"),
            );
        }
        guard_browsers(response.headers_mut(), https_only);
    }
}

/// Whatever follows a request that was not for this box, or not in its form, is not for it either.
fn refusal(failure: Failure) -> Response {
    let goes_on = failure.code() == Code::TooManyRequests;
    let mut response = failure.into_response();
    if !goes_on {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn paced(api: &Api, peer: &Peer, now: Duration) -> Result<(), Failure> {
    let (Peer::Lan { .. }, Some(address)) = (peer, peer.address()) else { return Ok(()) };
    let taken = api.config.perimeter.requests.take(address, now);
    taken.map_err(|seconds| Failure::from(Code::TooManyRequests).waiting(Some(seconds)))
}

fn judge(reach: &Reach, request: &Request, lan: bool) -> Result<Cors, Failure> {
    let host = host(request)?;
    if !reach.names(host.host()) {
        return Err(Code::HostUnknown.into());
    }
    if !is_framed_plainly(request) {
        return Err(header_wrong("Transfer-Encoding"));
    }
    let mut origins = request.headers().get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(_), Some(_)) => Err(Code::OriginForeign.into()),
        (Some(origin), None) => match origin.to_str() {
            Ok(text) if is_own(text, &host, lan) => Ok(Cors::None),
            Ok(text) if reach.origins.contains(&text.to_ascii_lowercase()) => Ok(Cors::Listed(origin.clone())),
            _ => Err(Code::OriginForeign.into()),
        },
        // Pictures, scripts and forms of other sites say no origin. A link that somebody follows is a visit.
        (None, _) if is_across(request.headers()) => Err(Code::OriginForeign.into()),
        (None, _) => Ok(Cors::None),
    }
}

/// For whom the request is meant, said once, or twice with the same words.
fn host(request: &Request) -> Result<Authority, Failure> {
    let mut values = request.headers().get_all(HOST).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(header_wrong("Host")) };
    let named = Authority::try_from(value.as_bytes()).ok();
    let named = named.filter(|named| !named.as_str().contains('@')).ok_or_else(|| header_wrong("Host"))?;
    match request.uri().authority() {
        Some(absolute) if !absolute.as_str().eq_ignore_ascii_case(named.as_str()) => Err(Code::HostUnknown.into()),
        _ => Ok(named),
    }
}

/// Other encodings than pieces, or pieces where no body belongs: whoever sends that means another server before or behind this one.
fn is_framed_plainly(request: &Request) -> bool {
    let with_body = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH);
    let mut encodings = request.headers().get_all(TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => true,
        (Some(one), None) => with_body && one.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

fn header_wrong(name: &'static str) -> Failure {
    let place = Place::parameter(
        name,
        "HEADER_INVALID",
        "このヘッダーはちょうど一度、正しい形で送ってください。要らない要求には付けないでください。",
        "Send this header exactly once, in its form, and only where it belongs.",
    );
    Failure::here(Code::RequestMalformed, place)
}

/// Whether an origin is the box's own, as a browser writes it: without the port that goes with the scheme.
fn is_own(origin: &str, host: &Authority, lan: bool) -> bool {
    let (scheme, usual) = if lan { ("https", ":443") } else { ("http", ":80") };
    let host = host.as_str().strip_suffix(usual).unwrap_or(host.as_str());
    let parts = origin.split_once("://");
    parts.is_some_and(|(own, place)| own.eq_ignore_ascii_case(scheme) && place.eq_ignore_ascii_case(host))
}

fn is_across(headers: &HeaderMap) -> bool {
    let is = |name: &HeaderName, values: &[&str]| {
        headers.get(name).is_some_and(|value| values.iter().any(|other| value.as_bytes() == other.as_bytes()))
    };
    is(&FETCH_SITE, &["cross-site", "same-site"]) && !is(&FETCH_MODE, &["navigate"])
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Says what a listed site may send. Cookies are not among it.
fn preflight(asked: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let mut say = |name, value| headers.insert(name, HeaderValue::from_static(value));
    say(ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, PATCH, DELETE");
    say(ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, engawa-facility, idempotency-key, last-event-id");
    say(ACCESS_CONTROL_MAX_AGE, "600");
    if asked.contains_key(PRIVATE_NETWORK_ASKED) {
        say(PRIVATE_NETWORK, "true");
    }
    response
}

/// What browsers are told of every answer.
static SAID: LazyLock<HeaderMap> = LazyLock::new(|| {
    let said = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (RESOURCE_POLICY, "same-origin"),
    ];
    said.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
});

/// What a handler says of these things itself counts more: `extend` puts its values, however many there are of a name, in the place of ours.
fn guard_browsers(headers: &mut HeaderMap, https_only: bool) {
    let own = mem::replace(headers, SAID.clone());
    if own.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        headers.remove(RESOURCE_POLICY);
    }
    if https_only {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    headers.extend(own);
}
