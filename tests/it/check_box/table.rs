//! That somewhere in the tests every finding is met.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use engawa::cli::Finding;

/// Why a finding is met in no test.
const UNMET: &[(Finding, &str)] = &[
    (Finding::DiskBroken, "takes a disk that returns errors"),
    (Finding::PcscdRefused, "polkit decides: the package's test meets it inside a booted system"),
    (Finding::ReaderMute, "pcscd powers the card of a virtual reader whatever it does"),
];

fn sources(directory: &Path, into: &mut String) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("table.rs") {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_finding_is_met_somewhere() {
    let mut all = String::new();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    sources(&tests, &mut all);
    let words: BTreeSet<&str> = all.split(|char: char| !char.is_ascii_alphanumeric() && char != ':').collect();
    let met = |finding: &Finding| words.contains(format!("Finding::{finding:?}").as_str());
    // There they are told by number.
    let mut on_the_way = String::new();
    sources(&tests.join("check_line"), &mut on_the_way);
    let numbers: BTreeSet<&str> = on_the_way.split(|char: char| !char.is_ascii_alphanumeric()).collect();
    let met = |finding: &&Finding| met(finding) || numbers.contains(finding.number().to_string().as_str());
    let unmet: Vec<&Finding> = Finding::ALL.iter().filter(|finding| !met(finding)).collect();
    let known: Vec<&Finding> = UNMET.iter().map(|(finding, _)| finding).collect();
    assert_eq!(unmet, known);
}
