//! An opinion comes in, and its sender follows it.

use bytes::Bytes;
use engawa::fault::Code;

use engawa::hub::{MunicipalState, Outcome, Scope, Step, Trouble};
use engawa::terminal::{NewKey, Right};
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::house::{Answer, House, PATIENCE, get, request};

pub(super) const PDF: &[u8] = b"%PDF-1.7 obviously a test, nothing else";

/// The shell of a CMS signedData: its type, and content that holds nothing.
const SIGNATURE: &str = "MA8GCSqGSIb3DQEHAqACMAA=";

pub(super) fn opinion() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/opinion/stroke.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// One of the form from 2026-04, which may be signed.
fn newer_opinion() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/opinion/dementia.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub(super) fn post(key: &str, idempotency: &str, body: &Value) -> Request<Full<Bytes>> {
    let request = request("POST", "/v1/opinions", Some(key)).header("content-type", "application/json");
    request.header("idempotency-key", idempotency).body(Full::from(body.to_string())).unwrap()
}

struct Part<'a> {
    name: &'a str,
    file: Option<&'a str>,
    kind: Option<&'a str>,
    content: &'a [u8],
}

fn attachment<'a>(file: &'a str, kind: Option<&'a str>, content: &'a [u8]) -> Part<'a> {
    Part { name: "attachment", file: Some(file), kind, content }
}

fn multipart(key: &str, idempotency: &str, opinion: &Value, parts: &[Part<'_>]) -> Request<Full<Bytes>> {
    let json = opinion.to_string();
    let first = Part { name: "opinion", file: None, kind: Some("application/json"), content: json.as_bytes() };
    let mut body = Vec::new();
    for part in std::iter::once(&first).chain(parts) {
        body.extend_from_slice(format!("--bb\r\ncontent-disposition: form-data; name=\"{}\"", part.name).as_bytes());
        if let Some(file) = part.file {
            body.extend_from_slice(format!("; filename=\"{file}\"").as_bytes());
        }
        if let Some(kind) = part.kind {
            body.extend_from_slice(format!("\r\ncontent-type: {kind}").as_bytes());
        }
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(part.content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--bb--\r\n");
    let request = request("POST", "/v1/opinions", Some(key)).header("content-type", "multipart/form-data; boundary=bb");
    request.header("idempotency-key", idempotency).body(Full::from(body)).unwrap()
}

/// Between two looks at something that is awaited.
pub(super) async fn look_again_soon() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

/// Asks until the answer is as wished.
pub(super) async fn until(house: &House, key: &str, path: &str, wish: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let asking = async {
        loop {
            last = house.tcp(get(path, Some(key))).await.json();
            if wish(&last) {
                return last.clone();
            }
            look_again_soon().await;
        }
    };
    let seen = tokio::time::timeout(PATIENCE, asking).await;
    seen.unwrap_or_else(|_| panic!("the state does not come: {last}"))
}

fn accepted(answer: &Answer) -> Value {
    let value: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(answer.status, 202, "{value}");
    assert_eq!(answer.header("location"), format!("/v1/opinions/{}", value["id"].as_str().unwrap()));
    assert_eq!(value["sha256"].as_str().unwrap().len(), 64);
    value
}

fn down() -> Step {
    Step::Answer(Outcome::NotDelivered(Trouble {
        code: Code::HubUnreachable,
        scope: Scope::Hub,
        retry_after: None,
        until: None,
        trace_id: None,
    }))
}

#[tokio::test]
async fn an_opinion_is_accepted_sent_and_followed_to_the_receipt() {
    let house = House::open().await;
    let key = house.key(&[Right::Submit, Right::Read]).await;
    let taken = accepted(&house.tcp(post(&key, "k-1", &json!({"opinion": opinion()}))).await);
    let path = format!("/v1/opinions/{}", taken["id"].as_str().unwrap());
    let seen = until(&house, &key, &path, |seen| seen["state"] == "delivered").await;
    assert_eq!(seen["sha256"], taken["sha256"]);
    assert!(seen["receipt"]["number"].is_string());
    assert!(seen["next_step"]["ja"].is_string());
    assert!(seen["due"].is_string());
    let kinds: Vec<_> = seen["history"].as_array().unwrap().iter().map(|entry| entry["kind"].clone()).collect();
    assert_eq!(kinds, ["submission.queued", "submission.sending", "submission.delivered"]);
    // What the hub got is what was acknowledged.
    let wire = &house.hub.deliveries()[0];
    let hash: String = wire.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(taken["sha256"], hash);

    let receipt = seen["receipt"]["number"].as_str().unwrap();
    house.hub.change(receipt, MunicipalState::Returned, Some("受付番号の確認"));
    // The feed is looked at again after another delivery.
    accepted(&house.tcp(post(&key, "k-2", &json!({"opinion": opinion()}))).await);
    let seen = until(&house, &key, &path, |seen| !seen["municipality"].is_null()).await;
    assert_eq!(seen["municipality"]["state"], "returned");
    assert_eq!(seen["municipality"]["reason"], "受付番号の確認");
    assert!(seen["next_step"]["en"].as_str().unwrap().contains("municipality returned"));
    assert!(house.close().await);
}

#[tokio::test]
async fn the_same_again_gets_the_same_answer_and_another_body_a_conflict() {
    let house = House::open().await;
    let key = house.key(&[Right::Submit]).await;
    let body = json!({"opinion": opinion()});
    let first = house.tcp(post(&key, "k-1", &body)).await;
    accepted(&first);
    assert!(first.headers.get("idempotent-replayed").is_none());
    let again = house.tcp(post(&key, "k-1", &body)).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.header("idempotent-replayed"), "true");

    let mut other = body.clone();
    other["opinion"]["request_number"] = json!("T-999");
    house.tcp(post(&key, "k-1", &other)).await.problem("IDEMPOTENCY_CONFLICT");
    let attached = multipart(&key, "k-1", &body, &[attachment("a.pdf", None, PDF)]);
    house.tcp(attached).await.problem("IDEMPOTENCY_CONFLICT");
    // The layout of the JSON does not count.
    let spaced = serde_json::to_string_pretty(&body).unwrap();
    let request = request("POST", "/v1/opinions", Some(&key)).header("content-type", "application/json");
    let request = request.header("idempotency-key", "k-1").body(Full::from(spaced)).unwrap();
    assert_eq!(house.tcp(request).await.body, first.body);
    // An API key that was replaced between a lost answer and its repeat changes nothing.
    let new_key = house.key(&[Right::Submit]).await;
    let again = house.tcp(post(&new_key, "k-1", &body)).await;
    assert_eq!((&again.body, again.header("idempotent-replayed")), (&first.body, "true"));
    house.tcp(post(&new_key, "k-1", &other)).await.problem("IDEMPOTENCY_CONFLICT");
}

#[tokio::test]
async fn a_repeat_is_compared_and_not_judged_again() {
    let house = House::open().await;
    let key = house.key(&[Right::Submit, Right::Read]).await;
    let body = json!({"opinion": opinion()});
    let mut pdf = PDF.to_vec();
    pdf.resize(300_000, b'x');
    let parts = [attachment("a.pdf", None, &pdf), attachment("b.pdf", None, PDF)];
    let first = house.tcp(multipart(&key, "k-1", &body, &parts)).await;
    accepted(&first);
    assert_eq!(house.tcp(multipart(&key, "k-1", &body, &parts)).await.body, first.body);
    // Another name, content, order or number of attachments is another request, good or bad.
    for other in [
        vec![attachment("c.pdf", None, &pdf), attachment("b.pdf", None, PDF)],
        vec![attachment("a.pdf", None, b"GIF89a"), attachment("b.pdf", None, PDF)],
        vec![attachment("b.pdf", None, PDF), attachment("a.pdf", None, &pdf)],
        vec![attachment("a.pdf", None, &pdf)],
    ] {
        house.tcp(multipart(&key, "k-1", &body, &other)).await.problem("IDEMPOTENCY_CONFLICT");
    }
    house.tcp(post(&key, "k-1", &json!({"opinion": {}}))).await.problem("IDEMPOTENCY_CONFLICT");
    let list = house.tcp(get("/v1/submissions", Some(&key))).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    // As if an earlier version had found this good.
    let odd = json!({"opinion": {}, "substitutions": 1});
    house.tcp(post(&key, "k-2", &odd)).await.problem("REQUEST_MALFORMED");
    house.pretend_sent(&odd).await;
    assert_eq!(house.tcp(post(&key, "k-1", &odd)).await.body, first.body);
}

#[tokio::test]
async fn the_room_is_looked_at_again_while_a_large_document_comes_in() {
    let house = House::open().await;
    let key = house.key(&[Right::Submit]).await;
    let mut pdf = PDF.to_vec();
    pdf.resize(2 << 20, b'x');
    // Enough at the door, and gone at the next look.
    house.free_once.store(true, Ordering::Relaxed);
    let answer =
        house.tcp(multipart(&key, "k-1", &json!({"opinion": opinion()}), &[attachment("a.pdf", None, &pdf)])).await;
    answer.problem("STORAGE_FULL");
    house.free.store(u64::MAX, Ordering::Relaxed);
    accepted(&house.tcp(post(&key, "k-1", &json!({"opinion": opinion()}))).await);
}

#[tokio::test]
async fn attachments_are_streamed_in_and_told_by_their_content() {
    let house = House::open().await;
    let key = house.key(&[Right::Submit, Right::Read]).await;
    let body = json!({"opinion": newer_opinion()});
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    png.resize(3 << 20, 7);
    let signature = Part { name: "signature", file: None, kind: None, content: SIGNATURE.as_bytes() };
    let parts = [
        signature,
        attachment("画像 1.png", Some("image/png"), &png),
        attachment("b.pdf", Some("application/octet-stream"), PDF),
    ];
    let taken = accepted(&house.tcp(multipart(&key, "k-1", &body, &parts)).await);
    let path = format!("/v1/submissions/{}", taken["id"].as_str().unwrap());
    let seen = until(&house, &key, &path, |seen| seen["state"] == "delivered").await;
    assert!(seen["length"].as_u64().unwrap() > 4 << 20);

    let too_large = vec![0x25; 16 << 20];
    let mut pdf = PDF.to_vec();
    pdf.extend_from_slice(&too_large);
    let answer = house.tcp(multipart(&key, "k-2", &body, &[attachment("a.pdf", None, &pdf)])).await;
    answer.problem("REQUEST_TOO_LARGE");
}

#[tokio::test]
async fn everything_wrong_is_told_at_once_with_pointers_into_the_body() {
    let house = House::open().await;
    let key = house.key(&[Right::Submit]).await;
    let mut bad = opinion();
    bad["insurer_number"] = json!("1");
    bad.as_object_mut().unwrap().remove("applicant_name");
    bad["no_such_item"] = json!(1);
    let body =
        json!({"opinion": bad, "substitutions": [{"pointer": "/nowhere", "original": "髙", "replacement": "高"}]});
    let parts = [
        attachment("a.pdf", None, b"GIF89a"),
        attachment("", None, PDF),
        attachment("c.pdf", Some("image/png"), PDF),
        attachment("../d.pdf", None, PDF),
    ];
    let problem = house.tcp(multipart(&key, "k-1", &body, &parts)).await.problem("OPINION_INVALID");
    let errors = problem["errors"].as_array().unwrap();
    let at = |pointer: &str| errors.iter().find(|error| error["pointer"] == pointer).map(|error| error["code"].clone());
    for pointer in ["/opinion/insurer_number", "/opinion/applicant_name", "/opinion/no_such_item"] {
        assert!(at(pointer).is_some(), "{pointer}: {problem}");
    }
    assert_eq!(at("/attachments/0").unwrap(), "ATTACHMENT_INVALID");
    assert_eq!(at("/attachments/1/name").unwrap(), "ATTACHMENT_NAME");
    assert_eq!(at("/attachments/2").unwrap(), "ATTACHMENT_TYPE_DIFFERS");
    assert_eq!(at("/attachments/3/name").unwrap(), "ATTACHMENT_NAME");
    assert!(errors.iter().all(|error| error["detail"].is_string() && error["detail_en"].is_string()));

    let fine = json!({"opinion": opinion()});
    let only = multipart(&key, "k-1", &fine, &[attachment("a.pdf", None, b"")]);
    house.tcp(only).await.problem("ATTACHMENT_INVALID");
    let many: Vec<_> = (0..21).map(|_| attachment("a.pdf", None, PDF)).collect();
    house.tcp(multipart(&key, "k-1", &fine, &many)).await.problem("ATTACHMENT_INVALID");
    // None of this left anything under the key.
    accepted(&house.tcp(post(&key, "k-1", &fine)).await);
}

#[tokio::test]
async fn a_signature_is_a_signature_and_on_the_form_that_has_one() {
    let house = House::open().await;
    let key = house.key(&[Right::Submit]).await;
    let at = |problem: &Value| problem["errors"][0]["pointer"].clone();
    // Base64, but of anything; a SEQUENCE too long; of another type; with something behind it; of indefinite length.
    for wrong in [
        "QUJD",
        "MBAGCSqGSIb3DQEHAqACMAA=",
        "MA8GCSqGSIb3DQEHAaACMAA=",
        "MA8GCSqGSIb3DQEHAqACMAAA",
        "MIAGCSqGSIb3DQEHAqACMAA=",
    ] {
        let body = json!({"opinion": opinion(), "signature": wrong});
        let problem = house.tcp(post(&key, "k-1", &body)).await.problem("REQUEST_MALFORMED");
        assert_eq!(at(&problem), "/signature", "{wrong}");
    }
    let body = json!({"opinion": opinion(), "signature": SIGNATURE});
    let problem = house.tcp(post(&key, "k-1", &body)).await.problem("OPINION_INVALID");
    assert_eq!((at(&problem), &problem["errors"][0]["code"]), (json!("/signature"), &json!("SIGNATURE_NOT_IN_FORM")));
    accepted(&house.tcp(post(&key, "k-1", &json!({"opinion": newer_opinion(), "signature": SIGNATURE}))).await);
}

#[tokio::test]
async fn a_check_finds_the_same_and_changes_nothing() {
    let house = House::open().await;
    let key = house.key(&[Right::Submit, Right::Read]).await;
    let check = |body: &Value| {
        let request = request("POST", "/v1/opinions/check", Some(&key)).header("content-type", "application/json");
        request.body(Full::from(body.to_string())).unwrap()
    };
    let good = house.tcp(check(&json!({"opinion": opinion()}))).await.json();
    assert_eq!(good["acceptable"], true, "{good}");
    let bad = house.tcp(check(&json!({"opinion": {}}))).await.json();
    assert_eq!(bad["acceptable"], false);
    assert!(bad["errors"].as_array().unwrap().len() > 5);
    let list = house.tcp(get("/v1/submissions", Some(&key))).await.json();
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn one_that_waits_says_why_and_can_be_cancelled() {
    let house = House::open().await;
    let key = house.key(&Right::ALL).await;
    house.hub.rule(|_| down());
    let taken = accepted(&house.tcp(post(&key, "k-1", &json!({"opinion": opinion()}))).await);
    let id = taken["id"].as_str().unwrap();
    let path = format!("/v1/opinions/{id}");
    let seen = until(&house, &key, &path, |seen| seen["reason"]["code"] == "HUB_UNREACHABLE").await;
    assert_eq!(seen["state"], "queued");
    assert_eq!(seen["reason"]["blame"], "hub");
    assert!(seen["eta"].is_string());
    assert!(seen["next_step"]["en"].as_str().unwrap().contains("by itself"));

    let act = |what: &str| {
        let path = format!("/v1/submissions/{id}/{what}");
        request("POST", &path, Some(&key)).body(Full::default()).unwrap()
    };
    let cancelled = house.tcp(act("cancel")).await;
    assert_eq!((cancelled.status.as_u16(), &cancelled.json()["state"]), (200, &json!("cancelled")));
    house.tcp(act("cancel")).await.problem("SUBMISSION_STATE");
    house.tcp(act("retry")).await.problem("SUBMISSION_STATE");
    let nowhere = "/v1/submissions/00000000-0000-4000-8000-000000000000/cancel";
    let nowhere = request("POST", nowhere, Some(&key)).body(Full::default()).unwrap();
    house.tcp(nowhere).await.problem("REQUEST_NOT_FOUND");
}

#[tokio::test]
async fn a_list_goes_page_by_page_and_shows_the_facility_its_own() {
    let house = House::open().await;
    let key = house.key(&[Right::Submit, Right::Read]).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let taken = accepted(&house.tcp(post(&key, &format!("k-{n}"), &json!({"opinion": opinion()}))).await);
        ids.insert(0, taken["id"].clone());
    }
    let mut listed = Vec::new();
    let mut path = "/v1/submissions?limit=2".to_owned();
    loop {
        let page = house.tcp(get(&path, Some(&key))).await.json();
        listed.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/submissions?limit=2&cursor={cursor}");
    }
    assert_eq!(listed, ids);
    house.tcp(get("/v1/submissions?cursor=x", Some(&key))).await.problem("CURSOR_INVALID");
    let none = house.tcp(get("/v1/submissions?state=held", Some(&key))).await.json();
    assert_eq!(none["items"], json!([]));

    let rights = Right::ALL.into_iter().collect();
    let new = NewKey::unbound("other", "1370000026", rights);
    let stranger = house.keys.add(new).await.unwrap().0.reveal().to_string();
    let path = format!("/v1/opinions/{}", ids[0].as_str().unwrap());
    house.tcp(get(&path, Some(&stranger))).await.problem("REQUEST_NOT_FOUND");
    let list = house.tcp(get("/v1/submissions", Some(&stranger))).await.json();
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn what_names_the_person_is_for_its_sender_and_for_who_decides() {
    let house = House::open().await;
    let [own, other] = [house.key(&[Right::Submit, Right::Read]).await, house.key(&[Right::Read]).await];
    let manager = house.key(&[Right::Read, Right::Manage]).await;
    let mut values = opinion();
    values["applicant_name"] = json!("髙橋 試子");
    let stated = json!([{"pointer": "/applicant_name", "original": "髙", "replacement": "高"}]);
    let body = json!({"opinion": values, "substitutions": stated});
    let taken = accepted(&house.tcp(post(&own, "k-1", &body)).await);
    let path = format!("/v1/opinions/{}", taken["id"].as_str().unwrap());
    for (key, seen) in [(&own, &stated), (&manager, &stated), (&other, &json!([]))] {
        assert_eq!(&house.tcp(get(&path, Some(key))).await.json()["substitutions"], seen);
    }
    let receipt = until(&house, &own, &path, |seen| seen["state"] == "delivered").await["receipt"]["number"].clone();
    house.hub.change(receipt.as_str().unwrap(), MunicipalState::Returned, Some("受付番号の確認"));
    accepted(&house.tcp(post(&own, "k-2", &json!({"opinion": opinion()}))).await);
    until(&house, &own, &path, |seen| seen["municipality"]["reason"] == "受付番号の確認").await;
    let list = house.tcp(get("/v1/submissions", Some(&own))).await.json();
    let listed = &list["items"][1];
    assert_eq!(
        (&listed["municipality"]["state"], &listed["municipality"]["reason"]),
        (&json!("returned"), &Value::Null)
    );
    assert_eq!(listed["substitutions"], json!([]));
}

#[tokio::test]
async fn a_full_disk_refuses_new_work_with_a_forecast_and_still_answers_repeats() {
    let house = House::open().await;
    let key = house.key(&[Right::Submit]).await;
    let body = json!({"opinion": opinion()});
    let first = house.tcp(post(&key, "k-1", &body)).await;
    accepted(&first);
    house.free.store(0, Ordering::Relaxed);
    let answer = house.tcp(post(&key, "k-2", &body)).await;
    let problem = answer.problem("STORAGE_FULL");
    assert_eq!(answer.status, 507);
    assert_eq!(problem["retry_after"].to_string(), answer.header("retry-after"));
    assert_eq!(house.tcp(post(&key, "k-1", &body)).await.body, first.body);
}

#[tokio::test]
async fn a_client_that_leaves_after_its_last_byte_has_still_submitted() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let house = House::open().await;
    let key = house.key(&[Right::Submit, Right::Read]).await;
    let body = json!({"opinion": opinion()}).to_string();
    let head = format!(
        "POST /v1/opinions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\nidempotency-key: gone\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    // Whoever leaves before the gateway has begun to take it has handed in nothing, and repeats it under the same key; one who leaves
    // after that has. Nobody ever waits for an answer here.
    let mut left = 0;
    while house.tcp(get("/v1/submissions", Some(&key))).await.json()["items"].as_array().unwrap().is_empty() {
        assert!(left < 200, "whoever leaves never hands in anything");
        let mut stream = tokio::net::TcpStream::connect(house.tcp).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
        left += 1;
    }
    let seen = until(&house, &key, "/v1/submissions", |seen| seen["items"][0]["state"] == "delivered").await;
    assert_eq!(seen["items"].as_array().unwrap().len(), 1);
}
