//! The trail of a real gateway, and the verifiers side by side.

mod acts;
#[path = "../../sim/audit_chain.rs"]
mod chain;
mod pack;
mod packs;
mod verifiers;

use std::path::{Path, PathBuf};
use std::process::Output;

use engawa::audit::Record;
use serde_json::Value;

use crate::support::gateway::Gateway;

/// docs/verify-audit.py.
fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verify-audit.py")
}

/// Runs the script.
fn python(path: &Path, anchors: &[String]) -> Output {
    let mut command = std::process::Command::new("python3");
    command.arg(script()).arg(path).arg("--json");
    anchors.iter().for_each(|anchor| {
        command.args(["--anchor", anchor]);
    });
    command.output().unwrap()
}

fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Every record, by the database; the chain fits by `engawa audit verify`.
fn trail(gateway: &Gateway) -> Vec<Record> {
    let output = gateway.run(&["audit", "verify", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let last = json(&output)["last"].as_u64().unwrap();
    let output = gateway.run(&["audit", "list", "--last", "10000", "--json"]);
    let records: Vec<Record> =
        output.stdout.split(|octet| *octet == b'\n').filter_map(|line| Some(Record::parse(line)?.0)).collect();
    assert!(records.len() as u64 >= last, "{} of {last} records", records.len());
    records
}

/// Those of one act.
fn of<'a>(records: &'a [Record], act: &str) -> Vec<&'a Record> {
    records.iter().filter(|record| record.act == act).collect()
}
