//! What the gateway says of itself: health, metrics and this endpoint's description. On the box none of it needs a key; strangers on
//! the LAN are told next to nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use utoipa::ToSchema;

use crate::api::caller::{Onlooker, onlooker};
use crate::api::problem::{Document, Failure};
use crate::api::{self, Api, FacilityHealth, openapi};
use crate::fault::Code;
use crate::order;
use crate::outbox::{Health, HealthStatus};
use crate::telemetry::of_facility;
use crate::terminal::{Caller, Credential};

/// How the gateway is: the worst of its parts.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = HealthReport)]
pub(in crate::api) struct Report {
    /// `ok`, `degraded` (it goes on, but someone should look) or `failed`.
    #[schema(value_type = String, example = "ok")]
    status: HealthStatus,
    /// The gateway's version. Strangers on the LAN are not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, example = "0.1.0")]
    version: Option<&'static str>,
    /// Each part by name: those of the box, and those of the caller's facility; for the administrator of the box, and on the box without a
    /// credential, the worst of all facilities. Strangers on the LAN are not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = BTreeMap<String, Part>, required = false)]
    parts: Option<BTreeMap<&'static str, Part>>,
    /// The caller's facility by its number; for the administrator of the box all of them. Nobody else is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = BTreeMap<String, FacilityView>, required = false)]
    facilities: Option<BTreeMap<String, FacilityView>>,
}

/// How one facility is.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = HealthFacility)]
pub(in crate::api) struct FacilityView {
    /// `ok`, `degraded` or `failed`: the worst of its parts.
    #[schema(value_type = String, example = "ok")]
    status: HealthStatus,
    /// `FACILITY_GONE` if documents of it are here and the settings do not name it.
    #[schema(value_type = Option<String>, example = "FACILITY_GONE")]
    reason: Option<Code>,
    /// The reason in Japanese.
    detail: Option<&'static str>,
    /// The reason in English.
    detail_en: Option<&'static str>,
    /// Documents that have not come to an end; `null` while that is not known, because the database cannot be read.
    #[schema(required = true)]
    waiting: Option<u64>,
    /// Each of its parts by name.
    #[schema(value_type = BTreeMap<String, Part>)]
    parts: BTreeMap<&'static str, Part>,
}

/// One part of the gateway.
#[derive(Clone, serde::Serialize, ToSchema)]
#[schema(as = HealthPart)]
pub(in crate::api) struct Part {
    /// `ok`, `degraded` or `failed`.
    #[schema(value_type = String, example = "degraded")]
    status: HealthStatus,
    /// Why, if not `ok`; see docs/errors.md.
    #[schema(value_type = Option<String>, example = "HUB_UNREACHABLE")]
    reason: Option<Code>,
    /// The reason in Japanese.
    detail: Option<&'static str>,
    /// The reason in English.
    detail_en: Option<&'static str>,
    /// When this part last did its work.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_proof: Option<jiff::Timestamp>,
}

impl From<Health> for Part {
    fn from(health: Health) -> Self {
        Self {
            status: health.status,
            reason: health.reason,
            detail: health.reason.map(Code::ja),
            detail_en: health.reason.map(Code::en),
            last_proof: health.last_proof,
        }
    }
}

/// Health
///
/// Recent proof of work of each part, not merely that the process runs; at most a tenth of a second old, and what was acknowledged before is counted. On the LAN, a caller without a credential gets `status` alone.
#[utoipa::path(
    get, path = "/v1/health", security(()),
    responses(
        (status = 200, description = "`ok` or `degraded`", body = Report),
        (status = 503, description = "`failed`", body = Report),
    )
)]
pub(in crate::api) async fn health(
    State(api): State<Arc<Api>>,
    State(told): State<Arc<Told>>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, _) = request.into_parts();
    let onlooker = onlooker(&api, &parts).await?;
    let state = api.health.health().await;
    let (status, body) = told.of(state, onlooker)?;
    Ok((status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response())
}

/// The last report in writing, for each who is told something else: whatever watches a box asks often, and hears the same most times.
#[derive(Default)]
pub(in crate::api) struct Told(Mutex<HashMap<Onlooker, Written>>);

struct Written {
    state: Arc<api::Report>,
    status: StatusCode,
    body: Bytes,
}

impl Told {
    /// What `onlooker` is told of this state.
    ///
    /// # Errors
    /// `GATEWAY_INTERNAL` if it cannot be written, which no report is known to do.
    fn of(&self, state: Arc<api::Report>, onlooker: Onlooker) -> Result<(StatusCode, Bytes), Failure> {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = written.get_mut(&onlooker)
            && (Arc::ptr_eq(&last.state, &state) || last.state == state)
        {
            last.state = state;
            return Ok((last.status, last.body.clone()));
        }
        let report = report(api::Report::clone(&state), &onlooker);
        let failed = report.status == HealthStatus::Failed;
        let status = if failed { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        let body = Bytes::from(serde_json::to_vec(&report).map_err(|_| Code::GatewayInternal)?);
        written.insert(onlooker, Written { state, status, body: body.clone() });
        Ok((status, body))
    }
}

/// What `onlooker` is told. Who belongs to a facility is told nothing of the others, not even that one of them is in trouble.
fn report(api::Report { parts: of_box, mut facilities }: api::Report, onlooker: &Onlooker) -> Report {
    if let Onlooker::Of(own) = onlooker {
        facilities.retain(|facility| facility.number == *own);
    }
    let mut parts: BTreeMap<&'static str, Part> = BTreeMap::new();
    let gone = facilities.iter().any(|facility| facility.gone).then(|| ("facilities", gone()));
    let all =
        of_box.into_iter().chain(gone).chain(facilities.iter().flat_map(|facility| facility.parts.iter().cloned()));
    for (name, health) in all {
        if parts.get(name).is_none_or(|known| known.status < health.status) {
            parts.insert(name, health.into());
        }
    }
    let status = parts.values().map(|part| part.status).max().unwrap_or(HealthStatus::Ok);
    let version = env!("CARGO_PKG_VERSION");
    let numbered = || order::map(facilities.into_iter().map(|facility| (facility.number.clone(), facility.into())));
    match onlooker {
        Onlooker::Stranger => Report { status, version: None, parts: None, facilities: None },
        Onlooker::OnTheBox => Report { status, version: Some(version), parts: Some(parts), facilities: None },
        Onlooker::Administrator | Onlooker::Of(_) => {
            Report { status, version: Some(version), parts: Some(parts), facilities: Some(numbered()) }
        }
    }
}

fn gone() -> Health {
    Health { status: HealthStatus::Degraded, reason: Some(Code::FacilityGone), last_proof: None }
}

impl From<FacilityHealth> for FacilityView {
    fn from(facility: FacilityHealth) -> Self {
        let own = facility.gone.then(gone);
        let reason = own.as_ref().and_then(|health| health.reason);
        let all = facility.parts.iter().map(|(_, health)| health).chain(&own);
        Self {
            status: all.map(|health| health.status).max().unwrap_or(HealthStatus::Ok),
            reason,
            detail: reason.map(Code::ja),
            detail_en: reason.map(Code::en),
            waiting: facility.waiting,
            parts: order::map(facility.parts.into_iter().map(|(name, health)| (name, health.into()))),
        }
    }
}

/// Metrics
///
/// In the Prometheus text format. Who comes over the LAN is told what is of its own facility and of the box. There it takes a person's log-in, or the right `read` or `admin`; on the box it takes none.
#[utoipa::path(
    get, path = "/metrics", security(()),
    responses(
        (status = 200, description = "All metrics", body = String, content_type = "text/plain"),
        (status = 401, description = "On the LAN: no valid credential", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "On the LAN: the right is missing", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn metrics(
    State(api): State<Arc<Api>>,
    caller: Option<Extension<Caller>>,
) -> impl IntoResponse {
    let all = (api.metrics)();
    let told = match caller {
        Some(Extension(caller)) if caller.credential != Credential::Local => of_facility(&all, &caller.facility),
        _ => all,
    };
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], told)
}

/// This description
#[utoipa::path(
    get, path = "/openapi.json", security(()),
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json"))
)]
pub(in crate::api) async fn openapi(asked: HeaderMap) -> Response {
    let always = [(CONTENT_TYPE, "application/json"), (VARY, "accept-encoding")];
    if takes_gzip(&asked) {
        (always, [(CONTENT_ENCODING, "gzip")], openapi::PACKED).into_response()
    } else {
        (always, openapi::PAGE.clone()).into_response()
    }
}

/// Whether gzip is among what the caller reads (RFC 9110, 12.5.3). Who does not say gets what everybody reads.
fn takes_gzip(asked: &HeaderMap) -> bool {
    let lines = asked.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let mut others = false;
    for coding in lines.flat_map(|line| line.split(',')) {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let zero = |(_, weight): (&str, &str)| weight.trim().trim_matches(['0', '.']).is_empty();
        let taken = !weight.split_once('=').is_some_and(zero);
        match name.trim() {
            name if name.eq_ignore_ascii_case("gzip") => return taken,
            "*" => others = taken,
            _ => {}
        }
    }
    others
}
