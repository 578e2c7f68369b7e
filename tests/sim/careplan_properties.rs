//! Whatever a valid file looks like, it comes back byte for byte; whatever a file holds, nothing breaks.

use engawa::model::careplan::*;

use crate::careplan::rewrite;
use crate::careplan_generator::{Draw, Manner, file, name, records};

#[test]
fn every_valid_file_comes_back_byte_for_byte() {
    let mut draw = Draw(41);
    for round in 0..120 {
        for &kind in FileKind::ALL.iter().filter(|kind| !kind.items().is_empty()) {
            let manner = if round % 4 == 0 { Manner::Clean } else { Manner::Wild };
            let users = 1 + draw.below(4);
            let records = records(kind, users, &mut draw, manner);
            let bytes = file(kind, &records, &mut draw, manner);
            assert_eq!(rewrite(kind, &bytes), bytes, "{kind}, round {round}");
            let rows: Vec<Row> = Rows::new(kind, &bytes[..]).map(Result::unwrap).collect();
            assert_eq!(rows.len(), records.len(), "{kind}, round {round}");
            for (row, values) in rows.iter().zip(&records) {
                for (name, value) in values {
                    assert_eq!(row.text(name).unwrap(), cp932::decode(value), "{kind} {name}");
                }
            }
        }
    }
}

#[test]
fn rows_of_text_come_back_as_the_same_text() {
    let mut draw = Draw(42);
    for _ in 0..100 {
        for &kind in FileKind::ALL.iter().filter(|kind| !kind.items().is_empty()) {
            let records = records(kind, 2, &mut draw, Manner::Clean);
            let bytes = file(kind, &records, &mut draw, Manner::Clean);
            for row in Rows::new(kind, &bytes[..]).map(Result::unwrap) {
                let texts = row.cells().iter().map(|cell| cell.text.clone()).collect();
                assert_eq!(Row::new(kind, texts).unwrap(), row, "what the standard wants is what a new row is");
            }
        }
    }
}

#[test]
fn nothing_garbled_breaks_the_reader() {
    let mut draw = Draw(43);
    for _ in 0..3000 {
        let kind = draw.pick(FileKind::ALL);
        let records = records(kind, 2, &mut draw, Manner::Wild);
        let mut bytes = file(kind, &records, &mut draw, Manner::Wild);
        for _ in 0..1 + draw.below(8) {
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
        let mut reader = Reader::with_limit(&bytes[..], 1 + draw.below(2000));
        let mut line = 0;
        while let Some(record) = reader.next_record().unwrap() {
            assert!(record.line() > line || record.line() == line && record.is_too_long());
            line = record.line();
        }
        Rows::new(kind, &bytes[..]).for_each(drop);
    }
}

#[test]
fn every_kind_has_a_name_that_is_read_and_written_alike() {
    for &kind in FileKind::ALL {
        let read = FileName::parse(&name(kind)).unwrap();
        assert_eq!((read.kind, read.to_string()), (kind, name(kind)));
    }
}

/// A row that stood before is told of, wherever it stood: with its user, when its user comes back, and where the user is wrong.
#[test]
fn every_repeated_row_is_told_of() {
    use engawa::model::careplan::lint::{Rule, Settings, lint_file};
    const NAME: &str = "UPPLAN_202605_9970000015_43_9970000023_11_20260520101010.CSV";
    let mut draw = Draw(44);
    let (mut told, mut blocks) = (0, 0);
    for round in 0..400 {
        // Users in blocks as care software writes them, or in any order; now and then one whose number is wrong.
        let (in_blocks, wrong) = (round % 3 != 0, round % 4 == 0);
        let (mut seen, mut repeats, mut file) = (std::collections::BTreeSet::new(), Vec::new(), Vec::new());
        let mut user = 0;
        for line in 1..=2 + draw.below(40) {
            user = if in_blocks { user + usize::from(draw.below(4) == 0) } else { draw.below(6) };
            let number = if wrong && draw.below(9) == 0 { "99x".to_owned() } else { format!("99{user:08}") };
            let start = format!("{:02}00", 9 + draw.below(6));
            let row = format!(
                "202407,999995,{number},20260418,202605,9970000015,\"K\",250,,20260501,,{start},1630,1,111111,,,\"\",,\
                 9970000023,\"P\",,0,9970000015,\r\n"
            );
            if !seen.insert(row.clone()) {
                repeats.push(line as u64);
            }
            file.extend_from_slice(row.as_bytes());
        }
        let findings = lint_file(NAME, &file[..], &Settings { max_findings: 10_000, ..Settings::default() }).unwrap();
        let found: Vec<u64> =
            findings.list().iter().filter(|one| one.rule == Rule::RowRepeated).filter_map(|one| one.line).collect();
        assert_eq!(found, repeats, "round {round}");
        told += found.len();
        blocks += usize::from(in_blocks && !found.is_empty());
    }
    assert!(told > 1000 && blocks > 50, "{told} told, {blocks}");
}
