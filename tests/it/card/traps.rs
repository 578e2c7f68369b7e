//! The traps of the PC/SC stack itself.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use super::House;

const PIN: &str = "1234";
const BACK: Duration = Duration::from_secs(3);

fn signal(house: &House, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(house.pcscd.pid()).unwrap()), signal).unwrap();
}

#[test]
fn a_killed_pcscd_is_found_again_without_a_restart_of_anything() {
    let mut house = House::with(&["1"]);
    assert!(house.identify(0, PIN)["signature"].is_string());
    let session = house.session("desk", 0);
    let threads = house.ask(&json!({"op": "health"}))["threads"].as_u64().unwrap();
    for round in 0..3 {
        house.pcscd.down();
        house.until("the loss to be seen", |house| house.ask(&json!({"op": "health"}))["service"] == "service-down");
        assert_eq!(house.reader(0)["state"], "absent");
        let refused = house.ask(&json!({"op": "open", "terminal": "desk"}));
        assert_eq!(refused["code"], "PCSC_DOWN");
        house.pcscd.up();
        let took = house.until("the reader to come back", |house| house.present() == 1);
        assert!(took <= BACK, "{took:?} in round {round}");
        let signed = house.identify(0, PIN);
        assert!(signed["signature"].is_string(), "{signed}");
    }
    let view = house.ask(&json!({"op": "view", "terminal": "desk", "id": session}));
    assert_eq!((&view["stage"], &view["reason"]), (&json!("ended"), &json!("reader-lost")));
    let health = house.ask(&json!({"op": "health"}));
    assert_eq!(health["stuck"], 0, "{health}");
    assert!(health["threads"].as_u64().unwrap() <= threads + 1, "threads leak: {threads} → {health}");
    house.at_peace(1);
}

#[test]
fn a_pcscd_killed_while_a_pin_is_on_its_way_leaves_the_outcome_unknown() {
    let mut house = House::with(&["1"]);
    house.order(0, "faults", &json!({"kind": "slow", "ins": "20", "after": 1, "ms": 1500}));
    let session = house.session("desk", 0);
    let answer = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            use std::io::{BufRead as _, Write as _};
            let mut stream = std::os::unix::net::UnixStream::connect(&house.room.socket).unwrap();
            writeln!(stream, "{}", json!({"op": "sign", "terminal": "desk", "id": session, "pin": PIN})).unwrap();
            let mut line = String::new();
            std::io::BufReader::new(stream).read_line(&mut line).unwrap();
            serde_json::from_str::<serde_json::Value>(&line).unwrap()
        });
        house.until("the PIN to be on its way", |house| house.slot(0)["faults"] == json!([]));
        signal(&house, Signal::SIGKILL);
        asking.join().unwrap()
    });
    assert_eq!((&answer["code"], &answer["spent"]), (&json!("CARD_OUTCOME_UNKNOWN"), &json!("unknown")), "{answer}");
    house.pcscd.up();
    house.until("the reader to come back", |house| house.present() == 1);
    assert_eq!(house.tried(0), 1);
    assert!(house.identify(0, PIN)["signature"].is_string());
    house.at_peace(1);
}

#[test]
fn a_pcscd_that_hangs_is_said_to_and_comes_back() {
    let house = House::with(&["1"]);
    assert!(house.identify(0, PIN)["signature"].is_string());
    let session = house.session("desk", 0);
    signal(&house, Signal::SIGSTOP);
    house.until("the silence to be noticed", |house| house.ask(&json!({"op": "health"}))["service"] == "service-hung");
    let refused = house.sign("desk", &session, PIN);
    assert_eq!((&refused["code"], &refused["spent"]), (&json!("PCSC_DOWN"), &json!("none")));
    signal(&house, Signal::SIGCONT);
    let took = house.until("the reader to come back", |house| house.reader(0)["state"] == "ok");
    assert!(took <= BACK, "{took:?}");
    assert!(house.sign("desk", &session, PIN)["signature"].is_string(), "the session has outlived it");
    house.ask(&json!({"op": "close", "terminal": "desk", "id": session}));
    assert_eq!(house.tried(0), 2);
    house.at_peace(1);
}

#[test]
fn a_card_taken_away_before_pcscd_looks_costs_nothing() {
    let house = House::with(&["1"]);
    let session = house.session("desk", 0);
    house.order(0, "remove", &json!({}));
    let answer = house.sign("desk", &session, PIN);
    assert!(matches!(answer["code"].as_str(), Some("CARD_REMOVED" | "CARD_ABSENT")), "{answer}");
    assert_eq!(answer["spent"], "none");
    house.until("the session to end", |house| {
        house.ask(&json!({"op": "view", "terminal": "desk", "id": session}))["reason"] == "card-removed"
    });
    house.order(0, "insert", &json!({}));
    house.until("the card to be seen", |house| house.present() == 1);
    assert_eq!(house.sign("desk", &session, PIN)["code"], "CARD_REMOVED", "put in again is a new session");
    assert_eq!(house.tried(0), 0);
    house.at_peace(1);
}

#[test]
fn a_card_exchanged_between_two_looks_gets_no_pin_of_the_session() {
    let house = House::with(&["1"]);
    // During a command, and before the PIN: the new card has nothing selected.
    let session = house.session("desk", 0);
    let seen = house.ask(&json!({"op": "certificate", "terminal": "desk", "id": session}));
    assert_eq!(seen["readable"], true, "{seen}");
    house.order(0, "faults", &json!({"kind": "remove", "ins": "B0", "after": 2, "ms": 1, "holder": "2"}));
    let answer = house.sign("desk", &session, PIN);
    assert!(answer["signature"].is_null(), "{answer}");
    assert_eq!(answer["spent"], "none", "{answer}");
    house.until("the other card to be seen", |house| house.slot(0)["card"] == "2" && house.present() == 1);
    let after = house.sign("desk", &session, PIN);
    assert!(after["signature"].is_null() && after["spent"] == "none", "{after}");
    assert_eq!(house.tried(0), 0);
    house.reinsert(0);
    let signed = house.identify(0, PIN);
    assert!(signed["signature"].is_string(), "a new session serves the new card: {signed}");
    house.at_peace(1);
}

#[test]
fn another_program_s_transaction_is_waited_for_and_given_up_without_a_pin() {
    let house = House::with(&["1", "2"]);
    let other = house.neighbour("other");
    let name = house.reader(0)["name"].clone();
    // Briefly held: waited for.
    other.ask(&json!({"op": "hold", "reader": name, "ms": 200}));
    assert!(house.identify(0, PIN)["signature"].is_string());
    // Held on: given up.
    other.ask(&json!({"op": "hold", "reader": name, "ms": 60_000}));
    let session = house.session("desk", 0);
    let answer = house.sign("desk", &session, PIN);
    assert_eq!((&answer["code"], &answer["spent"]), (&json!("CARD_HELD_ELSEWHERE"), &json!("none")), "{answer}");
    assert_eq!(house.reader(0)["state"], json!({"degraded": "held-elsewhere"}));
    assert!(house.identify(1, PIN)["signature"].is_string(), "the other reader goes on");
    // Its holder dies: the lock with it.
    drop(other);
    let took = house.until("the reader to come back", |house| house.reader(0)["state"] == "ok");
    assert!(took <= BACK, "{took:?}");
    assert_eq!(house.tried(0), 1, "who came unstuck sent no PIN");
    house.ask(&json!({"op": "close", "terminal": "desk", "id": session}));
    assert!(house.identify(0, PIN)["signature"].is_string());
    house.at_peace(2);
}

#[test]
fn a_reset_by_another_program_disturbs_nothing_and_ours_never_happens() {
    let house = House::with(&["1"]);
    let other = house.neighbour("other");
    let name = house.reader(0)["name"].clone();
    let session = house.session("desk", 0);
    let powered = |house: &House| {
        let counts = house.slot(0)["counts"].clone();
        (counts["resets"].as_u64().unwrap(), counts["power_off"].as_u64().unwrap())
    };
    for _ in 0..3 {
        assert!(house.sign("desk", &session, PIN)["signature"].is_string());
    }
    let before = powered(&house);
    other.ask(&json!({"op": "reset", "reader": name}));
    assert_ne!(powered(&house), before, "the other program's reset reached the card");
    let after = powered(&house);
    assert!(house.sign("desk", &session, PIN)["signature"].is_string());
    assert_eq!(powered(&house), after, "ours leaves the card as it is");
    assert_eq!(house.tried(0), 4);
}

#[test]
fn somebody_else_s_client_and_ours_share_a_reader() {
    let house = House::with(&["1"]);
    let session = house.session("desk", 0);
    std::thread::scope(|scope| {
        let theirs = scope.spawn(|| {
            for _ in 0..3 {
                let listed = house.pcscd.client("pkcs15-tool").args(["--list-certificates"]).output().unwrap();
                let text = String::from_utf8_lossy(&listed.stdout).into_owned();
                assert!(listed.status.success() && text.contains("X.509 Certificate"), "{listed:?}");
            }
        });
        let mut rounds = 0;
        while !theirs.is_finished() || rounds < 5 {
            let signed = house.sign("desk", &session, PIN);
            assert!(signed["signature"].is_string(), "{signed}");
            rounds += 1;
        }
        theirs.join().unwrap();
        assert_eq!(house.tried(0), rounds);
    });
    house.ask(&json!({"op": "close", "terminal": "desk", "id": session}));
    assert_eq!(house.slot(0)["tries"]["auth"], 3);
    house.at_peace(1);
}

#[test]
fn as_many_readers_as_pcscd_can_have_are_watched() {
    let house = House::of(8, &["1"]);
    assert_eq!(house.readers().len(), 16);
    assert!(house.identify(0, PIN)["signature"].is_string());
    house.at_peace(1);
}
