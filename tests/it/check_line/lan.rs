//! Cable, router and line: each process of the program has a network of its own, made of a cable (veth) and, where one is wanted, a
//! router in a namespace of its own. Both end with the process.

use std::process::Command;

use super::expect;
use crate::support::gateway::Gateway;
use crate::support::sandbox::Sandbox;
use crate::support::skip;

/// The box's end of the cable is `lan0`, at 192.0.2.9; the other end is the router's.
const CABLE: &str = "set -e; mount -t sysfs none /sys; mkdir -p /run/netns; mount -t tmpfs none /run/netns; \
    ip netns add router; ip link set lo up; ip link add name lan0 type veth peer name wan0 netns router; \
    ip addr add 192.0.2.9/24 dev lan0; ip link set lan0 up; ";
const PLUGGED_IN: &str = "ip -n router link set wan0 up; ";
const DEFAULT_ROUTE: &str = "ip route add default via 192.0.2.1; ";
const ROUTER: &str = "ip -n router link set lo up; ip -n router addr add 192.0.2.1/24 dev wan0; ";

/// A box in such a network, whose hub stands far behind the router.
fn boxed(network: &[&str], url: &str) -> Option<(Sandbox, Gateway)> {
    let script = CABLE.to_owned() + &network.concat();
    let possible = Command::new("unshare").args(["-m", "-n", "sh", "-c", &script]).output();
    match possible {
        Ok(output) if output.status.success() => {}
        other => {
            skip(&format!("a network namespace: {other:?}"));
            return None;
        }
    }
    let hub = Sandbox::start();
    let setup = super::setup(&hub).set("hub.url", &format!("{url:?}"));
    let script = script + "exec \"$@\"";
    let gateway = setup.through(&["unshare", "-m", "-n", "sh", "-c", &script, "sh"]).idle();
    Some((hub, gateway))
}

const FAR: &str = "https://198.51.100.7";
const NAMED: &str = "https://hub.example";

#[test]
fn a_cable_that_is_not_plugged_in() {
    let Some((_hub, gateway)) = boxed(&[DEFAULT_ROUTE], FAR) else { return };
    expect(&gateway, "hub.tcp", 90, "fail", "lan_vendor");
}

#[test]
fn without_a_cable_no_name_server_is_to_blame() {
    let Some((_hub, gateway)) = boxed(&[], NAMED) else { return };
    expect(&gateway, "hub.tcp", 90, "fail", "lan_vendor");
}

#[test]
fn no_router_is_set() {
    let Some((_hub, gateway)) = boxed(&[PLUGGED_IN, ROUTER], FAR) else { return };
    expect(&gateway, "hub.tcp", 91, "fail", "lan_vendor");
}

#[test]
fn the_router_does_not_answer() {
    let Some((_hub, gateway)) = boxed(&[PLUGGED_IN, DEFAULT_ROUTE], FAR) else { return };
    let found = expect(&gateway, "hub.tcp", 92, "fail", "lan_vendor");
    assert!(found["detail"].as_str().unwrap().contains("192.0.2.1"), "{found}");
}

#[test]
fn nothing_comes_back_from_behind_the_router() {
    let Some((_hub, gateway)) = boxed(&[PLUGGED_IN, ROUTER, DEFAULT_ROUTE], FAR) else { return };
    expect(&gateway, "hub.tcp", 93, "fail", "line");
}

#[test]
fn the_router_says_that_its_line_is_down() {
    let forwarding = "ip netns exec router sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'; ";
    let Some((_hub, gateway)) = boxed(&[PLUGGED_IN, ROUTER, forwarding, DEFAULT_ROUTE], FAR) else { return };
    expect(&gateway, "hub.tcp", 93, "fail", "line");
}

#[test]
fn a_firewall_of_the_box_itself() {
    let forbidden = "ip route add prohibit 198.51.100.7; ";
    let Some((_hub, gateway)) = boxed(&[PLUGGED_IN, ROUTER, DEFAULT_ROUTE, forbidden], FAR) else { return };
    expect(&gateway, "hub.tcp", 94, "fail", "lan_vendor");
}

#[test]
fn a_hub_in_the_lan_that_is_switched_off() {
    let Some((_hub, gateway)) = boxed(&[PLUGGED_IN, ROUTER], "https://192.0.2.77") else { return };
    expect(&gateway, "hub.tcp", 95, "fail", "lan_vendor");
}

/// A name server beyond the router, which does not forward: it answers that there is no such name, as long as the box runs.
const NAME_SERVER: &str = "ip -n router addr add 198.51.100.53 dev lo; \
    echo nameserver 198.51.100.53 > /run/netns/resolv.conf; mount --bind /run/netns/resolv.conf \"$(readlink -f /etc/resolv.conf)\"; \
    ip netns exec router setpriv --pdeathsig KILL python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((\"198.51.100.53\", 53))
while True:
    m, to = s.recvfrom(1500)
    s.sendto(m[:2] + bytes([0x81, 0x83]) + m[4:], to)' < /dev/null > /dev/null 2>&1 & ";

#[test]
fn a_line_that_carries_while_nothing_comes_back_from_the_hub() {
    let Some((_hub, gateway)) = boxed(&[PLUGGED_IN, ROUTER, DEFAULT_ROUTE, NAME_SERVER], FAR) else { return };
    let found = expect(&gateway, "hub.tcp", 96, "fail", "lan_vendor");
    assert!(found["detail"].as_str().unwrap().contains("198.51.100.53"), "{found}");
}

/// Nor does an answer from within the LAN, or by way of another router, show that the hub's line carries.
#[test]
fn a_name_server_elsewhere_tells_nothing_of_the_line() {
    let near = NAME_SERVER.replace("198.51.100.53", "192.0.2.53");
    let other_way = "ip -n router addr add 192.0.2.2/24 dev wan0; ip route add 198.51.100.53 via 192.0.2.2; ";
    for network in [near, other_way.to_owned() + NAME_SERVER] {
        let Some((_hub, gateway)) = boxed(&[PLUGGED_IN, ROUTER, DEFAULT_ROUTE, &network], FAR) else { return };
        expect(&gateway, "hub.tcp", 93, "fail", "line");
    }
}
