//! The control API's orders. A refused order is 400 or 404 with one sentence in `error`.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::cli::Failure;
use crate::clock::{Clock, stamp};
use crate::faults::random::Order;
use crate::faults::{Fault, Random};
use crate::hub::accounts::Tamper;
use crate::hub::{Event, MunicipalState};
use crate::run::Sandbox;
use crate::wire::Operation;
use crate::world::{Municipality, Progress, Request};

type Shared = State<Arc<Sandbox>>;
type Reply = Result<Json<Value>, Refused>;

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

fn bad(why: impl Into<Failure>) -> Refused {
    Refused(StatusCode::BAD_REQUEST, why.into().to_string())
}

fn absent(what: &str) -> Refused {
    Refused(StatusCode::NOT_FOUND, format!("no such {what}"))
}

/// The body as an order, whatever its content type says.
fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(bad)
}

fn done() -> Reply {
    Ok(Json(json!({"done": true})))
}

/// `GET /control/status`
pub(super) async fn status(State(sandbox): Shared) -> Reply {
    let now = sandbox.clock.now();
    let mut hub = sandbox.hub();
    hub.settle(now)?;
    Ok(Json(json!({
        "up": sandbox.power.is_up(), "now": stamp(now), "seed": hub.seed, "starts": hub.boots,
        "totals": hub.summary(), "calls": sandbox.calls(), "connections": sandbox.lines.facts(),
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
        for list in ["accepted", "keys"] {
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

/// `GET /control/faults`
pub(super) async fn faults(State(sandbox): Shared) -> Reply {
    Ok(Json(sandbox.faults().list()))
}

/// `POST /control/faults`: one fault or a list of them.
pub(super) async fn order_faults(State(sandbox): Shared, body: Bytes) -> Reply {
    let value: Value = read(&body)?;
    let list = if value.is_array() { value } else { Value::Array(vec![value]) };
    let list: Vec<Fault> = serde_json::from_value(list).map_err(bad)?;
    for fault in &list {
        if fault.on != "*" && !fault.on.starts_with('/') && !Operation::NAMES.contains(&fault.on.as_str()) {
            return Err(bad(format!("on: {:?} is none of * /path {}", fault.on, Operation::NAMES.join(" "))));
        }
    }
    let mut faults = sandbox.faults();
    let ids: Vec<_> = list.into_iter().map(|fault| faults.order(fault)).collect();
    Ok(Json(json!({"ids": ids})))
}

/// `DELETE /control/faults`
pub(super) async fn clear_faults(State(sandbox): Shared) -> Reply {
    sandbox.faults().clear(None);
    done()
}

/// `DELETE /control/faults/{id}`
pub(super) async fn clear_fault(State(sandbox): Shared, Path(id): Path<u64>) -> Reply {
    sandbox.faults().clear(Some(id));
    done()
}

/// `POST /control/random`: rate 0 ends it.
pub(super) async fn random(State(sandbox): Shared, body: Bytes) -> Reply {
    let order: Order = read(&body)?;
    sandbox.faults().randomly(Some(Random::new(order)));
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Hands {
    Advance(SignedDuration),
    Set(Timestamp),
    /// Back to the machine's time.
    Reset(bool),
}

/// `POST /control/clock {"advance":"36h"}`, `{"set":"2026-06-01T09:00:00+09:00"}` or `{"reset":true}`
pub(super) async fn clock(State(sandbox): Shared, body: Bytes) -> Reply {
    let offset_ms = match read(&body)? {
        Hands::Advance(by) => sandbox.clock.offset_after(by),
        Hands::Set(time) => Clock::offset_for(time),
        Hands::Reset(true) => 0,
        Hands::Reset(false) => sandbox.clock.offset_ms(),
    };
    sandbox.hub().commit(Event::Clock { offset_ms })?;
    sandbox.clock.put(offset_ms);
    Ok(Json(json!({"now": stamp(sandbox.clock.now())})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    receipt_number: String,
    state: MunicipalState,
    reason: Option<String>,
}

/// `POST /control/municipal {"receipt_number","state","reason"?}`
pub(super) async fn municipal(State(sandbox): Shared, body: Bytes) -> Reply {
    let Decision { receipt_number, state, reason } = read(&body)?;
    let now = sandbox.clock.now();
    if sandbox.hub().decide(&receipt_number, state, reason, now)? { done() } else { Err(absent("receipt")) }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Insurer {
    name: Option<String>,
    state: Progress,
    live_from: Option<Date>,
}

/// `POST /control/municipalities/{insurer_number} {"state","live_from"?,"name"?}`
pub(super) async fn municipality(State(sandbox): Shared, Path(number): Path<String>, body: Bytes) -> Reply {
    let Insurer { name, state, live_from } = read(&body)?;
    let mut hub = sandbox.hub();
    let known = hub.municipalities(sandbox.clock.today()).into_iter().find(|m| m.insurer_number == number);
    let name = name.or(known.map(|m| m.name)).unwrap_or_else(|| "架空自治体".to_owned());
    hub.change_municipality(Municipality { insurer_number: number, name, state, live_from })?;
    done()
}

/// `POST /control/requests`: another 作成依頼書.
pub(super) async fn request(State(sandbox): Shared, body: Bytes) -> Reply {
    let request: Request = read(&body)?;
    sandbox.hub().commit(Event::Requested(request))?;
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Account {
    /// For so long; `true` is half an hour.
    Lock(Lock),
    Unlock(bool),
    Password(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Lock {
    Usual(bool),
    For(SignedDuration),
}

/// `POST /control/accounts/{user_id} {"lock":true|"2h"}`, `{"unlock":true}` or `{"password":"…"}`
pub(super) async fn account(State(sandbox): Shared, Path(user_id): Path<String>, body: Bytes) -> Reply {
    let what = match read(&body)? {
        Account::Lock(Lock::For(span)) => Tamper::Lock(span),
        Account::Lock(Lock::Usual(true)) => Tamper::Lock(SignedDuration::from_mins(30)),
        Account::Lock(Lock::Usual(false)) | Account::Unlock(true) => Tamper::Unlock,
        Account::Unlock(false) => return Err(bad("unlock: true, or leave it out")),
        Account::Password(password) => Tamper::Password(password),
    };
    let now = sandbox.clock.now();
    if sandbox.hub().tamper(&user_id, what, now)? { done() } else { Err(absent("account")) }
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
