//! Documents that have been waiting for long, by the party for whom they wait, and those that wait for a person.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::service::Service;
use super::state::State;
use super::{Check, Finding};
use crate::config::Loaded;
use crate::fault::Code;
use crate::store::Waiting;

const NAME: &str = "queue";
/// Nothing should wait for longer where all is well.
const LONG: SignedDuration = SignedDuration::from_hours(1);

/// A check for each facility and each kind of trouble. Nothing where the database cannot be seen.
pub(super) fn examine(loaded: &Loaded, state: &State, service: &Service, now: Timestamp) -> Vec<Check> {
    let Ok(peek) = &state.0 else { return Vec::new() };
    let mut checks = Vec::new();
    for (place, config) in loaded.facilities().enumerate() {
        let number = &config.facility.number;
        let own: Vec<&Waiting> = peek.waiting.iter().filter(|waiting| waiting.facility == *number).collect();
        let reason = state.barred().or(service.reason(Some(number), "hub").and_then(Code::parse));
        let of = |check: Check| if place == 0 { check } else { check.of(number) };
        checks.extend(of_facility(&own, reason, (service.runs(), now)).into_iter().map(of));
    }
    checks
}

/// What waits, `reason` being what the running service says is in the way of all.
fn of_facility(waiting: &[&Waiting], reason: Option<Code>, (runs, now): (bool, Timestamp)) -> Vec<Check> {
    let (held, waiting): (Vec<&Waiting>, Vec<&Waiting>) = waiting.iter().partition(|waiting| waiting.state == "held");
    let count: i64 = waiting.iter().map(|waiting| waiting.count).sum();
    let mut late: BTreeMap<Finding, (Code, Timestamp, i64)> = BTreeMap::new();
    let known = waiting.iter().filter_map(|waiting| why(waiting)).find(|code| !is_turn(*code));
    for one in &waiting {
        let Ok(oldest) = Timestamp::from_millisecond(one.oldest) else { continue };
        let own = why(one);
        // Whose insurer does not take part yet waits for months, as it should.
        if now.duration_since(oldest) < LONG || own == Some(Code::HubInsurerNotLive) {
            continue;
        }
        // Those behind the first wait for what it waits for.
        let own = own.filter(|code| !is_turn(*code)).or(reason).or(known);
        // Then it is the service, which is named already.
        let Some(code) = own.or(runs.then_some(Code::GatewayInternal)) else { continue };
        let entry = late.entry(culprit(code)).or_insert((code, oldest, 0));
        *entry = (entry.0, entry.1.min(oldest), entry.2 + one.count);
    }
    let mut checks: Vec<Check> = late.into_iter().map(|(finding, found)| old(finding, found)).collect();
    let held: i64 = held.iter().map(|waiting| waiting.count).sum();
    if held > 0 {
        checks.push(Check::found_as(NAME, Finding::QueueHeld, &format!("{held}件"), &format!("{held}")));
    }
    if checks.is_empty() {
        checks.push(Check::ok(
            NAME,
            format!("送信待ちは{count}件です。"),
            format!("{count} document(s) wait to be sent."),
        ));
    }
    checks
}

fn why(waiting: &Waiting) -> Option<Code> {
    waiting.reason.as_deref().and_then(Code::parse)
}

/// Whether it says no more than that something else goes first.
fn is_turn(code: Code) -> bool {
    matches!(code, Code::WaitTurn | Code::WaitEarlier)
}

fn old(finding: Finding, (code, oldest, count): (Code, Timestamp, i64)) -> Check {
    let (ja, en) = (
        format!("{count}件、いちばん古いものは {oldest:.0} から、{code}"),
        format!("{count}, the oldest since {oldest:.0}, {code}"),
    );
    Check { code: Some(code), ..Check::found_as(NAME, finding, &ja, &en) }
}

/// Who can end the waiting.
fn culprit(code: Code) -> Finding {
    match code {
        Code::HubBusy
        | Code::HubTrouble
        | Code::HubTimeout
        | Code::HubLoginCautious
        | Code::HubNotOffered
        | Code::OutcomeUnknown
        | Code::OutcomeUnaskable
        | Code::HubRecipientAbsent => Finding::QueueOld,
        Code::HubLoginRefused
        | Code::HubAccountLocked
        | Code::HubNotPermitted
        | Code::HubPasswordNeeded
        | Code::HubPasswordRefused
        | Code::HubRoleDiffers
        | Code::HubStaffLoginOff
        | Code::HubUserTaken
        | Code::CertificateMissing
        | Code::CertificateUnreadable => Finding::QueueOldOffice,
        Code::CertificateExpired
        | Code::CertificateNotYetValid
        | Code::CertificateWrongKind
        | Code::HubCertificateWrongKind => Finding::QueueOldIssuer,
        Code::HubUnreachable | Code::HubServerUntrusted | Code::HubNonsense => Finding::QueueOldLine,
        _ => Finding::QueueOldBox,
    }
}
