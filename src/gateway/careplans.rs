//! How care plan files are judged: from the settings, and the file of code tables that they may name.

use std::path::{Path, PathBuf};

use crate::config::Careplans;
use crate::model::careplan::lint::Settings;
use crate::model::careplan::{CodeTables, TableError};

/// Why code tables cannot be used. The text begins with the file, and with the line where there is one.
#[derive(Debug, thiserror::Error)]
pub enum CodeTablesUnusable {
    /// The file cannot be read.
    #[error("{}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not UTF-8.
    #[error("{}:{line}: not UTF-8", path.display())]
    Encoding {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The file is no set of code tables.
    #[error("{}{}", path.display(), line_of(source))]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: TableError,
    },
}

fn line_of(error: &TableError) -> String {
    error.line().map(|line| format!(":{line}")).unwrap_or_default()
}

/// What the linter goes by.
///
/// # Errors
/// When the code tables that the settings name cannot be used.
pub fn lint_settings(settings: &Careplans) -> Result<Settings, CodeTablesUnusable> {
    let tables = settings.code_tables.as_deref().map_or_else(|| Ok(CodeTables::built_in().clone()), read)?;
    Ok(Settings {
        codes: tables.with_versions(&settings.csv_versions),
        lengths: settings.lengths,
        half_kana: settings.half_kana,
        ..Settings::default()
    })
}

fn read(path: &Path) -> Result<CodeTables, CodeTablesUnusable> {
    let path = path.to_owned();
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(source) => return Err(CodeTablesUnusable::Unreadable { path, source }),
    };
    match str::from_utf8(&bytes) {
        Ok(text) => CodeTables::parse(text).map_err(|source| CodeTablesUnusable::Content { path, source }),
        Err(error) => {
            let before = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count();
            Err(CodeTablesUnusable::Encoding { path, line: before + 1 })
        }
    }
}
