//! An endpoint on a loopback port and a Unix socket, and a plain HTTP client for both.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use engawa::api::{Api, Config, HealthSource, Listener, ServeConfig, router, serve};
use engawa::clock::Clock;
use engawa::outbox::{Health, HealthStatus, Outbox};
use engawa::terminal::{Keys, MemoryKeys, NewKey, Right};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(super) const FACILITY: &str = "1370000018";
/// Nothing in these tests takes longer unless it is broken.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone)]
pub(super) struct Parts(pub(super) Arc<Mutex<Vec<(&'static str, Health)>>>);

impl HealthSource for Parts {
    fn health(&self) -> BoxFuture<'_, Vec<(&'static str, Health)>> {
        let parts = self.0.lock().unwrap().clone();
        Box::pin(async move { parts })
    }
}

pub(super) struct House {
    pub(super) tcp: SocketAddr,
    pub(super) unix: PathBuf,
    pub(super) keys: Keys,
    pub(super) key_store: MemoryKeys,
    pub(super) clock: Clock,
    pub(super) parts: Parts,
    stop: oneshot::Sender<()>,
    served: JoinHandle<bool>,
    _directory: tempfile::TempDir,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
    }

    /// Asserts that this is a whole and honest problem document, and returns it.
    pub(super) fn problem(&self, code: &str) -> Value {
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["type"], format!("urn:engawa:error:{code}"));
        assert_eq!(problem["correlation_id"], self.header("x-correlation-id"));
        for member in ["title", "detail", "detail_en", "blame", "retry"] {
            assert!(problem[member].is_string(), "{member}: {problem}");
        }
        problem
    }
}

impl House {
    pub(super) async fn open(outbox: Outbox) -> Self {
        Self::open_with(outbox, Config::default(), ServeConfig::default()).await
    }

    pub(super) async fn open_with(outbox: Outbox, config: Config, sockets: ServeConfig) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let unix = directory.path().join("api.sock");
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let listeners = vec![Listener::Tcp(tcp), Listener::Unix(UnixListener::bind(&unix).unwrap())];
        let clock = Clock::manual("2026-10-01T00:00:00Z".parse().unwrap());
        let key_store = MemoryKeys::default();
        let keys = Keys::new(key_store.clone(), clock.clone());
        let fine = Health { status: HealthStatus::Ok, reason: None, last_proof: Some(clock.now()) };
        let parts = Parts(Arc::new(Mutex::new(vec![("storage", fine)])));
        let api = Api {
            outbox,
            keys: keys.clone(),
            health: Arc::new(parts.clone()),
            metrics: Arc::new(|| "engawa_up 1\n".to_owned()),
            clock: clock.clone(),
            config: Config { facility: FACILITY.to_owned(), ..config },
        };
        let (stop, stopped) = oneshot::channel();
        let stopped = async { drop(stopped.await) };
        let served = tokio::spawn(serve(listeners, router(api), sockets, stopped));
        Self { tcp: address, unix, keys, key_store, clock, parts, stop, served, _directory: directory }
    }

    /// A key with these rights, as it goes after `Bearer `.
    pub(super) async fn key(&self, rights: &[Right]) -> String {
        let rights = rights.iter().copied().collect();
        let new = NewKey { label: "test".to_owned(), facility: FACILITY.to_owned(), rights };
        self.keys.add(new).await.unwrap().0.reveal().to_string()
    }

    /// Stops the endpoint; whether everything finished.
    pub(super) async fn close(self) -> bool {
        drop(self.stop);
        tokio::time::timeout(PATIENCE, self.served).await.expect("the endpoint does not stop").unwrap()
    }

    pub(super) async fn tcp(&self, request: Request<Full<Bytes>>) -> Answer {
        exchange(TcpStream::connect(self.tcp).await.unwrap(), request).await
    }

    pub(super) async fn unix(&self, request: Request<Full<Bytes>>) -> Answer {
        exchange(UnixStream::connect(&self.unix).await.unwrap(), request).await
    }
}

pub(super) fn request(method: &str, path: &str, key: Option<&str>) -> http::request::Builder {
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    match key {
        Some(key) => request.header("authorization", format!("Bearer {key}")),
        None => request,
    }
}

pub(super) fn get(path: &str, key: Option<&str>) -> Request<Full<Bytes>> {
    request("GET", path, key).body(Full::default()).unwrap()
}

pub(super) async fn exchange<S, B>(stream: S, request: Request<B>) -> Answer
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let whole = async {
        let (parts, body) = send(stream, request).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    };
    tokio::time::timeout(PATIENCE, whole).await.expect("no answer in time")
}

/// Sends a request; the answer's body is still to be read.
pub(super) async fn send<S, B>(stream: S, request: Request<B>) -> Response<Incoming>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender.send_request(request).await.unwrap()
}

/// For tests that never reach the outbox.
pub(super) fn no_outbox() -> Outbox {
    Outbox {}
}
