//! An endpoint on a loopback port and a Unix socket, and a plain HTTP client for both.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use engawa::api::{
    Api, Config, Desk, HealthSource, LanConfig, Listener, Perimeter, Reach, Report, ServeConfig, router, serve,
};
use engawa::audit::Trail;
use engawa::backup;
use engawa::card::Cards;
use engawa::card::scripted::Scripted;
use engawa::clock::Clock;
use engawa::credential::seal::Keyring;
use engawa::credential::{Authority, KeyFile, Shown};
use engawa::hub::ScriptedHub;
use engawa::identity::Identity;
use engawa::inbox::{self, Inbox};
use engawa::outbox::backoff::Backoff;
use engawa::outbox::machine::Policy;
use engawa::outbox::{self, Guard, Health, HealthStatus, Outbox, Stop, Tasks};
use engawa::people::People;
use engawa::store::{Store, StoreTask};
use engawa::terminal::{KeyId, KeyRecord, KeyStore, Keys, NewKey, Right, StoreFailure, Terminals};
use engawa::vault::MasterKeys;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

pub(super) const FACILITY: &str = "1370000018";
/// The box serves these, too: one that is nobody's in particular, and the offices of the fixtures.
pub(super) const FURTHER: [&str; 3] = ["1370000026", "9970000015", "9970000023"];
/// Nothing in these tests takes longer unless it is broken.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone)]
pub(super) struct Parts(pub(super) Arc<Mutex<Vec<(&'static str, Health)>>>);

impl HealthSource for Parts {
    fn health(&self) -> BoxFuture<'_, Arc<Report>> {
        let parts = self.0.lock().unwrap().clone();
        Box::pin(async move { Arc::new(Report { parts, facilities: Vec::new() }) })
    }
}

/// Keys in the database, and how often one was looked up.
#[derive(Clone)]
pub(super) struct CountedKeys {
    store: Store,
    lookups: Arc<AtomicUsize>,
}

impl CountedKeys {
    pub(super) fn lookups(&self) -> usize {
        self.lookups.load(Ordering::Relaxed)
    }
}

impl KeyStore for CountedKeys {
    fn add(&self, record: KeyRecord) -> BoxFuture<'_, Result<(), StoreFailure>> {
        if let Some(needle) = record.label.strip_prefix("panic ") {
            let needle = needle.to_owned();
            return Box::pin(async move { panic!("{needle}") });
        }
        self.store.add(record)
    }

    fn find(&self, id: KeyId) -> BoxFuture<'_, Result<Option<KeyRecord>, StoreFailure>> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        self.store.find(id)
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<KeyRecord>, StoreFailure>> {
        KeyStore::list(&self.store)
    }

    fn revoke(&self, id: KeyId, at: jiff::Timestamp) -> BoxFuture<'_, Result<bool, StoreFailure>> {
        self.store.revoke(id, at)
    }

    fn touch(&self, id: KeyId, at: jiff::Timestamp) -> BoxFuture<'_, Result<(), StoreFailure>> {
        self.store.touch(id, at)
    }
}

pub(super) struct House {
    pub(super) tcp: SocketAddr,
    /// The port of the LAN, and its authority. What it gives out is good by the house's clock.
    pub(super) lan: SocketAddr,
    pub(super) authority: Arc<Authority>,
    pub(super) unix: PathBuf,
    pub(super) keys: Keys,
    pub(super) people: People,
    pub(super) terminals: Terminals,
    pub(super) key_store: CountedKeys,
    pub(super) clock: Clock,
    pub(super) hub: ScriptedHub,
    /// The readers of the box, and what lies on them.
    pub(super) readers: Scripted,
    pub(super) parts: Parts,
    /// Bytes free on the disk, as the outbox is told.
    pub(super) free: Arc<AtomicU64>,
    /// The disk is full after the next look at it.
    pub(super) free_once: Arc<AtomicBool>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<bool>,
    stop_outbox: watch::Sender<Stop>,
    stop_inbox: watch::Sender<bool>,
    received: Inbox,
    inboxes: Vec<inbox::Tasks>,
    stop_cards: watch::Sender<bool>,
    outboxes: Vec<Tasks>,
    store: StoreTask,
    directory: tempfile::TempDir,
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
    pub(super) async fn open() -> Self {
        Self::open_with(Config::default(), ServeConfig::default()).await
    }

    pub(super) async fn open_with(config: Config, sockets: ServeConfig) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let unix = directory.path().join("api.sock");
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let clock = Clock::manual("2026-06-01T00:00:00Z".parse().unwrap());
        let authority = Arc::new(Authority::open_or_make(directory.path(), clock.now()).unwrap());
        let (lan, lan_listener) = lan_listener(&authority, &clock).await;
        let listeners = vec![Listener::Tcp(tcp), lan_listener, Listener::Unix(UnixListener::bind(&unix).unwrap())];
        let (store, store_task) = Store::open(directory.path(), clock.clone(), Arc::new(|_, _| {})).await.unwrap();
        let hub = ScriptedHub::new(clock.clone());
        let free = Arc::new(AtomicU64::new(u64::MAX));
        let (stop_inbox, stopped_inbox) = watch::channel(false);
        let (stop_outbox, stopped_outbox) = watch::channel(Stop::Run);
        let free_once = Arc::new(AtomicBool::new(false));
        let keyring = Arc::new(KeyFile::new(directory.path().join("master.key"), false, None).create().unwrap());
        let ground = (&keyring, &store, &clock);
        let (mut desks, mut outboxes, mut inboxes) = (Vec::new(), Vec::new(), Vec::new());
        for facility in [FACILITY].into_iter().chain(FURTHER) {
            let room = (Arc::clone(&free), Arc::clone(&free_once));
            let (outbox, tasks) = start_outbox(facility, ground, &hub, room, stopped_outbox.clone()).await;
            // Whatever arrives is for the first one.
            let line = if facility == FACILITY { hub.clone() } else { ScriptedHub::new(clock.clone()) };
            let (inbox, inbox_tasks) = start_inbox(facility, ground, line, stopped_inbox.clone());
            let identity = Identity::new(Arc::new(hub.clone()));
            desks.push(Desk { facility: facility.to_owned(), outbox, inbox, identity });
            outboxes.push(tasks);
            inboxes.push(inbox_tasks);
        }
        let inbox = desks[0].inbox.clone();
        let secret = keyring.box_secret(&keyring.new_box_secret().unwrap()).unwrap();
        let boxed =
            backup::Config { directory: directory.path().to_owned(), facility: FACILITY.to_owned(), min_free: 0 };
        let signer = backup::Signer::of(&secret).unwrap();
        let backups = backup::Backups::new(store.clone(), keyring.clone(), signer, boxed, clock.clone());
        let retention = Duration::from_secs(400 * 86_400);
        let file = KeyFile::new(directory.path().join("master.key"), false, None);
        let master_keys =
            MasterKeys::new((store.clone(), keyring.clone()), file, retention, Arc::new(|_, _| None), clock.clone());
        let key_store = CountedKeys { store: store.clone(), lookups: Arc::default() };
        let keys = Keys::new(key_store.clone(), clock.clone());
        let revocations = keys.revocations().clone();
        let people = People::new(store.clone(), keyring, clock.clone(), Arc::new(move |_| revocations.announce()));
        let pairing = engawa::terminal::Config { address: "https://box.local:8471".to_owned(), secret: [7; 32] };
        let terminals = Terminals::new(store, keys.clone(), Some(Arc::clone(&authority)), pairing, clock.clone());
        let fine = Health { status: HealthStatus::Ok, reason: None, last_proof: Some(clock.now()) };
        let parts = Parts(Arc::new(Mutex::new(vec![("storage", fine)])));
        let readers = Scripted::default();
        let (stop_cards, stopped_cards) = watch::channel(false);
        let driver = Arc::new(readers.clone());
        let limits = engawa::card::Config {
            connect_limit: Duration::from_millis(500),
            operation_limit: Duration::from_secs(5),
            events: 64,
            ..engawa::card::Config::default()
        };
        let (cards, _) = Cards::start(limits, driver, clock.clone(), stopped_cards);
        let api = Api {
            desks,
            keys: keys.clone(),
            people: people.clone(),
            terminals: terminals.clone(),
            cards,
            backups,
            master_keys,
            trail: Trail::new(key_store.store.clone()),
            health: Arc::new(parts.clone()),
            metrics: Arc::new(|| "engawa_up 1\n".to_owned()),
            clock: clock.clone(),
            config: Config { facility: FACILITY.to_owned(), ..config },
        };
        let (stop, stopped) = oneshot::channel();
        let stopped = async { drop(stopped.await) };
        let served = tokio::spawn(serve(listeners, router(api), sockets, stopped));
        Self {
            tcp: address,
            lan,
            authority,
            unix,
            keys,
            people,
            terminals,
            key_store,
            clock,
            hub,
            readers,
            parts,
            free,
            free_once,
            stop,
            served,
            stop_outbox,
            stop_inbox,
            received: inbox,
            inboxes,
            stop_cards,
            outboxes,
            store: store_task,
            directory,
        }
    }

    /// A key with these rights, as it goes after `Bearer `.
    pub(super) async fn key(&self, rights: &[Right]) -> String {
        let rights = rights.iter().copied().collect();
        let new = NewKey::unbound("test", FACILITY, rights);
        self.keys.add(new).await.unwrap().0.reveal().to_string()
    }

    /// Makes every document one that came as `body`.
    pub(super) async fn pretend_sent(&self, body: &Value) {
        use sqlx::Connection as _;
        let hash = outbox::RequestHash::new(body, None).finish();
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.directory.path().join("engawa.db"));
        let mut database = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        let change = sqlx::query("UPDATE submission SET request_hash = ?").bind(hash.as_slice());
        change.execute(&mut database).await.unwrap();
        database.close().await.unwrap();
    }

    /// Asks the hub what other offices sent.
    pub(super) fn look_into_the_box(&self) {
        self.received.reconsider();
    }

    /// Stops the endpoint, then what is behind it; whether all requests finished.
    pub(super) async fn close(mut self) -> bool {
        drop(self.stop);
        let finished = tokio::time::timeout(PATIENCE, self.served).await.expect("the endpoint does not stop").unwrap();
        self.stop_cards.send_replace(true);
        self.stop_outbox.send_replace(Stop::Now);
        self.stop_inbox.send_replace(true);
        for outbox in &mut self.outboxes {
            tokio::time::timeout(PATIENCE, outbox.finished()).await.expect("an outbox does not stop");
        }
        for inbox in &mut self.inboxes {
            tokio::time::timeout(PATIENCE, inbox.finished()).await.expect("an inbox does not stop");
        }
        drop((self.keys, self.people, self.terminals, self.key_store, self.received));
        tokio::time::timeout(PATIENCE, self.store.finished()).await.expect("the store does not stop");
        finished
    }

    pub(super) async fn tcp(&self, request: Request<Full<Bytes>>) -> Answer {
        exchange(TcpStream::connect(self.tcp).await.unwrap(), request).await
    }

    pub(super) async fn unix(&self, request: Request<Full<Bytes>>) -> Answer {
        exchange(UnixStream::connect(&self.unix).await.unwrap(), request).await
    }
}

/// TLS on a free loopback port.
async fn lan_listener(authority: &Authority, clock: &Clock) -> (SocketAddr, Listener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let certificate = authority.server_certificate(&["localhost".to_owned()], &[], clock.now()).unwrap();
    let reach = Reach { networks: vec!["127.0.0.0/8".parse().unwrap()], ..Reach::default() };
    let config = LanConfig {
        tls: Arc::new(authority.server_config(Shown::new(certificate.key)).unwrap()),
        perimeter: Arc::new(Perimeter::new(reach, 1000)),
        max_connections: 16,
        per_address: 16,
        handshake: PATIENCE,
    };
    let listener = Mutex::new(Some(listener));
    (address, Listener::Lan(Arc::new(move || listener.lock().unwrap().take()), config))
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

fn start_inbox(
    facility: &str,
    (keys, store, clock): (&Arc<Keyring>, &Store, &Clock),
    hub: ScriptedHub,
    stop: watch::Receiver<bool>,
) -> (Inbox, inbox::Tasks) {
    let config = inbox::Config {
        facility: facility.to_owned(),
        poll: Duration::from_secs(86_400),
        retention: Duration::from_secs(400 * 86_400),
        free_space: Arc::new(|| None),
        min_free: 0,
        clinic: false,
    };
    Inbox::start(store.clone(), Arc::clone(keys), Arc::new(hub), config, clock.clone(), stop)
}

async fn start_outbox(
    facility: &str,
    (keys, store, clock): (&Arc<Keyring>, &Store, &Clock),
    hub: &ScriptedHub,
    (free, free_once): (Arc<AtomicU64>, Arc<AtomicBool>),
    stop: watch::Receiver<Stop>,
) -> (Outbox, Tasks) {
    let day = Duration::from_secs(86_400);
    let free_space = move || {
        let room = free.load(Ordering::Relaxed);
        if free_once.swap(false, Ordering::Relaxed) {
            free.store(0, Ordering::Relaxed);
        }
        Some(room)
    };
    let guard =
        Guard { free_space: Arc::new(free_space), min_free: 1 << 20, retention: 400 * day, clock: clock.clone() };
    let config = outbox::Config {
        facility: facility.into(),
        clinic: false,
        policy: Policy {
            backoff: Backoff::new(Duration::from_secs(5), Duration::from_secs(900)).unwrap(),
            strikes: 5,
            key_memory: 399 * day,
            ask_after: Duration::from_millis(100),
        },
        parallel: 4,
        poll_changes: Duration::from_secs(60),
        retention: 400 * day,
        event_retention: 7 * day,
        idempotency_secret: [7; 32],
    };
    Outbox::start(store.clone(), Arc::clone(keys), Arc::new(hub.clone()), guard, config, clock.clone(), stop).await
}
