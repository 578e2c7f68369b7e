//! A box full of marked person data everywhere, and a journal that holds it in every form: none of it gets into a bundle.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::json;

use super::boxes::{Bundle, Programs, text};
use super::marks::{
    FILE, FOLDER, HUB_PASSWORD_WORD, HUB_USER, INSURED, KEY_NAME, KNOWN, LAN_NAME, LATIN_NAME, NAME, NUMBERS, OFFICE,
    PERSON, TERMINAL, USER, forms, found,
};
use crate::support::gateway::{Gateway, Setup, opinion, submission};
use crate::support::http::Ask;
use crate::support::sandbox::Sandbox;

const SOON: Duration = Duration::from_secs(30);
const HARMLESS: &str = "a line that says nothing of anybody";

/// Lines as `journalctl --output=json` gives them.
fn journal() -> String {
    let line = |message: &str| {
        json!({ "__REALTIME_TIMESTAMP": "1763826252123456", "_SYSTEMD_UNIT": "engawa.service", "PRIORITY": "6", "MESSAGE": message,
                "ENGAWA_CODE": "HUB_UNREACHABLE", "ENGAWA_USER": "not among the fields", "_HOSTNAME": "not among the fields either" })
        .to_string()
            + "\n"
    };
    let mut lines = line(HARMLESS);
    for word in KNOWN {
        lines.extend(forms(word).iter().map(|form| line(&format!("before \"{form}\" after"))));
        lines.push_str(&line(&format!("before{word}after")).replace("before", "前").replace("after", "後"));
    }
    for number in NUMBERS {
        lines.push_str(&line(&format!("of {number}.")));
        lines.push_str(&line(&format!("番号{number}の人")));
    }
    lines + &line("1234-5678-9018 and ９９１２３４５６７０ and https://u5er:pa55@proxy.example/")
}

fn full(hub: &Sandbox, programs: &Programs) -> Gateway {
    let setup = Setup::new(hub).env("PATH", &programs.path());
    let folder = setup.path(FOLDER);
    let gateway = setup
        .set("facility.name", &json!(OFFICE).to_string())
        .set("lan.names", &json!([LAN_NAME]).to_string())
        .set("exchange.directory", &json!(folder).to_string())
        .set("hub.staff_login", "\"kept\"")
        .start();
    for (user, name, hub_user) in [(USER, NAME, Some(HUB_USER)), ("second.marker", LATIN_NAME, None)] {
        let order = json!({ "user": user, "name": name, "role": "doctor", "hub_user": hub_user });
        assert_eq!(gateway.ask(&Ask::new("POST", "/v1/staff").json(&order)).status, 201);
    }
    let window = json!({ "label": TERMINAL, "kind": "key", "rights": ["read"] });
    let answer = gateway.ask(&Ask::new("POST", "/v1/pairing").json(&window));
    assert_eq!(answer.status, 201, "{answer:?}");
    let key = gateway.key(KEY_NAME);
    let mut form = opinion(0);
    form["applicant_name"] = json!(PERSON);
    form["insured_number"] = json!(INSURED);
    let answer = gateway.ask(&submission(&form, "one").key(&key));
    assert_eq!(answer.status, 202, "{answer:?}");
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    gateway.reaches(&id, "delivered", SOON);
    gateway.sql(&format!("UPDATE submission SET about = '{{\"files\":[\"{FILE}\"]}}' RETURNING state"));
    gateway
}

#[test]
fn nothing_of_anybody_gets_into_a_bundle() {
    let (hub, programs) = (Sandbox::start(), Programs::new());
    programs.prints("journalctl", &journal());
    programs.prints(
        "systemctl",
        &format!(
            "Id=engawa.service\nStatusText={NAME} {USER}\nDropInPaths=/etc/x/{USER}.conf\nMemoryCurrent=9912345678\n"
        ),
    );
    programs.prints("apt-cache", &format!("  500 https://{USER}:{HUB_PASSWORD_WORD}@apt.example stable/main\n"));
    let mut gateway = full(&hub, &programs);
    let out = tempfile::tempdir().unwrap();
    for running in [true, false] {
        let folder = out.path().join(running.to_string());
        std::fs::create_dir(&folder).unwrap();
        let output = gateway.run(&["support-bundle", "--yes", "--out", folder.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let bundle = Bundle::in_folder(&folder);
        let words: Vec<&str> = KNOWN.iter().chain(&NUMBERS).chain(&[PERSON, HUB_PASSWORD_WORD]).copied().collect();
        // What was shown, and what was written. Where it was written was asked for.
        let shown = text(&output).replace(folder.to_str().unwrap(), "");
        for (place, held) in bundle.texts.iter().chain([(&"shown".to_owned(), &shown)]) {
            assert_eq!(found(held, &words), Vec::<String>::new(), "in {place}: {held}");
            for more in [
                "1234-5678-9018",
                "９９１２３４５６７０",
                "u5er:pa55",
                "not among the fields",
                "Yrsa",
                "Quibelow",
                "second.marker",
            ] {
                assert!(!held.contains(more), "{more} in {place}: {held}");
            }
        }
        sound(&gateway, &bundle, running);
        assert!(shown.contains(&bundle.texts["journal.txt"]), "what is written was shown");
        let bytes = std::fs::read(&bundle.file).unwrap();
        let hash: String = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes)
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert!(shown.contains(&hash), "{shown}");
        assert_eq!(std::fs::metadata(&bundle.file).unwrap().permissions().mode() & 0o777, 0o600);
        if running {
            gateway.stop();
        }
    }
}

/// It is of use, too.
fn sound(gateway: &Gateway, bundle: &Bundle, running: bool) {
    let journal = &bundle.texts["journal.txt"];
    assert!(journal.contains(HARMLESS) && journal.contains("code=HUB_UNREACHABLE"), "{journal}");
    assert!(
        journal.contains("before \"[name]\" after") && journal.contains("[user]") && journal.contains("[number]"),
        "{journal}"
    );
    assert_eq!(bundle.json("contents.json")["names_not_known"], json!(null));
    assert_eq!(bundle.missing("service.json").is_none(), running);
    assert_eq!(bundle.missing("metrics.txt").is_none(), running);
    let rows = bundle.json("records.json")["rows"].clone();
    let delivered = rows.as_array().unwrap().iter().find(|row| row["what"] == "submission").unwrap().clone();
    assert_eq!(
        (&delivered["kind"], &delivered["state"], &delivered["count"]),
        (&json!("opinion"), &json!("delivered"), &json!(1))
    );
    assert_eq!(bundle.json("trail.json")["fits"], true);
    let settings = bundle.json("settings.json")["box"].clone();
    assert_eq!(settings["lan.names"]["value"], 1);
    assert_eq!(settings["facility.name"]["value"], "set");
    assert_eq!(settings["exchange.directory"]["value"], "another place");
    assert_eq!(settings["outbox.backoff_min_s"], json!({ "value": 1, "from": "settings" }));
    let number = settings["facility.number"]["value"].as_str().unwrap();
    assert!(bundle.file.file_name().unwrap().to_str().unwrap().starts_with(&format!("engawa-support-{number}-")));
    let certificate = bundle.json("certificates.json")["facilities"][0].clone();
    assert_eq!((&certificate["facility"], certificate["kind"].is_string()), (&json!(number), true), "{certificate}");
    assert!(certificate["until"].as_str().unwrap().ends_with('Z'), "{certificate}");
    assert!(bundle.texts["check.json"].contains("\"checks\""));
    assert!(
        bundle.texts["systemd.txt"].contains("MemoryCurrent=9453 MiB")
            && bundle.texts["systemd.txt"].contains("DropIns=[user].conf")
    );
    assert!(bundle.texts.values().map(String::len).sum::<usize>() < 5 << 20);
    assert!(gateway.dir().join("engawa.toml").exists());
}

#[test]
fn nothing_is_written_without_a_yes_and_nothing_is_written_over() {
    let (hub, programs) = (Sandbox::start(), Programs::new());
    let gateway = Setup::new(&hub).env("PATH", &programs.path()).idle();
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().to_str().unwrap();
    let shown = gateway.run(&["support-bundle", "--show", "--out", folder]);
    assert_eq!(shown.status.code(), Some(0), "{}", text(&shown));
    assert!(text(&shown).contains("settings.json"));
    // Its standard input is no terminal.
    let refused = gateway.run(&["support-bundle", "--out", folder]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
    assert!(text(&refused).contains("--yes"));
    assert_eq!(out.path().read_dir().unwrap().count(), 0);
    let file = out.path().join("mine.zip");
    std::fs::write(&file, "something else").unwrap();
    let refused = gateway.run(&["support-bundle", "--yes", "--out", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "something else");
}

/// Numbers and words that only look like somebody's stay, or a vendor would have nothing to read.
#[test]
fn ids_hashes_times_and_the_own_number_stay() {
    let (hub, programs) = (Sandbox::start(), Programs::new());
    let stays = [
        "0199aa11-2222-7333-8444-1234abcd9012",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "2026-11-22T15:44:12.123Z",
        "192.168.10.20:8471",
        "HUB_UNREACHABLE",
        "fe80::1234:5678:9abc:def0",
    ];
    let own = hub.facility("clinic").number;
    let message = format!("{} {own}", stays.join(" "));
    programs
        .prints("journalctl", &json!({ "__REALTIME_TIMESTAMP": "1763826252123456", "MESSAGE": message }).to_string());
    let gateway = Setup::new(&hub).env("PATH", &programs.path()).idle();
    let out = tempfile::tempdir().unwrap();
    let output = gateway.run(&["support-bundle", "--yes", "--out", out.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let journal = &Bundle::in_folder(out.path()).texts["journal.txt"];
    assert!(journal.contains(&message), "{journal}");
}
