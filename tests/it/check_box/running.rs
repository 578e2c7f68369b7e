//! The service, its queue, and what is told of the rest of the box.

use std::fs;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use engawa::cli::Finding;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::{OtherTime, all_is_well, names, report, sound, troubles};
use crate::support::gateway::{Gateway, opinion};
use crate::support::sandbox::Sandbox;

const SOON: Duration = Duration::from_secs(30);

/// Moves what waits into the past, as if it had been accepted then.
fn aged(gateway: &mut Gateway, hours: i64) {
    gateway.kill9();
    gateway.sql(&format!("UPDATE submission SET accepted_at = accepted_at - {} RETURNING state", hours * 3_600_000));
}

#[test]
fn a_service_that_does_not_run_or_does_not_answer() {
    let hub = Sandbox::start();
    let mut gateway = sound(&hub).start();
    all_is_well(&gateway);
    gateway.signal(Signal::SIGSTOP);
    names(&gateway, "service", Finding::ServiceDeaf, "fail", "lan_vendor");
    gateway.signal(Signal::SIGCONT);
    assert!(gateway.stop().success());
    names(&gateway, "service", Finding::ServiceDown, "fail", "lan_vendor");
    let new = sound(&hub).idle();
    names(&new, "service", Finding::ServiceNew, "warn", "lan_vendor");
    // A key can be made before the first start.
    assert!(new.run(&["key", "add", "programme"]).status.success());
    names(&new, "service", Finding::ServiceNew, "warn", "lan_vendor");
}

#[test]
fn a_service_that_says_that_it_cannot_work_is_not_well() {
    let hub = Sandbox::start();
    let gateway = sound(&hub).idle();
    let listener = std::os::unix::net::UnixListener::bind(gateway.socket()).unwrap();
    let health = json!({ "status": "failed", "version": "0",
        "parts": { "storage": { "status": "failed", "reason": "STORAGE_BROKEN" }, "hub": { "status": "ok" } } });
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let body = health.to_string();
            let head = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length";
            let _ = stream.write_all(format!("{head}: {}\r\n\r\n{body}", body.len()).as_bytes());
        }
    });
    let found = names(&gateway, "service", Finding::ServiceFailed, "fail", "lan_vendor");
    assert!(found["detail_en"].as_str().unwrap().contains("storage: STORAGE_BROKEN"), "{found}");
}

#[test]
fn documents_that_wait_long_are_the_matter_of_whom_they_wait_for() {
    let hub = Sandbox::start();
    let mut gateway = sound(&hub).start();
    hub.down();
    gateway.accepted(&opinion(1), "one");
    let reason = |gateway: &Gateway| gateway.get("/v1/submissions").json()["items"][0]["reason"]["code"].clone();
    let waits = |gateway: &Gateway, code: &str| {
        crate::support::until(code, SOON, || (reason(gateway) == code).then_some(()));
    };
    waits(&gateway, "HUB_UNREACHABLE");
    // That may happen for a while.
    all_is_well(&gateway);
    aged(&mut gateway, 2);
    gateway.start();
    waits(&gateway, "HUB_UNREACHABLE");
    let found = names(&gateway, "queue", Finding::QueueOldLine, "warn", "lan_vendor");
    assert_eq!(found["code"], "HUB_UNREACHABLE");

    hub.up();
    hub.fault(json!({ "on": "opinions", "kind": "status_429", "times": 0 }));
    waits(&gateway, "HUB_BUSY");
    names(&gateway, "queue", Finding::QueueOld, "warn", "hub");
    // Also while it does not run: then that goes first, and the rest is read from the store.
    gateway.kill9();
    let whole = report(&gateway);
    let found: Vec<_> = troubles(&whole).iter().map(|check| check["finding"].clone()).collect();
    assert_eq!(found, [Finding::ServiceDown.number(), Finding::QueueOld.number()], "{whole:#}");
}

#[test]
fn documents_wait_for_another_password_or_another_certificate() {
    let hub = Sandbox::start();
    hub.down();
    let mut gateway = sound(&hub).start();
    gateway.accepted(&opinion(1), "one");
    aged(&mut gateway, 2);
    gateway.secret("password", "not the right one");
    hub.up();
    gateway.start();
    let hub_reason = |gateway: &Gateway| gateway.get("/v1/health").json()["parts"]["hub"]["reason"].clone();
    crate::support::until("the refusal", SOON, || (hub_reason(&gateway) == "HUB_LOGIN_REFUSED").then_some(()));
    names(&gateway, "queue", Finding::QueueOldOffice, "warn", "office");
    gateway.kill9();

    let wrong = hub.facility("wrong-kind");
    gateway.secret("password", hub.password("clinic-doctor"));
    gateway.secret("certificate.p12", fs::read(wrong.p12).unwrap());
    gateway.secret("passphrase", fs::read(wrong.p12_passphrase).unwrap());
    gateway.start();
    crate::support::until("the other kind", SOON, || {
        hub_reason(&gateway).as_str().is_some_and(|reason| reason.ends_with("WRONG_KIND")).then_some(())
    });
    // The certificate itself is named first.
    names(&gateway, "certificate", Finding::CertificateWrongKind, "fail", "issuer");
    let whole = report(&gateway);
    let queue = troubles(&whole).into_iter().find(|check| check["name"] == "queue").unwrap();
    assert_eq!((&queue["finding"], &queue["who"]), (&json!(Finding::QueueOldIssuer.number()), &json!("issuer")));
}

#[test]
fn a_document_that_is_held_waits_for_a_person() {
    let hub = Sandbox::start();
    let gateway = sound(&hub).start();
    hub.fault(json!({ "on": "opinions", "kind": "refuse", "code": "E3003" }));
    let id = gateway.accepted(&opinion(1), "one");
    gateway.reaches(&id, "held", SOON);
    let found = names(&gateway, "queue", Finding::QueueHeld, "warn", "office");
    assert!(found["next_en"].as_str().unwrap().contains("engawa queue list"), "{found}");
}

#[test]
fn a_facility_that_is_gone_from_the_settings() {
    let hub = Sandbox::start();
    hub.down();
    let mut gateway = sound(&hub).start();
    gateway.accepted(&opinion(1), "one");
    assert!(gateway.stop().success());
    let gateway = gateway.again(|setup| {
        let office = hub.facility("other-clinic");
        setup.secret("certificate.p12", fs::read(office.p12).unwrap());
        setup.secret("passphrase", fs::read(office.p12_passphrase).unwrap());
        setup.set("facility.number", &json!(office.number).to_string())
    });
    let whole = report(&gateway);
    let found = troubles(&whole).into_iter().find(|check| check["name"] == "facilities").unwrap();
    assert_eq!((&found["finding"], &found["who"]), (&json!(Finding::FacilityGone.number()), &json!("lan_vendor")));
    assert_eq!(found["facility"], hub.facility("clinic").number);
}

#[test]
fn a_box_that_was_restored_or_whose_work_another_has_taken_over() {
    let hub = Sandbox::start();
    hub.down();
    let mut gateway = sound(&hub).start();
    let cases =
        [("RESTORED_UNCONFIRMED", Finding::RestoredUnconfirmed, "warn"), ("EPOCH_OLD", Finding::EpochOld, "fail")];
    for (name, finding, verdict) in cases {
        let set = "INSERT OR REPLACE INTO fact (name, value) VALUES ('outbox.barred', ";
        gateway.sql(&format!("{set}'{name}') RETURNING name"));
        names(&gateway, "restore", finding, verdict, "lan_vendor");
    }
    // Also when documents have been waiting meanwhile: that is no matter of the hub's.
    gateway.accepted(&opinion(1), "one");
    aged(&mut gateway, 2);
    gateway.start();
    names(&gateway, "queue", Finding::QueueOldBox, "warn", "lan_vendor");
}

#[test]
fn a_restoring_that_was_cut_short_and_a_folder_that_is_a_file() {
    let hub = Sandbox::start();
    let gateway = sound(&hub).exchange().idle();
    fs::write(gateway.exchange(), "not a folder").unwrap();
    let whole = report(&gateway);
    let found = troubles(&whole).into_iter().find(|check| check["name"] == "exchange").unwrap();
    assert_eq!((&found["finding"], &found["who"]), (&json!(Finding::ExchangeFolder.number()), &json!("lan_vendor")));
    fs::create_dir(gateway.state()).unwrap();
    super::mode(gateway.state(), 0o700);
    fs::create_dir(gateway.state().join("restore.draft")).unwrap();
    let whole = report(&gateway);
    let found = troubles(&whole).into_iter().find(|check| check["name"] == "restore").unwrap();
    assert_eq!((&found["finding"], &whole["ok"]), (&json!(Finding::RestoreUnfinished.number()), &json!(false)));
}

#[test]
fn a_backup_is_missed_where_there_is_a_recovery_key() {
    let hub = Sandbox::start();
    let mut gateway = sound(&hub).start();
    assert!(gateway.run(&["backup", "init"]).status.success());
    names(&gateway, "backup", Finding::BackupOld, "warn", "lan_vendor");
    let file = gateway.dir().join("box.engawa-backup");
    let done = gateway.run(&["backup", "--out", file.to_str().unwrap()]);
    assert!(done.status.success(), "{done:?}");
    let verdict = |report: &Value| {
        let mut checks = report["checks"].as_array().unwrap().iter();
        checks.find(|check| check["name"] == "backup").unwrap()["verdict"].clone()
    };
    assert_eq!(verdict(&report(&gateway)), "ok");
    assert!(gateway.stop().success());
    let other = OtherTime::new();
    let gateway = other.at(gateway, 20);
    assert_eq!(verdict(&report(&gateway)), "warn");
}
