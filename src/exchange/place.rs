//! The facility's folders: made where they are missing, and looked at before anything is done in them.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::disk;

/// What people and programs see, and what is the box's own.
const FOLDERS: [&str; 6] = ["out", "sent", "refused", "in", ".work", ".arriving"];

/// The folders of a facility.
#[derive(Clone, Debug)]
pub(super) struct Place {
    directory: PathBuf,
    pub(super) base: PathBuf,
}

impl Place {
    pub(super) fn new(directory: &Path, facility: &str) -> Self {
        Self { directory: directory.to_owned(), base: directory.join(facility) }
    }

    pub(super) fn at(&self, folder: &str) -> PathBuf {
        self.base.join(folder)
    }

    /// Makes what is missing and checks the rest. `known` is the file system on which the folder was last time: where a share is
    /// not mounted, nothing is made in its place. Gives the file system on which it is.
    pub(super) fn prepare(&self, known: Option<u64>) -> io::Result<u64> {
        let above = match fs::metadata(&self.directory) {
            Err(error) if error.kind() == ErrorKind::NotFound && known.is_none() => {
                disk::make_folder(&self.directory)?;
                fs::metadata(&self.directory)?
            }
            metadata => metadata?,
        };
        if !disk::exists(&self.base)? && known.is_some_and(|known| known != above.dev()) {
            return Err(io::Error::new(ErrorKind::NotFound, "another file system than before: is the share mounted?"));
        }
        disk::make_folder(&self.base)?;
        let device = fs::symlink_metadata(&self.base)?.dev();
        for name in FOLDERS {
            let folder = self.at(name);
            if name.starts_with('.') {
                disk::make_own_folder(&folder)?;
            } else {
                disk::make_folder(&folder)?;
            }
            if fs::symlink_metadata(&folder)?.dev() != device {
                let why = format!("`{name}` is on another file system than the folders beside it");
                return Err(io::Error::new(ErrorKind::CrossesDevices, why));
            }
            access(&folder, AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK)?;
        }
        Ok(device)
    }
}
