//! Steering: plain HTTP on loopback for tests and people, and the command that speaks it.

mod about;
pub(crate) mod command;
mod country;
mod orders;
mod trouble;

pub(crate) use about::page;

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
        .route("/control/faults", get(trouble::faults).post(trouble::order_faults).delete(trouble::clear_faults))
        .route("/control/faults/{id}", delete(trouble::clear_fault))
        .route("/control/random", post(trouble::random))
        .route("/control/clock", post(country::clock))
        .route("/control/municipal", post(country::municipal))
        .route("/control/municipalities/{insurer_number}", post(country::municipality))
        .route("/control/facilities/{number}", post(country::facility))
        .route("/control/requests", post(country::request))
        .route("/control/accounts/{user_id}", post(country::account))
        .route("/control/cards/{serial}", post(country::card))
        .route("/control/tokens", post(orders::tokens))
        .route("/control/cursors", post(orders::cursors))
        .route("/control/connections", post(orders::connections))
        .route("/control/power", post(orders::power))
        .with_state(sandbox);
    axum::serve(listener, routes).await?;
    Ok(())
}
