//! What the reader sees: numbered steps, each in Japanese and English.

use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::cli::Failure;
use crate::clock::Clock;

/// How far the story is.
pub(super) struct Story {
    number: u32,
    doing: &'static str,
    seen: String,
    began: Timestamp,
}

impl Default for Story {
    fn default() -> Self {
        Self { number: 0, doing: "prepare", seen: String::new(), began: Clock::default().now() }
    }
}

impl Story {
    /// A line outside the steps.
    pub(super) fn line(&self, text: impl Display) {
        // A reader who has gone away is no reason to stop half-way.
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    /// Begins a step; `doing` names it should it fail.
    pub(super) fn step(&mut self, doing: &'static str) {
        self.number += 1;
        self.doing = doing;
        self.seen.clear();
    }

    /// The step happened.
    pub(super) fn happened(&self, ja: impl Display, en: impl Display) {
        self.line(format_args!("{:2}. {ja}\n    {en}", self.number));
    }

    /// A fact that belongs to the step.
    pub(super) fn fact(&self, text: impl Display) {
        self.line(format_args!("    | {text}"));
    }

    /// What a step that waits saw last, told only when it fails.
    pub(super) fn saw(&mut self, what: impl Display) {
        self.seen = format!("; last seen: {what}");
    }

    /// Why the story did not come to its end, and where to look.
    pub(super) fn failure(&self, why: &dyn std::error::Error, dir: &Path, logs: &[PathBuf]) -> Failure {
        let (number, doing, seen) = (self.number, self.doing, &self.seen);
        let logs: Vec<String> = logs.iter().map(|log| log.display().to_string()).collect();
        let (dir, logs) = (dir.display(), logs.join(" "));
        format!("{number}番の段階で止まりました / step {number} ({doing}) failed: {why}{seen}\n  left in {dir}; logs: {logs}")
            .into()
    }

    /// The last line; `card`: whether the part with the card was told.
    pub(super) fn end(&self, kept: bool, card: bool) {
        if kept {
            return self.line("すべて止め、フォルダーを消しました。 / All are stopped and the folder is removed.");
        }
        self.happened("すべて止め、片付けました。", "All processes stopped in good order; the folder is removed.");
        let took = Clock::default().now().duration_since(self.began).as_secs_f64();
        let (ja, en) =
            if card { ("本人も一度で確かめました。", " One person, identified once.") } else { ("", "") };
        self.line(format_args!(
            "\n一度だけ受け付け、一度だけ届きました。{ja} / Accepted once, filed once.{en} ({took:.1} s)"
        ));
    }
}
