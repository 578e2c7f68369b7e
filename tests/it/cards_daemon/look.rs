//! `engawa check` and `engawa status` beside a real pcscd.

use nix::sys::signal::Signal;
use serde_json::Value;

use super::{beside, signal};
use crate::support::gateway::Gateway;
use crate::support::pcscd::Pcscd;
use crate::support::sandbox::Sandbox;
use crate::support::vcard::Vcard;

/// The checks of that name: verdict, code and sentence.
fn checks(gateway: &Gateway, name: &str) -> Vec<(String, String, String)> {
    let output = gateway.run(&["check", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success(), "cards are never what keeps engawa from running: {report:#}");
    let text = |check: &Value, member: &str| check[member].as_str().unwrap_or("-").to_owned();
    let found = report["checks"].as_array().unwrap().iter().filter(|check| check["name"] == name);
    found.map(|check| (text(check, "verdict"), text(check, "code"), text(check, "detail_en"))).collect()
}

#[track_caller]
fn says(gateway: &Gateway, verdict: &str, code: &str, sentence: &str) {
    let found = checks(gateway, "cards");
    let [(seen, name, text)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((seen.as_str(), name.as_str()), (verdict, code), "{text}");
    assert!(text.contains(sentence), "{text}");
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
    says(&gateway, "ok", "-", "2 reader(s)");
    says(&gateway, "ok", "-", "「Virtual 0 00 00」(カードあり / card)");
    assert_eq!(checks(&gateway, "cards.nearest"), []);

    std::fs::write(gateway.settings(), sound.replace("readers = 2", "readers = 3") + "[cards.nearest]" + nearest)
        .unwrap();
    says(&gateway, "warn", "READER_ABSENT", "2 reader(s) of 3");
    let strangers = checks(&gateway, "cards.nearest");
    assert_eq!((strangers.len(), strangers[0].1.as_str()), (1, "READER_ABSENT"), "{strangers:?}");
    assert!(strangers[0].2.contains("「Vitrual 1 00 00」") && !strangers[0].2.contains("Virtual 0"), "{strangers:?}");

    signal(&pcscd, Signal::SIGSTOP);
    says(&gateway, "warn", "PCSC_DOWN", "has not answered within 2 seconds");
    signal(&pcscd, Signal::SIGCONT);
    pcscd.down();
    says(&gateway, "warn", "PCSC_DOWN", "systemctl start pcscd.socket");
    let readable = String::from_utf8(gateway.run(&["check"]).stdout).unwrap();
    assert!(readable.contains("warn  cards  PCSC_DOWN  → 管理者 / administrator"), "{readable}");
    std::fs::write(gateway.settings(), sound.replace("readers = 2", "enabled = false")).unwrap();
    says(&gateway, "ok", "-", "switched off");
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
