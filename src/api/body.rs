//! A request's body, read in pieces: bounded in size and in silence.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use axum::http::request::Parts;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::StreamExt as _;
use http_body::Body as _;
use tokio::time::{Instant, Sleep};
use zeroize::Zeroizing;

use super::problem::Failure;
use crate::fault::Code;

/// What the multipart reader may gather without a part or a piece coming out: room for a part's headers.
const MAX_UNCLAIMED: u64 = 1 << 20;
/// How long the rest of a refused request is read, so that its sender gets to see the refusal.
const DRAIN_FOR: Duration = Duration::from_secs(5);
/// How much of it.
const DRAIN_BYTES: u64 = 32 << 20;

/// The body as a stream of pieces that yields after each one.
///
/// The multipart reader takes from its source until that is exhausted for the moment; on a fast line that would be the
/// whole document. Saying "not yet" after every piece keeps its buffer at about one piece.
pub(super) struct Pieces {
    body: Body,
    left: u64,
    idle: Duration,
    silence: Pin<Box<Sleep>>,
    waiting: bool,
    breathe: bool,
    unclaimed: Arc<AtomicU64>,
    ended: bool,
    may_drain: bool,
}

/// Why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// It paused for too long.
    #[error("the body stalled")]
    Stalled,
    /// It is longer than allowed.
    #[error("the body is too large")]
    TooLarge,
    /// The line broke, or the framing is wrong.
    #[error("the body broke off")]
    Broken(#[source] axum::Error),
}

impl From<&ReadError> for Code {
    fn from(error: &ReadError) -> Self {
        match error {
            ReadError::Stalled => Self::RequestTimeout,
            ReadError::TooLarge => Self::RequestTooLarge,
            ReadError::Broken(_) => Self::RequestMalformed,
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::from(Code::from(&error)).because(error)
    }
}

/// A handle by which the multipart reader's consumer says that something came out.
#[derive(Clone)]
pub(super) struct Progress(Arc<AtomicU64>);

impl Progress {
    /// Something came out.
    pub(super) fn made(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

impl Pieces {
    /// Takes a request apart; at most `limit` bytes will be read, with pauses of at most `idle`.
    pub(super) fn of(request: Request<Body>, limit: u64, idle: Duration) -> (Parts, Self) {
        let (parts, body) = request.into_parts();
        // A client that waits for "100 Continue" has sent nothing yet and need not be drained.
        let may_drain = !parts.headers.contains_key(EXPECT);
        let pieces = Self {
            body,
            left: limit,
            idle,
            silence: Box::pin(tokio::time::sleep(idle)),
            waiting: false,
            breathe: false,
            unclaimed: Arc::default(),
            ended: false,
            may_drain,
        };
        (parts, pieces)
    }

    /// Narrows the limit, and refuses at once what announces itself as longer.
    ///
    /// # Errors
    /// [`ReadError::TooLarge`].
    pub(super) fn limit(&mut self, parts: &Parts, limit: u64) -> Result<(), ReadError> {
        self.left = self.left.min(limit);
        let announced = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > self.left) { Err(ReadError::TooLarge) } else { Ok(()) }
    }

    /// See [`Progress`].
    pub(super) fn progress(&self) -> Progress {
        Progress(Arc::clone(&self.unclaimed))
    }

    /// The whole body; for bodies that a limit keeps small.
    ///
    /// # Errors
    /// Any [`ReadError`].
    pub(super) async fn collect(&mut self) -> Result<Vec<u8>, ReadError> {
        let mut whole = Vec::new();
        while let Some(piece) = self.next().await {
            whole.extend_from_slice(&piece?);
            self.progress().made();
        }
        Ok(whole)
    }

    /// A whole small body that says it is JSON.
    ///
    /// # Errors
    /// `REQUEST_MEDIA_TYPE`, or any [`ReadError`].
    pub(super) async fn json(&mut self, parts: &Parts, limit: u64) -> Result<Vec<u8>, Failure> {
        self.json_within(parts, limit)?;
        Ok(self.collect().await?)
    }

    /// The same for a body that may hold a PIN: in one place of memory, which is wiped when it is dropped.
    ///
    /// The pieces themselves are windows into the HTTP library's read buffer. Nobody else can wipe that; it is overwritten
    /// by what the connection carries next, and until then it is no more than memory of a process that writes no core dump
    /// and lets nobody look in (`host::core_dumps_off`).
    ///
    /// # Errors
    /// As [`Pieces::json`].
    pub(super) async fn secret_json(&mut self, parts: &Parts, limit: u32) -> Result<Zeroizing<Vec<u8>>, Failure> {
        self.json_within(parts, limit.into())?;
        // As large as it may become: a buffer that grows leaves what it held behind.
        let mut whole = Zeroizing::new(Vec::with_capacity(usize::try_from(limit).unwrap_or(usize::MAX)));
        while let Some(piece) = self.next().await {
            whole.extend_from_slice(&piece.map_err(Failure::from)?);
            self.progress().made();
        }
        Ok(whole)
    }

    fn json_within(&mut self, parts: &Parts, limit: u64) -> Result<(), Failure> {
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") || parts.headers.contains_key(CONTENT_ENCODING) {
            return Err(Code::RequestMediaType.into());
        }
        Ok(self.limit(parts, limit)?)
    }

    /// Reads and forgets what a refused sender still has to say: a socket closed under a sender that writes loses the
    /// answer with it. Bounded in bytes and seconds.
    pub(super) async fn drain(&mut self) {
        if !self.may_drain || self.ended {
            return;
        }
        self.left = DRAIN_BYTES;
        let rest = async {
            while let Some(Ok(_)) = self.next().await {
                self.progress().made();
            }
        };
        let _ = tokio::time::timeout(DRAIN_FOR, rest).await;
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ReadError>>> {
        loop {
            return Poll::Ready(match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => None,
                Some(Err(error)) => Some(Err(ReadError::Broken(error))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => Some(Ok(data)),
                    Err(_trailers) => continue,
                },
            });
        }
    }

    fn account(&mut self, piece: &Bytes) -> Result<(), ReadError> {
        let length = piece.len() as u64;
        self.left = self.left.checked_sub(length).ok_or(ReadError::TooLarge)?;
        if self.unclaimed.fetch_add(length, Ordering::Relaxed) > MAX_UNCLAIMED {
            return Err(ReadError::TooLarge);
        }
        Ok(())
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, ReadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if std::mem::take(&mut self.breathe) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.poll_piece(cx) {
            Poll::Ready(Some(Ok(piece))) => {
                self.may_drain = true;
                self.waiting = false;
                self.breathe = true;
                Poll::Ready(Some(self.account(&piece).map(|()| piece)))
            }
            Poll::Ready(end) => {
                self.ended = true;
                Poll::Ready(end)
            }
            Poll::Pending => {
                // The silence counts from here: while a piece was being stored the client had no say.
                if !std::mem::replace(&mut self.waiting, true) {
                    let deadline = Instant::now() + self.idle;
                    self.silence.as_mut().reset(deadline);
                }
                ready!(self.silence.as_mut().poll(cx));
                self.ended = true;
                Poll::Ready(Some(Err(ReadError::Stalled)))
            }
        }
    }
}
