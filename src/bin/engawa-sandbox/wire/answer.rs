//! Answers and the envelope.

use std::time::Duration;

use serde_json::{Value, json};

use crate::hub::{HubError, Refusal};

/// An answer before it is written.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) manner: Manner,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As one is used to.
    Plain,
    /// Not at all: the connection is dropped.
    Cut,
    /// Up to so many bytes of the body, then the connection is dropped.
    CutAfter(usize),
    /// Twice.
    Twice,
    /// In small pieces.
    Trickle(usize, Duration),
    /// As usual, then the connection is closed.
    ThenClose,
}

const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");

impl Answer {
    /// The envelope of success.
    pub(crate) fn ok(data: &Value, trace_id: &str) -> Self {
        Self::json(200, &json!({"result": "ok", "data": data, "trace_id": trace_id}))
    }

    /// The envelope of failure. Business errors travel with 200; E1xxx and E4040 do too if `always_200`.
    pub(crate) fn refused(refusal: &Refusal, always_200: bool, trace_id: &str) -> Self {
        let status = refusal.errors.first().map_or(500, |e| status(e, always_200));
        Self::json(status, &json!({"result": "error", "errors": refusal.errors, "trace_id": trace_id}))
    }

    /// A system error with an envelope.
    pub(crate) fn system(status: u16, trace_id: &str) -> Self {
        let error = HubError::new("E9001", "一時的に利用できません");
        Self::json(status, &json!({"result": "error", "errors": [error], "trace_id": trace_id}))
    }

    /// JSON of any shape.
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::new(status, &[JSON], value.to_string().into_bytes())
    }

    /// A page from something in between.
    pub(crate) fn html(status: u16) -> Self {
        let page =
            "<!DOCTYPE html><html><head><title>Gateway</title></head><body><h1>メンテナンス中です</h1></body></html>\n";
        Self::new(status, &[HTML], page.as_bytes().to_vec())
    }

    /// A status and nothing else.
    pub(crate) fn empty(status: u16) -> Self {
        Self::new(status, &[], Vec::new())
    }

    /// No answer: the connection is dropped.
    pub(crate) fn cut() -> Self {
        Self::empty(500).in_manner(Manner::Cut)
    }

    pub(crate) fn in_manner(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn new(status: u16, headers: &[(&'static str, &str)], body: Vec<u8>) -> Self {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { status, headers, body, manner: Manner::Plain }
    }
}

fn status(error: &HubError, always_200: bool) -> u16 {
    match error.code.as_str() {
        "E2000" => 404,
        _ if always_200 => 200,
        "E1001" | "E1003" => 403,
        "E1002" | "E1004" => 401,
        "E4040" => 404,
        _ => 200,
    }
}
