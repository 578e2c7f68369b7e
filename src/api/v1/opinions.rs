//! `/v1/opinions`: a 主治医意見書 comes in, and its sender asks after it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::intake;
use super::submissions::find;
use super::wire::{Accepted, Checked, OpinionParts, OpinionRequest, SubmissionView};
use crate::api::Api;
use crate::api::about::{About, Recorded, Repeated};
use crate::api::body::Pieces;
use crate::api::caller::{Connection, Read, With, authorise};
use crate::api::problem::{Document, Failure, Place, Severity};
use crate::audit::Draft;
use crate::fault::Code;
use crate::outbox::{Acceptance, Sender};
use crate::terminal::{Caller, Right};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Submit an opinion
///
/// 202 means: it is on stable storage and goes to the hub by itself. Send it as `application/json` (up to 1 MiB), or with
/// attachments as `multipart/form-data`: first the part `opinion` (`application/json`, the same object), then perhaps
/// `signature`, then up to 20 parts `attachment`, each with a file name (PDF, PNG or JPEG, told by content).
#[utoipa::path(
    post, path = "/v1/opinions", security(("key" = ["submit"])),
    params(("Idempotency-Key" = String, Header, description = "1 to 128 printable ASCII characters; a new one for each document, the same one for each repeat", example = "b3c1f0de-5f0a-4c53-9a55-0f5b8b6f2f10")),
    request_body(content((OpinionRequest = "application/json"), (OpinionParts = "multipart/form-data"))),
    responses(
        (status = 202, description = "Accepted, or accepted before under the same key (`Idempotent-Replayed: true`)", body = Accepted, headers(("Location" = String, description = "Where to follow it"), ("Idempotent-Replayed" = bool, description = "This answer repeats an earlier one"))),
        (status = 409, description = "IDEMPOTENCY_CONFLICT", body = Document, content_type = "application/problem+json"),
        (status = 413, description = "REQUEST_TOO_LARGE", body = Document, content_type = "application/problem+json"),
        (status = 415, description = "REQUEST_MEDIA_TYPE", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "OPINION_INVALID or ATTACHMENT_INVALID, with every place in `errors`", body = Document, content_type = "application/problem+json"),
        (status = 507, description = "STORAGE_FULL", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn submit(
    State(api): State<Arc<Api>>,
    connection: Connection,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, body) = Pieces::of(request, intake::MAX_REQUEST, api.config.body_idle);
    // Detached from its first byte: once its last one has been read nothing may depend on whether the client still waits.
    // A client that leaves before that ends its own body, and the intake with it.
    accepted(connection.detach(take_in(api, parts, body)).await??)
}

async fn take_in(api: Arc<Api>, parts: Parts, mut body: Pieces) -> Result<Acceptance, Failure> {
    let read = tokio::time::timeout(api.config.upload, read(&api, &parts, &mut body)).await;
    match read.unwrap_or_else(|_| Err(Code::RequestTimeout.into())) {
        Ok(taken) => Ok(taken.finish().await?),
        Err(failure) => {
            if failure.code() != Code::RequestTimeout {
                body.drain().await;
            }
            Err(failure)
        }
    }
}

async fn read(api: &Api, parts: &Parts, body: &mut Pieces) -> Result<intake::Taken, Failure> {
    let caller = authorise(parts, Right::Submit)?;
    let key = idempotency_key(parts)?;
    intake::read(api, &in_person(api, &caller, parts).await?, key, parts, body).await
}

/// The outbox's view of a caller.
pub(super) fn sender(caller: &Caller) -> Sender {
    Sender { facility: caller.facility.clone(), id: caller.id.clone(), hub_user: None, act: None }
}

/// The same of one who submits something, which is recorded together with its acceptance.
pub(super) fn submitter(caller: &Caller, parts: &Parts) -> Sender {
    Sender { act: parts.extensions.get::<Draft>().cloned(), ..sender(caller) }
}

/// The same of one who submits something that goes to the hub as the person, where the facility wants it so.
///
/// # Errors
/// The code of a store that cannot be read.
pub(super) async fn in_person(api: &Api, caller: &Caller, parts: &Parts) -> Result<Sender, Failure> {
    let hub_user = match &caller.person {
        Some(person) => api.people.hub_user(&caller.facility, &person.user).await?,
        None => None,
    };
    Ok(Sender { hub_user, ..submitter(caller, parts) })
}

pub(super) fn idempotency_key(parts: &Parts) -> Result<&str, Failure> {
    given_idempotency_key(parts)?.ok_or(Code::IdempotencyKeyMissing.into())
}

/// The same where it may be left out.
pub(super) fn given_idempotency_key(parts: &Parts) -> Result<Option<&str>, Failure> {
    let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.to_str().map_err(|_| Code::IdempotencyKeyInvalid)?;
    let printable = (1..=128).contains(&key.len()) && key.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if printable && values.next().is_none() { Ok(Some(key)) } else { Err(Code::IdempotencyKeyInvalid.into()) }
}

fn accepted(acceptance: Acceptance) -> Result<Response, Failure> {
    let replayed = acceptance.replayed;
    let about = About::id("submission", acceptance.id);
    let location = HeaderValue::from_str(&format!("/v1/opinions/{}", acceptance.id))
        .map_err(|error| Failure::from(Code::GatewayInternal).because(error))?;
    let mut response = (StatusCode::ACCEPTED, Json(Accepted::from(acceptance))).into_response();
    response.headers_mut().insert(LOCATION, location);
    response.extensions_mut().insert(about);
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        response.extensions_mut().insert(Repeated);
    } else {
        response.extensions_mut().insert(Recorded);
    }
    Ok(response)
}

/// Check an opinion
///
/// Changes nothing: reports every error and warning that a submission of the same JSON would meet.
#[utoipa::path(
    post, path = "/v1/opinions/check", security(("key" = ["submit"])),
    request_body(content = OpinionRequest),
    responses((status = 200, description = "What was found", body = Checked))
)]
pub(in crate::api) async fn check(State(api): State<Arc<Api>>, request: Request) -> Result<Json<Checked>, Failure> {
    let (parts, mut body) = Pieces::of(request, intake::MAX_JSON, api.config.body_idle);
    let looking = tokio::time::timeout(api.config.upload, look(&api, &parts, &mut body)).await;
    let found = looking.unwrap_or_else(|_| Err(Code::RequestTimeout.into()));
    if found.as_ref().is_err_and(|failure| failure.code() != Code::RequestTimeout) {
        body.drain().await;
    }
    let errors = found?;
    let acceptable = errors.iter().all(|place| place.severity == Severity::Warning);
    Ok(Json(Checked { acceptable, errors }))
}

async fn look(api: &Api, parts: &Parts, body: &mut Pieces) -> Result<Vec<Place>, Failure> {
    authorise(parts, Right::Submit)?;
    intake::check(api, &body.json(parts, intake::MAX_JSON).await?)
}

/// Follow an opinion
///
/// Its state with the reason and the next step, the hub's receipt, the municipality's progress and the history.
#[utoipa::path(
    get, path = "/v1/opinions/{id}", security(("key" = ["read"])),
    params(("id" = uuid::Uuid, Path, description = "From the answer to the submission")),
    responses((status = 200, description = "The opinion's way so far", body = SubmissionView))
)]
pub(in crate::api) async fn show(
    State(api): State<Arc<Api>>,
    by: With<Read>,
    Path(id): Path<String>,
) -> Result<Json<SubmissionView>, Failure> {
    find(&api, &by.caller, &id, Some("opinion")).await
}
