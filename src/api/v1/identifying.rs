//! The ways of identifying a person: what is asked of the hub, what of the card, and in which order.
//!
//! Invariants: the hub's challenge comes before the card, so that without a line nobody spends a try; a signature is made
//! and shown once; what two members of staff stand for is recorded where the hub cannot be asked.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use tokio::time::Instant;

use super::card_wire::{CardView, Identified, Recorded};
use super::opinions::REPLAYED;
use crate::api::Api;
use crate::api::about::{self, About};
use crate::api::problem::{Advice, Failure, Place};
use crate::api::wiped::wiped;
use crate::card::{CardError, CardKind, IdentityPin, Reserved, Session, Spent};
use crate::fault::{Code, Retry};
use crate::identity::{Challenge, Faulty, HubError, Identity, IdentityError};
use crate::model::identity::{Evidence, Method, Person, Witnessed, Witnesses};
use crate::outbox::{Acceptance, Sender};
use crate::telemetry::Metric;

/// The ways that are left without the hub, or without a PIN.
const WITHOUT_PIN: &[&str] = &["visual", "document"];
const DOCUMENT: &[&str] = &["document"];

/// The catalogue's sentences for the line promise that things go by themselves; a signature does not.
static NOT_RECORDED: Advice = Advice {
    ja: "基盤に確かめられないため、暗証番号では確認できません。暗証番号の回数は減っていません。目視か書類で確認してください。",
    en: "The hub cannot be asked, so a PIN does not help for the moment. No try was spent. Identify visually or by documents.",
    retry: Retry::Later,
};
/// A telephone shows its certificate after the PIN only.
static NOT_VISUAL: Advice = Advice {
    ja: "スマートフォンの電子証明書は暗証番号なしでは読めません。暗証番号か書類で確認してください。",
    en: "A telephone's certificate cannot be read without its PIN. Identify by PIN or by documents.",
    retry: Retry::AfterRemedy,
};

/// The hub's challenge has run out after the card had signed it; a PIN is never asked for again by itself.
static PIN_AGAIN: Advice = Advice {
    ja: "基盤の確認の期限が切れました。暗証番号の回数は減っていません。もう一度、ご本人に暗証番号を入れてもらってください。",
    en: "The hub's challenge has run out. No try was spent. Ask the person to enter the PIN once more.",
    retry: Retry::AfterRemedy,
};
/// The same where there is no PIN.
static ASK_AGAIN: Advice = Advice {
    ja: "基盤の確認の期限が切れました。もう一度行ってください。",
    en: "The hub's challenge has run out. Do it once more.",
    retry: Retry::Later,
};

/// Under which name something is recorded.
pub(super) struct Keyed {
    pub(super) sender: Sender,
    pub(super) key: String,
}

/// What the PIN is asked for: the hub's challenge, and how long the hub has left for its word.
pub(super) struct Asked {
    facility: String,
    session: Session,
    /// Nobody else begins anything on the card meanwhile.
    reserved: Reserved,
    challenge: Challenge,
    left: Duration,
}

/// Asks the hub for its challenge. Neither card nor PIN is touched, so this may be broken off.
pub(super) async fn ask_for_pin(
    api: &Api,
    facility: String,
    session: Session,
    confirm_card_left: bool,
) -> Result<Asked, Failure> {
    let asking = async {
        let reserved = session.reserve()?;
        own_card(&session, confirm_card_left)?;
        let begun = Instant::now();
        let challenge = within(api.config.request, api.desk(&facility)?.identity.challenge()).await;
        let challenge = challenge.map_err(|error| unheard(api, error, None))?;
        Ok(Asked { facility, session, reserved, challenge, left: api.config.request.saturating_sub(begun.elapsed()) })
    };
    let asked = asking.await;
    asked.inspect_err(|failure: &Failure| tell(Method::Pin, failure.code().name()))
}

/// By card and PIN.
pub(super) async fn by_pin(
    api: Arc<Api>,
    asked: Asked,
    pin: IdentityPin,
    confirm_low_tries: bool,
) -> Result<Response, Failure> {
    counted(Method::Pin, Box::pin(pin_shown(&api, asked, pin, confirm_low_tries))).await
}

async fn pin_shown(
    api: &Api,
    Asked { facility, session, reserved, challenge, left }: Asked,
    pin: IdentityPin,
    confirm_low_tries: bool,
) -> Result<Response, Failure> {
    let signed = match reserved.sign(pin, challenge.bytes.to_vec(), confirm_low_tries).await {
        Ok(signed) => signed,
        Err(error) => return Err(unsigned(&session, error).await),
    };
    let card = CardView::of(signed.kind, &signed.certificate, Some(signed.tries_left), today(api));
    let evidence = Evidence::Pin { certificate: signed.certificate.der, signature: signed.signature };
    let asserted = within(left, api.desk(&facility)?.identity.assert(challenge, &evidence)).await;
    let failed = |error| unheard(api, error, Some(signed.kind)).costing(Spent::None, Some(signed.tries_left));
    identified(Method::Pin, *asserted.map_err(failed)?, Some(card))
}

/// Why the card did not sign. Where the other ways depend on what kind of card it is, that is asked; it costs no try.
async fn unsigned(session: &Session, error: CardError) -> Failure {
    let ways = match error.code() {
        Code::CardPinBlocked | Code::CardPinFloor | Code::CardSignatureInvalid => {
            ways_without_pin(session.counters().await.ok().map(|counters| counters.kind))
        }
        Code::CardWithoutPin | Code::CardOutcomeUnknown => WITHOUT_PIN,
        // With card and face, too, it is the certificate that is looked at.
        Code::CardCertificateExpired | Code::CardUnsupported => DOCUMENT,
        _ => &[],
    };
    Failure::from(error).instead(ways)
}

/// A telephone shows nothing without its PIN.
const fn ways_without_pin(kind: Option<CardKind>) -> &'static [&'static str] {
    match kind {
        Some(CardKind::AndroidToken | CardKind::IphoneToken) => DOCUMENT,
        _ => WITHOUT_PIN,
    }
}

/// Counts what came of it.
async fn counted(
    method: Method,
    identifying: impl Future<Output = Result<Response, Failure>>,
) -> Result<Response, Failure> {
    let answer = identifying.await;
    tell(
        method,
        match &answer {
            Ok(response) if response.status() == StatusCode::ACCEPTED => "RECORDED",
            Ok(_) => "OK",
            Err(failure) => failure.code().name(),
        },
    );
    answer
}

fn tell(method: Method, code: &'static str) {
    Metric::Identifications.count(&[("method", method.as_str()), ("code", code)]);
}

/// By card and face.
pub(super) async fn by_face(
    api: Arc<Api>,
    session: Session,
    witnesses: Witnesses,
    keyed: Keyed,
) -> Result<Response, Failure> {
    counted(Method::Visual, Box::pin(face_shown(&api, session, witnesses, keyed))).await
}

async fn face_shown(api: &Api, session: Session, witnesses: Witnesses, keyed: Keyed) -> Result<Response, Failure> {
    let (kind, certificate) = session.certificate().await.map_err(unseen)?;
    let Some(certificate) = certificate else {
        return Err(Failure::from(Code::CardUnsupported).instead(&["pin", "document"]).advising(&NOT_VISUAL));
    };
    let card = CardView::of(kind, &certificate, None, today(api));
    witnessed(api, Witnessed::visual(&certificate.der, witnesses), keyed, Some(card)).await
}

/// By a document.
pub(super) async fn by_document(api: Arc<Api>, evidence: Witnessed, keyed: Keyed) -> Result<Response, Failure> {
    counted(Method::Document, Box::pin(witnessed(&api, evidence, keyed, None))).await
}

/// Shows the hub what two members of staff stand for, or records it.
async fn witnessed(
    api: &Api,
    witnessed: Witnessed,
    Keyed { sender, key }: Keyed,
    card: Option<CardView>,
) -> Result<Response, Failure> {
    let desk = api.desk(&sender.facility)?;
    // What was recorded once is not shown beside the record.
    if desk.outbox.repeat(&sender, &key).await?.is_some() {
        return recorded(&desk.outbox.identify_later(&sender, &key, &witnessed).await?);
    }
    let method = witnessed.method();
    let evidence = Evidence::Witnessed(witnessed);
    let asked = within(api.config.request, async {
        match ask(&desk.identity, &evidence).await {
            Err(IdentityError::Refused { part: Faulty::Challenge, .. }) => ask(&desk.identity, &evidence).await,
            asked => asked,
        }
    });
    match (asked.await, evidence) {
        (Ok(person), _) => identified(method, *person, card),
        (Err(error), Evidence::Witnessed(witnessed)) if error.may_wait() => {
            tracing::info!(method = method.as_str(), code = %error.code(), "an identification is recorded for later");
            recorded(&desk.outbox.identify_later(&sender, &key, &witnessed).await?)
        }
        (Err(error), _) => Err(refused(api, error, &ASK_AGAIN)),
    }
}

async fn ask(identity: &Identity, evidence: &Evidence) -> Result<Box<Person>, IdentityError> {
    let challenge = identity.challenge().await?;
    identity.assert(challenge, evidence).await
}

/// The hub's word, if it comes in time.
async fn within<T>(
    limit: Duration,
    asking: impl Future<Output = Result<T, IdentityError>>,
) -> Result<T, IdentityError> {
    tokio::time::timeout(limit, asking).await.unwrap_or_else(|_| Err(IdentityError::given_up()))
}

/// A PIN is not sent to a card that somebody else's request has left behind, unless the caller knows.
pub(super) fn own_card(session: &Session, confirmed: bool) -> Result<(), Failure> {
    if session.view()?.card_left && !confirmed { Err(Code::CardLeft.into()) } else { Ok(()) }
}

/// Why a certificate could not be read without a PIN.
fn unseen(error: CardError) -> Failure {
    let failure = Failure::from(error);
    match failure.code() {
        Code::CardCertificateExpired | Code::CardUnsupported => failure.instead(DOCUMENT),
        _ => failure,
    }
}

/// Why a PIN did not help, on the hub's side. The kind of card is known once it has signed.
fn unheard(api: &Api, error: IdentityError, kind: Option<CardKind>) -> Failure {
    let (may_wait, code) = (error.may_wait(), error.code());
    let failure = refused(api, error, &PIN_AGAIN);
    let ways = ways_without_pin(kind);
    match (may_wait, code, code.retry()) {
        (true, _, Retry::Automatic) => failure.instead(ways).advising(&NOT_RECORDED),
        (true, ..) | (false, Code::CardSignatureInvalid, _) => failure.instead(ways),
        (false, ..) => failure,
    }
}

fn refused(api: &Api, error: IdentityError, again: &'static Advice) -> Failure {
    let code = error.code();
    let mut places = match code {
        Code::WitnessesRefused => vec![Place::of(code, "/witnesses")],
        Code::PersonUnknown => vec![Place::of(code, "/insurer_number"), Place::of(code, "/insured_number")],
        _ => Vec::new(),
    };
    if let IdentityError::Refused { errors, trace_id, .. } = &error {
        let named: Vec<_> = errors.iter().map(|error| error.code.as_str()).collect();
        tracing::info!(%code, hub_codes = ?named, ?trace_id, "the hub refused an identification");
        places.extend(errors.iter().map(named_by_hub));
    }
    let failure = Failure::at(code, places).waiting(error.retry_after(api.clock.now()));
    let failure = match code {
        Code::CardCertificateRefused => failure.instead(DOCUMENT),
        Code::ChallengeSpent => failure.advising(again),
        _ => failure,
    };
    failure.because(error)
}

/// What the hub itself named, with its own code.
fn named_by_hub(error: &HubError) -> Place {
    let field = error.field.as_deref().unwrap_or_default().trim_start_matches('/');
    let pointer = match field.split('/').next().unwrap_or_default() {
        "staff_ids" => Some("/witnesses"),
        "insurer_number" => Some("/insurer_number"),
        "insured_number" => Some("/insured_number"),
        _ => None,
    };
    Place::of_hub(error.code.clone(), pointer, field)
}

/// The time that certificates are held against; `None` while the clock cannot be right.
pub(super) fn today(api: &Api) -> Option<Timestamp> {
    api.clock.today_in_japan().map(|_| api.clock.now())
}

fn identified(method: Method, person: Person, card: Option<CardView>) -> Result<Response, Failure> {
    wiped(&Identified { method, person: person.into(), card })
}

fn recorded(acceptance: &Acceptance) -> Result<Response, Failure> {
    let location = HeaderValue::from_str(&format!("/v1/identifications/{}", acceptance.id))
        .map_err(|error| Failure::from(Code::GatewayInternal).because(error))?;
    let headers = [(LOCATION, location), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    let mut response = (StatusCode::ACCEPTED, headers, Json(Recorded::from(acceptance))).into_response();
    response.extensions_mut().insert(About::id("identification", acceptance.id));
    if acceptance.replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        response.extensions_mut().insert(about::Repeated);
    } else {
        response.extensions_mut().insert(about::Recorded);
    }
    Ok(response)
}
