//! `/v1/staff/{user}/hub-try`: the administrator lets one password more be sent to the hub for somebody.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::staff::{about, read};
use crate::api::Api;
use crate::api::caller::Connection;
use crate::api::problem::{Document, Failure, Place};
use crate::api::wiped::wiped;
use crate::fault::Code;
use crate::people::{TryGiven, User};

/// What the administrator knows before another password is sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct HubTryRequest {
    /// `true`: since the hub refused the last password, the person has logged in at the hub's browser service, so that the hub counts wrong
    /// passwords from nothing.
    #[schema(example = true)]
    logged_in_at_hub: bool,
}

/// What came of it.
#[derive(Serialize, ToSchema)]
#[schema(as = HubTry)]
pub(in crate::api) struct HubTryView {
    /// Whose it is.
    #[schema(example = "sato")]
    user: String,
    /// Whether two passwords that the hub refused within a day stood in the way; `false`: nothing could be cut short, and nothing was changed.
    given: bool,
    /// Whether the person has to give a password first: none is there, or the hub refused the one that is, which is never sent again.
    needs_password: bool,
    /// No password is sent before this time; `null`: at once, where it is there.
    #[schema(value_type = Option<String>, format = DateTime)]
    waits_until: Option<jiff::Timestamp>,
}

/// Let one password more be sent to the hub
///
/// For somebody of whom the hub has refused two within a day, and whose documents wait with `HUB_LOGIN_CAUTIOUS`. Before, the person logs in
/// at the hub's browser service: that shows which password is right, and the hub counts wrong ones from nothing. Then the person gives it
/// (`PUT /v1/session/hub`). One wrong password more and the account waits again; the next try may be given after a day. No order sends
/// more than two wrong passwords of a user within `hub.login_window_s`. Where one was refused and the answer to another was lost, or nothing
/// but lost answers stands in the way, no order helps: that is over after `hub.login_window_s` at most.
#[utoipa::path(
    post, path = "/v1/staff/{user}/hub-try", security(("key" = ["admin"]), ("session" = ["admin"])),
    params(("user" = String, Path, description = "The user")),
    request_body(content = HubTryRequest),
    responses(
        (status = 200, description = "Given, or not needed", body = HubTryView),
        (status = 409, description = "HUB_TRY_SPENT (`retry_after`) or HUB_STAFF_LOGIN_OFF", body = Document, content_type = "application/problem+json"),
    )
)]
pub(in crate::api) async fn hub_try(
    State(api): State<Arc<Api>>,
    connection: Connection,
    Path(user): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (caller, value) = read(&api, request).await?;
    let user = User::parse(&user).ok_or(Code::RequestNotFound)?;
    // Of whom there is nothing here, nothing is to be told: not even what should have been said.
    api.people.account(&caller.facility, user.as_str()).await?;
    match serde_json::from_value(value) {
        Ok(HubTryRequest { logged_in_at_hub: true }) => {}
        _ => return Err(unsaid()),
    }
    tracing::info!(%user, by = %caller.id, "another try at the hub to be given");
    let about = about(&user);
    let giving = async move {
        let TryGiven { given, needs_password, waits_until } =
            api.people.another_try(&caller.facility, user.as_str()).await?;
        // Also where it was not needed: it may have been given before, and the box stopped before what waits was told.
        api.desk(&caller.facility)?.outbox.password_given(user.as_str()).await?;
        let user = user.to_string();
        Ok::<_, Failure>(HubTryView { user, given, needs_password, waits_until })
    };
    Ok((Extension(about), wiped(&connection.detach(giving).await??)?).into_response())
}

fn unsaid() -> Failure {
    Failure::here(
        Code::RequestMalformed,
        Place::at(
            "/logged_in_at_hub",
            "HUB_TRY_FORM",
            "先に本人が介護WEBサービスにログインできることを確かめてください。基盤の誤り回数が消え、ロックを避けられます。確かめたら logged_in_at_hub を true にします。",
            "First see that the person can log in at the hub's browser service: the hub then forgets the wrong passwords, and locks nobody out. Then set logged_in_at_hub to true.",
        ),
    )
}
