//! Starting: without a line, without what it needs for the hub, and with wrong settings.

use nix::sys::signal::Signal;
use serde_json::json;

use super::PATIENCE;
use crate::support::gateway::{Gateway, Setup, opinion};
use crate::support::sandbox::Sandbox;
use crate::support::until;

fn waits_for(gateway: &Gateway, id: &str, codes: &[&str]) {
    until(&format!("{codes:?}"), PATIENCE, || {
        let seen = gateway.submission(id);
        let code = seen["reason"]["code"].as_str().unwrap_or_default();
        (seen["state"] == "queued" && codes.contains(&code)).then_some(())
    });
}

#[test]
fn it_starts_without_a_line_and_takes_documents() {
    let hub = Sandbox::start();
    let setup = Setup::new(&hub).set("hub.url", "\"https://hub.invalid:8443\"").set("hub.connect_timeout_s", "1");
    let mut gateway = setup.start();
    let id = gateway.accepted(&opinion(1), "k-1");
    waits_for(&gateway, &id, &["HUB_UNREACHABLE", "HUB_TIMEOUT"]);
    let seen = gateway.submission(&id);
    assert!(seen["eta"].is_string(), "{seen}");
    let health = gateway.get("/v1/health");
    assert_eq!((health.status, health.json()["status"].as_str()), (200, Some("degraded")), "{health:?}");
    assert_eq!(gateway.errors(), [""; 0]);
    assert_eq!(gateway.stop().code(), Some(0));
}

/// What a facility may not have put in place yet keeps nobody from handing documents in.
#[test]
fn it_starts_without_certificate_or_password_and_goes_on_once_they_are_there() {
    let hub = Sandbox::start();
    let clinic = hub.facility("clinic");
    let sound = |name: &str| match name {
        "password" => std::fs::read(hub.password_file("clinic-doctor")).unwrap(),
        "passphrase" => std::fs::read(&clinic.p12_passphrase).unwrap(),
        _ => std::fs::read(&clinic.p12).unwrap(),
    };
    let rows = [
        ("certificate.p12", None, "CERTIFICATE_MISSING"),
        ("certificate.p12", Some("not a certificate"), "CERTIFICATE_UNREADABLE"),
        ("passphrase", Some("wrong"), "CERTIFICATE_UNREADABLE"),
        ("password", None, "SECRET_MISSING"),
    ];
    for (number, (name, content, code)) in rows.into_iter().enumerate() {
        let setup = Setup::new(&hub);
        setup.secret(name, content.unwrap_or_default());
        let mut gateway = setup.idle();
        let file = gateway.dir().join(name);
        if content.is_none() {
            std::fs::remove_file(&file).unwrap();
        }
        gateway.start();
        let id = gateway.accepted(&opinion(number), "k-1");
        waits_for(&gateway, &id, &[code]);
        let seen = gateway.submission(&id);
        assert!(seen["next_step"]["en"].as_str().unwrap().starts_with("Tell the administrator"), "{seen}");
        assert!(gateway.errors().iter().any(|line| line.contains(code)), "{}", gateway.log());
        private(&file, &sound(name));
        gateway.signal(Signal::SIGHUP);
        gateway.reaches(&id, "delivered", PATIENCE);
    }
    assert_eq!(hub.facts()["totals"]["effects"], json!(4));
}

fn private(path: &std::path::Path, content: &[u8]) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::File::options();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    std::io::Write::write_all(&mut file, content).unwrap();
}

#[test]
fn wrong_settings_end_it_with_78_and_all_mistakes_at_once() {
    let hub = Sandbox::start();
    let mut gateway = Setup::new(&hub)
        .set("hub.url", "\"http://hub.example\"")
        .set("hub.parallel", "99")
        .set("outbox.backoff_min_s", "60")
        .set("outbox.backoff_max_s", "5")
        .set("log.levle", "\"info\"")
        .idle();
    gateway.spawn(&[]);
    assert_eq!(gateway.wait().code(), Some(78));
    let said = gateway.log();
    for key in ["hub.url", "hub.parallel", "outbox.backoff", "log.levle"] {
        assert!(said.contains(key), "{key}: {said}");
    }
    assert!(said.contains("engawa.toml:"), "{said}");
    assert!(!gateway.state().exists(), "nothing was touched");
    let checked = gateway.run(&["check", "--offline"]);
    assert_eq!(checked.status.code(), Some(78));
}

#[test]
fn a_second_one_on_the_same_state_gives_way() {
    let hub = Sandbox::start();
    let first = Gateway::new(&hub);
    let second = Setup::new(&hub).state(first.state());
    let mut second = second.idle();
    second.spawn(&[]);
    assert_eq!(second.wait().code(), Some(1));
    assert!(second.log().contains("STATE_LOCKED"), "{}", second.log());
    assert_eq!(first.get("/v1/health").status, 200);
}
