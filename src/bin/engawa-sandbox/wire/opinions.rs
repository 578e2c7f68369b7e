//! `POST /api/v1/opinions`.

use serde_json::Value;

use super::Answer;
use super::calls::{Inbound, not_for_you};
use super::keyed::{self, Judged};
use crate::cli::Failure;
use crate::faults::Fault;
use crate::hub::Paper;
use crate::rules;
use crate::run::Sandbox;

/// Files an opinion, or refuses it. Only a doctor's account may file.
pub(super) fn file(sandbox: &Sandbox, inbound: &Inbound, user: &str, fault: Option<&Fault>) -> Result<Answer, Failure> {
    let (asked, body) = match keyed::asked(sandbox, inbound, "opinions".to_owned()) {
        Ok(asked) => asked,
        Err(error) => return Ok(super::calls::refused(sandbox, inbound, error)),
    };
    let mut errors = match &body {
        Ok(body) => rules::check(body),
        Err(error) => vec![error.clone()],
    };
    let paper = paper(body.as_ref().ok(), user);
    let mut hub = sandbox.hub();
    if inbound.identity.kind != "iryo" || hub.job_kind(user) != "doctor" {
        errors = vec![not_for_you()];
    }
    if errors.is_empty()
        && let Err(error) = hub.insurer(&paper.insurer_number, sandbox.clock.today())
    {
        errors.push(error);
    }
    match keyed::judge(sandbox, inbound, &mut hub, asked, errors, fault)? {
        Judged::Answered(answer) => Ok(answer),
        Judged::Granted(asked) => Ok(keyed::first(sandbox, &hub.file(asked, paper)?)),
    }
}

/// What is kept of an opinion beside its hashes.
fn paper(body: Option<&Value>, user: &str) -> Paper {
    let text = |name: &str| body.and_then(|b| b.get(name)).and_then(Value::as_str).unwrap_or_default().to_owned();
    let attachments = body.and_then(|b| b.get("attachments")).and_then(Value::as_array).map_or(0, Vec::len);
    Paper {
        user_id: user.to_owned(),
        insurer_number: text("insurer_number"),
        request_number: text("request_number"),
        attachments: u64::try_from(attachments).unwrap_or(0),
    }
}
