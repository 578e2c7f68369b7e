//! A port of the LAN that somebody else has.

use std::net::TcpListener;

use super::kit::PATIENCE;
use crate::support::gateway::{Setup, opinion};
use crate::support::http::Ask;
use crate::support::sandbox::Sandbox;
use crate::support::until;

#[test]
fn a_port_that_is_taken_stops_nobody_on_the_box_and_is_opened_once_it_is_free() {
    let hub = Sandbox::start();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let gateway = Setup::new(&hub).tcp().set("lan.listen", &format!("[\"{address}\"]")).start();
    let lan = || gateway.get("/v1/health").json()["parts"]["lan"].clone();
    let told = lan();
    assert_eq!((&told["status"], &told["reason"]), (&"degraded".into(), &"LAN_PORT".into()), "{told}");
    gateway.accepted(&opinion(1), "while the port is taken");
    assert_eq!(Ask::new("GET", "/v1/health").over_tcp(gateway.address()).unwrap().status, 200);
    assert_eq!(gateway.errors().len(), 1, "told once: {:?}", gateway.errors());
    drop(other);
    until("the port to be opened", PATIENCE, || gateway.log().contains("listening to the LAN").then_some(()));
    assert_eq!(lan()["status"], "ok");
    std::net::TcpStream::connect(address).unwrap();
}
