//! A ZIP of files that belong together, taken apart in memory. Nothing of it is unpacked to a disk.
//!
//! Entries are told apart by the last part of their names, so folders do not matter; names that lead out of a folder are not
//! taken at all. What an archive may hold is bounded, by what it says of itself and by what really comes out of it.

use std::collections::HashSet;
use std::fmt;
use std::io::{BufReader, Cursor, Read, Result, Seek};
use std::sync::Arc;

use zip::CompressionMethod;
use zip::read::{Config, ZipFileEntry, ZipReadOptions};
use zip::result::ZipError;
use zip::unstable::read::ZipIterable;

use super::cp932;
use super::lint::{Finding, Rule, Severity};

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

/// What stands against an archive, or against one of its entries. It holds no content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// The linter's rule that says so.
    pub rule: Rule,
    /// The bare name of the entry; `None`: the archive as a whole.
    pub entry: Option<Arc<str>>,
    /// The figure that the rule's sentence names; may be empty.
    pub detail: String,
}

impl Objection {
    fn whole(rule: Rule, detail: impl fmt::Display) -> Self {
        Self { rule, entry: None, detail: detail.to_string() }
    }

    fn entry(rule: Rule, name: &Arc<str>, detail: impl fmt::Display) -> Self {
        Self { rule, entry: Some(Arc::clone(name)), detail: detail.to_string() }
    }

    /// The linter's finding that says the same; `archive` is the archive's bare name.
    #[must_use]
    pub fn finding(&self, archive: &str) -> Finding {
        let file = self.entry.clone().unwrap_or_else(|| archive.into());
        Finding::new(self.rule, &file).detail(&self.detail)
    }
}

/// The files of an archive, by bare name, in its order. What an operating system adds of its own accord is passed over.
///
/// # Errors
/// Everything that stands against the archive; then none of it is given, as a part of what was handed in is not it.
pub fn entries(bytes: &[u8], limits: &ZipLimits) -> std::result::Result<Vec<(String, Vec<u8>)>, Vec<Objection>> {
    let mut taken = Taken::default();
    if walk(Cursor::new(bytes), *limits, &mut taken).is_err() {
        taken.objections.push(Objection::whole(Rule::ZipUnreadable, ""));
    }
    if taken.objections.is_empty() { Ok(taken.files) } else { Err(taken.objections) }
}

#[derive(Default)]
struct Taken {
    files: Vec<(String, Vec<u8>)>,
    objections: Vec<Objection>,
}

impl Visitor for Taken {
    fn file(&mut self, name: &Arc<str>, mut content: impl Read) -> Result<()> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        self.files.push((name.to_string(), bytes));
        Ok(())
    }

    fn object(&mut self, objection: Objection) {
        if objection.rule.severity() == Severity::Refused {
            self.objections.push(objection);
        }
    }
}

/// Who is shown an archive, entry by entry.
pub(super) trait Visitor {
    /// A file's bare name and content, to be read to its end.
    fn file(&mut self, name: &Arc<str>, content: impl Read) -> Result<()>;
    /// What stands against the archive, or is said about it.
    fn object(&mut self, objection: Objection);
}

/// Shows the files of an archive one by one, as they are inflated.
///
/// # Errors
/// What the source reports; the content never is an error.
pub(super) fn walk(source: impl Read + Seek, limits: ZipLimits, visitor: &mut impl Visitor) -> Result<()> {
    Walk { limits, left: limits.total, names: HashSet::new(), sound: true, visitor }.read(source)
}

struct Walk<'a, V> {
    limits: ZipLimits,
    left: u64,
    /// The names so far, in upper case.
    names: HashSet<String>,
    sound: bool,
    visitor: &'a mut V,
}

impl<V: Visitor> Walk<'_, V> {
    fn read(&mut self, source: impl Read + Seek) -> Result<()> {
        let mut archive = match ZipIterable::try_new(BufReader::new(source), Config::default()) {
            Ok(archive) => archive,
            Err(error) => return self.unreadable(error),
        };
        if archive.len() > self.limits.entries {
            self.object(Objection::whole(Rule::ZipEntries, self.limits.entries));
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
        if self.names.is_empty() && self.sound {
            self.object(Objection::whole(Rule::ZipEmpty, ""));
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
            self.object(Objection::entry(rule, &name, ""));
            return Ok(true);
        }
        if path.contains('\\') {
            self.visitor.object(Objection::entry(Rule::ZipBackslash, &name, ""));
        }
        if entry.size() > self.left {
            self.object(Objection::whole(Rule::ZipTooLarge, self.limits.total >> 20));
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
                self.object(Objection::entry(Rule::ZipBroken, name, ""));
                return Ok(true);
            }
        };
        let most = self.limits.ratio.saturating_mul(packed).max(RATIO_FROM);
        let mut bounded = Bounded { content, out: 0, most, left: self.left, over: None };
        let read = self.visitor.file(name, &mut bounded);
        let (out, over) = (bounded.out, bounded.over);
        self.left = self.left.saturating_sub(out);
        match (read, over) {
            (_, Some(Rule::ZipRatio)) => {
                self.object(Objection::entry(Rule::ZipRatio, name, self.limits.ratio));
                Ok(false)
            }
            (_, Some(rule)) => {
                self.object(Objection::whole(rule, self.limits.total >> 20));
                Ok(false)
            }
            (Err(error), None) if error.raw_os_error().is_some() => Err(error),
            (Err(_), None) => {
                self.object(Objection::entry(Rule::ZipBroken, name, ""));
                Ok(true)
            }
            (Ok(()), None) => Ok(true),
        }
    }

    fn unreadable(&mut self, error: ZipError) -> Result<()> {
        match error {
            ZipError::Io(error) if error.raw_os_error().is_some() => Err(error),
            _ => {
                self.object(Objection::whole(Rule::ZipUnreadable, ""));
                Ok(())
            }
        }
    }

    /// Says why something was not read.
    fn object(&mut self, objection: Objection) {
        self.sound = false;
        self.visitor.object(objection);
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
