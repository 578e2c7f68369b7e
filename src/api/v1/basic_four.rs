//! `…/basic-four`: name, address, birth date and sex as they stand on the card. The My Number is never read.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use jiff::civil::Date;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::card_sessions::{MAX_BODY, find};
use super::identify::{Confirmed, drained, pin, small_secret, with_pin};
use super::identifying::own_card;
use crate::api::Api;
use crate::api::body::Pieces;
use crate::api::caller::{Connection, authorise};
use crate::api::members::Members;
use crate::api::problem::{Advice, CardNote, Document, Failure};
use crate::api::wiped::wiped;
use crate::card::{CardError, ProfilePin, Sex, Spent};
use crate::fault::{Code, Retry};
use crate::terminal::Right;

/// The catalogue's sentences for a PIN speak of identifying a person; the four items are read in no other way.
static BLOCKED: Advice = Advice {
    ja: "券面事項入力補助用の暗証番号がロックされています。市区町村の窓口で解除してもらい、今回は券面を見て入力してください。",
    en: "The PIN of 券面事項入力補助 is blocked. The municipality unblocks it; copy the items from the card's face this time.",
    retry: Retry::AfterRemedy,
};
static FLOOR: Advice = Advice {
    ja: "暗証番号の残り回数がわずかです。カードには送っていません。本人に確かめ、承知のうえで続けるか、券面を見て入力してください。",
    en: "Few PIN tries are left, so nothing was sent to the card. Ask the person; go on knowingly, or copy the items from the card's face.",
    retry: Retry::AfterRemedy,
};
static WITHOUT_PIN: Advice = Advice {
    ja: "暗証番号のないカードからは読み取れません。券面を見て入力してください。",
    en: "The items cannot be read from a card without a PIN. Copy them from the card's face.",
    retry: Retry::Never,
};

fn failed(error: CardError) -> Failure {
    let failure = Failure::from(error);
    match failure.code() {
        Code::CardPinBlocked => failure.advising(&BLOCKED),
        Code::CardPinFloor => failure.advising(&FLOOR),
        Code::CardWithoutPin => failure.advising(&WITHOUT_PIN),
        _ => failure,
    }
}

fn reveal<S: serde::Serializer>(text: &Zeroizing<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// The PIN of 券面事項入力補助.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the request; it is read by hand to report all problems at once")]
pub(in crate::api) struct BasicFourRequest {
    /// Its four digits.
    #[schema(format = Password, pattern = "^[0-9]{4}$")]
    pin: String,
    /// The person knows how few tries are left, and wants to go on.
    confirm_low_tries: Option<bool>,
    /// The card that lies there since another terminal used it (`card_left`) is this person's.
    confirm_card_left: Option<bool>,
}

/// 基本4情報, as they stand on the card.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = BasicFour)]
pub(in crate::api) struct BasicFourView {
    /// Name.
    #[schema(example = "縁側 太郎")]
    #[schema(value_type = String)]
    #[serde(serialize_with = "reveal")]
    name: Zeroizing<String>,
    /// Address.
    #[schema(example = "架空県架空市一丁目")]
    #[schema(value_type = String)]
    #[serde(serialize_with = "reveal")]
    address: Zeroizing<String>,
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
        (status = 404, description = "SESSION_UNKNOWN", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CARD_ABSENT, CARD_LEFT, CARD_PIN_FLOOR, CARD_PIN_BLOCKED, CARD_REMOVED, CARD_RESET, SESSION_WAITING, SESSION_BUSY", body = Document, content_type = "application/problem+json"),
        (status = 410, description = "SESSION_ENDED", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CARD_PIN_WRONG, CARD_PIN_FORMAT, CARD_UNSUPPORTED", body = Document, content_type = "application/problem+json"),
        (status = 502, description = "CARD_OUTCOME_UNKNOWN: look at the tries left; CARD_ANSWER_INVALID", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "READER_DEGRADED, PCSC_DOWN or CARD_HELD_ELSEWHERE", body = Document, content_type = "application/problem+json"),
        (status = 504, description = "CARD_MUTE", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn basic_four(
    State(api): State<Arc<Api>>,
    connection: Connection,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, mut body) = Pieces::of(request, MAX_BODY.into(), api.config.body_idle);
    let answer = take(&api, &connection, &id, &parts, &mut body).await;
    drained(answer, &mut body).await.map_err(Failure::costing_nothing)
}

async fn take(
    api: &Api,
    connection: &Connection,
    id: &str,
    parts: &Parts,
    body: &mut Pieces,
) -> Result<Response, Failure> {
    let caller = authorise(parts, Right::Card)?;
    let session = find(api, &caller, id)?;
    let whole = small_secret(api, parts, body).await?;
    let (pin, confirm) = parse(&whole)?;
    drop(whole);
    own_card(&session, confirm.card_left)?;
    let reading = async move { session.basic_four(pin, confirm.low_tries).await.map_err(failed) };
    let four = with_pin(connection, reading).await?;
    let (birth_date, card) = (four.birth, CardNote { tries_spent: Spent::None, tries_left: None });
    let view = BasicFourView {
        name: Zeroizing::new(four.name),
        address: Zeroizing::new(four.address),
        birth_date,
        sex: four.sex,
        card,
    };
    wiped(&view)
}

fn parse(body: &[u8]) -> Result<(ProfilePin, Confirmed), Failure> {
    let mut members = Members::read_secret(body)?;
    let asked = pin(&mut members, ProfilePin::parse);
    members.done()?;
    asked.ok_or(Code::RequestMalformed.into())
}
