//! engawa 縁側: the gateway between a care office or clinic and the national care hub (介護情報基盤).
//!
//! A request walks LAN → [`api`] → [`outbox`] → [`store`] → [`hub`]; the hub's answers walk back the same way.
//! ARCHITECTURE.md describes the rooms and what each must not know; `tests/architecture.rs` holds the imports to it.

pub mod api;
pub mod audit;
pub mod backup;
pub mod card;
pub mod cli;
pub mod clock;
pub mod config;
pub mod credential;
pub mod exchange;
pub mod fault;
pub mod gateway;
pub mod host;
pub mod hub;
pub mod identity;
pub mod inbox;
pub mod model;
pub mod order;
pub mod outbox;
pub mod people;
pub mod store;
mod task;
pub mod telemetry;
pub mod terminal;
pub mod vault;
