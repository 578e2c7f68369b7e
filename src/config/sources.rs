//! Which files hold settings.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::DEFAULT_PATH;
use super::problem::{ConfigProblem, Place, Said};
use crate::order;

/// More than any sane settings file; a log file given by mistake is not read into memory.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// A settings file with its text.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// One setting with the place that decided it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Source {
    /// The setting, for example `hub.url`.
    pub key: &'static str,
    /// Its value, written as in a settings file. Places of secrets only, never secrets.
    pub value: String,
    /// The file and line that decided it; `None` for the default.
    pub place: Option<Place>,
}

/// Reads the files of `facilities.d`; what cannot be read is a problem, and the rest goes on.
pub(super) fn facilities(directory: &Path) -> (Vec<File>, Vec<ConfigProblem>) {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    match fragments(directory) {
        Ok(paths) => {
            for path in paths {
                match text_of(&path) {
                    Ok(text) => files.push(File { path, text }),
                    Err(error) => problems.push(unreadable(path, &error)),
                }
            }
        }
        Err((path, error)) => problems.push(unreadable(path, &error)),
    }
    (files, problems)
}

/// Reads `base` and the files of `conf.d` beside it; what cannot be read is a problem, and the rest goes on.
pub(super) fn read(base: &Path) -> (Vec<File>, Vec<ConfigProblem>) {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    let mut take = |path: PathBuf, may_be_absent: bool| match text_of(&path) {
        Ok(text) => files.push(File { path, text }),
        Err(error) if may_be_absent && error.kind() == ErrorKind::NotFound => {}
        Err(error) => problems.push(unreadable(path, &error)),
    };
    take(base.to_owned(), base == Path::new(DEFAULT_PATH));
    match fragments(&base.with_file_name("conf.d")) {
        Ok(paths) => paths.into_iter().for_each(|path| take(path, false)),
        Err((path, error)) => problems.push(unreadable(path, &error)),
    }
    (files, problems)
}

fn text_of(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > MAX_FILE_BYTES {
        return Err(std::io::Error::new(ErrorKind::FileTooLarge, "larger than 1 MiB"));
    }
    std::fs::read_to_string(path)
}

fn fragments(directory: &Path) -> Result<Vec<PathBuf>, (PathBuf, std::io::Error)> {
    let failed = |error| (directory.to_owned(), error);
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    order::sort(&mut paths);
    Ok(paths)
}

fn unreadable(file: PathBuf, error: &std::io::Error) -> ConfigProblem {
    let (ja, en) = match error.kind() {
        ErrorKind::NotFound => ("設定ファイルがありません。", "The settings file is missing."),
        ErrorKind::PermissionDenied => ("設定ファイルを読む権限がありません。", "No permission to read the settings."),
        ErrorKind::InvalidData => ("設定ファイルがUTF-8ではありません。", "The settings file is not UTF-8."),
        ErrorKind::FileTooLarge => ("設定ファイルが1 MiBより大きいです。", "The settings file is larger than 1 MiB."),
        _ => ("設定ファイルを読めません。", "The settings file cannot be read."),
    };
    Said::new(ja, en).about(Place { file, line: None }, None)
}
