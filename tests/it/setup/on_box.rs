//! On a box of systemd's, by stand-ins for its programs in a mount namespace: how secrets are kept, and which folders the service can use.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::{Answers, Machine, state, told};
use crate::support::sandbox::Sandbox;
use crate::support::skip;

/// `/etc` is the test's own, and nothing else of the machine is written to. `/srv/open` is root's, `/srv/own` the service's.
const BOX: &str = "set -e; dir=$1; shift; mount --bind \"$dir/box\" /etc; mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/system; \
    mount -t tmpfs tmpfs /home; mkdir /home/share; mount -t tmpfs tmpfs /srv; mkdir /srv/open /srv/own '/srv/a\"b'; \
    chmod 755 /srv /srv/open; chown engawa:engawa /srv/own; chmod 750 /srv/own; ";
/// It knows no unit, starts none, and says of `ProtectHome` what the test wrote down.
const SYSTEMCTL: &str = "case \"$*\" in *ProtectHome*) cat \"$0.home\";; *) exit 1;; esac\n";
/// It encrypts by turning letters around, unless the test has broken it.
const SYSTEMD_CREDS: &str =
    "[ ! -e \"$0.broken\" ] || exit 1\ncase $1 in encrypt|decrypt) tr a-zA-Z n-za-mN-ZA-M;; *) exit 1;; esac\n";

struct Booted {
    hub: Sandbox,
    machine: Machine,
}

impl Booted {
    /// `None` where a namespace of one's own cannot be had.
    fn new() -> Option<Self> {
        let hub = Sandbox::start();
        let machine = Machine::new();
        fs::create_dir_all(machine.at("box/systemd/system")).unwrap();
        fs::create_dir(machine.at("box/engawa")).unwrap();
        fs::copy(machine.settings(), machine.at("box/engawa/engawa.toml")).unwrap();
        let users =
            "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\nengawa:x:64999:64999::/:/bin/false\n";
        fs::write(machine.at("box/passwd"), users).unwrap();
        fs::write(machine.at("box/group"), "root:x:0:\nnogroup:x:65534:\nengawa:x:64999:\n").unwrap();
        fs::write(machine.at("box/nsswitch.conf"), "passwd: files\ngroup: files\nhosts: files dns\n").unwrap();
        fs::write(machine.at("box/hosts"), "127.0.0.1 localhost\n::1 localhost\n").unwrap();
        fs::create_dir(machine.at("bin")).unwrap();
        let booted = Self { hub, machine };
        booted.stand_in("systemctl", SYSTEMCTL);
        booted.stand_in("systemd-creds", SYSTEMD_CREDS);
        booted.sees_homes(false);
        let possible = booted.command(&["sh", "-c", "true"]).output();
        match possible {
            Ok(output) if output.status.success() => Some(booted),
            other => {
                skip(&format!("a mount namespace: {other:?}"));
                None
            }
        }
    }

    fn stand_in(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let program = self.machine.at("bin").join(name);
        fs::write(&program, format!("#!/bin/sh\n{script}")).unwrap();
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn sees_homes(&self, sees: bool) {
        fs::write(self.machine.at("bin/systemctl.home"), if sees { "no\n" } else { "yes\n" }).unwrap();
    }

    fn break_encryption(&self) {
        fs::write(self.machine.at("bin/systemd-creds.broken"), "").unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", &(BOX.to_owned() + "exec \"$@\""), "sh"]).arg(self.machine.dir.path());
        let path = format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", self.machine.at("bin").display());
        command.args(arguments).env("PATH", path).current_dir(self.machine.dir.path());
        command.env_remove("CREDENTIALS_DIRECTORY").env_remove("NOTIFY_SOCKET").env_remove("ENGAWA_CRASH_POINT");
        command
    }

    fn set_up(&self, answers: &Answers) -> Output {
        let setup = ["setup", "--answers", "-", "--json", "--sheet", "sheet.html"];
        let mut command = self.command(&[&[env!("CARGO_BIN_EXE_engawa")], &setup[..]].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(answers.text().as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn answers(&self) -> Answers {
        Answers::of(&self.hub)
    }

    /// Everything is placed; only that the stand-in starts nothing is left.
    fn placed(&self, answers: &Answers) -> Value {
        let told = told(&self.set_up(answers), 1);
        assert_eq!((state(&told, "files"), state(&told, "service")), ("done", "failed"), "{told:#}");
        told
    }

    /// The one mistake, on account of which nothing was changed.
    fn refused(&self, answers: &Answers) -> Value {
        let before = self.tree();
        let told = told(&self.set_up(answers), 78);
        assert_eq!(told["problems"].as_array().unwrap().len(), 1, "{told:#}");
        assert!(self.tree() == before, "something was changed: {told:#}");
        told["problems"][0].clone()
    }

    fn tree(&self) -> std::collections::BTreeMap<PathBuf, (u32, Vec<u8>)> {
        let mut tree = std::collections::BTreeMap::new();
        super::collect(&self.machine.at("box"), &mut tree);
        tree
    }

    fn etc(&self, path: &str) -> PathBuf {
        self.machine.at("box").join(path)
    }

    fn password(&self) -> String {
        fs::read_to_string(self.hub.password_file("clinic-doctor")).unwrap().trim().to_owned()
    }

    /// Whether the password stands in clear anywhere in `/etc`.
    fn in_clear(&self) -> bool {
        let password = self.password();
        self.tree().values().any(|(_, content)| content.windows(password.len()).any(|part| part == password.as_bytes()))
    }
}

const DROP_INS: [&str; 2] =
    ["systemd/system/engawa.service.d/credentials.conf", "systemd/system/engawa-check.service.d/credentials.conf"];

#[test]
fn secrets_are_encrypted_where_systemd_can() {
    let Some(booted) = Booted::new() else { return };
    booted.placed(&booted.answers());
    let sealed = fs::read_to_string(booted.etc("credstore.encrypted/engawa.hub-password")).unwrap();
    assert_ne!(sealed.trim(), booted.password());
    assert!(booted.etc("credstore.encrypted/engawa.certificate-passphrase").exists());
    assert!(DROP_INS.iter().all(|drop_in| booted.etc(drop_in).exists()));
    assert!(!booted.in_clear() && !booted.etc("credstore").exists());
    let office = fs::read_to_string(booted.etc("engawa/conf.d/10-office.toml")).unwrap();
    assert!(!office.contains("password"), "the settings name the credentials by themselves: {office}");
    // The same answers again change nothing.
    let again = told(&booted.set_up(&booted.answers()), 1);
    assert_eq!(state(&again, "files"), "unchanged", "{again:#}");
}

#[test]
fn where_systemd_cannot_encrypt_that_is_said_and_only_root_reads_them() {
    let Some(booted) = Booted::new() else { return };
    booted.break_encryption();
    let told = booted.placed(&booted.answers());
    let notes = told["notes"].as_array().unwrap();
    assert!(notes.iter().any(|note| note["detail_en"].as_str().unwrap().contains("unencrypted")), "{told:#}");
    let tree = booted.tree();
    let (mode, content) = &tree[&booted.etc("credstore/engawa.hub-password")];
    assert_eq!((*mode, String::from_utf8_lossy(content).trim()), (0o600, booted.password().as_str()));
    assert!(!DROP_INS.iter().any(|drop_in| booted.etc(drop_in).exists()), "the drop-in passes encrypted ones alone");
    assert!(!booted.etc("credstore.encrypted").exists());
    // Once systemd can, they are, and nothing is left in clear.
    fs::remove_file(booted.machine.at("bin/systemd-creds.broken")).unwrap();
    booted.placed(&booted.answers());
    assert!(!booted.in_clear() && booted.etc("credstore.encrypted/engawa.hub-password").exists());
}

#[test]
fn a_box_whose_secrets_are_encrypted_gets_none_in_clear() {
    let Some(booted) = Booted::new() else { return };
    booted.placed(&booted.answers());
    booted.break_encryption();
    let problem = booted.refused(&booted.answers());
    assert_eq!(problem["key"], "hub.password_file");
    assert!(problem["detail_en"].as_str().unwrap().contains("systemd-creds fails"), "{problem}");
    // Nor where only a drop-in tells of it.
    fs::remove_dir_all(booted.etc("credstore.encrypted")).unwrap();
    booted.refused(&booted.answers());
}

#[test]
fn a_master_key_in_clear_keeps_the_others_in_clear_or_is_refused() {
    let Some(booted) = Booted::new() else { return };
    fs::create_dir(booted.etc("credstore")).unwrap();
    fs::write(booted.etc("credstore/engawa.master-key"), "a key of the operator's own").unwrap();
    booted.placed(&booted.answers());
    assert!(booted.etc("credstore/engawa.hub-password").exists() && !booted.etc("credstore.encrypted").exists());
    let Some(booted) = Booted::new() else { return };
    booted.placed(&booted.answers());
    fs::create_dir_all(booted.etc("credstore")).unwrap();
    fs::write(booted.etc("credstore/engawa.master-key"), "a key of the operator's own").unwrap();
    assert_eq!(booted.refused(&booted.answers())["key"], "hub.password_file");
}

#[test]
fn a_folder_that_the_service_cannot_use_is_no_answer() {
    let Some(booted) = Booted::new() else { return };
    let folder = |path: &str| booted.answers().set("exchange.directory", &json!(path));
    for (path, why) in [
        ("/srv/none", "There is no folder"),
        ("/home/share", "ProtectHome=yes"),
        ("/srv/open", "cannot write into"),
        ("/srv/a\"b", "no quotes"),
    ] {
        let problem = booted.refused(&folder(path));
        assert!(problem["detail_en"].as_str().unwrap().contains(why), "{path}: {problem}");
    }
    let drop_in = booted.etc("systemd/system/engawa.service.d/exchange.conf");
    assert!(!drop_in.exists());
    booted.placed(&folder("/srv/own"));
    let text = fs::read_to_string(&drop_in).unwrap();
    assert!(text.contains("ReadWritePaths=") && text.contains("/srv/own"), "{text}");
}

/// A vendor's drop-in lets the service see homes; then its user has to be able to write there.
#[test]
fn a_folder_in_a_home_that_the_service_sees_is_judged_like_any_other() {
    let Some(booted) = Booted::new() else { return };
    booted.sees_homes(true);
    let problem = booted.refused(&booted.answers().set("exchange.directory", &json!("/home/share")));
    assert!(problem["detail_en"].as_str().unwrap().contains("cannot write into"), "{problem}");
}
