//! The envelope around every answer of the hub.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::plain;
use crate::hub::port::HubError;

const CODE_LIMIT: usize = 16;
const FIELD_LIMIT: usize = 200;
const TRACE_LIMIT: usize = 128;
/// A document has fewer items than this; more is not an answer.
const MOST_ERRORS: usize = 500;
/// The most octets that stand around a unit, or in an answer that has none.
const AROUND_LIMIT: usize = 1024 * 1024;

/// An answer that keeps to the hub's form. `D`: its data, read or as it came.
#[derive(Debug, PartialEq)]
pub(in crate::hub) enum Envelope<D = Value> {
    /// `result: ok`.
    Ok { data: D, trace_id: Option<String> },
    /// `result: error`, with one error at least.
    Error { errors: Vec<ErrorEntry>, trace_id: Option<String> },
}

/// One error of the envelope. Its free-text message is not read: it may quote the document.
#[derive(Debug, PartialEq)]
pub(in crate::hub) struct ErrorEntry {
    pub(in crate::hub) code: String,
    pub(in crate::hub) field: Option<String>,
    /// E3003.
    pub(in crate::hub) live_from: Option<String>,
    /// E1003.
    pub(in crate::hub) locked_until: Option<String>,
}

impl Envelope {
    /// `None` for anything that is not the hub's form: a proxy's page, half an answer, other types.
    pub(in crate::hub) fn parse(body: &[u8]) -> Option<Self> {
        let Ok(Value::Object(members)) = serde_json::from_slice(body) else { return None };
        Self::of(members)
    }

    fn of(mut members: Map<String, Value>) -> Option<Self> {
        let trace_id = match members.remove("trace_id") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => plain(&id, TRACE_LIMIT),
            Some(_) => return None,
        };
        match (members.get("result")?.as_str()?, members.contains_key("errors")) {
            ("ok", false) => Some(Self::Ok { data: members.remove("data")?, trace_id }),
            ("error", true) => {
                let beside = members.remove("data");
                let errors = entries(members.get("errors")?, beside.as_ref().and_then(Value::as_object))?;
                Some(Self::Error { errors, trace_id })
            }
            _ => None,
        }
    }
}

impl Envelope<Bytes> {
    /// As [`Envelope::parse`], of an answer that may be long: the data of an ok is JSON, a part of `body`, and not read.
    pub(in crate::hub) fn parse_around(body: &Bytes) -> Option<Self> {
        let mut members: BTreeMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
        let result: String = serde_json::from_slice(members.get("result")?.get().as_bytes()).ok()?;
        let data = if result == "ok" { Some(members.remove("data")?.get()) } else { None };
        let rest: usize = members.values().map(|value| value.get().len()).sum();
        if rest > AROUND_LIMIT {
            return None;
        }
        // The rest is judged like any other answer, with nothing in the place of the data.
        let values = members
            .iter()
            .map(|(name, value)| Some((name.clone(), serde_json::from_slice(value.get().as_bytes()).ok()?)));
        let mut values: Map<String, Value> = values.collect::<Option<_>>()?;
        if data.is_some() {
            values.insert("data".to_owned(), Value::Null);
        }
        Some(match (Envelope::of(values)?, data) {
            (Envelope::Ok { trace_id, .. }, Some(data)) => Self::Ok { data: body.slice_ref(data.as_bytes()), trace_id },
            (Envelope::Ok { .. }, None) => return None,
            (Envelope::Error { errors, trace_id }, _) => Self::Error { errors, trace_id },
        })
    }
}

impl ErrorEntry {
    pub(in crate::hub) fn to_hub_error(&self) -> HubError {
        HubError { code: self.code.clone(), field: self.field.clone() }
    }
}

/// `beside`: the envelope's data, where a hub may put the details of an error instead of in the error itself.
pub(super) fn entries(errors: &Value, beside: Option<&Map<String, Value>>) -> Option<Vec<ErrorEntry>> {
    let errors = errors.as_array().filter(|errors| (1..=MOST_ERRORS).contains(&errors.len()))?;
    errors.iter().map(|error| entry(error.as_object()?, beside)).collect()
}

/// A pointer made of the names and indices that our documents have. Whatever else stands there may quote the document, and
/// the field is kept on record in clear.
fn names_only(field: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '~');
    field.len() <= FIELD_LIMIT && field.chars().all(known)
}

fn entry(error: &Map<String, Value>, beside: Option<&Map<String, Value>>) -> Option<ErrorEntry> {
    let detail = |name: &str| {
        let found = error.get(name).or_else(|| beside.and_then(|data| data.get(name)));
        found.and_then(Value::as_str).map(str::to_owned)
    };
    Some(ErrorEntry {
        code: plain(error.get("code")?.as_str()?, CODE_LIMIT)?,
        field: error.get("field").and_then(Value::as_str).filter(|field| names_only(field)).map(str::to_owned),
        live_from: detail("live_from"),
        locked_until: detail("locked_until"),
    })
}
