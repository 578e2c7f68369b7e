//! Directories that only engawa enters.

use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use super::HostError;

/// Makes `path` with mode 0700 in one step, so that there is no moment in which others could enter, or checks the one that
/// is there. Missing parents are made with the same mode.
///
/// # Errors
/// When it cannot be made, is no directory, or may be entered by others.
pub fn private_directory(path: &Path) -> Result<(), HostError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(HostError::system(format!("make the directory {}", path.display())))?;
    let looked = std::fs::metadata(path).map_err(HostError::system(format!("look at {}", path.display())))?;
    if !looked.is_dir() {
        let source = std::io::Error::from(ErrorKind::NotADirectory);
        return Err(HostError::System { what: format!("use {}", path.display()), source });
    }
    match looked.mode() & 0o777 {
        mode if mode & 0o077 == 0 => Ok(()),
        mode => Err(HostError::NotPrivate { path: path.to_owned(), mode }),
    }
}
