//! The room itself: one look after the other, each through all folders.

mod incoming;
mod outgoing;
mod paper;
mod telling;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch as channel;

use super::claim::Quiet;
use super::hand::{self, Chosen};
use super::place::Place;
use super::scan::Scan;
use super::status::Status;
use super::told::Taken;
use super::watch::Watch;
use super::{Config, Health, disk};
use crate::audit::Draft;
use crate::clock::Clock;
use crate::credential::seal::{Keyring, SealError};
use crate::fault::Code;
use crate::inbox::{Inbox, InboxError};
use crate::outbox::{Outbox, OutboxError, Sender};
use crate::store::{Lull, SetFact, Store, StoreError, fact_name};
use crate::task;

/// Under which the outbox knows the folders.
const SENDER: &str = "exchange";
/// Octets of `substitutions.txt` that are read.
const MAX_CHOSEN: usize = 64 * 1024;

/// The room.
pub struct Room {
    outbox: Outbox,
    inbox: Inbox,
    store: Store,
    keys: Arc<Keyring>,
    config: Config,
    clock: Clock,
    stop: channel::Receiver<bool>,
    sender: Sender,
    place: Place,
    watch: Watch,
    scan: Scan,
    quiet: Quiet,
    status: Status,
    /// `None` until the database has been asked.
    taken: Option<Vec<Taken>>,
    /// The file system of the folders, as it is noted in the store.
    device: Option<u64>,
    /// The newest event that was looked at.
    events: i64,
    /// The newest event of any facility when that was all there was.
    heard: Option<i64>,
    /// While it lasts nothing that arrived waits for a name in `in`.
    placed: Lull,
    /// Why some files cannot be moved on in this look, while others can.
    stuck: Option<io::Error>,
    /// What was logged last, so that it is logged once.
    logged: Option<String>,
    health: channel::Sender<Health>,
    next: Duration,
}

/// What keeps the room from going on.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("a folder cannot be used")]
    Folder(#[from] io::Error),
    #[error("{0}")]
    Later(Code),
}

impl Trouble {
    const fn code(&self) -> Code {
        match self {
            Self::Folder(_) => Code::ExchangeFolder,
            Self::Later(code) => *code,
        }
    }
}

impl From<SealError> for Trouble {
    fn from(_: SealError) -> Self {
        Self::Later(Code::GatewayInternal)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Later(error.code())
    }
}

impl From<OutboxError> for Trouble {
    fn from(error: OutboxError) -> Self {
        Self::Later(error.code)
    }
}

impl From<InboxError> for Trouble {
    fn from(error: InboxError) -> Self {
        Self::Later(error.code)
    }
}

/// News that is worth a look.
pub(super) struct News {
    events: channel::Receiver<i64>,
    inbox: channel::Receiver<u64>,
}

impl News {
    /// Waits for any.
    pub(super) async fn any(&mut self) {
        let changed = async {
            tokio::select! {
                changed = self.events.changed() => changed.is_ok(),
                changed = self.inbox.changed() => changed.is_ok(),
            }
        };
        if !changed.await {
            // Whoever told of it has ended.
            std::future::pending::<()>().await;
        }
    }
}

/// What the trail says of what a file in a folder asked for.
fn asked(facility: &str, act: &'static str) -> Draft {
    Draft { by: "folder".to_owned(), ..Draft::own(facility, act) }
}

/// Work on files, on a thread that may wait.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    task::aside(work).await.map_err(io::Error::other)?
}

impl Room {
    /// Opens the room. Nothing is touched before the first look.
    #[must_use]
    pub fn open(
        outbox: Outbox,
        inbox: Inbox,
        store: Store,
        keys: Arc<Keyring>,
        config: Config,
        clock: Clock,
        stop: channel::Receiver<bool>,
    ) -> Self {
        Self {
            sender: Sender {
                facility: config.facility.clone(),
                id: SENDER.to_owned(),
                hub_user: None,
                act: Some(asked(&config.facility, "careplan.submit")),
            },
            place: Place::new(&config.directory, &config.facility),
            watch: Watch::new(),
            scan: Scan::new(config.settle, config.patience),
            quiet: Quiet::default(),
            status: Status::default(),
            taken: None,
            device: None,
            events: 0,
            heard: None,
            placed: Lull::default(),
            stuck: None,
            logged: None,
            health: channel::Sender::new(Health::default()),
            next: config.look,
            outbox,
            inbox,
            store,
            keys,
            config,
            clock,
            stop,
        }
    }

    /// How the room does.
    #[must_use]
    pub fn health(&self) -> channel::Receiver<Health> {
        self.health.subscribe()
    }

    pub(super) fn news(&self) -> News {
        News { events: self.outbox.event_watch(), inbox: self.inbox.watch() }
    }

    /// Waits for a change in `out`, where the system tells of one.
    pub(super) async fn changed(&self) {
        self.watch.changed().await;
    }

    /// Looks through all folders once and does what there is to do. Gives the time after which the next look is due.
    pub async fn look(&mut self) -> Duration {
        self.status.begin();
        self.next = self.config.look;
        let done = self.work().await;
        let reason = match &done {
            Ok(reason) => *reason,
            Err(trouble) => Some(trouble.code()),
        };
        if let Some(code) = reason {
            self.status.trouble(code);
        }
        self.log(done.err().as_ref(), reason);
        let (place, now) = (self.place.base.clone(), self.clock.now());
        // Where the folder is not there its status cannot be written either; the health report has it.
        let mut status = std::mem::take(&mut self.status);
        let written = task::aside(move || {
            let _ = if place.is_dir() { status.write(&place, now) } else { Ok(()) };
            status
        });
        self.status = written.await.unwrap_or_default();
        self.health.send_modify(|health| {
            health.reason = reason;
            health.last_proof = if reason.is_none() { Some(now) } else { health.last_proof };
        });
        if self.next < self.config.look { self.next } else { self.clock.until_beat(self.config.look) }
    }

    fn log(&mut self, trouble: Option<&Trouble>, reason: Option<Code>) {
        let what = reason.map(|code| match trouble {
            Some(Trouble::Folder(error)) => format!("{} {error}", code.name()),
            _ => code.name().to_owned(),
        });
        match (&what, reason) {
            (Some(said), Some(code)) if self.logged.as_ref() != Some(said) => {
                let error = trouble.map(|trouble| trouble as &dyn std::error::Error);
                tracing::warn!(code = %code, error, "exchange: the folders have to wait");
            }
            (None, _) if self.logged.is_some() => tracing::info!("exchange: the folders work again"),
            _ => {}
        }
        self.logged = what;
    }

    /// One look; gives what has to wait although the folders can be used.
    async fn work(&mut self) -> Result<Option<Code>, Trouble> {
        self.stuck = None;
        self.prepare().await?;
        let chosen = Arc::new(self.chosen().await);
        self.load().await?;
        let mut wait = self.claims(&chosen).await;
        if wait.is_none() {
            wait = self.out(&chosen).await?;
        }
        // What was not heard out is not told of: the word that something goes on paper may be among it.
        let told = if wait.is_none() { self.tell().await } else { Ok(()) };
        let arrived = self.arrive().await;
        for done in [told, arrived] {
            match done {
                Ok(()) => {}
                Err(Trouble::Later(code)) => wait = wait.or(Some(code)),
                Err(trouble) => return Err(trouble),
            }
        }
        match self.stuck.take() {
            Some(error) => Err(error.into()),
            None => Ok(wait),
        }
    }

    async fn prepare(&mut self) -> Result<(), Trouble> {
        let name = fact_name("exchange.device", &self.config.facility);
        let known = match self.device {
            Some(device) => Some(device),
            None => self.store.fact(&name).await?.and_then(|value| value.parse().ok()),
        };
        let place = self.place.clone();
        let device = aside(move || place.prepare(known)).await?;
        if known != Some(device) {
            self.store.write(SetFact { name, value: device.to_string() }).await?;
        }
        self.device = Some(device);
        self.watch.follow(&self.place.at("out"));
        Ok(())
    }

    /// What the facility chose to send for characters that the hub lacks.
    async fn chosen(&mut self) -> Chosen {
        let path = self.place.at("substitutions.txt");
        let read = aside(move || disk::read(&path)).await;
        let (chosen, odd) = match read {
            Ok(Some(bytes)) if bytes.len() <= MAX_CHOSEN => hand::chosen(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Default::default(),
            _ => {
                self.status.say("substitutions.txt を読めません。", "substitutions.txt cannot be read.");
                Default::default()
            }
        };
        if !odd.is_empty() {
            let lines = odd.iter().take(10).map(ToString::to_string).collect::<Vec<_>>().join(", ");
            self.status.say(
                format!("substitutions.txt の{lines}行目が「髙 高」の形ではありません。"),
                format!("substitutions.txt: line {lines} is not of the form \"髙 高\"."),
            );
        }
        chosen
    }

    async fn load(&mut self) -> Result<(), Trouble> {
        if self.taken.is_none() {
            let (_, newest) = self.outbox.event_bounds(&self.config.facility).await?;
            let rows = self.store.taken(&self.config.facility).await?;
            self.events = newest;
            self.taken = Some(rows.iter().filter_map(|row| Taken::read(row, &self.keys)).collect());
        }
        Ok(())
    }

    fn stopping(&self) -> bool {
        *self.stop.borrow()
    }

    fn sooner(&mut self, within: Duration) {
        self.next = self.next.min(within);
    }

    fn now(&self) -> i64 {
        let now: Timestamp = self.clock.now();
        now.as_millisecond()
    }
}
