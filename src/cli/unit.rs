//! What systemd says of the service, before anything is said to it: a connection to a socket that systemd holds (`engawa.socket`) starts
//! a unit that somebody has stopped, and waits for one that cannot start.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::UnixStream;
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
    /// It runs, or is just starting: it may be spoken to.
    Runs,
    /// It was stopped, is just being stopped, or was never started.
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
        let (unit, held) = match tokio::time::timeout(PATIENCE, command.output()).await {
            Ok(Ok(output)) if output.status.success() => Self::read(&String::from_utf8_lossy(&output.stdout), socket),
            _ => (Self::Unknown, false),
        };
        // One that was not started by its unit answers at a socket that systemd does not hold.
        let elsewhere = !held && !unit.may_be_asked() && UnixStream::connect(socket).await.is_ok();
        if elsewhere { Self::Unknown } else { unit }
    }

    /// From the properties of both units, one block of lines each; and whether systemd holds the socket at this moment.
    fn read(shown: &str, socket: &Path) -> (Self, bool) {
        let block = |id: &str| shown.split("\n\n").find(|block| block.lines().any(|line| line == format!("Id={id}")));
        let (Some(service), Some(listens)) = (block(SERVICE), block(SOCKET)) else { return (Self::Unknown, false) };
        let own = format!("Listen={} (Stream)", socket.display());
        let value =
            |name: &str| service.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap_or("");
        if !listens.lines().any(|line| line == own) {
            return (Self::Unknown, false);
        }
        let held = listens.lines().any(|line| line == "ActiveState=active");
        let unit = match (value("ActiveState"), value("SubState")) {
            // systemd would try to start what it cannot load, and give up its socket with it.
            _ if held && value("LoadState") == "masked" => Self::Stopped,
            _ if held && value("LoadState") != "loaded" => Self::Failed(value("LoadState").to_owned()),
            _ if value("LoadState") != "loaded" => Self::Unknown,
            // What comes now waits, and starts it again once it has stopped.
            ("deactivating", _) if held => Self::Stopped,
            ("failed", _) | ("activating", "auto-restart" | "auto-restart-queued") => {
                let status = Some(value("ExecMainStatus")).filter(|status| !matches!(*status, "" | "0"));
                let result = value("Result");
                Self::Failed(status.map_or(result.to_owned(), |status| format!("{result} {status}")))
            }
            ("active" | "activating" | "reloading" | "refreshing" | "deactivating", _) => Self::Runs,
            ("inactive", _) => Self::Stopped,
            _ => Self::Unknown,
        };
        (unit, held)
    }

    /// Whether the service may be spoken to without being started by it.
    pub(super) const fn may_be_asked(&self) -> bool {
        matches!(self, Self::Unknown | Self::Runs)
    }
}
