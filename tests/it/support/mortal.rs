//! Processes that end with the test that started them, however it ends.

use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// What makes a process die with the thread that started it, also when a test's process is killed and drops nothing.
pub(crate) fn dying_with_us() -> &'static [&'static str] {
    static POSSIBLE: LazyLock<bool> = LazyLock::new(|| {
        let tried = Command::new("setpriv").args(["--pdeathsig", "KILL", "true"]).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    });
    if *POSSIBLE { &["setpriv", "--pdeathsig", "KILL"] } else { &[] }
}

/// A command whose process dies with the thread that starts it.
pub(crate) fn mortal(program: impl AsRef<std::ffi::OsStr>) -> Command {
    match dying_with_us() {
        [] => Command::new(program),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    }
}
