//! A machine's programs as the test wants them, and a bundle taken apart.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

/// Programs that stand before those of the machine.
pub(super) struct Programs(tempfile::TempDir);

impl Programs {
    /// None that answers, so that the machine of the test shows nothing of itself.
    pub(super) fn new() -> Self {
        let programs = Self(tempfile::tempdir().unwrap());
        for name in ["journalctl", "systemctl", "timedatectl", "apt-cache", "dpkg-query", "pcscd"] {
            programs.says(name, "echo nothing of the kind >&2; exit 1");
        }
        programs
    }

    /// One program, as a shell script.
    pub(super) fn says(&self, name: &str, script: &str) {
        let path = self.0.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// One that prints a file.
    pub(super) fn prints(&self, name: &str, text: &str) {
        let file = self.0.path().join(format!("{name}.txt"));
        std::fs::write(&file, text).unwrap();
        self.says(name, &format!("exec cat '{}'", file.display()));
    }

    /// For the environment.
    pub(super) fn path(&self) -> String {
        format!("{}:{}", self.0.path().display(), std::env::var("PATH").unwrap())
    }
}

/// A bundle that was written.
pub(super) struct Bundle {
    pub(super) file: PathBuf,
    pub(super) texts: BTreeMap<String, String>,
}

impl Bundle {
    /// The one in `folder`.
    pub(super) fn in_folder(folder: &Path) -> Self {
        let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        let file = files.remove(0);
        let mut archive = zip::ZipArchive::new(std::fs::File::open(&file).unwrap()).unwrap();
        let mut texts = BTreeMap::new();
        for n in 0..archive.len() {
            let mut entry = archive.by_index(n).unwrap();
            let name = entry.name().unwrap().rsplit_once('/').unwrap().1.to_owned();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            texts.insert(name, text);
        }
        Self { file, texts }
    }

    pub(super) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.texts[name]).unwrap_or_else(|error| panic!("{name}: {error}\n{}", self.texts[name]))
    }

    /// Why a part is missing; `None` if it is there.
    pub(super) fn missing(&self, name: &str) -> Option<String> {
        let contents = self.json("contents.json");
        let part = contents["parts"].as_array().unwrap().iter().find(|part| part["file"] == name).unwrap().clone();
        assert_eq!(part["missing"].is_string(), !self.texts.contains_key(name), "{part}");
        part["missing"].as_str().map(str::to_owned)
    }
}

pub(super) fn text(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
