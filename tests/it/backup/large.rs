//! Memory does not depend on the size, neither where a backup is made nor where it is restored.

use std::fs;
use std::process::Command;

use super::{backup, sheet};
use crate::crash::database::execute;
use crate::support::gateway::Setup;
use crate::support::sandbox::Sandbox;

const MIB: u64 = 1 << 20;
/// Of what nobody can compress.
const SIZE: u64 = 300 * MIB;

#[test]
fn a_box_of_300_mib_passes_through_a_few() {
    let hub = Sandbox::start();
    let mut gateway = Setup::new(&hub).start();
    let sheet = sheet(&gateway);
    gateway.stop();
    let pieces = SIZE / 65_536;
    let fill = format!(
        "WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < {}) \
         INSERT INTO piece SELECT x'00', n, randomblob(65536) FROM n",
        pieces - 1
    );
    execute(gateway.state(), &fill);
    gateway.start();
    let file = backup(&gateway);
    assert!(fs::metadata(&file).unwrap().len() > SIZE);
    let peak = peak(gateway.pid());
    println!(
        "backup of {} MiB: the gateway's peak {:.1} MiB",
        fs::metadata(&file).unwrap().len() / MIB,
        peak as f64 / MIB as f64
    );
    assert!(peak < 64 * MIB, "{peak}");
    // Room for less than the database, addresses included.
    let other = Setup::new(&hub).idle();
    let order = "ulimit -v 250000; exec \"$0\" restore \"$1\" --recovery-key-file \"$2\" --state \"$3\"";
    let restored = Command::new("sh")
        .args(["-c", order, env!("CARGO_BIN_EXE_engawa")])
        .args([file.as_path(), sheet.as_path(), other.state()])
        .output()
        .unwrap();
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    assert!(fs::metadata(other.state().join("engawa.db")).unwrap().len() > SIZE);
}

/// The most memory that a process ever had.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
