//! `/v1/careplans/received`: what other offices sent, until a person has looked and afterwards.

use std::io::{Cursor, Write as _};
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::Response;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;
use zip::write::SimpleFileOptions;

use super::careplans::Seats;
use super::submissions::{bad, parse};
use super::wire::Reason;
use crate::api::Api;
use crate::api::caller::{Connection, Receive, With};
use crate::api::problem::{Document, Failure};
use crate::fault::Code;
use crate::inbox::{About, Files, Filter, Received, Standing};
use crate::task;

const PAGE: u16 = 50;

/// A unit that another office sent, without what it says.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = ReceivedCareplan)]
pub(in crate::api) struct ReceivedView {
    /// The gateway's own id for it.
    id: Uuid,
    /// Its position in the list; grows.
    seq: i64,
    /// 送信元: the office that sent it.
    from_facility: String,
    /// The sender's receipt at the hub.
    receipt_number: String,
    /// When it was filed, by the hub's clock.
    #[schema(value_type = String, format = DateTime)]
    sent_at: Timestamp,
    /// Where it is.
    state: StandingView,
    /// When it came here; absent while it is still at the hub, see `reason`.
    #[schema(value_type = Option<String>, format = DateTime)]
    received_at: Option<Timestamp>,
    /// Why it is not here yet, or why it has no CSV files.
    reason: Option<Reason>,
    /// What it is; absent while it is not here, and of a unit that cannot be read.
    care_plan: Option<ReceivedAbout>,
    /// When a person looked.
    #[schema(value_type = Option<String>, format = DateTime)]
    opened_at: Option<Timestamp>,
}

/// Where a received unit is.
#[derive(Clone, Copy, serde::Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReceivedState)]
enum StandingView {
    /// The hub has it; it is fetched by itself.
    Announced,
    /// It is here.
    Kept,
    /// The hub announced it and has lost it. Ask its sender to send it again.
    Gone,
}

impl From<Standing> for StandingView {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Announced => Self::Announced,
            Standing::Kept => Self::Kept,
            Standing::Gone => Self::Gone,
        }
    }
}

/// What a received unit is. Nothing about a person.
#[derive(serde::Serialize, ToSchema)]
struct ReceivedAbout {
    /// Which send unit; see docs/careplan.md.
    #[schema(example = "H2")]
    unit: String,
    /// ファイル連番, 14 digits: the order of reading.
    #[schema(example = "20260425101500")]
    stamp: String,
    /// `YYYYMM`, of units of one month.
    month: Option<String>,
    /// The sender's service kind.
    from_service_kind: String,
    /// The own service kind it is addressed to.
    to_service_kind: String,
    /// True when it only names what is to be removed.
    delete: bool,
    /// Names of its CSV files.
    files: Vec<String>,
    /// How many characters its CSV files cannot hold; `replaced.json` in the ZIP names them.
    replaced: u32,
}

impl From<About> for ReceivedAbout {
    fn from(about: About) -> Self {
        let About { unit, stamp, month, from_service_kind, to_service_kind, delete, files, replaced } = about;
        Self { unit, stamp, month, from_service_kind, to_service_kind, delete, files, replaced }
    }
}

impl From<Received> for ReceivedView {
    fn from(received: Received) -> Self {
        Self {
            id: received.id,
            seq: received.seq,
            from_facility: received.from_facility,
            receipt_number: received.receipt_number,
            sent_at: received.sent_at,
            state: received.standing.into(),
            received_at: received.kept_at,
            reason: received.reason.map(Reason::from),
            care_plan: received.about.map(ReceivedAbout::from),
            opened_at: received.opened_at,
        }
    }
}

/// A page of received units.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct ReceivedPage {
    /// Oldest first; none when the list is at its end.
    items: Vec<ReceivedView>,
    /// `after` of the next page.
    next_after: i64,
}

/// What a list is narrowed to, as it stands in the query.
#[derive(serde::Deserialize)]
pub(in crate::api) struct ListQuery {
    unopened: Option<String>,
    after: Option<String>,
    limit: Option<String>,
}

impl ListQuery {
    fn filter(self) -> Result<Filter, Failure> {
        let mut wrong = Vec::new();
        let unopened = self.unopened.map_or(Some(false), |text| text.parse().ok());
        let after = self.after.map_or(Some(0), |text| text.parse().ok().filter(|after| *after >= 0));
        let limit = self.limit.map_or(Some(PAGE), |text| text.parse().ok().filter(|n| (1..=200).contains(n)));
        let unopened = unopened.or_else(|| bad("unopened", &mut wrong));
        let after = after.or_else(|| bad("after", &mut wrong));
        let limit = limit.or_else(|| bad("limit", &mut wrong));
        match (unopened, after, limit) {
            (Some(unopened), Some(after), Some(limit)) => Ok(Filter { unopened, after, limit }),
            _ => Err(Failure::at(Code::RequestMalformed, wrong)),
        }
    }
}

/// List received care plans
///
/// What other offices sent, oldest first, without person data. Ask for `unopened=true` from the beginning and show it to somebody:
/// that misses nothing. `after` is for paging: a unit is listed as `announced` before it is here and keeps its `seq`, so whoever
/// only goes on from the last one seen has to look at the announced ones again (`GET /v1/careplans/received/{id}`).
#[utoipa::path(
    get, path = "/v1/careplans/received", security(("key" = ["receive"])),
    params(
        ("unopened" = Option<bool>, Query, description = "`true`: only those that nobody has opened"),
        ("after" = Option<i64>, Query, description = "Only those after this `seq`", minimum = 0),
        ("limit" = Option<u16>, Query, description = "1 to 200; 50 if not given", minimum = 1, maximum = 200),
    ),
    responses((status = 200, description = "A page", body = ReceivedPage))
)]
pub(in crate::api) async fn list(
    State(api): State<Arc<Api>>,
    by: With<Receive>,
    Query(query): Query<ListQuery>,
) -> Result<Json<ReceivedPage>, Failure> {
    let filter = query.filter()?;
    let found = api.desk(&by.caller.facility)?.inbox.list(&by.caller.facility, &filter).await?;
    let next_after = found.last().map_or(filter.after, |last| last.seq);
    Ok(Json(ReceivedPage { items: found.into_iter().map(ReceivedView::from).collect(), next_after }))
}

/// Look at a received care plan
///
/// What it is and from whom, without person data. This does not count as opening it.
#[utoipa::path(
    get, path = "/v1/careplans/received/{id}", security(("key" = ["receive"])),
    params(("id" = Uuid, Path, description = "From the list, or from the event `careplan.received`")),
    responses((status = 200, description = "What it is", body = ReceivedView))
)]
pub(in crate::api) async fn show(
    State(api): State<Arc<Api>>,
    by: With<Receive>,
    Path(id): Path<String>,
) -> Result<Json<ReceivedView>, Failure> {
    let found = find(&api, &by.caller.facility, parse(&id)?).await?;
    Ok(Json(found.into()))
}

/// Take a received care plan as JSON
///
/// The unit exactly as the hub gave it; docs/careplan-units.md describes it.
#[utoipa::path(
    get, path = "/v1/careplans/received/{id}/unit", security(("key" = ["receive"])),
    params(("id" = Uuid, Path, description = "The received care plan's id")),
    responses(
        (status = 200, description = "The unit", body = Object, content_type = "application/json"),
        (status = 409, description = "CAREPLAN_PENDING", body = Document, content_type = "application/problem+json"),
        (status = 410, description = "HUB_ARRIVAL_GONE", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn unit(
    State(api): State<Arc<Api>>,
    State(seats): State<Seats>,
    by: With<Receive>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let (id, facility) = (parse(&id)?, &by.caller.facility);
    here(&find(&api, facility, id).await?)?;
    let room = seats.reader_soon().await?;
    let bytes = api.desk(facility)?.inbox.unit(facility, id).await?.ok_or(Code::CareplanPending)?;
    Ok(private(Held { bytes, _room: room }, "application/json"))
}

/// Take a received care plan as CSV files
///
/// A ZIP of the unit's files, named and encoded as the standard 4.1 wants. Where CSV lacks a character, another one stands in its
/// place, and `replaced.json` names both.
#[utoipa::path(
    get, path = "/v1/careplans/received/{id}/files", security(("key" = ["receive"])),
    params(("id" = Uuid, Path, description = "The received care plan's id")),
    responses(
        (status = 200, description = "The files", body = Vec<u8>, content_type = "application/zip"),
        (status = 409, description = "CAREPLAN_PENDING", body = Document, content_type = "application/problem+json"),
        (status = 410, description = "HUB_ARRIVAL_GONE", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CAREPLAN_UNREADABLE", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn files(
    State(api): State<Arc<Api>>,
    State(seats): State<Seats>,
    by: With<Receive>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let (id, facility) = (parse(&id)?, &by.caller.facility);
    let received = find(&api, facility, id).await?;
    here(&received)?;
    let room = seats.reader_soon().await?;
    let bytes = {
        let _turn = seats.turn().await?;
        let files = api.desk(facility)?.inbox.files(facility, id).await?.ok_or(Code::CareplanPending)?;
        let packing = task::aside(move || packed(&files)).await;
        packing.map_err(|_| Failure::from(Code::GatewayInternal))??
    };
    let mut response = private(Held { bytes, _room: room }, "application/zip");
    let stamp = received.about.map(|about| about.stamp).unwrap_or_default();
    // What the hub says of a sender is nothing that may end a header's value.
    let mut from = received.from_facility;
    from.retain(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
    let name = format!("attachment; filename=\"careplan-{from}-{stamp}.zip\"");
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// Say that a person has looked
///
/// It leaves the list of unopened ones, and its sender is told. Only a person's look counts, not a program's; the first one does.
#[utoipa::path(
    post, path = "/v1/careplans/received/{id}/opened", security(("key" = ["receive"])),
    params(("id" = Uuid, Path, description = "The received care plan's id")),
    responses(
        (status = 200, description = "It is opened", body = ReceivedView),
        (status = 409, description = "CAREPLAN_PENDING", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn opened(
    State(api): State<Arc<Api>>,
    connection: Connection,
    by: With<Receive>,
    Path(id): Path<String>,
) -> Result<Json<ReceivedView>, Failure> {
    let (id, caller) = (parse(&id)?, by.caller);
    if find(&api, &caller.facility, id).await?.standing == Standing::Announced {
        return Err(Code::CareplanPending.into());
    }
    let inbox = api.desk(&caller.facility)?.inbox.clone();
    let work = async move { inbox.opened(&caller.facility, id, &caller.id).await };
    let received = connection.detach(work).await??.ok_or(Code::RequestNotFound)?;
    Ok(Json(received.into()))
}

/// A received unit of the facility. Another facility's is answered like one that never was.
async fn find(api: &Api, facility: &str, id: Uuid) -> Result<Received, Failure> {
    api.desk(facility)?.inbox.received(facility, id).await?.ok_or(Code::RequestNotFound.into())
}

/// Whether there is something to be taken.
fn here(received: &Received) -> Result<(), Failure> {
    match received.standing {
        Standing::Kept => Ok(()),
        Standing::Announced => Err(Code::CareplanPending.into()),
        Standing::Gone => Err(Code::HubArrivalGone.into()),
    }
}

/// What is on its way to a caller. Its room is free again once the last octet of it is gone, not when the answer is ready: a slow
/// caller keeps it in memory.
struct Held {
    bytes: Zeroizing<Vec<u8>>,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn private(held: Held, kind: &'static str) -> Response {
    let mut response = Response::new(Body::from(Bytes::from_owner(held)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn packed(files: &Files) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error| Failure::from(Code::GatewayInternal).because(error);
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let replaced = if files.replaced.is_empty() {
        None
    } else {
        let json = serde_json::to_vec_pretty(&files.replaced);
        Some(Zeroizing::new(json.map_err(|error| Failure::from(Code::GatewayInternal).because(error))?))
    };
    let listed = replaced.as_ref().map(|json| ("replaced.json", json));
    let all = files.files.iter().map(|(name, bytes)| (name.as_str(), bytes)).chain(listed);
    for (name, bytes) in all {
        archive.start_file(name, SimpleFileOptions::default()).map_err(failed)?;
        archive.write_all(bytes).map_err(|error| Failure::from(Code::GatewayInternal).because(error))?;
    }
    Ok(Zeroizing::new(archive.finish().map_err(failed)?.into_inner()))
}
