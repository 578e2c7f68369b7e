//! PINs, kinds of cards, and cards that come and go.

use serde_json::json;

use super::Scene;
use crate::support::http::Answer;
use crate::support::vcard::{PIN, TEXT_PIN};

pub(in crate::card_traps) fn right(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.identify(PIN))
}

pub(in crate::card_traps) fn wrong(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.identify("0000"))
}

pub(in crate::card_traps) fn wrong_knowingly(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.act(
        "identify",
        &json!({"method": "pin", "pin": "0000", "confirm_card_left": true, "confirm_low_tries": true}),
    ))
}

pub(in crate::card_traps) fn right_knowingly(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(
        scene.act(
            "identify",
            &json!({"method": "pin", "pin": PIN, "confirm_card_left": true, "confirm_low_tries": true}),
        ),
    )
}

/// Every form at once; none may reach the card.
pub(in crate::card_traps) fn malformed(scene: &mut Scene<'_>) -> Option<Answer> {
    let commands = scene.lane.commands();
    let answers = ["", "123", "12345", "abcd", "１２３４", "12 4"].map(|pin| scene.identify(pin));
    assert!(answers.iter().all(|answer| answer.code() == "CARD_PIN_FORMAT"), "{answers:?}");
    assert_eq!(scene.lane.commands(), commands);
    answers.into_iter().last()
}

pub(in crate::card_traps) fn no_text(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.act("identify", &json!({"method": "pin", "pin": 1234})))
}

pub(in crate::card_traps) fn by_face(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.by_face())
}

pub(in crate::card_traps) fn four(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.act("basic-four", &json!({"pin": TEXT_PIN, "confirm_card_left": true})))
}

pub(in crate::card_traps) fn four_wrong(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.act("basic-four", &json!({"pin": "0000", "confirm_card_left": true})))
}

pub(in crate::card_traps) fn expiring(scene: &mut Scene<'_>) -> Option<Answer> {
    let answer = scene.identify(PIN);
    let card = answer.json()["card"].clone();
    assert_eq!((&card["certificate_expiring"], &card["certificate_days_left"]), (&json!(true), &json!(20)), "{card}");
    Some(answer)
}

/// PIN commands, the keys and the My Number; the whole batch is refused before anything is sent.
pub(in crate::card_traps) fn forbidden(scene: &mut Scene<'_>) -> Option<Answer> {
    let commands = scene.lane.commands();
    let refused = [
        "0020008004 31323334",
        "0024008004 31323334",
        "802A008001 01",
        "0C20008004 31323334",
        "1020008004 31323334",
        "00A4040C0A D3921000310001010408",
    ];
    let answers = refused.map(|command| scene.batch(&[&command.replace(' ', "")]));
    assert!(answers.iter().all(|answer| answer.code() == "APDU_REFUSED"), "{answers:?}");
    assert_eq!(scene.lane.commands(), commands);
    answers.into_iter().last()
}

/// Whatever is selected is not there.
pub(in crate::card_traps) fn foreign(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.fault(r#"{"kind":"status","sw":"6A82","ins":"A4","times":0}"#);
    Some(scene.identify(PIN))
}

pub(in crate::card_traps) fn empty(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.terminal.close(&scene.session);
    scene.lane.take_out();
    scene.session = scene.terminal.session();
    scene.begins();
    Some(scene.identify(PIN))
}

pub(in crate::card_traps) fn taken(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.order("remove", &json!({}));
    scene.ends("ended card-removed");
    Some(scene.identify(PIN))
}

pub(in crate::card_traps) fn taken_unseen(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.order("remove", &json!({}));
    Some(scene.identify(PIN))
}

pub(in crate::card_traps) fn back(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.lay(&scene.lane.holder(""));
    Some(scene.identify(PIN))
}

pub(in crate::card_traps) fn exchanged(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.order("swap", &json!({"holder": scene.lane.holder("-expiring-200")}));
    scene.lane.becomes("card", "present");
    Some(scene.identify(PIN))
}

pub(in crate::card_traps) fn exchanged_unseen(scene: &mut Scene<'_>) -> Option<Answer> {
    let first = scene.identify(PIN);
    assert_eq!(first.status, 200, "{first:?}");
    scene.theirs = 1;
    scene.lane.order("swap", &json!({"holder": scene.lane.holder("-expiring-200"), "ms": 0}));
    Some(scene.identify(PIN))
}
