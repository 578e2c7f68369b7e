//! A room over a real store and a scripted hub, in virtual time: the test turns it by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engawa::clock::Clock;
use engawa::credential::KeyFile;
use engawa::credential::seal::Keyring;
use engawa::fault::Code;
use engawa::hub::{Scope, ScriptedHub, Trouble};
use engawa::inbox::{Config, Filter, Inbox, Poller, Received};
use engawa::model::careplan::send_units;
use engawa::store::{EventRow, Store, StoreTask};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::careplan_generator::{Draw, Manner};
use crate::careplan_unit::{only, unit_files};

pub(super) const FACILITY: &str = "9970000023";
pub(super) const SENDER: &str = "9970000015";
pub(super) const DAY: Duration = Duration::from_secs(86_400);
pub(super) const POLL: Duration = Duration::from_secs(600);

/// A store that several rooms may stand over, one after the other or each with its own facility.
pub(super) struct Ground {
    pub(super) store: Store,
    pub(super) keys: Arc<Keyring>,
    pub(super) clock: Clock,
    _task: StoreTask,
    _directory: TempDir,
}

impl Ground {
    pub(super) async fn new() -> Self {
        // In memory where there is such a place: thousands of sequences need no disk.
        let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let clock = Clock::manual("2026-11-22T00:00:00Z".parse().unwrap());
        let (store, task) = Store::open(directory.path(), clock.clone(), Arc::new(|_, _| {})).await.unwrap();
        let keys = Arc::new(KeyFile::new(directory.path().join("master.key"), false, None).create().unwrap());
        Self { store, keys, clock, _task: task, _directory: directory }
    }
}

pub(super) struct Room {
    pub(super) store: Store,
    pub(super) hub: ScriptedHub,
    pub(super) clock: Clock,
    pub(super) inbox: Inbox,
    pub(super) poller: Poller<ScriptedHub>,
    pub(super) facility: String,
    pub(super) free: Arc<AtomicU64>,
    keys: Arc<Keyring>,
}

impl Room {
    pub(super) fn over(ground: &Ground, facility: &str) -> Self {
        let (store, keys, clock) = (ground.store.clone(), ground.keys.clone(), ground.clock.clone());
        let (hub, free) = (ScriptedHub::new(clock.clone()), Arc::new(AtomicU64::new(1 << 30)));
        let (inbox, poller) = open((&store, &keys, &clock), &hub, facility, &free);
        Self { store, hub, clock, inbox, poller, facility: facility.to_owned(), free, keys }
    }

    pub(super) async fn new() -> (Ground, Self) {
        let ground = Ground::new().await;
        let room = Self::over(&ground, FACILITY);
        (ground, room)
    }

    /// What a start after a crash makes of the same store.
    pub(super) fn reopen(&mut self) {
        (self.inbox, self.poller) = open((&self.store, &self.keys, &self.clock), &self.hub, &self.facility, &self.free);
    }

    /// Turns until the hub's list has been read and all that can be done is done, at most so long.
    pub(super) async fn pass(&mut self, time: Duration) {
        let end = self.clock.elapsed() + time;
        loop {
            let wait = self.poller.turn().await;
            let left = end.saturating_sub(self.clock.elapsed());
            if left.is_zero() {
                return;
            }
            self.clock.advance(wait.min(left).max(Duration::from_millis(1)));
        }
    }

    pub(super) async fn list(&self, unopened: bool) -> Vec<Received> {
        self.inbox.list(&self.facility, &Filter { unopened, after: 0, limit: 200 }).await.unwrap()
    }

    pub(super) async fn one(&self) -> Received {
        let mut list = self.list(false).await;
        assert_eq!(list.len(), 1);
        list.remove(0)
    }

    pub(super) async fn events(&self) -> Vec<EventRow> {
        self.store.events_after(&self.facility, 0, 0, 1000).await.unwrap()
    }

    pub(super) fn told(&self) -> Vec<(String, engawa::hub::Acknowledgement)> {
        self.hub.acknowledgements().into_iter().map(|told| (told.id, told.what)).collect()
    }
}

fn open(
    (store, keys, clock): (&Store, &Arc<Keyring>, &Clock),
    hub: &ScriptedHub,
    facility: &str,
    free: &Arc<AtomicU64>,
) -> (Inbox, Poller<ScriptedHub>) {
    let free = free.clone();
    let config = Config {
        facility: facility.to_owned(),
        poll: POLL,
        retention: 400 * DAY,
        free_space: Arc::new(move || Some(free.load(Ordering::SeqCst))),
        min_free: 1 << 20,
        clinic: false,
    };
    Inbox::open(store.clone(), keys.clone(), Arc::new(hub.clone()), config, clock.clone())
}

/// A unit of the standard, as another office sent it: the send unit of this name, under this stamp.
pub(super) fn unit(id: &str, stamp: &str) -> Vec<u8> {
    let kind = send_units().iter().find(|unit| unit.id == id).unwrap();
    let unit = only(&unit_files(kind, &mut Draw(7), Manner::Clean));
    let mut value: Value = serde_json::from_slice(&unit.to_json().unwrap()).unwrap();
    value["stamp"] = json!(stamp);
    serde_json::to_vec(&value).unwrap()
}

/// A trouble of one unit, and of the whole hub.
pub(super) const fn trouble(scope: Scope) -> Trouble {
    Trouble::of(Code::HubTrouble, scope)
}
