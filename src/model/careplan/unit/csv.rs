//! What stands in a CSV file in the place of characters that CP932 has not: of a received unit nobody is there who could choose.

use std::collections::HashMap;

use super::characters::{in_csv, is_layout, is_plain};
use super::problem::escaped;
use super::{Unit, item_names, needs_quotes};
use crate::model::careplan::row::{Cell, Form};
use crate::model::characters::{Repertoire, candidates, clusters};
use crate::model::opinion::Substitution;

/// 〓, the printer's mark for a missing letter: where nothing better is known.
const GETA: &str = "〓";

impl Unit {
    /// Puts the first known candidate, or else 〓, in the place of every character that CSV cannot hold, and gives each of them, once
    /// an item: after it [`Unit::files`] names no character. Pointers as of [`Unit::unsupported`]. Takes time in
    /// proportion to the unit, whatever is in it.
    #[must_use]
    pub fn fit_for_csv(&mut self) -> Vec<Substitution> {
        let mut made = Vec::new();
        for (table, rows) in self.tables.iter_mut().enumerate() {
            let names = item_names(rows.kind);
            for (row, cells) in rows.rows.iter_mut().enumerate() {
                for (cell, name) in cells.cells_mut().iter_mut().zip(names) {
                    if is_plain(&cell.text) || in_csv(&cell.text) {
                        continue;
                    }
                    let pointer = || format!("/tables/{table}/rows/{row}/{}", escaped(name));
                    fit(cell, |original, replacement| {
                        let (original, replacement) = (original.to_owned(), replacement.to_owned());
                        made.push(Substitution { pointer: pointer(), original, replacement });
                    });
                }
            }
        }
        made
    }
}

fn fit(cell: &mut Cell, mut tell: impl FnMut(&str, &str)) {
    let mut known: HashMap<&str, String> = HashMap::new();
    let mut text = String::with_capacity(cell.text.len());
    for cluster in clusters(&cell.text).map(|cluster| cluster.text) {
        if is_layout(cluster) || in_csv(cluster) {
            text.push_str(cluster);
            continue;
        }
        let replacement = known.entry(cluster).or_insert_with(|| {
            let replacement = stand_in(cluster);
            tell(cluster, &replacement);
            replacement
        });
        text.push_str(replacement);
    }
    let quoted = matches!(&cell.form, Form::Exact(bytes) if bytes.first() == Some(&b'"')) || cell.form == Form::Quoted;
    cell.form = if quoted || needs_quotes(&text) { Form::Quoted } else { Form::Bare };
    cell.text = text;
}

fn stand_in(cluster: &str) -> String {
    let visible = |text: &String| !text.trim().is_empty() && in_csv(text);
    candidates(cluster, Repertoire::Cp932).into_iter().find(visible).unwrap_or_else(|| GETA.to_owned())
}
