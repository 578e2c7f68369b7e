//! The local endpoint: what care software on this machine talks to.
//!
//! A request passes, in this order: the correlation id and the rendering of failures (`problem`), its address (`perimeter`: host,
//! origin, rate), the panic barrier, the load limit, the check of query parameters, then its handler under `v1`. The handler names the right it needs in its
//! arguments (`caller`); there is no handler that works without a caller except those that tell nothing
//! (`/v1/health`, `/metrics`, `/openapi.json`).
//!
//! Invariants: every answer outside 2xx is problem+json, the health report excepted; no answer quotes an internal error;
//! a document is streamed, never held whole; work that writes goes on when its client has gone. This room does not know
//! that there is a store or a hub.

mod about;
mod body;
mod caller;
pub mod crowd;
mod entry;
mod lan;
mod limits;
mod matrix;
mod members;
mod meter;
mod openapi;
mod pages;
mod perimeter;
mod person;
mod problem;
pub mod rate;
mod recorder;
mod routes;
mod serve;
mod shared;
mod shown;
mod standing;
mod steady;
mod strict_json;
mod v1;
mod whole;
mod wiped;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::audit::Trail;
use crate::backup::Backups;
use crate::card::Cards;
use crate::clock::Clock;
use crate::fault::Code;
use crate::identity::Identity;
use crate::inbox::Inbox;
use crate::model::careplan::lint;
use crate::outbox::{Health, Outbox};
use crate::people::People;
use crate::terminal::{Keys, Terminals};
use crate::vault::MasterKeys;

use problem::Failure;

pub use lan::LanConfig;
pub use matrix::{Comer, Permission, page as routes_page, permissions};
pub use openapi::document as openapi_document;
pub use perimeter::{Perimeter, Reach};
pub use routes::router;
pub use serve::{LanPort, Listener, ServeConfig, serve};

/// What the endpoint is made of.
pub struct Api {
    /// The facilities of the box, its first one first.
    pub desks: Vec<Desk>,
    /// Who may come in.
    pub keys: Keys,
    /// The staff, and who is logged in.
    pub people: People,
    /// What was paired.
    pub terminals: Terminals,
    /// The readers, and the cards on them.
    pub cards: Cards,
    /// The box as one file.
    pub backups: Backups,
    /// The keys under which everything lies.
    pub master_keys: MasterKeys,
    /// Where acts are recorded.
    pub trail: Trail,
    /// How the gateway's parts are.
    pub health: Arc<dyn HealthSource>,
    /// Renders the metrics in the Prometheus text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// The time.
    pub clock: Clock,
    /// Settings.
    pub config: Config,
}

/// What belongs to one facility.
pub struct Desk {
    /// Its number (事業所番号).
    pub facility: String,
    /// Where its documents go.
    pub outbox: Outbox,
    /// What other offices sent to it.
    pub inbox: Inbox,
    /// Who a person is, by the hub's word.
    pub identity: Identity,
}

impl Api {
    /// The desk of `facility`.
    ///
    /// # Errors
    /// `FACILITY_GONE` when the settings do not name it.
    fn desk(&self, facility: &str) -> Result<&Desk, Failure> {
        self.desks.iter().find(|desk| desk.facility == facility).ok_or(Code::FacilityGone.into())
    }
}

/// Settings of the endpoint.
#[derive(Clone, Debug)]
pub struct Config {
    /// The facility (事業所番号) of local administrators, and of keys made without naming one.
    pub facility: String,
    /// How long a request's body may pause.
    pub body_idle: Duration,
    /// How long a document may take to come in, in all.
    pub upload: Duration,
    /// How long any other request may take.
    pub request: Duration,
    /// Requests worked on at once; more are refused with `GATEWAY_BUSY`. Event streams do not count.
    pub max_requests: usize,
    /// Event streams open at once; more are refused with `GATEWAY_BUSY`. Each holds a connection, so fewer than those.
    pub max_streams: usize,
    /// How often a quiet event stream shows that it is alive.
    pub keep_alive: Duration,
    /// How care plan files are judged.
    pub lint: Arc<lint::Settings>,
    /// Who may come over the network, and under which names.
    pub perimeter: Arc<Perimeter>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            facility: String::new(),
            body_idle: Duration::from_secs(30),
            upload: Duration::from_secs(600),
            request: Duration::from_secs(30),
            max_requests: 256,
            max_streams: 128,
            keep_alive: Duration::from_secs(15),
            lint: Arc::default(),
            perimeter: Arc::default(),
        }
    }
}

/// Reports how the parts of the gateway are.
pub trait HealthSource: Send + Sync {
    /// How they are at this moment, or were one moment ago, too short for a person to tell.
    fn health(&self) -> BoxFuture<'_, Arc<Report>>;
}

/// How the gateway is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Name and state of each part of the box, in the order to show.
    pub parts: Vec<(&'static str, Health)>,
    /// Its facilities, and those for which documents wait though the settings do not name them.
    pub facilities: Vec<FacilityHealth>,
}

/// How the parts of one facility are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacilityHealth {
    /// Its number.
    pub number: String,
    /// The settings do not name it.
    pub gone: bool,
    /// Documents that have not come to an end; `None` while the database cannot be read.
    pub waiting: Option<u64>,
    /// Name and state of each part, in the order to show.
    pub parts: Vec<(&'static str, Health)>,
}
