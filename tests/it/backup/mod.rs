//! The box as one file, and another box that begins with it.

mod cut;
mod drill;
mod forged;
mod large;
mod room;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::gateway::{Gateway, Setup, opinion};
use crate::support::http::Ask;
use crate::support::sandbox::Sandbox;
use crate::support::{skip, until};

const SOON: Duration = Duration::from_secs(60);

/// A recovery key on its sheet, made by the box.
fn sheet(gateway: &Gateway) -> PathBuf {
    let made = good(gateway.run(&["backup", "init"]));
    let path = gateway.dir().join("sheet");
    fs::write(&path, made).unwrap();
    path
}

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

/// A backup in the gateway's own folder.
fn backup(gateway: &Gateway) -> PathBuf {
    let out = gateway.dir().join("backups");
    fs::create_dir_all(&out).unwrap();
    PathBuf::from(good(gateway.run(&["backup", "--out", out.to_str().unwrap()])).trim())
}

fn restore(into: &Gateway, file: &Path, sheet: &Path, more: &[&str]) -> Output {
    let state = into.state().to_str().unwrap();
    let mut arguments = vec!["restore", file.to_str().unwrap(), "--recovery-key-file", sheet.to_str().unwrap()];
    arguments.extend(["--state", state]);
    arguments.extend(more);
    into.run(&arguments)
}

fn reason(gateway: &Gateway) -> Value {
    gateway.get("/v1/health").json()["parts"]["outbox"]["reason"].clone()
}

fn files(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = match fs::read_dir(directory) {
        Ok(entries) => entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect(),
        Err(_) => Vec::new(),
    };
    names.sort();
    names
}

#[test]
fn a_backup_opens_with_age_and_begins_another_box() {
    let hub = Sandbox::start();
    let mut gateway = Setup::new(&hub).start();
    let refused = gateway.ask(&Ask::new("POST", "/v1/backup"));
    assert_eq!((refused.status, refused.code().as_str()), (409, "BACKUP_KEY_MISSING"));
    let key = gateway.key("program");
    let id = gateway.accepted(&opinion(1), "one");
    let delivered = gateway.reaches(&id, "delivered", SOON);
    let sheet = sheet(&gateway);
    let text = fs::read_to_string(&sheet).unwrap();
    assert!(text.contains("AGE-SECRET-KEY-1") && text.contains("signed by: engawabox1"), "{text}");
    assert!(bad(gateway.run(&["backup", "init"])).contains("BACKUP_KEY_PRESENT"));
    hub.down();
    let waiting = gateway.accepted(&opinion(2), "two");
    until("the first anchor", SOON, || gateway.state().join("anchors").exists().then_some(()));

    let file = backup(&gateway);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(files(file.parent().unwrap()), [file.file_name().unwrap().to_str().unwrap()]);
    assert!(!gateway.state().join("backup").exists(), "the copy is gone");
    assert!(!gateway.get("/v1/backup").json()["last"].is_null());
    by_age(&file, &sheet);

    // Somebody copies the key from paper: small letters, blanks, no line about the signer.
    let line = text.lines().last().unwrap().to_lowercase();
    let typed: String =
        line.chars().enumerate().flat_map(|(n, c)| [Some(c), (n % 4 == 3).then_some(' ')]).flatten().collect();
    let typed_sheet = gateway.dir().join("typed");
    fs::write(&typed_sheet, typed).unwrap();
    let mut other = Setup::new(&hub).idle();
    let unsigned = bad(restore(&other, &file, &typed_sheet, &[]));
    assert!(unsigned.contains("BACKUP_SIGNATURE"), "{unsigned}");
    assert_eq!(files(other.state()), Vec::<String>::new());
    let signed_by = text.lines().find_map(|line| line.strip_prefix("# signed by: ")).unwrap();
    good(restore(&other, &file, &typed_sheet, &["--signed-by", signed_by]));
    assert_eq!(files(other.state()), ["anchors", "engawa.db", "master.key"]);
    assert!(bad(restore(&other, &file, &sheet, &[])).contains("RESTORE_NOT_EMPTY"));

    let trail = good(other.run(&["audit", "list", "--json", "--last", "1"]));
    let record: Value = serde_json::from_str(trail.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&record["act"], &record["by"], &record["result"]),
        (&json!("backup.restored"), &json!("local"), &json!("done"))
    );
    assert!(record["on"].as_str().unwrap().starts_with("epoch:"), "{record}");
    good(other.run(&["audit", "verify"]));

    gateway.kill9();
    hub.up();
    other.start();
    assert_eq!(reason(&other), "RESTORED_UNCONFIRMED");
    assert_eq!(other.submission(&id)["receipt"], delivered["receipt"], "what was delivered is known");
    assert_eq!(other.ask(&Ask::new("GET", "/v1/submissions").key(&key)).status, 200, "keys go on");
    assert_eq!(other.post(&opinion(2), "two").json()["id"], waiting.as_str(), "the same key is the same document");
    let new = other.accepted(&opinion(3), "three");
    until("the hub to be asked", SOON, || (other.submission(&waiting)["state"] == "queued").then_some(()));
    assert_eq!(
        other.submission(&new)["reason"]["code"].as_str().or(other.submission(&new)["reason"].as_str()),
        Some("RESTORED_UNCONFIRMED")
    );
    assert_eq!(hub.facts()["accepted"].as_array().unwrap().len(), 1, "it sends none");
    assert!(bad(other.run(&["restore", "confirm", "--old-box"])).contains("CONFIRMATION_WRONG"));
    // Also after another start.
    other.restart();
    assert_eq!(reason(&other), "RESTORED_UNCONFIRMED");
    good(other.run(&["restore", "confirm"]));
    for id in [&waiting, &new] {
        other.reaches(id, "delivered", SOON);
    }
    assert_eq!(reason(&other), Value::Null);
    assert!(other.get("/v1/backup").json()["epoch"].as_u64().unwrap() > 0);
    assert!(bad(other.run(&["restore", "confirm"])).contains("CONFIRMATION_WRONG"));
    assert_eq!(hub.facts()["totals"]["filed_twice"], 0);
}

/// Debian's `age` and `tar` read it.
fn by_age(file: &Path, sheet: &Path) {
    let into = tempfile::tempdir().unwrap();
    let opened =
        Command::new("age").arg("-d").arg("-i").arg(sheet).arg("-o").arg(into.path().join("tar")).arg(file).output();
    let Ok(opened) = opened else { return skip("age is not installed") };
    assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
    let tar = |arguments: &[&str]| {
        let output = Command::new("tar").current_dir(into.path()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(
        tar(&["-tf", "tar"]).lines().collect::<Vec<_>>(),
        ["manifest.json", "manifest.sig", "engawa.db", "master.key", "anchors"]
    );
    tar(&["-xf", "tar"]);
    let manifest: Value = serde_json::from_slice(&fs::read(into.path().join("manifest.json")).unwrap()).unwrap();
    assert_eq!((&manifest["format"], &manifest["epoch"]), (&json!(1), &json!(0)));
    for part in manifest["parts"].as_array().unwrap() {
        let path = into.path().join(part["name"].as_str().unwrap());
        let sum = Command::new("sha256sum").arg(&path).output().unwrap();
        assert!(String::from_utf8(sum.stdout).unwrap().starts_with(part["sha256"].as_str().unwrap()));
        assert_eq!(fs::metadata(&path).unwrap().len(), part["size"].as_u64().unwrap());
    }
}

/// Before the first start, and while the gateway is stopped.
#[test]
fn a_backup_is_made_while_no_gateway_runs() {
    let hub = Sandbox::start();
    hub.down();
    let mut gateway = Setup::new(&hub).idle();
    let sheet = sheet(&gateway);
    gateway.start();
    gateway.accepted(&opinion(1), "one");
    gateway.stop();
    let file = backup(&gateway);
    let other = Setup::new(&hub).idle();
    assert!(good(restore(&other, &file, &sheet, &[])).contains("1 documents are asked about"));
    // With another key of its own it is written for that one only.
    let second = good(gateway.run(&["backup", "init", "--replace"]));
    fs::write(gateway.dir().join("second"), second).unwrap();
    let third = Setup::new(&hub).idle();
    assert!(bad(restore(&third, &file, &gateway.dir().join("second"), &[])).contains("BACKUP_KEY_WRONG"));
}

/// The recovery key may be chosen on the machine itself only: whoever chooses it may read everything.
#[test]
fn an_administrators_key_may_make_a_backup_and_not_choose_who_reads_it() {
    let hub = Sandbox::start();
    let gateway = Setup::new(&hub).start();
    let sheet = sheet(&gateway);
    let order = json!({ "label": "admin", "rights": ["admin"] });
    let admin = gateway.ask(&Ask::new("POST", "/v1/keys").json(&order)).json()["key"].as_str().unwrap().to_owned();
    let recipient = gateway.get("/v1/backup").json()["recipient"].clone();
    let wish = Ask::new("PUT", "/v1/backup/recipient").json(&json!({ "recipient": recipient, "replace": true }));
    assert_eq!(gateway.ask(&wish.clone().key(&admin)).status, 403);
    assert_eq!(gateway.ask(&wish).status, 200);
    let reader = gateway.key("reader");
    assert_eq!(gateway.ask(&Ask::new("POST", "/v1/backup").key(&reader)).status, 403);
    let made = Command::new("curl")
        .args(["-sS", "-X", "POST", "-H", &format!("Authorization: Bearer {admin}"), "--unix-socket"])
        .arg(gateway.socket())
        .args(["-o", gateway.dir().join("pulled.age").to_str().unwrap(), "http://engawa/v1/backup"])
        .status()
        .unwrap();
    assert!(made.success());
    let other = Setup::new(&hub).idle();
    good(restore(&other, &gateway.dir().join("pulled.age"), &sheet, &[]));
}
