//! The units themselves, one file each, so that a recipient finds them after a restart. The journal never holds text.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use serde_json::Value;

use crate::cli::Failure;
use crate::digest::canonical;

/// The folder with the units.
pub(crate) struct Units {
    dir: PathBuf,
    fsync: bool,
}

impl Units {
    /// The folder is made, for its owner only, if it is not there.
    pub(crate) fn open(dir: PathBuf, fsync: bool) -> Result<Self, Failure> {
        let failed = |e: std::io::Error| format!("{}: {e}", dir.display());
        DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(failed)?;
        Ok(Self { dir, fsync })
    }

    /// Writes a unit whole or not at all. One that a kill left behind, without an event that names it, is overwritten.
    pub(super) fn put(&self, id: &str, unit: &Value) -> Result<(), Failure> {
        let path = self.path(id);
        let failed = |e: std::io::Error| format!("{}: {e}", path.display());
        let aside = path.with_extension("new");
        let _ = fs::remove_file(&aside);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).map_err(failed)?;
        file.write_all(unit.to_string().as_bytes()).map_err(failed)?;
        if self.fsync {
            file.sync_data().map_err(failed)?;
        }
        fs::rename(&aside, &path).map_err(failed)?;
        if self.fsync {
            File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
        }
        Ok(())
    }

    /// Reads a unit and checks that it is the one that was sent.
    pub(super) fn get(&self, id: &str, sha256: &str) -> Result<Value, Failure> {
        let path = self.path(id);
        let failed = |e: std::io::Error| format!("{}: {e}", path.display());
        let unit: Value = serde_json::from_slice(&fs::read(&path).map_err(failed)?)
            .map_err(|e| format!("{}: {e}", path.display()))?;
        let same = canonical(&unit) == sha256;
        if same { Ok(unit) } else { Err(format!("{}: not the unit that was sent", path.display()).into()) }
    }

    fn path(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}.json"))
    }
}
