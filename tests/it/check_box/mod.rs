//! Faults with a real cause, and what `engawa check` says of each: the first check that is not ok names the culprit.

mod cards;
mod digits;
mod disk;
mod files;
mod lan;
mod running;
mod table;
mod unit;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use engawa::cli::{Digits, Finding};
use serde_json::Value;

use crate::support::gateway::{Gateway, Setup};
use crate::support::sandbox::Sandbox;

/// A box that is well, but for not having been started, and has no card readers.
fn sound(hub: &Sandbox) -> Setup {
    Setup::new(hub).set("cards.enabled", "false")
}

fn check(gateway: &Gateway) -> Output {
    gateway.run(&["check", "--offline", "--json"])
}

fn report(gateway: &Gateway) -> Value {
    let output = check(gateway);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let expected = match &report {
        report if report.get("problems").is_some() => 78,
        report if report["ok"] == true => 0,
        _ => 1,
    };
    assert_eq!(output.status.code(), Some(expected), "{report:#}");
    report
}

/// What is not ok, but for the remark that the hub of the settings is on this machine, as it is in every test.
fn troubles(report: &Value) -> Vec<&Value> {
    let here = |check: &&Value| check["finding"] == Finding::SettingsDoubtful.number() && check["object"] == "hub.url";
    let checks = report["checks"].as_array().unwrap().iter();
    checks.filter(|check| check["verdict"] != "ok" && !here(check)).collect()
}

/// Nothing is found.
#[track_caller]
fn all_is_well(gateway: &Gateway) {
    let report = report(gateway);
    assert_eq!(troubles(&report), [&Value::Null; 0], "{report:#}");
    assert_eq!(report["code"], Digits { first: Some(Finding::SettingsDoubtful), second: None }.to_string());
}

/// The first check that is not ok, which has to be this; and the six digits stand for it, unless something graver follows.
#[track_caller]
fn names(gateway: &Gateway, name: &str, finding: Finding, verdict: &str, who: &str) -> Value {
    let report = report(gateway);
    let first = troubles(&report).first().copied().unwrap_or_else(|| panic!("nothing is found: {report:#}")).clone();
    let found = (&first["finding"], &first["name"], &first["verdict"], &first["who"]);
    let expected = (&Value::from(finding.number()), &name.into(), &verdict.into(), &who.into());
    assert_eq!(found, expected, "{finding:?}: {report:#}");
    assert!(first["next"].is_string() && first["next_en"].is_string(), "{first}");
    let digits = Digits::parse(report["code"].as_str().unwrap()).unwrap();
    let stands = match verdict {
        "fail" => digits.first == Some(finding),
        _ => report["ok"] == false || [digits.first, digits.second].contains(&Some(finding)),
    };
    assert!(stands, "{digits:?}: {report:#}");
    first
}

/// Nothing is found but that engawa has not been started yet.
#[track_caller]
fn is_well(gateway: &Gateway) {
    let report = report(gateway);
    let found: Vec<&Value> = troubles(&report).iter().map(|check| &check["finding"]).collect();
    assert_eq!(found, [&Value::from(Finding::ServiceNew.number())], "{report:#}");
}

/// A library that moves the wall clock of a process by so many seconds: for `LD_PRELOAD`.
struct OtherTime(tempfile::TempDir);

impl OtherTime {
    fn new() -> Self {
        const SOURCE: &str = "#include <stdlib.h>\n#include <sys/syscall.h>\n#include <time.h>\n#include <unistd.h>\n\
            int clock_gettime(clockid_t id, struct timespec *ts) {\n  long done = syscall(SYS_clock_gettime, id, ts);\n\
            const char *by = getenv(\"SHIFTED_BY\");\n  if (!done && id == CLOCK_REALTIME && by) ts->tv_sec += atoll(by);\n\
            return (int)done;\n}\n";
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("shift.c");
        std::fs::write(&source, SOURCE).unwrap();
        let output =
            Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(dir.path().join("shift.so")).arg(source).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
        Self(dir)
    }

    fn library(&self) -> PathBuf {
        self.0.path().join("shift.so")
    }

    /// The same gateway, `days` away from today.
    fn at(&self, gateway: Gateway, days: i64) -> Gateway {
        let library = self.library().to_str().unwrap().to_owned();
        gateway.again(|setup| setup.env("LD_PRELOAD", &library).env("SHIFTED_BY", &(days * 86_400).to_string()))
    }
}

/// Whether this test is root: then files can be given away.
fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
