//! Opinions filed, and what the key of any write remembers for 400 days.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::event::{Asked, Filed, Refused};
use super::{Event, Hub, HubError, Key, MunicipalState, Refusal};
use crate::cli::Failure;
use crate::clock::stamp;
use crate::digest::derive;

const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);

/// An opinion the hub has.
pub(crate) struct Filing {
    pub(crate) filed: Filed,
    pub(crate) state: MunicipalState,
}

/// An opinion on its way in: what will be kept of it.
#[derive(Clone, Debug)]
pub(crate) struct Paper {
    pub(crate) user_id: String,
    pub(crate) insurer_number: String,
    pub(crate) request_number: String,
    pub(crate) attachments: u64,
}

/// The first answer to a key.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    at: Timestamp,
    pub(crate) trace_id: String,
    call: String,
    canonical_sha256: String,
    pub(crate) verdict: Verdict,
}

/// What became of a write.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// The answer's data.
    Accepted(Value),
    Refused(Vec<HubError>),
}

impl Known {
    /// Whether this is the same call with the same body.
    pub(crate) fn is_repeated_by(&self, asked: &Asked) -> bool {
        self.call == asked.call && self.canonical_sha256 == asked.canonical_sha256
    }

    /// The first answer again.
    pub(crate) fn answer(&self) -> Result<Value, Refusal> {
        match &self.verdict {
            Verdict::Accepted(data) => Ok(data.clone()),
            Verdict::Refused(errors) => Err(errors.clone().into()),
        }
    }
}

impl Hub {
    /// What a key remembers.
    pub(crate) fn known(&self, key: &Key, now: Timestamp) -> Option<&Known> {
        self.known.get(key).filter(|k| now.duration_since(k.at) <= KEPT)
    }

    /// Files a document: the effect.
    pub(crate) fn file(&mut self, asked: Asked, paper: Paper) -> Result<Known, Failure> {
        let number = u64::try_from(self.filings.len())? + 1;
        let receipt_number = format!("S{number:07}-{}", derive(self.seed, "receipt", number, 6));
        let Paper { user_id, insurer_number, request_number, attachments } = paper;
        let key = (asked.facility.clone(), asked.key);
        self.commit(Event::Filed(Box::new(Filed {
            asked,
            user_id,
            receipt_number,
            insurer_number,
            request_number,
            attachments,
        })))?;
        self.first_answer(&key)
    }

    /// Remembers a final refusal under the key.
    pub(crate) fn refuse(&mut self, asked: Asked, errors: &[HubError]) -> Result<(), Failure> {
        self.commit(Event::Refused(Box::new(Refused { asked, errors: errors.to_vec() })))
    }

    /// What was just committed, as it will be answered from here on.
    pub(super) fn first_answer(&self, key: &Key) -> Result<Known, Failure> {
        self.known.get(key).cloned().ok_or_else(|| "an effect was not applied".into())
    }

    /// `submissions/lookup`.
    pub(crate) fn lookup(&self, key: &Key, now: Timestamp) -> Result<Value, HubError> {
        let known = self.known(key, now).ok_or_else(|| HubError::new("E4040", "この鍵は受け付けていません"))?;
        let (outcome, first) = match &known.verdict {
            Verdict::Accepted(data) => ("accepted", data.clone()),
            Verdict::Refused(errors) => ("refused", json!({"errors": errors})),
        };
        let mut answer = json!({"idempotency_key": key.1, "outcome": outcome});
        if let (Value::Object(answer), Value::Object(first)) = (&mut answer, first) {
            answer.extend(first);
        }
        Ok(answer)
    }

    pub(super) fn apply_filed(&mut self, filed: Filed) {
        let index = self.filings.len();
        self.by_receipt.insert(filed.receipt_number.clone(), index);
        let (receipt, at) = (filed.receipt_number.clone(), filed.asked.at);
        self.remember(&filed.asked, Verdict::Accepted(json!({"receipt_number": receipt, "accepted_at": stamp(at)})));
        self.filings.push(Filing { filed, state: MunicipalState::Received });
        self.apply_moved(&receipt, MunicipalState::Received, at, None);
    }

    pub(super) fn apply_refused(&mut self, refused: Refused) {
        self.remember(&refused.asked, Verdict::Refused(refused.errors));
    }

    /// Ties a verdict to its key.
    pub(super) fn remember(&mut self, asked: &Asked, verdict: Verdict) {
        let known = Known {
            at: asked.at,
            trace_id: asked.trace_id.clone(),
            call: asked.call.clone(),
            canonical_sha256: asked.canonical_sha256.clone(),
            verdict,
        };
        self.known.insert((asked.facility.clone(), asked.key), known);
    }
}
