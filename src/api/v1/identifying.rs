//! The ways of identifying a person: what is asked of the hub, what of the card, and in which order.
//!
//! Invariants: the hub's challenge comes before the card, so that without a line nobody spends a try; a signature is made
//! and shown once; what two members of staff stand for is recorded where the hub cannot be asked.

use std::sync::Arc;

use axum::Json;
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;

use super::card_wire::{CardView, Identified, Recorded};
use super::opinions::REPLAYED;
use crate::api::Api;
use crate::api::problem::{Advice, Failure, Place};
use crate::card::machine::Refusal;
use crate::card::{CardError, IdentityPin, Session, Spent, Stage};
use crate::fault::{Code, Retry};
use crate::identity::{Faulty, IdentityError};
use crate::model::identity::{Evidence, Method, Person, Witnessed, Witnesses};
use crate::outbox::{Acceptance, Sender};

/// The ways that are left without the hub.
const WITHOUT_HUB: &[&str] = &["visual", "document"];

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

/// Under which name something is recorded.
pub(super) struct Keyed {
    pub(super) sender: Sender,
    pub(super) key: String,
}

/// By card and PIN.
pub(super) async fn by_pin(
    api: Arc<Api>,
    session: Session,
    pin: IdentityPin,
    confirm_low_tries: bool,
) -> Result<Response, Failure> {
    usable(&session)?;
    let challenge = within(&api, api.identity.challenge()).await.map_err(|error| unheard(&api, error))?;
    let signed = session.sign(pin, challenge.bytes.to_vec(), confirm_low_tries).await.map_err(card_failed)?;
    let card = CardView::of(signed.kind, &signed.certificate, Some(signed.tries_left), today(&api));
    let evidence = Evidence::Pin { certificate: signed.certificate.der, signature: signed.signature };
    let asserted = within(&api, api.identity.assert(challenge, &evidence)).await;
    let person = asserted.map_err(|error| unheard(&api, error).costing(Spent::None, Some(signed.tries_left)))?;
    Ok(identified(Method::Pin, *person, Some(card)))
}

/// By card and face.
pub(super) async fn by_face(
    api: Arc<Api>,
    session: Session,
    witnesses: Witnesses,
    keyed: Keyed,
) -> Result<Response, Failure> {
    let (kind, certificate) = session.certificate().await.map_err(card_failed)?;
    let Some(certificate) = certificate else {
        return Err(Failure::from(Code::CardUnsupported).instead(&["pin", "document"]).advising(&NOT_VISUAL));
    };
    let card = CardView::of(kind, &certificate, None, today(&api));
    witnessed(&api, Witnessed::visual(&certificate.der, witnesses), keyed, Some(card)).await
}

/// By a document.
pub(super) async fn by_document(api: Arc<Api>, evidence: Witnessed, keyed: Keyed) -> Result<Response, Failure> {
    witnessed(&api, evidence, keyed, None).await
}

/// Shows the hub what two members of staff stand for, or records it.
async fn witnessed(
    api: &Api,
    witnessed: Witnessed,
    Keyed { sender, key }: Keyed,
    card: Option<CardView>,
) -> Result<Response, Failure> {
    // What was recorded once is not shown beside the record.
    if api.outbox.repeat(&sender, &key).await?.is_some() {
        return recorded(&api.outbox.identify_later(&sender, &key, &witnessed).await?);
    }
    let method = witnessed.method();
    let evidence = Evidence::Witnessed(witnessed);
    let mut asserted = ask(api, &evidence).await;
    if matches!(asserted, Err(IdentityError::Refused { part: Faulty::Challenge, .. })) {
        asserted = ask(api, &evidence).await;
    }
    match (asserted, evidence) {
        (Ok(person), _) => Ok(identified(method, *person, card)),
        (Err(error), Evidence::Witnessed(witnessed)) if error.may_wait() => {
            tracing::info!(method = method.as_str(), code = %error.code(), "an identification is recorded for later");
            recorded(&api.outbox.identify_later(&sender, &key, &witnessed).await?)
        }
        (Err(error), _) => Err(refused(api, error)),
    }
}

async fn ask(api: &Api, evidence: &Evidence) -> Result<Box<Person>, IdentityError> {
    let challenge = within(api, api.identity.challenge()).await?;
    within(api, api.identity.assert(challenge, evidence)).await
}

/// The hub's word, as long as a request may take.
async fn within<T>(api: &Api, asking: impl Future<Output = Result<T, IdentityError>>) -> Result<T, IdentityError> {
    tokio::time::timeout(api.config.request, asking).await.unwrap_or_else(|_| Err(IdentityError::given_up()))
}

/// Whether it is this session's turn: the hub need not be asked otherwise.
pub(super) fn usable(session: &Session) -> Result<(), Failure> {
    let stage = session.view().map_err(card_failed)?.stage;
    let refusal = match stage {
        Stage::Granted(_) => return Ok(()),
        Stage::Waiting => Refusal::Waiting,
        Stage::Ended(reason) => Refusal::Ended(reason),
    };
    Err(card_failed(CardError::Refused(refusal)))
}

/// A card's failure, with the ways that are left.
pub(super) fn card_failed(error: CardError) -> Failure {
    let failure = Failure::from(error);
    match failure.code() {
        Code::CardPinBlocked | Code::CardPinFloor | Code::CardWithoutPin => failure.instead(WITHOUT_HUB),
        // With card and face, too, it is the certificate that the hub looks at.
        Code::CardCertificateExpired => failure.instead(&["document"]),
        _ => failure,
    }
}

/// Why a PIN did not help, on the hub's side.
fn unheard(api: &Api, error: IdentityError) -> Failure {
    let (may_wait, retry) = (error.may_wait(), error.code().retry());
    let failure = refused(api, error);
    match (may_wait, retry) {
        (true, Retry::Automatic) => failure.instead(WITHOUT_HUB).advising(&NOT_RECORDED),
        (true, _) => failure.instead(WITHOUT_HUB),
        (false, _) => failure,
    }
}

fn refused(api: &Api, error: IdentityError) -> Failure {
    let code = error.code();
    let places = match code {
        Code::WitnessesRefused => vec![Place::of(code, "/witnesses")],
        Code::PersonUnknown => vec![Place::of(code, "/insurer_number"), Place::of(code, "/insured_number")],
        _ => Vec::new(),
    };
    let failure = Failure::at(code, places).waiting(error.retry_after(api.clock.now()));
    let failure = if code == Code::CardCertificateRefused { failure.instead(&["document"]) } else { failure };
    failure.because(error)
}

/// The time that certificates are held against; `None` while the clock cannot be right.
pub(super) fn today(api: &Api) -> Option<Timestamp> {
    api.clock.today_in_japan().map(|_| api.clock.now())
}

fn identified(method: Method, person: Person, card: Option<CardView>) -> Response {
    let body = Json(Identified { method, person: person.into(), card });
    ([(CACHE_CONTROL, "no-store")], body).into_response()
}

fn recorded(acceptance: &Acceptance) -> Result<Response, Failure> {
    let location = HeaderValue::from_str(&format!("/v1/identifications/{}", acceptance.id))
        .map_err(|error| Failure::from(Code::GatewayInternal).because(error))?;
    let headers = [(LOCATION, location), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    let mut response = (StatusCode::ACCEPTED, headers, Json(Recorded::from(acceptance))).into_response();
    if acceptance.replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}
