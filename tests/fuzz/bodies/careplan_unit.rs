//! A send unit, as JSON that somebody sent or as files: whatever is taken comes back the same from both, byte for byte.

use engawa::model::careplan::layout::MonthRule;
use engawa::model::careplan::send_unit::{SendUnit, UnitMonth};
use engawa::model::careplan::unit::{File, Grouping, Problem, Reading, Unit, group};
use engawa::model::careplan::{FileKind, send_units};

/// An even first byte: JSON follows. An odd one chooses the unit, and its files follow, parted by FF, which is no character.
pub fn run(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else { return };
    if choice & 1 == 0 { json(rest) } else { files(usize::from(choice >> 1), rest) }
}

fn json(bytes: &[u8]) {
    let received = match (Unit::parse(bytes, Reading::Strict), Unit::parse(bytes, Reading::Received)) {
        (Ok(strict), Ok(received)) => {
            assert!(strict == received && received.unknown().is_empty(), "two readings of what has nothing unknown");
            received
        }
        (Err(problems), Ok(received)) => {
            told(&problems);
            assert!(!received.unknown().is_empty(), "refused, and nothing of it is unknown");
            received
        }
        (Err(strict), Err(received)) => {
            told(&strict);
            return told(&received);
        }
        (Ok(_), Err(_)) => panic!("what is fit to be sent cannot be received"),
    };
    let Ok(written) = received.to_json() else { return };
    let again = Unit::parse(&written, Reading::Received).unwrap();
    assert!(again == received, "another unit after writing");
    assert_eq!(again.to_json().unwrap(), written);
    let files = match received.files() {
        Ok(files) => files,
        Err(problems) => return told(&problems),
    };
    let unit = only(&files);
    assert!(unit.files().unwrap() == files, "other files of the same unit");
    // A table of images without one is no file, and what CSV cannot carry is not in the files.
    if received.unknown().is_empty() && !lacks_images(&written) {
        assert!(unit == received, "another unit from its files");
    }
}

fn lacks_images(written: &[u8]) -> bool {
    let empty = br#"{"name":"UPKIHON_IMAGE","rows":[]"#;
    written.windows(empty.len()).any(|part| part == empty)
}

fn files(choice: usize, bytes: &[u8]) {
    let units = send_units();
    let unit = &units[choice % units.len()];
    let kinds = unit.required.iter().chain(&unit.optional);
    let files: Vec<(String, Vec<u8>)> = kinds
        .zip(bytes.split(|byte| *byte == 0xFF))
        .map(|(kind, content)| (name(unit, *kind), content.to_vec()))
        .collect();
    let Grouping { submissions, refused } = grouped(&files);
    let placed: usize = refused.iter().map(|refused| refused.files.len()).sum();
    for refused in &refused {
        assert!(refused.why.words().iter().all(|words| !words.is_empty() && !words.contains('{')));
    }
    let mut units = submissions.into_iter().flat_map(|submission| submission.units).peekable();
    assert_eq!(placed, if units.peek().is_some() { 0 } else { files.len() }, "a file without a place");
    for unit in units {
        let mut wanted = files.clone();
        let mut given = unit.files().unwrap();
        wanted.sort();
        given.sort();
        assert!(given == wanted, "they do not come back byte for byte");
        let json = unit.to_json().unwrap();
        let read = Unit::parse(&json, Reading::Strict).unwrap();
        assert!(read == unit && read.to_json().unwrap() == json, "another unit after JSON");
    }
}

fn name(unit: &SendUnit, kind: FileKind) -> String {
    let month = match (kind.layout().month, unit.month) {
        (MonthRule::None, _) => "",
        (_, UnitMonth::Zero) => "_000000",
        _ => "_202605",
    };
    let end = if kind == FileKind::BaseImage { "_0001.jpg" } else { ".CSV" };
    let service = if unit.id.starts_with('P') { "46" } else { "43" };
    format!("{kind}{month}_9970000015_{service}_9970000023_11_20260520101010{end}")
}

fn grouped(files: &[(String, Vec<u8>)]) -> Grouping {
    let files: Vec<File<'_>> = files.iter().map(|(name, bytes)| File { name, bytes }).collect();
    group(&files)
}

fn only(files: &[(String, Vec<u8>)]) -> Unit {
    let Grouping { mut submissions, refused } = grouped(files);
    assert!(refused.is_empty(), "its own files are refused: {refused:?}");
    assert!(submissions.len() == 1 && submissions[0].units.len() == 1, "its own files are several units");
    submissions.remove(0).units.remove(0)
}

fn told(problems: &[Problem]) {
    assert!(!problems.is_empty() && problems.len() <= 100);
    for problem in problems {
        assert!(!problem.ja().is_empty() && !problem.en().is_empty());
        assert!(problem.pointer.is_empty() || problem.pointer.starts_with('/'));
    }
}
