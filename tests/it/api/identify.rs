//! Who a person is, and what each failure costs.

use std::time::Duration;

use engawa::fault::Code;
use engawa::hub::{AssertStep, Scope, Trouble};
use engawa::terminal::Right;
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::desk::{Desk, INSURED, INSURER, pointers, post};
use super::house::{Answer, House, get, request, send};
use super::softcard::{Fault, PIN, PROFILE_PIN, SoftCard};

fn pin(digits: &str) -> Value {
    json!({"method": "pin", "pin": digits})
}

fn spent(answer: &Answer, code: &str) -> Value {
    answer.problem(code)["card"].clone()
}

fn unreachable() -> Trouble {
    Trouble::of(Code::HubUnreachable, Scope::Hub)
}

#[tokio::test]
async fn a_person_is_known_by_card_and_pin() {
    let desk = Desk::open().await;
    let card = desk.put(SoftCard::new()).await;
    let session = desk.session().await;
    let answer = desk.ask(&session, "identify", &pin(PIN)).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    let wanted = json!({
        "method": "pin",
        "person": {
            "insurer_number": INSURER, "insured_number": INSURED, "assurance": "high",
            "person_token": "T00000001", "expires_at": "2026-06-01T00:30:00Z",
        },
        "card": {
            "kind": "my-number-card", "certificate_expires_at": "2029-04-01T00:00:00Z", "certificate_days_left": 1035,
            "certificate_expiring": false, "tries_left": 3, "tries_spent": "none",
        },
    });
    assert_eq!(body, wanted);
    assert_eq!((card.lock().unwrap().verifies, desk.house.hub.assertions().len()), (1, 1));
    assert!(desk.house.close().await);
}

#[tokio::test]
async fn a_certificate_near_its_end_is_told() {
    let house = House::open().await;
    house.clock.advance(Duration::from_secs(86_400 * 1_000));
    let desk = Desk::with(house).await;
    desk.put(SoftCard::new()).await;
    let session = desk.session().await;
    let card = desk.ask(&session, "identify", &pin(PIN)).await.json()["card"].clone();
    assert_eq!((&card["certificate_days_left"], &card["certificate_expiring"]), (&json!(35), &json!(true)));
}

#[tokio::test]
async fn every_failure_says_what_it_cost_and_what_is_left() {
    let desk = Desk::open().await;
    let card = desk.put(SoftCard::new()).await;
    let session = desk.session().await;
    let wrong = desk.ask(&session, "identify", &pin("0000")).await;
    assert_eq!(spent(&wrong, "CARD_PIN_WRONG"), json!({"tries_spent": "one", "tries_left": 2}));
    let again = desk.ask(&session, "identify", &pin("0001")).await;
    assert_eq!(spent(&again, "CARD_PIN_WRONG"), json!({"tries_spent": "one", "tries_left": 1}));
    let floor = desk.ask(&session, "identify", &pin(PIN)).await;
    assert_eq!(spent(&floor, "CARD_PIN_FLOOR"), json!({"tries_spent": "none", "tries_left": 1}));
    assert_eq!(floor.json()["alternatives"], json!(["visual", "document"]));
    let mut knowing = pin("0002");
    knowing["confirm_low_tries"] = json!(true);
    let blocked = desk.ask(&session, "identify", &knowing).await;
    assert_eq!(spent(&blocked, "CARD_PIN_BLOCKED"), json!({"tries_spent": "one", "tries_left": 0}));
    let blocked = desk.ask(&session, "identify", &pin(PIN)).await;
    assert_eq!(spent(&blocked, "CARD_PIN_BLOCKED"), json!({"tries_spent": "none", "tries_left": 0}));
    assert_eq!(card.lock().unwrap().verifies, 3);
    assert_eq!(desk.house.hub.assertions().len(), 0);
}

#[tokio::test]
async fn a_card_that_is_lost_under_the_pin_has_an_unknown_outcome() {
    let desk = Desk::open().await;
    let mut soft = SoftCard::new();
    soft.fault = Some((usize::MAX, Fault::Lost));
    let card = desk.put(soft).await;
    let session = desk.session().await;
    assert_eq!(desk.ask(&session, "identify", &pin(PIN)).await.status, 200);
    {
        let mut card = card.lock().unwrap();
        let verify = card.seen.iter().position(|seen| seen.len() == 9 && seen[1] == 0x20).unwrap();
        card.fault = Some((card.seen.len() + verify, Fault::Lost));
    }
    let lost = desk.ask(&session, "identify", &pin(PIN)).await;
    assert_eq!(spent(&lost, "CARD_OUTCOME_UNKNOWN"), json!({"tries_spent": "unknown"}));
    assert_eq!(card.lock().unwrap().verifies, 2);
    let after = desk.ask(&session, "identify", &pin(PIN)).await;
    assert_eq!(spent(&after, "CARD_REMOVED"), json!({"tries_spent": "none"}));
}

#[tokio::test]
async fn tries_are_looked_at_and_cost_none() {
    let desk = Desk::open().await;
    let card = desk.put(SoftCard::new()).await;
    let session = desk.session().await;
    let path = format!("/v1/card-sessions/{session}/tries");
    assert_eq!(desk.get(&path).await.json(), json!({"identity": 3, "profile": 3, "without_pin": false}));
    desk.ask(&session, "identify", &pin("0000")).await.problem("CARD_PIN_WRONG");
    assert_eq!(desk.get(&path).await.json()["identity"], 2);
    assert_eq!(card.lock().unwrap().verifies, 1);
    let unknown = desk.get("/v1/card-sessions/00000000-0000-4000-8000-000000000000/tries").await;
    assert_eq!(spent(&unknown, "SESSION_UNKNOWN"), json!({"tries_spent": "none"}));
}

#[tokio::test]
async fn no_pin_goes_to_a_card_that_another_terminal_has_left_unless_it_is_said_to_be_the_persons_own() {
    let desk = Desk::open().await;
    let card = desk.put(SoftCard::new()).await;
    let first = desk.session().await;
    assert_eq!(desk.ask(&first, "identify", &pin(PIN)).await.status, 200);
    desk.close(&first).await;
    let other = desk.house.key(&[Right::Card]).await;
    let opened = desk.house.tcp(post(&other, "/v1/card-sessions", &json!({"purpose": "identify"}))).await.json();
    assert_eq!((&opened["card"], &opened["card_left"]), (&json!(true), &json!(true)));
    let path = format!("/v1/card-sessions/{}", opened["id"].as_str().unwrap());
    let ask = async |what: &str, body: Value| desk.house.tcp(post(&other, &format!("{path}/{what}"), &body)).await;
    for (what, body) in [("identify", pin(PIN)), ("basic-four", json!({"pin": PROFILE_PIN}))] {
        let left = ask(what, body.clone()).await;
        assert_eq!(spent(&left, "CARD_LEFT"), json!({"tries_spent": "none"}), "{what}");
    }
    let tries = desk.house.tcp(get(&format!("{path}/tries"), Some(&other))).await;
    assert_eq!(spent(&tries, "CARD_LEFT"), json!({"tries_spent": "none"}));
    assert_eq!((desk.house.hub.challenges_given(), card.lock().unwrap().verifies), (1, 1));
    let own = json!({"method": "pin", "pin": PIN, "confirm_card_left": true});
    assert_eq!(ask("identify", own).await.status, 200);
    assert_eq!(ask("basic-four", json!({"pin": PROFILE_PIN})).await.status, 200, "from here on it is this terminal's");
}

#[tokio::test]
async fn a_pin_is_never_named_for_a_repeat() {
    let desk = Desk::open().await;
    let card = desk.put(SoftCard::new()).await;
    let session = desk.session().await;
    let named = request("POST", &format!("/v1/card-sessions/{session}/identify"), Some(&desk.key));
    let named = named.header("content-type", "application/json").header("idempotency-key", "k");
    let refused = desk.house.tcp(named.body(Full::from(pin(PIN).to_string())).unwrap()).await;
    let problem = refused.problem("REQUEST_MALFORMED");
    assert_eq!(problem["errors"][0]["parameter"], "Idempotency-Key");
    assert_eq!((desk.house.hub.challenges_given(), card.lock().unwrap().verifies), (0, 0));
}

#[tokio::test]
async fn without_a_line_the_card_is_not_touched() {
    let desk = Desk::open().await;
    let card = desk.put(SoftCard::new()).await;
    let session = desk.session().await;
    desk.house.hub.identity_down(Some(unreachable()));
    let offline = desk.ask(&session, "identify", &pin(PIN)).await;
    assert_eq!(offline.status, 502);
    let problem = offline.problem("HUB_UNREACHABLE");
    assert_eq!(problem["alternatives"], json!(["visual", "document"]));
    assert_eq!((&problem["card"], &problem["retry"]), (&json!({"tries_spent": "none"}), &json!("later")));
    assert!(!problem["detail_en"].as_str().unwrap().contains("by itself"), "nothing goes by itself: {problem}");
    assert!(card.lock().unwrap().seen.is_empty());
}

#[tokio::test]
async fn a_good_signature_that_does_not_help_costs_nothing() {
    let desk = Desk::open().await;
    let card = desk.put(SoftCard::new()).await;
    let session = desk.session().await;
    desk.house.hub.then_assert([AssertStep::LoseAfter(unreachable()), AssertStep::Hang]);
    let lost = desk.ask(&session, "identify", &pin(PIN)).await;
    assert_eq!(spent(&lost, "HUB_UNREACHABLE"), json!({"tries_spent": "none", "tries_left": 3}));
    assert_eq!((desk.house.hub.assertions().len(), card.lock().unwrap().verifies), (1, 1), "shown once");
}

#[tokio::test]
async fn a_hub_that_hangs_is_given_up() {
    let limits = engawa::api::Config { request: Duration::from_millis(500), ..engawa::api::Config::default() };
    let desk = Desk::with(House::open_with(limits, engawa::api::ServeConfig::default()).await).await;
    desk.put(SoftCard::new()).await;
    let session = desk.session().await;
    desk.house.hub.then_assert([AssertStep::Hang]);
    let late = desk.ask(&session, "identify", &pin(PIN)).await;
    assert_eq!(spent(&late, "HUB_TIMEOUT"), json!({"tries_spent": "none", "tries_left": 3}));
}

#[tokio::test]
async fn every_mistake_of_a_request_is_named_and_costs_nothing() {
    let desk = Desk::open().await;
    let card = desk.put(SoftCard::new()).await;
    let session = desk.session().await;
    for (body, code, wanted) in [
        (json!({"method": "pin", "pin": "123"}), "CARD_PIN_FORMAT", vec!["/pin"]),
        (json!({"method": "pin", "pin": "１２３４"}), "CARD_PIN_FORMAT", vec!["/pin"]),
        (json!({"method": "pin", "pin": 1234}), "REQUEST_MALFORMED", vec!["/pin"]),
        (json!({"method": "pin"}), "REQUEST_MALFORMED", vec!["/pin"]),
        (
            json!({"method": "pin", "pin": "12345", "confirm_low_tries": 1, "witnesses": []}),
            "REQUEST_MALFORMED",
            vec!["/pin", "/confirm_low_tries", "/witnesses"],
        ),
        (json!({"method": "nfc", "pin": "1234", "pn": 1}), "REQUEST_MALFORMED", vec!["/method", "/pn"]),
        (json!({"pin": "1234"}), "REQUEST_MALFORMED", vec!["/method"]),
        (json!({"method": "visual", "witnesses": ["a", "a"]}), "REQUEST_MALFORMED", vec!["/witnesses"]),
        (
            json!({"method": "visual", "witnesses": ["a"], "pin": "1234"}),
            "REQUEST_MALFORMED",
            vec!["/witnesses", "/pin"],
        ),
        (
            json!({"method": "document", "kind": "letter", "insurer_number": "1", "insured_number": ""}),
            "REQUEST_MALFORMED",
            vec!["/kind", "/insurer_number", "/insured_number", "/witnesses"],
        ),
    ] {
        let problem = desk.ask(&session, "identify", &body).await.problem(code);
        assert_eq!(pointers(&problem), wanted, "{body}");
        assert_eq!(problem["card"], json!({"tries_spent": "none"}), "{body}");
    }
    let escaped = request("POST", &format!("/v1/card-sessions/{session}/identify"), Some(&desk.key));
    let escaped = escaped.header("content-type", "application/json");
    let escaped = escaped.body(Full::from(r#"{"method":"pin","pin":"\u0031234"}"#)).unwrap();
    assert_eq!(pointers(&desk.house.tcp(escaped).await.problem("REQUEST_MALFORMED")), [""]);
    assert!(card.lock().unwrap().seen.is_empty());
    assert_eq!(desk.house.hub.challenges_given(), 0);
}

#[tokio::test]
async fn the_four_items_are_read_with_their_own_pin() {
    let desk = Desk::open().await;
    let card = desk.put(SoftCard::new()).await;
    let session = desk.session().await;
    let answer = desk.ask(&session, "basic-four", &json!({"pin": PROFILE_PIN})).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let wanted = json!({
        "name": "縁側 太郎", "address": "架空県架空市一丁目", "birth_date": "1940-01-02", "sex": "male",
        "card": {"tries_spent": "none"},
    });
    assert_eq!(answer.json(), wanted);
    let wrong = desk.ask(&session, "basic-four", &json!({"pin": "0000"})).await;
    assert_eq!(spent(&wrong, "CARD_PIN_WRONG"), json!({"tries_spent": "one", "tries_left": 2}));
    let format = desk.ask(&session, "basic-four", &json!({"pin": "abcd"})).await;
    assert_eq!(pointers(&format.problem("CARD_PIN_FORMAT")), ["/pin"]);
    assert_eq!(card.lock().unwrap().verifies, 2);
    let reader = desk.house.key(&[Right::Read, Right::CardApdu]).await;
    let path = format!("/v1/card-sessions/{session}/basic-four");
    desk.house.tcp(post(&reader, &path, &json!({"pin": PROFILE_PIN}))).await.problem("AUTH_FORBIDDEN");
}

#[tokio::test]
#[allow(clippy::await_holding_lock, reason = "the lock is how the card is kept busy")]
async fn what_has_begun_finishes_though_its_client_has_gone_and_a_stop_waits_for_it() {
    let desk = Desk::open().await;
    let card = desk.put(SoftCard::new()).await;
    let session = desk.session().await;
    let hold = card.lock().unwrap();
    let stream = TcpStream::connect(desk.house.tcp).await.unwrap();
    let asked = post(&desk.key, &format!("/v1/card-sessions/{session}/identify"), &pin(PIN));
    let client = tokio::spawn(send(stream, asked));
    while desk.house.hub.challenges_given() == 0 {
        tokio::task::yield_now().await;
    }
    desk.until(&format!("/v1/card-sessions/{session}"), |seen| seen["state"] == "granted").await;
    let busy = desk.ask(&session, "identify", &pin(PIN)).await;
    assert_eq!(spent(&busy, "SESSION_BUSY"), json!({"tries_spent": "none"}));
    client.abort();
    let hub = desk.house.hub.clone();
    let closing = tokio::spawn(desk.house.close());
    drop(hold);
    assert!(closing.await.unwrap(), "it finished in time");
    assert_eq!((card.lock().unwrap().verifies, hub.assertions().len()), (1, 1));
}
