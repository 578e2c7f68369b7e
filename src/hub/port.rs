//! What the outbox asks of a hub, and the classes of answer it has to tell apart. The real hub and a scripted one both
//! implement [`HubPort`].

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use crate::fault::Code;
use crate::model::hub_user::HubMember;
use crate::model::identity::{Evidence, Person};

/// The streamed body of a delivery. An error while reading it (a damaged row) aborts the request.
pub type DeliveryBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// The longest unit that is fetched from the hub, in octets: the longest that a hub takes, and room for what stands around it.
pub const UNIT_LIMIT: u64 = 21 * 1024 * 1024;

/// One document on its way out. `key` travels as `Idempotency-Key`.
pub struct Delivery {
    /// The submission's key at the hub, made at acceptance, or a further one. What goes there without one: its id.
    pub key: Uuid,
    /// Exact length of `body` in bytes.
    pub length: u64,
    /// The bytes accepted, unchanged.
    pub body: DeliveryBody,
    /// As whom it goes; `None`: as the facility's user.
    pub user: Option<HubMember>,
}

/// What became of a delivery. The variants differ in what may be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The hub has it and gave a receipt.
    Accepted(Receipt),
    /// The hub refused the content or the right for good (E2xxx, E3001, E3002, E3004).
    Refused(Refusal),
    /// E3003: the insurer is not on the hub yet; the same key may pass from `live_from`.
    NotLive {
        /// First day of the insurer on the hub, where the hub named it.
        live_from: Option<Date>,
        /// The hub's trace id, for support.
        trace_id: Option<String>,
    },
    /// Certainly without effect: the same bytes under the same key may be sent again.
    NotDelivered(Trouble),
    /// The request may have had its effect; the hub has to be asked by key.
    Unknown(Trouble),
}

/// What the hub says of a key it was asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupOutcome {
    /// It was accepted; here is the first answer.
    Accepted(Receipt),
    /// It was refused for good.
    Refused(Refusal),
    /// E4040: the hub has never seen the key; sending is safe.
    Unseen,
    /// This hub does not offer the question.
    NotOffered,
    /// No usable answer; ask again later.
    Trouble(Trouble),
}

/// The hub's receipt.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Receipt {
    /// The hub's receipt number.
    pub number: String,
    /// When the hub accepted it, by the hub's clock.
    pub accepted_at: Timestamp,
    /// The hub's trace id, for support.
    pub trace_id: Option<String>,
}

/// A final refusal.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Refusal {
    /// The catalogue's code for it: `HUB_REFUSED`, `HUB_NOT_PERMITTED`, `HUB_NO_CONSENT` or `HUB_RECIPIENT_ABSENT`.
    pub code: Code,
    /// The hub's own errors.
    pub errors: Vec<HubError>,
    /// The hub's trace id, for support.
    pub trace_id: Option<String>,
}

/// One error as the hub named it. The hub's free-text message is left out: it may quote the document.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HubError {
    /// The hub's code, for example `E2101`.
    pub code: String,
    /// The item, as a name or pointer into the opinion.
    pub field: Option<String>,
}

/// A failure that says nothing final about the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The catalogue's code for it.
    pub code: Code,
    /// Whether it concerns this document alone or everything sent to the hub.
    pub scope: Scope,
    /// How long the hub asked to be left alone.
    pub retry_after: Option<Duration>,
    /// Nothing helps before this time (an account's lock).
    pub until: Option<Timestamp>,
    /// The hub's trace id, for support.
    pub trace_id: Option<String>,
}

/// Whom a [`Trouble`] stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This document only.
    Item,
    /// This try only: it says nothing about the document or the hub (a stale token).
    Try,
    /// The hub as a whole; it heals by itself.
    Hub,
    /// The hub as a whole, until an operator acts (a refused password, a wrong certificate).
    Operator,
}

/// A municipality's progress with a delivered opinion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MunicipalState {
    /// The hub holds it.
    Received,
    /// The hub handed it to the municipality.
    Forwarded,
    /// The municipality took it.
    Accepted,
    /// The municipality sent it back with a reason.
    Returned,
}

impl MunicipalState {
    /// As it stands in rows and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Forwarded => "forwarded",
            Self::Accepted => "accepted",
            Self::Returned => "returned",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Received, Self::Forwarded, Self::Accepted, Self::Returned]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}

/// How far the recipient of a care plan is with it. It only ever goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipientState {
    /// The hub holds it for the office.
    Delivered,
    /// The office's system has it.
    Downloaded,
    /// A person of the office has opened it.
    Opened,
}

impl RecipientState {
    /// As it stands in rows and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Downloaded => "downloaded",
            Self::Opened => "opened",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Delivered, Self::Downloaded, Self::Opened].into_iter().find(|state| state.as_str() == name)
    }
}

impl Trouble {
    /// A trouble with nothing but its code and reach.
    #[must_use]
    pub const fn of(code: Code, scope: Scope) -> Self {
        Self { code, scope, retry_after: None, until: None, trace_id: None }
    }
}

/// One entry of a feed of changes: of opinions, or of care plans ([`RecipientState`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<S = MunicipalState> {
    /// The receipt it speaks of.
    pub receipt_number: String,
    /// The new state.
    pub state: S,
    /// When it changed, by the hub's clock.
    pub at: Timestamp,
    /// Why it was returned: free text of the municipality, treated as person data.
    pub reason: Option<String>,
}

/// A page of a feed of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePage<S = MunicipalState> {
    /// Changes in the feed's order.
    pub items: Vec<Change<S>>,
    /// Where to go on; stays valid when the feed has nothing new.
    pub next_cursor: String,
    /// The cursor given had expired and the feed was read from its beginning: repeats are to be expected.
    pub restarted: bool,
}

/// A care plan that another office sent. Only its name is certain: what the hub did not say, or not readably, is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The hub's name for it; opaque, 1 to 128 characters.
    pub id: String,
    /// The office that sent it, 10 characters.
    pub from_facility: String,
    /// What it is, in the hub's words.
    pub kind: String,
    /// The sender's receipt.
    pub receipt_number: String,
    /// When it was filed, by the hub's clock; when the list was read, where the hub did not say it.
    pub at: Timestamp,
}

/// A page of what other offices sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrivalPage {
    /// In the hub's order.
    pub items: Vec<Arrival>,
    /// Where to go on; stays valid when there is nothing new.
    pub next_cursor: String,
    /// The cursor given had expired and the list was read from its beginning: repeats are to be expected.
    pub restarted: bool,
}

/// What becomes of a care plan that another office sent, as its sender may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Acknowledgement {
    /// It is on stable storage here.
    Downloaded,
    /// A person has opened it.
    Opened,
}

/// What the card has to sign, so that a signature serves once and at this hub only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The hub's name for it.
    pub id: String,
    /// 32 random bytes of the hub's.
    pub bytes: [u8; 32],
    /// Until when it serves, by the hub's clock.
    pub expires_at: Timestamp,
}

/// What the hub says of the evidence it was shown.
pub enum Asserted {
    /// It knows the person.
    Known(Box<Person>),
    /// It does not accept the evidence. The challenge is used up.
    Refused(Refusal),
}

/// A hub that documents can be sent to, and that has news.
pub trait HubPort: Send + Sync + 'static {
    /// Sends one opinion. Never fails: every failure is an [`Outcome`].
    fn deliver(&self, delivery: Delivery) -> impl Future<Output = Outcome> + Send;

    /// Sends one unit of care plans to one office. Never fails: every failure is an [`Outcome`].
    fn deliver_care_plan(&self, delivery: Delivery) -> impl Future<Output = Outcome> + Send;

    /// The feed of what became of care plans sent, after `cursor`; `None` starts at its beginning.
    fn care_plan_changes(
        &self,
        cursor: Option<String>,
    ) -> impl Future<Output = Result<ChangePage<RecipientState>, Trouble>> + Send;

    /// What other offices sent, after `cursor`; `None` starts at the beginning.
    fn arrivals(&self, cursor: Option<String>) -> impl Future<Output = Result<ArrivalPage, Trouble>> + Send;

    /// The unit of an [`Arrival`]: its JSON as the hub gave it, an object with `tables`, at most [`UNIT_LIMIT`] octets. `None`: the
    /// hub does not know it (any more). A [`Trouble`] with this unit alone (no unit at all, too long, its answer lost) is of
    /// [`Scope::Item`].
    fn arrived_unit(&self, id: &str) -> impl Future<Output = Result<Option<Bytes>, Trouble>> + Send;

    /// Tells the hub what became of an [`Arrival`]. Under the same key it may be told again without harm. A [`Trouble`] of
    /// [`Scope::Item`] whose code is a [`Refusal`]'s, or `HUB_ARRIVAL_GONE` for a unit that the hub does not know (any more), is
    /// final.
    fn acknowledge(
        &self,
        key: Uuid,
        id: &str,
        what: Acknowledgement,
    ) -> impl Future<Output = Result<(), Trouble>> + Send;

    /// The hub's time less the box's, in milliseconds, by the last answer that told it; `None` where none did.
    fn ahead(&self) -> Option<i64>;

    /// Asks what became of a key.
    fn lookup(&self, key: Uuid) -> impl Future<Output = LookupOutcome> + Send;

    /// The feed of changes after `cursor`; `None` starts at its beginning.
    fn changes(&self, cursor: Option<String>) -> impl Future<Output = Result<ChangePage, Trouble>> + Send;

    /// Asks for a challenge. Each serves one try.
    fn challenge(&self) -> impl Future<Output = Result<Challenge, Trouble>> + Send;

    /// Shows evidence of who somebody is. After a [`Trouble`] the hub may or may not have taken it: an assertion changes
    /// nothing but who holds a token, so it may be made again with another challenge.
    fn assert(
        &self,
        challenge: &Challenge,
        evidence: &Evidence,
    ) -> impl Future<Output = Result<Asserted, Trouble>> + Send;
}
