//! What lies in `out`, told from its names and facts alone: what is whole, what belongs together, what is waited for.
//!
//! Pure: who looks passes in what there is and what time it is. Only a change counts, never what a file's own date says: the
//! clocks of other machines are wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::careplan::{FileKind, FileName, Party, send_units};
use crate::order::{self, SmallMap};

/// Files of a unit that could have more of them are waited for so many times the settling time.
const GROWTH: u32 = 3;

/// What changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Octets.
    pub size: u64,
    /// Seconds and nanoseconds, by whatever clock.
    pub modified: (i64, i64),
    /// Which file it is.
    pub inode: u64,
}

/// A regular file in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// What changes when it does.
    pub facts: Facts,
}

/// Whether a file may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It may.
    Free,
    /// Somebody holds it locked.
    Locked,
    /// It cannot be read.
    Unreadable,
}

/// Why a file is not taken yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// It changed a moment ago.
    Settling,
    /// The others of its unit are waited for.
    Members,
    /// Somebody holds it locked.
    Locked,
    /// It cannot be read.
    Unreadable,
}

/// What is taken together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A unit's files, or as many as there are.
    Unit,
    /// A ZIP.
    Archive,
    /// Something that is no file of the standard.
    Stray,
    /// The word that something goes on paper: `NAME` of `NAME.paper`.
    Paper(String),
}

/// Files to be taken together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Take {
    /// What they are.
    pub what: What,
    /// They, as they were seen.
    pub files: Vec<Entry>,
}

/// What a look at the folder gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// What is to be taken, in the order in which it must be sent.
    pub take: Vec<Take>,
    /// What is waited for, and why.
    pub wait: Vec<(String, Wait)>,
    /// When another look is worth it without a change in the folder.
    pub next: Option<Duration>,
}

/// What is remembered from look to look.
#[derive(Debug)]
pub struct Scan {
    settle: Duration,
    patience: Duration,
    seen: SmallMap<String, Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    facts: Facts,
    since: Duration,
}

/// Files of one sender, recipient and stamp.
#[derive(Default)]
struct Group {
    files: Vec<Entry>,
    kinds: Vec<FileKind>,
    quiet_since: Duration,
    ready: bool,
}

type Key = (String, bool, Party, Party);

impl Scan {
    /// Nothing seen yet.
    #[must_use]
    pub const fn new(settle: Duration, patience: Duration) -> Self {
        Self { settle, patience, seen: SmallMap::new() }
    }

    /// Looks at what there is at `now`, in monotonic time. `hold` is asked of files that did not change.
    pub fn look(&mut self, mut entries: Vec<Entry>, now: Duration, mut hold: impl FnMut(&str) -> Hold) -> Look {
        entries.retain(|entry| !is_left_alone(&entry.name));
        order::sort_by(&mut entries, |one, other| one.name.cmp(&other.name));
        self.seen.retain(|name, _| entries.iter().any(|entry| entry.name == *name));
        let mut look = Look::default();
        let mut groups: BTreeMap<Key, Group> = BTreeMap::new();
        let (mut single, mut papers) = (Vec::new(), Vec::new());
        let present: Vec<String> = entries.iter().map(|entry| entry.name.to_uppercase()).collect();
        for entry in entries {
            let ready = self.ready(&entry, now, &mut hold, &mut look);
            let since = self.seen.get(&entry.name).map_or(now, |seen| seen.since);
            if let Some(about) = paper_of(&entry.name).map(str::to_owned) {
                // What lies there still is taken first.
                let waits =
                    present.contains(&about.to_uppercase()) || present.contains(&format!("{about}.CSV").to_uppercase());
                if ready && !waits {
                    papers.push(Take { what: What::Paper(about), files: vec![entry] });
                }
            } else if let Ok(name) = FileName::parse(&entry.name) {
                let delete = name.kind.is_delete();
                let group = groups
                    .entry((name.stamp, delete, name.from, name.to))
                    .or_insert_with(|| Group { ready: true, ..Group::default() });
                group.kinds.push(name.kind);
                group.quiet_since = group.quiet_since.max(since);
                group.ready &= ready;
                group.files.push(entry);
            } else if ready {
                let what = if ends(&entry.name, ".zip") { What::Archive } else { What::Stray };
                single.push(Take { what, files: vec![entry] });
            }
        }
        // What was whole first goes first, also where it is looked at a little longer.
        let mut shut = BTreeSet::new();
        for ((_, _, from, to), mut group) in groups {
            group.ready &= !shut.contains(&(from.clone(), to.clone()));
            if self.judge(group, now, &mut look) {
                shut.insert((from, to));
            }
        }
        look.take.extend(single);
        look.take.extend(papers);
        look
    }

    /// True when a file did not change for long enough and may be taken.
    fn ready(&mut self, entry: &Entry, now: Duration, hold: &mut impl FnMut(&str) -> Hold, look: &mut Look) -> bool {
        let fresh = Seen { facts: entry.facts, since: now };
        let seen = self.seen.get_or_insert(entry.name.clone(), fresh);
        if seen.facts != entry.facts {
            *seen = fresh;
        }
        let age = now.saturating_sub(seen.since);
        let wait = if age < self.settle {
            look.sooner(self.settle.saturating_sub(age));
            Wait::Settling
        } else {
            match hold(&entry.name) {
                Hold::Free => return true,
                Hold::Locked => {
                    // Who lets go of it may have written last.
                    seen.since = now;
                    look.sooner(self.settle);
                    Wait::Locked
                }
                Hold::Unreadable => Wait::Unreadable,
            }
        };
        look.wait.push((entry.name.clone(), wait));
        false
    }

    /// Takes a unit or lets it wait; true when it is whole and waits.
    fn judge(&self, group: Group, now: Duration, look: &mut Look) -> bool {
        if !group.ready {
            return false;
        }
        let growth = Growth::of(&group.kinds);
        let wait = match growth {
            Growth::Whole => Duration::ZERO,
            Growth::Open => self.patience.min(self.settle * GROWTH),
            Growth::Lacking => self.patience,
        };
        let quiet = now.saturating_sub(group.quiet_since);
        if quiet >= wait {
            look.take.push(Take { what: What::Unit, files: group.files });
            return false;
        }
        look.sooner(wait.saturating_sub(quiet));
        look.wait.extend(group.files.into_iter().map(|entry| (entry.name, Wait::Members)));
        matches!(growth, Growth::Open)
    }
}

impl Look {
    fn sooner(&mut self, within: Duration) {
        self.next = Some(self.next.map_or(within, |known| known.min(within)));
    }
}

/// What may become of a set of kinds.
enum Growth {
    /// Nothing can be added, or nothing would help.
    Whole,
    /// It is a unit, and could be a larger one.
    Open,
    /// Something is missing.
    Lacking,
}

impl Growth {
    fn of(kinds: &[FileKind]) -> Self {
        let mut larger = send_units().iter().filter(|unit| unit.holds(kinds));
        let more = |kind: &FileKind| *kind == FileKind::BaseImage || !kinds.contains(kind);
        let open = larger.clone().any(|unit| unit.required.iter().chain(&unit.optional).any(more));
        match (larger.any(|unit| unit.is(kinds)), open) {
            (true, true) => Self::Open,
            (false, true) => Self::Lacking,
            (_, false) => Self::Whole,
        }
    }
}

/// True for names that are not the box's business: files being written, what programs and systems leave, the box's own words.
#[must_use]
pub fn is_left_alone(name: &str) -> bool {
    let beside = [".result.json", ".cover.html", ".csv.txt", ".zip.txt", ".jpg.txt"];
    let temporary = [".tmp", ".part", ".crdownload"];
    let litter = ["Thumbs.db", "desktop.ini"];
    name.starts_with(['.', '~'])
        || temporary.iter().chain(&beside).any(|end| ends(name, end))
        || litter.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// The `NAME` of `NAME.paper`.
#[must_use]
pub fn paper_of(name: &str) -> Option<&str> {
    let at = name.len().checked_sub(".paper".len()).filter(|at| *at > 0)?;
    name.is_char_boundary(at)
        .then(|| name.split_at(at))
        .filter(|(_, end)| end.eq_ignore_ascii_case(".paper"))
        .map(|(name, _)| name)
}

fn ends(name: &str, end: &str) -> bool {
    name.to_ascii_lowercase().ends_with(end)
}
