//! From answers to the first delivered opinion, and where secrets are.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::terminal::Typist;
use super::{Answers, Machine, state, told};
use crate::support::gateway::{opinion, submission};
use crate::support::http::Ask;
use crate::support::mortal::mortal;
use crate::support::sandbox::Sandbox;
use crate::support::until;

/// A running process has to answer within this time.
const START: Duration = Duration::from_secs(30);

struct Served<'m> {
    machine: &'m Machine,
    child: Child,
}

impl<'m> Served<'m> {
    fn start(machine: &'m Machine) -> Self {
        let log = File::create(machine.at("log")).unwrap();
        let mut command = mortal(env!("CARGO_BIN_EXE_engawa"));
        command.arg("--config").arg(machine.settings()).arg("serve").env_remove("NOTIFY_SOCKET");
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let served = Self { machine, child: command.spawn().unwrap() };
        until("the gateway to answer", START, || served.try_get("/v1/health"));
        served
    }

    fn try_get(&self, path: &str) -> Option<Value> {
        let answer = Ask::new("GET", path).over_unix(&self.machine.at("socket")).ok()?;
        (answer.status == 200).then(|| answer.json())
    }
}

impl Drop for Served<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_box_set_up_by_answers_delivers() {
    let hub = Sandbox::start();
    let machine = Machine::new();
    let answers = Answers::of(&hub);
    let first = told(&machine.set_up(&answers), 0);
    assert_eq!((state(&first, "files"), state(&first, "service")), ("done", "skipped"));
    assert_eq!((state(&first, "administrator"), state(&first, "pairing")), ("done", "skipped"));
    files_are_as_answered(&machine, &hub);
    let password = first["administrator"]["one_time_password"].as_str().unwrap().to_owned();

    let served = Served::start(&machine);
    let handed_in = submission(&opinion("setup"), "setup-1");
    let id = handed_in.over_unix(&machine.at("socket")).unwrap().json()["id"].as_str().unwrap().to_owned();
    until("the opinion to be delivered", START, || {
        served.try_get(&format!("/v1/opinions/{id}")).filter(|opinion| opinion["state"] == "delivered")
    });

    // With the service up there is a window, a sheet with its picture, and nothing else that was not there.
    let tree = machine.tree();
    let second = told(&machine.set_up(&answers), 0);
    assert_eq!((&second["changed"], state(&second, "service")), (&json!(false), "unchanged"));
    assert_eq!((state(&second, "administrator"), state(&second, "pairing")), ("unchanged", "done"));
    assert_eq!(machine.tree(), tree);
    let sheet = fs::read_to_string(machine.at("sheet.html")).unwrap();
    for wanted in ["架空クリニック", "9910000011", "<svg", "SHA-256", "まで、1台だけ", "size: A4"] {
        assert!(sheet.contains(wanted), "{wanted}");
    }
    assert!(!sheet.contains("{{"), "a place on the sheet is not filled in");
    let third = told(&machine.set_up(&answers), 0);
    assert_eq!(served.try_get("/v1/pairing").unwrap()["items"].as_array().unwrap().len(), 1, "one window is enough");
    assert_ne!(second["pairing"]["id"], third["pairing"]["id"]);

    drop(served);
    let secrets =
        [hub.password("clinic-doctor"), fs::read_to_string(hub.facility("clinic").p12_passphrase).unwrap(), password];
    let kept = [machine.at("etc/secrets/hub-password"), machine.at("etc/secrets/certificate-passphrase")];
    for secret in &secrets {
        let found: Vec<PathBuf> = holding(machine.dir.path(), secret.trim().as_bytes());
        assert!(found.iter().all(|path| kept.contains(path)), "{found:?}");
    }
    for told in [&first, &second, &third] {
        assert!(!secrets[..2].iter().any(|secret| told.to_string().contains(secret.trim())));
    }
}

/// The service has only just started: what the hub says to the password is waited for.
#[test]
fn a_box_with_a_wrong_password_is_not_handed_over() {
    let hub = Sandbox::start();
    let machine = Machine::new();
    told(&machine.set_up(&Answers::of(&hub)), 0);
    fs::write(machine.at("etc/secrets/hub-password"), "surely-not-this").unwrap();
    let served = Served::start(&machine);
    let said = told(&machine.set_up_with("", &[]), 1);
    assert_eq!((&said["ok"], state(&said, "check")), (&json!(false), "failed"));
    let found = said["check"]["checks"].as_array().unwrap().iter().any(|check| check["finding"] == 130);
    assert!(found, "{said:#}");
    assert!(served.try_get("/v1/health").unwrap()["parts"]["hub"]["reason"].is_string());
    told_before_another_is_typed(&machine);
}

fn told_before_another_is_typed(machine: &Machine) {
    let mut typist = Typist::sit_down(machine);
    for question in ["facility's certificate", "Facility number", "Its name", "hub's address", "CA file", "User id"] {
        typist.answer(question, "");
    }
    typist.answer("Enter: the present one", "\u{3}");
    let (_, screen) = typist.leave();
    assert!(screen.contains("The hub has refused the present password"), "{screen}");
}

fn files_are_as_answered(machine: &Machine, hub: &Sandbox) {
    let tree = machine.tree();
    let modes: Vec<(String, u32)> = tree
        .iter()
        .map(|(path, (mode, _))| (path.strip_prefix(machine.at("etc")).unwrap().display().to_string(), *mode))
        .filter(|(path, _)| path != "engawa.toml")
        .collect();
    let wanted = [
        ("certificate.p12", 0o600),
        ("conf.d/10-office.toml", 0o644),
        ("hub-ca.pem", 0o644),
        ("secrets/certificate-passphrase", 0o600),
        ("secrets/hub-password", 0o600),
    ];
    assert_eq!(modes, wanted.map(|(path, mode)| (path.to_owned(), mode)));
    assert_eq!(tree[&machine.at("etc/hub-ca.pem")].1, fs::read(hub.ca()).unwrap());
    assert_eq!(tree[&machine.at("etc/certificate.p12")].1, fs::read(hub.facility("clinic").p12).unwrap());
    assert_eq!(tree[&machine.at("etc/secrets/hub-password")].1, hub.password("clinic-doctor").trim().as_bytes());
    let office = machine.office();
    assert!(office.starts_with("# "), "{office}");
    assert!(office.contains("login_window_s = 1") && office.contains("enabled = false"), "{office}");
    for default in ["kind", "rights", "administrator", "hanako", "花子", "listen = []"] {
        assert!(!office.contains(default), "{default} is no setting of this file: {office}");
    }
}

/// The files below a folder that hold these bytes.
fn holding(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, bytes));
        } else if path.is_file() && fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes) {
            found.push(path);
        }
    }
    found
}
