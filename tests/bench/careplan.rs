//! The care plan linter on a month's 第6表, beside Python's csv module that only parses the same bytes.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use engawa::model::careplan::lint::{Settings, lint_file};

use crate::careplan_data::{NAME, table_6};
use crate::report::{Goal, Report, Row, median};

const ROUNDS: usize = 9;
const MIB: f64 = 1024.0 * 1024.0;
/// Decodes and parses every row, and nothing else; prints the seconds of each round.
const PYTHON: &str = "
import csv, sys, time
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    with open(sys.argv[1], encoding='cp932', newline='') as file:
        for row in csv.reader(file):
            pass
    print(time.perf_counter() - start)
";

pub(crate) fn run(_: &tokio::runtime::Runtime) -> Report {
    let mut report = Report::default();
    report.note("table 6 of a month: full lint of a file, beside python3's csv module parsing the same file (cp932).");
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
            let ours = median((0..ROUNDS).map(|_| lint(&path)).collect());
            let peer_after = python(&path);
            let peer = peer.min(peer_after);
            let speed = Row::new(format!("{name}, {rows} rows"), size / ours / MIB, "MiB/s");
            let speed = speed.beside("python csv", size / peer / MIB);
            let goal = rows == 100_000 && name == "same";
            report.row(if goal { speed.goal(Goal::ShareAtLeast(5.0)) } else { speed });
            report.row(Row::new(format!("{name}, {rows} rows"), rows as f64 / ours / 1000.0, "k rows/s"));
        }
    }
    report
}

fn write(directory: &Path, bytes: &[u8]) -> std::path::PathBuf {
    let path = directory.join(NAME);
    std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
    path
}

/// Seconds.
fn lint(path: &Path) -> f64 {
    let settings = Settings::default();
    let start = Instant::now();
    let findings = lint_file(NAME, std::fs::File::open(path).unwrap(), &settings).unwrap();
    let took = start.elapsed().as_secs_f64();
    assert!(findings.list().is_empty(), "{:?}", findings.list().first().map(|finding| finding.en()));
    took
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
