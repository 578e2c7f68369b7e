//! Identifications by two witnesses: recorded while the hub cannot be reached, shown to it later, and whom it knew kept for
//! the terminal that asked.
//!
//! Showing changes nothing at the hub but who holds a token, so it may be done again, each time under a fresh challenge.

use std::time::Duration;

use aws_lc_rs::digest;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::keep::{Keeping, Particulars};
use super::kind::Kind;
use super::request::{RequestHash, keyed};
use super::send::{Sent, Told};
use super::view::{Acceptance, OutboxError, Sender, StateName, Submission};
use super::{Inner, Outbox, note, order};
use crate::credential::seal::Keyring;
use crate::fault::Code;
use crate::hub::{Asserted, Delivery, Faulty, HubPort, Outcome, Receipt, Refusal, Scope, Trouble};
use crate::model::identity::{Assurance, Evidence, Person, Witnessed};
use crate::store::{Reseal, Store};
use crate::vault::{Damage, PIECE};

/// A hub that does not offer identification is asked again after this time: it learns that by an update, not by a repair.
const NOT_OFFERED_PAUSE: Duration = Duration::from_secs(3600);

impl Outbox {
    /// Takes an identification by witnesses in, to be shown to the hub when the line allows. Under the same key of the
    /// facility the same evidence is the same identification.
    ///
    /// # Errors
    /// `IDEMPOTENCY_CONFLICT`, `STORAGE_FULL` with a forecast, or the store's failure.
    pub async fn identify_later(
        &self,
        sender: &Sender,
        idempotency_key: &str,
        evidence: &Witnessed,
    ) -> Result<Acceptance, OutboxError> {
        self.inner.serves(sender)?;
        let request = serde_json::to_value(evidence).map_err(|_| Code::GatewayInternal)?;
        let request_hash = keyed(&self.inner.config().idempotency_secret, &RequestHash::new(&request, None).finish());
        if let Some(repeat) = self.repeat(sender, idempotency_key).await? {
            return repeat.finish_hashed(Kind::Identification, &request_hash);
        }
        let salted = Salted { salt: Uuid::new_v4(), evidence };
        let record = Zeroizing::new(serde_json::to_vec(&salted).map_err(|_| Code::GatewayInternal)?);
        if record.len() > PIECE {
            return Err(Code::RequestTooLarge.into());
        }
        let mut keeping = Keeping::begin(self.inner.clone()).await?;
        keeping.push(&record).await?;
        let with = Particulars {
            kind: Kind::Identification,
            sender: sender.clone(),
            key: self.inner.stored_key(&sender.facility, idempotency_key),
            request_hash,
            note: note::Note::default(),
            insurer: String::new(),
            // Somebody waits at the counter.
            due: order::day_in_japan(self.inner.clock.now()),
            plan: None,
        };
        keeping.accept(with).await
    }

    /// An identification of this facility, and whom the hub knows by it once it has been shown. A token that has expired by
    /// the box's clock is not given out any more: it is empty then.
    ///
    /// # Errors
    /// The store's failure, or `SUBMISSION_DAMAGED` or `MASTER_KEY_MISSING` when what the hub told cannot be opened.
    pub async fn identification(
        &self,
        facility: &str,
        id: Uuid,
    ) -> Result<Option<(Submission, Option<Person>)>, OutboxError> {
        let row = self.inner.store.submission(id.as_bytes()).await?;
        let own = |row: &crate::store::Row| row.facility == facility && row.kind == Kind::Identification.as_str();
        let Some(row) = row.filter(own) else { return Ok(None) };
        let submission = self.inner.full_view(&row).await?;
        if submission.state != StateName::Delivered {
            return Ok(Some((submission, None)));
        }
        let told = row.columns.outcome.as_deref().ok_or(Code::SubmissionDamaged)?;
        let mut person = open_person(&self.inner.keys, id, told)?;
        if person.expires_at <= self.inner.clock.now() {
            person.token = Zeroizing::default();
        }
        Ok(Some((submission, Some(person))))
    }
}

/// The record as it is kept. What a document says of a person is a few digits: the hash over the record, which stands in
/// clear, would betray them to whoever tries them all. The salt is sealed with the record and goes nowhere else.
#[derive(serde::Serialize)]
struct Salted<'a> {
    salt: Uuid,
    #[serde(flatten)]
    evidence: &'a Witnessed,
}

/// Shows a stored identification to the hub, under a challenge of its own.
pub(super) async fn show<H: HubPort>(inner: &Inner, hub: &H, delivery: Delivery, damage: &Damage) -> Sent {
    let id = delivery.key;
    let shown = async {
        let evidence = Evidence::Witnessed(read(delivery, damage).await.map_err(Outcome::NotDelivered)?);
        let challenge = hub.challenge().await.map_err(not_judged)?;
        match hub.assert(&challenge, &evidence).await.map_err(not_judged)? {
            Asserted::Known(person) => seal_person(&inner.keys, id, &person)
                .map(|sealed| (challenge.id, Told { sealed, serves_until: person.expires_at }))
                .map_err(|error| Outcome::NotDelivered(Trouble::of(error.code, Scope::Try))),
            Asserted::Refused(refusal) => Err(refused(refusal)),
        }
    };
    match shown.await {
        Ok((number, told)) => {
            let receipt = Receipt { number, accepted_at: inner.clock.now(), trace_id: None };
            Sent { outcome: Outcome::Accepted(receipt), told: Some(told) }
        }
        Err(outcome) => Sent { outcome, told: None },
    }
}

/// A spent challenge says nothing of the evidence, which is shown again under another: as often as it may fail of its own.
fn refused(refusal: Refusal) -> Outcome {
    if refusal.code != Code::HubRefused {
        return Outcome::Refused(refusal);
    }
    match Faulty::of(&refusal) {
        Faulty::Challenge => {
            let trace_id = refusal.trace_id;
            Outcome::NotDelivered(Trouble { trace_id, ..Trouble::of(Code::ChallengeSpent, Scope::Item) })
        }
        part => Outcome::Refused(Refusal { code: part.code(), ..refusal }),
    }
}

/// Trouble on the way, by what may be done about it.
fn not_judged(trouble: Trouble) -> Outcome {
    match trouble.code {
        // That this hub identifies nobody is no trouble of the line. Each waits for itself, and closes the way to none.
        Code::HubNotOffered => {
            let retry_after = trouble.retry_after.unwrap_or_default().max(NOT_OFFERED_PAUSE);
            Outcome::NotDelivered(Trouble { scope: Scope::Try, retry_after: Some(retry_after), ..trouble })
        }
        Code::HubInsurerNotLive => Outcome::NotLive { live_from: None, trace_id: trouble.trace_id },
        // So a refused challenge is told; waiting does not change it.
        code @ (Code::HubRefused | Code::HubNotPermitted | Code::HubNoConsent | Code::HubRecipientAbsent) => {
            Outcome::Refused(Refusal { code, errors: Vec::new(), trace_id: trouble.trace_id })
        }
        _ => Outcome::NotDelivered(trouble),
    }
}

/// The record as it was accepted; its hash is checked on the way.
async fn read(delivery: Delivery, damage: &Damage) -> Result<Witnessed, Trouble> {
    let damaged = || Trouble::of(Code::SubmissionDamaged, Scope::Item);
    if delivery.length > PIECE as u64 {
        damage.report();
        return Err(damaged());
    }
    // What went wrong with the bytes, the body has reported; else storage could not be read at this moment.
    let record = delivery.body.collect().await.map_err(|_| damaged())?.to_bytes();
    serde_json::from_slice(&record).map_err(|_| {
        damage.report();
        damaged()
    })
}

/// A [`Person`] as it is kept, sealed.
#[derive(serde::Serialize, serde::Deserialize)]
struct Kept<S> {
    token: S,
    expires_at: Timestamp,
    insurer_number: S,
    insured_number: S,
    assurance: Assurance,
}

fn seal_person(keys: &Keyring, id: Uuid, person: &Person) -> Result<Vec<u8>, OutboxError> {
    let kept = Kept {
        token: person.token.as_str(),
        expires_at: person.expires_at,
        insurer_number: &person.insurer_number,
        insured_number: &person.insured_number,
        assurance: person.assurance,
    };
    let text = Zeroizing::new(serde_json::to_vec(&kept).map_err(|_| Code::GatewayInternal)?);
    Ok(keys.seal_note(document(id), &text)?)
}

/// Takes tokens that have expired by `now` out of what is kept of a facility, at most `few` at a time: such a secret is of no more use
/// to anybody but a thief. Tells how many.
///
/// # Errors
/// The store's failure.
pub(super) async fn forget_tokens(
    store: &Store,
    keys: &Keyring,
    facility: &str,
    (now, few): (Timestamp, u16),
) -> Result<u64, OutboxError> {
    let mut gone = 0;
    let delivered = StateName::Delivered.as_str();
    for ripe in store.ripe(facility, delivered, now.as_millisecond(), i64::MAX, few).await? {
        let Some(row) = store.submission(&ripe.id).await? else { continue };
        let Some(told) = row.columns.outcome else { continue };
        let id = Uuid::from_slice(&ripe.id).map_err(|_| Code::SubmissionDamaged)?;
        let sealed = match open_person(keys, id, &told) {
            Ok(person) if person.expires_at > now => continue,
            Ok(person) => seal_person(keys, id, &Person { token: Zeroizing::default(), ..person })?,
            // Nobody reads it any more. It is not looked at again.
            Err(error) if error.code == Code::SubmissionDamaged => told.clone(),
            // A key that is not loaded may come back.
            Err(_) => continue,
        };
        store.write(Reseal { id: id.into_bytes(), before: told, after: sealed }).await?;
        gone += 1;
    }
    Ok(gone)
}

fn open_person(keys: &Keyring, id: Uuid, sealed: &[u8]) -> Result<Person, OutboxError> {
    let text = keys.open_note(document(id), sealed)?;
    let kept: Kept<String> = serde_json::from_slice(&text).map_err(|_| Code::SubmissionDamaged)?;
    Ok(Person {
        token: Zeroizing::new(kept.token),
        expires_at: kept.expires_at,
        insurer_number: kept.insurer_number,
        insured_number: kept.insured_number,
        assurance: kept.assurance,
    })
}

/// Its seal has a name of its own, so that no other note of the submission passes for it.
fn document(id: Uuid) -> [u8; 16] {
    let hash = digest::digest(&digest::SHA256, &[b"engawa told v1".as_slice(), id.as_bytes()].concat());
    let mut document = [0; 16];
    document.copy_from_slice(&hash.as_ref()[..16]);
    document
}
