//! The chain of a file and of a database, each read once and never held.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use super::anchor::{Anchor, read_anchors};
use super::record::Hash;
use super::verify::{Flaw, Sound, Verifier};
use crate::store::{StoreError, TrailReader};

/// No record is as long.
const LINE: u64 = 1 << 16;
/// `pack.json` is read whole. No month of an office fills as much: it lists several hundred thousand acts.
pub(super) const MANIFEST_MIB: u64 = 256;
/// Records read from a database at once.
const PAGE: u16 = 1000;

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The file cannot be read.
    #[error("the file cannot be read")]
    File(#[from] io::Error),
    /// The database cannot be read.
    #[error("the database cannot be read")]
    Store(#[from] StoreError),
    /// `pack.json` is none.
    #[error("pack.json is not the content of a pack")]
    Pack,
    /// `pack.json` is larger than any that is read.
    #[error("pack.json is larger than {MANIFEST_MIB} MiB")]
    PackSize,
}

/// A file of records, one a line.
///
/// # Errors
/// [`CheckError::File`].
pub fn check_file(path: &Path, anchors: &[Anchor]) -> Result<Result<Sound, Flaw>, CheckError> {
    let mut verifier = Verifier::new(anchors.iter().copied());
    let heard = lines(path, |line| match line {
        Some(line) => verifier.read(line),
        None => verifier.torn(),
    })?;
    Ok(heard.and_then(|()| verifier.end()))
}

/// Every line of a file without its end; `None` for one that has none, or is far too long. Ends at the first flaw.
pub(super) fn lines(
    path: &Path,
    mut hear: impl FnMut(Option<&[u8]>) -> Result<(), Flaw>,
) -> Result<Result<(), Flaw>, CheckError> {
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut line = Vec::with_capacity(1024);
    loop {
        line.clear();
        let read = file.by_ref().take(LINE).read_until(b'\n', &mut line)?;
        let heard = match line.pop() {
            None => return Ok(Ok(())),
            Some(b'\n') => hear(Some(&line)),
            // The rest of what is far too long is passed over, piece by piece.
            Some(_) if read as u64 == LINE => {
                file.skip_until(b'\n')?;
                hear(None)
            }
            Some(_) => hear(None),
        };
        if heard.is_err() {
            return Ok(heard);
        }
    }
}

/// The database in `directory`, against the anchors that the box wrote beside it and these.
///
/// # Errors
/// [`CheckError::Store`] or [`CheckError::File`].
pub async fn check_database(directory: &Path, anchors: &[Anchor]) -> Result<Result<Sound, Flaw>, CheckError> {
    let beginning = Anchor { seq: 0, hash: Hash::NOTHING };
    let all = [beginning].into_iter().chain(read_anchors(directory)?).chain(anchors.iter().copied());
    let mut verifier = Verifier::new(all);
    let reader = TrailReader::open(directory).await?;
    let mut after = 0;
    let checked = loop {
        let rows = reader.after(after, PAGE).await?;
        let Some(last) = rows.last() else { break verifier.end() };
        after = last.seq;
        if let Some(flaw) = rows.iter().find_map(|row| verifier.read_kept(row.record.as_bytes(), row.at).err()) {
            break Err(flaw);
        }
    };
    reader.close().await;
    Ok(checked)
}
