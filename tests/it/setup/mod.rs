//! `engawa setup`: from answers to a gateway that delivers; wrong answers; again; interrupted; asked on a terminal.

mod again;
mod delivers;
mod interrupted;
mod on_box;
mod terminal;
mod wrong;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::sandbox::Sandbox;

/// A box without systemd: its settings lie in a folder of the test's.
struct Machine {
    dir: TempDir,
}

impl Machine {
    /// With settings that no answer is about.
    fn new() -> Self {
        let machine = Self { dir: tempfile::Builder::new().prefix("setup").tempdir().unwrap() };
        fs::create_dir(machine.at("etc")).unwrap();
        let text = format!(
            "[state]\ndirectory = {}\nmin_free = \"16 MiB\"\n[endpoint]\nlisten = []\nunix_socket = {}\n[log]\nformat = \"text\"\n\
             [outbox]\nbackoff_min_s = 1\nbackoff_max_s = 1\n",
            json!(machine.at("state")),
            json!(machine.at("socket")),
        );
        fs::write(machine.settings(), text).unwrap();
        machine
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn settings(&self) -> PathBuf {
        self.at("etc/engawa.toml")
    }

    fn office(&self) -> String {
        fs::read_to_string(self.at("etc/conf.d/10-office.toml")).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_engawa"));
        command.arg("--config").arg(self.settings()).args(arguments).current_dir(self.dir.path());
        command.env_remove("CREDENTIALS_DIRECTORY").env_remove("NOTIFY_SOCKET").env_remove("ENGAWA_CRASH_POINT");
        command
    }

    /// Sets it up by these answers.
    fn set_up(&self, answers: &Answers) -> Output {
        self.set_up_with(&answers.text(), &[])
    }

    fn set_up_with(&self, answers: &str, environment: &[(&str, &str)]) -> Output {
        let mut command = self.command(&["setup", "--answers", "-", "--json", "--sheet", "sheet.html"]);
        command.envs(environment.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(answers.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Every file below `etc` with its mode and content.
    fn tree(&self) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
        let mut tree = BTreeMap::new();
        collect(&self.at("etc"), &mut tree);
        tree
    }
}

fn collect(folder: &Path, into: &mut BTreeMap<PathBuf, (u32, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else {
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
            let content = fs::read(&path).unwrap();
            into.insert(path, (mode, content));
        }
    }
}

/// Answers, one key a line, their values in TOML.
#[derive(Clone)]
struct Answers(BTreeMap<String, String>);

impl Answers {
    /// Those of the sandbox's clinic.
    fn of(hub: &Sandbox) -> Self {
        let clinic = hub.facility("clinic");
        let answers = [
            ("facility.number", json!(clinic.number)),
            ("facility.name", json!("架空クリニック")),
            ("facility.kind", json!("iryo")),
            ("hub.url", json!(hub.url())),
            ("hub.ca_file", json!(hub.ca())),
            ("hub.certificate_file", json!(clinic.p12)),
            ("hub.certificate_passphrase_file", json!(clinic.p12_passphrase)),
            ("hub.user_id", json!("clinic-doctor")),
            ("hub.password_file", json!(hub.password_file("clinic-doctor"))),
            ("hub.login_window_s", json!(1)),
            ("lan.listen", json!(["127.0.0.1:0"])),
            ("lan.networks", json!(["127.0.0.0/8"])),
            ("cards.enabled", json!(false)),
            ("administrator.user", json!("hanako")),
            ("administrator.name", json!("縁側 花子")),
            ("terminal.name", json!("受付1")),
        ];
        Self(answers.into_iter().map(|(key, value)| (key.to_owned(), value.to_string())).collect())
    }

    fn set(mut self, key: &str, value: &Value) -> Self {
        self.0.insert(key.to_owned(), value.to_string());
        self
    }

    fn without(mut self, key: &str) -> Self {
        self.0.remove(key);
        self
    }

    fn text(&self) -> String {
        let mut sections: BTreeMap<&str, String> = BTreeMap::new();
        for (key, value) in &self.0 {
            let (section, name) = key.split_once('.').unwrap();
            sections.entry(section).or_default().push_str(&format!("{name} = {value}\n"));
        }
        sections.iter().map(|(section, lines)| format!("[{section}]\n{lines}")).collect()
    }

    /// The line on which a key stands.
    fn line(&self, key: &str) -> u64 {
        let (section, name) = key.split_once('.').unwrap();
        let text = self.text();
        let from = text.lines().position(|line| line == format!("[{section}]")).unwrap();
        let within = text.lines().skip(from).position(|line| line.starts_with(&format!("{name} = "))).unwrap();
        u64::try_from(from + within + 1).unwrap()
    }
}

/// What it said, as JSON; panics when it did not end with `exit`.
fn told(output: &Output, exit: i32) -> Value {
    assert_eq!(output.status.code(), Some(exit), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// How a step ended.
fn state<'v>(told: &'v Value, step: &str) -> &'v str {
    let steps = told["steps"].as_array().unwrap();
    let found = steps.iter().find(|found| found["step"] == step);
    found.unwrap_or_else(|| panic!("no step {step}: {told:#}"))["state"].as_str().unwrap()
}
