//! `/v1/session`: a person logs in at a paired browser, and out.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tokio::time::timeout;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::api::Api;
use crate::api::about::About;
use crate::api::body::Pieces;
use crate::api::caller::Connection;
use crate::api::members::{Members, Shape, Wiped};
use crate::api::person::{COOKIE_NAME, logged_in};
use crate::api::problem::{Document, Failure, Place};
use crate::api::v1::wire::Reason;
use crate::api::wiped::wiped;
use crate::fault::Code;
use crate::order;
use crate::people::password::Weakness;
use crate::people::{self, HubAccount, LoggedIn, PeopleError, Role};
use crate::terminal::{Caller, Right};

const MAX_BODY: u32 = 4 << 10;
const USER: Shape = Shape { ja: "利用者名です。", en: "The user." };
const PASSWORD: Shape =
    Shape { ja: "パスワードです（512字まで）。", en: "The password, of 512 signs at most." };
/// Longer ones are not hashed.
const LONGEST: usize = 512;

/// Who logs in.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the schema; what comes is read in memory that is wiped")]
pub(in crate::api) struct Login {
    /// The user, as the administrator made it.
    #[schema(example = "sato")]
    user: String,
    /// The password, or the one-time password.
    password: String,
}

/// A new password.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the schema; what comes is read in memory that is wiped")]
pub(in crate::api) struct PasswordChange {
    /// The present one.
    password: String,
    /// The new one: 12 signs or more, 128 at most; neither the user nor a common word.
    new_password: String,
}

/// Somebody who is logged in.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Session)]
pub(in crate::api) struct SessionView {
    /// The user.
    #[schema(example = "sato")]
    user: String,
    /// The person's name.
    #[schema(example = "佐藤")]
    name: String,
    /// What the person is.
    role: Role,
    /// What may be done here: what the role and this terminal allow.
    rights: BTreeSet<Right>,
    /// What the administrator called this terminal.
    #[schema(example = "受付1")]
    terminal: String,
    /// The password is a one-time password: nothing may be done before it is changed.
    one_time: bool,
    /// The own user at the hub.
    hub: HubView,
    /// When the session ends, if not earlier.
    #[schema(value_type = String, format = DateTime)]
    ends_at: jiff::Timestamp,
}

/// The own user at the hub.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = SessionHub)]
pub(in crate::api) struct HubView {
    /// As whom goes what one hands in: `off` (as the facility's user), `asked` (as oneself; the password is given in each session) or
    /// `kept` (as oneself; the password is kept sealed).
    #[schema(example = "asked")]
    staff_login: &'static str,
    /// The user id.
    user_id: Option<String>,
    /// Whether its password is there.
    password: bool,
    /// The job kind, as the hub named it when it was last logged in to.
    job_kind: Option<String>,
    /// Why the last log-in at the hub failed, or `HUB_ROLE_DIFFERS`; nothing is refused for the latter.
    warning: Option<Reason>,
    /// Until when an account is locked at the hub.
    #[schema(value_type = Option<String>, format = DateTime)]
    locked_until: Option<jiff::Timestamp>,
}

impl From<HubAccount> for HubView {
    fn from(account: HubAccount) -> Self {
        let locked = account.said.trouble.filter(|(code, _)| *code == Code::HubAccountLocked);
        Self {
            staff_login: account.mode.name(),
            user_id: account.user.map(|id| id.reveal().to_owned()),
            password: account.password,
            job_kind: account.said.job_kind,
            warning: account.said.trouble.map(|(code, _)| code).or(account.warning).map(Reason::from),
            locked_until: locked.and_then(|(_, until)| until),
        }
    }
}

/// Log in
///
/// At a paired browser. After five wrong passwords the user is shut out at this terminal for five minutes, then for longer.
#[utoipa::path(
    post, path = "/v1/session", security(("session" = [])),
    request_body(content = Login),
    responses(
        (status = 200, description = "Logged in; the cookie is given", body = SessionView, headers(("Set-Cookie" = String, description = "`__Host-engawa-session`"))),
        (status = 401, description = "LOGIN_REFUSED", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "SESSION_NEEDS_BROWSER", body = Document, content_type = "application/problem+json"),
        (status = 429, description = "LOGIN_LOCKED", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn begin(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    connection: Connection,
    request: Request,
) -> Result<Response, Failure> {
    let mut members = members(&api, request).await?;
    let user = members.required("user", &USER, Wiped::text);
    let password = members.required("password", &PASSWORD, password_text);
    members.done()?;
    let (Some(user), Some(password)) = (user, password) else { return Err(Code::GatewayInternal.into()) };
    // A terminal that is somebody's own lets nobody else in; what is said is the same as of any other stranger.
    let own = caller.person.as_ref().is_none_or(|bound| bound.user == *user);
    let asked = if own { user } else { Zeroizing::new(String::new()) };
    let (house, who) = (Arc::clone(&api), caller.clone());
    let work = async move { house.people.log_in(&who.facility, &who.id, &asked, password).await };
    let (session, known) = connection.detach(work).await??;
    tracing::info!(user = %known.user, role = known.role.name(), terminal = %caller.id, "logged in");
    let about = About(format!("staff:{}", known.user));
    let view = view(&api, &caller, known).await?;
    let mut response = with_cookie(wiped(&view)?, Some(&session));
    response.extensions_mut().insert(about);
    Ok(response)
}

/// Who is logged in
#[utoipa::path(
    get, path = "/v1/session", security(("session" = [])),
    responses((status = 200, description = "The person", body = SessionView))
)]
pub(in crate::api) async fn show(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    parts: Parts,
) -> Result<Response, Failure> {
    let known = logged_in(&api, &parts, &caller).await?;
    wiped(&view(&api, &caller, known).await?)
}

/// Log out
///
/// Streams and card sessions of this terminal end.
#[utoipa::path(
    delete, path = "/v1/session", security(("session" = [])),
    responses((status = 204, description = "Logged out; the cookie is taken back"))
)]
pub(in crate::api) async fn end(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    connection: Connection,
) -> Result<Response, Failure> {
    let terminal = caller.id.clone();
    connection.detach(async move { api.people.log_out(&terminal).await }).await??;
    Ok(with_cookie(StatusCode::NO_CONTENT.into_response(), None))
}

/// Change the own password
///
/// Every session of the person ends but this one, which goes on under a new cookie.
#[utoipa::path(
    post, path = "/v1/session/password", security(("session" = [])),
    request_body(content = PasswordChange),
    responses(
        (status = 200, description = "Changed; a new cookie is given", body = SessionView, headers(("Set-Cookie" = String, description = "`__Host-engawa-session`"))),
        (status = 401, description = "LOGIN_REFUSED: the present password is wrong", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "PASSWORD_WEAK", body = Document, content_type = "application/problem+json"),
        (status = 429, description = "LOGIN_LOCKED", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn password(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    connection: Connection,
    request: Request,
) -> Result<Response, Failure> {
    let mut members = members(&api, request).await?;
    let present = members.required("password", &PASSWORD, password_text);
    let new = members.required("new_password", &PASSWORD, password_text);
    members.done()?;
    let (Some(present), Some(new)) = (present, new) else { return Err(Code::GatewayInternal.into()) };
    let user = caller.person.as_ref().map(|person| person.user.clone()).ok_or(Code::LoginRequired)?;
    let (house, who) = (Arc::clone(&api), caller.clone());
    let work = async move { house.people.change_password(&who.facility, &who.id, &user, (present, new)).await };
    let (session, known) = connection.detach(work).await?.map_err(weak)?;
    tracing::info!(user = %known.user, "password changed");
    let view = view(&api, &caller, known).await?;
    Ok(with_cookie(wiped(&view)?, Some(&session)))
}

pub(super) async fn members(api: &Api, request: Request) -> Result<Members, Failure> {
    let (parts, mut body) = Pieces::of(request, MAX_BODY.into(), api.config.body_idle);
    let whole = timeout(api.config.request, body.secret_json(&parts, MAX_BODY)).await;
    // Passwords may hold signs that JSON has to escape.
    Members::read(&whole.map_err(|_| Code::RequestTimeout)??)
}

pub(super) fn password_text(value: Wiped) -> Option<Zeroizing<String>> {
    value.text().filter(|text| !text.is_empty() && text.chars().count() <= LONGEST)
}

fn weak(error: PeopleError) -> Failure {
    let PeopleError::Weak(weakness) = error else { return error.into() };
    let (code, ja, en) = match weakness {
        Weakness::Short => ("PASSWORD_SHORT", "12字以上にしてください。", "Use 12 signs or more."),
        Weakness::Long => ("PASSWORD_LONG", "128字以内にしてください。", "Use 128 signs at most."),
        Weakness::User => {
            ("PASSWORD_USER", "利用者名そのままに近いものは使えません。", "It is little more than the user's name.")
        }
        Weakness::Common => (
            "PASSWORD_COMMON",
            "よく使われる言葉や並びだけのものは使えません。関係のない言葉をいくつか並べるのがよい方法です。",
            "It is one of those that are tried first. Several words that have nothing to do with each other make a good one.",
        ),
        Weakness::Same => ("PASSWORD_SAME", "今のパスワードとは別のものにしてください。", "It is the present one."),
    };
    Failure::here(Code::PasswordWeak, Place::at("/new_password", code, ja, en))
}

pub(super) async fn view(api: &Api, caller: &Caller, known: LoggedIn) -> Result<SessionView, Failure> {
    let account = api.people.account(&caller.facility, &known.user).await?;
    let hub = api.people.hub_account(&caller.facility, &known.user).await?.into();
    let terminals = api.terminals.list(&caller.facility).await?;
    let own = terminals.into_iter().find(|record| record.id.as_str() == caller.id);
    let allowed = known.role.rights();
    Ok(SessionView {
        name: account.name.reveal().to_owned(),
        user: known.user,
        role: known.role,
        rights: order::set(caller.rights.iter().filter(|right| allowed.contains(right))),
        terminal: own.map(|record| record.label).unwrap_or_default(),
        one_time: known.one_time,
        hub,
        ends_at: known.ends_at,
    })
}

/// A session's cookie ends with the browser; the box ends it earlier.
fn with_cookie(mut response: Response, session: Option<&people::Session>) -> Response {
    let ended = if session.is_some() { "" } else { "; Max-Age=0" };
    let value = session.map_or("", people::Session::reveal);
    let cookie = Zeroizing::new(format!("{COOKIE_NAME}={value}; Path=/; Secure; HttpOnly; SameSite=Strict{ended}"));
    if let Ok(mut cookie) = HeaderValue::from_str(&cookie) {
        cookie.set_sensitive(true);
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}
