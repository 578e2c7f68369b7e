//! 主治医意見書, the attending doctor's opinion. STUB: replaced by its builder.
#![allow(missing_docs)]
use jiff::civil::Date;
use serde_json::{Map, Value};

#[derive(Clone, Debug)]
pub struct Opinion {
    _p: (),
}

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Substitution {
    pub pointer: String,
    pub original: String,
    pub replacement: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    pub pointer: String,
    pub code: &'static str,
    pub severity: Severity,
    #[serde(rename = "detail")]
    pub ja: String,
    #[serde(rename = "detail_en")]
    pub en: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Parsed {
    pub opinion: Opinion,
    pub warnings: Vec<Problem>,
}

pub fn parse(_values: &Value, _substitutions: &[Substitution], _today: Date) -> Result<Parsed, Vec<Problem>> {
    Err(Vec::new())
}

impl Opinion {
    pub fn insurer_number(&self) -> &str {
        ""
    }
    pub fn insured_number(&self) -> &str {
        ""
    }
    pub fn request_number(&self) -> &str {
        ""
    }
    pub fn form_version(&self) -> &'static str {
        ""
    }
    pub fn due_date(&self) -> Date {
        Date::MAX
    }
    pub fn to_values(&self) -> Map<String, Value> {
        Map::new()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    Pdf,
    Png,
    Jpeg,
}
impl MediaType {
    pub const SNIFF_BYTES: usize = 16;
    pub fn sniff(_head: &[u8]) -> Option<Self> {
        None
    }
    pub fn name(self) -> &'static str {
        ""
    }
}
