//! An outbox over a scripted hub, with short pauses.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engawa::clock::Clock;
use engawa::credential::KeyFile;
use engawa::credential::seal::Keyring;
use engawa::fault::Code;
use engawa::hub::{HubPort, Scope, ScriptedHub, Trouble};
use engawa::model::identity::{DocumentKind, Person, Witnessed, Witnesses};
use engawa::model::numbers::{InsuredNumber, InsurerNumber};
use engawa::model::opinion;
use engawa::outbox::backoff::Backoff;
use engawa::outbox::machine::Policy;
use engawa::outbox::{
    self, Acceptance, Guard, NewOpinion, Outbox, RequestHash, Sender, StateName, Stop, Submission, Tasks,
};
use engawa::store::{Store, StoreTask};
use serde_json::Value;
use tokio::sync::watch;
use uuid::Uuid;

use crate::support::{at_most, gateway};

pub(crate) const FACILITY: &str = "1370000018";
pub(crate) const INSURER: &str = "999995";
/// Two of the staff, by names that stand nowhere else.
pub(crate) const WITNESSES: [&str; 2] = ["witness-hanako", "witness-taro"];
/// As the settings have it.
pub(crate) const STRIKES: u32 = 50;
const DAY: Duration = Duration::from_secs(86_400);

/// Where the store lies.
pub(crate) enum Home {
    Temporary(tempfile::TempDir),
    Lasting(PathBuf),
}

impl Home {
    pub(crate) fn new() -> Self {
        Self::Temporary(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Temporary(directory) => directory.path(),
            Self::Lasting(path) => path,
        }
    }
}

pub(crate) struct Room<H = ScriptedHub> {
    pub(crate) outbox: Outbox,
    pub(crate) store: Store,
    pub(crate) hub: Arc<H>,
    pub(crate) clock: Clock,
    pub(crate) directory: Home,
    pub(crate) free: Arc<AtomicU64>,
    keys: Arc<Keyring>,
    tasks: Tasks,
    stop: watch::Sender<Stop>,
    store_task: StoreTask,
}

impl Room {
    pub(crate) async fn open() -> Self {
        let clock = Clock::system();
        Self::over(Home::new(), Arc::new(ScriptedHub::new(clock.clone())), clock).await
    }

    /// The identification of the person with this number, whom the hub knows.
    pub(crate) async fn known(&self, n: u32) -> Uuid {
        self.hub.know_person(INSURER, &insured(n), None);
        self.later(&format!("key {n}"), &document(n)).await.id
    }
}

impl<H: HubPort> Room<H> {
    pub(crate) async fn over(directory: Home, hub: Arc<H>, clock: Clock) -> Self {
        Self::of(FACILITY, directory, hub, clock).await
    }

    /// The outbox of another facility.
    pub(crate) async fn of(facility: &str, directory: Home, hub: Arc<H>, clock: Clock) -> Self {
        let file = directory.path().join("master.key");
        let file = KeyFile::new(file, false, None);
        let keys = if file.path().exists() { file.read() } else { file.create() };
        let keys = Arc::new(keys.unwrap());
        let observer = Arc::new(|_, _| {});
        let (store, store_task) = Store::open(directory.path(), clock.clone(), observer).await.unwrap();
        let free = Arc::new(AtomicU64::new(u64::MAX));
        let look = Arc::clone(&free);
        let guard = Guard {
            free_space: Arc::new(move || Some(look.load(Ordering::Relaxed))),
            min_free: 1 << 20,
            retention: 400 * DAY,
            clock: clock.clone(),
        };
        let backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(40)).unwrap();
        let config = outbox::Config {
            facility: facility.into(),
            clinic: false,
            policy: Policy { backoff, strikes: STRIKES, key_memory: 399 * DAY, ask_after: Duration::from_millis(5) },
            parallel: 4,
            poll_changes: Duration::from_secs(60),
            retention: 400 * DAY,
            event_retention: 7 * DAY,
            idempotency_secret: [7; 32],
        };
        let (stop, stopped) = watch::channel(Stop::Run);
        let (outbox, tasks) =
            Outbox::start(store.clone(), keys.clone(), hub.clone(), guard, config, clock.clone(), stopped).await;
        Self { outbox, store, hub, clock, directory, free, keys, tasks, stop, store_task }
    }

    /// Ends it without waiting for what is on its way; what is left is what a new one finds.
    pub(crate) async fn close(mut self) -> (Home, Arc<H>, Clock) {
        self.stop.send_replace(Stop::Now);
        within(self.tasks.finished()).await;
        drop((self.outbox, self.store));
        within(self.store_task.finished()).await;
        drop(self.keys);
        (self.directory, self.hub, self.clock)
    }

    pub(crate) async fn later(&self, key: &str, evidence: &Witnessed) -> Acceptance {
        self.outbox.identify_later(&sender(), key, evidence).await.unwrap()
    }

    pub(crate) async fn opinion(&self, key: &str) -> Uuid {
        let value = gateway::opinion(key);
        let parsed = opinion::parse(&value, &[], jiff::civil::date(2026, 6, 1)).unwrap();
        let new = NewOpinion {
            opinion: parsed.opinion,
            warnings: parsed.warnings,
            substitutions: parsed.substitutions,
            originals: parsed.originals,
            signature: None,
        };
        let intake = self.outbox.begin(&sender(), key, new).await.unwrap();
        intake.finish(RequestHash::new(&value, None)).await.unwrap().id
    }

    pub(crate) async fn look(&self, id: Uuid) -> (Submission, Option<Person>) {
        self.outbox.identification(FACILITY, id).await.unwrap().unwrap()
    }

    /// Waits for a state of a submission of either kind.
    pub(crate) async fn reaches(&self, id: Uuid, state: StateName) -> Submission {
        self.until(id, |submission| submission.state == state).await
    }

    pub(crate) async fn until(&self, id: Uuid, wish: impl Fn(&Submission) -> bool) -> Submission {
        let mut events = self.outbox.event_watch();
        within(async {
            loop {
                events.borrow_and_update();
                let submission = self.outbox.submission(FACILITY, id).await.unwrap().unwrap();
                if wish(&submission) {
                    return submission;
                }
                events.changed().await.unwrap();
            }
        })
        .await
    }

    /// Everything that was ever told, as text.
    pub(crate) async fn events(&self) -> Vec<Value> {
        let events = self.outbox.events_after(FACILITY, 0, 1000).await.unwrap();
        events.into_iter().map(|event| event.data).collect()
    }
}

pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(at_most(Duration::from_secs(10)), what).await.expect("it does not come")
}

pub(crate) fn sender() -> Sender {
    Sender { facility: FACILITY.into(), id: "counter".into(), hub_user: None, act: None }
}

pub(crate) fn insured(n: u32) -> String {
    format!("{:010}", 4_200_000_000_u64 + u64::from(n))
}

pub(crate) fn witnesses() -> Witnesses {
    Witnesses::parse(WITNESSES[0], WITNESSES[1]).unwrap()
}

pub(crate) fn document(n: u32) -> Witnessed {
    let (insurer, insured) = (InsurerNumber::parse(INSURER).unwrap(), InsuredNumber::parse(&insured(n)).unwrap());
    Witnessed::document(DocumentKind::CareInsuranceCard, &insurer, &insured, witnesses())
}

pub(crate) fn line_down() -> Trouble {
    Trouble::of(Code::HubUnreachable, Scope::Hub)
}
