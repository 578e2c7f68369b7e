//! What must leave the house. STUB interface: bodies are being built; signatures are what `api` codes against.
#![allow(missing_docs, clippy::unused_async, clippy::unimplemented)]

use jiff::Timestamp;
use jiff::civil::Date;
use tokio::sync::watch;
use uuid::Uuid;

use crate::fault::Code;
use crate::hub::{HubError, MunicipalState, Receipt};
use crate::model::opinion::{MediaType, Opinion, Problem, Substitution};

/// Who submits, as the outbox needs to know it. Tier 4 rooms do not see each other: `api` turns a `Caller` into this.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sender {
    pub facility: String,
    pub id: String,
}

/// A parsed opinion on its way in. The attachments follow through [`Intake`].
pub struct NewOpinion {
    pub opinion: Opinion,
    pub warnings: Vec<Problem>,
    pub substitutions: Vec<Substitution>,
    /// Optional electronic signature: base64 of a detached CMS, as the sender gave it.
    pub signature: Option<String>,
}

/// What the sender is told once the document is on stable storage; the same again for a repeat under the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    pub id: Uuid,
    pub accepted_at: Timestamp,
    /// SHA-256 of the exact bytes that go to the hub.
    pub sha256: [u8; 32],
    pub warnings: Vec<Problem>,
    /// This is the answer to an earlier request with the same key.
    pub replayed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateName {
    Queued,
    Sending,
    Unknown,
    Held,
    Delivered,
    Returned,
    Cancelled,
}

/// A submission as its sender may see it.
#[derive(Clone, Debug)]
pub struct Submission {
    pub id: Uuid,
    pub kind: &'static str, // "opinion"
    pub accepted_at: Timestamp,
    pub sha256: [u8; 32],
    pub length: u64,
    pub due: Date,
    pub state: StateName,
    /// Why it is in this state (a WAIT_…, HUB_… or other code).
    pub reason: Option<Code>,
    /// When the gateway expects it at the hub (queued, sending, unknown) or tries next; None when nobody can say.
    pub eta: Option<Timestamp>,
    pub attempts: u32,
    pub receipt: Option<Receipt>,
    pub hub_errors: Vec<HubError>,
    pub municipality: Option<Municipality>,
    /// Stated substitutions, both forms (person data: only in the answer to its sender).
    pub substitutions: Vec<Substitution>,
    pub history: Vec<EventRecord>,
}

#[derive(Clone, Debug)]
pub struct Municipality {
    pub state: MunicipalState,
    pub at: Timestamp,
    pub reason: Option<String>,
}

/// One durable event. `seq` is the id of the server-sent event. `data` is JSON without person data.
#[derive(Clone, Debug)]
pub struct EventRecord {
    pub seq: i64,
    pub at: Timestamp,
    /// `submission.queued`, `submission.sending`, `submission.delivered`, … `submission.municipality`
    pub kind: String,
    pub submission: Option<Uuid>,
    pub data: serde_json::Value,
}

#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub state: Option<StateName>,
    /// Opaque, from the previous page.
    pub cursor: Option<String>,
    /// 1..=200
    pub limit: u16,
}

pub struct Page {
    /// `history` and `substitutions` are empty here.
    pub items: Vec<Submission>,
    pub next_cursor: Option<String>,
}

/// One part of the health report.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Health {
    /// `ok`, `degraded` or `failed`
    pub status: HealthStatus,
    pub reason: Option<Code>,
    /// Last time this part did its work.
    pub last_proof: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    Ok,
    Degraded,
    Failed,
}

/// A refusal or failure of the outbox; `code()` is what the caller is told.
#[derive(Debug, thiserror::Error)]
#[error("{code}")]
pub struct OutboxError {
    pub code: Code,
    /// Seconds after which it may be tried again, where known (507: forecast).
    pub retry_after: Option<u64>,
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The handle that `api` holds; cheap to clone.
#[derive(Clone)]
pub struct Outbox {}

impl Outbox {
    /// Starts taking an opinion in. Nothing is promised until [`Intake::finish`] returns.
    pub async fn begin(
        &self,
        _sender: &Sender,
        _idempotency_key: &str,
        _new: NewOpinion,
    ) -> Result<Intake, OutboxError> {
        unimplemented!()
    }
    pub async fn submission(&self, _facility: &str, _id: Uuid) -> Result<Option<Submission>, OutboxError> {
        unimplemented!()
    }
    pub async fn submissions(&self, _facility: &str, _filter: &Filter) -> Result<Page, OutboxError> {
        unimplemented!()
    }
    /// Err SUBMISSION_STATE / SUBMISSION_IN_FLIGHT / REQUEST_NOT_FOUND.
    pub async fn cancel(&self, _sender: &Sender, _id: Uuid) -> Result<Submission, OutboxError> {
        unimplemented!()
    }
    pub async fn retry(&self, _sender: &Sender, _id: Uuid) -> Result<Submission, OutboxError> {
        unimplemented!()
    }
    /// Events of the facility after `after` (exclusive), oldest first.
    pub async fn events_after(
        &self,
        _facility: &str,
        _after: i64,
        _limit: u16,
    ) -> Result<Vec<EventRecord>, OutboxError> {
        unimplemented!()
    }
    /// (oldest replayable seq, newest seq): a `Last-Event-ID` below the oldest - 1 cannot be resumed without a gap.
    pub async fn event_bounds(&self, _facility: &str) -> Result<(i64, i64), OutboxError> {
        unimplemented!()
    }
    /// Changes to the newest seq wake event streams.
    pub fn event_watch(&self) -> watch::Receiver<i64> {
        unimplemented!()
    }
    /// Named parts: `storage`, `outbox`, `hub`.
    pub async fn health(&self) -> Vec<(&'static str, Health)> {
        unimplemented!()
    }
}

/// A document being taken in, chunk by chunk; dropped unfinished, it leaves nothing behind.
pub struct Intake {}

impl Intake {
    /// Opens the next attachment. `name` is the sender's file name.
    pub async fn begin_attachment(&mut self, _name: &str, _media: MediaType) -> Result<(), OutboxError> {
        unimplemented!()
    }
    /// More bytes of the open attachment. Err REQUEST_TOO_LARGE when the wire form passes 20 MiB.
    pub async fn content(&mut self, _chunk: &[u8]) -> Result<(), OutboxError> {
        unimplemented!()
    }
    pub async fn end_attachment(&mut self) -> Result<(), OutboxError> {
        unimplemented!()
    }
    /// Commits. When this returns Ok the document is on stable storage.
    pub async fn finish(self) -> Result<Acceptance, OutboxError> {
        unimplemented!()
    }
}
