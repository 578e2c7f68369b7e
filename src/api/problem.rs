//! Failures as problem+json (RFC 9457).
//!
//! A handler returns a [`Failure`]; it travels as a response extension to [`Correlation::dress`], the last of the way out, which alone
//! knows the correlation id, writes the body and the log line.

use std::error::Error;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::card::{CardError, Spent};
use crate::fault::{Blame, Code, Retry};
use crate::inbox::InboxError;
use crate::model::opinion;
use crate::outbox::OutboxError;
use crate::terminal::{KeyError, TerminalError};
use crate::vault::MasterKeyError;

const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
/// Seconds a caller is asked to wait where nobody knows better.
const SHORT_WAIT: u64 = 1;

/// Why a request is not answered with what it asked for. All of it lies in a box: it is moved at every `?`, and seldom looked at.
#[derive(Clone, Debug)]
pub(super) struct Failure(Box<Reason>);

#[derive(Clone, Debug)]
struct Reason {
    code: Code,
    places: Vec<Place>,
    retry_after: Option<u64>,
    card: Option<CardNote>,
    alternatives: &'static [&'static str],
    advice: Option<&'static Advice>,
    trail: Option<Code>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What a request may have cost on a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, ToSchema)]
pub(super) struct CardNote {
    /// PIN tries that this request has spent: `none`, `one` or `unknown` (none or one: look at the tries left).
    #[schema(value_type = String, example = "one")]
    pub(super) tries_spent: Spent,
    /// Tries left, by the card's own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tries_left: Option<u8>,
}

/// What to do where the catalogue's sentence, which is written for documents on their way, would mislead.
#[derive(Debug)]
pub(super) struct Advice {
    /// In Japanese.
    pub(super) ja: &'static str,
    /// In English.
    pub(super) en: &'static str,
    /// Whether to try again.
    pub(super) retry: Retry,
}

/// One place in the request that has to change.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
#[schema(as = ProblemPlace)]
pub(super) struct Place {
    /// JSON pointer into the request's body (RFC 6901); attachments are `/attachments/0` and so on. Of care plan files: into the
    /// units that they make (`/units/0/tables/…`), as a substitution names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pointer: Option<String>,
    /// The query parameter or header, where the place is not in the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parameter: Option<String>,
    /// Of care plans: the name of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    /// The line of it, from 1; line breaks inside values count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<u64>,
    /// The number of the item in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) column: Option<usize>,
    /// The name of the item in English; see docs/careplan.md.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item: Option<String>,
    /// Stable name of the problem.
    pub(super) code: String,
    /// Whether it stops the request.
    pub(super) severity: Severity,
    /// What to do, in Japanese.
    pub(super) detail: String,
    /// What to do, in English.
    pub(super) detail_en: String,
    /// The character that the hub cannot hold: the `original` of a substitution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) character: Option<String>,
    /// Replacements the sender may state in `substitutions`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(super) candidates: Vec<String>,
}

/// Whether a problem stops the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Severity {
    /// It does.
    Error,
    /// It is accepted all the same; a person should look at it. Of a care plan: the receiver is likely to refuse it.
    Warning,
    /// Of care plans: it is accepted, and could be better.
    Advice,
}

/// The body of every answer outside 2xx.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct Document {
    /// A name for the kind of failure; not an address.
    #[serde(rename = "type")]
    #[schema(example = "urn:engawa:error:OPINION_INVALID")]
    kind: String,
    /// The HTTP status in words.
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 422)]
    status: u16,
    /// What happened and what to do, in Japanese.
    detail: &'static str,
    /// What happened and what to do, in English.
    detail_en: &'static str,
    /// The stable name of the failure; see docs/errors.md.
    #[schema(value_type = String, example = "OPINION_INVALID")]
    code: Code,
    /// Who has to act: `caller`, `hub`, `gateway` or `operator`.
    #[schema(value_type = String, example = "caller")]
    blame: Blame,
    /// Whether to try again: `never`, `automatic`, `later` or `after_remedy`.
    #[schema(value_type = String, example = "never")]
    retry: Retry,
    /// Names this answer in the gateway's log.
    correlation_id: Uuid,
    /// Every place that has to change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<Place>,
    /// Seconds to wait before trying again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// What a request that has to do with a card has cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<CardNote>,
    /// Other ways of identifying the person: `pin`, `visual`, `document`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<String>, required = false, example = json!(["visual", "document"]))]
    alternatives: &'static [&'static str],
}

impl Place {
    /// A place in the body.
    pub(super) fn at(pointer: impl Into<String>, code: &'static str, ja: &str, en: &str) -> Self {
        Self { pointer: Some(pointer.into()), ..Self::nowhere(code, ja, en) }
    }

    /// A place in a file that was sent, or the whole of it.
    pub(super) fn in_file(file: impl Into<String>, code: &'static str, ja: &str, en: &str) -> Self {
        Self { file: Some(file.into()), ..Self::nowhere(code, ja, en) }
    }

    /// A query parameter or a header.
    pub(super) fn parameter(name: impl Into<String>, code: &'static str, ja: &str, en: &str) -> Self {
        Self { parameter: Some(name.into()), ..Self::nowhere(code, ja, en) }
    }

    /// The sentence of a catalogue code, at a place in the body.
    pub(super) fn of(code: Code, pointer: impl Into<String>) -> Self {
        Self::at(pointer, code.name(), code.ja(), code.en())
    }

    /// What the hub itself found wrong, under its own code.
    pub(super) fn of_hub(code: String, pointer: Option<&str>, field: &str) -> Self {
        Self {
            pointer: pointer.map(str::to_owned),
            code,
            detail: format!("基盤がこの項目を認めません: {field}"),
            detail_en: format!("The hub does not accept this item: {field}"),
            ..Self::nowhere("", "", "")
        }
    }

    /// A problem of the opinion in the form in which it is kept.
    pub(super) fn in_opinion(kept: serde_json::Value) -> Self {
        let mut place = serde_json::from_value(kept).unwrap_or_else(|_| Self::unreadable());
        place.pointer = Some(format!("/opinion{}", place.pointer.unwrap_or_default()));
        place
    }

    fn unreadable() -> Self {
        Self::nowhere(Code::OpinionInvalid.name(), Code::OpinionInvalid.ja(), Code::OpinionInvalid.en())
    }

    /// No place in particular: a reason of its own.
    pub(super) fn nowhere(code: &'static str, ja: &str, en: &str) -> Self {
        Self {
            pointer: None,
            parameter: None,
            file: None,
            line: None,
            column: None,
            item: None,
            code: code.to_owned(),
            severity: Severity::Error,
            detail: ja.to_owned(),
            detail_en: en.to_owned(),
            character: None,
            candidates: Vec::new(),
        }
    }
}

/// The opinion's problems name places within the opinion; the caller looks for them in the request's body.
impl From<&opinion::Problem> for Place {
    fn from(problem: &opinion::Problem) -> Self {
        serde_json::to_value(problem).map_or_else(|_| Self::unreadable(), Self::in_opinion)
    }
}

impl Failure {
    /// A failure with several places to correct.
    pub(super) fn at(code: Code, places: Vec<Place>) -> Self {
        let mut failure = Self::from(code);
        failure.0.places = places;
        failure
    }

    /// A failure with one place to correct.
    pub(super) fn here(code: Code, place: Place) -> Self {
        Self::at(code, vec![place])
    }

    /// Keeps the cause for the log.
    pub(super) fn because(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Says what it has cost on the card.
    pub(super) fn costing(mut self, tries_spent: Spent, tries_left: Option<u8>) -> Self {
        self.0.card = Some(CardNote { tries_spent, tries_left });
        self
    }

    /// Says that it has cost nothing, unless something else was said before.
    pub(super) fn costing_nothing(self) -> Self {
        if self.0.card.is_some() { self } else { self.costing(Spent::None, None) }
    }

    /// Offers other ways.
    pub(super) fn instead(mut self, alternatives: &'static [&'static str]) -> Self {
        self.0.alternatives = alternatives;
        self
    }

    /// Gives advice in place of the catalogue's.
    pub(super) fn advising(mut self, advice: &'static Advice) -> Self {
        self.0.advice = Some(advice);
        self
    }

    /// Says how long to wait.
    pub(super) fn waiting(mut self, seconds: Option<u64>) -> Self {
        self.0.retry_after = seconds;
        self
    }

    /// The catalogue's code.
    pub(super) fn code(&self) -> Code {
        self.0.code
    }

    /// What the trail says: more than the caller is told, where that would help a thief.
    pub(super) fn trail(&self) -> Code {
        self.0.trail.unwrap_or(self.0.code)
    }

    pub(super) fn status(&self) -> StatusCode {
        // Codes that explain a state have status 200; as a failure they would be a mistake of ours.
        StatusCode::from_u16(self.0.code.status())
            .ok()
            .filter(|status| status.as_u16() >= 400)
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn wait(&self) -> Option<u64> {
        self.0.retry_after.or((self.0.code == Code::GatewayBusy).then_some(SHORT_WAIT))
    }

    fn document(&self, correlation_id: Uuid) -> Document {
        Document {
            kind: format!("urn:engawa:error:{}", self.0.code),
            title: self.status().canonical_reason().unwrap_or("Error"),
            status: self.status().as_u16(),
            detail: self.0.advice.map_or(self.0.code.ja(), |advice| advice.ja),
            detail_en: self.0.advice.map_or(self.0.code.en(), |advice| advice.en),
            code: self.0.code,
            blame: self.0.code.blame(),
            retry: self.0.advice.map_or(self.0.code.retry(), |advice| advice.retry),
            correlation_id,
            errors: self.0.places.clone(),
            retry_after: self.wait(),
            card: self.0.card,
            alternatives: self.0.alternatives,
        }
    }

    fn log(&self) {
        let mut causes = String::new();
        let mut next = self.0.source.as_deref().map(|source| source as &dyn Error);
        while let Some(cause) = next {
            // Writing to a String cannot fail.
            let _ = write!(causes, "{}{cause}", if causes.is_empty() { "" } else { ": " });
            next = cause.source();
        }
        match (self.0.code, self.status().is_server_error()) {
            (Code::GatewayInternal, _) => tracing::error!(code = %self.0.code, causes, "request failed"),
            (_, true) => tracing::warn!(code = %self.0.code, causes, "request failed"),
            (_, false) => tracing::debug!(code = %self.0.code, "request refused"),
        }
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Self(Box::new(Reason {
            code,
            places: Vec::new(),
            retry_after: None,
            card: None,
            alternatives: &[],
            advice: None,
            trail: None,
            source: None,
        }))
    }
}

impl From<OutboxError> for Failure {
    fn from(error: OutboxError) -> Self {
        let place = error.earlier.as_ref().map(|earlier| {
            let [ja, en] = earlier.sentences();
            Place::nowhere(error.code.name(), &ja, &en)
        });
        let places = place.into_iter().collect();
        Self::at(error.code, places).waiting(error.retry_after).because(error)
    }
}

impl From<InboxError> for Failure {
    fn from(error: InboxError) -> Self {
        Self::from(error.code).because(error)
    }
}

/// The failure of an operation on a card, with what it has cost.
impl From<CardError> for Failure {
    fn from(error: CardError) -> Self {
        Self::from(error.code()).costing(error.spent(), error.tries_left()).because(error)
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let mut failure = Self::from(error.code());
        failure.0.trail = matches!(error, KeyError::Elsewhere).then_some(Code::KeyElsewhere);
        failure.because(error)
    }
}

impl From<MasterKeyError> for Failure {
    fn from(error: MasterKeyError) -> Self {
        Self::from(error.code()).because(error)
    }
}

impl From<TerminalError> for Failure {
    fn from(error: TerminalError) -> Self {
        let wait = match error {
            TerminalError::Locked(seconds) => Some(seconds),
            _ => None,
        };
        Self::from(error.code()).waiting(wait).because(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What names a request and its answer in the log.
pub(super) struct Correlation {
    id: Uuid,
    written: Option<HeaderValue>,
}

impl Correlation {
    /// A new one, for a request to this route, and the span of what is done for it.
    pub(super) fn of(request: &Request, route: &str) -> (Self, tracing::Span) {
        // Names a line of the log, and opens nothing: the system need not be asked for each.
        let id = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
        let mut text = Uuid::encode_buffer();
        let text: &str = id.hyphenated().encode_lower(&mut text);
        // Of the highest level, so that it is there for every line; the facility is known once the caller is.
        let facility = tracing::field::Empty;
        let span = tracing::error_span!("request", correlation_id = %text, method = %request.method(), route, facility);
        (Self { id, written: HeaderValue::from_str(text).ok() }, span)
    }

    /// Writes a failure out, and names the answer.
    pub(super) fn dress(self, span: &tracing::Span, response: &mut Response) {
        if let Some(failure) = failure_of(response) {
            span.in_scope(|| failure.log());
            write_out(&failure, self.id, response);
        }
        if let Some(written) = self.written {
            response.headers_mut().insert(CORRELATION_ID, written);
        }
    }
}

/// The failure a response carries, or stands for: some refusals come from the HTTP library as bare text.
fn failure_of(response: &mut Response) -> Option<Failure> {
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        return Some(failure);
    }
    let json = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/"));
    let code = match response.status() {
        status if json || !(status.is_client_error() || status.is_server_error()) => return None,
        StatusCode::NOT_FOUND => Code::RequestNotFound,
        StatusCode::METHOD_NOT_ALLOWED => Code::RequestMethod,
        StatusCode::REQUEST_TIMEOUT => Code::RequestTimeout,
        StatusCode::PAYLOAD_TOO_LARGE => Code::RequestTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::RequestMediaType,
        status if status.is_client_error() => Code::RequestMalformed,
        _ => Code::GatewayInternal,
    };
    Some(Failure::from(code))
}

fn write_out(failure: &Failure, id: Uuid, response: &mut Response) {
    *response.status_mut() = failure.status();
    let body = serde_json::to_vec(&failure.document(id)).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.remove(CONTENT_LENGTH);
    if let Some(seconds) = failure.wait() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    match failure.0.code {
        Code::AuthMissing => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"engawa\""));
        }
        Code::AuthInvalid => {
            let value = HeaderValue::from_static("Bearer realm=\"engawa\", error=\"invalid_token\"");
            headers.insert(WWW_AUTHENTICATE, value);
        }
        _ => {}
    }
    *response.body_mut() = Body::from(body);
}
