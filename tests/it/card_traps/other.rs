//! Another program on the box: this test binary again, told by its environment what to do with a reader.

use std::ffi::CString;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use super::house::Lane;

/// The environment variable that makes this binary another program: `hold`, `hold-a-second` or
/// `exclusive`, and the reader.
const ORDER: &str = "ENGAWA_TEST_OTHER_PROGRAM";

/// Not a test: the other program's process. Without the variable it does nothing.
#[test]
#[ignore = "another program on the box, started by the tests"]
fn be_another_program() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let (how, reader) = order.split_once(' ').unwrap();
    let context = pcsc::Context::establish(pcsc::Scope::User).unwrap();
    let mode = if how == "exclusive" { pcsc::ShareMode::Exclusive } else { pcsc::ShareMode::Shared };
    let mut card = context.connect(&CString::new(reader).unwrap(), mode, pcsc::Protocols::ANY).unwrap();
    if how.starts_with("hold") {
        let transaction = card.transaction().unwrap();
        has_it();
        if how == "hold" {
            until_let_go();
        } else {
            std::thread::park_timeout(Duration::from_secs(1));
        }
        transaction.end(pcsc::Disposition::LeaveCard).map_err(|(_, error)| error).unwrap();
    } else {
        has_it();
        until_let_go();
    }
    card.disconnect(pcsc::Disposition::LeaveCard).map_err(|(_, error)| error).unwrap();
}

fn has_it() {
    std::io::stdout().write_all(b"\nhas it\n").unwrap();
}

fn until_let_go() {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// A program that has a reader. Dropping it kills the process by its id.
pub(super) struct Other {
    process: Child,
    _says: BufReader<ChildStdout>,
}

impl Other {
    /// Returns when it has what it wants: a transaction (`hold`) or the reader for itself (`exclusive`).
    pub(super) fn start(lane: Lane<'_>, how: &str) -> Self {
        let binary = std::env::current_exe().unwrap();
        let mut command = lane.house.pcscd().client(binary.to_str().unwrap());
        command.args(["--exact", "card_traps::other::be_another_program", "--ignored", "--nocapture"]);
        command.env(ORDER, format!("{how} {}", lane.reader()));
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut says = BufReader::new(process.stdout.take().unwrap());
        let has_it = says.by_ref().lines().map_while(Result::ok).any(|line| line == "has it");
        assert!(has_it, "the other program gets nothing");
        Self { process, _says: says }
    }

    /// It ends as programs ought to.
    pub(super) fn lets_go(mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
