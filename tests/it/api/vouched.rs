//! What two members of staff stand for: shown to the hub at once, or recorded and shown later.

use engawa::fault::Code;
use engawa::hub::{AssertStep, HubError, Refusal, Scope, Trouble};
use engawa::terminal::Right;
use http_body_util::Full;
use serde_json::{Value, json};

use super::desk::{Desk, INSURED, INSURER, pointers};
use super::house::{Answer, get, request};
use super::softcard::SoftCard;

const WITNESSES: [&str; 2] = ["staff-1", "staff-2"];

fn visual() -> Value {
    json!({"method": "visual", "witnesses": WITNESSES})
}

fn document(insured: &str) -> Value {
    json!({"kind": "passport", "insurer_number": INSURER, "insured_number": insured, "witnesses": WITNESSES})
}

fn in_session(insured: &str) -> Value {
    let mut body = document(insured);
    body["method"] = json!("document");
    body
}

fn refusal(field: &str) -> AssertStep {
    let errors = vec![HubError { code: "E2999".to_owned(), field: Some(field.to_owned()) }];
    AssertStep::Refuse(Refusal { code: Code::HubRefused, errors, trace_id: None })
}

async fn identification(desk: &Desk, key: &str, idempotency: Option<&str>, body: &Value) -> Answer {
    let request = request("POST", "/v1/identifications", Some(key)).header("content-type", "application/json");
    let request = idempotency.into_iter().fold(request, |request, key| request.header("idempotency-key", key));
    desk.house.tcp(request.body(Full::from(body.to_string())).unwrap()).await
}

fn offline(desk: &Desk) {
    desk.house.hub.identity_down(Some(Trouble::of(Code::HubUnreachable, Scope::Hub)));
}

#[tokio::test]
async fn a_face_is_compared_with_the_card() {
    let desk = Desk::open().await;
    let card = desk.put(SoftCard::new()).await;
    let session = desk.session().await;
    let answer = desk.ask(&session, "identify", &visual()).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"), "{:?}", answer.body);
    let seen = answer.json();
    assert_eq!((&seen["method"], &seen["person"]["assurance"]), (&json!("visual"), &json!("substantial")));
    assert_eq!((&seen["card"]["certificate_days_left"], &seen["card"]["tries_left"]), (&json!(1035), &Value::Null));
    assert_eq!(card.lock().unwrap().verifies, 0);

    // A challenge that was spent is asked for once more by itself.
    desk.house.hub.then_assert([refusal("challenge_id")]);
    assert_eq!(desk.ask(&session, "identify", &visual()).await.status, 200);
    desk.house.hub.then_assert([refusal("challenge_id"), refusal("challenge_id")]);
    desk.ask(&session, "identify", &visual()).await.problem("CHALLENGE_SPENT");
    desk.house.hub.then_assert([refusal("staff_ids")]);
    let refused = desk.ask(&session, "identify", &visual()).await.problem("WITNESSES_REFUSED");
    assert_eq!(
        (pointers(&refused), &refused["card"]["tries_spent"]),
        (vec!["/witnesses", "/witnesses"], &json!("none"))
    );
    assert_ne!(refused["errors"][1]["code"], "WITNESSES_REFUSED", "what the hub itself said: {refused}");
    desk.house.hub.then_assert([refusal("certificate")]);
    let refused = desk.ask(&session, "identify", &visual()).await.problem("CARD_CERTIFICATE_REFUSED");
    assert_eq!(refused["alternatives"], json!(["document"]));
}

#[tokio::test]
async fn a_telephone_shows_nothing_without_its_pin() {
    let desk = Desk::open().await;
    let mut phone = SoftCard::new().kind("JPKIAPIOSTOKEN", [0x8F, 0x8F, 0x00]);
    phone.phone = true;
    desk.put(phone).await;
    let session = desk.session().await;
    let refused = desk.ask(&session, "identify", &visual()).await.problem("CARD_UNSUPPORTED");
    assert_eq!(refused["alternatives"], json!(["pin", "document"]));
    assert!(refused["detail_en"].as_str().unwrap().contains("telephone"));
    let known = desk.ask(&session, "identify", &json!({"method": "pin", "pin": "1234"})).await.json();
    assert_eq!(known["card"]["kind"], "iphone-token");
}

#[tokio::test]
async fn a_document_needs_no_card() {
    let desk = Desk::open().await;
    desk.house.hub.know_person(INSURER, INSURED, None);
    let session = desk.session().await;
    let answer = desk.ask(&session, "identify", &in_session(INSURED)).await.json();
    assert_eq!((&answer["person"]["assurance"], &answer["card"]), (&json!("low"), &Value::Null));
    let unknown = desk.ask(&session, "identify", &in_session("0000000002")).await.problem("PERSON_UNKNOWN");
    assert_eq!(pointers(&unknown), ["/insurer_number", "/insured_number", "/insured_number"]);

    let without = identification(&desk, &desk.key, Some("k-1"), &document(INSURED)).await;
    assert_eq!((without.status.as_u16(), &without.json()["person"]["insured_number"]), (200, &json!(INSURED)));
    assert_eq!(without.header("cache-control"), "no-store");
    identification(&desk, &desk.key, None, &document(INSURED)).await.problem("IDEMPOTENCY_KEY_MISSING");
    let wrong = identification(&desk, &desk.key, Some("k-1"), &json!({"method": "document"})).await;
    let wanted = ["/kind", "/insurer_number", "/insured_number", "/witnesses", "/method"];
    assert_eq!(pointers(&wrong.problem("REQUEST_MALFORMED")), wanted);
    let reader = desk.house.key(&[Right::Read]).await;
    identification(&desk, &reader, Some("k-2"), &document(INSURED)).await.problem("AUTH_FORBIDDEN");
}

#[tokio::test]
async fn what_is_recorded_without_a_line_is_shown_when_it_is_back() {
    let desk = Desk::open().await;
    desk.put(SoftCard::new()).await;
    let session = desk.session().await;
    offline(&desk);
    let recorded = desk.ask(&session, "identify", &visual()).await;
    assert_eq!(recorded.status, 202, "{:?}", recorded.body);
    let body = recorded.json();
    let id = body["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/identifications/{id}");
    assert_eq!(recorded.header("location"), path);
    assert_eq!(recorded.header("cache-control"), "no-store");
    assert!(body["accepted_at"].is_string() && body["sha256"].as_str().unwrap().len() == 64, "{body}");
    assert_eq!(body.as_object().unwrap().len(), 3, "{body}");

    // The same request in the same session is the same identification; another one is not.
    let again = desk.ask(&session, "identify", &visual()).await;
    assert_eq!((again.status.as_u16(), again.json()), (202, body));
    assert_eq!(again.header("idempotent-replayed"), "true");
    let other = json!({"method": "visual", "witnesses": ["staff-1", "staff-3"]});
    desk.ask(&session, "identify", &other).await.problem("IDEMPOTENCY_CONFLICT");
    let waiting = desk.get(&path).await.json();
    assert_eq!((&waiting["kind"], &waiting["person"]), (&json!("identification"), &Value::Null));
    assert!(waiting["state"] == "queued" || waiting["state"] == "sending", "{waiting}");

    desk.house.hub.identity_down(None);
    let manager = desk.house.key(&[Right::Manage, Right::Read, Right::Card]).await;
    let retried = request("POST", &format!("/v1/submissions/{id}/retry"), Some(&manager));
    desk.house.tcp(retried.body(Full::default()).unwrap()).await;
    let done = desk.until(&path, |seen| seen["state"] == "delivered").await;
    assert_eq!(
        (&done["person"]["insured_number"], &done["person"]["assurance"]),
        (&json!(INSURED), &json!("substantial"))
    );
    assert!(done["person"]["person_token"].is_string());
    assert_eq!(desk.get(&path).await.header("cache-control"), "no-store");

    // Whom it is about is for who recorded it and for who manages.
    let stranger = desk.house.key(&[Right::Card, Right::Read]).await;
    let seen = |key: &str| desk.house.tcp(get(&path, Some(key)));
    assert_eq!(seen(&stranger).await.json()["person"], Value::Null);
    assert_eq!(seen(&manager).await.json()["person"], done["person"]);
    desk.house.tcp(get(&format!("/v1/opinions/{id}"), Some(&stranger))).await.problem("REQUEST_NOT_FOUND");
    let general = desk.house.tcp(get(&format!("/v1/submissions/{id}"), Some(&manager))).await;
    assert!(!String::from_utf8_lossy(&general.body).contains(INSURED), "{:?}", general.body);
    desk.get("/v1/identifications/00000000-0000-4000-8000-000000000000").await.problem("REQUEST_NOT_FOUND");
    // Asked again under the same key, it is still the recorded one.
    let late = desk.ask(&session, "identify", &visual()).await;
    assert_eq!((late.status.as_u16(), &late.json()["id"]), (202, &json!(id)));
    assert!(desk.house.close().await);
}

#[tokio::test]
async fn a_document_is_recorded_under_the_key_that_was_given() {
    let desk = Desk::open().await;
    desk.house.hub.know_person(INSURER, INSURED, None);
    offline(&desk);
    let first = identification(&desk, &desk.key, Some("k-1"), &document(INSURED)).await;
    assert_eq!(first.status, 202);
    let again = identification(&desk, &desk.key, Some("k-1"), &document(INSURED)).await;
    assert_eq!(again.json()["id"], first.json()["id"]);
    identification(&desk, &desk.key, Some("k-1"), &document("0000000002")).await.problem("IDEMPOTENCY_CONFLICT");
    let second = identification(&desk, &desk.key, Some("k-2"), &document(INSURED)).await;
    assert_ne!(second.json()["id"], first.json()["id"]);
    // A hub that refuses has judged, and nothing is recorded.
    desk.house.hub.identity_down(None);
    identification(&desk, &desk.key, Some("k-3"), &document("0000000009")).await.problem("PERSON_UNKNOWN");
    // What is not offered cannot be waited for.
    desk.house.hub.identity_down(Some(Trouble::of(Code::HubNotOffered, Scope::Item)));
    identification(&desk, &desk.key, Some("k-4"), &document(INSURED)).await.problem("HUB_NOT_OFFERED");
}
