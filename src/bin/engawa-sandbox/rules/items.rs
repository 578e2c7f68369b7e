//! The form's items: names, shapes and codes, from `items.txt`. Absent means not stated, so nothing is demanded.

use std::collections::HashMap;
use std::sync::OnceLock;

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::malformed;
use crate::hub::HubError;

static TABLE: &str = include_str!("../items.txt");

struct Item {
    shape: &'static str,
    codes: Vec<&'static str>,
}

fn items() -> &'static HashMap<&'static str, Item> {
    static ITEMS: OnceLock<HashMap<&'static str, Item>> = OnceLock::new();
    ITEMS.get_or_init(|| TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(item).collect())
}

fn item(line: &'static str) -> Option<(&'static str, Item)> {
    let mut words = line.split(' ');
    Some((words.next()?, Item { shape: words.next()?, codes: words.collect() }))
}

/// Form versions the hub takes.
pub(super) fn versions() -> impl Iterator<Item = &'static str> {
    items().get("form_version").into_iter().flat_map(|item| item.codes.iter().copied())
}

/// Checks names, shapes and codes.
pub(super) fn check(opinion: &Map<String, Value>, errors: &mut Vec<HubError>) {
    for (name, value) in opinion {
        let field = format!("/opinion/{name}");
        match items().get(name.as_str()) {
            None => errors.push(HubError::new("E2105", "様式にない項目です").at(field)),
            Some(item) if fits(item, value) => {}
            Some(item) => errors.push(malformed(field, item.shape)),
        }
    }
}

fn fits(item: &Item, value: &Value) -> bool {
    match item.shape {
        "text" => value.is_string(),
        "date" => value.as_str().is_some_and(|text| text.len() == 10 && text.parse::<Date>().is_ok()),
        "partial_date" => value.as_object().is_some_and(rough_date),
        "number" => value.is_number(),
        "bool" => value.is_boolean(),
        "choice" => code(item, value),
        "multi" => value.as_array().is_some_and(|all| all.iter().all(|one| code(item, one)) && distinct(all)),
        _ => false,
    }
}

fn code(item: &Item, value: &Value) -> bool {
    value.as_str().is_some_and(|text| item.codes.contains(&text))
}

fn distinct(all: &[Value]) -> bool {
    all.iter().enumerate().all(|(at, one)| !all[..at].contains(one))
}

fn rough_date(date: &Map<String, Value>) -> bool {
    let has = |name: &str| date.get(name).is_some_and(Value::is_u64);
    match date.get("precision").and_then(Value::as_str) {
        Some("year") => has("year"),
        Some("month") => has("year") && has("month"),
        Some("day") => has("year") && has("month") && has("day"),
        Some("unknown") => true,
        _ => false,
    }
}
