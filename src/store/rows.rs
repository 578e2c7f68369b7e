//! A submission as a row.

use sqlx::FromRow;

use crate::model::hub_user::HubMember;

/// What a submission is born with; never changed afterwards.
#[derive(Clone, Debug)]
pub struct NewSubmission {
    /// The id.
    pub id: [u8; 16],
    /// `opinion`, `identification` or `care_plan`.
    pub kind: &'static str,
    /// Facility number.
    pub facility: String,
    /// Id of the credential that sent it.
    pub sender: String,
    /// Keyed hash of the sender's key for this document.
    pub idempotency_key: [u8; 32],
    /// Hash of what was sent; keyed where the request could be guessed from a plain one.
    pub request_hash: [u8; 32],
    /// SHA-256 of the bytes kept: those that go to the hub, or a salted record.
    pub body_hash: [u8; 32],
    /// Length of those bytes.
    pub body_length: i64,
    /// Master key that sealed the body.
    pub key_id: String,
    /// Salt of the body's data key.
    pub salt: Vec<u8>,
    /// Sealed record of warnings and substitutions.
    pub note: Vec<u8>,
    /// 保険者番号; empty where the document is not addressed to one.
    pub insurer: String,
    /// Milliseconds since 1970.
    pub accepted_at: i64,
    /// Days since 1970.
    pub due: i64,
    /// The id under which it is handed in with others.
    pub batch: Option<[u8; 16]>,
    /// Within one queue nothing overtakes.
    pub queue: Option<String>,
    /// Place in the queue, compared as text; of the same place, who came first.
    pub place: Option<String>,
    /// JSON without person data: kind, stamp, month, parties, file names.
    pub about: Option<String>,
    /// Under which the hub gets it first.
    pub hub_key: Option<[u8; 16]>,
    /// As whom it is sent; `None`: as the facility's user.
    pub hub_user: Option<HubMember>,
}

/// A submission as stored.
#[derive(Clone, Debug, FromRow)]
pub struct Row {
    /// Order of acceptance.
    pub seq: i64,
    /// The id.
    pub id: Vec<u8>,
    /// `opinion`, `identification` or `care_plan`.
    pub kind: String,
    /// Facility number.
    pub facility: String,
    /// Id of the credential that sent it.
    pub sender: String,
    /// Hash of what was sent; keyed where the request could be guessed from a plain one.
    pub request_hash: Vec<u8>,
    /// SHA-256 of the bytes kept: those that go to the hub, or a salted record.
    pub body_hash: Vec<u8>,
    /// Length of those bytes.
    pub body_length: i64,
    /// Master key that sealed the body.
    pub key_id: String,
    /// Salt of the body's data key.
    pub salt: Vec<u8>,
    /// Sealed record of warnings and substitutions.
    pub note: Vec<u8>,
    /// Milliseconds since 1970.
    pub accepted_at: i64,
    /// Days since 1970.
    pub due: i64,
    /// The columns that transitions change.
    #[sqlx(flatten)]
    pub columns: Columns,
    /// How far its addressee is with it: a municipality, or an office.
    pub progress: Option<String>,
    /// Milliseconds since 1970.
    pub progress_at: Option<i64>,
    /// Sealed free text of the municipality.
    pub progress_reason: Option<Vec<u8>>,
    /// The id under which it was handed in with others.
    pub batch: Option<Vec<u8>>,
    /// Within one queue nothing overtakes.
    pub queue: Option<String>,
    /// Place in the queue.
    pub place: Option<String>,
    /// JSON without person data: kind, stamp, month, parties, file names.
    pub about: Option<String>,
    /// Whether nothing of its queue goes before it; always, where there is no queue.
    pub head: bool,
    /// Under which the hub gets it first; `None`: its id.
    pub hub_key: Option<Vec<u8>>,
    /// As whom it is sent: a user id at the hub; `None`: as the facility's user.
    pub hub_user: Option<String>,
    /// The account that handed it in, where it is sent as a person.
    pub hub_account: Option<String>,
}

impl Row {
    /// As whom it is sent; `None`: as the facility's user.
    #[must_use]
    pub fn member(&self) -> Option<HubMember> {
        HubMember::stored(self.hub_account.clone(), self.hub_user.clone())
    }
}

/// The part of a row that a transition replaces.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Columns {
    /// `queued`, `sending`, `unknown`, `held`, `delivered`, `returned`, `cancelled` or `on_paper`.
    pub state: String,
    /// A catalogue code.
    pub reason: Option<String>,
    /// Nothing happens by itself before this time, milliseconds since 1970; once delivered, when the secret in `outcome`
    /// expires.
    pub wait_until: Option<i64>,
    /// Last back-off in milliseconds.
    pub pause: i64,
    /// Deliveries begun.
    pub attempts: i64,
    /// Failures that were this document's own.
    pub strikes: i64,
    /// First delivery begun, milliseconds since 1970.
    pub first_sent_at: Option<i64>,
    /// Last failure, milliseconds since 1970.
    pub failed_at: Option<i64>,
    /// The hub's receipt number.
    pub receipt_number: Option<String>,
    /// JSON of the receipt or the refusal.
    pub result: Option<String>,
    /// Sealed: what the hub told when it took it.
    pub outcome: Option<Vec<u8>>,
    /// Last transition, milliseconds since 1970.
    pub changed_at: i64,
    /// Counts the hub's keys: under key 0 the hub gets it first.
    pub generation: i64,
    /// The hub may have it, though its state does not say so.
    pub doubtful: bool,
}

/// The columns of [`Row`], for SELECT lists.
macro_rules! row_columns {
    () => {
        "seq, id, kind, facility, sender, request_hash, body_hash, body_length, key_id, salt, note, accepted_at, due, \
         state, reason, wait_until, pause, attempts, strikes, first_sent_at, failed_at, receipt_number, result, outcome, \
         changed_at, generation, doubtful, progress, progress_at, progress_reason, batch, queue, place, about, head, \
         hub_key, hub_user, hub_account"
    };
}
pub(super) use row_columns;
