//! What is read out over the telephone, and what the other end makes of it.

use std::fs;
use std::process::{Command, Output};

use engawa::cli::{Digits, Finding};
use serde_json::{Value, json};

use super::{report, sound};
use crate::support::sandbox::Sandbox;

/// On a machine without any settings.
fn explain(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engawa"));
    command.args(["--config", "/nowhere/engawa.toml", "check", "--explain"]).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_last_lines_can_be_read_out_and_are_understood_elsewhere() {
    let hub = Sandbox::start();
    let gateway = sound(&hub).idle();
    fs::remove_file(gateway.dir().join("certificate.p12")).unwrap();
    let code = report(&gateway)["code"].as_str().unwrap().to_owned();
    let shown = text(&gateway.run(&["check", "--offline"]).stdout);
    let spoken = Digits::parse(&code).unwrap().spoken();
    let last: Vec<&str> = shown.lines().rev().take(2).collect();
    assert!(last.iter().all(|line| line.contains(&spoken)), "{shown}");
    assert!(last[0].contains("It is for the office") && last[1].contains("事業所"), "{shown}");
    assert!(shown.contains("\nFAIL  certificate  CERTIFICATE_MISSING\n"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "no colours but on a terminal");

    let told = explain(&[&spoken]);
    let told = (told.status.code(), text(&told.stdout));
    assert_eq!(told.0, Some(0), "{told:?}");
    for finding in [Finding::CertificateMissing, Finding::SettingsDoubtful] {
        for sentence in [finding.ja(), finding.en(), finding.next_ja(), finding.next_en(), finding.who().ja()] {
            assert!(told.1.contains(sentence), "{sentence}: {}", told.1);
        }
    }
    let json: Value = serde_json::from_slice(&explain(&[&code, "--json"]).stdout).unwrap();
    assert_eq!((&json["findings"][0]["finding"], &json["findings"][0]["who"]), (&json!(60), &json!("office")));
    assert_eq!(json["findings"][1]["finding"], Finding::SettingsDoubtful.number());
}

#[test]
fn what_was_misheard_is_said_to_be() {
    let misheard = explain(&["000001"]);
    let said = text(&misheard.stderr);
    assert_eq!((misheard.status.code(), misheard.stdout.len()), (Some(1), 0), "{said}");
    assert!(said.contains("read out again") && said.contains("000 000"), "{said}");
    assert_eq!(explain(&["12345"]).status.code(), Some(2));
    assert_eq!(explain(&["12345x"]).status.code(), Some(2));
    let json: Value = serde_json::from_slice(&explain(&["000001", "--json"]).stdout).unwrap();
    assert_eq!(json["ok"], false);
    assert!(json["perhaps"].as_array().unwrap().iter().any(|one| one["digits"] == "000000"), "{json:#}");
}
