//! Other programs of the machine, asked within a time and up to a size.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

/// A program that has not ended by then is ended.
const PATIENCE: Duration = Duration::from_secs(15);
/// The same of this program itself, which asks for names and lines in a row.
const OWN_PATIENCE: Duration = Duration::from_secs(55);
/// No more is read of one.
const MOST: u64 = 8 << 20;

/// This program, also where its file has been replaced since.
const OWN: &str = "/proc/self/exe";

/// What a program said.
pub(super) struct Said {
    pub(super) out: Vec<u8>,
}

/// Runs a program of the machine without a shell, without standard input, in the language of programs.
///
/// Why there is nothing to be had, in words for the bundle.
pub(super) fn run(program: &str, arguments: &[&str]) -> Result<Said, String> {
    let mut command = Command::new(program);
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin:/usr/sbin:/sbin".into());
    command.args(arguments).env_clear().env("PATH", path).env("LC_ALL", "C.UTF-8");
    ask(command, program, PATIENCE).and_then(|ended| match ended {
        Ended { out, failed: None } => Ok(Said { out }),
        Ended { failed: Some(why), .. } => Err(format!("{program} failed: {why}")),
    })
}

/// What this program says to other arguments, however it ends.
pub(super) fn own(arguments: &[&OsStr]) -> Result<Vec<u8>, String> {
    let mut command = Command::new(OWN);
    command.args(arguments);
    ask(command, "engawa", OWN_PATIENCE).map(|ended| ended.out)
}

/// How a program ended: what it said, and its first complaint if it failed.
struct Ended {
    out: Vec<u8>,
    failed: Option<String>,
}

fn ask(command: Command, program: &str, patience: Duration) -> Result<Ended, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot be asked: {error}"))?;
    let answer = runtime.block_on(async { tokio::time::timeout(patience, asked(command, program)).await });
    // A reader of a pipe that a grandchild holds open is not waited for.
    runtime.shutdown_background();
    answer.unwrap_or_else(|_| Err(format!("{program} did not answer within {} seconds", patience.as_secs())))
}

async fn asked(mut command: Command, program: &str) -> Result<Ended, String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("{program} is not on this machine"),
        _ => format!("{program} cannot be run: {error}"),
    })?;
    let (out, err) = tokio::join!(all(child.stdout.take()), all(child.stderr.take()));
    // One that said more than is read is not waited for.
    let status = if out.len() as u64 >= MOST { None } else { child.wait().await.ok() };
    let failed = status.is_some_and(|status| !status.success());
    let first = || String::from_utf8_lossy(&err).lines().next().unwrap_or_default().chars().take(200).collect();
    Ok(Ended { out, failed: failed.then(first) })
}

async fn all(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        let _ = pipe.take(MOST).read_to_end(&mut bytes).await;
    }
    bytes
}

/// The same as text.
pub(super) fn text(program: &str, arguments: &[&str]) -> Result<String, String> {
    run(program, arguments).map(|said| String::from_utf8_lossy(&said.out).into_owned())
}
