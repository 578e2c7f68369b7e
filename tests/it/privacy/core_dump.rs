//! A gateway that is aborted, as the watchdog of systemd does it, where everything else would leave its memory on disk.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::json;

use super::needles::{Needle, Person, files, search};
use crate::support::gateway::{Setup, submission};
use crate::support::http::Ask;
use crate::support::sandbox::Sandbox;
use crate::support::skip;

/// Lets cores be written into that folder, of any size, and becomes what follows.
fn dumping(folder: &Path) -> [String; 4] {
    let script = format!("ulimit -c unlimited && cd '{}' && exec \"$@\"", folder.display());
    ["sh".to_owned(), "-c".to_owned(), script, "sh".to_owned()]
}

/// Whether this machine writes cores at all, and where the test looks.
fn cores_are_written() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let [shell, rest @ ..] = dumping(folder.path());
    let died = Command::new(shell).args(rest).args(["sh", "-c", "kill -ABRT $$"]).status().unwrap();
    died.core_dumped() && std::fs::read_dir(folder.path()).unwrap().next().is_some()
}

#[test]
fn a_gateway_that_is_aborted_leaves_no_memory_on_disk() {
    if !cores_are_written() {
        skip("this machine writes no core into the working directory");
    }
    let hub = Sandbox::start();
    let folder = tempfile::tempdir().unwrap();
    let launcher = dumping(folder.path());
    let launcher: Vec<&str> = launcher.iter().map(String::as_str).collect();
    let mut gateway = Setup::new(&hub).through(&launcher).start();
    let person = Person::new(31);
    let key = gateway.key("program");
    hub.down();
    // It waits, and is tried again and again: opened, sealed and sent from memory.
    let body = json!({ "opinion": person.opinion() }).to_string().into_bytes();
    let answer = gateway.ask(&Ask { body, ..submission(&serde_json::Value::Null, "one") }.key(&key));
    assert_eq!(answer.status, 202, "{answer:?}");
    gateway.signal(Signal::SIGABRT);
    let died = gateway.wait();
    assert_eq!(died.signal(), Some(Signal::SIGABRT as i32));
    assert!(!died.core_dumped());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a core was written");

    let mut found = files(gateway.dir(), &super::KEPT);
    found.extend(files(folder.path(), &[]));
    let mut needles = person.needles();
    needles.push(Needle::new("API key", key.rsplit('_').next().unwrap()));
    let master = std::fs::read_to_string(gateway.state().join("master.key")).unwrap();
    needles.push(Needle::new("master key", master.trim()));
    let found = search(&found, &needles);
    assert!(found.is_empty(), "{}", found.join("\n"));
}
