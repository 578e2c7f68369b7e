//! `…/identify`: who a person is, by card and PIN, by card and face, or by a document.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use tokio::time::timeout;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::card_sessions::{MAX_BODY, find};
use super::card_wire::{Identified, Recorded};
use super::evidence::{self, CONFIRM, CONFIRM_LEFT, PIN};
use super::identifying::{self, Keyed};
use super::opinions::{given_idempotency_key, submitter};
use crate::api::Api;
use crate::api::body::Pieces;
use crate::api::caller::{Connection, authorise};
use crate::api::members::{Members, Shape, Wiped};
use crate::api::problem::{Document, Failure, Place};
use crate::card::{IdentityPin, Spent};
use crate::fault::Code;
use crate::model::identity::{DocumentKind, Method, Witnessed, Witnesses};
use crate::terminal::Right;

const METHOD: Shape = Shape {
    ja: "method には pin・visual・document のどれかが要ります。",
    en: "`method` has to be one of pin, visual, document.",
};
/// Every member of every method.
const ALL: [&str; 7] =
    ["pin", "confirm_low_tries", "confirm_card_left", "witnesses", "kind", "insurer_number", "insured_number"];

/// How to identify the person.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the request; it is read by hand to report all problems at once")]
pub(in crate::api) struct IdentifyRequest {
    /// `pin`, `visual` or `document`.
    #[schema(value_type = String, example = "pin")]
    method: Method,
    /// With `pin`: the four digits of the 利用者証明用 PIN.
    #[schema(value_type = Option<String>, format = Password, pattern = "^[0-9]{4}$")]
    pin: Option<String>,
    /// With `pin`: the person knows how few tries are left, and wants to go on.
    #[schema(value_type = Option<bool>)]
    confirm_low_tries: Option<bool>,
    /// With `pin`: the card that lies there since another terminal used it (`card_left`) is this person's.
    #[schema(value_type = Option<bool>)]
    confirm_card_left: Option<bool>,
    /// With `visual` and `document`: the user ids at the hub of two different members of staff.
    #[schema(min_items = 2, max_items = 2, example = json!(["staff-1", "staff-2"]))]
    witnesses: Option<Vec<String>>,
    /// With `document`: which one.
    kind: Option<DocumentKind>,
    /// With `document`: 保険者番号, six digits.
    #[schema(example = "999995")]
    insurer_number: Option<String>,
    /// With `document`: 被保険者番号, 1 to 10 letters or digits.
    #[schema(example = "0000000001")]
    insured_number: Option<String>,
}

/// What is asked for.
enum Way {
    Pin(IdentityPin, Confirmed),
    Visual(Witnesses),
    Document(Witnessed),
}

/// What the person at the counter knows and wants all the same.
#[derive(Clone, Copy)]
pub(super) struct Confirmed {
    /// Few tries are left.
    pub(super) low_tries: bool,
    /// The card has lain there since another terminal used it.
    pub(super) card_left: bool,
}

/// Identify a person
///
/// `pin`: the hub is asked for its challenge before the card is touched, so without a line no try is spent; no request ever
/// spends two, and the work finishes though its sender has gone. `visual` and `document` are recorded (202) while the hub
/// cannot be asked, and shown to it by themselves later. Every problem says in `card` what it has cost.
#[utoipa::path(
    post, path = "/v1/card-sessions/{id}/identify", security(("key" = ["card"])),
    params(
        ("id" = uuid::Uuid, Path, description = "The session's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "For `visual` and `document`: names the recorded identification; one for each session and method if not given"),
    ),
    request_body(content = IdentifyRequest),
    responses(
        (status = 200, description = "The hub knows the person", body = Identified),
        (status = 202, description = "Recorded (`visual`, `document`)", body = Recorded, headers(("Location" = String, description = "Where to follow it"), ("Idempotent-Replayed" = bool, description = "This answer repeats an earlier one"))),
        (status = 404, description = "SESSION_UNKNOWN", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CARD_ABSENT, CARD_LEFT, CARD_PIN_FLOOR, CARD_PIN_BLOCKED, CARD_WITHOUT_PIN, CARD_REMOVED, CARD_RESET, CHALLENGE_SPENT, IDEMPOTENCY_CONFLICT, SESSION_WAITING, SESSION_BUSY", body = Document, content_type = "application/problem+json"),
        (status = 410, description = "SESSION_ENDED", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CARD_PIN_WRONG, CARD_PIN_FORMAT, CARD_CERTIFICATE_EXPIRED, CARD_CERTIFICATE_REFUSED, CARD_UNSUPPORTED, WITNESSES_REFUSED, PERSON_UNKNOWN", body = Document, content_type = "application/problem+json"),
        (status = 502, description = "HUB_UNREACHABLE and the like, with `alternatives`; CARD_OUTCOME_UNKNOWN: look at the tries left; CARD_ANSWER_INVALID, CARD_SIGNATURE_INVALID", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "READER_DEGRADED, PCSC_DOWN, CARD_HELD_ELSEWHERE or HUB_BUSY", body = Document, content_type = "application/problem+json"),
        (status = 504, description = "CARD_MUTE, HUB_TIMEOUT", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn identify(
    State(api): State<Arc<Api>>,
    connection: Connection,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, mut body) = Pieces::of(request, MAX_BODY.into(), api.config.body_idle);
    let answer = take(api, &connection, &id, &parts, &mut body).await;
    drained(answer, &mut body).await.map_err(Failure::costing_nothing)
}

async fn take(
    api: Arc<Api>,
    connection: &Connection,
    id: &str,
    parts: &Parts,
    body: &mut Pieces,
) -> Result<Response, Failure> {
    let caller = authorise(parts, Right::Card)?;
    let session = find(&api, &caller, id)?;
    let whole = small_secret(&api, parts, body).await?;
    let way = parse(&whole)?;
    drop(whole);
    let key = |method: Method| -> Result<Keyed, Failure> {
        let own = || format!("card-session:{}:{}", session.id(), method.as_str());
        let key = given_idempotency_key(parts)?.map_or_else(own, str::to_owned);
        Ok(Keyed { sender: submitter(&caller, parts), key })
    };
    match way {
        Way::Pin(pin, confirm) => {
            unnamed(parts)?;
            let asked = identifying::ask_for_pin(&api, caller.facility, session, confirm.card_left).await?;
            with_pin(connection, identifying::by_pin(api, asked, pin, confirm.low_tries)).await
        }
        Way::Visual(witnesses) => {
            let keyed = key(Method::Visual)?;
            detached(connection, identifying::by_face(api, session, witnesses, keyed)).await
        }
        Way::Document(witnessed) => {
            let keyed = key(Method::Document)?;
            detached(connection, identifying::by_document(api, witnessed, keyed)).await
        }
    }
}

/// Runs work on a card to its end, whether or not its sender still waits.
pub(super) async fn detached<T: Send + 'static>(
    connection: &Connection,
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    connection.detach(work).await?
}

/// The same for work that sends a PIN: if it ended in a panic, it may have come as far as that.
pub(super) async fn with_pin<T: Send + 'static>(
    connection: &Connection,
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    let unknown = |_| Failure::from(Code::CardOutcomeUnknown).costing(Spent::Unknown, None);
    connection.detach(work).await.map_err(unknown)?
}

/// Reads what a refused sender still has to say, so that it gets to see the refusal.
pub(super) async fn drained<T>(answer: Result<T, Failure>, body: &mut Pieces) -> Result<T, Failure> {
    if answer.as_ref().is_err_and(|failure| failure.code() != Code::RequestTimeout) {
        body.drain().await;
    }
    answer
}

/// A key promises that a repeat does nothing new, and a PIN that is sent again may spend a try.
fn unnamed(parts: &Parts) -> Result<(), Failure> {
    if given_idempotency_key(parts)?.is_none() {
        return Ok(());
    }
    Err(Failure::here(
        Code::RequestMalformed,
        Place::parameter(
            "Idempotency-Key",
            "PIN_NOT_REPEATED",
            "暗証番号の要求には付けられません。回数が減るおそれがあるため、同じ要求を繰り返さず、ご本人に確かめてください。",
            "It cannot be given with a PIN: such a request is never to be repeated, as that may spend a try. Ask the person.",
        ),
    ))
}

/// A small body that may hold a PIN.
pub(super) async fn small_secret(api: &Api, parts: &Parts, body: &mut Pieces) -> Result<Zeroizing<Vec<u8>>, Failure> {
    timeout(api.config.request, body.secret_json(parts, MAX_BODY.into())).await.map_err(|_| Code::RequestTimeout)?
}

fn parse(body: &[u8]) -> Result<Way, Failure> {
    let mut members = Members::read_secret(body)?;
    let method = members.required("method", &METHOD, |value| match value.text()?.as_str() {
        "pin" => Some(Method::Pin),
        "visual" => Some(Method::Visual),
        "document" => Some(Method::Document),
        _ => None,
    });
    let way = match method {
        Some(Method::Pin) => pin(&mut members, IdentityPin::parse).map(|(pin, confirm)| Way::Pin(pin, confirm)),
        Some(Method::Visual) => evidence::witnesses(&mut members).map(Way::Visual),
        Some(Method::Document) => evidence::document(&mut members).map(Way::Document),
        None => {
            members.ignore(&ALL);
            None
        }
    };
    members.done()?;
    way.ok_or(Code::RequestMalformed.into())
}

/// The PIN, and what was confirmed with it.
pub(super) fn pin<P>(
    members: &mut Members,
    parse: impl FnOnce(Zeroizing<String>) -> Option<P>,
) -> Option<(P, Confirmed)> {
    let text = members.required("pin", &PIN, Wiped::text);
    let pin = text.and_then(|text| {
        let pin = parse(text);
        if pin.is_none() {
            members.note(Place::of(Code::CardPinFormat, "/pin"));
        }
        pin
    });
    let confirm = members.optional("confirm_low_tries", &CONFIRM, |value| value.truth());
    let left = members.optional("confirm_card_left", &CONFIRM_LEFT, |value| value.truth());
    let confirmed = Confirmed { low_tries: confirm.unwrap_or(false), card_left: left.unwrap_or(false) };
    pin.map(|pin| (pin, confirmed))
}
