//! One engawa a state directory.

use std::fs::File;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::HostError;

/// Held while a process uses a state directory. The kernel gives it back when the process ends, however it ends.
#[derive(Debug)]
pub struct StateLock {
    _flock: Flock<File>,
}

impl StateLock {
    /// Takes the lock of `directory`, which has to exist, without waiting. The directory itself is locked: there is no lock
    /// file that somebody could remove under a running process, and a read-only disk can be locked too.
    ///
    /// # Errors
    /// [`HostError::Locked`] when another process holds it.
    pub fn take(directory: &Path) -> Result<Self, HostError> {
        let open = File::open(directory).map_err(HostError::system(format!("open {}", directory.display())))?;
        match Flock::lock(open, FlockArg::LockExclusiveNonblock) {
            Ok(flock) => Ok(Self { _flock: flock }),
            Err((_, Errno::EWOULDBLOCK)) => Err(HostError::Locked { path: directory.to_owned() }),
            Err((_, errno)) => Err(HostError::system(format!("lock {}", directory.display()))(errno.into())),
        }
    }
}
