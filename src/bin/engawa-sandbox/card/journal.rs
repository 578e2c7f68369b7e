//! What was asked of the card: counts for tests, and a file with a line for each command. PINs are in neither, nor is
//! anything that was read.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::apdu::{self, Command};
use super::files::{Place, written};
use crate::cli::Failure;
use crate::clock::Clock;

/// Counts since the reader was started, or since they were cleared.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Counts {
    pub(super) commands: u64,
    /// By instruction: `select read verify change sign other`.
    pub(super) instructions: BTreeMap<&'static str, u64>,
    /// READ BINARY by file: `jpki/000A`.
    pub(super) reads: BTreeMap<String, u64>,
    /// VERIFY without a body, by PIN file: asks for the tries left.
    pub(super) queries: BTreeMap<String, u64>,
    /// VERIFY with a body, by PIN file: each may cost a try.
    pub(super) tries: BTreeMap<String, u64>,
    /// Those of them that were answered with anything but 9000 by the card itself.
    pub(super) wrong: BTreeMap<String, u64>,
    /// Signatures asked for, by key file.
    pub(super) signatures: BTreeMap<String, u64>,
    /// Commands that select, read or otherwise touch the file of the My Number. Has to be 0.
    pub(super) my_number_touched: u64,
    /// Those of them that read it, allowed or not.
    pub(super) my_number_reads: u64,
    pub(super) power_on: u64,
    pub(super) power_off: u64,
    pub(super) resets: u64,
    pub(super) inserted: u64,
    pub(super) removed: u64,
}

/// One command and what came of it.
pub(super) struct Entry<'a> {
    pub(super) card: &'a str,
    pub(super) command: &'a [u8],
    pub(super) place: Option<Place>,
    /// What the card itself answered, before a fault; nothing if it was not carried out.
    pub(super) answer: Option<&'a [u8]>,
    pub(super) fault: Option<&'a super::faults::Fault>,
    pub(super) touches_my_number: bool,
}

/// The counts and the file.
pub(super) struct Journal {
    pub(super) counts: Counts,
    file: File,
}

impl Journal {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Self { counts: Counts::default(), file })
    }

    pub(super) fn note(&mut self, entry: &Entry<'_>) {
        self.counts.note(entry);
        let status = entry.answer.and_then(|a| a.last_chunk::<2>()).map(|sw| hex(sw));
        let line = json!({
            "n": self.counts.commands, "ms": Clock::default().now().as_millisecond(), "card": entry.card, "command": masked(entry.command),
            "file": entry.place.map(written), "sw": status, "bytes": entry.answer.map(<[u8]>::len),
            "fault": entry.fault.map(|f| f.kind),
        });
        // Only people read it: a full disk is no reason to stop.
        let _ = self.file.write_all(format!("{line}\n").as_bytes());
    }
}

impl Counts {
    fn note(&mut self, entry: &Entry<'_>) {
        self.commands += 1;
        let ins = entry.command.get(1).copied().unwrap_or(0);
        let add = |counts: &mut BTreeMap<String, u64>| {
            *counts.entry(entry.place.map_or_else(|| "none".to_owned(), written)).or_default() += 1;
        };
        *self.instructions.entry(apdu::name(ins)).or_default() += 1;
        match (ins, Command::parse(entry.command)) {
            (0xB0, _) => add(&mut self.reads),
            (0x2A, _) => add(&mut self.signatures),
            (0x20, Some(command)) if command.data.is_empty() => add(&mut self.queries),
            (0x20, _) => {
                add(&mut self.tries);
                if entry.answer.is_some_and(|a| !a.ends_with(&[0x90, 0x00])) {
                    add(&mut self.wrong);
                }
            }
            _ => {}
        }
        self.my_number_touched += u64::from(entry.touches_my_number);
        self.my_number_reads += u64::from(entry.touches_my_number && matches!(ins, 0xB0 | 0xB1));
    }
}

/// A SELECT in full; of anything else the header and how much followed.
fn masked(command: &[u8]) -> String {
    if command.get(1) == Some(&0xA4) {
        return hex(command);
    }
    let (header, rest) = command.split_at(command.len().min(4));
    if rest.is_empty() { hex(header) } else { format!("{}+{}", hex(header), rest.len()) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect()
}
