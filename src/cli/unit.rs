//! What systemd says of the service, before anything is said to it: a connection to a socket that systemd holds (`engawa.socket`) starts
//! a unit that somebody has stopped, and waits for one that cannot start.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

const SERVICE: &str = "engawa.service";
const SOCKET: &str = "engawa.socket";
/// systemd answers in milliseconds; whoever does not by then is not asked.
const PATIENCE: Duration = Duration::from_secs(5);

/// How the unit of the service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Nothing is known: no systemd, or settings whose socket is not that of its units.
    Unknown,
    /// It runs, or is just starting or stopping: it may be spoken to.
    Runs,
    /// It was stopped, or never started.
    Stopped,
    /// It could not start, or ended with a failure: systemd's word for the last end, with the exit status where there is one.
    Failed(String),
}

impl Unit {
    /// The unit that has this Unix socket. Nothing is started by asking.
    pub(super) async fn of(socket: &Path) -> Self {
        let mut command = Command::new("systemctl");
        let properties = "--property=Id,LoadState,ActiveState,SubState,Result,ExecMainStatus,Listen";
        command.args(["show", "--no-pager", properties, SERVICE, SOCKET]).env("LC_ALL", "C.UTF-8");
        command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        match tokio::time::timeout(PATIENCE, command.output()).await {
            Ok(Ok(output)) if output.status.success() => Self::read(&String::from_utf8_lossy(&output.stdout), socket),
            _ => Self::Unknown,
        }
    }

    /// From the properties of both units, one block of lines each.
    fn read(shown: &str, socket: &Path) -> Self {
        let block = |id: &str| shown.split("\n\n").find(|block| block.lines().any(|line| line == format!("Id={id}")));
        let (Some(service), Some(listens)) = (block(SERVICE), block(SOCKET)) else { return Self::Unknown };
        let own = format!("Listen={} (Stream)", socket.display());
        let value =
            |name: &str| service.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap_or("");
        if !listens.lines().any(|line| line == own) || value("LoadState") != "loaded" {
            return Self::Unknown;
        }
        match (value("ActiveState"), value("SubState")) {
            ("failed", _) | ("activating", "auto-restart" | "auto-restart-queued") => {
                let status = Some(value("ExecMainStatus")).filter(|status| !matches!(*status, "" | "0"));
                let result = value("Result");
                Self::Failed(status.map_or(result.to_owned(), |status| format!("{result} {status}")))
            }
            ("active" | "activating" | "reloading" | "refreshing" | "deactivating", _) => Self::Runs,
            ("inactive", _) => Self::Stopped,
            _ => Self::Unknown,
        }
    }

    /// Whether the service may be spoken to without being started by it.
    pub(super) const fn may_be_asked(&self) -> bool {
        matches!(self, Self::Unknown | Self::Runs)
    }
}
