//! What the house has once for each facility: its link to the hub, outbox, inbox and folders, over the one store.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tracing::{Instrument as _, Span};

use super::link::HubLink;
use super::logins::{self, StaffLogins};
use super::{DAY, StartError, folders};
use crate::api;
use crate::clock::Clock;
use crate::config::Config;
use crate::credential::seal::Keyring;
use crate::exchange;
use crate::fault::Code;
use crate::host;
use crate::identity::Identity;
use crate::inbox::{self, Inbox};
use crate::model::careplan::lint;
use crate::outbox::backoff::Backoff;
use crate::outbox::{self, Guard, Outbox, Stop, machine};
use crate::people::{HubDoor, People};
use crate::store::Store;

/// How long the hub remembers a key (400 days), less a day of doubt.
const KEY_MEMORY: Duration = Duration::from_secs(399 * 86_400);

/// What is logged for a facility stands in this span.
pub(super) const SPAN: &str = "facility";

/// The span of a facility. Of the highest level, so that it is there whatever is logged.
pub(super) fn span(number: &str) -> Span {
    tracing::error_span!("facility", number)
}

/// One facility's rooms.
pub(super) struct Desk {
    /// Its number.
    pub(super) facility: String,
    pub(super) link: Arc<HubLink>,
    pub(super) outbox: Outbox,
    pub(super) inbox: Inbox,
    tasks: outbox::Tasks,
    inbox_tasks: inbox::Tasks,
    exchange_tasks: Option<exchange::Tasks>,
}

/// What every desk is built over.
pub(super) struct Ground {
    pub(super) store: Store,
    pub(super) keys: Arc<Keyring>,
    pub(super) clock: Clock,
    pub(super) lint: Arc<lint::Settings>,
    /// Keeps the memory of log-ins.
    pub(super) fingerprint: [u8; 32],
    pub(super) idempotency_secret: [u8; 32],
    pub(super) stopping: watch::Receiver<Stop>,
    pub(super) stopping_folders: watch::Receiver<bool>,
}

impl Desk {
    /// Builds the rooms of the facility of `settings`; `first`: what the store knows of no facility is its own.
    pub(super) async fn open(settings: &Config, first: bool, ground: &Ground) -> Result<Self, StartError> {
        Self::build(settings, first, ground).instrument(span(&settings.facility.number)).await
    }

    async fn build(settings: &Config, first: bool, ground: &Ground) -> Result<Self, StartError> {
        let Ground { store, keys, clock, lint, .. } = ground;
        let link = HubLink::new(settings, first, store.clone(), clock.clone(), ground.fingerprint);
        let link = Arc::new(link);
        let config = outbox::Config { idempotency_secret: ground.idempotency_secret, ..outbox_config(settings)? };
        let opened = (store.clone(), Arc::clone(keys));
        let (outbox, tasks) = Outbox::start(
            store.clone(),
            Arc::clone(keys),
            Arc::clone(&link),
            guard(settings, clock),
            config,
            clock.clone(),
            ground.stopping.clone(),
        )
        .await;
        let stop = &ground.stopping_folders;
        let (inbox, inbox_tasks) = folders::inbox(settings, &opened, &link, clock, stop.clone());
        let exchange_tasks = folders::exchange(settings, lint, (&outbox, &inbox, &opened), clock, stop.clone());
        let facility = settings.facility.number.clone();
        Ok(Self { facility, link, outbox, inbox, tasks, inbox_tasks, exchange_tasks })
    }

    /// The same for the local endpoint.
    pub(super) fn at_endpoint(&self) -> api::Desk {
        api::Desk {
            facility: self.facility.clone(),
            outbox: self.outbox.clone(),
            inbox: self.inbox.clone(),
            identity: Identity::new(Arc::clone(&self.link)),
        }
    }

    /// How the folders are, where there are any.
    pub(super) fn exchange_health(&self) -> Option<watch::Receiver<exchange::Health>> {
        self.exchange_tasks.as_ref().map(exchange::Tasks::health)
    }

    /// Whether a task has ended though nobody told it to.
    pub(super) fn any_ended(&self) -> bool {
        self.tasks.any_ended()
            || self.inbox_tasks.any_ended()
            || self.exchange_tasks.as_ref().is_some_and(exchange::Tasks::any_ended)
    }

    /// The rooms with a heartbeat, and whether each lives.
    pub(super) fn alive(&self) -> [(&'static str, bool); 2] {
        [
            ("outbox", self.outbox.alive() && !self.tasks.any_ended()),
            ("inbox", self.inbox.alive() && !self.inbox_tasks.any_ended()),
        ]
    }

    /// Takes up what can change at once.
    pub(super) fn reload(&self, settings: &Config) {
        match outbox_config(settings) {
            Ok(config) => self.outbox.reconfigure(&config),
            Err(error) => tracing::error!(code = %error.code, "reload: the outbox stays as it was"),
        }
        self.inbox.reconfigure(settings.hub.poll_changes);
        // The files behind certificate and password are read again also when the settings name the same ones.
        self.link.reload(settings);
        self.outbox.reconsider();
        self.inbox.reconsider();
    }

    /// Takes up as whom goes what the staff hand in, and asks `people` for their passwords from here on.
    pub(super) async fn staff_login(&self, settings: &Config, people: &People) {
        let choice = (settings.hub.staff_login, self.link.own_user(settings));
        let choosing = logins::choose(&self.facility, choice, people, &self.outbox);
        choosing.instrument(span(&self.facility)).await;
        self.link.staff(StaffLogins::new(people, &self.facility));
        let door: Weak<dyn HubDoor> = Arc::<HubLink>::downgrade(&self.link);
        people.hub_door(&self.facility, door);
    }

    /// Returns when every task has ended.
    pub(super) async fn finished(&mut self) {
        self.tasks.finished().await;
        self.inbox_tasks.finished().await;
        if let Some(tasks) = &mut self.exchange_tasks {
            tasks.finished().await;
        }
    }

    /// Ends what has not ended by itself.
    pub(super) fn abort(&self) {
        self.tasks.abort();
        self.inbox_tasks.abort();
        if let Some(tasks) = &self.exchange_tasks {
            tasks.abort();
        }
    }
}

/// What keeps the disk from filling up.
fn guard(settings: &Config, clock: &Clock) -> Guard {
    let directory = settings.state.directory.clone();
    Guard {
        free_space: Arc::new(move || host::free_space(&directory).ok()),
        min_free: settings.state.min_free,
        retention: DAY * u32::from(settings.state.retention_days),
        clock: clock.clone(),
    }
}

/// The outbox's figures, from the settings.
fn outbox_config(settings: &Config) -> Result<outbox::Config, StartError> {
    let backoff = Backoff::new(settings.outbox.backoff_min, settings.outbox.backoff_max);
    let backoff = backoff.map_err(|error| StartError { code: Code::ConfigInvalid, source: Some(Box::new(error)) })?;
    Ok(outbox::Config {
        facility: settings.facility.number.as_str().into(),
        policy: machine::Policy {
            backoff,
            strikes: settings.outbox.attempts_before_aside,
            key_memory: KEY_MEMORY,
            ask_after: settings.outbox.backoff_min,
        },
        parallel: settings.hub.parallel,
        poll_changes: settings.hub.poll_changes,
        retention: DAY * u32::from(settings.state.retention_days),
        event_retention: DAY * u32::from(settings.state.event_days),
        idempotency_secret: [0; 32],
        clinic: folders::is_clinic(settings),
    })
}
