//! A hub that does as it is told, for testing whoever uses [`HubPort`]. It keeps keys as the contract says: the first
//! accepted answer or final refusal under a key is repeated, and a key can be asked about.

mod arrivals;
mod identity;
mod sent;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use uuid::Uuid;

use self::arrivals::Arrivals;
pub use self::arrivals::{AcknowledgeStep, AcknowledgementRecord};
use self::identity::Register;
pub use self::identity::{AssertStep, AssertionRecord};
use self::sent::Sent;
use super::failure::trouble;
use super::port::{
    Acknowledgement, ArrivalPage, Asserted, Challenge, Change, ChangePage, Delivery, HubPort, LookupOutcome,
    MunicipalState, Outcome, Receipt, RecipientState, Refusal, Scope, Trouble,
};
use crate::clock::Clock;
use crate::fault::Code;
use crate::model::identity::Evidence;

/// What happens to one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is filed and answered.
    Accept,
    /// It is refused for good.
    Refuse(Refusal),
    /// It is filed, and the answer is lost.
    LoseAfter(Trouble),
    /// It is lost before it is filed, and nobody knows.
    LoseBefore(Trouble),
    /// It does not get there: `NotLive` or `NotDelivered` come from here.
    Answer(Outcome),
    /// The line hangs until the caller gives up.
    Hang,
}

/// One delivery as the hub saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Its key.
    pub key: Uuid,
    /// The bytes that came.
    pub length: u64,
    /// SHA-256 of them.
    pub sha256: [u8; 32],
    /// What the hub answered.
    pub outcome: Outcome,
}

type Rule = Box<dyn FnMut(Uuid) -> Step + Send>;

/// Cheap to clone; clones are the same hub.
#[derive(Clone)]
pub struct ScriptedHub {
    state: Arc<Mutex<State>>,
    clock: Clock,
}

#[derive(Default)]
struct State {
    by_key: BTreeMap<Uuid, VecDeque<Step>>,
    next: VecDeque<Step>,
    lookups: VecDeque<LookupOutcome>,
    rule: Option<Rule>,
    kept: BTreeMap<Uuid, ([u8; 32], Result<Receipt, Refusal>)>,
    filed: BTreeMap<Uuid, usize>,
    deliveries: Vec<DeliveryRecord>,
    changes: Vec<Change>,
    sent: Sent,
    /// Cursors carry the number of the feed they were given by.
    feed: usize,
    register: Register,
    arrivals: Arrivals,
}

impl ScriptedHub {
    /// A hub that accepts everything.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { state: Arc::default(), clock }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what happens to the next deliveries, whatever their key; steps by key go first.
    pub fn then(&self, steps: impl IntoIterator<Item = Step>) {
        self.state().next.extend(steps);
    }

    /// Sets what happens to the next deliveries under `key`.
    pub fn then_for(&self, key: Uuid, steps: impl IntoIterator<Item = Step>) {
        self.state().by_key.entry(key).or_default().extend(steps);
    }

    /// Decides every delivery that has no step of its own.
    pub fn rule(&self, rule: impl FnMut(Uuid) -> Step + Send + 'static) {
        self.state().rule = Some(Box::new(rule));
    }

    /// Answers the next look-ups so, instead of from what is kept.
    pub fn then_look_up(&self, outcomes: impl IntoIterator<Item = LookupOutcome>) {
        self.state().lookups.extend(outcomes);
    }

    /// Adds a change to the feed.
    pub fn change(&self, receipt_number: &str, state: MunicipalState, reason: Option<&str>) {
        let (receipt_number, reason) = (receipt_number.to_owned(), reason.map(str::to_owned));
        let at = self.clock.now();
        self.state().changes.push(Change { receipt_number, state, at, reason });
    }

    /// Makes every cursor given so far unknown.
    pub fn expire_cursors(&self) {
        self.state().feed += 1;
    }

    /// Everything that came, in order.
    #[must_use]
    pub fn deliveries(&self) -> Vec<DeliveryRecord> {
        self.state().deliveries.clone()
    }

    /// How often each key was filed; more than once never happens to a caller that keeps to the rules.
    #[must_use]
    pub fn filed(&self) -> BTreeMap<Uuid, usize> {
        self.state().filed.clone()
    }
}

/// What follows a cursor in a feed; all of it after one that was given by an earlier `feed`.
fn page<S: Clone>(changes: &[Change<S>], feed: usize, cursor: Option<&str>) -> ChangePage<S> {
    let known = cursor.and_then(|cursor| {
        let (given, at) = cursor.split_once('.')?;
        given.parse::<usize>().ok().filter(|given| *given == feed).and(at.parse::<usize>().ok())
    });
    let items = changes.get(known.unwrap_or(0)..).unwrap_or_default().to_vec();
    let next_cursor = format!("{feed}.{}", changes.len());
    ChangePage { items, next_cursor, restarted: cursor.is_some() && known.is_none() }
}

impl ScriptedHub {
    /// A delivery of whatever kind.
    async fn take_in(&self, delivery: Delivery) -> Outcome {
        let step = self.state().step(delivery.key);
        if let Step::Answer(outcome) = step {
            return outcome;
        }
        if step == Step::Hang {
            std::future::pending::<()>().await;
        }
        let mut digest = digest::Context::new(&digest::SHA256);
        let (mut length, mut body) = (0, delivery.body);
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                return Outcome::NotDelivered(trouble(Code::SubmissionDamaged, Scope::Item));
            };
            let data = frame.into_data().unwrap_or_default();
            digest.update(&data);
            length += data.len() as u64;
        }
        if length != delivery.length {
            return Outcome::NotDelivered(trouble(Code::SubmissionDamaged, Scope::Item));
        }
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest.finish().as_ref());

        let (mut state, now) = (self.state(), self.clock.now());
        let outcome = match step {
            Step::LoseBefore(trouble) => Outcome::Unknown(trouble),
            Step::LoseAfter(trouble) => {
                let _ = state.take(delivery.key, sha256, Ok(()), now);
                Outcome::Unknown(trouble)
            }
            Step::Refuse(refusal) => state.take(delivery.key, sha256, Err(refusal), now),
            Step::Accept | Step::Answer(_) | Step::Hang => state.take(delivery.key, sha256, Ok(()), now),
        };
        let record = DeliveryRecord { key: delivery.key, length, sha256, outcome: outcome.clone() };
        state.deliveries.push(record);
        outcome
    }
}

impl State {
    fn step(&mut self, key: Uuid) -> Step {
        let own = self.by_key.get_mut(&key).and_then(VecDeque::pop_front);
        own.or_else(|| self.next.pop_front())
            .or_else(|| self.rule.as_mut().map(|rule| rule(key)))
            .unwrap_or(Step::Accept)
    }

    /// What the hub answers when it has read all of a document.
    fn take(&mut self, key: Uuid, sha256: [u8; 32], fresh: Result<(), Refusal>, now: Timestamp) -> Outcome {
        if let Some((kept, answer)) = self.kept.get(&key) {
            return match answer {
                _ if *kept != sha256 => {
                    Outcome::Refused(Refusal { code: Code::HubRefused, errors: Vec::new(), trace_id: None })
                }
                Ok(receipt) => Outcome::Accepted(receipt.clone()),
                Err(refusal) => Outcome::Refused(refusal.clone()),
            };
        }
        let answer = fresh.map(|()| {
            *self.filed.entry(key).or_default() += 1;
            Receipt { number: format!("R{:08}", self.filed.len()), accepted_at: now, trace_id: None }
        });
        self.kept.insert(key, (sha256, answer.clone()));
        answer.map_or_else(Outcome::Refused, Outcome::Accepted)
    }
}

impl HubPort for ScriptedHub {
    async fn deliver(&self, delivery: Delivery) -> Outcome {
        self.take_in(delivery).await
    }

    async fn deliver_care_plan(&self, delivery: Delivery) -> Outcome {
        self.take_in(delivery).await
    }

    async fn care_plan_changes(&self, cursor: Option<String>) -> Result<ChangePage<RecipientState>, Trouble> {
        self.recipients(cursor.as_deref())
    }

    async fn arrivals(&self, cursor: Option<String>) -> Result<ArrivalPage, Trouble> {
        self.list_arrivals(cursor.as_deref())
    }

    async fn arrived_unit(&self, id: &str) -> Result<Option<Bytes>, Trouble> {
        self.give_unit(id).await
    }

    async fn acknowledge(&self, key: Uuid, id: &str, what: Acknowledgement) -> Result<(), Trouble> {
        self.take_acknowledgement(key, id, what)
    }

    fn ahead(&self) -> Option<i64> {
        Some(0)
    }

    async fn lookup(&self, key: Uuid) -> LookupOutcome {
        let mut state = self.state();
        if let Some(outcome) = state.lookups.pop_front() {
            return outcome;
        }
        match state.kept.get(&key) {
            Some((_, Ok(receipt))) => LookupOutcome::Accepted(receipt.clone()),
            Some((_, Err(refusal))) => LookupOutcome::Refused(refusal.clone()),
            None => LookupOutcome::Unseen,
        }
    }

    async fn changes(&self, cursor: Option<String>) -> Result<ChangePage, Trouble> {
        let state = self.state();
        Ok(page(&state.changes, state.feed, cursor.as_deref()))
    }

    async fn challenge(&self) -> Result<Challenge, Trouble> {
        self.give_challenge()
    }

    async fn assert(&self, challenge: &Challenge, evidence: &Evidence) -> Result<Asserted, Trouble> {
        self.judge(challenge, evidence).await
    }
}
