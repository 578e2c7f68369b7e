//! End to end: real processes, real mutual TLS, real SQLite.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod api;
mod card;
mod card_soak;
mod card_traps;
mod cards_daemon;
mod care_plans;
mod careplan;
mod cli;
mod crash;
mod daemon;
mod demo;
mod disk;
mod exchange;
mod faults;
mod feeds;
mod host;
mod hub;
mod hub_careplans;
mod hub_sandbox;
mod identification;
mod identify;
mod identity;
mod inbox;
mod memory;
mod power;
mod privacy;
mod retention;
mod sandbox;
mod sandbox_careplans;
mod sandbox_faults;
mod sandbox_files;
mod support;
mod telemetry;
mod vcard;
mod vcard_identity;
