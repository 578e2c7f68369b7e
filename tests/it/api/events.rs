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
use super::desk::Desk;
use super::house::{FACILITY, House, PATIENCE, request, send};
use super::softcard::SoftCard;

struct Events {
    body: Incoming,
    text: String,
}

#[derive(Debug)]
struct Event {
    id: String,
    kind: String,
    data: Value,
}

impl Event {
    /// The number in the log of submissions.
    fn number(&self) -> i64 {
        self.id.split('-').next().unwrap().parse().unwrap()
    }
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
                return Some(Event { id: id.to_owned(), kind: field("event").unwrap().to_owned(), data });
            }
        }
    }

    /// As many events, their kinds and data without the moment.
    async fn some(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < count {
            let mut event = self.next().await.expect("the stream ended");
            if let Some(at) = event.data.as_object_mut().unwrap().remove("at") {
                assert!(at.is_string());
            }
            events.push(event);
        }
        events
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
    assert!(first.is_sorted_by(|a, b| a.number() < b.number()));

    let second = submit(&house, &key, "k-2").await;
    let last = first.last().unwrap().id.clone();
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
        again.iter().map(|event| &event.id).collect::<Vec<_>>(),
        first.iter().map(|event| &event.id).collect::<Vec<_>>()
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
    assert!(events.iter().all(|event| event.number() > 3), "{events:?}");
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
    house.keys.revoke(Some(FACILITY), &id).await.unwrap();
    submit(&house, &submit_key, "k-2").await;
    assert!(events.next().await.is_none());
}

fn told(events: &[Event]) -> Vec<(&str, Value)> {
    events.iter().map(|event| (event.kind.as_str(), event.data.clone())).collect()
}

#[tokio::test]
async fn readers_cards_and_own_sessions_are_told_and_no_others() {
    let desk = Desk::open().await;
    let other = desk.house.key(&[Right::Card]).await;
    let mut mine = Events::open(&desk.house, follow(&desk.key, "", None)).await;
    let mut theirs = Events::open(&desk.house, follow(&other, "", None)).await;
    desk.put(SoftCard::new()).await;
    let session = desk.session().await;
    desk.close(&session).await;
    desk.house.readers.remove("a");
    let granted = json!({"session": session, "state": "granted", "reader": "a", "ended": null});
    let ended = json!({"session": session, "state": "ended", "reader": null, "ended": "closed"});
    let put = ("card", json!({"reader": "a", "card": "present"}));
    let taken = ("card", json!({"reader": "a", "card": "absent"}));
    let seen = mine.some(4).await;
    let wanted = [put.clone(), ("card-session", granted), ("card-session", ended), taken.clone()];
    assert_eq!(told(&seen), wanted);
    assert_eq!(told(&theirs.some(2).await), [put, taken]);
    desk.house.readers.down();
    let gone = ("reader", json!({"reader": "a", "state": "absent", "reason": "PCSC_DOWN"}));
    assert_eq!(told(&theirs.some(1).await), std::slice::from_ref(&gone));

    let mut resumed = Events::open(&desk.house, follow(&desk.key, "", Some(&seen[1].id))).await;
    assert_eq!(told(&resumed.some(3).await), [wanted[2].clone(), wanted[3].clone(), gone]);
}

#[tokio::test]
async fn one_stream_tells_both_and_is_resumed_in_both() {
    let desk = Desk::open().await;
    let key = desk.house.key(&[Right::Card, Right::Read, Right::Submit]).await;
    let mut live = Events::open(&desk.house, follow(&key, "", None)).await;
    desk.put(SoftCard::new()).await;
    let first = live.next().await.unwrap();
    assert_eq!(first.kind, "card");
    submit(&desk.house, &key, "k-1").await;
    let delivered = live.until_delivered().await;
    assert!(delivered.iter().all(|event| event.kind.starts_with("submission.")));
    desk.house.readers.remove("a");
    let last = live.next().await.unwrap();
    assert_eq!(last.number(), delivered.last().unwrap().number(), "the place in the log stays");

    let mut resumed = Events::open(&desk.house, follow(&key, "", Some(&first.id))).await;
    let mut rest = resumed.some(delivered.len() + 1).await;
    rest.sort_by_key(|event| event.kind != "card");
    assert_eq!(rest[0].data["card"], "absent");
    assert_eq!(rest.last().unwrap().number(), last.number());

    // Who sees one part only goes on in that part, whichever form he holds.
    let reader = desk.house.key(&[Right::Read]).await;
    let mut log = Events::open(&desk.house, follow(&reader, "", Some(&first.id))).await;
    let numbers: Vec<_> = log.until_delivered().await.into_iter().map(|event| event.id).collect();
    let wanted: Vec<_> = delivered.iter().map(|event| event.number().to_string()).collect();
    assert_eq!(numbers, wanted);
    let mut all = Events::open(&desk.house, follow(&desk.key, "?from=beginning", None)).await;
    assert_eq!(all.next().await.unwrap().kind, "reader");
}

#[tokio::test]
async fn care_plans_are_told_of_both_ways_and_without_the_person() {
    use super::careplans_kit::{accepted, fixture, key_of, post_files, units};
    let house = House::open().await;
    // What arrives is the house's own facility's; what is handed in here, that of the office in the files.
    let office = key_of(&house, super::careplans_kit::OFFICE, &[Right::Submit, Right::Read]).await;
    let mut sent = Events::open(&house, follow(&office, "", None)).await;
    let taken = accepted(&house.tcp(post_files(&office, "k-1", &fixture("slip"))).await);
    let queued = sent.next().await.unwrap();
    assert_eq!((queued.kind.as_str(), &queued.data["kind"]), ("submission.queued", &json!("care_plan")));
    assert_eq!((&queued.data["submission"], &queued.data["batch"]), (&taken["deliveries"][0]["id"], &taken["id"]));
    assert_eq!((&queued.data["unit"], &queued.data["to_facility"]), (&json!("H2"), &json!("9970000023")));

    let key = house.key(&[Right::Read, Right::Receive]).await;
    let mut live = Events::open(&house, follow(&key, "", None)).await;
    house.hub.arrive("one", "9970000015", units(&fixture("slip"))[0].to_string());
    house.look_into_the_box();
    let received = live.next().await.unwrap();
    assert_eq!(received.kind, "careplan.received");
    assert_eq!((&received.data["from_facility"], &received.data["unit"]), (&json!("9970000015"), &json!("H2")));
    assert!(received.data["at"].is_string() && received.data.get("submission").is_none(), "{received:?}");
    let path = format!("/v1/careplans/received/{}", received.data["received"].as_str().unwrap());
    let opened = request("POST", &format!("{path}/opened"), Some(&key)).body(Full::default()).unwrap();
    assert_eq!(house.tcp(opened).await.status, 200);
    let opened = live.next().await.unwrap();
    assert_eq!((opened.kind.as_str(), &opened.data["received"]), ("careplan.opened", &received.data["received"]));
    for event in [queued, received, opened] {
        let text = event.data.to_string();
        assert!(!text.contains("手須戸") && !text.contains("9900000001"), "{text}");
    }
}

#[tokio::test]
async fn a_gap_in_the_events_of_cards_does_not_lose_the_place_in_the_log() {
    let desk = Desk::open().await;
    let key = desk.house.key(&[Right::Card, Right::Read, Right::Submit]).await;
    let mut live = Events::open(&desk.house, follow(&key, "", None)).await;
    submit(&desk.house, &key, "k-1").await;
    let seen = live.until_delivered().await;
    submit(&desk.house, &key, "k-2").await;
    live.until_delivered().await;
    let number = seen.last().unwrap().number();
    // Of another run; of a key that saw no cards.
    for last in [format!("{number}-0.7"), number.to_string()] {
        let mut resumed = Events::open(&desk.house, follow(&key, "", Some(&last))).await;
        let first = resumed.next().await.unwrap();
        assert_eq!((first.kind.as_str(), &first.data["of"]), ("reset", &json!("cards")), "{first:?}");
        assert!(first.data["detail_en"].as_str().unwrap().contains("/v1/readers"));
        assert_eq!(first.number(), number);
        assert_eq!(resumed.until_delivered().await[0].number(), number + 1);
    }
    // The other way round.
    let cards = seen.last().unwrap().id.split_once('-').unwrap().1;
    let mut resumed = Events::open(&desk.house, follow(&key, "", Some(&format!("1000000-{cards}")))).await;
    let first = resumed.next().await.unwrap();
    assert_eq!((first.kind.as_str(), &first.data["of"]), ("reset", &json!("submissions")));
    assert_eq!(resumed.next().await.unwrap().kind, "submission.queued");
    for wrong in ["-1", "1-", "1-x.1", "1-1", "1-1.-1", "x-1.1"] {
        let answer = desk.house.tcp(follow(&key, "", Some(wrong))).await;
        assert_eq!(answer.problem("REQUEST_MALFORMED")["errors"][0]["parameter"], "Last-Event-ID", "{wrong}");
    }
}

#[tokio::test]
async fn a_listener_that_falls_far_behind_is_told_so() {
    let desk = Desk::open().await;
    let mut slow = Events::open(&desk.house, follow(&desk.key, "", None)).await;
    desk.put(SoftCard::new()).await;
    let first = slow.next().await.unwrap();
    for _ in 0..40 {
        let session = desk.session().await;
        desk.close(&session).await;
    }
    let mut resumed = Events::open(&desk.house, follow(&desk.key, "", Some(&first.id))).await;
    let reset = resumed.next().await.unwrap();
    assert_eq!((reset.kind.as_str(), &reset.data["of"]), ("reset", &json!("cards")));
    desk.house.readers.remove("a");
    assert_eq!(resumed.next().await.unwrap().data["card"], "absent");
}
