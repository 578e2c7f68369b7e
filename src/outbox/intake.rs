//! Taking a document in: encoded as it will travel, hashed, sealed and kept piece by piece while it arrives, so that a
//! 20 MiB document passes through a few hundred kilobytes of memory.
//!
//! Nothing is promised before [`Intake::finish`] returns; then the document is on stable storage. An intake that is dropped
//! leaves only sealed pieces behind, which are swept.

use std::sync::Arc;

use aws_lc_rs::digest;
use serde_json::Value;
use uuid::Uuid;

use super::request::{RequestHash, stored_key};
use super::view::{Acceptance, OutboxError, Sender};
use super::{Inner, machine, note, record};
use crate::credential::seal::{Sealer, TAG_BYTES};
use crate::fault::{Code, crash};
use crate::hub::OpinionWriter;
use crate::model::opinion::{MediaType, Opinion, Problem, Substitution};
use crate::store::{Accept, Accepted, DropSpool, NewEvent, NewSubmission, PutPiece, Row};

/// Octets of a document that are sealed together.
pub(super) const PIECE: usize = 64 * 1024;
/// Pieces between two looks at the room that is left.
const LOOK_EVERY: u32 = 16;
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
    inner: Arc<Inner>,
    sender: Sender,
    key: [u8; 32],
    id: Uuid,
    /// Taken when the document is complete.
    wire: Option<OpinionWriter>,
    signature: Option<String>,
    note: note::Note,
    insurer: String,
    due: i64,
    sealer: Sealer,
    buffer: Vec<u8>,
    pieces: u32,
    length: u64,
    hash: digest::Context,
    finished: bool,
}

impl Intake {
    pub(super) async fn begin(
        inner: Arc<Inner>,
        sender: &Sender,
        key: &str,
        new: NewOpinion,
    ) -> Result<Self, OutboxError> {
        inner.guard.admit(&inner.store).await?;
        let now = inner.clock.now();
        let id = Uuid::new_v7(uuid_time(now));
        let due = super::order::day_number(new.opinion.due_date().unwrap_or(jiff::civil::Date::MAX));
        let (wire, head) = OpinionWriter::begin(&new.opinion);
        let mut intake = Self {
            sender: sender.clone(),
            key: inner.stored_key(&sender.facility, key),
            id,
            wire: Some(wire),
            signature: new.signature,
            note: note::Note::new(&new.warnings, new.substitutions, new.originals),
            insurer: new.opinion.insurer_number().to_owned(),
            due,
            sealer: inner.keys.sealer(id.into_bytes())?,
            buffer: Vec::with_capacity(head.len() + TAG_BYTES),
            pieces: 0,
            length: 0,
            hash: digest::Context::new(&digest::SHA256),
            finished: false,
            inner,
        };
        intake.push(&head).await?;
        Ok(intake)
    }

    /// Opens the next attachment. `name` is the sender's file name.
    ///
    /// # Errors
    /// `REQUEST_TOO_LARGE`, or why it cannot be stored.
    pub async fn begin_attachment(&mut self, name: &str, media: MediaType) -> Result<(), OutboxError> {
        let bytes = self.wire()?.begin_attachment(name, media.name());
        self.push(&bytes).await
    }

    /// More bytes of the open attachment.
    ///
    /// # Errors
    /// `REQUEST_TOO_LARGE` when the form that goes to the hub passes [`WIRE_LIMIT`], or why it cannot be stored.
    pub async fn content(&mut self, chunk: &[u8]) -> Result<(), OutboxError> {
        for part in chunk.chunks(PIECE / 2) {
            let bytes = self.wire()?.content(part);
            self.push(&bytes).await?;
        }
        Ok(())
    }

    /// Closes the open attachment.
    ///
    /// # Errors
    /// As [`Intake::content`].
    pub async fn end_attachment(&mut self) -> Result<(), OutboxError> {
        let bytes = self.wire()?.end_attachment();
        self.push(&bytes).await
    }

    /// Accepts the document. When this returns `Ok`, it is on stable storage. `request` is of the whole request.
    ///
    /// # Errors
    /// `IDEMPOTENCY_CONFLICT` when the key was used for another document, or why it cannot be stored. Then nothing is kept.
    pub async fn finish(mut self, request: RequestHash) -> Result<Acceptance, OutboxError> {
        let wire = self.wire.take().ok_or(Code::GatewayInternal)?;
        let tail = wire.finish(self.signature.as_deref());
        self.push(&tail).await?;
        let body_hash = self.body_hash();
        let request_hash = request.finish();
        let accept = self.accept(body_hash, request_hash)?;
        let accepted_at = accept.new.accepted_at;
        crash::point("intake.before_accept");
        match self.inner.store.write(accept).await? {
            Accepted::New => {
                crash::point("intake.accepted");
                self.finished = true;
                self.inner.accepted();
                let accepted_at = record::time(accepted_at)?;
                let warnings = self.note.warnings.clone();
                Ok(Acceptance { id: self.id, accepted_at, sha256: body_hash, warnings, replayed: false })
            }
            Accepted::Earlier(row) => self.inner.replay(&row, &request_hash),
        }
    }

    fn wire(&mut self) -> Result<&mut OpinionWriter, OutboxError> {
        self.wire.as_mut().ok_or_else(|| Code::GatewayInternal.into())
    }

    fn accept(&mut self, body_hash: [u8; 32], request_hash: [u8; 32]) -> Result<Accept, OutboxError> {
        let now = self.inner.clock.now();
        let life = machine::Life::new();
        let mut last = std::mem::take(&mut self.buffer);
        self.sealer.seal(&mut last, true)?;
        let new = NewSubmission {
            id: self.id.into_bytes(),
            facility: self.sender.facility.clone(),
            sender: self.sender.id.clone(),
            idempotency_key: self.key,
            request_hash,
            body_hash,
            body_length: i64::try_from(self.length).unwrap_or(i64::MAX),
            key_id: self.sealer.key_id().to_owned(),
            salt: self.sealer.salt().to_vec(),
            note: self.note.seal(&self.inner.keys, self.id)?,
            insurer: self.insurer.clone(),
            accepted_at: now.as_millisecond(),
            due: self.due,
        };
        let event = NewEvent {
            at: now.as_millisecond(),
            facility: self.sender.facility.clone(),
            submission: Some(self.id.into_bytes()),
            kind: life.name().event_kind(),
            data: record::event_data(&life),
        };
        let start = (life.name().as_str(), Code::WaitTurn.name());
        Ok(Accept { new, last_piece: (self.pieces, last), start, event })
    }

    fn body_hash(&self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.hash.clone().finish().as_ref());
        out
    }

    async fn push(&mut self, mut bytes: &[u8]) -> Result<(), OutboxError> {
        self.length += bytes.len() as u64;
        if self.length > WIRE_LIMIT {
            return Err(Code::RequestTooLarge.into());
        }
        self.hash.update(bytes);
        while self.buffer.len() + bytes.len() > PIECE {
            let (now, rest) = bytes.split_at(PIECE - self.buffer.len());
            self.buffer.extend_from_slice(now);
            bytes = rest;
            self.spool().await?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Keeps a full piece. It is never the last one: the last piece is kept with the acceptance.
    async fn spool(&mut self) -> Result<(), OutboxError> {
        // Many large uploads at once could use up the room that was there when each of them began.
        if self.pieces % LOOK_EVERY == LOOK_EVERY - 1 {
            self.inner.guard.admit(&self.inner.store).await?;
        }
        let mut sealed = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE + TAG_BYTES));
        self.sealer.seal(&mut sealed, false)?;
        let at = self.inner.clock.now().as_millisecond();
        self.inner.store.write(PutPiece { body: self.id.into_bytes(), n: self.pieces, sealed, at }).await?;
        self.pieces += 1;
        crash::point("intake.spooled");
        Ok(())
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        if !self.finished && self.pieces > 0 {
            self.inner.store.write_later(DropSpool { body: self.id.into_bytes().to_vec() });
        }
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
        self.inner.replay(&self.row, &request.finish())
    }
}

impl Inner {
    fn stored_key(&self, facility: &str, key: &str) -> [u8; 32] {
        stored_key(&self.config().idempotency_secret, facility, key)
    }

    /// The answer to a repeat of an earlier request.
    fn replay(&self, row: &Row, request_hash: &[u8; 32]) -> Result<Acceptance, OutboxError> {
        if row.request_hash.as_slice() != request_hash.as_slice() {
            return Err(Code::IdempotencyConflict.into());
        }
        let id = Uuid::from_slice(&row.id).map_err(|_| Code::SubmissionDamaged)?;
        let warnings = note::Note::open(&self.keys, id, &row.note).map(|note| note.warnings).unwrap_or_default();
        let sha256 = row.body_hash.as_slice().try_into().map_err(|_| Code::SubmissionDamaged)?;
        Ok(Acceptance { id, accepted_at: record::time(row.accepted_at)?, sha256, warnings, replayed: true })
    }
}

fn uuid_time(now: jiff::Timestamp) -> uuid::Timestamp {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
    uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos)
}

/// A row's warnings as the sender was told them.
pub(super) type Warnings = Vec<Value>;
