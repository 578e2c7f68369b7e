//! `STATUS.txt`: what the box is doing in this folder, since when, for whoever stands before the shared folder. It names no
//! person: of names only those of the standard.

use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;

use super::disk;
use crate::fault::Code;
use crate::model::careplan::FileName;
use crate::order::{self, SmallMap};

/// Names told in one line; the rest is counted.
const NAMED: usize = 10;

/// What is told.
#[derive(Default)]
pub(super) struct Status {
    now: Vec<[String; 2]>,
    since: SmallMap<[String; 2], Timestamp>,
    written: Option<String>,
}

impl Status {
    /// Begins a look.
    pub(super) fn begin(&mut self) {
        self.now.clear();
    }

    /// Tells something.
    pub(super) fn say(&mut self, ja: impl Into<String>, en: impl Into<String>) {
        let line = [ja.into(), en.into()];
        if !self.now.contains(&line) {
            self.now.push(line);
        }
    }

    /// Tells of a trouble of the catalogue.
    pub(super) fn trouble(&mut self, code: Code) {
        self.say(format!("{} {}", code.name(), code.ja()), format!("{} {}", code.name(), code.en()));
    }

    /// Tells of files by name, where the names may be told.
    pub(super) fn files(&mut self, [ja, en]: [&str; 2], names: &[String]) {
        if names.is_empty() {
            return;
        }
        let known = |name: &&String| FileName::parse(name.strip_suffix(".txt").unwrap_or(name)).is_ok();
        let mut told: Vec<&str> = names.iter().filter(known).take(NAMED).map(String::as_str).collect();
        let more = names.len() - told.len();
        let rest = [format!("（ほか{more}件）"), format!("({more} more)")];
        let [mut ja_rest, mut en_rest] = [String::new(), String::new()];
        if more > 0 {
            [ja_rest, en_rest] = rest;
        }
        order::sort(&mut told);
        let told = told.join(" ");
        self.say(format!("{ja} {told}{ja_rest}"), format!("{en} {told} {en_rest}").trim_end().to_owned());
    }

    /// Ends a look: writes the file where what it says changed.
    pub(super) fn write(&mut self, base: &Path, now: Timestamp) -> std::io::Result<()> {
        if self.now.is_empty() {
            self.say("動作しています。", "Working.");
        }
        let current = std::mem::take(&mut self.now);
        self.since.retain(|line, _| current.contains(line));
        for line in &current {
            self.since.get_or_insert(line.clone(), now);
        }
        let text = self.text(&current);
        let path = base.join("STATUS.txt");
        if self.written.as_ref() != Some(&text) || !disk::exists(&path)? {
            disk::replace(&path, text.as_bytes())?;
            self.written = Some(text);
        }
        Ok(())
    }

    fn text(&self, lines: &[[String; 2]]) -> String {
        let mut text = String::from("\u{FEFF}engawa\r\n\r\n");
        for (at, since) in [(0, "から"), (1, " since ")] {
            for line in lines {
                let when = self.since.get(line).copied().map(in_japan).unwrap_or_default();
                let said = line.get(at).map_or("", String::as_str);
                // Writing to a String cannot fail.
                let _ = match at {
                    0 => write!(text, "・{said}（{when}{since}）\r\n"),
                    _ => write!(text, "- {said} ({}{when})\r\n", since.trim_start()),
                };
            }
            text.push_str("\r\n");
        }
        text
    }
}

/// A time as people in Japan read it.
pub(super) fn in_japan(at: Timestamp) -> String {
    let japan = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
    at.to_zoned(japan).strftime("%Y-%m-%d %H:%M").to_string()
}
