//! `…/basic-four`: name, address, birth date and sex as they stand on the card. The My Number is never read.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use jiff::civil::Date;
use utoipa::ToSchema;

use super::card_sessions::{MAX_BODY, find};
use super::identify::{detached, pin, small_secret};
use crate::api::Api;
use crate::api::body::Pieces;
use crate::api::caller::{Connection, authorise};
use crate::api::members::Members;
use crate::api::problem::{CardNote, Document, Failure};
use crate::card::{ProfilePin, Sex, Spent};
use crate::fault::Code;
use crate::terminal::Right;

/// The PIN of 券面事項入力補助.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the request; it is read by hand to report all problems at once")]
pub(in crate::api) struct BasicFourRequest {
    /// Its four digits.
    #[schema(format = Password, pattern = "^[0-9]{4}$")]
    pin: String,
    /// The person knows how few tries are left, and wants to go on.
    confirm_low_tries: Option<bool>,
}

/// 基本4情報, as they stand on the card.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = BasicFour)]
pub(in crate::api) struct BasicFourView {
    /// Name.
    #[schema(example = "縁側 太郎")]
    name: String,
    /// Address.
    #[schema(example = "架空県架空市一丁目")]
    address: String,
    /// Birth date; `null` where the card does not know the day.
    #[schema(value_type = Option<String>, format = Date)]
    birth_date: Option<Date>,
    /// `male`, `female` or `not_stated`.
    #[schema(value_type = String, example = "female")]
    sex: Sex,
    /// What it has cost: a right PIN costs nothing.
    card: CardNote,
}

/// Read the four items
///
/// With the PIN of 券面事項入力補助, which has a counter of its own. No request ever spends two tries.
#[utoipa::path(
    post, path = "/v1/card-sessions/{id}/basic-four", security(("key" = ["card"])),
    params(("id" = uuid::Uuid, Path, description = "The session's id")),
    request_body(content = BasicFourRequest),
    responses(
        (status = 200, description = "The four items", body = BasicFourView),
        (status = 409, description = "CARD_ABSENT, CARD_PIN_FLOOR, CARD_PIN_BLOCKED, CARD_REMOVED, CARD_RESET, SESSION_WAITING, SESSION_BUSY", body = Document, content_type = "application/problem+json"),
        (status = 410, description = "SESSION_ENDED", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CARD_PIN_WRONG, CARD_PIN_FORMAT, CARD_UNSUPPORTED", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn basic_four(
    State(api): State<Arc<Api>>,
    connection: Connection,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, body) = Pieces::of(request, MAX_BODY.into(), api.config.body_idle);
    take(&api, &connection, &id, &parts, body).await.map_err(Failure::costing_nothing)
}

async fn take(
    api: &Api,
    connection: &Connection,
    id: &str,
    parts: &Parts,
    mut body: Pieces,
) -> Result<Response, Failure> {
    let caller = authorise(api, parts, Right::Card).await?;
    let session = find(api, &caller, id)?;
    let whole = small_secret(api, parts, &mut body).await?;
    let (pin, confirm) = parse(&whole)?;
    drop(whole);
    let reading = async move { Ok(session.basic_four(pin, confirm).await?) };
    let four = detached(connection, reading).await?;
    let (birth_date, card) = (four.birth, CardNote { tries_spent: Spent::None, tries_left: None });
    let view = BasicFourView { name: four.name, address: four.address, birth_date, sex: four.sex, card };
    Ok(([(CACHE_CONTROL, "no-store")], Json(view)).into_response())
}

fn parse(body: &[u8]) -> Result<(ProfilePin, bool), Failure> {
    let mut members = Members::read_secret(body)?;
    let asked = pin(&mut members, ProfilePin::parse);
    members.done()?;
    asked.ok_or(Code::RequestMalformed.into())
}
