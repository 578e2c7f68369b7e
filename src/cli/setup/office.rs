//! The text of `conf.d/10-office.toml`: what is there, with what was answered, and nothing that the other files say already.

use std::collections::BTreeMap;

use toml_edit::{DocumentMut, Item, Table, Value};

use crate::config::draft;

const HEAD: &str = "# この機器の設定のうち、ほかのファイルと違うもの。engawa setup が書き、次の setup は答えの変わった行だけを変えます。\n\
                    # What of this box's settings differs from the other files. Written by engawa setup; another setup changes only\n\
                    # the lines that are answered otherwise.\n\n";

/// The file with `answers` in it; `None` when `present` is no TOML. `beneath`: every setting as the files before this one have it.
pub(super) fn text(
    present: Option<&str>,
    answers: &[(String, Value)],
    beneath: &BTreeMap<String, Value>,
) -> Option<String> {
    let mut document: DocumentMut = present.unwrap_or_default().parse().ok()?;
    let mut changed = false;
    for (key, value) in answers {
        let Some((section, name)) = key.split_once('.') else { continue };
        let here = document.get(section).and_then(|section| section.get(name)).and_then(Item::as_value);
        if here.is_some_and(|here| draft::same(here, value)) {
            continue;
        }
        let needed = !beneath.get(key).is_some_and(|beneath| draft::same(beneath, value));
        match (needed, here.is_some()) {
            (true, _) => insert(&mut document, section, name, value)?,
            (false, true) => remove(&mut document, section, name),
            (false, false) => continue,
        }
        changed = true;
    }
    match present {
        None => Some(format!("{HEAD}{document}")),
        Some(_) if changed => Some(document.to_string()),
        // Not a byte is another where nothing is.
        Some(present) => Some(present.to_owned()),
    }
}

fn insert(document: &mut DocumentMut, section: &str, name: &str, value: &Value) -> Option<()> {
    let mut value = value.clone();
    value.decor_mut().clear();
    let item = document.entry(section).or_insert_with(|| Item::Table(Table::new()));
    let table = item.as_table_like_mut()?;
    match table.get_mut(name).and_then(Item::as_value_mut) {
        Some(present) => {
            // A comment behind the old value stays.
            let decor = present.decor().clone();
            *present = value;
            *present.decor_mut() = decor;
        }
        None => drop(table.insert(name, Item::Value(value))),
    }
    Some(())
}

fn remove(document: &mut DocumentMut, section: &str, name: &str) {
    let Some(table) = document.get_mut(section).and_then(Item::as_table_like_mut) else { return };
    table.remove(name);
    let bare = table.is_empty();
    let table = document.get(section).and_then(Item::as_table);
    // What is written above a section may be about the whole file.
    let noted = table.and_then(|table| table.decor().prefix()?.as_str()).is_some_and(|above| above.contains('#'));
    if bare && !noted {
        document.remove(section);
    }
}
