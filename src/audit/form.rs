//! The one form of a line, read without making anything of it: where millions of records are verified, nearly all of them hold
//! nothing that JSON escapes. What does not fit here is read again with care by [`Record::parse`](super::Record::parse).

use super::record::{Hash, Record, is_time};

/// What a chain is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told<'a> {
    /// Its number.
    pub seq: u64,
    /// When.
    pub at: &'a str,
    /// The hash that it holds of the record before.
    pub previous: Hash,
}

/// Strings and their places: a name, and whether `null` may stand there.
const MEMBERS: [(&str, bool); 8] = [
    (",\"facility\":", false),
    (",\"by\":", false),
    (",\"person\":", true),
    (",\"role\":", true),
    (",\"from\":", true),
    (",\"act\":", false),
    (",\"on\":", true),
    (",\"result\":", false),
];

/// Hands over what a line tells of its place in the chain; nothing where it is not in the one form.
pub(super) fn told<T>(line: &[u8], hear: impl FnOnce(Option<Told<'_>>) -> T) -> T {
    match std::str::from_utf8(line).ok().filter(|line| is_plain(line)).and_then(plain) {
        Some(told) => hear(Some(told)),
        None => match Record::parse(line) {
            Some((record, previous)) => hear(Some(Told { seq: record.seq, at: &record.at, previous })),
            None => hear(None),
        },
    }
}

/// Nothing that JSON writes otherwise than it is.
fn is_plain(line: &str) -> bool {
    !line.contains('\\') && line.bytes().all(|octet| octet >= 0x20)
}

fn plain(line: &str) -> Option<Told<'_>> {
    let rest = line.strip_prefix("{\"seq\":")?;
    let (digits, rest) = rest.split_once(',')?;
    let seq = number(digits)?;
    let (at, mut rest) = string(rest.strip_prefix("\"at\":")?)?;
    if !is_time(at) {
        return None;
    }
    let mut last = "";
    for (name, optional) in MEMBERS {
        let value = rest.strip_prefix(name)?;
        (last, rest) = match value.strip_prefix("null") {
            Some(rest) if optional => ("", rest),
            _ => string(value)?,
        };
    }
    let rest = rest.strip_prefix(",\"code\":")?;
    let rest = match rest.strip_prefix("null") {
        Some(rest) => rest,
        None => string(rest)?.1,
    };
    let (previous, end) = string(rest.strip_prefix(",\"previous\":")?)?;
    let sound = end == "}" && matches!(last, "done" | "refused" | "failed");
    sound.then_some(Told { seq, at, previous: Hash::parse(previous)? })
}

/// A number of a record, in the form in which it is written.
pub(super) fn number(digits: &str) -> Option<u64> {
    let written = !digits.starts_with('0') && digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|seq| written && (1..=i64::MAX.unsigned_abs()).contains(seq))
}

/// A string, and what comes after it.
fn string(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('"')?.split_once('"')
}

/// What stands in a pack for a record that is not its: number and hash.
pub(super) fn left_out(line: &[u8]) -> Option<(u64, Hash)> {
    let text = std::str::from_utf8(line).ok()?;
    let (digits, hash) = text.strip_prefix("{\"seq\":")?.split_once(",\"hash\":\"")?;
    Some((number(digits)?, Hash::parse(hash.strip_suffix("\"}")?)?))
}

/// The line that [`left_out`] reads.
pub(super) fn leave_out(seq: u64, hash: Hash) -> String {
    format!("{{\"seq\":{seq},\"hash\":\"{hash}\"}}")
}
