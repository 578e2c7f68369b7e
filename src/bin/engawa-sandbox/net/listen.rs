//! Listening, and being down: while the power is off the port refuses connections, yet nobody else can take it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::tap::Tap;
use super::{Line, tls};
use crate::cli::Failure;
use crate::faults::{Call, Kind};
use crate::run::Sandbox;
use crate::wire::serve;

/// How long a client may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// How long a refused client is listened to, so that it gets to read why.
const LINGER: Duration = Duration::from_secs(2);

/// An address that is bound for good and listened on at times.
pub(crate) struct Reserved {
    address: SocketAddr,
    _bound: TcpSocket,
}

impl Reserved {
    /// Binds; port 0 takes `wish` where it is free, or else any.
    pub(crate) fn new(address: SocketAddr, wish: Option<u16>) -> Result<Self, Failure> {
        let wished = wish.filter(|_| address.port() == 0).map(|port| SocketAddr::new(address.ip(), port));
        let bound = match wished.map(socket) {
            Some(Ok(bound)) => bound,
            _ => socket(address).map_err(|e| format!("{address}: {e}"))?,
        };
        Ok(Self { address: bound.local_addr()?, _bound: bound })
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn open(&self) -> io::Result<TcpListener> {
        socket(self.address)?.listen(1024)
    }
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Serves while the power is on, for ever.
pub(crate) async fn listen(reserved: Reserved, sandbox: Arc<Sandbox>) -> Result<(), Failure> {
    let mut wanted = sandbox.power.wanted();
    loop {
        let _ = wanted.wait_for(|up| *up).await;
        let listener = reserved.open().map_err(|e| format!("{}: {e}", reserved.address))?;
        let knife = CancellationToken::new();
        sandbox.power.is(true);
        loop {
            tokio::select! {
                _ = wanted.wait_for(|up| !*up) => break,
                accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                    tokio::spawn(connection(stream, knife.child_token(), Arc::clone(&sandbox)));
                },
            }
        }
        drop(listener);
        knife.cancel();
        sandbox.power.is(false);
    }
}

async fn connection(stream: TcpStream, knife: CancellationToken, sandbox: Arc<Sandbox>) {
    sandbox.lines.accepted.fetch_add(1, Ordering::Relaxed);
    tokio::select! {
        () = knife.cancelled() => {}
        () = converse(stream, knife.clone(), sandbox) => {}
    }
}

async fn converse(stream: TcpStream, knife: CancellationToken, sandbox: Arc<Sandbox>) {
    let fault = sandbox.meet(Call { operation: "connect", path: "", facility: None, key: None });
    if let Some(fault) = &fault {
        tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
    }
    let kind = fault.map(|f| f.kind);
    let config = match kind {
        Some(Kind::Drop) => return,
        Some(Kind::Stall) => return std::future::pending().await,
        Some(Kind::RefuseClient) => sandbox.certificates.refusing(),
        _ => sandbox.certificates.showing(kind.and_then(Kind::server_certificate)),
    };
    let _ = stream.set_nodelay(true);
    let shaken = tokio::time::timeout(HANDSHAKE, TlsAcceptor::from(config).accept(stream).into_fallible()).await;
    let stream = match shaken {
        Ok(Ok(stream)) => stream,
        refused => {
            sandbox.lines.failed_handshakes.fetch_add(1, Ordering::Relaxed);
            if let Ok(Err((_, stream))) = refused {
                let _ = tokio::time::timeout(LINGER, part(stream)).await;
            }
            return;
        }
    };
    let session = stream.get_ref().1;
    let Some(identity) = session.peer_certificates().and_then(|chain| tls::identity(chain.first()?)) else { return };
    let line = Line::new(identity, knife);
    sandbox.lines.add(&line);
    let service = service_fn(|request| serve(request, Arc::clone(&line), Arc::clone(&sandbox)));
    let stream = TokioIo::new(Tap::new(stream, Arc::clone(&line)));
    let _ = http1::Builder::new().serve_connection(stream, service).await;
}

/// Closes our half and reads the rest: closing over unread bytes would reset the connection and swallow the TLS alert.
async fn part(mut stream: TcpStream) {
    let mut rest = [0; 4096];
    let _ = stream.shutdown().await;
    while matches!(stream.read(&mut rest).await, Ok(1..)) {}
}
