//! `/v1/session/hub`: who is logged in names the own user at the hub, and gives its password.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use utoipa::ToSchema;

use super::session::{SessionView, members, password_text, view};
use crate::api::Api;
use crate::api::about::About;
use crate::api::caller::Connection;
use crate::api::members::{Shape, Wiped};
use crate::api::person::logged_in;
use crate::api::problem::{Document, Failure};
use crate::api::wiped::wiped;
use crate::fault::Code;
use crate::model::hub_user::HubUser;
use crate::people::LoggedIn;
use crate::terminal::Caller;

const USER_ID: Shape = Shape {
    ja: "基盤の利用者IDです（100字まで）。",
    en: "The user id at the hub, of 100 signs at most.",
};
const PASSWORD: Shape = Shape {
    ja: "基盤のパスワードです（512字まで）。",
    en: "The password for the hub, of 512 signs at most.",
};

/// The own user at the hub.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the schema; what comes is read in memory that is wiped")]
pub(in crate::api) struct HubLoginRequest {
    /// The user id at the hub.
    #[schema(example = "AB1234")]
    user_id: String,
    /// Its password. It is kept sealed, or in memory until the session ends, by the facility's choice, and is never shown.
    password: String,
}

/// Give the own password for the hub
///
/// What one has handed in and what waits for the password goes out. It is not tried at once: what the hub thinks of it is told by
/// `GET /v1/session` and by the submissions after the next of them was sent.
#[utoipa::path(
    put, path = "/v1/session/hub", security(("session" = [])),
    request_body(content = HubLoginRequest),
    responses(
        (status = 200, description = "Taken", body = SessionView),
        (status = 403, description = "PASSWORD_ONE_TIME; AUTH_FORBIDDEN, where the role hands nothing in", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "HUB_USER_TAKEN or HUB_STAFF_LOGIN_OFF", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn give(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    connection: Connection,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let known = settled(&api, &parts, &caller).await?;
    if known.role.job_kinds().is_empty() {
        return Err(Code::AuthForbidden.into());
    }
    let mut members = members(&api, Request::from_parts(parts, body)).await?;
    let user_id = members.required("user_id", &USER_ID, |value: Wiped| HubUser::parse(&value.text()?));
    let password = members.required("password", &PASSWORD, password_text);
    members.done()?;
    let (Some(user_id), Some(password)) = (user_id, password) else { return Err(Code::GatewayInternal.into()) };
    let (people, who, user) = (api.people.clone(), caller.clone(), known.user.clone());
    let outbox = api.desk(&caller.facility)?.outbox.clone();
    let work = async move {
        let at = (who.facility.as_str(), who.id.as_str(), user.as_str());
        people.give_hub_password(at, user_id, password).await?;
        outbox.password_given(&user).await.map_err(Failure::from)
    };
    connection.detach(work).await??;
    tracing::info!(user = %known.user, "password for the hub given");
    answer(&api, caller, known).await
}

/// Take the own user at the hub away
///
/// User id and password. What one has handed in goes on waiting until one is there again, and never goes as anybody else.
#[utoipa::path(
    delete, path = "/v1/session/hub", security(("session" = [])),
    responses(
        (status = 200, description = "Taken away", body = SessionView),
        (status = 403, description = "PASSWORD_ONE_TIME", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn forget(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    connection: Connection,
    parts: Parts,
) -> Result<Response, Failure> {
    let known = settled(&api, &parts, &caller).await?;
    let (house, facility, user) = (Arc::clone(&api), caller.facility.clone(), known.user.clone());
    let work = async move { house.people.set_hub_user(&facility, &user, None, None).await };
    connection.detach(work).await??;
    answer(&api, caller, known).await
}

/// Who is logged in, with a password of the own.
async fn settled(api: &Api, parts: &Parts, caller: &Caller) -> Result<LoggedIn, Failure> {
    let known = logged_in(api, parts, caller).await?;
    if known.one_time { Err(Code::PasswordOneTime.into()) } else { Ok(known) }
}

async fn answer(api: &Api, caller: Caller, known: LoggedIn) -> Result<Response, Failure> {
    let about = About(format!("staff:{}", known.user));
    let mut response = wiped(&view(api, &caller, known).await?)?;
    response.extensions_mut().insert(about);
    Ok(response)
}
