//! The envelope around every answer of the hub.

use serde_json::{Map, Value};

use super::plain;
use crate::hub::port::HubError;

const CODE_LIMIT: usize = 16;
const FIELD_LIMIT: usize = 200;
const TRACE_LIMIT: usize = 128;
/// A document has fewer items than this; more is not an answer.
const MOST_ERRORS: usize = 500;

/// An answer that keeps to the hub's form.
#[derive(Debug, PartialEq)]
pub(in crate::hub) enum Envelope {
    /// `result: ok`.
    Ok { data: Value, trace_id: Option<String> },
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
        let Ok(Value::Object(mut members)) = serde_json::from_slice(body) else { return None };
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
