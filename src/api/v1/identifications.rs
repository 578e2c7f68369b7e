//! `/v1/identifications`: by a document, without a card or a session; and how recorded identifications fare.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use utoipa::ToSchema;
use uuid::Uuid;

use super::card_sessions::MAX_BODY;
use super::card_wire::{Identified, PersonView, Recorded};
use super::evidence;
use super::identify::{detached, drained, small_secret};
use super::identifying::{self, Keyed};
use super::opinions::{idempotency_key, submitter};
use super::wire::SubmissionView;
use crate::api::Api;
use crate::api::body::Pieces;
use crate::api::caller::{Connection, Follow, With, authorise};
use crate::api::members::Members;
use crate::api::problem::{Document, Failure};
use crate::api::wiped::wiped;
use crate::fault::Code;
use crate::model::identity::{DocumentKind, Witnessed};
use crate::terminal::Right;

/// A document that two members of staff have looked at.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the request; it is read by hand to report all problems at once")]
pub(in crate::api) struct DocumentRequest {
    /// Which one.
    kind: DocumentKind,
    /// 保険者番号, six digits.
    #[schema(example = "999995")]
    insurer_number: String,
    /// 被保険者番号, 1 to 10 letters or digits.
    #[schema(example = "0000000001")]
    insured_number: String,
    /// The user ids at the hub of two different members of staff.
    #[schema(min_items = 2, max_items = 2, example = json!(["staff-1", "staff-2"]))]
    witnesses: Vec<String>,
}

/// A recorded identification.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct Identification {
    /// Its way so far.
    #[serde(flatten)]
    submission: SubmissionView,
    /// Whom the hub knows by it, once it is `delivered`; only for the key that recorded it and for keys with the right
    /// `manage`.
    person: Option<PersonView>,
}

/// Identify by a document
///
/// Needs neither card nor session. Recorded (202) while the hub cannot be asked, and shown to it by itself later.
#[utoipa::path(
    post, path = "/v1/identifications", security(("key" = ["card"])),
    params(("Idempotency-Key" = String, Header, description = "1 to 128 printable ASCII characters; a new one for each person, the same one for each repeat")),
    request_body(content = DocumentRequest),
    responses(
        (status = 200, description = "The hub knows the person", body = Identified),
        (status = 202, description = "Recorded", body = Recorded, headers(("Location" = String, description = "Where to follow it"), ("Idempotent-Replayed" = bool, description = "This answer repeats an earlier one"))),
        (status = 409, description = "IDEMPOTENCY_CONFLICT", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "WITNESSES_REFUSED, PERSON_UNKNOWN", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn identify(
    State(api): State<Arc<Api>>,
    connection: Connection,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, mut body) = Pieces::of(request, MAX_BODY.into(), api.config.body_idle);
    let read = read(&api, &parts, &mut body).await;
    let (keyed, witnessed) = drained(read, &mut body).await?;
    detached(&connection, identifying::by_document(api, witnessed, keyed)).await
}

async fn read(api: &Api, parts: &Parts, body: &mut Pieces) -> Result<(Keyed, Witnessed), Failure> {
    let caller = authorise(parts, Right::Card)?;
    let key = idempotency_key(parts)?.to_owned();
    let whole = small_secret(api, parts, body).await?;
    let mut members = Members::read(&whole)?;
    let witnessed = evidence::document(&mut members);
    members.done()?;
    Ok((Keyed { sender: submitter(&caller, parts), key }, witnessed.ok_or(Code::RequestMalformed)?))
}

/// Follow a recorded identification
#[utoipa::path(
    get, path = "/v1/identifications/{id}", security(("key" = ["card"]), ("key" = ["manage"])),
    params(("id" = Uuid, Path, description = "From the answer that recorded it")),
    responses((status = 200, description = "Its way so far, and the person once it is delivered", body = Identification))
)]
pub(in crate::api) async fn show(
    State(api): State<Arc<Api>>,
    by: With<Follow>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let id = Uuid::parse_str(&id).map_err(|_| Code::RequestNotFound)?;
    let found = api.desk(&by.caller.facility)?.outbox.identification(&by.caller.facility, id).await?;
    let (submission, person) = found.ok_or(Code::RequestNotFound)?;
    let may = submission.sender == by.caller.id || by.caller.may(Right::Manage);
    let person = person.filter(|_| may).map(PersonView::from);
    let view = Identification { submission: SubmissionView::of(submission, &by.caller), person };
    wiped(&view)
}
