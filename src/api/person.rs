//! The person behind a request: who has logged in at a browser, or to whom a key or a terminal is bound.
//!
//! Rights are those that the terminal has and the person's role allows, never one of them alone.

use axum::http::request::Parts;

use super::Api;
use super::caller::Door;
use super::problem::{Failure, Place};
use super::shown::cookie;
use crate::fault::Code;
use crate::people::{LoggedIn, PeopleError, Role};
use crate::terminal::{Caller, Person};

/// The cookie that a log-in gives.
pub(super) const COOKIE_NAME: &str = "__Host-engawa-session";

/// The caller as the person that acts, with what that person may do.
///
/// # Errors
/// `AUTH_INVALID` if the person to whom the credential is bound may not come in; `LOGIN_REQUIRED`, `PASSWORD_ONE_TIME` or
/// `SESSION_NEEDS_BROWSER` where somebody has to be logged in.
pub(super) async fn acting(api: &Api, parts: &Parts, mut caller: Caller, door: Door) -> Result<Caller, Failure> {
    if let Some(bound) = caller.person.take() {
        let role = api.people.role(&caller.facility, &bound.user).await?.ok_or(Code::AuthInvalid)?;
        caller = as_role(caller, bound.user, role);
    }
    if !caller.browser {
        let by_rights = matches!(door, Door::Rights | Door::Box | Door::Inside | Door::Local);
        return if by_rights { Ok(caller) } else { Err(Code::SessionNeedsBrowser.into()) };
    }
    if door == Door::Browser {
        return Ok(caller);
    }
    let known = logged_in(api, parts, &caller).await?;
    if caller.person.as_ref().is_some_and(|bound| bound.user != known.user) {
        return Err(Code::LoginRequired.into());
    }
    if known.one_time && door != Door::Person {
        return Err(Code::PasswordOneTime.into());
    }
    Ok(as_role(caller, known.user, known.role))
}

/// Who has logged in at the browser that `caller` is.
///
/// # Errors
/// `LOGIN_REQUIRED`, or the code of a store that cannot be read.
pub(super) async fn logged_in(api: &Api, parts: &Parts, caller: &Caller) -> Result<LoggedIn, Failure> {
    let cookie = cookie(parts, COOKIE_NAME)?.ok_or(Code::LoginRequired)?;
    Ok(api.people.person(&caller.facility, &caller.id, cookie).await?.ok_or(Code::LoginRequired)?)
}

/// That somebody to whom a key or a terminal is to be bound is of the facility's staff, and may come in.
///
/// # Errors
/// `REQUEST_MALFORMED` at `/person`, or the code of a store that cannot be read.
pub(super) async fn of_the_staff(api: &Api, facility: &str, person: Option<&str>) -> Result<(), Failure> {
    let Some(user) = person else { return Ok(()) };
    if api.people.role(facility, user).await?.is_some() {
        return Ok(());
    }
    let place = Place::at(
        "/person",
        "PERSON_NOT_STAFF",
        "その利用者名の職員はいないか、停止中か、退職しています。engawa staff list で確かめてください。",
        "There is no account of that name, or it is suspended or has left. See engawa staff list.",
    );
    Err(Failure::here(Code::RequestMalformed, place))
}

fn as_role(mut caller: Caller, user: String, role: Role) -> Caller {
    caller.rights = caller.rights.both(role.rights().iter().collect());
    caller.person = Some(Person { user, role: role.name() });
    caller
}

/// Whether the person in whose name `caller` came in may still act: asked by what lasts.
///
/// # Errors
/// The code of a store that cannot be read.
pub(super) async fn stands(api: &Api, caller: &Caller) -> Result<bool, Failure> {
    match &caller.person {
        None => Ok(true),
        Some(person) if caller.browser => Ok(api.people.stands(&caller.facility, &caller.id, &person.user).await?),
        // Another role has other rights.
        Some(person) => {
            let role = api.people.role(&caller.facility, &person.user).await?;
            Ok(role.is_some_and(|role| role.name() == person.role))
        }
    }
}

impl From<PeopleError> for Failure {
    fn from(error: PeopleError) -> Self {
        let wait = match &error {
            // Rounded up: who comes when told is let in.
            PeopleError::Locked { wait } | PeopleError::TrySpent { wait } => Some(wait.as_secs().saturating_add(1)),
            _ => None,
        };
        Self::from(error.code()).waiting(wait).because(error)
    }
}
