//! The machine's vocabulary.

use std::time::Duration;

use uuid::Uuid;

/// A session's id: random, so that it cannot be guessed.
pub type SessionId = Uuid;

/// Who asks, as this room needs to know it: the stable id of a credential or a workplace. Not person data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Terminal(pub String);

/// A reader's name as PC/SC gives it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct ReaderName(pub String);

/// Which reader a terminal asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// This one.
    Named(ReaderName),
    /// One of those that stand beside the terminal by the settings; any where the settings name none.
    Nearest,
    /// Any.
    Any,
}

/// What a session is asked for. It is told to people and limits nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// To know who the person is.
    Identify,
    /// To read the four items.
    BasicFour,
    /// A vendor's card application.
    Application,
}

/// Why a reader, or all of them, cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// The settings want no readers; of all of them only.
    Disabled,
    /// pcscd does not run.
    ServiceDown,
    /// pcscd runs and does not answer.
    ServiceHung,
    /// The card, or the reader's driver, does not answer.
    Mute,
    /// Another program on the box holds the reader.
    HeldElsewhere,
}

/// A reader's state.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReaderState {
    /// Ready.
    Ok,
    /// There, and of no use for the time being.
    Degraded(Trouble),
    /// Unplugged, or its pcscd is gone.
    Absent,
}

/// What lies on a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CardState {
    /// Nothing.
    Absent,
    /// A card.
    Present,
    /// Something that does not answer to a reset.
    Mute,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// Its terminal closed it.
    Closed,
    /// Nothing was done for too long.
    Idle,
    /// It has lasted as long as one may.
    Lifetime,
    /// The card was taken away or exchanged.
    CardRemoved,
    /// The reader was unplugged, or pcscd went.
    ReaderLost,
    /// No sign of life from the terminal.
    TerminalGone,
    /// The terminal's credential was revoked.
    Revoked,
    /// Its turn did not come in time.
    WaitOver,
    /// The gateway stops.
    Stopping,
}

/// How an operation ended, as far as the lease is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The card is the one it was; its identity where it was read.
    Sound(Option<[u8; 32]>),
    /// The card was lost: whatever lies on the reader has to be taken for another.
    CardLost,
}

/// How a request was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It has a reader.
    Granted,
    /// It waits for one.
    Waiting,
}

/// Why nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such session, or it belongs to another terminal.
    Unknown,
    /// It is over.
    Ended(EndReason),
    /// Its turn has not come.
    Waiting,
    /// An operation is under way.
    Operating,
    /// No reader is free, and the caller did not want to wait.
    Busy,
    /// No such reader.
    ReaderUnknown,
    /// The reader cannot be used for the time being.
    Degraded(Trouble),
    /// Too many requests, of this terminal or in all.
    QueueFull,
}

/// What others may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A reader came, went or changed.
    Reader {
        /// Which.
        reader: ReaderName,
        /// What it is since then.
        state: ReaderState,
    },
    /// A card came or went.
    Card {
        /// Where.
        reader: ReaderName,
        /// What lies there since then.
        card: CardState,
    },
    /// A session changed; for its own terminal only.
    Session {
        /// Which.
        id: SessionId,
        /// Whose.
        terminal: Terminal,
        /// What it is since then.
        stage: Stage,
    },
}

/// Where a session stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Waiting for its turn.
    Waiting,
    /// It has this reader.
    Granted(ReaderName),
    /// Over.
    Ended(EndReason),
}

/// A reader as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderSnapshot {
    /// Its name.
    pub name: ReaderName,
    /// Its state.
    pub state: ReaderState,
    /// What lies on it.
    pub card: CardState,
    /// Since when `state` holds, monotonic.
    pub since: Duration,
    /// The terminal that has it.
    pub leased_by: Option<Terminal>,
}

/// A session as its terminal sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSnapshot {
    /// Its id.
    pub id: SessionId,
    /// What for.
    pub purpose: Purpose,
    /// Where it stands.
    pub stage: Stage,
    /// Place in the queue from 1, while waiting.
    pub position: Option<usize>,
    /// How long until its turn, estimated from measured leases, while waiting for a reader that works.
    pub eta: Option<Duration>,
    /// How long until it ends by itself if nothing more comes.
    pub expires_in: Option<Duration>,
    /// The lease's number on its reader.
    pub epoch: Option<u64>,
    /// Whether the reader has a card that belongs to this session.
    pub card: bool,
    /// Whether that card has lain there since another terminal last worked on it. No longer so once this terminal has begun
    /// an operation itself.
    pub card_left: bool,
    /// When it was asked for, monotonic.
    pub opened: Duration,
}

/// Limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// A terminal that gives no sign of life for so long is gone.
    pub heartbeat: Duration,
    /// A lease on which nothing is done for so long ends.
    pub idle: Duration,
    /// No lease lasts longer.
    pub lifetime: Duration,
    /// Nobody waits longer.
    pub longest_wait: Duration,
    /// Sessions, waiting or granted, of one terminal.
    pub per_terminal: usize,
    /// Sessions, waiting or granted, in all.
    pub in_all: usize,
    /// Readers; more are ignored.
    pub readers: usize,
    /// A lease's length before any was measured.
    pub assumed_lease: Duration,
    /// How long an ended session can still be asked about.
    pub remembered: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            lifetime: Duration::from_secs(300),
            longest_wait: Duration::from_secs(600),
            per_terminal: 4,
            in_all: 256,
            readers: 32,
            assumed_lease: Duration::from_secs(20),
            remembered: Duration::from_secs(300),
        }
    }
}
