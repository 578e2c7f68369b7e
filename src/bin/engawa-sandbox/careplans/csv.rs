//! Names and encoding: commas, CRLF, no header; free text in quotes, all else bare; Shift_JIS in the sense of MS932.

use encoding_rs::SHIFT_JIS;
use jiff::civil::{Date, DateTime};

use crate::cli::Failure;
use crate::world::Facility;

/// A file, ready to be put somewhere.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Free text, quoted even where it is empty.
pub(super) fn text(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// A date as `YYYYMMDD`.
pub(super) fn day(date: Date) -> String {
    date.strftime("%Y%m%d").to_string()
}

/// A month as `YYYYMM`.
pub(super) fn month(date: Date) -> String {
    date.strftime("%Y%m").to_string()
}

/// So many empty items.
pub(super) fn empty(count: usize) -> impl Iterator<Item = String> {
    std::iter::repeat_n(String::new(), count)
}

/// A file of a month, from one office and service kind to another.
pub(super) fn file(
    prefix: &str,
    of: Date,
    (from, from_kind): (&Facility, &str),
    (to, to_kind): (&Facility, &str),
    stamp: DateTime,
    rows: Vec<Vec<String>>,
) -> Result<File, Failure> {
    let stamp = stamp.strftime("%Y%m%d%H%M%S");
    let name = format!("{prefix}_{}_{}_{from_kind}_{}_{to_kind}_{stamp}.CSV", month(of), from.number, to.number);
    let lines: String = rows.into_iter().map(|row| row.join(",") + "\r\n").collect();
    let (bytes, _, lost) = SHIFT_JIS.encode(&lines);
    if lost {
        return Err(format!("{name}: a character that MS932 has not").into());
    }
    Ok(File { name, bytes: bytes.into_owned() })
}
