//! What the hub asks of a care plan's unit: its shape and the names of its tables. What the items say is between the two
//! offices.
//!
//! `{"tables":[{"name":"UP1KYO","rows":[{"保険者番号":"999995", …}, …]}, …]}`; every item is a string, and so is every other
//! member of the unit and of a table.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{MOST, charset, expect, malformed, object, pointer, text, unknown_members};
use crate::digest::canonical;
use crate::hub::HubError;
use crate::hub::plans::Content;

/// The tables of ケアプラン標準仕様, the ones that name a unit before those that go along.
pub(crate) const TABLES: [&str; 18] = [
    "UP1KYO",
    "UPPLAN",
    "UPJSK",
    "UPYOBO",
    "UPKIHON",
    "DLT1KYO",
    "DLTPLAN",
    "DLTJSK",
    "DLTYOBO",
    "DLTKIHON",
    "UP2KYO",
    "UP3KYO",
    "UPSIKYU",
    "UPYOBO_SUB",
    "UPKIHON_SUB1",
    "UPKIHON_SUB2",
    "UPKIHON_IMAGE",
    "UPHOSOKU",
];
/// The item that names the insurer: as the standard calls it, and as those do who call items by English names.
const INSURER: [&str; 2] = ["保険者番号", "insurer_number"];

/// Checks a body, with a recipient or without; empty if there is nothing to say against its shape.
pub(crate) fn check(body: &Value, recipient: bool) -> Vec<HubError> {
    let mut errors = Vec::new();
    let Some(body) = body.as_object() else {
        return vec![HubError::new("E2001", "JSONのオブジェクトではありません")];
    };
    let members: &[&str] = if recipient { &["to_facility", "to_service_kind", "unit"] } else { &["unit"] };
    unknown_members(body, members, "", &mut errors);
    if recipient {
        code(body, "to_facility", 10, &mut errors);
        code(body, "to_service_kind", 2, &mut errors);
    }
    if let Some(unit) = object(body, "unit", &mut errors) {
        tables(unit, &mut errors);
    }
    charset::check(body, &mut errors);
    errors.truncate(MOST);
    errors
}

fn code(body: &Map<String, Value>, name: &str, length: usize, errors: &mut Vec<HubError>) {
    if let Some(code) = text(body, name, "", errors) {
        let good = code.len() == length && code.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        expect(good, &format!("/{name}"), &format!("{length}桁の英数字"), errors);
    }
}

fn tables(unit: &Map<String, Value>, errors: &mut Vec<HubError>) {
    texts(unit, "tables", "/unit", errors);
    let tables = match unit.get("tables") {
        Some(Value::Array(tables)) if !tables.is_empty() => tables,
        Some(_) => return errors.push(malformed("/unit/tables".to_owned(), "空でない配列")),
        None => return errors.push(missing("/unit/tables")),
    };
    let mut names = BTreeSet::new();
    for (at, table) in tables.iter().enumerate() {
        let under = format!("/unit/tables/{at}");
        match table.as_object() {
            Some(table) => one_table(table, &under, &mut names, errors),
            None => errors.push(malformed(under, "オブジェクト")),
        }
    }
}

fn one_table<'a>(
    table: &'a Map<String, Value>,
    under: &str,
    names: &mut BTreeSet<&'a str>,
    errors: &mut Vec<HubError>,
) {
    texts(table, "rows", under, errors);
    if let Some(name) = text(table, "name", under, errors) {
        if !TABLES.contains(&name) {
            errors.push(HubError::new("E2107", "標準仕様にない表です").at(format!("{under}/name")));
        } else if !names.insert(name) {
            errors.push(malformed(format!("{under}/name"), "同じ表は一度だけ"));
        }
    }
    match table.get("rows") {
        Some(Value::Array(rows)) => {
            for (at, row) in rows.iter().enumerate() {
                let under = format!("{under}/rows/{at}");
                match row.as_object() {
                    Some(row) if !row.is_empty() => texts(row, "", &under, errors),
                    _ => errors.push(malformed(under, "空でないオブジェクト")),
                }
            }
        }
        Some(_) => errors.push(malformed(format!("{under}/rows"), "配列")),
        None => errors.push(missing(&format!("{under}/rows"))),
    }
}

/// Every member but one has to be a string.
fn texts(members: &Map<String, Value>, except: &str, under: &str, errors: &mut Vec<HubError>) {
    for (name, _) in members.iter().filter(|(name, value)| name.as_str() != except && !value.is_string()) {
        errors.push(malformed(format!("{under}/{}", pointer(name)), "文字列"));
    }
}

fn missing(field: &str) -> HubError {
    HubError::new("E2101", "必須の項目がありません").at(field)
}

/// Each insurer that a unit names, with the place where it is named first.
pub(crate) fn insurers(body: &Value) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for (table, rows) in rows(body).enumerate() {
        for (row, items) in rows.iter().enumerate() {
            for item in INSURER {
                let Some(number) = items.get(item).and_then(Value::as_str) else { continue };
                if !found.iter().any(|(known, _)| known == number) {
                    found.push((number.to_owned(), format!("/unit/tables/{table}/rows/{row}/{item}")));
                }
            }
        }
    }
    found
}

/// What is kept of a body that passed the check.
pub(crate) fn content(body: &Value) -> Content {
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let names: BTreeSet<&str> = listed(body).filter_map(|table| table.get("name")?.as_str()).collect();
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Content {
        to_facility: text("to_facility"),
        to_service_kind: text("to_service_kind"),
        kind: TABLES.into_iter().find(|name| names.contains(name)).unwrap_or_default().to_owned(),
        unit_sha256: body.get("unit").map(canonical).unwrap_or_default(),
        tables: count(names.len()),
        rows: count(rows(body).map(<[Value]>::len).sum()),
        insurer_numbers: insurers(body).into_iter().map(|(number, _)| number).collect(),
    }
}

fn listed(body: &Value) -> impl Iterator<Item = &Value> {
    body.pointer("/unit/tables").and_then(Value::as_array).into_iter().flatten()
}

fn rows(body: &Value) -> impl Iterator<Item = &[Value]> {
    listed(body).map(|table| table.get("rows").and_then(Value::as_array).map_or(&[][..], Vec::as_slice))
}
