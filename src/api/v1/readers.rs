//! `/v1/readers`: the card readers of the box.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::card_sessions::terminal;
use super::card_wire::ReaderList;
use crate::api::Api;
use crate::api::caller::{Card, With};
use crate::api::problem::Failure;

/// List readers
///
/// Every reader seen since the gateway started, with its state and what lies on it.
#[utoipa::path(
    get, path = "/v1/readers", security(("key" = ["card"])),
    responses((status = 200, description = "The readers", body = ReaderList))
)]
pub(in crate::api) async fn list(State(api): State<Arc<Api>>, by: With<Card>) -> Result<Json<ReaderList>, Failure> {
    Ok(Json(ReaderList::of(&api.cards, &terminal(&by.caller))))
}
