//! Cards of every kind, through the whole stack.

use serde_json::{Value, json};

use super::House;

const PIN: &str = "1234";

#[test]
fn a_person_is_identified_and_the_four_items_are_read() {
    let house = House::with(&["1", "2-android"]);
    let signed = house.identify(0, PIN);
    assert_eq!((&signed["kind"], &signed["tries_left"]), (&json!("my-number-card"), &json!(3)), "{signed}");
    assert_eq!(house.tried(0), 1);
    let phone = house.identify(1, PIN);
    assert_eq!(phone["kind"], "android-token", "{phone}");

    let session = house.session("desk", 0);
    let of = |op: &str, more: Value| {
        let mut order = json!({"op": op, "terminal": "desk", "id": session});
        order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        house.ask(&order)
    };
    let counters = of("counters", json!({}));
    assert_eq!((&counters["identity"], &counters["profile"]), (&json!(3), &json!(3)), "{counters}");
    let four = of("basic-four", json!({"pin": "5678"}));
    assert!(four["address"].as_str().unwrap().starts_with("架空県"), "{four}");
    let wrong = of("sign", json!({"pin": "0000"}));
    assert_eq!(
        (&wrong["code"], &wrong["tries_left"], &wrong["spent"]),
        (&json!("CARD_PIN_WRONG"), &json!(2), &json!("one"))
    );
    let _ = of("sign", json!({"pin": "0001"}));
    let floor = of("sign", json!({"pin": "0002"}));
    assert_eq!(
        (&floor["code"], &floor["tries_left"], &floor["spent"]),
        (&json!("CARD_PIN_FLOOR"), &json!(1), &json!("none"))
    );
    assert_eq!(house.tried(0), 4, "identified, read, twice wrong; nothing was sent at the floor");
    let knowing = of("sign", json!({"pin": PIN, "confirm": true}));
    assert_eq!(knowing["tries_left"], 3, "{knowing}");
    assert_eq!(of("sign", json!({"pin": "12345"}))["code"], "CARD_PIN_FORMAT");
    of("close", json!({}));
    house.at_peace(2);
}

#[test]
fn no_try_is_spent_on_a_card_that_cannot_serve() {
    let cards = [
        ("1-no-pin", "CARD_WITHOUT_PIN"),
        ("2-expired", "CARD_CERTIFICATE_EXPIRED"),
        ("3-blocked", "CARD_PIN_BLOCKED"),
        ("1-juki", "CARD_UNSUPPORTED"),
    ];
    let holders: Vec<_> = cards.iter().map(|(holder, _)| *holder).collect();
    let house = House::with(&holders);
    for (slot, (holder, code)) in cards.iter().enumerate() {
        let answer = house.identify(slot, PIN);
        assert_eq!(
            (&answer["code"], &answer["spent"]),
            (&json!(code), &json!("none")),
            "{holder}: {answer} {:?} {}",
            house.readers(),
            house.card("GET", slot, "", &json!(null))
        );
        assert_eq!(house.tried(slot), 0, "{holder}");
        assert_eq!(house.slot(slot)["counts"]["resets"], 0, "never a reset by engawa");
    }
    house.at_peace(4);
}

#[test]
fn an_end_that_is_near_is_told() {
    let house = House::with(&["1-expiring-20", "2-iphone"]);
    assert_eq!(house.identify(0, PIN)["days_left"], 20);
    assert_eq!(house.identify(1, PIN)["kind"], "iphone-token");
    house.at_peace(2);
}
