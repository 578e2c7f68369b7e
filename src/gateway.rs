//! The composition root: builds the rooms, wires them, binds, spawns, drains. STUB: signatures only.
#![allow(clippy::unused_async)]

use crate::config::{Config, Loaded, LogLevel};
use crate::fault::Code;
use crate::telemetry::{self, Level};
use crate::terminal::Right;

/// Why the gateway did not start, or had to stop.
#[derive(Debug, thiserror::Error)]
#[error("{code}")]
pub struct StartError {
    /// What people are told.
    pub code: Code,
    /// What went wrong below.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What `engawa key` wants of the store when no gateway runs.
#[derive(Clone, Debug)]
pub enum KeyOrder {
    /// Make a key.
    Add {
        /// What the administrator calls it.
        label: String,
        /// What its holder may do.
        rights: Vec<Right>,
    },
    /// All keys.
    List,
    /// Revoke one for good.
    Revoke {
        /// Its public part.
        id: String,
    },
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When a room cannot be built, or fails for good.
pub async fn run(_loaded: Loaded, _telemetry: telemetry::Handle) -> Result<(), StartError> {
    Err(StartError { code: Code::GatewayInternal, source: None })
}

/// Obeys `order` on the store itself, under the state directory's lock; answers as `/v1/keys` would.
///
/// # Errors
/// `STATE_LOCKED` while a gateway runs, and whatever the store says.
pub async fn keys_offline(_config: &Config, _order: KeyOrder) -> Result<serde_json::Value, StartError> {
    Err(StartError { code: Code::GatewayInternal, source: None })
}

/// The log's level for a setting, at start and on reload.
#[must_use]
pub fn log_level(level: LogLevel) -> Level {
    match level {
        LogLevel::Error => Level::Error,
        LogLevel::Warn => Level::Warn,
        LogLevel::Info => Level::Info,
        LogLevel::Debug => Level::Debug,
        LogLevel::Trace => Level::Trace,
    }
}
