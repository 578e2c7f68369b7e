//! Orders about faults.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::orders::{Reply, Shared, bad, done, read};
use crate::faults::random::Order;
use crate::faults::{Fault, Random};
use crate::wire::Operation;

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
    order.check().map_err(bad)?;
    sandbox.faults().randomly(Some(Random::new(order)));
    done()
}
