//! Each fault of a card: what the terminal sees, what it is told of the cost, and what it really cost.

use serde_json::{Value, json};

use super::House;

const PIN: &str = "1234";

/// A fault, the code the terminal sees, what it is told was spent, PINs the card saw, and tries left on the card after it.
struct Case {
    fault: Value,
    code: &'static str,
    spent: &'static str,
    tried: u64,
}

fn case(fault: Value, code: &'static str, spent: &'static str, tried: u64) -> Case {
    Case { fault, code, spent, tried }
}

fn play(house: &House, cases: &[Case]) {
    for Case { fault, code, spent, tried } in cases {
        let before = house.tried(0);
        house.order(0, "faults", fault);
        let answer = house.identify(0, PIN);
        assert_eq!((&answer["code"], &answer["spent"]), (&json!(code), &json!(spent)), "{fault}: {answer}");
        house.reinsert(0);
        assert_eq!(house.tried(0) - before, *tried, "{fault}: {answer}");
        assert!(*tried <= 1, "two tries for one request");
        house.card("DELETE", 0, "/faults", &Value::Null);
        let again = house.identify(0, PIN);
        assert!(again["signature"].is_string(), "after {fault}: {again}");
    }
}

#[test]
fn a_card_taken_away_during_a_command_costs_what_the_terminal_is_told() {
    let house = House::with(&["1"]);
    play(
        &house,
        &[
            case(json!({"kind": "remove", "ins": "A4"}), "CARD_REMOVED", "none", 0),
            case(json!({"kind": "remove", "ins": "B0", "after": 3}), "CARD_REMOVED", "none", 0),
            // The question for the tries left has the same instruction; the PIN is the second with it.
            case(json!({"kind": "remove", "ins": "20", "after": 1}), "CARD_OUTCOME_UNKNOWN", "unknown", 1),
            case(
                json!({"kind": "remove", "ins": "20", "after": 1, "effect": false}),
                "CARD_OUTCOME_UNKNOWN",
                "unknown",
                1,
            ),
            case(json!({"kind": "remove", "ins": "2A"}), "CARD_REMOVED", "none", 1),
        ],
    );
    house.at_peace(1);
}

#[test]
fn spoilt_answers_are_never_believed() {
    let house = House::with(&["1"]);
    play(
        &house,
        &[
            case(json!({"kind": "one_byte", "ins": "20", "after": 1}), "CARD_OUTCOME_UNKNOWN", "unknown", 1),
            case(json!({"kind": "truncate", "ins": "20", "after": 1}), "CARD_OUTCOME_UNKNOWN", "unknown", 1),
            case(
                json!({"kind": "status", "sw": "6F00", "ins": "20", "after": 1}),
                "CARD_OUTCOME_UNKNOWN",
                "unknown",
                1,
            ),
            case(json!({"kind": "truncate", "ins": "2A", "bytes": 100}), "CARD_ANSWER_INVALID", "none", 1),
            case(json!({"kind": "flip", "ins": "2A", "bit": 77}), "CARD_SIGNATURE_INVALID", "none", 1),
            case(json!({"kind": "status", "sw": "6985", "ins": "2A"}), "CARD_ANSWER_INVALID", "none", 1),
            case(json!({"kind": "forget", "ins": "2A"}), "CARD_ANSWER_INVALID", "none", 1),
            case(json!({"kind": "truncate", "ins": "B0", "after": 2}), "CARD_ANSWER_INVALID", "none", 0),
            case(json!({"kind": "flip", "ins": "B0", "after": 1, "bit": 3}), "CARD_ANSWER_INVALID", "none", 0),
        ],
    );
    house.at_peace(1);
}

#[test]
fn a_slow_card_is_waited_for() {
    let house = House::with(&["1"]);
    house.order(0, "faults", &json!({"kind": "slow", "ins": "2A", "ms": 900}));
    let signed = house.identify(0, PIN);
    assert!(signed["signature"].is_string() && signed["us"].as_u64().unwrap() > 900_000, "{signed}");
    house.at_peace(1);
}

#[test]
fn a_mute_card_degrades_its_reader_and_no_other() {
    let house = House::with(&["1", "2"]);
    house.order(0, "faults", &json!({"kind": "mute", "ins": "20", "after": 1}));
    let session = house.session("desk", 0);
    let answer = house.sign("desk", &session, PIN);
    assert_eq!((&answer["code"], &answer["spent"]), (&json!("CARD_OUTCOME_UNKNOWN"), &json!("unknown")), "{answer}");
    assert_eq!(house.reader(0)["state"], json!({"degraded": "mute"}));
    assert!(house.identify(1, PIN)["signature"].is_string(), "the other reader goes on");
    assert_eq!(
        house.ask(&json!({"op": "open", "terminal": "two", "reader": house.reader(0)["name"]}))["code"],
        "READER_DEGRADED"
    );
    house.reinsert(0);
    assert_eq!(house.tried(0), 1);
    assert!(house.identify(0, PIN)["signature"].is_string());
    house.at_peace(2);
}
