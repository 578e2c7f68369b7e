//! `/v1/staff`: the administrator makes, changes and lists the accounts of people.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use jiff::civil::Date;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::about::About;
use crate::api::body::Pieces;
use crate::api::caller::{Admin, Connection, With, authorise};
use crate::api::problem::{Document, Failure, Place};
use crate::api::strict_json;
use crate::api::wiped::wiped;
use crate::fault::Code;
use crate::model::hub_user::HubUser;
use crate::people::{Account, Change, Name, NewAccount, Role, User};
use crate::terminal::{Caller, Right};

const MAX_BODY: u64 = 4 << 10;

/// An account to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct StaffRequest {
    /// What is typed at log-in, and stands in the trail: 2 to 32 of `a-z 0-9 . _ -`, a letter first. Not the person's name.
    #[schema(example = "sato")]
    user: String,
    /// The person's name, 1 to 64 signs.
    #[schema(example = "佐藤")]
    name: String,
    /// What the person is.
    role: Role,
    /// The last day; the account ends with it, at midnight in Japan.
    #[schema(value_type = Option<String>, format = Date)]
    leaves_on: Option<Date>,
    /// The person's own user id at the hub; nobody else's, and not the facility's.
    #[schema(example = "AB1234")]
    hub_user: Option<String>,
}

/// What is to change of an account; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct StaffChange {
    /// The person's name, 1 to 64 signs.
    name: Option<String>,
    /// What the person is.
    role: Option<Role>,
    /// The last day; `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = Date)]
    leaves_on: Option<Option<Date>>,
    /// Whether the account is shut.
    suspended: Option<bool>,
    /// The person's own user id at the hub; `null` takes it away. Another one takes the password away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    hub_user: Option<Option<String>>,
}

/// Tells what was given as `null` from what was left out.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// An account.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Staff)]
pub(in crate::api) struct StaffView {
    /// What is typed at log-in.
    #[schema(example = "sato")]
    user: String,
    /// The person's name.
    #[schema(example = "佐藤")]
    name: String,
    /// What the person is.
    role: Role,
    /// Whether the person may come in today.
    active: bool,
    /// Shut by an administrator.
    suspended: bool,
    /// The last day.
    #[schema(value_type = Option<String>, format = Date)]
    leaves_on: Option<Date>,
    /// The password is a one-time password that was not changed yet.
    one_time: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: jiff::Timestamp,
    /// When somebody last logged in with it.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_login_at: Option<jiff::Timestamp>,
    /// The person's own user id at the hub.
    hub_user: Option<String>,
}

/// An account with a fresh one-time password, which is shown this once.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct StaffWithPassword {
    /// Opens the account for seven days; has to be changed at the first log-in.
    #[schema(example = "7K3M-9QXT-4B2D-H0WZ")]
    one_time_password: String,
    /// The account.
    #[serde(flatten)]
    account: StaffView,
}

/// The accounts.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct StaffList {
    /// By user; those who have left too.
    items: Vec<StaffView>,
}

impl From<Account> for StaffView {
    fn from(account: Account) -> Self {
        Self {
            name: account.name.reveal().to_owned(),
            user: account.user,
            role: account.role,
            active: account.active,
            suspended: account.suspended,
            leaves_on: account.leaves_on,
            one_time: account.one_time,
            created_at: account.created_at,
            last_login_at: account.last_login_at,
            hub_user: account.hub_user.map(|id| id.reveal().to_owned()),
        }
    }
}

/// List accounts
#[utoipa::path(
    get, path = "/v1/staff", security(("key" = ["admin"]), ("session" = ["admin"])),
    responses((status = 200, description = "The facility's accounts", body = StaffList))
)]
pub(in crate::api) async fn list(State(api): State<Arc<Api>>, by: With<Admin>) -> Result<Response, Failure> {
    let items = api.people.accounts(&by.caller.facility).await?.into_iter().map(StaffView::from).collect();
    wiped(&StaffList { items })
}

/// Make an account
///
/// The answer holds its one-time password, this once.
#[utoipa::path(
    post, path = "/v1/staff", security(("key" = ["admin"]), ("session" = ["admin"])),
    request_body(content = StaffRequest),
    responses(
        (status = 201, description = "Made", body = StaffWithPassword),
        (status = 409, description = "STAFF_EXISTS or HUB_USER_TAKEN", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn add(
    State(api): State<Arc<Api>>,
    connection: Connection,
    request: Request,
) -> Result<Response, Failure> {
    let (caller, value) = read(&api, request).await?;
    let new = new_account(value)?;
    tracing::info!(user = %new.user, role = new.role.name(), by = %caller.id, "account to be made");
    let about = about(&new.user);
    let adding = async move { api.people.add(&caller.facility, new).await };
    let (account, password) = connection.detach(adding).await??;
    let view = StaffWithPassword { one_time_password: password.to_string(), account: account.into() };
    Ok((StatusCode::CREATED, Extension(about), wiped(&view)?).into_response())
}

/// Change an account
///
/// Who is suspended, has left or gets another role is logged out at once; keys and terminals bound to whoever may not come in stop.
#[utoipa::path(
    patch, path = "/v1/staff/{user}", security(("key" = ["admin"]), ("session" = ["admin"])),
    params(("user" = String, Path, description = "The user")),
    request_body(content = StaffChange),
    responses(
        (status = 200, description = "The account as it is by then", body = StaffView),
        (status = 409, description = "HUB_USER_TAKEN", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn change(
    State(api): State<Arc<Api>>,
    connection: Connection,
    Path(user): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (caller, value) = read(&api, request).await?;
    let user = User::parse(&user).ok_or(Code::RequestNotFound)?;
    let change = parse_change(value)?;
    tracing::info!(%user, by = %caller.id, "account to be changed");
    let about = about(&user);
    let changing = async move { api.people.change(&caller.facility, user.as_str(), change).await };
    let view = StaffView::from(connection.detach(changing).await??);
    Ok((Extension(about), wiped(&view)?).into_response())
}

/// Give a new one-time password
///
/// Who is logged in with the account is logged out.
#[utoipa::path(
    post, path = "/v1/staff/{user}/password", security(("key" = ["admin"]), ("session" = ["admin"])),
    params(("user" = String, Path, description = "The user")),
    responses((status = 200, description = "The one-time password, this once", body = StaffWithPassword))
)]
pub(in crate::api) async fn password(
    State(api): State<Arc<Api>>,
    connection: Connection,
    by: With<Admin>,
    Path(user): Path<String>,
) -> Result<Response, Failure> {
    let user = User::parse(&user).ok_or(Code::RequestNotFound)?;
    tracing::info!(%user, by = %by.caller.id, "one-time password to be given");
    let facility = by.caller.facility;
    let about = about(&user);
    let setting = async move { api.people.reset_password(&facility, user.as_str()).await };
    let (account, password) = connection.detach(setting).await??;
    let view = StaffWithPassword { one_time_password: password.to_string(), account: account.into() };
    Ok((Extension(about), wiped(&view)?).into_response())
}

/// The account, for the trail.
pub(super) fn about(user: &User) -> About {
    About(format!("staff:{user}"))
}

pub(super) async fn read(api: &Api, request: Request) -> Result<(Caller, Value), Failure> {
    let (parts, mut body) = Pieces::of(request, MAX_BODY, api.config.body_idle);
    let caller = authorise(&parts, Right::Admin)?;
    let whole = timeout(api.config.request, body.json(&parts, MAX_BODY)).await.map_err(|_| Code::RequestTimeout)??;
    Ok((caller, strict_json::parse(&whole)?))
}

fn new_account(value: Value) -> Result<NewAccount, Failure> {
    let StaffRequest { user, name, role, leaves_on, hub_user } =
        serde_json::from_value(value).map_err(|_| wrong(""))?;
    Ok(NewAccount {
        user: User::parse(&user).ok_or_else(|| wrong("/user"))?,
        name: Name::parse(&name).ok_or_else(|| wrong("/name"))?,
        role,
        leaves_on,
        hub_user: hub_user.as_deref().map(parse_hub_user).transpose()?,
    })
}

fn parse_hub_user(text: &str) -> Result<HubUser, Failure> {
    HubUser::parse(text).ok_or_else(|| wrong("/hub_user"))
}

fn parse_change(value: Value) -> Result<Change, Failure> {
    let StaffChange { name, role, leaves_on, suspended, hub_user } =
        serde_json::from_value(value).map_err(|_| wrong(""))?;
    let name = name.map(|name| Name::parse(&name).ok_or_else(|| wrong("/name"))).transpose()?;
    let hub_user = hub_user.map(|id| id.as_deref().map(parse_hub_user).transpose()).transpose()?;
    Ok(Change { name, role, leaves_on, suspended, hub_user })
}

fn wrong(pointer: &str) -> Failure {
    Failure::here(
        Code::RequestMalformed,
        Place::at(
            pointer,
            "STAFF_FORM",
            "職員には user（英小文字で始まる英数字 . _ - の2〜32字）、name（1〜64字）、role（administrator・care-manager・clerk・doctor・vendor）が要ります。leaves_on は年月日、suspended は true か false、hub_user は基盤の利用者ID（1行100字まで）です。",
            "An account needs user (2 to 32 of a-z 0-9 . _ -, a letter first), name (1 to 64 signs) and role (administrator, care-manager, clerk, doctor, vendor). leaves_on is a date, suspended true or false, hub_user a user id at the hub (one line of 100 signs at most).",
        ),
    )
}
