//! Wrong answers: each named with its line and key, and nothing is changed.

use std::fs;

use serde_json::{Value, json};

use super::{Answers, Machine, told};
use crate::support::sandbox::Sandbox;

/// The only problem, which has to be about `key`, on the line of `at`; its sentence.
fn refused(machine: &Machine, answers: &Answers, key: &str, at: Option<&str>) -> String {
    let before = machine.tree();
    let told = told(&machine.set_up(answers), 78);
    let problems = told["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{told:#}");
    assert_eq!(problems[0]["key"], key, "{told:#}");
    assert_eq!(problems[0]["file"], "(stdin)", "{told:#}");
    assert_eq!(problems[0]["line"], at.map_or(Value::Null, |at| json!(answers.line(at))), "{told:#}");
    assert_eq!(machine.tree(), before);
    assert!(!machine.at("state").exists() && !machine.at("sheet.html").exists());
    problems[0]["detail_en"].as_str().unwrap().to_owned()
}

#[test]
fn every_wrong_answer_is_named() {
    let hub = Sandbox::start();
    let (machine, sound) = (Machine::new(), Answers::of(&hub));
    let other = hub.facility("office");
    let cases: [(&str, Value, &str); 20] = [
        ("facility.number", json!("991000001"), "10 characters"),
        ("facility.number", json!(9_910_000_011_i64), "text in"),
        ("facility.nmae", json!("x"), "Did you mean facility.name?"),
        ("facility.kind", json!("hospital"), "iryo, kaigo-hoken, kaigo-dx"),
        ("facility.kind", json!("kaigo-dx"), "the certificate is iryo"),
        ("hub.url", json!("http://hub.example"), "https://"),
        ("hub.ca_file", json!("nowhere.pem"), "cannot be read"),
        ("hub.ca_file", json!(hub.facility("clinic").key), "no CA certificate"),
        ("hub.certificate_file", json!(hub.facility("clinic").certificate), ".p12"),
        ("hub.certificate_file", json!("nowhere.p12"), "cannot be read"),
        ("hub.certificate_passphrase_file", json!("nowhere"), "No secret can be read"),
        ("hub.user_id", json!(""), "required"),
        ("hub.password_file", json!("nowhere"), "No secret can be read"),
        ("hub.staff_login", json!("perhaps"), "off, asked, kept"),
        ("lan.listen", json!(["0.0.0.0"]), "address and port"),
        ("lan.networks", json!(["192.168.1.5/24"]), "192.168.1.0/24"),
        ("cards.readers", json!(17), "from 0 to 16"),
        ("exchange.directory", json!("/nowhere/at/all"), "no folder"),
        ("administrator.user", json!("Admin"), "a letter first"),
        ("terminal.rights", json!(["fly"]), "a list of"),
    ];
    for (key, value, sentence) in cases {
        let said = refused(&machine, &sound.clone().set(key, &value), key, Some(key));
        assert!(said.contains(sentence), "{key}: {said}");
    }
    for (facility, sentence) in [("wrong-kind", "kind"), ("expired", "ended"), ("not-yet-valid", "begins")] {
        let facility = hub.facility(facility);
        let answers = sound.clone().set("hub.certificate_file", &json!(facility.p12)).without("facility.kind");
        let answers = answers.set("hub.certificate_passphrase_file", &json!(facility.p12_passphrase));
        let said = refused(&machine, &answers, "hub.certificate_file", Some("hub.certificate_file"));
        assert!(said.contains(sentence), "{said}");
    }
    let answers = sound.set("hub.certificate_file", &json!(other.p12)).without("facility.kind");
    let answers = answers.set("hub.certificate_passphrase_file", &json!(other.p12_passphrase));
    let said = refused(&machine, &answers, "hub.certificate_file", Some("hub.certificate_file"));
    assert!(said.contains("9970000015") && said.contains("9910000011"), "{said}");
}

#[test]
fn what_is_missing_is_named() {
    let hub = Sandbox::start();
    let (machine, sound) = (Machine::new(), Answers::of(&hub));
    let required = ["hub.user_id", "hub.url", "facility.number", "hub.certificate_file", "hub.password_file"];
    for key in required.into_iter().chain(["hub.ca_file", "hub.certificate_passphrase_file"]) {
        let said = refused(&machine, &sound.clone().without(key), key, None);
        assert!(said.contains("required"), "{key}: {said}");
    }
}

#[test]
fn a_wrong_passphrase_is_told_as_that() {
    let hub = Sandbox::start();
    let (machine, sound) = (Machine::new(), Answers::of(&hub));
    let sound = sound.without("hub.certificate_passphrase_file");
    let answers = sound.set("hub.certificate_passphrase", &json!("surely-not-this"));
    let key = "hub.certificate_passphrase_file";
    let said = refused(&machine, &answers, key, Some("hub.certificate_passphrase"));
    assert!(said.contains("does not open with this passphrase") && !said.contains("surely"), "{said}");
    let both = Answers::of(&hub).set("hub.password", &json!("x"));
    refused(&machine, &both, "hub.password_file", Some("hub.password_file"));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let hub = Sandbox::start();
    let (machine, sound) = (Machine::new(), Answers::of(&hub));
    let answers =
        sound.set("cards.readers", &json!(17)).set("hub.nothing", &json!(1)).set("terminal.kind", &json!("pc"));
    let text = format!("{}this is no TOML\n", answers.text());
    let told = told(&machine.set_up_with(&text, &[]), 78);
    let keys: Vec<&str> =
        told["problems"].as_array().unwrap().iter().map(|p| p["key"].as_str().unwrap_or("-")).collect();
    assert_eq!(keys, ["cards.readers", "hub.nothing", "terminal.kind", "-"], "{told:#}");
}

#[test]
fn a_later_file_that_overrules_an_answer_is_named() {
    let hub = Sandbox::start();
    let machine = Machine::new();
    fs::create_dir(machine.at("etc/conf.d")).unwrap();
    fs::write(machine.at("etc/conf.d/20-vendor.toml"), "[cards]\nenabled = true\n").unwrap();
    let said = refused(&machine, &Answers::of(&hub), "cards.enabled", Some("cards.enabled"));
    assert!(said.contains("20-vendor.toml:2"), "{said}");
}

#[test]
fn no_terminal_and_no_answers_is_a_wrong_use() {
    let machine = Machine::new();
    let output = machine.command(&["setup"]).stdin(std::process::Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
