//! The newest lines of the journal, by fields that are known: whatever else a line carries stays where it is.

use serde_json::Value;

use super::programs;

/// How many lines.
const LINES: &str = "2000";
/// Stands around a line's message until it is known whether that goes in. The last look removes it, like every sign of control.
const MESSAGE: char = '\u{1}';
/// A line is cut there.
const LONGEST: usize = 2000;
/// No more octets in all; the newest lines stay.
const MOST: usize = 1536 * 1024;
/// What a line of engawa may carry into a bundle. `user` is not among it.
const FIELDS: [&str; 25] = [
    "CODE",
    "ERROR",
    "REASON",
    "STATE",
    "SUBMISSION",
    "RECEIVED",
    "FACILITY",
    "ROUTE",
    "STATUS",
    "ROOM",
    "FEED",
    "OPERATION",
    "KEY",
    "TERMINAL",
    "SETTING",
    "PLACE",
    "KIND",
    "TRACE_ID",
    "CAUSES",
    "FROM",
    "ADDRESS",
    "VERSION",
    "FINISHED",
    "COUNT",
    "NUMBER",
];

pub(super) fn newest() -> Result<String, String> {
    let said = programs::run(
        "journalctl",
        &[
            "--no-pager",
            "--quiet",
            "--output=json",
            "--all",
            "--lines",
            LINES,
            "--unit=engawa.service",
            "--unit=engawa-check.service",
            "--unit=engawa.socket",
        ],
    )?;
    let lines: Vec<String> = said.out.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(shown).collect();
    if lines.is_empty() {
        return Err("the journal holds no line of engawa, or this user may not read it".to_owned());
    }
    let mut room = MOST;
    let fits = lines.iter().rev().take_while(|line| {
        room = room.saturating_sub(line.len() + 1);
        room > 0
    });
    let from = lines.len() - fits.count();
    Ok(lines[from..].join("\n") + "\n")
}

/// The same without what lines say in words: nobody knows whose user or label stands there.
pub(super) fn without_messages(text: &str) -> String {
    let line = |line: &str| {
        let (before, rest) = line.split_once(MESSAGE)?;
        let after = rest.split_once(MESSAGE).map_or("", |(_, after)| after);
        Some(format!("{before}{after}\n"))
    };
    text.lines().filter_map(line).collect()
}

fn shown(line: &[u8]) -> String {
    let Ok(line) = serde_json::from_slice::<Value>(line) else { return "(a line that is not JSON)".to_owned() };
    let text = |name: &str| line.get(name).map(said).unwrap_or_default();
    let at = text("__REALTIME_TIMESTAMP").parse().ok().and_then(|at| jiff::Timestamp::from_microsecond(at).ok());
    let at = at.map_or_else(|| "-".to_owned(), |at| format!("{at:.3}"));
    let unit = match text("_SYSTEMD_UNIT") {
        unit if unit.starts_with("engawa") => unit,
        _ => text("UNIT"),
    };
    let message = text("MESSAGE").replace(['\n', '\r', MESSAGE], " ");
    let mut shown = format!("{at} {unit} <{}>{MESSAGE} {message}{MESSAGE}", text("PRIORITY"));
    for field in FIELDS {
        if let Some(value) = line.get(format!("ENGAWA_{field}")) {
            shown.push_str(&format!(
                " {}={}",
                field.to_ascii_lowercase(),
                said(value).replace(['\n', '\r', MESSAGE], " ")
            ));
        }
    }
    shown.chars().take(LONGEST).collect()
}

/// A field as text; the journal gives what is not UTF-8 as numbers, and a field that stands twice as a list.
fn said(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) if list.iter().all(Value::is_string) => list.iter().map(said).collect::<Vec<_>>().join(" "),
        Value::Array(_) => "(not text)".to_owned(),
        Value::Null => "(too long)".to_owned(),
        other => other.to_string(),
    }
}
