//! A gateway's folder, as care software that knows only files meets it: `out`, `sent`, `refused`, `in`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::careplans::File;
use crate::cli::Failure;

/// `exchange/<facility>`.
pub(super) struct Exchange {
    root: PathBuf,
}

impl Exchange {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the gateway has made it.
    pub(super) fn is_there(&self) -> bool {
        ["out", "in"].iter().all(|name| self.root.join(name).is_dir())
    }

    /// Puts files into `out`, under their names at once, as most software does.
    pub(super) fn put(&self, files: &[File]) -> Result<(), Failure> {
        for file in files {
            let path = self.root.join("out").join(&file.name);
            fs::write(&path, &file.bytes).map_err(|e| format!("{}: {e}", path.display()))?;
        }
        Ok(())
    }

    /// Every file under `out`, `sent`, `refused` or `in`: its bytes by its path in there. One that is moved away in between is
    /// left out.
    pub(super) fn files(&self, part: &str) -> Result<BTreeMap<PathBuf, Vec<u8>>, Failure> {
        let (top, mut found) = (self.root.join(part), BTreeMap::new());
        let mut folders = vec![top.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(bytes) = fs::read(&path) {
                    found.insert(path.strip_prefix(&top)?.to_owned(), bytes);
                }
            }
        }
        Ok(found)
    }

    /// The bytes of a file in `sent`, whatever the day it was sent on.
    pub(super) fn sent(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let named = |path: &Path| path.file_name().is_some_and(|file| file == name);
        Ok(self.files("sent")?.into_iter().find(|(path, _)| named(path)).map(|(_, bytes)| bytes))
    }

    /// What `NAME.result.json` says beside a file in `sent`.
    pub(super) fn result(&self, name: &str) -> Result<Option<Value>, Failure> {
        let name = format!("{name}.result.json");
        let Some(bytes) = self.sent(&name)? else { return Ok(None) };
        // It is put there whole, so one that cannot be read is a fault.
        serde_json::from_slice(&bytes).map(Some).map_err(|e| format!("{name}: {e}").into())
    }
}

/// Says what differs between the files that were written and those that were found; `None` when they are the same, byte for byte.
pub(super) fn difference(written: &[File], found: &BTreeMap<PathBuf, Vec<u8>>) -> Option<String> {
    for file in written {
        match found.get(Path::new(&file.name)) {
            None => return Some(format!("{} is not there", file.name)),
            Some(bytes) if *bytes != file.bytes => return Some(format!("{} is not what was written", file.name)),
            Some(_) => {}
        }
    }
    let mut others = found.keys().filter(|path| !written.iter().any(|file| Path::new(&file.name) == path.as_path()));
    others.next().map(|path| format!("nobody has written {}", path.display()))
}
