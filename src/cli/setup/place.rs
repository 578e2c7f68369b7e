//! Puts files in place, all of them or none, whenever the power goes.
//!
//! Each is written beside its place and synced. Then a note names them all, and from there on it is decided: whoever finds the note
//! finishes. Without it, what lies beside is litter and is swept by the next run. The note goes when the service has taken the files up.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use super::files::{Change, Plan, Put};
use crate::fault::crash;

const NOTE: &str = ".setup-pending";

/// What was tried when it failed.
#[derive(Debug, thiserror::Error)]
#[error("{}", .path.display())]
pub(super) struct PlaceError {
    /// The file.
    path: PathBuf,
    /// The note was there: some of it may be in place, and the next run finishes.
    pub(super) decided: bool,
    #[source]
    source: io::Error,
}

impl PlaceError {
    fn decided(self) -> Self {
        Self { decided: true, ..self }
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> PlaceError {
    let path = path.to_owned();
    move |source| PlaceError { path: path.clone(), decided: false, source }
}

/// What an interrupted run left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Earlier {
    Nothing,
    /// Files were in place; whoever reads them may not have been told.
    Untold,
    /// Files that were decided are in place only now.
    Finished,
}

/// Finishes what an interrupted run had decided.
///
/// # Errors
/// When a file cannot be put in place.
pub(super) fn finish_earlier(folder: &Path) -> Result<Earlier, PlaceError> {
    let note = folder.join(NOTE);
    match fs::read_to_string(&note) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Earlier::Nothing),
        Err(error) => Err(at(&note)(error).decided()),
        Ok(text) if text.is_empty() => Ok(Earlier::Untold),
        Ok(text) => finish(folder, text.lines().map(Path::new)).map(|()| Earlier::Finished),
    }
}

/// Whoever reads the files has been told of them.
///
/// # Errors
/// When the note cannot be taken away.
pub(super) fn settled(folder: &Path) -> Result<(), PlaceError> {
    let note = folder.join(NOTE);
    match fs::remove_file(&note) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.and_then(|()| sync(folder)).map_err(at(&note)),
    }
}

/// Makes everything as planned.
///
/// # Errors
/// When a file cannot be written. Before the note is there, nothing has been changed.
pub(super) fn carry_out(folder: &Path, plan: &Plan) -> Result<(), PlaceError> {
    let puts: Vec<&Put> = plan.puts.iter().filter(|put| put.change != Change::Same).collect();
    for put in &plan.puts {
        sweep(&put.path);
    }
    if !puts.is_empty() {
        let staged = stage_all(&puts).and_then(|()| {
            crash::point("setup.staged");
            note(folder, &puts)
        });
        if let Err(error) = staged {
            puts.iter().for_each(|put| sweep(&put.path));
            return Err(error);
        }
        crash::point("setup.noted");
        finish(folder, puts.iter().map(|put| put.path.as_path()))?;
    }
    for path in &plan.removals {
        fs::remove_file(path).map_err(at(path)).map_err(PlaceError::decided)?;
    }
    crash::point("setup.placed");
    Ok(())
}

fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.setup"))
}

fn sweep(path: &Path) {
    // What cannot be taken away is met again when it is made.
    let _ = fs::remove_file(beside(path));
}

fn stage_all(puts: &[&Put]) -> Result<(), PlaceError> {
    puts.iter().try_for_each(|put| stage(put).map_err(at(&put.path)))
}

fn stage(put: &Put) -> io::Result<()> {
    folder_of(put)?;
    let staged = beside(&put.path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&staged)?;
    file.write_all(&put.content)?;
    if put.group.is_some() {
        chown(&staged, None, put.group)?;
    }
    file.set_permissions(Permissions::from_mode(put.mode))?;
    file.sync_all()
}

/// The folder of a file; one of secrets is entered by nobody else.
fn folder_of(put: &Put) -> io::Result<()> {
    let Some(folder) = put.path.parent().filter(|folder| !folder.is_dir()) else { return Ok(()) };
    let mode = match (put.mode & 0o007, put.group) {
        (0, Some(_)) => 0o750,
        (0, None) => 0o700,
        _ => 0o755,
    };
    fs::DirBuilder::new().recursive(true).mode(mode).create(folder)?;
    // The mask of whoever runs this is not asked.
    fs::set_permissions(folder, Permissions::from_mode(mode))?;
    if put.group.is_some() {
        chown(folder, None, put.group)?;
    }
    folder.parent().map_or(Ok(()), sync)
}

fn note(folder: &Path, puts: &[&Put]) -> Result<(), PlaceError> {
    let text: String = puts.iter().map(|put| format!("{}\n", put.path.display())).collect();
    let synced = puts.iter().try_for_each(|put| put.path.parent().map_or(Ok(()), sync).map_err(at(&put.path)));
    synced.and_then(|()| write_note(folder, &text))
}

fn write_note(folder: &Path, text: &str) -> Result<(), PlaceError> {
    let path = folder.join(NOTE);
    sweep(&path);
    let written = || -> io::Result<()> {
        let staged = beside(&path);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&staged)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&staged, &path)?;
        sync(folder)
    };
    written().map_err(at(&path))
}

/// Puts the files in place. The note stays, empty, until [`settled`]: a run that goes on after this one knows that something changed,
/// and takes nothing for decided that it has only begun itself.
fn finish<'p>(folder: &Path, paths: impl Iterator<Item = &'p Path>) -> Result<(), PlaceError> {
    place(folder, paths).map_err(PlaceError::decided)
}

fn place<'p>(folder: &Path, paths: impl Iterator<Item = &'p Path>) -> Result<(), PlaceError> {
    for path in paths {
        match fs::rename(beside(path), path) {
            // Put in place by the run that was interrupted.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed.map_err(at(path))?,
        }
        path.parent().map_or(Ok(()), sync).map_err(at(path))?;
        crash::point("setup.one_placed");
    }
    write_note(folder, "")
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
