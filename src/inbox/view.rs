//! What callers see of the room.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::fault::Code;
use crate::store::{ReceivedRow, StoreError};

/// Octets free on the file system that holds the state; `None` when nobody can say.
pub type FreeSpace = Arc<dyn Fn() -> Option<u64> + Send + Sync>;

/// The figures of the room.
#[derive(Clone)]
pub struct Config {
    /// The facility (事業所番号) whose certificate asks.
    pub facility: String,
    /// Longest time between two looks.
    pub poll: Duration,
    /// How long what a person has opened is kept; at least 400 days.
    pub retention: Duration,
    /// Asks the file system.
    pub free_space: FreeSpace,
    /// Octets below which nothing is fetched: the room is for what has been accepted.
    pub min_free: u64,
    /// True of a clinic or hospital: that the hub has no care plans for it is as it should be. Of a care office it is not.
    pub clinic: bool,
}

impl Config {
    /// A hub without care plans, or one that has none for a facility of this kind: no fault, and perhaps different one day.
    pub(super) const fn is_none_of_ours(&self, code: Code) -> bool {
        matches!(code, Code::HubNotOffered) || self.clinic && matches!(code, Code::HubNotPermitted)
    }
}

/// Where a received unit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The hub has it; it is still to be fetched.
    Announced,
    /// It is here.
    Kept,
    /// The hub announced it and no longer had it when it was fetched.
    Gone,
}

impl Standing {
    /// As it stands in rows and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Kept => "kept",
            Self::Gone => "gone",
        }
    }

    /// The standing of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Announced, Self::Kept, Self::Gone].into_iter().find(|standing| standing.as_str() == name)
    }
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

impl Received {
    /// Reads a row.
    ///
    /// # Errors
    /// `SUBMISSION_DAMAGED` when it does not parse.
    pub(super) fn read(row: &ReceivedRow) -> Result<Self, InboxError> {
        let time = |at| Timestamp::from_millisecond(at).map_err(|_| Code::SubmissionDamaged);
        Ok(Self {
            id: Uuid::from_slice(&row.id).map_err(|_| Code::SubmissionDamaged)?,
            seq: row.seq,
            from_facility: row.from_facility.clone(),
            receipt_number: row.receipt_number.clone(),
            sent_at: time(row.sent_at)?,
            standing: Standing::parse(&row.state).ok_or(Code::SubmissionDamaged)?,
            reason: row.reason.as_deref().and_then(Code::parse),
            kept_at: row.kept_at.map(time).transpose()?,
            about: row.about.as_deref().and_then(|about| serde_json::from_slice(about.as_bytes()).ok()),
            opened_at: row.opened_at.map(time).transpose()?,
            placed_at: row.placed_at.map(time).transpose()?,
        })
    }

    /// What can be told of a row that does not parse.
    pub(super) fn damaged(row: &ReceivedRow) -> Self {
        let time = |at| Timestamp::from_millisecond(at).ok();
        Self {
            id: Uuid::from_slice(&row.id).unwrap_or_default(),
            seq: row.seq,
            from_facility: row.from_facility.clone(),
            receipt_number: row.receipt_number.clone(),
            sent_at: time(row.sent_at).unwrap_or_default(),
            standing: Standing::parse(&row.state).unwrap_or(Standing::Gone),
            reason: Some(Code::SubmissionDamaged),
            kept_at: row.kept_at.and_then(time),
            about: None,
            opened_at: row.opened_at.and_then(time),
            placed_at: row.placed_at.and_then(time),
        }
    }
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
    /// How many characters CSV cannot hold, each counted once an item.
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
    /// JSON pointer from the unit, its tables in the order of docs/careplan.md and its items by their Japanese names.
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

/// How the room does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthStatus {
    /// It works, or the hub has no care plans.
    Ok,
    /// What other offices send does not come in at the moment.
    Degraded,
    /// Its task stands still.
    Failed,
}

/// The part `inbox` of the health report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// How it does.
    pub status: HealthStatus,
    /// Why it is not `Ok`.
    pub reason: Option<Code>,
    /// When the hub last answered it.
    pub last_proof: Option<Timestamp>,
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

impl From<StoreError> for InboxError {
    fn from(error: StoreError) -> Self {
        Self { code: error.code(), source: Some(Box::new(error)) }
    }
}
