//! What is told beside files in `sent`, and whether there is news of them.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::claim::Moved;
use super::disk;
use super::result::Report;
use crate::credential::seal::{Keyring, SealError};
use crate::store::TakenRow;

/// Files in `sent` whose fate is still to be told.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    /// The id under which they were taken.
    pub(super) claim: Uuid,
    /// What they became.
    pub(super) batch: Uuid,
    /// Where they lie, below the facility's folder.
    pub(super) folder: String,
    /// They.
    pub(super) files: Vec<Moved>,
    /// What was told last.
    pub(super) told: Told,
    /// The deliveries, once they have been looked at.
    pub(super) deliveries: Vec<Uuid>,
    /// There may be news.
    pub(super) news: bool,
}

/// What was told last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    /// Hash of it.
    pub(super) digest: String,
    /// The cover pages that were made, by delivery.
    pub(super) covers: Vec<(Uuid, String)>,
}

impl Taken {
    /// What a row says; `None` when it cannot be opened or does not parse.
    pub(super) fn read(row: &TakenRow, keys: &Keyring) -> Option<Self> {
        let claim = Uuid::from_slice(&row.claim).ok()?;
        let open = |sealed: &[u8]| keys.open_note(claim.into_bytes(), sealed).ok();
        Some(Self {
            claim,
            batch: Uuid::from_slice(&row.batch).ok()?,
            folder: row.folder.clone(),
            files: serde_json::from_slice(&open(&row.files)?).ok()?,
            told: open(&row.told).and_then(|told| serde_json::from_slice(&told).ok()).unwrap_or_default(),
            deliveries: Vec::new(),
            news: true,
        })
    }

    /// The row that says it. What software calls its files may name a person.
    ///
    /// # Errors
    /// When the cipher fails.
    pub(super) fn row(&self, keys: &Keyring) -> Result<TakenRow, SealError> {
        let seal = |text: String| keys.seal_note(self.claim.into_bytes(), text.as_bytes());
        Ok(TakenRow {
            claim: self.claim.as_bytes().to_vec(),
            batch: self.batch.as_bytes().to_vec(),
            folder: self.folder.clone(),
            files: seal(serde_json::to_string(&self.files).unwrap_or_default())?,
            told: seal(serde_json::to_string(&self.told).unwrap_or_default())?,
        })
    }

    /// The file of that name, whatever its case.
    pub(super) fn file(&self, name: &str) -> Option<&Moved> {
        self.files.iter().find(|file| is_named(&file.name, name))
    }
}

/// True when a marker's word means that file: its name, with or without `.CSV`.
pub(super) fn is_named(file: &str, word: &str) -> bool {
    file.eq_ignore_ascii_case(word) || file.to_ascii_uppercase() == format!("{}.CSV", word.to_ascii_uppercase())
}

/// Writes what is told beside each file of a folder. Where a file has been taken away nothing is left beside it; false when that
/// is so of all.
pub(super) fn beside(folder: &Path, files: &[Moved], report: &Report<'_>, now: Timestamp) -> io::Result<bool> {
    if !disk::exists(folder)? {
        return Ok(false);
    }
    let value = report.value();
    let (json, text) = (report.json(&value, now), report.text(now));
    let mut any = false;
    for file in files {
        if disk::exists(&folder.join(&file.placed))? {
            any = true;
            disk::replace(&folder.join(disk::shortened(&file.placed, ".result.json")), &json)?;
            disk::replace(&folder.join(disk::shortened(&file.placed, ".txt")), &text)?;
        }
    }
    Ok(any)
}
