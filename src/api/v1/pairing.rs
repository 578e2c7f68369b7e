//! `/v1/pairing` and `/v1/pair`: an administrator opens a window, a terminal comes in by its code.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use ipnet::IpNet;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::keys::{network, plain, unknown_user};
use super::turns::{Turns, WHOLE};
use crate::api::Api;
use crate::api::about::About;
use crate::api::body::Pieces;
use crate::api::caller::{Admin, Connection, Peer, With, authorise};
use crate::api::person::of_the_staff;
use crate::api::problem::{Document, Failure, Place};
use crate::api::shown::from_own_page;
use crate::api::strict_json;
use crate::fault::Code;
use crate::terminal::{COOKIE, CodeForm, Kind, NewWindow, Offer, Opened, Paired, PairingCode, Right, TerminalId};
use crate::terminal::{TerminalError, WindowRecord};

pub(super) const MAX_BODY: u32 = 16 << 10;
/// As long as browsers keep any cookie: 400 days.
const COOKIE_AGE: u32 = 400 * 86_400;

/// A window to be opened.
#[derive(serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct PairingRequest {
    /// What to call the terminal; 1 to 64 characters.
    #[schema(example = "受付1")]
    label: String,
    /// What it may do; at least one.
    #[schema(value_type = Vec<Right>)]
    rights: BTreeSet<Right>,
    /// How it proves itself: by a certificate, by a cookie and a person's log-in, or by an API key.
    kind: Kind,
    /// The account to which it is bound: it ends with the person's last day.
    #[schema(example = "sato")]
    person: Option<String>,
    /// Of kind `key`: the networks from which alone the key is taken; the address that pairs, if none is given.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["192.168.10.0/24"]))]
    networks: Vec<String>,
}

/// An open window, without its code.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Pairing)]
pub(in crate::api) struct PairingView {
    /// Its id; no secret.
    #[schema(example = "3f9c0a1b2d4e5f60")]
    id: String,
    /// What the terminal will be called.
    label: String,
    /// How it will prove itself.
    kind: Kind,
    /// What it will be allowed.
    rights: BTreeSet<Right>,
    /// The account to which it will be bound.
    person: Option<String>,
    /// Of kind `key`: where alone the key will be taken.
    #[schema(value_type = Vec<String>)]
    networks: Vec<IpNet>,
    /// The credential that opened it.
    opened_by: String,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    opened_at: jiff::Timestamp,
    /// When it is over.
    #[schema(value_type = String, format = DateTime)]
    ends_at: jiff::Timestamp,
    /// Wrong codes that it still bears; 0: it is shut.
    tries_left: u32,
}

/// A window just opened. The code is shown this once.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct NewPairingView {
    /// The code to type.
    #[schema(example = "7K3M-9QXT-4B2D")]
    code: String,
    /// The same code to read out.
    #[schema(example = json!(["さくら", "みかん", "たぬき", "ゆうひ", "こたつ", "まつり"]))]
    words: Vec<&'static str>,
    /// Address, code and fingerprint of the box's authority, as the QR code holds them. The code stands behind the `#` and is not sent by
    /// browsers.
    link: String,
    /// The QR code, as an SVG picture.
    qr_svg: String,
    /// The window.
    #[serde(flatten)]
    window: PairingView,
}

/// The open windows.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct PairingList {
    /// Oldest first.
    items: Vec<PairingView>,
}

/// What a terminal shows to pair.
#[derive(serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct PairRequest {
    /// The code: twelve signs or six words, of any case and width, with or without separators.
    #[schema(example = "7K3M-9QXT-4B2D")]
    code: String,
    /// Of kind `software`: a PKCS#10 request in PEM.
    #[schema(example = "-----BEGIN CERTIFICATE REQUEST-----\n…")]
    csr: Option<String>,
}

/// What it gets. Secrets are shown this once.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Paired)]
pub(in crate::api) struct PairedView {
    /// The terminal's id, or the key's; no secret.
    id: String,
    /// What the administrator called it.
    label: String,
    /// How it proves itself.
    kind: Kind,
    /// Of kind `software`: its certificate, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    /// The certificate of the box's authority, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    authority: Option<String>,
    /// When the certificate runs out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<jiff::Timestamp>,
    /// Of kind `key`: the API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Of kind `key`: where alone it is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    networks: Option<Vec<IpNet>>,
}

impl From<WindowRecord> for PairingView {
    fn from(record: WindowRecord) -> Self {
        Self {
            id: record.id.to_string(),
            label: record.label,
            kind: record.kind,
            rights: record.rights,
            person: record.person,
            networks: record.networks,
            opened_by: record.opened_by,
            opened_at: record.opened_at,
            ends_at: record.ends_at,
            tries_left: record.tries_left,
        }
    }
}

/// Open a pairing window
///
/// For one terminal and ten minutes. The answer holds the code, this once.
#[utoipa::path(
    post, path = "/v1/pairing", security(("key" = ["admin"])),
    request_body(content = PairingRequest),
    responses(
        (status = 201, description = "Open", body = NewPairingView),
        (status = 409, description = "LAN_OFF, PAIRING_WINDOWS", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn open(
    State(api): State<Arc<Api>>,
    connection: Connection,
    request: Request,
) -> Result<impl IntoResponse, Failure> {
    let (parts, mut body) = Pieces::of(request, MAX_BODY.into(), api.config.body_idle);
    let caller = authorise(&parts, Right::Admin)?;
    let limit = api.config.request;
    let whole = timeout(limit, body.json(&parts, MAX_BODY.into())).await.map_err(|_| Code::RequestTimeout)??;
    let new = window(strict_json::parse(&whole)?, caller.facility, caller.id)?;
    of_the_staff(&api, &new.facility, new.person.as_deref()).await?;
    let opening = connection.detach(async move { api.terminals.open_window(new).await });
    let Opened { record, code, link, qr_svg } = timeout(limit, opening).await.map_err(|_| Code::GatewayBusy)???;
    tracing::info!(window = %record.id, by = %record.opened_by, kind = record.kind.name(), "pairing window opened");
    let view = NewPairingView {
        code: code.signs().to_string(),
        words: code.words().to_vec(),
        link: link.to_string(),
        qr_svg: qr_svg.to_string(),
        window: record.into(),
    };
    let about = Extension(About(format!("pairing:{}", view.window.id)));
    Ok((StatusCode::CREATED, about, [(CACHE_CONTROL, "no-store")], Json(view)))
}

fn window(value: serde_json::Value, facility: String, opened_by: String) -> Result<NewWindow, Failure> {
    let request = serde_json::from_value(value).map_err(|_| wrong(""))?;
    let PairingRequest { label, rights, kind, person, networks } = request;
    let person_bad = person.as_deref().is_some_and(unknown_user);
    let networks_bad = kind != Kind::Key && !networks.is_empty();
    let bad = [
        ("/label", !plain(&label)),
        ("/rights", rights.is_empty()),
        ("/person", person_bad),
        ("/networks", networks_bad),
    ];
    if let Some((pointer, _)) = bad.iter().find(|(_, bad)| *bad) {
        return Err(wrong(pointer));
    }
    let networks =
        networks.iter().map(|text| network(text)).collect::<Option<_>>().ok_or_else(|| wrong("/networks"))?;
    Ok(NewWindow { facility, label, kind, rights, person, networks, opened_by })
}

fn wrong(pointer: &str) -> Failure {
    Failure::here(
        Code::RequestMalformed,
        Place::at(
            pointer,
            "PAIRING_FORM",
            "窓口には label（1〜64字）、rights（一つ以上）、kind（software・browser・key）が要ります。networks（CIDR）は key だけに付けられます。",
            "A window needs a label (1 to 64 characters), rights (one or more) and a kind (software, browser, key). Only a key has networks (CIDR).",
        ),
    )
}

/// List open pairing windows
#[utoipa::path(
    get, path = "/v1/pairing", security(("key" = ["admin"])),
    responses((status = 200, description = "Without codes", body = PairingList))
)]
pub(in crate::api) async fn list(State(api): State<Arc<Api>>, by: With<Admin>) -> Result<Json<PairingList>, Failure> {
    let items = api.terminals.windows(&by.caller.facility).await?.into_iter().map(PairingView::from).collect();
    Ok(Json(PairingList { items }))
}

/// Shut a pairing window
#[utoipa::path(
    delete, path = "/v1/pairing/{id}", security(("key" = ["admin"])),
    params(("id" = String, Path, description = "The id of the window")),
    responses((status = 204, description = "Shut"))
)]
pub(in crate::api) async fn shut(
    State(api): State<Arc<Api>>,
    connection: Connection,
    by: With<Admin>,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let id = TerminalId::parse(&id).ok_or(Code::RequestNotFound)?;
    connection.detach(async move { api.terminals.shut_window(&by.caller.facility, &id).await }).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// Pair
///
/// Needs no credential but the code. With a `csr` a certificate is given out, of a window of kind `software`; to the box's own page (over
/// HTTPS, with its `Origin`) the cookie `__Host-engawa-terminal`, of a window of kind `browser`; otherwise an API key, of a window of kind
/// `key`. A code that is wrong, used or late is answered with PAIRING_REFUSED, whichever it is; after five wrong ones from one address with
/// PAIRING_LOCKED. A code that is right but asked for in another kind's way (PAIRING_KIND) and one that has not the form of any
/// (REQUEST_MALFORMED) cost nothing.
#[utoipa::path(
    post, path = "/v1/pair", security(()),
    request_body(content = PairRequest),
    responses(
        (status = 201, description = "Paired, and let in at once", body = PairedView),
        (status = 403, description = "PAIRING_REFUSED", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "PAIRING_KIND: the code is still good", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "REQUEST_CSR: the code is still good", body = Document, content_type = "application/problem+json"),
        (status = 429, description = "PAIRING_LOCKED", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn pair(
    State(api): State<Arc<Api>>,
    State(turns): State<Turns>,
    connection: Connection,
    request: Request,
) -> Result<Response, Failure> {
    let from = connection.peer.address().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    api.terminals.may_try(from).await?;
    // All programs of the box have one address.
    let lan = matches!(connection.peer, Peer::Lan { .. });
    let turn = lan.then(|| turns.take(from)).transpose()?;
    let (parts, mut body) = Pieces::of(request, MAX_BODY.into(), api.config.body_idle);
    let limit = api.config.request;
    let whole =
        timeout(limit.min(WHOLE), body.secret_json(&parts, MAX_BODY)).await.map_err(|_| Code::RequestTimeout)??;
    let offer = offer(strict_json::parse(&whole)?, &connection.peer, &parts, from)?;
    drop(whole);
    let pairing = connection.detach(async move {
        let paired = api.terminals.pair(offer).await;
        drop(turn);
        paired
    });
    let paired = timeout(limit, pairing).await.map_err(|_| Code::GatewayBusy)??;
    let (caller, paired) = paired.inspect_err(|error| match error {
        TerminalError::Refused => tracing::warn!(%from, "a wrong pairing code"),
        _ => tracing::info!(%from, code = %error.code(), "not paired"),
    })?;
    let mut response = answer(paired, from)?;
    response.extensions_mut().insert(About(format!("terminal:{}", caller.id)));
    response.extensions_mut().insert(caller);
    Ok(response)
}

fn offer(value: serde_json::Value, peer: &Peer, parts: &Parts, from: IpAddr) -> Result<Offer, Failure> {
    let PairRequest { code, csr } = serde_json::from_value(value).map_err(|_| Code::RequestMalformed)?;
    let code = PairingCode::parse(&code).map_err(unreadable)?;
    let browser = matches!(peer, Peer::Lan { .. }) && from_own_page(parts);
    Ok(Offer { code, csr, browser, from })
}

/// Says what cannot be a code. That costs nothing and tells nothing: no window has such a one.
fn unreadable(form: CodeForm) -> Failure {
    let (ja, en) = match form {
        CodeForm::Length => (
            "コードは12字（例 7K3M-9QXT-4B2D）か、六つの言葉です。".to_owned(),
            "A code has twelve signs (like 7K3M-9QXT-4B2D) or six words.".to_owned(),
        ),
        CodeForm::Word(place) => (
            format!("{}番目の言葉は一覧にありません。聞き直してください。", place + 1),
            format!("Word {} is not in the list. Ask for it again.", place + 1),
        ),
    };
    Failure::here(Code::RequestMalformed, Place::at("/code", "PAIRING_CODE_FORM", &ja, &en))
}

fn answer(paired: Paired, from: IpAddr) -> Result<Response, Failure> {
    let blank = |id: String, label, kind| PairedView {
        id,
        label,
        kind,
        certificate: None,
        authority: None,
        expires_at: None,
        key: None,
        networks: None,
    };
    let mut cookie = None;
    let view = match paired {
        Paired::Software { id, label, certificate } => PairedView {
            certificate: Some(certificate.pem),
            authority: Some(certificate.authority),
            expires_at: Some(certificate.expires_at),
            ..blank(id.to_string(), label, Kind::Software)
        },
        Paired::Browser { id, label, cookie: value } => {
            let text =
                format!("{COOKIE}={}; Path=/; Max-Age={COOKIE_AGE}; Secure; HttpOnly; SameSite=Strict", value.as_str());
            let mut header = HeaderValue::from_str(&text).map_err(|_| Code::GatewayInternal)?;
            header.set_sensitive(true);
            cookie = Some(header);
            blank(id.to_string(), label, Kind::Browser)
        }
        Paired::Key { key, record } => PairedView {
            key: Some(key.reveal().to_string()),
            networks: Some(record.networks),
            ..blank(record.id.to_string(), record.label, Kind::Key)
        },
    };
    tracing::info!(terminal = %view.id, kind = view.kind.name(), %from, "paired");
    let mut response = (StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(view)).into_response();
    if let Some(cookie) = cookie {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}
