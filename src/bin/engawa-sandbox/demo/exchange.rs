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

    /// What the result in `sent` that names a file says of its delivery to an office.
    pub(super) fn delivery(&self, name: &str, office: &str) -> Result<Option<Value>, Failure> {
        let has = |list: &Value, wanted: &str| list.as_array().is_some_and(|all| all.iter().any(|one| one == wanted));
        for (path, bytes) in self.files("sent")? {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            if file.starts_with('.') || !file.ends_with(".result.json") {
                continue;
            }
            // It is put there whole, so one that cannot be read is a fault.
            let result: Value = serde_json::from_slice(&bytes).map_err(|e| format!("{file}: {e}"))?;
            let mut deliveries = result["deliveries"].as_array().into_iter().flatten();
            let theirs = |one: &&Value| one["to_facility"] == office && has(&one["files"], name);
            if let Some(delivery) = deliveries.find(theirs) {
                return Ok(Some(delivery.clone()));
            }
        }
        Ok(None)
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
