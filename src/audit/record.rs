//! A record: one line of JSON in one form only, so that the octets that are hashed are the octets that are read.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::digest;
use jiff::Timestamp;

use crate::fault::Code;
use crate::model::hex;
use crate::store::{Forgotten, TrailLine};

/// SHA-256 of a record's octets without its line end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What stands before the first record.
    pub const NOTHING: Self = Self([0; 32]);

    /// The hash of a line without its end.
    #[must_use]
    pub fn of(line: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, line).as_ref());
        Self(hash)
    }

    /// Reads 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
        let mut hash = [0; 32];
        for (octet, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *octet = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(hash))
    }
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How an act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Result {
    /// As it was asked for.
    Done,
    /// Not done, for a reason on the asking side, or by the hub's word.
    Refused,
    /// Not done, or not known to be, for a reason on this side or the hub's.
    Failed,
}

/// A record as it stands in its line; members in this order, all of them always there.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Its number, from 1 without a gap.
    pub seq: u64,
    /// When, to the millisecond, in UTC, by the wall clock of the time.
    pub at: String,
    /// On whose behalf (事業所番号).
    pub facility: String,
    /// The credential: `key:<id>`, `terminal:<id>`, `local`, `engawa`, `folder` or `stranger`.
    pub by: String,
    /// What the person typed at log-in.
    pub person: Option<String>,
    /// The person's role.
    pub role: Option<String>,
    /// The address it came from.
    pub from: Option<String>,
    /// `<resource>.<verb>`.
    pub act: String,
    /// What it was about, by reference.
    pub on: Option<String>,
    /// How it ended.
    pub result: Result,
    /// Why it was refused or failed: a code of docs/errors.md.
    pub code: Option<String>,
    /// The hash of the record before.
    pub previous: String,
}

impl Record {
    /// Reads a line without its end; `None` if it is not in the one form.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<(Self, Hash)> {
        let record: Self = serde_json::from_slice(line).ok()?;
        let previous = Hash::parse(&record.previous)?;
        let sound = (1..=i64::MAX.unsigned_abs()).contains(&record.seq)
            && is_time(&record.at)
            && record.line().as_bytes() == line;
        sound.then_some((record, previous))
    }

    /// The line, without its end.
    #[must_use]
    pub fn line(&self) -> String {
        // Strings and numbers only: it cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// `2026-11-22T01:02:03.456Z`, by its form.
pub(super) fn is_time(text: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T00:00:00.000Z";
    let fits = |(octet, form): (u8, &u8)| if *form == b'0' { octet.is_ascii_digit() } else { octet == *form };
    text.len() == FORM.len() && text.bytes().zip(FORM).all(fits)
}

/// For the store: the line of something that reached the end of its retention, by its kind of reference.
#[must_use]
pub fn forgotten(kind: &'static str, at: Timestamp) -> Forgotten {
    Arc::new(move |facility, id| {
        let on = uuid::Uuid::from_slice(id).ok().map(|id| format!("{kind}:{id}"));
        Draft::own(facility, "retention.forgotten").ended(at, on, Result::Done, None).to_line()
    })
}

/// What is known of an act before it ends: who, from where, what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Draft {
    /// On whose behalf.
    pub facility: String,
    /// See [`Record::by`].
    pub by: String,
    /// See [`Record::person`].
    pub person: Option<String>,
    /// See [`Record::role`].
    pub role: Option<String>,
    /// See [`Record::from`].
    pub from: Option<IpAddr>,
    /// See [`Record::act`].
    pub act: &'static str,
}

impl Draft {
    /// An act of the box itself.
    #[must_use]
    pub fn own(facility: &str, act: &'static str) -> Self {
        let (facility, by) = (facility.to_owned(), "engawa".to_owned());
        Self { facility, by, person: None, role: None, from: None, act }
    }

    /// An act of the administrator on the box.
    #[must_use]
    pub fn local(facility: &str, act: &'static str) -> Self {
        Self { by: "local".to_owned(), ..Self::own(facility, act) }
    }

    /// The act as it ended.
    #[must_use]
    pub const fn ended(self, at: Timestamp, on: Option<String>, result: Result, code: Option<Code>) -> Act {
        Act { draft: self, at, on, result, code }
    }

    /// The act as it was done, about nothing but its facility.
    #[must_use]
    pub const fn done_at(self, at: Timestamp) -> Act {
        self.ended(at, None, Result::Done, None)
    }

    /// The act as it was done.
    #[must_use]
    pub const fn done(self, at: Timestamp, on: String) -> Act {
        self.ended(at, Some(on), Result::Done, None)
    }
}

/// An act that has ended and is to be recorded.
#[derive(Clone, Debug)]
pub struct Act {
    draft: Draft,
    at: Timestamp,
    on: Option<String>,
    result: Result,
    code: Option<Code>,
}

impl Act {
    /// The record under this number.
    #[must_use]
    pub fn record(&self, seq: u64, previous: &str) -> Record {
        let Draft { facility, by, person, role, from, act } = &self.draft;
        Record {
            seq,
            at: format!("{:.3}", self.at),
            facility: facility.clone(),
            by: by.clone(),
            person: person.clone(),
            role: role.clone(),
            from: from.map(|from| from.to_canonical().to_string()),
            act: (*act).to_owned(),
            on: self.on.clone(),
            result: self.result,
            code: self.code.map(|code| code.name().to_owned()),
            previous: previous.to_owned(),
        }
    }

    /// For the store, which finds number and hash.
    #[must_use]
    pub fn to_line(self) -> TrailLine {
        // A leap of nanoseconds would be lost anyway: the record knows milliseconds.
        let at = self.at.as_millisecond();
        TrailLine {
            at,
            write: Arc::new(move |seq, previous| self.record(u64::try_from(seq).unwrap_or_default(), previous).line()),
        }
    }
}
