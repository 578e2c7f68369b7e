//! Processes of the demo: started into a log of their own, waited for, stopped in good order.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use crate::cli::Failure;

/// Between two looks at something that is awaited.
const LOOK: Duration = Duration::from_millis(50);
/// How long a process may take to stop by itself: the gateway's own deadline, and a little.
const PATIENCE: Duration = Duration::from_secs(25);

/// Waits a moment before looking again.
pub(super) async fn pause() {
    tokio::time::sleep(LOOK).await;
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

/// Waits for a line in a process's log, as long as that process lives.
pub(super) async fn log_line(name: &str, child: &mut Child, log: &Path, words: &str) -> Result<String, Failure> {
    loop {
        let ended = child.try_wait()?;
        let text = fs::read_to_string(log)?;
        if let Some(line) = text.split_inclusive('\n').find(|line| line.contains(words) && line.ends_with('\n')) {
            return Ok(line.to_owned());
        }
        if let Some(status) = ended {
            return Err(format!("{name} ended with {status}\n{text}").trim_end().into());
        }
        pause().await;
    }
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
