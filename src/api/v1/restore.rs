//! `/v1/restore`: a person decides that a box may send that would not by itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::body::Pieces;
use crate::api::caller::{Connection, authorise};
use crate::api::problem::{Document, Failure, Place};
use crate::api::strict_json;
use crate::fault::Code;
use crate::outbox::Outbox;
use crate::terminal::Right;

const MAX_BODY: u64 = 1 << 10;

/// What is confirmed.
#[derive(serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ConfirmationRequest {
    /// The reason for which the box sends nothing, as `/v1/health` names it: `RESTORED_UNCONFIRMED` or `EPOCH_OLD`.
    #[schema(example = "RESTORED_UNCONFIRMED")]
    reason: String,
}

/// The box sends from here on.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Confirmation)]
pub(in crate::api) struct ConfirmationView {
    /// Its epoch.
    epoch: u64,
}

/// Confirm that this box sends
///
/// Whoever confirms knows that no other box sends in its place, and that nothing that waits here was withdrawn or filed on paper
/// after the backup. For administrators of the first facility, and of the box itself.
#[utoipa::path(
    post, path = "/v1/restore/confirmation", security(("key" = ["admin"])),
    request_body(content = ConfirmationRequest),
    responses(
        (status = 200, description = "It sends from here on", body = ConfirmationView),
        (status = 403, description = "AUTH_FORBIDDEN; `ADMINISTRATOR_OF_BOX` under `errors`: of another facility than the first", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CONFIRMATION_WRONG", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn confirm(
    State(api): State<Arc<Api>>,
    connection: Connection,
    request: Request,
) -> Result<Json<ConfirmationView>, Failure> {
    let (parts, mut body) = Pieces::of(request, MAX_BODY, api.config.body_idle);
    let caller = authorise(&parts, Right::Admin)?;
    let limit = api.config.request;
    let whole = timeout(limit, body.json(&parts, MAX_BODY)).await.map_err(|_| Code::RequestTimeout)??;
    let value = strict_json::parse(&whole)?;
    let wanted: ConfirmationRequest = serde_json::from_value(value).map_err(|_| wrong())?;
    let code = Code::parse(&wanted.reason).ok_or_else(wrong)?;
    let outboxes: Vec<_> = api.desks.iter().map(|desk| desk.outbox.clone()).collect();
    let backups = api.backups.clone();
    let confirming = async move {
        // What one facility's outbox found out stops the whole box, and one word frees all of it.
        let barred = outboxes.iter().find(|outbox| outbox.barred() == Some(code));
        let Some(barred) = barred else { return Err(Failure::from(Code::ConfirmationWrong)) };
        // A restored box has begun its epoch; one that goes on although another took over begins a later one.
        let epoch = if code == Code::EpochOld { backups.new_epoch().await? } else { backups.epoch().await? };
        barred.unbar(code).await?;
        outboxes.iter().for_each(Outbox::reconsider);
        Ok(epoch)
    };
    tracing::warn!(by = %caller.id, %code, "it is confirmed that this box sends");
    let epoch = timeout(limit, connection.detach(confirming)).await.map_err(|_| Code::GatewayBusy)???;
    Ok(Json(ConfirmationView { epoch }))
}

fn wrong() -> Failure {
    Failure::here(
        Code::RequestMalformed,
        Place::at(
            "/reason",
            "CONFIRMATION_FORM",
            "reason には /v1/health の示す理由（RESTORED_UNCONFIRMED か EPOCH_OLD）が要ります。",
            "`reason` has to be the one that /v1/health names (RESTORED_UNCONFIRMED or EPOCH_OLD).",
        ),
    )
}
