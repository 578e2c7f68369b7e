//! The chain of a file, of a pack and of a database, each read once and never held.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use serde_json::Value;

use super::anchor::{Anchor, read_anchors};
use super::record::{Hash, Record};
use super::verify::{Flaw, Sound, Verifier, Why};
use crate::store::{StoreError, TrailReader};

/// No record is as long.
const LINE: u64 = 1 << 16;
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
}

/// A file of records, one a line.
///
/// # Errors
/// [`CheckError::File`].
pub fn check_file(path: &Path, anchors: &[Anchor]) -> Result<Result<Sound, Flaw>, CheckError> {
    lines(path, anchors, |_| Ok(()))
}

/// A pack: its chain between the ends that it names, and every act that it lists as it stands there.
///
/// # Errors
/// [`CheckError::File`] or [`CheckError::Pack`].
pub fn check_pack(directory: &Path, anchors: &[Anchor]) -> Result<Result<Sound, Flaw>, CheckError> {
    let pack: Value = serde_json::from_reader(BufReader::new(File::open(directory.join("pack.json"))?))
        .map_err(|_| CheckError::Pack)?;
    let mut ends = Vec::new();
    for name in ["before", "head"] {
        if let Some(text) = pack["trail"][name].as_str() {
            ends.push(text.parse().map_err(|_| CheckError::Pack)?);
        }
    }
    ends.extend(anchors);
    let mut listed = listed(&pack);
    let mut line = 0;
    let checked = lines(&directory.join("trail.jsonl"), &ends, |record| {
        line += 1;
        match listed.remove(&record.seq) {
            Some(acts) if acts.iter().any(|act| *act != plain(record)) => {
                Err(Flaw { seq: record.seq, line, why: Why::ListedOtherwise })
            }
            _ => Ok(()),
        }
    })?;
    Ok(match (checked, listed.first_key_value()) {
        (Ok(_), Some((seq, _))) => Err(Flaw { seq: *seq, line: 0, why: Why::ListedOtherwise }),
        (checked, _) => checked,
    })
}

/// A record as packs list it.
pub(super) fn plain(record: &Record) -> Value {
    let mut act = serde_json::to_value(record).unwrap_or_default();
    if let Some(members) = act.as_object_mut() {
        members.shift_remove("previous");
    }
    act
}

/// The acts that a pack lists, by number; those of a batch stand with each of its parts.
fn listed(pack: &Value) -> BTreeMap<u64, Vec<Value>> {
    let items = |name: &str| pack[name].as_array().into_iter().flatten();
    let of_items =
        items("sent").chain(items("received")).flat_map(|item| item["acts"].as_array().into_iter().flatten());
    let mut listed: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
    for act in of_items.chain(items("others")) {
        // What has no number is in no trail.
        listed.entry(act["seq"].as_u64().unwrap_or(0)).or_default().push(act.clone());
    }
    listed
}

fn lines(
    path: &Path,
    anchors: &[Anchor],
    mut seen: impl FnMut(&Record) -> Result<(), Flaw>,
) -> Result<Result<Sound, Flaw>, CheckError> {
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut verifier = Verifier::new(anchors.iter().copied());
    let mut line = Vec::with_capacity(1024);
    loop {
        line.clear();
        let read = file.by_ref().take(LINE).read_until(b'\n', &mut line)?;
        let heard = match line.pop() {
            None => break,
            Some(b'\n') => match Record::parse(&line) {
                Some((record, previous)) => {
                    seen(&record).and_then(|()| verifier.read_as(record.seq, previous, Hash::of(&line)))
                }
                None => verifier.torn(),
            },
            // The rest of what is far too long is passed over, piece by piece.
            Some(_) if read as u64 == LINE => {
                file.skip_until(b'\n')?;
                verifier.torn()
            }
            Some(_) => verifier.torn(),
        };
        if let Err(flaw) = heard {
            return Ok(Err(flaw));
        }
    }
    Ok(verifier.end())
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
        if let Some(flaw) = rows.iter().find_map(|row| verifier.read(row.record.as_bytes()).err()) {
            break Err(flaw);
        }
    };
    reader.close().await;
    Ok(checked)
}
