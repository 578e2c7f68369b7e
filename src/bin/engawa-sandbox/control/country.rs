//! Orders about time, municipalities and staff.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;

use super::orders::{Reply, Shared, absent, bad, done, read};
use crate::clock::{Clock, read_span, stamp};
use crate::hub::accounts::Tamper;
use crate::hub::{Event, MunicipalState};
use crate::world::{Municipality, Progress, Request};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Hands {
    Advance(#[serde(deserialize_with = "read_span")] SignedDuration),
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
    For(#[serde(deserialize_with = "read_span")] SignedDuration),
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
#[serde(deny_unknown_fields)]
struct CardOrder {
    revoked: bool,
}

/// `POST /control/cards/{serial} {"revoked":true|false}`: the certificate of a card, by its serial number in hexadecimal.
pub(super) async fn card(State(sandbox): Shared, Path(serial): Path<String>, body: Bytes) -> Reply {
    let CardOrder { revoked } = read(&body)?;
    sandbox.hub().commit(Event::Revoked { serial: serial.to_lowercase(), revoked })?;
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Participation {
    takes_part: bool,
}

/// `POST /control/facilities/{number} {"takes_part":true|false}`: an office or clinic of the world joins or leaves.
pub(super) async fn facility(State(sandbox): Shared, Path(number): Path<String>, body: Bytes) -> Reply {
    let Participation { takes_part } = read(&body)?;
    let Some(facility) = sandbox.world.facility(&number) else { return Err(absent("facility")) };
    sandbox.hub().commit(Event::Participation { facility: facility.number.clone(), takes_part })?;
    done()
}
