//! What a card remembers without power: PINs and the tries left. Every change is on the disk before it is acted upon.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use crate::cli::Failure;

/// A PIN of the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pin {
    /// 利用者証明用: four digits, three tries.
    Auth,
    /// 署名用: 6 to 16 letters and digits, five tries.
    Sign,
    /// 券面事項入力補助用: four digits, three tries.
    Text,
}

impl Pin {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Sign => "sign",
            Self::Text => "text",
        }
    }

    pub(super) fn most(self) -> u8 {
        if self == Self::Sign { 5 } else { 3 }
    }
}

/// One PIN's state; all of it is fictitious, so it lies in the open.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) pin: String,
    pub(super) tries: u8,
}

/// The card's non-volatile memory, and the claim that the card is in one reader only.
pub(super) struct Memory {
    file: PathBuf,
    fsync: bool,
    entries: BTreeMap<Pin, Entry>,
    _claim: Flock<File>,
}

impl Memory {
    /// Claims the card of a folder and reads `state.json`.
    pub(super) fn open(folder: &Path, fsync: bool) -> Result<Self, Failure> {
        let claim = OpenOptions::new().write(true).create(true).truncate(false).open(folder.join("in-use"))?;
        let claim = Flock::lock(claim, FlockArg::LockExclusiveNonblock)
            .map_err(|_| format!("{}: this card is in another reader", folder.display()))?;
        let file = folder.join("state.json");
        let entries = serde_json::from_slice(&fs::read(&file)?).map_err(|e| format!("{}: {e}", file.display()))?;
        Ok(Self { file, fsync, entries, _claim: claim })
    }

    /// The first `state.json` of a card.
    pub(super) fn first(entries: &BTreeMap<Pin, Entry>) -> Result<Vec<u8>, Failure> {
        Ok(serde_json::to_vec_pretty(entries)?)
    }

    pub(super) fn tries(&self, pin: Pin) -> Option<u8> {
        self.entries.get(&pin).map(|e| e.tries)
    }

    /// Tries left by PIN, for facts.
    pub(super) fn all(&self) -> BTreeMap<&'static str, u8> {
        self.entries.iter().map(|(pin, e)| (pin.name(), e.tries)).collect()
    }

    pub(super) fn is(&self, pin: Pin, text: &[u8]) -> bool {
        self.entries.get(&pin).is_some_and(|e| e.pin.as_bytes() == text)
    }

    /// Sets the tries left; a PIN that was never set has none.
    pub(super) fn put_tries(&mut self, pin: Pin, tries: u8) -> Result<(), Failure> {
        match self.entries.get_mut(&pin) {
            Some(entry) if entry.tries != tries && !entry.pin.is_empty() => entry.tries = tries,
            _ => return Ok(()),
        }
        self.save()
    }

    /// Gives a PIN another value.
    pub(super) fn put_pin(&mut self, pin: Pin, text: &str) -> Result<(), Failure> {
        if let Some(entry) = self.entries.get_mut(&pin) {
            text.clone_into(&mut entry.pin);
        }
        self.save()
    }

    fn save(&self) -> Result<(), Failure> {
        let aside = self.file.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
        file.write_all(&Self::first(&self.entries)?)?;
        if self.fsync {
            file.sync_all()?;
        }
        fs::rename(&aside, &self.file)?;
        if let Some(folder) = self.file.parent().filter(|_| self.fsync) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}
