//! Faults on demand: a queue set by the control API, and random ones at a rate. A fault is taken once per matching call.

mod about;
mod kind;
mod queue;
pub(crate) mod random;
pub(crate) mod spoil;

pub(crate) use about::page;
pub(crate) use kind::{Kind, Style};
pub(crate) use queue::{Call, Faults};
pub(crate) use random::Random;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One order for trouble. Members that a kind does not use are ignored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// An operation, `*`, or a path prefix that begins with `/`.
    #[serde(default = "anything")]
    pub(crate) on: String,
    pub(crate) kind: Kind,
    /// How many matching calls it meets; 0 is all until cleared.
    #[serde(default = "once")]
    pub(crate) times: u64,
    /// How many matching calls pass first.
    #[serde(default)]
    pub(crate) after: u64,
    /// Whether the call has its effect; each kind has a default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) effect: Option<bool>,
    /// Only this idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<Uuid>,
    /// Only this facility.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) facility: Option<String>,
    /// Machine time to wait once the request is read and counted, in milliseconds; on `connect` before anything else.
    #[serde(default)]
    pub(crate) delay_ms: u64,
    /// `refuse`: the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) live_from: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) locked_until: Option<String>,
    /// Another HTTP status than usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// `Retry-After` as it stands: seconds or an HTTP date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after: Option<String>,
    /// `status_…`: what the body is.
    #[serde(default)]
    pub(crate) body: Style,
    /// `cut_mid_request`, `cut_mid_answer`, `truncated_json`: after how many bytes; `slow_body`: bytes a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<usize>,
    /// `slow_body`: milliseconds between steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) interval_ms: Option<u64>,
}

impl Fault {
    /// A fault of a kind with nothing else said.
    pub(crate) fn plain(kind: Kind) -> Self {
        Self {
            on: anything(),
            kind,
            times: 1,
            after: 0,
            effect: None,
            key: None,
            facility: None,
            delay_ms: 0,
            code: None,
            field: None,
            message: None,
            live_from: None,
            locked_until: None,
            status: None,
            retry_after: None,
            body: Style::default(),
            bytes: None,
            interval_ms: None,
        }
    }

    /// Whether the call is carried out before the fault shows.
    pub(crate) fn lets_effect_happen(&self) -> bool {
        self.effect.unwrap_or_else(|| self.kind.is_about_the_answer())
    }
}

fn anything() -> String {
    "*".to_owned()
}

fn once() -> u64 {
    1
}
