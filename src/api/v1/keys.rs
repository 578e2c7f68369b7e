//! `/v1/keys`: the administrator makes, lists and revokes API keys.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use ipnet::IpNet;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::about::About;
use crate::api::body::Pieces;
use crate::api::caller::{Admin, Connection, With, authorise, for_whole_box};
use crate::api::person::of_the_staff;
use crate::api::problem::{Failure, Place};
use crate::api::strict_json;
use crate::card::Terminal;
use crate::fault::Code;
use crate::terminal::{KeyError, KeyId, KeyRecord, NewKey, Right};

const MAX_BODY: u64 = 16 << 10;

/// A key to be made.
#[derive(serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct KeyRequest {
    /// What to call it, for example the name of the program; 1 to 64 characters.
    #[schema(example = "カルテソフト 1号機")]
    label: String,
    /// What its holder may do; at least one.
    #[schema(value_type = Vec<Right>)]
    rights: BTreeSet<Right>,
    /// The facility on whose behalf its holder acts: the gateway's own, and that if not given.
    #[schema(example = "1370000018")]
    facility: Option<String>,
    /// The networks (CIDR) or addresses from which alone it is taken; on the box itself, if none is given.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["192.168.10.0/24"]))]
    networks: Vec<String>,
    /// The account to which it is bound: it ends with the person's last day.
    #[schema(example = "sato")]
    person: Option<String>,
    /// From when on it is refused.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<jiff::Timestamp>,
}

/// A key, without its secret.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Key)]
pub(in crate::api) struct KeyView {
    /// The public part.
    #[schema(example = "3f9c0a1b2d4e")]
    id: String,
    /// What the administrator calls it.
    label: String,
    /// The facility on whose behalf its holder acts.
    facility: String,
    /// What its holder may do.
    rights: BTreeSet<Right>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: jiff::Timestamp,
    /// When it was last used, to the hour.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<jiff::Timestamp>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<jiff::Timestamp>,
    /// Where alone it is taken; empty: on the box itself.
    #[schema(value_type = Vec<String>)]
    networks: Vec<IpNet>,
    /// The account to which it is bound.
    person: Option<String>,
    /// From when on it is refused.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<jiff::Timestamp>,
}

/// A key just made. The secret is shown this once.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct NewKeyView {
    /// The whole key, for `Authorization: Bearer`.
    #[schema(example = "engawa_3f9c0a1b2d4e_…")]
    key: String,
    /// Its record.
    #[serde(flatten)]
    record: KeyView,
}

/// All keys.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct KeyList {
    /// Oldest first, revoked ones too.
    items: Vec<KeyView>,
}

impl From<KeyRecord> for KeyView {
    fn from(record: KeyRecord) -> Self {
        Self {
            id: record.id.to_string(),
            label: record.label,
            facility: record.facility,
            rights: record.rights,
            created_at: record.created_at,
            last_used_at: record.last_used_at,
            revoked_at: record.revoked_at,
            networks: record.networks,
            person: record.person,
            expires_at: record.expires_at,
        }
    }
}

/// List keys
///
/// Those of the caller's facility; for the administrator of the box, on the Unix socket, all, unless it names a facility (`Engawa-Facility`).
#[utoipa::path(
    get, path = "/v1/keys", security(("key" = ["admin"])),
    responses((status = 200, description = "All keys, without secrets", body = KeyList))
)]
pub(in crate::api) async fn list(
    State(api): State<Arc<Api>>,
    by: With<Admin>,
    headers: HeaderMap,
) -> Result<Json<KeyList>, Failure> {
    let all = for_whole_box(&headers, &by.caller);
    let own = api.keys.list().await?.into_iter().filter(|record| all || record.facility == by.caller.facility);
    let items = own.map(KeyView::from).collect();
    Ok(Json(KeyList { items }))
}

/// Make a key
///
/// The answer holds the secret, this once.
#[utoipa::path(
    post, path = "/v1/keys", security(("key" = ["admin"])),
    request_body(content = KeyRequest),
    responses((status = 201, description = "Made, and in force at once", body = NewKeyView))
)]
pub(in crate::api) async fn add(
    State(api): State<Arc<Api>>,
    connection: Connection,
    request: Request,
) -> Result<impl IntoResponse, Failure> {
    let (parts, mut body) = Pieces::of(request, MAX_BODY, api.config.body_idle);
    let caller = authorise(&parts, Right::Admin)?;
    let limit = api.config.request;
    let whole = timeout(limit, body.json(&parts, MAX_BODY)).await.map_err(|_| Code::RequestTimeout)??;
    let value = strict_json::parse(&whole)?;
    let new = parse(value, &caller.facility)?;
    of_the_staff(&api, &new.facility, new.person.as_deref()).await?;
    let adding = connection.detach(async move { api.keys.add(new).await });
    let (key, record) = timeout(limit, adding).await.map_err(|_| Code::GatewayBusy)???;
    tracing::info!(key = %record.id, by = %caller.id, "API key made");
    let view = NewKeyView { key: key.reveal().to_string(), record: record.into() };
    let about = Extension(About(format!("key:{}", view.record.id)));
    Ok((StatusCode::CREATED, about, [(CACHE_CONTROL, "no-store")], Json(view)))
}

fn parse(value: serde_json::Value, own_facility: &str) -> Result<NewKey, Failure> {
    let request = serde_json::from_value(value).map_err(|_| wrong(""))?;
    let KeyRequest { label, rights, facility, networks, person, expires_at } = request;
    let facility = facility.unwrap_or_else(|| own_facility.to_owned());
    if facility != own_facility {
        return Err(foreign());
    }
    let nobody = person.as_deref().is_some_and(unknown_user);
    let bad = [("/label", !plain(&label)), ("/rights", rights.is_empty()), ("/person", nobody)];
    if let Some((pointer, _)) = bad.iter().find(|(_, bad)| *bad) {
        return Err(wrong(pointer));
    }
    let networks =
        networks.iter().map(|text| network(text)).collect::<Option<_>>().ok_or_else(|| wrong("/networks"))?;
    Ok(NewKey { label, facility, rights, networks, person, expires_at })
}

/// Whether a text may be a label.
pub(super) fn plain(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 64 && !text.contains(char::is_control)
}

/// A network, or a single address.
pub(super) fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().map(|network| network.trunc()).or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Whether a text cannot be anybody's account.
pub(super) fn unknown_user(user: &str) -> bool {
    !(1..=32).contains(&user.len()) || !user.bytes().all(|byte| byte.is_ascii_graphic())
}

fn wrong(pointer: &str) -> Failure {
    Failure::here(
        Code::RequestMalformed,
        Place::at(
            pointer,
            "KEY_FORM",
            "キーには label（1〜64字）と rights（submit・read・manage・receive・card・card-apdu・admin から一つ以上）が要ります。networks はCIDR、expires_at は日時（RFC 3339）です。",
            "A key needs a label (1 to 64 characters) and rights (one or more of submit, read, manage, receive, card, card-apdu, admin). networks are CIDR, expires_at is a time (RFC 3339).",
        ),
    )
}

/// The certificate is of one facility: what was sent in another's name would go out in this one's.
fn foreign() -> Failure {
    Failure::here(
        Code::RequestMalformed,
        Place::at(
            "/facility",
            "KEY_FACILITY",
            "自分の事業所の番号だけが使えます。省くか、その番号にしてください。別の事業所のキーは Engawa-Facility（--facility）を付けて作ります。",
            "Only the facility that this request is for can be named. Leave it out; for another one send Engawa-Facility (--facility).",
        ),
    )
}

/// Revoke a key
///
/// For good, and at once; its card sessions end.
#[utoipa::path(
    delete, path = "/v1/keys/{id}", security(("key" = ["admin"])),
    params(("id" = String, Path, description = "The public part of the key")),
    responses((status = 204, description = "Revoked"))
)]
pub(in crate::api) async fn revoke(
    State(api): State<Arc<Api>>,
    connection: Connection,
    by: With<Admin>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let any = for_whole_box(&headers, &by.caller);
    let id = KeyId::parse(&id).ok_or(Code::RequestNotFound)?;
    tracing::info!(key = %id, by = %by.caller.id, "API key to be revoked");
    let revoking = async move {
        let facility = (!any).then_some(by.caller.facility.as_str());
        api.keys.revoke(facility, &id).await?;
        Ok::<_, KeyError>(api.cards.revoke_terminal(&Terminal(id.to_string())))
    };
    connection.detach(revoking).await??;
    Ok(StatusCode::NO_CONTENT)
}
