//! `engawa careplan`: works without the settings of the gateway and without a running one.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::arguments::Reading;
use super::output::{chain, complain, say};
use super::{Exit, careplan_text};
use crate::gateway::lint_settings;
use crate::model::careplan::lint::{Findings, SetLinter, Settings, Severity, ZipLimits, lint_file, lint_zip};
use crate::order;

/// What was looked at together.
pub(super) struct Looked {
    /// How many files; archives count as one.
    pub(super) files: usize,
    /// Files of a folder that are no care plan files.
    pub(super) passed_over: usize,
    /// True when nothing was said across files: there was only one.
    pub(super) alone: bool,
    pub(super) findings: Findings,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{path}: {source}")]
    Unreadable { path: String, source: io::Error },
    #[error(
        "{0}: フォルダーに調べるファイル（.csv、.jpg）がありません。 / The folder holds no file to look at (.csv, .jpg)."
    )]
    NothingThere(String),
}

pub(super) fn lint(paths: &[PathBuf], reading: Reading, json: bool) -> Exit {
    let settings = match lint_settings(&reading.into()) {
        Ok(settings) => settings,
        Err(error) => {
            complain(&format!("コード表を読めません。 / The code tables cannot be used.\n  {}", chain(&error)));
            return Exit::Usage;
        }
    };
    let looked = match look_at_all(paths, &settings) {
        Ok(looked) => looked,
        Err(trouble) => {
            complain(&format!("読めません。 / Cannot be read.\n  {trouble}"));
            return Exit::Usage;
        }
    };
    if json {
        say(&careplan_text::json(&looked));
    } else {
        say(&careplan_text::readable(&looked));
    }
    let refused = looked.iter().any(|looked| looked.findings.worst().is_some_and(|worst| worst < Severity::Advice));
    if refused { Exit::Failed } else { Exit::Ok }
}

/// Files named one by one belong together; every folder and every archive stands for itself.
fn look_at_all(paths: &[PathBuf], settings: &Settings) -> Result<Vec<Looked>, Trouble> {
    let mut looked = Vec::new();
    let mut single: Vec<&Path> = Vec::new();
    for path in paths {
        let unreadable = |source| Trouble::Unreadable { path: path.display().to_string(), source };
        if path.metadata().map_err(unreadable)?.is_dir() {
            looked.push(folder(path, settings)?);
        } else if is_zip(path).map_err(unreadable)? {
            let archive = File::open(path).map_err(unreadable)?;
            let findings = lint_zip(&name(path), archive, settings, ZipLimits::default()).map_err(unreadable)?;
            looked.push(Looked { files: 1, passed_over: 0, alone: false, findings });
        } else {
            single.push(path);
        }
    }
    match single.as_slice() {
        [] => {}
        [path] => {
            let unreadable = |source| Trouble::Unreadable { path: path.display().to_string(), source };
            let file = File::open(path).map_err(unreadable)?;
            let findings = lint_file(&name(path), file, settings).map_err(unreadable)?;
            looked.insert(0, Looked { files: 1, passed_over: 0, alone: true, findings });
        }
        paths => looked.insert(0, together(paths, 0, settings)?),
    }
    Ok(looked)
}

fn folder(path: &Path, settings: &Settings) -> Result<Looked, Trouble> {
    let unreadable = |source| Trouble::Unreadable { path: path.display().to_string(), source };
    let (mut files, mut passed_over) = (Vec::new(), 0);
    for entry in path.read_dir().map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        let wanted = file.extension().and_then(OsStr::to_str).is_some_and(|extension| {
            ["csv", "jpg", "jpeg"].iter().any(|wanted| extension.eq_ignore_ascii_case(wanted))
        });
        if file.is_file() && wanted {
            files.push(file);
        } else {
            passed_over += 1;
        }
    }
    if files.is_empty() {
        return Err(Trouble::NothingThere(path.display().to_string()));
    }
    order::sort(&mut files);
    together(&files, passed_over, settings)
}

fn together<P: AsRef<Path>>(paths: &[P], passed_over: usize, settings: &Settings) -> Result<Looked, Trouble> {
    let mut linter = SetLinter::new(settings);
    for path in paths {
        let path = path.as_ref();
        let unreadable = |source| Trouble::Unreadable { path: path.display().to_string(), source };
        let file = File::open(path).map_err(unreadable)?;
        linter.add(&name(path), file).map_err(unreadable)?;
    }
    Ok(Looked { files: paths.len(), passed_over, alone: false, findings: linter.finish() })
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// By its first bytes, or by its name where they are damaged.
fn is_zip(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut start)?;
    let named = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
    Ok(named || start == b"PK\x03\x04" || start == b"PK\x05\x06")
}
