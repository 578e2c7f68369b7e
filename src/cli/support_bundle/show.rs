//! Shown before it is written, and asked for.

use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _, Write as _, stderr, stdin, stdout};
use std::process::{Command, Stdio};

use super::parts::Text;
use crate::cli::output::{complain, say};

const LINE: &str = "────────────────────────────────────────";

/// All of it: the list, then every file.
pub(super) fn all(texts: &[Text]) {
    let mut shown = String::from("サポート情報の中身 / what is in the support bundle\n\n");
    for Text { name, text } in texts {
        let _ = writeln!(shown, "{:>10}  {name}", text.len());
    }
    for Text { name, text } in texts {
        let _ = write!(shown, "\n{LINE}\n{name}\n{LINE}\n{text}");
    }
    if !stdout().is_terminal() || paged(&shown).is_none() {
        say(&shown);
    }
}

/// Through the pager; `None` if there is none.
fn paged(text: &str) -> Option<()> {
    let pager =
        std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty()).unwrap_or_else(|| "less".to_owned());
    let mut command = Command::new("/bin/sh");
    // Whoever reads as root is not led into a shell of root by a key pressed by mistake.
    command.args(["-c", &pager]).env("LESSSECURE", "1").stdin(Stdio::piped());
    let mut child = command.spawn().ok()?;
    // One who has seen enough closes it early.
    let _ = child.stdin.take()?.write_all(text.as_bytes());
    child.wait().ok().filter(std::process::ExitStatus::success).map(drop)
}

/// Whether a person says that it may be written.
pub(super) fn agreed() -> bool {
    if !stdin().is_terminal() || !stderr().is_terminal() {
        complain(
            "保存していません。端末で実行するか、--yes を付けてください。\nNothing was saved. Run it on a terminal, or add --yes.",
        );
        return false;
    }
    let _ = write!(stderr(), "この中身を保存しますか。 / Save this? [y/N] ");
    let _ = stderr().flush();
    let mut answer = String::new();
    let _ = stdin().lock().read_line(&mut answer);
    let yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes" | "はい");
    if !yes {
        complain("保存していません。 / Nothing was saved.");
    }
    yes
}
