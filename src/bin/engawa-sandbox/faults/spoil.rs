//! From a fault to what is answered instead, or to what becomes of the true answer.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Fault, Kind, Style};
use crate::hub::{HubError, Refusal};
use crate::wire::{Answer, Manner};

/// The error of a `refuse`.
pub(crate) fn refusal(fault: &Fault) -> Refusal {
    let code = fault.code.as_deref().unwrap_or("E9001");
    let message = fault.message.clone().unwrap_or_else(|| "サンドボックスの指示による拒否".to_owned());
    HubError {
        code: code.to_owned(),
        message,
        field: fault.field.clone(),
        live_from: fault.live_from,
        locked_until: fault.locked_until.clone(),
    }
    .into()
}

/// What a fault answers in place of the call; `None` if the true answer is only spoiled.
pub(crate) fn instead(fault: &Fault, always_200: bool, trace_id: &str) -> Option<Answer> {
    let error = |code, message| Answer::refused(&HubError::new(code, message).into(), always_200, trace_id);
    if let Some(status) = fault.kind.status() {
        return Some(with_status(bare(status, fault, trace_id), fault));
    }
    let answer = match fault.kind {
        Kind::Refuse => Answer::refused(&refusal(fault), always_200, trace_id),
        Kind::CutBeforeEffect | Kind::CutMidRequest | Kind::CutAfterEffect => Answer::cut(),
        Kind::Html200 => Answer::html(200),
        Kind::Html502 => Answer::html(502),
        Kind::WrongJson => Answer::json(200, &json!({"status": "success", "value": 1})),
        Kind::ExpiredCursor => error("E4040", "カーソルが無効か期限切れです"),
        Kind::NotOffered => error("E2000", "この機能は提供していません"),
        _ => return None,
    };
    Some(with_status(answer, fault))
}

fn bare(status: u16, fault: &Fault, trace_id: &str) -> Answer {
    let answer = match fault.body {
        Style::Envelope => Answer::system(status, trace_id),
        Style::Empty => Answer::empty(status),
        Style::Html => Answer::html(status),
    };
    match &fault.retry_after {
        Some(value) => answer.header("retry-after", value.as_str()),
        None => answer,
    }
}

fn with_status(mut answer: Answer, fault: &Fault) -> Answer {
    if let Some(status) = fault.status {
        answer.status = status;
    }
    answer
}

/// Spoils the true answer.
pub(crate) fn spoil(mut answer: Answer, fault: &Fault) -> Answer {
    let half = fault.bytes.unwrap_or(answer.body.len() / 2);
    match fault.kind {
        Kind::CutMidAnswer => answer.in_manner(Manner::CutAfter(half)),
        Kind::AnswerTwice => answer.in_manner(Manner::Twice),
        Kind::CloseIdle => answer.in_manner(Manner::ThenClose),
        Kind::SlowBody => {
            let every = Duration::from_millis(fault.interval_ms.unwrap_or(50));
            answer.in_manner(Manner::Trickle(fault.bytes.unwrap_or(8).max(1), every))
        }
        Kind::TruncatedJson => {
            answer.body.truncate(half);
            answer
        }
        Kind::WrongType => {
            answer.body = without_first_member(&answer.body);
            answer
        }
        _ => answer,
    }
}

/// An ok envelope whose `data` lacks its first member (for an opinion: `receipt_number`).
fn without_first_member(body: &[u8]) -> Vec<u8> {
    let Ok(mut envelope) = serde_json::from_slice::<Value>(body) else { return body.to_vec() };
    match envelope.get_mut("data") {
        Some(Value::Object(data)) => {
            if let Some(first) = data.keys().next().cloned() {
                data.shift_remove(&first);
            }
        }
        Some(Value::Array(data)) => *data = vec![Value::from(1)],
        _ => {}
    }
    envelope.to_string().into_bytes()
}
