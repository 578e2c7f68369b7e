//! What must leave the house, of whatever [kind](kind::Kind): accepted once, kept safe, sent when hub and line allow, and
//! followed to the hub's receipt; an opinion further to the municipality's acceptance, a care plan to the person who opens it.
//!
//! ```text
//!             ┌──────────── Retry ────────────┐
//!             ▼                               │
//!  accept → queued ──Start──► sending ──► held (E3003 until its day · damaged · too many own failures · unaskable ·
//!             ▲ │                │ │ │          of a care plan: E3004)
//!             │ └─Cancel─►       │ │ └──► delivered   (final: the hub's receipt)
//!             │  cancelled       │ └────► returned    (final: refused for good)
//!             │                  ▼
//!             └── never seen ── unknown ──asked by key──► delivered | returned | held
//!
//!  queued, held ──Cancel──► cancelled (final)      queued, held ──OnPaper──► on_paper (final; care plans only)
//! ```
//!
//! A care plan stands in the queue of its two offices: nothing there overtakes, and of what waits there one row, the head, may
//! go. No other queue waits for it. What goes on paper never goes to the hub, so only what the hub certainly does not have goes
//! on paper.
//!
//! What the hub may see twice without harm (an identification) is never `unknown`: when its answer is lost, it queues again.
//!
//! Invariants: the hub's `Idempotency-Key` is made at acceptance, of a secret of the box, the sender's key and the request, so that a
//! box which begins with a backup gives the same request the same one (another key is made of it only after a refusal that the hub
//! would repeat for ever and that certainly had no effect, when a person sends it again); nothing is
//! answered before the commit; `sending` is on stable storage before the first byte leaves; an unknown outcome is asked,
//! never resent blindly; a final state never changes; the municipality's progress is a fact beside the state, so there is
//! never a receipt and a refusal; trouble with one kind closes no other kind's way (they share the places: one that hangs
//! takes a place until its time is up, and with one place in all the others wait so long); what the hub told of a person is
//! sealed in the transaction that says `delivered`. Memory does not depend on the number of documents.

mod asking;
pub mod backoff;
mod bar;
mod care_plan;
pub mod circuit;
mod dispatch;
pub mod engine;
mod feed;
mod forget;
pub mod guard;
mod housekeeping;
mod identification;
mod intake;
mod keep;
pub mod kind;
pub mod machine;
mod note;
pub mod order;
mod query;
pub mod record;
mod request;
mod send;
mod view;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

pub use bar::{ABSENCE, BARRED};
pub use dispatch::Stop;
pub use feed::document as news_place;
pub use forget::Forgetting;
pub use guard::{FreeSpace, Guard};
// Callers of this room do not see the hub; what it tells them of a submission they get from here.
pub use crate::hub::{HubError, MunicipalState, Receipt, RecipientState};
pub use care_plan::{BATCH_LIMIT, Batch, NewBatch, NewUnit};
pub use intake::{Intake, NewOpinion, Repeat, WIRE_LIMIT};
pub use kind::Kind;
pub use request::RequestHash;
pub use view::{
    About, Acceptance, Earlier, EventRecord, Filter, Health, HealthStatus, Municipality, OutboxError, Page, Recipient,
    Sender, StateName, Submission,
};

use crate::clock::Clock;
use crate::credential::seal::Keyring;
use crate::fault::Code;
use crate::hub::HubPort;
use crate::store::{AllAsFacility, PasswordGiven, Store};
use crate::task;
use crate::telemetry::{self, Metric};

/// The figures of the room. Not `Debug`: it holds a secret.
#[derive(Clone)]
pub struct Config {
    /// Whose documents: those of other facilities in the same store are another outbox's.
    pub facility: Arc<str>,
    /// Pauses and limits of the machine.
    pub policy: machine::Policy,
    /// Documents on their way at a time.
    pub parallel: usize,
    /// Longest time between two looks at the feed of changes.
    pub poll_changes: Duration,
    /// How long finished documents, their history and their keys are kept; at least 400 days.
    pub retention: Duration,
    /// How long events can be replayed.
    pub event_retention: Duration,
    /// Hashes the senders' idempotency keys; as long-lived as the database, or repeats are not known again.
    pub idempotency_secret: [u8; 32],
    /// True of a clinic or hospital: that the hub has no care plans for it is as it should be.
    pub clinic: bool,
}

/// The handle that the local endpoint holds; cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    inner: Arc<Inner>,
}

/// What handle, dispatcher and feed share.
pub(crate) struct Inner {
    /// Whose rows are this outbox's; it neither sees nor touches any other.
    facility: Arc<str>,
    /// The same as a label of metrics.
    label: &'static str,
    store: Store,
    keys: Arc<Keyring>,
    clock: Clock,
    guard: Guard,
    config: RwLock<Config>,
    /// Documents that are coming in and have pieces in the store.
    incoming: Mutex<HashSet<Uuid>>,
    /// Wakes the dispatcher: something may be ready to go.
    nudge: Notify,
    /// A person or a reload asks that a closed way be tried at once.
    reconsider: Notify,
    /// Wakes the kind's feed: something was delivered.
    delivered: kind::EachKind<Notify>,
    outlook: watch::Sender<engine::Outlook>,
    pulse: watch::Sender<Pulse>,
    /// Whether this box may send at all, as it was read last.
    bar: watch::Sender<bar::Bar>,
    /// Counts what was said of that here, so that what was read before does not contradict it.
    bar_said: AtomicU64,
    /// That another box took over was found here, and is not written down yet.
    bar_owed: AtomicBool,
    /// When the hub was heard last, as it is noted in the store; milliseconds since 1970.
    heard: AtomicI64,
    /// What was accepted until then is asked about before it is sent; milliseconds since 1970.
    doubt: AtomicI64,
    /// The same, as it is noted in the store.
    doubt_noted: tokio::sync::Mutex<i64>,
    /// When a person confirmed last that this box sends; milliseconds since 1970.
    confirmed: AtomicI64,
    /// Whether what was handed in for a person goes as the facility's user.
    as_facility: AtomicBool,
    /// Counts the passwords that were given, so that what was on its way with the one before goes again.
    passwords: Arc<AtomicU64>,
}

/// Why something waits for a person's password.
const FOR_A_PASSWORD: [Code; 3] = [Code::HubPasswordNeeded, Code::HubPasswordRefused, Code::HubLoginCautious];

/// Last signs of life.
#[derive(Clone, Copy, Debug, Default)]
struct Pulse {
    dispatcher: Option<Timestamp>,
    /// The same in monotonic time.
    heart: Option<Duration>,
    hub_answered: Option<Timestamp>,
    /// Why the kind's feed of changes was not read the last time.
    feed_failed: kind::EachKind<Option<Code>>,
}

impl Inner {
    fn config(&self) -> Config {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it is of this outbox's facility who asks. Whoever leads a request here has seen to that; a mistake there must not
    /// move another's rows.
    fn serves(&self, sender: &Sender) -> Result<(), OutboxError> {
        if *sender.facility == *self.facility { Ok(()) } else { Err(Code::FacilityGone.into()) }
    }

    fn incoming(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.incoming.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accepted(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(0);
        Metric::Accepted.add(&[("facility", self.label)], count);
        Metric::Events.add(&[("kind", StateName::Queued.event_kind())], count);
        self.nudge.notify_one();
    }
}

/// The running tasks of the room.
pub struct Tasks {
    dispatcher: JoinHandle<()>,
    feed: JoinHandle<()>,
    housekeeping: JoinHandle<()>,
}

impl Tasks {
    /// Waits until all have ended.
    pub async fn finished(&mut self) {
        for task in [&mut self.dispatcher, &mut self.feed, &mut self.housekeeping] {
            if !task.is_finished() {
                let _ = task.await;
            }
        }
    }

    /// Whether one has ended though nobody told it to.
    #[must_use]
    pub fn any_ended(&self) -> bool {
        self.dispatcher.is_finished() || self.feed.is_finished() || self.housekeeping.is_finished()
    }

    /// Ends them where they stand. What is on its way has an unknown outcome.
    pub fn abort(&self) {
        for task in [&self.dispatcher, &self.feed, &self.housekeeping] {
            task.abort();
        }
    }
}

impl Outbox {
    /// Opens the room of one facility over the box's store, sweeps what an interrupted reception left, and starts its tasks. They end when `stop`
    /// says so. Nothing of this facility may be taken in before this returns.
    pub async fn start<H: HubPort>(
        store: Store,
        keys: Arc<Keyring>,
        hub: Arc<H>,
        guard: Guard,
        config: Config,
        clock: Clock,
        stop: watch::Receiver<Stop>,
    ) -> (Self, Tasks) {
        let engine = engine::Engine::new(config.policy, config.parallel, rand::random());
        // So that a rate can be taken from the first document on.
        Metric::Accepted.add(&[("facility", telemetry::facility(&config.facility))], 0);
        let inner = Arc::new(Inner {
            facility: config.facility.clone(),
            label: telemetry::facility(&config.facility),
            store,
            keys,
            clock,
            guard,
            config: RwLock::new(config),
            incoming: Mutex::default(),
            nudge: Notify::new(),
            reconsider: Notify::new(),
            delivered: kind::EachKind::default(),
            outlook: watch::Sender::new(engine.outlook()),
            pulse: watch::Sender::new(Pulse::default()),
            bar: watch::Sender::new(bar::Bar::Unread),
            bar_said: AtomicU64::new(0),
            bar_owed: AtomicBool::new(false),
            heard: AtomicI64::new(bar::UNREAD),
            doubt: AtomicI64::new(0),
            doubt_noted: tokio::sync::Mutex::default(),
            confirmed: AtomicI64::new(i64::MIN),
            as_facility: AtomicBool::new(false),
            passwords: Arc::default(),
        });
        if let Err(error) = housekeeping::sweep(&inner).await {
            tracing::warn!(code = %error.code, "outbox: the sweep at start failed");
        }
        let dispatcher = dispatch::Dispatcher::new(inner.clone(), hub.clone(), engine, stop.clone());
        let tasks = Tasks {
            dispatcher: task::spawn(dispatcher.run()),
            feed: task::spawn(feed::run(inner.clone(), hub, stop.clone())),
            housekeeping: task::spawn(housekeeping::run(inner.clone(), stop)),
        };
        (Self { inner }, tasks)
    }

    /// The request that used this key before, to be compared with the one that uses it again. Asked before anything is
    /// judged: an answer once given is given again, whether or not there is room for new work.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn repeat(&self, sender: &Sender, idempotency_key: &str) -> Result<Option<Repeat>, OutboxError> {
        Repeat::of(&self.inner, sender, idempotency_key).await
    }

    /// Starts taking an opinion in. Nothing is promised until [`Intake::finish`] returns.
    ///
    /// # Errors
    /// `FACILITY_GONE` when the sender is of another facility, `STORAGE_FULL` with a forecast, or the store's failure.
    pub async fn begin(&self, sender: &Sender, idempotency_key: &str, new: NewOpinion) -> Result<Intake, OutboxError> {
        self.inner.serves(sender)?;
        Intake::begin(self.inner.clone(), sender, idempotency_key, new).await
    }

    /// Withdraws a submission that has not left.
    ///
    /// # Errors
    /// `SUBMISSION_STATE`, `SUBMISSION_IN_FLIGHT`, `REQUEST_NOT_FOUND`, `FACILITY_GONE` as of [`Outbox::begin`], or the store's
    /// failure.
    pub async fn cancel(&self, sender: &Sender, id: Uuid) -> Result<Submission, OutboxError> {
        self.person(sender, id, || machine::Input::Cancel).await
    }

    /// Sends a waiting or held submission at once, or asks at once about one whose outcome is unknown.
    ///
    /// # Errors
    /// As [`Outbox::cancel`].
    pub async fn retry(&self, sender: &Sender, id: Uuid) -> Result<Submission, OutboxError> {
        let submission = self.person(sender, id, || machine::Input::Retry).await?;
        self.reconsider();
        Ok(submission)
    }

    /// As [`Outbox::retry`], and from here on it goes as the facility's user, whoever handed it in.
    ///
    /// # Errors
    /// As [`Outbox::cancel`].
    pub async fn as_facility(&self, sender: &Sender, id: Uuid) -> Result<Submission, OutboxError> {
        let submission = self.inner.to_facility(sender, id).await?;
        self.reconsider();
        Ok(submission)
    }

    /// An account's password for the hub is there, or may be sent again: what waits for it goes.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn password_given(&self, account: &str) -> Result<(), OutboxError> {
        let reasons = FOR_A_PASSWORD.map(Code::name);
        let (facility, account) = (self.inner.facility.to_string(), account.to_owned());
        // First: what ends on its way after the write sees it.
        self.inner.passwords.fetch_add(1, Ordering::AcqRel);
        self.inner.store.write(PasswordGiven { facility, account, reasons }).await?;
        self.reconsider();
        Ok(())
    }

    /// What is handed in for a person goes as the person from here on.
    pub fn in_person(&self) {
        self.inner.as_facility.store(false, Ordering::Release);
    }

    /// Everything goes as the facility's user from here on; how much of it waits. What is on its way, or is asked about, is noted
    /// as the facility's when it goes again.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn all_as_facility(&self) -> Result<u64, OutboxError> {
        self.inner.as_facility.store(true, Ordering::Release);
        let changed = self.inner.store.write(AllAsFacility { facility: self.inner.facility.to_string() }).await?;
        self.reconsider();
        Ok(changed)
    }

    /// A setting, certificate or password changed: a closed way is tried at once.
    pub fn reconsider(&self) {
        self.inner.reconsider.notify_one();
        self.inner.delivered.all().for_each(Notify::notify_one);
    }

    /// Takes up new pauses, limits and intervals; places in parallel and retention stay until the next start.
    pub fn reconfigure(&self, config: &Config) {
        let mut own = self.inner.config.write().unwrap_or_else(PoisonError::into_inner);
        own.policy = config.policy;
        own.poll_changes = config.poll_changes;
        own.clinic = config.clinic;
    }

    /// Whether the dispatcher's heart beats.
    #[must_use]
    pub fn alive(&self) -> bool {
        self.inner.alive()
    }

    /// Changes whenever there are new events to read.
    #[must_use]
    pub fn event_watch(&self) -> watch::Receiver<i64> {
        self.inner.store.newest_event()
    }
}
