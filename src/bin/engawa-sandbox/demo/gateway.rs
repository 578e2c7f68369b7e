//! A gateway of one facility: its settings, its process and, where it has one, its folder for care software.

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::process::{Child, Command};

use super::counter;
use super::process::{dying_with_us, log_line, start, stop};
use crate::cli::Failure;
use crate::folder;

/// Whose gateway it is.
pub(super) struct Whose {
    /// The sandbox's folder with the certificate; also the name of the gateway's own folder.
    pub(super) folder: &'static str,
    /// The facility's name, as its people see it.
    title: &'static str,
    /// Who signs in at the hub.
    pub(super) user: &'static str,
    /// What it is called when something goes wrong.
    pub(super) name: &'static str,
    /// Whether it has a folder to exchange files, and then no card readers.
    pub(super) exchange: bool,
}

/// The clinic whose opinion it is.
pub(super) const CLINIC: Whose = Whose {
    folder: "clinic",
    title: "架空内科クリニック",
    user: "clinic-doctor",
    name: "the gateway",
    exchange: false,
};
/// The office that makes care plans.
pub(super) const OFFICE: Whose = Whose {
    folder: "office",
    title: "見本居宅介護支援事業所",
    user: "office-manager",
    name: "the office's gateway",
    exchange: true,
};
/// One of those that give the services.
pub(super) const HELPERS: Whose = Whose {
    folder: "dx",
    title: "仮設訪問介護ステーション",
    user: "dx-staff",
    name: "the helpers' gateway",
    exchange: true,
};

/// A gateway, running or not.
pub(super) struct Gateway {
    whose: Whose,
    stage: PathBuf,
    binary: PathBuf,
    starts: u32,
    process: Option<Child>,
}

impl Gateway {
    pub(super) fn new(stage: &Path, binary: &Path, whose: Whose) -> Self {
        Self { whose, stage: stage.to_owned(), binary: binary.to_owned(), starts: 0, process: None }
    }

    /// The gateway's binary.
    pub(super) fn binary(&self) -> &Path {
        &self.binary
    }

    fn home(&self) -> PathBuf {
        self.stage.join(self.whose.folder)
    }

    pub(super) fn settings(&self) -> PathBuf {
        self.home().join("engawa.toml")
    }

    /// Its log: a new one with each start.
    pub(super) fn log(&self) -> PathBuf {
        let again = if self.starts > 1 { format!("-{}", self.starts) } else { String::new() };
        self.home().join(format!("engawa{again}.log"))
    }

    /// The facility's number in the hub's country.
    pub(super) fn number<'a>(&self, hub: &'a Value) -> Result<&'a str, Failure> {
        let number = hub["facilities"][self.whose.folder]["number"].as_str();
        number.ok_or_else(|| format!("sandbox.json names no {}", self.whose.folder).into())
    }

    /// The folder that its care software reads and writes.
    pub(super) fn exchange(&self, hub: &Value) -> Result<PathBuf, Failure> {
        Ok(self.home().join("exchange").join(self.number(hub)?))
    }

    /// Writes its settings; `port` 0 takes a free one.
    pub(super) fn configure(&self, hub: &Value, port: u16) -> Result<(), Failure> {
        let Whose { folder, title, user, exchange, .. } = self.whose;
        let at = |name: &str| quoted(&self.stage.join(name));
        let certificate = |name: &str| at(&format!("hub/facilities/{folder}/{name}"));
        let more = if exchange {
            let directory = at(&format!("{folder}/exchange"));
            format!("[exchange]\ndirectory = {directory}\nsettle_s = 1\nlook_s = 1\n\n[cards]\nenabled = false\n\n")
        } else {
            String::new()
        };
        let settings = format!(
            "# Written by engawa-sandbox demo.\n\
             [facility]\nnumber = \"{number}\"\nname = \"{title}\"\n\n\
             [state]\ndirectory = {state}\nmin_free = \"16 MiB\"\n\n\
             [endpoint]\nlisten = [\"127.0.0.1:{port}\"]\nunix_socket = {socket}\n\n\
             [hub]\nurl = {url}\nca_file = {ca}\ncertificate_file = {p12}\ncertificate_passphrase_file = {pass}\n\
             user_id = \"{user}\"\npassword_file = {password}\n# The shortest that is allowed, to see something soon.\n\
             poll_changes_s = 10\n\n\
             [outbox]\nbackoff_min_s = 1\nbackoff_max_s = 2\n\n{more}[log]\nformat = \"text\"\n",
            number = self.number(hub)?,
            state = at(&format!("{folder}/state")),
            // Not deeper: the whole name has to fit into a socket address.
            socket = at(&format!("{folder}.sock")),
            url = hub["hub"],
            ca = at("hub/pki/ca.pem"),
            p12 = certificate("client.p12"),
            pass = certificate("client.p12.pass"),
            password = at(&format!("hub/accounts/{user}.password")),
        );
        fs::create_dir_all(self.home())?;
        folder::private(&self.settings(), settings)
    }

    /// Runs one of its commands to the end; what it said on standard output.
    pub(super) async fn ask(&self, words: &[&str]) -> Result<String, Failure> {
        let done = self.command(&[], words).stdin(Stdio::null()).output().await?;
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        if done.status.success() {
            return Ok(said);
        }
        let complaint = String::from_utf8_lossy(&done.stderr);
        let (binary, words) = (self.binary.display(), words.join(" "));
        Err(format!("`{binary} {words}` ended with {}\n{said}{complaint}", done.status).trim_end().into())
    }

    /// A fresh API key.
    pub(super) async fn key(&self, name: &str, rights: &str) -> Result<String, Failure> {
        let made = self.ask(&["key", "add", name, "--rights", rights, "--json"]).await?;
        let made: Value = serde_json::from_str(&made).map_err(|e| format!("engawa key add: {e}: {made:?}"))?;
        Ok(made["key"].as_str().ok_or("engawa key add --json names no key")?.to_owned())
    }

    /// Starts it; the address it listens on.
    pub(super) async fn start(&mut self) -> Result<SocketAddr, Failure> {
        self.starts += 1;
        let (mut command, log) = (self.command(dying_with_us(), &["serve"]), self.log());
        let process = self.process.insert(start(command.stdin(Stdio::null()), &log)?);
        let line = log_line(self.whose.name, process, &log, "engawa: listening").await?;
        let address = line.split("127.0.0.1:").nth(1).ok_or_else(|| format!("no address in {line:?}"))?;
        let digits: String = address.chars().take_while(char::is_ascii_digit).collect();
        Ok(SocketAddr::from(([127, 0, 0, 1], digits.parse()?)))
    }

    fn command(&self, launcher: &[&str], words: &[&str]) -> Command {
        let mut all = launcher.iter().map(OsStr::new).chain([self.binary.as_os_str()]);
        let mut command = Command::new(all.next().unwrap_or_default());
        command.args(all).args(words).arg("--config").arg(self.settings()).kill_on_drop(true);
        // Also where nobody listens there: real readers are none of the demo's business.
        command.env("PCSCLITE_CSOCK_NAME", counter::socket(&self.stage));
        // Whoever started the demo may have a service manager of his own.
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID", "CREDENTIALS_DIRECTORY"] {
            command.env_remove(name);
        }
        command
    }

    /// Says so when it has ended by itself.
    pub(super) fn ended(&mut self) -> Result<Option<String>, Failure> {
        let status = self.process.as_mut().map(Child::try_wait).transpose()?.flatten();
        Ok(status.map(|status| format!("{} ended with {status}", self.whose.name)))
    }

    /// Stops it, where it runs.
    pub(super) async fn stop(&mut self) -> Result<(), Failure> {
        stop(self.whose.name, self.process.take()).await
    }
}

/// A path as a TOML string: for such texts TOML and JSON agree.
fn quoted(path: &Path) -> String {
    Value::from(path.to_string_lossy()).to_string()
}
