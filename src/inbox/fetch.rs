//! One unit at a time: fetched and kept, then acknowledged.

use std::time::Duration;

use aws_lc_rs::digest;
use bytes::Bytes;
use serde_json::json;
use uuid::Uuid;

use super::files;
use super::poll::{Failure, Poller, jittered};
use super::view::About;
use crate::fault::{Code, Retry, crash};
use crate::hub::{Acknowledgement, HubPort, Scope, Trouble};
use crate::store::{Acknowledged, KeepUnit, NewEvent, NewUnitBody, PostponeUnit, ReceivedRow, StoreError, UnitGone};
use crate::task;
use crate::telemetry::Metric;
use crate::vault::{SealedWhole, seal_whole};

const PAUSE_MIN: Duration = Duration::from_secs(10);
const PAUSE_MAX: Duration = Duration::from_secs(3600);
/// A hub that does not know a unit is asked again until it was waited for so long: by then, with each pause twice the one before,
/// for well over an hour. One that is put right from a backup may know it again.
const GONE_AFTER: Duration = Duration::from_secs(2700);
/// No hub is obeyed when it asks for a longer silence than this at a time.
const ASKED_MAX: Duration = Duration::from_secs(24 * 3600);

/// A waiting time beyond this comes from a clock that was set back.
pub(super) fn horizon(now: i64) -> i64 {
    const HORIZON: i64 = 25 * 3600 * 1000;
    now.saturating_add(HORIZON)
}

/// What keeps a unit from its next step.
enum Setback {
    /// It concerns this unit: the others go on.
    Unit(Failure),
    /// It concerns all of them, and this one may be why.
    All(Failure),
    /// Storage does not take it. No unit is to blame.
    Storage(Failure),
}

impl From<StoreError> for Setback {
    fn from(error: StoreError) -> Self {
        match error.code() {
            Code::GatewayInternal => Self::Unit(error.into()),
            _ => Self::Storage(error.into()),
        }
    }
}

impl<H: HubPort> Poller<H> {
    /// Takes step after step, until there is nothing to do or the list is due.
    pub(super) async fn work(&mut self, until: Duration) -> Result<(), Failure> {
        let inner = self.inner.clone();
        while inner.clock.elapsed() < until {
            inner.beat();
            let now = inner.clock.now().as_millisecond();
            let (facility, horizon) = (&inner.config.facility, horizon(now));
            let room = self.has_room().await;
            let Some(row) = inner.store.received_ready(facility, now, horizon, room).await? else {
                let full = !room && inner.store.received_ready(facility, now, horizon, true).await?.is_some();
                inner.pulse.send_modify(|pulse| pulse.full = full);
                return Ok(());
            };
            inner.pulse.send_modify(|pulse| pulse.full = false);
            let id = Uuid::from_slice(&row.id).map_err(|_| Code::StorageBroken)?;
            let step = match row.state.as_str() {
                "announced" => self.fetch(&row, id).await,
                _ => self.acknowledge(&row, id).await,
            };
            match step {
                Ok(()) => self.setbacks = 0,
                Err(Setback::Storage(failure)) => {
                    self.absolve(&row, id).await;
                    return Err(failure);
                }
                Err(Setback::Unit(failure)) => self.postpone(&row, id, &failure).await?,
                Err(Setback::All(failure)) => {
                    self.postpone(&row, id, &failure).await?;
                    return Err(failure);
                }
            }
        }
        Ok(())
    }

    /// Whether a unit may be fetched. What was forgotten leaves room inside the database file, which counts; but a quarter of the
    /// minimum has to be free outside it, where the write-ahead log grows.
    pub(super) async fn has_room(&self) -> bool {
        let (config, store) = (&self.inner.config, &self.inner.store);
        match (config.free_space)() {
            None => true,
            Some(free) if free >= config.min_free => true,
            Some(free) if free < config.min_free / 4 => false,
            Some(free) => free.saturating_add(store.free_inside().await.unwrap_or(0)) >= config.min_free,
        }
    }

    async fn postpone(&self, row: &ReceivedRow, id: Uuid, failure: &Failure) -> Result<(), Failure> {
        tracing::warn!(received = %id, code = %failure.code, "inbox: put off: {}", failure.code.en());
        let asked = failure.asked.unwrap_or_default().min(ASKED_MAX);
        Ok(self.inner.store.write(self.put_off(row, id, Some(failure.code), asked)).await?)
    }

    fn put_off(&self, row: &ReceivedRow, id: Uuid, code: Option<Code>, asked: Duration) -> PostponeUnit {
        let before = pause_of(row);
        let pause = jittered((before * 2).clamp(PAUSE_MIN, PAUSE_MAX)).min(PAUSE_MAX);
        let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        PostponeUnit {
            id: id.into_bytes(),
            reason: code.map(Code::name),
            wait_until: self.inner.clock.now().as_millisecond().saturating_add(millis(pause.max(asked))),
            pause: millis(pause),
        }
    }

    /// Takes back what was noted against a unit before it was judged: it was not to blame. Where storage does not take that either,
    /// the unit waits.
    async fn absolve(&self, row: &ReceivedRow, id: Uuid) {
        let postpone = PostponeUnit { id: id.into_bytes(), reason: None, wait_until: 0, pause: row.pause };
        let _ = self.inner.store.write(postpone).await;
    }

    fn setback(&self, trouble: &Trouble) -> Setback {
        match trouble.scope {
            Scope::Item | Scope::Try => Setback::Unit(self.failure(trouble)),
            Scope::Hub | Scope::Operator => Setback::All(self.failure(trouble)),
        }
    }

    async fn fetch(&self, row: &ReceivedRow, id: Uuid) -> Result<(), Setback> {
        let inner = &self.inner;
        let Some(mut unit) = self.given(row).await? else { return self.gone(row, id).await };
        crash::point("inbox.fetched");
        // A unit that ends the process, because it takes more memory than there is, must not be the first again after every start.
        inner.store.write(self.put_off(row, id, None, Duration::ZERO)).await?;
        crash::point("inbox.noted");
        inner.beat();
        let mut about = judged(unit.clone()).await;
        inner.beat();
        // Once acknowledged it is not asked for again, so what cannot be read is believed only when it is said twice.
        if about.is_none() {
            let said = digest::digest(&digest::SHA256, &unit);
            drop(unit);
            let Some(again) = self.given(row).await? else { return self.gone(row, id).await };
            unit = again;
            if digest::digest(&digest::SHA256, &unit).as_ref() != said.as_ref() {
                about = judged(unit.clone()).await;
                inner.beat();
                if about.is_none() {
                    return Err(Setback::Unit(Code::HubNonsense.into()));
                }
            }
        }
        let body = self.sealed(unit, id).await.map_err(|code| Setback::Unit(code.into()))?;
        inner.beat();
        let reason = about.is_none().then_some(Code::CareplanUnreadable);
        if let Some(code) = reason {
            tracing::warn!(received = %id, %code, "inbox: {}", code.en());
        }
        let keep = KeepUnit {
            id: id.into_bytes(),
            body,
            about: about.as_ref().and_then(|about| serde_json::to_string(about).ok()),
            reason: reason.map(Code::name),
            now: inner.clock.now().as_millisecond(),
            event: self.event("careplan.received", row, id, about.as_ref(), reason),
        };
        let kept = inner.store.write(keep).await?;
        crash::point("inbox.kept");
        self.recorded("careplan.received", kept);
        Ok(())
    }

    /// What the hub gives for it; `None`: it has lost it.
    async fn given(&self, row: &ReceivedRow) -> Result<Option<Bytes>, Setback> {
        let given = self.inner.ask(self.hub.arrived_unit(&row.hub_id)).await;
        given.map_err(|trouble| self.setback(&trouble))
    }

    async fn gone(&self, row: &ReceivedRow, id: Uuid) -> Result<(), Setback> {
        let code = Code::HubArrivalGone;
        if row.reason.as_deref() != Some(code.name()) || pause_of(row) < GONE_AFTER {
            return Err(Setback::Unit(code.into()));
        }
        tracing::warn!(received = %id, %code, "inbox: {}", code.en());
        let event = self.event("careplan.gone", row, id, None, Some(code));
        let gone = self.inner.store.write(UnitGone { id: id.into_bytes(), reason: code.name(), event }).await?;
        self.recorded("careplan.gone", gone);
        Ok(())
    }

    async fn sealed(&self, unit: Bytes, id: Uuid) -> Result<NewUnitBody, Code> {
        let keys = self.inner.keys.clone();
        let sealing = task::aside(move || seal_whole(&keys, id.into_bytes(), &unit));
        let sealed = sealing.await.ok().and_then(Result::ok).ok_or(Code::GatewayInternal)?;
        let SealedWhole { key_id, salt, length, sha256: hash, pieces } = sealed;
        Ok(NewUnitBody { pieces, hash, length, key_id, salt })
    }

    fn recorded(&self, kind: &'static str, new: bool) {
        if new {
            Metric::Events.count(&[("kind", kind)]);
            self.inner.tell_changed();
        }
    }

    fn event(
        &self,
        kind: &'static str,
        row: &ReceivedRow,
        id: Uuid,
        about: Option<&About>,
        reason: Option<Code>,
    ) -> NewEvent {
        NewEvent {
            at: self.inner.clock.now().as_millisecond(),
            facility: row.facility.clone(),
            submission: None,
            kind,
            data: event_data(id, &row.from_facility, about, reason),
        }
    }

    async fn acknowledge(&mut self, row: &ReceivedRow, id: Uuid) -> Result<(), Setback> {
        let (what, name) = match row.acknowledged.as_str() {
            "none" => (Acknowledgement::Downloaded, "downloaded"),
            _ => (Acknowledgement::Opened, "opened"),
        };
        crash::point("inbox.before_acknowledge");
        let key = self.fresh_keys.get(&id).copied().unwrap_or_else(|| key(id, name));
        let told = self.inner.ask(self.hub.acknowledge(key, &row.hub_id, what)).await;
        crash::point("inbox.told");
        match told {
            Ok(()) => {}
            // A key remembers this refusal, and people put it right: the next word needs another. After a restart one refusal teaches it again.
            Err(trouble) if trouble.code == Code::HubNotPermitted => {
                self.fresh_keys.insert(id, Uuid::new_v4());
                return Err(self.setback(&trouble));
            }
            // The hub's last word: said again it would be the same.
            Err(Trouble { code, scope: Scope::Item, .. }) if is_last_word(code) => {
                tracing::warn!(received = %id, %code, told = name, "inbox: the hub does not take the word of it");
            }
            Err(trouble) => return Err(self.setback(&trouble)),
        }
        self.inner.store.write(Acknowledged { id: id.into_bytes(), what: name }).await?;
        self.fresh_keys.remove(&id);
        crash::point("inbox.acknowledged");
        Ok(())
    }
}

fn pause_of(row: &ReceivedRow) -> Duration {
    Duration::from_millis(u64::try_from(row.pause).unwrap_or(0))
}

/// What the hub says of a word and will say again. What a user may do is put right by people.
fn is_last_word(code: Code) -> bool {
    code.retry() == Retry::Never && code != Code::HubNotPermitted
}

/// What a unit is. One over which the reader stumbles is kept like one that it cannot read.
async fn judged(unit: Bytes) -> Option<About> {
    task::aside(move || files::about(&unit)).await.ok().flatten()
}

/// What an event of a received unit tells: no person data.
pub(super) fn event_data(id: Uuid, from_facility: &str, about: Option<&About>, reason: Option<Code>) -> String {
    let month = about.and_then(|about| about.month.as_deref());
    json!({
        "received": id,
        "from_facility": from_facility,
        "unit": about.map(|about| &about.unit),
        "stamp": about.map(|about| &about.stamp),
        "month": month,
        "reason": reason,
    })
    .to_string()
}

/// The key under which the hub is told: the same for the same word, however often it is said.
fn key(id: Uuid, what: &str) -> Uuid {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(id.as_bytes());
    context.update(what.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(context.finish().as_ref().get(..16).unwrap_or(&[0; 16]));
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}
