//! The line is down, and comes back.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use super::{PATIENCE, World, cost, pin, visual};
use crate::support::http::Ask;
use crate::support::until;
use crate::support::vcard::PIN;

/// `(id, event, data)` of a stream, read until there is enough.
fn events(
    world: &World,
    last: Option<&str>,
    enough: impl Fn(&[(String, String, Value)]) -> bool,
) -> Vec<(String, String, Value)> {
    let ask = Ask::new("GET", if last.is_some() { "/v1/events" } else { "/v1/events?from=beginning" }).key(&world.key);
    let ask = last.into_iter().fold(ask, |ask, last| ask.header("last-event-id", last));
    let mut stream = UnixStream::connect(world.gateway.socket()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&ask.bytes()).unwrap();
    let (mut text, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let length = stream.read(&mut piece).unwrap();
        assert!(length > 0, "the stream ended: {}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&piece[..length]);
        let told = parse(&String::from_utf8_lossy(&text));
        if enough(&told) {
            return told;
        }
    }
}

/// Every whole event; sizes of chunks stand on lines of their own and name no field.
fn parse(text: &str) -> Vec<(String, String, Value)> {
    let field = |event: &str, name: &str| {
        let found = event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.map(str::to_owned)
    };
    let whole = text.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
    let event = |event: &str| {
        Some((field(event, "id")?, field(event, "event")?, serde_json::from_str(&field(event, "data")?).ok()?))
    };
    whole.split("\n\n").filter_map(event).collect()
}

#[test]
fn without_a_line_nobody_spends_a_try_and_a_face_is_recorded_and_shown_later() {
    let world = World::with(&["1"]);
    let session = world.session(0);
    world.hub.down();
    let offline = world.identify(&session, &pin(PIN));
    assert_eq!(cost(&offline), ("HUB_UNREACHABLE".to_owned(), json!({"tries_spent": "none"})));
    assert_eq!(offline.json()["alternatives"], json!(["visual", "document"]));
    assert_eq!(world.tried(0), 0);

    let recorded = world.identify(&session, &visual());
    assert_eq!(recorded.status, 202, "{recorded:?}");
    let path = recorded.header("location").unwrap();
    let id = recorded.json()["id"].clone();
    assert_eq!(path, format!("/v1/identifications/{}", id.as_str().unwrap()));
    assert_eq!(world.identify(&session, &visual()).json()["id"], id, "the same one");
    let waiting = world.get(&path).json();
    assert_eq!((&waiting["kind"], &waiting["person"]), (&json!("identification"), &Value::Null), "{waiting}");
    let queued = |told: &[(String, String, Value)]| told.iter().any(|(_, event, _)| event == "submission.queued");
    let told = events(&world, None, queued);
    let granted = told.iter().find(|(_, event, data)| event == "card-session" && data["state"] == "granted");
    assert!(session.ends_with(granted.unwrap().2["session"].as_str().unwrap()), "{told:?}");
    for kind in ["reader", "card"] {
        assert!(told.iter().any(|(_, event, _)| event == kind), "{kind}: {told:?}");
    }
    world.close(&session);

    world.hub.up();
    let done = until("the identification to be delivered", PATIENCE, || {
        Some(world.get(&path).json()).filter(|seen| seen["state"] == "delivered")
    });
    let owner = world.vcard.card("1");
    assert_eq!(done["person"]["insured_number"], owner["insured_number"], "{done}");
    assert_eq!(done["person"]["assurance"], "substantial");
    for secret in [&done["person"]["person_token"], &owner["insured_number"]] {
        assert!(!world.gateway.log().contains(secret.as_str().unwrap()), "the log tells of the person");
    }
    assert_eq!(world.hub.facts()["totals"]["assertions"], 1);

    // Who was away goes on where he was cut off, in both parts.
    let delivered = |told: &[(String, String, Value)]| told.iter().any(|(_, event, _)| event == "submission.delivered");
    let rest = events(&world, Some(&told.last().unwrap().0), delivered);
    let ended = rest.iter().find(|(_, event, data)| event == "card-session" && data["state"] == "ended");
    assert_eq!(ended.unwrap().2["ended"], "closed", "{rest:?}");
    assert!(rest.iter().all(|(_, event, _)| event != "reset" && event != "reader"), "{rest:?}");
    assert!(!rest.iter().any(|(_, _, data)| data.to_string().contains(owner["insured_number"].as_str().unwrap())));
    assert_eq!(world.get(&format!("/v1/opinions/{}", id.as_str().unwrap())).status, 404);
    world.at_peace();
}

#[test]
fn while_the_hub_thinks_no_second_pin_of_the_session_gets_to_the_card() {
    let world = World::with(&["1"]);
    let session = world.session(0);
    world.hub.fault(json!({"on": "challenges", "kind": "delay", "delay_ms": 3000}));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| world.identify(&session, &pin(PIN)));
        until("the hub to be asked", PATIENCE, || {
            world.hub.status()["calls"]["challenges"].as_u64().filter(|calls| *calls > 0)
        });
        let second = world.identify(&session, &pin("9999"));
        assert_eq!(cost(&second), ("SESSION_BUSY".to_owned(), json!({"tries_spent": "none"})));
        let first = first.join().unwrap();
        assert_eq!(first.status, 200, "{first:?}");
    });
    assert_eq!(world.tried(0), 1);
    world.close(&session);
    world.at_peace();
}

#[test]
fn a_client_that_leaves_while_the_hub_thinks_sends_no_pin() {
    let world = World::with(&["1"]);
    let session = world.session(0);
    world.hub.fault(json!({"on": "challenges", "kind": "delay", "delay_ms": 3000}));
    let mut client = UnixStream::connect(world.gateway.socket()).unwrap();
    let body = pin("9999").to_string();
    let head = format!(
        "POST {session}/identify HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        world.key,
        body.len()
    );
    client.write_all(head.as_bytes()).unwrap();
    client.write_all(body.as_bytes()).unwrap();
    until("the hub to be asked", PATIENCE, || {
        world.hub.status()["calls"]["challenges"].as_u64().filter(|calls| *calls > 0)
    });
    drop(client);
    // The session is free again long before the hub has answered, and takes the right PIN.
    until("the session to be free", PATIENCE, || (world.get(&format!("{session}/tries")).status == 200).then_some(()));
    let answer = world.identify(&session, &pin(PIN));
    assert_eq!(answer.status, 200, "{answer:?}");
    until("the hub to be done", PATIENCE, || (world.hub.status()["at_work"] == 0).then_some(()));
    assert_eq!(world.tried(0), 1, "the PIN of the one who left was not sent");
    world.close(&session);
    world.at_peace();
}
