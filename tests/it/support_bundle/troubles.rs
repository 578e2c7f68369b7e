//! Whatever is broken, a bundle is made, in bounded time, and says what is missing and why.

use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use serde_json::json;

use super::boxes::{Bundle, Programs, text};
use super::marks::{FOLDER, NAME, OFFICE, found};
use crate::support::at_most;
use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Ask;
use crate::support::sandbox::Sandbox;

fn bundle(gateway: &Gateway, out: &tempfile::TempDir) -> Bundle {
    let output = gateway.run(&["support-bundle", "--yes", "--out", out.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    Bundle::in_folder(out.path())
}

#[test]
fn broken_settings_are_told_without_what_they_say() {
    let (hub, programs, out) = (Sandbox::start(), Programs::new(), tempfile::tempdir().unwrap());
    let line = json!({ "__REALTIME_TIMESTAMP": "1763826252123456", "MESSAGE": format!("engawa: {NAME}") });
    programs.prints("journalctl", &line.to_string());
    let mut gateway =
        Setup::new(&hub).env("PATH", &programs.path()).set("facility.name", &json!(OFFICE).to_string()).start();
    let order = json!({ "user": "marker.user", "name": NAME, "role": "doctor" });
    assert_eq!(gateway.ask(&Ask::new("POST", "/v1/staff").json(&order)).status, 201);
    gateway.stop();
    let gateway =
        gateway.again(|setup| setup.set("outbox.backoff_min_s", "\"five\"").set("hub.\"霙共有\"", "\"pa55-w0rd\""));
    assert_eq!(gateway.run(&["check"]).status.code(), Some(78));
    let bundle = bundle(&gateway, &out);
    let problems = bundle.json("settings.json")["problems"].clone();
    let keys: Vec<_> = problems.as_array().unwrap().iter().map(|problem| problem["key"].as_str().unwrap()).collect();
    assert!(keys.contains(&"outbox.backoff_min_s") && keys.contains(&"unknown"), "{problems}");
    assert!(bundle.missing("check.json").unwrap().contains("settings.json"));
    // The records are still counted: where the state is, stands in the settings that could be read.
    assert!(bundle.texts["records.json"].contains("doctor"));
    // The names cannot be opened without the settings, so nothing that could be one is left.
    assert!(bundle.json("contents.json")["names_not_known"].is_string());
    assert!(bundle.texts["journal.txt"].contains("engawa: [text]"), "{}", bundle.texts["journal.txt"]);
    for held in bundle.texts.values() {
        assert_eq!(found(held, &[NAME, OFFICE, FOLDER, "pa55-w0rd"]), Vec::<String>::new(), "{held}");
    }
    assert!(bundle.file.file_name().unwrap().to_str().unwrap().starts_with("engawa-support-box-"));
}

#[test]
fn settings_that_are_no_settings_leave_nothing_that_could_be_a_name() {
    let (hub, programs, out) = (Sandbox::start(), Programs::new(), tempfile::tempdir().unwrap());
    let line =
        json!({ "__REALTIME_TIMESTAMP": "1763826252123456", "MESSAGE": format!("engawa: {NAME} of Quibelow Clinic") });
    programs.prints("journalctl", &line.to_string());
    let gateway = Setup::new(&hub).env("PATH", &programs.path()).idle();
    let settings = std::fs::read_to_string(gateway.settings()).unwrap();
    let broken = settings.replace("[facility]\n", "[facility]\nname = \"Quibelow Clinic\"\n").replace("[hub]", "[hub");
    std::fs::write(gateway.settings(), broken).unwrap();
    let bundle = bundle(&gateway, &out);
    assert!(bundle.json("contents.json")["names_not_known"].is_string());
    // Where the state is, is not known, so users and labels are not known either.
    assert_eq!(bundle.texts["journal.txt"].trim_end(), "2025-11-22T15:44:12.123Z  <>");
}

#[test]
fn what_hangs_holds_up_nothing_else() {
    let (hub, programs, out) = (Sandbox::start(), Programs::new(), tempfile::tempdir().unwrap());
    for program in ["journalctl", "systemctl", "timedatectl"] {
        programs.says(program, "exec sleep 1000");
    }
    // A grandchild that holds the pipe open outlives the program that was ended.
    programs.says("apt-cache", "sleep 1000 & exec sleep 1000");
    let gateway = Setup::new(&hub).env("PATH", &programs.path()).idle();
    let deaf = UnixListener::bind(gateway.socket()).unwrap();
    let began = now();
    let bundle = bundle(&gateway, &out);
    assert!(began.elapsed() < at_most(Duration::from_secs(45)), "{:?}", began.elapsed());
    drop(deaf);
    for part in ["journal.txt", "systemd.txt", "packages.txt", "service.json", "metrics.txt"] {
        let missing = bundle.missing(part).unwrap_or_else(|| panic!("{part} is there"));
        assert!(missing.contains("seconds"), "{part}: {missing}");
    }
    for part in ["versions.txt", "check.json", "settings.json", "network.json", "machine.json", "certificates.json"] {
        assert_eq!(bundle.missing(part), None);
    }
    assert!(bundle.texts["machine.json"].contains("timedatectl did not answer"));
}

#[test]
fn a_database_that_cannot_be_read_and_programs_that_are_not_there_are_named() {
    let (hub, programs, out) = (Sandbox::start(), Programs::new(), tempfile::tempdir().unwrap());
    let mut gateway = Setup::new(&hub).env("PATH", &programs.path()).start();
    gateway.stop();
    std::fs::write(gateway.state().join("engawa.db"), vec![7; 8192]).unwrap();
    let _ = std::fs::remove_file(gateway.state().join("engawa.db-wal"));
    let empty = tempfile::tempdir().unwrap();
    let gateway = gateway.again(|setup| setup.env("PATH", empty.path().to_str().unwrap()));
    let bundle = bundle(&gateway, &out);
    for part in ["records.json", "trail.json", "service.json"] {
        assert!(bundle.missing(part).is_some(), "{part}");
    }
    assert!(bundle.missing("journal.txt").unwrap().contains("journalctl is not on this machine"));
    assert!(bundle.json("contents.json")["names_not_known"].is_string());
    assert_eq!(bundle.missing("certificates.json"), None);
}

/// What is broken is not tried again for a bundle: no password is shown, and the state stays as it was.
#[test]
fn a_box_whose_service_is_down_is_checked_without_a_log_in() {
    let (hub, programs, out) = (Sandbox::start(), Programs::new(), tempfile::tempdir().unwrap());
    let gateway = Setup::new(&hub).env("PATH", &programs.path()).idle();
    // Only a state that was begun has a record of log-ins.
    assert!(gateway.run(&["key", "add", "programme"]).status.success());
    let facts = gateway.sql("SELECT name || value FROM fact ORDER BY name");
    let bundle = bundle(&gateway, &out);
    let checks = bundle.json("check.json")["checks"].clone();
    let of = |name: &str| checks.as_array().unwrap().iter().find(|check| check["name"] == name).cloned();
    assert_eq!(of("hub.tls").unwrap()["verdict"], "ok", "{checks}");
    assert_eq!(of("hub.login").unwrap()["finding"], 140, "{checks}");
    assert_eq!(hub.status()["calls"]["login"].as_u64().unwrap_or_default(), 0);
    assert_eq!(gateway.sql("SELECT name || value FROM fact ORDER BY name"), facts);
}

/// A log of text holds everything in its message, the user among it.
#[test]
fn what_lines_say_stays_out_when_the_database_cannot_tell_who_there_is() {
    let (hub, programs, out) = (Sandbox::start(), Programs::new(), tempfile::tempdir().unwrap());
    let line = json!({ "__REALTIME_TIMESTAMP": "1763826252123456", "_SYSTEMD_UNIT": "engawa.service", "PRIORITY": "4",
        "MESSAGE": "2025-11-22T15:44:12Z WARN engawa::people: refused user=marker.user\r\nagain marker.user",
        "ENGAWA_CODE": "AUTH_INVALID" });
    programs.prints("journalctl", &line.to_string());
    let mut gateway = Setup::new(&hub).env("PATH", &programs.path()).start();
    gateway.stop();
    std::fs::write(gateway.state().join("engawa.db"), vec![7; 8192]).unwrap();
    let _ = std::fs::remove_file(gateway.state().join("engawa.db-wal"));
    let bundle = bundle(&gateway, &out);
    let told = "2025-11-22T15:44:12.123Z engawa.service <4> code=AUTH_INVALID";
    assert_eq!(bundle.texts["journal.txt"].trim_end(), told);
}

#[test]
fn addresses_made_of_hardware_addresses_tell_their_network_alone() {
    let (hub, programs, out) = (Sandbox::start(), Programs::new(), tempfile::tempdir().unwrap());
    let said = "of fe80::5054:ff:fe12:3456%eth0, [2001:db8:0:7:5054:00FF:FE12:3456]:8471, 2001:db8::5054:ff:fe12:3456: at 10:20:30, 2001:db8::7";
    let line = json!({ "__REALTIME_TIMESTAMP": "1763826252123456", "MESSAGE": said });
    programs.prints("journalctl", &line.to_string());
    let gateway = Setup::new(&hub).env("PATH", &programs.path()).idle();
    let journal = bundle(&gateway, &out).texts["journal.txt"].clone();
    let told =
        "of fe80::[hardware]%eth0, [2001:db8:0:7::[hardware]]:8471, 2001:db8::[hardware]: at 10:20:30, 2001:db8::7";
    assert!(journal.contains(told), "{journal}");
}

#[test]
fn a_private_key_in_a_part_leaves_the_part_out() {
    let (hub, programs, out) = (Sandbox::start(), Programs::new(), tempfile::tempdir().unwrap());
    programs.prints("apt-cache", "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n");
    let gateway = Setup::new(&hub).env("PATH", &programs.path()).idle();
    let bundle = bundle(&gateway, &out);
    assert_eq!(bundle.missing("packages.txt").unwrap(), "a private key was found in it");
    assert!(!bundle.texts.values().any(|text| text.contains("MC4CAQ")));
}

#[allow(clippy::disallowed_methods)] // How long a command takes is in the machine's time.
fn now() -> Instant {
    Instant::now()
}
