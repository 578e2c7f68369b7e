//! The wire form of a care plan on its way to one office.

use serde_json::Value;

use crate::model::careplan::unit::{TooLarge, Unit};

/// The exact bytes that go to the hub.
///
/// # Errors
/// [`TooLarge`] when the unit is longer than a hub takes.
pub fn care_plan_body(unit: &Unit) -> Result<Vec<u8>, TooLarge> {
    let (to, json) = (unit.to(), unit.to_json()?);
    let (office, service) = (Value::from(to.office.as_str()), Value::from(to.service_kind.as_str()));
    let head = format!(r#"{{"to_facility":{office},"to_service_kind":{service},"unit":"#);
    let mut body = Vec::with_capacity(head.len() + json.len() + 1);
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(&json);
    body.push(b'}');
    Ok(body)
}
