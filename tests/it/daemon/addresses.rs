//! A name with two addresses of which the first is silent, as an IPv6 address is where the line carries none.

use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::support::gateway::{Setup, opinion};
use crate::support::sandbox::Sandbox;
use crate::support::{skip, until};

/// A port that lets nobody in and refuses nobody: the queue of those who wait at it is full.
struct Silent {
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl Silent {
    fn at(address: SocketAddr) -> Self {
        let listener = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
        listener.bind(&address.into()).unwrap();
        listener.listen(0).unwrap();
        let mut waiting = Vec::new();
        until("the queue to be full", Duration::from_secs(20), || {
            match TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
                Ok(stream) => waiting.push(stream),
                Err(_) => return Some(()),
            }
            None
        });
        Self { _listener: listener.into(), _waiting: waiting }
    }
}

#[test]
fn a_silent_first_address_of_the_hub_costs_a_moment_only() {
    let hub = Sandbox::start();
    let _silent = Silent::at(SocketAddr::from((Ipv6Addr::LOCALHOST, hub.port())));
    // As long for all addresses together as the silent one alone would take.
    let setup = Setup::new(&hub).set("hub.connect_timeout_s", "3");
    let hosts = setup.path("hosts");
    std::fs::write(&hosts, "::1 localhost\n127.0.0.1 localhost\n").unwrap();
    let script = format!("mount --bind {} \"$(readlink -f /etc/hosts)\" && exec \"$@\"", hosts.display());
    let first =
        Command::new("unshare").args(["-m", "sh", "-c", &script, "sh", "getent", "ahosts", "localhost"]).output();
    if !first.as_ref().is_ok_and(|output| output.stdout.starts_with(b"::1")) {
        return skip(&format!("a hosts file of one's own, and IPv6 on the loopback: {first:?}"));
    }
    let gateway = setup.through(&["unshare", "-m", "sh", "-c", &script, "sh"]).start();
    let id = gateway.accepted(&opinion(1), "first");
    gateway.reaches(&id, "delivered", Duration::from_secs(20));
}
