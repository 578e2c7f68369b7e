//! The real readers, through pcscd.
//!
//! What pcscd and its client library do to a caller, and what is done about it here:
//!
//! - *A context whose pcscd went never comes back, and still calls itself valid.* Every error that can mean it discards the
//!   context; the next call makes another.
//! - *`establish` blocks for ever while pcscd hangs, and holds the library's one lock meanwhile.* Another thread would wait
//!   behind it, so none is started: the watching thread's last answer is looked at from outside, and the readers count as
//!   degraded until it moves.
//! - *One context is one lock.* Each thread has its own: one a reader for its jobs, and one that watches all readers.
//! - *Connecting, beginning and transmitting block while another program holds the card, and cannot be cancelled.* The
//!   reader's thread waits; whoever asked has been told and the job's gate is shut. A thread whose reader was meanwhile
//!   unplugged is left to itself; there are never more threads than [`Limits::threads`].
//! - *Dropping a card resets it for everybody.* Every way out disconnects and leaves it.
//! - *An answer of fewer than two bytes is a card that was lost.*
//! - A connection lasts for one job, so a reset or removal between jobs is nothing to recover from.

mod look;
mod trouble;
mod watch;
mod worker;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

pub use look::{Look, look};

use super::channel::ChannelError;
use super::driver::{Driver, Job, Report};
use super::machine::ReaderName;
use crate::clock::Clock;
use crate::order::SmallMap;

/// Jobs that wait for a reader's thread: one may come while the one before is being taken leave of.
const QUEUE: usize = 1;

/// How long the driver rests between two attempts to reach a pcscd that is not there.
pub const RETRY: Duration = watch::PAUSE;

/// Bounds of the driver.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Threads for jobs in all, those left behind included.
    pub threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { threads: 48 }
    }
}

/// The driver. Which pcscd it talks to, the library reads from `PCSCLITE_CSOCK_NAME` when it is first used.
pub struct PcscDriver {
    shared: Arc<Shared>,
    limits: Limits,
}

/// What the threads share.
struct Shared {
    clock: Clock,
    stopped: AtomicBool,
    /// When pcscd last answered, in milliseconds of the clock.
    answered: AtomicU64,
    /// By when it has to answer next, in the same.
    due: AtomicU64,
    /// Nobody uses a reader.
    resting: AtomicBool,
    /// Threads for jobs that have not ended.
    alive: AtomicUsize,
    workers: Mutex<SmallMap<ReaderName, SyncSender<Job>>>,
    /// Ends the watching thread's pauses.
    bell: Mutex<Option<SyncSender<()>>>,
}

impl Shared {
    fn workers(&self) -> MutexGuard<'_, SmallMap<ReaderName, SyncSender<Job>>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self) {
        self.answered_and_may_be_silent(Duration::ZERO);
    }

    /// pcscd has answered, and that it says nothing for so long means nothing: it is not asked, or is asked for a change, and there may be
    /// none.
    fn answered_and_may_be_silent(&self, pause: Duration) {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let now = self.clock.elapsed();
        self.due.store(milliseconds(now.saturating_add(pause)), Ordering::SeqCst);
        self.answered.store(milliseconds(now), Ordering::SeqCst);
    }

    fn resting(&self) -> bool {
        self.resting.load(Ordering::SeqCst)
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Lets the threads of readers that are gone end as soon as they come back from where they are.
    fn only(&self, names: &BTreeSet<ReaderName>) {
        self.workers().retain(|name, _| names.contains(name));
    }
}

/// One thread for jobs, however it ends; one that could not be started as well.
struct Counted(Arc<Shared>);

impl Counted {
    fn new(shared: Arc<Shared>) -> Self {
        shared.alive.fetch_add(1, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

impl PcscDriver {
    /// A driver; nothing happens before it is asked to watch.
    #[must_use]
    pub fn new(clock: Clock, limits: Limits) -> Self {
        let shared = Shared {
            clock,
            stopped: AtomicBool::new(false),
            answered: AtomicU64::new(0),
            due: AtomicU64::new(0),
            resting: AtomicBool::new(false),
            alive: AtomicUsize::new(0),
            workers: Mutex::default(),
            bell: Mutex::default(),
        };
        shared.answered();
        Self { shared: Arc::new(shared), limits }
    }

    /// The reader's thread, started when it is first needed.
    fn worker(&self, reader: &ReaderName) -> Result<SyncSender<Job>, ChannelError> {
        let mut workers = self.shared.workers();
        if let Some(worker) = workers.get(reader) {
            return Ok(worker.clone());
        }
        if self.shared.stopped() || self.shared.alive.load(Ordering::SeqCst) >= self.limits.threads {
            return Err(ChannelError::ReaderGone);
        }
        let (jobs, inbox) = sync_channel(QUEUE);
        let (counted, name) = (Counted::new(self.shared.clone()), reader.clone());
        let started = std::thread::Builder::new().name("card-reader".to_owned()).spawn(move || {
            let _counted = counted;
            worker::run(&name, &inbox);
        });
        if started.is_err() {
            return Err(ChannelError::ReaderGone);
        }
        workers.insert(reader.clone(), jobs.clone());
        Ok(jobs)
    }
}

impl Driver for PcscDriver {
    fn watch(&self, reports: mpsc::Sender<Report>) {
        let (bell, pauses) = sync_channel(1);
        *self.shared.bell.lock().unwrap_or_else(PoisonError::into_inner) = Some(bell);
        let shared = self.shared.clone();
        let started = std::thread::Builder::new().name("card-watch".to_owned()).spawn(move || {
            // The PC/SC crate panics at errors it does not know, in some builds. The room must not end with it.
            let watch = || watch::run(&shared, &reports, &pauses);
            while catch_unwind(AssertUnwindSafe(watch)).is_err() && !shared.stopped() {
                if watch::pause(&pauses).is_err() {
                    return;
                }
            }
        });
        // Without the thread nobody holds the sender of the reports: the broker finds it closed, and ends the room.
        if let Err(error) = started {
            tracing::error!(%error, "the card readers cannot be watched");
        }
    }

    fn submit(&self, reader: &ReaderName, job: Job) -> Result<(), ChannelError> {
        let mut job = job;
        for _ in 0..2 {
            match self.worker(reader)?.try_send(job) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(_)) => return Err(ChannelError::Held),
                // The thread has died; the job never reached it, and the next one gets a new thread.
                Err(TrySendError::Disconnected(back)) => {
                    self.shared.workers().remove(reader);
                    job = back;
                }
            }
        }
        Err(ChannelError::ReaderGone)
    }

    fn last_answer(&self) -> Duration {
        Duration::from_millis(self.shared.answered.load(Ordering::SeqCst))
    }

    fn next_answer(&self) -> Duration {
        Duration::from_millis(self.shared.due.load(Ordering::SeqCst))
    }

    fn at_rest(&self, rest: bool) {
        self.shared.resting.store(rest, Ordering::SeqCst);
    }

    fn stuck(&self) -> usize {
        let known = self.shared.workers().len();
        self.shared.alive.load(Ordering::SeqCst).saturating_sub(known)
    }

    fn stop(&self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.shared.workers().clear();
        *self.shared.bell.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Drop for PcscDriver {
    fn drop(&mut self) {
        self.stop();
    }
}
