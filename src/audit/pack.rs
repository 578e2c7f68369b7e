//! Verifying an evidence pack: its chain between the ends that it names, every act of its facility or person listed as it stands
//! there, the month whole, the page the one that was made with it. docs/verify-audit.py does the same.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use serde::Deserialize;
use serde_json::Value;

use super::anchor::Anchor;
use super::check::{CheckError, MANIFEST_MIB, lines};
use super::export::Month;
use super::form::left_out;
use super::record::{Hash, Record};
use super::verify::{Flaw, Sound, Verifier, Why};
use crate::model::hex;

/// What has to stand in `pack.json`, in exactly these types; what else stands there is by the word of the box.
#[derive(Deserialize)]
struct Pack {
    facility: String,
    month: String,
    user: Option<String>,
    trail: Trail,
    page: Page,
    sent: Vec<Item>,
    received: Vec<Item>,
    others: Vec<Value>,
}

#[derive(Deserialize)]
struct Trail {
    file: String,
    records: u64,
    left_out: u64,
    first: Option<u64>,
    last: Option<u64>,
    before: Option<String>,
    head: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    file: String,
    sha256: String,
}

#[derive(Deserialize)]
struct Item {
    acts: Vec<Value>,
}

/// Verifies the pack in `directory`. Of the anchors those count that are of its part of the trail.
///
/// # Errors
/// [`CheckError::File`], [`CheckError::Pack`] or [`CheckError::PackSize`].
pub fn check_pack(directory: &Path, anchors: &[Anchor]) -> Result<Result<Sound, Flaw>, CheckError> {
    let pack: Pack = serde_json::from_slice(&manifest(directory)?).map_err(|_| CheckError::Pack)?;
    let mut reading = Reading::of(&pack, anchors)?;
    let heard = lines(&directory.join(TRAIL), |line| reading.line(line))?;
    let sound = match heard.and_then(|()| reading.end()) {
        Ok(sound) => sound,
        Err(flaw) => return Ok(Err(flaw)),
    };
    let same = hash(&directory.join(PAGE))? == pack.page.sha256;
    Ok(if same { Ok(sound) } else { Err(Flaw { seq: 0, line: 0, why: Why::PageOtherwise }) })
}

/// The file with the chain.
pub(super) const TRAIL: &str = "trail.jsonl";
/// The page.
pub(super) const PAGE: &str = "pack.html";

/// A pack that is being read.
struct Reading<'a> {
    pack: &'a Pack,
    /// The month, as records tell time.
    month: (String, String),
    verifier: Verifier,
    listed: BTreeMap<u64, Vec<&'a Value>>,
    line: u64,
    left_out: u64,
}

impl<'a> Reading<'a> {
    fn of(pack: &'a Pack, anchors: &[Anchor]) -> Result<Self, CheckError> {
        let end = |text: &Option<String>| text.as_deref().map(str::parse::<Anchor>).transpose();
        let (before, head) = (end(&pack.trail.before), end(&pack.trail.head));
        let (before, head) = before.ok().zip(head.ok()).ok_or(CheckError::Pack)?;
        let named = pack.trail.file == TRAIL && pack.page.file == PAGE;
        let ends = before.is_some() == head.is_some() && before.is_some() == (pack.trail.records > 0);
        let month = pack.month.parse::<Month>().ok().and_then(Month::as_told).filter(|_| named && ends);
        let range = before.map_or(1, |anchor| anchor.seq)..=head.map_or(0, |anchor| anchor.seq);
        let known = anchors.iter().copied().filter(|anchor| range.contains(&anchor.seq));
        Ok(Self {
            pack,
            month: month.ok_or(CheckError::Pack)?,
            // Those from elsewhere go before what the pack says of itself.
            verifier: Verifier::new(before.into_iter().chain(head).chain(known)),
            listed: listed(pack),
            line: 0,
            left_out: 0,
        })
    }

    fn line(&mut self, line: Option<&[u8]>) -> Result<(), Flaw> {
        self.line += 1;
        let Some(line) = line else { return self.verifier.torn() };
        if let Some((seq, hash)) = left_out(line) {
            self.left_out += 1;
            self.begins_early(seq, false)?;
            return self.verifier.left_out(seq, hash);
        }
        let Some((record, previous)) = Record::parse(line) else { return self.verifier.torn() };
        self.record(&record)?;
        self.verifier.read_as(record.seq, previous, Hash::of(line))
    }

    /// A chain that does not begin with record 1 has to begin with one from before the month.
    fn begins_early(&self, seq: u64, early: bool) -> Result<(), Flaw> {
        let cut = self.line == 1 && seq > 1 && !early;
        if cut { Err(Flaw { seq, line: 1, why: Why::CutBefore }) } else { Ok(()) }
    }

    fn record(&mut self, record: &Record) -> Result<(), Flaw> {
        let (pack, seq) = (self.pack, record.seq);
        let outside = record.at < self.month.0 || record.at >= self.month.1;
        let here = record.facility == pack.facility;
        self.begins_early(seq, here && record.at < self.month.0)?;
        let own = here && (pack.user.is_none() || record.person == pack.user);
        let edge = outside && [pack.trail.first, pack.trail.last].contains(&Some(seq));
        let why = match self.listed.remove(&seq) {
            Some(acts) if !own || acts.iter().any(|act| **act != plain(record)) => Why::ListedOtherwise,
            None if own && !edge => Why::NotListed,
            _ => return Ok(()),
        };
        Err(Flaw { seq, line: self.line, why })
    }

    fn end(self) -> Result<Sound, Flaw> {
        let Self { pack: Pack { trail, .. }, verifier, listed, line, left_out, .. } = self;
        let sound = verifier.end()?;
        let otherwise = |seq| Err(Flaw { seq, line: 0, why: Why::ListedOtherwise });
        if let Some((seq, _)) = listed.first_key_value() {
            return otherwise(*seq);
        }
        let ends = (line > 0).then_some((sound.first, sound.last.seq));
        let told = (trail.records, trail.left_out, trail.first.zip(trail.last));
        if told == (line, left_out, ends) { Ok(sound) } else { otherwise(0) }
    }
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
fn listed(pack: &Pack) -> BTreeMap<u64, Vec<&Value>> {
    let of_items = pack.sent.iter().chain(&pack.received).flat_map(|item| &item.acts);
    let mut listed: BTreeMap<u64, Vec<&Value>> = BTreeMap::new();
    for act in of_items.chain(&pack.others) {
        // What has no number is in no trail.
        listed.entry(act["seq"].as_u64().unwrap_or(0)).or_default().push(act);
    }
    listed
}

/// The content of `pack.json`.
fn manifest(directory: &Path) -> Result<Vec<u8>, CheckError> {
    const MOST: u64 = MANIFEST_MIB << 20;
    let (mut file, mut content) = (File::open(directory.join("pack.json"))?.take(MOST + 1), Vec::new());
    let length = file.get_ref().metadata()?.len();
    if length > MOST || file.read_to_end(&mut content)? as u64 > MOST { Err(CheckError::PackSize) } else { Ok(content) }
}

fn hash(path: &Path) -> std::io::Result<String> {
    let (mut file, mut context) = (File::open(path)?, Context::new(&SHA256));
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(context.finish().as_ref())),
            read => context.update(&buffer[..read]),
        }
    }
}
