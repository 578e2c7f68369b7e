//! SIGTERM: what is on its way arrives, or is asked about after the next start; one deadline for all.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use engawa::clock::Clock;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::PATIENCE;
use crate::support::gateway::{Gateway, Setup, opinion};
use crate::support::http::Ask;
use crate::support::sandbox::Sandbox;
use crate::support::until;

/// A document that the hub has been asked to take and has not answered yet.
fn on_its_way(gateway: &Gateway, hub: &Sandbox) -> String {
    let id = gateway.accepted(&opinion(1), "k-1");
    until("the hub to be asked", PATIENCE, || {
        let calls = hub.status()["calls"]["opinions"].as_u64();
        calls.filter(|calls| *calls > 0)
    });
    assert_eq!(gateway.submission(&id)["state"], "sending");
    id
}

/// An event stream that has told of a sending.
fn events(gateway: &Gateway) -> UnixStream {
    let mut stream = UnixStream::connect(gateway.socket()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&Ask::new("GET", "/v1/events?from=beginning").bytes()).unwrap();
    let mut told = Vec::new();
    while !String::from_utf8_lossy(&told).contains("submission.sending") {
        let mut more = [0; 4096];
        let length = stream.read(&mut more).unwrap();
        assert!(length > 0, "{}", String::from_utf8_lossy(&told));
        told.extend_from_slice(&more[..length]);
    }
    stream
}

#[test]
fn a_delivery_on_its_way_arrives_before_the_end() {
    let hub = Sandbox::start();
    hub.fault(json!({ "on": "opinions", "kind": "delay", "delay_ms": 6000 }));
    let mut gateway = Gateway::new(&hub);
    let id = on_its_way(&gateway, &hub);
    let hub_key = gateway.hub_key(&id);
    let mut stream = events(&gateway);
    gateway.signal(Signal::SIGTERM);
    until("a closed door", PATIENCE, || UnixStream::connect(gateway.socket()).is_err().then_some(()));
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(b"0\r\n\r\n"), "the stream ends, it does not break: {rest:?}");
    assert!(gateway.ended().is_none(), "the delivery is waited for");
    assert_eq!(gateway.wait().code(), Some(0));
    assert_eq!(hub.key_facts(&hub_key)["effects"], 1);
    let log = gateway.log();
    let steps =
        ["no longer accepting finished=true", "sends in flight ended finished=true", "store closed finished=true"];
    let places: Vec<_> = steps.iter().map(|step| log.find(step).unwrap_or_else(|| panic!("{step}: {log}"))).collect();
    assert!(places.is_sorted(), "{log}");

    gateway.start();
    let seen = gateway.submission(&id);
    assert_eq!((&seen["state"], &seen["attempts"]), (&json!("delivered"), &json!(1)), "{seen}");
    assert_eq!(hub.key_facts(&gateway.hub_key(&id))["seen"], 1);
    assert_eq!(gateway.errors(), [""; 0]);
}

/// Stops with a deadline of one second while the hub does not answer; what the sender sees after the next start.
fn cut_off(fault: Value) -> (Sandbox, Gateway, String) {
    let hub = Sandbox::start();
    hub.fault(fault);
    let mut gateway = Setup::new(&hub).set("shutdown.deadline_s", "1").start();
    let id = on_its_way(&gateway, &hub);
    let clock = Clock::system();
    let status = gateway.stop();
    let took = clock.elapsed();
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(30), "{took:?}: the hub's answer is not waited for");
    // Kept visible for a moment.
    hub.fault(json!({ "on": "lookup", "kind": "delay", "delay_ms": 5000 }));
    gateway.start();
    let seen = gateway.reaches(&id, "unknown", PATIENCE);
    assert_eq!(seen["reason"]["code"], "OUTCOME_UNKNOWN", "{seen}");
    (hub, gateway, id)
}

#[test]
fn what_the_deadline_cuts_off_is_asked_about_and_sent_again_when_it_never_arrived() {
    let (hub, gateway, id) = cut_off(json!({ "on": "opinions", "kind": "cut_before_effect", "delay_ms": 60_000 }));
    gateway.reaches(&id, "delivered", PATIENCE);
    assert_eq!(
        (&hub.key_facts(&gateway.hub_key(&id))["effects"], &hub.facts()["totals"]["filed_twice"]),
        (&json!(1), &json!(0))
    );
}

#[test]
fn what_the_deadline_cuts_off_is_asked_about_and_not_sent_again_when_it_arrived() {
    let (hub, gateway, id) = cut_off(json!({ "on": "opinions", "kind": "slow_body", "interval_ms": 2000 }));
    let seen = gateway.reaches(&id, "delivered", PATIENCE);
    let facts = hub.key_facts(&gateway.hub_key(&id));
    assert_eq!((&facts["effects"], &facts["seen"]), (&json!(1), &json!(1)), "{facts}");
    assert_eq!(seen["receipt"]["number"], facts["receipt_number"]);
}

#[test]
fn a_sender_that_stalls_does_not_hold_up_the_end() {
    let hub = Sandbox::start();
    let mut gateway = Setup::new(&hub).set("shutdown.deadline_s", "1").start();
    let mut whole = crate::support::gateway::submission(&opinion(1), "k-1").bytes();
    whole.truncate(whole.len() - 10);
    let mut stream = UnixStream::connect(gateway.socket()).unwrap();
    stream.write_all(&whole).unwrap();
    let clock = Clock::system();
    assert_eq!(gateway.stop().code(), Some(0));
    assert!(clock.elapsed() < Duration::from_secs(14), "{:?}", clock.elapsed());
    gateway.start();
    assert_eq!(gateway.list("queued").len() + gateway.list("delivered").len(), 0, "half a document is none");
}
