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
