//! Whether engawa runs and answers, and what it says of itself.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value;

use super::{Check, Finding};
use crate::cli::client::{self, NoAnswer};
use crate::cli::output::chain;
use crate::cli::unit::Unit;
use crate::cli::{Site, output};
use crate::config::Loaded;

const NAME: &str = "service";
/// A gateway that has not answered by then does not.
const PATIENCE: Duration = Duration::from_secs(5);

/// What became of asking it.
pub(super) enum Service {
    /// It runs and answers.
    Answers {
        /// Its report.
        health: Value,
        /// Its card readers.
        readers: Value,
    },
    /// It runs and does not answer.
    Deaf(String),
    /// It does not run.
    Down,
    /// It does not run, says systemd: somebody stopped it. It was not asked, which could have started it.
    Stopped,
    /// It could not start, or ended with a failure, and why, says systemd. It was not asked either.
    Broken(String),
    /// This user may not ask it.
    Denied,
    /// The settings name no socket to ask it at.
    Unasked,
}

impl Service {
    /// Asks it.
    pub(super) async fn ask(loaded: &Loaded) -> Self {
        if let Some(socket) = &loaded.config.endpoint.unix_socket {
            match Unit::of(socket).await {
                Unit::Stopped => return Self::Stopped,
                Unit::Failed(why) => return Self::Broken(why),
                Unit::Unknown | Unit::Runs => {}
            }
        }
        let site = Site { config: loaded.config.clone(), named: false };
        let ask = |path| tokio::time::timeout(PATIENCE, client::ask(&site, Method::GET, path, None));
        match ask("/v1/health").await {
            Err(_) => Self::Deaf(format!("{} s", PATIENCE.as_secs())),
            Ok(Err(NoAnswer::NoSocket)) => Self::Unasked,
            Ok(Err(NoAnswer::Denied { .. })) => Self::Denied,
            Ok(Err(NoAnswer::Absent { .. })) => Self::Down,
            Ok(Err(error @ (NoAnswer::Broken(_) | NoAnswer::Slow))) => Self::Deaf(chain(&error)),
            Ok(Ok(answer)) if !matches!(answer.status, StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE) => {
                Self::Deaf(answer.status.to_string())
            }
            Ok(Ok(answer)) => {
                let readers = ask("/v1/readers").await.ok().and_then(Result::ok);
                let readers = readers.map(|answer| answer.body["items"].clone()).unwrap_or_default();
                Self::Answers { health: answer.body, readers }
            }
        }
    }

    /// Whether there is a process that holds the ports.
    pub(super) fn runs(&self) -> bool {
        matches!(self, Self::Answers { .. } | Self::Deaf(_))
    }

    /// The code that it gives as the reason for trouble of a part, of a facility or of the box.
    pub(super) fn reason(&self, facility: Option<&str>, part: &str) -> Option<&str> {
        let Self::Answers { health, .. } = self else { return None };
        let of = facility.map_or(health, |number| &health["facilities"][number]);
        of["parts"][part]["reason"].as_str()
    }

    /// The readers that have stopped.
    pub(super) fn degraded_readers(&self) -> impl Iterator<Item = &str> {
        let readers = match self {
            Self::Answers { readers, .. } => readers.as_array(),
            _ => None,
        };
        let degraded = |reader: &&Value| reader["state"] == "degraded";
        readers.into_iter().flatten().filter(degraded).filter_map(|reader| reader["name"].as_str())
    }
}

/// `started`: whether it has ever been.
pub(super) fn examine(service: &Service, started: bool) -> Check {
    match service {
        Service::Answers { health, .. } if health["status"] == "failed" => {
            Check::found(NAME, Finding::ServiceFailed, &failed_parts(health))
        }
        Service::Answers { health, .. } => {
            let version = output::text_of(health, "version");
            Check::ok(NAME, format!("engawa {version} が動いています。"), format!("engawa {version} runs and answers."))
        }
        Service::Deaf(why) => Check::found(NAME, Finding::ServiceDeaf, why),
        Service::Broken(why) => {
            Check::found_as(NAME, Finding::ServiceBroken, &format!("systemd: {why}"), &format!("systemd: {why}"))
        }
        Service::Stopped if started => Check::found_as(
            NAME,
            Finding::ServiceDown,
            "systemdによると止められています",
            "it is stopped, says systemd",
        ),
        Service::Down if started => Check::found(NAME, Finding::ServiceDown, ""),
        Service::Down | Service::Stopped => Check::found(NAME, Finding::ServiceNew, ""),
        Service::Denied => Check::found(NAME, Finding::NotAllowed, ""),
        Service::Unasked => Check::ok(
            NAME,
            "endpoint.unix_socket が空のため、尋ねていません。",
            "It was not asked, as endpoint.unix_socket is empty.",
        ),
    }
}

/// What keeps it from doing its work, as it says itself.
fn failed_parts(health: &Value) -> String {
    let parts = health["parts"].as_object().into_iter().flatten();
    let failed = parts.filter(|(_, part)| part["status"] == "failed");
    let told = failed.map(|(name, part)| format!("{name}: {}", part["reason"].as_str().unwrap_or("-")));
    told.collect::<Vec<_>>().join(", ")
}
