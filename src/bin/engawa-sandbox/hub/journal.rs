//! An append-only file of JSON lines. A torn last line (the hub was killed while writing) is cut off at the next start;
//! nobody was told of it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::Event;
use crate::cli::Failure;

/// The open journal.
pub(crate) struct Journal {
    file: Flock<File>,
    fsync: bool,
}

impl Journal {
    /// Opens or makes the file and reads what it holds.
    pub(crate) fn open(path: &Path, fsync: bool) -> Result<(Self, Vec<Event>), Failure> {
        let named = |e: std::io::Error| format!("{}: {e}", path.display());
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).map_err(named)?;
        let mut file = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, e)| match e {
            Errno::EWOULDBLOCK => format!("{}: another sandbox uses it", path.display()),
            other => format!("{}: {other}", path.display()),
        })?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(named)?;
        let whole = text.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        if whole < text.len() {
            file.set_len(u64::try_from(whole)?).map_err(named)?;
        }
        let mut events = Vec::new();
        for (number, line) in (1..).zip(text[..whole].split(|b| *b == b'\n')) {
            if !line.is_empty() {
                let number: usize = number;
                events
                    .push(serde_json::from_slice(line).map_err(|e| format!("{} line {number}: {e}", path.display()))?);
            }
        }
        Ok((Self { file, fsync }, events))
    }

    /// Appends an event in one write, and waits for the disk where somebody will be told of it.
    pub(crate) fn append(&mut self, event: &Event) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        if self.fsync && event.needs_sync() {
            self.file.sync_data()?;
        }
        Ok(())
    }
}
