//! What arrived, on its way into `in`: written whole under `.arriving`, noted, and then renamed, the main file last.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::path::Path;

use uuid::Uuid;

use super::disk;
use crate::fault::{Code, Retry, crash};
use crate::inbox::{About, Files};
use crate::model::careplan::FileName;
use crate::order;
use crate::store::UnplacedRow;

/// What is done with what arrived.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// To be put into the folder, in this order; an office's later ones only after its earlier ones.
    pub place: Vec<Arrived>,
    /// How many cannot become files, now or ever.
    pub unreadable: usize,
}

/// A received unit whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// The box's own id for it.
    pub id: Uuid,
    /// Who sent it.
    pub from: String,
    /// Names of its files, the main one first.
    pub files: Vec<String>,
    /// How many characters its files cannot hold.
    pub replaced: u32,
}

/// Whose turn it is: by office and stamp, deletes last. What was announced after one that is still to be fetched waits for that,
/// unless it will never be here. `rows` are in the order of announcement.
#[must_use]
pub fn plan(rows: &[UnplacedRow]) -> Plan {
    let (mut plan, mut shut, mut open) = (Plan::default(), BTreeSet::new(), Vec::new());
    for row in rows {
        let code = row.reason.as_deref().and_then(Code::parse);
        let never = code.is_some_and(|code| code.retry() == Retry::Never);
        match row.state.as_str() {
            "announced" if !never => {
                shut.insert(row.from_facility.as_str());
            }
            "kept" if code.is_none() => {
                let about: Option<About> =
                    row.about.as_deref().and_then(|about| serde_json::from_slice(about.as_bytes()).ok());
                match (about, Uuid::from_slice(&row.id)) {
                    (Some(about), Ok(id)) if about.files.iter().all(|name| is_safe(name)) => {
                        if !shut.contains(row.from_facility.as_str()) {
                            let from = row.from_facility.clone();
                            let order = (from.clone(), about.stamp.clone(), about.delete, row.seq);
                            open.push((order, Arrived { id, from, files: about.files, replaced: about.replaced }));
                        }
                    }
                    _ => plan.unreadable += 1,
                }
            }
            _ => plan.unreadable += 1,
        }
    }
    order::sort_by(&mut open, |(one, _), (other, _)| one.cmp(other));
    plan.place = open.into_iter().map(|(_, arrived)| arrived).collect();
    plan
}

/// A name of the standard leads nowhere.
fn is_safe(name: &str) -> bool {
    FileName::parse(name).is_ok()
}

/// The names of a unit in the folder, in the order in which they get there: what goes with the main file is there before it.
pub(super) fn order(files: &[String], replaced: bool) -> Vec<String> {
    let notice = files.first().filter(|_| replaced).map(|main| notice_name(main));
    notice.into_iter().chain(files.iter().rev().cloned()).collect()
}

fn notice_name(main: &str) -> String {
    disk::shortened(main, ".txt")
}

/// Those of the names that somebody has in the folder, whatever their case.
pub(super) fn clashes(folder: &Path, files: &[String]) -> io::Result<Vec<String>> {
    let there = disk::names(folder)?;
    Ok(files.iter().filter(|name| there.contains(&name.to_uppercase())).cloned().collect())
}

/// Writes a unit's files into a folder of their own, in which nothing else is. Gives their names in the order in which they are to
/// be renamed.
pub(super) fn write(staging: &Path, files: &Files) -> io::Result<Vec<String>> {
    disk::clear(staging)?;
    disk::make_folder(staging)?;
    let names: Vec<String> = files.files.iter().map(|(name, _)| name.clone()).collect();
    if !names.iter().all(|name| is_safe(name)) {
        return Err(ErrorKind::InvalidData.into());
    }
    for (name, bytes) in &files.files {
        disk::write_new(&staging.join(name), bytes)?;
    }
    let replaced = !files.replaced.is_empty();
    if let Some(main) = names.first().filter(|_| replaced) {
        disk::write_new(&staging.join(notice_name(main)), &notice(files))?;
    }
    disk::sync(staging)?;
    crash::point("exchange.written");
    Ok(order(&names, replaced))
}

/// Removes what a crash left behind: folders of units that are in their place already, or are written anew. `known` are those whose
/// files still lie ready.
pub(super) fn sweep(arriving: &Path, known: &[Vec<u8>]) -> io::Result<()> {
    for name in disk::folders(arriving)? {
        let id = name.parse::<Uuid>().ok();
        if id.is_some_and(|id| !known.iter().any(|known| known == id.as_bytes())) {
            disk::clear(&arriving.join(name))?;
        }
    }
    Ok(())
}

/// What is said of characters that CSV cannot hold.
fn notice(files: &Files) -> Vec<u8> {
    let mut text = String::from(
        "\u{FEFF}CSVで表せない文字を置き換えました。元の文字は次のとおりです。\r\n\
         Characters that CSV cannot hold were replaced. They stand here as they were sent.\r\n\r\n",
    );
    for one in &files.replaced {
        text.push_str(&format!("{} {} → {}\r\n", one.pointer, one.character, one.replacement));
    }
    text.into_bytes()
}

/// How far the renaming came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Renamed {
    /// All are there.
    All,
    /// Somebody has these names.
    Taken(Vec<String>),
    /// The files are not where they were written.
    Lost,
}

/// Renames files into the folder, one after the other. What is gone from where it was written was renamed before a crash.
pub(super) fn rename(staging: &Path, folder: &Path, files: &[String]) -> io::Result<Renamed> {
    if !disk::exists(staging)? {
        return Ok(Renamed::Lost);
    }
    let mut left = Vec::new();
    for name in files {
        if disk::exists(&staging.join(name))? {
            left.push(name.clone());
        }
    }
    let taken = clashes(folder, &left)?;
    // A crash between a link and the removal of the old name leaves both: the renaming itself finds out.
    let strange = |name: &&String| !disk::same(&staging.join(name), &folder.join(name));
    let taken: Vec<String> = taken.iter().filter(strange).cloned().collect();
    if !taken.is_empty() {
        return Ok(Renamed::Taken(taken));
    }
    for name in left {
        match disk::rename_new(&staging.join(&name), &folder.join(&name)) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(Renamed::Taken(vec![name])),
            done => done?,
        }
        crash::point("exchange.renamed");
    }
    disk::sync(folder)?;
    Ok(Renamed::All)
}
