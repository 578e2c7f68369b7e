//! `/v1/events`: the durable log of what happened, as server-sent events.
//!
//! A stream reads the log in pages, at the pace of its reader; nothing is buffered for a slow one. Waking comes from a
//! watched number, so that a thousand events wake it once.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};
use serde_json::{Map, Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::api::Api;
use crate::api::caller::{Connection, Read, With};
use crate::api::problem::{Failure, Place};
use crate::fault::Code;
use crate::outbox::EventRecord;
use crate::telemetry::Metric;
use crate::terminal::Caller;

/// Events read from the log at a time.
const PAGE: u16 = 100;

/// Places for streams: each holds a connection for as long as it likes, and some have to be left for requests.
#[derive(Clone)]
pub(in crate::api) struct Streams(pub(in crate::api) Arc<Semaphore>);

/// Where to begin.
#[derive(serde::Deserialize)]
pub(in crate::api) struct From {
    after: Option<String>,
    from: Option<String>,
}

/// Follow events
///
/// Server-sent events: `id` is the event's number, `event` its kind (`submission.queued`, `submission.delivered`, …),
/// `data` a JSON object with `at`, `submission` and what belongs to the kind, without person data. Events are kept for
/// 7 days. A stream that ends is resumed with `Last-Event-ID`; without it only new events come. If that event is no
/// longer kept, the first event is `reset`: list the submissions again, then go on reading. One program needs one stream;
/// when half of all connections are streams, further ones are answered with GATEWAY_BUSY.
#[utoipa::path(
    get, path = "/v1/events", security(("key" = ["read"])),
    params(
        ("Last-Event-ID" = Option<i64>, Header, description = "The last event seen"),
        ("after" = Option<i64>, Query, description = "The same, for clients that cannot set the header"),
        ("from" = Option<String>, Query, description = "`beginning`: all events that are kept"),
    ),
    responses((status = 200, description = "The stream", body = String, content_type = "text/event-stream"))
)]
pub(in crate::api) async fn follow(
    State(api): State<Arc<Api>>,
    connection: Connection,
    by: With<Read>,
    Extension(Streams(streams)): Extension<Streams>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Failure> {
    let start = start(&from, &headers)?;
    let place = streams.try_acquire_owned().map_err(|_| Code::GatewayBusy)?;
    // Subscribed before the bounds are read: an event in between wakes the stream and is found in the log.
    let news = api.outbox.event_watch();
    let (oldest, newest) = api.outbox.event_bounds(&by.caller.facility).await?;
    let (after, reset) = match start {
        Start::New => (newest, false),
        Start::Beginning => (oldest.saturating_sub(1), false),
        Start::After(seq) => resume(seq, oldest, newest),
    };
    let waiting = reset.then(|| reset_event(after)).into_iter().collect();
    let keep_alive = KeepAlive::new().interval(api.config.keep_alive);
    let reader =
        Reader { _open: Open::new(place), caller: by.caller, after, waiting, news, stopping: connection.stopping, api };
    Ok(Sse::new(reader.stream()).keep_alive(keep_alive))
}

enum Start {
    New,
    Beginning,
    After(i64),
}

/// The header counts before the query: a browser that reconnects sends both, and the header is newer.
fn start(from: &From, headers: &HeaderMap) -> Result<Start, Failure> {
    if let Some(value) = headers.get("last-event-id") {
        let seq = value.to_str().ok().and_then(number);
        return seq.map(Start::After).ok_or_else(|| bad("Last-Event-ID"));
    }
    match (&from.after, from.from.as_deref()) {
        (None, None) => Ok(Start::New),
        (None, Some("beginning")) => Ok(Start::Beginning),
        (Some(after), None) => number(after).map(Start::After).ok_or_else(|| bad("after")),
        _ => Err(bad("from")),
    }
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok().filter(|seq| *seq >= 0)
}

fn bad(name: &str) -> Failure {
    Failure::here(
        Code::RequestMalformed,
        Place::parameter(
            name,
            "PARAMETER_VALUE",
            "この値は使えません。/openapi.json の説明を見てください。",
            "This value is not accepted. See /openapi.json.",
        ),
    )
}

/// Where to go on, and whether there is a gap: the event is older than the log, or of a log that is no more.
fn resume(seq: i64, oldest: i64, newest: i64) -> (i64, bool) {
    if seq > newest || seq < oldest.saturating_sub(1) { (oldest.saturating_sub(1), true) } else { (seq, false) }
}

fn reset_event(after: i64) -> Event {
    let data = json!({
        "detail": "ここより前のイベントは残っていません。GET /v1/submissions で一覧を取り直してください。",
        "detail_en": "Earlier events are no longer kept. List the submissions again with GET /v1/submissions.",
    });
    Event::default().event("reset").id(after.max(0).to_string()).data(data.to_string())
}

struct Reader {
    api: Arc<Api>,
    _open: Open,
    caller: Caller,
    after: i64,
    waiting: VecDeque<Event>,
    news: watch::Receiver<i64>,
    stopping: watch::Receiver<bool>,
}

/// Counts open streams.
struct Open(#[expect(dead_code, reason = "given back when the stream ends")] OwnedSemaphorePermit);

static OPEN: AtomicI64 = AtomicI64::new(0);

impl Open {
    fn new(place: OwnedSemaphorePermit) -> Self {
        Metric::EventStreams.set(&[], (OPEN.fetch_add(1, Ordering::SeqCst) + 1) as f64);
        Self(place)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        Metric::EventStreams.set(&[], (OPEN.fetch_sub(1, Ordering::SeqCst) - 1) as f64);
    }
}

impl Reader {
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
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
            self.news.borrow_and_update();
            let page = self.page().await;
            let page = page.inspect_err(|error| tracing::info!(code = %error.code(), "event stream ends")).ok()?;
            match page.last() {
                Some(last) => {
                    self.after = last.seq;
                    self.waiting.extend(page.iter().map(event));
                }
                None => self.wait().await?,
            }
        }
    }

    /// The next events, as long as the caller may still see them.
    async fn page(&self) -> Result<Vec<EventRecord>, Failure> {
        if !self.api.keys.stands(&self.caller).await? {
            return Err(Code::AuthInvalid.into());
        }
        Ok(self.api.outbox.events_after(&self.caller.facility, self.after, PAGE).await?)
    }

    async fn wait(&mut self) -> Option<()> {
        tokio::select! {
            changed = self.news.changed() => changed.ok(),
            _ = self.stopping.wait_for(|stopping| *stopping) => None,
        }
    }
}

fn event(record: &EventRecord) -> Event {
    let mut data = Map::new();
    data.insert("at".into(), json!(record.at));
    data.insert("submission".into(), json!(record.submission));
    if let Value::Object(more) = &record.data {
        data.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    Event::default().id(record.seq.to_string()).event(&record.kind).data(Value::Object(data).to_string())
}
