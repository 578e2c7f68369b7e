//! The member `form`: how the files stand, as far as it is not how the standard's writer would write them.
//!
//! Software has habits: all values in quotes, empty ones without, LF. So a table has defaults that fit most of its cells, and
//! the rest is listed. Nothing is listed that the defaults give.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{Image, Table, Unit, needs_quotes};
use crate::model::careplan::cp932::{self, Traits};
use crate::model::careplan::layout::{FileKind, Item};
use crate::model::careplan::row::{Cell, Form};
use crate::model::careplan::{FileName, LineEnd, Reader};
use crate::order;

/// Table name → its form.
pub(super) type Forms = BTreeMap<String, TableForm>;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TableForm {
    /// The name of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// The classes of cells that stand in quotes.
    #[serde(skip_serializing_if = "Option::is_none")]
    quoted: Option<Vec<Class>>,
    /// How records end.
    #[serde(skip_serializing_if = "Option::is_none")]
    line_end: Option<End>,
    /// Records (from 0) that end otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ends: Vec<(usize, End)>,
    /// Cells (record from 0, item from 1) that are quoted where their class is not, and the other way round.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    toggled: Vec<(usize, usize)>,
    /// Cells whose text alone would give other bytes; base64.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bytes: Vec<(usize, usize, String)>,
    /// Names of image files, by branch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Class {
    Text,
    EmptyText,
    Value,
    EmptyValue,
}

impl Class {
    const ALL: [Self; 4] = [Self::Text, Self::EmptyText, Self::Value, Self::EmptyValue];
    const STANDARD: [Self; 2] = [Self::Text, Self::EmptyText];

    const fn of(item: &Item, text: &str) -> Self {
        match (item.kind.is_quoted(), text.is_empty()) {
            (true, false) => Self::Text,
            (true, true) => Self::EmptyText,
            (false, false) => Self::Value,
            (false, true) => Self::EmptyValue,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum End {
    Crlf,
    Lf,
    Cr,
    None,
}

impl End {
    const fn of(end: LineEnd) -> Self {
        match end {
            LineEnd::CrLf => Self::Crlf,
            LineEnd::Lf => Self::Lf,
            LineEnd::Cr => Self::Cr,
            LineEnd::None => Self::None,
        }
    }

    const fn line_end(self) -> LineEnd {
        match self {
            Self::Crlf => LineEnd::CrLf,
            Self::Lf => LineEnd::Lf,
            Self::Cr => LineEnd::Cr,
            Self::None => LineEnd::None,
        }
    }
}

/// The form of a unit's files; empty when they stand as the standard wants.
pub(super) fn of(unit: &Unit) -> Forms {
    let tables = unit.tables.iter().map(|table| (table.kind, table_form(table)));
    let files: Vec<(String, String)> =
        unit.images().iter().filter_map(|image| Some((image.branch.clone(), image.file.clone()?))).collect();
    let images = (FileKind::BaseImage, TableForm { files, ..TableForm::default() });
    let forms = tables.chain([images]).filter(|(_, form)| *form != TableForm::default());
    order::map(forms.map(|(kind, form)| (kind.prefix().to_owned(), form)))
}

fn table_form(table: &Table) -> TableForm {
    let (quoted, line_end) = (habit(table), line_end(table));
    let mut form = TableForm { file: table.file.clone(), ..TableForm::default() };
    for (at, row) in table.rows.iter().enumerate() {
        let end = End::of(row.end());
        if end != line_end {
            form.ends.push((at, end));
        }
        for (item, cell) in table.kind.items().iter().zip(row.cells()) {
            match &cell.form {
                Form::Exact(bytes) => form.bytes.push((at, item.number, STANDARD.encode(bytes))),
                written
                    if needs_quotes(&cell.text)
                        || is_quoted(written) == quoted.contains(&Class::of(item, &cell.text)) => {}
                _ => form.toggled.push((at, item.number)),
            }
        }
    }
    form.quoted = (quoted != Class::STANDARD).then_some(quoted);
    form.line_end = (line_end != End::Crlf).then_some(line_end);
    form
}

fn is_quoted(form: &Form) -> bool {
    *form == Form::Quoted
}

/// The classes of which more cells than not stand in quotes; where there are as many, the standard decides.
fn habit(table: &Table) -> Vec<Class> {
    let mut balance = Class::ALL.map(|class| (class, 0_i64));
    for row in &table.rows {
        let cells = table.kind.items().iter().zip(row.cells());
        for (item, cell) in cells.filter(|(_, cell)| !matches!(cell.form, Form::Exact(_)) && !needs_quotes(&cell.text))
        {
            let class = Class::of(item, &cell.text);
            for (_, count) in balance.iter_mut().filter(|(known, _)| *known == class) {
                *count += if is_quoted(&cell.form) { 1 } else { -1 };
            }
        }
    }
    let quoted = |&(class, count): &(Class, i64)| count > 0 || count == 0 && Class::STANDARD.contains(&class);
    balance.iter().filter(|entry| quoted(entry)).map(|(class, _)| *class).collect()
}

/// How most records end; where there are as many, CRLF before LF before CR.
fn line_end(table: &Table) -> End {
    let count = |end: End| table.rows.iter().filter(|row| End::of(row.end()) == end).count();
    let mut most = (End::Crlf, count(End::Crlf));
    for end in [End::Lf, End::Cr] {
        if count(end) > most.1 {
            most = (end, count(end));
        }
    }
    most.0
}

/// Gives a unit's tables, as the standard's writer would write them, their form. `None` when it does not fit: the tables may
/// then be half changed.
pub(super) fn apply(forms: &Forms, unit: &mut Unit) -> Option<()> {
    for (name, form) in forms {
        let kind = FileKind::ALL.iter().copied().find(|kind| kind.prefix() == name)?;
        if kind == FileKind::BaseImage {
            apply_to_images(form, unit)?;
            continue;
        }
        let fitting = match &form.file {
            Some(file) => Some(fitting(file, &unit.file_name(kind, None))?),
            None => None,
        };
        if !form.files.is_empty() {
            return None;
        }
        let table = unit.tables.iter_mut().find(|table| table.kind == kind)?;
        table.file = fitting.flatten();
        apply_to_table(form, table)?;
    }
    Some(())
}

/// The name of a file, where it is another way to write that name; `None` when it is another name.
fn fitting(file: &str, standard: &FileName) -> Option<Option<String>> {
    let mut read = FileName::parse(file).ok()?;
    read.stray_month = false;
    (read == *standard).then(|| (file != standard.to_string()).then(|| file.to_owned()))
}

/// Sets the name under which a file came; `None` when it is not one of the unit.
pub(super) fn exact_name(file: &str, standard: &FileName) -> Option<String> {
    fitting(file, standard).flatten()
}

fn apply_to_images(form: &TableForm, unit: &mut Unit) -> Option<()> {
    let rest = TableForm { files: Vec::new(), ..form.clone() };
    if rest != TableForm::default() {
        return None;
    }
    for (branch, file) in &form.files {
        let name = fitting(file, &unit.file_name(FileKind::BaseImage, Some(branch)))?;
        let images: &mut Vec<Image> = unit.images.as_mut()?;
        images.iter_mut().find(|image| image.branch == *branch)?.file = name;
    }
    Some(())
}

fn apply_to_table(form: &TableForm, table: &mut Table) -> Option<()> {
    let items = table.kind.items();
    let quoted = form.quoted.as_deref().unwrap_or(&Class::STANDARD);
    let line_end = form.line_end.unwrap_or(End::Crlf);
    if line_end == End::None {
        return None;
    }
    for row in &mut table.rows {
        row.set_end(line_end.line_end());
        for (item, cell) in items.iter().zip(row.cells_mut()) {
            let quotes = needs_quotes(&cell.text) || quoted.contains(&Class::of(item, &cell.text));
            cell.form = if quotes { Form::Quoted } else { Form::Bare };
        }
    }
    let last = table.rows.len().checked_sub(1);
    for (at, end) in &form.ends {
        if *end == End::None && Some(*at) != last {
            return None;
        }
        table.rows.get_mut(*at)?.set_end(end.line_end());
    }
    for (row, item) in &form.toggled {
        let cell = cell(table, *row, *item).filter(|cell| !needs_quotes(&cell.text))?;
        cell.form = if is_quoted(&cell.form) { Form::Bare } else { Form::Quoted };
    }
    for (row, item, bytes) in &form.bytes {
        let (cell, bytes) = (cell(table, *row, *item)?, STANDARD.decode(bytes).ok()?);
        if !says(&bytes, &cell.text) {
            return None;
        }
        cell.form = Form::Exact(bytes.into());
    }
    Some(())
}

fn cell(table: &mut Table, row: usize, item: usize) -> Option<&mut Cell> {
    table.rows.get_mut(row)?.cells_mut().get_mut(item.checked_sub(1)?)
}

/// True when bytes are one field with that text, written in a way that the text alone would not give.
fn says(bytes: &[u8], text: &str) -> bool {
    let mut reader = Reader::with_limit(bytes, bytes.len() + 1);
    let Ok(Some(record)) = reader.next_record() else { return false };
    let (true, LineEnd::None, true) = (record.columns() == 1, record.end(), record.raw().len() == bytes.len()) else {
        return false;
    };
    let foreign = Traits::INVALID.with(Traits::GAIJI);
    record.field(1).is_some_and(|field| {
        let content = field.content();
        field.is_well_formed()
            && !cp932::traits(field.raw()).has(foreign)
            && !cp932::is_canonical(&content)
            && cp932::decode(&content) == text
    })
}
