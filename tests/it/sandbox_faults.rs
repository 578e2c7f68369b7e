//! Every fault of the sandbox as a client sees it.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::curl::{Curl, Reply};
use crate::support::sandbox::Sandbox;
use crate::support::until;

fn key(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

/// What curl saw of a fault, and how often the call had its effect.
fn met(hub: &Sandbox, n: usize, fault: Value) -> (Reply, u64) {
    let clinic = Curl::logged_in(hub, "clinic", "clinic-doctor");
    hub.fault(fault);
    let reply = clinic.file(&key(n), &hub.example());
    let effects = hub.key_facts(&key(n))["effects"].as_u64().unwrap_or(0);
    hub.clear_faults();
    (reply, effects)
}

#[test]
fn a_cut_before_the_effect_has_none_and_after_it_one() {
    let hub = Sandbox::start();
    let cases = [
        ("cut_before_effect", 0, 0),
        ("cut_mid_request", 0, 0),
        ("cut_after_effect", 1, 0),
        ("cut_mid_answer", 1, 200),
    ];
    for (n, (kind, effects, status)) in cases.into_iter().enumerate() {
        let (reply, had) = met(&hub, n, json!({"on": "opinions", "kind": kind}));
        assert!(reply.exit != 0 && reply.status == status && had == effects, "{kind}: {had} {reply:?}");
        let again = Curl::logged_in(&hub, "clinic", "clinic-doctor").file(&key(n), &hub.example());
        assert!(again.data()["receipt_number"].is_string());
        assert_eq!(hub.key_facts(&key(n))["effects"], 1, "{kind}");
    }
}

#[test]
fn an_answer_can_be_spoiled() {
    let hub = Sandbox::start();
    let spoiled = |n, kind| {
        let (reply, effects) = met(&hub, n, json!({"on": "opinions", "kind": kind}));
        assert_eq!((reply.status, effects), (200, 1), "{kind}");
        reply
    };
    assert!(serde_json::from_str::<Value>(&spoiled(1, "truncated_json").body).is_err());
    assert!(spoiled(2, "wrong_json").json()["result"].is_null());
    assert!(spoiled(3, "wrong_type").data()["receipt_number"].is_null());
    assert!(spoiled(4, "slow_body").data()["receipt_number"].is_string());
    assert!(spoiled(5, "close_idle").data()["receipt_number"].is_string());
    assert!(spoiled(6, "answer_twice").data()["receipt_number"].is_string());
    let (page, effects) = met(&hub, 7, json!({"on": "opinions", "kind": "html_200"}));
    assert!(page.status == 200 && page.body.starts_with("<!DOCTYPE") && effects == 0);
    let (page, effects) = met(&hub, 8, json!({"on": "opinions", "kind": "html_502", "effect": true}));
    assert!(page.status == 502 && effects == 1);
}

#[test]
fn an_answer_comes_twice_on_one_connection() {
    let hub = Sandbox::start();
    hub.fault(json!({"on": "capabilities", "kind": "answer_twice"}));
    let mut openssl = openssl(&hub);
    let request = b"GET /api/v1/capabilities HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    openssl.stdin.as_mut().unwrap().write_all(request).unwrap();
    let output = openssl.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 2, "{text}");
    assert_eq!(text.matches("\"result\":\"ok\"").count(), 2, "{text}");
}

/// A bare TLS connection whose end is ours to write on.
fn openssl(hub: &Sandbox) -> Child {
    let clinic = hub.facility("clinic");
    Command::new("openssl")
        .args(["s_client", "-quiet", "-connect", &format!("127.0.0.1:{}", hub.port()), "-CAfile"])
        .arg(hub.ca())
        .arg("-cert")
        .arg(clinic.certificate)
        .arg("-key")
        .arg(clinic.key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn an_idle_connection_can_be_closed() {
    let hub = Sandbox::start();
    let mut openssl = openssl(&hub);
    until("the handshake", Duration::from_secs(10), || {
        (hub.status()["connections"]["open"]["9910000011"] == 1).then_some(())
    });
    assert_eq!(hub.post("connections", json!({"close": "idle"}))["closed"], 1);
    openssl.wait().unwrap();
    assert_eq!(Curl::new(&hub, "clinic").get("capabilities").status, 200);
}

#[test]
fn one_key_at_the_same_time_has_one_effect() {
    let hub = Sandbox::start();
    let clinic = Curl::logged_in(&hub, "clinic", "clinic-doctor");
    hub.fault(json!({"on": "opinions", "kind": "delay", "delay_ms": 200, "times": 0}));
    let answers: Vec<_> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|_| scope.spawn(|| clinic.file(&key(1), &hub.example()).json())).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let facts = hub.key_facts(&key(1));
    assert_eq!((&facts["seen"], &facts["effects"]), (&json!(4), &json!(1)));
}

#[test]
fn statuses_come_with_retry_after_and_bodies_by_choice() {
    let hub = Sandbox::start();
    let fault = |more: Value| {
        let mut fault = json!({"on": "opinions"});
        fault.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fault
    };
    let (reply, effects) = met(&hub, 1, fault(json!({"kind": "status_503", "retry_after": "30"})));
    assert!(
        reply.status == 503 && reply.headers.contains("retry-after: 30") && reply.code() == "E9001" && effects == 0
    );
    let (reply, _) = met(&hub, 2, fault(json!({"kind": "status_429", "body": "empty"})));
    assert!(reply.status == 429 && reply.body.is_empty() && !reply.headers.contains("retry-after"));
    let (reply, _) = met(&hub, 3, fault(json!({"kind": "status_500", "body": "html"})));
    assert!(reply.status == 500 && reply.body.starts_with('<'));
    for (n, status) in [400, 401, 403, 404].into_iter().enumerate() {
        let kind = format!("status_{status}");
        let (reply, effects) = met(&hub, 10 + n, fault(json!({"kind": kind})));
        assert_eq!((reply.status, reply.code().as_str(), effects), (status, "E9001", 0));
        let (reply, _) = met(&hub, 20 + n, fault(json!({"kind": kind, "body": "html"})));
        assert!(reply.status == status && reply.body.starts_with('<'));
    }
    let (reply, effects) = met(&hub, 4, fault(json!({"kind": "refuse", "code": "E9004"})));
    assert_eq!((reply.status, reply.code().as_str(), effects), (200, "E9004", 0));
    let (reply, _) = met(&hub, 5, fault(json!({"kind": "refuse", "code": "E3003", "live_from": "2027-04-01"})));
    assert_eq!(reply.json()["errors"][0]["live_from"], "2027-04-01");
    let (reply, _) = met(&hub, 6, fault(json!({"kind": "refuse", "code": "E2101", "field": "/opinion/eating"})));
    assert_eq!((reply.status, &reply.json()["errors"][0]["field"]), (200, &json!("/opinion/eating")));
    let clinic = Curl::logged_in(&hub, "clinic", "clinic-doctor");
    assert_eq!(clinic.lookup(&key(6)).data()["outcome"], "refused", "a final refusal is kept under the key");
    assert_eq!(clinic.lookup(&key(4)).code(), "E4040");
    assert_eq!(clinic.file(&key(6), &hub.example()).code(), "E2101");
}

#[test]
fn faults_count_wait_and_choose_their_calls() {
    let hub = Sandbox::start();
    let clinic = Curl::new(&hub, "clinic");
    let office = Curl::new(&hub, "office");
    hub.fault(json!({"on": "capabilities", "kind": "status_503", "times": 2, "after": 1}));
    let statuses: Vec<_> = (0..4).map(|_| clinic.get("capabilities").status).collect();
    assert_eq!(statuses, [200, 503, 503, 200]);
    hub.fault(json!({"on": "/api/v1/cap", "kind": "status_500", "times": 0, "facility": office_number(&hub)}));
    assert_eq!((clinic.get("capabilities").status, office.get("capabilities").status), (200, 500));
    hub.clear_faults();
    assert_eq!(office.get("capabilities").status, 200);
    hub.fault(json!({"on": "lookup", "kind": "not_offered", "times": 0}));
    assert_eq!(clinic.get("capabilities").data(), json!(["opinions", "municipalities", "identity", "careplans"]));
    assert_eq!(Curl::logged_in(&hub, "clinic", "clinic-doctor").lookup(&key(1)).code(), "E2000");
    let rolls = || {
        hub.post("random", json!({"seed": 5, "rate": 0.5, "kinds": ["status_503"], "on": ["capabilities"]}));
        (0..12).map(|_| clinic.get("capabilities").status).collect::<Vec<_>>()
    };
    let (once, again) = (rolls(), rolls());
    assert!(once == again && once.contains(&503) && once.contains(&200), "{once:?}");
}

fn office_number(hub: &Sandbox) -> String {
    hub.facility("office").number
}

#[test]
fn logins_tokens_and_cursors_can_fail() {
    let hub = Sandbox::start();
    let password = hub.password("clinic-doctor");
    let clinic = Curl::logged_in(&hub, "clinic", "clinic-doctor");
    hub.fault(json!({"on": "changes", "kind": "expire_tokens"}));
    assert_eq!(clinic.get("opinions/changes").code(), "E1004");
    let clinic = Curl::logged_in(&hub, "clinic", "clinic-doctor");
    hub.fault(json!({"on": "changes", "kind": "expired_cursor"}));
    assert_eq!(clinic.get("opinions/changes").code(), "E4040");
    hub.fault(json!({"on": "login", "kind": "refuse_password"}));
    assert_eq!(clinic.login("clinic-doctor", &password).code(), "E1002");
    hub.fault(json!({"on": "login", "kind": "lock_account"}));
    assert_eq!(clinic.login("clinic-doctor", &password).code(), "E1003");
    assert_eq!(clinic.login("clinic-doctor", &password).code(), "E1003");
    hub.post("accounts/clinic-doctor", json!({"unlock": true}));
    assert_eq!(clinic.login("clinic-doctor", &password).status, 200);
    hub.post("accounts/clinic-doctor", json!({"password": "another"}));
    assert_eq!(clinic.login("clinic-doctor", &password).code(), "E1002");
    assert_eq!(clinic.login("clinic-doctor", "another").status, 200);
}

#[test]
fn the_server_can_show_the_wrong_certificate_or_nothing() {
    let hub = Sandbox::start();
    let clinic = Curl::new(&hub, "clinic");
    let cases = [
        ("server_certificate_expired", "expired"),
        ("server_certificate_not_yet_valid", "not yet valid"),
        ("server_certificate_foreign", "unable to get local issuer"),
        ("server_certificate_wrong_name", "subject"),
        ("refuse_client", "alert"),
        ("drop", ""),
    ];
    for (kind, words) in cases {
        hub.fault(json!({"on": "connect", "kind": kind}));
        let reply = clinic.get("capabilities");
        assert!(reply.status == 0 && reply.errors.contains(words), "{kind}: {reply:?}");
        assert_eq!(clinic.get("capabilities").status, 200, "{kind} is over");
    }
    hub.fault(json!({"on": "connect", "kind": "stall"}));
    let stalled = Curl::new(&hub, "clinic").with(&["--connect-timeout", "1"]).get("capabilities");
    assert_eq!(stalled.exit, 28, "{stalled:?}");
}

#[test]
fn the_power_can_go_off_and_on() {
    let hub = Sandbox::start();
    let clinic = Curl::new(&hub, "clinic");
    let office = Curl::new(&hub, "office").get("capabilities");
    assert_eq!(office.status, 200);
    for _ in 0..3 {
        hub.down();
        assert_eq!(clinic.get("capabilities").exit, 7, "connection refused");
        hub.up();
        assert_eq!(clinic.get("capabilities").status, 200);
    }
    assert_eq!(hub.status()["calls"]["capabilities"], 4);
    let certificates = hub.status()["connections"]["certificates"].clone();
    let handshakes = |number: &str| {
        let shown = certificates.as_array().unwrap().iter().find(|shown| shown["facility"] == number);
        shown.unwrap()["handshakes"].clone()
    };
    assert_eq!((handshakes("9910000011"), handshakes(&office_number(&hub))), (json!(3), json!(1)));
}

/// What is printed by `engawa-sandbox` and these words.
fn said(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_engawa-sandbox")).args(words).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The names in the sandbox's own complaint about one that it does not know.
fn expected(hub: &Sandbox, fault: &Value) -> Vec<String> {
    let refusal = hub.refused("POST", "/control/faults", fault);
    let list = refusal.split("expected one of ").nth(1).unwrap_or_else(|| panic!("{refusal}"));
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn help_and_reference_name_every_kind_member_path_and_code() {
    let hub = Sandbox::start();
    let reference = include_str!("../../docs/sandbox.md");
    let (faults, control) = (said(&["help", "faults"]), said(&["help", "control"]));
    assert!(said(&["faults"]).contains("cut_after_effect"));
    let kinds = expected(&hub, &json!({"on": "opinions", "kind": "no such kind"}));
    let members = expected(&hub, &json!({"on": "opinions", "kind": "delay", "no such member": 1}));
    assert!(kinds.len() > 30 && members.len() > 15, "{kinds:?} {members:?}");
    let named =
        |page: &str, name: &str| page.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
    for name in kinds.iter().chain(&members) {
        assert!(named(&faults, name), "help faults: {name}");
        assert!(named(reference, name), "docs/sandbox.md: {name}");
    }
    let (_, codes) = faults.split_once("CODES").unwrap();
    for code in codes.lines().filter_map(|line| line.trim().split(' ').next()).filter(|word| word.starts_with('E')) {
        assert!(named(reference, code), "docs/sandbox.md: {code}");
    }
    for call in control.lines().filter_map(|line| line.split_once(" /control/")) {
        let path = call.1.split([' ', '[']).next().unwrap();
        assert!(reference.contains(path.split('/').next().unwrap()), "docs/sandbox.md: {path}");
        let (head, _) = hub.answer(call.0.trim(), &format!("/control/{path}"), &json!("no order at all"));
        assert!(!head.starts_with("HTTP/1.1 405"), "{call:?}: {head}");
        assert!(!head.starts_with("HTTP/1.1 404") || path.ends_with("ID"), "{call:?}: {head}");
    }
}

#[test]
fn a_request_that_was_given_up_has_its_effect_later() {
    let hub = Sandbox::start();
    for (n, kind) in ["delay", "cut_after_effect"].into_iter().enumerate() {
        hub.fault(json!({"on": "opinions", "kind": kind, "delay_ms": 3000}));
        let clinic = Curl::logged_in(&hub, "clinic", "clinic-doctor");
        let hasty = Curl::logged_in(&hub, "clinic", "clinic-doctor").with(&["--max-time", "1"]);
        assert_eq!(hasty.file(&key(n), &hub.example()).exit, 28, "{kind}: time-out");
        let counted = hub.key_facts(&key(n));
        assert_eq!(
            (&counted["seen"], &counted["effects"]),
            (&json!(1), &json!(0)),
            "{kind}: counted before its effect"
        );
        assert_eq!(hub.status()["at_work"], 1);
        assert_eq!(clinic.lookup(&key(n)).code(), "E4040", "{kind}: never seen, so far");
        until("the late effect", Duration::from_secs(10), || (hub.status()["at_work"] == 0).then_some(()));
        assert_eq!(hub.key_facts(&key(n))["effects"], 1, "{kind}");
        assert_eq!(clinic.lookup(&key(n)).data()["outcome"], "accepted", "{kind}");
    }
}

#[test]
fn a_nonsensical_order_is_refused_with_a_reason() {
    let hub = Sandbox::start();
    let order = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_engawa-sandbox"));
        let output = command.arg("control").arg("--dir").arg(hub.dir()).args(args).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(order(&["fault", r#"{"on":"opinions","kind":"delay","delay_ms":1}"#]), (true, String::new()));
    for (args, words) in [
        (["fault", r#"{"on":"opinion","kind":"delay"}"#], "opinion"),
        (["fault", r#"{"on":"opinions","kind":"explode"}"#], "explode"),
        (["fault", r#"{"kind":"delay","delya_ms":1}"#], "delya_ms"),
        (["random", r#"{"rate":7}"#], "rate"),
        (["accept", "S0"], "receipt"),
        (["lock", "nobody"], "account"),
    ] {
        let (done, why) = order(&args);
        assert!(!done && why.contains(words), "{args:?}: {why}");
    }
    assert!(order(&["status"]).0 && order(&["clear"]).0);
}
