//! The composition root: builds the rooms from the settings, wires them, binds, spawns, and takes them down in order.
//!
//! Shutdown, one deadline for all: accept nothing and start no delivery → requests being served and operations on cards,
//! side by side, and deliveries in flight finish → the store commits and closes. An operation on a card that takes too long is
//! given up while its caller can still be told. What the deadline cuts off is asked about at the hub after the next start. When a
//! room's task ends though nobody told it to, the process ends too, for the service manager to start it anew.

mod backup;
mod cards;
mod careplans;
mod desk;
mod folders;
mod gone;
mod health;
mod keys;
mod lan;
mod link;
mod logins;
mod master_key;
mod people;
mod reload;
mod staff;
mod time;
mod trial;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use backup::{
    BackupDone, BackupOrder, RestoreOrder, Restored, backup_offline, restore, unfinished as restore_unfinished,
};
pub use careplans::{CodeTablesUnusable, lint_settings};
pub use gone::{Config as GoneConfig, Gone};
pub use keys::{KeyOrder, keys_offline};
pub use lan::check_lan_certificate;
pub use link::load_certificate;
pub use master_key::{MasterKeyDone, MasterKeyOrder, key_file, master_key_offline};
pub use people::until_look_at_staff;
pub use staff::{StaffOrder, staff_offline};
pub use time::BEEN;
pub use trial::{NotTried, try_log_in};

use crate::api::{self, Api, Listener};
use crate::audit::{Follower, OwnAct, Trail};
use crate::backup::Backups;
use crate::card::{self, Cards};
use crate::clock::Clock;
use crate::config::{self, Config, Loaded, LogLevel};
use crate::credential::KeyFile;
use crate::credential::seal::{BoxSecret, Keyring, SealError};
use crate::fault::Code;
use crate::host::{self, HostError, Notifier, Signal, Signals, StateLock};
use crate::model::careplan::lint;
use crate::outbox::Stop;
use crate::people::People;
use crate::store::{CommitObserver, SetFact, Store, StoreError, StoreTask};
use crate::task;
use crate::telemetry::{self, Level, Metric};
use crate::terminal::{self, Keys, Terminals};
use crate::vault::{BOX_SECRET, MasterKeys};
use desk::{Desk, Ground};
use lan::Lan;
use time::TimeKeeper;
const DAY: Duration = Duration::from_secs(86_400);
/// Between two looks at the rooms' heartbeats, at most.
const LOOK: Duration = Duration::from_secs(10);

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

impl From<HostError> for StartError {
    fn from(error: HostError) -> Self {
        Self { code: error.code(), source: Some(Box::new(error)) }
    }
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self { code: error.code(), source: Some(Box::new(error)) }
    }
}

impl From<SealError> for StartError {
    fn from(error: SealError) -> Self {
        Self { code: error.code(), source: Some(Box::new(error)) }
    }
}

impl From<CodeTablesUnusable> for StartError {
    fn from(error: CodeTablesUnusable) -> Self {
        Self { code: Code::CodeTablesInvalid, source: Some(Box::new(error)) }
    }
}

impl From<Code> for StartError {
    fn from(code: Code) -> Self {
        Self { code, source: None }
    }
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When a room cannot be built.
pub async fn run(loaded: Loaded, telemetry: telemetry::Handle) -> Result<(), StartError> {
    let mut signals = Signals::new()?;
    let notifier = Notifier::new();
    let settings = &loaded.config;
    let state = open_state(settings, Clock::system()).await?;
    // Bound before anything is sent: a taken port must not cut a delivery short at every restart.
    let lan = Lan::new(settings, &state.clock);
    let mut listeners = listeners(settings).await?;
    listeners.extend(lan.listeners(&settings.lan));
    let house = House::build(&loaded, state, lan, &telemetry).await?;
    let (close, closing) = watch::channel(false);
    let mut endpoint = task::spawn(house.serve(settings, listeners, closing));
    notifier.ready("受付中 / accepting");
    for config::Facility { number, name } in loaded.facilities().map(|settings| &settings.facility) {
        tracing::info!(version = env!("CARGO_PKG_VERSION"), facility = %number, name, "engawa: accepting");
    }
    let look = notifier.watchdog_interval().map_or(LOOK, |interval| interval.min(LOOK));
    let ended = loop {
        tokio::select! {
            _ = &mut endpoint => break Err(Code::GatewayInternal.into()),
            signal = signals.next() => match signal {
                Signal::Stop => break Ok(()),
                Signal::Reload => {
                    notifier.reloading();
                    reload::reload(&loaded, &house, &telemetry).await;
                    house.reloaded(settings).await;
                    notifier.ready("受付中 / accepting");
                }
            },
            () = tokio::time::sleep(house.clock.until_beat(look)) => house.look(&notifier).await,
        }
        if house.any_ended() {
            break Err(Code::GatewayInternal.into());
        }
    };
    notifier.stopping("停止中 / stopping");
    close.send_replace(true);
    house.take_down(endpoint, settings.shutdown.deadline).await;
    ended
}

/// The opened state directory.
pub(crate) struct State {
    lock: StateLock,
    store: Store,
    task: StoreTask,
    keys: Arc<Keyring>,
    key_file: KeyFile,
    secret: BoxSecret,
    clock: Clock,
}

/// Opens the state directory: its lock, its key, its database.
pub(crate) async fn open_state(settings: &Config, clock: Clock) -> Result<State, StartError> {
    let directory = &settings.state.directory;
    host::private_directory(directory)?;
    let lock = StateLock::take(directory)?;
    if backup::unfinished(directory) {
        return Err(Code::RestoreUnfinished.into());
    }
    if let Err(error) = crate::backup::sweep(directory) {
        tracing::warn!(%error, "what an interrupted backup left cannot be removed");
    }
    let (keys, key_file) = master_key::open(settings, directory)?;
    let keys = Arc::new(keys);
    let observer: CommitObserver = Arc::new(|size, took| {
        Metric::CommitGroupSize.record(&[], size as f64);
        Metric::CommitSeconds.record(&[], took.as_secs_f64());
    });
    let (store, task) = Store::open(directory, clock.clone(), observer).await?;
    let secret = box_secret(&store, &keys).await?;
    Ok(State { lock, store, task, keys, key_file, secret, clock })
}

/// The secret of the box, made with its store. That it opens proves that the keys are this store's own.
async fn box_secret(store: &Store, keys: &Keyring) -> Result<BoxSecret, StartError> {
    let sealed = match store.fact(BOX_SECRET).await?.map(|text| STANDARD.decode(text)) {
        Some(sealed) => sealed.map_err(|_| Code::StorageBroken)?,
        None => {
            let sealed = keys.new_box_secret()?;
            store.write(SetFact { name: BOX_SECRET.to_owned(), value: STANDARD.encode(&sealed) }).await?;
            sealed
        }
    };
    keys.box_secret(&sealed).map_err(|error| match error {
        SealError::UnknownKey(_) => StartError { code: Code::MasterKeyMissing, source: Some(Box::new(error)) },
        error => error.into(),
    })
}

/// The rooms, wired.
struct House {
    /// Of each facility, the first one's first.
    desks: Vec<Desk>,
    store: Store,
    stop_folders: watch::Sender<bool>,
    gone: Arc<Gone>,
    gone_task: JoinHandle<()>,
    trail: Trail,
    trail_task: JoinHandle<()>,
    stop_trail: watch::Sender<bool>,
    keys: Keys,
    people: People,
    terminals: Terminals,
    lan: Arc<Lan>,
    lan_task: JoinHandle<()>,
    cards: Cards,
    card_tasks: card::Tasks,
    card_health: cards::CardHealth,
    stop_cards: watch::Sender<bool>,
    backups: Backups,
    master_keys: MasterKeys,
    master_keys_task: JoinHandle<()>,
    time: TimeKeeper,
    clock: Clock,
    lint: Arc<lint::Settings>,
    stop: watch::Sender<Stop>,
    store_task: StoreTask,
    telemetry: telemetry::Handle,
    _lock: StateLock,
}

impl House {
    async fn build(
        loaded: &Loaded,
        state: State,
        lan: Arc<Lan>,
        telemetry: &telemetry::Handle,
    ) -> Result<Self, StartError> {
        let settings = &loaded.config;
        // Before anything counts what is kept of others: labels are given out in the order in which they are asked for.
        for own in loaded.facilities() {
            telemetry::facility(&own.facility.number);
        }
        let lint = Arc::new(lint_settings(&settings.careplans)?);
        let backups = backup::backups(settings, &state)?;
        let master_keys = master_key::master_keys(settings, &state);
        let State { lock, store, task, keys, secret, clock, .. } = state;
        let time = TimeKeeper::new(store.clone(), clock.clone());
        time.recall().await?;
        let (stop, stopping) = watch::channel(Stop::Run);
        let api_keys = Keys::new(store.clone(), clock.clone());
        let pairing = terminal::Config { address: lan.address(), secret: secret.derive("pairing codes")? };
        let terminals = Terminals::new(store.clone(), api_keys.clone(), lan.authority(), pairing, clock.clone());
        let opened = (store.clone(), keys.clone());
        // Before anything can happen: what it tells first is that the gateway starts.
        let trail = Trail::new(store.clone());
        let facility = settings.facility.number.clone();
        master_key::record_begun(&master_keys, &trail, &facility, &clock).await;
        let follower = Follower::begin(store.clone(), clock.clone(), facility, settings.state.directory.clone()).await;
        let (stop_trail, stopping_trail) = watch::channel(false);
        let trail_task = task::spawn(follower.run(stopping_trail));
        let (stop_folders, stopping_folders) = watch::channel(false);
        let gone = Arc::new(Gone::new(loaded.into(), opened.clone(), clock.clone()));
        let stopping_gone = stopping_folders.clone();
        let ground = Ground {
            store: store.clone(),
            keys,
            clock: clock.clone(),
            lint: Arc::clone(&lint),
            fingerprint: secret.derive("hub login fingerprint")?,
            idempotency_secret: secret.derive("idempotency keys")?,
            stopping,
            stopping_folders,
        };
        gone.welcome().await;
        let mut desks = Vec::new();
        for own in loaded.facilities() {
            desks.push(Desk::open(own, desks.is_empty(), &ground).await?);
        }
        // A box that does not start with these settings ends nothing of anybody's.
        let gone_task = task::spawn(Arc::clone(&gone).run(stopping_gone));
        let telemetry = telemetry.clone();
        let (stop_cards, stopping_cards) = watch::channel(false);
        let (cards, card_tasks) = cards::start(settings, &clock, stopping_cards.clone());
        let people = people::start(opened, &clock, &cards, api_keys.revocations(), stopping_cards);
        for (own, desk) in loaded.facilities().zip(&desks) {
            desk.staff_login(own, &people).await;
        }
        let card_health = cards::CardHealth::new(cards.clone(), settings.cards.readers);
        Ok(Self {
            desks,
            store,
            stop_folders,
            gone,
            gone_task,
            trail,
            trail_task,
            stop_trail,
            keys: api_keys,
            people,
            terminals,
            lan_task: task::spawn(Arc::clone(&lan).keep()),
            lan,
            cards,
            card_tasks,
            card_health,
            stop_cards,
            backups,
            master_keys_task: task::spawn(master_keys.clone().keep()),
            master_keys,
            time,
            clock,
            lint,
            stop,
            store_task: task,
            telemetry,
            _lock: lock,
        })
    }

    /// Serves the local endpoint until `closing`; true when every request finished.
    fn serve(
        &self,
        settings: &Config,
        listeners: Vec<Listener>,
        mut closing: watch::Receiver<bool>,
    ) -> impl Future<Output = bool> + Send + use<> {
        let endpoint = &settings.endpoint;
        let from_lan = if settings.lan.listen.is_empty() { 0 } else { settings.lan.max_connections };
        let connections = endpoint.max_connections + from_lan;
        let telemetry = self.telemetry.clone();
        let api = Api {
            desks: self.desks.iter().map(Desk::at_endpoint).collect(),
            keys: self.keys.clone(),
            people: self.people.clone(),
            terminals: self.terminals.clone(),
            cards: self.cards.clone(),
            backups: self.backups.clone(),
            master_keys: self.master_keys.clone(),
            trail: self.trail.clone(),
            health: Arc::new(health::Looks::at(health::Parts {
                facilities: self.desks.iter().map(|desk| health::Facility::of(desk, &self.people)).collect(),
                store: self.store.clone(),
                cards: self.card_health.clone(),
                lan: Arc::clone(&self.lan),
                terminals: self.terminals.clone(),
                clock: self.clock.clone(),
            })),
            metrics: Arc::new(move || telemetry.render()),
            clock: self.clock.clone(),
            config: api::Config {
                facility: settings.facility.number.clone(),
                body_idle: endpoint.body_idle_timeout,
                request: endpoint.request_timeout,
                upload: endpoint.request_timeout,
                max_streams: (connections / 2).max(1),
                perimeter: self.lan.perimeter(),
                lint: self.lint.clone(),
                ..api::Config::default()
            },
        };
        let config = api::ServeConfig {
            max_connections: endpoint.max_connections,
            drain: settings.shutdown.deadline.mul_f64(0.8),
            ..api::ServeConfig::default()
        };
        let router = api::router(api);
        async move {
            let closed = async move {
                let _ = closing.wait_for(|closing| *closing).await;
            };
            api::serve(listeners, router, config, closed).await
        }
    }

    /// Puts it into the trail that the settings were read again.
    async fn reloaded(&self, settings: &Config) {
        let act = OwnAct::Reloaded.act(&settings.facility.number, self.clock.now());
        if let Err(error) = self.trail.record(vec![act]).await {
            tracing::error!(code = %error.code, "audit: that the settings were read again could not be recorded");
        }
        match self.master_keys.reread().await {
            Ok(false) => {}
            Ok(true) => {
                let facility = &settings.facility.number;
                master_key::record_begun(&self.master_keys, &self.trail, facility, &self.clock).await;
            }
            Err(error) => tracing::error!(code = %error.code(), %error, "reload: the master keys stay as they were"),
        }
    }

    /// Whether a room's task has ended though nobody told it to.
    fn any_ended(&self) -> bool {
        self.desks.iter().any(Desk::any_ended)
            || self.gone_task.is_finished()
            || self.lan_task.is_finished()
            || self.master_keys_task.is_finished()
            || self.card_tasks.any_ended()
            || self.trail_task.is_finished()
    }

    /// Looks at the heartbeats: systemd's watchdog is fed only while every room lives.
    async fn look(&self, notifier: &Notifier) {
        for desk in &self.desks {
            if let Ok(status) = desk.link.status() {
                let label = [("facility", telemetry::facility(&desk.facility))];
                Metric::CertificateDays.set(&label, health::days(status.certificate_expires, self.clock.now()) as f64);
            }
        }
        self.time.note(false);
        self.telemetry.sum_up();
        if let Some(bytes) = host::rss_bytes() {
            Metric::ResidentMemory.set(&[], bytes as f64);
        }
        let mut rooms = vec![("", "cards", self.cards.health().alive && !self.card_tasks.any_ended())];
        for desk in &self.desks {
            rooms.extend(desk.alive().map(|(room, alive)| (desk.facility.as_str(), room, alive)));
        }
        match rooms.iter().find(|(.., alive)| !alive) {
            None => notifier.watchdog(),
            Some((facility, room, _)) => {
                tracing::error!(code = %Code::GatewayInternal, facility, room, "engawa: a room stands still; the watchdog is not fed");
            }
        }
        let mut counts = Vec::new();
        for desk in &self.desks {
            counts.extend(desk.outbox.counts().await.unwrap_or_default());
        }
        notifier.status(&health::status_line(&counts));
    }

    /// Requests, operations on cards and deliveries end side by side, each within the deadline less what the store needs to
    /// close.
    async fn take_down(mut self, mut endpoint: JoinHandle<bool>, deadline: Duration) {
        let start = self.clock.elapsed();
        let for_store = (deadline / 5).min(Duration::from_secs(2));
        let left = |clock: &Clock| deadline.saturating_sub(clock.elapsed().saturating_sub(start));
        self.stop.send_replace(Stop::Drain);
        self.stop_cards.send_replace(true);
        self.stop_folders.send_replace(true);
        let rest = left(&self.clock).saturating_sub(for_store);
        let cards_end = async {
            let ended = tokio::time::timeout(rest, self.card_tasks.finished()).await.is_ok();
            tracing::info!(finished = ended, "engawa: card sessions ended");
        };
        let endpoint_ends = async {
            let served = end(&mut endpoint, rest).await;
            endpoint.abort();
            tracing::info!(finished = served, "engawa: no longer accepting");
        };
        tokio::join!(cards_end, endpoint_ends);
        let rest = left(&self.clock).saturating_sub(for_store);
        let ends = async {
            for desk in &mut self.desks {
                desk.finished().await;
            }
        };
        let drained = tokio::time::timeout(rest, ends).await.is_ok();
        if !drained {
            self.stop.send_replace(Stop::Now);
            self.desks.iter().for_each(Desk::abort);
        }
        tracing::info!(finished = drained, "engawa: sends in flight ended");
        self.lan_task.abort();
        self.gone_task.abort();
        let _ = (&mut self.gone_task).await;
        self.master_keys_task.abort();
        let _ = (&mut self.master_keys_task).await;
        self.time.note(true);
        // After everything that could be told, and before the store closes.
        self.stop_trail.send_replace(true);
        let told = tokio::time::timeout(left(&self.clock).max(for_store), &mut self.trail_task).await.is_ok();
        self.trail_task.abort();
        tracing::info!(finished = told, "engawa: trail closed");
        drop((self.desks, self.store, self.keys, self.people, self.terminals, self.trail, self.backups));
        drop((self.master_keys, self.time, self.gone));
        let closed = tokio::time::timeout(left(&self.clock).max(for_store), self.store_task.finished()).await;
        tracing::info!(finished = closed.is_ok(), "engawa: store closed");
    }
}

/// Whether the endpoint finished every request in time.
async fn end(endpoint: &mut JoinHandle<bool>, within: Duration) -> bool {
    if endpoint.is_finished() {
        return false;
    }
    matches!(tokio::time::timeout(within, endpoint).await, Ok(Ok(true)))
}

/// Sockets from systemd, or bound by the settings.
async fn listeners(settings: &Config) -> Result<Vec<Listener>, StartError> {
    let inherited = host::inherited()?;
    if !inherited.is_empty() {
        let tcp = inherited.tcp.into_iter().map(Listener::Tcp);
        return Ok(tcp.chain(inherited.unix.into_iter().map(Listener::Unix)).collect());
    }
    let mut listeners = Vec::new();
    for address in &settings.endpoint.listen {
        let listener = host::bind_tcp(*address).await?;
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "engawa: listening");
        }
        listeners.push(Listener::Tcp(listener));
    }
    if let Some(path) = &settings.endpoint.unix_socket {
        if let Some(parent) = path.parent().filter(|parent| !parent.exists()) {
            host::private_directory(parent)?;
        }
        // Whoever connects is judged by his peer credential, so the socket itself may be open.
        listeners.push(Listener::Unix(host::bind_unix(path, 0o666)?));
    }
    Ok(listeners)
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
