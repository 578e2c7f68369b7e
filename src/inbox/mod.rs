//! What other offices sent: asked for by cursor, kept, acknowledged, and held until a person has looked.
//!
//! ```text
//! the hub's list ──▶ announced ──fetched──▶ kept ──told `downloaded`──▶ waiting for a person ──opened──▶ told `opened`
//!    cursor and rows: one transaction   unit and event: one transaction
//! ```
//!
//! Invariants: the cursor moves only together with what it has passed; nothing is acknowledged that is not on stable storage; what
//! the hub lists twice is one; a unit that cannot be read as care plans is kept as it came, and said so; what the hub gave stays
//! as it came, octet by octet.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::credential::seal::Keyring;
use crate::fault::Code;
use crate::hub::HubPort;
use crate::store::Store;

/// The figures of the room.
#[derive(Clone, Debug)]
pub struct Config {
    /// The facility (事業所番号) whose certificate asks.
    pub facility: String,
    /// Longest time between two looks.
    pub poll: Duration,
    /// How long what a person has opened is kept; at least 400 days.
    pub retention: Duration,
}

/// The handle; cheap to clone.
#[derive(Clone)]
pub struct Inbox {
    inner: Arc<Inner>,
}

#[expect(dead_code, reason = "the room is being built")]
pub(crate) struct Inner {
    store: Store,
    keys: Arc<Keyring>,
    clock: Clock,
    config: Config,
    changed: watch::Sender<u64>,
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

/// Where a received unit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The hub has it; it is still to be fetched.
    Announced,
    /// It is here.
    Kept,
}

/// A unit that another office sent, without what it says.
#[derive(Clone, Debug)]
pub struct Received {
    /// The box's own id for it.
    pub id: Uuid,
    /// Position in the list; grows.
    pub seq: i64,
    /// The office that sent it.
    pub from_facility: String,
    /// The sender's receipt at the hub.
    pub receipt_number: String,
    /// When it was filed, by the hub's clock.
    pub sent_at: Timestamp,
    /// Where it stands.
    pub standing: Standing,
    /// Why it is not here yet, or why it has no CSV files.
    pub reason: Option<Code>,
    /// When it was kept.
    pub kept_at: Option<Timestamp>,
    /// What it is; absent while it is not here, and of a unit that cannot be read.
    pub about: Option<About>,
    /// When a person looked.
    pub opened_at: Option<Timestamp>,
    /// When its files were put into the folder.
    pub placed_at: Option<Timestamp>,
}

/// What a received unit is. It holds no person data.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct About {
    /// Which send unit: `H2`; see docs/careplan.md.
    pub unit: String,
    /// ファイル連番, 14 digits.
    pub stamp: String,
    /// `YYYYMM`, of units of one month.
    pub month: Option<String>,
    /// The sender's service kind.
    pub from_service_kind: String,
    /// The own service kind it is addressed to.
    pub to_service_kind: String,
    /// True when it only names what is to be removed.
    pub delete: bool,
    /// Names of its CSV files.
    pub files: Vec<String>,
    /// How many characters CSV cannot hold.
    pub replaced: u32,
}

/// The CSV files of a received unit.
pub struct Files {
    /// Name and content, in the order in which they are to be read.
    pub files: Vec<(String, Zeroizing<Vec<u8>>)>,
    /// What CSV cannot hold, and what stands in its place. Person data.
    pub replaced: Vec<Replaced>,
}

/// A character that CSV (CP932) cannot hold, in one item.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Replaced {
    /// JSON pointer from the unit.
    pub pointer: String,
    /// What stands in the unit.
    pub character: String,
    /// What stands in the file.
    pub replacement: String,
}

/// Which to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those that nobody has opened.
    pub unopened: bool,
    /// Only those after this position.
    pub after: i64,
    /// 1 to 200.
    pub limit: u16,
}

/// A refusal or failure of the inbox.
#[derive(Debug, thiserror::Error)]
#[error("{code}")]
pub struct InboxError {
    /// What the caller is told.
    pub code: Code,
    /// For the log.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl From<Code> for InboxError {
    fn from(code: Code) -> Self {
        Self { code, source: None }
    }
}

impl Inbox {
    /// Opens the room over a store and starts its task, which ends when `stop` turns true.
    pub fn start<H: HubPort>(
        store: Store,
        keys: Arc<Keyring>,
        hub: Arc<H>,
        config: Config,
        clock: Clock,
        mut stop: watch::Receiver<bool>,
    ) -> (Self, Tasks) {
        let inner = Arc::new(Inner { store, keys, clock, config, changed: watch::Sender::new(0) });
        let poll = tokio::spawn(async move {
            let _hub = hub;
            let _ = stop.wait_for(|stop| *stop).await;
        });
        (Self { inner }, Tasks { poll })
    }

    /// Received units of a facility, oldest first.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn list(&self, _facility: &str, _filter: &Filter) -> Result<Vec<Received>, InboxError> {
        Ok(Vec::new())
    }

    /// One received unit of a facility.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn received(&self, _facility: &str, _id: Uuid) -> Result<Option<Received>, InboxError> {
        Ok(None)
    }

    /// The unit's JSON, as the hub gave it. `None`: there is none of that id, or it is not here yet.
    ///
    /// # Errors
    /// `SUBMISSION_DAMAGED`, `MASTER_KEY_MISSING`, or the store's failure.
    pub async fn unit(&self, _facility: &str, _id: Uuid) -> Result<Option<Zeroizing<Vec<u8>>>, InboxError> {
        Ok(None)
    }

    /// The unit's CSV files. `None` as of [`Inbox::unit`].
    ///
    /// # Errors
    /// `CAREPLAN_UNREADABLE` when it is no unit of the standard; otherwise as [`Inbox::unit`].
    pub async fn files(&self, _facility: &str, _id: Uuid) -> Result<Option<Files>, InboxError> {
        Ok(None)
    }

    /// A person has looked; the sender is told. The first who looked is the one that counts.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn opened(&self, _facility: &str, _id: Uuid, _by: &str) -> Result<Option<Received>, InboxError> {
        Ok(None)
    }

    /// Changes whenever something has been received or opened.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }
}
