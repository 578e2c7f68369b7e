//! A span's fields as the text of a JSON object, written once.
//!
//! The library's own way reads the text again for each field that is recorded later, and sorts it; there is a span to every request.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::FormattedFields;
use tracing_subscriber::fmt::format::Writer;

/// Octets that a request's fields take.
const TYPICAL: usize = 192;

/// Writes fields for the library's JSON lines.
pub(super) struct SpanFields;

impl<'w> FormatFields<'w> for SpanFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut text = String::with_capacity(TYPICAL);
        text.push('{');
        append(&mut text, |members| fields.record(members));
        text.push('}');
        writer.write_str(&text)
    }

    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        if current.fields.pop().is_none() {
            current.fields.push('{');
        }
        append(&mut current.fields, |members| fields.record(members));
        current.fields.push('}');
        Ok(())
    }
}

fn append(text: &mut String, record: impl FnOnce(&mut Members<'_>)) {
    let first = text.len() == 1;
    record(&mut Members { text, first });
}

/// Members of an object whose end is still open.
struct Members<'t> {
    text: &'t mut String,
    first: bool,
}

impl Members<'_> {
    fn name(&mut self, field: &Field) {
        if !self.first {
            self.text.push(',');
        }
        self.first = false;
        self.text.push('"');
        // The names of fields are words of the source.
        let name = field.name();
        self.text.push_str(name.strip_prefix("r#").unwrap_or(name));
        self.text.push_str("\":");
    }

    fn quote(&mut self, value: &str) {
        self.text.push_str(&serde_json::to_string(value).unwrap_or_default());
    }

    fn raw(&mut self, field: &Field, value: impl fmt::Display) {
        self.name(field);
        let _ = write!(self.text, "{value}");
    }
}

impl Visit for Members<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.name(field);
        if is_plain(value) {
            self.text.extend(["\"", value, "\""]);
        } else {
            self.quote(value);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.raw(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.raw(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.raw(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for what is no number.
        self.raw(field, serde_json::Value::from(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.name(field);
        self.text.push('"');
        let start = self.text.len();
        let _ = write!(self.text, "{value:?}");
        if self.text.get(start..).is_some_and(is_plain) {
            self.text.push('"');
        } else {
            let value = self.text.split_off(start);
            self.text.pop();
            self.quote(&value);
        }
    }
}

/// Whether nothing in it means anything else between quotes.
fn is_plain(value: &str) -> bool {
    value.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_./:{} ".contains(&octet))
}
