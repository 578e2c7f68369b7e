//! A ZIP of files that belong together. Nothing of it is unpacked: every entry runs through the linter as it is inflated.
//!
//! Entries are told apart by the last part of their names, so folders do not matter; names that lead out of a folder are not
//! taken at all. What an archive may hold is bounded, by what it says of itself and by what really comes out of it.

use std::collections::HashSet;
use std::io::{BufReader, Read, Result, Seek};
use std::sync::Arc;

use zip::CompressionMethod;
use zip::read::{Config, ZipFileEntry, ZipReadOptions};
use zip::result::ZipError;
use zip::unstable::read::ZipIterable;

use super::file::Facts;
use super::finding::{Finding, Findings};
use super::rule::Rule;
use super::{SetLinter, Settings};
use crate::model::careplan::cp932;

/// Bytes that may come out of an entry before its ratio is looked at.
const RATIO_FROM: u64 = 1 << 20;
/// Length of an entry's name in characters; what is longer is cut.
const MAX_NAME: usize = 255;

/// What an archive may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZipLimits {
    /// Entries, folders among them.
    pub entries: usize,
    /// Bytes of all files together, unpacked.
    pub total: u64,
    /// Bytes unpacked for one byte packed.
    pub ratio: u64,
}

impl Default for ZipLimits {
    /// 1,000 entries, 256 MiB, 200 to 1.
    fn default() -> Self {
        Self { entries: 1000, total: 256 << 20, ratio: 200 }
    }
}

/// Looks at the files of a ZIP one by one, and then across them. `name` is the archive's bare name.
///
/// # Errors
/// What the source reports; the content never is an error.
pub fn lint_zip(name: &str, source: impl Read + Seek, settings: &Settings, limits: ZipLimits) -> Result<Findings> {
    let mut linter = SetLinter::new(settings);
    let archive: Arc<str> = name.into();
    linter.facts.push(Facts::new(&archive));
    let mut intake = Intake { archive, limits, left: limits.total, names: HashSet::new(), linter, whole: true };
    intake.read(source)?;
    let Intake { mut linter, whole, .. } = intake;
    linter.whole = whole;
    Ok(linter.finish())
}

struct Intake<'a> {
    archive: Arc<str>,
    limits: ZipLimits,
    left: u64,
    /// The names so far, in upper case.
    names: HashSet<String>,
    linter: SetLinter<'a>,
    /// False when something was not read: then nothing is said across the files.
    whole: bool,
}

impl Intake<'_> {
    fn read(&mut self, source: impl Read + Seek) -> Result<()> {
        let mut archive = match ZipIterable::try_new(BufReader::new(source), Config::default()) {
            Ok(archive) => archive,
            Err(error) => return self.unreadable(error),
        };
        if archive.len() > self.limits.entries {
            self.refuse(Rule::ZipEntries, self.limits.entries);
            return Ok(());
        }
        let entries = match archive.files() {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(error),
        };
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return self.unreadable(error),
            };
            if !self.entry(entry, entries.reader_mut())? {
                return Ok(());
            }
        }
        if self.names.is_empty() && self.whole {
            self.refuse(Rule::ZipEmpty, "");
        }
        Ok(())
    }

    /// Looks at one entry; false when the archive is not worth going on.
    fn entry(&mut self, entry: ZipFileEntry<'_>, source: &mut (impl Read + Seek)) -> Result<bool> {
        let (path, known) = decoded(entry.name_raw());
        if entry.is_dir() || path.ends_with(['/', '\\']) {
            return Ok(true);
        }
        let name: Arc<str> = base_name(&path).chars().take(MAX_NAME).collect::<String>().into();
        if is_litter(&path, &name) {
            return Ok(true);
        }
        let objection = if !known {
            Some(Rule::ZipNameEncoding)
        } else if leads_out(&path) || name.is_empty() || entry.is_symlink() {
            Some(Rule::ZipPath)
        } else if !self.names.insert(name.to_uppercase()) {
            Some(Rule::ZipNameTwice)
        } else if entry.encrypted() {
            Some(Rule::ZipEncrypted)
        } else if !matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
            Some(Rule::ZipMethod)
        } else {
            None
        };
        if let Some(rule) = objection {
            self.object(rule, &name, "");
            return Ok(true);
        }
        if path.contains('\\') {
            self.linter.findings.push(Finding::new(Rule::ZipBackslash, &name));
        }
        if entry.size() > self.left {
            self.refuse(Rule::ZipTooLarge, self.limits.total >> 20);
            return Ok(false);
        }
        self.content(entry, &name, source)
    }

    fn content(&mut self, entry: ZipFileEntry<'_>, name: &Arc<str>, source: &mut (impl Read + Seek)) -> Result<bool> {
        let packed = entry.compressed_size();
        let content = match entry.with_reader(source, ZipReadOptions::new()) {
            Ok(content) => content,
            Err(ZipError::Io(error)) if error.raw_os_error().is_some() => return Err(error),
            Err(_) => {
                self.object(Rule::ZipBroken, name, "");
                return Ok(true);
            }
        };
        let most = self.limits.ratio.saturating_mul(packed).max(RATIO_FROM);
        let mut bounded = Bounded { content, out: 0, most, left: self.left, over: None };
        let read = self.linter.add(name, &mut bounded);
        let (out, over) = (bounded.out, bounded.over);
        self.left = self.left.saturating_sub(out);
        match (read, over) {
            (_, Some(Rule::ZipRatio)) => {
                self.object(Rule::ZipRatio, name, self.limits.ratio);
                Ok(false)
            }
            (_, Some(rule)) => {
                self.refuse(rule, self.limits.total >> 20);
                Ok(false)
            }
            (Err(error), None) if error.raw_os_error().is_some() => Err(error),
            (Err(_), None) => {
                self.object(Rule::ZipBroken, name, "");
                Ok(true)
            }
            (Ok(()), None) => Ok(true),
        }
    }

    fn unreadable(&mut self, error: ZipError) -> Result<()> {
        match error {
            ZipError::Io(error) if error.raw_os_error().is_some() => Err(error),
            _ => {
                self.refuse(Rule::ZipUnreadable, "");
                Ok(())
            }
        }
    }

    /// Says something about the archive as a whole.
    fn refuse(&mut self, rule: Rule, detail: impl std::fmt::Display) {
        let archive = Arc::clone(&self.archive);
        self.object(rule, &archive, detail);
    }

    /// Says why an entry was not read.
    fn object(&mut self, rule: Rule, name: &Arc<str>, detail: impl std::fmt::Display) {
        self.whole = false;
        self.linter.findings.push(Finding::new(rule, name).detail(detail));
    }
}

/// An entry's content, which ends with an error where more comes out than may.
struct Bounded<R> {
    content: R,
    out: u64,
    most: u64,
    left: u64,
    over: Option<Rule>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let read = self.content.read(buffer)?;
        self.out += read as u64;
        self.over = if self.out > self.left {
            Some(Rule::ZipTooLarge)
        } else if self.out > self.most {
            Some(Rule::ZipRatio)
        } else {
            return Ok(read);
        };
        Err(std::io::ErrorKind::FileTooLarge.into())
    }
}

/// A name in UTF-8 or else in CP932, and whether it is either. Programs set the mark for UTF-8 or forget it, so the bytes tell:
/// hardly any text in CP932 is valid UTF-8.
fn decoded(raw: &[u8]) -> (String, bool) {
    match std::str::from_utf8(raw) {
        Ok(name) => (printable(name), true),
        Err(_) => (printable(&cp932::decode(raw)), !cp932::traits(raw).has(cp932::Traits::INVALID)),
    }
}

fn printable(name: &str) -> String {
    name.chars().map(|character| if character.is_control() { '\u{FFFD}' } else { character }).collect()
}

/// The last part of a path of either manner.
#[must_use]
pub fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or_default()
}

/// True when the path, unpacked, would end up anywhere but below the folder it is unpacked in.
fn leads_out(path: &str) -> bool {
    let drive = path.as_bytes().get(1) == Some(&b':');
    drive || path.starts_with(['/', '\\']) || path.split(['/', '\\']).any(|part| part == "..")
}

/// What operating systems add of their own accord.
fn is_litter(path: &str, name: &str) -> bool {
    path.starts_with("__MACOSX/")
        || name.starts_with("._")
        || [".DS_Store", "Thumbs.db", "desktop.ini"].iter().any(|litter| name.eq_ignore_ascii_case(litter))
}
