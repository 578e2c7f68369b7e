//! The table: each fault, what the sender sees of it, and how it ends. `docs/faults.md` is written from it.
#![cfg_attr(rustfmt, rustfmt_skip)]

use super::next::{
    ADMINISTRATOR, ASKED, CHOOSE, CONSENT, CORRECT, DELIVERED, JOB_KIND, LINE, NOTHING, NOT_LIVE, NOT_OFFERED, Next, PAPER,
    SENDING,
};

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    /// Faults of the sandbox, ordered before the gateway starts; `@3s` stands for the time in three seconds.
    Faults(&'static str),
    /// The same, once the gateway has delivered something and holds a token.
    Warm(&'static str),
    /// The same, for a document of several megabytes.
    Large(&'static str),
    /// The hub refuses connections.
    PowerDown,
    /// The gateway has this certificate of the sandbox's.
    Certificate(&'static str),
}

/// The expected time, as the sender sees it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Eta {
    /// Nobody can say, or it has arrived.
    None,
    /// A time.
    Some,
    /// A time that many seconds away or more.
    After(i64),
}

/// What puts it right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Time.
    Alone,
    /// The fault ends.
    Cleared,
    /// The fault ends, or the right certificate is in place; then SIGHUP.
    Reloaded,
    /// A new password, in its file; then SIGHUP.
    Password,
    /// The fault ends, and the sender chooses retry.
    Retried,
    /// Nothing: it is final, or its time is not waited for here.
    Nothing,
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With the hub's receipt and one effect.
    Delivered,
    /// The same, and the municipality's acceptance is known.
    Accepted,
    /// As it was seen, without effect.
    Stays,
}

/// One fault.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) order: Order,
    pub(super) state: &'static str,
    /// The reason's code; empty for none.
    pub(super) reason: &'static str,
    pub(super) next: Next,
    pub(super) eta: Eta,
    pub(super) then: Then,
    pub(super) end: End,
}

pub(super) const fn waits(order: Order, reason: &'static str, next: Next, eta: Eta, then: Then) -> Row {
    Row { order, state: "queued", reason, next, eta, then, end: End::Delivered }
}

/// Waits, and nobody here has the time to see the end of it.
const fn waits_long(order: Order, reason: &'static str, seconds: i64) -> Row {
    let (state, eta) = ("queued", Eta::After(seconds));
    Row { order, state, reason, next: NOTHING, eta, then: Then::Nothing, end: End::Stays }
}

/// For an administrator.
const fn stopped(order: Order, reason: &'static str) -> Row {
    waits(order, reason, ADMINISTRATOR, Eta::None, Then::Reloaded)
}

/// The answer was lost.
const fn unknown(fault: &'static str, reason: &'static str) -> Row {
    let (order, state, eta) = (Faults(fault), "unknown", Eta::Some);
    Row { order, state, reason, next: ASKED, eta, then: Alone, end: End::Delivered }
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
const fn unnoticed(order: Order) -> Row {
    let (state, reason, eta) = ("delivered", "", Eta::None);
    Row { order, state, reason, next: DELIVERED, eta, then: Alone, end: End::Delivered }
}

use Order::{Certificate, Faults, Large, PowerDown, Warm};
use Then::{Alone, Cleared, Password};

pub(super) const ROWS: &[Row] = &[
    // The hub refuses, by its codes.
    stopped(Faults(r#"{"on":"opinions","kind":"refuse","code":"E1001","times":0}"#), "HUB_CERTIFICATE_WRONG_KIND"),
    stopped(Faults(r#"{"on":"opinions","kind":"refuse","code":"E1002","times":0}"#), "HUB_LOGIN_REFUSED"),
    waits(Faults(r#"{"on":"opinions","kind":"refuse","code":"E1003","locked_until":"@4s"}"#), "HUB_ACCOUNT_LOCKED", NOTHING, Eta::Some, Alone),
    waits(Faults(r#"{"on":"opinions","kind":"refuse","code":"E1004","times":0}"#), "HUB_TROUBLE", NOTHING, Eta::Some, Cleared),
    returned(r#"{"on":"opinions","kind":"refuse","code":"E2101","field":"/opinion/eating"}"#, "HUB_REFUSED", CORRECT),
    returned(r#"{"on":"opinions","kind":"refuse","code":"E2120","field":"/applicant_name"}"#, "HUB_REFUSED", CORRECT),
    returned(r#"{"on":"opinions","kind":"refuse","code":"E3001"}"#, "HUB_NOT_PERMITTED", JOB_KIND),
    returned(r#"{"on":"opinions","kind":"refuse","code":"E3002"}"#, "HUB_NO_CONSENT", CONSENT),
    held(r#"{"on":"opinions","kind":"refuse","code":"E3003","live_from":"2099-04-01","times":0}"#, "HUB_INSURER_NOT_LIVE", NOT_LIVE, Eta::After(365 * 86_400)),
    held(r#"{"on":"opinions","kind":"refuse","code":"E3003","times":0}"#, "HUB_INSURER_NOT_LIVE", NOT_LIVE, Eta::After(86_000)),
    returned(r#"{"on":"opinions","kind":"refuse","code":"E3004"}"#, "HUB_RECIPIENT_ABSENT", PAPER),
    unknown(r#"{"on":"opinions","kind":"refuse","code":"E4040"}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"opinions","kind":"refuse","code":"E7777"}"#, "HUB_NONSENSE"),
    waits(Faults(r#"{"on":"opinions","kind":"refuse","code":"E9001","times":0}"#), "HUB_TROUBLE", NOTHING, Eta::Some, Cleared),
    waits(Faults(r#"{"on":"opinions","kind":"refuse","code":"E9001","effect":true,"times":0}"#), "HUB_TROUBLE", NOTHING, Eta::Some, Cleared),
    waits(Faults(r#"{"on":"opinions","kind":"not_offered","times":0}"#), "HUB_NOT_OFFERED", NOT_OFFERED, Eta::None, Then::Reloaded),

    // It is slow, or breaks off.
    Row { order: Faults(r#"{"on":"opinions","kind":"delay","delay_ms":3500}"#), state: "sending", reason: "", next: SENDING, eta: Eta::Some, then: Alone, end: End::Delivered },
    unknown(r#"{"on":"opinions","kind":"delay","delay_ms":8000}"#, "HUB_TIMEOUT"),
    unknown(r#"{"on":"opinions","kind":"cut_before_effect"}"#, "HUB_UNREACHABLE"),
    unknown(r#"{"on":"opinions","kind":"cut_mid_request","bytes":1000}"#, "HUB_UNREACHABLE"),
    waits(Large(r#"{"on":"opinions","kind":"cut_mid_request","bytes":1000,"times":0}"#), "HUB_UNREACHABLE", LINE, Eta::Some, Cleared),
    unknown(r#"{"on":"opinions","kind":"cut_after_effect"}"#, "HUB_UNREACHABLE"),
    unknown(r#"{"on":"opinions","kind":"cut_mid_answer"}"#, "HUB_UNREACHABLE"),
    unnoticed(Faults(r#"{"on":"opinions","kind":"answer_twice"}"#)),
    unnoticed(Faults(r#"{"on":"opinions","kind":"slow_body"}"#)),
    unknown(r#"{"on":"opinions","kind":"slow_body","interval_ms":3000}"#, "HUB_TIMEOUT"),
    unnoticed(Faults(r#"{"on":"opinions","kind":"close_idle"}"#)),

    // It is busy or ill.
    waits(Faults(r#"{"on":"opinions","kind":"status_429","times":0}"#), "HUB_BUSY", NOTHING, Eta::Some, Cleared),
    waits(Faults(r#"{"on":"opinions","kind":"status_429","retry_after":"4"}"#), "HUB_BUSY", NOTHING, Eta::After(2), Alone),
    waits(Faults(r#"{"on":"opinions","kind":"status_429","body":"empty","times":0}"#), "HUB_BUSY", NOTHING, Eta::Some, Cleared),
    waits(Faults(r#"{"on":"opinions","kind":"status_429","body":"html","retry_after":"4"}"#), "HUB_BUSY", NOTHING, Eta::After(2), Alone),
    waits(Faults(r#"{"on":"opinions","kind":"status_429","effect":true,"times":0}"#), "HUB_BUSY", NOTHING, Eta::Some, Cleared),
    waits(Faults(r#"{"on":"opinions","kind":"status_503","times":0}"#), "HUB_TROUBLE", NOTHING, Eta::Some, Cleared),
    waits(Faults(r#"{"on":"opinions","kind":"status_503","retry_after":"4"}"#), "HUB_BUSY", NOTHING, Eta::After(2), Alone),
    unknown(r#"{"on":"opinions","kind":"status_503","body":"empty"}"#, "HUB_TROUBLE"),
    unknown(r#"{"on":"opinions","kind":"status_503","body":"html","retry_after":"4"}"#, "HUB_TROUBLE"),
    unknown(r#"{"on":"opinions","kind":"status_503","body":"empty","effect":true}"#, "HUB_TROUBLE"),
    waits(Faults(r#"{"on":"opinions","kind":"status_500","times":0}"#), "HUB_TROUBLE", NOTHING, Eta::Some, Cleared),
    unknown(r#"{"on":"opinions","kind":"status_500","body":"html"}"#, "HUB_TROUBLE"),
    waits(Faults(r#"{"on":"opinions","kind":"status_400","times":0}"#), "HUB_TROUBLE", NOTHING, Eta::Some, Cleared),
    unknown(r#"{"on":"opinions","kind":"status_400","body":"empty"}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"opinions","kind":"status_401","body":"empty"}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"opinions","kind":"status_403","body":"html"}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"opinions","kind":"status_404","body":"html","effect":true}"#, "HUB_NONSENSE"),

    // It, or something on the way, talks nonsense.
    unknown(r#"{"on":"opinions","kind":"html_200"}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"opinions","kind":"html_200","effect":true}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"opinions","kind":"html_502"}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"opinions","kind":"html_502","effect":true}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"opinions","kind":"wrong_json"}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"opinions","kind":"wrong_json","effect":false}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"opinions","kind":"truncated_json"}"#, "HUB_NONSENSE"),
    unknown(r#"{"on":"opinions","kind":"wrong_type"}"#, "HUB_NONSENSE"),

    // The answer was lost, and the question about it does not go well either.
    held(r#"[{"on":"opinions","kind":"cut_after_effect"},{"on":"lookup","kind":"not_offered","times":0}]"#, "OUTCOME_UNASKABLE", CHOOSE, Eta::None),
    Row { then: Cleared, ..unknown(r#"[{"on":"opinions","kind":"cut_after_effect"},{"on":"lookup","kind":"status_503","times":0}]"#, "HUB_TROUBLE") },
    Row { then: Cleared, ..unknown(r#"[{"on":"opinions","kind":"cut_before_effect"},{"on":"lookup","kind":"html_200","times":0}]"#, "HUB_NONSENSE") },
    Row { then: Cleared, ..unknown(r#"[{"on":"opinions","kind":"cut_before_effect"},{"on":"lookup","kind":"cut_before_effect","times":0}]"#, "HUB_UNREACHABLE") },
    Row { eta: Eta::After(2), ..unknown(r#"[{"on":"opinions","kind":"cut_after_effect"},{"on":"lookup","kind":"status_429","retry_after":"4"}]"#, "HUB_BUSY") },

    // Login and tokens.
    waits(Faults(r#"{"on":"login","kind":"refuse_password","times":0}"#), "HUB_LOGIN_REFUSED", ADMINISTRATOR, Eta::None, Password),
    stopped(Faults(r#"{"on":"login","kind":"refuse","code":"E1001","times":0}"#), "HUB_CERTIFICATE_WRONG_KIND"),
    waits(Faults(r#"{"on":"login","kind":"refuse","code":"E1002","times":0}"#), "HUB_LOGIN_REFUSED", ADMINISTRATOR, Eta::None, Password),
    waits(Faults(r#"{"on":"login","kind":"refuse","code":"E1003","locked_until":"@4s"}"#), "HUB_ACCOUNT_LOCKED", NOTHING, Eta::Some, Alone),
    waits_long(Faults(r#"{"on":"login","kind":"lock_account"}"#), "HUB_ACCOUNT_LOCKED", 1700),
    waits(Faults(r#"{"on":"login","kind":"status_503","times":0}"#), "HUB_TROUBLE", NOTHING, Eta::Some, Cleared),
    waits(Faults(r#"{"on":"login","kind":"html_200"}"#), "HUB_NONSENSE", NOTHING, Eta::Some, Alone),
    waits(Faults(r#"{"on":"login","kind":"wrong_type"}"#), "HUB_NONSENSE", NOTHING, Eta::Some, Alone),
    waits(Faults(r#"{"on":"login","kind":"cut_after_effect"}"#), "HUB_UNREACHABLE", LINE, Eta::Some, Alone),
    waits_long(Faults(r#"{"on":"login","kind":"cut_after_effect","times":2}"#), "HUB_LOGIN_CAUTIOUS", 1700),
    waits_long(Faults(r#"{"on":"login","kind":"delay","delay_ms":8000,"times":2}"#), "HUB_LOGIN_CAUTIOUS", 1700),
    waits(Faults(r#"{"on":"opinions","kind":"expire_tokens","times":0}"#), "HUB_TROUBLE", NOTHING, Eta::Some, Cleared),
    waits(Warm(r#"{"on":"opinions","kind":"expire_tokens"}"#), "HUB_TROUBLE", NOTHING, Eta::Some, Alone),
    waits(Warm(r#"[{"on":"opinions","kind":"expire_tokens"},{"on":"refresh","kind":"cut_after_effect"}]"#), "HUB_TROUBLE", NOTHING, Eta::Some, Alone),
    waits(Warm(r#"[{"on":"opinions","kind":"expire_tokens"},{"on":"refresh","kind":"refuse","code":"E1004"}]"#), "HUB_TROUBLE", NOTHING, Eta::Some, Alone),

    // What the hub says of itself, and its feed.
    waits(Faults(r#"{"on":"capabilities","kind":"html_200","times":0}"#), "HUB_NONSENSE", NOTHING, Eta::Some, Cleared),
    waits(Faults(r#"{"on":"capabilities","kind":"status_503","retry_after":"2","times":0}"#), "HUB_BUSY", NOTHING, Eta::Some, Cleared),
    waits(Faults(r#"{"on":"capabilities","kind":"not_offered","times":0}"#), "HUB_NOT_OFFERED", NOT_OFFERED, Eta::None, Then::Reloaded),
    Row { end: End::Accepted, ..unnoticed(Faults(r#"{"on":"changes","kind":"expired_cursor","times":2}"#)) },
    Row { end: End::Accepted, ..unnoticed(Faults(r#"{"on":"changes","kind":"html_200","times":2}"#)) },

    // The connection.
    waits(Faults(r#"{"on":"connect","kind":"drop","times":0}"#), "HUB_UNREACHABLE", LINE, Eta::Some, Cleared),
    waits(Faults(r#"{"on":"connect","kind":"stall","times":0}"#), "HUB_TIMEOUT", NOTHING, Eta::Some, Cleared),
    waits(PowerDown, "HUB_UNREACHABLE", LINE, Eta::Some, Cleared),
    stopped(Faults(r#"{"on":"connect","kind":"refuse_client","times":0}"#), "HUB_CERTIFICATE_WRONG_KIND"),
    stopped(Faults(r#"{"on":"connect","kind":"server_certificate_expired","times":0}"#), "HUB_SERVER_UNTRUSTED"),
    stopped(Faults(r#"{"on":"connect","kind":"server_certificate_foreign","times":0}"#), "HUB_SERVER_UNTRUSTED"),
    stopped(Faults(r#"{"on":"connect","kind":"server_certificate_wrong_name","times":0}"#), "HUB_SERVER_UNTRUSTED"),
    waits(Faults(r#"{"on":"connect","kind":"server_certificate_not_yet_valid","times":0}"#), "HUB_SERVER_UNTRUSTED", ADMINISTRATOR, Eta::None, Cleared),

    // The gateway's own certificate.
    stopped(Certificate("wrong-kind"), "CERTIFICATE_WRONG_KIND"),
    stopped(Certificate("expired"), "CERTIFICATE_EXPIRED"),
    stopped(Certificate("not-yet-valid"), "CERTIFICATE_NOT_YET_VALID"),
    stopped(Certificate("other-clinic"), "CERTIFICATE_WRONG_FACILITY"),
    stopped(Certificate("foreign"), "HUB_CERTIFICATE_WRONG_KIND"),
    stopped(Certificate("unknown"), "CERTIFICATE_WRONG_FACILITY"),
];
