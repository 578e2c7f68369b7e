//! What this machine is called, and its addresses.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use nix::ifaddrs::getifaddrs;

use crate::order;

/// The host name up to its first dot, in lower case; `None` when there is none that could be a name in a network.
#[must_use]
pub fn host_name() -> Option<String> {
    let name = nix::unistd::gethostname().ok()?.into_string().ok()?;
    let short = name.split('.').next()?.to_ascii_lowercase();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let sound = (1..=63).contains(&short.len()) && short.bytes().all(plain);
    (sound && !short.starts_with('-') && !short.ends_with('-')).then_some(short)
}

/// Every address of every interface; empty when the system does not say.
#[must_use]
pub fn addresses() -> BTreeSet<IpAddr> {
    let Ok(interfaces) = getifaddrs() else { return BTreeSet::new() };
    let address = |address: nix::sys::socket::SockaddrStorage| {
        let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
    };
    order::set(interfaces.filter_map(|interface| interface.address.and_then(address)))
}

/// The networks of every interface but loopback and link-local ones: what a machine of the same office has, too.
#[must_use]
pub fn networks() -> BTreeSet<IpNet> {
    let Ok(interfaces) = getifaddrs() else { return BTreeSet::new() };
    let network = |interface: nix::ifaddrs::InterfaceAddress| {
        let (address, mask) = (interface.address?, interface.netmask?);
        let v4 = address.as_sockaddr_in().zip(mask.as_sockaddr_in());
        if let Some((address, mask)) = v4 {
            let network = Ipv4Net::with_netmask(address.ip(), mask.ip()).ok()?;
            return (!address.ip().is_loopback() && !address.ip().is_link_local())
                .then_some(IpNet::V4(network.trunc()));
        }
        let (address, mask) = address.as_sockaddr_in6().zip(mask.as_sockaddr_in6())?;
        let network = Ipv6Net::with_netmask(address.ip(), mask.ip()).ok()?;
        (!address.ip().is_loopback() && !address.ip().is_unicast_link_local()).then_some(IpNet::V6(network.trunc()))
    };
    order::set(interfaces.filter_map(network))
}
