//! What the outbox tells: names of states, submissions as their sender may see them, errors, health.

use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use super::kind::Kind;
use crate::audit::Draft;
use crate::fault::Code;
use crate::hub::{HubError, MunicipalState, Receipt, RecipientState};
use crate::model::careplan::unit::Unit;
use crate::model::hub_user::HubMember;
use crate::model::opinion::Substitution;
use crate::store::{Row, StoreError};

/// Who submits, as the outbox needs to know it. Rooms of one tier do not see each other: `api` turns a caller into this.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sender {
    /// Facility number (事業所番号 or 医療機関コード), 10 characters.
    pub facility: String,
    /// Stable id of the credential.
    pub id: String,
    /// As whom it is to go, where it is a person; opinions and care plans only.
    pub hub_user: Option<HubMember>,
    /// What the trail says of the one who acts; recorded in the transaction of the act. `None`: it is recorded elsewhere, or by nobody.
    pub act: Option<Draft>,
}

/// What the sender is told once the document is on stable storage; the same again for a repeat under the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// The submission.
    pub id: Uuid,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// SHA-256 of the exact bytes that go to the hub.
    pub sha256: [u8; 32],
    /// What was noticed at acceptance and did not stand in the way.
    pub warnings: Vec<serde_json::Value>,
    /// This is the answer to an earlier request with the same key.
    pub replayed: bool,
}

/// The name of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateName {
    /// Waiting, with a reason.
    Queued,
    /// On its way.
    Sending,
    /// The answer was lost; the hub is being asked.
    Unknown,
    /// Set aside until a date or a person.
    Held,
    /// Final: receipt of the hub.
    Delivered,
    /// Final: refused by the hub.
    Returned,
    /// Final: withdrawn.
    Cancelled,
    /// Final: a person sends it on paper, so it never goes to the hub.
    OnPaper,
}

impl StateName {
    /// All names.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Sending,
        Self::Unknown,
        Self::Held,
        Self::Delivered,
        Self::Returned,
        Self::Cancelled,
        Self::OnPaper,
    ];

    /// As it stands in rows, answers and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::Held => "held",
            Self::Delivered => "delivered",
            Self::Returned => "returned",
            Self::Cancelled => "cancelled",
            Self::OnPaper => "on_paper",
        }
    }

    /// The kind of the event that tells of it.
    #[must_use]
    pub const fn event_kind(self) -> &'static str {
        match self {
            Self::Queued => "submission.queued",
            Self::Sending => "submission.sending",
            Self::Unknown => "submission.unknown",
            Self::Held => "submission.held",
            Self::Delivered => "submission.delivered",
            Self::Returned => "submission.returned",
            Self::Cancelled => "submission.cancelled",
            Self::OnPaper => "submission.on_paper",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// A submission as its sender may see it.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Its id.
    pub id: Uuid,
    /// Its `Idempotency-Key` at the hub; `None` where it goes there without one.
    pub hub_key: Option<Uuid>,
    /// `opinion`, `identification` or `care_plan`: a [`Kind`](super::Kind)'s name.
    pub kind: &'static str,
    /// Id of the credential that sent it.
    pub sender: String,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// SHA-256 of the exact bytes that go to the hub.
    pub sha256: [u8; 32],
    /// Their number.
    pub length: u64,
    /// Statutory or agreed date.
    pub due: Date,
    /// Where it stands.
    pub state: StateName,
    /// Why.
    pub reason: Option<Code>,
    /// Of one that waits: the hub may have it all the same, as an answer was lost and nobody could say what became of it.
    pub may_be_there: bool,
    /// When it is expected at the hub; `None` when nobody can say.
    pub eta: Option<Timestamp>,
    /// Deliveries begun.
    pub attempts: u32,
    /// The hub's receipt.
    pub receipt: Option<Receipt>,
    /// The hub's errors, when refused.
    pub hub_errors: Vec<HubError>,
    /// The municipality's progress.
    pub municipality: Option<Municipality>,
    /// As which account here it goes, or went; `None`: as the facility's user.
    pub account: Option<String>,
    /// Of a care plan: what it is and whom it goes to.
    pub care_plan: Option<About>,
    /// Of a care plan: how far the other office is with it.
    pub recipient: Option<Recipient>,
    /// Stated substitutions, both forms. Person data: only in the answer to its sender. Empty in lists.
    pub substitutions: Vec<Substitution>,
    /// What happened, oldest first. Empty in lists.
    pub history: Vec<EventRecord>,
}

/// What a unit of care plans is and whom it goes to. It holds no person data.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct About {
    /// The id under which it was handed in, perhaps with others.
    #[serde(skip)]
    pub batch: Option<Uuid>,
    /// Which send unit: `H2`; see docs/careplan.md.
    pub unit: String,
    /// ファイル連番, 14 digits.
    pub stamp: String,
    /// `YYYYMM`, of units of one month.
    pub month: Option<String>,
    /// 送信元: 事業所番号.
    pub from_facility: String,
    /// Its service kind.
    pub from_service_kind: String,
    /// 送信先: 事業所番号.
    pub to_facility: String,
    /// Its service kind.
    pub to_service_kind: String,
    /// True when it only names what is to be removed.
    pub delete: bool,
    /// Names of its CSV files. They say nothing about a person.
    pub files: Vec<String>,
}

impl About {
    /// What can be told of a unit.
    #[must_use]
    pub fn of(unit: &Unit, files: Vec<String>) -> Self {
        let (from, to) = (unit.from(), unit.to());
        Self {
            batch: None,
            unit: unit.kind().id.to_string(),
            stamp: unit.stamp().to_owned(),
            month: unit.month().map(|month| month.to_string()),
            from_facility: from.office.clone(),
            from_service_kind: from.service_kind.clone(),
            to_facility: to.office.clone(),
            to_service_kind: to.service_kind.clone(),
            delete: unit.is_delete(),
            files,
        }
    }
}

/// How far the office that a care plan was sent to is with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// How far.
    pub state: RecipientState,
    /// Since when, by the hub's clock.
    pub at: Timestamp,
}

/// The municipality's progress with a delivered opinion.
#[derive(Clone, Debug)]
pub struct Municipality {
    /// How far it is.
    pub state: MunicipalState,
    /// Since when, by the hub's clock.
    pub at: Timestamp,
    /// Why it was returned: person data.
    pub reason: Option<String>,
}

/// One durable event.
#[derive(Clone, Debug)]
pub struct EventRecord {
    /// Position in the log; the id of the server-sent event.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// `submission.queued`, … `submission.municipality`, `submission.recipient`.
    pub kind: String,
    /// The submission it is about.
    pub submission: Option<Uuid>,
    /// JSON without person data.
    pub data: serde_json::Value,
}

/// Which submissions to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this state.
    pub state: Option<StateName>,
    /// Only this kind.
    pub kind: Option<Kind>,
    /// From the previous page.
    pub cursor: Option<String>,
    /// 1 to 200.
    pub limit: u16,
}

/// A page of the list, newest first.
#[derive(Clone, Debug)]
pub struct Page {
    /// The submissions.
    pub items: Vec<Submission>,
    /// Where to go on; `None` at the end.
    pub next_cursor: Option<String>,
}

/// How one part does.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Health {
    /// In one word.
    pub status: HealthStatus,
    /// Why not `ok`.
    pub reason: Option<Code>,
    /// When it last did its work.
    pub last_proof: Option<Timestamp>,
}

/// In one word, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// It works.
    Ok,
    /// It works in part, or waits for something outside.
    Degraded,
    /// It does not work.
    Failed,
}

/// A unit of care plans that was handed in before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// The submission.
    pub id: Uuid,
    /// ファイル連番, 14 digits; empty where it cannot be read.
    pub stamp: String,
    /// 送信先: 事業所番号; empty where it cannot be read.
    pub to_facility: String,
}

impl Earlier {
    /// What there is to say of it, in Japanese and English. It holds no person data.
    #[must_use]
    pub fn sentences(&self) -> [String; 2] {
        let Self { id, stamp, to_facility } = self;
        let code = Code::CareplanTwice;
        [
            format!("{} （先の送信: {id}、ファイル連番 {stamp}、送信先 {to_facility}）", code.ja()),
            format!("{} (The earlier submission: {id}, stamp {stamp}, to {to_facility}.)", code.en()),
        ]
    }
}

impl OutboxError {
    /// The unit was handed in before.
    pub(super) fn twice(row: &Row) -> Self {
        let about: Option<About> = row.about.as_deref().and_then(|about| serde_json::from_slice(about.as_bytes()).ok());
        let (stamp, to_facility) = about.map(|about| (about.stamp, about.to_facility)).unwrap_or_default();
        let id = Uuid::from_slice(&row.id).unwrap_or_default();
        Self { earlier: Some(Earlier { id, stamp, to_facility }), ..Code::CareplanTwice.into() }
    }
}

/// A refusal or failure of the outbox.
#[derive(Debug, thiserror::Error)]
#[error("{code}")]
pub struct OutboxError {
    /// What the caller is told.
    pub code: Code,
    /// Seconds after which it may be tried again, where known.
    pub retry_after: Option<u64>,
    /// Of `CAREPLAN_TWICE`: what was handed in before.
    pub earlier: Option<Earlier>,
    /// For the log.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl From<Code> for OutboxError {
    fn from(code: Code) -> Self {
        Self { code, retry_after: None, earlier: None, source: None }
    }
}

impl From<StoreError> for OutboxError {
    fn from(error: StoreError) -> Self {
        Self { code: error.code(), retry_after: None, earlier: None, source: Some(Box::new(error)) }
    }
}

impl From<crate::credential::seal::SealError> for OutboxError {
    fn from(error: crate::credential::seal::SealError) -> Self {
        use crate::credential::seal::SealError;
        let code = match error {
            SealError::UnknownKey(_) => Code::MasterKeyMissing,
            SealError::Damaged => Code::SubmissionDamaged,
            SealError::File(_)
            | SealError::ReadOnly(_)
            | SealError::Token(_)
            | SealError::Malformed(_)
            | SealError::Cipher => Code::GatewayInternal,
        };
        Self { code, retry_after: None, earlier: None, source: Some(Box::new(error)) }
    }
}

impl From<super::record::BadRow> for OutboxError {
    fn from(error: super::record::BadRow) -> Self {
        Self { code: Code::SubmissionDamaged, retry_after: None, earlier: None, source: Some(Box::new(error)) }
    }
}
