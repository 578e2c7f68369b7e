//! A settings file before it is put in place: tried there, and compared with what the other files say.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Plain;
use toml_edit::Value;

use super::{Config, ConfigProblem, DEFAULTS, Loaded, Place, assemble, document, sources};

/// One line of a file in the names of the settings.
#[derive(Clone, Debug)]
pub struct Line {
    /// `section.name`, or `name` outside every section.
    pub key: String,
    /// From 1.
    pub line: usize,
    /// What is written; `None` where it is a table.
    pub value: Option<Value>,
}

/// Reads a file that is written like the settings, one entry a line. What is no TOML comes out as a problem with its line, and the
/// rest goes on. A section that is empty comes out as a line without a value.
#[must_use]
pub fn lines(file: &Path, text: &str) -> (Vec<Line>, Vec<ConfigProblem>) {
    let contents = document::read(text);
    let place = |line| Place { file: file.to_owned(), line: Some(line) };
    let problems = contents.syntax.into_iter().map(|(line, said)| said.about(place(line), None)).collect();
    let mut lines: Vec<Line> = contents.entries.into_iter().map(line_of).collect();
    for (section, line) in contents.sections {
        let within = format!("{section}.");
        if !lines.iter().any(|other| other.key.starts_with(&within)) {
            lines.push(Line { key: section, line, value: None });
        }
    }
    (lines, problems)
}

fn line_of(entry: document::Entry) -> Line {
    let key = entry.section.map_or_else(|| entry.name.clone(), |section| format!("{section}.{}", entry.name));
    Line { key, line: entry.line, value: entry.value }
}

/// What every setting would be without the file at `path` and those that are read after it.
#[must_use]
pub fn beneath(base: &Path, path: &Path) -> BTreeMap<String, Value> {
    let (files, _) = sources::read(base);
    let earlier = files.into_iter().take_while(|file| file.path == base || file.path.as_path() < path);
    let texts = std::iter::once(DEFAULTS.to_owned()).chain(earlier.map(|file| file.text));
    let mut settings = BTreeMap::new();
    for text in texts {
        let lines = document::read(&text).entries.into_iter().map(line_of);
        settings.extend(lines.filter_map(|line| Some((line.key, line.value?))));
    }
    settings
}

/// Whether both say the same, however they are written.
#[must_use]
pub fn same(one: &Value, other: &Value) -> bool {
    plain(one) == plain(other)
}

fn plain(value: &Value) -> Plain {
    match value {
        Value::String(text) => text.value().as_str().into(),
        Value::Integer(number) => (*number.value()).into(),
        Value::Float(number) => (*number.value()).into(),
        Value::Boolean(flag) => (*flag.value()).into(),
        Value::Datetime(at) => at.value().to_string().into(),
        Value::Array(array) => array.iter().map(plain).collect(),
        Value::InlineTable(table) => table.iter().map(|(key, value)| (key.to_owned(), plain(value))).collect(),
    }
}

impl Config {
    /// As [`Config::load`], as if the file at `path`, of the settings' `conf.d`, held `text`.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with(base: &Path, path: &Path, text: &str) -> Result<Loaded, Vec<ConfigProblem>> {
        let (mut files, mut problems) = sources::read(base);
        files.retain(|file| file.path != path);
        problems.retain(|problem| problem.place.file != path);
        let at = files.iter().position(|file| file.path != base && file.path.as_path() > path);
        let draft = sources::File { path: path.to_owned(), text: text.to_owned() };
        files.insert(at.unwrap_or(files.len()), draft);
        assemble(base, &files, problems)
    }
}
