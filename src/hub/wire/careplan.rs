//! Care plans: the unit on its way out, the two lists, the unit that came, and the word on it.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use super::messages::{NUMBER_LIMIT, PageData, moment, page};
use super::{RECEIVED, escaped, plain};
use crate::hub::port::{Acknowledgement, Arrival, Change, RecipientState};
use crate::model::careplan::unit::{TooLarge, Unit};

/// Longest that is taken for an office's number; it has ten characters.
const FACILITY_LIMIT: usize = 32;

/// The exact bytes in which a unit goes to the hub: `{"to_facility","to_service_kind","unit"}`. Equal units give equal bytes.
///
/// # Errors
/// [`TooLarge`] when the unit is longer than the hub takes.
pub fn care_plan_body(unit: &Unit) -> Result<Vec<u8>, TooLarge> {
    let mut body = unit.to_json()?;
    let to = unit.to();
    let (facility, service_kind) = (Value::from(to.office.as_str()), Value::from(to.service_kind.as_str()));
    let head = format!(r#"{{"to_facility":{facility},"to_service_kind":{service_kind},"unit":"#);
    body.reserve_exact(head.len() + 1);
    body.splice(0..0, head.into_bytes());
    body.push(b'}');
    Ok(body)
}

/// What an arrival is told by.
pub(in crate::hub) const fn acknowledgement_body(what: Acknowledgement) -> Bytes {
    Bytes::from_static(match what {
        Acknowledgement::Downloaded => br#"{"state":"downloaded"}"#,
        Acknowledgement::Opened => br#"{"state":"opened"}"#,
    })
}

/// Where a unit is fetched; `None` for what cannot be the hub's name for one.
pub(in crate::hub) fn unit_path(id: &str) -> Option<String> {
    Some(format!("{RECEIVED}/{}", escaped(&name(id)?)))
}

/// Where the hub is told what became of a unit; `None` as of [`unit_path`].
pub(in crate::hub) fn acknowledgement_path(id: &str) -> Option<String> {
    Some(format!("{}/ack", unit_path(id)?))
}

/// The hub's name for a unit. It becomes a part of a path, where one or two dots have a meaning of their own.
fn name(id: &str) -> Option<String> {
    plain(id, NUMBER_LIMIT).filter(|id| id != "." && id != "..")
}

/// A page of what became of care plans sent.
pub(in crate::hub) fn recipients_data(data: &Value) -> Option<PageData<Change<RecipientState>>> {
    page(data, |item| {
        Some(Change {
            receipt_number: plain(item.get("receipt_number")?.as_str()?, NUMBER_LIMIT)?,
            state: RecipientState::parse(item.get("state")?.as_str()?)?,
            at: moment(item.get("at")?)?,
            reason: None,
        })
    })
}

/// A page of what other offices sent. To pass an entry over is to lose it, so one with a name is announced whatever else of
/// it cannot be read: texts are then empty, and the time is `now`. Without a name it could not be fetched either.
pub(in crate::hub) fn arrivals_data(data: &Value, now: Timestamp) -> Option<PageData<Arrival>> {
    page(data, |item| {
        let text = |name: &str, limit| item.get(name).and_then(Value::as_str).and_then(|text| plain(text, limit));
        Some(Arrival {
            id: name(item.get("id")?.as_str()?)?,
            from_facility: text("from_facility", FACILITY_LIMIT).unwrap_or_default(),
            kind: text("kind", NUMBER_LIMIT).unwrap_or_default(),
            receipt_number: text("receipt_number", NUMBER_LIMIT).unwrap_or_default(),
            at: item.get("at").and_then(moment).unwrap_or(now),
        })
    })
}

/// Whether the answer to an acknowledgement speaks of another unit than the one told of. It need not speak of any.
pub(in crate::hub) fn names_another(data: &Value, id: &str) -> bool {
    data.get("id").and_then(Value::as_str).is_some_and(|named| named != id)
}
