//! The two streams of a command. A reader that has gone away is no failure.

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::Value;

/// An answer: one line, or several, on stdout.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
}

/// An answer as JSON on stdout.
pub(super) fn say_json(value: &Value) {
    say(&format!("{value:#}"));
}

/// An answer in the form asked for.
pub(super) fn answer(json: bool, value: &Value, readable: impl FnOnce() -> String) {
    if json {
        say_json(value);
    } else {
        say(&readable());
    }
}

/// A complaint on stderr.
pub(super) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", text.trim_end());
}

/// A member as text: strings bare, `null` and absent as a dash, the rest as JSON.
pub(super) fn text_of(value: &Value, member: &str) -> String {
    match value.get(member) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The sentences of a code of the catalogue, two spaces in; nothing for a code this version does not know.
pub(super) fn sentences(code: &str) -> String {
    let mut text = String::new();
    if let Some(code) = crate::fault::Code::parse(code) {
        let _ = write!(text, "  {}\n  {}\n", code.ja(), code.en());
    }
    text
}

/// An error with what is below it, on one line.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        let _ = write!(text, ": {error}");
        below = error.source();
    }
    text
}
