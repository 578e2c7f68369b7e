//! Connections from the LAN, before the first request: network, count and rate of an address, then TLS within a time.
//!
//! A connection that is not wanted is accepted and reset at once. To leave it in the system's queue would make everybody else wait behind it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::caller::Peer;
use super::crowd::{Crowd, Proven, Seat};
use super::perimeter::Perimeter;
use super::steady::Steady;
use crate::telemetry::Metric;
use crate::terminal::ClientCertificate;

/// How the LAN is listened to.
#[derive(Clone)]
pub struct LanConfig {
    /// TLS: the box's certificate, and whose certificates are asked for.
    pub tls: Arc<ServerConfig>,
    /// Who may come, and under which names.
    pub perimeter: Arc<Perimeter>,
    /// Connections open at once; one more takes the place of another one (see [`Crowd`]), or is closed.
    pub max_connections: usize,
    /// Of these, from one address; more are closed. Of an IPv6 /64 eight times as many, and half of all at most.
    pub per_address: usize,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
}

impl std::fmt::Debug for LanConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LanConfig").field("max_connections", &self.max_connections).finish_non_exhaustive()
    }
}

/// The LAN's door, shared by its listeners.
#[derive(Clone)]
pub(super) struct Gate {
    config: LanConfig,
    crowd: Arc<Mutex<Crowd>>,
}

/// The place of one connection; given back when dropped.
pub(super) struct Place {
    crowd: Arc<Mutex<Crowd>>,
    seat: Seat,
}

impl Place {
    /// Ready when the connection has to go, to make room for somebody else.
    pub(super) fn displaced(&self) -> impl Future<Output = ()> + Send + use<> {
        self.seat.displaced()
    }

    /// To be told that somebody was let in on the connection.
    pub(super) fn proven(&self) -> Proven {
        self.seat.proven()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.lock().unwrap_or_else(PoisonError::into_inner).give_back(&self.seat);
    }
}

impl Gate {
    pub(super) fn new(config: LanConfig) -> Self {
        let crowd = Arc::new(Mutex::new(Crowd::new(config.max_connections, config.per_address)));
        Self { config, crowd }
    }

    /// Lets a connection through, or resets it.
    pub(super) fn admit(&self, stream: TcpStream, address: SocketAddr, now: Duration) -> Option<(TcpStream, Place)> {
        match self.place(address.ip(), now) {
            Ok(place) => Some((stream, place)),
            Err(reason) => {
                Metric::LanRefused.count(&[("reason", reason)]);
                tracing::debug!(%address, reason, "a connection from the LAN is refused");
                // A reset leaves nothing behind on this side, however many there are.
                let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                None
            }
        }
    }

    fn place(&self, address: IpAddr, now: Duration) -> Result<Place, &'static str> {
        let perimeter = &self.config.perimeter;
        if !perimeter.reach().answers(address) {
            return Err("network");
        }
        let mut crowd = self.crowd.lock().unwrap_or_else(PoisonError::into_inner);
        if !crowd.allows(address) {
            return Err("address");
        }
        perimeter.connection(address, now).map_err(|_| "rate")?;
        let seat = crowd.take(address).ok_or("full")?;
        drop(crowd);
        Ok(Place { crowd: Arc::clone(&self.crowd), seat })
    }

    /// Shakes hands; who is at the other end.
    ///
    /// # Errors
    /// When the peer does not speak TLS 1.3, shows a certificate that is not of this box, or takes too long.
    pub(super) async fn shake(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        reading: Duration,
    ) -> io::Result<(TlsStream<Steady<TcpStream>>, Peer)> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.config.tls));
        // Below TLS: what waits to be written is to be seen on the socket only.
        let shaking = acceptor.accept(Steady::new(stream, reading));
        let stream = tokio::time::timeout(self.config.handshake, shaking).await??;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let certificate = shown.map(|certificate| Arc::new(ClientCertificate::new(certificate)));
        Ok((stream, Peer::Lan { address, certificate }))
    }
}

/// IPv4 addresses that an IPv6 socket shows in its own way are the same machines.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
