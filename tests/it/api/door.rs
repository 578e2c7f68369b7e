//! Who gets in, and what they may do there.

use bytes::Bytes;

use engawa::terminal::Right;
use flate2::read::GzDecoder;
use futures_util::future::join_all;
use http_body_util::Full;
use serde_json::{Value, json};
use std::io::Read as _;
use std::time::Duration;

use super::house::{House, PATIENCE, get, request};

fn body(value: &Value) -> Full<Bytes> {
    Full::from(value.to_string())
}

fn new_key(key: Option<&str>, label: &str, rights: &[&str]) -> http::Request<Full<Bytes>> {
    let value = json!({"label": label, "rights": rights});
    request("POST", "/v1/keys", key).header("content-type", "application/json").body(body(&value)).unwrap()
}

/// Every operation of the document, so that a route cannot be added without a lock.
#[tokio::test]
async fn every_route_asks_for_a_key_except_those_that_tell_nothing() {
    let house = House::open().await;
    let document = house.tcp(get("/openapi.json", None)).await.json();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let path = path.replace("{id}", "00000000-0000-4000-8000-000000000000");
            let request = request(&method.to_uppercase(), &path, None).body(Full::default()).unwrap();
            let answer = house.tcp(request).await;
            if operation["security"] == json!([{}]) {
                assert!(answer.status != 401 && answer.status != 403, "{path}: {}", answer.status);
            } else {
                answer.problem("AUTH_MISSING");
                assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"engawa\"");
            }
        }
    }
    assert!(house.close().await);
}

#[tokio::test]
async fn a_key_is_made_used_listed_and_revoked() {
    let house = House::open().await;
    // The Unix socket belongs to the user who runs this test, hence to an administrator.
    let made = house.unix(new_key(None, "カルテソフト", &["admin"])).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.header("cache-control"), "no-store");
    let made = made.json();
    let (key, id) = (made["key"].as_str().unwrap(), made["id"].as_str().unwrap());
    assert!(key.starts_with(&format!("engawa_{id}_")));

    let listed = house.tcp(get("/v1/keys", Some(key))).await;
    assert_eq!(listed.status, 200);
    let secret = key.rsplit('_').next().unwrap();
    assert!(!String::from_utf8_lossy(&listed.body).contains(secret));
    assert_eq!(listed.json()["items"][0]["label"], "カルテソフト");

    let revoke = request("DELETE", &format!("/v1/keys/{id}"), None).body(Full::default()).unwrap();
    assert_eq!(house.unix(revoke).await.status, 204);
    let answer = house.tcp(get("/v1/keys", Some(key))).await;
    answer.problem("AUTH_INVALID");
    assert!(answer.header("www-authenticate").contains("invalid_token"));
    let listed = house.unix(get("/v1/keys", None)).await.json();
    assert!(listed["items"][0]["revoked_at"].is_string());
}

#[tokio::test]
async fn a_key_may_do_what_its_rights_say_and_no_more() {
    let house = House::open().await;
    let submit = house.key(&[Right::Submit]).await;
    let read = house.key(&[Right::Read]).await;
    let id = "00000000-0000-4000-8000-000000000000";
    let refused = [
        ("GET", "/v1/submissions".to_owned(), &submit),
        ("GET", "/v1/events".to_owned(), &submit),
        ("GET", format!("/v1/opinions/{id}"), &submit),
        ("POST", "/v1/opinions".to_owned(), &read),
        ("POST", "/v1/opinions/check".to_owned(), &read),
        ("POST", format!("/v1/submissions/{id}/cancel"), &read),
        ("POST", format!("/v1/submissions/{id}/retry"), &read),
        ("GET", "/v1/keys".to_owned(), &read),
        ("POST", "/v1/keys".to_owned(), &read),
        ("DELETE", "/v1/keys/0123456789ab".to_owned(), &read),
    ];
    for (method, path, key) in refused {
        house.tcp(request(method, &path, Some(key)).body(Full::default()).unwrap()).await.problem("AUTH_FORBIDDEN");
    }
    // A key on the Unix socket counts before the socket.
    house.unix(get("/v1/keys", Some(&read))).await.problem("AUTH_FORBIDDEN");
}

#[tokio::test]
async fn a_wrong_key_is_refused_whatever_is_wrong_with_it() {
    let house = House::open().await;
    let good = house.key(&[Right::Admin]).await;
    let (head, secret) = good.rsplit_once('_').unwrap();
    let other = if secret.starts_with('0') { "1" } else { "0" };
    let wrong = format!("{head}_{other}{}", &secret[1..]);
    let unknown = format!("engawa_ffffffffffff_{secret}");
    for key in [wrong.as_str(), unknown.as_str(), "engawa", "", "engawa_x_y", &good[..good.len() - 1]] {
        house.tcp(get("/v1/keys", Some(key))).await.problem("AUTH_INVALID");
    }
    let basic = request("GET", "/v1/keys", None).header("authorization", "Basic YTpi").body(Full::default()).unwrap();
    house.tcp(basic).await.problem("AUTH_INVALID");
    let twice = request("GET", "/v1/keys", Some(&good)).header("authorization", "Bearer x").body(Full::default());
    house.tcp(twice.unwrap()).await.problem("AUTH_INVALID");
}

#[tokio::test]
async fn a_burst_costs_one_lookup_and_a_use_is_noted_once_an_hour() {
    let house = House::open().await;
    let key = house.key(&[Right::Admin]).await;
    let burst = || join_all((0..64).map(|_| house.tcp(get("/v1/keys", Some(&key)))));
    assert!(burst().await.iter().all(|answer| answer.status == 200));
    assert_eq!(house.key_store.lookups(), 1);
    house.clock.advance(Duration::from_secs(3));
    assert!(burst().await.iter().all(|answer| answer.status == 200));
    assert_eq!(house.key_store.lookups(), 2);

    let noted = async |not_before: &str| {
        let not_before: jiff::Timestamp = not_before.parse().unwrap();
        let noting = async {
            loop {
                let last = house.keys.list().await.unwrap()[0].last_used_at;
                if let Some(last) = last.filter(|last| *last >= not_before) {
                    return last.to_string();
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, noting).await.expect("the use is not noted")
    };
    // The second burst may have read the key before the first one's note was written, and then notes its own.
    assert!(noted("2026-06-01T00:00:00Z").await.as_str() <= "2026-06-01T00:00:03Z");
    house.clock.advance(Duration::from_secs(2 * 3600));
    assert_eq!(house.tcp(get("/v1/keys", Some(&key))).await.status, 200);
    assert_eq!(noted("2026-06-01T01:00:00Z").await, "2026-06-01T02:00:03Z");
}

#[tokio::test]
async fn a_key_that_says_too_little_or_too_much_is_not_made() {
    let house = House::open().await;
    for value in [
        json!({"label": "", "rights": ["read"]}),
        json!({"label": "x", "rights": []}),
        json!({"label": "x", "rights": ["root"]}),
        json!({"label": "x", "rights": ["read"], "hash": "00"}),
        json!({"label": "x".repeat(65), "rights": ["read"]}),
        json!([]),
    ] {
        let request = request("POST", "/v1/keys", None).header("content-type", "application/json");
        let answer = house.unix(request.body(body(&value)).unwrap()).await;
        assert_eq!(answer.problem("REQUEST_MALFORMED")["errors"][0]["code"], "KEY_FORM");
    }
    let foreign = json!({"label": "x", "rights": ["read"], "facility": "1370000026"});
    let request = request("POST", "/v1/keys", None).header("content-type", "application/json");
    let problem = house.unix(request.body(body(&foreign)).unwrap()).await.problem("REQUEST_MALFORMED");
    assert_eq!(problem["errors"][0]["pointer"], "/facility");
    assert!(house.keys.list().await.unwrap().is_empty());
}

/// It lies packed in the program, and goes out as the caller reads it.
#[tokio::test]
async fn the_description_is_the_page_in_docs_packed_or_not() {
    let page = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json")).unwrap();
    let house = House::open().await;
    for (reads, packed) in [
        (None, false),
        (Some("identity"), false),
        (Some("br, gzip;q=0, *"), false),
        (Some("*;q=0.0"), false),
        (Some("gzip"), true),
        (Some("deflate, GZIP ; q=0.5"), true),
        (Some("br, *;q=0.1"), true),
    ] {
        let mut asked = request("GET", "/openapi.json", None);
        if let Some(reads) = reads {
            asked = asked.header("accept-encoding", reads);
        }
        let answer = house.tcp(asked.body(Full::default()).unwrap()).await;
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(answer.headers.get_all("vary").iter().any(|named| named == "accept-encoding"), "{reads:?}");
        let mut body = answer.body.to_vec();
        assert_eq!(answer.headers.get("content-encoding").is_some_and(|coding| coding == "gzip"), packed, "{reads:?}");
        if packed {
            assert!(body.len() < page.len() / 5, "{} octets", body.len());
            assert_eq!(body[4..8], [0; 4], "a time stamp would make every build another");
            body.clear();
            GzDecoder::new(&*answer.body).read_to_end(&mut body).unwrap();
        }
        assert!(body == page, "{reads:?}");
    }
    assert!(house.close().await);
}
