//! Whether a request's body was read to its end.
//!
//! What is refused before that leaves octets on the connection that nobody will read, so the connection ends with the answer. The
//! client is told (`Connection: close`): a next request on it would be lost without a word.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use axum::response::Response;
use bytes::Bytes;
use http::HeaderValue;
use http::header::CONNECTION;
use http_body::{Body, Frame, SizeHint};

/// A body that remembers, for whoever holds its mark, whether its end was reached.
pub(super) struct Whole<B> {
    body: B,
    read: Arc<AtomicBool>,
}

/// Tells whether the body was read to its end; `None`: there was none.
pub(super) struct Mark(Option<Arc<AtomicBool>>);

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Whole<B>
where
    B::Error: Into<axum::BoxError>,
{
    /// A request's body, and what to ask afterwards.
    pub(super) fn mark(body: B) -> (axum::body::Body, Mark) {
        if body.is_end_stream() {
            return (axum::body::Body::empty(), Mark(None));
        }
        let read = Arc::new(AtomicBool::new(false));
        (axum::body::Body::new(Self { body, read: Arc::clone(&read) }), Mark(Some(read)))
    }
}

impl Mark {
    /// Announces on the answer that the connection ends, where something was left unread.
    pub(super) fn announce(&self, mut response: Response) -> Response {
        if self.0.as_ref().is_some_and(|read| !read.load(Ordering::Relaxed)) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Whole<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.read.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
