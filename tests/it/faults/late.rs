//! The effect that comes late: the gateway's patience ends, the hub has "never seen" the key, the gateway sends again, and
//! only then the first request is carried out.

use std::time::Duration;

use serde_json::json;

use crate::support::gateway::{Setup, opinion};
use crate::support::sandbox::Sandbox;
use crate::support::until;

const PATIENCE: Duration = Duration::from_secs(60);

/// How many seconds the gateway waits for an answer; the delays of the first request and of the second, in milliseconds.
fn files_once(patience: &str, first: u64, second: u64) {
    let hub = Sandbox::start();
    hub.fault(json!([
        { "on": "opinions", "kind": "delay", "delay_ms": first },
        { "on": "opinions", "kind": "delay", "delay_ms": second },
    ]));
    let gateway = Setup::new(&hub).set("hub.connect_timeout_s", "1").set("hub.request_timeout_s", patience).start();
    let id = gateway.accepted(&opinion(1), "k-1");
    let delivered = gateway.reaches(&id, "delivered", PATIENCE);
    until("the effect of the request that was given up", PATIENCE, || (hub.status()["at_work"] == 0).then_some(()));
    let facts = hub.key_facts(&gateway.hub_key(&id));
    assert_eq!((&facts["seen"], &facts["effects"]), (&json!(2), &json!(1)), "asked too late to see the race? {facts}");
    assert_eq!(facts["bodies_sha256"], json!([delivered["sha256"]]), "{facts}");
    assert_eq!(facts["receipt_number"], delivered["receipt"]["number"], "{facts}");
    assert_eq!(hub.facts()["totals"]["filed_twice"], 0);
    let afterwards = gateway.submission(&id);
    for member in ["state", "receipt", "attempts"] {
        assert_eq!(afterwards[member], delivered[member], "{member}: nothing changes it afterwards");
    }
    assert_eq!(gateway.errors(), [""; 0]);
}

#[test]
fn an_effect_that_comes_after_the_second_request_s_files_nothing_twice() {
    files_once("5", 25_000, 0);
}

#[test]
fn an_effect_that_overtakes_the_second_request_files_nothing_twice() {
    // The second is still at work when the first takes effect; its own answer is the first one's.
    files_once("10", 17_000, 8_000);
}
