//! A vendor's own card application.

use engawa::terminal::Right;
use serde_json::json;

use super::desk::{Desk, pointers, post};
use super::softcard::SoftCard;

const OPEN: &str = "00A4040C0AD392F000260100000001";

#[tokio::test]
async fn commands_that_pass_are_answered_and_the_others_named_before_any_is_sent() {
    let desk = Desk::open().await;
    let key = desk.house.key(&[Right::Card, Right::CardApdu]).await;
    let card = desk.put(SoftCard::new()).await;
    let opened = desk.house.tcp(post(&key, "/v1/card-sessions", &json!({"purpose": "application"}))).await.json();
    let path = format!("/v1/card-sessions/{}/apdu", opened["id"].as_str().unwrap());
    let send =
        async |commands: serde_json::Value| desk.house.tcp(post(&key, &path, &json!({"commands": commands}))).await;

    let verify = "0020008004313233340";
    let bad = send(json!([OPEN, verify, "xyz", ""])).await.problem("REQUEST_MALFORMED");
    assert_eq!(pointers(&bad), ["/commands/1", "/commands/2"], "half a byte, and no hexadecimal: {bad}");
    let refused =
        send(json!(["00B0000010", "002000800431323334", "0CB0000010", "00A4040C0AD3921000310001010408", OPEN]));
    let refused = refused.await.problem("APDU_REFUSED");
    let wanted = ["/commands/0", "/commands/1", "/commands/2", "/commands/3"];
    assert_eq!(pointers(&refused), wanted);
    let codes: Vec<_> = refused["errors"].as_array().unwrap().iter().map(|place| place["code"].clone()).collect();
    assert_eq!(codes, ["APDU_NO_APPLICATION", "APDU_INSTRUCTION", "APDU_CLASS", "APDU_SHUT"]);
    assert_eq!(refused["card"], json!({"tries_spent": "none"}));
    for commands in [json!([]), json!(vec![OPEN; 65]), json!("00"), json!([1])] {
        assert_eq!(pointers(&send(commands).await.problem("REQUEST_MALFORMED")), ["/commands"]);
    }
    assert!(card.lock().unwrap().seen.is_empty());

    let answer = send(json!([OPEN.to_lowercase(), "00A4020C020006", "00B0000020"])).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let token = "4A504B49415049434354"; // JPKIAPICCT
    let answers = answer.json()["answers"].as_array().unwrap().clone();
    assert_eq!((answers.len(), &answers[0], &answers[1]), (3, &json!("9000"), &json!("9000")));
    assert!(answers[2].as_str().unwrap().starts_with(token) && answers[2].as_str().unwrap().ends_with("9000"));
    let absent = send(json!(["00A4040C0AF04556455F3031020301", "00B0000010"])).await.json();
    assert_eq!(absent, json!({"answers": ["6A82"]}), "without its application nothing more is sent");

    desk.house.tcp(post(&desk.key, &path, &json!({"commands": [OPEN]}))).await.problem("AUTH_FORBIDDEN");
    let other = desk.house.key(&[Right::CardApdu]).await;
    desk.house.tcp(post(&other, &path, &json!({"commands": [OPEN]}))).await.problem("SESSION_UNKNOWN");
}
