//! Power cuts under load: the state directory's file system loses everything that was not synced, in the middle of the work.
//! What was acknowledged is there afterwards, with the same bytes, and goes to the hub once.
//!
//! `ENGAWA_POWER_ROUNDS` says how often (50), `ENGAWA_POWER_SEED` repeats the choices of an earlier run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::crash::database;
use crate::crash::judge::judge;
use crate::crash::senders::{Promise, Senders};
use crate::crash::{number, pause};
use crate::support::gateway::{Setup, opinion};
use crate::support::http::Ask;
use crate::support::sandbox::Sandbox;
use crate::support::volume::{PowerSwitch, Volume, or_skip};

/// Rounds that cut the power right after the very first acceptance of a new state directory.
const FIRST_STARTS: u32 = 3;

fn hub() -> Sandbox {
    Sandbox::start_with(&["--forward-after", "0s", "--accept-after", "0s", "--no-fsync"])
}

#[test]
#[allow(clippy::disallowed_methods)] // The time a test takes is the machine's.
fn power_cuts_lose_nothing_that_was_acknowledged() {
    let Some((mut volume, switch)) = or_skip(means()) else { return };
    let rounds = number("ENGAWA_POWER_ROUNDS").unwrap_or(50);
    let seed = number("ENGAWA_POWER_SEED").unwrap_or_else(rand::random);
    println!("power: {rounds} rounds, ENGAWA_POWER_SEED={seed}");
    let start = Instant::now();
    let mut dice = StdRng::seed_from_u64(seed);
    let hub = hub();
    let mut gateway = Setup::new(&hub).state(&volume.path().join("state")).start();
    let senders = Senders::start(&gateway, 3, seed);
    gateway.kill9();
    let mut after_dark = BTreeSet::new();
    for _ in 0..rounds {
        senders.permit(dice.random_range(8..=24));
        gateway.spawn(&[]);
        let hand = switch.arm(&volume);
        pause(Duration::from_millis(dice.random_range(20..250)));
        let cut = Instant::now();
        hand.cut().unwrap();
        // It lives on for a moment with a disk that takes nothing.
        pause(Duration::from_millis(dice.random_range(0..30)));
        gateway.kill9();
        senders.hush();
        volume.unmount();
        volume.mount().unwrap();
        let promises =
            senders.promises().into_iter().filter(|promise| !after_dark.contains(&promise.id)).collect::<Vec<_>>();
        for (id, late) in gone(gateway.state(), &promises) {
            // Linux now and then reports success for the one fdatasync that the switch interrupts (a bare loop of append and
            // fdatasync shows it in about one cut of twelve). A real cut would have let nobody hear of it: an answer that
            // came after the cut promises nothing. Answers before it do.
            assert!(late > cut, "acknowledged {:?} before the cut and gone: {id}", cut - late);
            after_dark.insert(id);
        }
    }
    gateway.start();
    let (lost, abandoned) = (senders.lost(), senders.abandoned());
    let mut promises = senders.finish();
    promises.retain(|promise| !after_dark.contains(&promise.id));
    gateway.drained(Duration::from_secs(120));
    judge(&hub, &gateway, &promises);
    assert!(gateway.stop().success());
    database::sound(gateway.state());
    assert!(!promises.is_empty(), "nothing was acknowledged in {rounds} rounds");
    assert!(rounds < 20 || lost > 0, "no cut in {rounds} came while a sender waited");
    println!(
        "power: {rounds} cuts in {:.0} s; {} acknowledged, 0 lost, 0 twice; {lost} answers lost to senders, {abandoned} \
         posted and never asked about, {} answers came in the dark",
        start.elapsed().as_secs_f64(),
        promises.len(),
        after_dark.len(),
    );
}

#[test]
fn power_cut_right_after_the_very_first_acceptance() {
    let Some((mut volume, switch)) = or_skip(means()) else { return };
    let hub = hub();
    hub.down();
    for n in 0..FIRST_STARTS {
        let mut gateway = Setup::new(&hub).state(&volume.path().join(format!("state-{n}"))).start();
        let key = gateway.key("first");
        let id = gateway.accepted(&opinion(n), "first");
        switch.cut(&volume).unwrap();
        gateway.kill9();
        volume.unmount();
        volume.mount().unwrap();
        gateway.start();
        let ask = Ask::new("GET", &format!("/v1/opinions/{id}")).key(&key);
        assert_eq!(gateway.ask(&ask).status, 200, "round {n}: the document or the key is gone");
        hub.up();
        gateway.reaches(&id, "delivered", Duration::from_secs(30));
        assert_eq!(hub.key_facts(&gateway.hub_key(&id))["effects"], 1);
        hub.down();
    }
}

/// A file system and a switch that are shown to do what they are for.
fn means() -> Result<(Volume, PowerSwitch), String> {
    let mut volume = Volume::ext4(64)?;
    let switch = PowerSwitch::new()?;
    fs::write(volume.path().join("synced"), "x").unwrap();
    fs::File::open(volume.path().join("synced")).unwrap().sync_all().unwrap();
    fs::File::open(volume.path()).unwrap().sync_all().unwrap();
    fs::write(volume.path().join("unsynced"), "x").unwrap();
    switch.cut(&volume)?;
    assert!(fs::write(volume.path().join("later"), "x").is_err(), "the file system lives on");
    volume.unmount();
    volume.mount()?;
    assert_eq!(fs::read(volume.path().join("synced")).unwrap(), b"x");
    assert!(!volume.path().join("unsynced").exists(), "what was not synced survived: this is no power cut");
    Ok((volume, switch))
}

/// The promises that are not on record, and when they were received. Looks into a copy, so that the gateway finds the files
/// as the cut left them.
fn gone(state: &Path, promises: &[Promise]) -> Vec<(String, Instant)> {
    let copy = tempfile::tempdir().unwrap();
    for name in ["engawa.db", "engawa.db-wal"] {
        if state.join(name).exists() {
            fs::copy(state.join(name), copy.path().join(name)).unwrap();
        }
    }
    database::sound(copy.path());
    let all = database::ask(
        copy.path(),
        "SELECT coalesce(group_concat(lower(hex(id)) || ':' || lower(hex(body_hash))), '') FROM submission",
    );
    let there: BTreeSet<&str> = all.split(',').collect();
    let entry = |promise: &Promise| format!("{}:{}", promise.id.replace('-', ""), promise.sha256);
    let gone = promises.iter().filter(|promise| !there.contains(entry(promise).as_str()));
    gone.map(|promise| (promise.id.clone(), promise.received)).collect()
}
