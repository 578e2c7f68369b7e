//! Steering the cards: plain HTTP on loopback. A refused order is 400 or 404 with one sentence in `error`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use super::faults::Fault;
use super::holder::Name;
use super::memory::Pin;
use super::slot::Slot;
use crate::cli::Failure;

/// The slots by port.
pub(super) type Slots = Arc<BTreeMap<u16, Arc<Slot>>>;

/// Serves the control API for ever.
pub(super) async fn listen(listener: TcpListener, slots: Slots) -> Result<(), Failure> {
    let routes = Router::new()
        .route("/slots", get(all))
        .route("/slots/{port}", get(one))
        .route("/slots/{port}/insert", post(insert))
        .route("/slots/{port}/remove", post(remove))
        .route("/slots/{port}/swap", post(swap))
        .route("/slots/{port}/tries", post(tries))
        .route("/slots/{port}/faults", post(faults).delete(clear_faults))
        .route("/slots/{port}/counts", axum::routing::delete(clear_counts))
        .with_state(slots);
    axum::serve(listener, routes).await?;
    Ok(())
}

type Reply = Result<Json<Value>, Refused>;

struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self(StatusCode::BAD_REQUEST, failure.to_string())
    }
}

fn slot(slots: &Slots, port: u16) -> Result<Arc<Slot>, Refused> {
    slots.get(&port).cloned().ok_or_else(|| Refused(StatusCode::NOT_FOUND, format!("no slot at port {port}")))
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refused> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|e| Refused(StatusCode::BAD_REQUEST, e.to_string()))
}

/// On a thread that may make keys and wait for the disk; the answer is the slot's facts afterwards.
async fn act(slots: Slots, port: u16, order: impl FnOnce(&Slot) -> Result<(), Failure> + Send + 'static) -> Reply {
    let slot = slot(&slots, port)?;
    let done = spawn_blocking(move || order(&slot).map(|()| slot.facts())).await;
    Ok(Json(done.map_err(|e| Failure::from(e.to_string()))??))
}

async fn all(State(slots): State<Slots>) -> Reply {
    Ok(Json(slots.values().map(|slot| slot.facts()).collect()))
}

async fn one(State(slots): State<Slots>, Path(port): Path<u16>) -> Reply {
    Ok(Json(slot(&slots, port)?.facts()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    holder: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Swap {
    holder: String,
    #[serde(default = "seen")]
    ms: u64,
}

/// Longer than pcscd's 400 ms between two looks.
fn seen() -> u64 {
    1000
}

impl Which {
    fn name(&self) -> Result<Option<Name>, Failure> {
        Ok(self.holder.as_deref().map(str::parse).transpose()?)
    }
}

/// `POST /slots/{port}/insert {"holder"?}`
async fn insert(State(slots): State<Slots>, Path(port): Path<u16>, body: Bytes) -> Reply {
    let name = read::<Which>(&body)?.name()?;
    act(slots, port, move |slot| slot.insert(name)).await
}

/// `POST /slots/{port}/remove`
async fn remove(State(slots): State<Slots>, Path(port): Path<u16>) -> Reply {
    act(slots, port, |slot| if slot.remove() { Ok(()) } else { Err("there is no card in the reader".into()) }).await
}

/// `POST /slots/{port}/swap {"holder","ms"?}`: the reader is empty for `ms`; 0 and pcscd notices nothing.
async fn swap(State(slots): State<Slots>, Path(port): Path<u16>, body: Bytes) -> Reply {
    let Swap { holder, ms } = read(&body)?;
    let name: Name = holder.parse().map_err(Failure::from)?;
    act(slots, port, move |slot| slot.swap(name, Duration::from_millis(ms))).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tries {
    pin: Option<Pin>,
    tries: Option<u8>,
}

/// `POST /slots/{port}/tries {"pin"?,"tries"?}`: all PINs and all tries where they are left out.
async fn tries(State(slots): State<Slots>, Path(port): Path<u16>, body: Bytes) -> Reply {
    let Tries { pin, tries } = read(&body)?;
    act(slots, port, move |slot| slot.with_card(|card| card.put_tries(pin, tries))).await
}

/// `POST /slots/{port}/faults`: one or a list.
async fn faults(State(slots): State<Slots>, Path(port): Path<u16>, body: Bytes) -> Reply {
    let value: Value = read(&body)?;
    let list = if value.is_array() { value } else { Value::Array(vec![value]) };
    let list: Vec<Fault> = serde_json::from_value(list).map_err(|e| Failure::from(e.to_string()))?;
    act(slots, port, move |slot| slot.order(list)).await
}

/// `DELETE /slots/{port}/faults`
async fn clear_faults(State(slots): State<Slots>, Path(port): Path<u16>) -> Reply {
    act(slots, port, |slot| {
        slot.clear_faults();
        Ok(())
    })
    .await
}

/// `DELETE /slots/{port}/counts`
async fn clear_counts(State(slots): State<Slots>, Path(port): Path<u16>) -> Reply {
    act(slots, port, |slot| {
        slot.clear_counts();
        Ok(())
    })
    .await
}
