//! Bytes out, bytes in: one exchange with the hub, and what was seen of it. Judges nothing.

mod answer;
mod body;
mod line;

use std::time::Duration;

use aws_lc_rs::digest;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, DATE, RETRY_AFTER};
use http::response::Parts;
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use rustls::ClientConfig;
use tokio::time::{sleep_until, timeout};

pub(super) use self::answer::Extent;
use self::body::{Progress, Tracked};
use self::line::{ConnectFault, Connector, Newest, Notes, Order};
use super::config::{HubSetupError, Timeouts};
use super::port::DeliveryBody;
use super::wire::{Envelope, IDEMPOTENCY_KEY};
use crate::clock::Clock;
use crate::fault::Code;

/// Idle connections kept: as many as deliveries go out at once by default, each on one of its own. The hub counts new ones.
pub(super) const IDLE_CONNECTIONS: usize = 4;
/// Routers forget a silent connection after four minutes at the earliest, as a rule.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3 * 60);
/// What hyper may hold of a body on its way out.
const SEND_BUFFER: usize = 256 * 1024;

/// What was seen of one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// There was no connection; the hub has nothing.
    NoConnection(LineFault),
    /// The connection failed before the last byte of the request was handed to it; the hub cannot have all of it.
    Unsent(LineFault),
    /// The request's own source failed part-way and the request was broken off.
    Damaged,
    /// The request may have arrived whole; there is no whole answer.
    Lost(LineFault),
    /// An answer, whatever it is.
    Answered {
        /// HTTP status.
        status: u16,
        /// `Retry-After`, as it came.
        retry_after: Option<String>,
        /// `Date`: the hub's clock, to the second.
        date: Option<Timestamp>,
        /// The whole body.
        body: Bytes,
        /// Whether the hub had the whole request when it answered.
        request_whole: bool,
    },
}

/// What went wrong with the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFault {
    /// No route, refused, unknown name.
    Unreachable,
    /// Too slow.
    TimedOut,
    /// Broken off.
    Cut,
    /// The answer is larger than any answer of the hub.
    TooLarge,
    /// The other side is not provably the hub.
    Untrusted,
    /// The hub's certificate is not valid yet: probably the box's clock.
    NotYetTrusted,
    /// The hub's TLS refused the facility's certificate.
    OwnCertificateRefused,
    /// The hub's TLS said that the facility's certificate has expired.
    OwnCertificateExpired,
}

/// A pool of connections to one hub under one certificate.
pub(super) struct Client {
    pool: legacy::Client<Connector, Tracked>,
    newest: Newest,
    base: String,
    timeouts: Timeouts,
    clock: Clock,
}

impl Client {
    /// Opens no connection. `idle`: connections kept for later; with none, each exchange has one of its own.
    pub(super) fn new(
        base_url: &str,
        tls: ClientConfig,
        timeouts: Timeouts,
        idle: usize,
        clock: Clock,
    ) -> Result<Self, HubSetupError> {
        let uri: Uri = base_url.parse().map_err(|_| HubSetupError::Address)?;
        let plain = uri.path_and_query().is_none_or(|rest| rest.as_str() == "/");
        let authority =
            uri.authority().filter(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'));
        let (Some("https"), Some(authority), true) = (uri.scheme_str(), authority, plain) else {
            return Err(HubSetupError::Address);
        };
        let newest = Newest::default();
        let pool = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(idle)
            .http1_max_buf_size(SEND_BUFFER)
            .build(Connector::new(tls, timeouts, newest.clone()));
        Ok(Self { pool, newest, base: format!("https://{authority}"), timeouts, clock })
    }

    /// Sends a small request held in memory.
    pub(super) async fn exchange(&self, request: Request<Bytes>, extent: Extent) -> Seen {
        let (parts, bytes) = request.into_parts();
        let length = bytes.len() as u64;
        let body = Full::new(bytes).map_err(|never| match never {}).boxed_unsync();
        self.send(Request::from_parts(parts, body), length, extent).await
    }

    /// Sends a request whose body is read as it goes; the answer is short. The request's URI is a path.
    pub(super) async fn stream(&self, request: Request<DeliveryBody>, length: u64) -> Seen {
        self.send(request, length, Extent::Short).await
    }

    async fn send(&self, request: Request<DeliveryBody>, length: u64, extent: Extent) -> Seen {
        let progress = Progress::new(length);
        let Some((request, line)) = self.prepare(request, length, &progress) else {
            return Seen::NoConnection(LineFault::Unreachable);
        };
        let seen = timeout(self.timeouts.whole, self.run(request, extent, &line, &progress)).await;
        let seen = seen.unwrap_or_else(|_| unanswered(&progress, LineFault::TimedOut));
        // hyper may still hold the body; from here on not a byte of it moves.
        progress.stop();
        seen
    }

    fn prepare(
        &self,
        request: Request<DeliveryBody>,
        length: u64,
        progress: &Progress,
    ) -> Option<(Request<Tracked>, CaptureConnection)> {
        let mut request = request.map(|body| Tracked::new(body, progress.clone()));
        *request.uri_mut() = format!("{}{}", self.base, request.uri()).parse().ok()?;
        if length > 0 {
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        let line = capture_connection(&mut request);
        Some((request, line))
    }

    async fn run(
        &self,
        request: Request<Tracked>,
        extent: Extent,
        line: &CaptureConnection,
        progress: &Progress,
    ) -> Seen {
        // The hub may have closed idle connections while the box was busy. What it sent is mostly looked at before one is picked: a
        // request that meets such an end goes out on another, one that crosses it has an unknown outcome.
        tokio::task::yield_now().await;
        let key = request.headers().get(IDEMPOTENCY_KEY).cloned();
        let response = match self.while_moving(self.pool.request(request), progress).await {
            None => return unanswered(progress, LineFault::TimedOut),
            Some(Err(error)) => return self.failed(&error, line, progress),
            Some(Ok(response)) => response,
        };
        // An answer that comes before the request's end decides; the rest of the request is not sent.
        let request_whole = !progress.stop();
        let (head, body) = response.into_parts();
        let (status, retry_after, date) = (head.status.as_u16(), header(&head), date(&head));
        if date.is_some_and(|told| self.clock.hear(told)) {
            tracing::warn!(code = %Code::ClockWrong, "the hub's clock and this machine's differ by more than an hour");
        }
        match extent.read(body, self.timeouts).await {
            Ok(body) => {
                if is_left_over(&head, &body, line, key) {
                    return broken(request_whole, LineFault::Cut);
                }
                Seen::Answered { status, retry_after, date, body, request_whole }
            }
            Err(LineFault::Cut) => broken(request_whole, noted(line).unwrap_or(LineFault::Cut)),
            Err(fault) => broken(request_whole, fault),
        }
    }

    fn failed(&self, error: &legacy::Error, line: &CaptureConnection, progress: &Progress) -> Seen {
        // A line that broke before it was given a request has its own note.
        if error.is_connect() || line.connection_metadata().is_none() {
            let fault = ConnectFault::find(error).or_else(|| self.newest.fault());
            return Seen::NoConnection(fault.unwrap_or(LineFault::Unreachable));
        }
        unanswered(progress, noted(line).unwrap_or(LineFault::Cut))
    }

    /// Waits for `exchange` as long as the request moves; `None` when it stalls or its answer does not come.
    async fn while_moving<T>(&self, exchange: impl Future<Output = T>, progress: &Progress) -> Option<T> {
        tokio::pin!(exchange);
        loop {
            let whole = progress.is_whole();
            let patience = if whole { self.timeouts.answer } else { self.timeouts.stall };
            let deadline = progress.moved_at() + patience;
            tokio::select! {
                biased;
                done = &mut exchange => return Some(done),
                () = progress.until_whole(), if !whole => {}
                () = sleep_until(deadline) => {
                    // It may have moved while this slept.
                    if progress.moved_at() + patience <= deadline {
                        return None;
                    }
                }
            }
        }
    }
}

fn header(head: &Parts) -> Option<String> {
    head.headers.get(RETRY_AFTER)?.to_str().ok().map(str::to_owned)
}

/// The hub's clock.
fn date(head: &Parts) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(head.headers.get(DATE)?.to_str().ok()?).ok()
}

/// Nothing ties an answer to its request but the order. One that comes twice would be taken for the next document's, and a
/// receipt for one that was refused; its connection is given up.
fn is_left_over(head: &Parts, body: &Bytes, line: &CaptureConnection, key: Option<HeaderValue>) -> bool {
    let metadata = line.connection_metadata();
    let Some(connected) = metadata.as_ref() else { return false };
    let mut extensions = http::Extensions::new();
    connected.get_extras(&mut extensions);
    let Some(notes) = extensions.get::<Notes>() else { return false };
    let keyed = key.is_some();
    let left_over = match notes.order(hash(head, body), key) {
        Order::Kept => return false,
        Order::SameKey => !is_for_good(body),
        // Whatever decides over a document is the hub's own JSON, at any status, with a trace id of its own; or a 429, which decides nothing
        // where there is none. Any other page of a proxy decides nothing, is always the same, and says what it says to this request as well.
        Order::Again if head.status == StatusCode::TOO_MANY_REQUESTS => keyed,
        Order::Again => body.trim_ascii_start().starts_with(b"{"),
        Order::Lost => true,
    };
    tracing::warn!(left_over, "the same answer came again from the hub; the connection is given up");
    connected.poison();
    left_over
}

/// Whether an answer is one that the hub gives to a key again and again: it took the document, or refused it (E2…, E3…) for another reason than
/// that an insurer is not live yet (E3003) or the hub does not offer it (E2000). Any other answer may be the first one's, come twice.
fn is_for_good(body: &Bytes) -> bool {
    let lasting = |code: &str| !matches!(code, "E2000" | "E3003") && (code.starts_with("E2") || code.starts_with("E3"));
    match Envelope::parse_around(body) {
        Some(Envelope::Ok { .. }) => true,
        Some(Envelope::Error { errors, .. }) => errors.iter().all(|error| lasting(&error.code)),
        None => false,
    }
}

fn hash(head: &Parts, body: &Bytes) -> [u8; 32] {
    let mut digest = digest::Context::new(&digest::SHA256);
    for (name, value) in &head.headers {
        digest.update(name.as_str().as_bytes());
        digest.update(value.as_bytes());
    }
    digest.update(body);
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest.finish().as_ref());
    sha256
}

/// What the connection's own reads and writes ran into: hyper's errors do not pass it on.
fn noted(line: &CaptureConnection) -> Option<LineFault> {
    let mut extensions = http::Extensions::new();
    line.connection_metadata().as_ref()?.get_extras(&mut extensions);
    extensions.get::<Notes>().and_then(Notes::fault)
}

fn unanswered(progress: &Progress, fault: LineFault) -> Seen {
    let broken_off = progress.stop();
    if progress.is_damaged() { Seen::Damaged } else { broken(!broken_off, fault) }
}

const fn broken(request_whole: bool, fault: LineFault) -> Seen {
    if request_whole { Seen::Lost(fault) } else { Seen::Unsent(fault) }
}
