//! Answers from a file, or from standard input.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::answers::{Answers, folder_of};
use super::judge;
use super::layout::Layout;
use crate::config::draft;
use crate::config::{ConfigProblem, Place};
use crate::order;

/// More than any sane file of answers.
const MOST: u64 = 256 * 1024;

/// The names of all settings.
pub(super) fn known(layout: &Layout) -> BTreeSet<String> {
    order::set(draft::beneath(&layout.base, &layout.office()).into_keys())
}

/// Reads every answer.
///
/// # Errors
/// Every mistake in how they are written.
pub(super) fn from_file(layout: &Layout, path: &Path) -> Result<Answers, Vec<ConfigProblem>> {
    let (shown, folder) = match path == Path::new("-") {
        true => (PathBuf::from("(stdin)"), PathBuf::new()),
        false => (path.to_owned(), folder_of(path)),
    };
    let text = text_of(path).map_err(|error| {
        vec![ConfigProblem {
            place: Place { file: shown.clone(), line: None },
            key: None,
            ja: format!("答えのファイルを読めません（{error}）。"),
            en: format!("The answers cannot be read ({error})."),
        }]
    })?;
    let (lines, mut problems) = draft::lines(&shown, &text);
    let mut answers = Answers::new(shown, folder, known(layout));
    for line in lines {
        if let Err(problem) = answers.take(line) {
            problems.push(problem);
        }
    }
    if problems.is_empty() {
        return Ok(answers);
    }
    // What the settings say of the others is told as well, so that one look puts all of it right.
    let others = judge::settings(layout, &answers).err().unwrap_or_default();
    let told = order::set(problems.iter().map(|problem| problem.key.clone()));
    problems.extend(others.into_iter().filter(|problem| !told.contains(&problem.key)));
    order::sort_by_key(&mut problems, |problem| problem.place.line.unwrap_or(usize::MAX));
    Err(problems)
}

fn text_of(path: &Path) -> std::io::Result<Zeroizing<String>> {
    // Room for all of it at once: a growing buffer would leave unwiped copies behind.
    let mut text = Zeroizing::new(String::with_capacity(MOST as usize + 1));
    let read = match path == Path::new("-") {
        true => std::io::stdin().take(MOST + 1).read_to_string(&mut text)?,
        false => std::fs::File::open(path)?.take(MOST + 1).read_to_string(&mut text)?,
    };
    match read as u64 > MOST {
        true => Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "larger than 256 KiB")),
        false => Ok(text),
    }
}
