//! pcscd and the readers.

use engawa::cli::Finding;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use super::{names, report, sound, troubles};
use crate::support::gateway::Setup;
use crate::support::pcscd::Pcscd;
use crate::support::sandbox::Sandbox;

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
