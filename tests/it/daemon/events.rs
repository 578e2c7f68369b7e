//! The event stream over a restart: who names the last event he has gets all the others, once.

use std::io::Read as _;
use std::io::Write as _;
use std::os::unix::net::UnixStream;

use serde_json::Value;

use super::PATIENCE;
use crate::support::gateway::{Gateway, opinion};
use crate::support::http::Ask;
use crate::support::sandbox::Sandbox;

#[derive(Clone, Debug, PartialEq)]
struct Event {
    id: i64,
    kind: String,
    submission: String,
}

/// Reads a stream until `enough`, or panics when it is silent for too long.
fn events(gateway: &Gateway, last: Option<i64>, enough: impl Fn(&[Event]) -> bool) -> Vec<Event> {
    let ask = Ask::new("GET", if last.is_some() { "/v1/events" } else { "/v1/events?from=beginning" });
    let ask = last.into_iter().fold(ask, |ask, last| ask.header("last-event-id", &last.to_string()));
    let mut stream = UnixStream::connect(gateway.socket()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&ask.bytes()).unwrap();
    let (mut told, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let length = stream.read(&mut piece).unwrap();
        assert!(length > 0, "the stream ended: {}", String::from_utf8_lossy(&told));
        told.extend_from_slice(&piece[..length]);
        let events = parse(&String::from_utf8_lossy(&told));
        if enough(&events) {
            return events;
        }
    }
}

/// Every whole event; sizes of chunks stand on lines of their own and name no field.
fn parse(text: &str) -> Vec<Event> {
    let field = |event: &str, name: &str| {
        let found = event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.map(str::to_owned)
    };
    let whole = text.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
    let event = |event: &str| {
        let data: Value = serde_json::from_str(&field(event, "data")?).ok()?;
        let submission = data["submission"].as_str()?.to_owned();
        let id = field(event, "id")?.split('-').next()?.parse().ok()?;
        Some(Event { id, kind: field(event, "event")?, submission })
    };
    whole.split("\n\n").filter_map(event).collect()
}

fn delivered(events: &[Event], id: &str) -> bool {
    events.iter().any(|event| event.submission == id && event.kind == "submission.delivered")
}

#[test]
fn a_stream_is_resumed_over_a_kill_without_gap_or_repeat() {
    let hub = Sandbox::start_with(&["--forward-after", "never"]);
    let mut gateway = Gateway::new(&hub);
    let first = gateway.accepted(&opinion(1), "k-1");
    let before = events(&gateway, None, |events| delivered(events, &first));
    let last = before.last().unwrap().id;
    hub.down();
    let second = gateway.accepted(&opinion(2), "k-2");
    // Told to nobody before the process dies.
    gateway.kill9();
    gateway.start();
    let third = gateway.accepted(&opinion(3), "k-3");
    hub.up();
    let all = |events: &[Event]| delivered(events, &second) && delivered(events, &third);
    let resumed = events(&gateway, Some(last), all);
    assert!(resumed.iter().all(|event| event.id > last), "a repeat: {resumed:?}");
    assert!(resumed.iter().any(|event| event.submission == second && event.kind == "submission.queued"), "{resumed:?}");
    let whole = events(&gateway, None, all);
    let halves = [before, resumed].concat();
    assert!(halves.iter().zip(&whole).all(|(half, whole)| half == whole), "a gap: {halves:?} {whole:?}");
    assert!(whole.is_sorted_by(|a, b| a.id < b.id));
}
