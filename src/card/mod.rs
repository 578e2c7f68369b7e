//! The card readers of the box, shared by the terminals of the house, and the JPKI card on them.
//!
//! ```text
//!  terminal ── open ──► session ──► certificate · counters · sign · basic four · apdu
//!                          │                        │ one job = one transaction
//!                 machine (leases, queue)        driver ──► one thread and one PC/SC context a reader
//!                          ▲                        │
//!                          └── broker ◄── reports ──┘ one more thread that watches
//! ```
//!
//! The states of a session are in [`machine`]. Invariants:
//!
//! - **No request spends two tries.** A PIN is taken by value together with an [`channel::Attempt`] that cannot be copied,
//!   by the one function that sends it, after it has read the tries left. No channel repeats a command. Whoever gives up on a
//!   stuck operation closes its gate, so a thread that comes unstuck sends no PIN the caller was told was not sent.
//! - **An answer of fewer than two bytes is a lost card**, and a PIN lost with it has an unknown outcome. A session whose card
//!   was lost is over; the next begins by reading who lies there.
//! - **The My Number is never read.** The commands this room can build cannot name its file, and the open channel lets none
//!   pass that could.
//! - Nothing the card signed leaves the room before it was checked against the certificate read in the same transaction.
//! - A reader belongs to one session at a time, and stays its own until the last command on it has come back.
//! - A job that has begun finishes, whether or not its caller still waits.
//! - pcscd, a reader or a card may hang for ever: only its own reader's thread waits with it.
//! - PINs are wiped; what the card says of its holder has no text form and reaches no log, error or event.

mod apdu;
mod broker;
pub mod channel;
pub mod driver;
mod error;
pub mod events;
pub mod filter;
pub mod jpki;
pub mod machine;
pub mod pcsc;
mod pin;
pub mod profile;
pub mod scripted;
mod session;
pub mod tlv;
mod verify;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

pub use error::{CardError, Spent, trouble_code};
pub use jpki::{CardKind, Counters, HolderCertificate, Signed};
pub use machine::{
    CardState, EndReason, Policy, Purpose, ReaderName, ReaderState, SessionId, SessionSnapshot, Stage, Terminal,
    Trouble, Wish,
};
pub use pin::{IdentityPin, ProfilePin};
pub use profile::{BasicFour, Sex};
pub use session::{Reserved, Session};
pub use verify::Floor;

use driver::{Driver, NoReaders};
use events::Events;
use machine::{Machine, ReaderSnapshot, Refusal};

use crate::clock::Clock;
use crate::task;

/// Reports that wait for the broker; a driver waits while there are so many.
const REPORTS: usize = 64;

/// The figures of the room.
#[derive(Clone, Debug)]
pub struct Config {
    /// Limits of sessions and queue.
    pub policy: Policy,
    /// The readers beside each terminal, the best first.
    pub nearest: BTreeMap<Terminal, Vec<ReaderName>>,
    /// PIN tries that are kept: with so many left, or fewer, a PIN is refused unless the caller confirms knowingly.
    pub floor: u8,
    /// How long another program may hold a reader before the operation is given up.
    pub connect_limit: Duration,
    /// How long a whole operation may take before it is given up.
    pub operation_limit: Duration,
    /// How long operations may go on once the room is to close; then they are given up like those that are stuck, so that
    /// whoever waits for one is told what it may have cost.
    pub stop_limit: Duration,
    /// pcscd counts as hung when it has not answered for so long; at least two seconds with the real driver, which asks twice
    /// a second. While nobody uses a reader it is asked, and looked at, every five seconds, and is that much later.
    pub hung_after: Duration,
    /// Events kept for listeners that were cut off.
    pub events: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            nearest: BTreeMap::new(),
            floor: 1,
            connect_limit: Duration::from_secs(4),
            operation_limit: Duration::from_secs(15),
            stop_limit: Duration::from_secs(15),
            hung_after: Duration::from_secs(2),
            events: 1024,
        }
    }
}

/// The handle that the local endpoint holds; cheap to clone.
#[derive(Clone)]
pub struct Cards {
    inner: Arc<Inner>,
}

/// What handle, sessions and broker share.
pub(crate) struct Inner {
    machine: Mutex<Machine>,
    driver: Arc<dyn Driver>,
    clock: Clock,
    config: Config,
    /// [`Config::floor`], which can change.
    floor: AtomicU8,
    events: Arc<Events>,
    /// An operation has finished.
    finished: Notify,
    /// Something has to end sooner than anything before it.
    sooner: Notify,
    /// Operations are waited for no longer.
    over: watch::Sender<bool>,
    /// The broker's heartbeat.
    pulse: watch::Sender<Duration>,
    /// When the readers were last known to be what the machine says.
    proof: watch::Sender<Option<Timestamp>>,
}

impl Inner {
    fn new(config: Config, driver: Arc<dyn Driver>, clock: Clock) -> Self {
        Self {
            machine: Mutex::new(Machine::new(config.policy, config.nearest.clone())),
            events: Arc::new(Events::new(config.events, rand::random())),
            driver,
            floor: AtomicU8::new(config.floor),
            config,
            finished: Notify::new(),
            sooner: Notify::new(),
            over: watch::Sender::new(false),
            pulse: watch::Sender::new(clock.elapsed()),
            proof: watch::Sender::new(None),
            clock,
        }
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the machine, and tells what came of it in the order in which it came.
    fn with<T>(&self, change: impl FnOnce(&mut Machine, Duration) -> T) -> T {
        let mut machine = self.machine();
        let due = machine.next_deadline();
        let result = change(&mut machine, self.clock.elapsed());
        if machine.next_deadline().is_some_and(|now| due.is_none_or(|due| now < due)) {
            self.sooner.notify_one();
        }
        self.events.publish(self.clock.now(), machine.take_events());
        result
    }

    fn stuck(&self) -> usize {
        // The driver's count is read first: it has locks of its own.
        let threads = self.driver.stuck();
        threads.max(self.machine().stuck())
    }

    fn until_due(&self) -> Duration {
        let due = self.machine().next_deadline();
        due.map_or(Duration::MAX, |due| due.saturating_sub(self.clock.elapsed()))
    }

    fn beat(&self) {
        self.pulse.send_replace(self.clock.elapsed());
    }

    fn floor(&self, confirmed: bool) -> Floor {
        Floor { tries: self.floor.load(Ordering::SeqCst), confirmed }
    }

    /// The time that certificates are held against; `None` while the clock cannot be right.
    fn today(&self) -> Option<Timestamp> {
        self.clock.today_in_japan().map(|_| self.clock.now())
    }
}

/// The running tasks of the room; none where it is switched off.
pub struct Tasks {
    broker: Option<JoinHandle<()>>,
}

impl Tasks {
    /// Waits until all have ended: every operation has finished, or its time was up.
    pub async fn finished(self) {
        if let Some(broker) = self.broker {
            let _ = broker.await;
        }
    }

    /// Whether one has ended, which none does before it is told to.
    #[must_use]
    pub fn any_ended(&self) -> bool {
        self.broker.as_ref().is_some_and(JoinHandle::is_finished)
    }
}

/// How a request for a session was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It has a reader.
    Granted(SessionSnapshot),
    /// It waits, with position and estimate.
    Waiting(SessionSnapshot),
}

/// How the room is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The broker's heart beats, where the room is switched on.
    pub alive: bool,
    /// What keeps every reader from being used.
    pub service: Option<Trouble>,
    /// Operations that were given up and have not come back, or threads left in calls that do not return, if those are more.
    pub stuck: usize,
    /// When pcscd last answered while the room could use it.
    pub proof: Option<Timestamp>,
}

impl Cards {
    /// Opens the room and starts its tasks. They end when `stop` turns true.
    pub fn start(config: Config, driver: Arc<dyn Driver>, clock: Clock, stop: watch::Receiver<bool>) -> (Self, Tasks) {
        let (reporter, reports) = mpsc::channel(REPORTS);
        let inner = Arc::new(Inner::new(config, driver, clock));
        inner.driver.watch(reporter);
        let broker = task::spawn(broker::run(inner.clone(), reports, stop));
        (Self { inner }, Tasks { broker: Some(broker) })
    }

    /// A room that is switched off: nothing runs, no reader is touched, and every request is answered `CARDS_DISABLED`.
    #[must_use]
    pub fn disabled(clock: Clock) -> (Self, Tasks) {
        let inner = Inner::new(Config::default(), Arc::new(NoReaders), clock);
        inner.with(|machine, now| machine.service_lost(Trouble::Disabled, now));
        (Self { inner: Arc::new(inner) }, Tasks { broker: None })
    }

    /// Takes up policy, nearest readers and floor of `config`, for what is decided from here on; what is under way ends by the
    /// new limits. The other figures stay as they were at the start.
    pub fn reconfigure(&self, config: &Config) {
        self.inner.floor.store(config.floor, Ordering::SeqCst);
        self.inner.with(|machine, _| machine.reconfigure(config.policy, config.nearest.clone()));
    }

    /// Every reader seen since the start, by name.
    #[must_use]
    pub fn readers(&self) -> Vec<ReaderSnapshot> {
        self.inner.machine().readers()
    }

    /// How long ago a moment of this room's snapshots was (`since`, `opened`).
    #[must_use]
    pub fn ago(&self, moment: Duration) -> Duration {
        self.inner.clock.elapsed().saturating_sub(moment)
    }

    /// A terminal asks for a reader, and is ready to wait so long for its turn. It learns of its turn by asking
    /// ([`Session::view`]), which is a sign of life, or from the events, which are none: a terminal that only listens is gone
    /// after [`Policy::heartbeat`].
    ///
    /// # Errors
    /// `CARD_BUSY` (without waiting), `READER_ABSENT`, `READER_DEGRADED`, `PCSC_DOWN`, `SESSION_QUEUE_FULL`,
    /// `SESSION_TOO_MANY`.
    pub fn open(
        &self,
        terminal: &Terminal,
        wish: &Wish,
        purpose: Purpose,
        wait: Duration,
    ) -> Result<Opened, CardError> {
        let id = Uuid::new_v4();
        let opened = self.inner.with(|machine, now| {
            let opened = machine.open(id, terminal, wish, purpose, wait, now)?;
            machine.session(id, terminal, now).map(|view| (opened, view)).ok_or(Refusal::Unknown)
        });
        match opened.map_err(CardError::Refused)? {
            (machine::Opened::Granted, view) => Ok(Opened::Granted(view)),
            (machine::Opened::Waiting, view) => Ok(Opened::Waiting(view)),
        }
    }

    /// A session of this terminal; one of another terminal is not there.
    ///
    /// # Errors
    /// `SESSION_UNKNOWN`.
    pub fn session(&self, terminal: &Terminal, id: SessionId) -> Result<Session, CardError> {
        Session::find(self.inner.clone(), terminal, id)
    }

    /// Ends every session of a terminal whose credential was revoked; how many.
    pub fn revoke_terminal(&self, terminal: &Terminal) -> usize {
        self.inner.with(|machine, now| machine.end_terminal(terminal, EndReason::Revoked, now))
    }

    /// The history of readers, cards and sessions.
    #[must_use]
    pub fn events(&self) -> Arc<Events> {
        self.inner.events.clone()
    }

    /// How the room is.
    #[must_use]
    pub fn health(&self) -> Health {
        let service = self.inner.machine().service();
        let beats = self.ago(*self.inner.pulse.borrow()) < broker::REST * 3;
        Health {
            alive: beats || service == Some(Trouble::Disabled),
            service,
            stuck: self.inner.stuck(),
            proof: *self.inner.proof.borrow(),
        }
    }

    /// Whether every reader is free, nobody waits and nothing is under way.
    #[must_use]
    pub fn at_rest(&self) -> bool {
        self.inner.machine().at_rest()
    }
}
