//! The door of every route: who may come in, a bound on concurrent requests, a time limit, strict parameters.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::Semaphore;

use super::Api;
use super::caller::{Connection, Door, admit, from_lan};
use super::problem::{Failure, Place};
use super::standing::cut;
use crate::fault::Code;
use crate::terminal::{Caller, Credential, Right};

/// How one route is guarded.
#[derive(Clone)]
pub(super) struct Guard {
    /// What it is a route of.
    pub(super) api: Arc<Api>,
    /// Who is let in.
    pub(super) door: Door,
    /// Any one of these rights lets a caller in, where the door asks for one.
    pub(super) rights: &'static [Right],
    /// The query parameters it knows.
    pub(super) query: Arc<[String]>,
    /// Seats shared by all guarded routes; `None` for those that must answer under any load.
    pub(super) seats: Option<Arc<Semaphore>>,
    /// How long it may take; `None` where the handler keeps its own time.
    pub(super) limit: Option<Duration>,
}

/// The layer in front of each handler.
pub(super) async fn guard(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let seat = match guard.seats.as_ref().map(|seats| Arc::clone(seats).try_acquire_owned()) {
        None => None,
        Some(Ok(seat)) => Some(Arc::new(seat)),
        Some(Err(_)) => return Failure::from(Code::GatewayBusy).into_response(),
    };
    if let Some(connection) = request.extensions_mut().get_mut::<Connection>() {
        connection.seat.clone_from(&seat);
    }
    let wrong = query_errors(request.uri().query().unwrap_or_default(), &guard.query);
    if !wrong.is_empty() {
        return Failure::at(Code::RequestMalformed, wrong).into_response();
    }
    let (mut parts, body) = request.into_parts();
    let open =
        matches!(guard.door, Door::Open | Door::Certificate) || (guard.door == Door::Inside && !from_lan(&parts));
    if open {
        return run(&guard, Request::from_parts(parts, body), next).await;
    }
    let caller = match admit(&guard.api, &parts, guard.door, guard.rights).await {
        Ok(caller) => caller,
        Err(failure) => return failure.into_response(),
    };
    let mut standing = caller.clone();
    parts.extensions.insert(caller);
    if matches!(guard.door, Door::Browser | Door::Person) {
        // Whoever logs out is not to be cut off before being told so.
        standing.person = None;
    }
    if let Some(connection) = parts.extensions.get::<Connection>() {
        connection.ties.tie(&guard.api, &standing);
    }
    run_while_standing(&guard, &standing, Request::from_parts(parts, body), next).await
}

async fn run(guard: &Guard, request: Request, next: Next) -> Response {
    let Some(limit) = guard.limit else { return next.run(request).await };
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Failure::from(Code::GatewayBusy).into_response(),
    }
}

/// Whoever is shut out meanwhile is told so; what was begun and has to be finished goes on without them.
async fn run_while_standing(guard: &Guard, caller: &Caller, request: Request, next: Next) -> Response {
    if caller.credential == Credential::Local {
        return run(guard, request, next).await;
    }
    tokio::select! {
        response = run(guard, request, next) => response,
        () = cut(&guard.api, caller) => {
            let mut response = Failure::from(Code::AuthInvalid).into_response();
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            response
        }
    }
}

/// A misspelt parameter that is passed over in silence shows its sender the wrong list.
fn query_errors(query: &str, known: &[String]) -> Vec<Place> {
    let names = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split('=').next().unwrap_or_default());
    let mut seen = Vec::new();
    let mut wrong = Vec::new();
    for name in names {
        if !known.iter().any(|known| known == name) {
            wrong.push(Place::parameter(
                printable(name),
                "PARAMETER_UNKNOWN",
                "このパラメーターはここでは使えません。名前を確かめてください。",
                "This parameter is not known here. Check its name.",
            ));
        } else if seen.contains(&name) {
            wrong.push(Place::parameter(
                name,
                "PARAMETER_REPEATED",
                "同じパラメーターが二度あります。一つにしてください。",
                "The parameter is given twice. Give it once.",
            ));
        }
        seen.push(name);
        if wrong.len() >= 20 {
            break;
        }
    }
    wrong
}

fn printable(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}
