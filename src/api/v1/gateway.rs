//! What the gateway says of itself: health, metrics and this endpoint's description. None of it needs a key.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::ToSchema;

use crate::api::{Api, openapi_document};
use crate::fault::Code;
use crate::outbox::{Health, HealthStatus};

/// How the gateway is: the worst of its parts.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = HealthReport)]
pub(in crate::api) struct Report {
    /// `ok`, `degraded` (it goes on, but someone should look) or `failed`.
    #[schema(value_type = String, example = "ok")]
    status: HealthStatus,
    /// The gateway's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// Each part by name.
    parts: BTreeMap<&'static str, Part>,
}

/// One part of the gateway.
#[derive(serde::Serialize, ToSchema)]
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
/// Recent proof of work of each part, not merely that the process runs.
#[utoipa::path(
    get, path = "/v1/health", security(()),
    responses(
        (status = 200, description = "`ok` or `degraded`", body = Report),
        (status = 503, description = "`failed`", body = Report),
    )
)]
pub(in crate::api) async fn health(State(api): State<Arc<Api>>) -> impl IntoResponse {
    let parts = api.health.health().await;
    let status = parts.iter().map(|(_, health)| health.status).max().unwrap_or(HealthStatus::Ok);
    let parts = parts.into_iter().map(|(name, health)| (name, health.into())).collect();
    let http = if status == HealthStatus::Failed { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (http, Json(Report { status, version: env!("CARGO_PKG_VERSION"), parts }))
}

/// Metrics
///
/// In the Prometheus text format.
#[utoipa::path(
    get, path = "/metrics", security(()),
    responses((status = 200, description = "All metrics", body = String, content_type = "text/plain"))
)]
pub(in crate::api) async fn metrics(State(api): State<Arc<Api>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (api.metrics)())
}

/// This description
#[utoipa::path(
    get, path = "/openapi.json", security(()),
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json"))
)]
pub(in crate::api) async fn openapi() -> impl IntoResponse {
    Json(openapi_document())
}
