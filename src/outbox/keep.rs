//! Keeping what comes in: hashed, sealed and stored piece by piece, whatever it is, and accepted in one transaction.

use std::sync::Arc;

use aws_lc_rs::digest;
use uuid::Uuid;

use super::intake::WIRE_LIMIT;
use super::kind::Kind;
use super::note::Note;
use super::request::hub_key;
use super::view::{Acceptance, OutboxError, Sender};
use super::{Inner, machine, record};
use crate::credential::seal::{Sealer, TAG_BYTES};
use crate::fault::{Code, crash};
use crate::store::{Accept, AcceptBatch, Accepted, DropSpool, NewEvent, NewSubmission, PutPiece, Row};
use crate::vault::PIECE;

/// Pieces between two looks at the room that is left.
const LOOK_EVERY: u32 = 16;

/// Bytes on their way into the store. Dropped before they are accepted, they leave only sealed pieces, which are swept.
pub(super) struct Keeping {
    inner: Arc<Inner>,
    id: Uuid,
    sealer: Sealer,
    buffer: Vec<u8>,
    pieces: u32,
    length: u64,
    hash: digest::Context,
    finished: bool,
}

/// What is accepted beside the bytes.
pub(super) struct Particulars {
    /// What it is.
    pub kind: Kind,
    /// Who sends it.
    pub sender: Sender,
    /// The sender's key, as it is stored.
    pub key: [u8; 32],
    /// Tells a repeat from another request.
    pub request_hash: [u8; 32],
    /// Warnings and substitutions.
    pub note: Note,
    /// 保険者番号; empty where it is not addressed to one.
    pub insurer: String,
    /// Days since 1970.
    pub due: i64,
    /// Of a care plan: with what it is handed in, and where it stands in its queue.
    pub plan: Option<Plan>,
}

/// What a unit of care plans has beside its bytes.
pub(super) struct Plan {
    /// The id under which it is handed in.
    pub batch: Uuid,
    /// Keyed hash of the two offices.
    pub queue: String,
    /// Its place there.
    pub place: String,
    /// JSON without person data.
    pub about: String,
    /// The sender's key of all that is handed in together, as it is stored.
    pub key: [u8; 32],
    /// Which of them it is, wherever it stands among them.
    pub part: String,
}

/// One of several things that are accepted together.
pub(super) struct Together {
    keeping: Keeping,
    accept: Accept,
}

impl Keeping {
    /// Looks for room, mints the id and starts sealing.
    ///
    /// # Errors
    /// `STORAGE_FULL` with a forecast, or why nothing can be sealed or stored.
    pub(super) async fn begin(inner: Arc<Inner>) -> Result<Self, OutboxError> {
        inner.guard.admit(&inner.store, &inner.facility).await?;
        let id = inner.mint();
        Ok(Self {
            sealer: inner.keys.sealer(id.into_bytes())?,
            id,
            buffer: Vec::new(),
            pieces: 0,
            length: 0,
            hash: digest::Context::new(&digest::SHA256),
            finished: false,
            inner,
        })
    }

    /// More bytes.
    ///
    /// # Errors
    /// `REQUEST_TOO_LARGE` beyond [`WIRE_LIMIT`], or why they cannot be stored.
    pub(super) async fn push(&mut self, mut bytes: &[u8]) -> Result<(), OutboxError> {
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
        // Room for the seal too, so that sealing need not move it.
        self.buffer.reserve(bytes.len() + TAG_BYTES);
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Keeps a full piece. It is never the last one: the last piece is kept with the acceptance.
    async fn spool(&mut self) -> Result<(), OutboxError> {
        // Many large uploads at once could use up the room that was there when each of them began.
        if self.pieces % LOOK_EVERY == LOOK_EVERY - 1 {
            self.inner.guard.admit(&self.inner.store, &self.inner.facility).await?;
        }
        self.inner.incoming().insert(self.id);
        let mut sealed = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE + TAG_BYTES));
        self.sealer.seal(&mut sealed, false)?;
        let at = self.inner.clock.now().as_millisecond();
        let facility = self.inner.facility.to_string();
        self.inner.store.write(PutPiece { body: self.id.into_bytes(), facility, n: self.pieces, sealed, at }).await?;
        self.pieces += 1;
        crash::point("intake.spooled");
        Ok(())
    }

    /// Accepts. When this returns `Ok`, all of it is on stable storage.
    ///
    /// # Errors
    /// `IDEMPOTENCY_CONFLICT` when the key was used for another request, or why it cannot be stored. Then nothing is kept.
    pub(super) async fn accept(self, with: Particulars) -> Result<Acceptance, OutboxError> {
        let Together { keeping: mut this, accept } = self.complete(&with)?;
        let (accepted_at, sha256) = (accept.new.accepted_at, accept.new.body_hash);
        crash::point("intake.before_accept");
        match this.inner.store.write(accept).await? {
            Accepted::New => {
                crash::point("intake.accepted");
                this.finished = true;
                this.inner.accepted(1);
                let accepted_at = record::time(accepted_at)?;
                Ok(Acceptance { id: this.id, accepted_at, sha256, warnings: with.note.warnings, replayed: false })
            }
            Accepted::Earlier(row) | Accepted::Twice(row) => this.inner.replay(&row, with.kind, &with.request_hash),
        }
    }

    /// Seals the last piece. Nothing is accepted yet.
    ///
    /// # Errors
    /// When the cipher fails.
    pub(super) fn complete(mut self, with: &Particulars) -> Result<Together, OutboxError> {
        let mut last = std::mem::take(&mut self.buffer);
        self.sealer.seal(&mut last, true)?;
        let (new, event) = self.rows(with)?;
        let start = (super::StateName::Queued.as_str(), Code::WaitTurn.name());
        let record =
            with.sender.act.clone().map(|act| act.done(self.inner.clock.now(), self.reference(with)).to_line());
        let accept = Accept { new, last_piece: (self.pieces, last), start, event, record };
        Ok(Together { keeping: self, accept })
    }

    /// As the trail calls it.
    fn reference(&self, with: &Particulars) -> String {
        match (with.kind, &with.plan) {
            (_, Some(plan)) => format!("batch:{}", plan.batch),
            (Kind::Identification, None) => format!("identification:{}", self.id),
            (_, None) => format!("submission:{}", self.id),
        }
    }

    /// Accepts several together. `None`: all of them are on stable storage. Else nothing of it is kept, and the answer is the row
    /// that used a key of theirs before.
    ///
    /// # Errors
    /// `CAREPLAN_TWICE` when one of them was handed in under another key, or why they cannot be stored. Then nothing is kept.
    pub(super) async fn accept_all(inner: &Inner, all: Vec<Together>) -> Result<Option<Box<Row>>, OutboxError> {
        let (mut keepings, accepts): (Vec<_>, Vec<_>) = all.into_iter().map(|one| (one.keeping, one.accept)).unzip();
        crash::point("intake.before_accept");
        let accepted = inner.store.write(AcceptBatch(accepts)).await;
        if let Ok(Accepted::New) = accepted {
            crash::point("intake.accepted");
            keepings.iter_mut().for_each(|keeping| keeping.finished = true);
            inner.accepted(keepings.len());
            return Ok(None);
        }
        drop_all(inner, keepings).await;
        match accepted? {
            Accepted::New => Ok(None),
            Accepted::Earlier(row) => Ok(Some(row)),
            Accepted::Twice(row) => Err(OutboxError::twice(&row)),
        }
    }

    /// Gives up several that were to be accepted together.
    pub(super) async fn abandon(inner: &Inner, all: Vec<Together>) {
        drop_all(inner, all.into_iter().map(|one| one.keeping).collect()).await;
    }

    fn rows(&self, with: &Particulars) -> Result<(NewSubmission, NewEvent), OutboxError> {
        let now = self.inner.clock.now().as_millisecond();
        let life = machine::Life::new(with.kind);
        let new = NewSubmission {
            id: self.id.into_bytes(),
            kind: with.kind.as_str(),
            facility: with.sender.facility.clone(),
            sender: with.sender.id.clone(),
            idempotency_key: with.key,
            request_hash: with.request_hash,
            body_hash: self.body_hash(),
            body_length: i64::try_from(self.length).unwrap_or(i64::MAX),
            key_id: self.sealer.key_id().to_owned(),
            salt: self.sealer.salt().to_vec(),
            note: with.note.seal(&self.inner.keys, self.id)?,
            insurer: with.insurer.clone(),
            accepted_at: now,
            due: with.due,
            batch: with.plan.as_ref().map(|plan| plan.batch.into_bytes()),
            queue: with.plan.as_ref().map(|plan| plan.queue.clone()),
            place: with.plan.as_ref().map(|plan| plan.place.clone()),
            about: with.plan.as_ref().map(|plan| plan.about.clone()),
            hub_key: (!with.kind.repeatable()).then(|| self.inner.first_key(with).into_bytes()),
            hub_user: with.sender.hub_user.clone(),
        };
        let event = NewEvent {
            at: now,
            facility: with.sender.facility.clone(),
            submission: Some(self.id.into_bytes()),
            kind: life.name().event_kind(),
            data: record::event_data(&life, new.about.as_deref(), new.batch.as_ref().map(<[u8; 16]>::as_slice)),
        };
        Ok((new, event))
    }

    fn body_hash(&self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.hash.clone().finish().as_ref());
        out
    }
}

/// Drops the pieces of many in one write that is waited for: one for each would find no room in the writer's queue. What a full disk
/// does not let go is swept later.
async fn drop_all(inner: &Inner, mut keepings: Vec<Keeping>) {
    keepings.iter_mut().for_each(|keeping| keeping.finished = true);
    let spooled = keepings.iter().filter(|keeping| keeping.pieces > 0);
    let bodies: Vec<_> = spooled.map(|keeping| keeping.id.into_bytes().to_vec()).collect();
    if !bodies.is_empty()
        && let Err(error) = inner.store.write(DropSpool { bodies }).await
    {
        tracing::warn!(code = %error.code(), "outbox: pieces of what was not accepted are still there");
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.inner.incoming().remove(&self.id);
        if !self.finished && self.pieces > 0 {
            self.inner.store.write_later(DropSpool { bodies: vec![self.id.into_bytes().to_vec()] });
        }
    }
}

impl Inner {
    /// Under which the hub gets it first. What it may see twice without harm goes under no key.
    pub(super) fn first_key(&self, with: &Particulars) -> Uuid {
        let (key, part) = with.plan.as_ref().map_or((&with.key, ""), |plan| (&plan.key, plan.part.as_str()));
        hub_key(&self.config().idempotency_secret, key, &with.request_hash, part)
    }

    /// A new id; ids grow with time.
    pub(super) fn mint(&self) -> Uuid {
        Uuid::new_v7(uuid_time(self.clock.now()))
    }
}

fn uuid_time(now: jiff::Timestamp) -> uuid::Timestamp {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
    uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos)
}
