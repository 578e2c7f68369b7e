//! What the folders forget of a facility that the settings do not name: the box's own notes and working files. What lies in `out`,
//! `sent`, `refused` and `in` is people's, and what was taken and not handed in waits.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::{arrive, place::Place};
use crate::fault::Code;
use crate::store::{ForgetTold, Store, StoreError};
use crate::task;

/// Why not everything could be forgotten.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// The database.
    #[error("the notes of the folders cannot be forgotten")]
    Store(#[from] StoreError),
    /// A folder.
    #[error("a folder cannot be swept")]
    Folder(#[from] io::Error),
}

impl ForgetError {
    /// What people are told.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Folder(_) => Code::ExchangeFolder,
        }
    }
}

/// Forgets the notes of files whose deliveries are all forgotten, and removes what was made ready for `in` of units that are
/// forgotten. `directory` holds one folder for each facility. A share that is not there is no failure.
///
/// # Errors
/// [`ForgetError`].
pub async fn forget(store: &Store, directory: Option<&Path>, facility: &str) -> Result<u64, ForgetError> {
    let gone = store.write(ForgetTold { facility: facility.to_owned() }).await?;
    // A number that comes from the database alone leads nowhere else.
    let plain = !facility.is_empty() && facility.bytes().all(|octet| octet.is_ascii_alphanumeric());
    let Some(directory) = directory.filter(|_| plain) else { return Ok(gone) };
    let known: Vec<Vec<u8>> = store.placements(facility).await?.into_iter().map(|row| row.received).collect();
    let arriving = Place::new(directory, facility).at(".arriving");
    let swept = task::aside(move || arrive::sweep(&arriving, &known)).await.map_err(io::Error::other)?;
    match swept {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(gone),
    }
}
