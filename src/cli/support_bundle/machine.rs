//! The machine: versions, disk, memory, clock, network. Read from the system's own files; nothing that names the machine or a neighbour.

use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use serde_json::{Value, json};

use super::programs;
use crate::clock::Clock;
use crate::order;

/// What engawa works with, and what has been in the way of it.
const PACKAGES: [&str; 9] =
    ["engawa", "engawa-sandbox", "pcscd", "libpcsclite1", "libccid", "systemd", "libsystemd0", "libc6", "avahi-daemon"];

pub(super) fn versions(schema: Option<i64>) -> String {
    let first =
        |path: &str| read_to_string(path).map_or_else(|error| format!("({error})"), |text| text.trim().to_owned());
    let release = read_to_string("/etc/os-release").unwrap_or_default();
    let release: Vec<&str> = release
        .lines()
        .filter(|line| ["PRETTY_NAME=", "ID=", "VERSION_ID="].iter().any(|name| line.starts_with(name)))
        .collect();
    let schema = schema.map_or_else(|| "(the database cannot be read)".to_owned(), |schema| schema.to_string());
    let listed = programs::text(
        "dpkg-query",
        &[&["--show", "--showformat=${Package} ${Version} ${db:Status-Abbrev}\n"], &PACKAGES[..]].concat(),
    );
    // It fails as soon as one of them is not known.
    let listed = listed.unwrap_or_else(|_| one_by_one());
    format!(
        "engawa {}\nschema {schema}\nlinux {} {}\n{}\n{listed}",
        env!("CARGO_PKG_VERSION"),
        first("/proc/sys/kernel/osrelease"),
        std::env::consts::ARCH,
        release.join("\n"),
    )
}

fn one_by_one() -> String {
    let one = |package: &&str| {
        programs::text("dpkg-query", &["--show", "--showformat=${Package} ${Version} ${db:Status-Abbrev}\n", package])
    };
    PACKAGES.iter().filter_map(|package| one(package).ok()).collect()
}

pub(super) fn packages() -> Result<String, String> {
    programs::text("apt-cache", &["policy", "engawa", "engawa-sandbox", "pcscd", "libccid"])
}

/// Disk, memory, load, clock.
pub(super) fn machine(state: &Path, clock: &Clock) -> Value {
    let memory = numbers("/proc/meminfo", &["MemTotal", "MemAvailable", "SwapTotal", "SwapFree"]);
    // Without the sums, whose digits would look like a number of a person.
    let without_sum = |line: &str| line.split(" total=").next().unwrap_or_default().to_owned();
    let pressure = |name: &str| {
        let text = read_to_string(format!("/proc/pressure/{name}")).ok();
        text.map(|text| text.lines().map(without_sum).collect::<Vec<_>>())
    };
    let uptime = read_to_string("/proc/uptime").ok();
    let hours = uptime.and_then(|text| text.split('.').next()?.parse::<u64>().ok()).map(|seconds| seconds / 3600);
    json!({
        "disk": disk(state),
        "memory_mib": memory,
        "load": read_to_string("/proc/loadavg").ok().map(|text| text.split(' ').take(3).collect::<Vec<_>>().join(" ")),
        "pressure": { "cpu": pressure("cpu"), "io": pressure("io"), "memory": pressure("memory") },
        "processors": std::thread::available_parallelism().ok().map(std::num::NonZeroUsize::get),
        "up_hours": hours,
        "clock": time(clock),
    })
}

fn time(clock: &Clock) -> Value {
    let properties =
        ["NTP", "NTPSynchronized", "CanNTP", "LocalRTC", "Timezone"].map(|name| format!("--property={name}"));
    let arguments: Vec<&str> = std::iter::once("show").chain(properties.iter().map(String::as_str)).collect();
    json!({ "now": format!("{:.0}", clock.now()), "timedatectl": lines(programs::text("timedatectl", &arguments)) })
}

fn lines(said: Result<String, String>) -> Value {
    match said {
        Ok(text) => json!(text.lines().collect::<Vec<_>>()),
        Err(why) => json!({ "missing": why }),
    }
}

fn disk(state: &Path) -> Value {
    let place = state.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let size = |name: &str| std::fs::metadata(state.join(name)).ok().map(|file| file.len() >> 20);
    let space = nix::sys::statvfs::statvfs(place);
    json!({
        "state_directory_is_there": state.is_dir(),
        "total_mib": space.as_ref().ok().map(|space| (space.blocks() * space.fragment_size()) >> 20),
        "free_mib": space.as_ref().ok().map(|space| (space.blocks_available() * space.fragment_size()) >> 20),
        "files_free": space.as_ref().ok().map(|space| space.files_available() / 1000).map(|thousands| format!("{thousands} thousand")),
        "read_only": space.as_ref().ok().map(|space| space.flags().contains(nix::sys::statvfs::FsFlags::ST_RDONLY)),
        "database_mib": size("engawa.db"),
        "log_of_database_mib": size("engawa.db-wal"),
    })
}

/// `Name: 123 kB` of a file, in MiB.
fn numbers(path: &str, names: &[&str]) -> BTreeMap<String, u64> {
    let text = read_to_string(path).unwrap_or_default();
    let line = |line: &str| {
        let (name, rest) = line.split_once(':')?;
        let kib: u64 = rest.trim().strip_suffix("kB")?.trim().parse().ok()?;
        names.contains(&name).then(|| (name.to_owned(), kib >> 10))
    };
    order::map(text.lines().filter_map(line))
}

/// Interfaces with the box's own addresses, routes, DNS servers.
pub(super) fn network() -> Value {
    let mut interfaces: BTreeMap<String, (bool, Vec<String>)> = BTreeMap::new();
    for found in getifaddrs().into_iter().flatten() {
        let entry = interfaces.entry(found.interface_name).or_default();
        entry.0 = found.flags.contains(InterfaceFlags::IFF_RUNNING);
        let address = found.address.and_then(|address| {
            let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
        });
        entry.1.extend(address.map(|address| address.to_string()));
    }
    let interfaces: Vec<Value> = interfaces
        .into_iter()
        .map(|(name, (up, addresses))| json!({ "name": name, "running": up, "addresses": addresses }))
        .collect();
    let servers = |path: &str| read_to_string(path).ok().map(|text| name_servers(&text));
    json!({
        "interfaces": interfaces,
        "routes": routes4().into_iter().chain(routes6()).collect::<Vec<_>>(),
        "dns": servers("/etc/resolv.conf"),
        "dns_behind_resolved": servers("/run/systemd/resolve/resolv.conf"),
        "hosts_lines": read_to_string("/etc/hosts").ok().map(|text| text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).count()),
    })
}

/// Only the servers: a search domain may be called after the office.
fn name_servers(text: &str) -> Vec<String> {
    let server = |line: &str| {
        let address = line.strip_prefix("nameserver")?.trim();
        address.split('%').next()?.parse::<IpAddr>().ok().map(|address| address.to_string())
    };
    text.lines().filter_map(server).collect()
}

fn routes4() -> Vec<String> {
    let address = |hex: &str| u32::from_str_radix(hex, 16).ok().map(|bits| Ipv4Addr::from(bits.to_le_bytes()));
    let route = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (to, gateway, mask) = (address(fields.get(1)?)?, address(fields.get(2)?)?, address(fields.get(7)?)?);
        Some(format!("{to}/{} via {gateway} on {}", u32::from(mask).leading_ones(), fields.first()?))
    };
    read_to_string("/proc/net/route").unwrap_or_default().lines().skip(1).filter_map(route).collect()
}

fn routes6() -> Vec<String> {
    let address = |hex: &str| u128::from_str_radix(hex, 16).ok().map(Ipv6Addr::from);
    let route = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (to, length, gateway) =
            (address(fields.first()?)?, u8::from_str_radix(fields.get(1)?, 16).ok()?, address(fields.get(4)?)?);
        let interface = fields.get(9)?;
        // Those of the kernel's own, one for each address.
        (length < 128 && *interface != "lo").then(|| format!("{to}/{length} via {gateway} on {interface}"))
    };
    read_to_string("/proc/net/ipv6_route").unwrap_or_default().lines().filter_map(route).collect()
}

/// State, restarts, memory and limits of the units.
pub(super) fn units() -> Result<String, String> {
    const SHOWN: [&str; 22] = [
        "Id",
        "LoadState",
        "UnitFileState",
        "ActiveState",
        "SubState",
        "Result",
        "NRestarts",
        "ExecMainCode",
        "ExecMainStatus",
        "StateChangeTimestamp",
        "ActiveEnterTimestamp",
        "MemoryCurrent",
        "MemoryPeak",
        "MemoryMax",
        "TasksCurrent",
        "TasksMax",
        "LimitNOFILE",
        "WatchdogUSec",
        "StatusText",
        "NextElapseUSecRealtime",
        "LastTriggerUSec",
        "DropInPaths",
    ];
    let properties = format!("--property={}", SHOWN.join(","));
    let units = [
        "engawa.service",
        "engawa.socket",
        "engawa-check.service",
        "engawa-check.timer",
        "pcscd.service",
        "pcscd.socket",
    ];
    let said = programs::text("systemctl", &[&["show", "--no-pager", &properties], &units[..]].concat())?;
    Ok(said.lines().map(unit_line).collect::<Vec<_>>().join("\n") + "\n")
}

fn unit_line(line: &str) -> String {
    match line.split_once('=') {
        Some(("DropInPaths", paths)) => {
            let names: Vec<&str> = paths.split_whitespace().filter_map(|path| path.rsplit('/').next()).collect();
            format!("DropIns={}", names.join(" "))
        }
        // Octets, of which a count of ten digits would look like a number of a person.
        Some((name @ ("MemoryCurrent" | "MemoryPeak" | "MemoryMax"), bytes)) => match bytes.parse::<u64>() {
            Ok(bytes) if bytes < u64::MAX => format!("{name}={} MiB", bytes >> 20),
            _ => format!("{name}=none"),
        },
        _ => line.to_owned(),
    }
}
