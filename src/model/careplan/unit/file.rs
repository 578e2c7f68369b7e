//! The CSV files of a unit.

use super::problem::{MAX_PROBLEMS, Problem};
use super::{Table, Unit, characters, standard_form};
use crate::model::careplan::LineEnd;
use crate::model::careplan::layout::FileKind;
use crate::order;

impl Unit {
    /// The unit's files, name and content, in the order of the tables: those it was made of, byte for byte, or, of a unit without
    /// `form`, those that the standard wants.
    ///
    /// # Errors
    /// Every character that CP932 has not, with candidates, up to 100: [`Unit::substitute`] them first. Nothing is ever replaced
    /// here.
    pub fn files(&self) -> Result<Vec<(String, Vec<u8>)>, Vec<Problem>> {
        let problems = self.not_in_csv(MAX_PROBLEMS);
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut files = Vec::new();
        for (at, table) in self.tables.iter().enumerate() {
            let name = table.file.clone().unwrap_or_else(|| self.file_name(table.kind, None).to_string());
            let mut bytes = Vec::new();
            for (row, written) in table.rows.iter().enumerate() {
                if let Err((item, error)) = written.write(&mut bytes) {
                    let place = characters::Place { table: at, row, item: item - 1 };
                    return Err(vec![characters::not_in_csv(self, place, &error.character.to_string())]);
                }
            }
            files.push((name, bytes));
        }
        for image in self.images() {
            let standard = || self.file_name(FileKind::BaseImage, Some(&image.branch)).to_string();
            files.push((image.file.clone().unwrap_or_else(standard), image.bytes.clone()));
        }
        Ok(files)
    }

    /// Tables in the order of `units.tsv`, images in the order of their branches.
    pub(super) fn arrange(&mut self) {
        let kinds: Vec<FileKind> = self.kind.required.iter().chain(&self.kind.optional).copied().collect();
        order::sort_by_key(&mut self.tables, |table| kinds.iter().position(|kind| *kind == table.kind));
        if let Some(images) = &mut self.images {
            order::sort_by(images, |one, other| one.branch.cmp(&other.branch));
        }
    }

    /// Gives every file the form that the standard wants.
    pub(super) fn standardize(&mut self) {
        for image in self.images.iter_mut().flatten() {
            image.file = None;
        }
        self.tables.iter_mut().for_each(Table::standardize);
    }
}

impl Table {
    fn standardize(&mut self) {
        self.file = None;
        for row in &mut self.rows {
            row.set_end(LineEnd::CrLf);
            for (item, cell) in self.kind.items().iter().zip(row.cells_mut()) {
                cell.form = standard_form(item, &cell.text);
            }
        }
    }
}
