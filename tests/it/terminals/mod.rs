//! Terminals end to end, as a newcomer with curl and openssl: paired, at work, cut off; and everything that must not work.

mod copies;
pub(crate) mod house;
mod room;

use std::time::Duration;

use engawa::cli::Finding;
use engawa::credential::Authority;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::people::browser::{Browser, EVERY_RIGHT};
use crate::support::at_most;
use crate::support::gateway::opinion;
use crate::support::http::Ask;
use crate::support::sandbox::Sandbox;
use house::{Lan, SOON, Software, described, words};

const CUT: Duration = Duration::from_secs(5);

/// Pairs a terminal that shows a certificate; its id.
fn pair_software(lan: &Lan, software: &Software) -> String {
    let window = lan.window(&["受付1", "--rights", "submit,read"]);
    let spoken: Vec<&str> = window["words"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let paired = lan.post("/v1/pair", &json!({ "code": spoken.join("　"), "csr": software.csr() }), &[]);
    assert_eq!(paired.status, 201, "{paired:?}");
    assert_eq!(paired.header("cache-control"), Some("no-store"));
    software.keep("certificate.pem", &paired.text("certificate"));
    software.keep("authority.pem", &paired.text("authority"));
    let ends: Timestamp = paired.text("expires_at").parse().unwrap();
    #[allow(clippy::disallowed_methods)] // The gateway's own process goes by the machine's time.
    let lasts = ends.duration_since(Timestamp::now());
    assert!(lasts <= SignedDuration::from_hours(24) && lasts > SignedDuration::from_hours(23), "{lasts}");
    paired.text("id")
}

fn post_opinion(lan: &Lan, number: u32, arguments: &[&str]) -> house::Reply {
    let key = format!("Idempotency-Key: terminal-{number}");
    lan.post("/v1/opinions", &json!({ "opinion": opinion(number) }), &[&["-H", key.as_str()], arguments].concat())
}

#[test]
fn software_pairs_works_and_is_cut_off_while_its_stream_is_open() {
    let hub = Sandbox::start();
    let lan = Lan::start(&hub);
    let software = Software::new();
    let id = pair_software(&lan, &software);
    assert!(described(&software.path("certificate.pem")).contains(&id));
    let shown = software.shows("certificate.pem");
    let shows = words(&shown);
    let mut stream = lan.stream(&shows);
    let accepted = post_opinion(&lan, 1, &shows);
    assert_eq!(accepted.status, 202, "{accepted:?}");
    stream.until("submission.queued");
    lan.get("/v1/keys", &shows).refused(403, "AUTH_FORBIDDEN");
    let renewed = lan.post("/v1/terminal/certificate", &json!({ "csr": software.csr() }), &shows);
    assert_eq!((renewed.status, renewed.text("id")), (201, id.clone()));
    software.keep("renewed.pem", &renewed.text("certificate"));
    let renewed = software.shows("renewed.pem");
    assert_eq!(lan.get("/v1/submissions", &words(&renewed)).status, 200);
    let listed = lan.terminals();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (&listed[0]["id"], &listed[0]["state"], &listed[0]["last_from"]),
        (&json!(id), &json!("active"), &json!("127.0.0.1"))
    );
    assert!(stream.runs());

    stream.ended(CUT, || lan.run(&["terminal", "revoke", &id]));
    lan.get("/v1/submissions", &shows).refused(401, "AUTH_INVALID");
    lan.get("/v1/submissions", &words(&renewed)).refused(401, "AUTH_INVALID");
    lan.post("/v1/terminal/certificate", &json!({ "csr": software.csr() }), &shows).refused(401, "AUTH_INVALID");
    assert_eq!(lan.terminals()[0]["state"], "revoked");
    assert!(lan.run(&["terminal", "list"]).contains("取消済み"));
    let trail = lan.gateway.get("/v1/trail?limit=1000");
    for act in ["pairing.open", "terminal.pair", "opinion.submit", "terminal.renew", "terminal.revoke"] {
        assert!(trail.body.contains(act), "{act}: {}", trail.body);
    }
    assert!(trail.body.contains(&format!("terminal:{id}")));
    assert!(lan.gateway.errors().is_empty(), "{:?}", lan.gateway.errors());
}

/// The first day, whole: a fresh box, its first administrator, two terminals of two kinds, an opinion from each, one terminal shut.
#[test]
fn a_newcomer_comes_from_nothing_to_two_terminals_and_shuts_one() {
    let hub = Sandbox::start();
    let lan = Lan::start(&hub);
    let made: Value = serde_json::from_str(&lan.run(&["admin", "init", "--json"])).unwrap();
    let mut office = Browser::pair(&lan, "事務室", EVERY_RIGHT);
    office.settle("admin", made["one_time_password"].as_str().unwrap());
    let clerk = office.post("/v1/staff", &json!({ "user": "sato", "name": "佐藤", "role": "clerk" }));
    assert_eq!(clerk.status, 201, "{clerk:?}");
    let mut desk = Browser::pair(&lan, "受付2", "submit,read");
    desk.settle("sato", &clerk.text("one_time_password"));
    let software = Software::new();
    let id = pair_software(&lan, &software);
    let shown = software.shows("certificate.pem");
    let shows = words(&shown);

    let by_program = post_opinion(&lan, 1, &shows);
    let (origin, session) = (format!("Origin: {}", lan.url), desk.session.as_deref().unwrap());
    let cookies = format!("Cookie: {}; {session}", desk.terminal);
    let by_person = post_opinion(&lan, 2, &["-H", origin.as_str(), "-H", cookies.as_str()]);
    for accepted in [&by_program, &by_person] {
        assert_eq!(accepted.status, 202, "{accepted:?}");
        lan.gateway.reaches(&accepted.text("id"), "delivered", SOON);
    }
    let mut stream = lan.stream(&shows);
    assert!(stream.runs());
    stream.ended(CUT, || format!("{:?}", office.ask("DELETE", &format!("/v1/terminals/{id}"), None).status));
    lan.get("/v1/submissions", &shows).refused(401, "AUTH_INVALID");
    assert_eq!(desk.get("/v1/submissions").status, 200, "the other one goes on");
}

#[test]
fn a_browser_gets_a_cookie_for_this_box_alone() {
    let hub = Sandbox::start();
    let lan = Lan::start(&hub);
    let window = lan.window(&["相談室", "--kind", "browser"]);
    let code = window["code"].as_str().unwrap();
    let svg = window["qr_svg"].as_str().unwrap();
    assert!(svg.starts_with("<?xml") && svg.contains("<svg"), "{svg}");
    assert!(window["link"].as_str().unwrap().contains(&format!("/pair#code={code}&ca=")), "{window}");
    let origin = format!("Origin: {}", lan.url);
    let page = ["-H", origin.as_str()];
    // Without the page's origin it is not a browser; the code stays good.
    lan.try_code(code, "127.0.0.1").refused(409, "PAIRING_KIND");
    let paired = lan.post("/v1/pair", &json!({ "code": code.to_lowercase() }), &page);
    assert_eq!(paired.status, 201, "{paired:?}");
    let cookie = paired.header("set-cookie").unwrap();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert!(pair.starts_with("__Host-engawa-terminal="), "{cookie}");
    for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(attributes.split("; ").any(|own| own == attribute), "{attribute}: {cookie}");
    }
    assert!(!paired.body.contains(pair.split_once('=').unwrap().1));

    let cookie = format!("Cookie: {pair}");
    let shows = ["-H", cookie.as_str()];
    // Known, and allowed nothing before a person has logged in.
    let alone = lan.get("/v1/submissions", &shows);
    assert!([401, 403].contains(&alone.status), "{alone:?}");
    assert_ne!(alone.text("code"), "AUTH_INVALID");
    // Only the box's own page may act by it, and only over TLS.
    post_opinion(&lan, 1, &shows).refused(403, "ORIGIN_FOREIGN");
    let url = format!("{}/v1/submissions", lan.local);
    lan.curl(&["-H", cookie.as_str(), &url]).refused(401, "AUTH_INVALID");
    // With somebody else's key it is two people at once.
    let key = lan.gateway.key("other");
    let bearer = format!("Authorization: Bearer {key}");
    lan.get("/v1/submissions", &["-H", cookie.as_str(), "-H", bearer.as_str()]).refused(401, "AUTH_AMBIGUOUS");
    let forged = format!("{}0", &cookie[..cookie.len() - 1]);
    let forged = if forged == cookie { format!("{}1", &cookie[..cookie.len() - 1]) } else { forged };
    lan.get("/v1/submissions", &["-H", forged.as_str()]).refused(401, "AUTH_INVALID");
    lan.run(&["terminal", "revoke", &paired.text("id")]);
    lan.get("/v1/submissions", &shows).refused(401, "AUTH_INVALID");
}

#[test]
fn a_code_works_once_and_who_guesses_is_locked_alone() {
    let hub = Sandbox::start();
    let lan = Lan::start(&hub);
    let window = lan.window(&["事務", "--kind", "key"]);
    let code = window["code"].as_str().unwrap();
    assert_eq!(lan.try_code(code, "127.0.0.1").status, 201);
    let replayed = lan.try_code(code, "127.0.0.1").refused(403, "PAIRING_REFUSED");

    // Five wrong codes lock their address, whatever it says then; the answers are one and the same. Others may go on.
    let window = lan.window(&["事務", "--kind", "key"]);
    for last in 1..=5 {
        lan.try_code(&format!("0000-0000-00ZZ{last}"), "127.0.0.2").refused(400, "REQUEST_MALFORMED");
        let wrong = lan.try_code(&format!("0000-0000-000{last}"), "127.0.0.2").refused(403, "PAIRING_REFUSED");
        assert_eq!((&wrong["detail"], &wrong["status"]), (&replayed["detail"], &replayed["status"]));
    }
    let listed = lan.gateway.get("/v1/pairing").json();
    assert_eq!(listed["items"][0]["tries_left"], 65_531, "{listed}");
    assert!(listed["items"][0].get("code").is_none(), "{listed}");
    let code = window["code"].as_str().unwrap();
    let locked = lan.try_code(code, "127.0.0.2");
    locked.refused(429, "PAIRING_LOCKED");
    let wait: u64 = locked.header("retry-after").unwrap().parse().unwrap();
    assert!((500..=601).contains(&wait), "{wait}");
    assert_eq!(lan.try_code(code, "127.0.0.3").status, 201);

    // An administrator shuts a window.
    let window = lan.window(&["事務", "--kind", "key"]);
    let path = format!("/v1/pairing/{}", window["id"].as_str().unwrap());
    assert_eq!(lan.gateway.ask(&Ask::new("DELETE", &path)).status, 204);
    lan.try_code(window["code"].as_str().unwrap(), "127.0.0.1").refused(403, "PAIRING_REFUSED");
    assert!(!lan.gateway.log().contains(code), "a code in the log");
}

#[test]
fn a_paired_key_is_taken_from_its_place_alone() {
    let hub = Sandbox::start();
    let lan = Lan::start(&hub);
    let window = lan.window(&["訪問用", "--kind", "key", "--rights", "read"]);
    let paired = lan.try_code(window["code"].as_str().unwrap(), "127.0.0.2");
    assert_eq!(paired.json()["networks"], json!(["127.0.0.2/32"]));
    let bearer = format!("Authorization: Bearer {}", paired.text("key"));
    let from = |address: &str| lan.get("/v1/submissions", &["-H", bearer.as_str(), "--interface", address]);
    assert_eq!(from("127.0.0.2").status, 200);
    let stolen = from("127.0.0.3").refused(401, "AUTH_INVALID");
    let unknown = format!("Authorization: Bearer engawa_{}_{}", "0".repeat(12), "0".repeat(64));
    let unknown = lan.get("/v1/submissions", &["-H", unknown.as_str()]).refused(401, "AUTH_INVALID");
    for member in ["detail", "detail_en", "blame", "retry"] {
        assert_eq!(stolen[member], unknown[member]);
    }
    assert!(lan.gateway.get("/v1/trail?limit=1000").body.contains("KEY_ELSEWHERE"));
    // The same by `engawa key add`, and by networks that the window names.
    let added: Value =
        serde_json::from_str(&lan.run(&["key", "add", "x", "--networks", "127.0.0.3", "--json"])).unwrap();
    assert_eq!(added["networks"], json!(["127.0.0.3/32"]));
    let window = lan.window(&["訪問用", "--kind", "key", "--networks", "127.0.0.0/30"]);
    let paired = lan.try_code(window["code"].as_str().unwrap(), "127.0.0.9");
    assert_eq!(paired.json()["networks"], json!(["127.0.0.0/30"]));
    let bearer = format!("Authorization: Bearer {}", paired.text("key"));
    let at = |address: &str| lan.get("/v1/submissions", &["-H", bearer.as_str(), "--interface", address]).status;
    assert_eq!((at("127.0.0.3"), at("127.0.0.9")), (200, 401));
}

#[test]
fn a_key_that_ends_cuts_its_stream() {
    let hub = Sandbox::start();
    let lan = Lan::start(&hub);
    #[allow(clippy::disallowed_methods)] // The gateway's own process goes by the machine's time.
    let now = Timestamp::now();
    let ends = now + at_most(Duration::from_secs(2));
    let added: Value =
        serde_json::from_str(&lan.run(&["key", "add", "brief", "--expires-at", &ends.to_string(), "--json"])).unwrap();
    let bearer = format!("Authorization: Bearer {}", added["key"].as_str().unwrap());
    let shows = ["-H", bearer.as_str()];
    let mut stream = lan.stream(&shows);
    assert!(stream.runs());
    stream.ended(at_most(Duration::from_secs(2)) + CUT, String::new);
    lan.get("/v1/submissions", &shows).refused(401, "AUTH_INVALID");
}

#[test]
fn a_certificate_that_has_run_out_is_good_for_its_renewal_alone() {
    let hub = Sandbox::start();
    let lan = Lan::start(&hub);
    let software = Software::new();
    let id = pair_software(&lan, &software);
    #[allow(clippy::disallowed_methods)] // The gateway's own process goes by the machine's time.
    let now = Timestamp::now();
    let authority = Authority::open_or_make(lan.gateway.state(), now).unwrap();
    for (days, renewed) in [(2_i64, 201), (7, 201), (9, 401)] {
        let issued = now - SignedDuration::from_hours(24 * days);
        let old = authority.client_certificate(&software.csr(), &id, issued, Duration::from_secs(86_400)).unwrap();
        software.keep("old.pem", &old);
        let shown = software.shows("old.pem");
        let shows = words(&shown);
        lan.get("/v1/submissions", &shows).refused(401, "TERMINAL_CERTIFICATE_EXPIRED");
        post_opinion(&lan, 1, &shows).refused(401, "TERMINAL_CERTIFICATE_EXPIRED");
        // As of a terminal that paired before serial numbers were kept: what it shows is taken for the newest.
        forget_serials(&lan);
        let answer = lan.post("/v1/terminal/certificate", &json!({ "csr": software.csr() }), &shows);
        assert_eq!(answer.status, renewed, "{days} days: {answer:?}");
    }
    // Nobody whom this box never paired, whatever the authority signed; and nothing without a certificate.
    let stranger =
        authority.client_certificate(&software.csr(), "00112233445566aa", now, Duration::from_secs(3600)).unwrap();
    software.keep("stranger.pem", &stranger);
    let shown = software.shows("stranger.pem");
    lan.get("/v1/submissions", &words(&shown)).refused(401, "AUTH_INVALID");
    lan.post("/v1/terminal/certificate", &json!({ "csr": software.csr() }), &words(&shown))
        .refused(401, "AUTH_INVALID");
    lan.post("/v1/terminal/certificate", &json!({ "csr": software.csr() }), &[]).refused(401, "AUTH_MISSING");
    // A window for software takes no code alone, and no request that is none; its code stays good.
    let window = lan.window(&["受付2"]);
    let code = &window["code"];
    lan.post("/v1/pair", &json!({ "code": code }), &[]).refused(409, "PAIRING_KIND");
    lan.post("/v1/pair", &json!({ "code": code, "csr": "x" }), &[]).refused(422, "REQUEST_CSR");
    assert_eq!(lan.post("/v1/pair", &json!({ "code": code, "csr": software.csr() }), &[]).status, 201);
}

#[test]
fn a_running_request_ends_with_its_terminal() {
    let hub = Sandbox::start();
    let lan = Lan::start(&hub);
    let software = Software::new();
    let id = pair_software(&lan, &software);
    let shown = software.shows("certificate.pem");
    // A body that never ends: the request waits for it as long as it is let.
    let mut running = lan.begin("POST /v1/opinions", "{\"opinion\":", &words(&shown));
    crate::support::until("the request to run", SOON, || lan.terminals()[0]["last_used_at"].is_string().then_some(()));
    let answer = running.answer(CUT, || lan.run(&["terminal", "revoke", &id]));
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("AUTH_INVALID"), "{answer}");
}

#[test]
fn a_renewal_that_is_sent_slowly_has_ten_seconds_and_its_addresss_one_turn() {
    let hub = Sandbox::start();
    let lan = Lan::start(&hub);
    let software = Software::new();
    pair_software(&lan, &software);
    let shown = software.shows("certificate.pem");
    let mut slow = lan.begin("POST /v1/terminal/certificate", "{\"csr\":", &words(&shown));
    crate::support::until("the turn to be taken", SOON, || {
        let answer = lan.post("/v1/terminal/certificate", &json!({}), &words(&shown));
        (answer.status == 503).then_some(())
    });
    let elsewhere = [&["--interface", "127.0.0.2"], &words(&shown)[..]].concat();
    let renewed = lan.post("/v1/terminal/certificate", &json!({ "csr": software.csr() }), &elsewhere);
    assert_eq!(renewed.status, 201, "{renewed:?}");
    let answer = slow.answer(Duration::from_secs(15), String::new);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

fn forget_serials(lan: &Lan) {
    let forget = "UPDATE terminal SET serial = NULL, serial_before = NULL, serial_passed = NULL";
    lan.gateway.sql(forget);
}

/// Copied with its key, a certificate is good for a day and no longer.
#[test]
fn a_copied_certificate_shuts_the_terminal_and_everybody_is_told() {
    let hub = Sandbox::start();
    let lan = Lan::start(&hub);
    let software = Software::new();
    let id = pair_software(&lan, &software);
    let renew = |file: &str, into: &str| {
        let shown = software.shows(file);
        let answer = lan.post("/v1/terminal/certificate", &json!({ "csr": software.csr() }), &words(&shown));
        if answer.status == 201 {
            software.keep(into, &answer.text("certificate"));
        }
        answer
    };
    assert_eq!(renew("certificate.pem", "own-1.pem").status, 201);
    assert_eq!(renew("own-1.pem", "own-2.pem").status, 201);
    let shown = software.shows("own-2.pem");
    let mut stream = lan.stream(&words(&shown));
    assert!(stream.runs());
    renew("certificate.pem", "copy.pem").refused(403, "TERMINAL_COPIED");
    stream.ended(CUT, String::new);
    lan.get("/v1/submissions", &words(&shown)).refused(403, "TERMINAL_COPIED");
    assert_eq!(lan.terminals()[0]["state"], "copied");
    assert_eq!(lan.gateway.get("/v1/health").json()["parts"]["terminals"]["reason"], "TERMINAL_COPIED");
    let check = String::from_utf8(lan.gateway.run(&["check", "--offline"]).stdout).unwrap();
    assert!(
        check.contains("FAIL  terminals  TERMINAL_COPIED") && check.contains(Finding::TerminalCopied.ja()),
        "{check}"
    );
    let trail = lan.run(&["audit", "list"]);
    assert!(trail.contains("TERMINAL_COPIED") && trail.contains(&id), "{trail}");
    lan.run(&["terminal", "revoke", &id]);
    assert!(lan.gateway.get("/v1/health").json()["parts"].get("terminals").is_none());
}
