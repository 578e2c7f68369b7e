//! `/v1/events`: what happened, as server-sent events: the durable log of submissions and of what other offices sent, and what readers, cards and card
//! sessions do, which is kept in memory. Who may see both gets one stream of both.

mod position;
mod stream;

use std::collections::VecDeque;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{KeepAlive, Sse};
use tokio::sync::Semaphore;

use crate::api::Api;
use crate::api::caller::{Connection, Listen, With};
use crate::api::problem::{Failure, Place};
use crate::card::events::Cursor;
use crate::fault::Code;
use crate::terminal::Right;
use position::Position;
use stream::{CardNews, Lost, Open, Reader, reset};

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
/// Server-sent events. With the right `read`: `submission.queued`, `submission.delivered`, …, of care plans also
/// `submission.recipient`, and `careplan.received`, `careplan.opened`, `careplan.gone` of what other offices sent; `data` is a
/// JSON object with `at`, `submission` (or `received`) and what belongs to the kind, without person data; kept for 7 days. With the right `card`: `reader`,
/// `card` and `card-session` (only the caller's own), see docs/cards.md; the newest 1,024 of this run are kept. `id` is
/// opaque: a stream that ends is resumed with it as `Last-Event-ID`; without it only new events come. Where what came
/// after that event is no longer kept, the stream says so with `reset`, whose `of` is `submissions` or `cards`: look at
/// those again, then go on reading. One program needs one stream; when half of all connections are streams, further ones
/// are answered with GATEWAY_BUSY.
#[utoipa::path(
    get, path = "/v1/events", security(("key" = ["read"]), ("key" = ["card"])),
    params(
        ("Last-Event-ID" = Option<String>, Header, description = "The last event seen"),
        ("after" = Option<String>, Query, description = "The same, for clients that cannot set the header"),
        ("from" = Option<String>, Query, description = "`beginning`: all events that are kept"),
    ),
    responses((status = 200, description = "The stream", body = String, content_type = "text/event-stream"))
)]
pub(in crate::api) async fn follow(
    State(api): State<Arc<Api>>,
    connection: Connection,
    by: With<Listen>,
    State(Streams(streams)): State<Streams>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Failure> {
    let start = start(&from, &headers)?;
    let place = streams.try_acquire_owned().map_err(|_| Code::GatewayBusy)?;
    let outbox = &api.desk(&by.caller.facility)?.outbox;
    // Subscribed before the bounds are read: an event in between wakes the stream and is found in the log.
    let news = by.caller.may(Right::Read).then(|| outbox.event_watch());
    let (oldest, newest) = outbox.event_bounds(&by.caller.facility).await?;
    let (log, log_lost) = match start {
        Start::New => (newest, false),
        Start::Beginning => (oldest.saturating_sub(1), false),
        // Who does not see the log keeps the place he came with.
        Start::After(position) if news.is_none() => (position.log, false),
        Start::After(position) => resume(position.log, oldest, newest),
    };
    let cards = by.caller.may(Right::Card).then(|| CardNews::new(&api.cards.events()));
    let (cursor, cards_lost) = cards.as_ref().map_or((None, false), |cards| {
        let (cursor, lost) = cards_from(&start, cards);
        (Some(cursor), lost)
    });
    let position = Position { log, cards: cursor };
    let mut waiting = VecDeque::new();
    // Whoever is cut off after the first of two resets still has to be told the second.
    let before = if cards_lost { start.cards() } else { cursor };
    waiting.extend(log_lost.then(|| reset(Lost::Submissions, Position { log, cards: before })));
    waiting.extend(cards_lost.then(|| reset(Lost::Cards, position)));
    let keep_alive = KeepAlive::new().interval(api.config.keep_alive);
    let (open, stopping) = (Open::new(place), connection.stopping.clone());
    let reader = Reader::new(api, open, by.caller, position, waiting, news, cards, stopping);
    Ok(Sse::new(reader.stream()).keep_alive(keep_alive))
}

enum Start {
    New,
    Beginning,
    After(Position),
}

impl Start {
    /// The place in the history of cards that the caller came with.
    const fn cards(&self) -> Option<Cursor> {
        match self {
            Self::After(position) => position.cards,
            Self::New | Self::Beginning => None,
        }
    }
}

/// The header counts before the query: a browser that reconnects sends both, and the header is newer.
fn start(from: &From, headers: &HeaderMap) -> Result<Start, Failure> {
    if let Some(value) = headers.get("last-event-id") {
        let position = value.to_str().ok().and_then(Position::parse);
        return position.map(Start::After).ok_or_else(|| bad("Last-Event-ID"));
    }
    match (&from.after, from.from.as_deref()) {
        (None, None) => Ok(Start::New),
        (None, Some("beginning")) => Ok(Start::Beginning),
        (Some(after), None) => Position::parse(after).map(Start::After).ok_or_else(|| bad("after")),
        _ => Err(bad("from")),
    }
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

/// Where to go on in the log, and whether there is a gap: the event is older than the log, or of a log that is no more.
fn resume(seq: i64, oldest: i64, newest: i64) -> (i64, bool) {
    if seq > newest || seq < oldest.saturating_sub(1) { (oldest.saturating_sub(1), true) } else { (seq, false) }
}

/// Where to go on in the history of cards, and whether there is a gap.
fn cards_from(start: &Start, cards: &CardNews) -> (Cursor, bool) {
    match start {
        Start::New => (cards.history.newest(), false),
        Start::Beginning => (cards.history.beginning(), false),
        Start::After(Position { cards: Some(cursor), .. }) => match cards.history.after(*cursor, 1) {
            Ok(_) => (*cursor, false),
            Err(gone) => (gone.newest, true),
        },
        Start::After(Position { cards: None, .. }) => (cards.history.newest(), true),
    }
}
