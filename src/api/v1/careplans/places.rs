//! Where something is wrong: in a file that was sent, or in a unit that was.
//!
//! Both are always known of an item: a file has its place in a unit, by which a substitution names it, and a unit has its
//! files, which are judged.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::api::problem::{Place, Severity};
use crate::model::careplan::Row;
use crate::model::careplan::layout::FileKind;
use crate::model::careplan::lint::{self, Finding};
use crate::model::careplan::unit::{Problem, Table, Unit, item_names};

/// In what form the units came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Files,
    Units,
}

/// A unit with its number in the request and the names of its files, tables first.
pub(super) struct Numbered {
    pub(super) number: usize,
    pub(super) unit: Unit,
    pub(super) files: Vec<String>,
}

/// Whose each file is.
pub(super) struct Owners<'a>(HashMap<&'a str, Owner<'a>>);

struct Owner<'a> {
    unit: &'a Numbered,
    /// Which of its files.
    file: usize,
    /// The line on which each row ends; counted once, as there may be many findings.
    ends: OnceCell<Vec<u64>>,
}

impl<'a> Owners<'a> {
    pub(super) fn of(units: &'a [Numbered]) -> Self {
        let files = units.iter().flat_map(|unit| {
            let owner = move |file| Owner { unit, file, ends: OnceCell::new() };
            unit.files.iter().enumerate().map(move |(file, name)| (name.as_str(), owner(file)))
        });
        Self(files.collect())
    }

    /// The pointer to the unit of a file.
    pub(super) fn pointer(&self, name: &str) -> String {
        self.0.get(name).map(|owner| format!("/units/{}", owner.unit.number)).unwrap_or_default()
    }

    /// What the linter found in a file of a unit that came as JSON.
    fn in_unit(&self, finding: &Finding) -> Place {
        let rule = finding.rule;
        let pointer = self.field(finding).unwrap_or_else(|| self.pointer(&finding.file));
        Place::at(pointer, rule.name(), &finding.ja(), &finding.en())
    }

    fn field(&self, finding: &Finding) -> Option<String> {
        let Owner { unit, file, ends } = self.0.get(&*finding.file)?;
        let table = unit.unit.tables().get(*file)?;
        let of_table = format!("/units/{}/tables/{file}", unit.number);
        let Some(line) = finding.line else { return Some(of_table) };
        let row = ends.get_or_init(|| ends_of(table)).partition_point(|end| *end < line);
        let name = finding.column().and_then(|column| item_names(table.kind()).get(column - 1));
        let name = name.map(|name| format!("/{}", escaped(name))).unwrap_or_default();
        Some(format!("{of_table}/rows/{row}{name}"))
    }
}

/// What the linter found.
pub(super) fn of_finding(way: Way, owners: &Owners<'_>, finding: &Finding) -> Place {
    let place = match way {
        Way::Units => owners.in_unit(finding),
        Way::Files => Place {
            line: finding.line,
            column: finding.column(),
            ..Place::in_file(&*finding.file, finding.rule.name(), &finding.ja(), &finding.en())
        },
    };
    let severity = match finding.severity() {
        lint::Severity::Refused => Severity::Error,
        lint::Severity::LikelyRefused => Severity::Warning,
        lint::Severity::Advice => Severity::Advice,
    };
    Place { severity, item: finding.item.map(|item| item.name.to_owned()), ..place }
}

/// What is wrong with a unit. `files`: the names of its files, where it came as these.
pub(super) fn of_problem(number: usize, made_of: Option<&Numbered>, problem: &Problem) -> Place {
    let pointer = format!("/units/{number}{}", problem.pointer);
    let mut place = Place::at(pointer, problem.code.name(), &problem.ja(), &problem.en());
    place.character.clone_from(&problem.character);
    place.candidates.clone_from(&problem.candidates);
    if let Some(numbered) = made_of {
        in_file(&mut place, numbered, &problem.pointer);
    }
    place
}

/// Adds the place in the file to one in its unit.
fn in_file(place: &mut Place, numbered: &Numbered, pointer: &str) {
    let mut parts = pointer.split('/').skip(2);
    let Some(at) = parts.next().and_then(|part| part.parse::<usize>().ok()) else { return };
    place.file = numbered.files.get(at).cloned();
    let (Some(table), Some("rows")) = (numbered.unit.tables().get(at), parts.next()) else { return };
    let Some(row) = parts.next().and_then(|part| part.parse().ok()) else { return };
    place.line = Some(line_of(table, row));
    let name = parts.next().unwrap_or_default();
    let Some(item) = item_names(table.kind()).iter().position(|known| escaped(known) == name) else { return };
    place.column = Some(item + 1);
    place.item = english(table.kind(), item);
}

fn english(kind: FileKind, item: usize) -> Option<String> {
    kind.items().get(item).map(|item| item.name.to_owned())
}

/// The line on which a row begins, from 1.
fn line_of(table: &Table, row: usize) -> u64 {
    1 + table.rows().iter().take(row).map(lines).sum::<u64>()
}

fn ends_of(table: &Table) -> Vec<u64> {
    let ends = table.rows().iter().scan(0, |last, row| {
        *last += lines(row);
        Some(*last)
    });
    ends.collect()
}

/// How many lines a row takes.
fn lines(row: &Row) -> u64 {
    1 + row.cells().iter().map(|cell| breaks(&cell.text)).sum::<u64>()
}

fn breaks(text: &str) -> u64 {
    let pairs = text.matches("\r\n").count();
    (text.matches(['\r', '\n']).count() - pairs) as u64
}

/// A name as a part of a pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
