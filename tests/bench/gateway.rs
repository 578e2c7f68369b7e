//! The gateway as a process with a state directory of its own, dead when dropped.
#![allow(dead_code)]

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::sandbox::Sandbox;

/// Settings, secrets and state, on the file system of the build.
pub(crate) struct House {
    directory: TempDir,
    key: String,
}

/// A gateway that runs.
pub(crate) struct Gateway {
    child: Child,
    /// Its loopback port.
    pub(crate) address: SocketAddr,
}

impl House {
    /// The sandbox's clinic, with one API key.
    pub(crate) fn new(sandbox: &Sandbox) -> Self {
        Self::with(sandbox, "")
    }

    /// The same with further settings.
    pub(crate) fn with(sandbox: &Sandbox, further: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("house").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let clinic = sandbox.facility("clinic");
        let at = directory.path();
        let settings = format!(
            "[facility]\nnumber = \"{}\"\n[state]\ndirectory = \"{at}/state\"\n[endpoint]\nlisten = [\"127.0.0.1:0\"]\n\
             unix_socket = \"{at}/socket\"\n[hub]\nurl = \"{}\"\nuser_id = \"clinic-doctor\"\nca_file = \"{}\"\n\
             certificate_file = \"{}\"\ncertificate_passphrase_file = \"{at}/passphrase\"\n\
             password_file = \"{at}/password\"\n[log]\nformat = \"json\"\n[outbox]\nbackoff_min_s = 1\nbackoff_max_s = 2\n\
             {further}",
            clinic.number,
            sandbox.url(),
            sandbox.ca().display(),
            clinic.p12.display(),
            at = at.display(),
        );
        secret(&at.join("engawa.toml"), &settings);
        secret(&at.join("passphrase"), &fs::read_to_string(&clinic.p12_passphrase).unwrap());
        secret(&at.join("password"), &sandbox.password("clinic-doctor"));
        let mut house = Self { directory, key: String::new() };
        let answer = house.administer(&["key", "add", "bench"]);
        house.key = answer["key"].as_str().unwrap().to_owned();
        house
    }

    /// The value of an `Authorization` header.
    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.key)
    }

    /// The database file.
    pub(crate) fn database(&self) -> PathBuf {
        self.directory.path().join("state/engawa.db")
    }

    /// The log so far, for a person who has to find out what went wrong.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// What a command of the administrator's says, as JSON.
    pub(crate) fn administer(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.command(arguments).arg("--json").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_engawa"));
        command.args(arguments).arg("--config").arg(self.directory.path().join("engawa.toml"));
        command.env_remove("CREDENTIALS_DIRECTORY").env_remove("JOURNAL_STREAM").env_remove("NOTIFY_SOCKET");
        command
    }

    /// Starts the gateway and returns once it has said READY=1, as a service manager would see it.
    pub(crate) fn start(&self) -> Gateway {
        let socket = self.directory.path().join("notify");
        let _ = fs::remove_file(&socket);
        let notified = UnixDatagram::bind(&socket).unwrap();
        notified.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let log = File::create(self.directory.path().join("log")).unwrap();
        let mut command = self.command(&["serve"]);
        command.env("NOTIFY_SOCKET", &socket).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().unwrap();
        let mut gateway = Gateway { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let mut message = [0; 1024];
        loop {
            let length = notified.recv(&mut message).unwrap_or_else(|error| panic!("{error}: {}", self.log()));
            if message[..length].windows(7).any(|word| word == b"READY=1") {
                break;
            }
        }
        gateway.address = self.listening();
        gateway
    }

    fn listening(&self) -> SocketAddr {
        self.address_of("engawa: listening")
    }

    /// Where the LAN is listened to.
    pub(crate) fn lan(&self) -> SocketAddr {
        self.address_of("engawa: listening to the LAN")
    }

    /// The file with the box's authority.
    pub(crate) fn authority(&self) -> PathBuf {
        self.directory.path().join("state/authority.pem")
    }

    fn address_of(&self, message: &str) -> SocketAddr {
        let log = self.log();
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let line = lines.find(|line| line["message"] == message).unwrap_or_else(|| panic!("{log}"));
        line["address"].as_str().unwrap().parse().unwrap()
    }
}

impl Gateway {
    /// Resident memory at this moment, bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// What of it is the process's own, without the pages of its files: a debug build's program is large.
    pub(crate) fn own_memory(&self) -> u64 {
        self.status("RssAnon:")
    }

    /// The most resident memory since the start or the last [`Gateway::forget_peak`], bytes.
    pub(crate) fn peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// Starts the peak anew from here.
    pub(crate) fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }

    /// Processor time used so far, in seconds.
    pub(crate) fn processor(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let after_name = stat.rsplit(')').next().unwrap();
        let ticks = |n: usize| after_name.split_whitespace().nth(n).unwrap().parse::<f64>().unwrap();
        (ticks(11) + ticks(12)) / 100.0
    }

    /// How often its threads have gone to sleep: at rest, as often as they woke.
    pub(crate) fn switches(&self) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let of = |task: fs::DirEntry| {
            let status = fs::read_to_string(task.path().join("status")).unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
            line.trim().parse::<u64>().unwrap()
        };
        tasks.map(|task| of(task.unwrap())).sum()
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn status(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
    }

    /// SIGTERM, and waits for the end.
    pub(crate) fn stop(mut self) {
        let id = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn secret(path: &Path, text: &str) {
    use std::io::Write as _;
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}
