//! Other programs on the box.

use std::process::Command;

use super::Scene;
use crate::card_traps::other::Other;
use crate::support::http::Answer;
use crate::support::vcard::PIN;

pub(in crate::card_traps) fn reset(scene: &mut Scene<'_>) -> Option<Answer> {
    let powered = || {
        let counts = scene.lane.facts()["counts"].clone();
        counts["resets"].as_u64().unwrap() + counts["power_off"].as_u64().unwrap()
    };
    let first = scene.identify(PIN);
    assert_eq!(first.status, 200, "{first:?}");
    scene.theirs = 1;
    let before = powered();
    let mut tool = scene.lane.house.pcscd().client("opensc-tool");
    let done = tool.args(["--reader", scene.lane.reader(), "--reset"]).output().unwrap();
    assert!(done.status.success() && powered() > before, "the reset did not reach the card: {done:?}");
    Some(scene.identify(PIN))
}

pub(in crate::card_traps) fn held_briefly(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.other = Some(Other::start(scene.lane, "hold-a-second"));
    Some(scene.identify(PIN))
}

pub(in crate::card_traps) fn held(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.other = Some(Other::start(scene.lane, "hold"));
    Some(scene.identify(PIN))
}

pub(in crate::card_traps) fn held_and_asked_again(scene: &mut Scene<'_>) -> Option<Answer> {
    let first = held(scene).unwrap();
    assert_eq!(first.code(), "CARD_HELD_ELSEWHERE");
    Some(scene.identify(PIN))
}

pub(in crate::card_traps) fn mute_and_asked_again(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.lane.fault(r#"{"kind":"mute","ins":"A4"}"#);
    let first = scene.identify(PIN);
    assert_eq!(first.code(), "CARD_MUTE", "{first:?}");
    Some(scene.identify(PIN))
}

pub(in crate::card_traps) fn exclusive(scene: &mut Scene<'_>) -> Option<Answer> {
    scene.other = Some(Other::start(scene.lane, "exclusive"));
    Some(scene.identify(PIN))
}

/// OpenSC signs with the same card on the same reader, over and over; so do we.
pub(in crate::card_traps) fn beside_opensc(scene: &mut Scene<'_>) -> Option<Answer> {
    const ROUNDS: u64 = 3;
    let powered = || {
        let counts = scene.lane.facts()["counts"].clone();
        (counts["resets"].as_u64(), counts["power_off"].as_u64())
    };
    let first = scene.identify(PIN);
    assert_eq!(first.status, 200, "{first:?}");
    let (before, mut ours) = (powered(), Vec::new());
    std::thread::scope(|scope| {
        let theirs = scope.spawn(|| (0..ROUNDS).for_each(|_| opensc_signs(scene)));
        while !theirs.is_finished() || ours.len() < 3 {
            ours.push(scene.identify(PIN));
        }
        theirs.join().unwrap();
    });
    assert!(ours.iter().all(|answer| answer.status == 200), "{ours:?}");
    assert_eq!(powered(), before, "neither resets the other's card");
    scene.theirs = ROUNDS + 1;
    scene.requests = ours.len() as u64;
    ours.pop()
}

fn opensc_signs(scene: &Scene<'_>) {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("data"), "somebody else's client").unwrap();
    let mut tool = scene.lane.house.pcscd().client("pkcs11-tool");
    tool.args(["--module", "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so", "--login", "--pin", PIN, "--sign"]);
    tool.args(["--mechanism", "SHA256-RSA-PKCS", "--id", "01", "-i"]).arg(path("data")).arg("-o").arg(path("signed"));
    let signed = tool.output().unwrap();
    assert!(signed.status.success(), "{signed:?}");
    let certificate = scene.lane.folder().join("auth.pem");
    let key = Command::new("openssl").args(["x509", "-noout", "-pubkey", "-in"]).arg(certificate).output().unwrap();
    std::fs::write(path("key"), key.stdout).unwrap();
    let mut verify = Command::new("openssl");
    verify
        .args(["dgst", "-sha256", "-verify"])
        .arg(path("key"))
        .arg("-signature")
        .arg(path("signed"))
        .arg(path("data"));
    let verified = verify.output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
}
