//! Care plans on their way out: units handed in together, one for each office, each a submission of its own.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Outbox;
use super::request::RequestHash;
use super::view::{OutboxError, Sender, Submission};
use crate::fault::Code;
use crate::model::careplan::unit::Unit;
use crate::model::opinion::Substitution;

/// Units that are handed in together: all of them are accepted, or none.
pub struct NewBatch {
    /// The units, never none; one for each recipient.
    pub units: Vec<NewUnit>,
    /// What was noticed and does not stand in the way, as the sender is told it.
    pub warnings: Vec<Value>,
    /// Statutory or agreed date; without one, that of each unit's kind and month.
    pub due: Option<Date>,
}

/// One unit on its way in.
pub struct NewUnit {
    /// The unit, with substitutions applied.
    pub unit: Unit,
    /// Names of the files it was made of.
    pub files: Vec<String>,
    /// The substitutions the sender stated.
    pub substitutions: Vec<Substitution>,
    /// The texts as sent, of every item that a substitution changed, by pointer.
    pub originals: Map<String, Value>,
}

/// What was handed in together.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Its id; no submission's.
    pub id: Uuid,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// One for each office, in the order in which they were handed in.
    pub deliveries: Vec<Submission>,
    /// What was noticed at acceptance and did not stand in the way.
    pub warnings: Vec<Value>,
    /// This is the answer to an earlier request with the same key.
    pub replayed: bool,
}

impl Outbox {
    /// Takes units in. When this returns `Ok`, all of them are on stable storage. `request` is of the whole request: under one
    /// key of the facility the same request is the same batch.
    ///
    /// # Errors
    /// `IDEMPOTENCY_CONFLICT` when the key was used for another request, `STORAGE_FULL` with a forecast, or the store's failure.
    /// Then nothing is kept.
    pub async fn hand_in(
        &self,
        _sender: &Sender,
        _idempotency_key: &str,
        _request: RequestHash,
        _batch: NewBatch,
    ) -> Result<Batch, OutboxError> {
        Err(Code::GatewayBusy.into())
    }

    /// The batch that this key was used for, if it was, to be answered again before anything is judged.
    ///
    /// # Errors
    /// `IDEMPOTENCY_CONFLICT` when the key was used for another request, or the store's failure.
    pub async fn handed_in(
        &self,
        _sender: &Sender,
        _idempotency_key: &str,
        _request: &[u8; 32],
    ) -> Result<Option<Batch>, OutboxError> {
        Ok(None)
    }

    /// A batch of a facility.
    ///
    /// # Errors
    /// The store's failure, or `SUBMISSION_DAMAGED` when a row does not parse.
    pub async fn batch(&self, _facility: &str, _id: Uuid) -> Result<Option<Batch>, OutboxError> {
        Ok(None)
    }

    /// A person sends it on paper instead: from here on it never goes to the hub.
    ///
    /// # Errors
    /// `SUBMISSION_STATE` when the hub has it or may have it, or it is of a kind that has no way on paper; `SUBMISSION_IN_FLIGHT`,
    /// `REQUEST_NOT_FOUND`, or the store's failure.
    pub async fn on_paper(&self, _sender: &Sender, _id: Uuid) -> Result<Submission, OutboxError> {
        Err(Code::SubmissionState.into())
    }
}
