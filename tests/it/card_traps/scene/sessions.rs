//! Sessions and their clients.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use serde_json::json;

use super::{SLOW_PIN, SLOW_READ, Scene};
use crate::card_traps::PATIENCE;
use crate::support::http::{Answer, Ask};
use crate::support::until;
use crate::support::vcard::PIN;

pub(in crate::card_traps) fn two_at_once(scene: &mut Scene<'_>) -> Option<Answer> {
    let mut second = None;
    let first = scene.meanwhile(SLOW_READ, || second = Some(scene.identify(PIN)));
    assert_eq!(first.status, 200, "{first:?}");
    scene.theirs = 1;
    second
}

pub(in crate::card_traps) fn hangs_up(scene: &mut Scene<'_>) -> Option<Answer> {
    let known = scene.lane.known();
    scene.lane.fault(SLOW_PIN);
    let path = format!("/v1/card-sessions/{}/identify", scene.session);
    let ask = Ask::new("POST", &path)
        .key(&scene.terminal.key)
        .json(&json!({"method": "pin", "pin": PIN, "confirm_card_left": true}));
    let mut stream = UnixStream::connect(scene.lane.house.gateway.socket()).unwrap();
    stream.write_all(&ask.bytes()).unwrap();
    scene.lane.faults_met();
    drop(stream);
    let shown = || (scene.lane.known() > known).then_some(());
    until("the work to be finished all the same", PATIENCE, shown);
    None
}

/// Half a request: nothing of it is acted upon.
pub(in crate::card_traps) fn breaks_off(scene: &mut Scene<'_>) -> Option<Answer> {
    let path = format!("/v1/card-sessions/{}/identify", scene.session);
    let ask = Ask::new("POST", &path)
        .key(&scene.terminal.key)
        .json(&json!({"method": "pin", "pin": PIN, "confirm_card_left": true}));
    let commands = scene.lane.commands();
    let bytes = ask.bytes();
    let mut stream = UnixStream::connect(scene.lane.house.gateway.socket()).unwrap();
    stream.write_all(&bytes[..bytes.len() - 2]).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
    assert_eq!(scene.lane.commands(), commands);
    None
}

pub(in crate::card_traps) fn silent(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.becomes("in_use", "none");
    Some(scene.identify(PIN))
}

pub(in crate::card_traps) fn idle(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.ends("ended idle");
    Some(scene.identify(PIN))
}

pub(in crate::card_traps) fn closed(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.terminal.close(&scene.session);
    Some(scene.identify(PIN))
}

pub(in crate::card_traps) fn closed_meanwhile(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.meanwhile(SLOW_PIN, || {
        scene.terminal.close(&scene.session);
        assert_eq!(scene.lane.seen()["in_use"], "other", "its own until the last command has come back");
    }))
}

pub(in crate::card_traps) fn busy(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.lane.terminal().open())
}

pub(in crate::card_traps) fn waiting(scene: &mut Scene<'_>) -> Option<Answer> {
    let second = scene.lane.terminal();
    let order = json!({"reader": scene.lane.reader(), "purpose": "identify", "wait_s": 60});
    let opened = second.post("/v1/card-sessions", &order);
    assert_eq!(opened.status, 202, "{opened:?}");
    let id = opened.json()["id"].as_str().unwrap().to_owned();
    let answer = second.identify(&id, PIN);
    second.close(&id);
    Some(answer)
}

pub(in crate::card_traps) fn stranger(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.lane.terminal().identify(&scene.session, PIN))
}

pub(in crate::card_traps) fn revoked(scene: &mut Scene<'_>) -> Option<Answer> {
    let id = scene.terminal.key.split('_').nth(1).unwrap();
    let answer = scene.lane.house.gateway.ask(&Ask::new("DELETE", &format!("/v1/keys/{id}")));
    assert_eq!(answer.status, 204, "{answer:?}");
    Some(scene.identify(PIN))
}
