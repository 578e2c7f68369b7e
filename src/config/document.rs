//! One settings file as a list of settings with lines. A line that is not TOML is reported and left out, so that the
//! mistakes after it are found in the same run.

use std::borrow::Cow;

use toml_edit::{Document, Item, TableLike, Value};

use super::problem::Said;

/// Enough for any honest file; a file that is no TOML at all should not produce a thousand lines.
const MAX_SYNTAX_PROBLEMS: usize = 20;

/// One item of a file.
pub(super) struct Entry {
    /// Its section; `None` for an item outside every section.
    pub(super) section: Option<String>,
    /// Its name within the section.
    pub(super) name: String,
    /// Line of the name, from 1.
    pub(super) line: usize,
    /// Its value; `None` when it is a table.
    pub(super) value: Option<Value>,
    /// What stands in it, when it is a table within a section.
    pub(super) table: Option<Vec<Entry>>,
}

/// What a file says.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) entries: Vec<Entry>,
    /// Sections with the line of their header.
    pub(super) sections: Vec<(String, usize)>,
    pub(super) syntax: Vec<(usize, Said)>,
}

pub(super) fn read(text: &str) -> Contents {
    let mut contents = Contents::default();
    let mut text = Cow::Borrowed(text);
    loop {
        let error = match Document::parse(text.as_ref()) {
            Ok(document) => {
                flatten(document.as_table(), &text, &mut contents);
                return contents;
            }
            Err(error) => error,
        };
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let line = line_at(&text, at);
        contents.syntax.push((line, syntax(&error)));
        match without_line(&text, line) {
            Some(rest) if contents.syntax.len() < MAX_SYNTAX_PROBLEMS => text = Cow::Owned(rest),
            _ => return contents,
        }
    }
}

/// Only the parser's description is used: its full message quotes the line, which may hold a secret.
fn syntax(error: &toml_edit::TomlError) -> Said {
    if error.message().starts_with("duplicate key") {
        return Said::new("同じ項目が二度書かれています。一方を消してください。", "Written twice. Remove one.");
    }
    Said::new(
        "TOMLの書き方に誤りがあります（文字列は \"…\" で囲みます）。",
        format!("Not valid TOML ({}). Text is written in \"…\".", error.message()),
    )
}

/// The text with one line blanked and every offset kept. A broken section header takes its section with it, or the
/// section's settings would seem to belong to the section before.
fn without_line(text: &str, line: usize) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let broken = lines.get(line - 1)?;
    if broken.trim().is_empty() {
        return None;
    }
    let header = broken.trim_start().starts_with('[');
    let following = lines[line..].iter().take_while(|next| header && !next.trim_start().starts_with('[')).count();
    let blanked = (line - 1)..(line + following);
    let blank = |(index, text): (usize, &&str)| match blanked.contains(&index) {
        true => text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect(),
        false => (*text).to_owned(),
    };
    Some(lines.iter().enumerate().map(blank).collect())
}

fn flatten(root: &toml_edit::Table, text: &str, contents: &mut Contents) {
    for (name, item) in root {
        let line = line_of(root, name, text);
        match section_of(item) {
            Some(section) => {
                contents.sections.push((name.to_owned(), line));
                for (key, item) in section.iter() {
                    let table = item.as_table_like().map(|table| entries(table, key, text));
                    contents.entries.push(Entry { table, ..entry(section, Some(name), key, item, text) });
                }
            }
            None => contents.entries.push(entry(root, None, name, item, text)),
        }
    }
}

fn section_of(item: &Item) -> Option<&dyn TableLike> {
    item.as_table_like()
}

fn entries(table: &dyn TableLike, name: &str, text: &str) -> Vec<Entry> {
    table.iter().map(|(key, item)| entry(table, Some(name), key, item, text)).collect()
}

fn entry(table: &dyn TableLike, section: Option<&str>, key: &str, item: &Item, text: &str) -> Entry {
    let value = item.as_value().filter(|value| !value.is_inline_table()).cloned();
    Entry {
        section: section.map(str::to_owned),
        name: key.to_owned(),
        line: line_of(table, key, text),
        value,
        table: None,
    }
}

fn line_of(table: &dyn TableLike, key: &str, text: &str) -> usize {
    let span = table.get_key_value(key).and_then(|(key, item)| key.span().or_else(|| item.span()));
    line_at(text, span.map_or(0, |span| span.start))
}

fn line_at(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}
