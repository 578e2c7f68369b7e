//! `/v1/card-sessions`: a terminal borrows a reader and gives it back.
//!
//! The terminal is the API key. A session of another terminal is answered like one that never was.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::card_wire::{SessionView, TriesView};
use super::identify::{drained, small_secret};
use super::identifying::own_card;
use crate::api::Api;
use crate::api::about::About;
use crate::api::body::Pieces;
use crate::api::caller::{Card, With, authorise};
use crate::api::members::{Members, Shape, Wiped};
use crate::api::problem::{Document, Failure};
use crate::card::{CardError, Opened, Purpose, ReaderName, Session, Terminal, Wish};
use crate::fault::Code;
use crate::terminal::{Caller, Right};

/// The body of any request here but `…/apdu`.
pub(super) const MAX_BODY: u16 = 16 << 10;
/// Nobody waits longer, in seconds.
const LONGEST_WAIT: u64 = 600;

const READER: Shape = Shape {
    ja: "reader は文字列です（リーダーの名前、または \"nearest\"）。",
    en: "`reader` is a string: a reader's name, or \"nearest\".",
};
const PURPOSE: Shape = Shape {
    ja: "purpose には identify・basic-four・application のどれかが要ります。",
    en: "`purpose` has to be one of identify, basic-four, application.",
};
const WAIT: Shape = Shape {
    ja: "wait_s は0から600までの整数（秒）です。",
    en: "`wait_s` is a whole number of seconds from 0 to 600.",
};

/// A request for a reader.
#[derive(ToSchema)]
#[schema(as = CardSessionRequest)]
#[allow(dead_code, reason = "describes the request; it is read by hand to report all problems at once")]
pub(in crate::api) struct Order {
    /// A reader's name; `nearest`: one of those that the settings put beside this key, any if none; absent: any.
    #[schema(example = "nearest")]
    reader: Option<String>,
    /// `identify`, `basic-four` or `application`. Shown to people; limits nothing.
    #[schema(value_type = String, example = "identify")]
    purpose: Purpose,
    /// How long to wait for the turn; 0 if not given: not at all.
    #[schema(minimum = 0, maximum = 600, required = false)]
    wait_s: Option<u64>,
}

/// Who asks, as the card room knows it.
pub(super) fn terminal(caller: &Caller) -> Terminal {
    Terminal(caller.id.clone())
}

/// A session of the caller's terminal.
pub(super) fn find(api: &Api, caller: &Caller, id: &str) -> Result<Session, Failure> {
    let id = Uuid::parse_str(id).map_err(|_| Code::SessionUnknown)?;
    api.cards.session(&terminal(caller), id).map_err(failed)
}

/// The failure of a request that touches no card.
fn failed(error: CardError) -> Failure {
    Failure::from(error.code()).because(error)
}

/// Ask for a reader
///
/// The session is granted at once, or waits for its turn in a fair queue.
#[utoipa::path(
    post, path = "/v1/card-sessions", security(("key" = ["card"])),
    request_body(content = Order),
    responses(
        (status = 201, description = "Granted", body = SessionView, headers(("Location" = String, description = "Where to follow it"))),
        (status = 202, description = "Waiting, with position and estimate; ask every few seconds", body = SessionView, headers(("Location" = String, description = "Where to follow it"))),
        (status = 404, description = "READER_ABSENT", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CARD_BUSY, without `wait_s`", body = Document, content_type = "application/problem+json"),
        (status = 429, description = "SESSION_QUEUE_FULL, SESSION_TOO_MANY", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "PCSC_DOWN, READER_DEGRADED or CARD_HELD_ELSEWHERE", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn open(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Failure> {
    let (parts, mut body) = Pieces::of(request, MAX_BODY.into(), api.config.body_idle);
    let read = read(&api, &parts, &mut body).await;
    let (caller, wish, purpose, wait) = drained(read, &mut body).await?;
    // A key that was revoked while the body came in has had its sessions ended before this one began.
    if !api.keys.stands(&caller).await? {
        return Err(Code::AuthInvalid.into());
    }
    let (status, session) = match api.cards.open(&terminal(&caller), &wish, purpose, wait).map_err(failed)? {
        Opened::Granted(session) => (StatusCode::CREATED, session),
        Opened::Waiting(session) => (StatusCode::ACCEPTED, session),
    };
    let location = HeaderValue::from_str(&format!("/v1/card-sessions/{}", session.id))
        .map_err(|error| Failure::from(Code::GatewayInternal).because(error))?;
    let about = Extension(About::id("card-session", session.id));
    Ok((status, about, [(LOCATION, location)], Json(SessionView::from(session))).into_response())
}

async fn read(api: &Api, parts: &Parts, body: &mut Pieces) -> Result<(Caller, Wish, Purpose, Duration), Failure> {
    let caller = authorise(parts, Right::Card)?;
    let whole = small_secret(api, parts, body).await?;
    let (wish, purpose, wait) = parse(&whole)?;
    Ok((caller, wish, purpose, wait))
}

fn parse(body: &[u8]) -> Result<(Wish, Purpose, Duration), Failure> {
    let mut members = Members::read(body)?;
    let reader = members.optional("reader", &READER, Wiped::text);
    let purpose = members.required("purpose", &PURPOSE, |value| match value.text()?.as_str() {
        "identify" => Some(Purpose::Identify),
        "basic-four" => Some(Purpose::BasicFour),
        "application" => Some(Purpose::Application),
        _ => None,
    });
    let wait = members.optional("wait_s", &WAIT, |value| value.whole().filter(|wait| *wait <= LONGEST_WAIT));
    members.done()?;
    let wish = match reader.as_ref().map(|name| name.as_str()) {
        None => Wish::Any,
        Some("nearest") => Wish::Nearest,
        Some(name) => Wish::Named(ReaderName(name.to_owned())),
    };
    let purpose = purpose.ok_or(Code::RequestMalformed)?;
    Ok((wish, purpose, Duration::from_secs(wait.unwrap_or(0))))
}

/// Look at a session
///
/// Asking is a sign of life.
#[utoipa::path(
    get, path = "/v1/card-sessions/{id}", security(("key" = ["card"])),
    params(("id" = Uuid, Path, description = "The session's id")),
    responses(
        (status = 200, description = "The session as it stands", body = SessionView),
        (status = 404, description = "SESSION_UNKNOWN", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn show(
    State(api): State<Arc<Api>>,
    by: With<Card>,
    Path(id): Path<String>,
) -> Result<Json<SessionView>, Failure> {
    let session = find(&api, &by.caller, &id)?;
    Ok(Json(session.view().map_err(failed)?.into()))
}

/// Give a sign of life
#[utoipa::path(
    post, path = "/v1/card-sessions/{id}/heartbeat", security(("key" = ["card"])),
    params(("id" = Uuid, Path, description = "The session's id")),
    responses(
        (status = 200, description = "The session as it stands", body = SessionView),
        (status = 404, description = "SESSION_UNKNOWN", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn heartbeat(
    api: State<Arc<Api>>,
    by: With<Card>,
    id: Path<String>,
) -> Result<Json<SessionView>, Failure> {
    show(api, by, id).await
}

/// Look at the tries left
///
/// Of both PINs, by the card's own word. Costs none.
#[utoipa::path(
    get, path = "/v1/card-sessions/{id}/tries", security(("key" = ["card"])),
    params(("id" = Uuid, Path, description = "The session's id")),
    responses(
        (status = 200, description = "The tries left", body = TriesView),
        (status = 404, description = "SESSION_UNKNOWN", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CARD_ABSENT, CARD_LEFT, CARD_REMOVED, CARD_RESET, SESSION_WAITING, SESSION_BUSY", body = Document, content_type = "application/problem+json"),
        (status = 410, description = "SESSION_ENDED", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CARD_UNSUPPORTED", body = Document, content_type = "application/problem+json"),
        (status = 502, description = "CARD_ANSWER_INVALID, CARD_OUTCOME_UNKNOWN", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CARD_HELD_ELSEWHERE, PCSC_DOWN, READER_DEGRADED", body = Document, content_type = "application/problem+json"),
        (status = 504, description = "CARD_MUTE", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn tries(
    State(api): State<Arc<Api>>,
    by: With<Card>,
    Path(id): Path<String>,
) -> Result<Json<TriesView>, Failure> {
    looked_at(&api, &by.caller, &id).await.map_err(Failure::costing_nothing)
}

async fn looked_at(api: &Api, caller: &Caller, id: &str) -> Result<Json<TriesView>, Failure> {
    let session = find(api, caller, id)?;
    // Looking begins the terminal's own work on the card, which would then pass for its own.
    own_card(&session, false)?;
    Ok(Json(session.counters().await?.into()))
}

/// Give the reader back
///
/// What is under way on the card finishes before another terminal gets the reader.
#[utoipa::path(
    delete, path = "/v1/card-sessions/{id}", security(("key" = ["card"])),
    params(("id" = Uuid, Path, description = "The session's id")),
    responses(
        (status = 204, description = "It is over, also if it was over before"),
        (status = 404, description = "SESSION_UNKNOWN", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn close(
    State(api): State<Arc<Api>>,
    by: With<Card>,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    find(&api, &by.caller, &id)?.close().map_err(failed)?;
    Ok(StatusCode::NO_CONTENT)
}
