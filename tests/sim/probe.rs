//! What a look at the way to the hub makes of what it sees: name servers' answers, and the machine's own tables.

use std::net::IpAddr;

use engawa::hub::probe::{Answer, Interface, Net, Toward, judge_names, nameservers, question, read_answer};
use proptest::prelude::*;

/// As `/proc/net/route` has it on a little-endian machine.
const ROUTE: &str = "\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
tun0\t006433C6\tFE0200C0\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0
*\t017100CB\t00000000\t0205\t0\t0\t0\tFFFFFFFF\t0\t0\t0
";
const ROUTE_V6: &str = "\
20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
";
const ARP: &str = "\
IP address       HW type     Flags       HW address            Mask     Device
192.0.2.1        0x1         0x2         02:00:00:00:00:01     *        eth0
192.0.2.7        0x1         0x0         00:00:00:00:00:00     *        eth0
";

fn net(interfaces: &[(&str, bool, bool)]) -> Net {
    let interfaces = interfaces
        .iter()
        .map(|&(name, carrier, device)| Interface { name: name.to_owned(), carrier, device })
        .collect();
    Net::parse(interfaces, ROUTE, ROUTE_V6, ARP)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn router(address: &str, interface: &str) -> Toward {
    Toward::Router { address: ip(address), interface: interface.to_owned() }
}

#[test]
fn the_nearest_route_counts() {
    let net = net(&[("eth0", true, true), ("tun0", true, false)]);
    assert_eq!(net.toward(ip("203.0.113.5")), router("192.0.2.1", "eth0"));
    assert_eq!(net.toward(ip("198.51.100.5")), router("192.0.2.254", "tun0"));
    assert_eq!(net.toward(ip("192.0.2.40")), Toward::Near);
    assert_eq!(net.toward(ip("127.0.0.1")), Toward::Near);
    assert_eq!(net.toward(ip("2001:db8::7")), Toward::Near);
    assert_eq!(net.toward(ip("2001:db9::7")), router("fe80::1", "eth0"));
    assert_eq!(net.outward(), router("192.0.2.1", "eth0"));
    assert_eq!((net.answered(ip("192.0.2.1")), net.answered(ip("192.0.2.7"))), (Some(true), Some(false)));
    assert_eq!(net.answered(ip("192.0.2.8")), None);
}

#[test]
fn a_route_over_a_cable_that_is_not_there_is_no_way() {
    let net = net(&[("eth0", false, true), ("tun0", true, false)]);
    assert_eq!(net.toward(ip("203.0.113.5")), Toward::NoNetwork);
    assert_eq!(net.outward(), Toward::NoNetwork);
}

#[test]
fn without_a_route_the_cable_decides() {
    let interface = |name: &str, carrier, device| Interface { name: name.to_owned(), carrier, device };
    let bare = |interfaces| Net::parse(interfaces, "", "", "");
    let bridge = interface("docker0", true, false);
    assert_eq!(bare(vec![interface("eth0", true, true)]).outward(), Toward::NoRoute);
    assert_eq!(bare(vec![interface("eth0", false, true), bridge.clone()]).outward(), Toward::NoNetwork);
    assert_eq!(bare(vec![bridge]).outward(), Toward::NoRoute);
    assert_eq!(bare(vec![]).outward(), Toward::NoNetwork);
}

#[test]
fn name_servers_are_read_as_the_c_library_reads_them() {
    let conf = "# one\nnameserver 192.0.2.1\nsearch example\n nameserver fe80::1%eth0\nnameserver x\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n";
    assert_eq!(nameservers(conf), [ip("192.0.2.1"), ip("fe80::1"), ip("192.0.2.3")]);
    assert_eq!(nameservers(""), [ip("127.0.0.1")]);
}

#[test]
fn a_question_is_a_question() {
    let asked = question(0x1234, "hub.example").unwrap();
    assert_eq!(asked, b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03hub\x07example\x00\x00\x01\x00\x01");
    assert_eq!(question(1, "hub.example."), question(1, "hub.example"));
    assert_eq!(question(1, "hub..example"), None);
    assert_eq!(question(1, &"a".repeat(64)), None);
    assert_eq!(question(1, &"a.".repeat(200)), None);
}

#[test]
fn answers_are_told_apart() {
    let answer =
        |flags: u8, code: u8, count: u8| read_answer(0x1234, &[0x12, 0x34, flags, code, 0, 1, 0, count, 0, 0, 0, 0]);
    assert_eq!(answer(0x81, 0x80, 1), Some(Answer::Known { address: true }));
    assert_eq!(answer(0x81, 0x80, 0), Some(Answer::Known { address: false }));
    assert_eq!(answer(0x81, 0x83, 0), Some(Answer::NoSuchName));
    assert_eq!(answer(0x81, 0x82, 0), Some(Answer::Failure));
    assert_eq!(answer(0x81, 0x85, 0), Some(Answer::Failure));
    assert_eq!(answer(0x01, 0, 0), None, "a question");
    assert_eq!(read_answer(0x4321, &[0x12, 0x34, 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0]), None, "to another question");
}

#[test]
fn one_that_knows_is_believed_before_one_that_is_silent() {
    use Answer::{Failure, Known, NoSuchName, Silence};
    assert_eq!(judge_names(&[Silence, NoSuchName]), NoSuchName);
    assert_eq!(judge_names(&[Failure, Silence]), Failure);
    assert_eq!(judge_names(&[Silence, Silence]), Silence);
    assert_eq!(judge_names(&[Failure, Known { address: true }]), Known { address: true });
    assert_eq!(judge_names(&[]), Silence);
}

proptest! {
    #[test]
    fn nothing_that_comes_breaks_the_readers(octets: Vec<u8>, text: String) {
        let _ = read_answer(0, &octets);
        let _ = question(0, &text);
        let _ = nameservers(&text);
        let _ = Net::parse(Vec::new(), &text, &text, &text).outward();
    }
}
