//! Business errors as the profile shapes them.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::clock::stamp;

/// One member of `errors`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HubError {
    pub(crate) code: String,
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) live_from: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) locked_until: Option<String>,
}

impl HubError {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), field: None, live_from: None, locked_until: None }
    }

    /// Says where: a JSON pointer into the body.
    pub(crate) fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    pub(crate) fn locked(until: Timestamp) -> Self {
        Self {
            locked_until: Some(stamp(until)), ..Self::new("E1003", "このアカウントはロックされています")
        }
    }

    pub(crate) fn not_live(live_from: Option<Date>) -> Self {
        Self {
            live_from, ..Self::new("E3003", "この保険者はまだ接続していません").at("/insurer_number")
        }
    }
}

/// Why a call was not granted: at least one error.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) errors: Vec<HubError>,
}

impl Refusal {
    /// Whether a key remembers it: E2xxx, E3001, E3002, E3004.
    pub(crate) fn is_final(&self) -> bool {
        self.errors.iter().all(|e| e.code.starts_with("E2") || ["E3001", "E3002", "E3004"].contains(&e.code.as_str()))
    }
}

impl From<HubError> for Refusal {
    fn from(error: HubError) -> Self {
        Self { errors: vec![error] }
    }
}

impl From<Vec<HubError>> for Refusal {
    fn from(errors: Vec<HubError>) -> Self {
        Self { errors }
    }
}
