//! Anchors: number and hash of a record, to be kept where nobody who can bend the trail can bend them too.

use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{TimeZone, offset};

use super::record::Hash;

/// The file in the state directory.
const FILE: &str = "anchors";

/// A record's number and hash: `812:<64 hexadecimal digits>`. Number 0 with 64 zeros is the beginning of every trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Anchor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "番号:ハッシュ（16進64桁） / NUMBER:HASH, 64 hexadecimal digits";
        let (seq, hash) = text.trim().split_once(':').ok_or(FORM)?;
        let hash = Hash::parse(&hash.to_ascii_lowercase()).ok_or(FORM)?;
        let digits = seq.bytes().all(|digit| digit.is_ascii_digit());
        Ok(Self { seq: seq.parse().ok().filter(|_| digits).ok_or(FORM)?, hash })
    }
}

/// The anchors that the box has written into `directory`; empty where there are none. Lines that are none are passed over: half a
/// line may stand at the end after a power cut.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn read_anchors(directory: &Path) -> std::io::Result<Vec<Anchor>> {
    Ok(lines(directory)?.into_iter().map(|(_, anchor)| anchor).collect())
}

fn lines(directory: &Path) -> std::io::Result<Vec<(Timestamp, Anchor)>> {
    let text = match std::fs::read_to_string(directory.join(FILE)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    let parsed = text.lines().filter_map(|line| {
        let (at, anchor) = line.split_once(' ')?;
        Some((at.parse().ok()?, anchor.parse().ok()?))
    });
    Ok(parsed.collect())
}

/// The day in Japan of the newest anchor in `directory`.
pub(super) fn newest_day(directory: &Path) -> std::io::Result<Option<Date>> {
    Ok(lines(directory)?.last().map(|(at, _)| day(*at)))
}

/// The day in Japan.
pub(super) fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::fixed(offset(9))).date()
}

/// Adds an anchor to the file.
pub(super) fn write(directory: &Path, at: Timestamp, anchor: Anchor) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.append(true).create(true).mode(0o600).open(directory.join(FILE))?;
    file.write_all(format!("{at:.0} {anchor}\n").as_bytes())?;
    file.sync_all()
}
