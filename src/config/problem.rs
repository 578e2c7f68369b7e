//! A mistake in the settings, as the operator reads it.

use std::fmt;
use std::path::PathBuf;

/// Where a setting stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; `None` for the whole file or for a setting that stands nowhere.
    pub line: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file.display()),
            None => write!(f, "{}", self.file.display()),
        }
    }
}

/// One mistake or one doubt.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ConfigProblem {
    /// Where it stands.
    #[serde(flatten)]
    pub place: Place,
    /// The setting, for example `hub.url`; `None` when it concerns the file.
    pub key: Option<String>,
    /// What is wrong and what to write instead, in Japanese.
    #[serde(rename = "detail")]
    pub ja: String,
    /// The same in English.
    #[serde(rename = "detail_en")]
    pub en: String,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => writeln!(f, "{}: {key}", self.place)?,
            None => writeln!(f, "{}", self.place)?,
        }
        write!(f, "    {}\n    {}", self.ja, self.en)
    }
}

/// A sentence in both languages, before it is known which setting it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) ja: String,
    pub(super) en: String,
}

impl Said {
    pub(super) fn new(ja: impl Into<String>, en: impl Into<String>) -> Self {
        Self { ja: ja.into(), en: en.into() }
    }

    /// The same about one entry of a list, counted from 1.
    pub(super) fn of_entry(self, number: usize) -> Self {
        Self::new(format!("{number}番目: {}", self.ja), format!("Entry {number}: {}", self.en))
    }

    pub(super) fn about(self, place: Place, key: Option<&str>) -> ConfigProblem {
        ConfigProblem { place, key: key.map(str::to_owned), ja: self.ja, en: self.en }
    }
}
