//! Passwords: what the hub says of one, and how often it is shown one.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Office, checks};
use crate::support::gateway::{Gateway, opinion};
use crate::support::{skip, until};

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
        return skip("only root can give files to another user");
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
    let all = office.checks();
    let login = all.iter().find(|check| check["name"] == "hub.login").unwrap();
    assert_eq!(login["verdict"], "ok", "{all:#?}");
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
        (office.logins() > 0 && health["parts"]["hub"]["last_proof"].is_string()).then_some(())
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

/// Waits until the running service names this for its hub.
fn met(gateway: &Gateway, reason: &str) {
    until(reason, Duration::from_secs(20), || {
        (gateway.get("/v1/health").json()["parts"]["hub"]["reason"] == reason).then_some(())
    });
}

#[test]
fn a_password_that_was_put_there_after_the_start_is_not_used_yet() {
    let mut office = Office::new();
    let password = std::fs::read(office.gateway.dir().join("password")).unwrap();
    std::fs::remove_file(office.gateway.dir().join("password")).unwrap();
    office.gateway.start();
    met(&office.gateway, "SECRET_MISSING");
    office.gateway.secret("password", password);
    let found = office.expect("hub.login", 142, "fail", "lan_vendor");
    assert!(found["detail_en"].as_str().unwrap().contains("SECRET_MISSING"), "{found}");
    office.gateway.restart();
    until("all to be well", Duration::from_secs(20), || {
        office.checks().iter().all(|check| check["verdict"] == "ok").then_some(())
    });
}

#[test]
fn a_service_that_is_shut_in_sees_another_line() {
    if !nix::unistd::geteuid().is_root() {
        return skip("only root can take a service's network away");
    }
    let script = "case \"$*\" in *' serve '*) exec unshare -n \"$@\";; *) exec \"$@\";; esac";
    let mut office = Office::with(|setup, _| setup.through(&["sh", "-c", script, "sh"]));
    office.gateway.start();
    met(&office.gateway, "HUB_UNREACHABLE");
    office.expect("hub.login", 141, "fail", "lan_vendor");
}

#[test]
fn a_line_that_is_back_is_not_held_against_it_by_what_asks_seldom() {
    let mut office = Office::new();
    office.hub.down();
    office.gateway.start();
    met(&office.gateway, "HUB_UNREACHABLE");
    office.hub.up();
    let id = office.gateway.accepted(&opinion(1), "first");
    office.gateway.reaches(&id, "delivered", Duration::from_secs(30));
    let all = office.checks();
    let login = all.iter().find(|check| check["name"] == "hub.login").unwrap();
    assert_eq!(login["verdict"], "ok", "{all:#?}");
}

#[test]
fn a_service_that_has_not_exchanged_anything_yet_is_not_called_well() {
    let mut office = Office::new();
    office.hub.fault(json!({"on": "login", "kind": "delay", "delay_ms": 600_000, "times": 0}));
    office.gateway.start();
    let found = office.expect("hub.login", 144, "warn", "lan_vendor");
    assert!(found["detail_en"].as_str().unwrap().contains("not exchanged anything"), "{found}");
    office.gateway.kill9();
}

#[test]
fn a_log_in_that_nobody_wanted_is_not_called_well() {
    let office = Office::new();
    let output = office.gateway.run(&["check", "--no-login", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let login = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "hub.login").unwrap();
    assert_eq!((&login["finding"], &login["verdict"]), (&json!(140), &json!("warn")), "{report:#}");
}

#[test]
fn a_facility_that_was_added_after_the_start_is_not_served_yet() {
    let hub = crate::support::sandbox::Sandbox::start();
    let mut gateway = super::setup(&hub).beside(&hub, "office", "office-manager").idle();
    let (file, away) = (gateway.dir().join("facilities.d/office.toml"), gateway.dir().join("office.toml"));
    std::fs::rename(&file, &away).unwrap();
    gateway.start();
    until("the gateway to have logged in", Duration::from_secs(20), || {
        gateway.get("/v1/health").json()["parts"]["hub"]["last_proof"].is_string().then_some(())
    });
    std::fs::rename(&away, &file).unwrap();
    let found = super::expect(&gateway, "hub.login", 143, "fail", "lan_vendor");
    assert_eq!(found["facility"], "9970000015");
}

#[test]
#[allow(clippy::disallowed_methods)] // How long the process takes by the machine's clock.
fn a_hub_that_does_not_answer_a_log_in_is_not_waited_for_long() {
    let office = Office::with(|setup, _| setup.set("hub.request_timeout_s", "120"));
    office.hub.fault(json!({"on": "logout", "kind": "delay", "delay_ms": 600_000, "times": 0}));
    let begun = Instant::now();
    office.expect_well();
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?} for a log-out", begun.elapsed());
    office.hub.fault(json!({"on": "login", "kind": "delay", "delay_ms": 600_000, "times": 0}));
    let begun = Instant::now();
    office.expect("hub.login", 138, "fail", "hub");
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?} for a log-in", begun.elapsed());
}

#[test]
fn a_state_that_a_log_in_would_change_is_left_alone() {
    let office = Office::new();
    let untried = |office: &Office, why: &str| {
        let all = office.checks();
        let login = all.iter().find(|check| check["name"] == "hub.login").unwrap_or_else(|| panic!("{all:#?}"));
        assert_eq!((&login["finding"], &login["verdict"]), (&json!(140), &json!("warn")), "{all:#?}");
        assert!(login["detail_en"].as_str().unwrap().contains(why), "{login}");
        assert_eq!(office.logins(), 0);
    };
    for barred in ["EPOCH_OLD", "RESTORED_UNCONFIRMED"] {
        let set = "INSERT OR REPLACE INTO fact (name, value) VALUES ('outbox.barred', ";
        office.gateway.sql(&format!("{set}'{barred}') RETURNING name"));
        untried(&office, "sends nothing");
    }
    office.gateway.sql("DELETE FROM fact WHERE name = 'outbox.barred' RETURNING name");
    // By its number it is of an engawa before this one.
    let file = office.gateway.state().join("engawa.db");
    let version = |bytes: &[u8]| u32::from_be_bytes(bytes[60..64].try_into().unwrap());
    let mut bytes = std::fs::read(&file).unwrap();
    let older = version(&bytes) - 1;
    bytes[60..64].copy_from_slice(&older.to_be_bytes());
    std::fs::write(&file, &bytes).unwrap();
    untried(&office, "opened it");
    assert_eq!(version(&std::fs::read(&file).unwrap()), older, "a check brought it up to date");
}

#[test]
fn the_token_of_the_master_keys_is_not_asked() {
    let Office { hub, gateway } = Office::new();
    let pin = json!(gateway.dir().join("pin")).to_string();
    gateway.secret("pin", "1234");
    let gateway = gateway.again(|setup| {
        let token = "\"pkcs11:token=engawa;object=engawa?module-path=/nowhere/module.so\"";
        setup.set("state.master_key_token", token).set("state.master_key_pin_file", &pin)
    });
    let all = checks(&gateway);
    let login = all.iter().find(|check| check["name"] == "hub.login").unwrap_or_else(|| panic!("{all:#?}"));
    assert!(login["detail_en"].as_str().unwrap().contains("is not used for a check"), "{login}");
    assert_eq!(hub.status()["calls"]["login"].as_u64().unwrap_or_default(), 0);
}
