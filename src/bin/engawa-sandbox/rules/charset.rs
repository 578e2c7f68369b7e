//! JIS X 0213: every text of a body has to stay inside it.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::hub::HubError;

static TABLE: &str = include_str!("../jisx0213.txt");

/// Rows of 256 characters, a bit each.
type Rows = HashMap<u32, [u8; 32]>;

fn rows() -> &'static Rows {
    static ROWS: OnceLock<Rows> = OnceLock::new();
    ROWS.get_or_init(|| TABLE.lines().filter_map(row).collect())
}

fn row(line: &str) -> Option<(u32, [u8; 32])> {
    let (number, bits) = line.split_once(' ')?;
    let mut row = [0; 32];
    for (at, byte) in row.iter_mut().enumerate() {
        *byte = u8::from_str_radix(bits.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some((u32::from_str_radix(number, 16).ok()?, row))
}

/// Whether the hub can hold a character.
fn holds(c: char) -> bool {
    if matches!(c, '\n' | '\r' | '\t') {
        return true;
    }
    let (row, low) = (u32::from(c) >> 8, u32::from(c) & 0xFF);
    let byte = usize::try_from(low >> 3).unwrap_or(0);
    rows().get(&row).is_some_and(|bits| bits[byte] & (0x80 >> (low & 7)) != 0)
}

/// The kana to which the set gives one code together with the semi-voiced mark, and Unicode two.
const WITH_MARK: &str = "かきくけこカキクケコセツトㇷ";

/// The first character the hub cannot hold.
fn outside(text: &str) -> Option<char> {
    let mut before = None;
    text.chars().find(|&c| {
        let marked = c == '\u{309A}' && before.is_some_and(|base| WITH_MARK.contains(base));
        before = Some(c);
        !marked && !holds(c)
    })
}

/// Reports every text of the body with a character that the hub cannot hold.
pub(super) fn check(body: &Map<String, Value>, errors: &mut Vec<HubError>) {
    for (name, value) in body {
        walk(value, &format!("/{name}"), errors);
    }
}

fn walk(value: &Value, field: &str, errors: &mut Vec<HubError>) {
    match value {
        // ASCII alone, so that the long base64 of an attachment costs little.
        Value::String(text) if text.is_ascii() && !text.bytes().any(|b| b.is_ascii_control()) => {}
        Value::String(text) => {
            if let Some(c) = outside(text) {
                let message = format!("JIS X 0213にない文字です（U+{:04X}）", u32::from(c));
                errors.push(HubError::new("E2120", message).at(field));
            }
        }
        Value::Array(all) => all.iter().enumerate().for_each(|(at, one)| walk(one, &format!("{field}/{at}"), errors)),
        Value::Object(all) => {
            all.iter().for_each(|(name, one)| walk(one, &format!("{field}/{}", super::pointer(name)), errors));
        }
        _ => {}
    }
}
