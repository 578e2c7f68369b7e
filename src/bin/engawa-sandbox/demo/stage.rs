//! The stage: a folder of its own, the hub, the gateway and the counter as processes in it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::process::{Child, Command};

use super::counter::{self, Counter, Without};
use crate::cli::Failure;
use crate::control::command::call;
use crate::folder;
use crate::world::{CLINIC, World};

/// Between two looks at something that is awaited.
const LOOK: Duration = Duration::from_millis(50);
/// How long a process may take to stop by itself: the gateway's own deadline, and a little.
const PATIENCE: Duration = Duration::from_secs(25);
/// Longest folder name with which the gateway's socket fits into a socket address.
const LONGEST: usize = 60;
/// The clinic's doctor signs in at the hub.
const USER: &str = "clinic-doctor";

/// The folder and who plays in it.
pub(super) struct Stage {
    dir: PathBuf,
    binary: PathBuf,
    hub: Option<Child>,
    gateway: Option<Child>,
    counter: Option<Counter>,
}

impl Stage {
    /// Makes the folder.
    pub(super) fn new(gateway: &Path) -> Result<Self, Failure> {
        let binary = fs::canonicalize(gateway).map_err(|e| format!("--gateway {}: {e}", gateway.display()))?;
        Ok(Self { dir: make_folder()?, binary, hub: None, gateway: None, counter: None })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The gateway's binary.
    pub(super) fn binary(&self) -> &Path {
        &self.binary
    }

    /// Starts the hub, with its power on or off; what it says of itself.
    pub(super) async fn start_hub(&mut self, up: bool) -> Result<Value, Failure> {
        let dir = self.dir.join("hub");
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["hub", "--until-stdin-ends", "--dir"]).arg(&dir).args((!up).then_some("--down"));
        self.hub = Some(start(command.stdin(Stdio::piped()), &self.dir.join("hub.log"))?);
        self.log_line("hub.log", "\"ready\":true").await?;
        Ok(serde_json::from_slice(&fs::read(dir.join("sandbox.json"))?)?)
    }

    /// Sets up the counter, with a card of this person (counted from 1); the reason where that cannot be.
    pub(super) async fn open_counter(&mut self, holder: &str) -> Result<Option<Without>, Failure> {
        match Counter::open(&self.dir).await? {
            Ok(counter) => self.counter.insert(counter).bring(&self.dir, holder).await.map(|()| None),
            Err(without) => Ok(Some(without)),
        }
    }

    /// Clears the counter away.
    pub(super) async fn close_counter(&mut self) -> Result<(), Failure> {
        match self.counter.take() {
            Some(counter) => counter.close().await,
            None => Ok(()),
        }
    }

    /// The counter, where there is one.
    pub(super) fn counter(&self) -> Option<&Counter> {
        self.counter.as_ref()
    }

    /// The hub's country.
    pub(super) fn world(&self) -> Result<World, Failure> {
        Ok(serde_json::from_slice(&fs::read(self.dir.join("hub").join("world.json"))?)?)
    }

    /// An order to the hub's control API.
    pub(super) async fn control(&self, hub: &Value, method: &str, path: &str, body: String) -> Result<Value, Failure> {
        call(port(hub, "control_port")?, method, path, body).await
    }

    /// Writes the gateway's settings; `port` 0 takes a free one.
    pub(super) fn configure(&self, hub: &Value, port: u16) -> Result<(), Failure> {
        let at = |name: &str| quoted(&self.dir.join(name));
        let clinic = |name: &str| at(&format!("hub/facilities/clinic/{name}"));
        let settings = format!(
            "# Written by engawa-sandbox demo.\n\
             [facility]\nnumber = \"{CLINIC}\"\nname = \"架空内科クリニック\"\n\n\
             [state]\ndirectory = {state}\nmin_free = \"16 MiB\"\n\n\
             [endpoint]\nlisten = [\"127.0.0.1:{port}\"]\nunix_socket = {socket}\n\n\
             [hub]\nurl = {url}\nca_file = {ca}\ncertificate_file = {p12}\ncertificate_passphrase_file = {pass}\n\
             user_id = \"{USER}\"\npassword_file = {password}\n# The shortest that is allowed, to see something soon.\n\
             poll_changes_s = 10\n\n\
             [outbox]\nbackoff_min_s = 1\nbackoff_max_s = 2\n\n[log]\nformat = \"text\"\n",
            state = at("state"),
            socket = at("engawa.sock"),
            url = hub["hub"],
            ca = at("hub/pki/ca.pem"),
            p12 = clinic("client.p12"),
            pass = clinic("client.p12.pass"),
            password = at(&format!("hub/accounts/{USER}.password")),
        );
        folder::private(&self.settings(), settings)
    }

    fn settings(&self) -> PathBuf {
        self.dir.join("engawa.toml")
    }

    /// Runs one of the gateway's commands to its end; what it said on standard output.
    pub(super) async fn ask(&self, words: &[&str]) -> Result<String, Failure> {
        let done = self.engawa(words).stdin(Stdio::null()).output().await?;
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        if done.status.success() {
            return Ok(said);
        }
        let complaint = String::from_utf8_lossy(&done.stderr);
        let (binary, words) = (self.binary.display(), words.join(" "));
        Err(format!("`{binary} {words}` ended with {}\n{said}{complaint}", done.status).trim_end().into())
    }

    /// Starts the gateway; the address it listens on.
    pub(super) async fn start_gateway(&mut self) -> Result<SocketAddr, Failure> {
        let mut command = self.engawa_through(dying_with_us(), &["serve"]);
        self.gateway = Some(start(command.stdin(Stdio::null()), &self.dir.join("engawa.log"))?);
        let line = self.log_line("engawa.log", "engawa: listening").await?;
        let address = line.split("127.0.0.1:").nth(1).ok_or_else(|| format!("no address in {line:?}"))?;
        let digits: String = address.chars().take_while(char::is_ascii_digit).collect();
        Ok(SocketAddr::from(([127, 0, 0, 1], digits.parse()?)))
    }

    fn engawa(&self, words: &[&str]) -> Command {
        self.engawa_through(&[], words)
    }

    fn engawa_through(&self, launcher: &[&str], words: &[&str]) -> Command {
        let mut all = launcher.iter().map(OsStr::new).chain([self.binary.as_os_str()]);
        let mut command = Command::new(all.next().unwrap_or_default());
        command.args(all).args(words).arg("--config").arg(self.settings()).kill_on_drop(true);
        // Also where nobody listens there: real readers are none of the demo's business.
        command.env("PCSCLITE_CSOCK_NAME", counter::socket(&self.dir));
        // Whoever started the demo may have a service manager of his own.
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID", "CREDENTIALS_DIRECTORY"] {
            command.env_remove(name);
        }
        command
    }

    /// Waits for a line in a process's log, as long as that process lives.
    async fn log_line(&mut self, log: &str, words: &str) -> Result<String, Failure> {
        let path = self.dir.join(log);
        loop {
            let ended = self.ended()?;
            let text = fs::read_to_string(&path)?;
            if let Some(line) = text.split_inclusive('\n').find(|line| line.contains(words) && line.ends_with('\n')) {
                return Ok(line.to_owned());
            }
            if let Some(who) = ended {
                return Err(format!("{who}\n{text}").trim_end().into());
            }
            pause().await;
        }
    }

    /// Says so when one of the two has ended.
    pub(super) fn ended(&mut self) -> Result<Option<String>, Failure> {
        for (name, child) in [("the hub", &mut self.hub), ("the gateway", &mut self.gateway)] {
            if let Some(status) = child.as_mut().map(Child::try_wait).transpose()?.flatten() {
                return Ok(Some(format!("{name} ended with {status}")));
            }
        }
        self.counter.as_mut().map_or(Ok(None), Counter::ended)
    }

    /// Stops all, the gateway first; an error unless all stopped by themselves and well.
    pub(super) async fn stop(&mut self) -> Result<(), Failure> {
        let gateway = stop("the gateway", self.gateway.take()).await;
        let counter = self.close_counter().await;
        let hub = stop("the hub", self.hub.take()).await;
        gateway.and(counter).and(hub)
    }

    /// Removes the folder.
    pub(super) fn remove(&self) -> Result<(), Failure> {
        fs::remove_dir_all(&self.dir).map_err(|e| format!("{}: {e}", self.dir.display()).into())
    }
}

/// Waits a moment before looking again.
pub(super) async fn pause() {
    tokio::time::sleep(LOOK).await;
}

/// A port number of the hub's `sandbox.json`.
pub(super) fn port(hub: &Value, member: &str) -> Result<u16, Failure> {
    let port = hub[member].as_u64().ok_or_else(|| format!("sandbox.json names no {member}"))?;
    Ok(u16::try_from(port)?)
}

/// What makes a process die with the demo even if that is killed; nothing where the system has no such program. The demo starts
/// it on its main thread, which lives as long as the demo.
pub(super) fn dying_with_us() -> &'static [&'static str] {
    let tried =
        std::process::Command::new("setpriv").args(["--pdeathsig", "KILL", "true"]).stderr(Stdio::null()).status();
    if tried.is_ok_and(|status| status.success()) { &["setpriv", "--pdeathsig", "KILL"] } else { &[] }
}

/// Starts a process that writes into a log of its own.
pub(super) fn start(command: &mut Command, log: &Path) -> Result<Child, Failure> {
    let log = File::create(log)?;
    // A group of their own: Ctrl-C on the terminal reaches the demo alone, which then stops them in order.
    command.process_group(0).kill_on_drop(true).stdout(log.try_clone()?).stderr(log);
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    command.spawn().map_err(|e| format!("{program}: {e}").into())
}

/// Stops a process; an error unless it stopped by itself and well.
pub(super) async fn stop(name: &str, child: Option<Child>) -> Result<(), Failure> {
    let Some(mut child) = child else { return Ok(()) };
    if let Some(pid) = child.id() {
        kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGTERM)?;
    }
    let Ok(ended) = tokio::time::timeout(PATIENCE, child.wait()).await else {
        child.kill().await?;
        return Err(format!("{name} did not stop within {} seconds", PATIENCE.as_secs()).into());
    };
    let status = ended?;
    if status.success() { Ok(()) } else { Err(format!("{name} ended with {status}").into()) }
}

/// A folder that nobody else has, readable by its owner only.
fn make_folder() -> Result<PathBuf, Failure> {
    let wished = std::env::temp_dir();
    let parent = if wished.as_os_str().len() <= LONGEST { wished } else { PathBuf::from("/tmp") };
    let parent = fs::canonicalize(&parent).map_err(|e| format!("{}: {e}", parent.display()))?;
    for n in 0.. {
        let dir = parent.join(format!("engawa-demo-{}-{n}", std::process::id()));
        match fs::DirBuilder::new().mode(0o700).create(&dir) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(format!("{}: {e}", dir.display()).into()),
            Ok(()) => return Ok(dir),
        }
    }
    Err("no folder could be made".into())
}

/// A path as a TOML string: for such texts TOML and JSON agree.
fn quoted(path: &Path) -> String {
    Value::from(path.to_string_lossy()).to_string()
}
