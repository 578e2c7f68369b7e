//! The JSON that callers see of submissions.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::problem::Place;
use super::next_step::{Sentence, next_step};
use crate::fault::{Blame, Code};
use crate::model::hex;
use crate::model::opinion::Substitution;
use crate::outbox::{About, HubError, MunicipalState, Receipt, Recipient, RecipientState};
use crate::outbox::{Acceptance, EventRecord, Municipality, Page, StateName, Submission};
use crate::terminal::{Caller, Right};

/// What is posted: the opinion's items, and what belongs to them. Only its shape is described here; docs/opinion.md
/// names the items.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the request; it is read by hand to report all problems at once")]
pub(in crate::api) struct OpinionRequest {
    /// The form's items by name.
    #[schema(value_type = Object)]
    opinion: Map<String, Value>,
    /// Replacements for characters that the hub cannot hold, as the sender states them.
    #[schema(value_type = Option<Vec<SubstitutionView>>, required = false)]
    substitutions: Vec<SubstitutionView>,
    /// Electronic signature: a detached CMS in base64.
    signature: Option<String>,
}

/// The same with attachments. The order of the parts counts.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the request; it is streamed")]
pub(in crate::api) struct OpinionParts {
    /// First: `application/json`, up to 1 MiB.
    opinion: OpinionRequest,
    /// Then perhaps the signature: base64 text, or the CMS file itself.
    #[schema(value_type = Option<String>, format = Binary)]
    signature: Option<Vec<u8>>,
    /// Then up to 20 attachments, each a part of its own with a file name: PDF, PNG or JPEG.
    #[schema(value_type = Vec<String>, format = Binary, required = false)]
    attachment: Vec<Vec<u8>>,
}

/// One stated replacement; both forms are kept.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Substitution)]
pub(in crate::api) struct SubstitutionView {
    /// JSON pointer into `opinion`; of care plans that are handed in, that of the problem (`/units/0/tables/…`), and of a care plan
    /// on its way, into its unit.
    pointer: String,
    /// The text as the person writes it.
    #[schema(example = "髙")]
    original: String,
    /// The text sent to the hub.
    #[schema(example = "高")]
    replacement: String,
}

/// The promise: it is on stable storage.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct Accepted {
    /// The submission's id.
    id: Uuid,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Timestamp,
    /// SHA-256, in hexadecimal, of the exact bytes that go to the hub.
    sha256: String,
    /// What the sender may want to look at; it was accepted all the same.
    warnings: Vec<Place>,
}

impl From<Acceptance> for Accepted {
    fn from(acceptance: Acceptance) -> Self {
        Self {
            id: acceptance.id,
            accepted_at: acceptance.accepted_at,
            sha256: hex(&acceptance.sha256),
            warnings: acceptance.warnings.into_iter().map(Place::in_opinion).collect(),
        }
    }
}

/// What a check found.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct Checked {
    /// Whether a submission would be accepted.
    pub(super) acceptable: bool,
    /// Errors and warnings.
    pub(super) errors: Vec<Place>,
}

/// Where a submission is on its way.
#[derive(Clone, Copy, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SubmissionState)]
pub(in crate::api) enum StateView {
    /// Waits for its turn, the line or a person; see `reason`.
    Queued,
    /// Is being sent.
    Sending,
    /// The answer was lost; the hub is being asked what became of it.
    Unknown,
    /// Set aside until a person decides.
    Held,
    /// The hub has it and gave a receipt.
    Delivered,
    /// The hub refused it for good.
    Returned,
    /// Cancelled at the sender's request.
    Cancelled,
    /// A person sends it on paper, so it never goes to the hub.
    OnPaper,
}

impl StateView {
    pub(super) fn parse(name: &str) -> Option<Self> {
        serde_json::from_value(Value::String(name.to_owned())).ok()
    }
}

macro_rules! states {
    ($( $name:ident )+) => {
        impl From<StateName> for StateView {
            fn from(state: StateName) -> Self {
                match state { $( StateName::$name => Self::$name, )+ }
            }
        }
        impl From<StateView> for StateName {
            fn from(state: StateView) -> Self {
                match state { $( StateView::$name => Self::$name, )+ }
            }
        }
    };
}
states! { Queued Sending Unknown Held Delivered Returned Cancelled OnPaper }

/// Why, and who has to act.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct Reason {
    /// The stable name; see docs/errors.md.
    #[schema(value_type = String, example = "HUB_UNREACHABLE")]
    code: Code,
    /// The sentence in Japanese.
    ja: &'static str,
    /// The sentence in English.
    en: &'static str,
    /// Who has to act: `caller`, `hub`, `gateway` or `operator`.
    #[schema(value_type = String, example = "hub")]
    blame: Blame,
}

impl From<Code> for Reason {
    fn from(code: Code) -> Self {
        Self { code, ja: code.ja(), en: code.en(), blame: code.blame() }
    }
}

/// What the sender does next.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct NextStep {
    /// In Japanese.
    ja: &'static str,
    /// In English.
    en: &'static str,
}

impl From<Sentence> for NextStep {
    fn from((ja, en): Sentence) -> Self {
        Self { ja, en }
    }
}

/// The hub's receipt.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Receipt)]
pub(in crate::api) struct ReceiptView {
    /// The hub's receipt number.
    number: String,
    /// When the hub accepted it, by the hub's clock.
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Timestamp,
    /// Names the request at the hub's support.
    trace_id: Option<String>,
}

impl From<Receipt> for ReceiptView {
    fn from(Receipt { number, accepted_at, trace_id }: Receipt) -> Self {
        Self { number, accepted_at, trace_id }
    }
}

/// One error as the hub named it.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = HubError)]
pub(in crate::api) struct HubErrorView {
    /// The hub's code.
    #[schema(example = "E2101")]
    code: String,
    /// The item.
    field: Option<String>,
}

impl From<HubError> for HubErrorView {
    fn from(HubError { code, field }: HubError) -> Self {
        Self { code, field }
    }
}

/// The municipality's progress with a delivered opinion.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Municipality)]
pub(in crate::api) struct MunicipalityView {
    /// `received`, `forwarded`, `accepted` or `returned`.
    #[schema(value_type = String, example = "accepted")]
    state: MunicipalState,
    /// Since when, by the hub's clock.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Why it was returned, in the municipality's words; not in lists.
    reason: Option<String>,
}

impl From<Municipality> for MunicipalityView {
    fn from(Municipality { state, at, reason }: Municipality) -> Self {
        Self { state, at, reason }
    }
}

/// What a unit of care plans is and whom it goes to. Nothing about a person.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = CarePlan)]
pub(in crate::api) struct CarePlanView {
    /// Which send unit; see docs/careplan.md.
    #[schema(example = "H2")]
    unit: String,
    /// ファイル連番, 14 digits.
    #[schema(example = "20260425101500")]
    stamp: String,
    /// `YYYYMM`, of units of one month.
    month: Option<String>,
    /// 送信元: 事業所番号.
    from_facility: String,
    /// Its service kind.
    from_service_kind: String,
    /// 送信先: 事業所番号.
    to_facility: String,
    /// Its service kind.
    to_service_kind: String,
    /// True when it only names what is to be removed.
    delete: bool,
    /// Names of its CSV files.
    files: Vec<String>,
}

impl From<About> for CarePlanView {
    fn from(about: About) -> Self {
        let About { batch: _, unit, stamp, month, from_facility, from_service_kind, .. } = about;
        let About { to_facility, to_service_kind, delete, files, .. } = about;
        Self { unit, stamp, month, from_facility, from_service_kind, to_facility, to_service_kind, delete, files }
    }
}

/// How far the office that a care plan was sent to is with it.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Recipient)]
pub(in crate::api) struct RecipientView {
    /// `delivered` (the hub holds it for the office), `downloaded` (its system has it) or `opened` (a person looked).
    #[schema(value_type = String, example = "downloaded")]
    state: RecipientState,
    /// Since when, by the hub's clock.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl From<Recipient> for RecipientView {
    fn from(Recipient { state, at }: Recipient) -> Self {
        Self { state, at }
    }
}

/// One step of a submission's way.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct HistoryEntry {
    /// The event's number, the `id` in `/v1/events`.
    seq: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What, for example `submission.sending`.
    kind: String,
    /// What belongs to the kind.
    #[schema(value_type = Object)]
    data: Value,
}

impl From<EventRecord> for HistoryEntry {
    fn from(EventRecord { seq, at, kind, data, .. }: EventRecord) -> Self {
        Self { seq, at, kind, data }
    }
}

/// As whom something goes to the hub.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct SentAs {
    /// `facility`: as the facility's own user; `person`: as the person who handed it in.
    #[schema(example = "facility")]
    who: &'static str,
    /// The person's account here.
    #[schema(example = "sato")]
    user: Option<String>,
}

impl SentAs {
    fn of(account: Option<String>) -> Self {
        Self { who: if account.is_some() { "person" } else { "facility" }, user: account }
    }
}

/// A submission as its sender may see it.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Submission)]
pub(in crate::api) struct SubmissionView {
    /// Its id.
    id: Uuid,
    /// The key under which the hub knows it, or will: what the hub's support asks for. Absent where it goes there without one.
    hub_key: Option<Uuid>,
    /// What it is: `opinion`, `identification` or `care_plan`.
    #[schema(example = "opinion")]
    kind: &'static str,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Timestamp,
    /// SHA-256, in hexadecimal, of the exact bytes that go to the hub.
    sha256: String,
    /// Their number.
    length: u64,
    /// The day by which the law wants it at the municipality; of an identification, the day it was recorded; of a care plan,
    /// the day named at acceptance or that of its kind and month.
    #[schema(value_type = String, format = Date)]
    due: Date,
    /// Where it is.
    state: StateView,
    /// Why it is there.
    reason: Option<Reason>,
    /// What the sender does next.
    next_step: NextStep,
    /// When it is expected at the hub or tried next; absent when nobody can say, as while a person has to act first.
    #[schema(value_type = Option<String>, format = DateTime)]
    eta: Option<Timestamp>,
    /// As whom it goes, or went, to the hub.
    sent_as: SentAs,
    /// How often it was sent.
    attempts: u32,
    /// The hub's receipt, once delivered.
    receipt: Option<ReceiptView>,
    /// Why the hub refused it.
    hub_errors: Vec<HubErrorView>,
    /// The municipality's progress.
    municipality: Option<MunicipalityView>,
    /// Of a care plan: the id under which it was handed in, perhaps with others; see `GET /v1/careplans/{id}`.
    batch: Option<Uuid>,
    /// Of a care plan: what it is and whom it goes to.
    care_plan: Option<CarePlanView>,
    /// Of a care plan: how far the other office is with it.
    recipient: Option<RecipientView>,
    /// The replacements its sender stated; only for the key that sent it and for keys with the right `manage`.
    substitutions: Vec<SubstitutionView>,
    /// Its way so far.
    history: Vec<HistoryEntry>,
}

impl SubmissionView {
    /// One submission as `caller` may see it. What names the person in it is for its sender and for whoever decides on it.
    pub(super) fn of(mut submission: Submission, caller: &Caller) -> Self {
        // At a browser others log in as well: what was sent from it was not sent by whoever sits there.
        let sent_it = submission.sender == caller.id && !caller.browser;
        if !sent_it && !caller.may(Right::Manage) {
            submission.substitutions.clear();
        }
        if caller.browser
            && !caller.may(Right::Manage)
            && let Some(municipality) = &mut submission.municipality
        {
            municipality.reason = None;
        }
        Self::whole(submission)
    }

    /// The same in a list, which needs nothing of the person.
    pub(super) fn listed(mut submission: Submission) -> Self {
        if let Some(municipality) = &mut submission.municipality {
            municipality.reason = None;
        }
        submission.substitutions.clear();
        Self::whole(submission)
    }

    fn whole(submission: Submission) -> Self {
        Self {
            next_step: next_step(&submission).into(),
            id: submission.id,
            hub_key: submission.hub_key,
            kind: submission.kind,
            accepted_at: submission.accepted_at,
            sha256: hex(&submission.sha256),
            length: submission.length,
            due: submission.due,
            state: submission.state.into(),
            reason: submission.reason.map(Reason::from),
            eta: submission.eta,
            sent_as: SentAs::of(submission.account),
            attempts: submission.attempts,
            receipt: submission.receipt.map(ReceiptView::from),
            hub_errors: submission.hub_errors.into_iter().map(HubErrorView::from).collect(),
            municipality: submission.municipality.map(MunicipalityView::from),
            batch: submission.care_plan.as_ref().and_then(|about| about.batch),
            care_plan: submission.care_plan.map(CarePlanView::from),
            recipient: submission.recipient.map(RecipientView::from),
            substitutions: submission.substitutions.into_iter().map(SubstitutionView::from).collect(),
            history: submission.history.into_iter().map(HistoryEntry::from).collect(),
        }
    }
}

impl From<Substitution> for SubstitutionView {
    fn from(Substitution { pointer, original, replacement }: Substitution) -> Self {
        Self { pointer, original, replacement }
    }
}

/// A page of submissions.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct SubmissionPage {
    /// Without history, substitutions and the municipality's reason.
    pub(super) items: Vec<SubmissionView>,
    /// Where to go on; absent on the last page.
    next_cursor: Option<String>,
}

impl From<Page> for SubmissionPage {
    fn from(page: Page) -> Self {
        Self { items: page.items.into_iter().map(SubmissionView::listed).collect(), next_cursor: page.next_cursor }
    }
}
