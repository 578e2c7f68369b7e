//! The event stream: live, resumed, reset, and ended by the end.

use std::time::Duration;

use engawa::api::{Config, ServeConfig};
use engawa::terminal::{KeyId, Right};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::accept::{opinion, post, until};
use super::house::{House, PATIENCE, request, send};

struct Events {
    body: Incoming,
    text: String,
}

#[derive(Debug)]
struct Event {
    id: i64,
    kind: String,
    data: Value,
}

impl Events {
    async fn open(house: &House, request: Request<Full<bytes::Bytes>>) -> Self {
        let stream = TcpStream::connect(house.tcp).await.unwrap();
        let response = send(stream, request).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), text: String::new() }
    }

    async fn chunk(&mut self) -> Option<String> {
        loop {
            if let Some((chunk, rest)) = self.text.split_once("\n\n") {
                let chunk = chunk.to_owned();
                self.text = rest.to_owned();
                return Some(chunk);
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.expect("no event in time")?;
            self.text.push_str(std::str::from_utf8(frame.unwrap().data_ref().unwrap()).unwrap());
        }
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            let chunk = self.chunk().await?;
            let field = |name: &str| chunk.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            if let Some(id) = field("id") {
                let data = serde_json::from_str(field("data").unwrap()).unwrap();
                return Some(Event { id: id.parse().unwrap(), kind: field("event").unwrap().to_owned(), data });
            }
        }
    }

    async fn until_delivered(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            events.push(self.next().await.expect("the stream ended"));
            if events.last().unwrap().kind == "submission.delivered" {
                return events;
            }
        }
    }
}

fn follow(key: &str, query: &str, last: Option<&str>) -> Request<Full<bytes::Bytes>> {
    let request = request("GET", &format!("/v1/events{query}"), Some(key));
    let request = if let Some(last) = last { request.header("last-event-id", last) } else { request };
    request.body(Full::default()).unwrap()
}

async fn submit(house: &House, key: &str, idempotency: &str) -> String {
    let answer = house.tcp(post(key, idempotency, &json!({"opinion": opinion()}))).await;
    assert_eq!(answer.status, 202);
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn events_come_as_they_happen_and_are_resumed_without_gap_or_repeat() {
    let house = House::open().await;
    let key = house.key(&[Right::Submit, Right::Read]).await;
    let mut live = Events::open(&house, follow(&key, "", None)).await;
    let id = submit(&house, &key, "k-1").await;
    let first = live.until_delivered().await;
    assert_eq!(first[0].kind, "submission.queued");
    assert!(first.iter().all(|event| event.data["submission"] == id.as_str() && event.data["at"].is_string()));
    assert!(first.is_sorted_by(|a, b| a.id < b.id));

    let second = submit(&house, &key, "k-2").await;
    let last = first.last().unwrap().id.to_string();
    // The header counts before the query.
    for (query, header) in
        [("", Some(last.as_str())), (format!("?after={last}").as_str(), None), ("?after=0", Some(&last))]
    {
        let mut resumed = Events::open(&house, follow(&key, query, header)).await;
        let events = resumed.until_delivered().await;
        assert!(events.iter().all(|event| event.data["submission"] == second.as_str()), "{events:?}");
        assert_eq!(events[0].kind, "submission.queued");
    }
    let mut all = Events::open(&house, follow(&key, "?from=beginning", None)).await;
    let again = all.until_delivered().await;
    assert_eq!(
        again.iter().map(|event| event.id).collect::<Vec<_>>(),
        first.iter().map(|event| event.id).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn an_event_that_is_no_longer_kept_is_answered_with_a_reset() {
    let house = House::open().await;
    let key = house.key(&[Right::Submit, Right::Read]).await;
    submit(&house, &key, "k-1").await;
    until(&house, &key, "/v1/submissions", |seen| seen["items"][0]["state"] == "delivered").await;
    // A number from a log that is no more.
    let mut resumed = Events::open(&house, follow(&key, "", Some("1000000"))).await;
    let reset = resumed.next().await.unwrap();
    assert_eq!(reset.kind, "reset");
    assert!(reset.data["detail_en"].as_str().unwrap().contains("/v1/submissions"));
    assert_eq!(resumed.next().await.unwrap().kind, "submission.queued");

    house.clock.advance(Duration::from_secs(8 * 86_400));
    submit(&house, &key, "k-2").await;
    let mut resumed = Events::open(&house, follow(&key, "", Some("1"))).await;
    assert_eq!(resumed.next().await.unwrap().kind, "reset");
    let events = resumed.until_delivered().await;
    assert!(events.iter().all(|event| event.id > 3), "{events:?}");
}

#[tokio::test]
async fn a_quiet_stream_shows_that_it_is_alive_and_ends_with_the_endpoint() {
    let config = Config { keep_alive: Duration::from_millis(50), ..Config::default() };
    let house = House::open_with(config, ServeConfig::default()).await;
    let key = house.key(&[Right::Read]).await;
    let mut events = Events::open(&house, follow(&key, "", None)).await;
    assert!(events.chunk().await.unwrap().starts_with(':'));
    let closing = tokio::spawn(house.close());
    assert!(events.next().await.is_none());
    assert!(closing.await.unwrap());
}

#[tokio::test]
async fn a_stream_ends_when_its_key_is_revoked() {
    let house = House::open().await;
    let submit_key = house.key(&[Right::Submit]).await;
    let read_key = house.key(&[Right::Read]).await;
    let mut events = Events::open(&house, follow(&read_key, "", None)).await;
    submit(&house, &submit_key, "k-1").await;
    events.until_delivered().await;
    let id = read_key.split('_').nth(1).and_then(KeyId::parse).unwrap();
    house.keys.revoke(&id).await.unwrap();
    submit(&house, &submit_key, "k-2").await;
    assert!(events.next().await.is_none());
}
