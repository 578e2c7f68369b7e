//! The care plan layouts as data, the encoding, file names, and reading and writing of the fixtures.

use std::collections::BTreeSet;
use std::path::PathBuf;

use engawa::model::careplan::codes::VersionState;
use engawa::model::careplan::layout::{Condition, Doubt, Need, Type, layouts};
use engawa::model::careplan::*;

pub(crate) fn fixture_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/careplan")
}

/// Every fixture as (directory, file name, bytes), in order.
pub(crate) fn fixtures() -> Vec<(String, String, Vec<u8>)> {
    let mut found = Vec::new();
    for unit in std::fs::read_dir(fixture_dir()).unwrap() {
        let unit = unit.unwrap().path();
        for file in std::fs::read_dir(&unit).unwrap() {
            let path = file.unwrap().path();
            let [unit, name] = [&unit, &path].map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
            found.push((unit, name, std::fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

pub(crate) fn rewrite(kind: FileKind, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for row in Rows::new(kind, bytes) {
        row.unwrap().write(&mut out).unwrap();
    }
    out
}

#[test]
fn docs() {
    crate::golden("docs/careplan.md", &markdown());
}

#[test]
fn the_layouts_have_every_column_of_the_standard() {
    use FileKind::*;
    let widths = [
        (Supplement, 63),
        (Plan1, 28),
        (Plan2, 22),
        (Plan3, 13),
        (PlanDelete, 4),
        (Slip, 25),
        (Results, 25),
        (SlipAnnex, 37),
        (SlipDelete, 4),
        (ResultsDelete, 6),
        (Base, 71),
        (BaseDay, 7),
        (BaseHistory, 11),
        (BaseImage, 0),
        (BaseDelete, 4),
        (Preventive, 57),
        (PreventiveAnnex, 17),
        (PreventiveDelete, 4),
    ];
    assert_eq!(widths.len(), FileKind::ALL.len());
    for (kind, width) in widths {
        assert_eq!((kind.layout().kind, kind.items().len()), (kind, width), "{kind}");
    }
}

#[test]
fn the_layouts_are_whole() {
    for layout in layouts() {
        let names: BTreeSet<&str> = layout.items.iter().map(|item| item.name).collect();
        assert_eq!(names.len(), layout.items.len(), "{}: a name stands there twice", layout.kind);
        for (at, item) in layout.items.iter().enumerate() {
            assert_eq!(item.number, at + 1, "{} {}", layout.kind, item.name);
            assert!(!item.label.is_empty());
            assert_eq!(item.kind == Type::Code || item.kind == Type::Version, !item.codes.is_empty(), "{}", item.name);
            assert_eq!(
                item.length.is_none(),
                item.kind.is_quoted(),
                "{} {}: only free text has no limit",
                layout.kind,
                item.name
            );
            assert!(item.personal || !item.kind.is_quoted(), "{}: free text may hold anything", item.name);
            match item.condition {
                Condition::When { item: other, value } => {
                    let list = layout.kind.item(other).unwrap().codes;
                    assert!(CodeTables::built_in().list(list).get(value).is_some());
                }
                Condition::First(number) => assert!(layout.kind.item(number).is_some()),
                _ => {}
            }
            assert!(item.need != Need::Conditional || item.condition != Condition::None, "{}", item.name);
            if item.doubt != Doubt::None {
                assert!(!item.note.is_empty(), "{} {} does not say why", layout.kind, item.name);
            }
        }
        for name in layout.key.iter().chain(&layout.sort) {
            assert!(names.contains(name), "{}: {name}", layout.kind);
        }
        for removed in &layout.removes {
            assert_eq!(layout.kind.is_delete(), removed != &layout.kind);
        }
    }
}

#[test]
fn code_tables_can_be_replaced_and_say_what_is_wrong() {
    let text = include_str!("../../src/model/careplan/codes.tsv");
    let tables = CodeTables::parse(text).unwrap();
    assert_eq!(&tables, CodeTables::built_in());
    assert_eq!((tables.edition(), tables.month(), tables.version_to_write()), ("4.1", "202410", "202407"));
    assert_eq!(CodeTables::parse(&text.replace("\n", "\r\n")).unwrap(), tables);
    let newer = text
        .replace("version:\t4.1\t202410", "version:\t4.2\t202804")
        .replace("22\t要介護２\t19705", "22\t要介護２\t20000");
    assert_eq!(CodeTables::parse(&newer).unwrap().benefit_limit(b"22"), Some(20000));
    assert_eq!(CodeTables::parse("@\tsex\t性別\n"), Err(TableError::NoVersion));
    assert_eq!(
        CodeTables::parse("version:\t1\t2\n@\tsex\t性別\n1\t男性\t-\n1\t男性\t-\n"),
        Err(TableError::Repeated(4))
    );
    assert_eq!(CodeTables::parse("version:\t1\t2\n1\t男性\t-\n"), Err(TableError::Line(2)));
    assert!(matches!(CodeTables::parse("version:\t1\t2\n@\tsex\t性別\n1\t男性\t-\n"), Err(TableError::Missing(_))));
    assert_eq!(CodeTables::parse(&text.replace("\twrite", "\told")), Err(TableError::NothingToWrite));
}

#[test]
fn the_accepted_versions_can_be_chosen() {
    let tables = CodeTables::built_in().clone();
    assert_eq!(tables.version(b"202407"), Some(VersionState::Current));
    assert_eq!(tables.version(b"202410"), Some(VersionState::Tolerated));
    assert_eq!(tables.version(b"202208"), Some(VersionState::Old));
    assert_eq!(tables.version(b"202801"), None);
    let tables = tables.with_version("202801", VersionState::Current).with_version("202410", VersionState::Old);
    assert_eq!(tables.version_to_write(), "202801");
    assert_eq!(tables.version(b"202407"), Some(VersionState::Tolerated));
    assert_eq!(tables.version(b"202410"), Some(VersionState::Old));
}

#[test]
fn a_set_of_versions_takes_the_place_of_the_tables_own() {
    let built_in = CodeTables::built_in();
    assert_eq!(&built_in.clone().with_versions::<&str>(&[]), built_in);
    let tables = built_in.clone().with_versions(&["202801", "202407", "202208"]);
    assert_eq!(tables.version_to_write(), "202801");
    assert_eq!(tables.version(b"202801"), Some(VersionState::Current));
    assert_eq!(tables.version(b"202407"), Some(VersionState::Tolerated));
    assert_eq!(tables.version(b"202208"), Some(VersionState::Tolerated));
    assert_eq!(tables.version(b"202410"), None, "taken by the tables, and not named");
    assert_eq!(tables.version(b"202003"), Some(VersionState::Old));
}

#[test]
fn a_code_table_with_a_byte_order_mark_is_read() {
    let text = format!("\u{FEFF}{}", include_str!("../../src/model/careplan/codes.tsv"));
    assert_eq!(&CodeTables::parse(&text).unwrap(), CodeTables::built_in());
    assert_eq!(CodeTables::parse("version:\t1\t2\n1\t男性\t-\n").unwrap_err().line(), Some(2));
}

#[test]
fn file_names() {
    let name = FileName::parse("UPPLAN_202605_9970000015_43_9970000023_11_20260425101500.CSV").unwrap();
    assert_eq!((name.kind, name.service_month().unwrap().to_string()), (FileKind::Slip, "202605".to_owned()));
    assert_eq!((name.from.office.as_str(), name.to.service_kind.as_str()), ("9970000015", "11"));
    assert_eq!(name.made_at().unwrap().to_string(), "2026-04-25T10:15:00");
    for (_, text, _) in fixtures() {
        let name = FileName::parse(&text).unwrap();
        assert_eq!(name.to_string(), text);
        let kind = name.kind;
        assert_eq!(FileName::parse(&text.to_lowercase()).unwrap(), name, "{kind}");
    }
    let stray = FileName::parse("UPKIHON_000000_9900000051_46_9970000015_43_20260421140000.CSV").unwrap();
    assert!(stray.stray_month);
    assert_eq!(stray.kind, FileKind::Base);
}

#[test]
fn wrong_file_names_say_which_part() {
    use NameError::*;
    let end = "9970000015_43_9970000023_11_20260425101500";
    for (name, wanted) in [
        ("", Prefix),
        ("plan.csv", Prefix),
        ("UPPLANX_202605.CSV", Prefix),
        (&format!("UPPLAN_{end}.CSV"), Part(NamePart::Month)),
        (&format!("UPPLAN_202613_{end}.CSV"), Part(NamePart::Month)),
        (&format!("UPPLAN_000000_{end}.CSV"), Part(NamePart::Month)),
        ("UP1KYO_997000001_43_9970000023_11_20260425101500.CSV", Part(NamePart::FromOffice)),
        ("UP1KYO_9970000015_4_9970000023_11_20260425101500.CSV", Part(NamePart::FromKind)),
        ("UP1KYO_9970000015_43_99700000230_11_20260425101500.CSV", Part(NamePart::ToOffice)),
        ("UP1KYO_9970000015_43_9970000023_113111_20260425101500.CSV", Part(NamePart::ToKind)),
        ("UP1KYO_9970000015_43_9970000023_11_20260230101500.CSV", Part(NamePart::Stamp)),
        ("UP1KYO_9970000015_43_9970000023_11_202604251015001.CSV", Part(NamePart::Stamp)),
        (&format!("UP1KYO_{end}_1.CSV"), TooMany),
        (&format!("UP1KYO_{end}.TXT"), Part(NamePart::Extension)),
        (&format!("UP1KYO_{end}"), Part(NamePart::Extension)),
        (&format!("UPKIHON_IMAGE_{end}_1.jpg"), Part(NamePart::Branch)),
        (&format!("UPKIHON_IMAGE_{end}_0001.png"), Part(NamePart::Extension)),
        ("UPPLAN_202605_9970000015_9970000023_20260425101500.CSV", Edition3),
        ("UP1KYO_9970000015_9970000023_20260425101500.CSV", Edition3),
    ] {
        assert_eq!(FileName::parse(name), Err(wanted), "{name}");
    }
}

#[test]
fn the_fixtures_hold_every_kind_and_come_back_byte_for_byte() {
    let mut kinds = BTreeSet::new();
    for (unit, name, bytes) in fixtures() {
        let kind = FileName::parse(&name).unwrap().kind;
        kinds.insert(kind);
        if kind != FileKind::BaseImage {
            assert_eq!(rewrite(kind, &bytes), bytes, "{unit}/{name}");
        }
    }
    assert_eq!(kinds.len(), FileKind::ALL.len());
}

#[test]
fn a_row_is_read_by_name() {
    let (_, _, bytes) = fixtures().into_iter().find(|(_, name, _)| name.starts_with("UP1KYO")).unwrap();
    let rows: Vec<Row> = Rows::new(FileKind::Plan1, &bytes[..]).map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].text("care_manager_name"), Some("手本 支援子"));
    let needs = rows[0].text("needs_analysis_with_user_and_family_intentions").unwrap();
    assert!(needs.contains("\r\n") && needs.contains("\"無理のない範囲\""));
    assert_eq!(rows[0].text("no_such_item"), None);
}

#[test]
fn a_row_made_from_text_is_written_as_the_standard_wants() {
    let texts =
        ["202407", "999995", "9900000001", "20260410", "6:00", "起床\r\n\"朝食\"", ""].map(str::to_owned).to_vec();
    let row = Row::new(FileKind::BaseDay, texts).unwrap();
    let mut out = Vec::new();
    row.write(&mut out).unwrap();
    let wanted = "202407,999995,9900000001,20260410,\"6:00\",\"起床\r\n\"\"朝食\"\"\",\"\"\r\n";
    assert_eq!(out, cp932::encode(wanted).unwrap());
    assert!(Row::new(FileKind::BaseDay, vec![String::new()]).is_none());
    let mut foreign = row;
    foreign.cells_mut()[5].text = "𠮷".to_owned();
    let (column, error) = foreign.write(&mut Vec::new()).unwrap_err();
    assert_eq!((column, error.character), (6, '𠮷'));
}

#[test]
fn cp932_keeps_what_text_does_not_give_back() {
    use cp932::Traits;
    for (bytes, text, traits) in [
        (&b"\x87\x9a"[..], "∵", Some(Traits::DUPLICATE)),
        (b"\xfb\xfc", "髙", Some(Traits::OFF_HUB)),
        (b"\xf0\x40", "\u{E000}", Some(Traits::GAIJI)),
        (b"\xb1", "ｱ", Some(Traits::HALF_KANA)),
        (b"\xff", "\u{FFFD}", Some(Traits::INVALID)),
    ] {
        if let Some(traits) = traits {
            assert!(cp932::traits(bytes).has(traits), "{bytes:02x?}");
            assert_eq!(cp932::decode(bytes), text, "{bytes:02x?}");
        }
    }
    assert_eq!(cp932::encode("¥"), Err(cp932::EncodeError { at: 0, character: '¥' }));
    assert_eq!(cp932::encode("漢−"), Err(cp932::EncodeError { at: 3, character: '−' }));
    assert_eq!(cp932::encode("か\u{3099}").unwrap_err().character, '\u{3099}');
}

/// Every code of two bytes: what is called canonical comes back, what is not does not.
#[test]
fn every_code_of_cp932_is_judged_rightly() {
    use cp932::Traits;
    let (mut canonical, mut duplicates) = (0, 0);
    for code in 0x8140..=0xFCFCu16 {
        let bytes = code.to_be_bytes();
        let traits = cp932::traits(&bytes);
        let text = cp932::decode(&bytes);
        if matches!(bytes[0], 0xA1..=0xDF) || traits.has(Traits::INVALID) {
            continue;
        }
        let back = cp932::encode(&text).ok();
        assert_eq!(cp932::is_canonical(&bytes), back.as_deref() == Some(&bytes[..]), "{bytes:02x?}");
        assert_eq!(traits.has(Traits::GAIJI), back.is_none(), "{bytes:02x?}");
        canonical += usize::from(!traits.has(Traits::DUPLICATE));
        duplicates += usize::from(traits.has(Traits::DUPLICATE));
    }
    // NEC's selection of IBM's extensions (374) and what of row 13 and IBM's symbols stands elsewhere too.
    assert!(canonical > 9000 && (374..420).contains(&duplicates), "{canonical} {duplicates}");
}
