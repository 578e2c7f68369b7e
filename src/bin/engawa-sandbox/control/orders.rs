//! What all orders share, and those about the hub as a whole. A refused order is 400 or 404 with one sentence in `error`.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::cli::Failure;
use crate::clock::stamp;
use crate::hub::Event;
use crate::run::Sandbox;

pub(super) type Shared = State<Arc<Sandbox>>;
pub(super) type Reply = Result<Json<Value>, Refused>;

/// Why an order was not carried out.
pub(super) struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, failure.to_string())
    }
}

pub(super) fn bad(why: impl Into<Failure>) -> Refused {
    Refused(StatusCode::BAD_REQUEST, why.into().to_string())
}

pub(super) fn absent(what: &str) -> Refused {
    Refused(StatusCode::NOT_FOUND, format!("no such {what}"))
}

/// The body as an order, whatever its content type says.
pub(super) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(bad)
}

pub(super) fn done() -> Reply {
    Ok(Json(json!({"done": true})))
}

/// `GET /control/status`
pub(super) async fn status(State(sandbox): Shared) -> Reply {
    let now = sandbox.clock.now();
    let mut hub = sandbox.hub();
    hub.settle(now)?;
    Ok(Json(json!({
        "up": sandbox.power.is_up(), "now": stamp(now), "seed": hub.seed, "starts": hub.boots,
        "totals": hub.summary(), "calls": sandbox.calls(), "at_work": sandbox.at_work(),
        "connections": sandbox.lines.facts(),
        "accounts": hub.account_facts(), "faults": sandbox.faults().list(),
    })))
}

/// `GET /control/facts[?key=UUID]`
pub(super) async fn facts(State(sandbox): Shared, Query(query): Query<KeyQuery>) -> Reply {
    let now = sandbox.clock.now();
    let mut hub = sandbox.hub();
    hub.settle(now)?;
    let mut facts = hub.facts();
    if let Some(key) = query.key.map(|key| key.to_string()) {
        for list in ["accepted", "keys", "careplans", "acks"] {
            if let Some(list) = facts.get_mut(list).and_then(Value::as_array_mut) {
                list.retain(|one| one.get("key").and_then(Value::as_str) == Some(&key));
            }
        }
    }
    Ok(Json(facts))
}

#[derive(Deserialize)]
pub(super) struct KeyQuery {
    key: Option<uuid::Uuid>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Which {
    Access,
    Idle,
    All,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expire {
    expire: Which,
}

/// `POST /control/tokens {"expire":"access"|"all"}`
pub(super) async fn tokens(State(sandbox): Shared, body: Bytes) -> Reply {
    let Expire { expire } = read(&body)?;
    sandbox.hub().expire_tokens(matches!(expire, Which::All));
    done()
}

/// `POST /control/cursors {"expire":"all"}`
pub(super) async fn cursors(State(sandbox): Shared, body: Bytes) -> Reply {
    let Expire { .. } = read(&body)?;
    sandbox.hub().commit(Event::CursorsExpired)?;
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Close {
    close: Which,
}

/// `POST /control/connections {"close":"idle"|"all"}`
pub(super) async fn connections(State(sandbox): Shared, body: Bytes) -> Reply {
    let Close { close } = read(&body)?;
    Ok(Json(json!({"closed": sandbox.lines.close(!matches!(close, Which::All))})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    up: bool,
}

/// `POST /control/power {"up":true|false}`: returns when it is so.
pub(super) async fn power(State(sandbox): Shared, body: Bytes) -> Reply {
    let Switch { up } = read(&body)?;
    sandbox.power.switch(up).await;
    done()
}
