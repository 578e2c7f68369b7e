//! pcscd and the readers.

use std::time::Duration;

use engawa::cli::Finding;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use super::{names, report, sound, troubles};
use crate::support::gateway::Setup;
use crate::support::http::Ask;
use crate::support::pcscd::Pcscd;
use crate::support::sandbox::Sandbox;
use crate::support::until;
use crate::support::vcard::{PIN, Vcard};

fn beside(hub: &Sandbox, pcscd: &Pcscd, readers: usize) -> Setup {
    let setup = sound(hub).set("cards.enabled", "true").set("cards.readers", &readers.to_string());
    setup.env("PCSCLITE_CSOCK_NAME", pcscd.socket().to_str().unwrap())
}

#[test]
fn a_pcscd_that_is_dead_or_hangs_and_readers_that_are_gone_or_unknown() {
    let hub = Sandbox::start();
    let mut pcscd = Pcscd::start(2);
    let nearest = "{ \"3f9c0a1b2d4e\" = [\"Virtual 0 00 00\", \"Virtual 7 00 00\"] }";
    let gateway = beside(&hub, &pcscd, 4).set("cards.nearest", nearest).idle();
    let found = names(&gateway, "reader", Finding::ReaderUnknown, "warn", "reader");
    assert_eq!(found["object"], "Virtual 7 00 00");
    let whole = report(&gateway);
    let readers = whole["checks"].as_array().unwrap().iter().filter(|check| check["name"] == "reader");
    let readers: Vec<_> = readers.map(|check| check["object"].clone()).collect();
    assert_eq!(readers.len(), 5, "each is a check of its own: {whole:#}");

    pcscd.plug(1);
    let found = names(&gateway, "reader", Finding::ReaderMissing, "warn", "reader");
    assert!(found["detail_en"].as_str().unwrap().contains("2 of 4"), "{found}");

    let pid = Pid::from_raw(i32::try_from(pcscd.pid()).unwrap());
    kill(pid, Signal::SIGSTOP).unwrap();
    names(&gateway, "pcscd", Finding::PcscdHung, "warn", "lan_vendor");
    kill(pid, Signal::SIGCONT).unwrap();
    pcscd.down();
    names(&gateway, "pcscd", Finding::PcscdDown, "warn", "lan_vendor");
    let whole = report(&gateway);
    assert!(troubles(&whole).iter().all(|check| check["name"] != "reader"), "they cannot be seen: {whole:#}");
    assert_eq!(whole["ok"], json!(true), "no reader keeps documents from being sent");
}

#[test]
fn a_reader_that_a_mute_card_has_stopped() {
    let hub = Sandbox::start();
    let pcscd = Pcscd::start(1);
    let port = pcscd.ports()[0];
    let cards = Vcard::start(hub.dir(), &[("1", port)]);
    cards.wait_powered(port);
    let gateway = beside(&hub, &pcscd, 2).start();
    let order = json!({ "label": "desk", "rights": ["card"] });
    let key = gateway.ask(&Ask::new("POST", "/v1/keys").json(&order)).json()["key"].as_str().unwrap().to_owned();
    let ask = |path: &str, body: &serde_json::Value| gateway.ask(&Ask::new("POST", path).key(&key).json(body));
    let reader = until("the reader", Duration::from_secs(30), || {
        let readers = gateway.get("/v1/readers").json();
        let mut readers = readers["items"].as_array().unwrap().iter();
        readers.find(|reader| reader["card"] == "present").map(|reader| reader["name"].clone())
    });
    let opened = ask("/v1/card-sessions", &json!({ "reader": reader, "purpose": "identify", "wait_s": 10 })).json();
    cards.fault(port, json!({ "kind": "mute", "ins": "20" }));
    let path = format!("/v1/card-sessions/{}/identify", opened["id"].as_str().unwrap());
    let refused = ask(&path, &json!({ "method": "pin", "pin": PIN }));
    assert!(refused.status >= 400, "{refused:?}");
    let found = until("the reader to be given up", Duration::from_secs(60), || {
        let whole = report(&gateway);
        troubles(&whole).first().map(|&found| found.clone())
    });
    let expected = json!([Finding::ReaderDegraded.number(), "warn", "reader", reader]);
    assert_eq!(json!([found["finding"], found["verdict"], found["who"], found["object"]]), expected);
}
