//! Archives of care plan files: what is taken out of them, what is not, and why.

use std::io::{Cursor, Write as _};

use engawa::model::careplan::archive::entries;
use engawa::model::careplan::lint::{Findings, Rule, Settings, ZipLimits, base_name, lint_zip};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::careplan::fixtures;

const NAME: &str = "UPPLAN_202605_9970000015_43_9970000023_11_20260520101010.CSV";

fn archive<B: AsRef<[u8]>>(entries: &[(&str, B)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content.as_ref()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn slip() -> impl Iterator<Item = (String, Vec<u8>)> {
    fixtures().into_iter().filter(|(unit, ..)| unit == "slip").map(|(_, name, bytes)| (name, bytes))
}

fn lint(archive: &[u8]) -> Findings {
    lint_zip("a.zip", Cursor::new(archive), &Settings::default(), ZipLimits::default()).unwrap()
}

fn rules(archive: &[u8]) -> Vec<Rule> {
    lint(archive).list().iter().map(|finding| finding.rule).collect()
}

#[test]
fn a_whole_unit_in_folders_has_nothing_wrong() {
    let named: Vec<(String, Vec<u8>)> = slip().map(|(name, bytes)| (format!("2026年5月/送信/{name}"), bytes)).collect();
    let entries: Vec<(&str, &Vec<u8>)> = named.iter().map(|(name, bytes)| (name.as_str(), bytes)).collect();
    let nothing = Vec::new();
    let with_litter = [&entries[..], &[("__MACOSX/._x", &nothing), ("a/.DS_Store", &nothing)]].concat();
    for entries in [entries, with_litter] {
        let findings = lint(&archive(&entries));
        assert!(findings.list().is_empty(), "{:?}", findings.list().iter().map(|f| f.en()).collect::<Vec<_>>());
    }
}

#[test]
fn what_is_missing_from_a_unit_is_told() {
    let (name, bytes) = slip().find(|(name, _)| name.starts_with("UPPLAN")).unwrap();
    assert_eq!(rules(&archive(&[(name.as_str(), bytes)])), [Rule::UnitIncomplete]);
}

#[test]
fn no_name_leads_anywhere() {
    for path in ["../x/", "a/../../", "/etc/", "C:/", "C:\\x\\", "\\\\server\\share\\"] {
        let entry = format!("{path}{NAME}");
        let findings = lint(&archive(&[(entry.as_str(), b"x")]));
        let [only] = findings.list() else { panic!("{path}: {:?}", findings.list()) };
        assert_eq!((only.rule, &*only.file), (Rule::ZipPath, NAME), "{path}");
    }
    assert_eq!(base_name("a/b\\c.CSV"), "c.CSV");
    assert!(rules(&archive(&[("a\\b.CSV", b"x")])).contains(&Rule::ZipBackslash));
}

#[test]
fn a_link_is_not_followed() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink(NAME, "/etc/passwd", SimpleFileOptions::default()).unwrap();
    assert_eq!(rules(&writer.finish().unwrap().into_inner()), [Rule::ZipPath]);
}

#[test]
fn two_files_of_one_name_are_told_apart_by_nothing() {
    let lower = NAME.to_lowercase();
    let entries = [format!("a/{NAME}"), format!("b/{lower}")];
    assert!(rules(&archive(&[(&entries[0], b"x"), (&entries[1], b"x")])).contains(&Rule::ZipNameTwice));
    // The very same path twice: made by hand, no writer does it.
    let same = archive(&[("a/1.CSV", b"x"), ("b/1.CSV", b"x")]);
    assert!(rules(&replaced(same, b"b/1.CSV", b"a/1.CSV")).contains(&Rule::ZipNameTwice));
}

#[test]
fn names_are_utf_8_or_cp932() {
    let folder = "aaaa/".to_owned() + NAME;
    let sound = archive(&[(folder.as_str(), b"")]);
    let unnamed = |rules: Vec<Rule>| rules.contains(&Rule::ZipNameEncoding);
    assert!(!unnamed(rules(&replaced(sound.clone(), b"aaaa/", b"\x8c\x76\x89\xe6/"))));
    assert!(unnamed(rules(&replaced(sound, b"aaaa/", b"\xfd\xfe\xff\xff/"))));
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_read() {
    let good = archive(&[(NAME, b"x"), ("other.CSV", b"y")]);
    let mut encrypted = good.clone();
    flip(&mut encrypted, b"PK\x01\x02", 8, 1);
    assert_eq!(rules(&encrypted), [Rule::NameUnknown, Rule::ZipEncrypted]);
    let mut other_method = good;
    flip(&mut other_method, b"PK\x01\x02", 10, 8 ^ 97);
    assert!(rules(&other_method).contains(&Rule::ZipMethod), "{:?}", rules(&other_method));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file(NAME, options).unwrap();
    writer.write_all(b"202407,999995").unwrap();
    let broken = replaced(writer.finish().unwrap().into_inner(), b"999995", b"999996");
    assert_eq!(rules(&broken), [Rule::ZipBroken]);
}

#[test]
fn no_archive_takes_more_than_it_may() {
    let limits = ZipLimits { entries: 3, total: 3 << 20, ratio: 50 };
    let bounded = |archive: &[u8]| {
        let findings = lint_zip("a.zip", Cursor::new(archive), &Settings::default(), limits).unwrap();
        assert!(findings.is_refused());
        findings.list().iter().map(|finding| finding.rule).collect::<Vec<_>>()
    };
    let many: Vec<String> = (0..4).map(|number| format!("{number}.CSV")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b"x"[..])).collect();
    assert_eq!(bounded(&archive(&many)), [Rule::ZipEntries]);
    assert_eq!(bounded(&archive(&[(NAME, vec![b','; 4 << 20])])), [Rule::ZipTooLarge]);
    assert_eq!(bounded(&archive(&[(NAME, vec![b','; 2 << 20])])), [Rule::ZipRatio]);
    // An archive that says less than comes out of it.
    let mut liar = archive(&[(NAME, vec![b','; 4 << 20])]);
    flip(&mut liar, b"PK\x01\x02", 26, 0x40);
    assert_eq!(bounded(&liar), [Rule::ZipBroken]);
}

#[test]
fn what_is_no_archive_is_told() {
    let whole = archive(&[(NAME, b"x")]);
    for bytes in [&b""[..], b"PK\x03\x04", b"202407,999995", &whole[..60]] {
        assert_eq!(rules(bytes), [Rule::ZipUnreadable]);
    }
    assert_eq!(rules(&archive::<&[u8]>(&[])), [Rule::ZipEmpty]);
}

fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    for at in 0..bytes.len() - from.len() {
        if &bytes[at..at + from.len()] == from {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

/// Turns bits of the first block that begins with a mark.
fn flip(bytes: &mut [u8], mark: &[u8], offset: usize, bits: u8) {
    let at = bytes.windows(mark.len()).position(|window| window == mark).unwrap();
    bytes[at + offset] ^= bits;
}

#[test]
fn taken_apart_it_gives_its_files_as_they_are_or_every_objection() {
    let slip: Vec<(String, Vec<u8>)> = slip().collect();
    let named: Vec<(String, &Vec<u8>)> = slip.iter().map(|(name, bytes)| (format!("送信/{name}"), bytes)).collect();
    let mut all: Vec<(&str, &Vec<u8>)> = named.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    assert_eq!(entries(&archive(&all), &ZipLimits::default()).unwrap(), slip);

    let nothing = Vec::new();
    all.extend([("../away.CSV", &nothing), ("/etc/passwd", &nothing)]);
    let objections = entries(&archive(&all), &ZipLimits::default()).unwrap_err();
    let said: Vec<Rule> = objections.iter().map(|objection| objection.finding("a.zip").rule).collect();
    assert_eq!(said, [Rule::ZipPath, Rule::ZipPath]);
    let small = ZipLimits { total: 100, ..ZipLimits::default() };
    assert_eq!(entries(&archive(&all), &small).unwrap_err()[0].rule, Rule::ZipTooLarge);
    assert_eq!(entries(b"no ZIP", &small).unwrap_err()[0].finding("a.zip").file.as_ref(), "a.zip");
}
