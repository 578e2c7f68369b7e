//! A record with a value too few or too many: which item it is.

use super::file::could_be;
use crate::model::careplan::layout::{FileKind, Item};
use crate::model::careplan::{Field, Record};

/// The most likely item when one value is missing or one is too many, as the first and the last of those that are equally
/// likely (empty neighbours cannot be told apart); `None` when more values are missing or too many.
pub(super) fn likely(kind: FileKind, record: &Record<'_>) -> Option<(&'static Item, &'static Item)> {
    let (items, fields) = (kind.items(), record.fields().collect::<Vec<_>>());
    if record.columns() != fields.len() {
        return None;
    }
    let fits = |item: Option<&Item>, field: Option<&Field<'_>>| match (item, field) {
        (Some(item), Some(field)) => {
            // Quotes are a strong hint: free text has them, nothing else.
            let quotes = field.raw().is_empty() || item.kind.is_quoted() == field.is_quoted();
            could_be(item, field.inner()) && quotes
        }
        _ => true,
    };
    let score = |at: usize, missing: bool| {
        let after = |place: usize| {
            if missing { (items.get(place + 1), fields.get(place)) } else { (items.get(place), fields.get(place + 1)) }
        };
        let before = (0..at).filter(|place| fits(items.get(*place), fields.get(*place)));
        let rest = (at..items.len()).filter(|place| {
            let (item, field) = after(*place);
            fits(item, field)
        });
        before.count() + rest.count()
    };
    let missing = match (fields.len() + 1 == items.len(), fields.len() == items.len() + 1) {
        (true, _) => true,
        (_, true) => false,
        _ => return None,
    };
    let scores: Vec<usize> = (0..items.len()).map(|at| score(at, missing)).collect();
    let best = scores.iter().max()?;
    let first = scores.iter().position(|score| score == best)?;
    let last = scores.iter().rposition(|score| score == best)?;
    Some((items.get(first)?, items.get(last)?))
}
