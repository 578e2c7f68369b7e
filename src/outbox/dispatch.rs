//! The task that owns sending: one loop, all sources polled in a stated order. It alone starts deliveries and asks about
//! lost answers, so there is one writer of each submission's fate.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use tokio::sync::watch;
use tokio::task::{self, JoinError, JoinSet};
use tracing::Instrument as _;
use uuid::Uuid;

use super::Inner;
use super::asking::Keys;
use super::bar::Own;
use super::engine::Engine;
use super::kind::Kind;
use super::machine::Input;
use super::order::{Candidate, Places};
use super::record;
use super::send::{Sent, Told, send};
use super::view::OutboxError;
use crate::fault::{Code, crash};
use crate::hub::{Delivery, HubPort, LookupOutcome, Outcome, Scope, Trouble};
use crate::model::hub_user::HubMember;
use crate::store::{Head, Look, Lull, SentAsFacility, StoreError};
use crate::telemetry::Metric;
use crate::vault::{self, Damage, Kept};

/// Longest sleep: each turn of the loop is a sign of life.
const TICK: Duration = Duration::from_secs(10);
/// Before the store is tried again.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// Rows handled in one turn when many are to be repaired.
const BATCH: u16 = 64;

/// How far the shutdown is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Go on.
    Run,
    /// Start nothing; finish what is on its way.
    Drain,
    /// Leave what is on its way: it is asked about after the next start.
    Now,
}

/// What came of something that was on its way.
struct Returned {
    id: Uuid,
    kind: Kind,
    took: Duration,
    what: What,
    passwords: u64,
}

enum What {
    Sent(Sent, Damage),
    /// The hub was to be asked first, and gave no answer.
    NotBegun(Trouble),
    /// Under which generation of its keys, where that is a further one.
    Asked(Option<u32>, LookupOutcome),
}

/// What is to be recorded of a submission.
struct News {
    id: Uuid,
    input: Input,
    /// What the hub told.
    told: Option<Told>,
    /// How many passwords had been given when it went.
    passwords: u64,
}

pub(super) struct Dispatcher<H> {
    inner: Arc<Inner>,
    hub: Arc<H>,
    engine: Engine,
    on_way: JoinSet<Returned>,
    /// Which submission each running task carries, so that a task that dies leaves no orphan.
    carried: HashMap<task::Id, (Uuid, Kind)>,
    /// Rows may say `sending` that nobody carries.
    repair: bool,
    /// While it lasts the store need not be asked.
    lull: Lull,
    stop: watch::Receiver<Stop>,
}

impl<H: HubPort> Dispatcher<H> {
    pub(super) fn new(inner: Arc<Inner>, hub: Arc<H>, engine: Engine, stop: watch::Receiver<Stop>) -> Self {
        let (on_way, carried) = (JoinSet::new(), HashMap::new());
        Self { inner, hub, engine, on_way, carried, repair: true, lull: Lull::default(), stop }
    }

    pub(super) async fn run(mut self) {
        while *self.stop.borrow() == Stop::Run {
            let look = Look::begin(&self.inner.store, &self.inner.clock);
            let pause = if self.lull.lasts(look) && !self.inner.owes() {
                self.within_tick(self.lull.left(look))
            } else {
                self.round(look).await
            };
            self.beat();
            self.rest(pause).await;
        }
        self.drain().await;
    }

    /// Does what there is to do; returns how long until there may be something again.
    async fn round(&mut self, look: Look) -> Duration {
        self.lull.end();
        match self.dispatch().await {
            Ok(none_waits) => self.pause(look, none_waits).await,
            Err(error) => {
                tracing::warn!(code = %error.code, error = error.source.as_deref(), "outbox: storage does not answer, waiting");
                STORE_PAUSE
            }
        }
    }

    /// Waits until there may be something to do. Whatever comes before the time is over, the store may not tell of.
    async fn rest(&mut self, pause: Duration) {
        let over = tokio::time::sleep(pause);
        tokio::select! {
            biased;
            _ = self.stop.changed() => {}
            Some(first) = self.on_way.join_next_with_id() => self.settle_all(first).await,
            () = self.inner.reconsider.notified() => {
                self.engine.reconsider(self.inner.clock.elapsed(), self.inner.config().policy);
            }
            // What has just come in cannot go while every place is taken or the circuit is open: an acceptance then costs
            // the dispatcher nothing. The nudge is kept until it can be of use.
            () = self.inner.nudge.notified(), if !self.places().none() => {}
            () = over => return,
        }
        self.lull.end();
    }

    /// A row that says `sending` while nobody carries it (the process or a task died, or its outcome could not be
    /// recorded) has an unknown outcome: the hub is asked, or sees it again where that is harmless.
    async fn recover(&mut self) -> Result<(), OutboxError> {
        let limit = BATCH.saturating_add(u16::try_from(self.carried.len()).unwrap_or(u16::MAX));
        let ids = self.inner.store.sending(&self.inner.facility, limit).await?;
        self.repair = ids.len() == usize::from(limit);
        for id in &ids {
            let id = uuid(id)?;
            if self.carries(id) {
                continue;
            }
            match self.inner.step(id, Input::Interrupted).await? {
                Some(Err(Code::SubmissionDamaged)) => set_aside(&self.inner, id).await?,
                Some(Ok(life)) => {
                    let state = life.name().as_str();
                    tracing::info!(submission = %id, state, "outbox: it is not known how this sending ended");
                }
                Some(Err(_)) | None => {}
            }
        }
        Ok(())
    }

    /// True when nothing waits that could go at this moment.
    async fn dispatch(&mut self) -> Result<bool, OutboxError> {
        if self.repair {
            self.recover().await?;
        }
        self.release().await?;
        self.ask().await?;
        let none_waits = self.send().await?;
        self.publish();
        Ok(none_waits)
    }

    /// Held submissions whose day has come queue again.
    async fn release(&self) -> Result<(), OutboxError> {
        let now = self.inner.clock.now().as_millisecond();
        for held in self.inner.store.ripe(&self.inner.facility, "held", now, i64::MAX, BATCH).await? {
            let id = uuid(&held.id)?;
            if let Some(Err(Code::SubmissionDamaged)) = self.inner.step(id, Input::Release).await? {
                set_aside(&self.inner, id).await?;
            }
        }
        Ok(())
    }

    /// Lost answers are asked about before anything new is sent.
    async fn ask(&mut self) -> Result<(), OutboxError> {
        if self.places().none() {
            return Ok(());
        }
        let now = self.inner.clock.now().as_millisecond();
        for unknown in self.inner.store.ripe(&self.inner.facility, "unknown", now, self.horizon(), BATCH).await? {
            let id = uuid(&unknown.id)?;
            let kind = Kind::parse(&unknown.kind).filter(|kind| !kind.repeatable());
            let keys =
                kind.and_then(|kind| keys(kind, &unknown.id, unknown.hub_key.as_deref(), unknown.generation).ok());
            let Some((kind, keys)) = kind.zip(keys) else {
                set_aside(&self.inner, id).await?;
                continue;
            };
            if self.places().of(kind) == 0 || self.carries(id) {
                continue;
            }
            self.engine.started(kind);
            let hub = self.hub.clone();
            self.carry(id, kind, async move {
                let (asked, answer) = keys.ask(hub.as_ref()).await;
                What::Asked((asked.generation > keys.generation).then_some(asked.generation), answer)
            });
        }
        Ok(())
    }

    fn carry(&mut self, id: Uuid, kind: Kind, way: impl Future<Output = What> + Send + 'static) {
        let clock = self.inner.clock.clone();
        let passwords = self.inner.passwords.load(Ordering::Acquire);
        // Boxed, as in `task`.
        let carried: BoxFuture<'static, Returned> = Box::pin(async move {
            let start = clock.elapsed();
            let what = way.await;
            Returned { id, kind, took: clock.elapsed().saturating_sub(start), what, passwords }
        });
        let handle = self.on_way.spawn(carried.in_current_span());
        self.carried.insert(handle.id(), (id, kind));
    }

    fn carries(&self, id: Uuid) -> bool {
        self.carried.values().any(|(carried, _)| *carried == id)
    }

    /// True when there is nothing to send, or nothing may be sent.
    async fn send(&mut self) -> Result<bool, OutboxError> {
        if !self.inner.may_send().await? {
            return Ok(true);
        }
        let now = self.inner.clock.now();
        let waiting = self.waiting(now).await?;
        if waiting.is_empty() {
            return Ok(true);
        }
        let chosen = self.engine.choose(&waiting, now, self.inner.clock.elapsed());
        let ids = chosen.iter().map(|next| uuid(&next.id)).collect::<Result<Vec<_>, _>>()?;
        // Marked together, they share one commit.
        let marks = join_all(ids.iter().map(|id| self.inner.step(*id, Input::Start))).await;
        // Should anything fail half-way, what is marked and not on its way is found by `recover`.
        let repair = std::mem::replace(&mut self.repair, true);
        let failed = marks.iter().any(Result::is_err);
        for (id, mark) in ids.into_iter().zip(marks) {
            match mark? {
                Some(Ok(life)) => self.start(id, life.kind).await?,
                Some(Err(Code::SubmissionDamaged)) => set_aside(&self.inner, id).await?,
                // Cancelled in this moment: its turn is over.
                Some(Err(_)) | None => {}
            }
        }
        self.repair = repair || failed;
        Ok(false)
    }

    /// The most urgent of each kind that has places, as many of each sender as there are places.
    async fn waiting(&self, now: jiff::Timestamp) -> Result<Vec<Candidate<Vec<u8>>>, OutboxError> {
        let places = self.places();
        let mut waiting = Vec::new();
        for kind in Kind::ALL.into_iter().filter(|kind| places.of(*kind) > 0) {
            let per_lane = u16::try_from(places.of(kind)).unwrap_or(u16::MAX);
            let now = now.as_millisecond();
            let Inner { store, facility, .. } = &*self.inner;
            let heads = store.heads(facility, kind.as_str(), now, self.horizon(), per_lane).await?;
            let candidate = |head: Head| Candidate { id: head.id, kind, lane: head.lane, due: head.due, seq: head.seq };
            waiting.extend(heads.into_iter().map(candidate));
        }
        Ok(waiting)
    }

    /// Lets the first byte out; that it is being sent is on stable storage.
    async fn start(&mut self, id: Uuid, kind: Kind) -> Result<(), OutboxError> {
        crash::point("outbox.marked_sending");
        let row = self.inner.store.submission(id.as_bytes()).await?;
        let Some(row) = row else { return Ok(()) };
        // Before it takes a place, which only what comes back gives free.
        let Ok(keys) = keys(kind, &row.id, row.hub_key.as_deref(), row.columns.generation) else {
            tracing::error!(submission = %id, code = %Code::SubmissionDamaged, "outbox: a row holds no key for the hub");
            self.inner.step(id, Input::Damaged).await?;
            return Ok(());
        };
        self.engine.started(kind);
        let damage = Damage::default();
        let length = u64::try_from(row.body_length).unwrap_or(0);
        let kept =
            Kept { id: &row.id, key_id: &row.key_id, salt: &row.salt, length: row.body_length, sha256: &row.body_hash };
        match vault::open(&self.inner.store, &self.inner.keys, kept, damage.clone()) {
            Ok(body) => {
                let (hub, inner) = (self.hub.clone(), self.inner.clone());
                let ask = !kind.repeatable() && inner.ask_first(&row, inner.clock.now());
                let own = Own::of(&inner, &row);
                let user = row.member();
                self.carry(id, kind, async move {
                    if ask && let Some((found, further)) = already_there(hub.as_ref(), keys).await {
                        if own.is_copied(&found, hub.ahead()) {
                            inner.taken_over(id).await;
                        }
                        let outcome = match found {
                            Outcome::NotDelivered(trouble) => return What::NotBegun(trouble),
                            // Its later key has to be noted, which an answer to a question does.
                            _ if further => Outcome::Unknown(Trouble::of(Code::OutcomeUnknown, Scope::Try)),
                            outcome => outcome,
                        };
                        return What::Sent(Sent { outcome, told: None }, damage);
                    }
                    let user = match inner.goes_as(id, user).await {
                        Ok(user) => user,
                        Err(error) => return What::NotBegun(Trouble::of(error.code(), Scope::Try)),
                    };
                    let begun_at = inner.clock.now();
                    let key = keys.current();
                    let mut sent =
                        send(&inner, hub.as_ref(), kind, Delivery { key, length, body, user }, &damage).await;
                    if own.is_answered_before(&sent.outcome, begun_at, hub.ahead()) {
                        inner.doubt_all().await;
                    }
                    if is_absent(&sent.outcome) && keys.may_be_under_another(hub.as_ref()).await {
                        sent.outcome = Outcome::Unknown(Trouble::of(Code::OutcomeUnknown, Scope::Try));
                    }
                    What::Sent(sent, damage)
                });
                Ok(())
            }
            Err(error) => self.unopened(id, kind, error.into()).await,
        }
    }

    async fn unopened(&mut self, id: Uuid, kind: Kind, error: OutboxError) -> Result<(), OutboxError> {
        tracing::error!(submission = %id, code = %error.code, "outbox: a stored document cannot be opened");
        let input = match error.code {
            Code::SubmissionDamaged => Input::Damaged,
            // A key that is not loaded: the document is sound, and an operator has to bring the key back.
            code => {
                let outcome = Outcome::NotDelivered(Trouble::of(code, Scope::Operator));
                let (now, elapsed) = (self.inner.clock.now(), self.inner.clock.elapsed());
                self.engine.settled(kind, &outcome, now, elapsed, Duration::ZERO);
                Input::Settled { outcome, others_passed_at: None }
            }
        };
        if matches!(input, Input::Damaged) {
            self.engine.called_off(kind, self.inner.clock.elapsed());
        }
        self.inner.step(id, input).await?;
        Ok(())
    }

    /// Records everything that has come back; recorded together, it shares commits.
    async fn settle_all(&mut self, first: Result<(task::Id, Returned), JoinError>) {
        let mut news = Vec::from_iter(self.settle(first));
        while let Some(next) = self.on_way.try_join_next_with_id() {
            news.extend(self.settle(next));
        }
        self.publish();
        let work: Vec<_> = news.into_iter().map(|news| (news, self.engine.seed())).collect();
        let recorded = join_all(work.into_iter().map(|(news, seed)| note_down(&self.inner, news, seed))).await;
        if recorded.contains(&false) {
            self.repair = true;
            // The hub answers while the store does not: without a rest the same question would go out at line speed.
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }

    fn settle(&mut self, returned: Result<(task::Id, Returned), JoinError>) -> Option<News> {
        let (now, elapsed) = (self.inner.clock.now(), self.inner.clock.elapsed());
        let (task, Returned { id, kind, took, what, passwords }) = match returned {
            Ok(returned) => returned,
            Err(dead) => {
                if let Some((_, kind)) = self.carried.remove(&dead.id()) {
                    self.engine.called_off(kind, elapsed);
                }
                self.repair = true;
                return None;
            }
        };
        self.carried.remove(&task);
        let passed = self.engine.passed_at(kind);
        crash::point("outbox.answered");
        let (input, told) = match what {
            What::Sent(Sent { outcome: Outcome::NotDelivered(_) | Outcome::Unknown(_), .. }, damage)
                if damage.found() =>
            {
                self.engine.called_off(kind, elapsed);
                (Input::Damaged, None)
            }
            What::Sent(Sent { outcome, told }, _) => {
                let outcome = unread(outcome);
                self.engine.settled(kind, &outcome, now, elapsed, took);
                let labels = [("facility", self.inner.label), ("outcome", outcome_label(&outcome))];
                Metric::Outcomes.count(&labels);
                Metric::SendSeconds.record(&[], took.as_secs_f64());
                (Input::Settled { outcome, others_passed_at: passed }, told)
            }
            What::NotBegun(trouble) => {
                self.engine.settled(kind, &Outcome::NotDelivered(trouble.clone()), now, elapsed, took);
                (Input::NotBegun(trouble), None)
            }
            What::Asked(further, answer) => {
                crash::point("outbox.asked");
                Metric::LookupSeconds.record(&[], took.as_secs_f64());
                self.engine.asked(kind, &answer, now, elapsed, took);
                (further.map_or(Input::Asked(answer.clone()), |at| Input::AskedFurther(at, answer)), None)
            }
        };
        if self.engine.passed_at(kind) != passed {
            self.inner.hub_answered(now);
        }
        Some(News { id, input, told, passwords })
    }

    /// Sleeps until the next waiting time ends or the circuit may be tried, at most a tick. Where every way is open and nothing is on
    /// it, only a change in the store or a waiting time brings work.
    async fn pause(&mut self, look: Look, none_waits: bool) -> Duration {
        let now = self.inner.clock.now().as_millisecond();
        // From the look on: what ripened while it lasted may not have been seen.
        let wake = self.inner.store.next_wake(&self.inner.facility, look.at()).await;
        let (places, still) = (self.places(), none_waits && !self.repair && self.on_way.is_empty());
        if let (Ok(wake), true) = (&wake, still && Kind::ALL.into_iter().all(|kind| places.of(kind) > 0)) {
            self.lull.found_nothing(look, *wake);
        }
        let own = wake.ok().flatten().map(|at| Duration::from_millis(u64::try_from(at - now).unwrap_or(0)));
        let elapsed = self.inner.clock.elapsed();
        let outlook = self.engine.outlook();
        let circuits = outlook.openings().map(|at| at.saturating_sub(elapsed)).filter(|pause| !pause.is_zero());
        self.within_tick(own.into_iter().chain(circuits))
    }

    /// The shortest of these pauses, at most until the next tick.
    fn within_tick(&self, pauses: impl IntoIterator<Item = Duration>) -> Duration {
        let tick = self.inner.clock.until_beat(TICK);
        pauses.into_iter().map(|pause| pause + Duration::from_millis(1)).fold(tick, Duration::min)
    }

    async fn drain(&mut self) {
        tracing::info!(in_flight = self.on_way.len(), "outbox: draining");
        let mut stop = self.stop.clone();
        while !self.on_way.is_empty() {
            tokio::select! {
                biased;
                Some(returned) = self.on_way.join_next_with_id() => self.settle_all(returned).await,
                () = stopped_now(&mut stop) => break,
            }
        }
        self.on_way.shutdown().await;
    }

    fn places(&self) -> Places {
        self.engine.places(self.inner.clock.elapsed())
    }

    /// A waiting time further away than this comes from a clock that was set back.
    fn horizon(&self) -> i64 {
        const DAY: i64 = 24 * 3600 * 1000;
        i64::try_from(self.engine.policy().backoff.max().as_millis()).unwrap_or(DAY).max(2 * DAY)
    }

    fn publish(&self) {
        let outlook = self.engine.outlook();
        self.inner.outlook.send_replace(outlook);
        let shut = f64::from(u8::from(outlook.blocked().is_some()));
        Metric::HubCircuit.set(&[("facility", self.inner.label)], shut);
    }

    fn beat(&self) {
        let now = self.inner.clock.now();
        let heart = Some(self.inner.clock.elapsed());
        self.inner.pulse.send_modify(|pulse| {
            pulse.dispatcher = Some(now);
            pulse.heart = heart;
        });
    }
}

impl Inner {
    /// As whom a document goes. Where it no longer goes as a person, that is written down before its first byte is out.
    async fn goes_as(&self, id: Uuid, member: Option<HubMember>) -> Result<Option<HubMember>, StoreError> {
        if member.is_none() || !self.as_facility.load(Ordering::Acquire) {
            return Ok(member);
        }
        self.store.write(SentAsFacility { id: id.into_bytes() }).await?;
        Ok(None)
    }
}

/// The hub link calls a body that broke off damaged. When its bytes were not at fault, storage could not be read at that
/// moment: the document is sound and goes again.
fn unread(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::NotDelivered(trouble) if trouble.code == Code::SubmissionDamaged => {
            Outcome::NotDelivered(Trouble { code: Code::GatewayBusy, scope: Scope::Try, ..trouble })
        }
        other => other,
    }
}

/// Asks whether the hub has it before it is sent, and whether under a later key than this box knows. `None`: it does not, or cannot say.
async fn already_there<H: HubPort>(hub: &H, keys: Keys) -> Option<(Outcome, bool)> {
    let (asked, answer) = keys.ask(hub).await;
    let found = match answer {
        LookupOutcome::Accepted(receipt) => Outcome::Accepted(receipt),
        LookupOutcome::Refused(refusal) => Outcome::Refused(refusal),
        LookupOutcome::Unseen | LookupOutcome::NotOffered => return None,
        LookupOutcome::Trouble(trouble) => Outcome::NotDelivered(trouble),
    };
    Some((found, asked.generation > keys.generation))
}

fn is_absent(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused(refusal) if refusal.code == Code::HubRecipientAbsent)
}

/// Holds a row that does not parse, so that the rest goes on.
async fn set_aside(inner: &Inner, id: Uuid) -> Result<(), OutboxError> {
    tracing::error!(submission = %id, code = %Code::SubmissionDamaged, "outbox: a row does not parse and was set aside");
    super::housekeeping::set_aside(inner, id).await
}

async fn stopped_now(stop: &mut watch::Receiver<Stop>) {
    // A closed channel means that nobody is left to wait for.
    let _ = stop.wait_for(|stop| *stop == Stop::Now).await;
}

/// Records what came of a submission; false when the store did not take it. Then the row still says `sending` or
/// `unknown` and the hub is asked later: nothing is lost by waiting.
async fn note_down(inner: &Inner, News { id, input, told, passwords }: News, seed: u64) -> bool {
    crash::point("outbox.before_settle");
    match inner.step_with(id, input, told, seed, passwords).await {
        Ok(Some(Ok(life))) => {
            crash::point("outbox.settled");
            let reason = life.reason().map(Code::name);
            tracing::info!(submission = %id, state = life.name().as_str(), reason, "outbox: settled");
            if life.name() == super::StateName::Delivered && life.kind.followed() {
                inner.delivered.of(life.kind).notify_one();
            }
            true
        }
        Ok(Some(Err(Code::SubmissionDamaged))) => set_aside(inner, id).await.is_ok(),
        Ok(_) => {
            tracing::warn!(submission = %id, "outbox: an outcome found its submission in another state");
            true
        }
        Err(error) => {
            tracing::error!(submission = %id, code = %error.code, "outbox: an outcome could not be recorded");
            false
        }
    }
}

const fn outcome_label(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted(_) => "accepted",
        Outcome::Refused(_) => "refused",
        Outcome::NotLive { .. } => "not_live",
        Outcome::NotDelivered(_) => "not_delivered",
        Outcome::Unknown(_) => "unknown",
    }
}

fn keys(kind: Kind, id: &[u8], hub_key: Option<&[u8]>, generation: i64) -> Result<Keys, OutboxError> {
    let generation = u32::try_from(generation).map_err(|_| Code::SubmissionDamaged)?;
    Ok(Keys { kind, first: record::first_key(id, hub_key)?, generation })
}

fn uuid(bytes: &[u8]) -> Result<Uuid, OutboxError> {
    Uuid::from_slice(bytes).map_err(|_| Code::SubmissionDamaged.into())
}
