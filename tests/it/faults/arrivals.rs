//! The table of what the other side's box sees while it receives, and how it ends. `docs/faults.md` is written from it.
#![cfg_attr(rustfmt, rustfmt_skip)]

/// Where a fault shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Nowhere: the next call goes well.
    None,
    /// The part `inbox` of the health report.
    Health(&'static str),
    /// The `reason` of the unit in the list.
    Item(&'static str),
    /// The log alone: the unit is here, and what is missing is the word to its sender.
    Log(&'static str),
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The unit is here, once, and its sender has been told, once.
    Kept,
    /// The unit is here, and the hub does not take the word of it.
    Untold,
}

/// One fault.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// The call.
    pub(super) on: &'static str,
    /// Without the call.
    pub(super) fault: &'static str,
    pub(super) sight: Sight,
    pub(super) end: End,
}

use End::{Kept, Untold};

pub(super) const ARRIVALS: &[Arrival] = &[
    // The list of what was sent to the office.
    Arrival { on: "careplan-received", fault: r#"{"kind":"delay","delay_ms":8000,"times":0}"#, sight: Sight::Health("HUB_TIMEOUT"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"cut_before_effect","times":0}"#, sight: Sight::Health("HUB_UNREACHABLE"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"cut_after_effect","times":0}"#, sight: Sight::Health("HUB_UNREACHABLE"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"cut_mid_answer","times":0}"#, sight: Sight::Health("HUB_UNREACHABLE"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"status_400","times":0}"#, sight: Sight::Health("HUB_TROUBLE"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"status_401","body":"empty","times":0}"#, sight: Sight::Health("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"status_403","body":"html","times":0}"#, sight: Sight::Health("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"status_404","body":"html","times":0}"#, sight: Sight::Health("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"status_429","retry_after":"2","times":0}"#, sight: Sight::Health("HUB_BUSY"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"status_500","times":0}"#, sight: Sight::Health("HUB_TROUBLE"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"status_503","times":0}"#, sight: Sight::Health("HUB_TROUBLE"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"html_200","times":0}"#, sight: Sight::Health("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"html_502","times":0}"#, sight: Sight::Health("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"wrong_json","times":0}"#, sight: Sight::Health("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"truncated_json","times":0}"#, sight: Sight::Health("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"wrong_type","times":0}"#, sight: Sight::Health("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"refuse","code":"E9001","times":0}"#, sight: Sight::Health("HUB_TROUBLE"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"refuse","code":"E7777","times":0}"#, sight: Sight::Health("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"refuse","code":"E1001","times":0}"#, sight: Sight::Health("HUB_CERTIFICATE_WRONG_KIND"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"refuse","code":"E1003","locked_until":"@4s"}"#, sight: Sight::Health("HUB_ACCOUNT_LOCKED"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"refuse","code":"E3001","times":0}"#, sight: Sight::Health("HUB_NOT_PERMITTED"), end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"not_offered","times":0}"#, sight: Sight::None, end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"answer_twice"}"#, sight: Sight::None, end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"slow_body"}"#, sight: Sight::None, end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"close_idle"}"#, sight: Sight::None, end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"expire_tokens"}"#, sight: Sight::None, end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"cut_mid_request","bytes":0}"#, sight: Sight::None, end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"expired_cursor"}"#, sight: Sight::None, end: Kept },
    Arrival { on: "careplan-received", fault: r#"{"kind":"cut_before_effect"}"#, sight: Sight::None, end: Kept },

    // One unit.
    Arrival { on: "careplan-unit", fault: r#"{"kind":"delay","delay_ms":8000}"#, sight: Sight::Item("HUB_TIMEOUT"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"cut_before_effect","times":2}"#, sight: Sight::Item("HUB_UNREACHABLE"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"cut_after_effect","times":2}"#, sight: Sight::Item("HUB_UNREACHABLE"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"cut_mid_answer","times":2}"#, sight: Sight::Item("HUB_UNREACHABLE"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"status_400"}"#, sight: Sight::Item("HUB_TROUBLE"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"status_401","body":"empty"}"#, sight: Sight::Item("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"status_403","body":"html"}"#, sight: Sight::Item("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"status_404","body":"html"}"#, sight: Sight::Item("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"status_429","retry_after":"2"}"#, sight: Sight::Item("HUB_BUSY"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"status_500"}"#, sight: Sight::Item("HUB_TROUBLE"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"status_503"}"#, sight: Sight::Item("HUB_TROUBLE"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"html_200"}"#, sight: Sight::Item("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"html_502"}"#, sight: Sight::Item("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"wrong_json"}"#, sight: Sight::Item("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"truncated_json"}"#, sight: Sight::Item("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"wrong_type"}"#, sight: Sight::None, end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"refuse","code":"E9001"}"#, sight: Sight::Item("HUB_TROUBLE"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"refuse","code":"E7777"}"#, sight: Sight::Item("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"refuse","code":"E3001"}"#, sight: Sight::Item("HUB_NOT_PERMITTED"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"not_offered"}"#, sight: Sight::Item("HUB_NOT_OFFERED"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"refuse","code":"E4040"}"#, sight: Sight::Item("HUB_ARRIVAL_GONE"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"expired_cursor"}"#, sight: Sight::Item("HUB_ARRIVAL_GONE"), end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"answer_twice"}"#, sight: Sight::None, end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"slow_body","bytes":1000}"#, sight: Sight::None, end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"close_idle"}"#, sight: Sight::None, end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"expire_tokens"}"#, sight: Sight::None, end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"cut_mid_request","bytes":0}"#, sight: Sight::None, end: Kept },
    Arrival { on: "careplan-unit", fault: r#"{"kind":"cut_before_effect"}"#, sight: Sight::None, end: Kept },

    // The word that it is here.
    Arrival { on: "careplan-ack", fault: r#"{"kind":"delay","delay_ms":8000}"#, sight: Sight::Log("HUB_TIMEOUT"), end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"cut_before_effect","times":2}"#, sight: Sight::Log("HUB_UNREACHABLE"), end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"cut_mid_request","bytes":0,"times":2}"#, sight: Sight::Log("HUB_UNREACHABLE"), end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"cut_after_effect","times":2}"#, sight: Sight::Log("HUB_UNREACHABLE"), end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"cut_mid_answer","times":2}"#, sight: Sight::Log("HUB_UNREACHABLE"), end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"status_400"}"#, sight: Sight::Log("HUB_TROUBLE"), end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"status_401","body":"empty"}"#, sight: Sight::Log("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"status_403","body":"html"}"#, sight: Sight::Log("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"status_404","body":"html"}"#, sight: Sight::Log("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"status_429","retry_after":"2"}"#, sight: Sight::Log("HUB_BUSY"), end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"status_500"}"#, sight: Sight::Log("HUB_TROUBLE"), end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"status_503"}"#, sight: Sight::Log("HUB_TROUBLE"), end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"html_200"}"#, sight: Sight::Log("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"html_502"}"#, sight: Sight::Log("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"wrong_json"}"#, sight: Sight::Log("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"truncated_json"}"#, sight: Sight::Log("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"wrong_type"}"#, sight: Sight::None, end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"refuse","code":"E9001"}"#, sight: Sight::Log("HUB_TROUBLE"), end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"refuse","code":"E7777"}"#, sight: Sight::Log("HUB_NONSENSE"), end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"not_offered"}"#, sight: Sight::Log("HUB_NOT_OFFERED"), end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"refuse","code":"E4040"}"#, sight: Sight::Log("HUB_ARRIVAL_GONE"), end: Untold },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"expired_cursor"}"#, sight: Sight::Log("HUB_ARRIVAL_GONE"), end: Untold },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"refuse","code":"E3001"}"#, sight: Sight::Log("HUB_NOT_PERMITTED"), end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"refuse","code":"E2102"}"#, sight: Sight::Log("HUB_REFUSED"), end: Untold },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"answer_twice"}"#, sight: Sight::None, end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"slow_body"}"#, sight: Sight::None, end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"close_idle"}"#, sight: Sight::None, end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"expire_tokens"}"#, sight: Sight::None, end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"cut_before_effect"}"#, sight: Sight::None, end: Kept },
    Arrival { on: "careplan-ack", fault: r#"{"kind":"cut_after_effect"}"#, sight: Sight::None, end: Kept },
];
