//! The name server: each process of the program sees an `/etc/resolv.conf` of its own, in a mount namespace that ends with it.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::support::gateway::Gateway;
use crate::support::sandbox::Sandbox;
use crate::support::skip;

use super::expect;

const NO_SUCH_NAME: u8 = 3;
const SERVER_FAILURE: u8 = 2;

/// An address for a name server that nothing else on this machine has.
fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [high, low] = (std::process::id() as u16).to_be_bytes();
    Ipv4Addr::new(127, high.max(1), low, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Answers every question with this code.
fn name_server(code: u8) -> Option<Ipv4Addr> {
    let address = own_address();
    let socket = match UdpSocket::bind((address, 53)) {
        Ok(socket) => socket,
        Err(error) => {
            skip(&format!("port 53: {error}"));
            return None;
        }
    };
    std::thread::spawn(move || {
        let mut message = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut message) {
            let mut answer = message[..length].to_vec();
            (answer[2], answer[3]) = (0x81, 0x80 | code);
            let _ = socket.send_to(&answer, from);
        }
    });
    Some(address)
}

/// A box whose name server stands at `address`.
fn asking(hub: &Sandbox, address: Ipv4Addr) -> Option<Gateway> {
    let possible = Command::new("unshare").args(["-m", "ip", "route", "get", "198.51.100.7"]).output();
    if !possible.as_ref().is_ok_and(|output| output.status.success()) {
        skip(&format!("a mount namespace on a machine with a router: {possible:?}"));
        return None;
    }
    let setup = super::setup(hub).set("hub.url", "\"https://hub.example\"");
    let (resolv, nsswitch) = (setup.path("resolv.conf"), setup.path("nsswitch.conf"));
    std::fs::write(&resolv, format!("nameserver {address}\noptions timeout:1 attempts:1\n")).unwrap();
    std::fs::write(&nsswitch, "hosts: files dns\n").unwrap();
    let mount = |own: &Path, over: &str| format!("mount --bind {} \"$(readlink -f {over})\" && ", own.display());
    let script = mount(&resolv, "/etc/resolv.conf") + &mount(&nsswitch, "/etc/nsswitch.conf") + "exec \"$@\"";
    Some(setup.through(&["unshare", "-m", "sh", "-c", &script, "sh"]).idle())
}

#[test]
fn no_name_server_answers() {
    let hub = Sandbox::start();
    let Some(gateway) = asking(&hub, own_address()) else { return };
    expect(&gateway, "hub.dns", 80, "fail", "lan_vendor");
}

#[test]
fn the_name_server_does_not_know_the_name() {
    let hub = Sandbox::start();
    let Some(address) = name_server(NO_SUCH_NAME) else { return };
    let Some(gateway) = asking(&hub, address) else { return };
    let found = expect(&gateway, "hub.dns", 81, "fail", "lan_vendor");
    assert!(found["detail"].as_str().unwrap().contains(&IpAddr::from(address).to_string()), "{found}");
}

#[test]
fn the_name_server_reaches_nobody_itself() {
    let hub = Sandbox::start();
    let Some(address) = name_server(SERVER_FAILURE) else { return };
    let Some(gateway) = asking(&hub, address) else { return };
    expect(&gateway, "hub.dns", 82, "fail", "line");
}
