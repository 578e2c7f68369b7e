//! `POST /api/v1/identity/assertions`: what each method has to show.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::calls::{Inbound, object};
use crate::cli::Failure;
use crate::hub::identity::{Method, Shown};
use crate::hub::register::CardCertificate;
use crate::hub::{HubError, Refusal};
use crate::run::Sandbox;

/// Checks what is shown and keeps the assertion. The challenge is used up before anything else is looked at.
pub(super) fn assert(sandbox: &Sandbox, inbound: &Inbound, user_id: &str) -> Result<Result<Value, Refusal>, Failure> {
    let now = sandbox.clock.now();
    let facility = inbound.identity.facility.as_str();
    let begun = object(&inbound.body).and_then(|body| {
        let id = text(&body, "challenge_id")?;
        let challenge = sandbox.hub().use_challenge(facility, &id, now)?;
        Ok((shown(sandbox, facility, &body, &challenge.bytes)?, id))
    });
    match begun {
        Ok((shown, id)) => Ok(Ok(sandbox.hub().assert(facility, user_id, &id, shown, now)?)),
        Err(error) => Ok(Err(error.into())),
    }
}

fn shown(sandbox: &Sandbox, facility: &str, body: &Map<String, Value>, challenge: &[u8]) -> Result<Shown, HubError> {
    match text(body, "method")?.as_str() {
        "pin" => {
            let certificate = certificate(sandbox, body)?;
            let signature = bytes(body, "signature")?;
            if !certificate.verifies(challenge, &signature) {
                return Err(HubError::new("E2306", "署名を検証できません").at("/signature"));
            }
            Ok(by_card(Method::Pin, certificate, Vec::new()))
        }
        "visual" => {
            let staff = staff(sandbox, facility, body)?;
            Ok(by_card(Method::Visual, certificate(sandbox, body)?, staff))
        }
        "document" => document(sandbox, facility, body),
        _ => Err(HubError::new("E2102", "pin、visual、documentのいずれかです").at("/method")),
    }
}

fn by_card(method: Method, certificate: CardCertificate, staff_ids: Vec<String>) -> Shown {
    let CardCertificate { serial, holder, .. } = certificate;
    Shown {
        method,
        insurer_number: holder.insurer_number,
        insured_number: holder.insured_number,
        certificate_serial: Some(serial),
        staff_ids,
        document_kind: None,
    }
}

fn document(sandbox: &Sandbox, facility: &str, body: &Map<String, Value>) -> Result<Shown, HubError> {
    let staff_ids = staff(sandbox, facility, body)?;
    let kind = text(body, "document_kind")?;
    let (insurer, insured) = (text(body, "insurer_number")?, text(body, "insured_number")?);
    let known = sandbox.world.people.iter().any(|p| p.insurer_number == insurer && p.insured_number == insured);
    if !known {
        return Err(HubError::new("E2309", "被保険者が見つかりません").at("/insured_number"));
    }
    Ok(Shown {
        method: Method::Document,
        insurer_number: insurer,
        insured_number: insured,
        certificate_serial: None,
        staff_ids,
        document_kind: Some(kind),
    })
}

fn certificate(sandbox: &Sandbox, body: &Map<String, Value>) -> Result<CardCertificate, HubError> {
    let found = CardCertificate::check(&sandbox.dir, &bytes(body, "certificate")?, sandbox.clock.now())?;
    if sandbox.hub().revoked(&found.serial).unwrap_or(found.holder.revoked) {
        return Err(HubError::new("E2305", "証明書は失効しています").at("/certificate"));
    }
    Ok(found)
}

/// Two different members of this facility's staff.
fn staff(sandbox: &Sandbox, facility: &str, body: &Map<String, Value>) -> Result<Vec<String>, HubError> {
    let list = body.get("staff_ids").ok_or_else(|| missing("staff_ids"))?;
    let ids: Vec<String> = serde_json::from_value(list.clone()).map_err(|_| malformed("staff_ids"))?;
    let ours = |id: &String| sandbox.world.accounts.iter().any(|a| a.user_id == *id && a.facility == facility);
    match &ids[..] {
        [one, other] if one != other && ours(one) && ours(other) => Ok(ids),
        _ => Err(HubError::new("E2308", "この事業所の異なる職員2名が必要です").at("/staff_ids")),
    }
}

fn text(body: &Map<String, Value>, name: &str) -> Result<String, HubError> {
    match body.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(Value::Null) | None => Err(missing(name)),
        Some(_) => Err(malformed(name)),
    }
}

fn bytes(body: &Map<String, Value>, name: &str) -> Result<Vec<u8>, HubError> {
    STANDARD.decode(text(body, name)?).map_err(|_| malformed(name))
}

fn missing(name: &str) -> HubError {
    HubError::new("E2101", "必須の項目がありません").at(format!("/{name}"))
}

fn malformed(name: &str) -> HubError {
    HubError::new("E2102", "形式が正しくありません").at(format!("/{name}"))
}
