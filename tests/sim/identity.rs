//! What an answer to a challenge or an assertion means, and under which code people see it.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engawa::clock::Clock;
use engawa::fault::Code;
use engawa::hub::{
    AssertStep, Asserted, HubError, LineFault, Refusal, Scope, ScriptedHub, Seen, Trouble, assertion, challenge,
    classify,
};
use engawa::identity::{Faulty, Identity, IdentityError};
use engawa::model::identity::{Assurance, DocumentKind, Evidence, Person, Witnessed, Witnesses};
use engawa::model::numbers::{InsuredNumber, InsurerNumber};
use jiff::Timestamp;
use serde_json::{Value, json};

const HTML: &str = "<!DOCTYPE html><html></html>";

fn now() -> Timestamp {
    "2026-11-22T00:00:00Z".parse().unwrap()
}

fn seen(status: u16, body: &str) -> Seen {
    Seen::Answered { status, retry_after: None, date: None, body: body.to_owned().into(), request_whole: true }
}

fn ok(data: &Value) -> Seen {
    seen(200, &json!({"result": "ok", "data": data, "trace_id": "t"}).to_string())
}

fn error(code: &str, field: &str) -> Seen {
    let errors = json!([{"code": code, "message": "秘", "field": field}]);
    seen(200, &json!({"result": "error", "errors": errors, "trace_id": "t"}).to_string())
}

/// A member of `data` replaced (or left out), for each way in which it can be wrong.
fn spoilt(data: &Value, wrong: &[(&str, Value)]) -> Vec<Value> {
    let members = data.as_object().unwrap().keys();
    let without = members.map(|name| {
        let mut data = data.clone();
        data.as_object_mut().unwrap().remove(name);
        data
    });
    let replaced = wrong.iter().map(|(name, value)| {
        let mut data = data.clone();
        data[*name] = value.clone();
        data
    });
    without.chain(replaced).collect()
}

#[test]
fn a_challenge_is_32_bytes() {
    let read = |seen: &Seen| challenge(classify(seen, now()));
    let data = json!({"challenge_id": "c-1", "challenge": STANDARD.encode([7; 32]), "expires_at": "2026-11-22T09:05:00+09:00"});
    let given = read(&ok(&data)).unwrap();
    assert_eq!((given.id.as_str(), given.bytes, given.expires_at), ("c-1", [7; 32], now() + Duration::from_secs(300)));
    let wrong = [
        ("challenge", json!(STANDARD.encode([7; 31]))),
        ("challenge", json!(STANDARD.encode([7; 33]))),
        ("challenge", json!("")),
        ("challenge", json!("not base64")),
        ("challenge", json!(7)),
        ("challenge_id", json!("")),
        ("challenge_id", json!("c\n1")),
        ("challenge_id", json!("c".repeat(200))),
        ("expires_at", json!("tomorrow")),
        ("expires_at", json!(1_800_000_000)),
    ];
    for data in spoilt(&data, &wrong) {
        let trouble = read(&ok(&data)).unwrap_err();
        let of = (trouble.code, trouble.scope, trouble.trace_id.as_deref());
        assert_eq!(of, (Code::HubNonsense, Scope::Hub, Some("t")), "{data}");
    }
    for (seen, code, scope) in [
        (seen(200, HTML), Code::HubNonsense, Scope::Hub),
        (seen(503, HTML), Code::HubTrouble, Scope::Hub),
        (Seen::NoConnection(LineFault::Unreachable), Code::HubUnreachable, Scope::Hub),
        (Seen::Lost(LineFault::TimedOut), Code::HubTimeout, Scope::Hub),
        (error("E9001", ""), Code::HubTrouble, Scope::Hub),
        (error("E4040", ""), Code::HubNonsense, Scope::Hub),
        // These stop nobody but those who identify.
        (error("E2000", ""), Code::HubNotOffered, Scope::Item),
        (error("E3001", ""), Code::HubNotPermitted, Scope::Item),
        (error("E2101", ""), Code::HubRefused, Scope::Item),
        // These stop everybody.
        (error("E1001", ""), Code::HubCertificateWrongKind, Scope::Operator),
    ] {
        let trouble = read(&seen).unwrap_err();
        assert_eq!((trouble.code, trouble.scope), (code, scope), "{seen:?}");
    }
}

fn person() -> Value {
    json!({
        "person_token": "a-token", "expires_at": "2026-11-22T09:30:00+09:00", "insurer_number": "999995",
        "insured_number": "0000000001", "assurance": "high",
    })
}

fn told(seen: &Seen) -> Result<Result<Person, Refusal>, Trouble> {
    told_of(seen, &Evidence::Pin { certificate: Vec::new(), signature: Vec::new() })
}

fn told_of(seen: &Seen, evidence: &Evidence) -> Result<Result<Person, Refusal>, Trouble> {
    assertion(classify(seen, now()), evidence).map(|asserted| match asserted {
        Asserted::Known(person) => Ok(*person),
        Asserted::Refused(refusal) => Err(refusal),
    })
}

#[test]
fn only_a_whole_person_is_a_person() {
    for (name, assurance) in
        [("low", Assurance::Low), ("substantial", Assurance::Substantial), ("high", Assurance::High)]
    {
        let mut data = person();
        data["assurance"] = json!(name);
        let Ok(Ok(known)) = told(&ok(&data)) else { panic!("{name}") };
        assert_eq!((known.token.as_str(), known.assurance), ("a-token", assurance));
        assert_eq!((known.insurer_number.as_str(), known.insured_number.as_str()), ("999995", "0000000001"));
        assert_eq!(known.expires_at, now() + Duration::from_secs(1800));
    }
    let wrong = [
        ("person_token", json!("")),
        ("person_token", json!("a token")),
        ("person_token", json!("a\ntoken")),
        ("person_token", json!("証")),
        ("person_token", json!("t".repeat(5000))),
        ("person_token", json!(7)),
        ("expires_at", json!("soon")),
        ("insurer_number", json!("999999")),
        ("insurer_number", json!("99999")),
        ("insurer_number", json!(999_995)),
        ("insured_number", json!("")),
        ("insured_number", json!("00000000012")),
        ("insured_number", json!("<script>")),
        ("assurance", json!("highest")),
        ("assurance", json!(3)),
    ];
    for data in spoilt(&person(), &wrong) {
        let Err(trouble) = told(&ok(&data)) else { panic!("{data}") };
        let of = (trouble.code, trouble.scope, trouble.trace_id.as_deref());
        assert_eq!(of, (Code::HubNonsense, Scope::Item, Some("t")), "{data}");
    }
    for senseless in [HTML, "[]", r#"{"result":"ok"}"#, &person().to_string(), ""] {
        let Err(trouble) = told(&seen(200, senseless)) else { panic!("{senseless}") };
        assert_eq!((trouble.code, trouble.scope), (Code::HubNonsense, Scope::Item), "{senseless}");
    }
    let half = json!({"result": "ok", "data": person()}).to_string();
    assert!(told(&seen(200, &half[..half.len() - 1])).is_err(), "half an answer");
}

#[test]
fn an_answer_about_somebody_else_is_none() {
    let document = |insurer: &str, insured: &str| {
        let (insurer, insured) = (InsurerNumber::parse(insurer).unwrap(), InsuredNumber::parse(insured).unwrap());
        let witnesses = Witnesses::parse("clerk-1", "clerk-2").unwrap();
        Evidence::Witnessed(Witnessed::document(DocumentKind::Passport, &insurer, &insured, witnesses))
    };
    for (insurer, insured, known) in [
        ("999995", "0000000001", true),
        ("999995", "1", true),
        ("999995", "0000000010", false),
        ("990010", "0000000001", false),
    ] {
        let told = told_of(&ok(&person()), &document(insurer, insured));
        assert_eq!(
            told.map_err(|trouble| trouble.code).map(|known| known.is_ok()),
            match known {
                true => Ok(true),
                false => Err(Code::HubNonsense),
            }
        );
    }
}

#[test]
fn a_lost_answer_is_trouble_and_a_judgement_is_a_refusal() {
    for (seen, code, scope) in [
        (Seen::NoConnection(LineFault::Unreachable), Code::HubUnreachable, Scope::Hub),
        (Seen::Lost(LineFault::Cut), Code::HubUnreachable, Scope::Item),
        (Seen::Lost(LineFault::TimedOut), Code::HubTimeout, Scope::Item),
        (error("E1003", ""), Code::HubAccountLocked, Scope::Hub),
        (error("E2000", ""), Code::HubNotOffered, Scope::Item),
        (error("E3003", "/insurer_number"), Code::HubInsurerNotLive, Scope::Item),
        (error("E7000", ""), Code::HubNonsense, Scope::Item),
        (error("E9001", ""), Code::HubTrouble, Scope::Hub),
    ] {
        let Err(trouble) = told(&seen) else { panic!("{seen:?}") };
        assert_eq!((trouble.code, trouble.scope), (code, scope), "{seen:?}");
    }
    for (code, expected) in [
        ("E2301", Code::HubRefused),
        ("E2309", Code::HubRefused),
        ("E3001", Code::HubNotPermitted),
        ("E3002", Code::HubNoConsent),
        ("E3004", Code::HubRecipientAbsent),
    ] {
        let Ok(Err(refusal)) = told(&error(code, "/signature")) else { panic!("{code}") };
        let errors = vec![HubError { code: code.to_owned(), field: Some("/signature".to_owned()) }];
        assert_eq!(refusal, Refusal { code: expected, errors, trace_id: Some("t".to_owned()) });
    }
    // The only thing in an assertion that a hub can fail to know is the challenge.
    let Ok(Err(refusal)) = told(&error("E4040", "")) else { panic!() };
    assert_eq!(refusal.errors[0].field.as_deref(), Some("/challenge_id"));
}

/// What people are told of this step of the hub's.
async fn said(step: Option<AssertStep>, evidence: &Evidence) -> Result<Box<Person>, IdentityError> {
    let hub = ScriptedHub::new(Clock::manual(now()));
    hub.know_person("999995", "0000000001", Some(b"card"));
    hub.then_assert(step);
    let identity = Identity::new(Arc::new(hub));
    let challenge = identity.challenge().await.unwrap();
    identity.assert(challenge, evidence).await
}

fn refuse(code: Code, fields: &[Option<&str>]) -> Option<AssertStep> {
    let errors = fields.iter().map(|field| HubError { code: "E2399".to_owned(), field: field.map(str::to_owned) });
    Some(AssertStep::Refuse(Refusal { code, errors: errors.collect(), trace_id: Some("t".to_owned()) }))
}

#[tokio::test]
async fn each_part_of_the_evidence_has_its_code() {
    let evidence = Evidence::Pin { certificate: b"card".to_vec(), signature: Vec::new() };
    assert!(said(None, &evidence).await.is_ok());
    for (fields, part, code) in [
        (&[Some("/challenge_id")][..], Faulty::Challenge, Code::ChallengeSpent),
        (&[Some("certificate")], Faulty::Certificate, Code::CardCertificateRefused),
        (&[Some("/signature")], Faulty::Signature, Code::CardSignatureInvalid),
        (&[Some("/staff_ids/1")], Faulty::Witnesses, Code::WitnessesRefused),
        (&[Some("/insurer_number")], Faulty::Person, Code::PersonUnknown),
        (&[Some("/insured_number")], Faulty::Person, Code::PersonUnknown),
        (&[None, Some("/method"), Some("/signature")], Faulty::Signature, Code::CardSignatureInvalid),
        (&[Some("/method")], Faulty::Other, Code::HubRefused),
        (&[None], Faulty::Other, Code::HubRefused),
    ] {
        let error = said(refuse(Code::HubRefused, fields), &evidence).await.err().unwrap();
        assert!(
            matches!(&error, IdentityError::Refused { part: found, trace_id: Some(_), .. } if *found == part),
            "{fields:?}: {error:?}"
        );
        assert_eq!((error.code(), error.may_wait()), (code, false), "{fields:?}");
    }
    let error = said(refuse(Code::HubNoConsent, &[Some("/signature")]), &evidence).await.err().unwrap();
    assert_eq!((error.code(), error.may_wait()), (Code::HubNoConsent, false));
    let lost = Trouble { retry_after: Some(Duration::from_secs(30)), ..Trouble::of(Code::HubBusy, Scope::Hub) };
    let error = said(Some(AssertStep::LoseAfter(lost)), &evidence).await.err().unwrap();
    assert_eq!((error.code(), error.may_wait(), error.retry_after(now())), (Code::HubBusy, true, Some(30)));
}

#[tokio::test]
async fn what_waiting_does_not_change_is_not_called_offline() {
    let hub = ScriptedHub::new(Clock::manual(now()));
    let identity = Identity::new(Arc::new(hub.clone()));
    for (code, may_wait) in [
        (Code::HubUnreachable, true),
        (Code::HubAccountLocked, true),
        (Code::CertificateExpired, true),
        (Code::HubNotOffered, false),
        (Code::HubNotPermitted, false),
        (Code::HubRefused, false),
    ] {
        hub.then_challenge([Trouble::of(code, Scope::Item)]);
        let error = identity.challenge().await.unwrap_err();
        assert_eq!((error.code(), error.may_wait()), (code, may_wait));
    }
    let until = now() + Duration::from_secs(90);
    hub.then_challenge([Trouble { until: Some(until), ..Trouble::of(Code::HubAccountLocked, Scope::Hub) }]);
    let error = identity.challenge().await.unwrap_err();
    assert_eq!((error.retry_after(now()), error.retry_after(until + Duration::from_secs(1))), (Some(90), None));
}
