//! A password is risked once: nothing that happens afterwards may lock the account.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::gateway::{Gateway, Setup, opinion};
use crate::support::sandbox::Sandbox;
use crate::support::until;

const PATIENCE: Duration = Duration::from_secs(30);
const DOCUMENTS: usize = 30;

fn account(hub: &Sandbox) -> Value {
    hub.status()["accounts"]["clinic-doctor"].clone()
}

fn setup(hub: &Sandbox) -> Setup {
    let setup = Setup::new(hub).set("hub.connect_timeout_s", "1").set("hub.request_timeout_s", "5");
    setup.set("hub.login_window_s", "1800")
}

/// Queued, or unknown when the process died while it was being sent.
fn waits_for(gateway: &Gateway, id: &str, code: &str) {
    until(code, PATIENCE, || {
        let seen = gateway.submission(id);
        (seen["state"] != "sending" && seen["reason"]["code"] == code).then_some(())
    });
}

/// Of all documents, in one look: one that changes its state meanwhile is counted once.
fn attempts(gateway: &Gateway) -> u64 {
    let page = gateway.get("/v1/submissions?limit=200").json();
    page["items"].as_array().unwrap().iter().map(|seen| seen["attempts"].as_u64().unwrap()).sum()
}

/// Asks for one document at once and waits until something has been tried: as long as the way is closed, one goes for all.
fn press(gateway: &Gateway, id: &str) {
    let before = until("a document that is not on its way", PATIENCE, || {
        let before = attempts(gateway);
        let answer = gateway.order(&format!("/v1/submissions/{id}/retry"));
        (answer.status == 200).then_some(before)
    });
    until("another attempt", PATIENCE, || (attempts(gateway) > before).then_some(()));
    waits_for(gateway, id, "HUB_LOGIN_REFUSED");
}

/// This process has tried, and been held back by what it remembers.
fn meets_the_refusal(gateway: &Gateway) {
    until("the refusal in the health report", PATIENCE, || {
        gateway.get("/v1/health").json().to_string().contains("HUB_LOGIN_REFUSED").then_some(())
    });
}

fn reloads(gateway: &Gateway) {
    let before = gateway.present_log().matches(" reloaded").count();
    gateway.signal(Signal::SIGHUP);
    until("the reload", PATIENCE, || (gateway.present_log().matches(" reloaded").count() > before).then_some(()));
}

#[test]
fn a_refused_password_is_never_sent_again_whatever_happens() {
    let hub = Sandbox::start();
    let setup = setup(&hub);
    setup.secret("password", "not-the-passw0rd");
    let mut gateway = setup.start();
    let ids: Vec<_> = (0..DOCUMENTS).map(|n| gateway.accepted(&opinion(n), &format!("k-{n}"))).collect();
    waits_for(&gateway, &ids[0], "HUB_LOGIN_REFUSED");
    for id in &ids {
        press(&gateway, id);
    }
    for _ in 0..3 {
        reloads(&gateway);
        press(&gateway, &ids[0]);
    }
    assert!(gateway.stop().success());
    gateway.start();
    meets_the_refusal(&gateway);
    press(&gateway, &ids[1]);
    gateway.restart();
    meets_the_refusal(&gateway);
    until("a document that is not on its way", PATIENCE, || {
        (gateway.order(&format!("/v1/submissions/{}/retry", ids[2])).status == 200).then_some(())
    });
    meets_the_refusal(&gateway);
    let told = account(&hub);
    assert_eq!((&told["attempts"], &told["wrong"], &told["locked_until"]), (&json!(1), &json!(1), &Value::Null));

    std::fs::write(gateway.dir().join("password"), hub.password("clinic-doctor")).unwrap();
    gateway.signal(Signal::SIGHUP);
    gateway.drained(PATIENCE);
    assert_eq!(gateway.list("delivered").len(), DOCUMENTS);
    let facts = hub.facts();
    assert_eq!((&facts["totals"]["effects"], &facts["totals"]["filed_twice"]), (&json!(DOCUMENTS), &json!(0)));
    assert_eq!(account(&hub)["attempts"], 2);
}

#[test]
fn crashes_in_the_middle_of_logins_do_not_lock_the_account() {
    let hub = Sandbox::start();
    // Long enough to be killed in.
    hub.fault(json!({ "on": "login", "kind": "delay", "delay_ms": 60_000, "times": 0 }));
    let logins = || hub.status()["calls"]["login"].as_u64().unwrap_or_default();
    let mut gateway = setup(&hub).start();
    let id = gateway.accepted(&opinion(1), "k-1");
    for round in 1..=2 {
        until("a login on its way", PATIENCE, || (logins() == round).then_some(()));
        gateway.restart();
    }
    // The hub may have counted two failures; a third would lock the account.
    for _ in 0..3 {
        waits_for(&gateway, &id, "HUB_LOGIN_CAUTIOUS");
        gateway.restart();
    }
    waits_for(&gateway, &id, "HUB_LOGIN_CAUTIOUS");
    assert!(gateway.submission(&id)["eta"].is_string());
    assert_eq!(logins(), 2);
}
