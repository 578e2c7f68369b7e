//! The box's own acts: what it sent and what came in, from the durable log of events, each once, also after a crash; when it
//! started and stopped; and the daily anchor.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use tokio::sync::watch;
use uuid::Uuid;

use super::anchor::{self, Anchor};
use super::record::{Act, Draft, Hash, Result as Ended};
use super::trail::TrailError;
use crate::clock::Clock;
use crate::fault::Code;
use crate::store::{AppendTrail, Store, ToldEvent};

/// Fact that holds the place in the log of events.
const CURSOR: &str = "trail.events";
/// Events recorded in one transaction.
const PAGE: u16 = 200;
/// After the storage failed, and between two looks at the date.
const PAUSE: Duration = Duration::from_secs(10);

/// What the box tells of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnAct {
    /// It runs.
    Started,
    /// It was told to stop and has ended its work.
    Stopped,
    /// Its settings were read again.
    Reloaded,
}

impl OwnAct {
    /// The act as it stands in the trail.
    #[must_use]
    pub fn act(self, facility: &str, at: Timestamp) -> Act {
        let name = match self {
            Self::Started => "gateway.started",
            Self::Stopped => "gateway.stopped",
            Self::Reloaded => "settings.reloaded",
        };
        Draft::own(facility, name).ended(at, None, Ended::Done, None)
    }
}

/// Puts the box's own acts into the trail.
pub struct Follower {
    store: Store,
    clock: Clock,
    facility: String,
    /// Where the anchors are kept.
    directory: PathBuf,
    /// Position in the log of events; `None`: not known yet.
    cursor: Option<i64>,
    /// The newest event of any kind when everything up to it was recorded.
    seen: Option<i64>,
    /// Acts that could not be recorded so far.
    owed: Vec<Act>,
    failing: Option<Code>,
    /// The day in Japan of the newest anchor.
    anchored: Option<Date>,
}

impl Follower {
    /// A follower that has recorded that the gateway starts, if the storage let it; else it does so as soon as it can.
    pub async fn begin(store: Store, clock: Clock, facility: String, directory: PathBuf) -> Self {
        let owed = vec![OwnAct::Started.act(&facility, clock.now())];
        let anchored = anchor::newest_day(&directory).ok().flatten();
        let mut this =
            Self { store, clock, facility, directory, cursor: None, seen: None, owed, failing: None, anchored };
        let begun = this.catch_up().await;
        this.told(&begun);
        this
    }

    /// Follows the events until told to stop; then records the last of them, and that the gateway stops.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut newest = self.store.newest_event();
        while !*stop.borrow() {
            let done = self.catch_up().await;
            self.told(&done);
            self.anchor().await;
            tokio::select! {
                _ = stop.changed() => {}
                // After a failure not before the pause is over: new events do not make room on a disk.
                changed = newest.changed(), if self.failing.is_none() => if changed.is_err() { break },
                () = tokio::time::sleep(self.clock.until_beat(PAUSE)) => {}
            }
        }
        let now = self.clock.now();
        let ended = self.catch_up().await;
        self.owed.push(OwnAct::Stopped.act(&self.facility, now));
        let ended = if ended.is_ok() { self.catch_up().await } else { ended };
        self.told(&ended);
    }

    fn told(&mut self, result: &Result<(), TrailError>) {
        let failing = result.as_ref().err().map(|error| error.code);
        if let (Some(code), true) = (failing, failing != self.failing) {
            tracing::error!(%code, "audit: the trail cannot be written: {}", code.en());
        }
        self.failing = failing;
    }

    /// Records what is owed and what has happened since, with the place in the log of events.
    async fn catch_up(&mut self) -> Result<(), TrailError> {
        let newest = *self.store.newest_event().borrow();
        if self.owed.is_empty() && self.seen == Some(newest) {
            return Ok(());
        }
        self.seen = None;
        let (mut cursor, known) = match self.cursor {
            Some(cursor) => (cursor, true),
            None => self.found().await?,
        };
        // The place has to be kept once, or events that come before the next start would be passed over.
        let mut keep = !known;
        loop {
            let events = self.store.acts_after(cursor, PAGE).await?;
            if events.is_empty() && self.owed.is_empty() && !keep {
                break;
            }
            let more = events.len() == usize::from(PAGE);
            cursor = events.last().map_or(cursor, |last| last.seq);
            let acts = self.owed.iter().cloned().chain(events.iter().map(act));
            let lines = acts.map(Act::to_line).collect();
            self.store.write(AppendTrail { lines, fact: Some((CURSOR, cursor.to_string())) }).await?;
            self.owed.clear();
            keep = false;
            self.cursor = Some(cursor);
            if !more {
                break;
            }
        }
        self.cursor = Some(cursor);
        self.seen = Some(newest);
        Ok(())
    }

    /// Where to go on. What happened before there was a trail is not put into it.
    async fn found(&self) -> Result<(i64, bool), TrailError> {
        let kept = self.store.fact(CURSOR).await?.and_then(|text| text.parse().ok());
        Ok(kept.map_or_else(|| (*self.store.newest_event().borrow(), false), |cursor| (cursor, true)))
    }

    /// Once a day.
    async fn anchor(&mut self) {
        let now = self.clock.now();
        let today = Some(anchor::day(now));
        if self.anchored == today {
            return;
        }
        let Ok(Some(row)) = self.store.trail_newest().await else { return };
        let anchor = Anchor { seq: row.seq.unsigned_abs(), hash: Hash::of(row.record.as_bytes()) };
        match anchor::write(&self.directory, now, anchor) {
            Ok(()) => {
                self.anchored = today;
                tracing::info!(%anchor, "audit: the anchor of the day");
            }
            Err(error) => tracing::warn!(%error, "audit: the anchor of the day could not be written"),
        }
    }
}

/// The act that an event tells of.
fn act(event: &ToldEvent) -> Act {
    let data: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
    let text = |member: &str| data.get(member).and_then(serde_json::Value::as_str);
    let at = Timestamp::from_millisecond(event.at).unwrap_or_default();
    let submission = event.submission.as_deref().and_then(|id| Uuid::from_slice(id).ok());
    let received = text("received").and_then(|id| id.parse::<Uuid>().ok()).map(|id| format!("received:{id}"));
    let on = submission.map(|id| format!("submission:{id}")).or(received);
    let code = text("reason").and_then(Code::parse);
    let (name, result) = match event.kind.as_str() {
        "submission.delivered" => ("submission.delivered", Ended::Done),
        "submission.returned" => ("submission.returned", Ended::Refused),
        "careplan.received" => ("received.received", Ended::Done),
        _ => ("received.gone", Ended::Failed),
    };
    let code = code.filter(|_| result != Ended::Done);
    Draft::own(&event.facility, name).ended(at, on, result, code)
}
