//! What was taken, in its own folder below `.work`, until it lies in `sent` or `refused`.
//!
//! ```text
//! out ──renamed──▶ .work/<claim> ──read, judged, handed in──▶ verdict written there ──renamed, one by one──▶ sent | refused
//! ```
//!
//! While files are still being taken the folder is called `<claim>.taking`; what a crash leaves there goes back to `out`, so that
//! a part of a unit is never judged alone. The verdict is on the disk before the first file moves on, for the same reason.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::disk;
use super::hand::Named;
use super::remark::Remark;
use super::scan::{Entry, Facts, Hold, What};
use crate::fault::crash;
use crate::model::careplan::FileName;
use crate::order::{self, SmallMap};

/// The verdict's name: none that is ever taken from `out`.
const VERDICT: &str = ".verdict.json";
/// Behind the name of a claim's folder as long as files are renamed into it.
const TAKING: &str = ".taking";

/// What became of files that were taken, and where they go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Verdict {
    /// The batch that they are; `None`: they are refused.
    pub(super) batch: Option<Uuid>,
    /// Where they go, below the facility's folder: `sent/2026-11-22`.
    pub(super) folder: String,
    /// They.
    pub(super) files: Vec<Moved>,
    /// What is said of them.
    pub(super) remarks: Vec<Remark>,
}

impl Verdict {
    /// Whether it leads nowhere but into the facility's own folders. Where a share has no modes, others could write one.
    fn is_sound(&self) -> bool {
        let day = |day: &str| day.parse::<jiff::civil::Date>().is_ok();
        let plain = |name: &str| !name.contains(['/', '\0']) && !matches!(name, "" | "." | "..");
        let folder = ["sent/", "refused/"].iter().find_map(|folder| self.folder.strip_prefix(folder));
        folder.is_some_and(day) && self.files.iter().all(|file| plain(&file.name) && plain(&file.placed))
    }
}

/// A file on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Moved {
    /// Its name in `out`.
    pub(super) name: String,
    /// Its name where it goes.
    #[serde(rename = "as")]
    pub(super) placed: String,
}

/// What lies in a claim's folder.
pub(super) enum Content {
    /// A verdict is being carried out.
    Judged(Verdict),
    /// Files to be read.
    Files(Vec<Entry>),
}

/// Renames files into a folder of their own. What vanished in between is left out; when that is all of it, there is no claim.
pub(super) fn take(out: &Path, work: &Path, files: &[Entry]) -> io::Result<Option<Uuid>> {
    let id = Uuid::new_v4();
    let taking = work.join(format!("{id}{TAKING}"));
    disk::make_folder(&taking)?;
    let mut taken = false;
    for entry in files {
        match disk::rename_new(&out.join(&entry.name), &taking.join(&entry.name)) {
            Ok(()) => taken = true,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                give_back(out, &taking)?;
                return Err(error);
            }
        }
        crash::point("exchange.taking");
    }
    if !taken {
        disk::clear(&taking)?;
        return Ok(None);
    }
    disk::sync(&taking)?;
    disk::sync(out)?;
    disk::rename_new(&taking, &work.join(id.to_string()))?;
    disk::sync(work)?;
    crash::point("exchange.claimed");
    Ok(Some(id))
}

/// Puts back what a crash left half taken.
pub(super) fn undo(out: &Path, work: &Path) -> io::Result<()> {
    let half = disk::folders(work)?.into_iter().filter(|name| name.ends_with(TAKING));
    half.into_iter().try_for_each(|name| give_back(out, &work.join(name)))
}

/// Puts files back into `out`. Where somebody has put another of the name there, what is left is judged as it is.
fn give_back(out: &Path, taking: &Path) -> io::Result<()> {
    let mut all = true;
    for entry in disk::list(taking)?.files {
        match disk::rename_new(&taking.join(&entry.name), &out.join(&entry.name)) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => all = false,
            done => done?,
        }
    }
    disk::sync(out)?;
    if all { disk::clear(taking) } else { disk::rename_new(taking, &taking.with_extension("")) }
}

/// Looks into a claim's folder.
pub(super) fn content(claim: &Path) -> io::Result<Content> {
    let verdict = claim.join(VERDICT);
    if disk::exists(&verdict)?
        && let Some(verdict) = disk::read(&verdict)?.and_then(|bytes| serde_json::from_slice::<Verdict>(&bytes).ok())
        && verdict.is_sound()
    {
        return Ok(Content::Judged(verdict));
    }
    let mut files = disk::list(claim)?.files;
    files.retain(|entry| !entry.name.starts_with('.'));
    order::sort_by(&mut files, |one, other| one.name.cmp(&other.name));
    Ok(Content::Files(files))
}

/// What the files of a claim are.
pub(super) fn what(files: &[Entry]) -> What {
    match files {
        [only] if only.name.to_ascii_lowercase().ends_with(".zip") => What::Archive,
        [only] => super::scan::paper_of(&only.name).map_or(What::Unit, |name| What::Paper(name.to_owned())),
        _ => What::Unit,
    }
}

/// Reads the files of a claim; `None` when one of them changes still.
pub(super) fn read(claim: &Path, files: &[Entry]) -> io::Result<Option<Vec<Named>>> {
    let mut all = Vec::with_capacity(files.len());
    for entry in files {
        let path = claim.join(&entry.name);
        if disk::hold(&path) == Hold::Locked {
            return Ok(None);
        }
        let Some(bytes) = disk::read(&path)? else { return Ok(None) };
        if bytes.len() as u64 != entry.facts.size {
            return Ok(None);
        }
        all.push((entry.name.clone(), bytes));
    }
    Ok(Some(all))
}

/// Writes down what becomes of files, under names that are free where they go.
pub(super) fn decide(
    base: &Path,
    claim: &Path,
    (folder, batch): (String, Option<Uuid>),
    files: &[Entry],
    remarks: Vec<Remark>,
) -> io::Result<Verdict> {
    let to = base.join(&folder);
    disk::make_folder(&to)?;
    let mut moved = Vec::with_capacity(files.len());
    for entry in files {
        moved.push(Moved { name: entry.name.clone(), placed: disk::free_name(&to, &entry.name)? });
    }
    let verdict = Verdict { batch, folder, files: moved, remarks };
    write(claim, &verdict)?;
    crash::point("exchange.decided");
    Ok(verdict)
}

fn write(claim: &Path, verdict: &Verdict) -> io::Result<()> {
    let bytes = serde_json::to_vec(verdict).map_err(io::Error::other)?;
    disk::replace(&claim.join(VERDICT), &bytes)
}

/// Moves the files of a claim to where its verdict says.
pub(super) fn carry_out(base: &Path, claim: &Path, verdict: &mut Verdict) -> io::Result<()> {
    let to = base.join(&verdict.folder);
    disk::make_folder(&to)?;
    for at in 0..verdict.files.len() {
        let Some(file) = verdict.files.get(at).cloned() else { continue };
        let from = claim.join(&file.name);
        if !disk::exists(&from)? {
            continue;
        }
        let mut placed = file.placed;
        loop {
            match disk::rename_new(&from, &to.join(&placed)) {
                Ok(()) => break,
                // Somebody else put one of that name there in between.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    placed = disk::free_name(&to, &file.name)?;
                    if let Some(file) = verdict.files.get_mut(at) {
                        file.placed.clone_from(&placed);
                    }
                    write(claim, verdict)?;
                }
                Err(error) => return Err(error),
            }
        }
        crash::point("exchange.moved");
    }
    disk::sync(&to)?;
    disk::sync(claim)
}

/// Removes a claim's folder. What somebody else put into it stays, and is a claim of its own.
pub(super) fn close(claim: &Path) -> io::Result<()> {
    for entry in disk::list(claim)?.files {
        if entry.name.starts_with('.') {
            std::fs::remove_file(claim.join(&entry.name))?;
        }
    }
    match std::fs::remove_dir(claim) {
        Err(error) if error.kind() != ErrorKind::DirectoryNotEmpty => Err(error),
        _ => claim.parent().map_or(Ok(()), disk::sync),
    }
}

/// Claims whose files changed since they were taken: a writer who had one open writes on where it lies now.
#[derive(Default)]
pub(super) struct Quiet {
    seen: SmallMap<Uuid, (Vec<Facts>, Duration)>,
}

impl Quiet {
    /// Notes how the files of a new claim were when they were found to be whole.
    pub(super) fn taken(&mut self, id: Uuid, files: &[Entry]) {
        self.seen.insert(id, (files.iter().map(|entry| entry.facts).collect(), Duration::ZERO));
    }

    /// True when the files of a claim did not change for long enough.
    pub(super) fn is_whole(&mut self, id: Uuid, files: &[Entry], now: Duration, settle: Duration) -> bool {
        let facts: Vec<Facts> = files.iter().map(|entry| entry.facts).collect();
        let (known, since) = self.seen.get_or_insert(id, (facts.clone(), now));
        if *known != facts {
            (*known, *since) = (facts, now);
        }
        now.saturating_sub(*since) >= settle || *since == Duration::ZERO
    }

    /// Forgets a claim that is done.
    pub(super) fn done(&mut self, id: Uuid) {
        self.seen.remove(&id);
    }
}

/// The claims that there are, by the stamps of their files: a later unit must not reach the outbox before an earlier one.
pub(super) fn all(work: &Path) -> io::Result<Vec<(Uuid, PathBuf)>> {
    let mut claims = Vec::new();
    for name in disk::folders(work)? {
        let Ok(id) = name.parse::<Uuid>() else { continue };
        let path = work.join(name);
        let files = disk::list(&path)?.files;
        let names = files.iter().filter_map(|entry| FileName::parse(&entry.name).ok());
        let first = names.map(|name| (name.stamp.clone(), name.kind.is_delete())).min();
        claims.push((first, id, path));
    }
    order::sort(&mut claims);
    Ok(claims.into_iter().map(|(_, id, path)| (id, path)).collect())
}
