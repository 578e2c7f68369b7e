//! What an office cannot get through the hub goes on paper: one or the other, never both.

use bytes::Bytes;
use engawa::fault::Code;
use engawa::hub::{RecipientState, Refusal, Step};
use engawa::terminal::Right;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use super::accept::{opinion, until};
use super::careplans_kit::{accepted, fixture, key, key_of, post_files, renamed, slip_for};
use super::house::{House, get, request};

fn act(key: &str, delivery: &Value, what: &str) -> Request<Full<Bytes>> {
    request("POST", &format!("{}/{what}", path(delivery)), Some(key)).body(Full::default()).unwrap()
}

fn path(delivery: &Value) -> &str {
    delivery["status"].as_str().unwrap()
}

fn absent() -> Step {
    Step::Refuse(Refusal { code: Code::HubRecipientAbsent, errors: Vec::new(), trace_id: None })
}

#[tokio::test]
async fn one_that_the_hub_cannot_deliver_waits_for_a_person_and_goes_on_paper() {
    let house = House::open().await;
    let key = key(&house, &[Right::Submit, Right::Read, Right::Manage]).await;
    house.hub.then([absent()]);
    let taken = accepted(&house.tcp(post_files(&key, "k-1", &fixture("slip"))).await);
    let held = &taken["deliveries"][0];
    let seen = until(&house, &key, path(held), |seen| seen["state"] == "held").await;
    assert_eq!(seen["reason"]["code"], "HUB_RECIPIENT_ABSENT");
    let next = seen["next_step"]["en"].as_str().unwrap();
    assert!(next.contains("paper") && next.contains("retry"), "{next}");
    let page = format!("{}/cover-page", path(held));
    house.tcp(get(&page, Some(&key))).await.problem("SUBMISSION_STATE");

    // What follows it to the same office waits, and says for what; another office's goes.
    let both = [renamed("20260425101500", "20260426101500"), slip_for("9970000031")].concat();
    let more = accepted(&house.tcp(post_files(&key, "k-2", &both)).await);
    let of = |office: &str| {
        let deliveries = more["deliveries"].as_array().unwrap();
        deliveries.iter().find(|delivery| delivery["to_facility"] == office).unwrap()
    };
    until(&house, &key, path(of("9970000031")), |seen| seen["state"] == "delivered").await;
    let waits = house.tcp(get(path(of("9970000023")), Some(&key))).await.json();
    assert_eq!((&waits["state"], &waits["reason"]["code"]), (&json!("queued"), &json!("WAIT_EARLIER")));
    assert!(waits["next_step"]["en"].as_str().unwrap().contains("earlier one"), "{waits}");

    let reader = super::careplans_kit::key(&house, &[Right::Read]).await;
    house.tcp(act(&reader, held, "paper")).await.problem("AUTH_FORBIDDEN");
    let stranger = key_of(&house, "1370000026", &Right::ALL).await;
    house.tcp(act(&stranger, held, "paper")).await.problem("REQUEST_NOT_FOUND");
    house.tcp(get(&page, Some(&stranger))).await.problem("REQUEST_NOT_FOUND");
    let papered = house.tcp(act(&key, held, "paper")).await;
    assert_eq!((papered.status.as_u16(), &papered.json()["state"]), (200, &json!("on_paper")));
    assert!(papered.json()["next_step"]["en"].as_str().unwrap().contains("cover page"));
    for what in ["paper", "retry", "cancel"] {
        house.tcp(act(&key, held, what)).await.problem("SUBMISSION_STATE");
    }
    until(&house, &key, path(of("9970000023")), |seen| seen["state"] == "delivered").await;
    house.tcp(act(&key, of("9970000023"), "paper")).await.problem("SUBMISSION_STATE");

    let cover = house.tcp(get(&page, Some(&reader))).await;
    assert_eq!((cover.status.as_u16(), cover.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = cover.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("script"), "{policy}");
    assert_eq!((cover.header("x-content-type-options"), cover.header("cache-control")), ("nosniff", "no-store"));
    let html = String::from_utf8(cover.body.to_vec()).unwrap();
    for wanted in ["9970000023", "9970000015", "20260425101500", "UPPLAN_202605_", Code::HubRecipientAbsent.ja()] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
    // Nothing of the persons in the files.
    assert!(!html.contains("手須戸") && !html.contains("9900000001"), "{html}");
    let batch = house.tcp(get(&format!("/v1/careplans/{}", taken["id"].as_str().unwrap()), Some(&reader))).await.json();
    assert_eq!(batch["deliveries"][0]["state"], "on_paper");
}

#[tokio::test]
async fn one_that_is_held_goes_again_when_the_office_takes_part() {
    let house = House::open().await;
    let key = key(&house, &[Right::Submit, Right::Read, Right::Manage]).await;
    house.hub.then([absent()]);
    let taken = accepted(&house.tcp(post_files(&key, "k-1", &fixture("slip"))).await);
    let held = &taken["deliveries"][0];
    until(&house, &key, path(held), |seen| seen["state"] == "held").await;
    assert_eq!(house.tcp(act(&key, held, "retry")).await.status, 200);
    let seen = until(&house, &key, path(held), |seen| seen["state"] == "delivered").await;

    // How far the other office is with it. The feed is read again after another delivery.
    let receipt = seen["receipt"]["number"].as_str().unwrap();
    house.hub.recipient(receipt, RecipientState::Downloaded);
    accepted(&house.tcp(post_files(&key, "k-2", &slip_for("9970000031"))).await);
    let seen = until(&house, &key, path(held), |seen| !seen["recipient"].is_null()).await;
    assert_eq!(seen["recipient"]["state"], "downloaded");
    assert!(seen["recipient"]["at"].is_string() && seen["municipality"].is_null());
    assert!(seen["next_step"]["en"].as_str().unwrap().contains("nobody has opened it"), "{seen}");
}

#[tokio::test]
async fn an_opinion_has_no_way_on_paper() {
    let house = House::open().await;
    let key = house.key(&Right::ALL).await;
    house.hub.rule(|_| Step::Hang);
    let taken = house.tcp(super::accept::post(&key, "k-1", &json!({"opinion": opinion()}))).await.json();
    let path = format!("/v1/submissions/{}/paper", taken["id"].as_str().unwrap());
    let paper = request("POST", &path, Some(&key)).body(Full::default()).unwrap();
    house.tcp(paper).await.problem("SUBMISSION_STATE");
}
