//! Listening: TCP, TLS and Unix sockets, bounded connections, and an orderly end.
//!
//! HTTP/1.1 only: nothing speaks HTTP/2 without TLS, and telling the two apart would mean waiting, without a limit, for
//! a peer that sends half a preface. On the LAN, too: one connection is one request at a time, so that counting connections is enough.

use std::any::Any;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use nix::unistd::geteuid;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::task::TaskTracker;
use tower::Service as _;

use super::caller::{Connection, Line, Peer};
use super::lan::{Gate, LanConfig, canonical};
use super::standing::Ties;
use super::steady::Steady;
use super::whole::Whole;
use crate::clock::Clock;
use crate::task;
use crate::telemetry::Metric;

/// How long to wait when the system cannot accept a connection (no descriptors left): it does not get better by asking.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a connection may go on once its user was shut out.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long to wait until a port of the LAN that could not be bound is tried again.
const BIND_PAUSE: Duration = Duration::from_secs(2);

/// A port of the LAN: binds it, or says why not and gives nothing. What is wrong with it keeps nobody on the box waiting.
pub type LanPort = Arc<dyn Fn() -> Option<TcpListener> + Send + Sync>;

/// Where callers come in.
pub enum Listener {
    /// A TCP port.
    Tcp(TcpListener),
    /// A TCP port for other machines, behind TLS; tried again until it can be bound.
    Lan(LanPort, LanConfig),
    /// A Unix socket: root and the daemon's own user are administrators on it.
    Unix(UnixListener),
}

/// Settings of the sockets.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// How long a connection may take over a request's head, and may rest between requests.
    pub header_timeout: Duration,
    /// Connections open at once on each listener; more wait in the system's queue. Counted apart, so that the network
    /// cannot lock out the administrator on the Unix socket.
    pub max_connections: usize,
    /// How long a caller may take over each megabyte of an answer: one that stops reading would keep it in memory.
    pub reading: Duration,
    /// Bytes of a request's head; at least 8 KiB.
    pub max_head: usize,
    /// How long running requests may take to finish once the endpoint stops.
    pub drain: Duration,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(30),
            max_connections: 256,
            reading: Duration::from_secs(60),
            max_head: 64 << 10,
            drain: Duration::from_secs(20),
        }
    }
}

/// Serves `router` on every listener until `shutdown` is ready; then stops accepting, ends event streams, lets running
/// requests and detached work finish, and returns. Returns whether everything finished within [`ServeConfig::drain`].
pub async fn serve(
    listeners: Vec<Listener>,
    router: Router,
    config: ServeConfig,
    shutdown: impl Future<Output = ()> + Send,
) -> bool {
    let (stop, stopping) = watch::channel(false);
    let tasks = TaskTracker::new();
    let clock = Clock::system();
    // All ports of the LAN count together.
    let mut gate = None;
    for listener in listeners {
        let seats = Arc::new(Semaphore::new(config.max_connections));
        let connections = Connections {
            router: router.clone(),
            http: builder(&config),
            seats,
            reading: config.reading,
            stopping: stopping.clone(),
            tasks: tasks.clone(),
        };
        match listener {
            Listener::Lan(port, config) => {
                let gate = gate.get_or_insert_with(|| Gate::new(config)).clone();
                task::spawn_on(&tasks, connections.accept_lan(port, gate, clock.clone()));
            }
            listener => drop(task::spawn_on(&tasks, connections.accept(listener))),
        }
    }
    shutdown.await;
    stop.send_replace(true);
    tasks.close();
    let finished = tokio::time::timeout(config.drain, tasks.wait()).await.is_ok();
    if !finished {
        tracing::warn!(left = tasks.len(), "the endpoint stops with requests unfinished");
    }
    finished
}

fn builder(config: &ServeConfig) -> Builder {
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout)
        .max_buf_size(config.max_head.max(8 << 10));
    builder
}

/// A connection's octets, whatever carries them: HTTP is compiled once for all listeners.
trait Octets: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Octets for S {}

/// What one listener's connections share.
#[derive(Clone)]
struct Connections {
    router: Router,
    http: Builder,
    seats: Arc<Semaphore>,
    reading: Duration,
    stopping: watch::Receiver<bool>,
    tasks: TaskTracker,
}

impl Connections {
    async fn accept(self, listener: Listener) {
        let mut stopping = self.stopping.clone();
        let stopped = stopping.wait_for(|stopping| *stopping);
        tokio::select! {
            _ = stopped => {}
            () = self.accept_all(&listener) => {}
        }
    }

    async fn accept_all(&self, listener: &Listener) {
        // A closed semaphore would be the only way out of the loop; it is never closed.
        while let Ok(seat) = Arc::clone(&self.seats).acquire_owned().await {
            if let Err(error) = self.accept_one(listener, seat).await {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }

    async fn accept_lan(self, port: LanPort, gate: Gate, clock: Clock) {
        let mut stopping = self.stopping.clone();
        let stopped = stopping.wait_for(|stopping| *stopping);
        let all = async {
            let listener = loop {
                match port() {
                    Some(listener) => break listener,
                    None => tokio::time::sleep(BIND_PAUSE).await,
                }
            };
            loop {
                match listener.accept().await {
                    Ok((stream, address)) => self.receive(stream, canonical(address), &gate, clock.elapsed()),
                    Err(error) => {
                        tracing::warn!(%error, "a connection cannot be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        };
        tokio::select! {
            _ = stopped => {}
            () = all => {}
        }
    }

    fn receive(&self, stream: TcpStream, address: SocketAddr, gate: &Gate, now: Duration) {
        let Some((stream, place)) = gate.admit(stream, address, now) else { return };
        let (connections, gate) = (self.clone(), gate.clone());
        let mut stopping = self.stopping.clone();
        let (displaced, ties) = (place.displaced(), Ties::proving(place.proven()));
        let served = async move {
            let _ = stream.set_nodelay(true);
            let shaken = tokio::select! {
                shaken = gate.shake(stream, address, connections.reading) => shaken,
                _ = stopping.wait_for(|stopping| *stopping) => return,
            };
            match shaken {
                Ok((stream, peer)) => connections.run(Box::new(stream), peer, (Box::new(place), ties)).await,
                Err(error) => {
                    Metric::LanRefused.count(&[("reason", "tls")]);
                    tracing::debug!(%address, %error, "no handshake with a peer of the LAN");
                }
            }
        };
        task::spawn_on(&self.tasks, async move {
            tokio::select! {
                () = served => {}
                () = displaced => Metric::LanRefused.count(&[("reason", "displaced")]),
            }
        });
    }

    async fn accept_one(&self, listener: &Listener, seat: OwnedSemaphorePermit) -> io::Result<()> {
        match listener {
            Listener::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let stream = Steady::new(stream, self.reading);
                let served =
                    self.clone().run(Box::new(stream), Peer::Network(address), (Box::new(seat), Ties::default()));
                task::spawn_on(&self.tasks, served);
            }
            // Has a loop of its own.
            Listener::Lan(..) => {}
            Listener::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let peer = peer(&stream)?;
                let stream = Steady::new(stream, self.reading);
                let served = self.clone().run(Box::new(stream), peer, (Box::new(seat), Ties::default()));
                task::spawn_on(&self.tasks, served);
            }
        }
        Ok(())
    }

    /// Serves one connection until its peer goes or the endpoint stops.
    async fn run(self, stream: Box<dyn Octets>, peer: Peer, (_seat, ties): (Box<dyn Any + Send>, Ties)) {
        let Self { router, http, mut stopping, tasks, .. } = self;
        let line = Line { peer, stopping: stopping.clone(), work: tasks, ties: ties.clone() };
        let connection = Connection::from(line);
        let used = Arc::new(AtomicBool::new(false));
        let service = {
            let used = Arc::clone(&used);
            hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
                used.store(true, Ordering::Relaxed);
                // In a box, as hyper moves what it is given.
                Box::pin(answer(router.clone(), connection.clone(), request))
            })
        };
        let mut serving = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
        // In a set, each is asked when it has something to say, and not with every piece of a request.
        let mut ends = FuturesUnordered::<BoxFuture<'_, End>>::new();
        ends.push(Box::pin(async {
            let _ = stopping.wait_for(|stopping| *stopping).await;
            End::Stopping
        }));
        ends.push(Box::pin(async {
            ties.broken().await;
            End::ShutOut
        }));
        let mut ended = tokio::select! {
            ended = serving.as_mut() => Some(ended),
            end = ends.select_next_some() => match end {
                End::Stopping => None,
                End::ShutOut => {
                    serving.as_mut().graceful_shutdown();
                    // Time enough for the refusal of what runs; an answer that is still being read is broken off.
                    tokio::time::timeout(LAST_WORDS, serving.as_mut()).await.ok();
                    Some(Ok(()))
                }
            }
        };
        // A connection that has not asked anything yet would be waited for in vain.
        if ended.is_none() && used.load(Ordering::Relaxed) {
            serving.as_mut().graceful_shutdown();
            ended = Some(serving.await);
        }
        if let Some(Err(error)) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

/// Why a connection ends before its peer goes.
enum End {
    /// The endpoint stops.
    Stopping,
    /// Its user may be here no longer.
    ShutOut,
}

async fn answer(
    mut router: Router,
    connection: Connection,
    request: hyper::Request<Incoming>,
) -> Result<axum::response::Response, Infallible> {
    let (head, body) = request.into_parts();
    let (body, mark) = Whole::mark(body);
    let mut request = Request::from_parts(head, body);
    request.extensions_mut().insert(connection);
    // A router is always ready.
    router.call(request).await.map(|response| mark.announce(response))
}

/// Who is at the other end, by the kernel's word.
fn peer(stream: &UnixStream) -> io::Result<Peer> {
    let user = stream.peer_cred()?.uid();
    let trusted = user == 0 || user == geteuid().as_raw();
    Ok(if trusted { Peer::Administrator } else { Peer::User(user) })
}
