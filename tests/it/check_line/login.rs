//! Passwords: what the hub says of one, and how often it is shown one.

use std::time::Duration;

use serde_json::json;

use super::{Office, checks};
use crate::support::until;

#[test]
fn a_wrong_password_is_sent_once_however_often_one_looks() {
    let office = Office::with(|setup, _| {
        setup.secret("password", "not the password");
        setup
    });
    for _ in 0..10 {
        office.expect("hub.login", 130, "fail", "office");
    }
    assert_eq!(office.logins(), 1);
    // The gateway knows it, too.
    let mut gateway = office.gateway;
    gateway.start();
    until("the gateway to know", Duration::from_secs(20), || {
        let health = gateway.get("/v1/health").json();
        (health["parts"]["hub"]["reason"] == "HUB_LOGIN_REFUSED").then_some(())
    });
    assert_eq!(office.hub.status()["calls"]["login"], 1);
}

#[test]
fn a_locked_account() {
    let office = Office::new();
    office.hub.post("accounts/clinic-doctor", json!({"lock": "2h"}));
    office.expect("hub.login", 131, "fail", "office");
    office.expect("hub.login", 131, "fail", "office");
    assert_eq!(office.logins(), 1, "a locked account is left alone");
}

#[test]
fn log_ins_of_unknown_outcome_end() {
    let office = Office::with(|setup, _| setup.set("hub.login_window_s", "600"));
    office.hub.fault(json!({"on": "login", "kind": "cut_after_effect", "times": 0}));
    for _ in 0..2 {
        office.expect("hub.login", 117, "fail", "line");
    }
    for _ in 0..3 {
        office.expect("hub.login", 132, "warn", "hub");
    }
    assert_eq!(office.logins(), 2);
}

#[test]
fn a_box_that_was_never_started_makes_nothing_and_sends_nothing() {
    let hub = crate::support::sandbox::Sandbox::start();
    let gateway = super::setup(&hub).idle();
    super::expect(&gateway, "hub.login", 140, "warn", "lan_vendor");
    assert!(!gateway.state().exists(), "a look made the state directory");
    assert!(hub.status()["calls"]["login"].is_null() || hub.status()["calls"]["login"] == 0);
}

#[test]
fn what_is_tried_is_left_behind_in_nobody_elses_name() {
    let office = Office::new();
    let looked = office.hub.status()["calls"]["logout"].as_u64().unwrap_or_default();
    office.expect_well();
    assert_eq!(office.hub.status()["calls"]["logout"].as_u64().unwrap_or_default(), looked + 1, "logged out again");
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    // Root looks at a state that is the service's: nothing in it becomes root's.
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let state = office.gateway.state().to_owned();
    let own =
        |path: &std::path::Path| std::os::unix::fs::chown(path, Some(nobody.uid.as_raw()), Some(nobody.gid.as_raw()));
    own(office.gateway.dir()).unwrap();
    own(&state).unwrap();
    for entry in std::fs::read_dir(&state).unwrap() {
        own(&entry.unwrap().path()).unwrap();
    }
    office.expect_well();
    for entry in std::fs::read_dir(&state).unwrap() {
        use std::os::unix::fs::MetadataExt as _;
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().uid(), nobody.uid.as_raw(), "{:?}", entry.path());
    }
}

#[test]
fn a_running_service_is_asked_and_not_logged_in_beside() {
    let mut office = Office::new();
    office.gateway.start();
    until("the gateway to have logged in", Duration::from_secs(20), || {
        let health = office.gateway.get("/v1/health").json();
        health["parts"]["certificate"]["last_proof"].is_string().then_some(())
    });
    let before = office.logins();
    office.expect_well();
    assert_eq!(office.logins(), before);
    office.gateway.kill9();
}

#[test]
fn what_the_running_service_met_is_told() {
    let mut office = Office::with(|setup, _| {
        setup.secret("password", "not the password");
        setup
    });
    office.gateway.start();
    until("the gateway to have been refused", Duration::from_secs(20), || {
        let health = office.gateway.get("/v1/health").json();
        (health["parts"]["hub"]["reason"] == "HUB_LOGIN_REFUSED").then_some(())
    });
    office.expect("hub.login", 130, "fail", "office");
    assert_eq!(office.logins(), 1);
}

#[test]
fn without_the_network_nothing_is_asked() {
    let office = Office::new();
    office.hub.down();
    let output = office.gateway.run(&["check", "--offline", "--json"]);
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(!said.contains("\"hub.dns\"") && !said.contains("\"hub.login\""), "{said}");
}

#[test]
fn each_facility_is_looked_at() {
    let hub = crate::support::sandbox::Sandbox::start();
    let setup = super::setup(&hub);
    let gateway = setup.beside(&hub, "office", "office-manager").idle();
    assert!(gateway.run(&["key", "add", "programme"]).status.success());
    hub.post("accounts/office-manager", json!({"lock": "2h"}));
    let all = checks(&gateway);
    let logins: Vec<_> = all.iter().filter(|check| check["name"] == "hub.login").collect();
    assert_eq!(logins.len(), 2, "{all:#?}");
    assert_eq!((&logins[0]["verdict"], &logins[0]["facility"]), (&json!("ok"), &json!(null)));
    assert_eq!((&logins[1]["finding"], &logins[1]["facility"]), (&json!(131), &json!("9970000015")));
}
