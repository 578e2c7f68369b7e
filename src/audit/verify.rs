//! Verifies a chain line by line, in memory that does not grow, and names the first record that does not fit and why.
//!
//! A mismatch between two neighbours does not say which of them was bent, and a hole does not say whether the record is gone or
//! stands elsewhere: [`Doubt`] is what has to be heard before the [`Flaw`] can be named. docs/verify-audit.py does the same.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::anchor::Anchor;
use super::form::{Told, told};
use super::record::Hash;
use crate::order;

/// Why a record does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its octets are not those whose hash the next record, or an anchor, holds; or they are no record.
    Changed,
    /// It, or what the record after it says of it: these two are the last, and only an anchor could tell.
    ChangedOrNext,
    /// It is not there.
    Missing,
    /// It was put in.
    Inserted,
    /// It stands elsewhere.
    Moved,
    /// An anchor knows records beyond the last one.
    CutOff,
    /// A pack lists it otherwise than it stands in the chain.
    ListedOtherwise,
    /// A pack does not list it.
    NotListed,
    /// A pack begins with it, and with nothing from before its month.
    CutBefore,
    /// The page of a pack is another one than the pack says.
    PageOtherwise,
}

impl Why {
    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::ChangedOrNext => "changed_or_next",
            Self::Missing => "missing",
            Self::Inserted => "inserted",
            Self::Moved => "moved",
            Self::CutOff => "cut_off",
            Self::ListedOtherwise => "listed_otherwise",
            Self::NotListed => "not_listed",
            Self::CutBefore => "cut_before",
            Self::PageOtherwise => "page_otherwise",
        }
    }

    /// In Japanese and English.
    #[must_use]
    pub const fn sentences(self) -> [&'static str; 2] {
        match self {
            Self::Changed => ["書き換えられています。", "It was changed."],
            Self::ChangedOrNext => {
                ["この記録か次の記録が書き換えられています。", "It, or the record after it, was changed."]
            }
            Self::Missing => ["抜けています。", "It is missing."],
            Self::Inserted => ["あとから差し込まれています。", "It was inserted."],
            Self::Moved => ["順序が入れ替わっています。", "It was moved."],
            Self::CutOff => ["ここから後が切り取られています。", "From here on the trail was cut off."],
            Self::ListedOtherwise => ["一覧（pack.json）の内容と合いません。", "pack.json lists it otherwise."],
            Self::NotListed => ["一覧（pack.json）にありません。", "pack.json does not list it."],
            Self::CutBefore => ["これより前の記録が切り取られています。", "What came before it was cut off."],
            Self::PageOtherwise => {
                ["印刷用のページ（pack.html）が書き換えられています。", "The page (pack.html) was changed."]
            }
        }
    }
}

/// The first record that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The number of the record in the chain as it was.
    pub seq: u64,
    /// The line at which it shows, from 1.
    pub line: u64,
    /// Why.
    pub why: Why,
}

/// A chain in which everything fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Number of the first record; 1 for a whole trail; 0 when there is none.
    pub first: u64,
    /// Number and hash of the last record.
    pub last: Anchor,
}

/// What is known of a line.
#[derive(Clone, Copy)]
struct Facts {
    /// Number, and the hash it holds of the record before; `None`: it is no record.
    told: Option<(u64, Hash)>,
    hash: Hash,
}

/// A line that does not fit, and what else has to be heard.
#[derive(Clone, Copy)]
enum Doubt {
    /// It is no record.
    Unreadable,
    /// Its number is right and it names another hash.
    Previous { hash: Hash },
    /// Two lines claim the number before the expected one, both after the same record. These are their hashes.
    Twice { earlier: Hash, hash: Hash },
    /// An anchor names another hash for it.
    Anchored { before: Hash, anchor: Hash },
    /// Its number is beyond the expected one.
    Ahead { found: u64, expected_seen: bool, found_seen: bool },
}

/// What has to be read before something can be said.
struct Doubtful {
    doubt: Doubt,
    line: u64,
    /// The number expected at this line.
    next: u64,
    /// The hash of the line before.
    head: Hash,
}

/// Reads a chain.
pub struct Verifier {
    anchors: BTreeMap<u64, Hash>,
    line: u64,
    first: u64,
    /// The number expected next; `None` before the first line of a chain whose beginning is not known.
    next: Option<u64>,
    /// The hash of the last line.
    head: Hash,
    /// The hash of the line before the last one.
    before: Hash,
    doubtful: Option<Doubtful>,
}

impl Verifier {
    /// For a chain that fits these anchors. With one of the number before its first record its beginning is vouched for; a chain
    /// that begins later than the first anchor says lacks what is between.
    #[must_use]
    pub fn new(anchors: impl IntoIterator<Item = Anchor>) -> Self {
        let anchors = order::map(anchors.into_iter().map(|anchor| (anchor.seq, anchor.hash)));
        let head = Hash::NOTHING;
        Self { anchors, line: 0, first: 0, next: None, head, before: head, doubtful: None }
    }

    /// The next line, without its end. `Err`: the first flaw; nothing more has to be read.
    ///
    /// # Errors
    /// The first flaw.
    pub fn read(&mut self, line: &[u8]) -> Result<(), Flaw> {
        let told = told(line, |told| told.map(|Told { seq, previous, .. }| (seq, previous)));
        self.hear(Facts { told, hash: Hash::of(line) })
    }

    /// As [`Verifier::read`], of a line that is kept beside a time, in milliseconds since 1970.
    ///
    /// # Errors
    /// The first flaw.
    pub(super) fn read_kept(&mut self, line: &[u8], at: i64) -> Result<(), Flaw> {
        let told = told(line, |told| {
            let told = told.filter(|told| told.at.parse::<Timestamp>().is_ok_and(|time| time.as_millisecond() == at));
            told.map(|Told { seq, previous, .. }| (seq, previous))
        });
        self.hear(Facts { told, hash: Hash::of(line) })
    }

    /// What stands for a record that is not told: its place, and its hash in place of its octets.
    ///
    /// # Errors
    /// The first flaw.
    pub(super) fn left_out(&mut self, seq: u64, hash: Hash) -> Result<(), Flaw> {
        // What it holds of the record before is not known: it vouches for nothing.
        let facts = Facts { told: Some((seq, Hash::NOTHING)), hash };
        if self.doubtful.is_some() {
            return self.hear(facts);
        }
        let next = match self.next {
            Some(next) => next,
            None => self.begin(facts.told),
        };
        if seq != next {
            let why = if seq > next { Why::Missing } else { Why::Inserted };
            return Err(Flaw { seq: next, line: self.line + 1, why });
        }
        self.hear(Facts { told: Some((seq, self.head)), hash })
    }

    /// The same of a line that was parsed.
    pub(super) fn read_as(&mut self, seq: u64, previous: Hash, hash: Hash) -> Result<(), Flaw> {
        self.hear(Facts { told: Some((seq, previous)), hash })
    }

    /// A line that is no record: one without an end, for example.
    ///
    /// # Errors
    /// The first flaw.
    pub fn torn(&mut self) -> Result<(), Flaw> {
        self.hear(Facts { told: None, hash: Hash::NOTHING })
    }

    /// The end of the chain.
    ///
    /// # Errors
    /// The first flaw.
    pub fn end(self) -> Result<Sound, Flaw> {
        if let Some(doubtful) = &self.doubtful {
            return Err(doubtful.unheard(&self.anchors));
        }
        let last = self.next.map_or(0, |next| next - 1);
        match self.anchors.last_key_value() {
            Some((anchor, _)) if *anchor > last => Err(Flaw { seq: last + 1, line: self.line + 1, why: Why::CutOff }),
            _ => Ok(Sound { first: self.first, last: Anchor { seq: last, hash: self.head } }),
        }
    }

    fn hear(&mut self, facts: Facts) -> Result<(), Flaw> {
        self.line += 1;
        if let Some(doubtful) = &mut self.doubtful {
            return doubtful.hear(facts).map_or(Ok(()), Err);
        }
        let next = match self.next {
            Some(next) => next,
            None => self.begin(facts.told),
        };
        let (line, head) = (self.line, self.head);
        let doubt = match facts.told {
            None => Doubt::Unreadable,
            Some((seq, previous)) if seq == next && previous == head => match self.anchors.get(&seq) {
                Some(anchor) if *anchor != facts.hash => Doubt::Anchored { before: head, anchor: *anchor },
                _ => {
                    (self.before, self.head, self.next) = (head, facts.hash, Some(next + 1));
                    return Ok(());
                }
            },
            Some((seq, _)) if seq == next => Doubt::Previous { hash: facts.hash },
            // Only its number is wrong.
            Some((_, previous)) if previous == head => return Err(Flaw { seq: next, line, why: Why::Changed }),
            Some((seq, _)) if seq > next => Doubt::Ahead { found: seq, expected_seen: false, found_seen: false },
            Some((seq, previous)) if seq + 1 == next && previous == self.before && facts.hash != head => {
                Doubt::Twice { earlier: head, hash: facts.hash }
            }
            Some((seq, _)) => return Err(Flaw { seq, line, why: Why::Inserted }),
        };
        self.doubtful = Some(Doubtful { doubt, line, next, head });
        Ok(())
    }

    /// Where the chain begins, and after which hash.
    fn begin(&mut self, told: Option<(u64, Hash)>) -> u64 {
        let (seq, previous) = told.unwrap_or((1, Hash::NOTHING));
        let known = self.anchors.range(..seq).next().map(|(anchor, hash)| (anchor + 1, *hash));
        let (first, head) = known.unwrap_or((seq, if seq == 1 { Hash::NOTHING } else { previous }));
        (self.first, self.head, self.next) = (first, head, Some(first));
        first
    }
}

impl Doubtful {
    const fn flaw(&self, seq: u64, line: u64, why: Why) -> Option<Flaw> {
        Some(Flaw { seq, line, why })
    }

    /// A later line.
    fn hear(&mut self, later: Facts) -> Option<Flaw> {
        let Self { line, next, head, .. } = *self;
        let told = |seq: u64, previous: Hash| later.told == Some((seq, previous));
        match &mut self.doubt {
            // What should stand here stands behind it.
            Doubt::Unreadable | Doubt::Previous { .. } if told(next, head) => self.flaw(next, line, Why::Inserted),
            Doubt::Unreadable => self.flaw(next, line, Why::Changed),
            // The doubtful one is as its successor knows it, so it is right about the one before.
            Doubt::Previous { hash } if later.told == Some((next + 1, *hash)) => match line {
                1 => self.flaw(next, line, Why::Changed),
                _ => self.flaw(next - 1, line - 1, Why::Changed),
            },
            Doubt::Previous { .. } => self.flaw(next, line, Why::Changed),
            Doubt::Twice { hash, .. } if later.told == Some((next, *hash)) => {
                self.flaw(next - 1, line - 1, Why::Inserted)
            }
            Doubt::Twice { .. } => self.flaw(next - 1, line, Why::Inserted),
            Doubt::Anchored { before, anchor } if later.told == Some((next, *before)) && later.hash == *anchor => {
                self.flaw(next, line, Why::Inserted)
            }
            Doubt::Anchored { .. } => self.flaw(next, line, Why::Changed),
            Doubt::Ahead { found, expected_seen, found_seen } => {
                let seq = later.told.map(|(seq, _)| seq);
                *expected_seen |= seq == Some(next);
                *found_seen |= seq == Some(*found);
                None
            }
        }
    }

    /// There is no later line.
    fn unheard(&self, anchors: &BTreeMap<u64, Hash>) -> Flaw {
        let Self { line, next, .. } = *self;
        let (seq, line, why) = match self.doubt {
            Doubt::Unreadable | Doubt::Anchored { .. } => (next, line, Why::Changed),
            Doubt::Previous { hash } => match anchors.get(&next) {
                _ if line == 1 => (next, line, Why::Changed),
                Some(anchor) if *anchor == hash => (next - 1, line - 1, Why::Changed),
                Some(_) => (next, line, Why::Changed),
                None => (next - 1, line - 1, Why::ChangedOrNext),
            },
            Doubt::Twice { hash, earlier } => match anchors.get(&(next - 1)) {
                Some(anchor) if *anchor == hash && hash != earlier => (next - 1, line - 1, Why::Inserted),
                _ => (next - 1, line, Why::Inserted),
            },
            Doubt::Ahead { expected_seen: false, .. } => (next, line, Why::Missing),
            Doubt::Ahead { found_seen: true, .. } => (next, line, Why::Inserted),
            Doubt::Ahead { .. } => (next, line, Why::Moved),
        };
        Flaw { seq, line, why }
    }
}
