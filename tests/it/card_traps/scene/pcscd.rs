//! pcscd and the reader.

use super::{SLOW_PIN, SLOW_READ, SLOW_SIGNATURE, Scene};
use crate::card_traps::PATIENCE;
use crate::support::http::Answer;
use crate::support::until;
use crate::support::vcard::PIN;
use nix::sys::signal::Signal;

pub(in crate::card_traps) fn killed(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.kill_pcscd();
    scene.ends("ended reader-lost");
    let refused = scene.terminal.open();
    assert_eq!(refused.code(), "PCSC_DOWN", "{refused:?}");
    Some(scene.identify(PIN))
}

pub(in crate::card_traps) fn killed_reading(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.meanwhile(SLOW_READ, || scene.kill_pcscd()))
}

pub(in crate::card_traps) fn killed_with_pin(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.meanwhile(SLOW_PIN, || scene.kill_pcscd()))
}

pub(in crate::card_traps) fn killed_signing(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.meanwhile(SLOW_SIGNATURE, || scene.kill_pcscd()))
}

pub(in crate::card_traps) fn restarted(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.house.pcscd().up();
    scene.ends("ended reader-lost");
    Some(scene.identify(PIN))
}

fn stop(scene: &Scene<'_>) {
    scene.lane.house.signal(Signal::SIGSTOP);
}

pub(in crate::card_traps) fn stopped(scene: &mut Scene<'_>) -> Option<Answer> {
    stop(scene);
    scene.lane.becomes("state", "degraded");
    Some(scene.identify(PIN))
}

pub(in crate::card_traps) fn stopped_unseen(scene: &mut Scene<'_>) -> Option<Answer> {
    stop(scene);
    Some(scene.identify(PIN))
}

pub(in crate::card_traps) fn stopped_reading(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.meanwhile(SLOW_READ, || stop(scene)))
}

pub(in crate::card_traps) fn stopped_with_pin(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.meanwhile(SLOW_PIN, || stop(scene)))
}

pub(in crate::card_traps) fn stopped_signing(scene: &mut Scene<'_>) -> Option<Answer> {
    Some(scene.meanwhile(SLOW_SIGNATURE, || stop(scene)))
}

pub(in crate::card_traps) fn unplugged(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.house.pcscd().plug(1);
    scene.ends("ended reader-lost");
    Some(scene.identify(PIN))
}

pub(in crate::card_traps) fn unplugged_anew(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.house.pcscd().plug(1);
    scene.ends("ended reader-lost");
    let service = || {
        let seen = scene.lane.house.gateway.get("/v1/readers").json();
        (seen["service"] == "ok").then_some(())
    };
    until("pcscd to be back", PATIENCE, service);
    Some(scene.terminal.open())
}
