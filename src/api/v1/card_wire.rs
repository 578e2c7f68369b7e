//! The JSON that callers see of readers, card sessions and cards.

use utoipa::ToSchema;
use uuid::Uuid;

use super::wire::Reason;
use crate::card::machine::ReaderSnapshot;
use crate::card::{
    CardState, Cards, EndReason, Purpose, ReaderState, SessionSnapshot, Stage, Terminal, Trouble, trouble_code,
};
use crate::fault::Code;

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
            position: session.position,
            // Whoever waits would rather come late than too early.
            eta_s: session.eta.map(|eta| eta.as_secs() + u64::from(eta.subsec_nanos() > 0)),
            expires_in_s: session.expires_in.map(|left| left.as_secs()),
            ended,
        }
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

