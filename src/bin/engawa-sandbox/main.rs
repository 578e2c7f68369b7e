//! engawa-sandbox: a hub of one's own to test against. It is written from the hub profile alone and shares no code with
//! the gateway, so that both can be wrong only independently.
//!
//! A connection walks [`net`] (power, TLS, the line that can be cut) → [`wire`] (routes, envelope) → [`rules`] (content) →
//! [`hub`] (what the hub remembers, event by event in a journal). [`faults`] stands between `wire` and everybody else;
//! [`control`] is the plain HTTP on loopback that steers it all. [`careplans`] writes files as care software does, and [`demo`] shows
//! the gateway with all of it.

mod card;
mod careplans;
mod cli;
mod clock;
mod control;
mod demo;
mod digest;
mod faults;
mod folder;
mod hub;
mod net;
mod pki;
mod rules;
mod run;
mod wire;
mod world;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
