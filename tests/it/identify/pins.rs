//! Card and PIN.

use serde_json::{Value, json};

use super::{World, cost, pin};
use crate::support::vcard::{PIN, TEXT_PIN};

#[test]
fn a_person_taps_enters_the_pin_and_is_known_through_the_gateway() {
    let world = World::with(&["3"]);
    let session = world.session(0);
    let answer = world.identify(&session, &pin(PIN));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
    let (seen, owner) = (answer.json(), world.vcard.card("3"));
    for number in ["insurer_number", "insured_number"] {
        assert_eq!(seen["person"][number], owner[number], "{seen}");
    }
    assert_eq!((&seen["method"], &seen["person"]["assurance"]), (&json!("pin"), &json!("high")));
    let card = &seen["card"];
    let wanted = (&json!("my-number-card"), &json!(3), &json!("none"), &json!(false));
    assert_eq!((&card["kind"], &card["tries_left"], &card["tries_spent"], &card["certificate_expiring"]), wanted);
    assert!(card["certificate_days_left"].as_i64().unwrap() > 300, "{card}");
    let facts = world.hub.facts();
    assert_eq!((&facts["totals"]["assertions"], world.tried(0)), (&json!(1), 1));

    let four = world.post(&format!("{session}/basic-four"), &json!({"pin": TEXT_PIN}));
    assert_eq!((four.status, four.header("cache-control").as_deref()), (200, Some("no-store")), "{four:?}");
    let four = four.json();
    assert!(four["address"].as_str().unwrap().starts_with("架空県"), "{four}");
    assert!(four["name"].is_string() && four["birth_date"].is_string() && four["sex"].is_string(), "{four}");

    let wrong = "9753";
    assert_eq!(world.identify(&session, &pin(wrong)).code(), "CARD_PIN_WRONG");
    nothing_is_told(
        &world,
        &[&seen["person"]["person_token"], &owner["insured_number"], &four["name"]],
        &[wrong, PIN, TEXT_PIN],
    );
    no_core_dump(&world);
    world.close(&session);
    world.at_peace();
}

/// Neither the log nor the metrics hold what the card or the hub said of the person, nor a PIN.
fn nothing_is_told(world: &World, secrets: &[&Value], digits: &[&str]) {
    let told = [world.gateway.log(), world.gateway.get("/metrics").body].concat();
    for secret in secrets {
        assert!(!told.contains(secret.as_str().unwrap()), "{secret} is told");
    }
    // Four digits may stand in a number or a UUID by chance.
    let words = |c: char| !(c.is_alphanumeric() || c == '-' || c == '.');
    assert!(!told.split(words).any(|word| digits.contains(&word)), "a PIN is told");
    assert!(told.contains("engawa_card_operations_total"), "the metrics were looked at");
}

fn no_core_dump(world: &World) {
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", world.gateway.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
}

#[test]
fn each_wrong_pin_costs_one_try_and_the_last_is_kept() {
    let world = World::with(&["1"]);
    let session = world.session(0);
    let of = |left: u64, spent: &str| json!({"tries_spent": spent, "tries_left": left});
    assert_eq!(cost(&world.identify(&session, &pin("0000"))), ("CARD_PIN_WRONG".to_owned(), of(2, "one")));
    assert_eq!(cost(&world.identify(&session, &pin("0001"))), ("CARD_PIN_WRONG".to_owned(), of(1, "one")));
    assert_eq!(world.vcard.tries(world.port(0), "auth"), 1, "by the card's own word");
    assert_eq!(cost(&world.identify(&session, &pin(PIN))), ("CARD_PIN_FLOOR".to_owned(), of(1, "none")));
    assert_eq!((world.tried(0), world.vcard.tries(world.port(0), "auth")), (2, 1));
    let knowing = json!({"method": "pin", "pin": "0002", "confirm_low_tries": true});
    assert_eq!(cost(&world.identify(&session, &knowing)), ("CARD_PIN_BLOCKED".to_owned(), of(0, "one")));
    let blocked = world.identify(&session, &pin(PIN));
    assert_eq!(cost(&blocked), ("CARD_PIN_BLOCKED".to_owned(), of(0, "none")));
    assert_eq!(blocked.json()["alternatives"], json!(["visual", "document"]));
    assert_eq!((world.tried(0), &world.hub.facts()["totals"]["assertions"]), (3, &json!(0)));
    world.close(&session);
    world.at_peace();
}

#[test]
fn a_card_that_goes_under_the_pin_has_an_unknown_outcome() {
    let world = World::with(&["1"]);
    let session = world.session(0);
    world.vcard.fault(world.port(0), json!({"kind": "remove", "ins": "20", "after": 1}));
    let (code, card) = cost(&world.identify(&session, &pin(PIN)));
    assert_eq!((code.as_str(), &card["tries_spent"]), ("CARD_OUTCOME_UNKNOWN", &json!("unknown")));
    let after = world.identify(&session, &pin(PIN));
    assert_eq!(cost(&after), ("CARD_REMOVED".to_owned(), json!({"tries_spent": "none"})));
    assert_eq!(world.tried(0), 1);
}

#[test]
fn a_vendors_commands_pass_and_the_others_do_not() {
    let world = World::with(&["2"]);
    let session = world.session(0);
    let apdu = |commands: Value| world.post(&format!("{session}/apdu"), &json!({"commands": commands}));
    let jpki = "00A4040C0AD392F000260100000001";
    let answer = apdu(json!([jpki, "00A4020C020006", "00B0000020"]));
    assert_eq!(answer.status, 200, "{answer:?}");
    let token = answer.json()["answers"][2].as_str().unwrap().to_owned();
    assert!(token.starts_with("4A504B49") && token.ends_with("9000"), "{token}");
    let before = world.vcard.facts(world.port(0))["counts"].clone();
    for shut in ["002000800431323334", "00A4040C0AD3921000310001010408"] {
        let refused = apdu(json!([jpki, shut]));
        assert_eq!((refused.status, refused.code().as_str()), (403, "APDU_REFUSED"));
        assert_eq!(refused.json()["errors"][0]["pointer"], "/commands/1");
    }
    assert_eq!(world.vcard.facts(world.port(0))["counts"], before, "nothing was sent");
    world.close(&session);
    world.at_peace();
}
