//! The gateway's local API, as a vendor's software would call it: HTTP/1.1 and nothing of the gateway's own code.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::cli::Failure;

/// A program with an API key.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) address: SocketAddr,
    pub(super) key: String,
}

/// What the gateway said.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Answer {
    /// A text of the body, by JSON pointer.
    pub(super) fn text(&self, pointer: &str) -> Result<&str, Failure> {
        let text = self.body.pointer(pointer).and_then(Value::as_str);
        text.ok_or_else(|| format!("the answer has no text at {pointer}: {} {}", self.status, self.body).into())
    }
}

/// A document ready to be posted, with the key under which it may be repeated.
pub(super) struct Post {
    pub(super) content_type: String,
    pub(super) idempotency_key: String,
    pub(super) body: Bytes,
}

/// One server-sent event.
pub(super) struct Event {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) data: Value,
}

impl Client {
    pub(super) async fn get(&self, path: &str) -> Result<Answer, Failure> {
        whole(self.send(self.request("GET", path).body(Full::default())?).await?).await
    }

    /// Sends JSON.
    pub(super) async fn send_json(&self, method: &str, path: &str, body: &Value) -> Result<Answer, Failure> {
        let body = Full::from(body.to_string());
        let request = self.request(method, path).header("content-type", "application/json").body(body)?;
        whole(self.send(request).await?).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<Answer, Failure> {
        whole(self.send(self.request("DELETE", path).body(Full::default())?).await?).await
    }

    /// Posts an opinion.
    pub(super) async fn post(&self, post: &Post) -> Result<Answer, Failure> {
        let request = self
            .request("POST", "/v1/opinions")
            .header("content-type", &post.content_type)
            .header("idempotency-key", &post.idempotency_key)
            .body(Full::new(post.body.clone()))?;
        whole(self.send(request).await?).await
    }

    /// The events after the one of that number.
    pub(super) async fn events(&self, last: &str) -> Result<Events, Failure> {
        self.stream(self.request("GET", "/v1/events").header("last-event-id", last)).await
    }

    /// The events from here on.
    pub(super) async fn new_events(&self) -> Result<Events, Failure> {
        self.stream(self.request("GET", "/v1/events")).await
    }

    async fn stream(&self, request: http::request::Builder) -> Result<Events, Failure> {
        let response = self.send(request.body(Full::default())?).await?;
        if response.status() != StatusCode::OK {
            return Err(format!("/v1/events answers {}", response.status()).into());
        }
        Ok(Events { body: response.into_body(), read: Vec::new() })
    }

    fn request(&self, method: &str, path: &str) -> http::request::Builder {
        let bearer = format!("Bearer {}", self.key);
        Request::builder().method(method).uri(path).header("host", "localhost").header("authorization", bearer)
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<http::Response<Incoming>, Failure> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender.send_request(request).await?)
    }
}

async fn whole(response: http::Response<Incoming>) -> Result<Answer, Failure> {
    let (head, body) = response.into_parts();
    let bytes = body.collect().await?.to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into());
    Ok(Answer { status: head.status, headers: head.headers, body })
}

/// A stream of events.
pub(super) struct Events {
    body: Incoming,
    read: Vec<u8>,
}

impl Events {
    /// The next event; `None` when the gateway ended the stream.
    pub(super) async fn next(&mut self) -> Result<Option<Event>, Failure> {
        loop {
            if let Some(end) = self.read.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.read.drain(..end + 2).collect();
                match event(std::str::from_utf8(&block)?)? {
                    Some(event) => return Ok(Some(event)),
                    // A comment that keeps the line open.
                    None => continue,
                }
            }
            let Some(frame) = self.body.frame().await.transpose()? else { return Ok(None) };
            if let Ok(piece) = frame.into_data() {
                self.read.extend_from_slice(&piece);
            }
        }
    }
}

fn event(block: &str) -> Result<Option<Event>, Failure> {
    let field = |name: &str| {
        let value = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.map(|value| value.strip_prefix(' ').unwrap_or(value).to_owned())
    };
    let (Some(id), Some(kind), Some(data)) = (field("id"), field("event"), field("data")) else { return Ok(None) };
    Ok(Some(Event { id, kind, data: serde_json::from_str(&data)? }))
}
