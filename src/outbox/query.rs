//! What callers ask of the outbox: one submission, lists, events, health.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::kind::Kind;
use super::machine::{Denied, Input, Life, Policy, State};
use super::send::Told;
use super::view::{
    About, EventRecord, Filter, Health, HealthStatus, Municipality, OutboxError, Page, Recipient, Sender, StateName,
    Submission,
};
use super::{FOR_A_PASSWORD, Inner, Outbox, Pulse, note, order, record};
use crate::fault::{Code, Retry};
use crate::hub::{MunicipalState, Outcome, RecipientState};
use crate::store::{AsFacility, EventRow, ListFilter, Row, TrailLine, Transit, Verdict};
use crate::telemetry::Metric;

/// Events of one submission that are told; more only a broken hub could cause.
const HISTORY: u16 = 500;
/// A dispatcher that has not turned for so long is stuck; it turns every ten seconds at least.
const STILL: Duration = Duration::from_secs(60);
/// An ETA is not computed through more documents than this.
const AHEAD: i64 = 20_000;

impl Outbox {
    /// One submission of a facility, with its history.
    ///
    /// # Errors
    /// The store's failure, or `SUBMISSION_DAMAGED` when its row does not parse.
    pub async fn submission(&self, facility: &str, id: Uuid) -> Result<Option<Submission>, OutboxError> {
        let row = self.inner.store.submission(id.as_bytes()).await?;
        match row.filter(|row| row.facility == facility) {
            Some(row) => self.inner.full_view(&row).await.map(Some),
            None => Ok(None),
        }
    }

    /// Submissions of a facility, newest first.
    ///
    /// # Errors
    /// `CURSOR_INVALID`, or the store's failure.
    pub async fn submissions(&self, facility: &str, filter: &Filter) -> Result<Page, OutboxError> {
        let before = match &filter.cursor {
            None => i64::MAX,
            Some(cursor) => cursor.parse().map_err(|_| Code::CursorInvalid)?,
        };
        let limit = filter.limit.clamp(1, 200);
        let state = filter.state.map(StateName::as_str);
        let kind = filter.kind.map(Kind::as_str);
        let query = ListFilter { facility: facility.to_owned(), state, kind, before, limit };
        let rows = self.inner.store.list(&query).await?;
        let full = rows.len() == usize::from(limit);
        let next_cursor = rows.last().filter(|_| full).map(|row| row.seq.to_string());
        let items = rows.iter().filter_map(|row| self.inner.view(row).ok()).collect();
        Ok(Page { items, next_cursor })
    }

    /// Events of a facility after `after`, oldest first, at most 1000.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn events_after(&self, facility: &str, after: i64, limit: u16) -> Result<Vec<EventRecord>, OutboxError> {
        let since = self.inner.replay_since();
        let rows = self.inner.store.events_after(facility, after, since, limit.min(1000)).await?;
        Ok(rows.into_iter().filter_map(event).collect())
    }

    /// Oldest event of a facility that can be replayed and its newest one: a `Last-Event-ID` below the oldest minus one
    /// cannot be resumed without a gap.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn event_bounds(&self, facility: &str) -> Result<(i64, i64), OutboxError> {
        Ok(self.inner.store.event_bounds(facility, self.inner.replay_since()).await?)
    }

    /// The parts `storage`, `outbox` and `hub`, each with the last proof that it works.
    pub async fn health(&self) -> Vec<(&'static str, Health)> {
        vec![
            ("storage", self.inner.storage_health().await),
            ("outbox", self.inner.outbox_health()),
            ("hub", self.inner.hub_health()),
        ]
    }

    /// How many submissions of the facility are in each state.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn counts(&self) -> Result<Vec<(StateName, u64)>, OutboxError> {
        let counts = self.inner.store.counts(&self.inner.facility).await?;
        let known = |(name, count): (String, i64)| Some((StateName::parse(&name)?, u64::try_from(count).ok()?));
        Ok(counts.into_iter().filter_map(known).collect())
    }

    pub(super) async fn person(
        &self,
        sender: &Sender,
        id: Uuid,
        input: fn() -> Input,
    ) -> Result<Submission, OutboxError> {
        self.inner.serves(sender)?;
        let found = self.inner.store.submission(id.as_bytes()).await?;
        found.filter(|row| row.facility == sender.facility).ok_or(Code::RequestNotFound)?;
        self.inner
            .recorded_step(id, input(), self.inner.record_of(sender, id))
            .await?
            .ok_or(Code::RequestNotFound)??;
        self.inner.nudge.notify_one();
        let row = self.inner.store.submission(id.as_bytes()).await?.ok_or(Code::RequestNotFound)?;
        self.inner.full_view(&row).await
    }
}

impl Inner {
    /// Queues it at a person's word, as the facility's user, in one transaction.
    pub(super) async fn to_facility(&self, sender: &Sender, id: Uuid) -> Result<Submission, OutboxError> {
        self.serves(sender)?;
        let found = self.store.submission(id.as_bytes()).await?;
        found.filter(|row| row.facility == sender.facility).ok_or(Code::RequestNotFound)?;
        let (now, policy, seed) = (self.clock.now(), self.config().policy, rand::random());
        let rule = Arc::new(move |row: &Row| apply(row, Input::Retry, None, now, &policy, seed));
        let record = self.record_of(sender, id);
        let stepped = self.store.write(AsFacility(Transit { id: id.into_bytes(), rule, record })).await?;
        let life = stepped.ok_or(Code::RequestNotFound)??;
        Metric::Events.count(&[("kind", life.name().event_kind())]);
        let row = self.store.submission(id.as_bytes()).await?.ok_or(Code::RequestNotFound)?;
        self.full_view(&row).await
    }

    fn record_of(&self, sender: &Sender, id: Uuid) -> Option<TrailLine> {
        let act = sender.act.clone()?;
        Some(act.done(self.clock.now(), format!("submission:{id}")).to_line())
    }

    /// Moves one submission by the machine, in one transaction. `None`: there is none of that id.
    pub(super) async fn step(&self, id: Uuid, input: Input) -> Result<Option<Result<Life, Code>>, OutboxError> {
        self.recorded_step(id, input, None).await
    }

    async fn recorded_step(
        &self,
        id: Uuid,
        input: Input,
        record: Option<TrailLine>,
    ) -> Result<Option<Result<Life, Code>>, OutboxError> {
        self.transit(id, input, None, rand::random(), None, record).await
    }

    pub(super) async fn step_with(
        &self,
        id: Uuid,
        input: Input,
        told: Option<Told>,
        seed: u64,
        passwords: u64,
    ) -> Result<Option<Result<Life, Code>>, OutboxError> {
        self.transit(id, input, told, seed, Some(passwords), None).await
    }

    async fn transit(
        &self,
        id: Uuid,
        input: Input,
        told: Option<Told>,
        seed: u64,
        passwords: Option<u64>,
        record: Option<TrailLine>,
    ) -> Result<Option<Result<Life, Code>>, OutboxError> {
        let (now, policy, given) = (self.clock.now(), self.config().policy, Arc::clone(&self.passwords));
        let rule = Arc::new(move |row: &Row| {
            // Looked at where the store is written: a password that is given later finds the row as it is then.
            let outdated = passwords.is_some_and(|before| before != given.load(Ordering::Acquire));
            let goes_again = outdated && waits_for_a_password(&input);
            match apply(row, input.clone(), told.clone(), now, &policy, seed) {
                Verdict::Change(mut change) if goes_again => {
                    (change.0.wait_until, change.0.pause) = (None, 0);
                    Verdict::Change(change)
                }
                verdict => verdict,
            }
        });
        let stepped = self.store.write(Transit { id: id.into_bytes(), rule, record }).await?;
        if let Some(Ok(life)) = &stepped {
            Metric::Events.count(&[("kind", life.name().event_kind())]);
        }
        Ok(stepped)
    }

    fn replay_since(&self) -> i64 {
        let kept = i64::try_from(self.config().event_retention.as_millis()).unwrap_or(i64::MAX);
        self.clock.now().as_millisecond().saturating_sub(kept)
    }

    pub(super) async fn full_view(&self, row: &Row) -> Result<Submission, OutboxError> {
        let mut view = self.view(row)?;
        view.history = self.store.history(&row.id, HISTORY).await?.into_iter().filter_map(event).collect();
        view.eta = self.eta(row, &view).await;
        let note = note::Note::open(&self.keys, view.id, &row.note);
        view.substitutions = note.map(|note| note.substitutions).unwrap_or_default();
        Ok(view)
    }

    pub(super) fn view(&self, row: &Row) -> Result<Submission, OutboxError> {
        let life = record::read(&row.kind, &row.columns)?;
        let id = Uuid::from_slice(&row.id).map_err(|_| Code::SubmissionDamaged)?;
        let (receipt, hub_errors) = match &life.state {
            State::Delivered(receipt) => (Some(receipt.clone()), Vec::new()),
            State::Returned(refusal) => (None, refusal.errors.clone()),
            _ => (None, Vec::new()),
        };
        let reason = self.waiting_reason(&life, row);
        let no_promise = waits_for_a_person(life.name(), reason) || reason == Some(Code::WaitEarlier);
        // A damaged key is no reason not to show the rest.
        let first_key = record::first_key(&row.id, row.hub_key.as_deref()).ok();
        Ok(Submission {
            id,
            hub_key: first_key.filter(|_| !life.kind.repeatable()).map(|key| record::hub_key(key, life.generation)),
            kind: life.kind.as_str(),
            sender: row.sender.clone(),
            accepted_at: record::time(row.accepted_at)?,
            sha256: row.body_hash.as_slice().try_into().map_err(|_| Code::SubmissionDamaged)?,
            length: u64::try_from(row.body_length).unwrap_or(0),
            due: order::date_of(row.due),
            state: life.name(),
            reason,
            may_be_there: matches!(life.name(), StateName::Queued | StateName::Held) && life.may_be_there(),
            eta: life.wait_until().filter(|_| !no_promise),
            attempts: life.attempts,
            receipt,
            hub_errors,
            municipality: self.municipality(row),
            account: row.member().map(|member| member.account),
            care_plan: about(row),
            recipient: recipient(row),
            substitutions: Vec::new(),
            history: Vec::new(),
        })
    }

    /// What a queued document waits for is what goes before it; else the circuit's reason, when that is open, rather than its
    /// turn.
    fn waiting_reason(&self, life: &Life, row: &Row) -> Option<Code> {
        match life.reason() {
            Some(_) if life.name() == StateName::Queued && self.barred().is_some() => self.barred(),
            Some(_) if life.name() == StateName::Queued && !row.head => Some(Code::WaitEarlier),
            Some(Code::WaitTurn | Code::RetriedByCaller) if life.name() == StateName::Queued => {
                self.outlook.borrow().ways.of(life.kind).blocked.or(life.reason())
            }
            reason => reason,
        }
    }

    fn municipality(&self, row: &Row) -> Option<Municipality> {
        let state = MunicipalState::parse(row.progress.as_deref()?)?;
        let sealed = row.progress_reason.as_deref();
        let reason = sealed.and_then(|sealed| super::feed::open_reason(&self.keys, row, sealed));
        Some(Municipality { state, at: record::time(row.progress_at?).ok()?, reason })
    }

    /// When it is expected at the hub: after its own waiting time and the circuit's, behind those before it.
    pub(super) async fn eta(&self, row: &Row, view: &Submission) -> Option<Timestamp> {
        let now = self.clock.now();
        let outlook = *self.outlook.borrow();
        let kind = Kind::parse(&row.kind)?;
        let ahead = match view.state {
            StateName::Queued if waits_for_a_person(view.state, view.reason) => return None,
            StateName::Queued if view.reason == Some(Code::WaitEarlier) => return self.eta_behind(row).await,
            StateName::Queued => {
                let lane = format!("{}/{}", row.facility, row.sender);
                self.store.ahead(kind.as_str(), &lane, row.due, row.seq, AHEAD).await.ok()?
            }
            StateName::Sending | StateName::Unknown => 0,
            StateName::Held => return view.eta,
            _ => return None,
        };
        let opens = outlook.ways.of(kind).opens_at.map_or(now, |at| self.wall(at));
        let begin = view.eta.unwrap_or(now).max(opens).max(now);
        let wait = Duration::try_from_secs_f64(outlook.seconds_each * (ahead + 1) as f64).ok()?;
        begin.checked_add(wait).ok()
    }

    /// Of a queue one goes at a time. What stands behind one that is held waits as long as that; nobody can say.
    async fn eta_behind(&self, row: &Row) -> Option<Timestamp> {
        let (queue, place) = (row.queue.as_deref()?, row.place.as_deref()?);
        let first = self.store.queue_head(&row.facility, queue).await.ok()??;
        let first = self.view(&first).ok().filter(|first| first.state != StateName::Held)?;
        if waits_for_a_person(first.state, first.reason) {
            return None;
        }
        let outlook = *self.outlook.borrow();
        let now = self.clock.now();
        let opens = outlook.ways.of(Kind::parse(&row.kind)?).opens_at.map_or(now, |at| self.wall(at));
        let begin = first.eta.unwrap_or(now).max(opens).max(now);
        let ahead = self.store.ahead_in_queue(&row.facility, queue, place, row.seq, AHEAD).await.ok()?;
        let each = outlook.seconds_each * self.config().parallel.max(1) as f64;
        begin.checked_add(Duration::try_from_secs_f64(each * (ahead + 1) as f64).ok()?).ok()
    }

    fn wall(&self, monotonic: Duration) -> Timestamp {
        let ahead = monotonic.saturating_sub(self.clock.elapsed());
        self.clock.now().saturating_add(ahead).unwrap_or(Timestamp::MAX)
    }

    async fn storage_health(&self) -> Health {
        let reason = match self.store.probe().await {
            Err(error) => Some(error.code()),
            Ok(()) => self.store.writer_status().failing,
        };
        let full = (!self.guard.has_room(&self.store).await).then_some(Code::StorageFull);
        let status = match (reason, full) {
            (Some(_), _) => HealthStatus::Failed,
            (None, Some(_)) => HealthStatus::Degraded,
            (None, None) => HealthStatus::Ok,
        };
        let last_proof = self.store.writer_status().last_commit.or_else(|| reason.is_none().then(|| self.clock.now()));
        Health { status, reason: reason.or(full), last_proof }
    }

    pub(super) fn alive(&self) -> bool {
        let beat = self.pulse.borrow().heart;
        beat.is_none_or(|at| self.clock.elapsed().saturating_sub(at) < STILL)
    }

    fn outbox_health(&self) -> Health {
        let last_proof = self.pulse.borrow().dispatcher;
        if !self.alive() {
            return Health { status: HealthStatus::Failed, reason: Some(Code::GatewayInternal), last_proof };
        }
        let reason = self.barred();
        let status = if reason.is_some() { HealthStatus::Degraded } else { HealthStatus::Ok };
        Health { status, reason, last_proof }
    }

    /// The feeds are read also when nothing is to be sent, so that a dead line is noticed before a document meets it.
    fn hub_health(&self) -> Health {
        let blocked = self.outlook.borrow().blocked();
        let Pulse { hub_answered: last_proof, feed_failed, .. } = *self.pulse.borrow();
        let blocked = blocked.or_else(|| feed_failed.all().find_map(|failed| *failed));
        let status = if blocked.is_some() { HealthStatus::Degraded } else { HealthStatus::Ok };
        Health { status, reason: blocked, last_proof }
    }
}

fn about(row: &Row) -> Option<About> {
    let about: About = serde_json::from_slice(row.about.as_deref()?.as_bytes()).ok()?;
    Some(About { batch: row.batch.as_deref().and_then(|id| Uuid::from_slice(id).ok()), ..about })
}

fn recipient(row: &Row) -> Option<Recipient> {
    let state = RecipientState::parse(row.progress.as_deref()?)?;
    Some(Recipient { state, at: record::time(row.progress_at?).ok()? })
}

/// The next knock at the hub is no promise while a person has to put something right first.
fn waits_for_a_person(state: StateName, reason: Option<Code>) -> bool {
    state == StateName::Queued && reason.is_some_and(|reason| reason.retry() == Retry::AfterRemedy)
}

/// Whether it comes back for want of a password that the hub takes. Where another was given meanwhile, it waits for nobody's.
fn waits_for_a_password(input: &Input) -> bool {
    matches!(input, Input::Settled { outcome: Outcome::NotDelivered(trouble), .. } if FOR_A_PASSWORD.contains(&trouble.code))
}

fn apply(
    row: &Row,
    input: Input,
    told: Option<Told>,
    now: Timestamp,
    policy: &Policy,
    seed: u64,
) -> Verdict<Result<Life, Code>> {
    use rand::SeedableRng as _;
    let Ok(life) = record::read(&row.kind, &row.columns) else { return Verdict::Leave(Err(Code::SubmissionDamaged)) };
    let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
    // An earlier one of its queue may have come since it was chosen.
    if matches!(input, Input::Start) && !row.head {
        return Verdict::Leave(Err(Code::WaitEarlier));
    }
    match life.step(input, now, policy, &mut rng) {
        Err(denied) => Verdict::Leave(Err(Denied::code(denied))),
        Ok(next) => {
            let event = record::event(row, &next, now);
            let mut columns = record::write(&next, now);
            if let Some(told) = told {
                columns.outcome = Some(told.sealed);
                columns.wait_until = Some(told.serves_until.as_millisecond());
            }
            Verdict::Change(Box::new((columns, event, Ok(next))))
        }
    }
}

fn event(row: EventRow) -> Option<EventRecord> {
    Some(EventRecord {
        seq: row.seq,
        at: record::time(row.at).ok()?,
        kind: row.kind,
        submission: row.submission.and_then(|id| Uuid::from_slice(&id).ok()),
        data: serde_json::from_slice(row.data.as_bytes()).ok()?,
    })
}
