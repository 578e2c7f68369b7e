//! What other offices sent: asked for by cursor, kept, acknowledged, and held until a person has looked.
//!
//! ```text
//! the hub's list ──▶ announced ──fetched──▶ kept ──told `downloaded`──▶ waiting for a person ──opened──▶ told `opened`
//!    cursor and rows:    │     unit and event:
//!    one transaction     │     one transaction
//!                        └──the hub has lost it, asked again and again──▶ gone ──waiting for a person──▶ opened (the hub is told nothing)
//! ```
//!
//! Invariants: the cursor moves only together with what it has passed; nothing is acknowledged that is not on stable storage; what
//! the hub lists twice is one, also when it has been forgotten here, and what was gone is asked for again when it is listed again; a unit that cannot be read as care plans is kept as it
//! came, and said so; what the hub gave stays as it came, octet by octet; one unit is in memory at a time; one that fails keeps
//! no other from coming: what failed least goes first, then what was announced first; after a trouble of the hub or of storage
//! nothing is asked for until a page of the list has been read again.

mod fetch;
mod files;
mod forget;
mod poll;
mod query;
mod view;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

pub use forget::forget;
pub use poll::Poller;
pub use view::{
    About, Config, Files, Filter, FreeSpace, Health, HealthStatus, InboxError, Received, Replaced, Standing,
};

use crate::clock::Clock;
use crate::credential::seal::Keyring;
use crate::fault::Code;
use crate::hub::HubPort;
use crate::store::Store;
use crate::task;

/// The handle; cheap to clone.
#[derive(Clone)]
pub struct Inbox {
    inner: Arc<Inner>,
}

/// What handle and task share.
pub(crate) struct Inner {
    store: Store,
    keys: Arc<Keyring>,
    clock: Clock,
    config: Config,
    changed: watch::Sender<u64>,
    /// Milliseconds; as of [`Config::poll`], which a reload may change.
    longest: AtomicU64,
    /// Wakes the task: the hub is to be told something.
    nudge: Notify,
    /// The list is to be read at once.
    sooner: AtomicBool,
    pulse: watch::Sender<Pulse>,
    /// The hub is being asked; that may take its time.
    asking: AtomicBool,
}

/// Last signs of life.
#[derive(Clone, Copy, Debug, Default)]
struct Pulse {
    /// Monotonic time.
    heart: Option<Duration>,
    hub_answered: Option<Timestamp>,
    /// Why nothing comes in.
    failing: Option<Code>,
    /// There is something to fetch, and no room for it.
    full: bool,
    /// Why a unit that the hub told of long ago is still not here.
    overdue: Option<Code>,
}

impl Inner {
    fn beat(&self) {
        let now = self.clock.elapsed();
        self.pulse.send_modify(|pulse| pulse.heart = Some(now));
    }

    /// Waits for the hub. Whoever looks at the heartbeat is told that this is what is waited for.
    async fn ask<T>(&self, question: impl Future<Output = T>) -> T {
        struct Asking<'a>(&'a AtomicBool);
        impl Drop for Asking<'_> {
            fn drop(&mut self) {
                self.0.store(false, Ordering::SeqCst);
            }
        }
        self.asking.store(true, Ordering::SeqCst);
        let _asking = Asking(&self.asking);
        let answer = question.await;
        self.beat();
        answer
    }

    fn tell_changed(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// The running task of the room.
pub struct Tasks {
    poll: JoinHandle<()>,
}

impl Tasks {
    /// Waits until it has ended.
    pub async fn finished(&mut self) {
        if !self.poll.is_finished() {
            let _ = (&mut self.poll).await;
        }
    }

    /// Whether it has ended though nobody told it to.
    #[must_use]
    pub fn any_ended(&self) -> bool {
        self.poll.is_finished()
    }

    /// Ends it where it stands.
    pub fn abort(&self) {
        self.poll.abort();
    }
}

impl Inbox {
    /// Opens the room over a store. Nothing comes in until the [`Poller`] is turned.
    pub fn open<H: HubPort>(
        store: Store,
        keys: Arc<Keyring>,
        hub: Arc<H>,
        config: Config,
        clock: Clock,
    ) -> (Self, Poller<H>) {
        let longest = AtomicU64::new(millis(config.poll));
        let inner = Arc::new(Inner {
            store,
            keys,
            clock,
            config,
            changed: watch::Sender::new(0),
            longest,
            nudge: Notify::new(),
            sooner: AtomicBool::new(false),
            pulse: watch::Sender::new(Pulse::default()),
            asking: AtomicBool::new(false),
        });
        let poller = Poller::new(inner.clone(), hub);
        (Self { inner }, poller)
    }

    /// Opens the room over a store and starts its task, which ends when `stop` turns true.
    pub fn start<H: HubPort>(
        store: Store,
        keys: Arc<Keyring>,
        hub: Arc<H>,
        config: Config,
        clock: Clock,
        stop: watch::Receiver<bool>,
    ) -> (Self, Tasks) {
        let (inbox, poller) = Self::open(store, keys, hub, config, clock);
        let tasks = Tasks { poll: task::spawn(poller.run(stop)) };
        (inbox, tasks)
    }

    /// A setting, certificate or password changed: the hub is asked at once.
    pub fn reconsider(&self) {
        self.inner.sooner.store(true, Ordering::SeqCst);
        self.inner.nudge.notify_one();
    }

    /// Takes up another longest time between two looks.
    pub fn reconfigure(&self, poll: Duration) {
        self.inner.longest.store(millis(poll), Ordering::SeqCst);
    }

    /// Changes whenever something has been received or opened.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
