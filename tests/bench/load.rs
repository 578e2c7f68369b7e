//! Clients that post over keep-alive connections, each one request at a time, and note how long every answer took.
#![allow(dead_code)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::opinion::Template;

static NUMBER: AtomicU64 = AtomicU64::new(1);

/// Where to post, and with which key.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) bearer: String,
}

/// What many clients met together.
pub(crate) struct Outcome {
    /// Answers a second.
    pub(crate) rate: f64,
    /// All answers' times, sorted.
    times: Vec<Duration>,
}

impl Outcome {
    /// The time in milliseconds within which this share of the answers came.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let last = self.times.len() - 1;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let at = (last as f64 * share).ceil() as usize;
        self.times[at].as_secs_f64() * 1000.0
    }
}

/// How long to go on.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    Time(Duration),
    Posted(u64),
}

/// Posts distinct opinions from `clients` connections.
pub(crate) async fn post(target: &Target, templates: &Arc<Vec<Template>>, clients: usize, until: Until) -> Outcome {
    let start = Instant::now();
    let posted = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let (target, templates, posted) = (target.clone(), templates.clone(), posted.clone());
        tasks.push(tokio::spawn(async move {
            let mut client = Client::connect(&target).await;
            let mut times = Vec::new();
            loop {
                let number = posted.fetch_add(1, Ordering::Relaxed);
                let over = match until {
                    Until::Time(time) => start.elapsed() >= time,
                    Until::Posted(count) => number >= count,
                };
                if over {
                    return times;
                }
                let n = NUMBER.fetch_add(1, Ordering::Relaxed);
                let document = templates[usize::try_from(n).unwrap() % templates.len()].document(n);
                let begin = Instant::now();
                let (status, answer) = client.opinion(document, "application/json").await;
                times.push(begin.elapsed());
                assert_eq!(status, StatusCode::ACCEPTED, "{}", String::from_utf8_lossy(&answer));
            }
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.append(&mut task.await.unwrap());
    }
    let took = start.elapsed().as_secs_f64();
    times.sort_unstable();
    Outcome { rate: times.len() as f64 / took, times }
}

/// One connection.
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    bearer: String,
}

impl Client {
    pub(crate) async fn connect(target: &Target) -> Self {
        let stream = TcpStream::connect(target.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender, bearer: target.bearer.clone() }
    }

    /// Posts an opinion under a key of its own.
    pub(crate) async fn opinion(&mut self, body: Bytes, kind: &str) -> (StatusCode, Bytes) {
        let key = uuid::Uuid::new_v4().to_string();
        let request = Request::post("/v1/opinions").header("content-type", kind).header("idempotency-key", key);
        self.ask(request, body).await
    }

    /// A JSON document.
    pub(crate) async fn get(&mut self, path: &str) -> Value {
        let (_, answer) = self.ask(Request::get(path), Bytes::new()).await;
        serde_json::from_slice(&answer).unwrap()
    }

    async fn ask(&mut self, request: http::request::Builder, body: Bytes) -> (StatusCode, Bytes) {
        let request = request.header("host", "localhost").header("authorization", &self.bearer);
        self.sender.ready().await.unwrap();
        let response = self.sender.send_request(request.body(Full::new(body)).unwrap()).await.unwrap();
        let status = response.status();
        (status, response.into_body().collect().await.unwrap().to_bytes())
    }
}
