//! `…/apdu`: a vendor's own card application, through the filter.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use tokio::time::timeout;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::card_sessions::find;
use super::identify::{detached, drained};
use crate::api::Api;
use crate::api::body::Pieces;
use crate::api::caller::{Connection, authorise};
use crate::api::members::{Members, Shape, Wiped};
use crate::api::problem::{Document, Failure, Place};
use crate::api::wiped::wiped;
use crate::card::filter::{self, LONGEST_BATCH, Objection};
use crate::fault::Code;
use crate::model::hex;
use crate::terminal::Right;

const MAX_BODY: u32 = 256 << 10;

const COMMANDS: Shape = Shape {
    ja: "commands には、カード命令（16進の文字列）が1〜64個要ります。最初の命令はアプリケーションを選ぶもの（SELECT）です。",
    en: "`commands` has to hold 1 to 64 commands as strings of hexadecimal digits; the first selects the application.",
};

/// A batch of commands: one transaction.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the request; it is read by hand to report all problems at once")]
pub(in crate::api) struct ApduRequest {
    /// In hexadecimal, in the short form; the first selects the application by its whole name.
    #[schema(min_items = 1, max_items = 64, example = json!(["00A4040C0AF04556455F3031020301", "00B0000010"]))]
    commands: Vec<String>,
}

/// What the card answered.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct ApduAnswers {
    /// In hexadecimal, status word included, one for each command that was sent. Where the first command did not select
    /// its application the rest was not sent.
    #[schema(example = json!(["9000", "00112233445566778899AABBCCDDEEFF9000"]))]
    answers: Vec<String>,
}

/// Send commands of a card application
///
/// One batch is one transaction. PIN commands, signatures and the applications that hold the My Number are refused in every
/// encoding before anything is sent, each command with its place.
#[utoipa::path(
    post, path = "/v1/card-sessions/{id}/apdu", security(("key" = ["card-apdu"])),
    params(("id" = uuid::Uuid, Path, description = "The session's id")),
    request_body(content = ApduRequest),
    responses(
        (status = 200, description = "What the card answered", body = ApduAnswers),
        (status = 403, description = "APDU_REFUSED; nothing was sent", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "SESSION_UNKNOWN", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CARD_ABSENT, CARD_REMOVED, CARD_RESET, SESSION_WAITING, SESSION_BUSY", body = Document, content_type = "application/problem+json"),
        (status = 410, description = "SESSION_ENDED", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CARD_UNSUPPORTED", body = Document, content_type = "application/problem+json"),
        (status = 502, description = "CARD_ANSWER_INVALID, CARD_OUTCOME_UNKNOWN", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CARD_HELD_ELSEWHERE, PCSC_DOWN, READER_DEGRADED", body = Document, content_type = "application/problem+json"),
        (status = 504, description = "CARD_MUTE", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn apdu(
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
    let caller = authorise(parts, Right::CardApdu)?;
    let session = find(api, &caller, id)?;
    let reading = timeout(api.config.request, body.secret_json(parts, MAX_BODY));
    let mut commands = parse(&reading.await.map_err(|_| Code::RequestTimeout)??)?;
    // What is refused is wiped here; what passes holds no PIN.
    let commands = std::mem::take(&mut *commands);
    let answers = detached(connection, async move { Ok(session.apdu(commands).await?) }).await?;
    let view = ApduAnswers { answers: answers.iter().map(|answer| hex(answer).to_ascii_uppercase()).collect() };
    wiped(&view)
}

fn parse(body: &[u8]) -> Result<Zeroizing<Vec<Vec<u8>>>, Failure> {
    let mut members = Members::read(body)?;
    let texts = members.required("commands", &COMMANDS, |value| {
        let texts = value.list()?.into_iter().map(Wiped::text).collect::<Option<Vec<_>>>()?;
        (1..=LONGEST_BATCH).contains(&texts.len()).then_some(texts)
    });
    let mut commands = Zeroizing::new(Vec::new());
    for (index, text) in texts.into_iter().flatten().enumerate() {
        match bytes(&text) {
            Some(command) => commands.push(command),
            None => members.note(Place::at(format!("/commands/{index}"), "MEMBER_FORM", COMMANDS.ja, COMMANDS.en)),
        }
    }
    members.done()?;
    let refused: Vec<_> =
        commands.iter().enumerate().filter_map(|(index, command)| objection(index, command)).collect();
    if refused.is_empty() { Ok(commands) } else { Err(Failure::at(Code::ApduRefused, refused)) }
}

/// Pairs of hexadecimal digits.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    pairs.collect()
}

/// What is wrong with a command at its place in the batch.
fn objection(index: usize, command: &[u8]) -> Option<Place> {
    let found = match filter::check(command) {
        Ok(false) if index == 0 => Objection::NoApplication,
        Ok(_) => return None,
        Err(found) => found,
    };
    let (code, ja, en) = match found {
        Objection::Form => (
            "APDU_FORM",
            "短い形の命令ではないか、長さが合いません。",
            "This is not a command in the short form, or its length does not fit.",
        ),
        Objection::Class => (
            "APDU_CLASS",
            "クラスは00だけが通ります（論理チャネル・セキュアメッセージング・連結は不可）。",
            "Only class 00 passes: no logical channels, no secure messaging, no chaining.",
        ),
        Objection::Instruction => (
            "APDU_INSTRUCTION",
            "この命令は通りません（暗証番号・署名など）。選択と読出しだけが通ります。",
            "This instruction does not pass (PINs, signatures and the like): only selecting and reading do.",
        ),
        Objection::Parameters => (
            "APDU_PARAMETERS",
            "この選び方・読み方は通りません。パラメーターを確かめてください。",
            "This way of selecting or reading does not pass. Check the parameters.",
        ),
        Objection::Shut => (
            "APDU_SHUT",
            "このアプリケーションは開けません（マイナンバーや住民票の情報を持つもの、または名前の一部だけのもの）。",
            "This application is kept shut: it holds the My Number or the resident record, or its name is not whole.",
        ),
        Objection::NoApplication | Objection::Length => (
            "APDU_NO_APPLICATION",
            "最初の命令は、名前全体でアプリケーションを選ぶもの（SELECT）にしてください。",
            "The first command has to select an application by its whole name.",
        ),
    };
    Some(Place::at(format!("/commands/{index}"), code, ja, en))
}
