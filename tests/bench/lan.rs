//! The way in over the LAN: handshakes and requests over TLS 1.3, beside nginx serving a fixed body of the same size to the same clients in
//! the same run; and what others notice while many addresses open slow connections by the thousand.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::{self, HeaderName};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::gateway::House;
use crate::report::{Goal, Report, Row, median};
use crate::sandbox::Sandbox;

const CLIENTS: usize = 64;
const ROUNDS: usize = 3;
const TIME: Duration = Duration::from_secs(4);
const SLOW: usize = 10_000;
const LAN: &str = "[lan]\nlisten = [\"127.0.0.1:0\"]\nmax_connections = 1024\nconnections_per_address = 128\nrequests_per_second = 100000\n";

/// One server, and what to ask it.
#[derive(Clone)]
struct Target {
    address: SocketAddr,
    tls: TlsConnector,
    /// What shows who asks, besides the connection itself.
    headers: Vec<(HeaderName, String)>,
}

/// Answers a second, and their times in seconds, sorted.
struct Outcome {
    rate: f64,
    times: Vec<f64>,
}

impl Outcome {
    fn of(start: Instant, mut times: Vec<f64>) -> Self {
        times.sort_unstable_by(f64::total_cmp);
        Self { rate: times.len() as f64 / start.elapsed().as_secs_f64(), times }
    }

    fn milliseconds(&self, share: f64) -> f64 {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let at = ((self.times.len() - 1) as f64 * share).ceil() as usize;
        self.times[at] * 1000.0
    }

    fn figures(&self) -> [f64; 3] {
        [self.rate, self.milliseconds(0.5), self.milliseconds(0.99)]
    }
}

pub(crate) fn run(runtime: &Runtime) -> Report {
    let mut report = Report::default();
    report.note("GET /v1/health over TLS 1.3 on 64 connections, with each kind of credential; the clients share the processors with the server. Medians of 3 rounds.");
    let sandbox = Sandbox::start();
    let house = House::with(&sandbox, LAN);
    let gateway = house.start();
    let tls = connector(&house.authority(), None);
    let stranger = Target { address: house.lan(), tls, headers: Vec::new() };
    let own = Target { headers: vec![(header::AUTHORIZATION, house.bearer())], ..stranger.clone() };
    let body = runtime.block_on(once(&own));
    let peer = Nginx::start(&body);
    if peer.is_none() {
        report.note("nginx is not installed: there is nothing to compare with (make bench installs it).");
    }
    let rounds = |target: &Target, figure: Figure| {
        let (mut own, mut other) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            own.push(figure(runtime, target));
            other.extend(peer.as_ref().map(|nginx| figure(runtime, &nginx.target)));
        }
        (middle(&own), (!other.is_empty()).then(|| middle(&other)))
    };
    let credentials = [
        ("API key", own.clone()),
        ("certificate", runtime.block_on(software(&house, &stranger))),
        ("cookies, person logged in", runtime.block_on(browser(&house, &stranger))),
    ];
    for (name, target) in credentials {
        let (figures, other) = rounds(&target, requests);
        for (n, what, unit) in [(0, "requests", "1/s"), (1, "p50", "ms"), (2, "p99", "ms")] {
            let row = Row::new(format!("{what}, {name}"), figures[n], unit);
            let row = beside(row, other.map(|other| other[n]));
            report.row(if n == 0 && other.is_some() { row.goal(Goal::ShareAtLeast(0.5)) } else { row });
        }
    }
    let (shakes, other) = rounds(&own, handshakes);
    report.row(beside(Row::new("full TLS handshakes", shakes[0], "1/s"), other.map(|other| other[0])));
    drop(peer);

    let quiet = runtime.block_on(ask(&own, 4, TIME)).milliseconds(0.99);
    let (loaded, opened) = runtime.block_on(among_slow(&own));
    report.note(format!("{opened} slow connections were opened by 160 addresses while 4 clients of another asked; as many as this process may hold stayed open."));
    let row = Row::new("p99, 4 clients, among 10,000 slow connections", loaded, "ms");
    report.row(row.beside("the same without them", quiet).goal(Goal::TimesAtMost(2.0)));
    gateway.stop();
    report
}

/// Rate, p50 and p99 of one round.
type Figure = fn(&Runtime, &Target) -> [f64; 3];

fn requests(runtime: &Runtime, target: &Target) -> [f64; 3] {
    runtime.block_on(ask(target, CLIENTS, TIME)).figures()
}

fn handshakes(runtime: &Runtime, target: &Target) -> [f64; 3] {
    runtime.block_on(shake(target)).figures()
}

fn middle(rounds: &[[f64; 3]]) -> [f64; 3] {
    [0, 1, 2].map(|n| median(rounds.iter().map(|round| round[n]).collect()))
}

fn beside(row: Row, peer: Option<f64>) -> Row {
    match peer {
        Some(value) => row.beside("nginx, fixed body", value),
        None => row,
    }
}

/// Pairs as a program does, with a certificate of a day.
async fn software(house: &House, stranger: &Target) -> Target {
    let window = house.administer(&["terminal", "pair", "program", "--kind", "software"]);
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let (_, paired) = post(stranger, "/v1/pair", &json!({ "code": window["code"], "csr": request })).await;
    let certificate = CertificateDer::from_pem_slice(paired["certificate"].as_str().unwrap().as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    Target { tls: connector(&house.authority(), Some((certificate, key))), ..stranger.clone() }
}

/// Pairs as a browser does, and a person logs in there.
async fn browser(house: &House, stranger: &Target) -> Target {
    let window = house.administer(&["terminal", "pair", "desk", "--kind", "browser"]);
    let staff = house.administer(&["staff", "add", "sato", "--name", "S", "--role", "clerk"]);
    let origin = (header::ORIGIN, format!("https://{}", stranger.address));
    let mut target = Target { headers: vec![origin.clone()], ..stranger.clone() };
    let (terminal, _) = post(&target, "/v1/pair", &json!({ "code": window["code"] })).await;
    target.headers = vec![origin.clone(), (header::COOKIE, terminal.clone())];
    let (one_time, own) = (&staff["one_time_password"], "tulip bridge oven");
    let mut session = String::new();
    for (path, body) in [
        ("/v1/session", json!({ "user": "sato", "password": one_time })),
        ("/v1/session/password", json!({ "password": one_time, "new_password": own })),
    ] {
        session = post(&target, path, &body).await.0;
        target.headers = vec![origin.clone(), (header::COOKIE, format!("{terminal}; {session}"))];
    }
    assert!(!session.is_empty());
    target
}

/// The cookie that was set, without its attributes, and the body.
async fn post(target: &Target, path: &str, body: &Value) -> (String, Value) {
    let stream = TokioIo::new(connect(target).await);
    let (mut sender, connection) = hyper::client::conn::http1::handshake::<_, Full<Bytes>>(stream).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::post(path).header("host", target.address.to_string());
    for (name, value) in &target.headers {
        request = request.header(name, value);
    }
    let request = request.header("content-type", "application/json").body(Full::from(body.to_string())).unwrap();
    let response = sender.send_request(request).await.unwrap();
    let status = response.status();
    let cookie = response.headers().get("set-cookie").map(|cookie| cookie.to_str().unwrap().to_owned());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(status.is_success(), "{path}: {}", String::from_utf8_lossy(&body));
    let pair = cookie.as_deref().and_then(|cookie| cookie.split(';').next()).unwrap_or_default().to_owned();
    (pair, serde_json::from_slice(&body).unwrap())
}

fn connector(authority: &Path, own: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13]);
    let config = config.unwrap().with_root_certificates(roots);
    let mut config = match own {
        Some((certificate, key)) => config.with_client_auth_cert(vec![certificate], key).unwrap(),
        None => config.with_no_client_auth(),
    };
    // Each handshake is a whole one.
    config.resumption = rustls::client::Resumption::disabled();
    TlsConnector::from(Arc::new(config))
}

async fn connect(target: &Target) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(target.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    target.tls.connect(ServerName::from(target.address.ip()), stream).await.unwrap()
}

type Sender = hyper::client::conn::http1::SendRequest<Empty<Bytes>>;

async fn sender(target: &Target) -> Sender {
    let (sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(connect(target).await)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn health(sender: &mut Sender, target: &Target) -> Bytes {
    let mut request = Request::get("/v1/health").header("host", target.address.to_string());
    for (name, value) in &target.headers {
        request = request.header(name, value);
    }
    sender.ready().await.unwrap();
    let response = sender.send_request(request.body(Empty::new()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    response.into_body().collect().await.unwrap().to_bytes()
}

async fn once(target: &Target) -> Bytes {
    health(&mut sender(target).await, target).await
}

/// Requests one after the other on each of `clients` connections.
async fn ask(target: &Target, clients: usize, time: Duration) -> Outcome {
    let start = Instant::now();
    let tasks = (0..clients).map(|_| {
        let target = target.clone();
        tokio::spawn(async move {
            let mut sender = sender(&target).await;
            let mut times = Vec::new();
            while start.elapsed() < time {
                let begin = Instant::now();
                health(&mut sender, &target).await;
                times.push(begin.elapsed().as_secs_f64());
            }
            times
        })
    });
    let mut times = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        times.append(&mut task.await.unwrap());
    }
    Outcome::of(start, times)
}

/// Handshakes one after the other by 16 clients.
async fn shake(target: &Target) -> Outcome {
    let start = Instant::now();
    let tasks = (0..16).map(|_| {
        let target = target.clone();
        tokio::spawn(async move {
            let mut times = Vec::new();
            while start.elapsed() < TIME {
                let begin = Instant::now();
                let mut stream = connect(&target).await;
                times.push(begin.elapsed().as_secs_f64());
                let _ = stream.shutdown().await;
            }
            times
        })
    });
    let mut times = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        times.append(&mut task.await.unwrap());
    }
    Outcome::of(start, times)
}

/// The p99 of four clients while other addresses open connections that begin a handshake and say no more; in ms, and how many they opened.
async fn among_slow(target: &Target) -> (f64, usize) {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most.min(SLOW as u64 + 2000), most).unwrap();
    let address = target.address;
    let attack = tokio::spawn(async move {
        let mut open = Vec::new();
        let start = Instant::now();
        for n in 0..SLOW {
            let Ok(socket) = TcpSocket::new_v4() else { continue };
            let last = u8::try_from(n % 160).unwrap() + 2;
            socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), 0)).unwrap();
            let Ok(mut stream) = socket.connect(address).await else { continue };
            let _ = stream.write_all(&[0x16, 0x03, 0x01]).await;
            open.push(stream);
            // Spread over the time of the measurement.
            let due = start + TIME.mul_f64(n as f64 / SLOW as f64);
            tokio::time::sleep_until(due).await;
        }
        SLOW
    });
    let outcome = ask(target, 4, TIME).await;
    (outcome.milliseconds(0.99), attack.await.unwrap())
}

/// nginx of this run's own: its own port, folder and certificate.
struct Nginx {
    child: Child,
    target: Target,
    _directory: tempfile::TempDir,
}

impl Nginx {
    fn start(body: &Bytes) -> Option<Self> {
        let binary = ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| Path::new(path).exists())?;
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        let authority = engawa::credential::Authority::open_or_make(at, engawa::clock::Clock::system().now()).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2040, 1, 1);
        let authority_key = std::fs::read_to_string(at.join("authority.key")).unwrap();
        let issuer = rcgen::KeyPair::from_pem(&authority_key).unwrap();
        let issuer = rcgen::Issuer::from_ca_cert_pem(authority.pem(), issuer).unwrap();
        std::fs::write(at.join("leaf.pem"), params.signed_by(&key, &issuer).unwrap().pem()).unwrap();
        std::fs::write(at.join("leaf.key"), key.serialize_pem()).unwrap();
        std::fs::create_dir(at.join("html")).unwrap();
        std::fs::write(at.join("html/health"), body).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = format!(
            "daemon off; worker_processes auto; pid {at}/pid; error_log {at}/error.log;\n\
             events {{ worker_connections 4096; }}\n\
             http {{ access_log off; keepalive_requests 100000000; default_type application/json; open_file_cache max=10;\n\
             server {{ listen 127.0.0.1:{port} ssl; ssl_protocols TLSv1.3; ssl_certificate {at}/leaf.pem;\n\
             ssl_certificate_key {at}/leaf.key; ssl_session_cache off; ssl_session_tickets off;\n\
             location = /v1/health {{ alias {at}/html/health; }} }} }}\n",
            at = at.display(),
        );
        std::fs::write(at.join("nginx.conf"), settings).unwrap();
        let mut command = Command::new(binary);
        command.arg("-c").arg(at.join("nginx.conf")).arg("-p").arg(at).stdin(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let target = Target { address, tls: connector(&at.join("authority.pem"), None), headers: Vec::new() };
        while std::net::TcpStream::connect(address).is_err() {
            std::thread::yield_now();
        }
        Some(Self { child, target, _directory: directory })
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master takes its workers down with it; a kill would leave them.
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.child.wait();
    }
}
