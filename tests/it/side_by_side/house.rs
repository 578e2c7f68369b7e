//! A box of several facilities: one store, and for each an outbox with a hub of its own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use engawa::clock::Clock;
use engawa::credential::KeyFile;
use engawa::credential::seal::Keyring;
use engawa::hub::ScriptedHub;
use engawa::model::opinion;
use engawa::outbox::backoff::Backoff;
use engawa::outbox::machine::Policy;
use engawa::outbox::{
    self, Guard, Intake, NewOpinion, Outbox, RequestHash, Sender, StateName, Stop, Submission, Tasks,
};
use engawa::store::{Store, StoreTask};
use tokio::sync::watch;
use uuid::Uuid;

use crate::identification::room::{Home, within};
use crate::support::gateway;

/// A clinic and a care manager's office of one house.
pub(super) const BOTH: [&str; 2] = ["1370000018", "1370000121"];
pub(super) const PLACES: usize = 4;
const DAY: Duration = Duration::from_secs(86_400);

/// One facility of the box.
pub(super) struct Desk {
    pub(super) facility: &'static str,
    pub(super) hub: Arc<ScriptedHub>,
    pub(super) outbox: Outbox,
    tasks: Tasks,
    stop: watch::Sender<Stop>,
}

pub(super) struct House {
    pub(super) store: Store,
    pub(super) clock: Clock,
    keys: Arc<Keyring>,
    task: StoreTask,
    home: Home,
}

impl House {
    pub(super) async fn open() -> Self {
        Self::at(Home::new(), Clock::system()).await
    }

    pub(super) async fn at(home: Home, clock: Clock) -> Self {
        let file = home.path().join("master.key");
        let file = KeyFile::new(file, false, None);
        let keys = if file.path().exists() { file.read() } else { file.create() };
        let (store, task) = Store::open(home.path(), clock.clone(), Arc::new(|_, _| {})).await.unwrap();
        Self { store, clock, keys: Arc::new(keys.unwrap()), task, home }
    }

    pub(super) fn hub(&self) -> Arc<ScriptedHub> {
        Arc::new(ScriptedHub::new(self.clock.clone()))
    }

    /// Both facilities, each with a hub that takes everything.
    pub(super) async fn both(&self) -> [Desk; 2] {
        [self.desk(BOTH[0], self.hub()).await, self.desk(BOTH[1], self.hub()).await]
    }

    pub(super) async fn desk(&self, facility: &'static str, hub: Arc<ScriptedHub>) -> Desk {
        let guard =
            Guard { free_space: Arc::new(|| None), min_free: 1 << 20, retention: 400 * DAY, clock: self.clock.clone() };
        let backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(40)).unwrap();
        let config = outbox::Config {
            facility: facility.into(),
            clinic: false,
            policy: Policy { backoff, strikes: 50, key_memory: 399 * DAY, ask_after: Duration::from_millis(5) },
            parallel: PLACES,
            poll_changes: Duration::from_secs(60),
            retention: 400 * DAY,
            event_retention: 7 * DAY,
            idempotency_secret: [7; 32],
        };
        let (stop, stopped) = watch::channel(Stop::Run);
        let (store, keys, clock) = (self.store.clone(), self.keys.clone(), self.clock.clone());
        let (outbox, tasks) = Outbox::start(store, keys, hub.clone(), guard, config, clock, stopped).await;
        Desk { facility, hub, outbox, tasks, stop }
    }

    /// Ends the box; what lies in its directory is what the next one finds.
    pub(super) async fn close(self) -> (Home, Clock) {
        let Self { store, clock, keys, task, home } = self;
        drop((store, keys));
        within(task.finished()).await;
        (home, clock)
    }
}

impl Desk {
    /// Ends it without waiting for what is on its way.
    pub(super) async fn close(mut self) -> Arc<ScriptedHub> {
        self.stop.send_replace(Stop::Now);
        within(self.tasks.finished()).await;
        self.hub
    }

    pub(super) fn sender(&self) -> Sender {
        Sender { facility: self.facility.into(), id: "desk".into(), hub_user: None, act: None }
    }

    pub(super) async fn begin(&self, key: &str) -> Intake {
        let parsed = opinion::parse(&gateway::opinion(key), &[], jiff::civil::date(2026, 6, 1)).unwrap();
        let new = NewOpinion {
            opinion: parsed.opinion,
            warnings: parsed.warnings,
            substitutions: parsed.substitutions,
            originals: parsed.originals,
            signature: None,
        };
        self.outbox.begin(&self.sender(), key, new).await.unwrap()
    }

    pub(super) async fn opinion(&self, key: &str) -> Uuid {
        let intake = self.begin(key).await;
        intake.finish(RequestHash::new(&gateway::opinion(key), None)).await.unwrap().id
    }

    pub(super) async fn look(&self, id: Uuid) -> Submission {
        self.outbox.submission(self.facility, id).await.unwrap().unwrap()
    }

    pub(super) async fn until(&self, id: Uuid, wish: impl Fn(&Submission) -> bool) -> Submission {
        let mut events = self.outbox.event_watch();
        within(async {
            loop {
                events.borrow_and_update();
                let submission = self.look(id).await;
                if wish(&submission) {
                    return submission;
                }
                // That the way is barred is no event.
                let _ = tokio::time::timeout(Duration::from_millis(20), events.changed()).await;
            }
        })
        .await
    }

    pub(super) async fn reaches(&self, id: Uuid, state: StateName) -> Submission {
        self.until(id, |submission| submission.state == state).await
    }

    /// Their keys at the hub.
    pub(super) async fn keys(&self, ids: impl IntoIterator<Item = &Uuid>) -> BTreeSet<Uuid> {
        let mut keys = BTreeSet::new();
        for id in ids {
            let found = self.outbox.submission(&self.sender().facility, *id).await.unwrap().unwrap();
            keys.insert(found.hub_key.unwrap());
        }
        keys
    }

    /// What its hub has, under their keys.
    pub(super) fn filed(&self) -> BTreeSet<Uuid> {
        let filed = self.hub.filed();
        assert!(filed.values().all(|times| *times == 1), "filed twice");
        filed.into_keys().collect()
    }
}
