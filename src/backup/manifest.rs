//! What a backup says of itself.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{BackupError, DATABASE, MASTER_KEY, SMALL_FILES};
use crate::order;

/// The form of the file.
pub(super) const FORMAT: u32 = 1;
/// The name of its entry.
pub(super) const NAME: &str = "manifest.json";
/// The name of its signature's entry.
pub(super) const SIGNATURE: &str = "manifest.sig";
/// It is held whole; no sound one comes near.
pub(super) const MOST: u64 = 64 << 10;

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Manifest {
    /// Counts the forms of the file.
    pub format: u32,
    /// The version of engawa that made it.
    pub engawa: String,
    /// 事業所番号.
    pub facility: String,
    /// The epoch of the box.
    pub epoch: u64,
    /// When the copy was begun: all that was acknowledged before is in it.
    pub made_at: Timestamp,
    /// Submissions by state, shortly before the copy was begun.
    pub submissions: BTreeMap<String, u64>,
    /// Who signs it: `engawabox1…`.
    pub signed_by: String,
    /// What follows, in this order.
    pub parts: Vec<Part>,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Part {
    /// Its file's name.
    pub name: String,
    /// Octets.
    pub size: u64,
    /// SHA-256 in lower-case hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, BackupError> {
        serde_json::from_slice(bytes).map_err(|_| BackupError::Unusable("its manifest does not parse"))
    }

    /// Whether this engawa can restore it. Names are ours alone: none leads out of the directory.
    pub(super) fn check(&self) -> Result<(), BackupError> {
        if self.format != FORMAT {
            return Err(BackupError::Unusable("it is of a newer engawa"));
        }
        let known = |name: &str| name == DATABASE || name == MASTER_KEY || SMALL_FILES.contains(&name);
        let mut names: Vec<&str> = self.parts.iter().map(|part| part.name.as_str()).collect();
        let count = names.len();
        order::sort(&mut names);
        names.dedup();
        let whole = names.contains(&DATABASE) && names.contains(&MASTER_KEY);
        if !whole || names.len() != count || !names.into_iter().all(known) {
            return Err(BackupError::Unusable("its parts are not those of a backup"));
        }
        Ok(())
    }
}
