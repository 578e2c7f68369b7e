//! `POST /api/v1/opinions`: the same key and body get the first answer again; another body under the key is E2002.

use serde_json::Value;
use uuid::Uuid;

use super::Answer;
use super::calls::{Inbound, not_for_you, refused};
use crate::cli::Failure;
use crate::digest::canonical;
use crate::faults::{Fault, spoil};
use crate::hub::{HubError, Known, Paper, Refusal};
use crate::rules::{self, LIMIT};
use crate::run::Sandbox;

/// Files an opinion, or refuses it; `fault` may carry a verdict of its own. Only a doctor's account may file.
pub(super) fn file(sandbox: &Sandbox, inbound: &Inbound, user: &str, fault: Option<&Fault>) -> Result<Answer, Failure> {
    let Some(key) = inbound.key else {
        let error = HubError::new("E2003", "Idempotency-KeyにUUIDが必要です").at("Idempotency-Key");
        return Ok(refused(sandbox, inbound, error));
    };
    let body = parse(inbound);
    let mut errors = match &body {
        Ok(body) => rules::check(body),
        Err(error) => vec![error.clone()],
    };
    let paper = paper(inbound, key, body.as_ref().ok());
    let now = sandbox.clock.now();
    let mut hub = sandbox.hub();
    if inbound.identity.kind != "iryo" || hub.job_kind(user) != "doctor" {
        errors = vec![not_for_you()];
    }
    if let Some(known) = hub.known(&(paper.facility.clone(), key), now) {
        return Ok(repeat(sandbox, inbound, known, &paper));
    }
    if let Some(fault) = fault.filter(|f| super::calls::is_verdict(inbound, f)) {
        errors = spoil::refusal(fault).errors;
    } else if errors.is_empty()
        && let Err(error) = hub.insurer(&paper.insurer_number, sandbox.clock.today())
    {
        errors.push(error);
    }
    if errors.is_empty() {
        let known = hub.file(paper, &inbound.trace_id, now)?;
        return Ok(first(sandbox, &known));
    }
    let refusal = Refusal::from(errors);
    if refusal.is_final() {
        hub.refuse(paper, &refusal.errors, &inbound.trace_id, now)?;
    }
    Ok(refused(sandbox, inbound, refusal))
}

fn parse(inbound: &Inbound) -> Result<Value, HubError> {
    if inbound.body.len() > LIMIT {
        return Err(HubError::new("E2004", "本文が20 MiBを超えています"));
    }
    serde_json::from_slice(&inbound.body).map_err(|_| HubError::new("E2001", "JSONではありません"))
}

/// What is kept of a document. Where it is no JSON, "the same body" means the same bytes.
fn paper(inbound: &Inbound, key: Uuid, body: Option<&Value>) -> Paper {
    let text = |name: &str| body.and_then(|b| b.get(name)).and_then(Value::as_str).unwrap_or_default().to_owned();
    let attachments = body.and_then(|b| b.get("attachments")).and_then(Value::as_array).map_or(0, Vec::len);
    Paper {
        facility: inbound.identity.facility.clone(),
        key,
        body_sha256: inbound.body_sha256.clone(),
        canonical_sha256: body.map_or_else(|| inbound.body_sha256.clone(), canonical),
        length: inbound.length,
        insurer_number: text("insurer_number"),
        request_number: text("request_number"),
        attachments: u64::try_from(attachments).unwrap_or(0),
    }
}

fn repeat(sandbox: &Sandbox, inbound: &Inbound, known: &Known, paper: &Paper) -> Answer {
    if known.canonical_sha256 == paper.canonical_sha256 {
        first(sandbox, known)
    } else {
        let error = HubError::new("E2002", "同じ鍵で別の本文が送られました").at("Idempotency-Key");
        refused(sandbox, inbound, error)
    }
}

/// The first answer, its trace id included.
fn first(sandbox: &Sandbox, known: &Known) -> Answer {
    match known.answer() {
        Ok(data) => Answer::ok(&data, &known.trace_id),
        Err(refusal) => Answer::refused(&refusal, sandbox.always_200, &known.trace_id),
    }
}
