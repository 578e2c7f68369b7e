//! Files to units: complete or precisely why not, one unit for each recipient, in the order in which they must be sent.

use std::collections::BTreeSet;

use engawa::model::careplan::unit::{Grouping, Refusal, Unit, order};
use engawa::model::careplan::{FileKind, SendUnit, send_units};

use crate::careplan_generator::{Draw, Manner, OFFICES};
use crate::careplan_unit::{Files, file_name, grouped, only, unit_files};

const STAMP: &str = "20260520101010";

fn kind(id: &str) -> &'static SendUnit {
    send_units().iter().find(|unit| unit.id == id).unwrap()
}

fn files(id: &str) -> Files {
    unit_files(kind(id), &mut Draw(54), Manner::Clean)
}

/// The same files with something else in their names.
fn renamed(files: &Files, from: &str, to: &str) -> Files {
    files.iter().map(|(name, bytes)| (name.replace(from, to), bytes.clone())).collect()
}

fn reasons(grouping: &Grouping) -> Vec<(&'static str, Vec<usize>)> {
    grouping.refused.iter().map(|refused| (refused.why.name(), refused.files.clone())).collect()
}

#[test]
fn what_is_missing_is_named() {
    for unit in send_units().iter().filter(|unit| unit.required.len() > 1) {
        for at in 0..unit.required.len() {
            let mut files = files(unit.id);
            let gone = unit.required[at];
            files.remove(at);
            let grouping = grouped(&files);
            if unit.id == "P2" {
                // Each half of it is a unit of its own, with or without the other's annexes.
                continue;
            }
            let [refused] = &grouping.refused[..] else { panic!("{} without {gone}", unit.id) };
            match &refused.why {
                Refusal::Incomplete { missing, .. } => {
                    let alone = files.len() == 1 || !missing.contains(&gone);
                    assert!(alone || missing == &[gone], "{} without {gone}: {missing:?}", unit.id);
                }
                other => panic!("{} without {gone}: {other}", unit.id),
            }
            let [ja, en] = refused.why.words();
            assert!(!ja.is_empty() && en.contains("Add"));
        }
    }
}

#[test]
fn two_stamps_and_two_recipients_are_told_apart() {
    let mut files = files("H1");
    let split = files[1].0.replace(STAMP, "20260520101011");
    let whole = files.clone();
    files[1].0 = split;
    assert_eq!(reasons(&grouped(&files)), [("UNIT_STAMPS", vec![0, 2, 3]), ("UNIT_STAMPS", vec![1])]);
    let mut files = whole;
    files[1].0 = files[1].0.replace(OFFICES[0], OFFICES[1]);
    assert_eq!(reasons(&grouped(&files)), [("UNIT_RECIPIENTS", vec![0, 2, 3]), ("UNIT_RECIPIENTS", vec![1])]);
}

#[test]
fn unknown_sets_twins_months_names_and_contents_are_refused() {
    let mut both = files("H3");
    both.extend(files("H4"));
    assert_eq!(reasons(&grouped(&both)), [("UNIT_UNKNOWN", vec![0, 1])]);
    let mut twice = files("H3");
    twice.extend(renamed(&twice.clone(), "CSV", "csv"));
    assert_eq!(reasons(&grouped(&twice)), [("UNIT_TWICE", vec![0, 1])]);
    let mut months = files("H2");
    months[0].0 = months[0].0.replace("_202605_", "_202606_");
    assert_eq!(reasons(&grouped(&months)), [("UNIT_MONTHS", vec![0, 1, 2])]);
    let mut odd = files("S1");
    odd.push(("plan.csv".to_owned(), Vec::new()));
    let grouping = grouped(&odd);
    assert_eq!((reasons(&grouping), grouping.submissions.len()), (vec![("NAME_INVALID", vec![1])], 1));
    let mut torn = files("S1");
    torn[0].1.extend_from_slice(b"1,2\r\n");
    let grouping = grouped(&torn);
    assert_eq!(reasons(&grouping), [("FILE_UNREADABLE", vec![0])]);
    assert!(grouping.refused[0].why.words()[1].contains("2 values where the layout has 25"));
    assert!(reasons(&grouped(&Vec::new())).is_empty());
}

#[test]
fn one_unit_to_several_offices_is_one_submission() {
    let first = files("H2");
    let mut all = first.clone();
    all.extend(renamed(&first, OFFICES[0], OFFICES[1]));
    all.extend(renamed(&first, OFFICES[0], OFFICES[2]));
    all.reverse();
    let grouping = grouped(&all);
    assert!(grouping.refused.is_empty());
    let [submission] = &grouping.submissions[..] else { panic!("one submission") };
    let to: Vec<&str> = submission.units.iter().map(|unit| unit.to().office.as_str()).collect();
    assert_eq!((to, submission.is_shared()), (OFFICES.to_vec(), true));
    let lanes: BTreeSet<String> = submission.units.iter().map(|unit| unit.lane(b"secret")).collect();
    assert_eq!(lanes.len(), 3, "offices do not wait for each other");

    let mut other = unit_files(kind("H2"), &mut Draw(55), Manner::Clean);
    other = renamed(&other, OFFICES[0], OFFICES[1]);
    let mut different = first;
    different.extend(other);
    let grouping = grouped(&different);
    assert!(!grouping.submissions[0].is_shared());
    assert_eq!(grouping.submissions[0].units.len(), 2);
}

#[test]
fn units_go_by_stamp_and_deletes_after_what_they_delete() {
    let plan = files("H1");
    let mut all = renamed(&plan, STAMP, "20260520101013");
    let insured: Vec<u8> = plan[0].1.clone();
    let mut delete = files("H3");
    // The delete of the very plan: version, insurer, insured, date.
    let key: Vec<u8> = insured.split(|byte| *byte == b'\n').next().unwrap().to_vec();
    let fields: Vec<&[u8]> = key.split(|byte| *byte == b',').take(3).collect();
    let table1 = only(&plan);
    let date = table1.tables()[0].rows()[0].text("care_plan_date").unwrap().as_bytes();
    delete[0].1 = [fields[0], b",", fields[1], b",", fields[2], b",", date, b"\r\n"].concat();
    all.extend(renamed(&delete, STAMP, "20260520101012"));
    all.extend(plan);
    let grouping = grouped(&all);
    let units: Vec<&Unit> = grouping.submissions.iter().map(|submission| &submission.units[0]).collect();
    let kinds: Vec<&str> = units.iter().map(|unit| unit.kind().id).collect();
    assert_eq!(kinds, ["H1", "H3", "H1"]);
    assert!(units[1].follows(units[0]) && units[2].follows(units[1]) && !units[0].follows(units[1]));
    let mut other = unit_files(kind("H4"), &mut Draw(56), Manner::Clean);
    other = renamed(&other, STAMP, "20260520101014");
    assert!(!only(&other).follows(units[2]), "a slip's delete is not about a plan");
    assert_eq!(units[0].lane(b"a"), units[2].lane(b"a"));
    assert_ne!(units[0].lane(b"a"), units[0].lane(b"b"));

    let mut same_stamp = vec![only(&files("H3")), only(&files("H1"))];
    order(&mut same_stamp);
    assert_eq!(same_stamp[1].kind().id, "H3");
}

#[test]
fn keys_are_opaque_and_join_a_plan_with_its_delete() {
    let plan = only(&files("H1"));
    let keys = plan.keys();
    assert!(keys.iter().all(|key| key.document() == FileKind::Plan1));
    let rows = plan.tables()[0].rows();
    assert_eq!(keys.len(), rows.len(), "tables 1 to 3 of a person are one thing");
    for key in &keys {
        let digest = key.digest(b"secret");
        assert_eq!(digest.len(), 32);
        assert_ne!(digest, key.digest(b"other"));
        assert!(rows.iter().all(|row| !digest.contains(row.text("insured_number").unwrap())));
    }
    let persons: BTreeSet<String> = only(&files("H2")).keys().iter().map(|key| key.person(b"secret")).collect();
    let planned: BTreeSet<String> = keys.iter().map(|key| key.person(b"secret")).collect();
    assert!(!persons.is_disjoint(&planned), "the same persons in another document");
}

#[test]
fn the_order_of_the_files_does_not_matter() {
    let mut draw = Draw(57);
    for unit in send_units() {
        let mut files = unit_files(unit, &mut draw, Manner::Wild);
        let one = only(&files).to_json().unwrap();
        files.reverse();
        assert_eq!(only(&files).to_json().unwrap(), one, "{}", unit.id);
        assert!(file_name(unit, unit.required[0], STAMP).starts_with(unit.required[0].prefix()));
    }
}
