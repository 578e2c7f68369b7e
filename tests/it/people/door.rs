//! People end to end: the first administrator, log-ins at paired browsers, and whoever may not go on.

use std::time::Duration;

use engawa::api::{Comer, permissions};
use engawa::people::Role;
use serde_json::{Value, json};

use super::browser::{Browser, EVERY_RIGHT, GOOD, staff};
use crate::support::gateway::{Setup, opinion, submission};
use crate::support::http::Ask;
use crate::support::sandbox::Sandbox;
use crate::terminals::house::{Lan, Reply};

const CUT: Duration = Duration::from_secs(5);
const NAME: &str = "霧凪黎暁 宵朧朔晦";

#[test]
fn the_first_administrator_is_made_on_the_box_before_it_runs_and_once() {
    let hub = Sandbox::start();
    let mut gateway = Setup::new(&hub).idle();
    let made = gateway.run(&["admin", "init", "--name", NAME, "--json"]);
    assert!(made.status.success(), "{made:?}");
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let one_time = made["one_time_password"].as_str().unwrap();
    assert_eq!(
        (&made["user"], &made["role"], &made["one_time"]),
        (&json!("admin"), &json!("administrator"), &json!(true))
    );
    let trail = String::from_utf8(gateway.run(&["audit", "list", "--last", "1"]).stdout).unwrap();
    assert!(trail.contains("staff.add") && trail.contains("staff:admin"), "{trail}");
    let again = gateway.run(&["admin", "init"]);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    // The same while it runs, over its socket.
    gateway.start();
    assert!(!gateway.run(&["admin", "init", "--user", "second"]).status.success());
    let listed = String::from_utf8(gateway.run(&["staff", "list"]).stdout).unwrap();
    assert!(listed.contains("admin") && listed.contains(NAME) && listed.contains("管理者 / administrator"), "{listed}");
    let fresh = gateway.run(&["staff", "password", "admin", "--json"]);
    let fresh: Value = serde_json::from_slice(&fresh.stdout).unwrap();
    assert_ne!(fresh["one_time_password"], one_time);
    assert!(!gateway.run(&["staff", "add", "Sato", "--name", "x", "--role", "clerk"]).status.success());
    assert!(!gateway.run(&["staff", "password", "nobody"]).status.success());
    // Whoever shut out the only administrator makes another one.
    assert!(gateway.run(&["staff", "suspend", "admin"]).status.success());
    assert!(gateway.run(&["admin", "init", "--user", "second"]).status.success());
    assert!(gateway.run(&["staff", "suspend", "admin", "--undo"]).status.success());
    // On the box itself nobody logs in: there the kernel says who it is.
    let body = json!({ "user": "admin", "password": one_time });
    let refused = gateway.ask(&Ask::new("POST", "/v1/session").json(&body));
    assert_eq!((refused.status, refused.code().as_str()), (403, "SESSION_NEEDS_BROWSER"));
    assert!(gateway.errors().is_empty(), "{:?}", gateway.errors());
}

#[test]
fn a_person_logs_in_at_a_paired_browser_and_may_what_role_and_terminal_allow() {
    let hub = Sandbox::start();
    let lan = Lan::start(&hub);
    let mut office = Browser::pair(&lan, "事務室", EVERY_RIGHT);
    office.get("/v1/submissions").refused(401, "LOGIN_REQUIRED");
    office.get("/v1/session").refused(401, "LOGIN_REQUIRED");
    let made: Value = serde_json::from_str(&lan.run(&["admin", "init", "--json"])).unwrap();
    office.settle("admin", made["one_time_password"].as_str().unwrap());
    let me = office.get("/v1/session").json();
    assert_eq!((&me["role"], &me["rights"]), (&json!("administrator"), &json!(["read", "admin"])));
    let order = json!({ "user": "sato", "name": NAME, "role": "clerk", "leaves_on": "2099-03-31" });
    let made = office.post("/v1/staff", &order);
    assert_eq!((made.status, &made.json()["name"]), (201, &json!(NAME)), "{made:?}");
    office.post("/v1/staff", &order).refused(409, "STAFF_EXISTS");
    let one_time = made.text("one_time_password");

    // At a terminal that may only read, a clerk only reads.
    let mut desk = Browser::pair(&lan, "受付", "read");
    desk.settle("sato", &one_time);
    assert_eq!(desk.get("/v1/session").json()["rights"], json!(["read"]));
    assert_eq!(desk.get("/v1/submissions").status, 200);
    let (document, key) = (json!({ "opinion": opinion(1) }), "Idempotency-Key: people-1");
    let url = format!("{}/v1/opinions", lan.url);
    let post = |browser: &Browser<'_>| {
        let cookies = format!("Cookie: {}; {}", browser.terminal, browser.session.as_deref().unwrap());
        let (origin, body) = (format!("Origin: {}", lan.url), document.to_string());
        let content = "Content-Type: application/json";
        lan.curl(&["-H", &cookies, "-H", &origin, "-H", content, "-H", key, "--data-binary", &body, &url])
    };
    post(&desk).refused(403, "AUTH_FORBIDDEN");
    // At one that may everything, an administrator hands in nothing, and the clerk does.
    post(&office).refused(403, "AUTH_FORBIDDEN");
    let mut ward = Browser::pair(&lan, "病棟", EVERY_RIGHT);
    ward.log_in("sato", GOOD);
    assert_eq!(post(&ward).status, 202);
    ward.get("/v1/staff").refused(403, "AUTH_FORBIDDEN");
    // Two log-ins of one person live side by side until the password changes.
    let change = json!({ "password": GOOD, "new_password": "oven bridge tulip" });
    let weak = json!({ "password": GOOD, "new_password": "sato-12345678" });
    let refused = ward.post("/v1/session/password", &weak).refused(422, "PASSWORD_WEAK");
    assert_eq!(refused["errors"][0]["code"], "PASSWORD_USER");
    assert_eq!(ward.post("/v1/session/password", &change).status, 200);
    desk.get("/v1/session").refused(401, "LOGIN_REQUIRED");
    ward.get("/v1/session").refused(401, "LOGIN_REQUIRED");

    // Logging out ends the session, its stream and its cookie.
    ward.log_in("sato", "oven bridge tulip");
    let mut stream = ward.stream();
    assert!(stream.runs());
    let out = ward.ask("DELETE", "/v1/session", None);
    assert_eq!(out.status, 204, "{out:?}");
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    stream.ended(CUT, String::new);
    ward.get("/v1/session").refused(401, "LOGIN_REQUIRED");
    assert!(lan.gateway.errors().is_empty(), "{:?}", lan.gateway.errors());
}

#[test]
fn a_stolen_session_is_worth_nothing_at_another_terminal() {
    let hub = Sandbox::start();
    let lan = Lan::start(&hub);
    let one_time = staff(&lan, "sato", NAME, "clerk");
    let mut own = Browser::pair(&lan, "事務室", EVERY_RIGHT);
    own.settle("sato", &one_time);
    let mut thief = Browser::pair(&lan, "私物", EVERY_RIGHT);
    thief.session = own.session.clone();
    thief.get("/v1/submissions").refused(401, "LOGIN_REQUIRED");
    thief
        .post("/v1/session/password", &json!({ "password": GOOD, "new_password": "a b c d e f g h" }))
        .refused(401, "LOGIN_REQUIRED");
    // Without any terminal's cookie, and with a key in its place.
    let cookie = format!("Cookie: {}", own.session.as_deref().unwrap());
    lan.get("/v1/submissions", &["-H", &cookie]).refused(401, "AUTH_MISSING");
    let bearer = format!("Authorization: Bearer {}", lan.gateway.key("software"));
    lan.get("/v1/session", &["-H", &cookie, "-H", &bearer]).refused(403, "SESSION_NEEDS_BROWSER");
    // Twice is not once.
    let twice =
        format!("Cookie: {}; {}; {}", own.terminal, own.session.as_deref().unwrap(), own.session.as_deref().unwrap());
    assert_eq!(lan.get("/v1/submissions", &["-H", &twice]).status, 401);
    assert_eq!(own.get("/v1/submissions").status, 200);
    assert!(lan.gateway.log().contains("from another terminal"));
}

#[test]
fn wrong_passwords_shut_one_terminal_and_say_nothing_of_who_exists() {
    let hub = Sandbox::start();
    let lan = Lan::start(&hub);
    let one_time = staff(&lan, "sato", NAME, "clerk");
    let mut thief = Browser::pair(&lan, "私物", EVERY_RIGHT);
    for user in ["sato", "nobody"] {
        for _ in 0..5 {
            thief.try_password(user, "wrong-password-7b1d").refused(401, "LOGIN_REFUSED");
        }
        let locked = thief.try_password(user, &one_time);
        locked.refused(429, "LOGIN_LOCKED");
        let wait: u64 = locked.header("retry-after").unwrap().parse().unwrap();
        assert!((290..=301).contains(&wait), "{wait}");
    }
    let mut own = Browser::pair(&lan, "事務室", EVERY_RIGHT);
    own.settle("sato", &one_time);
    let log = lan.gateway.log();
    assert!(!log.contains("wrong-password-7b1d") && !log.contains(&one_time));
}

#[test]
fn whoever_leaves_or_is_suspended_is_cut_off_with_streams_and_bound_keys() {
    let hub = Sandbox::start();
    let lan = Lan::start(&hub);
    something_happens(&lan);
    let mut office = Browser::pair(&lan, "事務室", EVERY_RIGHT);
    office.settle("admin", &staff(&lan, "admin", "管理", "administrator"));
    let one_time = staff(&lan, "sato", NAME, "clerk");
    let mut desk = Browser::pair(&lan, "受付", EVERY_RIGHT);
    desk.settle("sato", &one_time);
    let order = json!({ "label": "佐藤のソフト", "rights": ["read", "manage", "card-apdu"], "person": "sato" });
    let made = lan.gateway.ask(&Ask::new("POST", "/v1/keys").json(&order));
    assert_eq!(made.status, 201, "{made:?}");
    let bearer = format!("Authorization: Bearer {}", made.json()["key"].as_str().unwrap());
    let by_key = ["-H", bearer.as_str()];
    // Bound, a key may no more than the person: no role has raw card commands.
    let apdu = "/v1/card-sessions/00000000-0000-4000-8000-000000000000/apdu";
    lan.post(apdu, &json!({}), &by_key).refused(403, "AUTH_FORBIDDEN");
    // A terminal that is somebody's own lets nobody else in.
    let mut own = Browser::pair_for(&lan, "佐藤の端末", EVERY_RIGHT, &["--person", "sato"]);
    own.try_password("admin", GOOD).refused(401, "LOGIN_REFUSED");
    own.log_in("sato", GOOD);

    let (mut stream, mut of_key) = (desk.stream(), lan.stream(&by_key));
    assert_eq!(lan.get("/v1/submissions", &by_key).status, 200);
    let change = office.ask("PATCH", "/v1/staff/sato", Some(&json!({ "suspended": true })));
    assert_eq!((change.status, &change.json()["active"]), (200, &json!(false)), "{change:?}");
    stream.ended(CUT, String::new);
    of_key.ended(CUT, String::new);
    desk.get("/v1/submissions").refused(401, "LOGIN_REQUIRED");
    lan.get("/v1/submissions", &by_key).refused(401, "AUTH_INVALID");
    own.get("/v1/submissions").refused(401, "AUTH_INVALID");
    desk.try_password("sato", GOOD).refused(401, "LOGIN_REFUSED");

    // Back again, and then for the last time: the last day was yesterday.
    assert_eq!(office.ask("PATCH", "/v1/staff/sato", Some(&json!({ "suspended": false }))).status, 200);
    desk.log_in("sato", GOOD);
    assert_eq!(lan.get("/v1/submissions", &by_key).status, 200);
    let (mut stream, mut of_key) = (desk.stream(), lan.stream(&by_key));
    let mut others = office.stream();
    let left = json!({ "leaves_on": "2026-04-01" });
    assert_eq!(office.ask("PATCH", "/v1/staff/sato", Some(&left)).json()["active"], false);
    stream.ended(CUT, String::new);
    of_key.ended(CUT, String::new);
    desk.get("/v1/submissions").refused(401, "LOGIN_REQUIRED");
    lan.get("/v1/submissions", &by_key).refused(401, "AUTH_INVALID");
    assert!(others.runs(), "who stays was cut off as well");
    // A revoked terminal takes the session with it.
    let id = desk.terminal.split_once('=').unwrap().1.split_once('.').unwrap().0.to_owned();
    lan.run(&["terminal", "revoke", &id]);
    desk.get("/v1/session").refused(401, "AUTH_INVALID");
    assert!(lan.gateway.errors().is_empty(), "{:?}", lan.gateway.errors());
}

/// Something for event streams to tell.
fn something_happens(lan: &Lan) {
    let accepted = lan.gateway.ask(&submission(&opinion(1), "event"));
    assert_eq!(accepted.status, 202, "{accepted:?}");
}

/// Every route of the table with every role, over TLS; and what a vendor is shown holds nothing of anybody.
#[test]
fn every_role_may_at_every_route_what_the_matrix_says() {
    let hub = Sandbox::start();
    let lan = Lan::start(&hub);
    let document = opinion(1);
    let accepted = lan.gateway.ask(&submission(&document, "own"));
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let mut needles = Vec::new();
    words(&document, &mut needles);
    needles.extend(NAME.split(' ').map(str::to_owned));
    assert!(needles.len() > 10, "{needles:?}");
    for line in permissions() {
        let reply = stranger(&lan, line.method, &line.path);
        let let_in = reply.status != 401 && reply.status != 403;
        assert_eq!(let_in, line.allows(Comer::Stranger), "{} {} as a stranger: {reply:?}", line.method, line.path);
    }
    let mut comers = vec![(Comer::Browser, None), (Comer::OneTime, Some(staff(&lan, "newcomer", NAME, "clerk")))];
    comers.extend(Role::ALL.map(|role| (Comer::Role(role), Some(staff(&lan, role.name(), NAME, role.name())))));
    let (mut walked, mut seen_by_vendor) = (0, 0);
    for (comer, password) in comers {
        let mut browser = Browser::pair(&lan, "端末", EVERY_RIGHT);
        match (comer, &password) {
            (Comer::Role(role), Some(password)) => browser.settle(role.name(), password),
            (_, Some(password)) => drop(browser.log_in("newcomer", password)),
            _ => {}
        }
        // What logs the walker out comes last.
        let mut lines = permissions();
        lines.sort_by_key(|line| line.path.starts_with("/v1/session") && line.method != "GET");
        for line in lines {
            let path = line.path.replace("{id}", "00000000-0000-4000-8000-000000000000").replace("{user}", "somebody");
            let body = (line.method != "GET" && line.method != "DELETE").then(|| json!({}));
            let reply = browser.ask(line.method, &path, body.as_ref());
            let code = serde_json::from_str::<Value>(&reply.body).unwrap_or_default()["code"].clone();
            // After `DELETE /v1/session` nobody is logged in.
            let comer = if browser.session.is_none() { Comer::Browser } else { comer };
            let let_in = reply.status != 401 && reply.status != 403;
            assert_eq!(let_in, line.allows(comer), "{} {path} as {comer:?}: {} {code}", line.method, reply.status);
            assert!(reply.status < 500, "{} {path} as {comer:?}: {reply:?}", line.method);
            if comer == Comer::Role(Role::Vendor) && line.method == "GET" && let_in {
                let person = if path == "/v1/session" { 0 } else { needles.len() };
                for needle in &needles[..person] {
                    assert!(!reply.body.contains(needle.as_str()), "{path} shows a vendor {needle}");
                }
                seen_by_vendor += 1;
            }
            if line.method == "DELETE" && path == "/v1/session" && let_in {
                browser.session = None;
            }
            walked += 1;
        }
    }
    assert_eq!(walked, permissions().len() * (Role::ALL.len() + 2));
    assert!(seen_by_vendor >= 4, "{seen_by_vendor}");
    assert!(lan.gateway.errors().is_empty(), "{:?}", lan.gateway.errors());
}

/// Asks without any credential.
fn stranger(lan: &Lan, method: &str, path: &str) -> Reply {
    let path = path.replace("{id}", "00000000-0000-4000-8000-000000000000").replace("{user}", "somebody");
    let mut words = vec!["-X", method];
    if method != "GET" && method != "DELETE" {
        words.extend(["-H", "Content-Type: application/json", "--data-binary", "{}"]);
    }
    lan.get(&path, &words)
}

/// The texts of a document that could name somebody.
fn words(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if !text.is_ascii() && text.chars().count() > 2 => found.push(text.clone()),
        Value::String(text) if text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            found.push(text.clone());
        }
        Value::Object(map) => map.values().for_each(|value| words(value, found)),
        Value::Array(items) => items.iter().for_each(|value| words(value, found)),
        _ => {}
    }
}

/// Names, passwords and cookies stand in no file, at whatever level the log is.
#[test]
fn nothing_of_the_staff_shows_in_any_file() {
    let hub = Sandbox::start();
    let lan = Lan::start_with(&hub, |setup| setup.set("log.level", "\"trace\"").env("RUST_LOG", "trace"));
    let mut desk = Browser::pair(&lan, "受付", EVERY_RIGHT);
    let one_time = staff(&lan, "sato", NAME, "administrator");
    desk.settle("sato", &one_time);
    desk.try_password("sato", "wrong-password-7b1d").refused(401, "LOGIN_REFUSED");
    desk.get("/v1/staff");
    let other = json!({ "user": "suzuki", "name": "颯霰雫雹 曙霧凪宵", "role": "clerk" });
    let made = desk.post("/v1/staff", &other);
    let second = made.text("one_time_password");
    desk.post("/v1/staff", &json!({ "user": "x y", "name": "颯霰雫雹 曙霧凪宵", "role": "king" }));
    desk.ask("PATCH", "/v1/staff/suzuki", Some(&json!({ "name": "霰霰雫雹 曙霧凪霧" })));
    let session = desk.session.clone().unwrap().split_once('=').unwrap().1.to_owned();
    let needles = [
        "霧凪黎暁",
        "宵朧朔晦",
        "颯霰雫雹",
        "曙霧凪宵",
        "霰霰雫雹",
        GOOD,
        "wrong-password-7b1d",
        &one_time,
        &second,
        &session,
    ];
    let mut searched = 0;
    let mut look = |directory: &std::path::Path| {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let Ok(bytes) = std::fs::read(&path) else { continue };
            searched += bytes.len();
            for needle in needles {
                let found = bytes.windows(needle.len()).any(|part| part == needle.as_bytes());
                assert!(!found, "{} holds {needle}", path.display());
            }
        }
    };
    look(lan.gateway.dir());
    look(lan.gateway.state());
    assert!(searched > 50_000, "{searched}");
}
