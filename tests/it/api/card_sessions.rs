//! Terminals borrow readers.

use std::time::Duration;

use engawa::terminal::Right;
use http_body_util::Full;
use serde_json::{Value, json};

use super::desk::{Desk, pointers, post};
use super::house::{House, get, request};
use super::softcard::SoftCard;

const SESSIONS: &str = "/v1/card-sessions";

#[tokio::test]
async fn a_reader_is_borrowed_and_given_back() {
    let desk = Desk::open().await;
    let readers = desk.get("/v1/readers").await.json();
    let reader = json!({"name": "a", "state": "ok", "reason": null, "card": "absent", "since_s": 0, "in_use": "none"});
    assert_eq!(readers, json!({"items": [reader], "service": "ok", "reason": null}));

    let opened = desk.post(SESSIONS, &json!({"reader": "a", "purpose": "basic-four", "wait_s": 0})).await;
    assert_eq!(opened.status, 201);
    let session = opened.json();
    let id = session["id"].as_str().unwrap();
    assert_eq!(opened.header("location"), format!("{SESSIONS}/{id}"));
    let wanted = json!({
        "id": id, "state": "granted", "purpose": "basic-four", "reader": "a", "card": false, "card_left": false,
        "position": null, "eta_s": null, "expires_in_s": session["expires_in_s"], "ended": null,
    });
    assert_eq!(session, wanted);
    assert_eq!(session["expires_in_s"], 30, "a terminal that is silent is gone: {session}");
    assert_eq!(desk.get("/v1/readers").await.json()["items"][0]["in_use"], "self");

    desk.put(SoftCard::new()).await;
    desk.until(&format!("{SESSIONS}/{id}"), |seen| seen["card"] == true).await;
    let beat = desk.ask(id, "heartbeat", &Value::Null).await;
    assert_eq!((beat.status.as_u16(), &beat.json()["state"]), (200, &json!("granted")));

    assert_eq!(desk.close(id).await.status, 204);
    let over = desk.get(&format!("{SESSIONS}/{id}")).await.json();
    assert_eq!((&over["state"], &over["ended"], &over["reader"]), (&json!("ended"), &json!("closed"), &Value::Null));
    assert_eq!(desk.close(id).await.status, 204, "closed twice is closed");
    assert!(desk.house.close().await);
}

#[tokio::test]
async fn who_has_to_wait_is_told_his_place_and_another_terminal_sees_nothing_of_it() {
    let desk = Desk::open().await;
    let other = desk.house.key(&[Right::Card]).await;
    let first = desk.session().await;
    desk.house.tcp(post(&other, SESSIONS, &json!({"purpose": "identify"}))).await.problem("CARD_BUSY");
    let waiting = json!({"reader": "nearest", "purpose": "identify", "wait_s": 600});
    let answer = desk.house.tcp(post(&other, SESSIONS, &waiting)).await;
    assert_eq!(answer.status, 202);
    let second = answer.json();
    assert_eq!(
        (&second["state"], &second["position"], &second["reader"]),
        (&json!("waiting"), &json!(1), &Value::Null)
    );
    assert!(second["eta_s"].as_u64().unwrap() <= 20, "{second}");
    let path = format!("{SESSIONS}/{}", second["id"].as_str().unwrap());

    desk.get(&path).await.problem("SESSION_UNKNOWN");
    desk.post(&format!("{path}/heartbeat"), &Value::Null).await.problem("SESSION_UNKNOWN");
    desk.close(second["id"].as_str().unwrap()).await.problem("SESSION_UNKNOWN");
    desk.get(&format!("{SESSIONS}/not-a-uuid")).await.problem("SESSION_UNKNOWN");
    let refused =
        desk.house.tcp(post(&other, &format!("{path}/identify"), &json!({"method": "pin", "pin": "1234"}))).await;
    assert_eq!(refused.problem("SESSION_WAITING")["card"], json!({"tries_spent": "none"}));

    assert_eq!(desk.get("/v1/readers").await.json()["items"][0]["in_use"], "self");
    assert_eq!(desk.close(&first).await.status, 204);
    let granted = desk.house.tcp(get(&path, Some(&other))).await.json();
    assert_eq!((&granted["state"], &granted["reader"]), (&json!("granted"), &json!("a")));
    assert_eq!(desk.get("/v1/readers").await.json()["items"][0]["in_use"], "other");
}

#[tokio::test]
async fn every_mistake_of_a_request_is_named_at_once() {
    let desk = Desk::open().await;
    let desk = &desk;
    let problem = async |body: Value| desk.post(SESSIONS, &body).await.problem("REQUEST_MALFORMED");
    let all = problem(json!({"reader": 1, "purpose": "look", "wait_s": 601, "waits": 1})).await;
    assert_eq!(pointers(&all), ["/reader", "/purpose", "/wait_s", "/waits"]);
    assert_eq!(pointers(&problem(json!({})).await), ["/purpose"]);
    assert_eq!(pointers(&problem(json!([])).await), [""]);
    for wait in [json!(-1), json!(1.5), json!("60")] {
        assert_eq!(pointers(&problem(json!({"purpose": "identify", "wait_s": wait})).await), ["/wait_s"]);
    }
    let send = |kind: &str, body: String| {
        let request = request("POST", SESSIONS, Some(&desk.key)).header("content-type", kind);
        desk.house.tcp(request.body(Full::from(body)).unwrap())
    };
    let twice = send("application/json", r#"{"purpose":"identify","purpose":"identify"}"#.to_owned()).await;
    assert_eq!(pointers(&twice.problem("REQUEST_MALFORMED")), ["/purpose"]);
    send("text/plain", "{}".to_owned()).await.problem("REQUEST_MEDIA_TYPE");
    send("application/json", " ".repeat(17 << 10)).await.problem("REQUEST_TOO_LARGE");
}

#[tokio::test]
async fn what_cannot_be_had_is_refused_with_its_reason() {
    let desk = Desk::open().await;
    let open = async |reader: &str| desk.post(SESSIONS, &json!({"reader": reader, "purpose": "identify"})).await;
    open("b").await.problem("READER_ABSENT");
    let reader = desk.house.key(&[Right::Read, Right::Submit, Right::Manage]).await;
    for path in ["/v1/readers", "/v1/card-sessions/00000000-0000-4000-8000-000000000000"] {
        desk.house.tcp(get(path, Some(&reader))).await.problem("AUTH_FORBIDDEN");
    }
    desk.house.readers.down();
    let gone = desk.until("/v1/readers", |seen| seen["service"] == "degraded").await;
    assert_eq!((&gone["reason"]["code"], &gone["items"][0]["state"]), (&json!("PCSC_DOWN"), &json!("absent")));
    assert_eq!(gone["items"][0]["reason"]["code"], "PCSC_DOWN");
    assert!(gone["reason"]["ja"].is_string() && gone["reason"]["en"].is_string());
    open("a").await.problem("PCSC_DOWN");
}

#[tokio::test]
async fn a_session_ends_by_itself_and_says_why() {
    let desk = Desk::open().await;
    let silent = desk.session().await;
    desk.house.clock.advance(Duration::from_secs(31));
    desk.put(SoftCard::new()).await;
    let over = desk.until(&format!("{SESSIONS}/{silent}"), |seen| seen["state"] == "ended").await;
    assert_eq!(over["ended"], "terminal-gone");
    let session = desk.session().await;
    desk.until(&format!("{SESSIONS}/{session}"), |seen| seen["card"] == true).await;
    desk.house.readers.remove("a");
    let over = desk.until(&format!("{SESSIONS}/{session}"), |seen| seen["state"] == "ended").await;
    assert_eq!(over["ended"], "card-removed");
    let late = desk.ask(&session, "identify", &json!({"method": "pin", "pin": "1234"})).await;
    assert_eq!(late.problem("CARD_REMOVED")["card"]["tries_spent"], "none");
}

#[tokio::test]
async fn a_revoked_key_has_no_session_left() {
    let house = House::open().await;
    let desk = Desk::with(house).await;
    desk.session().await;
    let id = desk.key.split('_').nth(1).unwrap();
    let revoke = request("DELETE", &format!("/v1/keys/{id}"), None).body(Full::default()).unwrap();
    assert_eq!(desk.house.unix(revoke).await.status, 204);
    desk.get("/v1/readers").await.problem("AUTH_INVALID");
    let readers = desk.house.unix(get("/v1/readers", None)).await.json();
    assert_eq!(readers["items"][0]["in_use"], "none");
}
