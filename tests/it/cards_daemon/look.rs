//! `engawa check` and `engawa status` beside a real pcscd.

use nix::sys::signal::Signal;
use serde_json::Value;

use super::{beside, signal};
use crate::support::gateway::Gateway;
use crate::support::pcscd::Pcscd;
use crate::support::sandbox::Sandbox;
use crate::support::vcard::Vcard;

/// The checks of that name: verdict, code, object and sentence.
fn checks(gateway: &Gateway, name: &str) -> Vec<[String; 4]> {
    let output = gateway.run(&["check", "--offline", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success(), "cards are never what keeps engawa from running: {report:#}");
    let text = |check: &Value, member: &str| check[member].as_str().unwrap_or("-").to_owned();
    let found = report["checks"].as_array().unwrap().iter().filter(|check| check["name"] == name);
    found.map(|check| ["verdict", "code", "object", "detail_en"].map(|member| text(check, member))).collect()
}

#[track_caller]
fn says(gateway: &Gateway, name: &str, expected: &[(&str, &str, &str, &str)]) {
    let found = checks(gateway, name);
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ([verdict, code, object, text], (their_verdict, their_code, their_object, sentence)) in
        found.iter().zip(expected)
    {
        assert_eq!((&**verdict, &**code, &**object), (*their_verdict, *their_code, *their_object), "{text}");
        assert!(text.contains(sentence), "{text}");
    }
}

#[test]
fn check_tells_of_readers_and_of_a_pcscd_that_is_gone_or_hangs() {
    let hub = Sandbox::start();
    let mut pcscd = Pcscd::start(1);
    let cards = Vcard::start(hub.dir(), &[("1", pcscd.ports()[0])]);
    cards.wait_powered(pcscd.ports()[0]);
    let nearest = "\n\"3f9c0a1b2d4e\" = [\"Virtual 0 00 00\", \"Vitrual 1 00 00\"]";
    let gateway = beside(&hub, &pcscd).idle();
    let sound = std::fs::read_to_string(gateway.settings()).unwrap();
    let both = [("ok", "-", "Virtual 0 00 00", "A card is on it"), ("ok", "-", "Virtual 0 00 01", "no card on it")];
    says(&gateway, "pcscd", &[("ok", "-", "-", "2 reader(s)")]);
    says(&gateway, "reader", &both);

    std::fs::write(gateway.settings(), sound.replace("readers = 2", "readers = 3") + "[cards.nearest]" + nearest)
        .unwrap();
    let missing = ("warn", "READER_ABSENT", "-", "2 of 3");
    let stranger = ("warn", "READER_ABSENT", "Vitrual 1 00 00", "that the settings name");
    says(&gateway, "reader", &[missing, stranger, both[0], both[1]]);

    signal(&pcscd, Signal::SIGSTOP);
    says(&gateway, "pcscd", &[("warn", "PCSC_DOWN", "-", "does not answer. (waited 2 seconds)")]);
    signal(&pcscd, Signal::SIGCONT);
    pcscd.down();
    says(&gateway, "pcscd", &[("warn", "PCSC_DOWN", "-", "cannot be reached")]);
    says(&gateway, "reader", &[]);
    let readable = String::from_utf8(gateway.run(&["check", "--offline"]).stdout).unwrap();
    assert!(readable.contains("warn  pcscd  PCSC_DOWN\n"), "{readable}");
    assert!(
        readable.contains("→ LAN・機器の業者 / LAN vendor\n") && readable.contains("start pcscd.socket"),
        "{readable}"
    );
    std::fs::write(gateway.settings(), sound.replace("readers = 2", "enabled = false")).unwrap();
    says(&gateway, "pcscd", &[("ok", "-", "-", "switched off")]);
}

#[test]
fn status_shows_the_cards_among_the_parts() {
    let hub = Sandbox::start();
    let mut pcscd = Pcscd::start(1);
    pcscd.down();
    let gateway = beside(&hub, &pcscd).start();
    super::becomes(&gateway, &"PCSC_DOWN".into(), super::PATIENCE);
    let shown = String::from_utf8(gateway.run(&["status"]).stdout).unwrap();
    let line = shown.lines().find(|line| line.starts_with("cards ")).unwrap_or_else(|| panic!("{shown}"));
    assert!(line.contains("一部に支障 / degraded") && shown.contains("restart pcscd"), "{shown}");
}
