//! Steering: plain HTTP on loopback for tests and people, and the command that speaks it.

pub(crate) mod command;
mod orders;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, post};
use tokio::net::TcpListener;

use crate::cli::Failure;
use crate::run::Sandbox;

/// Serves the control API for ever.
pub(crate) async fn listen(listener: TcpListener, sandbox: Arc<Sandbox>) -> Result<(), Failure> {
    let routes = Router::new()
        .route("/control/status", get(orders::status))
        .route("/control/facts", get(orders::facts))
        .route("/control/faults", get(orders::faults).post(orders::order_faults).delete(orders::clear_faults))
        .route("/control/faults/{id}", delete(orders::clear_fault))
        .route("/control/random", post(orders::random))
        .route("/control/clock", post(orders::clock))
        .route("/control/municipal", post(orders::municipal))
        .route("/control/municipalities/{insurer_number}", post(orders::municipality))
        .route("/control/requests", post(orders::request))
        .route("/control/accounts/{user_id}", post(orders::account))
        .route("/control/tokens", post(orders::tokens))
        .route("/control/cursors", post(orders::cursors))
        .route("/control/connections", post(orders::connections))
        .route("/control/power", post(orders::power))
        .with_state(sandbox);
    axum::serve(listener, routes).await?;
    Ok(())
}
