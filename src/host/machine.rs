//! Space, memory, and what a crash may leave behind.

use std::path::Path;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::HostError;

/// Bytes that an unprivileged process can still write to the file system of `path`.
///
/// # Errors
/// When the file system cannot be asked.
pub fn free_space(path: &Path) -> Result<u64, HostError> {
    let failed =
        |errno: nix::Error| HostError::system(format!("ask for the free space of {}", path.display()))(errno.into());
    let space = nix::sys::statvfs::statvfs(path).map_err(failed)?;
    Ok(space.blocks_available().saturating_mul(space.fragment_size()))
}

/// Resident memory of this process in bytes; `None` where `/proc` does not say.
#[must_use]
pub fn rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Sees to it that a crash writes no memory to disk, where documents and keys would be in clear, and that no other process
/// of the same user can read this one's memory.
///
/// # Errors
/// When the kernel refuses.
pub fn core_dumps_off() -> Result<(), HostError> {
    let failed = |errno: nix::Error| HostError::system("switch core dumps off")(errno.into());
    nix::sys::prctl::set_dumpable(false).map_err(failed)?;
    // The service manager has usually set it, and forbids setting limits.
    match getrlimit(Resource::RLIMIT_CORE) {
        Ok((0, 0)) => Ok(()),
        _ => setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(failed),
    }
}
