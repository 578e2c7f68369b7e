//! The file: a ZIP, which every machine opens.

use std::io::{self, Cursor, Write as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use zip::write::SimpleFileOptions;

use super::parts::Text;
use crate::backup::Target;
use crate::model::hex;

/// Writes it whole or not at all; its place, and its SHA-256.
pub(super) fn write(texts: &[Text], out: &Path, name: &str, at: Timestamp) -> io::Result<(PathBuf, String)> {
    let bytes = packed(texts, name.trim_end_matches(".zip"), at)?;
    let mut target = Target::begin(out, name)?;
    target.file().write_all(&bytes)?;
    Ok((target.finish()?, hex(digest(&SHA256, &bytes).as_ref())))
}

fn packed(texts: &[Text], folder: &str, at: Timestamp) -> io::Result<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().unix_permissions(0o600).last_modified_time(time(at));
    for Text { name, text } in texts {
        archive.start_file(format!("{folder}/{name}"), options)?;
        archive.write_all(text.as_bytes())?;
    }
    Ok(archive.finish()?.into_inner())
}

/// The time of a ZIP begins in 1980; a clock that was never set is before it.
fn time(at: Timestamp) -> zip::DateTime {
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    let parts = [at.month(), at.day(), at.hour(), at.minute(), at.second()].map(|part| u8::try_from(part).unwrap_or(1));
    let [month, day, hour, minute, second] = parts;
    let year = u16::try_from(at.year()).unwrap_or(1980);
    zip::DateTime::from_date_and_time(year, month, day, hour, minute, second).unwrap_or_default()
}
