//! The JSON that callers see of readers, card sessions and cards.

use jiff::Timestamp;
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::wire::Reason;
use crate::card::machine::ReaderSnapshot;
use crate::card::{
    CardKind, CardState, Cards, Counters, EndReason, HolderCertificate, Purpose, ReaderState, SessionSnapshot, Spent,
    Stage, Terminal, Trouble, trouble_code,
};
use crate::fault::Code;
use crate::model::hex;
use crate::model::identity::{Assurance, Method, Person};
use crate::outbox::Acceptance;

/// Days before its end from which a certificate is told to be expiring.
const EXPIRING: i64 = 90;

/// Every reader seen since the gateway started.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct ReaderList {
    /// By name.
    items: Vec<ReaderView>,
    /// `ok`, or `degraded` while no reader can be used; then `reason` says why.
    #[schema(example = "ok")]
    service: &'static str,
    /// What is wrong with the service behind the readers.
    reason: Option<Reason>,
}

impl ReaderList {
    /// The readers as a terminal sees them.
    pub(super) fn of(cards: &Cards, terminal: &Terminal) -> Self {
        let service = cards.health().service;
        let items = cards.readers().into_iter().map(|reader| ReaderView::of(cards, reader, terminal, service));
        Self {
            items: items.collect(),
            service: if service.is_some() { "degraded" } else { "ok" },
            reason: service.map(trouble_code).map(Reason::from),
        }
    }
}

/// A reader.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Reader)]
pub(in crate::api) struct ReaderView {
    /// Its name.
    #[schema(example = "ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC] 00 00")]
    name: String,
    /// `ok`, `degraded` or `absent`.
    #[schema(example = "ok")]
    state: &'static str,
    /// Why, if not `ok`.
    reason: Option<Reason>,
    /// What lies on it: `absent`, `present` or `mute` (something that does not answer).
    #[schema(value_type = String, example = "present")]
    card: CardState,
    /// For how many seconds `state` has held.
    since_s: u64,
    /// Whose it is: `none`, `self` (a session of the asking terminal) or `other`.
    #[schema(example = "none")]
    in_use: &'static str,
}

impl ReaderView {
    fn of(cards: &Cards, reader: ReaderSnapshot, terminal: &Terminal, service: Option<Trouble>) -> Self {
        let (state, reason) = reader_state(&reader.state, service);
        let in_use = match &reader.leased_by {
            None => "none",
            Some(holder) if holder == terminal => "self",
            Some(_) => "other",
        };
        Self {
            name: reader.name.0,
            state,
            reason: reason.map(Reason::from),
            card: reader.card,
            since_s: cards.ago(reader.since).as_secs(),
            in_use,
        }
    }
}

/// A reader's state in a word, and its reason.
pub(super) fn reader_state(state: &ReaderState, service: Option<Trouble>) -> (&'static str, Option<Code>) {
    match state {
        ReaderState::Ok => ("ok", None),
        ReaderState::Degraded(trouble) => ("degraded", Some(trouble_code(*trouble))),
        // Without pcscd nobody can tell whether the reader is plugged in.
        ReaderState::Absent => ("absent", Some(service.map_or(Code::ReaderAbsent, trouble_code))),
    }
}

/// A card session as its terminal sees it.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = CardSession)]
pub(in crate::api) struct SessionView {
    /// Its id.
    id: Uuid,
    /// `waiting`, `granted` or `ended`.
    #[schema(example = "granted")]
    state: &'static str,
    /// What it was asked for: `identify`, `basic-four` or `application`.
    #[schema(value_type = String, example = "identify")]
    purpose: Purpose,
    /// The reader it has, while it is granted.
    reader: Option<String>,
    /// Whether a card that belongs to this session lies on the reader.
    card: bool,
    /// Whether that card has lain there since another terminal last used it: a PIN is refused (CARD_LEFT) unless
    /// `confirm_card_left` says that it is the person's own.
    card_left: bool,
    /// Place in the queue from 1, while it waits.
    position: Option<usize>,
    /// Seconds until its turn, estimated, while it waits for a reader that works.
    eta_s: Option<u64>,
    /// Seconds until it ends by itself if nothing more comes.
    expires_in_s: Option<u64>,
    /// Why it is over: `closed`, `idle`, `lifetime`, `card-removed`, `reader-lost`, `terminal-gone`, `revoked`,
    /// `wait-over` or `stopping`.
    #[schema(value_type = Option<String>, example = json!(null))]
    ended: Option<EndReason>,
}

impl From<SessionSnapshot> for SessionView {
    fn from(session: SessionSnapshot) -> Self {
        let (state, reader, ended) = stage(session.stage);
        Self {
            id: session.id,
            state,
            purpose: session.purpose,
            reader,
            card: session.card,
            card_left: session.card_left,
            position: session.position,
            // Whoever waits would rather come late than too early.
            eta_s: session.eta.map(|eta| eta.as_secs() + u64::from(eta.subsec_nanos() > 0)),
            expires_in_s: session.expires_in.map(|left| left.as_secs()),
            ended,
        }
    }
}

/// Tries left of each PIN.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Tries)]
pub(in crate::api) struct TriesView {
    /// Of the 利用者証明用 PIN; `null` where there is none.
    #[schema(example = 3)]
    identity: Option<u8>,
    /// Of the PIN of 券面事項入力補助; `null` where the card has none.
    #[schema(example = 3)]
    profile: Option<u8>,
    /// The card has no PIN: identify its holder visually.
    without_pin: bool,
}

impl From<Counters> for TriesView {
    fn from(counters: Counters) -> Self {
        let without_pin = counters.without_pin;
        Self { identity: (!without_pin).then_some(counters.identity), profile: counters.profile, without_pin }
    }
}

/// A stage in a word, with its reader or its reason.
pub(super) fn stage(stage: Stage) -> (&'static str, Option<String>, Option<EndReason>) {
    match stage {
        Stage::Waiting => ("waiting", None, None),
        Stage::Granted(reader) => ("granted", Some(reader.0), None),
        Stage::Ended(reason) => ("ended", None, Some(reason)),
    }
}

/// Whom the hub knows.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Person)]
pub(in crate::api) struct PersonView {
    /// 保険者番号.
    #[schema(example = "999995")]
    insurer_number: String,
    /// 被保険者番号.
    #[schema(example = "0000000001")]
    insured_number: String,
    /// How sure the hub is: `high` by card and PIN, `substantial` by card and face, `low` by a document.
    assurance: Assurance,
    /// Stands for the person in later calls to the hub. A secret: keep it in memory, never in a log. `null` when it has
    /// expired.
    #[schema(value_type = Option<String>)]
    #[serde(serialize_with = "reveal")]
    person_token: Option<Zeroizing<String>>,
    /// Until when the token serves, by the hub's clock.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

#[allow(clippy::ref_option, reason = "the signature that serde wants")]
fn reveal<S: serde::Serializer>(secret: &Option<Zeroizing<String>>, serializer: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&secret.as_ref().map(|secret| secret.as_str()), serializer)
}

impl From<Person> for PersonView {
    fn from(person: Person) -> Self {
        Self {
            insurer_number: person.insurer_number,
            insured_number: person.insured_number,
            assurance: person.assurance,
            person_token: Some(person.token).filter(|token| !token.is_empty()),
            expires_at: person.expires_at,
        }
    }
}

/// The card that was used.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Card)]
pub(in crate::api) struct CardView {
    /// `my-number-card`, `juki-card`, `android-token`, `iphone-token` or `other`.
    #[schema(value_type = String, example = "my-number-card")]
    kind: CardKind,
    /// When the 利用者証明用 certificate ends to be valid.
    #[schema(value_type = String, format = DateTime)]
    certificate_expires_at: Timestamp,
    /// Whole days until then, negative when it is over; `null` while the gateway's clock cannot be right.
    certificate_days_left: Option<i64>,
    /// It ends within 90 days. From three months before, the municipality renews it.
    certificate_expiring: bool,
    /// Tries left of the 利用者証明用 PIN, where the card was asked.
    tries_left: Option<u8>,
    /// PIN tries that this request has spent; a right PIN spends none.
    #[schema(value_type = String, example = "none")]
    tries_spent: Spent,
}

impl CardView {
    /// A card as it lay there; `now` is `None` while the clock cannot be right.
    pub(super) fn of(
        kind: CardKind,
        certificate: &HolderCertificate,
        tries_left: Option<u8>,
        now: Option<Timestamp>,
    ) -> Self {
        let days = now.map(|now| certificate.days_left(now));
        Self {
            kind,
            certificate_expires_at: certificate.not_after,
            certificate_days_left: days,
            certificate_expiring: days.is_some_and(|days| days < EXPIRING),
            tries_left,
            tries_spent: Spent::None,
        }
    }
}

/// A person who was identified.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct Identified {
    /// How: `pin`, `visual` or `document`.
    #[schema(value_type = String, example = "pin")]
    pub(super) method: Method,
    /// Who it is, by the hub's word.
    pub(super) person: PersonView,
    /// The card; `null` for `document`.
    pub(super) card: Option<CardView>,
}

/// An identification that is recorded, and shown to the hub by itself as soon as the line allows.
#[derive(serde::Serialize, ToSchema)]
pub(in crate::api) struct Recorded {
    /// Its id.
    id: Uuid,
    /// When it was recorded.
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Timestamp,
    /// SHA-256, in hexadecimal, of what will be shown.
    sha256: String,
}

impl From<&Acceptance> for Recorded {
    fn from(acceptance: &Acceptance) -> Self {
        Self { id: acceptance.id, accepted_at: acceptance.accepted_at, sha256: hex(&acceptance.sha256) }
    }
}
