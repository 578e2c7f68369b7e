//! The hub, out of reach or out of sorts.

use serde_json::{Value, json};

use super::{SLOW_SIGNATURE, Scene};
use crate::support::http::Answer;
use crate::support::vcard::PIN;

pub(in crate::card_traps) fn offline(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.house.hub.down();
    let commands = scene.lane.commands();
    let answer = scene.identify(PIN);
    assert_eq!(scene.lane.commands(), commands, "the card is not touched");
    Some(answer)
}

pub(in crate::card_traps) fn offline_by_face(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.house.hub.down();
    Some(scene.by_face())
}

pub(in crate::card_traps) fn offline_signed(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.meanwhile(SLOW_SIGNATURE, || scene.lane.house.hub.down()))
}

fn with_hub(scene: &Scene<'_>, fault: Value) -> Option<Answer> {
    scene.lane.house.hub.fault(fault);
    Some(scene.identify(PIN))
}

pub(in crate::card_traps) fn challenge_late(scene: &mut Scene<'_>) -> Option<Answer> {
    with_hub(scene, json!({"on": "challenges", "kind": "delay", "delay_ms": 9000}))
}

pub(in crate::card_traps) fn challenge_refused(scene: &mut Scene<'_>) -> Option<Answer> {
    with_hub(scene, json!({"on": "challenges", "kind": "refuse", "code": "E3001"}))
}

pub(in crate::card_traps) fn assertion_cut(scene: &mut Scene<'_>) -> Option<Answer> {
    with_hub(scene, json!({"on": "assertions", "kind": "cut_before_effect"}))
}

pub(in crate::card_traps) fn assertion_lost(scene: &mut Scene<'_>) -> Option<Answer> {
    with_hub(scene, json!({"on": "assertions", "kind": "cut_after_effect"}))
}

pub(in crate::card_traps) fn assertion_late(scene: &mut Scene<'_>) -> Option<Answer> {
    with_hub(scene, json!({"on": "assertions", "kind": "delay", "delay_ms": 9000}))
}

pub(in crate::card_traps) fn assertion_page(scene: &mut Scene<'_>) -> Option<Answer> {
    with_hub(scene, json!({"on": "assertions", "kind": "html_200"}))
}

pub(in crate::card_traps) fn challenge_spent(scene: &mut Scene<'_>) -> Option<Answer> {
    with_hub(scene, json!({"on": "assertions", "kind": "refuse", "code": "E2302", "field": "/challenge_id"}))
}
