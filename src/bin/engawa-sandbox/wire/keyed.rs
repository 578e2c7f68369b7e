//! Writes: the same key, call and body get the first answer again; anything else under the key is E2002.

use std::sync::MutexGuard;

use serde_json::Value;

use super::Answer;
use super::calls::{Inbound, is_verdict, refused};
use crate::cli::Failure;
use crate::digest::canonical;
use crate::faults::{Fault, spoil};
use crate::hub::{Asked, Hub, HubError, Known, Refusal};
use crate::rules::LIMIT;
use crate::run::Sandbox;

/// What comes before an effect.
pub(super) enum Judged {
    /// There is none: a repetition, or a refusal.
    Answered(Answer),
    /// Nothing speaks against it.
    Granted(Asked),
}

/// Who asks what, and the body, where it is JSON. Where it is not, "the same body" means the same bytes.
pub(super) fn asked(
    sandbox: &Sandbox,
    inbound: &Inbound,
    call: String,
) -> Result<(Asked, Result<Value, HubError>), HubError> {
    let missing = || HubError::new("E2003", "Idempotency-KeyにUUIDが必要です").at("Idempotency-Key");
    let key = inbound.key.ok_or_else(missing)?;
    let body = parse(inbound);
    let asked = Asked {
        facility: inbound.identity.facility.clone(),
        key,
        call,
        at: sandbox.clock.now(),
        trace_id: inbound.trace_id.clone(),
        body_sha256: inbound.body_sha256.clone(),
        canonical_sha256: body.as_ref().map_or_else(|_| inbound.body_sha256.clone(), canonical),
        length: inbound.length,
    };
    Ok((asked, body))
}

fn parse(inbound: &Inbound) -> Result<Value, HubError> {
    if inbound.body.len() > LIMIT {
        return Err(HubError::new("E2004", "本文が20 MiBを超えています"));
    }
    serde_json::from_slice(&inbound.body).map_err(|_| HubError::new("E2001", "JSONではありません"))
}

/// Looks at the key, then at what speaks against the write (`fault` may carry a verdict of its own), and keeps a final
/// refusal under the key.
pub(super) fn judge(
    sandbox: &Sandbox,
    inbound: &Inbound,
    hub: &mut MutexGuard<'_, Hub>,
    asked: Asked,
    mut errors: Vec<HubError>,
    fault: Option<&Fault>,
) -> Result<Judged, Failure> {
    if let Some(known) = hub.known(&(asked.facility.clone(), asked.key), asked.at) {
        return Ok(Judged::Answered(repeat(sandbox, inbound, known, &asked)));
    }
    if let Some(fault) = fault.filter(|f| is_verdict(inbound, f)) {
        errors = spoil::refusal(fault).errors;
    }
    if errors.is_empty() {
        return Ok(Judged::Granted(asked));
    }
    let refusal = Refusal::from(errors);
    if refusal.is_final() {
        hub.refuse(asked, &refusal.errors)?;
    }
    Ok(Judged::Answered(refused(sandbox, inbound, refusal)))
}

fn repeat(sandbox: &Sandbox, inbound: &Inbound, known: &Known, asked: &Asked) -> Answer {
    if known.is_repeated_by(asked) {
        first(sandbox, known)
    } else {
        let error = HubError::new("E2002", "同じ鍵で別の本文が送られました").at("Idempotency-Key");
        refused(sandbox, inbound, error)
    }
}

/// The first answer, its trace id included.
pub(super) fn first(sandbox: &Sandbox, known: &Known) -> Answer {
    match known.answer() {
        Ok(data) => Answer::ok(&data, &known.trace_id),
        Err(refusal) => Answer::refused(&refusal, sandbox.always_200, &known.trace_id),
    }
}
