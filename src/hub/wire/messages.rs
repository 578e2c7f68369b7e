//! The members of requests and answers.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::envelope::{ErrorEntry, entries};
use super::plain;
use crate::hub::port::{Change, MunicipalState, Receipt};
use crate::order;

pub(super) const NUMBER_LIMIT: usize = 128;
const CURSOR_LIMIT: usize = 4096;
const JOB_KIND_LIMIT: usize = 32;
/// No token of the hub lives longer than a day; a larger figure is a mistake.
const LONGEST_LIFE: u64 = 24 * 3600;

/// The login request. Wiped when the last copy of it is dropped.
pub(in crate::hub) fn login_body(user_id: &str, password: &str) -> Bytes {
    #[derive(Serialize)]
    struct Login<'a> {
        user_id: &'a str,
        password: &'a str,
    }
    private(&Login { user_id, password }, user_id.len() + password.len())
}

/// The refresh request.
pub(in crate::hub) fn refresh_body(refresh_token: &str) -> Bytes {
    #[derive(Serialize)]
    struct Refresh<'a> {
        refresh_token: &'a str,
    }
    private(&Refresh { refresh_token }, refresh_token.len())
}

/// A message that is wiped when the last copy of it is dropped. `content`: how many bytes its members come to, unescaped.
pub(super) fn private(message: &impl Serialize, content: usize) -> Bytes {
    // Escapes lengthen a character up to six times; room for all of it avoids unwiped copies.
    let mut body = Zeroizing::new(Vec::with_capacity(content * 6 + 64));
    // Writing strings into memory does not fail; an empty body would be refused as malformed.
    let _ = serde_json::to_writer(&mut *body, message);
    Bytes::from_owner(body)
}

/// The request to forget a token, which stands in its header.
pub(in crate::hub) const fn logout_body() -> Bytes {
    Bytes::from_static(b"{}")
}

/// The question about a key.
pub(in crate::hub) fn lookup_body(key: Uuid) -> Bytes {
    Bytes::from(format!(r#"{{"idempotency_key":"{key}"}}"#))
}

/// Tokens, from login or refresh.
pub(in crate::hub) struct TokenGrant {
    pub(in crate::hub) access_token: SecretString,
    expires_in: u64,
    pub(in crate::hub) refresh_token: Option<SecretString>,
    refresh_expires_in: u64,
    /// The user's job kind.
    pub(in crate::hub) job_kind: Option<String>,
}

impl TokenGrant {
    pub(in crate::hub) fn parse(mut data: Value) -> Option<Self> {
        let mut token = |name: &str| match data.get_mut(name).map(Value::take) {
            Some(Value::String(token)) if !token.is_empty() => Some(SecretString::from(token)),
            _ => None,
        };
        Some(Self {
            access_token: token("access_token")?,
            refresh_token: token("refresh_token"),
            job_kind: data.get("job_kind").and_then(Value::as_str).and_then(|kind| plain(kind, JOB_KIND_LIMIT)),
            expires_in: data.get("expires_in")?.as_u64()?,
            refresh_expires_in: data.get("refresh_expires_in").and_then(Value::as_u64).unwrap_or_default(),
        })
    }

    /// How long the access token lives.
    pub(in crate::hub) fn life(&self) -> Duration {
        Duration::from_secs(self.expires_in.min(LONGEST_LIFE))
    }

    /// How long the refresh token lives.
    pub(in crate::hub) fn refresh_life(&self) -> Duration {
        Duration::from_secs(self.refresh_expires_in.min(LONGEST_LIFE))
    }
}

/// What a hub offers, by the names of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::hub) struct Capabilities(BTreeSet<String>);

impl Capabilities {
    pub(in crate::hub) fn parse(data: &Value) -> Option<Self> {
        let list = data.as_array().or_else(|| data.get("capabilities")?.as_array())?;
        let names = list.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
        names.map(|names| Self(order::set(names)))
    }

    pub(in crate::hub) fn has_opinions(&self) -> bool {
        self.0.contains("opinions")
    }

    pub(in crate::hub) fn has_lookup(&self) -> bool {
        self.0.contains("submissions")
    }

    pub(in crate::hub) fn has_care_plans(&self) -> bool {
        self.0.contains("careplans")
    }

    pub(in crate::hub) fn has_identity(&self) -> bool {
        self.0.contains("identity")
    }
}

/// A hub that announces nothing offers what is known of the real one; opinions and look-ups are not.
pub(in crate::hub) fn known_parts() -> Capabilities {
    Capabilities(order::set(["careplans".to_owned()]))
}

/// The receipt in `data`.
pub(in crate::hub) fn receipt(data: &Value, trace_id: Option<String>) -> Option<Receipt> {
    let number = plain(data.get("receipt_number")?.as_str()?, NUMBER_LIMIT)?;
    Some(Receipt { number, accepted_at: moment(data.get("accepted_at")?)?, trace_id })
}

pub(super) fn moment(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// What a look-up found, if it speaks of the key asked.
pub(in crate::hub) fn lookup_data(
    data: &Value,
    key: Uuid,
    trace_id: Option<String>,
) -> Option<Result<Receipt, Vec<ErrorEntry>>> {
    let answered: Uuid = data.get("idempotency_key")?.as_str()?.parse().ok()?;
    match data.get("outcome")?.as_str()? {
        "accepted" if answered == key => receipt(data, trace_id).map(Ok),
        "refused" if answered == key => entries(data.get("errors")?, None).map(Err),
        _ => None,
    }
}

/// A page of the feed of opinions.
pub(in crate::hub) fn changes_data(data: &Value) -> Option<PageData<Change>> {
    page(data, change)
}

/// A page of a list: its entries, how many of them could not be read, and the next cursor.
pub(in crate::hub) type PageData<T> = (Vec<T>, usize, String);

/// An entry that `read` makes nothing of is counted and passed over: one bad entry must not stop a feed for ever.
pub(super) fn page<T>(data: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<PageData<T>> {
    let items = data.get("items")?.as_array()?;
    let next = data.get("next_cursor")?.as_str().and_then(|cursor| plain(cursor, CURSOR_LIMIT))?;
    let read: Vec<T> = items.iter().filter_map(read).collect();
    let unread = items.len() - read.len();
    Some((read, unread, next))
}

fn change(item: &Value) -> Option<Change> {
    let state = match item.get("state")?.as_str()? {
        "received" => MunicipalState::Received,
        "forwarded" => MunicipalState::Forwarded,
        "accepted" => MunicipalState::Accepted,
        "returned" => MunicipalState::Returned,
        _ => return None,
    };
    Some(Change {
        receipt_number: plain(item.get("receipt_number")?.as_str()?, NUMBER_LIMIT)?,
        state,
        at: moment(item.get("at")?)?,
        reason: item.get("reason").and_then(Value::as_str).map(str::to_owned),
    })
}
