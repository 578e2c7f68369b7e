//! Other programs of the machine, asked within a time and up to a size.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

/// A program that has not ended by then is ended.
const PATIENCE: Duration = Duration::from_secs(15);
/// No more is read of one.
const MOST: u64 = 8 << 20;

/// What a program said.
pub(super) struct Said {
    pub(super) out: Vec<u8>,
}

/// Runs a program of the machine without a shell, without standard input, in the language of programs.
///
/// Why there is nothing to be had, in words for the bundle.
pub(super) fn run(program: &str, arguments: &[&str]) -> Result<Said, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot be asked: {error}"))?;
    let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, asked(program, arguments)).await });
    // A reader of a pipe that a grandchild holds open is not waited for.
    runtime.shutdown_background();
    answer.unwrap_or_else(|_| Err(format!("{program} did not answer within {} seconds", PATIENCE.as_secs())))
}

async fn asked(program: &str, arguments: &[&str]) -> Result<Said, String> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin:/usr/sbin:/sbin".into());
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", path).env("LC_ALL", "C.UTF-8");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("{program} is not on this machine"),
        _ => format!("{program} cannot be run: {error}"),
    })?;
    let (out, err) = tokio::join!(all(child.stdout.take()), all(child.stderr.take()));
    // One that said more than is read is not waited for.
    let status = if out.len() as u64 >= MOST { None } else { child.wait().await.ok() };
    match status.is_none_or(|status| status.success()) {
        true => Ok(Said { out }),
        false => {
            let err =
                String::from_utf8_lossy(&err).lines().next().unwrap_or_default().chars().take(200).collect::<String>();
            Err(format!("{program} failed: {err}"))
        }
    }
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
