//! Taking a document in: encoded as it will travel, hashed, sealed and kept piece by piece while it arrives, so that a
//! 20 MiB document passes through a few hundred kilobytes of memory.
//!
//! Nothing is promised before [`Intake::finish`] returns; then the document is on stable storage. An intake that is dropped
//! leaves only sealed pieces behind, which are swept.

use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::keep::{Keeping, Particulars};
use super::kind::Kind;
use super::request::{RequestHash, stored_key};
use super::view::{Acceptance, OutboxError, Sender};
use super::{Inner, note, record};
use crate::fault::Code;
use crate::hub::OpinionWriter;
use crate::model::opinion::{MediaType, Opinion, Problem, Substitution};
use crate::store::Row;
use crate::vault::PIECE;

/// The hub takes bodies up to this size.
pub const WIRE_LIMIT: u64 = 20 * 1024 * 1024;

/// A parsed opinion on its way in. The attachments follow through [`Intake`].
pub struct NewOpinion {
    /// The opinion, with substitutions applied.
    pub opinion: Opinion,
    /// What was noticed and does not stand in the way.
    pub warnings: Vec<Problem>,
    /// The substitutions the sender stated.
    pub substitutions: Vec<Substitution>,
    /// The texts as sent, of every item that a substitution changed.
    pub originals: serde_json::Map<String, Value>,
    /// Optional electronic signature: base64 of a detached CMS, as the sender gave it.
    pub signature: Option<String>,
}

/// A document being taken in.
pub struct Intake {
    keeping: Keeping,
    sender: Sender,
    key: [u8; 32],
    wire: OpinionWriter,
    signature: Option<String>,
    note: note::Note,
    insurer: String,
    due: i64,
}

impl Intake {
    pub(super) async fn begin(
        inner: Arc<Inner>,
        sender: &Sender,
        key: &str,
        new: NewOpinion,
    ) -> Result<Self, OutboxError> {
        let key = inner.stored_key(&sender.facility, key);
        let mut keeping = Keeping::begin(inner).await?;
        let due = super::order::day_number(new.opinion.due_date().unwrap_or(jiff::civil::Date::MAX));
        let (wire, head) = OpinionWriter::begin(&new.opinion);
        keeping.push(&head).await?;
        Ok(Self {
            keeping,
            sender: sender.clone(),
            key,
            wire,
            signature: new.signature,
            note: note::Note::new(&new.warnings, new.substitutions, new.originals),
            insurer: new.opinion.insurer_number().to_owned(),
            due,
        })
    }

    /// Opens the next attachment. `name` is the sender's file name.
    ///
    /// # Errors
    /// `REQUEST_TOO_LARGE`, or why it cannot be stored.
    pub async fn begin_attachment(&mut self, name: &str, media: MediaType) -> Result<(), OutboxError> {
        let bytes = self.wire.begin_attachment(name, media.name());
        self.keeping.push(&bytes).await
    }

    /// More bytes of the open attachment.
    ///
    /// # Errors
    /// `REQUEST_TOO_LARGE` when the form that goes to the hub passes [`WIRE_LIMIT`], or why it cannot be stored.
    pub async fn content(&mut self, chunk: &[u8]) -> Result<(), OutboxError> {
        for part in chunk.chunks(PIECE / 2) {
            let bytes = self.wire.content(part);
            self.keeping.push(&bytes).await?;
        }
        Ok(())
    }

    /// Closes the open attachment.
    ///
    /// # Errors
    /// As [`Intake::content`].
    pub async fn end_attachment(&mut self) -> Result<(), OutboxError> {
        let bytes = self.wire.end_attachment();
        self.keeping.push(&bytes).await
    }

    /// Accepts the document. When this returns `Ok`, it is on stable storage. `request` is of the whole request.
    ///
    /// # Errors
    /// `IDEMPOTENCY_CONFLICT` when the key was used for another document, or why it cannot be stored. Then nothing is kept.
    pub async fn finish(mut self, request: RequestHash) -> Result<Acceptance, OutboxError> {
        let tail = self.wire.finish(self.signature.as_deref());
        self.keeping.push(&tail).await?;
        let with = Particulars {
            kind: Kind::Opinion,
            sender: self.sender,
            key: self.key,
            request_hash: request.finish(),
            note: self.note,
            insurer: self.insurer,
            due: self.due,
            plan: None,
        };
        self.keeping.accept(with).await
    }
}

/// A request whose key has been used: it is compared with the one that used it, and nothing is stored.
pub struct Repeat {
    inner: Arc<Inner>,
    row: Box<Row>,
}

impl Repeat {
    pub(super) async fn of(inner: &Arc<Inner>, sender: &Sender, key: &str) -> Result<Option<Self>, OutboxError> {
        let key = inner.stored_key(&sender.facility, key);
        let row = inner.store.submission_by_key(&sender.facility, &key).await?;
        Ok(row.map(|row| Self { inner: Arc::clone(inner), row: Box::new(row) }))
    }

    /// The first answer again.
    ///
    /// # Errors
    /// `IDEMPOTENCY_CONFLICT` when it is another request, or `SUBMISSION_DAMAGED`.
    pub fn finish(self, request: RequestHash) -> Result<Acceptance, OutboxError> {
        self.finish_hashed(Kind::Opinion, &request.finish())
    }

    /// The same by the hash as it is stored.
    pub(super) fn finish_hashed(self, kind: Kind, request_hash: &[u8; 32]) -> Result<Acceptance, OutboxError> {
        self.inner.replay(&self.row, kind, request_hash)
    }
}

impl Inner {
    pub(super) fn stored_key(&self, facility: &str, key: &str) -> [u8; 32] {
        stored_key(&self.config().idempotency_secret, facility, key)
    }

    /// The answer to a repeat of an earlier request.
    pub(super) fn replay(&self, row: &Row, kind: Kind, request_hash: &[u8; 32]) -> Result<Acceptance, OutboxError> {
        same_request(row, kind, request_hash)?;
        let id = Uuid::from_slice(&row.id).map_err(|_| Code::SubmissionDamaged)?;
        let warnings = note::Note::open(&self.keys, id, &row.note).map(|note| note.warnings).unwrap_or_default();
        let sha256 = row.body_hash.as_slice().try_into().map_err(|_| Code::SubmissionDamaged)?;
        Ok(Acceptance { id, accepted_at: record::time(row.accepted_at)?, sha256, warnings, replayed: true })
    }
}

/// Whether a row was made by this request. The same bytes under the same key are another request where they ask for another kind
/// of thing.
///
/// # Errors
/// `IDEMPOTENCY_CONFLICT`.
pub(super) fn same_request(row: &Row, kind: Kind, request_hash: &[u8; 32]) -> Result<(), OutboxError> {
    let same = row.kind == kind.as_str() && row.request_hash.as_slice() == request_hash.as_slice();
    if same { Ok(()) } else { Err(Code::IdempotencyConflict.into()) }
}

/// A row's warnings as the sender was told them.
pub(super) type Warnings = Vec<Value>;
