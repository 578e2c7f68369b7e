//! A clinic whose doctors have a user id each at the hub.

use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::people::browser::{Browser, EVERY_RIGHT, GOOD, staff};
use crate::support::gateway::{Gateway, opinion};
use crate::support::http::Ask;
use crate::support::sandbox::Sandbox;
use crate::support::until;
use crate::terminals::house::{Lan, Reply};

pub(super) const PATIENCE: Duration = Duration::from_secs(30);
pub(super) const FACILITY_USER: &str = "clinic-doctor";
pub(super) const PARTNER: &str = "clinic-partner";
pub(super) const LOCUM: &str = "clinic-locum";
const NAME: &str = "霧凪黎暁 宵朧朔晦";

/// A gateway on a LAN with this choice.
pub(super) fn clinic(hub: &Sandbox, staff_login: &str) -> Lan {
    Lan::start_with(hub, |setup| setup.set("hub.staff_login", &json!(staff_login).to_string()))
}

/// Somebody at a browser of the own, with a password of the own here.
pub(super) fn person<'l>(lan: &'l Lan, user: &str, role: &str) -> Browser<'l> {
    let one_time = staff(lan, user, NAME, role);
    let mut browser = Browser::pair(lan, user, EVERY_RIGHT);
    browser.settle(user, &one_time);
    browser
}

/// Gives user id and password for the hub.
pub(super) fn give(browser: &Browser<'_>, user_id: &str, password: &str) -> Reply {
    browser.ask("PUT", "/v1/session/hub", Some(&json!({ "user_id": user_id, "password": password })))
}

pub(super) fn given(browser: &Browser<'_>, user_id: &str, password: &str) -> Value {
    let reply = give(browser, user_id, password);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(!reply.body.contains(password), "{reply:?}");
    let hub = reply.json()["hub"].clone();
    assert_eq!((&hub["user_id"], &hub["password"]), (&json!(user_id), &json!(true)), "{hub}");
    hub
}

/// What the person sees of the own user at the hub.
pub(super) fn own(browser: &Browser<'_>) -> Value {
    browser.get("/v1/session").json()["hub"].clone()
}

/// Hands an opinion in at a browser; its id.
pub(super) fn hand_in(browser: &Browser<'_>, key: &str) -> String {
    let (lan, document) = (browser.lan, json!({ "opinion": opinion(key) }).to_string());
    let cookies = format!("Cookie: {}; {}", browser.terminal, browser.session.as_deref().unwrap());
    let (origin, key) = (format!("Origin: {}", lan.url), format!("Idempotency-Key: {key}"));
    let (url, content) = (format!("{}/v1/opinions", lan.url), "Content-Type: application/json");
    let reply = lan.curl(&["-H", &cookies, "-H", &origin, "-H", content, "-H", &key, "--data-binary", &document, &url]);
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.text("id")
}

/// An API key that is bound to somebody.
pub(super) fn bound_key(gateway: &Gateway, user: &str) -> String {
    let order = json!({ "label": user, "rights": ["submit", "read"], "person": user });
    let answer = gateway.ask(&Ask::new("POST", "/v1/keys").json(&order));
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["key"].as_str().unwrap().to_owned()
}

pub(super) fn delivered(gateway: &Gateway, id: &str) -> Value {
    gateway.reaches(id, "delivered", PATIENCE)
}

/// Waits until a document waits for that reason.
pub(super) fn waits_for(gateway: &Gateway, id: &str, code: &str) -> Value {
    until(&format!("{id} to wait for {code}"), PATIENCE, || {
        Some(gateway.submission(id)).filter(|seen| seen["state"] == "queued" && seen["reason"]["code"] == code)
    })
}

/// As whom the hub filed the document of that receipt.
pub(super) fn filed_as(hub: &Sandbox, gateway: &Gateway, id: &str) -> String {
    let receipt = delivered(gateway, id)["receipt"]["number"].clone();
    let facts = hub.facts();
    let accepted = facts["accepted"].as_array().unwrap();
    let one =
        accepted.iter().find(|one| one["receipt_number"] == receipt).unwrap_or_else(|| panic!("{receipt}: {facts}"));
    one["user_id"].as_str().unwrap().to_owned()
}

/// Log-ins of an account at the hub: tried, and with a wrong password.
pub(super) fn tries(hub: &Sandbox, user_id: &str) -> (u64, u64) {
    let account = hub.status()["accounts"][user_id].clone();
    (account["attempts"].as_u64().unwrap(), account["wrong"].as_u64().unwrap())
}

/// A part of the health report: status and reason.
pub(super) fn part(gateway: &Gateway, name: &str) -> (String, Option<String>) {
    let health = gateway.get("/v1/health").json();
    let part = &health["parts"][name];
    let text = |member: &str| {
        let member = &part[member];
        member.as_str().or_else(|| member["code"].as_str()).map(str::to_owned)
    };
    (text("status").unwrap_or_else(|| panic!("no {name}: {health}")), text("reason"))
}

/// Takes up another choice.
pub(super) fn choose(gateway: &Gateway, before: &str, after: &str) {
    let settings = fs::read_to_string(gateway.settings()).unwrap();
    let (before, after) = (format!("staff_login = \"{before}\""), format!("staff_login = \"{after}\""));
    assert!(settings.contains(&before));
    fs::write(gateway.settings(), settings.replace(&before, &after)).unwrap();
    let reloads = gateway.present_log().matches(" reloaded").count();
    gateway.signal(Signal::SIGHUP);
    until("the reload", PATIENCE, || (gateway.present_log().matches(" reloaded").count() > reloads).then_some(()));
}

/// Asserts that none of the words stands in what the gateway has written: state, log, trail, metrics. The settings name the
/// facility's user, and the sandbox's files are the hub's.
pub(super) fn nowhere(gateway: &Gateway, words: &[&str], allowed_in_database: &[&str]) {
    let trail = String::from_utf8(gateway.run(&["audit", "list", "--last", "1000"]).stdout).unwrap();
    let events = gateway.get("/v1/submissions?limit=200").json().to_string();
    let metrics = gateway.get("/metrics").body;
    for word in words.iter().chain(allowed_in_database) {
        for (name, text) in [("log", &gateway.log()), ("trail", &trail), ("list", &events), ("metrics", &metrics)] {
            assert!(!text.contains(word), "{word} in the {name}");
        }
    }
    for file in files(gateway.state()) {
        let content = fs::read(&file).unwrap();
        for word in words {
            let there = content.windows(word.len()).any(|window| window == word.as_bytes());
            assert!(!there, "{word} in {}", file.display());
        }
    }
}

fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else if path.is_file() {
                vec![path]
            } else {
                vec![]
            }
        })
        .collect()
}

/// The own password here, for another log-in.
pub(super) fn again(browser: &mut Browser<'_>, user: &str) {
    browser.log_in(user, GOOD);
}
