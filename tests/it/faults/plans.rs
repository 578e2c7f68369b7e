//! The table for care plans on their way out, with the same columns.
#![cfg_attr(rustfmt, rustfmt_skip)]

use super::next::{
    CONSENT, JOB_KIND, NOTHING, Next, PLAN_ABSENT, PLAN_ADMINISTRATOR, PLAN_ASKED, PLAN_MAY_BE_THERE, PLAN_CORRECT, PLAN_DELIVERED,
    PLAN_NOT_LIVE, PLAN_NOT_OFFERED, SENDING,
};
use super::table::Order::{Faults, Warm};
use super::table::Then::{self, Alone, Cleared};
use super::table::{End, Eta, Row, waits};

/// For an administrator.
const fn stopped(fault: &'static str, reason: &'static str) -> Row {
    waits(Faults(fault), reason, PLAN_ADMINISTRATOR, Eta::None, Then::Reloaded)
}

/// The answer was lost.
const fn unknown(fault: &'static str, reason: &'static str) -> Row {
    let (order, state, eta) = (Faults(fault), "unknown", Eta::Some);
    Row { order, state, reason, next: PLAN_ASKED, eta, then: Alone, end: End::Delivered }
}

const fn held(fault: &'static str, reason: &'static str, next: Next, eta: Eta) -> Row {
    let order = Faults(fault);
    Row { order, state: "held", reason, next, eta, then: Then::Retried, end: End::Delivered }
}

const fn returned(fault: &'static str, reason: &'static str, next: Next) -> Row {
    let (order, state, eta) = (Faults(fault), "returned", Eta::None);
    Row { order, state, reason, next, eta, then: Then::Nothing, end: End::Stays }
}

/// The sender notices nothing.
const fn unnoticed(fault: &'static str) -> Row {
    let (order, state, reason, eta) = (Faults(fault), "delivered", "", Eta::None);
    Row { order, state, reason, next: PLAN_DELIVERED, eta, then: Alone, end: End::Delivered }
}

pub(super) const PLANS: &[Row] = &[
    // The hub refuses, by its codes.
    stopped(r#"{"on":"careplan-sent","kind":"refuse","code":"E1001","times":0}"#, "HUB_CERTIFICATE_WRONG_KIND"),
    stopped(r#"{"on":"careplan-sent","kind":"refuse","code":"E1002","times":0}"#, "HUB_LOGIN_REFUSED"),
    waits(Faults(r#"{"on":"careplan-sent","kind":"refuse","code":"E1003","locked_until":"@4s"}"#), "HUB_ACCOUNT_LOCKED", NOTHING, Eta::Some, Alone),
    waits(Faults(r#"{"on":"careplan-sent","kind":"refuse","code":"E1004","times":0}"#), "HUB_TROUBLE", NOTHING, Eta::Some, Cleared),
    returned(r#"{"on":"careplan-sent","kind":"refuse","code":"E2107","field":"/unit/tables/0"}"#, "HUB_REFUSED", PLAN_CORRECT),
    returned(r#"{"on":"careplan-sent","kind":"refuse","code":"E2120"}"#, "HUB_REFUSED", PLAN_CORRECT),
    returned(r#"{"on":"careplan-sent","kind":"refuse","code":"E3001"}"#, "HUB_NOT_PERMITTED", JOB_KIND),
    returned(r#"{"on":"careplan-sent","kind":"refuse","code":"E3002"}"#, "HUB_NO_CONSENT", CONSENT),
    held(r#"{"on":"careplan-sent","kind":"refuse","code":"E3003","live_from":"2099-04-01","times":0}"#, "HUB_INSURER_NOT_LIVE", PLAN_NOT_LIVE, Eta::After(365 * 86_400)),
    held(r#"{"on":"careplan-sent","kind":"refuse","code":"E3003","times":0}"#, "HUB_INSURER_NOT_LIVE", PLAN_NOT_LIVE, Eta::After(86_000)),
    held(r#"{"on":"careplan-sent","kind":"refuse","code":"E3004"}"#, "HUB_RECIPIENT_ABSENT", PLAN_ABSENT, Eta::None),
    unknown(r#"{"on":"careplan-sent","kind":"refuse","code":"E4040"}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"careplan-sent","kind":"expired_cursor"}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"careplan-sent","kind":"refuse","code":"E7777"}"#, "HUB_NONSENSE"),
    waits(Faults(r#"{"on":"careplan-sent","kind":"refuse","code":"E9001","times":0}"#), "HUB_TROUBLE", NOTHING, Eta::Some, Cleared),
    waits(Faults(r#"{"on":"careplan-sent","kind":"refuse","code":"E9001","effect":true,"times":0}"#), "HUB_TROUBLE", NOTHING, Eta::Some, Cleared),
    waits(Faults(r#"{"on":"careplan-sent","kind":"not_offered","times":0}"#), "HUB_NOT_OFFERED", PLAN_NOT_OFFERED, Eta::None, Then::Reloaded),

    // It is slow, or breaks off.
    Row { order: Faults(r#"{"on":"careplan-sent","kind":"delay","delay_ms":3500}"#), state: "sending", reason: "", next: SENDING, eta: Eta::Some, then: Alone, end: End::Delivered },
    unknown(r#"{"on":"careplan-sent","kind":"delay","delay_ms":8000}"#, "HUB_TIMEOUT"),
    unknown(r#"{"on":"careplan-sent","kind":"cut_before_effect"}"#, "HUB_UNREACHABLE"),
    unknown(r#"{"on":"careplan-sent","kind":"cut_mid_request","bytes":1000}"#, "HUB_UNREACHABLE"),
    unknown(r#"{"on":"careplan-sent","kind":"cut_after_effect"}"#, "HUB_UNREACHABLE"),
    unknown(r#"{"on":"careplan-sent","kind":"cut_mid_answer"}"#, "HUB_UNREACHABLE"),
    unnoticed(r#"{"on":"careplan-sent","kind":"answer_twice"}"#),
    unnoticed(r#"{"on":"careplan-sent","kind":"slow_body"}"#),
    unnoticed(r#"{"on":"careplan-sent","kind":"close_idle"}"#),
    unknown(r#"{"on":"careplan-sent","kind":"slow_body","interval_ms":3000}"#, "HUB_TIMEOUT"),

    // It is busy or ill, or something on the way talks nonsense.
    waits(Faults(r#"{"on":"careplan-sent","kind":"status_429","times":0}"#), "HUB_BUSY", NOTHING, Eta::Some, Cleared),
    waits(Faults(r#"{"on":"careplan-sent","kind":"status_429","body":"html","retry_after":"4"}"#), "HUB_BUSY", NOTHING, Eta::After(2), Alone),
    waits(Faults(r#"{"on":"careplan-sent","kind":"status_429","effect":true,"times":0}"#), "HUB_BUSY", NOTHING, Eta::Some, Cleared),
    waits(Faults(r#"{"on":"careplan-sent","kind":"status_503","retry_after":"4"}"#), "HUB_BUSY", NOTHING, Eta::After(2), Alone),
    unknown(r#"{"on":"careplan-sent","kind":"status_503","body":"empty","effect":true}"#, "HUB_TROUBLE"),
    waits(Faults(r#"{"on":"careplan-sent","kind":"status_500","times":0}"#), "HUB_TROUBLE", NOTHING, Eta::Some, Cleared),
    unknown(r#"{"on":"careplan-sent","kind":"status_500","body":"html"}"#, "HUB_TROUBLE"),
    waits(Faults(r#"{"on":"careplan-sent","kind":"status_400","times":0}"#), "HUB_TROUBLE", NOTHING, Eta::Some, Cleared),
    unknown(r#"{"on":"careplan-sent","kind":"status_401","body":"empty"}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"careplan-sent","kind":"status_403","body":"html"}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"careplan-sent","kind":"status_404","body":"html","effect":true}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"careplan-sent","kind":"html_200"}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"careplan-sent","kind":"html_502"}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"careplan-sent","kind":"wrong_json"}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"careplan-sent","kind":"truncated_json"}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"careplan-sent","kind":"wrong_type"}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"careplan-sent","kind":"html_200","effect":true}"#, "HUB_NONSENSE"),
    waits(Warm(r#"{"on":"careplan-sent","kind":"expire_tokens"}"#), "HUB_TROUBLE", NOTHING, Eta::Some, Alone),

    // The answer was lost, and the question about it does not go well either.
    held(r#"[{"on":"careplan-sent","kind":"cut_after_effect"},{"on":"lookup","kind":"not_offered","times":0}]"#, "OUTCOME_UNASKABLE", PLAN_MAY_BE_THERE, Eta::None),
    Row { then: Cleared, ..unknown(r#"[{"on":"careplan-sent","kind":"cut_after_effect"},{"on":"lookup","kind":"status_503","times":0}]"#, "HUB_TROUBLE") },

    // The feed of what became of it.
    Row { end: End::Accepted, ..unnoticed(r#"{"on":"careplan-sent-list","kind":"expired_cursor","times":2}"#) },
    Row { end: End::Accepted, ..unnoticed(r#"{"on":"careplan-sent-list","kind":"html_200","times":2}"#) },
];
