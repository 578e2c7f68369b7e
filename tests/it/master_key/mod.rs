//! Another master key is begun while documents come and go, old ones are taken out, and a process that dies in between leaves a box that
//! opens everything.

mod token;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use engawa::fault::crash::ROTATING;
use serde_json::{Value, json};

use crate::support::gateway::{Gateway, Setup, opinion};
use crate::support::http::Ask;
use crate::support::sandbox::Sandbox;
use crate::support::until;

const SOON: Duration = Duration::from_secs(60);
const NAME: &str = "佐藤 一郎";

/// What a command that has to succeed said.
fn good(output: Output) -> String {
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// What a command that has to fail said.
fn bad(output: Output) -> String {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

fn master_key(gateway: &Gateway, order: &str) -> Value {
    serde_json::from_str(&good(gateway.run(&["master-key", order, "--json"]))).unwrap()
}

fn rotate(gateway: &Gateway) -> String {
    master_key(gateway, "rotate")["id"].as_str().unwrap().to_owned()
}

fn keys(gateway: &Gateway) -> Vec<Value> {
    master_key(gateway, "status")["keys"].as_array().unwrap().clone()
}

fn lines(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect()
}

/// A member of the staff, whose name lies sealed.
fn staff(gateway: &Gateway, user: &str) {
    let order = json!({ "user": user, "name": NAME, "role": "clerk" });
    let answer = gateway.ask(&Ask::new("POST", "/v1/staff").json(&order));
    assert_eq!(answer.status, 201, "{answer:?}");
}

fn names(gateway: &Gateway) -> Vec<Value> {
    let list = gateway.get("/v1/staff").json();
    list["items"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect()
}

/// Nothing long-lived lies under another key than the first.
fn rewrapped(gateway: &Gateway) {
    until("what is long-lived to lie under the new key", SOON, || {
        let standing = keys(gateway);
        let first = standing[0]["id"].as_str().unwrap().to_owned();
        let elsewhere =
            gateway.sql(&format!("SELECT user FROM staff WHERE CAST(substr(name, 2, 16) AS TEXT) <> '{first}'"));
        let noted = gateway.sql("SELECT value FROM fact WHERE name = 'master_key.first'") == [first];
        (elsewhere.is_empty() && noted).then_some(())
    });
}

fn acts(gateway: &Gateway, act: &str) -> usize {
    let done = gateway.sql("SELECT record FROM trail");
    done.iter().filter(|record| record.contains(&format!("\"{act}\"")) && record.contains("\"done\"")).count()
}

#[test]
fn a_key_is_begun_while_documents_come_and_go() {
    let hub = Sandbox::start();
    let mut gateway = Setup::new(&hub).start();
    let file = gateway.state().join("master.key");
    staff(&gateway, "sato");
    let first = gateway.accepted(&opinion(1), "one");
    gateway.reaches(&first, "delivered", SOON);
    hub.down();
    let waiting = gateway.accepted(&opinion(2), "two");
    let old = keys(&gateway)[0]["id"].as_str().unwrap().to_owned();
    let before = lines(&file);

    let new = rotate(&gateway);
    assert_ne!(new, old);
    let after = lines(&file);
    assert_eq!((after.len(), &after[1..]), (2, before.as_slice()));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!gateway.state().join("master.key.draft").exists());
    rewrapped(&gateway);
    let third = gateway.accepted(&opinion(3), "three");
    let standing = keys(&gateway);
    assert_eq!((&standing[0]["id"], &standing[0]["seals"]), (&json!(new), &json!(true)));
    assert_eq!((&standing[0]["documents"], &standing[1]["documents"]), (&json!(1), &json!(2)));
    assert_eq!(standing[1]["unneeded"], false);
    assert!(bad(gateway.run(&["master-key", "retire"])).contains("MASTER_KEY_NEEDED"));
    assert_eq!(names(&gateway), [json!(NAME)]);
    // All of it opens, here and after a start.
    gateway.restart();
    hub.up();
    for id in [&waiting, &third] {
        gateway.reaches(id, "delivered", SOON);
    }
    assert_eq!(names(&gateway), [json!(NAME)]);
    assert_eq!(gateway.post(&opinion(1), "one").json()["id"], first.as_str(), "the secret of the box is the same");
    let until = keys(&gateway)[1]["needed_until"].as_str().unwrap().to_owned();
    assert!(until.starts_with("202"), "{until}");
    assert_eq!(acts(&gateway, "master_key.rotate"), 1);
    // By the socket's administrator alone.
    let key = gateway.key("program");
    for (method, path) in
        [("GET", "/v1/master-key"), ("POST", "/v1/master-key/rotation"), ("POST", "/v1/master-key/retirement")]
    {
        assert_eq!(gateway.ask(&Ask::new(method, path).key(&key)).status, 403, "{path}");
    }
    assert_eq!(lines(&file).len(), 2);
    assert_eq!(gateway.errors(), Vec::<String>::new());
}

#[test]
fn a_key_that_nothing_needs_is_taken_out() {
    let hub = Sandbox::start();
    let mut gateway = Setup::new(&hub).start();
    let file = gateway.state().join("master.key");
    staff(&gateway, "sato");
    let old = lines(&file);
    rotate(&gateway);
    rewrapped(&gateway);
    // What is being received may still come in under the old key.
    assert!(bad(gateway.run(&["master-key", "retire"])).contains("MASTER_KEY_NEEDED"));
    gateway.restart();
    let id = keys(&gateway)[1]["id"].clone();
    assert_eq!(keys(&gateway)[1]["unneeded"], true);
    assert_eq!(master_key(&gateway, "retire")["retired"], json!([id]));
    assert!(!lines(&file).contains(&old[0]));
    assert_eq!(master_key(&gateway, "retire")["retired"], json!([]));
    assert_eq!(acts(&gateway, "master_key.retire"), 2);
    assert_eq!(names(&gateway), [json!(NAME)]);
    gateway.restart();
    assert_eq!(names(&gateway), [json!(NAME)]);
    // The same while nothing runs.
    assert!(gateway.stop().success());
    rotate(&gateway);
    assert_eq!(lines(&file).len(), 2);
    assert_eq!(master_key(&gateway, "retire")["retired"].as_array().unwrap().len(), 1);
    assert_eq!(lines(&file).len(), 1);
    gateway.start();
    assert_eq!(names(&gateway), [json!(NAME)]);
    assert_eq!(acts(&gateway, "master_key.rotate"), 2);
    assert_eq!(acts(&gateway, "master_key.retire"), 3);
}

#[test]
fn a_process_that_dies_while_rotating_leaves_a_box_that_opens_everything() {
    let hub = Sandbox::start();
    for (point, visit) in ROTATING.iter().flat_map(|point| [(point, 1), (point, 2)]) {
        let mut gateway = Setup::new(&hub).start();
        staff(&gateway, "sato");
        staff(&gateway, "suzuki");
        let id = gateway.accepted(&opinion(1), &format!("{point} {visit}"));
        gateway.reaches(&id, "delivered", SOON);
        let old = lines(&gateway.state().join("master.key"));
        gateway.kill9();
        let place = format!("{point}:{visit}");
        gateway.spawn(&[("ENGAWA_CRASH_POINT", &place)]);
        // The second visit is that of a second rotation, where there is one at all.
        for _ in 0..visit {
            until("an answer or the end", SOON, || {
                let answers = gateway.try_ask(&Ask::new("GET", "/v1/health")).is_ok();
                (answers || gateway.ended().is_some()).then_some(())
            });
            let _ = gateway.run(&["master-key", "rotate"]);
        }
        until(&format!("the process to die at {place}"), SOON, || gateway.ended());
        gateway.kill9();
        gateway.start();
        assert_eq!(names(&gateway), [json!(NAME), json!(NAME)], "{place}");
        assert_eq!(gateway.post(&opinion(1), &format!("{point} {visit}")).json()["id"], id.as_str(), "{place}");
        rewrapped(&gateway);
        let now = lines(&gateway.state().join("master.key"));
        assert!(now.ends_with(&old), "{place}: no key is lost");
        assert!(!gateway.state().join("master.key.draft").exists(), "{place}");
        assert_eq!(keys(&gateway).len(), now.len(), "{place}");
        // And it can be rotated again.
        rotate(&gateway);
        rewrapped(&gateway);
        assert_eq!(names(&gateway).len(), 2, "{place}");
        let begun = acts(&gateway, "master_key.rotate");
        assert!(begun >= lines(&gateway.state().join("master.key")).len() - 1, "{place}: {begun} on record");
    }
}

#[test]
fn a_backup_made_between_two_rotations_opens() {
    let hub = Sandbox::start();
    let mut gateway = Setup::new(&hub).start();
    let sheet = gateway.dir().join("sheet");
    fs::write(&sheet, good(gateway.run(&["backup", "init"]))).unwrap();
    staff(&gateway, "sato");
    let id = gateway.accepted(&opinion(1), "one");
    gateway.reaches(&id, "delivered", SOON);
    rotate(&gateway);
    let out = gateway.dir().join("backups");
    fs::create_dir_all(&out).unwrap();
    let file = PathBuf::from(good(gateway.run(&["backup", "--out", out.to_str().unwrap()])).trim());
    rotate(&gateway);
    gateway.kill9();
    let mut other = Setup::new(&hub).idle();
    let state = other.state().to_str().unwrap().to_owned();
    let arguments =
        ["restore", file.to_str().unwrap(), "--recovery-key-file", sheet.to_str().unwrap(), "--state", &state];
    good(other.run(&arguments));
    assert_eq!(lines(&other.state().join("master.key")).len(), 2);
    other.start();
    assert_eq!(names(&other), [json!(NAME)]);
    assert_eq!(other.post(&opinion(1), "one").json()["id"], id.as_str());
}

/// A file that the operator keeps: engawa changes nothing there, and takes up what the operator changes.
#[test]
fn a_key_of_the_operators_is_changed_by_the_operator() {
    let hub = Sandbox::start();
    let setup = Setup::new(&hub);
    let kept = tempfile::tempdir().unwrap();
    let file = kept.path().join("engawa-master-key");
    fs::write(&file, format!("{}\n", "11".repeat(32))).unwrap();
    let mut gateway = setup
        .set("state.master_key_file", "\"credential:engawa-master-key\"")
        .env("CREDENTIALS_DIRECTORY", kept.path().to_str().unwrap())
        .start();
    staff(&gateway, "sato");
    assert_eq!(master_key(&gateway, "status")["source"], "credential");
    assert!(bad(gateway.run(&["master-key", "rotate"])).contains("MASTER_KEY_READ_ONLY"));
    assert_eq!(lines(&file).len(), 1);
    fs::write(&file, format!("{}\n{}\n", "22".repeat(32), "11".repeat(32))).unwrap();
    gateway.signal(nix::sys::signal::Signal::SIGHUP);
    until("the key to be taken up", SOON, || (keys(&gateway).len() == 2).then_some(()));
    rewrapped(&gateway);
    until("the record of it", SOON, || (acts(&gateway, "master_key.rotate") == 1).then_some(()));
    // A line too few is not believed before the next start, which says so.
    fs::write(&file, format!("{}\n", "33".repeat(32))).unwrap();
    gateway.signal(nix::sys::signal::Signal::SIGHUP);
    until("the key to be taken up", SOON, || (keys(&gateway).len() == 3).then_some(()));
    assert_eq!(names(&gateway), [json!(NAME)]);
    rewrapped(&gateway);
    fs::write(&file, format!("{}\n", "44".repeat(32))).unwrap();
    gateway.kill9();
    gateway.spawn(&[]);
    assert!(!gateway.wait().success());
    assert!(gateway.present_log().contains("MASTER_KEY_MISSING"));
}
