//! `/v1/terminals`: what was paired; and the renewal of a terminal's certificate.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::pairing::MAX_BODY;
use super::turns::{Turns, WHOLE};
use crate::api::Api;
use crate::api::about::About;
use crate::api::body::Pieces;
use crate::api::caller::{Admin, Connection, Peer, With, acting_for};
use crate::api::problem::{Document, Failure};
use crate::api::strict_json;
use crate::card::Terminal;
use crate::fault::Code;
use crate::terminal::{Kind, Right, State as Standing, TerminalError, TerminalId, TerminalRecord};

/// A paired terminal.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Terminal)]
pub(in crate::api) struct TerminalView {
    /// Its id; no secret.
    #[schema(example = "3f9c0a1b2d4e5f60")]
    id: String,
    /// What the administrator calls it.
    label: String,
    /// `software` or `browser`.
    kind: Kind,
    /// What it may do.
    rights: BTreeSet<Right>,
    /// The account to which it is bound.
    person: Option<String>,
    /// `active`; `dormant` after 30 days without use, until an administrator opens it again; `copied` when its certificate was renewed in two
    /// places, until it is revoked; or `revoked`.
    state: Standing,
    /// When it was paired.
    #[schema(value_type = String, format = DateTime)]
    paired_at: jiff::Timestamp,
    /// From which address.
    paired_from: String,
    /// The credential that opened its window.
    paired_by: String,
    /// When it was last used, to the hour.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<jiff::Timestamp>,
    /// From which address.
    last_from: Option<String>,
    /// When it was last opened again.
    #[schema(value_type = Option<String>, format = DateTime)]
    reopened_at: Option<jiff::Timestamp>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<jiff::Timestamp>,
    /// When it was found that its certificate had been copied.
    #[schema(value_type = Option<String>, format = DateTime)]
    copied_at: Option<jiff::Timestamp>,
}

/// All terminals.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct TerminalList {
    /// Oldest first, revoked ones too.
    items: Vec<TerminalView>,
}

/// What a terminal asks for when its certificate is to be renewed.
#[derive(serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct RenewalRequest {
    /// A PKCS#10 request in PEM; its key may be a new one.
    csr: String,
}

/// A renewed certificate.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct Renewal {
    /// The terminal's id.
    id: String,
    /// Its certificate, in PEM.
    certificate: String,
    /// The certificate of the box's authority, in PEM.
    authority: String,
    /// When the certificate runs out.
    #[schema(value_type = String, format = DateTime)]
    expires_at: jiff::Timestamp,
}

impl TerminalView {
    fn of(record: TerminalRecord, now: jiff::Timestamp) -> Self {
        let state = record.state(now);
        Self {
            id: record.id.to_string(),
            label: record.label,
            kind: record.kind,
            rights: record.rights,
            person: record.person,
            state,
            paired_at: record.paired_at,
            paired_from: record.paired_from,
            paired_by: record.paired_by,
            last_used_at: record.last_used_at,
            last_from: record.last_from,
            reopened_at: record.reopened_at,
            revoked_at: record.revoked_at,
            copied_at: record.copied_at,
        }
    }
}

/// List terminals
#[utoipa::path(
    get, path = "/v1/terminals", security(("key" = ["admin"])),
    responses((status = 200, description = "All terminals of the facility", body = TerminalList))
)]
pub(in crate::api) async fn list(State(api): State<Arc<Api>>, by: With<Admin>) -> Result<Json<TerminalList>, Failure> {
    let (records, now) = (api.terminals.list(&by.caller.facility).await?, api.terminals.now());
    Ok(Json(TerminalList { items: records.into_iter().map(|record| TerminalView::of(record, now)).collect() }))
}

/// Revoke a terminal
///
/// For good, and within five seconds: its running requests end with 401, its event streams, connections and card sessions end.
#[utoipa::path(
    delete, path = "/v1/terminals/{id}", security(("key" = ["admin"])),
    params(("id" = String, Path, description = "The id of the terminal")),
    responses((status = 204, description = "Revoked"))
)]
pub(in crate::api) async fn revoke(
    State(api): State<Arc<Api>>,
    connection: Connection,
    by: With<Admin>,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let id = TerminalId::parse(&id).ok_or(Code::RequestNotFound)?;
    tracing::info!(terminal = %id, by = %by.caller.id, "terminal to be revoked");
    let revoking = async move {
        api.terminals.revoke(&by.caller.facility, &id).await?;
        Ok::<_, TerminalError>(api.cards.revoke_terminal(&Terminal(id.to_string())))
    };
    connection.detach(revoking).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// Open a dormant terminal again
#[utoipa::path(
    post, path = "/v1/terminals/{id}/reopen", security(("key" = ["admin"])),
    params(("id" = String, Path, description = "The id of the terminal")),
    responses((status = 204, description = "It is let in for another 30 days"))
)]
pub(in crate::api) async fn reopen(
    State(api): State<Arc<Api>>,
    connection: Connection,
    by: With<Admin>,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let id = TerminalId::parse(&id).ok_or(Code::RequestNotFound)?;
    tracing::info!(terminal = %id, by = %by.caller.id, "terminal opened again");
    connection.detach(async move { api.terminals.reopen(&by.caller.facility, &id).await }).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// Renew a terminal's certificate
///
/// On the LAN only, by the client certificate in use, which may have run out seven days ago at most; for anything else such a one is refused.
/// The old one stays good until its end, for all but a renewal: of the renewed ones the one before may be renewed once more, when its answer
/// was lost, and with any older one the terminal is shut, because its certificate was copied (`TERMINAL_COPIED`).
#[utoipa::path(
    post, path = "/v1/terminal/certificate", security(("certificate" = [])),
    request_body(content = RenewalRequest),
    responses(
        (status = 201, description = "Renewed", body = Renewal),
        (status = 422, description = "REQUEST_CSR", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn renew(
    State(api): State<Arc<Api>>,
    State(turns): State<Turns>,
    connection: Connection,
    request: Request,
) -> Result<Response, Failure> {
    let Peer::Lan { address, certificate: Some(certificate) } = &connection.peer else {
        return Err(Code::AuthMissing.into());
    };
    // Whether the terminal is known still is looked up for what it asks; until then it may be anybody who ever was one.
    let turn = turns.take(address.ip())?;
    let (parts, mut body) = Pieces::of(request, MAX_BODY.into(), api.config.body_idle);
    let limit = api.config.request.min(WHOLE);
    let whole = timeout(limit, body.json(&parts, MAX_BODY.into())).await.map_err(|_| Code::RequestTimeout)??;
    let request = serde_json::from_value(strict_json::parse(&whole)?);
    let RenewalRequest { csr } = request.map_err(|_| Code::RequestMalformed)?;
    // One that has run out shows its facility when it is renewed.
    if let Ok(caller) = api.terminals.by_certificate(certificate, Some(address.ip())).await {
        acting_for(&api, &parts.headers, &caller)?;
    }
    let (caller, renewed) = match api.terminals.renew(certificate, &csr, Some(address.ip())).await {
        Ok(renewed) => renewed,
        Err(TerminalError::Copied(caller)) => {
            api.cards.revoke_terminal(&Terminal(caller.id.clone()));
            let about = (Extension(About(format!("terminal:{}", caller.id))), Extension(*caller));
            return Ok((about, Failure::from(Code::TerminalCopied)).into_response());
        }
        Err(error) => return Err(error.into()),
    };
    drop(turn);
    tracing::info!(terminal = %caller.id, from = %address.ip(), "certificate renewed");
    let (certificate, authority, expires_at) = (renewed.pem, renewed.authority, renewed.expires_at);
    let view = Renewal { id: caller.id.clone(), certificate, authority, expires_at };
    let about = (Extension(About(format!("terminal:{}", caller.id))), Extension(caller));
    Ok((StatusCode::CREATED, about, [(CACHE_CONTROL, "no-store")], Json(view)).into_response())
}
