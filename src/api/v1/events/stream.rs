//! The stream itself. It reads the log and the history in pages, at the pace of its reader; nothing is buffered for a slow
//! one. Waking comes from watched numbers, so that a thousand events wake it once.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::response::sse::Event;
use futures_util::{Stream, stream};
use serde_json::{Map, Value, json};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::position::Position;
use crate::api::Api;
use crate::api::problem::Failure;
use crate::api::standing::stands;
use crate::api::v1::card_wire::{reader_state, stage};
use crate::card::events::{CardEvent, Events};
use crate::card::machine::Event as Happened;
use crate::card::{Terminal, Trouble};
use crate::fault::Code;
use crate::outbox::EventRecord;
use crate::telemetry::Metric;
use crate::terminal::{Caller, Listener};

/// Events read at a time.
const PAGE: u16 = 100;

/// What a stream has lost sight of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    Submissions,
    Cards,
}

/// Tells that events are missing, and where to look instead.
pub(super) fn reset(lost: Lost, position: Position) -> Event {
    let data = match lost {
        Lost::Submissions => json!({
            "of": "submissions",
            "detail": "ここより前のイベントは残っていません。GET /v1/submissions と GET /v1/careplans/received で一覧を取り直してください。",
            "detail_en": "Earlier events are no longer kept. List again with GET /v1/submissions and GET /v1/careplans/received.",
        }),
        Lost::Cards => json!({
            "of": "cards",
            "detail": "カードのイベントに抜けがあります。GET /v1/readers と自分のセッションを見直してください。",
            "detail_en": "Events of cards are missing. Look at GET /v1/readers and at your sessions again.",
        }),
    };
    Event::default().event("reset").id(position.to_string()).data(data.to_string())
}

/// The history of cards, and the watch on it.
pub(super) struct CardNews {
    pub(super) history: Arc<Events>,
    news: watch::Receiver<u64>,
}

impl CardNews {
    pub(super) fn new(history: &Arc<Events>) -> Self {
        Self { history: Arc::clone(history), news: history.watch() }
    }
}

/// Counts open streams.
pub(super) struct Open(#[expect(dead_code, reason = "given back when the stream ends")] OwnedSemaphorePermit);

static OPEN: AtomicI64 = AtomicI64::new(0);

impl Open {
    pub(super) fn new(place: OwnedSemaphorePermit) -> Self {
        Metric::EventStreams.set(&[], (OPEN.fetch_add(1, Ordering::SeqCst) + 1) as f64);
        Self(place)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        Metric::EventStreams.set(&[], (OPEN.fetch_sub(1, Ordering::SeqCst) - 1) as f64);
    }
}

/// One listener.
pub(super) struct Reader {
    api: Arc<Api>,
    _open: Open,
    caller: Caller,
    /// The last event read, which is the last one in `waiting`.
    position: Position,
    waiting: VecDeque<Event>,
    log: Option<watch::Receiver<i64>>,
    /// The log may hold more than was read.
    log_due: bool,
    cards: Option<CardNews>,
    stopping: watch::Receiver<bool>,
    revocations: Listener,
}

impl Reader {
    #[allow(clippy::too_many_arguments, reason = "it is made in one place, of nothing that belongs together")]
    pub(super) fn new(
        api: Arc<Api>,
        open: Open,
        caller: Caller,
        position: Position,
        waiting: VecDeque<Event>,
        log: Option<watch::Receiver<i64>>,
        cards: Option<CardNews>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let revocations = api.keys.revocations().listen();
        let log_due = log.is_some();
        Self { api, _open: open, caller, position, waiting, log_due, log, cards, stopping, revocations }
    }

    pub(super) fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut reader| async move { reader.next().await.map(|event| (Ok(event), reader)) })
    }

    /// The next event; `None` ends the stream, and its reader comes back with `Last-Event-ID`.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if *self.stopping.borrow() {
                return None;
            }
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            let more = self.read().await;
            let more = more.inspect_err(|error| tracing::info!(code = %error.code(), "event stream ends")).ok()?;
            if !more {
                self.wait().await?;
            }
        }
    }

    /// Reads what is new, as long as the caller may still see it; whether there was anything.
    async fn read(&mut self) -> Result<bool, Failure> {
        if !stands(&self.api, &self.caller).await? {
            return Err(Code::AuthInvalid.into());
        }
        let from_log = self.read_log().await?;
        Ok(self.read_cards() || from_log)
    }

    async fn read_log(&mut self) -> Result<bool, Failure> {
        let Some(news) = &mut self.log else { return Ok(false) };
        // An event of a card must not cost a look at the disk.
        if !self.log_due {
            return Ok(false);
        }
        news.borrow_and_update();
        let outbox = &self.api.desk(&self.caller.facility)?.outbox;
        let page = outbox.events_after(&self.caller.facility, self.position.log, PAGE).await?;
        self.log_due = !page.is_empty();
        for record in &page {
            self.position.log = record.seq;
            self.waiting.push_back(submission(record, self.position));
        }
        Ok(!page.is_empty())
    }

    fn read_cards(&mut self) -> bool {
        let (Some(cards), Some(cursor)) = (&mut self.cards, self.position.cards) else { return false };
        cards.news.borrow_and_update();
        match cards.history.after(cursor, PAGE.into()) {
            Ok(page) => {
                let service = self.api.cards.health().service;
                let own = Terminal(self.caller.id.clone());
                for happened in &page {
                    self.position.cards = Some(happened.cursor);
                    self.waiting.extend(card(happened, &own, service, self.position));
                }
                !page.is_empty()
            }
            Err(gone) => {
                self.position.cards = Some(gone.newest);
                self.waiting.push_back(reset(Lost::Cards, self.position));
                true
            }
        }
    }

    async fn wait(&mut self) -> Option<()> {
        let log = async {
            match &mut self.log {
                Some(news) => news.changed().await.ok(),
                None => std::future::pending().await,
            }
        };
        let cards = async {
            match &mut self.cards {
                Some(cards) => cards.news.changed().await.ok(),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = log => {
                self.log_due = true;
                changed
            }
            changed = cards => changed,
            () = self.revocations.due() => Some(()),
            _ = self.stopping.wait_for(|stopping| *stopping) => None,
        }
    }
}

fn submission(record: &EventRecord, position: Position) -> Event {
    let mut data = Map::new();
    data.insert("at".into(), json!(record.at));
    // What other offices sent is no submission.
    if let Some(id) = record.submission {
        data.insert("submission".into(), json!(id));
    }
    if let Value::Object(more) = &record.data {
        data.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    Event::default().id(position.to_string()).event(&record.kind).data(Value::Object(data).to_string())
}

/// An event of the card room, if this terminal may see it.
fn card(happened: &CardEvent, own: &Terminal, service: Option<Trouble>, position: Position) -> Option<Event> {
    let at = happened.at;
    let (kind, data) = match &happened.event {
        Happened::Reader { reader, state } => {
            let (state, reason) = reader_state(state, service);
            ("reader", json!({"at": at, "reader": reader, "state": state, "reason": reason}))
        }
        Happened::Card { reader, card } => ("card", json!({"at": at, "reader": reader, "card": card})),
        Happened::Session { id, terminal, stage: stands } if terminal == own => {
            let (state, reader, ended) = stage(stands.clone());
            let data = json!({"at": at, "session": id, "state": state, "reader": reader, "ended": ended});
            ("card-session", data)
        }
        Happened::Session { .. } => return None,
    };
    Some(Event::default().id(position.to_string()).event(kind).data(data.to_string()))
}
