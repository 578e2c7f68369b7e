//! A tiny hub over real TLS: does as the contract says unless it is told otherwise for one call.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(super) const LOGIN: &str = "/api/v1/login";
pub(super) const REFRESH: &str = "/api/v1/token/refresh";
pub(super) const CAPABILITIES: &str = "/api/v1/capabilities";
pub(super) const OPINIONS: &str = "/api/v1/opinions";
pub(super) const LOOKUP: &str = "/api/v1/submissions/lookup";
pub(super) const CHANGES: &str = "/api/v1/opinions/changes";

/// What happens to one call instead of the usual.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Status, `Retry-After`, body.
    Answer(u16, Option<&'static str>, String),
    /// As an answer, the same to the byte whenever it comes.
    Same(u16, String),
    /// The request is read, then the connection breaks.
    Cut,
    /// The connection breaks after so many bytes of the body.
    CutAt(usize),
    /// The effect takes place, then the connection breaks.
    CutAfterEffect,
    /// Nothing comes.
    Hang,
    /// No more is read after so many bytes of the body, and nothing comes.
    HangAt(usize),
    /// An answer after so many bytes of the body, the rest is not read.
    Early(usize, u16, String),
}

pub(super) fn error(code: &str) -> String {
    json!({"result": "error", "errors": [{"code": code, "message": "x"}], "trace_id": "t"}).to_string()
}

fn ok(data: &Value) -> String {
    json!({"result": "ok", "data": data, "trace_id": "t"}).to_string()
}

/// A call as it came.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) path: String,
    pub(super) bearer: Option<String>,
    pub(super) key: Option<String>,
    pub(super) length: Option<String>,
    pub(super) bytes: usize,
}

#[derive(Default)]
struct State {
    acts: BTreeMap<String, VecDeque<Act>>,
    calls: Vec<Call>,
    filed: BTreeMap<String, usize>,
    tokens: usize,
    /// What was chosen in the handshakes.
    spoken: Vec<Option<String>>,
}

pub(super) struct Stub {
    pub(super) address: SocketAddr,
    pub(super) connections: Arc<AtomicUsize>,
    state: Arc<Mutex<State>>,
    lines: Lines,
    task: tokio::task::JoinHandle<()>,
}

/// The connections that are open, and the knife for them.
#[derive(Clone, Default)]
struct Lines {
    open: TaskTracker,
    knife: Arc<Mutex<CancellationToken>>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stub {
    pub(super) async fn start(config: ServerConfig) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), config)
    }

    /// One that takes in little before it reads.
    pub(super) fn narrow(config: ServerConfig) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self::on(socket.listen(8).unwrap(), config)
    }

    fn on(listener: TcpListener, config: ServerConfig) -> Self {
        let address = listener.local_addr().unwrap();
        let (state, connections) = (Arc::<Mutex<State>>::default(), Arc::new(AtomicUsize::new(0)));
        let (tls, lines) = (TlsAcceptor::from(Arc::new(config)), Lines::default());
        let task = tokio::spawn(serve(listener, tls, state.clone(), connections.clone(), lines.clone()));
        Self { address, connections, state, lines, task }
    }

    /// Closes all connections without a word; done when they are closed.
    pub(super) async fn close(&self) {
        let knife = std::mem::take(&mut *self.lines.knife.lock().unwrap());
        knife.cancel();
        self.lines.open.close();
        self.lines.open.wait().await;
        self.lines.open.reopen();
    }

    pub(super) fn open(&self) -> usize {
        self.lines.open.len()
    }

    pub(super) fn spoken(&self) -> Vec<Option<String>> {
        self.state.lock().unwrap().spoken.clone()
    }

    pub(super) fn then(&self, path: &str, acts: impl IntoIterator<Item = Act>) {
        self.state.lock().unwrap().acts.entry(path.to_owned()).or_default().extend(acts);
    }

    pub(super) fn calls(&self, path: &str) -> Vec<Call> {
        self.state.lock().unwrap().calls.iter().filter(|call| call.path == path).cloned().collect()
    }

    pub(super) fn filed(&self, key: &str) -> usize {
        self.state.lock().unwrap().filed.get(key).copied().unwrap_or_default()
    }
}

async fn serve(
    listener: TcpListener,
    tls: TlsAcceptor,
    state: Arc<Mutex<State>>,
    connections: Arc<AtomicUsize>,
    lines: Lines,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let knife = lines.knife.lock().unwrap().child_token();
        let serving = connection(stream, tls.clone(), state.clone(), connections.clone());
        lines.open.spawn(async move { knife.run_until_cancelled(serving).await });
    }
}

async fn connection(stream: TcpStream, tls: TlsAcceptor, state: Arc<Mutex<State>>, connections: Arc<AtomicUsize>) {
    let Ok(stream) = tls.accept(stream).await else { return };
    connections.fetch_add(1, Ordering::SeqCst);
    let chosen = stream.get_ref().1.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
    state.lock().unwrap().spoken.push(chosen);
    let service = service_fn(move |request| answer(request, state.clone()));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, state: Arc<Mutex<State>>) -> Result<Response<Full<Bytes>>, &'static str> {
    let path = request.uri().path().to_owned();
    let act = state.lock().unwrap().acts.get_mut(&path).and_then(VecDeque::pop_front);
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let mut call = Call {
        path: path.clone(),
        bearer: header("authorization"),
        key: header("idempotency-key"),
        length: header("content-length"),
        bytes: 0,
    };
    let most = match &act {
        Some(Act::CutAt(bytes) | Act::HangAt(bytes) | Act::Early(bytes, ..)) => *bytes,
        _ => usize::MAX,
    };
    let (mut body, mut read) = (request.into_body(), Vec::new());
    while read.len() < most
        && let Some(Ok(frame)) = body.frame().await
    {
        read.extend_from_slice(&frame.into_data().unwrap_or_default());
    }
    call.bytes = read.len();
    let key = call.key.clone();
    state.lock().unwrap().calls.push(call);
    let (status, retry_after, text) = match act {
        None => (200, None, usual(&path, key, &read, &state)),
        Some(Act::Answer(status, retry_after, text)) => (status, retry_after, text),
        Some(Act::Early(_, status, text)) => (status, None, text),
        Some(Act::Same(status, text)) => {
            let response = Response::builder().status(status).header("date", "Sun, 22 Nov 2026 00:00:00 GMT");
            return Ok(response.body(Full::from(text)).unwrap());
        }
        Some(Act::Cut | Act::CutAt(_)) => return Err("cut"),
        Some(Act::CutAfterEffect) => {
            usual(&path, key, &read, &state);
            return Err("cut");
        }
        Some(Act::Hang | Act::HangAt(_)) => std::future::pending().await,
    };
    // No two answers of a hub are the same.
    let number = state.lock().unwrap().calls.len();
    let mut response = Response::builder().status(status).header("x-number", number);
    if let Some(value) = retry_after {
        response = response.header("retry-after", value);
    }
    Ok(response.body(Full::from(text)).unwrap())
}

fn usual(path: &str, key: Option<String>, body: &[u8], state: &Mutex<State>) -> String {
    let mut state = state.lock().unwrap();
    let accepted = json!({"receipt_number": "R1", "accepted_at": "2026-11-22T09:00:00+09:00"});
    match path {
        LOGIN | REFRESH => {
            state.tokens += 1;
            let number = state.tokens;
            ok(&json!({"access_token": format!("a{number}"), "expires_in": 3600, "refresh_token": format!("r{number}"),
                "refresh_expires_in": 28800, "job_kind": "x", "service_kind": "y"}))
        }
        CAPABILITIES => ok(&json!(["opinions", "submissions"])),
        OPINIONS => {
            *state.filed.entry(key.unwrap()).or_default() += 1;
            ok(&accepted)
        }
        LOOKUP => {
            let asked: Value = serde_json::from_slice(body).unwrap();
            let asked = asked["idempotency_key"].as_str().unwrap();
            if !state.filed.contains_key(asked) {
                return error("E4040");
            }
            let mut data = accepted;
            data["idempotency_key"] = asked.into();
            data["outcome"] = "accepted".into();
            ok(&data)
        }
        CHANGES => {
            ok(&json!({"items": [{"receipt_number": "R1", "state": "forwarded", "at": "2026-11-22T09:00:00+09:00"}],
            "next_cursor": "c+1/="}))
        }
        _ => error("E2000"),
    }
}
