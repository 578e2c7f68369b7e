//! The scripted hub judges evidence as the contract says: a challenge serves one try.

use std::time::Duration;

use engawa::clock::Clock;
use engawa::fault::Code;
use engawa::hub::{AssertStep, Asserted, Challenge, HubPort as _, Refusal, Scope, ScriptedHub, Trouble};
use engawa::model::identity::{Assurance, DocumentKind, Evidence, Method, Person, Witnessed, Witnesses};
use engawa::model::numbers::{InsuredNumber, InsurerNumber};

const CARD: &[u8] = b"the certificate";

fn hub() -> (ScriptedHub, Clock) {
    let clock = Clock::manual("2026-11-22T00:00:00Z".parse().unwrap());
    let hub = ScriptedHub::new(clock.clone());
    hub.know_person("999995", "0000000001", Some(CARD));
    (hub, clock)
}

fn by_pin(certificate: &[u8]) -> Evidence {
    Evidence::Pin { certificate: certificate.to_vec(), signature: vec![1; 256] }
}

fn by_document(insured: &str) -> Evidence {
    let (insurer, insured) = (InsurerNumber::parse("999995").unwrap(), InsuredNumber::parse(insured).unwrap());
    let witnesses = Witnesses::parse("clerk-1", "clerk-2").unwrap();
    Evidence::Witnessed(Witnessed::document(DocumentKind::Passport, &insurer, &insured, witnesses))
}

async fn show(hub: &ScriptedHub, challenge: &Challenge, evidence: &Evidence) -> Result<Box<Person>, String> {
    match hub.assert(challenge, evidence).await {
        Ok(Asserted::Known(person)) => Ok(person),
        Ok(Asserted::Refused(refusal)) => Err(refusal.errors[0].code.clone()),
        Err(trouble) => Err(trouble.code.to_string()),
    }
}

#[tokio::test]
async fn people_are_known_by_card_and_by_numbers() {
    let (hub, clock) = hub();
    let fresh = || async { hub.challenge().await.unwrap() };
    let person = show(&hub, &fresh().await, &by_pin(CARD)).await.ok().unwrap();
    assert_eq!((person.insured_number.as_str(), person.assurance), ("0000000001", Assurance::High));
    let person = show(&hub, &fresh().await, &by_document("0000000001")).await.ok().unwrap();
    assert_eq!(person.assurance, Assurance::Low);
    assert_eq!(show(&hub, &fresh().await, &by_pin(b"another")).await.err().unwrap(), "E2307");
    assert_eq!(show(&hub, &fresh().await, &by_document("0000000002")).await.err().unwrap(), "E2309");

    let challenge = fresh().await;
    assert!(show(&hub, &challenge, &by_pin(CARD)).await.is_ok());
    assert_eq!(show(&hub, &challenge, &by_pin(CARD)).await.err().unwrap(), "E2301");
    let challenge = fresh().await;
    clock.advance(Duration::from_secs(301));
    assert_eq!(show(&hub, &challenge, &by_pin(CARD)).await.err().unwrap(), "E2302");
    let methods: Vec<_> = hub.assertions().iter().map(|record| record.method).collect();
    assert_eq!(methods[..2], [Method::Pin, Method::Document]);
    assert_eq!((hub.assertions().len(), hub.challenges_given()), (7, 6));
}

#[tokio::test]
async fn it_does_as_it_is_told() {
    let (hub, _) = hub();
    let lost = Trouble::of(Code::HubTimeout, Scope::Hub);
    hub.then_challenge([lost.clone()]);
    assert_eq!(hub.challenge().await, Err(lost.clone()));
    let refusal = Refusal { code: Code::HubNotPermitted, errors: Vec::new(), trace_id: None };
    hub.then_assert([
        AssertStep::LoseBefore(lost.clone()),
        AssertStep::LoseAfter(lost.clone()),
        AssertStep::Refuse(refusal.clone()),
    ]);
    for _ in 0..2 {
        let challenge = hub.challenge().await.unwrap();
        assert_eq!(hub.assert(&challenge, &by_pin(CARD)).await.err(), Some(lost.clone()));
    }
    let challenge = hub.challenge().await.unwrap();
    assert!(matches!(hub.assert(&challenge, &by_pin(CARD)).await, Ok(Asserted::Refused(said)) if said == refusal));
    let arrived: Vec<_> = hub.assertions().into_iter().map(|record| record.refused).collect();
    assert_eq!(arrived, [None, Some(refusal)], "what was lost on the way never came");

    hub.identity_down(Some(lost.clone()));
    assert_eq!(hub.challenge().await, Err(lost));
    hub.identity_down(None);
    assert!(hub.challenge().await.is_ok());
}
