//! Where a backup is put: a file that appears whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

/// A file that is being written under another name. Dropped before it is finished, it is removed.
pub struct Target {
    file: File,
    draft: PathBuf,
    path: PathBuf,
    finished: bool,
}

impl Target {
    /// Begins the file `out`, or the file `name` where `out` is a directory. An earlier file is not written over.
    ///
    /// # Errors
    /// When it exists, or cannot be made.
    pub fn begin(out: &Path, name: &str) -> io::Result<Self> {
        let path = if out.is_dir() { out.join(name) } else { out.to_owned() };
        if path.exists() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let draft = {
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(".part");
            path.with_file_name(name)
        };
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // New, so that a link which somebody put there is not followed.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        Ok(Self { file, draft, path, finished: false })
    }

    /// Where the bytes go.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// All of it is there: on stable storage, then under its name.
    ///
    /// # Errors
    /// What the file system refused; then there is no file of that name.
    pub fn finish(mut self) -> io::Result<PathBuf> {
        self.file.sync_all()?;
        into_place(&self.draft, &self.path)?;
        self.finished = true;
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Some file systems of USB sticks know no such order.
        let _ = File::open(parent).and_then(|directory| directory.sync_all());
        Ok(self.path.clone())
    }
}

/// Under its name, and over no file that came to be there meanwhile.
fn into_place(draft: &Path, path: &Path) -> io::Result<()> {
    match renameat2(AT_FDCWD, draft, AT_FDCWD, path, RenameFlags::RENAME_NOREPLACE) {
        // File systems that know no such order: the name was free when the file was begun.
        Err(Errno::EINVAL | Errno::ENOSYS) if !path.exists() => fs::rename(draft, path),
        done => Ok(done?),
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::remove_file(&self.draft);
        }
    }
}
