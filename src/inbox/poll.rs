//! The task of the room: reads the hub's list in its own rhythm, and works off what is to be fetched or told.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use uuid::{NoContext, Timestamp as UuidTime, Uuid};

use super::Inner;
use crate::fault::{Code, crash};
use crate::hub::{Arrival, HubPort, Trouble};
use crate::store::{Announce, Look, Lull, NewArrival, StoreError, fact_name};
use crate::telemetry::{self, Metric};

/// What one office sends often comes in a row: the list is read soon after news, then ever less often.
const SOON: Duration = Duration::from_secs(1);
/// Longest pause after troubles with units while the list can be read.
const SETBACK_MAX: Duration = Duration::from_secs(60);
/// Longest time between two turns; the heart beats at each.
const TURN: Duration = Duration::from_secs(10);
/// Pages read in one go; a list whose cursor never stands still is left alone until the next time.
const PAGES: u32 = 50;
const HOUR: Duration = Duration::from_secs(3600);
/// A unit that is not here so long after the hub told of it is a matter for people, in milliseconds.
const OVERDUE: i64 = 24 * 3600 * 1000;
/// The fact of the facility that holds the cursor.
const CURSOR: &str = "inbox.cursor";
/// Whoever turns it makes the room work. It holds nothing that is not on stable storage: dropped at any point, a turn is taken up by
/// the next poller over the same store.
pub struct Poller<H> {
    pub(super) inner: Arc<Inner>,
    pub(super) hub: Arc<H>,
    /// When the list is read next, in monotonic time.
    due: Duration,
    pause: Duration,
    /// False after a trouble of the hub or of storage, until a page has been read.
    open: bool,
    /// Troubles with units since one went well.
    pub(super) setbacks: u32,
    /// Of units whose acknowledgement was refused for what a user may not do: the key of the next try.
    pub(super) fresh_keys: HashMap<Uuid, Uuid>,
    /// When to look at the retention next, in monotonic time.
    forget: Duration,
    /// While it lasts there is nothing to fetch or to tell.
    lull: Lull,
}

/// Why nothing comes in.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: Code,
    /// How long the hub wishes to be left alone.
    pub(super) asked: Option<Duration>,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self { code: error.code(), asked: None }
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Self { code, asked: None }
    }
}

impl<H: HubPort> Poller<H> {
    pub(super) fn new(inner: Arc<Inner>, hub: Arc<H>) -> Self {
        let now = inner.clock.elapsed();
        Self {
            due: now + jittered(SOON),
            pause: SOON,
            open: false,
            setbacks: 0,
            fresh_keys: HashMap::new(),
            forget: now + HOUR,
            lull: Lull::default(),
            inner,
            hub,
        }
    }

    /// Turns until told to stop. What is under way is then given up at once: nothing of it is lost.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let inner = self.inner.clone();
        let stopped = async move {
            let _ = stop.wait_for(|stop| *stop).await;
        };
        let turning = async {
            loop {
                let wait = self.turn_watched().await;
                tokio::select! {
                    () = inner.nudge.notified() => {}
                    () = tokio::time::sleep(wait.min(inner.clock.until_beat(TURN))) => {}
                }
            }
        };
        tokio::select! {
            biased;
            () = stopped => {}
            () = turning => {}
        }
    }

    /// A turn during which the heart beats while the hub is asked, and at no other time.
    async fn turn_watched(&mut self) -> Duration {
        let inner = self.inner.clone();
        let turn = self.turn();
        tokio::pin!(turn);
        loop {
            tokio::select! {
                biased;
                wait = &mut turn => return wait,
                () = tokio::time::sleep(TURN) => {
                    if inner.asking.load(Ordering::SeqCst) {
                        inner.beat();
                    }
                }
            }
        }
    }

    /// Does all that is to be done; returns how long until there may be something again.
    pub async fn turn(&mut self) -> Duration {
        self.inner.beat();
        if self.inner.sooner.swap(false, Ordering::SeqCst) || self.inner.clock.elapsed() >= self.due {
            let result = self.read().await;
            self.told(result);
        }
        if self.open
            && !self.lull.lasts(self.look())
            && let Err(failure) = self.work(self.due).await
        {
            self.close(&failure);
        }
        self.keep_house().await;
        self.wait().await
    }

    /// Notes how the list was read, and when it is read next: soon after news, else ever less often, never before the hub wishes, and
    /// not in step with a thousand other boxes.
    fn told(&mut self, result: Result<u64, Failure>) {
        let (news, failure) = match result {
            Ok(news) => (news, None),
            Err(failure) => (0, Some(failure)),
        };
        let poll = Duration::from_millis(self.inner.longest.load(Ordering::SeqCst)).max(SOON);
        let code = failure.as_ref().map(|failure| failure.code);
        self.pause = match (news, code) {
            (_, Some(code)) if self.inner.config.is_none_of_ours(code) => poll,
            (0, _) => (self.pause * 2).min(poll),
            _ => SOON,
        };
        let asked = failure.and_then(|failure| failure.asked).unwrap_or_default();
        self.due = self.inner.clock.elapsed().saturating_add(jittered(self.pause).max(asked));
        self.open = code.is_none();
        self.note(code);
    }

    /// A unit met a trouble of the hub or of storage. Whether it was the hub's or the unit's own is seen when the list is read, which
    /// is soon: one unit must not keep the others from coming for long.
    fn close(&mut self, failure: &Failure) {
        self.setbacks = self.setbacks.saturating_add(1);
        let pause = SOON.saturating_mul(1 << self.setbacks.min(6)).min(SETBACK_MAX);
        self.due = self.inner.clock.elapsed().saturating_add(jittered(pause).max(failure.asked.unwrap_or_default()));
        self.open = false;
        self.note(Some(failure.code));
    }

    fn note(&self, code: Option<Code>) {
        let before = self.inner.pulse.borrow().failing;
        self.inner.pulse.send_modify(|pulse| pulse.failing = code);
        match code {
            Some(known) if self.inner.config.is_none_of_ours(known) && before != code => {
                tracing::info!(code = %known, "inbox: this hub has no care plans, or none for this facility");
            }
            Some(known) if self.inner.config.is_none_of_ours(known) => {}
            Some(code) if before != Some(code) => {
                tracing::warn!(%code, "inbox: what other offices sent cannot come in: {}", code.en());
            }
            None if before.is_some() => tracing::info!("inbox: what other offices sent comes in again"),
            _ => {}
        }
    }

    /// Reads page after page until there is nothing new; returns how much was news.
    async fn read(&self) -> Result<u64, Failure> {
        let inner = &self.inner;
        let name = fact_name(CURSOR, &inner.config.facility);
        let mut news = 0;
        for _ in 0..PAGES {
            let cursor = inner.store.fact(&name).await?;
            let page = inner.ask(self.hub.arrivals(cursor.clone())).await.map_err(|trouble| self.failure(&trouble))?;
            let now = inner.clock.now();
            inner.pulse.send_modify(|pulse| pulse.hub_answered = Some(now));
            let stands = cursor.as_deref() == Some(page.next_cursor.as_str());
            let last = page.items.is_empty() || stands;
            if page.items.is_empty() && stands {
                break;
            }
            let announce = Announce {
                facility: inner.config.facility.clone(),
                items: page.items.into_iter().map(|arrival| self.announced(arrival)).collect(),
                cursor_name: name.clone(),
                cursor: page.next_cursor,
                now: now.as_millisecond(),
            };
            let new = inner.store.write(announce).await?;
            crash::point("inbox.announced");
            if new > 0 {
                inner.tell_changed();
            }
            news += new;
            if last {
                break;
            }
        }
        Ok(news)
    }

    fn announced(&self, arrival: Arrival) -> NewArrival {
        let now = self.inner.clock.now();
        let (seconds, nanos) = (u64::try_from(now.as_second()).unwrap_or(0), now.subsec_nanosecond().unsigned_abs());
        NewArrival {
            id: Uuid::new_v7(UuidTime::from_unix(NoContext, seconds, nanos)).into_bytes(),
            hub_id: arrival.id,
            from_facility: arrival.from_facility,
            hub_kind: arrival.kind,
            receipt_number: arrival.receipt_number,
            sent_at: arrival.at.as_millisecond(),
        }
    }

    pub(super) fn failure(&self, trouble: &Trouble) -> Failure {
        Failure { code: trouble.code, asked: self.asked(trouble) }
    }

    /// How long the hub wishes to be left alone.
    pub(super) fn asked(&self, trouble: &Trouble) -> Option<Duration> {
        let now = self.inner.clock.now();
        let until = trouble.until.and_then(|until| Duration::try_from(until.duration_since(now)).ok());
        trouble.retry_after.max(until)
    }

    async fn keep_house(&mut self) {
        let inner = &self.inner;
        let facility = &inner.config.facility;
        if let Ok((unopened, oldest)) = inner.store.received_unopened(facility).await {
            let label = [("facility", telemetry::facility(facility))];
            Metric::CarePlansUnopened.set(&label, unopened as f64);
            let age = oldest.map_or(0, |at| inner.clock.now().as_millisecond().saturating_sub(at) / 1000);
            Metric::OldestUnopened.set(&label, age as f64);
        }
        if let Ok(awaited) = inner.store.received_awaited(&inner.config.facility).await {
            let long = inner.clock.now().as_millisecond().saturating_sub(OVERDUE);
            let code =
                |reason: Option<String>| reason.as_deref().and_then(Code::parse).unwrap_or(Code::GatewayInternal);
            let overdue = awaited.filter(|(since, _)| *since < long).map(|(_, reason)| code(reason));
            inner.pulse.send_modify(|pulse| pulse.overdue = overdue);
        }
        if inner.clock.elapsed() >= self.forget {
            self.forget = inner.clock.elapsed() + HOUR;
            if let Err(error) = self.forget().await {
                tracing::warn!(code = %error.code(), "inbox: retention could not be applied");
            }
        }
    }

    async fn forget(&self) -> Result<(), StoreError> {
        let inner = &self.inner;
        let rows = (&inner.store, &inner.clock);
        super::forget(rows, &inner.config.facility, inner.config.retention, || inner.beat()).await?;
        Ok(())
    }

    /// Until the list is due, or, while nothing is in the way, something is to be fetched or told.
    async fn wait(&mut self) -> Duration {
        let inner = self.inner.clone();
        let list = self.due.saturating_sub(inner.clock.elapsed());
        if !self.open {
            return list;
        }
        let look = self.look();
        if self.lull.lasts(look) {
            return self.lull.left(look).map_or(list, |work| list.min(work));
        }
        self.lull.end();
        let room = self.has_room().await;
        let wake = inner.store.received_wake(&inner.config.facility, room).await;
        let now = inner.clock.now().as_millisecond();
        let ahead = |at: i64| at > now && at <= super::fetch::horizon(now);
        match wake {
            // Room comes and goes without a word of the store.
            Ok(wake) if room && wake.is_none_or(ahead) => self.lull.found_nothing(look, wake),
            _ => {}
        }
        let work = match wake {
            Ok(Some(at)) if at <= super::fetch::horizon(now) => u64::try_from(at.saturating_sub(now)).unwrap_or(0),
            Ok(Some(_)) => 0,
            Ok(None) | Err(_) => u64::MAX,
        };
        list.min(Duration::from_millis(work))
    }

    fn look(&self) -> Look {
        Look::begin(&self.inner.store, &self.inner.clock)
    }
}

pub(super) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.75..1.25))
}
