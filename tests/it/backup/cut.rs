//! kill -9 in the middle: of a backup nothing is left, and a box that was restored by half does not start.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use super::{SOON, backup, files, good, reason, restore, sheet};
use crate::support::gateway::{Setup, opinion};
use crate::support::sandbox::Sandbox;

#[test]
fn a_backup_that_was_cut_short_leaves_nothing() {
    let hub = Sandbox::start();
    let mut gateway = Setup::new(&hub).idle();
    gateway.spawn(&[("ENGAWA_CRASH_POINT", "backup.copied:1")]);
    gateway.ready();
    let sheet = sheet(&gateway);
    let out = gateway.dir().join("out.age");
    assert!(!gateway.run(&["backup", "--out", out.to_str().unwrap()]).status.success());
    assert_eq!(gateway.wait().signal(), Some(9));
    assert!(gateway.state().join("backup/engawa.db").exists(), "it died with the copy in the state directory");
    assert_eq!(files(gateway.dir()).iter().filter(|name| name.starts_with("out")).count(), 0);
    gateway.start();
    assert!(!gateway.state().join("backup").exists());
    let other = Setup::new(&hub).idle();
    good(restore(&other, &backup(&gateway), &sheet, &[]));
}

#[test]
fn a_restoring_that_was_cut_short_is_begun_again_and_ends_whole() {
    let hub = Sandbox::start();
    hub.down();
    let mut gateway = Setup::new(&hub).start();
    let id = gateway.accepted(&opinion(1), "one");
    let sheet = sheet(&gateway);
    let file = backup(&gateway);
    gateway.kill9();
    let points = [
        "restore.begun:1",
        "restore.unpacked:1",
        "restore.changed:1",
        "restore.one_placed:1",
        "restore.one_placed:2",
        "restore.placed:1",
    ];
    for point in points {
        let mut other = Setup::new(&hub).idle();
        let died = Command::new(env!("CARGO_BIN_EXE_engawa"))
            .args(["restore", file.to_str().unwrap(), "--recovery-key-file", sheet.to_str().unwrap(), "--state"])
            .arg(other.state())
            .env("ENGAWA_CRASH_POINT", point)
            .status()
            .unwrap();
        assert_eq!(died.signal(), Some(9), "{point}");
        other.spawn(&[]);
        assert_eq!(other.wait().code(), Some(1), "{point}: it must not start");
        assert!(other.log().contains("RESTORE_UNFINISHED"), "{point}: {}", other.log());
        good(restore(&other, &file, &sheet, &[]));
        let there: Vec<_> = files(other.state()).into_iter().filter(|name| name != "anchors").collect();
        assert_eq!(there, ["engawa.db", "master.key"], "{point}");
        other.start();
        assert_eq!(reason(&other), "RESTORED_UNCONFIRMED", "{point}");
        other.reaches(&id, "unknown", SOON);
    }
}

/// Something else in the directory is never touched, whether or not a restoring was cut short in it.
#[test]
fn what_somebody_else_keeps_there_stays() {
    let hub = Sandbox::start();
    let gateway = Setup::new(&hub).start();
    let sheet = sheet(&gateway);
    let file = backup(&gateway);
    let other = Setup::new(&hub).idle();
    fs::create_dir_all(other.state().join("restore.draft")).unwrap();
    fs::write(other.state().join("engawa.db"), "left").unwrap();
    fs::write(other.state().join("notes.txt"), "mine").unwrap();
    fs::set_permissions(other.state(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let output = restore(&other, &file, &sheet, &[]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("RESTORE_NOT_EMPTY"));
    assert_eq!(files(other.state()), ["engawa.db", "notes.txt", "restore.draft"]);
}
