//! A million records verified, beside `sha256sum` of the same octets, and what the verifier needs of memory.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use engawa::audit::{Act, Draft, Hash, Result as Ended, Trail, check_database};
use engawa::clock::Clock;
use engawa::store::Store;
use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::footprint::MIB;
use crate::report::{Goal, Report, Row};

const RECORDS: u64 = 1_000_000;

fn act(seq: u64) -> Act {
    let draft = Draft {
        facility: "9970000015".to_owned(),
        by: "terminal:5b1f00c2d3e4f506".to_owned(),
        person: Some("sato".to_owned()),
        role: Some("clerk".to_owned()),
        from: Some(std::net::IpAddr::from([192, 168, 10, 21])),
        act: "opinion.submit",
    };
    let at = jiff::Timestamp::from_millisecond(1_795_000_000_000 + i64::try_from(seq).unwrap() * 1_237).unwrap();
    draft.ended(at, Some(format!("submission:00000000-0000-7000-8000-{seq:012}")), Ended::Done, None)
}

fn written(path: &Path, records: u64) -> u64 {
    let mut file = BufWriter::new(std::fs::File::create(path).unwrap());
    let mut previous = Hash::NOTHING;
    for seq in 1..=records {
        let line = act(seq).record(seq, &previous.to_string()).line();
        previous = Hash::of(line.as_bytes());
        writeln!(file, "{line}").unwrap();
    }
    file.flush().unwrap();
    std::fs::metadata(path).unwrap().len()
}

/// How long a command takes, in seconds, and the most memory it had, in MiB.
fn taken(command: &mut Command) -> (f64, f64) {
    let begin = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let mut peak = 0.0_f64;
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        if let Some(line) = status.lines().find(|line| line.starts_with("VmHWM:")) {
            let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
            peak = peak.max(kib / 1024.0);
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return (begin.elapsed().as_secs_f64(), peak);
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

fn verify(path: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engawa"));
    command.args(["audit", "verify"]).arg(path);
    command
}

pub(crate) fn run(runtime: &Runtime) -> Report {
    let directory = tempfile::Builder::new().prefix("audit").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (path, tenth) = (directory.path().join("trail.jsonl"), directory.path().join("tenth.jsonl"));
    let octets = written(&path, RECORDS);
    written(&tenth, RECORDS / 10);
    let mut report = Report::default();
    report.note(format!("{RECORDS} records, {:.0} MiB. Peer: sha256sum of the same file.", octets as f64 / MIB));
    let (_, small) = taken(&mut verify(&tenth));
    let (ours, peak) = taken(&mut verify(&path));
    let (sum, _) = taken(Command::new("sha256sum").arg(&path));
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/verify-audit.py");
    let (python, python_peak) = taken(Command::new("python3").arg(script).arg(&path));
    let database = runtime.block_on(stored(directory.path()));
    report.row(Row::new("engawa audit verify FILE", ours, "s").beside("sha256sum", sum).goal(Goal::AtMost(30.0)));
    report.row(Row::new("the same of the database", database, "s").beside("sha256sum", sum).goal(Goal::AtMost(30.0)));
    report.row(Row::new("verify-audit.py", python, "s").beside("sha256sum", sum).goal(Goal::AtMost(30.0)));
    report.row(Row::new("memory", peak, "MiB").beside("of a tenth", small).goal(Goal::TimesAtMost(1.1)));
    report.row(Row::new("memory of the script", python_peak, "MiB"));
    report
}

/// The records in a database, and how long it takes to verify them there.
async fn stored(directory: &Path) -> f64 {
    let (store, task) = Store::open(directory, Clock::system(), Arc::new(|_, _| {})).await.unwrap();
    let trail = Trail::new(store.clone());
    for first in (1..=RECORDS).step_by(10_000) {
        trail.record((first..first + 10_000).map(act).collect()).await.unwrap();
    }
    drop((trail, store));
    task.finished().await;
    let begin = Instant::now();
    let sound = check_database(directory, &[]).await.unwrap().unwrap();
    assert_eq!(sound.last.seq, RECORDS);
    begin.elapsed().as_secs_f64()
}
