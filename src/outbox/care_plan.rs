//! Care plans on their way out: units handed in together, one for each office, each a submission of its own.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{Span, Timestamp};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::intake::same_request;
use super::keep::{Keeping, Particulars, Plan, Together};
use super::kind::Kind;
use super::machine::Input;
use super::note::Note;
use super::request::{RequestHash, keyed, salt, stored_key, stored_key_of};
use super::view::{About, OutboxError, Sender, Submission};
use super::{Inner, Outbox, order, record};
use crate::fault::Code;
use crate::hub::care_plan_body;
use crate::model::careplan::Direction;
use crate::model::careplan::unit::Unit;
use crate::model::opinion::Substitution;
use crate::store::Row;

/// The most units that are handed in together.
pub const BATCH_LIMIT: u16 = 2_000;
/// Days in which a unit is due that belongs to no month.
const WEEK: i64 = 7;
/// Day of the next month on which results are due.
const RESULTS_DUE: i8 = 5;

/// Units that are handed in together: all of them are accepted, or none.
pub struct NewBatch {
    /// The units, never none and at most [`BATCH_LIMIT`]; one for each recipient.
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
    /// `IDEMPOTENCY_CONFLICT` when the key was used for another request, `CAREPLAN_TWICE` with the earlier submission when a unit of
    /// this kind and stamp was handed in under another key and neither cancelled nor returned, `REQUEST_TOO_LARGE` when a unit is
    /// too long or there are more than [`BATCH_LIMIT`], `STORAGE_FULL` with a forecast, or the store's failure. Then nothing is kept.
    pub async fn hand_in(
        &self,
        sender: &Sender,
        idempotency_key: &str,
        request: RequestHash,
        batch: NewBatch,
    ) -> Result<Batch, OutboxError> {
        self.inner.serves(sender)?;
        let request = request.finish();
        if let Some(earlier) = self.handed_in(sender, idempotency_key, &request).await? {
            return Ok(earlier);
        }
        match batch.units.len() {
            0 => return Err(Code::GatewayInternal.into()),
            count if count > usize::from(BATCH_LIMIT) => return Err(Code::RequestTooLarge.into()),
            _ => {}
        }
        let secret = self.inner.config().idempotency_secret;
        let (id, request_hash) = (self.inner.mint(), keyed(&secret, &request));
        let today = order::date_of(order::day_in_japan(self.inner.clock.now()));
        let mut all = Vec::with_capacity(batch.units.len());
        let mut warnings = batch.warnings;
        let (whole, mut parts) = (stored_key(&secret, &sender.facility, idempotency_key), Parts::default());
        for (number, new) in batch.units.into_iter().enumerate() {
            let due = batch.due.unwrap_or_else(|| due(&new.unit, today));
            let plan = plan(&new.unit, new.files, &secret).map(|(queue, place, about)| {
                let part = parts.name(&new.unit);
                Plan { batch: id, queue, place, about, key: whole, part }
            });
            let with = Particulars {
                kind: Kind::CarePlan,
                // One record for all of what was handed in together.
                sender: Sender { act: sender.act.clone().filter(|_| number == 0), ..sender.clone() },
                key: stored_key_of(&secret, &sender.facility, idempotency_key, number),
                request_hash,
                // What was noticed of all stands with the first.
                note: Note {
                    warnings: std::mem::take(&mut warnings),
                    substitutions: new.substitutions,
                    originals: new.originals,
                },
                insurer: String::new(),
                due: order::day_number(due),
                plan: None,
            };
            let kept = match plan {
                Ok(plan) => keep(&self.inner, new.unit, &Particulars { plan: Some(plan), ..with }).await,
                Err(error) => Err(error),
            };
            match kept {
                Ok(one) => all.push(one),
                Err(error) => {
                    Keeping::abandon(&self.inner, all).await;
                    return Err(error);
                }
            }
        }
        match Keeping::accept_all(&self.inner, all).await? {
            None => self.batch(&sender.facility, id).await?.ok_or_else(|| Code::GatewayInternal.into()),
            Some(row) => self.again(&row, &request_hash).await,
        }
    }

    /// The batch that this key was used for, if it was, to be answered again before anything is judged.
    ///
    /// # Errors
    /// `IDEMPOTENCY_CONFLICT` when the key was used for another request, or the store's failure.
    pub async fn handed_in(
        &self,
        sender: &Sender,
        idempotency_key: &str,
        request: &[u8; 32],
    ) -> Result<Option<Batch>, OutboxError> {
        let key = self.inner.stored_key(&sender.facility, idempotency_key);
        let Some(row) = self.inner.store.submission_by_key(&sender.facility, &key).await? else { return Ok(None) };
        let request_hash = keyed(&self.inner.config().idempotency_secret, request);
        self.again(&row, &request_hash).await.map(Some)
    }

    /// The answer to a repeat of an earlier request.
    async fn again(&self, row: &Row, request_hash: &[u8; 32]) -> Result<Batch, OutboxError> {
        same_request(row, Kind::CarePlan, request_hash)?;
        let id = row.batch.as_deref().and_then(|id| Uuid::from_slice(id).ok()).ok_or(Code::SubmissionDamaged)?;
        let batch = self.batch(&row.facility, id).await?.ok_or(Code::SubmissionDamaged)?;
        Ok(Batch { replayed: true, ..batch })
    }

    /// A batch of a facility, without the histories of its deliveries, and without the `eta` of those that wait behind another. What has reached its retention is missing in it.
    ///
    /// # Errors
    /// The store's failure, or `SUBMISSION_DAMAGED` when a row does not parse.
    pub async fn batch(&self, facility: &str, id: Uuid) -> Result<Option<Batch>, OutboxError> {
        let rows = self.inner.store.batch(facility, id.as_bytes(), BATCH_LIMIT).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let first_id = Uuid::from_slice(&first.id).map_err(|_| Code::SubmissionDamaged)?;
        let warnings =
            Note::open(&self.inner.keys, first_id, &first.note).map(|note| note.warnings).unwrap_or_default();
        let accepted_at = record::time(first.accepted_at)?;
        let mut deliveries = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut view = self.inner.view(row)?;
            // What is behind another has its own look: of a whole queue it would take the square of its length.
            if view.reason != Some(Code::WaitEarlier) {
                view.eta = self.inner.eta(row, &view).await;
            }
            deliveries.push(view);
        }
        Ok(Some(Batch { id, accepted_at, deliveries, warnings, replayed: false }))
    }

    /// A person sends it on paper instead: from here on it never goes to the hub.
    ///
    /// # Errors
    /// `SUBMISSION_STATE` when the hub has it, or it is of a kind that has no way on paper; `PAPER_TOO_LATE` when the hub may have it;
    /// `SUBMISSION_IN_FLIGHT`, `REQUEST_NOT_FOUND`, or the store's failure.
    pub async fn on_paper(&self, sender: &Sender, id: Uuid) -> Result<Submission, OutboxError> {
        self.person(sender, id, || Input::OnPaper).await
    }
}

/// Names each unit of what is handed in together by what it is. Its number would not do: in which order the units of a request stand is
/// a matter of the version that reads it, and with a number alone one would get the hub's receipt of another.
#[derive(Default)]
struct Parts(HashMap<String, usize>);

impl Parts {
    fn name(&mut self, unit: &Unit) -> String {
        let (from, to) = (unit.from(), unit.to());
        let month = unit.month().map(|month| month.to_string()).unwrap_or_default();
        let name = [
            &*unit.kind().id.to_string(),
            &from.office,
            &from.service_kind,
            &to.office,
            &to.service_kind,
            unit.stamp(),
            &month,
            if unit.is_delete() { "delete" } else { "" },
        ]
        .join("\0");
        // Nothing above forbids that one request holds two of one name; the hub must not take the second for the first.
        let before = self.0.entry(name.clone()).or_default();
        *before += 1;
        format!("{name}\0{before}")
    }
}

/// Queue, place there, and what can be told of it.
fn plan(unit: &Unit, files: Vec<String>, secret: &[u8; 32]) -> Result<(String, String, String), OutboxError> {
    let about = serde_json::to_string(&About::of(unit, files)).map_err(|_| Code::GatewayInternal)?;
    let place = format!("{}{}", unit.stamp(), u8::from(unit.is_delete()));
    Ok((unit.lane(secret), place, about))
}

/// Keeps the bytes that go to the hub. The unit is let go as soon as they are there.
async fn keep(inner: &Arc<Inner>, unit: Unit, with: &Particulars) -> Result<Together, OutboxError> {
    let mut keeping = Keeping::begin(inner.clone()).await?;
    let body = zeroize::Zeroizing::new(care_plan_body(&unit).map_err(|_| Code::RequestTooLarge)?);
    drop(unit);
    keeping.push(&body).await?;
    let salt = salt(&inner.config().idempotency_secret, inner.first_key(with));
    keeping.push(&white(salt)).await?;
    keeping.complete(with)
}

/// White space behind the JSON holds 128 bits that nobody can guess. The hash over the bytes stands in clear, and a unit that removes
/// one person's record says so little that it could be guessed from a plain one.
fn white(salt: u128) -> Vec<u8> {
    (0..u128::BITS).map(|bit| if (salt >> bit) & 1 == 0 { b' ' } else { b'\t' }).collect()
}

/// When a unit is due that nobody gave a date: plans of a month the day before it begins, results on the fifth of the next,
/// everything else in a week. `today` is a date in Japan.
fn due(unit: &Unit, today: Date) -> Date {
    let first = unit.month().and_then(|month| Date::new(month.year, month.month, 1).ok());
    match (first, unit.kind().direction) {
        (Some(first), Direction::Plan) => first.saturating_sub(Span::new().days(1)),
        (Some(first), Direction::Result) => {
            first.saturating_add(Span::new().months(1)).saturating_add(Span::new().days(RESULTS_DUE - 1))
        }
        (None, _) => today.saturating_add(Span::new().days(WEEK)),
    }
}
