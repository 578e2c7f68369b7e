//! Connections from the LAN, before the first request: network, count and rate of an address, then TLS within a time.
//!
//! A connection that is not wanted is accepted and reset at once. To leave it in the system's queue would make everybody else wait behind it.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::caller::Peer;
use super::perimeter::Perimeter;
use super::steady::Steady;
use crate::telemetry::Metric;
use crate::terminal::pairing::{NEARBY, network};

/// How the LAN is listened to.
#[derive(Clone)]
pub struct LanConfig {
    /// TLS: the box's certificate, and whose certificates are asked for.
    pub tls: Arc<ServerConfig>,
    /// Who may come, and under which names.
    pub perimeter: Arc<Perimeter>,
    /// Connections open at once; one more takes the place of one of the address that has the most, or is closed.
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
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    all: usize,
    next: u64,
    /// The connections of each address, the oldest first.
    by_address: HashMap<IpAddr, BTreeMap<u64, Arc<Notify>>>,
    /// How many each IPv6 /64 has.
    by_network: HashMap<IpAddr, usize>,
}

impl Open {
    fn of(&self, address: IpAddr) -> usize {
        self.by_address.get(&address).map_or(0, BTreeMap::len)
    }

    fn near(&self, address: IpAddr) -> usize {
        network(address).and_then(|network| self.by_network.get(&network)).copied().unwrap_or(0)
    }

    fn add(&mut self, address: IpAddr) -> (u64, Arc<Notify>) {
        let (number, displaced) = (self.next, Arc::new(Notify::new()));
        self.next += 1;
        self.all += 1;
        self.by_address.entry(address).or_default().insert(number, Arc::clone(&displaced));
        if let Some(network) = network(address) {
            *self.by_network.entry(network).or_default() += 1;
        }
        (number, displaced)
    }

    fn remove(&mut self, address: IpAddr, number: u64) {
        let Some(connections) = self.by_address.get_mut(&address) else { return };
        let removed = connections.remove(&number).is_some();
        if connections.is_empty() {
            self.by_address.remove(&address);
        }
        if !removed {
            return;
        }
        self.all -= 1;
        let Some(network) = network(address) else { return };
        if let Some(near) = self.by_network.get_mut(&network) {
            *near -= 1;
            if *near == 0 {
                self.by_network.remove(&network);
            }
        }
    }

    /// Makes room for an address with `own` connections: the oldest one goes of the address that has the most, if it has more than
    /// the newcomer will have. So those who take many seats take them from each other.
    fn displace(&mut self, own: usize) -> bool {
        let most = self.by_address.iter().max_by_key(|(_, connections)| connections.len());
        let Some((address, connections)) = most.filter(|(_, connections)| connections.len() > own + 1) else {
            return false;
        };
        let Some((&number, displaced)) = connections.first_key_value() else { return false };
        displaced.notify_one();
        self.remove(*address, number);
        true
    }
}

/// The place of one connection; given back when dropped.
pub(super) struct Place {
    open: Arc<Mutex<Open>>,
    address: IpAddr,
    number: u64,
    displaced: Arc<Notify>,
}

impl Place {
    /// Ready when the connection has to go, to make room for an address that has fewer.
    pub(super) fn displaced(&self) -> impl Future<Output = ()> + Send + use<> {
        let displaced = Arc::clone(&self.displaced);
        async move { displaced.notified().await }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(self.address, self.number);
    }
}

impl Gate {
    pub(super) fn new(config: LanConfig) -> Self {
        Self { config, open: Arc::default() }
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
        let LanConfig { perimeter, max_connections, per_address, .. } = &self.config;
        if !perimeter.reach().answers(address) {
            return Err("network");
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.of(address);
        // However many addresses a machine takes on, half of the seats are left to those who come otherwise.
        let nearby = (per_address * NEARBY).min(max_connections / 2).max(*per_address);
        if own >= *per_address || open.near(address) >= nearby {
            return Err("address");
        }
        perimeter.connection(address, now).map_err(|_| "rate")?;
        if open.all >= *max_connections && !open.displace(own) {
            return Err("full");
        }
        let (number, displaced) = open.add(address);
        Ok(Place { open: Arc::clone(&self.open), address, number, displaced })
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
        let certificate = shown.map(|certificate| Arc::from(certificate.as_ref()));
        Ok((stream, Peer::Lan { address, certificate }))
    }
}

/// IPv4 addresses that an IPv6 socket shows in its own way are the same machines.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
