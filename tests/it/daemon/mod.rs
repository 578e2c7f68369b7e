//! A good daemon: what it tells systemd, how it starts, stops and reloads, and what its log looks like.

mod addresses;
mod events;
mod logs;
mod reload;
mod rest;
mod start;
mod stop;
mod systemd;

use std::time::Duration;

/// Longest wait for another process.
const PATIENCE: Duration = Duration::from_secs(30);
