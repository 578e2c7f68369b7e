//! `GET /v1/careplans/{id}`: what was handed in together.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};

use super::wire::BatchView;
use crate::api::Api;
use crate::api::caller::{Read, With};
use crate::api::problem::Failure;
use crate::api::v1::submissions::parse;
use crate::fault::Code;

/// Follow care plans
///
/// What was handed in together: one delivery for each unit and office, with its state, reason, next step, receipt, and how far
/// the other office is with it. Each is a submission too: cancel, retry and paper are there.
#[utoipa::path(
    get, path = "/v1/careplans/{id}", security(("key" = ["read"])),
    params(("id" = uuid::Uuid, Path, description = "From the answer to the request that handed it in")),
    responses((status = 200, description = "How each part of it fares", body = BatchView))
)]
pub(in crate::api) async fn show(
    State(api): State<Arc<Api>>,
    by: With<Read>,
    Path(id): Path<String>,
) -> Result<Json<BatchView>, Failure> {
    let outbox = &api.desk(&by.caller.facility)?.outbox;
    let found = outbox.batch(&by.caller.facility, parse(&id)?).await?;
    Ok(Json(BatchView::of(found.ok_or(Code::RequestNotFound)?)))
}
