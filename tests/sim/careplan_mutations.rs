//! Thousands of generated files with one value made wrong: the linter names it, never breaks, and never accepts what breaks a
//! mandatory rule.

use std::collections::BTreeMap;

use engawa::model::careplan::layout::{Doubt, Need, Type};
use engawa::model::careplan::lint::{Findings, Settings, Severity, lint_file};
use engawa::model::careplan::{FileKind, Item};

use crate::careplan_generator::{Draw, Manner, Values, file, name, quoted, records};

/// How many mutations of every kind of file. `CAREPLAN_MUTATIONS=10000` runs the full corpus.
fn mutations() -> usize {
    std::env::var("CAREPLAN_MUTATIONS").map_or(200, |count| count.parse().unwrap())
}

fn run(kind: FileKind, bytes: &[u8], settings: &Settings) -> Findings {
    lint_file(&name(kind), bytes, settings).unwrap()
}

/// What is done to one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Emptied,
    TooLong,
    TooShort,
    Letters,
    FullWidth,
    NoSuchCode,
    NoSuchDay,
    Blank,
    StrayQuote,
    Unclosed,
    Gaiji,
    NoCharacter,
    Control,
    Formula,
    Removed,
    Doubled,
}

const CHANGES: [Change; 16] = [
    Change::Emptied,
    Change::TooLong,
    Change::TooShort,
    Change::Letters,
    Change::FullWidth,
    Change::NoSuchCode,
    Change::NoSuchDay,
    Change::Blank,
    Change::StrayQuote,
    Change::Unclosed,
    Change::Gaiji,
    Change::NoCharacter,
    Change::Control,
    Change::Formula,
    Change::Removed,
    Change::Doubled,
];

/// The raw field after the change, with separators where it brings some; `None` where the change would leave it right.
fn change(change: Change, item: &Item, value: &[u8], draw: &mut Draw) -> Option<Vec<u8>> {
    let free = item.kind.is_quoted();
    let coded = !free && !matches!(item.kind, Type::Phone | Type::Unused | Type::Entry);
    let sure_length = !matches!(item.doubt, Doubt::Length { .. });
    let wrapped = |inner: &[u8]| if free { [b"\"", inner, b"\""].concat() } else { inner.to_vec() };
    Some(match change {
        Change::Emptied if item.need == Need::Required && item.doubt == Doubt::None => wrapped(b""),
        Change::TooLong if coded && sure_length && !value.is_empty() => {
            [value, &b"1".repeat(item.length?.max)].concat()
        }
        Change::TooShort if item.length?.exact && value.len() > 1 => value[..value.len() - 1].to_vec(),
        Change::Letters if coded && item.kind != Type::Branch => b"q?".to_vec(),
        Change::FullWidth if coded && !value.is_empty() => [b"\x82\x50", &value[1..]].concat(),
        Change::NoSuchCode if item.kind == Type::Code => b"9Z"[..item.length?.max].to_vec(),
        Change::NoSuchDay if item.kind == Type::Date => b"20260231".to_vec(),
        Change::Blank if coded && !value.is_empty() => [value, b" "].concat(),
        Change::StrayQuote if coded && value.len() > 1 => [&value[..1], b"\"", &value[1..]].concat(),
        Change::Unclosed if free && value.len() > 1 => [b"\"", &b"abc"[..]].concat(),
        Change::Gaiji => wrapped(&[value_head(item, value), b"\xf0\x40"].concat()),
        Change::NoCharacter => wrapped(&[value_head(item, value), b"\xfd"].concat()),
        Change::Control => wrapped(&[value_head(item, value), b"\x01"].concat()),
        Change::Formula if coded && !value.is_empty() => [b"=", value].concat(),
        Change::Removed | Change::Doubled => return Some(Vec::new()),
        _ => {
            let _ = draw;
            return None;
        }
    })
}

fn value_head<'v>(item: &Item, value: &'v [u8]) -> &'v [u8] {
    // Free text may hold quotes and lines, which are not the point here.
    if item.kind.is_quoted() { b"x" } else { value }
}

/// The file with the change made at one place.
fn mutate(
    kind: FileKind,
    records: &[Values],
    (row, at): (usize, usize),
    what: Change,
    draw: &mut Draw,
) -> Option<Vec<u8>> {
    let item = &kind.items()[at];
    let empty = Vec::new();
    let value = records[row].get(item.name).unwrap_or(&empty);
    let changed = change(what, item, value, draw)?;
    let mut out = Vec::new();
    for (number, record) in records.iter().enumerate() {
        let mut fields: Vec<Vec<u8>> = kind
            .items()
            .iter()
            .map(|item| quoted(item, record.get(item.name).unwrap_or(&empty), draw, Manner::Clean))
            .collect();
        if number == row {
            match what {
                Change::Removed => drop(fields.remove(at)),
                Change::Doubled => fields.insert(at, fields[at].clone()),
                _ => fields[at].clone_from(&changed),
            }
        }
        out.extend(fields.join(&b','));
        out.extend_from_slice(b"\r\n");
    }
    Some(out)
}

#[test]
fn generated_files_are_without_findings() {
    let (mut draw, settings) = (Draw(7), Settings::default());
    for _ in 0..40 {
        for &kind in FileKind::ALL.iter().filter(|kind| !kind.items().is_empty()) {
            let records = records(kind, 3, &mut draw, Manner::Clean);
            let findings = run(kind, &file(kind, &records, &mut draw, Manner::Clean), &settings);
            let sentences: Vec<String> = findings.list().iter().map(|f| format!("{}: {}", f.rule, f.en())).collect();
            assert!(sentences.is_empty(), "{kind}: {sentences:?}");
        }
    }
}

/// Where readings differ (quotes, line ends, second codes), every one is taken.
#[test]
fn whatever_a_reader_must_take_is_not_refused() {
    let (mut draw, settings) = (Draw(10), Settings::default());
    for _ in 0..40 {
        for &kind in FileKind::ALL.iter().filter(|kind| !kind.items().is_empty()) {
            let records = records(kind, 3, &mut draw, Manner::Wild);
            let findings = run(kind, &file(kind, &records, &mut draw, Manner::Wild), &settings);
            let refused: Vec<String> =
                findings.list().iter().filter(|f| f.severity() == Severity::Refused).map(|f| f.en()).collect();
            assert!(refused.is_empty(), "{kind}: {refused:?}");
        }
    }
}

#[test]
fn a_mutated_item_is_named() {
    let (mut draw, settings) = (Draw(8), Settings::default());
    let mut tally: BTreeMap<Change, (u32, u32)> = BTreeMap::new();
    let mut missed = Vec::new();
    for &kind in FileKind::ALL.iter().filter(|kind| !kind.items().is_empty()) {
        let mut done = 0;
        while done < mutations() {
            let records = records(kind, 2, &mut draw, Manner::Clean);
            let place = (draw.below(records.len()), draw.below(kind.items().len()));
            let what = draw.pick(&CHANGES);
            let Some(bytes) = mutate(kind, &records, place, what, &mut draw) else { continue };
            done += 1;
            let findings = run(kind, &bytes, &settings);
            let item = &kind.items()[place.1];
            let named = findings.list().iter().any(|found| found.names(item));
            let count = tally.entry(what).or_default();
            count.0 += 1;
            count.1 += u32::from(named);
            if !named {
                let rules: Vec<String> =
                    findings.list().iter().map(|f| format!("{} {:?}", f.rule, f.item.map(|i| i.number))).collect();
                missed.push(format!("{kind} {} {what:?}: {rules:?}", item.name));
            }
            // A value that breaks a mandatory rule is never accepted.
            if matches!(
                what,
                Change::Emptied | Change::Removed | Change::Doubled | Change::Unclosed | Change::NoCharacter
            ) {
                assert_eq!(findings.worst(), Some(Severity::Refused), "{kind} {} {what:?}", item.name);
            }
        }
    }
    let (all, named) = tally.values().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    eprintln!("{named} of {all} mutated items are named: {tally:?}");
    missed.truncate(40);
    assert!(f64::from(named) >= 0.99 * f64::from(all), "{named} of {all} named; {tally:?}; {missed:#?}");
}

#[test]
fn bytes_changed_at_random_never_break_the_linter() {
    let (mut draw, settings) = (Draw(9), Settings { max_record: 4096, ..Settings::default() });
    for _ in 0..4000 {
        let kind = draw.pick(FileKind::ALL);
        let records = records(kind, 2, &mut draw, Manner::Wild);
        let mut bytes = file(kind, &records, &mut draw, Manner::Wild);
        for _ in 0..1 + draw.below(6) {
            if bytes.is_empty() {
                break;
            }
            let at = draw.below(bytes.len());
            match draw.below(4) {
                0 => bytes[at] = u8::try_from(draw.below(256)).unwrap(),
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, draw.pick(b"\",\r\n\x81\x1a\0")),
                _ => bytes.truncate(at),
            }
        }
        let findings = run(kind, &bytes, &settings);
        for finding in findings.list() {
            assert!(!finding.ja().is_empty() && !finding.en().is_empty());
        }
        // What draws advice at most can be read whole, and comes back byte for byte.
        if findings.worst().is_none_or(|worst| worst == Severity::Advice) && !kind.items().is_empty() {
            assert_eq!(crate::careplan::rewrite(kind, &bytes), bytes);
        }
    }
}
