//! Terminals that were shut because their certificate was copied.

use super::{Check, Finding};

const NAME: &str = "terminals";

pub(super) fn examine(copied: u64) -> Check {
    match copied {
        0 => Check::ok(NAME, "証明書を複製された端末はありません。", "No terminal's certificate was copied."),
        copied => Check::found(NAME, Finding::TerminalCopied, &copied.to_string()),
    }
}
