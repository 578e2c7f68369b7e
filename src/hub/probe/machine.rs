//! What the machine knows of its own network, without privileges: carriers, routes, neighbours. Read from `/proc/self/net`, which is
//! there also where the rest of `/proc` is hidden.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

const UP: u32 = 0x1;
const REJECT: u32 = 0x200;
/// The neighbour's hardware address is known.
const COMPLETE: u32 = 0x2;

/// A network interface other than the loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// For example `eth0`.
    pub name: String,
    /// A cable with something at its other end, and switched on.
    pub carrier: bool,
    /// A device of the machine, and none that software made.
    pub device: bool,
}

/// Where packets to some addresses go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    to: IpAddr,
    prefix: u8,
    gateway: Option<IpAddr>,
    metric: u32,
    interface: String,
}

/// The network as the machine sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Net {
    /// Without the loopback.
    pub interfaces: Vec<Interface>,
    /// Those that lead anywhere.
    pub routes: Vec<Route>,
    /// IPv4 neighbours that were asked for, and whether they answered.
    pub neighbours: Vec<(IpAddr, bool)>,
}

/// The first step of the way to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toward {
    /// No cable.
    NoNetwork,
    /// No way.
    NoRoute,
    /// It is this machine, or stands in the LAN itself.
    Near,
    /// Through this router.
    Router {
        /// Its address.
        address: IpAddr,
        /// Behind which interface it stands.
        interface: String,
    },
}

impl Net {
    /// As it is.
    #[must_use]
    pub fn read() -> Self {
        let text = |name: &str| std::fs::read_to_string(Path::new("/proc/self/net").join(name)).unwrap_or_default();
        let mut routes = routes_v4(&text("route"));
        routes.extend(routes_v6(&text("ipv6_route")));
        Self { interfaces: interfaces(), routes, neighbours: neighbours(&text("arp")) }
    }

    /// From the texts of `/proc/net/route`, `ipv6_route` and `arp`.
    #[must_use]
    pub fn parse(interfaces: Vec<Interface>, route: &str, ipv6_route: &str, arp: &str) -> Self {
        let mut routes = routes_v4(route);
        routes.extend(routes_v6(ipv6_route));
        Self { interfaces, routes, neighbours: neighbours(arp) }
    }

    /// The first step of the way to `address`.
    #[must_use]
    pub fn toward(&self, address: IpAddr) -> Toward {
        if address.is_loopback() {
            return Toward::Near;
        }
        let fitting = self.routes.iter().filter(|route| covers(route, address));
        self.step(fitting.min_by_key(|route| (u8::MAX - route.prefix, route.metric)))
    }

    fn step(&self, best: Option<&Route>) -> Toward {
        match best {
            None if self.is_cut_off() => Toward::NoNetwork,
            None => Toward::NoRoute,
            Some(route) if self.interfaces.iter().any(|own| own.name == route.interface && !own.carrier) => {
                Toward::NoNetwork
            }
            Some(Route { gateway: Some(address), interface, .. }) => {
                Toward::Router { address: *address, interface: interface.clone() }
            }
            Some(_) => Toward::Near,
        }
    }

    /// The first step out of the LAN: where everything unknown goes, or else through any router that is set.
    #[must_use]
    pub fn outward(&self) -> Toward {
        let routed = self.routes.iter().filter(|route| route.gateway.is_some());
        self.step(routed.min_by_key(|route| (route.prefix, route.metric)))
    }

    /// Whether a neighbour that was asked for answered; `None` when it was not asked for.
    #[must_use]
    pub fn answered(&self, address: IpAddr) -> Option<bool> {
        self.neighbours.iter().find(|(own, _)| *own == address).map(|(_, answered)| *answered)
    }

    /// No cable anywhere. Bridges and tunnels of software count only where there is no device at all.
    fn is_cut_off(&self) -> bool {
        let devices = self.interfaces.iter().any(|own| own.device);
        !self.interfaces.iter().any(|own| own.carrier && (own.device || !devices))
    }
}

fn interfaces() -> Vec<Interface> {
    let Ok(listed) = std::fs::read_dir("/sys/class/net") else { return Vec::new() };
    let found = listed.flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok().filter(|name| name != "lo")?;
        // Of an interface that is switched off it cannot be read.
        let carrier = std::fs::read_to_string(entry.path().join("carrier")).is_ok_and(|text| text.trim() == "1");
        // A file beside the interfaces (`bonding_masters`) is none.
        entry.path().is_dir().then(|| Interface { carrier, device: entry.path().join("device").exists(), name })
    });
    found.collect()
}

fn covers(route: &Route, address: IpAddr) -> bool {
    match (route.to, address) {
        (IpAddr::V4(to), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(route.prefix)).unwrap_or(0);
            u32::from(to) & mask == u32::from(address) & mask
        }
        (IpAddr::V6(to), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(route.prefix)).unwrap_or(0);
            u128::from(to) & mask == u128::from(address) & mask
        }
        _ => false,
    }
}

/// `Iface Destination Gateway Flags RefCnt Use Metric Mask …`, addresses in the machine's order of octets.
fn routes_v4(text: &str) -> Vec<Route> {
    let read = |line: &str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let hex = |at: usize| columns.get(at).and_then(|text: &&str| u32::from_str_radix(text, 16).ok());
        let address = |at: usize| hex(at).map(|octets| Ipv4Addr::from(octets.to_ne_bytes()));
        let flags = hex(3)?;
        let gateway = address(2).filter(|address| !address.is_unspecified());
        leads(flags).then_some(Route {
            to: address(1)?.into(),
            prefix: u8::try_from(hex(7)?.count_ones()).ok()?,
            gateway: gateway.map(IpAddr::V4),
            metric: columns.get(6)?.parse().ok()?,
            interface: (*columns.first()?).to_owned(),
        })
    };
    text.lines().skip(1).filter_map(read).collect()
}

/// `destination length source length next_hop metric references use flags interface`, all in hexadecimal.
fn routes_v6(text: &str) -> Vec<Route> {
    let read = |line: &str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let address = |at: usize| u128::from_str_radix(columns.get(at)?, 16).ok().map(Ipv6Addr::from);
        let interface = columns.get(9).filter(|name| **name != "lo")?;
        let gateway = address(4).filter(|address| !address.is_unspecified());
        leads(u32::from_str_radix(columns.get(8)?, 16).ok()?).then_some(Route {
            to: address(0)?.into(),
            prefix: u8::from_str_radix(columns.get(1)?, 16).ok()?,
            gateway: gateway.map(IpAddr::V6),
            metric: u32::from_str_radix(columns.get(5)?, 16).ok()?,
            interface: (*interface).to_owned(),
        })
    };
    text.lines().filter_map(read).collect()
}

const fn leads(flags: u32) -> bool {
    flags & UP != 0 && flags & REJECT == 0
}

/// `IP address, HW type, Flags, …`.
fn neighbours(text: &str) -> Vec<(IpAddr, bool)> {
    let read = |line: &str| {
        let mut columns = line.split_whitespace();
        let address = columns.next()?.parse().ok()?;
        let flags = u32::from_str_radix(columns.nth(1)?.strip_prefix("0x")?, 16).ok()?;
        Some((address, flags & COMPLETE != 0))
    };
    text.lines().skip(1).filter_map(read).collect()
}
