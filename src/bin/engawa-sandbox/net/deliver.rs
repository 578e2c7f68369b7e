//! Writing an answer in its manner.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;

use super::Line;
use crate::wire::{Answer, Manner};

/// The body of an answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Time for bytes to leave before the knife falls.
const GRACE: Duration = Duration::from_millis(50);

/// Turns an answer into a response; does not return where the connection is dropped instead.
pub(crate) async fn deliver(answer: Answer, line: &Arc<Line>) -> Response<Body> {
    let length = answer.body.len();
    let bytes = Bytes::from(answer.body);
    let body = match answer.manner {
        Manner::Cut => {
            line.knife.cancel();
            return std::future::pending().await;
        }
        Manner::CutAfter(count) => cut_after(bytes.slice(..count.min(length)), Arc::clone(line)),
        Manner::Trickle(step, every) => trickle(bytes, step, every),
        Manner::Twice => {
            line.twice.store(true, Ordering::Relaxed);
            whole(bytes)
        }
        Manner::ThenClose => {
            cut_soon(Arc::clone(line));
            whole(bytes)
        }
        Manner::Plain => whole(bytes),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if answer.status != 304 {
        headers.insert("content-length", HeaderValue::from(length));
    }
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

fn cut_soon(line: Arc<Line>) {
    tokio::spawn(async move {
        tokio::time::sleep(GRACE).await;
        line.knife.cancel();
    });
}

fn cut_after(first: Bytes, line: Arc<Line>) -> Body {
    let steps = stream::unfold(Some(first), move |first| {
        let line = Arc::clone(&line);
        async move {
            match first {
                Some(first) => Some((Ok(Frame::data(first)), None)),
                None => {
                    tokio::time::sleep(GRACE).await;
                    line.knife.cancel();
                    std::future::pending().await
                }
            }
        }
    });
    StreamBody::new(steps).boxed_unsync()
}

fn trickle(bytes: Bytes, step: usize, every: Duration) -> Body {
    let steps = stream::unfold(bytes, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(every).await;
        let piece = rest.split_to(step.min(rest.len()));
        Some((Ok(Frame::data(piece)), rest))
    });
    StreamBody::new(steps).boxed_unsync()
}
