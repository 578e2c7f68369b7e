//! Files that were taken: what stands in their way, or the units that they are. Pure.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use super::remark::Remark;
use crate::model::careplan::archive::{ZipLimits, entries};
use crate::model::careplan::lint::Settings;
use crate::model::careplan::unit::{File, Refusal, Unit};
use crate::model::careplan::{FileName, Judged, cp932, judge};
use crate::model::characters::Repertoire;
use crate::model::opinion::Substitution;
use crate::order;
use crate::outbox::{BATCH_LIMIT, NewBatch, NewUnit, RequestHash};

/// Octets of all files of a hand-in, unpacked.
pub(super) const MAX_TOTAL: u64 = 64 << 20;
/// Values of all its files: a unit takes many times their room.
const MAX_VALUES: usize = 3_000_000;
/// What is said of one hand-in; the rest is counted.
const MAX_REMARKS: usize = 1000;
/// Rounds of substitutions: each finds up to a hundred characters.
const MAX_ROUNDS: usize = 200;

/// A file's name and content.
pub(super) type Named = (String, Vec<u8>);

/// Which character the facility chose to send instead of one that the hub lacks.
pub(super) type Chosen = BTreeMap<String, String>;

/// How files are judged.
pub(super) struct Bench<'a> {
    /// The facility (事業所番号).
    pub(super) facility: &'a str,
    /// What it chose.
    pub(super) chosen: &'a Chosen,
    /// How strictly files are read.
    pub(super) settings: &'a Settings,
}

/// What tells a repeat: the same files under the same names are the same hand-in, whenever and wherever they turn up again.
pub(super) fn request(files: &[Named]) -> (String, RequestHash) {
    let mut parts: Vec<[String; 2]> = files.iter().map(|(name, bytes)| [name.to_uppercase(), hex(bytes)]).collect();
    order::sort(&mut parts);
    let request = json!({ "exchange": parts });
    let key = format!("exchange-{}", hex(request.to_string().as_bytes()));
    (key, RequestHash::new(&request, None))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes a batch of files that were taken together.
///
/// # Errors
/// What stands in the way; then nothing is handed in.
pub(super) fn batch(files: Vec<Named>, zip: bool, bench: &Bench<'_>) -> Result<NewBatch, Vec<Remark>> {
    let files = if zip { unpacked(&files)? } else { files };
    let values: usize = files.iter().map(|(_, bytes)| bytes.iter().filter(|byte| **byte == b',').count()).sum();
    if values > MAX_VALUES {
        return Err(vec![too_large(None)]);
    }
    let mut remarks = Vec::new();
    let units = judged(&files, bench.settings, &mut remarks);
    let mut new = Vec::with_capacity(units.len());
    let mut changed = Vec::new();
    for mut unit in units {
        let made_of = members(&unit, &files);
        if unit.from().office != bench.facility {
            remarks.push(foreign(made_of.first()));
        }
        let (substitutions, originals) = substitute(&mut unit, bench.chosen, &mut remarks);
        if !substitutions.is_empty() {
            changed.extend(unit.files().unwrap_or_default());
        }
        new.push(NewUnit { unit, files: made_of, substitutions, originals });
    }
    // A replacement may be longer than what it replaces.
    if !changed.is_empty() {
        let mut again = Vec::new();
        judged(&changed, bench.settings, &mut again);
        remarks.extend(again.into_iter().filter(Remark::is_refusal));
    }
    order::sort_by_key(&mut remarks, Remark::rank);
    let refused = remarks.iter().any(Remark::is_refusal);
    if new.len() > usize::from(BATCH_LIMIT) {
        return Err(vec![too_large(None)]);
    }
    shorten(&mut remarks);
    if refused || new.is_empty() {
        return Err(remarks);
    }
    let warnings = remarks.iter().filter_map(|remark| serde_json::to_value(remark).ok()).collect();
    Ok(NewBatch { units: new, warnings, due: None })
}

fn unpacked(files: &[Named]) -> Result<Vec<Named>, Vec<Remark>> {
    let limits = ZipLimits { total: MAX_TOTAL, ..ZipLimits::default() };
    let mut all = Vec::new();
    for (name, bytes) in files {
        let found = entries(bytes, &limits).map_err(|objections| -> Vec<Remark> {
            objections.iter().map(|objection| Remark::from(&objection.finding(name))).collect()
        })?;
        all.extend(found);
    }
    Ok(all)
}

/// The units that files are; what is to be said of them goes to `remarks`.
fn judged(files: &[Named], settings: &Settings, remarks: &mut Vec<Remark>) -> Vec<Unit> {
    let views: Vec<File<'_>> = files.iter().map(|(name, bytes)| File { name, bytes }).collect();
    // Bytes in memory are always read.
    let Ok(Judged { findings, submissions, refused }) = judge(&views, settings) else { return Vec::new() };
    remarks.extend(findings.list().iter().map(Remark::from));
    for group in refused {
        for name in group.files.iter().filter_map(|at| files.get(*at)).map(|(name, _)| name.as_str()) {
            let said = |code: Option<&str>| {
                remarks.iter().any(|remark| {
                    remark.is_refusal()
                        && remark.file.as_deref() == Some(name)
                        && code.is_none_or(|code| remark.code == code)
                })
            };
            // The linter says where a file cannot be read, and has a rule for most of the rest.
            let known = matches!(group.why, Refusal::Content { .. }) && said(None) || said(Some(group.why.name()));
            if !known {
                let [ja, en] = group.why.words();
                remarks.push(Remark::refusal(group.why.name(), Some(name), &ja, &en));
            }
        }
    }
    if findings.is_refused() && !remarks.iter().any(Remark::is_refusal) {
        remarks.push(more());
    }
    submissions.into_iter().flat_map(|submission| submission.units).collect()
}

/// The names of the files that a unit was made of.
fn members(unit: &Unit, files: &[Named]) -> Vec<String> {
    let of = |name: &str| {
        FileName::parse(name)
            .is_ok_and(|name| (&name.from, &name.to, name.stamp.as_str()) == (unit.from(), unit.to(), unit.stamp()))
    };
    files.iter().map(|(name, _)| name).filter(|name| of(name)).cloned().collect()
}

/// Replaces what the facility chose to replace; what is left that the hub cannot hold goes to `remarks`.
fn substitute(unit: &mut Unit, chosen: &Chosen, remarks: &mut Vec<Remark>) -> (Vec<Substitution>, Map<String, Value>) {
    let (mut all, mut originals) = (Vec::new(), Map::new());
    for _ in 0..MAX_ROUNDS {
        let problems = unit.unsupported(Repertoire::JisX0213);
        let known = |problem: &crate::model::careplan::unit::Problem| {
            let original = problem.character.clone()?;
            let replacement = chosen.get(&original)?.clone();
            Some(Substitution { pointer: problem.pointer.clone(), original, replacement })
        };
        let substitutions: Vec<Substitution> = problems.iter().filter_map(known).collect();
        if substitutions.is_empty() {
            remarks.extend(problems.iter().map(Remark::from));
            break;
        }
        match unit.substitute(&substitutions) {
            Ok(before) => {
                for original in before {
                    originals.entry(original.pointer).or_insert(original.text.into());
                }
                all.extend(substitutions);
            }
            Err(problems) => {
                remarks.extend(problems.iter().map(Remark::from));
                break;
            }
        }
    }
    (all, originals)
}

/// What the facility chose, from the lines of `substitutions.txt`: `髙 高`. Notepad writes UTF-8 or CP932. Gives the lines that
/// say something else as well.
pub(super) fn chosen(bytes: &[u8]) -> (Chosen, Vec<usize>) {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => cp932::decode(bytes),
    };
    let (mut chosen, mut odd) = (Chosen::new(), Vec::new());
    for (number, line) in (1..).zip(text.trim_start_matches('\u{FEFF}').lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [original, replacement] => {
                chosen.insert(original.to_owned(), replacement.to_owned());
            }
            _ => odd.push(number),
        }
    }
    (chosen, odd)
}

/// What is told of a file, or of all of them, that are too much.
pub(super) fn too_large(file: Option<&str>) -> Remark {
    Remark::refusal(
        "REQUEST_TOO_LARGE",
        file,
        "大きすぎます（1ファイル20 MiB、合計64 MiBまで）。利用者や事業所を分けてください。",
        "It is too large (20 MiB a file, 64 MiB in all). Split it by users or offices.",
    )
}

fn foreign(file: Option<&String>) -> Remark {
    Remark::refusal(
        "FROM_FACILITY",
        file.map(String::as_str),
        "送信元の事業所番号が、このフォルダーの事業所と違います。番号かフォルダーを確かめてください。",
        "The sending office is not the facility of this folder. Check the number or the folder.",
    )
}

fn more() -> Remark {
    Remark::refusal(
        "MORE_FOUND",
        None,
        "ほかにも見つかりましたが、数が多いため省きました。示した箇所を直してから、もう一度入れてください。",
        "There is more than is told here. Correct the places named, then put it in again.",
    )
}

fn shorten(remarks: &mut Vec<Remark>) {
    if remarks.len() > MAX_REMARKS {
        let refused = remarks.iter().any(Remark::is_refusal);
        remarks.truncate(MAX_REMARKS);
        if refused {
            remarks.push(more());
        }
    }
}
