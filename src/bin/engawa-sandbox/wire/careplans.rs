//! `careplans/5.0/…`: care plans from office to office.

use std::sync::MutexGuard;

use serde_json::Value;

use super::calls::{Inbound, not_for_you, refused};
use super::keyed::{self, Judged};
use super::{Answer, Operation};
use crate::cli::Failure;
use crate::faults::Fault;
use crate::hub::plans::PlanState;
use crate::hub::{Hub, HubError, Refusal};
use crate::rules::careplan;
use crate::run::Sandbox;

/// Lists and units, for every account of a care office.
pub(super) fn read(sandbox: &Sandbox, inbound: &Inbound) -> Result<Result<Value, Refusal>, Failure> {
    let facility = inbound.identity.facility.as_str();
    let cursor = inbound.cursor.as_deref();
    let hub = sandbox.hub();
    let data = match inbound.operation {
        _ if inbound.identity.kind == "iryo" => Err(not_for_you()),
        Operation::CareplanSentList => hub.sent(facility, cursor),
        Operation::CareplanReceived => hub.received(facility, cursor),
        _ => hub.received_unit(facility, inbound.id())?,
    };
    Ok(data.map_err(Refusal::from))
}

/// Sends a unit to one office, or registers one.
pub(super) fn file(sandbox: &Sandbox, inbound: &Inbound, user: &str, fault: Option<&Fault>) -> Result<Answer, Failure> {
    let sends = inbound.operation == Operation::CareplanSent;
    let (asked, body) = match keyed::asked(sandbox, inbound, inbound.operation.name().to_owned()) {
        Ok(asked) => asked,
        Err(error) => return Ok(refused(sandbox, inbound, error)),
    };
    let (body, mut errors) = match body {
        Ok(body) => {
            let errors = careplan::check(&body, sends);
            (body, errors)
        }
        Err(error) => (Value::Null, vec![error]),
    };
    let mut hub = sandbox.hub();
    if !may_file(sandbox, inbound, hub.job_kind(user)) {
        errors = vec![not_for_you()];
    }
    if errors.is_empty() {
        errors = objections(sandbox, &hub, &body, sends);
    }
    match keyed::judge(sandbox, inbound, &mut hub, asked, errors, fault)? {
        Judged::Answered(answer) => Ok(answer),
        Judged::Granted(asked) => {
            let unit = body.get("unit").unwrap_or(&Value::Null);
            let known = hub.dispatch(asked, user, careplan::content(&body), unit)?;
            Ok(keyed::first(sandbox, &known))
        }
    }
}

/// Care managers and care workers send; what is registered for the person is the care manager's alone, of an office that
/// makes care plans.
fn may_file(sandbox: &Sandbox, inbound: &Inbound, job_kind: &str) -> bool {
    let plans = |number: &str| {
        let facility = sandbox.world.facility(number);
        facility.is_some_and(|f| ["43", "46"].into_iter().any(|kind| f.offers(kind)))
    };
    match (inbound.identity.kind.as_str(), job_kind) {
        ("iryo", _) => false,
        (_, "care_manager") => inbound.operation == Operation::CareplanSent || plans(&inbound.identity.facility),
        (_, "care_worker") => inbound.operation == Operation::CareplanSent,
        _ => false,
    }
}

/// What the hub has against a unit of good shape: what is final comes first, and alone.
fn objections(sandbox: &Sandbox, hub: &MutexGuard<'_, Hub>, body: &Value, sends: bool) -> Vec<HubError> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    if sends && let Err(error) = recipient(sandbox, hub, text("to_facility"), text("to_service_kind")) {
        return vec![error];
    }
    let today = sandbox.clock.today();
    let (mut refused, mut held) = (Vec::new(), Vec::new());
    for (number, field) in careplan::insurers(body) {
        if let Err(error) = hub.insurer(&number, today).map_err(|error| error.at(field)) {
            if error.code == "E3003" { held.push(error) } else { refused.push(error) }
        }
    }
    if refused.is_empty() { held } else { refused }
}

fn recipient(sandbox: &Sandbox, hub: &MutexGuard<'_, Hub>, number: &str, service_kind: &str) -> Result<(), HubError> {
    let refused = |field: &str| HubError::new("E3004", "送付先の事業所は参加していません").at(field);
    let found = sandbox.world.facility(number).filter(|f| f.kind != "iryo" && hub.takes_part(f));
    let found = found.ok_or_else(|| refused("/to_facility"))?;
    if found.offers(service_kind) { Ok(()) } else { Err(refused("/to_service_kind")) }
}

/// `POST received/{id}/ack`: the recipient's word, from any of its accounts.
pub(super) fn ack(sandbox: &Sandbox, inbound: &Inbound, user: &str, fault: Option<&Fault>) -> Result<Answer, Failure> {
    let id = inbound.id();
    let (asked, body) = match keyed::asked(sandbox, inbound, format!("{}/{id}", inbound.operation.name())) {
        Ok(asked) => asked,
        Err(error) => return Ok(refused(sandbox, inbound, error)),
    };
    let state = body.and_then(|body| stated(&body));
    let mut hub = sandbox.hub();
    let mut errors: Vec<_> = state.as_ref().err().cloned().into_iter().collect();
    if inbound.identity.kind == "iryo" {
        errors = vec![not_for_you()];
    } else if let Err(error) = hub.has_received(&asked.facility, id) {
        errors = vec![error];
    }
    match (keyed::judge(sandbox, inbound, &mut hub, asked, errors, fault)?, state) {
        (Judged::Answered(answer), _) => Ok(answer),
        (Judged::Granted(_), Err(error)) => Ok(refused(sandbox, inbound, error)),
        (Judged::Granted(asked), Ok(state)) => {
            let known = hub.acknowledge(asked, user, id, state)?;
            Ok(keyed::first(sandbox, &known))
        }
    }
}

fn stated(body: &Value) -> Result<PlanState, HubError> {
    let body = body.as_object().ok_or_else(|| HubError::new("E2001", "JSONのオブジェクトではありません"))?;
    if let Some(name) = body.keys().find(|name| *name != "state") {
        return Err(HubError::new("E2105", "不明な項目です").at(format!("/{name}")));
    }
    match body.get("state").map(|state| state.as_str()) {
        Some(Some("downloaded")) => Ok(PlanState::Downloaded),
        Some(Some("opened")) => Ok(PlanState::Opened),
        Some(_) => Err(HubError::new("E2102", "downloadedまたはopenedです").at("/state")),
        None => Err(HubError::new("E2101", "必須の項目がありません").at("/state")),
    }
}
