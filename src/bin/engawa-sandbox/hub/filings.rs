//! Opinions filed, and what a key remembers for 400 days.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::event::{Filed, Refused};
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

/// A document on its way in: what will be kept of it.
#[derive(Clone, Debug)]
pub(crate) struct Paper {
    pub(crate) facility: String,
    pub(crate) key: Uuid,
    pub(crate) body_sha256: String,
    pub(crate) canonical_sha256: String,
    pub(crate) length: u64,
    pub(crate) insurer_number: String,
    pub(crate) request_number: String,
    pub(crate) attachments: u64,
}

/// The first answer to a key.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) at: Timestamp,
    pub(crate) trace_id: String,
    pub(crate) canonical_sha256: String,
    pub(crate) verdict: Verdict,
}

/// What became of a document.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    Accepted { receipt_number: String },
    Refused(Vec<HubError>),
}

impl Known {
    /// The first answer again.
    pub(crate) fn answer(&self) -> Result<Value, Refusal> {
        match &self.verdict {
            Verdict::Accepted { receipt_number } => {
                Ok(json!({"receipt_number": receipt_number, "accepted_at": stamp(self.at)}))
            }
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
    pub(crate) fn file(&mut self, paper: Paper, trace_id: &str, now: Timestamp) -> Result<Known, Failure> {
        let number = u64::try_from(self.filings.len())? + 1;
        let receipt_number = format!("S{number:07}-{}", derive(self.seed, "receipt", number, 6));
        let key = (paper.facility.clone(), paper.key);
        let filed = Filed {
            facility: paper.facility,
            key: paper.key,
            receipt_number,
            at: now,
            trace_id: trace_id.to_owned(),
            body_sha256: paper.body_sha256,
            canonical_sha256: paper.canonical_sha256,
            length: paper.length,
            insurer_number: paper.insurer_number,
            request_number: paper.request_number,
            attachments: paper.attachments,
        };
        self.commit(Event::Filed(Box::new(filed)))?;
        self.known.get(&key).cloned().ok_or_else(|| "a filing was not applied".into())
    }

    /// Remembers a final refusal under the key.
    pub(crate) fn refuse(
        &mut self,
        paper: Paper,
        errors: &[HubError],
        trace_id: &str,
        now: Timestamp,
    ) -> Result<(), Failure> {
        self.commit(Event::Refused(Box::new(Refused {
            facility: paper.facility,
            key: paper.key,
            at: now,
            trace_id: trace_id.to_owned(),
            body_sha256: paper.body_sha256,
            canonical_sha256: paper.canonical_sha256,
            errors: errors.to_vec(),
        })))
    }

    /// `submissions/lookup`.
    pub(crate) fn lookup(&self, key: &Key, now: Timestamp) -> Result<Value, HubError> {
        let known = self.known(key, now).ok_or_else(|| HubError::new("E4040", "この鍵は受け付けていません"))?;
        Ok(match &known.verdict {
            Verdict::Accepted { receipt_number } => json!({
                "idempotency_key": key.1, "outcome": "accepted",
                "receipt_number": receipt_number, "accepted_at": stamp(known.at),
            }),
            Verdict::Refused(errors) => json!({"idempotency_key": key.1, "outcome": "refused", "errors": errors}),
        })
    }

    pub(super) fn apply_filed(&mut self, filed: Filed) {
        let index = self.filings.len();
        self.by_receipt.insert(filed.receipt_number.clone(), index);
        let known = Known {
            at: filed.at,
            trace_id: filed.trace_id.clone(),
            canonical_sha256: filed.canonical_sha256.clone(),
            verdict: Verdict::Accepted { receipt_number: filed.receipt_number.clone() },
        };
        self.known.insert((filed.facility.clone(), filed.key), known);
        let (receipt, at) = (filed.receipt_number.clone(), filed.at);
        self.filings.push(Filing { filed, state: MunicipalState::Received });
        self.apply_moved(&receipt, MunicipalState::Received, at, None);
    }

    pub(super) fn apply_refused(&mut self, refused: Refused) {
        let known = Known {
            at: refused.at,
            trace_id: refused.trace_id,
            canonical_sha256: refused.canonical_sha256,
            verdict: Verdict::Refused(refused.errors),
        };
        self.known.insert((refused.facility, refused.key), known);
    }
}
