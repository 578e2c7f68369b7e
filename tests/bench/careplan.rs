//! The care plan linter on a month's 第6表, beside Python's csv module that only parses the same bytes; and such files to units and back.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use engawa::model::careplan::FileKind;
use engawa::model::careplan::lint::{Settings, lint_file};
use engawa::model::careplan::unit::{File, Reading, Unit, group};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};

use crate::careplan_data::{NAME, table_6};
use crate::report::{Goal, Report, Row, median};

/// Rounds of Python.
const ROUNDS: usize = 9;
const LONG: Duration = Duration::from_millis(500);
const ROWS_OF_A_UNIT: usize = 10_000;
const MIB: f64 = 1024.0 * 1024.0;
/// Decodes and parses every row, and nothing else; prints the seconds of CPU time of each round.
const PYTHON: &str = "
import csv, sys, time
for _ in range(int(sys.argv[2])):
    start = time.process_time()
    with open(sys.argv[1], encoding='cp932', newline='') as file:
        for row in csv.reader(file):
            pass
    print(time.process_time() - start)
";

/// The CPU time of one go, in seconds, over as many as take [`LONG`]: the kernel counts in ticks. Both sides have one thread and a
/// file that is in memory, so that other programs on the machine decide nothing.
fn timed(work: impl Fn()) -> f64 {
    let (start, mut rounds) = (cpu(), 0);
    loop {
        work();
        rounds += 1;
        let took = cpu() - start;
        if took >= LONG {
            return took.as_secs_f64() / f64::from(rounds);
        }
    }
}

/// The CPU time of this thread.
fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    let spent = |time: TimeVal| Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap());
    spent(usage.user_time()) + spent(usage.system_time())
}

pub(crate) fn run(_: &tokio::runtime::Runtime) -> Report {
    let mut report = Report::default();
    report.note(
        "table 6 of a month: full lint of a file, beside python3's csv module parsing the same file (cp932); CPU time.",
    );
    report.note(
        "`same` rows share most values with the row before, as care software writes them; `each` is a user a row.",
    );
    let directory = tempfile::tempdir().unwrap();
    // Memory first: what an earlier round has touched would hide what a later one takes.
    for rows in [1, 1_000, 100_000] {
        let path = write(directory.path(), &table_6(rows, 12));
        let row = Row::new(format!("memory, {rows} rows"), memory(&path), "MiB");
        report.row(if rows == 100_000 { row.goal(Goal::AtMost(32.0)) } else { row });
    }
    for (name, days) in [("same", 12), ("each", 1)] {
        for rows in [1, 1_000, 100_000] {
            let path = write(directory.path(), &table_6(rows, days));
            let size = std::fs::metadata(&path).unwrap().len() as f64;
            let peer = python(&path);
            let settings = Settings::default();
            let ours = timed(|| lint(&path, &settings));
            let peer_after = python(&path);
            let peer = peer.min(peer_after);
            let speed = Row::new(format!("{name}, {rows} rows"), size / ours / MIB, "MiB/s");
            let speed = speed.beside("python csv", size / peer / MIB);
            let goal = rows == 100_000 && name == "same";
            report.row(if goal { speed.goal(Goal::ShareAtLeast(5.0)) } else { speed });
            report.row(Row::new(format!("{name}, {rows} rows"), rows as f64 / ours / 1000.0, "k rows/s"));
        }
    }
    conversion(&mut report);
    report
}

/// Files to units to JSON and back to files. A unit holds 20 MiB of JSON, so many rows are several units.
fn conversion(report: &mut Report) {
    report.note(
        "convert: files of table 6 (with 7 and the supplement) to units, their JSON, units again, and the same files.",
    );
    for rows in [1, 1_000, 10_000, 100_000] {
        let files = slips(rows);
        let size: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(convert(&files) == files, "other files come back");
        let took = timed(|| drop(convert(&files)));
        report.row(Row::new(format!("convert, {rows} rows"), size as f64 / took / MIB, "MiB/s"));
        report.row(Row::new(format!("convert, {rows} rows"), rows as f64 / took / 1000.0, "k rows/s"));
    }
}

/// Whole units of at most [`ROWS_OF_A_UNIT`] rows of table 6.
fn slips(rows: usize) -> Vec<(String, Vec<u8>)> {
    let table = table_6(rows, 12);
    let lines: Vec<&[u8]> = table.split_inclusive(|byte| *byte == b'\n').collect();
    let units = lines.chunks(ROWS_OF_A_UNIT).enumerate().flat_map(|(unit, lines)| {
        let empty = |kind: FileKind| [&vec![b','; kind.items().len() - 1][..], b"\r\n"].concat();
        let files = [
            (FileKind::Slip, lines.concat()),
            (FileKind::SlipAnnex, empty(FileKind::SlipAnnex)),
            (FileKind::Supplement, empty(FileKind::Supplement)),
        ];
        let stamp = 20_260_520_101_010 + unit;
        let name = move |kind| format!("{kind}_202605_9970000015_43_9970000023_11_{stamp}.CSV");
        files.map(|(kind, bytes)| (name(kind), bytes))
    });
    units.collect()
}

/// The files that come back.
fn convert(files: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let given: Vec<File<'_>> = files.iter().map(|(name, bytes)| File { name, bytes }).collect();
    let mut back = Vec::new();
    for submission in group(&given).submissions {
        for unit in submission.units {
            let json = unit.to_json().unwrap();
            drop(unit);
            back.extend(Unit::parse(&json, Reading::Strict).unwrap().files().unwrap());
        }
    }
    back
}

fn write(directory: &Path, bytes: &[u8]) -> std::path::PathBuf {
    let path = directory.join(NAME);
    std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
    path
}

fn lint(path: &Path, settings: &Settings) {
    let findings = lint_file(NAME, std::fs::File::open(path).unwrap(), settings).unwrap();
    assert!(findings.list().is_empty(), "{:?}", findings.list().first().map(|finding| finding.en()));
}

/// The median of Python's rounds, in seconds: the interpreter's start does not count.
fn python(path: &Path) -> f64 {
    let out = Command::new("python3").args(["-c", PYTHON]).arg(path).arg(ROUNDS.to_string()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    median(String::from_utf8(out.stdout).unwrap().lines().map(|line| line.parse().unwrap()).collect())
}

/// The peak memory of the program itself, linting this file, in MiB.
fn memory(path: &Path) -> f64 {
    let script = "import os, resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let engawa = env!("CARGO_BIN_EXE_engawa");
    let out = Command::new("python3").args(["-c", script, engawa, "careplan", "lint"]).arg(path).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let kilobytes: f64 = String::from_utf8(out.stdout).unwrap().trim().parse().unwrap();
    kilobytes / 1024.0
}
