//! Files to send: made once by `engawa-sandbox careplans` and taken from the samples, each time under another stamp.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use engawa::model::careplan::unit::{File, group};
use engawa::vault::PIECE;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use serde_json::Value;

use crate::support::sandbox::Sandbox;

/// Of the files as they are generated; each unit gets its own.
const STAMP: &str = "20260425101500";

pub(crate) type Named = (String, Vec<u8>);

/// A unit's files, their names without stamp and ending.
#[derive(Clone)]
struct Template(Vec<Named>);

/// What one office can send.
#[derive(Clone)]
pub(crate) struct Stock {
    templates: Vec<Template>,
    /// For an office that does not take part.
    absent: Vec<Template>,
}

/// A unit as it was handed over.
#[derive(Clone)]
pub(crate) struct Unit {
    pub(crate) stamp: String,
    /// Who gets it: 事業所番号.
    pub(crate) to: String,
    pub(crate) files: Vec<Named>,
}

impl Stock {
    /// What the care manager's office sends: slips, plans, and what deletes them.
    pub(crate) fn of_the_office(hub: &Sandbox, seed: u32) -> Self {
        let mut templates = samples(&["plan", "delete-plan", "delete-slip"]);
        templates.extend(generated(hub, seed, 2, &["--only", "dx"]));
        templates.extend(of_several_pieces(hub, seed ^ 1, 9, &["--only", "dx"]));
        templates.extend(generated(hub, seed, 4, &["--only", "day-care"]));
        Self { templates, absent: generated(hub, seed, 12, &["--only", "absent"]) }
    }

    /// What a service office sends back: results, and what deletes them.
    pub(crate) fn of_the_helpers(hub: &Sandbox, seed: u32) -> Self {
        let mut templates = samples(&["results", "delete-results"]);
        templates.extend(of_several_pieces(hub, seed, 20, &["--only", "dx", "--what", "results"]));
        Self { templates, absent: Vec::new() }
    }

    /// Any unit, under this stamp.
    pub(crate) fn unit(&self, stamp: &str, dice: &mut StdRng) -> Unit {
        self.templates.choose(dice).unwrap().under(stamp)
    }

    /// A unit that can only go on paper, where there is one.
    pub(crate) fn absent(&self, stamp: &str, dice: &mut StdRng) -> Option<Unit> {
        Some(self.absent.choose(dice)?.under(stamp))
    }
}

impl Template {
    fn under(&self, stamp: &str) -> Unit {
        let files: Vec<Named> =
            self.0.iter().map(|(name, bytes)| (format!("{name}{stamp}.CSV"), bytes.clone())).collect();
        // KIND[_YYYYMM]_FROM_KIND_TO_KIND_STAMP
        let to = files[0].0.rsplit('_').nth(2).unwrap().to_owned();
        Unit { stamp: stamp.to_owned(), to, files }
    }
}

impl Unit {
    /// What the hub has to get of it.
    pub(crate) fn json(&self) -> Value {
        let files: Vec<File<'_>> = self.files.iter().map(|(name, bytes)| File { name, bytes }).collect();
        let grouping = group(&files);
        assert!(grouping.refused.is_empty(), "{:?}", grouping.refused);
        serde_json::from_slice(&grouping.submissions[0].units[0].to_json().unwrap()).unwrap()
    }
}

/// A ZIP of files.
pub(crate) fn zipped<'a>(files: impl IntoIterator<Item = &'a Named>) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn samples(units: &[&str]) -> Vec<Template> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/careplan");
    units.iter().map(|unit| template(&top.join(unit))).collect()
}

/// A unit that is kept in more than one piece, whatever the dice say: of so many people, or as many more as it takes.
fn of_several_pieces(hub: &Sandbox, seed: u32, users: u32, more: &[&str]) -> Vec<Template> {
    let more_than_one = |template: &Template| template.under(STAMP).json().to_string().len() > PIECE;
    let of_ever_more = (users..users + 200).step_by(5).map(|users| generated(hub, seed, users, more));
    of_ever_more.into_iter().find(|made| made.iter().any(more_than_one)).unwrap()
}

fn generated(hub: &Sandbox, seed: u32, users: u32, more: &[&str]) -> Vec<Template> {
    let folder = tempfile::tempdir_in(hub.dir()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_engawa-sandbox"));
    command.args(["careplans", "--month", "202605", "--stamp", STAMP]).args(more);
    command.args(["--users", &users.to_string(), "--seed", &seed.to_string(), "--out"]).arg(folder.path());
    command.stdout(Stdio::null());
    assert!(command.status().unwrap().success());
    // Of few people none may go there.
    if fs::read_dir(folder.path()).unwrap().next().is_none() {
        return Vec::new();
    }
    vec![template(folder.path())]
}

/// The files of a folder.
fn template(folder: &Path) -> Template {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<Named> = entries
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            (name[..name.rfind('_').unwrap() + 1].to_owned(), fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    Template(files)
}
