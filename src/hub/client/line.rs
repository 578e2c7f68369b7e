//! One connection: TCP, TLS, and a note of what its reads and writes ran into.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::{HeaderValue, Uri};
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::LineFault;
use crate::hub::config::Timeouts;
use crate::hub::tls::fault_of;

/// Kept small so that "handed to the connection" and "on the wire" stay close together on a slow line.
const SOCKET_SEND_BUFFER: u32 = 256 * 1024;
const HTTPS_PORT: u16 = 443;
/// A connection on which so long nothing came is asked by the kernel whether it lives, which also keeps routers from forgetting it.
const SILENCE: Duration = Duration::from_secs(30);
/// One that does not answer is asked again so much later. With a request's usual patience, that is when it is given up.
const ASKED_AGAIN: Duration = Duration::from_secs(5);
/// How long an address is waited for before the next one is dialled beside it.
const HEAD_START: Duration = Duration::from_millis(250);

/// Why there is no connection.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no connection to the hub: {0:?}")]
pub(super) struct ConnectFault(LineFault);

impl ConnectFault {
    /// The fault inside hyper's error.
    pub(super) fn find(error: &(dyn Error + 'static)) -> Option<LineFault> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(fault) = error.downcast_ref::<Self>() {
                return Some(fault.0);
            }
            next = error.source();
        }
        None
    }
}

/// Opens connections for the pool.
#[derive(Clone)]
pub(super) struct Connector {
    tls: TlsConnector,
    timeouts: Timeouts,
    newest: Newest,
}

/// The notes of the line opened last.
#[derive(Clone, Default)]
pub(super) struct Newest(Arc<Mutex<Notes>>);

impl Newest {
    pub(super) fn fault(&self) -> Option<LineFault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fault()
    }

    fn open(&self) -> Notes {
        let notes = Notes::default();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = notes.clone();
        notes
    }
}

impl Connector {
    pub(super) fn new(tls: ClientConfig, timeouts: Timeouts, newest: Newest) -> Self {
        Self { tls: TlsConnector::from(Arc::new(tls)), timeouts, newest }
    }

    async fn open(self, uri: Uri) -> Result<Line, ConnectFault> {
        let opening = async {
            let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
            let name = ServerName::try_from(host.to_owned()).map_err(|_| ConnectFault(LineFault::Unreachable))?;
            let port = uri.port_u16().unwrap_or(HTTPS_PORT);
            let tcp = dial(host, port, self.timeouts.stall).await.map_err(|error| {
                tracing::debug!(%error, "no TCP connection to the hub");
                ConnectFault(LineFault::Unreachable)
            })?;
            let stream = self.tls.connect(name, tcp).await.map_err(|error| {
                tracing::debug!(%error, "no TLS connection to the hub");
                ConnectFault(fault_of(&error).unwrap_or(LineFault::Unreachable))
            })?;
            Ok(Line { stream: TokioIo::new(stream), notes: self.newest.open() })
        };
        tokio::time::timeout(self.timeouts.connect, opening).await.unwrap_or(Err(ConnectFault(LineFault::TimedOut)))
    }
}

/// The first address that answers. A silent one keeps the next waiting for a moment only (RFC 8305): a name often has an IPv6 address where
/// the line carries none. The last failure counts.
async fn dial(host: &str, port: u16, stall: Duration) -> io::Result<TcpStream> {
    let mut addresses = lookup_host((host, port)).await?;
    let mut dialled = FuturesUnordered::new();
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    loop {
        let next = addresses.next();
        let last = next.is_none();
        dialled.extend(next.map(|address| connect(address, stall)));
        if dialled.is_empty() {
            return Err(failure);
        }
        let head_start = async {
            if last {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(HEAD_START).await;
        };
        tokio::select! {
            Some(ended) = dialled.next() => match ended {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            },
            () = head_start => {}
        }
    }
}

/// `stall`: how long what was sent may stay unacknowledged, also after hyper has handed it over.
async fn connect(address: SocketAddr, stall: Duration) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_nodelay(true)?;
    let options = SockRef::from(&socket);
    options.set_tcp_keepalive(&TcpKeepalive::new().with_time(SILENCE).with_interval(ASKED_AGAIN))?;
    options.set_tcp_user_timeout(Some(stall))?;
    socket.set_send_buffer_size(SOCKET_SEND_BUFFER)?;
    socket.connect(address).await
}

impl tower::Service<Uri> for Connector {
    type Response = Line;
    type Error = ConnectFault;
    type Future = Pin<Box<dyn Future<Output = Result<Line, ConnectFault>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectFault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().open(uri))
    }
}

/// How an answer stands to those before it on the same connection.
pub(super) enum Order {
    /// Another than the last.
    Kept,
    /// The last one to the byte.
    Again,
    /// The last one to the byte, to the same key as it.
    SameKey,
    /// It came after such a one: answers may belong to earlier requests.
    Lost,
}

/// What was met on a connection: its first TLS failure, and the answer that came last.
#[derive(Clone, Default)]
pub(super) struct Notes(Arc<Met>);

#[derive(Default)]
struct Met {
    fault: OnceLock<LineFault>,
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    /// SHA-256 of the last answer.
    answer: Option<[u8; 32]>,
    /// The key of its request.
    key: Option<HeaderValue>,
    /// Whether one came a second time.
    again: bool,
}

impl Notes {
    pub(super) fn fault(&self) -> Option<LineFault> {
        self.0.fault.get().copied()
    }

    /// How this answer, by its hash, stands to those before. `key`: its request's, if it had one.
    pub(super) fn order(&self, answer: [u8; 32], key: Option<HeaderValue>) -> Order {
        let mut last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.again {
            return Order::Lost;
        }
        let same_key = key.is_some() && last.key == key;
        last.key = key;
        last.again = last.answer.replace(answer) == Some(answer);
        match (last.again, same_key) {
            (false, _) => Order::Kept,
            (true, true) => Order::SameKey,
            (true, false) => Order::Again,
        }
    }

    fn take<T>(&self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &result
            && let Some(fault) = fault_of(error)
        {
            // The first is the cause; later ones follow from it.
            let _ = self.0.fault.set(fault);
        }
        result
    }
}

/// One TLS connection.
pub(super) struct Line {
    stream: TokioIo<TlsStream<TcpStream>>,
    notes: Notes,
}

impl Line {
    /// Takes a look at what came in when a write fails: the hub's TLS may have said why before it closed.
    fn wrote<T>(&mut self, result: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if matches!(result, Poll::Ready(Err(_))) {
            let mut scratch = [0; 1024];
            let mut buffer = ReadBuf::new(&mut scratch);
            let _ = self.notes.take(Pin::new(&mut self.stream).poll_read(cx, buffer.unfilled()));
        }
        self.notes.take(result)
    }
}

impl Connection for Line {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.notes.clone())
    }
}

impl Read for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.notes.take(result)
    }
}

impl Write for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(result, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        self.wrote(result, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.wrote(result, cx)
    }
}
