//! What an exchange means: one table for every hub call, without I/O.
//!
//! For a write the question is always the same: can the document be at the hub? *No* only when the hub cannot have had the
//! whole request or its envelope says so; otherwise it has to be asked by key.
//!
//! Whom a failure stops: a line or a hub that is down stops everything ([`Scope::Hub`]); a lost or senseless answer to one
//! document is held against that document alone ([`Scope::Item`]), because the question that follows finds out whether the
//! hub as a whole is ill, and a document that makes the hub stumble must not stop the others.

mod careplan;

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::fmt::rfc2822;
use serde_json::Value;
use uuid::Uuid;

use super::client::{LineFault, Seen};
use super::port::{Asserted, Challenge, ChangePage, HubError, LookupOutcome, Outcome, Refusal, Scope, Trouble};
use super::wire::{Envelope, ErrorEntry, PageData, challenge_data, changes_data, lookup_data, person_data, receipt};
use crate::fault::Code;
use crate::model::identity::{Evidence, Person, Witnessed};

pub use careplan::{acknowledgement, arrival_page, arrived_unit, recipient_page};

/// How long an account stays locked when the hub names no end: the claim system's figure.
pub(super) const DEFAULT_LOCK: Duration = Duration::from_secs(30 * 60);
const SHORTEST_RETRY: u64 = 1;
const LONGEST_RETRY: u64 = 24 * 3600;

/// The meaning of one exchange, whatever was asked. `D`: the data of an ok, read or as it came.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply<D = Value> {
    /// The envelope says ok.
    Ok {
        /// Its data.
        data: D,
        /// The hub's trace id.
        trace_id: Option<String>,
    },
    /// Final: E2xxx, E3001, E3002, E3004.
    Refused(Refusal),
    /// E3003.
    NotLive {
        /// First day of the insurer on the hub.
        live_from: Option<Date>,
        /// The hub's trace id.
        trace_id: Option<String>,
    },
    /// E1004: the access token is not taken; without effect.
    TokenStale(Trouble),
    /// E4040: unknown key, id or cursor.
    NotKnown(Trouble),
    /// E2000: the hub has no such path.
    NotOffered(Trouble),
    /// Certainly without effect.
    Without(Trouble),
    /// Perhaps with effect.
    Perhaps(Trouble),
}

/// Classifies what was seen. `now` turns a `Retry-After` date into a pause.
#[must_use]
pub fn classify(seen: &Seen, now: Timestamp) -> Reply {
    classify_by(|body| Envelope::parse(body), seen, now)
}

/// As [`classify`], of an answer that may be long: its data is known to be JSON, and is left unread as it came.
#[must_use]
pub fn classify_around(seen: &Seen, now: Timestamp) -> Reply<Bytes> {
    classify_by(Envelope::parse_around, seen, now)
}

fn classify_by<D>(parse: impl Fn(&Bytes) -> Option<Envelope<D>>, seen: &Seen, now: Timestamp) -> Reply<D> {
    match seen {
        Seen::Damaged => Reply::Without(trouble(Code::SubmissionDamaged, Scope::Item)),
        Seen::NoConnection(fault) => Reply::Without(line(*fault, Scope::Hub)),
        Seen::Unsent(fault) => Reply::Without(line(*fault, Scope::Hub)),
        Seen::Lost(fault @ (LineFault::OwnCertificateRefused | LineFault::OwnCertificateExpired)) => {
            Reply::Without(line(*fault, Scope::Operator))
        }
        // Trust was established when the connection was; what breaks later is the line.
        Seen::Lost(LineFault::Untrusted | LineFault::NotYetTrusted) => {
            Reply::Perhaps(trouble(Code::HubUnreachable, Scope::Item))
        }
        Seen::Lost(fault) => Reply::Perhaps(line(*fault, Scope::Item)),
        Seen::Answered { status, retry_after, body, request_whole, .. } => {
            let pause = retry_after.as_deref().and_then(|value| parse_retry_after(value, now));
            match parse(body) {
                Some(Envelope::Ok { data, trace_id }) if *request_whole => Reply::Ok { data, trace_id },
                Some(Envelope::Error { errors, trace_id }) => by_code(&errors, trace_id, *status, pause, now),
                // Also an "ok" to half a request: whatever it was said of, it was not this document.
                _ => no_envelope(*status, pause, *request_whole),
            }
        }
    }
}

/// The outbox's view of a write.
#[must_use]
pub fn delivery(seen: &Seen, now: Timestamp) -> Outcome {
    match classify(seen, now) {
        Reply::Ok { data, trace_id } => match receipt(&data, trace_id.clone()) {
            Some(receipt) => Outcome::Accepted(receipt),
            None => Outcome::Unknown(Trouble { trace_id, ..trouble(Code::HubNonsense, Scope::Item) }),
        },
        Reply::Refused(refusal) => Outcome::Refused(refusal),
        Reply::NotLive { live_from, trace_id } => Outcome::NotLive { live_from, trace_id },
        Reply::TokenStale(trouble) | Reply::NotOffered(trouble) | Reply::Without(trouble) => {
            Outcome::NotDelivered(trouble)
        }
        // A write names nothing that the hub could fail to know: not understood, so ask.
        Reply::NotKnown(trouble) | Reply::Perhaps(trouble) => Outcome::Unknown(trouble),
    }
}

/// The outbox's view of a question about `key`.
#[must_use]
pub fn lookup(seen: &Seen, key: Uuid, now: Timestamp) -> LookupOutcome {
    match classify(seen, now) {
        Reply::Ok { data, trace_id } => match lookup_data(&data, key, trace_id.clone()) {
            Some(Ok(receipt)) => LookupOutcome::Accepted(receipt),
            Some(Err(errors)) => refused_before(&errors, trace_id),
            // The hub is there and says something about this key that cannot be read: no reason to stop the others.
            None => LookupOutcome::Trouble(Trouble { trace_id, ..trouble(Code::HubNonsense, Scope::Item) }),
        },
        Reply::NotKnown(_) => LookupOutcome::Unseen,
        Reply::NotOffered(_) => LookupOutcome::NotOffered,
        other => LookupOutcome::Trouble(of_a_read(other)),
    }
}

/// A page of changes; `restarted` is for the caller to set. An unknown cursor comes back as `Ok(None)`.
///
/// # Errors
/// What stands in the way of a page.
pub fn change_page(seen: &Seen, now: Timestamp) -> Result<Option<ChangePage>, Trouble> {
    let page = page(classify(seen, now), changes_data)?;
    Ok(page.map(|(items, next_cursor)| ChangePage { items, next_cursor, restarted: false }))
}

/// A page of any list: its entries and the next cursor; `None`: the hub does not know the cursor.
fn page<T>(reply: Reply, read: impl Fn(&Value) -> Option<PageData<T>>) -> Result<Option<(Vec<T>, String)>, Trouble> {
    match reply {
        Reply::Ok { data, trace_id } => match read(&data) {
            Some((items, unread, next_cursor)) => {
                if unread > 0 {
                    tracing::warn!(unread, "entries of the hub's list could not be read and were passed over");
                }
                Ok(Some((items, next_cursor)))
            }
            None => Err(Trouble { trace_id, ..trouble(Code::HubNonsense, Scope::Hub) }),
        },
        Reply::NotKnown(_) => Ok(None),
        other => Err(of_a_read(other)),
    }
}

/// A challenge, for whoever asked for one. A hub that offers or permits no identification is no reason to stop documents.
///
/// # Errors
/// What stands in the way of it.
pub fn challenge(reply: Reply) -> Result<Challenge, Trouble> {
    match reply {
        Reply::Ok { data, trace_id } => {
            challenge_data(&data).ok_or(Trouble { trace_id, ..trouble(Code::HubNonsense, Scope::Hub) })
        }
        other @ (Reply::Refused(_) | Reply::NotOffered(_)) => Err(Trouble { scope: Scope::Item, ..of_a_read(other) }),
        other => Err(of_a_read(other)),
    }
}

/// What became of evidence that was shown. It takes the meaning of the exchange and not the exchange, so that the token in
/// it is read once.
///
/// # Errors
/// Whatever is no judgement. A lost or senseless answer is held against this assertion alone, like one to a document; an
/// answer about somebody else than the document names is senseless.
pub fn assertion(reply: Reply, evidence: &Evidence) -> Result<Asserted, Trouble> {
    match reply {
        Reply::Ok { data, trace_id } => match person_data(data).filter(|person| speaks_of(person, evidence)) {
            Some(person) => Ok(Asserted::Known(Box::new(person))),
            None => Err(Trouble { trace_id, ..trouble(Code::HubNonsense, Scope::Item) }),
        },
        Reply::Refused(refusal) => Ok(Asserted::Refused(refusal)),
        // The only thing an assertion names that a hub could fail to know.
        Reply::NotKnown(Trouble { trace_id, .. }) => {
            let errors = vec![HubError { code: "E4040".to_owned(), field: Some("/challenge_id".to_owned()) }];
            Ok(Asserted::Refused(Refusal { code: Code::HubRefused, errors, trace_id }))
        }
        Reply::NotLive { trace_id, .. } => Err(Trouble { trace_id, ..trouble(Code::HubInsurerNotLive, Scope::Item) }),
        Reply::NotOffered(trouble) => Err(Trouble { scope: Scope::Item, ..trouble }),
        Reply::TokenStale(trouble) | Reply::Without(trouble) | Reply::Perhaps(trouble) => Err(trouble),
    }
}

/// A card names nobody, a document does. A hub may write an insured number with more zeros before it.
fn speaks_of(person: &Person, evidence: &Evidence) -> bool {
    let Evidence::Witnessed(Witnessed::Document { insurer_number, insured_number, .. }) = evidence else { return true };
    let zeros = |number: &str| number.trim_start_matches('0').to_owned();
    person.insurer_number == *insurer_number && zeros(&person.insured_number) == zeros(insured_number)
}

/// A look-up or list has no effect to be unsure of: whatever is not an answer is a trouble of the hub.
pub(super) fn of_a_read<D>(reply: Reply<D>) -> Trouble {
    match reply {
        Reply::TokenStale(trouble) | Reply::NotOffered(trouble) | Reply::Without(trouble) => trouble,
        Reply::Perhaps(found) | Reply::NotKnown(found) => Trouble { scope: Scope::Hub, ..found },
        Reply::Refused(Refusal { code, trace_id, .. }) => Trouble { trace_id, ..trouble(code, Scope::Operator) },
        Reply::NotLive { trace_id, .. } | Reply::Ok { trace_id, .. } => {
            Trouble { trace_id, ..trouble(Code::HubNonsense, Scope::Hub) }
        }
    }
}

fn refused_before(errors: &[ErrorEntry], trace_id: Option<String>) -> LookupOutcome {
    match deciding(errors).map(|(rank, error)| (rank, final_code(&error.code))) {
        Some((_, Some(code))) => LookupOutcome::Refused(refusal(code, errors, trace_id)),
        _ => LookupOutcome::Trouble(Trouble { trace_id, ..trouble(Code::HubNonsense, Scope::Item) }),
    }
}

/// The error that decides. A temporary one beside a final one keeps the document alive: only a refusal in which every
/// error is final is final.
fn deciding(errors: &[ErrorEntry]) -> Option<(u8, &ErrorEntry)> {
    errors.iter().map(|error| (rank(&error.code), error)).min_by_key(|(rank, _)| *rank)
}

fn rank(code: &str) -> u8 {
    match code {
        "E1001" | "E1002" | "E1003" => 0,
        "E1004" => 1,
        _ if is_class(code, b'9') => 2,
        "E4040" | "E2000" => 4,
        "E3003" => 5,
        _ => match final_code(code) {
            None => 3,
            Some(Code::HubRefused) => 7,
            Some(_) => 6,
        },
    }
}

fn is_class(code: &str, class: u8) -> bool {
    matches!(code.as_bytes(), [b'E', first, rest @ ..]
        if *first == class && rest.len() == 3 && rest.iter().all(u8::is_ascii_digit))
}

fn final_code(code: &str) -> Option<Code> {
    match code {
        "E3001" => Some(Code::HubNotPermitted),
        "E3002" => Some(Code::HubNoConsent),
        "E3004" => Some(Code::HubRecipientAbsent),
        "E2000" => None,
        _ => is_class(code, b'2').then_some(Code::HubRefused),
    }
}

/// An envelope's code decides, whatever the HTTP status says.
fn by_code<D>(
    errors: &[ErrorEntry],
    trace_id: Option<String>,
    status: u16,
    retry_after: Option<Duration>,
    now: Timestamp,
) -> Reply<D> {
    let Some((_, error)) = deciding(errors) else { return no_envelope(status, retry_after, true) };
    let with = |code, scope| Trouble { trace_id: trace_id.clone(), retry_after, ..trouble(code, scope) };
    match error.code.as_str() {
        "E1001" => Reply::Without(with(Code::HubCertificateWrongKind, Scope::Operator)),
        "E1002" => Reply::Without(with(Code::HubLoginRefused, Scope::Operator)),
        "E1003" => {
            let until = Some(lock_end(error.locked_until.as_deref(), now));
            // Heals by itself at that time, so it is not left to the operator alone.
            Reply::Without(Trouble { until, ..with(Code::HubAccountLocked, Scope::Hub) })
        }
        "E1004" => Reply::TokenStale(with(Code::HubTrouble, Scope::Item)),
        "E2000" => Reply::NotOffered(with(Code::HubNotOffered, Scope::Operator)),
        "E3003" => {
            let live_from = error.live_from.as_deref().and_then(|day| day.parse().ok());
            Reply::NotLive { live_from, trace_id }
        }
        "E4040" => Reply::NotKnown(with(Code::HubNonsense, Scope::Item)),
        code if is_class(code, b'9') => Reply::Without(with(busy_or_trouble(status, retry_after), Scope::Hub)),
        code => match final_code(code) {
            Some(code) => Reply::Refused(refusal(code, errors, trace_id)),
            // Errors the contract does not know: a throttling status is clear enough, the rest is asked about.
            None if status == 429 || status == 503 => {
                Reply::Without(with(busy_or_trouble(status, retry_after), Scope::Hub))
            }
            None => Reply::Perhaps(with(Code::HubNonsense, Scope::Item)),
        },
    }
}

fn busy_or_trouble(status: u16, retry_after: Option<Duration>) -> Code {
    if status == 429 || retry_after.is_some() { Code::HubBusy } else { Code::HubTrouble }
}

/// Without an envelope nobody knows who answered. Only 429 promises that nothing was done.
fn no_envelope<D>(status: u16, retry_after: Option<Duration>, request_whole: bool) -> Reply<D> {
    let code = match status {
        429 => Code::HubBusy,
        500 | 503 | 504 => Code::HubTrouble,
        _ => Code::HubNonsense,
    };
    let scope = if status == 429 { Scope::Hub } else { Scope::Item };
    let found = Trouble { retry_after, ..trouble(code, scope) };
    if status == 429 || !request_whole { Reply::Without(found) } else { Reply::Perhaps(found) }
}

fn line(fault: LineFault, scope: Scope) -> Trouble {
    match fault {
        LineFault::Unreachable | LineFault::Cut => trouble(Code::HubUnreachable, scope),
        LineFault::TimedOut => trouble(Code::HubTimeout, scope),
        LineFault::TooLarge => trouble(Code::HubNonsense, scope),
        LineFault::Untrusted => trouble(Code::HubServerUntrusted, Scope::Operator),
        // Heals by itself once the box knows the time.
        LineFault::NotYetTrusted => trouble(Code::HubServerUntrusted, Scope::Hub),
        LineFault::OwnCertificateRefused => trouble(Code::HubCertificateWrongKind, Scope::Operator),
        LineFault::OwnCertificateExpired => trouble(Code::CertificateExpired, Scope::Operator),
    }
}

pub(super) const fn trouble(code: Code, scope: Scope) -> Trouble {
    Trouble { code, scope, retry_after: None, until: None, trace_id: None }
}

fn refusal(code: Code, errors: &[ErrorEntry], trace_id: Option<String>) -> Refusal {
    Refusal { code, errors: errors.iter().map(ErrorEntry::to_hub_error).collect(), trace_id }
}

/// An end in the past is the hub's clock disagreeing with the box's; waiting the usual time is right for both.
fn lock_end(named: Option<&str>, now: Timestamp) -> Timestamp {
    let default = now.saturating_add(DEFAULT_LOCK).unwrap_or(Timestamp::MAX);
    named.and_then(|until| until.parse().ok()).filter(|until| *until > now).unwrap_or(default)
}

/// Seconds or an HTTP date, kept between a second and a day.
fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let seconds = match value.trim().parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            let at = rfc2822::DateTimeParser::new().parse_timestamp(value.trim()).ok()?;
            u64::try_from(at.as_second().saturating_sub(now.as_second())).unwrap_or(0)
        }
    };
    Some(Duration::from_secs(seconds.clamp(SHORTEST_RETRY, LONGEST_RETRY)))
}
