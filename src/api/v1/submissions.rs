//! `/v1/submissions`: everything on its way, in lists and one by one.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use uuid::Uuid;

use super::cover::cover;
use super::opinions::sender;
use super::wire::{StateView, SubmissionPage, SubmissionView};
use crate::api::Api;
use crate::api::caller::{Admin, Connection, Manage, Read, With};
use crate::api::problem::{Document, Failure, Place};
use crate::fault::Code;
use crate::outbox::{Filter, Kind, OutboxError, Submission};
use crate::terminal::Caller;

const PAGE: u16 = 50;

/// What a list is narrowed to, as it stands in the query.
#[derive(serde::Deserialize)]
pub(in crate::api) struct ListQuery {
    kind: Option<String>,
    state: Option<String>,
    cursor: Option<String>,
    limit: Option<String>,
}

/// List submissions
///
/// Of the caller's facility, newest first; without history, substitutions and the municipality's reason.
#[utoipa::path(
    get, path = "/v1/submissions", security(("key" = ["read"])),
    params(
        ("kind" = Option<String>, Query, description = "Only `opinion`, `identification` or `care_plan`"),
        ("state" = Option<StateView>, Query, description = "Only those in this state"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("limit" = Option<u16>, Query, description = "1 to 200; 50 if not given", minimum = 1, maximum = 200),
    ),
    responses((status = 200, description = "A page", body = SubmissionPage))
)]
pub(in crate::api) async fn list(
    State(api): State<Arc<Api>>,
    by: With<Read>,
    Query(query): Query<ListQuery>,
) -> Result<Json<SubmissionPage>, Failure> {
    let filter = query.filter()?;
    let page = api.desk(&by.caller.facility)?.outbox.submissions(&by.caller.facility, &filter).await?;
    Ok(Json(page.into()))
}

impl ListQuery {
    fn filter(self) -> Result<Filter, Failure> {
        let mut wrong = Vec::new();
        let state = self.state.and_then(|name| StateView::parse(&name).or_else(|| bad("state", &mut wrong)));
        let limit = self.limit.map_or(Some(PAGE), |text| text.parse().ok().filter(|n| (1..=200).contains(n)));
        let limit = limit.or_else(|| bad("limit", &mut wrong)).unwrap_or(PAGE);
        let kind = self.kind.and_then(|name| Kind::parse(&name).or_else(|| bad("kind", &mut wrong)));
        if wrong.is_empty() {
            Ok(Filter { kind, state: state.map(Into::into), cursor: self.cursor, limit })
        } else {
            Err(Failure::at(Code::RequestMalformed, wrong))
        }
    }
}

pub(super) fn bad<T>(name: &str, wrong: &mut Vec<Place>) -> Option<T> {
    wrong.push(Place::parameter(
        name,
        "PARAMETER_VALUE",
        "この値は使えません。/openapi.json の説明を見てください。",
        "This value is not accepted. See /openapi.json.",
    ));
    None
}

/// Follow a submission
#[utoipa::path(
    get, path = "/v1/submissions/{id}", security(("key" = ["read"])),
    params(("id" = Uuid, Path, description = "The submission's id")),
    responses((status = 200, description = "Its way so far", body = SubmissionView))
)]
pub(in crate::api) async fn show(
    State(api): State<Arc<Api>>,
    by: With<Read>,
    Path(id): Path<String>,
) -> Result<Json<SubmissionView>, Failure> {
    find(&api, &by.caller, &id, None).await
}

/// Cancel a submission
///
/// Possible while it is certain that the hub does not have it.
#[utoipa::path(
    post, path = "/v1/submissions/{id}/cancel", security(("key" = ["manage"])),
    params(("id" = Uuid, Path, description = "The submission's id")),
    responses(
        (status = 200, description = "Cancelled", body = SubmissionView),
        (status = 409, description = "SUBMISSION_STATE or SUBMISSION_IN_FLIGHT", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn cancel(
    State(api): State<Arc<Api>>,
    connection: Connection,
    by: With<Manage>,
    Path(id): Path<String>,
) -> Result<Json<SubmissionView>, Failure> {
    let id = parse(&id)?;
    let own = sender(&by.caller);
    let outbox = api.desk(&own.facility)?.outbox.clone();
    let work = async move { outbox.cancel(&own, id).await };
    answer(connection.detach(work).await?, &by.caller)
}

/// Try a submission at once
///
/// One that is held goes again, after what held it was put right; one that is queued goes without waiting for its time; of
/// one whose outcome is unknown the hub is asked at once.
#[utoipa::path(
    post, path = "/v1/submissions/{id}/retry", security(("key" = ["manage"])),
    params(("id" = Uuid, Path, description = "The submission's id")),
    responses(
        (status = 200, description = "It is tried at once", body = SubmissionView),
        (status = 409, description = "SUBMISSION_STATE or SUBMISSION_IN_FLIGHT", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn retry(
    State(api): State<Arc<Api>>,
    connection: Connection,
    by: With<Manage>,
    Path(id): Path<String>,
) -> Result<Json<SubmissionView>, Failure> {
    let id = parse(&id)?;
    let own = sender(&by.caller);
    let outbox = api.desk(&own.facility)?.outbox.clone();
    let work = async move { outbox.retry(&own, id).await };
    answer(connection.detach(work).await?, &by.caller)
}

/// Send a submission as the facility
///
/// What a person handed in, who cannot give the password for the hub any more, goes as the facility's user instead, at once. Possible
/// while it is certain that it is not on its way: queued or held.
#[utoipa::path(
    post, path = "/v1/submissions/{id}/as-facility", security(("key" = ["admin"])),
    params(("id" = Uuid, Path, description = "The submission's id")),
    responses(
        (status = 200, description = "It goes as the facility", body = SubmissionView),
        (status = 409, description = "SUBMISSION_STATE or SUBMISSION_IN_FLIGHT", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn as_facility(
    State(api): State<Arc<Api>>,
    connection: Connection,
    by: With<Admin>,
    Path(id): Path<String>,
) -> Result<Json<SubmissionView>, Failure> {
    let id = parse(&id)?;
    let own = sender(&by.caller);
    let outbox = api.desk(&own.facility)?.outbox.clone();
    let work = async move { outbox.as_facility(&own, id).await };
    answer(connection.detach(work).await?, &by.caller)
}

/// Send a care plan on paper
///
/// A person sends it on paper instead: from here on it never goes to the hub. Possible while it is certain that the hub does not
/// have it. Then there is a cover page to print.
#[utoipa::path(
    post, path = "/v1/submissions/{id}/paper", security(("key" = ["manage"])),
    params(("id" = Uuid, Path, description = "The submission's id")),
    responses(
        (status = 200, description = "It goes on paper", body = SubmissionView),
        (status = 409, description = "PAPER_TOO_LATE (the hub may have it), SUBMISSION_STATE or SUBMISSION_IN_FLIGHT", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn paper(
    State(api): State<Arc<Api>>,
    connection: Connection,
    by: With<Manage>,
    Path(id): Path<String>,
) -> Result<Json<SubmissionView>, Failure> {
    let id = parse(&id)?;
    let own = sender(&by.caller);
    let outbox = api.desk(&own.facility)?.outbox.clone();
    let work = async move { outbox.on_paper(&own, id).await };
    answer(connection.detach(work).await?, &by.caller)
}

/// Print a cover page
///
/// An A4 page to go on top of a care plan that goes on paper: to whom, from whom, what, and why on paper. No person data.
#[utoipa::path(
    get, path = "/v1/submissions/{id}/cover-page", security(("key" = ["read"])),
    params(("id" = Uuid, Path, description = "The submission's id")),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 409, description = "SUBMISSION_STATE: it does not go on paper", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn cover_page(
    State(api): State<Arc<Api>>,
    by: With<Read>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let found = find_any(&api, &by.caller, &id).await?;
    cover(found, api.clock.today_in_japan())
}

fn answer(result: Result<Submission, OutboxError>, caller: &Caller) -> Result<Json<SubmissionView>, Failure> {
    Ok(Json(SubmissionView::of(result?, caller)))
}

/// A submission of the caller's facility. Another facility's is answered like one that never was.
pub(super) async fn find(
    api: &Api,
    caller: &Caller,
    id: &str,
    kind: Option<&str>,
) -> Result<Json<SubmissionView>, Failure> {
    let found = find_any(api, caller, id).await?;
    if kind.is_some_and(|kind| found.kind != kind) {
        return Err(Code::RequestNotFound.into());
    }
    Ok(Json(SubmissionView::of(found, caller)))
}

async fn find_any(api: &Api, caller: &Caller, id: &str) -> Result<Submission, Failure> {
    let outbox = &api.desk(&caller.facility)?.outbox;
    outbox.submission(&caller.facility, parse(id)?).await?.ok_or(Code::RequestNotFound.into())
}

pub(super) fn parse(id: &str) -> Result<Uuid, Failure> {
    Uuid::parse_str(id).map_err(|_| Code::RequestNotFound.into())
}
