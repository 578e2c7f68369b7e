//! The reader holds one record, never the file, and finds its way after damage.

use std::io::Read;

use engawa::model::careplan::lint::{Settings, lint_file};
use engawa::model::careplan::reader::DEFAULT_LIMIT;
use engawa::model::careplan::*;
use proptest::prelude::*;

/// Gives the same record again and again, in pieces of varying size, and counts what was asked for.
struct Endless<'a> {
    record: &'a [u8],
    left: usize,
    at: usize,
    piece: usize,
}

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            return Ok(0);
        }
        self.piece = self.piece * 31 % 977 + 1;
        let rest = &self.record[self.at..];
        let count = rest.len().min(buffer.len()).min(self.piece);
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at = (self.at + count) % self.record.len();
        self.left -= usize::from(self.at == 0);
        Ok(count)
    }
}

/// What a reader of these bytes finds: line, fields as raw text, line end.
fn read(bytes: &[u8]) -> Vec<(u64, Vec<String>, LineEnd)> {
    read_pieces(bytes, usize::MAX)
}

struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.len().min(buffer.len()).min(self.1);
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

fn read_pieces(bytes: &[u8], piece: usize) -> Vec<(u64, Vec<String>, LineEnd)> {
    let mut reader = Reader::new(Pieces(bytes, piece));
    let mut found = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        let fields = record.fields().map(|field| String::from_utf8_lossy(field.raw()).into_owned()).collect();
        found.push((record.line(), fields, record.end()));
    }
    found
}

#[test]
fn line_ends_quotes_and_lines_are_told() {
    let text = b"a,\"b\r\nc\",d\r\n\"x\"\"y\",\n,\r\"last";
    let all = [
        (1, vec!["a", "\"b\r\nc\"", "d"], LineEnd::CrLf),
        (3, vec!["\"x\"\"y\"", ""], LineEnd::Lf),
        (4, vec!["", ""], LineEnd::Cr),
        (5, vec!["\"last"], LineEnd::None),
    ];
    for piece in 1..=text.len() {
        let found = read_pieces(text, piece);
        let found: Vec<_> =
            found.iter().map(|(line, fields, end)| (*line, fields.iter().map(|f| &**f).collect(), *end)).collect();
        assert_eq!(found, all, "in pieces of {piece}");
    }
    assert!(read(b"").is_empty());
    assert_eq!(read(b"\r\n").len(), 1);
}

#[test]
fn an_unclosed_quote_ends_with_its_line() {
    let found = read(b"1,\"abc\r\n2,\"def\",x\r\n3,\"ghi\r\n4,5\r\n");
    let lines: Vec<u64> = found.iter().map(|(line, ..)| *line).collect();
    assert_eq!(lines, [1, 2, 3, 4]);
    let mut reader = Reader::new(&b"1,\"abc\r\n2,\"def\",x\r\n"[..]);
    let record = reader.next_record().unwrap().unwrap();
    assert!(record.field(2).unwrap().is_unclosed());
    assert_eq!(&*record.field(2).unwrap().content(), b"abc");
}

#[test]
fn wrong_quotes_are_marked_on_their_field() {
    let mut reader = Reader::new(&b"a\"b,\"c\"d\",\"e\",\"f\"\"\"\r\n"[..]);
    let record = reader.next_record().unwrap().unwrap();
    let fields: Vec<_> = record.fields().collect();
    assert!(fields[0].has_stray_quote() && !fields[0].is_quoted());
    assert!(fields[1].has_single_quote());
    assert!(fields[2].is_well_formed() && fields[3].is_well_formed());
    assert_eq!(&*fields[3].content(), b"f\"");
}

#[test]
fn memory_does_not_depend_on_the_size_of_the_file() {
    let (_, _, bytes) =
        crate::careplan::fixtures().into_iter().find(|(_, name, _)| name.starts_with("UPPLAN")).unwrap();
    let mut last = 0;
    for times in [10, 300, 3000] {
        let source = Endless { record: &bytes, left: times, at: 0, piece: 7 };
        let mut reader = Reader::new(source);
        let mut records = 0;
        while reader.next_record().unwrap().is_some() {
            records += 1;
            last = last.max(reader.held());
        }
        assert_eq!(records, 13 * times);
        assert!(last <= 64 * 1024, "{last} bytes held for {times} times the file");
    }
}

#[test]
fn a_record_beyond_the_limit_is_cut_and_reading_goes_on() {
    let mut bytes = b"1,2\r\n\"".to_vec();
    bytes.resize(10_000_000, b'x');
    bytes.extend_from_slice(b"\"\r\n3,4\r\n");
    let mut reader = Reader::with_limit(Pieces(&bytes, 5000), 100_000);
    assert!(!reader.next_record().unwrap().unwrap().is_too_long());
    let record = reader.next_record().unwrap().unwrap();
    assert!(record.is_too_long() && record.raw().len() <= 300_000 && record.line() == 2);
    let record = reader.next_record().unwrap().unwrap();
    assert_eq!((record.line(), record.raw()), (3, &b"3,4"[..]));
    assert!(reader.next_record().unwrap().is_none());
    assert!(reader.held() < 400_000);
    assert_eq!(Reader::new(&b""[..]).limit(), DEFAULT_LIMIT);
}

#[test]
fn a_million_commas_are_counted_and_not_kept() {
    let bytes = vec![b','; 1_000_000];
    let mut reader = Reader::new(&bytes[..]);
    let record = reader.next_record().unwrap().unwrap();
    assert_eq!((record.columns(), record.fields().len()), (1_000_001, 256));
}

#[test]
fn rows_tell_what_is_wrong_and_go_on() {
    let mut bytes = Vec::new();
    for line in ["202407,999995,9900000001,20260410", "202407,999995", "202407,999995,\"99\"1\",20260410", "1,2,3,4"] {
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"202407,999995,\x81\x20,20260410\r\n");
    let found: Vec<String> = Rows::new(FileKind::PlanDelete, &bytes[..])
        .map(|row| row.map_or_else(|error| error.to_string(), |row| row.text("care_plan_date").unwrap().to_owned()))
        .collect();
    let wanted = [
        "20260410",
        "line 2: 2 values where the layout has 4",
        "line 3, item 3: the quotes do not fit",
        "4",
        "line 5, item 3: a character that CP932 has not",
    ];
    assert_eq!(found, wanted);
}

/// A source that fails: the error is told once, and the rows end.
#[test]
fn a_failing_source_ends_the_rows() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("gone"))
        }
    }
    let mut rows = Rows::new(FileKind::Plan1, Failing);
    assert!(matches!(rows.next(), Some(Err(RowError::Io(_)))));
    assert!(rows.next().is_none());
}

/// Rows as one after the other in a file: each is one of a few, or the one before with some bytes changed.
fn rows() -> impl Strategy<Value = Vec<u8>> {
    let byte = || prop::sample::select(b"a1,\"\r\n\x83\xFF".to_vec());
    let row = prop::collection::vec(byte(), 0..24);
    let change = prop::collection::vec((0..32_usize, byte()), 0..3);
    (prop::collection::vec(row, 1..4), prop::collection::vec((any::<usize>(), change), 0..40)).prop_map(
        |(rows, changes)| {
            let (mut file, mut last) = (Vec::new(), rows[0].clone());
            for (choice, change) in changes {
                if choice % 4 == 0 {
                    last = rows[choice / 4 % rows.len()].clone();
                }
                for (at, byte) in change {
                    let end = last.len();
                    if let Some(place) = last.get_mut(at % end.max(1)) {
                        *place = byte;
                    }
                }
                file.extend_from_slice(&last);
                file.extend_from_slice(if choice % 31 == 0 { b"\n" } else { b"\r\n" });
            }
            file
        },
    )
}

fn in_full(bytes: &[u8], piece: usize) -> Vec<String> {
    let mut reader = Reader::with_limit(Pieces(bytes, piece), 40);
    let mut found = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        let (line, end, columns, long) = (record.line(), record.end(), record.columns(), record.is_too_long());
        let fields: Vec<_> = record.fields().collect();
        found.push(format!("{line} {end:?} {columns} {long} {} {fields:?}", record.is_well_formed()));
    }
    found
}

proptest! {
    /// A record that comes byte by byte is always taken apart; one that is there is compared with the one before.
    #[test]
    fn a_record_like_the_one_before_is_read_as_any_other(bytes in rows()) {
        let slowly = in_full(&bytes, 1);
        prop_assert_eq!(&in_full(&bytes, usize::MAX), &slowly);
        prop_assert_eq!(in_full(&bytes, 29), slowly);
    }

    /// The same, for what the linter makes of it.
    #[test]
    fn what_is_found_does_not_depend_on_how_bytes_come(
        changes in prop::collection::vec((0..40_usize, 0..160_usize, prop::sample::select(b"0129a,\"\r\n\x83 ".to_vec())), 0..40),
    ) {
        let (name, bytes) = slip_plan();
        let row = bytes.split_inclusive(|byte| *byte == b'\n').next().unwrap();
        let mut rows = vec![row.to_vec(); 40];
        for (from, at, byte) in changes {
            // To the end, or in this row only.
            let to = if at % 2 == 0 { 40 } else { from + 1 };
            rows[from..to].iter_mut().for_each(|row| {
                let end = row.len() - 2;
                row[at % end] = byte;
            });
        }
        let file = rows.concat();
        let told = |piece| {
            let findings = lint_file(&name, Pieces(&file, piece), &Settings::default()).unwrap();
            findings.list().iter().map(|found| format!("{} {:?} {:?} {:?}", found.rule, found.line, found.column(), found.shown)).collect::<Vec<_>>()
        };
        prop_assert_eq!(told(usize::MAX), told(1));
    }
}

fn slip_plan() -> (String, Vec<u8>) {
    let all = crate::careplan::fixtures().into_iter();
    all.map(|(_, name, bytes)| (name, bytes)).find(|(name, _)| name.starts_with("UPPLAN")).unwrap()
}
