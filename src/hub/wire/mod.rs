//! The hub's paths and JSON names. The day the real names are at hand, this module changes and no other.

mod careplan;
mod envelope;
mod identity;
mod messages;
mod opinion;

pub use careplan::care_plan_body;
pub(super) use careplan::{
    acknowledgement_body, acknowledgement_path, arrivals_data, names_another, recipients_data, unit_path,
};
pub(super) use envelope::{Envelope, ErrorEntry};
pub(super) use identity::{assertion_body, challenge_body, challenge_data, person_data};
pub(super) use messages::{
    Capabilities, PageData, TokenGrant, changes_data, known_parts, login_body, logout_body, lookup_body, lookup_data,
    receipt, refresh_body,
};
pub use opinion::{OpinionHead, OpinionWriter};

pub(super) const LOGIN: &str = "/api/v1/login";
pub(super) const REFRESH: &str = "/api/v1/token/refresh";
pub(super) const LOGOUT: &str = "/api/v1/logout";
pub(super) const CAPABILITIES: &str = "/api/v1/capabilities";
pub(super) const OPINIONS: &str = "/api/v1/opinions";
pub(super) const CHANGES: &str = "/api/v1/opinions/changes";
pub(super) const SENT: &str = "/api/v1/careplans/5.0/sent";
pub(super) const RECEIVED: &str = "/api/v1/careplans/5.0/received";
pub(super) const LOOKUP: &str = "/api/v1/submissions/lookup";
pub(super) const CHALLENGES: &str = "/api/v1/identity/challenges";
pub(super) const ASSERTIONS: &str = "/api/v1/identity/assertions";
pub(super) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The list at `path` after `cursor`, which is opaque and therefore escaped.
pub(super) fn after(path: &str, cursor: Option<&str>) -> String {
    cursor.map_or_else(|| path.to_owned(), |cursor| format!("{path}?cursor={}", escaped(cursor)))
}

/// Something opaque as a part of a path.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// A name the hub gave (a code, a receipt number, a trace id): short and printable, or it is not one.
fn plain(text: &str, limit: usize) -> Option<String> {
    let fits = !text.is_empty() && text.chars().count() <= limit && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}
