//! End to end: real processes, real mutual TLS, real SQLite.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod api;
mod cli;
mod host;
mod memory;
mod sandbox;
mod sandbox_faults;
mod support;
mod telemetry;
