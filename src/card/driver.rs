//! What stands between the room and the readers: the real one ([`super::pcsc`]) and a scripted one for tests.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use super::channel::{Channel, ChannelError, Gate};
use super::machine::{CardState, ReaderName, Trouble};

/// Carries jobs to readers and reports what it sees of them.
pub trait Driver: Send + Sync + 'static {
    /// Begins to report: first the readers, then the card of each. Called once. The channel is bounded; a driver waits while
    /// it is full.
    fn watch(&self, reports: mpsc::Sender<Report>);

    /// Runs a job within one transaction on a reader, on a thread where it may block.
    ///
    /// # Errors
    /// When there is no such reader or no thread for it; the job has not run then, and will not.
    fn submit(&self, reader: &ReaderName, job: Job) -> Result<(), ChannelError>;

    /// When the service behind the readers last answered, monotonic; [`Duration::MAX`] where that cannot fail.
    fn last_answer(&self) -> Duration;

    /// By when it has to answer next; from then on it is late. Where it is asked all the time, its last answer.
    fn next_answer(&self) -> Duration {
        self.last_answer()
    }

    /// Nobody uses a reader or waits for one, or somebody does again: while nobody does, it may be asked less often whether it lives.
    fn at_rest(&self, _rest: bool) {}

    /// Threads that are left in calls that do not return.
    fn stuck(&self) -> usize;

    /// Ends the reports and every thread that can be ended.
    fn stop(&self);
}

/// The driver of a room that is switched off: there is nothing to see, and nothing to send to.
pub(super) struct NoReaders;

impl Driver for NoReaders {
    fn watch(&self, _: mpsc::Sender<Report>) {}

    fn submit(&self, _: &ReaderName, _: Job) -> Result<(), ChannelError> {
        Err(ChannelError::ReaderGone)
    }

    fn last_answer(&self) -> Duration {
        Duration::MAX
    }

    fn stuck(&self) -> usize {
        0
    }

    fn stop(&self) {}
}

/// Something a driver saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The readers that exist.
    Readers(BTreeSet<ReaderName>),
    /// A reader's card.
    Card {
        /// Where.
        reader: ReaderName,
        /// What lies there.
        card: CardState,
        /// Another insertion lies between this report and the last.
        replaced: bool,
    },
    /// The service behind the readers is gone.
    ServiceDown,
}

/// The work of a job: it gets the channel, or the reason why there is none.
pub type Work = Box<dyn for<'a> FnOnce(Result<&'a mut (dyn Channel + 'a), ChannelError>) + Send>;

/// Work to be done within one transaction.
pub struct Job {
    /// Whether it may still send.
    pub gate: Gate,
    /// How far it has come.
    pub progress: Progress,
    /// What to do.
    pub work: Work,
}

/// How far a job has come: where it is stuck, if it is.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<AtomicU8>);

impl Progress {
    /// The transaction has begun.
    pub fn talking(&self) {
        self.0.store(1, Ordering::SeqCst);
    }

    /// Whether the transaction has begun.
    #[must_use]
    pub fn talks(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 1
    }

    /// What a job that has come so far and no farther suffers from.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        if self.talks() { Trouble::Mute } else { Trouble::HeldElsewhere }
    }
}
