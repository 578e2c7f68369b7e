//! `engawa-sandbox careplans`: files of the standard, made by somebody who knows nothing of the gateway's code.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

const OFFICES: [&str; 5] = ["9970000023_11", "9970000031_15", "9970000049_13", "9970000056_17", "9970000080_15"];

fn write(out: &Path, more: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engawa-sandbox"));
    let fixed = ["--month", "202605", "--stamp", "20260525101500"];
    let Output { status, stdout, stderr } =
        command.args(["careplans", "--out"]).arg(out).args(fixed).args(more).output().unwrap();
    assert_eq!(status.code(), Some(0), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

fn lint(folder: &Path) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_engawa")).args(["careplan", "lint"]).arg(folder).output().unwrap();
    String::from_utf8(done.stdout).unwrap()
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let all = folder.read_dir().unwrap().map(Result::unwrap);
    all.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn the_linter_finds_nothing_in_plans_and_results_of_any_size_and_seed() {
    for more in [&[][..], &["--seed", "7", "--users", "300"], &["--users", "1", "--offices", "1"]] {
        let house = tempfile::tempdir().unwrap();
        write(house.path(), more);
        write(house.path(), &[more, &["--what", "results"]].concat());
        let (count, told) = (files(house.path()).len(), lint(house.path()));
        let wanted = format!("Files {count}: refused 0, likely refused 0, advice 0.");
        assert!(told.contains(&wanted), "{more:?}\n{told}");
    }
}

#[test]
fn a_months_files_are_named_and_stamped_by_unit_and_the_same_every_time() {
    let [first, again, one] = [(), (), ()].map(|()| tempfile::tempdir().unwrap());
    let told = write(first.path(), &[]);
    write(again.path(), &[]);
    write(one.path(), &["--only", "dx"]);
    assert_eq!(told.lines().count(), 5, "{told}");
    let written = files(first.path());
    assert_eq!(written, files(again.path()));
    let names: Vec<&String> = written.keys().collect();
    let mut wanted: Vec<String> = Vec::new();
    for kind in ["UPHOSOKU", "UPPLAN", "UPSIKYU"] {
        for (n, office) in OFFICES.iter().enumerate() {
            wanted.push(format!("{kind}_202605_9970000015_43_{office}_2026052510150{n}.CSV"));
        }
    }
    assert_eq!(names, wanted.iter().collect::<Vec<_>>());
    assert_eq!(files(one.path()).len(), 3);
    assert!(files(one.path()).iter().all(|(name, bytes)| written[name] == *bytes));
}

#[test]
fn thirty_people_are_in_it_with_an_office_for_each() {
    let house = tempfile::tempdir().unwrap();
    write(house.path(), &[]);
    let mut people: Vec<String> = Vec::new();
    for (name, bytes) in files(house.path()) {
        let (text, _, broken) = encoding_rs::SHIFT_JIS.decode(&bytes);
        assert!(!broken && text.ends_with("\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']), "{name}");
        if name.starts_with("UPHOSOKU") {
            people.extend(text.lines().map(|line| line.split(',').nth(2).unwrap().to_owned()));
        }
    }
    assert!(people.len() > 30, "some have services of several offices");
    people.sort();
    people.dedup();
    assert_eq!(people.len(), 30);
}
