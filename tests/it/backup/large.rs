//! Memory does not depend on the size, neither where a backup is made nor where it is restored.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{backup, sheet};
use crate::crash::database::execute;
use crate::support::gateway::Setup;
use crate::support::sandbox::Sandbox;
use crate::support::until;

const MIB: u64 = 1 << 20;
/// Of what nobody can compress.
const SIZE: u64 = 96 * MIB;

#[test]
fn a_box_of_96_mib_passes_through_a_few() {
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
    let highest = peak(gateway.pid());
    println!(
        "backup of {} MiB: the gateway's peak {:.1} MiB",
        fs::metadata(&file).unwrap().len() / MIB,
        highest as f64 / MIB as f64
    );
    assert!(highest < 64 * MIB, "{highest}");
    let other = Setup::new(&hub).idle();
    let mut restoring = Command::new(env!("CARGO_BIN_EXE_engawa"))
        .args(["restore", file.to_str().unwrap(), "--recovery-key-file", sheet.to_str().unwrap(), "--state"])
        .arg(other.state())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut most = 0;
    let status = until("the end of the restoring", Duration::from_secs(120), || {
        most = most.max(peak(restoring.id()));
        restoring.try_wait().unwrap()
    });
    assert!(status.success());
    println!("restoring: peak {:.1} MiB", most as f64 / MIB as f64);
    assert!(most > 0 && most < 48 * MIB, "{most}");
    assert!(fs::metadata(other.state().join("engawa.db")).unwrap().len() > SIZE);
}

/// The most memory that a process ever had; nothing of one that has ended.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let Some(line) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) else { return 0 };
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
