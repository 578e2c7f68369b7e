//! `POST /v1/careplans`: care plans are handed in, all of what was sent or nothing.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, Request, State};
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use jiff::civil::Date;
use tokio::sync::OwnedSemaphorePermit;

use super::judging::judge;
use super::reading::{Sent, announced, read};
use super::wire::{Accepted, FileParts, UnitsRequest};
use super::{MAX_REQUEST, Seats};
use crate::api::Api;
use crate::api::about::{About, Recorded, Repeated};
use crate::api::body::Pieces;
use crate::api::caller::{Connection, authorise};
use crate::api::problem::{Document, Failure, Place};
use crate::api::v1::opinions::{REPLAYED, idempotency_key, in_person};
use crate::fault::Code;
use crate::outbox::{Batch, Sender};
use crate::task;
use crate::terminal::Right;

#[derive(serde::Deserialize)]
struct Parameters {
    due: Option<String>,
}

/// Hand in care plans
///
/// 202 means: all of it is on stable storage and goes to the hub by itself, one delivery for each unit and office. Send up to
/// 20 MiB: CSV files of the standard 4.1 (or ZIPs of them) as `multipart/form-data`, each with its file name; one ZIP as
/// `application/zip`; or units as `application/json`. All files of a unit go in one request. Everything is judged first: 422
/// tells every finding, and nothing is kept. docs/careplans.md tells what becomes of it.
#[utoipa::path(
    post, path = "/v1/careplans", security(("key" = ["submit"])),
    params(
        ("Idempotency-Key" = String, Header, description = "1 to 128 printable ASCII characters; a new one for each request, the same one for each repeat", example = "b3c1f0de-5f0a-4c53-9a55-0f5b8b6f2f10"),
        ("due" = Option<String>, Query, description = "The day by which it should be there, `YYYY-MM-DD`; without it, that of each unit's kind and month", example = "2026-04-30"),
    ),
    request_body(content((FileParts = "multipart/form-data"), (Vec<u8> = "application/zip"), (UnitsRequest = "application/json"))),
    responses(
        (status = 202, description = "Accepted, or accepted before under the same key (`Idempotent-Replayed: true`)", body = Accepted, headers(("Location" = String, description = "Where to follow it"), ("Idempotent-Replayed" = bool, description = "This answer repeats an earlier one"))),
        (status = 409, description = "IDEMPOTENCY_CONFLICT", body = Document, content_type = "application/problem+json"),
        (status = 413, description = "REQUEST_TOO_LARGE", body = Document, content_type = "application/problem+json"),
        (status = 415, description = "REQUEST_MEDIA_TYPE", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CAREPLAN_REFUSED, with every finding in `errors`", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "GATEWAY_BUSY", body = Document, content_type = "application/problem+json"),
        (status = 507, description = "STORAGE_FULL", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn submit(
    State(api): State<Arc<Api>>,
    State(seats): State<Seats>,
    connection: Connection,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, body) = Pieces::of(request, MAX_REQUEST, api.config.body_idle);
    // Detached from its first byte: once its last one has been read nothing may depend on whether the client still waits.
    accepted(connection.detach(take_in(api, seats, parts, body)).await??)
}

/// A request that was read.
struct Taken {
    sent: Sent,
    sender: Sender,
    key: String,
    due: Option<Date>,
    _room: OwnedSemaphorePermit,
}

async fn take_in(api: Arc<Api>, seats: Seats, parts: Parts, mut body: Pieces) -> Result<Batch, Failure> {
    let taking = tokio::time::timeout(api.config.upload, take(&api, &seats, &parts, &mut body)).await;
    match taking.unwrap_or_else(|_| Err(Code::RequestTimeout.into())) {
        Ok(taken) => hand_in(&api, &seats, taken).await,
        Err(failure) => {
            if failure.code() != Code::RequestTimeout {
                body.drain().await;
            }
            Err(failure)
        }
    }
}

async fn take(api: &Api, seats: &Seats, parts: &Parts, body: &mut Pieces) -> Result<Taken, Failure> {
    let caller = authorise(parts, Right::Submit)?;
    let key = idempotency_key(parts)?.to_owned();
    let due = due(parts)?;
    let room = seats.room(announced(parts))?;
    let sent = read(parts, body).await?;
    let sender = in_person(api, &caller, parts).await?;
    Ok(Taken { sent, sender, key, due, _room: room })
}

async fn hand_in(api: &Api, seats: &Seats, taken: Taken) -> Result<Batch, Failure> {
    let Taken { sent, sender, key, due, _room } = taken;
    let turn = seats.turn().await?;
    let (request, sent) = aside(move || Ok((sent.hash(due), sent))).await?;
    let outbox = &api.desk(&sender.facility)?.outbox;
    // An answer once given is given again, whatever is thought of the files by then.
    if let Some(batch) = outbox.handed_in(&sender, &key, &request.clone().finish()).await? {
        return Ok(batch);
    }
    let (facility, settings) = (sender.facility.clone(), Arc::clone(&api.config.lint));
    let batch = aside(move || judge(sent, &facility, due, &settings)).await?;
    // The units lie in memory until they are kept: the next ones are made only then.
    let kept = outbox.hand_in(&sender, &key, request, batch).await;
    drop(turn);
    Ok(kept?)
}

/// Work that would keep other requests waiting, on a thread of its own.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    task::aside(work).await.map_err(|_| Failure::from(Code::GatewayInternal))?
}

fn due(parts: &Parts) -> Result<Option<Date>, Failure> {
    let Query(asked) = Query::<Parameters>::try_from_uri(&parts.uri).map_err(|_| Code::RequestMalformed)?;
    let Some(text) = asked.due else { return Ok(None) };
    let date = text.parse().ok().filter(|date: &Date| date.to_string() == text);
    date.map(Some).ok_or_else(|| {
        Failure::here(
            Code::RequestMalformed,
            Place::parameter(
                "due",
                "PARAMETER_VALUE",
                "日付は 2026-04-30 の形で書いてください。",
                "Write the date as 2026-04-30.",
            ),
        )
    })
}

fn accepted(batch: Batch) -> Result<Response, Failure> {
    let replayed = batch.replayed;
    let about = About::id("batch", batch.id);
    let location = HeaderValue::from_str(&format!("/v1/careplans/{}", batch.id))
        .map_err(|error| Failure::from(Code::GatewayInternal).because(error))?;
    let mut response = (StatusCode::ACCEPTED, Json(Accepted::from(batch))).into_response();
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
