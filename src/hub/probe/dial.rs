//! The TCP connection, and where the way ends if there is none.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::machine::{Net, Toward};

/// A line that carries anything carries a connection in less.
const CONNECT: Duration = Duration::from_secs(5);
/// After so long the kernel has given up on a neighbour that it had known.
const NEIGHBOUR: Duration = Duration::from_secs(9);
/// Ports that a router has, open or refused: name server, its own pages.
const ROUTER_PORTS: [u16; 2] = [53, 80];
/// Addresses that are tried.
const MOST: usize = 16;

/// Where the way ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DialFault {
    /// No cable.
    NoNetwork,
    /// No router is set.
    NoRoute,
    /// The router does not answer; without an address: the hub, though it stands in the LAN.
    RouterSilent(Option<IpAddr>),
    /// Up to the router all is well.
    Line,
    /// Refused, by the other side or by a firewall.
    Refused,
}

/// How far the way out of the LAN is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Router {
    /// A router answers.
    Answers,
    /// It is not needed.
    NotNeeded,
}

/// What became of one address.
enum Tried {
    Connected,
    Refused,
    Silent,
}

/// Which of `addresses` takes a connection: all are tried side by side.
///
/// # Errors
/// [`DialFault`]: where the way to them ends.
pub async fn dial(addresses: &[SocketAddr]) -> Result<SocketAddr, DialFault> {
    let mut trying: JoinSet<_> =
        addresses.iter().take(MOST).map(|&address| async move { (address, connect(address).await) }).collect();
    let mut refused = false;
    while let Some(tried) = trying.join_next().await {
        match tried {
            Ok((address, Tried::Connected)) => return Ok(address),
            Ok((_, Tried::Refused)) => refused = true,
            Ok((_, Tried::Silent)) | Err(_) => {}
        }
    }
    if refused {
        return Err(DialFault::Refused);
    }
    let Some(wanted) = judged(addresses) else { return Err(DialFault::NoRoute) };
    Err(match way(Some(wanted)).await {
        Ok(Router::Answers) => DialFault::Line,
        Ok(Router::NotNeeded) if wanted.is_loopback() => DialFault::Refused,
        Ok(Router::NotNeeded) => DialFault::RouterSilent(None),
        Err(fault) => fault,
    })
}

/// The address whose way is judged. Where there are both, the older protocol's way tells more.
pub(super) fn judged(addresses: &[SocketAddr]) -> Option<IpAddr> {
    addresses.iter().find(|address| address.is_ipv4()).or(addresses.first()).map(SocketAddr::ip)
}

/// How far the way to `address` is well, or out of the LAN.
///
/// # Errors
/// `NoNetwork`, `NoRoute` and `RouterSilent`.
pub async fn way(address: Option<IpAddr>) -> Result<Router, DialFault> {
    let net = Net::read();
    match address.map_or_else(|| net.outward(), |address| net.toward(address)) {
        Toward::NoNetwork => Err(DialFault::NoNetwork),
        Toward::NoRoute => Err(DialFault::NoRoute),
        Toward::Near => Ok(Router::NotNeeded),
        Toward::Router { address, interface } if answers(address, &interface).await => Ok(Router::Answers),
        Toward::Router { address, .. } => Err(DialFault::RouterSilent(Some(address))),
    }
}

async fn connect(address: SocketAddr) -> Tried {
    match timeout(CONNECT, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Tried::Connected,
        Ok(Err(error)) if is_refusal(&error) => Tried::Refused,
        Ok(Err(_)) | Err(_) => Tried::Silent,
    }
}

/// Also what a firewall of this machine says.
fn is_refusal(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset | ErrorKind::PermissionDenied)
}

/// Whether a router is there: it takes or refuses a connection, or has told its hardware address when it was last asked for.
async fn answers(router: IpAddr, interface: &str) -> bool {
    let at = |port| match router {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            let scope = nix::net::if_::if_nametoindex(interface).unwrap_or(0);
            SocketAddr::V6(SocketAddrV6::new(v6, port, 0, scope))
        }
        other => SocketAddr::new(other, port),
    };
    let mut knocking: JoinSet<_> = ROUTER_PORTS.into_iter().map(|port| TcpStream::connect(at(port))).collect();
    let heard = async {
        while let Some(knocked) = knocking.join_next().await {
            match knocked {
                Ok(Ok(_)) => return Some(true),
                Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => return Some(true),
                Ok(Err(error)) if error.kind() == ErrorKind::HostUnreachable => return Some(false),
                _ => {}
            }
        }
        None
    };
    match timeout(NEIGHBOUR, heard).await {
        Ok(Some(heard)) => heard,
        // It takes no notice of strangers; the kernel knows whether it is there. IPv6 neighbours are not told without privileges.
        Ok(None) | Err(_) => Net::read().answered(router).unwrap_or(router.is_ipv6()),
    }
}
